"""The main job: whatever mess a machine is in, a run brings it to what is declared, and stays."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from testinfra.host import Host

import lab
from lab.cache import caches
from lab.messes import MESSES
from tests.lab.whole_run import pyinfra

pytestmark = pytest.mark.lab

OverSsh = Callable[[lab.Machine, str], Host]

ROOT = Path(__file__).parents[2]
LAB = "cache"
RUN_SECONDS = 300.0
OPERATIONS = 4
MEMBERS = ("baleen", "jito.hello", "mia")
# Every mess on one machine; suites and logins in turn, so that each mess is not each time the same.
SPECS = tuple(
    lab.MachineSpec(
        f"cache-{mess}",
        lab.SUITES[number % len(lab.SUITES)],
        f"127.77.6.{20 + number}",
        mess,
        login=("root", "lead")[number % 2],
        lab=LAB,
        people=(*MEMBERS, "lead"),
    )
    for number, mess in enumerate(MESSES)
)
# A plain account's answer is the daemon's own; Nix 2.8 does not tell whom it trusts.
TELLING = tuple(spec.mess for spec in SPECS if spec.suite != "bookworm")
SELF = lab.MachineSpec(
    "cache-self", "trixie", "127.77.6.40", "trust-everybody", lab=LAB, people=MEMBERS
)
NIX = "env NIX_USER_CONF_FILES= nix --extra-experimental-features nix-command"

BEGIN = b"# nixtrust: declared in group_data/; edits between these two lines are overwritten\n"
END = b"# nixtrust: end\n"
# The lines that go: what assigns a declared setting under any of its names, and what undermines it.
GOES = re.compile(
    rb"(extra-)?(substituters|trusted-substituters|trusted-public-keys|trusted-users"
    rb"|binary-caches|trusted-binary-caches|binary-cache-public-keys"
    rb"|connect-timeout|fallback|require-sigs)[ \t]*="
)


# The machines and the runs ----------------------------------------------------------------------

# Of each file below /etc/nix: its mode, owner, group, time and content.
Tree = Mapping[str, tuple[int, int, int, int, bytes]]


@dataclass(frozen=True, slots=True)
class Run:
    """A run over all machines, and what each had in /etc/nix after it."""

    status: int
    said: str
    trees: Mapping[str, Tree]

    def of(self, mess: str) -> list[str]:
        """What it said of the machine with that mess."""
        return re.findall(rf"^ *\[cache-{mess}\] +(.*?) *$", self.said, re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Job:
    """The machines by mess, what they had at first, and the runs in their order."""

    machines: Mapping[str, lab.Machine]
    first: Mapping[str, Tree]
    look: Run
    apply: Run
    again: Run


@pytest.fixture(scope="module")
def job() -> Job:
    machines = {machine.spec.mess: machine for machine in lab.up(SPECS)}
    return Job(
        machines,
        trees(machines),
        run(machines, "--dry", "--diff"),
        run(machines, "-y"),
        run(machines, "-y"),
    )


def run(machines: Mapping[str, lab.Machine], *arguments: str) -> Run:
    these = [word for each in machines.values() for word in ("--limit", each.name)]
    ended = pyinfra(LAB, "inventory/lab.py", "deploy.py", *these, *arguments)
    return Run(ended.returncode, ended.stdout, trees(machines))


def trees(machines: Mapping[str, lab.Machine]) -> Mapping[str, Tree]:
    return {mess: tree(machine.root / "etc/nix") for mess, machine in machines.items()}


def tree(folder: Path) -> Tree:
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        about = (status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, content)
        found[str(path.relative_to(folder))] = about
    return found


def content(its: Tree) -> Mapping[str, bytes]:
    return {name: about[-1] for name, about in its.items() if name != "."}


@pytest.fixture(params=MESSES)
def mess(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# What others see of a machine: testinfra, over SSH ------------------------------------------------


def assert_declared(machine: lab.Machine, over_ssh: OverSsh) -> None:
    """A member's Nix prints what inventory/lab.py and group_data/ declare, and nothing else."""
    its = caches(LAB)
    told = over_ssh(machine, "baleen").check_output(f"{NIX} show-config --json")
    shown = {name: entry["value"] for name, entry in json.loads(told).items()}
    used, all_used = (its.team, its.second), (its.team, its.second, its.on_request)
    assert shown["substituters"] == [cache.url for cache in used]
    assert shown["trusted-public-keys"] == [cache.public_key for cache in all_used]
    # A set, which Nix sorts.
    assert shown["trusted-substituters"] == sorted(f"{cache.url}/" for cache in all_used)
    assert shown["trusted-users"] == ["root"]
    assert shown["connect-timeout"] == 5
    assert shown["fallback"] is (machine.suite != "bookworm")  # Nix 2.8 aborts with it
    assert shown["require-sigs"] is True


