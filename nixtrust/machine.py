"""What was observed on one machine, and how the probe's answer is read.

The answer (shell/probe.sh) is one record a line, fields parted by tabs; the lines of a file follow
their record behind `|`, and so do those that a person's process has said; the last record counts
all lines before it. Root tells who is asked before anybody says something: what a person says is
about that person, whatever it says, and counts only if it is whole.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from nixtrust.access import ACCESS_RECORDS, Access, read_access
from nixtrust.conf import File, Files, Missing, Unreadable, parse
from nixtrust.credentials import PLACE, Kind, Place
from nixtrust.masks import is_masked
from nixtrust.nix_version import NixVersion, parse_nix_version
from nixtrust.stored import Credential, Hindrance, UnreadPlace

# NixOS/nix src/libutil/users.cc, getConfigDirs: where XDG_CONFIG_DIRS is not set.
XDG_CONF = "/etc/xdg/nix/nix.conf"


class Manager(StrEnum):
    """What starts the daemon."""

    SYSTEMD = "systemd"
    LAUNCHD = "launchd"
    NONE = "none"


class NixState(StrEnum):
    """Whether there is a Nix. Unmounted: /nix is there, the store is not. Changeable: others can
    change it, or a folder on the way, so that root does not run it."""

    PRESENT = "present"
    ABSENT = "absent"
    UNMOUNTED = "unmounted"
    CHANGEABLE = "changeable"


class Trust(StrEnum):
    """What came of asking the live daemon as one user."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    NO_ACCESS = "no-access"
    NO_DAEMON = "no-daemon"
    UNREPORTED = "unreported"
    NOT_ASKED = "not-asked"
    TOO_MANY = "too-many"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Daemon:
    """The Nix daemon as its service manager tells; `started` in seconds since 1970.

    `overrides` are the names of what configures it besides files: variables, `--option`.
    """

    manager: Manager
    unit: str
    state: str
    kill_mode: str
    started: float | None
    socket: bool
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    """A person's account (or root), and what the live daemon answers it (in its own `words`)."""

    name: str
    uid: int
    home: str
    shell: str
    groups: tuple[str, ...]
    trust: Trust | None
    words: str

    @property
    def nix_conf(self) -> str:
        """The path of the user's own nix.conf."""
        return f"{self.home.rstrip('/')}/.config/nix/nix.conf"


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What is to know of a configuration file besides its lines.

    `whose` is `system`, `user:NAME`, or `original` for what was there before nixtrust.
    `stamp` changes whenever the file does; `changed` is seconds since 1970; `link` is where the
    path leads if a link is on the way; `trouble` is why it could not be read.
    """

    whose: str
    stamp: str
    changed: float | None
    link: str
    trouble: str


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """A person's own configuration files, as a process of that person tells them."""

    files: Files
    status: Mapping[str, FileStatus]


@dataclass(frozen=True, slots=True)
class UnreadHome:
    """A person who could not be asked, or did not answer, and why."""

    name: str
    home: str
    why: str


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine, observed in one round trip.

    `files` and `status` are the system's, which root tells, and where a person's own Nix has no
    daemon that person's; all others' are their `own`, by name.
    """

    kernel: str
    architecture: str
    uid: int
    nix_state: NixState
    nix: NixVersion | None
    nix_path: str
    conf_dir: str
    daemon: Daemon
    evidence: frozenset[str]
    headers: Mapping[str, str]
    store_owner: str
    files: Files
    status: Mapping[str, FileStatus]
    users: tuple[User, ...]
    restart_pending: bool
    earlier_connections: tuple[int, ...]
    access: Access = field(default_factory=Access)
    own: Mapping[str, OwnFiles] = field(default_factory=dict)
    unread_homes: tuple[UnreadHome, ...] = ()
    credentials: tuple[Credential, ...] = ()
    unread_places: tuple[UnreadPlace, ...] = ()

    @property
    def system(self) -> str:
        """The machine as Nix names it, such as `aarch64-darwin`."""
        return nix_system(self.kernel, self.architecture)

    @property
    def nix_conf(self) -> str:
        """The path of the system's nix.conf."""
        return f"{self.conf_dir}/nix.conf"

    @property
    def layers(self) -> tuple[str, ...]:
        """What everybody's Nix reads before the user's own file, in this order."""
        return self.nix_conf, XDG_CONF

    @property
    def custom_conf(self) -> str:
        """The path of the file that newer installers include for people's own settings."""
        return f"{self.conf_dir}/nix.custom.conf"


def nix_system(kernel: str, architecture: str) -> str:
    """A machine of which `uname -sm` says so, as Nix names it."""
    cpu = {"arm64": "aarch64", "amd64": "x86_64"}.get(architecture, architecture)
    return f"{cpu}-{kernel.lower()}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A machine that could not be read, why, and what to do. Never to be taken for a clean one."""

    reason: str
    to_do: str = "run again; if it stays, look at the machine"


