"""Shells, and kinds of tools, that the scripts run with: laid over those of a lab machine."""

import os
from dataclasses import dataclass

import lab

# macOS's sh is bash in POSIX mode (3.2, which is not to be had here), Debian's is dash, that of
# the BSDs and Android a relative of mksh.
SHELLS = ("dash", "bash --posix", "mksh", "zsh --emulate sh")
GNU = "gnu"
TOYBOX = "toybox"
NO_TIMEOUT = "no-timeout"
USUAL = ("dash", GNU)
# Those that are tried beside the usual way: each shell and each set of tools; by `make soak` more.
WAYS: tuple[tuple[str, str], ...] = (
    ("bash --posix", GNU),
    ("mksh", TOYBOX),
    ("zsh --emulate sh", NO_TIMEOUT),
)
if os.environ.get("NIXTRUST_WAYS") == "all":
    WAYS = (
        *((shell, GNU) for shell in SHELLS[1:]),
        *((shell, TOYBOX) for shell in ("dash", "mksh")),
        *((shell, NO_TIMEOUT) for shell in ("dash", "bash --posix", "zsh --emulate sh")),
    )


@dataclass(frozen=True, slots=True)
class Way:
    """A shell, and the tools that lie over those of Debian."""

    shell: str
    tools: str

    def command(self) -> str:
        """What reads a script."""
        over = f"mount -t overlay tools -o lowerdir=/opt/{self.tools}:/usr/bin /usr/bin"
        return f"unshare --mount sh -c '{over} && exec {self.shell} -s'"

    def run(self, machine: lab.Machine, script: str) -> list[str]:
        """The lines that a script says; it says nothing on standard error."""
        answer = machine.run(f"exec {self.command()}", input=script)
        assert answer.stderr == ""
        return answer.stdout.splitlines()


def lay_tools(machine: lab.Machine) -> None:
    """Folders to lie over /usr/bin: with other tools, and with no command in timeout's place.

    toybox and the original awk are those of Debian 12: of an awk as old as macOS's.
    """
    lab.build(frozenset({"bookworm"}))
    older = lab.image("bookworm") / "usr/bin"
    over = {tools: machine.root / "opt" / tools for tools in (GNU, TOYBOX, NO_TIMEOUT)}
    for folder in over.values():
        folder.mkdir()
    (over[NO_TIMEOUT] / "timeout").mkdir()
    (over[TOYBOX] / "toybox").write_bytes((older / "toybox").read_bytes())
    (over[TOYBOX] / "toybox").chmod(0o755)
    for applet in machine.run(f"/opt/{TOYBOX}/toybox").stdout.split():
        if "/" not in applet and applet.isalnum():
            (over[TOYBOX] / applet).symlink_to("toybox")
    original = over[TOYBOX] / "original-awk"
    original.write_bytes((older / "original-awk").read_bytes())
    original.chmod(0o755)
    (over[TOYBOX] / "mawk").symlink_to("original-awk")


def told_of_tools(machine: lab.Machine, tools: str) -> str:
    """What these tools say of themselves."""
    version = "sed --version; awk --version; command -v timeout"
    return machine.run(
        f"unshare --mount sh -c 'mount -t overlay tools -o lowerdir=/opt/{tools}:/usr/bin /usr/bin;"
        f" {version}'"
    ).stdout
