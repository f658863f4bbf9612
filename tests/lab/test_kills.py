"""The transaction is killed, before each of its steps and at random moments: each file stays whole,
and the next run brings the machine to its state."""

import random
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

import lab
from nixtrust.findings import restarts
from nixtrust.outcome import Result
from nixtrust.owners import owner_of
from nixtrust.plan import plan
from nixtrust.policy import Policy
from nixtrust.scripts import restart_script, write_script
from tests.conftest import KILL_SEED
from tests.lab import transactions
from tests.lab.disturbed import (
    ASKING,
    LAYOUTS,
    TRUSTED,
    Transaction,
    files,
    laid_out,
    lay_out,
    make_due,
    once_more,
    run_wholly,
    steps,
    transaction,
)
from tests.lab.killing import (
    KILLS_ON_EACH,
    after_step,
    forget_steps,
    killed,
    killed_at_random,
    killed_before_each_step,
    some_time,
    stopping_at,
    telling_of,
    was_in_time,
)
from tests.lab.transactions import conf, declaring, holds, leftovers, look, send

pytestmark = pytest.mark.lab

# They take long, and so have machines of their own beside the other transactions'.
LAB = "kills"
FULL_RUN_AFTER = 15
LOOK_AFTER = 5


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    return transactions.machines(*lab.SUITES, of=LAB)


# Before each step -------------------------------------------------------------------------------


def test_killed_before_any_step_it_leaves_whole_files_and_the_next_run_converges(
    machines: dict[str, lab.Machine],
) -> None:
    machine = laid_out(machines["sid"])
    policy = declaring(of=LAB)
    it = transaction(machine, policy)

    def once_more_stopping_at(number: int) -> str:
        lay_out(machine)
        return stopping_at(number, *ASKING) + once_more(machine, it).script

    seen: list[tuple[int, bool]] = []
    left: list[Left] = []
    for ended in killed_before_each_step(machine, once_more_stopping_at):
        if not was_in_time(ended):
            break
        after = files(machine)
        assert after in it.stages, f"killed before step {len(seen) + 1}"
        is_due = is_restart_due(machine)
        seen.append((it.stages.index(after), is_due))
        # Where no restart is under way, files are all that the next run finds: it does the same as
        # the one that found them so after an earlier kill.
        left.append(what_is_left(machine))
        if not is_due and left[-1] in left[:-1]:
            continue
        run_next(machine, policy)
        assert holds(machine, policy), f"killed before step {len(seen)}"
        assert leftovers(machine) == []
        for name, content in LAYOUTS["sid"].items():
            assert conf(machine, f"{name}.before-nixtrust").read_bytes() == content
    assert "\noutcome\tdone" in ended.stdout
    assert files(machine) == it.stages[-1]
    # Each state that there is between the beginning and the end was met, and no file went back.
    assert list(dict.fromkeys(seen)) == [
        *((0, False), (0, True), (1, True), (2, True), (2, False)),
    ]
    assert [stage for stage, _ in seen] == sorted(stage for stage, _ in seen)
    print(f"killed before each of {len(seen)} steps")


Left = Counter[tuple[str, int, int, int, bytes]]


def what_is_left(machine: lab.Machine) -> Left:
    """Path, mode, owner and bytes of each file in the configuration's folder.

    It leaves out mktemp's random letters and the targets of links.
    """
    return Counter(
        (
            re.sub(r"(\.nixtrust-\w+\.)\w{6}\b", r"\1", str(path.relative_to(machine.root))),
            *(path.lstat().st_mode, path.lstat().st_uid, path.lstat().st_gid),
            path.read_bytes() if path.is_file() and not path.is_symlink() else b"",
        )
        for path in conf(machine, "").rglob("*")
    )


def is_restart_due(machine: lab.Machine) -> bool:
    return conf(machine, ".nixtrust-restart-pending").exists()


def run_next(machine: lab.Machine, policy: Policy) -> None:
    """What the operation does after a run that was killed: it writes, or restarts alone."""
    seen = look(machine, policy)
    owner = owner_of(seen)
    assert seen.nix is not None
    made = plan(policy, owner, seen.files, seen.nix)
    assert made is not None
    if made.edits:
        script = write_script(made, seen, owner, restarts(seen))
    else:
        assert seen.restart_pending
        script = restart_script(seen, owner)
    assert send(machine, script).result is Result.DONE


# At random moments ------------------------------------------------------------------------------


def test_killed_at_any_moment_it_leaves_whole_files(
    machines: dict[str, lab.Machine], record_property: Callable[[str, object], None]
) -> None:
    record_property("NIXTRUST_KILL_SEED", KILL_SEED)
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(kill_again_and_again, machines.values()))


def kill_again_and_again(machine: lab.Machine) -> None:
    """This machine's share of the kills."""
    numbers = steps(laid_out(machine))
    make_due(machine)
    turns, attempts = count(1), count(1)
    trusted = TRUSTED[next(turns) % 2]
    it: Transaction | None = None

    def attempt(dice: random.Random) -> bool:
        nonlocal trusted, it
        it = it or transaction(machine, declaring(*trusted, of=LAB))
        number, later = dice.choice(numbers), some_time(dice)
        forget_steps(machine)
        script = telling_of(number, *ASKING) + it.script
        ended = killed(machine, script, after_step(later))
        after = files(machine)
        assert after in it.stages, f"seed {KILL_SEED}: {machine.name}, {later} s after {number}"
        is_as_before = after == it.stages[0] and not is_restart_due(machine)
        is_done = after == it.stages[-1]
        attempted = next(attempts)
        if attempted % FULL_RUN_AFTER == 0:
            run_wholly(machine, trusted)
            is_as_before, is_done = False, True
        if is_done:
            trusted = TRUSTED[next(turns) % 2]
            make_due(machine)
        # The files are as they were, so the same script still fits them. What else was left
        # behind, a look must bear now and then.
        it = it if is_as_before and attempted % LOOK_AFTER else None
        return was_in_time(ended)

    killed_at_random(machine.name, KILLS_ON_EACH, attempt)
    run_wholly(machine, trusted)
