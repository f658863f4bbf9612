"""What a machine is called, where it is, which groups it is in: `team.yml`, read and checked.

Pure: `inventory/team.py`, `inventory/self.py` and the lab's inventory hand the result to pyinfra.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from socket import inet_aton, inet_ntoa
from types import MappingProxyType
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from nixtrust.declared import ordered, shown
from nixtrust.machine import nix_system
from nixtrust.marked_yaml import Place, load
from nixtrust.policy import KEYS
from nixtrust.refused import Refused

System = Literal["aarch64-darwin", "x86_64-darwin", "aarch64-linux", "x86_64-linux"]
SYSTEMS: tuple[System, ...] = get_args(System)

# From the weakest to the strongest: pyinfra lets the data of a later group win.
BUILT_IN_GROUPS = (
    *("darwin", "linux"),
    *("aarch64", "x86_64"),
    *(system.replace("-", "_") for system in SYSTEMS),
)
# pyinfra's own: everybody, a group for each inventory file, and parameters of its Inventory class.
RESERVED_GROUPS = ("all", "team", "self", "lab", "names_data", "override_data")

_USER = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
# Python's resolver raises UnicodeError, which ends pyinfra's whole run, for other labels.
_LABEL = "[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_NAME = rf"{_LABEL}(\.{_LABEL})*"


def _host(text: str) -> str:
    """A host name or an address as it is; raises what pydantic expects for anything else."""
    if _is_host(text):
        return text
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if _is_host(host) and port.isascii() and port.isdecimal() and 0 < int(port) < 65536:
        spelled = f"'{host}'" if ":" in host or host.isdecimal() else host
        why = f"is a host with its port; write host: {spelled}, port: {int(port)}"
    else:
        why = "is no host name and no address"
    raise PydanticCustomError("host", "{why}", {"why": why})


def _is_host(text: str) -> bool:
    if re.fullmatch(_NAME, text):
        return True
    try:
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


class Ssh(BaseModel):
    """How a machine is reached. What is not given: the machine's name, its member, port 22, and
    the keys of the agent and of `~/.ssh`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, AfterValidator(_host)] | None = None
    user: Annotated[str, Field(pattern=_USER)] | None = None
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = 22
    key: Annotated[str, Field(pattern=r"^[^\x00-\x1f]+$")] | None = None


