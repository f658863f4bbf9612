"""The scripts for machines: clean to shellcheck, whole or not run at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from nixtrust.access import Access, Way, Writer
from nixtrust.conf import BLOCK_BEGIN, BLOCK_END
from nixtrust.findings import findings
from nixtrust.owners import owner_of
from nixtrust.plan import plan, restores
from nixtrust.removal import Cut
from nixtrust.scripts import (
    Script,
    mend_script,
    probe_functions,
    probe_script,
    remove_script,
    restart_script,
    undo_script,
    write_script,
)
from tests.unit.observed import DECLARED, NIX_CONF, machine, policy

ROOT = Path(__file__).parents[2]
SHELLCHECK = Path(sys.executable).with_name("shellcheck")


def written() -> Script:
    observed = machine("trusted-users = root mia\n")
    assert observed.nix is not None
    owner = owner_of(observed)
    planned = plan(policy(), owner, observed.files, observed.nix)
    assert planned is not None
    return write_script(planned, observed, owner, restarts=True)


def undone() -> Script:
    observed = machine(
        f"{BLOCK_BEGIN}\n{DECLARED}{BLOCK_END}\n", {f"{NIX_CONF}.before-nixtrust": "max-jobs = 3\n"}
    )
    owner = owner_of(observed)
    return undo_script(restores(policy(), owner, observed.files), observed, owner, restarts=True)


def mended() -> Script:
    writer = Writer("/etc/nix", NIX_CONF, Way.EVERYBODY, "", frozenset(), "drwxrwxrwx")
    observed = machine(access=Access((writer,), {"/etc/nix": "drwx---rwx", NIX_CONF: "-rw-------"}))
    found = findings(policy(), observed, observed.system)
    return mend_script(observed, owner_of(observed), found)


SCRIPTS = {
    "probe": probe_script({"fallback": "true"}, ["work/projects"]),
    "home": Script(
        f"main() {{\n{probe_functions({}, ['work/projects'])}}}\n\n{{ main </dev/null; }}\n"
    ),
    "mend": mended(),
    "write": written(),
    "undo": undone(),
    "restart": restart_script(machine(), owner_of(machine())),
    "remove": remove_script([Cut("root", "/root", ".bashrc", "1", "bash", ((0, 9),))]),
}


FUNCTIONS = f"main() {{\n{probe_functions({})}"


def text_of(script: Script) -> str:
    return "".join(script)


# No script uses all of common.sh. The probe has the text of "home" within quotes, which is told the
# kernel by it.
USUAL = "SC2034,SC2329"
EXCLUDED = {"probe": f"{USUAL},SC1003,SC2016,SC2154", "home": f"{USUAL},SC2154"}


@pytest.mark.lint
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_as_it_is_sent_is_clean_to_shellcheck(name: str) -> None:
    found = subprocess.run(
        [SHELLCHECK, "--shell=sh", f"--exclude={EXCLUDED.get(name, USUAL)}", "-"],
        input=text_of(SCRIPTS[name]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
    assert found.returncode == 0


@pytest.mark.lint
@pytest.mark.parametrize(
    "path",
    [path for folder in ("nixtrust", "lab") for path in (ROOT / folder).rglob("*.sh")],
    ids=lambda path: path.name,
)
def test_a_shell_file_is_clean_to_shellcheck(path: Path) -> None:
    found = subprocess.run([SHELLCHECK, path], capture_output=True, text=True, check=False)
    assert found.stdout == ""
    assert found.returncode == 0


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_cut_short_anywhere_runs_nothing(name: str) -> None:
    script = text_of(SCRIPTS[name])
    end = "{ main </dev/null; }\n"
    assert script.endswith(end)
    begun = len(script) - len(end)
    # A command outside `main` would run in every longer cut.
    for cut in (*range(0, begun, 997), *range(begun, len(script) - len(" }\n"))):
        ended = subprocess.run(
            ["sh", "-xs"], input=script[:cut], capture_output=True, text=True, check=False
        )
        assert ended.stdout == ""
        assert [line for line in ended.stderr.splitlines() if line.startswith("+")] == []


def test_a_script_never_shows_its_text() -> None:
    script = probe_script({})
    assert f"{script}" == str(script) == repr(script) == f"<script of {len(script)} characters>"


# As systemd shows what DeterminateSystems/determinate modules/nixos.nix declares.
DETERMINATE_START = (
    "{ path=/nix/store/0-determinate-nixd/bin/determinate-nixd ; argv[]=determinate-nixd"
    " --nix-bin /nix/store/1-nix/bin daemon ; ignore_errors=no ; start_time=[n/a] ; pid=0 }"
)


def overrides(steps: str, stdin: str = "") -> list[str]:
    """What common.sh's functions take for configuration besides files."""
    beginning, found, _ = FUNCTIONS.partition("\nfind_daemon() {")
    assert found
    _, _, rest = FUNCTIONS.partition("# find_variables WORDS")
    functions, _, _ = rest.partition("# Sets nix to ")
    done = subprocess.run(
        ["sh", "-c", f"{beginning}\n# {functions}\n{steps}\n}}\nmain"],
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("shown", "names"),
    [
        ("Environment=NIX_CONF_DIR=/x LANG=C", []),
        ("Environment=LANG=C NIX_CONFIG=trusted-users", ["NIX_CONFIG"]),
        ("Environment=NIX_REMOTE=local?require-sigs=false", ["NIX_REMOTE"]),
        ('Environment="NIX_REMOTE=unix:///x"', ["NIX_REMOTE"]),
        ("Environment=NIX_REMOTE=local LANG=C", []),
        ('Environment="NIX_CONFIG=trusted-users = *" HOME=/x', ["NIX_CONFIG", "HOME"]),
        ("Environment=HOME=/root", []),
        ("Environment=XDG_CONFIG_DIRS=/s3cret", ["XDG_CONFIG_DIRS"]),
        ("EnvironmentFiles=/etc/default/nix (ignore_errors=yes)", ["EnvironmentFile"]),
        ("ExecStart={ path=/n ; argv[]=n --daemon --option trusted-users * ; }", ["--option"]),
        ("ExecStart={ path=/n ; argv[]=n --daemon ; }", []),
        ("Environment=NIX_CONFIG_HOME=/x", ["NIX_CONFIG_HOME"]),
        (
            "ExecStart={ path=/e ; argv[]=env NIX_CONFIG=x n --daemon ; ignore_errors=no ; }",
            ["NIX_CONFIG"],
        ),
        (
            'ExecStart={ path=/s ; argv[]=sh -c a ; HOME="/x" exec n ; ignore_errors=no ; }',
            ["HOME"],
        ),
        ('Environment="CURL_OPTS=-s --fail now"', []),
        ("Environment=HOME=/ XDG_CONFIG_DIRS=/etc/xdg", []),
        ("Environment=LD_PRELOAD=/s3cret.so LD_LIBRARY_PATH= PATH=/usr/bin", ["LD_PRELOAD"]),
        ('Environment="NIX_STORE_DIR=/x" NIX_SSL_CERT_FILE=/y', ["NIX_STORE_DIR"]),
        (f"ExecStart={DETERMINATE_START}", []),
        (f"ExecStart={DETERMINATE_START.replace(' daemon', ' --option daemon')}", ["--option"]),
    ],
)
def test_of_what_configures_the_daemon_besides_files_the_names_are_told(
    shown: str, names: list[str]
) -> None:
    steps = f"shown=$newline'{shown}'\nfind_overrides_of_unit\necho $overrides"
    assert overrides(steps) == names


