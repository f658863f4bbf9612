"""What a script answers has no token in it, and all else as it was."""

import base64
import hashlib
import subprocess
import time
from pathlib import Path

import pytest

from nixtrust.removal import Cut
from nixtrust.scripts import remove_script
from tests.shell import write_steps
from tests.shell.recognised import ALL_AWKS, AWKS

SHELL = Path(__file__).parents[2] / "nixtrust/shell"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJtYWRlLXVwIn0.q1Zg0pM2Yx7Rj9cT5bLw8sVnKd3HfA6uEi4oXyBtQzk"
OTHER = "eyJtYWRlLXVwIjoxfQ"
# 64 bytes and 32, of which base64 has slashes.
SIGNING_KEY = base64.b64encode(hashlib.sha512(b"3").digest()).decode()
PUBLIC_KEY = base64.b64encode(hashlib.sha256(b"3").digest()).decode()
OPAQUE = base64.urlsafe_b64encode(hashlib.sha256(b"4").digest()).decode().rstrip("=")
KEY = base64.urlsafe_b64encode(hashlib.sha256(b"7").digest()).decode().rstrip("=")
# A public key may have in its midst what a token begins with.
LIKE_A_TOKEN = f"{PUBLIC_KEY[:7]}eyJ{PUBLIC_KEY[10:]}"
HEX = hashlib.sha256(b"5").hexdigest()
COMMIT = hashlib.sha1(b"6", usedforsecurity=False).hexdigest()
STORED = "/nix/store/0c9vxqzsj5a4mddm0yk4bnw7vbd5qlyr-cachix-1.7.2/bin/cachix"


