"""What team.yml may say, how its mistakes are told, and what pyinfra is handed."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.inventory import (
    BUILT_IN_GROUPS,
    SYSTEMS,
    Machine,
    Ssh,
    Team,
    find_self,
    members,
    parse_team,
    read_team,
    system_of,
)
from nixtrust.refused import Refused

ROOT = Path(__file__).resolve().parents[2]


def problems(text: str) -> tuple[str, ...]:
    """What is said about a file; the test fails if nothing is."""
    with pytest.raises(Refused) as refused:
        parse_team("t.yml", text)
    return refused.value.problems


def problem(text: str) -> str:
    (only,) = problems(text)
    return only


def machine(fields: str, name: str = "x") -> str:
    """A file with one machine, whose fields are in line 2 from column 7 on."""
    return f"machines:\n  {name}: {{{fields}}}\n"


GOOD = "system: x86_64-linux, user: me"


# The shipped file


def test_the_shipped_team_is_baleens_and_jitos_macs_and_a_linux_machine_of_each_kind() -> None:
    team = read_team(ROOT / "inventory" / "team.yml")
    assert [(m.name, m.user, m.system) for m in team.machines] == [
        ("baleen-macbook", "baleen", "aarch64-darwin"),
        ("kakaostyle-jito", "jito.hello", "aarch64-darwin"),
        ("linux-x86-64", "baleen", "x86_64-linux"),
        ("linux-aarch64", "baleen", "aarch64-linux"),
    ]


# What is handed to pyinfra


def test_a_machine_is_reached_by_its_name_as_its_member_unless_ssh_says_otherwise() -> None:
    (plain,) = parse_team("t.yml", machine(GOOD, "mac.local")).machines
    data = plain.ssh_data("kh")
    assert (data["ssh_hostname"], data["ssh_user"], data["ssh_port"]) == ("mac.local", "me", 22)
    assert "ssh_key" not in data
    ssh = "ssh: {host: 10.0.0.7, user: admin, port: 2222, key: ~/.ssh/team}"
    (other,) = parse_team("t.yml", machine(f"{GOOD}, {ssh}")).machines
    data = other.ssh_data("kh")
    assert (data["ssh_hostname"], data["ssh_user"], data["ssh_port"], data["ssh_key"]) == (
        "10.0.0.7", "admin", 2222, "~/.ssh/team",
    )  # fmt: skip


def test_only_the_pinned_host_keys_count() -> None:
    data = Machine(name="x", system="x86_64-linux", user="me").ssh_data("/p/known_hosts")
    assert data["ssh_known_hosts_file"] == "/p/known_hosts"
    assert data["ssh_strict_host_key_checking"] == "yes"


def test_sudo_is_used_unless_the_login_is_root() -> None:
    for user, sudo in (("root", None), ("admin", True)):
        of = Machine(name="x", system="x86_64-linux", user="me", ssh=Ssh(user=user))
        assert of.ssh_data("kh").get("_sudo") is sudo


def test_each_machine_bears_its_name_system_and_member_as_data() -> None:
    of = Machine(name="x", system="aarch64-darwin", user="jito.hello", data={"nix_settings": {}})
    assert of.host_data() == {
        "machine_name": "x",
        "system": "aarch64-darwin",
        "member": "jito.hello",
        "nix_settings": {},
    }


def test_groups_go_from_the_weakest_to_the_strongest() -> None:
    text = f"""
machines:
  a: {{{GOOD}, groups: [second_last, last]}}
  b: {{system: aarch64-darwin, user: me, groups: [last]}}
