"""Where the probe looks for credentials and what it tells of each, on homes that are made up."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.shell.looking import LINE, TOKEN, functions, put, told


def found(home: Path, *search_paths: str) -> list[tuple[str, str]]:
    """Of each credential the place, and the file below the home."""
    return [
        (record[1], str(Path(record[3]).relative_to(home)))
        for record in told(home, search_paths)
        if record[0] == "credential"
    ]


def unread(home: Path) -> list[tuple[str, str]]:
    """Of each place that could not be looked into the file's name, and why."""
    return [
        (record[2].rpartition("/")[2], record[3])
        for record in told(home)
        if record[0] == "unread-place"
    ]


def hindrance(home: Path) -> str:
    """Why the one credential there is left, if at all."""
    # Of what is another's in a folder of root's that account's own process tells.
    [record] = told(home, settings="my_uid=1")
    assert record[0] == "credential"
    return record[8]


# The script and the catalogue ---------------------------------------------------------------------


def test_a_pattern_with_a_space_is_one_word(tmp_path: Path) -> None:
    put(
        tmp_path / "Library/Application Support/nushell/env.nu",
        f'$env.CACHIX_AUTH_TOKEN = "{TOKEN}"',
    )
    assert found(tmp_path) == [("nushell", "Library/Application Support/nushell/env.nu")]


# Where it looks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("startup", "line", "file"),
    [
        (".profile", "export XDG_CONFIG_HOME=$HOME/.cfg", ".cfg/fish/config.fish"),
        (".zshenv", 'export XDG_CONFIG_HOME="${HOME}/.cfg"', ".cfg/fish/config.fish"),
        (".bashrc", "XDG_CONFIG_HOME=~/.cfg; export XDG_CONFIG_HOME", ".cfg/fish/config.fish"),
        (".config/fish/config.fish", "set -gx XDG_CONFIG_HOME ~/.cfg", ".cfg/fish/config.fish"),
        (".tcshrc", "setenv XDG_CONFIG_HOME $HOME/.cfg", ".cfg/fish/config.fish"),
    ],
)
def test_a_folder_that_a_start_up_file_names_is_looked_into(
    startup: str, line: str, file: str, tmp_path: Path
) -> None:
    put(tmp_path / file, f"set -gx CACHIX_AUTH_TOKEN {TOKEN}\n")
    assert found(tmp_path) == []
    put(tmp_path / startup, f"{line}\n")
    assert found(tmp_path) == [("fish", file)]


@pytest.mark.parametrize(
    ("startup", "line", "folder"),
    [
        (".bashrc", 'export XDG_CONFIG_HOME="$HOME/c d"', "c d"),
        (".bashrc", "export XDG_CONFIG_HOME=$HOME/'c d'", "c d"),
        (".bashrc", "export XDG_CONFIG_HOME=~/c\\ d # x", "c d"),
        (".bashrc", "export XDG_CONFIG_HOME=\\\n$HOME/c", "c"),
        (".bashrc", "export XDG_CONFIG_HOME=$HOME/c#", "c#"),
        (".bashrc", "export XDG_CONFIG_HOME='/c;d'", "c;d"),
        (".bashrc", "export XDG_CONFIG_HOME=$HOME/[c]", "[c]"),
        (".bashrc", "export XDG_CONFIG_HOME=$HOME/c?", "c?"),
        (".bashrc", 'export XDG_CONFIG_HOME="$HOME/d/(c)|d&e)"', "d/(c)|d&e)"),
        (".bashrc", 'export "XDG_CONFIG_HOME=$HOME/c d"', "c d"),
        (".bashrc", ': "${XDG_CONFIG_HOME:=$HOME/c d}"; export XDG_CONFIG_HOME', "c d"),
        (".bashrc", 'D="$HOME/c d"\nexport XDG_CONFIG_HOME=$D/e', "c d/e"),
        (".bashrc", "echo it\\'s; export XDG_CONFIG_HOME=~/c; x 'y'", "c"),
        (".bashrc", "sh -c 'export XDG_CONFIG_HOME=~/c; x'", "c"),
        (".bashrc", "sh -c 'D=~/c; XDG_CONFIG_HOME=$D/d x'", "c/d"),
        (".bashrc", 'export "D=$HOME/c d"\nexport XDG_CONFIG_HOME="$D"', "c d"),
        (".config/fish/config.fish", "echo 'it\\'s'; set -gx XDG_CONFIG_HOME '/c d'", "c d"),
        (".config/fish/config.fish", "set -gx XDG_CONFIG_HOME '/c d'", "c d"),
        (".tcshrc", 'setenv XDG_CONFIG_HOME "$HOME/c d"', "c d"),
        (".config/environment.d/a.conf", "XDG_CONFIG_HOME=${HOME}/c d", "c d"),
    ],
)
def test_a_folder_of_any_name_that_a_start_up_file_names_is_looked_into(
    startup: str, line: str, folder: str, tmp_path: Path
) -> None:
    file = f"{folder}/cachix/cachix.dhall"
    put(tmp_path / file, f'{{ authToken = "{TOKEN}" }}\n')
    put(tmp_path / startup, line.replace("'/", f"'{tmp_path}/") + "\n")
    assert found(tmp_path) == [("cachix-dhall", file)]


