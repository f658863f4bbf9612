"""The guard rails around the pyinfra command: what is refused before any machine is contacted.

pyinfra 3.10.0 takes a misspelt inventory or `--limit` for an empty selection and exits 0, plans
nothing under `--dry -y`, and asks its questions of terminals that are not there. `config.py`
calls `install`; from then on a run is checked once pyinfra has merged each machine's data, before
its first connection.
"""

from __future__ import annotations

import gc
import inspect
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Any, NoReturn

import click
from pyinfra.api import Config, Inventory, State
from pyinfra.api.host import Host
from pyinfra.context import ctx_state
from pyinfra_cli import cli as command
from pyinfra_cli import inventory as inventory_files
from pyinfra_cli.exceptions import UnexpectedExternalError
from pyinfra_cli.util import exec_file

from nixtrust.connecting import host_key_problems, never_ask
from nixtrust.group_data import line_of
from nixtrust.inventory import BUILT_IN_GROUPS, Machine, Team, read_team, suggest, system_of
from nixtrust.policy import policy_of
from nixtrust.refused import Refused

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def clean_exit() -> Iterator[None]:
    """Ends the pyinfra command where something was refused: one line each, exit code 2.

    What a config or inventory file raises ends in a traceback, but for SystemExit.
    """
    try:
        yield
    except Refused as refused:
        for problem in refused.problems:
            click.echo(f"nixtrust: {problem}", err=True)
        sys.exit(2)


# For config.py


def install() -> None:
    """Checks the command line, and sees to it that what follows is checked in time."""
    state, options = ctx_state.get(), _options() or {}
    _remembered.update(options)
    with clean_exit():
        _refuse(command_line_problems(options, Path(state.cwd), _has_terminal()))
    never_ask()
    signal.signal(signal.SIGINT, _interrupted)
    command._do_confirm = partial(_confirmed, command._do_confirm)
    inventory_files.exec_file = _exec_file
    state.init = partial(_init, state, options)
    _make_known(options)


def _make_known(options: Mapping[str, Any]) -> None:
    """Names the deploy files to `inspect`, which takes long over a file that is no module.

    pyinfra lists the whole stack several times for each operation of each machine, and for each
    frame of a deploy file all modules are searched.
    """
    for file in options.get("operations", ()):
        inspect.modulesbyfile[os.path.abspath(file)] = __name__


def _init(
    state: State,
    options: Mapping[str, Any],
    inventory: Inventory,
    config: Config,
    initial_limit: list[Host] | None = None,
) -> None:
    """pyinfra's State.init, which stands between the merging of the data and the connections."""
    with clean_exit():
        _refuse(selection_problems(inventory, options, initial_limit))
        if _deploys(options):
            check(inventory, _data_folders(options))
    State.init(state, inventory, config, initial_limit=initial_limit)
    # All that was loaded stays: the collector would go through it again and again.
    gc.freeze()
    # The command sets 0 and a prompt here: one machine that is off would then ask a question, and
    # end the run with EOFError where there is no terminal.
    config.FAIL_PERCENT = options.get("fail_percent")
    state.should_raise_failed_hosts = None


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()  # None when it was closed (`<&-`)


def _refuse(problems: Iterable[str]) -> None:
    if found := tuple(dict.fromkeys(problems)):
        raise Refused(found)


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    """pyinfra's own handler exits 0, as if all had been done, and first waits for every machine.

    A script that has begun to write ends what it began, with or without us.
    """
    click.echo("nixtrust: interrupted; run the same again to finish", err=True)
    sys.stdout.flush()
    os._exit(130)


def _confirmed(ask: Callable[[str], bool], message: str) -> bool:
    """pyinfra's confirmation, for which the end of the input (^D) is a no."""
    try:
        return ask(message)
    except EOFError:
        click.echo(err=True)
        return False


