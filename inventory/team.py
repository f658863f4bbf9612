"""The team's machines, as team.yml lists them: `pyinfra inventory/team.py deploy.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nixtrust import guards

# pyinfra takes every list in this file for a group.
with guards.clean_exit():
    guards.require()
    globals().update(guards.team().groups(guards.known_hosts()))