def masked(text: str, declared: str = "", awk: str = AWKS[0]) -> str:
    script = f"""
awk() {{ command {awk} "$@"; }}
. {SHELL}/masking.sh
declared=$1
mask_tokens
"""
    ran = subprocess.run(
        ["sh", "-c", script, "sh", declared],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    assert ran.stderr == ""
    return ran.stdout


@pytest.mark.parametrize("awk", ALL_AWKS)
def test_tokens_are_masked_wherever_they_stand_and_told_apart(awk: str) -> None:
    if awk not in AWKS:
        pytest.skip(f"{awk} is not here")
    said = {
        f"file\tx\t/etc/nix/{TOKEN}.conf\tabsent": "file\tx\t/etc/nix/<token>.conf\tabsent",
        f"|!include {TOKEN}.conf": "|!include <token>.conf",
        f"||!include ./x-{OTHER}": "||!include ./x-<token-2>",
        f"user\tmia\t1000\t/home/{OTHER}\t/bin/sh": "user\tmia\t1000\t/home/<token-2>\t/bin/sh",
        f"|trusted-users = root {OTHER}  mia": "|trusted-users = root <token-2>  mia",
        f"a 'https://x.cachix.org/{TOKEN}/nix': 403": "a 'https://x.cachix.org/<token>/nix': 403",
        f"credential\tnetrc\t\t/a/.cachix.{OPAQUE}": "credential\tnetrc\t\t/a/.cachix.<token-3>",
        f"|unread-place\t1\t/cachix/{KEY}.bak": "|unread-place\t1\t/cachix/<token-4>.bak",
        f"outcome\tfailed\tmine-1:{SIGNING_KEY} x": "outcome\tfailed\tmine-1:<token-5> x",
        f"x\t/a/\\303{TOKEN}\\251/b": "x\t/a/\\303<token>\\251/b",
    }
    assert masked("\n".join([*said, ""]), awk=awk).splitlines() == list(said.values())


@pytest.mark.parametrize(
    "line",
    [
        f"|trusted-public-keys = x.cachix.org-1:{PUBLIC_KEY} cache.nixos.org-1:{PUBLIC_KEY}",
        f"|trusted-public-keys = x.cachix.org-1:{PUBLIC_KEY.rstrip('=')}",
        f"credential\tpresent\t{STORED}",
        f"credential\tuser\t/home/m/cachix/{COMMIT}/nix.conf",
        f"outcome\tcachix sha256:{HEX} sha256-{PUBLIC_KEY}",
        f"outcome\t/home/m/{HEX}",
        f"credential\tnetrc\t\t/home/m/cachix/{HEX}/.netrc",
        "credential\tdotenv\t\t/home/m/cachix/0f8fad5b-d9cb-469f-a165-70867728950e/.env",
        "credential\tdotenv\t\t/Users/m/cachix/0F8FAD5B-D9CB-469F-A165-70867728950E/.env",
        "credential\tsystemd-unit\t\t/etc/systemd/system/cachix-agent@build2.service.d/10-Token.conf",
        "credential\tbash\t\t/home/monkeyJuniperNetworksConfiguration/.bashrc",
        f"|trusted-public-keys = {' '.join([f'x.cachix.org-1:{LIKE_A_TOKEN}'] * 100)}",
        # By what a file is called it is found again.
        f"|!include /etc/nix/cachix/{OPAQUE}.conf",
        f"file\tsystem\t/etc/nix/cachix/{OPAQUE}.conf\tabsent",
        "credential\t/home/m/.config/cachix/Backup-Of-My-Cachix-Configuration-2024-11-29.OldLaptop",
        "credential\t/Users/m/Library/Application Support/cachix/LongNameOfAnApplication2Whatever",
        "x\t/home/monkeyJunction/keyJackson99/.netrc",
        "|substituters =  https://a  https://b\t ",
        "|",
        "",
        "end\t17",
    ],
)
def test_what_is_no_token_stays(line: str) -> None:
    assert masked(f"{line}\n") == f"{line}\n"


def test_what_is_declared_returns_as_it_was_declared() -> None:
    url = f"https://cachix.example.org/{OPAQUE}/nix"
    line = f"outcome\tfailed\t{url} {url}-too\n"
    sent = f"outcome\tfailed\t{url} https://cachix.example.org/<token>/nix-too\n"
    assert masked(line, url) == sent


@pytest.mark.parametrize("awk", AWKS)
def test_what_a_person_says_at_length_costs_no_square_of_it(awk: str) -> None:
    words = (f"{OTHER}{number}" for number in range(100_000))
    began = time.monotonic()
    said = masked(f"|{'.'.join(words)}\n" + f"|{'/'.join([OTHER] * 170)}\n" * 100, awk=awk)
    assert "eyJ" not in said
    assert time.monotonic() - began < 30


def test_what_a_transaction_says_is_masked(tmp_path: Path) -> None:
    said = write_steps.run(tmp_path, f"conclude failed '/opt/{TOKEN}/nix.conf: No such file'")
    assert "outcome\tfailed\t/opt/<token>/nix.conf: No such file\n" in said


def test_what_a_removal_says_is_masked(tmp_path: Path) -> None:
    script = "".join(remove_script([Cut("nobody", f"/opt/{TOKEN}", "a", "1", "", ())]))
    script = script.replace("/var/run/nixtrust-credentials-lock", str(tmp_path / "lock"))
    ran = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, check=True)
    assert "/opt/<token>/a\t" in ran.stdout
    assert TOKEN[:9] not in ran.stdout + ran.stderr


@pytest.mark.parametrize("awk", ALL_AWKS)
def test_what_is_public_or_masked_already_hides_no_token_beside_it(awk: str) -> None:
    if awk not in AWKS:
        pytest.skip(f"{awk} is not here")
    second = base64.b64encode(hashlib.sha512(b"8").digest()).decode()
    long = r"\303\244" * 600
    for word in (
        f"c:{SIGNING_KEY}/{TOKEN}",
        f"https://:{TOKEN}@x/c:{SIGNING_KEY}",
        f"{SIGNING_KEY},{second}",
        f"/x/sha256-/{TOKEN}",
        f"/{long}/{SIGNING_KEY}",
        f"a==b=={TOKEN}",
    ):
        said = masked(f"unread-place\tnetrc\t{word}\n", awk=awk)
        assert "<token>" in said
        assert not any(secret in said for secret in (TOKEN, SIGNING_KEY, second)), word


@pytest.mark.parametrize("end", [f":{'A' * 43}", f":{'A' * 43}="])
def test_what_looks_like_a_public_key_behind_a_token_hides_none(end: str) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiI1YzE3YjA0Yy0xMjM0In0.Qm9ndXNTaWduYXR1cmU5OTk5aBcD"
    path = f"/home/mia/.config/cachix/{token}{end}"
    assert token not in masked(f"unread-place\tcachix-folder\t{path}\tit changed meanwhile\n")
