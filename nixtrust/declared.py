"""What all that is declared has in common: how a wrong value is told, and what a list is."""

from typing import Annotated, NamedTuple

from pydantic import BeforeValidator


class Problem(NamedTuple):
    """One thing wrong with a declared value.

    + key: the flat key that it stands under, such as `nix_caches`.
    + value: the offending part of the value, to find its line by; None for the whole.
    + text: what is wrong and what to do, in one line, with no secret in it.
    """

    key: str
    value: object
    text: str


def ordered(value: object) -> object:
    """A list as it is, for pydantic to look into: a set has no order, and a text is none.

    Raises ValueError for what is no list.
    """
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list")
    return value


Strings = Annotated[tuple[str, ...], BeforeValidator(ordered)]


def shown(value: object) -> str:
    """A declared value as far as it may be shown: what is long may be a secret gone astray."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):  # a number of more than 4300 digits; lists in lists in …
        return "(too much to show)"
    return repr(text) if len(text) <= 64 else f"({len(text)} characters, not shown)"
