"""The probe's answer, read: a machine, or none at all."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.conf import Assignment, ConfFile, Missing, Unreadable
from nixtrust.findings import Weight, findings
from nixtrust.machine import Machine, Manager, NixState, Trust, Unread, read_answer
from tests.unit.observed import SYSTEM, policy

RECORDS = (
    "system\tLinux\tx86_64\t0",
    "nix\tpresent\t/usr/bin/nix\tnix (Nix) 2.26.3\t/etc/nix",
    "daemon\tsystemd\tnix-daemon.service\tactive\tprocess\t1700000000.250000000\tpresent"
    "\tNIX_CONFIG --option",
    "evidence\tdebian",
    "store-owner\troot",
    "header\t/etc/nix/nix.conf\tdeterminate",
    "file\tsystem\t/etc/nix/nix.conf\tpresent\t1:2:3\t1700000001.5\t/mnt/nix.conf",
    "|# a comment",
    "|substituters = https://a",
    "|",
    "file\tsystem\t/etc/nix/nix.custom.conf\tabsent",
    "file\tsystem\t/etc/nix/a.conf\tunreadable\tno permission to read it\t/mnt/a.conf",
    "restart-pending",
    "user\troot\t0\t/root\t/bin/bash\troot adm",
    "trust\troot\ttrusted",
    "user\tjito.hello\t1001\t/home/jito.hello/\t/usr/bin/fish\tusers",
    "file\tuser:jito.hello\t/etc/nix/nix.conf\tpresent\t9:9:9\t1\t",
    "|trusted-users = jito.hello",
    "trust\tjito.hello\tfailed\tunexpected end-of-file\t1",
)


def framed(records: Sequence[str]) -> list[str]:
    return ["nixtrust\tprobe\t1", *records, f"end\t{len(records) + 1}"]


def observed(*records: str) -> Machine:
    machine = read_answer(framed(records or RECORDS))
    assert isinstance(machine, Machine)
    return machine


def test_an_answer_tells_of_the_machine() -> None:
    machine = observed()
    assert (machine.system, machine.uid, machine.nix_state) == (SYSTEM, 0, NixState.PRESENT)
    assert str(machine.nix) == "Nix 2.26.3"
    assert machine.daemon.manager is Manager.SYSTEMD
    assert machine.daemon.started == 1700000000.25
    assert machine.daemon.socket
    assert machine.daemon.overrides == ("NIX_CONFIG", "--option")
    assert machine.evidence == {"debian"}
    assert machine.headers == {"/etc/nix/nix.conf": "determinate"}
    assert machine.restart_pending
    assert (machine.nix_conf, machine.custom_conf) == (
        "/etc/nix/nix.conf",
        "/etc/nix/nix.custom.conf",
    )


def test_files_are_parsed_with_what_is_known_of_them() -> None:
    machine = observed()
    conf = machine.files["/etc/nix/nix.conf"]
    assert isinstance(conf, ConfFile)
    assert conf.text == "# a comment\nsubstituters = https://a\n\n"
    assert conf.lines[1] == Assignment(
        2, "substituters = https://a\n", "substituters", ("https://a",)
    )
    assert machine.files["/etc/nix/nix.custom.conf"] == Missing()
    assert machine.files["/etc/nix/a.conf"] == Unreadable()
    status = machine.status["/etc/nix/nix.conf"]
    assert (status.stamp, status.changed, status.link) == ("1:2:3", 1700000001.5, "/mnt/nix.conf")
    assert machine.status["/etc/nix/nix.custom.conf"].stamp == "absent"
    assert machine.status["/etc/nix/a.conf"].trouble == "no permission to read it"
    assert machine.status["/etc/nix/a.conf"].link == "/mnt/a.conf"


def test_what_somebodys_own_file_includes_does_not_hide_whose_it_is() -> None:
    assert observed().status["/etc/nix/nix.conf"].whose == "system"


def test_users_bear_what_the_daemon_answered_them() -> None:
    root, jito = observed().users
    assert (root.name, root.trust, root.groups) == ("root", Trust.TRUSTED, ("root", "adm"))
    assert (jito.uid, jito.trust, jito.words) == (1001, Trust.FAILED, "unexpected end-of-file")
    assert jito.nix_conf == "/home/jito.hello/.config/nix/nix.conf"


@pytest.mark.parametrize(
    ("kernel", "architecture", "system"),
    [
        ("Darwin", "arm64", "aarch64-darwin"),
        ("Darwin", "x86_64", "x86_64-darwin"),
        ("Linux", "aarch64", "aarch64-linux"),
        ("Linux", "amd64", "x86_64-linux"),
        ("FreeBSD", "amd64", "x86_64-freebsd"),
    ],
)
def test_a_machine_is_named_as_nix_names_it(kernel: str, architecture: str, system: str) -> None:
    assert observed(f"system\t{kernel}\t{architecture}\t0", *RECORDS[1:]).system == system


def test_without_nix_users_need_no_answer() -> None:
    machine = observed(
        *("system\tLinux\tx86_64\t0", "nix\tabsent\t\t\t/etc/nix", "store-owner\t"),
        *("daemon\tnone\t\t\t\t\tabsent", "user\troot\t0\t/root\t\troot"),
    )
    assert (machine.nix, machine.daemon.started) == (None, None)


@pytest.mark.parametrize(
    "told", ["there", "present\t1\tinf\t", f"present\t1\t{'9' * 400}\t"], ids=lambda told: told[:12]
)
def test_what_is_told_of_a_file_and_cannot_be_read_makes_that_file_unreadable(told: str) -> None:
    path = "/home/baleen/.config/nix/x"
    machine = observed(*RECORDS, f"file\tuser:baleen\t{path}\t{told}")
    assert isinstance(machine.files[path], Unreadable)
    (line,) = (str(each) for each in findings(policy(), machine, SYSTEM) if each.where == path)
    why = "what is told of it is not to be understood"
    assert line == f"{path}: cannot be read: {why}; put it right there"


@pytest.mark.parametrize(
    ("time", "seconds"), [("-5", -5), ("-0.500", -0.5), ("9" * 17, float("9" * 17))]
)
def test_a_time_may_be_any_that_a_member_can_set(time: str, seconds: float) -> None:
    machine = observed(*RECORDS, f"file\tsystem\t/x/y\tabsent\t\t{time}\t")
    assert machine.status["/x/y"].changed == seconds


@pytest.mark.parametrize(
    ("sent", "link"),
    [
        (r"/a\303\251 \134 b", "/aé \\ b"),
        # What cannot be shown stays as it was sent.
        (r"/a\351", r"/a\351"),
        (r"/a\033[31m\134", r"/a\033[31m\134"),
        (r"/a\777\9", r"/a\777\9"),
    ],
)
def test_a_field_is_told_as_the_machine_has_it_if_it_can_be_shown(sent: str, link: str) -> None:
    machine = observed(*RECORDS, f"file\tsystem\t/x\tunreadable\ta link to nothing\t{sent}")
    assert machine.status["/x"].link == link


BAD = {
    "nothing": [],
    "another program's": ["Last login: Sun Nov 22"],
    "without its end": framed(RECORDS)[:-1],
    "with words before it": ["Welcome!", *framed(RECORDS)],
    "with words behind it": [*framed(RECORDS), "logout"],
    "with a line less": [line for line in framed(RECORDS) if line != "|"],
    "of another version": ["nixtrust\tprobe\t2", *framed(RECORDS)[1:]],
    "two systems": framed((*RECORDS, "system\tLinux\tx86_64\t0")),
    "no system": framed(RECORDS[1:]),
    "an unknown record": framed((*RECORDS, "credential\tx")),
    "an unknown manager": framed((*RECORDS[:2], "daemon\tupstart\t\t\t\t\t", *RECORDS[3:])),
    "an unknown trust": framed((*RECORDS[:-1], "trust\tjito.hello\tperhaps")),
    "a user without an answer": framed(RECORDS[:-1]),
    "nobody": framed(RECORDS[:13]),
    "a user id in words": framed((*RECORDS, "user\tmia\tmany\t/home/mia")),
    "a control character": framed((*RECORDS, "evidence\t\x1b[2J")),
    "a line that ends elsewhere": framed((*RECORDS, "|max-jobs = 1\u2028")),
}


@pytest.mark.parametrize("case", BAD)
def test_any_other_answer_is_none(case: str) -> None:
    unread = read_answer(BAD[case])
    assert isinstance(unread, Unread)
    assert str(findings(policy(), unread, SYSTEM)[0]).isprintable()


def test_a_login_shell_that_prints_is_named_as_the_cause() -> None:
    unread = read_answer(BAD["with words before it"])
    assert isinstance(unread, Unread)
    assert "login shell" in unread.to_do


@given(st.integers(0, len("\n".join(framed(RECORDS))) - 1))
def test_an_answer_cut_short_anywhere_is_none(length: int) -> None:
    lines = "\n".join(framed(RECORDS))[:length].split("\n")
    assert isinstance(read_answer(lines), Unread)


@st.composite
def mutated(draw: st.DrawFn) -> list[str]:
    """The answer with some fields changed, and its lines counted anew."""
    records = [record.split("\t") for record in RECORDS]
    for _ in range(draw(st.integers(1, 4))):
        record = draw(st.sampled_from(records))
        at = draw(st.integers(0, len(record) - 1))
        words = st.sampled_from(
            ["", "0", "1", "present", "unreadable", "trusted", "not-asked", "too-many"]
        )
        record[at] = draw(st.one_of(words, st.text(max_size=8), st.text("0123456789.e-inf")))
    return framed(["\t".join(record).replace("\n", " ") for record in records])


@given(mutated())
def test_a_mutated_answer_is_a_machine_that_can_be_judged_or_none(lines: list[str]) -> None:
    machine = read_answer(lines)
    found = findings(policy(), machine, SYSTEM)
    assert all(str(each).isprintable() for each in found)
    if isinstance(machine, Unread) or any(
        user.trust in (Trust.FAILED, Trust.NOT_ASKED, Trust.TOO_MANY)
        for user in machine.users
        if user.uid != 0
    ):
        assert any(each.weight is not Weight.NOTE for each in found)


@given(st.lists(st.text(), max_size=6))
def test_no_answer_is_more_than_can_be_read(lines: list[str]) -> None:
    found = findings(policy(), read_answer(lines), SYSTEM)
    assert [each.weight for each in found] == [Weight.UNKNOWN]