def _exec_file(filename: str, **options: Any) -> dict[str, Any]:
    """pyinfra's, for inventory and group data files, but a mistake in one is one line."""
    with clean_exit():
        try:
            names: dict[str, Any] = exec_file(filename, **options)
        except UnexpectedExternalError as wrapped:
            error = wrapped.exception
            own = [line for frame, line in walk_tb(error.__traceback__) if _is_of(frame, filename)]
            why = " ".join(f"{type(error).__name__}: {error}".split())
            raise Refused([f"{_shown(filename)}:{own[-1] if own else 1}: {why}"]) from None
        except SyntaxError as error:
            raise Refused(
                [f"{_shown(filename)}:{error.lineno}: is not Python: {error.msg}"]
            ) from None
        except (OSError, ValueError) as error:
            raise Refused([f"{_shown(filename)}: cannot be read: {error}"]) from None
    return names


def _is_of(frame: FrameType, filename: str) -> bool:
    return frame.f_code.co_filename == filename


def _shown(path: str | Path) -> str:
    """A path as one would type it from here."""
    absolute = Path(path).resolve()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


# The command line


# Operations are prepared where click knows of no command.
_remembered: dict[str, Any] = {}


def only_looks() -> bool:
    """Whether this run ends before anything is changed."""
    return bool(_remembered) and not _changes_machines(_remembered)


def _options() -> Mapping[str, Any] | None:
    """The options of the pyinfra command; None when a program of its own drives pyinfra."""
    context = click.get_current_context(silent=True)
    return context.params if context and context.command is command.cli else None


def given_data(key: str) -> str | None:
    """The text behind `--data KEY=`, of which pyinfra may make a number; None if not given."""
    given = (each.partition("=") for each in (_options() or {}).get("data", ()))
    return {name: value for name, _, value in given}.get(key)


def _deploys(options: Mapping[str, Any]) -> bool:
    """Whether operations are asked for; `exec`, `fact` and `debug-inventory` are pyinfra's own."""
    first = next(iter(options.get("operations", ())), "")
    return first not in ("exec", "fact", "debug-inventory")


def _changes_machines(options: Mapping[str, Any]) -> bool:
    plan_only = options["dry"] or options["debug_facts"] or options["debug_operations"]
    return _deploys(options) and not plan_only and (options["yes"] or not options["json_output"])


_PASSWORDS = (
    *("ssh_password_prompt", "ssh_password", "ssh_key_password"),
    *("same_sudo_password", "use_sudo_password"),
)
_PINNING = ("ssh_known_hosts_file", "ssh_strict_host_key_checking")
_SELF = "pyinfra inventory/self.py deploy.py"


def command_line_problems(
    options: Mapping[str, Any], cwd: Path, has_terminal: bool
) -> Iterator[str]:
    """What is wrong with the way in which the pyinfra command was started.

    + options: the command's parameters, by click's names.
    + cwd: the folder that pyinfra reads config.py and group_data from.
    + has_terminal: whether anybody can answer a question.
    """
    if cwd.resolve() != ROOT:
        yield f"runs in {cwd}, where the policy is not read; cd {ROOT}, or use --chdir {ROOT}"
    yield from _inventory_problems(str(options["inventory"]))
    for each in options["data"]:
        if "=" not in each:
            yield f"--data {each}: a value is given as --data KEY=VALUE"
        if (key := each.partition("=")[0]) in _PINNING:
            yield f"--data {key}: host keys are pinned in inventory/known_hosts alone"
    for path in options["group_data"]:
        if not Path(path).exists():
            yield f"--group-data {path}: there is no such file or folder"
    for name in _PASSWORDS:
        if options[name]:
            why = f"no password is asked for or given here; run on the machine itself: {_SELF}"
            yield f"--{name.replace('_', '-')}: {why}"
    if _deploys(options) and options["dry"] and options["yes"]:
        yield "--dry with -y (or PYINFRA_YES) shows no changes, whatever there is; leave -y out"
    elif _changes_machines(options) and not options["yes"] and not has_terminal:
        yield "there is no terminal to confirm at; add --dry to look, or -y to go ahead"


def _inventory_problems(inventory: str) -> Iterator[str]:
    """pyinfra takes a path that does not exist for a host, or for nothing at all."""
    path = Path(inventory)
    names = [f"inventory/{each.name}" for each in sorted((ROOT / "inventory").glob("*.py"))]
    if path.exists() and (path.is_dir() or path.suffix != ".py"):
        yield f"{inventory}: is no inventory; {suggest(inventory, names)}"
    elif (
        not path.exists()
        and re.search(r"/|\.(py|ya?ml)$", inventory)
        and not (
            set("@,") & set(inventory)  # connectors and lists of hosts
        )
    ):
        yield f"{inventory}: there is no such inventory; {suggest(inventory, names)}"


