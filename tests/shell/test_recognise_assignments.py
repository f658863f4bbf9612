"""Credentials in files of assignments: environment.d, /etc/environment, dotenv files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.recognised import AWKS, cut, recognise

GO = {
    "plain": "CACHIX_AUTH_TOKEN=abc\n",
    "exported": "export CACHIX_AUTH_TOKEN=abc\n",
    "double quotes": 'CACHIX_SIGNING_KEY="abc def=="\n',
    "single quotes": "  CACHIX_AGENT_TOKEN='abc#def' # mine\n",
    "blanks around the sign": "CACHIX_AUTH_TOKEN = abc\n",
    "as YAML": "CACHIX_AUTH_TOKEN: abc\n",
    "a comment behind": "CACHIX_AUTH_TOKEN=abc # don't tell\n",
    "a number sign within": "CACHIX_AUTH_TOKEN=abc#def\n",
    "carriage return": 'CACHIX_AUTH_TOKEN="abc"\r\n',
    "no newline": "CACHIX_AUTH_TOKEN=abc",
    "beyond ASCII": "CACHIX_AUTH_TOKEN='äbc'\n",
    "base64": "CACHIX_SIGNING_KEY=ab+/c==\n",
}

STAY = {
    "compound": [
        "A=b CACHIX_AUTH_TOKEN=abc\n",
        "CACHIX_AUTH_TOKEN=abc cachix push\n",
        "CACHIX_AUTH_TOKEN=abc; export CACHIX_AUTH_TOKEN\n",
        "CACHIX_AUTH_TOKEN=$A-abc\n",
        "CACHIX_AUTH_TOKEN=${A:-abc}\n",
        "CACHIX_AUTH_TOKEN=$(echo abc)\n",
        "CACHIX_AUTH_TOKEN=abc$(cat a)\n",
        "CACHIX_AUTH_TOKEN='a'\"b\"\n",
        "A=${CACHIX_AUTH_TOKEN:-abc}\n",
        'A=\'{"CACHIX_AUTH_TOKEN": "abc"}\'\n',
        "CACHIX_AUTH_TOKEN=a\\ b\n",
        "CACHIX_AUTH_TOKEN=`abc`\n",
        "CACHIX_AUTH_TOKEN= abc def\n",
        "CACHIX_AUTH_TOKEN=$'abc'\n",
        'CACHIX_AUTH_TOKEN="$A"abc\n',
        'CACHIX_AUTH_TOKEN=$A"abc"\n',
        "CACHIX_AUTH_TOKEN=${A:+abc}\n",
        "CACHIX_AUTH_TOKEN=abc >a\n",
    ],
    "several-lines": [
        "CACHIX_AUTH_TOKEN=abc\\\ndef\n",
        "CACHIX_AUTH_TOKEN=\\\nabc\n",
        'CACHIX_AUTH_TOKEN="abc\ndef"\n',
        'CACHIX_AUTH_TOKEN="\nabc\n"\n',
        'A="\nCACHIX_AUTH_TOKEN=abc\n"\n',
        "A='b\nCACHIX_AUTH_TOKEN=abc\n'\n",
        "A=b \\\nCACHIX_AUTH_TOKEN=abc\n",
        "# b \\\nCACHIX_AUTH_TOKEN=abc\n",
        "A=b \\  \nCACHIX_AUTH_TOKEN=abc\n",
        'A="b\nCACHIX_AUTH_TOKEN=abc\n',
    ],
    "unclear": [
        "if true; then\nCACHIX_AUTH_TOKEN=abc\nfi\n",
        "A=it's\nCACHIX_AUTH_TOKEN=abc\nB=it's\n",
        "declare -x CACHIX_AUTH_TOKEN='abc'\n",
        "\ufeffCACHIX_AUTH_TOKEN=abc\n",
        "CACHIX_AUTH_TOKEN+=abc\n",
        "export CACHIX_AUTH_TOKEN CACHIX_SIGNING_KEY=abc\n",
        "[section]\nCACHIX_AUTH_TOKEN=abc\n",
        "A='b\\'\nCACHIX_AUTH_TOKEN=abc\n",
        "# a\rCACHIX_AUTH_TOKEN=abc\r",
        "  - CACHIX_AUTH_TOKEN=abc\n",
        "environment:\n  CACHIX_AUTH_TOKEN: abc\n",
    ],
}

NOTHING = [
    "",
    "# CACHIX_AUTH_TOKEN=abc\n",
    "; CACHIX_AUTH_TOKEN=abc\n",
    "CACHIX_AUTH_TOKEN=\n",
    "CACHIX_AUTH_TOKEN=''\n",
    'CACHIX_AUTH_TOKEN=""\r\n',
    "CACHIX_AUTH_TOKEN= # none\n",
    "CACHIX_AUTH_TOKEN\n",
    "export CACHIX_AUTH_TOKEN\n",
    "unset CACHIX_AUTH_TOKEN\n",
    "CACHIX_AUTH_TOKEN=$OTHER\n",
    "CACHIX_AUTH_TOKEN=\"$OTHER\"'$A'\n",
    "CACHIX_AUTH_TOKEN=${OTHER}\n",
    "CACHIX_AUTH_TOKEN='${OTHER:-}'\n",
    'CACHIX_AUTH_TOKEN="${OTHER:?is not set}"\n',
    "CACHIX_AUTH_TOKEN=${A:-${B:-$C}}\n",
    "CACHIX_AUTH_TOKEN=$(pass show cachix)\n",
    'CACHIX_AUTH_TOKEN="$(op read "op://vault/cachix/token")"\n',
    "CACHIX_AUTH_TOKEN=`pass show cachix`\n",
    "CACHIX_AUTH_TOKEN=op://vault/cachix/token\n",
    'CACHIX_AUTH_TOKEN="{{ op://vault/cachix/token }}"\n',
    "CACHIX_AUTH_TOKEN=$CACHIX_AGENT_TOKEN\n",
    "MY_CACHIX_AUTH_TOKEN=abc\nCACHIX_AUTH_TOKENS=abc\nDATABASE=abc\n",
    "A=b # CACHIX_AUTH_TOKEN=abc\n",
]


@pytest.mark.parametrize("awk", AWKS)
def test_a_line_that_sets_a_variable_to_a_literal_is_what_is_cut(awk: str) -> None:
    for name, line in GO.items():
        before, after = "A=b ä\r\n# ü\n", "" if line[-1] != "\n" else "\tB='c'\r\n\nC=d"
        content = f"{before}{line}{after}".encode()
        found = recognise("assignments", content, awk=awk)
        assert [(each.line, each.hindrance) for each in found] == [(3, "")], name
        assert cut(content, found) == f"{before}{after}".encode(), name


@pytest.mark.parametrize("awk", AWKS)
def test_a_literal_that_is_more_than_a_line_of_its_own_is_found_and_stays(awk: str) -> None:
    for hindrance, contents in STAY.items():
        for content in contents:
            found = recognise("assignments", content.encode(), awk=awk)
            told = [each.hindrance for each in found]
            assert told, content
            assert set(told) == {hindrance}, content
            assert cut(content.encode(), found) == content.encode()


@pytest.mark.parametrize("awk", AWKS)
def test_references_comments_and_mentions_are_no_findings(awk: str) -> None:
    for content in NOTHING:
        assert recognise("assignments", content.encode(), awk=awk) == [], content


def test_what_follows_a_value_over_several_lines_may_be_cut_again() -> None:
    content = b'A="b\nc" # d\nCACHIX_AUTH_TOKEN=abc\nB=c \\\n d\nCACHIX_AGENT_TOKEN=abc\n'
    found = recognise("assignments", content)
    assert [each.kind for each in found] == ["auth-token", "agent-token"]
    assert cut(content, found) == b'A="b\nc" # d\nB=c \\\n d\n'


PLANTED = [
    "CACHIX_AUTH_TOKEN=@",
    "export CACHIX_SIGNING_KEY='@'",
    'CACHIX_AGENT_TOKEN = "@" # c',
    "A=1 CACHIX_AUTH_TOKEN=@ B=2",
    "CACHIX_AUTH_TOKEN=${A}@",
    "CACHIX_AUTH_TOKEN: @",
    "if A; then CACHIX_AUTH_TOKEN=@; fi",
    'A="CACHIX_AUTH_TOKEN=@"',
]
OTHERS = [
    "A=b",
    "# don't",
    "A='b",
    'A="b',
    "A=b \\",
    "# c \\",
    "A=it's",
    "CACHIX_AUTH_TOKEN=$A",
    "",
    "fi\r",
    "ä=ö",
    'A="',
    "A='b' \"c\"",
]
LINE = st.sampled_from(PLANTED + OTHERS)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_every_planted_secret_is_cut_or_told_and_nothing_else_is_cut(
    templates: list[str], newline: str, is_ended: bool
) -> None:
    lines = [
        each.replace("@", f"secret{number}") + newline for number, each in enumerate(templates)
    ]
    if lines and not is_ended:
        lines[-1] = lines[-1].rstrip("\r\n")
    content = "".join(lines).encode()
    found = recognise("assignments", content)
    gone = {each.line for each in found if not each.hindrance}
    kept = [line for number, line in enumerate(lines, 1) if number not in gone]
    assert cut(content, found) == "".join(kept).encode()
    assert all("secret" in lines[number - 1] for number in gone)
    remaining = "".join(kept).count("secret")
    assert remaining <= len([each for each in found if each.hindrance])
