"""What is said of a credential: where, what, who takes it out, what to revoke."""

import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from nixtrust.conf import Unreadable
from nixtrust.credentials import PLACE, PLACES, Kind, Place, Removal
from nixtrust.findings import Finding, Remedy, Rule, Weight, findings
from nixtrust.judge_credentials import is_removable
from nixtrust.machine import FileStatus, NixState
from nixtrust.stored import Credential, Hindrance, UnreadPlace
from tests.unit.observed import (
    DECLARED,
    DHALL,
    NIX_CONF,
    NO_DAEMON,
    SYSTEM,
    credential,
    found,
    machine,
    policy,
)


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


def test_too_many_in_one_file_are_one_finding_with_their_number() -> None:
    its = replace(credential("netrc", hindrance=Hindrance.TOO_MANY), count=200000)
    finding = judged(its)
    assert finding.remedy is Remedy.HAND
    assert "an auth token (mia's, the first of 200000 in this file);" in str(finding)


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
    assert commands == ["vim -n -i NONE -u NONE +3 '/home/mia/its file'"]


def test_of_a_link_in_a_work_tree_too() -> None:
    path, link = "/home/mia/.bashrc", "/home/mia/dotfiles/bashrc"
    its = whole_line(path, 2, hindrance=Hindrance.WORK_TREE, link=link)
    # sed would lay a file in the place of the link.
    assert commands_of(its) == [f"sed -i 2d {link}"]
    agents = replace(credential("agent-token", "/etc/cachix-agent.token"), link=link)
    assert commands_of(replace(agents, hindrance=Hindrance.WORK_TREE)) == [f"rm {link}"]
    entangled = replace(agents, hindrance=Hindrance.NOT_ALONE)
    assert commands_of(entangled) == [f"vim -n -i NONE -u NONE +3 {link}"]


def test_what_is_in_a_store_is_taken_out_of_what_keeps_it() -> None:
    link = "/nix/store/abc-home/files/.config/cachix/cachix.dhall"
    stored = "/nix/store/abc-home"
    assert by_hand("cachix-dhall", DHALL, Hindrance.STORE, link) == [
        f"nix-store --query --roots {stored}"
    ]


def test_what_is_locked_is_to_be_unlocked() -> None:
    commands = by_hand("netrc", "/home/mia/.netrc", Hindrance.LOCKED)
    assert commands[0] == "chattr -ia /home/mia/.netrc /home/mia"


def test_root_unlocks_nothing_and_allows_nothing_that_a_person_has_told_of() -> None:
    for place, path in (("netrc", "/etc/ssh/sshd_config"), ("envrc", "/home/mia/src/.envrc")):
        its = replace(credential(place, path, hindrance=Hindrance.LOCKED), told_by="mia")
        assert all(each.startswith("sudo -u mia ") for each in commands_of(its))
    its = replace(credential("netrc", "/etc/nix/netrc", hindrance=Hindrance.FOLDER), told_by="mia")
    assert commands_of(its) == ["sudo -u mia vim -n -i NONE -u NONE +3 /etc/nix/netrc"]


@pytest.mark.parametrize("hindrance", [Hindrance.LOCKED, Hindrance.READ_ONLY])
@pytest.mark.parametrize("place", ["csh", "nushell", "pam-environment"])
def test_where_nothing_is_ever_cut_no_other_run_is_advised(
    place: str, hindrance: Hindrance
) -> None:
    commands = by_hand(place, "/home/mia/its", hindrance)
    assert commands == ["vim -n -i NONE -u NONE +3 /home/mia/its"]


@pytest.mark.parametrize("name", ["with space.plist", "b.plist"])
def test_a_property_list_is_made_one_that_can_be_edited(name: str) -> None:
    [command] = by_hand("launchd", f"/Library/LaunchDaemons/{name}", Hindrance.UNCLEAR)
    path = shlex.quote(f"/Library/LaunchDaemons/{name}")
    assert command == f"plutil -convert xml1 {path} && vim -n -i NONE -u NONE {path}"


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
    assert edit == f"vim -n -i NONE -u NONE +3 '{file}'"


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


