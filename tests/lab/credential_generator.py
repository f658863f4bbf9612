"""Files such as people keep, with made-up credentials planted in them: seeded, endless.

Of every planted secret it is known where it stands, whether that is a comment, and which bytes are
all that may go with it. Every case is a function of its seed, syntax and number alone.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from random import Random

from tests.lab.credential_pieces import LANGUAGES, Language

SYNTAXES = (*LANGUAGES, "netrc", "history", "dhall")


class Role(Enum):
    WHOLE = auto()  # all that its bytes do is to give the secret
    PART = auto()  # what holds it is more than that
    COMMENT = auto()


@dataclass(frozen=True, slots=True)
class Plant:
    """A secret in bytes `start` to before `end`, in lines `first` to `last`.

    `free`: nothing around it hinders it from going.
    """

    secret: str = field(repr=False)
    role: Role
    start: int
    end: int
    first: int
    last: int
    free: bool

    @property
    def is_to_be_told(self) -> bool:
        """Of a comment, if it is clearly a token or a key."""
        is_clear = self.secret.startswith("eyJ") or self.secret.endswith("=")
        return self.role is not Role.COMMENT or is_clear


@dataclass(frozen=True, slots=True)
class Case:
    """A file. `intact`: of one that was damaged, the secrets that still stand behind their name, as
    they did, in what is no comment."""

    syntax: str
    content: bytes = field(repr=False)
    plants: tuple[Plant, ...]
    traits: frozenset[str] = frozenset()
    intact: tuple[str, ...] = field(default=(), repr=False)


def cases(seed: int, syntax: str, count: int) -> Iterator[Case]:
    """`count` files of a syntax; the same ones for the same seed."""
    for number in range(count):
        random = Random(f"{seed}/{syntax}/{number}")
        match syntax:
            case "dhall":
                yield _damaged_or_not(random, _dhall(random))
            case "history":
                yield _damaged_or_not(random, _history(random))
            case "netrc":
                yield _ended(random, _netrc(random))
            case _:
                yield _ended(random, _start_up_file(random, syntax))


# What is planted --------------------------------------------------------------------------------

_LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_NAMES = ("AUTH_TOKEN",) * 4 + ("SIGNING_KEY", "AGENT_TOKEN", "ACTIVATE_TOKEN")


def _word(random: Random, length: int) -> str:
    return random.choice("abcdefgh") + "".join(random.choice(_LETTERS) for _ in range(length))


def _secret(random: Random) -> str:
    """A token as Cachix makes them, a signing key, or a word with nothing special about it."""
    match random.randrange(3):
        case 0:
            return f"eyJ{_word(random, 20)}.eyJ{_word(random, 30)}.{_word(random, 9)}-_x"
        case 1:
            return base64.b64encode(random.randbytes(64)).decode()
        case _:
            return _word(random, random.randrange(12, 40))


def _fill(random: Random, text: str) -> tuple[str, str]:
    """A piece with its holes filled, and the secret that is in it now, if any."""
    secret = _secret(random) if "{s}" in text else ""
    name = f"CACHIX_{random.choice(_NAMES)}"
    filled = text.replace("{s}", secret).replace("{N}", name)
    while "{w}" in filled:
        filled = filled.replace("{w}", _word(random, 6), 1)
    return filled, secret


def _ended(random: Random, case: Case) -> Case:
    """The file with another end, or with the ends of lines that Windows has, or damaged."""
    if random.random() < 0.2 and case.content.endswith(b"\n"):
        plants = (replace(each, end=min(each.end, len(case.content) - 1)) for each in case.plants)
        case = replace(
            case,
            content=case.content[:-1],
            plants=tuple(plants),
            traits=case.traits | {"no final newline"},
        )
    chance = random.random()
    if chance < 0.05:
        return _with_cr(case)
    return _with_crlf(case) if chance < 0.15 else _damaged_or_not(random, case)


def _damaged_or_not(random: Random, case: Case) -> Case:
    return _damaged(random, case) if random.random() < 0.2 else case


def _with_crlf(case: Case) -> Case:
    def moved(at: int) -> int:
        return at + case.content.count(b"\n", 0, at)

    plants = (
        replace(each, start=moved(each.start), end=moved(each.end), free=False)
        for each in case.plants
    )
    content = case.content.replace(b"\n", b"\r\n")
    return replace(case, content=content, plants=tuple(plants), traits=case.traits | {"CRLF"})


def _with_cr(case: Case) -> Case:
    """As one line to every program: none of it goes, and what it is made of cannot be known."""
    plants = (replace(each, first=1, last=1, free=False) for each in case.plants)
    content = case.content.replace(b"\n", b"\r")
    return replace(case, content=content, plants=tuple(plants), traits=case.traits | {"CR"})


def _damaged(random: Random, case: Case) -> Case:
    """With slips of the hand. What is left of the plants is what is as it was, and nobody can tell
    any more what else there is to hinder it."""
    content = case.content
    for _ in range(random.choice((1, 1, 2, 4))):
        at = random.randrange(len(content) + 1)
        rest = content[at + random.choice((0, 0, 1, 40)) :]
        content = content[:at] + random.choice(_SLIPS) + rest
    lines = content.count(b"\n") + 1
    plants = []
    for each in case.plants:
        piece = case.content[each.start : each.end]
        at = content.find(b"\n" + piece) + 1
        if (at or content.startswith(piece)) and (
            piece.endswith(b"\n") or len(content) == at + len(piece)
        ):
            first = content.count(b"\n", 0, at) + 1
            last = min(lines, first + each.last - each.first)
            plants.append(
                replace(each, start=at, end=at + len(piece), first=first, last=last, free=False)
            )
    intact = tuple(each.secret for each in case.plants if _is_intact(case, each, content))
    traits = case.traits | {"damaged"}
    return replace(case, content=content, plants=tuple(plants), traits=traits, intact=intact)


# What a secret stands behind, from where on it has to be as it was: a name, and what sets it.
_NAMED = re.compile(
    rb"(?:\bset(?:env)?\s[^\n]*?)?CACHIX_\w+"
    rb"|cachix\s+authtoken|secretKey|authToken|machine\s+\S*cachix\.org",
    re.IGNORECASE,
)
# How a comment may begin, that a slip has laid before it.
_REMARK = re.compile(rb"#|--|\{-")


def _is_intact(case: Case, each: Plant, content: bytes) -> bool:
    """Whether a secret of a file, and all from its name on, is still in what was made of that."""
    piece = case.content[each.start : each.end]
    end = piece.index(each.secret.encode()) + len(each.secret)
    names = [found.start() for found in _NAMED.finditer(piece[:end])]
    if each.role is Role.COMMENT or not names:
        return False
    at = content.find(piece[names[-1] : end])
    before = content[:at] if case.syntax == "dhall" else content[:at].rpartition(b"\n")[2]
    return at >= 0 and not _REMARK.search(before)


_SLIPS = (b"", b"'", b'"', b"`", b"(", b")", b"{", b"}", b"\\", b"\n", b";", b"<<EOF\n", b"end\n")


# Start-up files ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Lines:
    """A file while it is written; of each planted secret its role, its first and its last line."""

    random: Random
    language: Language
    lines: list[str] = field(default_factory=list)
    planted: list[tuple[str, Role, int, int]] = field(default_factory=list)
    free: set[int] = field(default_factory=set)

    def add(self, among: tuple[str, ...], role: Role | None, indent: str = "") -> int:
        """Appends one of these pieces; tells the number of its first line."""
        text, secret = _fill(self.random, self.random.choice(among))
        first = len(self.lines) + 1
        self.lines += (indent + text).split("\n")
        if secret and role:
            self.planted.append((secret, role, first, len(self.lines)))
        return first

    def branch(self, depth: int, size: int) -> None:
        """Appends what stands in the file, or in a branch of a block, which is not empty."""
        indent = self.random.choice(("", "  ", "\t")) * min(depth, 2)
        whole = set()
        others = depth == 0
        for _ in range(size):
            match self.random.choices(
                ("whole", "part", "plain", "remark", "block"), (3, 2, 7, 3, 2)
            ):
                case ["whole"]:
                    whole.add(self.add(self.language.whole, Role.WHOLE, indent))
                case ["part"]:
                    self.add(self.language.part, Role.PART)
                    others = True
                case ["remark"]:
                    self.add(self.language.remark, Role.COMMENT, indent)
                case ["block"] if depth < 3:
                    self.block(depth, indent)
                    others = True
                case _:
                    self.add(self.language.plain, None)
                    others = True
        if not whole and not others:
            self.add((self.language.nothing,), None, indent)
        if others:
            self.free |= whole

    def block(self, depth: int, indent: str) -> None:
        *openings, end = self.random.choice(self.language.blocks)
        for opening in openings:
            self.add((opening,), None, indent)
            self.branch(depth + 1, self.random.choice((0, 1, 1, 2, 3)))
        self.add((end,), None, indent)


def _start_up_file(random: Random, syntax: str) -> Case:
    file = _Lines(random, LANGUAGES[syntax])
    file.branch(0, random.choice((1, 2, 4, 8, 16)))
    # Where each line begins, and where the last one ends.
    starts = [0]
    for line in file.lines:
        starts.append(starts[-1] + len(line) + 1)
    plants = (
        Plant(secret, role, starts[first - 1], starts[last], first, last, first in file.free)
        for secret, role, first, last in file.planted
    )
    content = "".join(f"{line}\n" for line in file.lines).encode("latin-1")
    return Case(syntax, content, tuple(plants))


# netrc ------------------------------------------------------------------------------------------

# Entries of Cachix: all goes but what ends the line.
_ENTRIES = (
    "machine {h} password {s}",
    "machine {h} login x password {s}",
    "machine {h}\nlogin {w}\npassword {s}",
    "machine {h}\n\tlogin {w}\n\tpassword {s}",
    "machine\t{h}  password\t{s}",
    "machine {h} password {s} login {w}",
    "machine {h}\n\npassword {s}",
    "machine {h}\n# mine: {w}\npassword {s}",
    "machine {h} login {w}\npassword {s} account {w}",
    'machine {h} password "{s}"',
    "machine {h} {w} password {s}",
)
_OTHERS = (
    "machine github.com login {w} password {w}",
    "machine notcachix.org password {w}",
    "machine cachix.org.example.com password {w}",
    "machine api.example.com\n  login {w}\n  password {w}",
    "machine {h}",
    "machine {h} login {w}",
    "# machine {h} password {s}",
    "#machine {h}\n#password {s}",
    "",
    "  ",
    "# caf\xe9",
)
# What curl reads in one way here, in another there.
_ODD_ENTRIES = (
    "machine {h} login password password {s}",
    "machine {h} password {s}\nmacdef init\ncd /pub\n",
    'machine {h} password "{s}',
    "machine https://{h} password {s}",
)
_HOSTS = ("{w}.cachix.org", "{w}.cachix.org", "cachix.org", "API.Cachix.Org")


def _netrc(random: Random) -> Case:
    parts: list[tuple[str, str, Role | None]] = []
    kinds = random.choices(
        ("entry", "two", "other", "odd"), (5, 2, 6, 0.5), k=random.randrange(1, 7)
    )
    for kind in kinds:
        match kind:
            case "entry":
                parts.append((*_entry(random, _ENTRIES, "\n"), Role.WHOLE))
            case "two":
                parts.append(
                    (*_entry(random, _ENTRIES, random.choice((" ", "\t", "  "))), Role.WHOLE)
                )
                parts.append((*_entry(random, _ENTRIES, ""), Role.WHOLE))
                parts.append(("\n", "", None))
            case "odd":
                parts.append((*_entry(random, _ODD_ENTRIES, "\n"), Role.PART))
            case _:
                parts.append((*_entry(random, _OTHERS, "\n"), Role.COMMENT))
    odd = "odd" in kinds
    # An entry's words go on behind what is no entry: only what begins one, or the end, ends it.
    plants: list[Plant] = []
    content = ""
    for text, secret, role in parts:
        start, first = len(content), content.count("\n") + 1
        content += text
        if secret and role:
            last = content.count("\n") + (not text.endswith("\n"))
            plants.append(Plant(secret, role, start, len(content), first, last, not odd))
    traits = frozenset({"odd"} if odd else ())
    return Case("netrc", content.encode("latin-1"), tuple(plants), traits)


def _entry(random: Random, among: tuple[str, ...], end: str) -> tuple[str, str]:
    text = random.choice(among).replace("{h}", random.choice(_HOSTS))
    filled, secret = _fill(random, text + end)
    return filled, secret


# dhall ------------------------------------------------------------------------------------------

_EMPTY_CACHES = (
    "[] : List { name : Text, secretKey : Text }",
    "[]: List {secretKey:Text, name:Text}",
)
_HOSTNAME = 'hostname = "https://cachix.org"'
_REMARKS = ("", "", "", "-- {N} {s}\n", "{- {s} -}", "{- \xe9 {- {s}\n -} -}\n", "\n  ", '-- "\n')
_IMPORTS = (
    *("env:{N} as Text", "~/.{w} as Text", "(./{w}.dhall).authToken", '"${env:{w} as Text}"'),
    *("(https://{w}.example.org/x.dhall).t", "missing ? ../{w} as Text", "/run/{w} as Text"),
)
_TEXT = '"{s}"'
# Texts, some of which only Dhall itself could work out.
_TEXTS = (_TEXT, _TEXT, _TEXT, '"x" ++ "{s}"', '(let t = "{s}" in t)', "''\n  {s}''")


def _dhall(random: Random) -> Case:
    """A record; sometimes one that leads to where the secret is, or that is not wholly clear."""
    secrets: list[str] = []
    unclear: list[str] = []
    remarked: list[str] = []

    def remark() -> str:
        text, made = _fill(random, random.choice(_REMARKS))
        remarked.extend([made] if made else [])
        return text

    def secret() -> str:
        written = random.choice(_TEXTS)
        if written != _TEXT:
            unclear.append(written)
        text, made = _fill(random, written)
        secrets.append(made)
        return text

    holds = random.random() < 0.6
    imports = random.random() < 0.2
    token = '""'
    if imports:
        token = _fill(random, random.choice(_IMPORTS))[0]
    elif holds and random.random() < 0.7:
        token = secret()
    caches = random.choice(_EMPTY_CACHES)
    if holds and (not secrets or random.random() < 0.5):
        each = (
            f'{{ name = "{_word(random, 6)}",{remark()} secretKey = {secret()} }}'
            for _ in range(random.choice((1, 1, 2)))
        )
        caches = f"[ {', '.join(each)} ]"
    fields = [f"authToken = {remark()}{token}", f"binaryCaches ={remark()} {caches}"]
    if random.random() < 0.7:
        fields.append(_HOSTNAME)
    random.shuffle(fields)
    text = remark() + "{ " + f"\n{remark()}, ".join(fields) + f"{remark()} }}\n"
    if random.random() < 0.1:
        text = text.replace("\n", "\r\n")
    content = text.encode("latin-1")
    lines = text.count("\n") + 1
    stays = imports or bool(unclear)
    role = Role.PART if stays else Role.WHOLE
    plants = (
        Plant(each, its, 0, len(content), 1, lines, not stays)
        for its, made in ((role, secrets), (Role.COMMENT, remarked))
        for each in made
    )
    has = {"imports": imports, "unclear": bool(unclear)}
    traits = frozenset(trait for trait, is_there in has.items() if is_there)
    return Case("dhall", content, tuple(plants), traits)


# Histories --------------------------------------------------------------------------------------

_TYPED = (
    *("cachix authtoken {s}", "cachix authtoken '{s}'", "cachix authtoken {s} && cachix use {w}"),
    *("export {N}={s}", "{N}={s} cachix push {w} ./result", "setenv {N} {s}", "set -gx {N} {s}"),
    *('sudo env {N}="{s}" nix-build', "echo '{s}' | {N}={s} cat"),
)
_TYPED_BESIDES = (
    *(
        "ls -l",
        "git commit -m 'it''s'",
        "cachix push {w} ./result",
        "cachix authtoken --stdin <{w}",
    ),
    *("export {N}=$(pass show cachix)", "unset {N}", "grep -r {N} .", "cat <<EOF", "echo caf\xe9"),
    *('echo "', "cachix use {w}", "man cachix", "vi ~/.{w}", "cachix authtoken $TOKEN"),
)
_TYPED_COMMENTS = ("#cachix authtoken {s}", "# export {N}={s}", "# cachix authtoken <token>")
# How shells keep what was typed: before it, and behind.
_KEPT = (
    ("", "\n"),
    ("#1700000000\n", "\n"),
    (": 1700000000:0;", "\n"),
    ("- cmd: ", "\n  when: 17\n"),
)
_BEFORE_A_LINE = ("", "#1700000000\n")


def _history(random: Random) -> Case:
    """What was typed; all of it stays."""
    before, behind = random.choice(_KEPT)
    content, plants = "", []
    for _ in range(random.randrange(1, 9)):
        among = (_TYPED, _TYPED_BESIDES, _TYPED_BESIDES, _TYPED_COMMENTS)
        text, secret = _fill(random, random.choice(random.choice(among)))
        start, first = len(content), content.count("\n") + 1 + before.count("\n")
        content += f"{before}{text}{behind}"
        if secret:
            is_comment = text.startswith("#") and before in _BEFORE_A_LINE
            role = Role.COMMENT if is_comment else Role.PART
            plants.append(Plant(secret, role, start, len(content), first, first, False))
    return Case("history", content.encode("latin-1"), tuple(plants))
