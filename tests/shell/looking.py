"""The probe's search for credentials, run on homes that are made up."""

import re
import subprocess
from pathlib import Path

from nixtrust.machine import read_field
from nixtrust.scripts import probe_script

TOKEN = "eyJhbGciOiJIUzI1NiJ9.bWFkZS11cA"
LINE = f"export CACHIX_AUTH_TOKEN={TOKEN}\n"


def told(
    home: Path,
    search_paths: tuple[str, ...] = (),
    settings: str = "",
    root: Path = Path("/nonexistent"),
) -> list[list[str]]:
    """The records of one person's home, as the probe's own functions tell them.

    + settings: lines of shell before the look, such as what nix.conf there is.
    + root: what stands for the machine's own root; not the one that the test runs on.
    """
    functions, found, _ = "".join(probe_script({}, search_paths)).partition("\nprobe() {")
    assert found
    before, begins, rest = functions.partition("\ncandidates_of_system() {\n")
    of_system, ends, after = rest.partition("\n}\n")
    assert begins
    assert ends
    of_system = re.sub(r" (?=/)", f" {root}", of_system)
    after = after.replace(" /etc/determinate/", f" {root}/etc/determinate/")
    functions = f"{before}{begins}{of_system}{ends}{after}"
    steps = f"""
conf_dir={root}/etc/nix
{settings}
[ -n "${{searched_of_machine-}}" ] || candidates_of_machine
candidates_of_person mia {home}
look_at_credentials
}}
main </dev/null
"""
    ran = subprocess.run(
        ["sh", "-s"], input=functions + steps, capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    assert TOKEN not in ran.stdout
    return [[read_field(each) for each in line.split("\t")] for line in ran.stdout.splitlines()]


def put(file: Path, text: str = LINE) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file
