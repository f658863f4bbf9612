"""The scripts come to the same under every shell and with every kind of tools."""

from dataclasses import replace
from functools import partial

import pytest

import lab
from nixtrust.conf import BLOCK_END
from nixtrust.findings import restarts
from nixtrust.machine import Machine as Observed
from nixtrust.machine import Unread, read_answer
from nixtrust.outcome import Outcome, Result, read_outcome
from nixtrust.owners import owner_of
from nixtrust.plan import restores
from nixtrust.scripts import probe_script, restart_script, undo_script, write_script
from tests.lab import transactions
from tests.lab.transactions import conf, lay, leftovers, planned, start_anew
from tests.lab.ways import NO_TIMEOUT, TOYBOX, USUAL, WAYS, Way, lay_tools, told_of_tools

pytestmark = pytest.mark.lab

LAB = "portability"
declaring = partial(transactions.declaring, of=LAB)


@pytest.fixture(scope="module")
def machine() -> lab.Machine:
    """Of unstable, whose libraries suit what an older Debian has built."""
    [machine] = transactions.machines("sid", of=LAB).values()
    lay_tools(machine)
    return machine


@pytest.fixture(scope="module")
def expected(machine: lab.Machine) -> list[object]:
    """What comes of it in the usual way."""
    found = all_that_comes_of_it(machine, Way(*USUAL))
    assert [each.result for each in found if isinstance(each, Outcome)] == [
        Result.REFUSED,
        Result.REFUSED,
        Result.DONE,
        Result.DONE,
        Result.CHANGED,
        Result.BUSY,
        Result.DONE,
    ]
    return found


@pytest.mark.parametrize(("shell", "tools"), WAYS)
def test_every_shell_and_all_tools_come_to_the_same(
    shell: str, tools: str, machine: lab.Machine, expected: list[object]
) -> None:
    way = Way(shell, tools)
    told = told_of_tools(machine, tools)
    assert ("not GNU sed" in told) is (tools == TOYBOX)
    assert ("awk version 20" in told) is (tools == TOYBOX)
    assert ("timeout" in told) is (tools != NO_TIMEOUT)
    assert all_that_comes_of_it(machine, way) == expected


PARENT = """\
# \\ 'quotes' "and" `the like`
include own.conf
\t!include nix.custom.conf
include /etc/nix/full.conf
build-users-group = nixbld
trusted-users = root *
access-tokens = github.com=secret
max-jobs = 1"""
CUSTOM = "extra-substituters = https://a?priority=1 https://b\r\n# \r\ncores = 1\r\n"


def all_that_comes_of_it(machine: lab.Machine, way: Way) -> list[object]:
    """Looks; transactions refused, made, disturbed, undone; and the files after each."""
    start_anew(machine)
    lay(
        machine,
        PARENT,
        nix_custom_conf=CUSTOM,
        own_conf="binary-caches = https://c\n",
        full_conf="http-connections = 7 # seven\n",
    )
    policy = declaring("mia")
    found: list[object] = []

    def keep(outcome: Outcome) -> None:
        """The number of a process is another one each time."""
        words = " ".join(word for word in outcome.words.split() if not word.strip("()").isdigit())
        found.extend((replace(outcome, words=words), leftovers(machine)))
        found.extend(file.read_bytes() for file in sorted(conf(machine, "").glob("[!.]*")))

    def look() -> Observed:
        seen = read_answer(way.run(machine, probe_script(policy.settings)))
        assert not isinstance(seen, Unread), seen.reason
        found.append(timeless(seen))
        return seen

    def send(script: str) -> None:
        keep(read_outcome(way.run(machine, script)))

    seen = look()
    owner = owner_of(seen)
    made = planned(seen, policy)
    script = write_script(made, seen, owner, restarts(seen))
    before, _, after = script.rpartition(BLOCK_END)
    send(f"{before}frobnicate = 1\n{BLOCK_END}{after}")
    send(script.replace("\ncheck '", "\ncheck 'cores 3\n"))
    send(script)
    look()
    send(restart_script(seen, owner))
    send(script)
    (machine.root / "etc/nix/.nixtrust-lock").symlink_to(f"1:{born_first(machine)}")
    send(script)
    (machine.root / "etc/nix/.nixtrust-lock").unlink()
    seen = look()
    send(undo_script(restores(policy, owner, seen.files), seen, owner, restarts(seen)))
    look()
    return found


def timeless(seen: Observed) -> Observed:
    """What was seen, but for when."""
    return replace(
        seen,
        daemon=replace(seen.daemon, started=None),
        status={
            path: replace(status, stamp="", changed=None) for path, status in seen.status.items()
        },
    )


def born_first(machine: lab.Machine) -> str:
    """When process 1 began, in the kernel's count (proc(5), the 22nd field)."""
    return machine.run("cut -d ' ' -f 22 /proc/1/stat").stdout.strip()
