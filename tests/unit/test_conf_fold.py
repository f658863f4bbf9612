"""What a tree of files comes to, by version of Nix."""

import pytest

from nixtrust.conf import Assigned, File, Folded, Missing, Origin, Unreadable, fold, parse
from nixtrust.nix_version import NixVersion, parse_nix_version

ROOT = "/etc/nix/nix.conf"


def nix(text: str) -> NixVersion:
    flavour, number = text.split(" ")
    maker = {"nix": "Nix", "lix": "Lix, like Nix", "determinate": "Determinate Nix 3.22.2"}[flavour]
    return parse_nix_version(f"nix ({maker}) {number}")


def folded(text: str, version: str = "nix 2.26.3", **more: str | File) -> Folded:
    """The fold of nix.conf, with other files beside it by name (`sub__x` is sub/x)."""
    files: dict[str, File] = {ROOT: parse(ROOT, text)}
    for name, content in more.items():
        path = f"/etc/nix/{name.replace('__', '/')}"
        files[path] = parse(path, content) if isinstance(content, str) else content
    return fold(ROOT, files, nix(version))


EVERY_NIX = ("nix 2.8.0", "nix 2.15.3", "nix 2.18.9", "nix 2.26.3", "nix 2.34.8", "lix 2.94.0")
INLINE = ("nix 2.8.0", "nix 2.15.3", "nix 2.20.0", "nix 2.26.3", "nix 2.34.8", "lix 2.90.0")
INCLUDES_FIRST = ("nix 2.16.0", "nix 2.17.1", "nix 2.18.9", "nix 2.19.7")


# One file ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", EVERY_NIX)
def test_the_last_plain_assignment_wins(version: str) -> None:
    result = folded("trusted-users = a b\ntrusted-users = c\n", version)
    assert result.tokens("trusted-users") == ("c",)
    assert result.values["trusted-users"].origins == (Origin(ROOT, 2),)


def test_extra_appends_to_the_value_as_of_its_line() -> None:
    result = folded("trusted-users = a\nextra-trusted-users = b\nextra-trusted-users = c a\n")
    assert result.tokens("trusted-users") == ("a", "b", "c", "a")
    assert [origin.line for origin in result.values["trusted-users"].origins] == [1, 2, 3]


def test_a_plain_assignment_wipes_extra_before_it() -> None:
    assert folded("extra-trusted-users = b\ntrusted-users = a\n").tokens("trusted-users") == ("a",)


def test_extra_without_a_plain_assignment_appends_to_the_default() -> None:
    assert folded("extra-trusted-users = bob\n").tokens("trusted-users") == ("root", "bob")


def test_an_alias_is_its_setting_with_extra_too() -> None:
    result = folded("binary-caches = https://a\nextra-binary-caches = https://b\n")
    assert result.tokens("substituters") == ("https://a", "https://b")
    assert "binary-caches" not in result.values


def test_of_two_names_of_one_setting_the_later_line_wins() -> None:
    result = folded("substituters = https://a\nbinary-caches = https://b\n")
    assert result.tokens("substituters") == ("https://b",)


def test_extra_of_what_is_no_list_is_a_setting_nobody_knows() -> None:
    result = folded("extra-fallback = true\nextra-extra-substituters = https://a\n")
    assert result.tokens("fallback") == ("false",)
    assert result.tokens("substituters") == ("https://cache.nixos.org/",)
    assert set(result.values) == {"extra-fallback", "extra-extra-substituters"}
    assert [line.extra for line in result.assignments] == [False, False]


def test_extra_platforms_is_a_setting_of_its_own() -> None:
    result = folded("extra-platforms = a\nextra-platforms = b\nextra-extra-platforms = c\n")
    assert result.tokens("extra-platforms") == ("b", "c")


def test_names_are_case_sensitive_and_a_byte_order_mark_is_part_of_one() -> None:
    result = folded("\ufeffsubstituters = https://a\nSubstituters = https://b\n")
    assert result.tokens("substituters") == ("https://cache.nixos.org/",)


def test_an_empty_value_is_an_empty_list() -> None:
    assert folded("substituters =\n").tokens("substituters") == ()


def test_only_assigned_settings_have_a_value_and_unknown_ones_no_default() -> None:
    result = folded("max-jobs = auto\n")
    assert set(result.values) == {"max-jobs"}
    assert result.tokens("cores") is None


@pytest.mark.parametrize(
    ("version", "seconds"),
    [
        ("nix 2.28.9", "0"),
        ("nix 2.29.0", "5"),
        ("nix 2.31.9", "5"),
        ("nix 2.32.0", "15"),
        ("nix 2.34.8", "15"),
    ],
)
def test_the_default_connect_timeout_is_the_versions_own(version: str, seconds: str) -> None:
    assert folded("", version).tokens("connect-timeout") == (seconds,)


