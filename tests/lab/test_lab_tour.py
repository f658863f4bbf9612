"""What `make demo` shows, on two machines, and what it says where something went wrong."""

import io
import re
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

import lab
from lab import cache, demo, processes, tour
from lab.messes import MESSES, Mess

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
LAB = "tour"
ADVISED = lab.MachineSpec("tour-advised", "trixie", "127.77.15.1", "cachix-advice", lab=LAB)
TOKEN = lab.MachineSpec("tour-token", "sid", "127.77.15.2", "token", login="lead", lab=LAB)
BROKEN = lab.MachineSpec("tour-broken", "trixie", "127.77.15.3", "broken", lab=LAB)

# Nix itself refuses the file, and a line that does more is not taken out.
BROKEN_AND_A_TOKEN = Mess(
    "nothing that nixtrust puts right",
    "{debian}\nnonsense\n",
    at_home={".bashrc": "test -t 0 && export CACHIX_AUTH_TOKEN={token}\n"},
)

NO_LAB = """
mount -t tmpfs -o ro tmpfs /var/lib
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Toured:
    """A tour: its exit code, and all that it printed."""

    status: int
    said: str


def take(*specs: lab.MachineSpec) -> Toured:
    with redirect_stdout(io.StringIO()) as said:
        status = tour.main(specs)
    return Toured(status, said.getvalue())


@pytest.fixture(scope="module")
def toured() -> Toured:
    """Where all goes well."""
    return take(ADVISED, TOKEN)


# Where all goes well ------------------------------------------------------------------------------


def test_each_run_is_shown_with_its_command(toured: Toured) -> None:
    assert toured.status == 0, toured.said
    assert re.findall(r"^\$ pyinfra (.*)$", toured.said, re.MULTILINE) == [
        "inventory/lab.py deploy.py --dry --diff",
        "inventory/lab.py deploy.py -y",
        "inventory/lab.py deploy.py -y",
    ]


def test_a_credential_is_found_and_taken_out_and_is_to_be_revoked(toured: Toured) -> None:
    first = toured.said.split("\n$ pyinfra ")[2]
    assert re.search(
        r"\[tour-token\] +to be taken out: /home/baleen/\.config/cachix/cachix\.dhall:1: an auth"
        r" token.* revoke it: https://app\.cachix\.org/personal-auth-tokens",
        first,
    )
    assert "\n  ~/.config/cachix/cachix.dhall: not there\n" in toured.said
    assert "\n  ~/.bashrc: 0 lines name Cachix\n" in toured.said


def test_the_closing_paragraph_counts_what_was_seen(toured: Toured) -> None:
    words = " ".join(toured.said.split())
    assert "not from nixtrust: 2 of 2 machines trust what is declared, and nobody else." in words
    assert "Of 2 tokens and keys that lay at people's homes 2 are gone," in words
    assert "The first run changed 2 of 2 machines, the second none." in words
    assert "Not all is as it should be" not in words


def test_down_leaves_no_mount_and_no_process_of_it(toured: Toured) -> None:
    mine = {TOKEN.name, ADVISED.name, *(f"cache.{LAB}.{each.role}" for each in cache.served(LAB))}
    assert len(mine) == 6
    assert mine <= set(processes.names())
    demo.down([LAB])
    assert not mine & set(processes.names())
    assert "/tour-" not in Path("/proc/self/mounts").read_text()
    assert not [each for each in Path("/proc").glob("[0-9]*/cmdline") if _is_nginx_of_it(each)]


def _is_nginx_of_it(cmdline: Path) -> bool:
    try:
        return f"/caches/{LAB}/".encode() in cmdline.read_bytes()
    except OSError:  # ended in the meantime
        return False


# Where it does not --------------------------------------------------------------------------------


def test_what_did_not_go_well_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MESSES, "broken", BROKEN_AND_A_TOKEN)
    went = take(BROKEN, ADVISED)
    assert went.status == 1
    words = " ".join(went.said.split())
    assert "not from nixtrust: 1 of 2 machines trust what is declared" in words
    assert "Of 1 tokens and keys that lay at people's homes 0 are gone" in words
    assert "The first run changed 1 of 2 machines, the second none." in words
    assert faults(went.said) == [
        "tour-broken: substituters is not what is declared",
        "tour-broken: trusted-substituters is not what is declared",
        "tour-broken: trusted-public-keys is not what is declared",
        "tour-broken: trusted-users is not what is declared",
        "tour-broken: tokens and keys still lie there: 1",
        "the first run failed, as it says above",
        "the second run failed, as it says above",
    ]


def faults(said: str) -> list[str]:
    told = said.partition("\nNot all is as it should be:\n")[2]
    return [line.strip() for line in told.partition("\n\n")[0].splitlines()]


def test_what_the_lab_cannot_do_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    spec = lab.MachineSpec("tour-tidy", "trixie", "127.77.15.4", "tidy", lab=LAB)
    assert tour.main([spec]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("lab: the lab has no mess 'tidy'")
    assert last.endswith("; make demo-down clears up")


def test_where_no_lab_can_be_the_machine_itself_is_looked_at() -> None:
    command = ["unshare", "--mount", "sh", "-euc", NO_LAB, "sh", sys.executable, "-m", "lab.tour"]
    ran = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert ran.returncode == 0, ran.stdout
    line, nothing, shown = ran.stdout.splitlines()[:3]
    assert line == (
        "There can be no lab here (the lab needs to make folders in /var/lib: Read-only file"
        " system). The truth about this machine alone:"
    )
    assert (nothing, shown) == ("", "$ pyinfra inventory/self.py deploy.py --dry --diff")
    assert "[@local]" in ran.stdout
    assert "Traceback" not in ran.stdout
