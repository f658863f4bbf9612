"""Credentials in property lists of launchd."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.recognised import AWKS, recognise

BEGINNING = '<?xml version="1.0"?>\n<plist version="1.0"><dict>\n'
STAY = {
    "several-lines": [
        "<key>CACHIX_AUTH_TOKEN</key>\n\t<string>abc</string>\n",
        "<key>CACHIX_AUTH_TOKEN</key><string>abc</string>\n",
        "<key>\nCACHIX_AUTH_TOKEN\n</key>\n<string>\nabc\n</string>\n",
        "<key>CACHIX_AUTH_TOKEN</key><!-- mine\n --><string>abc</string>\n",
        "<key>CACHIX_AUTH_TOKEN</key><string><![CDATA[abc]]></string>\n",
        "<key>CACHIX_AUTH_TOKEN</key><string>&#97;&#98;</string>\n",
        "<key>CACHIX_AUTH_TOKEN</key><data>YWJj</data>\n",
        "<key>CACHIX_AUTH_TOKEN</key><string>abc",
        "<key>CACHIX_AUTH_TOKEN</key >\r\n<string >ä</string >\r\n",
    ],
    "compound": [
        "<array><string>env</string><string>CACHIX_AUTH_TOKEN=abc</string></array>\n",
        "<string>CACHIX_AUTH_TOKEN=&quot;abc&quot; cachix push</string>\n",
        "<string>cachix authtoken abc</string>\n",
        "<string>echo abc | cachix authtoken --stdin</string>\n",
        "<array><string>/a/bin/cachix</string><string>authtoken</string>\n<string>abc</string></array>",
        "<array><string>cachix</string><string>-v</string><string>authtoken</string>"
        "<string>abc</string></array>\n",
        "<string>setenv</string>\n<string>CACHIX_AUTH_TOKEN</string>\n<string>abc</string>\n",
    ],
}
NOTHING = [
    "<!-- <key>CACHIX_AUTH_TOKEN</key>\n<string>abc</string> -->\n",
    "<key>CACHIX_AUTH_TOKEN</key><string></string>\n",
    "<key>CACHIX_AUTH_TOKEN</key><string/><string>abc</string>\n",
    "<key>CACHIX_AUTH_TOKEN</key>\n<string>\n</string>\n",
    "<key>CACHIX_AUTH_TOKEN</key><string>op://vault/cachix/token</string>\n",
    "<key>CACHIX_AUTH_TOKEN</key><string>${TOKEN}</string>\n",
    "<key>A</key><string>CACHIX_AUTH_TOKEN</string><key>B</key><string>abc</string>\n",
    "<string>CACHIX_AUTH_TOKEN=$(cat /a) cachix push</string>\n",
    "<array><string>cachix</string><string>authtoken</string><string>--stdin</string></array>\n"
    "<string>abc</string>\n",
    "<string>unsetenv</string><string>CACHIX_AUTH_TOKEN</string></array><string>abc</string>\n",
    "<string>cachix authtoken --stdin &lt; /a</string>\n",
]


@pytest.mark.parametrize("awk", AWKS)
def test_a_literal_is_found_and_stays(awk: str) -> None:
    for hindrance, contents in STAY.items():
        for content in contents:
            found = recognise("plist", (BEGINNING + content).encode(), awk=awk)
            assert [each.hindrance for each in found] == [hindrance], content
            assert (found[0].start, found[0].end) == (0, 0)


@pytest.mark.parametrize("awk", AWKS)
def test_references_comments_and_mentions_are_no_findings(awk: str) -> None:
    for content in NOTHING:
        assert recognise("plist", (BEGINNING + content).encode(), awk=awk) == [], content


@pytest.mark.parametrize("awk", AWKS)
def test_a_binary_property_list_that_names_a_variable_is_unclear(awk: str) -> None:
    content = b"bplist00\xd1\x01\x02_\x10\x11CACHIX_AUTH_TOKEN_\x10\x14" + b"a" * 20 + b"\n\x00"
    (found,) = recognise("plist", content, awk=awk)
    assert (found.kind, found.hindrance) == ("auth-token", "unclear")


def test_a_property_list_without_markup_is_unclear() -> None:
    (found,) = recognise("plist", b'{\n  "CACHIX_SIGNING_KEY" = "abc";\n}\n')
    assert found[:2] == ("signing-key", 2)
    assert found.hindrance == "unclear"


PARTS = [
    "<key>CACHIX_AUTH_TOKEN</key>\n<string>@</string>",
    "<key>CACHIX_AGENT_TOKEN</key> <string>@</string>",
    "<string>CACHIX_SIGNING_KEY=@</string>",
    "<array><string>cachix</string><string>authtoken</string><string>@</string></array>",
    "<string>sh -c &quot;cachix authtoken @&quot;</string>",
    "<string>ä</string>",
    "<!-- a\n -->",
    "<key>CACHIX_AUTH_TOKEN</key><string/>",
    "<true/>\r\n",
    "<key>A</key>",
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=8), st.sampled_from(["\n", "", " "]))
def test_each_planted_secret_is_told_once(parts: list[str], between: str) -> None:
    content = BEGINNING + between.join(
        part.replace("@", f"secret{number}") for number, part in enumerate(parts)
    )
    assert len(recognise("plist", content.encode())) == content.count("secret")
