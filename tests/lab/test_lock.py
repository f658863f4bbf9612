"""Two transactions at once: one does it, the other says so; a dead one's lock has one heir."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import lab
from nixtrust.outcome import Outcome, Result
from tests.lab import transactions
from tests.lab.transactions import conf, declaring, holds, leftovers, send, start_anew, writing

pytestmark = pytest.mark.lab

LAB = transactions.LAB

LOCK = ".nixtrust-lock"


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    return transactions.machines("trixie")


@pytest.fixture
def machine(machines: dict[str, lab.Machine]) -> lab.Machine:
    return start_anew(machines["trixie"])


def at_once(machine: lab.Machine, *scripts: str) -> list[Outcome]:
    with ThreadPoolExecutor(len(scripts)) as pool:
        return list(pool.map(lambda script: send(machine, script), scripts))


def born(machine: lab.Machine, process: int) -> str:
    """When a process began, in the kernel's count (proc(5), the 22nd field)."""
    stat = machine.run(f"cat /proc/{process}/stat").stdout
    return stat.rpartition(") ")[2].split()[19]


def test_of_two_transactions_at_once_one_is_made_and_the_other_says_so(
    machine: lab.Machine,
) -> None:
    policy = declaring("mia")
    waiting = ": >/run/holds\nuntil [ -e /run/other-ended ]; do sleep 0.1; done"
    script = writing(machine, policy)
    holding = script.replace("\ncheck ", f"\n{waiting}\ncheck ")
    with ThreadPoolExecutor(1) as pool:
        one = pool.submit(send, machine, holding)
        try:
            held = "timeout 120 sh -c 'until [ -e /run/holds ]; do sleep 0.1; done'"
            machine.run(held).check_returncode()
            other = send(machine, script)
        finally:
            machine.run(": >/run/other-ended").check_returncode()
    assert other.result is Result.BUSY
    assert other.words.startswith("another run (process ")
    assert one.result().result is Result.DONE
    assert holds(machine, policy)
    assert leftovers(machine) == []


def test_while_somebody_holds_the_lock_nothing_is_touched(machine: lab.Machine) -> None:
    script = writing(machine, declaring())
    conf(machine, LOCK).symlink_to(f"1:{born(machine, 1)}")
    conf(machine, ".nixtrust-new.theirs").write_text("")
    before = conf(machine).read_bytes()
    outcome = send(machine, script)
    assert outcome.result is Result.BUSY
    assert outcome.words == "another run (process 1) is at work there"
    assert conf(machine).read_bytes() == before
    assert leftovers(machine) == [LOCK, ".nixtrust-new.theirs"]


HOLDERS = {
    "of a process that is gone": "999999:1",
    "whose number another process has by now": "1:0",
    "that says nothing": "x",
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS.keys())
def test_a_lock_is_taken_over(holder: str, machine: lab.Machine) -> None:
    policy = declaring()
    script = writing(machine, policy)
    conf(machine, LOCK).symlink_to(holder)
    # Who was to remove it is gone as well, and who was to remove that one's word.
    conf(machine, f"{LOCK}.{holder}").symlink_to("999998:1")
    conf(machine, f"{LOCK}.{holder}.999998:1").symlink_to("999997:1")
    assert send(machine, script).result is Result.DONE
    assert holds(machine, policy)
    assert leftovers(machine) == []


def test_a_dead_ones_lock_has_one_heir(machine: lab.Machine) -> None:
    """Five find it at once, again and again; whoever has it notices another who thinks so too."""
    alone = "mkdir /run/alone || touch /run/not-alone\nsleep 0.2\nrmdir /run/alone\n"
    script = writing(machine, declaring()).replace(
        "\ncheck ", f"\n{alone}conclude failed 'for now'\n"
    )
    assert alone in script
    for _ in range(10):
        conf(machine, LOCK).symlink_to("999999:1")
        outcomes = at_once(machine, *[script] * 5)
        assert sum(each.words == "for now" for each in outcomes) >= 1
        assert {each.result for each in outcomes} <= {Result.FAILED, Result.BUSY}
        assert {each.words for each in outcomes if each.result is Result.FAILED} == {"for now"}
    assert machine.run("ls /run/not-alone").returncode != 0


def test_what_is_no_lock_is_not_taken_away(machine: lab.Machine) -> None:
    script = writing(machine, declaring())
    conf(machine, LOCK).write_text("")
    before = conf(machine).read_bytes()
    outcome = send(machine, script)
    assert outcome.result is Result.FAILED
    assert "/etc/nix/.nixtrust-lock" in outcome.words
    assert conf(machine).read_bytes() == before
    conf(machine, LOCK).unlink()
