"""The only reader of the time: a wall side for occurrences, a monotonic side for timers."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the daemon knows of time; tests give one that they move by hand."""

    def now(self) -> int:
        """Wall clock: milliseconds since 1970-01-01 UTC. It may step in either direction."""

    def monotonic(self) -> float:
        """Seconds on a clock that never steps; only differences mean anything."""

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` on the monotonic side."""

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Return True as soon as `event` is set, or False after `seconds` (None: wait for ever)."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        return True
