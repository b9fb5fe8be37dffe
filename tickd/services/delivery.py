"""Delivery: the outbox is sent, lane by lane, until each receiver has taken what is for it.

A lane's alerts go out one message after another, in their order; lanes wait for nobody but themselves.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

from msgspec import structs

from tickd import ids, logs
from tickd.clock import Clock
from tickd.domain import alerts as rules
from tickd.domain import channels as channel_rules
from tickd.domain import times
from tickd.domain.alerts import Alert, Message, Story, Told
from tickd.domain.channels import Kind, Options
from tickd.domain.histogram import Histogram
from tickd.errors import TickdError
from tickd.outbound.senders import Senders, Undelivered
from tickd.services import outbox
from tickd.services.lane import Lane
from tickd.services.together import Together
from tickd.store import accounts, alerts, channels
from tickd.store.database import Database

READ = 2_000
"""Alerts that one tick takes up at most."""
BURST = 20
"""From so many waiting calls of a webhook on, several are made at once."""
AT_ONCE = 8
"""How many calls of one webhook are under way at once in a burst; each subject's own keep their order."""
GATHER_SECS = 0.02
"""How long a lane that has sent all it had waits for others that end, until the outbox is read again."""
BACK_OFF_SECS = 5.0
"""How soon a lane is taken up again after tickd itself failed at it."""

log = logging.getLogger("tickd.delivery")