"""
    groups = parse_team("t.yml", text).groups("kh")
    assert list(groups) == [
        "all", "darwin", "linux", "aarch64", "x86_64", "aarch64_darwin", "x86_64_linux",
        "second_last", "last",
    ]  # fmt: skip
    assert groups["last"] == ["a", "b"]
    assert groups["x86_64_linux"] == ["a"]


MACHINES = st.lists(
    st.builds(
        Machine,
        name=st.from_regex(r"m[a-z0-9-]{0,4}[a-z0-9](\.[a-z])?", fullmatch=True),
        system=st.sampled_from(SYSTEMS),
        user=st.just("me"),
        groups=st.lists(st.sampled_from(["builders", "ci", "office"]), max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda machine: machine.name,
).map(tuple)


@given(MACHINES)
def test_every_machine_is_in_the_groups_of_its_system_and_its_own_and_in_no_other(
    machines: tuple[Machine, ...],
) -> None:
    of = members(machines)
    for each in machines:
        arch, kernel = each.system.split("-")
        expected = {kernel, arch, f"{arch}_{kernel}", *each.groups}
        assert {group for group, names in of.items() if each.name in names} == expected
    assert all(of.values())
    built_in = [group for group in of if group in BUILT_IN_GROUPS]
    assert list(of)[: len(built_in)] == [group for group in BUILT_IN_GROUPS if group in of]


@given(MACHINES)
def test_a_team_written_down_is_read_back_as_it_was(machines: tuple[Machine, ...]) -> None:
    lines = [
        f"  {m.name}: {{system: {m.system}, user: {m.user}, groups: [{', '.join(m.groups)}]}}"
        for m in machines
    ]
    assert parse_team("t.yml", "\n".join(["machines:", *lines])).machines == machines


def test_the_place_of_a_machines_own_data_is_known() -> None:
    team = parse_team("t.yml", machine(f"{GOOD}, data: {{nix_settings: {{fallback: true}}}}"))
    assert team.lines == {("x", "nix_settings"): "t.yml:2:46"}
    assert team.machines[0].data == {"nix_settings": {"fallback": True}}


# Mistakes


def test_a_mistake_is_told_with_line_column_machine_value_and_fix() -> None:
    assert problem("machines:\n  x:\n    system: aarch64-macos\n    user: me\n") == (
        "t.yml:3:5: machine 'x': unknown system 'aarch64-macos'; "
        "use one of aarch64-darwin, x86_64-darwin, aarch64-linux, x86_64-linux"
    )


WRONG_FIELDS = {
    "user: me": "2:3: machine 'x': 'system' is missing",
    "system: x86_64-linux": "2:3: machine 'x': 'user' is missing",
    f"{GOOD}, sytem: x": "2:39: machine 'x': unknown field 'sytem'; did you mean 'system'?",
    f"{GOOD}, name: y": "2:39: machine 'x': unknown field 'name'",
    "system: x86_64-linux, user: 12": "2:29: machine 'x': user = '12': must be text",
    "system: x86_64-linux, user: no": "2:29: machine 'x': user = 'False': must be text",
    "system: x86_64-linux, user: 'a b'": "2:29: machine 'x': 'a b' is no user name",
    "system: x86_64-linux, user: ''": "2:29: machine 'x': '' is no user name",
    f"{GOOD}, groups: ci": "2:39: machine 'x': groups = 'ci': must be a list",
    f"{GOOD}, groups: [3]": "2:48: machine 'x': groups.0 = '3': must be text",
    f"{GOOD}, groups: [linux]": "2:48: machine 'x': group 'linux' is built in",
    f"{GOOD}, groups: [aarch64_darwin]": "group 'aarch64_darwin' is built in",
    f"{GOOD}, groups: [all]": "group 'all' is a name that pyinfra uses itself",
    f"{GOOD}, groups: [team]": "group 'team' is a name that pyinfra uses itself",
    f"{GOOD}, groups: [self]": "group 'self' is a name that pyinfra uses itself",
    f"{GOOD}, groups: [lab]": "group 'lab' is a name that pyinfra uses itself",
    f"{GOOD}, groups: [names_data]": "group 'names_data' is a name that pyinfra uses itself",
    f"{GOOD}, groups: [_x]": "group '_x' is no group name",
    f"{GOOD}, groups: [a-b]": "group 'a-b' is no group name",
    f"{GOOD}, groups: [CI]": "group 'CI' is no group name",
    f"{GOOD}, groups: ['@local']": "group '@local' is no group name",
    f"{GOOD}, ssh: host": "2:39: machine 'x': ssh = 'host': must be a mapping",
    f"{GOOD}, ssh: {{prot: 3}}": "2:45: machine 'x': unknown field 'prot'; did you mean 'port'?",
    f"{GOOD}, ssh: {{port: 0}}": "ssh.port = '0': must be a number from 1 to 65535",
    f"{GOOD}, ssh: {{port: 70000}}": "ssh.port = '70000': must be a number",
    f"{GOOD}, ssh: {{port: '22'}}": "ssh.port = '22': must be a number",
    f"{GOOD}, ssh: {{port: 22:22}}": "ssh.port = '22:22': must be a number",
    f"{GOOD}, ssh: {{port: 010}}": "ssh.port = '010': must be a number",
    f"{GOOD}, ssh: {{port: true}}": "ssh.port = 'True': must be a number",
    f"{GOOD}, ssh: {{host: -oProxyCommand=x}}": "is no host name",
    f"{GOOD}, ssh: {{host: me@host}}": "is no host name",
    f"{GOOD}, ssh: {{host: a..b}}": "is no host name",
    f"{GOOD}, ssh: {{host: {'a' * 64}.b}}": "is no host name",
    f"{GOOD}, ssh: {{host: 'cafe:22'}}": (
        "2:45: machine 'x': 'cafe:22' is a host with its port; write host: cafe, port: 22"
    ),
    f"{GOOD}, ssh: {{host: 'mac.example:2222'}}": "write host: mac.example, port: 2222",
    f"{GOOD}, ssh: {{host: '[::1]:22'}}": "write host: '::1', port: 22",
    f"{GOOD}, ssh: {{host: '10.0.0.7:22'}}": "write host: 10.0.0.7, port: 22",
    f"{GOOD}, ssh: {{host: '1:2'}}": "write host: '1', port: 2",
    f"{GOOD}, ssh: {{host: ':::::'}}": "':::::' is no host name and no address",
    f"{GOOD}, ssh: {{host: 'a:70000'}}": "'a:70000' is no host name and no address",
    f"{GOOD}, ssh: {{host: 'a:b'}}": "'a:b' is no host name and no address",
    f"{GOOD}, ssh: {{host: '[::1]'}}": "'[::1]' is no host name and no address",
    f"{GOOD}, ssh: {{host: '12345:22::'}}": "is no host name and no address",
    f"{GOOD}, ssh:": "2:39: machine 'x': 'ssh' is left empty; give it a value, or take it out",
    f"{GOOD}, ssh: {{port: }}": "2:45: machine 'x': 'ssh.port' is left empty",
    f"{GOOD}, groups: ": "2:39: machine 'x': 'groups' is left empty",
    f"{GOOD}, data: ": "2:39: machine 'x': 'data' is left empty",
    "system: x86_64-linux, user: ": "2:29: machine 'x': 'user' is left empty",
    "user: me, system: ": "2:17: machine 'x': 'system' is left empty",
    f"{GOOD}, ssh: {{key: ''}}": "is no path of a key file",
    f"{GOOD}, data: []": "2:39: machine 'x': data = '[]': must be a mapping",
    f"{GOOD}, data: {{nix_cashes: []}}": "unknown policy key 'nix_cashes'; did you mean",
    f"{GOOD}, data: {{_sudo: false}}": "unknown policy key '_sudo'",
    f"{GOOD}, <<: {{}}": "unknown field '<<'",
}


@pytest.mark.parametrize(("fields", "said"), WRONG_FIELDS.items(), ids=str)
def test_a_wrong_field_is_refused(fields: str, said: str) -> None:
    found = problem(machine(fields))
    assert said in found
    assert found.startswith("t.yml:2:")


@pytest.mark.parametrize("name", ["-x", "'@local'", "a b", "''", "a/b", "x-", "ä"])
def test_a_name_that_pyinfra_or_ssh_would_misread_is_refused(name: str) -> None:
    assert "is no machine name" in problem(machine(GOOD, name))


@pytest.mark.parametrize("name", ["linux", "all", "x86_64_linux", "ci"])
def test_a_machine_named_like_a_group_is_refused(name: str) -> None:
    assert "also the name of a group" in problem(machine(f"{GOOD}, groups: [ci]", name))


WRONG_FILES = {
    "": "t.yml: declares no machine",
    "# only a comment\n": "t.yml: declares no machine",
    "machines:\n": "t.yml:1:1: declares no machine",
    "machines: {}\n": "t.yml:1:1: declares no machine",
    "machines: []\n": "t.yml:1:1: 'machines' must be a mapping",
    "- x\n": "t.yml:1:1: must be a mapping",
    "x\n": "t.yml:1:1: must be a mapping",
    "machines:\n  x:\n": "t.yml:2:3: machine 'x': must have at least",
    "machines:\n  x: 3\n": "t.yml:2:3: machine 'x': must have at least",
    f"{machine(GOOD)}  ? [x]\n  : 3\n": "t.yml:3:5: a key is one word",
    f"{machine(GOOD)}extra: 1\n": "t.yml:3:1: unknown field 'extra'",
    f"{machine(GOOD)}  x: {{{GOOD}}}\n": "t.yml:3:3: 'x' stands here for the second time",
    f"{machine(GOOD)}machines: {{}}\n": "t.yml:3:1: 'machines' stands here for the second time",
    machine(f"{GOOD}, user: you"): "t.yml:2:39: 'user' stands here for the second time",
    "machines: [\n": "t.yml:2:1: bad YAML",
    "machines:\n\tx: 1\n": "t.yml:2:1: bad YAML",
    "machines:\n  x: y: z\n": "t.yml:2:7: bad YAML",
    "machines: 'x\n": "t.yml:2:1: bad YAML",
    "a: 1\n---\nb: 2\n": "t.yml:2:1: bad YAML: but found another document",
    "a: \x01\n": "t.yml:1:4: the character U+0001",
    "a: &x [*x]\n": "t.yml:1:8: aliases are not read here",
    "[" * 700 + "]" * 700: "t.yml: bad YAML: nested too deeply",
}


@pytest.mark.parametrize(("text", "said"), WRONG_FILES.items(), ids=lambda text: text[:30])
def test_a_file_that_declares_no_team_is_refused_with_the_place(text: str, said: str) -> None:
    assert problem(text).startswith(said)


def test_the_first_of_two_machines_of_one_name_is_named() -> None:
    text = f"{machine(GOOD)}\n  y: {{{GOOD}}}\n  x: {{{GOOD}}}\n"
    assert problem(text).endswith("the first is in line 2")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("ssh: {host: a.example}", "ssh: {host: A.example}"),
        ("ssh: {host: a.example}", "ssh: {host: a.example, port: 22, user: root}"),
        ("ssh: {host: y}", "groups: [ci]"),
        ("ssh: {host: '::1'}", "ssh: {host: '0:0:0:0:0:0:0:1'}"),
        ("ssh: {host: 'FE80::A'}", "ssh: {host: 'fe80::a'}"),
        # As inet_aton(3) has them, and with it every resolver.
        ("ssh: {host: '127.1'}", "ssh: {host: 127.0.0.1}"),
        ("ssh: {host: 10.0.0.01}", "ssh: {host: 10.0.0.1}"),
        ("ssh: {host: 0x7f.0.0.1}", "ssh: {host: '2130706433'}"),
        ("ssh: {host: '::ffff:10.0.0.1'}", "ssh: {host: 10.0.0.1}"),
    ],
)
def test_two_machines_at_one_address_are_refused(one: str, two: str) -> None:
    text = f"machines:\n  x: {{{GOOD}, {one}}}\n  y: {{{GOOD}, {two}}}\n"
    assert re.match(
        r"t.yml:3:3: machine 'y': is at the address of 'x' \(.* port 22\)", problem(text)
    )


def test_two_machines_behind_two_ports_of_one_address_are_two() -> None:
    text = (
        f"machines:\n  x: {{{GOOD}, ssh: {{host: a}}}}\n  y: {{{GOOD}, ssh: {{host: a, port: 23}}}}"
    )
    assert len(parse_team("t.yml", text).machines) == 2


def test_an_ipv6_address_is_an_address() -> None:
    for host in ("::1", "fe80::a:1", "0:0:0:0:0:0:0:1", "::ffff:10.0.0.1", "::"):
        (found,) = parse_team("t.yml", machine(f"{GOOD}, ssh: {{host: '{host}'}}")).machines
        assert found.ssh.host == host


def test_names_that_differ_in_case_only_are_refused() -> None:
    text = f"machines:\n  x: {{{GOOD}}}\n  X: {{{GOOD}, ssh: {{host: y}}}}\n"
    assert "differs from 'x' in upper and lower case only" in problem(text)


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = "machines:\n  x: {system: a, usr: b}\n  y: {system: c}\n  y: 3\nz: 1\n"
    places = [each.split(": ")[0] for each in problems(text)]
    assert places == ["t.yml:2:3", "t.yml:2:7", "t.yml:2:18", "t.yml:3:3", "t.yml:3:7", "t.yml:4:3",
                      "t.yml:5:1"]  # fmt: skip


def test_what_may_be_a_secret_is_not_shown() -> None:
    token = "s3cret" * 20
    text = machine(f"{GOOD}, ssh: {{password: {token}, port: {token}}}, data: [{token}]")
    assert len(problems(text)) == 3
    assert "s3cret" not in "".join(problems(text))


def test_a_missing_file_a_folder_and_a_file_that_is_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin1.yml").write_bytes(b"machines: {\xe4: 1}\n")
    for name, said in (
        ("none.yml", "there is no such file"),
        (".", "cannot be read"),
        ("latin1.yml", "byte 11 is not UTF-8"),
    ):
        with pytest.raises(Refused, match=said):
            read_team(tmp_path / name)


YAML_ISH = st.text(alphabet="machines:\n \t{}[],-?&*!|>'\"#%@x86_64-linux\x00é\r", max_size=60)


@given(YAML_ISH | YAML_ISH.map(lambda tail: machine(GOOD) + tail))
def test_whatever_the_file_holds_is_a_team_or_is_refused_in_lines(text: str) -> None:
    try:
        parse_team("t.yml", text)
        lines: tuple[str, ...] = ("t.yml: a team",)
    except Refused as refused:
        lines = refused.problems
    assert lines
    assert all(re.fullmatch(r"t\.yml(:\d+:\d+)?: [^\n]+", line) for line in lines)


# Which machine this is

TEAM = Team(
    (
        Machine(name="kakaostyle-jito", system="aarch64-darwin", user="jito.hello"),
        Machine(name="mac", system="aarch64-darwin", user="me", ssh=Ssh(host="mac.office.example")),
        Machine(name="by-number", system="x86_64-linux", user="me", ssh=Ssh(host="10.0.0.7")),
        Machine(name="10.0.0.8", system="x86_64-linux", user="me"),
        Machine(name="one.berlin.example", system="x86_64-linux", user="me"),
        Machine(name="one.seoul.example", system="x86_64-linux", user="me"),
        Machine(name="two.berlin.example", system="x86_64-linux", user="me"),
    )
)


@pytest.mark.parametrize(
    ("host_name", "name"),
    [
        ("kakaostyle-jito", "kakaostyle-jito"),
        ("Kakaostyle-Jito.local", "kakaostyle-jito"),
        ("kakaostyle-jito.lan", "kakaostyle-jito"),
        ("mac", "mac"),
        ("mac.office.example", "mac"),
        ("mac.home.arpa", "mac"),
        ("one.seoul.example", "one.seoul.example"),
        ("two", "two.berlin.example"),
        ("two.local", "two.berlin.example"),
    ],
)
def test_a_machine_finds_itself_by_its_host_name(host_name: str, name: str) -> None:
    found = find_self(TEAM, host_name, None)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "host_name",
    [
        *("unlisted", "kakaostyle", "10", "10.0.0.9", "localhost", ""),
        # Another domain's: short names alone are the same.
        *("one.tokyo.example", "two.seoul.example"),
    ],
)
def test_a_machine_that_is_not_listed_finds_nothing(host_name: str) -> None:
    assert find_self(TEAM, host_name, None) is None


def test_a_host_name_that_fits_several_machines_is_refused_with_the_way_to_choose() -> None:
    with pytest.raises(Refused) as refused:
        find_self(TEAM, "one.local", None)
    assert "one.berlin.example, one.seoul.example" in str(refused.value)
    assert "--data machine=NAME" in str(refused.value)


def test_the_machine_that_is_asked_for_is_taken_whatever_the_host_name() -> None:
    found = find_self(TEAM, "unlisted", "mac")
    assert found is not None
    assert found.name == "mac"
    with pytest.raises(Refused, match="did you mean 'mac'"):
        find_self(TEAM, "mac", "mca")


@pytest.mark.parametrize(
    ("uname", "system"),
    [
        ("Darwin arm64", "aarch64-darwin"),
        ("Darwin x86_64", "x86_64-darwin"),
        ("Linux aarch64", "aarch64-linux"),
        ("Linux x86_64", "x86_64-linux"),
        ("Linux armv7l", None),
        ("FreeBSD amd64", None),
    ],
)
def test_the_system_follows_from_what_uname_says(uname: str, system: str | None) -> None:
    assert system_of(*uname.split()) == system
