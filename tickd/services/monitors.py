"""Monitors: make, change, pause, list, delete, check now; their history as it is read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgspec import UNSET, structs

from tickd import ids
from tickd.clock import Clock
from tickd.domain import monitors as rules
from tickd.domain import plots, times, uptime
from tickd.domain.checks import STATUSES, Check, CheckStatus
from tickd.domain.incidents import shown_body, shown_headers
from tickd.domain.monitors import Monitor, MonitorChange, MonitorCreation
from tickd.domain.plots import Plot, Range
from tickd.domain.uptime import Bucket
from tickd.errors import Conflict, NotFound
from tickd.services import limits, shading
from tickd.services.accounts import graded
from tickd.services.checking import Checking
from tickd.services.history import History
from tickd.services.telling import Telling
from tickd.store import monitors
from tickd.store.database import Database

Refusal = Callable[[Monitor], None]
"""Raises Invalid for a monitor whose target may not be called."""

SHORTEST_SECS = 30
"""The shortest interval of a monitor, unless the operator lowers it."""
LIFETIME_DAYS = 36_500
"""As far back as daily rollups can reach."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A monitor with what is known of it now; times in milliseconds."""

    monitor: Monitor
    last: Check | None
    next_check_at: int | None
    checks_total: int
    checks_failed: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How a monitor did until `now` (milliseconds); None where nothing is known.

    Of its last 24 hours, to the hour, and of its last 7, 30 and 90 UTC days: the uptime in percent; of the
    last 24 hours how long it took, in milliseconds, as its chart says it, and what was counted.
    """

    now: int
    uptime: dict[Range, float | None]
    p50_ms: float | None
    p95_ms: float | None
    checks: int
    failed: int


@dataclass(frozen=True, slots=True)
class Trial:
    """What one look found at what may become a monitor; of the answer what an incident would keep of it."""

    check: Check
    headers: dict[str, str] | None
    body: str | None
    is_cut: bool
    address: str | None
    addresses: tuple[str, ...]
    issuer: str | None


class Monitors:
    """The use cases of monitors; every face calls these."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        checking: Checking,
        history: History,
        telling: Telling,
        *,
        refuses: Refusal,
        floor_secs: int = SHORTEST_SECS,
    ) -> None:
        self._db = db
        self._clock = clock
        self._checking = checking
        self._history = history
        self._telling = telling
        self.refuses = refuses
        self._trying: set[str] = set()
        self.floor_secs = floor_secs

    async def create(self, account_id: str, spec: MonitorCreation, *, prefix: str = "mon") -> Seen:
        """Store a monitor; its first check begins at once."""
        now = self._clock.now()
        spec = await graded(self._db, account_id, spec)
        made = rules.create(spec, identifier=ids.new(prefix), account_id=account_id, now=now)
        self.refuses(made)
        says_how_often = spec.interval_secs is not UNSET
        stored = await self._db.write(lambda tx: _insert(tx, made, says_how_often, self.floor_secs))
        self._checking.put(stored, now)
        return self._known(stored)

    async def change(self, account_id: str, identifier: str, spec: MonitorChange) -> Seen:
        """Change what `spec` says of a monitor; the rest keeps its value."""
        now = self._clock.now()

        def unit(tx: sqlite3.Connection) -> Monitor:
            known = monitors.find(tx, account_id, identifier)
            if known is None:
                raise NotFound(f"no monitor {identifier}")
            changed = rules.change(known, spec, now)
            self.refuses(changed)
            if changed.options.interval_secs != known.options.interval_secs:
                limits.interval(tx, account_id, changed.options.interval_secs)
            if changed is not known:
                monitors.update(tx, changed)
                self._telling.edited(tx, "monitor", changed.row, now)
            return changed

        changed = await self._db.write(unit)
        self._checking.put(changed, now)
        self._telling.queued()
        return await self._seen(changed)

    async def pause(self, account_id: str, identifier: str) -> Seen:
        """Stop checking a monitor until it is resumed."""
        return await self.change(account_id, identifier, MonitorChange(status="paused"))

    async def resume(self, account_id: str, identifier: str) -> Seen:
        """Check a paused monitor again, at once and on its schedule."""
        return await self.change(account_id, identifier, MonitorChange(status="active"))

    async def delete(self, account_id: str, identifier: str) -> None:
        """Delete a monitor and its history; its open incident ends with it."""
        now = self._clock.now()

        def unit(tx: sqlite3.Connection) -> int:
            row = monitors.delete(tx, account_id, identifier)
            if row is None:
                raise NotFound(f"no monitor {identifier}")
            self._history.forget(tx, row)
            self._telling.deleted(tx, "monitor", row, now)
            return row

        self._checking.drop(await self._db.write(unit))

    async def get(self, account_id: str, identifier: str) -> Seen:
        """The account's monitor of that id."""
        return await self._seen(await self._find(account_id, identifier))

    async def page(
        self, account_id: str, filters: dict[str, str | None], *, limit: int, offset: int
    ) -> tuple[list[Seen], int]:
        """One page of the account's monitors by name, and how many there are in all."""
        found, total = await monitors.page(self._db, account_id, filters, limit=limit, offset=offset)
        return [await self._seen(monitor) for monitor in found], total

    async def all(self, account_id: str) -> list[Seen]:
        """All monitors of the account, by name."""
        return [await self._seen(monitor) for monitor in await monitors.of_account(self._db, account_id)]

    def latest(self, row: int) -> tuple[Check | None, int | None]:
        """What memory holds of a monitor: its last check since the start, and when the next one is due."""
        try:
            watched = self._checking.find(row)
        except NotFound:
            return None, None
        return watched.last, watched.due

    def turned(self, account_id: str) -> int:
        """How many changes of its monitors' states memory has seen; a row has each a moment before."""
        return self._checking.turned[account_id]

    async def last_checks(self, rows: Iterable[int]) -> dict[int, Check]:
        """The last check of each of these monitors, all of one account; those without one are absent.

        What was checked before the start is read in one go, once.
        """
        watched = self._checking.known(rows)
        unread = [row for row, one in watched.items() if one.last is None and not one.is_read]
        for row, check in (await self._history.newest(unread)).items() if unread else ():
            watched[row].last = watched[row].last or check
        for row in unread:
            watched[row].is_read = True
        return {row: one.last for row, one in watched.items() if one.last is not None}

    async def stored(self, account_id: str) -> list[Monitor]:
        """All monitors of the account as their rows have them, by name."""
        return await monitors.of_account(self._db, account_id)

    async def public(self, identifier: str) -> Seen:
        """The public monitor of that id, whoever's it is; NotFound for one that is not public."""
        found = await monitors.by_id(self._db, identifier)
        if found is None or not found.public:
            raise NotFound(f"no public monitor {identifier}")
        return await self._seen(found)

    async def check(self, account_id: str, identifier: str) -> Check:
        """Look at a monitor now, paused or not, and record it."""
        monitor = await self._find(account_id, identifier)
        check = await self._checking.check_now(monitor.row)
        # Answered after the commit that holds it, as every write is; Unavailable where the disk is full.
        await self._history.write_with(_nothing)
        return check

    async def try_out(self, account_id: str, spec: MonitorCreation) -> Trial:
        """One check of what `spec` says, as a stored monitor's would be; nothing is stored.

        Conflict while another try of the account is under way.
        """
        made = rules.create(spec, identifier=ids.new("mon"), account_id=account_id, now=self._clock.now())
        self.refuses(made)
        if account_id in self._trying:
            raise Conflict("another try is under way; wait for its result")
        self._trying.add(account_id)
        try:
            check, seen = await self._checking.try_out(made)
        finally:
            self._trying.discard(account_id)
        return Trial(
            check=check,
            headers=shown_headers(seen.headers),
            body=shown_body(seen.body),
            is_cut=seen.truncated or len(seen.body) > len(shown_body(seen.body) or ""),
            address=seen.address,
            addresses=seen.addresses,
            issuer=None if seen.certificate is None else seen.certificate.issuer,
        )

    async def checks(
        self, account_id: str, identifier: str, *, status: CheckStatus | None, limit: int, offset: int
    ) -> tuple[list[Check], int]:
        """One page of a monitor's checks, newest first, and how many are kept."""
        monitor = await self._find(account_id, identifier)
        return await self._history.page(monitor.row, status=status, limit=limit, offset=offset)

    async def days(self, account_id: str, identifier: str, count: int) -> list[tuple[int, Bucket]]:
        """What is known of a monitor's last `count` UTC days: (day, rollup), oldest first."""
        monitor = await self._find(account_id, identifier)
        return await self._history.days(monitor.row, count, self._clock.now())

    async def uptime(self, monitor: Monitor, days: int = LIFETIME_DAYS) -> Bucket:
        """A monitor's rollup over its last `days` UTC days."""
        today = uptime.day_of(self._clock.now())
        found = await self._history.buckets([monitor.row], today - days + 1, today)
        return found.get(monitor.row, Bucket())

    async def latency(
        self, account_id: str, identifier: str, hours: int
    ) -> tuple[list[tuple[int, float | None, CheckStatus]], int, int]:
        """The response times of a monitor's last hours as (at, ms, status), and from when to when."""
        monitor = await self._find(account_id, identifier)
        until = self._clock.now()
        since = until - hours * times.HOUR
        return await self._history.latency(monitor.row, since, until), since, until

    async def figures(self, monitor: Monitor) -> Figures:
        """How a monitor did in its last day, week, month and three months."""
        now = self._clock.now()
        by_day = await self._history.days(monitor.row, 90, now)
        by_hour, points = await self._last_day(monitor, now)
        latest = _merged(by_hour)
        took = plots.sum_of_buckets(by_hour) if points is None else plots.sum_of_points(points)
        today = uptime.day_of(now)
        shares: dict[Range, float | None] = {"24h": latest.uptime_percent()}
        for name, count in (("7d", 7), ("30d", 30), ("90d", 90)):
            whole = _merged([(day, bucket) for day, bucket in by_day if day > today - count])
            shares[name] = whole.uptime_percent()  # type: ignore[index]
        return Figures(now, shares, took.p50, took.p95, latest.checks, latest.failed)

    async def plot(self, account_id: str, identifier: str, range_: Range) -> Plot:
        """A monitor's response times as they are drawn: out of checks, of hours, or of days."""
        monitor = await self._find(account_id, identifier)
        now = self._clock.now()
        since = now - plots.LENGTHS[range_]
        windows = monitor.options.maintenance_windows
        made = max(since, min(monitor.created_at, now))
        shaded = await shading.bands(self._db, account_id, identifier, monitor.tags, windows, made, now)
        if range_ == "24h":
            by_hour, points = await self._last_day(monitor, now)
            if points is None:
                found = [(hour * times.HOUR, bucket) for hour, bucket in by_hour]
                return plots.of_buckets(range_, found, times.HOUR, shaded, now)
            return plots.of_points(range_, points, shaded, now, monitor.options.interval_secs * times.SECOND)
        if range_ == "90d":
            by_day = await self._history.days(monitor.row, 90, now)
            found = [(day * times.DAY, bucket) for day, bucket in by_day]
            return plots.of_buckets(range_, found, times.DAY, shaded, now)
        hours = range(uptime.hour_of(since) + 1, uptime.hour_of(now) + 1)
        by_hour = await self._history.hours(monitor.row, hours)
        found = [(hour * times.HOUR, bucket) for hour, bucket in by_hour]
        return plots.of_buckets(range_, found, times.HOUR, shaded, now)

    async def _last_day(
        self, monitor: Monitor, now: int
    ) -> tuple[list[tuple[int, Bucket]], list[plots.Point] | None]:
        """The rollups of its last 24 hours, and its checks where these are not too many to be read."""
        hour = uptime.hour_of(now)
        by_hour = await self._history.hours(monitor.row, range(hour - 23, hour + 1))
        if sum(getattr(bucket, name) for _, bucket in by_hour for name in STATUSES) > plots.POINTS_MOST:
            return by_hour, None
        return by_hour, await self._history.points(monitor.row, now - times.DAY, now + 1)

    async def _find(self, account_id: str, identifier: str) -> Monitor:
        found = await monitors.get(self._db, account_id, identifier)
        if found is None:
            raise NotFound(f"no monitor {identifier}")
        return found

    async def _seen(self, stored: Monitor) -> Seen:
        """A monitor with what is known of it, the checks of before the start included."""
        known = self._known(stored)
        if known.last is not None or not known.checks_total:
            return known
        newest, _ = await self._history.page(stored.row, status=None, limit=1, offset=0)
        return self._known(stored, newest[0] if newest else None)

    def _known(self, stored: Monitor, newest: Check | None = None) -> Seen:
        """The row with what memory knows better: standing, latest check, certificate, next due."""
        try:
            watched = self._checking.find(stored.row)
        except NotFound:
            return Seen(stored, newest, None, stored.checks_total, stored.checks_failed)
        watched.last = watched.last or newest
        monitor = rules.edited(watched.monitor, stored)
        total, failed = self._history.lifetime(stored.row, stored.checks_total, stored.checks_failed)
        return Seen(monitor, watched.last, watched.due, total, failed)


def _insert(tx: sqlite3.Connection, monitor: Monitor, says_how_often: bool, floor_secs: int) -> Monitor:
    """Store a new monitor where there is room for it; one that says no interval is given one that may be."""
    limits.room(tx, monitor.account_id, "monitors")
    if says_how_often:
        limits.interval(tx, monitor.account_id, monitor.options.interval_secs)
    else:
        least = limits.least_interval(tx, monitor.account_id)
        often = max(monitor.options.interval_secs, least, floor_secs)
        monitor = structs.replace(monitor, options=structs.replace(monitor.options, interval_secs=often))
    return monitors.insert(tx, monitor)


def _merged(buckets: Iterable[tuple[int, Bucket]]) -> Bucket:
    whole = Bucket()
    for _, bucket in buckets:
        whole.merge(bucket)
    return whole


def _nothing(_tx: sqlite3.Connection) -> None:
    """A unit that only has what waits written."""
