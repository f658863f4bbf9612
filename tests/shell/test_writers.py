"""Who can change what the daemon depends on, on a Mac: ls, dscl and sudo are stand-ins."""

import subprocess
from pathlib import Path

from tests.shell.looking import functions

SHELL = Path(__file__).parents[2] / "nixtrust/shell"
WRITERS = "".join((SHELL / name).read_text() for name in ("groups.sh", "writers.sh"))
# What ls -lden says on one with Homebrew: its bin is its owner's and the administrators'.
MAC = """\
drwxr-xr-x  22 0    0    704 Nov  1 10:00 /
lrwxr-xr-x@  1 0    0     11 Nov  1 10:00 /etc -> private/etc
drwxr-xr-x@ 10 0    0    320 Nov  1 10:00 /nix
drwxrwxr-t@ 99 0    350 3168 Nov  1 10:00 /nix/store
drwxr-xr-x   6 0    0    192 Nov  1 10:00 /private
drwxr-xr-x  80 0    0   2560 Nov  1 10:00 /private/etc
drwxr-xr-x+  6 0    0    192 Nov  1 10:00 /private/etc/nix
 0: group:everyone deny delete
-rw-r--r--   1 0    0    400 Nov  1 10:00 /private/etc/nix/nix.conf
drwxr-xr-x  65 0    0   2080 Nov  1 10:00 /Library
drwxr-xr-x  30 0    20   960 Nov  1 10:00 /Library/Application Support
drwxrwxr-x  30 501  80   960 Nov  1 10:00 /usr/local/bin
"""
DSCL = """
dscl() {
  case "$*" in
    *'-search /Groups PrimaryGroupID 80')
      printf '%s\\t\\tPrimaryGroupID = (\\n    80\\n)\\n' admin wheels ;;
    *'-read /Groups/admin GroupMembership') echo 'GroupMembership: root' ;;
    *'-read /Groups/wheels GroupMembership') echo 'GroupMembership: baleen' ;;
    *'-read /Groups/admin PrimaryGroupID') echo 'PrimaryGroupID: 80' ;;
    *'-list /Users PrimaryGroupID') printf 'baleen  20\\nmia  20\\nroot  0\\n' ;;
    *) return 56 ;;
  esac
}
id() { case $1 in -un) echo baleen ;; *) echo 20 ;; esac }
sudo() { [ "$4" != baleen ] || printf 'Matching:\\n    (ALL) ALL\\n'; }
limit() { shift; "$@"; }
"""


def told(listed: str, lacking: str = "", others_build: str = "") -> list[list[str]]:
    paths = [
        line[line.index(" /") + 1 :].partition(" -> ")[0]
        for line in listed.splitlines()
        if line[0] != " "
    ]
    steps = f"""
{DSCL}
kernel=Darwin physical=/private/etc/nix conf_dir=/etc/nix writers=''
ways='{"".join(f"{path}{chr(9)}/etc/nix/nix.conf{chr(10)}" for path in paths)}'
names='{"".join(f"{path}{chr(10)}" for path in paths)}'
lacking='{chr(10)}{lacking}{chr(10)}'
cd() {{ :; }}
pwd() {{ echo /private/etc/nix; }}
everybody=baleen trusted_users=root builders_group=nixbld builders_gid=350
others_build='{others_build}'
ls() {{
  case $1 in
    *e*) printf %s '{listed}' ;;
    *) printf %s '{listed}' | sed '/^ /d' ;;
  esac
}}
changeable=$(changeable)
each_line tell_writer "$changeable"
each_line tell_power "$(printf %s "$writers" | sort -u)"
}}
main </dev/null
"""
    script = f"{functions({})}{WRITERS}{steps}"
    ran = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    return [line.split("\t") for line in ran.stdout.splitlines()]


def test_of_a_mac_with_homebrew_only_its_owner_and_the_administrators_are_told() -> None:
    assert told(MAC) == [
        ["writer", "/usr/local/bin", "/etc/nix/nix.conf", "owner", "baleen", "", "drwxrwxr-x"],
        [
            "writer",
            "/usr/local/bin",
            "/etc/nix/nix.conf",
            "group",
            "admin",
            "baleen,root",
            "drwxrwxr-x",
        ],
        ["sudoer", "baleen"],
    ]


def test_whom_a_macs_access_control_list_lets_write_is_told() -> None:
    entries = (
        " 1: user:mia inherited allow list,add_file,search\n"
        " 2: group:admin allow delete_child\n"
        " 3: user:ann allow list,search,readattr\n"
        " 4: user:eve deny write\n"
    )
    listed = MAC.replace("-rw-r--r--   1", f"{entries}-rw-------   1").replace(
        "drwxrwxr-x  30 501", "drwxr-xr-x  30 0"
    )
    assert told(listed) == [
        ["writer", "/etc/nix", "/etc/nix/nix.conf", "user", "mia", "", "drwxr-xr-x+"],
        ["writer", "/etc/nix", "/etc/nix/nix.conf", "group", "admin", "baleen,root", "drwxr-xr-x+"],
        ["closed", "/etc/nix/nix.conf", "-rw-------"],
        ["sudoer", "baleen"],
    ]


def test_where_a_name_is_not_there_a_sticky_folder_lets_others_make_it() -> None:
    sticky = "drwxrwxrwt   9 0    0    288 Nov  1 10:00 /private/tmp\n"
    assert told(sticky) == []
    assert told(sticky, lacking="/private/tmp")[-1][1:4] == [
        "/private/tmp",
        "/etc/nix/nix.conf",
        "everybody",
    ]


def test_builds_make_what_is_in_a_macs_store_and_nobody_else() -> None:
    assert told(MAC, lacking="/nix/store") == told(MAC)
    assert told(MAC, lacking="/nix/store", others_build="mia")[0] == [
        "writer",
        "/nix/store",
        "/etc/nix/nix.conf",
        "group",
        "nixbld",
        "mia",
        "drwxrwxr-t@",
    ]


# dscl(1) on a Mac, of an older installer: names without the sign of what is hidden.
BUILDERS = """
kernel=Darwin builders_group=nixbld
accounts='nixbld1:*:30001:::/var/empty:/sbin/nologin
nixbld2:*:30002:::/home/nixbld2:/usr/bin/false
baleen:*:501:::/Users/baleen:/bin/zsh'
dscl() {
  case "$*" in
    *GroupMembership) echo 'GroupMembership: nixbld1 _nixbld9 baleen' ;;
    *-list*) printf 'nixbld2  350\nmia  20\n' ;;
    *PrimaryGroupID) echo 'PrimaryGroupID: 350' ;;
  esac
}
ls() {
  echo 'drwxr-xr-x 2 0 0 64 Nov 1 10:00 /var/empty'
  echo 'drwxr-xr-x 2 30002 0 64 Nov 1 10:00 /home/nixbld2'
}
limit() { shift; "$@"; }
find_builders
printf '%s;' $builders - $others_build - $builders_gid
}
main </dev/null
"""


def test_as_whom_nix_builds_nobody_can_log_in_or_has_a_home() -> None:
    script = f"{functions({})}{WRITERS}{BUILDERS}"
    ran = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    assert ran.stdout == "_nixbld9;nixbld1;-;baleen;nixbld2;-;350;"
