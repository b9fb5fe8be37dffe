"""Delivery: the outbox is sent, lane by lane, until each receiver has taken what is for it.

A lane's alerts go out one message after another, in their order; lanes wait for nobody but themselves.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import NamedTuple

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
from tickd.services.witness import Blind
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
PER_HOST = 20
"""How many addresses of one host are sent to at once: one that hangs leaves room for others."""
LONG_BLIND = times.HOUR
"""A time of blindness from this length on is no time in which an alert was tried, in milliseconds."""
BACK_OFF_SECS = 5.0
"""How soon a lane is taken up again after tickd itself failed at it."""

log = logging.getLogger("tickd.delivery")


class _Way(NamedTuple):
    """How a lane sends: what it is, whether the account gathers alerts, its secret, and the channel."""

    kind: Kind
    options: Options
    gathers: bool
    secret: str
    channel: channel_rules.Channel | None = None


class _Parcel(NamedTuple):
    """What goes out as one message, and the rows of failures that its recoveries tell with them."""

    alerts: list[Alert]
    silent: list[int]

    @property
    def subjects(self) -> set[tuple[str, int]]:
        """What it is about."""
        return {(alert.kind, alert.subject) for alert in self.alerts}


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
        self._lane = Lane(limit=limit, per_host=PER_HOST)
        self._together = Together(db, clock)
        self._busy: set[str] = set()
        self._broken: dict[str, int] = {}
        self._waking: asyncio.TimerHandle | None = None
        self._back = 0
        self._awake_since = 0
        self.sent: Counter[str] = Counter()
        self.lateness = Histogram((0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0))
        self.wake: Callable[[], None] = lambda: None
        self.is_blind: Callable[[], bool] = lambda: False
        self.look: Callable[[int], None] = lambda _now: None

    @property
    def in_flight(self) -> int:
        """Lanes that send now."""
        return self._lane.in_flight

    def clock_went_back(self, milliseconds: int) -> None:
        """Note a step back; the next tick sends what would wait for the clock to be there again."""
        self._back += milliseconds
        self.wake()

    def blinded(self, blind: Blind) -> None:
        """A time is over in which nothing was tried: it does not count against what waits."""
        if blind.ended_at - blind.started_at >= LONG_BLIND:
            self._awake_since = max(self._awake_since, blind.ended_at)

    async def tick(self, now: int) -> int | None:
        """Take up the lanes that have something to send by `now`; when the next one has (milliseconds)."""
        self.look(now)
        if back := self._back:
            await self._db.write(lambda tx: alerts.sooner(tx, now, back))
            self._back -= back
            self._broken.clear()
        self._broken = {lane: until for lane, until in self._broken.items() if until > now}
        shut = [*self._busy, *self._broken]
        found = await alerts.due(self._db, now, shut, READ)
        by_lane = sorted(found, key=lambda alert: alert.lane)
        for lane, waiting in groupby(by_lane, key=lambda alert: alert.lane):
            self._busy.add(lane)
            mine = list(waiting)
            self._lane.submit(outbox.host_of(mine[0]), partial(self._drain, lane, mine))
        if len(found) == READ:
            return now
        following = await alerts.next_due(self._db, now, [*self._busy, *self._broken])
        return min((due for due in (following, *self._broken.values()) if due is not None), default=None)

    async def _drain(self, lane: str, waiting: list[Alert]) -> None:
        try:
            with logs.bound(lane=lane):
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
        way = await self._way(lane, waiting[0])
        if isinstance(way, str):
            rows, now = [alert.row for alert in waiting], self._clock.now()
            await self._together.write(lambda tx: alerts.suppress(tx, rows, way, now))
            return
        parcels = _parcels(waiting, way)
        refused: set[tuple[str, int]] = set()
        at_once = AT_ONCE if way.kind in channel_rules.ALONE and len(parcels) > BURST else 1
        for some in _together(parcels, at_once):
            # Whatever is behind a refused alert of its subject waits with it.
            some = [parcel for parcel in some if not refused & parcel.subjects]
            failures = await asyncio.gather(*(self._send(lane, way, parcel) for parcel in some))
            for parcel, failure in zip(some, failures, strict=True):
                if failure is not None and failure.refused:
                    refused |= parcel.subjects
            faults = [failure for failure in failures if failure is not None and not failure.refused]
            if faults:
                await self._rest(lane, way, parcels, faults)
                return

    async def _way(self, lane: str, first: Alert) -> _Way | str:
        """How the lane's alerts are sent; or why they are not."""
        account = await accounts.get(self._db, first.account_id)
        if account is None:
            return "its account is gone"
        gathers, secret = account.batch_window_secs > 0, account.webhook_secret
        if first.target is not None:
            target = outbox.target_of(first.target)
            return _Way(target.kind, target.options, gathers, secret)
        channel = await channels.by_id(self._db, lane)
        if channel is None:
            return "its channel was deleted"
        if not channel.enabled:
            return "its channel is disabled"
        return _Way(channel.kind, channel.options, gathers, secret, channel)

    async def _send(self, lane: str, way: _Way, parcel: _Parcel) -> Undelivered | None:
        """Send a message and record what became of it; what went wrong, if it did."""
        group = parcel.alerts
        rows = [alert.row for alert in group]
        message_row = group[0].message or rows[0]
        if len(group) > 1 and group[0].message is None:
            # Before it goes out, so that a repeat after a crash is the same message.
            await self._together.write(lambda tx: alerts.claim(tx, rows, message_row))
        message = Message(
            # Another id than that of its first alert, which may have gone out alone before.
            id=ids.row_id("dig", message_row) if len(group) > 1 else group[0].id,
            told=tuple(Told(alert.id, alert.story) for alert in group),
            moment=self._clock.now(),
            link=self._base_url(),
            secret=way.secret,
            account=group[0].account_id,
        )
        try:
            with logs.bound(alert=message.id):
                await self._senders.send(way.kind, way.options, message)
        except Undelivered as failure:
            with logs.bound(alert=message.id):
                await self._failed(lane, parcel, failure)
            return failure
        now = self._clock.now()

        def unit(tx: sqlite3.Connection) -> None:
            alerts.sent(tx, rows, now)
            alerts.suppress(tx, parcel.silent, "told together with its recovery", now)
            alerts.lane_well(tx, lane, group[0].account_id, now)

        await self._together.write(unit)
        self.sent["sent"] += len(rows)
        for alert in group:
            self.lateness.add(max(0.0, (now - alert.due_at) / 1000))
        return None

    async def _failed(self, lane: str, parcel: _Parcel, failure: Undelivered) -> None:
        """Count an attempt that failed; a message that is refused is put off alone."""
        now, jitter = self._clock.now(), self._jitter()
        error = failure.sentence[:500]
        rows = [alert.row for alert in parcel.alerts]
        tries = max(alert.attempts for alert in parcel.alerts) + 1
        is_blind = self.is_blind()

        def unit(tx: sqlite3.Connection) -> tuple[int, bool]:
            if not failure.refused:
                alerts.tried(tx, rows, error, now, 0)
                return 0, False
            alerts.tried(tx, rows, error, now, now + _pause_ms(tries, jitter, [failure]))
            if len(rows) > 1:
                # Nobody has taken it; what is wrong with one of them must not hold up the others.
                for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
                    alerts.claim(tx, half, half[0])
            # Others may pass, so the lane does not rest; but whoever refuses all it gets has failed.
            _, is_told = _lane_failed(tx, lane, parcel.alerts[0], now, None, error, is_blind)
            return _give_up(tx, [parcel], error, now, None, self._awake_since), is_told

        gone, is_told = await self._together.write(unit)
        self._say(lane, len(rows), gone, error, is_told=is_told)

    async def _rest(
        self, lane: str, way: _Way, parcels: Sequence[_Parcel], faults: Sequence[Undelivered]
    ) -> None:
        """Let the lane rest after it has failed, and give up what has waited for it for too long."""
        now, jitter = self._clock.now(), self._jitter()
        # The machine may have slept while it was tried.
        self.look(now)
        error = faults[-1].sentence[:500]
        first, is_blind = parcels[0].alerts[0], self.is_blind()

        def unit(tx: sqlite3.Connection) -> tuple[int, bool]:
            if channels.find_any(tx, lane) != way.channel:
                # Edited, disabled or deleted meanwhile: taken up again at once, as it is now.
                return 0, False
            known = alerts.lane(tx, lane)
            tries = 1 if known is None else known.attempts + 1
            retry_at = now + _pause_ms(tries, jitter, faults)
            since, is_told = _lane_failed(tx, lane, first, now, retry_at, error, is_blind)
            return _give_up(tx, parcels, error, now, since, self._awake_since), is_told

        gone, is_told = await self._together.write(unit)
        self._say(lane, 0, gone, error, is_told=is_told)

    def _say(self, lane: str, tried: int, gone: int, error: str, *, is_told: bool) -> None:
        if is_told:
            log.error("a channel has failed for long", extra=logs.fields(lane=lane, error=error))
        self.sent["retrying"] += tried - gone if tried else 0
        self.sent["failed"] += gone
        if tried:
            words = logs.fields(lane=lane, alerts=tried, error=error)
            log.warning("alert not delivered; it is tried again", extra=words)
        if gone:
            words = logs.fields(lane=lane, alerts=gone, error=error)
            log.error("alerts given up after 24 h", extra=words)

    async def test(self, account_id: str, channel: channel_rules.Channel) -> str:
        """Send a test to a channel now and record it; what went wrong in a sentence, or nothing."""
        now = self._clock.now()
        account = await accounts.get(self._db, account_id)
        story = Story(event="test", at=now, note=f"It was sent to the channel {channel.name}.")
        row = await self._db.write(lambda tx: outbox.begin_test(tx, account_id, channel.id, story, now))
        identifier = ids.row_id("alt", row)
        message = Message(
            id=identifier,
            told=(Told(identifier, story),),
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
            alerts.tested(tx, row, error, ended)
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


def _parcels(waiting: Sequence[Alert], way: _Way) -> list[_Parcel]:
    """The alerts as they go out: one by one, or together in digests; those once claimed stay together.

    What was claimed goes first: it did before, when what is loose was not there or not due.
    """
    remaining, merged = rules.collapsed(waiting)
    silent: dict[int | None, list[int]] = {}
    for alert in merged:
        silent.setdefault(alert.incident, []).append(alert.row)
    told = [_together_with(alert, silent) for alert in remaining]
    claimed: dict[int, list[Alert]] = {}
    for alert in told:
        if alert.message is not None:
            claimed.setdefault(alert.message, []).append(alert)
    loose = [alert for alert in told if alert.message is None]
    is_crowd = len(loose) > 1
    if not way.gathers:
        is_crowd = way.kind not in channel_rules.ALONE and len(loose) >= rules.CROWD
    size = rules.DIGEST_MOST if is_crowd else 1
    groups = [*claimed.values(), *(loose[start : start + size] for start in range(0, len(loose), size))]
    return [_Parcel(group, _silent(group, silent)) for group in groups]


def _together_with(alert: Alert, silent: Mapping[int | None, object]) -> Alert:
    if alert.event != "recovered" or alert.incident not in silent:
        return alert
    return structs.replace(alert, story=structs.replace(alert.story, together=True))


def _silent(group: Sequence[Alert], silent: Mapping[int | None, list[int]]) -> list[int]:
    return [row for alert in group if alert.event == "recovered" for row in silent.get(alert.incident, ())]


def _together(parcels: Sequence[_Parcel], most: int) -> list[list[_Parcel]]:
    """The parcels in their order, up to `most` at once, of which no two are of the same subject."""
    found: list[list[_Parcel]] = []
    subjects: set[tuple[str, int]] = set()
    for parcel in parcels:
        if not found or len(found[-1]) >= most or subjects & parcel.subjects:
            found.append([])
            subjects = set()
        found[-1].append(parcel)
        subjects |= parcel.subjects
    return found


def _pause_ms(tries: int, jitter: float, failures: Sequence[Undelivered]) -> int:
    """How long to wait after so many failed attempts in a row, and at least for as long as was asked for."""
    asked = max((failure.retry_after or 0.0 for failure in failures), default=0.0)
    return round(max(rules.backoff_secs(tries, jitter), min(asked, 86_400.0)) * 1000)


def _lane_failed(
    tx: sqlite3.Connection,
    lane: str,
    alert: Alert,
    now: int,
    retry_at: int | None,
    error: str,
    is_blind: bool,
) -> tuple[int, bool]:
    """Count the failure of a lane; where it has failed for long, tell it elsewhere, once.

    Nothing is alleged of it while our own network is lost. Since when it fails (milliseconds), and whether
    that was told now.
    """
    attempts, since, told = alerts.lane_failed(tx, lane, alert.account_id, now, retry_at, error)
    account = accounts.find(tx, alert.account_id)
    # A receiver that asks for a longer pause than our patience has used it up.
    asks_long = retry_at is not None and retry_at - now >= rules.PATIENCE
    is_long = asks_long or (attempts >= 3 and now - since >= rules.PATIENCE)
    if account is None or told or is_blind or not is_long:
        return since, False
    alerts.lane_told(tx, lane)
    name = outbox.lane_name(tx, alert)
    story = Story(event="delivery", at=now, since=since, error=error, note=f"The channel is {name}.")
    ways = outbox.last_resorts(tx, account, "delivery", lane)
    outbox.tell(tx, account, ways, story, f"delivery:{lane}:{since}", now)
    return since, True


def _give_up(
    tx: sqlite3.Connection,
    parcels: Sequence[_Parcel],
    error: str,
    now: int,
    failing_since: int | None,
    awake_since: int,
) -> int:
    """Give up what has waited for too long, and pass it on to the fallback channel; how many."""
    old = [
        (alert, parcel)
        for parcel in parcels
        for alert in parcel.alerts
        if rules.gives_up(alert, now, max(awake_since, failing_since or alert.first_tried_at or now))
    ]
    rows = [alert.row for alert, _ in old]
    # With a recovery goes the failure that it tells, or somebody would be told of that alone.
    rows += [row for row in dict.fromkeys(row for _, parcel in old for row in parcel.silent)]
    gone = set(alerts.give_up(tx, rows, error, "it could not be delivered in 24 h", now))
    for alert, _ in old:
        if alert.row in gone:
            _fall_back(tx, alert, error, now)
    return len(gone)


def _fall_back(tx: sqlite3.Connection, alert: Alert, error: str, now: int) -> None:
    """Queue what could not be delivered for the account's fallback channel."""
    account = accounts.find(tx, alert.account_id)
    if account is None or not account.fallback_channel or alert.lane == account.fallback_channel:
        return
    places = [alerts.Place(account.fallback_channel, None)]
    for way in outbox.routes_back(tx, places, alert.event):
        name = outbox.lane_name(tx, alert)
        note = f"This could not be delivered to {name} for {times.span(rules.GIVE_UP)}: {error}"
        outbox.pass_on(tx, account, way, alert, note, now)
