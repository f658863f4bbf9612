"""The transaction's script: which steps, in which order, with what they are told."""

import re
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.conf import BLOCK_BEGIN, BLOCK_END, MANAGED
from nixtrust.machine import Machine
from nixtrust.owners import owner_of
from nixtrust.plan import Unkept, plan, restores
from nixtrust.policy import Policy
from nixtrust.scripts import (
    Script,
    probe_functions,
    restart_script,
    undo_script,
    write_script,
)
from tests.unit.observed import CUSTOM, DECLARED, NIX_CONF, NO_DAEMON, OLD_NIX, machine, policy

POLICY = policy()


def steps(script: Script) -> list[list[str]]:
    """The calls at the script's end, as a shell would split them."""
    text = "".join(script)
    calls = shlex.split(text[text.rindex("\nbegin ") :], comments=False)
    names = {
        *("begin", "keep_without", "change", "restore", "check", "announce_restart"),
        *("keep_originals", "put_in_place", "restart_daemon", "finish"),
    }
    found: list[list[str]] = []
    for word in calls:
        if word == "}":
            break
        if word in names:
            found.append([])
        found[-1].append(word)
    return found


def written(
    observed: Machine, restarts: bool = True, declared: Policy = POLICY, *its: Unkept
) -> list[list[str]]:
    assert observed.nix is not None
    owner = owner_of(observed)
    planned = plan(declared, owner, observed.files, observed.nix)
    assert planned is not None
    return steps(write_script(planned, observed, owner, restarts, its))


def test_nix_reads_before_anything_is_put_in_place_and_the_daemon_restarts_after_it() -> None:
    assert [step[0] for step in written(machine("max-jobs = 3\n"))] == [
        *("begin", "change", "check", "announce_restart", "keep_originals", "put_in_place"),
        *("restart_daemon", "finish"),
    ]


def test_where_no_daemon_is_to_be_restarted_none_is_announced() -> None:
    names = [step[0] for step in written(machine(""), restarts=False)]
    assert names == ["begin", "change", "check", "keep_originals", "put_in_place", "finish"]


def test_a_change_says_which_file_it_was_which_lines_go_and_what_comes() -> None:
    _, change, *_ = written(machine("max-jobs = 3\ntrusted-users = mia\nbinary-caches =\n"))
    assert change == [
        *("change", NIX_CONF, "1:2:3", "2d;3d"),
        f"{BLOCK_BEGIN}\n{DECLARED}{BLOCK_END}",
    ]


def test_both_files_of_an_installer_change_in_one_transaction() -> None:
    calls = written(machine("!include nix.custom.conf\ntrusted-users = mia\n"))
    assert [step[1:4] for step in calls if step[0] == "change"] == [
        [CUSTOM, "absent", ""],
        [NIX_CONF, "1:2:3", "2d"],
    ]


def expected(calls: list[list[str]]) -> list[str]:
    (check,) = (step for step in calls if step[0] == "check")
    return check[1].split("\n")


def test_nix_is_expected_to_print_what_is_declared_words_sorted() -> None:
    lines = expected(written(machine("require-sigs = false\n")))
    assert lines == sorted(lines)
    assert [line.split(" ")[0] for line in lines] == sorted(
        [*(line.split(" ")[0] for line in DECLARED.splitlines()), "require-sigs"]
    )
    assert "require-sigs true" in lines
    assert all(line.split(" ")[1:] == sorted(line.split(" ")[1:]) for line in lines)


FURTHER = {
    "experimental-features": ["nix-command", "flakes"],
    "max-jobs": "auto",
    "keep-outputs": "yes",
    "min-free": "1G",
    "connect-timeout": "05",
}


def test_what_nix_prints_in_another_form_than_was_written_is_not_expected_as_written() -> None:
    lines = expected(written(machine(""), declared=policy(nix_settings=FURTHER)))
    names = {line.split(" ")[0] for line in lines}
    assert names == {*MANAGED, "connect-timeout"}
    assert "connect-timeout 5" in lines


