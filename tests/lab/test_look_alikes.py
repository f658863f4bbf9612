"""What only looks like a credential is none: a machine full of it is in step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

import lab
from lab.cache import remove
from lab.host import exclusive
from tests.lab.planting import Run, State, deploy, differing, run, there, tree, write
from tests.lab.plants import HOMES, POINTING

pytestmark = pytest.mark.lab

LAB = "look-alikes"

_EMPTY_DHALL = """\
{ authToken = ""
, hostname = "https://cachix.org"
, binaryCaches = [] : List { name : Text, secretKey : Text }
}
"""
_OTHERS = """\
# machine mine.cachix.org password in-a-remark
machine example.org login me password cachix.org
machine cachix.org.example.com password theirs
machine notcachix.org
  login x
  password y
default login anonymous password x@cachix.org.invalid
"""
_SH = """\
case $- in *i*) ;; *) return ;; esac
# export CACHIX_AUTH_TOKEN=a-remark
# export CACHIX_AUTH_TOKEN=<your token>
# cachix authtoken eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...
export CACHIX_AUTH_TOKEN="$(pass show cachix)"
export CACHIX_SIGNING_KEY=op://team/cachix/key
CACHIX_AGENT_TOKEN=${AGENT_TOKEN}
export CACHIX_ACTIVATE_TOKEN=`pass show deploy`
export CACHIX_AUTH_TOKEN=
CACHIX_AUTH_TOKEN='' CACHIX_SIGNING_KEY=""
unset CACHIX_AUTH_TOKEN
export CACHIX_AUTH_TOKEN
[ -n "$CACHIX_AUTH_TOKEN" ] && echo CACHIX_AUTH_TOKEN is set
export MY_CACHIX_AUTH_TOKEN=not-of-cachix CACHIX_AUTH_TOKEN_FILE=/run/secrets/token
export XCACHIX_SIGNING_KEY=not-of-cachix
export CACHIX_CACHE=mine
cachix use mine
echo "CACHIX_AUTH_TOKEN: not set"
echo "${CACHIX_AUTH_TOKEN:-not set}"
: "${CACHIX_AUTH_TOKEN:?please set it}"
[ "$CACHIX_AUTH_TOKEN" = "" ] && echo 'usage: cachix authtoken TOKEN'
export CACHIX_AUTH_TOKEN=$(pass show cachix || echo none)
export CACHIX_AUTH_TOKEN=$(awk -F= '/CACHIX_AUTH_TOKEN=/ { print $2 }' ~/.env)
export CACHIX_AUTH_TOKEN=/run/secrets/cachix CACHIX_SIGNING_KEY=$HOME/.keys/cachix
export CACHIX_AUTH_TOKEN=your-token-here
pass show cachix | cachix authtoken --stdin
"""
_FISH = """\
# set -gx CACHIX_AUTH_TOKEN a-remark
set -gx CACHIX_AUTH_TOKEN (pass show cachix)
set -gx CACHIX_SIGNING_KEY $KEY
set -e CACHIX_AUTH_TOKEN
set -gx CACHIX_AGENT_TOKEN ""
set -gx CACHIX_AUTH_TOKEN op://team/cachix/token
if set -q CACHIX_AUTH_TOKEN
    echo CACHIX_AUTH_TOKEN
end
set -gx MY_CACHIX_AUTH_TOKEN not-of-cachix
set -q CACHIX_AUTH_TOKEN; or echo "CACHIX_AUTH_TOKEN: missing"
set -gx CACHIX_AUTH_TOKEN (pass show cachix; or echo none)
set -gx CACHIX_AUTH_TOKEN ~/.keys/cachix
"""
_CSH = """\
# setenv CACHIX_AUTH_TOKEN a-remark
setenv CACHIX_AUTH_TOKEN `pass show cachix`
setenv CACHIX_SIGNING_KEY $KEY
unsetenv CACHIX_AUTH_TOKEN
setenv CACHIX_AGENT_TOKEN ""
if ( $?CACHIX_AUTH_TOKEN ) echo CACHIX_AUTH_TOKEN
setenv MY_CACHIX_AUTH_TOKEN not-of-cachix
echo "CACHIX_AUTH_TOKEN: not set"
setenv CACHIX_AUTH_TOKEN /run/secrets/cachix
"""
_NU = """\
# $env.CACHIX_AUTH_TOKEN = "a-remark"
$env.CACHIX_AUTH_TOKEN = (pass show cachix)
$env.CACHIX_SIGNING_KEY = $env.KEY
$env.CACHIX_AGENT_TOKEN = ""
hide-env CACHIX_AUTH_TOKEN
$env.CACHIX_AUTH_TOKEN = ($env.CACHIX_AUTH_TOKEN? | default "not set")
$env.CACHIX_AUTH_TOKEN = "/run/secrets/cachix"
"""
_ASSIGNMENTS = """\
# CACHIX_AUTH_TOKEN=a-remark
CACHIX_AUTH_TOKEN=
CACHIX_SIGNING_KEY=""
CACHIX_AGENT_TOKEN=op://team/cachix/agent
MY_CACHIX_AUTH_TOKEN=not-of-cachix
CACHIX_AUTH_TOKEN=/run/secrets/cachix
CACHIX_SIGNING_KEY=changeme
"""
_TEMPLATE = """\
CACHIX_AUTH_TOKEN=your-token-here
CACHIX_SIGNING_KEY=xxxxxxxx
CACHIX_AGENT_TOKEN=<token>
CACHIX_ACTIVATE_TOKEN="TODO: ask mia"
"""
_UNIT = """\
[Service]
# Environment=CACHIX_AUTH_TOKEN=a-remark
Environment=CACHIX_CACHE=mine
Environment="CACHIX_AUTH_TOKEN="
UnsetEnvironment=CACHIX_AUTH_TOKEN
PassEnvironment=CACHIX_SIGNING_KEY
Environment=CACHIX_AGENT_TOKEN=%d/token
LoadCredential=other:/etc/nothing-there
EnvironmentFile=-/etc/empty.env
ExecStart=/usr/bin/cachix deploy agent x
"""
_PLIST = """\
<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>org.cachix.example</string>
  <key>EnvironmentVariables</key>
  <dict>
    <!-- <key>CACHIX_AUTH_TOKEN</key><string>a-remark</string> -->
    <key>CACHIX_AUTH_TOKEN</key>
    <string></string>
  </dict>
