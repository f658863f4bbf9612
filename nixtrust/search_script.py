"""The part of the probe that is made from the catalogue of credentials."""

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from nixtrust.credentials import (
    HOST,
    LOCATIONS,
    NOT_OURS,
    PLACES,
    VARIABLES,
    Place,
    Removal,
    Syntax,
)

_FOLDER = Path(__file__).with_name("shell") / "recognise"

# What each variable that says where files lie is called in the script.
_LOCATED = {
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_STATE_HOME": "state_home",
    "XDG_CACHE_HOME": "cache_home",
    "ZDOTDIR": "zdotdir",
    "HISTFILE": "histfile",
}
# How the beginning of a pattern is spelled in the script.
_OF_HOME = {"~": '"$home"'} | {f"${name}": f'"${var}"' for name, var in _LOCATED.items()}
_BEGINNINGS = {**_OF_HOME, "<search-path>": '"$project"', "$NIX_CONF_DIR": '"$conf_dir"'}
# What goes before a recogniser's own part, behind common.awk.
_BEFORE = {
    Syntax.DHALL: ("encrypted",),
    Syntax.TOKEN: ("encrypted",),
    Syntax.SH: ("characters", "values", "logins", "sh-values", "sh-commands"),
    Syntax.FISH: ("characters", "values", "logins", "findings", "words"),
    Syntax.FISH_VARIABLES: ("values", "logins"),
    Syntax.PLAIN: ("values", "logins", "text"),
    Syntax.ASSIGNMENTS: ("values", "text"),
    Syntax.UNIT: ("values", "logins", "text", "text-logins"),
    Syntax.PLIST: ("values", "logins", "text", "text-logins"),
    Syntax.HISTORY: ("values", "logins", "text", "text-logins", "commands"),
    Syntax.EDITOR: ("values", "logins", "text", "text-logins", "commands"),
}
# What goes behind it, and tells only of lines of which nothing else is told.
_BEHIND = {
    Syntax.SH: ("indirect", "mentions"),
    Syntax.FISH: ("indirect", "mentions"),
    Syntax.PLAIN: ("indirect", "mentions"),
    Syntax.ASSIGNMENTS: ("indirect", "about"),
    Syntax.UNIT: ("indirect", "about"),
    Syntax.PLIST: ("indirect", "about"),
    Syntax.HISTORY: ("indirect",),
    Syntax.EDITOR: ("indirect",),
}


def search_script(search_paths: Iterable[str]) -> str:
    """Shell: where to look, and how to tell what is there. Goes before shell/candidates.sh.

    + search_paths: folders below each home whose `.envrc` and `.env*` are looked into
    """
    variables = " ".join(f"{name}={kind}" for name, kind in VARIABLES.items())
    return "\n".join(
        [
            f"cachix_host={HOST}",
            f"variables={shlex.quote(variables)}",
            f"search_paths={shlex.quote(chr(10).join(search_paths))}",
            "not_ours=$newline unread=$newline roots=$newline last_of_roots='' file_count=0",
            "suspects='' recent='' files='' recent_files='' units='' plists='' confs='' given=''",
            "others=$newline last_given='' given_folder='' given_owner=''",
            "included='' links='' link_files='' unread_places=0",
            *(f"not_ours=$not_ours{shlex.quote(path)}$newline" for path in NOT_OURS),
            f"usual={shlex.quote(' '.join(f'{name}={path}' for name, path in LOCATIONS.items()))}",
            f"folders_of_system={shlex.quote(' '.join(_folders('')))}",
            f"folders_of_home={shlex.quote(' '.join(_folders('~')))}",
            f"location_names={shlex.quote('|'.join(LOCATIONS))}",
            *_function("usual_locations", map(_usual, LOCATIONS.items())),
            *_function("candidates_of_location", _of_locations()),
            *_function("leads_on", _one_of(place.id for place in PLACES if place.leads_on)),
            # What systemd reads may be a pattern itself: systemd.exec(5).
            *_function("names_patterns", _one_of(_naming("<EnvironmentFile>"))),
            *_function("needs_no_name", _one_of(place.id for place in PLACES if _is_bare(place))),
            *_function("is_led_to", _one_of(place.id for place in PLACES if _is_led_to(place))),
            *_function("candidates_of_home", _candidates(tuple(_OF_HOME))),
            *_function("candidates_of_project", _candidates(("<search-path>",))),
            *_function("candidates_of_system", _candidates(("", "$NIX_CONF_DIR"))),
            *_function("candidates_of_pointer", _pointers()),
            *_function("syntax_of", _syntaxes()),
            *(line for name in _PROGRAMS for line in _holding(name)),
            "",
        ]
    )


def recogniser(syntax: str) -> str:
    """The program of awk that finds the credentials in a file of this syntax."""
    return "\n".join(map(_program, _parts(Syntax(syntax))))


