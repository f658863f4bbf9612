"""Which shell is asked whether it accepts a file: a person's own too, for root only root's."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.shell.removing import fronted

ROOT = Path(__file__).parents[2]
_, _, _behind = (ROOT / "nixtrust/shell/common.sh").read_text().partition("\naccepted='")
ACCEPTED, _, _ = _behind.partition("'\n")

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be root")

# A shell that no machine has: it accepts what has no `wrong` in it, and shows that it was asked.
OWN = 'touch "${0%/*}/asked"; ! grep -q wrong'


def objects(tmp_path: Path, shell: Path, text: str, uid: int) -> bool:
    """Whether somebody's login shell, and no other, objects to a file."""
    front = tmp_path / "front"
    shutil.rmtree(front, ignore_errors=True)
    ask = fronted(
        front,
        id=f"case $1 in -u) echo {uid} ;; *) echo somebody ;; esac",
        getent=f"echo somebody:x:{uid}:100:A B:/home/somebody:{shell}",
    )
    ended = subprocess.run(
        ["sh", "-c", f'{ask}; exec sh -c "$1" sh "$PATH" ownsh', "sh", ACCEPTED],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("", "")
    return ended.returncode != 0


@pytest.fixture
def ownsh(tmp_path: Path) -> Path:
    """Where it lies, and nobody would look."""
    fronted(tmp_path / "own", ownsh=OWN)
    return tmp_path / "own/ownsh"


@pytest.mark.parametrize("text", ["right", "wrong"])
def test_a_persons_login_shell_is_asked(tmp_path: Path, ownsh: Path, text: str) -> None:
    assert objects(tmp_path, ownsh, text, 1000) is (text == "wrong")


def test_a_login_shell_of_another_kind_is_not(tmp_path: Path, ownsh: Path) -> None:
    assert not objects(tmp_path, ownsh.rename(ownsh.with_name("dash")), "wrong", 1000)


@needs_root
@pytest.mark.parametrize("text", ["right", "wrong"])
def test_root_asks_a_shell_of_roots(tmp_path: Path, ownsh: Path, text: str) -> None:
    assert objects(tmp_path, ownsh, text, 0) is (text == "wrong")


@needs_root
@pytest.mark.parametrize("what", ["ownsh", "."])
@pytest.mark.parametrize("mode", [None, 0o775, 0o757])
def test_root_asks_none_that_somebody_else_can_change(
    tmp_path: Path, ownsh: Path, what: str, mode: int | None
) -> None:
    if mode is None:
        shutil.chown(ownsh.parent / what, "nobody")
    else:
        (ownsh.parent / what).chmod(mode)
    assert not objects(tmp_path, ownsh, "wrong", 0)
    assert not (ownsh.parent / "asked").exists()


@needs_root
def test_root_asks_what_a_link_leads_to_and_not_the_link(tmp_path: Path, ownsh: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (link := tmp_path / "theirs/ownsh").symlink_to(ownsh)
    shutil.chown(link.parent, "nobody")
    assert objects(tmp_path, link, "wrong", 0)
    assert (ownsh.parent / "asked").exists()
