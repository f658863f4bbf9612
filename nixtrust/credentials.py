"""Where a Cachix credential can lie: the catalogue.

One entry for each kind of place. The probe's search, the removal, the findings and
docs/credentials.md are made from it. What the patterns mean:

    ~                   the home of each person and of root
    $XDG_CONFIG_HOME    and the like: what it is unless set, and what a start-up file sets it to
    $NIX_CONF_DIR       the folder of the daemon's nix.conf
    <search-path>       each of `cachix_search_paths` below a home, and the folders right in it
    <netrc-file>        and the like: what such a setting, in nix.conf or a unit, leads to
    <include>           what a nix.conf includes
    <beside>            each folder of a file that something may be taken out of
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a credential is. `UNCLEAR`: one of them, and the place does not tell which."""

    AUTH_TOKEN = "auth-token"
    SIGNING_KEY = "signing-key"
    AGENT_TOKEN = "agent-token"
    ACTIVATE_TOKEN = "activate-token"
    UNCLEAR = "unclear"

    def called(self, cache: str) -> str:
        """It in words: `a signing key of the cache NAME`."""
        return f"{_CALLED[self]}{f' of the cache {cache}' if cache else ''}"

    def to_revoke(self, cache: str) -> str:
        """What makes it worthless, and the page to do it on."""
        return _TO_REVOKE[self].format(settings=f"https://app.cachix.org/cache/{cache}".rstrip("/"))


_CALLED = {
    Kind.AUTH_TOKEN: "an auth token",
    Kind.SIGNING_KEY: "a signing key",
    Kind.AGENT_TOKEN: "an agent token",
    Kind.ACTIVATE_TOKEN: "a deploy token",
    Kind.UNCLEAR: "a Cachix credential",
}

# https://docs.cachix.org/getting-started, /deploy/running-an-agent; of signing keys
# https://blog.cachix.org/posts/2020-11-09-write-access-control-for-binary-caches.
_PERSONAL = "https://app.cachix.org/personal-auth-tokens"
_TO_REVOKE = {
    Kind.AUTH_TOKEN: f"revoke it: {_PERSONAL} (a person's) or {{settings}} (a cache's, Settings)",
    Kind.SIGNING_KEY: "replace the cache's key pair, which nobody can revoke: {settings}"
    " (Settings), and declare the new public key",
    Kind.AGENT_TOKEN: "revoke it: https://app.cachix.org/deploy/ (the agent's workspace)",
    Kind.ACTIVATE_TOKEN: "revoke it: https://app.cachix.org/deploy/ (the workspace)",
    Kind.UNCLEAR: f"revoke what it gives access with: {_PERSONAL} or {{settings}} (Settings)",
}

# cachix/cachix src/Cachix/Client/Config.hs, Command/Push.hs; Deploy/Agent.hs, ActivateCommand.hs.
VARIABLES: Mapping[str, Kind] = MappingProxyType(
    {
        "CACHIX_AUTH_TOKEN": Kind.AUTH_TOKEN,
        "CACHIX_SIGNING_KEY": Kind.SIGNING_KEY,
        "CACHIX_AGENT_TOKEN": Kind.AGENT_TOKEN,
        "CACHIX_ACTIVATE_TOKEN": Kind.ACTIVATE_TOKEN,
    }
)
HOST = "cachix.org"


class Syntax(StrEnum):
    """How a file is read: each has a recogniser of its own, shell/recognise/NAME.awk."""

    DHALL = "dhall"
    NETRC = "netrc"
    TOKEN = "token"
    SH = "sh"
    FISH = "fish"
    FISH_VARIABLES = "fish-variables"
    PLAIN = "plain"
    ASSIGNMENTS = "assignments"
    UNIT = "unit"
    PLIST = "plist"
    HISTORY = "history"
    CONF = "conf"
    EDITOR = "editor"
    LEFTOVER = "leftover"


