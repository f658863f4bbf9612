"""Whom and what Nix trusts on a machine: nix.conf as declared, and a daemon that goes by it."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from pyinfra.api import FunctionCommand, Host, State, operation
from pyinfra.api.exceptions import PyinfraError
from pyinfra.context import ctx_host, ctx_state
from pyinfra.operations.util.files import generate_color_diff
from pyinfra_cli.exceptions import CliError

from nixtrust.conf import BLOCK_BEGIN, BLOCK_END, ConfFile, Edit, apply
from nixtrust.facts import WRITING, forget, machine_of, run_script
from nixtrust.findings import Finding, Remedy, Rule, Weight, findings, restarts
from nixtrust.guards import only_looks
from nixtrust.judge_access import waits
from nixtrust.machine import Machine, Unread
from nixtrust.module_text import module_text
from nixtrust.outcome import Outcome, Result, advice, read_outcome
from nixtrust.owners import owner_of, reads
from nixtrust.plan import losses, plan, restored, restores, unkept, wanted
from nixtrust.policy import Policy
from nixtrust.scripts import Script, mend_script, restart_script, undo_script, write_script
from operations.cachix import left_behind
from operations.failing import fail, say_failed


@operation()
def root_alone(policy: Policy, system: str) -> Generator[FunctionCommand, None, None]:
    """
    Make nix.conf and its folder writable by root alone, and readable by everybody.

    + policy: what is declared for this machine
    + system: what the machine was declared to be, such as ``aarch64-darwin``

    **Example:**

    .. code:: python

        nix.root_alone(
            name="Root alone can change nix.conf",
            policy=policy,
            system=host.data.system,
        )
    """
    host = ctx_host.get()
    machine = machine_of(host, policy)
    found = findings(policy, machine, system)
    mending = [each for each in found if each.remedy is Remedy.MEND]
    if isinstance(machine, Unread) or not mending:
        host.noop("nothing that is written is changed by others")
        return
    if not _is_shown():
        for each in mending:
            host.log_styled(f"to be mended: {each}", fg="yellow")
    script = mend_script(machine, owner_of(machine), mending)
    # A machine that fails here never comes to the last operation, which tells of these.
    left = left_behind(policy, machine, system)
    yield FunctionCommand(_mend, (script, left), {})


def _mend(state: State, host: Host, script: Script, left: tuple[str, ...]) -> bool:
    """Makes files root's alone, and says how it ended, if not well, with what is left."""
    outcome = _outcome(host, script)
    if outcome.is_written and outcome.words:
        host.log_styled(outcome.words, fg="yellow")
    elif outcome.words:
        say_failed(host, f"not all was mended: {outcome.words}{advice(outcome.words)}")
    return outcome.is_written or fail(state, host, *left)


@operation()
def trust(
    policy: Policy, system: str, present: bool = True
) -> Generator[FunctionCommand, None, None]:
    """
    Make Nix trust the declared caches, keys and users, and nobody else.

    + policy: what is declared for this machine
    + system: what the machine was declared to be, such as ``aarch64-darwin``
    + present: ``False`` takes out what this operation wrote, and gives back the original file if
      nothing else has changed in it since

    **Example:**

    .. code:: python

        nix.trust(
            name="Trust the team's caches and nobody else's",
            policy=policy,
            system=host.data.system,
        )
    """
    host = ctx_host.get()
    machine = machine_of(host, policy)
    judged = findings(policy, machine, system)
    found = tuple(each for each in judged if not each.rule.is_credential)
    # What nix.conf says hinders nobody from giving back what it said.
    blocking = [
        each
        for each in found
        if each.remedy is Remedy.BLOCKS and (present or not each.rule.is_configuration)
    ]
    unjudged = _unjudged(machine, found, present)
    if present and unjudged and not ctx_state.get().is_executing:
        host.noop("judged once root alone can change what Nix reads")
        return
    blocking.extend(unjudged)
    # A machine that fails here never comes to the last operation, which tells of these.
    left = left_behind(policy, machine, system) if present else ()
    if present:
        _show(host, policy, machine, found)
    if isinstance(machine, Unread) or blocking:
        # What is taken out of the machine before does not wait for what blocks here.
        if ctx_state.get().is_executing or (left and not only_looks()):
            yield FunctionCommand(fail, (_refusal(blocking), *left), {})
        else:
            _fail_now(host, _refusal(blocking))
        return
    script = _declaring(policy, machine, found) if present else _undoing(host, policy, machine)
    if script is None:
        host.noop("Nix trusts what is declared" if present else "nothing of nixtrust's is there")
        return
    yield FunctionCommand(_transact, (script, owner_of(machine).person, left), {})


def _unjudged(
    machine: Machine | Unread, found: tuple[Finding, ...], present: bool
) -> list[Finding]:
    """What is to be mended before the configuration can be read, or what was there given back."""
    if isinstance(machine, Unread) or machine.nix is None:
        return []
    mended = [each for each in found if each.remedy is Remedy.MEND]
    if not waits(machine, owner_of(machine), found):
        # What others can change may be their words.
        mended = [each for each in mended if each.rule is Rule.CHANGEABLE and not present]
    return [replace(each, to_do="run deploy.py first") for each in mended]


