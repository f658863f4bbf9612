"""Single steps of the transaction's script, in a folder of their own, without Nix."""

import os
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from tests.shell.write_steps import FUNCTIONS, SHELLS, changing, run


def test_what_is_compared_on_the_way_back_is_as_closed_as_the_file(tmp_path: Path) -> None:
    conf = tmp_path / "nix.conf"
    for path in (conf, tmp_path / "nix.conf.before-nixtrust"):
        path.write_text("access-tokens = x\n")
        path.chmod(0o600)
    steps = f"""restore {conf} "$(stamp {conf})" '' '' ''
stat -c %a "$dir"/.nixtrust-new.*"""
    assert set(run(tmp_path, steps).splitlines()[:-3]) == {"600"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_what_comes_back_is_roots_alone_whosever_the_original_was(tmp_path: Path) -> None:
    conf, original = tmp_path / "nix.conf", tmp_path / "nix.conf.before-nixtrust"
    for path in (conf, original):
        path.write_text("cores = 1\n")
    os.chown(original, 1000, 1)
    original.chmod(0o666)
    steps = f"""restore {conf} "$(stamp {conf})" '' '' ''
stat -c '%u %g %a' "$new" """
    assert run(tmp_path, steps).splitlines()[0] == "0 1 644"


def test_a_folder_that_was_not_there_is_open_to_all_readers(tmp_path: Path) -> None:
    run(tmp_path / "a/nix", "")
    for made in (tmp_path / "a", tmp_path / "a/nix"):
        assert stat.S_IMODE(made.stat().st_mode) == 0o755


def test_words_are_sorted_as_text_and_each_is_told_once(tmp_path: Path) -> None:
    steps = "echo 'trusted-users = 9 10 1e1 root 10' | values 'trusted-users x'"
    assert run(tmp_path, steps).splitlines()[0] == "trusted-users 10 1e1 9 root"


def test_what_fails_before_anything_is_in_place_leaves_no_word_of_a_restart(
    tmp_path: Path,
) -> None:
    conf = tmp_path / "nix.conf"
    conf.write_text("max-jobs = 3\n")
    steps = f"""{changing(conf, tmp_path / "new")}
announce_restart
cp() {{ echo 'No space left on device' >&2; return 1; }}
keep_originals"""
    assert "failed\tNo space left on device" in run(tmp_path, steps)
    assert [path.name for path in tmp_path.iterdir()] == ["nix.conf"]


KEPT = b"# \xe9\r\nstore = https://x\n# cores = 1"
WITH = b"# \xe9\r\nstore = https://:made-up@x\n# made-up token\n# cores = 1"


def range_of(part: bytes) -> str:
    """Where a part of the file begins and ends, as the steps take it."""
    return f"{WITH.index(part)}:{WITH.index(part) + len(part)}"


PASSWORD, COMMENT = range_of(b":made-up@"), range_of(b"# made-up token\n")


def keeping(conf: Path, ranges: str, stamped: str) -> str:
    """The steps that keep the original of a file without ranges of its bytes."""
    changed = f"changes={conf}$tab$dir/new$tab$(stamp {conf})$newline"
    return f"keep_without {conf} {stamped} '{ranges}'\n{changed}\nannounce_restart\nkeep_originals"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_original_is_kept_without_a_credential_and_else_as_it_is(
    shell: str, tmp_path: Path
) -> None:
    conf, original = tmp_path / "nix.conf", tmp_path / "nix.conf.before-nixtrust"
    conf.write_bytes(WITH)
    conf.chmod(0o640)
    os.utime(conf, (1, 1))
    ranges = f"{PASSWORD} {COMMENT}"
    run(tmp_path, keeping(conf, ranges, f'"$(stamp {conf})"'), shell=shell)
    assert original.read_bytes() == KEPT
    assert stat.S_IMODE(original.stat().st_mode) == 0o640
    assert original.stat().st_mtime == 1
    assert conf.read_bytes() == WITH


@pytest.mark.parametrize(
    "ranges", ["0:1", f"0:{len(WITH)}", f"5:{len(WITH)}", f"5:{len(WITH) + 1}"]
)
def test_bytes_at_either_end_are_not_kept(ranges: str, tmp_path: Path) -> None:
    conf = tmp_path / "nix.conf"
    conf.write_bytes(WITH)
    run(tmp_path, keeping(conf, ranges, f'"$(stamp {conf})"'))
    start, end = map(int, ranges.split(":"))
    assert (tmp_path / "nix.conf.before-nixtrust").read_bytes() == WITH[:start] + WITH[end:]


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_bytes_of_a_file_that_changed_are_not_taken_for_those_that_were_found(
    when: str, tmp_path: Path
) -> None:
    conf = tmp_path / "nix.conf"
    conf.write_bytes(WITH)
    steps = keeping(conf, "0:3", "1" if when == "before" else f'"$(stamp {conf})"')
    if when == "meanwhile":
        changes = f"\nsync() {{ echo 'cores = 2' >>{conf}; }}\nannounce_restart"
        steps = steps.replace("\nannounce_restart", changes)
    assert f"changed\t{conf} changed meanwhile" in run(tmp_path, steps)
    assert [path.name for path in tmp_path.iterdir()] == ["nix.conf"]


def test_where_there_is_no_room_the_original_is_not_kept_in_part(tmp_path: Path) -> None:
    conf = tmp_path / "nix.conf"
    conf.write_bytes(WITH)
    steps = keeping(conf, "5:9", f'"$(stamp {conf})"')
    short = steps.replace("\nannounce_restart", "\ntail() { return 0; }\nannounce_restart")
    assert "failed\tno room to write beside " in run(tmp_path, short)
    assert [path.name for path in tmp_path.iterdir()] == ["nix.conf"]


def test_a_credential_is_no_change_on_the_way_back(tmp_path: Path) -> None:
    conf, original = tmp_path / "nix.conf", tmp_path / "nix.conf.before-nixtrust"
    conf.write_bytes(WITH)
    original.write_bytes(KEPT)
    steps = f"""restore {conf} "$(stamp {conf})" '' 3d '' {PASSWORD} ''
cp "$new" {tmp_path}/restored; printf 'aside:%s\n' "$aside" """
    assert "aside:\n" in run(tmp_path, steps)
    assert (tmp_path / "restored").read_bytes() == KEPT


def test_a_restart_that_was_due_before_is_still_due_after_a_failure(tmp_path: Path) -> None:
    (tmp_path / ".nixtrust-restart-pending").touch()
    run(tmp_path, "announce_restart; conclude failed 'no room'")
    assert [path.name for path in tmp_path.iterdir()] == [".nixtrust-restart-pending"]


def test_a_second_file_that_cannot_be_put_in_place_takes_the_first_one_back(
    tmp_path: Path,
) -> None:
    one, other = tmp_path / "nix.custom.conf", tmp_path / "nix.conf"
    for path in (one, other):
        path.write_text("old\n")
        (tmp_path / f".nixtrust-new.{path.name}").write_text("new\n")
    steps = f"""
{changing(one, tmp_path / ".nixtrust-new.nix.custom.conf")}
{changing(other, tmp_path / ".nixtrust-new.nix.conf")}
announce_restart
keep_originals
cp() {{
  case $2 in *custom*) command cp "$@" ;; *) echo 'No space left on device' >&2; return 1 ;; esac
}}
put_in_place"""
    assert "failed\tNo space left on device" in run(tmp_path, steps)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "nix.custom.conf": "old\n",
        "nix.conf": "old\n",
    }


