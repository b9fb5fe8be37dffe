"""Maintenance: what accounts plan, and the calendar that says what is in maintenance now."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec import structs

from tickd import ids
from tickd.clock import Clock
from tickd.domain import maintenance as own_windows
from tickd.domain import times
from tickd.domain import windows as rules
from tickd.domain.incidents import Subject
from tickd.domain.maintenance import Window
from tickd.domain.windows import MaintenanceChange, MaintenanceCreation
from tickd.errors import Conflict, Invalid, NotFound
from tickd.store import maintenance
from tickd.store.database import Database
from tickd.store.maintenance import Named

T = TypeVar("T")

LOAD = 1_000
"""Maintenance that is read at once at start."""
OVER = times.DAY
"""So long after its end a window is left out of the calendar: a clock may be put back by less."""


@dataclass(frozen=True, slots=True)
class _Holding:
    """What an account has in maintenance from `since` on, until before `until`."""

    since: int
    until: float
    all: bool = False
    subjects: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()


class _Account:
    """One account's part of the calendar, never changed but for what it remembers of its last answer."""

    __slots__ = ("_holding", "planned")

    def __init__(self, planned: tuple[rules.Maintenance, ...]) -> None:
        self.planned = planned
        self._holding = _Holding(0, 0)

    def covers(self, identifier: str, tags: Sequence[str], now: int) -> bool:
        """Whether any of it covers that subject and holds now."""
        # Two threads ask: each reads and leaves a whole answer, and a wrong guess is made again.
        holding = self._holding
        if not holding.since <= now < holding.until:
            holding = self._holding = self._at(now)
        if holding.all or identifier in holding.subjects:
            return True
        return bool(holding.tags) and not holding.tags.isdisjoint(tags)

    def _at(self, now: int) -> _Holding:
        edges = [edge for one in self.planned for edge in rules.upcoming(one, now) if edge is not None]
        held = [one for one in self.planned if rules.ends_at(one, now) is not None]
        return _Holding(
            since=now,
            until=min(edges, default=float("inf")),
            all=any(one.all for one in held),
            subjects=frozenset(identifier for one in held for identifier in one.subjects),
            tags=frozenset(tag for one in held for tag in one.tags),
        )


class Calendar:
    """What is in maintenance when, in memory: asked on the loop and on the writer's thread alike.

    What is read is never changed: each change puts another map in its place.
    """

    def __init__(self) -> None:
        self._accounts: Mapping[str, _Account] = {}

    def current(self, subject: Subject, now: int) -> tuple[str, int] | None:
        """The name and the end (milliseconds) of the maintenance that holds now, its own windows included.

        Windows that follow without a pause count as one; of several that hold, the one that ends last.
        """
        account = self._accounts.get(subject.account_id)
        planned = () if account is None else account.planned
        of_it = [one for one in planned if one.covers(subject.about.id, subject.tags)]
        return rules.current(of_it, subject.windows, now)

    def covers(
        self, account_id: str, identifier: str, tags: Sequence[str], windows: tuple[Window, ...], now: int
    ) -> bool:
        """Whether the subject with these windows of its own is in maintenance now."""
        if windows and own_windows.within(windows, now):
            return True
        account = self._accounts.get(account_id)
        return account is not None and account.covers(identifier, tags, now)

    def put(self, account_id: str, planned: Iterable[rules.Maintenance], now: int) -> None:
        """Say all that an account plans; what is long over is left out."""
        kept = tuple(one for one in planned if one.ends_at is None or one.ends_at + OVER > now)
        others = {key: account for key, account in self._accounts.items() if key != account_id}
        self._accounts = {**others, account_id: _Account(kept)} if kept else others


@dataclass(frozen=True, slots=True)
class Seen:
    """A maintenance, whether it holds now, and when it next starts and ends (milliseconds)."""

    maintenance: rules.Maintenance
    active: bool
    next_starts_at: int | None
    next_ends_at: int | None


