"""A configuration file as typed lines, or what there is instead of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Blank:
    """A line without a word before its first `#`. `raw` has the line's end, here and below."""

    number: int
    raw: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name = token token`; the name as written."""

    number: int
    raw: str
    name: str
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Include:
    """`include target` or, if optional, `!include target`."""

    number: int
    raw: str
    target: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Illegal:
    """A line on which every Nix gives up."""

    number: int
    raw: str
    why: str


Line = Blank | Assignment | Include | Illegal


@dataclass(frozen=True, slots=True)
class ConfFile:
    """A configuration file that was read."""

    path: str
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The file, byte for byte as it was parsed."""
        return "".join(line.raw for line in self.lines)


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing is there."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something is there that cannot be read as a file: no permission, a directory, …"""


File = ConfFile | Missing | Unreadable
Files = Mapping[str, File]


def parse(path: str, text: str) -> ConfFile:
    """The lines of a file, typed. Never raises: what Nix refuses becomes `Illegal`.

    Only a newline ends a line; `#` anywhere begins a comment, quoted or not.
    """
    return ConfFile(path, tuple(_line(number, raw) for number, raw in enumerate(raws(text), 1)))


def raws(text: str) -> list[str]:
    """The lines with their ends. Not str.splitlines: that ends a line at CR and at U+2028 too."""
    *ended, last = text.split("\n")
    return [f"{raw}\n" for raw in ended] + ([last] if last else [])


# tokenizeString's default separators (NixOS/nix src/libutil/include/nix/util/strings.hh). Not
# str.split's: a vertical tab or a no-break space is part of a word, a lone CR is not.
_SEPARATORS: Final = str.maketrans("\t\n\r", "   ")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.translate(_SEPARATORS).split(" ") if word)


def _line(number: int, raw: str) -> Line:
    match _words(raw.partition("#")[0]):
        case ():
            return Blank(number, raw)
        case ("?",):  # what the probe sends of any line that it does not take for one of these
            return Illegal(number, raw, "the line is no setting: write `name = value`")
        case (word,):
            return Illegal(number, raw, f"'{word}' alone is no setting: write `name = value`")
        case ("include" | "!include" as word, target):
            return Include(number, raw, target, word == "!include")
        case ("include" | "!include" as word, *_):
            return Illegal(number, raw, f"`{word}` takes exactly one path")
        case (name, "=", *tokens):
            return Assignment(number, raw, name, tuple(tokens))
        case (name, word, *_):
            return Illegal(number, raw, f"`{name}` is followed by '{word}': write `name = value`")
    raise AssertionError("every tuple of words has a case above")
