"""Which Nix a machine runs, and what that version does differently.

Each property names one behaviour and the change in the source that brought it.
"""

import re
from dataclasses import dataclass
from typing import Literal

Flavour = Literal["nix", "lix", "determinate"]

_NUMBER = r"(\d+)\.(\d+)(?:\.(\d+))?"
_PRINTED = re.compile(rf"nix \(([^()]*)\) {_NUMBER}(?![\d.])")


@dataclass(frozen=True, slots=True)
class NixVersion:
    """A Nix: who makes it, and its number (Determinate's: the upstream number it prints last)."""

    flavour: Flavour
    number: tuple[int, int, int]

    def __str__(self) -> str:
        name = {"nix": "Nix", "lix": "Lix", "determinate": "Determinate Nix"}[self.flavour]
        return f"{name} {'.'.join(map(str, self.number))}"

    @property
    def includes_come_first(self) -> bool:
        """An included file is applied before every line of the file that includes it.

        NixOS/nix 2.16 to 2.19: src/libutil/config.cc, applyConfig collects the file's own lines
        and applies them at its end, but applies an include where it stands; 1d28d613b1 (2.20)
        made one list of all. Lix branched off 2.18 and flattens from its first release.
        """
        return self.flavour != "lix" and (2, 16, 0) <= self.number < (2, 20, 0)

    @property
    def reads_all_before_applying(self) -> bool:
        """The whole tree is read before any value is looked at (2.20 and later, Lix)."""
        return self.flavour == "lix" or self.number >= (2, 20, 0)

    @property
    def experimental_features_come_first(self) -> bool:
        """`experimental-features` is applied before all other settings of its file (2.16)."""
        return self.flavour == "lix" or self.number >= (2, 16, 0)

    @property
    def hides_flake_settings(self) -> bool:
        """A setting of flakes is ignored while the feature `flakes` is off (2.16).

        Determinate Nix has flakes always on.
        """
        return self.flavour != "determinate" and self.experimental_features_come_first

    @property
    def parses_store_references(self) -> bool:
        """A substituter that is no store reference is refused at load (2.34, 857fd2a3a4)."""
        return self.flavour != "lix" and self.number >= (2, 34, 0)

    @property
    def asks_about_flake_settings(self) -> bool:
        """`accept-flake-config` is `true`, `false` or `ask` , nothing else (Lix 2.91, CL 1541)."""
        return self.flavour == "lix" and self.number >= (2, 91, 0)

    @property
    def knows_home(self) -> bool:
        """An include's `~/` means a home (Lix 2.92; lix/libutil/abstract-config.cc, tildePath)."""
        return self.flavour == "lix" and self.number >= (2, 92, 0)

    @property
    def knows_units(self) -> bool:
        """A number may end in K, M, G or T (2.23, NixOS/nix#10668)."""
        return self.flavour != "lix" and self.number >= (2, 23, 0)

    @property
    def bears_fallback(self) -> bool:
        """`fallback = true` does not crash it when a cache is down (2.9, b8faa83742)."""
        return self.flavour == "lix" or self.number >= (2, 9, 0)

    @property
    def reports_trust(self) -> bool:
        """`nix store info --json` (`ping` before 2.19) has the field `trusted` (2.15)."""
        return self.flavour == "lix" or self.number >= (2, 15, 0)


def parse_nix_version(text: str) -> NixVersion:
    """The version in what `nix --version` printed: `nix (Nix) 2.8.0`, `nix (Lix, like Nix) …`.

    Raises ValueError if the text is not Nix's.
    """
    found = _PRINTED.match(text.strip())
    if found is None:
        raise ValueError(f"not what `nix --version` prints: {text.strip()[:80]!r}")
    maker, major, minor, patch = found.groups()
    flavours: tuple[tuple[str, Flavour], ...] = (
        ("Nix", "nix"),
        ("Lix", "lix"),
        ("Determinate", "determinate"),
    )
    for word, flavour in flavours:
        if maker == word or maker.startswith((f"{word},", f"{word} ")):
            return NixVersion(flavour, (int(major), int(minor), int(patch or 0)))
    raise ValueError(f"a Nix made by nobody known: {text.strip()[:80]!r}")
