"""The machine that this runs on, alone, without SSH: `pyinfra inventory/self.py deploy.py`.

It is found in team.yml by its host name, or by `--data machine=NAME`, and has the same groups and
data as there.
"""

import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nixtrust import guards
from nixtrust.inventory import find_self, members


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # as in a container that runs as any number
        return str(os.getuid())


def _sudo_asks_nothing() -> bool:
    try:
        return (
            subprocess.run(["sudo", "-n", "true"], capture_output=True, timeout=10).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


with guards.clean_exit():
    guards.require()
    guards.let_an_inventory_be_called_self()
    _name = socket.gethostname()
    _machine = find_self(guards.team(), _name, guards.given_data("machine"))
    if _machine is None:
        _machine = guards.unlisted(_name, _user())

# Without root there is still something to see; what would write says so itself.
_rights = {"_sudo": True} if os.getuid() != 0 and _sudo_asks_nothing() else {}

# pyinfra takes every list in this file for a group.
all = [("@local", _machine.host_data() | _rights)]
globals().update({group: ["@local"] for group in members([_machine])})