def test_zsh_elsewhere_and_a_history_elsewhere_are_looked_into(tmp_path: Path) -> None:
    put(tmp_path / ".zshenv", "ZDOTDIR=$HOME/.z\nHISTFILE=$HOME/.z/past\n")
    put(tmp_path / ".z/.zshrc")
    put(tmp_path / ".z/past", f"cachix authtoken {TOKEN}\n")
    assert found(tmp_path) == [("zsh", ".z/.zshrc"), ("history", ".z/past")]


@pytest.mark.parametrize(
    "line",
    [
        "export ZDOTDIR=${XDG_CONFIG_HOME:-$HOME/.config}/zsh",
        ': "${ZDOTDIR:=$HOME/.config/zsh}"',
        "ZDOTDIR=$XDG_CONFIG_HOME/zsh",
    ],
)
def test_a_folder_may_be_named_by_another_and_lead_to_a_third(line: str, tmp_path: Path) -> None:
    put(tmp_path / ".zshenv", f"{line}\n")
    put(tmp_path / ".config/zsh/.zshrc", "HISTFILE=$ZDOTDIR/past\n")
    put(tmp_path / ".config/zsh/past", f"cachix authtoken {TOKEN}\n")
    assert found(tmp_path) == [("history", ".config/zsh/past")]


@pytest.mark.parametrize(
    ("startup", "line", "file"),
    [
        (".zshenv", "HISTFILE=$XDG_STATE_HOME/zsh/past", ".local/state/zsh/past"),
        (".bashrc", "HISTFILE=${XDG_CACHE_HOME:-~/.cache}/past", ".cache/past"),
        (".bashrc", "XDG_STATE_HOME=~/.st\nHISTFILE=$XDG_STATE_HOME/past", ".st/past"),
        (".zshrc", "D=$HOME/.z/d\nHISTFILE=$D/past", ".z/d/past"),
        (".config/fish/config.fish", "set -x HISTFILE ~/h/$USER/past", "h/mia/past"),
        (".tcshrc", "setenv HISTFILE ~/h/${LOGNAME}.past", "h/mia.past"),
        (".bashrc", 'export HISTFILE="$HOME/h/$(hostname -s)/past"', "h/box/past"),
        (".bashrc", "HISTFILE=~/h/past.`date +%Y`", "h/past.2026"),
        (".bashrc", "HISTFILE=$HOME/h/$HOSTNAME.past", "h/box.past"),
        # As macOS has it: /etc/zshrc_Apple_Terminal.
        (
            ".zshrc",
            'D="${ZDOTDIR:-$HOME}/.s"\nF="$D/$TERM_SESSION_ID.past"\nHISTFILE="$F"',
            ".s/1-2.past",
        ),
    ],
)
def test_what_a_location_is_made_of_is_known_or_any(
    startup: str, line: str, file: str, tmp_path: Path
) -> None:
    put(tmp_path / file, f"cachix authtoken {TOKEN}\n")
    assert found(tmp_path) == []
    put(tmp_path / startup, f"{line}\n")
    assert found(tmp_path) == [("history", file)]
    assert unread(tmp_path) == []


@pytest.mark.parametrize(
    "line",
    [
        "export XDG_CONFIG_HOME=$(cat ~/.where)",
        "ZDOTDIR=`cat ~/.where`",
        "HISTFILE=$WHERE/past",
        'HISTFILE="$HOME/$HOST/$(date +%Y)"',
        "set -gx XDG_CONFIG_HOME (cat ~/.where)",
        "export XDG_CONFIG_HOME=${HOME%/}/c",
        'export XDG_CONFIG_HOME="$HOME/(c)"',
        "export XDG_CONFIG_HOME=~anna/c",
        'export XDG_CONFIG_HOME="$HOME\n/c"',
        "export XDG_CONFIG_HOME=/c\\\\d",
    ],
)
def test_a_location_that_is_not_known_before_a_file_runs_is_not_clean(
    line: str, tmp_path: Path
) -> None:
    put(tmp_path / ".bashrc", f"{line}\n")
    why = "it says where files lie in a way that is not known before it runs"
    assert unread(tmp_path) == [(".bashrc", why)]


