"""What CI says in its last lines: what each part took, and which one failed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# In the place of make, of what installs and keeps Pythons, and of what builds the images.
COMMANDS = ("make", "apt-get", "pyenv", "python3")
STAND_IN = """#!/bin/sh
echo "$1 was asked for"
case " $* " in *" $FAILING "*) echo "$FAILING is not well" >&2; exit 2 ;; esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for folder in (".ci", "bin"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    for command in COMMANDS:
        (tmp_path / "bin" / command).write_text(STAND_IN)
        (tmp_path / "bin" / command).chmod(0o755)
    return tmp_path


def run(clone: Path, failing: str = "nothing") -> "subprocess.CompletedProcess[str]":
    path = f"{clone}/bin:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", ".ci/run"],
        cwd=clone,
        env={**os.environ, "PATH": path, "FAILING": failing},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_last_line_says_what_each_part_took(clone: Path) -> None:
    ran = run(clone)
    assert ran.returncode == 0, ran.stdout
    *_, last = ran.stdout.splitlines()
    took = re.sub(r"\d+ s", "N s", last)
    parts = ("packages", "setup", "lint", "types", "images", "tests", "other Pythons")
    assert took == f"CI: all is well; {''.join(f'{part} N s, ' for part in parts)}N s in all"


PARTS = {
    "setup": "setup",
    "build": "images",
    "lint": "lint",
    "types": "types",
    "test-pythons": "other Pythons",
    "test": "tests",
}


@pytest.mark.parametrize(("failing", "part"), PARTS.items(), ids=PARTS.values())
def test_the_last_lines_say_which_part_failed_and_why(failing: str, part: str, clone: Path) -> None:
    ran = run(clone, failing)
    assert ran.returncode == 2
    *_, why, last = ran.stdout.splitlines()
    assert why == f"{failing} is not well"
    assert last.startswith(f"CI: {part} failed; ")
