"""Machines in trouble, one of each kind: how each gets into it, and out again."""

from dataclasses import dataclass

LAB = "trouble"
# Made up. It stands in nix.conf where nixtrust looks, and must never be seen in any output.
SECRET = "ghp_NobodysTokenAtAll4711"

_DROP_IN = "/etc/systemd/system/nix-daemon.service.d/trouble.conf"


def _daemon(lines: str) -> str:
    """A script that changes the daemon's unit; the daemon itself goes on as it did."""
    return f"""
        mkdir -p {_DROP_IN.rpartition("/")[0]}
        printf '[Service]\\n{lines}\\n' >{_DROP_IN}
        systemctl daemon-reload
    """


_DAEMON_AS_BEFORE = f"""
    rm {_DROP_IN}
    systemctl daemon-reload
    systemctl stop nix-daemon.socket nix-daemon.service
    systemctl reset-failed
    systemctl start nix-daemon.socket
"""
_DEAD = r"the Nix daemon does not answer.*; start it there: `systemctl restart nix-daemon\.service`"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one machine.

    `into` and `out` are scripts for root on the machine. `says` is what its one line has in it,
    the cause and then what to do. A `late` trouble shows only when files are written, after what
    would change was told.
    """

    name: str
    suite: str
    says: str
    into: str = ""
    out: str = ""
    login: str = "root"
    late: bool = False


TROUBLES = (
    Trouble("off", "bookworm", r"Could not connect .*; is it on"),
    Trouble("wrong-key", "trixie", r"the host key of .* is NOT the pinned one.*: ssh-keygen -R"),
    Trouble(
        "no-nix",
        "trixie",
        r"no Nix found; install Nix there",
        "systemctl stop nix-daemon.socket nix-daemon.service; rm -rf /usr/bin/nix* /nix",
    ),
    Trouble(
        "password",
        "bookworm",
        r"sudo does not work without a password.*; .*`pyinfra inventory/self\.py deploy\.py`"
        r" on that machine$",
        out="echo 'guarded ALL=(ALL) NOPASSWD: ALL' >>/etc/sudoers.d/lab",
        login="guarded",
    ),
    Trouble(
        "loop",
        "sid",
        r"/etc/nix/nix\.conf: cannot be read: a link to nothing; put it right there",
        "cd /etc/nix; mv nix.conf kept; ln -s nix.conf nix.conf",
        "cd /etc/nix; mv -f kept nix.conf",
    ),
    Trouble(
        "folder",
        "trixie",
        r"/etc/nix/nix\.conf: cannot be read: not a regular file; put it right there",
        "cd /etc/nix; mv nix.conf kept; mkdir nix.conf; mv kept nix.conf/",
        "cd /etc/nix; mv nix.conf/kept .; rmdir nix.conf; mv kept nix.conf",
    ),
    Trouble(
        # A regular file, which root may open; to read the first byte of a process fails.
        "broken",
        "bookworm",
        r"/etc/nix/nix\.conf: cannot be read: reading it failed; put it right there",
        "mount --bind /proc/1/mem /etc/nix/nix.conf",
        "umount /etc/nix/nix.conf",
    ),
    Trouble(
        "full",
        "trixie",
        r"nothing written: .*/etc/nix/.*No space left on device; make room there, then run again",
        """
        cp -a /etc/nix /root/kept
        mount -t tmpfs -o size=64k,mode=755 trouble /etc/nix
        cp -a /root/kept/. /etc/nix/
        rm -r /root/kept
        dd if=/dev/zero of=/etc/nix/ballast bs=1k 2>/dev/null || true
        """,
        "rm /etc/nix/ballast",
        login="lead",
        late=True,
    ),
    Trouble(
        "read-only",
        "bookworm",
        r"nothing written: .*/etc/nix/.*Read-only file system; make it writable there",
        "mount --bind /etc /etc; mount -o remount,bind,ro /etc",
        "umount /etc",
        late=True,
    ),
    Trouble(
        # Nothing can be renamed over it.
        "mounted",
        "sid",
        r"nothing written: .*/etc/nix/nix\.conf.*Device or resource busy; unmount it there",
        "mount --bind /etc/nix/nix.conf /etc/nix/nix.conf",
        "umount /etc/nix/nix.conf",
        late=True,
    ),
    Trouble(
        "refused",
        "sid",
        r"/etc/nix/nix\.conf:\d+: .*refuses it: .*; correct the line there",
        f"echo 'access-tokens github.com={SECRET}' >>/etc/nix/nix.conf",
        "sed -i '/^access-tokens/d' /etc/nix/nix.conf",
        login="lead",
    ),
    Trouble(
        "no-start",
        "trixie",
        r"taken back: the daemon does not start with the new file \(nix-daemon\.service: .*\),"
        r" the old one is back; look there: `journalctl -u nix-daemon\.service`",
        _daemon('ExecStartPre=/bin/sh -c "! grep -q nixtrust /etc/nix/nix.conf"'),
        _DAEMON_AS_BEFORE,
        late=True,
    ),
    Trouble(
        "hanging",
        "trixie",
        r"taken back: the daemon does not start with the new file \(it runs and does not answer\),"
        r" the old one is back; look there: `journalctl -u nix-daemon\.service`",
        _daemon(
            'ExecStart=\\nExecStart=/bin/sh -c "if grep -q nixtrust /etc/nix/nix.conf;'
            ' then exec sleep infinity; else exec nix-daemon --daemon; fi"'
        ),
        _DAEMON_AS_BEFORE,
        login="lead",
        late=True,
    ),
    Trouble(
        "stopped",
        "bookworm",
        _DEAD,
        "systemctl stop nix-daemon.socket nix-daemon.service",
        "systemctl start nix-daemon.socket",
    ),
    Trouble(
        "crashing",
        "sid",
        _DEAD,
        _daemon("ExecStart=\\nExecStart=/bin/false") + "systemctl stop nix-daemon.service",
        _DAEMON_AS_BEFORE,
        login="lead",
    ),
    Trouble(
        # It accepts who comes, and says nothing.
        "deaf",
        "trixie",
        _DEAD,
        _daemon("ExecStart=\\nExecStart=/bin/sleep infinity\\nKillMode=control-group")
        + "systemctl restart nix-daemon.service",
        _DAEMON_AS_BEFORE,
        login="lead",
    ),
    Trouble("system", "bookworm", r"the machine is .* \(declared: .*\); correct its system"),
    Trouble(
        "frozen",
        "trixie",
        r"Error reading SSH protocol banner.*; run again",
        'kill -STOP "$(systemctl show --property MainPID --value ssh.service)"',
        'kill -CONT "$(systemctl show --property MainPID --value ssh.service)"',
    ),
    Trouble(
        # It freezes between the login and the first command.
        "freezing",
        "sid",
        r"the connection broke: Timeout opening channel; run again",
        """
        printf '#!/bin/sh\\nkill -STOP $PPID\\n' >/usr/local/bin/freeze
        chmod 755 /usr/local/bin/freeze
        echo 'session required pam_exec.so /usr/local/bin/freeze' >>/etc/pam.d/sshd
        """,
        "sed -i /freeze/d /etc/pam.d/sshd",
    ),
    Trouble(
        "noise",
        "trixie",
        r"the probe's answer cannot be read.*; .*login shell.*print",
        "{ echo 'echo Welcome to the machine'; cat .bashrc; } >new; mv new .bashrc",
        "sed -i /Welcome/d .bashrc",
    ),
)

# Nothing is wrong with these but what they trust: by name the suite, the mess and the login.
HEALTHY = {
    "baleen": ("trixie", "trust-everybody", "lead"),
    "mia": ("sid", "cachix-advice", "root"),
}
