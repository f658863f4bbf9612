"""Credentials are found and taken out alike under every shell and with every kind of tools."""

import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import pytest

import lab
from nixtrust.judge_credentials import is_removable
from nixtrust.machine import Machine as Observed
from nixtrust.machine import Unread, UnreadHome, read_answer
from nixtrust.outcome import Result
from nixtrust.removal import Removed, cuts, read_removed
from nixtrust.scripts import probe_script, remove_script
from nixtrust.stored import Credential, Hindrance, UnreadPlace
from tests.lab.credential_generator import cases
from tests.lab.planting import stopping, there, write
from tests.lab.plants import HOMES, SEARCH_PATHS, plants
from tests.lab.ways import TOYBOX, USUAL, WAYS, Way, lay_tools, told_of_tools
from tests.shell.removing import hurrying, shortened

pytestmark = pytest.mark.lab

LAB = "credential-ways"

SEED = 20261122
OF_EACH = 2
GENERATED: Mapping[str, tuple[str, str]] = {
    "sh": ("/etc/profile.d/generated-{}.sh", "root"),
    "bash": (f"{HOMES['baleen']}/.bashrc.d/{{}}", "baleen"),
    "zsh": (f"{HOMES['baleen']}/.zshrc.d/{{}}", "baleen"),
    "fish": ("/root/.config/fish/conf.d/{}.fish", "root"),
    "dhall": ("/etc/cachix/generated-{}.dhall", "root"),
}


@dataclass(frozen=True, slots=True)
class File:
    path: str
    owner: str
    mode: int
    content: bytes = field(repr=False)


def files() -> Iterator[File]:
    """A file in every kind of place of one person's and of the system's, and generated ones. None
    is a link or has attributes besides: not all tools keep those."""
    others = tuple(home for person, home in HOMES.items() if person != "baleen")
    for each in plants():
        if not each.link and not each.path.startswith(others):
            yield File(each.path, each.owner, each.mode, each.before)
    for syntax, (path, owner) in GENERATED.items():
        for number, case in enumerate(cases(SEED, syntax, OF_EACH)):
            yield File(path.format(number), owner, 0o644, case.content)


@pytest.fixture(scope="module")
def machine() -> lab.Machine:
    """Of unstable, whose libraries suit what an older Debian has built."""
    [machine] = lab.up([lab.MachineSpec(LAB, "sid", "127.77.12.3", lab=LAB, people=tuple(HOMES))])
    lay_tools(machine)
    return machine


@pytest.fixture(scope="module")
def planted() -> tuple[File, ...]:
    return tuple(files())


@dataclass(frozen=True, slots=True)
class Story:
    """What a look told, what came of the removal, what there was then, and what a look told."""

    found: tuple[Credential, ...]
    unread: tuple[UnreadPlace, ...]
    removed: Removed
    states: Mapping[str, object] = field(repr=False)
    left: tuple[Credential, ...]


def story(machine: lab.Machine, way: Way, planted: tuple[File, ...]) -> Story:
    for each in planted:
        write(machine, each.path, each.content, each.owner, each.mode)
    first = look(machine, way)
    script = remove_script(cuts(each for each in first.credentials if is_removable(each)))
    removed = read_removed(way.run(machine, script))
    states = {each.path: state(there(machine, each.path)) for each in planted}
    last = look(machine, way)
    assert leftovers(machine, planted) == []
    return Story(
        timeless(first.credentials),
        first.unread_places,
        removed,
        states,
        timeless(last.credentials),
    )


def look(machine: lab.Machine, way: Way) -> Observed:
    return observed(machine, way, probe_script({}, SEARCH_PATHS))


def observed(machine: lab.Machine, way: Way, script: str) -> Observed:
    """What the script of a look tells."""
    seen = read_answer(way.run(machine, script))
    assert not isinstance(seen, Unread), seen.reason
    return seen


def timeless(credentials: tuple[Credential, ...]) -> tuple[Credential, ...]:
    return tuple(replace(each, stamp="") for each in credentials)


def state(file: Path) -> tuple[object, ...]:
    """All of a file that is to stay as it is, but for what goes."""
    if not file.exists():
        return ()
    seen = file.stat()
    return stat.filemode(seen.st_mode), seen.st_uid, seen.st_gid, file.read_bytes()


def leftovers(machine: lab.Machine, planted: tuple[File, ...]) -> list[Path]:
    folders = {there(machine, each.path).parent for each in planted}
    return list(chain.from_iterable(folder.glob(".nixtrust*") for folder in folders))


