"""What a daemon does not start with is taken back, however late it is started."""

import signal
from collections.abc import Mapping
from functools import partial

import pytest

import lab
from nixtrust.outcome import Result
from tests.lab import transactions
from tests.lab.transactions import (
    conf,
    daemon,
    holds,
    lay,
    leftovers,
    restarting,
    run_for,
    send,
    start_anew,
    writing,
)

pytestmark = pytest.mark.lab

LAB = "rollback"
declaring = partial(transactions.declaring, of=LAB)

# As if the new file were to blame, though Nix itself reads it.
_BEARS_NO_BLOCK = (
    "[Service]\n"
    'ExecStartPre=/bin/sh -c "! grep -q nixtrust /etc/nix/nix.conf /etc/nix/nix.custom.conf"\n'
)
FILES: Mapping[str, str] = {"nix.conf": "!include nix.custom.conf\ntrusted-users = root mia\n"}
TAKEN_BACK = "taken back: the daemon does not start with the new file (nix-daemon.service: "


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    return transactions.machines(*lab.SUITES, of=LAB)


@pytest.fixture(params=lab.SUITES)
def machine(request: pytest.FixtureRequest, machines: dict[str, lab.Machine]) -> lab.Machine:
    return laid_out(machines[request.param])


@pytest.fixture
def trixie(machines: dict[str, lab.Machine]) -> lab.Machine:
    return laid_out(machines["trixie"])


def laid_out(machine: lab.Machine) -> lab.Machine:
    """Two files to change, of which one is not there; the daemon will start with neither."""
    start_anew(machine)
    lay(machine, FILES["nix.conf"])
    machine.run(
        "mkdir -p /etc/systemd/system/nix-daemon.service.d"
        " && cat >/etc/systemd/system/nix-daemon.service.d/bears-no-block.conf"
        " && systemctl daemon-reload",
        input=_BEARS_NO_BLOCK,
    ).check_returncode()
    return machine


def everything(machine: lab.Machine) -> Mapping[str, str]:
    return {path.name: path.read_text() for path in conf(machine, "").iterdir()}


def answers(machine: lab.Machine) -> bool:
    ask = "nix --extra-experimental-features nix-command store ping --store daemon"
    return machine.run(f"NIX_USER_CONF_FILES= {ask}").returncode == 0


def killed_before_the_restart(machine: lab.Machine, *trusted: str) -> None:
    script = writing(machine, declaring(*trusted))
    dying = script.replace("\nrestart_daemon ", "\nkill -9 $$\nrestart_daemon ")
    assert machine.run("exec sh -s", input=dying).returncode == -signal.SIGKILL
    assert holds(machine, declaring(*trusted))


def test_within_the_same_run(machine: lab.Machine) -> None:
    before = daemon(machine)
    outcome = send(machine, writing(machine, declaring()))
    assert outcome.result is Result.ROLLED_BACK
    assert everything(machine) == FILES
    assert answers(machine)
    assert daemon(machine) != before


def test_by_the_run_that_makes_up_for_the_restart(trixie: lab.Machine) -> None:
    killed_before_the_restart(trixie)
    answer = run_for(trixie, "deploy.py", "-y")
    assert answer.returncode == 1
    assert TAKEN_BACK in answer.stdout
    assert everything(trixie) == FILES
    assert answers(trixie)


def test_by_the_run_after_the_machine_was_started_anew(trixie: lab.Machine) -> None:
    killed_before_the_restart(trixie)
    trixie.run("systemctl restart nix-daemon.service; systemctl stop nix-daemon.socket")
    assert not answers(trixie)
    answer = run_for(trixie, "deploy.py", "-y")
    assert answer.returncode == 1
    assert TAKEN_BACK in answer.stdout
    assert everything(trixie) == FILES
    assert answers(trixie)


def test_by_a_further_change(trixie: lab.Machine) -> None:
    killed_before_the_restart(trixie)
    killed_before_the_restart(trixie, "mia")
    assert send(trixie, writing(trixie, declaring("baleen"))).result is Result.ROLLED_BACK
    assert everything(trixie) == FILES
    assert answers(trixie)


def test_nothing_is_left_lying_once_the_daemon_has_answered(trixie: lab.Machine) -> None:
    killed_before_the_restart(trixie)
    trixie.run("rm -r /etc/systemd/system/nix-daemon.service.d; systemctl daemon-reload")
    assert send(trixie, restarting(trixie, declaring())).result is Result.DONE
    assert leftovers(trixie) == []
    assert holds(trixie, declaring())


def test_what_somebody_edited_during_the_restart_is_kept_and_named(trixie: lab.Machine) -> None:
    by_hand = "echo '# by hand' >>/etc/nix/nix.custom.conf"
    asks = "\n  said=$(daemon_words)\n"
    script = writing(trixie, declaring()).replace(asks, f"\n  {by_hand}{asks}")
    assert by_hand in script
    outcome = send(trixie, script)
    assert outcome.result is Result.ROLLED_BACK
    kept = "/etc/nix/nix.custom.conf.edited"
    assert f"; what was edited meanwhile is kept as {kept}; " in outcome.words
    after = dict(everything(trixie))
    assert after.pop("nix.custom.conf.edited").endswith("# nixtrust: end\n# by hand\n")
    assert after == FILES
    assert answers(trixie)
