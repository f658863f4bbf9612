"""The way back: undo.py gives back what was there before nixtrust, or takes out its block alone."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import pytest

import lab
from nixtrust.conf import BLOCK_BEGIN, BLOCK_END
from nixtrust.outcome import Result
from tests.lab import transactions
from tests.lab.transactions import (
    RESTART,
    conf,
    daemon,
    holds,
    leftovers,
    run_for,
    send,
    start_anew,
    undoing,
    values,
    writing,
)

pytestmark = pytest.mark.lab

LAB = "undo"
declaring = partial(transactions.declaring, of=LAB)

PARENT = b"build-users-group = nixbld\n!include nix.custom.conf\ntrusted-users = root mia\n# end"
# Each with what an edit may easily lose: a last line without an end, CRLF, an alias, no text.
LAYOUTS: Mapping[str, Mapping[str, bytes]] = {
    "one file": {"nix.conf": b"# \xe9\ntrusted-users = root mia\nextra-binary-caches = http://a"},
    "CRLF": {"nix.conf": b"# mine\r\ncores = 1\r\ntrusted-users = root mia\r\n"},
    "empty": {"nix.conf": b""},
    "no file": {},
    "two files": {"nix.conf": PARENT, "nix.custom.conf": b"cores = 1\nrequire-sigs = false"},
    "one of two files": {"nix.conf": PARENT},
}


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    return transactions.machines(*lab.SUITES, of=LAB)


@pytest.fixture(params=lab.SUITES)
def machine(request: pytest.FixtureRequest, machines: dict[str, lab.Machine]) -> lab.Machine:
    return start_anew(machines[request.param])


@pytest.fixture
def trixie(machines: dict[str, lab.Machine]) -> lab.Machine:
    return start_anew(machines["trixie"])


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file is, but for the time of its last change."""

    content: bytes
    mode: int
    owner: tuple[int, int]


def lay_out(machine: lab.Machine, files: Mapping[str, bytes]) -> None:
    """Just these files in /etc/nix, their mode and owner unlike a new file's."""
    for path in conf(machine, "").iterdir():
        path.unlink()
    for name, content in files.items():
        conf(machine, name).write_bytes(content)
        conf(machine, name).chmod(0o640)
        os.chown(conf(machine, name), 0, 1)
    machine.run(RESTART).check_returncode()


def everything(machine: lab.Machine) -> Mapping[str, Kept]:
    """All there is in /etc/nix, by name."""
    return {
        path.name: Kept(
            path.read_bytes(), path.stat().st_mode, (path.stat().st_uid, path.stat().st_gid)
        )
        for path in conf(machine, "").iterdir()
    }


def deploy(machine: lab.Machine, *trusted: str) -> None:
    assert send(machine, writing(machine, declaring(*trusted))).result is Result.DONE


def undo(machine: lab.Machine) -> str:
    """What a run of undo.py says."""
    answer = run_for(machine, "undo.py", "-y")
    assert answer.returncode == 0, answer.stdout
    return answer.stdout


def changed_nothing(said: str) -> bool:
    """Whether the run's table has its one operation under "No Change"."""
    return said.partition("Grand total")[2].split()[:4] == ["1", "-", "-", "1"]


# As it was --------------------------------------------------------------------------------------


def test_what_was_there_comes_back_and_real_nix_reads_it(machine: lab.Machine) -> None:
    lay_out(machine, LAYOUTS["two files"])
    before, read = everything(machine), values(machine)
    for trusted in ("baleen", "lead"):
        deploy(machine, trusted)
    assert values(machine) != read
    running = daemon(machine)
    assert not changed_nothing(undo(machine))
    assert everything(machine) == before
    assert values(machine) == read
    assert daemon(machine) != running
    running = daemon(machine)
    assert changed_nothing(undo(machine))
    assert daemon(machine) == running
    deploy(machine)
    assert holds(machine, declaring())
    assert leftovers(machine) == []


@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_byte_mode_and_owner_comes_back(
    files: Mapping[str, bytes], trixie: lab.Machine
) -> None:
    lay_out(trixie, files)
    before = everything(trixie)
    for trusted in ("baleen", "lead"):
        deploy(trixie, trusted)
    assert send(trixie, undoing(trixie, declaring())).result is Result.DONE
    assert everything(trixie) == before
    deploy(trixie)
    assert send(trixie, undoing(trixie, declaring("lead"))).result is Result.DONE
    assert everything(trixie) == before


def test_lines_of_the_settings_that_were_declared_are_no_hindrance(trixie: lab.Machine) -> None:
    lay_out(trixie, LAYOUTS["one file"])
    before = everything(trixie)
    deploy(trixie)
    with conf(trixie).open("ab") as file:
        file.write(b"trusted-users = root lead\n")
    undo(trixie)
    assert everything(trixie) == before


