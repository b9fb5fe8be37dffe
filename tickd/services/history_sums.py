"""Sums over days that are over, kept for lists of a thousand monitors: they change once a day."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from tickd.domain.uptime import COUNTS
from tickd.services.history_open import Open
from tickd.store import rollups
from tickd.store.database import Database

KEPT = 60_000
"""Sums that are kept, some 14 MB."""
NUMBERS = struct.Struct("<" + "".join("d" if name == "latency_sum" else "q" for name in COUNTS))
"""How a sum is packed: as a tuple it would take three times the memory."""


class Sums:
    """By (first day, last day) the stored sums of each monitor that was asked for, packed."""

    def __init__(self, db: Database, open_: Open) -> None:
        self._db = db
        self._open = open_
        self._newest = 0
        self._kept: dict[tuple[int, int], tuple[int, dict[int, bytes]]] = {}

    async def of(self, monitors: Sequence[int], since: int, until: int) -> Mapping[int, bytes] | None:
        """The packed sums by monitor, empty for one without; None while an hour of these days is moved."""
        if until > self._newest or sum(len(found) for _, found in self._kept.values()) > KEPT:
            self._kept.clear()
            self._newest = max(until, self._newest)
        if not self.hold(since, until):
            self._kept[since, until] = (self._open.number, {})
        found = self._kept[since, until][1]
        missing = [monitor for monitor in monitors if monitor not in found]
        if missing and self.hold(since, until):
            _, more = await rollups.sums(self._db, missing, since, until)
            # What changed meanwhile is seen by `hold`, here and by the caller: then nothing of it is used.
            for monitor in missing:
                numbers = more.get(monitor)
                found[monitor] = b"" if numbers is None else NUMBERS.pack(*numbers)
        return found if self.hold(since, until) else None

    def hold(self, since: int, until: int) -> bool:
        """Whether what is kept of these days is what the store says, now that all passes are known."""
        kept, changed = self._kept.get((since, until)), self._open.changed
        return kept is not None and all(changed.get(day, 0) <= kept[0] for day in range(since, until + 1))
