"""A credential in what a nix.conf includes is found, each file once; others' are not opened."""

import os
from pathlib import Path

import pytest

from tests.shell.looking import TOKEN, put, told

CREDENTIAL = f"extra-substituters = https://:{TOKEN}@x.cachix.org\n"
TOO_MANY = "more are there than are looked into"


def records(root: Path, kind: str, before: str = "") -> list[list[str]]:
    """What is told of the nix.conf there and all that it includes, as root looks.

    + before: lines of shell before the look
    """
    (root / "home").mkdir(exist_ok=True)
    conf = root / "etc/nix/nix.conf"
    settings = f"{before}\nseen=$newline programs=''\nconf_files system {conf}"
    return [each for each in told(root / "home", (), settings, root) if each[0] == kind]


def found(root: Path, before: str = "") -> list[tuple[str, str, int]]:
    """Of each credential the place, the file below /etc/nix, and the line."""
    return [
        (each[1], os.path.relpath(each[3], root / "etc/nix"), int(each[5]))
        for each in records(root, "credential", before)
    ]


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("include ours.conf", "etc/nix/ours.conf"),
        ("!include ../ours/cachix.conf # ours", "etc/ours/cachix.conf"),
        ("\tinclude  {root}/srv/./nix//a.conf\r", "srv/nix/a.conf"),
        ("include between.conf", "etc/nix/below/a.conf"),
    ],
)
def test_what_is_included_is_looked_into(line: str, file: str, tmp_path: Path) -> None:
    put(tmp_path / "etc/nix/nix.conf", f"cores = 1\n{line.format(root=tmp_path)}\n")
    put(tmp_path / "etc/nix/between.conf", "!include below/a.conf\n")
    put(tmp_path / file, f"# x\n{CREDENTIAL}# cachix authtoken {TOKEN}\n")
    path = os.path.relpath(file, "etc/nix")
    assert found(tmp_path) == [("nix-conf", path, 2), ("nix-conf", path, 3)]


def test_what_is_included_twice_or_goes_round_is_one_finding(tmp_path: Path) -> None:
    nix = tmp_path / "etc/nix"
    put(nix / "nix.conf", f"{CREDENTIAL}include a.conf\n!include ./a.conf\ninclude b.conf\n")
    put(nix / "a.conf", f"{CREDENTIAL}include nix.conf\ninclude a.conf\n")
    put(nix / "b.conf", f"include {nix}/a.conf\ninclude ../nix/nix.conf\n")
    assert found(tmp_path) == [("nix-conf", "nix.conf", 1), ("nix-conf", "a.conf", 1)]


def test_a_file_by_several_names_is_one_finding(tmp_path: Path) -> None:
    nix = tmp_path / "etc/nix"
    put(
        nix / "nix.conf", f"{CREDENTIAL}include link.conf\ninclude a.conf\ninclude round/nix.conf\n"
    )
    put(nix / "a.conf", CREDENTIAL)
    (nix / "link.conf").symlink_to("a.conf")
    (nix / "round").symlink_to(".")
    assert found(tmp_path) == [("nix-conf", "nix.conf", 1), ("nix-conf", "a.conf", 1)]


def test_a_link_that_is_included_is_told_with_where_it_leads(tmp_path: Path) -> None:
    put(tmp_path / "etc/nix/nix.conf", "include link.conf\n")
    put(tmp_path / "srv/a.conf", CREDENTIAL)
    (tmp_path / "etc/nix/link.conf").symlink_to(tmp_path / "srv/a.conf")
    [told_of] = records(tmp_path, "credential")
    assert told_of[3] == str(tmp_path / "etc/nix/link.conf")
    assert told_of[8] == "link"
    assert told_of[13] == str(tmp_path / "srv/a.conf")


def test_what_is_not_there_or_clean_is_no_finding(tmp_path: Path) -> None:
    put(tmp_path / "etc/nix/nix.conf", "!include gone.conf\ninclude a.conf\n# include b.conf\n")
    put(tmp_path / "etc/nix/a.conf", "substituters = https://x.cachix.org\n")
    put(tmp_path / "etc/nix/b.conf", CREDENTIAL)
    assert found(tmp_path) == []


def test_what_others_can_change_is_not_opened(tmp_path: Path) -> None:
    put(tmp_path / "etc/nix/nix.conf", f"include {tmp_path}/theirs/a.conf\n")
    put(tmp_path / "theirs/a.conf", CREDENTIAL)
    assert found(tmp_path) != []
    rule = f"my_uid=0 is_roots() {{ case $1 in {tmp_path}/theirs*) return 1 ;; esac; }}"
    rule = rule.replace("my_uid=0 ", "my_uid=0\n")
    assert found(tmp_path, rule) == []
    [_, theirs] = records(tmp_path, "file", rule)
    assert theirs[2:5] == [
        f"{tmp_path}/theirs/a.conf",
        "unreadable",
        "others than root can change it, or a folder on the way",
    ]


def test_the_list_has_an_end_which_is_told(tmp_path: Path) -> None:
    nix = tmp_path / "etc/nix"
    put(nix / "nix.conf", "".join(f"include {n}.conf\n" for n in range(1000)))
    for number in range(1000):
        put(nix / f"{number}.conf", CREDENTIAL)
    assert 200 < len(found(tmp_path)) <= 300
    assert TOO_MANY in [each[3] for each in records(tmp_path, "unread-place")]
