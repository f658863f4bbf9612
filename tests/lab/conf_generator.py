"""Configuration trees such as people, installers and accidents leave them: seeded, endless.

A tree is the content of files by absolute path; Nix starts at `ROOT(tree)`. Every case is a
function of its seed and number alone.
"""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from random import Random

Tree = Mapping[str, bytes]

# Where a tree lies for Nix: a folder that is empty in a fresh Debian.
TOP = "/mnt"
# Files of this name cannot be read: no permission, or a link to nowhere.
SHUT, DANGLING = "shut.conf", "dangling.conf"
# Folders that are in any Debian.
FOLDERS = ("/", "/etc", TOP)


def cases(seed: int, count: int) -> Iterator[Tree]:
    """`count` trees, the n-th below `/mnt/n`; the same ones for the same seed."""
    for number in range(count):
        yield _Case(Random(f"{seed}/{number}"), f"{TOP}/{number:06}").tree()


def root(tree: Tree) -> str:
    """The file that Nix reads first."""
    return next(iter(tree))


_STORES = (
    "https://cache.nixos.org",
    "https://cache.nixos.org/",
    "https://cache.nixos.org/",
    "https://baleen-nix.cachix.org",
    "https://baleen-nix.cachix.org/",
    "https://nix-community.cachix.org?priority=41",
    "https://nix-community.cachix.org?want-mass-query=true&priority=10",
    "https://cache.example.org:8443/nix/",
    "http://127.0.0.1:5000",
    "http://[::1]:5000/",
    "https://Cache.Example.ORG/A",
    "https://user:secret@cache.example.org",
    "https://cache.example.org/%7Enix/a%2fb",
    "https://cache.example.org,",
    "https://cache.example.org:0443",
    "https://cache.example.org?a=1&a=2&b",
    "s3://bucket?region=eu-west-1&profile=x",
    "ssh://builder",
    "ssh-ng://nix@builder?max-connections=2",
    "file:///var/cache/nix?trusted=1",
    "/var/cache/nix",
    "local",
    "daemon",
    "auto",
    "https://::1",
    "https://fe80::1%eth0",
    "https://[fe80::1%25eth0]",
)
# Words like any other up to 2.33, refused from 2.34 on.
_NO_STORES = (
    '"https://cache.nixos.org"',
    "https://cache.nixos.org/|x",
    "cache.nixos.org",
    "https://cache.nixos.org:99999",
    "file://host/a",
    "https://cache.nixos.org?a=%zz",
    "https://caché.example.org",
    "https://a\vb",
)
_NICKS = (*"abAz09:/@?&=%[].-_~+,;!$'()*|^", "%2f", "::", "//", "[::1]", "%25", "file://", "\xe9")


def words(seed: int, count: int) -> Iterator[str]:
    """`count` words for `substituters`: stores, and what a slip of the hand makes of them."""
    for number in range(count):
        random = Random(f"{seed}/{number}")
        word = random.choice((*_STORES, *_NO_STORES))
        for _ in range(random.choice((0, 1, 1, 2, 3))):
            place = random.randrange(len(word) + 1)
            rest = word[place + random.choice((0, 0, 1)) :]
            word = word[:place] + random.choice((random.choice(_NICKS), "", rest[:5])) + rest
        yield word


