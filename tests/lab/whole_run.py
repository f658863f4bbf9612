"""pyinfra as whoever deploys runs it, over the machines of a lab."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.preloaded import run_pyinfra

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
    env = {**os.environ, "NIXTRUST_LAB": lab_name, **(more or {})}
    return run_pyinfra(arguments, project, env, LONGEST)
