"""The benchmark's machines: alike, reached as root, with one member each, and in step."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import lab
from lab.cache import remove

ROOT = Path(__file__).resolve().parents[1]
LAB = "bench"
# A laptop has one member; who deploys logs in as root. The image has accounts for other tests.
_OTHERS = ("jito.hello", "mia", "lead", "guarded")


class BenchError(Exception):
    """The comparison would not be one, in one line."""


def up(number: int) -> list[lab.Machine]:
    """Have machines running that nixtrust has nothing to change on.

    Raises lab.LabError where the lab cannot run, BenchError if the machines do not get in step.
    """
    machines = lab.up(
        lab.MachineSpec(f"bench-{n:02}", "trixie", f"127.77.1.{n}", lab=LAB)
        for n in range(1, number + 1)
    )
    for machine in machines:
        for user in _OTHERS:
            machine.run(f"! id -u {user} >/dev/null 2>&1 || userdel --remove {user} 2>/dev/null")
        left = machine.run("awk -F: '$3 >= 1000 && $3 < 60000 {print $1}' /etc/passwd").stdout
        if left.split() != [machine.spec.member]:
            raise BenchError(f"{machine.name} has the accounts {left.split()}")
    deploy(machines)
    return machines


def down() -> None:
    """Remove the machines, all that there are, and their caches' keys."""
    lab.down(machine.name for machine in lab.present(LAB))
    remove(LAB)


def deploy(machines: Sequence[lab.Machine]) -> str:
    """One run of the main job on all machines; what it printed.

    Raises BenchError if it fails.
    """
    return _pyinfra(machines, "deploy.py", "-y")


def probes(machines: Sequence[lab.Machine], folder: Path) -> Mapping[str, Path]:
    """A file for each machine, by name, with the very probe that the main job sends there.

    Raises BenchError if there is none.
    """
    return _probes_of(ROOT, machines, folder / "probes")


def earlier_probes(
    commit: str, machines: Sequence[lab.Machine], folder: Path
) -> Mapping[str, Path]:
    """The same with the probe of an earlier commit of the project.

    Raises BenchError if there is no such commit, or none in it.
    """
    project, archive = folder / "earlier", folder / "earlier.tar"
    archived = subprocess.run(
        ["git", "archive", f"--output={archive}", commit], cwd=ROOT, capture_output=True, text=True
    )
    if archived.returncode != 0:
        raise BenchError(f"git has no commit {commit}: {archived.stderr.strip()}")
    project.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", project], check=True)
    return _probes_of(project, machines, folder / "earlier-probes")


def _probes_of(project: Path, machines: Sequence[lab.Machine], kept: Path) -> Mapping[str, Path]:
    kept.mkdir()
    _pyinfra(machines, "bench/look.py", "-y", "--data", f"folder={kept}", project=project)
    return {machine.name: kept / machine.name for machine in machines}


def _pyinfra(machines: Sequence[lab.Machine], *arguments: str, project: Path | None = None) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "pyinfra", "inventory/lab.py", *arguments],
        cwd=project or ROOT,
        env={**os.environ, "NIXTRUST_LAB": LAB},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if run.returncode != 0:
        raise BenchError(f"pyinfra ended with {run.returncode}: {run.stdout}{run.stderr}")
    return run.stdout + run.stderr


def ssh_config(machines: Sequence[lab.Machine], folder: Path) -> Path:
    """A configuration for OpenSSH's client that knows the machines, strictly checked."""
    file = folder / "ssh_config"
    file.write_text(
        "".join(
            f"Host {machine.name}\n  User {machine.spec.login}\n"
            + "".join(f"  {key} {value}\n" for key, value in machine.ssh_options.items())
            for machine in machines
        )
    )
    return file
