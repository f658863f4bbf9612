"""Who can change what the daemon depends on: what is told, what is mended, and what by hand."""

from dataclasses import replace

import pytest

from nixtrust.access import Access, Way, Writer, read_access
from nixtrust.conf import Unreadable
from nixtrust.findings import Finding, Remedy, Rule, Weight, findings
from nixtrust.machine import Machine
from tests.unit.observed import BALEEN, DECLARED, NIX_CONF, NO_DAEMON, ROOT, SYSTEM, machine, policy

ABOUT = (Rule.CHANGEABLE, Rule.CLOSED, Rule.ABSENT_ACCOUNT)


def writer(
    path: str = NIX_CONF,
    way: Way = Way.EVERYBODY,
    name: str = "",
    members: str = "",
    mode: str = "-",
) -> Writer:
    return Writer(path, NIX_CONF, way, name, frozenset(members.split()), mode)


def judged(observed: Machine, *trusted: str) -> list[Finding]:
    declared = policy(nix_trusted_users=["root", *trusted])
    return [each for each in findings(declared, observed, SYSTEM) if each.rule in ABOUT]


def test_all_ways_to_one_path_are_one_finding() -> None:
    ways = (
        writer(way=Way.OWNER, name="mia"),
        writer(way=Way.GROUP, name="staff", members="ann"),
        writer(),
    )
    (found,) = judged(machine(access=Access(ways)))
    assert found.there == "mia, who owns it, and the group staff (ann) and everybody can change it"
    assert (found.weight, found.remedy) == (Weight.DRIFT, Remedy.MEND)


@pytest.mark.parametrize(
    ("way", "trusted", "powerful", "weight"),
    [
        (writer(way=Way.OWNER, name="baleen"), (), (), Weight.DRIFT),
        (writer(way=Way.OWNER, name="baleen"), ("baleen",), (), Weight.NOTE),
        (writer(way=Way.USER, name="baleen"), (), ("baleen",), Weight.NOTE),
        (writer(way=Way.GROUP, name="staff", members="baleen mia"), (), ("baleen",), Weight.DRIFT),
        (writer(way=Way.GROUP, name="staff"), (), (), None),
        (writer(way=Way.GROUP, name="root", members="root"), (), (), None),
        (writer(way=Way.EVERYBODY), ("baleen",), ("baleen",), Weight.DRIFT),
    ],
)
def test_it_is_drift_where_somebody_gains_by_it(
    way: Writer, trusted: tuple[str, ...], powerful: tuple[str, ...], weight: Weight | None
) -> None:
    observed = machine(access=Access((way,), powerful=frozenset(powerful)))
    assert [each.weight for each in judged(observed, *trusted)] == ([weight] if weight else [])


def test_what_nobody_can_tell_is_unknown() -> None:
    (found,) = judged(
        machine(access=Access((writer("/opt", Way.UNKNOWN, "whoever", mode="drwxrwxr-x+"),)))
    )
    assert (found.weight, found.remedy) == (Weight.UNKNOWN, Remedy.BLOCKS)
    assert "setfacl -b /opt" in found.to_do


def test_of_whom_nobody_asked_what_he_may_do_it_is_unknown_whether_he_gains_by_it() -> None:
    many = writer("/opt/x", Way.GROUP, "many", "ann mia zoe", "drwxrwxr-x")
    access = Access((many,), powerful=frozenset({"ann"}), unasked=frozenset({"mia", "zoe"}))
    (found,) = judged(machine(access=access))
    assert (found.weight, found.remedy) == (Weight.UNKNOWN, Remedy.BLOCKS)
    assert found.there.endswith("; of 2 of them nobody knows what they may do there as it is")
    (found,) = judged(machine(access=replace(access, unasked=frozenset({"mia"}))))
    assert found.weight is Weight.DRIFT


@pytest.mark.parametrize("path", ["/etc", "/", "/usr/bin/nix", "/etc/nix/team.conf"])
def test_what_is_not_ours_is_told_with_the_command(path: str) -> None:
    mode = "-rwxrwxrwx" if path.endswith(("nix", "conf")) else "drwxrwxrwx"
    (found,) = judged(machine(access=Access((writer(path, mode=mode),))))
    assert (found.remedy, found.where) == (Remedy.BLOCKS, path)
    assert "`" in found.to_do


@pytest.mark.parametrize(
    ("way", "group", "members", "mode", "to_do"),
    [
        (
            Way.EVERYBODY,
            "",
            "",
            "drwxrwxrwt",
            "chown root:nixbld /nix/store && chmod 1775 /nix/store",
        ),
        (
            Way.OWNER,
            "mia",
            "",
            "drwxrwxr-t",
            "chown root:nixbld /nix/store && chmod 1775 /nix/store",
        ),
        (
            Way.GROUP,
            "nixbld",
            "mia ann",
            "drwxrwxr-t",
            "gpasswd -d ann nixbld && gpasswd -d mia nixbld",
        ),
    ],
)
def test_the_store_stays_as_the_daemon_makes_it(
    way: Way, group: str, members: str, mode: str, to_do: str
) -> None:
    store = writer("/nix/store", way, group, members, mode)
    (found,) = judged(machine(access=Access((store,))))
    assert found.to_do.endswith(f"`{to_do}`")


