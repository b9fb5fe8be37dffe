"""Upkeep: removes what is deleted or past its retention, in slices that nobody notices."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable

from tickd import logs
from tickd.domain import times
from tickd.store import executions, retention
from tickd.store.database import Database

SLICE = 200
"""Rows that one transaction removes at most."""
DOOMED = 50
"""Deleted jobs that one slice looks at."""
JOBS = 100
"""Jobs that one slice looks at."""
PAUSE = times.SECOND
"""Between two slices while there is work."""
REST = 10 * times.MINUTE
"""Between two rounds over all jobs."""

log = logging.getLogger("tickd.upkeep")


class Upkeep:
    """Goes round all jobs, a slice a tick."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._after = 0
        self._removed = 0
        self.removed_total = 0
        self.wake: Callable[[], None] = lambda: None

    async def tick(self, now: int) -> int:
        """Remove one slice; when the next one is due (milliseconds)."""
        if await self._forget_deleted():
            return now + PAUSE
        batch = await retention.retentions(self._db, self._after, JOBS)
        if not batch:
            return self._rest(now)
        before = [(row, now - days * times.DAY) for row, days in batch]
        gone = await self._db.write(lambda tx: executions.forget_old(tx, before, SLICE // 10))
        self._count(gone)
        if gone < SLICE // 10:
            self._after = batch[-1][0]
        return now + PAUSE

    async def _forget_deleted(self) -> bool:
        """Remove a slice of what deleted jobs left; whether there was any."""
        doomed = await retention.deleted_jobs(self._db, DOOMED)

        def unit(tx: sqlite3.Connection) -> int:
            gone = 0
            for row in doomed:
                if gone < SLICE:
                    gone += executions.forget_job(tx, row, SLICE - gone)
            return gone

        if doomed:
            self._count(await self._db.write(unit))
        return bool(doomed)

    def _count(self, gone: int) -> None:
        self._removed += gone
        self.removed_total += gone

    def _rest(self, now: int) -> int:
        if self._removed:
            log.info("old executions removed", extra=logs.fields(rows=self._removed))
        self._after = self._removed = 0
        return now + REST