def test_a_line_of_somebody_elses_file_does_not_go_though_the_file_would() -> None:
    its = replace(credential("agent-token", "/etc/cachix-agent.token"), start=3, end=9)
    assert judged(its).remedy is Remedy.REMOVE
    theirs = judged(replace(its, hindrance=Hindrance.OWNER))
    assert theirs.remedy is Remedy.HAND
    assert "`sed -i 3d /etc/cachix-agent.token`" in str(theirs)


@pytest.mark.parametrize("place", ["agent-token", "cachix-folder"])
def test_of_a_file_with_other_settings_only_the_line_is_deleted(place: str) -> None:
    its = replace(credential(place, "/etc/cachix/its.token"), start=3, end=9)
    assert commands_of(its) == ["sed -i 3d /etc/cachix/its.token"]
    many = [replace(its, line=number) for number in range(50)]
    assert commands_of(*many)[3] == "vim -n -i NONE -u NONE +3 /etc/cachix/its.token"


def test_what_is_only_reported_has_the_command_to_do_it_by_hand() -> None:
    finding = judged(credential(), cachix_credentials="report")
    assert (finding.weight, finding.remedy) == (Weight.DRIFT, Remedy.HAND)
    assert finding.to_do.startswith(f"`rm {DHALL}`, then revoke it: ")
    line = judged(credential("bash", "/home/mia/.bashrc"), cachix_credentials="report")
    assert line.to_do.startswith("take it out with `vim -n -i NONE -u NONE +3 /home/mia/.bashrc`")


# The commands themselves --------------------------------------------------------------------------


def whole_line(path: str, line: int, **changes: Any) -> Credential:
    """A line that holds nothing but a credential."""
    its = credential("bash", path)
    return replace(its, **{"line": line, "start": 1, "end": 9, "folder": "/home/mia", **changes})


def commands_of(*its: Credential, kernel: str = "Linux", to_do: str = "report") -> list[str]:
    """Of each credential that is left to a person the commands."""
    there = machine(credentials=its, kernel=kernel)
    system = "x86_64-darwin" if kernel == "Darwin" else SYSTEM
    told = findings(policy(cachix_credentials=to_do), there, system)
    return [each.to_do.split("`")[1] for each in told if each.remedy is Remedy.HAND]


def test_a_line_is_deleted_by_what_keeps_no_copy(tmp_path: Path) -> None:
    file = tmp_path / "its $(file)"
    file.write_text("a\nsecret\nb\nsecret\n")
    first, second = commands_of(whole_line(str(file), 2), whole_line(str(file), 4))
    # One command for both, as the second line has another number once the first is gone.
    assert first == second
    subprocess.run(["sh", "-c", first], check=True)
    assert file.read_text() == "a\nb\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_line_that_is_a_comment_is_deleted_as_a_whole() -> None:
    path = "/etc/a.token"
    comment = whole_line(path, 2, place=PLACE["agent-token"], hindrance=Hindrance.COMMENT)
    assert commands_of(comment) == [f"sed -i 2d {path}"]


def test_a_mac_has_another_sed() -> None:
    [command] = commands_of(whole_line("/home/mia/.bashrc", 2), kernel="Darwin")
    assert command == "sed -i '' 2d /home/mia/.bashrc"


def test_where_a_person_may_lay_links_that_person_runs_it() -> None:
    path = "/home/mia/.bashrc"
    its = whole_line(path, 2, told_by="mia"), whole_line("/root/.bashrc", 2, told_by="root")
    assert commands_of(*its) == [f"sudo -u mia sed -i 2d {path}", "sed -i 2d /root/.bashrc"]
    plist = replace(credential("launchd", "/home/mia/a.plist"), told_by="mia")
    [command] = commands_of(plist)
    assert command.split(" && ")[1] == "sudo -u mia vim -n -i NONE -u NONE /home/mia/a.plist"
    linked = whole_line(path, 2, told_by="mia", hindrance=Hindrance.HARD_LINK)
    assert commands_of(linked)[0].startswith("sudo -u mia find ")
    dhall = replace(credential(), told_by="jito hello")
    assert commands_of(dhall) == [f"sudo -u 'jito hello' rm {DHALL}"]


