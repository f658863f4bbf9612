"""What the probe sends of a file reads as the file itself does, and holds no more than that."""

import base64
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from nixtrust.conf import Assignment, Blank, Illegal, Include, Line, apply, edit, fold, parse
from nixtrust.conf_settings import MANAGED, spelled
from nixtrust.nix_version import NixVersion
from nixtrust.policy import Policy, policy_of
from nixtrust.refused import Refused
from nixtrust.scripts import SENT
from tests.lab.conf_generator import cases, root
from tests.shell.looking import functions

JUDGED = SENT.keys()
OPAQUE = "Aa0kPz7QmWx3RtY9sLb2"
STORED = "/nix/store/0c9vxqzsj5a4mddm0yk4bnw7vbd5qlyr-NetworkManager-1.2.30/hook"
VERSIONS = [NixVersion("nix", number) for number in [(2, 8, 0), (2, 18, 0), (2, 26, 3), (2, 34, 8)]]


def redacted(
    folder: Path, files: Mapping[str, bytes], policy: Policy | None = None
) -> dict[str, str]:
    """What the probe's `redact` makes of files, all in one shell."""
    declared = policy.texts if policy else {"fallback": "true"}
    beginning = functions(declared)
    steps = []
    for number, content in enumerate(files.values()):
        (folder / f"{number}").write_bytes(content)
        steps.append(f"redact '' {folder} <{folder}/{number} >{folder}/{number}.out")
    script = f"{beginning}\n" + "\n".join(steps) + "\n}\nmain\n"
    subprocess.run(["sh", "-s"], input=script, text=True, check=True)
    return {path: (folder / f"{n}.out").read_text("ascii") for n, path in enumerate(files)}


@pytest.fixture(scope="module")
def pairs(
    tmp_path_factory: pytest.TempPathFactory,
) -> list[tuple[str, dict[str, str], dict[str, str]]]:
    """Trees of files: the first one's path, the texts, and the texts as the probe sends them."""
    trees = list(cases(seed=7, count=400))
    folder = tmp_path_factory.mktemp("redacted")
    sent = redacted(folder, {path: text for tree in trees for path, text in tree.items()})
    return [
        (
            root(tree),
            {path: plain(text) for path, text in tree.items()},
            {path: sent[path] for path in tree},
        )
        for tree in trees
    ]


def plain(content: bytes) -> str:
    """The text with each byte that is neither printable ASCII nor blank as a circumflex."""
    return re.sub(rb"[^\t\n\r -~]", b"^", content).decode()


def same(raw: Line, sent: Line) -> bool:
    match raw, sent:
        case Blank(), Blank():
            return True
        case Illegal(), Illegal():
            return True
        case Include(target=one, optional=first), Include(target=other, optional=second):
            is_path = re.fullmatch("[A-Za-z0-9.,_*/~@+-]+", one) and re.search("[./]", one)
            told = one if is_path else "???" if "^" in one else "***"  # there is no such file
            return first == second and other == told
        case Assignment(name=one, tokens=values), Assignment(name=other, tokens=sent_values):
            if re.fullmatch("[a-z0-9-]{1,64}", one) is None:
                return other == "???" and sent_values == ()
            if spelled(one)[0] in JUDGED:
                return other == one and len(values) == len(sent_values)
            # `extra-` before a setting that does not take it: no setting, and masked like one.
            return other == one and (one.startswith("extra-") or sent_values == ())
    return False


def test_each_line_is_sent_as_one_line_of_its_kind(
    pairs: list[tuple[str, dict[str, str], dict[str, str]]],
) -> None:
    seen = 0
    for _, texts, sent in pairs:
        for path, text in texts.items():
            raw, other = parse(path, text).lines, parse(path, sent[path]).lines
            assert len(raw) == len(other), text
            for one, two in zip(raw, other, strict=True):
                assert same(one, two), (one, two)
                seen += 1
    assert seen > 2000


