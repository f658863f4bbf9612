"""Who besides root can change what the daemon depends on is told, and what is ours is mended."""

import shlex
import time
from functools import partial

import pytest

import lab
from nixtrust.findings import Finding, Remedy, Rule, Weight, findings
from nixtrust.machine import Machine, Trust, read_answer
from nixtrust.scripts import probe_script
from tests.lab import transactions
from tests.lab.layouts import Layout, determinate, lay, newer_installer
from tests.lab.transactions import RESTART, look, run_for, start_anew
from tests.shell.removing import hurrying, shortened

pytestmark = pytest.mark.lab

LAB = "writers"
declaring = partial(transactions.declaring, of=LAB)
ABOUT = (Rule.CHANGEABLE, Rule.CLOSED, Rule.ABSENT_ACCOUNT)
BLOCKING = (*ABOUT, Rule.UNREADABLE)
# All there is to know of the configuration and its folder.
STATE = "find /etc/nix -printf '%p %y %m %U %G %i %T@ %C@ %l\\n' | sort; cat /etc/nix/*"


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    up = transactions.machines(*lab.SUITES, of=LAB, people=("baleen", "mia"))
    for machine in up.values():
        machine.run(
            "useradd -m ann; groupadd builders; groupadd nobodys; usermod -a -G builders mia"
        )
    return up


@pytest.fixture(params=lab.SUITES)
def machine(request: pytest.FixtureRequest, machines: dict[str, lab.Machine]) -> lab.Machine:
    return start_anew(machines[request.param])


def judged(machine: lab.Machine, *trusted: str, rules: tuple[Rule, ...] = ABOUT) -> list[Finding]:
    policy = declaring(*trusted)
    answer = machine.run("exec sh -s", input=probe_script(policy.texts))
    assert answer.stderr == ""
    seen = read_answer(answer.stdout.splitlines())
    assert isinstance(seen, Machine), seen
    found = findings(policy, seen, machine.system)
    return [each for each in found if each.rule in rules]


def has_started(machine: lab.Machine) -> None:
    """The daemon has read nix.conf: what comes now is not for its start."""
    ping = "nix --extra-experimental-features nix-command store ping --store daemon"
    machine.run(ping).check_returncode()


def state(machine: lab.Machine) -> str:
    return machine.run(STATE).stdout


def said(machine: lab.Machine, *options: str, trusted: tuple[str, ...] = ()) -> tuple[int, str]:
    done = run_for(machine, "deploy.py", *(options or ("-y",)), trusted=trusted)
    return done.returncode, done.stdout


# What is told -----------------------------------------------------------------------------------


def test_what_is_as_its_maker_left_it_is_no_finding(machine: lab.Machine) -> None:
    assert judged(machine) == []
    layouts: list[Layout] = [determinate(), newer_installer("build-users-group = nixbld\n")]
    for layout in layouts:
        lay(machine, layout)
        assert judged(machine) == []
        start_anew(machine)


def unit(line: str, of: str = "service") -> str:
    """Shell that gives the daemon's unit a line more."""
    folder = f"/run/systemd/system/nix-daemon.{of}.d"
    kind = of.capitalize()
    return (
        f"mkdir -p {folder}; printf '[{kind}]\\n%s\\n' '{line}' >{folder}/$(date +%N).conf;"
        "systemctl daemon-reload;"
    )


