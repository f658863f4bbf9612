"""The removal's script: what it leaves of files, and what it says of them."""

import os
import shlex
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nixtrust.outcome import Result
from nixtrust.removal import Cut, Removed, RemovedFrom, read_removed
from tests.shell.removing import LINE, Ranges, fronted, kept_as, one, removal, run, the_line

# What is left -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["sh", "bash --posix"])
def test_a_line_goes_and_everything_else_stays(rc: Path, lock: Path, shell: str) -> None:
    removed = run(lock, removal(rc, the_line(rc), "bash"), shell=shell)
    assert removed == Removed(Result.DONE, "", (RemovedFrom(Result.DONE, str(rc), ""),))
    assert rc.read_text() == "alias a=b\nalias c=d\n"
    assert [path.name for path in rc.parent.iterdir()] == [".bashrc"]


def test_a_whole_file_goes(rc: Path, lock: Path) -> None:
    assert one(run(lock, removal(rc, ()))).result is Result.DONE
    assert list(rc.parent.iterdir()) == []


def test_a_file_of_which_all_goes_is_there_and_empty(rc: Path, lock: Path) -> None:
    assert one(run(lock, removal(rc, ((0, rc.stat().st_size),)))).result is Result.DONE
    assert rc.read_bytes() == b""


def test_a_last_line_without_an_end_goes(rc: Path, lock: Path) -> None:
    rc.write_text(f"a\n{LINE}".rstrip("\n"))
    assert one(run(lock, removal(rc, ((2, 2 + len(LINE)),)))).result is Result.DONE
    assert rc.read_text() == "a\n"


@st.composite
def contents(draw: st.DrawFn) -> tuple[list[bytes], bool]:
    """A file's pieces, kept and removed by turns, and whether the first is one that is kept."""
    return draw(st.lists(st.binary(min_size=1, max_size=40), min_size=2)), draw(st.booleans())


@settings(max_examples=25, deadline=None)
@given(contents())
def test_just_the_bytes_in_the_ranges_go(content: tuple[list[bytes], bool]) -> None:
    pieces, keeps = content
    ranges, size = [], 0
    for number, piece in enumerate(pieces):
        if number % 2 == keeps:
            ranges.append((size, size + len(piece)))
        size += len(piece)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder).resolve() / "file"
        file.write_bytes(b"".join(pieces))
        end = one(run(file.with_name("lock"), removal(file, tuple(ranges))))
        assert end.result is Result.DONE
        assert file.read_bytes() == b"".join(pieces[1 - keeps :: 2])


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o400, 0o755])
def test_the_mode_stays(rc: Path, lock: Path, mode: int) -> None:
    rc.chmod(mode)
    before = rc.stat()
    assert one(run(lock, removal(rc, the_line(rc)))).result is Result.DONE
    after = rc.stat()
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        (before.st_mode, before.st_uid, before.st_gid)
    )


# acl(5) as Linux stores it: version 2; then tag, permissions and number of each.
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in (
        *((0x01, 6, 0xFFFFFFFF), (0x02, 4, 12345), (0x04, 0, 0xFFFFFFFF)),
        *((0x10, 4, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)),
    )
)


def test_the_access_list_and_further_attributes_stay(rc: Path, lock: Path) -> None:
    os.setxattr(rc, "system.posix_acl_access", ACL)
    with suppress(OSError):  # not every file system has these
        os.setxattr(rc, "user.mine", b"kept")
    before = {name: os.getxattr(rc, name) for name in os.listxattr(rc)}
    assert one(run(lock, removal(rc, the_line(rc)))).result is Result.DONE
    assert {name: os.getxattr(rc, name) for name in os.listxattr(rc)} == before


# What is left alone -----------------------------------------------------------------------------


def test_a_file_that_has_changed_since_is_left(rc: Path, lock: Path) -> None:
    it = removal(rc, the_line(rc))
    text = rc.read_text().replace("alias", "ALIAS")
    rc.write_text(text)
    assert one(run(lock, it)).result is Result.CHANGED
    kept_as(text, rc)


def test_a_file_that_changes_meanwhile_is_left(rc: Path, lock: Path) -> None:
    text = rc.read_text()
    front = fronted(rc.parent.parent / "front", sync='echo more >>"$(dirname "$1")"/.bashrc')
    assert one(run(lock, removal(rc, the_line(rc)), first=front)).result is Result.CHANGED
    kept_as(f"{text}more\n", rc)


@pytest.mark.parametrize("ranges", [(), ((0, 3),)])
def test_a_link_in_the_files_place_is_left_and_so_is_what_it_leads_to(
    rc: Path, lock: Path, tmp_path: Path, ranges: Ranges
) -> None:
    it, text = removal(rc, ranges), rc.read_text()
    rc.rename(tmp_path / "other")
    rc.symlink_to(tmp_path / "other")
    assert one(run(lock, it)).result is Result.CHANGED
    assert rc.is_symlink()
    kept_as(text, rc)


def test_what_is_no_file_is_left(rc: Path, lock: Path) -> None:
    (link := rc.with_name("link")).symlink_to(rc)
    (folder := rc.with_name("folder")).mkdir()
    ends = run(lock, removal(link, ()), removal(folder, ()))
    assert [end.result for end in ends.files] == [Result.CHANGED, Result.CHANGED]
    kept_as(rc.read_text(), rc, ("folder", "link"))


