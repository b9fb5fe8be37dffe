"""The days of jobs and heartbeats, and the times in which tickd was blind."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from tickd.domain.alerts import SubjectKind
from tickd.domain.days import Counted
from tickd.store.database import Database

TABLES: dict[SubjectKind, str] = {"job": "jobs", "monitor": "monitors", "heartbeat": "heartbeats"}
"""Where the subjects of each kind are."""

# CROSS JOIN, so that every (day, subject) is sought, however many others have had that day.
_SEEK = (
    "WITH subjects AS MATERIALIZED (SELECT value FROM json_each(:rows)) "
    "SELECT {columns} FROM json_each(:days) AS days CROSS JOIN subjects CROSS JOIN {table} "
    "ON {table}.day = days.value AND {table}.{subject} = subjects.value"
)
_EVENTS = (
    "at / 86400000 AS day, heartbeat, sum(kind = 'success' AND NOT degraded) AS success, "
    "sum(kind = 'success' AND degraded) AS degraded, sum(kind = 'fail') AS failed, "
    "sum(kind IN ('missed', 'overran')) AS missed FROM heartbeat_events"
)
_COUNTING = "accepted AND NOT repaired AND kind IN ('success', 'fail', 'missed', 'overran')"
OF_JOBS = _SEEK.format(
    columns="day, job, success, 0, failed, missed, 0, 0, 0.0, 0.0", table="job_days", subject="job"
)
# The newest events are in no day yet; one view of the file has each of them in one of the two.
OF_HEARTBEATS = (
    _SEEK.format(  # noqa: S608
        columns="0 AS newest, day, heartbeat, success, degraded, failed, missed, 0, 0, 0.0, 0.0",
        table="heartbeat_days",
        subject="heartbeat",
    )
    + " UNION ALL SELECT 1, day, heartbeat, success, degraded, failed, missed, 0, 0, 0.0, 0.0 FROM "  # noqa: S608
    f"(SELECT {_EVENTS} WHERE row > (SELECT upto FROM heartbeat_days_pass) AND {_COUNTING} GROUP BY 1, 2) "
    "WHERE heartbeat IN subjects AND day IN (SELECT value FROM json_each(:days))"
)
UNCOUNTED = (
    "SELECT coalesce((SELECT max(row) FROM heartbeat_events), 0) > upto, upto FROM heartbeat_days_pass"
)
LAST_OF_SLICE = (
    "SELECT row FROM (SELECT row FROM heartbeat_events WHERE row > ? ORDER BY row LIMIT ?) "
    "ORDER BY row DESC LIMIT 1"
)
COUNT = (
    "INSERT INTO heartbeat_days (day, heartbeat, success, degraded, failed, missed) "
    f"SELECT {_EVENTS} WHERE row > ? AND row <= ? AND {_COUNTING} GROUP BY 1, 2 "
    "ON CONFLICT (day, heartbeat) DO UPDATE SET success = success + excluded.success, "
    "degraded = degraded + excluded.degraded, failed = failed + excluded.failed, "
    "missed = missed + excluded.missed"
)
COUNTED_UPTO = "UPDATE heartbeat_days_pass SET upto = ?"
CREATED = "SELECT row, created_at FROM {table} WHERE row IN (SELECT value FROM json_each(?))"
# One interval may have begun long before: the last one that began before the first day is looked at too.
BLIND = (
    "SELECT started_at, ended_at FROM blind_intervals WHERE started_at < ?2 AND started_at >= coalesce("
    "(SELECT max(started_at) FROM blind_intervals WHERE started_at < ?1), 0) ORDER BY started_at"
)
EDGES = "SELECT (SELECT min(day) FROM {table}), (SELECT max(day) FROM {table})"
FORGET = (
    "DELETE FROM {table} WHERE (day, {subject}) IN (SELECT day, {subject} FROM json_each(?) AS days "
    "CROSS JOIN {table} ON {table}.day = days.value AND {table}.{subject} = ? LIMIT ?)"
)


async def of_kind(
    db: Database, kind: SubjectKind, rows: Sequence[int], days: range
) -> tuple[Sequence[Sequence[Any]], dict[tuple[int, int], Counted]]:
    """(day, row, the numbers of `Counted`) of these jobs' or heartbeats' days, and by (day, row) what counts
    beside that."""
    wanted = {"rows": json.dumps(rows), "days": json.dumps(list(days))}
    if kind == "job":
        return await db.fetch(OF_JOBS, wanted), {}
    stored, newest = [], {}
    for found in await db.fetch(OF_HEARTBEATS, wanted):
        if found[0]:
            newest[found[1], found[2]] = found[3:]
        else:
            stored.append(found[1:])
    return stored, newest


async def created(db: Database, kind: SubjectKind, rows: Sequence[int]) -> dict[int, int]:
    """When each of these subjects was made (milliseconds), of those that there are."""
    found = await db.fetch(CREATED.format(table=TABLES[kind]), (json.dumps(rows),))
    return {row[0]: row[1] for row in found}


async def blind(db: Database, since: int, until: int) -> list[tuple[int, int]]:
    """The times from `since` to `until` in which tickd was blind, as (from, to), all in milliseconds."""
    found = await db.fetch(BLIND, (since, until))
    return [(row[0], row[1]) for row in found if row[1] > since]


async def has_uncounted(db: Database) -> bool:
    """Whether there are pings that are not in their day yet."""
    row = await db.fetch_one(UNCOUNTED)
    return row is not None and bool(row[0])


def count_pings(tx: sqlite3.Connection, limit: int) -> bool:
    """Put the next `limit` events of heartbeats into their days; whether there may be more."""
    more, upto = tx.execute(UNCOUNTED).fetchone()
    if not more:
        return False
    (last,) = tx.execute(LAST_OF_SLICE, (upto, limit)).fetchone()
    tx.execute(COUNT, (upto, last))
    tx.execute(COUNTED_UPTO, (last,))
    return bool(last - upto >= limit)


def forget(tx: sqlite3.Connection, kind: SubjectKind, row: int, limit: int) -> int:
    """Remove up to `limit` days of a deleted job or heartbeat; how many went."""
    wanted = {"table": f"{kind}_days", "subject": kind}
    first, last = tx.execute(EDGES.format(**wanted)).fetchone()
    if first is None:
        return 0
    every = json.dumps(list(range(first, last + 1)))
    return tx.execute(FORGET.format(**wanted), (every, row, limit)).rowcount
