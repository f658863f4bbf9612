"""The restart: the daemon reads what was written, and no build is ended for that."""

import re
import stat
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest

import lab
from nixtrust.outcome import Outcome, Result
from tests.lab import transactions
from tests.lab.transactions import (
    conf,
    daemon,
    holds,
    lay,
    leftovers,
    look,
    restarting,
    run_for,
    send,
    start_anew,
    writing,
)

pytestmark = pytest.mark.lab

LAB = "restart"
declaring = partial(transactions.declaring, of=LAB)

MARKER = ".nixtrust-restart-pending"
# What a restart that is put off leaves: that it is due, and what the daemon has read.
DUE = [".nixtrust-old.nix.conf", MARKER]


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    return transactions.machines(*lab.SUITES, of=LAB, people=("baleen", "mia"))


@pytest.fixture(params=lab.SUITES)
def machine(request: pytest.FixtureRequest, machines: dict[str, lab.Machine]) -> lab.Machine:
    return start_anew(machines[request.param])


@pytest.fixture
def trixie(machines: dict[str, lab.Machine]) -> lab.Machine:
    return start_anew(machines["trixie"])


def test_a_change_restarts_the_daemon_and_a_machine_in_step_keeps_it(machine: lab.Machine) -> None:
    first = daemon(machine)
    changed = run_for(machine, "deploy.py", "-y")
    second = daemon(machine)
    assert changed.returncode == 0, changed.stdout
    assert second != first
    again = run_for(machine, "deploy.py", "-y")
    assert again.returncode == 0, again.stdout
    assert daemon(machine) == second
    ends = re.findall(r"\] +(Success|No changes)$", again.stdout, re.MULTILINE)
    assert set(ends) == {"No changes"}


# While a build runs ----------------------------------------------------------------------------

SLOW = """
derivation {
  name = "slow-NAME";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [
    "-c"
    ": >/tmp/NAME-runs; until [ -e /tmp/NAME-may-end ]; do /bin/sleep 0.1; done; echo built >$out"
  ];
}
"""
Build = Future[lab.Ended]


@contextmanager
def building(machine: lab.Machine, name: str, settings: str = "") -> Iterator[Build]:
    """A build that a member has started, through the daemon; it ends when it is let go."""
    lay(machine, f"sandbox = false\n{settings}")
    with ThreadPoolExecutor(1) as pool:
        build = pool.submit(
            machine.run,
            "cat >it.nix; NIX_REMOTE=daemon nix-build --no-out-link it.nix",
            "baleen",
            SLOW.replace("NAME", name),
        )
        try:
            machine.run(f"until test -e /tmp/{name}-runs; do sleep 0.1; done")
            yield build
        finally:
            let_go(machine, name)


def let_go(machine: lab.Machine, name: str) -> None:
    machine.run(f"touch /tmp/{name}-may-end").check_returncode()


def is_well(build: Build, name: str) -> bool:
    answer = build.result(300)
    return answer.returncode == 0 and answer.stdout.endswith(f"-slow-{name}\n")


def test_a_build_that_runs_during_the_deploy_finishes(machine: lab.Machine) -> None:
    before = daemon(machine)
    with building(machine, "spared") as build:
        policy = declaring("mia")
        assert send(machine, writing(machine, policy)).result is Result.DONE
        assert holds(machine, policy)
        assert daemon(machine) != before
        assert not build.done()
        # Until it ends somebody has a connection with the trust of before.
        assert len(look(machine, policy).earlier_connections) == 1
        let_go(machine, "spared")
        assert is_well(build, "spared")
    assert look(machine, policy).earlier_connections == ()
    assert leftovers(machine) == []


def let_a_restart_end_builds(machine: lab.Machine) -> None:
    machine.run(
        "mkdir -p /etc/systemd/system/nix-daemon.service.d"
        " && cat >/etc/systemd/system/nix-daemon.service.d/ends-all.conf"
        " && systemctl daemon-reload",
        input="[Service]\nKillMode=control-group\n",
    ).check_returncode()


def test_where_a_restart_would_end_a_build_it_waits_for_the_next_run(trixie: lab.Machine) -> None:
    let_a_restart_end_builds(trixie)
    with building(trixie, "waited-for") as build:
        before = daemon(trixie)
        answer = run_for(trixie, "deploy.py", "-y")
        assert answer.returncode == 1
        assert "written, but the daemon has to be restarted: builds are running" in answer.stdout
        assert holds(trixie, declaring())
        assert leftovers(trixie) == DUE
        assert daemon(trixie) == before
        assert not build.done()
        let_go(trixie, "waited-for")
        assert is_well(build, "waited-for")
    again = run_for(trixie, "deploy.py", "-y")
    assert again.returncode == 0, again.stdout
    assert daemon(trixie) != before
    assert leftovers(trixie) == []