def test_a_dry_run_shows_what_would_come_back_and_changes_nothing(trixie: lab.Machine) -> None:
    lay_out(trixie, LAYOUTS["CRLF"])
    deploy(trixie)
    before = everything(trixie)
    answer = run_for(trixie, "undo.py", "--dry", "--diff")
    assert answer.returncode == 0, answer.stdout
    assert "  + trusted-users = root mia" in answer.stdout
    assert f"  - {BLOCK_BEGIN}" in answer.stdout
    assert everything(trixie) == before


def test_what_would_block_a_deploy_does_not_block_the_way_back(trixie: lab.Machine) -> None:
    lay_out(trixie, LAYOUTS["one file"])
    before = everything(trixie)
    deploy(trixie)
    xdg = trixie.root / "etc/xdg/nix/nix.conf"
    xdg.parent.mkdir(parents=True)
    xdg.write_text("extra-substituters = https://elsewhere.example\n")
    try:
        refused = run_for(trixie, "deploy.py", "-y")
        undo(trixie)
    finally:
        xdg.unlink()
    assert "nothing written: /etc/xdg/nix/nix.conf:1" in refused.stdout
    assert everything(trixie) == before


# Without a credential ---------------------------------------------------------------------------

TOKEN = "eyJhbGciOiJIUzI1NiJ9.bWFkZS11cA.bWFkZS11cA-for-this-test"
ORIGINAL = "/etc/nix/nix.conf.before-nixtrust"
COMMENT = f"# cachix authtoken {TOKEN}\r\n".encode()
WITHOUT = (
    b"# \xe9\nextra-substituters = https://x.cachix.org # \xff\ntrusted-users = root mia\n"
    b"# cachix.org\nstalled-download-timeout = 300 #\naccess-tokens = https://x.cachix.org/"
)
WITH = (
    WITHOUT.replace(b"//x", b"//:mU4k9xQ@x")
    .replace(b"\ntrusted", b"\n" + COMMENT + b"trusted")
    .replace(b"300 #", f"300 # cachix: {TOKEN}".encode())
)


@pytest.mark.parametrize("by_hand", [False, True], ids=["as it was", "deleted by hand"])
def test_a_credential_of_cachix_is_not_kept_and_all_else_comes_back(
    by_hand: bool, trixie: lab.Machine
) -> None:
    lay_out(trixie, {"nix.conf": WITH})
    first = everything(trixie)["nix.conf"]
    deploy(trixie)
    assert everything(trixie)["nix.conf.before-nixtrust"] == replace(first, content=WITHOUT)
    there = conf(trixie).read_bytes()
    assert COMMENT in there
    if by_hand:
        conf(trixie).write_bytes(there.replace(COMMENT, b""))
    assert "mU4k9xQ" not in (said := undo(trixie))
    assert TOKEN not in said
    assert everything(trixie) == {"nix.conf": replace(first, content=WITHOUT)}
    assert leftovers(trixie) == []


def test_where_credentials_are_to_be_reported_alone_they_are_kept(trixie: lab.Machine) -> None:
    lay_out(trixie, {"nix.conf": WITH})
    before = everything(trixie)
    policy = declaring().model_copy(update={"cachix_credentials": "report"})
    assert send(trixie, writing(trixie, policy)).result is Result.DONE
    assert everything(trixie)["nix.conf.before-nixtrust"] == before["nix.conf"]
    # The way back is the same, whatever is declared by then.
    undo(trixie)
    assert everything(trixie) == before


def test_an_original_of_an_earlier_run_loses_its_credentials_and_nothing_else(
    trixie: lab.Machine,
) -> None:
    lay_out(trixie, {"nix.conf": WITH})
    conf(trixie).chmod(0o644)
    policy = declaring().model_copy(update={"cachix_credentials": "report"})
    assert send(trixie, writing(trixie, policy)).result is Result.DONE
    there = conf(trixie).read_bytes()
    for secret in (COMMENT, b":mU4k9xQ@", f" cachix: {TOKEN}".encode()):
        there = there.replace(secret, b"")
    conf(trixie).write_bytes(there)
    trixie.run(RESTART).check_returncode()
    original = conf(trixie, "nix.conf.before-nixtrust")
    original.chmod(0o640)
    before, inode_before = everything(trixie), original.stat().st_ino
    assert before[original.name].content == WITH
    reported = run_for(trixie, "deploy.py", "-y", "--data", "cachix_credentials=report")
    assert reported.returncode == 1
    for line in (2, 3, 6, 7):
        assert f"still differs: {ORIGINAL}:{line}: a" in reported.stdout
    look = run_for(trixie, "deploy.py", "--dry", "--diff")
    assert look.returncode == 0, look.stdout
    for line in (2, 3, 6, 7):
        assert f"to be taken out: {ORIGINAL}:{line}: a" in look.stdout
    assert everything(trixie) == before
    assert original.stat().st_ino == inode_before
    running = daemon(trixie)
    done = run_for(trixie, "deploy.py", "-y")
    assert done.returncode == 0, done.stdout
    without = replace(before[original.name], content=WITHOUT)
    assert everything(trixie) == {**before, original.name: without}
    assert (inode := original.stat().st_ino) != inode_before
    again = run_for(trixie, "deploy.py", "-y")
    assert again.returncode == 0, again.stdout
    assert original.name not in again.stdout
    assert original.stat().st_ino == inode
    assert daemon(trixie) == running
    undo(trixie)
    assert everything(trixie) == {"nix.conf": without}
    for said in (reported, look, done, again):
        assert TOKEN not in said.stdout
        assert "mU4k9xQ" not in said.stdout


