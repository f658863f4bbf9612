"""Who is compared: each a function that does its work once and raises if it was not the whole."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import lab
from bench.machines import LAB, ROOT, BenchError, deploy
from lab.cache import caches

Contestant = Callable[[], None]


def pyinfra(machines: Sequence[lab.Machine]) -> Contestant:
    """The main job, with nothing to do: `pyinfra inventory/lab.py deploy.py -y`."""

    def run() -> None:
        said = deploy(machines)
        # Of all operations: how often each was done, had something to change, and had not.
        totals = re.findall(r"^ *Grand total +(\d+) +- +- +(\d+) *$", said, re.MULTILINE)
        if len(totals) != 1 or len(set(totals[0])) != 1:
            raise BenchError(f"pyinfra changed something, or failed: {said}")

    return run


def ssh(
    machines: Sequence[lab.Machine], config: Path, probes: Mapping[str, Path], *options: str
) -> Contestant:
    """`ssh HOST sh -s <probe` for all machines at once."""

    def run() -> None:
        started = []
        for machine in machines:
            with probes[machine.name].open() as given:
                command = ["ssh", f"-F{config}", *options, machine.name, "sh -s"]
                started.append(
                    subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, text=True)
                )
        for machine, process in zip(machines, started, strict=True):
            answer, _ = process.communicate(timeout=300)
            end = answer.rstrip("\n").rpartition("\n")[2]
            if process.returncode != 0 or not end.startswith("end\t"):
                raise BenchError(f"ssh {machine.name} ended with {process.returncode}: {answer}")

    return run


def ansible(machines: Sequence[lab.Machine], config: Path, playbook: Path) -> Contestant:
    """`ansible-playbook` with pipelining and a fork for each machine; no connection is left open.

    + playbook: the program.
    """
    folder = config.parent
    (folder / "inventory.json").write_text(json.dumps(_inventory(machines)))
    settings = folder / "ansible.cfg"
    settings.write_text(_SETTINGS.format(folder=folder, config=config, forks=len(machines)))
    environment = {**os.environ, "ANSIBLE_CONFIG": str(settings)}
    command = [
        str(playbook),
        "-i",
        str(folder / "inventory.json"),
        str(ROOT / "bench/playbook.yml"),
    ]

    def run() -> None:
        played = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        in_step = re.findall(r"ok=4 +changed=0 +unreachable=0 +failed=0 +skipped=0", played.stdout)
        if played.returncode != 0 or len(in_step) != len(machines):
            raise BenchError(
                f"Ansible ended with {played.returncode}: {played.stdout}{played.stderr}"
            )

    return run


_SETTINGS = """\
[defaults]
home = {folder}/ansible
forks = {forks}
[ssh_connection]
pipelining = true
ssh_args = -F {config} -o ControlMaster=auto -o ControlPersist=60s
control_path = {folder}/%%n
"""


def hang_up(machines: Sequence[lab.Machine], config: Path) -> None:
    """Close the connections that Ansible keeps for its next run."""
    for machine in machines:
        where = f"-oControlPath={config.parent}/{machine.name}"
        subprocess.run(["ssh", f"-F{config}", where, "-Oexit", machine.name], capture_output=True)


def _inventory(machines: Sequence[lab.Machine]) -> object:
    its = caches(LAB)
    always, every = (its.team, its.second), (its.team, its.second, its.on_request)
    declared = {
        "substituters": " ".join(cache.url for cache in always),
        "trusted_substituters": " ".join(f"{cache.url}/" for cache in every),
        "trusted_public_keys": " ".join(cache.public_key for cache in every),
        "trusted_users": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    return {"all": {"hosts": {machine.name: {} for machine in machines}, "vars": declared}}