# Each: what a member or a careless hand has done; the path, and who can change it, as it is told.
TOLD = (
    ("mkdir -p /etc/xdg/nix; chmod 777 /etc/xdg/nix", "/etc/xdg/nix", "everybody"),
    ("mkdir -p /root/.config; chown baleen /root/.config", "/root/.config", "baleen, who owns it,"),
    (
        "mkdir /etc/team; chgrp builders /etc/team; chmod 775 /etc/team;"
        "echo '!include /etc/team/not-there.conf' >>/etc/nix/nix.conf",
        "/etc/team",
        "the group builders (mia)",
    ),
    (
        "mkdir /opt/own; cd /opt/own; touch a.conf; chgrp ann a.conf; chmod 664 a.conf;"
        "ln -s ../../opt/own/a.conf /etc/nix/a.conf; echo '!include a.conf' >>/etc/nix/nix.conf",
        "/opt/own/a.conf",
        "the group ann (ann)",
    ),
    (
        "touch /opt/hook; chmod 757 /opt/hook;"
        "echo 'post-build-hook = /opt/hook' >>/etc/nix/nix.conf",
        "/opt/hook",
        "everybody",
    ),
    (
        "mkdir /opt/sticky; chmod 1777 /opt/sticky;"
        "setpriv --reuid baleen --clear-groups ln -s /usr/bin/true /opt/sticky/hook;"
        "ln -s /opt/sticky/hook /etc/nix/hook;"
        "echo 'pre-build-hook = /etc/nix/hook' >>/etc/nix/nix.conf",
        "/opt/sticky/hook",
        "baleen, who owns it,",
    ),
    (
        "mkdir /opt/open; chmod 1777 /opt/open;"
        "echo 'diff-hook = /opt/open/not-there' >>/etc/nix/nix.conf",
        "/opt/open",
        "everybody",
    ),
    (
        "mkdir -p /etc/systemd/system/nix-daemon.service.d;"
        "chown baleen /etc/systemd/system/nix-daemon.service.d",
        "/etc/systemd/system/nix-daemon.service.d",
        "baleen, who owns it,",
    ),
    (
        "echo 'ssh://x' >/etc/nix/machines; chmod 666 /etc/nix/machines",
        "/etc/nix/machines",
        "everybody",
    ),
    (
        "mkdir /opt/plugins; touch /opt/plugins/a.so; chmod 666 /opt/plugins/a.so;"
        "echo 'plugin-files = /opt/plugins' >>/etc/nix/nix.conf",
        "/opt/plugins/a.so",
        "everybody",
    ),
    # What a link leads to is somebody's text, and forges no line of ls.
    (
        "mkdir /opt/forged; chmod 777 /opt/forged; ln -s 'gone\ndrwxr-xr-x 2 0 0 1 Nov 1 10:00"
        " /opt/forged\nlrwxrwxrwx 1 0 0 1 Nov 1 10:00 /opt/forged/x -> y' /opt/forged/x;"
        "echo '!include /opt/forged/x/env' >>/etc/nix/nix.conf",
        "/opt/forged",
        "everybody",
    ),
    ("chmod 666 /nix/var/nix/db/db.sqlite", "/nix/var/nix/db/db.sqlite", "everybody"),
    # Whatever the setting or the property that names it, and however.
    (
        "mkdir /opt/sets; chown baleen /opt/sets;"
        "echo 'sandbox-paths = /bin/sh=/opt/sets/sh' >>/etc/nix/nix.conf",
        "/opt/sets",
        "baleen, who owns it,",
    ),
    (
        "touch /opt/flakes.json; chmod 666 /opt/flakes.json;"
        "echo 'flake-registry = file:///opt/flakes.json' >>/etc/nix/nix.conf",
        "/opt/flakes.json",
        "everybody",
    ),
    (
        "touch /opt/mach=ines; chmod 666 /opt/mach=ines;"
        "echo 'builders = @/opt/mach=ines' >>/etc/nix/nix.conf",
        "/opt/mach=ines",
        "everybody",
    ),
    (
        "echo '{}' >/etc/nix/registry.json; chmod 666 /etc/nix/registry.json",
        "/etc/nix/registry.json",
        "everybody",
    ),
    (
        unit("ExecStopPost=-/opt/stops/all -x") + "mkdir /opt/stops; chown mia /opt/stops",
        "/opt/stops",
        "mia, who owns it,",
    ),
    (
        unit('ExecReload="/opt/team tools/reload"')
        + "mkdir '/opt/team tools'; chown baleen '/opt/team tools'",
        "/opt/team tools",
        "baleen, who owns it,",
    ),
    (
        unit("Environment=GIT_CONFIG_GLOBAL=/opt/git/config")
        + "mkdir /opt/git; chown baleen /opt/git",
        "/opt/git",
        "baleen, who owns it,",
    ),
    (
        "chown baleen /nix/var/nix/daemon-socket",
        "/nix/var/nix/daemon-socket",
        "baleen, who owns it,",
    ),
    (
        "mkdir /opt/in; touch '/opt/in/f'; chown baleen /opt/in;"
        "printf 'sandbox-paths =\\r/bin/sh=/opt/in/f?\\r\\n' >>/etc/nix/nix.conf",
        "/opt/in",
        "baleen, who owns it,",
    ),
    (
        "mkdir /opt/pkgs; chown baleen /opt/pkgs;"
        "echo 'nix-path = nixpkgs=file://localhost/opt/p%6bgs/n.tar.gz?x=1' >>/etc/nix/nix.conf",
        "/opt/pkgs",
        "baleen, who owns it,",
    ),
    (
        "mkdir /opt/relative; chown baleen /opt/relative;"
        "echo 'diff-hook = opt/relative/hook' >>/etc/nix/nix.conf",
        "/opt/relative",
        "baleen, who owns it,",
    ),
    (
        unit("ExecStartPre=/opt/socket/pre", of="socket")
        + "mkdir /opt/socket; chown baleen /opt/socket",
        "/opt/socket",
        "baleen, who owns it,",
    ),
    (
        unit("Environment=PATH=/opt/tools:/usr/bin") + "mkdir /opt/tools; chmod 777 /opt/tools",
        "/opt/tools",
        "everybody",
    ),
    (
        "mkdir -p /etc/systemd/system.control/nix-daemon.service.d;"
        "chown baleen /etc/systemd/system.control/nix-daemon.service.d",
        "/etc/systemd/system.control/nix-daemon.service.d",
        "baleen, who owns it,",
    ),
)
# And what gives nobody a power that they have not.
NOT_TOLD = """
# What is built may be kept for the next time, by those as whom it is built.
mkdir /opt/ccache; chgrp nixbld /opt/ccache; chmod 770 /opt/ccache
echo 'extra-sandbox-paths = /opt/ccache' >>/etc/nix/nix.conf
# A group without members, a sticky folder in which the names are root's, a person's own group.
mkdir /opt/staffed; chgrp nobodys /opt/staffed; chmod 2775 /opt/staffed
echo '!include /opt/staffed/not-there.conf' >>/etc/nix/nix.conf
mkdir /opt/roots; chmod 1777 /opt/roots; cp /usr/bin/true /opt/roots/hook
ln -s /opt/roots/hook /etc/nix/roots; echo 'build-hook = /etc/nix/roots' >>/etc/nix/nix.conf
"""
UNDO = """
chown root /nix/var/nix/daemon-socket
rm -rf /opt/* /etc/team /etc/xdg/nix /root/.config /etc/systemd/system/nix-daemon.service.d \
  /etc/systemd/system.control /run/systemd/system/nix-daemon.*.d /etc/nix/registry.json
systemctl daemon-reload
# SQLite makes what is beside it as it is.
chmod go-w /nix/var/nix/db/*
"""