def test_what_is_in_a_home_stays_whose_it_is() -> None:
    home = writer("/home/baleen", Way.OWNER, "baleen", mode="drwx------")
    (found,) = judged(machine(access=Access((home,))))
    assert found.to_do.startswith(f"{NIX_CONF} must not lead there")
    assert "chown" not in str(found)


@pytest.mark.parametrize("path", ["/opt", "/opt/team.conf"])
def test_what_root_does_not_read_for_somebody_trusted_is_unknown_and_told_with_the_command(
    path: str,
) -> None:
    his = Access((writer(path, Way.OWNER, "baleen", mode="drwxr-xr-x"),))
    files = {"/opt/team.conf": Unreadable()}
    (found,) = judged(machine(files=files, access=his), "baleen")
    assert (found.weight, found.remedy) == (Weight.UNKNOWN, Remedy.BLOCKS)
    assert f"`chown root {path}" in found.to_do
    (found,) = judged(machine(files={"/opt2/team.conf": Unreadable()}, access=his), "baleen")
    assert found.weight is Weight.NOTE
    links = {"/etc/nix/team.conf": "/opt/team.conf"}
    through = machine(files={"/etc/nix/team.conf": Unreadable()}, links=links, access=his)
    assert [each.weight for each in judged(through, "baleen")] == [Weight.UNKNOWN]


def test_below_a_folder_of_somebodys_nothing_is_mended() -> None:
    found = judged(machine(access=Access((writer("/etc", mode="drwxrwxrwx"), writer()))))
    assert {each.remedy for each in found} == {Remedy.BLOCKS}


def test_where_the_folder_is_to_be_mended_nothing_else_is_judged_of_nix_conf() -> None:
    access = Access((writer("/etc/nix", mode="drwxrwxrwx"),))
    observed = machine(files={NIX_CONF: Unreadable()}, access=access)
    assert [each.rule for each in findings(policy(), observed, SYSTEM)] == [Rule.CHANGEABLE]
    # Nor of a folder that root does not open, though all who can change it are trusted.
    trusted = Access((writer("/etc/nix", Way.OWNER, "baleen", mode="drwxr-xr-x"),))
    observed = machine(files={NIX_CONF: Unreadable()}, access=trusted)
    assert [each.remedy for each in judged(observed, "baleen")] == [Remedy.MEND]


def test_a_persons_own_installation_is_that_persons_to_change() -> None:
    mine = machine(
        files={BALEEN.nix_conf: DECLARED},
        store_owner="baleen",
        daemon=NO_DAEMON,
        users=(ROOT, BALEEN),
        access=Access((writer(),)),
    )
    assert judged(mine) == []


HOLDING = ("access-tokens =", "extra-impure-env =", "netrc-file =", "secret-key-files =")


# Of a setting that is not in the table nobody knows what it holds.
@pytest.mark.parametrize("line", [*HOLDING, "netrc-file = ***", "a-plugins-own =", "???", "?"])
def test_a_closed_file_that_may_hold_a_secret_is_not_opened(line: str) -> None:
    access = Access(closed={NIX_CONF: "-rw-------"})
    (found,) = judged(machine(f"{DECLARED}{line}\n", access=access))
    assert (found.weight, found.remedy) == (Weight.DRIFT, Remedy.HAND)
    (found,) = judged(machine(DECLARED, access=access))
    assert (found.weight, found.remedy) == (Weight.DRIFT, Remedy.MEND)


def test_what_the_probe_does_not_write_is_no_answer() -> None:
    for record in [
        ("writer", ("/etc", "x", "owner")),
        ("closed", ("/etc",)),
        ("writer", ("/", "/", "he", "", "", "")),
    ]:
        with pytest.raises(ValueError, match=r"fields|valid"):
            read_access([record])


def test_what_has_a_token_in_its_name_is_not_mended() -> None:
    path = "/opt/<token>/nix.conf"
    observed = machine(
        None,
        {path: DECLARED},
        conf_dir="/opt/<token>",
        access=Access((writer(path), writer("/opt/<token>"))),
    )
    assert {each.remedy for each in judged(observed)} == {Remedy.BLOCKS}


@pytest.mark.parametrize("home", ["", "/"])
def test_what_is_everywhere_is_in_nobodys_home(home: str) -> None:
    service = replace(BALEEN, name="service", home=home)
    access = Access((writer("/opt/x", Way.OWNER, "service", mode="drwxr-xr-x"),))
    (found,) = judged(machine(users=(ROOT, service), access=access))
    assert "chown root /opt/x" in found.to_do


@pytest.mark.parametrize(("path", "opens"), [("/etc", True), ("/root", False), ("/etc/x", False)])
def test_what_a_link_leads_to_nobody_is_told_to_open(path: str, opens: bool) -> None:
    (found,) = judged(machine(access=Access(closed={path: "drwx------"})))
    assert found.remedy is Remedy.HAND
    assert ("chmod" in found.to_do) is opens
