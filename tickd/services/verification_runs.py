"""One batch of addresses on its way: look at each, store what came out, tell whoever watches."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from tickd import ids, logs
from tickd.clock import Clock
from tickd.domain import verification as verification_rules
from tickd.domain import verification_batches as rules
from tickd.domain.verification import Batch, Unknown, Verification
from tickd.errors import Unavailable
from tickd.services import limits
from tickd.services.lane import Pace
from tickd.services.verifying import Verifier
from tickd.store import verification
from tickd.store import verification_batches as store
from tickd.store.database import Database

T = TypeVar("T")

LOOKUPS = 12
"""How many addresses of a batch are looked at at once."""
GROUP = 50
STORE_SECS = 0.25
"""What came out is stored when so many are found, and so often."""
WAIT_SECS, WAIT_MOST_SECS = 1.0, 30.0
"""Between two attempts at a database that is not to be had: at first, and at most."""
_FAILED = "tickd has failed; its log says why"

log = logging.getLogger("tickd.batches")


class _Gone(Exception):
    """The batch was deleted."""


class Run:
    """Works a batch off. `batch` is as it is stored, `tried` how many were looked at once at least.

    `changed` is set, and replaced, when either changes.
    """

    def __init__(self, db: Database, clock: Clock, verifier: Verifier, pace: Pace, batch: Batch) -> None:
        self._db = db
        self._clock = clock
        self._verifier = verifier
        self._pace = pace
        self.batch = batch
        self.tried = batch.done
        self.changed = asyncio.Event()
        self.ended = asyncio.Event()
        self._due = asyncio.Event()
        self._found: list[Verification] = []
        self._unknown: list[Unknown] = []
        self._again: list[tuple[int, str]] = []
        self._again_secs = 0
        self._told = self.tried

    async def go(self) -> None:
        """Look at what is left of the batch, and end it; cancelled, it rests, and can be taken up again."""
        try:
            await self._go()
        except _Gone:
            log.info("a batch was deleted under way", extra=logs.fields(batch=self.batch.id))
        except Exception as error:
            said = logs.fields(batch=self.batch.id)
            log.error("a batch has failed; it is tried again at the next start", extra=said, exc_info=error)

    def end(self) -> None:
        """Nothing more will happen here."""
        self.ended.set()
        self._tell()

    async def _go(self) -> None:
        # Before the addresses: one whose result is deleted between the two reads is struck from these.
        placed = await self._patiently(lambda: store.placed(self._db, self.batch.row))
        unknown = await self._patiently(lambda: store.unknown(self._db, self.batch.row))
        emails = await self._patiently(lambda: store.emails(self._db, self.batch.row))
        if emails is None:
            log.error("a batch can't be read; it has ended", extra=logs.fields(batch=self.batch.id))
        else:
            left = rules.left(emails, [*placed, *(one.position for one in unknown)])
            await self._look(left, is_last=False)
        if self._again:
            await self._store()
            again, self._again = sorted(self._again), []
            # Until then the failure is remembered, and would be told again.
            await self._clock.sleep(self._again_secs)
            await self._look(again, is_last=True)
        await self._store(self._clock.now())

    async def _look(self, places: list[tuple[int, str]], *, is_last: bool) -> None:
        """Look at all of these places, and store what comes out along the way, but for the last of it."""
        left = iter(places)
        looking = asyncio.gather(*(self._work(left, is_last) for _ in range(LOOKUPS)))
        looking.add_done_callback(lambda _: self._due.set())
        try:
            while not looking.done():
                await self._clock.wait(self._due, STORE_SECS)
                self._due.clear()
                if not looking.done():
                    await self._store()
            await looking
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _work(self, places: Iterator[tuple[int, str]], is_last: bool) -> None:
        for position, email in places:
            # A thousand answers from memory must not hold up everybody else.
            await self._pace.turn()
            await self._verify(position, email, is_last)
            self.tried += not is_last
            if len(self._found) + len(self._unknown) >= GROUP:
                self._due.set()

    async def _verify(self, position: int, email: str, is_last: bool) -> None:
        try:
            verdict = await self._verifier.verdict(email)
        except Unavailable as error:
            if is_last:
                self._unknown.append(rules.unknown(position, email, error.message))
            else:
                self._again.append((position, email))
                self._again_secs = max(self._again_secs, error.retry_after)
        except Exception as error:
            log.error("an address was not verified", extra=logs.fields(batch=self.batch.id), exc_info=error)
            self._unknown.append(rules.unknown(position, email, _FAILED))
        else:
            made = verification_rules.made(
                verdict,
                identifier=ids.new("ver"),
                account_id=self.batch.account_id,
                email=email,
                now=self._clock.now(),
                batch=self.batch.row,
                position=position,
            )
            self._found.append(made)

    async def _store(self, finished_at: int | None = None) -> None:
        """Store what was found since the last time, and with `finished_at` the end."""
        found, self._found = self._found, []
        unknown, self._unknown = self._unknown, []
        if not found and not unknown and finished_at is None:
            if self.tried != self._told:
                self._tell()
            return
        valid = sum(one.valid for one in found)

        def unit(tx: sqlite3.Connection) -> Batch:
            row = self.batch.row
            batch = store.record(tx, row, valid=valid, invalid=len(found) - valid, unknown=unknown)
            if batch is None:
                raise _Gone
            verification.insert(tx, found)
            if finished_at is not None:
                store.finish(tx, row, finished_at)
                # Of a batch that could not be read, that is what was left.
                left = batch.total - batch.valid - batch.invalid
                limits.give_back_verifications(tx, batch.account_id, left, batch.created_at)
            return batch

        self.batch = await self._patiently(lambda: self._db.write(unit))
        self._tell()

    async def _patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        """What `act` gives, tried again and again while the database is not to be had."""
        wait_secs = WAIT_SECS
        while True:
            try:
                return await act()
            except Unavailable as error:
                said = logs.fields(batch=self.batch.id, error=error.message)
                log.warning("a batch waits for the database", extra=said)
                await self._clock.sleep(wait_secs)
                wait_secs = min(2 * wait_secs, WAIT_MOST_SECS)

    def _tell(self) -> None:
        self._told = self.tried
        before, self.changed = self.changed, asyncio.Event()
        before.set()
