"""What `make demo` shows: the main job on the lab's machines, or the truth about this one.

Each command is printed before it runs, so that a reader can run it too.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import LabError, Machine, MachineSpec, demo, unavailable
from lab.cache import caches
from lab.messes import MESSES

ROOT = Path(__file__).resolve().parents[1]

# `ping` and `show-config` are the names that every Nix since 2.8 knows; newer ones warn.
NIX = "nix --extra-experimental-features nix-command"

# What pyinfra says of a machine on which an operation changed something.
CHANGED = re.compile(r"^ *\[([^]]+)\] +Success", re.MULTILINE)

# The tokens and keys among the words of what a mess lays at home; no other word there is as long.
SECRET = "[A-Za-z0-9+/_-]{60,}={0,2}"

CLOSING = """
Seen above, from each machine's own Nix, daemon and files and not from nixtrust: {in_step} of
{machines} machines trust what is declared, and nobody else. Of {laid} tokens and keys that lay at
people's homes {gone} are gone, and still to be revoked, as the first run says where.
The first run changed {first} of {machines} machines, the second {second}."""

GO_ON = """
Go on:
  {ssh:<34} log in to a machine and look (status: which there are)
  pyinfra inventory/lab.py deploy.py --dry --diff
  $EDITOR inventory/team.yml         your own machines and, in group_data/, your policy; then
  pyinfra inventory/team.py deploy.py --dry --diff
  make demo-down                     takes the lab down
(python and pyinfra are those in .venv/bin.)"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a machine itself says after the runs, what of it is not as declared, and how many tokens
    and keys still lie there."""

    lines: tuple[str, ...]
    faults: tuple[str, ...]
    secrets: int


def main(specs: Sequence[MachineSpec] = demo.MACHINES) -> int:
    """Show it on machines of one lab; 0 if all were brought to their state and stayed in it.

    Where there can be no lab, 0 too: whatever is true of this machine, it was shown.
    """
    reason = unavailable()
    if reason is not None:
        print(f"There can be no lab here ({reason}). The truth about this machine alone:")
        _pyinfra("inventory/self.py", "deploy.py", "--dry", "--diff")
        return 0
    try:
        faults = _tour(specs)
    except LabError as error:
        return _given_up(str(error))
    except subprocess.TimeoutExpired as error:
        return _given_up(f"a machine gave no answer in {error.timeout:.0f} s")
    except KeyboardInterrupt:
        return _given_up("interrupted")
    return 1 if faults else 0


def _given_up(why: str) -> int:
    print(f"lab: {why}; make demo-down clears up", file=sys.stderr)
    return 1


def _tour(specs: Sequence[MachineSpec]) -> Sequence[str]:
    """All of it; what was not as it should be."""
    [lab] = {spec.lab for spec in specs}
    demo.down([lab])
    machines = demo.bring_up(specs)
    laid = [_secrets(machine) for machine in machines]
    _pyinfra("inventory/lab.py", "deploy.py", "--dry", "--diff", lab=lab)
    first = _pyinfra("inventory/lab.py", "deploy.py", "-y", lab=lab)
    second = _pyinfra("inventory/lab.py", "deploy.py", "-y", lab=lab)
    seen = [_look(machine, its) for machine, its in zip(machines, laid, strict=True)]
    for each in seen:
        print("", *each.lines, sep="\n")
    changed, changed_again = (set(CHANGED.findall(run.stdout)) for run in (first, second))
    secrets = sum(map(len, laid))
    print(
        CLOSING.format(
            in_step=sum(not each.faults for each in seen),
            machines=len(machines),
            laid=secrets,
            gone=secrets - sum(each.secrets for each in seen),
            first=len(changed),
            second=f"{len(changed_again)} once more" if changed_again else "none",
        )
    )
    faults = [fault for each in seen for fault in each.faults]
    for machine, each in zip(machines, seen, strict=True):
        if each.secrets:
            faults.append(f"{machine.name}: tokens and keys still lie there: {each.secrets}")
    for which, run in {"first": first, "second": second}.items():
        if run.returncode:
            faults.append(f"the {which} run failed, as it says above")
    faults += [f"{name}: the second run changed it once more" for name in sorted(changed_again)]
    if faults:
        print("\nNot all is as it should be:", *(f"  {fault}" for fault in faults), sep="\n")
    print(GO_ON.format(ssh=f"python -m lab ssh {machines[0].name}"))
    return faults


def _pyinfra(*arguments: str, lab: str = "demo") -> "subprocess.CompletedProcess[str]":
    """Runs pyinfra for the reader to see, and gives what it printed."""
    print(f"\n$ pyinfra {shlex.join(arguments)}", flush=True)
    ended = subprocess.run(
        [str(Path(sys.executable).with_name("pyinfra")), *arguments],
        cwd=ROOT,
        env={**os.environ, "NIXTRUST_LAB": lab},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(ended.stdout, end="", flush=True)
    return ended


# What a machine itself says -----------------------------------------------------------------------


def _look(machine: Machine, secrets: Sequence[str]) -> Seen:
    """What its Nix reads, whom its daemon trusts, and whether the `secrets` still lie there."""
    config = machine.run(f"NIX_USER_CONF_FILES= {NIX} show-config 2>/dev/null").stdout
    values = dict(line.split(" = ", 1) for line in config.splitlines() if " = " in line)
    version = machine.run("nix --version").stdout.strip()
    member, trusts, left = machine.spec.member, _trusts(machine), _left(machine, secrets)
    lines, faults = [f"{machine.name}: {version}"], []
    for setting, declared in _declared(machine).items():
        value = values.get(setting, "").strip()
        lines.append(f"  {setting} = {value}")
        if sorted(value.split()) != sorted(declared):
            faults.append(f"{machine.name}: {setting} is not what is declared")
    lines.append(f"  does the daemon trust {member}? {trusts}")
    if trusts == "yes":
        faults.append(f"{machine.name}: its daemon trusts {member}")
    lines += [_mentions(machine, name) for name in MESSES[machine.spec.mess].at_home]
    return Seen(tuple(lines), tuple(faults), left)


def _declared(machine: Machine) -> Mapping[str, Sequence[str]]:
    """What inventory/lab.py declares for the lab's machines."""
    its = caches(machine.spec.lab)
    every = (its.team, its.second, its.on_request)
    return {
        "substituters": [its.team.url, its.second.url],
        "trusted-substituters": [f"{cache.url}/" for cache in every],
        "trusted-public-keys": [cache.public_key for cache in every],
        "trusted-users": ["root"],
    }


