"""Credentials in Nushell's start-up files: what is found, and what may be cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.planted import Language, Planted, check, files
from tests.shell.recognised import AWKS, cut, recognise

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJmYWtlIjoxfQ.bWFkZXVw"

GO = {
    "in double quotes": '$env.CACHIX_AUTH_TOKEN = "abc"\n',
    "an escaped quote": '$env.CACHIX_AUTH_TOKEN = "a\\"b" # mine\n',
    "in quotes": "  $env.CACHIX_SIGNING_KEY = 'abc=='\n",
    "in backticks": "$env.CACHIX_AGENT_TOKEN = `abc`\n",
    "raw": "$env.CACHIX_AUTH_TOKEN = r#'abc'#\n",
    "bare": "$env.CACHIX_ACTIVATE_TOKEN = abc\n",
    "the name in quotes": '$env."CACHIX_AUTH_TOKEN" = "abc"\n',
    "a semicolon behind": '$env.CACHIX_AUTH_TOKEN = "abc";\n',
    "a number sign within": "$env.CACHIX_AUTH_TOKEN = 'a # c'\n",
    "let-env": 'let-env CACHIX_AUTH_TOKEN = "abc"\n',
    "carriage return": '$env.CACHIX_AUTH_TOKEN = "abc"\r\n',
    "no newline": '$env.CACHIX_AUTH_TOKEN = "abc"',
    "beyond ASCII": "$env.CACHIX_AUTH_TOKEN = 'äbc' # ö\n",
}

STAY = {
    "compound": [
        '$env.CACHIX_AUTH_TOKEN = "abc"; print a\n',
        'print a; $env.CACHIX_AUTH_TOKEN = "abc"\n',
        'if true { $env.CACHIX_AUTH_TOKEN = "abc" }\n',
        '$env.CACHIX_AUTH_TOKEN = "abc" | str trim\n',
        '$env.CACHIX_AUTH_TOKEN = "abc"\n| str trim\n',
        '$env.CACHIX_AUTH_TOKEN = "abc"\n\n# c\n  | str trim\n',
        'print a |\n$env.CACHIX_AUTH_TOKEN = "abc"\n',
        '$env.CACHIX_AUTH_TOKEN = "a" + "b"\n',
        '$env.CACHIX_AUTH_TOKEN = $"a($x)"\n',
        '$env.CACHIX_AUTH_TOKEN = ("abc")\n',
        '$env.CACHIX_AUTH_TOKEN = if $x { "abc" } else { "" }\n',
        '$env.CACHIX_AUTH_TOKEN = ($env.A? | default "abc")\n',
        '$env.CACHIX_AUTH_TOKEN = (echo "abc")\n',
        f"$env.CACHIX_AUTH_TOKEN = (decode {JWT})\n",
        'load-env { CACHIX_AUTH_TOKEN: "abc", A: "b" }\n',
        "load-env {CACHIX_AUTH_TOKEN: abc}\n",
        'load-env { "CACHIX_AUTH_TOKEN": "abc" }\n',
        'with-env { CACHIX_AUTH_TOKEN: "abc" } { cachix push a }\n',
        "with-env [CACHIX_AUTH_TOKEN abc] { cachix push a }\n",
        "CACHIX_AUTH_TOKEN=abc cachix push a\n",
        "^env CACHIX_AUTH_TOKEN=abc cachix push a\n",
        'let CACHIX_AUTH_TOKEN = "abc"\n',
        'alias push = bash -c "CACHIX_AUTH_TOKEN=abc cachix push"\n',
        "alias push = bash -c 'a\nCACHIX_AUTH_TOKEN=abc cachix push'\n",
        "fish -c 'set -gx CACHIX_AUTH_TOKEN abc'\n",
        'let token = $env.CACHIX_AUTH_TOKEN? | default "abc"\n',
        "match $x { 1 => $env.CACHIX_AUTH_TOKEN = 'abc' }\n",
        '(\n$env.CACHIX_AUTH_TOKEN = "abc"\n)\n',
        "cachix authtoken abc\n",
    ],
    "several-lines": [
        '$env.CACHIX_AUTH_TOKEN = "a\nbc"\n',
        "$env.CACHIX_AUTH_TOKEN = r#'a\nbc'#\n",
        '$env.CACHIX_AUTH_TOKEN = (\n  "abc"\n)\n',
        '$env.CACHIX_AUTH_TOKEN = (\n  "abc" | str trim\n)\n',
        '$env.CACHIX_AUTH_TOKEN = if $x {\n  "abc"\n} else { "" }\n',
        'load-env {\n  CACHIX_AUTH_TOKEN: "abc"\n  A: b\n}\n',
        'load-env {\n  A: b,\n  "CACHIX_AUTH_TOKEN": "abc" }\n',
        'load-env {\n  CACHIX_AUTH_TOKEN:\n  "abc"\n}\n',
    ],
    "block": [
        'if true {\n$env.CACHIX_AUTH_TOKEN = "abc"\n}\n',
        'if true {\n# c\n$env.CACHIX_AUTH_TOKEN = "abc"\n\n} else {\nprint a\n}\n',
        'if true {\nprint a\n} else {\n$env.CACHIX_AUTH_TOKEN = "abc"\n}\n',
        'export-env {\n$env.CACHIX_AUTH_TOKEN = "abc"\n}\n',
        'do { |x: string|\n$env.CACHIX_AUTH_TOKEN = "abc"\n}\n',
        'do --env {||\n$env.CACHIX_AUTH_TOKEN = "abc"\n}\n',
        'def --env f [a: string] {\n$env.CACHIX_AUTH_TOKEN = "abc"\n}\n',
    ],
    "unclear": [
        'print \'a\n$env.CACHIX_AUTH_TOKEN = "abc"\n',
        "print r#'a'\n$env.CACHIX_AUTH_TOKEN = \"abc\"\n",
        'print (a\n$env.CACHIX_AUTH_TOKEN = "abc"\n',
        'if true {\n$env.CACHIX_AUTH_TOKEN = "abc"\nprint a\n',
        '}\n$env.CACHIX_AUTH_TOKEN = "abc"\n',
        '$env.CACHIX_AUTH_TOKEN = "abc\n',
    ],
}

NOTHING = [
    "",
    "hide-env CACHIX_AUTH_TOKEN\n",
    '$env.CACHIX_AUTH_TOKEN = ""\n',
    "$env.CACHIX_AUTH_TOKEN = ''\n",
    "$env.CACHIX_AUTH_TOKEN = null\n",
    "$env.CACHIX_AUTH_TOKEN = (open ~/.token | str trim)\n",
    '$env.CACHIX_AUTH_TOKEN = (open "token file" | str trim)\n',
    '$env.CACHIX_AUTH_TOKEN = (open ("~/.token" | path expand))\n',
    '$env.CACHIX_AUTH_TOKEN = (^op read "op://vault/cachix/token")\n',
    "$env.CACHIX_AUTH_TOKEN = ^op read 'op://vault/cachix/token'\n",
    '$env.CACHIX_AUTH_TOKEN = open "token file" | str trim\n',
    "$env.CACHIX_AUTH_TOKEN = (\n  ^pass cachix\n  | str trim\n)\n",
    "$env.CACHIX_AUTH_TOKEN = $env.TOKEN\n",
    '$env.CACHIX_AUTH_TOKEN = $"($env.TOKEN)"\n',
    "$env.CACHIX_AUTH_TOKEN = op://vault/cachix/token\n",
    '$env.CACHIX_AUTH_TOKEN = "{{ token }}"\n',
    '$env.CACHIX_AUTH_TOKEN = ($env.A? | default "")\n',
    "load-env { CACHIX_AUTH_TOKEN: $token, A: 'b' }\n",
    "load-env {\n  CACHIX_AUTH_TOKEN: (pass cachix)\n  A: 'b'\n}\n",
    'load-env { CACHIX_AUTH_TOKEN: "" }\n',
    "# $env.CACHIX_AUTH_TOKEN = 'abc'\n",
    "print a # $env.CACHIX_AUTH_TOKEN = 'abc'\n",
    "if $env.CACHIX_AUTH_TOKEN? == 'abc' { print CACHIX_AUTH_TOKEN }\n",
    "let token = $env.CACHIX_AUTH_TOKEN?\n",
    'print "CACHIX_AUTH_TOKEN is not set"\n',
    "def f [CACHIX_AUTH_TOKEN: string] { print a }\n",
    "$env.MY_CACHIX_AUTH_TOKEN = 'abc'\n",
    "cachix authtoken (pass cachix)\n",
]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("line", GO.values(), ids=list(GO))
def test_a_line_that_sets_a_variable_to_a_literal_goes_whole(line: str, awk: str) -> None:
    before = b"print '\xe4'\r\nif true {\nprint\n"
    after = b"}\n# \xff\n$env.CACHIX_AUTH_TOKEN = (pass a)"
    if not line.endswith("\n"):
        before, after = b"# \xe4\r\n", b""
    content = before + line.encode("latin-1") + after
    assert cut(content, recognise("nu", content, awk=awk)) == before + after


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    ("hindrance", "text"), [(name, text) for name, texts in STAY.items() for text in texts]
)
def test_what_hinders_the_cut_is_told(hindrance: str, text: str, awk: str) -> None:
    told = recognise("nu", text.encode("latin-1"), awk=awk)
    assert [(each.hindrance, each.start, each.end) for each in told] == [(hindrance, 0, 0)]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("text", NOTHING)
def test_references_empty_values_mentions_and_comments_are_no_credentials(
    text: str, awk: str
) -> None:
    assert recognise("nu", text.encode("latin-1"), awk=awk) == []


def test_two_lines_that_are_all_of_a_block_both_stay() -> None:
    text = b"export-env {\n$env.CACHIX_AUTH_TOKEN = 'a'\n$env.CACHIX_SIGNING_KEY = 'b'\n}\n"
    assert [(each.kind, each.line, each.hindrance) for each in recognise("nu", text)] == [
        ("auth-token", 2, "block"),
        ("signing-key", 3, "block"),
    ]


NU = Language(
    whole=(
        '$env.CACHIX_AUTH_TOKEN = "{}"',
        "$env.CACHIX_SIGNING_KEY = '{}' # mine",
        "$env.CACHIX_AGENT_TOKEN = r#'{}'#;",
        'let-env CACHIX_ACTIVATE_TOKEN = "{}"',
    ),
    part=(
        "if $env.A { $env.CACHIX_AUTH_TOKEN = '{}' }",
        "$env.CACHIX_AUTH_TOKEN = '{}'; print a",
        "CACHIX_AUTH_TOKEN={} cachix push a",
        "alias push = ^sh -c 'CACHIX_AUTH_TOKEN={} cachix push'",
        "$env.CACHIX_AUTH_TOKEN = (\n  '{}'\n)",
        "$env.CACHIX_AUTH_TOKEN = '{}\n}'",
        "$env.CACHIX_AUTH_TOKEN = '{}'\n  # a comment\n  | str trim",
        "load-env { CACHIX_AUTH_TOKEN: '{}', A: b }",
        "load-env {\n  A: b\n  CACHIX_AUTH_TOKEN: '{}'\n}",
        "$env.CACHIX_AUTH_TOKEN = $'($env.A){}'",
    ),
    plain=(
        "print a; print b",
        "$env.PATH = ($env.PATH | prepend [\n  /a # it's\n  /b\n])",
        "print 'if {\n}' \"it's # no comment\n)\"",
        "print $\"it's (echo ')\"') \\(\"",
        "print r##'a'#\n}'##",
        "$env.config = { show_banner: false, hooks: { pre_prompt: [{|| print '}' }] } }",
        "$env.CACHIX_AUTH_TOKEN = (pass 'a b')",
        "hide-env CACHIX_AUTH_TOKEN",
        "print a#b'\xe4\xff'",
        "ls\n  # a comment\n  | where size > 1kb",
    ),
    remark=("", "# $env.CACHIX_AUTH_TOKEN = '{}'", "# it's } \\"),
    blocks=(
        ("if $env.A {", "}"),
        ("if $env.A == '{' {", "} else if $env.B { # a", "} else {", "}"),
        ("do --env {|a, b|", "}"),
        ("export def --env f [\n  a: string # it's\n] {", "}"),
        ("for i in [a b] {", "}"),
        ("try {", "} catch { |e|", "}"),
    ),
)


@given(files(NU), st.sampled_from(AWKS))
@settings(max_examples=50, deadline=None)
def test_of_any_file_all_whole_lines_go_and_the_rest_is_told(planted: Planted, awk: str) -> None:
    check(planted, recognise("nu", planted.content, awk=awk))