@pytest.mark.parametrize(
    "line",
    [
        "HISTFILE=",
        "unset HISTFILE",
        "HISTFILE=/dev/null",
        'echo "$HISTFILE $(date)"',
        '[ "$XDG_CONFIG_HOME" = "$X" ]',
        'if [ -n "$ZDOTDIR" ]; then echo "$ZDOTDIR"; fi',
        "alias vi='XDG_CONFIG_HOME=$(mktemp -d) vi'",
        "XDG_CONFIG_HOME=$X vi",
        "# HISTFILE=$(x)",
        "export XDG_DATA_DIRS=$X:$XDG_DATA_HOME",
    ],
)
def test_what_sets_no_location_is_clean(line: str, tmp_path: Path) -> None:
    put(tmp_path / ".bashrc", f"{line}\n")
    assert told(tmp_path) == []


def test_what_is_found_in_two_ways_is_told_once(tmp_path: Path) -> None:
    put(tmp_path / ".profile", f"{LINE}export XDG_CONFIG_HOME=$HOME/.config\n")
    netrc = put(tmp_path / ".netrc", f"machine a.cachix.org password {TOKEN}\n")
    conf = put(tmp_path / "nix.conf", f"netrc-file = {netrc}\n")
    (tmp_path / ".config/cachix").mkdir(parents=True)
    (tmp_path / ".config/cachix/cachix.dhall").symlink_to("gone")
    records = told(tmp_path, settings=f"confs={conf}")
    assert sorted(record[1] for record in records) == ["cachix-dhall", "netrc", "profile"]


@pytest.mark.parametrize(
    ("leader", "leading", "file", "text", "places"),
    [
        (
            ".config/nix/nix.conf",
            "netrc-file = {}",
            ".config/cachix/netrc",
            "machine x.cachix.org login a password s3cr3t\n",
            [("netrc", 1, "unclear")],
        ),
        (
            ".config/nix/nix.conf",
            "secret-key-files = {}",
            ".bash_history",
            f"cachix authtoken {TOKEN}\nmine-1:{'A1b' * 29}w==\n",
            [("history", 1, "history"), ("secret-key", 1, "not-alone")],
        ),
        (
            ".config/systemd/user/cachix.service",
            "LoadCredential=a:{}",
            ".netrc",
            "# cachix\nabcdefghijklmnop1234\n",
            [("loaded-credential", 2, "unclear")],
        ),
        # What a shell reads besides is not cut as if none did.
        (
            ".config/systemd/user/a.service",
            "EnvironmentFile={}",
            ".profile",
            f"CACHIX_AUTH_TOKEN: abc\n{LINE}",
            [("profile", 2, ""), ("environment-file", 1, "unclear")],
        ),
        (
            ".config/systemd/user/a.service",
            "EnvironmentFile={}",
            ".cachix-agent.token",
            f"CACHIX_AGENT_TOKEN={TOKEN}\nCACHIX_AGENT_TOKEN={TOKEN}\n",
            [("agent-token", 1, "")],
        ),
        (
            ".config/nix/nix.conf",
            "netrc-file = {}",
            ".config/cachix/netrc",
            f"machine x.cachix.org login a password {TOKEN}\n",
            [("cachix-folder", 1, "not-alone")],
        ),
    ],
)
def test_a_file_is_read_as_a_setting_has_it_read_too_and_each_line_told_once(
    leader: str,
    leading: str,
    file: str,
    text: str,
    places: list[tuple[str, int, str]],
    tmp_path: Path,
) -> None:
    conf = put(tmp_path / leader, f"{leading}\n".format(put(tmp_path / file, text)))
    records = told(tmp_path, settings=f"confs={conf}" if conf.name == "nix.conf" else "")
    assert [(each[1], int(each[5]), each[8]) for each in records] == places


def test_a_comment_names_no_folder(tmp_path: Path) -> None:
    put(tmp_path / ".profile", "# export XDG_CONFIG_HOME=$HOME/.cfg\n")
    put(tmp_path / ".cfg/cachix/token", f"{TOKEN}\n")
    assert found(tmp_path) == []


def test_of_a_search_path_the_folder_and_its_own_folders_are_looked_into(tmp_path: Path) -> None:
    for folder in ("work", "work/app", "work/app/deep", "play"):
        put(tmp_path / folder / ".env", f"CACHIX_AUTH_TOKEN={TOKEN}\n")
    assert found(tmp_path, "work") == [("dotenv", "work/.env"), ("dotenv", "work/app/.env")]
    assert found(tmp_path) == []


def test_what_nix_conf_leads_to_is_looked_into(tmp_path: Path) -> None:
    key = put(tmp_path / "key", f"mine-1:{'A1b' * 29}w==\n")
    netrc = put(tmp_path / "passwords", f"machine a.cachix.org password {TOKEN}\n")
    conf = put(
        tmp_path / "nix.conf",
        f"netrc-file = {netrc} # mine\n# secret-key-files = /x\nsecret-key-files = {key} /gone\n",
    )
    home = tmp_path / "home"
    home.mkdir()
    records = told(home, settings=f"confs={conf}")
    assert [(record[1], record[3]) for record in records] == [
        ("netrc", str(netrc)),
        ("secret-key", str(key)),
    ]


