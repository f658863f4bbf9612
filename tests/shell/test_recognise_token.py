"""Files that are a secret themselves."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.recognised import AWKS, Credential, cut, recognise

TOKEN = "eyJhbGciOiJub25lIn0.bWFkZSB1cA.c2lnbmF0dXJl"
PLAIN = "0123456789abcdef"
SECRET_KEY = "Aa0+" * 21 + "Aa=="
PUBLIC_KEY = "Aa0+" * 10 + "Aa0="

SECRET = {
    "a word": (PLAIN, "auth-token", 1, ""),
    "a token": (f"{TOKEN}\n", "auth-token", 1, ""),
    "behind a comment": (f"# the token\n\n  {PLAIN}\r\n", "auth-token", 3, ""),
    "quotes": (f'"{PLAIN}"\n', "auth-token", 1, ""),
    "a token among words": (f"the token: {TOKEN}\n", "auth-token", 1, ""),
    "a signing key": (f"{SECRET_KEY}\n", "auth-token", 1, ""),
    "a named signing key": (f"mine-1:{SECRET_KEY}\n", "auth-token", 1, "mine"),
    "a signing key of cachix": (f"mine-2.cachix.org-1:{SECRET_KEY}", "auth-token", 1, "mine-2"),
    "other letters": ("passwörterbücher", "auth-token", 1, ""),
    "an environment file": ("CACHIX_AGENT_TOKEN=abc\n", "agent-token", 1, ""),
    "a shell file": ('x\nexport CACHIX_AGENT_TOKEN="abc" # it\n', "agent-token", 2, ""),
    "single quotes": ("CACHIX_AUTH_TOKEN='$abc'\n", "auth-token", 1, ""),
    "a comment with the token": (f"CACHIX_AUTH_TOKEN= # {TOKEN}\n", "auth-token", 1, ""),
    "a key with its name": (
        f"CACHIX_SIGNING_KEY=mine.cachix.org-1:{SECRET_KEY}\n",
        "signing-key",
        1,
        "mine",
    ),
    "blanks": ("CACHIX_AGENT_TOKEN = abc\n", "agent-token", 1, ""),
    "other variables before": ("A=b CACHIX_AGENT_TOKEN=abc\n", "agent-token", 1, ""),
    "more behind": ("CACHIX_AGENT_TOKEN=abc; export CACHIX_AGENT_TOKEN\n", "agent-token", 1, ""),
    "a default": ("CACHIX_AGENT_TOKEN=${X:-abc}\n", "agent-token", 1, ""),
    "an expansion and more": ("CACHIX_AGENT_TOKEN=${X}abc\n", "agent-token", 1, ""),
    "a command with the token": (
        f"CACHIX_AGENT_TOKEN=$(echo {TOKEN})\n",
        "agent-token",
        1,
        "",
    ),
    "a token before an empty value": (f"X={TOKEN} CACHIX_AGENT_TOKEN=", "auth-token", 1, ""),
    "JSON": ('"CACHIX_AGENT_TOKEN": "abc"\n', "agent-token", 1, ""),
    "YAML": ("CACHIX_ACTIVATE_TOKEN: abc\n", "activate-token", 1, ""),
    "fish": ("set -gx CACHIX_AGENT_TOKEN abc\n", "agent-token", 1, ""),
    "another variable": (f"TOKEN={PLAIN}\n", "auth-token", 1, ""),
    "another variable's token": (f"TOKEN='{TOKEN}' x\n", "auth-token", 1, ""),
}

# What would go with a whole file of these.
NOT_ALONE = {
    "a token among words",
    "a shell file",
    "a comment with the token",
    "other variables before",
    "more behind",
    "a command with the token",
    "a token before an empty value",
    "another variable",
    "another variable's token",
}

CLEAN = {
    "nothing": "",
    "blanks": " \n\r\n\t",
    "comments": "# abcdefghijklmnopqrstuvwxyz\n  # CACHIX_AGENT_TOKEN=abc\n",
    "a short word": "none\n",
    "words": "there is no token in this file\n",
    "an empty value": "CACHIX_AGENT_TOKEN=\nexport CACHIX_AUTH_TOKEN='' # none\n",
    "an empty value and a comment": 'CACHIX_AGENT_TOKEN= # none\nCACHIX_AUTH_TOKEN="" \r\n',
    "references": 'CACHIX_AGENT_TOKEN=op://vault/item/field\nCACHIX_AUTH_TOKEN="{{ token }}"\n',
    "a bare reference": "op://vault/item/field-of-token\n",
    "a bare expansion": "${CACHIX_AGENT_TOKEN:-}\n",
    "expansions": 'CACHIX_AGENT_TOKEN=$X\nCACHIX_AUTH_TOKEN="${X:-}"\n'
    "CACHIX_SIGNING_KEY=`pass x`\nCACHIX_ACTIVATE_TOKEN=$(pass a/b)\n",
    "mentions": "export CACHIX_AGENT_TOKEN\nunset CACHIX_AGENT_TOKEN\necho $CACHIX_AGENT_TOKEN\n"
    '[ "$CACHIX_AGENT_TOKEN" = x ] || [ "${CACHIX_AGENT_TOKEN}" = x ]\n',
    "a longer name": "MY_CACHIX_AGENT_TOKEN=abc\n",
    "another variable's path": "PATH=/usr/local/bin:/usr/bin:/bin\n",
    "a public key": f"mine.cachix.org-1:{PUBLIC_KEY}\n",
}


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("name", SECRET)
def test_a_secret_is_told_with_its_kind_and_line(name: str, awk: str) -> None:
    content, kind, line, cache = SECRET[name]
    assert recognise("token", content.encode(), bare="auth-token", awk=awk) == [
        Credential(kind, line, 0, 0, "not-alone" if name in NOT_ALONE else "", cache)
    ]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    "beside",
    [
        "umask 077",
        "none",
        "$(cat it)",
        # What may take the next line for its own, or the last one.
        "A=b \\",
        "A='b",
        'A="b',
        "A=`b",
        "A=(b",
        "A=b'c",
        "A=$(cat <<E",
        "A=b\rC=d",
        "A='b' 'c",
        # What takes the value from the line.
        'A="it is $CACHIX_AGENT_TOKEN"',
        "A=${CACHIX_AGENT_TOKEN}",
        "A=b cachix deploy agent it",
    ],
)
def test_a_file_that_holds_something_else_does_not_go(beside: str, awk: str) -> None:
    for content in (f"CACHIX_AGENT_TOKEN=abc\n{beside}\n", f"{beside}\n{TOKEN}\n"):
        found = recognise("token", content.encode(), bare="auth-token", awk=awk)
        assert {(each.hindrance, each.end) for each in found} == {("not-alone", 0)}


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    "line",
    [
        "CACHIX_AGENT_TOKEN=abc",
        "export CACHIX_AGENT_TOKEN='a b$c' # it",
        '  CACHIX_AGENT_TOKEN="a=b" \r',
        "CACHIX_AGENT_TOKEN=a\nCACHIX_SIGNING_KEY=c\nCACHIX_AGENT_TOKEN=b",
    ],
)
def test_of_an_environment_file_the_line_goes_and_other_settings_stay(line: str, awk: str) -> None:
    before = "# the agent's, which isn't\n; it\n\nHTTPS_PROXY=http://p.example:3128/?a#b\r\n"
    after = (
        f"AGENT_PROFILE=long-{PLAIN}\nNO_PROXY='a, \"b' # it's\nexport CACHIX_AUTH_TOKEN\n A = \"\""
    )
    content = f"{before}{line}\n{after}".encode()
    told = recognise("token", content, bare="auth-token", awk=awk)
    assert [each.hindrance for each in told if each.end] == [""] * len(line.splitlines())
    assert cut(content, [each for each in told if each.end]) == f"{before}{after}".encode()
    at_its_end = f"{before}{line}".encode()
    assert cut(at_its_end, recognise("token", at_its_end, awk=awk)) == before.encode()


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    "line",
    [
        "CACHIX_AGENT_TOKEN=abc B=c",
        "CACHIX_AGENT_TOKEN=a;b",
        "CACHIX_AGENT_TOKEN=${A:-abc}",
        "CACHIX_AGENT_TOKEN=abc \\",
        "# it \\\r\nCACHIX_AGENT_TOKEN=abc",
        "CACHIX_AGENT_TOKEN: abc",
        "CACHIX_AGENT_TOKEN=abc\rB=c",
        f"CACHIX_AGENT_TOKEN= # {TOKEN}",
        f"TOKEN={TOKEN}",
        f"A=b # {TOKEN}",
        TOKEN,
    ],
)
def test_of_an_environment_file_a_line_that_does_more_stays(line: str, awk: str) -> None:
    content = f"HTTPS_PROXY=http://proxy.example:3128\n{line}\n".encode()
    [told] = recognise("token", content, bare="auth-token", awk=awk)
    assert (told.line, told.end, told.hindrance) == (content.count(b"\n"), 0, "not-alone")


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    "beside", ["# of the builder", "", "export CACHIX_AGENT_TOKEN", "CACHIX_AUTH_TOKEN=''"]
)
def test_a_file_that_holds_nothing_else_goes(beside: str, awk: str) -> None:
    for content in (f"CACHIX_AGENT_TOKEN=abc\n{beside}\n", f"{beside}\n{TOKEN}\n"):
        [told] = recognise("token", content.encode(), bare="auth-token", awk=awk)
        assert told.hindrance == ""


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("name", CLEAN)
def test_a_file_without_a_secret_is_clean(name: str, awk: str) -> None:
    assert recognise("token", CLEAN[name].encode(), awk=awk) == []


@pytest.mark.parametrize("awk", AWKS)
def test_each_kind_is_told_once_with_its_first_line(awk: str) -> None:
    lines = ["CACHIX_AGENT_TOKEN=a", TOKEN, "CACHIX_AGENT_TOKEN=b", "CACHIX_SIGNING_KEY=c", PLAIN]
    content = "\n".join(lines)
    assert recognise("token", content.encode(), bare="unclear", awk=awk) == [
        Credential("agent-token", 1, 0, 0, "", ""),
        Credential("unclear", 2, 0, 0, "", ""),
        Credential("signing-key", 4, 0, 0, "", ""),
    ]


# Neither a path nor a row of x'es.
WORDS = st.text(alphabet="abcXYZ019+/_.-", min_size=16, max_size=90).filter(
    lambda word: not re.match("[.]{0,2}/", word) and re.search("[a-c0-9]", word)
)


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(WORDS, st.sampled_from(["", "=", "=="])).map("".join),
    st.sampled_from(["{}", "{}\n", "\n# x\n{}", "  {}\r\n", "'{}'", 'CACHIX_AUTH_TOKEN="{}"']),
)
def test_no_long_word_passes_unseen(word: str, form: str) -> None:
    assert len(recognise("token", form.format(word).encode(), bare="auth-token")) == 1
