"""What a setting of nix.conf does to trust: when it voids it, why, and what follows.

NixOS/nix: the manual of nix.conf, and the source that is named.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

Tokens = tuple[str, ...]
# The value of a setting as a Nix takes it, Nix's own default included; None where it is not known.
Values = Callable[[str], Tokens | None]

# How Nix takes a boolean's spellings (NixOS/nix src/libutil/configuration.cc,
# BaseSetting<bool>::parse).
BOOLEANS: Mapping[str, str] = MappingProxyType(
    {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}
)


class InOwnFile(Enum):
    """What a setting means that a person has in a nix.conf of his own."""

    DRIFT_IF_TRUSTED = auto()  # the daemon takes it from a trusted user alone
    DRIFT = auto()  # it is that person's Nix that takes it
    NOTE = auto()  # it costs that person time, and nobody trust


@dataclass(frozen=True, slots=True)
class Effect:
    """What a setting does to trust, in a sentence.

    `voids` tells whether it voids trust with these values; without it the setting never does. Then
    it is drift, or a note if it is `legitimate`; if the `line_may_go`, nixtrust takes it out.
    An effect `of_daemon` is none on a Nix without a daemon. The values `harmless_in_own_file` are
    what a client does anyway. What is not `declarable` is refused in `nix_settings`.
    """

    sentence: str
    voids: Callable[[Values], bool] | None = None
    line_may_go: bool = False
    legitimate: bool = False
    of_daemon: bool = False
    in_own_file: InOwnFile = InOwnFile.DRIFT_IF_TRUSTED
    harmless_in_own_file: tuple[str, ...] = ()
    declarable: bool = True


def is_true(tokens: Tokens | None) -> bool:
    """Whether Nix takes the value of a boolean setting for true."""
    return tokens is not None and BOOLEANS.get(" ".join(tokens)) == "true"


def _is_false(tokens: Tokens | None) -> bool:
    return tokens is not None and not is_true(tokens)


def takes_unsigned(url: str) -> bool:
    """Whether a substituter's own parameter makes Nix take what nobody signed (`?trusted=1`), or
    may do so."""
    return hides_parameter(url) or any(
        name == "trusted" and BOOLEANS.get(value) != "false" for name, value in _parameters(url)
    )


def hides_parameter(url: str) -> bool:
    """Whether the machine does not tell a parameter's name, as of `%74rusted`, which Nix 2.34 takes
    for `trusted`."""
    return ("***", "") in _parameters(url)


def _parameters(url: str) -> list[tuple[str, str]]:
    parted = (part.partition("=") for part in url.partition("?")[2].split("&"))
    return [(name, value) for name, _, value in parted]


# What `store` may be (NixOS/nix src/libstore/store-reference.cc). With `daemon` a daemon would
# connect to itself, again and again.
_THIS_STORE: Final = ("", "auto", "local")
# Parameters that change how much is asked at once, and how long it is remembered.
_HARMLESS: Final = frozenset(
    {
        "",
        "max-connections",
        "path-info-cache-size",
        "priority",
        "system-features",
        "want-mass-query",
    }
)


def is_this_store(reference: str) -> bool:
    """Whether a store is this machine's own, and takes nothing that nobody signed.

    + reference: as `store` has it. Nix 2.34 decodes `%72equire-sigs`, so that a name counts only as
      it is usually written (NixOS/nix src/libstore/store-reference.cc, decodeQuery).
    """
    return reference.partition("?")[0] in _THIS_STORE and all(
        name in _HARMLESS or (name == "require-sigs" and BOOLEANS.get(value) == "true")
        for name, value in _parameters(reference)
    )


# When it does --------------------------------------------------------------------------------


def _when(
    is_so: Callable[[Tokens | None], bool], setting: str, with_: str = ""
) -> Callable[[Values], bool]:
    """The value of one setting decides, and another boolean one that must be on."""
    return lambda values: is_so(values(setting)) and (not with_ or is_true(values(with_)))


def _is_given(tokens: Tokens | None) -> bool:
    return bool(tokens)


def _is_another_store(values: Values) -> bool:
    return not is_this_store(" ".join(values("store") or ()))


def _builds_as_root(values: Values) -> bool:
    """Unless each build has a user of its own, which needs the feature as well."""
    apart = is_true(values("auto-allocate-uids")) and "auto-allocate-uids" in (
        values("experimental-features") or ()
    )
    return values("build-users-group") == () and not apart


# The lowest of all defaults, macOS's: below it are people's accounts, and root.
_LOWEST_BUILD_USER: Final = 56930


def _builds_as_people(values: Values) -> bool:
    first = " ".join(values("start-id") or ())
    is_high = first.isascii() and first.isdecimal() and int(first) >= _LOWEST_BUILD_USER
    return not is_high and is_true(values("auto-allocate-uids"))


# What each does ------------------------------------------------------------------------------

_UNSIGNED = "what nobody signed is taken"

REQUIRE_SIGS = Effect(
    _UNSIGNED, _when(_is_false, "require-sigs"), line_may_go=True, declarable=False
)
ACCEPT_FLAKE_CONFIG = Effect(
    "any flake sets its own caches unasked",
    _when(is_true, "accept-flake-config"),
    line_may_go=True,
    in_own_file=InOwnFile.DRIFT,
    declarable=False,
)
SUBSTITUTE = Effect(
    "no declared cache is ever asked",
    _when(_is_false, "substitute"),
    line_may_go=True,
    in_own_file=InOwnFile.NOTE,
    declarable=False,
)
# What of it is meant only a person knows.
STORE = Effect(
    "another store stands in for this machine's, or takes what nobody signed",
    _is_another_store,
    in_own_file=InOwnFile.DRIFT,
    harmless_in_own_file=("daemon", "unix://", "unix:///nix/var/nix/daemon-socket/socket"),
    declarable=False,
)
# NixOS/nix src/libstore/unix/build/derivation-builder.cc: without build users a build runs as the
# daemon. Without its line Nix looks for a group `nixbld`, and builds nothing where there is none.
BUILD_USERS_GROUP = Effect(
    "anybody's build runs as root", _builds_as_root, of_daemon=True, declarable=False
)
START_ID = Effect(
    "anybody's build runs as root, or as one of the machine's people",
    _builds_as_people,
    of_daemon=True,
    declarable=False,
)
POST_BUILD_HOOK = Effect(
    "a program runs as root after each build", _when(_is_given, "post-build-hook"), declarable=False
)
PRE_BUILD_HOOK = Effect(
    "a program runs as root before each build", _when(_is_given, "pre-build-hook"), declarable=False
)
DIFF_HOOK = Effect(
    "a program runs after builds that came out otherwise",
    _when(_is_given, "diff-hook", with_="run-diff-hook"),
    declarable=False,
)
RUN_DIFF_HOOK = Effect("with it `diff-hook` runs a program", declarable=False)
BUILD_HOOK = Effect(
    "a program decides who builds, and is believed",
    _when(_is_given, "build-hook"),
    declarable=False,
)
EXTERNAL_BUILDERS = Effect(
    "a program builds in Nix's place, and is believed",
    _when(_is_given, "external-builders"),
    declarable=False,
)
NATIVE_CODE = Effect(
    "what is evaluated runs code as whoever evaluates it",
    _when(is_true, "allow-unsafe-native-code-during-evaluation"),
    declarable=False,
)
PLUGIN_FILES = Effect(
    "foreign code is loaded into Nix, the daemon too",
    _when(_is_given, "plugin-files"),
    declarable=False,
)
BUILDERS = Effect(
    "what other machines build is taken without a signature",
    _when(_is_given, "builders"),
    legitimate=True,
    declarable=False,
)

# A vendor's installer sets these, or whoever may be root anyway; the team does not.
MANAGED = Effect("what is declared as caches and trusted users")
PROMPT = Effect("a shell's prompt may run a program", declarable=False)
EVALUATED_UNASKED = Effect("code is evaluated that nobody asked for", declarable=False)
HOLDS_SECRETS = Effect(
    "it holds a secret, or the way to one, where everybody can read it", declarable=False
)
# Lix: it shuts a build that downloads off from the machine's own network.
NETWORK_PROGRAM = Effect(
    "it names a program that runs with each download of a build", declarable=False
)
# What it names must be signed with a declared key to get there.
UPGRADE = Effect("it says which Nix `nix upgrade-nix` installs", declarable=False)

# These void nothing -----------------------------------------------------------------------------

# Which code is evaluated, and how: what is built of it, nobody is to trust for its source.
EVALUATION = Effect("what is evaluated, and how")
# What comes from elsewhere counts by its signature or its hash, whoever serves it.
DOWNLOAD = Effect("how something is downloaded, which is checked by its signature or its hash")
# A build's output is this machine's own; whoever may build may run it too.
BUILD = Effect("how a build runs, and what it can reach")
KEEPING = Effect("what the store keeps, and how it is written")
DISPLAY = Effect("what is shown, logged or measured")
ACCESS = Effect("who may use the daemon at all")
FEATURES = Effect("which further commands and settings there are")
