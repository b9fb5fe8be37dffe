"""Deferred executions, and whether what they wait for is down."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from tickd.domain.gates import Target
from tickd.domain.jobs import Trigger
from tickd.store.database import Database

# The left joins keep SQLite from reading all monitors for a few ids.
_TARGETS = (
    "FROM json_each(?1) AS wanted LEFT JOIN monitors ON monitors.id = wanted.value "
    "LEFT JOIN heartbeats ON heartbeats.id = wanted.value"
)
DOWN = (
    f"SELECT wanted.value, coalesce(monitors.name, heartbeats.name) {_TARGETS} "
    "WHERE (monitors.account_id = ?2 AND monitors.failing AND NOT monitors.paused) "
    "OR (heartbeats.account_id = ?2 AND heartbeats.failing AND NOT heartbeats.paused) ORDER BY wanted.key"
)
NAMED = f"SELECT wanted.value, coalesce(monitors.name, heartbeats.name, '') {_TARGETS} ORDER BY wanted.key"
# One that is not down any more is enough for a closer look: the job may wait for others. The plus keeps
# SQLite from reading all executions in the order of their jobs.
TO_LOOK_AT = (
    "SELECT DISTINCT +executions.job FROM executions JOIN jobs ON jobs.row = executions.job "
    "WHERE executions.deferred_until IS NOT NULL AND (executions.deferred_until <= ? "
    "OR EXISTS (SELECT 1 FROM json_each(executions.deferred_for) AS wanted WHERE NOT EXISTS "
    "(SELECT 1 FROM monitors WHERE monitors.id = wanted.value AND failing AND NOT paused) AND NOT EXISTS "
    "(SELECT 1 FROM heartbeats WHERE heartbeats.id = wanted.value AND failing AND NOT paused))) LIMIT ?"
)
# With the condition of the index of open executions and a plus against the other index, or all the job's
# history would be read.
OF_JOB = (
    "SELECT row, scheduled_at, trigger, reason, deferred_until, deferred_for FROM executions "
    "WHERE job = ? AND status IN ('pending', 'running') AND deferred_until IS NOT NULL "
    "ORDER BY +scheduled_at, row"
)
_OPEN = "row = ? AND status = 'pending'"
DEFER = f"UPDATE executions SET reason = ?, deferred_until = ?, deferred_for = ? WHERE {_OPEN}"  # noqa: S608
RELEASE = (
    "UPDATE executions SET reason = ?, deferred_until = NULL, deferred_for = NULL "  # noqa: S608
    f"WHERE {_OPEN} AND deferred_until IS NOT NULL"
)
CLOSE = (
    "UPDATE executions SET status = ?, error = ?, reason = ?, finished_at = ?, deferred_until = NULL, "  # noqa: S608
    f"deferred_for = NULL WHERE {_OPEN} AND deferred_until IS NOT NULL"
)
SHIFT = (
    "UPDATE executions SET deferred_until = deferred_until + ? "
    "WHERE job = ? AND status IN ('pending', 'running') AND deferred_until IS NOT NULL"
)
COUNT = (
    "SELECT count(*) FROM executions WHERE deferred_until IS NOT NULL "
    "AND EXISTS (SELECT 1 FROM jobs WHERE jobs.row = executions.job)"
)


class Deferred(NamedTuple):
    """An execution that waits for ids in `targets`, until `until` at most; times are milliseconds."""

    row: int
    scheduled_at: int
    trigger: Trigger
    reason: str
    until: int
    targets: list[str]


async def to_look_at(db: Database, now: int, limit: int) -> list[int]:
    """Rows of jobs with a deferred execution that waits no longer, or perhaps not for all it waited for."""
    return [int(row[0]) for row in await db.fetch(TO_LOOK_AT, (now, limit))]


async def count(db: Database) -> int:
    """How many executions are deferred."""
    row = await db.fetch_one(COUNT)
    return 0 if row is None else int(row[0])


def down(tx: sqlite3.Connection, account_id: str, identifiers: Sequence[str]) -> list[Target]:
    """Those of the account's monitors and heartbeats that fail and are not paused."""
    found = tx.execute(DOWN, (json.dumps(identifiers), account_id))
    return [Target(identifier, name) for identifier, name in found]


def named(tx: sqlite3.Connection, identifiers: Sequence[str]) -> list[Target]:
    """The same with the names that they have now."""
    return [Target(identifier, name) for identifier, name in tx.execute(NAMED, (json.dumps(identifiers),))]


def of_job(tx: sqlite3.Connection, job_row: int) -> list[Deferred]:
    """The job's deferred executions, oldest first."""
    return [
        Deferred(row, at, trigger, reason, until, json.loads(targets))
        for row, at, trigger, reason, until, targets in tx.execute(OF_JOB, (job_row,))
    ]


def defer(tx: sqlite3.Connection, row: int, reason: str, until: int, targets: Sequence[Target]) -> None:
    """Let a recorded execution wait, or go on waiting."""
    tx.execute(DEFER, (reason, until, json.dumps([one.id for one in targets]), row))


def shift(tx: sqlite3.Connection, job_row: int, milliseconds: int) -> None:
    """Let the job's deferred executions wait for so much longer."""
    tx.execute(SHIFT, (milliseconds, job_row))


def release(tx: sqlite3.Connection, row: int, reason: str) -> None:
    """Let a deferred execution wait no longer."""
    tx.execute(RELEASE, (reason, row))


def close(tx: sqlite3.Connection, row: int, status: str, error: str, reason: str, now: int) -> None:
    """End a deferred execution that was never called."""
    tx.execute(CLOSE, (status, error, reason, now, row))
