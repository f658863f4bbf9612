"""What the pyinfra command refuses before any contact, and what it never asks."""

import os
import socket
from pathlib import Path

import pytest

from tests.pyinfra.conftest import AS_HERE, SELF, TEAM, Contacts, Project, SshServer

pytestmark = pytest.mark.pyinfra

# The command line


@pytest.mark.each_python
def test_a_run_that_was_confirmed_goes_ahead(here: Project) -> None:
    ran = here.run(*SELF, *AS_HERE, "-y")
    assert (ran.code, ran.said, here.marks) == (0, [], ["here"])


def test_dry_with_yes_would_plan_nothing_and_is_refused(here: Project) -> None:
    for ran in (
        here.run(*SELF, *AS_HERE, "--dry", "-y"),
        here.run(*SELF, *AS_HERE, "--dry", env={"PYINFRA_YES": "1"}),
    ):
        assert ran.code == 2
        assert ran.said == [
            "--dry with -y (or PYINFRA_YES) shows no changes, whatever there is; leave -y out"
        ]


@pytest.mark.each_python
def test_a_dry_run_changes_nothing(here: Project) -> None:
    ran = here.run(*SELF, *AS_HERE, "--dry")
    assert (ran.code, ran.said, here.marks) == (0, [], [])
    assert ran.line("mark", "1 (@local)")


def test_without_a_terminal_there_is_nobody_to_confirm(here: Project) -> None:
    for operations in (["mark.py"], ["server.shell", "commands=true"]):
        ran = here.run("inventory/self.py", *operations, *AS_HERE)
        assert ran.code == 2
        assert ran.said == [
            "there is no terminal to confirm at; add --dry to look, or -y to go ahead"
        ]


@pytest.mark.each_python
def test_an_end_of_input_at_the_confirmation_is_a_no(here: Project) -> None:
    ran = here.run_at_terminal(
        *SELF, *AS_HERE, when="Press enter", do=lambda _pid, terminal: os.write(terminal, b"\x04")
    )
    assert (ran.code, here.marks) == (0, [])


def test_an_enter_at_the_confirmation_is_a_yes(here: Project) -> None:
    ran = here.run_at_terminal(
        *SELF, *AS_HERE, when="Press enter", do=lambda _pid, terminal: os.write(terminal, b"\n")
    )
    assert (ran.code, here.marks) == (0, ["here"])


@pytest.mark.parametrize(
    ("inventory", "said"),
    [
        ("inventory/taem.py", "there is no such inventory; did you mean 'inventory/team.py'?"),
        ("taem.py", "there is no such inventory; there is "),
        ("inventory/team.yml", "is no inventory; did you mean 'inventory/team.py'?"),
        ("inventory", "is no inventory; "),
    ],
)
def test_an_inventory_that_is_none_is_refused(here: Project, inventory: str, said: str) -> None:
    ran = here.run(inventory, "mark.py", "-y")
    assert ran.code == 2
    assert ran.said[0].startswith(f"{inventory}: {said}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--limit", "nosuch"], "--limit nosuch: no machine and no group; there is "),
        (["--limit", "darwn"], "--limit darwn: no machine and no group; did you mean 'darwin'?"),
        (["--limit", "m*", "--limit", "q*"], "--limit q*: no machine and no group"),
        (["--exclude", "nosuch"], "--exclude nosuch: no machine and no group"),
        (["--exclude", "*"], "--exclude leaves no machine"),
        (["--limit", "darwin", "--exclude", "mac"], "--exclude leaves no machine"),
    ],
)
def test_a_selection_of_nothing_is_refused(here: Project, options: list[str], said: str) -> None:
    ran = here.run(*TEAM, *options, "--dry")
    assert ran.code == 2
    assert ran.said[0].startswith(said)


def test_from_another_folder_the_policy_is_not_read(here: Project, tmp_path: Path) -> None:
    inventory, deploy = str(here.root / "inventory/self.py"), str(here.root / "mark.py")
    ran = here.run(inventory, deploy, *AS_HERE, "-y", cwd=tmp_path)
    assert (ran.code, here.marks) == (2, [])
    assert ran.said == [
        f"the policy is not read from here; cd {here.root}, or use --chdir {here.root}"
    ]
    ran = here.run("--chdir", str(here.root), *SELF, *AS_HERE, "-y", cwd=tmp_path)
    assert (ran.code, here.marks) == (0, ["here"])


def test_with_another_config_file_there_are_no_guard_rails_and_nothing_runs(here: Project) -> None:
    here.write("other.py", "")
    ran = here.run(*SELF, *AS_HERE, "-y", "--config", "other.py")
    assert (ran.code, here.marks) == (2, [])
    assert ran.said[0].startswith("the policy is not read from here")


def test_data_without_a_value_is_refused(here: Project) -> None:
    ran = here.run(*SELF, "--data", "machine", "-y")
    assert (ran.code, ran.said) == (2, ["--data machine: a value is given as --data KEY=VALUE"])


