"""Files assembled from pieces of a shell's syntax, with made-up secrets planted in some of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from hypothesis import strategies as st

from tests.shell.recognised import Credential, cut


class Role(Enum):
    WHOLE = auto()  # a line that does nothing but set a variable to a secret
    PART = auto()  # holds a secret in something that is more than that
    PLAIN = auto()  # a statement without a secret
    REMARK = auto()  # a comment or blank, whatever it names


@dataclass(frozen=True)
class Language:
    """Pieces of a syntax. `{}` stands for a secret."""

    whole: tuple[str, ...]
    part: tuple[str, ...]
    plain: tuple[str, ...]
    remark: tuple[str, ...]
    # What opens a block, what divides it, what closes it: statements stand in between.
    blocks: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Snippet:
    text: str
    role: Role


@dataclass(frozen=True)
class Block:
    keywords: tuple[str, ...]
    branches: tuple[tuple["Snippet | Block", ...], ...]


@dataclass(frozen=True)
class Plant:
    secret: str
    lines: range
    role: Role


@dataclass
class Planted:
    """A file, what is planted in it, and the lines of statements that stand in each branch."""

    lines: list[str] = field(default_factory=list)
    plants: list[Plant] = field(default_factory=list)
    branches: list[set[int]] = field(default_factory=list)
    has_final_end: bool = True

    @property
    def content(self) -> bytes:
        end = "\n" if self.has_final_end and self.lines else ""
        return ("\n".join(self.lines) + end).encode("latin-1")

    def add(self, pieces: Sequence[Snippet | Block]) -> set[int]:
        """Appends these pieces; the lines which make the branch that they stand in non-empty."""
        statements = set()
        for piece in pieces:
            first = len(self.lines) + 1
            if isinstance(piece, Block):
                for keyword, branch in zip(piece.keywords, piece.branches, strict=False):
                    self.lines += keyword.split("\n")
                    self.branches.append(self.add(branch))
                self.lines.append(piece.keywords[-1])
            else:
                secret = f"mU{first}+/k9="
                self.lines += piece.text.replace("{}", secret).split("\n")
                if "{}" in piece.text:
                    lines = range(first, len(self.lines) + 1)
                    self.plants.append(Plant(secret, lines, piece.role))
                if piece.role is Role.REMARK:
                    continue
            statements.add(first)
        return statements


def files(language: Language) -> st.SearchStrategy[Planted]:
    """Files of a language."""
    indents = st.sampled_from(["", "  ", "\t"])
    roles = {
        Role.WHOLE: language.whole,
        Role.PART: language.part,
        Role.PLAIN: language.plain,
        Role.REMARK: language.remark,
    }
    snippets = st.sampled_from(list(roles)).flatmap(
        lambda role: st.builds(
            lambda indent, text: Snippet(indent + text, role),
            indents,
            st.sampled_from(roles[role]),
        )
    )

    def blocks(
        pieces: st.SearchStrategy[Snippet | Block],
    ) -> st.SearchStrategy[Snippet | Block]:
        branch = st.lists(pieces, max_size=4).map(tuple)
        return st.sampled_from(language.blocks).flatmap(
            lambda keywords: st.builds(
                Block, st.just(keywords), st.tuples(*[branch] * (len(keywords) - 1))
            )
        )

    pieces: st.SearchStrategy[Snippet | Block] = st.recursive(snippets, blocks, max_leaves=8)

    def laid_out(chosen: Sequence[Snippet | Block], has_final_end: bool) -> Planted:
        planted = Planted(has_final_end=has_final_end)
        planted.add(chosen)
        return planted

    return st.builds(laid_out, st.lists(pieces, max_size=8), st.booleans())


def check(planted: Planted, credentials: Sequence[Credential]) -> None:
    """Nothing is missed; only whole lines go, all that can, and none empties a block."""
    left = cut(planted.content, credentials)
    gone = {each.line for each in credentials if not each.hindrance}
    assert left == _without(planted, gone)
    for plant in planted.plants:
        told = [each for each in credentials if each.line in plant.lines]
        assert len(told) == (plant.role is not Role.REMARK), f"{plant}: {told}"
        assert plant.role is Role.WHOLE or all(each.hindrance for each in told), f"{plant}: {told}"
    assert {each.line for each in credentials} <= {
        line for plant in planted.plants for line in plant.lines
    }
    whole = {plant.lines[0] for plant in planted.plants if plant.role is Role.WHOLE}
    emptied = set()
    for branch in planted.branches:
        assert not branch or branch - gone, f"the block of lines {branch} was emptied"
        if branch <= whole:
            emptied |= branch
    assert gone == whole - emptied


def _without(planted: Planted, gone: set[int]) -> bytes:
    lines = re.findall(rb"[^\n]*\n|[^\n]+", planted.content)
    return b"".join(line for number, line in enumerate(lines, start=1) if number not in gone)
