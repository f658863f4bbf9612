"""A command that hangs on a machine is ended with all that it was started through, and nobody who
is not root can make the script wait longer."""

import fcntl
import os
import pty
import signal
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nixtrust.scripts import probe_functions

# Seconds: what hangs does for longer, and what is ended is ended sooner on a busy box too.
HANGS, IN_TIME = 177, 60

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")


# `sudo` stays above what it starts, as the real one does.
SUDO = '#!/bin/sh\nshift 3\n"$@" &\nwait $!\n'


@pytest.fixture(params=["timeout", "no timeout", "runuser", "runuser, no timeout", "sudo"])
def tools(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Lines of shell after which a machine seems to have these tools only: what is a link, as those
    of toybox and busybox are, is not used."""
    (tmp_path / "sudo").write_text(SUDO)
    (tmp_path / "sudo").chmod(0o755)
    if "no timeout" in request.param:
        (tmp_path / "timeout").symlink_to("/usr/bin/timeout")
    if "runuser" in request.param:
        (tmp_path / "setpriv").symlink_to("/usr/bin/setpriv")
    nothing = "command() { return 1; }" if request.param == "sudo" else ""
    return f"PATH={tmp_path}:$PATH\n{nothing}\n"


def ran(steps: str, first: Callable[[], object] | None = None) -> tuple[str, float]:
    """What steps print, behind the functions that all scripts have, and how long they take.

    + first: what their process does before it begins, in a session of its own
    """
    functions, found, _ = f"main() {{\n{probe_functions({})}".partition(
        "# The file a path leads to"
    )
    more = probe_functions({}).partition("# as_user_for")[2].partition("# nix_as")[0]
    assert found
    assert more
    began = time.monotonic()
    ended = subprocess.run(
        ["sh", "-s"],
        input=f"{functions}\n# {more}\n{steps}\n}}\nmain </dev/null\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        preexec_fn=first,
        start_new_session=first is not None,
    )
    return ended.stdout, time.monotonic() - began


@needs_root
def test_root_runs_nothing_from_where_somebody_else_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dscl").write_text("#!/bin/sh\n")
    (tmp_path / "dscl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said, _ = ran("command -v dscl || echo none; echo $PATH")
    assert said.split("\n")[0] == "none"
    assert not {"/usr/local/bin", str(tmp_path)} & set(said.split("\n")[1].split(":"))


def is_gone(process: str) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", process], capture_output=True, text=True, check=False
    )
    return state.stdout[:1] in ("", "Z")


@pytest.mark.parametrize(
    "start", ["limit 3", pytest.param("as_user_for 3 nobody", marks=needs_root)]
)
def test_what_hangs_is_ended_under_whatever_started_it(tools: str, start: str) -> None:
    said, lasted = ran(f"{tools}{start} sh -c 'echo $$; exec sleep {HANGS}'; echo $?")
    [process, *_, status] = said.split()  # in between a shell may say that it was killed
    assert lasted < IN_TIME
    assert status == "137"
    assert is_gone(process)


@pytest.mark.parametrize(
    "start", ["limit 3", pytest.param("as_user_for 3 nobody", marks=needs_root)]
)
def test_what_it_has_begun_goes_with_it(tools: str, start: str) -> None:
    hanging = f'sh -c "echo \\$\\$; sleep {HANGS}; :"; sleep {HANGS}'
    said, _ = ran(f"{tools}{start} sh -c '{hanging}'; echo $?")
    [process, *_, status] = said.split()
    assert status == "137"
    assert is_gone(process)


@needs_root
def test_who_stops_what_limits_him_is_not_waited_for(tools: str) -> None:
    hanging = f"kill -STOP $PPID; sleep {HANGS}"
    said, lasted = ran(f"{tools}as_user_for 1 nobody sh -c '{hanging}'; echo $?")
    assert said.split()[-1] == "137"
    assert lasted < IN_TIME


@needs_root
def test_who_goes_on_holding_the_pipe_is_not_waited_for(tools: str) -> None:
    sleep = f"sleep {HANGS}.{os.getpid()}"
    said, lasted = ran(
        f"{tools}said=$(as_user_for 3 nobody sh -c 'setsid {sleep} & :' 2>&1); echo $?"
    )
    processes = subprocess.check_output(["ps", "-eo", "pid=,args="], text=True).splitlines()
    held = [int(line.split()[0]) for line in processes if line.endswith(f" {sleep}")]
    for process in held:
        os.kill(process, signal.SIGKILL)
    assert said == "137\n"
    assert lasted < IN_TIME
    # It outlives the limit, which is why nothing may wait for what it holds.
    assert held


@needs_root
def test_as_who_let_a_process_come_to_no_end_none_is_begun_again() -> None:
    said, _ = ran(
        f"as_user_for 1 nobody sleep {HANGS}; give_up_on nobody $?;"
        " as_user_for 60 nobody echo again; echo $?;"
        " give_up_on root 1; as_user_for 60 root echo root"
    )
    assert said.split()[-2:] == ["137", "root"]
    assert "again" not in said


@needs_root
def test_what_is_begun_as_somebody_else_has_no_terminal_and_no_file_of_roots(
    tools: str, tmp_path: Path
) -> None:
    """As in the removal, and when the daemon is asked."""
    (secret := tmp_path / "secret").touch()
    has = f"(: </dev/tty) 2>/dev/null && echo terminal; ls -l /proc/self/fd | grep -F {secret}"
    opened = f"exec {' '.join(f'{number}<{secret}' for number in range(5, 10))}"
    main, other = pty.openpty()
    try:
        said, _ = ran(
            f"{opened}\n{has}\necho as nobody\n{tools}as_user_for 9 nobody sh -c '{has}; :'",
            lambda: fcntl.ioctl(other, termios.TIOCSCTTY, 0),
        )
    finally:
        os.close(main)
        os.close(other)
    roots, _, nobodys = said.partition("as nobody\n")
    assert roots.startswith("terminal\n")
    assert roots.count(str(secret)) == 5
    # macOS has no setsid(1): there pyinfra begins all in a session of its own.
    assert nobodys == "" or ("command()" in tools and nobodys == "terminal\n")


@needs_root
def test_what_a_user_says_is_heard_with_its_status() -> None:
    steps = f"as_user_for {HANGS} nobody sh -c 'id -un; echo more >&2; cat; exit 3'"
    said, lasted = ran(f"echo given | {steps} 2>/dev/null; echo $?")
    assert sorted(said.split()) == ["3", "given", "more", "nobody"]
    # Nobody waits for the limit.
    assert lasted < IN_TIME


@needs_root
def test_who_says_too_much_is_not_heard_to_the_end() -> None:
    said, _ = ran("as_user_for 60 nobody yes | wc -c")
    assert said.strip() == "1048576"
