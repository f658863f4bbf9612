"""The lab's machines: an overlay on a base image, booted by systemd-nspawn, reached over SSH.

All machines share the box's network. Each sshd listens on a loopback address of its own (all of
127.0.0.0/8 is loopback), so nothing leaves the box.
"""

import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import images, processes
from lab.host import (
    STATE,
    LabError,
    exclusive,
    has_memory_to_spare,
    keeps_attributes,
    prepare,
    require,
)
from lab.messes import lay
from lab.progress import Tell, step

SSH_KEY = STATE / "ssh_key"
KNOWN_HOSTS = STATE / "known_hosts"
# Who has an account in the base images, besides root (image.sh).
PEOPLE = ("baleen", "jito.hello", "mia", "lead", "guarded")
_HOST_KEY = "ssh_host_ed25519_key"
_MACHINES = STATE / "machines"
# In a machine's folder: what it is, from the first moment on, so that `down` finds what an `up`
# that was killed has left; and a mark that its disk is whole.
_RECORD = "machine.json"
_WHOLE = "whole"
# In the first is what the machine has that its image has not; the second shows both as one.
_DISK, _ROOT = "disk", "root"
_BOOT_SECONDS = 300.0
_NSPAWN = (
    "--quiet",
    "--register=no",
    "--keep-unit",
    "--boot",
    "--private-users=no",
    "--link-journal=no",
    "--resolv-conf=off",
    "--timezone=off",
)


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """A machine to have: `address` is an IPv4 loopback address, `mess` a key of lab.messes.MESSES.

    `login` is the account a deploy logs in with, `member` the account of who works there; of
    `PEOPLE` only `people` have one. `lab` is the group of machines it goes up and down with, whose
    caches the mess speaks of.
    """

    name: str
    suite: str
    address: str
    mess: str = "clean"
    login: str = "root"
    member: str = "baleen"
    lab: str = "demo"
    people: tuple[str, ...] = PEOPLE


