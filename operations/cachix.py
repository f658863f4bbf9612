"""What of Cachix is stored on a machine: no credential, for any user."""

from collections.abc import Generator

from pyinfra.api import FunctionCommand, Host, State, operation
from pyinfra.context import ctx_host, ctx_state

from nixtrust.facts import WRITING, forget, machine_of, run_script
from nixtrust.findings import Finding, Remedy, Weight, findings
from nixtrust.judge_credentials import is_removable
from nixtrust.machine import Machine, Unread
from nixtrust.policy import Policy
from nixtrust.removal import Due, due, read_removed
from nixtrust.scripts import remove_script
from operations.failing import say_failed


@operation()
def no_credentials(policy: Policy, system: str) -> Generator[FunctionCommand, None, None]:
    """
    Take every Cachix credential from the machine that can safely be taken, and tell of all others.

    + policy: what is declared for this machine
    + system: what the machine was declared to be, such as ``aarch64-darwin``

    **Example:**

    .. code:: python

        cachix.no_credentials(
            name="No Cachix credential is stored",
            policy=policy,
            system=host.data.system,
        )
    """
    host = ctx_host.get()
    machine = machine_of(host, policy)
    found = [each for each in findings(policy, machine, system) if each.rule.is_credential]
    _show(host, found)
    if isinstance(machine, Unread) or not any(each.remedy is Remedy.REMOVE for each in found):
        host.noop("nothing was found that can be taken out")
        return
    yield FunctionCommand(_remove, (due(filter(is_removable, machine.credentials)),), {})


def left_behind(policy: Policy, machine: Machine | Unread, system: str) -> tuple[str, ...]:
    """A line for each credential that a run has left, and for each place not looked into.

    What was to be taken out and is still there needs a person, and the command to do it by hand.
    """
    if policy.cachix_credentials == "remove":
        policy = policy.model_copy(update={"cachix_credentials": "report"})
    return tuple(
        f"still differs: {each}"
        for each in findings(policy, machine, system)
        if each.rule.is_credential and each.weight is not Weight.NOTE
    )


def _show(host: Host, found: list[Finding]) -> None:
    """Says once, before anything is done, what was found."""
    state = ctx_state.get()
    if state.is_executing and state.check_for_changes:
        return
    for each in found:
        if each.remedy is Remedy.REMOVE:
            host.log_styled(f"to be taken out: {each}", fg="yellow")
        elif each.weight is not Weight.NOTE:
            host.log_styled(str(each), fg="yellow")
        else:
            host.log(str(each))


def _remove(state: State, host: Host, those: Due) -> bool:
    """Runs the removal and says what failed; the last operation judges what is left."""
    try:
        answer = run_script(host, remove_script(those.cuts), WRITING)
    finally:
        forget(host)
    if isinstance(answer, Unread):
        say_failed(host, f"not known what was removed: {answer.reason}; run again")
        return False
    troubles = (*read_removed(answer).troubles, *those.troubles)
    for line in troubles:
        say_failed(host, line)
    return not troubles
