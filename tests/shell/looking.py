"""The probe's search for credentials, run on homes that are made up."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from nixtrust.machine import read_field
from nixtrust.scripts import probe_functions

TOKEN = "eyJhbGciOiJIUzI1NiJ9.bWFkZS11cA"
LINE = f"export CACHIX_AUTH_TOKEN={TOKEN}\n"


_SHELL = Path(__file__).parents[2] / "nixtrust/shell"


def functions(declared: Mapping[str, str], search_paths: tuple[str, ...] = ()) -> str:
    """The beginning of a script that has all functions of the probe and runs none."""
    texts = [(_SHELL / name).read_text() for name in ("groups.sh", "writers.sh", "probe.sh")]
    probe, found, _ = "".join(texts).rpartition("\nprobe\n")
    assert found
    return f"main() {{\n{probe_functions(declared, search_paths)}\n{probe}\n"


def told(
    home: Path,
    search_paths: tuple[str, ...] = (),
    settings: str = "",
    root: Path = Path("/nonexistent"),
) -> list[list[str]]:
    """The records of one person's home, as the probe's own functions tell them to that person.

    + settings: lines of shell before the look, such as what nix.conf there is.
    + root: what stands for the machine's own root; not the one that the test runs on.
    """
    before, begins, rest = functions({}, search_paths).partition("\ncandidates_of_system() {\n")
    of_system, ends, after = rest.partition("\n}\n")
    assert begins
    assert ends
    of_system = re.sub(r" ('?)(?=/)", rf" \1{root}", of_system)
    after = after.replace(" /etc/determinate/", f" {root}/etc/determinate/")
    beginning = f"{before}{begins}{of_system}{ends}{after}"
    steps = f"""
conf_dir={root}/etc/nix root_home=/root
is_roots() {{ :; }}
{settings}
[ -n "${{all_startups+set}}" ] || candidates_of_machine
candidates_of_person mia {home}
look_at_credentials
}}
main </dev/null
"""
    whose = home.stat()
    is_anothers = whose.st_uid != os.getuid()
    ran = subprocess.run(
        ["sh", "-s"],
        input=beginning + steps,
        capture_output=True,
        text=True,
        check=True,
        user=whose.st_uid if is_anothers else None,
        group=whose.st_gid if is_anothers else None,
        extra_groups=[] if is_anothers else None,
    )
    assert ran.stderr == ""
    assert TOKEN not in ran.stdout
    return [[read_field(each) for each in line.split("\t")] for line in ran.stdout.splitlines()]


def put(file: Path, text: str = LINE) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file
