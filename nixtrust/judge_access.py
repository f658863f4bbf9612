"""Who besides root can change what the daemon depends on, and who cannot read nix.conf."""

import shlex
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from nixtrust.access import Way, Writer
from nixtrust.conf import Assignment, ConfFile, Files, Unreadable
from nixtrust.conf_lines import Illegal, Line
from nixtrust.conf_settings import may_be_seen
from nixtrust.finding import Finding, Remedy, Rule, drift, note, unknown
from nixtrust.machine import Machine
from nixtrust.masks import is_masked
from nixtrust.owners import Owner, builders_group
from nixtrust.plan import ORIGINAL
from nixtrust.policy import Policy
from nixtrust.wording import people

STORE = "/nix/store"


def access(policy: Policy, machine: Machine, owner: Owner) -> Iterator[Finding]:
    """Each file and folder that others can change, each that keeps members from nix.conf, and each
    declared trusted user that is nobody there."""
    if owner.person:
        return
    ours = mendable(machine, owner)
    for path, writers in groupby(machine.access.writers, lambda writer: writer.path):
        yield from _changeable(policy, machine, owner, tuple(writers), path in ours)
    for path, mode in machine.access.closed.items():
        if not isinstance(machine.files.get(path), Unreadable):
            yield _closed(machine, path, mode, path in ours)
    for name in machine.access.absent_accounts:
        what = "group" if name.startswith("@") else "account"
        there = f"{name} is declared trusted, and there is no such {what}"
        yield note(Rule.ABSENT_ACCOUNT, "", there, "whoever makes one later is trusted")


def conf_folder(owner: Owner) -> str:
    """The folder of the configuration that nixtrust writes."""
    return owner.root.rpartition("/")[0]


def mendable(machine: Machine, owner: Owner) -> Collection[str]:
    """What nixtrust may make root's alone: what it writes, and the folder of that.

    Nothing where others can change a folder further up: they could have it back at once. Nor where
    a token is in a name.
    """
    folder = conf_folder(owner)
    files = {owner.root, *owner.editable}
    ours = {folder, *files, *(f"{path}{ORIGINAL}" for path in files)}
    # The first way that is walked is that to nix.conf, whatever links are on it.
    further_up = any(
        writer.subject == machine.nix_conf and writer.path not in ours and _is_open(machine, writer)
        for writer in machine.access.writers
    )
    if owner.target is None or owner.person or further_up or any(map(is_masked, files)):
        return ()
    return ours


def _is_open(machine: Machine, writer: Writer) -> bool:
    return writer.way in (Way.EVERYBODY, Way.UNKNOWN) or bool(_who(machine, writer))


def waits(machine: Machine, owner: Owner, found: Collection[Finding]) -> bool:
    """Whether the configuration can be judged only once it and its folder are root's alone."""
    return _is_unread(machine, owner) and any(
        each.remedy is Remedy.MEND and each.where in _read_first(owner) for each in found
    )


def _read_first(owner: Owner) -> Collection[str]:
    """What root must have to itself to read the configuration at all."""
    return (conf_folder(owner), owner.root, owner.file)


def _is_unread(machine: Machine, owner: Owner) -> bool:
    return any(isinstance(machine.files.get(each), Unreadable) for each in (owner.root, owner.file))


# Who can change it ----------------------------------------------------------------------------


