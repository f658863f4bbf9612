"""docs/credentials.md, made from the catalogue: `python -m nixtrust.credentials_page`."""

import sys
from collections.abc import Iterator

from nixtrust.credentials import (
    LOCATIONS,
    NOT_OURS,
    PLACES,
    VARIABLES,
    Kind,
    Place,
    Removal,
    Syntax,
)
from nixtrust.stored import Hindrance

_IN_SHELL = (
    "a variable that is set to a literal, wherever in the file that stands; `cachix authtoken` with"
    " a token, be it piped; what looks like a token or a key in a command about Cachix"
)
_RECOGNISED = {
    Syntax.DHALL: "an `authToken` or a `secretKey`, in any way of writing it; only what is provably"
    " empty is clean, so an import, `env:` or `++` is not",
    Syntax.NETRC: "the password of an entry for `cachix.org` or a host below it",
    Syntax.TOKEN: "a line that is one long word, looks like a token or a key, or sets one of"
    " the variables to a literal",
    Syntax.SH: _IN_SHELL,
    Syntax.FISH: _IN_SHELL,
    Syntax.FISH_VARIABLES: "a variable with a value",
    Syntax.PLAIN: _IN_SHELL,
    Syntax.ASSIGNMENTS: "a variable that is set to a literal",
    Syntax.UNIT: "a variable that is set to a literal, in `Environment=` or a command;"
    " `SetCredential=` of a unit that names Cachix, or whose name or folder does",
    Syntax.PLIST: "a variable that is set to a literal, as a key or in a command",
    Syntax.HISTORY: "`cachix authtoken` with a token, be it piped; a variable that was set to a"
    " literal; what looks like a token or a key in a command about Cachix",
    Syntax.CONF: "what stands before the host in an address at `cachix.org` or a host below it, in"
    " any setting; a variable that is set to a literal; a comment, as below",
    Syntax.EDITOR: "as in a history, wherever in the bytes that stands; a longer line is read in"
    " pieces of 1024 bytes",
    Syntax.LEFTOVER: "a line that names Cachix",
}

_DONE = {
    Removal.FILE: "the file goes",
    Removal.FILE_OR_LINES: "the file goes if it holds nothing else; if each other line of it is a"
    " comment or sets one variable, and says the same without it, a whole line goes that sets one"
    " variable to one literal; all else is reported",
    Removal.ENTRIES: "the entries go, those of other hosts stay",
    Removal.LINES: "a whole line that sets one variable to one literal goes, anything else is"
    " reported",
    Removal.PARTS: "the password of an address goes, and what is clearly a token or a key in a"
    " comment, a line that is nothing but that comment as a whole; all else stays",
    Removal.NOTHING: "reported, with the command to do it by hand",
}

_HEAD = """\
# Where Cachix credentials lie

<!-- Made by `python -m nixtrust.credentials_page` from nixtrust/credentials.py. -->

nixtrust looks into each of these places, for root and for every person who has an account on the
machine, on macOS and on Linux alike, in the same one look that reads nix.conf. Of what it finds it
tells where it lies and what it is. No part of a value leaves the machine.

Whoever owns a home looks at it: a process of that account, with an empty environment, no terminal
and 20 seconds, fewer where many homes take all of theirs. Root opens nothing there, and nothing
else whose name others than root can change; what a file of root's leads to in such a folder is
looked at by whom that belongs to. So a member can hide what is his own. Whose process does not come
to a whole answer is told as not looked at, and fails the machine.

With `cachix_credentials = "remove"`, which is the default, it takes out what it safely can, and
reports the rest with the command to do it by hand. With `"report"` it takes out nothing. In both
cases a machine that still holds one fails, after its nix.conf was dealt with. With `"allow"`, for
one machine only, they are listed and count as no fault.

**Taken out is not revoked.** Whoever had read a token can go on using it, a deleted file may be
found on the disk or in a backup, and a shell or service that runs keeps its environment until it
ends. So each finding says what to revoke, and where.
"""

_CHANGES = """\
## How a file is changed

- By a process of the account that told of it, which must own the folder, within a time limit. Where
  others may write to the folder nothing is changed: everybody, a group with anybody else in it or
  of another name than the owner's, or who is in its access control list. A new file takes its
  place whole, and only if it is still the one that was looked at. What is to go is never in a
  second file.
- Nothing is cut from a line that has a carriage return within it, as a file whose lines end in that
  alone is one line. With a line feed behind it, it is a line's end like any other.
- A run takes on 100 files of each account, and each account has an equal share of the time that is
  left when its turn comes. What was not done is told of that account; the others' files go.
- Mode, owner and group stay. GNU's tools keep the access control list and extended attributes too,
  but for those that the owner may not set, which `cp -p` passes over as well. On macOS they are
  carried over one by one and compared, all but `com.apple.provenance`, which the system sets; where
  that fails, nothing is removed. Other tools know of neither, nor does their `cp -p`.
- The shell is looked for where its owner may have it: in the system's folders, from Homebrew,
  MacPorts or Nix, as the login shell; for root, only where nobody else can change it. Where there
  is none, none is asked.
- A removal that is killed leaves each file as it was or as it is to be, and perhaps one called
  `.nixtrust.new.*` with what was to stay, which the next look finds.
"""


def page() -> str:
    """The page, in Markdown."""
    return "\n".join(
        [_HEAD, *_kinds(), *_places(), *_patterns(), _CHANGES, *_hindrances(), *_limits()]
    )


