"""Credentials in pam_env.conf and ~/.pam_environment."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.recognised import AWKS, cut, recognise

GO = [
    "CACHIX_AUTH_TOKEN DEFAULT=abc\n",
    'CACHIX_AUTH_TOKEN DEFAULT="abc def"\n',
    "\tCACHIX_SIGNING_KEY\tOVERRIDE=abc==  # mine\n",
    "CACHIX_AUTH_TOKEN DEFAULT= OVERRIDE=abc\n",
    "CACHIX_AUTH_TOKEN=abc\r\n",
    'CACHIX_AUTH_TOKEN="äbc"\n',
    "CACHIX_AUTH_TOKEN DEFAULT=abc",
]
STAY = {
    "compound": [
        "CACHIX_AUTH_TOKEN DEFAULT=abc OVERRIDE=${A}\n",
        "CACHIX_AUTH_TOKEN DEFAULT=${A}abc\n",
        "CACHIX_AUTH_TOKEN DEFAULT=abc OVERRIDE=def\n",
        "CACHIX_AUTH_TOKEN DEFAULT=a\\$b\n",
        'CACHIX_AUTH_TOKEN DEFAULT="abc\n',
        "CACHIX_AUTH_TOKEN DEFAULT=abc A=b\n",
        "A DEFAULT=b CACHIX_AUTH_TOKEN=abc\n",
        "A=b CACHIX_AUTH_TOKEN=abc\n",
        "export CACHIX_AUTH_TOKEN=abc\n",
    ],
    "several-lines": [
        "CACHIX_AUTH_TOKEN \\\n DEFAULT=abc\n",
        "CACHIX_AUTH_TOKEN DEFAULT=\\\nabc\n",
        "CACHIX_AUTH_TOKEN DEFAULT=abc\\\n",
        "A DEFAULT=b \\\nCACHIX_AUTH_TOKEN=abc\n",
        "A DEFAULT=b \\ \nCACHIX_AUTH_TOKEN DEFAULT=abc\n",
    ],
}
NOTHING = [
    "# CACHIX_AUTH_TOKEN DEFAULT=abc\n",
    "CACHIX_AUTH_TOKEN DEFAULT=\n",
    'CACHIX_AUTH_TOKEN DEFAULT="" OVERRIDE=\n',
    "CACHIX_AUTH_TOKEN DEFAULT=${A}\n",
    "CACHIX_AUTH_TOKEN DEFAULT=@{A}\n",
    'CACHIX_AUTH_TOKEN DEFAULT="${A}" OVERRIDE=@{B}\n',
    "CACHIX_AUTH_TOKEN DEFAULT=op://vault/cachix/token\n",
    "CACHIX_AUTH_TOKEN\n",
    "CACHIX_AUTH_TOKEN=\n",
    "MY_CACHIX_AUTH_TOKEN DEFAULT=abc\n",
    "PATH DEFAULT=${HOME}/bin # CACHIX_AUTH_TOKEN=abc\n",
]


@pytest.mark.parametrize("awk", AWKS)
def test_a_line_that_sets_a_variable_to_a_literal_is_what_is_cut(awk: str) -> None:
    for line in GO:
        before, after = "A DEFAULT=ä\r\n# ü\n", "" if line[-1] != "\n" else "B=c\r\n\nC=d"
        content = f"{before}{line}{after}".encode()
        found = recognise("pam", content, awk=awk)
        assert [(each.line, each.hindrance) for each in found] == [(3, "")], line
        assert cut(content, found) == f"{before}{after}".encode()


@pytest.mark.parametrize("awk", AWKS)
def test_a_literal_that_is_more_than_a_line_of_its_own_is_found_and_stays(awk: str) -> None:
    for hindrance, contents in STAY.items():
        for content in contents:
            found = recognise("pam", content.encode(), awk=awk)
            assert {each.hindrance for each in found} == {hindrance}, content


@pytest.mark.parametrize("awk", AWKS)
def test_references_comments_and_mentions_are_no_findings(awk: str) -> None:
    for content in NOTHING:
        assert recognise("pam", content.encode(), awk=awk) == [], content


LINES = [
    "CACHIX_AUTH_TOKEN DEFAULT=@",
    'CACHIX_AGENT_TOKEN  OVERRIDE="@" # c',
    "CACHIX_SIGNING_KEY=@",
    "CACHIX_AUTH_TOKEN DEFAULT=@ OVERRIDE=${A}",
    "A=b CACHIX_AUTH_TOKEN=@",
    "A DEFAULT=b",
    "A DEFAULT=b \\",
    "# c \\",
    'A DEFAULT="ä',
    "CACHIX_AUTH_TOKEN DEFAULT=${A}",
    "",
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=8), st.booleans())
def test_every_planted_secret_is_cut_or_told_and_nothing_else_is_cut(
    templates: list[str], is_ended: bool
) -> None:
    lines = [f"{each.replace('@', f'secret{n}')}\n" for n, each in enumerate(templates)]
    if lines and not is_ended:
        lines[-1] = lines[-1].rstrip("\n")
    content = "".join(lines).encode()
    found = recognise("pam", content)
    gone = {each.line for each in found if not each.hindrance}
    kept = [line for number, line in enumerate(lines, 1) if number not in gone]
    assert cut(content, found) == "".join(kept).encode()
    assert all("secret" in lines[number - 1] for number in gone)
    assert "".join(kept).count("secret") <= len([each for each in found if each.hindrance])