@pytest.mark.parametrize("ranges", [(), ((0, 3),)])
def test_a_file_with_another_name_is_left(rc: Path, lock: Path, ranges: Ranges) -> None:
    rc.with_name("other").hardlink_to(rc)
    end = one(run(lock, removal(rc, ranges)))
    assert (end.result, end.words) == (Result.FAILED, "another name leads to the same file")
    kept_as(rc.read_text(), rc, ("other",))
    assert LINE in rc.read_text()


def test_a_file_in_a_folder_that_is_another_by_now_is_left(rc: Path, lock: Path) -> None:
    it, text, moved = removal(rc, ()), rc.read_text(), rc.parent.with_name("moved")
    rc.parent.rename(moved)
    rc.parent.symlink_to(moved)
    assert one(run(lock, it)).result is Result.CHANGED
    kept_as(text, moved / rc.name)


def test_a_folder_that_is_gone_hinders_no_other(rc: Path, lock: Path) -> None:
    gone = Cut("root", f"{rc.parent}/gone", "x", "absent", "", ())
    ends = run(lock, gone, removal(rc, ()), gone)
    assert [end.result for end in ends.files] == [Result.CHANGED, Result.DONE, Result.CHANGED]
    assert not rc.exists()


def test_what_the_shell_does_not_accept_is_not_put_in_place(rc: Path, lock: Path) -> None:
    text = f"if true; then\n{LINE}fi\n"
    rc.write_text(text)
    end = one(run(lock, removal(rc, the_line(rc), "bash")))
    assert end.result is Result.REFUSED
    assert end.words == "bash does not accept the file without the line"
    kept_as(text, rc)


@pytest.mark.parametrize("program", ["", "no-such-shell"])
def test_where_the_shell_is_not_there_none_is_asked(rc: Path, lock: Path, program: str) -> None:
    rc.write_text(f"if true; then\n{LINE}fi\n")
    assert one(run(lock, removal(rc, the_line(rc), program))).result is Result.DONE
    kept_as("if true; then\nfi\n", rc)


OLD_FISH = '[ $# = 1 ] && [ "$1" = -n ] && [ "$HOME" = /nonexistent ] && ! grep -q wrong'


@pytest.mark.parametrize(("left", "result"), [("", Result.DONE), ("wrong\n", Result.REFUSED)])
def test_a_fish_that_does_not_know_the_newer_option_is_asked_without(
    rc: Path, lock: Path, tmp_path: Path, left: str, result: Result
) -> None:
    rc.write_text(f"{left}{LINE}")
    # Before any fish of the machine's own.
    front = fronted(tmp_path / "front", fish=OLD_FISH)
    assert one(run(lock, removal(rc, the_line(rc), "fish"), first=front)).result is result


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("mv: write error: No space left on device", "No space left on device"),
        (f"mv: {LINE}", "mv failed"),
    ],
)
def test_of_what_a_tool_says_known_words_are_told(
    rc: Path, lock: Path, tmp_path: Path, said: str, words: str
) -> None:
    text = rc.read_text()
    (tmp_path / "said").write_text(said)
    told = shlex.quote(str(tmp_path / "said"))
    front = fronted(tmp_path / "front", mv=f"cat {told} >&2; exit 1")
    end = one(run(lock, removal(rc, the_line(rc)), first=front))
    assert (end.result, end.words) == (Result.FAILED, words)
    kept_as(text, rc)


@pytest.mark.lint
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("remove", "within"),
        ("common", "accepted"),
        ("folder", "folder_rule"),
        ("common", "limited"),
    ],
)
def test_a_program_that_another_shell_runs_is_clean_to_shellcheck(file: str, name: str) -> None:
    text = (Path(__file__).parents[2] / f"nixtrust/shell/{file}.sh").read_text()
    if name == "limited":
        text = text.replace(
            """'"$kill_all"'""", text.partition("\nkill_all='")[2].partition("'")[0]
        )
    program, end, _ = text.partition(f"\n{name}='")[2].partition("'")
    assert end
    shellcheck = Path(sys.executable).with_name("shellcheck")
    found = subprocess.run(
        # What the trap calls.
        [shellcheck, "--shell=sh", "--exclude=SC2317,SC2329", "-"],
        input=program,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
    assert found.returncode == 0


# The answer -------------------------------------------------------------------------------------


def test_a_name_forges_no_line(home: Path, lock: Path) -> None:
    file = home / "x\nfile\tdone\tf"
    file.write_text("x")
    assert one(run(lock, removal(file, ()))).path == f"{home}/x file done f"
    assert list(home.iterdir()) == []


ANSWER = ["nixtrust\tremove\t1", "file\tdone\t/x\t", "outcome\tdone\t", "end\t3"]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        *(ANSWER[:length] for length in range(1, len(ANSWER))),
        [ANSWER[0], *ANSWER[2:]],
        ["Welcome!", *ANSWER],
        [ANSWER[0], "file\twell\t/x\t", *ANSWER[2:]],
        [ANSWER[0], "file\tdone\t/x", *ANSWER[2:]],
        [*ANSWER[:2], "outcome\twell\t", ANSWER[3]],
    ],
)
def test_an_answer_that_is_not_whole_says_nothing_of_any_file(lines: list[str]) -> None:
    assert read_removed(ANSWER).result is Result.DONE
    removed = read_removed(lines)
    assert removed.result is Result.LOST
    assert removed.files == ()


@given(st.lists(st.text(), max_size=5))
def test_no_answer_is_more_than_can_be_read(lines: list[str]) -> None:
    assert read_removed(lines).result in Result
