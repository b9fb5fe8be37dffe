"""News: how often a version is asked for, and what becomes of a question that fails."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, aclosing
from functools import partial

import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import NOON
from tickd.errors import TooMany, Unavailable
from tickd.services.news import ACCOUNT_VIEWERS_MOST, VIEWERS_MOST, News


class Versions:
    """Counts how often it is asked; each answer takes `cost` seconds, and may fail."""

    def __init__(self, clock: FakeClock, cost: float = 0.0) -> None:
        self._clock = clock
        self.cost = cost
        self.asked = 0
        self.fails = False

    async def __call__(self, _account_id: str) -> str:
        self.asked += 1
        await self._clock.advance(self.cost)
        if self.fails:
            raise Unavailable("the disk is full")
        return f"v{self.asked}"


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_answer_that_takes_long_is_asked_for_more_rarely() -> None:
    clock = FakeClock(NOON)
    versions = Versions(clock, cost=0.2)
    async with aclosing(News(versions, clock).follow("acc")) as stories:
        await anext(stories)
        for seconds, asked in ((1, 1), (2.9, 1), (0.2, 2), (3.9, 2), (0.2, 3)):
            await clock.advance(seconds)
            await settle()
            assert versions.asked == asked, seconds


async def test_it_is_asked_once_a_second_at_most_and_not_when_nobody_follows() -> None:
    clock = FakeClock(NOON)
    versions = Versions(clock)
    news = News(versions, clock)
    async with aclosing(news.follow("acc")) as one, aclosing(news.follow("acc")) as other:
        assert (await anext(one)).version == (await anext(other)).version == "v1"
        for _ in range(5):
            await clock.advance(0.5)
            await settle()
        assert versions.asked == 3
    await clock.advance(60)
    await settle()
    assert versions.asked == 3 and news.followed == 0


async def test_a_question_that_fails_is_asked_again() -> None:
    clock = FakeClock(NOON)
    versions = Versions(clock)
    async with aclosing(News(versions, clock).follow("acc")) as stories:
        assert await anext(stories) == ("state", "v1")
        versions.fails = True
        waiting = asyncio.ensure_future(anext(stories))
        await settle()
        await clock.advance(1)
        await settle()
        assert versions.asked == 2 and not waiting.done()
        versions.fails = False
        await clock.advance(1)
        assert await asyncio.wait_for(waiting, 1) == ("state", "v3")


async def test_an_account_has_so_many_seats() -> None:
    clock = FakeClock(NOON)
    news = News(Versions(clock), clock)
    gone: set[int] = set()
    with ExitStack() as stack:
        for number in range(ACCOUNT_VIEWERS_MOST):
            stack.enter_context(news.seat("acc", f"ses_{number}", partial(gone.__contains__, number)))
        with pytest.raises(TooMany), news.seat("acc", "ses", lambda: False):
            pass
        with news.seat("other", "ses_0", lambda: False):
            pass
        gone.add(7)
        with news.seat("acc", "ses", lambda: False), pytest.raises(TooMany):
            stack.enter_context(news.seat("acc", "ses", lambda: False))
    with ExitStack() as stack:
        for _ in range(VIEWERS_MOST):
            stack.enter_context(news.seat("acc", "ses", lambda: False))
        with pytest.raises(TooMany):
            stack.enter_context(news.seat("acc", "ses", lambda: False))