# Changed since ----------------------------------------------------------------------------------


def test_where_other_lines_have_changed_since_the_block_alone_goes(trixie: lab.Machine) -> None:
    lay_out(trixie, LAYOUTS["one file"])
    original = conf(trixie).read_bytes()
    deploy(trixie)
    block = conf(trixie).read_bytes().removeprefix(b"# \xe9\n")
    assert block.startswith(BLOCK_BEGIN.encode())
    assert block.endswith(f"{BLOCK_END}\n".encode())
    conf(trixie).write_bytes(b"# \xe8\r\n" + block + b"\tcores =  1 # and so on")
    said = undo(trixie)
    assert "/etc/nix/nix.conf.before-nixtrust.old" in said
    after = everything(trixie)
    assert {name: each.content for name, each in after.items()} == {
        "nix.conf": b"# \xe8\r\n\tcores =  1 # and so on",
        "nix.conf.before-nixtrust.old": original,
    }
    assert changed_nothing(undo(trixie))
    assert everything(trixie) == after
    # From now on, this is what was there before.
    deploy(trixie)
    undo(trixie)
    assert everything(trixie) == after


def test_no_original_that_was_set_aside_is_overwritten(trixie: lab.Machine) -> None:
    for text in ("cores = 1\n", "cores = 2\n"):
        lay_out(trixie, {**_set_aside(trixie), "nix.conf": text.encode()})
        deploy(trixie)
        with conf(trixie).open("a") as file:
            file.write("max-jobs = 1\n")
        said = undo(trixie)
    assert "/etc/nix/nix.conf.before-nixtrust.old.2" in said
    assert _set_aside(trixie) == {
        "nix.conf.before-nixtrust.old": b"cores = 1\n",
        "nix.conf.before-nixtrust.old.2": b"cores = 2\n",
    }


def _set_aside(machine: lab.Machine) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in conf(machine, "").glob("*.old*")}


def test_a_file_that_is_gone_since_stays_so(trixie: lab.Machine) -> None:
    lay_out(trixie, LAYOUTS["one file"])
    deploy(trixie)
    conf(trixie).unlink()
    undo(trixie)
    assert list(everything(trixie)) == ["nix.conf.before-nixtrust.old"]


# Killed -----------------------------------------------------------------------------------------

DEATHS = {
    "before anything is back": "\nput_in_place\n",
    "between the two files": "\n  kept=$kept$1$tab$old$tab$mode$newline\n",
    "before the restart": "\nrestart_daemon nixbld\n",
    "after the restart": "\nfinish\n",
}


@pytest.mark.parametrize("before", DEATHS.values(), ids=DEATHS.keys())
def test_a_killed_undo_is_finished_by_the_next(before: str, trixie: lab.Machine) -> None:
    lay_out(trixie, LAYOUTS["two files"])
    as_it_was = everything(trixie)
    deploy(trixie)
    running = daemon(trixie)
    script = undoing(trixie, declaring())
    assert script.count(before) == 1
    answer = trixie.run("exec sh -s", input=script.replace(before, f"\nkill -9 $${before}"))
    assert answer.returncode == -signal.SIGKILL
    undo(trixie)
    assert everything(trixie) == as_it_was
    assert daemon(trixie) != running
    assert changed_nothing(undo(trixie))


def test_an_undo_after_which_the_daemon_does_not_start_is_taken_back(trixie: lab.Machine) -> None:
    lay_out(trixie, LAYOUTS["two files"])
    deploy(trixie)
    before = everything(trixie)
    # As if the original were to blame.
    blames = "\ncomes_up() {\n  grep -q nixtrust $dir/nix.custom.conf || return 1\n"
    script = undoing(trixie, declaring()).replace("\ncomes_up() {\n", blames)
    assert send(trixie, script).result is Result.ROLLED_BACK
    assert everything(trixie) == before
    assert holds(trixie, declaring())
