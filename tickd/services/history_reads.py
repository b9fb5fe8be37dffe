"""What is read of the history: rollups of the store and the open part in memory, put together.

Both change while a closed hour is moved. Each query brings the mark between log and rollups along, of the
same view of the file, and is asked again when memory does not fit it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from operator import add, attrgetter
from typing import Any, NamedTuple, TypeVar

from tickd.domain import times
from tickd.domain.backtest import Look
from tickd.domain.checks import IN_MAINTENANCE, STATUSES, Check, CheckStatus, status_of
from tickd.domain.plots import Point
from tickd.domain.uptime import COUNTS, Bucket
from tickd.errors import Unavailable
from tickd.services.history_open import Open
from tickd.services.history_sums import NUMBERS, Sums
from tickd.services.history_upkeep import Retention
from tickd.store import checks, newest, rollups
from tickd.store.checks import Pass, Row, Scanned
from tickd.store.database import Database
from tickd.store.rollups import Numbers

T = TypeVar("T")

ATTEMPTS = 100
SEEKS = 2_000
"""Days of monitors that are summed up at once, some 2 ms; of more, those that are over are kept."""
_numbers: Callable[[Bucket], Numbers] = attrgetter(*COUNTS)
_statuses: Callable[[Bucket], tuple[int, ...]] = attrgetter(*STATUSES)
_PLAIN = ("status", "held", "duration")
_LOOKED_AT = ("status", "duration", "error", "ssl_expires_at")


class _Part(NamedTuple):
    """What a monitor's hour holds beside the store: checks by status, places in the log, uncommitted rows."""

    counts: list[int]
    seqs: list[int]
    rows: list[Row]


class _Moved(Exception):
    """The monitor's checks were moved between two queries of one answer."""


