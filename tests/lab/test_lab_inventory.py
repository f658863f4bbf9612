"""`inventory/lab.py` gives pyinfra the lab's machines, in the groups that a team's have."""

import platform

import pytest

import lab
from tests.lab.whole_run import pyinfra

pytestmark = pytest.mark.lab


def answering(said: str) -> set[str]:
    """The machines whose `id -un` in pyinfra's output is root."""
    lines = [line.split() for line in said.splitlines()]
    return {words[0].strip("[]") for words in lines if len(words) == 2 and words[1] == "root"}


def test_all_machines_answer_as_root_whoever_logs_in(machines: dict[str, lab.Machine]) -> None:
    spec = lab.MachineSpec(
        "tests-lead", "trixie", "127.77.2.43", login="lead", lab="tests", people=("lead",)
    )
    lab.up([spec])
    answer = pyinfra("tests", "-y", "inventory/lab.py", "exec", "--", "id", "-un")
    assert answer.returncode == 0, answer.stdout
    names = {machine.name for machine in machines.values()}
    assert answering(answer.stdout) >= names | {"tests-lead"}


@pytest.mark.parametrize("group", ["linux", platform.machine(), f"{platform.machine()}_linux"])
def test_the_groups_of_a_team_hold_all_machines(
    group: str, machines: dict[str, lab.Machine]
) -> None:
    answer = pyinfra("tests", "-y", "inventory/lab.py", "--limit", group, "exec", "--", "id", "-un")
    names = {machine.name for machine in machines.values()}
    assert answering(answer.stdout) >= names, answer.stdout


@pytest.mark.parametrize("suite", lab.SUITES)
def test_a_suite_is_a_group(suite: str, machines: dict[str, lab.Machine]) -> None:
    answer = pyinfra("tests", "-y", "inventory/lab.py", "--limit", suite, "exec", "--", "id", "-un")
    found = answering(answer.stdout)
    assert machines[suite].name in found
    assert not found & {each.name for each in machines.values() if each.suite != suite}


def test_with_no_lab_up_one_line_says_so() -> None:
    answer = pyinfra("nowhere", "-y", "inventory/lab.py", "exec", "--", "true")
    assert answer.returncode == 2
    assert answer.stdout.splitlines()[-1] == (
        "nixtrust: no machine of the lab 'nowhere' is up; run: python -m lab up"
    )
