"""One machine's trouble is its own: it fails alone, in time, with one line; the others go on."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from testinfra.host import Host

import lab
from lab.messes import BALEEN, BALEEN_KEY, NIXOS_ORG, NIXOS_ORG_KEY
from nixtrust import inventory
from nixtrust.outcome import Result
from nixtrust.policy import policy_of
from tests.lab.transactions import send, writing
from tests.lab.trouble_machines import HEALTHY, LAB, SECRET, TROUBLES, Trouble

pytestmark = pytest.mark.lab

Machines = Mapping[str, lab.Machine]
Ended = subprocess.CompletedProcess[str]
OverSsh = Callable[[lab.Machine, str], Host]

ROOT = Path(__file__).parents[2]
CRASH_REPORT = ROOT / "pyinfra-debug.log"
# Seconds for a whole run, whatever its machines are up to; on an idle box it takes 50.
BOUND = 300.0
NIX = "NIX_USER_CONF_FILES= nix --extra-experimental-features nix-command"

DATA: dict[str, object] = {
    "nix_caches": [
        {"url": BALEEN, "public_keys": [BALEEN_KEY]},
        {"url": NIXOS_ORG, "public_keys": [NIXOS_ORG_KEY]},
    ],
    "nix_trusted_users": ["root"],
    "nix_settings": {"connect-timeout": 7},
}
# The same as real Nix prints it, the words in any order.
DECLARED = {
    "substituters": {BALEEN, NIXOS_ORG},
    "trusted-substituters": {f"{BALEEN}/", NIXOS_ORG},
    "trusted-public-keys": {BALEEN_KEY, NIXOS_ORG_KEY},
    "trusted-users": {"root"},
    "connect-timeout": {"7"},
}


# The machines ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def machines() -> Machines:
    """The machines by name, each one in its trouble."""
    troubled = [(each.name, each.suite, "cachix-advice", each.login) for each in TROUBLES]
    healthy = [(name, *rest) for name, rest in HEALTHY.items()]
    specs = [
        lab.MachineSpec(
            *(f"trouble-{name}", suite, f"127.77.3.{number}", mess, login),
            lab=LAB,
            people=("baleen", login),
        )
        for number, (name, suite, mess, login) in enumerate([*troubled, *healthy], start=1)
    ]
    found = {each.name.removeprefix("trouble-"): each for each in lab.up(specs)}
    for trouble in TROUBLES:
        run_in(found[trouble.name], trouble.into)
    found["off"].power_off()
    hide_secrets(found)
    return found


def run_in(machine: lab.Machine, script: str, user: str = "root") -> str:
    answer = machine.run(f"set -e\n{script}", user)
    assert answer.returncode == 0, f"{machine.name}: {answer.stderr}"
    return answer.stdout


def hide_secrets(machines: Machines) -> None:
    """Where people have them, in the files that a run changes."""
    text = f"# mine: {SECRET}\naccess-tokens = github.com={SECRET}\n"
    for name in HEALTHY:
        run_in(machines[name], f"printf %s {shlex.quote(text)} >>/etc/nix/nix.conf")


def mess_up(machines: Machines) -> None:
    """The healthy ones, once more as they were at first."""
    for name in HEALTHY:
        machines[name].reset()
    hide_secrets(machines)


def contents(machine: lab.Machine, *folders: str) -> str:
    """All there is in folders: kind, mode, owner, time and bytes of each file."""
    script = f"""
        find {" ".join(folders)} -mindepth 1 -printf '%p %y %m %U:%G %T@ %l\\n' | sort
        find {" ".join(folders)} -type f -exec sha256sum {{}} + | sort
    """
    if machine.is_running():
        return run_in(machine, f"cd /\n{script}")
    disk = subprocess.run(["sh", "-c", script], cwd=machine.root, capture_output=True, text=True)
    assert disk.returncode == 0, disk.stderr
    return disk.stdout


def nix_reads(machine: lab.Machine) -> dict[str, set[str]]:
    """What real Nix there reads of the settings that are declared."""
    told = run_in(machine, f"{NIX} show-config")
    values = dict(line.split(" = ", 1) for line in told.splitlines() if " = " in line)
    return {name: set(values[name].split()) for name in DECLARED}


def daemon_trusts(machine: lab.Machine, user: str) -> bool:
    """What the live daemon says; Nix 2.8 does not tell."""
    told = run_in(machine, f"{NIX} store info --store daemon --json", user)
    return bool(json.loads(told)["trusted"])


# The runs -------------------------------------------------------------------------------------


def write_inventory(file: Path, machines: Machines, sick: bool) -> None:
    """An inventory of the machines; if `sick` with a wrong host key and a wrong system in it."""
    keys = dict(line.split(" ", 1) for line in lab.KNOWN_HOSTS.read_text().splitlines())
    systems = {name: machine.system for name, machine in machines.items()}
    if sick:
        keys[machines["wrong-key"].address] = keys[machines["noise"].address]
        right = systems["system"]
        systems["system"] = next(each for each in inventory.SYSTEMS if each != right)
    addresses = [machine.address for machine in machines.values()]
    known_hosts = file.with_suffix(".known_hosts")
    known_hosts.write_text("".join(f"{address} {keys[address]}\n" for address in addresses))
    team = inventory.Team(
        tuple(listed(machine, systems[name]) for name, machine in machines.items())
    )
    groups = team.groups(str(known_hosts))
    file.write_text("".join(f"{name} = {hosts!r}\n" for name, hosts in groups.items()))


def listed(machine: lab.Machine, system: str) -> inventory.Machine:
    ssh = {"host": machine.address, "user": machine.spec.login, "key": str(machine.ssh_key)}
    fields = {"system": system, "user": machine.spec.member, "ssh": ssh, "data": DATA}
    return inventory.Machine.model_validate({"name": machine.name, **fields})


def pyinfra(file: Path, *arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("pyinfra")), str(file), "deploy.py", *arguments]


def without_terminal(command: list[str]) -> Ended:
    return subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BOUND,
        start_new_session=True,
    )


def at_terminal(command: list[str], typed: str) -> Ended:
    """At a terminal of its own, where nobody types but what is given, at once."""
    reader, writer = os.pipe()
    try:
        os.write(writer, typed.encode())
        return subprocess.run(
            ["script", "--quiet", "--return", "--command", shlex.join(command), "/dev/null"],
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm"},
            stdin=reader,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BOUND,
            start_new_session=True,
        )
    finally:
        os.close(reader)
        os.close(writer)


def plain(said: str) -> str:
    """Without colours and other codes of a terminal, and without what was written over."""
    bare = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in bare.split("\n"))


PYINFRAS_OWN = re.compile(
    r"Connected|Ready: deploy\.py|Success|No changes|Error: executed \d+ commands?"
)


@dataclass(frozen=True, slots=True)
class Run:
    """A run of pyinfra: what it `said` without colours, and what the machines had around it.

    `nix_read` and `trusting` are of the healthy machines after it: what real Nix read there, and
    whether its daemon trusted a member.
    """

    exit_code: int
    said: str
    crashed: bool
    before: Mapping[str, str]
    after: Mapping[str, str]
    nix_read: Mapping[str, Mapping[str, set[str]]]
    trusting: Mapping[str, bool]

    def lines(self, name: str) -> list[str]:
        """What it said of one machine, but for pyinfra's own words."""
        told = re.findall(rf"\[trouble-{name}\] +(.*?)\s*$", self.said, re.MULTILINE)
        return [line for line in told if not PYINFRAS_OWN.fullmatch(line)]


