"""Every setting of nix.conf, a row each: its spellings, what it does to trust, what is sent of it.

There is a row for each setting that `nix config show --json` of 2.8.0, 2.26.3 and 2.34.8 lists,
that Lix documents (lix-project/lix lix/*/settings/*.md) or Determinate Nix
(DeterminateSystems/nix-src src/*/include), or that is announced for 2.35 (NixOS/nix
doc/manual/source/release-notes).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from nixtrust import conf_trust as does
from nixtrust.conf_trust import Effect
from nixtrust.nix_version import NixVersion

Kind = Literal["stores", "store set", "words", "word set", "bool", "int"]


class Sent(StrEnum):
    """What of a value may leave the machine, of each of its words; masked in shell/redact.sh."""

    NOTHING = "nothing"
    STORE = "store"
    KEY = "key"
    ACCOUNT = "account"
    PATH = "path"
    FEATURE = "feature"
    PLAIN = "plain"  # a boolean, a number


@dataclass(frozen=True, slots=True)
class Setting:
    """A row: the name that every Nix knows, and its other spellings.

    `kind` is how its value is read, of those whose value is judged. Only an `appendable` one takes
    `extra-` (NixOS/nix AbstractSetting::isAppendable): lists, sets and maps.
    """

    name: str
    effect: Effect
    aliases: tuple[str, ...] = ()
    kind: Kind | None = None
    appendable: bool = False
    sent: Sent = Sent.NOTHING


def _rows(effect: Effect, *names: str) -> Iterable[Setting]:
    """Rows of one effect: a name, a + behind it if it takes `extra-`, then its other spellings."""
    for text in names:
        name, *aliases = text.split()
        yield Setting(name.rstrip("+"), effect, tuple(aliases), appendable=name.endswith("+"))


_SETTINGS: tuple[Setting, ...] = (
    # What nixtrust writes.
    Setting("substituters", does.MANAGED, ("binary-caches",), "stores", True, Sent.STORE),
    Setting(
        "trusted-substituters",
        does.MANAGED,
        ("trusted-binary-caches",),
        "store set",
        True,
        Sent.STORE,
    ),
    Setting(
        "trusted-public-keys",
        does.MANAGED,
        ("binary-cache-public-keys",),
        "words",
        True,
        Sent.KEY,
    ),
    Setting("trusted-users", does.MANAGED, (), "words", True, Sent.ACCOUNT),
    # What voids trust, with some values.
    Setting("accept-flake-config", does.ACCEPT_FLAKE_CONFIG, kind="bool", sent=Sent.PLAIN),
    Setting("allow-unsafe-native-code-during-evaluation", does.NATIVE_CODE, sent=Sent.PLAIN),
    Setting("build-hook", does.BUILD_HOOK, appendable=True, sent=Sent.PATH),
    Setting("build-users-group", does.BUILD_USERS_GROUP, sent=Sent.ACCOUNT),
    Setting("builders", does.BUILDERS, sent=Sent.PATH),
    Setting("diff-hook", does.DIFF_HOOK, sent=Sent.PATH),
    Setting("external-builders", does.EXTERNAL_BUILDERS, sent=Sent.PATH),
    Setting("plugin-files", does.PLUGIN_FILES, appendable=True, sent=Sent.PATH),
    Setting("post-build-hook", does.POST_BUILD_HOOK, sent=Sent.PATH),
    Setting("pre-build-hook", does.PRE_BUILD_HOOK, sent=Sent.PATH),
    Setting("require-sigs", does.REQUIRE_SIGS, kind="bool", sent=Sent.PLAIN),
    Setting("run-diff-hook", does.RUN_DIFF_HOOK, sent=Sent.PLAIN),
    Setting("start-id", does.START_ID, sent=Sent.PLAIN),
    Setting("store", does.STORE, sent=Sent.STORE),
    Setting(
        "substitute", does.SUBSTITUTE, ("build-use-substitutes",), kind="bool", sent=Sent.PLAIN
    ),
    # What the team may not declare, and is no fault of a machine.
    *_rows(does.PROMPT, "bash-prompt", "bash-prompt-prefix", "bash-prompt-suffix"),
    *_rows(does.EVALUATED_UNASKED, "repl-overlays+"),
    *_rows(does.HOLDS_SECRETS, "access-tokens+", "impure-env+", "netrc-file", "secret-key-files+"),
    *_rows(does.NETWORK_PROGRAM, "pasta-path"),
    *_rows(does.UPGRADE, "upgrade-nix-store-path-url"),
    # What voids nothing; of the first ones the value is judged besides.
    Setting("auto-allocate-uids", does.BUILD, sent=Sent.PLAIN),
    Setting("connect-timeout", does.DOWNLOAD, kind="int", sent=Sent.PLAIN),
    Setting(
        "experimental-features",
        does.FEATURES,
        kind="word set",
        appendable=True,
        sent=Sent.FEATURE,
    ),
    Setting("fallback", does.BUILD, ("build-fallback",), kind="bool", sent=Sent.PLAIN),
    *_rows(does.ACCESS, "allowed-users+"),
    *_rows(does.FEATURES, "deprecated-features+"),
    *_rows(
        does.EVALUATION,
        "abort-on-warn",
        "allow-dirty",
        "allow-dirty-locks",
        "allow-import-from-derivation",
        "allowed-uris+",
        "commit-lock-file-summary commit-lockfile-summary",
        "debugger-on-trace",
        "debugger-on-warn",
        "eval-attrset-update-layer-rhs-threshold",
        "eval-cache",
        "eval-cores",
        "eval-max-fibers",
        "eval-system",
        "flake-registry",
        "ignore-try",
        "lazy-locks",
        "lazy-trees",
        "lint-absolute-path-literals",
        "lint-short-path-literals",
        "lint-url-literals",
        "max-call-depth",
        "nix-219-compat",
        "nix-path+",
        "nix-shell-always-looks-for-shell-nix",
        "nix-shell-shebang-arguments-relative-to-script",
        "pure-eval",
        "restrict-eval",
        "tarball-ttl",
        "trust-tarballs-from-git-forges",
        "use-registries",
    ),
    *_rows(
        does.DOWNLOAD,
        "always-allow-substitutes",
        "builders-use-substitutes",
        "download-attempts filetransfer-retry-attempts",
        "download-buffer-size",
        "download-speed",
        "filetransfer-retry-delay",
        "filetransfer-retry-delay-rate-limited",
        "filetransfer-retry-jitter",
        "filetransfer-retry-max-delay",
        "hashed-mirrors+",
        "http-connections binary-caches-parallel-connections",
        "http2",
        "http3",
        "initial-connect-timeout",
        "max-connect-timeout",
        "max-substitution-jobs substitution-max-jobs",
        "narinfo-cache-meta-ttl",
        "narinfo-cache-negative-ttl",
        "narinfo-cache-positive-ttl",
        "ssl-cert-file",
        "stalled-download-timeout",
        "user-agent-suffix",
    ),
    *_rows(
        does.BUILD,
        "allow-new-privileges",
        "allowed-impure-host-deps+",
        "build-dir",
        "build-hook-kill-timeout",
        "build-poll-interval",
        "builtin-builder-sandbox-paths+",
        "cores build-cores",
        "enable-core-dumps",
        "enforce-determinism",
        "extra-local-jobs",
        "extra-platforms+",
        "filter-syscalls",
        "id-count",
        "impersonate-linux-26 build-impersonate-linux-26",
        "keep-failed",
        "keep-going",
        "max-build-log-size build-max-log-size",
        "max-jobs build-max-jobs",
        "max-silent-time build-max-silent-time",
        "repeat build-repeat",
        "require-drop-supplementary-groups",
        "sandbox build-use-chroot build-use-sandbox",
        "sandbox-build-dir",
        "sandbox-dev-shm-size",
        "sandbox-fallback",
        "sandbox-paths+ build-chroot-dirs build-sandbox-paths",
        "system",
        "system-features+",
        "temp-dir",
        "timeout build-timeout",
        "use-cgroups",
    ),
    *_rows(
        does.KEEPING,
        "allow-symlinked-store",
        "auto-optimise-store",
        "fsync-metadata",
        "fsync-store-paths",
        "gc-reserved-space",
        "ignored-acls+",
        "keep-derivations gc-keep-derivations",
        "keep-env-derivations env-keep-derivations",
        "keep-outputs gc-keep-outputs",
        "max-free",
        "min-free",
        "min-free-check-interval",
        "nar-buffer-size",
        "preallocate-contents",
        "sync-before-registering",
        "use-case-hack",
        "use-sqlite-wal",
        "use-xdg-base-directories",
    ),
    *_rows(
        does.DISPLAY,
        "build-provenance-tags",
        "compress-build-log build-compress-log",
        "darwin-log-sandbox-violations",
        "eval-profile-file",
        "eval-profiler",
        "eval-profiler-frequency",
        "host-name",
        "json-log-path",
        "keep-build-log build-keep-log",
        "log-format",
        "log-lines",
        "print-missing",
        "session-id",
        "show-trace",
        "trace-function-calls",
        "trace-import-from-derivation",
        "trace-verbose",
        "warn-dirty",
        "warn-import-from-derivation",
        "warn-large-path-threshold",
        "warn-short-path-literals",
    ),
)

SETTINGS: Mapping[str, Setting] = MappingProxyType({each.name: each for each in _SETTINGS})

# The newest of each maker whose settings all have a row here.
NEWEST_JUDGED: Mapping[str, NixVersion] = MappingProxyType(
    {
        "nix": NixVersion("nix", (2, 34, 8)),
        "lix": NixVersion("lix", (2, 95, 3)),
        "determinate": NixVersion("determinate", (2, 35, 2)),
    }
)

# Each other spelling, and the name that every Nix knows: 2.35 has that of download-attempts the
# other way round (NixOS/nix src/libstore/include/nix/store/filetransfer.hh).
ALIASES: Mapping[str, str] = MappingProxyType(
    {alias: each.name for each in _SETTINGS for alias in each.aliases}
)
