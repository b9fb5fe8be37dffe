"""Moves closed hours from the log into the tables of their days, and removes what is past its time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tickd.domain import times
from tickd.domain.uptime import Bucket
from tickd.services.history_open import Closing, Open
from tickd.store import checks, rollups
from tickd.store.checks import DONE, Pass, Row
from tickd.store.database import Database

SLICE = 3_000
"""Checks that one transaction moves, a few milliseconds of the writer."""
CARRIED = 50_000
"""Places of the log that one transaction looks through for what is of another hour."""
REMOVED = 5_000
"""Rows past their time that one transaction deletes."""
DROPPED = 500_000
"""Checks that go with their table at once: SQLite reads its 16 MB for that."""
KEYS = 1_000
"""Hours that one transaction looks at for a deleted monitor."""
DROP_AFTER = 5 * times.SECOND
"""Between the last read that may begin on a day's table and its end."""
ROUND = times.HOUR
"""Between two looks for what is past its retention."""

Unit = Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days checks and hourly rollups are kept; daily ones are for ever."""

    raw_days: int = 30
    hourly_days: int = 366


class Upkeep:
    """One slice a step: first what is being moved, then what is to be closed, deleted, dropped."""

    def __init__(
        self, db: Database, open_: Open, retention: Retention, waiting: Mapping[int, Sequence[Row]]
    ) -> None:
        self._db = db
        self._open = open_
        self._retention = retention
        self._waiting = waiting
        self._units: Iterator[Unit] = iter(())
        self._forgetting: int | None = None
        self._look_at = 0
        self._keep_hours_from = 0
        self._left: range | None = None
        self._dropping: dict[int, int] = {}
        self._rows_left: dict[int, int] = {}
        self.has_deleted = True
        """Whether monitors may have been deleted: set from the writer's thread too."""

    async def step(self, now: int) -> bool:
        """Do one slice; False when nothing is left to do now."""
        held = self._open
        if held.closing is not None:
            await self._move(held.closing)
        elif held.sweeping is not None:
            await self._sweep(held.sweeping)
        elif not await self._close(now) and not await self._forget():
            return await self._retire(now)
        return True

    def next_due(self, now: int) -> int:
        """When there will be something to do (milliseconds)."""
        hour = self._open.first_due()
        due = [self._look_at, *(at for at in self._dropping.values())]
        if hour is not None:
            due.append(max(hour.due, now + times.SECOND))
        return min(due)

    # Moving a closed hour.

    async def _close(self, now: int) -> bool:
        hour = self._open.first_due()
        if hour is None or hour.due > now or self._is_waiting_in(hour.hour):
            return False
        # Frozen before it is written: what comes from now on belongs to another pass, on disk too.
        closing = Closing(self._open.number + 1, self._open.hours.pop(hour.hour), self._open.last_seq)
        closing.order = sorted(hour.pieces)
        self._open.closing = closing
        self._open.changed[hour.hour // 24] = closing.number
        await self._move(closing)
        return True

    def _is_waiting_in(self, hour: int) -> bool:
        return any(row[2] // times.HOUR == hour for rows in self._waiting.values() for row in rows)

    async def _move(self, closing: Closing) -> None:
        hour, number, before = closing.hour.hour, closing.number, closing.done
        if not closing.started:
            await self._db.write(lambda tx: checks.start_pass(tx, number, hour, closing.upto))
            self._open.days.add(hour // 24)
            self._dropping.pop(hour // 24, None)
            closing.started = True
            return
        taken = closing.take(SLICE)
        place = closing.place + len(taken)
        done = taken[-1][0] if place < len(closing.order) else DONE
        await self._db.write(lambda tx: _move(tx, number, hour, taken, before, done))
        closing.place, closing.done = place, done
        if done == DONE:
            self._open.closing, self._open.number = None, number
            self._open.sweeping = Pass(number, hour, closing.upto, DONE)

    async def finish(self, mark: Pass) -> None:
        """End a pass that has moved everything, at start: some hundred milliseconds at a million checks."""
        self._open.sweeping = mark
        while self._open.sweeping is not None:
            await self._sweep(self._open.sweeping)

    async def _sweep(self, mark: Pass) -> None:
        """Carry what came while the hour was closed over to the new log, and empty the old one."""
        if self._left is None:
            first, last = await checks.edges(self._db, log=(mark.number - 1) % 2)
            self._left = range(first, last + 1)
        if self._left:
            part = self._left[:CARRIED]
            await self._db.write(lambda tx: checks.carry(tx, mark, part[0], part[-1]))
            self._left = self._left[CARRIED:]
            return
        await self._db.write(lambda tx: checks.end_pass(tx, mark.number))
        self._left, self._open.sweeping = None, None

    # Deleted monitors.

    async def _forget(self) -> bool:
        """One slice of a deleted monitor's history; only between two passes, so that none writes it again."""
        if self._forgetting is None:
            if not self.has_deleted:
                return False
            self.has_deleted = False
            monitor = await checks.forgotten(self._db)
            if monitor is None:
                return False
            self.has_deleted = True
            self._open.forgotten.add(monitor)
            if monitor in self._waiting:
                return False
            await self._forget_open(monitor)
            self._units = iter(await self._units_for(monitor))
            self._forgetting = monitor
            return True
        try:
            for unit in self._units:
                await self._db.write(unit)
                return True
        except BaseException:
            # From the beginning at the next step: each of the units can be done twice.
            self._forgetting = None
            raise
        self._forgetting = None
        return True

    async def _forget_open(self, monitor: int) -> None:
        # Before its rollups: an hour that closes meanwhile must not write them again.
        seqs = [seq for hour in self._open.hours.values() for seq in hour.seqs(monitor)]
        await self._db.write(lambda tx: checks.delete_logged(tx, seqs))
        for hour in self._open.hours.values():
            hour.pieces.pop(monitor, None)
        self._open.lifetimes.pop(monitor, None)

    async def _units_for(self, monitor: int) -> list[Unit]:
        units: list[Unit] = []
        for day in sorted(self._open.days):
            units.append(lambda tx, day=day: checks.delete_of_day(tx, day, monitor))  # type: ignore[misc]
        for span in ("hour", "day"):
            edges = await rollups.edges(self._db, span)
            first, last = edges or (1, 0)
            for start in range(first, last + 1, KEYS):
                keys = range(start, min(start + KEYS, last + 1))
                units.append(lambda tx, span=span, keys=keys: rollups.forget(tx, span, monitor, keys))  # type: ignore[misc]
        units.append(lambda tx: checks.end_forgetting(tx, monitor))
        return units

    # Retention.

    async def _retire(self, now: int) -> bool:
        if now >= self._look_at or self._look_at > now + ROUND:
            await self._look(now)
            self._look_at = now + ROUND
            return True
        for day, due in self._dropping.items():
            if due <= now:
                await self._drop(day)
                return True
        if self._keep_hours_from:
            before = self._keep_hours_from
            if await self._db.write(lambda tx: rollups.forget_old(tx, before, REMOVED)) < REMOVED:
                self._keep_hours_from = 0
            return True
        return False

    async def _drop(self, day: int) -> None:
        """A slice of a day that is past its time; its table, once it is small enough to go at once."""
        if day not in self._rows_left:
            self._rows_left[day] = await rollups.checks_of_day(self._db, day)
        if self._rows_left[day] > DROPPED:
            gone = await self._db.write(lambda tx: checks.thin_day(tx, day, REMOVED))
            self._rows_left[day] = self._rows_left[day] - gone if gone else 0
            return
        await self._db.write(lambda tx: checks.drop_day(tx, day))
        del self._dropping[day], self._rows_left[day]

    async def _look(self, now: int) -> None:
        raw, hourly = await checks.longest(self._db)
        # Not by the clock alone: one that jumped into the future would take everything with it.
        today = min(now // times.DAY, max(self._open.days, default=0) + 1)
        first = today - max(raw, self._retention.raw_days)
        for day in sorted(self._open.days):
            if day < first:
                # Reads that have begun may still want it; none begins from here on.
                self._open.days.discard(day)
                self._dropping[day] = now + DROP_AFTER
        edges = await rollups.edges(self._db, "hour")
        if edges is not None:
            # Pages find checks by their hour's rollup: it is kept for as long as they are.
            self._keep_hours_from = min(first, today - max(hourly, self._retention.hourly_days)) * 24


def _move(
    tx: sqlite3.Connection,
    number: int,
    hour: int,
    taken: Sequence[tuple[int, list[int], Bucket]],
    before: int,
    done: int,
) -> None:
    """Move these monitors' checks of the hour, and count them where they are counted from now on."""
    if not checks.advance(tx, number, before, done) or not taken:
        return
    buckets = [(monitor, bucket) for monitor, _, bucket in taken]
    checks.move(tx, hour, [seq for _, seqs, _ in taken for seq in seqs])
    checks.count_up(tx, ((bucket.checks, bucket.failed, monitor) for monitor, bucket in buckets))
    rollups.add(tx, "hour", hour, buckets)
    rollups.add(tx, "day", hour // 24, buckets)
