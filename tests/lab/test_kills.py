"""The transaction is killed, or its connection cut, at random moments: each file stays whole."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

import lab
from lab import processes
from nixtrust.conf import apply
from nixtrust.findings import restarts
from nixtrust.outcome import Result
from nixtrust.owners import owner_of
from nixtrust.policy import Policy
from nixtrust.scripts import write_script
from tests.lab import transactions
from tests.lab.transactions import (
    conf,
    daemon,
    holds,
    leftovers,
    look,
    planned,
    run_for,
    send,
    start_anew,
)

pytestmark = pytest.mark.lab

# They take long, and so have machines of their own beside the other transactions'.
LAB = "kills"
declaring = partial(transactions.declaring, of=LAB)

KILLS = CUTS = 300
FULL_RUN_AFTER = 20
SEED = 20251122
# What is declared, in turn, so that there is always something to write.
TRUSTED: tuple[tuple[str, ...], ...] = ((), ("mia",))

# With sid two files change: the including one has a late line that defeats the block.
LAYOUTS: Mapping[str, Mapping[str, bytes]] = {
    "bookworm": {"nix.conf": b"cores = 1\n# mine\n"},
    "trixie": {"nix.conf": b"# \xe9\r\nextra-substituters = https://elsewhere.example"},
    "sid": {
        "nix.conf": b"!include nix.custom.conf\nbuild-users-group = nixbld\ntrusted-users = *\n",
        "nix.custom.conf": b"# mine\n",
    },
}
MODES = {"nix.conf": 0o640, "nix.custom.conf": 0o664}


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    return transactions.machines(*lab.SUITES, of=LAB)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One to be disturbed: its script, the file that changes first, and all files before it and
    after each of its edits."""

    script: str
    first: str
    stages: tuple[Mapping[str, bytes], ...]


def laid_out(machine: lab.Machine) -> lab.Machine:
    """The machine with the files of its layout, their mode and group unlike a new file's."""
    start_anew(machine)
    for name, content in LAYOUTS[machine.suite].items():
        conf(machine, name).write_bytes(content)
        conf(machine, name).chmod(MODES[name])
        os.chown(conf(machine, name), 0, 1)
    return machine


def make_due(machine: lab.Machine) -> None:
    """Let both files of sid's layout need their edits again: the old bytes, copied in place."""
    if machine.suite == "sid":
        conf(machine).write_bytes(LAYOUTS["sid"]["nix.conf"])


def files(machine: lab.Machine) -> Mapping[str, bytes]:
    """The files of the layout, which have kept their mode and owner."""
    for name in LAYOUTS[machine.suite]:
        stat = conf(machine, name).stat()
        assert (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid) == (MODES[name], 0, 1)
    return {name: conf(machine, name).read_bytes() for name in LAYOUTS[machine.suite]}


def transaction(machine: lab.Machine, policy: Policy) -> Transaction:
    """What the operation would do now."""
    seen = look(machine, policy)
    made = planned(seen, policy)
    stages = [files(machine)]
    for edit in made.edits:
        name = Path(edit.path).name
        text = apply(stages[-1][name].decode("latin-1"), edit)
        stages.append({**stages[-1], name: text.encode("latin-1")})
    script = write_script(made, seen, owner_of(seen), restarts(seen))
    return Transaction(script, made.edits[0].path, tuple(stages))


def run_wholly(machine: lab.Machine, trusted: tuple[str, ...]) -> None:
    """A run of pyinfra, which brings the machine to its state whatever was left behind."""
    answer = run_for(machine, "deploy.py", "-y", trusted=trusted)
    assert answer.returncode == 0, answer.stdout
    assert holds(machine, declaring(*trusted))
    assert leftovers(machine) == []
    files(machine)


# Killed -----------------------------------------------------------------------------------------


def test_each_file_is_the_whole_old_or_the_whole_new_one_when_the_script_is_killed(
    machines: dict[str, lab.Machine],
) -> None:
    with ThreadPoolExecutor(len(machines)) as pool:
        found = sum(pool.map(kill_again_and_again, machines.values()), Counter[str]())
    print(found)
    assert found.total() - found["through"] == KILLS
    # The moments were spread over all of the script.
    assert found["nothing in place"] > KILLS * 0.20
    assert found["in place, restart due"] > KILLS * 0.20


