"""What a machine that builds its nix.conf from modules has to declare, as a Nix module."""

from collections.abc import Mapping

from nixtrust.conf import MANAGED

_HEAD = "{ lib, ... }:\n{\n"


def module_text(option: str, declared: Mapping[str, tuple[str, ...]]) -> str:
    """A Nix module that gives `option` (such as `nix.settings`) the declared values, exactly.

    Lists of several modules are joined, and NixOS adds caches and keys of its own: hence mkForce
    (nixpkgs nixos/modules/config/nix.nix).
    """
    lines = "".join(
        f"    {setting} = lib.mkForce {_value(setting, tokens)};\n"
        for setting, tokens in declared.items()
    )
    return f"{_HEAD}  {option} = {{\n{lines}  }};\n}}\n"


def _value(setting: str, tokens: tuple[str, ...]) -> str:
    if setting in MANAGED or len(tokens) > 1:
        return f"[ {' '.join(map(_string, tokens))} ]"
    word = " ".join(tokens)
    return word if word in ("true", "false") or word.isdecimal() else _string(word)


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'
