"""The lab keeps its word: real machines, strictly reached, and gone without a trace."""

import os
import platform
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from testinfra.host import Host

import lab
from lab import host, images, processes
from lab.cache import Caches
from lab.machines import KNOWN_HOSTS, PEOPLE
from lab.messes import MESSES

pytestmark = pytest.mark.lab

OverSsh = Callable[[lab.Machine, str], Host]

# Nix reads its configuration in another way in each of these ranges.
GENERATIONS = {
    "bookworm": [(2, minor) for minor in range(9)],
    "trixie": [(2, minor) for minor in range(20, 34)],
    "sid": [(2, minor) for minor in range(34, 100)],
}
SHELLS = {
    "baleen": "/bin/bash",
    "jito.hello": "/usr/bin/fish",
    "mia": "/usr/bin/tcsh",
    "lead": "/bin/bash",
    "root": "/bin/bash",
}
NIX = "nix --extra-experimental-features nix-command"
FETCH = "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=60).read()"

NIXOS_ORG = "https://cache.nixos.org/"
FOREIGN = "http://127.77.253.4:8080"
# What tells each mess in the words of Nix itself.
SEEN_BY_NIX: dict[str, dict[str, str]] = {
    "clean": {"trusted-users": "root", "require-sigs": "true"},
    "cachix-advice": {"trusted-users": "root baleen"},
    "extra-before-plain": {"substituters": NIXOS_ORG},
    "wrong-key-first": {
        "substituters": f"https://baleen-nix.cachix.org http://127.77.253.1:8080 {NIXOS_ORG}"
    },
    "crlf": {"trusted-users": "root jito.hello", "substituters": NIXOS_ORG},
    "included-foreign": {"substituters": f"{NIXOS_ORG} {FOREIGN}"},
    "old-names": {"substituters": f"{NIXOS_ORG} {FOREIGN}", "fallback": "true"},
    "trust-everybody": {"trusted-users": "root *"},
    "unsigned": {"require-sigs": "false"},
    "token": {"trusted-users": "root"},
    "installer": {"trusted-users": "root @sudo mia", "always-allow-substitutes": "true"},
}


