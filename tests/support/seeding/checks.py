"""Ninety days of checks, written as the upkeep would have left them: partitions, rollups, the open log."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.support.seeding.shapes import CALM, FALLS_AT, QUIET, ROUGH, Day, Hour, Outage, Profile, Shapes
from tickd.domain import times
from tickd.domain.uptime import COUNTS
from tickd.store import checks

_BUCKET = f"{', '.join(COUNTS)}, histogram"
_SAMPLED = "status, held, code, duration, dns, connect, tls, first_byte, ssl_expires_at, error"
_SCRATCH = f"""
CREATE TEMP TABLE samples (hour INTEGER, at INTEGER, {_SAMPLED}, PRIMARY KEY (hour, at)) WITHOUT ROWID;
CREATE TEMP TABLE hours (hour INTEGER PRIMARY KEY, {_BUCKET});
CREATE TEMP TABLE plan (
    hour INTEGER, monitor INTEGER, phase INTEGER, shape INTEGER, PRIMARY KEY (hour, monitor)
) WITHOUT ROWID;
"""
_PUT_SAMPLE = f"INSERT INTO samples VALUES ({', '.join('?' * 12)})"  # noqa: S608
_PUT_HOUR = f"INSERT INTO hours VALUES ({', '.join('?' * (len(COUNTS) + 2))})"  # noqa: S608
_PUT_PLAN = "INSERT INTO plan VALUES (?, ?, ?, ?)"
# CROSS JOIN keeps the order: by hour and monitor, as their places are.
_CHECKS = (
    "INSERT INTO checks_{day} SELECT (plan.hour << 44) + (plan.monitor << 22) + plan.phase + samples.at, "  # noqa: S608
    f"{_SAMPLED} FROM plan CROSS JOIN samples ON samples.hour = plan.shape"
)
_HOURS = (
    f"INSERT INTO hour_rollups (hour, monitor, {_BUCKET}) "  # noqa: S608
    f"SELECT ? + plan.hour, plan.monitor, {_BUCKET} FROM plan CROSS JOIN hours ON hours.hour = plan.shape"
)
_DAYS = (
    f"INSERT INTO day_rollups (day, monitor, {_BUCKET}) "  # noqa: S608
    f"VALUES ({', '.join('?' * (len(COUNTS) + 3))})"
)
_LOG = (
    "INSERT INTO check_log_0 SELECT row_number() OVER (ORDER BY samples.at + plan.phase, plan.monitor), "  # noqa: S608
    f"plan.monitor, ? + samples.at + plan.phase, {_SAMPLED} "
    "FROM plan JOIN samples ON samples.hour = plan.shape WHERE samples.at + plan.phase < ?"
)


@dataclass(slots=True)
class Watched:
    """A monitor to make history for; `down_since` and `since` are in milliseconds."""

    row: int
    profile: Profile
    phase: int
    since: int
    until: int
    down_since: int | None = None
    degraded: bool = False
    steady: bool = False
    checks_total: int = 0
    checks_failed: int = 0
    outages: list[Outage] = field(default_factory=list)
    """The ended ones, in milliseconds since the epoch."""


class History:
    """Writes day after day for all monitors at once."""

    def __init__(self, db: sqlite3.Connection, some: random.Random, now: int) -> None:
        self._db = db
        self._some = some
        self._now = now
        self._shapes = Shapes(some)
        self._known = 0
        self._days: dict[tuple[int, ...], tuple[object, ...]] = {}
        self._counts: dict[tuple[int, ...], tuple[int, int]] = {}
        db.executescript(_SCRATCH)

    def write(
        self, watched: Sequence[Watched], *, days: int, raw_days: int, step: Callable[[int], None]
    ) -> int:
        """All of it up to now, checks of `raw_days` alone; how many. `step` hears of each day."""
        today, count = self._now // times.DAY, 0
        for day in range(today - days, today + 1):
            self._db.execute("BEGIN")
            self._plan(watched, day)
            self._db.execute(_HOURS, (day * 24,))
            if day > today - raw_days:
                self._db.execute(checks.CREATE_DAY.format(day=day))
                count += self._db.execute(_CHECKS.format(day=day)).rowcount
            if day == today:
                count += self._log(watched)
            self._db.execute("DELETE FROM plan")
            self._db.execute("COMMIT")
            step(count)
        totals = [(one.checks_total, one.checks_failed, one.row) for one in watched]
        with self._db:
            checks.count_up(self._db, totals)
        return count

    def _plan(self, watched: Sequence[Watched], day: int) -> None:
        rows: list[tuple[int, int, int, int]] = []
        rolled: list[tuple[object, ...]] = []
        for one in watched:
            keys = self._keys(one, day)
            if not keys:
                continue
            rows += ((hour, one.row, one.phase, key) for hour, key in keys.items())
            whole = tuple(keys.values())
            if whole not in self._days:
                bucket = self._shapes.merged(whole)
                self._days[whole] = (*bucket.counts().values(), bucket.to_bytes())
                self._counts[whole] = (bucket.checks, bucket.failed)
            rolled.append((day, one.row, *self._days[whole]))
            one.checks_total += self._counts[whole][0]
            one.checks_failed += self._counts[whole][1]
        self._store_new_hours()
        self._db.executemany(_PUT_PLAN, rows)
        self._db.executemany(_DAYS, rolled)

    def _keys(self, one: Watched, day: int) -> dict[int, int]:
        """The shapes of a monitor's closed hours of a day."""
        start = day * times.DAY
        end = min(one.until, self._now // times.HOUR * times.HOUR)
        if start >= end or start + times.DAY <= one.since:
            return {}
        made = self._shapes.day(one.profile, self._variant(one, start))
        self._note_outage(one, made, start)
        keys: dict[int, int] = {}
        for hour in range(24):
            at = start + hour * times.HOUR
            if max(one.since, start) <= at < end:
                keys[hour] = self._other(one, at) or made.hours[hour]
        return keys

    def _variant(self, one: Watched, start: int) -> int:
        if start >= self._now - 2 * times.DAY:
            return self._some.choice(CALM)
        often = 0.012 if one.steady else 0.02
        return self._some.choice(ROUGH if self._some.random() < often else QUIET)

    def _note_outage(self, one: Watched, made: Day, start: int) -> None:
        if made.outage is not None and one.since <= start and start + times.DAY <= self._now - times.DAY:
            found = made.outage
            one.outages.append(Outage(start + found.since, start + found.until, found.error))

    def _other(self, one: Watched, at: int) -> int:
        """The shape of an hour in which the monitor is as it is now; 0, which is none's, elsewhere."""
        if one.down_since is not None and at + times.HOUR > one.down_since:
            fate = "falls" if at <= one.down_since else "down"
            return self._shapes.hour(one.profile, fate, 2)  # type: ignore[arg-type]
        if one.degraded and at >= self._now - 3 * times.HOUR:
            return self._shapes.hour(one.profile, "degraded", 2)
        return 0

    def _store_new_hours(self) -> None:
        new: list[Hour] = self._shapes.hours[self._known :]
        self._known = len(self._shapes.hours)
        self._db.executemany(_PUT_SAMPLE, ((hour.number, *sample) for hour in new for sample in hour.samples))
        self._db.executemany(
            _PUT_HOUR,
            ((hour.number, *hour.bucket.counts().values(), hour.bucket.to_bytes()) for hour in new),
        )

    def _log(self, watched: Sequence[Watched]) -> int:
        """The checks of the hour that is still open."""
        start = self._now // times.HOUR * times.HOUR
        self._db.execute("DELETE FROM plan")
        self._db.executemany(_PUT_PLAN, list(self._open(watched, start)))
        self._store_new_hours()
        return self._db.execute(_LOG, (start, self._now - start)).rowcount

    def _open(self, watched: Sequence[Watched], start: int) -> Iterator[tuple[int, int, int, int]]:
        for one in watched:
            if one.since < self._now and one.until >= self._now:
                well = self._shapes.hour(one.profile, "well", 2)
                yield 0, one.row, one.phase, self._other(one, start) or well


def fell_at(moment: int) -> int:
    """When an outage that begins in that hour begins, as its checks have it."""
    return moment // times.HOUR * times.HOUR + FALLS_AT
