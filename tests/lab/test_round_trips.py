"""How often a run asks something of a machine, counted by the machine's own sshd."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

import lab
from tests.lab.whole_run import pyinfra

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
LAB = "cache"
# How many operations change something, by what is wrong with the machine.
CHANGING = {"trust-everybody": 1, "token": 2}
# Who logs in: one needs no sudo, the other does. On half of the machines nix.conf alone is to be
# changed, on the others credentials are to be taken out as well.
SPECS = {
    f"{mess}, {login}": lab.MachineSpec(
        f"cache-trips-{number}",
        "trixie",
        f"127.77.6.{10 + number}",
        mess,
        login,
        lab=LAB,
        people=("baleen", "lead"),
    )
    for number, (mess, login) in enumerate(product(CHANGING, ("root", "lead")), start=1)
}
# The transaction, or the removal, and one more look when it is through.
MORE_PER_CHANGE = 2
# Of deploy.py.
OPERATIONS = 4

each_machine = pytest.mark.parametrize("which", SPECS)


@pytest.fixture(scope="module")
def machines() -> Mapping[str, lab.Machine]:
    return dict(zip(SPECS, lab.up(SPECS.values()), strict=True))


@dataclass(frozen=True, slots=True)
class Run:
    """A run over all machines: what it said, and the commands that each one's sshd counted."""

    said: str
    commands: Mapping[str, int]


def run(machines: Mapping[str, lab.Machine], *arguments: str) -> Run:
    before = {which: machine.ssh_commands() for which, machine in machines.items()}
    ended = pyinfra(LAB, "inventory/lab.py", "deploy.py", *arguments)
    assert ended.returncode == 0, ended.stdout
    after = {which: machine.ssh_commands() for which, machine in machines.items()}
    return Run(ended.stdout, {which: after[which] - before[which] for which in machines})


@pytest.fixture(scope="module")
def runs(machines: Mapping[str, lab.Machine]) -> Mapping[str, Run]:
    """A team's day: look, change, and the same twice more when all is as declared."""
    return {
        "look": run(machines, "--dry", "--diff"),
        "change": run(machines, "-y"),
        "look-in-step": run(machines, "--dry", "--diff"),
        "in-step": run(machines, "-y"),
    }


@pytest.fixture(scope="module")
def closed(machines: Mapping[str, lab.Machine], runs: Mapping[str, Run]) -> Run:
    """What is to be mended is all that is wrong: members cannot read the folder."""
    assert runs
    for machine in machines.values():
        machine.run("chmod 700 /etc/nix").check_returncode()
    return run(machines, "-y")


@each_machine
@pytest.mark.parametrize("when", ["look-in-step", "in-step"])
def test_a_machine_in_step_is_asked_once(which: str, when: str, runs: Mapping[str, Run]) -> None:
    assert runs[when].commands[which] == 1, runs[when].said


@each_machine
def test_a_look_at_a_machine_that_would_change_is_one_command(
    which: str, runs: Mapping[str, Run]
) -> None:
    sign = {"trust-everybody": "- trusted-users = root *", "token": "to be taken out: "}
    name, mess = SPECS[which].name, SPECS[which].mess
    assert re.search(rf"\[{name}\] +{re.escape(sign[mess])}", runs["look"].said)
    assert runs["look"].commands[which] == 1, runs["look"].said


@each_machine
def test_a_changed_machine_is_asked_at_most_twice_more_for_each_change(
    which: str, runs: Mapping[str, Run]
) -> None:
    changes = runs["change"].said.count(f"[{SPECS[which].name}] Success")
    assert changes == CHANGING[SPECS[which].mess], runs["change"].said
    assert 1 < runs["change"].commands[which] <= 1 + MORE_PER_CHANGE * changes


@each_machine
def test_that_root_alone_can_change_nix_conf_costs_two_commands(
    which: str, closed: Run, machines: Mapping[str, lab.Machine]
) -> None:
    name = SPECS[which].name
    assert "Root alone can change nix.conf" in closed.said
    assert closed.said.count(f"[{name}] Success") == 1, closed.said
    assert closed.commands[which] == 1 + MORE_PER_CHANGE
    assert machines[which].run("stat -c %a /etc/nix").stdout == "755\n"


def test_a_machine_in_step_is_not_changed(runs: Mapping[str, Run]) -> None:
    assert "] Success" not in runs["in-step"].said
    assert runs["in-step"].said.count("] No changes") == OPERATIONS * len(SPECS)