def _changeable(
    policy: Policy, machine: Machine, owner: Owner, writers: Sequence[Writer], is_ours: bool
) -> Iterator[Finding]:
    """What is to say of one path.

    Who is declared trusted, or may run anything as root, gains nothing by it. But root opens
    nothing that is somebody else's, nor in a folder that anybody else can change. What others can
    change is not run, and so nothing is written: to check it Nix is run, and the daemon is
    restarted.
    """
    path, subject = writers[0].path, writers[0].subject
    who = {writer: _who(machine, writer) for writer in writers}
    excused = {
        name for names in who.values() for name in names if _is_trusted(policy, machine, name)
    }
    gaining = [
        each
        for each in writers
        if _is_open(machine, each) and (not who[each] or who[each] - excused)
    ]
    if not gaining and path in _read_first(owner) and is_ours and _is_unread(machine, owner):
        gaining = list(writers)
    with_it = f", and with it {subject}" if subject != path else ""
    there = f"{' and '.join(_says(each, who[each]) for each in gaining)} can change it{with_it}"
    if not gaining and excused:
        named = people(sorted(excused))
        there = f"{named} can change it{with_it}, and may do anything there as it is"
        if _keeps_from_reading(machine, path):
            to_do = _by_hand(machine, owner, path, writers)
            there = f"{there}; but root reads only what root alone can change"
            yield unknown(Rule.CHANGEABLE, Remedy.BLOCKS, path, there, to_do)
        else:
            yield note(Rule.CHANGEABLE, path, there)
    elif not gaining:
        pass
    elif is_ours:
        yield drift(Rule.CHANGEABLE, Remedy.MEND, path, there)
    else:
        to_do = _by_hand(machine, owner, path, gaining)
        not_known = {name for each in gaining for name in who[each] - excused}
        if all(each.way is Way.UNKNOWN for each in gaining):
            yield unknown(Rule.CHANGEABLE, Remedy.BLOCKS, path, there, to_do)
        elif all(who[each] for each in gaining) and not_known <= machine.access.unasked:
            many = f"{len(not_known)} of them"
            there = f"{there}; of {many} nobody knows what they may do there as it is"
            yield unknown(Rule.CHANGEABLE, Remedy.BLOCKS, path, there, to_do)
        else:
            yield drift(Rule.CHANGEABLE, Remedy.BLOCKS, path, there, to_do=to_do)


def _keeps_from_reading(machine: Machine, path: str) -> bool:
    """Whether a file was not read that is there, or that a link leads to there."""
    return any(
        f"{way}/".startswith(f"{path.rstrip('/')}/")
        for file, content in machine.files.items()
        if isinstance(content, Unreadable)
        for way in (file, machine.status[file].link)
    )


def _who(machine: Machine, writer: Writer) -> frozenset[str]:
    """The accounts besides root that one way is open to, of those that can be named."""
    match writer.way:
        case Way.OWNER | Way.USER:
            names = {writer.name}
        case Way.GROUP:
            names = {*writer.members}
        case _:
            names = set()
    return frozenset(names - {user.name for user in machine.users if user.uid == 0})


def _is_trusted(policy: Policy, machine: Machine, name: str) -> bool:
    return name in machine.access.powerful or name in policy.trusted_users


def _says(writer: Writer, who: frozenset[str]) -> str:
    match writer.way:
        case Way.OWNER:
            return f"{writer.name}, who owns it,"
        case Way.USER:
            return f"{writer.name}, by its access control list,"
        case Way.GROUP:
            members = f" ({people(sorted(who))})" if who else ""
            return f"the group {writer.name}{members}"
        case Way.EVERYBODY:
            return "everybody"
        case Way.UNKNOWN:
            return writer.name


def _by_hand(machine: Machine, owner: Owner, path: str, writers: Sequence[Writer]) -> str:
    """The commands that make it root's alone; but what is in a home stays whose it is.

    A file is made anew: somebody may have the old one open, or a second name for it. But not one of
    a database, which the daemon has open.
    """
    its, mode = shlex.quote(path), writers[0].mode
    lists = "chmod -N" if machine.kernel == "Darwin" else "setfacl -b"
    is_listed = any(each.mode.endswith("+") or each.way is Way.USER for each in writers)
    dropping = f"{lists} {its} && " if is_listed else ""
    homes = (user.home.rstrip("/") for user in machine.users if user.uid != 0)
    if any(home and f"{path}/".startswith(f"{home}/") for home in homes):
        return (
            f"{writers[0].subject} must not lead there: take the link, the include or the line away"
        )
    if path == STORE:
        return _of_store(machine, owner, dropping, writers)
    if mode == "?":
        return "rename or remove what has such a name there"
    if mode.startswith("l"):
        return f"see where it leads, then `chown -h root {its}`"
    if path in _EVERYBODYS or path.endswith("/per-user"):
        return f"let root make {writers[0].subject} first, or name another place for it"
    if mode.startswith("d") or path.startswith("/nix/var/nix/db/"):
        return f"`{dropping}chown root {its} && chmod go-w {its}`"
    new = f'new=$(mktemp {its}.XXXXXX) && cat {its} >"$new" && chmod {_closed_mode(mode)} "$new"'
    return f'see what it holds, then `{new} && mv "$new" {its}`'


