"""Channels: make, change, test, list, delete; how each of them is doing."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tickd import ids
from tickd.clock import Clock
from tickd.domain import channels as rules
from tickd.domain import times
from tickd.domain.channels import Channel, ChannelChange, ChannelCreation
from tickd.errors import NotFound
from tickd.services.delivery import Delivery
from tickd.store import accounts, alerts, channels, incidents
from tickd.store.alerts import Health, Tested
from tickd.store.database import Database

MOST = 1_000
"""How many channels of an account are looked at for one that can deliver."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A channel with what is known of it now; None where it was never used."""

    channel: Channel
    health: Health | None
    tested: Tested | None = None
    """The last test that has ended."""


class Channels:
    """The use cases of channels; every face calls these."""

    def __init__(self, db: Database, clock: Clock, delivery: Delivery, *, can_mail: bool = True) -> None:
        """`can_mail` says whether a mail server is set."""
        self._db = db
        self.can_mail = can_mail
        self._clock = clock
        self._delivery = delivery
        self._testing: Counter[str] = Counter()
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

    async def warning(self, account_id: str) -> str:
        """Why alerts of the account would reach nobody, in a sentence; empty when something can deliver."""
        account = await accounts.get(self._db, account_id)
        found, _ = await channels.page(self._db, account_id, limit=MOST, offset=0)
        usable = [one for one in found if one.enabled and (self.can_mail or one.kind != "email")]
        if account is None or (self.can_mail and account.mail_to):
            return ""
        if usable:
            healths = await alerts.lanes(self._db, [one.id for one in usable])
            if all(_fails(healths.get(one.id)) for one in usable):
                return "Nobody is told: the last delivery by every channel failed."
            return ""
        if await channels.has_own_addresses(self._db, account_id):
            return ""
        mail = "the account has no e-mail address" if self.can_mail else "no mail server is set"
        if not found:
            return f"Nobody is told yet: there is no channel, and {mail}."
        if any(one.enabled for one in found):
            return f"Nobody is told: every enabled channel is e-mail, and {mail}."
        return f"Nobody is told: no channel is enabled, and {mail}."

    async def failing(self, account_id: str) -> list[Channel]:
        """The enabled channels whose last delivery failed, by name."""
        found, _ = await channels.page(self._db, account_id, limit=MOST, offset=0)
        healths = await alerts.lanes(self._db, [one.id for one in found if one.enabled])
        return [one for one in found if _fails(healths.get(one.id))]

    async def users(self, channel: Channel) -> list[tuple[str, str, str]]:
        """(kind, id, name) of the jobs, monitors and heartbeats that name the channel."""
        return await channels.users(self._db, channel)

    async def test(self, account_id: str, identifier: str) -> str:
        """Send a test now; what went wrong in a sentence, or nothing."""
        found = await self._find(account_id, identifier)
        self._testing[identifier] += 1
        try:
            return await self._delivery.test(account_id, found)
        finally:
            self._testing[identifier] -= 1
            self._testing += Counter()  # keeps what is above 0

    async def _find(self, account_id: str, identifier: str) -> Channel:
        found = await channels.get(self._db, account_id, identifier)
        if found is None:
            raise NotFound(f"no channel {identifier}")
        return found

    async def _seen(self, found: list[Channel]) -> list[Seen]:
        names = [channel.id for channel in found]
        healths = await alerts.lanes(self._db, names)
        # The row of a test that is under way says what holds if tickd is stopped meanwhile.
        tests = await alerts.last_tests(self._db, [name for name in names if name not in self._testing])
        return [Seen(one, healths.get(one.id), tests.get(one.id)) for one in found]


def _fails(health: Health | None) -> bool:
    return health is not None and health.failing_since is not None