def _declaring(policy: Policy, machine: Machine, found: tuple[Finding, ...]) -> Script | None:
    assert machine.nix is not None, "a machine without Nix is blocked"
    owner = owner_of(machine)
    remedies = {each.remedy for each in found}
    if Remedy.EDIT in remedies:
        planned = plan(policy, owner, machine.files, machine.nix)
        assert planned is not None, "an edit was found to help"
        without = unkept(policy, owner, planned, machine.credentials)
        return write_script(planned, machine, owner, restarts(machine), without)
    if Remedy.RESTART in remedies:
        return restart_script(machine, owner)
    return None


def _undoing(host: Host, policy: Policy, machine: Machine) -> Script | None:
    owner = owner_of(machine)
    undone = restores(policy, owner, machine.files, machine.credentials)
    if undone and ctx_state.get().config.DIFF and not _is_shown():
        host.log("as it would be, if no comment and no value has changed that is not sent")
        _show_diffs(host, machine, {each.path: restored(machine.files, each) for each in undone})
    if undone:
        return undo_script(undone, machine, owner, restarts(machine))
    # Of an undo that was killed, the restart alone may be left.
    return restart_script(machine, owner) if machine.restart_pending and restarts(machine) else None


def _transact(state: State, host: Host, script: Script, person: str, left: tuple[str, ...]) -> bool:
    """Runs a transaction on the machine and says how it ended, if not well, with what is left."""
    outcome = _outcome(host, script, person)
    if outcome.words:
        say_failed(host, str(outcome))
    return outcome.is_written or fail(state, host, *left)


def _outcome(host: Host, script: Script, person: str = "") -> Outcome:
    """What came of a script that changes the machine."""
    try:
        answer = run_script(host, script, WRITING, person)
    finally:
        forget(host)
    return (
        Outcome(Result.LOST, answer.reason) if isinstance(answer, Unread) else read_outcome(answer)
    )


def _refusal(blocking: list[Finding]) -> str:
    more = f" (and {len(blocking) - 1} more)" if len(blocking) > 1 else ""
    return f"nothing written: {blocking[0]}{more}"


def _fail_now(host: Host, line: str) -> None:
    """Fails this machine, and no other, before anything is run."""
    say_failed(host, line)
    try:
        ctx_state.get().fail_hosts({host})
    except PyinfraError as none_left:
        raise _NoneLeftError(line) from none_left


# pyinfra_cli has no types.
class _NoneLeftError(CliError, PyinfraError):  # type: ignore[misc]
    """Ends a run in which no machine is left; each has said why in a line of its own."""

    def show(self, file: Any = None) -> None:
        """Nothing more."""


# What would change, for people -----------------------------------------------------------------


def _show(
    host: Host, policy: Policy, machine: Machine | Unread, found: tuple[Finding, ...]
) -> None:
    """Says once, before anything is done, what was found and with --diff what would be written.

    The first of what blocks is left to the line that refuses. What could not be read tells nothing
    of how the machine differs, so that line stands alone.
    """
    if _is_shown() or isinstance(machine, Unread) or machine.nix is None:
        return
    blocking = [each for each in found if each.remedy is Remedy.BLOCKS]
    mended = [each for each in found if each.remedy is Remedy.MEND]
    if any(each.weight is Weight.UNKNOWN for each in blocking):
        return
    owner = owner_of(machine)
    edits = not blocking and any(each.remedy is Remedy.EDIT for each in found)
    planned = plan(policy, owner, machine.files, machine.nix) if edits else None
    if planned is not None:
        for loss in losses(reads(owner, machine.files, machine.nix), planned.after):
            host.log_styled(loss, bold=True)
    for each in found:
        if each.weight is Weight.NOTE and ctx_state.get().config.DIFF:
            host.log(str(each))
        # What is to be mended the operation before has told.
        if each.weight is not Weight.NOTE and each not in (*blocking[:1], *mended):
            host.log_styled(str(each), fg="yellow")
    if owner.module and any(
        each.rule.is_configuration and each.weight is Weight.DRIFT for each in found
    ):
        stated = wanted(policy, owner, machine.nix).items()
        declared = {setting: tokens for setting, tokens in stated if tokens is not None}
        for line in module_text(owner.module, declared).splitlines():
            host.log(f"  {line}")
    if planned is not None:
        _show_diffs(host, machine, {edit.path: _edited(machine, edit) for edit in planned.edits})


def _is_shown() -> bool:
    """Whether all was said when pyinfra looked for changes: it asks again as it makes them."""
    state = ctx_state.get()
    return bool(state.is_executing and state.check_for_changes)


def _edited(machine: Machine, edit: Edit) -> str:
    return apply(_text(machine, edit.path), edit)


def _text(machine: Machine, path: str) -> str:
    there = machine.files.get(path)
    return there.text if isinstance(there, ConfFile) else ""


def _show_diffs(host: Host, machine: Machine, texts: Mapping[str, str]) -> None:
    """With --diff, how files would change; the values of settings that are not judged stay on the
    machine.

    + texts: by file, what would be in it
    """
    if ctx_state.get().config.DIFF:
        for path, text in texts.items():
            host.log(f"  {path}")
            before = _told_apart(_text(machine, path))
            for line in generate_color_diff(before, _told_apart(text)):
                host.log(f"  {line}")


def _told_apart(text: str) -> list[str]:
    """The lines, those of the block with a blank at the end, which pyinfra's diff does not show.

    A line of the block is not the same as one like it that stands elsewhere, and goes.
    """
    lines = text.splitlines()
    block = range(0)
    if BLOCK_BEGIN in lines and BLOCK_END in lines:
        block = range(lines.index(BLOCK_BEGIN), lines.index(BLOCK_END) + 1)
    return [f"{line} " if number in block else line for number, line in enumerate(lines)]
