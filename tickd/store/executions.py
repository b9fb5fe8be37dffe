"""The ledger: one row an occurrence of a job, its fate and the reason."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tickd.domain.durations import Slot
from tickd.domain.executions import Execution, Outcome
from tickd.domain.jobs import Job, Occurrence
from tickd.store import days
from tickd.store.database import Database

COLUMNS = tuple(Execution.__struct_fields__)
"""Every field of Execution, in its order."""

_RENAMED = {"job_row": "executions.job", "job_id": "jobs.id"}
_ALL = ", ".join(_RENAMED.get(name, "executions." + name) for name in COLUMNS)
_FROM = f"SELECT {_ALL} FROM executions JOIN jobs ON jobs.row = executions.job"  # noqa: S608

GET = f"{_FROM} WHERE executions.row = ? AND jobs.account_id = ?"
GET_ROW = f"{_FROM} WHERE executions.row = ?"
FIRST_FAILURE = (
    f"{_FROM} WHERE executions.job = ? AND executions.status IN ('failed', 'timeout') "
    "AND executions.error NOT LIKE 'interrupted by restart%' "
    "ORDER BY executions.scheduled_at DESC, executions.row DESC LIMIT 1 OFFSET ?"
)
PAGE = (
    f"{_FROM} WHERE executions.job = ? AND (? IS NULL OR executions.status = ?) "
    "ORDER BY executions.scheduled_at DESC, executions.row DESC LIMIT ? OFFSET ?"
)
TOTAL = "SELECT count(*) FROM executions WHERE job = ? AND (? IS NULL OR status = ?)"
# Nearest rank: the successes of a slot are ranked by their time, and what did not succeed comes behind them.
CHART = (
    "SELECT slot, min(took) FILTER (WHERE place >= 0.5 * known), "
    "min(took) FILTER (WHERE place >= 0.95 * known), count(failed_at), min(failed_at) "
    "FROM (SELECT slot, took, failed_at, "
    "row_number() OVER (PARTITION BY slot ORDER BY took IS NULL, took) AS place, "
    "count(took) OVER (PARTITION BY slot) AS known FROM (SELECT scheduled_at / ?3 AS slot, "
    "iif(status = 'success', duration_ms, NULL) AS took, "
    "iif(status IN ('failed', 'timeout', 'missed'), scheduled_at, NULL) AS failed_at FROM executions "
    "WHERE job = ?1 AND scheduled_at >= ?2 AND status IN ('success', 'failed', 'timeout', 'missed'))) "
    "GROUP BY slot ORDER BY slot"
)
# CROSS JOIN, so that each day is sought.
OUTCOMES = (
    "SELECT day, success, failed, missed, skipped FROM json_each(?) AS days CROSS JOIN job_days "
    "ON job_days.day = days.value AND job_days.job = ?"
)
REASONS = (
    "SELECT status, error, count(*), max(scheduled_at) FROM json_each(?) AS days CROSS JOIN executions "
    "ON job = ? AND scheduled_at >= 86400000 * days.value AND scheduled_at < 86400000 * (days.value + 1) "
    "WHERE status IN ('missed', 'skipped') GROUP BY 1, 2 ORDER BY 4 DESC LIMIT ?"
)
OPEN = f"{_FROM} WHERE executions.status IN ('pending', 'running') AND executions.row > ? ORDER BY 1 LIMIT ?"
OPEN_COUNTS = (
    "SELECT executions.status, count(*) FROM executions JOIN jobs ON jobs.row = executions.job "
    "WHERE executions.status IN ('pending', 'running') GROUP BY 1"
)
DEADLINES = (
    "SELECT row, deadline_at FROM executions "
    "WHERE status IN ('pending', 'running') AND deadline_at IS NOT NULL "
    "AND EXISTS (SELECT 1 FROM jobs WHERE jobs.row = executions.job) ORDER BY deadline_at LIMIT ?"
)
INSERT = (
    "INSERT INTO executions (job, scheduled_at, manual, trigger, status, error, reason, finished_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job, scheduled_at, manual) DO NOTHING RETURNING row"
)
# A deferred one is no run under way: nothing waits for it, and it begins when no other has ended.
OPEN_OF_JOB = (
    "SELECT row, status, deadline_at FROM executions "
    "WHERE job = ? AND status IN ('pending', 'running') AND deferred_until IS NULL ORDER BY row"
)
MANUAL = "SELECT row FROM executions WHERE job = ? AND scheduled_at = ? AND manual = ?"
EXTEND = "UPDATE executions SET deadline_at = ? WHERE row = ? AND status = 'running'"
CUT_OFF = "UPDATE executions SET reason = ? WHERE row = ? AND status = 'running' AND deadline_at IS NULL"
CLOSE = (
    "UPDATE executions SET status = ?, error = ?, finished_at = ?, deadline_at = NULL "
    "WHERE row = ? AND status IN ('pending', 'running')"
)
# One that waits for what it requires, or was interrupted, is none of them.
WAITING = (
    "SELECT count(*) FROM executions WHERE job IN (SELECT row FROM jobs WHERE account_id = ?) "
    "AND status IN ('pending', 'running') AND status = 'pending' AND deferred_until IS NULL AND attempts = 0 "
    "AND scheduled_at >= ?"
)
SKIP_WAITING = (
    "UPDATE executions SET status = 'skipped', error = ?, finished_at = ?, deferred_until = NULL, "
    "deferred_for = NULL WHERE job IN (SELECT row FROM jobs WHERE account_id = ?) "
    "AND status IN ('pending', 'running') AND status = 'pending'"
)
BEGIN = (
    "UPDATE executions SET status = 'running', started_at = coalesce(started_at, ?), attempts = attempts + 1 "
    "WHERE row = ? AND status IN ('pending', 'running') "
    "AND EXISTS (SELECT 1 FROM jobs WHERE jobs.row = executions.job) RETURNING attempts"
)
END = (
    "UPDATE executions SET status = ?, status_code = coalesce(?, status_code), duration_ms = ?, error = ?, "
    "response_body = iif(? = '', response_body, ?), finished_at = ?, deadline_at = NULL "
    "WHERE row = ? AND status IN ('pending', 'running') RETURNING job"
)
ACCEPT = (
    "UPDATE executions SET status_code = ?, duration_ms = ?, response_body = ?, deadline_at = ? "
    "WHERE row = ? AND status = 'running'"
)
REPORT = "UPDATE executions SET output = ? WHERE row = ? AND status IN ('pending', 'running')"
REOPEN = (
    "UPDATE executions SET status = 'pending', error = '', reason = ?, interruptions = interruptions + 1, "
    "started_at = NULL, finished_at = NULL WHERE row = ? AND status = 'running'"
)
ACCOUNTED = (
    "SELECT count(*) FROM executions WHERE job = ? AND manual = 0 "
    "AND scheduled_at IN (SELECT value FROM json_each(?))"
)
FORGET_JOB = "DELETE FROM executions WHERE row IN (SELECT row FROM executions WHERE job = ? LIMIT ?)"
FORGET_OLD = (
    "DELETE FROM executions WHERE row IN (SELECT row FROM executions WHERE job = ? AND scheduled_at < ? "
    "AND status NOT IN ('pending', 'running') LIMIT ?)"
)


def from_row(row: Sequence[object]) -> Execution:
    """The Execution that a row of `COLUMNS` holds."""
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    return Execution(**values)


async def get(db: Database, account_id: str, row_number: int) -> Execution | None:
    """The account's execution of that row."""
    row = await db.fetch_one(GET, (row_number, account_id))
    return None if row is None else from_row(row)


