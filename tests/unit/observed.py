"""Machines as they might have been observed, for tests of what is made of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nixtrust.conf import File, Missing, Unreadable, parse
from nixtrust.credentials import PLACE, Kind
from nixtrust.findings import Finding, Remedy, Rule, Weight, findings
from nixtrust.machine import (
    Daemon,
    FileStatus,
    Machine,
    Manager,
    NixState,
    OwnFiles,
    Trust,
    Unread,
    User,
)
from nixtrust.nix_version import parse_nix_version
from nixtrust.policy import Policy, policy_of
from nixtrust.stored import Credential, Hindrance

SYSTEM = "x86_64-linux"
NIX_CONF = "/etc/nix/nix.conf"
CUSTOM = "/etc/nix/nix.custom.conf"
DHALL = "/home/mia/.config/cachix/cachix.dhall"
TEAM = "https://team.cachix.org"
TEAM_KEY = "team.cachix.org-1:awgC7Sut148An/CZ6TZA+wnUtJmJnOvl5NThGio9j5k="
ORG = "https://cache.nixos.org/"
ORG_KEY = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="
WRONG_KEY = "team.cachix.org-1:bjEbXJyLrL1HZZHBbO4QALnI5faYZppzkU4D2s0G8RQ="
# What a machine says that is as declared.
DECLARED = f"""\
substituters = {TEAM} {ORG}
trusted-substituters = {TEAM}/ {ORG}
trusted-public-keys = {TEAM_KEY} {ORG_KEY}
trusted-users = root
connect-timeout = 5
fallback = true
"""

ROOT = User("root", 0, "/root", "/bin/bash", ("root",), Trust.TRUSTED, "")
BALEEN = User("baleen", 1000, "/home/baleen", "/bin/bash", ("baleen",), Trust.UNTRUSTED, "")

# It cannot bear `fallback`, and does not tell whom it trusts.
OLD_NIX = "nix (Nix) 2.8.0"
STARTED = 1_000_000.5
RUNNING = Daemon(Manager.SYSTEMD, "nix-daemon.service", "active", "process", STARTED, True)
NO_DAEMON = Daemon(Manager.NONE, "", "", "", None, False)


def policy(**changes: object) -> Policy:
    """Two caches, root alone trusted, and two further settings."""
    data: dict[str, object] = {
        "nix_caches": [
            {"url": TEAM, "public_keys": [TEAM_KEY]},
            {"url": ORG, "public_keys": [ORG_KEY]},
        ],
        "nix_settings": {"fallback": True, "connect-timeout": 5},
    }
    return policy_of({**data, **changes})


def machine(
    nix_conf: str | None = DECLARED,
    files: Mapping[str, str | File | None] | None = None,
    links: Mapping[str, str] | None = None,
    nix: str = "nix (Nix) 2.26.3",
    **changes: Any,
) -> Machine:
    """A machine in step, with Debian's package and one member, but for what is given.

    + files: further files by path: text, None for one that is not there, or what it is instead.
    + links: where a path of these leads if it is a link.
    + nix: what `nix --version` prints; nothing that is known if empty.
    """
    there = {NIX_CONF: nix_conf, CUSTOM: None, **(files or {})}
    links = links or {}
    homes = {path.split("/")[2] for path in there if path.startswith("/home/")}
    own = {name: _own(f"/home/{name}/", there, links) for name in homes}
    # Those who have no Nix of their own tell of their own files, and nothing of the system's.
    owner = changes.get("store_owner", "root")
    there = {
        path: text
        for path, text in there.items()
        if not path.startswith("/home/") or path.startswith(f"/home/{owner}/")
    }
    observed = Machine(
        kernel="Linux",
        architecture="x86_64",
        uid=0,
        nix_state=NixState.PRESENT,
        nix=parse_nix_version(nix) if nix else None,
        nix_path="/usr/bin/nix",
        conf_dir="/etc/nix",
        daemon=RUNNING,
        evidence=frozenset({"debian"}),
        headers={},
        store_owner="root",
        files={path: _file(path, content) for path, content in there.items()},
        status={path: _status(path, content, links) for path, content in there.items()},
        users=(ROOT, BALEEN),
        restart_pending=False,
        earlier_connections=(),
        own=own,
    )
    return replace(observed, **changes)


def credential(
    place: str = "cachix-dhall",
    path: str = DHALL,
    kind: Kind = Kind.AUTH_TOKEN,
    hindrance: Hindrance | None = None,
    cache: str = "",
    mode: str = "-rw-------",
    link: str = "",
    hostname: str | None = None,
) -> Credential:
    """A credential of mia's in her cachix.dhall, but for what is given."""
    return Credential(
        place=PLACE[place],
        person="mia",
        path=path,
        kind=kind,
        line=3,
        start=0,
        end=0,
        hindrance=hindrance,
        cache=cache,
        folder=path.rpartition("/")[0],
        stamp="1",
        mode=mode,
        link=link,
        hostname=hostname,
    )


def _file(path: str, content: str | File | None) -> File:
    if isinstance(content, str):
        return parse(path, content)
    return Missing() if content is None else content


def _own(home: str, there: Mapping[str, str | File | None], links: Mapping[str, str]) -> OwnFiles:
    its = {path: text for path, text in there.items() if path.startswith(home)}
    return OwnFiles(
        {path: _file(path, text) for path, text in its.items()},
        {path: _status(path, text, links) for path, text in its.items()},
    )


def _status(path: str, content: str | File | None, links: Mapping[str, str]) -> FileStatus:
    whose = f"user:{path.split('/')[2]}" if path.startswith("/home/") else "system"
    link = links.get(path, "")
    if content is None:
        return FileStatus(whose, "absent", None, "", "")
    if isinstance(content, Unreadable):
        return FileStatus(whose, "", None, link, "no permission to read it")
    return FileStatus(whose, "1:2:3", STARTED - 1, link, "")


def asked(trust: Trust, words: str = "", groups: tuple[str, ...] = ()) -> tuple[User, ...]:
    """Root, and baleen as the daemon answers."""
    return ROOT, replace(BALEEN, trust=trust, words=words, groups=groups)


def found(observed: Machine | Unread, *rules: Rule) -> list[Finding]:
    """What is found with the policy above: of some rules, or all."""
    return [
        each for each in findings(policy(), observed, SYSTEM) if not rules or each.rule in rules
    ]


def said(observed: Machine | Unread, *rules: Rule) -> list[tuple[Weight, Remedy, str]]:
    """The same, as it is told."""
    return [(each.weight, each.remedy, str(each)) for each in found(observed, *rules)]