def test_what_a_unit_leads_to_is_looked_into(tmp_path: Path) -> None:
    put(tmp_path / "a.env", f"CACHIX_AGENT_TOKEN={TOKEN}\n")
    put(tmp_path / "token", f"{TOKEN}\n")
    put(tmp_path / "other", f"{TOKEN}\n")
    units = tmp_path / ".config/systemd/user"
    put(
        units / "push.service",
        "[Service]\nExecStart=cachix watch-store team\n"
        f"EnvironmentFile=-{tmp_path}/*.env\nLoadCredential=token:{tmp_path}/token\n",
    )
    put(units / "backup.service", f"[Service]\nLoadCredential=token:{tmp_path}/other\n")
    assert found(tmp_path) == [("environment-file", "a.env"), ("loaded-credential", "token")]


@pytest.mark.parametrize(
    ("file", "is_told"),
    [
        (".config/systemd/user/cachix-agent.service.d/x.conf", True),
        (".config/systemd/user/push-Cachix.service", True),
        (".config/systemd/user/other.service.d/x.conf", False),
    ],
)
def test_a_unit_is_about_cachix_if_its_name_alone_says_so(
    file: str, is_told: bool, tmp_path: Path
) -> None:
    home = tmp_path / "cachix"
    put(home / file, f"[Service]\nSetCredential=token:{TOKEN}\n")
    assert found(home) == ([("systemd-unit", file)] if is_told else [])


def test_a_users_unit_may_name_a_file_below_the_home(tmp_path: Path) -> None:
    put(tmp_path / "secrets/agent", f"CACHIX_AGENT_TOKEN={TOKEN}\n")
    unit = put(tmp_path / ".config/systemd/user/a.service", "EnvironmentFile=-%h/secrets/agent\n")
    assert found(tmp_path) == [("environment-file", "secrets/agent")]
    unit.write_text("# cachix\n[Service]\nEnvironmentFile=/etc/%m\n")
    assert unread(tmp_path) == [("a.service", "it names a file that is not known before it runs")]


@pytest.mark.parametrize(
    ("unit", "setting", "file"),
    [
        ("push.service", "EnvironmentFile=-%h/s/%N.env", "s/push.env"),
        ("push.service", "EnvironmentFile=%h/s/%n", "s/push.service"),
        ("push@team.service", "EnvironmentFile=%h/s/%p-%i", "s/push-team"),
        ("push@.service", "EnvironmentFile=%h/s/%i", "s/any"),
        ("push.service.d/a.conf", "EnvironmentFile=%h/s/%p", "s/push"),
        ("push.service", "EnvironmentFile= \\\n# c\n  %h/s/a", "s/a"),
        ("push.service", "# c \\\nEnvironmentFile=%h/s/a", "s/a"),
    ],
)
def test_a_unit_may_name_a_file_by_its_own_name_and_over_lines(
    unit: str, setting: str, file: str, tmp_path: Path
) -> None:
    put(tmp_path / file, f"CACHIX_AGENT_TOKEN={TOKEN}\n")
    put(tmp_path / ".config/systemd/user" / unit, f"[Service]\n{setting}\n")
    assert found(tmp_path) == [("environment-file", file)]


PLIST = """\
<plist><dict>
  <key>Label</key><string>{label}</string>
  <key>{key}</key>
  <array>
    <string>/bin/sh</string>
    <string>-c</string>
    <string>{argument}; exec /nix/store/x-cachix-1.7/bin/cachix deploy agent</string>
  </array>
  <key>StandardOutPath</key><string>{home}/cachix-token</string>
</dict></plist>
"""


@pytest.mark.parametrize("key", ["ProgramArguments", "WatchPaths"])
@pytest.mark.parametrize("argument", [". {home}/agent.token", "source &quot;~/agent.token&quot;"])
def test_what_a_job_of_launchd_about_cachix_is_started_with_is_looked_into(
    key: str, argument: str, tmp_path: Path
) -> None:
    put(tmp_path / "agent.token", f"export CACHIX_AGENT_TOKEN={TOKEN}\n")
    put(tmp_path / "cachix-token", f"{TOKEN}\n")
    plist = PLIST.format(label="a", key=key, home=tmp_path, argument=argument.format(home=tmp_path))
    file = put(tmp_path / "Library/LaunchAgents/a.plist", plist)
    assert found(tmp_path) == [("loaded-credential", "agent.token")]
    file.write_text(plist.replace("cachix", "other"))
    assert found(tmp_path) == []


