"""`inventory/lab.py` gives pyinfra the lab's machines, in the groups that a team's have."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import lab

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]


def pyinfra(lab_name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [Path(sys.executable).with_name("pyinfra"), "-y", "inventory/lab.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "NIXTRUST_LAB": lab_name},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def answering(said: str) -> set[str]:
    """The machines whose `id -un` in pyinfra's output is root."""
    lines = [line.split() for line in said.splitlines()]
    return {words[0].strip("[]") for words in lines if len(words) == 2 and words[1] == "root"}


def test_all_machines_answer_as_root_whoever_logs_in(machines: dict[str, lab.Machine]) -> None:
    spec = lab.MachineSpec("tests-lead", "trixie", "127.77.2.43", login="lead", lab="tests")
    lab.up([spec])
    answer = pyinfra("tests", "exec", "--", "id", "-un")
    assert answer.returncode == 0, answer.stderr
    names = {machine.name for machine in machines.values()}
    assert answering(answer.stdout + answer.stderr) >= names | {"tests-lead"}


@pytest.mark.parametrize("group", ["linux", platform.machine(), f"{platform.machine()}_linux"])
def test_the_groups_of_a_team_hold_all_machines(
    group: str, machines: dict[str, lab.Machine]
) -> None:
    answer = pyinfra("tests", "--limit", group, "exec", "--", "id", "-un")
    names = {machine.name for machine in machines.values()}
    assert answering(answer.stdout + answer.stderr) >= names, answer.stderr


@pytest.mark.parametrize("suite", lab.SUITES)
def test_a_suite_is_a_group(suite: str, machines: dict[str, lab.Machine]) -> None:
    answer = pyinfra("tests", "--limit", suite, "exec", "--", "id", "-un")
    found = answering(answer.stdout + answer.stderr)
    assert machines[suite].name in found
    assert not found & {each.name for each in machines.values() if each.suite != suite}


def test_with_no_lab_up_one_line_says_so() -> None:
    answer = pyinfra("nowhere", "exec", "--", "true")
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[-1] == (
        "nixtrust: no machine of the lab 'nowhere' is up; run: python -m lab up"
    )