def test_the_managed_settings_fold_to_the_same_from_what_is_sent(
    pairs: list[tuple[str, dict[str, str], dict[str, str]]],
) -> None:
    compared, untold = 0, 0
    for first, texts, sent in pairs:
        if any("***" in text for text in sent.values()):
            continue
        for nix in VERSIONS:
            raw = fold(first, {path: parse(path, text) for path, text in texts.items()}, nix)
            other = fold(first, {path: parse(path, text) for path, text in sent.items()}, nix)
            if other.untold:
                untold += 1
                continue
            for setting in MANAGED:
                assert raw.tokens(setting) == other.tokens(setting), texts
                compared += 1
    assert compared > 1000
    assert untold


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("substituters = https://a:b@c.org/", "substituters = https://***@c.org/"),
        ("substituters = https://a:b/c@d.org", "substituters = https://***@d.org"),
        (
            "substituters = s3://b?secret-key=/k&region=x",
            "substituters = s3://b?secret-key=***&region=x",
        ),
        ("substituters = https://h/x?TOKEN", "substituters = https://h/x?***"),
        ("substituters = https://h/x?dG9rZW4==", "substituters = https://h/x?***"),
        ("substituters = https://u:p?TOKEN@h/", "substituters = https://***@h/"),
        ("substituters = https://u:p?a=b@c@h/?x=y", "substituters = https://***@h/?x=***"),
        ("substituters = hunter2 u:p@h daemon", "substituters = *** ***@h daemon"),
        (
            "substituters = https://h/?priority=10?secret-key=SEC",
            "substituters = https://h/?priority=***",
        ),
        (
            "substituters = https://h/?priority=10&trusted=1",
            "substituters = https://h/?priority=10&trusted=1",
        ),
        ("trusted-public-keys = n-1:" + "A" * 88, "trusted-public-keys = n-1:***"),
        (f"trusted-public-keys = n:{'A' * 43}=", f"trusted-public-keys = n:{'A' * 43}="),
        (f"trusted-public-keys = n-1:{'A' * 43}", f"trusted-public-keys = n-1:{'A' * 43}"),
        ("trusted-public-keys = n-1:hunter2", "trusted-public-keys = n-1:***"),
        (f"trusted-public-keys = n-1:{'A' * 40}:b=", "trusted-public-keys = n-1:***"),
        ("trusted-public-keys = hunter2:x hunter2", "trusted-public-keys = *** ***"),
        ("trusted-users = root @wheel me$ *", "trusted-users = root @wheel me$ *"),
        ("trusted-users = 1x a:b " + "a" * 34, "trusted-users = *** *** ***"),
        ("access-tokens = github.com=abc", "access-tokens ="),
        ("store = local?require-sigs=false", "store = local?require-sigs=false"),
        ("store = local?require%2Dsigs=false", "store = local?***"),
        ("store = auto?secret-key=/k", "store = auto?secret-key=***"),
        ("store = ssh-ng://me:hunter2@host", "store = ssh-ng://***@host"),
        ("store = hunter2?a=b", "store = ***"),
        ("build-use-substitutes = no", "build-use-substitutes = no"),
        ("post-build-hook = token", "post-build-hook = ***"),
        ("post-build-hook = /etc/hook", "post-build-hook = /etc/hook"),
        ("fallback = ghp_0123456789abcdef", "fallback = ***"),
        ("post-build-hook = /x?t=SECRET", "post-build-hook = ***"),
        (f"post-build-hook = /etc/{OPAQUE}/hook", "post-build-hook = /etc/***/hook"),
        (f"post-build-hook = {STORED}", f"post-build-hook = {STORED}"),
        (f"substituters = https://h/{OPAQUE}/nix?x=y", "substituters = https://h/***/nix?x=***"),
        (f"substituters = https://h/{OPAQUE}", "substituters = https://h/***"),
        (f"substituters = https://h/{'0123456789abcdef' * 2}/", "substituters = https://h/***/"),
        (f"substituters = https://h/{'01abc' * 8}/", f"substituters = https://h/{'01abc' * 8}/"),
        ("substituters = s3://Team2024Packages-eu", "substituters = s3://Team2024Packages-eu"),
        (f"trusted-users = root {OPAQUE} @{OPAQUE}", "trusted-users = root *** ***"),
        ("fallback = hunter2", "fallback = ***"),
        ("fallback = yes", "fallback = yes"),
        ("connect-timeout = 5 +6 1K 0x7", "connect-timeout = 5 +6 1K ***"),
        ("include ghp_0123456789abcdef", "include ***"),
        ("!include x?t=`echo$IFS''SECRET`", "!include ***"),
        ("include x.conf", "include x.conf"),
        ("include /etc/nix/x", "include /etc/nix/x"),
        ("ghp_secret", "?"),
        ("# a comment", "#"),
        ("x = y # a comment", "x ="),
        ("include a b", "?"),
        ("Ghp_Secret = x", "??? ="),
    ],
)
def test_what_is_sent_of_a_line(line: str, sent: str, tmp_path: Path) -> None:
    assert redacted(tmp_path, {"x": f"{line}\n".encode()})["x"] == f"{sent}\n"


