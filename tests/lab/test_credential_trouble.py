"""Credentials on machines that have other troubles: what can be taken out is, all else is told."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import lab
from lab.cache import remove
from lab.host import exclusive
from nixtrust.stored import Hindrance
from tests.lab import planting
from tests.lab.planting import (
    ROOT,
    assert_removed,
    deploy,
    differing,
    lay,
    left,
    point,
    run,
    stopping,
    there,
    tree,
)
from tests.lab.plants import HOMES, made_up_token, plants
from tests.shell.removing import hurrying, shortened

pytestmark = pytest.mark.lab

LAB = "credentials"
OTHER = lab.MachineSpec(f"{LAB}-other", "trixie", "127.77.11.9", lab=LAB, people=tuple(HOMES))


@pytest.fixture(scope="module")
def _other() -> Iterator[lab.Machine]:
    with exclusive("machines with credentials"):
        try:
            lab.down([OTHER.name])
            [machine] = lab.up([OTHER])
            yield machine
        finally:
            lab.down([OTHER.name])
            remove(LAB)


@pytest.fixture
def other(_other: lab.Machine) -> lab.Machine:
    """A machine as it came, with nothing declared yet."""
    _other.reset()
    point(_other)
    return _other


def test_a_machine_on_which_nothing_else_can_be_written_loses_its_credentials(
    other: lab.Machine,
) -> None:
    planted = lay(other, plants())
    conf = there(other, "/etc/nix/nix.conf")
    conf.write_text(f"{conf.read_text()}access-tokens github.com=x\n")
    first = tree(other)
    [ended] = deploy([other], "-y")
    assert ended.status != 0
    assert "nothing written: /etc/nix/nix.conf" in ended.said
    assert ended.remaining == left(planted)
    assert_removed(planted, first, tree(other))


def test_a_machine_without_nix_loses_its_credentials(other: lab.Machine) -> None:
    planted = tuple(each for each in plants() if each.why is not Hindrance.STORE)
    planted = lay(other, planted)
    run(other, "systemctl stop nix-daemon.socket nix-daemon.service; rm -rf /usr/bin/nix* /nix")
    first = tree(other)
    [ended] = deploy([other], "-y")
    assert ended.status != 0
    assert "no Nix found" in ended.said
    assert ended.remaining == left(planted)
    assert_removed(planted, first, tree(other))


@pytest.fixture
def locking(other: lab.Machine, tmp_path: Path) -> lab.Machine:
    """The machine with the box's own lsattr, if its image has none."""
    if not there(other, "/usr/bin/lsattr").exists():
        script = there(other, "/usr/bin/lsattr")
        (own := there(other, "/opt/lsattr")).mkdir()
        listed = subprocess.check_output(["ldd", "/usr/bin/lsattr"], text=True)
        for library in re.findall(r"=> (/\S*lib(?:e2p|com_err)\S*)", listed):
            shutil.copy(library, own)
        shutil.copy("/usr/bin/lsattr", own)
        script.write_text('#!/bin/sh\nLD_LIBRARY_PATH=/opt/lsattr exec /opt/lsattr/lsattr "$@"\n')
        script.chmod(0o755)
    return other


@pytest.mark.parametrize("flag", ["i", "a"])
@pytest.mark.parametrize("lock", ["/home/mia/.netrc", "/home/mia"])
def test_what_is_locked_is_left_and_the_line_has_the_command(
    lock: str, flag: str, locking: lab.Machine
) -> None:
    text = f"machine mine.cachix.org password {made_up_token()}\n"
    planting.write(locking, "/home/mia/.netrc", text.encode(), "mia")
    subprocess.run(["chattr", f"+{flag}", there(locking, lock)], check=True)
    try:
        before = tree(locking)
        looked, ended = deploy([locking], "--dry")[0], deploy([locking], "-y")[0]
        kept = [path for path in differing(before, tree(locking)) if path.startswith("/home")]
    finally:
        subprocess.run(["chattr", f"-{flag}", there(locking, lock)], check=True)
    assert kept == []
    assert looked.found == ended.remaining == [("/home/mia/.netrc", 1)]
    [told] = looked.told
    shows = "`sudo -u mia lsattr -d /home/mia/.netrc /home/mia` shows it"
    assert f"{Hindrance.LOCKED.why}: {shows}" in told.text
    assert "to be taken out" not in looked.said