def test_a_folder_below_cachixs_own_is_looked_into(tmp_path: Path) -> None:
    put(tmp_path / ".config/cachix/keys/team", f"{TOKEN}\n")
    assert found(tmp_path) == [("cachix-folder", ".config/cachix/keys/team")]


def test_a_configuration_that_a_link_leads_to_and_is_not_there_is_not_clean(tmp_path: Path) -> None:
    put(tmp_path / ".config/cachix/x", "")
    (tmp_path / ".config/cachix/cachix.dhall").symlink_to("/run/nothing/here")
    assert unread(tmp_path) == [("cachix.dhall", "a link to nothing")]


def test_a_file_is_told_of_once(tmp_path: Path) -> None:
    put(tmp_path / ".envrc")
    assert found(tmp_path) == [("envrc", ".envrc")]


@pytest.mark.parametrize("kind", ["fifo", "folder", "dangling link"])
def test_what_is_no_file_holds_nothing(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "dangling link":
            path.symlink_to("gone")
    assert told(tmp_path) == []


# What could not be looked into --------------------------------------------------------------------


def test_a_file_that_cannot_be_read_to_its_end_is_not_clean(tmp_path: Path) -> None:
    put(tmp_path / ".netrc", "machine a.cachix.org\n")
    (record,) = told(tmp_path, settings='tr() { command tr "$@"; return 1; }')
    assert record == ["unread-place", "netrc", f"{tmp_path}/.netrc", "reading it failed"]


THE_KERNELS = "in /proc, /sys or /dev reading may have effects, or no end"


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="no /proc here")
@pytest.mark.parametrize(
    "links",
    [
        {".bash_aliases": "/proc/version"},
        {".bash_aliases": "a", "a": "up/proc/version", "up": "/"},
        {".bashrc.d": "/proc/sys/kernel/random", ".env.x": "/sys/kernel/notes"},
    ],
    ids=["a link", "by way of others", "a folder"],
)
def test_what_is_the_kernels_is_never_opened(links: dict[str, str], tmp_path: Path) -> None:
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    opened = tmp_path / "opened"
    settings = f'grep() {{ printf "%s\\n" "$@" >>{opened}; command grep "$@"; }}'
    records = told(tmp_path, settings=settings)
    assert records
    assert {record[3] for record in records} == {THE_KERNELS}
    assert str(tmp_path / ".") not in opened.read_text()


@pytest.mark.skipif(not os.path.exists("/dev/shm"), reason="no /dev/shm here")
def test_where_a_pointer_leads_into_the_kernels_nothing_is_opened(tmp_path: Path) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    put(home / ".bashrc", "export XDG_CONFIG_HOME=$HOME/c\n")
    (home / "c/nix").mkdir(parents=True)
    (home / "c/nix/nix.conf").symlink_to("/proc/version")
    (root / "etc/determinate").mkdir(parents=True)
    (root / "etc/determinate/config.json").symlink_to("/proc/version")
    put(root / "etc/systemd/system/a.service", "EnvironmentFile=/proc/version\n")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        conf = put(root / "etc/nix/nix.conf", f"netrc-file = {put(Path(folder) / 'netrc')}\n")
        opened = tmp_path / "opened"
        noted = "".join(
            f'{each}() {{ printf "%s\\n" "$@" >>{opened}; }}\n'
            for each in ("find_pointers_of_determinate", "recognise")
        )
        records = told(home, settings=f"{noted}confs={conf}", root=root)
    paths = {record[2]: record[3] for record in records}
    assert paths == dict.fromkeys(
        (
            f"{home}/c/nix/nix.conf",
            f"{root}/etc/determinate/config.json",
            "/proc/version",
            f"{folder}/netrc",
        ),
        THE_KERNELS,
    )
    assert not opened.exists()


def test_a_file_that_names_cachix_and_is_too_large_is_not_clean(tmp_path: Path) -> None:
    os.truncate(put(tmp_path / ".bash_history", "cachix\n"), 65 << 20)
    os.truncate(put(tmp_path / ".history", "ls\n"), 65 << 20)
    assert unread(tmp_path) == [(".bash_history", "larger than 64 MiB")]


def test_a_file_that_is_too_large_to_be_searched_is_not_clean(tmp_path: Path) -> None:
    os.truncate(put(tmp_path / ".history", "ls\n"), 2 << 30)
    assert unread(tmp_path) == [(".history", "larger than 64 MiB")]


def test_a_name_that_is_no_text_is_not_clean(tmp_path: Path) -> None:
    put(tmp_path / ".env\n.x", "")
    assert unread(tmp_path) == [(".env?.x", "its name is no text")]


def test_a_name_that_is_not_plain_is_told_only_if_a_credential_is_in_it(tmp_path: Path) -> None:
    put(tmp_path / ".env-ä", f"CACHIX_AUTH_TOKEN={TOKEN}\n")
    put(tmp_path / ".env-ü", "cachix = 1\n")
    why = "a credential is in it, but a name on the way is not plain text"
    assert unread(tmp_path) == [(".env-??", why)]


