"""The files that the daemon reads besides the system's nix.conf are judged with it."""

import json
from pathlib import Path

import pytest

import lab
from tests.lab.whole_run import pyinfra

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
LAB = "layers"
LAYERS = ("/etc/xdg/nix/nix.conf", "/root/.config/nix/nix.conf")
NAMES = {"trixie": "layers-old", "sid": "layers-new"}


@pytest.fixture(scope="module", params=NAMES)
def machine(request: pytest.FixtureRequest) -> lab.Machine:
    """A machine of each Nix that tells whom it trusts."""
    suite = request.param
    name = NAMES[suite]
    spec = lab.MachineSpec(
        name, suite, f"127.77.9.{2 + list(NAMES).index(suite)}", lab=LAB, people=("baleen",)
    )
    (its,) = lab.up([spec])
    return its


def deploy(machine: lab.Machine) -> tuple[int, str]:
    done = pyinfra(LAB, "-y", "--limit", machine.name, "inventory/lab.py", "deploy.py")
    return done.returncode, done.stdout


def everybody_is_trusted(machine: lab.Machine) -> bool:
    """What the daemon answers an ordinary user."""
    done = machine.run(
        "NIX_USER_CONF_FILES= XDG_CONFIG_DIRS=/nonexistent"
        " nix --extra-experimental-features nix-command store info --json --store daemon",
        user="baleen",
    )
    assert done.returncode == 0, done.stderr
    return bool(json.loads(done.stdout)["trusted"])


@pytest.mark.parametrize("path", LAYERS)
def test_everybody_trusted_by_a_file_besides_nix_conf_fails_the_machine(
    machine: lab.Machine, path: str
) -> None:
    status, said = deploy(machine)
    assert status == 0, said
    assert not everybody_is_trusted(machine)
    try:
        there = machine.run(
            f"mkdir -p {path.rpartition('/')[0]} && printf '\\ntrusted-users = *\\n' >{path}\n"
            "systemctl restart nix-daemon.service"
        )
        assert there.returncode == 0, there.stderr
        assert everybody_is_trusted(machine)
        status, said = deploy(machine)
        assert status != 0
        assert f"{path}:2: trusted-users: everybody (*) is not declared" in said
        assert "take it out" in said
    finally:
        machine.run(f"rm -f {path}; systemctl restart nix-daemon.service")
    status, said = deploy(machine)
    assert status == 0, said
