"""Which caches and public keys may be declared, and how the refusals read."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.declaring import (
    NIXOS,
    NIXOS_KEY,
    NIXOS_URL,
    OTHER_BODY,
    TEAM,
    TEAM_BODY,
    TEAM_KEY,
    TEAM_URL,
    cache_problems,
    declared,
    problems,
)


def public_keys(name: str = "cache-1") -> st.SearchStrategy[str]:
    bodies = st.binary(min_size=32, max_size=32).map(lambda raw: base64.b64encode(raw).decode())
    return bodies.map(lambda body: f"{name}:{body}")


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


@given(public_keys())
def test_every_well_formed_key_is_accepted(key: str) -> None:
    policy = declared(nix_caches=[{"url": "https://c.example", "public_keys": [key]}])
    assert policy.trusted_public_keys == (key,)


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
