"""Incidents: list, acknowledge, publish, update; what else happened around one; the alerts that were sent."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tickd import ids, logs
from tickd.clock import Clock
from tickd.domain import times
from tickd.domain.alerts import WAITING, Alert, State
from tickd.domain.incidents import AROUND, Incident, Reason, Update, UpdateRequest
from tickd.errors import Conflict, NotFound
from tickd.services import outbox
from tickd.services.network import NETWORK_LOST
from tickd.services.telling import SEEN, Telling
from tickd.services.witness import Blind
from tickd.store import alerts, channels, incidents, related
from tickd.store.database import Database
from tickd.store.related import Related

__all__ = ["Board", "Delivery", "Incidents", "Related", "Seen"]

BATCH = 100
"""How many things held back, or reminders, one transaction looks at."""
RELATED_MOST = 50
"""How many other things are listed with an incident, of each kind."""
CHANNELS_MOST = 10_000
LOST_LEAST = times.MINUTE
"""A time in which tickd did not run is told from this length on; a restart is no news."""

log = logging.getLogger("tickd.incidents")


@dataclass(frozen=True, slots=True)
class Seen:
    """An incident with its timeline."""

    incident: Incident
    updates: list[Update]


@dataclass(frozen=True, slots=True)
class Board:
    """A page of incidents, the open ones first, as of `now` (milliseconds)."""

    incidents: list[Incident]
    total: int
    open: int
    now: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert, what people call the way it takes, and when it is tried next (milliseconds).

    `way` is empty where it takes none, `channel` (an id) where it goes to an address or its channel is gone.
    """

    alert: Alert
    way: str
    channel: str
    next_at: int | None


class Incidents:
    """The use cases of incidents, and the tick that looks again at what was held back."""

    def __init__(self, db: Database, clock: Clock, telling: Telling) -> None:
        self._db = db
        self._clock = clock
        self._telling = telling
        self._blind: list[Blind] = []
        self._relook: set[Reason] = set()
        self._back = 0
        telling.suspensions.heard.append(self._accounts_turned)
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
        for reason in tuple(self._relook):
            await self._db.write(partial(incidents.relook, reason=reason, now=now))
            self._relook.discard(reason)

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
        self._relook.add("maintenance")
        self.wake()

    def _accounts_turned(self, _suspended: frozenset[str], _resumed: frozenset[str]) -> None:
        self._relook.add("suspended")
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

    async def board(
        self,
        account_id: str,
        filters: dict[str, object],
        *,
        hours: int | None = None,
        limit: int,
        offset: int = 0,
    ) -> Board:
        """One page of the account's incidents, the open ones first; `hours` leaves out what ended before."""
        now = self._clock.now()
        since = 0 if hours is None else now - hours * times.HOUR
        found, total, still_open = await incidents.board(
            self._db, account_id, filters, since=since, limit=limit, offset=offset
        )
        return Board(found, total, still_open, now)

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

    def lasted_secs(self, incident: Incident) -> int:
        """How long the incident lasted, or lasts by now, in whole seconds."""
        lasted = incident.duration_secs
        return max(0, self._clock.now() - incident.started_at) // times.SECOND if lasted is None else lasted

    async def is_there(self, incident: Incident) -> bool:
        """Whether there still is what the incident is of."""
        return await related.is_there(self._db, incident)

    async def acknowledge_all(self, account_id: str, identifiers: Sequence[str]) -> int:
        """Acknowledge those of them that are open and were not; how many."""
        now = self._clock.now()

        def unit(tx: sqlite3.Connection) -> int:
            known = [incidents.find(tx, account_id, one) for one in dict.fromkeys(identifiers)]
            new = [one for one in known if one and one.status == "open" and one.acknowledged_at is None]
            for one in new:
                incidents.acknowledge(tx, one.row, now)
                alerts.suppress_delayed(tx, one.row, SEEN, now)
            return len(new)

        count = await self._db.write(unit)
        self._telling.queued()
        log.info("incidents acknowledged", extra=logs.fields(count=count))
        return count

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

    async def deliveries(
        self, account_id: str, filters: dict[str, str | None], *, limit: int, offset: int = 0
    ) -> tuple[list[Delivery], int]:
        """As `alerts`, each with the way it takes."""
        found, total = await self.alerts(account_id, filters, limit=limit, offset=offset)
        return await self._on_their_way(account_id, found), total

    async def delivery(self, account_id: str, identifier: str) -> Delivery:
        """The account's alert of that id, with the way it takes."""
        return (await self._on_their_way(account_id, [await self.alert(account_id, identifier)]))[0]

    async def together(self, alert: Alert) -> list[Delivery]:
        """What went out in one message with an alert."""
        found = [] if alert.message is None else await alerts.together(self._db, alert, RELATED_MOST)
        return await self._on_their_way(alert.account_id, found)

    async def outcomes(self, account_id: str) -> dict[State, int]:
        """How many alerts of the account there are, by state."""
        return await alerts.outcomes(self._db, account_id)

    async def _on_their_way(self, account_id: str, found: Sequence[Alert]) -> list[Delivery]:
        known, _ = await channels.page(self._db, account_id, limit=CHANNELS_MOST, offset=0)
        names = {channel.id: f"{channel.name} ({channel.kind})" for channel in known}
        lanes = await alerts.lanes(self._db, {alert.lane for alert in found if alert.state in WAITING})
        made = []
        for alert in found:
            way = names.get(alert.lane, "a channel that is gone" if alert.lane else "")
            if alert.target is not None:
                way = outbox.address_name(alert.target, alert)
            rests = lanes.get(alert.lane)
            next_at = max(alert.due_at, (rests and rests.retry_at) or 0) if alert.state in WAITING else None
            made.append(Delivery(alert, way, alert.lane if alert.lane in names else "", next_at))
        return made
