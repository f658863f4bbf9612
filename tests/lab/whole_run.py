"""pyinfra as whoever deploys runs it, over the machines of a lab."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Seconds; the box may have much else to do.
LONGEST = 300


def pyinfra(
    lab_name: str, *arguments: str, more: Mapping[str, str] | None = None, project: Path = ROOT
) -> "subprocess.CompletedProcess[str]":
    """What came of `pyinfra ARGUMENT…`: all that it said is its `stdout`.

    + more: variables of its environment
    + project: where it is run
    """
    return subprocess.run(
        [Path(sys.executable).with_name("pyinfra"), *arguments],
        cwd=project,
        env={**os.environ, "NIXTRUST_LAB": lab_name, **(more or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
    )
