"""Machines reached with OpenSSH's client, at little cost."""

from collections.abc import Mapping

import lab


def quick_options(machine: lab.Machine) -> Mapping[str, str]:
    """The machine's own, and the exchange of keys that pyinfra's client has.

    OpenSSH 9's own (sntrup761x25519-sha512) takes two thirds of what a connection costs.
    """
    return {**machine.ssh_options, "KexAlgorithms": "curve25519-sha256"}
