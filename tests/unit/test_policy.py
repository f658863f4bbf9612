"""What may be declared, what may not, and how the refusals read."""

import string
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.policy import policy_of
from nixtrust.refused import Refused
from tests.unit.declaring import NIXOS_KEY, NIXOS_URL, TEAM, TEAM_KEY, TEAM_URL, declared, problems

# What is declared


def test_the_declaration_becomes_settings_in_the_order_of_the_block() -> None:
    policy = declared(nix_settings={"fallback": True, "connect-timeout": 5})
    assert list(policy.declared.items()) == [
        ("substituters", (TEAM_URL, NIXOS_URL)),
        ("trusted-substituters", (TEAM_URL + "/", NIXOS_URL)),
        ("trusted-public-keys", (TEAM_KEY, NIXOS_KEY)),
        ("trusted-users", ("root",)),
        ("connect-timeout", ("5",)),
        ("fallback", ("true",)),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (" a  b ", "a b"),
        (["nix-command", "flakes"], "nix-command flakes"),
        ([], ""),
    ],
)
def test_a_setting_is_written_as_nix_conf_spells_it(value: object, text: str) -> None:
    policy = declared(nix_settings={"some-setting": value})
    assert policy.settings == {"some-setting": text}
    assert policy.declared["some-setting"] == tuple(text.split())


def test_only_root_is_trusted_unless_somebody_is_declared() -> None:
    assert declared().trusted_users == ("root",)
    named = ["root", "jito.hello", "@wheel", "svc$"]
    assert declared(nix_trusted_users=[*named, "root"]).trusted_users == tuple(named)


def test_keys_of_others_are_left_alone() -> None:
    assert declared(ssh_user="me", _sudo=True, machine_name="x") == declared()


def test_credentials_are_removed_unless_declared_otherwise() -> None:
    assert declared().cachix_credentials == "remove"
    assert declared(cachix_credentials="report").cachix_credentials == "report"


def test_search_paths_are_folders_below_a_home() -> None:
    paths = ["work", "src/team projects", ".config/x"]
    assert declared(cachix_search_paths=paths).cachix_search_paths == tuple(paths)


@given(st.data())
def test_every_declared_word_is_one_word_of_nix_conf(data: st.DataObject) -> None:
    """Nix has no quoting: `#` ends a line, and white space ends a word."""
    text = st.text(alphabet=string.printable, max_size=12)
    value = data.draw(st.one_of(text, st.lists(text, max_size=3), st.integers(), st.booleans()))
    user = data.draw(text)
    try:
        policy = declared(nix_settings={"some-setting": value}, nix_trusted_users=["root", user])
    except Refused:
        return
    for words in policy.declared.values():
        assert all(word and not set(word) & set(" \t\r\n#\v\f") for word in words)


@pytest.mark.parametrize(
    "data",
    [
        {"nix_settings": {"max-jobs": 10**5000}},
        {"nix_settings": {"connect-timeout": "9" * 5000}},
        {"nix_settings": {"max-jobs": -(2**64)}},
        {"nix_settings": {"some": [10**5000]}},
        {"nix_trusted_users": ["root", 10**5000]},
        {"nix_caches": 10**5000},
        {"cachix_credentials": {"x": [10**5000]}},
        {"nix_caches": [{"url": 10**5000, "public_keys": [10**5000]}]},
    ],
    ids=lambda data: str(list(data)),
)
def test_a_number_beyond_all_reason_is_refused_in_a_line(data: dict[str, object]) -> None:
    for problem in problems(**data):
        assert len(problem) < 200


# Users, settings, the rest


@pytest.mark.parametrize(
    "users", [["root", "*"], ["root", "bob,eve"], ["root", ""], ["root", "a b"], ["root", "'bob'"],
              ["root", "@"], ["root", "1000"], ["root", "bob#"], ["root", "@*"]], ids=str,
)  # fmt: skip
def test_a_trusted_user_is_one_name_or_group(users: list[str]) -> None:
    (problem,) = problems(nix_trusted_users=users)
    assert repr(users[1]) in problem


