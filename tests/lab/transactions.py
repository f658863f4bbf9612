"""Transactions on machines of the lab: the very scripts that the operations send, run in them."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import lab
from lab.cache import caches
from nixtrust.findings import restarts
from nixtrust.machine import Machine as Observed
from nixtrust.machine import Unread, read_answer
from nixtrust.outcome import Outcome, read_outcome
from nixtrust.owners import owner_of
from nixtrust.plan import Plan, plan, restores, unkept
from nixtrust.policy import Policy, policy_of
from nixtrust.scripts import Script, probe_script, restart_script, undo_script, write_script
from tests.lab.whole_run import pyinfra

ROOT = Path(__file__).parents[2]
LAB = "transaction"
# Of each lab that is had in this way, the network of its machines.
NETWORKS = {
    LAB: "127.77.4",
    "kills": "127.77.14",
    "cuts": "127.77.16",
    "undo": "127.77.17",
    "rollback": "127.77.18",
    "restart": "127.77.19",
    "portability": "127.77.20",
    "void-trust": "127.77.21",
    "writers": "127.77.23",
}
_KEPT = "/root/etc-nix-as-it-came"
# A new machine's daemon makes the store when it is asked first; a look tells whose the store is.
_FIRST_QUESTION = "nix --extra-experimental-features nix-command store ping --store daemon"


def machines(
    *suites: str, of: str = LAB, people: tuple[str, ...] = ("baleen",)
) -> dict[str, lab.Machine]:
    """A machine of each suite, by suite, as Debian's package leaves it.

    + people: who has an account there besides root; each look asks the daemon about each of them
    """
    up = lab.up(
        lab.MachineSpec(f"{of}-{suite}", suite, _address(of, suite), lab=of, people=people)
        for suite in suites
    )
    for machine in up:
        machine.run(f"cp -a /etc/nix {_KEPT}; {_FIRST_QUESTION}").check_returncode()
    return {machine.suite: machine for machine in up}


def _address(of: str, suite: str) -> str:
    return f"{NETWORKS[of]}.{lab.SUITES.index(suite) + 1}"


def start_anew(machine: lab.Machine) -> lab.Machine:
    """Its configuration and its daemon as they came."""
    machine.run(f"""
        rm -rf /etc/nix
        cp -a {_KEPT} /etc/nix
        {_NO_DROP_IN}
        {RESTART}
    """).check_returncode()
    return machine


# A reload takes longer than all else here.
_NO_DROP_IN = """
if rm -r /etc/systemd/system/nix-daemon.service.d 2>/dev/null; then systemctl daemon-reload; fi
"""
# A daemon that is told to end between two connections waits for the next one first.
RESTART = """
systemctl kill --signal=KILL nix-daemon.service
systemctl stop nix-daemon.socket nix-daemon.service
systemctl reset-failed
systemctl start nix-daemon.socket
systemctl start nix-daemon.service
"""


# The configuration of a machine ---------------------------------------------------------------


def conf(machine: lab.Machine, name: str = "nix.conf") -> Path:
    """A file of /etc/nix as the box sees it."""
    return machine.root / "etc/nix" / name


def lay(machine: lab.Machine, nix_conf: str, **others: str) -> None:
    """Put nix.conf there, and other files in /etc/nix by name with `_` for the dot; restart."""
    files = {
        "nix.conf": nix_conf,
        **{name.replace("_", "."): text for name, text in others.items()},
    }
    for name, text in files.items():
        conf(machine, name).write_text(text)
    machine.run(RESTART).check_returncode()


def leftovers(machine: lab.Machine) -> list[str]:
    """What a transaction must not leave behind."""
    return sorted(path.name for path in conf(machine, "").glob(".nixtrust*"))


def values(machine: lab.Machine) -> Mapping[str, list[str]]:
    """The settings as the machine's own Nix reads them, in words."""
    show = "NIX_USER_CONF_FILES= nix --extra-experimental-features nix-command show-config"
    answer = machine.run(show)
    answer.check_returncode()
    lines = (line.partition(" = ") for line in answer.stdout.splitlines())
    return {name: value.split() for name, _, value in lines}


def holds(machine: lab.Machine, policy: Policy) -> bool:
    """Whether the machine's own Nix reads what is declared; 2.8 bears no `fallback`."""
    read = values(machine)
    return all(
        sorted(read[setting]) == sorted(tokens)
        for setting, tokens in policy.declared.items()
        if setting != "fallback" or machine.suite != "bookworm"
    )


def daemon(machine: lab.Machine) -> str:
    """Which daemon runs: its process and since when."""
    shown = machine.run("systemctl show -p MainPID -p ExecMainStartTimestampMonotonic nix-daemon")
    return shown.stdout


# What the operations do -----------------------------------------------------------------------


def declaring(*trusted: str, of: str = LAB, **settings: object) -> Policy:
    """What inventory/lab.py and group_data/ declare, but for who is trusted besides root.

    + of: the lab whose caches they are.
    """
    its = caches(of)
    always = [
        {"url": each.url, "public_keys": [each.public_key]} for each in (its.team, its.second)
    ]
    asked = {"url": its.on_request.url, "public_keys": [its.on_request.public_key]}
    return policy_of(
        {
            "nix_caches": [*always, {**asked, "use": "on-request"}],
            "nix_trusted_users": ["root", *trusted],
            "nix_settings": {"fallback": True, "connect-timeout": 5, **settings},
        }
    )


def look(machine: lab.Machine, policy: Policy) -> Observed:
    """The machine as the probe sees it."""
    answer = machine.run("exec sh -s", input=probe_script(policy.settings))
    assert answer.stderr == ""
    seen = read_answer(answer.stdout.splitlines())
    assert not isinstance(seen, Unread), seen.reason
    return seen


def planned(seen: Observed, policy: Policy) -> Plan:
    """The edits, of which there are some."""
    assert seen.nix is not None
    made = plan(policy, owner_of(seen), seen.files, seen.nix)
    assert made is not None
    assert made.edits
    return made


def writing(machine: lab.Machine, policy: Policy) -> Script:
    """The script that the operation would send now."""
    seen = look(machine, policy)
    owner, made = owner_of(seen), planned(seen, policy)
    without = unkept(policy, owner, made, seen.credentials)
    return write_script(made, seen, owner, restarts(seen), without)


def restarting(machine: lab.Machine, policy: Policy) -> Script:
    """The script that the operation would send for a restart alone."""
    seen = look(machine, policy)
    return restart_script(seen, owner_of(seen))


def undoing(machine: lab.Machine, policy: Policy) -> Script:
    """The script that the operation would send to undo."""
    seen = look(machine, policy)
    undone = restores(policy, owner_of(seen), seen.files, seen.credentials)
    assert undone
    return undo_script(undone, seen, owner_of(seen), restarts(seen))


def send(machine: lab.Machine, script: str, shell: str = "sh") -> Outcome:
    """What comes of a script, sent as pyinfra does; it says nothing besides."""
    answer = machine.run(f"exec {shell} -s", input=script)
    assert answer.stderr == ""
    return read_outcome(answer.stdout.splitlines())


def run_for(
    machine: lab.Machine, deploy: str, *options: str, trusted: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    """A whole run for one machine, as `declaring(*trusted)` would have it."""
    users = ",".join(f'"{name}"' for name in ("root", *trusted))
    data = f"nix_trusted_users=[{users}]"
    arguments = ("inventory/lab.py", deploy, "--limit", machine.name, "--data", data, *options)
    return pyinfra(machine.spec.lab, *arguments)
