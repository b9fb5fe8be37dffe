"""History: every check is appended to a log, counted, moved to its day's page, and read from there."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from tickd import logs
from tickd.clock import Clock
from tickd.domain import times
from tickd.domain.backtest import Look
from tickd.domain.checks import Check, CheckStatus
from tickd.domain.plots import Point
from tickd.domain.uptime import Bucket
from tickd.errors import Unavailable
from tickd.services.history_open import Closing, Hour, Lifetime, Open, Rebuild
from tickd.services.history_reads import Reads
from tickd.services.history_upkeep import Retention, Upkeep
from tickd.store import checks
from tickd.store.checks import DONE, Row
from tickd.store.database import Database

T = TypeVar("T")
_Written = tuple[int, int, list[int]]  # the first and the last seq, and those that could not be stored

BATCH = 2_000
"""Checks that one transaction appends."""
CROWD = range(50, 1_000)
"""A lazy commit of so many checks is followed by a pause, in which more gather for the next one: each commit
writes some five pages beside its checks, at 333 checks a second and every 250 ms 300 bytes a check."""
GATHER_SECS = 0.75
"""That pause; with the writer's 200 ms a plain check is on disk within a second then, else in 250 ms."""
WAITING = 100_000
"""Checks kept in memory while they can't be written, some 40 MB; beyond it the oldest are dropped."""
READ = 2_000
"""Rows that one tick of the rebuild reads, some 8 ms of the loop."""
AT_ONCE = 20_000
"""Rows of the log that `begin` reads before it returns, a tenth of a second; the ticks read the rest."""
COUNTED = 200_000
"""Rows that one query of `begin` counts: its sorter is in memory."""
LOADED = 5_000
PAUSE = 50
"""Between two slices, in milliseconds."""
RETRY = times.SECOND
"""Before what could not be committed is tried again, when no new check has brought it along."""
REST = times.MINUTE

log = logging.getLogger("tickd.history")


