"""A small SSH server on a loopback port, for what needs no machine of its own.

Lets one client key in and runs what it is told to, with sh, as this user. Prints its port and its
host key, and ends when its standard input does.
"""

import os
import socket
import subprocess
import sys
import threading

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED


class Door(paramiko.ServerInterface):
    def __init__(self, client_key: str) -> None:
        self.client_key = client_key

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = key.get_base64() == self.client_key
        return AUTH_SUCCESSFUL if known else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=run, args=(channel, command), daemon=True).start()
        return True


def run(channel: paramiko.Channel, command: bytes) -> None:
    given = b"".join(iter(lambda: channel.recv(65536), b""))
    done = subprocess.run(["sh", "-c", command], input=given, capture_output=True)
    channel.sendall(done.stdout)
    channel.sendall_stderr(done.stderr)
    channel.send_exit_status(done.returncode)
    channel.close()


def serve(listener: socket.socket, host_key: paramiko.PKey, client_key: str) -> None:
    while True:
        transport = paramiko.Transport(listener.accept()[0])
        transport.add_server_key(host_key)
        transport.start_server(event=threading.Event(), server=Door(client_key))


def main() -> None:
    host_key = paramiko.ECDSAKey.generate()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], host_key.get_name(), host_key.get_base64(), flush=True)
    server = threading.Thread(target=serve, args=(listener, host_key, sys.argv[1]), daemon=True)
    server.start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
