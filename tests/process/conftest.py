"""What the process tests share: a database path, a wall clock, a target for jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.target import Target, listening
from tests.support.process import Wall


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Where the daemon's file will be."""
    return tmp_path / "tickd.db"


@pytest.fixture
def wall(tmp_path: Path) -> Wall:
    """A wall clock that the test steps."""
    return Wall(tmp_path / "clock")


@pytest.fixture
def target() -> Iterator[Target]:
    """A server that jobs can call."""
    with listening() as made:
        yield made
