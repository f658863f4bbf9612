"""What the probe makes of configuration files that are odd, or are no files at all."""

import ctypes
import mmap
import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.shell.looking import functions

# These files are looked at as if they were root's, wherever they lie.
BEGINNING = functions({"fallback": "true"}) + "is_roots() { :; }\n"


def said(steps: str, stdin: int = subprocess.DEVNULL, beginning: str = BEGINNING) -> list[str]:
    """The lines that the probe's functions say; standard error is to stay empty."""
    with tempfile.NamedTemporaryFile(suffix=".sh") as script:
        script.write(os.fsencode(f"{beginning}\n{steps}\n}}\nmain\n"))
        script.flush()
        done = subprocess.run(["sh", script.name], stdin=stdin, capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode("ascii").splitlines()


def looked_at(path: object) -> list[str]:
    """The records of one file of the system's and of what it includes."""
    return said(f"seen=$newline\nconf_files system '{path}'")


def trouble(path: object) -> str:
    """Why the probe could not read a file."""
    (line,) = looked_at(path)
    kind, whose, file, state, why, _link = line.split("\t")
    assert (kind, whose, file, state) == ("file", "system", str(path), "unreadable")
    return why


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc here")
@pytest.mark.parametrize(
    "links",
    [
        {"nix.conf": "/proc/self/status"},
        {"nix.conf": "a", "a": "b", "b": "/proc/self/status"},
        # Further than 16 links, which is how far it was once followed.
        {"nix.conf": "l1", **{f"l{n}": f"l{n + 1}" for n in range(1, 30)}, "l30": "/proc/version"},
        {"nix.conf": "up/proc/self/status", "up": "/"},
    ],
    ids=["a link", "by way of others", "a long way", "through a folder"],
)
def test_a_file_of_the_kernels_is_not_read(links: dict[str, str], tmp_path: Path) -> None:
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    assert trouble(tmp_path / "nix.conf").startswith("in /proc, /sys or /dev")


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc here")
def test_an_include_of_the_kernels_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "d").symlink_to("/")
    (tmp_path / "nix.conf").write_text("!include d/proc/self/status\n!include /proc/version\n")
    _, _, *included = (line.split("\t") for line in looked_at(tmp_path / "nix.conf")[1:])
    assert [line[3] for line in included] == ["unreadable", "unreadable"]


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="no /proc here")
def test_a_file_of_the_kernels_tells_no_owner(tmp_path: Path) -> None:
    (tmp_path / "nix.custom.conf").touch()
    (tmp_path / "nix.conf").symlink_to("/proc/version")
    look = f"conf_dir={tmp_path}\nread_head() {{ echo $1; head=''; }}\nlook_at_owner"
    assert f"{tmp_path}/nix.custom.conf" in said(look)
    assert f"{tmp_path}/nix.conf" not in said(look)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="no /proc here")
