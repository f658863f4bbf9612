"""The box the lab runs on: where the lab keeps its things, and whether it can run here at all."""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import product
from pathlib import Path

STATE = Path("/var/lib/nixtrust-lab")
IMAGES = Path("/var/cache/nixtrust-lab/images")

_PACKAGES = (
    "systemd-container",
    "mmdebstrap",
    "debian-archive-keyring",
    "nginx-light",
    "openssh-client",
)
# Above about 25 machines systemd stops with "Failed to create control group inotify object".
_INOTIFY = {"max_user_instances": 65536, "max_user_watches": 1048576}

# A mount namespace, a PID namespace and an overlay on the state folder's own file system: what
# systemd-nspawn and the machines' disks need, tried and gone again with the namespace.
_TRIAL = """
mkdir lower upper work merged &&
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
"""


# Bytes, for the disks of some thirty machines and whatever else the box does.
_ENOUGH_MEMORY = 8 << 30


class LabError(Exception):
    """Something the user can do something about, in one line."""


@cache
def control_groups() -> tuple[Path, ...]:
    """Where control groups are made here: version 2, and systemd's own of version 1 if mounted."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    found = {
        kind: Path(where)
        for _, where, kind, options, *_ in mounts
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(","))
    }
    return tuple(found[kind] for kind in ("cgroup2", "cgroup") if kind in found)


def has_memory_to_spare() -> bool:
    """Whether machines may have their disks in memory, where a file costs less than on a disk."""
    amounts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    available = int(amounts["MemAvailable"].split()[0]) * 1024
    return min((available, *_rooms_in_groups())) >= _ENOUGH_MEMORY


def _rooms_in_groups() -> Iterator[int]:
    """The bytes that this process may still have, by its control group of version 2."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    groups = [Path(line.removeprefix("0::/")) for line in lines if line.startswith("0::/")]
    for parent, group in product(control_groups(), groups):
        for each in (group, *group.parents):
            limit = parent / each / "memory.max"
            if limit.exists() and (bytes_allowed := limit.read_text().strip()) != "max":
                yield int(bytes_allowed) - int(limit.with_name("memory.current").read_text())


def keeps_attributes(folder: Path) -> bool:
    """Whether files in it can have extended attributes; in memory from Linux 6.6 on."""
    try:
        os.setxattr(folder, "user.nixtrust-lab", b"")
    except OSError:
        return False
    os.removexattr(folder, "user.nixtrust-lab")
    return True


def unavailable() -> str | None:
    """Why the lab cannot run here, in one line; None where it can."""
    if platform.system() != "Linux":
        return f"the lab needs Linux; this is {platform.system()}"
    if os.geteuid() != 0:
        return "the lab needs root: it boots machines with systemd-nspawn"
    if not shutil.which("apt-get") or not shutil.which("dpkg-query"):
        return "the lab needs a Debian-like system: it installs its tools with apt-get"
    hierarchies = control_groups()
    if not hierarchies:
        return "the lab needs control groups, and none are mounted (usually at /sys/fs/cgroup)"
    for parent in (*hierarchies, STATE.parent, IMAGES.parents[1]):
        try:
            os.rmdir(tempfile.mkdtemp(dir=parent, prefix="nixtrust-lab-"))
        except OSError as error:
            return f"the lab needs to make folders in {parent}: {error.strerror}"
    with tempfile.TemporaryDirectory(dir=STATE.parent, prefix="nixtrust-lab-") as folder:
        trial = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "sh", "-c", _TRIAL],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    if trial.returncode != 0:
        words = (trial.stderr.strip().splitlines() or ["no reason given"])[0]
        return f"the lab needs namespaces and overlay mounts, and this kernel refuses them: {words}"
    return None


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """One process at a time does what `name` stands for; others wait their turn."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / f"{name.replace(' ', '-')}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"lab: another run is at the {name}; waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def require() -> None:
    """Raise LabError with the reason where the lab cannot run."""
    reason = unavailable()
    if reason:
        raise LabError(reason)


def prepare() -> None:
    """Install the tools that are missing and lift the kernel's limits. Costs nothing when done.

    Raises LabError if a tool cannot be had.
    """
    if _missing():
        with exclusive("tools"):
            _install(_missing())
    for name, least in _INOTIFY.items():
        limit = Path("/proc/sys/fs/inotify", name)
        if int(limit.read_text()) < least:
            limit.write_text(str(least))


def _missing() -> list[str]:
    return [name for name in _PACKAGES if not _installed(name)]


def _install(packages: list[str]) -> None:
    if not packages:
        return
    print(f"lab: installing {' '.join(packages)}", flush=True)
    with _no_service_starts():
        if not _apt_get("install", *packages):
            _apt_get("update")
            if not _apt_get("install", *packages):
                raise LabError(f"apt-get could not install {' '.join(packages)}; try it by hand")


def _installed(package: str) -> bool:
    answer = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package],
        capture_output=True,
        text=True,
    )
    return answer.stdout == "installed"


def _apt_get(*arguments: str) -> bool:
    # A fresh box may be at its own upgrades.
    options = ("--quiet", "--quiet", "--yes", "--no-install-recommends")
    command = ["apt-get", *options, "--option=DPkg::Lock::Timeout=120", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian starts what it installs (nginx on port 80) unless this file says no."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()
