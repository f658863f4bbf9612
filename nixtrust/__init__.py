"""nixtrust: every machine of a team trusts the same Nix binary caches, and nothing else."""