# The inventory


def require() -> None:
    """For inventory files: refuses a pyinfra command whose `config.py` is not this project's."""
    if _options() is not None and not _is_installed(ctx_state.get()):
        raise Refused([f"the policy is not read from here; cd {ROOT}, or use --chdir {ROOT}"])


def _is_installed(state: State) -> bool:
    return isinstance(state.init, partial)


class _Inventory(Inventory):
    """pyinfra passes groups as keyword arguments, one of them of the inventory file's name."""

    def __init__(self, names_data: Any, /, override_data: Any = None, **groups: Any) -> None:
        groups.pop("self", None)
        Inventory.__init__(self, names_data, override_data, **groups)


def let_an_inventory_be_called_self() -> None:
    """For inventory/self.py, whose name pyinfra would take for the instance that it makes."""
    inventory_files.Inventory = _Inventory


def known_hosts() -> str:
    """The file with the team's pinned host keys."""
    return str(ROOT / "inventory" / "known_hosts")


def team() -> Team:
    """The machines of inventory/team.yml. Raises `Refused`."""
    return read_team(Path(os.path.relpath(ROOT / "inventory" / "team.yml")))


def unlisted(host_name: str, user: str) -> Machine:
    """This machine as a guest: to be looked at, since no entry says what it is.

    Raises `Refused` if it is to be changed, or is of a system that Nix is not made for.
    """
    listing = f"this machine ({host_name!r}) is not in inventory/team.yml"
    options = _options()
    if options and _changes_machines(options):
        fix = (
            "add it there, say --data machine=NAME if it has another name there, or look with --dry"
        )
        raise Refused([f"{listing}; {fix}"])
    uname = os.uname()
    system = system_of(uname.sysname, uname.machine)
    if system is None:
        raise Refused([f"{listing}, and {uname.sysname} on {uname.machine} is no system for Nix"])
    click.echo(f"nixtrust: {listing}; it is looked at like the team's {system}", err=True)
    # Not checked as an entry of team.yml is: the machine calls itself what it likes.
    return Machine.model_construct(name=host_name, system=system, user=user)


def selection_problems(
    inventory: Inventory, options: Mapping[str, Any], selected: Sequence[Host] | None
) -> list[str]:
    """What is wrong with a selection that pyinfra would take for 'none', with a warning at most.

    + selected: what `--limit` and `--exclude` leave; None for all.
    """
    hosts = list(inventory)
    if not hosts:
        return [f"{options['inventory']}: there is no machine in this inventory"]
    names = sorted({*(host.name for host in hosts), *inventory.groups})
    misses = [
        f"--{option} {pattern}: no machine and no group; {suggest(pattern, names)}"
        for option in ("limit", "exclude")
        for pattern in options[option]
        if not inventory.get_group(pattern, None)
        and not any(fnmatch(host.name, pattern) for host in hosts)
    ]
    return misses or (["--exclude leaves no machine"] if selected == [] else [])


# What is declared


def check(inventory: Inventory, folders: Sequence[Path] = ()) -> None:
    """Checks what every machine of an inventory is to trust, after pyinfra's merging of groups.

    + folders: where pyinfra read group data, the strongest last; the project's own if not given.

    Raises `Refused` with every problem found.
    """
    folders = folders or (ROOT / "group_data", ROOT / "inventory" / "group_data")
    _refuse(
        [
            *_group_file_problems(inventory, folders),
            *_host_key_file_problems(inventory),
            *_machine_problems(inventory, folders),
        ]
    )


def _data_folders(options: Mapping[str, Any]) -> tuple[Path, ...]:
    beside_inventory = Path(options["inventory"]).resolve().parent / "group_data"
    return (ROOT / "group_data", beside_inventory, *map(Path, options["group_data"]))


