"""Whose homes are looked at, and for how long each."""

import subprocess
from pathlib import Path

import pytest

from tests.shell.looking import functions
from tests.shell.write_steps import SHELLS


def said(steps: str, shell: str = "sh") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*shell.split(), "-s"],
        input=f"{functions({})}\n{steps}\n}}\nmain </dev/null\n",
        capture_output=True,
        text=True,
        check=False,
    )


def test_many_who_come_to_no_end_leave_time_for_those_behind_them() -> None:
    names = [*(f"idle{number}" for number in range(12)), "mia"]
    people = "".join(f"{name}\t{2000 + at}\t\n" for at, name in enumerate(names))
    steps = f"""
my_uid=0 given='' leading='' orphans='' system_startups='' people_with_homes='{people}'
look_began=$(date +%s)
home_seconds=8 homes_seconds=8 least_seconds=1
begin_apart() {{ cat >/dev/null; if [ "$2" = mia ]; then echo end; else limit "$1" sleep 177; fi; }}
id() {{ :; }}
look_at_homes
"""
    ends = [line for line in said(steps).stdout.splitlines() if line.startswith("part-end")]
    assert ends == [*(f"part-end\t{number}\t137" for number in range(1, 13)), "part-end\t13\t0"]


ONE = """
my_uid=0 given='' leading='' orphans='' system_startups='' look_began=$(date +%s)
people_with_homes="mia${{tab}}2000${{tab}}$newline"
id() {{ :; }}
begin_apart() {{ cat >/dev/null; {does}; }}
look_at_homes
"""


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("does", "answer"),
    [
        (
            "printf 'Killed\\npart-end\\t1\\t0\\nend\\t9\\n' >&2; echo end",
            ["|end", "part-end\t1\t0"],
        ),
        ("echo begun; sh -c 'kill -KILL $$'", ["|begun", "part-end\t1\t137"]),
        ("echo begun; sh -c 'kill -SEGV $$'", ["|begun", "part-end\t1\t139"]),
        ("no-such-program", ["part-end\t1\t127"]),
    ],
    ids=["says things", "is killed", "crashes", "cannot be begun"],
)
def test_what_a_persons_process_or_its_shell_says_of_faults_is_no_part_of_any_answer(
    does: str, answer: list[str], shell: str
) -> None:
    ended = said(ONE.format(does=does), shell)
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == ["person\t1\tmia\t", "part\t1", *answer]


def test_a_line_that_no_record_has_is_no_part_of_an_answer() -> None:
    long = 'awk \'BEGIN { for (i = 0; i < 20000; i++) printf "eyJa=="; print "" }\''
    lines = said(ONE.format(does=f"{long}; echo end")).stdout.splitlines()
    assert lines[-3:] == ["|too-long", "|end", "part-end\t1\t0"]


def test_who_has_no_home_is_asked_all_the_same_for_what_roots_files_lead_to() -> None:
    home = "/nonexistent/home"
    steps = f"""
my_uid=0 given="1500${{tab}}environment-file${{tab}}/srv/app/agent.env"
people_with_homes="app${{tab}}1500${{tab}}{home}${{newline}}mia${{tab}}1501${{tab}}{home}${{newline}}"
leading='' orphans='' system_startups='' look_began=$(date +%s)
begin_apart() {{ cat >/dev/null; shift; echo "$@"; echo end; }}
id() {{ :; }}
look_at_homes
"""
    assert said(steps).stdout.splitlines() == [
        f"person\t1\tapp\t{home}",
        "given\t1\tenvironment-file\t/srv/app/agent.env",
        f"person\t2\tmia\t{home}",
        "part\t1",
        "|app 1500 - environment-file /srv/app/agent.env",
        "|end",
        "part-end\t1\t0",
        "part-end\t2\tabsent",
    ]


PASSWD = """\
root:x:0:0:root:/root:/bin/bash
toor:x:0:0::{homes}/toor:/bin/sh
daemon:x:1:1::/usr/sbin:/usr/sbin/nologin
mia:x:1002:1002::{homes}/mia:/bin/bash
directory:x:70001:70001::/srv/u/k:/bin/bash
container:x:584788:584788::/nonexistent:/usr/bin/false
nobody:x:65534:65534:nobody:/nonexistent:/bin/sh
+::::::
"""


