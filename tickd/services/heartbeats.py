"""Heartbeats: make, change, pause, rotate, list, delete; their history as it is read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Literal

from tickd import ids
from tickd.clock import Clock
from tickd.domain import cron, durations, expiry
from tickd.domain import heartbeats as rules
from tickd.domain.heartbeats import Heartbeat, HeartbeatChange, HeartbeatCreation
from tickd.domain.pings import Event
from tickd.domain.plots import Plot, Range
from tickd.errors import NotFound
from tickd.services import limits, shading
from tickd.services.accounts import graded
from tickd.services.doors import Doors
from tickd.services.expiry import Expiry
from tickd.services.monitors import SHORTEST_SECS
from tickd.services.pinging import Pinging
from tickd.services.telling import Telling
from tickd.services.upkeep import Upkeep
from tickd.store import heartbeats
from tickd.store import pings as store
from tickd.store.database import Database
from tickd.store.pings import OpenRun

Which = Literal["pings", "checks", "events", "failures", "all"]

RUNS_SHOWN = 20
"""How many open runs of a heartbeat are listed at most."""


class Heartbeats:
    """The use cases of heartbeats; every face calls these."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        pinging: Pinging,
        expiry: Expiry,
        upkeep: Upkeep,
        telling: Telling,
        *,
        base_url: Callable[[], str],
        floor_secs: int = rules.INTERVAL_LOW,
    ) -> None:
        """`base_url` is where jobs reach this daemon; `floor_secs` the shortest period."""
        self._db = db
        self._clock = clock
        self._upkeep = upkeep
        self._telling = telling
        self.pinging = pinging
        self.expiry = expiry
        self.base_url = base_url
        self.floor_secs = floor_secs

    @property
    def doors(self) -> Doors:
        """Where pings come in."""
        return self.pinging.doors

    async def create(self, account_id: str, spec: HeartbeatCreation) -> Heartbeat:
        """Store a heartbeat; nothing is expected of it before its first ping."""
        token = ids.token()
        spec = await graded(self._db, account_id, spec)
        made = rules.create(
            spec,
            identifier=ids.new("hb"),
            account_id=account_id,
            token=token,
            short_token=ids.short_token(token),
            now=self._clock.now(),
        )

        def unit(tx: sqlite3.Connection) -> Heartbeat:
            limits.room(tx, account_id, "heartbeats")
            return heartbeats.insert(tx, made)

        stored = await self._db.write(unit)
        self.doors.put(stored)
        return stored

    async def change(self, account_id: str, identifier: str, spec: HeartbeatChange) -> Heartbeat:
        """Change what `spec` says of a heartbeat; the rest keeps its value, and its deadline follows."""
        now = self._clock.now()
        return await self._edit(account_id, identifier, lambda known: rules.change(known, spec, now))

    async def rotate(self, account_id: str, identifier: str) -> Heartbeat:
        """Give a heartbeat new tokens; pings by the old ones are answered as unknown."""
        now, token = self._clock.now(), ids.token()
        short = ids.short_token(token)
        return await self._edit(account_id, identifier, lambda known: rules.rotated(known, token, short, now))

    async def pause(self, account_id: str, identifier: str) -> Heartbeat:
        """Expect nothing of a heartbeat until it is resumed; its pings are still logged."""
        return await self.change(account_id, identifier, HeartbeatChange(status="paused"))

    async def resume(self, account_id: str, identifier: str) -> Heartbeat:
        """Expect pings of a paused heartbeat again, a whole period from now."""
        return await self.change(account_id, identifier, HeartbeatChange(status="active"))

    async def _edit(
        self, account_id: str, identifier: str, edit: Callable[[Heartbeat], Heartbeat]
    ) -> Heartbeat:
        now = self._clock.now()

        def unit(tx: sqlite3.Connection) -> Heartbeat:
            known = _found(heartbeats.find(tx, account_id, identifier), identifier)
            edited = edit(known)
            if edited is not known:
                heartbeats.update(tx, edited)
                self._telling.edited(tx, "heartbeat", edited.row, now)
            if edited.paused and not known.paused:
                heartbeats.add_runs(tx, known.row, -store.forget_runs(tx, known.row))
            elif edited.grace_secs != known.grace_secs:
                rhythm = edited.rhythm
                store.retime_runs(tx, known.row, rhythm.grace, now, expiry.soon(rhythm, now))
            return edited

        edited = await self._db.write(unit)
        self.doors.put(edited)
        self.expiry.wake()
        self._telling.queued()
        return edited

    async def delete(self, account_id: str, identifier: str) -> None:
        """Delete a heartbeat and its history; its open incident ends with it."""
        now = self._clock.now()

        def unit(tx: sqlite3.Connection) -> None:
            row = heartbeats.delete(tx, account_id, identifier)
            if row is None:
                raise NotFound(f"no heartbeat {identifier}")
            # Now, and not by upkeep: a deadline that belongs to nobody would keep the loop awake.
            store.forget_runs(tx, row)
            self._telling.deleted(tx, "heartbeat", row, now)

        await self._db.write(unit)
        self.doors.drop(identifier)
        self._upkeep.wake()

    async def get(self, account_id: str, identifier: str) -> Heartbeat:
        """The account's heartbeat of that id."""
        return _found(await heartbeats.get(self._db, account_id, identifier), identifier)

    async def public(self, identifier: str) -> Heartbeat:
        """The public heartbeat of that id, whoever's it is; NotFound for one that is not public."""
        found = await heartbeats.by_id(self._db, identifier)
        if found is None or not found.public:
            raise NotFound(f"no public heartbeat {identifier}")
        return found

    async def page(
        self, account_id: str, filters: dict[str, str | None], *, limit: int, offset: int
    ) -> tuple[list[Heartbeat], int]:
        """One page of the account's heartbeats by name, and how many there are in all."""
        return await heartbeats.page(self._db, account_id, filters, limit=limit, offset=offset)

    async def all(self, account_id: str) -> list[Heartbeat]:
        """All heartbeats of the account, by name."""
        return await heartbeats.of_account(self._db, account_id)

    def state(self, heartbeat: Heartbeat) -> expiry.State:
        """The heartbeat's state as of now; what is paused is never late."""
        if heartbeat.paused:
            return heartbeat.standing.state
        return expiry.state_at(heartbeat.standing, self._clock.now())

    async def history(
        self, account_id: str, identifier: str, which: Which, *, limit: int, offset: int
    ) -> tuple[list[Event], int]:
        """One page of a heartbeat's pings, checks or events, newest first, and how many are kept.

        Checks are the runs that ended and the silences; events are the silences, the deadlines that were
        moved, and whatever changed the state; failures are the runs that failed, and the silences.
        """
        heartbeat = await self.get(account_id, identifier)
        return await store.page(self._db, heartbeat.row, which, limit=limit, offset=offset)

    async def ping(self, account_id: str, identifier: str, ping_id: str) -> Event:
        """One ping of a heartbeat, with the body that it brought."""
        heartbeat = await self.get(account_id, identifier)
        row = ids.row_of("png", ping_id)
        found = None if row is None else await store.get(self._db, heartbeat.row, row)
        if found is None:
            raise NotFound(f"no ping {ping_id}")
        return found

    async def open_runs(self, heartbeat: Heartbeat) -> list[OpenRun]:
        """The latest runs that have begun and not ended."""
        return await store.open_runs(self._db, heartbeat.row, RUNS_SHOWN)

    async def is_timed(self, heartbeat: Heartbeat) -> bool:
        """Whether any of its latest runs told its start and its end."""
        return await store.is_timed(self._db, heartbeat.row)

    async def chart(self, account_id: str, identifier: str, range_: Range) -> Plot:
        """How long the runs took that told their start and their end, in that range, which ends now."""
        heartbeat = await self.get(account_id, identifier)
        now = self._clock.now()
        since = durations.since(range_, now)
        slots, whole = await store.chart(self._db, heartbeat.row, since, durations.SLOTS[range_])
        windows = heartbeat.options.maintenance_windows
        bands = await shading.bands(self._db, account_id, heartbeat.id, heartbeat.tags, windows, since, now)
        return durations.plot(range_, slots, whole, bands, now)

    def preview(self, schedule: str, timezone: str, count: int) -> tuple[str, list[int]]:
        """A schedule in words, and the next `count` times at which a ping is expected (milliseconds)."""
        expression, zone = cron.parse(schedule).expression, cron.zone(timezone).key
        upcoming, moment = [], self._clock.now()
        for _ in range(count):
            moment = cron.next_after(expression, zone, moment)
            upcoming.append(moment)
        return cron.describe(expression), upcoming


def _found(heartbeat: Heartbeat | None, identifier: str) -> Heartbeat:
    if heartbeat is None:
        raise NotFound(f"no heartbeat {identifier}")
    return heartbeat


def lowered(min_interval_secs: int) -> int:
    """The shortest period of a heartbeat where the operator has set the shortest interval of monitors."""
    return min_interval_secs if min_interval_secs < SHORTEST_SECS else rules.INTERVAL_LOW
