"""When a schedule fires: Debian cron's rules, in any time zone, on bitmaps.

All public times are whole milliseconds since the epoch, UTC. Inside, a *wall* is a naive datetime, what the
clock on the wall of a zone shows, and an *instant* is whole seconds since the epoch.

A wall may be shown once, twice (a fold) or never (a gap). A schedule with fixed times fires for each of its
walls once: at the first pass of a fold, at the end of a gap. One whose minute or hour begins with `*` runs
on real time: at every instant whose wall matches, and at no other.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from cron_descriptor import Options, get_description  # type: ignore[import-untyped]

from tickd.domain.cron_fields import DAY, FIELDS, HOUR, MINUTE, MONTH, WEEKDAY, Field, read, split, values
from tickd.errors import Invalid

_MINUTE = timedelta(minutes=1)
_MINUTE_MS = 60_000

_LONGEST = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EVERY_WEEK = sum(1 << 7 * week for week in range(6))  # times 7 bits of a week: those bits, week after week
_EVERY_WEEKDAY = 0x7F
_EVERY_DAY = 0xFFFFFFFE  # bits 1 to 31


@dataclass(frozen=True, slots=True)
class Schedule:
    """A parsed expression; bitmaps, so that the next day or minute is a shift away and never a search."""

    expression: str  # normalised: single spaces, alias expanded
    fixed: bool  # neither minute nor hour begins with `*`
    times: int  # bit hour * 60 + minute
    months: int  # bit 1 to 12
    days: tuple[int, ...]  # bit 1 to 31, by the weekday (Monday is 0) on which the month begins

    def first(self, wall: datetime) -> datetime:
        """The first matching wall at or after `wall`; a ValueError where that is past the year 9999."""
        year, month = wall.year, wall.month
        days = self._days(year, month) >> wall.day
        if days & 1:
            now = wall.hour * 60 + wall.minute
            if later := self.times >> now:
                return wall + _MINUTE * _lowest(later)
        days = days >> 1 << wall.day + 1
        while not days:
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            days = self._days(year, month)
        hour, minute = divmod(_lowest(self.times), 60)
        return wall.replace(year=year, month=month, day=_lowest(days), hour=hour, minute=minute)

    def _days(self, year: int, month: int) -> int:
        """The bitmap of the matching days of one month."""
        if not self.months >> month & 1:
            return 0
        begins_on, length = monthrange(year, month)
        return self.days[begins_on] & (2 << length) - 1


@lru_cache(maxsize=8192)
def parse(expression: str) -> Schedule:
    """Read a five-field expression or an alias; raises `Invalid` with what is wrong with which field."""
    texts = split(expression)
    minutes, hours, days, months, weekdays = map(read, FIELDS, texts)
    minute, hour, day, month, weekday = texts
    both = _both_must_match(day, weekday)
    if both and not any(days & (2 << _LONGEST[number]) - 1 for number in values(months)):
        raise Invalid("schedule", f"never fires: has {day} as day-of-month, and no such day in month {month}")
    return Schedule(
        expression=" ".join(texts),
        fixed=not minute.startswith("*") and not hour.startswith("*"),
        times=sum(minutes << 60 * number for number in values(hours)),
        months=months,
        days=tuple(_merged(days, weekdays, begins_on, both=both) for begins_on in range(7)),
    )


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name; raises `Invalid`."""
    # The list, not ZoneInfo's opinion: that would open posixrules, or right/UTC with its leap seconds.
    if name not in _zone_names():
        raise Invalid("timezone", "must be an IANA time zone such as Europe/Berlin")
    return ZoneInfo(name)


def zones() -> list[str]:
    """The IANA names of all time zones, in order."""
    return sorted(_zone_names())


