"""The restart and the way back, in a folder of their own; the daemon is a stand-in that dies."""

import os
import shlex
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("open_to", [0o640, 0o644, 0o600])
def test_what_is_kept_until_the_restart_is_closed_and_comes_back_as_open_as_it_was(
    open_to: int, folder: Folder
) -> None:
    folder.conf.chmod(open_to)
    folder.run(folder.putting("new"), PUT_OFF)
    assert mode(folder.path / OLD) == mode(folder.path / MARKER) == 0o600
    folder.run(folder.putting("bad"), PUT_OFF)
    assert mode(folder.path / GOOD) == mode(folder.path / OLD) == 0o600
    assert mode(folder.conf) == 0o644
    assert folder.run(RESTART).result is Result.ROLLED_BACK
    assert folder.all() == {"nix.conf": "old"}
    assert mode(folder.conf) == open_to


def test_what_a_failure_takes_back_is_as_open_as_it_was(folder: Folder) -> None:
    folder.conf.chmod(0o640)
    assert folder.run(folder.putting("new"), "conclude failed x").result is Result.FAILED
    assert folder.all() == {"nix.conf": "old"}
    assert mode(folder.conf) == 0o640


def test_what_an_earlier_version_kept_comes_back_as_it_is(folder: Folder) -> None:
    folder.conf.chmod(0o640)
    folder.run(folder.putting("bad"), PUT_OFF)
    marker, kept = folder.path / MARKER, folder.path / OLD
    lines = marker.read_text().splitlines(keepends=True)
    marker.write_text("".join(line for line in lines if line.startswith(("made\t", "put\t"))))
    kept.chmod(0o640)
    assert folder.run(RESTART).result is Result.ROLLED_BACK
    assert mode(folder.conf) == 0o640


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


# What is not a run's own word --------------------------------------------------------------------

NOT_OWN = {
    "others can write": "chmod 666 $dir/MARKER",
    "a group can write": "chmod 660 $dir/MARKER",
    "a link": "mv $dir/MARKER $dir/x; ln -s x $dir/MARKER",
    "a second name": "mv $dir/MARKER $dir/x; ln $dir/x $dir/MARKER",
    "a folder": "rm $dir/MARKER; mkdir $dir/MARKER",
    **({"somebody else's": "chown nobody $dir/MARKER"} if os.getuid() == 0 else {}),
}


@pytest.mark.parametrize("laying", NOT_OWN.values(), ids=NOT_OWN)
def test_a_word_of_a_restart_that_somebody_else_may_have_written_is_not_taken_for_ours(
    laying: str, folder: Folder
) -> None:
    original = folder.path / "nix.conf.before-nixtrust"
    original.write_text("mine")
    (folder.path / GOOD).write_text("evil")
    (folder.path / MARKER).write_text(f"made\t{original}\nput\t{folder.conf}\t1\n")
    laid = laying.replace("MARKER", MARKER).replace("$dir", str(folder.path))
    subprocess.run(["sh", "-c", laid], check=True)
    (folder.read / "nix.conf").write_text("bad")
    folder.conf.write_text("bad too")
    assert folder.run(RESTART).result is Result.DEAD
    assert folder.conf.read_text() == "bad too"
    assert original.read_text() == "mine"


def test_a_link_in_the_place_of_that_word_is_not_written_through(folder: Folder) -> None:
    (folder.path / MARKER).symlink_to(folder.path.parent / "elsewhere")
    assert folder.run(folder.putting("new"), PUT_OFF).result is Result.PENDING
    assert not (folder.path.parent / "elsewhere").exists()
    assert not (folder.path / MARKER).is_symlink()


def test_of_what_that_word_names_only_an_original_in_the_folder_goes(folder: Folder) -> None:
    folder.run(folder.putting("bad"), PUT_OFF)
    others = [
        folder.path.parent / "x.before-nixtrust",
        folder.path / "registry.json",
        folder.path / "sub/x.before-nixtrust",
    ]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    with (folder.path / MARKER).open("a") as word:
        word.write("".join(f"made\t{path}\n" for path in others))
        word.write(f"made\t{folder.path}/../x.before-nixtrust\nmade\tsub/x.before-nixtrust\n")
    assert folder.run(RESTART).result is Result.ROLLED_BACK
    assert not (folder.path / "nix.conf.before-nixtrust").exists()
    assert {path.read_text() for path in others} == {"mine"}


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


# Who is connected -------------------------------------------------------------------------------

# As the daemon has a process for each connection: one that has forked and not begun anything else.
FORKS = "( while :; do read -r _ <>fifo; done ) & : >forked; wait"


@contextmanager
def process_pair(folder: Path, program: str, user: str, through: str) -> Iterator[None]:
    """While a process runs that is called nix-daemon, with one more below it.

    + program: the name of what runs, and what is called so leads there
    + through: the command that begins it, if any
    """
    bash = shutil.which("bash")
    assert bash is not None
    shutil.copy(bash, folder / program)
    if program != "nix-daemon":
        (folder / "nix-daemon").symlink_to(program)
    os.mkfifo(folder / "fifo")
    folder.chmod(0o777)
    (folder / "fifo").chmod(0o666)
    began = subprocess.Popen(
        [*through.split(), folder / "nix-daemon", "-c", FORKS],
        cwd=folder,
        user=user,
        process_group=0,
    )
    try:
        while not (folder / "forked").exists():
            time.sleep(0.01)
        yield
    finally:
        os.killpg(began.pid, signal.SIGKILL)
        began.wait()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize(
    ("program", "user", "through", "result"),
    [
        ("nix-daemon", "root", "", Result.PENDING),
        ("nix", "root", "", Result.PENDING),
        ("nix-daemon", "nobody", "", Result.DONE),
        # As one of setuid root that anybody has begun by way of a link.
        ("sudo", "root", "", Result.DONE),
        ("nix-daemon", "root", "unshare --pid --fork", Result.DONE),
    ],
    ids=["the daemon", "behind a link", "a member's", "of setuid root", "a container's"],
)
def test_a_restart_is_put_off_by_the_daemons_processes_and_not_by_what_a_member_calls_so(
    program: str, user: str, through: str, result: Result, folder: Folder, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    its = "manager=systemd kill_mode=control-group\nbuilds_run() { return 1; }"
    with process_pair(tmp_path / "own", program, user, through):
        outcome = folder.run(folder.putting("new"), its, "restart_daemon nixbld\nfinish")
    assert outcome.result is result
