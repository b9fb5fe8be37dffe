"""What the tests of `tickd exec` share: a tickd that takes pings, and a user's home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.executed import Home
from tests.support.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes pings, as tickd does."""
    with receiving() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A user who has run nothing yet."""
    return Home(tmp_path)
