"""Shells, and kinds of tools, that the scripts run with: laid over those of a lab machine."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import lab

# macOS's sh is bash in POSIX mode (3.2, which is not to be had here), Debian's is dash, that of
# the BSDs and Android a relative of mksh.
SHELLS = ("dash", "bash --posix", "mksh", "zsh --emulate sh")
GNU = "gnu"
TOYBOX = "toybox"
NO_TIMEOUT = "no-timeout"
# Those that are tried.
WAYS = (
    *((shell, GNU) for shell in SHELLS),
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


def fetch(folder: Path) -> Path:
    """Where toybox and the original awk are unpacked: Debian's packages, not installed."""
    for command in (
        "apt-get -qq download toybox original-awk ||"
        " { apt-get -qq update && apt-get -qq download toybox original-awk; }",
        "for package in *.deb; do dpkg-deb -x $package . || exit; done",
    ):
        subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, check=True)
    return folder


def lay_tools(machine: lab.Machine, packages: Path) -> None:
    """Folders to lie over /usr/bin: with other tools, and with no command in timeout's place."""
    [toybox] = [path for path in packages.rglob("bin/toybox") if path.is_file()]
    over = {tools: machine.root / "opt" / tools for tools in (GNU, TOYBOX, NO_TIMEOUT)}
    for folder in over.values():
        folder.mkdir()
    (over[NO_TIMEOUT] / "timeout").mkdir()
    (over[TOYBOX] / "toybox").write_bytes(toybox.read_bytes())
    (over[TOYBOX] / "toybox").chmod(0o755)
    for applet in machine.run(f"/opt/{TOYBOX}/toybox").stdout.split():
        if "/" not in applet and applet.isalnum():
            (over[TOYBOX] / applet).symlink_to("toybox")
    original = over[TOYBOX] / "original-awk"
    original.write_bytes((packages / "usr/bin/original-awk").read_bytes())
    original.chmod(0o755)
    (over[TOYBOX] / "mawk").symlink_to("original-awk")


def told_of_tools(machine: lab.Machine, tools: str) -> str:
    """What these tools say of themselves."""
    version = "sed --version; awk --version; command -v timeout"
    return machine.run(
        f"unshare --mount sh -c 'mount -t overlay tools -o lowerdir=/opt/{tools}:/usr/bin /usr/bin;"
        f" {version}'"
    ).stdout
