"""What the probe sees of people and of places that are closed to it, on a real machine."""

from collections.abc import Iterator

import pytest

import lab
from nixtrust.conf import ConfFile, Missing
from nixtrust.machine import Machine, Manager, NixState, Trust, read_answer
from nixtrust.scripts import probe_script
from tests.lab.transactions import RESTART

pytestmark = pytest.mark.lab

LAB = "probe"


@pytest.fixture(scope="module")
def machine() -> lab.Machine:
    [machine] = lab.up(
        [
            lab.MachineSpec(
                LAB, "trixie", "127.77.8.20", lab=LAB, people=("baleen", "jito.hello", "mia")
            )
        ]
    )
    return machine


def look(machine: lab.Machine, user: str = "root", shell: str = "exec sh -s") -> Machine:
    ended = machine.run(shell, user=user, input="".join(probe_script({})))
    assert ended.stderr == ""
    seen = read_answer(ended.stdout.splitlines())
    assert isinstance(seen, Machine), seen
    return seen


def test_a_home_is_looked_at_by_whom_it_belongs_to_alone(machine: lab.Machine) -> None:
    machine.run("chmod 700 /home/baleen; rm -rf /home/baleen/.config")
    path = "/home/baleen/.config/nix/nix.conf"
    assert look(machine, user="mia").own["baleen"].files == {}
    assert isinstance(look(machine, user="baleen").own["baleen"].files[path], Missing)
    seen = look(machine)
    assert isinstance(seen.own["baleen"].files[path], Missing)
    assert path not in seen.files
    assert seen.unread_homes == ()


def test_a_home_whose_account_is_gone_is_not_passed_over(machine: lab.Machine) -> None:
    machine.run("mkdir '/home/gone one'; chown 4321 '/home/gone one'").check_returncode()
    try:
        [unread] = look(machine).unread_homes
    finally:
        machine.run("rmdir '/home/gone one'")
    assert (unread.name, unread.home) == ("4321", "/home/gone one")
    assert unread.why == "nobody has an account of that number"


def test_a_builder_is_no_person_and_the_owner_of_a_home_is_one(machine: lab.Machine) -> None:
    machine.run(
        "useradd --uid 1500 --no-create-home --shell /usr/sbin/nologin -g nixbld -G nixbld builder;"
        "useradd --uid 1501 --no-create-home -g nixbld who-logs-in;"
        "useradd --uid 1502 --create-home --shell /usr/sbin/nologin -g nixbld at-home;"
        "useradd --uid 1503 --no-create-home --shell /usr/sbin/nologin -G nixbld service;"
        " useradd --uid 700 --create-home odd"
    )
    people = {user.name for user in look(machine).users}
    assert "builder" not in people
    assert {"odd", "who-logs-in", "at-home", "service", "baleen", "jito.hello", "root"} <= people


def test_of_very_many_accounts_the_first_hundred_are_asked(machine: lab.Machine) -> None:
    added = "".join(f"many{n}:x:{2000 + n}:100::/nonexistent:/bin/sh\n" for n in range(120))
    passwd = machine.root / "etc/passwd"
    before = passwd.read_text()
    passwd.write_text(before + added)
    try:
        answers = [user.trust for user in look(machine).users]
    finally:
        passwd.write_text(before)
    assert answers.count(Trust.TOO_MANY) == len(answers) - 100
    assert answers.count(Trust.NO_ACCESS) > 50


def test_a_home_with_a_slash_at_its_end_is_looked_into(machine: lab.Machine) -> None:
    own = machine.root / "home/baleen/.config/nix/nix.conf"
    passwd = machine.root / "etc/passwd"
    before = passwd.read_text()
    own.parent.mkdir(parents=True)
    own.write_text("cores = 1\n")
    passwd.write_text(before.replace(":/home/baleen:", ":/home/baleen//:"))
    try:
        seen = look(machine)
    finally:
        passwd.write_text(before)
        own.unlink()
    [baleen] = [user for user in seen.users if user.name == "baleen"]
    assert baleen.nix_conf == "/home/baleen/.config/nix/nix.conf"
    assert isinstance(seen.own["baleen"].files[baleen.nix_conf], ConfFile)


@pytest.mark.parametrize("then", [RESTART, "systemctl stop nix-daemon.service"])
def test_what_the_daemon_is_started_with_besides_files_is_told(
    then: str, machine: lab.Machine
) -> None:
    machine.run(f"systemctl set-environment 'NIX_CONFIG=cores = 1'\n{then}").check_returncode()
    try:
        overrides = look(machine).daemon.overrides
    finally:
        machine.run(f"systemctl unset-environment NIX_CONFIG\n{RESTART}").check_returncode()
    assert overrides == ("NIX_CONFIG",)
    assert look(machine).daemon.overrides == ()


def test_a_store_that_is_not_mounted_is_not_the_absence_of_nix(machine: lab.Machine) -> None:
    hidden = "mount --bind /dev/null /usr/bin/nix; mount -t tmpfs tmpfs /nix"
    seen = look(machine, shell=f"unshare --mount sh -c '{hidden}; exec sh -s'")
    assert seen.nix_state is NixState.UNMOUNTED


WITHOUT_SYSTEMD = "unshare --mount sh -c 'mount -t tmpfs tmpfs /run/systemd; {} exec sh -s'"
FOREIGN = (
    "cp /bin/sleep /opt/nix-daemon; setsid {} /opt/nix-daemon 300 >/dev/null 2>&1 </dev/null &"
)


@pytest.fixture
def no_daemon(machine: lab.Machine) -> Iterator[lab.Machine]:
    """The machine with the daemon's socket and no daemon yet; what is called nix-daemon goes."""
    machine.run("systemctl stop nix-daemon.service")
    yield machine
    machine.run("kill $(pidof nix-daemon); systemctl restart nix-daemon.socket")


def test_under_another_service_manager_a_containers_daemon_is_none_of_the_machines(
    no_daemon: lab.Machine,
) -> None:
    no_daemon.run(FOREIGN.format("unshare --pid --fork"))
    seen = look(no_daemon, shell=WITHOUT_SYSTEMD.format(""))
    assert (seen.daemon.manager, seen.daemon.started) == (Manager.NONE, None)
    # By now it has been asked, and so is there.
    seen = look(no_daemon, shell=WITHOUT_SYSTEMD.format(""))
    assert seen.daemon.started is not None


def test_where_there_is_no_socket_no_process_is_the_daemon(no_daemon: lab.Machine) -> None:
    no_daemon.run(FOREIGN.format(""))
    hidden = "mount -t tmpfs tmpfs /nix/var/nix/daemon-socket;"
    assert look(no_daemon, shell=WITHOUT_SYSTEMD.format(hidden)).daemon.started is None
    assert look(no_daemon, shell=WITHOUT_SYSTEMD.format("")).daemon.started is not None
