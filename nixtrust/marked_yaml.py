"""YAML that remembers where every value stands, and drops nothing in silence.

PyYAML's own loader keeps the last of two equal keys, reads `22:22` as 1342 and `no` as False even
where it is a name, and lets a small file hold itself through an alias.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import yaml

from nixtrust.refused import Refused

Place = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"


class Mark(Protocol):
    """A position in the text, each from 0, as PyYAML gives it."""

    index: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """A file's value, made of dict, list, str, int, float, bool and None.

    + problems: what was found wrong while reading, as (path of the value, text).
    """

    file: str
    value: object
    problems: tuple[tuple[Place, str], ...]
    _marks: Mapping[Place, Mark]

    def place(self, path: Place) -> str:
        """`file:line:column` of the value at a path of keys and indices, or of what it is in."""
        return _place(self.file, self._mark(path))

    def index(self, path: Place) -> int:
        """How far into the text that is, to sort by."""
        mark = self._mark(path)
        return mark.index if mark else 0

    def _mark(self, path: Place) -> Mark | None:
        while path not in self._marks and path:
            path = path[:-1]
        return self._marks.get(path)


def load(file: str, text: str) -> Document:
    """The one document in a text.

    + file: what to call it in a problem's line.

    Raises `Refused` for what is not YAML.
    """
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                why = "aliases are not read here; write the value out"
                raise Refused([f"{_place(file, event.start_mark)}: {why}"])
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        why = f"the character U+{ord(text[error.position]):04X} cannot stand in a file like this"
        raise Refused([f"{file}:{line}:{column}: {why}"]) from None
    except yaml.MarkedYAMLError as error:
        place = _place(file, error.problem_mark or error.context_mark)
        raise Refused([f"{place}: bad YAML: {error.problem or error.context}"]) from None
    except RecursionError:
        raise Refused([f"{file}: bad YAML: nested too deeply"]) from None
    marks: dict[Place, Mark] = {}
    problems: list[tuple[Place, str]] = []
    value = _plain(node, (), marks, problems) if node else None
    return Document(file, value, tuple(problems), MappingProxyType(marks))


def _place(file: str, mark: Mark | None) -> str:
    return f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file


def _plain(
    node: yaml.Node,
    path: Place,
    marks: dict[Place, Mark],
    problems: list[tuple[Place, str]],
) -> object:
    """The value of a node. A value in a mapping is marked by its key, which is where one looks."""
    marks.setdefault(path, node.start_mark)
    match node:
        case yaml.MappingNode():
            result: dict[str, object] = {}
            for key_node, value_node in node.value:
                if not isinstance(key_node, yaml.ScalarNode):
                    marks[(*path, "?")] = key_node.start_mark
                    problems.append(((*path, "?"), "a key is one word"))
                elif (key := key_node.value) in result:
                    first = marks[(*path, key)].line + 1
                    marks[(*path, key, "again")] = key_node.start_mark
                    why = f"{key!r} stands here for the second time; the first is in line {first}"
                    problems.append(((*path, key, "again"), why))
                else:
                    marks[(*path, key)] = key_node.start_mark
                    result[key] = _plain(value_node, (*path, key), marks, problems)
            return result
        case yaml.SequenceNode():
            each = enumerate(node.value)
            return [_plain(item, (*path, index), marks, problems) for index, item in each]
    scalar = _SCALARS.get(node.tag.removeprefix(_TAG), str)
    return scalar(node.value)


def _whole(text: str) -> int | str:
    """Only plain decimal: YAML 1.1 has `010` as eight and `22:22` as 1342."""
    return int(text) if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text) else text


_SCALARS: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "bool": lambda text: text.lower() in ("yes", "true", "on"),
        "int": _whole,
        "null": lambda _text: None,
    }
)
