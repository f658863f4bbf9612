"""What is said of a credential: where, what, who takes it out, what to revoke."""

import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from nixtrust.credentials import PLACE, PLACES, Kind, Place, Removal
from nixtrust.findings import Finding, Remedy, Rule, Weight, findings
from nixtrust.judge_credentials import is_removable
from nixtrust.machine import NixState
from nixtrust.stored import Credential, Hindrance, UnreadPlace
from tests.unit.observed import DHALL, SYSTEM, credential, found, machine, policy


def judged(its: Credential, **changes: object) -> Finding:
    [finding] = findings(policy(**changes), machine(credentials=(its,)), SYSTEM)
    return finding


def test_a_credential_is_taken_out_and_to_be_revoked() -> None:
    finding = judged(credential())
    assert (finding.rule, finding.weight) == (Rule.CREDENTIAL, Weight.DRIFT)
    assert finding.remedy is Remedy.REMOVE
    assert str(finding) == (
        f"{DHALL}:3: an auth token (mia's); revoke it:"
        " https://app.cachix.org/personal-auth-tokens (a person's)"
        " or https://app.cachix.org/cache (a cache's, Settings)"
    )


def test_of_a_caches_key_the_cache_is_named() -> None:
    said = str(judged(credential(kind=Kind.SIGNING_KEY, cache="team")))
    assert "a signing key of the cache team (mia's); replace" in said
    assert "https://app.cachix.org/cache/team (Settings)" in said


def test_a_file_that_everybody_can_read_is_said_to_be_so() -> None:
    assert "(mia's, readable by everybody);" in str(judged(credential(mode="-rw-r--r--")))


def test_another_cachix_that_goes_with_the_file_is_named() -> None:
    said = str(judged(credential(hostname="https://cachix.example.org")))
    assert "(mia's, beside the hostname https://cachix.example.org);" in said


@pytest.mark.parametrize("hindrance", Hindrance)
@pytest.mark.parametrize("place", ["bash", "cachix-dhall", "history", "launchd"])
def test_what_hinders_is_said_with_the_command_to_do_it_by_hand(
    place: str, hindrance: Hindrance
) -> None:
    its = credential(place, "/home/mia/it is", hindrance=hindrance, link="/nix/store/abc-x/it")
    if is_removable(its):  # whose the whole file is does not matter
        assert hindrance is Hindrance.OWNER
        return
    finding = judged(its)
    assert finding.remedy is Remedy.HAND
    assert finding.to_do.startswith(f"{hindrance.why}: ")
    by_hand, _, revoke = finding.to_do.partition(", then revoke it: ")
    commands = by_hand.split("`")[1::2]
    assert all("/home/mia" in command or "/nix/store/" in command for command in commands)
    assert commands
    assert revoke.startswith("https://app.cachix.org/")


def by_hand(place: str, path: str, hindrance: Hindrance | None = None, link: str = "") -> list[str]:
    """The commands that do it by hand."""
    its = credential(place, path, hindrance=hindrance, link=link)
    return judged(its, cachix_credentials="report").to_do.split("`")[1::2]


def test_what_a_link_leads_to_is_what_has_to_be_changed() -> None:
    commands = by_hand("bash", "/home/mia/.bashrc", Hindrance.LINK, "/home/mia/its file")
    assert commands == ["sed -i 3d '/home/mia/its file'"]


def test_what_is_in_a_store_is_taken_out_of_what_keeps_it() -> None:
    link = "/nix/store/abc-home/files/.config/cachix/cachix.dhall"
    stored = "/nix/store/abc-home"
    assert by_hand("cachix-dhall", DHALL, Hindrance.STORE, link) == [
        f"nix-store --query --roots {stored}",
        f"nix-store --delete {stored}",
    ]


def test_what_is_locked_is_to_be_unlocked() -> None:
    commands = by_hand("netrc", "/home/mia/.netrc", Hindrance.LOCKED)
    assert commands[0] == "chattr -ia /home/mia/.netrc /home/mia"


@pytest.mark.parametrize("hindrance", [Hindrance.LOCKED, Hindrance.READ_ONLY])
@pytest.mark.parametrize("place", ["csh", "nushell", "pam-environment"])
def test_where_nothing_is_ever_cut_no_other_run_is_advised(
    place: str, hindrance: Hindrance
) -> None:
    assert by_hand(place, "/home/mia/its", hindrance) == ["sed -i 3d /home/mia/its"]


