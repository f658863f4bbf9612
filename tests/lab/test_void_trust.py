"""Settings that void trust do so with real Nix, and are told as drift."""

from dataclasses import dataclass
from functools import partial

import pytest

import lab
from lab.cache import Caches, caches
from nixtrust.findings import Finding, Rule, Weight, findings
from tests.lab import transactions
from tests.lab.transactions import RESTART, lay, look, run_for, start_anew

pytestmark = pytest.mark.lab

LAB = "void-trust"
declaring = partial(transactions.declaring, of=LAB)
NIX_REMOTE = """
cd /etc/systemd/system
mkdir -p nix-daemon.service.d
printf '[Service]\\nEnvironment=NIX_REMOTE=local?require-sigs=false\\n' >nix-daemon.service.d/x.conf
systemctl daemon-reload
"""


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    return transactions.machines(*lab.SUITES, of=LAB)


@pytest.fixture(params=lab.SUITES)
def machine(request: pytest.FixtureRequest, machines: dict[str, lab.Machine]) -> lab.Machine:
    return start_anew(machines[request.param])


@pytest.fixture(scope="module")
def its() -> Caches:
    served = caches(LAB)
    served.start()
    return served


def conf(its: Caches) -> str:
    """As declared, but that a stranger's cache is asked, whose key is not trusted."""
    declared = declaring().texts
    asked = f"{its.foreign.url} {declared['substituters']}"
    return "".join(
        f"{name} = {value}\n"
        for name, value in {**declared, "substituters": asked}.items()
        if name != "fallback"
    )


def derivation(name: str, script: str = "echo $name > $out") -> str:
    return f"""
        derivation {{
          name = "{name}";
          system = builtins.currentSystem;
          builder = "/bin/sh";
          args = [ "-c" "{script}" ];
        }}
    """


@dataclass(frozen=True, slots=True)
class Built:
    """What a member's build came to: what is in it, and what Nix said."""

    content: str
    log: str


def build(machine: lab.Machine, expression: str) -> Built:
    done = machine.run(
        "cd; cat >it.nix; unset NIX_REMOTE; cat $(nix-build --store daemon --no-out-link it.nix)",
        "baleen",
        input=expression,
    )
    return Built(done.stdout, done.stderr)


def void(machine: lab.Machine) -> list[Finding]:
    found = findings(declaring(), look(machine, declaring()), "x86_64-linux")
    return [each for each in found if each.rule is Rule.UNDERMINED]


STORES = (
    "local?require-sigs=false",
    "auto?require-sigs=false",
    "/?require-sigs=false",
    "local?require%2Dsigs=false",
    "local?%72equire-sigs=0",
    "local?priority=1&require-sigs=no",
    "local?require-sigs=true",
    "auto",
)


def test_a_store_that_takes_what_a_stranger_signed_is_drift(
    machine: lab.Machine, its: Caches
) -> None:
    taken = set()
    for number, store in enumerate(STORES):
        lay(machine, f"{conf(its)}store = {store}\n")
        name = f"strangers-{machine.suite}-{number}"
        its.foreign.publish(derivation(name))
        if "copying path" in build(machine, derivation(name)).log:
            taken.add(store)
            (found,) = void(machine)
            assert found.weight is Weight.DRIFT, store
            assert f"store = {store.partition('?')[0]}" in found.there
    assert taken >= {"local?require-sigs=false"}
    assert taken.isdisjoint({"local?require-sigs=true", "auto"})


def test_a_store_of_the_daemons_environment_is_drift(machine: lab.Machine, its: Caches) -> None:
    lay(machine, conf(its))
    machine.run(f"{NIX_REMOTE}{RESTART}").check_returncode()
    name = f"environment-{machine.suite}"
    its.foreign.publish(derivation(name))
    assert "copying path" in build(machine, derivation(name)).log
    (found,) = void(machine)
    assert "NIX_REMOTE" in found.there


def test_builds_without_a_user_of_their_own_are_drift(machine: lab.Machine, its: Caches) -> None:
    who = derivation(f"who-{machine.suite}", "/usr/bin/id -u > $out")
    lay(machine, f"{conf(its)}sandbox = false\nbuild-users-group =\n")
    assert build(machine, who).content == "0\n"
    (found,) = void(machine)
    assert found.there == "an empty build-users-group: anybody's build runs as root"


def test_caches_that_are_never_asked_are_asked_again(machine: lab.Machine, its: Caches) -> None:
    for name in ("substitute", "build-use-substitutes"):
        expression = derivation(f"{name}-{machine.suite}")
        its.team.publish(expression)
        lay(machine, f"{conf(its)}{name} = false\n")
        assert "copying path" not in build(machine, expression).log
        made = f"/nix/store/*-{name}-{machine.suite}"
        machine.run(f"nix-store --delete $(ls -d {made})").check_returncode()
        done = run_for(machine, "deploy.py", "-y")
        assert done.returncode == 0, done.stdout
        assert "substitute = false: no declared cache is ever asked" in done.stdout
        assert "copying path" in build(machine, expression).log
        assert void(machine) == []
