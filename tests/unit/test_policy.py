"""What may be declared, what may not, and how the refusals read."""

import base64
import string
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.policy import Policy, policy_of
from nixtrust.refused import Refused

TEAM_URL = "https://baleen-nix.cachix.org"
TEAM_BODY = "awgC7Sut148An/CZ6TZA+wnUtJmJnOvl5NThGio9j5k="
TEAM_KEY = f"baleen-nix.cachix.org-1:{TEAM_BODY}"
NIXOS_URL = "https://cache.nixos.org/"
NIXOS_KEY = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="
OTHER_BODY = "WkqY2zbtvHLYuLPQNML4Y0pJh4OqYY3X4LRNdvqNm8Y="

TEAM = {"url": TEAM_URL, "public_keys": [TEAM_KEY]}
NIXOS = {"url": NIXOS_URL, "public_keys": [NIXOS_KEY]}


def declared(**data: object) -> Policy:
    return policy_of({"nix_caches": [TEAM, NIXOS], **data})


def problems(**data: object) -> tuple[str, ...]:
    """What is said about the data; the run fails if nothing is."""
    with pytest.raises(Refused) as refused:
        declared(**data)
    return refused.value.problems


def cache_problems(url: str, *keys: str, **more: object) -> tuple[str, ...]:
    return problems(nix_caches=[{"url": url, "public_keys": list(keys), **more}])


def public_keys(name: str = "cache-1") -> st.SearchStrategy[str]:
    bodies = st.binary(min_size=32, max_size=32).map(lambda raw: base64.b64encode(raw).decode())
    return bodies.map(lambda body: f"{name}:{body}")


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


def test_an_on_request_cache_is_not_a_substituter_but_may_be_asked_for() -> None:
    on_request = {"url": "https://other.example", "public_keys": ["o-1:" + OTHER_BODY]}
    policy = declared(nix_caches=[TEAM, {**on_request, "use": "on-request"}])
    assert policy.substituters == (TEAM_URL,)
    assert policy.trusted_substituters == (TEAM_URL + "/", "https://other.example/")
    assert policy.trusted_public_keys == (TEAM_KEY, "o-1:" + OTHER_BODY)


def test_a_url_with_a_query_is_trusted_verbatim() -> None:
    url = "https://cache.example/nix?priority=30"
    policy = declared(nix_caches=[{"url": url, "public_keys": [NIXOS_KEY]}])
    assert policy.trusted_substituters == (url,)


def test_a_key_of_two_caches_is_declared_once() -> None:
    mirror = {"url": "https://mirror.example", "public_keys": [NIXOS_KEY]}
    assert declared(nix_caches=[NIXOS, mirror]).trusted_public_keys == (NIXOS_KEY,)


def test_a_cache_on_the_machine_itself_may_be_plain_http() -> None:
    for host in ("localhost", "127.0.0.1:8080", "127.77.0.1", "[::1]:80"):
        url = f"http://{host}/"
        policy = declared(nix_caches=[{"url": url, "public_keys": [NIXOS_KEY]}])
        assert policy.substituters == (url,)


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


@given(public_keys())
def test_every_well_formed_key_is_accepted(key: str) -> None:
    policy = declared(nix_caches=[{"url": "https://c.example", "public_keys": [key]}])
    assert policy.trusted_public_keys == (key,)


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


# Keys


WRONG_KEYS = {
    "baleen-nix.cachix.org-1:PUBLIC_KEY_HERE": "not base64",
    TEAM_KEY.removesuffix("="): "the last = is missing",
    "baleen-nix.cachix.org-1": "NAME:BASE64",
    ":" + TEAM_BODY: "NAME:BASE64",
    "two words-1:" + TEAM_BODY: "NAME:BASE64",
    "a#b-1:" + TEAM_BODY: "NAME:BASE64",
    "x-1:AAAA": "3 bytes, not 32",
    "x-1: " + TEAM_BODY[1:]: "not base64",
    "x-1:" + TEAM_BODY.replace("/", "_"): "not base64",
    # The same 32 bytes, but the two bits that nobody reads are set.
    "x-1:" + TEAM_BODY[:-2] + "l=": "canonical",
    "x-1:": "0 bytes, not 32",
    "": "NAME:BASE64",
}


@pytest.mark.parametrize(("key", "reason"), WRONG_KEYS.items(), ids=str)
def test_a_key_that_nix_would_choke_on_is_refused(key: str, reason: str) -> None:
    (problem,) = cache_problems("https://cache.example", key)
    assert reason in problem
    assert repr(key)[1:-1] in problem


@given(public_keys(), st.integers(0, 43), st.sampled_from(["", "AA", "=", " ", "\n", "é", "!"]))
def test_a_key_with_a_character_lost_or_put_in_is_refused(key: str, at: int, instead: str) -> None:
    body = key.partition(":")[2]
    mutant = "cache-1:" + body[:at] + instead + body[at + 1 :]
    if mutant != key:
        assert len(cache_problems("https://cache.example", mutant)) == 1


def test_a_secret_key_is_refused_and_never_shown() -> None:
    secret = base64.b64encode(bytes(range(64))).decode()
    (problem,) = cache_problems("https://cache.example", "x-1:" + secret)
    assert "SECRET" in problem
    assert secret[:16] not in problem


