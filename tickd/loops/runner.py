"""Runs a loop: tick, sleep until the next due time or a wake-up, and back off while ticks fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tickd import logs
from tickd.clock import Clock
from tickd.errors import TickdError
from tickd.services.health import PATIENCE_SECS, LoopState

Tick = Callable[[int], Awaitable[int | None]]

BACKOFF_SECS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses after the first, second … failing tick in a row; the last one repeats."""

log = logging.getLogger("tickd.loops")


class Loop:
    """One loop of the daemon: `tick(now)` does what is due and says when next, both in milliseconds.

    A tick that takes longer than `patience_secs` counts as hung: `/readyz` says so, and the watchdog waits
    in vain.
    """

    def __init__(self, name: str, tick: Tick, clock: Clock, *, patience_secs: float = PATIENCE_SECS) -> None:
        self.state = LoopState(name, patience_secs=patience_secs)
        self._tick = tick
        self._clock = clock
        self._wake = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Tick at once: something was created, resumed or edited, or the clock stepped."""
        self._wake.set()

    def stop(self) -> None:
        """End after the tick that runs now."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Tick until `stop`. A tick that raises backs off and is tried again; it is seen in `state`."""
        self.state.alive = True
        failures = 0
        try:
            while not self._stopping:
                self._wake.clear()
                now = self._clock.now()
                try:
                    due = await self._timed(now)
                except Exception as error:
                    # Whatever it is, the next tick may do better, and the loop is needed: say it and go on.
                    failures += 1
                    await self._failed(error, now, failures)
                    continue
                if failures:
                    log.info("loop recovered", extra=logs.fields(loop=self.state.name, failures=failures))
                failures = 0
                self._succeeded(now)
                await self._sleep(due)
        finally:
            self.state.alive = False

    async def _timed(self, now: int) -> int | None:
        begun = self.state.ticking_since = self._clock.monotonic()
        try:
            return await self._tick(now)
        finally:
            self.state.ticking_since = None
            self.state.busy_secs += self._clock.monotonic() - begun

    async def _failed(self, error: Exception, now: int, failures: int) -> None:
        state = self.state
        state.errors += 1
        state.last_error = error.message if isinstance(error, TickdError) else type(error).__name__
        state.failing_since = state.failing_since or now
        pause = BACKOFF_SECS[min(failures, len(BACKOFF_SECS)) - 1]
        words = logs.fields(loop=state.name, error=str(error), again_in_secs=pause)
        log.error("loop tick failed", extra=words, exc_info=None if isinstance(error, TickdError) else error)
        if not self._stopping:
            await self._clock.wait(self._wake, pause)

    def _succeeded(self, now: int) -> None:
        self.state.ticks += 1
        self.state.last_tick_at = now
        self.state.failing_since = None
        self.state.last_error = ""

    async def _sleep(self, due: int | None) -> None:
        seconds = None if due is None else max(0.0, (due - self._clock.now()) / 1000)
        woken = await self._clock.wait(self._wake, seconds)
        self.state.late_secs = 0.0
        if not woken and due is not None:
            self.state.late_secs = max(0.0, (self._clock.now() - due) / 1000)