class Reads:
    """Answers from rollups and memory; only `page`, `latency`, `points` and `looks` read checks."""

    def __init__(
        self, db: Database, open_: Open, retention: Retention, waiting: Mapping[int, Sequence[Row]]
    ) -> None:
        self._db = db
        self._open = open_
        self._retention = retention
        self._waiting = waiting
        self._past = Sums(db, open_)

    async def _settled(self, fetch: Callable[[], Awaitable[tuple[Pass, T]]]) -> tuple[int, T]:
        """What `fetch` gives once memory fits it, behind the cut between the two."""
        for _ in range(ATTEMPTS):
            mark, found = await fetch()
            cut = self._open.cut(mark)
            if cut is not None:
                return cut, found
            # The commit is known to the loop in its next turns.
            await asyncio.sleep(0)
        raise Unavailable("the history is being moved", 1)

    async def _unread(self, monitors: Sequence[int]) -> Sequence[Scanned]:
        """Rows of the log that a start has not counted yet."""
        rebuild = self._open.rebuild
        if rebuild is None:
            return ()
        return await checks.scan_monitors(self._db, rebuild.position + 1, rebuild.until, monitors)

    def _uncounted(self, monitor: int, unread: Sequence[Scanned]) -> Iterator[Scanned]:
        """The monitor's rows that are in no rollup, on disk or in memory."""
        for row in self._open.still_unread(unread):
            if row[1] == monitor:
                yield row
        for waiting in self._waiting.get(monitor, ()):
            yield waiting[0], monitor, waiting[2], waiting[3], waiting[4], waiting[6]

    async def days(self, monitor: int, count: int, now: int) -> list[tuple[int, Bucket]]:
        """See History."""
        today = now // times.DAY
        return await self._by_span(monitor, "day", 24, range(today - count + 1, today + 1))

    async def hours(self, monitor: int, wanted: range) -> list[tuple[int, Bucket]]:
        """See History."""
        return await self._by_span(monitor, "hour", 1, wanted)

    async def _by_span(
        self, monitor: int, span: rollups.Span, hours: int, wanted: range
    ) -> list[tuple[int, Bucket]]:
        unread = await self._unread([monitor])
        cut, found = await self._settled(lambda: rollups.of_monitor(self._db, span, monitor, wanted))
        for hour, piece in self._open.pieces(monitor, cut):
            if hour.hour // hours in wanted:
                found.setdefault(hour.hour // hours, Bucket()).merge(piece.bucket)
        for _, _, at, status, held, tenths in self._uncounted(monitor, unread):
            if at // (hours * times.HOUR) in wanted:
                _count(found.setdefault(at // (hours * times.HOUR), Bucket()), status, tenths, held)
        return sorted(found.items())

    async def buckets(self, monitors: Sequence[int], since_day: int, until_day: int) -> dict[int, Bucket]:
        """See History."""
        unread = await self._unread(monitors)
        cut, sums = await self._sums(monitors, since_day, until_day)
        for hour, behind in self._open.all_hours(cut):
            if since_day <= hour.hour // 24 <= until_day:
                pieces = hour.pieces
                for monitor in monitors:
                    piece = pieces.get(monitor)
                    if piece is not None and monitor > behind:
                        _add(sums, monitor, _numbers(piece.bucket))
        found = {monitor: _of_numbers(numbers) for monitor, numbers in sums.items()}
        by_monitor: dict[int, list[Scanned]] = {}
        for row in unread:
            by_monitor.setdefault(row[1], []).append(row)
        for monitor in monitors:
            if monitor in by_monitor or monitor in self._waiting:
                for _, _, at, status, held, tenths in self._uncounted(monitor, by_monitor.get(monitor, ())):
                    if since_day <= at // times.DAY <= until_day:
                        _count(found.setdefault(monitor, Bucket()), status, tenths, held)
        return found

    async def many_days(
        self, monitors: Sequence[int], days: range
    ) -> tuple[Sequence[Sequence[Any]], dict[tuple[int, int], Bucket]]:
        """See History."""
        unread = await self._unread(monitors)
        cut, stored = await self._settled(lambda: rollups.of_monitors(self._db, monitors, days))
        buckets: dict[tuple[int, int], Bucket] = {}
        for hour, behind in self._open.all_hours(cut):
            if hour.hour // 24 in days:
                pieces = hour.pieces
                for monitor in monitors:
                    piece = pieces.get(monitor)
                    if piece is not None and monitor > behind:
                        buckets.setdefault((hour.hour // 24, monitor), Bucket()).merge(piece.bucket)
        wanted = {row[1] for row in unread}
        for monitor in monitors:
            if monitor in wanted or monitor in self._waiting:
                for _, _, at, status, held, tenths in self._uncounted(monitor, unread):
                    if at // times.DAY in days:
                        bucket = buckets.setdefault((at // times.DAY, monitor), Bucket())
                        _count(bucket, status, tenths, held)
        return stored, buckets

    async def _sums(
        self, monitors: Sequence[int], since_day: int, until_day: int
    ) -> tuple[int, dict[int, Numbers]]:
        """The stored sums by monitor, behind their cut; of a long list all but the last day's are kept."""
        if len(monitors) * (until_day - since_day) > SEEKS:
            past = await self._past.of(monitors, since_day, until_day - 1)
            cut, sums = await self._settled(lambda: rollups.sums(self._db, monitors, until_day, until_day))
            if past is not None and self._past.hold(since_day, until_day - 1):
                for monitor in monitors:
                    packed = past.get(monitor)
                    if packed:
                        _add(sums, monitor, NUMBERS.unpack(packed))
                return cut, sums
        return await self._settled(lambda: rollups.sums(self._db, monitors, since_day, until_day))

    async def latency(
        self, monitor: int, since: int, until: int
    ) -> list[tuple[int, float | None, CheckStatus]]:
        """See History."""
        found = await self._between(monitor, since, until, _PLAIN)
        return [
            (at, None if tenths is None else tenths / 10, status_of(status))  # type: ignore
            for at, (status, _, tenths) in found
        ]

    async def points(self, monitor: int, since: int, until: int) -> list[Point]:
        """See History."""
        found = await self._between(monitor, since, until, _PLAIN)
        return [
            Point(
                at,
                # What tickd could not know says nothing of how long the target takes.
                None if tenths is None or status_of(status) == "unknown" else tenths / 10,  # type: ignore
                status_of(status) in ("down", "timeout"),  # type: ignore
            )
            for at, (status, _, tenths) in found
        ]

    async def looks(self, monitor: int, since: int, until: int) -> list[Look]:
        """See History."""
        found = await self._between(monitor, since, until, _LOOKED_AT)
        return [
            (at, status_of(status), (tenths or 0) // 10, error or "", expires)  # type: ignore
            for at, (status, tenths, error, expires) in found
        ]

    async def _between(
        self, monitor: int, since: int, until: int, columns: Sequence[str]
    ) -> list[tuple[int, tuple[object, ...]]]:
        """The monitor's checks of that time as their `at` and these columns, oldest first."""
        hours = range(since // times.HOUR, -(-until // times.HOUR))
        places = [checks.COLUMNS.index(name) for name in columns]

        async def fetch() -> tuple[Pass, dict[int, tuple[object, ...]]]:
            unread = await self._unread([monitor])
            parts = self._parts(monitor, 0, unread, None)
            seqs = [seq for hour, part in parts.items() if hour in hours for seq in part.seqs]
            days: dict[int, list[int]] = {}
            for hour in hours:
                if hour // 24 in self._open.days:
                    days.setdefault(hour // 24, []).append(hour % 24)
            mark, found = await checks.rows(self._db, monitor, seqs=seqs, hours=days, columns=columns)
            for part in parts.values():
                found.update((row[2], tuple(row[place] for place in places)) for row in part.rows)
            return mark, found

        # Where a check is in the log still and in its day already, it is there twice under one time.
        _, found = await self._settled(fetch)
        return [(at, said) for at, said in sorted(found.items()) if since <= at < until]

    # Pages.

    async def page(
        self, monitor: int, status: CheckStatus | None, limit: int, offset: int, now: int
    ) -> tuple[list[Check], int]:
        """See History."""
        number = None if status is None else STATUSES.index(status)
        kept = await checks.retention_of(self._db, monitor)
        first_day = now // times.DAY - (self._retention.raw_days if kept is None else kept)
        for _ in range(ATTEMPTS):
            try:
                return await self._page(monitor, number, limit, offset, first_day)
            except _Moved:
                await asyncio.sleep(0)
        raise Unavailable("the history is being moved", 1)

    async def _page(
        self, monitor: int, status: int | None, limit: int, offset: int, first_day: int
    ) -> tuple[list[Check], int]:
        unread = await self._unread([monitor])
        days = [day for day in self._open.days if day >= first_day]
        cut, counts = await self._settled(lambda: rollups.counts_of_monitor(self._db, "day", monitor, days))
        is_moved = monitor <= cut
        parts = self._parts(monitor, cut, unread, status)
        parts = {hour: part for hour, part in parts.items() if hour // 24 >= first_day}
        by_day = {day: _chosen(found, status) for day, found in counts.items()}
        for hour, part in parts.items():
            by_day[hour // 24] = by_day.get(hour // 24, 0) + _chosen(part.counts, status)
        total = sum(by_day.values())
        near, skip = _within(by_day, limit, offset)
        stored = [day * 24 + hour for day in near if day in counts for hour in range(24)]
        mark, hourly = await rollups.counts_of_monitor(self._db, "hour", monitor, stored)
        self._check(mark, monitor, is_moved)
        by_hour = {hour: _chosen(found, status) for hour, found in hourly.items()}
        for hour, part in parts.items():
            if hour // 24 in near:
                by_hour[hour] = by_hour.get(hour, 0) + _chosen(part.counts, status)
        wanted, skip = _within(by_hour, limit, skip)
        in_days: dict[int, list[int]] = {}
        for hour in wanted:
            if hour in hourly:
                in_days.setdefault(hour // 24, []).append(hour % 24)
        seqs = [seq for hour in wanted if hour in parts for seq in parts[hour].seqs]
        mark, found = await checks.rows(self._db, monitor, seqs=seqs, hours=in_days, status=status)
        self._check(mark, monitor, is_moved)
        for hour in wanted:
            if hour in parts:
                rows = parts[hour].rows
                found.update((row[2], row[3:]) for row in rows if status in (None, row[3] % IN_MAINTENANCE))
        newest = sorted(found, reverse=True)[skip : skip + limit]
        return [checks.to_check(monitor, at, found[at]) for at in newest], total

    async def newest(self, monitors: Sequence[int], now: int) -> dict[int, Check]:
        """See History."""
        if not monitors:
            return {}
        unread = await self._unread(monitors)
        kept = await checks.retention_of(self._db, monitors[0])
        first_day = now // times.DAY - (self._retention.raw_days if kept is None else kept)
        found, seqs = {}, [row[0] for row in _last_of_each(self._open.still_unread(unread))]
        for monitor in monitors:
            if monitor in self._waiting:
                row = self._waiting[monitor][-1]
                found[monitor] = checks.to_check(monitor, row[2], row[3:])
            elif pieces := list(self._open.pieces(monitor, 0)):
                hour, piece = max(pieces, key=lambda one: one[0].hour)
                seqs.append(hour.base + piece.seqs[-1])
        # The log before the days: what is moved meanwhile is found in its day.
        for check in await newest.logged(self._db, seqs):
            if check.monitor not in found or found[check.monitor].at < check.at:
                found[check.monitor] = check
        missing = [monitor for monitor in monitors if monitor not in found]
        days = [day for day in self._open.days if day >= first_day]
        for check in await newest.of_days(self._db, missing, days) if missing else ():
            found[check.monitor] = check
        return {monitor: check for monitor, check in found.items() if check.at >= first_day * times.DAY}

    def _check(self, mark: Pass, monitor: int, is_moved: bool) -> None:
        cut = self._open.cut(mark)
        if cut is None or (monitor <= cut) != is_moved:
            raise _Moved

    def _parts(
        self, monitor: int, cut: int, unread: Sequence[Scanned], status: int | None
    ) -> dict[int, _Part]:
        """By hour, what the store's rollups have not got."""
        parts: dict[int, _Part] = {}
        for hour, piece in self._open.pieces(monitor, cut):
            part = parts.setdefault(hour.hour, _Part([0] * len(STATUSES), [], []))
            part.counts[:] = map(add, part.counts, _statuses(piece.bucket))
            if status is None or part.counts[status]:
                part.seqs.extend(hour.base + distance for distance in piece.seqs)
        for row in self._open.still_unread(unread):
            part = parts.setdefault(row[2] // times.HOUR, _Part([0] * len(STATUSES), [], []))
            part.counts[row[3] % IN_MAINTENANCE] += 1
            part.seqs.append(row[0])
        for waiting in self._waiting.get(monitor, ()):
            part = parts.setdefault(waiting[2] // times.HOUR, _Part([0] * len(STATUSES), [], []))
            part.counts[waiting[3] % IN_MAINTENANCE] += 1
            part.rows.append(waiting)
        return parts


def _last_of_each(rows: Iterable[Scanned]) -> Iterable[Scanned]:
    """Of rows in the order of the log the last one of each monitor."""
    return {row[1]: row for row in sorted(rows)}.values()


def _count(bucket: Bucket, status: int, tenths: int | None, held: int) -> None:
    bucket.add(status_of(status), None if tenths is None else tenths / 10, held, status >= IN_MAINTENANCE)


def _add(sums: dict[int, Numbers], monitor: int, more: Numbers) -> None:
    before = sums.get(monitor)
    sums[monitor] = more if before is None else tuple(map(add, before, more))


def _of_numbers(numbers: Numbers) -> Bucket:
    """A bucket without a histogram: a list of a thousand has no time for `from_bytes`."""
    bucket = Bucket()
    for name, value in zip(COUNTS, numbers, strict=True):
        setattr(bucket, name, value)
    return bucket


def _chosen(counts: Sequence[int], status: int | None) -> int:
    return sum(counts) if status is None else counts[status]


def _within(counts: Mapping[int, int], limit: int, offset: int) -> tuple[list[int], int]:
    """The days or hours, newest first, that hold the page's checks, and how many of theirs are newer."""
    wanted: list[int] = []
    end = offset + limit
    skip, seen = offset, 0
    for key in sorted(counts, reverse=True):
        if seen >= end:
            break
        seen += counts[key]
        if seen <= offset:
            skip = offset - seen
        elif counts[key]:
            wanted.append(key)
    return wanted, skip
