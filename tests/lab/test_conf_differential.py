"""What nixtrust reads in a nix.conf is what each real Nix reads in it, refusals included.

So it is with what the probe sends of it, but where it tells that something is not known.

NIXTRUST_CONF_CASES and NIXTRUST_CONF_SEED ask for more cases, or others, than CI's.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

from nixtrust.conf import (
    MANAGED,
    Assignment,
    ConfFile,
    File,
    Folded,
    Illegal,
    Include,
    Line,
    Refusal,
    Unreadable,
    apply,
    edit,
    fold,
    included_path,
    parse,
)
from nixtrust.conf_settings import printed, spelled
from nixtrust.conf_table import ALIASES
from nixtrust.machine import Machine, read_answer
from nixtrust.nix_version import NixVersion, parse_nix_version
from tests.lab.conf_generator import DANGLING, FOLDERS, SHUT, TOP, Tree, cases, root, words
from tests.lab.nix_oracle import CRASHED, Answer, ask, said_of_each
from tests.shell.looking import functions

pytestmark = pytest.mark.lab

SUITES = ("bookworm", "trixie", "sid")
SEED = int(os.environ.get("NIXTRUST_CONF_SEED", "20261001"))
CASES = int(os.environ.get("NIXTRUST_CONF_CASES", "250"))
BATCH = 1000
LIMIT = 600  # seconds for a batch

COMPARED = (*MANAGED, "fallback", "connect-timeout", "require-sigs", "accept-flake-config")
DECLARED: Mapping[str, tuple[str, ...] | None] = {
    "substituters": ("https://baleen-nix.cachix.org", "https://cache.nixos.org/"),
    "trusted-substituters": ("https://baleen-nix.cachix.org/", "https://cache.nixos.org/"),
    "trusted-public-keys": (
        "baleen-nix.cachix.org-1:awgC7Sut148An/CZ6TZA+wnUtJmJnOvl5NThGio9j5k=",
        "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",
    ),
    "trusted-users": ("root",),
    "connect-timeout": ("5",),
    "fallback": None,
}
DATA = Path(__file__).parents[1] / "data"
INSTALLERS = DATA / "installer-confs"
STORE_WORDS = DATA / "store-words.txt"


GENERATIONS: Mapping[str, Callable[[NixVersion], bool]] = {
    "at most 2.8": lambda nix: nix.number < (2, 9, 0),
    "2.20 to 2.33": lambda nix: (2, 20, 0) <= nix.number < (2, 34, 0),
    "2.34 or later": lambda nix: nix.number >= (2, 34, 0),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of all cases with one Nix; `sent` and `told` of those whose files the probe sent,
    and of these where nothing was unknown."""

    nix: NixVersion
    refused: int
    edited: int
    sent: int
    told: int
    differences: Sequence[str]


@pytest.fixture(scope="module")
def seen(base_image: Callable[[str], Path]) -> Mapping[str, Seen]:
    """Every case, and every eighth once more after an edit, put to all Nixes side by side; every
    fourth is also seen as the probe sends it."""
    bases = [base_image(suite) for suite in SUITES]
    with ThreadPoolExecutor(len(SUITES)) as pool:
        return dict(zip(SUITES, pool.map(compared, bases), strict=True))


def compared(base: Path) -> Seen:
    refused, edited_ones, told = 0, 0, 0
    differences: list[str] = []
    fourth: list[tuple[NixVersion, Tree, Answer]] = []
    for number, (nix, tree, answer) in enumerate(asked(base, cases(SEED, CASES))):
        refused += answer.status != 0
        differences += difference(tree, nix, answer)
        if number % 4 == 0:
            fourth.append((nix, tree, answer))
    eighth = islice(cases(SEED, CASES), 0, None, 8)
    for nix, tree, answer in asked(base, (edited(tree) for tree in eighth)):
        edited_ones += answer.status == 0
        differences += [*difference(tree, nix, answer), *undeclared(tree, nix, answer)]
    trees = [tree for _, tree, _ in fourth]
    for (nix, tree, answer), files in zip(fourth, sent(base, trees), strict=True):
        folded = fold(root(tree), files, nix)
        told += not (folded.untold or folded.unreadable)
        differences += misled(folded, tree, answer)
    return Seen(nix, refused, edited_ones, len(fourth), told, differences)