def next_after(expression: str, timezone: str, after: int) -> int:
    """The first occurrence strictly after `after`, both in ms since the epoch; raises `Invalid`."""
    try:
        return _next_after(expression, timezone, after // _MINUTE_MS)
    except (ValueError, OverflowError) as error:
        raise Invalid("schedule", "has no further occurrence before the year 10000") from error


def occurrences(expression: str, timezone: str, after: int, until: int) -> Iterator[int]:
    """The occurrences with after < o <= until (ms), ascending, found one by one; raises `Invalid`."""
    return _walk(parse(expression), zone(timezone), after, until)


@lru_cache(maxsize=1024)
def describe(expression: str) -> str:
    """The schedule in words, on a 24-hour clock: `At 02:00`; raises `Invalid`."""
    minute, hour, day, month, weekday = parse(expression).expression.split(" ")
    both = _both_must_match(day, weekday)
    if not both and (read(DAY, day) == _EVERY_DAY or read(WEEKDAY, weekday) == _EVERY_WEEKDAY):
        day = weekday = "*"
    plain = (
        _plainly(MINUTE, minute),
        _plainly(HOUR, hour),
        _plainly(DAY, day),
        _plainly(MONTH, month),
        # The library forgets its "or" before a range, and takes a step for weeks.
        _plainly(WEEKDAY, weekday, spell_out=day != "*" or "/" in weekday or "," in weekday),
    )
    # A locale, or the library would look at the environment for one, and warn where there is none.
    options = Options(locale_code="en_US", use_24hour_time_format=True)
    words: str = get_description(" ".join(plain), options)
    # It reads the days as "or" always.
    return words.replace(", or on ", ", only on ") if both else words


@lru_cache(maxsize=16384)
def _next_after(expression: str, timezone: str, minute: int) -> int:
    """`next_after` by the whole minute, as many jobs ask for the same one."""
    return _search(parse(expression), zone(timezone), minute)


def _walk(schedule: Schedule, tz: ZoneInfo, after: int, until: int) -> Iterator[int]:
    """One search after the other, past the memo: a long preview would drive out the jobs' answers."""
    while (after := _search(schedule, tz, after // _MINUTE_MS)) <= until:
        yield after


def _search(schedule: Schedule, tz: ZoneInfo, minute: int) -> int:
    """The first occurrence after a minute since the epoch, in ms."""
    if schedule.fixed:
        return _fixed(schedule, tz, minute * 60) * 1000
    return _running(schedule, tz, (minute + 1) * 60) * 1000


def _fixed(schedule: Schedule, tz: ZoneInfo, after: int) -> int:
    """The first instant after `after` at which a fixed time is due."""
    wall = _wall(tz, after)
    while True:
        # From the wall's next minute, not from that of the next instant: it may lie in a gap.
        wall = schedule.first(wall + _MINUTE)
        early, late = _passes(tz, wall)
        instant = early if early <= late else _change(tz, late, early)
        # In the second pass of a fold, the times of the first are still ahead on the wall.
        if instant > after:
            return instant


def _running(schedule: Schedule, tz: ZoneInfo, start: int) -> int:
    """The first instant at or after `start` whose wall matches."""
    wall = _wall(tz, start)
    found = schedule.first(wall)
    early, late = _passes(tz, wall)
    if start == early < late:  # in the first pass of a fold: the wall will go back
        change = _change(tz, early, late)
        instant = start + (found - wall) // _MINUTE * 60
        return instant if instant < change else _running(schedule, tz, change)
    early, late = _passes(tz, found)
    if early > late:
        return _running(schedule, tz, _change(tz, late, early))
    return early if early >= start else late


def _wall(tz: ZoneInfo, instant: int) -> datetime:
    """What the clock on the wall shows."""
    return datetime.fromtimestamp(instant, tz).replace(tzinfo=None, fold=0)


def _passes(tz: ZoneInfo, wall: datetime) -> tuple[int, int]:
    """The instants at which a wall is read by the offset before and after a change near it.

    They are equal far from one; early < late are the two passes of a fold; early > late marks a gap, with
    the change between late and early (PEP 495).
    """
    early = wall.replace(tzinfo=tz)
    return int(early.timestamp()), int(early.replace(fold=1).timestamp())


def _change(tz: ZoneInfo, low: int, high: int) -> int:
    """The instant in (low, high] at which the zone leaves the offset it has at `low`."""
    instants = range(low + 60, high + 60, 60)
    offset = datetime.fromtimestamp(low, tz).utcoffset()
    changed = bisect_left(instants, True, key=lambda at: datetime.fromtimestamp(at, tz).utcoffset() != offset)
    return instants[changed]


def _both_must_match(day: str, weekday: str) -> bool:
    """Debian's rule for days: both where one begins with `*` (so does `*/2`), else either."""
    return day.startswith("*") or weekday.startswith("*")


def _merged(days: int, weekdays: int, begins_on: int, *, both: bool) -> int:
    """The matching days of a month of 31 days that begins on a weekday (Monday is 0)."""
    # Day d falls on cron's weekday (begins_on + d) % 7: in cron, Sunday is 0 and Monday 1.
    by_weekday = weekdays * _EVERY_WEEK >> begins_on & _EVERY_DAY
    return days & by_weekday if both else days | by_weekday


def _lowest(bits: int) -> int:
    """The place of the lowest bit that is set."""
    return (bits & -bits).bit_length() - 1


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    """Every name in the tz database that tickd depends on."""
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def _plainly(field: Field, text: str, *, spell_out: bool = False) -> str:
    """The field as the describing library understands it without saying what isn't so."""
    numbers = values(read(field, text))
    width = 7 if field is WEEKDAY else field.high - field.low + 1
    if len(numbers) == width:
        return "*"
    step = text.removeprefix("*/")
    # `*/50` is minutes 0 and 50, not every 50 minutes. For days of the month, every 2 days is near enough.
    uneven = step != text and step.isdigit() and field is not DAY and len(numbers) * int(step) != width
    return ",".join(map(str, numbers)) if spell_out or uneven or len(numbers) == 1 else text