class Ended(subprocess.CompletedProcess[str]):
    """How a script ended that ran in a machine."""

    def check_returncode(self) -> None:
        """Raises LabError with what the script said last, if it did not end well."""
        if self.returncode != 0:
            said = (self.stderr or self.stdout).strip().splitlines() or ["nothing said"]
            raise LabError(f"a script in a machine ended with {self.returncode}: {said[-1]}")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that was brought up."""

    spec: MachineSpec
    image: Path

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def address(self) -> str:
        return self.spec.address

    @property
    def suite(self) -> str:
        return self.spec.suite

    @property
    def system(self) -> str:
        """The kind of machine as Nix calls it: the box's own, since they share its kernel."""
        return f"{platform.machine()}-linux"

    @property
    def folder(self) -> Path:
        return _MACHINES / self.name

    @property
    def root(self) -> Path:
        """The machine's / as the box sees it; /run and /tmp are the machine's own."""
        return self.folder / _ROOT

    @property
    def changes(self) -> Path:
        """What the machine has that its image has not; below it, as on the machine."""
        return self.folder / _DISK / "upperdir"

    @property
    def console(self) -> Path:
        return self.folder / "console.log"

    @property
    def ssh_key(self) -> Path:
        return SSH_KEY

    @property
    def known_hosts(self) -> Path:
        """The host keys of all the lab's machines, pinned before they first booted."""
        return KNOWN_HOSTS

    @property
    def ssh_options(self) -> Mapping[str, str]:
        """How OpenSSH's client reaches the machine, whoever logs in: strict, with our key alone."""
        return {
            "HostName": self.address,
            "IdentityFile": str(self.ssh_key),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(self.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "60",
        }

    def ssh_commands(self) -> int:
        """How many sessions (a command, a shell or a file transfer) its sshd has started."""
        log = self.root / "var/log/sshd.log"
        if not log.exists():
            return 0
        return log.read_text(errors="replace").count("Starting session: ")

    def run(
        self, script: str, user: str = "root", input: str | None = None, timeout: float = 300
    ) -> Ended:
        """Run a POSIX sh script in the machine as `user`, without sshd, sudo or a login shell.

        Raises LabError if the machine is off, subprocess.TimeoutExpired after `timeout` seconds.
        """
        init = _init(self.name)
        if init is None:
            raise LabError(f"{self.name} is off")
        command = [
            *("nsenter", f"--target={init}", "--mount", "--uts", "--ipc", "--pid"),
            *("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"),
            *("sh", "-c", f"cd\n{script}"),
        ]
        environment = {
            **dict.fromkeys(("USER", "LOGNAME"), user),
            "HOME": self._home(user),
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        }
        ended = subprocess.run(
            command,
            env=environment,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return Ended(command, ended.returncode, ended.stdout, ended.stderr)

    def _home(self, user: str) -> str:
        accounts = (self.root / "etc/passwd").read_text().splitlines()
        homes = {name: home for name, _, _, _, _, home, _ in (a.split(":") for a in accounts)}
        if user not in homes:
            raise LabError(f"{self.name} has no user {user}")
        return homes[user]

    def is_running(self) -> bool:
        return _init(self.name) is not None

    def power_off(self) -> None:
        """Cut the power; the disk stays as it is."""
        _cut_power(self.name)

    def power_on(self) -> None:
        """Boot and wait until everything in it is up; nothing happens to a machine that runs.

        Raises LabError with the last words on the console if that takes too long.
        """
        if not self.is_running():
            _boot(self)
        _wait(self)

    def reset(self) -> None:
        """The machine as it was when it came up first: a fresh disk with its mess, booted."""
        self.power_off()
        _fresh_disk(self)
        self.power_on()


def up(specs: Iterable[MachineSpec]) -> list[Machine]:
    """Have the machines of `specs` running, each one as it is if it was there already.

    Raises LabError where the lab cannot run, for a suite or mess there is not, and for a machine
    that does not come up.
    """
    wanted = list(specs)
    require()
    prepare()
    images.build(frozenset(spec.suite for spec in wanted))
    with exclusive("machines"):
        _check(wanted)
        _client_key()
        machines = [Machine(spec, images.image(spec.suite)) for spec in wanted]
        missing = [machine for machine in machines if not _is_made(machine)]
        for machine in missing:
            _take_down(machine.name)
            _make(machine)
        _pin_host_keys()
    off = [machine for machine in machines if not machine.is_running()]
    if off:
        title = f"boot {len(off)} machine{'s' * (len(off) > 1)}"
        with step(title) as tell:
            _each(lambda machine: machine.power_on(), off, tell)
    return machines


def down(names: Iterable[str]) -> None:
    """End the machines of these names and remove all they had; no harm if there are none."""
    with exclusive("machines"):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(_take_down, names))
        _pin_host_keys()


def present(lab: str | None = None) -> list[Machine]:
    """The machines there are, on or off: of one lab, or of all."""
    found = (_read(folder) for folder in sorted(_MACHINES.glob("*/")))
    return [machine for machine in found if machine and lab in (None, machine.spec.lab)]


def running(lab: str | None = None) -> list[Machine]:
    """The machines that run: of one lab, or of all."""
    return [machine for machine in present(lab) if machine.is_running()]


def traces() -> Mapping[str, str | None]:
    """Every machine of which anything is left, half-made ones as well, and whose lab's it is.

    None where no record tells the lab.
    """
    # A cache's processes go by a name with dots in it, which no machine has.
    orphans = (name for name in processes.names() if "." not in name)
    folders = {folder.name: _lab_of(folder) for folder in sorted(_MACHINES.glob("*/"))}
    return {**dict.fromkeys(orphans), **folders}


def _lab_of(folder: Path) -> str | None:
    """Of any version's record."""
    try:
        return str(json.loads((folder / _RECORD).read_text())["spec"]["lab"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _record(machine: Machine) -> str:
    return json.dumps({"spec": asdict(machine.spec), "image": str(machine.image)})


def _read(folder: Path) -> Machine | None:
    try:
        record = json.loads((folder / _RECORD).read_text())
        spec = MachineSpec(**{**record["spec"], "people": tuple(record["spec"]["people"])})
        return Machine(spec, Path(record["image"]))
    except (OSError, ValueError, KeyError, TypeError):  # another version's, or spoilt
        return None


def _check(wanted: Sequence[MachineSpec]) -> None:
    """Refuse what would boot and then answer for another machine, or not at all."""
    taken = {machine.address: machine.name for machine in present()}
    for spec in wanted:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,40}", spec.name):
            raise LabError(f"machine {spec.name!r}: a name is a-z, 0-9 and -, a letter first")
        if not spec.address.startswith("127."):
            raise LabError(f"machine {spec.name}: {spec.address} is not a loopback address")
        other = taken.setdefault(spec.address, spec.name)
        if other != spec.name:
            raise LabError(f"machine {spec.name}: {spec.address} is the address of {other}")


def _client_key() -> None:
    if not SSH_KEY.exists():
        _generate_key(SSH_KEY, "nixtrust-lab")


def _generate_key(path: Path, comment: str) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)


def _pin_host_keys() -> None:
    keys = {machine.address: machine.folder / f"{_HOST_KEY}.pub" for machine in present()}
    public = {address: key.read_text() for address, key in keys.items() if key.exists()}
    fresh = KNOWN_HOSTS.with_suffix(".fresh")
    fresh.write_text("".join(f"{address} {key}" for address, key in public.items()))
    fresh.rename(KNOWN_HOSTS)


def _is_made(machine: Machine) -> bool:
    return (
        _read(machine.folder) == machine
        and os.path.ismount(machine.root)
        and (machine.folder / _WHOLE).exists()
    )


def _make(machine: Machine) -> None:
    machine.folder.mkdir(parents=True)
    (machine.folder / _RECORD).write_text(_record(machine))
    _generate_key(machine.folder / _HOST_KEY, machine.name)
    _fresh_disk(machine)


def _fresh_disk(machine: Machine) -> None:
    (machine.folder / _WHOLE).unlink(missing_ok=True)
    _remove_disk(machine.folder)
    disk = machine.folder / _DISK
    for folder in (disk, machine.root):
        folder.mkdir()
    if has_memory_to_spare():
        _tool("mount", "-t", "tmpfs", "-o", "mode=755,size=2g", "nixtrust-lab", str(disk))
        if not keeps_attributes(disk):
            _unmount(disk)
    work = disk / "workdir"
    for layer in (machine.changes, work):
        layer.mkdir()
    # volatile: nobody waits for the disk to write what is thrown away in the end.
    options = f"lowerdir={machine.image},upperdir={machine.changes},workdir={work},volatile"
    _tool("mount", "-t", "overlay", "nixtrust-lab", "-o", options, str(machine.root))
    etc = machine.root / "etc"
    for name in (_HOST_KEY, f"{_HOST_KEY}.pub"):
        shutil.copy(machine.folder / name, etc / "ssh" / name)
    shutil.copy(SSH_KEY.with_suffix(".pub"), etc / "ssh/authorized_keys")
    (etc / "ssh/sshd_config.d/address.conf").write_text(f"ListenAddress {machine.address}\n")
    strangers = [name for name in PEOPLE if name not in machine.spec.people]
    userdel = 'for name; do userdel --remove "$name" || exit; done'
    _tool("chroot", str(machine.root), "sh", "-c", userdel, "sh", *strangers)
    (etc / "hostname").write_text(f"{machine.name}\n")
    (etc / "hosts").write_text(f"127.0.0.1 localhost\n{machine.address} {machine.name}\n")
    lay(machine.spec.mess, machine.spec.lab, machine.root, machine.spec.member)
    (machine.folder / _WHOLE).touch()


def _boot(machine: Machine) -> None:
    command = ["systemd-nspawn", *_NSPAWN, f"--machine={machine.name}", f"-D{machine.root}"]
    # Without the variable a newer systemd stops on a box that mounts control groups of both
    # versions: "Detected unsupported legacy cgroup hierarchy".
    environment = {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
    processes.start(machine.name, command, environment, machine.console)


def _wait(machine: Machine) -> None:
    """Until sshd says its name and systemd has nothing more to start."""
    patience = time.monotonic() + _BOOT_SECONDS
    while not _says_ssh(machine.address):
        if not processes.runs(machine.name):
            raise LabError(f"{machine.name} went off while booting; {_last_words(machine)}")
        if time.monotonic() > patience:
            raise LabError(
                f"{machine.name}: no sshd in {_BOOT_SECONDS:.0f} s; {_last_words(machine)}"
            )
        time.sleep(0.1)
    try:
        state = machine.run("systemctl is-system-running --wait", timeout=_BOOT_SECONDS)
    except subprocess.TimeoutExpired as error:
        words = _last_words(machine)
        raise LabError(
            f"{machine.name}: still booting after {error.timeout:.0f} s; {words}"
        ) from error
    # Degraded is up as well: a mess may well keep one of its services down.
    if state.stdout.strip() not in ("running", "degraded"):
        raise LabError(f"{machine.name} is {state.stdout.strip()!r}; {_last_words(machine)}")


def _says_ssh(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _last_words(machine: Machine) -> str:
    lines = machine.console.read_text(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()] or ["(nothing)"]
    return f"the last on its console ({machine.console}): {said[-1]}"


# To look through all processes takes as long as a short script. What was found is seen to be still
# so each time.
_inits: dict[str, int] = {}


def _init(name: str) -> int | None:
    """The machine's own process 1, as the box numbers it."""
    last = _inits.get(name)
    if last is not None and processes.belongs(last, name) and _is_first(last):
        return last
    for pid in processes.running(name):
        if _is_first(pid):
            _inits[name] = pid
            return pid
    return None


def _is_first(pid: int) -> bool:
    """Whether it is process 1 of a machine."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended
        return False
    return re.search(r"^NSpid:\s+\d+\s+1$", status, re.MULTILINE) is not None


def _take_down(name: str) -> None:
    folder = _MACHINES / name
    _cut_power(name)
    _remove_disk(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_disk(folder: Path) -> None:
    for part in (folder / _ROOT, folder / _DISK):
        _unmount(part)
        shutil.rmtree(part, ignore_errors=True)


def _cut_power(name: str) -> None:
    """End process 1: the kernel takes all others of the machine along, then nspawn tidies up."""
    init = _init(name)
    if init is not None:
        os.kill(init, signal.SIGKILL)
        patience = time.monotonic() + 3
        while processes.runs(name) and time.monotonic() < patience:
            time.sleep(0.02)
    processes.end(name)


def _unmount(path: Path) -> None:
    while os.path.ismount(path):
        _tool("umount", str(path))


def _tool(*command: str) -> None:
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if answer.returncode != 0:
        raise LabError(f"{' '.join(command)}: {answer.stderr.strip()}")


def _each(act: Callable[[Machine], None], machines: Sequence[Machine], tell: Tell) -> None:
    """Act on all machines at once; the first error counts when all are through."""
    with ThreadPoolExecutor(len(machines)) as pool:
        waiting = {pool.submit(act, machine): machine.name for machine in machines}
        for done in as_completed(list(waiting)):
            waiting.pop(done)
            tell(f"waiting for {', '.join(sorted(waiting.values()))}")
            done.result()
