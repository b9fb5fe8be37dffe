"""The jobs table."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from tickd.domain.jobs import Job
from tickd.errors import Conflict
from tickd.store.database import Database

_LISTS = ("headers", "retry_on", "channels", "depends_on", "tags", "requires")
_FLAGS = ("paused", "failing")
COLUMNS = tuple(Job.__struct_fields__)
"""Every column that is a field of Job, in its order; the ledger's two counters are not."""

_ALL = ", ".join(COLUMNS)
_WRITABLE = COLUMNS[1:]
GET = f"SELECT {_ALL} FROM jobs WHERE account_id = ? AND id = ?"  # noqa: S608
GET_ROW = f"SELECT {_ALL} FROM jobs WHERE row = ?"  # noqa: S608
BY_NAME = f"SELECT {_ALL} FROM jobs WHERE account_id = ? AND name = ?"  # noqa: S608
# The freshest first: a backlog of missed occurrences must not hold up the jobs of this minute.
DUE = f"SELECT {_ALL} FROM jobs WHERE next_run_at <= ? ORDER BY next_run_at DESC LIMIT ?"  # noqa: S608
NEXT_DUE = (
    "SELECT (SELECT min(next_run_at) FROM jobs WHERE next_run_at IS NOT NULL), "
    "(SELECT deferred_until FROM executions WHERE deferred_until IS NOT NULL "
    "AND EXISTS (SELECT 1 FROM jobs WHERE jobs.row = executions.job) ORDER BY deferred_until LIMIT 1)"
)
SCHEDULED = f"SELECT {_ALL} FROM jobs WHERE next_run_at > ?"  # noqa: S608
INSERT = (
    f"INSERT INTO jobs ({', '.join(_WRITABLE)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_WRITABLE))}) RETURNING row"
)
UPDATE = f"UPDATE jobs SET {', '.join(name + ' = ?' for name in _WRITABLE)} WHERE row = ?"  # noqa: S608
# Claimed by counting: only while the plan is still the one that was read.
ADVANCE = (
    "UPDATE jobs SET next_run_at = ?, scheduled_count = scheduled_count + ?, "
    "accounted_count = accounted_count + ? WHERE row = ? AND next_run_at = ?"
)
MISS = "UPDATE jobs SET accounted_count = accounted_count - ? WHERE row = ?"
REPLAN = "UPDATE jobs SET next_run_at = ? WHERE row = ? AND next_run_at = ?"
STANDING = (
    "SELECT id, name, consecutive_failures, failing, failure_threshold, EXISTS (SELECT 1 FROM executions "
    "WHERE executions.job = jobs.row AND executions.status IN ('pending', 'running')) "
    "FROM jobs WHERE row = ?"
)
STAY_WELL = (
    "UPDATE jobs SET last_status = 'success', last_finished_at = ? "
    "WHERE row = ? AND consecutive_failures = 0 AND failing = 0 "
    "RETURNING id, name, 0, 0, failure_threshold, EXISTS (SELECT 1 FROM executions "
    "WHERE executions.job = jobs.row AND executions.status IN ('pending', 'running'))"
)
SET_STANDING = (
    "UPDATE jobs SET consecutive_failures = ?, failing = ?, last_status = ?, last_finished_at = ? "
    "WHERE row = ?"
)
DELETE = "DELETE FROM jobs WHERE account_id = ? AND id = ? RETURNING row"
DOOM = "INSERT INTO deleted_jobs (row) VALUES (?)"
COUNTS = (
    "SELECT iif(paused, 'paused', iif(failing, 'failing', 'active')) AS status, count(*) AS jobs, "
    "sum(scheduled_count) AS scheduled, sum(accounted_count) AS accounted FROM jobs GROUP BY 1"
)
OVERDUE = "SELECT count(*) FROM jobs WHERE next_run_at <= ?"
LEDGER = "SELECT scheduled_count, accounted_count FROM jobs WHERE row = ?"
SCHEDULES = (
    "SELECT schedule, timezone, count(*) FROM jobs WHERE account_id = ? AND NOT paused AND id <> ? "
    "GROUP BY 1, 2 ORDER BY 3 DESC LIMIT ?"
)
BUSIEST = (
    "SELECT next_run_at, count(*) FROM jobs WHERE account_id = ? AND next_run_at BETWEEN ? AND ? "
    "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
)