def test_each_generation_of_nix_is_asked(seen: Mapping[str, Seen]) -> None:
    asked_of = [
        name for each in seen.values() for name, holds in GENERATIONS.items() if holds(each.nix)
    ]
    assert sorted(asked_of) == sorted(GENERATIONS), [str(each.nix) for each in seen.values()]


@pytest.mark.parametrize("suite", SUITES)
def test_nixtrust_reads_what_real_nix_reads(seen: Mapping[str, Seen], suite: str) -> None:
    differences = seen[suite].differences
    some = "\n".join(differences[:5])
    assert not differences, f"seed {SEED}: {len(differences)} of {CASES} differ, such as\n{some}"


@pytest.mark.parametrize("suite", SUITES)
def test_enough_files_are_refused_and_enough_edited_ones_are_not(
    seen: Mapping[str, Seen], suite: str
) -> None:
    assert seen[suite].refused >= 0.1 * CASES
    assert seen[suite].edited >= 0.08 * CASES


@pytest.mark.parametrize("suite", SUITES)
def test_of_most_files_enough_is_sent_to_know_them(seen: Mapping[str, Seen], suite: str) -> None:
    assert 0.6 * seen[suite].sent <= seen[suite].told <= 0.95 * seen[suite].sent


def test_the_files_are_as_nasty_as_promised() -> None:
    counted = Counter(trait for tree in cases(SEED, CASES) for trait in traits(tree))
    wanted = {
        "include": 0.2,
        "alias": 0.1,
        "extra after plain": 0.1,
        "plain after extra": 0.1,
        "odd white space": 0.1,
        "bytes that are no text": 0.05,
    }
    scarce = {trait for trait, share in wanted.items() if counted[trait] < share * CASES}
    assert not scarce, f"of {CASES}: {counted}"


