"""Throwaway machines with real Nix to run nixtrust against. Knows nothing of nixtrust."""

from lab.host import LabError, unavailable
from lab.images import SUITES, build, image
from lab.machines import KNOWN_HOSTS, Ended, Machine, MachineSpec, down, present, running, up

__all__ = [
    "KNOWN_HOSTS",
    "SUITES",
    "Ended",
    "LabError",
    "Machine",
    "MachineSpec",
    "build",
    "down",
    "image",
    "present",
    "running",
    "unavailable",
    "up",
]
