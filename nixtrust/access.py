"""Who besides root can change what the daemon depends on, as shell/writers.sh tells it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Way(StrEnum):
    """How somebody can change a file or a folder. User: by an access control list, as may a group.

    Unknown: a list that nothing there reads, a group whose members nobody can tell, a name that
    cannot be told.
    """

    OWNER = "owner"
    USER = "user"
    GROUP = "group"
    EVERYBODY = "everybody"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Writer:
    """One way to change the `path`, on which `subject` depends, of which the daemon reads or runs.

    `name` is an account's or a group's, or says in words who it may be, if that is unknown;
    `members` are the group's; `mode` is as ls(1) has it.
    """

    path: str
    subject: str
    way: Way
    name: str
    members: frozenset[str]
    mode: str


@dataclass(frozen=True, slots=True)
class Access:
    """Who can change and who can read what the daemon depends on.

    `closed` are the files and folders that keep members' Nix from nix.conf, and their modes;
    `powerful` those of the writers who may run anything as root by sudo, or are in a group that is
    declared trusted; `absent_accounts` the declared trusted users that have no account there;
    `unasked` those of the writers of whom there was no time to ask whether they are powerful.
    """

    writers: tuple[Writer, ...] = ()
    closed: Mapping[str, str] = field(default_factory=dict)
    powerful: frozenset[str] = frozenset()
    absent_accounts: tuple[str, ...] = ()
    unasked: frozenset[str] = frozenset()


ACCESS_RECORDS = frozenset({"writer", "closed", "sudoer", "declared", "unasked", "absent-account"})


def read_access(records: Iterable[tuple[str, tuple[str, ...]]]) -> Access:
    """What these records tell.

    + records: of each its kind and its fields; other kinds are passed over

    Raises ValueError for one that the probe does not write.
    """
    told = [(kind, fields) for kind, fields in records if kind in ACCESS_RECORDS]

    def of(kind: str, count: int) -> Iterator[tuple[str, ...]]:
        for its, fields in told:
            if its == kind:
                if len(fields) != count:
                    raise ValueError(f"a record '{kind}' has {len(fields)} fields")
                yield fields

    return Access(
        writers=tuple(
            Writer(path, subject, Way(way), name, frozenset(filter(None, members.split(","))), mode)
            for path, subject, way, name, members, mode in of("writer", 6)
        ),
        closed=MappingProxyType(dict((path, mode) for path, mode in of("closed", 2))),
        powerful=frozenset(name for kind in ("sudoer", "declared") for (name,) in of(kind, 1)),
        unasked=frozenset(name for (name,) in of("unasked", 1)),
        absent_accounts=tuple(name for (name,) in of("absent-account", 1)),
    )
