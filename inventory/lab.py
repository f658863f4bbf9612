"""The machines of the lab that are up, in the same groups as the team's: `python -m lab up`.

NIXTRUST_LAB names another lab than the demo's, such as the one of the tests.
"""

import os
import sys
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import lab
from lab.cache import caches
from nixtrust import guards
from nixtrust.inventory import Machine, Ssh, System, Team
from nixtrust.refused import Refused


def _machine(machine: lab.Machine) -> Machine:
    """The machine as team.yml would have it, with the lab's caches in place of the internet's."""
    its = caches(machine.spec.lab)
    return Machine(
        name=machine.name,
        system=cast("System", machine.system),
        user=machine.spec.member,
        ssh=Ssh(host=machine.address, user=machine.spec.login, key=str(machine.ssh_key)),
        groups=(machine.suite,),
        data={
            "nix_caches": [
                {"url": its.team.url, "public_keys": [its.team.public_key]},
                {"url": its.second.url, "public_keys": [its.second.public_key]},
                {
                    "url": its.on_request.url,
                    "public_keys": [its.on_request.public_key],
                    "use": "on-request",
                },
            ],
            "nix_trusted_users": ["root"],
        },
    )


def _up() -> Team:
    name = os.environ.get("NIXTRUST_LAB", "demo")
    machines = lab.running(name)
    if not machines:
        nothing = f"no machine of the lab {name!r} is up; run: python -m lab up"
        raise Refused([lab.unavailable() or nothing])
    return Team(tuple(map(_machine, machines)))


# pyinfra takes every list in this file for a group.
with guards.clean_exit():
    guards.require()
    globals().update(_up().groups(str(lab.KNOWN_HOSTS)))
