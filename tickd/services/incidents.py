"""Incidents: list, acknowledge, publish, update; what else happened around one; the alerts that were sent."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tickd import ids, logs
from tickd.clock import Clock
from tickd.domain import times
from tickd.domain.alerts import Alert
from tickd.domain.incidents import AROUND, Incident, Update, UpdateRequest
from tickd.errors import Conflict, NotFound
from tickd.services.network import NETWORK_LOST
from tickd.services.telling import SEEN, Telling
from tickd.services.witness import Blind
from tickd.store import alerts, incidents, related
from tickd.store.database import Database
from tickd.store.related import Related

__all__ = ["Incidents", "Related", "Seen"]

BATCH = 100
"""How many things held back, or reminders, one transaction looks at."""
RELATED_MOST = 50
"""How many other things are listed with an incident, of each kind."""
LOST_LEAST = times.MINUTE
"""A time in which tickd did not run is told from this length on; a restart is no news."""

log = logging.getLogger("tickd.incidents")


@dataclass(frozen=True, slots=True)
class Seen:
    """An incident with its timeline."""

    incident: Incident
    updates: list[Update]


class Incidents:
    """The use cases of incidents, and the tick that looks again at what was held back."""

    def __init__(self, db: Database, clock: Clock, telling: Telling) -> None:
        self._db = db
        self._clock = clock
        self._telling = telling
        self._blind: list[Blind] = []
        self._relook = False
        self._back = 0
        self.wake: Callable[[], None] = lambda: None

    # The loop.

    async def tick(self, now: int) -> int | None:
        """Look again at what was held back, remind, publish, tell of blind time; when the next is due."""
        while self._blind:
            blind = self._blind[0]
            await self._db.write(partial(self._tell_blind, blind=blind, now=now))
            # Noted once it is queued, so that a full disk forgets none.
            del self._blind[0]
            self._telling.queued()

        if back := self._back:
            await self._db.write(lambda tx: incidents.sooner(tx, now, back))
            self._back -= back
        if self._relook:
            await self._db.write(lambda tx: incidents.relook(tx, "maintenance", now))
            self._relook = False

        def unit(tx: sqlite3.Connection) -> int:
            looked = self._telling.look_again(tx, now, BATCH)
            looked += self._telling.remind(tx, now, BATCH)
            return looked + len(incidents.publish_due(tx, now))

        due = await incidents.next_due(self._db)
        if due is None or due > now:
            return due
        if await self._db.write(unit):
            self._telling.queued()
        return now

    def _tell_blind(self, tx: sqlite3.Connection, *, blind: Blind, now: int) -> None:
        alerts.forgive(tx, blind.started_at, blind.ended_at)
        if blind.cause == NETWORK_LOST or blind.ended_at - blind.started_at >= LOST_LEAST:
            self._telling.blind(tx, blind.started_at, blind.ended_at, blind.cause, now)
        if blind.cause == NETWORK_LOST:
            # What could not be sent meanwhile does not wait for the pauses that it has gathered.
            alerts.retry_all(tx)

    def blinded(self, blind: Blind) -> None:
        """A blind interval has ended: a lost network is told, and an outage of the daemon that was long."""
        self._blind.append(blind)
        self.wake()

    def clock_went_back(self, milliseconds: int) -> None:
        """Note a step back: what is looked at later does not wait for the clock to be there again."""
        self._back += milliseconds
        self.wake()

    def maintenance_changed(self) -> None:
        """Look again, now, at all that maintenance holds back."""
        self._relook = True
        self.wake()

    # What people do.

    async def page(
        self,
        account_id: str,
        filters: dict[str, str | None],
        *,
        hours: int | None = None,
        types: list[str] | None = None,
        limit: int,
        offset: int = 0,
    ) -> tuple[list[Seen], int]:
        """One page of the account's incidents, newest first, and how many there are in all."""
        since = 0 if hours is None else self._clock.now() - hours * times.HOUR
        found, total = await incidents.page(
            self._db, account_id, filters, types=types, since=since, limit=limit, offset=offset
        )
        timelines = await incidents.updates(self._db, [incident.row for incident in found])
        return [Seen(incident, timelines[incident.row]) for incident in found], total

    async def get(self, account_id: str, identifier: str) -> Seen:
        """The account's incident of that id."""
        found = await incidents.get(self._db, account_id, identifier)
        if found is None:
            raise NotFound(f"no incident {identifier}")
        return Seen(found, (await incidents.updates(self._db, [found.row]))[found.row])

    async def related(self, incident: Incident) -> Related:
        """What else happened in the ten minutes around its beginning."""
        return await related.around(
            self._db, incident, incident.started_at - AROUND, incident.started_at + AROUND, RELATED_MOST
        )

    async def acknowledge(self, account_id: str, identifier: str) -> Seen:
        """Somebody has seen it: no reminder and no delayed alert is sent any more. Twice is as once."""
        now = self._clock.now()

        def act(tx: sqlite3.Connection, incident: Incident) -> None:
            if incident.status != "open":
                raise Conflict("this incident is resolved")
            incidents.acknowledge(tx, incident.row, now)
            alerts.suppress_delayed(tx, incident.row, SEEN, now)

        return await self._act(account_id, identifier, act)

    async def publish(self, account_id: str, identifier: str) -> Seen:
        """Make a draft public; one that is public stays so."""
        now = self._clock.now()
        return await self._act(
            account_id, identifier, lambda tx, incident: incidents.publish(tx, incident.row, now)
        )

    async def update(self, account_id: str, identifier: str, request: UpdateRequest) -> Seen:
        """Add to the timeline; `resolved` resolves the incident by hand, and tells it.

        Conflict for an incident that is resolved, except for what is said of it afterwards (`resolved`).
        """
        now = self._clock.now()

        def act(tx: sqlite3.Connection, incident: Incident) -> None:
            if incident.status != "open" and request.status != "resolved":
                raise Conflict("this incident is resolved")
            incidents.add_update(tx, incident.row, now, request.status, request.message.strip())
            if request.status == "resolved" and incident.status == "open":
                self._telling.recovered(tx, incident.kind, incident.subject, now, now)

        return await self._act(account_id, identifier, act)

    async def _act(
        self, account_id: str, identifier: str, act: Callable[[sqlite3.Connection, Incident], None]
    ) -> Seen:
        def unit(tx: sqlite3.Connection) -> None:
            found = incidents.find(tx, account_id, identifier)
            if found is None:
                raise NotFound(f"no incident {identifier}")
            act(tx, found)

        await self._db.write(unit)
        self._telling.queued()
        log.info("incident changed", extra=logs.fields(incident=identifier))
        return await self.get(account_id, identifier)

    # Alerts.

    async def alerts(
        self, account_id: str, filters: dict[str, str | None], *, limit: int, offset: int
    ) -> tuple[list[Alert], int]:
        """One page of the account's alerts, newest first, and how many there are in all."""
        return await alerts.page(self._db, account_id, filters, limit=limit, offset=offset)

    async def alert(self, account_id: str, identifier: str) -> Alert:
        """The account's alert of that id."""
        row = ids.row_of("alt", identifier)
        found = None if row is None else await alerts.get(self._db, account_id, row)
        if found is None:
            raise NotFound(f"no alert {identifier}")
        return found