# As systemd 257 shows the properties of the service, and behind an empty line those of the socket.
SHOWN = """\
ExecReload={ path=/opt/team tools/re ; argv[]=/opt/team tools/re "/x" y=/z ; ignore_errors=no ; }
ExecStart={ path=/n ; argv[]=n --daemon ; ignore_errors=no ; start_time=[n/a] ; status=0/0 }
ControlGroup=/system.slice/nix-daemon.service
RootDirectory=
User=
Environment=PATH=/own:/usr/bin
EnvironmentFiles=/etc/default/team nix (ignore_errors=yes)
BindReadOnlyPaths=/opt/a b/nix.conf:/etc/nix/nix.conf:rbind -/c:/d
FragmentPath=/usr/lib/systemd/system/nix-daemon.service

User=root
ExecStartPre={ path=/opt/of-socket ; argv[]=/opt/of-socket ; ignore_errors=no ; }
Listen=/nix/var/nix/daemon-socket/socket (Stream)
"""


def test_each_path_that_a_unit_names_is_one_that_the_daemon_depends_on() -> None:
    _, found, show_unit = FUNCTIONS.partition("show_unit() {")
    assert found
    steps = f"systemctl() {{ printf '%s' '{SHOWN}'; }}\nlimit() {{ shift; \"$@\"; }}\n"
    script = f"{steps}show_unit() {{{show_unit.partition('# read_shown')[0]}\nshow_unit"
    shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    lines = shown.stdout.splitlines()
    assert {line.removeprefix("Path=") for line in lines if line.startswith("Path=")} == {
        *("/opt/team tools/re", "/opt/team", "/x", "/z", "/n", "/c", "/opt/a b/nix.conf"),
        *("/etc/default/team nix", "/opt/of-socket", "/usr/lib/systemd/system/nix-daemon.service"),
    }
    assert lines[-1] == "Elsewhere=BindReadOnlyPaths"


IN_SHELL = '{ path=/s ; argv[]=sh -c NIX_CONF_DIR="/opt/conf" exec n ; ignore_errors=no ; }'
OF_PLIST = "find_overrides_of_plist\necho $overrides"


