"""What it is all for: a member's builds come from the declared caches, and from nowhere else."""

import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

import lab
from lab.cache import Cache, Caches, caches
from tests.lab.whole_run import pyinfra

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
LAB = "cache"
T = TypeVar("T")
# Generous: the box may be busy, and Nix asks a cache that is down five times.
BUILD_SECONDS = 180.0
NIX = "nix --extra-experimental-features 'nix-command flakes'"

# Who logs in to deploy, and who builds: ordinary members, each with a login shell of its own.
PEOPLE = {
    "bookworm": ("root", "baleen"),
    "trixie": ("lead", "jito.hello"),
    "sid": ("root", "mia"),
}
# What the caches have, by the names of derivations; the team's has `forged-*` as well, signed with
# the foreign cache's key. All is there before anybody asks, because Nix remembers for an hour that
# a cache lacks a path (narinfo-cache-negative-ttl).
PUBLISHED: Mapping[str, tuple[str, ...]] = {
    "team": ("same", "in-both"),
    "second": ("in-both", "in-second"),
    "on-request": ("asked-by-option", "asked-by-flake"),
    "foreign": ("forged-1", "forged-2", "added-by-option", "added-by-nix-conf"),
}
# It stops itself until somebody lets it go on, so that no clock decides what it lives through.
STOPS = "/bin/sh -c 'kill -STOP $$'; echo went on >$out"
STOPPED = "--runstates T --full 'kill -STOP'"


# Builds -------------------------------------------------------------------------------------------


def derivation(name: str, script: str = "echo $name >$out") -> str:
    """A Nix expression that needs nothing but a shell; its store path is the same everywhere."""
    return (
        f'derivation {{ name = "{name}"; system = "{platform.machine()}-linux";'
        f' builder = "/bin/sh"; args = [ "-c" "{script}" ]; }}'
    )


@dataclass(frozen=True, slots=True)
class Build:
    """How a member's build ended, and what Nix said of it."""

    status: int
    path: str
    log: str

    @property
    def is_from_source(self) -> bool:
        return self.status == 0 and "\nbuilding '/nix/store/" in f"\n{self.log}"

    @property
    def copied_from(self) -> list[str]:
        return re.findall(rf"^copying path '{self.path}' from '([^']*)'", self.log, re.MULTILINE)

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.log.splitlines() if "warning" in line or "error" in line]


def build(machine: lab.Machine, nix: str, options: str = "") -> Build:
    """`nix-build` by the machine's member."""
    return ended_as_build(
        machine.run(
            f"nix-build --no-out-link {options} -",
            user=machine.spec.member,
            input=nix,
            timeout=BUILD_SECONDS,
        )
    )


def ended_as_build(ended: "subprocess.CompletedProcess[str]") -> Build:
    return Build(ended.returncode, ended.stdout.strip(), ended.stderr)


def run_in(machine: lab.Machine, script: str, user: str = "root") -> str:
    answer = machine.run(f"set -e\n{script}", user, timeout=BUILD_SECONDS)
    assert answer.returncode == 0, f"{machine.name}: {answer.stderr}"
    return answer.stdout.strip()


def asked_for(cache: Cache, path: str, since: int = 0) -> bool:
    """Whether a cache was asked for a store path, but for its first requests."""
    digest = Path(path).name.partition("-")[0]
    return any(f"/{digest}.narinfo" in line for line in cache.requests()[since:])


def signers(machine: lab.Machine, path: str) -> list[str]:
    """The names of the keys that a path in the machine's store is signed with."""
    told = run_in(machine, f"{NIX} path-info --sigs {path}")
    return [word.partition(":")[0] for word in told.split() if ":" in word]


# The machines before and after the deploy ---------------------------------------------------------


@pytest.fixture(scope="module")
def its() -> Caches:
    """The lab's caches with all that is published, served."""
    its = caches(LAB)
    its.start()
    for cache in its.all:
        for name in PUBLISHED[cache.role]:
            cache.publish(derivation(name))
            if name.startswith("forged-"):
                serve_as_well(its.foreign, its.team)
    return its


def serve_as_well(one: Cache, other: Cache) -> None:
    """What one cache has by now, the other serves too, signed as it is."""
    kept = (other.folder / "files/nix-cache-info").read_bytes()
    shutil.copytree(one.folder / "files", other.folder / "files", dirs_exist_ok=True)
    (other.folder / "files/nix-cache-info").write_bytes(kept)


@dataclass(frozen=True, slots=True)
class Story:
    """What happened up to the deploy: `before` it the same build was asked for that comes after it,
    and `throughout` it another one was under way. `daemons` are the process numbers around it.
    """

    machines: Mapping[str, lab.Machine]
    before: Mapping[str, Build]
    throughout: Mapping[str, Build]
    daemons: Mapping[str, tuple[str, str]]