def watched(machines: Machines, run: Callable[[], Ended], *folders: str) -> Run:
    def all_contents() -> dict[str, str]:
        with ThreadPoolExecutor() as pool:
            found = pool.map(lambda machine: contents(machine, *folders), machines.values())
            return dict(zip(machines, found, strict=True))

    def crash_reported() -> float:
        return CRASH_REPORT.stat().st_mtime if CRASH_REPORT.exists() else 0

    before, reported = all_contents(), crash_reported()
    ended = run()
    return Run(
        ended.returncode,
        plain(ended.stdout),
        crash_reported() > reported,
        before,
        all_contents(),
        {name: nix_reads(machines[name]) for name in HEALTHY},
        {name: daemon_trusts(machines[name], "baleen") for name in HEALTHY},
    )


Runs = Mapping[str, Run]
RUNS = ("dry", "unattended", "confirmed")
each_run = pytest.mark.parametrize("kind", RUNS)
each_writing_run = pytest.mark.parametrize("kind", RUNS[1:])
each_trouble = pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: each.name)
each_healthy = pytest.mark.parametrize("name", HEALTHY)


@pytest.fixture(scope="module")
def sick(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inventory of all machines, with its own troubles."""
    file = tmp_path_factory.mktemp("trouble") / "sick.py"
    write_inventory(file, machines, sick=True)
    return file


@pytest.fixture(scope="module")
def runs(machines: Machines, sick: Path) -> Runs:
    """One run of each kind over all machines at once, each in at most BOUND seconds.

    None gets the machines out of their trouble; the healthy ones are messed up before each.
    """
    look, go = pyinfra(sick, "--dry", "--diff"), pyinfra(sick, "-y")
    everywhere = ("etc", "home", "root", "tmp", "var/tmp")
    dry = watched(machines, lambda: without_terminal(look), *everywhere)
    unattended = watched(machines, lambda: without_terminal(go), "etc/nix")
    mess_up(machines)
    confirmed = watched(machines, lambda: at_terminal(pyinfra(sick), typed="\n"), "etc/nix")
    return {"dry": dry, "unattended": unattended, "confirmed": confirmed}


# What is seen ---------------------------------------------------------------------------------


@each_run
def test_the_run_tells_of_failures_and_does_not_crash(kind: str, runs: Runs) -> None:
    run = runs[kind]
    assert run.exit_code == 1, run.said
    assert "Traceback" not in run.said
    assert not run.crashed


@each_run
@each_trouble
def test_a_machine_in_trouble_says_in_one_line_what_is_wrong_and_what_to_do(
    kind: str, trouble: Trouble, runs: Runs
) -> None:
    said = runs[kind].lines(trouble.name)
    if trouble.late:
        would_change = runs["dry"].lines(trouble.name)
        assert would_change
        said = [line for line in said if line not in would_change]
    if trouble.late and kind == "dry":
        assert said == []
    else:
        assert len(said) == 1, "\n".join(said)
        assert re.search(trouble.says, said[0])


def test_every_line_says_whose_it_is(runs: Runs) -> None:
    said = [line for line in runs["unattended"].said.splitlines() if line.strip()]
    headings = [line for line in said if line.startswith("--> ")]
    assert headings[-2:] == ["--> Results:", "--> Disconnecting from hosts..."]
    table = said[said.index("--> Results:") :]
    others = [line for line in said if line not in headings and line not in table]
    assert [line for line in others if not re.match(r" {4}\[trouble-[a-z-]+\] +\S", line)] == [
        "    Loading: deploy.py"
    ]


@each_writing_run
@each_trouble
def test_a_machine_in_trouble_keeps_its_configuration(
    kind: str, trouble: Trouble, runs: Runs
) -> None:
    before, after = runs[kind].before[trouble.name], runs[kind].after[trouble.name]
    assert "etc/nix/nix.conf" in before
    assert after == before


@each_writing_run
@each_healthy
def test_a_healthy_machine_is_brought_to_its_state(kind: str, name: str, runs: Runs) -> None:
    assert runs["dry"].trusting[name]
    assert runs[kind].nix_read[name] == DECLARED
    assert not runs[kind].trusting[name]
    assert runs[kind].before[name] != runs[kind].after[name]


@pytest.mark.parametrize("name", [*(each.name for each in TROUBLES), *HEALTHY])
def test_a_dry_run_changes_no_byte(name: str, runs: Runs) -> None:
    assert "etc/nix/nix.conf" in runs["dry"].before[name]
    assert runs["dry"].after[name] == runs["dry"].before[name]


def test_a_daemon_that_did_not_start_with_the_new_file_answers_again(
    machines: Machines, runs: Runs
) -> None:
    assert "taken back" in runs["confirmed"].said
    assert nix_reads(machines["no-start"])["trusted-users"] == {"root", "baleen"}
    assert daemon_trusts(machines["no-start"], "baleen")


@each_healthy
def test_seen_over_ssh_nothing_of_a_run_is_left_lying(
    name: str, machines: Machines, runs: Runs, over_ssh: OverSsh
) -> None:
    assert runs["confirmed"].exit_code == 1
    host = over_ssh(machines[name], machines[name].spec.login)
    conf = host.file("/etc/nix/nix.conf")
    assert (conf.user, conf.group, conf.mode) == ("root", "root", 0o644)
    assert conf.contains("^trusted-users = root$")
    listed = host.file("/etc/nix").listdir()
    assert sorted(listed) == ["nix.conf", "nix.conf.before-nixtrust"]
    assert host.service("nix-daemon").is_running


def test_no_output_shows_a_secret(machines: Machines, sick: Path, runs: Runs) -> None:
    mess_up(machines)
    limits = [f"--limit=trouble-{name}" for name in (*HEALTHY, "refused")]
    wordy = without_terminal(pyinfra(sick, "-y", "-vvv", "--debug", "--diff", *limits))
    assert "[pyinfra." in wordy.stdout, "no debugging output"
    assert len(re.findall(r"^ +\[.*\] +Success$", wordy.stdout, re.MULTILINE)) == len(HEALTHY)
    assert SECRET in run_in(machines["baleen"], "cat /etc/nix/nix.conf")
    assert SECRET in run_in(machines["refused"], "cat /etc/nix/nix.conf")
    for said in (wordy.stdout, *(run.said for run in runs.values())):
        assert SECRET not in said


def test_a_daemon_that_slept_before_the_write_reads_the_new_file(machines: Machines) -> None:
    machines["baleen"].reset()
    policy = policy_of(DATA)
    script = writing(machines["baleen"], policy)
    assert daemon_trusts(machines["baleen"], "baleen")
    run_in(machines["baleen"], "systemctl stop nix-daemon.service")
    assert send(machines["baleen"], script).result is Result.DONE
    assert not daemon_trusts(machines["baleen"], "baleen")


# Afterwards -----------------------------------------------------------------------------------

CURABLE = [each.name for each in TROUBLES if each.name != "no-nix"]


@pytest.fixture(scope="module")
def cured(machines: Machines, runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A run over all machines that can be got out of their trouble, and were."""
    assert runs
    machines["off"].power_on()
    for trouble in TROUBLES:
        run_in(machines[trouble.name], trouble.out)
    file = tmp_path_factory.mktemp("cured") / "well.py"
    write_inventory(file, {name: machines[name] for name in CURABLE}, sick=False)
    return without_terminal(pyinfra(file, "-y"))


@pytest.mark.parametrize("name", CURABLE)
def test_out_of_its_trouble_the_next_run_brings_a_machine_to_its_state(
    name: str, machines: Machines, cured: Ended
) -> None:
    assert cured.returncode == 0, cured.stdout
    assert nix_reads(machines[name]) == DECLARED
    if machines[name].suite != "bookworm":
        assert not daemon_trusts(machines[name], "baleen")
