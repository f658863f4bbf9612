"""What the lab has running is begun and ended by several runs at once."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import processes
from lab.host import control_groups

pytestmark = pytest.mark.lab

NAME, OTHER = "test-processes", "test-processes-other"


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, ...]]:
    """The folders of all groups: this test's own, so that they are empty now and then."""
    monkeypatch.setattr(processes, "_OURS", "nixtrust-test-processes")
    yield tuple(hierarchy / "nixtrust-test-processes" for hierarchy in control_groups())
    for name in (NAME, OTHER):
        processes.end(name)


def between(monkeypatch: pytest.MonkeyPatch, call: str, act: Callable[[Path], None]) -> None:
    """Has another run act right before each folder's first two calls of `os.CALL`."""
    original, calls = getattr(os, call), Counter[Path]()

    def after_another(path: Path, *arguments: object, **named: object) -> None:
        calls[Path(path)] += 1
        if calls[Path(path)] <= 2:
            act(Path(path))
        original(path, *arguments, **named)

    monkeypatch.setattr(os, call, after_another)


def test_a_group_that_another_run_makes_meanwhile_is_no_hindrance_and_stays(
    groups: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_another(path: Path) -> None:
        if path in groups:
            (path / OTHER).mkdir(exist_ok=True)

    processes.start(NAME, ["sleep", "100"], {}, Path("/dev/null"))
    with monkeypatch.context() as patch:
        between(patch, "rmdir", make_another)
        processes.end(NAME)
    assert [path.name for path in groups[0].glob("*/")] == [OTHER]
    processes.end(OTHER)
    assert not any(group.exists() for group in groups)


def test_the_folder_of_all_groups_may_go_while_one_is_made(
    groups: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_away_what_is_empty(path: Path) -> None:
        if path.parent in groups and path.parent.exists():
            path.parent.rmdir()

    groups[0].mkdir()
    with monkeypatch.context() as patch:
        between(patch, "mkdir", take_away_what_is_empty)
        processes.start(NAME, ["sleep", "100"], {}, Path("/dev/null"))
    assert processes.running(NAME)
    processes.end(NAME)
    assert not any(group.exists() for group in groups)
