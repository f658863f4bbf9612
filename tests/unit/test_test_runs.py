"""How tests are spread over processes, and what is told at the end of a run."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ASKED_FOR, SLOW, WAITING_FILES, lab_of

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

from tests.lab.sharing import looks_well


@pytest.mark.parametrize("name", ["it's"])
def test_that_fails(name, record_property):
    record_property("NIXTRUST_KILL_SEED", "7")
    looks_well("cannot open /etc/nix: it is gone")


def test_that_fails_too():
    raise AssertionError("\\n".join(f"line {number}" for number in range(100)))


@pytest.mark.parametrize("number", [1, 2])
def test_that_needs_more(number):
    pytest.skip("the lab needs root")
"""

SHARING = """
def looks_well(error):
    assert error == ""
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One with tests like this one's."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in ("tests", "tests/lab", "tests/shell", "tests/unit"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "tests")
    return tmp_path


def run(project: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    # Without the plugins that are not looked at here it starts in half the time.
    usual = {name: value for name, value in os.environ.items() if name not in ASKED_FOR}
    environment = {**usual, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "xdist", *options]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def test_the_tests_of_one_lab_and_of_a_file_that_waits_are_run_by_one_process_each(
    project: Path,
) -> None:
    of_lab = ("tests/lab/test_a.py", "tests/lab/test_b.py")
    for file in (*of_lab, WAITING_FILES[0], "tests/unit/test_c.py"):
        (project / file).write_text(WHO_RAN_IT)
    ran = run(project, "-n", "2")
    assert ran.returncode == 0, ran.stdout
    noted = [line.split() for line in (project / "ran").read_text().splitlines()]
    assert len({who for who, where in noted if where.startswith("tests.lab.")}) == 1
    assert len({who for who, where in noted if where.startswith("tests.shell.")}) == 1
    assert len({who for who, _ in noted}) == 2


def test_what_is_begun_first_is_there() -> None:
    files = (str(file.relative_to(ROOT)) for file in (ROOT / "tests/lab").glob("test_*.py"))
    assert set(SLOW) - {lab_of(file) for file in files} == set(WAITING_FILES)
    assert [file for file in WAITING_FILES if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["in one process", "in two"])
def test_the_last_lines_say_what_was_not_run_and_which_test_failed_why_and_how_to_run_it(
    options: tuple[str, ...], project: Path
) -> None:
    (project / "tests/lab/test_a.py").write_text(NOT_ALL_WELL)
    (project / "tests/lab/sharing.py").write_text(SHARING)
    ran = run(project, *options)
    assert ran.returncode == 1
    python = shlex.quote(sys.executable)
    failing = "tests/lab/test_a.py::test_that_fails[it's]"
    *said, end = ran.stdout.splitlines()[-6:]
    assert said == [
        "not run here: 2 tests: the lab needs root",
        f"failed: {failing}, and 1 more, above",
        "  AssertionError: assert 'cannot open ...x: it is gone' == ''",
        "    + cannot open /etc/nix: it is gone",
        f"alone: NIXTRUST_KILL_SEED=7 {python} -m pytest {shlex.quote(failing)}",
    ]
    assert "2 failed, 2 skipped" in end


def test_of_a_long_message_the_beginning_and_the_end_are_shown(project: Path) -> None:
    (project / "tests/lab/test_a.py").write_text(NOT_ALL_WELL)
    (project / "tests/lab/sharing.py").write_text(SHARING)
    ran = run(project, "-k", "too")
    assert ran.stdout.splitlines()[-6:-2] == [
        *("  AssertionError: line 0", "  … 97 lines more, above …", "  line 98", "  line 99"),
    ]


def test_a_test_file_that_cannot_be_read_is_named_with_the_command_that_reads_it(
    project: Path,
) -> None:
    (project / "tests/lab/test_a.py").write_text("import no_such_module\n")
    ran = run(project)
    said = ran.stdout.splitlines()
    *why, alone, _ = said[said.index("failed: tests/lab/test_a.py") + 1 :][:6]
    assert any("no_such_module" in line for line in why)
    assert alone.endswith(" -m pytest tests/lab/test_a.py")
