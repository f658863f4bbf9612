"""The settings of nix.conf that are judged: their names, kinds and defaults."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from nixtrust import conf_trust
from nixtrust.conf_table import ALIASES, SETTINGS, Kind
from nixtrust.conf_trust import BOOLEANS
from nixtrust.nix_version import NixVersion
from nixtrust.store_reference import store_reference

# In the order of nixtrust's block.
MANAGED = tuple(name for name, each in SETTINGS.items() if each.effect is conf_trust.MANAGED)

# How the value is read of those that are judged. `experimental-features` is one because it decides
# whether `accept-flake-config` counts.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {name: each.kind for name, each in SETTINGS.items() if each.kind is not None}
)

# Behind the experimental feature `flakes`: ignored without it, even with a bad value.
NEEDS_FLAKES = frozenset({"accept-flake-config"})


def spelled(name: str) -> tuple[str, bool]:
    """The setting that a name in nix.conf means, and whether it appends (`extra-`).

    Names are case-sensitive; a name Nix does not know is itself (NixOS/nix
    src/libutil/configuration.cc, Config::set).
    """
    setting = ALIASES.get(name, name)
    if setting in SETTINGS or not name.startswith("extra-"):
        return setting, False
    base = name.removeprefix("extra-")
    base = ALIASES.get(base, base)
    is_added = base in SETTINGS and SETTINGS[base].appendable
    return (base, True) if is_added else (name, False)


def may_be_seen(name: str) -> bool:
    """Whether everybody may see the value of what this name means in nix.conf.

    Not of a setting that holds secrets; nor of one that is not known, as a plugin's own.
    """
    setting, _ = spelled(name)
    return setting in SETTINGS and SETTINGS[setting].effect is not conf_trust.HOLDS_SECRETS


def default(setting: str, nix: NixVersion) -> tuple[str, ...] | None:
    """What Nix takes for a setting that no file assigns, as tokens; None if not known here."""
    match setting:
        case "connect-timeout":
            return (_connect_timeout(nix),)
        case "accept-flake-config":
            return ("ask",) if nix.asks_about_flake_settings else ("false",)
        case _:
            return _DEFAULTS.get(setting)


_DEFAULTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "substituters": ("https://cache.nixos.org/",),
        "trusted-substituters": (),
        "trusted-public-keys": ("cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",),
        "trusted-users": ("root",),
        "experimental-features": (),
        "fallback": ("false",),
        "require-sigs": ("true",),
    }
)


def _connect_timeout(nix: NixVersion) -> str:
    """Seconds; 0 is curl's own limit. Lix: lix/libstore/file-transfer-settings."""
    if nix.flavour == "lix":
        return "0" if nix.number < (2, 92, 0) else "5"
    if nix.number < (2, 29, 0):
        return "0"
    return "5" if nix.number < (2, 32, 0) else "15"


def refused(setting: str, tokens: tuple[str, ...], nix: NixVersion) -> str | None:
    """Why this Nix will not load the value; None if it does, or if the kind is not known here."""
    try:
        printed(setting, tokens, nix)
    except ValueError as error:
        return str(error)
    return None


def printed(setting: str, tokens: tuple[str, ...], nix: NixVersion) -> tuple[str, ...]:
    """The value as `nix config show` of this Nix prints it, for comparing what values mean.

    Raises ValueError where this Nix refuses the value.
    """
    match KINDS.get(setting):
        case "stores" if nix.parses_store_references:
            return tuple(str(store_reference(token)) for token in tokens)
        case "store set" if nix.parses_store_references:
            return tuple(str(store) for store in sorted({store_reference(t) for t in tokens}))
        case "store set":
            return tuple(sorted(set(tokens), key=_bytes))
        case "bool" if setting in NEEDS_FLAKES and nix.asks_about_flake_settings:
            return (_one_of(tokens, {"true": "true", "false": "false", "ask": "ask"}),)
        case "bool":
            return (_one_of(tokens, BOOLEANS),)
        case "int":
            return (str(_number(tokens, nix)),)
        case _:
            return tokens


def meant(setting: str, tokens: tuple[str, ...], nix: NixVersion) -> tuple[str, ...]:
    """What a value comes to, for comparing: as this Nix prints it where the kind is known.

    Of any other setting a boolean's spellings are one; the rest is compared as it stands.
    """
    match KINDS.get(setting):
        case None:
            value = " ".join(tokens)
            return (BOOLEANS.get(value, value),)
        case "word set":
            return tuple(sorted(set(tokens)))
    try:
        return printed(setting, tokens, nix)
    except ValueError:
        return tokens


def _bytes(token: str) -> bytes:
    return token.encode("utf-8", "surrogateescape")


def _one_of(tokens: tuple[str, ...], meanings: Mapping[str, str]) -> str:
    value = " ".join(tokens)
    if value not in meanings:
        raise ValueError(f"'{value}' is none of {', '.join(meanings)}")
    return meanings[value]


_NUMBER = re.compile(r"\+?([0-9]+)([KMGT]?)", re.ASCII | re.IGNORECASE)
_UINT64 = 2**64


def _number(tokens: tuple[str, ...], nix: NixVersion) -> int:
    """boost::lexical_cast's idea of an unsigned number, which knows `+`; the product wraps."""
    value = " ".join(tokens)
    found = _NUMBER.fullmatch(value)
    if found is None or int(found[1]) >= _UINT64 or (found[2] and not nix.knows_units):
        raise ValueError(f"'{value}' is not a whole number")
    tens = " KMGT".index(found[2].upper() or " ")
    return (int(found[1]) << 10 * tens) % _UINT64