# Without lsattr nothing tells it beforehand.
def test_what_cannot_be_taken_out_is_told_with_the_command_to_do_it(other: lab.Machine) -> None:
    text = f"machine mine.cachix.org password {made_up_token()}\n"
    planting.write(other, "/home/mia/.netrc", text.encode(), "mia")
    run(other, "mount --bind ~mia/.netrc ~mia/.netrc")
    for _ in range(2):
        [ended] = deploy([other], "-y")
        assert ended.status != 0
        assert "/home/mia/.netrc: nothing removed: Device or resource busy" in ended.said
        assert ended.remaining == [("/home/mia/.netrc", 1)]
        [told] = [each for each in ended.told if each.still]
        assert "`sudo -u mia vim -n -i NONE -u NONE +1 /home/mia/.netrc`" in told.text
        assert run(other, "ls -A ~mia | grep nixtrust || true") == ""


# Another test's run may be at it.
BEING_COMPILED = shutil.ignore_patterns("*.pyc.*")


@pytest.fixture
def impatient(tmp_path: Path) -> Path:
    """This project, but that it waits for baleen three seconds."""
    for folder in ("nixtrust", "operations", "inventory", "group_data", "lab"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=BEING_COMPILED)
    for file in ("config.py", "deploy.py"):
        shutil.copy(ROOT / file, tmp_path)
    script = tmp_path / "nixtrust/shell/common.sh"
    script.write_text(hurrying("baleen", script.read_text()))
    probe = tmp_path / "nixtrust/shell/probe.sh"
    probe.write_text(shortened("baleen", probe.read_text()))
    return tmp_path


def test_who_stops_all_that_runs_in_his_name_hinders_no_other(
    other: lab.Machine, impatient: Path
) -> None:
    planted = lay(other, plants())
    with stopping(other, "baleen"):
        [ended] = deploy([other], "-y", project=impatient)
    assert ended.status != 0
    for each in planted:
        file = there(other, each.file)
        content = file.read_bytes() if file.exists() else None
        # What of his is over before he sees it is removed; all else is as it was.
        whole = (each.before, each.after) if each.owner == "baleen" else (each.after,)
        assert content in whole, each.path
    unread = (
        f"{HOMES['baleen']}: baleen was not looked at: it was killed, or came to no end in time"
    )
    words = "what was begun as baleen did not come to its end"
    assert unread in ended.said or words in ended.said
    assert "mia was not looked at" not in ended.said
    assert "trusted-users = root\n" in there(other, "/etc/nix/nix.conf").read_text()


def test_a_place_that_cannot_be_read_is_not_taken_for_a_clean_one(other: lab.Machine) -> None:
    for path in ("/root/.env.\x01", "/root/.env.large", "/root/.netrc"):
        planting.write(other, path, b"A=cachix\n")
    os.truncate(there(other, "/root/.env.large"), 64 * 1024 * 1024 + 1)
    # Nothing can be read at the beginning of a process's memory: EIO.
    run(other, "mount --bind /proc/1/mem /root/.netrc")
    [ended] = deploy([other], "-y")
    assert ended.status != 0
    unread = [(path, 0) for path in ("/root/.env.?", "/root/.env.large", "/root/.netrc")]
    assert ended.found == ended.remaining == unread
    assert all("cannot be looked into" in each.text for each in ended.told)


def test_a_history_is_found_where_a_start_up_file_elsewhere_says_it_is(other: lab.Machine) -> None:
    planting.write(other, "/root/.zshenv", b"export ZDOTDIR=~/.config/zsh\n")
    planting.write(other, "/root/.config/zsh/.zshrc", b"HISTFILE=$ZDOTDIR/past\n")
    text = f"cachix authtoken {made_up_token()}\n"
    planting.write(other, "/root/.config/zsh/past", text.encode())
    [ended] = deploy([other], "--dry")
    assert ended.found == [("/root/.config/zsh/past", 1)]
