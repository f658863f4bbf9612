"""What goes wrong with one machine is told in one line, and is its own: the others are served."""

import os
import shutil
import signal
import socket
import stat
import subprocess
from pathlib import Path

import paramiko
import pytest

from tests.pyinfra.conftest import AS_HERE, SELF, TEAM, Project, SshServer

pytestmark = pytest.mark.pyinfra


@pytest.fixture
def good(project: Project, ssh_server: SshServer) -> str:
    """The line in team.yml of a machine that answers, and whose host key is pinned."""
    project.write("inventory/known_hosts", ssh_server.pin)
    return ssh_server.entry("good")


def told_of_bad(project: Project, good: str, bad: str) -> list[str]:
    """The lines that tell of `bad` in a dry run without a terminal, and in a real one at one.

    Asserts that the other machine is served in the same run.
    """
    project.team(good, bad)
    dry = project.run(*TEAM, "--dry")
    assert (dry.code, project.marks) == (1, [])
    assert dry.line("mark", "1 (good)")
    applied = project.run_at_terminal(*TEAM, "-y")
    assert (applied.code, project.marks) == (1, ["good"])
    return [dry.line("[bad]"), applied.line("[bad]")]


@pytest.mark.each_python
def test_a_machine_that_is_off_fails_alone(project: Project, good: str, closed_port: int) -> None:
    ssh = f"ssh: {{host: 127.0.0.1, port: {closed_port}}}"
    lines = told_of_bad(project, good, f"bad: {{system: x86_64-linux, user: me, {ssh}}}")
    # And the other way round: pyinfra asked its questions of the dry run too, and of no terminal.
    lines.append(project.run_at_terminal(*TEAM, "--dry").line("[bad]"))
    lines.append(project.run(*TEAM, "-y").line("[bad]"))
    for line in lines:
        assert "Could not connect" in line
        assert "pyinfra inventory/self.py deploy.py" in line
    assert project.marks == ["good", "good"]


def test_a_name_that_does_not_resolve_fails_alone(project: Project, good: str) -> None:
    project.team(good, "bad: {system: x86_64-linux, user: me, ssh: {host: nosuch.invalid}}")
    ran = project.run_at_terminal(*TEAM, "-y")
    assert (ran.code, project.marks) == (1, ["good"])
    assert "ssh.host" in ran.line("[bad]", "Could not resolve hostname")


def test_a_machine_whose_host_key_is_not_pinned_fails_with_the_command_that_adds_it(
    project: Project, ssh_server: SshServer
) -> None:
    project.team(ssh_server.entry("bad"))
    for ran in (project.run(*TEAM, "-y"), project.run_at_terminal(*TEAM, "-y")):
        assert (ran.code, project.marks) == (1, [])
        line = ran.line("[bad]")
        assert "SHA256:" in line
    command = line.partition("then run: ")[2]
    assert command == (
        f"ssh-keyscan -t ecdsa -p {ssh_server.port} 127.0.0.1 >> inventory/known_hosts"
    )
    subprocess.run(command, shell=True, cwd=project.root, check=True, capture_output=True)
    ran = project.run(*TEAM, "-y")
    assert (ran.code, project.marks) == (0, ["bad"])


