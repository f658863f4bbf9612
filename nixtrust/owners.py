"""Who owns a machine's nix.conf, from evidence on the machine, and where nixtrust may write."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType

from nixtrust.conf import ConfFile, Files, Folded, Include, fold_layers, included_path
from nixtrust.machine import Machine, Manager, User
from nixtrust.nix_version import NixVersion


class Kind(Enum):
    """The owners there are; the value is how a person calls them."""

    DEBIAN = "Debian's package"
    UPSTREAM = "the upstream installer"
    CUSTOM = "an installer that keeps people's settings in nix.custom.conf"
    DETERMINATE = "Determinate Nix"
    SINGLE_USER = "a single-user installation"
    NIXOS = "NixOS"
    NIX_DARWIN = "nix-darwin"
    DETERMINATE_MODULE = "Determinate's module"
    HOME_MANAGER = "home-manager"
    LINK = "somebody's link"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns the configuration.

    `root` is the owner's own file, with what it includes. What is declared belongs into `file`;
    lines may go from `editable` files only. The vendor writes the file `regenerated` anew at each
    start of the daemon. `person` is whose files these are, where not root's. `layers` are all that
    Nix reads, in its order, `root` among them; `home` is the home whose own file the last one is.
    """

    kind: Kind
    root: str
    file: str
    editable: frozenset[str] = frozenset()
    regenerated: str = ""
    person: str = ""
    layers: tuple[str, ...] = ()
    home: str | None = None

    @property
    def target(self) -> str | None:
        """Where the block goes; None if nothing may be written."""
        return self.file if self.file in self.editable else None

    @property
    def module(self) -> str | None:
        """The option of the module system that says what is declared; None if there is none."""
        match self.kind:
            case Kind.NIXOS | Kind.NIX_DARWIN | Kind.HOME_MANAGER:
                return "nix.settings"
            case Kind.DETERMINATE_MODULE:
                return "determinateNix.customSettings"
        return None

    @property
    def rebuild(self) -> str:
        """The command that brings a changed module into force."""
        match self.kind:
            case Kind.NIX_DARWIN | Kind.DETERMINATE_MODULE:
                return "darwin-rebuild switch"
            case Kind.HOME_MANAGER:
                return "home-manager switch"
        return "nixos-rebuild switch"


def owner_of(machine: Machine) -> Owner:
    """The owner that the evidence speaks for."""
    person = _single_user(machine)
    owner = _of_system(machine) if person is None else _of_person(machine, person)
    # The daemon is root, who has a file of his own.
    reader = person or next((user for user in machine.users if user.uid == 0), None)
    layers = (*machine.layers, reader.nix_conf) if reader else machine.layers
    return replace(owner, layers=layers, home=reader.home if reader else None)


def _of_system(machine: Machine) -> Owner:
    conf, custom = machine.nix_conf, machine.custom_conf
    headers = machine.headers.get(conf, ""), machine.headers.get(custom, "")
    nixos = "nixos" in machine.evidence
    if "determinate-nixd" in machine.evidence or headers[0] == "determinate":
        # It writes nix.conf anew at each start (DeterminateSystems/determinate#127).
        kind = _behind_determinate(machine, nixos or headers[1] == "nixos")
        editable = {custom} if kind is Kind.DETERMINATE else set()
        # A file that only says so may be left over, and be written anew by nobody.
        is_there = nixos or "determinate-nixd" in machine.evidence or _is_determinates(machine.nix)
        regenerated = conf if is_there else ""
        return Owner(kind, conf, custom, frozenset(editable), regenerated)
    if _in_store(machine, conf) or headers[0] in ("nixos", "nix-darwin") or nixos:
        darwin = headers[0] == "nix-darwin" or machine.kernel == "Darwin"
        return Owner(Kind.NIX_DARWIN if darwin else Kind.NIXOS, conf, conf)
    if _is_link(machine, conf):
        return Owner(Kind.LINK, conf, conf)
    if custom in _included(machine, conf):
        if _is_link(machine, custom):
            return Owner(Kind.LINK, conf, custom)
        return Owner(Kind.CUSTOM, conf, custom, frozenset({conf, custom}))
    kind = Kind.DEBIAN if "debian" in machine.evidence else Kind.UPSTREAM
    return Owner(kind, conf, conf, frozenset({conf}))


