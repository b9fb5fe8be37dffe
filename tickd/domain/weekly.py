"""Windows of every week or day on the wall clock of a time zone, whatever its clock changes do.

A window belongs to the local day it starts on, and one that ends before it begins runs into the next day. A
start or an end that a clock change leaves out moves to the end of that gap. Where a wall time comes twice, a
window starts at the first and ends at the second, so that none is ever shortened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from tickd.domain import cron, times
from tickd.domain.maintenance import Day
from tickd.errors import Invalid

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall time, in whatever zone
_THURSDAY = 3  # the weekday of the epoch
_DAY_MINUTES = 1_440
# From a UTC day, the local days whose window may hold in it: zones are up to a day away, windows run over.
_BEFORE = 2
# A weekly window that a clock change leaves nothing of is looked for in the week after the next.
_AHEAD = 16


class Weekly(Struct, frozen=True):
    """A window of every week or day: `HH:MM` of the wall clock in an IANA zone."""

    day: Day
    start: str
    end: str
    timezone: str = "UTC"


def checked(weekly: Weekly) -> Weekly:
    """The window as it is kept; Invalid names the field that can't be."""
    if weekly.day != "daily" and weekly.day not in _DAYS:
        raise Invalid("day", "must be monday to sunday, or daily")
    if not _TIME.fullmatch(weekly.start):
        raise Invalid("start", "must be HH:MM")
    # 24:00 is the only way to say a whole day.
    if not _TIME.fullmatch(weekly.end) and weekly.end != "24:00":
        raise Invalid("end", "must be HH:MM, at most 24:00")
    if weekly.start == weekly.end:
        raise Invalid("end", "must differ from start")
    return structs.replace(weekly, timezone=cron.zone(weekly.timezone).key)


def ends_at(weekly: Weekly, now: int) -> int | None:
    """When the window that holds now ends, in milliseconds; None where none does."""
    day = now // times.DAY
    # Two may hold where a clock change has lengthened the first: the end that is latest.
    ends = [end for start, end in _occurrences(weekly, day - _BEFORE, day + 1) if start <= now < end]
    return max(ends, default=None)


def upcoming(weekly: Weekly, now: int) -> tuple[int, int]:
    """The next moments after `now` at which it starts, and at which it ends, in milliseconds."""
    day = now // times.DAY
    found = list(_occurrences(weekly, day - _BEFORE, day + (2 if weekly.day == "daily" else _AHEAD)))
    return min(start for start, _ in found if start > now), min(end for _, end in found if end > now)


def _occurrences(weekly: Weekly, first: int, last: int) -> Iterator[tuple[int, int]]:
    """When it starts and ends, of the local days from the first to the last (since 1970)."""
    weekday = None if weekly.day == "daily" else _DAYS.index(weekly.day)
    for day in range(first, last + 1):
        if weekday is None or (day + _THURSDAY) % 7 == weekday:
            start, end = _occurrence(weekly, day)
            if start < end:
                yield start, end


@lru_cache(maxsize=4096)
def _occurrence(weekly: Weekly, day: int) -> tuple[int, int]:
    """Start and end on a local day; they are the same where a gap has swallowed the window."""
    tz = cron.zone(weekly.timezone)
    begin, finish = _minutes(weekly.start), _minutes(weekly.end)
    midnight = _EPOCH + timedelta(days=day)
    until = midnight + timedelta(minutes=finish + (_DAY_MINUTES if finish <= begin else 0))
    return _instant(tz, midnight + timedelta(minutes=begin), 0), _instant(tz, until, 1)


def _instant(tz: ZoneInfo, wall: datetime, fold: int) -> int:
    """The moment of a wall time, of its first or second pass where it comes twice (PEP 495)."""
    passes = [round(wall.replace(tzinfo=tz, fold=one).timestamp()) for one in (0, 1)]
    early, late = passes
    if early > late:  # in a gap: the offsets before and after it are read the wrong way round
        return _change(tz, late, early) * times.SECOND
    return passes[fold] * times.SECOND


def _change(tz: ZoneInfo, low: int, high: int) -> int:
    """The second in (low, high] at which the zone leaves the offset it has at `low`."""
    offset = datetime.fromtimestamp(low, tz).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, tz).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
