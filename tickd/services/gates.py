"""Gates: deferred runs begin when what they wait for is up, or are given up."""

from __future__ import annotations

import sqlite3

from tickd.domain import gates as rules
from tickd.domain import times
from tickd.domain.gates import Target
from tickd.domain.jobs import Job
from tickd.services import ledger
from tickd.services.ledger import Run, Why
from tickd.store import gates, jobs
from tickd.store.database import Database
from tickd.store.gates import Deferred

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
            return [run for job in waiting if job is not None for run in look(tx, job, now, self._why)]

        runs = await self._db.write(unit) if found else []
        return runs, len(found) == BATCH

    def next_look(self, until: int | None, now: int) -> int | None:
        """When to look again, where the earliest deferral ends at `until`; None when nothing is deferred."""
        self.deferring = until is not None
        return None if until is None else min(max(until, now), now + LOOK_EVERY)


# Inside a unit of the writer.


def look(tx: sqlite3.Connection, job: Job, now: int, why: Why) -> list[Run]:
    """Look at a job's deferred executions as the job is now; the runs to be called."""
    waiting = ledger.thin(tx, job, now)
    if not waiting:
        return []
    down = gates.down(tx, job.account_id, job.requires)
    looked = [_look(tx, job, one, down, now, why) for one in waiting]
    return [run for run in looked if run is not None]


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
    return look(tx, after, now, why)


def _settings(job: Job) -> tuple[object, ...]:
    return job.requires, job.when_down, job.defer_max_secs, job.catch_up


def _look(
    tx: sqlite3.Connection, job: Job, one: Deferred, down: list[Target], now: int, why: Why
) -> Run | None:
    verdict = rules.fate(job, one.until, bool(down), now)
    before = rules.before(one.trigger, one.reason)
    if verdict == "defer":
        if [target.id for target in down] != one.targets:
            gates.defer(tx, one.row, rules.joined(before, rules.deferred(down)), one.until, down)
    elif verdict == "fire":
        since = one.until - job.defer_max_secs * times.SECOND
        waited = rules.waited(gates.named(tx, one.targets), now - since)
        return _go(tx, job, one, rules.joined(before, waited, rules.fired(down) if down else ""), now)
    elif verdict == "miss":
        gates.close(tx, one.row, "missed", why(one.until), one.reason, now)
    else:
        ledger.skip(tx, one, rules.skipped(down) if verdict == "skip" else rules.gave_up(down, job), now)
    return None


def _go(tx: sqlite3.Connection, job: Job, one: Deferred, reason: str, now: int) -> Run | None:
    """Let a deferred execution run as its job's `overlap` has it; None when it does not run now."""
    verdict, words = ledger.turn(tx, job)
    if verdict == "skip":
        gates.close(tx, one.row, "skipped", words, reason, now)
        return None
    gates.release(tx, one.row, rules.joined(reason, words))
    if verdict == "wait":
        return None
    return Run(one.row, job, one.scheduled_at, one.trigger, was_deferred=True)
