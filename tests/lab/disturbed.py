"""Transactions that are to be disturbed: the files they change, and what those may be meanwhile."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import lab
from nixtrust.conf import apply
from nixtrust.findings import restarts
from nixtrust.outcome import Result
from nixtrust.owners import owner_of
from nixtrust.policy import Policy
from nixtrust.scripts import write_script
from tests.lab.killing import forget_steps, steps_at_work, telling_of
from tests.lab.transactions import (
    conf,
    declaring,
    holds,
    leftovers,
    look,
    planned,
    run_for,
    send,
    start_anew,
)

# Behind this command Nix and the daemon are asked.
ASKING = ("timeout",)
# A step that is never reached.
NEVER = 1000

# What is declared, in turn, so that there is always something to write.
TRUSTED: tuple[tuple[str, ...], ...] = ((), ("mia",))

# With sid two files change: the including one has a late line that defeats the block.
LAYOUTS: Mapping[str, Mapping[str, bytes]] = {
    "bookworm": {"nix.conf": b"cores = 1\n# mine\n"},
    "trixie": {"nix.conf": b"# \xe9\r\nextra-substituters = https://elsewhere.example"},
    "sid": {
        "nix.conf": b"!include nix.custom.conf\nbuild-users-group = nixbld\ntrusted-users = *\n",
        "nix.custom.conf": b"# mine\n",
    },
}
MODES = {"nix.conf": 0o604, "nix.custom.conf": 0o744}


@dataclass(frozen=True, slots=True)
class Transaction:
    """Its script, the files that it changes by path with their stamps, and all files before it and
    after each of its edits."""

    script: str
    stamps: Mapping[str, str]
    stages: tuple[Mapping[str, bytes], ...]


def transaction(machine: lab.Machine, policy: Policy) -> Transaction:
    """What the operation would do now."""
    seen = look(machine, policy)
    made = planned(seen, policy)
    stages = [files(machine)]
    for edit in made.edits:
        name = Path(edit.path).name
        text = apply(stages[-1][name].decode("latin-1"), edit)
        stages.append({**stages[-1], name: text.encode("latin-1")})
    script = write_script(made, seen, owner_of(seen), restarts(seen))
    stamps = {edit.path: seen.status[edit.path].stamp for edit in made.edits}
    return Transaction("".join(script), stamps, tuple(stages))


def laid_out(machine: lab.Machine) -> lab.Machine:
    """The machine with the files of its layout and nothing else in their folder."""
    start_anew(machine)
    lay_out(machine)
    return machine


def lay_out(machine: lab.Machine) -> None:
    """The files of the machine's layout alone, their mode and group unlike a new file's."""
    for path in conf(machine, "").iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for name, content in LAYOUTS[machine.suite].items():
        conf(machine, name).write_bytes(content)
        conf(machine, name).chmod(MODES[name])
        os.chown(conf(machine, name), 0, 1)


def once_more(machine: lab.Machine, it: Transaction) -> Transaction:
    """The same transaction when its files have been laid out anew."""
    said = machine.run(f"stat -c %d:%i:%s:%y:%z:%a:%u:%g {' '.join(it.stamps)}")
    said.check_returncode()
    stamps = dict(zip(it.stamps, said.stdout.splitlines(), strict=True))
    script = it.script
    for path, stamp in it.stamps.items():
        assert script.count(stamp) == 1
        script = script.replace(stamp, stamps[path])
    return replace(it, script=script, stamps=stamps)


def make_due(machine: lab.Machine) -> None:
    """Let both files of sid's layout need their edits again: the old bytes, copied in place."""
    if machine.suite == "sid":
        conf(machine).write_bytes(LAYOUTS["sid"]["nix.conf"])


def files(machine: lab.Machine) -> Mapping[str, bytes]:
    """The files of the layout, which have kept their mode and owner."""
    for name in LAYOUTS[machine.suite]:
        stat = conf(machine, name).stat()
        assert (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid) == (MODES[name], 0, 1)
    return {name: conf(machine, name).read_bytes() for name in LAYOUTS[machine.suite]}


def run_wholly(machine: lab.Machine, trusted: tuple[str, ...]) -> None:
    """A run of pyinfra, which brings the machine to its state whatever was left behind."""
    answer = run_for(machine, "deploy.py", "-y", trusted=trusted)
    assert answer.returncode == 0, answer.stdout
    assert holds(machine, declaring(*trusted, of=machine.spec.lab))
    assert leftovers(machine) == []
    files(machine)


def steps(machine: lab.Machine) -> list[int]:
    """The steps of a transaction by number, once it has its lock; it declares the first of
    `TRUSTED` and ends well."""
    run_wholly(machine, TRUSTED[1])
    make_due(machine)
    it = transaction(machine, declaring(*TRUSTED[0], of=machine.spec.lab))
    forget_steps(machine)
    assert send(machine, telling_of(NEVER, *ASKING) + it.script).result is Result.DONE
    assert files(machine) == it.stages[-1]
    return steps_at_work(machine)