def test_nix_2_34_takes_the_very_words_for_stores_that_nixtrust_takes(
    base_image: Callable[[str], Path],
) -> None:
    table = [line.partition("\t")[0] for line in STORE_WORDS.read_text().split("\n")[1:-1]]
    trees: list[Tree] = [
        {f"{TOP}/{n:06}/nix.conf": f"substituters = {word}\n".encode()}
        for n, word in enumerate([*table, *words(SEED, CASES // 5)])
    ]
    statuses: set[int] = set()
    for nix, tree, answer in asked(base_image("sid"), trees):
        assert difference(tree, nix, answer) == []
        statuses.add(answer.status)
    assert statuses == {0, 1}


@pytest.mark.parametrize("suite", SUITES)
def test_installers_files_fold_as_real_nix_reads_them(
    base_image: Callable[[str], Path], suite: str
) -> None:
    confs = [path.read_bytes() for path in sorted(INSTALLERS.glob("*.conf"))]
    alone: list[Tree] = [{f"{TOP}/{n:03}/nix.conf": conf} for n, conf in enumerate(confs)]
    pairs = [
        (conf, custom) for conf in confs if b"!include nix.custom.conf" in conf for custom in confs
    ]
    both: list[Tree] = [
        {f"{TOP}/{n:03}/nix.conf": conf, f"{TOP}/{n:03}/nix.custom.conf": custom}
        for n, (conf, custom) in enumerate(pairs, len(alone))
    ]
    answers = list(asked(base_image(suite), alone + both))
    assert {answer.status for _nix, tree, answer in answers if tree in alone} == {0}
    assert [line for nix, tree, answer in answers for line in difference(tree, nix, answer)] == []


def asked(base: Path, trees: Iterable[Tree]) -> Iterator[tuple[NixVersion, Tree, Answer]]:
    """Each tree with the answer of the image's Nix."""
    left = iter(trees)
    while batch := list(islice(left, BATCH)):
        version, answers = ask(base, batch, LIMIT)
        nix = parse_nix_version(version)
        yield from ((nix, tree, answer) for tree, answer in zip(batch, answers, strict=True))


def sent(base: Path, trees: Sequence[Tree]) -> Iterator[Mapping[str, File]]:
    """The files of each tree as the probe's own functions send them from the image."""
    steps = f"""
is_roots() {{ :; }}
for tree in {TOP}/*; do
  echo "$1 $tree"
  conf_dir=$tree seen=$newline
  conf_files system "$tree/nix.conf"
done
}}
main "$1" </dev/null
"""
    for start in range(0, len(trees), BATCH):
        batch = trees[start : start + BATCH]
        _, *framed = said_of_each(base, batch, functions({}) + steps, LIMIT)
        assert len(framed) == 2 * len(batch)
        for records in framed[1::2]:
            lines = ["nixtrust\tprobe\t1", *_BESIDE, *records.splitlines()]
            machine = read_answer([*lines, f"end\t{len(lines)}"])
            assert isinstance(machine, Machine), machine
            yield machine.files


# What an answer must have besides files.
_BESIDE = (
    "system\tLinux\tx86_64\t0",
    "nix\tabsent\t\t\t/etc/nix",
    "daemon\tnone\t\t\t\t\tabsent",
    "store-owner\troot",
    "user\troot\t0\t/root\t\troot",
)


def misled(folded: Folded, tree: Tree, answer: Answer) -> list[str]:
    """Where what the probe sent says otherwise than this Nix, and not that it is unknown.

    Of a value that is masked it is only said that it is one.
    """
    if folded.untold or folded.unreadable:
        return []
    if answer.status == 0 and folded.refusal is None:
        pairs = [(name, shown(folded, name), answer.settings.get(name)) for name in COMPARED]
        wrong = [pair for pair in pairs if pair[1] != pair[2] and not is_masked(pair[1] or "")]
    elif answer.status == 0:
        wrong = [("refused", str(folded.refusal), None)]
    else:
        words = (word for line in folded.assignments for word in line.tokens)
        excused = any(map(is_masked, words)) or (
            folded.refusal is not None
            and is_about(folded.refusal, files_of(tree), folded.nix, answer)
        )
        wrong = [] if excused else [("refused", str(folded.refusal), answer.error)]
    return [
        f"{folded.nix}: sent, {name} is {ours!r}, not {theirs!r}, in {tree}"
        for name, ours, theirs in wrong
    ]


def is_masked(text: str) -> bool:
    """Whether the probe put something in the place of what it does not send."""
    return any(mask in text for mask in ("***", "%2A%2A%2A", "^"))


def files_of(tree: Tree) -> dict[str, File]:
    """A tree as nixtrust gets it; what is there but no file to be read is unreadable."""
    above = {str(folder) for path in tree for folder in Path(path).parents}
    shut = {path for path in tree if path.endswith((f"/{SHUT}", f"/{DANGLING}"))}
    unreadable: dict[str, File] = dict.fromkeys({*above, *shut, *FOLDERS}, Unreadable())
    return {path: parse(path, text(content)) for path, content in tree.items()} | unreadable


def text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def edited(tree: Tree) -> Tree:
    """The tree after the edit of its first file."""
    first = root(tree)
    conf = parse(first, text(tree[first]))
    return {
        **tree,
        first: apply(conf.text, edit(conf, DECLARED)).encode("utf-8", "surrogateescape"),
    }


def difference(tree: Tree, nix: NixVersion, answer: Answer) -> list[str]:
    """What nixtrust and this Nix do not agree on, in one tree: one line, or none."""
    files = files_of(tree)
    folded = fold(root(tree), files, nix)
    ours = {name: shown(folded, name) for name in COMPARED}
    theirs = {name: answer.settings.get(name) for name in COMPARED}
    if folded.refusal is None and answer.status == 0:
        same = ours == theirs
    else:
        same = folded.refusal is not None and is_about(folded.refusal, files, nix, answer)
    if same:
        return []
    said = answer.error.strip().partition("\n")[0] or f"status {answer.status}"
    wrong = {name: (ours[name], theirs[name]) for name in COMPARED if ours[name] != theirs[name]}
    return [f"{nix} said {said!r}, nixtrust {folded.refusal}; {wrong} in {tree}"]


def undeclared(tree: Tree, nix: NixVersion, answer: Answer) -> list[str]:
    """What this Nix does not read as declared in an edited tree.

    A tree that it refuses, or reads in part only (an include whose name is too long), says nothing.
    """
    folded = fold(root(tree), files_of(tree), nix)
    if folded.refusal is not None or root(tree) in folded.unreadable:
        return []
    return [
        f"{nix} reads {name} as {answer.settings.get(name)!r} in edited {tree}"
        for name, tokens in DECLARED.items()
        if tokens is not None and answer.settings.get(name) != " ".join(tokens)
    ]


def shown(folded: Folded, name: str) -> str | None:
    """A setting as `nix config show` has it; not there at all while its feature is off."""
    features = folded.tokens("experimental-features") or ()
    hidden = folded.nix.hides_flake_settings and "flakes" not in features
    tokens = folded.tokens(name)
    if tokens is None or (hidden and name == "accept-flake-config"):
        return None
    return " ".join(printed(name, tokens, folded.nix))


def is_about(refusal: Refusal, files: Mapping[str, File], nix: NixVersion, answer: Answer) -> bool:
    """Whether Nix's error is about the very line that nixtrust names.

    Of a bad value Nix tells the setting and the value, and no line: they must be that line's.
    """
    conf = files[refusal.path]
    assert isinstance(conf, ConfFile)
    line = conf.lines[refusal.line - 1]
    if isinstance(line, Include) and "includes itself" in refusal.why:
        return answer.status == CRASHED
    return answer.status == 1 and any(
        squeezed(words) in squeezed(answer.error) for words in complaints(line, refusal.path, nix)
    )


def complaints(line: Line, path: str, nix: NixVersion) -> Iterator[str]:
    """What Nix may say of a line that it refuses."""
    quote = '"' if nix.number >= (2, 34, 0) else "'"
    match line:
        case Include(target=target):
            missing = included_path(path, target)
            yield f"file {quote}{missing}{quote} included from {quote}{path}{quote} not found"
        case Illegal(raw=raw, why=why):
            yield f"line '{raw.partition('#')[0]}' in {quote}{path}{quote}"
            if nix.number >= (2, 34, 0) and "exactly one path" in why:
                # The format of its message has a mistake, so that it says this instead.
                yield "boost::bad_format_string"
        case Assignment(name=name, tokens=tokens):
            yield f"'{spelled(name)[0]}' has invalid value '{' '.join(tokens)}'"
            yield from (f"Cannot parse Nix store '{token}'" for token in tokens)
            yield from (f"invalid URI query '{token.partition('?')[2]}'" for token in tokens)


# What Nix takes out of all it says (NixOS/nix src/libutil/terminal.cc, filterANSIEscapes).
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\a\x1b]*|[@-Z\\^_]?)")


def squeezed(words: str) -> str:
    """Nix also turns tabs into spaces and drops carriage returns in what it says."""
    return re.sub(r"[\s\x00-\x1f]", "", _ESCAPES.sub("", words))


def traits(tree: Tree) -> set[str]:
    """What is nasty about a tree."""
    confs = [parse(path, text(content)) for path, content in tree.items()]
    lines = [line for conf in confs for line in conf.lines]
    names = {line.name.removeprefix("extra-") for line in lines if isinstance(line, Assignment)}
    found = {order for conf in confs for order in orders(conf)}
    if any(isinstance(line, Include) for line in lines):
        found.add("include")
    if names & ALIASES.keys():
        found.add("alias")
    if any(re.search("[\t\r\v\xa0\ufeff]", conf.text) for conf in confs):
        found.add("odd white space")
    if any(re.search("[\0-\b\f\x0e-\x1f\x7f\udc80-\udcff]", conf.text) for conf in confs):
        found.add("bytes that are no text")
    return found


def orders(conf: ConfFile) -> Iterator[str]:
    """How plain and `extra-` lines of one setting follow each other in a file."""
    last: dict[str, bool] = {}
    for line in conf.lines:
        if isinstance(line, Assignment):
            setting, extra = spelled(line.name)
            if last.get(setting, extra) != extra:
                yield "extra after plain" if extra else "plain after extra"
            last[setting] = extra
