"""Declarations made of the team's own, and what is said about wrong ones."""

import pytest

from nixtrust.policy import Policy, policy_of
from nixtrust.refused import Refused

TEAM_URL = "https://baleen-nix.cachix.org"
TEAM_BODY = "awgC7Sut148An/CZ6TZA+wnUtJmJnOvl5NThGio9j5k="
TEAM_KEY = f"baleen-nix.cachix.org-1:{TEAM_BODY}"
NIXOS_URL = "https://cache.nixos.org/"
NIXOS_KEY = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="
OTHER_BODY = "WkqY2zbtvHLYuLPQNML4Y0pJh4OqYY3X4LRNdvqNm8Y="

TEAM = {"url": TEAM_URL, "public_keys": [TEAM_KEY]}
NIXOS = {"url": NIXOS_URL, "public_keys": [NIXOS_KEY]}


def declared(**data: object) -> Policy:
    return policy_of({"nix_caches": [TEAM, NIXOS], **data})


def problems(**data: object) -> tuple[str, ...]:
    """What is said about the data; the run fails if nothing is."""
    with pytest.raises(Refused) as refused:
        declared(**data)
    return refused.value.problems


def cache_problems(url: str, *keys: str, **more: object) -> tuple[str, ...]:
    return problems(nix_caches=[{"url": url, "public_keys": list(keys), **more}])
