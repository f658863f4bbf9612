"""Tokens that are given to Cachix other than in one of its variables: told, and never cut."""

import os

import pytest

from tests.shell.recognised import AWKS, recognise

TOKEN = "eyJhbGciOiJIUzI1NiJ9.bWFkZS11cA"
# A token like any word, and a key.
OPAQUE = "aFyePmdDkUrJKkwGTnuV95"
KEY = "Aa0+" * 21 + "Aa=="

# What stands for those three: @t, @o, @k.
EVERYWHERE = [
    "cachix -v authtoken @o",
    "cachix --config F authtoken @o",
    "cachix authtoken --config F @o",
    "nix run nixpkgs#cachix -- authtoken @o",
    "nix shell nixpkgs#cachix -c cachix authtoken @o",
    "sudo cachix authtoken @o",
    "env X=y cachix authtoken @o",
    "/nix/store/x-cachix/bin/cachix authtoken '@o'",
    "echo @o | cachix authtoken --stdin",
    "printf %s @o | cachix authtoken --stdin",
    "echo '@o' | sudo cachix authtoken --stdin",
    "echo @o |\n  cachix authtoken --stdin",
    "echo @o \\\n  | cachix authtoken --stdin",
    "cachix \\\n  authtoken @o",
    'echo "machine mine.cachix.org password @t" >> ~/.netrc',
    'curl -H "Authorization: Bearer @t" https://app.cachix.org/api/v1/cache',
    "gh secret set CACHIX_AUTH_TOKEN --body @t",
    "echo @t | gh secret set CACHIX_AUTH_TOKEN",
    "echo '{ authToken = \"@t\" }' > ~/.config/cachix/cachix.dhall",
    "X_CACHIX_TOKEN=@t",
]
TOLD = {
    "sh": [
        *EVERYWHERE,
        "cachix authtoken --stdin <<< @o",
        "cachix authtoken --stdin < <(echo @o)",
        "cachix authtoken $(echo @o)",
        "T1=@t; export CACHIX_AUTH_TOKEN=$T1",
        "if x; then cachix authtoken @o; fi",
        "x() { cachix authtoken @o; }",
    ],
    "fish": [
        *EVERYWHERE,
        "cachix authtoken (echo @o)",
        "cachix authtoken --stdin < (echo @o | psub)",
        "echo @t | read -l t; cachix authtoken $t",
        "cachix authtoken @o; and echo done",
    ],
    "plain": [
        *EVERYWHERE,
        "'@o' | cachix authtoken --stdin",
        '"@o" | ^cachix authtoken --stdin',
    ],
    "history": [
        *EVERYWHERE,
        "cachix authtoken --stdin <<< @o",
        "cachix authtoken (echo @o)",
        "'@o' | cachix authtoken --stdin",
    ],
}
NOWHERE = [
    "echo $X | cachix authtoken --stdin",
    "pass show cachix |\n  cachix authtoken --stdin",
    "sudo cachix authtoken $X",
    "nix run nixpkgs#cachix -- authtoken $X",
    "cachix authtoken --stdin < ~/.token",
    "echo 'usage: cachix authtoken TOKEN'",
    "echo 'cachix authtoken sets the token'",
    "rg 'cachix authtoken @o' .",
    "nix hash to-sri sha512-@k cachix",
    "# echo @o | cachix authtoken --stdin",
    "curl -H 'Authorization: Bearer @t' https://example.org",
    "nix build --substituters https://mine.cachix.org --trusted-public-keys mine.cachix.org-1:"
    "awgC7Sut148An/CZ6TZA+wnUtJmJnOvl5NThGio9j5k=",
]

# Why it stays: of what is read as plain text nothing is cut anyway.
WHY = {"history": "history", "plain": ""}

REMARKS = ["ls # cachix authtoken @o", "echo a # @o is of cachix"]


def content(case: str) -> bytes:
    written = case.replace("@t", TOKEN).replace("@o", OPAQUE).replace("@k", KEY)
    return f"x\n{written}\nx\n".encode()


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", TOLD)
def test_a_token_that_is_given_to_cachix_is_told_once_and_stays(syntax: str, awk: str) -> None:
    for case in TOLD[syntax]:
        found = recognise(syntax, content(case), awk=awk)
        why = WHY.get(syntax, "compound")
        assert [(each.line, each.hindrance) for each in found] == [(2, why)], case


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", TOLD)
def test_what_holds_no_token_is_clean(syntax: str, awk: str) -> None:
    for case in [*NOWHERE, *(REMARKS if syntax != "history" else [])]:
        assert recognise(syntax, content(case), awk=awk) == [], case


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", ["sh", "plain"])
def test_a_here_document_for_cachix_is_looked_into(syntax: str, awk: str) -> None:
    document = "cachix authtoken --stdin <<EOF\n{}\nEOF\necho abc\n"
    found = recognise(syntax, document.format(OPAQUE).encode(), awk=awk)
    assert [(each.line, each.hindrance) for each in found] == [(2, WHY.get(syntax, "compound"))]
    assert recognise(syntax, document.format("$TOKEN").encode(), awk=awk) == []


def test_a_line_that_is_cut_is_not_told_besides() -> None:
    [found] = recognise("sh", f"export CACHIX_AUTH_TOKEN={TOKEN} # cachix\n".encode())
    assert not found.hindrance


@pytest.mark.parametrize("awk", AWKS)
def test_a_long_line_about_cachix_is_read_at_once(awk: str) -> None:
    content = f"""X="{'cachix authtoken # "a" ' * 2000}"\ncachix authtoken {OPAQUE}\n"""
    before = os.times().children_user
    assert [each.line for each in recognise("sh", content.encode(), awk=awk)] == [2]
    assert os.times().children_user - before < 2
