"""What the browser tests share: one Chromium, guarded visitors, and daemons to visit.

They run by `pytest tests/browser -m browser`, all on one event loop: the browser lives as long as the run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import addresses, chromium
from tests.browser.company import Company
from tests.browser.visitor import COOKIE, Visitor, visiting
from tests.support.browsing import owner
from tests.support.clock import FakeClock
from tests.support.daemon import Harness, running
from tests.support.endpoint import Endpoint, serving
from tests.support.seed import seed_small
from tickd.clock import SystemClock


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, and put it on the loop of the browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The one Chromium of the run."""
    async with chromium.launched() as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def company(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Company]:
    """The seeded daemon of the run: to be looked at, not to be changed."""
    path, now = tmp_path_factory.mktemp("company") / "tickd.db", time.time_ns() // 1_000_000
    seeded = await asyncio.to_thread(seed_small, path, now=now)
    async with running(path, clock=FakeClock(now)) as harness:
        yield Company(harness, seeded)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def known(company: Company) -> dict[str, str]:
    """The ids of what the seeded company has, by name and by noun."""
    return await addresses.identifiers(company)


@pytest_asyncio.fixture(loop_scope="session")
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    """A fresh daemon on the real clock, with floors of one second."""
    clock = cast(FakeClock, SystemClock())  # nobody moves it here
    async with running(tmp_path / "tickd.db", clock=clock, min_interval_secs=1) as harness:
        yield harness


@pytest_asyncio.fixture(loop_scope="session")
async def endpoint() -> AsyncIterator[Endpoint]:
    """A server to be called and checked."""
    async with serving() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(browser: Browser, tickd: Harness) -> AsyncIterator[Visitor]:
    """Somebody who is not signed in, at the fresh daemon."""
    async with visiting(browser, tickd.url) as visitor:
        yield visitor


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, tickd: Harness) -> AsyncIterator[Visitor]:
    """The owner of the fresh daemon, signed in."""
    async with visiting(browser, tickd.url, token=await signed_in(tickd)) as one:
        yield one


async def signed_in(harness: Harness) -> str:
    """Set a daemon up; the token of its owner's session."""
    async with owner(harness) as person:
        return person.cookies[COOKIE]
