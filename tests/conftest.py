"""How the tests are spread over processes, and what each run of them tells at its end."""

from collections import Counter
from collections.abc import Generator
from functools import cache
from importlib import import_module

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# The lab of those test files in tests/lab/ that name none of their own as `LAB`.
SHARED_LAB = "tests"

# The labs whose tests take longest, in this order.
SLOW = ("kills", "transaction", "trouble", "owners", "tests", "credential-fuzz", "credential-kills")


@cache
def lab_of(file: str) -> str:
    """The lab whose machines a file of tests/lab/ has."""
    module = import_module(file.removesuffix(".py").replace("/", "."))
    return str(getattr(module, "LAB", SHARED_LAB))


def lab_or_test(name: str) -> str:
    """What one process does at a stretch: all tests of a lab, or one that has no machines."""
    file = name.partition("::")[0]
    return lab_of(file) if file.startswith("tests/lab/") else name


class OneProcessForEachLab(LoadScopeScheduling):  # type: ignore[misc]
    """Nobody waits for another process to be through with a lab."""

    # The groups of --dist loadgroup, in pytest-xdist 3.8.0, are no groups under pytest 9.2.
    def _split_scope(self, nodeid: str) -> str:
        return lab_or_test(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneProcessForEachLab:
    config.option.loadscopereorder = False  # by number of tests
    return OneProcessForEachLab(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest is begun first, and what needs no machine fills the gaps in the end."""
    turns = {lab: turn for turn, lab in enumerate(SLOW)}

    def turn(item: pytest.Item) -> int:
        name = lab_or_test(item.nodeid)
        return len(SLOW) + 1 if name == item.nodeid else turns.get(name, len(SLOW))

    items.sort(key=turn)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> Generator[None, None, None]:
    """After all else, one line on what could not run here, and why."""
    yield
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, number in reasons.items():
        terminalreporter.write_line(f"not run here: {number} test{'s' * (number > 1)}: {reason}")
