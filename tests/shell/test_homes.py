"""Whose homes are looked at, and for how long each."""

import subprocess

import pytest

from tests.shell.looking import functions


def said(steps: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-s"],
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
