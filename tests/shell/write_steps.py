"""Single steps of the transaction's script, run in a folder of their own, without Nix."""

import shlex
import shutil
import subprocess
from pathlib import Path

from nixtrust.owners import owner_of
from nixtrust.scripts import restart_script
from tests.unit.observed import machine

FUNCTIONS, _, _ = "".join(restart_script(machine(), owner_of(machine()))).partition(
    "\nbegin /etc/nix\n"
)


# Of a machine's sh: Debian's, macOS's, and another one's.
SHELLS = [shell for shell in ("dash", "bash --posix", "mksh") if shutil.which(shell.split()[0])]


def run(
    folder: Path,
    steps: str,
    machines_own: str = "daemon_answers() { return 0; }",
    shell: str = "sh",
) -> str:
    """What steps print; they run as in a transaction on a folder, behind its lock.

    + machines_own: functions that stand for what a machine does
    """
    started = f"""
find_daemon() {{ manager=none daemon=; }}
find_nix() {{ nix=nix nix_user=$me; }}
find_version() {{ version=; }}
{machines_own}
begin {shlex.quote(str(folder))}
"""
    script = f"{FUNCTIONS}{started}{steps}\n}}\nmain </dev/null\n"
    ended = subprocess.run(
        [*shell.split(), "-s"], input=script, capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    return ended.stdout


def changing(path: Path, candidate: Path) -> str:
    """The steps up to a change of one file more, whose candidate lies there."""
    line = f"{path}\t{candidate}\tabsent\n"
    return f"changes=$changes{shlex.quote(line)}"
