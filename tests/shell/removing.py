"""Removals run as on a machine: on files of one's own, behind a lock of one's own."""

import shlex
import subprocess
from pathlib import Path

from nixtrust.outcome import Result
from nixtrust.removal import Cut, Removed, RemovedFrom, read_removed
from nixtrust.scripts import remove_script

SECRET = "made-up-for-this-test"
LINE = f"export CACHIX_AUTH_TOKEN={SECRET}\n"
LOCK = "/var/run/nixtrust-credentials-lock"
Ranges = tuple[tuple[int, int], ...]


def removal(path: Path, ranges: Ranges, program: str = "") -> Cut:
    """What goes from a file as it is now."""
    form = "%d:%i:%s:%y:%z:%a:%u:%g"
    told = subprocess.run(
        ["stat", "-c", form, path], capture_output=True, text=True, check=True
    ).stdout.strip()
    return Cut(path.parent.owner(), str(path.parent), path.name, told, program, ranges)


def the_line(path: Path) -> Ranges:
    start = path.read_bytes().index(LINE.encode())
    return ((start, start + len(LINE)),)


def hurrying(name: str, script: str) -> str:
    """A script that waits three seconds for what runs as one person, and for others as usual."""
    head = "\nas_user_for() {\n"
    assert script.count(head) == 1
    shorter = f'if [ "$2" = {name} ]; then shift; set -- 3 "$@"; fi\n'
    return script.replace(head, head + shorter)


def shortened(name: str, script: str) -> str:
    """A look that waits three seconds for what one person says, and for others as usual."""
    line = "\n  seconds=$home_seconds\n"
    assert script.count(line) == 1
    return script.replace(line, f'{line}  [ "$1" != {name} ] || seconds=3\n')


def run(
    lock: Path, *cuts: Cut, first: str = "", shell: str = "sh", hurried: str | None = None
) -> Removed:
    """What came of it, behind this lock and after these lines of shell; no more is said.

    + hurried: for whose files it waits three seconds only
    """
    script = "".join(remove_script(cuts))
    assert script.count(LOCK) == 1
    assert script.count("\nbegin_removing\n") == 1
    script = script.replace(LOCK, shlex.quote(str(lock)))
    script = script.replace("\nbegin_removing\n", f"\n{first}\nbegin_removing\n")
    if hurried:
        script = hurrying(hurried, script)
    assert SECRET not in script
    ended = subprocess.run(
        [*shell.split(), "-s"], input=script, capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    assert SECRET not in ended.stdout
    assert not lock.is_symlink()
    removed = read_removed(ended.stdout.splitlines())
    assert removed.result is not Result.LOST
    return removed


def one(removed: Removed) -> RemovedFrom:
    assert removed.result is Result.DONE
    [file] = removed.files
    return file


def fronted(folder: Path, **tools: str) -> str:
    """A line of shell that puts tools of one's own before the machine's."""
    folder.mkdir()
    for name, text in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return f"PATH={shlex.quote(str(folder))}:$PATH"


def kept_as(text: str, file: Path, others: tuple[str, ...] = ()) -> None:
    assert file.read_text() == text
    assert sorted(path.name for path in file.parent.iterdir()) == sorted([file.name, *others])