class History:
    """The history of all monitors' checks. Everything but what `write_with` is given runs on the loop."""

    def __init__(
        self, db: Database, clock: Clock, *, retention: Retention | None = None, waiting: int = WAITING
    ) -> None:
        """`retention` is that of every account without a row in check_retention."""
        self._db = db
        self._clock = clock
        self._retention = retention or Retention()
        self._open = Open()
        self._limit = waiting
        self._next = 1
        self._waiting: list[Row] = []
        self._of_monitor: dict[int, list[Row]] = {}
        self._upkeep = Upkeep(db, self._open, self._retention, self._of_monitor)
        self._lazy: asyncio.Future[_Written | None] | None = None
        self._gathering: asyncio.TimerHandle | None = None
        self._in_flight = 0
        self._reads = Reads(db, self._open, self._retention, self._of_monitor)
        self.dropped = 0
        """Checks that were lost because they could not be written for too long."""

    @property
    def waiting(self) -> int:
        """Checks that are not committed yet."""
        return len(self._waiting)

    @property
    def is_rebuilding(self) -> bool:
        """Whether the log of before the start is still being read."""
        return self._open.rebuild is not None

    # Start and stop.

    async def begin(self) -> None:
        """Read what is needed to add and to answer; of a long log the rest is read by the ticks."""
        after = 0
        while found := await checks.lifetimes(self._db, after, LOADED):
            after = found[-1][0]
            self._open.lifetimes.update((row, Lifetime(total, failed)) for row, total, failed in found)
        mark = await checks.last_pass(self._db)
        if mark.hour is not None and mark.done == DONE:
            await self._upkeep.finish(mark)
            mark = await checks.last_pass(self._db)
        first, last = await checks.edges(self._db)
        self._open.days = await checks.days(self._db)
        self._resume(mark, first)
        self._next = max(last, mark.upto) + 1
        for start in range(first, last + 1, COUNTED):
            for monitor, known, failed in await checks.counted(
                self._db, start, min(start + COUNTED - 1, last), mark
            ):
                lifetime = self._open.lifetime(monitor)
                lifetime.checks += known
                lifetime.failed += failed
        self._open.rebuild = Rebuild(first - 1, last, mark)
        while self._open.rebuild is not None and self._open.rebuild.position < first + AT_ONCE:
            await self._read_on()

    def _resume(self, mark: checks.Pass, first: int) -> None:
        """Take up the pass that was under way."""
        self._open.number = mark.number
        self._open.last_seq = mark.upto
        if mark.hour is None:
            return
        closing = Closing(mark.number, Hour(mark.hour, first, self._clock.now()), mark.upto)
        closing.started, closing.done = True, mark.done
        self._open.number -= 1
        self._open.closing = closing
        self._open.changed[mark.hour // 24] = mark.number

    async def _read_on(self) -> None:
        """Count the next rows of the log of before the start."""
        rebuild = self._open.rebuild
        assert rebuild is not None  # noqa: RUF100, S101
        rows = await checks.scan(self._db, rebuild.position + 1, rebuild.until, READ)
        for row in rows:
            self._open.put_old(row)
        if len(rows) == READ:
            rebuild.position = rows[-1][0]
            return
        self._open.rebuild = None
        if self._open.closing is not None:
            self._open.closing.order = sorted(self._open.closing.hour.pieces)

    async def flush(self) -> None:
        """Write everything that waits, at stop; what the disk refuses is lost, and said."""
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        while self._waiting:
            try:
                await self.write_with(lambda tx: None, newest=False)
            except Unavailable as error:
                log.error(
                    "checks not recorded", extra=logs.fields(checks=len(self._waiting), error=error.message)
                )
                return

    # Writing.

    def add(self, check: Check) -> Check:
        """Record a check within 250 ms, in a crowd within a second, and return it as recorded: its time is
        behind the monitor's last one.

        While it can't be written it is kept in memory and tried again.
        """
        if check.monitor in self._open.forgotten:
            return check
        lifetime = self._open.lifetime(check.monitor)
        if check.at <= lifetime.last_at:
            check = msgspec.structs.replace(check, at=lifetime.last_at + 1)
        lifetime.last_at = check.at
        row = checks.to_row(self._next, check)
        self._next += 1
        self._waiting.append(row)
        same = self._of_monitor.get(check.monitor)
        if same is None:
            self._of_monitor[check.monitor] = [row]
        else:
            same.append(row)
        self._open.count(check.monitor, row[3])
        if self._lazy is None and self._gathering is None:
            self._submit()
        return check

    async def write_with(self, unit: Callable[[sqlite3.Connection], T], *, newest: bool = True) -> T:
        """Write what waits, the newest of it when it is much, in one urgent transaction with `unit`."""
        rows = self._waiting[-BATCH:] if newest else self._waiting[:BATCH]
        if not rows:
            return await self._db.write(unit)

        def both(tx: sqlite3.Connection) -> tuple[T, list[int]]:
            bad = checks.append(tx, rows)
            return unit(tx), bad

        writing = asyncio.ensure_future(self._db.write(both))
        self._in_flight += 1
        writing.add_done_callback(lambda done: self._urgent_done(done, rows[0][0], rows[-1][0]))
        # Whoever waits may be cancelled; the rows are written all the same, and have to be counted.
        return (await asyncio.shield(writing))[0]

    def _urgent_done(self, writing: asyncio.Future[tuple[T, list[int]]], first: int, last: int) -> None:
        self._in_flight -= 1
        if not writing.cancelled() and writing.exception() is None:
            self._committed(first, last, writing.result()[1])
        self._trim()

    def forget(self, tx: sqlite3.Connection, monitor: int) -> None:
        """A monitor is deleted, in this transaction: its history goes within the next minutes."""
        checks.forget(tx, monitor)
        self._upkeep.has_deleted = True

    def _submit(self) -> None:
        waiting = self._waiting

        def unit(tx: sqlite3.Connection) -> _Written | None:
            # Looked at on the writer's thread, so that what came meanwhile rides along: a slice of a list is
            # taken in one piece. Rows that an urgent unit has written are ignored by the log.
            rows = waiting[:BATCH]
            return (rows[0][0], rows[-1][0], checks.append(tx, rows)) if rows else None

        try:
            self._lazy = self._db.write_soon(unit)
        except Unavailable:
            self._trim()
            return
        self._lazy.add_done_callback(self._lazy_done)

    def _lazy_done(self, future: asyncio.Future[_Written | None]) -> None:
        self._lazy = None
        if future.cancelled():
            return
        error = future.exception()
        if error is not None and not isinstance(error, Unavailable):
            log.error("checks not recorded", extra=logs.fields(error=str(error)), exc_info=error)
        written = future.result() if error is None else None
        if written is not None:
            self._committed(*written)
        self._trim()
        if written is not None and written[1] - written[0] in CROWD:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_SECS, self._gathered)
        elif self._waiting and error is None:
            # After a fault the next check or tick tries again; otherwise what came meanwhile goes now.
            self._submit()

    def _gathered(self) -> None:
        self._gathering = None
        if self._waiting and self._lazy is None:
            self._submit()

    def _trim(self) -> None:
        # Never while a unit holds them: it might write what is dropped, and nobody would count it.
        excess = len(self._waiting) - self._limit
        if excess > 0 and self._lazy is None and not self._in_flight:
            for row in self._waiting[:excess]:
                self._drop(row)
            del self._waiting[:excess]
            log.error("checks dropped", extra=logs.fields(checks=excess, dropped=self.dropped))

    def _drop(self, row: Row) -> None:
        self._leave(row)
        self._open.count(row[1], row[3], -1)
        self.dropped += 1

    def _committed(self, first: int, last: int, bad: Sequence[int]) -> None:
        """Rows of this range are on disk but for the bad ones: from now on they count as the log's."""
        waiting = self._waiting
        start, end = bisect_left(waiting, (first,)), bisect_left(waiting, (last + 1,))
        rows = waiting[start:end]
        del waiting[start:end]
        now = self._clock.now()
        for row in rows:
            if row[0] in bad:
                self._drop(row)
                log.error("check can't be stored", extra=logs.fields(monitor=row[1], at=row[2]))
                continue
            self._leave(row)
            self._open.put(row[0], row[1], row[2], row[3], row[4], row[6], now)

    def _leave(self, row: Row) -> None:
        same = self._of_monitor[row[1]]
        if len(same) == 1:
            del self._of_monitor[row[1]]
        else:
            same.remove(row)

    # The loop.

    async def tick(self, now: int) -> int:
        """Do one slice of what there is to do; when the next is due (milliseconds)."""
        if self._waiting and self._lazy is None and self._gathering is None:
            self._submit()
        if self._open.rebuild is not None:
            await self._read_on()
            return now
        if await self._upkeep.step(now):
            return now + PAUSE
        if self._waiting:
            return now + RETRY
        return max(now + PAUSE, min(self._upkeep.next_due(now), now + REST))

    # Reading.

    def lifetime(self, monitor: int, base_total: int = 0, base_failed: int = 0) -> tuple[int, int]:
        """A monitor's checks that count, and failed ones, since it was made; the base for one without any."""
        found = self._open.lifetimes.get(monitor)
        return (base_total, base_failed) if found is None else (found.checks, found.failed)

    async def page(
        self, monitor: int, *, status: CheckStatus | None = None, limit: int, offset: int = 0
    ) -> tuple[list[Check], int]:
        """One page of the checks that are kept, newest first, and how many there are in all."""
        return await self._reads.page(monitor, status, limit, offset, self._clock.now())

    async def newest(self, monitors: Sequence[int]) -> dict[int, Check]:
        """The last kept check of each of these monitors, all of one account; those without are absent."""
        return await self._reads.newest(monitors, self._clock.now())

    async def latency(
        self, monitor: int, since: int, until: int
    ) -> list[tuple[int, float | None, CheckStatus]]:
        """(at, duration in ms, status) of the checks from `since` to before `until`, oldest first."""
        return await self._reads.latency(monitor, since, until)

    async def points(self, monitor: int, since: int, until: int) -> list[Point]:
        """The checks from `since` to before `until` as they are drawn, oldest first."""
        return await self._reads.points(monitor, since, until)

    async def looks(self, monitor: int, since: int, until: int) -> list[Look]:
        """The checks from `since` to before `until`, oldest first; ask for some thousands at once."""
        return await self._reads.looks(monitor, since, until)

    async def kept_since(self, monitor: int) -> int:
        """As far back as the monitor's checks are kept, in milliseconds."""
        kept = await checks.retention_of(self._db, monitor)
        days = self._retention.raw_days if kept is None else kept
        return (self._clock.now() // times.DAY - days) * times.DAY

    async def days(self, monitor: int, count: int, now: int) -> list[tuple[int, Bucket]]:
        """The last `count` UTC days up to today as (day, rollup), oldest first; those without are absent."""
        return await self._reads.days(monitor, count, now)

    async def hours(self, monitor: int, wanted: range) -> list[tuple[int, Bucket]]:
        """These UTC hours since the epoch as (hour, rollup), oldest first; those without are absent."""
        return await self._reads.hours(monitor, wanted)

    async def buckets(self, monitors: Sequence[int], since_day: int, until_day: int) -> dict[int, Bucket]:
        """Each monitor's rollup from the first day to the last, without its histogram: `p95_ms` is None."""
        return await self._reads.buckets(monitors, since_day, until_day)

    async def many_days(
        self, monitors: Sequence[int], days: range
    ) -> tuple[Sequence[Sequence[Any]], dict[tuple[int, int], Bucket]]:
        """Many monitors' days: what is stored, as rows of (day, monitor, the numbers of `days.Counted`), and
        by (day, monitor) what memory holds beside it."""
        return await self._reads.many_days(monitors, days)
