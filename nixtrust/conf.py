"""nix.conf as Nix reads it: parse, fold, edit.

The oracle is Nix itself: NixOS/nix src/libutil/configuration.cc (parseConfigFiles, applyConfig;
src/libutil/config.cc before 2.24). The tests compare what real Nix prints with what is folded here.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from nixtrust.conf_lines import (
    Assignment,
    Blank,
    ConfFile,
    File,
    Files,
    Illegal,
    Include,
    Line,
    Missing,
    Unreadable,
    parse,
    raws,
)
from nixtrust.conf_settings import MANAGED, NEEDS_FLAKES, default, refused, spelled
from nixtrust.nix_version import NixVersion

__all__ = [
    "BLOCK_BEGIN",
    "BLOCK_END",
    "MANAGED",
    "Assigned",
    "Assignment",
    "Blank",
    "ConfFile",
    "Edit",
    "File",
    "Files",
    "Folded",
    "Illegal",
    "Include",
    "Line",
    "Missing",
    "Origin",
    "Refusal",
    "Unreadable",
    "Value",
    "apply",
    "edit",
    "fold",
    "fold_layers",
    "included_path",
    "parse",
]

BLOCK_BEGIN: Final = (
    "# nixtrust: declared in group_data/; edits between these two lines are overwritten"
)
BLOCK_END: Final = "# nixtrust: end"

# What the probe sends for an include's target if it cannot tell what is there (shell/redact.sh).
UNTOLD: Final = "???"

# The fold ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something is written."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Value:
    """What a setting comes to, and the lines that make it: the last plain one, then appends."""

    tokens: tuple[str, ...]
    origins: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class Assigned:
    """One assignment in the order Nix applies them; `lives` if its value is in the result."""

    path: str
    line: int
    name: str
    setting: str
    extra: bool
    tokens: tuple[str, ...]
    lives: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """The line at which this Nix gives up, and why."""

    path: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Folded:
    """What a Nix makes of a file and all that it includes.

    With a refusal no command of that Nix works; the values are then those it would take if the
    refused lines were not there. `untold` are the lines that include nobody knows what.
    """

    nix: NixVersion
    values: Mapping[str, Value]
    refusal: Refusal | None
    unreadable: tuple[str, ...]
    untold: tuple[Origin, ...]
    assignments: tuple[Assigned, ...]

    def tokens(self, setting: str) -> tuple[str, ...] | None:
        """The value of a setting, or else Nix's default for it; None where that is not known."""
        value = self.values.get(setting)
        return default(setting, self.nix) if value is None else value.tokens


def fold(root: str, files: Files, nix: NixVersion, home: str | None = None) -> Folded:
    """What this Nix makes of the file `root` (an absolute path) and of what it includes.

    A path that `files` does not have is taken as missing. `home` is the home of the user whose own
    file `root` is, for a Lix that lets an include begin with `~/`.
    """
    return fold_layers((root,), files, nix, home)


def fold_layers(
    roots: Sequence[str], files: Files, nix: NixVersion, home: str | None = None
) -> Folded:
    """What this Nix makes of files that it reads one after the other: the system's, then those in
    the folders of XDG, then a user's own (NixOS/nix src/libstore/globals.cc, loadConfFile).

    `home` is the home of the user whose own file the last one is.
    """
    homes = [*(None for _ in roots[1:]), home]
    events = [
        event
        for root, its_home in zip(roots, homes, strict=True)
        for event in _events(root, files, nix, its_home)
    ]
    refusals: list[Refusal] = []
    applied: list[tuple[str, Assignment]] = []
    shares: dict[str, list[int]] = {}
    for path, met in events:
        match met:
            case Refusal():
                refusals.append(met)
            case Assignment():
                applied.append((path, met))
                setting, extra = spelled(met.name)
                if setting in NEEDS_FLAKES and not _flakes(applied, shares, nix):
                    continue
                bad = refused(setting, met.tokens, nix)
                if bad is not None:
                    refusals.append(Refusal(path, met.number, f"{met.name}: {bad}"))
                elif extra:
                    shares.setdefault(setting, []).append(len(applied) - 1)
                else:
                    shares[setting] = [len(applied) - 1]

    living = {index for share in shares.values() for index in share}
    return Folded(
        nix,
        {setting: _value(share, applied, setting, nix) for setting, share in shares.items()},
        refusals[0] if refusals else None,
        tuple(dict.fromkeys(path for path, met in events if isinstance(met, Unreadable))),
        tuple(dict.fromkeys(met for _, met in events if isinstance(met, Origin))),
        tuple(
            Assigned(path, line.number, line.name, *spelled(line.name), line.tokens, i in living)
            for i, (path, line) in enumerate(applied)
        ),
    )