def test_a_file_that_can_be_read_half_is_not_taken_for_a_shorter_one() -> None:
    """A page of memory with none behind it: its end is no end of file but EIO."""
    page = mmap.PAGESIZE
    pages = mmap.mmap(-1, 2 * page)
    pages.write(b"fallback = true\n" * (page // 16))
    address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.munmap(ctypes.c_void_p(address + page), ctypes.c_size_t(page)) == 0
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    try:
        os.lseek(memory, address, os.SEEK_SET)
        *lines, status = said("redact '' / 2>/dev/null; echo $?", stdin=memory)
    finally:
        os.close(memory)
    assert lines[0] == "fallback = true"
    assert status != "0"


@pytest.mark.parametrize(
    "text", ["", "\n", "a = b", "a = b\n", "a = b\n\n\n", "a = b\n \n#", "\x01"]
)
def test_a_file_that_could_be_read_has_as_many_lines_as_before(text: str, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text(text)
    *lines, status = said(f"redact '|' / <'{file}'; echo $?")
    assert status == "0"
    assert len(lines) == len(text.splitlines())


def test_a_file_that_gives_nothing_is_given_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    silent = os.open(tmp_path / "fifo", os.O_RDWR)
    hasty = BEGINNING.replace("limit 10 tr", "limit 1 tr")
    assert hasty != BEGINNING
    began = time.monotonic()
    try:
        (status,) = said("redact '' / 2>/dev/null; echo $?", stdin=silent, beginning=hasty)
    finally:
        os.close(silent)
    assert status != "0"
    assert time.monotonic() - began < 60


def test_what_is_no_plain_text_in_a_record_is_sent_as_plain_text(tmp_path: Path) -> None:
    odd = os.fsdecode(b"x\t\n\x1b[31m\\\xe9\xc3\xa9 ~")
    (line,) = said(f"record file '{odd}' ''")
    assert line == r"file	x\011\012\033[31m\134\351\303\251 ~	".replace(r"\t", "\t")


def test_a_link_by_an_odd_name_is_the_trouble_of_its_file_alone(tmp_path: Path) -> None:
    link = tmp_path / "nix.conf"
    link.symlink_to(os.fsdecode(b"x\x1b[31m\xe9"))
    (line,) = looked_at(link)
    assert line.split("\t")[3:] == ["unreadable", "a link to nothing", rf"{tmp_path}/x\033[31m\351"]


# Somebody works there meanwhile -------------------------------------------------------------------

# What takes the file FILE away between two lines of the probe.
TAKES_AWAY = {
    "before its status is read": 'stat() { rm -f FILE; command stat "$@"; }',
    "before it is opened": "read_status() { size=1 changed=1 stamp=x; rm FILE; }",
    "before its owner is told": "is_the_kernels() { rm FILE; return 1; }",
}


@pytest.mark.parametrize("taking", TAKES_AWAY.values(), ids=TAKES_AWAY)
def test_a_file_that_goes_while_it_is_looked_at_is_unreadable(taking: str, tmp_path: Path) -> None:
    file = tmp_path / "nix.conf"
    file.write_text("fallback = true\n")
    (line,) = said(f"{taking.replace('FILE', str(file))}\nseen=$newline\nconf_files system {file}")
    assert line.split("\t")[3] == "unreadable"


def test_a_link_that_goes_while_it_is_looked_at_is_no_error(tmp_path: Path) -> None:
    link = tmp_path / "nix.conf"
    (tmp_path / "target").write_text("fallback = true\n")
    link.symlink_to("target")
    taking = f'stat() {{ case $2 in %.3Z) rm -f {link} ;; esac; command stat "$@"; }}'
    about, _ = said(f"{taking}\nseen=$newline\nconf_files system {link}")
    assert about.split("\t")[3] == "present"


def test_what_a_file_that_has_gone_begins_with_is_nothing(tmp_path: Path) -> None:
    assert said(f"read_head {tmp_path}/gone\necho $head.") == ["."]


def test_what_goes_before_it_is_stamped_has_no_stamp(tmp_path: Path) -> None:
    file = tmp_path / "nix.conf"
    file.touch()
    taking = f'stat() {{ rm -f {file}; command stat "$@"; }}'
    assert said(f"{taking}\nstamp {file} || echo none") == ["none"]


@pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="no /proc here")
def test_a_daemon_that_has_just_ended_has_no_environment_and_is_no_error() -> None:
    """Of a process that has ended and is not yet buried, /proc/PID/environ cannot be opened."""
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        shown = f"LoadState=loaded\nMainPID={ended.pid}"
        beginning = BEGINNING.replace("if [ -d /run/systemd/system ]; then", "if true; then")
        assert beginning != BEGINNING
        steps = f"show_unit() {{ echo '{shown}'; }}\nfind_daemon\necho $daemon_pid$overrides"
        assert said(steps, beginning=beginning) == [str(ended.pid)]


def test_a_file_without_an_end_is_begun_and_not_read_to_it(tmp_path: Path) -> None:
    file = tmp_path / "nix.conf"
    file.write_text("# one\n\n# three\n4\n5\n6\n# seven\n")
    assert said(f'read_head {file}\nprintf %s "$head"') == ["# one", "", "# three", "4", "5", "6"]
    with file.open("r+b") as opened:
        opened.truncate(1 << 40)
    assert said(f'read_head {file}\nprintf %s "$head"') == ["# one", "", "# three", "4", "5", "6"]
