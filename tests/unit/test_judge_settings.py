"""What nix.conf says, held against what is declared: each difference as a lead reads it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.conf import BLOCK_BEGIN, BLOCK_END
from nixtrust.conf_table import NEWEST_JUDGED, SETTINGS, Sent
from nixtrust.findings import Remedy, Rule, Weight, findings
from nixtrust.machine import Machine, Trust
from nixtrust.owners import owner_of
from nixtrust.plan import plan
from nixtrust.refused import Refused
from tests.unit.observed import (
    BALEEN,
    CUSTOM,
    DECLARED,
    NIX_CONF,
    NO_DAEMON,
    OLD_NIX,
    ORG,
    ORG_KEY,
    ROOT,
    SYSTEM,
    TEAM,
    TEAM_KEY,
    WRONG_KEY,
    asked,
    found,
    machine,
    policy,
    said,
)

DRIFT, UNKNOWN, NOTE = Weight
MEND, EDIT, RESTART, REMOVE, HAND, BLOCKS = Remedy
OWN = "/home/baleen/.config/nix/nix.conf"
FLAKEHUB = (
    "cache.flakehub.com-3:hJuILl5sVK4iKm86JzgdXW12Y2Hwd5G07qKtHTOcDCM=",
    "cache.flakehub.com-4:Asi8qIv291s0aYLyH6IOnr5Kf6+OF14WVjkE6t3xMio=",
)

# Settings -----------------------------------------------------------------------------------------


def changed(old: str, new: str) -> Machine:
    assert old in DECLARED
    return machine(DECLARED.replace(old, new))


LISTS = {
    "a foreign cache": (
        changed(f"{TEAM} {ORG}\n", f"{TEAM} {ORG} https://x.org\n"),
        f"{NIX_CONF}:1: substituters: https://x.org is not declared",
    ),
    "a cache that takes what nobody signed": (
        changed(f"{TEAM} {ORG}\n", f"{TEAM}?trusted=1 {ORG}\n"),
        f"{NIX_CONF}:1: substituters: {TEAM}?trusted=1 is not declared, {TEAM} is missing",
    ),
    "the wrong key under the right name": (
        changed(TEAM_KEY, f"{WRONG_KEY} {TEAM_KEY}"),
        f"{NIX_CONF}:3: trusted-public-keys: team.cachix.org-1:bjEbXJyL… is not declared",
    ),
    "two keys that begin alike": (
        changed(TEAM_KEY, f"{TEAM_KEY[:-4]}AAA="),
        f"{NIX_CONF}:3: trusted-public-keys: {TEAM_KEY[:-4]}AAA= is not declared,"
        f" {TEAM_KEY} is missing",
    ),
    "several of a vendor's keys": (
        changed(TEAM_KEY, " ".join((TEAM_KEY, *FLAKEHUB))),
        f"{NIX_CONF}:3: trusted-public-keys: 2 keys of FlakeHub are not declared",
    ),
    "one of a vendor's keys": (
        changed(TEAM_KEY, f"{TEAM_KEY} {FLAKEHUB[0]}"),
        f"{NIX_CONF}:3: trusted-public-keys: cache.flakehub.com-3:hJuILl5s… (FlakeHub) is not"
        " declared",
    ),
    "the spelling that serves one kind of client only": (
        changed(f"{TEAM}/ ", f"{TEAM} "),
        f"{NIX_CONF}:2: trusted-substituters: {TEAM} is not declared, {TEAM}/ is missing",
    ),
    "everybody": (
        machine(f"{DECLARED}trusted-users = root * @wheel\n"),
        f"{NIX_CONF}:7: trusted-users: everybody (*) and @wheel are not declared (declared: root)",
    ),
    "not set": (
        changed(f"trusted-substituters = {TEAM}/ {ORG}\n", ""),
        f"{NIX_CONF}: trusted-substituters (not set): {TEAM}/ and {ORG} are missing",
    ),
    "added by an included file": (
        machine(
            f"{DECLARED}include a.conf\n",
            {"/etc/nix/a.conf": "\nextra-trusted-users = mia\n"},
        ),
        "/etc/nix/a.conf:2: trusted-users: mia is not declared (declared: root)",
    ),
    "under its old name": (
        machine(f"{DECLARED}binary-caches = {ORG} {TEAM} https://x.org\n"),
        f"{NIX_CONF}:7: substituters: https://x.org is not declared",
    ),
}
VALUES = {
    "false": (
        changed("fallback = true", "fallback = no"),
        f"{NIX_CONF}:6: fallback is no (declared: true)",
    ),
    "not set, with a default that is known": (
        changed("fallback = true\n", ""),
        f"{NIX_CONF}: fallback is not set, which means false (declared: true)",
    ),
    "another number": (
        changed("connect-timeout = 5", "connect-timeout = 15"),
        f"{NIX_CONF}:5: connect-timeout is 15 (declared: 5)",
    ),
}


@pytest.mark.parametrize("case", [*LISTS, *VALUES])
def test_a_setting_that_differs_is_one_line_that_nixtrust_puts_right(case: str) -> None:
    observed, line = {**LISTS, **VALUES}[case]
    assert said(observed) == [(DRIFT, EDIT, line)]


def test_a_declared_setting_whose_default_is_not_known_is_missed() -> None:
    declared = policy(nix_settings={"fallback": True, "connect-timeout": 5, "max-jobs": "auto"})
    (one,) = findings(declared, machine(), SYSTEM)
    assert str(one) == f"{NIX_CONF}: max-jobs is not set (declared: auto)"


SAME = {
    "order": changed(f"{TEAM} {ORG}\n", f"{ORG} {TEAM}\n"),
    "a trailing slash": changed(f"{TEAM} {ORG}\n", f"{TEAM}/ {ORG.rstrip('/')}\n"),
    "twice": changed(ORG_KEY, f"{ORG_KEY} {ORG_KEY}"),
    "yes": changed("fallback = true", "fallback = yes"),
    "1": changed("fallback = true", "build-fallback = 1"),
}


@pytest.mark.parametrize("case", SAME)
def test_what_means_the_same_is_no_drift(case: str) -> None:
    assert found(SAME[case]) == []


@pytest.mark.parametrize(
    ("setting", "declared", "there"),
    [
        ("keep-outputs", True, "yes"),
        ("keep-outputs", "yes", "1"),
        ("sandbox", "no", "false"),
        ("connect-timeout", 5, "+5"),
        ("experimental-features", "nix-command flakes", "flakes nix-command"),
    ],
)
def test_another_spelling_of_a_further_setting_is_no_drift(
    setting: str, declared: object, there: str
) -> None:
    further = policy(nix_settings={setting: declared})
    assert findings(further, machine(f"{DECLARED}{setting} = {there}\n"), SYSTEM) == ()


@given(st.permutations([TEAM, ORG]), st.permutations([TEAM_KEY, ORG_KEY]))
def test_order_is_never_drift(urls: list[str], keys: list[str]) -> None:
    trusted = " ".join(f"{url.rstrip('/')}/" for url in urls)
    text = f"{DECLARED}substituters = {' '.join(urls)}\ntrusted-substituters = {trusted}\n"
    assert found(machine(f"{text}trusted-public-keys = {' '.join(keys)}\n")) == []


def test_a_slash_behind_a_query_is_another_cache() -> None:
    asking = f"{TEAM}?priority=10"
    keys = [{"url": asking, "public_keys": [TEAM_KEY]}, {"url": ORG, "public_keys": [ORG_KEY]}]
    text = DECLARED.replace(f"{TEAM}/", asking).replace(f"= {TEAM} ", f"= {asking}/ ")
    (one,) = findings(policy(nix_caches=keys), machine(text), SYSTEM)
    assert one.there == f"substituters: {asking}/ is not declared, {asking} is missing"


def test_what_is_declared_no_longer_goes_from_the_block() -> None:
    block = f"{BLOCK_BEGIN}\n{DECLARED}sandbox = false\nmax-jobs = 3\n{BLOCK_END}\n"
    line = f"{NIX_CONF}:8: nixtrust's block says more than is declared: sandbox, max-jobs"
    assert said(machine(block)) == [(DRIFT, EDIT, line)]


def test_a_block_from_before_there_was_a_file_for_peoples_settings_goes() -> None:
    block = f"{BLOCK_BEGIN}\nsandbox = false\n{BLOCK_END}\n"
    observed = machine(f"{block}!include nix.custom.conf\n", {CUSTOM: DECLARED})
    line = f"{NIX_CONF}:2: nixtrust's block says more than is declared: sandbox"
    assert said(observed) == [(DRIFT, EDIT, line)]
    assert observed.nix is not None
    planned = plan(policy(), owner_of(observed), observed.files, observed.nix)
    assert planned is not None
    assert planned.after.tokens("sandbox") is None


# Nix 2.8 and `fallback` ---------------------------------------------------------------------------


def test_a_fallback_that_this_nix_cannot_bear_is_taken_out() -> None:
    observed = machine(nix=OLD_NIX, users=asked(Trust.UNREPORTED))
    assert said(observed, Rule.NOT_BORNE, Rule.SETTING) == [
        (
            DRIFT,
            EDIT,
            f"{NIX_CONF}:6: fallback is true, and Nix 2.8.0 aborts builds then when a cache is"
            " down",
        )
    ]


def test_a_fallback_that_is_left_out_is_a_note() -> None:
    without = DECLARED.replace("fallback = true\n", "")
    assert said(machine(without, nix=OLD_NIX)) == [
        (
            NOTE,
            HAND,
            "fallback is left out: Nix 2.8.0 aborts builds with it when a cache is down;"
            " Nix 2.9 and later bear it",
        )
    ]


# What undermines trust ----------------------------------------------------------------------------

UNDERMINING = {
    "require-sigs = false": (EDIT, "require-sigs = false: what nobody signed is taken"),
    "experimental-features = flakes\naccept-flake-config = true": (
        EDIT,
        "accept-flake-config = true: any flake sets its own caches unasked",
    ),
    "post-build-hook = /opt/hook": (
        HAND,
        "post-build-hook = /opt/hook: a program runs as root after each build; take it out there",
    ),
    "extra-plugin-files = /opt/p.so": (
        HAND,
        "plugin-files = /opt/p.so: foreign code is loaded into Nix, the daemon too;"
        " take it out there",
    ),
    "build-use-substitutes = no": (EDIT, "substitute = no: no declared cache is ever asked"),
    "build-users-group =": (
        HAND,
        "an empty build-users-group: anybody's build runs as root; take it out there",
    ),
    "auto-allocate-uids = true\nstart-id = 1000": (
        HAND,
        "start-id = 1000: anybody's build runs as root, or as one of the machine's people;"
        " take it out there",
    ),
}


HOOKS = {
    "pre-build-hook = /opt/hook": "a program runs as root before each build",
    "run-diff-hook = true\ndiff-hook = /opt/hook": (
        "a program runs after builds that came out otherwise"
    ),
    "build-hook = /opt/hook": "a program decides who builds, and is believed",
    "external-builders = *** *** /opt/hook": "a program builds in Nix's place, and is believed",
}


@pytest.mark.parametrize("lines", HOOKS)
def test_a_program_that_decides_what_is_built_is_for_a_person_to_judge(lines: str) -> None:
    (one,) = found(machine(f"{DECLARED}{lines}\n"))
    assert (one.rule, one.weight, one.remedy) == (Rule.UNDERMINED, DRIFT, HAND)
    assert one.there.endswith(f"/opt/hook: {HOOKS[lines]}")


def test_other_machines_that_build_are_a_note() -> None:
    observed = machine(f"{DECLARED}builders = *** /etc/nix/key\n")
    line = (
        f"{NIX_CONF}:7: builders = *** /etc/nix/key: what other machines build is taken without a"
        " signature"
    )
    assert said(observed) == [(NOTE, HAND, line)]


@pytest.mark.parametrize(
    "lines", ["builders =", "build-hook =", "diff-hook = /opt/hook", "run-diff-hook = true"]
)
def test_a_hook_that_is_not_run_undermines_nothing(lines: str) -> None:
    assert found(machine(f"{DECLARED}{lines}\n")) == []


@pytest.mark.parametrize(
    "store",
    [
        "local?require-sigs=false",
        "auto?require-sigs=no",
        "auto?priority=1&require-sigs=0",
        "local?***",
        "local?require-sigs=***",
        "local?root=/mnt",
        "/?require-sigs=false",
        "***",
        "daemon",
        "unix:///tmp/socket",
        "ssh-ng://builder",
    ],
)
def test_a_store_that_is_not_this_machines_as_it_is_undermines_trust(store: str) -> None:
    (one,) = found(machine(f"{DECLARED}store = {store}\n"))
    assert (one.rule, one.weight, one.remedy) == (Rule.UNDERMINED, DRIFT, HAND)
    assert one.there == (
        f"store = {store}: another store stands in for this machine's, or takes what nobody signed"
    )


@pytest.mark.parametrize(
    "lines",
    [
        "store =",
        "store = auto",
        "store = local",
        "store = local?require-sigs=true",
        "store = auto?priority=1&max-connections=4",
        "substitute = true",
        "build-users-group = nixbld",
        "experimental-features = auto-allocate-uids\n"
        "auto-allocate-uids = true\nbuild-users-group =",
        "auto-allocate-uids = true\nstart-id = 872415232",
        "auto-allocate-uids = true\nstart-id = 56930",
        "start-id = 0",
    ],
)
def test_what_leaves_trust_as_it_is_is_no_finding(lines: str) -> None:
    assert found(machine(f"{DECLARED}{lines}\n")) == []


def test_without_the_feature_no_build_has_a_user_of_its_own() -> None:
    lines = "auto-allocate-uids = true\nbuild-users-group =\n"
    assert [each.rule for each in found(machine(f"{DECLARED}{lines}"))] == [Rule.UNDERMINED]


@pytest.mark.parametrize(
    ("nix", "is_told"),
    [
        ("nix (Nix) 2.34.8", False),
        ("nix (Nix) 2.34.9", True),
        ("nix (Nix) 2.36.0", True),
        ("nix (Lix, like Nix) 2.95.3", False),
        ("nix (Lix, like Nix) 2.96.0", True),
    ],
)
def test_a_setting_that_may_have_come_since_is_noted(nix: str, is_told: bool) -> None:
    observed = machine(f"{DECLARED}max-jobs = 1\nset-afterwards = yes\n", nix=nix)
    newest = str(NEWEST_JUDGED["lix" if "Lix" in nix else "nix"])
    line = (
        f"{NIX_CONF}:8: set-afterwards is not judged: {newest} and earlier do not have it;"
        " see in the manual what it does to trust"
    )
    assert said(observed) == ([(NOTE, HAND, line)] if is_told else [])


def test_what_voids_trust_on_a_machine_is_sent_and_refused_where_it_is_declared() -> None:
    voids = [each for each in SETTINGS.values() if each.effect.voids]
    assert len(voids) > 10
    for each in voids:
        assert each.sent is not Sent.NOTHING
        with pytest.raises(Refused, match="cannot be declared here"):
            policy(nix_settings={each.name: "/opt/hook"})


@pytest.mark.parametrize("lines", UNDERMINING)
def test_what_undermines_trust_is_drift(lines: str) -> None:
    remedy, text = UNDERMINING[lines]
    number = 7 + lines.count("\n")
    observed = machine(f"{DECLARED}{lines}\n")
    assert said(observed) == [(DRIFT, remedy, f"{NIX_CONF}:{number}: {text}")]


def test_what_undermines_trust_from_a_file_that_is_not_written_stays_for_a_person() -> None:
    files = {"/etc/nix/a.conf": "require-sigs = false\n"}
    (one,) = found(machine(f"{DECLARED}include a.conf\n", files))
    assert (one.rule, one.remedy, one.where) == (Rule.UNDERMINED, HAND, "/etc/nix/a.conf:1")


def test_accept_flake_config_counts_for_nothing_without_flakes() -> None:
    assert found(machine(f"{DECLARED}accept-flake-config = true\n")) == []


# What Nix reads besides ---------------------------------------------------------------------------

ROOTS = "/root/.config/nix/nix.conf"


@pytest.mark.parametrize("path", ["/etc/xdg/nix/nix.conf", ROOTS])
def test_a_line_that_the_daemon_reads_after_nix_conf_blocks_and_is_named(path: str) -> None:
    observed = machine(DECLARED, {path: "\ntrusted-users = *\n"})
    line = (
        f"{path}:2: trusted-users: everybody (*) is not declared, root is missing (declared: root);"
        f" that line wins over {NIX_CONF}: take it out"
    )
    assert said(observed) == [(DRIFT, BLOCKS, line)]


@pytest.mark.parametrize("path", ["/etc/xdg/nix/nix.conf", ROOTS])
def test_what_undermines_trust_besides_nix_conf_is_for_a_person(path: str) -> None:
    line = f"{path}:1: require-sigs = no: what nobody signed is taken; take it out there"
    for observed in (
        machine(DECLARED, {path: "require-sigs = no\n"}),
        machine(DECLARED, {path: "require-sigs = no\n"}, evidence=frozenset({"nixos"})),
    ):
        assert said(observed) == [(DRIFT, HAND, line)]


def test_what_nixos_did_not_write_is_not_to_be_said_in_its_module() -> None:
    observed = machine(
        DECLARED, {ROOTS: "extra-trusted-users = mia\n"}, evidence=frozenset({"nixos"})
    )
    line = f"{ROOTS}:1: trusted-users: mia is not declared (declared: root); take it out there"
    assert said(observed) == [(DRIFT, HAND, line)]


# Owners -------------------------------------------------------------------------------------------

VENDORS = f"""\
!include nix.custom.conf
extra-substituters = https://install.determinate.systems
extra-trusted-public-keys = {" ".join(FLAKEHUB)}
"""
DETERMINATE = frozenset({"determinate-nixd"})


def test_what_determinate_brings_back_at_each_start_is_a_note() -> None:
    observed = machine(VENDORS, {CUSTOM: DECLARED}, evidence=DETERMINATE)
    assert said(observed) == [
        (
            NOTE,
            HAND,
            f"{NIX_CONF}:2: substituters: https://install.determinate.systems (Determinate"
            " Systems) is brought back at each start of the daemon",
        ),
        (
            NOTE,
            HAND,
            f"{NIX_CONF}:3: trusted-public-keys: 2 keys of FlakeHub are brought back at each start"
            " of the daemon",
        ),
    ]


def test_a_header_that_determinate_left_behind_brings_nothing_back() -> None:
    observed = machine(VENDORS, {CUSTOM: DECLARED}, headers={NIX_CONF: "determinate"})
    assert {(each.weight, each.remedy) for each in found(observed)} == {(DRIFT, BLOCKS)}


def test_a_vendors_cache_elsewhere_is_drift() -> None:
    observed = machine(VENDORS, {CUSTOM: DECLARED})
    assert {(each.weight, each.remedy) for each in found(observed)} == {(DRIFT, EDIT)}


def test_a_foreign_cache_that_determinate_brings_back_blocks_and_is_named() -> None:
    observed = machine(
        f"{VENDORS}extra-substituters = https://x.org\n",
        {CUSTOM: DECLARED},
        evidence=DETERMINATE,
    )
    (one,) = [each for each in found(observed) if each.weight is DRIFT]
    assert one.remedy is BLOCKS
    assert str(one) == (
        f"{NIX_CONF}:4: substituters: https://x.org is not declared;"
        f" that line wins over {CUSTOM}: take it out"
    )


def test_a_line_that_wins_from_another_file_is_named_beside_the_one_that_differs() -> None:
    observed = machine(
        "!include nix.custom.conf\nextra-trusted-users = mia\n",
        {CUSTOM: DECLARED.replace("= root", "= root baleen")},
        evidence=DETERMINATE,
    )
    (one,) = found(observed, Rule.SETTING)
    assert str(one) == (
        f"{CUSTOM}:4: trusted-users: baleen and mia are not declared (declared: root);"
        f" {NIX_CONF}:2 wins over {CUSTOM}: take it out"
    )


@pytest.mark.parametrize(
    ("observed", "to_do"),
    [
        (
            machine("", links={NIX_CONF: "/nix/store/x-nix.conf"}),
            f"NixOS writes {NIX_CONF}: add the printed module, then `nixos-rebuild switch`",
        ),
        (
            machine("", headers={NIX_CONF: "nix-darwin"}),
            f"nix-darwin writes {NIX_CONF}: add the printed module, then `darwin-rebuild switch`",
        ),
        (
            machine(
                "!include nix.custom.conf\n",
                {CUSTOM: ""},
                {CUSTOM: "/etc/static/nix/nix.custom.conf"},
                evidence=DETERMINATE,
            ),
            f"Determinate's module writes {CUSTOM}: add the printed module,"
            " then `darwin-rebuild switch`",
        ),
        (
            machine("", links={NIX_CONF: "/home/baleen/nix.conf"}),
            "the file is a link: put it right where it leads",
        ),
    ],
)
def test_what_is_not_ours_to_write_is_for_a_person_who_is_told_how(
    observed: Machine, to_do: str
) -> None:
    settings = found(observed, Rule.SETTING)
    assert {(each.remedy, each.to_do) for each in settings} == {(HAND, to_do)}
    assert len(settings) == 5


def test_nobody_is_a_trusted_user_of_a_persons_own_store() -> None:
    without = DECLARED.replace("trusted-users = root\n", "build-users-group =\n")
    observed = machine(
        "trusted-users = root *\n",
        {OWN: without},
        store_owner="baleen",
        daemon=NO_DAEMON,
        users=(replace(ROOT, trust=Trust.NO_DAEMON), replace(BALEEN, trust=Trust.NO_DAEMON)),
    )
    assert found(observed) == []