def test_each_assignment_tells_where_it_is_and_whether_it_lives() -> None:
    result = folded(
        "extra-binary-caches = https://a\ninclude more\n", more="substituters = https://b\n"
    )
    assert result.assignments == (
        Assigned(ROOT, 1, "extra-binary-caches", "substituters", True, ("https://a",), False),
        Assigned("/etc/nix/more", 1, "substituters", "substituters", False, ("https://b",), True),
    )


# Includes ------------------------------------------------------------------------------------


# The example of NixOS/nix#8719: from 2.16.0 to 2.19 the include had no effect. Source:
# src/libutil/config.cc, applyConfig at those tags; repaired by 1d28d613b1 in 2.20.
@pytest.mark.parametrize("version", INLINE)
def test_an_include_stands_where_it_is_written(version: str) -> None:
    result = folded(
        "substituters = https://a\ninclude b\n", version, b="extra-substituters = https://b\n"
    )
    assert result.tokens("substituters") == ("https://a", "https://b")


@pytest.mark.parametrize("version", INCLUDES_FIRST)
def test_from_2_16_to_2_19_an_include_comes_before_its_file(version: str) -> None:
    result = folded(
        "substituters = https://a\ninclude b\n", version, b="extra-substituters = https://b\n"
    )
    assert result.tokens("substituters") == ("https://a",)
    appended = folded(
        "extra-substituters = https://a\ninclude b\n", version, b="substituters = https://b\n"
    )
    assert appended.tokens("substituters") == ("https://b", "https://a")


@pytest.mark.parametrize("version", INCLUDES_FIRST)
def test_from_2_16_to_2_19_that_holds_at_every_depth(version: str) -> None:
    result = folded(
        "trusted-users = a\ninclude b\n",
        version,
        b="extra-trusted-users = b\ninclude c\n",
        c="trusted-users = c\n",
    )
    assert [line.tokens for line in result.assignments] == [("c",), ("b",), ("a",)]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("more.conf", "/etc/nix/more.conf"),
        ("./sub//more.conf/", "/etc/nix/sub/more.conf"),
        ("gone/../more.conf", "/etc/nix/more.conf"),
        ("../more.conf", "/etc/more.conf"),
        ("../../../../more.conf", "/more.conf"),
        ("//srv/more.conf", "/srv/more.conf"),
        ("~/more.conf", "/etc/nix/~/more.conf"),
        ("*.conf", "/etc/nix/*.conf"),
    ],
)
@pytest.mark.parametrize("version", EVERY_NIX[:-1])
def test_an_include_is_relative_to_its_file_by_letters(
    target: str, path: str, version: str
) -> None:
    files = {
        ROOT: parse(ROOT, f"include {target}\n"),
        path: parse(path, "trusted-users = found\n"),
    }
    assert fold(ROOT, files, nix(version)).tokens("trusted-users") == ("found",)


def test_an_include_in_an_included_file_is_relative_to_that_file() -> None:
    result = folded("include sub/a\n", sub__a="include b\n", sub__b="trusted-users = found\n")
    assert result.tokens("trusted-users") == ("found",)


@pytest.mark.parametrize("version", EVERY_NIX)
def test_a_missing_include_is_refused_and_a_missing_optional_one_is_not(version: str) -> None:
    refusal = folded("!include gone\ntrusted-users = a\ninclude gone\n", version).refusal
    assert refusal is not None
    assert (refusal.path, refusal.line) == (ROOT, 3)
    assert "'/etc/nix/gone' does not exist" in refusal.why
    assert folded("!include gone\n", version).refusal is None


@pytest.mark.parametrize("version", EVERY_NIX)
@pytest.mark.parametrize("word", ["include", "!include"])
def test_an_include_of_nobody_knows_what_is_neither_missing_nor_nothing(
    word: str, version: str
) -> None:
    result = folded(f"trusted-users = a\n{word} ???\n!include b\n", version, b=f"{word} ???\n")
    assert result.refusal is None
    assert result.untold == (Origin(ROOT, 2), Origin("/etc/nix/b", 1))


@pytest.mark.parametrize("version", EVERY_NIX)
def test_what_cannot_be_read_is_skipped_and_named(version: str) -> None:
    result = folded("include shut\ntrusted-users = a\n", version, shut=Unreadable())
    assert result.refusal is None
    assert result.tokens("trusted-users") == ("a",)
    assert result.unreadable == ("/etc/nix/shut",)


def test_a_root_that_is_missing_or_unreadable_leaves_the_defaults() -> None:
    assert fold(ROOT, {}, nix("nix 2.26.3")).tokens("trusted-users") == ("root",)
    assert fold(ROOT, {ROOT: Missing()}, nix("nix 2.26.3")).unreadable == ()
    assert fold(ROOT, {ROOT: Unreadable()}, nix("nix 2.26.3")).unreadable == (ROOT,)