@pytest.fixture(scope="module")
def expected(machine: lab.Machine, planted: tuple[File, ...]) -> Story:
    """What comes of it in the usual way."""
    usual = story(machine, Way(*USUAL), planted)
    assert usual.unread == ()
    assert (usual.removed.result, usual.removed.troubles) == (Result.DONE, ())
    assert {each.place.id for each in usual.found} >= {"netrc", "bash", "cachix-dhall", "fish"}
    hindered = {each.hindrance for each in usual.left}
    assert hindered >= {Hindrance.COMPOUND, Hindrance.BLOCK, Hindrance.SEVERAL_LINES}
    assert len(usual.left) < 0.7 * len(usual.found)
    assert not any(is_removable(each) for each in usual.left)
    return usual


def short(credentials: tuple[Credential, ...]) -> list[tuple[str, int, Hindrance | None]]:
    return [(each.path, each.line, each.hindrance) for each in credentials]


@pytest.mark.parametrize(("shell", "tools"), WAYS)
def test_every_shell_and_all_tools_find_and_remove_the_same(
    shell: str, tools: str, machine: lab.Machine, planted: tuple[File, ...], expected: Story
) -> None:
    assert ("awk version 20" in told_of_tools(machine, tools)) is (tools == TOYBOX)
    got = story(machine, Way(shell, tools), planted)
    assert short(got.found) == short(expected.found)
    assert got.found == expected.found
    assert got.unread == expected.unread
    assert got.removed == expected.removed
    wrong = {path for path, its in got.states.items() if its != expected.states[path]}
    assert wrong == set()
    assert got.left == expected.left


# Who is in the way ------------------------------------------------------------------------------


@pytest.mark.parametrize(("shell", "tools"), WAYS)
def test_who_stops_all_that_runs_in_his_name_is_given_up_on_in_time(
    shell: str, tools: str, machine: lab.Machine
) -> None:
    way = Way(shell, tools)
    his = tuple(f"{HOMES['baleen']}/{name}" for name in (".kshrc", ".mkshrc", ".xprofile"))
    mias = f"{HOMES['mia']}/.kshrc"
    for path in (*his, mias):
        write(machine, path, b"export CACHIX_AUTH_TOKEN=madeupmadeup\n", path.split("/")[2])
    seen = [each for each in look(machine, way).credentials if each.path in (*his, mias)]
    assert [each.hindrance for each in seen] == [None] * 4
    script = hurrying("baleen", remove_script(cuts(seen)))
    # Without timeout(1) what watches over a command outlives it by a second at most.
    machine.run("while ps -u baleen -o pid= | grep -q .; do sleep 0.1; done").check_returncode()
    with stopping(machine, "baleen"):
        began = time.monotonic()
        removed = read_removed(way.run(machine, script))
        assert time.monotonic() - began < 50
        # Nothing is left of what was begun.
        running = machine.run("ps -u baleen -o args=").stdout.splitlines()
        assert [args for args in running if "stopper" not in args] == []
        left = looked_at_while_stopped(machine, way)
    words = "what was begun as baleen did not come to its end"
    assert removed.result is Result.DONE
    said = {each.path: each.words for each in removed.files}
    assert said == {**dict.fromkeys(his, words), mias: ""}
    why = "it was killed, or came to no end in time"
    assert left.unread_homes == (UnreadHome("baleen", HOMES["baleen"], why),)
    assert [each.path for each in left.credentials if each.path in his] == []


def looked_at_while_stopped(machine: lab.Machine, way: Way) -> Observed:
    """A look; what it asks in somebody's name may be over before anything stops it."""
    script = shortened("baleen", "".join(probe_script({}, SEARCH_PATHS)))
    for _ in range(30):
        began = time.monotonic()
        seen = observed(machine, way, script)
        assert time.monotonic() - began < 90
        if seen.unread_homes:
            break
    return seen


def test_what_cp_keeps_without_gnu_is_what_a_removal_keeps(machine: lab.Machine) -> None:
    """Neither access control lists nor attributes, of which those tools do not know."""
    path = f"{HOMES['mia']}/.kshrc"
    write(machine, path, b"export CACHIX_AUTH_TOKEN=madeupmadeup\nset -o vi\n", "mia")
    os.setxattr(there(machine, path), "user.nixtrust-tests", b"kept")
    copied = f"/opt/{TOYBOX}/toybox cp -p {path} {path}.copy"
    machine.run(copied).check_returncode()
    assert os.listxattr(there(machine, f"{path}.copy")) == []
    there(machine, f"{path}.copy").unlink()
    way = Way("dash", TOYBOX)
    seen = [each for each in look(machine, way).credentials if each.path == path]
    assert not read_removed(way.run(machine, remove_script(cuts(seen)))).troubles
    assert there(machine, path).read_bytes() == b"set -o vi\n"
    assert os.listxattr(there(machine, path)) == []