class Removal(StrEnum):
    """What nixtrust takes away: the file, entries of it, whole lines of it, or nothing itself.

    `PARTS`: of a copy that is nixtrust's own each credential, in a comment too, and nothing else.
    """

    FILE = "file"
    FILE_OR_LINES = "file-or-lines"
    ENTRIES = "entries"
    LINES = "lines"
    PARTS = "parts"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of place: what it is, who writes it, where it lies, how it is dealt with.

    `program` is the shell that must accept what remains; `bare` what a secret is that stands there
    without a name; `leads_on` that it may say where other files lie.
    """

    id: str
    what: str
    writer: str
    patterns: tuple[str, ...]
    syntax: Syntax
    removal: Removal
    program: str = ""
    bare: Kind = Kind.UNCLEAR
    leads_on: bool = False


# A file belongs to the first place whose pattern it has, and besides to each that a setting may
# lead to, as `<netrc-file>` does: it is cut as the first. One that ends in * has copies as well:
# NAME~, NAME.bak, NAME.old, NAME.save.
PLACES: tuple[Place, ...] = (
    # Ahead of those whose files it is beside, as `~/.bashrc*` has its swap file too.
    Place(
        "editor",
        "what editors keep of a file beside it, and of what was deleted",
        "vim, Neovim, Emacs",
        (
            "~/.viminfo*",
            "~/.vim/viminfo*",
            *(f"$XDG_{kind}_HOME/vim/viminfo*" for kind in ("STATE", "DATA", "CACHE")),
            *(f"$XDG_{kind}_HOME/nvim/shada/*" for kind in ("STATE", "DATA")),
            "~/.vim/swap*/*",
            *(f"$XDG_{kind}_HOME/nvim/swap/*" for kind in ("STATE", "DATA")),
            # The names are paths, with % for /: of files that are hidden, or in a folder that is.
            "~/.vim/undo*/*%.*",
            *(f"$XDG_{kind}_HOME/nvim/undo/*%.*" for kind in ("STATE", "DATA")),
            *(
                f"{folder}/{name}"
                for folder in (
                    "<beside>",
                    "$XDG_CONFIG_HOME/cachix",
                    "/etc/cachix",
                    "$XDG_CONFIG_HOME/nushell",
                )
                for name in (".*.sw*", "#*#")
            ),
        ),
        Syntax.EDITOR,
        Removal.NOTHING,
    ),
    Place(
        "cachix-dhall",
        "Cachix's own configuration",
        "`cachix authtoken`, `cachix generate-keypair`",
        ("$XDG_CONFIG_HOME/cachix/cachix.dhall", "/etc/cachix/*.dhall"),
        Syntax.DHALL,
        Removal.FILE,
    ),
    Place(
        "cachix-dhall-copy",
        "a copy of Cachix's configuration",
        "people, editors",
        ("$XDG_CONFIG_HOME/cachix/*dhall*", "/etc/cachix/*dhall*"),
        Syntax.DHALL,
        Removal.NOTHING,
    ),
    Place(
        "agent-token",
        "the token of a Cachix Deploy agent",
        "people, as the module of NixOS or nix-darwin wants it",
        (
            "/etc/cachix-agent*.token*",
            "/etc/cachix/*.token*",
            "$XDG_CONFIG_HOME/cachix-agent*.token*",
            "~/.cachix-agent*.token*",
        ),
        Syntax.TOKEN,
        Removal.FILE_OR_LINES,
        bare=Kind.AGENT_TOKEN,
    ),
    Place(
        "cachix-folder",
        "any other file in Cachix's folder",
        "people",
        (
            "$XDG_CONFIG_HOME/cachix/*",
            "$XDG_CONFIG_HOME/cachix/.*",
            "$XDG_CONFIG_HOME/cachix/*/*",
            "/etc/cachix/*",
            "/etc/cachix/*/*",
        ),
        Syntax.TOKEN,
        Removal.NOTHING,
    ),
    Place(
        "netrc",
        "passwords for downloads, read by Nix",
        "`cachix use` of a private cache",
        (
            "$NIX_CONF_DIR/netrc*",
            "/etc/nix/netrc*",
            "$XDG_CONFIG_HOME/nix/netrc*",
            "~/.netrc*",
            "<netrc-file>",
            "<additionalNetrcSources>",
        ),
        Syntax.NETRC,
        Removal.ENTRIES,
    ),
    Place(
        "nix-conf-original",
        "the nix.conf that nixtrust has found, and keeps for the way back",
        "nixtrust",
        tuple(
            f"{path}.before-nixtrust"
            for path in (
                "$NIX_CONF_DIR/nix.conf",
                "$NIX_CONF_DIR/nix.custom.conf",
                "$XDG_CONFIG_HOME/nix/nix.conf",
            )
        ),
        Syntax.CONF,
        Removal.PARTS,
    ),
    Place(
        "nix-conf-before-restart",
        "the nix.conf that the daemon last answered with, kept until it has restarted",
        "nixtrust",
        tuple(f"$NIX_CONF_DIR/.nixtrust-{kept}.*" for kept in ("good", "old", "new")),
        Syntax.CONF,
        Removal.NOTHING,
    ),
    Place(
        "nix-conf",
        "settings of Nix, and copies of them",
        "people, and nixtrust, which sets an original aside",
        (
            *(f"$NIX_CONF_DIR/{name}*" for name in ("nix.conf", "nix.custom.conf")),
            *(f"{folder}/nix/nix.conf*" for folder in ("/etc/xdg", "$XDG_CONFIG_HOME")),
            "<include>",
        ),
        Syntax.CONF,
        Removal.NOTHING,
    ),
    Place(
        "secret-key",
        "a key that Nix signs with",
        "`nix key generate-secret`, and `secret-key-files` in nix.conf",
        ("<secret-key-files>",),
        Syntax.TOKEN,
        Removal.NOTHING,
        bare=Kind.SIGNING_KEY,
    ),
    Place(
        "profile",
        "start-up files of sh",
        "people",
        (
            *(f"~/.{name}*" for name in ("profile", "xprofile", "xsessionrc", "kshrc", "mkshrc")),
            "/etc/profile*",
            "/etc/profile.d/*.sh*",
        ),
        Syntax.SH,
        Removal.LINES,
        program="sh",
        leads_on=True,
    ),
    Place(
        "bash",
        "start-up files of bash",
        "people",
        (
            "~/.bashrc*",
            *(f"~/.bash_{name}*" for name in ("profile", "login", "logout", "aliases")),
            "~/.bashrc.d/*",
            # What dotfiles of many people source.
            *(f"~/.{name}*" for name in ("exports", "extra", "aliases", "functions", "localrc")),
            *(f"~/.{name}*" for name in ("secrets", "private", "tokens")),
            *(f"/etc/{name}*" for name in ("bash.bashrc", "bashrc")),
        ),
        Syntax.SH,
        Removal.LINES,
        program="bash",
        leads_on=True,
    ),
    Place(
        "zsh",
        "start-up files of zsh",
        "people",
        (
            *(f"$ZDOTDIR/{name}" for name in (".zshrc*", ".zshenv*", ".zprofile*")),
            *(f"$ZDOTDIR/{name}" for name in (".zlogin*", ".zlogout*", ".zshrc.d/*")),
            "$ZDOTDIR/*.zsh*",
            "~/.oh-my-zsh/custom/*.zsh*",
            *(f"/etc/zsh/{name}" for name in ("zshrc*", "zshenv*", "zprofile*", "zlog*")),
            *(f"/etc/{name}" for name in ("zshrc*", "zshenv*", "zprofile*", "zlog*")),
            "/etc/profile.d/*.zsh*",
        ),
        Syntax.SH,
        Removal.LINES,
        program="zsh",
        leads_on=True,
    ),
    Place(
        "fish",
        "start-up files and functions of fish",
        "people",
        (
            "$XDG_CONFIG_HOME/fish/config.fish*",
            "$XDG_CONFIG_HOME/fish/conf.d/*.fish*",
            "$XDG_CONFIG_HOME/fish/functions/*.fish*",
            "/etc/fish/config.fish*",
            "/etc/fish/conf.d/*.fish*",
        ),
        Syntax.FISH,
        Removal.LINES,
        program="fish",
        leads_on=True,
    ),
    Place(
        "fish-variables",
        "fish's universal variables",
        "fish, on `set -U`",
        ("$XDG_CONFIG_HOME/fish/fish_variables*", "$XDG_CONFIG_HOME/fish/fishd.*"),
        Syntax.FISH_VARIABLES,
        Removal.LINES,
    ),
    Place(
        "csh",
        "start-up files of csh and tcsh",
        "people",
        (
            "~/.cshrc*",
            "~/.tcshrc*",
            "~/.login*",
            "/etc/csh.cshrc*",
            "/etc/csh.login*",
            "/etc/csh/*",
            "/etc/profile.d/*.csh*",
        ),
        Syntax.PLAIN,
        Removal.NOTHING,
        leads_on=True,
    ),
    Place(
        "nushell",
        "start-up files of nushell",
        "people",
        (
            "$XDG_CONFIG_HOME/nushell/*.nu*",
            "$XDG_CONFIG_HOME/nushell/autoload/*.nu*",
            "~/Library/Application Support/nushell/*.nu*",
        ),
        Syntax.PLAIN,
        Removal.NOTHING,
        leads_on=True,
    ),
    Place(
        "environment.d",
        "the environment of systemd's user services",
        "people",
        ("$XDG_CONFIG_HOME/environment.d/*.conf*", "/etc/environment.d/*.conf*"),
        Syntax.ASSIGNMENTS,
        Removal.LINES,
        leads_on=True,
    ),
    Place(
        "environment",
        "the environment of all logins",
        "people",
        ("/etc/environment*",),
        Syntax.ASSIGNMENTS,
        Removal.LINES,
        leads_on=True,
    ),
    Place(
        "pam-environment",
        "the environment that PAM sets",
        "people",
        ("~/.pam_environment*", "/etc/security/pam_env.conf*"),
        Syntax.PLAIN,
        Removal.NOTHING,
        leads_on=True,
    ),
    Place(
        "envrc",
        "what direnv loads in a folder",
        "people",
        (
            "~/.envrc*",
            "~/.direnvrc*",
            "$XDG_CONFIG_HOME/direnv/direnvrc*",
            "$XDG_CONFIG_HOME/direnv/lib/*.sh*",
            "<search-path>/.envrc*",
        ),
        Syntax.SH,
        Removal.LINES,
        program="bash",
        leads_on=True,
    ),
    Place(
        "dotenv",
        "environments of projects",
        "people",
        # That of a runner of GitHub's too: https://docs.github.com/actions/hosting-your-own-runners.
        ("~/.env*", "~/actions-runner*/.env*", "<search-path>/.env*"),
        Syntax.ASSIGNMENTS,
        Removal.LINES,
    ),
    Place(
        "devenv",
        "what devenv sets for one person",
        "people",
        ("~/devenv.local.nix*", "<search-path>/devenv.local.nix*"),
        Syntax.ASSIGNMENTS,
        Removal.NOTHING,
    ),
    Place(
        "systemd-unit",
        "units of systemd and what is dropped in",
        "people",
        (
            "/etc/systemd/*.conf*",
            "/etc/systemd/*.conf.d/*.conf*",
            "/etc/systemd/system/*.service*",
            "/etc/systemd/system/*.d/*.conf*",
            "/etc/systemd/user/*.service*",
            "/etc/systemd/user/*.d/*.conf*",
            "/usr/local/lib/systemd/system/*.service*",
            "/usr/lib/systemd/system/*cachix*.service*",
            "$XDG_CONFIG_HOME/systemd/*.conf*",
            "$XDG_CONFIG_HOME/systemd/*.conf.d/*.conf*",
            "$XDG_CONFIG_HOME/systemd/user/*.service*",
            "$XDG_CONFIG_HOME/systemd/user/*.d/*.conf*",
            "$XDG_DATA_HOME/systemd/user/*.service*",
        ),
        Syntax.UNIT,
        Removal.LINES,
    ),
    Place(
        "environment-file",
        "an environment that a unit of systemd reads",
        "people",
        ("<EnvironmentFile>", "/etc/default/*cachix*", "/etc/sysconfig/*cachix*"),
        Syntax.ASSIGNMENTS,
        Removal.LINES,
    ),
    Place(
        "loaded-credential",
        "a credential that a service about Cachix loads",
        "people, as the modules of NixOS want it",
        ("<LoadCredential>", "<ProgramArguments>"),
        Syntax.TOKEN,
        Removal.NOTHING,
    ),
    Place(
        "launchd",
        "agents and daemons of launchd",
        "people",
        (
            "~/Library/LaunchAgents/*.plist*",
            "/Library/LaunchAgents/*.plist*",
            "/Library/LaunchDaemons/*.plist*",
        ),
        Syntax.PLIST,
        Removal.NOTHING,
    ),
    Place(
        "history",
        "histories of shells",
        "shells: `cachix authtoken TOKEN` on a command line",
        (
            "~/.bash_history*",
            "~/.history*",
            "~/.sh_history*",
            "~/.mksh_history*",
            "~/.histfile*",
            "~/.zhistory*",
            "~/.zsh_sessions/*",
            "$ZDOTDIR/.zsh_history*",
            "$ZDOTDIR/.zhistory*",
            "$HISTFILE",
            "$XDG_DATA_HOME/fish/*_history*",
            "$XDG_DATA_HOME/zsh/*history*",
            *(f"$XDG_STATE_HOME/{shell}/*history*" for shell in ("bash", "zsh")),
            "$XDG_CACHE_HOME/zsh/*history*",
            "$XDG_DATA_HOME/atuin/*.db*",
            "$XDG_CONFIG_HOME/nushell/history*",
            "$XDG_DATA_HOME/nushell/history*",
            "~/Library/Application Support/nushell/history*",
        ),
        Syntax.HISTORY,
        Removal.NOTHING,
    ),
    Place(
        "leftover",
        "what a removal that was killed has left",
        "nixtrust: what was to stay of a file may hold what is to be taken out by hand",
        ("<beside>/.nixtrust.new.*",),
        Syntax.LEFTOVER,
        Removal.FILE,
    ),
)

PLACE: Mapping[str, Place] = MappingProxyType({place.id: place for place in PLACES})

# Of Determinate's daemon, which writes it anew: https://docs.determinate.systems.
NOT_OURS = ("/nix/var/determinate/netrc",)

# The variables that say where files lie, and where those lie unless it is set.
LOCATIONS: Mapping[str, str] = MappingProxyType(
    {
        "XDG_CONFIG_HOME": ".config",
        "XDG_DATA_HOME": ".local/share",
        "XDG_STATE_HOME": ".local/state",
        "XDG_CACHE_HOME": ".cache",
        "ZDOTDIR": "",
        "HISTFILE": ".bash_history",
    }
)