def test_who_can_change_what_the_daemon_depends_on_is_drift_that_names_them(
    machine: lab.Machine,
) -> None:
    machine.run(
        "set -e\n" + "\n".join([*(mess for mess, _, _ in TOLD), NOT_TOLD])
    ).check_returncode()
    found = {each.where: each for each in judged(machine)}
    machine.run(UNDO).check_returncode()
    assert sorted(found) == sorted(path for _, path, _ in TOLD)
    for _, path, who in TOLD:
        assert found[path].there.startswith(f"{who} can change it"), found[path]
        assert (found[path].weight, found[path].remedy) == (Weight.DRIFT, Remedy.BLOCKS)
    # What is told to be done does it.
    assert all("`" in each.to_do for each in found.values())


# Each: what was done to the store, and who can change what in it.
STORE = {
    "somebody's": ("chown baleen /nix/store", "/nix/store", "baleen, who owns it,"),
    "everybody's": ("chmod 777 /nix/store", "/nix/store", "everybody"),
    "open to new names": ("chmod 1777 /nix/store", "/nix/store", "everybody"),
    "another group's": ("chgrp builders /nix/store", "/nix/store", "the group builders (mia)"),
    "not sticky": ("chmod 775 /nix/store", "/nix/store", "the group nixbld (nixbld1, nixbld10"),
    "a member's who builds": (
        "usermod -a -G nixbld baleen",
        "/nix/store",
        "the group nixbld (baleen)",
    ),
    "a service's that builds": (
        "mkdir /opt/svc; useradd -r -G nixbld -d /opt/svc -s /usr/sbin/nologin svc;"
        "chown svc /opt/svc",
        "/nix/store",
        "the group nixbld (svc)",
    ),
    "with links that everybody makes": (
        "chmod 1777 /nix/store/.links",
        "/nix/store/.links",
        "everybody",
    ),
}
STORE_AGAIN = """
chown root:nixbld /nix/store; chmod 1775 /nix/store; chmod 755 /nix/store/.links
gpasswd -d baleen nixbld; userdel svc; rm -rf /opt/svc
"""


@pytest.mark.parametrize("mess", STORE)
def test_who_can_change_the_store_besides_those_whom_nix_builds_as_is_told(
    mess: str, machine: lab.Machine
) -> None:
    done, path, who = STORE[mess]
    machine.run(f"set -e; {done}").check_returncode()
    found = judged(machine)
    for each in found:
        machine.run(each.to_do.split("`")[1]).check_returncode()
    left = judged(machine)
    daemons = machine.run("stat -c '%A %U:%G' /nix/store").stdout
    machine.run(STORE_AGAIN)
    assert [(each.where, each.weight, each.remedy) for each in found] == [
        (path, Weight.DRIFT, Remedy.BLOCKS)
    ]
    assert who in found[0].there
    assert left == []
    assert daemons == "drwxrwxr-t root:nixbld\n"