def assert_trusts_root_alone(machine: lab.Machine, over_ssh: OverSsh) -> None:
    """The live daemon's own word for each account."""

    def is_trusted(user: str) -> bool:
        told = over_ssh(machine, user).check_output(f"{NIX} store info --store daemon --json")
        return bool(json.loads(told)["trusted"])

    trusted = {user: is_trusted(user) for user in ("root", *MEMBERS)}
    assert trusted == {"root": True, **dict.fromkeys(MEMBERS, False)}


# The runs -----------------------------------------------------------------------------------------


def test_a_look_changes_nothing(mess: str, job: Job) -> None:
    assert job.look.status == 0, job.look.said
    assert job.look.trees[mess] == job.first[mess]


def test_a_look_shows_the_lines_that_come(mess: str, job: Job) -> None:
    block = written(mess, job)[1].decode().splitlines()
    shown = {line.removeprefix("+ ") for line in job.look.of(mess)}
    assert set(block) <= shown, job.look.said


def test_a_run_changes_each_machine(mess: str, job: Job) -> None:
    assert job.apply.status == 0, job.apply.said
    assert "Success" in job.apply.of(mess)
    assert job.apply.trees[mess] != job.first[mess]


def test_the_same_run_again_changes_nothing(mess: str, job: Job) -> None:
    assert job.again.status == 0, job.again.said
    assert job.again.of(mess).count("No changes") == OPERATIONS
    assert job.again.trees[mess] == job.apply.trees[mess]


def test_the_same_run_again_counts_no_change(job: Job) -> None:
    rows = re.findall(r"Grand total +(.*)", job.again.said)
    total = str(OPERATIONS * len(MESSES))
    assert [row.split() for row in rows] == [[total, "-", "-", total]]


# What is written ----------------------------------------------------------------------------------


def written(mess: str, job: Job) -> tuple[bytes, bytes]:
    """The file that is ours to write: what comes before our block, and the block."""
    now = content(job.apply.trees[mess])[target(mess)]
    kept, begin, rest = now.partition(BEGIN)
    assert rest.endswith(END)
    return kept, begin + rest


def target(mess: str) -> str:
    return "nix.custom.conf" if mess == "installer" else "nix.conf"


def test_all_other_lines_keep_their_bytes(mess: str, job: Job) -> None:
    before = content(job.first[mess])[target(mess)].splitlines(keepends=True)
    stays = b"".join(line for line in before if not GOES.match(line))
    assert written(mess, job)[0] == stays


def test_all_other_files_keep_their_bytes_and_the_original_is_kept(mess: str, job: Job) -> None:
    before, now = job.first[mess], job.apply.trees[mess]
    its = target(mess)
    assert set(now) - set(before) == {f"{its}.before-nixtrust"}
    assert content(now)[f"{its}.before-nixtrust"] == content(before)[its]
    others = set(before) - {its, "."}
    assert {name: now[name] for name in others} == {name: before[name] for name in others}


def test_nix_conf_is_roots_to_write_and_everybodys_to_read(
    mess: str, job: Job, over_ssh: OverSsh
) -> None:
    file = over_ssh(job.machines[mess], "root").file(f"/etc/nix/{target(mess)}")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


def test_nix_reads_exactly_what_is_declared(mess: str, job: Job, over_ssh: OverSsh) -> None:
    assert_declared(job.machines[mess], over_ssh)


@pytest.mark.parametrize("mess", TELLING)
def test_the_daemon_trusts_root_and_no_member(mess: str, job: Job, over_ssh: OverSsh) -> None:
    assert_trusts_root_alone(job.machines[mess], over_ssh)