async def page(
    db: Database, job_row: int, *, status: str | None, limit: int, offset: int
) -> tuple[list[Execution], int]:
    """One page of a job's executions, newest first, and how many there are in all."""
    rows = await db.fetch(PAGE, (job_row, status, status, limit, offset))
    total = await db.fetch(TOTAL, (job_row, status, status))
    return [from_row(row) for row in rows], int(total[0][0])


async def chart(db: Database, job_row: int, since: int, slot: int) -> list[Slot]:
    """The slots of `slot` milliseconds from `since` on that had a run, oldest first."""
    return [Slot(*row) for row in await db.fetch(CHART, (job_row, since, slot))]


class Outcomes(NamedTuple):
    """How a job's runs of one UTC day ended, those that were started by hand included."""

    day: int
    success: int
    failed: int
    missed: int
    skipped: int


async def outcomes(db: Database, job_row: int, days: range) -> list[Outcomes]:
    """The days that had runs, oldest first."""
    return [Outcomes(*row) for row in await db.fetch(OUTCOMES, (json.dumps(list(days)), job_row))]


class Uncalled(NamedTuple):
    """Why so many runs were not called; `last_at` is the latest of them."""

    status: str
    why: str
    runs: int
    last_at: int


async def uncalled(db: Database, job_row: int, days: Sequence[int], most: int) -> list[Uncalled]:
    """Why a job's occurrences of these UTC days were missed or skipped, the latest `most` reasons."""
    return [Uncalled(*row) for row in await db.fetch(REASONS, (json.dumps(days), job_row, most))]


