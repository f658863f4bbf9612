"""What keeps a credential where it is, as the probe tells it: a file that changes, a folder and its
owner, the shell that reads it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shell.looking import LINE, TOKEN, put, told
from tests.shell.recognised import cut, recognise
from tests.shell.test_search_script import hindrance

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")


# While it is looked at ----------------------------------------------------------------------------


def saved_meanwhile(file: Path, times: int) -> str:
    """Lines of shell by which a line comes before the others whenever a recogniser has read."""
    return f"""
awk() {{
  command awk "$@"
  case $* in
    *'-v bare='*)
      [ "$(grep -c first {file})" -ge {times} ] ||
        printf 'machine first.example.org password x\\n%s\\n' "$(cat {file})" >{file}
      ;;
  esac
}}"""


def test_the_bytes_are_those_of_the_file_that_the_stamp_is_of(tmp_path: Path) -> None:
    netrc = put(tmp_path / ".netrc", f"machine a.cachix.org password {TOKEN}\nmachine b login c\n")
    [record] = told(tmp_path, settings=saved_meanwhile(netrc, 1))
    start, end = int(record[6]), int(record[7])
    content = netrc.read_bytes()
    assert content[start:end] == f"machine a.cachix.org password {TOKEN}\n".encode()
    assert cut(content, recognise("netrc", content)) == content[:start] + content[end:]


def test_a_file_that_changes_all_the_time_is_not_clean(tmp_path: Path) -> None:
    netrc = put(tmp_path / ".netrc", f"machine a.cachix.org password {TOKEN}\n")
    [record] = told(tmp_path, settings=saved_meanwhile(netrc, 99))
    assert record == ["unread-place", "netrc", str(netrc), "it changed meanwhile"]


# In somebody's name -------------------------------------------------------------------------------


@pytest.fixture
def nobodys(tmp_path: Path) -> Path:
    """A home of somebody else's."""
    home = tmp_path / "home"
    home.mkdir()
    return home


def given(home: Path, name: str, text: str) -> None:
    for path in (put(home / name, text), home):
        shutil.chown(path, "nobody", "nogroup")


def fronted(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return f"PATH={folder}:$PATH patience=1\n"


@needs_root
def test_a_shell_that_comes_to_no_end_accepts_nothing(nobodys: Path, tmp_path: Path) -> None:
    given(nobodys, ".bashrc", f"{LINE}{'alias a=b' * 99999}\n")
    [record] = told(nobodys, settings=fronted(tmp_path, "bash", "sleep 177"))
    assert record[8] == "refused"


# The folder ---------------------------------------------------------------------------------------


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    subprocess.run(["chattr", "-R", "-i", "-a", tmp_path], check=True)


@pytest.mark.parametrize("flag", ["+i", "+a"])
@pytest.mark.parametrize("name", [".netrc", "."])
def test_what_is_locked_is_left(locked: Path, flag: str, name: str) -> None:
    put(locked / ".netrc", f"machine a.cachix.org password {TOKEN}\n")
    if subprocess.run(["chattr", flag, locked / name], capture_output=True).returncode:
        pytest.skip("this file system knows no such flags, or this user may not set them")
    assert hindrance(locked) == "locked"


@pytest.mark.parametrize(
    ("flags", "why"), [(0, ""), (0x8040, ""), (2, "locked"), (1 << 19, "locked")]
)
def test_what_macos_has_locked_is_left(tmp_path: Path, flags: int, why: str) -> None:
    put(tmp_path / ".netrc", f"machine a.cachix.org password {TOKEN}\n")
    stat = f'stat() {{ case $1$2 in -f%f) echo 0; echo {flags} ;; *) command stat "$@" ;; esac; }}'
    [record] = told(tmp_path, settings=f"kernel=Darwin\n{stat}")
    assert record[8] == why


@pytest.mark.parametrize(
    "control",
    [
        ".local/share/yadm/repo.git/HEAD",
        ".config/yadm/repo.git/HEAD",
        ".dotfiles/HEAD",
        ".dotfiles.git/HEAD",
        ".cfg/HEAD",
        ".cfg.git/HEAD",
    ],
)
def test_a_home_that_a_repository_beside_it_may_have_is_a_work_tree(
    control: str, tmp_path: Path
) -> None:
    put(tmp_path / ".config/nix/netrc", f"machine a.cachix.org password {TOKEN}\n")
    assert hindrance(tmp_path) == ""
    put(tmp_path / control, "ref: refs/heads/main\n")
    assert hindrance(tmp_path) == "work-tree"


def test_a_checkout_in_a_home_makes_no_work_tree_of_the_home(tmp_path: Path) -> None:
    put(tmp_path / ".netrc", f"machine a.cachix.org password {TOKEN}\n")
    put(tmp_path / ".dotfiles/.git/HEAD", "ref: refs/heads/main\n")
    assert hindrance(tmp_path) == ""


# What a removal has left that was killed ----------------------------------------------------------


@pytest.mark.parametrize("folder", [".", ".config/fish/conf.d", ".config/systemd/user/x.service.d"])
def test_what_a_killed_removal_has_left_is_found(folder: str, tmp_path: Path) -> None:
    left = Path(folder, ".nixtrust.new.qX3yZ1")
    put(tmp_path / left, f"# mine\n{LINE}")
    put(tmp_path / folder / ".nixtrust.new.other", "alias a=b\n")
    [record] = told(tmp_path)
    assert (record[1], record[3], record[5]) == ("leftover", str(tmp_path / left), "2")


def test_what_a_killed_removal_has_left_beside_a_file_that_nix_conf_names_is_found(
    tmp_path: Path,
) -> None:
    put(tmp_path / "own/.nixtrust.new.qX3yZ1", f"machine a.cachix.org password {TOKEN}\n")
    conf = put(tmp_path / "nix.conf", f"netrc-file = {tmp_path}/own/netrc\n")
    (tmp_path / "home").mkdir()
    [record] = told(tmp_path / "home", settings=f"confs={conf}")
    assert record[1] == "leftover"
