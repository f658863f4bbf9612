"""How tests are spread over processes, and what is told at the end of a run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WHO_RAN_IT = """
import os
import pytest

LAB = "one"


@pytest.mark.parametrize("number", range(9))
def test_that_notes_who_ran_it(number):
    with open("ran", "a") as ran:
        ran.write(f"{os.environ['PYTEST_XDIST_WORKER']} {__name__}\\n")
"""

NOT_ALL_WELL = """
import pytest


def test_that_fails():
    assert False


@pytest.mark.parametrize("number", [1, 2])
def test_that_needs_more(number):
    pytest.skip("the lab needs root")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One with tests like this one's: tests/lab/ and tests/unit/."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in ("tests", "tests/lab", "tests/unit"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "tests")
    return tmp_path


def run(project: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    # Without the plugins that are not looked at here it starts in half the time.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "xdist", *options]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def test_the_tests_of_one_lab_are_run_by_one_process(project: Path) -> None:
    for file in ("lab/test_a.py", "lab/test_b.py", "unit/test_c.py"):
        (project / "tests" / file).write_text(WHO_RAN_IT)
    ran = run(project, "-n", "2")
    assert ran.returncode == 0, ran.stdout
    noted = [line.split() for line in (project / "ran").read_text().splitlines()]
    assert len({who for who, where in noted if where.startswith("tests.lab.")}) == 1
    assert len({who for who, _ in noted}) == 2


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["in one process", "in two"])
def test_what_failed_is_named_and_what_was_not_run_has_its_reason(
    options: tuple[str, ...], project: Path
) -> None:
    (project / "tests/lab/test_a.py").write_text(NOT_ALL_WELL)
    ran = run(project, *options)
    said = ran.stdout.splitlines()
    assert ran.returncode == 1
    [failed] = [line for line in said if line.startswith("FAILED ")]
    assert failed == "FAILED tests/lab/test_a.py::test_that_fails - assert False"
    assert said[-2] == "not run here: 2 tests: the lab needs root"
