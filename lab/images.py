"""Base images: one for each Debian suite, built once and kept until its definition changes."""

import hashlib
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.host import IMAGES, LabError, exclusive, prepare
from lab.progress import step

# Debian 12, 13 and unstable: Nix 2.8, 2.26, and 2.34 or later.
SUITES = ("bookworm", "trixie", "sid")

_PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "sudo",
    "ca-certificates",
    "iproute2",
    "procps",
    "nix-bin",
    "nix-setup-systemd",
    "fish",
    "tcsh",
    "zsh",
    "mksh",
    "toybox",  # these two stand for other systems' tools
    "original-awk",
    "python3",  # what the benchmark's Ansible needs on a machine
)
_SETUP = Path(__file__).with_name("image.sh")
_OPTIONS = (
    "--variant=minbase",
    f"--include={','.join(_PACKAGES)}",
    # The Release file of unstable may be past its date on a mirror that lags.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    # Not by `--dpkgopt`: for that mmdebstrap sends each essential package through a filter in
    # Python, and the images need a third more of processor time.
    "--extract-hook=printf 'path-exclude=/usr/share/%s/*\\n' doc man locale"
    ' >"$1/etc/dpkg/dpkg.cfg.d/lab"',
    # What it has unpacked before the hook.
    '--extract-hook=rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/*',
)


def image(suite: str) -> Path:
    """Where the base image of `suite` lies, built or not. Never write into it.

    Raises LabError for a suite the lab does not have.
    """
    if suite not in SUITES:
        raise LabError(f"the lab has no suite {suite!r}, only {', '.join(SUITES)}")
    definition = "\0".join([suite, *_OPTIONS, _SETUP.read_text()])
    return IMAGES / f"{suite}-{hashlib.sha256(definition.encode()).hexdigest()[:12]}"


def build(suites: frozenset[str]) -> None:
    """Build those images of `suites` that are not there, all at once, with tools that it installs.

    Raises LabError with the last word of apt-get or mmdebstrap.
    """
    with exclusive("images"):
        wanted = [suite for suite in sorted(suites) if not image(suite).is_dir()]
        if wanted:
            prepare()
            IMAGES.mkdir(parents=True, exist_ok=True)
            for half_removed in IMAGES.glob(".doomed-*"):
                shutil.rmtree(half_removed)
            # Each often waits, for the mirror or the disk.
            with ThreadPoolExecutor(len(wanted)) as pool:
                list(pool.map(_build, wanted))


def _build(suite: str) -> None:
    final = image(suite)
    unfinished = final.with_name(f"{final.name}.unfinished")
    _remove(unfinished)
    log = final.with_name(f"{suite}.log")
    command = [
        "mmdebstrap",
        *_OPTIONS,
        f'--customize-hook=chroot "$1" sh -s <{shlex.quote(str(_SETUP))}',
        suite,
        str(unfinished),
    ]
    last = "no words"
    with step(f"base image {suite}") as tell, log.open("w") as copy:
        builder = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert builder.stdout is not None
        for line in builder.stdout:
            copy.write(line)
            if line.startswith("I: "):
                tell(line[3:].strip().removesuffix("..."))
            if line.startswith("E: "):
                last = line.strip()
        if builder.wait() != 0:
            _remove(unfinished)
            raise LabError(f"base image {suite}: mmdebstrap says {last!r}; all it said: {log}")
        unfinished.rename(final)
    for old in IMAGES.glob(f"{suite}-*"):
        if old != final and not _in_use(old):
            _remove(old)


def _in_use(folder: Path) -> bool:
    """A machine that runs from an older image still needs it."""
    return str(folder) in Path("/proc/self/mounts").read_text()


def _remove(folder: Path) -> None:
    if folder.is_dir():
        # Away first under a name that is no image's, so that a half-removed one is never used.
        doomed = folder.with_name(f".doomed-{folder.name}")
        folder.rename(doomed)
        shutil.rmtree(doomed)