@pytest.mark.parametrize("name", [b"d\xe9p\xf4t", b"\x1b[2J", b"a\nb"])
def test_a_link_to_a_name_that_is_no_text_spoils_no_answer(name: bytes, tmp_path: Path) -> None:
    folder = os.path.join(os.fsencode(tmp_path), name)
    os.mkdir(folder)
    with open(os.path.join(folder, b"bashrc"), "w") as file:
        file.write(LINE)
    home = tmp_path / "home"
    home.mkdir()
    os.symlink(os.path.join(folder, b"bashrc"), os.fsencode(home / ".bashrc"))
    [(path, why)] = unread(home)
    assert path == ".bashrc"
    assert why.endswith("a name on the way is not plain text")


def test_two_thousand_homes_are_looked_into_in_time(tmp_path: Path) -> None:
    for number in range(2000):
        put(tmp_path / f"{number}/.bashrc", "alias ll='ls -l'\n")
        put(tmp_path / f"{number}/.profile", "umask 022\n")
    put(tmp_path / "1999/.netrc", f"machine a.cachix.org password {TOKEN}\n")
    every = "\n".join(
        f"candidates_of_person m{number} {tmp_path}/{number}" for number in range(2000)
    )
    before = os.times()
    [record] = told(tmp_path / "0", settings=f"most_files=9999\ncandidates_of_machine\n{every}")
    after = os.times()
    assert record[:4] == ["credential", "netrc", "m1999", f"{tmp_path}/1999/.netrc"]
    # A look has 90 seconds. How much else the box has to do is not counted.
    spent = after.children_user - before.children_user
    assert spent + after.children_system - before.children_system < 30


def test_a_home_may_have_any_name(tmp_path: Path) -> None:
    put(tmp_path / "josé/.bashrc")
    assert found(tmp_path / "josé") == [("bash", ".bashrc")]


# What hinders -------------------------------------------------------------------------------------


def test_a_line_of_its_own_may_go(tmp_path: Path) -> None:
    put(tmp_path / ".bashrc")
    assert hindrance(tmp_path) == ""


def test_a_link_is_left(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").symlink_to(put(tmp_path / "elsewhere"))
    [record] = told(tmp_path)
    assert (record[8], record[13]) == ("link", str(tmp_path / "elsewhere"))


@pytest.mark.parametrize("control", [".git", ".jj", ".hg", ".svn"])
def test_a_work_tree_is_left_and_what_leads_into_one(control: str, tmp_path: Path) -> None:
    put(tmp_path / "dotfiles" / control / "config", "")
    (tmp_path / ".bashrc").symlink_to(put(tmp_path / "dotfiles/bashrc"))
    assert hindrance(tmp_path) == "work-tree"
    (tmp_path / ".bashrc").unlink()
    put(tmp_path / "dotfiles/.env", f"CACHIX_AUTH_TOKEN={TOKEN}\n")
    [record] = told(tmp_path, ("dotfiles",))
    assert record[8] == "work-tree"


def test_a_file_with_another_name_is_left(tmp_path: Path) -> None:
    os.link(put(tmp_path / ".bashrc"), tmp_path / "other")
    assert hindrance(tmp_path) == "hard-link"


def test_a_file_that_its_shell_would_not_accept_is_left(tmp_path: Path) -> None:
    assert shutil.which("bash")
    put(tmp_path / ".bashrc", f"{LINE}if true\n")
    assert hindrance(tmp_path) == "refused"
    # Of this bash tells, and succeeds.
    put(tmp_path / ".bashrc", f"{LINE}[[ a b c ]]\n")
    assert hindrance(tmp_path) == "refused"


def test_a_folder_that_its_owner_cannot_write_to_is_left(tmp_path: Path) -> None:
    put(tmp_path / ".bashrc")
    if os.getuid() == 0:
        shutil.chown(tmp_path, "nobody")
    tmp_path.chmod(0o555)
    assert hindrance(tmp_path) == "read-only"
    tmp_path.chmod(0o755)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to somebody else")
def test_whose_a_file_is_hides_no_other_reason_to_leave_it(tmp_path: Path) -> None:
    file = put(tmp_path / ".config/cachix/cachix.dhall", f'let cachix = "{TOKEN}" in cachix')
    shutil.chown(file, "nobody")
    assert hindrance(tmp_path) == "unclear"
    put(file, f'{{ authToken = "{TOKEN}" }}')
    assert hindrance(tmp_path) == "owner"


@pytest.mark.parametrize("site", ["link", "work-tree", "hard-link", "folder"])
def test_where_a_file_lies_does_not_hide_that_it_holds_something_else(
    site: str, tmp_path: Path
) -> None:
    """Or the advice would be to remove it."""
    home = tmp_path / "home"
    file = put(home / ".cachix-agent.token", "")
    match site:
        case "link":
            file.rename(tmp_path / "elsewhere")
            file.symlink_to(tmp_path / "elsewhere")
        case "work-tree":
            (home / ".git").mkdir()
        case "hard-link":
            (home / "twice").hardlink_to(file)
        case "folder":
            home.chmod(0o777)
    reasons = []
    for text in ("{}\n", "A=b\n{}\n", "umask 077\n{}\n"):
        file.write_text(text.format(f"CACHIX_AGENT_TOKEN={TOKEN}"))
        [record] = told(home)
        reasons.append((record[8], int(record[7]) > 0))
    assert reasons == [(site, False), (site, True), ("not-alone", False)]


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o757])
def test_a_folder_that_others_may_write_to_is_left(mode: int, tmp_path: Path) -> None:
    put(tmp_path / ".bashrc")
    tmp_path.chmod(mode)
    assert hindrance(tmp_path) == "folder"


