"""No credential leaves its place: it is in nothing that a run sends, prints or leaves behind."""

import base64
import os
import shlex
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import lab
from lab import processes
from lab.cache import remove
from lab.host import exclusive
from tests.lab.planting import ROOT, deploy, lay, run, there, write
from tests.lab.plants import HOMES, POINTING, Plant, made_up_token, plants

pytestmark = pytest.mark.lab

LAB = "traffic"
SPECS = (
    lab.MachineSpec(f"{LAB}-root", "trixie", "127.77.11.21", lab=LAB, people=tuple(HOMES)),
    lab.MachineSpec(
        f"{LAB}-lead", "bookworm", "127.77.11.22", login="lead", lab=LAB, people=(*HOMES, "lead")
    ),
)
# Stands where a run writes on the box.
_WITNESS = "began"
# As much as pyinfra can be made to say; the third removes what is to go.
RUNS = (
    ("--dry", "--diff", "-vvv", "--debug"),
    ("--dry", "--json", "-vvv"),
    ("-y", "--diff", "-vvv", "--debug"),
    ("-y", "--json", "-vvv"),
)
# The machine's own login puts these in the environment of all that somebody runs there: pam_env(8).
OF_LOGINS = ("environment", "pam-environment")

# A secret that a file, or a folder on the way, is called.
NAMES = {made_up_token(): f"the name of {each}" for each in ("a netrc", "a folder", "a leftover")}

RECORDED = "/var/recorded"
_RECORD = f"""\
#!/bin/sh
here=$(mktemp -d {RECORDED}/XXXXXX)
mkfifo "$here/1" "$here/2"
tee "$here/output" <"$here/1" &
tee "$here/errors" <"$here/2" >&2 &
tee "$here/input" | "$SHELL" -c "$SSH_ORIGINAL_COMMAND" >"$here/1" 2>"$here/2"
status=$?
wait
rm "$here/1" "$here/2"
exit "$status"
"""


# The search -------------------------------------------------------------------------------------


class Search:
    """Looks for parts of secrets, as they are and in base64 and hex."""

    def __init__(self, planted: Mapping[str, str]) -> None:
        """`planted`: the secrets, and what to call each."""
        self._forms = {form: name for secret, name in planted.items() for form in _forms(secret)}
        assert not [name for form, name in self._forms.items() if b"\n" in form]

    def leaks(self, content: bytes) -> list[str]:
        """What of them is in there, by name."""
        # Many lines repeat, such as those of the scripts that are sent.
        lines = b"\n".join(set(content.split(b"\n")))
        return sorted({name for form, name in self._forms.items() if form in lines})

    def leaking(self, files: Mapping[str, bytes]) -> Mapping[str, list[str]]:
        """What of them is in some of the files, by the files' names."""
        if not self.leaks(b"\n".join(files.values())):
            return {}
        found = {name: self.leaks(content) for name, content in files.items()}
        return {name: leaks for name, leaks in found.items() if leaks}


def _forms(secret: str) -> Iterator[bytes]:
    """Of the beginning and of the end, so that what was cut short is found as well."""
    for part in (secret[:15].encode(), secret[-15:].encode()):
        yield part
        yield part.hex().encode()
        yield part.hex().upper().encode()
        # Three bytes are four characters, wherever the three begin.
        for begin in range(3):
            yield base64.b64encode(part[begin : begin + 12])


# What a run leaves ------------------------------------------------------------------------------


@dataclass
class Processes:
    """What was seen of the machines' processes: their command lines and environments."""

    command_lines: set[bytes] = field(default_factory=set)
    environments: set[bytes] = field(default_factory=set)
    # Those that were there before; what they are does not change any more.
    before: set[int] = field(default_factory=set)

    def look(self, names: tuple[str, ...]) -> None:
        there = {pid for name in names for pid in processes.running(name)}
        self.before &= there  # a number that is free may be another's next
        for pid in there - self.before:
            for kind, found in (
                ("cmdline", self.command_lines),
                ("environ", self.environments),
            ):
                try:
                    found.add(Path(f"/proc/{pid}/{kind}").read_bytes())
                except OSError:  # ended in the meantime
                    continue