def test_a_file_included_twice_counts_twice() -> None:
    result = folded("include a\ninclude a\n", a="extra-trusted-users = a\n")
    assert result.tokens("trusted-users") == ("root", "a", "a")


@pytest.mark.parametrize("version", EVERY_NIX)
def test_a_file_that_includes_itself_is_refused_where_it_does(version: str) -> None:
    refusal = folded("include a\n", version, a="!include nix.conf\n").refusal
    assert refusal is not None
    assert (refusal.path, refusal.line) == ("/etc/nix/a", 1)
    assert "crashes" in refusal.why


def test_includes_that_double_on_each_level_are_not_followed_for_ever() -> None:
    levels = {f"l{n}": f"include l{n + 1}\ninclude l{n + 1}\n" for n in range(60)}
    result = folded("include l0\n", l60="", **levels)
    assert result.refusal is not None
    assert "not read further" in result.refusal.why


def test_a_chain_of_includes_of_any_length_is_no_crash() -> None:
    levels = {f"l{n}": f"include l{n + 1}\n" for n in range(3000)}
    result = folded("include l0\n", l3000="trusted-users = a\n", **levels)
    assert result.refusal is not None
    assert "deeper than" in result.refusal.why


@pytest.mark.parametrize(
    ("target", "length", "is_too_long"),
    [
        ("x" * 255, 255, False),
        ("x" * 256, 256, True),
        ("é" * 128, 256, True),
        ("/" + "/".join(["x" * 255] * 15 + ["x" * 254]), 4095, False),
        ("/" + "/".join(["x" * 255] * 16), 4096, True),
    ],
    ids=lambda value: str(value)[:20],
)
def test_linux_takes_names_of_255_bytes_and_paths_of_4095(
    target: str, length: int, is_too_long: bool
) -> None:
    assert len(target.encode()) == length
    result = folded(f"!include {target}\nfallback = true\n")
    assert result.unreadable == ((ROOT,) if is_too_long else ())


@pytest.mark.parametrize("version", ["nix 2.8.0", "nix 2.15.3"])
def test_before_2_16_a_name_too_long_for_the_kernel_ends_the_file(version: str) -> None:
    text = f"trusted-users = a\n!include {'x' * 256}\ntrusted-users = b\n"
    assert folded(text, version).tokens("trusted-users") == ("a",)
    assert folded(text, version).unreadable == (ROOT,)


@pytest.mark.parametrize("version", ["nix 2.18.9", "nix 2.26.3", "nix 2.34.8"])
def test_since_2_16_a_name_too_long_for_the_kernel_loses_the_whole_file(version: str) -> None:
    text = f"trusted-users = a\n!include {'x' * 256}\ntrusted-users = b\n"
    assert folded(text, version).tokens("trusted-users") == ("root",)
    assert folded(text, version).unreadable == (ROOT,)


def test_since_2_20_an_included_file_keeps_what_stands_before_a_name_too_long() -> None:
    cut = f"trusted-users = b\n!include {'x' * 256}\ntrusted-users = c\n"
    result = folded("trusted-users = a\ninclude cut\nfallback = true\n", cut=cut)
    assert result.tokens("trusted-users") == ("b",)
    assert result.tokens("fallback") == ("true",)


# What is refused, and which of two ----------------------------------------------------------


@pytest.mark.parametrize("value", ["on", "TRUE", "", "true true", "maybe", '"true"'])
@pytest.mark.parametrize("name", ["fallback", "build-fallback", "require-sigs"])
def test_a_boolean_is_true_yes_1_false_no_or_0(name: str, value: str) -> None:
    assert folded(f"{name} = {value}\n").refusal is not None
    for good in ("true", "yes", "1", "false", "no", "0"):
        assert folded(f"{name} = {good}\n").refusal is None


@pytest.mark.parametrize(
    "value", ["x", "-1", "", "5 6", "0x5", "1.5", "5s", "K", str(2**64), "\u0665"]
)
def test_a_number_is_digits(value: str) -> None:
    refusal = folded(f"\nconnect-timeout = {value}\n").refusal
    assert refusal is not None
    assert (refusal.path, refusal.line) == (ROOT, 2)
    assert "connect-timeout" in refusal.why


@pytest.mark.parametrize("value", ["0", "007", "+5", str(2**64 - 1)])
@pytest.mark.parametrize("version", EVERY_NIX)
def test_digits_are_a_number(value: str, version: str) -> None:
    assert folded(f"connect-timeout = {value}\n", version).refusal is None


