"""Rollups: what the checks of an hour and of a day come to, by (bucket, monitor)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from tickd.domain.uptime import COUNTS, Bucket
from tickd.store.checks import Pass
from tickd.store.database import Database

Span = Literal["hour", "day"]
Statuses = tuple[int, int, int, int, int]
"""Checks by status, in the order of `checks.STATUSES`."""

Numbers = tuple[float, ...]
"""The values of a bucket's `COUNTS`."""

DAILY = (
    "up + degraded - maintenance + maintenance_failed - min(degraded, up + degraded - maintenance "
    "+ maintenance_failed), min(degraded, up + degraded - maintenance + maintenance_failed), "
    "down + timeout - maintenance_failed, 0, unknown, maintenance, held_up, held_down"
)
"""What a bar of a day is made of, `days.Counted`; which checks in maintenance were degraded nobody knows."""

_NUMBERS = ", ".join(COUNTS)
_ALL = f"monitor, {_NUMBERS}, histogram"
_STATUSES = ", ".join(COUNTS[:5])
_MARK = "SELECT NULL, number, hour, upto, done"


def _padded(columns: int) -> str:
    """The mark as a first row of a query with so many columns: both are of one view of the file."""
    return ", ".join([_MARK, *["NULL"] * (columns - 5)]) + " FROM check_pass UNION ALL "


READ = "SELECT " + _ALL + " FROM {span}_rollups WHERE {span} = ? AND monitor BETWEEN ? AND ?"  # noqa: S608
PUT = (
    "INSERT OR REPLACE INTO {span}_rollups ({span}, " + _ALL + ") "
    f"VALUES ({', '.join('?' * (len(COUNTS) + 3))})"
)
OF_MONITOR = (
    _padded(len(COUNTS) + 2) + "SELECT {span}, " + _NUMBERS + ", histogram FROM {span}_rollups "  # noqa: S608
    "WHERE monitor = ? AND {span} IN (SELECT value FROM json_each(?))"
)
COUNTS_OF_MONITOR = (
    _padded(6) + "SELECT {span}, " + _STATUSES + " FROM {span}_rollups "  # noqa: S608
    "WHERE monitor = ? AND {span} IN (SELECT value FROM json_each(?))"
)
SUMS = (
    _padded(len(COUNTS) + 1) + "SELECT monitor, " + ", ".join(f"sum({name})" for name in COUNTS) + " "  # noqa: S608
    "FROM day_rollups WHERE day IN (SELECT value FROM json_each(?)) "
    "AND monitor IN (SELECT value FROM json_each(?)) "
    "GROUP BY monitor"
)
# CROSS JOIN, so that every (day, monitor) is sought: a day of 30,000 monitors is not read for a hundred.
OF_MONITORS = (
    "WITH monitors AS MATERIALIZED (SELECT value FROM json_each(?)) "  # noqa: S608
    + _padded(10)
    + f"SELECT day, monitor, {DAILY} FROM json_each(?) AS days CROSS JOIN monitors "  # noqa: S608
    "CROSS JOIN day_rollups ON day_rollups.day = days.value AND day_rollups.monitor = monitors.value"
)
CHECKS_OF_DAY = (
    "SELECT coalesce(sum(up + down + timeout + degraded + unknown), 0) FROM day_rollups WHERE day = ?"
)
EDGES = "SELECT (SELECT min({span}) FROM {span}_rollups), (SELECT max({span}) FROM {span}_rollups)"
FORGET = "DELETE FROM {span}_rollups WHERE monitor = ? AND {span} IN (SELECT value FROM json_each(?))"
FORGET_OLD = (
    "DELETE FROM hour_rollups WHERE (hour, monitor) IN "
    "(SELECT hour, monitor FROM hour_rollups WHERE hour < ? ORDER BY hour, monitor LIMIT ?)"
)


def _bucket(numbers: Sequence[int], histogram: bytes) -> Bucket:
    return Bucket.from_bytes(histogram, **dict(zip(COUNTS, numbers, strict=True)))


def add(tx: sqlite3.Connection, span: Span, key: int, buckets: Sequence[tuple[int, Bucket]]) -> None:
    """Add the buckets, by monitor and in its order, to what that hour or day holds already."""
    between = (key, buckets[0][0], buckets[-1][0])
    stored = {row[0]: _bucket(row[1:-1], row[-1]) for row in tx.execute(READ.format(span=span), between)}
    rows = []
    for monitor, bucket in buckets:
        whole = stored.get(monitor)
        if whole is None:
            whole = bucket
        else:
            whole.merge(bucket)
        rows.append((key, monitor, *whole.counts().values(), whole.to_bytes()))
    tx.executemany(PUT.format(span=span), rows)


async def of_monitor(
    db: Database, span: Span, monitor: int, keys: Iterable[int]
) -> tuple[Pass, dict[int, Bucket]]:
    """A monitor's buckets by hour or day, those of `keys` that there are."""
    mark, *found = await db.fetch(OF_MONITOR.format(span=span), (monitor, json.dumps(list(keys))))
    return Pass(*mark[1:5]), {key: _bucket(numbers, histogram) for key, *numbers, histogram in found}


async def counts_of_monitor(
    db: Database, span: Span, monitor: int, keys: Iterable[int]
) -> tuple[Pass, dict[int, Statuses]]:
    """How many checks of each status a monitor's hours or days hold."""
    mark, *found = await db.fetch(COUNTS_OF_MONITOR.format(span=span), (monitor, json.dumps(list(keys))))
    return Pass(*mark[1:5]), {key: tuple(counts) for key, *counts in found}


async def sums(
    db: Database, monitors: Sequence[int], since_day: int, until_day: int
) -> tuple[Pass, dict[int, Numbers]]:
    """The sums of `COUNTS` over the days from the first to the last, by monitor."""
    days = json.dumps(list(range(since_day, until_day + 1)))
    mark, *found = await db.fetch(SUMS, (days, json.dumps(monitors)))
    return Pass(*mark[1:5]), {row[0]: row[1:] for row in map(tuple, found)}


async def of_monitors(
    db: Database, monitors: Sequence[int], days: Iterable[int]
) -> tuple[Pass, Sequence[Sequence[Any]]]:
    """The days of these monitors: rows of (day, monitor, the numbers of `days.Counted`), day by day."""
    mark, *found = await db.fetch(OF_MONITORS, (json.dumps(monitors), json.dumps(list(days))))
    return Pass(*mark[1:5]), found


async def edges(db: Database, span: Span) -> tuple[int, int] | None:
    """The first and the last hour or day that has a rollup."""
    first, last = (await db.fetch(EDGES.format(span=span)))[0]
    return None if first is None else (first, last)


async def checks_of_day(db: Database, day: int) -> int:
    """How many checks all monitors had on a day."""
    return int((await db.fetch(CHECKS_OF_DAY, (day,)))[0][0])


def forget(tx: sqlite3.Connection, span: Span, monitor: int, keys: Iterable[int]) -> None:
    """Delete a monitor's rollups of these hours or days."""
    tx.execute(FORGET.format(span=span), (monitor, json.dumps(list(keys))))


def forget_old(tx: sqlite3.Connection, before: int, limit: int) -> int:
    """Delete up to `limit` rollups of hours before `before`; how many went."""
    return tx.execute(FORGET_OLD, (before, limit)).rowcount
