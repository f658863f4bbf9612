"""The running daemon, held against its configuration and against what is declared."""

from dataclasses import replace

import pytest

from nixtrust.findings import Remedy, Rule, Weight, findings, restarts
from nixtrust.machine import Daemon, FileStatus, Machine, Manager, Trust, User
from tests.unit.observed import (
    BALEEN,
    CUSTOM,
    DECLARED,
    NIX_CONF,
    NO_DAEMON,
    OLD_NIX,
    ROOT,
    RUNNING,
    STARTED,
    SYSTEM,
    asked,
    found,
    machine,
    policy,
    said,
)

DRIFT, UNKNOWN, NOTE = Weight
MEND, EDIT, RESTART, REMOVE, HAND, BLOCKS = Remedy


def changed_at(seconds: float, whose: str = "system") -> dict[str, FileStatus]:
    return {NIX_CONF: FileStatus(whose, "1:2:3", seconds, "", "")}


@pytest.mark.parametrize(
    ("started", "changed", "stale"),
    [
        (10.5, 10.4, False),
        (10.5, 10.5, False),
        (10.5, 10.6, True),
        # To the second only: what changed within that second may have been read.
        (10.0, 10.9, False),
        (10.0, 11.0, True),
    ],
)
def test_a_daemon_is_stale_if_it_is_strictly_older(
    started: float, changed: float, stale: bool
) -> None:
    observed = machine(
        daemon=replace(RUNNING, started=started),
        status=changed_at(changed),
    )
    line = f"{NIX_CONF}: newer than the running daemon, which has not read it"
    assert said(observed) == ([(DRIFT, RESTART, line)] if stale else [])


@pytest.mark.parametrize(
    ("daemon", "how"),
    [
        (
            replace(RUNNING, started=None),
            ": `systemctl restart nix-daemon.service`, `journalctl -u nix-daemon.service`",
        ),
        (replace(NO_DAEMON, socket=True), ""),
    ],
)
def test_a_daemon_of_which_the_start_is_not_known_may_have_read_anything(
    daemon: Daemon, how: str
) -> None:
    line = (
        "when the daemon was started is not known, so nor is what it has read;"
        f" restart it there after each change{how}"
    )
    assert said(machine(daemon=daemon)) == [(UNKNOWN, HAND, line)]


def test_a_daemon_that_does_not_run_will_read_what_is_there() -> None:
    assert found(machine(daemon=replace(RUNNING, started=None, state="inactive"))) == []


def test_a_daemon_that_died_since_nix_conf_was_written_is_restarted() -> None:
    users = (replace(ROOT, trust=Trust.FAILED), BALEEN)
    dead = machine(users=users, restart_pending=True)
    line = "the Nix daemon does not answer (nix-daemon.service is active)"
    assert said(dead, Rule.DAEMON_DEAD) == [(UNKNOWN, RESTART, line)]
    alone = replace(dead, daemon=replace(NO_DAEMON, socket=True))
    assert [each.remedy for each in found(alone, Rule.DAEMON_DEAD)] == [BLOCKS]


def test_a_daemon_that_nixtrust_cannot_restart_is_for_a_person() -> None:
    alone = replace(NO_DAEMON, socket=True, started=STARTED)
    assert found(machine(daemon=alone)) == []
    line = f"{NIX_CONF}: newer than the running daemon, which has not read it; restart it there"
    assert said(machine(daemon=alone, status=changed_at(STARTED + 1))) == [(DRIFT, HAND, line)]


@pytest.mark.parametrize(
    ("daemon", "look"),
    [
        (RUNNING, "systemctl cat nix-daemon.service"),
        (
            replace(RUNNING, manager=Manager.LAUNCHD, unit="org.nixos.nix-daemon"),
            "/Library/LaunchDaemons/org.nixos.nix-daemon.plist",
        ),
    ],
)
def test_what_configures_the_daemon_besides_files_is_for_a_person(
    daemon: Daemon, look: str
) -> None:
    observed = machine(daemon=replace(daemon, overrides=("NIX_CONFIG", "--option")))
    (one,) = found(observed)
    assert (one.rule, one.weight, one.remedy) == (Rule.UNDERMINED, DRIFT, HAND)
    assert (
        one.there == f"{daemon.unit} configures the daemon besides nix.conf: NIX_CONFIG, --option"
    )
    assert look in one.to_do


def test_what_a_user_changed_at_home_makes_no_daemon_stale() -> None:
    assert found(machine(status=changed_at(STARTED + 1, "user:baleen"))) == []


