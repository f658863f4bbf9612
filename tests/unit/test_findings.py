"""The one judgement: what hinders, people's own files, and what holds for every finding."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.access import Access, Way, Writer
from nixtrust.conf import Unreadable
from nixtrust.credentials import PLACE
from nixtrust.findings import Remedy, Rule, Weight, findings
from nixtrust.machine import Daemon, Machine, Manager, NixState, Trust, Unread, UnreadHome
from nixtrust.stored import Hindrance, UnreadPlace
from tests.unit.observed import (
    BALEEN,
    CUSTOM,
    DECLARED,
    NIX_CONF,
    NO_DAEMON,
    OLD_NIX,
    ROOT,
    RUNNING,
    SYSTEM,
    TEAM,
    WRONG_KEY,
    asked,
    credential,
    found,
    machine,
    policy,
)

DRIFT, UNKNOWN, NOTE = Weight
MEND, EDIT, RESTART, REMOVE, HAND, BLOCKS = Remedy
OWN = "/home/baleen/.config/nix/nix.conf"


def test_a_machine_in_step_has_nothing_to_say() -> None:
    assert found(machine()) == []


# What hinders -------------------------------------------------------------------------------------

HINDERED: Mapping[Rule, tuple[tuple[Machine | Unread, str], ...]] = {
    Rule.UNREAD: (
        (
            Unread("no answer in 90 seconds"),
            "no answer in 90 seconds; run again; if it stays, look at the machine",
        ),
    ),
    Rule.WRONG_SYSTEM: (
        (
            machine(architecture="arm64", kernel="Darwin"),
            "the machine is aarch64-darwin (declared: x86_64-linux);"
            " correct its system or its address in the inventory",
        ),
    ),
    Rule.NO_NIX: (
        (
            machine(nix_state=NixState.ABSENT, nix=""),
            "no Nix found; install Nix there, then run again",
        ),
        (
            machine(nix_state=NixState.UNMOUNTED, nix=""),
            "/nix: it is there, but not its store;"
            " mount it (after a reboot, unlock the disk), then run again",
        ),
        (
            machine(nix_state=NixState.CHANGEABLE, nix=""),
            "/usr/bin/nix: root does not run it: others can change it, or a folder on the way;"
            " let root alone change them, then run again",
        ),
        (
            machine(nix=""),
            "/usr/bin/nix: `nix --version` tells no version that is known; run it there and see",
        ),
    ),
    Rule.NOT_ROOT: (
        (
            machine(uid=1000),
            "looked at without root: not all can be seen, nothing can be written;"
            " run it as root or through sudo",
        ),
    ),
    Rule.UNREADABLE: (
        (
            machine(f"include a.conf\n{DECLARED}", {"/etc/nix/a.conf": Unreadable()}),
            "/etc/nix/a.conf: cannot be read: no permission to read it; put it right there",
        ),
        (
            machine(f"!include {'x' * 300}\n"),
            "/etc/nix/nix.conf: Nix reads it only up to an include whose name is too long for a"
            " file; correct that include",
        ),
        (
            machine(f"{DECLARED}include ???\n"),
            "/etc/nix/nix.conf:7: what it includes cannot be looked at: the name has other"
            " characters than plain ones; rename that file and correct the line: letters, digits"
            " and . _ - + only",
        ),
        (
            machine(None, {"/opt/<token>/nix.conf": DECLARED}, conf_dir="/opt/<token>"),
            "/opt/<token>/nix.conf: a token is in its name, which is not told: nothing can be"
            " written there; `ls -a /opt` tells the name; give it another one",
        ),
    ),
    Rule.REFUSED: (
        (
            machine(DECLARED + "fallback\n"),
            "/etc/nix/nix.conf:7: Nix 2.26.3 refuses it: 'fallback' alone is no setting: write"
            " `name = value`; correct the line there; until then no nix command works on it",
        ),
        (
            machine(users=(replace(ROOT, trust=Trust.FAILED, words="it crashes"),)),
            "Nix does not work there: it crashes; correct it there",
        ),
    ),
    Rule.DAEMON_DEAD: (
        (
            machine(
                users=(replace(ROOT, trust=Trust.FAILED, words="cannot connect to socket"),),
                daemon=replace(RUNNING, state="failed"),
            ),
            "the Nix daemon does not answer (nix-daemon.service is failed): cannot connect to"
            " socket; start it there: `systemctl restart nix-daemon.service`,"
            " `journalctl -u nix-daemon.service`",
        ),
        (
            machine(
                users=(replace(ROOT, trust=Trust.NO_DAEMON),),
                daemon=Daemon(Manager.LAUNCHD, "org.nixos.nix-daemon", "", "", None, False),
            ),
            "the Nix daemon does not answer; start it there:"
            " `launchctl kickstart -k system/org.nixos.nix-daemon`",
        ),
        (
            machine(
                users=(replace(ROOT, trust=Trust.FAILED),),
                daemon=Daemon(Manager.NONE, "", "", "", None, True),
            ),
            "the Nix daemon does not answer; start it there",
        ),
    ),
}


@pytest.mark.parametrize(
    ("rule", "observed", "line"),
    [(rule, *case) for rule, cases in HINDERED.items() for case in cases],
)
def test_what_hinders_blocks_all_writing(rule: Rule, observed: Machine | Unread, line: str) -> None:
    (one,) = found(observed, rule)
    assert str(one) == line
    assert one.remedy is BLOCKS
    assert one.weight is (DRIFT if rule is Rule.WRONG_SYSTEM else UNKNOWN)


def test_of_another_machine_than_the_declared_nothing_else_is_judged() -> None:
    other = machine("trusted-users = *\n", architecture="aarch64")
    assert {each.rule for each in found(other)} == {Rule.WRONG_SYSTEM}


def test_what_somebody_has_at_home_does_not_keep_the_systems_file_as_it_is() -> None:
    observed = machine("", files={OWN: Unreadable()})
    (one,) = found(observed, Rule.UNREADABLE)
    assert (one.weight, one.remedy, one.where) == (UNKNOWN, HAND, OWN)
    assert all(each.remedy is EDIT for each in found(observed, Rule.SETTING))


TOO_LARGE = (
    "cannot be read: larger than 1 MiB;"
    " shorten it there, or move a part into a file that it includes, then run again"
)


@pytest.mark.parametrize("path", [NIX_CONF, "/etc/nix/a.conf"])
def test_what_is_too_large_to_be_read_blocks_with_what_to_do_about_it(path: str) -> None:
    observed = machine("include a.conf\n", {path: Unreadable()})
    trouble = replace(observed.status[path], trouble="larger than 1 MiB")
    observed = replace(observed, status={**observed.status, path: trouble})
    (one,) = found(observed, Rule.UNREADABLE)
    assert (one.weight, one.remedy, str(one)) == (UNKNOWN, BLOCKS, f"{path}: {TOO_LARGE}")


def test_what_is_too_large_in_a_home_is_told_with_what_to_do_about_it() -> None:
    observed = machine(files={OWN: Unreadable()})
    own = observed.own["baleen"]
    trouble = replace(own.status[OWN], trouble="larger than 1 MiB")
    told = {"baleen": replace(own, status={OWN: trouble})}
    (one,) = found(replace(observed, own=told), Rule.UNREADABLE)
    assert (one.weight, one.remedy, str(one)) == (UNKNOWN, HAND, f"{OWN}: {TOO_LARGE}")


@pytest.mark.parametrize("path", [CUSTOM, f"{NIX_CONF}.before-nixtrust"])
def test_what_nix_does_not_read_may_be_unreadable(path: str) -> None:
    assert found(machine(files={path: Unreadable()})) == []


def test_what_somebody_includes_at_home_by_a_name_that_is_not_told_is_unknown() -> None:
    (one,) = found(machine(files={OWN: "!include ???\n"}))
    assert (one.rule, one.weight, one.remedy) == (Rule.UNREADABLE, UNKNOWN, HAND)
    assert one.where == f"{OWN}:1"


def test_what_was_there_before_nixtrust_is_not_read_by_nix() -> None:
    before = f"{NIX_CONF}.before-nixtrust"
    assert found(machine(files={before: "include ???\n"})) == []


def test_without_a_daemon_to_expect_none_is_missed() -> None:
    alone = machine(
        users=(replace(ROOT, trust=Trust.NO_DAEMON), replace(BALEEN, trust=Trust.NO_DAEMON)),
        daemon=NO_DAEMON,
    )
    assert found(alone) == []


# People's own files -------------------------------------------------------------------------------

DELETE = "; baleen should delete the line"
OWN_CONFS = {
    "substituters = https://cache.nixos.org/\n": (
        NOTE,
        f"{OWN}:1: {TEAM} is left out by baleen's own substituters{DELETE}",
    ),
    "substituters\n": (
        NOTE,
        f"{OWN}:1: baleen's own nix.conf is refused by Nix 2.26.3: 'substituters' alone is no"
        " setting: write `name = value`; baleen should correct it",
    ),
    "experimental-features = flakes\naccept-flake-config = true\n": (
        DRIFT,
        f"{OWN}:2: baleen has accept-flake-config = true: any flake sets its own caches"
        f" unasked{DELETE}",
    ),
    "extra-substituters = https://team.cachix.org?trusted=1\n": (
        DRIFT,
        f"{OWN}:1: baleen takes what nobody signed from {TEAM}?trusted=1{DELETE}",
    ),
    "extra-substituters = https://team.cachix.org?trusted=0\n": None,
    # As the machine tells `?%74rusted=1`, which Nix 2.34 takes for the same.
    "extra-substituters = https://team.cachix.org?***\n": (
        DRIFT,
        f"{OWN}:1: baleen may take what nobody signed from {TEAM}?***{DELETE}",
    ),
    "store = local?require-sigs=false\n": (
        DRIFT,
        f"{OWN}:1: baleen has store = local?require-sigs=false: another store stands in for this"
        f" machine's, or takes what nobody signed{DELETE}",
    ),
    "store = daemon\n": None,
    "store = unix:///nix/var/nix/daemon-socket/socket\n": None,
    "substitute = false\n": (
        NOTE,
        f"{OWN}:1: baleen has substitute = false: no declared cache is ever asked{DELETE}",
    ),
    # The daemon does not listen to those of somebody whom it does not trust.
    "require-sigs = false\n": None,
    f"trusted-public-keys = {WRONG_KEY}\n": None,
    "extra-substituters = https://x.org\n": None,
    "max-jobs = 3\n": None,
}


@pytest.mark.parametrize("text", OWN_CONFS)
def test_what_counts_in_somebodys_own_nix_conf_is_told_to_them(text: str) -> None:
    expected = OWN_CONFS[text]
    lines = [(each.weight, str(each)) for each in found(machine(files={OWN: text}))]
    assert lines == ([expected] if expected else [])
    assert all(each.remedy is HAND for each in found(machine(files={OWN: text})))


FLAKES = "experimental-features = nix-command flakes\n"


def test_what_a_users_own_line_does_is_told_with_what_the_system_says() -> None:
    observed = machine(f"{DECLARED}{FLAKES}", {OWN: "accept-flake-config = true\n"})
    line = (
        f"{OWN}:1: baleen has accept-flake-config = true: any flake sets its own caches"
        f" unasked{DELETE}"
    )
    (one,) = found(observed)
    assert (one.weight, one.remedy, str(one)) == (DRIFT, HAND, line)


def test_what_the_system_says_is_not_told_as_a_users() -> None:
    observed = machine(f"{DECLARED}{FLAKES}accept-flake-config = true\n", {OWN: "cores = 2\n"})
    assert {each.rule for each in found(observed)} == {Rule.UNDERMINED}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("require-sigs = false\n", "baleen has require-sigs = false: what nobody signed is"),
        ("build-users-group =\n", "baleen has an empty build-users-group: anybody"),
        (
            f"extra-trusted-public-keys = {WRONG_KEY}\n",
            "team.cachix.org-1:bjEbXJyL… is not declared, and baleen is a trusted user",
        ),
    ],
)
def test_a_trusted_users_own_nix_conf_can_undermine_trust(text: str, line: str) -> None:
    observed = machine(
        DECLARED.replace("= root\n", "= root baleen\n"),
        {OWN: text},
        users=asked(Trust.TRUSTED),
    )
    (one,) = findings(policy(nix_trusted_users=["root", "baleen"]), observed, SYSTEM)
    assert (one.rule, one.weight, one.remedy) == (Rule.USER_CONF, DRIFT, HAND)
    assert one.where == f"{OWN}:1"
    assert one.there.startswith(line)


# All findings -------------------------------------------------------------------------------------

ACCESS = Access(
    (
        Writer(
            "/opt/team", "/opt/team/x.conf", Way.GROUP, "team", frozenset({"mia"}), "drwxrwxr-x"
        ),
        Writer(NIX_CONF, NIX_CONF, Way.OWNER, "baleen", frozenset(), "-rw-r--r--"),
    ),
    {NIX_CONF: "-rw-------"},
    frozenset(),
    ("@admin",),
)
ALL = [
    machine(unread_homes=(UnreadHome("mia", "/home/mia", "it ended with 1"),)),
    machine(f"{DECLARED}set-afterwards = yes\n", nix="nix (Nix) 2.99.0"),
    *(observed for cases in HINDERED.values() for observed, _ in cases),
    *(machine(files={OWN: text}) for text in OWN_CONFS),
    machine(nix=OLD_NIX, users=asked(Trust.UNREPORTED)),
    machine("trusted-users = *\nrequire-sigs = false\npost-build-hook = /opt/hook\n"),
    machine("", links={NIX_CONF: "/etc/static/nix/nix.conf"}, users=asked(Trust.TRUSTED)),
    machine(
        "!include nix.custom.conf\nextra-substituters = https://cache.flakehub.com https://x.org\n",
        evidence=frozenset({"determinate-nixd"}),
    ),
    machine(restart_pending=True),
    machine(access=ACCESS),
    machine(credentials=(credential(), credential("bash", hindrance=Hindrance.STORE))),
    machine(unread_places=(UnreadPlace(PLACE["netrc"], "/root/.netrc", "no permission"),)),
]


def test_a_nix_conf_that_cannot_be_read_is_told_once() -> None:
    places = tuple(UnreadPlace(PLACE["nix-conf"], path, "no") for path in (NIX_CONF, CUSTOM))
    observed = machine(files={NIX_CONF: Unreadable()}, unread_places=places)
    about = (Rule.UNREADABLE, Rule.UNREAD_PLACE)
    wheres = [(each.rule, each.where) for each in found(observed, *about)]
    assert wheres == [(Rule.UNREADABLE, NIX_CONF), (Rule.UNREAD_PLACE, CUSTOM)]


def test_every_rule_has_an_example() -> None:
    assert {each.rule for observed in ALL for each in found(observed)} == set(Rule)


def test_every_finding_is_one_short_printable_line() -> None:
    every = [each for observed in ALL for each in found(observed)]
    assert [str(each) for each in every if not str(each).isprintable()] == []
    # Of a credential there is to say what to do twice: to take it out, and to revoke it.
    most = {Rule.CREDENTIAL: 380}
    assert [str(each) for each in every if len(str(each)) > most.get(each.rule, 220)] == []


def test_what_is_drift_or_unknown_says_what_to_do_unless_nixtrust_does_it() -> None:
    for each in (each for observed in ALL for each in found(observed)):
        if each.weight is not NOTE:
            assert bool(each.to_do) is (each.remedy in (REMOVE, HAND, BLOCKS)), each


def test_the_order_is_the_same_each_time() -> None:
    for observed in ALL:
        assert found(observed) == found(observed)


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_an_unread_machine_is_never_clean(reason: str) -> None:
    (one,) = found(Unread(reason))
    assert (one.rule, one.weight, one.remedy) == (Rule.UNREAD, UNKNOWN, BLOCKS)


@pytest.mark.parametrize("nix", ["nix (Nix) 2.8.0", "nix (Nix) 2.18.1", "nix (Nix) 2.34.8"])
@given(text=st.text(st.sampled_from("substitutertrusted-kyfbl =\n#\t*/:.1?@"), max_size=80))
def test_no_nix_conf_is_more_than_can_be_judged(nix: str, text: str) -> None:
    observed = machine(text, nix=nix)
    assert found(observed) == found(observed)


def test_the_page_on_findings_has_a_section_for_every_rule() -> None:
    page = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
    sections = re.findall(r"^## `([a-z-]+)`", page, re.MULTILINE)
    assert sections == [rule.value for rule in Rule]


@pytest.mark.parametrize(
    ("trust", "rules"),
    [(Trust.TRUSTED, {Rule.USER_CONF}), (Trust.UNREPORTED, {Rule.USER_CONF, Rule.TRUST}),
     (Trust.UNTRUSTED, set()), (Trust.NO_ACCESS, set())],
)  # fmt: skip
def test_so_can_the_one_of_somebody_in_a_trusted_group(trust: Trust, rules: set[Rule]) -> None:
    observed = machine(
        DECLARED.replace("= root\n", "= root @dev\n"),
        {OWN: "require-sigs = false\n"},
        users=asked(trust, groups=("dev",)),
    )
    told = findings(policy(nix_trusted_users=["root", "@dev"]), observed, SYSTEM)
    assert {each.rule for each in told} == rules
