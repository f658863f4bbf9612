"""The page on credentials is made from the catalogue."""

from pathlib import Path

from nixtrust.credentials import PLACES, Kind
from nixtrust.credentials_page import page
from nixtrust.stored import Hindrance

KEPT = Path(__file__).parents[2] / "docs" / "credentials.md"


def test_the_page_that_is_kept_is_the_one_that_the_catalogue_makes() -> None:
    assert KEPT.read_text() == f"{page()}\n", "run `make docs`"


def test_the_page_tells_of_every_place_every_kind_and_every_hindrance() -> None:
    said = page()
    for place in PLACES:
        assert f"### {place.id}\n" in said
        assert all(f"`{pattern}`" in said for pattern in place.patterns)
    assert all(f"| {kind.called('')} |" in said for kind in Kind)
    assert all(f"- **{hindrance}**: {hindrance.why}." in said for hindrance in Hindrance)
