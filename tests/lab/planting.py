"""Lays what tests/lab/plants.py describes on a machine, and tells what has become of it."""

import hashlib
import json
import os
import re
import shlex
import stat
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import lab
from nixtrust.credentials import Kind
from tests.lab.plants import HOMES, POINTING, SEARCH_PATHS, STORE, Plant
from tests.lab.whole_run import pyinfra

ROOT = Path(__file__).parents[2]
# Long ago, so that it is seen whoever writes a file.
_WHEN = 1_600_000_000

# What makes a place one that is left alone.
_SITES = f"""
    mkdir {HOMES["baleen"]}/dotfiles/.git {HOMES["baleen"]}/src/tree/.git
    ln {HOMES["baleen"]}/.env.twice {HOMES["baleen"]}/notes
    chmod 777 {HOMES["mia"]}/.config/fish/functions
    cd {HOMES["mia"]}/.config/nushell
    mount --bind autoload autoload
    mount -o remount,bind,ro autoload
"""
# These have an access control list and an attribute besides.
MARKED = (f"{HOMES['baleen']}/.bash_login", f"{HOMES['mia']}/.netrc")


def lay(machine: lab.Machine, planted: tuple[Plant, ...]) -> tuple[Plant, ...]:
    """Puts all of them on a machine; returns them with the links as they now lead."""
    laid = tuple(_lay(machine, each) for each in planted)
    run(machine, _SITES)
    for path in MARKED:
        os.setxattr(there(machine, path), "system.posix_acl_access", _acl(_ids(machine)["mia"][0]))
        os.setxattr(there(machine, path), "user.nixtrust-tests", b"kept")
    for each in laid:
        os.utime(there(machine, each.file), (_WHEN, _WHEN))
    return laid


def point(machine: lab.Machine) -> None:
    """nix.conf as somebody has it who has told Nix where his passwords and keys are."""
    conf = there(machine, "/etc/nix/nix.conf")
    conf.write_text(f"{conf.read_text()}{POINTING}")


def _lay(machine: lab.Machine, each: Plant) -> Plant:
    if each.link == STORE:
        name = Path(each.path).name
        (there(machine, "/root") / name).write_bytes(each.before)
        added = run(machine, f"nix-store --add ~/{name}; rm ~/{name}").strip()
        each = replace(each, link=added)
    else:
        write(machine, each.file, each.before, each.owner, each.mode)
    if each.link:
        _make_folder(machine, str(Path(each.path).parent), each.owner)
        there(machine, each.path).unlink(missing_ok=True)
        there(machine, each.path).symlink_to(each.link)
    return each


def write(
    machine: lab.Machine, path: str, content: bytes, owner: str = "root", mode: int = 0o600
) -> None:
    """A file of somebody's, in folders of the same owner's."""
    _make_folder(machine, str(Path(path).parent), owner)
    file = there(machine, path)
    file.write_bytes(content)
    os.chown(file, *_ids(machine)[owner])
    file.chmod(mode)


def _make_folder(machine: lab.Machine, path: str, owner: str) -> None:
    if not there(machine, path).is_dir():
        _make_folder(machine, str(Path(path).parent), owner)
        there(machine, path).mkdir()
        os.chown(there(machine, path), *_ids(machine)[owner])


def there(machine: lab.Machine, path: str) -> Path:
    """A path of the machine's as the box has it."""
    return machine.root / path.lstrip("/")


def run(machine: lab.Machine, script: str) -> str:
    ended = machine.run(f"set -e\n{script}")
    assert ended.returncode == 0, f"{machine.name}: {ended.stderr}"
    return ended.stdout


def take_out(machine: lab.Machine, planted: tuple[Plant, ...]) -> None:
    """By hand, what a run leaves."""
    left = " ".join(shlex.quote(each.path) for each in planted if each.left)
    autoload = f"{HOMES['mia']}/.config/nushell/autoload"
    run(machine, f"umount {autoload}; rm -f {left}")


def _ids(machine: lab.Machine) -> Mapping[str, tuple[int, int]]:
    accounts = there(machine, "/etc/passwd").read_text().splitlines()
    fields = (account.split(":") for account in accounts)
    return {name: (int(uid), int(gid)) for name, _, uid, gid, *_ in fields}


def _acl(reader: int) -> bytes:
    """The owner may write, another one may read: acl(5), in the kernel's form of version 2."""
    nobody = 2**32 - 1
    entries = ((1, 6, nobody), (2, 4, reader), (4, 4, nobody), (16, 4, nobody), (32, 0, nobody))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


# He stops whatever runs in his name, as soon as it does.
_STOPPER = """
import os, signal, time
while True:
    time.sleep(0.0005)
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{number}").st_uid == os.getuid() and int(number) != os.getpid():
                os.kill(int(number), signal.SIGSTOP)
        except OSError:
            pass
"""


@contextmanager
def stopping(machine: lab.Machine, person: str) -> Iterator[None]:
    """While somebody there is of no help."""
    write(machine, "/usr/local/bin/stopper", _STOPPER.encode(), mode=0o644)
    start = f"systemd-run --quiet --uid={person} --nice=-20 --unit=stopper"
    run(machine, f"{start} python3 /usr/local/bin/stopper")
    try:
        yield
    finally:
        run(machine, f"systemctl stop stopper; pkill -KILL -u {person} || true")


