"""What `make bench` compares with each other, once, on two machines; nothing is measured here."""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

import lab
from bench import contestants, machines

pytestmark = pytest.mark.lab

LAB = machines.LAB
Probes = Mapping[str, Path]


@pytest.fixture(scope="module", autouse=True)
def _in_a_clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """In which all is declared that makes a difference to the probe."""
    root = tmp_path_factory.mktemp("clone")
    for folder in ("bench", "group_data", "inventory", "lab", "nixtrust", "operations"):
        shutil.copytree(machines.ROOT / folder, root / folder)
    for file in ("config.py", "deploy.py"):
        shutil.copy(machines.ROOT / file, root / file)
    with (root / "group_data/linux.py").open("a") as declared:
        declared.write('\nnix_settings = {"cores": 1}\ncachix_search_paths = ["work/here"]\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machines, "ROOT", root)
        yield


@pytest.fixture(scope="module")
def there(_in_a_clone: None) -> Sequence[lab.Machine]:
    return machines.up(2)


@pytest.fixture(scope="module")
def probes(there: Sequence[lab.Machine], tmp_path_factory: pytest.TempPathFactory) -> Probes:
    return machines.probes(there, tmp_path_factory.mktemp("bench"))


def test_pyinfra_has_nothing_to_change(there: Sequence[lab.Machine]) -> None:
    contestants.pyinfra(there)()


def test_a_run_that_changes_something_does_not_count(there: Sequence[lab.Machine]) -> None:
    there[0].run("echo cores = 2 >>/etc/nix/nix.conf")
    with pytest.raises(machines.BenchError, match="changed something"):
        contestants.pyinfra(there)()


def test_of_a_commit_that_is_not_there_there_is_no_earlier_probe(
    there: Sequence[lab.Machine], tmp_path: Path
) -> None:
    with pytest.raises(machines.BenchError, match="git has no commit nowhere"):
        machines.earlier_probes("nowhere", there, tmp_path)


def test_ssh_sends_what_is_declared(there: Sequence[lab.Machine], probes: Probes) -> None:
    assert list(probes) == [machine.name for machine in there]
    for probe in probes.values():
        assert "work/here" in probe.read_text()
        assert re.search(r"judged='.*\bcores=plain\b", probe.read_text(), re.MULTILINE)


def test_all_machines_answer_the_probe_over_ssh(
    there: Sequence[lab.Machine], probes: Probes, tmp_path: Path
) -> None:
    before = [machine.ssh_commands() for machine in there]
    contestants.ssh(there, machines.ssh_config(there, tmp_path), probes)()
    assert [machine.ssh_commands() for machine in there] == [number + 1 for number in before]


def test_half_an_answer_does_not_count(
    there: Sequence[lab.Machine], probes: Probes, tmp_path: Path
) -> None:
    cut = tmp_path / "cut"
    cut.write_text("echo nixtrust\n")
    config = machines.ssh_config(there, tmp_path)
    with pytest.raises(machines.BenchError, match=f"ssh {there[1].name} ended with 0"):
        contestants.ssh(there, config, {**probes, there[1].name: cut})()
