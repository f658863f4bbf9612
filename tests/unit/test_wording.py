"""Names, URLs and keys in a line for people."""

import pytest

from nixtrust.wording import are

KEY = "team.cachix.org-1:awgC7Sut148An/CZ6TZA+wnUtJmJnOvl5NThGio9j5k="
ALIKE = "team.cachix.org-1:awgC7SutXXXXXXCZ6TZA+wnUtJmJnOvl5NThGio9j5k="
OTHER = "team.cachix.org-1:WkqY2zbtvHLYuLPQNML4Y0pJh4OqYY3X4LRNdvqNm8Y="
FLAKEHUB = (
    "cache.flakehub.com-3:hJuILl5sVK4iKm86JzgdXW12Y2Hwd5G07qKtHTOcDCM=",
    "cache.flakehub.com-4:Asi8qIv291s0aYLyH6IOnr5Kf6+OF14WVjkE6t3xMio=",
    "cache.flakehub.com-5:zB96CRlL7tiPtzA9/WKyPkp3A2vqxqgdgyTVNGShPDU=",
)
LIX = "cache.lix.systems:aBnZUw8zA7H35Cz2RyKFVs3H4PlGTLawyY5KRbvJR8o="


@pytest.mark.parametrize(
    ("tokens", "line"),
    [
        ((), ""),
        (("mia",), "mia is missing"),
        (("mia", "@wheel"), "mia and @wheel are missing"),
        (("a", "b", "c"), "a, b and c are missing"),
        (("*",), "everybody (*) is missing"),
        ((KEY,), "team.cachix.org-1:awgC7Sut… is missing"),
        ((KEY, OTHER), "team.cachix.org-1:awgC7Sut… and team.cachix.org-1:WkqY2zbt… are missing"),
        ((KEY, ALIKE), f"{KEY} and {ALIKE} are missing"),
        (("https://a:8080/b?c=d:e",), "https://a:8080/b?c=d:e is missing"),
        ((LIX,), "cache.lix.systems:aBnZUw8z… (Lix) is missing"),
        ((*FLAKEHUB, "mia"), "3 keys of FlakeHub and mia are missing"),
        (("mia", LIX, *FLAKEHUB), "mia, cache.lix.systems:aBnZUw8z… (Lix) and 3 keys of FlakeHub"
         " are missing"),
        (
            ("https://cache.flakehub.com", "https://install.determinate.systems/"),
            "https://cache.flakehub.com (FlakeHub) and https://install.determinate.systems/"
            " (Determinate Systems) are missing",
        ),
    ],
)  # fmt: skip
def test_tokens_are_listed_as_one_would_say_them(tokens: tuple[str, ...], line: str) -> None:
    assert are(tokens, "missing") == line


def test_a_key_is_told_in_full_where_another_on_the_line_begins_alike() -> None:
    assert are([KEY], "missing", [ALIKE]) == f"{KEY} is missing"
    assert are([KEY], "missing", [KEY, OTHER]) == "team.cachix.org-1:awgC7Sut… is missing"
