"""Channels: make, change, test, list, delete; how each of them is doing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from tickd import ids
from tickd.clock import Clock
from tickd.domain import channels as rules
from tickd.domain import times
from tickd.domain.channels import Channel, ChannelChange, ChannelCreation
from tickd.errors import NotFound
from tickd.services.delivery import Delivery
from tickd.store import alerts, channels, incidents
from tickd.store.alerts import Health
from tickd.store.database import Database


@dataclass(frozen=True, slots=True)
class Seen:
    """A channel with what is known of it now; None where it was never used."""

    channel: Channel
    health: Health | None


class Channels:
    """The use cases of channels; every face calls these."""

    def __init__(self, db: Database, clock: Clock, delivery: Delivery) -> None:
        self._db = db
        self._clock = clock
        self._delivery = delivery
        self.changed: Callable[[], None] = delivery.wake
        """Called after each channel that was changed: alerts or reminders may be due."""

    async def create(self, account_id: str, spec: ChannelCreation) -> Seen:
        """Store a channel; Conflict when its name is taken."""
        now = self._clock.now()
        made = rules.create(spec, identifier=ids.new("chn"), account_id=account_id, now=now)
        return Seen(await self._db.write(lambda tx: channels.insert(tx, made)), None)

    async def change(self, account_id: str, identifier: str, spec: ChannelChange) -> Seen:
        """Change what `spec` says of a channel; what waits for it is tried at once."""
        now = self._clock.now()

        def unit(tx: sqlite3.Connection) -> Channel:
            known = channels.find(tx, account_id, identifier)
            if known is None:
                raise NotFound(f"no channel {identifier}")
            changed = rules.change(known, spec, now)
            if changed is not known:
                channels.update(tx, changed)
                alerts.retry_now(tx, identifier)
                is_on = changed.enabled and not known.enabled
                if changed.reminder_minutes and (is_on or changed.reminder_minutes != known.reminder_minutes):
                    due = now + changed.reminder_minutes * times.MINUTE
                    incidents.replan_reminders(tx, identifier, due)
            return changed

        changed = await self._db.write(unit)
        self.changed()
        return (await self._seen([changed]))[0]

    async def delete(self, account_id: str, identifier: str) -> None:
        """Delete a channel; what waits for it is not sent any more."""

        def unit(tx: sqlite3.Connection) -> None:
            if not channels.delete(tx, account_id, identifier):
                raise NotFound(f"no channel {identifier}")
            alerts.forget_lane(tx, identifier)

        await self._db.write(unit)
        self._delivery.wake()

    async def get(self, account_id: str, identifier: str) -> Seen:
        """The account's channel of that id."""
        return (await self._seen([await self._find(account_id, identifier)]))[0]

    async def page(self, account_id: str, *, limit: int, offset: int) -> tuple[list[Seen], int]:
        """One page of the account's channels by name, and how many there are in all."""
        found, total = await channels.page(self._db, account_id, limit=limit, offset=offset)
        return await self._seen(found), total

    async def users(self, channel: Channel) -> list[tuple[str, str, str]]:
        """(kind, id, name) of the jobs, monitors and heartbeats that name the channel."""
        return await channels.users(self._db, channel)

    async def test(self, account_id: str, identifier: str) -> str:
        """Send a test now; what went wrong in a sentence, or nothing."""
        return await self._delivery.test(account_id, await self._find(account_id, identifier))

    async def _find(self, account_id: str, identifier: str) -> Channel:
        found = await channels.get(self._db, account_id, identifier)
        if found is None:
            raise NotFound(f"no channel {identifier}")
        return found

    async def _seen(self, found: list[Channel]) -> list[Seen]:
        healths = await alerts.lanes(self._db, [channel.id for channel in found])
        return [Seen(channel, healths.get(channel.id)) for channel in found]
