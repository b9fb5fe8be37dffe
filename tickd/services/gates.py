"""Gates: deferred runs begin when what they wait for is up, or are given up."""

from __future__ import annotations

import sqlite3

from tickd.domain import gates as rules
from tickd.domain import times
from tickd.domain.jobs import Job
from tickd.services import ledger
from tickd.services.ledger import Run, Why
from tickd.store import gates, jobs
from tickd.store.database import Database

BATCH = 100
"""How many jobs are looked at in one go."""
LOOK_EVERY = 5 * times.SECOND
"""How often it is looked whether a target is up, whoever says or forgets to say that it is."""


class Gates:
    """Looks at what is deferred, while anything is."""

    def __init__(self, db: Database, why: Why) -> None:
        self._db = db
        self._why = why
        self.deferring = True
        """Whether anything may be deferred; at a start, an earlier life of the daemon may have left some."""

    async def look(self, now: int) -> tuple[list[Run], bool]:
        """The runs that wait no longer, and whether there are more jobs to look at."""
        if not self.deferring:
            return [], False
        found = await gates.to_look_at(self._db, now, BATCH)

        def unit(tx: sqlite3.Connection) -> list[Run]:
            waiting = (jobs.find_row(tx, row) for row in found)
            return [run for job in waiting if job is not None for run in ledger.look(tx, job, now, self._why)]

        runs = await self._db.write(unit) if found else []
        return runs, len(found) == BATCH

    def next_look(self, until: int | None, now: int) -> int | None:
        """When to look again, where the earliest deferral ends at `until`; None when nothing is deferred."""
        self.deferring = until is not None
        return None if until is None else min(max(until, now), now + LOOK_EVERY)


# Inside a unit of the writer.


def edited(tx: sqlite3.Connection, before: Job, after: Job, now: int, why: Why) -> list[Run]:
    """Look at a job's deferred executions after an edit; a paused job has none."""
    if after.paused and not before.paused:
        for one in gates.of_job(tx, after.row):
            ledger.skip(tx, one, rules.PAUSED, now)
        return []
    if _settings(before) == _settings(after):
        return []
    longer = after.defer_max_secs - before.defer_max_secs
    if longer:
        gates.shift(tx, after.row, longer * times.SECOND)
    return ledger.look(tx, after, now, why)


def _settings(job: Job) -> tuple[object, ...]:
    return job.requires, job.when_down, job.defer_max_secs, job.catch_up
