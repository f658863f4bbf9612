"""Which nix the scripts run: root's is one that root alone can change, on the whole way to it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.shell.looking import functions

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root must not run it")


def found(bin_: Path, settings: str = "") -> list[str]:
    """Which nix is found if the daemon lies in this folder, what is told of it, and who runs it."""
    # Whatever the box has besides.
    text, number = re.subn(
        r'for bin in "\$\{daemon%/\*\}"[^;]*', 'for bin in "${daemon%/*}"', functions({})
    )
    assert number == 1
    steps = f"""{text}
manager=systemd daemon={bin_}/nix-daemon
{settings}
find_nix
printf '%s\\n' "$nix" "$nix_state" "$nix_user"
}}
main </dev/null
"""
    ran = subprocess.run(["sh", "-s"], input=steps, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    return ran.stdout.splitlines()


@pytest.fixture
def bin_(tmp_path: Path) -> Path:
    """A nix of root's, as an installer has it: behind a link of a profile's."""
    store = tmp_path / "store/nix/bin"
    store.mkdir(parents=True)
    (store / "nix").write_text("#!/bin/sh\n")
    (store / "nix").chmod(0o755)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/default").symlink_to("../store/nix")
    return tmp_path / "profiles/default/bin"


def test_root_runs_a_nix_that_root_alone_can_change(bin_: Path) -> None:
    assert found(bin_) == [f"{bin_}/nix", "present", "root"]


@pytest.mark.parametrize(
    "what", ["store/nix/bin", "store/nix/bin/nix", "store/nix", "store", "profiles"]
)
@pytest.mark.parametrize("how", ["owner", "group", "everybody"])
def test_root_does_not_run_a_nix_that_others_can_change(
    what: str, how: str, bin_: Path, tmp_path: Path
) -> None:
    match how:
        case "owner":
            shutil.chown(tmp_path / what, "nobody")
        case "group":
            shutil.chown(tmp_path / what, group="nogroup")
            (tmp_path / what).chmod(0o775)
        case "everybody":
            (tmp_path / what).chmod(0o757)
    assert found(bin_)[:2] == ["", "changeable"]


def test_root_does_not_run_what_a_link_of_roots_leads_to_in_a_home(
    bin_: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (bin_ / "nix").rename(tmp_path / "home/nix")
    (bin_ / "nix").symlink_to(tmp_path / "home/nix")
    shutil.chown(tmp_path / "home", "nobody")
    assert found(bin_)[:2] == ["", "changeable"]


def test_in_a_sticky_folder_a_link_of_somebody_elses_leads_root_to_no_nix(
    bin_: Path, tmp_path: Path
) -> None:
    (tmp_path / "profiles").chmod(0o1777)
    assert found(bin_)[:2] == [f"{bin_}/nix", "present"]
    os.lchown(tmp_path / "profiles/default", 65534, 65534)
    assert found(bin_)[:2] == ["", "changeable"]


def test_what_is_in_a_persons_own_store_runs_as_that_person(bin_: Path) -> None:
    shutil.chown(bin_, "nobody")
    own = "manager=none\nfind_store_owner() { store_owner=nobody; }"
    assert found(bin_, own) == [f"{bin_}/nix", "present", "nobody"]