@pytest.mark.parametrize("more", [["mark.py", "-y"], ["exec", "--", "true"]], ids=str)
def test_host_keys_are_pinned_in_their_own_file_alone(
    project: Project, contacts: Contacts, more: list[str]
) -> None:
    ssh = f"ssh: {{host: 127.0.0.1, port: {contacts.port}}}"
    project.team(f"x: {{system: x86_64-linux, user: me, {ssh}}}")
    for key in ("ssh_known_hosts_file", "ssh_strict_host_key_checking"):
        ran = project.run("inventory/team.py", "--data", f"{key}=/dev/null", *more)
        assert (ran.code, contacts.seen) == (2, 0)
        assert ran.said == [f"--data {key}: host keys are pinned in inventory/known_hosts alone"]


def test_group_data_that_are_not_there_are_refused(here: Project) -> None:
    ran = here.run(*SELF, *AS_HERE, "--group-data", "nosuch", "-y")
    assert (ran.code, ran.said) == (2, ["--group-data nosuch: there is no such file or folder"])


@pytest.mark.parametrize(
    "option",
    [["--same-sudo-password"], ["--use-sudo-password"], ["--ssh-password-prompt"],
     ["--ssh-password", "s3cret"], ["--ssh-key-password", "s3cret"]],
    ids=lambda option: option[0],
)  # fmt: skip
def test_no_password_is_asked_for_or_taken(here: Project, option: list[str]) -> None:
    ran = here.run_at_terminal(*SELF, *AS_HERE, *option, "-y")
    assert (ran.code, here.marks) == (2, [])
    assert ran.said[0].startswith(f"{option[0]}: no password is asked for or given here")
    assert "s3cret" not in ran.output


# What is declared


@pytest.mark.each_python
def test_a_refused_run_contacts_nobody(project: Project, contacts: Contacts) -> None:
    ssh = f"ssh: {{host: 127.0.0.1, port: {contacts.port}}}"
    project.team(f"x: {{system: x86_64-linux, user: me, {ssh}}}")
    for option in ("nix_trusted_users=*", "nix_settings=[]", "nix_x=1", "cachix_credentials=allow"):
        ran = project.run(*TEAM, "--data", option, "-y")
        assert ran.code == 2
        assert ran.said[0].startswith(f"--data {option.partition('=')[0]}: ")
    assert contacts.seen == 0
    assert project.run(*TEAM, "-y").code == 1
    assert contacts.seen == 1


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("all", 'nix_trusted_users = [\n    "*",\n    "root",\n]', "2: trusted user '*' makes"),
        ("darwin", "\nnix_cashes = []", "2: unknown key 'nix_cashes'; did you mean nix_caches?"),
        ("linux", 'nix_settings = {\n    "require-sigs": False,\n}', "2: setting 'require-sigs'"),
        ("linux", "x = (", "1: is not Python: '(' was never closed"),
        ("linux", "\nx = nosuch", "2: NameError: name 'nosuch' is not defined"),
        ("linux", "def f():\n    return 1 / 0\n\nf()", "2: ZeroDivisionError: division by zero"),
    ],
)  # fmt: skip
def test_a_mistake_in_group_data_is_told_with_its_line(
    here: Project, file: str, text: str, said: str
) -> None:
    with (here.root / "group_data" / f"{file}.py").open("w") as written:
        written.write(text)
    if file == "all":
        here.write("group_data/linux.py", "nix_caches = []")
    ran = here.run(*TEAM, "-y")
    assert ran.code == 2
    assert any(each.startswith(f"group_data/{file}.py:{said}") for each in ran.said)


def test_what_only_some_machines_get_wrong_names_them(here: Project) -> None:
    here.write("group_data/darwin.py", 'nix_trusted_users = ["root", "*"]')
    (said,) = here.run(*TEAM, "-y").said
    assert said.startswith("group_data/darwin.py:1: trusted user '*'")
    assert said.endswith("(machines: mac)")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Darwni.py", "no group is called 'Darwni'; did you mean 'darwin'?"),
        (
            "aarch64-darwin.py",
            "no group is called 'aarch64-darwin'; did you mean 'aarch64_darwin'?",
        ),
        ("office.py", "no group is called 'office'"),
        ("team.py", "counts in one of inventory/team.py and self.py only; use all.py"),
        ("all.yml", "is not read; group data are Python: all.py"),
        ("linux", "is a folder, which is not read; group data are Python: linux.py"),
    ],
)
def test_group_data_for_nobody_are_refused(here: Project, name: str, said: str) -> None:
    if "." in name:
        here.write(f"group_data/{name}", "")
    else:
        (here.root / "group_data" / name).mkdir()
    ran = here.run(*SELF, *AS_HERE, "--dry")
    assert ran.code == 2
    assert ran.said[0].startswith(f"group_data/{name}: {said}")


def test_group_data_of_a_further_group_are_read_even_where_nobody_is_in_it(here: Project) -> None:
    here.team(
        "here: {system: x86_64-linux, user: me}",
        "b: {system: x86_64-linux, user: me, groups: [builders]}",
    )
    here.write("group_data/builders.py", 'nix_trusted_users = ["root", "builder"]')
    assert here.run(*SELF, *AS_HERE, "--dry").code == 0