def test_what_a_member_tells_of_roots_file_changes_no_command_for_it() -> None:
    its = whole_line("/root/.bashrc", 7, told_by="")
    lies = [whole_line("/root/.bashrc", line, told_by="mia") for line in range(1, 30)]
    of_roots = "sed -i 7d /root/.bashrc"
    assert commands_of(its) == [of_roots]
    commands = commands_of(*lies, its)
    assert commands[-1] == of_roots
    assert all(command.startswith("sudo -u mia ") for command in commands[:-1])
    hindered = replace(its, hindrance=Hindrance.COMMENT)
    assert commands_of(lies[0], hindered, to_do="remove") == [of_roots]


def test_what_a_member_tells_of_the_systems_nix_conf_does_not_go_as_it_is_written() -> None:
    its = whole_line(NIX_CONF, 1, place=PLACE["nix-conf"], told_by="mia")
    observed = machine(f"require-sigs = false\n{DECLARED}", credentials=(its,))
    [finding] = found(observed, Rule.CREDENTIAL)
    assert finding.remedy is Remedy.HAND


def test_what_goes_with_a_line_of_nix_conf_is_told_so_and_its_other_lines_get_new_numbers() -> None:
    its = whole_line(NIX_CONF, 1, place=PLACE["nix-conf"])
    comment = replace(its, line=2, hindrance=Hindrance.COMMENT)
    ours = policy(cachix_credentials="report")

    def told(nix_conf: str) -> list[Finding]:
        observed = machine(nix_conf, credentials=(its, comment))
        found = findings(ours, observed, SYSTEM)
        return [each for each in found if each.rule is Rule.CREDENTIAL]

    first, second = told(f"access-tokens = x\n#\n{DECLARED}")
    assert (first.remedy, second.remedy) == (Remedy.HAND, Remedy.HAND)
    assert "`vim -n -i NONE -u NONE +1 /etc/nix/nix.conf`" in first.to_do
    assert "`sed -i 2d /etc/nix/nix.conf`" in second.to_do
    first, second = told(f"require-sigs = false # x\n#\n{DECLARED}")
    assert (first.remedy, second.remedy) == (Remedy.EDIT, Remedy.HAND)
    assert first.to_do.startswith("its line goes as nix.conf is written; revoke it: ")
    assert "`vim -n -i NONE -u NONE +2 /etc/nix/nix.conf`" in second.to_do


def test_of_the_original_that_is_kept_a_comment_goes_too_unless_its_bytes_are_not_known() -> None:
    path = f"{NIX_CONF}.before-nixtrust"
    its = whole_line(path, 1, place=PLACE["nix-conf-original"])
    comment = replace(its, line=2, hindrance=Hindrance.COMMENT)
    assert [judged(each).remedy for each in (its, comment)] == [Remedy.REMOVE, Remedy.REMOVE]
    returns = replace(comment, start=0, end=0)
    compound = replace(its, start=0, end=0, hindrance=Hindrance.COMPOUND)
    linked = replace(its, hindrance=Hindrance.LINK, link="/etc/nix/elsewhere")
    assert {judged(each).remedy for each in (returns, compound, linked)} == {Remedy.HAND}
    assert {judged(each, cachix_credentials="report").remedy for each in (its, comment)} == {
        Remedy.HAND
    }


def test_what_is_kept_until_the_restart_goes_with_it() -> None:
    its = credential("nix-conf-before-restart", "/etc/nix/.nixtrust-good.nix.conf")
    for declared in ("remove", "report"):
        observed = machine(credentials=(its,), restart_pending=True)
        found = findings(policy(cachix_credentials=declared), observed, SYSTEM)
        finding, restart = sorted(found, key=lambda each: each.rule)
        assert (finding.rule, restart.rule) == (Rule.CREDENTIAL, Rule.RESTART)
        assert finding.remedy is restart.remedy is Remedy.RESTART
        assert finding.to_do.startswith("it goes once the daemon has restarted; revoke it: ")