# Sticky folders in which each name counts that somebody makes.
STICKY = {
    "/etc/systemd/system/nix-daemon.service.d": "touch {}/a.conf",
    "/etc/systemd/system/service.d": "touch {}/a.conf",
    "/opt/plugins": (
        "cp /usr/bin/true {0}/a.so; ln -s {0} /opt/by-link;"
        "echo 'extra-plugin-files = /opt/by-link' >>/etc/nix/nix.conf"
    ),
    "/nix/var/nix/db": "true",
}


def test_in_a_folder_that_is_read_whole_who_can_make_names_is_told(machine: lab.Machine) -> None:
    made = [
        f"mkdir -p {path}; {done.format(path)}; chmod 1777 {path}" for path, done in STICKY.items()
    ]
    # What a program is given is not read whole.
    made.append('echo \'external-builders = [{"args": ["/tmp"]}]\' >>/etc/nix/nix.conf')
    machine.run("set -e\n" + "\n".join(made)).check_returncode()
    found = judged(machine)
    for each in found:
        machine.run(each.to_do.split("`")[1]).check_returncode()
    left = judged(machine)
    machine.run(f"{UNDO}; rm -rf /etc/systemd/system/service.d")
    assert sorted(each.where for each in found) == sorted(STICKY)
    assert {each.weight for each in found} == {Weight.DRIFT}
    assert left == []


def test_what_is_told_to_be_done_by_hand_does_it(machine: lab.Machine) -> None:
    machine.run("set -e\n" + "\n".join(mess for mess, _, _ in TOLD)).check_returncode()
    # What stands in a folder of somebody's is looked at once the folder is root's.
    for _ in range(3):
        for each in judged(machine):
            if "`" in each.to_do:
                machine.run(each.to_do.split("`")[1]).check_returncode()
    left = judged(machine)
    machine.run(UNDO).check_returncode()
    # What has no name that can be told stays for a person to look at.
    assert [(each.where, each.weight) for each in left] == [("/opt/forged", Weight.UNKNOWN)]


def test_who_may_do_anything_as_it_is_gains_nothing(machine: lab.Machine) -> None:
    machine.run("""
        set -e
        mkdir -p /opt/team; chown ann /opt/team
        echo 'post-build-hook = /opt/team/x' >>/etc/nix/nix.conf
        mkdir -p /opt/his; chown baleen /opt/his
        echo 'pre-build-hook = /opt/his/x' >>/etc/nix/nix.conf
        printf 'ann ALL=(ALL:ALL) NOPASSWD: ALL\\nmia ALL=(ALL) /bin/ls\\n' >/etc/sudoers.d/them
        mkdir -p /opt/hers; chown mia /opt/hers
        echo 'diff-hook = /opt/hers/x' >>/etc/nix/nix.conf
    """).check_returncode()
    found = judged(machine, "baleen", "@builders")
    machine.run(f"rm /etc/sudoers.d/them; {UNDO}").check_returncode()
    assert [(each.weight, each.where) for each in found] == [
        (Weight.NOTE, "/opt/team"),
        (Weight.NOTE, "/opt/his"),
        (Weight.NOTE, "/opt/hers"),
    ]
    assert found[0].there.startswith("ann can change it, and with it /opt/team/x")


def test_however_many_they_are_who_may_do_anything_gain_nothing(
    machines: dict[str, lab.Machine],
) -> None:
    machine = start_anew(machines["bookworm"])
    machine.run("""
        set -e
        groupadd admins; echo '%admins ALL=(ALL:ALL) ALL' >/etc/sudoers.d/admins
        for n in $(seq 60); do useradd -r -N -g nogroup -G admins admin$n; done
        mkdir /opt/admins; chgrp admins /opt/admins; chmod 775 /opt/admins; touch /opt/admins/hook
        echo 'post-build-hook = /opt/admins/hook' >>/etc/nix/nix.conf
    """).check_returncode()
    found = [each for each in judged(machine) if each.where == "/opt/admins"]
    machine.run("""
        for n in $(seq 60); do userdel admin$n; done
        groupdel admins; rm -r /etc/sudoers.d/admins /opt/admins
    """)
    assert [each.weight for each in found] == [Weight.NOTE]