def _events(root: str, files: Files, nix: NixVersion, home: str | None) -> list[tuple[str, "_Met"]]:
    """All that is met in a file and what it includes, in the order in which it is applied."""
    events = list(islice(_Walk(files, nix, home).events(root, ()), _MOST_EVENTS))
    if len(events) == _MOST_EVENTS:
        why = f"with all it includes it has more than {_MOST_EVENTS} lines: not read further"
        events.insert(0, (root, Refusal(root, 1, why)))
    if nix.reads_all_before_applying and (root, Unreadable()) in events:
        events = [event for event in events if not isinstance(event[1], Assignment)]
    if nix.reads_all_before_applying:
        events.sort(key=lambda event: _rank(event[1]))
    return events


# A tree that reads one file twice on each of 30 levels has 2^30 files to read. Nix would try.
_MOST_EVENTS: Final = 100_000
_DEEPEST: Final = 100

# An origin is that of an include whose target is untold.
_Met = Assignment | Refusal | Unreadable | ConfFile | Origin


@dataclass(frozen=True, slots=True)
class _Walk:
    files: Files
    nix: NixVersion
    home: str | None

    def events(self, path: str, above: tuple[str, ...]) -> Iterator[tuple[str, _Met]]:
        """All that is met on the way through a file and its includes, in the order of this Nix."""
        file = self.files.get(path, Missing())
        if isinstance(file, Missing):
            return
        yield path, file
        if isinstance(file, Unreadable):
            return
        trail = (*above, path)
        own: list[tuple[str, _Met]] = []
        for line in file.lines:
            match line:
                case Assignment() if self.nix.includes_come_first:
                    own.append((path, line))
                case Assignment():
                    yield path, line
                case Illegal():
                    yield path, Refusal(path, line.number, line.why)
                case Include(target=target) if target == UNTOLD:
                    yield path, Origin(path, line.number)
                case Include():
                    match self._included(path, line, trail):
                        case str(included):
                            yield from self.events(included, trail)
                        case Refusal() as refusal:
                            yield path, refusal
                        case Unreadable() as end:
                            yield path, end
                            return
        yield from sorted(own, key=lambda event: _rank(event[1]))

    def _included(
        self, path: str, line: Include, trail: tuple[str, ...]
    ) -> str | Refusal | Unreadable:
        """The file that a line includes, or what comes of it instead."""
        written = line.target
        if self.nix.knows_home and written.startswith("~"):
            if self.home is None or not written.startswith("~/"):
                return Refusal(path, line.number, f"Lix takes no `~` here: '{written}'")
            written = self.home + written[1:]
        target = included_path(path, written)
        if _is_too_long(target):
            # lstat fails with something else than "not there"; Nix throws, and whoever reads this
            # file catches that and goes on as if the file ended here.
            return Unreadable()
        if target in trail:
            why = f"'{target}' includes itself, by itself or by way of others: Nix crashes on it"
        elif len(trail) > _DEEPEST:
            why = f"includes nest deeper than {_DEEPEST} files: not read further"
        elif not line.optional and isinstance(self.files.get(target, Missing()), Missing):
            why = f"the included file '{target}' does not exist"
        else:
            return target
        return Refusal(path, line.number, why)


