"""Credentials of Cachix in a nix.conf: in an address, and what is clearly a token in a comment."""

import base64
import hashlib
from pathlib import Path

import pytest

from tests.shell.looking import TOKEN
from tests.shell.recognised import AWKS, recognise

INSTALLED = Path(__file__).parents[1] / "data/installer-confs"
KEY = base64.b64encode(hashlib.sha512(b"made up").digest()).decode()
PUBLIC_KEY = "x.cachix.org-1:awgC7Sut148An/CZ6TZA+wnUtJmJnOvl5NThGio9j5k="
BEFORE, AFTER = "# \xe9 mine\ncores = 2\n", "\nmax-jobs = 3\n"


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("substituters = https://:mU4k9xQ@x.cachix.org\n", "substituters = https://x.cachix.org\n"),
        (
            "extra-substituters = https://a https://m:p@/w@X.Cachix.org/?priority=3 https://b\r\n",
            "extra-substituters = https://a https://X.Cachix.org/?priority=3 https://b\r\n",
        ),
        (f"store = https://{TOKEN}@cachix.org", "store = https://cachix.org"),
        ("store = https://$3cret:@x.cachix.org:443", "store = https://x.cachix.org:443"),
        (
            f"a = https://:{TOKEN}@x.cachix.org https://:s3@y.cachix.org # cachix {TOKEN} é\n",
            "a = https://x.cachix.org https://y.cachix.org #\n",
        ),
        ("store = https://m:s3@X.cachix.org.:443/", "store = https://X.cachix.org.:443/"),
        ("store = https://:s3@cachix.org.", "store = https://cachix.org."),
        (
            f"impure-env = A=1 CACHIX_AUTH_TOKEN={TOKEN} CACHIX_SIGNING_KEY={KEY}\r\n",
            "impure-env = A=1  \r\n",
        ),
        (f"cores = 1# cachix authtoken {TOKEN}\r\n", "cores = 1#\r\n"),
        (f"# cachix authtoken {TOKEN}\n", ""),
        (f" \t# my key for cachix: {KEY}\r\n", ""),
        (f"#CACHIX_AUTH_TOKEN={TOKEN}\n", ""),
        (f"# x.cachix.org\n# password {TOKEN}\n", "# x.cachix.org\n"),
        (f"# x.cachix.org\ncores = 1 # {TOKEN}\n", "# x.cachix.org\ncores = 1 #\n"),
    ],
)
def test_a_credential_is_found_and_its_bytes_alone(line: str, left: str, awk: str) -> None:
    content = f"{BEFORE}{line}{AFTER}".encode("latin-1")
    found = recognise("conf", content, awk=awk)
    assert found
    for each in sorted(found, key=lambda each: -each.start):
        content = content[: each.start] + content[each.end :]
    assert content.decode("latin-1") == f"{BEFORE}{left}{AFTER}"


@pytest.mark.parametrize("awk", AWKS)
def test_of_each_is_told_where_what_and_why_it_stays(awk: str) -> None:
    address = "substituters = https://:mU4k9xQ@x.cachix.org https://:mU4k9xQ@cachix.org"
    text = f"{address}\ncores = 1 # cachix authtoken {TOKEN}\n# cachix authtoken {TOKEN}\n"
    found = recognise("conf", text.encode(), awk=awk)
    assert sorted((each.line, each.kind, each.cache, each.hindrance) for each in found) == [
        (1, "auth-token", "", ""),
        (1, "auth-token", "x", ""),
        # A line that does more than hold it is not advised to be deleted.
        (2, "auth-token", "", ""),
        (3, "auth-token", "", "comment"),
    ]


@pytest.mark.parametrize("awk", AWKS)
def test_a_long_line_is_read_to_its_end(awk: str) -> None:
    text = f"substituters ={' https://a.example.org' * 4000} https://:mU4k9xQ@x.cachix.org\n"
    [found] = recognise("conf", text.encode(), awk=awk)
    assert text[found.start : found.end] == ":mU4k9xQ@"


@pytest.mark.parametrize("awk", AWKS)
def test_what_is_no_credential_of_cachix_is_clean(awk: str) -> None:
    lines = [
        f"substituters = https://x.cachix.org\ntrusted-public-keys = {PUBLIC_KEY} {PUBLIC_KEY}",
        "substituters = https://:mU4k9xQ@x.example.org https://x.cachix.org https://:@x.cachix.org",
        "substituters = https://:mU4k9xQ@x.cachix.org.example.org https://:mU4k9xQ@xcachix.org",
        "substituters = https://:<token>@x.cachix.org https://:${TOKEN}@x.cachix.org",
        f"impure-env = CACHIX_AUTH_TOKEN=$TOKEN CACHIX_AUTH_TOKEN= A=CACHIX_AUTH_TOKEN X={TOKEN}",
        "substituters = https://:mU4k9xQ@x.cachix.org.. https://:mU4k9xQ@x.cachix.org.example",
        "# substituters = https://:YOUR_TOKEN@x.cachix.org",
        "# cachix authtoken YOUR_TOKEN",
        "# cachix authtoken eyJ… or eyJ...",
        "# cachix authtoken eyJxxxxxxxxxxxxxxxxxxxx",
        f"# {PUBLIC_KEY}",
        f"cores = 1\n# for something else: {TOKEN}",
        "netrc-file = /etc/nix/netrc # cachix",
        "netrc-file = /etc/nix/cachix-netrc\nsecret-key-files = /etc/nix/cachix.sec",
    ]
    assert recognise("conf", "\n\n".join(lines).encode(), awk=awk) == []


@pytest.mark.parametrize("awk", AWKS)
def test_what_an_installer_has_written_is_clean(awk: str) -> None:
    written = [path.read_bytes() for path in sorted(INSTALLED.glob("*.conf"))]
    assert len(written) >= 20
    assert recognise("conf", b"".join(written), awk=awk) == []
