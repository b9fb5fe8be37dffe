"""Batches of addresses: taken in at once, verified in the background, taken up again after a restart."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager
from functools import partial

from msgspec import structs

from tickd import ids
from tickd.clock import Clock
from tickd.domain import verification_batches as rules
from tickd.domain.verification import Batch, Unknown, Verification
from tickd.errors import NotFound, TooMany, Unavailable
from tickd.services import limits
from tickd.services.lane import Pace
from tickd.services.seats import Seats
from tickd.services.verification_runs import Run
from tickd.services.verifying import Verifier
from tickd.store import verification
from tickd.store import verification_batches as store
from tickd.store.database import Database

AT_ONCE = 4
"""How many batches are worked off at once: with `LOOKUPS` of each, there is room beside them for others."""
OF_ACCOUNT = 2
"""How many of them may be one account's: another one finds a place, however long those take."""
OPEN_MOST = 100
"""How many batches of an account may be under way or wait."""
LISTENERS_MOST = 50
"""How many may listen to the batches of an account at once: each holds a connection."""
NEWS_SECS = 0.2
"""How long it takes at least from one progress that is told to the next."""
TICK_SECS = 10.0
"""How often whoever watches hears of nothing."""
_WAIT_SECS = 30


class VerificationBatches:
    """The use cases of batches; every face calls these."""

    def __init__(self, db: Database, clock: Clock, verifier: Verifier) -> None:
        self._db = db
        self._clock = clock
        self._verifier = verifier
        self._pace = Pace()
        self._runs: dict[str, Run] = {}
        self._waiting: deque[Run] = deque()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_stopping = False
        self._seats = Seats(
            account_most=LISTENERS_MOST,
            session_most=LISTENERS_MOST,
            sentence="too many listen to batches at once",
        )

    async def begin(self) -> None:
        """Take up the batches that have not ended."""
        for batch in await store.every_open(self._db):
            self._admit(batch)

    async def stop(self) -> None:
        """Let the batches rest until the next start; whoever watches one is told."""
        self._is_stopping = True
        self._waiting.clear()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for run in self._runs.values():
            run.end()
        self._runs.clear()

    async def submit(self, account_id: str, emails: object) -> Batch:
        """Store a batch of a list of texts, counted and to be verified; Invalid, LimitReached, or TooMany."""
        given = rules.addresses(emails)
        now = self._clock.now()
        made = Batch(
            row=0,
            id=ids.new("bat"),
            account_id=account_id,
            total=len(given),
            created_at=now,
            finished_at=None,
        )

        def unit(tx: sqlite3.Connection) -> Batch:
            if store.open_of(tx, account_id) >= OPEN_MOST:
                raise TooMany(f"{OPEN_MOST} batches have not ended yet", _WAIT_SECS)
            limits.verifications(tx, account_id, made.total, now)
            return store.insert(tx, made, given)

        batch = await self._db.write(unit)
        self._admit(batch)
        return batch

    async def get(self, account_id: str, identifier: str) -> Batch:
        """The account's batch of that id: what is stored of it, and how many are tried."""
        found = await store.get(self._db, account_id, identifier)
        if found is None:
            raise NotFound(f"no batch {identifier}")
        return self._under_way(found)

    async def page(self, account_id: str, *, limit: int, offset: int) -> tuple[list[Batch], int]:
        """One page of the account's batches, newest first, and how many there are in all."""
        found, total = await store.page(self._db, account_id, limit=limit, offset=offset)
        return [self._under_way(one) for one in found], total

    async def results(self, batch: Batch, *, limit: int, offset: int) -> list[Verification | Unknown]:
        """What is known of the `limit` addresses from the place `offset` on, in the order given.

        Those that are not done yet, or were deleted from the history, are left out.
        """
        places = range(offset, offset + limit)
        found = {one.position: one for one in await verification.of_batch(self._db, batch.row, offset, limit)}
        unknown = await store.unknown(self._db, batch.row)
        named = {one.position: one for one in unknown if one.position in places and one.email}
        return [known for _, known in sorted((found | named).items())]

    @property
    def listeners(self) -> int:
        """How many connections follow a batch, over all accounts."""
        return self._seats.held

    def seat(self, account_id: str, is_gone: Callable[[], bool]) -> AbstractContextManager[None]:
        """A place among those who listen; TooMany where the account has no more of them."""
        return self._seats.seat(account_id, "", is_gone)

    async def watch(self, account_id: str, identifier: str) -> AsyncGenerator[Batch, None]:
        """The batch at once, at each progress (not more often than every 200 ms), and when it has ended.

        When nothing happens for ten seconds the same comes again. NotFound when it is deleted meanwhile,
        Unavailable when the daemon stops.
        """
        while True:
            # Before it is read: what happens behind that wakes.
            run = self._runs.get(identifier)
            changed = None if run is None else run.changed
            batch = await self.get(account_id, identifier)
            yield batch
            if batch.finished_at is not None:
                return
            if run is None or changed is None:
                raise Unavailable(f"batch {identifier} rests; it goes on when tickd is started again")
            await self._clock.wait(run.ended, NEWS_SECS)
            await self._clock.wait(changed, TICK_SECS)

    async def ended(self, account_id: str, identifier: str) -> Batch:
        """The batch, as soon as it has ended; refused as by `watch`."""
        while True:
            run = self._runs.get(identifier)
            batch = await self.get(account_id, identifier)
            if batch.finished_at is not None:
                return batch
            if run is None:
                raise Unavailable(f"batch {identifier} rests; it goes on when tickd is started again")
            await run.ended.wait()

    async def delete(self, account_id: str, identifier: str) -> None:
        """Stop a batch and remove it with its results; what was not looked at is given back."""

        def unit(tx: sqlite3.Connection) -> None:
            gone = store.delete(tx, account_id, identifier)
            if gone is None:
                raise NotFound(f"no batch {identifier}")
            if gone.finished_at is None:
                left = gone.total - gone.valid - gone.invalid
                limits.give_back_verifications(tx, account_id, left, gone.created_at)

        await self._db.write(unit)
        run = self._runs.get(identifier)
        if run is not None and run in self._waiting:
            self._waiting.remove(run)
            self._leave(run)
        task = self._tasks.get(identifier)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _under_way(self, batch: Batch) -> Batch:
        """The batch with how many are tried: what proved nothing at first is stored only in the end."""
        run = self._runs.get(batch.id)
        if run is None or batch.finished_at is not None:
            return batch
        return structs.replace(batch, tried=max(batch.done, run.tried))

    def _admit(self, batch: Batch) -> None:
        if self._is_stopping:
            return
        run = Run(self._db, self._clock, self._verifier, self._pace, batch)
        self._runs[batch.id] = run
        self._waiting.append(run)
        self._begin_more()

    def _begin_more(self) -> None:
        while len(self._tasks) < AT_ONCE and not self._is_stopping:
            run = self._following()
            if run is None:
                return
            self._waiting.remove(run)
            task = asyncio.create_task(run.go(), name=f"batch {run.batch.id}")
            self._tasks[run.batch.id] = task
            task.add_done_callback(partial(self._went, run))

    def _following(self) -> Run | None:
        """The one that came first of the account that has the fewest under way; None when all have enough."""
        busy = Counter(self._runs[identifier].batch.account_id for identifier in self._tasks)
        following = min(self._waiting, key=lambda run: busy[run.batch.account_id], default=None)
        return following if following and busy[following.batch.account_id] < OF_ACCOUNT else None

    def _went(self, run: Run, _task: asyncio.Task[None]) -> None:
        del self._tasks[run.batch.id]
        self._leave(run)
        self._begin_more()

    def _leave(self, run: Run) -> None:
        self._runs.pop(run.batch.id, None)
        run.end()