@contextmanager
def watched(names: tuple[str, ...]) -> Iterator[Processes]:
    """Looks at the machines' processes again and again."""
    there = {pid for name in names for pid in processes.running(name)}
    seen, ending = Processes(before=there), threading.Event()

    def watch() -> None:
        while not ending.is_set():
            seen.look(names)
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ending.set()
        watcher.join()


@dataclass(frozen=True, slots=True)
class Traffic:
    """All that came of the runs, by where it was found. It shows nothing of itself."""

    planted: tuple[Plant, ...] = field(repr=False)
    printed: bytes = field(repr=False)
    recorded: Mapping[str, bytes] = field(repr=False)
    on_the_box: Mapping[str, bytes] = field(repr=False)
    on_the_machines: Mapping[str, bytes] = field(repr=False)
    command_lines: bytes = field(repr=False)
    environments: bytes = field(repr=False)
    search: Search = field(repr=False)


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traffic]:
    names = tuple(spec.name for spec in SPECS)
    with exclusive("machines whose traffic is recorded"):
        try:
            lab.down(names)
            machines = lab.up(SPECS)
            planted = tuple(each for machine in machines for each in prepare(machine))
            own = tmp_path_factory.mktemp("run")
            (own / _WITNESS).touch()
            began = (own / _WITNESS).stat().st_mtime
            with watched(names) as seen:
                printed = "".join(
                    ended.said
                    for options in RUNS
                    for ended in deploy(
                        machines, *options, environment={"HOME": str(own), "TMPDIR": str(own)}
                    )
                )
            yield Traffic(
                planted,
                printed.encode(),
                recorded={
                    str(file): file.read_bytes()
                    for machine in machines
                    for file in there(machine, RECORDED).glob("*/*")
                },
                on_the_box=written_since(began, [own, ROOT]),
                on_the_machines={
                    f"{machine.name}:{path}": content
                    for machine in machines
                    for path, content in written_on(machine, planted)
                },
                command_lines=b"\n".join(seen.command_lines),
                environments=b"\n".join(seen.environments),
                search=Search({**names_of(planted), **NAMES}),
            )
        finally:
            lab.down(names)
            remove(LAB)


def prepare(machine: lab.Machine) -> tuple[Plant, ...]:
    """With all plants, and an sshd that records what goes through it."""
    conf = there(machine, "/etc/nix/nix.conf")
    conf.write_text(f"{conf.read_text()}{POINTING}")
    planted = lay(machine, plants())
    netrc, folder, leftover = NAMES
    held = b"machine named.cachix.org password made-up\n"
    write(machine, f"{HOMES['baleen']}/.netrc-{netrc}", held, "baleen")
    write(machine, f"{HOMES['mia']}/.config/cachix/{folder}/cachix.dhall", b"mU4+k9xQmU4+k9xQ")
    write(machine, f"/etc/nix/.nixtrust.new.{leftover}", held)
    record = there(machine, "/usr/local/bin/record")
    record.write_text(_RECORD)
    record.chmod(0o755)
    drop_in = there(machine, "/etc/ssh/sshd_config.d/record.conf")
    drop_in.write_text("ForceCommand /usr/local/bin/record\n")
    run(machine, f"mkdir -m 1777 {RECORDED}; systemctl reload ssh; touch /var/began")
    return planted


def names_of(planted: tuple[Plant, ...]) -> Mapping[str, str]:
    return {secret: f"{each.place} {each.path}" for each in planted for secret in each.secrets}


def written_since(began: float, tops: list[Path]) -> Mapping[str, bytes]:
    files = (
        Path(where, name) for top in tops for where, _, names in os.walk(top) for name in names
    )
    written = {}
    for file in files:
        with suppress(FileNotFoundError):  # gone since its name was read, so it is not left
            if file.is_file() and file.stat().st_mtime >= began:
                written[str(file)] = file.read_bytes()
    return written


