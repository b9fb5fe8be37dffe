"""What every test of pages begins with: a daemon, and its owner, who is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.browsing import Browser, owner
from tests.support.daemon import Harness, running


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path / "tickd.db") as harness:
        yield harness


@pytest.fixture
async def me(tickd: Harness) -> AsyncIterator[Browser]:
    async with owner(tickd) as browser:
        yield browser
