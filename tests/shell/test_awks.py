"""Under which awks the recognisers are tried here."""

import pytest

from nixtrust.credentials import Syntax
from tests.shell.recognised import ALL_AWKS, AWKS, recognise


@pytest.mark.parametrize("awk", ALL_AWKS)
def test_in_a_file_without_anything_nothing_is_found(awk: str) -> None:
    if awk not in AWKS:
        pytest.skip(f"the recognisers under {awk}, which is not here: apt-get install {awk}")
    for syntax in Syntax:
        assert recognise(syntax, b"", awk=awk) == []
