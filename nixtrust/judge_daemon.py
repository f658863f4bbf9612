"""The running daemon, held against the configuration and against what is declared."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from nixtrust.conf import Folded, Missing
from nixtrust.finding import Finding, Remedy, Rule, drift, note, unknown
from nixtrust.machine import Daemon, Machine, Manager, Trust, User
from nixtrust.nix_version import NixVersion
from nixtrust.owners import Owner
from nixtrust.policy import Policy
from nixtrust.wording import people


def dead_daemon(machine: Machine) -> Iterator[Finding]:
    """There is a daemon, and it does not answer root."""
    daemon = machine.daemon
    asked = next((user for user in machine.users if user.uid == 0), None)
    expected = daemon.manager is not Manager.NONE or daemon.socket
    if not expected or asked is None or asked.trust not in (Trust.FAILED, Trust.NO_DAEMON):
        return
    if asked.words and "daemon" not in asked.words and "socket" not in asked.words:
        there = f"Nix does not work there: {asked.words}"
        yield unknown(Rule.REFUSED, Remedy.BLOCKS, "", there, "correct it there")
        return
    state = f" ({daemon.unit} is {daemon.state})" if daemon.state else ""
    words = f": {asked.words}" if asked.words else ""
    there = f"the Nix daemon does not answer{state}{words}"
    if machine.restart_pending and daemon.manager is not Manager.NONE:
        # The restart gives back the files that it last answered with, if it does not start now.
        yield unknown(Rule.DAEMON_DEAD, Remedy.RESTART, "", there, "")
        return
    yield unknown(Rule.DAEMON_DEAD, Remedy.BLOCKS, "", there, f"start it there{_how(daemon)}")


def _how(daemon: Daemon) -> str:
    match daemon.manager:
        case Manager.SYSTEMD:
            return f": `systemctl restart {daemon.unit}`, `journalctl -u {daemon.unit}`"
        case Manager.LAUNCHD:
            return f": `launchctl kickstart -k system/{daemon.unit}`"
    return ""


def overridden(daemon: Daemon) -> Iterator[Finding]:
    """What is said to the daemon besides its files wins over them, and is not looked at."""
    if daemon.overrides:
        names = ", ".join(daemon.overrides)
        look = {
            Manager.SYSTEMD: f"see `systemctl cat {daemon.unit}`",
            Manager.LAUNCHD: f"see /Library/LaunchDaemons/{daemon.unit}.plist",
        }.get(daemon.manager, "see how it is started")
        there = f"{daemon.unit or 'what starts it'} configures the daemon besides nix.conf: {names}"
        to_do = f"take it out there ({look}), then restart it"
        yield drift(Rule.UNDERMINED, Remedy.HAND, "", there, to_do=to_do)


def restarts(machine: Machine) -> bool:
    """Whether there is a daemon that has to be restarted to read a changed nix.conf."""
    return machine.daemon.manager is not Manager.NONE and not _reads_anew(machine.nix)


def _reads_anew(nix: NixVersion | None) -> bool:
    """Lix 2.94 and later read it for each connection (lix-project/lix lix/nix/daemon.cc)."""
    return nix is not None and nix.flavour == "lix" and nix.number >= (2, 94, 0)


def restart_pending(machine: Machine, owner: Owner) -> Iterator[Finding]:
    """The daemon has not read the configuration as it stands."""
    daemon = machine.daemon
    if _reads_anew(machine.nix):
        return
    if machine.restart_pending and daemon.manager is not Manager.NONE:
        there = "nix.conf was written, the daemon not yet restarted"
        yield drift(Rule.RESTART, Remedy.RESTART, "", there)
    elif daemon.started is not None:
        if changed := _changed_since(daemon.started, machine, owner):
            there = "newer than the running daemon, which has not read it"
            if isinstance(machine.files.get(changed), Missing):
                there = "perhaps gone since the daemon was started, which may have read it"
            known = daemon.manager is not Manager.NONE
            remedy, to_do = (Remedy.RESTART, "") if known else (Remedy.HAND, "restart it there")
            yield drift(Rule.RESTART, remedy, changed, there, to_do=to_do)
    elif _runs(daemon):
        there = "when the daemon was started is not known, so nor is what it has read"
        to_do = f"restart it there after each change{_how(daemon)}"
        yield unknown(Rule.RESTART, Remedy.HAND, "", there, to_do)


def earlier_connections(machine: Machine) -> Iterator[Finding]:
    """Connections that the restart has spared, whose trust is that of before.

    A note: what somebody builds meanwhile is not to fail the machine.
    """
    pids = machine.earlier_connections
    if pids and not _reads_anew(machine.nix):
        connections = "a connection" if len(pids) == 1 else f"{len(pids)} connections"
        there = f"{connections} to the daemon from before its restart: the old configuration holds"
        ending = f"`kill {' '.join(map(str, pids))}`"
        yield note(Rule.RESTART, "", there, f"it ends with what is built there, or by {ending}")


def _runs(daemon: Daemon) -> bool:
    """One that does not run reads nix.conf when it is first asked; of one that no known manager
    starts, the socket alone is known."""
    if daemon.manager is Manager.NONE:
        return daemon.socket
    return daemon.state in ("active", "running")


def _changed_since(started: float, machine: Machine, owner: Owner) -> str:
    """The system's file that is strictly newer than the daemon, if any; whole seconds are compared
    where the start is known to the second only."""
    changes = _changes(machine, owner)
    latest = max(changes, key=changes.__getitem__, default="")
    if not latest:
        return ""
    changed = int(changes[latest]) if started.is_integer() else changes[latest]
    return latest if changed > started else ""


def _changes(machine: Machine, owner: Owner) -> Mapping[str, float]:
    """When the system's files changed; not of the one that the daemon writes as it starts."""
    return {
        path: status.changed
        for path, status in machine.status.items()
        if status.whose == "system" and status.changed is not None and path != owner.regenerated
    }