_FILTERS = (
    "account_id = :account_id "
    "AND (:status IS NULL OR iif(paused, 'paused', iif(failing, 'failing', 'active')) = :status) "
    "AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag))"
)
PAGE = f"SELECT {_ALL} FROM jobs WHERE {_FILTERS} ORDER BY name LIMIT :limit OFFSET :offset"  # noqa: S608
TOTAL = f"SELECT count(*) FROM jobs WHERE {_FILTERS}"  # noqa: S608


def from_row(row: Sequence[object]) -> Job:
    """The Job that a row of `COLUMNS` holds."""
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    for name in _LISTS:
        values[name] = msgspec.json.decode(values[name])
    for name in _FLAGS:
        values[name] = bool(values[name])
    return Job(**values)


def _to_row(job: Job) -> list[object]:
    values = {name: getattr(job, name) for name in _WRITABLE}
    for name in _LISTS:
        values[name] = msgspec.json.encode(values[name]).decode()
    return list(values.values())


async def get(db: Database, account_id: str, identifier: str) -> Job | None:
    """The account's job of that id."""
    row = await db.fetch_one(GET, (account_id, identifier))
    return None if row is None else from_row(row)


async def by_row(db: Database, row_number: int) -> Job | None:
    """The job of that row, whoever's it is."""
    row = await db.fetch_one(GET_ROW, (row_number,))
    return None if row is None else from_row(row)


async def page(
    db: Database, account_id: str, *, status: str | None, tag: str | None, limit: int, offset: int
) -> tuple[list[Job], int]:
    """One page of an account's jobs by name, and how many there are in all."""
    wanted = {"account_id": account_id, "status": status, "tag": tag, "limit": limit, "offset": offset}
    rows = await db.fetch(PAGE, wanted)
    total = await db.fetch(TOTAL, wanted)
    return [from_row(row) for row in rows], int(total[0][0])


async def due(db: Database, now: int, limit: int) -> list[Job]:
    """Jobs whose next run is due by `now`, the freshest first."""
    return [from_row(row) for row in await db.fetch(DUE, (now, limit))]


async def next_due(db: Database) -> tuple[int | None, int | None]:
    """The earliest next run of all jobs, and the earliest end of a deferral; None where there is none."""
    row = await db.fetch_one(NEXT_DUE)
    return (None, None) if row is None else (row[0], row[1])


async def planned_after(db: Database, moment: int) -> list[Job]:
    """Jobs whose next run is later than `moment`."""
    return [from_row(row) for row in await db.fetch(SCHEDULED, (moment,))]


async def counts(db: Database) -> list[sqlite3.Row]:
    """For each status: `status`, `jobs`, `scheduled` and `accounted` occurrences."""
    return await db.fetch(COUNTS)


async def overdue(db: Database, before: int) -> int:
    """How many jobs should have been planned on before `before`."""
    row = await db.fetch_one(OVERDUE, (before,))
    return 0 if row is None else int(row[0])


async def ledger(db: Database, row_number: int) -> tuple[int, int]:
    """How many occurrences the job's schedule has had, and how many of them have their row."""
    row = await db.fetch_one(LEDGER, (row_number,))
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


async def schedules(db: Database, account_id: str, but: str, most: int) -> list[tuple[str, str, int]]:
    """(schedule, zone, jobs) of the account's jobs that are not paused, without the job `but`.

    The `most` that most jobs have.
    """
    return [(row[0], row[1], row[2]) for row in await db.fetch(SCHEDULES, (account_id, but, most))]


