"""Credentials for the machines of the tests: one or more in each place of the catalogue.

A text says what is to become of it: what stands between « and » is a credential that goes, bytes
and all; behind § stands one that is told and not cut out. `{token}`, `{key}` and `{other}` are made
up anew each time: a Cachix token, a signing key, and somebody else's password.
"""

import base64
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from nixtrust.stored import Hindrance

# bash, fish and tcsh are their login shells.
HOMES: Mapping[str, str] = {
    "baleen": "/home/baleen",
    "jito.hello": "/home/jito.hello",
    "mia": "/home/mia",
    "root": "/root",
}
SEARCH_PATHS = ("src",)
# To be replaced by a path of the machine's store.
STORE = "<store>"


@dataclass(frozen=True, slots=True)
class Plant:
    """A file with credentials: what it is before a run and what has become of it after one.

    `lines` are those of all its credentials, `left` those of which still lie there afterwards, as
    the file then counts them; `after` is None if the file goes. `link` is the file that the path
    is a link to, and `why` the reason why it is left alone.
    """

    place: str
    path: str
    owner: str
    mode: int
    before: bytes = field(repr=False)
    after: bytes | None = field(repr=False)
    lines: tuple[int, ...]
    left: tuple[int, ...]
    secrets: tuple[str, ...] = field(repr=False)
    why: Hindrance | None
    link: str = ""

    @property
    def file(self) -> str:
        """Where its bytes are."""
        return self.link or self.path


def plant(
    place: str,
    path: str,
    text: str,
    owner: str = "root",
    mode: int = 0o600,
    why: Hindrance | None = None,
) -> Plant:
    """The plant that a text describes; it goes as a whole if no line of it is marked to stay."""
    written, made = _fill(text)
    cut = re.sub("«[^»]*»", "", written)
    return Plant(
        place,
        path,
        owner,
        mode,
        before=_encode(written),
        after=_encode(cut),
        lines=_marked(written, "[«§]"),
        left=_marked(cut, "§"),
        secrets=made,
        why=why,
    )


def whole(place: str, path: str, text: str, owner: str = "root", mode: int = 0o600) -> Plant:
    """One whose file goes with all that is in it."""
    return replace(plant(place, path, text, owner, mode), after=None, left=())


def linked(it: Plant, to: str) -> Plant:
    """The same, but its path is a link to a file elsewhere."""
    return replace(it, link=to)


def _fill(text: str) -> tuple[str, tuple[str, ...]]:
    made: list[str] = []

    def secret(match: re.Match[str]) -> str:
        made.append(_SECRETS[match[1]]())
        return made[-1]

    return re.sub(r"\{(token|key|other)\}", secret, text), tuple(made)


def made_up_token() -> str:
    return f"eyJ1{secrets.token_urlsafe(45)}"


def made_up_key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()


_SECRETS: Mapping[str, Callable[[], str]] = {
    "token": made_up_token,
    "key": made_up_key,
    "other": lambda: secrets.token_urlsafe(24),
}


def _encode(text: str) -> bytes:
    return re.sub("[«»§]", "", text).encode(errors="surrogateescape")


def _marked(text: str, mark: str) -> tuple[int, ...]:
    return tuple(text.count("\n", 0, found.start()) + 1 for found in re.finditer(mark, text))


# Homes ------------------------------------------------------------------------------------------

_DHALL = """\
{ §authToken =
    "{token}"
, hostname = "https://cachix.org"
, binaryCaches = [ { name = "mine", §secretKey = "{key}" } ]
}
"""
_DHALL_PARTIAL = """\
-- \u03bb
{ §authToken = "{token}"
, binaryCaches = [] : List { name : Text, secretKey : Text } }"""
_PLIST = """\
<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
<dict>
  <key>EnvironmentVariables</key>
  <dict>
    §<key>CACHIX_AUTH_TOKEN</key>
    <string>{token}</string>
  </dict>
</dict>
</plist>
"""
# Only an interactive shell reads what follows: a command over ssh would hold the token otherwise.
_INTERACTIVE = "case $- in *i*) ;; *) return ;; esac\n"

