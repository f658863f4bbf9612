"""What every machine of the team trusts.

`darwin.py`, `linux.py` and a file named like any other group of `inventory/team.yml` may replace
a key for their machines, and `data` there for one machine; a key is replaced whole, never merged.
All is checked before any machine is contacted.
"""

# Binary caches. `use` is "always" unless it says "on-request": such a cache is not asked by
# itself, but a project's flake may ask for it, without anybody becoming a trusted user.
nix_caches = [
    {
        "url": "https://baleen-nix.cachix.org",
        "public_keys": [
            "baleen-nix.cachix.org-1:awgC7Sut148An/CZ6TZA+wnUtJmJnOvl5NThGio9j5k=",
        ],
    },
    {
        "url": "https://cache.nixos.org/",
        "public_keys": [
            "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",
        ],
    },
]

# A trusted user can become root. With the caches above in the system's own configuration nobody
# needs to be one; who is not listed is not trusted.
nix_trusted_users = ["root"]

# Further settings of nix.conf. With these a cache that is down costs seconds, not the build.
nix_settings = {
    "fallback": True,
    "connect-timeout": 5,
}
