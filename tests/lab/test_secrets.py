"""No secret that lies in a configuration file leaves the machine, however much is asked for."""

import base64
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

import pytest

import lab
from nixtrust.scripts import probe_script
from tests.lab.whole_run import pyinfra

pytestmark = pytest.mark.lab

LAB = "secrets"

ROOT = Path(__file__).parents[2]
# Made up anew for each run; the names say where they lie.
PLANTED = {
    place: secrets.token_urlsafe(24)
    for place in (
        "access-token",
        "url-password",
        "url-password-with-slash",
        "url-password-with-query",
        "url-parameter",
        "url-parameter-alone",
        "url-second-query",
        "secret-key",
        "comment",
        "illegal-line",
        "setting-name",
        "hook",
        "key-body",
        "user",
        "user-conf",
        "include",
        "include-line",
        "before-equals",
    )
}
# What is clearly a token is told nowhere, not even where names are; as it may stand in any of them.
PLANTED |= {
    # With a digit, as each real one has: by chance there is none among so few characters.
    place: f"eyJ1{secrets.token_urlsafe(24)}"
    for place in (
        "url-path",
        "include-that-is-there",
        "trusted-group",
        "hook-path",
        "users-include",
        "users-file",
        "service",
        "cachix-password",
        "cachix-comment",
        "included-password",
        "users-comment",
    )
}
SECRET_KEY = base64.b64encode(secrets.token_bytes(64)).decode()


def nix_conf(planted: Mapping[str, str]) -> str:
    return f"""# {planted["comment"]}
access-tokens = github.com={planted["access-token"]}
extra-access-tokens = gitlab.com=PAT:{planted["access-token"]} # {planted["comment"]}
substituters = https://me:{planted["url-password"]}@cache.example.org https://cache.nixos.org/
extra-substituters = https://me:pa/{planted["url-password-with-slash"]}@cache.example.org
extra-substituters = https://me:p?{planted["url-password-with-query"]}@cache.example.org
extra-substituters = https://a.example.org/?{planted["url-parameter-alone"]}
extra-substituters = https://b.example.org/?priority=1?secret-key={planted["url-second-query"]}
binary-caches = s3://bucket?secret-key=/x&password={planted["url-parameter"]}&priority=3
trusted-public-keys = mine-1:{SECRET_KEY} cache.nixos.org-1:{planted["key-body"]}
!include {planted["include"]}
post-build-hook = /x?t={planted["hook"]}
{planted["setting-name"]} = 1
post-build-hook = /etc/{planted["hook-path"]}/hook
trusted-users = root +{planted["user"]} @{planted["trusted-group"][:32]}
extra-substituters = https://cache.example.org/{planted["url-path"]}/nix
!include /etc/nix/{planted["include-that-is-there"]}.conf
extra-substituters = https://:{planted["cachix-password"]}@x.cachix.org
# cachix authtoken {planted["cachix-comment"]}
"""


def lay_named(machine: lab.Machine) -> None:
    """Files whose names are secrets, with something in each that is to be told of."""
    etc, home = machine.root / "etc", machine.root / "home/baleen"
    included = etc / f"nix/{PLANTED['include-that-is-there']}.conf"
    address = f"https://:{PLANTED['included-password']}@z.cachix.org"
    included.write_text(f"extra-trusted-users = somebody\nextra-substituters = {address}\n")
    theirs = home / f".config/nix/{PLANTED['users-include']}"
    comment = f"# cachix authtoken {PLANTED['users-comment']}"
    theirs.write_text(f"accept-flake-config = true\n{comment}\n!include /etc/nix/nix.conf\n")
    netrc = home / f".netrc-{PLANTED['users-file']}"
    netrc.write_text("machine x.cachix.org password made-up\n")
    unit = etc / f"systemd/system/{PLANTED['service']}.service"
    unit.write_text("[Service]\nEnvironment=CACHIX_AUTH_TOKEN=mU4+k9xQ\n")


@pytest.fixture(scope="module")
def machine() -> lab.Machine:
    [machine] = lab.up(
        [
            lab.MachineSpec(
                "secrets-1",
                "trixie",
                "127.77.7.1",
                login="lead",
                lab=LAB,
                people=("baleen", "lead"),
            )
        ]
    )
    conf = machine.root / "etc/nix/nix.conf"
    conf.write_text(nix_conf(PLANTED))
    theirs = machine.root / "home/baleen/.config/nix/nix.conf"
    theirs.parent.mkdir(parents=True)
    theirs.write_text(
        f"access-tokens = github.com={PLANTED['user-conf']}\n!include {PLANTED['users-include']}\n"
    )
    lay_named(machine)
    return machine