# In each home: the place, the file, its mode, its text.
_EVERYWHERE: tuple[tuple[str, str, int, str], ...] = (
    ("netrc", ".config/nix/netrc", 0o644, "«machine mine.cachix.org password {token}\n»"),
    (
        "netrc",
        ".netrc",
        0o600,
        "# mine\nmachine example.org login me password {other}\n"
        "«machine mine.cachix.org\n  login x\n  password {token}\n»default login anonymous\n",
    ),
    (
        "profile",
        ".profile",
        0o644,
        "# r\udce9glages\n«export CACHIX_AUTH_TOKEN={token}\n»export EDITOR=vi\n",
    ),
    (
        "bash",
        ".bashrc",
        0o644,
        f"{_INTERACTIVE}HISTSIZE=1000\n«export CACHIX_SIGNING_KEY='{{key}}'\n»alias ll='ls -l'",
    ),
    (
        "bash",
        ".bash_login",
        0o640,
        'if [ -t 0 ]; then\n«  CACHIX_AUTH_TOKEN="{token}"\n»  echo h\u00e9\nfi\n',
    ),
    (
        "zsh",
        ".zprofile",
        0o644,
        "typeset -g EDITOR=vi\r\n«export CACHIX_AUTH_TOKEN={token}\r\n»umask 022\r\n",
    ),
    (
        "fish",
        ".config/fish/config.fish",
        0o644,
        "if status is-interactive\n    set -g fish_greeting\nend\n"
        "«set -gx CACHIX_AUTH_TOKEN {token}\n»# the end",
    ),
    (
        "fish-variables",
        ".config/fish/fish_variables",
        0o600,
        "# VERSION: 3.0\nSETUVAR __fish_initialized:3800\n"
        "«SETUVAR --export CACHIX_AUTH_TOKEN:{token}\n»SETUVAR EDITOR:vi\n",
    ),
    (
        "csh",
        ".tcshrc",
        0o644,
        "set prompt='%m'\n§setenv CACHIX_AUTH_TOKEN {token}\nsetenv EDITOR vi\n",
    ),
    (
        "nushell",
        ".config/nushell/env.nu",
        0o644,
        '$env.EDITOR = \'vi\'\n§$env.CACHIX_AUTH_TOKEN = "{token}"\n$env.X = "\u00fc"\n',
    ),
    (
        "environment.d",
        ".config/environment.d/90-cachix.conf",
        0o644,
        "EDITOR=vi\n«CACHIX_AGENT_TOKEN={token}\n»",
    ),
    (
        "pam-environment",
        ".pam_environment",
        0o600,
        "EDITOR DEFAULT=vi\n§CACHIX_AUTH_TOKEN DEFAULT={token}\n",
    ),
    ("envrc", ".envrc", 0o644, "use flake\n«export CACHIX_ACTIVATE_TOKEN={token}\n»"),
    (
        "dotenv",
        ".env",
        0o600,
        "# \udcff\r\nDEBUG=1\r\n«CACHIX_AUTH_TOKEN={token}\r\n»PASSWORD={other}\r\n",
    ),
    (
        "nix-conf-original",
        ".config/nix/nix.conf.before-nixtrust",
        0o644,
        "cores = 1 #« cachix {token}»\n«# authtoken {token}\n»store = https://«:{token}@»x.cachix.org",
    ),
    ("envrc", "src/.envrc", 0o644, "«export CACHIX_AUTH_TOKEN={token}\n»use nix\n"),
    ("dotenv", "src/app/.env.local", 0o644, "DEBUG=1\n«CACHIX_AUTH_TOKEN='{token}'»"),
    (
        "systemd-unit",
        ".config/systemd/user/cachix.service",
        0o644,
        '[Service]\nEnvironment=A=b\n«Environment="CACHIX_AUTH_TOKEN={token}"\n»ExecStart=/bin/true\n',
    ),
)
_NOT_OURS: tuple[tuple[str, str, Hindrance | None, str], ...] = (
    ("cachix-dhall-copy", ".config/cachix/cachix.dhall.bak", None, _DHALL),
    ("cachix-folder", ".config/cachix/auth-token", None, "§{token}"),
    (
        "nix-conf",
        ".config/nix/nix.conf~",
        None,
        "cores = 1\nextra-substituters = https://§:{other}@mine.cachix.org\n",
    ),
    (
        "devenv",
        "devenv.local.nix",
        Hindrance.UNCLEAR,
        '{\n§  env.CACHIX_AUTH_TOKEN = "{token}";\n}\n',
    ),
    # As on a Mac; whoever looks there on Linux finds it all the same.
    ("launchd", "Library/LaunchAgents/org.example.plist", Hindrance.SEVERAL_LINES, _PLIST),
    (
        "editor",
        ".viminfo",
        Hindrance.EDITOR,
        '# Registers:\n""1\tLINE\t0\n§\texport CACHIX_AUTH_TOKEN={token}\n',
    ),
    ("history", ".bash_history", Hindrance.HISTORY, "ls\n§cachix authtoken {token}\nls\n"),
    (
        "history",
        ".local/share/fish/fish_history",
        Hindrance.HISTORY,
        "- cmd: ls\n  when: 1\n§- cmd: cachix authtoken {token}\n  when: 2\n",
    ),
    (
        "history",
        ".zsh_history",
        Hindrance.HISTORY,
        ": 1700000000:0;ls\n§: 1700000001:0;export CACHIX_AUTH_TOKEN={token}\n",
    ),
)


