"""Retention: what is deleted or past its time is removed a few rows at a time."""

from __future__ import annotations

from collections.abc import Sequence

from tickd.store.database import Database

DELETED_JOBS = "SELECT row FROM deleted_jobs LIMIT ?"
RETENTIONS = (
    "SELECT jobs.row, accounts.retention_days FROM jobs JOIN accounts ON accounts.id = jobs.account_id "
    "WHERE jobs.row > ? ORDER BY jobs.row LIMIT ?"
)


async def deleted_jobs(db: Database, limit: int) -> list[int]:
    """Rows of deleted jobs that still have executions."""
    return [int(row[0]) for row in await db.fetch(DELETED_JOBS, (limit,))]


async def retentions(db: Database, after: int, limit: int) -> Sequence[tuple[int, int]]:
    """(row, days to keep) of jobs behind row `after`, in their order."""
    return [(int(row[0]), int(row[1])) for row in await db.fetch(RETENTIONS, (after, limit))]


async def none_deleted(_db: Database, _limit: int) -> list[int]:
    """For history that does not go with its subject."""
    return []


async def at_once(_db: Database, after: int, _limit: int) -> Sequence[tuple[int, int]]:
    """For history that is looked at by its accounts, all of it at once: as of now."""
    return [] if after else [(1, 0)]