def leaks(text: str) -> list[str]:
    """The places whose secret is in the text, plain, in base64 or in hex."""
    found = {**PLANTED, "secret-key-body": SECRET_KEY}
    forms = {
        place: (
            secret,
            base64.b64encode(secret.encode()).decode().rstrip("="),
            secret.encode().hex(),
        )
        for place, secret in found.items()
    }
    return [place for place, each in forms.items() if any(form in text for form in each)]


def deploy(machine: lab.Machine, *options: str) -> str:
    return pyinfra(machine.spec.lab, "inventory/lab.py", "deploy.py", *options).stdout


def test_the_search_finds_a_secret_in_each_of_its_forms() -> None:
    secret = PLANTED["hook"].encode()
    for text in (PLANTED["hook"], base64.b64encode(secret).decode(), secret.hex()):
        assert leaks(f"x{text}x") == ["hook"]


def test_the_probe_sends_no_secret(machine: lab.Machine) -> None:
    answer = machine.run("sh -s", input="".join(probe_script({"fallback": "true"})))
    assert "https://***@cache.example.org" in answer.stdout
    assert answer.stdout.splitlines()[-1].startswith("end\t")
    assert leaks(answer.stdout + answer.stderr) == []
    # Told all the same, each by a name of its own.
    assert "\tsystem\t/etc/nix/<token>.conf\tpresent\t" in answer.stdout
    assert "|extra-substituters = https://cache.example.org/***/nix\n" in answer.stdout
    assert re.search(r"\tuser\t/home/baleen/\.config/nix/<token-\d>\tpresent\t", answer.stdout)
    assert re.search(r"\t/home/baleen/\.netrc-<token-\d>\tauth-token\t", answer.stdout)


@pytest.mark.parametrize(
    "line",
    [
        "access-tokens={illegal-line}",
        "{illegal-line}",
        "cores = {illegal-line}",
        "fallback = {illegal-line}",
        "include {include-line} {include-line}",
        "x {before-equals} = y",
    ],
)
def test_a_line_that_nix_refuses_is_not_quoted(machine: lab.Machine, line: str) -> None:
    conf = machine.root / "etc/nix/nix.conf"
    before = conf.read_text()
    written = line
    for place, secret in PLANTED.items():
        written = written.replace(f"{{{place}}}", secret)
    conf.write_text(f"{before}{written}\n")
    try:
        printed = deploy(machine, "-y", "-vvv", "--debug", "--diff")
        assert "nothing written" in printed
        assert leaks(printed) == []
    finally:
        conf.write_text(before)


def test_no_mode_of_a_run_prints_a_secret(machine: lab.Machine) -> None:
    printed = deploy(machine, "--dry", "--diff", "-vvv", "--debug")
    printed += deploy(machine, "--dry", "--json", "-vvv")
    printed += deploy(machine, "-y", "--diff", "-vvv", "--debug")
    assert "trusted-users = root" in printed
    assert leaks(printed) == []
    # What lies under such a name is read and judged, and a person told where it is.
    assert "trusted-users: *** and somebody are not declared" in printed
    assert re.search(r"/system/<token-\d>\.service:2: an auth token", printed)
    assert "/home/baleen/.netrc-<token" in printed
    assert re.search(r"/etc/nix/<token>\.conf:2: an auth token of the cache z \(", printed)
    assert re.search(r"/nix/<token-\d>:2: an auth token \(baleen's", printed)
    assert "/etc/nix/nix.conf:18: an auth token of the cache x (" in printed
    # It is what a member's own nix.conf includes as well.
    assert "/etc/nix/nix.conf:18: an auth token of the cache x (baleen" not in printed
    assert "/etc/nix/nix.conf:19: an auth token (" in printed
    kept = (machine.root / "etc/nix/nix.conf").read_text()
    assert PLANTED["access-token"] in kept
    assert PLANTED["url-password"] not in kept
    # In our own copy nothing of Cachix's is; all else is as it was.
    original = nix_conf(PLANTED).replace(f":{PLANTED['cachix-password']}@", "")
    original = original.replace(f"# cachix authtoken {PLANTED['cachix-comment']}\n", "")
    assert (machine.root / "etc/nix/nix.conf.before-nixtrust").read_text() == original
