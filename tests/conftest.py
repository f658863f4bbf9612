"""How the tests are spread over processes, and what each run of them tells at its end."""

import os
import re
import shlex
import sys
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# In what test files share, a failed assertion shows its values as it does in the files themselves.
pytest.register_assert_rewrite("tests.lab", "tests.pyinfra", "tests.shell", "tests.unit")

# How long an example takes says how busy the box is.
settings.register_profile("unhurried", settings.default, deadline=None)
# For what is tried under several Pythons.
settings.register_profile("few", settings.default, deadline=None, max_examples=20)
settings.load_profile("unhurried")

# What is killed is killed at moments of the day's own; all processes of a run have the same.
os.environ.setdefault("NIXTRUST_KILL_SEED", f"{datetime.now(UTC):%Y%m%d}")
KILL_SEED = os.environ["NIXTRUST_KILL_SEED"]

# By these, which `make soak` sets, a run is asked for more than usual.
ASKED_FOR = (
    *("NIXTRUST_KILLS", "NIXTRUST_WAYS", "NIXTRUST_CONF_CASES", "NIXTRUST_CONF_SEED"),
    *("NIXTRUST_CREDENTIAL_CASES", "NIXTRUST_CREDENTIAL_SEED"),
)

# The lab of those test files in tests/lab/ that name none of their own as `LAB`.
SHARED_LAB = "tests"

# Files whose tests wait for limits, and have no machines. One process waits, and the others work.
WAITING_FILES = (
    "tests/shell/test_limit.py",
    "tests/shell/test_remove_trouble.py",
    # Of what is called nix-daemon each of its tests counts the processes.
    "tests/shell/test_restart_steps.py",
)

# What takes longest, in this order. What mostly waits is among what mostly works, since tests that
# wait together leave the processors idle.
SLOW = (
    *("trouble", "credentials", "kills", "credential-ways", "transaction", "cache", "undo"),
    *("rollback", "owners", "tests", "restart", *WAITING_FILES, "cuts", "darwin-stand-in"),
    *("traffic", "credential-kills", "credential-fuzz"),
)


@cache
def lab_of(file: str) -> str:
    """The lab whose machines a file of tests/lab/ has."""
    module = import_module(file.removesuffix(".py").replace("/", "."))
    return str(getattr(module, "LAB", SHARED_LAB))


def scope_of(name: str) -> str:
    """What one process runs in a row: the tests of a lab or of a file that waits, or one test."""
    file = name.partition("::")[0]
    if file.startswith("tests/lab/"):
        return lab_of(file)
    return file if file in WAITING_FILES else name


class OneProcessForEachScope(LoadScopeScheduling):  # type: ignore[misc]
    """Nobody waits for another process to be through with a lab; see `scope_of`."""

    # The groups of --dist loadgroup, in pytest-xdist 3.8.0, are no groups under pytest 9.2.
    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneProcessForEachScope:
    config.option.loadscopereorder = False  # by number of tests
    return OneProcessForEachScope(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest is begun first, and single tests fill the gaps in the end."""
    turns = {scope: turn for turn, scope in enumerate(SLOW)}

    def turn(item: pytest.Item) -> int:
        scope = scope_of(item.nodeid)
        return len(SLOW) + 1 if scope == item.nodeid else turns.get(scope, len(SLOW))

    items.sort(key=turn)


def pytest_report_header() -> str:
    return f"kills and cuts: NIXTRUST_KILL_SEED={KILL_SEED}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> Generator[None, None, None]:
    """After all else: what could not run here and why; then the first failure, in a few lines."""
    yield
    stats = terminalreporter.stats
    for line in (
        *not_run(stats.get("skipped", [])),
        *failure([*stats.get("error", []), *stats.get("failed", [])]),
    ):
        terminalreporter.write_line(line)


def not_run(skipped: Iterable[pytest.TestReport]) -> Iterator[str]:
    """A line for each reason why tests were skipped."""
    reasons: Counter[str] = Counter()
    for report in skipped:
        assert isinstance(report.longrepr, tuple)
        reasons[report.longrepr[2].removeprefix("Skipped: ")] += 1
    for reason, number in reasons.items():
        yield f"not run here: {number} test{'s' * (number > 1)}: {reason}"


# Of a long message the beginning and the end are shown, and of a long line the beginning: with what
# make, a make below it and CI say behind it, all of it stands in the last ten lines.
_FIRST, _LAST, _WIDTH = 1, 2, 160
# What pytest adds to a message of the test's own.
_ADDED = re.compile(r"assert |\s*\+\s+where ")


def failure(reports: Sequence[pytest.TestReport]) -> Iterator[str]:
    """Which test failed first, and how many others; why, and how to run it alone."""
    failed = sorted(reports, key=lambda report: getattr(report, "start", 0.0))
    for report in failed[:1]:
        others = len(failed) - 1
        yield f"failed: {report.nodeid}" + f", and {others} more, above" * (others > 0)
        said = [line for line in message(report).splitlines() if line.strip()]
        first, *more = said or ["no words"]
        why = [first, *(line for line in more if not _ADDED.match(line))]
        if len(why) > _FIRST + _LAST:
            why[_FIRST:-_LAST] = [f"… {len(why) - _FIRST - _LAST} lines more, above …"]
        for line in why:
            yield f"  {line[:_WIDTH]}{'…' * (len(line) > _WIDTH)}"
        yield f"alone: {alone(report)}"


def message(report: pytest.TestReport) -> str:
    """What an exception, or whatever else ended a test, says."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr)


def alone(report: pytest.TestReport) -> str:
    """The command that runs a test alone, with what it was asked for and the dice that it had."""
    python = sys.executable
    if python.startswith(f"{os.getcwd()}/"):
        python = str(Path(python).relative_to(Path.cwd()))
    asked = {name: value for name, value in os.environ.items() if name in ASKED_FOR}
    # Of a file that cannot be read there are none.
    dice = dict(getattr(report, "user_properties", ()))
    set_to = [f"{name}={value}" for name, value in {**asked, **dice}.items()]
    return shlex.join([*set_to, python, "-m", "pytest", report.nodeid])