async def open_after(db: Database, row_number: int, limit: int) -> list[Execution]:
    """Executions that have not ended, by row, from behind `row_number` on."""
    return [from_row(row) for row in await db.fetch(OPEN, (row_number, limit))]


async def open_counts(db: Database) -> dict[str, int]:
    """How many executions are pending and how many running."""
    return {str(row[0]): int(row[1]) for row in await db.fetch(OPEN_COUNTS)}


async def deadlines(db: Database, limit: int) -> list[tuple[int, int]]:
    """Executions that wait for their callback, as (row, deadline), the earliest first."""
    return [(int(row[0]), int(row[1])) for row in await db.fetch(DEADLINES, (limit,))]


async def by_row(db: Database, row_number: int) -> Execution | None:
    """The execution of that row, whoever's it is."""
    row = await db.fetch_one(GET_ROW, (row_number,))
    return None if row is None else from_row(row)


def first_failure(tx: sqlite3.Connection, job_row: int, failures: int) -> Execution | None:
    """The earliest of the job's latest `failures` runs that failed."""
    row = tx.execute(FIRST_FAILURE, (job_row, max(0, failures - 1))).fetchone()
    return None if row is None else from_row(row)


def find_row(tx: sqlite3.Connection, row_number: int) -> Execution | None:
    """The execution of that row, inside a unit of the writer."""
    row = tx.execute(GET_ROW, (row_number,)).fetchone()
    return None if row is None else from_row(row)


def insert(
    tx: sqlite3.Connection,
    job: Job,
    occurrence: Occurrence,
    *,
    status: str | None = None,
    error: str = "",
    reason: str = "",
    finished_at: int | None = None,
    manual: int = 0,
) -> int | None:
    """Record an occurrence and return its row; None when it was recorded before."""
    fate = status or occurrence.fate
    values = (job.row, occurrence.at, manual, occurrence.trigger, fate, error, reason, finished_at)
    made = tx.execute(INSERT, values).fetchone()
    return None if made is None else int(made[0])


class OpenRun(NamedTuple):
    """An execution that has not ended and is not deferred; `deadline_at` is set once it was accepted."""

    row: int
    status: str
    deadline_at: int | None


def open_rows(tx: sqlite3.Connection, job_row: int) -> list[OpenRun]:
    """The job's executions that have not ended, oldest first, but for the deferred ones."""
    return [OpenRun(*found) for found in tx.execute(OPEN_OF_JOB, (job_row,))]


