"""The last word on a machine: whether it is as declared."""

from collections.abc import Generator

from pyinfra.api import FunctionCommand, operation
from pyinfra.context import ctx_host, ctx_state

from nixtrust.facts import machine_of
from nixtrust.findings import Remedy, Weight, findings
from nixtrust.policy import Policy
from operations.cachix import left_behind
from operations.failing import fail


@operation()
def in_step(policy: Policy, system: str) -> Generator[FunctionCommand, None, None]:
    """
    Look again, and fail the machine that still differs from what is declared: with one line for
    each credential that is left, and one for all else.

    + policy: what is declared for this machine
    + system: what the machine was declared to be, such as ``aarch64-darwin``
    """
    host = ctx_host.get()
    if host in ctx_state.get().failed_hosts:
        return
    machine = machine_of(host, policy)
    differs = [each for each in findings(policy, machine, system) if each.weight is not Weight.NOTE]
    if not ctx_state.get().is_executing:
        # Ahead of the run, what the operations before this one put right does not count.
        differs = [each for each in differs if each.remedy is Remedy.HAND]
    if not differs:
        host.noop("the machine is as declared")
        return
    lines = left_behind(policy, machine, system)
    others = [each for each in differs if not each.rule.is_credential]
    if others:
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        lines = (*lines, f"still differs: {others[0]}{more}")
    yield FunctionCommand(fail, lines, {})
