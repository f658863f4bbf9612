"""What is taken out of files on a machine, and what came of it, as shell/remove.sh tells it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nixtrust.credentials import Removal
from nixtrust.one_line import one_line
from nixtrust.outcome import Result, advice
from nixtrust.stored import Credential, Ranges


@dataclass(frozen=True, slots=True)
class Cut:
    """What is to go from one file.

    `account` is as whom; `folder` the real path of its folder, `stamp` the file's when they were
    found, `program` the shell that must accept what is left; `ranges` are the bytes that go,
    ascending, each without its end. With no ranges the whole file goes.
    """

    account: str
    folder: str
    name: str
    stamp: str
    program: str
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class RemovedFrom:
    """What came of one file: `DONE`, `CHANGED`, `REFUSED` (by the shell) or `FAILED`, and why."""

    result: Result
    path: str
    words: str


@dataclass(frozen=True, slots=True)
class Removed:
    """What came of a run: `DONE` if all files were dealt with, however; `BUSY`, `FAILED`, `LOST`.

    `files` are in the order in which they were given.
    """

    result: Result
    words: str
    files: tuple[RemovedFrom, ...]

    @property
    def troubles(self) -> tuple[str, ...]:
        """What was not done, a line for each file or for the whole run."""
        run = [f"not known what was removed: {self.words}; run again"]
        if self.result is Result.BUSY:
            run = [f"nothing removed, run again later: {self.words}"]
        elif self.result is Result.FAILED:
            run = [f"nothing removed: {self.words}"]
        elif self.result is Result.DONE:
            run = []
        files = [
            f"{file.path}: nothing removed: {file.words}{advice(file.words) or _TO_DO[file.result]}"
            for file in self.files
            if file.result is not Result.DONE
        ]
        return tuple(map(one_line, [*run, *files]))


def cuts(credentials: Iterable[Credential]) -> Iterator[Cut]:
    """What takes these credentials out, file by file."""
    by_file: dict[tuple[str, str, str, str], list[Credential]] = {}
    for each in credentials:
        at = each.account, each.folder, each.path.rpartition("/")[2], each.stamp
        by_file.setdefault(at, []).append(each)
    for (account, folder, name, stamp), its in by_file.items():
        place = its[0].place
        yield Cut(account, folder, name, stamp, place.program, _ranges(place.removal, its))


def _ranges(removal: Removal, its: Iterable[Credential]) -> tuple[tuple[int, int], ...]:
    match removal:
        case Removal.FILE:
            return ()
        case Removal.FILE_OR_LINES:
            its = (each for each in its if each.end)
    return tuple(sorted({(each.start, each.end) for each in its}))


# A part of the answer is its member's word, and may tell of thousands of files.
MOST_FILES = 100
# Linux's PATH_MAX; of macOS it is a quarter.
_LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class Due:
    """What one run takes out, account by account.

    `put_off` is by account how many files more there are than a run takes on.
    """

    cuts: tuple[Cut, ...]
    put_off: Mapping[str, int]

    @property
    def troubles(self) -> tuple[str, ...]:
        """A line for each account of which not all is dealt with."""
        return tuple(
            one_line(
                f"of {number} more files that {account} tells of nothing was removed:"
                f" a run takes on {MOST_FILES} of each account; run again"
            )
            for account, number in self.put_off.items()
        )


def due(credentials: Iterable[Credential]) -> Due:
    """What is taken out in one run, if all of these are to go."""
    taken: dict[str, list[Cut]] = {}
    put_off: dict[str, int] = {}
    for cut in cuts(credentials):
        its = taken.setdefault(cut.account, [])
        if len(its) < MOST_FILES and len(f"{cut.folder}/{cut.name}") < _LONGEST_PATH:
            its.append(cut)
        else:
            put_off[cut.account] = put_off.get(cut.account, 0) + 1
    return Due(tuple(cut for its in taken.values() for cut in its), put_off)


_TO_DO = {
    Result.CHANGED: "; run again",
    Result.REFUSED: "; see to it by hand",
    Result.FAILED: "; see to it there, then run again",
}
_OF_FILES = frozenset({Result.DONE, Result.CHANGED, Result.REFUSED, Result.FAILED})
_OF_RUNS = frozenset({Result.DONE, Result.BUSY, Result.FAILED})


def read_removed(lines: Sequence[str]) -> Removed:
    """What came of it, in a run's answer."""
    match [line.split("\t") for line in lines]:
        case [["nixtrust", "remove", "1"], *files, ["outcome", result, words], ["end", count]] if (
            result in _OF_RUNS
            and count == str(len(lines) - 1)
            and all(len(file) == 4 and file[0] == "file" and file[1] in _OF_FILES for file in files)
        ):
            ends = tuple(RemovedFrom(Result(file[1]), file[2], file[3]) for file in files)
            return Removed(Result(result), words, ends)
    return Removed(Result.LOST, "the connection broke before the machine answered", ())
