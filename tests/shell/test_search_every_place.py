"""A credential in each place of the catalogue, by each of its patterns, is found there."""

from pathlib import Path

import pytest

from nixtrust import search_script
from nixtrust.credentials import LOCATIONS, PLACES, Place, Syntax
from tests.shell.looking import TOKEN, put, told

HOME = "home/mia"
TEXTS = {
    Syntax.DHALL: f'{{ authToken = "{TOKEN}" }}\n',
    Syntax.NETRC: f"machine a.cachix.org password {TOKEN}\n",
    Syntax.TOKEN: f"{TOKEN}\n",
    Syntax.SH: f"export CACHIX_AUTH_TOKEN={TOKEN}\n",
    Syntax.FISH: f"set -gx CACHIX_AUTH_TOKEN {TOKEN}\n",
    Syntax.FISH_VARIABLES: f"SETUVAR --export CACHIX_AUTH_TOKEN:{TOKEN}\n",
    Syntax.PLAIN: f"setenv CACHIX_AUTH_TOKEN {TOKEN}\n",
    Syntax.ASSIGNMENTS: f"CACHIX_AUTH_TOKEN={TOKEN}\n",
    Syntax.UNIT: f"[Service]\nEnvironment=CACHIX_AUTH_TOKEN={TOKEN}\n",
    Syntax.PLIST: f"<plist><key>CACHIX_AUTH_TOKEN</key><string>{TOKEN}</string></plist>\n",
    Syntax.HISTORY: f"cachix authtoken {TOKEN}\n",
    Syntax.CONF: f"substituters = https://:{TOKEN}@a.cachix.org\n",
    Syntax.EDITOR: f"b0VIM 9.1\0\0export CACHIX_AUTH_TOKEN={TOKEN}\0\0",
    Syntax.LEFTOVER: f"CACHIX_AUTH_TOKEN={TOKEN} cachix push a\n",
}
# What leads to a file: where that says so, and how.
POINTERS = {
    "<netrc-file>": ("etc/nix/nix.conf", "netrc-file = {}\n"),
    "<secret-key-files>": ("etc/nix/nix.conf", "secret-key-files = {}\n"),
    "<include>": ("etc/nix/nix.conf", "include {}\n"),
    "<additionalNetrcSources>": (
        "etc/determinate/config.json",
        '{{"authentication": {{"additionalNetrcSources": ["{}"]}}}}\n',
    ),
    "<EnvironmentFile>": ("etc/systemd/system/a.service", "[Service]\nEnvironmentFile={}\n"),
    "<LoadCredential>": ("etc/systemd/system/cachix.service", "[Service]\nLoadCredential=a:{}\n"),
    "<ProgramArguments>": (
        "Library/LaunchDaemons/org.cachix.plist",
        "<plist><key>ProgramArguments</key><array><string>. {}</string></array></plist>\n",
    ),
}
# How a pattern begins, and what that stands for below the root.
BEGINNINGS = {
    **{f"${name}": f"{HOME}/{path}".rstrip("/") for name, path in LOCATIONS.items()},
    "~": HOME,
    "<search-path>": f"{HOME}/work/app",
    "<beside>": HOME,
    "$NIX_CONF_DIR": "etc/nix",
}


def file_of(pattern: str) -> str:
    """A file that has the pattern, below the root."""
    if pattern in POINTERS:
        return "pointed/to.token"
    beginning, slash, rest = pattern.partition("/")
    return f"{BEGINNINGS.get(beginning, '')}{slash}{rest}".replace("*", "x").lstrip("/")


def places_of(root: Path) -> list[tuple[str, str]]:
    """Of each credential the place, and the file below the root."""
    (root / HOME).mkdir(parents=True, exist_ok=True)
    conf = root / "etc/nix/nix.conf"
    records = told(
        root / HOME, ("work",), f"seen=$newline programs=; conf_files system {conf}", root
    )
    return [
        (record[1], str(Path(record[3]).relative_to(root)))
        for record in records
        if record[0] == "credential"
    ]


def test_an_empty_home_has_no_credential(tmp_path: Path) -> None:
    assert places_of(tmp_path) == []


@pytest.mark.parametrize(
    ("place", "pattern"),
    [
        pytest.param(place, pattern, id=f"{place.id} {pattern}")
        for place in PLACES
        for pattern in place.patterns
    ],
)
def test_a_credential_by_each_pattern_is_found(place: Place, pattern: str, tmp_path: Path) -> None:
    file = file_of(pattern)
    put(tmp_path / file, TEXTS[place.syntax])
    if pattern in POINTERS:
        pointer, text = POINTERS[pattern]
        put(tmp_path / pointer, text.format(tmp_path / file))
    assert places_of(tmp_path) == [(place.id, file)]


def test_what_is_not_ours_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = put(tmp_path / "theirs", TEXTS[Syntax.NETRC])
    put(tmp_path / "etc/nix/nix.conf", f"netrc-file = {theirs}\n")
    assert places_of(tmp_path) == [("netrc", "theirs")]
    monkeypatch.setattr(search_script, "NOT_OURS", (str(theirs),))
    assert places_of(tmp_path) == []