def ssh(machine: lab.Machine, login: str, command: str) -> "subprocess.CompletedProcess[str]":
    options = [f"-o{key}={value}" for key, value in machine.ssh_options.items()]
    return subprocess.run(
        ["ssh", "-F/dev/null", *options, f"{login}@{machine.name}", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def derivation(name: str) -> str:
    return f"""
        derivation {{
          name = "{name}";
          system = builtins.currentSystem;
          builder = "/bin/sh";
          args = [ "-c" "echo {name} > $out" ];
        }}
    """


def test_a_machine_is_wholly_up(machine: lab.Machine) -> None:
    assert machine.run("systemctl is-system-running").stdout == "running\n"
    assert machine.run("hostname").stdout == f"{machine.name}\n"


def test_each_suite_has_its_generation_of_nix(machine: lab.Machine) -> None:
    said = machine.run("nix --version").stdout
    number = re.fullmatch(r"nix \(Nix\) (\d+)\.(\d+)\.\d+\n", said)
    assert number, said
    major, minor = map(int, number.groups())
    assert (major, minor) in GENERATIONS[machine.suite]


@pytest.mark.parametrize("user", SHELLS)
def test_each_account_logs_in_with_its_own_shell(machine: lab.Machine, user: str) -> None:
    answer = ssh(machine, user, "echo $SHELL")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, f"{SHELLS[user]}\n", "")


def test_sudo_asks_lead_for_no_password(machine: lab.Machine, over_ssh: OverSsh) -> None:
    host = over_ssh(machine, "lead")
    assert host.user().name == "lead"
    with host.sudo():
        assert host.user().name == "root"


def test_sudo_asks_guarded_for_a_password(machine: lab.Machine) -> None:
    answer = ssh(machine, "guarded", "sudo -n id -u")
    assert answer.returncode == 1
    assert answer.stderr == "sudo: a password is required\n"


def test_another_host_key_than_the_pinned_one_is_refused(
    machine: lab.Machine, machines: dict[str, lab.Machine], tmp_path: Path
) -> None:
    lines = KNOWN_HOSTS.read_text().splitlines()
    other = next(each for each in machines.values() if each != machine)
    key_of_other = next(line for line in lines if line.startswith(f"{other.address} "))
    wrong = tmp_path / "known_hosts"
    wrong.write_text(key_of_other.replace(other.address, machine.address) + "\n")
    options = {**machine.ssh_options, "UserKnownHostsFile": str(wrong)}
    answer = subprocess.run(
        ["ssh", "-F/dev/null", *(f"-o{k}={v}" for k, v in options.items()), machine.name, "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 255
    assert "Host key verification failed." in answer.stderr


@pytest.mark.parametrize("user", ["baleen", "jito.hello", "mia", "lead"])
def test_the_nix_daemon_answers_members(machine: lab.Machine, user: str) -> None:
    answer = machine.run(f"{NIX} store ping --store daemon", user)
    assert answer.returncode == 0, answer.stderr
    assert "daemon" in answer.stdout + answer.stderr


def test_every_session_of_sshd_is_counted(machine: lab.Machine) -> None:
    before = machine.ssh_commands()
    for login in ("root", "lead"):
        assert ssh(machine, login, "true").returncode == 0
    machine.run("true")
    assert machine.ssh_commands() == before + 2


def test_a_signed_path_is_substituted_where_its_key_is_trusted(
    machine: lab.Machine, lab_caches: Caches
) -> None:
    cache, name = lab_caches.team, f"signed-for-{machine.suite}"
    path = cache.publish(derivation(name))
    trust = f"--option substituters {cache.url} --option trusted-public-keys {cache.public_key}"
    answer = machine.run(
        f"cat >it.nix; nix-build --no-out-link it.nix {trust}", input=derivation(name)
    )
    assert answer.stdout == f"{path}\n", answer.stderr
    assert f"copying path '{path}' from '{cache.url}'" in answer.stderr
    assert "building" not in answer.stderr


def test_a_path_signed_by_a_stranger_is_built_instead(
    machine: lab.Machine, lab_caches: Caches
) -> None:
    cache, name = lab_caches.foreign, f"foreign-for-{machine.suite}"
    path = cache.publish(derivation(name))
    trust = (
        f"--option substituters {cache.url}"
        f" --option trusted-public-keys {lab_caches.team.public_key}"
    )
    answer = machine.run(
        f"cat >it.nix; nix-build --no-out-link it.nix {trust}", input=derivation(name)
    )
    assert answer.stdout == f"{path}\n", answer.stderr
    assert "copying path" not in answer.stderr
    assert "building" in answer.stderr


def test_a_stopped_cache_does_not_answer_until_it_is_started(lab_caches: Caches) -> None:
    def asked() -> int:
        command = ["python3", "-c", FETCH, f"{lab_caches.second.url}/nix-cache-info"]
        return subprocess.run(command, capture_output=True, timeout=120).returncode

    assert asked() == 0
    lab_caches.second.stop()
    assert asked() != 0
    lab_caches.second.start()
    assert asked() == 0


@pytest.mark.parametrize("mess", MESSES)
def test_a_mess_lies_on_its_machine_before_the_boot(mess: str) -> None:
    suite = {"old-names": "bookworm", "crlf": "bookworm", "unsigned": "sid"}.get(mess, "trixie")
    number = 20 + list(MESSES).index(mess)
    spec = lab.MachineSpec(f"mess-{mess}", suite, f"127.77.2.{number}", mess, lab="tests")
    [machine] = lab.up([spec])
    try:
        show = "NIX_USER_CONF_FILES= nix --extra-experimental-features nix-command show-config"
        answer = machine.run(show)
        assert answer.returncode == 0, answer.stderr
        settings = dict(
            line.split(" = ", 1) for line in answer.stdout.splitlines() if " = " in line
        )
        expected = SEEN_BY_NIX[mess]
        assert {name: settings[name] for name in expected} == expected
        for name in MESSES[mess].at_home:
            shown = machine.run(f"stat -c '%U:%G %a %s' {name}", user=spec.member).stdout.split()
            assert shown[:2] == [f"{spec.member}:{spec.member}", "600"]
            assert int(shown[2]) > 0
    finally:
        lab.down([machine.name])


def test_a_machine_keeps_its_disk_without_power_and_loses_it_on_reset() -> None:
    spec = lab.MachineSpec(
        "tests-power", "trixie", "127.77.2.40", mess="trust-everybody", lab="tests"
    )
    [machine] = lab.up([spec])
    laid = (machine.root / "etc/nix/nix.conf").read_bytes()
    machine.run("echo fallback = true >>/etc/nix/nix.conf")
    machine.power_off()
    assert not machine.is_running()
    assert ssh(machine, "root", "true").returncode == 255
    with pytest.raises(lab.LabError, match="tests-power is off"):
        machine.run("true")
    machine.power_on()
    assert ssh(machine, "root", "cat /etc/nix/nix.conf").stdout.endswith("fallback = true\n")
    machine.reset()
    assert (machine.root / "etc/nix/nix.conf").read_bytes() == laid
    assert ssh(machine, "root", "true").returncode == 0


def test_who_is_not_of_its_people_has_no_account_on_a_machine(
    machines: dict[str, lab.Machine],
) -> None:
    spec = lab.MachineSpec("tests-few", "trixie", "127.77.2.44", lab="tests", people=("mia",))
    [few] = lab.up([spec])
    assert people(few) == {"mia"}
    assert not (few.root / "home/baleen").exists()
    assert people(machines["trixie"]) == set(PEOPLE)


def people(machine: lab.Machine) -> set[str]:
    """Who has an account that is a person's."""
    accounts = (line.split(":") for line in (machine.root / "etc/passwd").read_text().splitlines())
    return {name for name, _, number, *_ in accounts if 1000 <= int(number) < 60000}


# From Linux 6.6 on.
MEMORY_KEEPS_ATTRIBUTES = tuple(map(int, platform.release().split(".")[:2])) >= (6, 6)


@pytest.mark.parametrize(("enough", "is_in_memory"), [(0, True), (1 << 60, False)])
def test_a_disk_is_in_memory_where_there_is_enough_of_it(
    enough: int, is_in_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_ENOUGH_MEMORY", enough)
    spec = lab.MachineSpec("tests-disk", "trixie", "127.77.2.45", lab="tests", people=())
    try:
        [machine] = lab.up([spec])
        os.setxattr(machine.root / "root/.profile", "user.a", b"b")
        assert os.path.ismount(machine.folder / "disk") == (
            is_in_memory and MEMORY_KEEPS_ATTRIBUTES
        )
    finally:
        lab.down([spec.name])
    assert not machine.folder.exists()


def test_up_leaves_a_running_machine_as_it_is() -> None:
    spec = lab.MachineSpec("tests-again", "trixie", "127.77.2.41", lab="tests")
    [machine] = lab.up([spec])
    machine.run("touch /root/was-here")
    assert lab.up([spec]) == [machine]
    assert machine.run("ls /root/was-here").returncode == 0


def test_down_leaves_no_process_no_mount_and_no_file() -> None:
    specs = [
        lab.MachineSpec(f"tests-gone-{suite}", suite, f"127.77.2.{number}", lab="tests")
        for number, suite in enumerate(lab.SUITES, start=50)
    ]
    gone = lab.up(specs)
    before = {pid for machine in gone for pid in processes.running(machine.name)}
    assert len(before) > 10
    lab.down([machine.name for machine in gone])
    assert not [pid for pid in before if _is_alive(pid)]
    assert not set(processes.names()) & {machine.name for machine in gone}
    assert "tests-gone" not in Path("/proc/self/mounts").read_text()
    assert not [machine for machine in gone if machine.folder.exists()]
    assert not [machine for machine in gone if machine.address in KNOWN_HOSTS.read_text().split()]
    assert not list(Path("/sys/fs/cgroup").rglob("tests-gone*"))


def _is_alive(pid: int) -> bool:
    """A process that waits to be collected by its parent has ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_down_clears_up_after_a_crash() -> None:
    spec = lab.MachineSpec("tests-crash", "trixie", "127.77.2.60", lab="tests")
    [machine] = lab.up([spec])
    # systemd-nspawn dies and its machine runs on; the record of it is lost.
    nspawn = [
        str(pid)
        for pid in processes.running(machine.name)
        if Path(f"/proc/{pid}/comm").read_text() == "systemd-nspawn\n"
    ]
    assert nspawn
    subprocess.run(["kill", "-KILL", *nspawn], check=True)
    (machine.folder / "machine.json").unlink()
    lab.down([machine.name])
    assert not processes.running(machine.name)
    assert not machine.folder.exists()


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (lab.MachineSpec("no/name", "trixie", "127.77.2.70"), "a name is a-z, 0-9 and -"),
        (lab.MachineSpec("tests-far", "trixie", "192.0.2.1"), "is not a loopback address"),
        (lab.MachineSpec("tests-old", "buster", "127.77.2.70"), "no suite 'buster'"),
        (
            lab.MachineSpec("tests-mess", "trixie", "127.77.2.70", "tidy", lab="tests"),
            "no mess 'tidy'",
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_machine_that_cannot_be_is_refused(spec: lab.MachineSpec, why: str) -> None:
    with pytest.raises(lab.LabError, match=re.escape(why)):
        lab.up([spec])


def test_two_machines_at_one_address_are_refused(machines: dict[str, lab.Machine]) -> None:
    taken = machines["trixie"]
    spec = lab.MachineSpec("tests-twin", "trixie", taken.address, lab="tests")
    with pytest.raises(lab.LabError, match=f"is the address of {taken.name}"):
        lab.up([spec])


def test_what_builds_an_image_is_installed_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def out_of_reach() -> None:
        raise lab.LabError("apt-get could not install mmdebstrap")

    monkeypatch.setattr(images, "IMAGES", tmp_path)
    monkeypatch.setattr(images, "prepare", out_of_reach)
    with pytest.raises(lab.LabError, match="could not install mmdebstrap"):
        lab.build(frozenset({"trixie"}))


def test_of_two_keys_with_one_name_the_wrong_one_wins(lab_caches: Caches) -> None:
    spec = lab.MachineSpec("tests-keys", "trixie", "127.77.2.42", "wrong-key-first", lab="tests")
    [machine] = lab.up([spec])
    path = lab_caches.team.publish(derivation("wrong-key"))
    assert lab_caches.team.public_key in machine.run("cat /etc/nix/nix.conf").stdout
    answer = machine.run(
        f"cat >it.nix; nix-build --no-out-link it.nix --option substituters {lab_caches.team.url}",
        input=derivation("wrong-key"),
    )
    assert answer.stdout == f"{path}\n", answer.stderr
    assert "not signed by any of the keys in 'trusted-public-keys'" in answer.stderr


def test_nobody_of_the_lab_is_trusted_more_than_debian_says(machine: lab.Machine) -> None:
    assert "trusted-users" not in machine.run("cat /etc/nix/nix.conf").stdout
