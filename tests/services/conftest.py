"""What the tests of delivery share: a post office on a file of its own, and receivers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.sending import Post, Receiver, posting, receiving
from tests.support.clock import FakeClock
from tests.support.daemon import NOON


@pytest.fixture
def clock() -> FakeClock:
    """Noon."""
    return FakeClock(NOON)


@pytest.fixture
async def post(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Post]:
    """A post office without a channel."""
    async with posting(tmp_path / "t.db", clock) as made:
        yield made


@pytest.fixture
async def hook(clock: FakeClock) -> AsyncIterator[Receiver]:
    """A receiver."""
    async with receiving(clock) as made:
        yield made


@pytest.fixture
async def other(clock: FakeClock) -> AsyncIterator[Receiver]:
    """Another receiver."""
    async with receiving(clock) as made:
        yield made