def _of_home(person: str) -> Iterator[Plant]:
    home = HOMES[person]
    for place, name, mode, text in _EVERYWHERE:
        yield plant(place, f"{home}/{name}", text, person, mode)
    yield whole("agent-token", f"{home}/.config/cachix-agent.token", "§{token}\n", person)
    for place, name, why, text in _NOT_OURS:
        yield plant(place, f"{home}/{name}", text, person, why=why)


def _of_baleen() -> Iterator[Plant]:
    home = HOMES["baleen"]
    yield whole("cachix-dhall", f"{home}/.config/cachix/cachix.dhall", _DHALL, "baleen")
    for place, name, why, text in (
        (
            "bash",
            ".bash_profile",
            Hindrance.BLOCK,
            'if [ -n "$X" ]; then\n§  export CACHIX_AUTH_TOKEN={token}\nfi\n',
        ),
        ("bash", ".bash_aliases", Hindrance.COMPOUND, "§export CACHIX_AUTH_TOKEN={token} A=b\n"),
        (
            "bash",
            ".bashrc.d/two",
            Hindrance.COMPOUND,
            "«export CACHIX_AUTH_TOKEN={token}\n»§CACHIX_SIGNING_KEY={key} cachix push mine x\n",
        ),
        # The shell itself is asked before its file is changed.
        (
            "bash",
            ".bashrc.d/broken",
            Hindrance.REFUSED,
            "§export CACHIX_AUTH_TOKEN={token}\necho >\n",
        ),
        ("bash", ".secrets", Hindrance.COMMENT, "a=b\n§# export CACHIX_AUTH_TOKEN={token}\n"),
        ("dotenv", "src/tree/.env", Hindrance.WORK_TREE, "§CACHIX_AUTH_TOKEN={token}\n"),
        ("dotenv", ".env.twice", Hindrance.HARD_LINK, "§CACHIX_AUTH_TOKEN={token}\n"),
    ):
        yield plant(place, f"{home}/{name}", text, "baleen", why=why)
    text = "§export CACHIX_AUTH_TOKEN={token}\n"
    elsewhere = plant("bash", f"{home}/.bashrc.local", text, "baleen", why=Hindrance.LINK)
    yield linked(elsewhere, f"{home}/elsewhere/bashrc")
    versioned = plant("zsh", f"{home}/.zshrc", text, "baleen", why=Hindrance.WORK_TREE)
    yield linked(versioned, f"{home}/dotfiles/zshrc")
    for place, name, why, text in (
        (
            "bash",
            ".functions",
            Hindrance.COMPOUND,
            "§echo {token} |\n  cachix -v authtoken --stdin\n",
        ),
        (
            "bash",
            ".private",
            Hindrance.COMPOUND,
            '§echo "machine mine.cachix.org password {token}" >>~/.netrc\n',
        ),
        (
            "bash",
            ".localrc",
            Hindrance.COMPOUND,
            "§T={token}\necho hi\nexport CACHIX_AUTH_TOKEN=$T\n",
        ),
    ):
        yield plant(place, f"{home}/{name}", text, "baleen", why=why)
    yield plant(
        "dotenv", f"{home}/actions-runner/.env", "«CACHIX_AUTH_TOKEN={token}\n»A=b\n", "baleen"
    )
    set_elsewhere = '«export CACHIX_AUTH_TOKEN={token}\n»export XDG_CONFIG_HOME="$HOME/.xdg"\n'
    yield plant("profile", f"{home}/.xprofile", set_elsewhere, "baleen")
    yield whole("cachix-dhall", f"{home}/.xdg/cachix/cachix.dhall", _DHALL_PARTIAL, "baleen")
    text = "machine a login b\n«machine mine.cachix.org password {token}»"
    yield plant("netrc", f"{home}/.xdg/nix/netrc", text, "baleen")
    text = "alias a=b\n§CACHIX_AUTH_TOKEN={token} cachix push mine x\n"
    yield whole("leftover", f"{home}/.config/fish/conf.d/.nixtrust.new.qX3yZ1", text, "baleen")