def test_whoever_owns_a_home_is_known_however_deep_it_lies_and_whatever_the_number(
    tmp_path: Path,
) -> None:
    for name in ("toor", "mia", "CORP/jdoe", "CORP/mia2", "gone", "shared/stranger", "lost+found"):
        (tmp_path / name).mkdir(parents=True)
    text = functions({})
    found, owners = "homes=/home ", "gone=1777 jdoe=CORP+jdoe mia2=mia stranger=stranger"
    assert text.count(found) == 1
    steps = f"""
my_uid=0 kernel=Linux
accounts() {{ cat <<'E'
{PASSWD.format(homes=tmp_path)}E
}}
ls() {{
  shift
  for its; do
    owner=root
    for each in {owners}; do [ "${{its##*/}}" != "${{each%=*}}" ] || owner=${{each#*=}}; done
    echo "drwx------ 2 $owner root 0 Jan 1 00:00 $its"
  done
}}
limit() {{ shift; "$@"; }}
is_roots() {{ [ "$1" != {tmp_path}/shared ]; }}
getent() {{ [ "$2" = CORP+jdoe ] && echo 'CORP+jdoe:x:70000:1::{tmp_path}/CORP/jdoe:/bin/sh'; }}
find_people
printf '%s' "$people$orphans$homes_of_root"
}}
main </dev/null
"""
    ran = subprocess.run(
        ["sh", "-s"],
        input=text.replace(found, f"homes={tmp_path} ") + steps,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    _, *lines = [line for line in ran.stdout.splitlines() if not line.startswith("\t")]
    assert lines == [
        f"mia:1002:{tmp_path}/mia:/bin/bash",
        "directory:70001:/srv/u/k:/bin/bash",
        f"CORP+jdoe:70000:{tmp_path}/CORP/jdoe:/bin/sh",
        f"1777\t1777\t{tmp_path}/gone",
        f"{tmp_path}/toor",
        f"{tmp_path}/CORP",
        f"{tmp_path}/lost+found",
    ]


def test_some_who_stop_what_asks_the_daemon_leave_time_for_those_behind_them() -> None:
    names = [f"evil{number}" for number in range(7)]
    steps = f"""
nix=/nix nix_state=present socket=present me=root my_uid=0 minor=26
look_began=$(date +%s) everybody=$(printf '%s\\n' root {" ".join(names)} mia)
date() {{ echo "$((look_began + passed))"; }}
passed=0
ask_daemon() {{
  case $1 in evil*) return 137 ;; esac
  echo '"trusted":0'
}}
record() {{
  case $3 in failed) passed=$((passed + nix_seconds)) ;; esac
  printf '%s %s %s\\n' "$2" "$3" "$nix_seconds"
}}
look_at_trusts
"""
    assert said(steps).stdout.splitlines() == [
        "root untrusted 20",
        "evil0 failed 10",
        *(f"{name} failed 5" for name in names[1:]),
        "mia untrusted 5",
    ]


DSCL = """
kernel=Darwin
dscl() {{
  case "$*" in
    *-list*) printf '_www 70\\nmia 501\\nben 502\\n' ;;
    *mia*) {mia} ;;
    *) printf 'NFSHomeDirectory:\\n /Users/ben b\\nUniqueID: 502\\nUserShell: /bin/zsh\\n' ;;
  esac
}}
accounts
"""


def test_the_accounts_of_a_mac_are_those_of_people() -> None:
    # Without a shell: what is not there is said on standard error, with a status of its own.
    mia = "printf 'UniqueID: 501\\nNFSHomeDirectory: /Users/mia\\n'; return 181"
    ended = said(DSCL.format(mia=mia))
    lines = ["mia:*:501:::/Users/mia:", "ben:*:502:::/Users/ben b:/bin/zsh"]
    assert (ended.returncode, ended.stdout.splitlines()) == (0, lines)


@pytest.mark.parametrize("mia", ["sh -c 'kill -9 $$'", "return 56"])
def test_where_an_account_of_a_mac_cannot_be_read_the_list_of_them_fails(mia: str) -> None:
    assert said(DSCL.format(mia=mia)).returncode != 0
