"""What the lab has running: every machine and every cache is a control group of its own.

A control group says exactly which processes belong to a name, also after a crash of whoever
started them, so nothing else can ever be ended by mistake. It also keeps the machines apart:
systemd takes the group it is started in for its own, and two machines started in one group would
share each service's.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from lab.host import LabError, control_groups

_OURS = "nixtrust-lab"
_END_SECONDS = 60.0


def start(name: str, command: list[str], environment: Mapping[str, str], log: Path) -> None:
    """Run `command` in the background as `name`; what it prints goes to `log`.

    Raises LabError if there is no such command.
    """
    groups = [hierarchy / _OURS / name for hierarchy in control_groups()]
    for group in groups:
        _make(group)
    enter = "".join(f"echo $$ >'{group}/cgroup.procs' && " for group in groups)
    with log.open("ab") as output:
        began = subprocess.run(
            ["sh", "-c", f'{enter}exec setsid --fork "$@"', "sh", *command],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if began.returncode != 0:
        raise LabError(f"{name}: {command[0]} did not start; what it said: {log}")


def running(name: str) -> tuple[int, ...]:
    """The processes of `name`, lowest first; none if it does not run."""
    return tuple(sorted({pid for group in _groups(name) for pid in _members(group)}))


def runs(name: str) -> bool:
    """Whether `name` has a process."""
    return any(_members(group) for group in _groups(name))


def belongs(pid: int, name: str) -> bool:
    """Whether a process is one of `name`."""
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:  # it has ended
        return False
    return any(f"/{_OURS}/{name}/" in f"{line}/" for line in groups.splitlines())


def names() -> tuple[str, ...]:
    """Everything of the lab that has processes."""
    found = {
        group.name
        for hierarchy in control_groups()
        for group in (hierarchy / _OURS).glob("*/")
        if runs(group.name)
    }
    return tuple(sorted(found))


def end(name: str) -> None:
    """End the processes of `name` at once, as a power cut would; no harm if there are none.

    Raises LabError if they do not go.
    """
    patience = time.monotonic() + _END_SECONDS
    while pids := running(name):
        for pid in pids:
            _kill(pid)
        if time.monotonic() > patience:
            raise LabError(f"{name}: the processes {', '.join(map(str, pids))} do not end")
        time.sleep(0.02)
    for group in _groups(name):
        _remove(group, patience)
    for hierarchy in control_groups():
        with suppress(OSError):  # it is gone, or has another's group in it
            (hierarchy / _OURS).rmdir()


def _make(group: Path) -> None:
    while True:
        # Another run may take their folder away, as long as nothing is in it.
        with suppress(FileNotFoundError, FileExistsError):
            return group.mkdir(parents=True, exist_ok=True)


def _groups(name: str) -> Iterator[Path]:
    """All control groups of `name`, the innermost first."""
    for hierarchy in control_groups():
        top = hierarchy / _OURS / name
        if top.is_dir():
            yield from (Path(path) for path, _, _ in os.walk(top, topdown=False))


def _members(group: Path) -> tuple[int, ...]:
    try:
        return tuple(int(pid) for pid in (group / "cgroup.procs").read_text().split() if pid != "0")
    except OSError:  # gone in the meantime, or a threaded group, whose parent lists its processes
        return ()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _remove(group: Path, patience: float) -> None:
    while True:
        try:
            group.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:  # busy for a moment after its last process
            if time.monotonic() > patience:
                raise LabError(f"{group}: {error.strerror}") from error
            time.sleep(0.02)
        else:
            return
