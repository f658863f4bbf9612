"""The parts of the scripts that only a Mac runs, against stand-ins for its tools.

No Mac can be run here. A Linux machine of the lab answers as one: `uname`, `sysctl`, `dscl`,
`launchctl`, BSD's `stat` and `date` are small scripts that take Darwin's options and no others,
mounted over the real ones, because the scripts look into the system's folders first;
`timeout`, `setpriv`, `runuser`, `getent` and systemd are hidden. Nix and its daemon are real.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import lab
from nixtrust.machine import Machine, Manager, Trust, read_answer
from nixtrust.outcome import Outcome, Result, read_outcome
from nixtrust.owners import owner_of
from nixtrust.plan import plan, restores
from nixtrust.policy import policy_of
from nixtrust.scripts import Script, probe_script, restart_script, undo_script, write_script

pytestmark = pytest.mark.lab

LAB = "darwin-stand-in"

POLICY = policy_of(
    {
        "nix_caches": [
            {
                "url": "https://cache.nixos.org/",
                "public_keys": ["cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="],
            }
        ],
        "nix_settings": {"connect-timeout": 7},
    }
)

STAND_INS = {
    # Under Rosetta: uname says x86_64, the hardware knows better.
    "uname": "case $1 in -s) echo Darwin ;; -sm) echo Darwin x86_64 ;; *) exit 1 ;; esac",
    "sysctl": '[ "$*" = "-n hw.optional.arm64" ] && echo 1',
    "dscl": """
case "$*" in
  '. -list /Users UniqueID') printf '_spotlight 89\\nbaleen 501\\njito.hello 502\\nroot 0\\n' ;;
  '. -read /Users/baleen UniqueID NFSHomeDirectory UserShell')
    printf 'NFSHomeDirectory: /home/baleen\\nUniqueID: 501\\nUserShell: /bin/zsh\\n' ;;
  '. -read /Users/jito.hello UniqueID NFSHomeDirectory UserShell')
    printf 'NFSHomeDirectory:\\n /home/jito hello\\nUniqueID: 502\\nUserShell: /usr/bin/fish\\n' ;;
  '. -read /Groups/nixbld GroupMembership') echo 'GroupMembership: nixbld1 nixbld2' ;;
  *) exit 56 ;;
esac""",
    "stat": """
[ "$1" = -L ] && { follow=-L; shift; }
[ "$1" = -f ] || { echo 'stat: illegal option -- c' >&2; exit 1; }
case $2 in
  '%d:%i:%z:%Fm:%Fc:%Mp%Lp:%u:%g') format='%d:%i:%s:%.9Y:%.9Z:%a:%u:%g' ;;
  '%d:%i:%z:%Fm:%Mp%Lp:%u:%g') format='%d:%i:%s:%.9Y:%a:%u:%g' ;;
  '%Fc') format='%.9Z' ;;
  *) exit 1 ;;
esac
exec /opt/mac/real/stat $follow -c "$format" "$3" """,
    # GNU's has no -e, which tells access control lists.
    "ls": """
flags=$(printf '%s\\n' "$1" | sed 's/^\\(-ld\\)e/\\1/')
shift
set -- "$flags" "$@"
exec /opt/mac/real/ls "$@" """,
    "date": """
[ "$1" != +%s ] || exec /opt/mac/real/date +%s
[ "$1 $2" = '-j -f' ] || exit 1
exec /opt/mac/real/date -d "$4" "$5" """,
    "launchctl": """
echo "$*" >>/opt/mac/launchctl.log
case $1 in
  print)
    if pid=$(cat /opt/mac/pid 2>/dev/null); then
      printf '%s = {\\n\\tstate = running\\n\\n\\tpid = %s\\n}\\n' "$2" "$pid"
    else
      printf '%s = {\\n\\tstate = not running\\n}\\n' "$2"
    fi ;;
  kickstart) exec /opt/mac/start ;;
