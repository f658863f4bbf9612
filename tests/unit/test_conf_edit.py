"""The edit of one file, held to its rule over files of all sorts."""

from hypothesis import given
from hypothesis import strategies as st

from nixtrust.conf import (
    BLOCK_BEGIN,
    BLOCK_END,
    MANAGED,
    Assignment,
    ConfFile,
    apply,
    edit,
    fold,
    parse,
)
from nixtrust.conf_settings import spelled
from nixtrust.nix_version import NixVersion
from tests.lab.conf_generator import cases, root

ROOT = "/etc/nix/nix.conf"
NIX = NixVersion("nix", (2, 26, 3))
Declared = dict[str, tuple[str, ...] | None]
DECLARED: Declared = {
    "substituters": ("https://a", "https://b/"),
    "trusted-users": ("root",),
    "fallback": None,
}


def edited(text: str, declared: Declared) -> str:
    return apply(text, edit(parse(ROOT, text), declared))


def test_all_lines_of_a_declared_setting_go_and_a_block_at_the_end_declares_it() -> None:
    text = (
        "# mine\n"
        "binary-caches = https://x\n"
        "max-jobs = auto\n"
        "extra-trusted-users = bob # why\n"
        "build-fallback = true\n"
        "include more.conf"
    )
    assert edited(text, DECLARED) == (
        "# mine\n"
        "max-jobs = auto\n"
        "include more.conf\n"
        "# nixtrust: declared in group_data/; edits between these two lines are overwritten\n"
        "substituters = https://a https://b/\n"
        "trusted-users = root\n"
        "# nixtrust: end\n"
    )


def test_the_edit_names_line_numbers_and_the_block() -> None:
    found = edit(parse(ROOT, "a = 1\nfallback = true\nsubstituters = https://x\n"), DECLARED)
    assert found.path == ROOT
    assert found.remove == (2, 3)
    assert found.block[0] == BLOCK_BEGIN
    assert found.block[-1] == BLOCK_END


def test_an_edited_file_needs_no_edit() -> None:
    found = edit(parse(ROOT, edited("a = 1\n", DECLARED)), DECLARED)
    assert (found.remove, found.block) == ((), ())


def test_an_empty_list_is_declared_as_such() -> None:
    text = edited("", {"trusted-substituters": ()})
    assert text == f"{BLOCK_BEGIN}\ntrusted-substituters =\n{BLOCK_END}\n"


def test_a_block_of_an_older_policy_goes_with_all_that_was_put_into_it() -> None:
    old = edited("a = 1\n", {"substituters": ("https://x",), "connect-timeout": ("5",)})
    meddled = old.replace(BLOCK_END, f"cores = 2\n{BLOCK_END}") + "b = 2\n"
    assert edited(meddled, DECLARED) == edited("a = 1\nb = 2\n", DECLARED)


def test_a_block_with_carriage_returns_is_still_ours() -> None:
    windows = edited("a = 1\n", {"connect-timeout": ("5",)}).replace("\n", "\r\n")
    assert edited(windows, DECLARED) == edited("a = 1\r\n", DECLARED)


def test_of_half_a_block_only_the_marker_is_ours() -> None:
    assert edited(f"{BLOCK_BEGIN}\ncores = 2\n", {}) == "cores = 2\n"
    assert edited(f"cores = 2\n{BLOCK_END}\na = 1\n", {}) == "cores = 2\na = 1\n"
    assert edited(f"{BLOCK_BEGIN}\na = 1\n{BLOCK_BEGIN}\nb = 2\n{BLOCK_END}\n", {}) == "a = 1\n"


def test_a_name_that_nix_does_not_know_is_left_alone() -> None:
    text = "\ufeffsubstituters = https://x\nextra-fallback = true\nSubstituters = https://y\n"
    assert edited(text, DECLARED).startswith(text)


def test_a_file_with_nothing_but_declared_lines_becomes_the_block() -> None:
    assert edited("substituters = https://x", DECLARED).startswith(BLOCK_BEGIN)


