"""Where the lab cannot run, one line says why: tried in a namespace that lacks what it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
WITHOUT = {
    "a folder for its state": (
        "mount -t tmpfs -o ro tmpfs /var/lib",
        "the lab needs to make folders in /var/lib: Read-only file system",
    ),
    "a folder for its images": (
        "mount -t tmpfs -o ro tmpfs /var/cache",
        "the lab needs to make folders in /var/cache: Read-only file system",
    ),
    "control groups": (
        "while grep -q ' cgroup2* ' /proc/self/mounts; do umount -lR /sys/fs/cgroup; done",
        "the lab needs control groups, and none are mounted (usually at /sys/fs/cgroup)",
    ),
    "the right to make control groups": (
        "awk '$3 ~ /^cgroup2?$/ {print $2}' /proc/self/mounts | sort -u"
        " | xargs -n1 mount -o remount,bind,ro",
        "the lab needs to make folders in /sys/fs/cgroup",
    ),
}


@pytest.mark.parametrize(("lacking", "why"), WITHOUT.values(), ids=WITHOUT.keys())
def test_one_line_says_what_is_lacking(lacking: str, why: str) -> None:
    command = [sys.executable, "-c", "import lab; print(lab.unavailable())"]
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-euc", f'{lacking}\nexec "$@"', "sh", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(why)
    assert ran.stdout.count("\n") == 1
