"""Credentials in fish's start-up files and universal variables: what is found, what may be cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.planted import Language, Planted, check, files
from tests.shell.recognised import AWKS, cut, recognise

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJmYWtlIjoxfQ.bWFkZXVw"

GO = {
    "global and exported": "set -gx CACHIX_AUTH_TOKEN abc\n",
    "long options": "set --export --global CACHIX_SIGNING_KEY abc==\n",
    "universal": "set -Ux CACHIX_AGENT_TOKEN abc\n",
    "options end": "set -gx -- CACHIX_AUTH_TOKEN abc\n",
    "not exported": "set CACHIX_ACTIVATE_TOKEN abc\n",
    "in quotes": "set -gx CACHIX_AUTH_TOKEN 'abc'\n",
    "in double quotes": '  set -gx CACHIX_AUTH_TOKEN "a b\\"c"\n',
    "a space escaped": "set -gx CACHIX_AUTH_TOKEN a\\ b\n",
    "the name in quotes": "set -gx 'CACHIX_AUTH_TOKEN' abc\n",
    "a comment behind": "set -gx CACHIX_AUTH_TOKEN abc # mine\n",
    "a semicolon behind": "set -gx CACHIX_AUTH_TOKEN abc;\n",
    "a number sign within": "set -gx CACHIX_AUTH_TOKEN a#bc\n",
    "the function export": "export CACHIX_AUTH_TOKEN=abc\n",
    "the function setenv": "setenv CACHIX_AUTH_TOKEN abc\n",
    "carriage return": "set -gx CACHIX_AUTH_TOKEN abc\r\n",
    "no newline": "set -gx CACHIX_AUTH_TOKEN abc",
    "beyond ASCII": "set -gx CACHIX_AUTH_TOKEN 'äbc' # ö\n",
}

STAY = {
    "compound": [
        "set -gx CACHIX_AUTH_TOKEN abc; echo a\n",
        "echo a; set -gx CACHIX_AUTH_TOKEN abc\n",
        "if true; set -gx CACHIX_AUTH_TOKEN abc; end\n",
        "begin; set -gx CACHIX_AUTH_TOKEN abc; end\n",
        "set -q X; or set -gx CACHIX_AUTH_TOKEN abc\n",
        "set -q X\nor set -gx CACHIX_AUTH_TOKEN abc\n",
        "set -q X || set -gx CACHIX_AUTH_TOKEN abc\n",
        "set -q X ||\nset -gx CACHIX_AUTH_TOKEN abc\n",
        "set -gx CACHIX_AUTH_TOKEN abc && echo\n",
        "set -gx CACHIX_AUTH_TOKEN abc\nand echo\n",
        "if a\nset -gx CACHIX_AUTH_TOKEN abc\n# c\nand b\necho\nend\n",
        "if set -gx CACHIX_AUTH_TOKEN abc\necho a\nend\n",
        "not set -gx CACHIX_AUTH_TOKEN abc\n",
        "builtin set -gx CACHIX_AUTH_TOKEN abc\n",
        "set -gx CACHIX_AUTH_TOKEN abc >/dev/null\n",
        "set -gx CACHIX_AUTH_TOKEN abc &\n",
        "set -gx CACHIX_AUTH_TOKEN abc def\n",
        "set -gx CACHIX_AUTH_TOKEN (pass a) def\n",
        "set -a CACHIX_AUTH_TOKEN abc\n",
        "set -gx CACHIX_AUTH_TOKEN[1] abc\n",
        "set -gx CACHIX_AUTH_TOKEN a$HOME\n",
        "set -gx CACHIX_AUTH_TOKEN {a,b}\n",
        "set -gx CACHIX_AUTH_TOKEN (echo abc)\n",
        "set -gx CACHIX_AUTH_TOKEN (echo YWJj | base64 -d)\n",
        "set -gx CACHIX_AUTH_TOKEN (cat a; or echo abc)\n",
        "set -gx CACHIX_AUTH_TOKEN (printf '%s' 'abc')\n",
        "set -gx CACHIX_AUTH_TOKEN (cat a)[2]abc\n",
        f"set -gx CACHIX_AUTH_TOKEN (string trim {JWT})\n",
        f'set -gx CACHIX_AUTH_TOKEN "$(decode {JWT})"\n',
        "CACHIX_AUTH_TOKEN=abc cachix push a\n",
        "env CACHIX_AUTH_TOKEN=abc cachix push a\n",
        "export A=b CACHIX_AUTH_TOKEN=abc\n",
        "alias push 'CACHIX_AUTH_TOKEN=abc cachix push'\n",
        "alias push 'a\nCACHIX_AUTH_TOKEN=abc cachix push'\n",
        "bash -c 'export CACHIX_AUTH_TOKEN=\"abc\"'\n",
        "fish -c 'set -gx CACHIX_AUTH_TOKEN abc'\n",
        "echo (CACHIX_AUTH_TOKEN=abc cachix push)\n",
        "for CACHIX_AUTH_TOKEN in abc\necho\nend\n",
        "launchctl setenv CACHIX_AUTH_TOKEN abc\n",
        f"mine CACHIX_AUTH_TOKEN {JWT}\n",
        "cachix authtoken abc\n",
        "{ set -gx CACHIX_AUTH_TOKEN abc; echo; }\n",
    ],
    "several-lines": [
        "set -gx CACHIX_AUTH_TOKEN \\\n  abc\n",
        "set -gx CACHIX_AUTH_TOKEN a\\\nbc\n",
        "set -gx CACHIX_AUTH_TOKEN 'a\nbc'\n",
        "set -gx \\\n# a comment within\nCACHIX_AUTH_TOKEN abc\n",
        "echo \\\n# a comment\nset -gx CACHIX_AUTH_TOKEN abc 1=2\n",
        "\\\nset -gx CACHIX_AUTH_TOKEN abc\n",
    ],
    "block": [
        "if true\nset -gx CACHIX_AUTH_TOKEN abc\nend\n",
        "if true\n# c\nset -gx CACHIX_AUTH_TOKEN abc\n\nelse\necho a\nend\n",
        "if true\necho a\nelse\nset -gx CACHIX_AUTH_TOKEN abc\nend\n",
        "if true\necho a\nelse if a\nset -gx CACHIX_AUTH_TOKEN abc\nelse\necho a\nend\n",
        "if true\nand false\nset -gx CACHIX_AUTH_TOKEN abc\nend\n",
        "if true\nor begin; a; end\nset -gx CACHIX_AUTH_TOKEN abc\nend\n",
        "while begin\na\nend\nset -gx CACHIX_AUTH_TOKEN abc\nend\n",
        "if true &&\n  false\nset -gx CACHIX_AUTH_TOKEN abc\nend\n",
        "begin\nset -gx CACHIX_AUTH_TOKEN abc\nend\n",
        "function f\nset -gx CACHIX_AUTH_TOKEN abc\nend\n",
        "for i in a\nset -gx CACHIX_AUTH_TOKEN abc\nend\n",
        "switch a\ncase a\nset -gx CACHIX_AUTH_TOKEN abc\ncase b\necho a\nend\n",
        "{\nset -gx CACHIX_AUTH_TOKEN abc\n}\n",
        "'if' true\nset -gx CACHIX_AUTH_TOKEN abc\nend\n",
    ],
    "unclear": [
        "echo 'a\nset -gx CACHIX_AUTH_TOKEN abc\n",
        "echo (a\nset -gx CACHIX_AUTH_TOKEN abc\n",
        "if true\nset -gx CACHIX_AUTH_TOKEN abc\necho a\n",
        "end\nset -gx CACHIX_AUTH_TOKEN abc\n",
        'set -gx CACHIX_AUTH_TOKEN "abc\n',
        "set -gx CACHIX_AUTH_TOKEN \\\r\nabc\r\n",
    ],
}

NOTHING = [
    "",
    "set -e CACHIX_AUTH_TOKEN\n",
    "set -q CACHIX_AUTH_TOKEN; or echo CACHIX_AUTH_TOKEN is not set\n",
    "set --erase --global CACHIX_AUTH_TOKEN CACHIX_SIGNING_KEY\n",
    "set -gx CACHIX_AUTH_TOKEN\n",
    "set -gx CACHIX_AUTH_TOKEN ''\n",
    'set -gx CACHIX_AUTH_TOKEN ""\n',
    "set -gx CACHIX_AUTH_TOKEN (pass cachix)\n",
    "set -gx CACHIX_AUTH_TOKEN (string split = (cat a))[2]\n",
    "set -gx CACHIX_AUTH_TOKEN (cat a; or echo '')\n",
    "set -gx CACHIX_AUTH_TOKEN (echo -n $A | base64 -d)\n",
    "set -gx CACHIX_AUTH_TOKEN (printf '%s' $A)\n",
    "for i in CACHIX_AUTH_TOKEN CACHIX_SIGNING_KEY\nset -e $i\nend\n",
    "echo 'Run cachix authtoken to log in'\n",
    "set -x CACHIX_AUTH_TOKEN (grep CACHIX_AUTH_TOKEN= .env | cut -d= -f2)\n",
    "set -gx CACHIX_AUTH_TOKEN $(pass 'cachix token' | head -n 1)\n",
    'set -gx CACHIX_AUTH_TOKEN "$(cat ~/.token)"\n',
    "set -gx CACHIX_AUTH_TOKEN (\n  pass cachix\n)\n",
    "set -gx CACHIX_AUTH_TOKEN $TOKEN\n",
    'set -gx CACHIX_AUTH_TOKEN "$TOKENS[1]"\n',
    "set -gx CACHIX_AUTH_TOKEN op://vault/cachix/token1\n",
    "set -gx CACHIX_AUTH_TOKEN '{{ token }}'\n",
    "export CACHIX_AUTH_TOKEN=(pass cachix)\n",
    "export CACHIX_AUTH_TOKEN\n",
    "env -u CACHIX_AUTH_TOKEN cachix push a\n",
    "# set -gx CACHIX_AUTH_TOKEN abc\n",
    "echo a # set -gx CACHIX_AUTH_TOKEN abc\n",
    "echo (pass a # CACHIX_AUTH_TOKEN=abc\n)\n",
    'test -n "$CACHIX_AUTH_TOKEN"; and echo $CACHIX_AUTH_TOKEN\n',
    "set -gx MY_CACHIX_AUTH_TOKEN abc\n",
    "set -gx CACHIX_AUTH_TOKEN_FILE abc\n",
    "cachix authtoken (pass cachix)\n",
    "cachix authtoken --stdin\n",
]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("line", GO.values(), ids=list(GO))
def test_a_line_that_sets_a_variable_to_a_literal_goes_whole(line: str, awk: str) -> None:
    before = "echo 'ä'\r\nif true\necho\n".encode("latin-1")
    after = b"" if line[-1] != "\n" else b"end\n# \xff\nset -gx CACHIX_AUTH_TOKEN (pass a)"
    before = before if after else b"# \xe4\r\n"
    content = before + line.encode("latin-1") + after
    assert cut(content, recognise("fish", content, awk=awk)) == before + after


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    ("hindrance", "text"), [(name, text) for name, texts in STAY.items() for text in texts]
)
def test_what_hinders_the_cut_is_told(hindrance: str, text: str, awk: str) -> None:
    told = recognise("fish", text.encode("latin-1"), awk=awk)
    assert [(each.hindrance, each.start, each.end) for each in told] == [(hindrance, 0, 0)]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("text", NOTHING)
def test_references_empty_values_mentions_and_comments_are_no_credentials(
    text: str, awk: str
) -> None:
    assert recognise("fish", text.encode("latin-1"), awk=awk) == []


def test_kinds_and_lines_are_told() -> None:
    told = recognise(
        "fish",
        b"# a\nset -gx CACHIX_SIGNING_KEY a\nset -gx CACHIX_AGENT_TOKEN 'b\nc'\n"
        b"alias a 'x\ny; CACHIX_ACTIVATE_TOKEN=d'\n",
    )
    assert [(each.kind, each.line) for each in told] == [
        ("signing-key", 2),
        ("agent-token", 3),
        ("activate-token", 6),
    ]


def test_every_line_of_a_word_is_told() -> None:
    told = recognise(
        "fish", b"set -gx CACHIX_AUTH_TOKEN 'a\nCACHIX_AGENT_TOKEN=b' 'c\nCACHIX_SIGNING_KEY=d'\n"
    )
    assert [(each.kind, each.line) for each in told] == [
        ("auth-token", 1),
        ("agent-token", 2),
        ("signing-key", 3),
    ]


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_value_on_the_next_line_of_a_text_is_told(quote: str) -> None:
    told = recognise("fish", f"x {quote}\nset -x CACHIX_AUTH_TOKEN \\\nabc{quote}\n".encode())
    assert [(each.line, each.hindrance) for each in told] == [(2, "compound")]


def test_a_literal_that_a_text_repeats_is_told() -> None:
    told = recognise("fish", b"x '\nset -x CACHIX_AUTH_TOKEN (echo abc)'\n")
    assert [(each.line, each.hindrance) for each in told] == [(2, "compound")]


def test_a_literal_behind_a_variable_is_told_in_a_text_too() -> None:
    text = b"x '\nset -x CACHIX_AUTH_TOKEN $A$B-abc'\nx (\nset -x CACHIX_AUTH_TOKEN $A.b\n"
    told = recognise("fish", text)
    assert [each.line for each in told] == [2, 4]
    assert recognise("fish", b"x '\nset -x CACHIX_AUTH_TOKEN $A$B[1]'\n") == []


def test_each_name_looks_as_far_as_the_next_one() -> None:
    names = b"CACHIX_AUTH_TOKEN CACHIX_SIGNING_KEY " * 2000
    assert [each.kind for each in recognise("fish", b"mine " + names + JWT.encode())] == [
        "signing-key"
    ]


def test_a_job_in_the_background_is_no_part_of_the_next_line() -> None:
    [told] = recognise("fish", b"echo &\nset -gx CACHIX_AUTH_TOKEN abc\n")
    assert not told.hindrance


def test_two_lines_that_are_all_of_a_block_both_stay() -> None:
    text = b"if true\nset -gx CACHIX_AUTH_TOKEN a\nset -gx CACHIX_SIGNING_KEY b\nend\n"
    assert [each.hindrance for each in recognise("fish", text)] == ["block", "block"]


FISH = Language(
    whole=(
        "set -gx CACHIX_AUTH_TOKEN {}",
        "set -Ux CACHIX_SIGNING_KEY '{}' # mine",
        'set --export CACHIX_AGENT_TOKEN "{}";',
        "export CACHIX_ACTIVATE_TOKEN={}",
    ),
    part=(
        "set -q A; or set -gx CACHIX_AUTH_TOKEN {}",
        "if true; set -gx CACHIX_AUTH_TOKEN {}; end",
        "CACHIX_AUTH_TOKEN={} cachix push a",
        "alias push 'CACHIX_AUTH_TOKEN={} cachix push'",
        "set -gx CACHIX_AUTH_TOKEN \\\n  {}",
        "set -gx CACHIX_AUTH_TOKEN '{}\nend'",
        "echo 'a\nif CACHIX_AUTH_TOKEN={} \"\n('",
        "set -gx CACHIX_AUTH_TOKEN $A{}",
    ),
    plain=(
        "echo a; echo b",
        "set -gx PATH $PATH /a",
        "echo 'if\nend' \"it's # no comment\nend\"",
        "echo (string match 'a)' b\n# ')\n) a\\'b",
        "echo a \\\n# a comment within\n b",
        "if status is-interactive; echo; end",
        "echo a |\n  cat",
        "set -gx CACHIX_AUTH_TOKEN (pass 'a b')",
        "set -e CACHIX_AUTH_TOKEN",
        "echo a\xe4#\xff",
    ),
    remark=("", "# set -gx CACHIX_AUTH_TOKEN {}", "# it's \\", ";"),
    blocks=(
        ("if test -f a", "end"),
        ("if test -f a\nand b", "else if c; and d", "else", "end # if"),
        ("begin", "end"),
        ("while true", "end | cat"),
        ("for i in a b", "end"),
        ("function f --argument a", "end"),
        ("switch $a\n# arms\ncase a b", "case '*'", "end"),
    ),
)


@given(files(FISH), st.sampled_from(AWKS))
@settings(max_examples=50, deadline=None)
def test_of_any_file_all_whole_lines_go_and_the_rest_is_told(planted: Planted, awk: str) -> None:
    check(planted, recognise("fish", planted.content, awk=awk))


# fish_variables --------------------------------------------------------------------------------

HEAD = (
    b"# This file contains fish universal variable definitions.\n# VERSION: 3.0\n"
    b"SETUVAR __fish_initialized:3400\n"
)


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    "line",
    [
        b"SETUVAR --export CACHIX_AUTH_TOKEN:abc\n",
        b"SETUVAR CACHIX_SIGNING_KEY:abc\\x3d\\x3d\n",
        b"SETUVAR --export --path CACHIX_AUTH_TOKEN:a\\x1db\n",
        b"SETUVAR CACHIX_AUTH_TOKEN:$HOME\n",
        b"SET_EXPORT CACHIX_AUTH_TOKEN:abc\n",
        b"SETUVAR CACHIX_AUTH_TOKEN:abc",
    ],
)
def test_a_universal_variable_goes(line: bytes, awk: str) -> None:
    after = b"SETUVAR fish_greeting:\n" if line.endswith(b"\n") else b""
    content = HEAD + line + after
    assert cut(content, recognise("fish-variables", content, awk=awk)) == HEAD + after


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    "line",
    [
        b"SETUVAR --export CACHIX_AUTH_TOKEN:\n",
        b"SETUVAR --export CACHIX_AUTH_TOKEN:\\x1d\n",
        b"SETUVAR CACHIX_AUTH_TOKEN:op\\x3a//vault/cachix/token\n",
        b"SETUVAR MY_CACHIX_AUTH_TOKEN:abc\n",
        b"SETUVAR names:CACHIX_AUTH_TOKEN\\x1dCACHIX_SIGNING_KEY\n",
        b"SETUVAR _fish_abbr_a:set\\x20\\x2de\\x20CACHIX_AUTH_TOKEN\n",
        b"# SETUVAR CACHIX_AUTH_TOKEN:abc\n",
    ],
)
def test_no_universal_variable_with_a_literal(line: bytes, awk: str) -> None:
    assert recognise("fish-variables", HEAD + line, awk=awk) == []


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    "line",
    [
        b"SETUVAR _fish_abbr_a:set\\x20\\x2dgx\\x20CACHIX_AUTH_TOKEN\\x20abc\n",
        b"SETUVAR _fish_abbr_a:env\\x20CACHIX_AUTH_TOKEN\\x3dabc\n",
        b"SETUVAR _fish_abbr_a:cachix\\x20authtoken\\x20abc\n",
    ],
)
def test_a_literal_within_another_universal_variable_stays(line: bytes, awk: str) -> None:
    told = recognise("fish-variables", HEAD + line, awk=awk)
    assert [(each.line, each.hindrance) for each in told] == [(4, "compound")]