# Runs -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What a line of a run says of a credential."""

    path: str
    line: int
    text: str
    still: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A run: how it ended, what it printed of one machine, the commands that one's sshd counted."""

    status: int
    said: str
    commands: int

    @property
    def changes(self) -> int:
        """How many operations changed something."""
        return len(re.findall(r"\] +Success$", self.said, re.MULTILINE))

    @property
    def told(self) -> list[Told]:
        """What it said of credentials, and of places that it could not look into."""
        return [
            Told(found[2], int(found[3] or 0), found[4], still=bool(found[1]))
            for found in _TOLD.finditer(self.said)
        ]

    @property
    def found(self) -> list[tuple[str, int]]:
        """Where it saw credentials, before anything was changed."""
        return sorted((each.path, each.line) for each in self.told if not each.still)

    @property
    def remaining(self) -> list[tuple[str, int]]:
        """Where the last operation still sees some."""
        return sorted((each.path, each.line) for each in self.told if each.still)


_WHAT = "|".join([*(kind.called("") for kind in Kind), "cannot be looked into"])
_TOLD = re.compile(
    r"^ *\[[a-z-]+\] +(still differs: )?(?:to be taken out: )?"
    rf"(/[^:\n]+)(?::(\d+))?: ((?:{_WHAT}).*)$",
    re.MULTILINE,
)


def deploy(
    machines: Sequence[lab.Machine],
    *options: str,
    inventory: str = "inventory/lab.py",
    environment: Mapping[str, str] | None = None,
    project: Path = ROOT,
) -> tuple[Run, ...]:
    """`pyinfra … deploy.py` for machines of one lab, and what it was for each."""
    before = [machine.ssh_commands() for machine in machines]
    these = [word for machine in machines for word in ("--limit", machine.name)]
    data = f"cachix_search_paths={json.dumps(SEARCH_PATHS)}"
    arguments = (inventory, "deploy.py", *options, *these, "--data", data)
    ended = pyinfra(machines[0].spec.lab, *arguments, more=environment, project=project)
    return tuple(
        Run(ended.returncode, _of(machine, ended.stdout), machine.ssh_commands() - commands)
        for machine, commands in zip(machines, before, strict=True)
    )


def _of(machine: lab.Machine, said: str) -> str:
    """What was not said of another machine."""
    lines = said.splitlines(keepends=True)
    other = re.compile(rf" *\[(?!{machine.name}\])[a-z-]+\] ")
    return "".join(line for line in lines if not other.match(line))


# What there is ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """All that a run might change of one file; of the bytes a digest, or where a link leads."""

    mode: str
    owner: tuple[int, int]
    changed: int
    content: str
    attributes: tuple[tuple[str, bytes], ...]

    @property
    def kept(self) -> tuple[object, ...]:
        """What stays of a file when other bytes are put in it."""
        return self.mode, self.owner, self.attributes


Tree = Mapping[str, State]


def tree(machine: lab.Machine) -> Tree:
    """All that is on a machine's disk and not just as its image has it, by path.

    /run and /tmp are not on it.
    """
    upper = machine.changes
    assert upper.is_dir()
    names = (f"/{path.relative_to(upper)}" for path in _below(upper))
    return {
        name: _state(there(machine, name), upper / name.lstrip("/"))
        for name in names
        if not name.startswith(_VOLATILE)
    }


# What a machine that runs writes by itself: what its sshd says, and Nix to look into its store.
_VOLATILE = ("/var/log/", "/nix/var/nix/db")


def differing(before: Tree, now: Tree) -> list[str]:
    """The paths that are not as they were."""
    return sorted(path for path in {*before, *now} if before.get(path) != now.get(path))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _below(top: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(top):
        yield from (Path(folder), *(Path(folder, name) for name in files))
        yield from (Path(folder, name) for name in folders if Path(folder, name).is_symlink())


def _state(path: Path, upper: Path) -> State:
    """What is at a path; of a file of the image's that is gone, the device that stands for it."""
    if not os.path.lexists(path):
        path = upper
    found = path.lstat()
    content = ""
    if path.is_symlink():
        content = os.readlink(path)
    elif path.is_file():
        content = digest(path.read_bytes())
    names = os.listxattr(path, follow_symlinks=False)
    attributes = tuple(
        (name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(names)
    )
    owner = (found.st_uid, found.st_gid)
    return State(stat.filemode(found.st_mode), owner, found.st_mtime_ns, content, attributes)


# What is expected -------------------------------------------------------------------------------


def everywhere(planted: tuple[Plant, ...]) -> list[tuple[str, int]]:
    return sorted((each.path, line) for each in planted for line in each.lines)


def left(planted: tuple[Plant, ...]) -> list[tuple[str, int]]:
    return sorted((each.path, line) for each in planted for line in each.left)


def assert_removed(planted: tuple[Plant, ...], first: Tree, now: Tree) -> None:
    """Each plant is what should have become of it, and nothing else is another than it was."""
    files = {each.file: each for each in planted}
    for path, each in files.items():
        if each.after is None:
            assert path not in now, path
        elif each.after != each.before:
            assert now[path].content == digest(each.after), path
            assert now[path].kept == first[path].kept, path
    changed = {path for path, each in files.items() if each.after != each.before}
    folders = {str(Path(path).parent) for path in changed}
    assert set(differing(first, now)) - folders == changed
    assert all(now[path].kept == first[path].kept for path in folders)
