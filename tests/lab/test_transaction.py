"""The settings transaction: what it writes, what it refuses, what it keeps."""

import dataclasses
import os

import pytest

import lab
from nixtrust.conf import BLOCK_BEGIN, BLOCK_END, apply
from nixtrust.findings import restarts
from nixtrust.outcome import Result
from nixtrust.owners import owner_of
from nixtrust.scripts import write_script
from tests.lab import transactions
from tests.lab.transactions import (
    conf,
    daemon,
    declaring,
    holds,
    lay,
    leftovers,
    look,
    planned,
    run_for,
    send,
    start_anew,
    values,
    writing,
)

pytestmark = pytest.mark.lab

LAB = transactions.LAB


@pytest.fixture(scope="module")
def machines() -> dict[str, lab.Machine]:
    return transactions.machines(*lab.SUITES)


@pytest.fixture(params=lab.SUITES)
def machine(request: pytest.FixtureRequest, machines: dict[str, lab.Machine]) -> lab.Machine:
    """The machine of each suite in turn, as it came."""
    return start_anew(machines[request.param])


@pytest.fixture
def trixie(machines: dict[str, lab.Machine]) -> lab.Machine:
    """For what no Nix has a part in."""
    return start_anew(machines["trixie"])


# What is written --------------------------------------------------------------------------------


def test_real_nix_reads_what_is_declared_and_nothing_is_left_behind(machine: lab.Machine) -> None:
    policy = declaring("mia")
    assert send(machine, writing(machine, policy)).result is Result.DONE
    assert holds(machine, policy)
    assert leftovers(machine) == []


TEXTS = {
    "empty": b"",
    "unended": b"# mine\ncores = 1",
    "unended line goes": b"cores = 1\ntrusted-users = root",
    "only an unended line that goes": b"trusted-users = root",
    "CRLF": b"# mine\r\ntrusted-users = root\r\ncores = 1\r\n",
    "bytes that are no text": b"# \xff\xfe caf\xe9\ncores = 1 # \x01\n\n\n",
    "spread": b"trusted-users = a\n\tcores = 1\nextra-trusted-users = b\n#\nbinary-caches = c\n \n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_the_machine_makes_of_a_file_what_the_edit_makes_of_it(
    text: bytes, trixie: lab.Machine
) -> None:
    conf(trixie).write_bytes(text)
    policy = declaring()
    [edit] = planned(look(trixie, policy), policy).edits
    assert send(trixie, writing(trixie, policy)).result is Result.DONE
    assert conf(trixie).read_bytes() == apply(text.decode("latin-1"), edit).encode("latin-1")
    assert conf(trixie, "nix.conf.before-nixtrust").read_bytes() == text


def test_a_line_of_the_including_file_that_wins_goes_in_the_same_transaction(
    machine: lab.Machine,
) -> None:
    text = "!include nix.custom.conf\ncores = 1\ntrusted-users = root mia\nmax-jobs = 1"
    lay(machine, text, nix_custom_conf="")
    policy = declaring()
    parent, custom = (conf(machine, name) for name in ("nix.conf", "nix.custom.conf"))
    assert send(machine, writing(machine, policy)).result is Result.DONE
    assert parent.read_text() == "!include nix.custom.conf\ncores = 1\nmax-jobs = 1"
    assert custom.read_text().startswith(BLOCK_BEGIN)
    assert holds(machine, policy)


def test_the_first_original_is_kept_once(machine: lab.Machine) -> None:
    first = conf(machine).read_bytes()
    for trusted in (["mia"], [], ["baleen", "mia"]):
        policy = declaring(*trusted)
        assert send(machine, writing(machine, policy)).result is Result.DONE
        assert conf(machine, "nix.conf.before-nixtrust").read_bytes() == first
    before = conf(machine, "nix.conf.before-nixtrust").stat()
    assert (before.st_mode & 0o7777, before.st_uid, before.st_gid) == (0o644, 0, 0)


