"""What nix.conf shall say on one machine, and the edits that make it say so."""

from collections.abc import Callable, Iterator, Mapping
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
from nixtrust.conf_settings import BOOLEANS, meant, spelled
from nixtrust.nix_version import NixVersion
from nixtrust.owners import Owner, reads, vendor_of
from nixtrust.policy import Policy
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


def is_true(tokens: tuple[str, ...] | None) -> bool:
    """Whether Nix takes the value of a boolean setting for true."""
    return tokens is not None and BOOLEANS.get(" ".join(tokens)) == "true"


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


@dataclass(frozen=True, slots=True)
class Underminer:
    """A setting that undermines trust: when, what it does, and whether its line may go.

    It counts only `with_` that boolean setting on, where there is one. A `legitimate` one is no
    drift: it is a note.
    """

    is_bad: Callable[[tuple[str, ...] | None], bool]
    does: str
    may_go: bool = False
    with_: str = ""
    legitimate: bool = False


def _is_false(tokens: tuple[str, ...] | None) -> bool:
    return tokens is not None and not is_true(tokens)


# NixOS/nix, manual of nix.conf. A hook or a plugin may be somebody's work, so its line stays for a
# person to judge. What is no path of these values stays on the machine: see shell/redact.sh.
UNDERMINERS: Mapping[str, Underminer] = {
    "require-sigs": Underminer(_is_false, "what nobody signed is taken", may_go=True),
    "accept-flake-config": Underminer(
        is_true, "any flake sets its own caches unasked", may_go=True
    ),
    "post-build-hook": Underminer(bool, "a program runs as root after each build"),
    "pre-build-hook": Underminer(bool, "a program runs as root before each build"),
    "diff-hook": Underminer(
        bool, "a program runs after builds that came out otherwise", with_="run-diff-hook"
    ),
    "build-hook": Underminer(bool, "a program decides who builds, and is believed"),
    "external-builders": Underminer(bool, "a program builds in Nix's place, and is believed"),
    "allow-unsafe-native-code-during-evaluation": Underminer(
        is_true, "what is evaluated runs code as whoever evaluates it"
    ),
    "plugin-files": Underminer(bool, "foreign code is loaded into Nix, the daemon too"),
    "builders": Underminer(
        bool, "what other machines build is taken without a signature", legitimate=True
    ),
}


def takes_unsigned(url: str) -> bool:
    """Whether a substituter's own parameter makes Nix take what nobody signed (`?trusted=1`), or
    may do so."""
    return hides_parameter(url) or any(
        name == "trusted" and BOOLEANS.get(value) != "false"
        for name, _, value in (parameter.partition("=") for parameter in _parameters(url))
    )


def hides_parameter(url: str) -> bool:
    """Whether the machine does not tell a parameter's name, as of `%74rusted`, which Nix 2.34 takes
    for `trusted`."""
    return "***" in _parameters(url)


def _parameters(url: str) -> list[str]:
    return url.partition("?")[2].split("&")


def undermining(folded: Folded) -> tuple[str, ...]:
    """The settings that undermine trust as they stand."""
    return tuple(
        setting
        for setting, underminer in UNDERMINERS.items()
        if setting in folded.values
        and underminer.is_bad(folded.tokens(setting))
        and (not underminer.with_ or is_true(folded.tokens(underminer.with_)))
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
    taken_out = {
        setting: None
        for setting in undermining(reads(owner, files, nix))
        if UNDERMINERS[setting].may_go
    }
    wants = {**wanted(policy, owner, nix), **taken_out}
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
    if setting in UNDERMINERS:
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


@dataclass(frozen=True, slots=True)
class Restore:
    """How a file goes back to what it was; line numbers in it, and in the original kept beside it.

    `managed` are the lines of the block and of all settings that nixtrust deals with.
    """

    path: str
    block: tuple[int, ...]
    managed: tuple[int, ...]
    managed_before: tuple[int, ...]


def restores(policy: Policy, owner: Owner, files: Files) -> tuple[Restore, ...]:
    """What undoes nixtrust's edits; empty if there are none."""
    return tuple(
        each
        for path in sorted(owner.editable)
        if (each := _restore(policy, files, path)).block or f"{path}{ORIGINAL}" in files
    )


ORIGINAL = ".before-nixtrust"


def _restore(policy: Policy, files: Files, path: str) -> Restore:
    conf, original = _conf(files, path), _conf(files, f"{path}{ORIGINAL}")
    block = edit(conf, {}).remove
    in_block = {spelled(line.name)[0]: None for line in _block(conf)}
    taken_out = [setting for setting, each in UNDERMINERS.items() if each.may_go]
    dealt_with = {**in_block, **dict.fromkeys([*policy.declared, *taken_out])}
    return Restore(path, block, edit(conf, dealt_with).remove, edit(original, dealt_with).remove)


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
    return apply(conf.text, Edit("", managed, ())).splitlines()
