"""The one way in which a declaration, or the way a run was started, is turned down."""

from __future__ import annotations

from collections.abc import Iterable

from nixtrust.one_line import one_line


class Refused(Exception):  # noqa: N818 (it names what happened to the user's input, as click's Abort does)
    """What was declared or asked for cannot stand; nothing was contacted or changed.

    + problems: where, what is there, why not, what to do. Each becomes one printable line,
      whatever the values in it hold.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(map(one_line, problems))
        super().__init__("\n".join(self.problems))