class Maintenance:
    """The use cases of maintenance; every face calls these."""

    def __init__(self, db: Database, clock: Clock, calendar: Calendar) -> None:
        self._db = db
        self._clock = clock
        self.calendar = calendar
        self.changed: Callable[[], None] = lambda: None
        """Called after each maintenance that was made, changed or deleted."""

    async def begin(self) -> None:
        """Read all maintenance into the calendar, at start."""
        last = 0
        by_account: dict[str, list[rules.Maintenance]] = {}
        while found := await maintenance.after(self._db, last, LOAD):
            last = found[-1].row
            for one in found:
                by_account.setdefault(one.account_id, []).append(one)
        for account_id, planned in by_account.items():
            self.calendar.put(account_id, planned, self._clock.now())

    async def create(self, account_id: str, spec: MaintenanceCreation) -> Seen:
        """Store a maintenance; it holds from the moment it starts, which may have been."""
        now = self._clock.now()
        made = rules.create(spec, identifier=ids.new("mnt"), account_id=account_id, now=now)

        def unit(tx: sqlite3.Connection) -> rules.Maintenance:
            _check_subjects(tx, account_id, made.subjects)
            return maintenance.insert(tx, made)

        return self._seen(await self._write(account_id, unit))

    async def change(self, account_id: str, identifier: str, spec: MaintenanceChange) -> Seen:
        """Change what `spec` says of a maintenance; the rest keeps its value."""
        now = self._clock.now()

        def unit(tx: sqlite3.Connection) -> rules.Maintenance:
            known = _found(maintenance.find(tx, account_id, identifier), identifier)
            changed = rules.change(known, spec, now)
            if changed.subjects != known.subjects:
                _check_subjects(tx, account_id, changed.subjects)
            if changed is not known:
                maintenance.update(tx, changed)
            return changed

        return self._seen(await self._write(account_id, unit))

    async def delete(self, account_id: str, identifier: str) -> None:
        """Delete a maintenance; what it covers is not in it any more."""

        def unit(tx: sqlite3.Connection) -> None:
            if not maintenance.delete(tx, account_id, identifier):
                raise NotFound(f"no maintenance {identifier}")

        await self._write(account_id, unit)

    async def get(self, account_id: str, identifier: str) -> Seen:
        """The account's maintenance of that id."""
        return self._seen(_found(await maintenance.get(self._db, account_id, identifier), identifier))

    async def page(
        self, account_id: str, *, status: rules.Status | None, limit: int, offset: int
    ) -> tuple[list[Seen], int]:
        """One page of the account's maintenance by name, and how many there are in all."""
        if status is None:
            found, total = await maintenance.page(self._db, account_id, limit=limit, offset=offset)
            return [self._seen(one) for one in found], total
        now = self._clock.now()
        every = await maintenance.of_account(self._db, account_id)
        chosen = [one for one in every if rules.status(one, now) == status]
        return [self._seen(one) for one in chosen[offset : offset + limit]], len(chosen)

    async def all(self, account_id: str) -> list[Seen]:
        """All of the account's maintenance, by name."""
        return [self._seen(one) for one in await maintenance.of_account(self._db, account_id)]

    async def end(self, account_id: str, identifier: str) -> Seen:
        """End a window that comes once and holds now; Conflict for any other one."""
        now = self._clock.now()

        def unit(tx: sqlite3.Connection) -> rules.Maintenance:
            known = _found(maintenance.find(tx, account_id, identifier), identifier)
            if known.weekly is not None or rules.ends_at(known, now) is None or known.starts_at == now:
                raise Conflict("only a window that comes once and has begun can be ended")
            ended = structs.replace(known, ends_at=now, updated_at=now)
            maintenance.update(tx, ended)
            return ended

        return self._seen(await self._write(account_id, unit))

    async def subjects(self, account_id: str) -> list[Named]:
        """All that can be in maintenance, by kind and name."""
        return await maintenance.subjects(self._db, account_id)

    async def named(self, account_id: str, identifiers: Sequence[str]) -> dict[str, Named]:
        """The kinds and names of these ids, of those that there are."""
        return await maintenance.named(self._db, account_id, identifiers)

    async def tags(self, account_id: str) -> list[str]:
        """Every tag that something of the account has."""
        return await maintenance.tags(self._db, account_id)

    async def _write(self, account_id: str, unit: Callable[[sqlite3.Connection], T]) -> T:
        """Run a unit, and put what the account plans then into the calendar once it is committed."""

        def both(tx: sqlite3.Connection) -> tuple[T, list[rules.Maintenance]]:
            return unit(tx), maintenance.all_of(tx, account_id)

        result, planned = await self._db.write(both)
        self.calendar.put(account_id, planned, self._clock.now())
        self.changed()
        return result

    def _seen(self, one: rules.Maintenance) -> Seen:
        now = self._clock.now()
        return Seen(one, rules.ends_at(one, now) is not None, *rules.upcoming(one, now))


def _found(one: rules.Maintenance | None, identifier: str) -> rules.Maintenance:
    if one is None:
        raise NotFound(f"no maintenance {identifier}")
    return one


def _check_subjects(tx: sqlite3.Connection, account_id: str, identifiers: Sequence[str]) -> None:
    unknown = maintenance.unknown_subject(tx, account_id, identifiers)
    if unknown is not None:
        raise Invalid("subjects", f"must be ids of jobs, monitors or heartbeats: there is no {unknown}")