def test_a_folder_of_a_group_is_left_but_that_of_ones_own_group(tmp_path: Path) -> None:
    put(tmp_path / ".bashrc")
    tmp_path.chmod(0o775)
    assert hindrance(tmp_path) == ("" if tmp_path.owner() == tmp_path.group() else "folder")
    if os.getuid() == 0:
        shutil.chown(tmp_path, group="nogroup")
        assert hindrance(tmp_path) == "folder"


@pytest.mark.parametrize(
    ("told", "is_roots"),
    [
        ("drwxr-xr-x 2 0 0 4096 Nov 29 00:00 /x", True),
        ("drwxrwxr-x 2 0 0 4096 Nov 29 00:00 /x", True),
        ("drwxr-xr-x+ 2 0 0 4096 Nov 29 00:00 /x", True),
        ("drwxrwxr-x+ 2 0 0 4096 Nov 29 00:00 /x", False),
        ("drwxrwxr-x 2 0 50 4096 Nov 29 00:00 /x", False),
        ("drwxrwsr-x 2 0 60 4096 Nov 29 00:00 /x", True),
        ("drwxrwsr-x+ 2 0 60 4096 Nov 29 00:00 /x", False),
        ("drwxr-xr-x 2 1000 0 4096 Nov 29 00:00 /x", False),
        ("drwxrwxrwx 2 0 0 4096 Nov 29 00:00 /x", False),
        ("drwxrwxrwt 2 0 0 4096 Nov 29 00:00 /x", False),
        ("drwxrwxr-t 2 0 30000 4096 Nov 29 00:00 /nix/store", True),
        ("drwxrwxr-x 2 0 30000 4096 Nov 29 00:00 /nix/store", False),
    ],
)
def test_a_folder_is_roots_if_nobody_else_can_change_it(told: str, is_roots: bool) -> None:
    steps = f"""
ls() {{ echo '{told}'; }}
is_nobodys() {{ [ "$1" = 60 ] || [ "$1" = 0 ]; }}
find_alone /x
echo "$alone"
}}
main </dev/null
"""
    ran = subprocess.run(
        ["sh", "-s"], input=functions({}) + steps, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ([told.split()[-1]] if is_roots else [])


@pytest.mark.parametrize(("group", "groups"), [("root:x:0:baleen", "1000"), ("root:x:0:", "0")])
def test_a_folder_that_group_root_may_write_is_roots_if_no_person_is_in_that_group(
    group: str, groups: str
) -> None:
    steps = f"""
everybody=baleen
getent() {{
  case $1 in
    passwd) printf '%s\n' root:x:0:0:root:/root:/bin/sh halt:x:7:0::/:/sbin/halt ;;
    *) echo '{group}' ;;
  esac
}}
id() {{ echo '{groups}'; }}
limit() {{ shift; "$@"; }}
ls() {{ printf 'drwxr%sxr-x 2 0 0 4096 Nov 29 00:00 %s\n' w /theirs - /ours; }}
find_alone /theirs /ours
echo $alone
}}
main </dev/null
"""
    ran = subprocess.run(
        ["sh", "-s"], input=functions({}) + steps, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["/ours"]


# What could keep a look from its end, or from all that is there -----------------------------------


@pytest.mark.parametrize("value", ["%h/my app.env", "app.env", "-%h/no/such/my app.env"])
def test_an_environment_file_may_have_blanks_in_its_name(value: str, tmp_path: Path) -> None:
    put(tmp_path / "my app.env")
    put(tmp_path / ".config/systemd/user/a.service", f"[Service]\nEnvironmentFile={value}\n")
    found = [record[3] for record in told(tmp_path) if record[0] == "credential"]
    assert found == ([str(tmp_path / "my app.env")] if value == "%h/my app.env" else [])


def test_of_a_name_that_is_known_in_part_the_rest_may_be_anything(tmp_path: Path) -> None:
    put(tmp_path / ".bashrc", 'export HISTFILE="$HOME/.hist_$(hostname)"\n')
    put(tmp_path / ".profile", 'export XDG_CONFIG_HOME="$HOME/.config-$(uname)"\n')
    put(tmp_path / ".hist_box", f"cachix authtoken {TOKEN}\n")
    put(tmp_path / ".config-Linux/cachix/cachix.dhall", f'{{ authToken = "{TOKEN}" }}\n')
    put(tmp_path / "backup/cachix/cachix.dhall", f'{{ authToken = "{TOKEN}" }}\n')
    put(tmp_path / "notes.md", f"cachix authtoken {TOKEN}\n")
    found = {record[3].removeprefix(f"{tmp_path}/") for record in told(tmp_path)}
    assert found == {".hist_box", ".config-Linux/cachix/cachix.dhall"}


def test_what_could_be_anything_in_the_home_is_not_known(tmp_path: Path) -> None:
    put(tmp_path / ".bashrc", 'export XDG_CONFIG_HOME="$HOME/$(uname)"\n')
    put(tmp_path / "backup/cachix/cachix.dhall", f'{{ authToken = "{TOKEN}" }}\n')
    [record] = told(tmp_path)
    assert (record[0], record[2]) == ("unread-place", str(tmp_path / ".bashrc"))


def test_a_netrc_may_have_blanks_in_its_name(tmp_path: Path) -> None:
    put(tmp_path / "my netrc", f"machine a.cachix.org password {TOKEN}\n")
    conf = put(tmp_path / "nix.conf", f"netrc-file = {tmp_path}/my netrc\n")
    (tmp_path / "home").mkdir()
    [record] = told(tmp_path / "home", settings=f"confs={conf}")
    assert record[3] == str(tmp_path / "my netrc")


def test_nobody_elses_process_stands_in_a_folder_that_was_looked_at(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    steps = f"is_the_kernels {tmp_path}/deep/file\npwd\n}}\nmain </dev/null\n"
    ran = subprocess.run(
        ["sh", "-s"], input=f"{functions({})}{steps}", capture_output=True, text=True, cwd=tmp_path
    )
    assert ran.stdout == "/\n"


@pytest.mark.parametrize("pattern", ["theirs/*.env", "theirs/?.env", "theirs/[ab].env", "*/a.env"])
def test_root_hands_over_a_pattern_where_others_can_lay_names_and_expands_it_nowhere(
    pattern: str, tmp_path: Path
) -> None:
    steps = f"""
my_uid=0
is_roots() {{ case $1 in */theirs) return 1 ;; esac; }}
ls() {{ echo 'drwxr-xr-x 2 1500 1500 4096 Jan  1 00:00 it'; }}
look_into() {{ echo "opened $file"; }}
candidates_of_pointer EnvironmentFile '{tmp_path}/{pattern}'
printf %s "$given"
}}
main </dev/null
"""
    for name in ("a.env", "b.env", ".nixtrust.new.1"):
        put(tmp_path / "theirs" / name)
    put(tmp_path / "ours/a.env")
    ran = subprocess.run(
        ["sh", "-s"], input=functions({}) + steps, capture_output=True, text=True, check=True
    )
    beside = pattern.rpartition("/")[0].replace("*", "theirs")
    lines = [f"1500\tenvironment-file\t{tmp_path}/{pattern.replace('*/', 'theirs/')}"]
    if beside == pattern.rpartition("/")[0]:
        lines.append(f"1500\tleftover\t{tmp_path}/theirs/.nixtrust.new.*")
    else:
        lines = [f"opened {tmp_path}/ours/a.env", *lines]
        lines.append(f"1500\tleftover\t{tmp_path}/theirs/.nixtrust.new.*")
    assert ran.stdout.splitlines() == lines


@pytest.mark.parametrize("pattern", ["*.env", "?.env", "[a-c].env", "d*/*.env", "[x].env"])
def test_a_person_expands_what_root_has_handed_over(pattern: str, tmp_path: Path) -> None:
    lay = {"*.env": "a.env", "?.env": "a.env", "[a-c].env": "b.env", "d*/*.env": "d 1/a b.env"}
    file = put(tmp_path / lay.get(pattern, "x.env"))
    steps = f"""
my_uid=1
look_at_home mia - environment-file '{tmp_path}/{pattern}'
}}
main </dev/null
"""
    ran = subprocess.run(
        ["sh", "-s"], input=functions({}) + steps, capture_output=True, text=True, check=True
    )
    *told, end = ran.stdout.splitlines()
    assert [line.split("\t")[3] for line in told] == [str(file)]
    assert end == "end"