class _BadAnswerError(Exception):
    pass


_FIRST = ["nixtrust", "probe", "1"]


def read_answer(lines: Iterable[str]) -> Machine | Unread:
    """The machine that a probe's answer tells of; `Unread` if it is cut short or foreign."""
    answer = list(lines)
    if any(line.split("\t") == _FIRST for line in answer[1:]):
        return Unread(
            "the probe's answer cannot be read: something else was printed before it",
            "make the login shell print nothing (see ~/.bashrc) when nobody is at a terminal",
        )
    try:
        return _machine(_records(answer))
    except (_BadAnswerError, ValueError) as error:
        return Unread(f"the probe's answer cannot be read: {error}")


@dataclass(frozen=True, slots=True)
class _Record:
    kind: str
    fields: tuple[str, ...]
    text: str

    def __getitem__(self, index: int) -> str:
        return self.fields[index] if index < len(self.fields) else ""


def _records(lines: list[str]) -> list[_Record]:
    if not lines or lines[0].split("\t") != _FIRST:
        raise _BadAnswerError("it does not begin as the probe's does")
    if lines[-1].split("\t") != ["end", str(len(lines) - 1)]:
        raise _BadAnswerError("it is cut short")
    if not all(line.replace("\t", "").isprintable() for line in lines):
        raise _BadAnswerError("it has control characters")
    return list(_parted(lines[1:-1]))


def _parted(lines: list[str]) -> Iterator[_Record]:
    """Records, each with the lines behind it."""
    kind, fields, body = "", [""], []
    for is_last, line in [*((False, line) for line in lines), (True, "")]:
        if line.startswith("|") and not kind:
            raise _BadAnswerError("it has a line that belongs to no record")
        if line.startswith("|"):
            body.append(f"{line[1:]}\n")
            continue
        if kind:
            yield _Record(kind, tuple(map(read_field, fields)), "".join(body))
        kind, *fields = line.split("\t")
        body = []
        if not kind and not is_last:
            raise _BadAnswerError("it has a line that is no record")


def read_field(sent: str) -> str:
    """A field as the machine has it; as it was sent, if that is no text that can be shown.

    The probe sends a byte that is no plain character, and a backslash, as three octal digits behind
    a backslash.
    """
    digits = rb"\\([0-3][0-7]{2})"
    octets = re.sub(digits, lambda found: bytes([int(found[1], 8)]), sent.encode())
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return sent
    return text if text.isprintable() else sent


# What root tells, and what a person's process may.
_ROOTS = frozenset(
    {
        "system",
        "nix",
        "daemon",
        "evidence",
        "store-owner",
        "header",
        "file",
        "restart-pending",
        "earlier-connection",
        "user",
        "trust",
        "person",
        "given",
        "part",
        "part-end",
        "credential",
        "credential-count",
        "cachix-hostname",
        "unread-place",
        *ACCESS_RECORDS,
    }
)
_PERSONS = frozenset({"file", "credential", "credential-count", "cachix-hostname", "unread-place"})


