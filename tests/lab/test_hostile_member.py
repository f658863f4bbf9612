"""A member who is at work while root looks can harm and hide what is his own, and nothing else.

Each attack is made once, by `make soak` twenty times.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

import lab
from nixtrust.machine import Machine, Trust, Unread, read_answer
from nixtrust.removal import Cut
from nixtrust.scripts import probe_script, remove_script
from tests.lab.planting import stopping, write
from tests.shell.removing import hurrying, shortened

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("turn")]

LAB = "hostile-member"
SPEC = lab.MachineSpec(LAB, "trixie", "127.77.22.1", lab=LAB, people=("baleen", "mia"))
BALEEN = "/home/baleen"
# Of root's, and nobody else's to read. In no answer, and in nothing of baleen's, may there be any.
SECRET = "rO0t-made-up-for-this-test"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.bWFkZS11cA"
# Where the shell that reads config.fish is looked for, as whoever owns it.
FISH = f"{BALEEN}/.nix-profile/bin/fish"
IN_TIME = "it was killed, or came to no end in time"


@pytest.fixture(scope="module")
def clean() -> lab.Machine:
    [machine] = lab.up([SPEC])
    for path in ("/root/secret", "/root/.config/secret.env", "/etc/secret"):
        write(machine, path, f"CACHIX_AUTH_TOKEN={SECRET}\n".encode(), "root", 0o600)
    write(machine, "/home/mia/.bashrc", f"export CACHIX_AUTH_TOKEN={TOKEN}\n".encode(), "mia")
    # Without the system's fish his own one is asked.
    machine.run("cp -a /home/baleen /root/baleen; rm /usr/bin/fish").check_returncode()
    return machine


@pytest.fixture
def machine(clean: lab.Machine) -> lab.Machine:
    """With baleen's home as it came, and nothing that runs as him."""
    clean.run(f"""
        pkill -KILL -u baleen
        rm -rf {BALEEN}
        cp -a /root/baleen {BALEEN}
    """)
    return clean


@dataclass(frozen=True, slots=True)
class Look:
    seen: Machine
    answer: str
    seconds: float

    @property
    def unread(self) -> dict[str, str]:
        return {home.name: home.why for home in self.seen.unread_homes}

    @property
    def places(self) -> dict[str, str]:
        return {place.path: place.why for place in self.seen.unread_places}


def script() -> str:
    """A look that waits three seconds for baleen."""
    return hurrying("baleen", shortened("baleen", "".join(probe_script({}))))


def look(machine: lab.Machine, sent: str = "", how: str = "exec sh -s") -> Look:
    """What root is told; of everybody else it is always all, and nothing goes on afterwards."""
    began = time.monotonic()
    ran = machine.run(how, input=sent or script(), timeout=120)
    seconds = time.monotonic() - began
    assert SECRET not in ran.stdout
    # Not what a shell says of one that was killed, nor what a person's process says there.
    assert ran.stderr == ""
    seen = read_answer(ran.stdout.splitlines())
    assert isinstance(seen, Machine), seen
    assert "mia" not in {home.name for home in seen.unread_homes}
    assert [each.path for each in seen.credentials if each.told_by == "mia"] == [
        "/home/mia/.bashrc"
    ]
    answers = {user.name: user.trust for user in seen.users}
    assert (answers["root"], answers["mia"]) == (Trust.TRUSTED, Trust.UNTRUSTED)
    assert not any(path.startswith(BALEEN) for path in seen.files)
    return Look(seen, ran.stdout, seconds)


def as_baleen(machine: lab.Machine, steps: str) -> None:
    machine.run(f"cd\n{steps}", "baleen").check_returncode()


def own_fish(machine: lab.Machine, program: str) -> None:
    """A shell of baleen's own, which is to say whether it accepts his config.fish."""
    write(machine, FISH, f"#!/bin/sh\n{program}\n".encode(), "baleen", 0o755)
    conf = f"set -gx CACHIX_AUTH_TOKEN {TOKEN}\n".encode()
    write(machine, f"{BALEEN}/.config/fish/config.fish", conf, "baleen")
    machine.run(f"chown -R baleen: {BALEEN}")