def row_of_manual(tx: sqlite3.Connection, job_row: int, moment: int, manual: int) -> int:
    """The row of a run that was started by hand."""
    (row,) = tx.execute(MANUAL, (job_row, moment, manual)).fetchone()
    return int(row)


def extend(tx: sqlite3.Connection, row_number: int, deadline_at: int) -> None:
    """Give an accepted run until `deadline_at` to report."""
    tx.execute(EXTEND, (deadline_at, row_number))


def note_cut_off(tx: sqlite3.Connection, rows: Iterable[int], reason: str) -> None:
    """Say of running executions why they were cut off; the next start takes them up."""
    tx.executemany(CUT_OFF, [(reason, row) for row in rows])


def count_occurrences(tx: sqlite3.Connection, job_row: int, moments: Sequence[int]) -> int:
    """How many of these scheduled moments (milliseconds) have their row."""
    (count,) = tx.execute(ACCOUNTED, (job_row, json.dumps(moments))).fetchone()
    return int(count)


def begin(tx: sqlite3.Connection, row_number: int, now: int) -> int | None:
    """Say that a call goes out; the number of the attempt, or None when the execution has ended."""
    begun = tx.execute(BEGIN, (now, row_number)).fetchone()
    return None if begun is None else int(begun[0])


def end(tx: sqlite3.Connection, row_number: int, outcome: Outcome, now: int) -> int | None:
    """Finish an open execution and return its job's row; None when it has ended already."""
    body = outcome.response_body
    values = (
        outcome.fate,
        outcome.status_code,
        outcome.duration_ms,
        outcome.error,
        body,
        body,
        now,
        row_number,
    )
    ended = tx.execute(END, values).fetchone()
    return None if ended is None else int(ended[0])


def accept(tx: sqlite3.Connection, row_number: int, outcome: Outcome, deadline_at: int) -> bool:
    """Say that the endpoint accepted the run and will call back by `deadline_at`."""
    values = (outcome.status_code, outcome.duration_ms, outcome.response_body, deadline_at, row_number)
    return tx.execute(ACCEPT, values).rowcount == 1


def report(tx: sqlite3.Connection, row_number: int, output: str) -> bool:
    """Keep what an open execution reports of itself."""
    return tx.execute(REPORT, (output, row_number)).rowcount == 1


def reopen(tx: sqlite3.Connection, row_number: int, reason: str) -> bool:
    """Put an interrupted execution back to pending, under its own id."""
    return tx.execute(REOPEN, (reason, row_number)).rowcount == 1


def close(tx: sqlite3.Connection, row_number: int, status: str, error: str, now: int) -> None:
    """End an open execution that was not called to its end: missed, skipped or interrupted."""
    tx.execute(CLOSE, (status, error, now, row_number))


def waiting(tx: sqlite3.Connection, account_id: str, since: int) -> int:
    """How many runs of an account, of those due from `since` (milliseconds) on, wait only for their turn."""
    return int(tx.execute(WAITING, (account_id, since)).fetchone()[0])


def skip_waiting(tx: sqlite3.Connection, account_id: str, error: str, now: int) -> None:
    """End all executions of an account that have not begun, deferred ones too."""
    tx.execute(SKIP_WAITING, (error, now, account_id))


def forget_job(tx: sqlite3.Connection, job_row: int, limit: int) -> int:
    """Remove up to `limit` executions of a deleted job, at the end its days; how many executions went."""
    gone = tx.execute(FORGET_JOB, (job_row, limit)).rowcount
    if gone < limit and days.forget(tx, "job", job_row, limit) < limit:
        tx.execute("DELETE FROM deleted_jobs WHERE row = ?", (job_row,))
    return gone


def forget_old(tx: sqlite3.Connection, job_rows: Iterable[tuple[int, int]], limit: int) -> int:
    """Remove ended executions of each (job, before) pair, up to `limit` a job; how many went."""
    return sum(tx.execute(FORGET_OLD, (job, before, limit)).rowcount for job, before in job_rows)
