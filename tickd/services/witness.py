"""The witness: when tickd could not see or act, and how the wall clock moved meanwhile."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from tickd import logs
from tickd.clock import Clock
from tickd.domain import times
from tickd.domain.histogram import Histogram
from tickd.store import accounts
from tickd.store.database import Database

ALIVE_EVERY = 10 * times.SECOND
"""How often the sign of life is written; it bounds how exactly an outage is known after a kill."""
STEP = 2 * times.SECOND
"""A difference between the wall and the monotonic side that counts as a step."""
GAP = 2 * ALIVE_EVERY
"""A silence before the start that counts as an outage."""
REMEMBERED = 100

log = logging.getLogger("tickd.witness")


@dataclass(frozen=True, slots=True)
class Blind:
    """An interval, in milliseconds, in which nothing could be fired or seen."""

    started_at: int
    ended_at: int
    cause: str

    @property
    def sentence(self) -> str:
        """The cause, and from when to when."""
        return f"{self.cause} from {times.rfc3339(self.started_at)} to {times.rfc3339(self.ended_at)}"


class Witness:
    """Keeps the sign of life, notices steps and suspends, and says why something was late."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._blind: list[Blind] = []
        self._unrecorded: list[Blind] = []
        self._wall = clock.now()
        self._monotonic = clock.monotonic()
        self._alive_at = 0
        self.away_since = clock.now()
        self._expected: float | None = None
        self.loop_lag = Histogram((0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0))
        self.last_lag_secs = 0.0
        self.steps = 0
        self.stepped_back: Callable[[int], None] = lambda _moment: None
        self.stepped: Callable[[], None] = lambda: None
        self.writes_again: Callable[[], None] = lambda: None
        self._was_refused = False
        self.blinded: Callable[[Blind], None] = lambda _blind: None

    async def begin(self, now: int) -> None:
        """Record the outage since the last sign of life; say when the clock is behind it."""
        alive_at = await accounts.fact(self._db, "alive_at")
        if isinstance(alive_at, int):
            self.away_since = min(alive_at, now)
            if now - alive_at > GAP:
                self._note(Blind(alive_at, now, "tickd was not running"))
                await self._record()
            elif alive_at - now > STEP:
                log.warning("clock is behind the last sign of life", extra=logs.fields(ms=alive_at - now))
                self.stepped_back(alive_at - now)
        self._sign(now)

    async def tick(self, now: int) -> int:
        """Measure the loop's lag, notice a step of the clock or the end of a fault of the disk, sign every
        ten seconds."""
        monotonic = self._clock.monotonic()
        if self._expected is not None:
            self.last_lag_secs = max(0.0, monotonic - self._expected)
            self.loop_lag.add(self.last_lag_secs)
        # Left alone by a tick that fails, it would show the runner's pause as a lag.
        self._expected = None
        self.look(now)
        is_refused = self._db.stats.last_error is not None
        if self._was_refused and not is_refused:
            self.writes_again()
        self._was_refused = is_refused
        if not is_refused:
            await self._record()
        # While the disk refuses every write, it is asked each second whether it still does.
        if is_refused or now - self._alive_at >= ALIVE_EVERY or now < self._alive_at:
            self._sign(now)
        self._expected = self._clock.monotonic() + 1.0
        return self._clock.now() + times.SECOND

    def look(self, now: int) -> None:
        """Notice a step of the wall clock; whoever records what is late asks first, so that `why` knows."""
        monotonic = self._clock.monotonic()
        step = now - self._wall - round((monotonic - self._monotonic) * 1000)
        before, self._wall, self._monotonic = self._wall, now, monotonic
        if abs(step) > STEP:
            self._stepped(before, now, step)

    def _stepped(self, before: int, now: int, step: int) -> None:
        self.steps += 1
        log.warning("clock stepped, or the machine was suspended", extra=logs.fields(step_ms=step))
        if step > 0:
            self._note(Blind(before, now, "the clock jumped or the machine was suspended"))
        else:
            self.stepped_back(-step)
        self.stepped()

    async def end(self, now: int) -> None:
        """Sign for the last time, so that the next start knows when this one ended."""
        self._sign(now)
        await self._record()

    def _sign(self, now: int) -> None:
        self._alive_at = now
        future = self._db.write_soon(lambda tx: accounts.set_fact(tx, "alive_at", now))
        future.add_done_callback(_noted)

    def _note(self, blind: Blind) -> None:
        self._blind = [*self._blind, blind][-REMEMBERED:]
        self._unrecorded.append(blind)
        words = logs.fields(
            since=times.rfc3339(blind.started_at), until=times.rfc3339(blind.ended_at), cause=blind.cause
        )
        log.warning("blind interval", extra=words)
        self.blinded(blind)

    def note_blind(self, started_at: int, ended_at: int, cause: str) -> None:
        """Note an interval (milliseconds) in which somebody else found that tickd could not see."""
        self._note(Blind(started_at, ended_at, cause))

    async def _record(self) -> None:
        """Store what was noted; what a full disk refuses stays for the next tick."""
        noted = list(self._unrecorded)
        if noted:
            await self._db.write(lambda tx: _store(tx, noted))
            del self._unrecorded[: len(noted)]

    def blind_at(self, moment: int) -> Blind | None:
        """The latest interval around `moment` in which tickd could not see."""
        for blind in reversed(self._blind):
            if blind.started_at - ALIVE_EVERY <= moment <= blind.ended_at:
                return blind
        return None

    def why(self, moment: int) -> str:
        """Why something planned for `moment` did not happen then."""
        blind = self.blind_at(moment)
        if blind is not None:
            return blind.sentence
        return "it could not be recorded in its minute"


def _store(tx: sqlite3.Connection, noted: list[Blind]) -> None:
    for blind in noted:
        accounts.record_blind(tx, blind.started_at, blind.ended_at, blind.cause)


def _noted(future: asyncio.Future[None]) -> None:
    # A full disk shows at every write and in /readyz; a missed sign of life only blurs the next outage.
    if not future.cancelled() and future.exception() is not None:
        log.debug("sign of life not written")
