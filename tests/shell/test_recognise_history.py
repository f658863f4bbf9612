"""Credentials in what was typed into shells."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.recognised import AWKS, recognise

FOUND = [
    "cachix authtoken abc",
    "  cachix authtoken 'abc' ",
    'cachix authtoken "abc"',
    "cachix --config /a/b authtoken abc",
    "cachix authtoken -v abc",
    "cachix authtoken -- abc",
    "/nix/store/abc-cachix-1.7/bin/cachix authtoken abc",
    "nix run nixpkgs#cachix -- authtoken abc",
    'nix-shell -p cachix --run "cachix authtoken abc"',
    "nix-shell -p cachix --run 'cachix authtoken abc'",
    "nix-shell -p cachix --run \"cachix authtoken 'abc'\"",
    'sh -c "a; cachix authtoken abc"',
    "a && cachix authtoken abc; b",
    "cachix authtoken abc > /dev/null",
    "cachix authtoken a$b",
    "cachix authtoken $(echo abc)",
    "cachix authtoken <<< abc",
    "cachix authtoken --stdin <<<'abc'",
    "cachix authtoken --stdin <<EOF",
    "echo abc | cachix authtoken --stdin",
    "echo -n 'abc'|cachix authtoken --stdin",
    "printf '%s' abc | cachix authtoken --stdin",
    "echo abc | sudo -i cachix authtoken",
    "CACHIX_AUTH_TOKEN=abc cachix push a",
    "export CACHIX_SIGNING_KEY='abc=='",
    "env CACHIX_AUTH_TOKEN=abc cachix push a",
    "docker run -e CACHIX_AUTH_TOKEN=abc a",
    "set -x CACHIX_AUTH_TOKEN abc",
    "set -Ux CACHIX_AUTH_TOKEN 'abc'",
    "set --export --global CACHIX_AUTH_TOKEN abc",
    "setenv CACHIX_AUTH_TOKEN abc",
    "launchctl setenv CACHIX_AUTH_TOKEN abc",
    '$env.CACHIX_AUTH_TOKEN = "abc"',
    'let-env CACHIX_AUTH_TOKEN = "abc"',
    'with-env {CACHIX_AUTH_TOKEN: "abc"} { cachix push a }',
    "gh secret set CACHIX_AUTH_TOKEN -b eyJhbGciOiJIUzI1NiJ9.eyJmYWtlIjoxfQ.bWFkZXVw",
    "- cmd: cachix authtoken abc",
    "- cmd: a\\ncachix authtoken abc",
    "- cmd: export CACHIX_AUTH_TOKEN=\\\\\\nabc",
    ": 1700000000:0;cachix authtoken abc",
    ": 1700000000:0;cachix \\\\\nauthtoken abc",
    ": 1700000000:0;export CACHIX_AUTH_TOKEN=\\\\\nabc",
    "echo abc \\\n| cachix authtoken --stdin",
    "echo ä; cachix authtoken ö",
    "echo abc | tee a | cachix authtoken --stdin",
    "cachix authtoken --stdin < <(echo abc)",
    "cachix authtoken (echo abc)",
    "set -x CACHIX_AUTH_TOKEN (echo abc)",
]
NOTHING = [
    "cachix authtoken",
    "cachix authtoken --stdin",
    "cachix authtoken --stdin < /a/b",
    "cachix authtoken --help",
    "cachix authtoken -h abc",
    "cachix authtoken $TOKEN",
    'cachix authtoken "$TOKEN"',
    "cachix authtoken ${TOKEN}",
    "cachix authtoken $(cat /a/b)",
    'cachix authtoken "$(op read "op://vault/cachix/token")"',
    "cachix authtoken `cat /a/b`",
    "cachix authtoken (pass show cachix)",
    "cachix authtoken ''",
    "cachix authtoken; ls a",
    "cachix authtoken && ls a",
    "cachix authtoken # asks for it",
    "pass show cachix | cachix authtoken --stdin",
    "echo $TOKEN | cachix authtoken --stdin",
    'echo "$TOKEN" | cachix authtoken --stdin',
    "cachix authtoken 2>/dev/null",
    "grep 'cachix authtoken' ~/.bash_history",
    "grep 'cachix authtoken ' ~/.bash_history",
    "grep authtoken ~/.config/cachix/cachix.dhall",
    "vim cachix/authtoken.md now",
    "# cachix authtoken abc",
    "echo $CACHIX_AUTH_TOKEN",
    'if [ -n "$CACHIX_AUTH_TOKEN" ]; then echo a; fi',
    '[[ $CACHIX_AUTH_TOKEN == "a" ]]',
    "unset CACHIX_AUTH_TOKEN",
    'f() { cachix authtoken "$1"; }',
    "cachix authtoken --stdin < <(pass show cachix)",
    "export CACHIX_AUTH_TOKEN",
    "export CACHIX_AUTH_TOKEN=",
    "CACHIX_AUTH_TOKEN= cachix push a",
    "export CACHIX_AUTH_TOKEN=$(pass show cachix)",
    'export CACHIX_AUTH_TOKEN="$(op read "op://vault/cachix/token")"',
    "CACHIX_AUTH_TOKEN=$CACHIX_AGENT_TOKEN cachix push a",
    "set -x CACHIX_AUTH_TOKEN (pass show cachix)",
    "set -x CACHIX_AUTH_TOKEN $TOKEN",
    "set -e CACHIX_AUTH_TOKEN",
    "set -q CACHIX_AUTH_TOKEN; and echo a",
    "read -s CACHIX_AUTH_TOKEN",
    "gh secret set CACHIX_AUTH_TOKEN",
    "- cmd: cachix authtoken\\nls a",
    ": 1700000000:0;cachix authtoken\\\nls a",
]
TIMES = "#1700000000\nls\n#+1700000001\n"


@pytest.mark.parametrize("awk", AWKS)
def test_a_credential_that_was_typed_is_found_and_stays(awk: str) -> None:
    for command in FOUND:
        found = recognise("history", f"{TIMES}{command}\n  when: 1\n".encode(), awk=awk)
        assert [each[1:5] for each in found] == [(4, 0, 0, "history")], command


@pytest.mark.parametrize("awk", AWKS)
def test_references_comments_and_mentions_are_no_findings(awk: str) -> None:
    for command in NOTHING:
        content = f"{TIMES}{command}\nls\n".encode()
        assert recognise("history", content, awk=awk) == [], command


@pytest.mark.parametrize("awk", AWKS)
def test_the_texts_in_a_database_are_told_apart(awk: str) -> None:
    content = (
        b"SQLite format 3\x00\x10\x00\n\x00\x05acachix authtoken\x00\x01b\n"
        b"\x07acachix authtoken --stdin/home/a\x00\x03\n"
        b"\x07aCACHIX_AUTH_TOKEN=abc cachix push/home/a\x00\n"
        b"\x07\x05cachix authtoken abc/home/a\x00"
    )
    assert [each.line for each in recognise("history", content, awk=awk)] == [4, 5]


def test_a_line_is_told_once_and_no_more_than_fifty() -> None:
    line = b"CACHIX_AUTH_TOKEN=a CACHIX_SIGNING_KEY=b cachix authtoken c\n"
    assert [each.line for each in recognise("history", line * 99)] == list(range(1, 51))


def test_a_large_history_is_read_at_once() -> None:
    commands = [b": 1700000000:0;git commit -m 'work on things' && cd ../elsewhere\n"] * 20
    commands += [
        b"#1700000000\n",
        b"echo $CACHIX_AUTH_TOKEN | cachix authtoken --stdin\n",
        b"ls \\\n",
    ]
    some = b"".join(commands)
    content = some * (5_000_000 // len(some)) + b"cachix authtoken abc\n"
    before = os.times().children_user
    assert len(recognise("history", content)) == 1
    assert os.times().children_user - before < 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "cachix authtoken @",
                "export CACHIX_AUTH_TOKEN='@'",
                "set -gx CACHIX_AGENT_TOKEN @",
                "echo @ | cachix authtoken --stdin",
                ": 1700000000:0;nix run nixpkgs#cachix -- authtoken @",
                "- cmd: CACHIX_SIGNING_KEY=@ cachix push ä",
                "  when: 1700000000",
                "#1700000000",
                "echo it's",
                "cachix authtoken $A",
                "ls\r",
                "",
            ]
        ),
        max_size=10,
    )
)
def test_exactly_the_lines_with_a_planted_secret_are_told(lines: list[str]) -> None:
    content = "".join(f"{line.replace('@', f'secret{n}')}\n" for n, line in enumerate(lines))
    planted = [number for number, line in enumerate(lines, 1) if "@" in line]
    assert [each.line for each in recognise("history", content.encode())] == planted


@pytest.mark.parametrize("awk", AWKS)
def test_a_comment_in_a_database_is_that_command_alone(awk: str) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJtYWRlLXVwIn0.bWFkZS11cC1tYWRlLXVw"
    head = b"SQLite format 3\x00\n"
    beside = f"\0ls # mine\0curl -H 'Bearer {token}'\0cachix use mine\0\n".encode()
    assert recognise("history", head + beside, awk=awk) == []
    typed = f"\0ls\0#cachix authtoken {token}\0\n".encode()
    assert [each.line for each in recognise("history", head + typed, awk=awk)] == [2]