# *** is for what is not there, ??? for what cannot be told.
@pytest.mark.parametrize(
    ("there", "written", "sent"),
    [
        ("extra", "extra", "extra"),
        (None, "gone", "***"),
        ("a$b", "a$b", "a$b"),
        ("a$b", "gone/../a$b//", "gone/../a$b//"),
        (None, "~/a$b", "???"),
        (None, "a$b", "***"),
        ("it's `a` \"b\\", "it's", "***"),
        ("it's`a`\"b\\;$(", "it's`a`\"b\\;$(", "it's`a`\"b\\;$("),
        ("é.conf", "é.conf", "???"),
        ("팀", "팀", "???"),
        (None, "é.conf", "???"),
        ("a\x01.conf", "a\x01.conf", "???"),
        ("a^b.conf", "a^b.conf", "a^b.conf"),
        # Not to be told from the two marks.
        ("***", "***", "???"),
        ("???", "???", "???"),
        (None, "long" * 65, "???"),
    ],
)
def test_an_include_by_an_odd_name_is_told_absent_only_where_nothing_is_there(
    there: str | None, written: str, sent: str, tmp_path: Path
) -> None:
    if there:
        (tmp_path / there).touch()
    assert redacted(tmp_path, {"x": f"!include {written}\n".encode()})["x"] == f"!include {sent}\n"


def test_an_include_by_an_odd_path_is_told_like_one_by_a_name(tmp_path: Path) -> None:
    (tmp_path / "a(b").touch()
    lines = "".join(f"!include {tmp_path}/{name}\n" for name in ("a(b", "gone(", "é"))
    sent = redacted(tmp_path, {"x": lines.encode()})["x"]
    assert sent == f"!include {tmp_path}/a(b\n!include ***\n!include ???\n"


KEYS = st.builds(
    lambda name, raw: f"{name}:{base64.b64encode(raw).decode()}",
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+@=/~-]{0,70}", fullmatch=True),
    st.binary(min_size=32, max_size=32),
)
CACHES = st.builds(
    lambda path, keys, use: {"url": f"https://c.example/{path}", "public_keys": keys, "use": use},
    st.from_regex(r"([a-z0-9@:.~_-]+(/[a-z@]+)*\?priority=[0-9]{1,9})?", fullmatch=True),
    st.lists(KEYS, min_size=1, max_size=2),
    st.sampled_from(["always", "on-request"]),
)
WORDS = st.from_regex(r"[!-\"$-~]{1,60}", fullmatch=True)
SETTINGS = st.dictionaries(
    st.from_regex(r"[a-z0-9]{1,40}(-[a-z0-9]{1,40}){0,2}(-files|-hook|-builders)?", fullmatch=True)
    | st.sampled_from(["experimental-features", "http-connections", "max-jobs"]),
    WORDS | st.lists(WORDS, max_size=3) | st.booleans() | st.integers(0, 10**9),
    max_size=4,
)
USERS = st.lists(st.from_regex(r"@?[A-Za-z_][A-Za-z0-9_.-]{0,50}\$?", fullmatch=True), max_size=3)


@settings(max_examples=60, deadline=None)
@given(caches=st.lists(CACHES, min_size=1, max_size=3), users=USERS, further=SETTINGS)
@example(
    caches=[
        {
            "url": "https://c.example/~me@home?priority=3",
            "public_keys": [f"a@b=c/~-1:{'A' * 43}="],
            "use": "always",
        }
    ],
    users=["a" * 50, "@wheel$"],
    further={
        "experimental-features": ["blake3-hashes", "nix-command"],
        f"{'very-' * 20}long": "x",
        "of-files": "no path",
        "some-builders": "\\n\\\\ 'x' \"$y\" `z` & /",
        "a-hook": True,
    },
)
def test_the_block_of_any_policy_is_sent_as_it_is(
    tmp_path_factory: pytest.TempPathFactory,
    caches: list[dict[str, object]],
    users: list[str],
    further: dict[str, object],
) -> None:
    try:
        policy = policy_of(
            {"nix_caches": caches, "nix_trusted_users": ["root", *users], "nix_settings": further}
        )
    except Refused:
        event("refused")
        return
    text = apply("", edit(parse("/x", ""), policy.declared))
    folder = tmp_path_factory.mktemp("block")
    assert redacted(folder, {"x": text.encode()}, policy)["x"] == text


def test_a_byte_that_is_no_plain_text_is_not_taken_for_the_mark_that_stands_for_it(
    tmp_path: Path,
) -> None:
    policy = policy_of(
        {
            "nix_caches": [{"url": "https://c.example", "public_keys": [f"a:{'A' * 43}="]}],
            "nix_settings": {"some": "a^^b"},
        }
    )
    text = "some = a^^b\nsome = a\u00e9b\n"
    assert redacted(tmp_path, {"x": text.encode()}, policy)["x"] == "some = a^^b\nsome = ***\n"


def test_a_link_to_nothing_is_something_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    assert redacted(tmp_path, {"x": b"include dangling\n"})["x"] == "include dangling\n"
