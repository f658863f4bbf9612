"""The recognisers of credentials run as on a machine: on files, by the awks that are here."""

import shutil
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from nixtrust.credentials import HOST, VARIABLES
from nixtrust.search_script import recogniser

# Debian's own, GNU's, and Brian Kernighan's, which is that of macOS and the BSDs.
ALL_AWKS = ("mawk", "gawk", "original-awk")
AWKS = [awk for awk in ALL_AWKS if shutil.which(awk)]


class Credential(NamedTuple):
    """What a recogniser tells of one credential: see shell/recognise/common.awk."""

    kind: str
    line: int
    start: int
    end: int
    hindrance: str
    cache: str


def recognise(
    syntax: str, content: bytes, bare: str = "unclear", awk: str = AWKS[0]
) -> list[Credential]:
    """What the recogniser of a syntax tells of a file with this content."""
    mark = ord("\n" if syntax == "editor" else "^")
    plain = bytes(byte if byte in b"\t\n\r" or 0x20 <= byte < 0x7F else mark for byte in content)
    if syntax == "editor":
        plain = subprocess.check_output(["fold", "-b", "-s", "-w", "1024"], input=plain)
    variables = " ".join(f"{name}={kind}" for name, kind in VARIABLES.items())
    values = {"variables": variables, "bare": bare, "hosts": HOST}
    assigned = [word for name, value in values.items() for word in ("-v", f"{name}={value}")]
    told = subprocess.run(
        [awk, *assigned, recogniser(syntax)],
        input=plain,
        capture_output=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        check=True,
    )
    assert told.stderr == b""
    return [_credential(line.split("\t")) for line in told.stdout.decode("ascii").splitlines()]


def _credential(fields: Sequence[str]) -> Credential:
    kind, line, start, end, *words = fields
    hindrance, cache = ("" if word == "-" else word for word in words)
    return Credential(kind, int(line), int(start), int(end), hindrance, cache)


def cut(content: bytes, credentials: Sequence[Credential]) -> bytes:
    """The content without what may be taken out."""
    for each in sorted(credentials, key=lambda each: -each.start):
        if not each.hindrance:
            content = content[: each.start] + content[each.end :]
    return content
