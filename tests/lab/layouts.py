"""How the owners of nix.conf lay it out: the genuine files and links, put onto a lab machine."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import lab

INSTALLER_CONFS = Path(__file__).parents[1] / "data" / "installer-confs"

# All that a layout may touch: before the next one it is as the base image has it.
_TOUCHED = (
    "etc/nix",
    "etc/static",
    "etc/NIXOS",
    "etc/systemd/system/nix-daemon.service",
    "etc/systemd/system/nix-daemon.service.d",
    "etc/systemd/system/nix-daemon.socket",
    "home/baleen/.config",
    "home/baleen/.nix-profile",
    "home/baleen/dotfiles",
    "nix/receipt.json",
    "nix/store",
    "nix/var/nix/profiles",
    "usr/bin/nix",
    "usr/local/bin/determinate-nixd",
    "usr/local/share/determinate.conf",
    "var/lib/dpkg/info/nix-setup-systemd.conffiles",
)
# Every path that a layout has in the store begins so.
STORE = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz"


@dataclass(frozen=True, slots=True)
class Layout:
    """Files by path (None: there is none), links, and what is run once they lie there."""

    files: Mapping[str, str | None] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    run: str = ""


def lay(machine: lab.Machine, layout: Layout) -> None:
    """Makes the machine as the layout has it, with a daemon that has read it."""
    for name in _TOUCHED:
        _as_in(machine.image / name, machine.root / name)
    for path, text in layout.files.items():
        file = _place(machine, path)
        file.unlink(missing_ok=True)
        if text is not None:
            file.write_text(text)
    for path, target in layout.links.items():
        link = _place(machine, path)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    done = machine.run(f"set -e\n{layout.run}\n{_RESTART}")
    assert done.returncode == 0, done.stderr


# What is masked by now is none of the machine's any more. Many starts are no fault here.
_RESTART = """
systemctl daemon-reload
if [ "$(systemctl show -p LoadState --value nix-daemon.service)" = loaded ]; then
  systemctl reset-failed nix-daemon.service nix-daemon.socket
  systemctl stop nix-daemon.service nix-daemon.socket
  systemctl start nix-daemon.socket nix-daemon.service
fi
"""


def _as_in(image: Path, there: Path) -> None:
    if image.is_file() and there.is_file() and os.path.samestat(image.stat(), there.stat()):
        return
    if there.is_dir() and not there.is_symlink():
        shutil.rmtree(there)
    else:
        there.unlink(missing_ok=True)
    if image.is_dir() and not image.is_symlink():
        shutil.copytree(image, there, symlinks=True)
        shutil.copystat(image, there)
    elif os.path.lexists(image):
        shutil.copy2(image, there, follow_symlinks=False)


def _place(machine: lab.Machine, path: str) -> Path:
    place = machine.root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def installer_conf(digest: str) -> str:
    """The file an installer wrote, by the beginning of its SHA-256."""
    (file,) = INSTALLER_CONFS.glob(f"{digest}*.conf")
    return file.read_text()


# The layouts --------------------------------------------------------------------------------------

DEBIAN = Layout()

# install-multi-user of NixOS/nix: the unit is a link into the profile, /etc/nix/nix.conf has one
# line, and no package knows of either.
UPSTREAM = Layout(
    files={
        "/etc/nix/nix.conf": installer_conf("ff08c12813680da9"),
        "/var/lib/dpkg/info/nix-setup-systemd.conffiles": "",
        f"{STORE}-nix/lib/systemd/system/nix-daemon.service": """\
[Unit]
Description=Nix Daemon
RequiresMountsFor=/nix/store
ConditionPathIsReadWrite=/nix/var/nix/daemon-socket

[Service]
ExecStart=@/nix/var/nix/profiles/default/bin/nix-daemon nix-daemon --daemon
KillMode=process
LimitNOFILE=1048576