async def busiest(db: Database, account_id: str, since: int, until: int) -> tuple[int, int] | None:
    """The moment from `since` to `until` at which most jobs have their next run, and how many those are."""
    row = await db.fetch_one(BUSIEST, (account_id, since, until))
    return None if row is None else (int(row[0]), int(row[1]))


def find(tx: sqlite3.Connection, account_id: str, identifier: str) -> Job | None:
    """`get`, inside a unit of the writer."""
    row = tx.execute(GET, (account_id, identifier)).fetchone()
    return None if row is None else from_row(row)


def find_row(tx: sqlite3.Connection, row_number: int) -> Job | None:
    """The job of that row, inside a unit of the writer."""
    row = tx.execute(GET_ROW, (row_number,)).fetchone()
    return None if row is None else from_row(row)


def find_name(tx: sqlite3.Connection, account_id: str, name: str) -> Job | None:
    """The account's job of that name, inside a unit of the writer."""
    row = tx.execute(BY_NAME, (account_id, name)).fetchone()
    return None if row is None else from_row(row)


def insert(tx: sqlite3.Connection, job: Job) -> Job:
    """Store a new job; it comes back with its row."""
    (row,) = tx.execute(INSERT, _to_row(job)).fetchone()
    return msgspec.structs.replace(job, row=row)


def update(tx: sqlite3.Connection, job: Job) -> None:
    """Store a changed job; Conflict when another one of the account has its name."""
    try:
        tx.execute(UPDATE, [*_to_row(job), job.row])
    except sqlite3.IntegrityError as error:
        raise Conflict(f"name is taken: another job is called {job.name!r}") from error


def advance(tx: sqlite3.Connection, job: Job, next_run_at: int, scheduled: int) -> bool:
    """Move the plan on and account for what it had; False when it is no longer the one that was read."""
    moved = tx.execute(ADVANCE, (next_run_at, scheduled, scheduled, job.row, job.next_run_at))
    return moved.rowcount == 1


def miss(tx: sqlite3.Connection, job: Job, count: int) -> None:
    """Take back what `advance` accounted for and nobody recorded: the ledger's invariant shows it."""
    tx.execute(MISS, (count, job.row))


def replan(tx: sqlite3.Connection, job: Job, next_run_at: int) -> None:
    """Give the job another next run without accounting for the one it had."""
    tx.execute(REPLAN, (next_run_at, job.row, job.next_run_at))


class JobStanding(NamedTuple):
    """What the end of a run needs of its job; `open` says whether another execution has not ended."""

    id: str
    name: str
    failures: int
    failing: bool
    threshold: int
    open: bool


def standing(tx: sqlite3.Connection, row_number: int) -> JobStanding | None:
    """The job's standing before a run has ended; None when the job is gone."""
    row = tx.execute(STANDING, (row_number,)).fetchone()
    return None if row is None else JobStanding(*row)


def stay_well(tx: sqlite3.Connection, row_number: int, finished_at: int) -> JobStanding | None:
    """Store a success of a job that was well; None, and nothing stored, when it was not."""
    row = tx.execute(STAY_WELL, (finished_at, row_number)).fetchone()
    return None if row is None else JobStanding(*row)


def set_standing(
    tx: sqlite3.Connection, row_number: int, *, failures: int, failing: bool, status: str, finished_at: int
) -> None:
    """Store what the latest run made of the job."""
    tx.execute(SET_STANDING, (failures, failing, status, finished_at, row_number))


def delete(tx: sqlite3.Connection, account_id: str, identifier: str) -> bool:
    """Delete the job; its executions are out of sight at once and removed by upkeep."""
    gone = tx.execute(DELETE, (account_id, identifier)).fetchone()
    if gone is None:
        return False
    tx.execute(DOOM, (gone[0],))
    return True
