"""A slow and obvious heartbeat, written from the contract: it wakes every 30 s and looks at the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

WAKE = 30_000
"""How often it wakes, in milliseconds; whatever happens, happens then."""
MINUTE, DAY = 60_000, 86_400_000


@dataclass
class Run:
    """One that began and has not ended; `deadline` is None once its silence was counted."""

    began: int
    deadline: int | None


@dataclass
class Model:
    """What a heartbeat should be. All times in milliseconds, all lengths too."""

    interval: int
    cron: str
    zone: str
    grace: int
    threshold: int
    state: str = "pending"
    failing: bool = False
    paused: bool = False
    misses: int = 0
    last_ping: int | None = None
    period: int | None = None
    expected: int | None = None
    deadline: int | None = None
    runs: dict[str, Run] = field(default_factory=dict)
    missed_at: list[int] = field(default_factory=list)
    well: int = 0
    failed: int = 0

    # What the world sees.

    def status(self) -> str:
        if self.paused:
            return "paused"
        return "failing" if self.failing else "active"

    def shown(self, now: int) -> str:
        if self.failing or self.paused:
            return self.state
        if self.misses > 0:
            return "late"
        if self.expected is not None and now > self.expected:
            return "late"
        return self.state

    def deadlines(self) -> list[int]:
        """All moments at which silence becomes a miss."""
        runs = [run.deadline for run in self.runs.values()]
        return [moment for moment in (self.deadline, *runs) if moment is not None]

    # What a job says.

    def ping(self, now: int, outcome: str, rid: str) -> None:
        if self.paused:
            return
        self.runs.pop(rid, None)
        if outcome == "fail":
            self.state, self.failing = "down", True
            self.failed += 1
        else:
            self.runs = {name: run for name, run in self.runs.items() if run.deadline is not None}
            self.state = "up" if outcome == "success" else "degraded"
            self.well += 1
            if outcome == "success":
                self.failing = False
        self.misses = 0
        self.last_ping = now
        self.begin_period(now)

    def start(self, now: int, rid: str) -> None:
        if not self.paused:
            self.runs[rid] = Run(now, now + self.grace)

    # What silence says.

    def wake(self, now: int) -> None:
        """Look at the clock."""
        for run in list(self.runs.values()):
            if run.deadline is not None and run.deadline <= now:
                moment, run.deadline = run.deadline, None
                self.miss(moment)
                if self.expected is not None and self.expected <= moment:
                    self.next_period(moment)  # one silence
        if self.deadline is not None and self.deadline <= now:
            moment = self.deadline
            self.miss(moment)
            for run in self.runs.values():
                run.deadline = None  # one silence
            self.next_period(moment)

    def miss(self, moment: int) -> None:
        self.misses += 1
        self.failed += 1
        self.missed_at.append(moment)
        if self.failing or self.misses >= self.threshold:
            self.failing, self.state = True, "down"

    def begin_period(self, moment: int) -> None:
        self.period = moment
        self.expected = self.after(moment)
        self.deadline = self.expected + self.grace

    def next_period(self, moment: int) -> None:
        """From the old expectation on, to the first one that can still be kept at `moment`."""
        assert self.expected is not None
        self.period = self.expected
        self.expected = self.after(self.expected)
        while self.expected + self.grace <= moment:
            self.expected = self.after(self.expected)
        self.deadline = self.expected + self.grace

    def blind(self, since: int, now: int, away: int | None = None) -> None:
        """Nobody heard a ping from `since` until now; what was expected from `away` on may be lost."""
        later = now + max(self.grace, MINUTE)
        doubtful = since if away is None else away
        if self.deadline is not None and self.expected is not None and since <= self.deadline < later:
            lost = self.deadline <= now or doubtful <= self.expected <= now
            self.deadline = later if lost else self.deadline
        for run in self.runs.values():
            if run.deadline is not None and since <= run.deadline <= now:
                run.deadline = later
            elif run.deadline is not None and since <= run.deadline < now + MINUTE:
                run.deadline = now + MINUTE

    # What a person says.

    def pause(self) -> None:
        self.paused = True
        self.expected = self.deadline = None
        self.runs = {}

    def resume(self, now: int) -> None:
        if self.paused:
            self.paused = False
            self.misses = 0
            if self.last_ping is not None:
                self.begin_period(now)

    def retime(self, now: int, interval: int, cron: str, zone: str) -> None:
        """Counted from the last ping; but no edit makes a miss."""
        if (interval, cron, zone) == (self.interval, self.cron, self.zone):
            return
        self.interval, self.cron, self.zone = interval, cron, zone
        if self.expected is not None:
            assert self.period is not None
            self.begin_period(self.period)
            if self.deadline is not None and self.deadline <= now:
                self.begin_period(now)

    def regrace(self, now: int, grace: int) -> None:
        """No deadline comes to lie in the past, and none that was put off comes nearer."""
        if grace == self.grace:
            return
        was, self.grace = self.grace, grace
        soon = now + max(grace, MINUTE)
        if self.expected is not None and self.deadline is not None:
            plain, was_put_off = self.expected + grace, self.deadline != self.expected + was
            if plain <= now:
                plain = min(self.deadline, soon)
            elif was_put_off:
                plain = max(self.deadline, plain)
            self.deadline = plain
        for run in self.runs.values():
            if run.deadline is not None:
                plain = run.began + grace
                run.deadline = plain if plain > now else min(run.deadline, soon)

    # The clock on the wall.

    def after(self, moment: int) -> int:
        """When a ping is expected after that moment."""
        if not self.cron:
            return moment + self.interval
        day = moment // DAY
        while True:
            for minute in firing_minutes(self.cron, self.zone, day):
                if minute > moment:
                    return minute
            day += 1


@cache
def firing_minutes(expression: str, zone: str, day: int) -> tuple[int, ...]:
    """The minutes of that day (of UTC) at which Debian's cron would run it: wake each minute, look at the
    wall. cronsim only reads the fields."""
    return tuple(at for at in range(day * DAY, (day + 1) * DAY, MINUTE) if fires(expression, zone, at))


def fires(expression: str, zone: str, at: int) -> bool:
    wall, before = wall_at(zone, at), wall_at(zone, at - MINUTE)
    minute, hour = expression.split()[:2]
    if minute.startswith("*") or hour.startswith("*"):
        return matches(expression, wall.replace(tzinfo=None))
    if wall.fold:
        return False  # it has run an hour ago
    now, skipped = wall.replace(tzinfo=None), before.replace(tzinfo=None) + timedelta(minutes=1)
    while skipped < now:
        if matches(expression, skipped):
            return True  # its time did not exist
        skipped += timedelta(minutes=1)
    return matches(expression, now)


def wall_at(zone: str, at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, ZoneInfo(zone))


@cache
def fields_of(expression: str) -> CronSim:
    return CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC))


def matches(expression: str, wall: datetime) -> bool:
    fields = fields_of(expression)
    found: bool = wall.minute in fields.minutes and wall.hour in fields.hours
    return found and wall.month in fields.months and bool(fields.match_day(wall.date()))
