"""A file of which something is to be taken out."""

from pathlib import Path

import pytest

from tests.unit.removing import LINE


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "it's a home"
    folder.mkdir()
    return folder


@pytest.fixture
def rc(home: Path) -> Path:
    file = home / ".bashrc"
    file.write_text(f"alias a=b\n{LINE}alias c=d\n")
    return file
