"""The lab's binary caches: real ones, signed, served by nginx on loopback addresses.

A lab has four. `team` and `second` are for every machine to use (`second` plays the part of
cache.nixos.org), `on_request` for who asks for it, and `foreign` is signed with a key that nobody
declares.
"""

import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lab import images, processes
from lab.host import STATE, LabError, exclusive, prepare

# Each lab's caches have a network of their own, so that one lab can stop its cache unnoticed.
LABS = {
    "demo": "127.77.254",
    "tests": "127.77.253",
    "bench": "127.77.252",
    "secrets": "127.77.240",
    "owners": "127.77.251",
    "trouble": "127.77.250",
    "transaction": "127.77.249",
    "cache": "127.77.241",
    "layers": "127.77.242",
    "credentials": "127.77.243",
    "look-alikes": "127.77.244",
    "traffic": "127.77.245",
    "shapes": "127.77.246",
    "leftovers": "127.77.247",
    "kills": "127.77.248",
    "credential-fuzz": "127.77.239",
    "credential-kills": "127.77.238",
    "credential-ways": "127.77.237",
    "darwin-stand-in": "127.77.236",
    "probe": "127.77.235",
    "tour": "127.77.234",
    "interrupted": "127.77.233",
    "cuts": "127.77.232",
    "undo": "127.77.231",
    "rollback": "127.77.230",
    "restart": "127.77.229",
    "portability": "127.77.228",
    "void-trust": "127.77.227",
    "hostile-member": "127.77.226",
    "writers": "127.77.225",
}
_CACHES = STATE / "caches"
_PORT = 8080
_BUILDER_SUITE = "trixie"
_START_SECONDS = 60.0

_NGINX = """\
user nobody nogroup;
worker_processes 1;
daemon off;
pid nginx.pid;
error_log error.log;
events {{ }}
http {{
    access_log requests.log;
    client_body_temp_path scratch;
    proxy_temp_path scratch;
    fastcgi_temp_path scratch;
    scgi_temp_path scratch;
    uwsgi_temp_path scratch;
    server {{
        listen {address}:{port};
        root files;
    }}
}}
"""

# A chroot with real Nix in it that is gone with its namespace: a base image under a disk of memory,
# and the caches at /caches. $1 image, $2 an empty folder, $3 the caches, $4 the script.
_BUILDER = """
mount -t tmpfs nixtrust-lab "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay nixtrust-lab -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mkdir "$2/root/caches"
mount --bind "$3" "$2/root/caches"
mount -t proc proc "$2/root/proc"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$2/root/dev/pts"
exec env --ignore-environment HOME=/root PATH=/usr/sbin:/usr/bin:/bin chroot "$2/root" sh -euc "$4"
"""
_NIX = "nix --extra-experimental-features nix-command"


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache; what others think of it is theirs to declare."""

    lab: str
    role: str
    address: str
    priority: int

    @property
    def url(self) -> str:
        return f"http://{self.address}:{_PORT}"

    @property
    def key_name(self) -> str:
        return f"{self.role}-cache.lab-1"

    @property
    def public_key(self) -> str:
        """`name:base64`, as nix.conf wants it."""
        return (self.folder / "public-key").read_text().strip()

    @property
    def folder(self) -> Path:
        return _CACHES / self.lab / self.role

    def start(self) -> None:
        """Serve; nothing happens if it does already. Raises LabError if it does not come up."""
        if processes.runs(self._process):
            return
        (self.folder / "nginx.conf").write_text(_NGINX.format(address=self.address, port=_PORT))
        log = self.folder / "error.log"
        command = ["nginx", "-p", f"{self.folder}/", "-c", "nginx.conf", "-e", "error.log"]
        processes.start(self._process, command, {}, log)
        patience = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > patience or not processes.runs(self._process):
                raise LabError(f"the cache at {self.url} does not answer; see {log}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Serve no more; what it has stays."""
        processes.end(self._process)

    def is_running(self) -> bool:
        return processes.runs(self._process)

    def publish(self, nix: str) -> str:
        """Build the derivation that the Nix expression `nix` is, sign it, and have it here.

        The same expression gives the same store path wherever it is built. Returns the path;
        raises LabError with Nix's last words.
        """
        here = f"/caches/{self.role}"
        return _in_builder(
            f"""
            cat >/tmp/it.nix
            out=$(nix-build --no-out-link --option sandbox false --option substitute false \
                --option build-users-group '' /tmp/it.nix)
            {_NIX} copy --to 'file://{here}/files?secret-key={here}/secret-key' "$out"
            echo "$out"
            """,
            self.lab,
            nix,
        ).splitlines()[-1]

    def requests(self) -> list[str]:
        """What was asked of it, one line each, as nginx logs it."""
        log = self.folder / "requests.log"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def _process(self) -> str:
        return f"cache.{self.lab}.{self.role}"

    def _answers(self) -> bool:
        try:
            socket.create_connection((self.address, _PORT), timeout=1).close()
        except OSError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Caches:
    """The four caches of a lab."""

    team: Cache
    second: Cache
    on_request: Cache
    foreign: Cache

    @property
    def all(self) -> tuple[Cache, ...]:
        return (self.team, self.second, self.on_request, self.foreign)

    def start(self) -> None:
        """Serve all of them, with an nginx that is installed if there is none."""
        prepare()
        for cache in self.all:
            cache.start()