[Install]
WantedBy=multi-user.target
""",
    },
    links={
        f"{STORE}-nix/bin/nix": "/usr/bin/nix",
        f"{STORE}-nix/bin/nix-daemon": "/usr/bin/nix-daemon",
        "/nix/var/nix/profiles/default": f"{STORE}-nix",
        "/etc/systemd/system/nix-daemon.service": (
            "/nix/var/nix/profiles/default/lib/systemd/system/nix-daemon.service"
        ),
    },
)


def newer_installer(nix_conf: str, custom: str | None = None) -> Layout:
    """An installer that keeps people's settings in nix.custom.conf."""
    return Layout({"/etc/nix/nix.conf": nix_conf, "/etc/nix/nix.custom.conf": custom})


FLAKEHUB_KEYS = (
    "cache.flakehub.com-3:hJuILl5sVK4iKm86JzgdXW12Y2Hwd5G07qKtHTOcDCM=",
    "cache.flakehub.com-4:Asi8qIv291s0aYLyH6IOnr5Kf6+OF14WVjkE6t3xMio=",
    "cache.flakehub.com-5:zB96CRlL7tiPtzA9/WKyPkp3A2vqxqgdgyTVNGShPDU=",
)
# As determinate-nixd writes it; older ones have the include above everything.
DETERMINATE_HEAD = """\
# DETERMINATE NIX CONFIG
# do not modify! this file will be replaced!
# user modification can go in nix.custom.conf

"""
DETERMINATE_REST = f"""\
bash-prompt-prefix = (nix:$name)\\040
extra-experimental-features = nix-command flakes
netrc-file = /nix/var/determinate/netrc
extra-substituters = https://install.determinate.systems
extra-trusted-substituters = https://cache.flakehub.com https://install.determinate.systems
extra-trusted-public-keys = {" ".join(FLAKEHUB_KEYS)}
upgrade-nix-store-path-url = https://install.determinate.systems/nix-upgrade/stable/universal
"""
DETERMINATE_CONF = (
    f"{DETERMINATE_HEAD}always-allow-substitutes = true\nmax-jobs = auto\n\n"
    f"!include nix.custom.conf\n\n{DETERMINATE_REST}"
)


# What determinate-nixd does as it starts, with the file that lies beside it.
_DETERMINATE_START = """\
[Service]
ExecStartPost=/bin/cp /usr/local/share/determinate.conf /etc/nix/nix.conf
"""


def determinate(nix_conf: str = DETERMINATE_CONF, custom: str | None = None) -> Layout:
    """Determinate Nix: its program, and a daemon that writes nix.conf anew at each start."""
    return Layout(
        {
            "/usr/local/bin/determinate-nixd": "",
            "/usr/local/share/determinate.conf": nix_conf,
            "/etc/systemd/system/nix-daemon.service.d/determinate.conf": _DETERMINATE_START,
            "/nix/receipt.json": "{}",
            "/etc/nix/nix.conf": nix_conf,
            "/etc/nix/nix.custom.conf": custom,
        }
    )


_BY_MODULE = """\
# WARNING: this file is generated from the nix.* options in
# your {} configuration{}. Do not edit it!
build-users-group = nixbld
substituters = https://cache.nixos.org/
trusted-public-keys = cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=
trusted-users = root baleen
"""


def _linked(name: str, text: str) -> Layout:
    """A file of /etc/nix as NixOS and nix-darwin have it: by way of /etc/static into the store."""
    return Layout(
        {f"{STORE}-{name}": text},
        {
            f"/etc/nix/{name}": f"/etc/static/nix/{name}",
            f"{STORE}-etc/etc/nix/{name}": f"{STORE}-{name}",
            "/etc/static": f"{STORE}-etc/etc",
        },
    )


def _and(first: Layout, second: Layout) -> Layout:
    run = f"{first.run}\n{second.run}"
    return Layout({**first.files, **second.files}, {**first.links, **second.links}, run)


def by_nixos(nix_conf: str) -> Layout:
    """NixOS, whose module wrote this nix.conf."""
    return _and(_linked("nix.conf", nix_conf), Layout({"/etc/NIXOS": ""}))