@pytest.mark.parametrize("path", ["/etc/xdg/nix/nix.conf", "/root/.config/nix/nix.conf"])
def test_what_the_daemon_reads_besides_nix_conf_makes_it_stale(path: str) -> None:
    observed = machine(files={path: "max-jobs = 3\n"})
    newer = {path: FileStatus("system", "1:2:3", STARTED + 1, "", "")}
    (one,) = found(replace(observed, status={**observed.status, **newer}))
    assert (one.rule, one.remedy, one.where) == (Rule.RESTART, RESTART, path)


def test_what_determinate_writes_as_it_starts_makes_it_no_older() -> None:
    parent = "!include nix.custom.conf\n"
    observed = machine(parent, {CUSTOM: DECLARED}, evidence=frozenset({"determinate-nixd"}))
    status = {**observed.status, **changed_at(STARTED + 1)}
    assert found(replace(observed, status=status)) == []
    newer = replace(status[CUSTOM], changed=STARTED + 1)
    (one,) = found(replace(observed, status={**status, CUSTOM: newer}))
    assert (one.rule, one.where) == (Rule.RESTART, CUSTOM)


def test_a_file_that_may_have_gone_since_the_daemon_started_makes_it_stale() -> None:
    path = "/etc/xdg/nix/nix.conf"
    observed = machine(files={path: None})
    gone = {path: FileStatus("system", "absent", STARTED + 1, "", "")}
    line = f"{path}: perhaps gone since the daemon was started, which may have read it"
    status = {**observed.status, **gone}
    assert said(replace(observed, status=status)) == [(DRIFT, RESTART, line)]


def test_a_connection_from_before_the_restart_is_told_with_how_to_end_it() -> None:
    there = "2 connections to the daemon from before its restart: the old configuration holds"
    to_do = "it ends with what is built there, or by `kill 12 34`"
    [line] = said(machine(earlier_connections=(12, 34)))
    assert line[0] is NOTE
    assert line[2] == f"{there}; {to_do}"
    assert said(machine()) == []


def test_a_restart_that_a_run_left_undone_is_due() -> None:
    line = "nix.conf was written, the daemon not yet restarted"
    assert said(machine(restart_pending=True)) == [(DRIFT, RESTART, line)]


@pytest.mark.parametrize(
    ("nix", "is_due"),
    [
        ("nix (Lix, like Nix) 2.94.0", False),
        ("nix (Lix, like Nix) 2.93.3", True),
        ("nix (Nix) 2.95.0", True),
    ],
)
def test_a_lix_that_reads_anew_for_each_connection_is_not_restarted(nix: str, is_due: bool) -> None:
    observed = machine(nix=nix, restart_pending=True)
    assert restarts(observed) is is_due
    assert bool(found(observed, Rule.RESTART)) is is_due


@pytest.mark.parametrize(
    ("trust", "users", "expected"),
    [
        (Trust.TRUSTED, ["root"], "the running daemon trusts baleen (declared: not trusted)"),
        (
            Trust.UNTRUSTED,
            ["root", "baleen"],
            "the running daemon does not trust baleen (declared: trusted)",
        ),
        (
            Trust.NO_ACCESS,
            ["root", "baleen"],
            "baleen is declared trusted but may not open the daemon's socket;"
            " add the account to the socket's group",
        ),
        (Trust.UNTRUSTED, ["root"], None),
        (Trust.TRUSTED, ["root", "baleen"], None),
        (Trust.NO_ACCESS, ["root"], None),
        # Only the daemon knows who is in a group.
        (Trust.TRUSTED, ["root", "@devs"], None),
        (Trust.UNTRUSTED, ["root", "@devs"], None),
        (Trust.TRUSTED, ["root", "@others"], "the running daemon trusts baleen"),
    ],
)
def test_the_live_daemon_is_held_against_the_declaration(
    trust: Trust, users: list[str], expected: str | None
) -> None:
    observed = machine(
        DECLARED.replace("= root\n", f"= {' '.join(users)}\n"),
        users=asked(trust, groups=("baleen", "devs")),
    )
    declared = policy(nix_trusted_users=users)
    lines = [str(each) for each in findings(declared, observed, SYSTEM)]
    assert [line.startswith(expected or "") for line in lines] == ([True] if expected else [])


