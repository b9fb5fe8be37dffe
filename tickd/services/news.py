"""News: whether anything of an account has changed, asked once for all who look at it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple

from tickd import logs
from tickd.clock import Clock
from tickd.errors import Unavailable
from tickd.services.seats import Seats

ASK_SECS = 1.0
"""How often it is asked at most."""
SHARE = 20
"""It is asked so many times more rarely than an answer takes."""
TICK_SECS = 10.0
"""How often whoever watches hears of nothing, so that ages and results are read again."""
VIEWERS_MOST = 20
ACCOUNT_VIEWERS_MOST = 200
"""How many may follow at once with one session, and how many in one account: each holds a connection."""

log = logging.getLogger("tickd.news")


class Story(NamedTuple):
    """`state` where something has changed, `tick` where time has passed; both with the version."""

    event: Literal["state", "tick"]
    version: str


class _Feed:
    """One account's version, and who waits for the next."""

    def __init__(self) -> None:
        self.version: str | None = None
        self.changed = asyncio.Event()
        self.viewers = 0
        self.task: asyncio.Task[None] | None = None

    def publish(self, version: str) -> None:
        """Wake all when the version is another."""
        if version != self.version:
            self.version = version
            self.wake()

    def wake(self) -> None:
        """Wake all who wait."""
        before, self.changed = self.changed, asyncio.Event()
        before.set()


class News:
    """One task an account while anybody follows it."""

    def __init__(self, version: Callable[[str], Awaitable[str]], clock: Clock) -> None:
        self._version = version
        self._clock = clock
        self._feeds: dict[str, _Feed] = {}
        self.seats = Seats(
            account_most=ACCOUNT_VIEWERS_MOST,
            session_most=VIEWERS_MOST,
            sentence="too many pages are open at once",
        )
        self._stopping = asyncio.Event()

    @property
    def followed(self) -> int:
        """How many accounts somebody follows now."""
        return len(self._feeds)

    def seat(
        self, account_id: str, session: str, is_gone: Callable[[], bool]
    ) -> AbstractContextManager[None]:
        """A place among those who follow; TooMany where the session or the account has no more of them."""
        return self.seats.seat(account_id, session, is_gone)

    async def follow(self, account_id: str) -> AsyncGenerator[Story, None]:
        """The version at once and whenever it changes, and a tick when nothing has for ten seconds."""
        feed = self._feeds.get(account_id)
        if feed is None:
            feed = self._feeds[account_id] = _Feed()
            feed.task = asyncio.create_task(self._ask(account_id, feed), name=f"news {account_id}")
        feed.viewers += 1
        try:
            told: str | None = None
            while not self._stopping.is_set():
                changed = feed.changed
                if feed.version is not None and feed.version != told:
                    told = feed.version
                    yield Story("state", told)
                elif told is not None:
                    yield Story("tick", told)
                if changed is feed.changed and not self._stopping.is_set():
                    await self._clock.wait(changed, TICK_SECS)
        finally:
            await self._leave(account_id, feed)

    async def _leave(self, account_id: str, feed: _Feed) -> None:
        feed.viewers -= 1
        if feed.viewers == 0 and feed.task is not None:
            del self._feeds[account_id]
            feed.task.cancel()
            await asyncio.gather(feed.task, return_exceptions=True)

    async def _ask(self, account_id: str, feed: _Feed) -> None:
        while not self._stopping.is_set():
            before = self._clock.monotonic()
            try:
                feed.publish(await self._version(account_id))
            except Unavailable as error:
                log.warning("news not read", extra=logs.fields(account=account_id, error=error.message))
            cost = self._clock.monotonic() - before
            await self._clock.wait(self._stopping, max(ASK_SECS, SHARE * cost))

    def wake(self, account_ids: Iterable[str]) -> None:
        """Tell all who follow these accounts something, now."""
        for account_id in account_ids:
            if account_id in self._feeds:
                self._feeds[account_id].wake()

    def stop(self) -> None:
        """End every feed at once."""
        self._stopping.set()
        for feed in self._feeds.values():
            feed.wake()
