"""Of each list that a person can make long there is an end, and that it was reached is told."""

import time
from pathlib import Path

import pytest

from tests.shell.looking import TOKEN, put, told

TOO_MANY = "more are there than are looked into"
# What is told, and of which file, where a list of each kind takes two and has more.
LISTS = {
    "most_projects": ("work", TOO_MANY),
    "most_files": (".bashrc.d/3", TOO_MANY),
    "most_mentions": (".bashrc.d/3", TOO_MANY),
    "most_locations": ("c3", TOO_MANY),
    "most_pointers": ("n3", TOO_MANY),
    "most_unread": (".env.3\n", "more are there than are told"),
}


def lay(home: Path, limit: str, number: int) -> None:
    match limit:
        case "most_projects":
            put(home / f"work/{number}/.envrc", "use flake\n")
        case "most_files":
            put(home / f".bashrc.d/{number}", "alias a=b\n")
        case "most_mentions":
            put(home / f".bashrc.d/{number}", "# cachix\n")
        case "most_locations":
            with (home / ".bashrc").open("a") as file:
                file.write(f"export XDG_CONFIG_HOME=$HOME/c{number}\n")
        case "most_pointers":
            with (home / "nix.conf").open("a") as file:
                file.write(f"netrc-file = {home}/n{number}\n")
        case "most_unread":
            put(home / f".env.{number}\n", "")


@pytest.mark.parametrize("limit", LISTS)
def test_where_more_is_there_than_a_list_takes_one_record_says_so(
    limit: str, tmp_path: Path
) -> None:
    # The work folder is a project itself, as the start-up file is one of the files.
    most = 3 if limit == "most_projects" else 2
    settings = f"{limit}={most} confs={tmp_path}/nix.conf"
    for number in (1, 2):
        lay(tmp_path, limit, number)
    before = told(tmp_path, ("work",), settings)
    for number in (3, 4):
        lay(tmp_path, limit, number)
    file, why = LISTS[limit]
    place = [f"{tmp_path}/{file}".replace("\n", "?"), why]
    after = told(tmp_path, ("work",), settings)
    assert why not in [record[3] for record in before]
    assert [record[2:] for record in after if record[3] == why] == [place]
    assert len(after) == len(before) + 1


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (".netrc", f"machine a.cachix.org password {TOKEN}\n"),
        (".bashrc", f"export CACHIX_AUTH_TOKEN={TOKEN}\n"),
    ],
)
def test_too_many_credentials_of_one_file_are_told_as_one_with_their_number(
    name: str, line: str, tmp_path: Path
) -> None:
    file = put(tmp_path / name, 100 * line)
    assert [record[8] for record in told(tmp_path)] == [""] * 100
    put(tmp_path / name, 5000 * line)
    credential, count = told(tmp_path)
    assert (credential[0], credential[5:9]) == ("credential", ["1", "0", "0", "too-many"])
    assert count == ["credential-count", str(file), "5000"]


def test_a_large_file_that_takes_long_is_told_and_keeps_no_other_from_being_read(
    tmp_path: Path,
) -> None:
    for number in range(4):
        put(tmp_path / f".env.{number}", f"# cachix\n{'A=b ' * 400_000}\n")
    put(tmp_path / ".netrc", f"machine a.cachix.org password {TOKEN}\n")
    hangs = """
reading_seconds=1
limit() { shift; command timeout -s KILL 1 sleep 177; }
"""
    records = told(tmp_path, settings=hangs)
    assert [record[3] for record in records if record[0] == "credential"] == [f"{tmp_path}/.netrc"]
    unread = {record[2]: record[3] for record in records if record[0] == "unread-place"}
    slow = "reading it takes too long"
    assert unread == {f"{tmp_path}/.env.{number}": slow for number in range(4)}


@pytest.mark.parametrize(
    "line",
    ["CACHIX_AUTH_TOKEN ", "<key>CACHIX_AUTH_TOKEN</key>", 'Environment="CACHIX_AUTH_TOKEN='],
)
def test_a_line_that_takes_a_recogniser_its_square_takes_no_look_its_time(
    line: str, tmp_path: Path
) -> None:
    for number in range(4):
        put(tmp_path / f".env.{number}", line * (1_000_000 // len(line)))
    began = time.monotonic()
    records = told(tmp_path, settings="reading_seconds=1")
    assert time.monotonic() - began < 20
    assert {record[2] for record in records if record[3].startswith("reading it ")} == {
        f"{tmp_path}/.env.{number}" for number in range(4)
    }
