"""The credentials that a machine holds, held against what is declared: that there is none."""

import shlex
from collections.abc import Collection, Iterator, Sequence

from nixtrust.by_hand import by_hand, command_for, whole_lines
from nixtrust.conf import Edit
from nixtrust.credentials import Removal
from nixtrust.finding import Finding, Remedy, Rule, drift, note, unknown
from nixtrust.judge_daemon import restarts
from nixtrust.machine import Machine
from nixtrust.masks import is_masked
from nixtrust.policy import Policy
from nixtrust.stored import Credential, Hindrance


def credentials(
    policy: Policy,
    machine: Machine,
    edits: Sequence[Edit] = (),
    account: str = "root",
    unreadable: Collection[str] = (),
) -> Iterator[Finding]:
    """One for each credential that lies there, and for each place that could not be looked into.

    + edits: those of nix.conf that are to be made; `account`: whose that is
    + unreadable: the configuration files that are told as such, and are told once
    """
    is_removed = policy.cachix_credentials == "remove"
    changing = {_file(each) for each in machine.credentials if is_removed and is_removable(each)}
    changing |= {(account, edit.path) for edit in edits}
    going = {(account, edit.path, line) for edit in edits for line in edit.remove}
    # Where nixtrust takes something out, the lines have other numbers afterwards.
    lines = whole_lines(each for each in machine.credentials if _file(each) not in changing)
    for each in machine.credentials:
        where = f"{each.path}:{each.line}" if each.line else each.path
        there, revoke = _there(each), _to_revoke(each)
        match policy.cachix_credentials:
            case "allow":
                yield note(Rule.CREDENTIAL, where, f"{there}, which is allowed here")
            case _ if (*_file(each), each.line) in going:
                to_do = f"its line goes as nix.conf is written; {revoke}"
                yield drift(Rule.CREDENTIAL, Remedy.EDIT, where, there, to_do=to_do)
            case _ if _goes_with_restart(each, machine):
                to_do = f"it goes once the daemon has restarted; {revoke}"
                yield drift(Rule.CREDENTIAL, Remedy.RESTART, where, there, to_do=to_do)
            case "remove" if is_removable(each):
                to_do = f"{_afterwards(each)}{revoke}"
                yield drift(Rule.CREDENTIAL, Remedy.REMOVE, where, there, to_do=to_do)
            case _:
                do = by_hand(each, lines.get(_file(each), ()), machine.kernel)
                to_do = f"{do}, then {_afterwards(each)}{revoke}"
                yield drift(Rule.CREDENTIAL, Remedy.HAND, where, there, to_do=to_do)
    for home in machine.unread_homes:
        there = f"{home.name} was not looked at: {home.why}"
        to_do = f"run again; if it stays, see what runs there as {home.name}"
        yield unknown(Rule.UNREAD_HOME, Remedy.HAND, home.home, there, to_do)
    for place in machine.unread_places:
        its = machine.own[place.told_by].status if place.told_by else machine.status
        if place.path in unreadable and place.path in its:
            continue
        as_whom = f" by {place.told_by}" if place.told_by else ""
        there = f"cannot be looked into{as_whom}: {place.why} ({place.place.what})"
        to_do = "see there yourself whether it holds a Cachix credential"
        yield unknown(Rule.UNREAD_PLACE, Remedy.HAND, place.path, there, to_do)


def _file(credential: Credential) -> tuple[str, str]:
    """Its file, as one account tells of it: what another tells of that path may be a lie."""
    return credential.account, credential.path


def is_removable(credential: Credential) -> bool:
    """Nothing hinders nixtrust from taking it out, where that is declared."""
    match credential.place.removal:
        case Removal.NOTHING:
            return False
        case Removal.FILE | Removal.FILE_OR_LINES if not credential.end:
            return credential.hindrance in (None, Hindrance.OWNER)
        case Removal.PARTS if credential.end:
            return credential.hindrance in (None, Hindrance.COMMENT)
    return credential.hindrance is None


def _goes_with_restart(credential: Credential, machine: Machine) -> bool:
    is_kept = credential.place.id == "nix-conf-before-restart"
    return is_kept and machine.restart_pending and restarts(machine)


def _there(credential: Credential) -> str:
    what = credential.kind.called(credential.cache)
    about = [f"{credential.person}'s"] if credential.person else []
    if credential.count > 1:
        about.append(f"the first of {credential.count} in this file")
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
    if is_masked(folder):
        return ""
    if credential.place.id == "envrc" and name == ".envrc":
        return f"{command_for(credential, f'direnv allow {shlex.quote(folder)}')} there, and "
    return ""