@pytest.mark.parametrize("users", [[], ["bob"], ["@root"], ["ROOT"]], ids=str)
def test_root_must_be_trusted(users: list[str]) -> None:
    (problem,) = problems(nix_trusted_users=users)
    assert "lacks root" in problem


@pytest.mark.parametrize(
    "name",
    ["require-sigs", "post-build-hook", "pre-build-hook", "diff-hook", "run-diff-hook",
     "build-hook", "plugin-files", "extra-plugin-files", "accept-flake-config",
     "secret-key-files", "extra-secret-key-files", "netrc-file", "access-tokens",
     "extra-access-tokens", "store", "builders", "build-users-group", "external-builders",
     "allow-unsafe-native-code-during-evaluation"],
)  # fmt: skip
def test_a_setting_that_undermines_trust_is_refused(name: str) -> None:
    (problem,) = problems(nix_settings={name: "s3cret"})
    assert "cannot be declared here" in problem
    assert "s3cret" not in problem


@pytest.mark.parametrize(
    "name",
    ["substituters", "trusted-substituters", "trusted-public-keys", "trusted-users",
     "extra-substituters", "extra-trusted-public-keys", "extra-trusted-users", "binary-caches",
     "extra-binary-caches", "trusted-binary-caches", "binary-cache-public-keys"],
)  # fmt: skip
def test_a_managed_setting_is_declared_by_its_own_key_in_whatever_spelling(name: str) -> None:
    (problem,) = problems(nix_settings={name: "x"})
    assert "nix_trusted_users" in problem or "nix_caches" in problem


WRONG_NAMES = [
    "include",
    "!include",
    "a b",
    "Fallback",
    "fall_back",
    "-a",
    "a#",
    "",
    "a=b",
    "extra-",
]


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_what_is_no_name_of_a_setting_is_refused(name: str) -> None:
    (problem,) = problems(nix_settings={name: True})
    assert "no name of a setting" in problem


def test_an_old_name_of_a_setting_is_refused_with_todays() -> None:
    (problem,) = problems(nix_settings={"build-max-jobs": 4})
    assert "max-jobs" in problem


def test_a_setting_is_declared_whole_not_added_to() -> None:
    (problem,) = problems(nix_settings={"extra-experimental-features": ["flakes"]})
    assert "declare experimental-features itself" in problem
    assert declared(nix_settings={"extra-platforms": ["x86_64-linux"]}).settings


@pytest.mark.parametrize(
    "value",
    ["a#b", "a\nb", "ä", "a\x0bb", None, 1.5, {"a": 1}, [["a"]], ["a b"], [""], [1]],
    ids=str,
)
def test_a_value_that_nix_conf_cannot_hold_is_refused(value: object) -> None:
    (problem,) = problems(nix_settings={"some-setting": value})
    assert "some-setting" in problem


@pytest.mark.parametrize(
    ("name", "value"), [("fallback", "maybe"), ("fallback", 1), ("connect-timeout", -1),
                        ("connect-timeout", "5s"), ("connect-timeout", [])],
)  # fmt: skip
def test_a_value_that_nix_would_refuse_at_its_start_is_refused(name: str, value: object) -> None:
    (problem,) = problems(nix_settings={name: value})
    assert name in problem


@pytest.mark.parametrize(
    "path", ["/etc", "../x", "a/../b", "~/x", "", "a//b", "a\nb", "$HOME", "a/"]
)
def test_a_search_path_that_leaves_the_home_is_refused(path: str) -> None:
    (problem,) = problems(cachix_search_paths=[path])
    assert "below the home" in problem


# The shape