def test_where_there_was_no_file_none_is_kept_as_original(trixie: lab.Machine) -> None:
    conf(trixie).unlink()
    for trusted in (["mia"], []):
        assert send(trixie, writing(trixie, declaring(*trusted))).result is Result.DONE
    assert not conf(trixie, "nix.conf.before-nixtrust").exists()


# What is kept -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "owner", "group"), [(0o600, 0, 0), (0o664, 0, 50), (0o640, 0, 1)])
def test_mode_and_owner_stay(mode: int, owner: int, group: int, trixie: lab.Machine) -> None:
    os.chown(conf(trixie), owner, group)
    conf(trixie).chmod(mode)
    assert send(trixie, writing(trixie, declaring())).result is Result.DONE
    after = conf(trixie).stat()
    assert (after.st_mode & 0o7777, after.st_uid, after.st_gid) == (mode, owner, group)


# user::rw-, user:1000:r--, group::r--, mask::r--, other::r-- as Linux keeps it
ACL = bytes.fromhex(
    "02000000" "01000600ffffffff" "02000400e8030000" "04000400ffffffff"
    "10000400ffffffff" "20000400ffffffff"
)  # fmt: skip


def test_what_else_cp_keeps_of_a_file_stays(machine: lab.Machine) -> None:
    os.setxattr(conf(machine), "system.posix_acl_access", ACL)
    os.setxattr(conf(machine), "user.note", b"mine")
    machine.run("cp -p /etc/nix/nix.conf /root/as-cp-keeps-it").check_returncode()
    kept = _attributes(machine, "root/as-cp-keeps-it")
    assert "system.posix_acl_access" in kept
    assert send(machine, writing(machine, declaring())).result is Result.DONE
    assert _attributes(machine, "etc/nix/nix.conf") == kept
    assert _attributes(machine, "etc/nix/nix.conf.before-nixtrust") == {
        "system.posix_acl_access": ACL,
        "user.note": b"mine",
    }


def _attributes(machine: lab.Machine, path: str) -> dict[str, bytes]:
    file = machine.root / path
    return {name: os.getxattr(file, name) for name in os.listxattr(file)}


def test_where_the_file_is_somebodys_link_nothing_is_written(trixie: lab.Machine) -> None:
    there = trixie.root / "srv/nix.conf"
    conf(trixie).rename(there)
    conf(trixie).symlink_to("/srv/nix.conf")
    before = there.read_bytes()
    answer = run_for(trixie, "deploy.py", "-y")
    assert answer.returncode == 1
    assert "the file is a link: put it right where it leads" in answer.stdout
    assert conf(trixie).is_symlink()
    assert there.read_bytes() == before


def test_what_is_too_large_to_be_read_is_told_and_nothing_is_written(trixie: lab.Machine) -> None:
    text = conf(trixie).read_text() + 1024 * f"# {'x' * 1021}\n"
    address = "extra-substituters = https://:mU4k9xQ@x.cachix.org\n"
    lay(trixie, f"{text}{address}!include large.conf\n", large_conf=f"{text}{text}")
    before = conf(trixie).read_bytes()
    line = f"{text}{address}".count("\n")
    for _ in range(2):
        answer = run_for(trixie, "deploy.py", "-y")
        assert answer.returncode == 1
        to_do = "shorten it there, or move a part into a file that it includes, then run again"
        told = f"/etc/nix/nix.conf: cannot be read: larger than 1 MiB; {to_do}"
        assert f"nothing written: {told}" in answer.stdout
        # It is looked into all the same.
        assert f"/etc/nix/nix.conf:{line}: an auth token of the cache x" in answer.stdout
        assert conf(trixie).read_bytes() == before
    conf(trixie).chmod(0o666)
    mended = run_for(trixie, "deploy.py", "-y").stdout
    assert f"not all was mended: /etc/nix/nix.conf is larger than 1 MiB; {to_do}" in mended
    assert conf(trixie).read_bytes() == before
    conf(trixie).chmod(0o644)
    lay(trixie, "!include large.conf\n")
    answer = run_for(trixie, "deploy.py", "-y")
    assert f"/etc/nix/large.conf: cannot be read: larger than 1 MiB; {to_do}" in answer.stdout
    lay(trixie, address)
    assert run_for(trixie, "deploy.py", "-y").returncode == 0


