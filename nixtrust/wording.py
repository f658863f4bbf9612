"""Names, URLs and keys in a line for people."""

from collections import Counter
from collections.abc import Sequence

from nixtrust.owners import vendor_of


def are(tokens: Sequence[str], what: str, beside: Sequence[str] = ()) -> str:
    """`a is WHAT`, `a and b are WHAT`; empty if there are none.

    + beside: what else the line names, from which a shortened key must be told.
    """
    if not tokens:
        return ""
    return f"{_listed(tokens, beside)} {'is' if len(tokens) == 1 else 'are'} {what}"


def people(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`; of more than these the number."""
    shown = [*names[:3], *([f"{len(names) - 3} more"] if len(names) > 3 else [])]
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last


def _listed(tokens: Sequence[str], beside: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`. Of several keys of one vendor there is only their number."""
    named = [_named(token, [*tokens, *beside]) for token in tokens]
    many = {vendor for vendor, number in Counter(map(_keeper, tokens)).items() if number > 1}
    for vendor in sorted(many - {None}, key=str):
        its = [index for index, token in enumerate(tokens) if _keeper(token) == vendor]
        named[its[0]] = f"{len(its)} keys of {vendor}"
        for index in its[1:]:
            named[index] = ""
    *first, last = filter(None, named)
    return f"{', '.join(first)} and {last}" if first else last


def _keeper(token: str) -> str | None:
    return None if "://" in token else vendor_of(token)


def _named(token: str, among: Sequence[str]) -> str:
    if token == "*":
        return "everybody (*)"
    short = _short(token)
    if any(_short(other) == short and other != token for other in among):
        short = token
    vendor = vendor_of(token)
    return f"{short} ({vendor})" if vendor else short


def _short(token: str) -> str:
    """A key's name and the beginning of its body; anything else as it is."""
    name, colon, body = token.partition(":")
    return f"{name}:{body[:8]}…" if colon and not body.startswith("//") else token
