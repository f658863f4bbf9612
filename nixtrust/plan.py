"""What nix.conf shall say on one machine, and the edits that make it say so."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nixtrust.conf import (
    MANAGED,
    Assignment,
    ConfFile,
    Edit,
    File,
    Files,
    Folded,
    apply,
    edit,
    parse,
)
from nixtrust.conf_settings import meant, spelled
from nixtrust.conf_table import SETTINGS
from nixtrust.conf_trust import is_true
from nixtrust.nix_version import NixVersion
from nixtrust.owners import Owner, reads, vendor_of
from nixtrust.policy import Policy
from nixtrust.stored import Credential, Hindrance, Ranges
from nixtrust.wording import are

Wanted = Mapping[str, tuple[str, ...] | None]


def wanted(policy: Policy, owner: Owner, nix: NixVersion) -> Wanted:
    """What nix.conf shall say; None for a setting that this Nix cannot bear: its lines go.

    Without a daemon there is nobody to be trusted by: trusted-users means nothing.
    """
    return {
        setting: None if _not_borne(setting, tokens, nix) else tokens
        for setting, tokens in policy.declared.items()
        if not (owner.person and setting == "trusted-users")
    }


def _not_borne(setting: str, tokens: tuple[str, ...], nix: NixVersion) -> bool:
    return setting == "fallback" and not nix.bears_fallback and is_true(tokens)


# What is there, and what is declared ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """What a setting has and should not, what it lacks, and what is its vendor's own."""

    foreign: tuple[str, ...]
    missing: tuple[str, ...]
    vendors: tuple[str, ...]


def difference(setting: str, folded: Folded, declared: tuple[str, ...], owner: Owner) -> Difference:
    """How a setting differs from what is declared; order is no difference.

    In `substituters` a trailing slash makes none either, because the daemon's list of trusted
    ones has the spelling that serves both (NixOS/nix src/libstore/daemon.cc, setSubstituters).
    What a vendor adds to a file that it writes anew at each start cannot be taken out.
    """
    there = folded.tokens(setting) or ()
    if setting not in MANAGED:
        return _of_value(setting, there, declared, folded.nix)
    same = _without_slash if setting == "substituters" else str
    has, wants = {same(token) for token in there}, {same(token) for token in declared}
    foreign = tuple(token for token in dict.fromkeys(there) if same(token) not in wants)
    added_by = {
        token: assigned.path
        for assigned in folded.assignments
        if assigned.lives and assigned.setting == setting
        for token in assigned.tokens
    }
    vendors = tuple(
        token
        for token in foreign
        if owner.regenerated and added_by.get(token) == owner.regenerated and vendor_of(token)
    )
    return Difference(
        tuple(token for token in foreign if token not in vendors),
        tuple(token for token in dict.fromkeys(declared) if same(token) not in has),
        vendors,
    )


def _of_value(
    setting: str, there: tuple[str, ...], declared: tuple[str, ...], nix: NixVersion
) -> Difference:
    if meant(setting, there, nix) == meant(setting, declared, nix):
        return Difference((), (), ())
    return Difference((" ".join(there),), (" ".join(declared),), ())


def _without_slash(url: str) -> str:
    return url if "?" in url else url.rstrip("/")


# What undermines trust ------------------------------------------------------------------------


def undermining(folded: Folded) -> tuple[str, ...]:
    """The settings that undermine trust as they stand."""
    return tuple(
        setting
        for setting, its in SETTINGS.items()
        if setting in folded.values and its.effect.voids and its.effect.voids(folded.tokens)
    )


