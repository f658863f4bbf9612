"""Where links lead that root comes to: it opens nothing whose name somebody else can change."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.shell.looking import functions

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A folder of root's, beside one of somebody else's; in each a file `f`, in root's `g` too."""
    for name in ("ours", "ours/deep", "theirs"):
        (tmp_path / name).mkdir()
    for name in ("ours/f", "ours/g", "theirs/f"):
        (tmp_path / name).touch()
    shutil.chown(tmp_path / "theirs", "nobody")
    return tmp_path / "ours"


def is_roots_to_open(path: Path) -> bool:
    """Whether root opens what is at this path; that it knows in any case."""
    # All above is root's, whatever the box has it in.
    steps = f'my_uid=0 roots=$newline/tmp$newline\nis_own "{path}" && echo yes || echo no'
    ran = subprocess.run(
        ["sh", "-s"],
        input=f"{functions({})}\n{steps}\n}}\nmain </dev/null\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert ran.stderr == ""
    return ran.stdout == "yes\n"


@pytest.mark.parametrize("target", ["f", "./f", "././f", "../ours/f", "./../ours/f"])
def test_root_opens_what_its_link_leads_to_in_its_own_folder(target: str, ours: Path) -> None:
    (ours / "link").symlink_to(target)
    assert is_roots_to_open(ours / "link")


@pytest.mark.parametrize(
    "target",
    [
        *("../theirs/f", "./../theirs/f", ".././theirs/f", "./.././theirs/f"),
        *("deep/../../theirs/f", "to-theirs/f", "to-theirs/../theirs/f", "../theirs/../ours/f"),
        *("../theirs/to-f", "./to-theirs/./to-f"),
    ],
)
def test_root_opens_nothing_that_a_link_leads_to_by_way_of_somebody_elses_folder(
    target: str, ours: Path
) -> None:
    (ours / "to-theirs").symlink_to("../theirs")
    (ours.parent / "theirs/to-f").symlink_to("../ours/f")
    (ours / "link").symlink_to(target)
    assert not is_roots_to_open(ours / "link")


@pytest.mark.parametrize(
    "links",
    [
        {"link": "link"},
        {"link": "a", "a": "./b", "b": "../ours/link"},
        {"link": "a/f", "a": "b", "b": "a"},
        {"link": "a/f", "a": "b/x", "b": "a/x"},
        {"link": "l1", **{f"l{n}": f"l{n + 1}" for n in range(1, 60)}, "l60": "../theirs/f"},
    ],
    ids=["itself", "by way of others", "a folder", "deeper and deeper", "sixty"],
)
def test_links_that_go_round_lead_root_to_nothing_and_to_an_end(
    links: dict[str, str], ours: Path
) -> None:
    for name, target in links.items():
        (ours / name).symlink_to(target)
    ended = is_roots_to_open(ours / "link")
    assert not ended or not (ours / "link").exists()


# What root hands over -----------------------------------------------------------------------------


def handed_over(path: Path) -> list[str]:
    """UID and PATH of what root has others look into, where something of its own leads there."""
    steps = f"""
my_uid=0 roots=$newline/tmp$newline place=environment-file file='{path}'
look_into() {{ echo "opened $file"; }}
unread_place() {{ echo "unread $1"; }}
candidate
follow_links
printf %s "$given" | cut -f 1,3
"""
    ran = subprocess.run(
        ["sh", "-s"],
        input=f"{functions({})}\n{steps}\n}}\nmain </dev/null\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert ran.stderr == ""
    return ran.stdout.splitlines()


@pytest.fixture
def closed(ours: Path) -> Path:
    """A folder of a third one's that nobody else can enter, to which a link in `theirs` leads."""
    folder = ours.parent / "closed"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/f").touch()
    for path in (folder, folder / "deep", folder / "deep/f"):
        shutil.chown(path, "daemon")
    folder.chmod(0o700)
    for name, target in (("app", folder / "deep"), ("f2", folder / "deep/f")):
        (ours.parent / "theirs" / name).symlink_to(target)
        subprocess.run(["chown", "-h", "nobody", ours.parent / "theirs" / name], check=True)
    return folder


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("name", ["app/f", "app/none", "app/../f", "f2", "none", "none/f", "f"])
def test_what_is_behind_a_persons_link_is_asked_of_that_person_as_it_is_named(
    name: str, ours: Path
) -> None:
    theirs = ours.parent / "theirs"
    (ours / "link").symlink_to(theirs / name)
    (ours / "to").symlink_to("../theirs")
    told = [f"65534\t{theirs}/{name}"]
    assert handed_over(theirs / name) == told
    assert handed_over(ours / "to" / name) == told
    assert handed_over(ours / "link") == told
    assert handed_over(ours / "deep/../../theirs" / name) == told


def test_of_a_sticky_folder_whoever_laid_what_is_on_the_way_is_asked(ours: Path) -> None:
    shared = ours.parent / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "link").symlink_to(ours.parent / "theirs")
    subprocess.run(["chown", "-h", "daemon", shared / "link"], check=True)
    assert handed_over(shared / "link/f") == [f"1\t{shared}/link/f"]
    assert handed_over(shared / "none/f") == []
    (shared / "f").touch()
    assert handed_over(shared / "f") == [f"unread {shared}/f"]
    # Whoever may write there can put what is another's elsewhere.
    shared.chmod(0o777)
    assert handed_over(shared / "link/f") == [f"unread {shared}/link/f"]
