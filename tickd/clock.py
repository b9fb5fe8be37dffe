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


_TIMEX = 256
"""Bytes enough for the kernel's `struct timex`, whose first word says what is to be changed: nothing."""
_TIME_ERROR = 5
"""What `adjtimex` answers while nothing keeps the clock right."""


def is_synchronised() -> bool | None:
    """Whether the kernel says that something (NTP, PTP) keeps the clock right; None where it can't say."""
    # Only here: every `tickd exec` imports this module.
    import ctypes

    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX))
    except (OSError, AttributeError):
        return None
    return None if answer < 0 else bool(answer != _TIME_ERROR)


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
