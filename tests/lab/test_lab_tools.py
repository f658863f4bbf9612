"""The lab's tools are installed once, however many runs are at it on a fresh box.

By an apt-get of the test's own, which like Debian's fails where another one is at work.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
TOOLS = {
    "dpkg-query": '[ ! -e "$0.installed" ] || printf installed',
    "apt-get": """
mkdir "$0.lock" || exit 100
sleep 1
echo "$*" >>"$0.calls"
: >"${0%/*}/dpkg-query.installed"
rmdir "$0.lock" """,
}


def test_runs_that_begin_at_once_install_the_tools_once(tmp_path: Path) -> None:
    for name, text in TOOLS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", "from lab import host; host.prepare()"],
            cwd=ROOT,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    said = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    [only] = (tmp_path / "apt-get.calls").read_text().splitlines()
    assert " install " in only