# Changed meanwhile ------------------------------------------------------------------------------

EDITS = {
    "a line more": "echo cores = 1 >>/etc/nix/nix.conf",
    "the same size": "sed -i 's/^#/;/' /etc/nix/nix.conf",
    "another mode": "chmod 600 /etc/nix/nix.conf",
    "another owner": "chown daemon /etc/nix/nix.conf",
    "another file": "cp -p /etc/nix/nix.conf /etc/nix/x && mv /etc/nix/x /etc/nix/nix.conf",
    "gone": "rm /etc/nix/nix.conf",
    "a link": "mv /etc/nix/nix.conf /srv/nix.conf && ln -s /srv/nix.conf /etc/nix/nix.conf",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_a_file_that_changed_since_it_was_looked_at_stays_as_it_is(
    edit: str, trixie: lab.Machine
) -> None:
    script = writing(trixie, declaring())
    trixie.run(edit).check_returncode()
    before = trixie.run("ls -lin --full-time /etc/nix; cat /etc/nix/*").stdout
    outcome = send(trixie, script)
    assert outcome.result is Result.CHANGED
    assert outcome.words == "/etc/nix/nix.conf changed meanwhile"
    assert trixie.run("ls -lin --full-time /etc/nix; cat /etc/nix/*").stdout == before
    assert leftovers(trixie) == []


def test_a_file_that_appeared_since_is_not_overwritten(trixie: lab.Machine) -> None:
    conf(trixie).unlink()
    script = writing(trixie, declaring())
    conf(trixie).write_text("cores = 1\n")
    assert send(trixie, script).result is Result.CHANGED
    assert conf(trixie).read_text() == "cores = 1\n"


@pytest.mark.parametrize("name", ["nix.conf", "nix.custom.conf"])
def test_an_edit_during_the_check_stays_too(name: str, trixie: lab.Machine) -> None:
    lay(trixie, "!include nix.custom.conf\ntrusted-users = mia\n", nix_custom_conf="# mine\n")
    before = {each: conf(trixie, each).read_bytes() for each in ("nix.conf", "nix.custom.conf")}
    by_hand = f"echo '# by hand' >>/etc/nix/{name}"
    script = writing(trixie, declaring()).replace("\ncheck ", f"\n{by_hand}\ncheck ")
    assert script.count(by_hand) == 1
    assert send(trixie, script).result is Result.CHANGED
    after = {each: conf(trixie, each).read_bytes() for each in before}
    assert after == {**before, name: before[name] + b"# by hand\n"}
    assert leftovers(trixie) == []


# Nix reads it first -----------------------------------------------------------------------------


def forged(machine: lab.Machine, *lines: str) -> str:
    """The operation's script, with more lines in its block than it expects Nix to read."""
    policy = declaring()
    seen = look(machine, policy)
    made = planned(seen, policy)
    edits = tuple(
        dataclasses.replace(each, block=(*each.block[:-1], *lines, BLOCK_END))
        for each in made.edits
    )
    forgery = dataclasses.replace(made, edits=edits)
    return write_script(forgery, seen, owner_of(seen), restarts(seen))


REFUSED = {
    "this is no setting": "Nix refuses what would be written: ",
    "fallback = perhaps": "Nix refuses what would be written: ",
    "include nowhere.conf": "Nix refuses what would be written: ",
    "frobnicate = 1": "Nix would warn of what would be written: unknown setting 'frobnicate'",
    "trusted-users = root *": "Nix reads what would be written otherwise: trusted-users",
    "extra-substituters = http://a": "Nix reads what would be written otherwise: substituters",
}


def test_what_nix_takes_otherwise_than_expected_is_not_written(machine: lab.Machine) -> None:
    before, running = conf(machine).read_bytes(), daemon(machine)
    for line, words in REFUSED.items():
        outcome = send(machine, forged(machine, line))
        assert outcome.result is Result.REFUSED, line
        assert outcome.words.startswith(words)
        assert "include" not in line or "/etc/nix/nowhere.conf" in outcome.words
        assert [path.name for path in conf(machine, "").iterdir()] == ["nix.conf"]
        assert conf(machine).read_bytes() == before
    assert daemon(machine) == running


def test_a_warning_in_other_words_counts_too(machines: dict[str, lab.Machine]) -> None:
    # Nix 2.8 takes any name for a feature that may exist one day, and says nothing.
    for suite in ("trixie", "sid"):
        machine = start_anew(machines[suite])
        outcome = send(machine, forged(machine, "extra-experimental-features = frobnication"))
        assert outcome.result is Result.REFUSED
        assert outcome.words.startswith("Nix would warn of what would be written")


def test_a_warning_that_nix_gives_already_is_not_in_the_way(machine: lab.Machine) -> None:
    with conf(machine).open("a") as file:
        file.write("frobnicate = 1\n")
    assert send(machine, writing(machine, declaring())).result is Result.DONE


# How nix.conf can include a file, and where that lies.
INCLUDES = {
    "include beside.conf": "etc/nix/beside.conf",
    "!include optional.conf": "etc/nix/optional.conf",
    "include ./dot.conf": "etc/nix/dot.conf",
    "!include ../nix/up.conf": "etc/nix/up.conf",
    "include ../../etc/nix/way-up.conf": "etc/nix/way-up.conf",
    "include /etc/nix/full.conf": "etc/nix/full.conf",
    "  !include\t/etc/nix/odd.conf": "etc/nix/odd.conf",
    "include .hidden.conf": "etc/nix/.hidden.conf",
    "include ../elsewhere.conf": "etc/elsewhere.conf",
    "include ../../srv/far.conf": "srv/far.conf",
    "include folder/inner.conf": "etc/nix/folder/inner.conf",
    "!include nowhere.conf": "",
}


def test_an_include_means_in_the_check_what_it_means_in_place(machine: lab.Machine) -> None:
    for path in filter(None, INCLUDES.values()):
        (machine.root / path).parent.mkdir(exist_ok=True)
        (machine.root / path).write_text(f"extra-allowed-users = {path}\n")
    lay(machine, "".join(f"{include}\n" for include in INCLUDES))
    read = values(machine)["allowed-users"]
    assert read == ["*", *filter(None, INCLUDES.values())]
    script = writing(machine, declaring())
    expecting = script.replace("\ncheck '", f"\ncheck 'allowed-users {' '.join(sorted(read))}\n")
    assert expecting != script
    outcome = send(machine, expecting)
    assert outcome.result is Result.DONE, outcome
    assert values(machine)["allowed-users"] == read


INCLUDES_OF_EDITED = (
    "include nix.custom.conf",
    "!include ../nix/nix.custom.conf",
    "!include ../../etc/nix/nix.custom.conf",
    "include /etc/nix/nix.custom.conf",
    "include between.conf",
)


def test_a_file_that_is_edited_and_included_is_checked_as_it_will_be(machine: lab.Machine) -> None:
    for include in INCLUDES_OF_EDITED:
        lay(
            machine,
            f"{include}\n",
            nix_custom_conf="trusted-users = root *\n",
            between_conf="include /etc/nix/nix.custom.conf\n",
        )
        policy = declaring()
        assert send(machine, writing(machine, policy)).result is Result.DONE, include
        assert holds(machine, policy)
        assert conf(machine).read_text() == f"{include}\n"