def _machine(records: list[_Record]) -> Machine:
    if not {record.kind for record in records} <= _ROOTS:
        raise _BadAnswerError("it has a record that the probe does not write")

    def all_of(kind: str) -> Iterator[_Record]:
        return (record for record in records if record.kind == kind)

    def the(kind: str) -> _Record:
        found = list(all_of(kind))
        if len(found) != 1:
            raise _BadAnswerError(f"it has {len(found)} records '{kind}'")
        return found[0]

    system, nix, daemon = the("system"), the("nix"), the("daemon")
    is_root = int(system[2]) == 0
    trusts = {record[0]: record for record in all_of("trust")}
    users = tuple(_user(record, trusts.get(record[0])) for record in all_of("user"))
    if NixState(nix[0]) is NixState.PRESENT and (
        not any(user.uid == 0 for user in users) or any(user.trust is None for user in users)
    ):
        raise _BadAnswerError("it does not tell what the daemon answers each user")
    told = _told(records)
    parts = list(_parts(records, is_root))
    own = {part.name: part.own for part in parts}
    # Where no daemon is, its owner's files are the ones that Nix reads.
    owners = own.get(the("store-owner")[0], OwnFiles({}, {}))
    return Machine(
        kernel=system[0],
        architecture=system[1],
        uid=int(system[2]),
        nix_state=NixState(nix[0]),
        nix=_version(nix[2]),
        nix_path=nix[1],
        conf_dir=nix[3],
        daemon=Daemon(
            manager=Manager(daemon[0]),
            unit=daemon[1],
            state=daemon[2],
            kill_mode=daemon[3],
            started=_seconds(daemon[4]),
            socket=daemon[5] == "present",
            overrides=tuple(dict.fromkeys(daemon[6].split())),
        ),
        evidence=frozenset(record[0] for record in all_of("evidence")),
        headers=MappingProxyType({record[0]: record[1] for record in all_of("header")}),
        store_owner=the("store-owner")[0],
        files=MappingProxyType({**owners.files, **told.own.files}),
        status=MappingProxyType({**owners.status, **told.own.status}),
        users=users,
        restart_pending=any(all_of("restart-pending")),
        earlier_connections=tuple(int(record[0]) for record in all_of("earlier-connection")),
        access=read_access((record.kind, record.fields) for record in records),
        own=MappingProxyType(own),
        unread_homes=tuple(part.unread for part in parts if part.unread),
        credentials=(*told.credentials, *_not_told(told, parts)),
        unread_places=tuple(each for its in (told, *parts) for each in its.unread_places),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What somebody tells: root, or a person's process; or why there is nothing to be told."""

    name: str
    own: OwnFiles
    credentials: tuple[Credential, ...] = ()
    unread_places: tuple[UnreadPlace, ...] = ()
    unread: UnreadHome | None = None


def _told(records: list[_Record], name: str = "") -> _Told:
    """What records tell.

    + name: of the person that all of it is about, whatever it says; root's may be about anybody.
    """
    file_of: dict[str, tuple[File, FileStatus]] = {}
    for record in records:
        if record.kind == "file":
            file_of.setdefault(record[1], _file(record, name))
    hostnames = {
        record[0]: _hostname(record[1]) for record in records if record.kind == "cachix-hostname"
    }
    counts = {
        record[0]: _count(record[1]) for record in records if record.kind == "credential-count"
    }
    return _Told(
        name,
        OwnFiles(
            MappingProxyType({path: file for path, (file, _) in file_of.items()}),
            MappingProxyType({path: status for path, (_, status) in file_of.items()}),
        ),
        tuple(
            replace(_credential(record, name, hostnames), count=counts.get(record[2], 1))
            for record in records
            if record.kind == "credential"
        ),
        tuple(
            UnreadPlace(_place(record[0]), record[1], _reason(record[2], name, record[1]), name)
            for record in records
            if record.kind == "unread-place"
        ),
    )


def _not_told(told: _Told, parts: Iterable[_Told]) -> Iterator[Credential]:
    """What persons tell of files that root has not told of: their own may lead to the system's."""
    paths = {each.path for each in told.credentials}
    return (each for its in parts for each in its.credentials if each.path not in paths)


def _parts(records: list[_Record], is_root: bool) -> Iterator[_Told]:
    """What the processes of all persons have said."""
    of: dict[str, dict[str, _Record]] = {"person": {}, "part": {}, "part-end": {}}
    for record in records:
        if record.kind in of and of[record.kind].setdefault(record[0], record) is not record:
            raise _BadAnswerError("it tells twice what came of a person")
    if of["part-end"].keys() != of["person"].keys() or not of["part"].keys() <= of["person"].keys():
        raise _BadAnswerError("it does not tell what came of each person")
    given: dict[str, list[_Record]] = {}
    for record in records:
        if record.kind == "given":
            given.setdefault(record[0], []).append(record)
    for number, person in of["person"].items():
        if not person[1]:
            raise _BadAnswerError("it has a person without a name")
        said = of["part"].get(number)
        part = _part(person, said.text if said else None, of["part-end"][number][1], is_root)
        why = f"{person[1]}, who can change it, could not be asked"
        left = (UnreadPlace(_place(each[1]), each[2], why, "") for each in given.get(number, ()))
        yield replace(part, unread_places=tuple(left)) if part.unread else part


# More would be a report that hides everybody else's in its length.
_MOST_TOLD = 2000


def _part(person: _Record, said: str | None, end: str, is_root: bool) -> _Told:
    """What one person's process has said.

    + said: None if there is none; `end` is its exit status, or why there is none.
    """
    name, home = person[1], person[2]
    nothing = _Told(name, OwnFiles({}, {}))
    # Without root nobody else can be asked, and that is told of the whole machine.
    if end == "absent" or (said is None and not is_root):
        return nothing
    why = _why_unread(said or "", end)
    if not why:
        try:
            records = list(_parted((said or "").split("\n")[:-2]))
            if len(records) > _MOST_TOLD:
                why = f"it tells more than {_MOST_TOLD} things of one home"
                return replace(nothing, unread=UnreadHome(name, home, why))
            if {record.kind for record in records} <= _PERSONS:
                return _told(records, name)
        except (_BadAnswerError, ValueError):
            pass
        why = "what it says is not what the probe says"
    return replace(nothing, unread=UnreadHome(name, home, why))


def _why_unread(said: str, end: str) -> str:
    """Why a person's answer does not count; nothing if it does."""
    match end:
        case "0":
            whole = said == "end\n" or said.endswith("\nend\n")
            return "" if whole else "its answer is cut short"
        case "137":
            return "it was killed, or came to no end in time"
        case "141":
            return "it says too much"
        case "126" | "127":
            return "it could not be begun"
        case _:
            return f"it ended with {end}" if end.isdecimal() else end


def _version(text: str) -> NixVersion | None:
    try:
        return parse_nix_version(text)
    except ValueError:
        return None


def _file(record: _Record, name: str) -> tuple[File, FileStatus]:
    whose, path, state, first, second, link = (record[index] for index in range(6))
    if name and whose != "original":
        whose = f"user:{name}"
    try:
        match state:
            case "present":
                status = FileStatus(whose, first, _seconds(second), link, "")
                return parse(path, record.text), status
            case "absent":
                return Missing(), FileStatus(whose, first or "absent", _seconds(second), link, "")
            case "unreadable":
                return Unreadable(), FileStatus(whose, "", None, second, _reason(first, name, path))
    except _BadAnswerError:
        pass
    trouble = "what is told of it is not to be understood"
    return Unreadable(), FileStatus(whose, "", None, link, trouble)


def _seconds(text: str) -> float | None:
    """Since 1970, as stat(1) and `date +%s` print it, or `systemctl show --timestamp=us+utc`."""
    if not text:
        return None
    if text.endswith(" UTC"):
        date = text.partition(" ")[2].removesuffix(" UTC")
        return datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()
    # A member may set a folder's time to any.
    if not re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,12})?", text):
        raise _BadAnswerError(f"'{text}' is no time")
    return float(text)


