"""Throwaway machines with real Nix to run nixtrust against. Knows nothing of nixtrust."""

from lab.host import LabError, unavailable
from lab.images import SUITES, build, image
from lab.machines import KNOWN_HOSTS, Machine, MachineSpec, down, present, running, up

__all__ = [
    "KNOWN_HOSTS",
    "SUITES",
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
