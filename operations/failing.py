"""How an operation fails its machine: in red, and no other machine's."""

from pyinfra import logger
from pyinfra.api import Host, State


def say_failed(host: Host, line: str) -> None:
    """Says of a machine why it failed."""
    host.log_styled(line, fg="red", log_func=logger.error)


def fail(state: State, host: Host, *lines: str) -> bool:
    """For a FunctionCommand: fails the machine that it runs for, with these lines."""
    for line in lines:
        say_failed(host, line)
    return False