_SNIPPETS = st.sampled_from(
    [
        *(f"{name} = x" for name in MANAGED),
        "substituters = https://a https://b/",
        "extra-substituters = https://x # why",
        "binary-caches\t=\thttps://x",
        "trusted-users = root",
        "fallback = true",
        "max-jobs = auto",
        "cores = 2 \r",
        "foo",
        "# a comment",
        "",
        "\ufeffsubstituters = x",
        "!include more.conf",
        BLOCK_BEGIN,
        BLOCK_END,
        f"  {BLOCK_BEGIN}\r",
    ]
)
_GENERATED = st.integers(0, 2**32).map(lambda seed: _first_file(seed))
TEXTS = (
    st.lists(_SNIPPETS | st.text(st.sampled_from("ab= #\r\t\v\n"), max_size=8)).map("\n".join)
    | st.lists(_SNIPPETS).map(lambda lines: "".join(f"{line}\r\n" for line in lines))
    | _GENERATED
)
WORDS = st.text(st.sampled_from("abc:/.-_=1"), min_size=1, max_size=6)
DECLARATIONS = st.dictionaries(
    st.sampled_from([*MANAGED, "keep-outputs", "max-jobs"]),
    st.none() | st.lists(WORDS, max_size=3).map(tuple),
)


def _first_file(seed: int) -> str:
    [tree] = cases(seed, 1)
    return tree[root(tree)].decode("utf-8", "surrogateescape")


@given(TEXTS, DECLARATIONS)
def test_editing_twice_is_editing_once(text: str, declared: Declared) -> None:
    once = edited(text, declared)
    assert edited(once, declared) == once


@given(TEXTS, DECLARATIONS)
def test_everything_else_keeps_its_bytes_and_its_order(text: str, declared: Declared) -> None:
    conf = parse(ROOT, text)
    found = edit(conf, declared)
    kept = [line.raw for line in conf.lines if line.number not in found.remove]
    assert apply(text, found).startswith("".join(kept))
    assert len(apply(text, found)) <= len("".join(kept)) + 1 + sum(len(b) + 1 for b in found.block)


@given(TEXTS, DECLARATIONS)
def test_only_declared_lines_and_blocks_go(text: str, declared: Declared) -> None:
    conf = parse(ROOT, text)
    outside = outside_blocks(conf)
    gone = {line.number for line in conf.lines} & set(edit(conf, declared).remove)
    for line in conf.lines:
        names_one = isinstance(line, Assignment) and spelled(line.name)[0] in declared
        if line.number in outside and line.number in gone:
            assert names_one


def outside_blocks(conf: ConfFile) -> set[int]:
    """The lines that no marker encloses, by a way of its own: from the file's end."""
    outside: set[int] = set()
    inside: list[int] | None = None
    for line in reversed(conf.lines):
        mark = line.raw.strip(" \t\r\n")
        if mark == BLOCK_END:
            outside.update(inside or [])
            inside = []
        elif mark == BLOCK_BEGIN:
            inside = None
        elif inside is not None:
            inside.append(line.number)
        else:
            outside.add(line.number)
    return outside | set(inside or [])


@given(TEXTS, DECLARATIONS)
def test_after_the_edit_the_file_says_what_is_declared(text: str, declared: Declared) -> None:
    after = parse(ROOT, edited(text, declared))
    result = fold(ROOT, {ROOT: after}, NIX)
    if ROOT in result.unreadable:  # an include whose name is too long: nothing of the file counts
        return
    for setting, tokens in declared.items():
        if tokens is None:
            assert setting not in result.values
        else:
            assert result.values[setting].tokens == tokens


@given(TEXTS, DECLARATIONS)
def test_taking_the_block_out_leaves_the_file_without_the_declared_lines(
    text: str, declared: Declared
) -> None:
    without = edited(text, dict.fromkeys(declared))
    undone = edited(edited(text, declared), {})
    has_block = any(tokens is not None for tokens in declared.values())
    newline = "\n" if has_block and without and not without.endswith("\n") else ""
    assert undone == without + newline
