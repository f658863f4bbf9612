"""What pyinfra itself makes of the inventory files: hosts, groups, and whose data win."""

import json
from typing import Any

import pytest

from nixtrust.inventory import BUILT_IN_GROUPS
from tests.pyinfra.conftest import ROOT, Project

pytestmark = pytest.mark.pyinfra

TEAM = """
machines:
  mac: {system: aarch64-darwin, user: jito.hello, ssh: {host: mac.example, user: admin}}
  old-mac: {system: x86_64-darwin, user: me}
  arm: {system: aarch64-linux, user: me, groups: [builders]}
  box: {system: x86_64-linux, user: me, groups: [late, builders], data: {nix_trusted_users: [own]}}
"""
WEAKEST_FIRST = ["all", "linux", "x86_64", "x86_64_linux", "builders", "late"]


def debug_inventory(project: Project, *arguments: str) -> dict[str, dict[str, Any]]:
    """Each host's groups and data by its name, as `pyinfra … debug-inventory --json` says."""
    ran = project.run(*arguments, "debug-inventory", "--json")
    assert ran.code == 0, ran.output
    (line,) = (line for line in ran.output.splitlines() if line.startswith("["))
    return {host["name"]: host for host in json.loads(line)}


@pytest.fixture
def team(project: Project) -> Project:
    project.write("inventory/team.yml", TEAM)
    for group in WEAKEST_FIRST:
        project.write(f"group_data/{group}.py", f"nix_trusted_users = ['{group}']\n")
    return project


def test_nothing_but_the_machines_leaks_out_of_the_teams_inventory_as_hosts(team: Project) -> None:
    hosts = debug_inventory(team, "inventory/team.py")
    assert {name: host["groups"] for name, host in hosts.items()} == {
        "mac": ["darwin", "aarch64", "aarch64_darwin", "team"],
        "old-mac": ["darwin", "x86_64", "x86_64_darwin", "team"],
        "arm": ["linux", "aarch64", "aarch64_linux", "builders", "team"],
        "box": ["linux", "x86_64", "x86_64_linux", "builders", "late", "team"],
    }


def test_every_inventory_is_its_machines_and_its_groups_alone(project: Project) -> None:
    """The shipped files, read as pyinfra reads them; the lab's own tests see to the lab's."""
    shipped = {file.name for file in (ROOT / "inventory").glob("*.py")}
    assert shipped == {"team.py", "self.py", "lab.py"}
    team = debug_inventory(project, "inventory/team.py")
    assert set(team) == {"baleen-macbook", "kakaostyle-jito", "linux-x86-64", "linux-aarch64"}
    assert {group for host in team.values() for group in host["groups"]} <= {
        *BUILT_IN_GROUPS, "team",
    }  # fmt: skip
    this = debug_inventory(project, "inventory/self.py")
    assert set(this) == {"@local"}
    assert set(this["@local"]["groups"]) <= {*BUILT_IN_GROUPS, "@local"}


@pytest.mark.each_python
def test_of_two_groups_the_stronger_wins_and_the_machine_itself_over_all(team: Project) -> None:
    for strongest in ("own", *reversed(WEAKEST_FIRST)):
        box = debug_inventory(team, "inventory/team.py", "--limit", "box")["box"]
        assert box["data"]["nix_trusted_users"] == [strongest]
        if strongest == "own":
            team.write("inventory/team.yml", TEAM.replace(", data: {nix_trusted_users: [own]}", ""))
        else:
            (team.root / "group_data" / f"{strongest}.py").unlink()


def test_this_machine_alone_has_the_same_groups_and_data_as_in_the_team(team: Project) -> None:
    whole = debug_inventory(team, "inventory/team.py")["box"]
    alone = debug_inventory(team, "inventory/self.py", "--data", "machine=box")["@local"]
    assert set(alone["groups"]) == {*whole["groups"], "@local"} - {"team"}
    for key, value in whole["data"].items():
        if not key.startswith(("ssh_", "_")):
            assert alone["data"].pop(key) == value
    assert alone["data"] == {"machine": "box"}
