"""How pyinfra reaches machines here: only to pinned host keys, and never with a question.

Changes pyinfra 3.10.0 in eight places, so that a machine that cannot be reached fails alone, with
one line that says what to do, and no run waits for an answer that nobody gives.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from paramiko import BadHostKeyException, MissingHostKeyPolicy, PKey, SSHException
from paramiko.client import SSHClient as ParamikoClient
from paramiko.hostkeys import HostKeyEntry
from pyinfra.api.exceptions import ConnectError, PyinfraError
from pyinfra.connectors import ssh, ssh_util, util
from pyinfra.connectors.sshuserclient import client


def never_ask() -> None:
    """Puts the changes in place, for the life of this process."""
    for owner, name, instead in (
        # Of the machine itself and of each hop on the way to it.
        (client, "get_missing_host_key_policy", _pinned_only),
        (client.SSHClient, "connect", _naming_a_changed_key(client.SSHClient.connect)),
        (ssh, "raise_connect_error", _raise_with_advice),
        (ssh, "get_private_key", _private_key),
        (ssh_util, "getpass", _no_passphrase),
        # An empty password makes sudo itself refuse: that machine fails, in under a second.
        (util, "getpass", _no_password),
        # What runs here has no terminal: who becomes a member there could type into it (TIOCSTI).
        (util, "Popen", partial(util.Popen, start_new_session=True)),
        (util, "read_buffer", _reading_any_bytes(util.read_buffer)),
    ):
        setattr(owner, name, instead)
    # What paramiko says is told once more, and better, by pyinfra.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)


def host_key_problems(file: Path, shown: str) -> Iterator[str]:
    """What is wrong with a file of pinned host keys.

    paramiko skips a line that it cannot read, with all that follow it or without a word.

    + shown: what to call the file.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        yield f"{shown}: there is no such file; it holds the machines' SSH host keys"
        return
    except (OSError, UnicodeDecodeError) as error:
        yield f"{shown}: cannot be read: {error}"
        return
    for number, line in enumerate(map(str.strip, lines), 1):
        if line and not line.startswith("#") and not _is_host_key(line):
            yield f"{shown}:{number}: is no host key; ssh-keyscan prints HOST TYPE BASE64"


def _is_host_key(line: str) -> bool:
    try:
        return HostKeyEntry.from_line(line) is not None
    except Exception:  # whatever a key's bytes make the parsers of paramiko and cryptography raise
        return False


class _PinnedOnly(MissingHostKeyPolicy):
    def missing_host_key(self, client: ParamikoClient, hostname: str, key: PKey) -> NoReturn:
        raise _HostKeyRefused(
            f"no host key of {hostname} is pinned; it shows {key.fingerprint}: compare that with "
            f"`ssh-keygen -lf /etc/ssh/ssh_host_{_kind(key)}_key.pub` on the machine, then run: "
            f"ssh-keyscan {_scan_options(hostname, key)} >> {_file_of(client)}"
        )


def _pinned_only(_strict_host_key_checking: object) -> _PinnedOnly:
    return _PinnedOnly()


class _HostKeyRefused(SSHException):
    pass


def _naming_a_changed_key(connect: Callable[..., None]) -> Callable[..., None]:
    """pyinfra's SSHClient.connect; for a changed key it would name the user's own known_hosts."""

    def connect_or_name(self: ParamikoClient, hostname: str, **options: Any) -> None:
        try:
            connect(self, hostname, **options)
        except BadHostKeyException as error:
            port = options.get("port", 22)
            name = error.hostname if port == 22 else f"[{error.hostname}]:{port}"
            raise _HostKeyRefused(
                f"the host key of {name} is NOT the pinned one: it shows {error.key.fingerprint}; "
                f"if the machine was set up anew, take the old one out and pin the new one: "
                f"ssh-keygen -R {name!r} -f {_file_of(self)}"
            ) from None
        except (RuntimeError, ValueError) as error:  # pyinfra bears what comes of networks alone
            raise ConnectError(
                f"{error}; correct what ~/.ssh/config says of {hostname}, or its ssh.host"
            ) from None

    return connect_or_name


def _kind(key: PKey) -> str:
    """As OpenSSH's key files and ssh-keyscan -t call it: ed25519, ecdsa or rsa."""
    return key.get_name().removeprefix("ssh-").partition("-")[0]


def _scan_options(hostname: str, key: PKey) -> str:
    """ssh-keyscan's words for a host that known_hosts files call HOST or [HOST]:PORT."""
    host, _, port = hostname.rpartition("]:")
    at = f"-p {port} {host.removeprefix('[')}" if host else hostname
    return f"-t {_kind(key)} {at}"


def _file_of(client: ParamikoClient) -> str:
    file = getattr(client, "_host_keys_filename", None) or "~/.ssh/known_hosts"
    return os.path.relpath(file) if Path(file).is_relative_to(Path.cwd()) else file


_ELSE = "or run on it: pyinfra inventory/self.py deploy.py"
_ADVICE = {
    "Could not resolve hostname": "set ssh.host of the machine in inventory/team.yml",
    "Could not connect": f"is it on, in reach, and is its sshd (Remote Login) on? {_ELSE}",
    "Authentication error": f"the account needs your key in its ~/.ssh/authorized_keys; {_ELSE}",
}


def _raise_with_advice(_host: object, message: str, error: object) -> NoReturn:
    """pyinfra's raise_connect_error, with what to do.

    + message: what failed, perhaps with details in parentheses.
    + error: the exception, or its text.
    """
    if isinstance(error, _HostKeyRefused):
        raise ConnectError(str(error))
    advice = _ADVICE.get(message.partition(" (")[0], f"run again, {_ELSE}")
    raise ConnectError(f"{message} ({getattr(error, 'strerror', None) or error}); {advice}")


def _private_key(*arguments: Any, **options: Any) -> PKey:
    """pyinfra's own, but a missing or broken key file is the trouble of one machine."""
    try:
        key: PKey = ssh_util.get_private_key(*arguments, **options)
    except ConnectError:
        raise
    # RuntimeError: of Path.expanduser, for the home of nobody.
    except (PyinfraError, OSError, RuntimeError, ValueError) as error:
        raise ConnectError(f"{error}; set ssh.key of the machine in inventory/team.yml") from None
    return key


def _no_passphrase(prompt: str) -> NoReturn:
    file = prompt.rpartition("key: ")[2].rstrip(": ")
    raise ConnectError(
        f"the SSH key {file} has a passphrase; run: ssh-add {file}, "
        "and take ssh.key of the machine out of inventory/team.yml, so that the agent is asked"
    )


def _no_password(_prompt: str) -> str:
    return ""


def _reading_any_bytes(read: Callable[..., None]) -> Callable[..., None]:
    """pyinfra's read_buffer; a byte that is not UTF-8 would end it, and lose all that follows."""

    def read_any_bytes(
        name: str, source: Iterable[str | bytes], *rest: Any, **options: Any
    ) -> None:
        read(name, _lines(source), *rest, **options)

    return read_any_bytes


def _lines(source: Iterable[str | bytes]) -> Iterator[str]:
    lines = iter(source)
    while True:
        try:
            line = next(lines)
        except StopIteration:
            return
        except UnicodeDecodeError as error:  # paramiko's file goes on behind that line
            line = error.object
        yield line if isinstance(line, str) else line.decode("utf-8", "backslashreplace")