# The edits ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """The edits, in the order to make them, and what Nix reads after them.

    `wanted` are the settings the edits are about; `defeated` those that still differ.
    """

    edits: tuple[Edit, ...]
    after: Folded
    wanted: Wanted
    defeated: tuple[str, ...]


def plan(policy: Policy, owner: Owner, files: Files, nix: NixVersion) -> Plan | None:
    """The edits that bring the configuration to what is declared; None if it is not ours to write.

    The block goes to the owner's target. Where the file that includes the target defeats the
    block, and may be edited, its lines of those settings go too.
    """
    if owner.target is None:
        return None
    before = reads(owner, files, nix)
    taken_out = {
        setting: None for setting in undermining(before) if SETTINGS[setting].effect.line_may_go
    }
    wants = {
        setting: tokens
        for setting, tokens in wanted(policy, owner, nix).items()
        # A line that says what this Nix bears may win over an include that does not.
        if tokens is not None or is_true(before.tokens(setting))
    } | taken_out
    edits = [edit(_conf(files, owner.target), wants)]
    after = _applied(files, edits)
    still = _defeated(wants, reads(owner, after, nix), owner)
    beside = owner.root != owner.target and owner.root in owner.editable
    if beside and (still or undeclared(policy, owner, files, nix).get(owner.root)):
        edits.append(edit(_conf(files, owner.root), dict.fromkeys(still)))
        after = _applied(files, edits)
        still = _defeated(wants, reads(owner, after, nix), owner)
    changing = tuple(change for change in edits if change.remove or change.block)
    return Plan(changing, reads(owner, after, nix), wants, still)


def undeclared(
    policy: Policy, owner: Owner, files: Files, nix: NixVersion
) -> Mapping[str, tuple[Assignment, ...]]:
    """What nixtrust's own blocks say, by file, of settings that are declared no longer."""
    declared = wanted(policy, owner, nix)
    return {
        path: tuple(line for line in _block(conf) if spelled(line.name)[0] not in declared)
        for path in sorted(owner.editable)
        if isinstance(conf := files.get(path), ConfFile)
    }


def _block(conf: ConfFile) -> Iterator[Assignment]:
    numbers = edit(conf, {}).remove
    for line in conf.lines:
        if isinstance(line, Assignment) and line.number in numbers:
            yield line


def _conf(files: Files, path: str) -> ConfFile:
    file = files.get(path)
    return file if isinstance(file, ConfFile) else parse(path, "")


def _applied(files: Files, edits: list[Edit]) -> Files:
    edited: dict[str, File] = {
        change.path: parse(change.path, apply(_conf(files, change.path).text, change))
        for change in edits
    }
    return {**files, **edited}


def _defeated(wants: Wanted, folded: Folded, owner: Owner) -> tuple[str, ...]:
    return tuple(
        setting for setting, tokens in wants.items() if not _holds(setting, tokens, folded, owner)
    )


def _holds(setting: str, tokens: tuple[str, ...] | None, folded: Folded, owner: Owner) -> bool:
    if setting in SETTINGS and SETTINGS[setting].effect.voids:
        return setting not in undermining(folded)
    if tokens is None:
        return not is_true(folded.tokens(setting))
    found = difference(setting, folded, tokens, owner)
    return not found.foreign and not found.missing


def losses(before: Folded, after: Folded) -> tuple[str, ...]:
    """Who loses trust by a plan and which cache goes, in sentences: to be said first."""

    def lost(setting: str) -> list[str]:
        stay = {_without_slash(token) for token in after.tokens(setting) or ()}
        had = dict.fromkeys(before.tokens(setting) or ())
        return [token for token in had if _without_slash(token) not in stay]

    stay = {_without_slash(url) for url in after.tokens("trusted-substituters") or ()}
    used = lost("substituters")
    gone = dict.fromkeys([*used, *lost("trusted-substituters")])
    unused = [url for url in used if _without_slash(url) in stay]
    sentences = (
        are(lost("trusted-users"), "no longer trusted"),
        are([url for url in gone if url not in unused], "no longer used"),
        are(unused, "from now on used on request only"),
        are(lost("trusted-public-keys"), "no longer trusted"),
    )
    return tuple(sentence for sentence in sentences if sentence)


# The way back --------------------------------------------------------------------------------

ORIGINAL = ".before-nixtrust"


@dataclass(frozen=True, slots=True)
class Unkept:
    """What of a file is not to be in its original, as it was found in the file of this stamp."""

    path: str
    stamp: str
    ranges: Ranges


