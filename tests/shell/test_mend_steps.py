"""Single steps of what makes files root's alone, in a folder of their own."""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nixtrust.conf import BLOCK_BEGIN, BLOCK_END
from nixtrust.owners import owner_of
from nixtrust.scripts import mend_script
from tests.shell import write_steps
from tests.shell.write_steps import SHELLS
from tests.unit.observed import machine

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root makes files root's")

FUNCTIONS, _, _ = "".join(mend_script(machine(), owner_of(machine()), ())).partition(
    "\nbegin_mending /etc/nix\n"
)
MEMBER = 1000


def run(folder: Path, *steps: str, shell: str = "sh") -> str:
    """What comes of steps in a folder, whatever folders it is in."""
    started = f"lock='' new='' says=''; start; umask 077; dir={folder}"
    script = "\n".join([FUNCTIONS, started, *steps, "finish_mending", "}", "main </dev/null", ""])
    ended = subprocess.run(
        [*shell.split(), "-s"], input=script, capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    (outcome,) = [line for line in ended.stdout.splitlines() if line.startswith("outcome\t")]
    return outcome.removeprefix("outcome\t")


def his(path: Path, text: str, mode: int = 0o644) -> Path:
    path.write_text(text)
    os.chown(path, MEMBER, MEMBER)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("shell", SHELLS)
def test_an_original_that_others_could_change_is_kept_beside_and_is_none_any_more(
    shell: str, tmp_path: Path
) -> None:
    original = his(tmp_path / "nix.conf.before-nixtrust", "trusted-users = mia\n", 0o666)
    (tmp_path / "nix.conf.before-nixtrust.old").write_text("earlier\n")
    with original.open("a") as still_open:
        said = run(tmp_path, f"set_aside {original}", shell=shell)
        still_open.write("trusted-users = baleen\n")
    assert not original.exists()
    aside = tmp_path / "nix.conf.before-nixtrust.old.2"
    assert said.startswith("done\t")
    assert f"is kept as {aside}, and undo.py does not give it back" in said
    assert aside.read_text() == "trusted-users = mia\n"
    assert (aside.stat().st_uid, stat.S_IMODE(aside.stat().st_mode)) == (0, 0o644)
    assert (tmp_path / "nix.conf.before-nixtrust.old").read_text() == "earlier\n"


@pytest.mark.parametrize("text", ["cores = 1\n", "cores = 1", ""])
def test_of_what_others_could_change_no_original_will_be_made(text: str, tmp_path: Path) -> None:
    conf = his(tmp_path / "nix.conf", text)
    assert run(tmp_path, f"renew_without_original {conf}") == "done\t"
    ended = text if text.endswith("\n") or not text else f"{text}\n"
    assert conf.read_text() == f"{ended}{BLOCK_BEGIN}\n{BLOCK_END}\n"
    assert conf.stat().st_uid == 0
    # And once.
    was = conf.read_text()
    run(tmp_path, f"renew_without_original {conf}")
    assert conf.read_text() == was


def test_beside_an_original_nothing_is_said_in_the_file(tmp_path: Path) -> None:
    conf = his(tmp_path / "nix.conf", "cores = 1\n")
    (tmp_path / "nix.conf.before-nixtrust").write_text("cores = 2\n")
    run(tmp_path, f"renew_without_original {conf}")
    assert conf.read_text() == "cores = 1\n"


# Filled as long as it is there; the lock of a process that lives.
FILLING = """
mkdir -p .nixtrust-d/a/b; cd .nixtrust-d/a/b
echo ready
while mkdir -p x/y 2>/dev/null; : >x/y/z; do :; done 2>/dev/null
"""


@pytest.fixture
def in_his_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which a member has left what looks like nixtrust's, and is at work."""
    tmp_path.chmod(0o777)
    born = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
    left = f": >.nixtrust-x; ln -s 1:{born} .nixtrust-lock; ln -s . .nixtrust-good.nix.conf\n"
    member = subprocess.Popen(
        ["sh", "-c", left + FILLING], cwd=tmp_path, user=MEMBER, group=MEMBER, stdout=-1
    )
    try:
        assert member.stdout is not None
        member.stdout.readline()
        tmp_path.chmod(0o755)
        yield tmp_path
    finally:
        member.kill()
        member.wait()


def test_what_a_member_left_is_no_lock_of_a_mending_and_goes(in_his_folder: Path) -> None:
    said = run(in_his_folder, "lock_folder", "clear_folder")
    assert said == "done\t"
    assert list(in_his_folder.iterdir()) == []


def test_what_a_member_left_is_no_lock_of_a_transaction_and_goes(in_his_folder: Path) -> None:
    assert "outcome\tdone\t" in write_steps.run(in_his_folder, "finish")
    assert list(in_his_folder.iterdir()) == []


def test_whatever_looks_like_a_transactions_and_is_none_goes_with_the_next(tmp_path: Path) -> None:
    # As where a person has made all that a member left root's.
    (tmp_path / ".nixtrust-x").touch()
    (tmp_path / ".nixtrust-d/e").mkdir(parents=True)
    write_steps.run(tmp_path, "finish")
    assert list(tmp_path.iterdir()) == []


HOLDING = (
    "access-tokens = a=b",
    "extra-impure-env = PIN=hunter2",
    "netrc-file = /x",
    "secret-key-files =",
    "a-plugins-own = hunter2",
    "PIN hunter2",
    "\xa0 = hunter2",
)
SHOWN = "# mine\r\n\n include x.conf\r\ncores = 1 # two\n\textra-platforms = a b\nbinary-caches ="


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("line", ["", *HOLDING])
def test_a_file_is_not_opened_whose_settings_may_hold_a_secret(
    line: str, shell: str, tmp_path: Path
) -> None:
    conf = tmp_path / "nix.conf"
    conf.write_text(f"{SHOWN}\n{line}\n")
    conf.chmod(0o600)
    said = run(tmp_path, f"open_file {conf}", shell=shell)
    if line:
        assert said.startswith(f"failed\t{conf}:7 may hold a secret"), said
        assert "hunter2" not in said
    else:
        assert said == "done\t"
    assert stat.S_IMODE(conf.stat().st_mode) == (0o600 if line else 0o644)


# Each: what lies in a closed folder, its mode and group, and whether somebody could reach it there.
BESIDE = {
    "a file": ("file", 0o604, 0, True),
    "a file of root's": ("file", 0o640, 0, False),
    "a file of a group's": ("file", 0o640, MEMBER, True),
    "a file to write to": ("file", 0o602, 0, True),
    "a program that cannot be read": ("file", 0o711, 0, True),
    "a folder": ("folder", 0o755, 0, True),
    "a folder whose names are not told": ("folder", 0o701, 0, True),
    "a folder of a group's": ("folder", 0o710, MEMBER, True),
    "a sticky folder": ("folder", 0o1701, 0, True),
    "a closed folder": ("folder", 0o700, MEMBER, False),
}


@pytest.mark.parametrize("beside", BESIDE)
def test_a_folder_is_not_opened_in_which_others_could_reach_anything_else(
    beside: str, tmp_path: Path
) -> None:
    kind, mode, group, reached = BESIDE[beside]
    (tmp_path / "nix.conf").write_text("cores = 1\n")
    its = tmp_path / "priv"
    if kind == "folder":
        its.mkdir()
        (its / "key").write_text("hunter2\n")
    else:
        its.write_text("hunter2\n")
    os.chown(its, 0, group)
    its.chmod(mode)
    tmp_path.chmod(0o700)
    said = run(tmp_path, f"open_folder {tmp_path}/nix.conf")
    if reached:
        assert said == f"failed\tothers could reach {its} then: close it, and run again"
    else:
        assert said == "done\t"
    assert stat.S_IMODE(tmp_path.stat().st_mode) == (0o700 if reached else 0o755)