def included_path(path: str, target: str) -> str:
    """Where an include in the file `path` points: beside that file, `..` taken by its letters.

    No glob, and no link is followed (NixOS/nix src/libutil/file-system.cc, absPath).
    """
    joined = target if target.startswith("/") else f"{posixpath.dirname(path)}/{target}"
    return "/" + posixpath.normpath(joined).lstrip("/")


def _is_too_long(path: str) -> bool:
    """Whether Linux says ENAMETOOLONG to it: NAME_MAX is 255 bytes, PATH_MAX 4096 with its NUL."""
    encoded = path.encode("utf-8", "surrogateescape")
    return len(encoded) > 4095 or any(len(name) > 255 for name in encoded.split(b"/"))


def _rank(met: _Met) -> int:
    """The order in one list: what ends the reading, then experimental features, then the rest."""
    match met:
        case Assignment(name="experimental-features" | "extra-experimental-features"):
            return 1
        case Assignment():
            return 2
        case _:
            return 0


def _flakes(
    applied: list[tuple[str, Assignment]], shares: Mapping[str, list[int]], nix: NixVersion
) -> bool:
    features = shares.get("experimental-features", [])
    return not nix.hides_flake_settings or any("flakes" in applied[i][1].tokens for i in features)


def _value(
    share: list[int], applied: list[tuple[str, Assignment]], setting: str, nix: NixVersion
) -> Value:
    lines = [applied[index] for index in share]
    tokens = tuple(token for _, line in lines for token in line.tokens)
    if spelled(lines[0][1].name)[1]:
        tokens = (*(default(setting, nix) or ()), *tokens)
    return Value(tokens, tuple(dict.fromkeys(Origin(path, line.number) for path, line in lines)))


# The edit ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be done to a file: lines (by number) that go, then a block for its end.

    The block has its two marker lines, or is empty. With neither, nothing changes.
    """

    path: str
    remove: tuple[int, ...]
    block: tuple[str, ...]


def edit(conf: ConfFile, declared: Mapping[str, tuple[str, ...] | None]) -> Edit:
    """The edit that makes a file say what is declared, and nothing else about those settings.

    `declared` has tokens by setting, in the block's order; None takes a setting out. All lines
    that assign one of them go, in any spelling, and so does an old block.
    """
    stated = [
        f"{setting} = {' '.join(tokens)}".rstrip()
        for setting, tokens in declared.items()
        if tokens is not None
    ]
    block = (BLOCK_BEGIN, *stated, BLOCK_END) if stated else ()
    old = _blocks(conf)
    remove = tuple(
        line.number
        for line in conf.lines
        if line.number in old
        or (isinstance(line, Assignment) and spelled(line.name)[0] in declared)
    )
    there = conf.lines[len(conf.lines) - len(remove) :]
    if remove == tuple(line.number for line in there) and "".join(
        line.raw for line in there
    ) == "".join(f"{line}\n" for line in block):
        return Edit(conf.path, (), ())
    return Edit(conf.path, remove, block)


def _blocks(conf: ConfFile) -> frozenset[int]:
    """The numbers of all lines from a begin marker to its end marker, and of stray markers."""
    numbers: set[int] = set()
    begun: int | None = None
    for line in conf.lines:
        match line.raw.strip(" \t\r\n"):
            case str(mark) if mark == BLOCK_BEGIN:
                numbers.add(line.number)
                begun = line.number
            case str(mark) if mark == BLOCK_END:
                numbers.update(range(begun or line.number, line.number + 1))
                begun = None
    return frozenset(numbers)


def apply(text: str, edit: Edit) -> str:
    """The text of a file after an edit. A last line without its newline gets one."""
    kept = "".join(raw for number, raw in enumerate(raws(text), 1) if number not in edit.remove)
    if not edit.block:
        return kept
    ended = kept if kept.endswith("\n") or not kept else f"{kept}\n"
    return ended + "".join(f"{line}\n" for line in edit.block)
