"""Ends what a machine runs: at a step of its script, or at a moment.

NIXTRUST_KILLS and NIXTRUST_KILL_SEED ask for more kills and cuts, or others, than CI's of the day.
"""

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import lab
from tests.conftest import KILL_SEED

KILLS = int(os.environ.get("NIXTRUST_KILLS", "60"))
KILLS_ON_EACH = -(-KILLS // len(lab.SUITES))
# One that comes when the script is through is none, and another is tried.
TRIES_FOR_EACH = 10

Killed = subprocess.CompletedProcess[str]

# The first process of a namespace takes all others along, and is not gone before they are.
_KILLED = """
exec 3<&0
: >/run/began
unshare --pid --fork --kill-child --mount-proc {way} <&3 &
{when}
pkill -KILL -P $!
wait $!
"""
_AT_WORK = "at work\n"


def killed(machine: lab.Machine, script: str, when: str, way: str = "sh -s") -> Killed:
    """Runs a script and kills it with all that it has begun; see `was_in_time`.

    + when: shell that ends when it is time
    + way: what reads the script
    """
    beginning = f"echo {_AT_WORK}"
    return machine.run(_KILLED.format(way=way, when=when), input=beginning + script, timeout=300)


def was_in_time(ended: Killed) -> bool:
    """Whether the script had begun when it was killed, and had not said how it ended."""
    return ended.stdout.startswith(_AT_WORK) and "\nend\t" not in ended.stdout


# At a step --------------------------------------------------------------------------------------

# What a script changes something with. Two redirections in a row are one step; what lies between
# them is left to the random moments.
_TOOLS = (
    *("chgrp", "chmod", "chown", "cp", "ln", "mkdir", "mktemp", "mv", "rm", "sed", "sync"),
    "touch",
)
# More than there are in any script.
_STEPS = 200

# In front of each step: it is noted, with whether a transaction is at work, and the one that is
# asked for is told. The notes are everybody's, since a script has people do something too. No
# apostrophe: it stands within a quoted program as well.
_NOTES = "/var/steps"
_STEP = f"""
step() {{{{
  if [ -L /etc/nix/.nixtrust-lock ]; then echo +; else echo; fi >>{_NOTES}/noted
  steps=0
  while read -r _; do steps=$((steps + 1)); done <{_NOTES}/noted
  [ "$steps" -ge {{number}} ] || return 0
  : >{_NOTES}/reached
  {{then}}
}}}}
"""
_FRONT = '{tool}() {{ step; command {tool} "$@"; }}\n'
_NO_NOTES = f"""
rm -rf {_NOTES}
mkdir -m 777 {_NOTES}
: >{_NOTES}/noted
chmod 666 {_NOTES}/noted
"""
_REACHED = f"until [ -e {_NOTES}/reached ] || ! kill -0 $!; do sleep 0.02; done"


def _steps(number: int, then: str, more: tuple[str, ...]) -> str:
    fronts = (_FRONT.format(tool=tool) for tool in (*_TOOLS, *more))
    return _STEP.format(number=number, then=then) + "".join(fronts)


def stopping_at(number: int, *more: str) -> str:
    """Shell functions that stop a script before its step of this number, from 1 on.

    + more: further tools whose calls are steps
    """
    return _steps(number, "exec sleep 1000", more)


def waiting_at(number: int, *more: str) -> str:
    """Shell functions with which a script waits before its step of this number; see `go_on`."""
    return _steps(number, f"until [ -e {_NOTES}/go ]; do sleep 0.02; done", more)


def telling_of(number: int, *more: str) -> str:
    """Shell functions with which a script tells that it is at its step of this number."""
    return _steps(number, ":", more)


def forget_steps(machine: lab.Machine) -> None:
    """What is run next begins at its first step."""
    machine.run(_NO_NOTES).check_returncode()


def is_reached(machine: lab.Machine) -> bool:
    """Whether what runs is at the step that was asked for."""
    return Path(f"{machine.root}{_NOTES}/reached").exists()


def go_on(machine: lab.Machine) -> None:
    """Let go what waits."""
    Path(f"{machine.root}{_NOTES}/go").touch()


def steps_at_work(machine: lab.Machine) -> list[int]:
    """The numbers of those steps that were noted while a transaction was at work."""
    noted = Path(f"{machine.root}{_NOTES}/noted").read_text().splitlines()
    return [number for number, line in enumerate(noted, 1) if line]


def some_time(dice: random.Random) -> float:
    """Seconds from a step on: as long as most take, or as a restart does."""
    return dice.uniform(0, dice.choice((0.05, 0.5)))


def after_step(later: float) -> str:
    """Shell that ends some time after the step that was asked for; for `killed`.

    + later: seconds
    """
    return f"{_REACHED}; sleep {later:.3f}"


def killed_before_each_step(
    machine: lab.Machine, script: Callable[[int], str], way: str = "sh -s"
) -> Iterator[Killed]:
    """Runs a script again and again and kills it each time before its next step.

    In the end it comes through, which is for the caller to see: `was_in_time`.
    + script: what is run next, with `stopping_at` its number in it
    """
    for number in range(1, _STEPS):
        sent = script(number)
        forget_steps(machine)
        ended = killed(machine, sent, _REACHED, way)
        assert ended.stdout.startswith(_AT_WORK), ended.stderr
        yield ended
    raise AssertionError(f"still not through after {_STEPS} steps")


# At a moment ------------------------------------------------------------------------------------


def killed_at_random(of: str, kills: int, attempt: Callable[[random.Random], bool]) -> None:
    """Has so many kills come in time.

    + of: what is killed; each has dice of its own
    + attempt: one kill, and all that is to be seen of it; whether it came in time
    """
    dice = random.Random(f"{KILL_SEED} {of}")
    in_time = 0
    for _ in range(TRIES_FOR_EACH * kills):
        in_time += attempt(dice)
        if in_time == kills:
            return
    raise AssertionError(f"{of}: {in_time} of {kills} kills came in time")


def moment(dice: random.Random, lasts: float, is_done: str) -> str:
    """Early in a run, anywhere in it, or some time after its first file is done, as shell.

    + lasts: the seconds of a run; they change with what else the box is at
    + is_done: shell that tells whether the first file is done since /run/began
    """
    early, anywhere, later = (dice.uniform(0.001, lasts * part) for part in (0.3, 1, 0.3))
    done = f"until {is_done} || ! kill -0 $!; do sleep 0.01; done"
    return dice.choice(
        (f"sleep {early:.3f}", f"sleep {anywhere:.3f}", f"{done}; sleep {later:.3f}")
    )
