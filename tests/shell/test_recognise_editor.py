"""What editors keep beside a file: binary, and not to be relied on; found, and never cut."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.shell.recognised import AWKS, recognise

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJtYWRlLXVwIn0.bWFkZS11cC1tYWRlLXVw"
LINE = f"export CACHIX_AUTH_TOKEN={TOKEN}"

FOUND = {
    "viminfo, a register": f'""1\tLINE\t0\n\t{LINE}\n|3,1,1,1,1,0,17,"{LINE}"\n'.encode(),
    "viminfo, a command": f"# Command Line History\n:s/x/{LINE}/\n".encode(),
    "a comment in a register": f'""1\tLINE\t0\n\t# {LINE}\n'.encode(),
    # msgpack: https://neovim.io/doc/user/starting.html#shada-format
    "shada": b"\x05\xce\x65\x92\x00\x80\x2d\x83\xa2rc\x91\xd9%c" % len(LINE) + LINE.encode(),
    "a swap file": b"b0VIM 9.1\0\0\0\0~mia/.bashrc\0" + bytes(3000) + f"a=b\0{LINE}\0#\0".encode(),
    "an undo file": b"Vim\237UnDo\345\0\2\0\0\0\0" + bytes([len(LINE)]) + LINE.encode() + b"\0\0",
    "a comment": f"b0VIM 9.1\0\0# export CACHIX_AUTH_TOKEN={TOKEN}\0".encode(),
    "a command": f"b0VIM 9.1\0\0cachix authtoken {TOKEN}\0".encode(),
    "a netrc": f"b0VIM 9.1\0machine a.cachix.org password {TOKEN}\0".encode(),
    "Emacs": f"a=b\n{LINE}\n".encode(),
    "a word": b"b0VIM 9.1\0\0export CACHIX_AUTH_TOKEN=correct-horse\0",
}
CLEAN = {
    "other secrets": f"b0VIM 9.1\0# of cachix\0export GITHUB_TOKEN={TOKEN}\0".encode(),
    "a search": b"# Search String History\n?/CACHIX_AUTH_TOKEN=\n",
    "a reference": b"b0VIM 9.1\0export CACHIX_AUTH_TOKEN=$(pass show cachix)\0",
    "a word in a comment": b"b0VIM 9.1\0# export CACHIX_AUTH_TOKEN=a-remark\0",
    "a place to fill in": b"b0VIM 9.1\0# export CACHIX_AUTH_TOKEN=<your token>\0",
}


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("name", FOUND)
def test_what_was_edited_is_found(name: str, awk: str) -> None:
    [found] = recognise("editor", FOUND[name], awk=awk)
    assert (found.hindrance, found.start, found.end) == ("editor", 0, 0)


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("name", CLEAN)
def test_what_only_mentions_it_is_clean(name: str, awk: str) -> None:
    assert recognise("editor", CLEAN[name], awk=awk) == []


@pytest.mark.parametrize("awk", AWKS)
def test_a_file_without_line_ends_is_read_in_time(awk: str) -> None:
    content = b"b0VIM 9.1\0" + b"CACHIX_AUTH_TOKEN= " * 10_000 + LINE.encode()
    before = os.times().children_user
    assert len(recognise("editor", content, awk=awk)) == 1
    assert os.times().children_user - before < 4


@pytest.mark.skipif(not shutil.which("vim"), reason="there is no vim")
def test_what_vim_leaves_is_found(tmp_path: Path) -> None:
    (tmp_path / ".vimrc").write_text("set undofile viminfo='9,<99\n")
    file = tmp_path / ".bashrc"
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "dumb"}
    file.write_text(f"a=b\n{LINE}\n")

    def vim(*commands: str) -> None:
        words = [word for command in commands for word in ("-c", command)]
        subprocess.run(
            ["vim", "--not-a-term", *words, str(file)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            check=False,
        )

    vim("2d", "wq")
    assert recognise("sh", file.read_bytes()) == []
    left = {each.name: recognise("editor", each.read_bytes()) for each in tmp_path.iterdir()}
    assert {name for name, found in left.items() if found} == {".viminfo", "..bashrc.un~"}
    file.write_text(f"a=b\n{LINE}\n")
    vim("normal ox", "preserve", "call system('kill -9 ' . getpid())")
    assert recognise("editor", (tmp_path / ".bashrc.swp").read_bytes())