# On a machine that nobody reaches -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alone:
    """A machine that the project was copied to, and the runs there: look, change, once more."""

    machine: lab.Machine
    first: Tree
    look: "subprocess.CompletedProcess[str]"
    looked: Tree
    apply: "subprocess.CompletedProcess[str]"
    applied: Tree
    again: "subprocess.CompletedProcess[str]"
    then: Tree


@pytest.fixture(scope="module")
def alone() -> Alone:
    machine = with_this_python(SELF)
    copy_project(machine)
    there = machine.root / "etc/nix"
    first = tree(there)
    look, looked = run_self(machine, "--dry", "--diff"), tree(there)
    apply, applied = run_self(machine, "-y"), tree(there)
    again, then = run_self(machine, "-y"), tree(there)
    return Alone(machine, first, look, looked, apply, applied, again, then)


def with_this_python(spec: lab.MachineSpec) -> lab.Machine:
    """The machine, booted with the box's Python below /box, read-only: systemd.nspawn(5)."""
    settings = Path("/run/systemd/nspawn", f"{spec.name}.nspawn")
    settings.parent.mkdir(parents=True, exist_ok=True)
    folders = {
        "/usr": "/box/usr",
        sys.base_prefix: "/box/python",
        sysconfig.get_path("platlib"): "/box/packages",
    }
    binds = "".join(f"BindReadOnly={here}:{there}\n" for here, there in folders.items())
    settings.write_text(f"[Files]\n{binds}")
    try:
        [machine] = lab.up([spec])
    finally:
        settings.unlink()
    return machine


def copy_project(machine: lab.Machine) -> None:
    """As a clone has it; its team has this machine, and another one that is not to be reached."""
    project = machine.root / "root/nixtrust"
    for folder in ("nixtrust", "operations", "inventory", "group_data"):
        shutil.copytree(ROOT / folder, project / folder)
    for file in ("config.py", "deploy.py"):
        shutil.copy(ROOT / file, project / file)
    its = caches(LAB)
    (project / "inventory/team.yml").write_text(
        f"""\
machines:
  {machine.name}: {{system: {machine.system}, user: baleen, ssh: {{host: nowhere.example}}}}
  another: {{system: aarch64-darwin, user: mia}}
"""
    )
    declared = [
        {"url": its.team.url, "public_keys": [its.team.public_key]},
        {"url": its.second.url, "public_keys": [its.second.public_key]},
        {
            "url": its.on_request.url,
            "public_keys": [its.on_request.public_key],
            "use": "on-request",
        },
    ]
    with (project / "group_data/linux.py").open("a") as data:
        data.write(f"\nnix_caches = {declared!r}\n")


def run_self(machine: lab.Machine, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`pyinfra inventory/self.py deploy.py` on the machine, by root.

    The box's own loader and libraries run the box's Python, whatever the machine has of its own.
    """
    libraries = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}"
    [loader] = Path(libraries).glob("ld-linux*.so.*")
    python = Path(sys.executable).resolve().relative_to(sys.base_prefix)
    command = [
        *("env", "PYTHONHOME=/box/python", "PYTHONPATH=/box/packages", "PYTHONDONTWRITEBYTECODE=1"),
        *(f"/box{loader}", "--library-path", f"/box/python/lib:/box{libraries}"),
        *(f"/box/python/{python}", "-m", "pyinfra", "inventory/self.py", "deploy.py", *arguments),
    ]
    return machine.run(f"cd nixtrust && {' '.join(command)}", timeout=RUN_SECONDS)


def test_a_look_from_the_machine_itself_changes_nothing(alone: Alone) -> None:
    assert alone.look.returncode == 0, alone.look.stderr
    assert "- trusted-users = root *" in alone.look.stderr + alone.look.stdout
    assert alone.looked == alone.first


def test_a_run_on_the_machine_itself_does_the_same_for_it_alone(
    alone: Alone, over_ssh: OverSsh
) -> None:
    assert alone.apply.returncode == 0, alone.apply.stderr
    assert_declared(alone.machine, over_ssh)
    assert_trusts_root_alone(alone.machine, over_ssh)
    assert "another" not in alone.apply.stderr + alone.apply.stdout


def test_a_second_run_on_the_machine_itself_changes_nothing(alone: Alone) -> None:
    assert alone.again.returncode == 0, alone.again.stderr
    said = alone.again.stderr + alone.again.stdout
    assert said.count("] No changes") == OPERATIONS, said
    assert alone.then == alone.applied != alone.first