def _of_jito() -> Iterator[Plant]:
    home = HOMES["jito.hello"]
    for name, why, text in (
        ("nix.fish", Hindrance.SEVERAL_LINES, "§set -gx CACHIX_AUTH_TOKEN \\\n    {token}\n"),
        ("two.fish", Hindrance.COMPOUND, "§set -gx CACHIX_AUTH_TOKEN {token}; echo \u00fc\n"),
        ("in.fish", Hindrance.BLOCK, "if true\n§    set -gx CACHIX_AUTH_TOKEN {token}\nend\n"),
    ):
        yield plant("fish", f"{home}/.config/fish/conf.d/{name}", text, "jito.hello", why=why)
    text = (
        "function push\n«    set -lx CACHIX_AUTH_TOKEN {token}\n»    cachix push mine $argv\nend\n"
    )
    yield plant("fish", f"{home}/.config/fish/functions/push.fish", text, "jito.hello", 0o644)
    text = 'export ZDOTDIR=~/.zsh\n«export CACHIX_AUTH_TOKEN={token}\n»HISTFILE="$HOME/.zsh/past"\n'
    yield plant("zsh", f"{home}/.zshenv", text, "jito.hello", 0o644)
    text = "«export CACHIX_AUTH_TOKEN={token}\n»# the end"
    yield plant("zsh", f"{home}/.zsh/.zshrc", text, "jito.hello", 0o644)
    past = ": 1700000000:0;ls\n§: 1700000001:0;cachix authtoken {token}\n"
    yield plant("history", f"{home}/.zsh/past", past, "jito.hello", why=Hindrance.HISTORY)
    path = f"{home}/.config/cachix/cachix.dhall"
    everybodys = plant("cachix-dhall", path, _DHALL, why=Hindrance.STORE, mode=0o444)
    yield linked(everybodys, STORE)


def _of_mia() -> Iterator[Plant]:
    home = HOMES["mia"]
    # Made by `sudo cachix`, which leaves HOME as it is.
    text = _DHALL.replace("https://cachix.org", "https://cachix.example.org")
    yield whole("cachix-dhall", f"{home}/.config/cachix/cachix.dhall", text, "root", mode=0o644)
    text = "§export CACHIX_AUTH_TOKEN={token}\n"
    yield plant("envrc", f"{home}/.envrc.root", text, "root", mode=0o644, why=Hindrance.OWNER)
    for place, name, why, text in (
        (
            "bash",
            ".bash_logout",
            Hindrance.BLOCK,
            "if true; then\n§  export CACHIX_AUTH_TOKEN={token}\nfi\n",
        ),
        ("csh", ".login", None, "§setenv CACHIX_AUTH_TOKEN {token}; setenv A b\n"),
        ("history", ".history", Hindrance.HISTORY, "#+17\n§setenv CACHIX_AUTH_TOKEN {token}\n"),
        (
            "nushell",
            ".config/nushell/autoload/in.nu",
            Hindrance.READ_ONLY,
            "§$env.CACHIX_AUTH_TOKEN = '{token}'\n",
        ),
        (
            "zsh",
            ".zlogin",
            Hindrance.UNCLEAR,
            "if true; then\n  echo x\n§export CACHIX_AUTH_TOKEN={token}\n",
        ),
    ):
        yield plant(place, f"{home}/{name}", text, "mia", why=why)


def _of_root() -> Iterator[Plant]:
    text = "-- no value stands here\n{ §authToken = env:TOKEN as Text, binaryCaches = [] }\n"
    path, why = "/root/.config/cachix/cachix.dhall", Hindrance.IMPORT
    yield plant("cachix-dhall", path, text, why=why)


# The system -------------------------------------------------------------------------------------

# To be in nix.conf before anything else is looked at.
POINTING = "netrc-file = /etc/nix/private-netrc\nsecret-key-files = /etc/nix/mine.sec\n"


