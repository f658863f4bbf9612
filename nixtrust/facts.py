"""What pyinfra is asked for: one look at a machine, in one round trip, and scripts run there.

pyinfra 3.10.0 keeps no answer of a fact, and goes on with a fact's default when it failed; so the
one look is kept here for each host until a script changed the machine, and a failed one is
`Unread`, on which every operation refuses to act.
"""

from paramiko import SSHException
from pyinfra import context
from pyinfra.api import Host, StringCommand
from pyinfra.api.arguments import CONNECTOR_ARGUMENT_KEYS, pop_global_arguments

from nixtrust.machine import Machine, Unread, read_answer
from nixtrust.policy import Policy
from nixtrust.scripts import Script, probe_script

# Seconds. Each question to Nix has its own limit on the machine, and a dead daemon is asked once. A
# transaction's limits add up to less than this (tests/shell/test_time_limits.py): the machine says
# how it ended before it is given up.
LOOKING = 90
WRITING = 330

_seen: dict[Host, Machine | Unread] = {}


def look(policy: Policy) -> Script:
    """What is sent to look at a machine."""
    return probe_script(policy.texts, policy.cachix_search_paths)


def machine_of(host: Host, policy: Policy) -> Machine | Unread:
    """The machine as it is, looked at no more than once between two changes."""
    if host not in _seen:
        answer = run_script(host, look(policy), LOOKING)
        _seen[host] = answer if isinstance(answer, Unread) else read_answer(answer)
    return _seen[host]


def forget(host: Host) -> None:
    """What was seen of the machine is no longer so."""
    _seen.pop(host, None)


def run_script(host: Host, script: Script, seconds: int, person: str = "") -> list[str] | Unread:
    """The lines that a script prints on a machine, or why there are none.

    It travels on standard input: a login shell may be fish or tcsh, and a command line is limited
    and shown to all. `sudo` is used if the inventory says so.

    + person: the account whose files it changes, if not root's: root must not write where somebody
      else may lay links.
    """
    every = host.current_op_global_arguments or pop_global_arguments(context.state, host, {})[0]
    arguments = {key: value for key, value in every.items() if key in CONNECTOR_ARGUMENT_KEYS}
    arguments |= {"_stdin": script, "_timeout": seconds}
    if person:
        arguments["_su_user"] = person
    try:
        succeeded, output = host.run_shell_command(
            StringCommand("exec sh -s"), print_output=False, print_input=False, **arguments
        )
    except TimeoutError:
        return Unread(f"no answer in {seconds} seconds")
    except (OSError, SSHException) as error:
        return Unread(f"the connection broke: {str(error).rstrip('.')}")
    if succeeded:
        return list(output.stdout_lines)
    return not_run(list(output.stderr_lines))


def not_run(stderr: list[str]) -> Unread:
    """Why a script could not be run, from what was said instead.

    sudo's own words come with its name in front or, of a person who may not, without.
    """
    said = next((line.strip() for line in stderr if line.strip()), "nothing was said")
    words = said.removeprefix("sudo: ").rstrip(".")
    if any("password" in line.lower() for line in stderr):
        return Unread(
            f"sudo does not work without a password ({said})",
            "allow it there (NOPASSWD in /etc/sudoers.d), or run"
            " `pyinfra inventory/self.py deploy.py` on that machine",
        )
    if words != said.rstrip(".") or "sudoers" in said or "not allowed to execute" in said:
        return Unread(f"sudo refuses: {words}", "let this user run all there, in /etc/sudoers.d")
    return Unread(f"the script could not be run: {said}")