_KEYS = (
    "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",
    "baleen-nix.cachix.org-1:awgC7Sut148An/CZ6TZA+wnUtJmJnOvl5NThGio9j5k=",
    "baleen-nix.cachix.org-1:WkqY2zbtvHLYuLPQNML4Y0pJh4OqYY3X4LRNdvqNm8Y=",
    "baleen-nix.cachix.org-1:PUBLIC_KEY_HERE",
    "nix-community.cachix.org-1:mB9FSh9qf2dCimDSUo8Zy7bkq5CX+/rkCWyvRCYg3Fs=",
    '"quoted-1:awgC7Sut148An/CZ6TZA+wnUtJmJnOvl5NThGio9j5k="',
    "foo",
)
_USERS = ("root", "*", "@wheel", "@admin", "jito.hello", "baleen", "root,bob", "é", "a\vb", "\\")
_WORDS = {
    "substituters": _STORES,
    "trusted-substituters": _STORES,
    "trusted-public-keys": _KEYS,
    "trusted-users": _USERS,
}
_LISTS = tuple(_WORDS)
_ALIASES = {
    "binary-caches": "substituters",
    "trusted-binary-caches": "trusted-substituters",
    "binary-cache-public-keys": "trusted-public-keys",
}
_SCALARS = ("fallback", "build-fallback", "connect-timeout", "require-sigs", "accept-flake-config")
_BOOLEANS = ("true", "false", "yes", "no", "1", "0")
_NO_BOOLEANS = ("on", "TRUE", "", "true false", "maybe", "2", '"true"')
_NUMBERS = ("0", "5", "15", "007", "+5", "18446744073709551615")
_NO_NUMBERS = ("x", "-1", "5s", "", "5 6", "1.5", "18446744073709551616", "0x5", "K")
# Numbers from 2.23 on, refused before.
_UNITS = ("5K", "2m", "1G", "16777217T")
# What is beside the point, in values that every Nix takes.
_OTHERS = (
    ("max-jobs", "auto"),
    ("build-cores", "2"),
    ("sandbox", "false"),
    ("build-users-group", "nixbld"),
    ("bash-prompt-prefix", "(nix:$name)\\040"),
    ("extra-nix-path", "nixpkgs=flake:nixpkgs"),
    ("extra-platforms", "i686-linux"),
    ("extra-extra-platforms", "armv7l-linux"),
    ("system-features", "kvm big-parallel"),
    ("keep-outputs", "true"),
    ("access-tokens", "github.com=ghp_0"),
    ("netrc-file", "/etc/nix/netrc"),
    # From here on: settings that no Nix has.
    ("Substituters", "https://upper.example.org"),
    ("extra-fallback", "true"),
    ("extra-extra-substituters", "https://twice.example.org"),
    ("trusted-user", "bob"),
    ("substituters\xa0", "https://nbsp.example.org"),
)
_FEATURES = (
    ("experimental-features", "nix-command flakes"),
    ("experimental-features", "nix-command"),
    ("experimental-features", ""),
    ("extra-experimental-features", "flakes"),
    ("extra-experimental-features", "nix-command flakes repl-flake"),
)
_ILLEGAL = (
    "substituters",
    "trusted-users: root",
    "fallback=true",
    "fallback =true",
    "trusted-users == root",
    "substituters\xa0= https://cache.nixos.org",
    "  https://continued.example.org \\",
    "include",
    "include a.conf b.conf",
    "!include = a.conf",
    "a b",
    "%s %1%",
    "= root",
)
_COMMENTS = ("", "# a comment", "#", "   ", "\t", "## substituters = https://x", "\r", " # é")
# A byte that is not UTF-8 is a lone surrogate here, as in Python's file names.
_NAMES = (
    *("more.conf", "sub/team.conf", "nix.custom.conf", "~/home.conf", "a+b,c.conf", "é.conf"),
    *("more", "팀", "a$(b)'`\"\\c", "caf\udce9.conf", "sub/a\x01b.conf"),
    *(SHUT, DANGLING),
)
# What no editor shows, or no text has: control characters, NUL among them, and broken UTF-8.
_ODD = (
    *("\0", "\x01", "\x07", "\b", "\v", "\f", "\x1b", "\x1b[31m", "\x7f"),
    *("\udc80", "\udcc3", "\udce9", "\udcff", "\x85", "\u2028"),
)
_DEEPEST = 4


