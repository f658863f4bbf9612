"""Secrets among what hides them: other scripts and bytes, documents, options, other programs."""

import os

import pytest

from tests.shell.recognised import AWKS, recognise

TOKEN = "eyJhbGciOiJIUzI1NiJ9.bWFkZS11cA"
OPAQUE = "Zk3pQ9rT7vX2wB5n"
KEY = "/" + "Aa0+" * 21 + "a=="

FOUND = {
    "behind Hangul": ("token", f"토큰\n{TOKEN}\n", 2),
    "behind kana": ("token", f"トークン\n{OPAQUE}\n", 2),
    "a configuration in UTF-8 with a mark": (
        "dhall",
        f'\ufeff{{\n authToken = "{TOKEN}" }}\n',
        None,
    ),
    "partly encrypted by sops": (
        "dhall",
        f'{{\n"authToken": "{TOKEN}",\n"sops": {{\n "mac": "ENC[AES256_GCM,data:x]"\n}} }}\n',
        2,
    ),
    "behind a message that does not end": (
        "dhall",
        f'-----BEGIN PGP MESSAGE-----\n{{ authToken = "{OPAQUE}" }}\n',
        None,
    ),
    "a configuration that a shell writes": (
        "sh",
        f'cat > ~/.config/cachix/cachix.dhall <<EOF\n{{ authToken = "{TOKEN}" }}\nEOF\n',
        2,
    ),
    "a document that is piped": (
        "sh",
        f"cat <<EOF | cachix authtoken --stdin\n{OPAQUE}\nEOF\n",
        2,
    ),
    "a variable that is piped": (
        "sh",
        f"T='{TOKEN}'\nprintf %s \"$T\" | cachix authtoken --stdin\n",
        1,
    ),
    "a document that was typed": (
        "history",
        f'cat > ~/.config/cachix/cachix.dhall <<EOF\n{{ authToken = "{TOKEN}" }}\nEOF\n',
        2,
    ),
    "an alias that was typed": ("history", f"cx authtoken {TOKEN}\n", 1),
    "a command typed over two lines": ("history", f"cachix \\\nauthtoken {OPAQUE}\n", 1),
    "in a shell with git": (
        "history",
        f'nix-shell -p git cachix --run "cachix authtoken {OPAQUE}"\n',
        1,
    ),
    "on a host called git": (
        "history",
        f"ssh git 'CACHIX_AUTH_TOKEN={OPAQUE} cachix push x y'\n",
        1,
    ),
    "right behind an option": ("history", f'gh secret set CACHIX_AUTH_TOKEN -b"{OPAQUE}"\n', 1),
    "behind two options": (
        "history",
        f"gh secret set CACHIX_AUTH_TOKEN --repo a/b --body {OPAQUE}\n",
        1,
    ),
    "an option of a unit's command": (
        "unit",
        f"[Service]\nExecStart=/usr/bin/cachix deploy agent --token {TOKEN}\n",
        2,
    ),
    "a header of a job's command": (
        "plist",
        f"<plist><string>curl -H 'Authorization: Bearer {TOKEN}' https://app.cachix.org/</string>\n",
        1,
    ),
    "under another name": ("assignments", f"CACHIX_TOKEN={TOKEN}\n", 1),
    "a key that begins with a slash": (
        "sh",
        f"KEY=mine.cachix.org-1:{KEY}\nexport CACHIX_SIGNING_KEY=$KEY\n",
        1,
    ),
}


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(("syntax", "text", "line"), FOUND.values(), ids=list(FOUND))
def test_a_secret_is_found(syntax: str, text: str, line: int | None, awk: str) -> None:
    told = recognise(syntax, text.encode(), awk=awk)
    assert told
    assert line is None or line in {each.line for each in told}
    assert all(each.hindrance or each.start == each.end == 0 for each in told)


@pytest.mark.parametrize("awk", AWKS)
def test_a_token_in_utf_16_is_found(awk: str) -> None:
    assert recognise("token", f"{TOKEN}\n".encode("utf-16"), awk=awk)


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", ["history", "sh", "unit"])
def test_a_line_that_names_a_variable_again_and_again_is_read_in_time(
    syntax: str, awk: str
) -> None:
    text = "CACHIX_AUTH_TOKEN=$X " * 250 + "\n"
    before = os.times().children_user
    assert all(each.hindrance for each in recognise(syntax, text.encode(), awk=awk))
    assert os.times().children_user - before < 15


@pytest.mark.parametrize("awk", AWKS)
def test_what_stands_behind_a_quote_that_nothing_closes_is_read_in_time(awk: str) -> None:
    text = 'A="\n' + "a line of a script\n" * 100_000 + f"CACHIX_AUTH_TOKEN={TOKEN}\n"
    before = os.times().children_user
    [told] = recognise("assignments", text.encode(), awk=awk)
    assert os.times().children_user - before < 15
    assert told.hindrance == "several-lines"


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    ("syntax", "text"),
    [
        ("assignments", "A=b # for cachix: eyJ...\n"),
        ("unit", "[Service]\n# cachix eyJ...\nExecStart=/bin/true\n"),
        ("sh", "x=$((1<<A)) # cachix\nEOF\n"),
        ("history", "git log --grep authToken\n"),
    ],
)
def test_a_comment_or_a_search_is_none(syntax: str, text: str, awk: str) -> None:
    assert recognise(syntax, text.encode(), awk=awk) == []


@pytest.mark.parametrize("awk", AWKS)
def test_a_variable_of_a_job_is_told_once_with_the_line_of_its_name(awk: str) -> None:
    lines = ("<plist>", "<key>CACHIX_AUTH_TOKEN</key>", f"<string>{TOKEN}</string>", "</plist>")
    told = recognise("plist", "\n".join(lines).encode(), awk=awk)
    assert [(each.kind, each.line) for each in told] == [("auth-token", 2)]
