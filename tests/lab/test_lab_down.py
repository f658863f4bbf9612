"""What `down` takes down: all of a machine, however far it had come."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lab
from lab import demo, processes
from lab.__main__ import main

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
LAB = "leftovers"
HALF_MADE = lab.MachineSpec("leftovers-half", "trixie", "127.77.13.1", lab=LAB)
FOREIGN = lab.MachineSpec("leftovers-foreign", "trixie", "127.77.13.2", lab=LAB)

# An `up` that is killed when the machine's disk is mounted and its mess is to be laid.
KILLED = """
import os, signal, sys
import lab
from lab import machines
machines.lay = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
lab.up([lab.MachineSpec(*sys.argv[1:4], lab=sys.argv[4])])
"""


def folder(spec: lab.MachineSpec) -> Path:
    return lab.Machine(spec, lab.image(spec.suite)).folder


def traces(spec: lab.MachineSpec) -> list[object]:
    """What there is of a machine: its folder, its mounts, its processes."""
    mounts = [
        line for line in Path("/proc/self/mounts").read_text().splitlines() if spec.name in line
    ]
    return [*filter(Path.exists, [folder(spec)]), *mounts, *processes.running(spec.name)]


@pytest.fixture
def half_made() -> lab.MachineSpec:
    """A machine whose `up` was killed."""
    spec = HALF_MADE
    command = [sys.executable, "-c", KILLED, spec.name, spec.suite, spec.address, spec.lab]
    assert subprocess.run(command, cwd=ROOT).returncode == -9
    # Its folder, and what is mounted there.
    assert len(traces(spec)) >= 2
    return spec


@pytest.fixture
def of_another_version() -> lab.MachineSpec:
    """A machine that runs, and whose record has a field that is not known here."""
    [machine] = lab.up([FOREIGN])
    file = machine.folder / "machine.json"
    record = json.loads(file.read_text())
    record["spec"]["memory"] = "1G"
    file.write_text(json.dumps(record))
    assert machine.name not in [each.name for each in lab.present()]
    return FOREIGN


@pytest.fixture
def without_a_record() -> Iterator[lab.MachineSpec]:
    """A machine that runs, and whose record cannot be read at all."""
    [machine] = lab.up([FOREIGN])
    (machine.folder / "machine.json").write_text("{")
    yield FOREIGN
    lab.down([FOREIGN.name])


def test_down_takes_a_half_made_machine(half_made: lab.MachineSpec) -> None:
    demo.down([half_made.name])
    assert traces(half_made) == []


def test_down_takes_a_labs_half_made_machine(half_made: lab.MachineSpec) -> None:
    demo.down([LAB])
    assert traces(half_made) == []


def test_up_makes_a_half_made_machine_anew(half_made: lab.MachineSpec) -> None:
    [machine] = lab.up([half_made])
    assert machine.run("hostname").stdout == f"{half_made.name}\n"
    lab.down([half_made.name])


def test_a_half_made_machine_keeps_no_other_from_its_keys(half_made: lab.MachineSpec) -> None:
    [other] = lab.up([FOREIGN])
    assert other.address in lab.KNOWN_HOSTS.read_text()
    lab.down([other.name, half_made.name])


def test_down_takes_a_machine_of_another_version(of_another_version: lab.MachineSpec) -> None:
    demo.down([of_another_version.name])
    assert traces(of_another_version) == []


def test_down_takes_a_labs_machine_of_another_version(of_another_version: lab.MachineSpec) -> None:
    demo.down([LAB])
    assert traces(of_another_version) == []


def test_down_takes_a_machine_without_a_record(without_a_record: lab.MachineSpec) -> None:
    demo.down([without_a_record.name])
    assert traces(without_a_record) == []


def test_down_takes_the_demos_machine_without_a_record(
    without_a_record: lab.MachineSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "MACHINES", (without_a_record,))
    demo.down([LAB])
    assert traces(without_a_record) == []


def test_status_tells_what_is_left_of_a_machine(
    without_a_record: lab.MachineSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 0
    [line] = [
        line for line in capsys.readouterr().out.splitlines() if without_a_record.name in line
    ]
    assert line.endswith(f"no record of it; python -m lab down {without_a_record.name} clears up")


def test_build_has_the_images_and_no_machine() -> None:
    assert main(["build"]) == 0
    assert all(lab.image(suite).is_dir() for suite in lab.SUITES)
    assert lab.present(LAB) == []


def test_a_name_that_nothing_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "leftovers-none"]) == 1
    assert capsys.readouterr().err == (
        "lab: nothing is called 'leftovers-none'; python -m lab status tells what is there\n"
    )


# A test file that has machines; the one that it brings up has a name of its own.
FILE = """
import lab

LAB = "interrupted"


def test_there_is_no_machine_yet():
    assert lab.present(LAB) == []
    lab.up([lab.MachineSpec("interrupted-now", "trixie", "127.77.13.3", lab=LAB)])
"""


def test_no_test_has_a_machine_that_an_interrupted_run_left(tmp_path: Path) -> None:
    stale = lab.MachineSpec("interrupted-then", "trixie", "127.77.13.3", lab="interrupted")
    lab.up([stale])
    file = tmp_path / "test_interrupted.py"
    file.write_text(FILE)
    command = [sys.executable, "-m", "pytest", "-p", "tests.lab.conftest", "-c", "pyproject.toml"]
    ran = subprocess.run([*command, str(file)], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    assert traces(stale) == []
    assert lab.present("interrupted") == []
