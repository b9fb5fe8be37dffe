"""The last check of each of many monitors, out of the log and out of the tables of the days."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tickd.domain import times
from tickd.domain.checks import Check
from tickd.store import checks
from tickd.store.database import Database

_REST = ", ".join(checks.COLUMNS[3:])
NEWEST_LOGGED = " UNION ALL ".join(
    f"SELECT monitor, at, {_REST} FROM check_log_{log} WHERE seq IN (SELECT value FROM json_each(?1))"  # noqa: S608
    for log in (0, 1)
)
# CROSS JOIN, so that every (day, monitor) is sought, and no day is read from one end to the other.
NEWEST_DAYS = (
    "SELECT monitor, max(day) FROM json_each(?) AS days CROSS JOIN json_each(?) AS monitors "
    "CROSS JOIN day_rollups ON day_rollups.day = days.value AND day_rollups.monitor = monitors.value "
    "GROUP BY monitor"
)
_HOURS = json.dumps(list(range(24)))
_NEWEST_OF_HOUR = (
    "SELECT place FROM checks_{day} WHERE place BETWEEN (hours.value << 44) + (monitors.value << 22) "
    "AND (hours.value << 44) + (monitors.value << 22) + 4194303 ORDER BY place DESC LIMIT 1"
)
_NEWEST_OF_DAY = (
    "SELECT monitor, {start} + (place >> 44) * 3600000 + (place & 4194303), " + _REST + " FROM ("  # noqa: S608
    "SELECT value AS monitor, (SELECT max(found) FROM (SELECT (" + _NEWEST_OF_HOUR + ") AS found "
    f"FROM json_each('{_HOURS}') AS hours)) AS newest "
    "FROM json_each(?) AS monitors) CROSS JOIN checks_{day} ON place = newest"
)


async def logged(db: Database, seqs: Sequence[int]) -> list[Check]:
    """Checks by their place in the log; those that have left it are absent."""
    return _checks(await db.fetch(NEWEST_LOGGED, (json.dumps(seqs),)))


async def of_days(db: Database, monitors: Sequence[int], days: Iterable[int]) -> list[Check]:
    """The last check of each of these monitors out of those days' tables; those without one are absent."""
    by_day: dict[int, list[int]] = {}
    for monitor, day in await db.fetch(NEWEST_DAYS, (json.dumps(list(days)), json.dumps(monitors))):
        by_day.setdefault(day, []).append(monitor)
    if not by_day:
        return []
    parts = [_NEWEST_OF_DAY.format(day=day, start=day * times.DAY) for day in by_day]
    return _checks(await db.fetch(" UNION ALL ".join(parts), [json.dumps(of) for of in by_day.values()]))


def _checks(found: Iterable[Sequence[Any]]) -> list[Check]:
    return [checks.to_check(monitor, at, said) for monitor, at, *said in found]