def _trusts(machine: Machine) -> str:
    """Whether the live daemon trusts the member, as it says itself: a number up to 2.33, then a
    boolean."""
    ping = f"{NIX} store ping --json 2>/dev/null"
    told = re.search(r'"trusted":(\w+)', machine.run(ping, user=machine.spec.member).stdout)
    answers = {"0": "no", "false": "no", "1": "yes", "true": "yes"}
    return answers[told.group(1)] if told else "this Nix does not tell"


def _mentions(machine: Machine, name: str) -> str:
    """How often a file that had a credential names Cachix still."""
    count = machine.run(f"grep -ci cachix {name}", user=machine.spec.member).stdout.strip()
    return f"  ~/{name}: {f'{count} lines name Cachix' if count else 'not there'}"


def _secrets(machine: Machine) -> Sequence[str]:
    """The tokens and keys that the machine's mess has laid at home."""
    files = " ".join(map(shlex.quote, MESSES[machine.spec.mess].at_home))
    text = machine.run(f"cat {files} </dev/null", user=machine.spec.member).stdout
    return sorted(set(re.findall(SECRET, text)))


def _left(machine: Machine, secrets: Sequence[str]) -> int:
    """How many of them are in any file at home or of the system."""
    search = "grep -rhoaF -f - /etc /home /root | sort -u | wc -l"
    return int(machine.run(search, input="\n".join(secrets)).stdout) if secrets else 0


if __name__ == "__main__":
    sys.exit(main())
