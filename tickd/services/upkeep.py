"""Upkeep: removes what is deleted or past its retention in slices that nobody notices; shrinks the file."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from tickd import logs
from tickd.domain import times
from tickd.store import (
    alerts,
    executions,
    incidents,
    pings,
    retention,
    space,
    use,
    users,
    verification,
    verification_batches,
)
from tickd.store.database import Database

SLICE = 500
"""Rows that one transaction removes at most."""
DOOMED = 50
"""Deleted subjects that one slice looks at."""
SUBJECTS = 100
"""Subjects that one slice looks at."""
PAUSE = 100
"""Between two slices while there is work, in milliseconds."""
FREE_SLICE = 128
"""Free pages of the file that one transaction gives back: half a megabyte."""
FREE_LEAST = 2_048
"""Fewer free pages than these are kept for what comes, and so is a tenth of the file."""
REST = 10 * times.MINUTE
"""Between two rounds over all subjects."""

log = logging.getLogger("tickd.upkeep")


@dataclass(frozen=True, slots=True)
class Keep:
    """What upkeep needs to know of a kind of subject whose history it removes."""

    history: str
    deleted: Callable[[Database, int], Awaitable[list[int]]]
    forget: Callable[[sqlite3.Connection, int, int], int]
    retentions: Callable[[Database, int, int], Awaitable[Sequence[tuple[int, int]]]]
    forget_old: Callable[[sqlite3.Connection, Iterable[tuple[int, int]], int], int]
    most: int = SLICE // 10


def _none(_tx: sqlite3.Connection, _row: int, _most: int) -> int:
    return 0


def _forget_months(tx: sqlite3.Connection, _before: Iterable[tuple[int, int]], most: int) -> int:
    # The latest months are kept, whatever the retention of the account.
    return use.forget_old(tx, most)


KEEPS = (
    Keep(
        "executions",
        retention.deleted_jobs,
        executions.forget_job,
        retention.retentions,
        executions.forget_old,
    ),
    Keep("pings", pings.deleted, pings.forget_heartbeat, pings.retentions, pings.forget_old),
    Keep("alerts", retention.none_deleted, _none, retention.at_once, alerts.forget_old),
    Keep("incidents", retention.none_deleted, _none, retention.at_once, incidents.forget_old),
    Keep("sessions", retention.none_deleted, _none, retention.at_once, users.forget_expired),
    Keep("verifications", retention.none_deleted, _none, retention.at_once, verification.forget_old, SLICE),
    Keep(
        "verification batches",
        retention.none_deleted,
        _none,
        retention.at_once,
        verification_batches.forget_old,
    ),
    Keep("monthly counts", retention.none_deleted, _none, retention.at_once, _forget_months),
)


class Upkeep:
    """Goes round all jobs and heartbeats, a slice a tick."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._at = 0
        self._after = 0
        self._removed = 0
        self.removed_total = 0
        self.wake: Callable[[], None] = lambda: None

    async def tick(self, now: int) -> int:
        """Remove one slice; when the next one is due (milliseconds)."""
        for keep in KEEPS:
            if await self._forget_deleted(keep):
                return now + PAUSE
        if not self._at and not self._after and await self._give_back():
            return now + PAUSE
        keep = KEEPS[self._at]
        batch = await keep.retentions(self._db, self._after, SUBJECTS)
        if not batch:
            return self._turn(now)
        before = [(row, now - days * times.DAY) for row, days in batch]
        gone = await self._db.write(lambda tx: keep.forget_old(tx, before, keep.most))
        self._count(gone)
        if gone < keep.most:
            self._after = batch[-1][0]
        return now + PAUSE

    async def _forget_deleted(self, keep: Keep) -> bool:
        """Remove a slice of what deleted subjects left; whether there was any."""
        doomed = await keep.deleted(self._db, DOOMED)

        def unit(tx: sqlite3.Connection) -> int:
            gone = 0
            for row in doomed:
                if gone < SLICE:
                    gone += keep.forget(tx, row, SLICE - gone)
            return gone

        if doomed:
            self._count(await self._db.write(unit))
        return bool(doomed)

    async def _give_back(self) -> bool:
        """Give a slice of the free pages back to the disk; whether there were too many."""
        pages, free = await space.pages(self._db)
        if free < max(FREE_LEAST, pages // 10) + FREE_SLICE:
            return False
        await self._db.alone(lambda connection: space.give_back(connection, FREE_SLICE))
        return True

    def _count(self, gone: int) -> None:
        self._removed += gone
        self.removed_total += gone

    def _turn(self, now: int) -> int:
        """Go on with the next kind of subject, or rest after the last."""
        if self._removed:
            words = logs.fields(rows=self._removed, of=KEEPS[self._at].history)
            log.info("old history removed", extra=words)
        self._after = self._removed = 0
        self._at = (self._at + 1) % len(KEEPS)
        return now + (PAUSE if self._at else REST)
