"""Verification of e-mail addresses: one at a time, and the history of all."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator

from tickd import ids
from tickd.clock import Clock
from tickd.domain import verification as rules
from tickd.domain.verification import Verification
from tickd.errors import NotFound
from tickd.services import limits
from tickd.services.limits import Limits
from tickd.services.verifying import Verifier
from tickd.store import verification as store
from tickd.store.database import Database

READ = 500
"""How many verifications a slice of an export has."""
REMOVED = 500
"""How many verifications one transaction removes at most."""
SEARCHED = 2_000
"""How many addresses are looked at in one go when one person's are wanted."""
BATCHES = 20
"""How many batches one transaction looks at."""


class Verifications:
    """The use cases of verified addresses; every face calls these."""

    def __init__(self, db: Database, clock: Clock, verifier: Verifier) -> None:
        self._db = db
        self._clock = clock
        self._verifier = verifier
        self._limits = Limits(db, clock)

    def now(self) -> int:
        """The time that new entries get (milliseconds)."""
        return self._clock.now()

    async def verify(self, account_id: str, email: str) -> Verification:
        """Verify an address, count it and keep the result.

        LimitReached, or Unavailable where the name servers prove nothing: then nothing is kept or counted.
        """
        # Before the name servers are asked: what the limit refuses costs nobody anything.
        await self._limits.check_verifications(account_id, 1)
        verdict = await self._verifier.verdict(email)
        now = self._clock.now()
        made = rules.made(verdict, identifier=ids.new("ver"), account_id=account_id, email=email, now=now)

        def unit(tx: sqlite3.Connection) -> None:
            limits.verifications(tx, account_id, 1, now)
            store.insert(tx, [made])

        await self._db.write(unit)
        return made

    async def page(
        self, account_id: str, *, valid: bool | None, limit: int, offset: int
    ) -> tuple[list[Verification], int]:
        """One page of the account's history, newest first, and how many there are in all."""
        return await store.page(self._db, account_id, valid=valid, limit=limit, offset=offset)

    async def get(self, account_id: str, identifier: str) -> Verification:
        """The account's verification of that id."""
        found = await store.get(self._db, account_id, identifier)
        if found is None:
            raise NotFound(f"no verification {identifier}")
        return found

    async def export(
        self, account_id: str, *, valid: bool | None
    ) -> AsyncGenerator[list[Verification], None]:
        """The history as it is at the first slice, newest first, slice by slice, without what goes."""
        newest, place = await store.newest(self._db), store.FIRST
        while True:
            found = await store.before(self._db, account_id, place, valid=valid, newest=newest, limit=READ)
            if found:
                yield found
                place = store.Place(found[-1].created_at, found[-1].row)
            if len(found) < READ:
                return

    async def delete(self, account_id: str, identifier: str) -> None:
        """Remove a verification from the history; what it counted in its month stays counted."""

        def unit(tx: sqlite3.Connection) -> None:
            if not store.delete(tx, account_id, identifier):
                raise NotFound(f"no verification {identifier}")

        await self._db.write(unit)

    async def delete_all(self, account_id: str, *, email: str | None = None) -> int:
        """Remove the history as it is now, or what it has of one address in whatever case; how many went.

        Addresses of ended batches that nothing was found out about go with it. What comes meanwhile stays.
        """
        if email is None:
            gone = await self._delete_all(account_id)
        else:
            gone = await self._delete_of(account_id, email)
        return gone + await self._blank(account_id, email)

    async def _delete_all(self, account_id: str) -> int:
        newest, gone = await store.newest(self._db), 0
        while True:
            removed = await self._db.write(lambda tx: store.delete_slice(tx, account_id, newest, REMOVED))
            gone += removed
            if removed < REMOVED:
                return gone

    async def _delete_of(self, account_id: str, email: str) -> int:
        place, gone = store.FIRST, 0
        while True:
            found = await store.addresses(self._db, account_id, place, SEARCHED)
            rows = [one.place.row for one in found if rules.is_same(one.email, email)]
            for first in range(0, len(rows), REMOVED):
                gone += await self._remove(rows[first : first + REMOVED])
            if len(found) < SEARCHED:
                return gone
            place = found[-1].place

    async def _remove(self, rows: list[int]) -> int:
        return await self._db.write(lambda tx: store.delete_rows(tx, rows))

    async def _blank(self, account_id: str, email: str | None) -> int:
        """Take the addresses out of the ended batches' lists of what nothing was found out about."""
        after, gone = 0, 0
        while True:
            looked_at, blanked, after = await self._blank_slice(account_id, email, after)
            gone += blanked
            if looked_at < BATCHES:
                return gone

    async def _blank_slice(self, account_id: str, email: str | None, after: int) -> tuple[int, int, int]:
        """How many batches behind row `after` were looked at, what went of them, and the last one's row."""

        def unit(tx: sqlite3.Connection) -> tuple[int, int, int]:
            found = store.batches_with_unknown(tx, account_id, after, BATCHES)
            gone = 0
            for row, unknown in found:
                left = [rules.blanked(one) if rules.is_meant(one, email) else one for one in unknown]
                changed = sum(old is not new for old, new in zip(unknown, left, strict=True))
                if changed:
                    store.set_unknown(tx, row, left)
                gone += changed
            return len(found), gone, found[-1][0] if found else after

        return await self._db.write(unit)