def test_where_no_daemon_is_restarted_what_a_killed_run_has_kept_is_to_be_removed() -> None:
    path = "/etc/nix/.nixtrust-old.nix.conf"
    its = credential("nix-conf-before-restart", path)
    observed = machine(credentials=(its,), restart_pending=True, daemon=NO_DAEMON)
    [finding] = findings(policy(), observed, SYSTEM)
    assert (finding.rule, finding.remedy) == (Rule.CREDENTIAL, Remedy.HAND)
    assert finding.to_do.startswith(f"`rm {path}`, then revoke it: ")


def test_a_line_is_not_deleted_by_its_number_where_that_will_change() -> None:
    path = "/home/mia/.bashrc"
    block = whole_line(path, 5, hindrance=Hindrance.BLOCK)
    assert commands_of(block, to_do="remove") == [f"sed -i 5d {path}"]
    edit = [f"vim -n -i NONE -u NONE +5 {path}"]
    assert commands_of(block, whole_line(path, 2), to_do="remove") == edit


@pytest.mark.parametrize(
    "its",
    [
        whole_line("/home/mia/.bashrc", 3, hindrance=Hindrance.REFUSED),
        whole_line("/home/mia/.bashrc", 3, end=0, hindrance=Hindrance.COMPOUND),
        whole_line("/home/mia/.bashrc", 3, end=0, hindrance=Hindrance.COMMENT),
        replace(credential("agent-token", "/etc/a.token"), hindrance=Hindrance.NOT_ALONE),
        replace(credential(), hindrance=Hindrance.COMMENT),
        whole_line("/home/mia/.netrc", 3, place=PLACE["netrc"]),
    ],
    ids=["refused", "a longer command", "behind a command", "beside a proxy", "remark", "an entry"],
)
def test_what_is_more_or_less_than_a_line_is_edited(its: Credential) -> None:
    assert commands_of(its) == [f"vim -n -i NONE -u NONE +3 {its.path}"]


def test_a_file_that_is_not_understood_is_no_file_to_remove_unread() -> None:
    finding = judged(credential("cachix-dhall", hindrance=Hindrance.UNCLEAR))
    assert f": if it holds one, `rm {DHALL}`, then" in finding.to_do


@pytest.mark.skipif(not shutil.which("vim"), reason="there is no vim")
def test_the_editor_that_is_advised_keeps_no_copy(tmp_path: Path) -> None:
    secret = "made-up-for-this-test"
    (tmp_path / ".vimrc").write_text("set undofile undodir=~ backup viminfo='9,<99\n")
    file = tmp_path / "file"
    file.write_text(f"a\nb\n{secret} c\n")
    [command] = commands_of(credential("csh", str(file)))
    subprocess.run(
        ["sh", "-c", f"{command} --not-a-term -c 'normal dw' -c wq </dev/null"],
        capture_output=True,
        check=True,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "dumb"},
    )
    assert secret not in file.read_text()
    assert not any(secret in each.read_text(errors="replace") for each in tmp_path.iterdir())


def test_what_a_member_cannot_read_hides_no_place_that_root_cannot_look_into() -> None:
    path = "/etc/cachix/folder"
    files = {"/home/baleen/.config/nix/nix.conf": f"include {path}\n"}
    observed = machine(files=files)
    own = observed.own["baleen"]
    status = FileStatus("user:baleen", "", None, "", "no permission to read it")
    own = replace(
        own,
        files={**own.files, path: Unreadable()},
        status={**own.status, path: status},
    )
    places = (UnreadPlace(PLACE["cachix-folder"], path, "its name is no text"),)
    observed = replace(observed, own={"baleen": own}, unread_places=places)
    assert [each.where for each in found(observed, Rule.UNREADABLE)] == [path]
    assert [each.where for each in found(observed, Rule.UNREAD_PLACE)] == [path]


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


def test_what_has_a_token_in_its_name_is_never_acted_upon_by_the_mask() -> None:
    its = credential("netrc", "/home/mia/<token>/.netrc", hindrance=Hindrance.MASKED)
    assert not is_removable(its)
    finding = judged(its)
    assert finding.remedy is Remedy.HAND
    assert finding.to_do.split("`")[1] == "ls -a /home/mia"
    assert "netrc" not in finding.to_do
