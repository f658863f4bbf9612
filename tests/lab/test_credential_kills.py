"""A removal is killed, before each of its steps and at random moments: each file stays whole, and
no other gets a secret."""

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

import lab
from nixtrust.judge_credentials import is_removable
from nixtrust.machine import Unread, read_answer
from nixtrust.outcome import Result
from nixtrust.removal import Cut, cuts, read_removed
from nixtrust.scripts import probe_script, remove_script
from tests.conftest import KILL_SEED
from tests.lab.killing import (
    KILLS,
    killed,
    killed_at_random,
    killed_before_each_step,
    moment,
    stopping_at,
    was_in_time,
)
from tests.lab.plants import made_up_token
from tests.lab.ways import GNU, TOYBOX, Way, lay_tools

pytestmark = pytest.mark.lab

LAB = "credential-kills"

RUN_AFTER = 5


@dataclass(frozen=True, slots=True)
class Planted:
    """A file, and the bytes that go; all of it if there are none."""

    path: str
    owner: str
    mode: int
    pieces: tuple[str, str, str]
    program: str = ""
    is_whole: bool = False

    @property
    def before(self) -> bytes:
        return "".join(self.pieces).encode()

    @property
    def after(self) -> bytes | None:
        return None if self.is_whole else (self.pieces[0] + self.pieces[2]).encode()

    def cut(self, stamp: str) -> Cut:
        start = len(self.pieces[0].encode())
        ranges = () if self.is_whole else ((start, start + len(self.pieces[1].encode())),)
        folder, _, name = self.path.rpartition("/")
        return Cut(self.owner, folder, name, stamp, self.program, ranges)


TOKENS = tuple(made_up_token() for _ in range(5))
# Some are longer than what a pipe holds, so that a write takes its time.
LONG = "# \u03bb\n" * 30_000
FILES = (
    Planted(
        "/root/.bashrc.d/1",
        "root",
        0o640,
        (LONG, f"export CACHIX_AUTH_TOKEN={TOKENS[0]}\n", "x=1\r\n"),
        "bash",
    ),
    Planted(
        "/root/.bashrc.d/2",
        "root",
        0o755,
        ("x=1\n", f"export CACHIX_AUTH_TOKEN={TOKENS[1]}\n", "y=\xe9"),
        "bash",
    ),
    Planted(
        "/etc/cachix/cachix.dhall",
        "root",
        0o600,
        ("", f'{{ authToken = "{TOKENS[2]}" }}\n', ""),
        is_whole=True,
    ),
    Planted(
        "/home/baleen/.profile",
        "baleen",
        0o400,
        ("x=1\n", f"CACHIX_AUTH_TOKEN='{TOKENS[3]}'\n", LONG),
        "sh",
    ),
    Planted(
        "/home/mia/.netrc",
        "mia",
        0o600,
        ("machine a password b\n", f"machine c.cachix.org password {TOKENS[4]}\n", "# c\n"),
    ),
)


@pytest.fixture(scope="module")
def machine() -> lab.Machine:
    """Of unstable, whose libraries suit what an older Debian has built."""
    [machine] = lab.up([lab.MachineSpec(LAB, "sid", "127.77.12.2", lab=LAB)])
    machine.run("install -d /root/.bashrc.d /etc/cachix").check_returncode()
    lay_tools(machine)
    return machine


def there(machine: lab.Machine, path: str) -> Path:
    return machine.root / path.lstrip("/")


def lay(machine: lab.Machine, files: Sequence[Planted] = FILES) -> None:
    """These files as they are at first."""
    for each in files:
        file = there(machine, each.path)
        owner = file.parent.stat()
        file.unlink(missing_ok=True)
        file.write_bytes(each.before)
        os.chown(file, owner.st_uid, owner.st_gid)
        file.chmod(each.mode)


def due(machine: lab.Machine, files: Sequence[Planted] = FILES) -> tuple[str, list[Planted]]:
    """The script that takes out what still lies in these files, and those that it is about."""
    left = [each for each in files if state(machine, each) == "old"]
    paths = " ".join(each.path for each in left)
    said = machine.run(f"stat -c %d:%i:%s:%y:%z:%a:%u:%g {paths}") if left else None
    stamps = said.stdout.splitlines() if said else []
    return "".join(remove_script(map(Planted.cut, left, stamps))), left


def state(machine: lab.Machine, each: Planted) -> str:
    """Whether it is the whole old file or the whole new one, its mode and owner kept."""
    file = there(machine, each.path)
    if not file.exists():
        assert each.is_whole, each.path
        return "new"
    stat, folder = file.stat(), file.parent.stat()
    assert (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid) == (
        each.mode,
        folder.st_uid,
        folder.st_gid,
    )
    content = file.read_bytes()
    assert content in (each.before, each.after), f"{each.path} is neither the old nor the new one"
    return "old" if content == each.before else "new"


