"""A folder of one's own, and in it a file of which something is to be taken out."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shell.removing import LINE


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Others may enter it; into its own folder pytest lets nobody, at each start anew."""
    with tempfile.TemporaryDirectory(prefix="nixtrust-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


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
