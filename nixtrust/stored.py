"""A credential that is stored on a machine, and why it is left there."""

from dataclasses import dataclass
from enum import StrEnum

from nixtrust.credentials import Kind, Place


class Hindrance(StrEnum):
    """Why nixtrust leaves a credential where it is, and a person has to take it out."""

    STORE = "store"
    LINK = "link"
    WORK_TREE = "work-tree"
    HARD_LINK = "hard-link"
    READ_ONLY = "read-only"
    LOCKED = "locked"
    FOLDER = "folder"
    OWNER = "owner"
    HISTORY = "history"
    IMPORT = "import"
    COMPOUND = "compound"
    SEVERAL_LINES = "several-lines"
    BLOCK = "block"
    NOT_ALONE = "not-alone"
    UNCLEAR = "unclear"
    REFUSED = "refused"
    TOO_MANY = "too-many"
    COMMENT = "comment"
    EDITOR = "editor"
    MASKED = "masked"

    @property
    def why(self) -> str:
        """The reason in words that follow `nixtrust leaves it:`."""
        return _WHY[self]


_WHY = {
    Hindrance.STORE: "it is linked from a Nix store, where everybody can read it",
    Hindrance.LINK: "it is a link to a file elsewhere",
    Hindrance.WORK_TREE: "it is in a repository's work tree",
    Hindrance.HARD_LINK: "the file has another name besides",
    Hindrance.READ_ONLY: "its folder cannot be written",
    Hindrance.LOCKED: "it or its folder is locked against changes",
    Hindrance.FOLDER: "its folder is somebody else's, or others may write to it",
    Hindrance.OWNER: "its folder's owner could not make it anew with its owner, group and mode",
    Hindrance.HISTORY: "a shell that runs writes its history anew",
    Hindrance.IMPORT: "Cachix writes no import: another file or a variable holds the secret",
    Hindrance.COMPOUND: "its line does more than set this one variable",
    Hindrance.SEVERAL_LINES: "it goes over several lines",
    Hindrance.BLOCK: "without its line a block would be empty",
    Hindrance.NOT_ALONE: "the file holds something else too",
    Hindrance.UNCLEAR: "it cannot be told what else belongs to it",
    Hindrance.REFUSED: "the shell would not accept the file without it",
    Hindrance.TOO_MANY: "it takes no more than 100 out of one file",
    Hindrance.COMMENT: "it is in a comment, where nothing uses it",
    Hindrance.EDITOR: "an editor that runs writes it anew",
    Hindrance.MASKED: "a token is in its name, or in that of a folder on the way, and is not told",
}


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that was found: where and what, and nothing of its value.

    `person` is whose home it lies in, if any; the bytes from `start` to before `end` are what is to
    go, if not the whole file; `folder` is the real path of its folder; `link` is where it leads if
    it is a link; `hostname` is another Cachix than cachix.org that its configuration names, empty
    if it can't be told. `told_by` is the person whose process tells of it, and as whom alone it is
    taken out, since that may be a lie; empty if root tells. `count` is how many the
    file holds if this is the first of too many, of which the others are not told.
    """

    place: Place
    person: str
    path: str
    kind: Kind
    line: int
    start: int
    end: int
    hindrance: Hindrance | None
    cache: str
    folder: str
    stamp: str
    mode: str
    link: str
    hostname: str | None
    told_by: str = ""
    count: int = 1

    @property
    def account(self) -> str:
        """As whom alone it is taken out, and whose word counts with it: nobody else's does."""
        return self.told_by or "root"


# Bytes of a file, each range from the first to before the second, ascending.
Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class UnreadPlace:
    """A place that could not be looked into, and why.

    `told_by` is the person whose process tells of it, empty if root does.
    """

    place: Place
    path: str
    why: str
    told_by: str = ""