@pytest.mark.parametrize("name", ["with space.plist", "b.plist"])
def test_a_property_list_is_made_one_that_can_be_edited(name: str) -> None:
    [command] = by_hand("launchd", f"/Library/LaunchDaemons/{name}", Hindrance.UNCLEAR)
    path = shlex.quote(f"/Library/LaunchDaemons/{name}")
    assert command == f"plutil -convert xml1 {path} && vi -i NONE -n {path}"


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("history.db", "command"),
        ("history.db-wal", "command"),
        ("history.sqlite3", "command_line"),
        ("history.sqlite3-wal", "command_line"),
    ],
)
def test_out_of_a_database_the_command_takes_it_to_the_last_byte(
    name: str, column: str, tmp_path: Path
) -> None:
    secret = "made-up-for-this-test"
    database = tmp_path / name.removesuffix("-wal")
    # As a shell leaves it that was killed: the newest rows are beside it.
    lay = f"""
import os, sqlite3
its = sqlite3.connect({str(database)!r})
its.execute("pragma journal_mode = wal")
its.execute("create table history (id integer primary key, {column} text not null)")
rows = ["ls", "cachix authtoken {secret}", "export CACHIX_AUTH_TOKEN={secret}", "pwd"]
its.executemany("insert into history ({column}) values (?)", [[row] for row in rows])
its.commit()
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", lay], check=True)
    assert secret.encode() in (tmp_path / f"{database.name}-wal").read_bytes()
    [command] = by_hand("history", str(tmp_path / name), Hindrance.HISTORY)
    program, path, statements = shlex.split(command)
    assert (program, path) == ("sqlite3", str(database))
    with closing(sqlite3.connect(database)) as opened:
        opened.isolation_level = None
        for statement in statements.split(";"):
            opened.execute(statement)
        assert opened.execute(f"select {column} from history").fetchall() == [("ls",), ("pwd",)]
    assert not any(secret.encode() in file.read_bytes() for file in tmp_path.iterdir())


def test_all_names_of_a_file_are_found_where_it_is_mounted() -> None:
    # Not on the file system of /.
    with TemporaryDirectory(dir="/dev/shm") as folder:
        (file := Path(folder, "a file")).touch()
        (other := Path(folder, "other")).hardlink_to(file)
        command, edit = by_hand("netrc", str(file), Hindrance.HARD_LINK)
        said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert set(said.stdout.splitlines()) == {str(file), str(other)}
    assert edit == f"sed -i 3d '{file}'"


@pytest.mark.parametrize(
    ("hindrance", "left"),
    [
        (None, "a\nb\nd\n"),
        (Hindrance.COMPOUND, "a\nb\nd\n"),
        (Hindrance.BLOCK, "a\nb\n:\nd\n"),
        (Hindrance.REFUSED, "a\nb\n:\nd\n"),
        (Hindrance.SEVERAL_LINES, "a\nb\n"),
    ],
)
def test_the_command_takes_the_line_out_and_leaves_no_copy(
    hindrance: Hindrance | None, left: str, tmp_path: Path
) -> None:
    (file := tmp_path / "its file").write_text("a\nb\nexport CACHIX_AUTH_TOKEN=c\nd\n")
    [command] = by_hand("bash", str(file), hindrance)
    subprocess.run(["sh", "-c", command.replace("LAST", "4")], check=True)
    assert file.read_text() == left
    assert list(tmp_path.iterdir()) == [file]


def test_a_mac_has_another_sed() -> None:
    mac = machine(
        kernel="Darwin",
        architecture="arm64",
        credentials=(credential("bash", "/Users/mia/.bashrc", hindrance=Hindrance.UNCLEAR),),
    )
    [finding] = findings(policy(), mac, "aarch64-darwin")
    assert "`sed -i '' 3d /Users/mia/.bashrc`" in finding.to_do


def test_what_a_person_tells_of_is_taken_out_as_that_person() -> None:
    its = replace(credential("history", "/home/mia/.bash_history"), told_by="mia")
    finding = judged(replace(its, hindrance=Hindrance.UNCLEAR))
    assert "`sudo -u mia sed -i 3d /home/mia/.bash_history`" in finding.to_do


def test_direnv_is_to_be_told_anew() -> None:
    said = str(judged(credential("envrc", "/home/mia/src/.envrc")))
    assert "; `direnv allow /home/mia/src` there, and revoke it: " in said
    assert "direnv allow" not in str(judged(credential("envrc", "/home/mia/.direnvrc")))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.id)
def test_only_what_the_catalogue_says_is_removed(place: Place) -> None:
    removed = place.removal is not Removal.NOTHING
    assert judged(credential(place.id)).remedy is (Remedy.REMOVE if removed else Remedy.HAND)


def test_a_file_that_goes_whole_may_be_anybodys() -> None:
    assert judged(credential(hindrance=Hindrance.OWNER)).remedy is Remedy.REMOVE


def test_what_is_only_reported_has_the_command_to_do_it_by_hand() -> None:
    finding = judged(credential(), cachix_credentials="report")
    assert (finding.weight, finding.remedy) == (Weight.DRIFT, Remedy.HAND)
    assert finding.to_do.startswith(f"`rm {DHALL}`, then revoke it: ")
    line = judged(credential("bash", "/home/mia/.bashrc"), cachix_credentials="report")
    assert line.to_do.startswith("`sed -i 3d /home/mia/.bashrc`, then revoke it: ")


def test_what_is_allowed_is_listed_as_a_note() -> None:
    finding = judged(credential(), cachix_credentials="allow")
    assert finding.weight is Weight.NOTE
    assert "which is allowed here" in str(finding)


def test_a_place_that_could_not_be_looked_into_is_unknown() -> None:
    unread = UnreadPlace(PLACE["netrc"], "/home/mia/.netrc", "no permission to read it")
    [finding] = found(machine(unread_places=(unread,)))
    assert (finding.rule, finding.weight) == (Rule.UNREAD_PLACE, Weight.UNKNOWN)
    assert str(finding).startswith("/home/mia/.netrc: cannot be looked into: no permission to read")


def test_a_machine_without_nix_has_its_credentials_judged() -> None:
    there = machine(nix_state=NixState.ABSENT, nix="", credentials=(credential(),))
    assert [each.rule for each in found(there)] == [Rule.NO_NIX, Rule.CREDENTIAL]


def test_of_another_machine_than_the_declared_no_credential_is_touched() -> None:
    other = machine(kernel="Darwin", architecture="arm64", credentials=(credential(),))
    assert [each.rule for each in found(other)] == [Rule.WRONG_SYSTEM]
