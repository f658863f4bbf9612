"""What one run takes out of files: of no account so much that others come too short."""

from dataclasses import replace

from nixtrust.removal import MOST_FILES, due
from tests.unit.observed import credential


def test_of_each_account_a_run_takes_on_no_more_than_so_many_files() -> None:
    forged = [
        replace(credential("dotenv", f"/home/baleen/{n}/.env"), told_by="baleen")
        for n in range(3000)
    ]
    mias = replace(credential("bash", "/home/mia/.bashrc"), told_by="mia")
    roots = credential("bash", "/root/.bashrc")
    run = due([*forged[:2000], mias, *forged[2000:], roots])
    accounts = [cut.account for cut in run.cuts]
    assert accounts == [*["baleen"] * MOST_FILES, "mia", "root"]
    assert [cut.folder for cut in run.cuts[-3:]] == [
        f"/home/baleen/{MOST_FILES - 1}",
        "/home/mia",
        "/root",
    ]
    [line] = run.troubles
    assert line.startswith(f"of {3000 - MOST_FILES} more files that baleen tells of nothing was")
    assert line.endswith("; run again")


def test_several_credentials_of_a_file_are_one_file() -> None:
    its = [replace(credential("bash", "/root/x"), start=n, end=n + 1) for n in range(300)]
    assert (len(due(its).cuts), due(its).troubles) == (1, ())


def test_of_a_file_that_may_go_whole_the_lines_go_if_there_are_any() -> None:
    its = credential("agent-token", "/etc/cachix-agent.token")
    assert [cut.ranges for cut in due([its]).cuts] == [()]
    assert [cut.ranges for cut in due([replace(its, start=3, end=9)]).cuts] == [((3, 9),)]


def test_a_path_that_no_system_takes_is_not_sent() -> None:
    forged = replace(credential("bash", f"/{'x' * 5000}/.bashrc"), told_by="baleen")
    run = due([forged])
    assert run.cuts == ()
    assert len(run.troubles) == 1