@pytest.fixture(scope="module")
def story(its: Caches) -> Story:
    """One machine of each suite; a single deploy brings them all."""
    specs = [
        lab.MachineSpec(
            f"cache-{suite}",
            suite,
            f"127.77.6.{number}",
            login=login,
            member=member,
            lab=LAB,
            people=(login, member),
        )
        for number, (suite, (login, member)) in enumerate(PEOPLE.items(), start=1)
    ]
    machines = {machine.suite: machine for machine in lab.up(specs)}
    with ThreadPoolExecutor(2 * len(machines)) as pool:
        before = each(pool, machines, build_and_forget)
        under_way = {
            suite: pool.submit(build, machine, derivation("throughout", STOPS))
            for suite, machine in machines.items()
        }
        each(pool, machines, wait_until_stopped)
        old = each(pool, machines, daemon_of)
        try:
            deploy()
            new = each(pool, machines, daemon_of)
        finally:
            each(pool, machines, let_go_on)
        throughout = {suite: builds.result() for suite, builds in under_way.items()}
    daemons = {suite: (old[suite], new[suite]) for suite in machines}
    return Story(machines, before, throughout, daemons)


def build_and_forget(machine: lab.Machine) -> Build:
    built = build(machine, derivation("same"))
    run_in(machine, f"nix-store --delete {built.path}")
    return built


def wait_until_stopped(machine: lab.Machine) -> None:
    run_in(
        machine, f"timeout 120 sh -c {shlex.quote(f'until pgrep {STOPPED}; do sleep 0.3; done')}"
    )


def let_go_on(machine: lab.Machine) -> None:
    run_in(machine, f"pkill --signal CONT {STOPPED}")


def daemon_of(machine: lab.Machine) -> str:
    return run_in(machine, "systemctl show --property=MainPID --value nix-daemon.service")


def deploy() -> None:
    ended = pyinfra(LAB, "inventory/lab.py", "deploy.py", "-y")
    assert ended.returncode == 0, ended.stdout


def each(
    pool: ThreadPoolExecutor, machines: Mapping[str, lab.Machine], act: Callable[[lab.Machine], T]
) -> dict[str, T]:
    """What comes of acting on all machines at once, by suite."""
    return dict(zip(machines, pool.map(act, machines.values()), strict=True))


@pytest.fixture(params=PEOPLE)
def suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def machine(suite: str, story: Story) -> lab.Machine:
    """The machine of each suite in turn, after the deploy."""
    return story.machines[suite]


bears_fallback = pytest.mark.parametrize("suite", ["trixie", "sid"])


@pytest.fixture
def team_is_down(its: Caches, machine: lab.Machine) -> Iterator[None]:
    """The team's cache, which the machine has used before, is out of order."""
    its.team.stop()
    yield
    its.team.start()


# What is declared -------------------------------------------------------------------------------


def test_before_the_deploy_a_member_builds_from_source(suite: str, story: Story) -> None:
    built = story.before[suite]
    assert built.is_from_source, built.log
    assert not built.copied_from


def test_after_the_deploy_the_same_build_comes_from_the_cache(
    suite: str, machine: lab.Machine, story: Story, its: Caches
) -> None:
    since = len(its.team.requests())
    built = build(machine, derivation("same"))
    assert built.path == story.before[suite].path
    assert built.copied_from == [its.team.url], built.log
    assert not built.is_from_source
    assert built.warnings == []
    assert signers(machine, built.path) == [its.team.key_name]
    assert asked_for(its.team, built.path, since)


def test_what_only_the_second_cache_has_comes_from_there(machine: lab.Machine, its: Caches) -> None:
    built = build(machine, derivation("in-second"))
    assert built.copied_from == [its.second.url], built.log
    assert built.warnings == []
    assert signers(machine, built.path) == [its.second.key_name]


def test_a_build_under_way_lives_through_the_deploy(suite: str, story: Story) -> None:
    old, new = story.daemons[suite]
    assert old != new
    built = story.throughout[suite]
    assert built.is_from_source, built.log
    assert run_in(story.machines[suite], f"cat {built.path}") == "went on"


# What is not declared -----------------------------------------------------------------------------


def test_a_path_signed_with_another_key_is_refused(machine: lab.Machine, its: Caches) -> None:
    since = len(its.team.requests())
    built = build(machine, derivation("forged-1"))
    assert built.is_from_source, built.log
    assert not built.copied_from
    assert asked_for(its.team, built.path, since)
    assert any("not signed by any of the keys" in line for line in built.warnings), built.log
    assert signers(machine, built.path) == []


