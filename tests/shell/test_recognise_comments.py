"""What is clearly a token in a comment about Cachix is told and stays; anything less is clean."""

import base64

import pytest

from tests.shell.recognised import AWKS, Credential, recognise

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJtYWRlLXVwIn0.bWFkZS11cC1tYWRlLXVw"
KEY = base64.b64encode(bytes(range(100, 164))).decode()
# Of each syntax lines with a credential in a comment, `@` its place, and the kind.
TOLD: dict[str, list[tuple[str, str]]] = {
    "sh": [
        ("# export CACHIX_AUTH_TOKEN=@", "auth-token"),
        ("  #export CACHIX_AGENT_TOKEN='@'", "agent-token"),
        ("#cachix authtoken @", "auth-token"),
        ("export EDITOR=vi # the token of Cachix: @", "unclear"),
        ("ls; # cachix authtoken @", "auth-token"),
        ("# was: echo @ | cachix authtoken --stdin", "auth-token"),
        ("# my token of Cachix\n# @", "unclear"),
        ("# mine.cachix.org\n#\n#   token: @", "unclear"),
    ],
    "fish": [
        ("# set -x CACHIX_AUTH_TOKEN @", "auth-token"),
        ("set -gx EDITOR vi # cachix: @", "unclear"),
    ],
    "fish-variables": [("# SETUVAR --export CACHIX_AUTH_TOKEN:@", "auth-token")],
    "plain": [
        ("# setenv CACHIX_AUTH_TOKEN @", "auth-token"),
        ('# $env.CACHIX_AUTH_TOKEN = "@"', "auth-token"),
        ("# CACHIX_AUTH_TOKEN DEFAULT=@", "auth-token"),
    ],
    "assignments": [
        ("# CACHIX_AUTH_TOKEN=@", "auth-token"),
        ("; CACHIX_AUTH_TOKEN=@", "auth-token"),
        ("A=b # cachix @", "unclear"),
    ],
    "netrc": [
        ("# machine mine.cachix.org password @", "auth-token"),
        ("# machine mine.cachix.org\n#   login x\n#   password @", "auth-token"),
    ],
    "unit": [
        ("# Environment=CACHIX_AUTH_TOKEN=@", "auth-token"),
        ("; Environment=CACHIX_AUTH_TOKEN=@", "auth-token"),
    ],
    "plist": [
        ("<plist><!-- <key>CACHIX_AUTH_TOKEN</key><string>@</string> -->", "auth-token"),
        ("<plist><!--\n<key>CACHIX_AUTH_TOKEN</key>\n<string>@</string> -->", "unclear"),
    ],
    "dhall": [
        ('{ hostname = "https://cachix.org" } -- authToken = "@"', "auth-token"),
        ('{- authToken =\n"@" -} { authToken = "" }', "auth-token"),
    ],
    "token": [("# @", "unclear"), ("CACHIX_AGENT_TOKEN=$X\n# @", "unclear")],
    "history": [
        ("#cachix authtoken @", "auth-token"),
        ("# export CACHIX_AUTH_TOKEN=@", "auth-token"),
    ],
}
# What stands for a token, or is one of somebody else's.
PLACEHOLDERS = [
    "<your token>",
    "…",
    "eyJ…",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9…",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.<payload>.<signature>",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.xxxxxxxx.xxxxxxxx",
    "eyJXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    "xxx",
    "$TOKEN",
    "YOUR_TOKEN",
    "abc",
    "correct-horse-battery-staple",
    "/run/secrets/cachix",
    "op://team/cachix/token",
    f"sha512-{KEY}",
    f"ENC[AES256_GCM,data:{KEY},iv:{KEY}]",
    "mine.cachix.org-1:awgC7Sut148An/CZ6TZA+wnUtJmJnOvl5NThGio9j5k=",
    # What is public: a key of somebody who logs in.
    f"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAA{KEY}",
    "https://github.com/NixOS/nixpkgs/blob/0123456789abcdef0123456789abcdef01234567/nixos/modules/"
    "services/system/cachix-agent/default.nix",
]
CLEAN = {
    "sh": [
        f"# {TOKEN}",
        f"# export GITHUB_TOKEN={TOKEN}",
        f"# export CACHIX_AUTH_TOKEN=\n# export SUPABASE_KEY={TOKEN}",
        f"# of cachix\nls\n# {TOKEN}",
        f"# of cachix: $(pass show cachix)\nexport OTHER={TOKEN}",
    ],
    "netrc": [f"# machine mine.cachix.org\n# machine example.org password {TOKEN}"],
    "plist": [f"<plist><!-- cachix --><string>{TOKEN}</string>"],
    "assignments": [f"# CACHIX_AUTH_TOKEN=\nOTHER={TOKEN}"],
}
WHY = {"history": "history"}


def told(syntax: str, text: str, awk: str) -> list[Credential]:
    return recognise(syntax, f"{text}\n".encode(), awk=awk)


@pytest.mark.parametrize("secret", [TOKEN, KEY], ids=["token", "key"])
@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", TOLD)
def test_a_token_in_a_comment_is_told_where_it_stands(syntax: str, awk: str, secret: str) -> None:
    for case, kind in TOLD[syntax]:
        [found] = told(syntax, case.replace("@", secret), awk)
        at = case[: case.index("@")].count("\n") + 1
        assert (found.line, found.kind) == (at, kind), case
        assert found.hindrance == WHY.get(syntax, "comment"), case


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", TOLD)
def test_what_stands_for_a_token_is_clean(syntax: str, awk: str) -> None:
    lines = [
        case.replace("@", placeholder)
        for case, _ in TOLD[syntax]
        if syntax not in ("dhall", "plist")
        for placeholder in PLACEHOLDERS
    ]
    assert told(syntax, "\n\n".join(lines), awk) == []


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", ["dhall", "plist"])
def test_so_it_is_in_a_file_of_its_own(syntax: str, awk: str) -> None:
    for case, _ in TOLD[syntax]:
        for placeholder in PLACEHOLDERS:
            assert told(syntax, case.replace("@", placeholder), awk) == [], placeholder


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", CLEAN)
def test_a_token_in_a_comment_about_something_else_is_clean(syntax: str, awk: str) -> None:
    for case in CLEAN[syntax]:
        assert told(syntax, case, awk) == [], case


@pytest.mark.parametrize("awk", AWKS)
def test_a_person_may_take_out_a_line_that_is_a_comment_as_a_whole(awk: str) -> None:
    content = f"a=b # cachix {TOKEN}\n\t# cachix {TOKEN}\n# cachix {TOKEN}\rb=c\n"
    beside, whole, returned = recognise("sh", content.encode(), awk=awk)
    assert content[whole.start : whole.end] == f"\t# cachix {TOKEN}\n"
    assert (beside.start, beside.end, returned.start, returned.end) == (0, 0, 0, 0)


@pytest.mark.parametrize("awk", AWKS)
def test_what_goes_takes_its_comments_along(awk: str) -> None:
    entry = f"machine a.cachix.org\n# cachix {TOKEN}\npassword {TOKEN}\n"
    [found] = recognise("netrc", entry.encode(), awk=awk)
    assert (found.line, found.start, found.end) == (1, 0, len(entry))
    config = f'-- was: "{TOKEN}"\n{{ authToken = "{TOKEN}" }}\n'
    [found] = recognise("dhall", config.encode(), awk=awk)
    assert (found.line, found.hindrance) == (2, "")
