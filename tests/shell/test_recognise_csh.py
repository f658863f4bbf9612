"""Credentials in csh's and tcsh's start-up files: what is found, and what may be cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.planted import Language, Planted, check, files
from tests.shell.recognised import AWKS, cut, recognise

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJmYWtlIjoxfQ.bWFkZXVw"

GO = {
    "setenv": "setenv CACHIX_AUTH_TOKEN abc\n",
    "setenv, in quotes": "setenv CACHIX_SIGNING_KEY 'abc=='\n",
    "setenv, in double quotes": '  setenv CACHIX_AGENT_TOKEN "a b" # mine\n',
    "a number sign within": "setenv CACHIX_AUTH_TOKEN a#bc\n",
    "a semicolon behind": "setenv CACHIX_AUTH_TOKEN abc;\n",
    "set": "set CACHIX_AUTH_TOKEN=abc\n",
    "set, with blanks": "set CACHIX_AUTH_TOKEN = 'abc'\n",
    "set, with an option": "set -r CACHIX_AUTH_TOKEN = abc\n",
    "carriage return": "setenv CACHIX_AUTH_TOKEN abc\r\n",
    "no newline": "setenv CACHIX_AUTH_TOKEN abc",
    "beyond ASCII": "setenv CACHIX_AUTH_TOKEN 'äbc' # ö\n",
}

STAY = {
    "compound": [
        "setenv CACHIX_AUTH_TOKEN abc; echo a\n",
        "echo a; setenv CACHIX_AUTH_TOKEN abc\n",
        "if (! $?X) setenv CACHIX_AUTH_TOKEN abc\n",
        "if (1) set CACHIX_AUTH_TOKEN = abc\n",
        "test -f a && setenv CACHIX_AUTH_TOKEN abc\n",
        "setenv CACHIX_AUTH_TOKEN abc || echo\n",
        "setenv CACHIX_AUTH_TOKEN abc >/dev/null\n",
        "setenv CACHIX_AUTH_TOKEN abc def\n",
        "setenv CACHIX_AUTH_TOKEN a$HOME\n",
        "setenv CACHIX_AUTH_TOKEN a`pass a`\n",
        "setenv CACHIX_AUTH_TOKEN `echo abc`\n",
        "setenv CACHIX_AUTH_TOKEN ~abc\n",
        f"setenv CACHIX_AUTH_TOKEN `decode {JWT}`\n",
        "set A=b CACHIX_AUTH_TOKEN=abc\n",
        "set CACHIX_AUTH_TOKEN=abc A=b\n",
        "set CACHIX_AUTH_TOKEN = (abc def)\n",
        "set CACHIX_AUTH_TOKEN=(abc def)\n",
        "set CACHIX_AUTH_TOKEN[1]=abc\n",
        "@ CACHIX_AUTH_TOKEN = 5\n",
        "env CACHIX_AUTH_TOKEN=abc cachix push a\n",
        "(setenv CACHIX_AUTH_TOKEN abc; cachix push a)\n",
        "alias push 'env CACHIX_AUTH_TOKEN=abc cachix push'\n",
        "alias token setenv CACHIX_AUTH_TOKEN abc\n",
        "alias token 'setenv CACHIX_AUTH_TOKEN abc'\n",
        "sh -c 'export CACHIX_AUTH_TOKEN=\"abc\"'\n",
        "echo `env CACHIX_AUTH_TOKEN=abc cachix push`\n",
        "cat <<EOF\nsetenv CACHIX_AUTH_TOKEN abc\nEOF\n",
        "cat << 'EOF'; echo\nEOF\nCACHIX_AUTH_TOKEN=abc\n'EOF'\n",
        f"mine CACHIX_AUTH_TOKEN {JWT}\n",
        "cachix authtoken abc\n",
        "if (1) then; setenv CACHIX_AUTH_TOKEN abc; endif\n",
    ],
    "several-lines": [
        "setenv CACHIX_AUTH_TOKEN \\\n  abc\n",
        "setenv CACHIX_AUTH_TOKEN 'a\\\nbc'\n",
        "echo a # a comment \\\nsetenv CACHIX_AUTH_TOKEN abc\n",
        "if (1) \\\nsetenv CACHIX_AUTH_TOKEN abc\n",
        "\\\nsetenv CACHIX_AUTH_TOKEN abc\n",
    ],
    "block": [
        "if (1) then\nsetenv CACHIX_AUTH_TOKEN abc\nendif\n",
        "if (1) then # c\n# c\nsetenv CACHIX_AUTH_TOKEN abc\n\nelse\necho a\nendif\n",
        "if (1) then\necho a\nelse\nsetenv CACHIX_AUTH_TOKEN abc\nendif\n",
        "if (1) then\necho\nelse if (2) then\nsetenv CACHIX_AUTH_TOKEN abc\nendif\n",
        "foreach i (a b)\nsetenv CACHIX_AUTH_TOKEN abc\nend\n",
        "while (1)\nsetenv CACHIX_AUTH_TOKEN abc\nend\n",
        "switch ($a)\ncase a:\nsetenv CACHIX_AUTH_TOKEN abc\nbreaksw\ndefault:\necho\nendsw\n",
        "switch ($a)\ncase a:\necho\nbreaksw\ndefault:\nsetenv CACHIX_AUTH_TOKEN abc\nendsw\n",
    ],
    "unclear": [
        "echo 'a\nsetenv CACHIX_AUTH_TOKEN abc\n",
        "echo it's\nsetenv CACHIX_AUTH_TOKEN abc\n",
        "(echo\nsetenv CACHIX_AUTH_TOKEN abc\n",
        "cat <<EOF\nsetenv CACHIX_AUTH_TOKEN abc\n",
        "if (1) then\nsetenv CACHIX_AUTH_TOKEN abc\necho a\n",
        "endif\nsetenv CACHIX_AUTH_TOKEN abc\n",
        "foreach i (a)\nendif\nsetenv CACHIX_AUTH_TOKEN abc\nend\n",
        'setenv CACHIX_AUTH_TOKEN "abc\n',
        "setenv CACHIX_AUTH_TOKEN \\\r\nabc\r\n",
        "cat <<EOF\nsetenv CACHIX_AUTH_TOKEN `echo abc`\n",
        "setenv CACHIX_AUTH_TOKEN 'abc\\'\n",
        "if (1) then\ncat <<EOF\nendif\nEOF\nsetenv CACHIX_AUTH_TOKEN abc\necho\nendif\n",
    ],
}

NOTHING = [
    "",
    "unsetenv CACHIX_AUTH_TOKEN\n",
    "setenv CACHIX_AUTH_TOKEN\n",
    "setenv CACHIX_AUTH_TOKEN ''\n",
    'setenv CACHIX_AUTH_TOKEN ""\n',
    "set CACHIX_AUTH_TOKEN\n",
    "set CACHIX_AUTH_TOKEN = ''\n",
    "setenv CACHIX_AUTH_TOKEN `pass cachix`\n",
    'setenv CACHIX_AUTH_TOKEN "`pass cachix | head -n 1`"\n',
    "setenv CACHIX_AUTH_TOKEN $TOKEN\n",
    'setenv CACHIX_AUTH_TOKEN "${TOKEN}"\n',
    "setenv CACHIX_AUTH_TOKEN $TOKEN:q\n",
    "set CACHIX_AUTH_TOKEN = $<\n",
    "setenv CACHIX_AUTH_TOKEN op://vault/cachix/token1\n",
    "setenv CACHIX_AUTH_TOKEN '{{ token }}'\n",
    "# setenv CACHIX_AUTH_TOKEN abc\n",
    "echo a # setenv CACHIX_AUTH_TOKEN abc\n",
    'if ($?CACHIX_AUTH_TOKEN) echo "$CACHIX_AUTH_TOKEN"\n',
    'if ("$CACHIX_AUTH_TOKEN" == "") echo CACHIX_AUTH_TOKEN is not set\n',
    "setenv MY_CACHIX_AUTH_TOKEN abc\n",
    "setenv CACHIX_AUTH_TOKEN_FILE abc\n",
    "cachix authtoken `pass cachix`\n",
    "cachix authtoken --stdin < ~/.token\n",
]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("line", GO.values(), ids=list(GO))
def test_a_line_that_sets_a_variable_to_a_literal_goes_whole(line: str, awk: str) -> None:
    before = b"echo '\xe4'\nif (1) then\necho\n"
    after = b"endif\n# \xff\nsetenv CACHIX_AUTH_TOKEN `pass a`"
    if not line.endswith("\n"):
        before, after = b"# \xe4\r\n", b""
    content = before + line.encode("latin-1") + after
    assert cut(content, recognise("csh", content, awk=awk)) == before + after


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    ("hindrance", "text"), [(name, text) for name, texts in STAY.items() for text in texts]
)
def test_what_hinders_the_cut_is_told(hindrance: str, text: str, awk: str) -> None:
    told = recognise("csh", text.encode("latin-1"), awk=awk)
    assert [(each.hindrance, each.start, each.end) for each in told] == [(hindrance, 0, 0)]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("text", NOTHING)
def test_references_empty_values_mentions_and_comments_are_no_credentials(
    text: str, awk: str
) -> None:
    assert recognise("csh", text.encode("latin-1"), awk=awk) == []


def test_every_line_of_a_word_is_told() -> None:
    told = recognise("csh", b"setenv CACHIX_AUTH_TOKEN 'a\\\nCACHIX_AGENT_TOKEN=b'\n")
    assert [(each.kind, each.line) for each in told] == [("auth-token", 1), ("agent-token", 2)]


def test_a_literal_behind_a_variable_is_told_in_a_text_too() -> None:
    told = recognise("csh", b"alias x 'setenv CACHIX_AUTH_TOKEN $X-abc'\n")
    assert [(each.line, each.hindrance) for each in told] == [(1, "compound")]
    assert recognise("csh", b"alias x 'setenv CACHIX_AUTH_TOKEN ${X:q}$Y'\n") == []


def test_two_lines_that_are_all_of_a_block_both_stay() -> None:
    text = b"if (1) then\nsetenv CACHIX_AUTH_TOKEN a\nset CACHIX_SIGNING_KEY=b\nendif\n"
    assert [(each.kind, each.line, each.hindrance) for each in recognise("csh", text)] == [
        ("auth-token", 2, "block"),
        ("signing-key", 3, "block"),
    ]


CSH = Language(
    whole=(
        "setenv CACHIX_AUTH_TOKEN {}",
        "setenv CACHIX_SIGNING_KEY '{}' # mine",
        'setenv CACHIX_AGENT_TOKEN "{}";',
        "set CACHIX_ACTIVATE_TOKEN={}",
        "set CACHIX_ACTIVATE_TOKEN = {}",
    ),
    part=(
        "if (! $?A) setenv CACHIX_AUTH_TOKEN {}",
        "setenv CACHIX_AUTH_TOKEN {}; rehash",
        "env CACHIX_AUTH_TOKEN={} cachix push a",
        "alias push 'env CACHIX_AUTH_TOKEN={} cachix push'",
        "setenv CACHIX_AUTH_TOKEN \\\n  {}",
        "setenv CACHIX_AUTH_TOKEN '{}\\\nend'",
        "cat <<A\n  setenv CACHIX_AUTH_TOKEN {}\n'\nA",
        "setenv CACHIX_AUTH_TOKEN $A{}",
    ),
    plain=(
        "echo a; echo b",
        "set path = ($path /a)",
        "echo 'if\\\nend' \"it's # no comment\\\nend\"",
        "(echo a; echo b) | cat",
        "echo a \\\n b # it's",
        "cat << \\A\nend'\n(\n\\A",
        "setenv CACHIX_AUTH_TOKEN `pass 'a b'`",
        "unsetenv CACHIX_AUTH_TOKEN",
        "echo a\xe4#\xff",
        "if (1) echo then it\\'s",
    ),
    remark=("", "# setenv CACHIX_AUTH_TOKEN {}", "# it's", ";"),
    blocks=(
        ("if ($?a) then", "endif"),
        ("if ($?a && \\\n 1) then # a", "else if (1) then", "else", "endif # if"),
        ("while (1)", "end"),
        ("foreach i (a b)", "end"),
        ("switch ($a)\n# arms\ncase a:", "breaksw\ncase b*:", "default:", "endsw"),
    ),
)


@given(files(CSH), st.sampled_from(AWKS))
@settings(max_examples=50, deadline=None)
def test_of_any_file_all_whole_lines_go_and_the_rest_is_told(planted: Planted, awk: str) -> None:
    check(planted, recognise("csh", planted.content, awk=awk))
