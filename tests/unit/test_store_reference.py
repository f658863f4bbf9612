"""Which words Nix 2.34 takes for a store, and as which."""

from pathlib import Path

import pytest

from nixtrust.conf_settings import printed
from nixtrust.nix_version import NixVersion
from nixtrust.store_reference import store_reference

TABLE = Path(__file__).parents[1] / "data" / "store-words.txt"
ROWS = [line.split("\t") for line in TABLE.read_text().split("\n") if "\t" in line]


@pytest.mark.parametrize(("word", "shown"), [row for row in ROWS if row[1] != "refused"])
def test_a_store_is_brought_into_nixs_own_words(word: str, shown: str) -> None:
    assert str(store_reference(word)) == (word if shown == "=" else shown)


@pytest.mark.parametrize("word", [word for word, shown in ROWS if shown == "refused"])
def test_what_is_no_store_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="is no store"):
        store_reference(word)


WORDS = ("local", "daemon", "auto", "https://a", "x://b", "a://z", "unix://", "https://a?b=1")
ORDERED = ("auto", "a://z", "https://a", "https://a?b=1", "unix://", "x://b", "daemon", "local")


def test_trusted_substituters_are_a_set_in_nixs_order() -> None:
    twice = (*WORDS, *WORDS)
    assert printed("trusted-substituters", twice, NixVersion("nix", (2, 34, 8))) == ORDERED
    by_letters = tuple(sorted(WORDS))
    assert printed("trusted-substituters", twice, NixVersion("nix", (2, 26, 3))) == by_letters


def test_substituters_are_a_list_with_all_it_was_given() -> None:
    words = ("https://b", "https://a", "https://b")
    assert printed("substituters", words, NixVersion("nix", (2, 34, 8))) == words


@pytest.mark.parametrize(
    ("setting", "written", "shown"),
    [
        ("fallback", "yes", "true"),
        ("require-sigs", "0", "false"),
        ("connect-timeout", "+007", "7"),
        ("connect-timeout", "5k", "5120"),
        ("connect-timeout", "16777217T", "1099511627776"),
        ("trusted-users", "b a b", "b a b"),
        ("max-jobs", "auto", "auto"),
    ],
)
def test_a_value_is_printed_as_nix_prints_it(setting: str, written: str, shown: str) -> None:
    tokens = printed(setting, tuple(written.split()), NixVersion("nix", (2, 34, 8)))
    assert " ".join(tokens) == shown
