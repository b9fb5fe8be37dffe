"""Days: the bars of many subjects at once, how well they were, and the count of pings that they need."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from operator import add
from typing import Any, cast

from tickd.domain import days as rules
from tickd.domain import times
from tickd.domain.alerts import SubjectKind
from tickd.domain.days import Counted, Day
from tickd.services.history import History
from tickd.store import days as store
from tickd.store.database import Database

UNITS: dict[SubjectKind, str] = {"job": "runs", "monitor": "checks", "heartbeat": "pings"}
"""What the results of each kind are called."""
SLICE = 1_000
"""Days that are put together in one go, a millisecond of the loop."""
PINGS = 2_000
"""Pings that one transaction counts, some 2 ms."""
EVERY = 10 * times.SECOND
"""How often pings are counted: as many are read for a page beside the days."""
PAUSE = 50
"""Between two slices of them, in milliseconds."""


class Days:
    """The last days of jobs, monitors and heartbeats; its tick puts pings into their days."""

    def __init__(self, db: Database, history: History) -> None:
        self._db = db
        self._history = history

    async def tick(self, now: int) -> int:
        """Count a slice of the pings that are in no day yet; when the next is due (milliseconds)."""
        more = False
        if await store.has_uncounted(self._db):
            more = await self._db.write(lambda tx: store.count_pings(tx, PINGS))
        return now + (PAUSE if more else EVERY)

    async def of(self, kind: SubjectKind, rows: Sequence[int], count: int, now: int) -> dict[int, list[Day]]:
        """The last `count` UTC days up to today of each of these subjects, oldest first."""
        today = now // times.DAY
        span = range(today - count + 1, today + 1)
        if not rows:
            return {}
        made = await store.created(self._db, kind, rows)
        blind = rules.blind_by_day(
            await store.blind(self._db, span.start * times.DAY, min(now, span.stop * times.DAY)), span
        )
        unit = UNITS[kind]
        empty = [rules.without(day, unit, blind.get(day, 0)) for day in span]
        found = {row: list(empty) for row in rows}
        await self._fill(kind, found, span, blind)
        # Nobody was blind to what did not exist.
        for row, shown in found.items():
            for place in range(min(count, made.get(row, now) // times.DAY - span.start)):
                if shown[place].state == "unknown" and not shown[place].total + shown[place].unknown:
                    shown[place] = rules.without(span[place], unit)
        return found

    async def _fill(
        self, kind: SubjectKind, found: dict[int, list[Day]], span: range, blind: Mapping[int, int]
    ) -> None:
        """Put the days in that have results."""
        unit = UNITS[kind]
        for done, (day, row, counted) in enumerate(await self._counted(kind, list(found), span), 1):
            found[row][day - span.start] = rules.of_counts(day, unit, counted, blind.get(day, 0))
            if done % SLICE == 0:
                await asyncio.sleep(0)

    async def _counted(
        self, kind: SubjectKind, rows: Sequence[int], span: range
    ) -> Iterator[tuple[int, int, Counted]]:
        if kind != "monitor":
            stored, newest = await store.of_kind(self._db, kind, rows, span)
            return _put_together(stored, newest)
        stored, held = await self._history.many_days(rows, span)
        return _put_together(stored, {key: rules.of_bucket(bucket) for key, bucket in held.items()})

    async def uptime(
        self, kind: SubjectKind, rows: Sequence[int], count: int, now: int
    ) -> dict[int, float | None]:
        """The share of the known time, or of the results, that each was well in its last `count` UTC days.

        In percent; None without a result. A monitor's is weighted by time.
        """
        today = now // times.DAY
        if kind == "monitor":
            buckets = await self._history.buckets(rows, today - count + 1, today)
            return {row: buckets[row].uptime_percent() if row in buckets else None for row in rows}
        sums: dict[int, Counted] = {}
        for _day, row, counted in await self._counted(kind, rows, range(today - count + 1, today + 1)):
            before = sums.get(row)
            sums[row] = counted if before is None else _added(before, counted)
        unit = UNITS[kind]
        return {row: rules.of_counts(today, unit, sums[row]).percent if row in sums else None for row in rows}


def _put_together(
    stored: Sequence[Sequence[Any]], beside: dict[tuple[int, int], Counted]
) -> Iterator[tuple[int, int, Counted]]:
    """Each day with its numbers; `beside` is what counts too and is not in the stored ones."""
    for row in stored:
        counted = cast(Counted, row[2:])
        more = beside.pop((row[0], row[1]), None) if beside else None
        yield row[0], row[1], counted if more is None else _added(counted, more)
    for (day, subject), more in beside.items():
        yield day, subject, more


def _added(one: Counted, other: Counted) -> Counted:
    return cast(Counted, tuple(map(add, one, other)))