@pytest.mark.parametrize(
    ("observed", "remedy", "to_do"),
    [
        (machine("", users=asked(Trust.TRUSTED)), RESTART, ""),
        (machine(users=asked(Trust.TRUSTED), restart_pending=True), RESTART, ""),
        (machine(users=asked(Trust.TRUSTED), daemon=replace(RUNNING, started=None)), RESTART, ""),
        (machine(users=asked(Trust.TRUSTED), status=changed_at(STARTED - 0.1)), RESTART, ""),
        (
            machine(users=asked(Trust.TRUSTED), status=changed_at(STARTED - 1)),
            HAND,
            "its configuration says otherwise: look at how it is started",
        ),
        (
            machine(users=asked(Trust.TRUSTED), daemon=replace(NO_DAEMON, socket=True)),
            HAND,
            "restart it there",
        ),
        (
            machine(
                "trusted-users = root baleen\n",
                links={NIX_CONF: "/opt/nix.conf"},
                users=asked(Trust.TRUSTED),
                daemon=replace(NO_DAEMON, socket=True),
            ),
            HAND,
            "its configuration says so",
        ),
        (
            machine(
                "trusted-users = *\n",
                links={NIX_CONF: "/nix/store/x-nix.conf"},
                users=asked(Trust.TRUSTED),
            ),
            HAND,
            "its configuration says so",
        ),
    ],
)
def test_a_daemon_is_restarted_only_where_that_can_help(
    observed: Machine, remedy: Remedy, to_do: str
) -> None:
    (one,) = found(observed, Rule.TRUST)
    assert (one.weight, one.remedy, one.to_do) == (DRIFT, remedy, to_do)


def test_a_nix_that_does_not_tell_whom_it_trusts_is_noted_once() -> None:
    without = DECLARED.replace("fallback = true\n", "")
    users = tuple(replace(user, trust=Trust.UNREPORTED) for user in (ROOT, BALEEN))
    assert said(machine(without, nix=OLD_NIX, users=users), Rule.TRUST) == [
        (
            NOTE,
            HAND,
            "Nix 2.8.0 does not tell whom its daemon trusts; Nix 2.15 and later do",
        )
    ]


def test_a_nix_that_would_tell_whom_it_trusts_and_does_not_is_unknown() -> None:
    line = (
        "the daemon does not tell whether it trusts baleen; Nix 2.26.3 does: see that the daemon is"
        " of the same Nix, then run again"
    )
    assert said(machine(users=asked(Trust.UNREPORTED))) == [(UNKNOWN, HAND, line)]


def test_a_user_whom_the_daemon_could_not_be_asked_for_is_unknown() -> None:
    observed = machine(users=asked(Trust.FAILED, "unexpected end-of-file"))
    assert said(observed) == [
        (
            UNKNOWN,
            HAND,
            "the daemon could not be asked as baleen: unexpected end-of-file;"
            " run again; if it stays, try `nix store info` as that user",
        )
    ]


def test_a_user_whom_the_daemon_was_not_asked_for_is_unknown() -> None:
    (one,) = found(machine(users=asked(Trust.NOT_ASKED)))
    assert (one.weight, one.there) == (UNKNOWN, "the daemon could not be asked as baleen")


def many(trust: Trust, number: int, words: str = "") -> tuple[User, ...]:
    return ROOT, *(
        replace(BALEEN, name=f"u{n}", uid=2000 + n, trust=trust, words=words) for n in range(number)
    )


def test_of_accounts_beyond_those_that_are_asked_there_is_one_finding_and_what_to_do() -> None:
    line = (
        "the daemon was not asked as u0, u1, u2 and 197 more: it is asked as 100 accounts at most;"
        " remove accounts and homes of people who have left, or let the directory that they come"
        " from not list all (sssd.conf: `enumerate = false`)"
    )
    assert said(machine(users=many(Trust.TOO_MANY, 200))) == [(UNKNOWN, HAND, line)]


@pytest.mark.parametrize("trust", [Trust.FAILED, Trust.NOT_ASKED])
def test_whom_the_daemon_could_not_be_asked_for_in_the_same_way_is_told_once(trust: Trust) -> None:
    users = (*many(trust, 3, "no answer"), replace(BALEEN, trust=trust, words="it crashed"))
    assert [each.there for each in found(machine(users=users))] == [
        "the daemon could not be asked as u0, u1 and u2: no answer",
        "the daemon could not be asked as baleen: it crashed",
    ]


def test_whom_a_daemon_does_not_tell_of_is_a_short_list() -> None:
    (one,) = found(machine(users=many(Trust.UNREPORTED, 50)))
    assert "whether it trusts u0, u1, u2 and 47 more" in one.there


def test_looked_at_without_root_all_others_are_covered_by_one_finding() -> None:
    users = (replace(ROOT, trust=Trust.NOT_ASKED), replace(BALEEN, trust=Trust.FAILED))
    assert [each.rule for each in found(machine(uid=1000, users=users))] == [Rule.NOT_ROOT]