class Machine(BaseModel):
    """One machine of the team.

    + user: the member whose machine it is.
    + groups: further groups, from the weakest to the strongest.
    + data: policy keys for this machine alone, stronger than those of any group.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=f"^{_NAME}$")]
    system: System
    user: Annotated[str, Field(pattern=_USER)]
    ssh: Ssh = Ssh()
    groups: Annotated[tuple[str, ...], BeforeValidator(ordered)] = ()
    data: Mapping[str, object] = Field(default_factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        return _canonical(self.ssh.host or self.name), self.ssh.port

    @property
    def all_groups(self) -> tuple[str, ...]:
        arch, _, kernel = self.system.partition("-")
        return tuple(dict.fromkeys((kernel, arch, f"{arch}_{kernel}", *self.groups)))

    def host_data(self) -> dict[str, object]:
        """What pyinfra shall know of the machine, however it is reached."""
        own = {"machine_name": self.name, "system": self.system, "member": self.user}
        return own | dict(self.data)

    def ssh_data(self, known_hosts: str) -> dict[str, object]:
        """How pyinfra reaches the machine.

        + known_hosts: path of the file with the pinned host keys; no other is looked at.
        """
        user = self.ssh.user or self.user
        host, port = self.ssh.host or self.name, self.ssh.port
        return {
            "ssh_hostname": host,
            "ssh_user": user,
            "ssh_port": port,
            "ssh_known_hosts_file": known_hosts,
            "ssh_strict_host_key_checking": "yes",
            "ssh_paramiko_connect_kwargs": dict(_TIME_LIMITS),
            **({"ssh_key": self.ssh.key} if self.ssh.key else {}),
            **({"_sudo": True} if user != "root" else {}),
        }


# Seconds. pyinfra's CONNECT_TIMEOUT ends with the exchange of keys, and `_timeout` begins with the
# command: against an sshd that froze in between, only these end (paramiko SSHClient.connect).
_TIME_LIMITS = MappingProxyType({"banner_timeout": 10, "auth_timeout": 15, "channel_timeout": 15})


def _canonical(host: str) -> str:
    """One spelling for all that mean one address; of a name in lower case."""
    try:
        address = ip_address(host)
    except ValueError:
        try:
            return inet_ntoa(inet_aton(host))
        except OSError:
            return host.lower()
    return str(getattr(address, "ipv4_mapped", None) or address)


Group = list[str] | list[tuple[str, dict[str, object]]]


@dataclass(frozen=True, slots=True)
class Team:
    """The machines of one inventory.

    + lines: where in the file a machine's `data` keys stand, as `path:line:column` by
      (machine name, key).
    """

    machines: tuple[Machine, ...]
    lines: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def groups(self, known_hosts: str) -> dict[str, Group]:
        """pyinfra's groups, in the order in which their data merge; `all` bears the hosts' data.

        + known_hosts: path of the file with the machines' pinned host keys.
        """
        hosts = [(m.name, m.host_data() | m.ssh_data(known_hosts)) for m in self.machines]
        return {"all": hosts, **members(self.machines)}


def members(machines: Sequence[Machine]) -> dict[str, Group]:
    """The names in each group that has any, weakest group first."""
    extra = dict.fromkeys(group for machine in machines for group in machine.groups)
    found = {
        group: [machine.name for machine in machines if group in machine.all_groups]
        for group in (*BUILT_IN_GROUPS, *extra)
    }
    return {group: names for group, names in found.items() if names}


# Which machine this is


def system_of(kernel: str, arch: str) -> System | None:
    """The Nix system of a machine whose `uname -sm` says so; None for one Nix is not made for."""
    return next((each for each in SYSTEMS if each == nix_system(kernel, arch)), None)


def find_self(team: Team, host_name: str, wanted: str | None) -> Machine | None:
    """The entry of the machine that this runs on; None if the file has none.

    + host_name: what the machine calls itself, such as `kakaostyle-jito.local`.
    + wanted: the entry's name, given by `--data machine=NAME`; then the host name is not asked.

    Raises `Refused` if the wanted entry does not exist, or if several fit the host name.
    """
    if wanted is not None:
        for machine in team.machines:
            if machine.name == wanted:
                return machine
        names = [machine.name for machine in team.machines]
        raise Refused([f"--data machine={wanted}: no such machine; {suggest(wanted, names)}"])
    exact = [m for m in team.machines if host_name.lower() in _spellings(m)]
    short = [m for m in team.machines if any(_fits(host_name, each) for each in _spellings(m))]
    match exact or short:
        case []:
            return None
        case [machine]:
            return machine
        case several:
            names = [machine.name for machine in several]
            why = f"this machine calls itself {host_name!r}, which fits {', '.join(names)}"
            raise Refused([f"{why}; say which it is: --data machine=NAME"])


def _spellings(machine: Machine) -> tuple[str, str]:
    return machine.name.lower(), (machine.ssh.host or machine.name).lower()


# What a Mac, or a network at home, puts behind a name that has no domain (RFC 6762, RFC 8375, …).
_NO_DOMAINS = ("", "local", "localdomain", "lan", "home", "home.arpa", "internal", "fritz.box")


def _fits(host_name: str, spelling: str) -> bool:
    """Whether two names are the same as far as both tell: one of another domain is another's."""
    short, _, domain = _parted(host_name)
    listed, _, its_domain = _parted(spelling)
    return short == listed and (domain in _NO_DOMAINS or its_domain == "")


def _parted(host_name: str) -> tuple[str, str, str]:
    """A host name at its first dot; an address is one whole."""
    try:
        return str(ip_address(host_name)), "", ""
    except ValueError:
        return host_name.lower().partition(".")


# team.yml

_FIELDS = tuple(name for name in Machine.model_fields if name != "name")
_SHAPES = {
    "name": "no machine name: letters, digits, '.', '_' and '-'",
    "user": "no user name",
    "key": "no path of a key file",
}
Problem = tuple[Place, str]  # where in the file, and what is wrong there


