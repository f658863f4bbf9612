"""What is declared: caches, their keys, trusted users, further settings.

pyinfra merges the flat keys of `group_data/` for each machine; `policy_of` takes the result and
gives a `Policy`, or refuses it with every problem it has. Nothing that passes here can weaken the
trust of a machine by accident, or leave it with a nix.conf that Nix refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nixtrust.caches import Cache, cache_problems
from nixtrust.conf_settings import KINDS, MANAGED, spelled
from nixtrust.conf_table import SETTINGS
from nixtrust.declared import Problem, Strings, ordered, shown
from nixtrust.refused import Refused

CredentialRule = Literal["remove", "report", "allow"]


class Policy(BaseModel):
    """What one machine shall trust. Made by `policy_of`, which checks what the types cannot say.

    + settings: further nix.conf settings, each value as nix.conf text.
    + cachix_search_paths: folders below each home, in which and in whose own folders `.envrc` and
      `.env*` are searched too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    caches: tuple[Cache, ...]
    trusted_users: tuple[str, ...] = ("root",)
    settings: Mapping[str, str] = Field(default_factory=dict)
    cachix_credentials: CredentialRule = "remove"
    cachix_search_paths: tuple[str, ...] = ()

    @property
    def substituters(self) -> tuple[str, ...]:
        return tuple(cache.url for cache in self.caches if cache.use == "always")

    @property
    def trusted_substituters(self) -> tuple[str, ...]:
        """Every cache's URL, in the spelling that lets a client write it either way.

        The daemon adds a missing trailing slash to what a client asks for, and never takes one
        away (NixOS/nix src/libstore/daemon.cc, setSubstituters); behind a query there is none.
        """
        return tuple(
            cache.url if "?" in cache.url else cache.url.rstrip("/") + "/" for cache in self.caches
        )

    @property
    def trusted_public_keys(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for cache in self.caches for key in cache.public_keys))

    @property
    def declared(self) -> Mapping[str, tuple[str, ...]]:
        """The settings of nix.conf as tokens, in the order of the block that says them."""
        return {
            "substituters": self.substituters,
            "trusted-substituters": self.trusted_substituters,
            "trusted-public-keys": self.trusted_public_keys,
            "trusted-users": self.trusted_users,
        } | {name: tuple(self.settings[name].split()) for name in sorted(self.settings)}

    @property
    def texts(self) -> Mapping[str, str]:
        """The same, each value as nix.conf has it."""
        return {name: " ".join(tokens) for name, tokens in self.declared.items()}


class _Data(BaseModel):
    """The shape of the flat keys; what the values mean is checked below."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    nix_caches: Annotated[tuple[Cache, ...], BeforeValidator(ordered)]
    nix_trusted_users: Strings = ("root",)
    nix_settings: dict[str, object] = Field(default_factory=dict)
    cachix_credentials: CredentialRule = "remove"
    cachix_search_paths: Strings = ()


KEYS = tuple(_Data.model_fields)


def _at_the_key(key: str, _value: object) -> str:
    return key


def policy_of(
    data: Mapping[str, object], where: Callable[[str, object], str] = _at_the_key
) -> Policy:
    """The policy that a machine's merged data declare.

    + data: flat keys; those that begin with neither `nix_` nor `cachix_` are none of ours.
    + where: says where a value of a key was declared, as the beginning of a problem's line.

    Raises `Refused` with every problem found.
    """
    ours = {
        key: value for key, value in data.items() if key.lower().startswith(("nix_", "cachix_"))
    }
    try:
        parsed = _Data.model_validate(ours)
    except ValidationError as error:
        raise Refused(
            f"{where(p.key, p.value)}: {p.text}" for p in _shape_problems(error)
        ) from None
    problems = [
        *cache_problems(parsed.nix_caches),
        *_user_problems(parsed.nix_trusted_users),
        *_setting_problems(parsed.nix_settings),
        *_search_path_problems(parsed.cachix_search_paths),
    ]
    if problems:
        raise Refused(f"{where(p.key, p.value)}: {p.text}" for p in problems)
    return Policy(
        caches=parsed.nix_caches,
        trusted_users=tuple(dict.fromkeys(parsed.nix_trusted_users)),
        settings={name: _nix_conf_text(value) for name, value in parsed.nix_settings.items()},
        cachix_credentials=parsed.cachix_credentials,
        cachix_search_paths=parsed.cachix_search_paths,
    )


# The shape

_SAID = {
    "string_type": "must be text in quotes",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping with url, public_keys and, if need be, use",
    "value_error": "must be a list",
}


def _shape_problems(error: ValidationError) -> Iterator[Problem]:
    """pydantic's errors, told with the names and values that the user wrote."""
    for each in error.errors(include_url=False):
        key = str(each["loc"][0])
        at = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in each["loc"])[
            1:
        ]
        match each["type"]:
            case "extra_forbidden" if len(each["loc"]) == 1:
                near = get_close_matches(key.lower(), KEYS, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(KEYS)}"
                yield Problem(key, None, f"unknown key {key!r}; {hint}")
            case "extra_forbidden":
                known = ", ".join(Cache.model_fields)
                yield Problem(key, each["loc"][-1], f"{at}: unknown field; a cache has {known}")
            case "missing" if len(each["loc"]) == 1:
                yield Problem(
                    key, None, f"{key} is not declared; it belongs into group_data/all.py"
                )
            case "missing":
                yield Problem(key, None, f"{at} is missing")
            case "literal_error":
                said = f"must be {each['ctx']['expected']}"
                yield Problem(key, each["input"], f"{at} = {shown(each['input'])}: {said}")
            case kind:
                said = _SAID.get(kind, each["msg"])
                yield Problem(key, each["input"], f"{at} = {shown(each['input'])}: {said}")


