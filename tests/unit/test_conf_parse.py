"""One file, line by line. The table was seen with Nix 2.8.0; 2.26.3 and 2.34.8 agree."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.conf import Assignment, Blank, Illegal, Include, parse

INSTALLERS = sorted((Path(__file__).parents[1] / "data" / "installer-confs").glob("*.conf"))


@pytest.mark.parametrize(
    ("line", "name", "tokens"),
    [
        ("substituters = https://a https://b", "substituters", ("https://a", "https://b")),
        ("substituters =", "substituters", ()),
        ("substituters = = https://a", "substituters", ("=", "https://a")),
        ("substituters = https://a\r", "substituters", ("https://a",)),
        ("trusted-users = a\rfallback = true", "trusted-users", ("a", "fallback", "=", "true")),
        ("\t  substituters\t=\thttps://a \t", "substituters", ("https://a",)),
        ("trusted-users = root \\", "trusted-users", ("root", "\\")),
        ('substituters = "https://a"', "substituters", ('"https://a"',)),
        ("trusted-users = root,bob, x", "trusted-users", ("root,bob,", "x")),
        ("substituters = https://a#frag https://b", "substituters", ("https://a",)),
        ("substituters = https://a # why", "substituters", ("https://a",)),
        ("\ufeffsubstituters = https://a", "\ufeffsubstituters", ("https://a",)),
        ("trusted-users = a\vb", "trusted-users", ("a\vb",)),
        ("trusted-users = a\xa0b", "trusted-users", ("a\xa0b",)),
        ("Substituters = https://a", "Substituters", ("https://a",)),
        ("= = x", "=", ("x",)),
    ],
)
def test_an_assignment_is_a_name_an_equals_sign_of_its_own_and_words(
    line: str, name: str, tokens: tuple[str, ...]
) -> None:
    assert parse("/etc/nix/nix.conf", line).lines == (Assignment(1, line, name, tokens),)


@pytest.mark.parametrize(
    "line",
    [
        "substituters=https://a",
        "substituters =https://a",
        "substituters == x",
        "foo",
        "foo # = bar",
        "  https://continued",
        "substituters\xa0= https://a",
        "\ufeff# a comment",
        "include",
        "include a b",
        "include = a",
        "!include",
        "= x",
    ],
)
def test_what_every_nix_refuses_is_illegal(line: str) -> None:
    [illegal] = parse("/etc/nix/nix.conf", line).lines
    assert isinstance(illegal, Illegal)
    assert illegal.why


@pytest.mark.parametrize("line", ["", "   ", "\t\r", "# a comment", "  ## substituters = x", "#"])
def test_a_line_without_a_word_is_blank(line: str) -> None:
    assert parse("/etc/nix/nix.conf", f"{line}\n").lines == (Blank(1, f"{line}\n"),)


@pytest.mark.parametrize(
    ("line", "target", "optional"),
    [
        ("include more.conf", "more.conf", False),
        ("\t!include  ../more.conf # here", "../more.conf", True),
        ("include =", "=", False),
        ('include "more.conf"', '"more.conf"', False),
    ],
)
def test_an_include_has_one_path(line: str, target: str, optional: bool) -> None:
    assert parse("/etc/nix/nix.conf", line).lines == (Include(1, line, target, optional),)


def test_only_a_newline_ends_a_line() -> None:
    text = "a = 1\rb\vc\fd\x1ce\x85f\u2028g\nb = 2"
    assert [line.raw for line in parse("/etc/nix/nix.conf", text).lines] == [
        "a = 1\rb\vc\fd\x1ce\x85f\u2028g\n",
        "b = 2",
    ]


def test_lines_are_counted_from_one_and_a_final_newline_begins_no_line() -> None:
    assert [line.number for line in parse("/etc/nix/nix.conf", "a = 1\n\nb = 2\n").lines] == [
        1,
        2,
        3,
    ]
    assert parse("/etc/nix/nix.conf", "").lines == ()


@given(st.text(st.sampled_from('ab=#!\n\r\t\v \\"\xa0\ufeff\udce9') | st.characters()))
def test_any_text_parses_and_renders_back(text: str) -> None:
    assert parse("/etc/nix/nix.conf", text).text == text


@pytest.mark.parametrize("path", INSTALLERS, ids=lambda path: path.name[:8])
def test_an_installers_file_parses_and_renders_back(path: Path) -> None:
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == path.stem
    conf = parse("/etc/nix/nix.conf", content.decode())
    assert conf.text.encode() == content
    assert not [line for line in conf.lines if isinstance(line, Illegal)]


def test_there_are_twenty_files_of_installers() -> None:
    assert len(INSTALLERS) == 20