def read_team(path: Path) -> Team:
    """The team that a file declares. Raises `Refused`, also if the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Refused([f"{path}: there is no such file; it lists the team's machines"]) from None
    except OSError as error:
        raise Refused([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise Refused(
            [f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8"]
        ) from None
    return parse_team(str(path), text)


def parse_team(file: str, text: str) -> Team:
    """The team that a text declares.

    + file: what to call it in a problem's line.

    Raises `Refused` with every problem found, as `file:line:column: …`, in the file's order.
    """
    document = load(file, text)
    machines: list[Machine] = []
    problems = [*document.problems, *_top_problems(document.value)]
    for name, fields in _entries(document.value):
        try:
            machines.append(Machine.model_validate({**fields, "name": name}))
        except ValidationError as error:
            problems += _field_problems(name, error)
    problems += _team_problems(machines)
    if problems:
        problems.sort(key=lambda problem: document.index(problem[0]))
        raise Refused(f"{document.place(at)}: {text}" for at, text in problems)
    lines = {
        (machine.name, key): document.place(_at(machine.name, "data", key))
        for machine in machines
        for key in machine.data
    }
    return Team(tuple(machines), MappingProxyType(lines))


def _top_problems(value: object) -> Iterator[Problem]:
    """What is wrong above the fields of the machines."""
    if value is None:
        yield (), "declares no machine; begin with 'machines:'"
        return
    if not isinstance(value, dict):
        yield (), "must be a mapping that begins with 'machines:'"
        return
    for key in value:
        if key != "machines":
            yield (key,), f"unknown field {key!r}; {suggest(key, ['machines'])}"
    machines = value.get("machines")
    if machines is not None and not isinstance(machines, dict):
        yield ("machines",), "'machines' must be a mapping of a name to the machine's fields"
    elif not machines:
        yield ("machines",), "declares no machine; add one below 'machines:'"
    else:
        for name, fields in machines.items():
            if not isinstance(fields, dict):
                yield _at(name), f"machine {name!r}: must have at least 'system' and 'user'"
            elif "name" in fields:
                why = "unknown field 'name'; a machine's name is the key that it stands under"
                yield _at(name, "name"), f"machine {name!r}: {why}"


def _entries(value: object) -> Iterator[tuple[str, dict[str, object]]]:
    machines = value.get("machines") if isinstance(value, dict) else None
    for name, fields in machines.items() if isinstance(machines, dict) else ():
        if isinstance(fields, dict):
            yield name, fields


def _field_problems(name: str, error: ValidationError) -> Iterator[Problem]:
    """pydantic's errors of one machine, told with the names that the file uses."""
    for each in error.errors(include_url=False):
        at = tuple(part for part in each["loc"] if part != "name")
        dotted, last = ".".join(map(str, at)), str(each["loc"][-1])
        value = f"{dotted} = {shown(each['input'])}"
        match each["type"]:
            case _ if each["input"] is None:
                text = f"{dotted!r} is left empty; give it a value, or take it out"
            case "host":
                text = f"{each['input']!r} {each['msg']}"
            case "literal_error":
                text = f"unknown system {each['input']!r}; use one of {', '.join(SYSTEMS)}"
            case "extra_forbidden":
                known = _FIELDS if len(at) == 1 else tuple(Ssh.model_fields)
                text = f"unknown field {last!r}; {suggest(last, known)}"
            case "missing" if last == "system":
                text = f"'system' is missing; use one of {', '.join(SYSTEMS)}"
            case "missing":
                text = "'user' is missing; it is the member's login name on the machine"
            case "string_pattern_mismatch":
                text = f"{each['input']!r} is {_SHAPES[last]}"
            case "string_type":
                text = f"{value}: must be text; if it is meant so, put it in quotes"
            case "int_type" | "greater_than_equal" | "less_than_equal":
                text = f"{value}: must be a number from 1 to 65535"
            case "value_error":
                text = f"{value}: must be a list, such as [builders]"
            case _:
                text = f"{value}: must be a mapping"
        yield _at(name, *at), f"machine {name!r}: {text}"


def _team_problems(machines: Sequence[Machine]) -> Iterator[Problem]:
    """What no machine can show on its own, and what its fields mean beyond their shape."""
    by_name: dict[str, str] = {}
    by_address: dict[tuple[str, int], str] = {}
    groups = {group for machine in machines for group in machine.groups}
    for machine in machines:
        name = machine.name
        label = f"machine {name!r}"
        if (twin := by_name.setdefault(name.lower(), name)) != name:
            yield _at(name), f"{label}: differs from {twin!r} in upper and lower case only"
        if name in groups or name in (*BUILT_IN_GROUPS, *RESERVED_GROUPS):
            yield (
                _at(name),
                f"{label}: is also the name of a group; --limit could not tell them apart",
            )
        if (other := by_address.setdefault(machine.address, name)) != name:
            host, port = machine.address
            why = f"is at the address of {other!r} ({host} port {port}); keep one, or set ssh.host"
            yield _at(name), f"{label}: {why}"
        for index, group in enumerate(machine.groups):
            if bad := _why_bad_group(group):
                yield _at(name, "groups", index), f"{label}: group {group!r} {bad}"
        for key in machine.data:
            if key not in KEYS:
                why = f"unknown policy key {key!r}; {suggest(key, KEYS)}"
                yield _at(name, "data", key), f"{label}: {why}"


def _why_bad_group(group: str) -> str | None:
    if group in BUILT_IN_GROUPS:
        return "is built in and follows from 'system'; take it out"
    if group in RESERVED_GROUPS:
        return "is a name that pyinfra uses itself; choose another"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", group):
        return "is no group name: a lower-case letter, then letters, digits and '_'"
    return None


def _at(name: str, *rest: str | int) -> Place:
    return ("machines", name, *rest)


def suggest(word: str, known: Iterable[str]) -> str:
    """How to go on after a word that is not known."""
    names = list(known)
    near = get_close_matches(word, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there is {', '.join(names)}"
