"""What a look costs grows with the number of files as they do, and no faster."""

import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shell.looking import functions, put


def projects(home: Path, count: int) -> None:
    for number in range(count):
        put(home / f"work/{number:04}/.envrc", "use flake\n")
        put(home / f"work/{number:04}/.env", "A=b\n")


def startup_files(home: Path, count: int) -> None:
    for number in range(count):
        put(home / f".bashrc.d/{number:04}", "alias ll='ls -l'\n")


def spent(home: Path) -> float:
    """Processor seconds of one look of the person's own at this home."""
    look = f"{functions({}, ('work',))}\nconf_dir=/nonexistent\nmy_uid=1\n"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(
        ["sh", "-s"],
        input=f"{look}look_at_home mia {home}\n}}\nmain </dev/null\n",
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (ended.stderr, ended.stdout.splitlines()[-1]) == ("", "end")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@pytest.mark.parametrize(
    ("lay", "few"), [(projects, 150), (startup_files, 250)], ids=["projects", "start-up files"]
)
def test_ten_times_as_many_cost_at_most_fifteen_times_as_much(
    lay: Callable[[Path, int], None], few: int, tmp_path: Path
) -> None:
    lay(tmp_path / "few", few)
    lay(tmp_path / "many", 10 * few)
    least = min(spent(tmp_path / "few") for _ in range(3))
    assert min(spent(tmp_path / "many") for _ in range(2)) <= 15 * least