def test_what_is_kept_until_the_restart_is_told_of_if_it_holds_a_credential(
    trixie: lab.Machine,
) -> None:
    let_a_restart_end_builds(trixie)
    password = "mU4k9xQ"
    line = f"extra-substituters = https://:{password}@x.cachix.org\n"
    with building(trixie, "kept-for", line) as build:
        first = run_for(trixie, "deploy.py", "-y")
        assert "its line goes as nix.conf is written; revoke it: " in first.stdout
        assert leftovers(trixie) == DUE
        kept = conf(trixie, DUE[0])
        assert password in kept.read_text()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        again = run_for(trixie, "deploy.py", "--dry")
        said = f"/etc/nix/{DUE[0]}:2: an auth token of the cache x; it goes once the daemon has"
        assert said in again.stdout
        let_go(trixie, "kept-for")
        assert is_well(build, "kept-for")
    last = run_for(trixie, "deploy.py", "-y")
    assert last.returncode == 0, last.stdout
    assert leftovers(trixie) == []
    assert password not in conf(trixie, "nix.conf.before-nixtrust").read_text()
    assert password not in first.stdout + again.stdout + last.stdout


BUILDERS = {
    "of another group": "build-users-group = builders\n",
    "of no group": "extra-experimental-features = auto-allocate-uids\nauto-allocate-uids = true\n",
}


@pytest.mark.parametrize("settings", BUILDERS.values(), ids=BUILDERS.keys())
def test_it_waits_for_builders_of_whatever_name(settings: str, trixie: lab.Machine) -> None:
    let_a_restart_end_builds(trixie)
    trixie.run("groupadd builders && useradd --system --gid builders --groups builders mason")
    name = "another" if "builders" in settings else "nobody"
    with building(trixie, name, settings) as build:
        assert send(trixie, writing(trixie, declaring())).result is Result.PENDING
        let_go(trixie, name)
        assert is_well(build, name)
    assert send(trixie, restarting(trixie, declaring())).result is Result.DONE


# A daemon that is not as usual ------------------------------------------------------------------


def test_a_daemon_that_its_socket_starts_need_not_run(machine: lab.Machine) -> None:
    policy = declaring("mia")
    script = writing(machine, policy)
    machine.run("systemctl stop nix-daemon.service").check_returncode()
    assert send(machine, script).result is Result.DONE
    assert leftovers(machine) == []
    assert holds(machine, policy)
    trusts = {user.name: user.trust for user in look(machine, policy).users}
    assert machine.suite == "bookworm" or trusts["mia"] == "trusted"


def with_restart(
    machine: lab.Machine, command: str, script: str, second: int = 2
) -> tuple[Outcome, float]:
    """What comes of a script where `systemctl restart` does this first, and in how many seconds.

    + second: the seconds that its second try has
    """
    machine.run(
        "mkdir -p /opt/front && cp /usr/bin/systemctl /opt/front/real"
        " && cat >/opt/front/systemctl && chmod +x /opt/front/systemctl",
        input=f'#!/bin/sh\ncase $1 in restart) {command} ;; esac\nexec /opt/front/real "$@"\n',
    ).check_returncode()
    began = time.monotonic()
    over = "mount --bind /opt/front/systemctl /usr/bin/systemctl"
    shorter = script.replace("limit 10 systemctl restart", "limit 2 systemctl restart").replace(
        "limit 30 systemctl restart", f"limit {second} systemctl restart"
    )
    outcome = send(machine, shorter, f"unshare --mount sh -c '{over}; exec sh'")
    return outcome, time.monotonic() - began


@pytest.mark.parametrize(
    "command", ["exec sleep 1000", "echo 'Transport endpoint' >&2; exit 1"], ids=["hangs", "fails"]
)
def test_a_restart_that_did_not_come_about_is_not_taken_for_one(
    command: str, trixie: lab.Machine
) -> None:
    policy = declaring()
    script, before = writing(trixie, policy), daemon(trixie)
    outcome, seconds = with_restart(trixie, command, script)
    assert seconds < 60
    assert outcome.result is Result.PENDING
    assert "`systemctl restart nix-daemon.service`" in outcome.words
    assert daemon(trixie) == before
    assert leftovers(trixie) == DUE
    assert look(trixie, policy).restart_pending
    assert trixie.run("pgrep -x sleep").stdout == ""


def test_a_daemon_that_hears_of_its_end_at_the_next_connection_is_knocked_at(
    trixie: lab.Machine,
) -> None:
    script, before = writing(trixie, declaring()), daemon(trixie)
    once = "[ -e /opt/front/was ] || { : >/opt/front/was; exec sleep 1000; }"
    outcome, seconds = with_restart(trixie, once, script, second=30)
    assert seconds < 60
    assert outcome.result is Result.DONE
    assert daemon(trixie) != before
    assert leftovers(trixie) == []
