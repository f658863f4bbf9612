"""A folder that others than its owner may write to: one rule, for the look and for the removal."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nixtrust.outcome import Result
from tests.shell.looking import functions
from tests.shell.removing import kept_as, one, removal, run, the_line

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")

PASSWD = "root:x:0:0::/:\nmia:x:1000:1000::/:\nbaleen:x:1001:1001::/:\njito:x:1002:1000::/:\n"
ALONE = PASSWD.replace("jito:x:1002:1000", "jito:x:1002:1002")
# Of a Mac, whose ls knows -e.
MACS = "0: group:everyone deny delete\n"

# As Samba's winbind calls people of a domain.
DOMAINS = ALONE.replace("mia:", r"TEAM\mia:")

CASES: dict[str, tuple[str, str, str, str, bool]] = {
    "its owner's alone": ("drwxr-xr-x", "", ALONE, "", False),
    "everybody's": ("drwxrwxrwx", "", ALONE, "mia:x:1000:", True),
    "sticky": ("drwxrwxrwt", "", ALONE, "mia:x:1000:", True),
    "one's own group": ("drwxrwxr-x", "", ALONE, "mia:x:1000:", False),
    "one's own group, and oneself in it": ("drwxrws--x", "", ALONE, "mia:x:1000:mia", False),
    "somebody is in the group": ("drwxrwxr-x", "", ALONE, "mia:x:1000:mia,baleen", True),
    "another is in the group": ("drwxrwxr-x", "", ALONE, "mia:x:1000:baleen", True),
    "it is another's first group": ("drwxrwxr-x", "", PASSWD, "mia:x:1000:", True),
    "a group of another name": ("drwxrwxr-x", "", ALONE, "staff:x:1000:", True),
    "another is in a group with its number": (
        "drwxrwxr-x",
        "",
        ALONE,
        "mia:x:1000:\nteam:x:1000:baleen",
        True,
    ),
    "a domain's": ("drwxrwxr-x", "", DOMAINS, r"TEAM\mia:x:1000:", False),
    "a group without a name": ("drwxrwxr-x", "", ALONE, "", True),
    "an owner without a name": ("drwxrwxr-x", "", "root:x:0:0::/:\n", "mia:x:1000:", True),
    "a list that gives nothing": ("drwxr-x---+", "", ALONE, "mia:x:1000:", False),
    "a list": ("drwxrwx---+", "", ALONE, "mia:x:1000:", True),
    "a context of SELinux": ("drwxrwx---.", "", ALONE, "mia:x:1000:", False),
    "a Mac's home": ("drwxr-x---+", MACS, "", "", False),
    "a Mac's list": ("drwxr-x---+", f"{MACS}1: user:jito allow list,add_file\n", "", "", True),
    "a Mac's list, by inheritance": (
        "drwx------@",
        "0: group:admin inherited allow delete_child\n",
        "",
        "",
        True,
    ),
    "a Mac's attributes": ("drwxr-xr-x@", "\tcom.apple.x\t 2\n", "", "", False),
    "a Mac's group": ("drwxrwxr-x", "", "", "", True),
    "no folder": ("", "", ALONE, "mia:x:1000:", True),
}


def test_a_folder_is_its_owners_if_nobody_else_can_write_to_it() -> None:
    words = [word for case in CASES.values() for word in case[:4]]
    steps = """
ls() {
  [ -n "$mode" ] || return
  case $1 in *e*) [ -n "$list" ] || return ;; esac
  echo "$mode 2 1000 1000 4096 Nov 29 00:00 /x"
  [ "$1" = -ldn ] || printf %s "$list"
}
getent() {
  case $1:${2-} in
    passwd:1000) printf %s "$passwd" | grep '^[^:]*:x:1000:' ;;
    passwd:) printf %s "$passwd" ;;
    group:1000) [ -n "$group" ] && printf '%s\n' "$group" | sed 1q ;;
    group:) printf 'root:x:0:\n%s\n' "$group" ;;
  esac
}
while [ "$#" -gt 0 ]; do
  mode=$1 list=$2 passwd=$3 group=$4
  shift 4
  if others_may_write /x; then echo yes; else echo no; fi
done
}
main "$@" </dev/null
"""
    for shell in (["sh"], ["bash", "--posix"]):
        ran = subprocess.run(
            [*shell, "-s", *words],
            input=functions({}) + steps,
            capture_output=True,
            text=True,
            check=True,
        )
        told = [word == "yes" for word in ran.stdout.split()]
        assert dict(zip(CASES, told, strict=True)) == {
            name: case[4] for name, case in CASES.items()
        }


@needs_root
@pytest.mark.parametrize(
    ("owner", "group", "mode", "result"),
    [
        ("games", "games", 0o775, Result.DONE),
        ("games", "nogroup", 0o775, Result.FAILED),
        ("games", "games", 0o1777, Result.FAILED),
        ("root", "games", 0o770, Result.FAILED),
        ("root", "root", 0o775, Result.DONE),
    ],
)
def test_a_removal_holds_a_folder_to_that_rule_when_it_writes(
    owner: str, group: str, mode: int, result: Result, rc: Path, lock: Path
) -> None:
    text = rc.read_text()
    for path in (rc, rc.parent):
        shutil.chown(path, owner, group)
    rc.parent.chmod(mode)
    end = one(run(lock, removal(rc, the_line(rc))))
    assert end.result is result
    if result is Result.FAILED:
        assert end.words == "others may write to its folder"
        kept_as(text, rc)
