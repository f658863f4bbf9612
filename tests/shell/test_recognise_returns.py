"""Where carriage returns alone end lines, each program sees one line: nothing of it is cut."""

import pytest

from tests.shell.recognised import AWKS, recognise

T = "eyJhbGciOiJIUzI1NiJ9.bWFkZS11cA"

# What sets the credential, and what else stands in such a file.
LINES = {
    "sh": ("export CACHIX_AUTH_TOKEN=abc", "# mine", "export EDITOR=vi"),
    "fish": ("set -gx CACHIX_AUTH_TOKEN abc", "# mine", "set -gx EDITOR vi"),
    "fish-variables": ("SETUVAR --export CACHIX_AUTH_TOKEN:abc", "# mine", "SETUVAR EDITOR:vi"),
    "assignments": ("CACHIX_AUTH_TOKEN=abc", "# mine", "EDITOR=vi"),
    "netrc": ("machine a.cachix.org password abc", "# mine", "machine b password c"),
    "unit": ("Environment=CACHIX_AUTH_TOKEN=abc", "# mine", "Environment=EDITOR=vi"),
    "dhall": (f'{{ authToken = "{T}"', ', hostname = "https://cachix.org"', "}"),
    "token": ("CACHIX_AGENT_TOKEN=abc", "# mine", "HTTPS_PROXY=b"),
}
ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1))


def content(syntax: str, order: tuple[int, ...]) -> str:
    return "".join(f"{LINES[syntax][number]}\r" for number in order)


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", LINES)
def test_it_is_told_where_it_begins_the_file_and_is_never_cut(syntax: str, awk: str) -> None:
    for order in ORDERS[: 1 if syntax == "dhall" else None]:
        for end in ("", "\n"):
            found = recognise(syntax, f"{content(syntax, order)}{end}".encode(), awk=awk)
            assert found or order[0] != 0, order
            assert all(each.hindrance for each in found), order


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", [syntax for syntax in LINES if syntax not in ("dhall", "token")])
def test_a_line_beside_it_goes_as_ever(syntax: str, awk: str) -> None:
    line, remark, other = LINES[syntax]
    found = recognise(syntax, f"{other}\r{other}\n{line}\n".encode(), awk=awk)
    assert [each.line for each in found] == [2]
    found = recognise(syntax, f"{line}\r\n{remark}\r\n{other}\r\n".encode(), awk=awk)
    assert [(each.line, each.hindrance) for each in found] == [(1, "")]
