"""Credentials in every place: all are told, what is nixtrust's to take goes, all else stays."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import lab
from lab.cache import caches, remove
from lab.host import exclusive
from nixtrust import inventory
from nixtrust.credentials import PLACE
from nixtrust.stored import Hindrance
from tests.lab.planting import (
    MARKED,
    Run,
    Tree,
    assert_removed,
    deploy,
    differing,
    everywhere,
    lay,
    left,
    point,
    run,
    take_out,
    tree,
)
from tests.lab.plants import HOMES, Plant, plants
from tests.lab.transactions import RESTART

pytestmark = pytest.mark.lab

LAB = "credentials"
KEPT = lab.MachineSpec(f"{LAB}-kept", "sid", "127.77.11.8", lab=LAB, people=tuple(HOMES))
# One for what is removed, one to look again.
MORE = 2


@pytest.fixture(scope="module")
def _one_at_a_time() -> Iterator[None]:
    """The addresses are the same in every run of the tests."""
    with exclusive("machines with credentials"):
        try:
            yield
        finally:
            remove(LAB)


# The machines and the runs ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A run over one machine, and what that one then had."""

    run: Run
    tree: Tree
    leftovers: str


@dataclass(frozen=True, slots=True)
class Job:
    """What one machine had at first, and the runs in their order; the last when all was out."""

    planted: tuple[Plant, ...]
    first: Tree
    leftovers: str
    look: Seen
    apply: Seen
    again: Seen
    clean: Seen


@pytest.fixture(scope="module")
def jobs(_one_at_a_time: None) -> Iterator[Mapping[str, Job]]:
    """The whole story on a machine of each suite, by suite."""
    specs = [
        lab.MachineSpec(
            f"{LAB}-{suite}", suite, f"127.77.11.{number}", lab=LAB, people=tuple(HOMES)
        )
        for number, suite in enumerate(lab.SUITES, start=1)
    ]
    names = [spec.name for spec in specs]
    try:
        lab.down(names)
        machines = lab.up(specs)
        for machine in machines:
            point(machine)
        assert {each.status for each in deploy(machines, "-y")} == {0}
        planted = [plant_all(machine) for machine in machines]
        first = [(tree(machine), leftovers(machine)) for machine in machines]
        look, apply, again = (
            seen(machines, *options) for options in (("--dry", "--diff"), ("-y",), ("-y",))
        )
        for machine, its in zip(machines, planted, strict=True):
            take_out(machine, its)
            # Out of folders in which a nix.conf might have been.
            run(machine, RESTART)
        clean = seen(machines, "-y")
        yield {
            machine.suite: Job(
                planted[number],
                *first[number],
                *(look[number], apply[number], again[number], clean[number]),
            )
            for number, machine in enumerate(machines)
        }
    finally:
        lab.down(names)


def plant_all(machine: lab.Machine) -> tuple[Plant, ...]:
    """Everything, on a machine that is in step but for that.

    Root's netrc makes a folder in which a nix.conf might have been when the daemon was started.
    """
    planted = lay(machine, plants())
    run(machine, RESTART)
    return planted


def seen(machines: list[lab.Machine], *options: str) -> list[Seen]:
    runs = deploy(machines, *options)
    return [
        Seen(each, tree(machine), leftovers(machine))
        for each, machine in zip(runs, machines, strict=True)
    ]


def leftovers(machine: lab.Machine) -> str:
    """Every file that is called as nixtrust's are."""
    return run(machine, "find / /run /tmp /dev/shm -xdev -name '*nixtrust*' | sort")


@pytest.fixture(params=lab.SUITES)
def job(request: pytest.FixtureRequest, jobs: Mapping[str, Job]) -> Job:
    return jobs[request.param]


# The plants themselves --------------------------------------------------------------------------


def test_every_place_of_the_catalogue_has_a_plant_or_a_machine_of_its_own() -> None:
    # Of what is kept until a restart: test_restart.py.
    assert {each.place for each in plants()} == set(PLACE) - {"nix-conf-before-restart"}


def test_everybody_has_one_in_every_place_of_a_home() -> None:
    everywhere = {
        place.id
        for place in PLACE.values()
        if any(pattern.startswith(("~", "$XDG", "$Z", "$HIST")) for pattern in place.patterns)
    }
    for home in HOMES.values():
        its = {each.place for each in plants() if each.path.startswith(f"{home}/")}
        assert its >= everywhere


def test_every_hindrance_has_a_plant_or_a_machine_of_its_own() -> None:
    # Of what is called by a token: test_credential_secrets.py.
    others = {Hindrance.LOCKED, Hindrance.TOO_MANY, Hindrance.MASKED}
    assert {each.why for each in plants()} >= set(Hindrance) - others


def test_no_two_secrets_or_paths_are_the_same() -> None:
    secrets = [secret for each in plants() for secret in each.secrets]
    assert len(secrets) == len(set(secrets))
    assert len(plants()) == len({each.path for each in plants()})


# What a look tells ------------------------------------------------------------------------------


def test_a_look_tells_of_every_credential_once_with_its_line(job: Job) -> None:
    assert job.look.run.found == everywhere(job.planted)
    assert job.look.run.remaining == []


def test_a_look_changes_nothing(job: Job) -> None:
    assert differing(job.first, job.look.tree) == []
    assert job.look.leftovers == job.leftovers


def test_a_look_asks_once(job: Job) -> None:
    assert job.look.run.commands == 1


