"""However slow a machine is, it says how a transaction ended before the controller gives it up."""

import subprocess
from pathlib import Path

import pytest

from nixtrust.facts import WRITING
from nixtrust.outcome import Result, read_outcome
from tests.shell.write_steps import FUNCTIONS, changing

# Seconds for what has no limit because it asks nobody: files are copied and written to the disk.
FOR_ALL_ELSE = 45

# Whatever has a limit takes all of it, but for a question to the daemon, and fails from the moment
# when the new file is in place.
SLOW = """
clock={folder}/clock
echo 0 >"$clock"
pass() {{ echo "$(($(cat "$clock") + $1))" >"$clock"; }}
sleep() {{ pass "$1"; }}
date() {{ cat "$clock"; }}
as_user_for() {{
  case "$*" in
    *' store '*) pass {question} ;;
    *) pass "$1" ;;
  esac
  case "$*" in
    *' systemctl show '* | *' launchctl print '* | *' show-config' | *' config show') return 0 ;;
    *) [ ! -e "$pending" ] || return 137 ;;
  esac
}}
limit() {{
  seconds=$1
  shift
  as_user_for "$seconds" "$me" "$@"
}}
for tool in systemctl journalctl launchctl; do
  eval "$tool() {{ echo without a limit: $tool >>{folder}/unlimited; }}"
done
find_nix() {{ nix=nix nix_user=$me; }}
"""
FOUND = {
    "systemd": "show_unit --timestamp=us+utc >/dev/null; show_unit >/dev/null",
    "launchd": "limit 5 launchctl print system/org.nixos.nix-daemon",
}


@pytest.mark.parametrize("question", [20, 14, 7, 1])
@pytest.mark.parametrize("manager", FOUND)
def test_the_limits_of_a_transaction_add_up_to_less_than_the_controllers(
    manager: str, question: int, tmp_path: Path
) -> None:
    folder = tmp_path / "nix"
    folder.mkdir()
    (folder / "nix.conf").write_text("old\n")
    (folder / ".nixtrust-new.x").write_text("new\n")
    steps = f"""
{SLOW.format(folder=tmp_path, question=question)}
find_daemon() {{
  {FOUND[manager]}
  manager={manager} unit=nix-daemon.service kill_mode=process conf_dir=$dir
}}
builds_run() {{ return 1; }}
begin {folder}
printf 'new\\n' >"$dir/.nixtrust-new.x"
{changing(folder / "nix.conf", folder / ".nixtrust-new.x")}
is_unchanged() {{ :; }}
check '' {folder}/nix.conf
announce_restart
keep_originals
put_in_place
restart_daemon nixbld
finish"""
    ended = subprocess.run(
        ["sh", "-s"],
        input=f"{FUNCTIONS}{steps}\n}}\nmain </dev/null\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    assert read_outcome(ended.stdout.splitlines()).result is Result.DEAD
    assert (folder / "nix.conf").read_text() == "old\n"
    assert not (tmp_path / "unlimited").exists()
    seconds = int((tmp_path / "clock").read_text())
    assert 100 < seconds <= WRITING - FOR_ALL_ELSE
