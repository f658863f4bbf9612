"""A removal is killed at random moments: each file stays whole, and no other gets a secret."""

import os
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

import lab
from nixtrust.judge_credentials import is_removable
from nixtrust.machine import Unread, read_answer
from nixtrust.outcome import Result
from nixtrust.removal import Cut, cuts, read_removed
from nixtrust.scripts import probe_script, remove_script
from tests.lab.plants import made_up_token
from tests.lab.ways import GNU, TOYBOX, Way, fetch, lay_tools

pytestmark = pytest.mark.lab

LAB = "credential-kills"

KILLS = 300
RUN_AFTER = 5
LOOK_AFTER = 50
SEED = 20261122


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
        return Cut(folder, name, stamp, self.program, ranges)


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
def machine(tmp_path_factory: pytest.TempPathFactory) -> lab.Machine:
    """Of unstable, whose libraries bear what any Debian has built."""
    [machine] = lab.up([lab.MachineSpec(LAB, "sid", "127.77.12.2", lab=LAB)])
    machine.run("install -d /root/.bashrc.d /etc/cachix").check_returncode()
    lay_tools(machine, fetch(tmp_path_factory.mktemp("packages")))
    return machine


def there(machine: lab.Machine, path: str) -> Path:
    return machine.root / path.lstrip("/")


def lay(machine: lab.Machine) -> None:
    """All files as they are at first."""
    for each in FILES:
        file = there(machine, each.path)
        owner = file.parent.stat()
        file.unlink(missing_ok=True)
        file.write_bytes(each.before)
        os.chown(file, owner.st_uid, owner.st_gid)
        file.chmod(each.mode)


def due(machine: lab.Machine) -> tuple[str, list[Planted]]:
    """The script that takes out what still lies there, and the files that it is about."""
    left = [each for each in FILES if state(machine, each) == "old"]
    paths = " ".join(each.path for each in left)
    said = machine.run(f"stat -c %d:%i:%s:%y:%z:%a:%u:%g {paths}") if left else None
    stamps = said.stdout.splitlines() if said else []
    return remove_script(map(Planted.cut, left, stamps)), left


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


def run(machine: lab.Machine, way: Way, script: str) -> None:
    """To its end, which is a good one; nothing stays behind."""
    removed = read_removed(way.run(machine, script))
    assert (removed.result, removed.troubles) == (Result.DONE, ())
    assert {state(machine, each) for each in FILES} == {"new"}
    assert leftovers(machine) == []
    assert machine.run("ls -d /var/run/nixtrust*").stdout == ""


@pytest.mark.parametrize(("tools", "kills"), [(GNU, KILLS), (TOYBOX, KILLS // 3)])
def test_each_file_is_the_whole_old_or_new_one_and_no_other_has_a_secret(
    machine: lab.Machine, tools: str, kills: int
) -> None:
    dice = random.Random(SEED)
    way = Way("dash", tools)
    lasts = measured(machine, way)
    lay(machine)
    found: Counter[str] = Counter()
    for number in range(3 * kills):
        if found.total() - found["through"] == kills:
            break
        script, files = due(machine)
        if len(files) < 2:
            lay(machine)
            script, files = due(machine)
        when = moment(dice, lasts * len(files) / len(FILES), files[0].path)
        killed = machine.run(KILLED.format(way=way.command(), when=when), input=script)
        found[progress(machine, files, through="outcome\tdone" in killed.stdout)] += 1
        for path in leftovers(machine):
            content = path.read_bytes()
            assert not any(token.encode() in content for token in TOKENS), path.name
        if number % RUN_AFTER == 0:
            run(machine, way, due(machine)[0])
        if number % LOOK_AFTER == 0:
            search_and_look(machine, way)
    lay(machine)
    search_and_look(machine, way)
    print(found)
    assert found.total() - found["through"] == kills
    # The moments were spread over all of the script.
    assert found["nothing done"] > 0.1 * kills
    assert found["some done"] > 0.2 * kills
    assert found["amid a file"] > 0.1 * kills


# The first process of a namespace takes all others along, at once.
KILLED = """
exec 3<&0
: >/run/began
unshare --pid --fork --kill-child --mount-proc {way} <&3 &
{when}
kill -KILL $!
wait $!
"""


def moment(dice: random.Random, lasts: float, first: str) -> str:
    """Early in the run, anywhere in it, or some time after the first file is done.

    How long a run lasts changes with what else the box is at.
    """
    early, anywhere, later = (dice.uniform(0.001, lasts * part) for part in (0.3, 1, 0.3))
    done = f"[ ! -e {first} ] || [ {first} -nt /run/began ]"
    is_done = f"until {done} || ! kill -0 $!; do sleep 0.01; done"
    return dice.choice(
        (f"sleep {early:.3f}", f"sleep {anywhere:.3f}", f"{is_done}; sleep {later:.3f}")
    )


def progress(machine: lab.Machine, files: list[Planted], *, through: bool) -> str:
    """How far the script had come with its files."""
    if through:
        return "through"
    if leftovers(machine):
        return "amid a file"
    done = any(state(machine, each) == "new" for each in files)
    return "some done" if done else "nothing done"


def measured(machine: lab.Machine, way: Way) -> float:
    """How many seconds a run takes."""
    lay(machine)
    script, _ = due(machine)
    began = time.monotonic()
    run(machine, way, script)
    return time.monotonic() - began


def search_and_look(machine: lab.Machine, way: Way) -> None:
    """No other file of the machine has a secret; what a look finds goes, and nothing stays."""
    patterns = " ".join(f"-e {token}" for token in TOKENS)
    said = machine.run(f"grep -rlF {patterns} /etc /home /root /var /tmp /run /dev/shm 2>/dev/null")
    assert set(said.stdout.splitlines()) <= {each.path for each in FILES}
    seen = read_answer(way.run(machine, probe_script({})))
    assert not isinstance(seen, Unread), seen.reason
    assert all(is_removable(each) for each in seen.credentials)
    run(machine, way, remove_script(cuts(seen.credentials)))