ZERO = "/dev/zero >/dev/null 2>&1"
WITHOUT_SYSTEMD = "mount -t tmpfs tmpfs /run/systemd"
# Reads the environment of each process of his own as soon as there is one.
WATCH = """
import glob, sys
while True:
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                sys.stdout.write(file.read().decode(errors="replace"))
        except OSError:
            pass
    sys.stdout.flush()
"""

# By what his program does: why his home is unread, or nothing.
PROGRAMS: Mapping[str, tuple[str, str]] = {
    "says more and more": ("cat /dev/zero", IN_TIME),
    "comes to no end": ("sleep 177", IN_TIME),
    "stops who asks": ("kill -STOP $PPID; sleep 177", IN_TIME),
    "stops all of its own": ("kill -STOP -1", IN_TIME),
    "kills who asks": ("kill -KILL $PPID", ""),
    "leaves a daemon that holds all it has": ("setsid sleep 177 & exit 0", IN_TIME),
    "leaves a daemon behind closed pipes": (
        "setsid sleep 177 >/dev/null 2>&1 </dev/null & exit 0",
        "",
    ),
    "kills all of its own": ("kill -KILL -1", "it was killed, or came to no end in time"),
    "signals everybody": ("kill -KILL 1 $(ps -A -o pid= -o user= | awk '/root/ {print $1}')", ""),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_who_has_a_program_asked_is_alone_with_what_it_does(
    program: str, machine: lab.Machine
) -> None:
    text, why = PROGRAMS[program]
    own_fish(machine, text)
    its = look(machine)
    assert its.unread == ({"baleen": why} if why else {})
    assert its.seconds < 12
    left = machine.run("ps -A -o args=").stdout
    assert "look_at_home" not in left
    assert "setpriv" not in left


def removal(machine: lab.Machine) -> str:
    """What takes the token out of his config.fish, and asks his shell about what is left."""
    folder = f"{BALEEN}/.config/fish"
    stamp = machine.run(f"stat -c '%d:%i:%s:%y:%z:%a:%u:%g' {folder}/config.fish").stdout.strip()
    return "".join(remove_script([Cut("baleen", folder, "config.fish", stamp, "fish", ((0, 5),))]))


@pytest.mark.parametrize("sends", [lambda _: script(), removal], ids=["look", "removal"])
def test_a_persons_process_has_nothing_of_roots(
    sends: Callable[[lab.Machine], str], machine: lab.Machine
) -> None:
    own_fish(
        machine,
        f"""exec >{BALEEN}/seen 2>&1
        env
        ls -l /proc/self/fd /proc/$PPID/fd
        cat /proc/[0-9]*/environ | tr '\\0' '\\n'
        cat /root/secret /etc/secret
        (: </dev/tty) && echo TERMINAL
        grep -i -e capeff -e nonewprivs /proc/self/status
        id""",
    )
    # `ulimit -f 0` lets no file be written; a fifo of his own takes it all the same.
    keep = "setsid timeout 60 sh -c 'while cat seen; do :; done'"
    as_baleen(machine, f"mkfifo seen; ({keep} >kept 2>/dev/null </dev/null &)")
    open_ = " ".join(f"{number}</root/secret" for number in range(3, 10))
    at_terminal = f"(: </dev/tty) && exec sh -s </run/it {open_}"
    terminal = f"export ROOTS={SECRET}; cat >/run/it; script -qec '{at_terminal}' /dev/null"
    ran = machine.run(terminal, input=sends(machine))
    assert "end\t" in ran.stdout
    kept = (machine.root / "home/baleen/kept").read_text()
    assert "(baleen)" in kept
    assert SECRET not in kept
    assert "-> /root/secret" not in kept
    assert "TERMINAL" not in kept
    assert "CapEff:\t0000000000000000" in kept
    assert sends is removal or "NoNewPrivs:\t1" in kept
    assert "HOME=/root" not in kept
    machine.run("rm -f /run/it")


FILES: Mapping[str, str] = {
    "links to the kernel's": "ln -s /proc/kmsg .bash_aliases; ln -sf /dev/zero .profile",
    "fifos": "rm -f .bashrc .profile; mkfifo .bashrc .profile .zshrc; mkdir -p .config/nix;"
    " mkfifo .config/nix/nix.conf",
    "what is root's": "rm -f .bashrc; ln -s /root/secret .bashrc; mkdir -p .config/nix;"
    " echo 'netrc-file = /root/secret' >.config/nix/nix.conf;"
    " echo 'include /etc/secret' >>.config/nix/nix.conf; ln -s /root/.config .config/cachix",
    "units that lead to root's": "mkdir -p .config/systemd/user; cd .config/systemd/user;"
    " printf '[Service]\\nEnvironmentFile=/root/secret\\n' >cachix.service;"
    " ln -s /proc/self/mem a.service",
    "patterns": "mkdir d; for n in 1 2 3 4 5 6 7 8 9; do ln -s .. d/$n; done;"
    " echo 'export XDG_CONFIG_HOME=/*/*/*/*/*/*/*/*' >.profile;"
    ' echo "export ZDOTDIR=$HOME/d/*/d/*/d/*/d/*" >.zshenv',
    "names that are no text": "mkdir .bashrc.d;"
    " : >\".bashrc.d/$(printf 'a\\npart-end\\t1\\t0\\nend\\t1')\"",
    "a file that is large": "mkdir -p .config/nix; yes 'cores = 1' | head -c 5000000 >"
    ".config/nix/nix.conf",
    "an include that goes round": "mkdir -p .config/nix; cd .config/nix;"
    " echo 'include a' >nix.conf; echo 'include nix.conf' >a",
    "a closed home": "chmod 0 .",
    "links that go round": "rm -f .bashrc; ln -s .profile .bashrc; ln -sf .bashrc .profile;"
    " rm -rf .config; ln -s .config/x .config; ln -s ../baleen/./src/.. src",
    "links by way of dots": "rm -f .bashrc; ln -s ./../../root/./secret .bashrc;"
    " rm -rf .config; ln -s ../baleen/../.././root/.config .config; ln -s .././../etc/secret .env",
    "root's folder in his": "rm -rf .config; ln -s /root .config; ln -s / src",
}


@pytest.mark.parametrize("files", FILES)
def test_whatever_files_he_has_root_opens_none(files: str, machine: lab.Machine) -> None:
    as_baleen(machine, FILES[files])
    its = look(machine)
    assert its.seconds < 8
    told = {each.path for each in its.seen.credentials if each.told_by == "baleen"}
    assert not any(path.startswith("/root") for path in told)
    # root's own are told by root, whatever he leads to.
    assert {each.told_by for each in its.seen.credentials} <= {"", "mia", "baleen"}


def test_who_swaps_a_file_for_a_link_all_the_time_gets_nothing_of_roots(
    machine: lab.Machine,
) -> None:
    swap = """
        echo "export CACHIX_AUTH_TOKEN=abc" >ours
        (while [ ! -e stop ]; do
          ln -sf /root/secret .bashrc; ln -sfn /root .config; ln -f ours .bashrc; rm -f .config
        done >/dev/null 2>&1 &)
    """
    as_baleen(machine, swap)
    for _ in range(5):
        its = look(machine)
        told = [each.path for each in its.seen.credentials if each.told_by == "baleen"]
        assert set(told) <= {f"{BALEEN}/.bashrc"}
    machine.run(f"touch {BALEEN}/stop")


def test_who_stops_what_asks_the_daemon_for_him_is_the_only_one_who_is_not_asked(
    machine: lab.Machine,
) -> None:
    with stopping(machine, "baleen"):
        its = look(machine)
    answers = {user.name: user.trust for user in its.seen.users}
    assert answers["baleen"] in (Trust.FAILED, Trust.UNTRUSTED)


@pytest.mark.parametrize(
    "start",
    [
        "cp /bin/sleep nix-daemon; setsid ./nix-daemon 60",
        # The one that it leads to is root's, and runs as root.
        "ln -s /usr/bin/passwd nix-daemon; setsid script -qc ./nix-daemon /dev/null",
    ],
    ids=["his own", "setuid"],
)
def test_a_process_that_is_called_like_the_daemon_leads_root_nowhere(
    start: str, machine: lab.Machine
) -> None:
    conf = "/etc/nowhere"
    as_baleen(machine, f"({start.replace('setsid', f'NIX_CONF_DIR={conf} setsid')} <{ZERO} &)")
    machine.run("while ! pgrep -x nix-daemon; do sleep 0.1; done").check_returncode()
    its = look(machine, how=f"unshare --mount sh -c '{WITHOUT_SYSTEMD}; exec sh -s'")
    assert its.seen.conf_dir == "/etc/nix"


def test_roots_environment_is_never_that_of_a_process_of_his(machine: lab.Machine) -> None:
    write(machine, f"{BALEEN}/watch.py", WATCH.encode(), "baleen")
    as_baleen(machine, "(setsid python3 watch.py >seen 2>/dev/null </dev/null &)")
    for _ in range(5):
        look(machine, how=f"export ROOTS={SECRET}; exec sh -s")
    assert SECRET not in (machine.root / "home/baleen/seen").read_text()


def test_where_a_folder_of_roots_leads_into_his_home_he_looks_and_not_root(
    machine: lab.Machine,
) -> None:
    as_baleen(machine, "mkdir z; ln -s /etc/hostname z/b; mkfifo z/c; mkdir z/d; :>z/a")
    write(machine, f"{BALEEN}/z/a", f"export CACHIX_AUTH_TOKEN={TOKEN}\n".encode(), "baleen")
    machine.run(f"ln -s {BALEEN}/z /root/.bashrc.d").check_returncode()
    try:
        its = look(machine)
    finally:
        machine.run("rm /root/.bashrc.d")
    assert its.seconds < 8
    [found] = [each for each in its.seen.credentials if each.path.endswith("/a")]
    assert found.told_by == "baleen"


def test_where_a_start_up_file_of_roots_names_a_folder_of_his_root_reads_no_nix_conf(
    machine: lab.Machine,
) -> None:
    entry = f"machine mine.cachix.org password {TOKEN}\n".encode()
    write(machine, "/root/a-netrc", entry, "root", 0o600)
    as_baleen(machine, "mkdir -p cfg/nix; echo 'netrc-file = /root/a-netrc' >cfg/nix/nix.conf")
    machine.run(f"echo 'export XDG_CONFIG_HOME={BALEEN}/cfg' >/root/.kshrc").check_returncode()
    try:
        its = look(machine)
    finally:
        machine.run("rm /root/.kshrc /root/a-netrc")
    assert "/root/a-netrc" not in {each.path for each in its.seen.credentials}


def test_many_who_come_to_no_end_hinder_nobody_behind_them(machine: lab.Machine) -> None:
    names = [f"idle{number}" for number in range(6)]
    for name in names:
        machine.run(f"useradd --uid 20{name[4:]}0 -m {name}; su {name} -c 'mkfifo ~/.bash_login'")
        fish = f"/home/{name}/.nix-profile/bin/fish"
        write(machine, fish, b"#!/bin/sh\nsleep 177\n", name, 0o755)
        conf = f"set -gx CACHIX_AUTH_TOKEN {TOKEN}\n".encode()
        write(machine, f"/home/{name}/.config/fish/config.fish", conf, name)
        machine.run(f"chown -R {name}: /home/{name}")
    try:
        its = look(machine, script().replace("home_seconds=20", "home_seconds=3"))
    finally:
        for name in names:
            # Not one whose processes are not all gone yet.
            gone = f"while pkill -KILL -u {name}; do sleep 0.1; done; userdel -r {name}"
            assert machine.run(f"{gone} 2>/dev/null; ! id {name} 2>/dev/null").returncode == 0
    assert its.unread == dict.fromkeys(names, IN_TIME)
    assert its.seconds < 15


def test_what_a_file_of_roots_leads_to_in_a_home_is_told_by_whom_it_belongs_to(
    machine: lab.Machine,
) -> None:
    unit = "/etc/systemd/system/cachix-x.service"
    token = f"CACHIX_AGENT_TOKEN={TOKEN}\n".encode()
    write(machine, f"{BALEEN}/agent.env", token, "baleen", 0o600)
    write(machine, unit, f"[Service]\nEnvironmentFile={BALEEN}/agent.env\n".encode(), "root")
    try:
        [found] = [each for each in look(machine).seen.credentials if "agent.env" in each.path]
    finally:
        (machine.root / unit.lstrip("/")).unlink()
    assert (found.told_by, found.place.id) == ("baleen", "environment-file")


def test_links_of_roots_that_go_round_or_by_way_of_dots_are_followed_by_him_alone(
    machine: lab.Machine,
) -> None:
    write(machine, f"{BALEEN}/d/token", f"export CACHIX_AUTH_TOKEN={TOKEN}\n".encode(), "baleen")
    as_baleen(machine, "ln -s round round2; ln -s ./../baleen/round2 round; mkdir d/e")
    machine.run(f"""
        ln -s {BALEEN}/round /root/.bash_aliases
        ln -s ./../home/./baleen/d/e/../token /root/.bash_login
    """).check_returncode()
    try:
        its = look(machine)
    finally:
        machine.run("rm /root/.bash_aliases /root/.bash_login")
    assert its.seconds < 8
    [found] = [each for each in its.seen.credentials if each.path.endswith("/token")]
    assert found.told_by == "baleen"


# As where the network serves a home and root is nobody there.
WITHOUT_POWER = "setpriv --bounding-set=-dac_override,-dac_read_search"


def test_a_home_that_root_cannot_see_is_looked_at_by_whom_it_belongs_to(
    machine: lab.Machine,
) -> None:
    write(machine, f"{BALEEN}/.netrc", f"machine a.cachix.org password {TOKEN}".encode(), "baleen")
    as_baleen(machine, "chmod 700 .")
    assert machine.run(f"{WITHOUT_POWER} ls {BALEEN}").returncode != 0
    its = look(machine, how=f"exec {WITHOUT_POWER} sh -s")
    assert its.unread == {}
    told = [(each.path, each.told_by) for each in its.seen.credentials]
    assert (f"{BALEEN}/.netrc", "baleen") in told


MANY = "seq -f 'x.%g' 20000 | (cd {} && xargs touch)"


def test_of_many_names_where_a_file_of_roots_leads_to_root_reads_none(
    machine: lab.Machine,
) -> None:
    unit = "/etc/systemd/system/cachix-x.service"
    write(
        machine, f"{BALEEN}/z/.nixtrust.new.1", f"CACHIX_AGENT_TOKEN={TOKEN}\n".encode(), "baleen"
    )
    as_baleen(machine, MANY.replace("x.", ".nixtrust.new.").format("z"))
    write(machine, unit, f"[Service]\nEnvironmentFile=-{BALEEN}/z/*.env\n".encode(), "root")
    machine.run(f"ln -s {BALEEN}/z /root/.bashrc.d").check_returncode()
    try:
        its = look(machine)
    finally:
        machine.run(f"rm {unit} /root/.bashrc.d")
    assert its.seconds < 12
    told = {each.path for each in its.seen.credentials if each.told_by == "baleen"}
    assert f"{BALEEN}/z/.nixtrust.new.1" in told or "baleen" in its.unread


def test_many_names_in_a_folder_that_others_can_change_take_no_time_from_the_look(
    machine: lab.Machine,
) -> None:
    machine.run("chmod 777 /etc/nix").check_returncode()
    as_baleen(machine, MANY.replace("x.", "netrc.").format("/etc/nix"))
    try:
        its = look(machine)
    finally:
        machine.run("chmod 755 /etc/nix; find /etc/nix -user baleen -delete")
    assert its.seconds < 8
    assert its.places["/etc/nix"] == "others than root can change it, or a folder on the way"


def test_who_takes_his_home_away_hides_nothing_that_a_file_of_roots_leads_to(
    machine: lab.Machine,
) -> None:
    unit = "/etc/systemd/system/cachix-x.service"
    token = f"CACHIX_AGENT_TOKEN={TOKEN}\n".encode()
    machine.run("useradd --no-create-home --uid 1500 -d /srv/app/home app").check_returncode()
    write(machine, "/srv/app/agent.env", token, "app")
    write(machine, unit, b"[Service]\nEnvironmentFile=/srv/app/agent.env\n", "root")
    try:
        its = look(machine)
    finally:
        machine.run(f"userdel app; rm -r /srv/app {unit}")
    assert [each.path for each in its.seen.credentials if each.told_by == "app"] == [
        "/srv/app/agent.env"
    ]
    assert its.unread == {}


def test_a_home_of_a_second_root_and_one_in_a_folder_of_a_directorys_are_looked_at(
    machine: lab.Machine,
) -> None:
    accounts = ("toor:x:0:0::/home/toor:/bin/sh", "jdoe:x:70000:70000::/home/CORP/jdoe:/bin/sh")
    lines = " ".join(f"'{each}'" for each in accounts)
    machine.run(f"cp /etc/passwd /root/passwd; printf '%s\\n' {lines} >>/etc/passwd")
    machine.run("mkdir -m 755 /home/CORP").check_returncode()
    line = f"export CACHIX_AUTH_TOKEN={TOKEN}\n".encode()
    homes = {"/home/toor": "root", "/home/CORP/jdoe": "jdoe"}
    try:
        for home, owner in homes.items():
            machine.run(f"mkdir {home}; chown {owner} {home}").check_returncode()
            write(machine, f"{home}/.bashrc", line, owner)
        its = look(machine)
    finally:
        machine.run(f"rm -r {' '.join(homes)} /home/CORP; mv /root/passwd /etc/passwd")
    told = {each.path: each.account for each in its.seen.credentials}
    assert {path: told.get(f"{path}/.bashrc") for path in homes} == homes


def test_what_is_his_in_a_folder_of_roots_he_looks_at_and_not_root(machine: lab.Machine) -> None:
    entry = f"machine a.cachix.org password {TOKEN}\n".encode()
    write(machine, "/etc/nix/netrc", entry, "root")
    machine.run("chown baleen /etc/nix/netrc").check_returncode()
    try:
        its = look(machine)
    finally:
        machine.run("rm /etc/nix/netrc")
    told = {each.path: each.account for each in its.seen.credentials}
    assert told["/etc/nix/netrc"] == "baleen"


def test_an_account_that_is_called_like_anothers_number_is_not_asked_in_that_ones_place(
    machine: lab.Machine,
) -> None:
    number = machine.run("id -u mia").stdout.strip()
    machine.run(f"useradd --badname --uid 1300 -m {number}").check_returncode()
    try:
        look(machine)
    finally:
        machine.run(f"userdel -r {number}")


@pytest.mark.parametrize("path", [f"{BALEEN}/team.conf", "/tmp/team.conf", "/etc/nix/team.conf"])
def test_a_nix_conf_that_others_can_change_is_not_opened(path: str, machine: lab.Machine) -> None:
    conf = machine.root / "etc/nix/nix.conf"
    before = conf.read_text()
    write(machine, f"{BALEEN}/team.conf", b"trusted-users = root\n", "baleen")
    machine.run(f"[ -e {path} ] || ln -s {BALEEN}/team.conf {path}").check_returncode()
    conf.write_text(f"{before}\n!include {path}\n")
    try:
        seen = look_of_system(machine)
    finally:
        conf.write_text(before)
        machine.run(f"rm {path}")
    why = "others than root can change it, or a folder on the way"
    assert seen.status[path].trouble == why


def look_of_system(machine: lab.Machine) -> Machine:
    seen = read_answer(machine.run("exec sh -s", input=script()).stdout.splitlines())
    assert isinstance(seen, Machine)
    return seen


@pytest.mark.parametrize(
    "step",
    ["look_at_nix", "look_at_users", "look_at_trusts", "look_at_own_credentials", "look_at_homes"],
)
def test_a_look_whose_shell_is_killed_is_no_answer(step: str, machine: lab.Machine) -> None:
    killed, found = re.subn(rf"\n +{step}\b(?!\()", "\n kill -KILL $(sh -c 'echo $PPID')", script())
    assert found == 1
    ran = machine.run("exec sh -s", input=killed)
    assert isinstance(read_answer(ran.stdout.splitlines()), Unread)


def test_a_look_ends_itself_with_all_that_it_has_begun(machine: lab.Machine) -> None:
    hangs = script().replace("look_seconds=85", "look_seconds=2")
    hangs = hangs.replace("\n    look_at_homes\n", "\n    sleep 1771\n")
    began = time.monotonic()
    ran = machine.run("exec sh -s", input=hangs)
    assert time.monotonic() - began < 8
    assert isinstance(read_answer(ran.stdout.splitlines()), Unread)
    assert "1771" not in machine.run("ps -A -o args=").stdout
