"""A transaction whose connection is cut at random moments reaches its end."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count, cycle, product
from pathlib import Path

import pytest

import lab
from lab import processes
from tests.conftest import KILL_SEED
from tests.lab import transactions
from tests.lab.disturbed import (
    ASKING,
    TRUSTED,
    files,
    laid_out,
    make_due,
    run_wholly,
    steps,
    transaction,
)
from tests.lab.killing import (
    KILLS_ON_EACH,
    forget_steps,
    go_on,
    is_reached,
    killed_at_random,
    some_time,
    telling_of,
    waiting_at,
)
from tests.lab.quick_ssh import quick_options
from tests.lab.transactions import conf, daemon, declaring, leftovers

pytestmark = pytest.mark.lab

LAB = "cuts"


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    return transactions.machines(*lab.SUITES, of=LAB, people=("lead",))


def test_a_transaction_reaches_its_end_when_its_connection_is_cut(
    machines: dict[str, lab.Machine], record_property: Callable[[str, object], None]
) -> None:
    record_property("NIXTRUST_KILL_SEED", KILL_SEED)
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(cut_again_and_again, machines.values()))


def cut_again_and_again(machine: lab.Machine) -> None:
    """This machine's share of the cuts."""
    at_work = steps(laid_out(machine))
    lock = conf(machine, ".nixtrust-lock")
    ways, numbers = cycle(product(LOGINS, (cut_here, cut_there))), count(1)

    def attempt(dice: random.Random) -> bool:
        make_due(machine)
        it = transaction(machine, declaring(*TRUSTED[next(numbers) % 2], of=LAB))
        login, cut = next(ways)
        before = daemon(machine)
        # Between two steps, where it waits; or some time after one, since it goes on.
        number, later = dice.choice(at_work), dice.choice((None, some_time(dice)))
        front = waiting_at if later is None else telling_of
        forget_steps(machine)
        with over_ssh(machine, login, front(number, *ASKING) + it.script) as client:
            until(lambda: is_reached(machine) or client.poll() is not None)
            time.sleep(later or 0)
            was_at_work = is_lock(lock)
            cut(machine, client)
            go_on(machine)
        until(lambda: not is_lock(lock))
        how = f"{machine.name}, {login}, {cut.__name__}, {later} s after step {number}"
        assert files(machine) == it.stages[-1], f"seed {KILL_SEED}: {how}"
        assert leftovers(machine) == []
        assert daemon(machine) != before
        return was_at_work and client.returncode != 0

    killed_at_random(machine.name, KILLS_ON_EACH, attempt)
    run_wholly(machine, TRUSTED[next(numbers) % 2])


# As pyinfra has it run, as root and through sudo.
LOGINS = {"root": "sh -c 'exec sh -s'", "lead": "sudo -H -n sh -c 'exec sh -s'"}


@contextmanager
def over_ssh(machine: lab.Machine, login: str, script: str) -> Iterator["subprocess.Popen[str]"]:
    """A client whose machine has been sent the script; it has ended behind this."""
    options = [f"-o{key}={value}" for key, value in quick_options(machine).items()]
    client = subprocess.Popen(
        ["ssh", "-F/dev/null", *options, f"{login}@{machine.name}", LOGINS[login]],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert client.stdin is not None
        client.stdin.write(script)
        client.stdin.close()
        yield client
        client.wait(300)
    finally:
        client.kill()
        client.wait()


def cut_here(_: lab.Machine, client: "subprocess.Popen[str]") -> None:
    client.kill()


def cut_there(machine: lab.Machine, _: "subprocess.Popen[str]") -> None:
    """End the machine's side of the connection: what sshd has started for it."""
    ended = 0
    for pid in processes.running(machine.name):
        # It may end by itself: before its file is opened, before it is read, before the signal.
        with suppress(FileNotFoundError, ProcessLookupError):
            title = Path(f"/proc/{pid}/cmdline").read_bytes()
            if title.startswith(b"sshd") and b"listener" not in title:
                os.kill(pid, signal.SIGKILL)
                ended += 1
    # While the script is at work there is a connection.
    assert ended or not is_lock(conf(machine, ".nixtrust-lock"))


def is_lock(path: Path) -> bool:
    return path.is_symlink()


def until(holds_now: Callable[[], bool]) -> None:
    patience = time.monotonic() + 300
    while not holds_now():
        assert time.monotonic() < patience, "what was waited for did not come in 300 s"
        time.sleep(0.02)
