"""The module that a person is given to add."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.conf import MANAGED
from nixtrust.module_text import module_text

WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


def test_the_text_is_what_one_would_write() -> None:
    declared = {
        "substituters": ("https://a", "https://b"),
        "trusted-users": ("root",),
        "connect-timeout": ("5",),
        "fallback": ("true",),
        "sandbox": ("relaxed",),
        "system-features": ("kvm", "big-parallel"),
    }
    assert module_text("nix.settings", declared) == (
        "{ lib, ... }:\n"
        "{\n"
        "  nix.settings = {\n"
        '    substituters = lib.mkForce [ "https://a" "https://b" ];\n'
        '    trusted-users = lib.mkForce [ "root" ];\n'
        "    connect-timeout = lib.mkForce 5;\n"
        "    fallback = lib.mkForce true;\n"
        '    sandbox = lib.mkForce "relaxed";\n'
        '    system-features = lib.mkForce [ "kvm" "big-parallel" ];\n'
        "  };\n"
        "}\n"
    )


@pytest.mark.parametrize("option", ["nix.settings", "determinateNix.customSettings"])
def test_the_option_is_the_owners(option: str) -> None:
    assert f"\n  {option} = {{\n" in module_text(option, {"fallback": ("true",)})


def read(text: str) -> dict[str, list[str]]:
    """The text as Nix reads it, as far as this text goes: strings, and words that are none."""
    found = {}
    for line in text.splitlines()[3:-2]:
        matched = re.fullmatch(r"    ([a-z-]+) = lib\.mkForce (.*);", line)
        assert matched is not None
        value = re.findall(r'"(?:[^"\\]|\\.)*"|[a-z0-9]+', matched[2])
        found[matched[1]] = [_unquoted(word) for word in value]
    return found


def _unquoted(word: str) -> str:
    if not word.startswith('"'):
        return word
    assert not re.search(r"(?<!\\)(\\\\)*\$\{", word)
    text: str = json.loads(word.replace("\\${", "${"))
    return text


@given(st.dictionaries(st.sampled_from(MANAGED), st.lists(WORDS, max_size=3)))
def test_lists_read_back_as_they_were_declared(declared: dict[str, list[str]]) -> None:
    text = module_text("nix.settings", {name: tuple(words) for name, words in declared.items()})
    assert read(text) == declared


@given(WORDS)
def test_one_word_reads_back_as_it_was_declared(word: str) -> None:
    assert read(module_text("nix.settings", {"some-setting": (word,)})) == {"some-setting": [word]}


@given(st.dictionaries(st.sampled_from(MANAGED), st.lists(WORDS, max_size=3)))
def test_no_line_depends_on_how_it_is_indented(declared: dict[str, list[str]]) -> None:
    text = module_text("nix.settings", {name: tuple(words) for name, words in declared.items()})
    assert "''" not in re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    assert all(line.count('"') % 2 == 0 or "\\" in line for line in text.splitlines())
