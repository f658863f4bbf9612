"""Where in a file of group data a value stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.group_data import line_of

SOURCE = '''"""A key: nix_x."""
KEY = "late"
nix_x = ["early"]
nix_x = [
    {"a": "one", "n": 1},
    {"a": KEY, "b": True},
]
nix_y: int = 3
'''


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("nix_x", "one", 5),
        ("nix_x", True, 6),
        ("nix_x", 1, 5),
        ("nix_x", "late", 2),
        ("nix_x", "nowhere", 4),
        ("nix_x", None, 4),
        ("nix_x", ["one"], 4),
        ("nix_y", 3, 8),
        ("nix_z", "one", None),
    ],
)
def test_a_value_is_found_where_it_is_written(key: str, value: object, line: int | None) -> None:
    assert line_of(SOURCE, key, value) == line


@given(st.text(alphabet="nix_x = [1]\n('\"\x00\\#", max_size=30))
def test_a_file_that_is_no_python_has_no_lines_to_name(source: str) -> None:
    found = line_of(source, "nix_x", 1)
    assert found is None or 1 <= found <= source.count("\n") + 1