def test_a_long_word_in_the_place_of_a_key_is_not_shown() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9" * 5
    (problem,) = cache_problems("https://cache.example", token)
    assert token[:16] not in problem


def test_one_key_name_with_two_bodies_is_refused() -> None:
    (problem,) = cache_problems(TEAM_URL, TEAM_KEY, "baleen-nix.cachix.org-1:" + OTHER_BODY)
    assert "another key of this name" in problem
    assert OTHER_BODY in problem


def test_one_key_body_under_two_names_is_refused() -> None:
    """As when another cache's key is copied under the team's own name."""
    copied = {"url": "https://m.cachix.org", "public_keys": ["m.cachix.org-1:" + TEAM_BODY]}
    (problem,) = problems(nix_caches=[TEAM, copied])
    assert "m.cachix.org-1" in problem
    assert "baleen-nix.cachix.org-1" in problem


def test_a_cache_without_a_key_is_refused() -> None:
    (problem,) = cache_problems("https://cache.example")
    assert "https://cache.example" in problem
    assert "no key" in problem


def test_a_cachix_cache_needs_a_key_that_bears_its_name() -> None:
    (problem,) = cache_problems(TEAM_URL, "mitchellh-nixos-config.cachix.org-1:" + OTHER_BODY)
    assert "baleen-nix.cachix.org-1" in problem
    for name in ("orgx-1", "org-", "org-x", "org-1x", "org"):
        (problem,) = cache_problems(TEAM_URL, f"baleen-nix.cachix.{name}:" + OTHER_BODY)
        assert "none of its keys is called baleen-nix.cachix.org-1 or the like" in problem
    later = {"url": TEAM_URL, "public_keys": ["baleen-nix.cachix.org-23:" + OTHER_BODY]}
    assert declared(nix_caches=[later]).caches[0].url == TEAM_URL


def test_any_other_cache_may_sign_under_any_name() -> None:
    cache = {"url": "https://cache.example", "public_keys": ["whatever:" + OTHER_BODY]}
    assert declared(nix_caches=[cache]).trusted_public_keys == ("whatever:" + OTHER_BODY,)


# URLs

WRONG_URLS = {
    "https://a.example#frag": "'#'",
    'https://"a.example"': "'\"'",
    "https://a.example,https://b.example": "','",
    "https://a.example b": "' '",
    "https://a.example\n": "'\\n'",
    "https://ä.example": "'ä'",
    "https://a.example/%7Ex": "'%'",
    "https://user@a.example": "user name or password",
    "https://a.example?trusted=1": "trusted",
    "https://a.example?trusted=0": "trusted",
    "https://a.example?secret-key=/etc/key": "secret-key",
    "https://a.example?priority=40&secret-key=x": "secret-key",
    "https://a.example?tls-private-key=x": "tls-private-key",
    "https://a.example?priority=high": "priority",
    "https://a.example?want-mass-query=true&priority=1": "alphabetical",
    "https://a.example?priority=1&priority=2": "once",
    "https://a.example?": "once",
    "http://a.example": "plain http",
    "http://127.0.0.1.example": "plain http",
    "http://128.0.0.1": "plain http",
    "http://localhost.example": "plain http",
    "s3://bucket": "only https://",
    "file:///nix": "only https://",
    "ssh://host": "only https://",
    "daemon": "only https://",
    "a.example": "only https://",
    "https://": "host name",
    "https:///path": "host name",
    "HTTPS://a.example": "only https://",
    "https://A.example": "lower case",
    "https://a..example": "host name",
    "https://a.example.": "host name",
    "https://a.example:port": "not a URL",
    "https://a.example:99999": "not a URL",
    "https://a.example//": "empty part",
    "https://cachix.org": "https://NAME.cachix.org",
    "https://a.b.cachix.org": "https://NAME.cachix.org",
    "https://evilcachix.org": "https://NAME.cachix.org",
    "": "only https://",
}


@pytest.mark.parametrize(("url", "reason"), WRONG_URLS.items(), ids=str)
def test_a_url_that_is_unsafe_or_that_nix_would_misread_is_refused(url: str, reason: str) -> None:
    assert reason in cache_problems(url, NIXOS_KEY)[0]


@pytest.mark.parametrize(
    "url",
    [
        *("https://x.example/a[b]", "https://x.example/a+b", "https://x.example/a;b"),
        "https://x.example:0443",
    ],
)
def test_a_url_that_nix_would_print_otherwise_is_refused(url: str) -> None:
    assert "Nix 2.34 and later" in cache_problems(url, NIXOS_KEY)[0]


def test_passwords_and_secrets_in_a_url_are_not_shown() -> None:
    for url in (
        "https://me:s3cret@a.example",
        "https://me:s3/cr3t-s3cret@a.example",
        "https://a.example?secret-key=s3cret&priority=3",
        "https://a.example?priority=1&x=s3cret",
    ):
        assert not any("s3cret" in each for each in cache_problems(url, NIXOS_KEY))


def test_a_cache_declared_twice_is_refused_whatever_its_last_slash() -> None:
    (problem,) = problems(nix_caches=[NIXOS, {**NIXOS, "url": NIXOS_URL.rstrip("/")}])
    assert "twice" in problem


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