def _group_file_problems(inventory: Inventory, folders: Sequence[Path]) -> Iterator[str]:
    """Files of group data that would count for nobody."""
    files = [file for folder in folders for file in _files_of(folder)]
    known = {
        "all",
        *BUILT_IN_GROUPS,
        *(group for group, hosts in inventory.groups.items() if hosts),
    }
    known |= {file.stem for file in (ROOT / "inventory").glob("*.py")}
    if any(file.suffix == ".py" and file.stem not in known for file in files):
        known |= {group for machine in team().machines for group in machine.groups}
    for file in files:
        if file.is_dir() and file.name != "__pycache__":
            why = f"is a folder, which is not read; group data are Python: {file.stem}.py"
            yield f"{_shown(file)}: {why}"
        elif file.suffix in (".yml", ".yaml", ".json", ".toml"):
            yield f"{_shown(file)}: is not read; group data are Python: {file.stem}.py"
        elif file.suffix == ".py" and file.stem in ("team", "self"):
            why = "counts in one of inventory/team.py and self.py only; use all.py"
            yield f"{_shown(file)}: {why}"
        elif file.suffix == ".py" and file.stem not in known:
            hint = suggest(file.stem, sorted(known))
            yield f"{_shown(file)}: no group is called {file.stem!r}; {hint}"


def _files_of(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else [folder] if folder.exists() else []


def _host_key_file_problems(inventory: Inventory) -> Iterator[str]:
    files = {host.data.get("ssh_known_hosts_file") for host in inventory}
    for file in sorted(filter(None, files)):
        yield from host_key_problems(Path(file).expanduser(), _shown(file))


def _machine_problems(inventory: Inventory, folders: Sequence[Path]) -> Iterator[str]:
    """Each problem once, with the machines that it concerns if it does not concern all."""
    concerned: dict[str, list[str]] = {}
    for host in inventory:
        for problem in _host_problems(inventory, host, folders):
            concerned.setdefault(problem, []).append(host.data.get("machine_name", host.name))
    for problem, names in concerned.items():
        everybody = len(names) == len(inventory)
        yield problem if everybody else f"{problem} (machines: {', '.join(names)})"


def _host_problems(inventory: Inventory, host: Host, folders: Sequence[Path]) -> Iterator[str]:
    where = partial(_where, inventory, host, folders)
    data, own = host.data.dict(), inventory.get_host_data(host.name)
    if "system" not in own:
        yield f"{host.name}: is in no inventory; use inventory/team.py or inventory/self.py"
        return
    for key in ("machine_name", "system", "member"):
        if data[key] != own[key]:
            yield f"{where(key, None)}: {key} is only declared in inventory/team.yml; take it out"
    try:
        policy = policy_of(data, where)
    except Refused as refused:
        yield from refused.problems
        return
    key = "cachix_credentials"
    if policy.cachix_credentials == "allow" and (key in inventory.override_data or key not in own):
        why = "'allow' is for one declared builder; say it in its 'data' in inventory/team.yml"
        yield f"{where(key, 'allow')}: {key}: {why}"


def _where(
    inventory: Inventory, host: Host, folders: Sequence[Path], key: str, value: object
) -> str:
    """Where the value that a machine has for a key was declared, in pyinfra's order of strength."""
    if key in inventory.override_data:
        return f"--data {key}"
    if key in (own := inventory.get_host_data(host.name)):
        return _team_line(own, key) or f"the data of {own.get('machine_name', host.name)}"
    for group in (*reversed(host.groups), "all"):
        for folder in reversed(folders):
            file = folder if folder.is_file() and folder.stem == group else folder / f"{group}.py"
            if file.is_file() and (line := line_of(file.read_text("utf-8"), key, value)):
                return f"{_shown(file)}:{line}"
        if key in inventory.get_group_data(group):
            return f"the data of group {group}"
    return key


def _team_line(own: Mapping[str, Any], key: str) -> str | None:
    """The line of team.yml that gave a machine this value; None if another inventory did."""
    with suppress(Refused):
        listed, name = team(), own["machine_name"]
        if any(each.name == name and each.data.get(key) == own[key] for each in listed.machines):
            return listed.lines[name, key]
    return None
