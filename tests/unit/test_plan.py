"""The edits that bring a configuration to what is declared, and what they take from whom."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from nixtrust.conf import BLOCK_BEGIN, BLOCK_END, ConfFile, apply, fold, parse
from nixtrust.findings import Remedy, Rule, findings
from nixtrust.machine import Machine
from nixtrust.nix_version import NixVersion
from nixtrust.owners import owner_of, reads
from nixtrust.plan import Unkept, difference, losses, plan, restored, restores, unkept, wanted
from nixtrust.stored import Hindrance
from tests.lab.conf_generator import Tree, cases, root
from tests.unit.observed import (
    CUSTOM,
    DECLARED,
    NIX_CONF,
    NO_DAEMON,
    OLD_NIX,
    ORG,
    ORG_KEY,
    SYSTEM,
    TEAM,
    TEAM_KEY,
    WRONG_KEY,
    credential,
    machine,
    policy,
)

POLICY = policy()
BLOCK = f"{BLOCK_BEGIN}\n{DECLARED}{BLOCK_END}\n"
OWN = "/home/baleen/.config/nix/nix.conf"


def planned(observed: Machine) -> Mapping[str, str]:
    """The text of each file that a plan changes."""
    assert observed.nix is not None
    made = plan(POLICY, owner_of(observed), observed.files, observed.nix)
    assert made is not None
    return {edit.path: apply(_text(observed, edit.path), edit) for edit in made.edits}


def _text(observed: Machine, path: str) -> str:
    file = observed.files.get(path)
    return file.text if isinstance(file, ConfFile) else ""


def after(observed: Machine) -> Machine:
    """The machine once the plan was carried out."""
    written = {path: parse(path, text) for path, text in planned(observed).items()}
    return replace(observed, files={**observed.files, **written})


# Examples -----------------------------------------------------------------------------------------


def test_the_block_goes_to_the_end_and_every_line_of_its_settings_goes() -> None:
    conf = (
        "# mine\nmax-jobs = 3\nbinary-caches = https://x.org\nextra-trusted-users = mia\n"
        "build-fallback = false\n# the end"
    )
    assert planned(machine(conf)) == {
        NIX_CONF: f"# mine\nmax-jobs = 3\n# the end\n{BLOCK}",
    }


def test_a_file_that_says_it_already_is_not_edited() -> None:
    assert planned(machine(f"max-jobs = 3\n{BLOCK}")) == {}


def test_what_undermines_trust_goes_with_it() -> None:
    assert planned(machine("require-sigs = false\n")) == {NIX_CONF: BLOCK}


def test_a_hook_stays_for_a_person_to_judge() -> None:
    hook = "post-build-hook = /opt/hook\n"
    assert planned(machine(hook)) == {NIX_CONF: f"{hook}{BLOCK}"}


def test_a_file_for_peoples_settings_gets_the_block_and_the_parent_stays() -> None:
    parent = "trusted-users = root mia\n!include nix.custom.conf\n"
    observed = machine(parent, {CUSTOM: "max-jobs = 3\n"})
    assert planned(observed) == {CUSTOM: f"max-jobs = 3\n{BLOCK}"}


def test_of_the_parent_only_the_lines_that_win_go() -> None:
    parent = (
        "substituters = https://a.org\n!include nix.custom.conf\n"
        "trusted-users = root mia\nextra-trusted-public-keys = old-1:AAAA\nmax-jobs = 3\n"
    )
    assert planned(machine(parent)) == {
        CUSTOM: BLOCK,
        NIX_CONF: "substituters = https://a.org\n!include nix.custom.conf\nmax-jobs = 3\n",
    }


def test_before_2_20_every_plain_line_of_the_parent_wins_and_goes() -> None:
    parent = "substituters = https://a.org\nmax-jobs = 3\n!include nix.custom.conf\n"
    assert planned(machine(parent, nix="nix (Nix) 2.18.1")) == {
        CUSTOM: BLOCK,
        NIX_CONF: "max-jobs = 3\n!include nix.custom.conf\n",
    }


def test_determinates_own_file_is_not_edited_whatever_it_says() -> None:
    parent = "!include nix.custom.conf\ntrusted-users = root mia\n"
    observed = machine(parent, evidence=frozenset({"determinate-nixd"}))
    assert planned(observed) == {CUSTOM: BLOCK}
    assert observed.nix is not None
    made = plan(POLICY, owner_of(observed), observed.files, observed.nix)
    assert made is not None
    assert made.defeated == ("trusted-users",)


def test_what_is_not_ours_to_write_has_no_plan() -> None:
    observed = machine("", links={NIX_CONF: "/nix/store/x-nix.conf"})
    assert observed.nix is not None
    assert plan(POLICY, owner_of(observed), observed.files, observed.nix) is None


def test_fallback_is_left_out_and_taken_out_where_nix_cannot_bear_it() -> None:
    block = BLOCK.replace("fallback = true\n", "")
    assert planned(machine("fallback = true\n", nix=OLD_NIX)) == {NIX_CONF: block}


def test_a_line_that_nix_bears_stays_where_it_wins_over_one_that_it_does_not() -> None:
    conf = "include team.conf\nfallback = false\n"
    observed = machine(conf, {"/etc/nix/team.conf": "fallback = true\n"}, nix=OLD_NIX)
    assert planned(observed) == {NIX_CONF: conf + BLOCK.replace("fallback = true\n", "")}


def test_a_persons_own_store_has_no_trusted_users_and_leaves_the_systems_file() -> None:
    observed = machine(
        "trusted-users = root mia\n",
        {OWN: "substituters = https://x.org\n"},
        store_owner="baleen",
        daemon=NO_DAEMON,
    )
    assert planned(observed) == {OWN: BLOCK.replace("trusted-users = root\n", "")}


@pytest.mark.parametrize("borne", ["nix (Nix) 2.9.0", "nix (Lix, like Nix) 2.90.0"])
def test_fallback_is_wanted_where_nix_bears_it(borne: str) -> None:
    observed = machine(nix=borne)
    assert observed.nix is not None
    assert wanted(POLICY, owner_of(observed), observed.nix)["fallback"] == ("true",)


# What is lost -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conf", "sentences"),
    [
        (DECLARED, ()),
        (f"{DECLARED}trusted-users = root * @wheel\n", ("everybody (*) and @wheel are no longer"
         " trusted",)),
        (f"{DECLARED}substituters = {TEAM}/ https://x.org\n", ("https://x.org is no longer used",)),
        (
            f"{DECLARED}extra-trusted-public-keys = {WRONG_KEY}\n",
            ("team.cachix.org-1:bjEbXJyL… is no longer trusted",),
        ),
        (
            f"{DECLARED}extra-trusted-substituters = https://x.org\n",
            ("https://x.org is no longer used",),
        ),
        (f"substituters = https://a {ORG}\ntrusted-users = mia\ntrusted-public-keys = {TEAM_KEY}\n",
         ("mia is no longer trusted", "https://a is no longer used")),
    ],
)  # fmt: skip
def test_who_loses_trust_and_which_cache_goes_is_said(
    conf: str, sentences: tuple[str, ...]
) -> None:
    observed = machine(conf)
    assert observed.nix is not None
    owner = owner_of(observed)
    made = plan(POLICY, owner, observed.files, observed.nix)
    assert made is not None
    assert losses(reads(owner, observed.files, observed.nix), made.after) == sentences


def test_a_cache_that_is_only_asked_on_request_from_now_on_is_said() -> None:
    caches = [
        {"url": TEAM, "public_keys": [TEAM_KEY], "use": "on-request"},
        {"url": ORG, "public_keys": [ORG_KEY]},
    ]
    observed = machine(DECLARED)
    assert observed.nix is not None
    owner = owner_of(observed)
    made = plan(policy(nix_caches=caches), owner, observed.files, observed.nix)
    assert made is not None
    assert losses(reads(owner, observed.files, observed.nix), made.after) == (
        f"{TEAM} is from now on used on request only",
    )


# Properties ---------------------------------------------------------------------------------------

VERSIONS = ("2.8.0", "2.15.3", "2.18.1", "2.26.3", "2.34.8")
LAYOUTS = ("debian", "determinate", "custom", "single-user")


def observed_tree(tree: Tree, layout: str, version: str) -> Machine:
    """A machine whose configuration is a generated tree."""
    texts = {path: raw.decode("utf-8", "surrogateescape") for path, raw in tree.items()}
    top = root(tree)
    folder = top.rpartition("/")[0]
    if layout in ("determinate", "custom"):
        texts[top] = f"!include nix.custom.conf\n{texts[top]}"
    blank = machine(nix=f"nix (Nix) {version}", files={**texts, NIX_CONF: None})
    if layout == "single-user":
        home = replace(blank.users[1], home="/home/baleen")
        return replace(
            blank,
            files={**blank.files, OWN: parse(OWN, texts[top])},
            status={**blank.status, OWN: blank.status[top]},
            users=(blank.users[0], home),
            store_owner="baleen",
            daemon=NO_DAEMON,
        )
    evidence = {"determinate-nixd"} if layout == "determinate" else {"debian"}
    return replace(blank, conf_dir=folder, evidence=frozenset(evidence))


@given(
    seed=st.integers(0, 2**32), layout=st.sampled_from(LAYOUTS), version=st.sampled_from(VERSIONS)
)
@example(seed=0, layout="debian", version="2.26.3")
@example(seed=825, layout="debian", version="2.8.0")
def test_after_its_edits_a_machine_has_nothing_to_edit(
    seed: int, layout: str, version: str
) -> None:
    (tree,) = cases(seed, 1)
    observed = observed_tree(tree, layout, version)
    before = findings(POLICY, observed, SYSTEM)
    assume(all(each.remedy is not Remedy.BLOCKS for each in before))
    done = after(observed)
    left = findings(POLICY, done, SYSTEM)
    assert [str(each) for each in left if each.remedy in (Remedy.EDIT, Remedy.BLOCKS)] == []
    assert [str(each) for each in left if each.rule is Rule.SETTING] == []
    assert planned(done) == {}


@given(st.lists(st.sampled_from([TEAM, f"{TEAM}/", ORG, "https://x.org"]), max_size=4))
def test_a_difference_is_between_sets(urls: list[str]) -> None:
    observed = machine(f"substituters = {' '.join(urls)}\n")
    assert observed.nix is not None
    folded = fold(NIX_CONF, observed.files, observed.nix)
    owner = owner_of(observed)
    found = difference("substituters", folded, (TEAM, ORG), owner)
    assert set(found.foreign) == set(urls) & {"https://x.org"}
    assert set(found.missing) == {
        url for url in (TEAM, ORG) if not {url.rstrip("/"), f"{url.rstrip('/')}/"} & set(urls)
    }


# The way back -------------------------------------------------------------------------------------


def test_what_was_never_written_is_not_undone() -> None:
    observed = machine("max-jobs = 3\n")
    assert restores(POLICY, owner_of(observed), observed.files) == ()


def test_the_block_goes_and_the_lines_it_stood_for_are_known() -> None:
    observed = machine(
        f"max-jobs = 3\n{BLOCK}",
        {f"{NIX_CONF}.before-nixtrust": "trusted-users = mia\nmax-jobs = 3\n"},
    )
    (one,) = restores(POLICY, owner_of(observed), observed.files)
    assert (one.path, one.block, one.managed, one.managed_before) == (
        NIX_CONF,
        tuple(range(2, 10)),
        tuple(range(2, 10)),
        (1,),
    )


IN_CONF = replace(credential("nix-conf", NIX_CONF), person="", start=20, end=30)


def test_what_root_has_found_in_a_file_that_is_written_is_not_kept() -> None:
    told = replace(IN_CONF, start=0, end=9)
    others = [
        replace(IN_CONF, end=0),
        replace(IN_CONF, end=99, told_by="baleen"),
        replace(IN_CONF, path=CUSTOM),
    ]
    observed = machine("max-jobs = 3\n")
    owner = owner_of(observed)
    planned = plan(POLICY, owner, observed.files, NixVersion("nix", (2, 26, 3)))
    assert planned is not None
    its = [IN_CONF, told, *others]
    ranges = ((0, 9), (20, 30))
    assert unkept(POLICY, owner, planned, its) == (Unkept(NIX_CONF, "1", ranges),)
    assert unkept(policy(cachix_credentials="report"), owner, planned, its) == ()


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_credential_is_no_change_whether_it_was_kept_or_not(is_kept: bool) -> None:
    comment, password = ("#\n", "***@") if is_kept else ("", "")
    before = f"{comment}store = https://{password}x.cachix.org\n"
    original = f"{NIX_CONF}.before-nixtrust"
    observed = machine(f"#\nstore = https://***@x.cachix.org\n{BLOCK}", {original: before})
    in_comment = replace(IN_CONF, line=1, start=0, end=9, hindrance=Hindrance.COMMENT)
    kept = [replace(in_comment, path=original)] if is_kept else []
    its = [in_comment, replace(IN_CONF, line=2, start=25, end=29), *kept]
    (one,) = restores(POLICY, owner_of(observed), observed.files, its)
    assert (one.managed, one.ranges) == ((1, *range(3, 11)), ((25, 29),))
    assert (one.managed_before, one.ranges_before) == ((1,) if is_kept else (), ())
    assert restored(observed.files, one) == before


def test_a_hook_that_came_since_is_a_change_of_somebody_elses() -> None:
    observed = machine(
        f"post-build-hook = /opt/hook\n{BLOCK}", {f"{NIX_CONF}.before-nixtrust": "max-jobs = 3\n"}
    )
    (one,) = restores(POLICY, owner_of(observed), observed.files)
    assert one.managed == one.block


def test_a_setting_of_an_older_policys_block_is_dealt_with_too() -> None:
    old = f"{BLOCK_BEGIN}\nmax-jobs = 9\n{BLOCK_END}\n"
    observed = machine(old, {f"{NIX_CONF}.before-nixtrust": "max-jobs = 3\n"})
    (one,) = restores(POLICY, owner_of(observed), observed.files)
    assert (one.block, one.managed_before) == ((1, 2, 3), (1,))


BEFORE = "trusted-users = mia\nmax-jobs =\n"


@pytest.mark.parametrize(
    ("there", "files", "text"),
    [
        (f"max-jobs =\n{BLOCK}", {f"{NIX_CONF}.before-nixtrust": BEFORE}, BEFORE),
        (f"cores =\nmax-jobs =\n{BLOCK}", {f"{NIX_CONF}.before-nixtrust": BEFORE},
         "cores =\nmax-jobs =\n"),
        (f"max-jobs =\n{BLOCK}", {}, "max-jobs =\n"),
    ],
    ids=["as it was", "changed since", "no original"],
)  # fmt: skip
def test_what_a_file_goes_back_to_is_known_beforehand(
    there: str, files: Mapping[str, str], text: str
) -> None:
    observed = machine(there, files)
    (one,) = restores(POLICY, owner_of(observed), observed.files)
    assert restored(observed.files, one) == text