def _parts(syntax: Syntax) -> tuple[str, ...]:
    return ("common", *_BEFORE.get(syntax, ()), syntax, *_BEHIND.get(syntax, ()), "comments")


def _program(name: str) -> str:
    """Without its comments, which each look would send along."""
    lines = (_FOLDER / f"{name}.awk").read_text().splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def _function(name: str, lines: Iterable[str]) -> list[str]:
    return [f"{name}() {{", *(f"  {line}" for line in lines), "}"]


def _holding(name: str) -> tuple[str, str]:
    assignment = f"{_variable(name)}={shlex.quote(_program(name))}"
    return "# shellcheck disable=SC2016  # awk's own", assignment


def _usual(location: tuple[str, str]) -> str:
    name, path = location
    return f'{_LOCATED[name]}="$home"{shlex.quote(f"/{path}") if path else ""}'


def _of_locations() -> Iterator[str]:
    yield "case $1 in"
    for name, variable in _LOCATED.items():
        yield f"  {name})"
        yield f"    {variable}=$2"
        yield from (f"    {line}" for line in _candidates((f"${name}",)))
        yield "    ;;"
    yield "esac"


def _naming(pattern: str) -> Iterator[str]:
    return (place.id for place in PLACES if pattern in place.patterns)


def _one_of(places: Iterable[str]) -> Iterator[str]:
    yield f"case $1 in {' | '.join(places)}) ;;"
    yield "  *) return 1 ;;"
    yield "esac"


def _is_bare(place: Place) -> bool:
    """A secret may stand there without a word about Cachix."""
    return place.syntax in (Syntax.DHALL, Syntax.TOKEN)


def _is_led_to(place: Place) -> bool:
    return any(map(_is_pointer, place.patterns))


def _is_pointer(pattern: str) -> bool:
    """What a setting leads to, wherever that lies."""
    return re.fullmatch("<.*>", pattern) is not None


def _folders(beginning: str) -> list[str]:
    """All folders on the way to the files of patterns that begin so, without that beginning."""
    usual = {f"${name}": f"~/{path}".rstrip("/") for name, path in LOCATIONS.items()}
    found: dict[str, None] = {}
    for place in PLACES:
        for pattern in place.patterns:
            first, slash, rest = pattern.partition("/")
            first, _, more = f"{usual.get(first, first)}{slash}{rest}".partition("/")
            parts = more.split("/")[:-1]
            if first == beginning and not re.search("[* ]", "".join(parts)):
                found |= {"/".join(parts[:n]): None for n in range(1, len(parts) + 1)}
    return list(found)


def _candidates(beginnings: tuple[str, ...]) -> Iterator[str]:
    for place in PLACES:
        words = [_word(each) for each in _patterns(place) if _beginning(each) in beginnings]
        if words:
            yield f"candidates {place.id} {' '.join(words)}"


def _patterns(place: Place) -> Iterator[str]:
    for pattern in place.patterns:
        if pattern.startswith("<beside>"):
            yield from (pattern.replace("<beside>", folder) for folder in _CHANGED)
        else:
            yield pattern


# The folders in which a file may be changed.
_CHANGED = tuple(
    dict.fromkeys(
        folder
        for place in PLACES
        if place.removal not in (Removal.FILE, Removal.NOTHING)
        for folder, is_within, _ in (pattern.rpartition("/") for pattern in place.patterns)
        if is_within
    )
)


def _beginning(pattern: str) -> str:
    return pattern.partition("/")[0]


def _word(pattern: str) -> str:
    """A pattern as one word of the shell, which shell/candidates.sh expands."""
    beginning, slash, rest = pattern.partition("/")
    return _BEGINNINGS.get(beginning, "") + (shlex.quote(slash + rest) if slash else "")


def _pointers() -> Iterator[str]:
    yield "case $1 in"
    for place in PLACES:
        for pattern in place.patterns:
            if _is_pointer(pattern):
                yield f"  {pattern[1:-1]})"
                yield f'    candidates {place.id} "$2"'
                yield '    candidates leftover "${2%/*}/.nixtrust.new.*" ;;'
    yield "  unit-not-followed)"
    yield "    place=systemd-unit"
    yield "    unread_place \"$2\" 'it names a file that is not known before it runs'"
    yield "    ;;"
    yield "esac"


def _syntaxes() -> Iterator[str]:
    yield "case $1 in"
    for place in PLACES:
        yield f"  {place.id}) {_reading(place)} ;;"
    yield "esac"


def _reading(place: Place) -> str:
    program = shlex.quote(place.program)
    recogniser = "$newline".join(f"${_variable(part)}" for part in _parts(place.syntax))
    return f"syntax={place.syntax} bare={place.bare} program={program} recogniser={recogniser}"


def _variable(name: str) -> str:
    return f"recognise_{name.replace('-', '_')}"


_PROGRAMS = tuple(dict.fromkeys(part for syntax in Syntax for part in _parts(syntax)))