def test_what_is_told_says_whose_it_is_who_can_read_it_and_what_to_revoke(job: Job) -> None:
    text = {(each.path, each.line): each.text for each in job.look.run.told}
    for each in job.planted:
        person = next((who for who, home in HOMES.items() if f"{home}/" in each.path), "")
        for line in each.lines:
            said = text[each.path, line]
            assert (f"({person}'s" if person else "") in said
            assert ("readable by everybody" in said) == bool(each.mode & 0o004), said
            assert "revoke" in said


def test_another_cachix_is_named(job: Job) -> None:
    others = [each for each in job.look.run.told if "cachix.example.org" in each.text]
    assert {each.path for each in others} == {"/home/mia/.config/cachix/cachix.dhall"}


# What is removed --------------------------------------------------------------------------------


def test_what_is_nixtrusts_to_take_goes_and_nothing_else_changes(job: Job) -> None:
    assert_removed(job.planted, job.first, job.apply.tree)


def test_a_file_keeps_its_access_control_list_and_attributes(job: Job) -> None:
    for path in MARKED:
        assert len(job.first[path].attributes) == 2
        assert job.apply.tree[path].kept == job.first[path].kept


def test_the_run_fails_with_one_line_for_each_credential_that_is_left(job: Job) -> None:
    assert job.apply.run.status != 0
    assert job.apply.run.found == everywhere(job.planted)
    assert job.apply.run.remaining == left(job.planted)


def test_of_what_is_left_it_is_told_why(job: Job) -> None:
    text = {(each.path, each.line): each.text for each in job.apply.run.told if each.still}
    for each in job.planted:
        for line in each.left:
            assert each.why is None or each.why.why in text[each.path, line]


def test_nothing_of_nixtrusts_own_stays_behind(job: Job) -> None:
    planted = {each.path for each in job.planted if each.place == "leftover"}
    assert planted
    assert set(job.apply.leftovers.split()) == set(job.leftovers.split()) - planted


def test_a_removal_is_at_most_two_more_commands(job: Job) -> None:
    # No daemon is started anew, though root's netrc lies where a nix.conf of root's would.
    assert job.apply.run.changes == 1
    assert job.apply.run.commands <= 1 + MORE


def test_the_next_run_changes_nothing_and_says_the_same(job: Job) -> None:
    assert job.again.run.status != 0
    assert job.again.run.found == job.again.run.remaining == left(job.planted)
    assert differing(job.apply.tree, job.again.tree) == []
    assert job.again.run.changes == 0
    assert job.again.run.commands == 1


def test_a_machine_without_credentials_is_in_step(job: Job) -> None:
    assert job.clean.run.status == 0, job.clean.run.said
    assert job.clean.run.told == []
    assert job.clean.run.changes == 0
    assert job.clean.run.commands == 1


# Where they are to stay -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """A machine that is in step but for its credentials."""

    machine: lab.Machine
    planted: tuple[Plant, ...]
    first: Tree


@pytest.fixture(scope="module")
def kept(_one_at_a_time: None) -> Iterator[Kept]:
    try:
        [machine] = lab.up([KEPT])
        point(machine)
        assert deploy([machine], "-y")[0].status == 0
        planted = plant_all(machine)
        yield Kept(machine, planted, tree(machine))
    finally:
        lab.down([KEPT.name])


def test_a_report_changes_nothing_and_fails_with_every_credential(kept: Kept) -> None:
    [ended] = deploy([kept.machine], "-y", "--data", "cachix_credentials=report")
    assert ended.status != 0
    assert ended.found == ended.remaining == everywhere(kept.planted)
    assert ended.commands == 1
    assert differing(kept.first, tree(kept.machine)) == []


def test_credentials_are_not_allowed_from_the_command_line(kept: Kept) -> None:
    [ended] = deploy([kept.machine], "-y", "--data", "cachix_credentials=allow")
    assert (ended.status, ended.commands) == (2, 0)
    assert "'allow' is for one declared builder" in ended.said


def test_where_credentials_are_allowed_they_are_told_and_stay(kept: Kept, tmp_path: Path) -> None:
    builder = tmp_path / "builder.py"
    write_inventory(builder, kept.machine, {"cachix_credentials": "allow"})
    [ended] = deploy([kept.machine], "-y", inventory=str(builder))
    assert ended.status == 0, ended.said
    assert ended.found == everywhere(kept.planted)
    assert all("allowed here" in each.text for each in ended.told)
    assert ended.remaining == []
    assert differing(kept.first, tree(kept.machine)) == []


def write_inventory(file: Path, machine: lab.Machine, data: Mapping[str, object]) -> None:
    """An inventory of one machine, as inventory/lab.py has it and with further data of its own."""
    its = caches(machine.spec.lab)
    always = [
        {"url": each.url, "public_keys": [each.public_key]} for each in (its.team, its.second)
    ]
    asked = {"url": its.on_request.url, "public_keys": [its.on_request.public_key]}
    listed = inventory.Machine.model_validate(
        {
            "name": machine.name,
            "system": machine.system,
            "user": machine.spec.member,
            "ssh": {"host": machine.address, "user": "root", "key": str(machine.ssh_key)},
            "data": {"nix_caches": [*always, {**asked, "use": "on-request"}], **data},
        }
    )
    groups = inventory.Team((listed,)).groups(str(machine.known_hosts))
    file.write_text("".join(f"{name} = {hosts!r}\n" for name, hosts in groups.items()))
