"""The pyinfra command without a terminal, by a process that has read its modules.

Of what a short run takes, two thirds are spent on reading them. They are read once here, and each
run is a fork; config.py, the inventory and the deploy file it reads itself, as the command does,
and all of the project where that is a copy. Tests of the command itself start `PYINFRA`.
"""

import atexit
import gc
import inspect
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points

# gevent puts others in the place of these, which are for its own loop.
from os import close, fork, waitpid
from pathlib import Path
from signal import SIG_DFL, SIG_IGN, SIGCHLD, SIGKILL, signal
from socket import SOCK_SEQPACKET, recv_fds, send_fds, socket, socketpair
from tempfile import TemporaryFile
from threading import Lock

ROOT = Path(__file__).resolve().parents[1]
PYINFRA = str(Path(sys.executable).with_name("pyinfra"))
# Bytes; an environment and a few arguments.
_LONGEST_REQUEST = 1 << 16
# Seconds; the box may have much else to do.
_LONGEST_BEGINNING = 300


def run_pyinfra(
    arguments: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float
) -> "subprocess.CompletedProcess[str]":
    """What came of `pyinfra ARGUMENT…`; all that it said is its `stdout`.

    Raises subprocess.TimeoutExpired after `timeout` seconds: the run is ended then.
    """
    command = [PYINFRA, *arguments]
    with TemporaryFile() as said:
        code = _code(json.dumps([command, str(cwd), dict(env)]), said.fileno(), timeout)
        said.seek(0)
        output = said.read().decode(errors="replace")
    if code is None:
        raise subprocess.TimeoutExpired(command, timeout, output)
    return subprocess.CompletedProcess(command, code, output)


def _code(request: str, said: int, timeout: float) -> int | None:
    """How a run ended; None if it did not, in `timeout` seconds, and was ended."""
    assert len(request.encode()) <= _LONGEST_REQUEST
    ours, theirs = socketpair(type=SOCK_SEQPACKET)
    with ours:
        with theirs:
            send_fds(_server(), [request.encode()], [theirs.fileno(), said])
        ours.settimeout(_LONGEST_BEGINNING)
        group = _answer(ours)
        ours.settimeout(timeout)
        try:
            return _answer(ours)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(group, SIGKILL)
            if isinstance(error, TimeoutError):
                return None
            raise


def _answer(ours: socket) -> int:
    answer = ours.recv(32)
    if not answer:
        raise ChildProcessError("what runs pyinfra for the tests has ended")
    return int(answer)


_servers: list[tuple[socket, "subprocess.Popen[bytes]"]] = []
_one_at_a_time = Lock()


def _server() -> socket:
    """Where to send requests. Behind it is a process that ends when this one does."""
    with _one_at_a_time:
        if not _servers or _servers[0][1].poll() is not None:
            ours, theirs = socketpair(type=SOCK_SEQPACKET)
            with theirs:
                # -P: what is beside this file is no module of the command's.
                process = subprocess.Popen(
                    [sys.executable, "-P", __file__, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            _servers[:] = [(ours, process)]
    return _servers[0][0]


# What a run reads only when it comes to it.
_LATE = (
    *("encodings.idna", "gevent.resolver.thread"),
    *("pyinfra.operations.files", "pyinfra.operations.server"),
)
# The project's; these import the others.
_OWN = ("nixtrust.facts", "nixtrust.findings", "nixtrust.guards", "nixtrust.scripts")


# The process ------------------------------------------------------------------------------------


def _serve(requests: socket) -> None:
    """Forks for each request; comes back in the run itself, or when nobody will ask any more."""
    while True:
        request, descriptors, _, _ = recv_fds(requests, _LONGEST_REQUEST, 2)
        if not request:
            sys.exit()
        if not fork():
            break
        for descriptor in descriptors:
            close(descriptor)
    requests.close()
    signal(SIGCHLD, SIG_DFL)
    # What waits for the run is ended with it: there is a group to end before anybody may want to.
    os.setsid()
    answers = socket(fileno=descriptors[0])
    run = fork()
    if run:
        with suppress(BrokenPipeError):  # who asked has ended
            answers.send(b"%d" % os.getpid())
            answers.send(b"%d" % os.waitstatus_to_exitcode(waitpid(run, 0)[1]))
        os._exit(0)
    answers.close()
    _become(descriptors[1], *json.loads(request))


def _become(said: int, command: list[str], cwd: str, env: Mapping[str, str]) -> None:
    """What the shell and Python would have made of the command."""
    os.dup2(said, 1)
    os.dup2(said, 2)
    close(said)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    if Path(cwd).resolve() != ROOT:
        for name in [*sys.modules]:
            if name.partition(".")[0] == "nixtrust":
                del sys.modules[name]
    sys.argv[:] = command
    sys.path.insert(0, str(Path(PYINFRA).parent))


if __name__ == "__main__":
    signal(SIGCHLD, SIG_IGN)  # nobody waits for who waits for a run
    from pyinfra_cli.main import main

    # What the project has besides the command's own, and the project's own.
    sys.path.insert(0, str(ROOT))
    connectors = (each.module for each in entry_points(group="pyinfra.connectors"))
    for name in (*_LATE, *connectors, *_OWN):
        import_module(name)
    sys.path.pop(0)
    # `inspect` keeps each module's file; pyinfra asks for it at each operation.
    inspect.stack()
    # To visit an object is to write to its page, and a page that is written to is copied. So no run
    # collects the objects that exist now, and none frees them at its end.
    gc.collect()
    gc.freeze()
    _serve(socket(fileno=int(sys.argv[1])))
    try:
        main()
    except SystemExit as ended:
        if not isinstance(ended.code, int):
            raise
        threading._shutdown()  # type: ignore[attr-defined]  # as Python itself ends
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code)
