"""The credentials that a machine holds, held against what is declared: that there is none."""

import shlex
from collections.abc import Iterator
from dataclasses import replace

from nixtrust.credentials import Removal, Syntax
from nixtrust.finding import Finding, Remedy, Rule, drift, note, unknown
from nixtrust.machine import Machine
from nixtrust.policy import Policy
from nixtrust.stored import Credential, Hindrance


def credentials(policy: Policy, machine: Machine) -> Iterator[Finding]:
    """One for each credential that lies there, and for each place that could not be looked into."""
    for each in machine.credentials:
        where = f"{each.path}:{each.line}" if each.line else each.path
        there, revoke = _there(each), _to_revoke(each)
        match policy.cachix_credentials:
            case "allow":
                yield note(Rule.CREDENTIAL, where, f"{there}, which is allowed here")
            case "remove" if is_removable(each):
                to_do = f"{_afterwards(each)}{revoke}"
                yield drift(Rule.CREDENTIAL, Remedy.REMOVE, where, there, to_do=to_do)
            case _:
                by_hand = _by_hand(each, machine.kernel)
                to_do = f"{by_hand}, then {_afterwards(each)}{revoke}"
                yield drift(Rule.CREDENTIAL, Remedy.HAND, where, there, to_do=to_do)
    for home in machine.unread_homes:
        there = f"{home.name} was not looked at: {home.why}"
        to_do = f"run again; if it stays, see what runs there as {home.name}"
        yield unknown(Rule.UNREAD_HOME, Remedy.HAND, home.home, there, to_do)
    for place in machine.unread_places:
        as_whom = f" by {place.told_by}" if place.told_by else ""
        there = f"cannot be looked into{as_whom}: {place.why} ({place.place.what})"
        to_do = "see there yourself whether it holds a Cachix credential"
        yield unknown(Rule.UNREAD_PLACE, Remedy.HAND, place.path, there, to_do)


def is_removable(credential: Credential) -> bool:
    """Nothing hinders nixtrust from taking it out, where that is declared."""
    match credential.place.removal:
        case Removal.NOTHING:
            return False
        case Removal.FILE:
            return credential.hindrance in (None, Hindrance.OWNER)
    return credential.hindrance is None


def _there(credential: Credential) -> str:
    what = credential.kind.called(credential.cache)
    about = [f"{credential.person}'s"] if credential.person else []
    if credential.mode[7:8] == "r":
        about.append("readable by everybody")
    if credential.hostname is not None:
        about.append(f"beside the hostname {credential.hostname}".rstrip())
    return f"{what} ({', '.join(about)})" if about else what


def _to_revoke(credential: Credential) -> str:
    revoke = credential.kind.to_revoke(credential.cache)
    # Other caches than Cachix's have keys too.
    return (
        f"if it is of a Cachix cache: {revoke}" if credential.place.id == "secret-key" else revoke
    )


def _afterwards(credential: Credential) -> str:
    """direnv refuses what has changed until it is allowed anew: direnv-allow(1)."""
    folder, _, name = credential.path.rpartition("/")
    if credential.place.id == "envrc" and name == ".envrc":
        return f"`direnv allow {shlex.quote(folder)}` there, and "
    return ""


def _by_hand(credential: Credential, kernel: str) -> str:
    """Why nixtrust leaves it, if it would not otherwise, and the command that takes it out."""
    cutting = _cutting(credential, kernel)
    path, folder = shlex.quote(credential.path), shlex.quote(credential.folder)
    would_go = credential.place.removal is not Removal.NOTHING
    match credential.hindrance:
        case _ if credential.place.id == "secret-key":
            # Without its file Nix ends each build with an error.
            return f"take it out of `secret-key-files` in nix.conf, then `rm {path}`"
        case None:
            return cutting
        case Hindrance.STORE:
            stored = shlex.quote("/".join(credential.link.split("/")[:4]))
            keeping = f"`nix-store --query --roots {stored}` tells what keeps it"
            do = f"{keeping}: take it out there and switch, then `nix-store --delete {stored}`"
        case Hindrance.LINK:
            do = _cutting(replace(credential, path=credential.link), kernel)
        case Hindrance.HARD_LINK:
            # Other names are on the same file system, and that need not be the one of /.
            mount = f"\"$(df -P {path} | sed -n '$s/.*% *//p')\""
            names = f"`find {mount} -xdev -samefile {path}` tells the names"
            do = f"{names}; for each, {cutting}"
        case Hindrance.READ_ONLY if would_go:
            do = f"`chmod u+w {folder}`, or mount it writable (`df {folder}`), and run again"
        case Hindrance.LOCKED if would_go:
            locks = f"`chattr -ia {path} {folder}`"
            macs = f"`chflags nouchg,nouappnd,noschg,nosappnd {path} {folder}`"
            do = f"{locks} (on macOS {macs}) and run again"
        case Hindrance.HISTORY:
            do = f"close {credential.person}'s shells, then {cutting}"
        case Hindrance.IMPORT:
            do = f"`less {path}` tells where; take it out there, then {cutting}"
        case _:
            do = cutting
    return f"{credential.hindrance.why}: {do}"


def _cutting(credential: Credential, kernel: str) -> str:
    """The command that takes it out of its file, or takes this away, and keeps no copy of it."""
    path = shlex.quote(credential.path)
    match credential.place.syntax:
        case Syntax.DHALL if credential.hindrance is Hindrance.UNCLEAR:
            return f"if it is one that it holds, `rm {path}`"
        case Syntax.DHALL | Syntax.TOKEN if credential.hindrance is not Hindrance.BESIDES:
            return f"`rm {path}`"
        case Syntax.PLIST:
            # launchd reads binary ones too, and no editor does.
            # Vim, as a Mac's vi is, keeps what was deleted in ~/.viminfo and writes a swap file.
            return f"`plutil -convert xml1 {path} && vi -i NONE -n {path}`"
        case Syntax.HISTORY if database := _database(credential.path):
            # Atuin's and Nushell's, which keep a command in a column of these names.
            column = "command" if database.endswith(".db") else "command_line"
            statements = f"delete from history where {column} like '%cachix%'; vacuum"
            return f'`sqlite3 {shlex.quote(database)} "{statements}"`'
    # In a folder that somebody else can change, root would read what that person lays there.
    as_whom = f"sudo -u {shlex.quote(credential.told_by)} " if credential.told_by else ""
    # The option of BSD's sed takes the name of a copy, which may be empty.
    sed = "sed -i ''" if kernel == "Darwin" else "sed -i"
    line = credential.line
    match credential.hindrance:
        case Hindrance.BLOCK | Hindrance.REFUSED:
            return f"`{as_whom}{sed} '{line}s/.*/:/' {path}`"
        case Hindrance.SEVERAL_LINES:
            command = f"`{as_whom}{sed} {line},LASTd {path}`"
            return f"{command} with the number of its last line for LAST"
        case Hindrance.COMPOUND:
            return f"`{as_whom}{sed} {line}d {path}` deletes all of the line"
    return f"`{as_whom}{sed} {line}d {path}`"


def _database(path: str) -> str:
    """The database that a file is, or belongs to: SQLite keeps what is new in a -wal beside it."""
    database = path.removesuffix("-wal").removesuffix("-shm")
    return database if database.endswith((".db", ".sqlite3")) else ""