def test_an_include_in_a_folder_of_a_group_of_nobodys_is_read(machine: lab.Machine) -> None:
    machine.run("""
        set -e
        mkdir -p /usr/local/etc/nix; chgrp -R staff /usr/local/etc; chmod -R 2775 /usr/local/etc
        echo 'cores = 1' >/usr/local/etc/nix/x.conf
        echo '!include /usr/local/etc/nix/x.conf' >>/etc/nix/nix.conf
        echo '!include /usr/local/etc/nix/not-there.conf' >>/etc/nix/nix.conf
    """).check_returncode()
    none = [each.rule for each in judged(machine, rules=BLOCKING)]
    machine.run("usermod -a -G staff mia").check_returncode()
    found = judged(machine, rules=BLOCKING)
    machine.run("gpasswd -d mia staff; rm -r /usr/local/etc/nix")
    machine.run("chgrp root /usr/local/etc; chmod 755 /usr/local/etc")
    assert none == []
    assert (Rule.CHANGEABLE, "/usr/local/etc") in [(each.rule, each.where) for each in found]
    assert Rule.UNREADABLE in [each.rule for each in found]


def test_what_root_does_not_read_for_a_folder_of_somebody_trusted_is_told_with_the_command(
    machine: lab.Machine,
) -> None:
    machine.run("""
        set -e
        mkdir /opt/anns; chown ann /opt/anns; echo 'cores = 1' >/opt/anns/x.conf
        echo '!include /opt/anns/x.conf' >>/etc/nix/nix.conf
        echo 'ann ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/ann
    """).check_returncode()
    found = judged(machine)
    for each in found:
        machine.run(each.to_do.split("`")[1]).check_returncode()
    left = judged(machine, rules=BLOCKING)
    machine.run("rm -r /etc/sudoers.d/ann /opt/anns")
    assert [(each.where, each.weight, each.remedy) for each in found] == [
        ("/opt/anns", Weight.UNKNOWN, Remedy.BLOCKS)
    ]
    assert left == []


def test_a_declared_trusted_user_whom_nobody_is_there_is_a_note(machine: lab.Machine) -> None:
    found = judged(machine, "baleen", "@builders", "@admin", "zoe")
    assert [each.there for each in found] == [
        "@admin is declared trusted, and there is no such group",
        "zoe is declared trusted, and there is no such account",
    ]
    assert {each.weight for each in found} == {Weight.NOTE}


def test_a_person_whom_nix_builds_as_is_looked_at_as_any_other(machine: lab.Machine) -> None:
    machine.run("usermod -a -G nixbld baleen; usermod -g nixbld mia").check_returncode()
    machine.run("mkdir -p ~/.config/nix; echo 'cores = 1' >~/.config/nix/nix.conf", "baleen")
    seen = look(machine, declaring())
    machine.run("gpasswd -d baleen nixbld; usermod -g mia mia; rm -r /home/baleen/.config/nix")
    answers = {user.name: user.trust for user in seen.users}
    assert answers.keys() == {"root", "baleen", "mia", "ann"}
    # Whose first group it is the daemon refuses: NixOS/nix src/nix/unix/daemon.cc.
    is_told = machine.suite != "bookworm"
    assert answers["baleen"] is (Trust.UNTRUSTED if is_told else Trust.UNREPORTED)
    assert "/home/baleen/.config/nix/nix.conf" in seen.own["baleen"].files
    assert [(each.name, each.members) for each in seen.access.writers] == [
        ("nixbld", frozenset({"baleen", "mia"}))
    ]


def test_who_is_in_any_group_of_the_number_is_told(machine: lab.Machine) -> None:
    machine.run("""
        set -e
        groupadd -g 700 first7; groupadd -o -g 700 second7
        useradd -r -N -g nogroup -G second7 svc7
        mkdir /opt/of7; chgrp 700 /opt/of7; chmod 775 /opt/of7
        echo '!include /opt/of7/x.conf' >>/etc/nix/nix.conf
    """).check_returncode()
    found = [each for each in judged(machine) if each.where == "/opt/of7"]
    machine.run("userdel svc7; groupdel second7; groupdel first7; rm -r /opt/of7")
    assert [each.weight for each in found] == [Weight.DRIFT]
    assert found[0].there.startswith("the group first7 (svc7) can change it")


# What is mended ---------------------------------------------------------------------------------

# Each: what was done, and what a run says of it.
MENDED = {
    "his file": ("chown baleen /etc/nix/nix.conf; chmod 666 /etc/nix/nix.conf", "nix.conf: baleen"),
    "an open folder": ("chmod 777 /etc/nix", "/etc/nix: everybody can change it, and with it"),
    "his folder and his file": (
        "cd /etc/nix; echo 'trusted-users = baleen' >>nix.conf; touch .nixtrust-restart-pending;"
        "echo 'trusted-users = *' >.nixtrust-good.nix.conf;"
        # More names than a command takes, and the lock of a process that lives.
        "seq -f .nixtrust-$(printf %0200d 0)%g 12000 | xargs touch;"
        "ln -s 1:$(cut -d ' ' -f 22 /proc/1/stat) .nixtrust-lock; chown -Rh baleen /etc/nix",
        "/etc/nix: baleen, who owns it, can change it",
    ),
    "a closed file": ("chmod 600 /etc/nix/nix.conf", "nix.conf: its mode is -rw-------"),
    "a closed folder": ("chmod 700 /etc/nix", "/etc/nix: its mode is drwx------"),
}