def test_a_number_has_a_unit_from_2_23_on() -> None:
    assert folded("connect-timeout = 5k\n", "nix 2.22.4").refusal is not None
    assert folded("connect-timeout = 5k\n", "nix 2.23.0").refusal is None
    assert folded("connect-timeout = 5k\n", "lix 2.94.0").refusal is not None


def test_a_word_that_is_no_store_is_refused_from_2_34_on() -> None:
    text = 'trusted-users = root\ntrusted-substituters = https://a "https://b"\n'
    assert folded(text, "nix 2.33.3").refusal is None
    assert folded(text, "lix 2.94.0").refusal is None
    for version in ("nix 2.34.8", "determinate 2.35.2"):
        refusal = folded(text, version).refusal
        assert refusal is not None
        assert refusal.line == 2
        assert '"https://b"' in refusal.why


def test_a_malformed_key_is_no_matter_of_loading() -> None:
    assert folded("trusted-public-keys = foo\n", "nix 2.34.8").refusal is None


def test_up_to_2_15_the_first_bad_line_is_met_first() -> None:
    refusal = folded("fallback = x\nfoo\n", "nix 2.8.0").refusal
    assert refusal is not None
    assert refusal.line == 1


@pytest.mark.parametrize("version", ["nix 2.18.9", "nix 2.26.3", "nix 2.34.8", "lix 2.94.0"])
def test_since_2_16_a_bad_line_comes_before_a_bad_value(version: str) -> None:
    refusal = folded("fallback = x\nfoo\n", version).refusal
    assert refusal is not None
    assert refusal.line == 2


def test_from_2_16_to_2_19_an_included_bad_value_comes_before_a_later_bad_line() -> None:
    text = "include a\nfoo\n"
    included = folded(text, "nix 2.18.9", a="fallback = x\n").refusal
    assert included is not None
    assert included.path == "/etc/nix/a"
    flattened = folded(text, "nix 2.26.3", a="fallback = x\n").refusal
    assert flattened is not None
    assert flattened.path == ROOT


def test_values_are_those_without_the_refused_lines() -> None:
    result = folded("foo\nfallback = true\nfallback = x\ntrusted-users = a\n")
    assert result.tokens("fallback") == ("true",)
    assert result.tokens("trusted-users") == ("a",)


# Experimental features -----------------------------------------------------------------------


@pytest.mark.parametrize("version", ["nix 2.16.0", "nix 2.26.3", "nix 2.34.8", "lix 2.94.0"])
def test_a_flake_setting_counts_only_with_flakes_wherever_they_are_switched_on(
    version: str,
) -> None:
    off = folded("accept-flake-config = true\n", version)
    assert "accept-flake-config" not in off.values
    assert [line.lives for line in off.assignments] == [False]
    on = folded("accept-flake-config = true\nextra-experimental-features = flakes\n", version)
    assert on.tokens("accept-flake-config") == ("true",)


def test_a_flake_setting_that_does_not_count_may_say_anything() -> None:
    text = "accept-flake-config = maybe\n"
    assert folded(text, "nix 2.26.3").refusal is None
    assert folded(text + "experimental-features = flakes\n", "nix 2.26.3").refusal is not None
    assert folded(text, "nix 2.8.0").refusal is not None


@pytest.mark.parametrize("version", ["nix 2.8.0", "determinate 2.35.2"])
def test_a_flake_setting_always_counts_in_old_nix_and_in_determinate_nix(version: str) -> None:
    assert folded("accept-flake-config = true\n", version).tokens("accept-flake-config") == (
        "true",
    )


# Lix -----------------------------------------------------------------------------------------


def test_lix_asks_by_default_and_knows_only_three_words_since_2_91() -> None:
    text = "experimental-features = flakes\naccept-flake-config = {}\n"
    assert folded("", "lix 2.91.0").tokens("accept-flake-config") == ("ask",)
    assert folded(text.format("ask"), "lix 2.91.0").refusal is None
    assert folded(text.format("yes"), "lix 2.91.0").refusal is not None
    assert folded(text.format("yes"), "lix 2.90.0").refusal is None
    assert folded(text.format("ask"), "nix 2.26.3").refusal is not None


def test_lix_takes_a_tilde_for_the_home_in_a_persons_own_file_only() -> None:
    own, more = "/home/baleen/.config/nix/nix.conf", "/home/baleen/more.conf"
    files = {own: parse(own, "include ~/more.conf\n"), more: parse(more, "trusted-users = found\n")}
    lix = nix("lix 2.92.0")
    assert fold(own, files, lix, home="/home/baleen").tokens("trusted-users") == ("found",)
    assert fold(own, files, lix).refusal is not None
    assert folded("!include ~baleen/x\n", "lix 2.92.0").refusal is not None
    assert folded("!include ~/x\n", "lix 2.91.0").refusal is None