WRONG_SHAPES: Mapping[str, tuple[dict[str, object], str]] = {
    "a misspelt key": ({"nix_cashes": []}, "did you mean nix_caches?"),
    "a misspelt key in capitals": ({"NIX_CACHES": []}, "did you mean nix_caches?"),
    "an unknown key": ({"cachix_x": 1}, "unknown key 'cachix_x'"),
    "text for a list": ({"nix_trusted_users": "root"}, "must be a list"),
    "a set, which has no order": ({"nix_trusted_users": {"root"}}, "must be a list"),
    "a number for a user": ({"nix_trusted_users": ["root", 0]}, "must be text in quotes"),
    "a list for settings": ({"nix_settings": []}, "must be a mapping"),
    "no caches": ({"nix_caches": []}, "at least one cache"),
    "text for a cache": ({"nix_caches": [TEAM_URL]}, "must be a mapping with url"),
    "a cache without a URL": ({"nix_caches": [{"public_keys": []}]}, "url is missing"),
    "a misspelt field": ({"nix_caches": [{**TEAM, "key": "x"}]}, "nix_caches[0].key"),
    "an unknown use": ({"nix_caches": [{**TEAM, "use": "never"}]}, "'always' or 'on-request'"),
    "an unknown rule": ({"cachix_credentials": "purge"}, "'remove', 'report' or 'allow'"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "said"), WRONG_SHAPES.values(), ids=WRONG_SHAPES)
def test_a_wrong_shape_is_told_with_what_was_meant(data: dict[str, object], said: str) -> None:
    assert any(said in problem for problem in problems(**data))


def test_data_without_caches_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        policy_of({})
    assert "nix_caches is not declared" in str(refused.value)


def test_every_problem_is_told_at_once_each_on_one_line() -> None:
    found = problems(
        nix_caches=[{"url": "http://x\ny", "public_keys": ["a:b\nc", "d"]}],
        nix_trusted_users=["*"],
        nix_settings={"require-sigs": False, "x\ny": 1},
        cachix_search_paths=["/\n"],
    )
    assert len(found) == 8
    assert all(problem.isprintable() for problem in found)


def test_a_problem_begins_with_where_the_value_was_declared() -> None:
    with pytest.raises(Refused) as refused:
        policy_of(
            {"nix_caches": [TEAM], "nix_trusted_users": ["root", "*"]},
            lambda key, value: f"all.py:3[{key}={value}]",
        )
    assert str(refused.value).startswith("all.py:3[nix_trusted_users=*]: ")


TEXT = st.text(alphabet="az0-_.:/@#*?=& é\n", max_size=6)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=2) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "public_keys", "use"]) | TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)
KEY = st.sampled_from(["nix_caches", "nix_trusted_users", "nix_settings", "cachix_search_paths"])


@given(st.dictionaries(KEY | st.just("cachix_credentials") | st.just("nix_x"), VALUE))
def test_whatever_is_declared_is_taken_or_refused_in_lines(data: dict[str, object]) -> None:
    try:
        policy_of(data)
        lines: tuple[str, ...] = ("taken",)
    except Refused as refused:
        lines = refused.problems
    assert lines
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    "name",
    ["impure-env", "bash-prompt", "bash-prompt-prefix", "bash-prompt-suffix", "repl-overlays"],
)
def test_what_runs_code_in_peoples_shells_or_holds_secrets_is_refused(name: str) -> None:
    (problem,) = problems(nix_settings={name: "s3cret"})
    assert "cannot be declared here" in problem
    assert "s3cret" not in problem


@pytest.mark.parametrize("value", ["99999999999999999999999", 2**64, "5 6", "K"])
def test_a_number_that_nix_refuses_is_refused(value: object) -> None:
    (problem,) = problems(nix_settings={"connect-timeout": value})
    assert "whole number" in problem


def test_of_two_names_the_one_that_every_nix_knows_is_taken() -> None:
    (problem,) = problems(nix_settings={"filetransfer-retry-attempts": 3})
    assert "write that" in problem
    assert declared(nix_settings={"download-attempts": 3}).settings == {"download-attempts": "3"}