@pytest.mark.parametrize("mess", MENDED)
def test_what_is_ours_is_made_roots_alone_and_read_by_all(
    mess: str, machines: dict[str, lab.Machine]
) -> None:
    suite = lab.SUITES[list(MENDED).index(mess) % len(lab.SUITES)]
    machine = start_anew(machines[suite])
    done, words = MENDED[mess]
    # A second name, and an open file, of what he may write to.
    machine.run(f"""
        {done}
        ln /etc/nix/nix.conf /root/second-name
        {RESTART}
    """).check_returncode()
    was = state(machine)
    status, dry = said(machine, "--dry", "--diff")
    assert words in dry
    assert "to be mended" in dry
    assert state(machine) == was

    status, wet = said(machine)
    assert status == 0, wet
    assert judged(machine) == []
    assert transactions.holds(machine, declaring())
    told = machine.run("stat -c '%n %a %U %G' /etc/nix /etc/nix/nix.conf*").stdout.splitlines()
    # What others could change is nobody's original.
    original = ["/etc/nix/nix.conf.before-nixtrust 644 root root"] * ("closed" in mess)
    assert told == ["/etc/nix 755 root root", "/etc/nix/nix.conf 644 root root", *original]
    tried = machine.run("cat /etc/nix/nix.conf && ! echo x >>/etc/nix/nix.conf", "baleen")
    assert tried.returncode == 0
    assert "declared" in tried.stdout or "substituters" in tried.stdout
    was = state(machine)
    machine.run("echo 'trusted-users = baleen' >/root/second-name; rm /root/second-name")
    assert state(machine) == was
    status, again = said(machine)
    assert status == 0, again
    assert "to be mended" not in again
    assert state(machine) == was


@pytest.mark.parametrize("line", ["access-tokens = github.com=made-up", "impure-env = A=made-up"])
def test_a_closed_file_that_may_hold_a_secret_stays_closed(line: str, machine: lab.Machine) -> None:
    machine.run(f"""
        echo '{line}' >>/etc/nix/nix.conf
        chmod 600 /etc/nix/nix.conf
    """).check_returncode()
    (found,) = judged(machine)
    assert (found.where, found.remedy) == ("/etc/nix/nix.conf", Remedy.HAND)
    assert "made-up" not in str(found)
    said(machine)
    assert machine.run("stat -c %a /etc/nix/nix.conf").stdout == "600\n"


def test_roots_own_nix_reads_no_configuration_that_others_can_change(
    machines: dict[str, lab.Machine],
) -> None:
    machine = start_anew(machines["trixie"])
    has_started(machine)
    # Nix would load plugins of his as root; that it reads the file at all is seen by a fifo.
    machine.run("chmod 777 /etc/nix; rm -f /home/baleen/fifo").check_returncode()
    machine.run("mkfifo ~/fifo; echo '!include /home/baleen/fifo' >>/tmp/x", "baleen")
    machine.run("cat /tmp/x >>/etc/nix/nix.conf; rm /tmp/x").check_returncode()
    began = time.monotonic()
    answer = machine.run("exec sh -s", input=probe_script(declaring().texts))
    assert time.monotonic() - began < 10
    seen = read_answer(answer.stdout.splitlines())
    assert isinstance(seen, Machine)
    assert {user.name: user.trust for user in seen.users}["root"] is Trust.TRUSTED


def test_root_runs_no_nix_that_others_can_change_and_says_who_can(
    machines: dict[str, lab.Machine],
) -> None:
    machine = start_anew(machines["trixie"])
    # Its program is a link to nix.
    has_started(machine)
    machine.run("""
        mv /usr/bin/nix /root/nix
        printf '#!/bin/sh\\n: >/root/ran\\n' >/usr/bin/nix
        chmod 755 /usr/bin/nix; chown baleen /usr/bin/nix
    """).check_returncode()
    try:
        status, output = said(machine)
        assert [each.where for each in judged(machine)] == ["/usr/bin/nix"]
    finally:
        ran = machine.run("mv -f /root/nix /usr/bin/nix; test -e /root/ran").returncode == 0
    assert not ran
    assert status != 0
    assert "nothing written: /usr/bin/nix: baleen, who owns it, can change it" in output


# He takes a lease on each, and lets go of none: whoever opens one waits 45 seconds (fcntl(2)).
LEASES = """\
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, lambda *_: None)
for path in sys.argv[1:]:
    fcntl.fcntl(os.open(path, os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
print(flush=True)
time.sleep(100)
"""


