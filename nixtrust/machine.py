"""What was observed on one machine, and how the probe's answer is read.

The answer (shell/probe.sh) is one record a line, fields parted by tabs; the lines of a file follow
their record behind `|`; the last record counts all lines before it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from nixtrust.conf import File, Files, Missing, Unreadable, parse
from nixtrust.credentials import PLACE, Kind, Place
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
    """Whether there is a Nix. Unmounted: /nix is there, the store is not."""

    PRESENT = "present"
    ABSENT = "absent"
    UNMOUNTED = "unmounted"


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
class Machine:
    """One machine, observed in one round trip."""

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
    records: list[_Record] = []
    body: list[str] = []
    for line in reversed(lines[1:-1]):
        if line.startswith("|"):
            body.append(f"{line[1:]}\n")
        else:
            kind, *fields = line.split("\t")
            records.append(_Record(kind, tuple(map(read_field, fields)), "".join(reversed(body))))
            body = []
    return records[::-1]


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


_KINDS = frozenset(
    {
        "system",
        "nix",
        "daemon",
        "evidence",
        "store-owner",
        "header",
        "file",
        "restart-pending",
        "user",
        "trust",
        "credential",
        "cachix-hostname",
        "unread-place",
    }
)


def _machine(records: list[_Record]) -> Machine:
    for record in records:
        if record.kind not in _KINDS:
            raise _BadAnswerError("it has a record that the probe does not write")

    def all_of(kind: str) -> Iterator[_Record]:
        return (record for record in records if record.kind == kind)

    def the(kind: str) -> _Record:
        found = list(all_of(kind))
        if len(found) != 1:
            raise _BadAnswerError(f"it has {len(found)} records '{kind}'")
        return found[0]

    system, nix, daemon = the("system"), the("nix"), the("daemon")
    # What the system has comes first, and what somebody's own file includes must not hide it.
    file_of: dict[str, tuple[File, FileStatus]] = {}
    for record in all_of("file"):
        file_of.setdefault(record[1], _file(record))
    trusts = {record[0]: record for record in all_of("trust")}
    hostnames = {record[0]: record[1] for record in all_of("cachix-hostname")}
    users = tuple(_user(record, trusts.get(record[0])) for record in all_of("user"))
    if NixState(nix[0]) is NixState.PRESENT and (
        not any(user.uid == 0 for user in users) or any(user.trust is None for user in users)
    ):
        raise _BadAnswerError("it does not tell what the daemon answers each user")
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
        files=MappingProxyType({path: file for path, (file, _) in file_of.items()}),
        status=MappingProxyType({path: status for path, (_, status) in file_of.items()}),
        users=users,
        restart_pending=any(all_of("restart-pending")),
        credentials=tuple(_credential(record, hostnames) for record in all_of("credential")),
        unread_places=tuple(
            UnreadPlace(_place(record[0]), record[1], record[2])
            for record in all_of("unread-place")
        ),
    )


def _version(text: str) -> NixVersion | None:
    try:
        return parse_nix_version(text)
    except ValueError:
        return None


def _file(record: _Record) -> tuple[File, FileStatus]:
    whose, path, state, first, second, link = (record[index] for index in range(6))
    try:
        match state:
            case "present":
                status = FileStatus(whose, first, _seconds(second), link, "")
                return parse(path, record.text), status
            case "absent":
                return Missing(), FileStatus(whose, first or "absent", _seconds(second), link, "")
            case "unreadable":
                return Unreadable(), FileStatus(whose, "", None, second, first)
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


def _place(name: str) -> Place:
    if name not in PLACE:
        raise _BadAnswerError("it names a place of credentials that is not known")
    return PLACE[name]


def _credential(record: _Record, hostnames: Mapping[str, str]) -> Credential:
    return Credential(
        place=_place(record[0]),
        person=record[1],
        path=record[2],
        kind=Kind(record[3]),
        line=int(record[4]),
        start=int(record[5]),
        end=int(record[6]),
        hindrance=Hindrance(record[7]) if record[7] else None,
        cache=record[8],
        folder=record[9],
        stamp=record[10],
        mode=record[11],
        link=record[12],
        hostname=hostnames.get(record[2]),
    )