def trusts(
    policy: Policy, machine: Machine, owner: Owner, folded: Folded, of_files: Sequence[Finding]
) -> Iterator[Finding]:
    """What the live daemon answers each user, held against the declaration.

    + folded: the configuration as it stands, and `of_files` what was found of it.
    """
    unreported = [user.name for user in machine.users if user.trust is Trust.UNREPORTED]
    if unreported and folded.nix.reports_trust:
        # An older daemon under a newer Nix, or an answer that is read otherwise than it is meant.
        there = f"the daemon does not tell whether it trusts {people(unreported)}"
        to_do = f"{folded.nix} does: see that the daemon is of the same Nix, then run again"
        yield unknown(Rule.TRUST, Remedy.HAND, "", there, to_do)
    elif unreported:
        there = f"{folded.nix} does not tell whom its daemon trusts"
        yield note(Rule.TRUST, "", there, "Nix 2.15 and later do")
    for user in machine.users:
        declared = is_trusted(policy.trusted_users, user)
        match user.trust:
            case Trust.TRUSTED if declared is False:
                there = f"the running daemon trusts {user.name}"
                remedy, to_do = _remedy(user, machine, owner, folded, of_files)
                yield drift(Rule.TRUST, remedy, "", there, "not trusted", to_do)
            case Trust.UNTRUSTED if declared is True:
                there = f"the running daemon does not trust {user.name}"
                remedy, to_do = _remedy(user, machine, owner, folded, of_files)
                yield drift(Rule.TRUST, remedy, "", there, "trusted", to_do)
            case Trust.NO_ACCESS if declared is True:
                there = f"{user.name} is declared trusted but may not open the daemon's socket"
                to_do = "add the account to the socket's group"
                yield drift(Rule.TRUST, Remedy.HAND, "", there, to_do=to_do)
    # Looked at without root, nobody else is asked.
    if machine.uid == 0:
        yield from _not_asked(machine.users)


def _not_asked(users: Sequence[User]) -> Iterator[Finding]:
    """Whom nobody knows to be trusted or not. A daemon that fails root is dead."""
    by_words: dict[str, list[str]] = {}
    for user in users:
        if user.uid != 0 and user.trust in (Trust.FAILED, Trust.NOT_ASKED):
            by_words.setdefault(user.words, []).append(user.name)
    for words, names in by_words.items():
        there = f"the daemon could not be asked as {people(names)}" + (words and f": {words}")
        to_do = "run again; if it stays, try `nix store info` as that user"
        yield unknown(Rule.TRUST, Remedy.HAND, "", there, to_do)
    if beyond := [user.name for user in users if user.trust is Trust.TOO_MANY]:
        there = f"the daemon was not asked as {people(beyond)}: it is asked as 100 accounts at most"
        to_do = (
            "remove accounts and homes of people who have left, or let the directory that they"
            " come from not list all (sssd.conf: `enumerate = false`)"
        )
        yield unknown(Rule.TRUST, Remedy.HAND, "", there, to_do)


def is_trusted(users: Collection[str], user: User) -> bool | None:
    """Whether a value of trusted-users means this user.

    None where a group decides, whose members only the daemon knows (NixOS/nix#5885).
    """
    if user.name in users or "*" in users:
        return True
    if any(f"@{group}" in users for group in user.groups):
        return None
    return False


def _remedy(
    user: User, machine: Machine, owner: Owner, folded: Folded, of_files: Sequence[Finding]
) -> tuple[Remedy, str]:
    """A restart where it can help, and only there: or every run would restart the daemon anew."""
    if any(found.remedy in (Remedy.EDIT, Remedy.RESTART) for found in of_files):
        return Remedy.RESTART, ""
    in_files = is_trusted(folded.tokens("trusted-users") or (), user)
    if in_files in (None, user.trust is Trust.TRUSTED):
        return Remedy.HAND, "its configuration says so"
    if machine.daemon.manager is Manager.NONE:
        return Remedy.HAND, "restart it there"
    started = machine.daemon.started
    if started is None or any(int(at) >= int(started) for at in _changes(machine, owner).values()):
        return Remedy.RESTART, ""
    return Remedy.HAND, "its configuration says otherwise: look at how it is started"