def _is_determinates(nix: NixVersion | None) -> bool:
    return nix is not None and nix.flavour == "determinate"


def _of_person(machine: Machine, person: User) -> Owner:
    root = person.nix_conf
    if _in_store(machine, root):
        return Owner(Kind.HOME_MANAGER, root, root, person=person.name)
    if _is_link(machine, root):
        return Owner(Kind.LINK, root, root, person=person.name)
    return Owner(Kind.SINGLE_USER, root, root, frozenset({root}), person=person.name)


def _behind_determinate(machine: Machine, nixos: bool) -> Kind:
    """Who makes nix.custom.conf. Determinate's NixOS module moves what `nix.settings` says there,
    its nix-darwin module has settings of its own (DeterminateSystems/determinate modules/)."""
    custom = machine.custom_conf
    if _in_store(machine, custom) or machine.headers.get(custom) == "determinate-module":
        return Kind.NIXOS if nixos else Kind.DETERMINATE_MODULE
    return Kind.LINK if _is_link(machine, custom) else Kind.DETERMINATE


def reads(owner: Owner, files: Files, nix: NixVersion) -> Folded:
    """What the Nix that is to trust what is declared makes of all the files that it reads."""
    return fold_layers(owner.layers, files, nix, owner.home)


def builders_group(owner: Owner, machine: Machine) -> str:
    """The group whose members build for the daemon."""
    assert machine.nix is not None, "a machine without Nix is blocked"
    group = reads(owner, machine.files, machine.nix).tokens("build-users-group")
    # What the daemon, which is root, uses if nothing is said: NixOS/nix src/libstore/globals.cc.
    return " ".join(group or ("nixbld",))


def _single_user(machine: Machine) -> User | None:
    """Whose the store is, if it is a person's own and there is no daemon."""
    if machine.daemon.manager is not Manager.NONE or machine.daemon.socket:
        return None
    people = (user for user in machine.users if user.uid != 0)
    return next((user for user in people if user.name == machine.store_owner), None)


def _in_store(machine: Machine, path: str) -> bool:
    """NixOS and nix-darwin link through /etc/static, home-manager straight into the store."""
    status = machine.status.get(path)
    return status is not None and status.link.startswith(("/nix/store/", "/etc/static/"))


def _is_link(machine: Machine, path: str) -> bool:
    status = machine.status.get(path)
    return status is not None and status.link != ""


def _included(machine: Machine, root: str) -> frozenset[str]:
    """All that a file includes, itself or by way of others."""
    found: set[str] = set()
    queue = [root]
    while queue:
        path = queue.pop()
        file = machine.files.get(path)
        lines = file.lines if isinstance(file, ConfFile) else ()
        targets = {included_path(path, line.target) for line in lines if isinstance(line, Include)}
        queue.extend(targets - found)
        found |= targets
    return frozenset(found)


# Caches that a vendor's installer or daemon adds by itself, and how their keys are called: now and
# then there is a further one.
# DeterminateSystems/nix-installer and lix-project/lix-installer,
# src/action/common/place_nix_configuration.rs.
VENDORS: Mapping[str, str] = MappingProxyType(
    {
        "https://cache.flakehub.com": "FlakeHub",
        "https://install.determinate.systems": "Determinate Systems",
        "https://cache.lix.systems": "Lix",
        "cache.flakehub.com": "FlakeHub",
        "cache.lix.systems": "Lix",
    }
)


def vendor_of(token: str) -> str | None:
    """Whose cache a substituter is, if its address is just a known vendor's; whose a public key is,
    by its name."""
    if "://" in token:
        return VENDORS.get(token.rstrip("/"))
    name, colon, _ = token.partition(":")
    return VENDORS.get(re.sub(r"-\d+$", "", name)) if colon else None