NIXOS = by_nixos(_BY_MODULE.format("NixOS", ", typically\n# /etc/nixos/configuration.nix"))
NIX_DARWIN = _linked("nix.conf", _BY_MODULE.format("nix-darwin", ""))
DETERMINATE_NIX_DARWIN = _and(
    determinate(),
    _linked(
        "nix.custom.conf",
        "# This custom configuration file for Determinate Nix is generated by the determinate"
        " module for nix-darwin.\n# Update your custom settings by changing your nix-darwin"
        " configuration, not by modifying this file directly.\n\ntrusted-users = root baleen\n",
    ),
)
# What DeterminateSystems/determinate modules/nixos.nix declares of the unit, as NixOS writes it.
_DETERMINATE_NIXD = f"{STORE}-determinate-nixd/bin/determinate-nixd"
_DETERMINATE_NIXOS_UNIT = f"""\
[Service]
Environment="LOCALE_ARCHIVE=/run/current-system/sw/lib/locale/locale-archive"
ExecStart=
ExecStart=@{_DETERMINATE_NIXD} determinate-nixd --nix-bin {STORE}-nix/bin daemon
KillMode=process
LimitNOFILE=1048576
LimitSTACK=64M
TasksMax=1048576
"""


def determinate_nixos(custom: str) -> Layout:
    """NixOS with Determinate's module, which puts this into nix.custom.conf. The daemon that it
    starts is closed: upstream's stands behind its name."""
    daemon = Layout(
        {
            "/etc/nix/nix.conf": DETERMINATE_CONF,
            "/etc/NIXOS": "",
            "/etc/systemd/system/nix-daemon.service.d/overrides.conf": _DETERMINATE_NIXOS_UNIT,
            _DETERMINATE_NIXD: "#!/bin/sh\nexec /usr/bin/nix-daemon --daemon\n",
        },
        {f"{STORE}-nix/bin/{name}": f"/usr/bin/{name}" for name in ("nix", "nix-daemon")},
        f"chmod 755 {_DETERMINATE_NIXD}",
    )
    return _and(daemon, _linked("nix.custom.conf", custom))


DETERMINATE_NIXOS = determinate_nixos(_BY_MODULE.format("NixOS", ""))
DOTFILES = Layout(
    {"/home/baleen/dotfiles/nix.conf": "trusted-users = root baleen\n"},
    {"/etc/nix/nix.conf": "/home/baleen/dotfiles/nix.conf"},
)

# The store is baleen's, there is no daemon, and what was /usr/bin/nix is in the profile.
_SINGLE_USER = Layout(
    links={
        "/home/baleen/.nix-profile": f"{STORE}-profile",
        "/etc/systemd/system/nix-daemon.service": "/dev/null",
        "/etc/systemd/system/nix-daemon.socket": "/dev/null",
    },
    run=f"""
systemctl stop nix-daemon.socket nix-daemon.service
systemctl daemon-reload
rm -f /nix/var/nix/daemon-socket/socket
mkdir -p {STORE}-profile/bin
mv /usr/bin/nix {STORE}-profile/bin/nix
ln -s nix {STORE}-profile/bin/nix-instantiate
mkdir -p /home/baleen/.config
chown -hR baleen: /nix/store /home/baleen
""",
)


def single_user(user_conf: str | None, system_conf: str | None = None) -> Layout:
    """A single-user installation of baleen's."""
    own = {"/home/baleen/.config/nix/nix.conf": user_conf} if user_conf is not None else {}
    return Layout({"/etc/nix/nix.conf": system_conf, **own}, _SINGLE_USER.links, _SINGLE_USER.run)


HOME_MANAGER = Layout(
    {"/etc/nix/nix.conf": None, f"{STORE}-hm-nix.conf": "substituters = https://old.cachix.org\n"},
    {
        **_SINGLE_USER.links,
        "/home/baleen/.config/nix/nix.conf": f"{STORE}-home-manager-files/.config/nix/nix.conf",
        f"{STORE}-home-manager-files/.config/nix/nix.conf": f"{STORE}-hm-nix.conf",
    },
    _SINGLE_USER.run,
)