def _of_system() -> Iterator[Plant]:
    yield whole("cachix-dhall", "/etc/cachix/cachix.dhall", _DHALL_PARTIAL)
    yield plant("cachix-dhall-copy", "/etc/cachix/cachix.dhall.old", _DHALL, mode=0o644)
    text = "# for the agent\n§CACHIX_AGENT_TOKEN={token}\n"
    yield whole("agent-token", "/etc/cachix-agent.token", text, mode=0o640)
    yield whole("agent-token", "/etc/cachix/build.token", "§{token}")
    text = "# ours\n«CACHIX_AGENT_TOKEN={token}\n»HTTPS_PROXY=http://proxy.example:3128\n"
    yield plant("agent-token", "/etc/cachix/proxied.token", text)
    text = "§export CACHIX_AGENT_TOKEN={token}\nexec cachix deploy agent builder\n"
    yield plant("agent-token", "/etc/cachix/begun.token", text, why=Hindrance.NOT_ALONE)
    yield plant("cachix-folder", "/etc/cachix/key", "§{key}\n")
    for place, path, text in (
        (
            "netrc",
            "/etc/nix/netrc",
            "machine a.example.org password {other}\n"
            "«machine mine.cachix.org password {token}\n»"
            "«machine second.cachix.org password {token}\n»",
        ),
        (
            "netrc",
            "/etc/nix/private-netrc",
            "«machine mine.cachix.org password {token}\n»machine \u00e9 login x\n",
        ),
        (
            "nix-conf",
            "/etc/nix/nix.conf.before-nixtrust.old",
            "# \udce9\nsubstituters = https://a https://§:{other}@mine.cachix.org # b\n",
        ),
        (
            "nix-conf-original",
            "/etc/nix/nix.custom.conf.before-nixtrust",
            "# \udce9\nsubstituters = https://a https://«:{other}@»mine.cachix.org # b\n"
            "«# cachix authtoken {token}\r\n»# that was all\r\n",
        ),
        ("profile", "/etc/profile.d/cachix.sh", "«export CACHIX_AUTH_TOKEN={token}\n»:\n"),
        ("bash", "/etc/bash.bashrc", f"{_INTERACTIVE}«export CACHIX_AUTH_TOKEN={{token}}\n»X=1\n"),
        ("zsh", "/etc/zsh/zprofile", "X=1\n«export CACHIX_AUTH_TOKEN={token}\n»"),
        ("fish", "/etc/fish/conf.d/cachix.fish", "«set -x CACHIX_AUTH_TOKEN {token}\n»set X 1\n"),
        ("csh", "/etc/csh/cachix", "§setenv CACHIX_AUTH_TOKEN {token}\nset X=1\n"),
        ("environment", "/etc/environment", 'LANG="C.UTF-8"\n«CACHIX_AUTH_TOKEN="{token}"\n»A=b\n'),
        (
            "pam-environment",
            "/etc/security/pam_env.conf",
            "# x\n§CACHIX_AUTH_TOKEN DEFAULT={token}\n",
        ),
        (
            "systemd-unit",
            "/etc/systemd/system/builder.service.d/cachix.conf",
            "[Service]\n«Environment=CACHIX_SIGNING_KEY={key}\n»Environment=A=b\n",
        ),
        ("environment-file", "/etc/builder.env", "A=b\n«CACHIX_AUTH_TOKEN={token}\n»# \udcfe\n"),
    ):
        yield plant(place, path, text, mode=0o644)
    text = "cores = 1 # §{token} is Cachix's\n§# cachix authtoken {token}\n"
    yield plant("nix-conf", "/etc/xdg/nix/nix.conf~", text)
    unit = """\
[Unit]
Description=Cachix
[Service]
«Environment=CACHIX_AGENT_TOKEN={token}
»EnvironmentFile=-/etc/builder.env
LoadCredential=cachix-token:/etc/watch.secret
ExecStart=/bin/true
"""
    yield plant("systemd-unit", "/etc/systemd/system/builder.service", unit, mode=0o644)
    yield plant("loaded-credential", "/etc/watch.secret", "§{token}\n")
    yield plant("secret-key", "/etc/nix/mine.sec", "§mine.cachix.org-1:{key}")
    path = f"{HOMES['mia']}/.config/fish/functions/x.fish"
    text = "§set -gx CACHIX_AUTH_TOKEN {token}\n"
    yield plant("fish", path, text, "mia", why=Hindrance.FOLDER)
    path, why = "/Library/LaunchDaemons/org.example.plist", Hindrance.SEVERAL_LINES
    yield plant("launchd", path, _PLIST, mode=0o644, why=why)


def plants() -> tuple[Plant, ...]:
    """All of them, with secrets made up anew."""
    return (
        *(each for person in HOMES for each in _of_home(person)),
        *_of_baleen(),
        *_of_jito(),
        *_of_mia(),
        *_of_root(),
        *_of_system(),
    )
