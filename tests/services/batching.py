"""Batches of addresses on a file of their own, verified by one who answers as the test says."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar, cast

from tests.support.clock import FakeClock
from tests.support.daemon import eventually, opened
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.verification import Batch, Verdict
from tickd.errors import Unavailable
from tickd.services.verification_batches import VerificationBatches
from tickd.services.verifying import Verifier
from tickd.store.database import Database

T = TypeVar("T")

ACCOUNT = DEFAULT_ACCOUNT
AGAIN_SECS = 5
"""After how long the oracle wants to be asked again."""


class Oracle:
    """A verifier: what begins with `bad` is invalid, `unknown` can't be told, `held` is waited for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.unknown: set[str] = set()
        self.broken: set[str] = set()
        self.held: set[str] = set()
        self.released = asyncio.Event()
        self.waiting = 0

    async def verdict(self, email: str) -> Verdict:
        self.asked[email] += 1
        if email in self.held:
            self.waiting += 1
            try:
                await self.released.wait()
            finally:
                self.waiting -= 1
        if email in self.broken:
            raise ZeroDivisionError("a mistake of ours")
        if email in self.unknown:
            raise Unavailable("no name server answers", AGAIN_SECS)
        bad = email.startswith("bad")
        return Verdict(valid=not bad, mx_found=not bad, reason="no mail there" if bad else "")


class Faulty:
    """A database whose next `faults` writes and reads are not to be had."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.faults = 0

    async def write(self, unit: Callable[[sqlite3.Connection], T]) -> T:
        self._fail()
        return await self._db.write(unit)

    async def fetch(self, sql: str, params: object = ()) -> list[sqlite3.Row]:
        self._fail()
        return await self._db.fetch(sql, params)  # type: ignore[arg-type]

    async def fetch_one(self, sql: str, params: object = ()) -> sqlite3.Row | None:
        self._fail()
        return await self._db.fetch_one(sql, params)  # type: ignore[arg-type]

    def _fail(self) -> None:
        if self.faults:
            self.faults -= 1
            raise Unavailable("the disk is full", 30)


class Desk:
    """The service, what it stands on, and what is stored."""

    def __init__(self, db: Database, clock: FakeClock) -> None:
        self.db = db
        self.faulty = Faulty(db)
        self.clock = clock
        self.oracle = Oracle()
        self.batches = self._service()

    def _service(self) -> VerificationBatches:
        return VerificationBatches(cast(Database, self.faulty), self.clock, cast(Verifier, self.oracle))

    async def restart(self) -> None:
        """Another service in the place of this one, which has stopped."""
        await self.batches.stop()
        self.batches = self._service()
        await self.batches.begin()

    async def submit(self, *emails: str, account_id: str = ACCOUNT) -> Batch:
        """A batch of these addresses."""
        return await self.batches.submit(account_id, list(emails))

    async def ended(self, batch: Batch) -> Batch:
        """The batch when it has ended; the clock goes on meanwhile."""

        async def once() -> Batch | None:
            known = await self.batches.get(batch.account_id, batch.id)
            if known.finished_at is None:
                await self.clock.advance(0.25)
                return None
            return known

        found: Batch = await eventually(once)
        return found

    async def asked(self, count: int) -> None:
        """Wait until so many look-ups are held."""

        async def enough() -> bool:
            return self.oracle.waiting == count

        await eventually(enough)

    async def stored(self, sql: str, *params: object) -> list[tuple[object, ...]]:
        """What a query gives."""
        return [tuple(row) for row in await self.db.fetch(sql, params)]

    async def used(self) -> int:
        """How many verifications the account is said to have used."""
        rows = await self.stored("SELECT verifications FROM account_use WHERE account_id = ?", ACCOUNT)
        return cast(int, rows[0][0]) if rows else 0

    async def do(self, sql: str, *params: object) -> None:
        """Change the file by hand."""

        def unit(tx: sqlite3.Connection) -> None:
            tx.execute(sql, params)

        await self.db.write(unit)


@asynccontextmanager
async def batching(path: Path, clock: FakeClock) -> AsyncIterator[Desk]:
    """A desk that takes batches."""
    db = await opened(path)
    desk = Desk(db, clock)
    try:
        yield desk
    finally:
        await desk.batches.stop()
        await db.close()
