"""What came of a transaction, as shell/write.sh tells it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from nixtrust.one_line import one_line


class Result(StrEnum):
    """How a transaction ended.

    `PENDING`: written, the restart is still to come. `LOST`: no end was heard of. `DEAD`: the
    daemon is down. After all others but `DONE` the old files stand.
    """

    DONE = "done"
    PENDING = "pending"
    CHANGED = "changed"
    BUSY = "busy"
    REFUSED = "refused"
    FAILED = "failed"
    ROLLED_BACK = "rolled-back"
    DEAD = "dead"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a transaction, in words for a person."""

    result: Result
    words: str

    @property
    def is_written(self) -> bool:
        """The files are as declared."""
        return self.result in (Result.DONE, Result.PENDING)

    def __str__(self) -> str:
        words = f": {self.words}" if self.words else ""
        return one_line(f"{_MEANING[self.result]}{words}{advice(self.words)}")


def advice(words: str) -> str:
    """What to do about the trouble that a tool tells of, behind a semicolon; or nothing."""
    return next((to_do for said, to_do in _TO_DO.items() if said in words), "")


_MEANING = {
    Result.DONE: "written",
    Result.PENDING: "written, but the daemon has to be restarted",
    Result.CHANGED: "nothing written, run again",
    Result.BUSY: "nothing written, run again later",
    Result.REFUSED: "nothing written",
    Result.FAILED: "nothing written",
    Result.ROLLED_BACK: "taken back",
    Result.DEAD: "the Nix daemon is down, look there at once",
    Result.LOST: "not known whether it was written, run again",
}


# What tools print of ENOSPC, EDQUOT, EROFS, EPERM and EBUSY in the C locale, and what Nix says.
_TO_DO = {
    "No space left on device": "; make room there, then run again",
    "Disk quota exceeded": "; make room there, then run again",
    "Read-only file system": "; make it writable there, then run again",
    "Operation not permitted": "; unlock it there (see `lsattr`, or `ls -lO`), then run again",
    "Device or resource busy": "; unmount it there, then run again",
    **dict.fromkeys(
        ("unknown setting '", "unknown experimental feature '"),
        ", which this machine's Nix does not know:"
        " declare it for a group whose Nix does (group_data/GROUP.py), or not at all",
    ),
    "gnoring setting '": "; declare that feature too, or not the setting",
    "has an invalid value": "; declare another value for the group of that machine",
    # What the scripts say themselves.
    "larger than 1 MiB": "; shorten it there, or move a part into a file that it includes,"
    " then run again",
}


def read_outcome(lines: Sequence[str]) -> Outcome:
    """The outcome in a transaction's answer."""
    match [line.split("\t") for line in lines]:
        case [["nixtrust", "write", "1"], ["outcome", result, words], ["end", *_]] if result in set(
            Result
        ):
            return Outcome(Result(result), words)
    return Outcome(Result.LOST, "the connection broke before the machine answered")