@pytest.mark.parametrize(("features", "is_expected"), [("", False), (" flakes", True)])
def test_what_nix_hides_without_flakes_is_not_expected(features: str, is_expected: bool) -> None:
    declared = policy(nix_settings={"experimental-features": f"nix-command{features}"})
    there = "experimental-features = nix-command flakes\naccept-flake-config = true\n"
    lines = expected(written(machine(there), declared=declared))
    assert ("accept-flake-config false" in lines) is is_expected


def test_what_cannot_be_borne_is_expected_to_be_off() -> None:
    assert "fallback false" in expected(written(machine("fallback = true\n", nix=OLD_NIX)))


def test_what_another_folders_file_decides_is_not_expected() -> None:
    observed = machine("require-sigs = false\n", store_owner="baleen", daemon=NO_DAEMON)
    assert not [line for line in expected(written(observed)) if line.startswith("require-sigs")]


def test_what_is_not_kept_of_a_file_is_said_before_it_is_changed() -> None:
    its = Unkept(NIX_CONF, "1:2:4", ((3, 7), (9, 12)))
    calls = written(machine("max-jobs = 3\n"), False, POLICY, its)
    assert calls[1] == ["keep_without", NIX_CONF, "1:2:4", "3:7 9:12"]
    assert calls[2][0] == "change"


def test_no_step_names_a_file_by_what_is_sent_in_place_of_its_name() -> None:
    included = {"/etc/nix/<token>.conf": "max-jobs = 3\n", "/etc/nix/a.conf": ""}
    calls = written(machine("!include <token>.conf\n!include a.conf\n", included))
    [check] = [step for step in calls if step[0] == "check"]
    assert check[2:] == [NIX_CONF, "/etc/nix/a.conf"]


def test_a_restart_alone_writes_nothing() -> None:
    names = [step[0] for step in steps(restart_script(machine(), owner_of(machine())))]
    assert names == ["begin", "announce_restart", "restart_daemon", "finish"]


def test_the_way_back_says_what_is_nixtrusts_in_both_files() -> None:
    original = f"{NIX_CONF}.before-nixtrust"
    observed = machine(
        f"{BLOCK_BEGIN}\n{DECLARED}{BLOCK_END}\n", {original: "max-jobs = 3\nfallback = no\n"}
    )
    owner = owner_of(observed)
    undone = restores(POLICY, owner, observed.files)
    block = ";".join(f"{number}d" for number in range(1, 9))
    calls = steps(undo_script(undone, observed, owner, restarts=True))
    assert calls[1] == ["restore", NIX_CONF, "1:2:3", block, block, "2d", "", ""]
    assert [step[0] for step in calls[2:]] == [
        *("check", "announce_restart", "put_in_place", "restart_daemon", "finish")
    ]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="/")))
def test_no_path_is_more_than_a_word_to_the_shell(name: str) -> None:
    folder = f"/home/{name}/x"
    observed = replace(machine(None), conf_dir=folder)
    calls = written(replace(observed, files={}, status={}))
    assert calls[0] == ["begin", folder]
    assert calls[1][1:3] == [f"{folder}/nix.conf", "absent"]


@pytest.mark.parametrize("setting", ["fallback", "max-jobs", "trusted-users", "require-sigs"])
def test_the_probe_may_send_what_is_judged_or_declared(setting: str) -> None:
    judged = re.search(r"^judged='(.*)'$", probe_functions({"max-jobs": "auto"}), re.M)
    assert judged is not None
    assert setting in [word.partition("=")[0] for word in judged[1].split()]


@pytest.mark.parametrize("setting", ["access-tokens", "netrc-file", "secret-key-files"])
def test_the_probe_may_not_send_what_holds_secrets(setting: str) -> None:
    judged = re.search(r"^judged='(.*)'$", probe_functions({"max-jobs": "auto"}), re.M)
    assert judged is not None
    assert setting not in [word.partition("=")[0] for word in judged[1].split()]


def test_the_check_is_told_which_files_there_are() -> None:
    calls = written(machine("!include nix.custom.conf\n", {CUSTOM: "fallback = true\n"}))
    (check,) = (step for step in calls if step[0] == "check")
    assert sorted(check[2:]) == [NIX_CONF, CUSTOM]