def _kinds() -> Iterator[str]:
    yield "## What there is to find, and to revoke\n"
    yield "| credential | variable | what to do about it |"
    yield "|---|---|---|"
    for kind in Kind:
        names = ", ".join(f"`{name}`" for name, its in VARIABLES.items() if its is kind)
        yield f"| {kind.called('')} | {names} | {kind.to_revoke('')} |"
    yield ""
    yield "A reference holds no secret and is no finding: `op://…` and other addresses,"
    yield "`$(pass …)`, `${VAR}`, `{{ … }}`, a path, what is encrypted. Nor is an empty value, a"
    yield "place to fill in (`your-token-here`, `changeme`, `xxx…`), a message (`not set`), what"
    yield "`grep` and the like look for. In netrc and in Cachix's own configuration each password"
    yield "counts, whatever it says. In a comment about Cachix only what is clearly a token or a"
    yield "key counts: a whole web token (`eyJ…`), or 64 bytes in base64."
    yield ""


def _places() -> Iterator[str]:
    yield "## The places\n"
    for place in PLACES:
        yield from _place(place)


def _place(place: Place) -> Iterator[str]:
    yield f"### {place.id}\n"
    yield f"{place.what[0].upper()}{place.what[1:]}. Written by: {place.writer}.\n"
    yield f"- **Where:** {', '.join(f'`{pattern}`' for pattern in place.patterns)}"
    yield f"- **Recognised by:** {_RECOGNISED[place.syntax]}."
    yield f"- **Done:** {_DONE[place.removal]}{_condition(place)}."
    yield f"- **To revoke:** {', '.join(kind.called('') for kind in _kinds_in(place))}."
    yield ""


def _condition(place: Place) -> str:
    if place.program:
        return f", and only if `{place.program}` accepts what remains"
    if place.removal is Removal.FILE and place.syntax is not Syntax.LEFTOVER:
        return " if all of it is understood and it holds nothing else, and is reported otherwise"
    return ""


def _kinds_in(place: Place) -> list[Kind]:
    match place.syntax:
        case Syntax.DHALL:
            return [Kind.AUTH_TOKEN, Kind.SIGNING_KEY]
        case Syntax.NETRC:
            return [Kind.AUTH_TOKEN]
        case Syntax.TOKEN | Syntax.LEFTOVER:
            return [place.bare]
        case _:
            return list(VARIABLES.values())


def _patterns() -> Iterator[str]:
    yield "## How the places are written\n"
    yield "- `~` is each home, root's too."
    for name, usual in LOCATIONS.items():
        where = f"~/{usual}".rstrip("/")
        yield f"- `${name}` is `{where}`, and what a start-up file of that person sets it to."
    yield "  A component that only a run of that file tells may be any there; where that is not"
    yield "  enough, the file is reported as not looked into."
    yield "- `$NIX_CONF_DIR` is the folder of the daemon's nix.conf."
    yield "- `<search-path>` is each of `cachix_search_paths`, and each folder right in it."
    yield "- `<include>` is each file that a nix.conf includes, or one of these does, as Nix"
    yield "  resolves it; the same file by several names is one."
    yield "- `<netrc-file>` and `<secret-key-files>` are what the settings of any nix.conf lead to,"
    yield "  `<EnvironmentFile>` and `<LoadCredential>` what those of a unit do;"
    yield "  `<ProgramArguments>` is what a job of launchd about Cachix is started with or watches."
    yield "- A file is read as the first place above that it belongs to. What such a setting leads"
    yield "  to is read as that place as well, and what only that finds is reported."
    yield "- `<beside>` is each folder with a file here of which lines or entries may go."
    yield "- What ends in `*` has the copies that editors and people make: `NAME~`, `NAME.bak`,"
    yield "  `NAME.old`, `NAME.save`, `NAME.edited`."
    yield f"- {', '.join(f'`{path}`' for path in NOT_OURS)} is Determinate's own, and left alone."
    yield ""


def _hindrances() -> Iterator[str]:
    yield "## What nixtrust leaves to a person\n"
    for hindrance in Hindrance:
        yield f"- **{hindrance}**: {hindrance.why}."
    yield ""
    yield "A home counts as a work tree as well if yadm's repository lies in it, or a bare one in"
    yield "`.dotfiles`, `.dotfiles.git`, `.cfg` or `.cfg.git`."
    yield ""


def _limits() -> Iterator[str]:
    yield "## What is not looked at\n"
    yield "- Other files: what a start-up file sources from elsewhere, what a path in a variable"
    yield "  leads to, a project outside of `cachix_search_paths`, backups, snapshots, containers,"
    yield "  undo files of an editor in other folders than those above."
    yield "- A secret that is put together from parts, or is plain words as a message is; one that"
    yield "  reaches Cachix through another variable or a file, and looks like no token or key."
    yield "- The `default` entry of a netrc: it does not tell whose password it is."
    yield "- What stands in a comment and may be any word, and the environment of what runs. Of a"
    yield "  history only a line that begins with `#` is a comment."
    yield "- Accounts of services: on Linux those below 1000, and above 59999 that may not log in;"
    yield "  a home that is not mounted; one of an account that the machine does not list, unless"
    yield "  it lies in `/home` or in a folder of root's there."
    yield "- What a nix.conf includes and is larger than 1 MiB: it is reported as not to be read."
    yield "- Files that name Cachix and are larger than 64 MiB, and all that are larger than 1 GiB,"
    yield "  are reported as not looked into."
    yield "- Of one person at most 2,000 projects are looked into, 4,000 files, 300 of them that"
    yield "  name Cachix, and 100 places that start-up files set. That there are more is reported."
    yield "- What lies in `/proc`, `/sys` or `/dev`, where reading may have effects, or no end:"
    yield "  what a link, a variable or a setting leads to there is reported as not looked into."


if __name__ == "__main__":
    sys.stdout.write(f"{page()}\n")