def unkept(
    policy: Policy, owner: Owner, planned: Plan, credentials: Iterable[Credential]
) -> tuple[Unkept, ...]:
    """What is not kept of the files that a plan changes: credentials, where they are to go."""
    if policy.cachix_credentials != "remove":
        return ()
    paths = [each.path for each in planned.edits]
    by_file: dict[tuple[str, str], set[tuple[int, int]]] = {}
    for each in _bounded(owner, credentials):
        if each.path in paths:
            by_file.setdefault((each.path, each.stamp), set()).add((each.start, each.end))
    return tuple(Unkept(*file, tuple(sorted(ranges))) for file, ranges in by_file.items())


def _bounded(owner: Owner, credentials: Iterable[Credential]) -> Iterator[Credential]:
    """Those of which the bytes are known, as whoever has the configuration tells of them."""
    whose = owner.person or "root"
    return (each for each in credentials if each.end and each.account == whose)


@dataclass(frozen=True, slots=True)
class Restore:
    """How a file goes back to what it was; line numbers in it, and in the original kept beside it.

    `managed` are the lines of the block and of all settings that nixtrust deals with, and comments
    that are a credential; `ranges` the bytes of other credentials, without which an original may
    have been kept.
    """

    path: str
    block: tuple[int, ...]
    managed: tuple[int, ...]
    managed_before: tuple[int, ...]
    ranges: Ranges
    ranges_before: Ranges


def restores(
    policy: Policy, owner: Owner, files: Files, credentials: Iterable[Credential] = ()
) -> tuple[Restore, ...]:
    """What undoes nixtrust's edits; empty if there are none.

    + credentials: what the machine holds, without which an original may have been kept
    """
    its = tuple(_bounded(owner, credentials))
    return tuple(
        each
        for path in sorted(owner.editable)
        if (each := _restore(policy, files, path, its)).block or f"{path}{ORIGINAL}" in files
    )


def _restore(
    policy: Policy, files: Files, path: str, credentials: tuple[Credential, ...]
) -> Restore:
    conf, original = _conf(files, path), _conf(files, f"{path}{ORIGINAL}")
    block = edit(conf, {}).remove
    in_block = {spelled(line.name)[0]: None for line in _block(conf)}
    taken_out = [setting for setting, each in SETTINGS.items() if each.effect.line_may_go]
    dealt_with = {**in_block, **dict.fromkeys([*policy.declared, *taken_out])}
    comments, ranges = _credentials_in(conf.path, credentials)
    comments_before, ranges_before = _credentials_in(original.path, credentials)
    return Restore(
        path,
        block,
        tuple(sorted({*edit(conf, dealt_with).remove, *comments})),
        tuple(sorted({*edit(original, dealt_with).remove, *comments_before})),
        ranges,
        ranges_before,
    )


def _credentials_in(
    path: str, credentials: tuple[Credential, ...]
) -> tuple[frozenset[int], Ranges]:
    """Comments of a file that are one, by line, and the bytes of all others."""
    its = [each for each in credentials if each.path == path]
    comments = frozenset(each.line for each in its if each.hindrance is Hindrance.COMMENT)
    others = {(each.start, each.end) for each in its if each.line not in comments}
    return comments, tuple(sorted(others))


def restored(files: Files, way: Restore) -> str:
    """What a file goes back to, of what the machine tells: the original where nothing else has
    changed in it since, or else what stands there without the block."""
    there, original = _conf(files, way.path), _conf(files, f"{way.path}{ORIGINAL}")
    if f"{way.path}{ORIGINAL}" in files and _others(there, way.managed) == _others(
        original, way.managed_before
    ):
        return original.text
    return apply(there.text, Edit(way.path, way.block, ()))


def _others(conf: ConfFile, managed: tuple[int, ...]) -> list[str]:
    # What is sent in a password's place goes with it.
    return apply(conf.text, Edit("", managed, ())).replace("***@", "").splitlines()