def _user(record: _Record, trust: _Record | None) -> User:
    return User(
        name=record[0],
        uid=int(record[1]),
        home=record[2],
        shell=record[3],
        groups=tuple(record[4].split()),
        trust=Trust(trust[1]) if trust else None,
        words=trust[2] if trust else "",
    )


# What the probe gives for a reason: of a person's words, no others get into a report.
_REASONS = re.compile(
    "a link to nothing"
    "|(a credential is in it, but )?a name on the way is not plain text"
    "|in /proc, /sys or /dev reading may have effects, or no end"
    "|it changed meanwhile"
    "|it names a file that is not known before it runs"
    "|it says where files lie in a way that is not known before it runs"
    "|its name is no text"
    "|larger than (1|64) MiB"
    "|more are there than are (looked into|told)"
    "|more includes than are followed"
    "|no permission to (list it|look into it|read it)"
    "|not a regular file"
    "|others than root can change it, or a folder on the way"
    "|reading it (failed|takes too long)"
    "|stat fails on it"
)


def _reason(words: str, told_by: str, path: str) -> str:
    """Why there is nothing of a path: of a folder that is named it has to lie below."""
    closed = words.removeprefix("no permission to look into ")
    is_above = closed != words and path.startswith(f"{closed.rstrip('/')}/")
    if told_by and not is_above and not _REASONS.fullmatch(words):
        raise _BadAnswerError("it has a reason that the probe does not give")
    return words


def _place(name: str) -> Place:
    if name not in PLACE:
        raise _BadAnswerError("it names a place of credentials that is not known")
    return PLACE[name]


# Of the record of a credential: from the line on.
_CREDENTIAL = re.compile(
    r"[0-9]{1,12}\t[0-9]{1,12}\t[0-9]{1,12}\t[a-z-]*\t([a-z0-9][a-z0-9-]{0,49})?"
    r"\t/[^\t]*\t[0-9A-Za-z:. +-]*\t[a-zA-Z.@+-]*\t(/[^\t]*)?"
)


def _hostname(text: str) -> str:
    """As shell/recognise/dhall.awk tells it: nothing but a plain address."""
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?/?", text):
        raise _BadAnswerError("it has an address that is none")
    return text


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,12}", text):
        raise _BadAnswerError("it has a number that is none")
    return int(text)


def _credential(record: _Record, told_by: str, hostnames: Mapping[str, str]) -> Credential:
    if told_by and not _CREDENTIAL.fullmatch("\t".join(record.fields[4:])):
        raise _BadAnswerError("it tells of a credential otherwise than the probe does")
    hindrance = Hindrance(record[7]) if record[7] else None
    if any(map(is_masked, (told_by, record[2], record[9], record[12]))):
        hindrance = Hindrance.MASKED
    return Credential(
        place=_place(record[0]),
        person=told_by or record[1],
        path=record[2],
        kind=Kind(record[3]),
        line=int(record[4]),
        start=int(record[5]),
        end=int(record[6]),
        hindrance=hindrance,
        cache=record[8],
        folder=record[9],
        stamp=record[10],
        mode=record[11],
        link=record[12],
        hostname=hostnames.get(record[2]),
        told_by=told_by,
    )
