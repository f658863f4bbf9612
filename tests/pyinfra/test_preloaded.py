"""A run by the process that has read pyinfra is a run of the command."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.preloaded import PYINFRA, run_pyinfra
from tests.pyinfra.conftest import AS_HERE, SELF, Project

pytestmark = pytest.mark.pyinfra


@pytest.mark.parametrize("arguments", [(*SELF, *AS_HERE, "--dry"), (*SELF, "--no-such-option")])
def test_it_says_and_ends_as_the_command_does(here: Project, arguments: tuple[str, ...]) -> None:
    command = subprocess.run(
        [PYINFRA, *arguments],
        cwd=here.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    ran = run_pyinfra(arguments, here.root, os.environ, 300)
    assert (ran.returncode, ran.stdout) == (command.returncode, command.stdout)
    assert ran.stdout


def test_what_takes_too_long_is_ended(here: Project) -> None:
    here.write("hang.py", "import time\ntime.sleep(1000)\n")
    with pytest.raises(subprocess.TimeoutExpired):
        run_pyinfra(("inventory/self.py", "hang.py", *AS_HERE, "--dry"), here.root, os.environ, 2)
    patience = time.monotonic() + 60
    while here.root in map(_folder, Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < patience
        time.sleep(0.1)


def _folder(process: Path) -> Path | None:
    """Where a process is at work."""
    try:
        return (process / "cwd").readlink()
    except OSError:  # it has ended
        return None


def test_no_run_stays_behind_as_a_process(here: Project) -> None:
    for _ in range(3):
        assert run_pyinfra((*SELF, "--no-such-option"), here.root, os.environ, 300).returncode == 2
    states = [
        status.partition("State:\t")[2][:1]
        for process in Path("/proc").glob("[0-9]*")
        if (status := _status(process)).find(f"PPid:\t{_server()}\n") >= 0
    ]
    assert "Z" not in states


def _status(process: Path) -> str:
    try:
        return (process / "status").read_text()
    except OSError:  # it has ended
        return ""


def _server() -> int:
    """The process that forks for each run."""
    return next(
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if f"PPid:\t{os.getpid()}\n" in _status(process)
        and b"preloaded.py" in (process / "cmdline").read_bytes()
    )
