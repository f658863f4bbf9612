"""Why a script could not be run, told from what the machine says."""

import pytest

from nixtrust.facts import not_run


@pytest.mark.parametrize(
    "said",
    [
        "sudo: sorry, you must have a tty to run sudo",
        "mia is not in the sudoers file.",
        "Sorry, user mia is not allowed to execute '/bin/sh' as root on box.",
    ],
)
def test_a_refusal_of_sudos_is_told_as_it_is(said: str) -> None:
    unread = not_run([said])
    assert unread.reason == f"sudo refuses: {said.removeprefix('sudo: ').rstrip('.')}"
    assert "NOPASSWD" not in unread.to_do


@pytest.mark.parametrize("said", ["sudo: a password is required", "Password:"])
def test_a_password_that_sudo_wants_is_told_as_that(said: str) -> None:
    unread = not_run([said])
    assert "without a password" in unread.reason
    assert "NOPASSWD" in unread.to_do


def test_what_else_is_said_is_quoted() -> None:
    assert not_run(["sh: not found"]).reason == "the script could not be run: sh: not found"