class Delivery:
    """The delivery loop's tick, and the test button."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        senders: Senders,
        *,
        limit: int,
        base_url: Callable[[], str],
        jitter: Callable[[], float],
    ) -> None:
        self._db = db
        self._clock = clock
        self._senders = senders
        self._base_url = base_url
        self._jitter = jitter
        self._lane = Lane(limit=limit, per_host=1)
        self._together = Together(db, clock)
        self._busy: set[str] = set()
        self._broken: dict[str, int] = {}
        self._waking: asyncio.TimerHandle | None = None
        self.sent: Counter[str] = Counter()
        self.lateness = Histogram((0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0))
        self.wake: Callable[[], None] = lambda: None

    @property
    def in_flight(self) -> int:
        """Lanes that send now."""
        return self._lane.in_flight

    async def tick(self, now: int) -> int | None:
        """Take up the lanes that have something to send by `now`; when the next one has (milliseconds)."""
        self._broken = {lane: until for lane, until in self._broken.items() if until > now}
        shut = [*self._busy, *self._broken]
        found = await alerts.due(self._db, now, shut, READ)
        by_lane = sorted(found, key=lambda alert: alert.lane)
        for lane, waiting in groupby(by_lane, key=lambda alert: alert.lane):
            self._busy.add(lane)
            self._lane.submit(lane, partial(self._drain, lane, list(waiting)))
        if len(found) == READ:
            return now
        following = await alerts.next_due(self._db, [*self._busy, *self._broken])
        return min((due for due in (following, *self._broken.values()) if due is not None), default=None)

    async def _drain(self, lane: str, waiting: list[Alert]) -> None:
        try:
            await self._send_all(lane, waiting)
        except Exception:
            # Not the receiver's fault: the alerts stay queued, and the lane is taken up again.
            log.exception("delivery broke off", extra=logs.fields(lane=lane))
            self._broken[lane] = self._clock.now() + round(BACK_OFF_SECS * 1000)
        finally:
            self._busy.discard(lane)
            self._wake_soon()

    def _wake_soon(self) -> None:
        """Look for more, once for all the lanes that end together."""
        if self._waking is None or self._waking.when() <= asyncio.get_running_loop().time():
            self._waking = asyncio.get_running_loop().call_later(GATHER_SECS, self.wake)

    async def _send_all(self, lane: str, waiting: list[Alert]) -> None:
        waiting.sort(key=lambda alert: alert.row)
        place = await self._place(lane, waiting[0])
        if isinstance(place, str):
            rows, now = [alert.row for alert in waiting], self._clock.now()
            await self._together.write(lambda tx: alerts.suppress(tx, rows, place, now))
            return
        kind, options, window_secs, secret = place
        remaining, merged = rules.collapsed(waiting)
        over = {alert.incident: alert for alert in remaining if alert.event == "recovered"}
        told = {over[alert.incident].row for alert in merged}
        by_recovery: dict[int, list[int]] = {}
        for alert in merged:
            by_recovery.setdefault(over[alert.incident].row, []).append(alert.row)
        groups = _grouped(remaining, kind, gathers=window_secs > 0)
        refused: set[tuple[str, int]] = set()
        at_once = AT_ONCE if kind in channel_rules.ALONE and len(groups) > BURST else 1
        for some in _together(groups, at_once):
            # Whatever is behind a refused alert of its subject waits with it.
            some = [group for group in some if not refused & _subjects(group)]
            outcomes = await asyncio.gather(
                *(self._send(lane, kind, options, secret, group, told, by_recovery) for group in some)
            )
            for group, outcome in zip(some, outcomes, strict=True):
                if outcome == "refused":
                    refused |= _subjects(group)
            if "failed" in outcomes:
                return

    async def _place(self, lane: str, first: Alert) -> tuple[Kind, Options, int, str] | str:
        """What sends the lane's alerts: kind, options, the account's window and secret; or why none does."""
        account = await accounts.get(self._db, first.account_id)
        if account is None:
            return "its account is gone"
        if first.target is not None:
            target = outbox.target_of(first.target)
            return target.kind, target.options, account.batch_window_secs, account.webhook_secret
        channel = await channels.by_id(self._db, lane)
        if channel is None:
            return "its channel was deleted"
        if not channel.enabled:
            return "its channel is disabled"
        return channel.kind, channel.options, account.batch_window_secs, account.webhook_secret

    async def _send(
        self,
        lane: str,
        kind: Kind,
        options: Options,
        secret: str,
        group: Sequence[Alert],
        told: set[int],
        by_recovery: dict[int, list[int]],
    ) -> str:
        """Send a message and record what became of it: `sent`, `refused` or `failed`."""
        rows = [alert.row for alert in group]
        message_row = group[0].message or rows[0]
        if len(group) > 1 and group[0].message is None:
            # Before it goes out, so that a repeat after a crash is the same message.
            await self._together.write(lambda tx: alerts.claim(tx, rows, message_row))
        message = Message(
            id=ids.row_id("alt", message_row),
            told=tuple(Told(alert.id, _story(alert, alert.row in told)) for alert in group),
            moment=self._clock.now(),
            link=self._base_url(),
            secret=secret,
            account=group[0].account_id,
        )
        try:
            await self._senders.send(kind, options, message)
        except Undelivered as failure:
            return await self._failed(lane, group, failure)
        now = self._clock.now()
        silent = [row for alert in group for row in by_recovery.get(alert.row, ())]

        def unit(tx: sqlite3.Connection) -> None:
            alerts.sent(tx, rows, now)
            alerts.suppress(tx, silent, "told together with its recovery", now)
            alerts.lane_well(tx, lane, group[0].account_id, now)

        await self._together.write(unit)
        self.sent["sent"] += len(rows)
        for alert in group:
            self.lateness.add(max(0.0, (now - alert.due_at) / 1000))
        return "sent"

    async def _failed(self, lane: str, group: Sequence[Alert], failure: Undelivered) -> str:
        now = self._clock.now()
        error = failure.sentence[:500]
        gone = [alert for alert in group if rules.gives_up(alert, now)]
        kept = [alert.row for alert in group if not rules.gives_up(alert, now)]

        def unit(tx: sqlite3.Connection) -> bool:
            tries = max(alert.attempts for alert in group) + 1
            known = alerts.lane(tx, lane)
            if not failure.refused:
                tries = 1 if known is None else known.attempts + 1
            pause = failure.retry_after
            if pause is None:
                pause = rules.backoff_secs(tries, jitter)
            retry_at = now + max(1, round(min(pause, 86_400.0) * 1000))
            alerts.tried(tx, kept, error, retry_at if failure.refused else now)
            alerts.give_up(tx, [alert.row for alert in gone], error, "it could not be delivered in 24 h", now)
            for alert in gone:
                _fall_back(tx, alert, error, now)
            if failure.refused:
                return False
            return _lane_failed(tx, lane, group[0], now, retry_at, error)

        jitter = self._jitter()
        was_told = await self._together.write(unit)
        self.sent["retrying"] += len(kept)
        self.sent["failed"] += len(gone)
        words = logs.fields(lane=lane, alerts=len(group), error=error)
        log.warning("alert not delivered; it is tried again", extra=words)
        if gone:
            log.error("alert given up after 24 h", extra=words)
        if was_told:
            log.error("a channel has failed for long", extra=words)
        return "refused" if failure.refused else "failed"

    async def test(self, account_id: str, channel: channel_rules.Channel) -> str:
        """Send a test to a channel now and record it; what went wrong in a sentence, or nothing."""
        now = self._clock.now()
        account = await accounts.get(self._db, account_id)
        story = Story(event="test", at=now, note=f"It was sent to the channel {channel.name}.")
        nonce = ids.secret(16)
        message = Message(
            id=f"alt_{nonce}",
            told=(Told(f"alt_{nonce}", story),),
            moment=now,
            link=self._base_url(),
            secret="" if account is None else account.webhook_secret,
            account=account_id,
        )
        error = ""
        try:
            await self._senders.send(channel.kind, channel.options, message)
        except Undelivered as failure:
            error = failure.sentence
        ended = self._clock.now()

        def unit(tx: sqlite3.Connection) -> None:
            outbox.record_test(tx, account_id, channel.id, story, f"test:{nonce}", error, ended)
            if not error:
                alerts.lane_well(tx, channel.id, account_id, ended)

        await self._db.write(unit)
        self.wake()
        return error

    async def stop(self, grace_secs: float) -> None:
        """Begin no further message and give what runs `grace_secs`; the next start sends what is left."""
        await self._lane.stop(grace_secs)
        try:
            await self._together.stop()
        except TickdError as error:
            log.error("deliveries not recorded", extra=logs.fields(error=error.message))


def _subjects(group: Sequence[Alert]) -> set[tuple[str, int]]:
    return {(alert.kind, alert.subject) for alert in group}


def _story(alert: Alert, together: bool) -> Story:
    return structs.replace(alert.story, together=True) if together else alert.story


def _grouped(waiting: Sequence[Alert], kind: Kind, *, gathers: bool) -> list[list[Alert]]:
    """The alerts as they go out: one by one, or together in digests; those once claimed stay together."""
    groups: list[list[Alert]] = []
    loose = [alert for alert in waiting if alert.message is None]
    for _, claimed in groupby(
        sorted((alert for alert in waiting if alert.message is not None), key=lambda one: one.message or 0),
        key=lambda one: one.message,
    ):
        groups.append(list(claimed))
    is_crowd = len(loose) > 1 if gathers else kind not in channel_rules.ALONE and len(loose) >= rules.CROWD
    size = rules.DIGEST_MOST if is_crowd else 1
    groups += [loose[start : start + size] for start in range(0, len(loose), size)]
    return sorted(groups, key=lambda group: group[0].row)


def _together(groups: Sequence[list[Alert]], most: int) -> list[list[list[Alert]]]:
    """The groups in their order, up to `most` at once, of which no two are of the same subject."""
    found: list[list[list[Alert]]] = []
    subjects: set[tuple[str, int]] = set()
    for group in groups:
        mine = _subjects(group)
        if not found or len(found[-1]) >= most or subjects & mine:
            found.append([])
            subjects = set()
        found[-1].append(group)
        subjects |= mine
    return found


def _lane_failed(
    tx: sqlite3.Connection, lane: str, alert: Alert, now: int, retry_at: int, error: str
) -> bool:
    """Count the failure of a lane; where it has failed for long, tell it elsewhere, once."""
    attempts, since, told = alerts.lane_failed(tx, lane, alert.account_id, now, retry_at, error)
    if told or attempts < 3 or now - since < rules.PATIENCE:
        return False
    alerts.lane_told(tx, lane)
    account = accounts.find(tx, alert.account_id)
    if account is None:
        return False
    name = outbox.lane_name(tx, lane, alert.target)
    story = Story(event="delivery", at=now, since=since, error=error, note=f"The channel is {name}.")
    ways = [way for way in outbox.last_resorts(tx, account, "delivery") if way.lane != lane]
    for way in ways:
        outbox.queue(tx, account, way, story, f"delivery:{lane}:{since}", now)
    return True


def _fall_back(tx: sqlite3.Connection, alert: Alert, error: str, now: int) -> None:
    """Queue what could not be delivered for the account's fallback channel."""
    account = accounts.find(tx, alert.account_id)
    if account is None or not account.fallback_channel or alert.lane == account.fallback_channel:
        return
    way = next(
        iter(outbox.routes_back(tx, [alerts.Place(account.fallback_channel, None)], alert.event)), None
    )
    if way is not None:
        name = outbox.lane_name(tx, alert.lane, alert.target)
        note = f"This could not be delivered to {name} for {times.span(rules.GIVE_UP)}: {error}"
        story = structs.replace(alert.story, note=note)
        outbox.queue(tx, account, way, story, f"{alert.row}:fallback", now)