@pytest.mark.parametrize(
    "config",
    [
        "Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n",
        "Host 127.0.0.1\n  ProxyJump me@localhost:{port}\n",
    ],
    ids=["lax", "a hop on the way"],
)
def test_ones_own_ssh_config_cannot_make_an_unknown_host_key_do(
    project: Project, ssh_server: SshServer, tmp_path: Path, config: str
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text(config.format(port=ssh_server.port))
    if "ProxyJump" in config:
        project.write("inventory/known_hosts", ssh_server.pin)
    project.team(ssh_server.entry("bad"))
    ran = project.run_at_terminal(*TEAM, "-y", env={"HOME": str(tmp_path)})
    assert (ran.code, project.marks) == (1, [])
    assert "ssh-keyscan" in ran.line("[bad]", "no host key of ")


@pytest.mark.each_python
def test_a_machine_whose_host_key_changed_fails_with_the_command_that_takes_the_old_one_out(
    project: Project, ssh_server: SshServer
) -> None:
    other = paramiko.ECDSAKey.generate()
    at = f"[127.0.0.1]:{ssh_server.port}"
    project.write("inventory/known_hosts", f"{at} {other.get_name()} {other.get_base64()}\n")
    project.team(ssh_server.entry("bad"))
    for ran in (project.run(*TEAM, "-y"), project.run_at_terminal(*TEAM, "-y")):
        assert (ran.code, project.marks) == (1, [])
        assert "WARNING" not in ran.output
        line = ran.line("[bad]")
        assert f"the host key of {at} is NOT the pinned one" in line
        assert f"ssh-keygen -R '{at}' -f inventory/known_hosts" in line


def test_a_key_that_the_machine_does_not_know_fails_alone(
    project: Project, good: str, ssh_server: SshServer, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger"
    paramiko.ECDSAKey.generate().write_private_key_file(str(stranger))
    known_hosts = ssh_server.pin + ssh_server.pin.replace("127.0.0.1", "localhost")
    project.write("inventory/known_hosts", known_hosts)
    ssh = f"{{host: localhost, port: {ssh_server.port}, key: {stranger}}}"
    bad = f"bad: {{system: x86_64-linux, user: me, ssh: {ssh}}}"
    for line in told_of_bad(project, good, bad):
        assert "Authentication error" in line
        assert "authorized_keys" in line


def test_a_key_with_a_passphrase_is_not_asked_for(
    project: Project, good: str, ssh_server: SshServer, tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    paramiko.ECDSAKey.generate().write_private_key_file(str(locked), password="s3cret")
    ssh = f"{{host: localhost, port: {ssh_server.port}, key: {locked}}}"
    bad = f"bad: {{system: x86_64-linux, user: me, ssh: {ssh}}}"
    for line in told_of_bad(project, good, bad):
        assert f"the SSH key {locked} has a passphrase; run: ssh-add {locked}" in line


def test_a_key_file_that_is_missing_or_broken_fails_alone(
    project: Project, good: str, ssh_server: SshServer, tmp_path: Path
) -> None:
    ssh = f"{{host: localhost, port: {ssh_server.port}, key: {tmp_path / 'key'}}}"
    bad = f"bad: {{system: x86_64-linux, user: me, ssh: {ssh}}}"
    for line in told_of_bad(project, good, bad):
        assert "No such private key file" in line
    (tmp_path / "key").write_text("no key")
    assert "Invalid private key file" in project.run(*TEAM, "--dry").line("[bad]")


@pytest.mark.parametrize("key", ["~nosuch/key", "/", "/dev/null/key", "long" * 99])
def test_a_key_that_is_no_file_fails_alone(
    project: Project, good: str, ssh_server: SshServer, key: str
) -> None:
    ssh = f"{{host: localhost, port: {ssh_server.port}, key: '{key}'}}"
    for line in told_of_bad(project, good, f"bad: {{system: x86_64-linux, user: me, ssh: {ssh}}}"):
        assert "set ssh.key of the machine in inventory/team.yml" in line


def test_what_ones_own_ssh_config_gets_wrong_of_one_machine_fails_alone(
    project: Project, good: str, ssh_server: SshServer, tmp_path: Path
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host localhost\n  Port many\n")
    ssh = f"{{host: localhost, port: {ssh_server.port}}}"
    project.team(good, f"bad: {{system: x86_64-linux, user: me, ssh: {ssh}}}")
    ran = project.run(*TEAM, "-y", env={"HOME": str(tmp_path)})
    assert (ran.code, project.marks) == (1, ["good"])
    assert "~/.ssh/config" in ran.line("[bad]")


@pytest.mark.each_python
def test_a_machine_may_print_what_is_no_text(here: Project, ssh_server: SshServer) -> None:
    here.write("inventory/known_hosts", ssh_server.pin)
    here.team(ssh_server.entry("far"), "here: {system: x86_64-linux, user: me}")
    for name, *where in (
        ("far", "inventory/team.py", "--limit", "far"),
        ("@local", "inventory/self.py", *AS_HERE),
    ):
        ran = here.run(*where, "exec", "--", "printf", r"'jos\351\nand more\n'")
        assert ran.code == 0
        assert ran.line(f"[{name}]", r"jos\xe9")
        assert ran.line(f"[{name}]", "and more")


@pytest.mark.each_python
def test_what_runs_on_the_machine_itself_has_no_terminal(here: Project) -> None:
    command = (
        "exec",
        "--",
        "sh",
        "-c",
        "'(: </dev/tty) 2>/dev/null && echo a terminal; echo ended'",
    )
    ran = here.run_at_terminal("inventory/self.py", *AS_HERE, *command)
    assert ran.code == 0
    assert ran.line("[@local]", "ended")
    assert not any(
        "a terminal" in line for line in ran.output.splitlines() if "/dev/tty" not in line
    )


def test_a_silent_machine_fails_alone_in_bounded_time(
    project: Project, good: str, listener: socket.socket
) -> None:
    ssh = f"ssh: {{host: 127.0.0.1, port: {listener.getsockname()[1]}}}"
    project.team(good, f"bad: {{system: x86_64-linux, user: me, {ssh}}}")
    ran = project.run_at_terminal(*TEAM, "-y")
    assert (ran.code, project.marks) == (1, ["good"])
    assert "SSH error" in ran.line("[bad]")


def test_sudo_that_wants_a_password_fails_without_a_question(here: Project, tmp_path: Path) -> None:
    """pyinfra asks for the password where sudo says this line; its words are sudo 1.9's."""
    (tmp_path / "bin").mkdir()
    sudo = tmp_path / "bin" / "sudo"
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(sudo.stat().st_mode | stat.S_IXUSR)
    env = {"PATH": f"{sudo.parent}:{os.environ['PATH']}"}
    for ran in (
        here.run(*SELF, *AS_HERE, "--data", "_sudo=true", "-y", env=env),
        here.run_at_terminal(*SELF, *AS_HERE, "--data", "_sudo=true", "-y", env=env),
    ):
        assert (ran.code, here.marks) == (1, [])
        assert "sudo: a password is required" in ran.output


def test_a_share_of_failures_that_was_asked_for_ends_the_run_without_a_question(
    project: Project, good: str, closed_port: int
) -> None:
    ssh = f"ssh: {{host: 127.0.0.1, port: {closed_port}}}"
    project.team(good, f"bad: {{system: x86_64-linux, user: me, {ssh}}}")
    for more in (["--dry"], ["-y"]):
        ran = project.run_at_terminal(*TEAM, *more, "--fail-percent", "10")
        assert (ran.code, project.marks) == (1, [])
        assert "Over 10% of hosts failed" in ran.output


@pytest.mark.each_python
def test_an_interrupted_run_does_not_end_as_if_all_were_done(here: Project) -> None:
    slow = f"""server.shell(commands=["echo $$ >{here.root}/pid; echo be''gun; exec sleep 60"])"""
    here.write("slow.py", f"from pyinfra.operations import server\n{slow}\n")
    ran = here.run_at_terminal(
        "inventory/self.py", "slow.py", *AS_HERE, "-y", "-vvv",
        when="begun", do=lambda pid, _terminal: os.kill(pid, signal.SIGINT),
    )  # fmt: skip
    # It is in a session of its own.
    os.kill(int((here.root / "pid").read_text()), signal.SIGKILL)
    assert ran.code == 130
    assert ran.said == ["interrupted; run the same again to finish"]


def test_ssh_keyscan_is_here_to_test_with() -> None:
    """The advice for a machine without a pinned key is run as it is printed."""
    assert shutil.which("ssh-keyscan")