def test_an_include_by_its_full_path_leads_to_the_candidate_from_wherever_it_stands(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a & [b] #1/nix"
    (folder / "conf.d").mkdir(parents=True)
    target, candidate = folder / "nix.custom.conf", folder / ".nixtrust-new.x"
    target.write_text("max-jobs = 3\n")
    elsewhere, between = tmp_path / "shared.conf", folder / "conf.d/x.conf"
    elsewhere.write_text(f"!include {target}\n")
    between.write_text(f"include {elsewhere}\n")
    (folder / "nix.conf").write_text("include conf.d/x.conf\n")
    files = shlex.join(map(str, [folder / "nix.conf", between, elsewhere, target]))
    steps = f"""{changing(target, candidate)}
echo 'max-jobs = 4' >{shlex.quote(str(candidate))}
lay_stage {files}
printf '%s\\n' "$stage"
cat "$staged/conf.d/x.conf" "$stage{elsewhere}" "$stage"{shlex.quote(str(target))}
echo "warning: $stage/etc/nix.conf" | warnings"""
    stage, *lines = run(folder, steps).splitlines()
    assert lines[:4] == [
        f"include {stage}{elsewhere}",
        f"!include {stage}{target}",
        "max-jobs = 4",
        "warning: /etc/nix.conf",
    ]
    assert between.read_text() == f"include {elsewhere}\n"


def test_a_tool_in_a_folder_of_the_logins_own_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("#!/bin/sh\necho run by root\n")
    (tmp_path / "stat").chmod(0o755)
    ended = subprocess.run(
        ["/bin/sh", "-s"],
        input=f"{FUNCTIONS}\ncommand -v stat\n}}\nmain </dev/null\n",
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout in ("/usr/bin/stat\n", "/bin/stat\n")
