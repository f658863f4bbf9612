"""The restart and the way back, in a folder of their own; the daemon is a stand-in that dies."""

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from nixtrust.outcome import Outcome, Result, read_outcome
from tests.shell.write_steps import changing, run

MARKER, OLD, GOOD = (
    ".nixtrust-restart-pending",
    ".nixtrust-old.nix.conf",
    ".nixtrust-good.nix.conf",
)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of configuration, and beside it what the daemon has read: it bears no `bad`."""

    path: Path
    read: Path

    @property
    def conf(self) -> Path:
        return self.path / "nix.conf"

    def all(self) -> Mapping[str, str]:
        return {
            each.name: each.read_text() if each.exists() else "a link to nothing"
            for each in self.path.iterdir()
        }

    def run(self, *steps: str) -> Outcome:
        answers = f"""
daemon_answers() {{ ! grep -q bad {self.read}/*; }}
ask_for_restart() {{ rm -f {self.read}/*; cp "$dir"/*.conf {self.read}; }}
sleep() {{ :; }}
"""
        return read_outcome(run(self.path, "\n".join(steps), answers).splitlines()[-3:])

    def putting(self, nix_conf: str | None = None, custom: str | None = None) -> str:
        """The steps that put files with these texts in place."""
        steps = []
        for name, text in (("nix.conf", nix_conf), ("nix.custom.conf", custom)):
            if text is not None:
                candidate = self.path / f".nixtrust-new.{name}"
                steps.append(f"printf %s {shlex.quote(text)} >{candidate}; chmod 644 {candidate}")
                steps.append(changing(self.path / name, candidate))
        return "\n".join([*steps, "announce_restart", "keep_originals", "put_in_place"])


PUT_OFF = "conclude pending 'builds are running'"
RESTART = "announce_restart\nrestart_daemon nixbld\nfinish"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """With a nix.conf that the daemon has read."""
    made = Folder(tmp_path / "nix", tmp_path / "read")
    made.path.mkdir()
    made.read.mkdir()
    made.conf.write_text("old")
    shutil.copy(made.conf, made.read)
    return made


def test_what_a_daemon_does_not_start_with_is_taken_back(folder: Folder) -> None:
    assert folder.run(folder.putting("bad"), RESTART).result is Result.ROLLED_BACK
    assert folder.all() == {"nix.conf": "old"}


def test_while_a_restart_is_put_off_the_file_before_is_kept(folder: Folder) -> None:
    assert folder.run(folder.putting("new"), PUT_OFF).result is Result.PENDING
    assert set(folder.all()) == {"nix.conf", "nix.conf.before-nixtrust", MARKER, OLD}
    assert folder.run(RESTART).result is Result.DONE
    assert folder.all() == {"nix.conf": "new", "nix.conf.before-nixtrust": "old"}


def test_a_put_off_restart_that_fails_takes_the_file_back(folder: Folder) -> None:
    folder.run(folder.putting("bad"), PUT_OFF)
    outcome = folder.run(RESTART)
    assert outcome.result is Result.ROLLED_BACK
    assert outcome.words.startswith("the daemon does not start with the new file, the old one is")
    assert folder.all() == {"nix.conf": "old"}


def test_so_does_one_after_which_the_machine_was_started_anew(folder: Folder) -> None:
    folder.run(folder.putting("bad"), PUT_OFF)
    shutil.copy(folder.conf, folder.read)
    assert folder.run(RESTART).result is Result.ROLLED_BACK
    assert folder.all() == {"nix.conf": "old"}


def test_a_file_that_was_not_there_goes_again(folder: Folder) -> None:
    folder.run(folder.putting(custom="bad"), PUT_OFF)
    assert folder.run(RESTART).result is Result.ROLLED_BACK
    assert folder.all() == {"nix.conf": "old"}


def test_after_several_put_off_restarts_it_is_the_file_that_the_daemon_had_read(
    folder: Folder,
) -> None:
    folder.run(folder.putting("new"), PUT_OFF)
    folder.run(folder.putting("newer", "new"), PUT_OFF)
    assert folder.run(folder.putting("bad"), RESTART).result is Result.ROLLED_BACK
    assert folder.all() == {"nix.conf": "old"}


def test_a_further_change_that_fails_takes_back_itself_alone(folder: Folder) -> None:
    folder.run(folder.putting("bad"), PUT_OFF)
    busy = 'mv() { case $2 in *new.nix.custom*) return 1 ;; *) command mv "$@" ;; esac; }'
    outcome = folder.run(busy, folder.putting("x", "newer"))
    assert outcome.result is Result.FAILED
    left = folder.all()
    assert left["nix.conf"] == "bad"
    assert left[GOOD] == left["nix.conf.before-nixtrust"] == "old"
    assert folder.run(RESTART).result is Result.ROLLED_BACK
    assert folder.all() == {"nix.conf": "old"}


def test_what_a_killed_run_kept_is_not_taken_for_good_once_the_daemon_has_answered(
    folder: Folder,
) -> None:
    (folder.path / OLD).write_text("older")
    (folder.path / GOOD).write_text("older")
    folder.conf.write_text("bad")
    assert folder.run(RESTART).result is Result.DEAD
    assert folder.conf.read_text() == "bad"


def test_a_daemon_that_was_dead_before_takes_nothing_back(folder: Folder) -> None:
    (folder.read / "nix.conf").write_text("bad")
    outcome = folder.run(folder.putting("bad too"), RESTART)
    assert outcome.result is Result.DEAD
    assert outcome.words.startswith("the daemon did not answer before, and does not now")
    assert folder.conf.read_text() == "bad too"


# Edited meanwhile -------------------------------------------------------------------------------

EDITS = {
    "in place": "printf mine >>$dir/nix.conf",
    "another file": "printf badmine >$dir/x; mv $dir/x $dir/nix.conf",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_during_the_restart_is_kept_aside_and_named(edit: str, folder: Folder) -> None:
    kept = f"{folder.conf}.edited"
    for name in (kept, f"{kept}.2"):
        outcome = folder.run(folder.putting("bad"), edit, RESTART)
        assert outcome.result is Result.ROLLED_BACK
        assert f"; what was edited meanwhile is kept as {name}; " in outcome.words
        assert folder.conf.read_text() == "old"
    assert folder.all() == {
        "nix.conf": "old",
        "nix.conf.edited": "badmine",
        "nix.conf.edited.2": "badmine",
    }


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_so_is_one_while_a_restart_is_put_off(edit: str, folder: Folder) -> None:
    folder.run(folder.putting("bad"), PUT_OFF)
    assert folder.run(edit, RESTART).result is Result.ROLLED_BACK
    assert folder.all() == {"nix.conf": "old", "nix.conf.edited": "badmine"}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_so_is_one_that_a_further_change_took_over(edit: str, folder: Folder) -> None:
    folder.run(folder.putting("new"), PUT_OFF)
    outcome = folder.run(edit, folder.putting("badmine, changed"), RESTART)
    assert outcome.result is Result.ROLLED_BACK
    assert folder.all() == {"nix.conf": "old", "nix.conf.edited": "badmine, changed"}


# Who builds -------------------------------------------------------------------------------------

BUILDING = {
    "nixbld's member": ("nixbld", "30001"),
    "another group's member": ("builders", "700"),
    "an account of no name": ("nixbld", "872415232"),
    "the last of those": ("", "880803839"),
}
IDLE = {
    "nobody": ("nixbld", "0"),
    "another group's member": ("nixbld", "700"),
    "a directory's account": ("nixbld", "880803840"),
}
PEOPLE = """
getent() {
  case $2 in
    nixbld) echo 'nixbld:x:30000:nixbld1,nixbld2' ;;
    builders) echo 'builders:x:70:one,two' ;;
    *) return 2 ;;
  esac
}
dscl() { return 56; }
id() {
  case "$*" in
    '-u nixbld1') echo 30001 ;;
    '-u one') echo 700 ;;
    -u*) return 1 ;;
    *) command id "$@" ;;
  esac
}
"""


@pytest.mark.parametrize(
    ("group", "uid", "builds"),
    [
        *(pytest.param(*each, True, id=name) for name, each in BUILDING.items()),
        *(pytest.param(*each, False, id=f"not {name}") for name, each in IDLE.items()),
    ],
)
def test_a_build_is_told_by_who_runs_it(group: str, uid: str, builds: bool, folder: Folder) -> None:
    processes = f"ps() {{ printf '    0\\n%5s\\n' {uid}; }}"
    decides = f"builds_run '{group}' && conclude pending builds"
    outcome = folder.run(PEOPLE, processes, decides, "finish")
    assert outcome.result is (Result.PENDING if builds else Result.DONE)
