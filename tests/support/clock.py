"""A clock that a test moves by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import Any


class FakeClock:
    """Both sides stand still until `advance`; sleepers wake in the order of their time."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def step(self, milliseconds: int) -> None:
        """Move the wall side alone, as an administrator or NTP would."""
        self._now += milliseconds

    def set(self, now: int) -> None:
        """Put the wall side to `now`; the monotonic side stays."""
        self._now = now

    async def advance(self, seconds: float) -> None:
        """Move both sides and wake everything that slept until then."""
        self._now += round(seconds * 1000)
        self._monotonic += seconds
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            _, _, sleeper = heapq.heappop(self._sleepers)
            if not sleeper.done():
                sleeper.set_result(None)
        await asyncio.sleep(0)

    @property
    def sleeping(self) -> int:
        """How many callers sleep now."""
        return sum(not sleeper.done() for _, _, sleeper in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._sleeper(seconds)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        if seconds is not None and seconds <= 0:
            await asyncio.sleep(0)
            return event.is_set()
        racers: list[asyncio.Future[Any]] = [asyncio.ensure_future(event.wait())]
        if seconds is not None:
            # Counted from now: a task would begin a turn later, when the test may have moved the clock.
            racers.append(self._sleeper(seconds))
        try:
            done, _ = await asyncio.wait(racers, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for racer in racers:
                racer.cancel()
            await asyncio.gather(*racers, return_exceptions=True)
        return racers[0] in done

    def _sleeper(self, seconds: float) -> asyncio.Future[None]:
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), sleeper))
        return sleeper
