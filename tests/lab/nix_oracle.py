"""Asks a real Nix what it makes of many small configuration trees, in one process."""

import json
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.conf_generator import DANGLING, SHUT, TOP, Tree

# What the shell makes of a segmentation fault.
CRASHED = 139

# All mounts are in a mount namespace of their own and end with it; so does every process. What asks
# runs as nobody, since root can read everything, and comes on standard input.
_ENTER = f"""
set -e
chmod -R a+rX "$2"
find "$2" -name {SHUT} -exec chmod 0 {{}} +
find "$2" -name {DANGLING} -exec ln -sf /nowhere {{}} ';'
mount --rbind "$1" "$1"
mount -o remount,bind,ro "$1"
mount -t proc proc "$1/proc"
mount --bind "$2" "$1{TOP}"
exec chroot --userspec=65534:65534 "$1" /bin/sh -s "$3"
"""

# A small stack, so that the crash on an include circle comes at once and not after a second.
# From `/`, since Nix 2.34 takes a substituter such as `a/b` from where it was started.
# `nix-command` alone is switched on: `flakes` would change what is read.
_ASK = f"""
ask() {{
  ulimit -c 0
  ulimit -s 512
  cd /
  export HOME=/nonexistent XDG_CONFIG_DIRS=/nonexistent NIX_USER_CONF_FILES=
  nix --version
  for tree in {TOP}/*; do
    echo "$1 $tree"
    NIX_CONF_DIR=$tree nix --extra-experimental-features nix-command show-config 2>&1
    echo "$1 $?"
  done
}}
ask "$1" </dev/null
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Nix said of one tree: its exit status, the settings it printed, its error."""

    status: int
    settings: Mapping[str, str]
    error: str


def ask(base: Path, trees: Sequence[Tree], limit: int) -> tuple[str, tuple[Answer, ...]]:
    """What `nix --version` prints in the image `base`, and Nix's answer to each tree.

    The trees lie below `TOP`, in the order of their folders' names; `limit` is in seconds for all.
    """
    version, *framed = said_of_each(base, trees, _ASK, limit)
    answers = tuple(_answers(framed))
    assert len(answers) == len(trees), f"{base}: {len(answers)} answers to {len(trees)} trees"
    return version, answers


# Those of an experimental feature are listed with the others.
_LIST = """
export HOME=/nonexistent XDG_CONFIG_DIRS=/nonexistent NIX_USER_CONF_FILES= NIX_CONF_DIR=/nonexistent
cd /
nix --version
nix --extra-experimental-features nix-command show-config --json
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A setting as a Nix lists it: its other spellings, and whether it takes more than one word."""

    aliases: frozenset[str]
    takes_several: bool


def known_settings(base: Path, limit: int) -> tuple[str, Mapping[str, Known]]:
    """What `nix --version` prints in the image `base`, and all the settings that this Nix knows."""
    [said] = said_of_each(base, (), _LIST, limit)
    version, _, listed = said.partition("\n")
    return version, {
        name: Known(frozenset(its["aliases"]), isinstance(its["value"], list | dict))
        for name, its in json.loads(listed).items()
    }


def said_of_each(base: Path, trees: Sequence[Tree], script: str, limit: int) -> Sequence[str]:
    """What a script says that is run in the image `base` with the trees below `TOP`.

    It is parted at the lines that begin with the script's first argument; what those say besides
    stands in between.
    """
    mark = f"@{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory(prefix="nixtrust-trees-") as folder:
        for tree in trees:
            for path, content in tree.items():
                file = Path(folder, Path(path).relative_to(TOP))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        said = subprocess.run(
            [
                *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
                *("sh", "-c", _ENTER, "sh", str(base), folder, mark),
            ],
            input=script.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit,
            check=True,
        ).stdout.decode("utf-8", "surrogateescape")
    return re.split(rf"^{mark} (.*)\n", said, flags=re.MULTILINE)


def _answers(framed: Sequence[str]) -> Iterator[Answer]:
    for _folder, said, status, _nothing in zip(*(iter(framed),) * 4, strict=True):
        settings = dict(line.split(" = ", 1) for line in said.split("\n") if " = " in line)
        yield Answer(int(status), settings, said.partition("error:")[2])
