"""python -m lab up [NAME…] | down [NAME…] | status | ssh NAME [COMMAND…] | build"""

import argparse
import os
import sys
from collections.abc import Sequence

from lab import cache, demo, images, machines
from lab.host import LabError, require


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 0 if it worked, 1 with one line on standard error if not."""
    parser = argparse.ArgumentParser(
        prog="python -m lab", description="Throwaway machines with real Nix, and their caches."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="have the demo's machines running, or some of them")
    up.add_argument("names", nargs="*", metavar="NAME")
    up.set_defaults(act=_up)
    down = commands.add_parser("down", help="remove the demo's machines, or some of any lab")
    down.add_argument("names", nargs="*", metavar="NAME")
    down.set_defaults(act=_down)
    status = commands.add_parser("status", help="what is there")
    status.set_defaults(act=_status)
    ssh = commands.add_parser("ssh", help="log in, as USER@NAME if not as who deploys")
    ssh.add_argument("name", metavar="[USER@]NAME")
    ssh.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    ssh.set_defaults(act=_ssh)
    build = commands.add_parser("build", help="have the tools and base images, and no machine yet")
    build.set_defaults(act=_build)
    given = parser.parse_args(arguments)
    try:
        require()
        given.act(given)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; python -m lab down clears up", file=sys.stderr)
        return 130
    return 0


def _up(given: argparse.Namespace) -> None:
    demo.up(given.names)
    _status(given)


def _down(given: argparse.Namespace) -> None:
    demo.down(given.names)


def _status(_: argparse.Namespace) -> None:
    known = machines.present()
    rows = [
        (m.name, m.spec.lab, m.suite, m.address, "on" if m.is_running() else "off", m.spec.mess)
        for m in known
    ]
    rows += [
        (name, its or "?", "?", "?", "?", f"no record of it; python -m lab down {name} clears up")
        for name, its in machines.traces().items()
        if name not in {each.name for each in known}
    ]
    served = [each for lab in cache.LABS for each in cache.served(lab)]
    if not rows and not served:
        print("lab: nothing is up")
    if rows:
        print(_row("MACHINE", "LAB", "SUITE", "ADDRESS", "", "MESS"))
    for row in rows:
        print(_row(*row))
    for each in served:
        print(_row(f"{each.role} cache", each.lab, "", each.url, "", ""))


def _row(name: str, lab: str, suite: str, address: str, state: str, mess: str) -> str:
    return f"{name:<17} {lab:<6} {suite:<9} {address:<12} {state:<4} {mess}".rstrip()


def _ssh(given: argparse.Namespace) -> None:
    user, _, name = given.name.rpartition("@")
    for machine in machines.running():
        if machine.name == name:
            options = [f"-o{key}={value}" for key, value in machine.ssh_options.items()]
            login = f"{user or machine.spec.login}@{name}"
            os.execvp("ssh", ["ssh", "-F/dev/null", *options, login, *given.command])
    raise LabError(f"no machine {name!r} is up; python -m lab status tells what is")


def _build(_: argparse.Namespace) -> None:
    images.build(frozenset(images.SUITES))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