class _Case:
    """One tree in the making."""

    def __init__(self, random: Random, folder: str) -> None:
        self.random = random
        self.folder = folder
        self.files: dict[str, bytes] = {}

    def tree(self) -> Tree:
        self.write(f"{self.folder}/nix.conf", ())
        return self.files

    def write(self, path: str, above: tuple[str, ...]) -> None:
        self.files[path] = b""  # its place: the root comes first, and names are taken
        size = self.random.choice((0, 1, 2, 3, 4, 5, 7, 10) if above else (1, 2, 3, 4, 5, 7, 10))
        lines = [line for _ in range(size) for line in self.lines(path, above)]
        if self.chance(0.05):
            lines = self.with_odd_bytes(lines)
        end = self.random.choices(("\n", "\r\n", "\r\r\n"), (85, 14, 1))[0]
        text = end.join(lines) + (end if self.chance(0.85) else "")
        mark = "\ufeff" if self.chance(0.015) else ""
        content = f"{mark}{text}".encode("utf-8", "surrogateescape")
        self.files[path] = content

    def with_odd_bytes(self, lines: list[str]) -> list[str]:
        """The lines with some bytes put in; not into what is beside the point, which every Nix is
        to take."""
        odd = list(lines)
        for _ in range(self.random.choice((1, 1, 2, 3))):
            at = self.random.randrange(len(odd)) if odd else 0
            if odd and not any(name in odd[at] for name, _value in _OTHERS):
                place = self.random.randrange(len(odd[at]) + 1)
                odd[at] = f"{odd[at][:place]}{self.random.choice(_ODD)}{odd[at][place:]}"
        return odd

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def lines(self, path: str, above: tuple[str, ...]) -> tuple[str, ...]:
        """One or two lines of one sort."""
        sorts: tuple[tuple[float, Callable[[], tuple[str, ...]]], ...] = (
            (30, lambda: (self.assignment(self.random.choice(_LISTS)),)),
            (5, self.extra_after_plain),
            (5, self.plain_after_extra),
            (6, lambda: (self.assignment(self.random.choice(tuple(_ALIASES))),)),
            (10, lambda: (self.scalar(),)),
            (5, lambda: (self.spaced(*self.random.choice(_OTHERS)),)),
            (5, lambda: (self.spaced(*self.random.choice(_FEATURES)),)),
            (8, lambda: (self.random.choice(_COMMENTS),)),
            (1.2, lambda: (self.random.choice(_ILLEGAL),)),
            (10 if len(above) < _DEEPEST else 0, lambda: self.include(path, above)),
        )
        makers = [maker for _weight, maker in sorts]
        return self.random.choices(makers, [weight for weight, _maker in sorts])[0]()

    def extra_after_plain(self) -> tuple[str, ...]:
        name = self.random.choice((*_LISTS, *_ALIASES))
        return self.assignment(name), self.assignment(f"extra-{name}")

    def plain_after_extra(self) -> tuple[str, ...]:
        extra, plain = self.extra_after_plain()[::-1]
        return extra, plain

    def assignment(self, name: str) -> str:
        """A list setting, spelled as given or with `extra-`."""
        base = name.removeprefix("extra-")
        pool = _WORDS[_ALIASES.get(base, base)]
        words = [self.random.choice(pool) for _ in range(self.random.choice((0, 1, 1, 2, 2, 3)))]
        if pool is _STORES and self.chance(0.03):
            words.append(self.random.choice(_NO_STORES))
        prefix = "extra-" if name == base and self.chance(0.15) else ""
        return self.spaced(prefix + name, self.gap().join(words))

    def scalar(self) -> str:
        name = self.random.choice(_SCALARS)
        is_number = name == "connect-timeout"
        if self.chance(0.06):
            return self.spaced(name, self.random.choice(_NO_NUMBERS if is_number else _NO_BOOLEANS))
        if is_number and self.chance(0.1):
            return self.spaced(name, self.random.choice(_UNITS))
        return self.spaced(name, self.random.choice(_NUMBERS if is_number else _BOOLEANS))

    def spaced(self, name: str, value: str) -> str:
        """`name = value` in one of the many ways to space it, with a comment at times."""
        before = self.random.choices(("", " ", "\t", "   ", "\r"), (80, 8, 6, 4, 2))[0]
        after = self.random.choices(("", " ", "\t", "\r"), (84, 8, 6, 2))[0]
        comment = self.random.choices(("", " # why", "#why", " #a = b # c"), (88, 6, 4, 2))[0]
        return f"{before}{name}{self.gap()}={self.gap()}{value}{after}{comment}"

    def gap(self) -> str:
        return self.random.choices((" ", "  ", "\t", " \t ", "\r"), (88, 4, 4, 3, 1))[0]

    def include(self, path: str, above: tuple[str, ...]) -> tuple[str, ...]:
        word = self.random.choice(("include", "!include"))
        folder = posixpath.dirname(path)
        free = [f"{folder}/{name}" for name in _NAMES if f"{folder}/{name}" not in self.files]
        done = [file for file in self.files if file not in (*above, path)]
        if self.chance(0.04):
            return (f"{word}{self.gap()}{self.random.choice((*above, path))}",)  # a circle
        if self.chance(0.1):
            return (f"!include{self.gap()}{self.random.choice(('missing.conf', '*.conf', 'a/b'))}",)
        if self.chance(0.04):
            return (f"include{self.gap()}{self.random.choice(('missing.conf', 'nix.conf/a'))}",)
        if self.chance(0.06):
            return (f"{word}{self.gap()}{self.random.choice(('.', '..', '/', '/etc', './/'))}",)
        if self.chance(0.015):
            return (f"{word}{self.gap()}{'long' * 64}.conf",)
        if done and self.chance(0.2):
            target = self.random.choice(done)  # a second time
        elif free:
            target = self.random.choice(free)
            self.write(target, (*above, path))
        else:
            return ("# all included",)
        twice = 2 if self.chance(0.05) else 1
        return (f"{self.margin()}{word}{self.gap()}{self.spelled(folder, target)}",) * twice

    def margin(self) -> str:
        return self.random.choices(("", " ", "\t"), (90, 6, 4))[0]

    def spelled(self, folder: str, target: str) -> str:
        """The path as somebody might write it in a file of `folder`."""
        relative = posixpath.relpath(target, folder)
        return self.random.choices(
            (
                relative,
                f"./{relative}",
                f"nowhere/../{relative}",
                f".//.//{relative}/",
                f"../{posixpath.basename(folder)}/{relative}",
                target,
                f"/../../{target}//",
            ),
            (50, 10, 8, 8, 8, 12, 4),
        )[0]
