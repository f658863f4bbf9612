"""Each setting that the lab's Nix knows has its row in the table, spelled as Nix spells it."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import lab
from nixtrust.conf_settings import spelled
from nixtrust.conf_table import NEWEST_JUDGED, SETTINGS
from nixtrust.nix_version import parse_nix_version
from tests.lab.nix_oracle import known_settings

pytestmark = pytest.mark.lab

# A list of its own kind that takes no `extra-` (NixOS/nix src/libstore/globals.cc); a list, but one
# word in 2.8.
OTHERWISE = {"external-builders", "build-hook"}


@pytest.mark.parametrize("suite", lab.SUITES)
def test_every_setting_that_nix_knows_has_a_row(
    suite: str, base_image: Callable[[str], Path]
) -> None:
    printed, known = known_settings(base_image(suite), limit=60)
    assert len(known) > 80
    version = parse_nix_version(printed)
    # A name of before is a row's other spelling.
    without = sorted(name for name in known if spelled(name)[0] not in SETTINGS)
    if version.number > NEWEST_JUDGED["nix"].number:
        warnings.warn(f"{version} has settings that are not judged yet: {without}", stacklevel=1)
    else:
        assert without == []
    for name, its in known.items():
        setting, _ = spelled(name)
        if setting in SETTINGS:
            assert {spelled(alias)[0] for alias in its.aliases} <= {setting}
            assert SETTINGS[setting].appendable == its.takes_several or name in OTHERWISE, name