def test_a_member_cannot_add_a_key(machine: lab.Machine, its: Caches) -> None:
    since = len(its.team.requests())
    built = build(
        machine,
        derivation("forged-2"),
        f"--option extra-trusted-public-keys {its.foreign.public_key}",
    )
    assert built.is_from_source, built.log
    assert not built.copied_from
    assert asked_for(its.team, built.path, since)
    assert signers(machine, built.path) == []


def test_a_member_cannot_add_a_cache_by_an_option(machine: lab.Machine, its: Caches) -> None:
    built = build(
        machine,
        derivation("added-by-option"),
        f"--option extra-substituters {its.foreign.url}"
        f" --option extra-trusted-public-keys {its.foreign.public_key}",
    )
    assert_ignored(built, its.foreign)


def test_a_member_cannot_add_a_cache_in_their_own_nix_conf(
    machine: lab.Machine, its: Caches
) -> None:
    conf = f"substituters = {its.foreign.url}\ntrusted-public-keys = {its.foreign.public_key}\n"
    member = machine.spec.member
    run_in(machine, f"mkdir -p .config/nix; printf %s '{conf}' >.config/nix/nix.conf", member)
    try:
        built = build(machine, derivation("added-by-nix-conf"))
    finally:
        run_in(machine, "rm .config/nix/nix.conf", member)
    assert_ignored(built, its.foreign)


def assert_ignored(built: Build, foreign: Cache) -> None:
    assert built.is_from_source, built.log
    assert not built.copied_from
    ignored = f"ignoring untrusted substituter '{foreign.url}'"
    assert any(ignored in line for line in built.warnings), built.log
    assert not asked_for(foreign, built.path)


# What can be asked for ----------------------------------------------------------------------------


def test_a_cache_on_request_is_used_when_a_member_asks_for_it(
    machine: lab.Machine, its: Caches
) -> None:
    options = f"--option extra-substituters {its.on_request.url}"
    built = build(machine, derivation("asked-by-option"), options)
    assert built.copied_from == [its.on_request.url], built.log
    assert built.warnings == []
    assert signers(machine, built.path) == [its.on_request.key_name]


def test_a_cache_on_request_is_used_when_a_flake_asks_for_it(
    machine: lab.Machine, its: Caches
) -> None:
    flake = f"""{{
        nixConfig.extra-substituters = [ "{its.on_request.url}" ];
        outputs = _: {{ it = {derivation("asked-by-flake")}; }};
    }}"""
    write = f"mkdir -p flake; printf %s {shlex.quote(flake)} >flake/flake.nix"
    run_in(machine, write, machine.spec.member)
    ask = f"{NIX} build --accept-flake-config --out-link it path:./flake#it && readlink it"
    ended = machine.run(ask, machine.spec.member, timeout=BUILD_SECONDS)
    built = ended_as_build(ended)
    assert built.status == 0, built.log
    assert signers(machine, built.path) == [its.on_request.key_name]
    assert not [line for line in built.warnings if "ignoring" in line]


def test_a_cache_on_request_is_not_asked_unasked(machine: lab.Machine, its: Caches) -> None:
    since = len(its.team.requests())
    built = build(machine, derivation("unasked"))
    assert built.is_from_source, built.log
    assert asked_for(its.team, built.path, since)
    assert not asked_for(its.on_request, built.path)


# The team's cache is down -------------------------------------------------------------------------


@pytest.mark.usefixtures("team_is_down")
@bears_fallback
def test_with_the_teams_cache_down_builds_come_from_the_other_one(
    machine: lab.Machine, its: Caches
) -> None:
    built = build(machine, derivation("in-both"))
    assert built.copied_from == [its.second.url], built.log


@pytest.mark.usefixtures("team_is_down")
@bears_fallback
def test_with_the_teams_cache_down_what_no_other_has_is_built_from_source(
    machine: lab.Machine,
) -> None:
    built = build(machine, derivation("in-none"))
    assert built.is_from_source, built.log


@pytest.mark.usefixtures("team_is_down")
@pytest.mark.parametrize("suite", ["bookworm"])
def test_with_the_teams_cache_down_a_nix_without_fallback_goes_on_when_a_member_says_so(
    machine: lab.Machine, its: Caches
) -> None:
    """Nix 2.8 gives up at the first cache it knows and cannot reach, and `fallback` crashes it."""
    alone = build(machine, derivation("in-both"))
    assert alone.status != 0
    assert f"unable to download '{its.team.url}/" in alone.log
    other = build(machine, derivation("in-both"), f"--option substituters {its.second.url}")
    assert other.copied_from == [its.second.url], other.log
    source = build(machine, derivation("in-none"), "--option substitute false")
    assert source.is_from_source, source.log
