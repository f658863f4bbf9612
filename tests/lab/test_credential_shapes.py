"""Files of odd names, owners and modes: what can be cut out is; what cannot is told, and whole."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

import lab
from lab.cache import remove
from lab.host import exclusive
from tests.lab.planting import Run, State, deploy, differing, digest, run, tree, write
from tests.lab.plants import Plant, plant

pytestmark = pytest.mark.lab

LAB = "shapes"
SPEC = lab.MachineSpec(LAB, "trixie", "127.77.11.31", lab=LAB, people=("baleen", "mia"))
BALEEN, MIA = "/home/baleen", "/home/mia"
_SH = "#\n«export CACHIX_AUTH_TOKEN={token}\n»# the end\n"
_LEFT = "#\n§export CACHIX_AUTH_TOKEN={token}\n# the end\n"
_ENV = "A=b\n«CACHIX_AUTH_TOKEN={token}\n»"

CUT = (
    plant("bash", f"{MIA}/.bashrc.d/it's mine", _SH, "mia"),
    plant("bash", f"{MIA}/.bashrc.d/-n", _SH, "mia"),
    plant("bash", f"{MIA}/.bashrc.d/$(date)", _SH, "mia"),
    plant("dotenv", f"{MIA}/src/a*b/.env", _ENV, "mia"),
    plant("dotenv", f"{MIA}/src/my app/.env.\\", _ENV, "mia"),
    plant("bash", f"{MIA}/.bashrc", f"#{'x' * 1_000_000}\n{_SH}", "mia"),
    plant("profile", f"{BALEEN}/.profile", _SH, "baleen", 0o2640),
    plant("bash", f"{BALEEN}/.bash_aliases", _SH, "baleen", 0o400),
    # Of a group that baleen is in besides.
    plant("bash", f"{BALEEN}/.bash_login", _SH, "baleen", 0o660),
    # Its folder is a link to another one.
    plant("fish", "/etc/fish/conf.d/linked.fish", "«set -gx CACHIX_AUTH_TOKEN {token}\n»"),
)
# Where these are, nothing can be written as their folder's owner, or not with the same attributes.
LEFT = (
    plant("bash", f"{BALEEN}/.bashrc.d/x", _LEFT, "baleen"),
    plant("zsh", f"{BALEEN}/.zshrc", _LEFT, "baleen", 0o640),
    plant("bash", f"{BALEEN}/.bashrc", _LEFT, "baleen"),
    plant("dotenv", f"{BALEEN}/.env", "\x00=\x01\n§CACHIX_AUTH_TOKEN={token}\n", "baleen"),
)
_SITES = f"""
    chgrp nix-users {BALEEN}/.bash_login
    chmod 555 {BALEEN}/.bashrc.d
    chgrp root {BALEEN}/.zshrc
    mount --bind {BALEEN}/.bashrc {BALEEN}/.bashrc
    mv /etc/fish/conf.d /etc/fish/real
    ln -s real /etc/fish/conf.d
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What the machine had, and what it has after a run; and another run."""

    first: Mapping[str, State]
    run: Run
    now: Mapping[str, State]
    again: Run


@pytest.fixture(scope="module")
def job() -> Iterator[Job]:
    with exclusive("a machine with odd files"):
        try:
            lab.down([SPEC.name])
            [machine] = lab.up([SPEC])
            for each in (*CUT, *LEFT):
                write(machine, each.path, each.before, each.owner, each.mode)
            run(machine, _SITES)
            first = tree(machine)
            yield Job(first, deploy([machine], "-y")[0], tree(machine), deploy([machine], "-y")[0])
        finally:
            lab.down([SPEC.name])
            remove(LAB)


def named(each: Plant) -> str:
    return each.path.replace("/etc/fish/conf.d/", "/etc/fish/real/")


def test_all_are_told_of(job: Job) -> None:
    assert job.run.found == sorted(
        (each.path, line) for each in (*CUT, *LEFT) for line in each.lines
    )


@pytest.mark.parametrize("each", CUT, ids=named)
def test_what_can_be_cut_out_is(each: Plant, job: Job) -> None:
    assert each.after is not None
    assert job.now[named(each)].content == digest(each.after)
    assert job.now[named(each)].kept == job.first[named(each)].kept


def test_all_else_is_as_it_was_and_told_again(job: Job) -> None:
    changed = {named(each) for each in CUT}
    folders = {path.rpartition("/")[0] for path in changed}
    # Nix's own were written, and its daemon was started for the first time.
    others = {
        path for path in differing(job.first, job.now) if not path.startswith(("/etc/nix", "/nix"))
    }
    assert others - folders == changed
    assert job.run.status != 0
    assert job.run.remaining == sorted((each.path, line) for each in LEFT for line in each.left)


def test_what_could_not_be_removed_is_no_change(job: Job) -> None:
    """That a file is mounted shows when it is to be renamed."""
    assert job.again.changes == 0
    assert f"{BALEEN}/.bashrc: nothing removed" in job.again.said
    assert job.again.remaining == job.run.remaining
