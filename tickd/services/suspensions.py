"""Suspensions: which accounts rest, as the file has it; another process writes it there."""

from __future__ import annotations

from collections.abc import Callable

from tickd.domain import times
from tickd.store import accounts
from tickd.store.database import Database

EVERY = times.SECOND
"""How often the file is read, in milliseconds."""
Heard = Callable[[frozenset[str], frozenset[str]], None]
"""Told which accounts were suspended and which resumed, just before `has` says so."""


class Suspensions:
    """The suspended accounts, in memory: whoever asks is on the loop's or on the writer's thread."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: frozenset[str] = frozenset()
        self.heard: list[Heard] = []

    @property
    def accounts(self) -> frozenset[str]:
        """The ids of all that are suspended."""
        return self._known

    def has(self, account_id: str) -> bool:
        """Whether the account is suspended."""
        return account_id in self._known

    async def refresh(self) -> None:
        """Read the file, and tell who hears of it what has changed; first of all before anything begins."""
        known = await accounts.suspended(self._db)
        suspended, resumed = known - self._known, self._known - known
        if not suspended and not resumed:
            return
        for heard in self.heard:
            heard(suspended, resumed)
        self._known = known

    async def tick(self, now: int) -> int:
        """Read the file again; when the next time is (milliseconds)."""
        await self.refresh()
        return now + EVERY