# In these everybody has to make names; an older Nix's installer makes the folders of profiles so.
_EVERYBODYS = frozenset({"/tmp", "/var/tmp", "/dev/shm", "/private/tmp", "/private/var/tmp"})


def _of_store(machine: Machine, owner: Owner, dropping: str, writers: Sequence[Writer]) -> str:
    """The command that makes the store what the daemon makes it at each start, and nobody but those
    whom Nix builds as a member of their group."""
    group = builders_group(owner, machine)
    mode = f"{dropping}chown {shlex.quote(f'root:{group}')} {STORE} && chmod 1775 {STORE}"
    if any(each.name != group or each.mode[1:10] != "rwxrwxr-t" for each in writers):
        return f"`{mode}`"
    names = sorted(name for each in writers for name in each.members)
    taking_out = "dseditgroup -o edit -t user -d" if machine.kernel == "Darwin" else "gpasswd -d"
    out = " && ".join(f"{taking_out} {shlex.quote(name)} {shlex.quote(group)}" for name in names)
    return f"Nix builds as those alone whom its installer has made: `{out}`"


def _closed_mode(mode: str) -> str:
    """The mode, as ls(1) has it, in digits and without what lets others write."""
    bits = (mode[1:10]).ljust(9, "-")
    kept = "".join(
        "1" if bit not in "-ST" else "0" for bit in bits[:4] + "-" + bits[5:7] + "-" + bits[8:]
    )
    return "".join(str(int(kept[at : at + 3], 2)) for at in (0, 3, 6))


# Who cannot read it ---------------------------------------------------------------------------


def _closed(machine: Machine, path: str, mode: str, is_ours: bool) -> Finding:
    """Nix ignores in silence what it may not read (NixOS/nix src/libutil/configuration.cc)."""
    there = f"its mode is {mode}: members' own Nix reads nothing of what nix.conf says"
    secret = _secret_in(path, machine.files)
    if is_ours and not secret:
        return drift(Rule.CLOSED, Remedy.MEND, path, there)
    to_do = f"`chmod {'a+rx' if mode.startswith('d') else 'a+r'} {shlex.quote(path)}`"
    if not any(f"{file}/".startswith(f"{path}/") for file in machine.files):
        # A link leads there, to what may be closed for a reason.
        to_do = (
            f"`ls -l {shlex.quote(machine.nix_conf)}` tells what leads there: take the link away"
        )
    if secret:
        to_do = f"take what is secret out of {secret} into a file that it includes, then {to_do}"
    return drift(Rule.CLOSED, Remedy.HAND, path, there, to_do=to_do)


def _secret_in(path: str, files: Files) -> str:
    """A file that everybody could read then, and that may hold a secret; or nothing."""
    for each, conf in files.items():
        if each == path or each.startswith(f"{path}/"):
            lines = conf.lines if isinstance(conf, ConfFile) else ()
            if any(map(_may_be_secret, lines)):
                return each
    return ""


def _may_be_secret(line: Line) -> bool:
    match line:
        case Assignment():
            return not may_be_seen(line.name) or "***" in line.tokens
        case Illegal():
            return True
    return False
