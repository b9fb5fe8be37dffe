"""Supervision: what the service manager hears of the daemon while it starts and while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tickd import logs
from tickd.clock import Clock
from tickd.domain import times
from tickd.errors import TickdError
from tickd.outbound.supervisor import Supervisor
from tickd.services.health import Health

STATUS_SECS = 60.0
"""How often the line about what there is to do is written anew."""
ASK_SECS = 5.0
"""How long it may take at most to count what there is; until then the line stays as it is."""
BEGIN_SECS = 0.05
"""How soon it looks again while the daemon starts."""
EXTEND_EVERY_SECS = 10.0
EXTEND_SECS = 60.0
"""What a start asks for again and again, as long as it goes on."""

log = logging.getLogger("tickd.supervision")


class Supervision:
    """The watchdog's tick: it is told that the daemon is alive, unless it hangs."""

    def __init__(self, supervisor: Supervisor, health: Health, clock: Clock) -> None:
        self._supervisor = supervisor
        self._health = health
        self._clock = clock
        self._counted = -STATUS_SECS
        self._words = ""
        self._told = ""
        self._is_hung = False

    async def tick(self, _now: int) -> int | None:
        """Tell the manager; when to do so again (milliseconds), or never where there is none."""
        if not self._supervisor.is_there:
            return None
        begun = self._clock.now()
        if not self._health.accepting:
            # The other loops begin after this one: until then they look as if they did not run.
            return begun + round(BEGIN_SECS * times.SECOND)
        hangs = self._health.hangs()
        if not hangs:
            self._supervisor.alive()
        elif not self._is_hung:
            log.critical("the daemon hangs; the watchdog is told no more", extra=logs.fields(reason=hangs[0]))
        self._is_hung = bool(hangs)
        watchdog = self._supervisor.watchdog_secs
        pause = STATUS_SECS if watchdog is None else min(STATUS_SECS, watchdog / 2)
        await self._describe(hangs, min(ASK_SECS, pause / 2))
        # Counted from the word to the watchdog: a database that is slow to answer must not delay the next.
        return begun + max(1, round(pause * times.SECOND))

    async def _describe(self, hangs: Sequence[str], patience_secs: float) -> None:
        faults = list(dict.fromkeys((*hangs, *self._health.faults())))
        if faults:
            self._tell("not ready: " + "; ".join(faults))
            return
        if self._clock.monotonic() - self._counted >= STATUS_SECS:
            with contextlib.suppress(TimeoutError, TickdError):
                async with asyncio.timeout(patience_secs):
                    self._words = await self._count()
                    self._counted = self._clock.monotonic()
        self._tell("ready: " + self._words if self._words else "ready")

    async def _count(self) -> str:
        ledger = await self._health.ledger()
        monitors, heartbeats = self._health.checking.states(), await self._health.heartbeat_states()
        failing = ledger.jobs["failing"] + monitors["down"] + heartbeats.get("down", 0)
        of_each = (("job", ledger.jobs), ("monitor", monitors), ("heartbeat", heartbeats))
        sums = ((noun, sum(states.values())) for noun, states in of_each)
        counts = [f"{count:,} {noun}{'' if count == 1 else 's'}" for noun, count in sums]
        return f"{', '.join(counts)}; {failing:,} down" if failing else ", ".join(counts)

    def _tell(self, words: str) -> None:
        if words != self._told:
            self._supervisor.status(words)
        self._told = words


@asynccontextmanager
async def patiently(supervisor: Supervisor, clock: Clock) -> AsyncIterator[None]:
    """Ask the manager for more time while the block runs: a large file may take long to bring up to date."""

    async def ask() -> None:
        while True:
            supervisor.extend(EXTEND_SECS, "starting: the database is opened and brought up to date")
            await clock.sleep(EXTEND_EVERY_SECS)

    asking = asyncio.create_task(ask(), name="extend") if supervisor.is_there else None
    try:
        yield
    finally:
        if asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
