"""python -m bench --ansible PROGRAM: the main job beside plain ssh and Ansible, in one run."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import lab
from bench import contestants, machines
from bench.contestants import Contestant
from bench.machines import BenchError
from lab.host import exclusive, require

SSH, PLAIN_KEX, ANSIBLE = "ssh", "ssh, curve25519", "Ansible"
EARLIER = "ssh with the earlier probe"
# What pyinfra's median may be of theirs, on so many machines.
MACHINES = 20
WANTED = {SSH: 1.0, ANSIBLE: 1 / 8}


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 0 when all was measured, 1 with one line if not."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--ansible", type=Path, required=True, help="the program ansible-playbook")
    parser.add_argument("--before", metavar="COMMIT", help="send that commit's probe by ssh too")
    parser.add_argument("--machines", type=int, default=MACHINES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="leave the machines running")
    given = parser.parse_args(arguments)
    if not given.ansible.exists():
        parser.error(f"there is no {given.ansible}")
    try:
        require()
        with exclusive(f"lab {machines.LAB}"):
            _compare(given)
    except (BenchError, lab.LabError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _compare(given: argparse.Namespace) -> None:
    try:
        there = machines.up(given.machines)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            times = _measure(there, Path(folder), given)
    finally:
        if not given.keep:
            machines.down()
    _tell(times, len(there))


def _measure(
    there: Sequence[lab.Machine], folder: Path, given: argparse.Namespace
) -> Mapping[str, list[float]]:
    """Seconds of each run of each contestant, who take turns; the first round only warms up."""
    config = machines.ssh_config(there, folder)
    probes = machines.probes(there, folder)
    compared: dict[str, Contestant] = {
        "pyinfra": contestants.pyinfra(there),
        SSH: contestants.ssh(there, config, probes),
        PLAIN_KEX: contestants.ssh(there, config, probes, "-oKexAlgorithms=curve25519-sha256"),
        ANSIBLE: contestants.ansible(there, config, given.ansible),
    }
    if given.before:
        earlier = machines.earlier_probes(given.before, there, folder)
        compared[EARLIER] = contestants.ssh(there, config, earlier)
    times: dict[str, list[float]] = {name: [] for name in compared}
    for turn in range(given.rounds + 1):
        order = list(compared)[turn % len(compared) :] + list(compared)[: turn % len(compared)]
        for name in order:
            began = time.monotonic()
            compared[name]()
            taken = time.monotonic() - began
            contestants.hang_up(there, config)
            if turn > 0:
                times[name].append(taken)
            print(f"bench: round {turn} of {given.rounds}, {name}", file=sys.stderr, flush=True)
    return times


def _tell(times: Mapping[str, list[float]], number: int) -> None:
    ours = median(times["pyinfra"])
    print(f"{number} machines in step on {os.cpu_count()} processors, medians of each contestant's")
    print(f"{len(times['pyinfra'])} runs. pyinfra inventory/lab.py deploy.py -y: {ours:.2f} s")
    for name, taken in times.items():
        if name == "pyinfra":
            continue
        ratio = ours / median(taken)
        spread = (
            f"{min(times['pyinfra']) / max(taken):.2f} to {max(times['pyinfra']) / min(taken):.2f}"
        )
        verdict = ""
        if name in WANTED and number == MACHINES:
            met = "met" if ratio <= WANTED[name] else "NOT met"
            verdict = f", wanted at most {WANTED[name]:.3g}: {met}"
        if name == EARLIER:
            ratio = median(times[SSH]) / median(taken)
            print(f"  the probe now, by ssh: {ratio:.3f} of {name}")
            continue
        print(f"  {ratio:.3f} of {name} ({median(taken):.2f} s; at the extremes {spread}){verdict}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
