"""Verification of e-mail addresses: one at a time, and the history of all."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator
from typing import NamedTuple

from tickd import ids
from tickd.clock import Clock
from tickd.domain import verification as rules
from tickd.domain.verification import Verdict, Verification
from tickd.errors import NotFound, TooMany
from tickd.services import limits
from tickd.services.limits import Limits
from tickd.services.verifying import Verifier
from tickd.store import verification as store
from tickd.store.database import Database

UNDER_WAY_MOST = 32
"""How many addresses of an account are looked up at once, batches apart: half of the places for look-ups."""
READ = 500
"""How many verifications a slice of an export has."""
REMOVED = 500
"""How many verifications one transaction removes at most."""
BATCHES = 20
"""How many batches one transaction looks at."""


class Cleared(NamedTuple):
    """How many entries of the history went, and how many addresses that nothing was found out about."""

    entries: int
    unknown: int


class Verifications:
    """The use cases of verified addresses; every face calls these."""

    def __init__(self, db: Database, clock: Clock, verifier: Verifier) -> None:
        self._db = db
        self._clock = clock
        self._verifier = verifier
        self._limits = Limits(db, clock)
        self._under_way: Counter[str] = Counter()

    def now(self) -> int:
        """The time that new entries get (milliseconds)."""
        return self._clock.now()

    async def verify(self, account_id: str, email: str) -> Verification:
        """Verify an address, count it and keep the result.

        LimitReached, TooMany, or Unavailable where the name servers prove nothing: then nothing is kept or
        counted.
        """
        # Before the name servers are asked: what the limit refuses costs nobody anything.
        await self._limits.check_verifications(account_id, 1)
        verdict = await self._verdict(account_id, email)
        now = self._clock.now()
        made = rules.made(verdict, identifier=ids.new("ver"), account_id=account_id, email=email, now=now)

        def unit(tx: sqlite3.Connection) -> None:
            limits.verifications(tx, account_id, 1, now)
            store.insert(tx, [made])

        await self._db.write(unit)
        return made

    async def _verdict(self, account_id: str, email: str) -> Verdict:
        if self._under_way[account_id] >= UNDER_WAY_MOST:
            raise TooMany(f"{UNDER_WAY_MOST} addresses are being verified at once already", 1)
        self._under_way[account_id] += 1
        try:
            return await self._verifier.verdict(email)
        finally:
            self._under_way[account_id] -= 1
            self._under_way += Counter()  # forgets those that have none

    async def page(
        self, account_id: str, *, valid: bool | None, email: str | None = None, limit: int, offset: int
    ) -> tuple[list[Verification], int]:
        """One page of the account's history, newest first, and how many there are in all.

        `email` is one whole address, in whatever case, its domain in either alphabet.
        """
        wanted = store.Wanted(account_id, valid, email)
        return await store.page(self._db, wanted, limit=limit, offset=offset)

    async def get(self, account_id: str, identifier: str) -> Verification:
        """The account's verification of that id."""
        found = await store.get(self._db, account_id, identifier)
        if found is None:
            raise NotFound(f"no verification {identifier}")
        return found

    async def export(
        self, account_id: str, *, valid: bool | None, email: str | None = None
    ) -> AsyncGenerator[list[Verification], None]:
        """The history as it is at the first slice, newest first, slice by slice, without what goes."""
        wanted = store.Wanted(account_id, valid, email)
        newest, place = await store.newest(self._db), store.FIRST
        while True:
            found = await store.before(self._db, wanted, place, newest=newest, limit=READ)
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

    async def clear(self, account_id: str, *, valid: bool | None = None, email: str | None = None) -> Cleared:
        """Remove the history as it is now, or what it has of one address, or what is valid, or is not.

        Without `valid`, what of it is in batches' lists of what nothing was found out about goes too. What
        comes meanwhile stays.
        """
        entries = await self._delete(store.Wanted(account_id, valid, email))
        return Cleared(entries, await self._blank(account_id, email) if valid is None else 0)

    async def _delete(self, wanted: store.Wanted) -> int:
        newest, gone = await store.newest(self._db), 0
        while True:
            removed = await self._db.write(lambda tx: store.delete_slice(tx, wanted, newest, REMOVED))
            gone += removed
            if removed < REMOVED:
                return gone

    async def _blank(self, account_id: str, email: str | None) -> int:
        """Take the addresses out of the batches' lists of what nothing was found out about."""
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
                changed = {new.position for old, new in zip(unknown, left, strict=True) if old is not new}
                if changed:
                    store.set_unknown(tx, row, left)
                    store.strike(tx, row, changed)
                gone += len(changed)
            return len(found), gone, found[-1][0] if found else after

        return await self._db.write(unit)