def kill_again_and_again(machine: lab.Machine) -> Counter[str]:
    """This machine's share of the kills; what was in place after each.

    One that came too late, on a script that was through, is none, and another follows.
    """
    dice = random.Random(f"{SEED} {machine.suite}")
    laid_out(machine)
    found: Counter[str] = Counter()
    turn = 0
    for number in range(3 * KILLS // len(LAYOUTS)):
        if found.total() - found["through"] == KILLS // len(LAYOUTS):
            break
        if number % FULL_RUN_AFTER == 0:
            run_wholly(machine, TRUSTED[turn % 2])
            make_due(machine)
            lasts = measured(machine, transaction(machine, declaring(*TRUSTED[(turn + 1) % 2])))
            make_due(machine)
        it = transaction(machine, declaring(*TRUSTED[turn % 2]))
        killed = machine.run(KILLED.format(when=moment(dice, lasts, it)), input=it.script)
        after = files(machine)
        assert after in it.stages, f"kill {number} on {machine.name}"
        if after == it.stages[0]:
            found["nothing in place"] += 1
        elif killed.returncode == 0:
            found["through"] += 1
        elif conf(machine, ".nixtrust-restart-pending").exists():
            found["in place, restart due"] += 1
        else:
            found["in place, restarted"] += 1
        if after == it.stages[-1]:
            turn += 1
            make_due(machine)
    run_wholly(machine, TRUSTED[turn % 2])
    return found


# A process group of its own; nothing is started that could be late.
KILLED = """
exec 3<&0
: >/run/began
setsid sh -s <&3 &
{when}
kill -KILL -$!
wait $!
"""


def moment(dice: random.Random, lasts: float, it: Transaction) -> str:
    """Anywhere in the run, or some time after the first file is in place."""
    anywhere, later = dice.uniform(0.001, lasts), dice.uniform(0, 0.2 * lasts)
    in_place = f"until [ {it.first} -nt /run/began ] || ! kill -0 $!; do sleep 0.01; done"
    return dice.choice((f"sleep {anywhere:.3f}", f"{in_place}; sleep {later:.3f}"))


def measured(machine: lab.Machine, it: Transaction) -> float:
    """Runs the transaction to its end, which is a good one: in so many seconds."""
    began = time.monotonic()
    assert send(machine, it.script).result is Result.DONE
    seconds = time.monotonic() - began
    assert files(machine) == it.stages[-1]
    return seconds


DEATHS = {
    "as the lock is taken": ("\n  lock=$dir/.nixtrust-lock\n", 0),
    "before Nix reads the candidates": ("\ncheck ", 0),
    "while Nix reads them": ("\n  present=", 0),
    "before the word that a restart is due": ("\nannounce_restart\n", 0),
    "before the originals are kept": ("\nkeep_originals\n", 0),
    "before anything is in place": ("\nput_in_place\n", 0),
    "before the first rename": ("\n  old=$dir/.nixtrust-old.", 0),
    "between the two files": ("\n  kept=$kept$1$tab$old", 1),
    "before the restart": ("\nrestart_daemon ", 2),
    "after the restart": ("\nfinish\n", 2),
}


@pytest.mark.parametrize(("before", "stage"), DEATHS.values(), ids=DEATHS.keys())
def test_the_next_run_converges_whichever_step_was_the_last(
    before: str, stage: int, machines: dict[str, lab.Machine]
) -> None:
    machine = laid_out(machines["sid"])
    it = transaction(machine, declaring())
    assert it.script.count(before) == 1
    dying = it.script.replace(before, f"\nkill -9 $${before}")
    answer = machine.run("exec sh -s", input=dying)
    assert answer.returncode == -signal.SIGKILL
    assert files(machine) == it.stages[stage]
    run_wholly(machine, ())
    for name, content in LAYOUTS["sid"].items():
        assert conf(machine, f"{name}.before-nixtrust").read_bytes() == content


# Cut off ----------------------------------------------------------------------------------------


def test_a_transaction_reaches_its_end_when_its_connection_is_cut(
    machines: dict[str, lab.Machine],
) -> None:
    with ThreadPoolExecutor(len(machines)) as pool:
        found = sum(pool.map(cut_again_and_again, machines.values()), Counter[str]())
    print(found)
    assert found.total() - found["through"] == CUTS
    # The moments were spread over all of the script.
    assert found["nothing in place"] > CUTS * 0.20
    assert found["in place"] > CUTS * 0.20


def cut_again_and_again(machine: lab.Machine) -> Counter[str]:
    """This machine's share of the cuts; what was in place at each.

    One that came too late, when the script was through, is none, and another follows.
    """
    dice = random.Random(f"{SEED} {machine.suite}")
    laid_out(machine)
    ways = [(login, cut) for login in LOGINS for cut in (cut_here, cut_there)]
    lock = conf(machine, ".nixtrust-lock")
    found: Counter[str] = Counter()
    for number in range(3 * CUTS // len(LAYOUTS)):
        if found.total() - found["through"] == CUTS // len(LAYOUTS):
            break
        if number % FULL_RUN_AFTER == 0:
            run_wholly(machine, TRUSTED[number % 2])
            make_due(machine)
            lasts = measured(machine, transaction(machine, declaring(*TRUSTED[(number + 1) % 2])))
        make_due(machine)
        login, cut = ways[number % len(ways)]
        it = transaction(machine, declaring(*TRUSTED[number % 2]))
        before = daemon(machine)
        with over_ssh(machine, login, it.script) as client:
            until(lambda: is_lock(lock) or client.poll() is not None)
            wait_for_a_moment(dice, lasts, machine, it)
            at_work, in_place = is_lock(lock), files(machine) != it.stages[0]
            cut(machine, client)
        found[("in place" if in_place else "nothing in place") if at_work else "through"] += 1
        until(lambda: not is_lock(lock))
        assert files(machine) == it.stages[-1], f"cut {number} on {machine.name}"
        assert leftovers(machine) == []
        assert daemon(machine) != before
    run_wholly(machine, TRUSTED[number % 2])
    return found


def wait_for_a_moment(
    dice: random.Random, lasts: float, machine: lab.Machine, it: Transaction
) -> None:
    """Anywhere in the run, or some time after the first file is in place."""
    if dice.random() < 0.5:
        time.sleep(dice.uniform(0, lasts))
        return
    lock = conf(machine, ".nixtrust-lock")
    until(lambda: not is_lock(lock) or files(machine) != it.stages[0])
    time.sleep(dice.uniform(0, 0.2 * lasts))


# As pyinfra has it run, as root and through sudo.
LOGINS = {"root": "sh -c 'exec sh -s'", "lead": "sudo -H -n sh -c 'exec sh -s'"}


@contextmanager
def over_ssh(machine: lab.Machine, login: str, script: str) -> Iterator["subprocess.Popen[str]"]:
    """A client whose machine has been sent the script; it has ended behind this."""
    options = [f"-o{key}={value}" for key, value in machine.ssh_options.items()]
    client = subprocess.Popen(
        ["ssh", "-F/dev/null", *options, f"{login}@{machine.name}", LOGINS[login]],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert client.stdin is not None
        client.stdin.write("".join(script))
        client.stdin.close()
        yield client
        client.wait(60)
    finally:
        client.kill()
        client.wait()


def cut_here(_: lab.Machine, client: "subprocess.Popen[str]") -> None:
    client.kill()


def cut_there(machine: lab.Machine, _: "subprocess.Popen[str]") -> None:
    """End the machine's side of the connection: what sshd has started for it."""
    for pid in processes.running(machine.name):
        # It may end by itself: before its file is opened, before it is read, before the signal.
        with suppress(FileNotFoundError, ProcessLookupError):
            title = Path(f"/proc/{pid}/cmdline").read_bytes()
            if title.startswith(b"sshd") and b"listener" not in title:
                os.kill(pid, signal.SIGKILL)


def is_lock(path: Path) -> bool:
    return path.is_symlink()


def until(holds_now: Callable[[], bool]) -> None:
    patience = time.monotonic() + 60
    while not holds_now():
        assert time.monotonic() < patience
        time.sleep(0.005)