def written_on(machine: lab.Machine, planted: tuple[Plant, ...]) -> Iterator[tuple[str, bytes]]:
    """All files of a machine's that are newer than its plants, but for these; and its journal.

    Whatever else lies in a plant is where it was.
    """
    theirs = {each.file for each in planted}
    newer = f"""
        find / /run /tmp /dev/shm -xdev -type f -cnewer /var/began \\
            -not -path '{RECORDED}/*' -not -path '/var/log/journal/*'
    """
    for path in run(machine, newer).splitlines():
        if path not in theirs:
            yield path, base64.b64decode(machine.run(f"base64 <{shlex.quote(path)}").stdout)
    yield "journal", run(machine, "journalctl --all --no-pager --output export").encode()


# It finds what is there -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["token", "key"])
@pytest.mark.parametrize("shift", range(3))
def test_the_search_finds_a_secret_in_each_of_its_forms(kind: str, shift: int) -> None:
    secret = next(
        secret
        for each in plants()
        for secret in each.secrets
        if secret.startswith("eyJ") == (kind == "token")
    )
    search = Search({secret: "it"})
    around = b"\xff" * shift + secret.encode() + b"more"
    forms = (
        around,
        around.hex().encode(),
        around.hex().upper().encode(),
        base64.b64encode(around),
        around[: shift + 20],
        around[-24:],
    )
    assert [search.leaks(form) for form in forms] == [["it"]] * len(forms)
    files = {str(number): b"once\n" + form for number, form in enumerate(forms)}
    assert search.leaking({**files, "clean": b"once\n"}) == {name: ["it"] for name in files}
    assert search.leaks(b"eyJ" + base64.b64encode(os.urandom(99))) == []


def test_the_watch_sees_what_a_short_process_is_called_with(traffic: Traffic) -> None:
    [machine, *_] = [each for each in lab.running(LAB) if each.spec in SPECS]
    with watched((machine.name,)) as seen:
        run(machine, "systemd-run --quiet --wait --setenv=TOLD=in-the-environment sleep 3.0777")
    assert any(b"in-the-environment" in each for each in seen.environments)
    assert any(b"3.0777" in each for each in seen.command_lines)
    # And it saw the runs' own.
    assert b"awk" in traffic.command_lines


def test_what_is_left_of_a_run_is_looked_through(traffic: Traffic) -> None:
    assert b"No Cachix credential is stored" in traffic.printed
    # A look, a removal and what follows it, by each of the two.
    assert sum(path.endswith("/output") for path in traffic.recorded) >= 2 * (len(RUNS) + 2)
    assert any(b"/etc/cachix/cachix.dhall" in each for each in traffic.recorded.values())
    assert any(path.endswith(f"/{_WITNESS}") for path in traffic.on_the_box)
    for machine in (spec.name for spec in SPECS):
        assert f"{machine}:/var/log/sshd.log" in traffic.on_the_machines
        assert traffic.on_the_machines[f"{machine}:journal"]


def test_the_runs_dealt_with_the_credentials(traffic: Traffic) -> None:
    for path in ("/etc/cachix-agent.token", "/etc/cachix/cachix.dhall"):
        assert f"{path}:" in traffic.printed.decode()
        assert not any(there(each, path).exists() for each in lab.running(LAB))


# And finds nothing ------------------------------------------------------------------------------


def test_no_secret_is_printed(traffic: Traffic) -> None:
    for path in ("/.netrc-<token", "/cachix/<token", "/etc/nix/.nixtrust.new.<token"):
        assert path in traffic.printed.decode()
    assert traffic.search.leaking({"printed": traffic.printed}) == {}


def test_no_secret_goes_over_the_connection(traffic: Traffic) -> None:
    assert traffic.search.leaking(traffic.recorded) == {}


def test_no_secret_is_in_a_file_that_a_run_made(traffic: Traffic) -> None:
    for files in (traffic.on_the_box, traffic.on_the_machines):
        assert traffic.search.leaking(files) == {}


def test_no_secret_is_in_a_process_list(traffic: Traffic) -> None:
    found = traffic.search.leaks(traffic.command_lines)
    # By what a file is called tools are told which one to look at.
    assert [each for each in found if each not in NAMES.values()] == []


def test_no_secret_is_in_an_environment_that_a_login_does_not_have_itself(traffic: Traffic) -> None:
    theirs = tuple(f"{place} /" for place in OF_LOGINS)
    found = traffic.search.leaks(traffic.environments)
    assert [each for each in found if not each.startswith(theirs)] == []
