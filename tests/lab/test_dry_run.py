"""A dry run shows everything and changes no byte."""

import re

import pytest

import lab
from tests.lab import transactions
from tests.lab.transactions import daemon, lay, run_for, start_anew

pytestmark = pytest.mark.lab

LAB = transactions.LAB

WHERE = "/etc /nix/store /root /home /opt /srv /tmp /usr/local /var/lib"
# Nix keeps its database in SQLite: whoever opens it touches the files that readers share, and
# where there are none makes and removes them in this folder (sqlite.org/wal.html).
OF_SQLITE = re.compile(r"/nix/var/nix/db(/db\.sqlite-(shm|wal))? ")


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    return transactions.machines(*lab.SUITES)


@pytest.mark.parametrize("suite", lab.SUITES)
def test_a_dry_run_changes_no_byte(suite: str, machines: dict[str, lab.Machine]) -> None:
    machine = start_anew(machines[suite])
    lay(machine, "!include nix.custom.conf\ntrusted-users = root mia\n", nix_custom_conf="# mine\n")
    for deploy, options in (("deploy.py", ["--dry", "--diff"]), ("undo.py", ["--dry"])):
        before, running = everything(machine), daemon(machine)
        answer = run_for(machine, deploy, *options)
        assert answer.returncode == 0, answer.stdout
        assert everything(machine) == before
        assert daemon(machine) == running
        if deploy == "deploy.py":
            assert "+ trusted-users = root" in answer.stdout


def everything(machine: lab.Machine) -> list[str]:
    """Every file: content, mode, owner, size and when it changed.

    Where Nix keeps its state, when its content did: Nix 2.8 makes each connection's folders anew,
    which changes nothing about them.
    """
    found = machine.run(f"""
        find {WHERE} -printf '%p %M %u %g %s %T@ %C@ %l\\n' | sort
        find /nix/var -printf '%p %M %u %g %s %T@ %l\\n' | sort
        find /etc /nix/var -type f -exec sha256sum {{}} + | sort
    """)
    found.check_returncode()
    assert len(found.stdout) > 100_000
    return [line for line in found.stdout.splitlines() if not OF_SQLITE.search(f"{line} ")]
