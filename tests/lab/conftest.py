"""Real machines for the tests, apart from the demo's: 127.77.2.N, with caches of their own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

import lab
from lab import demo
from lab.cache import Caches, caches
from lab.host import exclusive
from tests.conftest import SHARED_LAB
from tests.lab.quick_ssh import quick_options

OverSsh = Callable[[lab.Machine, str], Host]


@pytest.fixture(scope="session", autouse=True)
def _needs_the_lab() -> None:
    reason = lab.unavailable()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(f"CI must be able to run the lab, but {reason}")
    if reason:
        pytest.skip(reason)


TURNS = int(os.environ.get("NIXTRUST_TURNS", "1"))


@pytest.fixture(params=range(1, TURNS + 1), ids="turn {}".format)
def turn(request: pytest.FixtureRequest) -> object:
    """What may come out otherwise the next time: once, by `make soak` twenty times."""
    return request.param


@pytest.fixture(scope="session")
def base_image() -> Callable[[str], Path]:
    """The base image of a suite, built if need be. Never write into it."""

    def of(suite: str) -> Path:
        lab.build(frozenset({suite}))
        return lab.image(suite)

    return of


@pytest.fixture(scope="module", autouse=True)
def _alone(request: pytest.FixtureRequest, _needs_the_lab: None) -> Iterator[None]:
    """A test file has its lab to itself.

    Its machines' addresses are the same in every run, so one run at a time has them. None is there
    at first, also if an earlier run was killed, and none is left.
    """
    name = getattr(request.module, "LAB", SHARED_LAB)
    with exclusive(f"lab {name}"):
        try:
            demo.down([name])
            yield
        finally:
            demo.down([name])


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    """One machine of each suite, as Debian's package leaves it, by suite. Leave them so."""
    specs = [
        lab.MachineSpec(f"{SHARED_LAB}-{suite}", suite, f"127.77.2.{number}", lab=SHARED_LAB)
        for number, suite in enumerate(lab.SUITES, start=1)
    ]
    return {machine.suite: machine for machine in lab.up(specs)}


@pytest.fixture(params=lab.SUITES)
def machine(request: pytest.FixtureRequest, machines: dict[str, lab.Machine]) -> lab.Machine:
    """The machine of each suite in turn."""
    return machines[request.param]


@pytest.fixture(scope="module")
def lab_caches() -> Caches:
    """The caches of the lab `tests`, served."""
    its = caches(SHARED_LAB)
    its.start()
    return its


@pytest.fixture(scope="session")
def over_ssh(tmp_path_factory: pytest.TempPathFactory) -> OverSsh:
    """testinfra's view of a machine as a user, through its sshd, the host key checked strictly."""

    def of(machine: lab.Machine, user: str) -> Host:
        config = tmp_path_factory.mktemp("ssh") / "config"
        options = "".join(f"  {key} {value}\n" for key, value in quick_options(machine).items())
        config.write_text(f"Host {machine.name}\n{options}")
        # No shared connection: it would outlive the test.
        return testinfra.get_host(
            f"ssh://{user}@{machine.name}", ssh_config=str(config), controlpersist=0
        )

    return of
