"""The page on security names tests that there are."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs/security.md"


def test_each_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`([a-z]+/test_\w+\.py)`", PAGE.read_text())
    assert len(named) > 15
    assert [name for name in named if not (TESTS / name).exists()] == []