def test_a_group_data_folder_of_ones_own_is_checked_like_the_projects(here: Project) -> None:
    (here.root / "more").mkdir()
    here.write("more/linux.py", 'nix_trusted_users = ["eve"]')
    ran = here.run(*SELF, *AS_HERE, "--group-data", "more", "--dry")
    assert (ran.code, len(ran.said)) == (2, 1)
    assert ran.said[0].startswith("more/linux.py:1: nix_trusted_users lacks root")


def test_what_a_machine_declares_for_itself_is_told_with_the_line_of_team_yml(
    here: Project,
) -> None:
    here.team("here: {system: x86_64-linux, user: me, data: {nix_trusted_users: [me]}}")
    (said,) = here.run(*SELF, *AS_HERE, "--dry").said
    assert said.startswith("inventory/team.yml:2:49: nix_trusted_users lacks root")


def test_credentials_are_allowed_on_a_declared_builder_only(here: Project) -> None:
    here.write("group_data/linux.py", 'cachix_credentials = "allow"')
    (said,) = here.run(*SELF, *AS_HERE, "--dry").said
    assert said.startswith("group_data/linux.py:1: cachix_credentials: 'allow' is for one")
    (said,) = here.run(*SELF, *AS_HERE, "--dry", "--data", "cachix_credentials=allow").said
    assert said.startswith("--data cachix_credentials: ")
    here.write("group_data/linux.py", "")
    here.team("here: {system: x86_64-linux, user: me, data: {cachix_credentials: allow}}")
    assert here.run(*SELF, *AS_HERE, "--dry").code == 0


def test_what_a_machine_is_cannot_be_overridden(here: Project) -> None:
    (said,) = here.run(*SELF, *AS_HERE, "--dry", "--data", "system=aarch64-darwin").said
    assert said == "--data system: system is only declared in inventory/team.yml; take it out"


def test_a_machine_of_no_inventory_gets_no_policy_but_may_be_asked(here: Project) -> None:
    ran = here.run("@local", "mark.py", "-y")
    assert (ran.code, here.marks) == (2, [])
    assert ran.said == ["@local: is in no inventory; use inventory/team.py or inventory/self.py"]
    ran = here.run("@local", "exec", "--", "echo", "asked")
    assert ran.code == 0
    assert ran.line("[@local] asked")


def test_a_machine_is_asked_for_by_its_name_whatever_it_looks_like(here: Project) -> None:
    for name in ("12", "true", "[]"):
        ran = here.run(*SELF, "--data", f"machine={name}", "--dry")
        assert ran.code == 2
        assert ran.said[0].startswith(f"--data machine={name}: no such machine; there is here, mac")
    here.team("12: {system: x86_64-linux, user: me}")
    assert here.run(*SELF, "--data", "machine=12", "--dry").code == 0


@pytest.mark.each_python
def test_a_mistake_in_team_yml_is_told_with_line_and_column(here: Project) -> None:
    here.team("here: {system: x86_64-linux, user: me, grups: []}", "here: {}")
    ran = here.run(*TEAM, "--dry")
    assert ran.code == 2
    assert [each.split(": ")[0] for each in ran.said] == [
        "inventory/team.yml:2:42",
        "inventory/team.yml:3:3",
    ]


def test_a_line_that_is_no_host_key_is_refused(here: Project, ssh_server: SshServer) -> None:
    key = ssh_server.pin.split()[2]
    for bad in ("x ssh-rsa", f"x ssh-ed25519 {key}", "@revoked " + ssh_server.pin, "x ssh-rsa a"):
        here.write("inventory/known_hosts", f"# pinned\n{ssh_server.pin}\n{bad}\n")
        ran = here.run(*TEAM, "--dry")
        assert ran.code == 2
        assert ran.said == [
            "inventory/known_hosts:4: is no host key; ssh-keyscan prints HOST TYPE BASE64"
        ]


# This machine alone


def test_this_machine_is_found_by_its_host_name(project: Project) -> None:
    project.team(f"{socket.gethostname()}: {{system: x86_64-linux, user: me}}")
    assert project.run(*SELF, "-y").code == 0
    assert project.marks == [socket.gethostname()]


def test_a_machine_that_is_not_listed_is_looked_at_but_not_changed(project: Project) -> None:
    ran = project.run(*SELF, "--dry")
    assert ran.code == 0
    assert "is not in inventory/team.yml; it is looked at" in ran.said[0]
    ran = project.run(*SELF, "-y")
    assert (ran.code, project.marks) == (2, [])
    assert "add it there" in ran.said[0]


def test_a_machine_name_that_is_not_listed_is_refused(here: Project) -> None:
    ran = here.run(*SELF, "--data", "machine=ther", "--dry")
    assert (ran.code, ran.said) == (
        2, ["--data machine=ther: no such machine; did you mean 'here'?"],
    )  # fmt: skip
