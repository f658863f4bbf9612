"""The pyinfra command as its users run it: in a project, with a terminal and without one."""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from tests.preloaded import PYINFRA, run_pyinfra

ROOT = Path(__file__).resolve().parents[2]
SELF = ("inventory/self.py", "mark.py")
TEAM = ("inventory/team.py", "mark.py")
AS_HERE = ("--data", "machine=here")  # on a project such as `here`
PATIENCE = 300  # seconds, for a run that takes two on an idle machine


@dataclass(frozen=True)
class Ran:
    """How a run of the pyinfra command ended."""

    code: int
    output: str

    @property
    def said(self) -> list[str]:
        """The lines that are nixtrust's own."""
        lines = self.output.splitlines()
        return [line[10:] for line in lines if line.startswith("nixtrust: ")]

    def line(self, *parts: str) -> str:
        """The one line of output that holds all parts; fails if there is none or more."""
        found = [line for line in self.output.splitlines() if all(part in line for part in parts)]
        assert len(found) == 1, self.output
        return found[0]


@dataclass(frozen=True)
class Project:
    """A copy of the project, with a deploy file that leaves a mark for each machine it reached."""

    root: Path

    @property
    def marks(self) -> list[str]:
        file = self.root / "marks"
        return sorted(file.read_text().split()) if file.exists() else []

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def team(self, *machines: str) -> None:
        """Writes team.yml. + machines: each a line such as `x: {system: …, user: …}`."""
        self.write("inventory/team.yml", "\n  ".join(["machines:", *machines, ""]))

    def run(
        self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Ran:
        """Runs pyinfra with no terminal at all, as CI does."""
        ran = run_pyinfra(arguments, cwd or self.root, {**os.environ, **(env or {})}, PATIENCE)
        return self._checked(Ran(ran.returncode, ran.stdout))

    def run_at_terminal(
        self,
        *arguments: str,
        when: str = "\0",
        do: Callable[[int, int], object] = lambda pid, terminal: None,
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        """Runs pyinfra at a terminal of its own; a question that nobody answers is a failure.

        + when, do: once this text was printed, that is done, with the process and its terminal.
        """
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [PYINFRA, *arguments],
            cwd=self.root,
            env={**os.environ, **(env or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        try:
            output = _watch(ours, process, when, do)
            return self._checked(Ran(process.wait(PATIENCE), output))
        finally:
            with suppress(ProcessLookupError):  # what it started may outlive it
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            os.close(ours)

    def _checked(self, ran: Ran) -> Ran:
        """Nothing that a user does may end in a traceback, or leave pyinfra's log of one."""
        assert "Traceback" not in ran.output
        assert not (self.root / "pyinfra-debug.log").exists(), ran.output
        return ran


def _watch(
    terminal: int, process: subprocess.Popen[bytes], when: str, do: Callable[[int, int], object]
) -> str:
    """All that a process shows until it ends."""
    seen, done, deadline = b"", False, time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended = process.poll() is not None  # then all that it said can be read by now
        more = _read(terminal)
        seen += more
        if not done and when.encode() in seen:
            done = True
            do(process.pid, terminal)
        if ended and not more:
            return _plain(seen.decode(errors="replace"))
    raise AssertionError(f"still waiting after {PATIENCE} s, having said: {seen.decode()}")


def _read(terminal: int) -> bytes:
    if not select.select([terminal], [], [], 0.1)[0]:
        return b""
    try:
        return os.read(terminal, 65536)
    except OSError:  # on Linux, once nobody holds the other end
        return b""


def _plain(screen: str) -> str:
    """What was on the screen: no colours, and each state of a progress bar as a line."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", screen).replace("\r\n", "\n").replace("\r", "\n")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    for name in ("nixtrust", "group_data", "inventory"):
        # With what is compiled, so that no run has to; but not what some run is at just now.
        being_compiled = shutil.ignore_patterns("*.pyc.*")
        shutil.copytree(ROOT / name, root / name, ignore=being_compiled)
    shutil.copy(ROOT / "config.py", root)
    (root / "mark.py").write_text(
        "from pyinfra import host\n"
        "from pyinfra.operations import server\n"
        f"command = f'echo {{host.data.machine_name}} >> {root}/marks'\n"
        "server.shell(name='mark', commands=[command])\n"
    )
    return Project(root)


@pytest.fixture
def here(project: Project) -> Project:
    """A project in whose team.yml this very machine stands, as `here`."""
    project.team(
        "here: {system: x86_64-linux, user: me}", "mac: {system: aarch64-darwin, user: me}"
    )
    return project


# Machines


@dataclass(frozen=True)
class SshServer:
    """A machine that answers at 127.0.0.1, as team.yml and known_hosts have it."""

    port: int
    key_type: str
    host_key: str
    client_key: Path

    def entry(self, name: str, more: str = "") -> str:
        """Its line in team.yml. + more: further fields, each followed by a comma."""
        ssh = f"ssh: {{host: 127.0.0.1, port: {self.port}, user: root, key: {self.client_key}}}"
        return f"{name}: {{system: x86_64-linux, user: me, {more} {ssh}}}"

    @property
    def pin(self) -> str:
        """Its line in known_hosts."""
        return f"[127.0.0.1]:{self.port} {self.key_type} {self.host_key}\n"


@pytest.fixture(scope="session")
def client_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("key") / "id_ecdsa"
    paramiko.ECDSAKey.generate().write_private_key_file(str(file))
    return file


@pytest.fixture(scope="session")
def ssh_server(client_key: Path) -> Iterator[SshServer]:
    public = paramiko.ECDSAKey.from_private_key_file(str(client_key)).get_base64()
    script = str(Path(__file__).with_name("ssh_server.py"))
    with subprocess.Popen(
        [sys.executable, script, public], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port, key_type, host_key = process.stdout.readline().split()
        yield SshServer(int(port), key_type, host_key, client_key)


class Contacts:
    """A port that notes each connection, and closes it."""

    def __init__(self, listening: socket.socket) -> None:
        self.port: int = listening.getsockname()[1]
        self.seen = 0
        threading.Thread(target=self._note, args=(listening,), daemon=True).start()

    def _note(self, listening: socket.socket) -> None:
        while True:
            try:
                connection = listening.accept()[0]
            except OSError:  # the test is over
                return
            self.seen += 1
            connection.close()


@pytest.fixture
def contacts() -> Iterator[Contacts]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Contacts(listening)
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port where a connection is taken, and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port