esac""",
}

# The daemon anew, if it bears what is there.
START = """
sh /opt/mac/stop
! grep -q "$(cat /opt/mac/unbearable)" /etc/nix/nix.conf || {
  echo "error: syntax error in configuration line 'x' in /etc/nix/nix.conf" >/var/log/nix-daemon.log
  exit
}
setsid nix-daemon --daemon </dev/null >/dev/null 2>&1 &
echo $! >/opt/mac/pid
"""
STOP = """
[ ! -e /opt/mac/pid ] || kill "$(cat /opt/mac/pid)"
rm -f /opt/mac/pid /nix/var/nix/daemon-socket/socket
"""
MESS = "build-users-group = nixbld\ntrusted-users = root baleen\n"
NOTHING, THE_BLOCK, ANYTHING = "no such line", "nixtrust", ""
ASK = "nix --extra-experimental-features nix-command store ping --store daemon"

PLIST = """<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
  <dict>
    <key>Label</key>
    <string>LABEL</string>
    <key>ProgramArguments</key>
    <array>
      <string>/bin/sh</string>
      <string>-c</string>
      <string>/bin/wait4path /usr/bin/nix-daemon &amp;&amp; exec /usr/bin/nix-daemon</string>
    </array>
  </dict>
</plist>
"""

AS_DARWIN = """
mount -t overlay mac -o lowerdir=/opt/mac/bin:/usr/bin /usr/bin
for hidden in timeout setpriv runuser getent systemctl journalctl; do
  mount --bind /dev/null "/usr/bin/$hidden" 2>/dev/null || mount --bind /dev/null "/sbin/$hidden"