</dict>
</plist>
"""
_HISTORY = """\
cachix authtoken --stdin
pass show cachix | cachix authtoken --stdin
cachix authtoken $TOKEN
cachix use mine
export CACHIX_AUTH_TOKEN=$(pass show cachix)
cachix push mine ./result
echo $CACHIX_AUTH_TOKEN
grep -r CACHIX_AUTH_TOKEN= .
rg "cachix authtoken it"
sed -i '/CACHIX_AUTH_TOKEN=/d' .env
git commit -m "CACHIX_AUTH_TOKEN: rename it"
gh secret set CACHIX_AUTH_TOKEN --repo mine/mine
man cachix authtoken
export CACHIX_AUTH_TOKEN=/run/secrets/cachix
"""
_ZSH_HISTORY = "".join(f": 1700000000:0;{line}\n" for line in _HISTORY.splitlines())
_FISH_HISTORY = "".join(f"- cmd: {line}\n  when: 17\n" for line in _HISTORY.splitlines())

# Below each home.
_HOME: Mapping[str, str] = {
    ".netrc": _OTHERS,
    ".config/nix/netrc": "",
    ".profile": _SH,
    ".bashrc": _SH,
    ".bash_aliases": _SH.replace("\n", "\r\n"),
    ".zshrc": _SH,
    ".zshenv": "export ZDOTDIR=$HOME/.config/zsh\n",
    ".config/zsh/.zshrc": _SH,
    ".config/fish/config.fish": _FISH,
    ".config/fish/fish_variables": (
        "# VERSION: 3.0\nSETUVAR --export CACHIX_AUTH_TOKEN:\nSETUVAR CACHIX_CACHE:mine\n"
    ),
    ".tcshrc": _CSH,
    ".config/nushell/env.nu": _NU,
    ".config/environment.d/50.conf": f"{_ASSIGNMENTS}CACHIX_ACTIVATE_TOKEN=${{TOKEN}}\n",
    ".pam_environment": "CACHIX_AUTH_TOKEN DEFAULT=\n# CACHIX_AUTH_TOKEN DEFAULT=a-remark\n",
    ".envrc": _SH,
    ".env": _ASSIGNMENTS,
    ".env.example": _TEMPLATE,
    "src/app/.env.template": _TEMPLATE,
    "devenv.local.nix": '{\n  # env.CACHIX_AUTH_TOKEN = "a-remark";\n'
    '  cachix.pull = [ "mine" ];\n}\n',
    ".config/cachix/token.asc": "-----BEGIN PGP MESSAGE-----\n\n"
    f"{'hQEMA1x2c3R1dnd4AQf/bWFkZSB1cCBtYWRlIHVwIG1hZGUgdXAgbWFkZSB1cCBt' * 2}\n"
    "-----END PGP MESSAGE-----\n",
    ".config/cachix/cachix.dhall.age": f"age-encryption.org/v1\n-> X25519 {'aBc0' * 16}\n",
    # A project's own, with secrets that are no business of nixtrust's.
    "src/app/.env": "DATABASE_PASSWORD=not-of-cachix\nAPI_TOKEN=eyJhbGciOiJub25lIn0.e30.x\n",
    "src/app/.envrc": "dotenv\nexport API_KEY=not-of-cachix\n",
    ".config/systemd/user/agent.service": _UNIT,
    "Library/LaunchAgents/org.example.plist": _PLIST,
    ".viminfo": f"# Command Line History\n:s/CACHIX_AUTH_TOKEN=/X/\n\t{_HISTORY}",
    ".bashrc.swp": f"b0VIM 9.1\0\0{_SH}".replace("\n", "\0"),
    "#.bashrc#": _SH,
    ".config/fish/conf.d/nix.fish~": _FISH,
    ".bash_history": _HISTORY,
    ".zsh_history": _ZSH_HISTORY,
    ".local/share/fish/fish_history": _FISH_HISTORY,
    ".history": _HISTORY,
    # Not a place: what is not read by itself.
    "notes/.env": "CACHIX_AUTH_TOKEN=too-far-down\n",
}
# One shape for each person.
_DHALLS: Mapping[str, str] = {
    "baleen": _EMPTY_DHALL,
    "jito.hello": '{ authToken = "", hostname = "https://cachix.org", binaryCaches = [] : List'
    " { name : Text, secretKey : Text } }",
    "mia": "-- nothing\n{- { -} { binaryCaches = [] : List { name : Text, secretKey : Text } }",
    "root": '{ hostname = "https://cachix.example.org" }\r\n',
}
_SYSTEM: Mapping[str, str] = {
    "/etc/cachix/cachix.dhall": '{ authToken = "" }\n',
    "/etc/cachix/README": "Nothing here.\n",
    "/etc/cachix-agent.token": "# CACHIX_AGENT_TOKEN=a-remark\nCACHIX_AGENT_TOKEN=\n",
    "/etc/nix/netrc": _OTHERS,
    "/etc/nix/private-netrc": _OTHERS,
    "/etc/nix/mine.sec": "",
    "/etc/profile.d/cachix.sh": _SH,
    "/etc/fish/conf.d/cachix.fish": _FISH,
    "/etc/csh/cachix": _CSH,
    "/etc/environment": _ASSIGNMENTS,
    "/etc/environment.d/50.conf": _ASSIGNMENTS,
    "/etc/empty.env": _ASSIGNMENTS,
    "/etc/systemd/system/agent.service": _UNIT,
    "/Library/LaunchDaemons/org.example.plist": _PLIST,
    # Determinate's daemon writes it anew.
    "/nix/var/determinate/netrc": "machine mine.cachix.org password not-ours-to-touch\n",
}
# What is no file, or leads to none.
_NO_FILES = f"""
    cd {HOMES["baleen"]}
    mkdir .env.d .envrc.d .bashrc.d .config/cachix/folder.dhall
    mkfifo .env.pipe src/.env
    ln -s nowhere .env.link
    ln -s nowhere .config/cachix/gone
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What the machine had at first, and the two runs with what it then had."""

    first: Mapping[str, State]
    look: Run
    looked: Mapping[str, State]
    apply: Run
    applied: Mapping[str, State]


@pytest.fixture(scope="module")
def jobs() -> Iterator[Mapping[str, Job]]:
    """By suite."""
    specs = [
        lab.MachineSpec(
            f"{LAB}-{suite}", suite, f"127.77.11.{number}", lab=LAB, people=tuple(HOMES)
        )
        for number, suite in enumerate(lab.SUITES, start=11)
    ]
    names = [spec.name for spec in specs]
    with exclusive("machines with look-alikes"):
        try:
            lab.down(names)
            machines = lab.up(specs)
            for machine in machines:
                conf = there(machine, "/etc/nix/nix.conf")
                conf.write_text(f"{conf.read_text()}{POINTING}")
                lay(machine)
            assert {each.status for each in deploy(machines, "-y")} == {0}
            first = [tree(machine) for machine in machines]
            look = deploy(machines, "--dry", "--diff")
            looked = [tree(machine) for machine in machines]
            apply = deploy(machines, "-y")
            yield {
                machine.suite: Job(
                    *(first[number], look[number], looked[number], apply[number], tree(machine))
                )
                for number, machine in enumerate(machines)
            }
        finally:
            lab.down(names)
            remove(LAB)


def lay(machine: lab.Machine) -> None:
    for path, text in _SYSTEM.items():
        write(machine, path, text.encode(), mode=0o644)
    for person, home in HOMES.items():
        for name, text in _HOME.items():
            write(machine, f"{home}/{name}", text.encode(), person)
        write(machine, f"{home}/.config/cachix/cachix.dhall", _DHALLS[person].encode(), person)
    run(machine, _NO_FILES)


@pytest.fixture(params=lab.SUITES)
def job(request: pytest.FixtureRequest, jobs: Mapping[str, Job]) -> Job:
    return jobs[request.param]


def test_nothing_is_found(job: Job) -> None:
    assert job.look.told == []
    assert job.apply.told == []


def test_such_a_machine_is_in_step(job: Job) -> None:
    assert (job.look.status, job.apply.status) == (0, 0)
    assert job.apply.changes == 0


def test_it_is_asked_once(job: Job) -> None:
    assert (job.look.commands, job.apply.commands) == (1, 1)


def test_nothing_changes(job: Job) -> None:
    assert differing(job.first, job.looked) == []
    assert differing(job.first, job.applied) == []