def test_of_a_plists_variables_the_names_are_told() -> None:
    plist = (
        "<dict>\n  <key>EnvironmentVariables</key>\n  <dict>\n"
        "    <key>NIX_SSL_CERT_FILE</key>\n    <string>/x --y</string>\n"
        "    <string>--extra-trusted-users</string>\n"
        "    <key>NIX_CONFIG</key>\n    <string>s3cret</string>\n  </dict>\n</dict>\n"
    )
    assert overrides(OF_PLIST, plist) == ["NIX_CONFIG", "--extra-trusted-users"]
    home = plist.replace("NIX_CONFIG<", "NIX_CONFIG_HOME<")
    assert overrides(OF_PLIST, home) == ["NIX_CONFIG_HOME", "--extra-trusted-users"]
    assert overrides(OF_PLIST, plist.replace("\n", "")) == ["NIX_CONFIG", "--extra-trusted-users"]


def test_of_a_plists_shell_the_words_are_looked_at() -> None:
    exec_it = "exec /n/nix-daemon --option require-sigs false"
    plist = (
        "<key>ProgramArguments</key>\n<array>\n<string>/bin/sh</string>\n<string>-c</string>\n"
        f"<string>/bin/wait4path /n &amp;&amp; NIX_CONFIG='a\nb' {exec_it}</string>\n</array>\n"
    )
    assert overrides(OF_PLIST, plist) == ["NIX_CONFIG", "--option"]


@pytest.mark.parametrize(
    ("steps", "stdin"),
    [
        (OF_PLIST, "<key>NIX_CONF_DIR</key><string>/opt/conf</string><string>-c</string>"),
        (OF_PLIST, "<string>NIX_CONF_DIR=&quot;/opt/conf&quot; exec n</string>"),
        ("shown=$newline'Environment=A=b NIX_CONF_DIR=/opt/conf'\nfind_overrides_of_unit", ""),
        (f"shown=$newline'ExecStart={IN_SHELL}'\nfind_overrides_of_unit", ""),
        ("conf_dir=/opt/conf\nfind_variables NIX_CONF_DIR=", ""),
    ],
    ids=["launchd", "a shell of launchd's", "systemd", "a shell of systemd's", "empty"],
)
def test_where_the_daemon_has_its_configuration_is_followed(steps: str, stdin: str) -> None:
    assert overrides(f"{steps}\necho $conf_dir", stdin) == ["/opt/conf"]


# DeterminateSystems/determinate modules/nix-darwin.nix, as nix-darwin writes it out.
DETERMINATE_PLIST = """\
<dict>
\t<key>Label</key>
\t<string>systems.determinate.nix-daemon</string>
\t<key>ProgramArguments</key>
\t<array>
\t\t<string>/usr/local/bin/determinate-nixd</string>
\t\t<string>--nix-bin</string>
\t\t<string>/nix/store/1-nix/bin</string>
\t\t<string>daemon</string>
\t</array>
\t<key>Sockets</key>
\t<dict>
\t\t<key>nix-daemon.socket</key>
\t\t<dict>
\t\t\t<key>SockPassive</key>
\t\t\t<true/>
\t\t\t<key>SockPathName</key>
\t\t\t<string>/var/run/nix-daemon.socket</string>
\t\t</dict>
\t</dict>
</dict>
"""


def test_where_determinates_daemon_finds_its_nix_is_no_configuration() -> None:
    assert overrides(OF_PLIST, DETERMINATE_PLIST) == []


def test_the_nix_of_determinates_daemon_is_the_one_that_it_is_given() -> None:
    of_unit = f"shown=$newline'ExecStart={DETERMINATE_START}'\nfind_overrides_of_unit"
    assert overrides(f"{of_unit}\necho $daemon") == ["/nix/store/1-nix/bin/nix-daemon"]
    assert overrides("daemon_of_plist", DETERMINATE_PLIST) == ["/nix/store/1-nix/bin/nix-daemon"]
    plist = (
        "<string>/bin/wait4path /usr/bin/nix-daemon &amp;&amp; exec /usr/bin/nix-daemon</string>"
    )
    assert overrides("daemon_of_plist", plist) == ["/usr/bin/nix-daemon"]


@pytest.mark.parametrize(
    ("target", "link_is_newer", "newest"),
    [
        ("/mnt/nix.conf", True, "link"),
        ("/mnt/nix.conf", False, "target"),
        # Each of the two changes by itself there, and nothing with it.
        ("/nix/store/x-nix.conf", True, "target"),
        ("/nix/store/x-nix.conf", False, "link"),
    ],
)
def test_a_link_is_as_new_as_itself_or_as_what_it_leads_to(
    tmp_path: Path, target: str, link_is_newer: bool, newest: str
) -> None:
    link = tmp_path / "nix.conf"
    link.symlink_to(target)
    of_link = link.lstat().st_ctime
    of_target = of_link - 100 if link_is_newer else of_link + 100
    _, _, rest = FUNCTIONS.partition("\nlink_changed() {")
    function, _, _ = rest.partition("\n}\n")
    steps = f"file={link} link={target} changed={of_target:.3f}\nlink_changed\necho $changed"
    done = subprocess.run(
        ["sh", "-c", f"link_changed() {{{function}\n}}\n{steps}"],
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {"link": of_link, "target": of_target}[newest]
    assert float(done.stdout) == pytest.approx(expected, abs=0.01)