done
mount -t tmpfs tmpfs /run/systemd
exec dash -s
"""


@pytest.fixture(scope="module")
def mac() -> lab.Machine:
    [machine] = lab.up(
        [lab.MachineSpec(LAB, "trixie", "127.77.8.1", lab=LAB, people=("baleen", "jito.hello"))]
    )
    folder = machine.root / "opt/mac"
    (folder / "bin").mkdir(parents=True)
    scripts = {f"bin/{name}": text for name, text in STAND_INS.items()}
    for name, text in {**scripts, "start": START, "stop": STOP, "as-darwin": AS_DARWIN}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text.strip()}\n")
        (folder / name).chmod(0o755)
    machine.run("mkdir /opt/mac/real && cp /usr/bin/stat /usr/bin/date /usr/bin/ls /opt/mac/real/")
    machine.run("systemctl stop nix-daemon.socket nix-daemon.service").check_returncode()
    return machine


@pytest.fixture(params=["org.nixos.nix-daemon", "systems.determinate.nix-daemon"])
def label(request: pytest.FixtureRequest, mac: lab.Machine) -> Iterator[str]:
    """The daemon under one of its two names, freshly started, with a mess in nix.conf."""
    name = str(request.param)
    folder = mac.root / "Library/LaunchDaemons"
    folder.mkdir(parents=True, exist_ok=True)
    plist = folder / f"{name}.plist"
    plist.write_text(PLIST.replace("LABEL", name))
    for path in (mac.root / "etc/nix").iterdir():
        path.unlink()
    nix_conf(mac).write_text(MESS)
    let_it_bear_all_but(mac, NOTHING)
    mac.run(f"/opt/mac/start; until {ASK}; do sleep 0.1; done; rm -f /opt/mac/launchctl.log")
    yield name
    plist.unlink()


# What does not differ between the two names.
one_label = pytest.mark.parametrize("label", ["org.nixos.nix-daemon"], indirect=True)


def nix_conf(mac: lab.Machine) -> Path:
    return mac.root / "etc/nix/nix.conf"


def let_it_bear_all_but(mac: lab.Machine, pattern: str) -> None:
    """From its next start on the daemon does not come up where a line of nix.conf is like this."""
    (mac.root / "opt/mac/unbearable").write_text(pattern)


def everything(mac: lab.Machine) -> dict[str, str]:
    return {path.name: path.read_text() for path in (mac.root / "etc/nix").iterdir()}


@contextmanager
def building(mac: lab.Machine) -> Iterator[None]:
    mac.run("setpriv --reuid nixbld1 --clear-groups setsid sleep 60 </dev/null >/dev/null 2>&1 &")
    try:
        yield
    finally:
        mac.run("pkill -u nixbld1")


def run(mac: lab.Machine, script: Script) -> list[str]:
    ended = mac.run("unshare --mount dash /opt/mac/as-darwin", input="".join(script))
    assert ended.stderr == ""
    return ended.stdout.splitlines()


def look(mac: lab.Machine) -> Machine:
    machine = read_answer(run(mac, probe_script(POLICY.settings)))
    assert isinstance(machine, Machine), machine
    assert {status.trouble for status in machine.status.values()} == {""}
    return machine


def write(mac: lab.Machine, machine: Machine) -> Outcome:
    assert machine.nix
    owner = owner_of(machine)
    planned = plan(POLICY, owner, machine.files, machine.nix)
    assert planned
    return read_outcome(run(mac, write_script(planned, machine, owner, restarts=True)))


def restart(mac: lab.Machine) -> Outcome:
    machine = look(mac)
    assert machine.restart_pending
    return read_outcome(run(mac, restart_script(machine, owner_of(machine))))


def undo(mac: lab.Machine) -> Outcome:
    machine = look(mac)
    owner = owner_of(machine)
    undone = restores(POLICY, owner, machine.files)
    return read_outcome(run(mac, undo_script(undone, machine, owner, restarts=True)))


def restarts_of(mac: lab.Machine) -> list[str]:
    log = (mac.root / "opt/mac/launchctl.log").read_text()
    return [line for line in log.splitlines() if line.startswith("kickstart")]


def test_a_mac_is_seen_as_what_it_is(mac: lab.Machine, label: str) -> None:
    machine = look(mac)
    assert machine.system == "aarch64-darwin"
    assert (machine.daemon.manager, machine.daemon.unit) == (Manager.LAUNCHD, label)
    assert machine.daemon.state == "running"
    assert machine.daemon.started
    began = mac.run('date -d "$(ps -C nix-daemon -o lstart= | head -n 1)" +%s').stdout
    assert machine.daemon.started == int(began)
    people = {user.name: (user.uid, user.home, user.shell) for user in machine.users}
    assert people == {
        "root": (0, "/root", ""),
        "baleen": (501, "/home/baleen", "/bin/zsh"),
        "jito.hello": (502, "/home/jito hello", "/usr/bin/fish"),
    }
    trusts = {user.name: user.trust for user in machine.users}
    assert trusts == {
        "root": Trust.TRUSTED,
        "baleen": Trust.TRUSTED,
        "jito.hello": Trust.UNTRUSTED,
    }


def test_a_mac_is_written_and_its_daemon_started_anew(mac: lab.Machine, label: str) -> None:
    outcome = write(mac, look(mac))
    assert outcome == Outcome(Result.DONE, "")
    assert restarts_of(mac) == [f"kickstart -k system/{label}"]
    told = mac.run("nix --extra-experimental-features nix-command config show connect-timeout")
    assert told.stdout.strip() == "7"
    assert {user.name: user.trust for user in look(mac).users}["baleen"] is Trust.UNTRUSTED


def test_running_builds_on_a_mac_are_not_ended(mac: lab.Machine, label: str) -> None:
    machine = look(mac)
    with building(mac):
        outcome = write(mac, machine)
    assert outcome.result is Result.PENDING
    assert f"launchctl kickstart -k system/{label}" in outcome.words
    assert restarts_of(mac) == []
    assert "connect-timeout = 7" in nix_conf(mac).read_text()
    assert restart(mac) == Outcome(Result.DONE, "")
    assert restarts_of(mac) == [f"kickstart -k system/{label}"]
    assert set(everything(mac)) == {"nix.conf", "nix.conf.before-nixtrust"}
    assert {user.name: user.trust for user in look(mac).users}["baleen"] is Trust.UNTRUSTED


@contextmanager
def connected(mac: lab.Machine) -> Iterator[None]:
    """While somebody has a connection to the daemon, and nothing is built."""
    socket = 'IO::Socket::UNIX->new("/nix/var/nix/daemon-socket/socket")'
    says_so = 'open($f, ">/tmp/connected")'
    mac.run(
        f"setsid perl -MIO::Socket::UNIX -e '$s = {socket}; {says_so}; sleep 600'"
        " </dev/null >/dev/null 2>&1 & until [ -e /tmp/connected ]; do sleep 0.1; done"
    )
    try:
        yield
    finally:
        mac.run("pkill perl; while [ $(pgrep -c nix-daemon) = 2 ]; do sleep 0.1; done")


@one_label
def test_nor_is_what_somebody_is_at_without_building(mac: lab.Machine, label: str) -> None:
    machine = look(mac)
    with connected(mac):
        outcome = write(mac, machine)
    assert outcome.result is Result.PENDING
    assert "somebody's nix is at work" in outcome.words
    assert restarts_of(mac) == []
    assert restart(mac) == Outcome(Result.DONE, "")


def is_taken_back(mac: lab.Machine, label: str, outcome: Outcome) -> bool:
    """As it was, and told so; the daemon answers, as it did before."""
    words = (
        "the daemon does not start with the new file (syntax error in configuration line in"
        f" /etc/nix/nix.conf), the old one is back; look there: `launchctl print system/{label}`"
    )
    assert outcome == Outcome(Result.ROLLED_BACK, words)
    assert restarts_of(mac) == [f"kickstart -k system/{label}"] * 2
    assert everything(mac) == {"nix.conf": MESS}
    return {user.name: user.trust for user in look(mac).users}["baleen"] is Trust.TRUSTED


@one_label
def test_what_the_daemon_of_a_mac_does_not_start_with_is_taken_back(
    mac: lab.Machine, label: str
) -> None:
    machine = look(mac)
    let_it_bear_all_but(mac, THE_BLOCK)
    assert is_taken_back(mac, label, write(mac, machine))


@one_label
def test_so_it_is_by_the_restart_that_waited_for_a_build(mac: lab.Machine, label: str) -> None:
    machine = look(mac)
    let_it_bear_all_but(mac, THE_BLOCK)
    with building(mac):
        assert write(mac, machine).result is Result.PENDING
    assert is_taken_back(mac, label, restart(mac))


@one_label
def test_a_daemon_of_a_mac_that_was_dead_before_takes_nothing_back(
    mac: lab.Machine, label: str
) -> None:
    machine = look(mac)
    let_it_bear_all_but(mac, ANYTHING)
    mac.run("/opt/mac/stop").check_returncode()
    outcome = write(mac, machine)
    assert outcome.result is Result.DEAD
    assert outcome.words.startswith("the daemon did not answer before, and does not now (")
    assert outcome.words.endswith(f"; look there: `launchctl print system/{label}`")
    assert restarts_of(mac) == [f"kickstart -k system/{label}"]
    assert "connect-timeout = 7" in nix_conf(mac).read_text()


def test_a_mac_gets_back_what_was_there_before(mac: lab.Machine, label: str) -> None:
    assert write(mac, look(mac)).result is Result.DONE
    assert undo(mac) == Outcome(Result.DONE, "")
    assert everything(mac) == {"nix.conf": MESS}
    assert restarts_of(mac) == [f"kickstart -k system/{label}"] * 2
    assert {user.name: user.trust for user in look(mac).users}["baleen"] is Trust.TRUSTED