# Users, settings, folders


def _user_problems(users: tuple[str, ...]) -> Iterator[Problem]:
    for user in users:
        if user == "*":
            why = "makes everybody on the machine root; name the users, or none but root"
            yield Problem("nix_trusted_users", user, f"trusted user '*' {why}")
        elif not re.fullmatch(r"@?[A-Za-z_][A-Za-z0-9_.-]*\$?", user):
            why = "is no user name and no @group; Nix would look for exactly this text"
            yield Problem("nix_trusted_users", user, f"trusted user {shown(user)} {why}")
    if "root" not in users:
        why = "lacks root, whom Nix then no longer trusts; add it"
        yield Problem("nix_trusted_users", None, f"nix_trusted_users {why}")


def _setting_problems(settings: Mapping[str, object]) -> Iterator[Problem]:
    for name, value in settings.items():
        if why := _why_bad_setting(name) or _why_bad_value(name, value):
            yield Problem("nix_settings", name, f"setting {shown(name)}: {why}")


def _why_bad_setting(name: str) -> str | None:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or name == "include":
        return "is no name of a setting of nix.conf"
    setting, extra = spelled(name)
    if setting in MANAGED:
        key = "nix_trusted_users" if setting == "trusted-users" else "nix_caches"
        return f"is what {key} declares; say it there"
    if setting in SETTINGS and not SETTINGS[setting].effect.declarable:
        return f"{SETTINGS[setting].effect.sentence}; it cannot be declared here"
    if extra:
        return f"would add to whatever a machine has; declare {setting} itself, whole"
    if setting != name:
        return f"is another name of {setting}; write that"
    return None


def _why_bad_value(name: str, value: object) -> str | None:
    words = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(word, str | int) for word in words):
        return "must be True, False, a whole number, text, or a list of texts"
    if any(isinstance(word, int) and not -(2**63) <= word < 2**64 for word in words):
        return f"{shown(value)} is not a whole number that any Nix takes"
    text = _nix_conf_text(value)
    if bad := re.search(r"[^!-~ ]|#", "".join(map(str, words))):
        return f"{bad[0]!r} cannot stand in a value of nix.conf"
    if words is value and not all(
        isinstance(word, str) and len(word.split()) == 1 for word in words
    ):
        return "a list is of words, each without a space"
    match KINDS.get(name):
        case "bool" if text not in ("true", "false"):
            return f"{shown(value)} is neither True nor False"
        case "int" if not _COUNT.fullmatch(text) or int(text) >= 2**32:
            return f"{shown(value)} is not a whole number"
    return None


# Within what every Nix takes for a number: unsigned int at least, and no unit.
_COUNT = re.compile(r"[0-9]{1,10}", re.ASCII)


def _nix_conf_text(value: object) -> str:
    """A declared value as nix.conf spells it: words with one space between them."""
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return " ".join(map(str, value))
    return " ".join(str(value).split())


def _search_path_problems(paths: tuple[str, ...]) -> Iterator[Problem]:
    for path in paths:
        parts = path.split("/")
        if not re.fullmatch(r"[A-Za-z0-9_.+@ /-]+", path) or {"", ".", ".."} & set(parts):
            why = "must be a folder below the home, such as work/projects"
            yield Problem("cachix_search_paths", path, f"search path {shown(path)} {why}")
