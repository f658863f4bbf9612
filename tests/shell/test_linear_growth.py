"""What a look costs grows with the number of files and of accounts as they do, and no faster."""

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


def ran(steps: str) -> tuple[list[str], float]:
    """The lines that steps say behind the look's functions, and their processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(
        ["sh", "-s"],
        input=f"{functions({}, ('work',))}\n{steps}\n}}\nmain </dev/null\n",
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.stderr == ""
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return ended.stdout.splitlines(), spent


def spent(home: Path) -> float:
    """Processor seconds of one look of the person's own at this home."""
    lines, seconds = ran(f"conf_dir=/nonexistent\nmy_uid=1\nlook_at_home mia {home}")
    assert lines[-1] == "end"
    return seconds


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


# A directory's accounts, with homes where FOLDER has them. What each costs by itself, `id` and the
# look of the person's own, has a stand-in.
ACCOUNTS = """
my_uid=0 kernel=Linux builders_group=nixbld leading='' given='' system_startups=''
look_began=$(date +%s) homes_seconds=600
accounts() {{
  awk 'BEGIN {{
    for (i = 1; i <= {count}; i++) print "m" i ":x:" 1000 + i ":100::{folder}/m" i ":/bin/sh"
  }}'
}}
id() {{ :; }}
begin_apart() {{ cat >/dev/null; echo end; }}
find_people
look_at_users
"""


@pytest.mark.parametrize(
    ("looks", "has_homes", "few"),
    [("", False, 300), ("look_at_homes", True, 10)],
    ids=["accounts", "homes"],
)
def test_ten_times_as_many_accounts_cost_at_most_fifteen_times_as_much(
    looks: str, has_homes: bool, few: int, tmp_path: Path
) -> None:
    def cost(count: int) -> float:
        for number in range(1, count + 1) if has_homes else ():
            (tmp_path / f"m{number}").mkdir(exist_ok=True)
        lines, seconds = ran(ACCOUNTS.format(count=count, folder=tmp_path) + looks)
        told = {line.split("\t")[1] for line in lines if line.startswith("user\tm")}
        assert len(told) == count
        asked = {line for line in lines if line.startswith("part\t")}
        assert len(asked) >= (count if has_homes else 0)
        return seconds

    least = min(cost(few) for _ in range(3))
    assert min(cost(10 * few) for _ in range(2)) <= 15 * least