@pytest.mark.parametrize("doing", ["leases", "a file without an end"])
def test_who_owns_a_nix_conf_holds_no_look_up(doing: str, machines: dict[str, lab.Machine]) -> None:
    machine = start_anew(machines["trixie"])
    has_started(machine)
    machine.run(
        "chown baleen /etc/nix/nix.conf; touch /opt/hook; chown baleen /opt/hook"
        "; echo 'post-build-hook = /opt/hook' >>/etc/nix/nix.conf"
    )
    if doing == "leases":
        held = f"python3 -c {shlex.quote(LEASES)} /etc/nix/nix.conf /opt/hook"
        machine.run(
            f"{held} >~/held 2>&1 </dev/null & until [ -s ~/held ]; do sleep 0.1; done", "baleen"
        )
    else:
        machine.run("truncate -s 4G /etc/nix/nix.conf /opt/hook", "baleen")
    began = time.monotonic()
    # His own process, which looks into what is his, has three seconds.
    script = "".join(probe_script(declaring().texts))
    answer = machine.run("exec sh -s", input=hurrying("baleen", shortened("baleen", script)))
    took = time.monotonic() - began
    seen = read_answer(answer.stdout.splitlines())
    machine.run("pkill -KILL -u baleen; rm -f /opt/hook /home/baleen/held")
    assert isinstance(seen, Machine), seen
    assert [each.path for each in seen.access.writers] == ["/etc/nix/nix.conf"]
    assert {user.name: user.trust for user in seen.users}["mia"] is Trust.UNTRUSTED
    assert took < 15


def test_root_reads_no_interpreter_of_a_hook_that_others_can_change(
    machines: dict[str, lab.Machine],
) -> None:
    machine = start_anew(machines["trixie"])
    machine.run("rm -f ~/hook; printf '#!/opt/his/sh\\n' >~/hook; chmod 755 ~/hook", "baleen")
    machine.run("""
        mkdir -p /opt/his; chown mia /opt/his
        ln -s /home/baleen/hook /etc/nix/hook
        echo 'post-build-hook = /etc/nix/hook' >>/etc/nix/nix.conf
    """).check_returncode()
    told = [each.where for each in judged(machine)]
    machine.run("rm -r /opt/his").check_returncode()
    # What his file names is not followed.
    assert told == ["/home/baleen", "/home/baleen/hook"]


def test_a_folder_that_keeps_an_access_control_list_is_not_taken_for_mended(
    machines: dict[str, lab.Machine],
) -> None:
    machine = start_anew(machines["trixie"])
    # What is made in it would be his to write; setfacl is not there.
    entries = "\n".join(f"struct.pack('<HHI', {each})," for each in DEFAULT_LIST)
    machine.run(f"""
        chown baleen /etc/nix
        python3 - <<'END'
import os, struct
value = struct.pack('<I', 2) + b''.join([
{entries}
])
os.setxattr('/etc/nix', 'system.posix_acl_default', value)
END
    """).check_returncode()
    status, output = said(machine)
    assert status != 0
    assert "has an access control list: install setfacl (acl), and run again" in output
    assert [each.where for each in judged(machine)] == ["/etc/nix"]


# acl(5) as the kernel has it: tag, permissions, whose. The second is baleen's, who is 1000.
DEFAULT_LIST = (
    "1, 7, 0xffffffff",
    "2, 7, 1000",
    "4, 5, 0xffffffff",
    "16, 7, 0xffffffff",
    "32, 5, 0xffffffff",
)


def test_what_others_can_change_is_not_given_back(machines: dict[str, lab.Machine]) -> None:
    machine = start_anew(machines["sid"])
    machine.run("chmod 777 /etc/nix").check_returncode()
    was = state(machine)
    done = run_for(machine, "undo.py", "-y")
    assert done.returncode == 1
    assert "/etc/nix: everybody can change it" in done.stdout
    assert "run deploy.py first" in done.stdout
    assert state(machine) == was