def leftovers(machine: lab.Machine) -> list[Path]:
    folders = {there(machine, each.path).parent for each in FILES}
    return [path for folder in folders for path in folder.glob(".nixtrust*")]


def assert_no_secret_beside_them(machine: lab.Machine) -> None:
    for path in leftovers(machine):
        content = path.read_bytes()
        assert not any(token.encode() in content for token in TOKENS), path.name


def run(machine: lab.Machine, way: Way, files: Sequence[Planted] = FILES) -> None:
    """To its end, which is a good one; nothing stays behind."""
    removed = read_removed(way.run(machine, due(machine, files)[0]))
    assert (removed.result, removed.troubles) == (Result.DONE, ())
    assert {state(machine, each) for each in files} == {"new"}
    assert leftovers(machine) == []
    assert machine.run("ls -d /var/run/nixtrust*").stdout == ""


# Before each step -------------------------------------------------------------------------------

# One of root's, one of a person's of which nothing may be written, and one that goes as a whole.
OF_EACH_KIND = (FILES[1], FILES[3], FILES[2])


@pytest.mark.parametrize("tools", [GNU, TOYBOX])
def test_killed_before_any_step_it_leaves_whole_files_and_the_next_run_removes_the_rest(
    machine: lab.Machine, tools: str
) -> None:
    way = Way("dash", tools)

    def once_more_stopping_at(number: int) -> str:
        lay(machine, OF_EACH_KIND)
        return stopping(due(machine, OF_EACH_KIND)[0], number)

    met = []
    for ended in killed_before_each_step(machine, once_more_stopping_at, way.command()):
        assert_no_secret_beside_them(machine)
        if not was_in_time(ended):
            break
        left = [each.path for each in OF_EACH_KIND if state(machine, each) == "old"]
        met.append((len(left), bool(leftovers(machine))))
        run(machine, way, OF_EACH_KIND)
    assert "\noutcome\tdone" in ended.stdout
    assert {state(machine, each) for each in OF_EACH_KIND} == {"new"}
    # With each number of files that are left, and amid each file but the one that is not rewritten.
    assert set(met) == {(3, False), (3, True), (2, False), (2, True), (1, False), (0, False)}
    print(f"killed before each of {len(met)} steps")


def stopping(script: str, number: int) -> str:
    """The script, and the program in it that runs in a folder, stop before a step."""
    within = "\nwithin='"
    assert script.count(within) == 1
    steps = stopping_at(number)
    return steps + script.replace(within, f"{within}{steps}")


# At random moments ------------------------------------------------------------------------------


@pytest.mark.parametrize(("tools", "kills"), [(GNU, KILLS), (TOYBOX, -(-KILLS // 3))])
def test_killed_at_any_moment_it_leaves_whole_files_and_no_other_has_a_secret(
    machine: lab.Machine, tools: str, kills: int, record_property: Callable[[str, object], None]
) -> None:
    record_property("NIXTRUST_KILL_SEED", KILL_SEED)
    way = Way("dash", tools)
    lasts = measured(machine, way)
    lay(machine)
    numbers = count(1)

    def attempt(dice: random.Random) -> bool:
        script, files = due(machine)
        if len(files) < 2:
            lay(machine)
            script, files = due(machine)
        first = files[0].path
        is_done = f"[ ! -e {first} ] || [ {first} -nt /run/began ]"
        when = moment(dice, lasts * len(files) / len(FILES), is_done)
        ended = killed(machine, script, when, way.command())
        assert_no_secret_beside_them(machine)
        for each in FILES:
            state(machine, each)  # fails for a file that is neither
        if next(numbers) % RUN_AFTER == 0:
            run(machine, way)
        return was_in_time(ended)

    killed_at_random(f"a removal with {tools}", kills, attempt)
    search_and_look(machine, way)
    lay(machine)
    search_and_look(machine, way)


def measured(machine: lab.Machine, way: Way) -> float:
    """How many seconds a run takes."""
    lay(machine)
    began = time.monotonic()
    run(machine, way)
    return time.monotonic() - began


def search_and_look(machine: lab.Machine, way: Way) -> None:
    """No other file of the machine has a secret; what a look finds goes, and nothing stays."""
    patterns = " ".join(f"-e {token}" for token in TOKENS)
    said = machine.run(f"grep -rlF {patterns} /etc /home /root /var /tmp /run /dev/shm 2>/dev/null")
    assert set(said.stdout.splitlines()) <= {each.path for each in FILES}
    seen = read_answer(way.run(machine, probe_script({})))
    assert not isinstance(seen, Unread), seen.reason
    assert all(is_removable(each) for each in seen.credentials)
    removed = read_removed(way.run(machine, remove_script(cuts(seen.credentials))))
    assert (removed.result, removed.troubles) == (Result.DONE, ())
    assert {state(machine, each) for each in FILES} == {"new"}
    assert leftovers(machine) == []
