"""What a machine sends in place of a token, and of no name that can be acted upon."""

from typing import Final

# shell/masking.sh: <token>, <token-2>, …
_BEGIN: Final = "<token"


def is_masked(text: str) -> bool:
    """A token stood in it: it names no file, folder or account."""
    return _BEGIN in text


def folder_above_mask(path: str) -> str:
    """The folder in which a person finds what is masked."""
    return path.partition(_BEGIN)[0].rpartition("/")[0] or "/"