def caches(lab: str) -> Caches:
    """The caches of `lab`, with their keys; whether they are served is another matter.

    Raises LabError for a lab that has none.
    """
    if lab not in LABS:
        raise LabError(f"no caches for a lab {lab!r}, only for {', '.join(LABS)}")
    its = _of(lab)
    with exclusive("caches"):
        if not all((cache.folder / "public-key").exists() for cache in its.all):
            _make(its, lab)
    return its


def served(lab: str) -> list[Cache]:
    """Those caches of `lab` that are served just now."""
    return [cache for cache in _of(lab).all if cache.is_running()]


def remove(lab: str) -> None:
    """Stop the caches of `lab` and remove all they had; no harm if there are none."""
    for cache in _of(lab).all:
        cache.stop()
    shutil.rmtree(_CACHES / lab, ignore_errors=True)


def _of(lab: str) -> Caches:
    network = LABS[lab]
    return Caches(
        team=Cache(lab, "team", f"{network}.1", priority=30),
        second=Cache(lab, "second", f"{network}.2", priority=40),
        on_request=Cache(lab, "on-request", f"{network}.3", priority=50),
        foreign=Cache(lab, "foreign", f"{network}.4", priority=20),
    )


def _make(its: Caches, lab: str) -> None:
    images.build(frozenset({_BUILDER_SUITE}))
    shutil.rmtree(_CACHES / lab, ignore_errors=True)
    for cache in its.all:
        (cache.folder / "files").mkdir(parents=True)
        (cache.folder / "files/nix-cache-info").write_text(
            f"StoreDir: /nix/store\nWantMassQuery: 1\nPriority: {cache.priority}\n"
        )
    keys = "".join(
        f"""
        {_NIX} key generate-secret --key-name {cache.key_name} >/caches/{cache.role}/secret-key
        {_NIX} key convert-secret-to-public </caches/{cache.role}/secret-key >/tmp/public-key
        mv /tmp/public-key /caches/{cache.role}/public-key
        """
        for cache in its.all
    )
    _in_builder(f"umask 077{keys}", lab)


def _in_builder(script: str, lab: str, given: str = "") -> str:
    """What the script prints, run with Nix where the caches of `lab` are at /caches."""
    with tempfile.TemporaryDirectory(dir=STATE, prefix="builder-") as scratch:
        image, shelf = str(images.image(_BUILDER_SUITE)), str(_CACHES / lab)
        answer = subprocess.run(
            ["unshare", "--mount", "sh", "-euc", _BUILDER, "sh", image, scratch, shelf, script],
            input=given,
            capture_output=True,
            text=True,
        )
    if answer.returncode != 0:
        words = answer.stderr.strip().splitlines() or ["no reason given"]
        raise LabError(f"the lab's builder: {words[-1]}")
    return answer.stdout
