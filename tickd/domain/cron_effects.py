"""What the clock changes of a time zone do to a schedule, told before it is saved.

A clock that goes forward leaves wall times out; one that goes back shows them twice. `cron` says what a
schedule does then; here it is found out which of its runs that concerns, and said in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from tickd.domain import cron, times
from tickd.domain.cron import Schedule

Kind = Literal["moved", "left out", "once", "twice"]
"""`moved` to the end of the gap, `left out` by it; of a wall time that comes twice the first, or both."""

AHEAD = 366 * times.DAY
"""How far ahead clock changes are looked for."""
NAMED_MOST = 3
"""How many wall times are named in a sentence."""

_ONE: dict[Kind, str] = {
    "moved": "does not exist, and runs at {}",
    "left out": "does not exist, and is left out",
    "once": "comes twice, and runs the first time only",
    "twice": "comes twice, and runs both times",
}
_MANY: dict[Kind, str] = {
    "moved": "do not exist, and run once at {}",
    "left out": "do not exist, and are left out",
    "once": "come twice, and run the first time only",
    "twice": "come twice, and run both times",
}
_MINUTE = timedelta(minutes=1)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Change:
    """A clock change: the moment (milliseconds), and what the wall clock shows before and after it."""

    at: int
    before: datetime
    after: datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """What a clock change does to a schedule: `walls` are the wall times that it concerns, in their order."""

    kind: Kind
    change: Change
    walls: tuple[datetime, ...]

    @property
    def sentence(self) -> str:
        """The effect in words: `29 Mar 2026, 02:00 becomes 03:00: 02:30 does not exist, and is left out.`"""
        change = self.change
        day = f"{change.before.day} {_MONTHS[change.before.month - 1]} {change.before.year}"
        said = (_ONE if len(self.walls) == 1 else _MANY)[self.kind].format(f"{change.after:%H:%M}")
        return f"{day}, {change.before:%H:%M} becomes {change.after:%H:%M}: {self._named()} {said}."

    def _named(self) -> str:
        names = [f"{wall:%H:%M}" for wall in self.walls[:NAMED_MOST]]
        more = len(self.walls) - len(names)
        if more:
            names.append(f"{more} more")
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def changes(timezone: str, after: int, until: int) -> tuple[Change, ...]:
    """The clock changes of a zone with after < at <= until (milliseconds); raises `Invalid`."""
    # By the day, so that every form of a day shares the answer.
    found = _changes(cron.zone(timezone).key, after // times.DAY, -(-until // times.DAY))
    return tuple(one for one in found if after < one.at <= until)


def effects(expression: str, timezone: str, after: int, until: int) -> list[Effect]:
    """What the clock changes with after < at <= until do to a schedule; raises `Invalid`.

    A schedule that runs through a change at its even pace, such as every five minutes, is not concerned.
    """
    schedule = cron.parse(expression)
    return [one for change in changes(timezone, after, until) for one in _of(schedule, change)]


def _of(schedule: Schedule, change: Change) -> Iterator[Effect]:
    is_gap = change.after > change.before
    walls = tuple(_matching(schedule, *sorted((change.before, change.after))))
    if not walls:
        return
    if schedule.fixed:
        yield Effect("moved" if is_gap else "once", change, walls)
    elif not _is_even(schedule, change):
        yield Effect("left out" if is_gap else "twice", change, walls)


def _is_even(schedule: Schedule, change: Change) -> bool:
    """Whether clocks that had never changed, or always had, would make the very same runs around it."""
    width = abs(change.after - change.before)
    patterns = []
    for wall in (change.before, change.after):
        first = wall - width
        patterns.append([found - first for found in _matching(schedule, first, wall + width)])
    return patterns[0] == patterns[1]


def _matching(schedule: Schedule, first: datetime, end: datetime) -> Iterator[datetime]:
    """The walls of the schedule from `first` until before `end`."""
    wall = schedule.first(first)
    while wall < end:
        yield wall
        wall = schedule.first(wall + _MINUTE)


@lru_cache(maxsize=1024)
def _changes(timezone: str, first: int, last: int) -> tuple[Change, ...]:
    """The clock changes of a zone from the first day since the epoch until before the last."""
    tz = cron.zone(timezone)
    found = []
    offset = _offset(tz, first * 86_400)
    for day in range(first, last):
        later = _offset(tz, (day + 1) * 86_400)
        if later != offset:
            at = _moment(tz, day * 86_400, (day + 1) * 86_400)
            shown = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
            found.append(Change(at * times.SECOND, shown + offset, shown + later))
        offset = later
    return tuple(found)


def _moment(tz: ZoneInfo, low: int, high: int) -> int:
    """The second in (low, high] at which the zone leaves the offset it has at `low`."""
    offset = _offset(tz, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(tz, middle) == offset:
            low = middle
        else:
            high = middle
    return high


def _offset(tz: ZoneInfo, instant: int) -> timedelta:
    """How far the zone is from UTC at an instant."""
    return datetime.fromtimestamp(instant, tz).utcoffset() or timedelta(0)
