"""Credentials in units of systemd and their drop-ins."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.recognised import AWKS, cut, recognise

GO = [
    "Environment=CACHIX_AUTH_TOKEN=abc\n",
    'Environment="CACHIX_AUTH_TOKEN=abc def"\n',
    "Environment = 'CACHIX_SIGNING_KEY=abc=='\n",
    'Environment=CACHIX_AUTH_TOKEN="äbc"\r\n',
    "DefaultEnvironment=CACHIX_AUTH_TOKEN=abc\n",
    "ManagerEnvironment=CACHIX_AGENT_TOKEN=%i\n",
    "Environment=CACHIX_AUTH_TOKEN=abc",
]
STAY = {
    "compound": [
        "Environment=A=b CACHIX_AUTH_TOKEN=abc\n",
        'Environment="CACHIX_AUTH_TOKEN=abc" "A=b"\n',
        "Environment=CACHIX_AUTH_TOKEN=abc # comment\n",
        'Environment="CACHIX_AUTH_TOKEN=a\\"b"\n',
        "Environment=CACHIX_AUTH_TOKEN=abc$A\n",
        "Environment='CACHIX_AUTH_TOKEN=abc\n",
        "ExecStart=/usr/bin/env CACHIX_AUTH_TOKEN=abc cachix push\n",
        "ExecStartPre=-/bin/sh -c 'cachix authtoken abc'\n",
        'ExecStart=/bin/sh -c "echo abc | cachix authtoken --stdin"\n',
        "ExecStart=/nix/store/a-cachix-1.7/bin/cachix --config /a authtoken abc\n",
        "ExecStart=/usr/bin/systemctl set-environment CACHIX_AUTH_TOKEN=abc\n",
        "SetCredential=cachix-token:abc\n",
        "SetCredential=signing-key: abc\n",
        "UnsetEnvironment=CACHIX_AUTH_TOKEN=abc\n",
    ],
    "several-lines": [
        "Environment=CACHIX_AUTH_TOKEN=abc \\\n A=b\n",
        "Environment=A=b \\\n# c\n; d\n CACHIX_AUTH_TOKEN=abc\n",
        'Environment="CACHIX_AUTH_TOKEN=\\\nabc"\n',
        "ExecStart=cachix \\\n authtoken abc\n",
        "# c \\\nEnvironment=CACHIX_AUTH_TOKEN=abc\n",
        "Environment=CACHIX_AUTH_TOKEN=abc\\",
    ],
    "unclear": ["# a\rEnvironment=CACHIX_AUTH_TOKEN=abc\rA=b\n"],
}
NOTHING = [
    "# Environment=CACHIX_AUTH_TOKEN=abc\n",
    "; Environment=CACHIX_AUTH_TOKEN=abc\n",
    "Environment=CACHIX_AUTH_TOKEN=\n",
    'Environment="CACHIX_AUTH_TOKEN="\n',
    "Environment=\n",
    "PassEnvironment=CACHIX_AUTH_TOKEN CACHIX_SIGNING_KEY\n",
    "UnsetEnvironment=CACHIX_AUTH_TOKEN\n",
    "Environment=CACHIX_AUTH_TOKEN=${A}\n",
    "Environment=CACHIX_AUTH_TOKEN=op://vault/cachix/token\n",
    "EnvironmentFile=/etc/cachix-agent.token\n",
    "LoadCredential=cachix-token:/etc/token\n",
    "SetCredential=cachix-token:\n",
    "SetCredential=database:abc\n",
    "SetCredentialEncrypted=cachix-token:abc\n",
    "ExecStart=/bin/sh -c 'cachix authtoken $$TOKEN'\n",
    "ExecStart=/bin/sh -c 'cachix authtoken --stdin < %d/token'\n",
    "ExecStart=/bin/sh -c 'export CACHIX_AUTH_TOKEN=$(cat %d/a); exec cachix push'\n",
    'ExecStart=/bin/sh -c "CACHIX_AUTH_TOKEN=`cat %d/a` exec cachix push"\n',
]


@pytest.mark.parametrize("awk", AWKS)
def test_a_line_that_sets_a_variable_to_a_literal_is_what_is_cut(awk: str) -> None:
    for line in GO:
        before = "[Service]\r\nDescription=ä\n"
        after = "" if line[-1] != "\n" else "ExecStart=a \\\n  b\n\nA=b"
        content = f"{before}{line}{after}".encode()
        found = recognise("unit", content, awk=awk)
        assert [(each.line, each.hindrance) for each in found] == [(3, "")], line
        assert cut(content, found) == f"{before}{after}".encode()


@pytest.mark.parametrize("awk", AWKS)
def test_a_literal_that_is_more_than_a_line_of_its_own_is_found_and_stays(awk: str) -> None:
    for hindrance, contents in STAY.items():
        for content in contents:
            found = recognise("unit", content.encode(), awk=awk)
            assert {each.hindrance for each in found} == {hindrance}, content


@pytest.mark.parametrize("awk", AWKS)
def test_references_comments_and_mentions_are_no_findings(awk: str) -> None:
    for content in NOTHING:
        assert recognise("unit", content.encode(), awk=awk) == [], content


def test_a_signing_key_that_a_unit_sets_is_told_as_one() -> None:
    (found,) = recognise("unit", b"SetCredential=signing-key:abc\n")
    assert found.kind == "signing-key"


def test_in_a_unit_about_cachix_any_credential_that_is_set_is_one() -> None:
    content = b"SetCredential=team:abc\nExecStart=cachix watch-store team\nSetCredential=b:$X\n"
    [found] = recognise("unit", content)
    assert (found.kind, found.line, found.hindrance) == ("unclear", 1, "compound")


LINES = [
    "Environment=CACHIX_AUTH_TOKEN=@",
    'Environment="CACHIX_AGENT_TOKEN=@"',
    "Environment=A=b CACHIX_AUTH_TOKEN=@",
    "ExecStart=/bin/sh -c 'cachix authtoken @'",
    "ExecStart=env CACHIX_AUTH_TOKEN=@ a",
    "Environment=A=b \\",
    "Environment=A=ä",
    "# c \\",
    "# c",
    "",
    "[Service]",
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_every_planted_secret_is_cut_or_told_and_nothing_else_is_cut(
    templates: list[str], newline: str
) -> None:
    lines = [each.replace("@", f"secret{n}") + newline for n, each in enumerate(templates)]
    content = "".join(lines).encode()
    found = recognise("unit", content)
    gone = {each.line for each in found if not each.hindrance}
    kept = [line for number, line in enumerate(lines, 1) if number not in gone]
    assert cut(content, found) == "".join(kept).encode()
    assert all("secret" in lines[number - 1] for number in gone)
    told = {each.line for each in found}
    planted = {number for number, line in enumerate(lines, 1) if "secret" in line}
    assert planted <= told
