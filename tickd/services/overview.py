"""The overview: one list of an account's jobs, monitors and heartbeats, and news of what changed in it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import msgspec

from tickd.clock import Clock
from tickd.domain import cron, times
from tickd.domain import overview as rules
from tickd.domain.alerts import SubjectKind
from tickd.domain.days import Day
from tickd.domain.heartbeats import seconds_of
from tickd.domain.overview import KINDS, STATES, Filters, Health, Item, Last, Page, Planned, Summary
from tickd.domain.windows import ends_at
from tickd.services.days import Days
from tickd.services.monitors import Monitors
from tickd.services.news import News, Story
from tickd.store import incidents, maintenance
from tickd.store import overview as store
from tickd.store.database import Database

SLICE = 2_000
"""Plans that are sorted in one go, some milliseconds of the loop."""
WORST, SHOWN, NEXT = 50, 20, 10
"""How much of what needs attention, of other lists, and of what is due next fits a summary."""

_TAGS = msgspec.json.Decoder(tuple[str, ...])
_NO_FILTER = Filters()
_TROUBLE = Filters(state="trouble")
_DUE = Filters(kind="job", sort="next")
_Place = tuple[SubjectKind, int]


class _Names(NamedTuple):
    version: str
    tags: list[str]
    groups: list[str]


class Overview:
    """What the first page and its live updates read."""

    def __init__(self, db: Database, clock: Clock, monitors: Monitors, days: Days) -> None:
        self._db = db
        self._days = days
        self._clock = clock
        self._monitors = monitors
        self._names: dict[str, _Names] = {}
        self._news = News(self.version, clock)

    async def page(
        self, account_id: str, filters: Filters = _NO_FILTER, *, limit: int = 100, offset: int = 0
    ) -> Page:
        """One page of what matches, in the wanted order."""
        now = self._clock.now()
        counts = await store.counts(self._db, account_id, filters, now)
        if not filters.wanted_kinds:
            return Page([], 0, counts)
        total = sum(
            count
            for (kind, state), count in counts.items()
            if kind in filters.wanted_kinds and state in filters.wanted_states
        )
        if filters.sort == "next" and "monitor" in filters.wanted_kinds:
            places = await self._by_next(account_id, filters, now, limit, offset)
        else:
            places = await store.places(self._db, account_id, filters, now, limit=limit, offset=offset)
        return Page(await self._items(places, now), total, counts)

    async def every(self, account_id: str, most: int) -> AsyncGenerator[list[Item], None]:
        """All items of the account, each once, at most so many at a time."""
        now = self._clock.now()
        # A negative limit is none.
        places = await store.places(self._db, account_id, _NO_FILTER, now, limit=-1, offset=0)
        for start in range(0, len(places), most):
            yield await self._items(places[start : start + most], now)

    async def _by_next(
        self, account_id: str, filters: Filters, now: int, limit: int, offset: int
    ) -> list[_Place]:
        """The places of a page by what is due next, which memory alone knows of monitors."""
        plans = await store.plans(self._db, account_id, filters, now)
        most = limit + offset
        best: list[tuple[bool, int, str, int, int]] = []
        for start in range(0, len(plans), SLICE):
            best = heapq.nsmallest(most, [*best, *map(self._plan, plans[start : start + SLICE])])
            await asyncio.sleep(0)
        return [(KINDS[kind], row) for _, _, _, kind, row in best[offset:]]

    def _plan(self, found: Sequence[Any]) -> tuple[bool, int, str, int, int]:
        kind, row, name, next_at, _state = found
        if KINDS[kind] == "monitor":
            next_at = self._monitors.latest(row)[1]
        return next_at is None, next_at or 0, name.casefold(), kind, row

    async def _items(self, places: Sequence[_Place], now: int) -> list[Item]:
        found = {}
        for kind in KINDS:
            rows = [row for has, row in places if has == kind]
            for row, known in (await store.items(self._db, kind, rows, now)).items():
                found[kind, row] = known
        lasts = await self._checks([row for kind, row in places if kind == "monitor"])
        return [self._item(place, found[place], lasts, now) for place in places if place in found]

    async def _checks(self, rows: Sequence[int]) -> dict[int, Last]:
        """The latest checks of these monitors."""
        found = await self._monitors.last_checks(rows)
        return {row: rules.of_check(check) for row, check in found.items()}

    def _item(self, place: _Place, found: dict[str, Any], checks: dict[int, Last], now: int) -> Item:
        kind, row = place
        next_at, last = found["next_at"], None
        if kind == "monitor":
            next_at, last = self._monitors.latest(row)[1], checks.get(row)
        elif found["last_at"] is not None:
            last = _last(kind, found)
        return Item(
            kind=kind,
            row=row,
            id=found["id"],
            name=found["name"],
            group=found["group_name"],
            tags=_TAGS.decode(found["tags"]),
            state=STATES[found["state"]],
            paused=bool(found["paused"]),
            failing=bool(found["failing"]),
            since=rules.since(
                STATES[found["state"]],
                found["changed_at"] or found["created_at"],
                due=next_at,
                last_at=None if last is None else last.at,
                now=now,
            ),
            next_at=next_at,
            last=last,
            target=_target(kind, found["target"]),
            running=bool(found["running"]),
            slug=found["slug"],
            pinged_at=found.get("last_pinged_at"),
        )

    async def bars(self, items: Sequence[Item], count: int) -> dict[str, list[Day]]:
        """The last `count` days of these items, by their ids."""
        now, found = self._clock.now(), {}
        for kind in KINDS:
            mine = {item.row: item.id for item in items if item.kind == kind}
            for row, shown in (await self._days.of(kind, list(mine), count, now)).items():
                found[mine[row]] = shown
        return found

    async def health(self, account_id: str) -> Health:
        """How many items of the account are in each state, and the worst of these."""
        return rules.health(await store.counts(self._db, account_id, _NO_FILTER, self._clock.now()))

    async def summary(self, account_id: str) -> Summary:
        """The account on one screen."""
        db, now = self._db, self._clock.now()
        health = await self.health(account_id)
        is_well = not any(health.of(state) for state in rules.TROUBLE)
        worst = [] if is_well else await store.places(db, account_id, _TROUBLE, now, limit=WORST, offset=0)
        due = await store.places(db, account_id, _DUE, now, limit=NEXT, offset=0)
        shown = {(item.kind, item.row): item for item in await self._items([*worst, *due], now)}
        open_ones, total = await incidents.page(db, account_id, {"status": "open"}, limit=SHOWN)
        runs, runs_total = await store.runs(db, account_id, SHOWN)
        held = [(one, ends_at(one, now)) for one in await maintenance.of_account(db, account_id)]
        return Summary(
            at=now,
            health=health,
            failing=[shown[place] for place in worst if place in shown],
            incidents=open_ones,
            incidents_total=total,
            runs=runs,
            runs_total=runs_total,
            due=[shown[place] for place in due if place in shown and shown[place].next_at is not None],
            recent=await store.recent(db, account_id, SHOWN),
            maintenance=[Planned(one.id, one.name, ends) for one, ends in held if ends is not None],
            waiting=await store.waiting(db, account_id),
        )

    async def names(self, account_id: str) -> tuple[list[str], list[str]]:
        """The tags and the groups of the account; of a large one they are read when something has changed."""
        version = await self.version(account_id)
        known = self._names.get(account_id)
        if known is None or known.version != version:
            tags, groups = await store.tags(self._db, account_id), await store.groups(self._db, account_id)
            known = self._names[account_id] = _Names(version, tags, groups)
        return known.tags, known.groups

    async def called(self, account_id: str, ids: Sequence[str]) -> list[str]:
        """The names of these items, in their order; those of no item of the account are left out."""
        known = await store.named(self._db, account_id, ids)
        return [known[one] for one in dict.fromkeys(ids) if one in known]

    async def version(self, account_id: str) -> str:
        """A text that changes whenever something of the account is made, edited, deleted or changes state."""
        version = await store.version(self._db, account_id, self._clock.now())
        # Pages show a monitor as memory has it, which is behind its row for a moment.
        return f"{version}.{self._monitors.turned(account_id)}"

    def watch(self, account_id: str) -> AsyncGenerator[Story, None]:
        """News of the account until the daemon stops: its version at once and when it changes, and a tick
        every ten seconds."""
        return self._news.follow(account_id)

    @property
    def listeners(self) -> int:
        """How many connections watch, over all accounts."""
        return self._news.seats.held

    def seat(
        self, account_id: str, session: str, is_gone: Callable[[], bool]
    ) -> AbstractContextManager[None]:
        """A place among those who watch; TooMany where the session or the account has no more of them."""
        return self._news.seat(account_id, session, is_gone)

    def accounts_turned(self, suspended: frozenset[str], _resumed: frozenset[str]) -> None:
        """Let those who watch a suspended account find out that nobody is signed in there."""
        self._news.wake(suspended)

    def stop(self) -> None:
        """Let everyone who watches go."""
        self._news.stop()


def _target(kind: SubjectKind, said: str | int | None) -> str:
    """What is called or watched; of a heartbeat, how often it is expected, in words."""
    if kind != "heartbeat":
        return str(said or "")
    seconds = said if isinstance(said, int) else seconds_of(said or "")
    return f"every {times.span(seconds * times.SECOND)}" if seconds else cron.describe(str(said))


def _last(kind: SubjectKind, found: dict[str, Any]) -> Last:
    if kind == "job":
        status, code, words = found["last_status"], found["status_code"], found["words"]
        return rules.of_run(status, found["last_at"], code, found["duration_ms"], words)
    is_degraded, took = bool(found["degraded"]), found["duration_ms"]
    return rules.of_event(found["last_kind"], found["last_at"], is_degraded, took, found["words"])