# What root has left open, and what a member has made of it; all but the last where nixtrust was.
HIS = "cd /etc/nix; echo trusted-users = root baleen >>"
COPIED = "cd /etc/nix; cp nix.conf.before-nixtrust his; echo trusted-users = root baleen >>his;"
PLANTED = {
    "his original": (
        "chown baleen /etc/nix/nix.conf.before-nixtrust",
        f"{HIS}nix.conf.before-nixtrust",
    ),
    "an original in an open folder": (
        "chmod 777 /etc/nix",
        f"{COPIED} mv -f his nix.conf.before-nixtrust",
    ),
    "a nix.conf as if nixtrust had not been there": (
        "chmod 777 /etc/nix",
        f"{COPIED} rm -f nix.conf*; mv his nix.conf",
    ),
    "his nix.conf": ("chown baleen /etc/nix/nix.conf", f"{HIS}nix.conf"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_others_have_made_of_an_original_never_comes_back(
    planted: str, machines: dict[str, lab.Machine]
) -> None:
    suite = lab.SUITES[list(PLANTED).index(planted) % len(lab.SUITES)]
    machine = start_anew(machines[suite])
    opens, does = PLANTED[planted]
    if planted != "his nix.conf":
        status, output = said(machine)
        assert status == 0, output
    machine.run(opens).check_returncode()
    machine.run(does, "baleen").check_returncode()
    was = state(machine)
    undone = run_for(machine, "undo.py", "-y")
    assert (undone.returncode, state(machine)) == (1, was), undone.stdout
    assert "run deploy.py first" in undone.stdout

    status, output = said(machine)
    assert status == 0, output
    undone = run_for(machine, "undo.py", "-y")
    assert undone.returncode == 0, undone.stdout
    assert "baleen" not in " ".join(transactions.values(machine)["trusted-users"])
    owners = machine.run("stat -c '%U %a' /etc/nix /etc/nix/*").stdout
    assert set(owners.splitlines()) == {"root 755", "root 644"}


def test_what_a_member_left_behind_is_no_word_of_nixtrusts(
    machines: dict[str, lab.Machine],
) -> None:
    machine = start_anew(machines["bookworm"])
    machine.run("chmod 777 /etc/nix").check_returncode()
    machine.run(
        "cd /etc/nix; mkdir -p .nixtrust-d/e; touch .nixtrust-x;"
        "ln -s 1:$(cut -d ' ' -f 22 /proc/1/stat) .nixtrust-lock",
        "baleen",
    ).check_returncode()
    # By hand, without a look at what is in it.
    machine.run("chmod 755 /etc/nix").check_returncode()
    assert not transactions.look(machine, declaring()).restart_pending
    status, output = said(machine)
    assert status == 0, output
    assert transactions.leftovers(machine) == []
    # Nor where nothing is to be written.
    machine.run("touch /etc/nix/.nixtrust-x; chown baleen /etc/nix/.nixtrust-x").check_returncode()
    running = transactions.daemon(machine)
    status, output = said(machine)
    assert status == 0, output
    assert transactions.daemon(machine) == running


SECRET = "rO0t-made-up-for-this-test"
# Swaps what is there, lays what a run might have left, and goes on writing to what he had open.
AT_WORK = """
cd /etc/nix
(exec 5>>nix.conf
while [ ! -e /home/baleen/stop ]; do echo trusted-users = baleen >&5; sleep 0.01; done) &
cp nix.conf /home/baleen/kept
while [ ! -e /home/baleen/stop ]; do
  cp /home/baleen/kept mine && mv -f mine nix.conf
  ln -sf /etc/secret theirs && mv -f theirs nix.conf
  ln -sf /etc/secret nix.conf.before-nixtrust
  ln -sf /etc/secret .nixtrust-new.copy
  echo trusted-users = baleen >.nixtrust-good.nix.conf
  : >.nixtrust-restart-pending
  cp /home/baleen/kept mine && mv -f mine nix.conf
done
"""


@pytest.mark.usefixtures("turn")
def test_who_is_at_work_while_it_is_mended_gains_nothing(machine: lab.Machine) -> None:
    has_started(machine)
    machine.run(f"""
        set -e
        rm -f /home/baleen/stop
        (umask 077; echo {SECRET} >/etc/secret)
        chmod 777 /etc/nix
        chown baleen /etc/nix/nix.conf
    """).check_returncode()
    machine.run(f"({AT_WORK}) >/dev/null 2>&1 </dev/null &", "baleen").check_returncode()
    said_first = said(machine)[1]
    machine.run("touch ~/stop; sleep 0.1", "baleen").check_returncode()
    # A link may have been the last that he laid: that is told, and a person takes it away.
    machine.run("[ ! -h /etc/nix/nix.conf ] || rm /etc/nix/nix.conf")
    machine.run(
        "[ ! -h /etc/nix/nix.conf.before-nixtrust ] || rm /etc/nix/nix.conf.before-nixtrust"
    )
    status, again = said(machine)
    assert status == 0, again
    assert SECRET not in said_first + again
    assert (
        machine.run("cat /etc/secret; stat -c '%a %U' /etc/secret").stdout
        == f"{SECRET}\n600 root\n"
    )
    assert machine.run(f"find /etc/nix -type f -exec grep -l {SECRET} {{}} +").stdout == ""
    assert judged(machine) == []
    assert transactions.holds(machine, declaring())
    assert transactions.leftovers(machine) == []
