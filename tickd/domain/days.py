"""Days: what the last days of a job, a monitor or a heartbeat were like, one bar a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from math import floor
from typing import Literal, NamedTuple

from tickd.domain import times
from tickd.domain.uptime import Bucket

State = Literal["up", "degraded", "down", "unknown", "maintenance", "none"]
Counted = tuple[int, int, int, int, int, int, float, float]
"""What is known of a day: `good`, `degraded`, `failed`, `missed`, `unknown` and `maintenance` counts, and the
times in milliseconds that it was up and down, both 0 where only counts are known."""

STATES: tuple[State, ...] = ("up", "degraded", "down", "unknown", "maintenance", "none")
"""The states of a day, in the order in which they are told."""
DOWN_BELOW = 95.0
"""A day that was up for a smaller share than this, in percent, shows as down."""
SLOW_SHARE = 20
"""A day shows as degraded when one in so many of its checks was degraded."""
BLIND_SHARE = 0.5
"""A day without a result is unknown when tickd was blind for more than this share of it."""

_EPOCH = date(1970, 1, 1)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Day(NamedTuple):
    """One UTC day of a subject; `percent` is None where nothing is known.

    `none` is a day on which nothing was due, or it did not exist; `unknown` one on which tickd was blind.
    `unit` is what was counted: checks, runs or pings. `blind` is in milliseconds.
    """

    day: int
    state: State
    percent: float | None = None
    unit: str = "checks"
    total: int = 0
    degraded: int = 0
    failed: int = 0
    missed: int = 0
    unknown: int = 0
    blind: int = 0

    @property
    def text(self) -> str:
        """The day in one sentence: `12 Mar: 99.31 % up, 2 of 1,440 checks failed`."""
        said = f"{date_words(self.day)}: {self._told()}"
        if self.blind >= times.MINUTE:
            said += f", tickd was blind for {times.span(self.blind)}"
        return said

    def _told(self) -> str:
        if not self.total:
            return _WITHOUT[self.state]
        parts = []
        if self.unit == "checks" and self.percent is not None:
            parts.append(f"{percent_words(self.percent)} up")
        parts.extend(self._counts())
        return ", ".join(parts)

    def _counts(self) -> list[str]:
        unit = self.unit if self.total != 1 else self.unit.removesuffix("s")
        of = f"{self.total:,} {unit}"
        bad = [(self.failed, "failed"), (self.missed, "missed"), (self.degraded, "degraded")]
        said = [f"{count:,} {word}" for count, word in bad if count]
        if said:
            first = next(count for count, _ in bad if count)
            said[0] = said[0].replace(f"{first:,}", f"{first:,} of {of}", 1)
        else:
            said.append(f"all {of} were good" if self.total > 1 else f"the only {unit} was good")
        if self.unknown:
            said.append(f"{self.unknown:,} unknown")
        return said


_WITHOUT: dict[State, str] = {
    "unknown": "unknown",
    "maintenance": "in maintenance",
    "none": "nothing was due",
    "up": "up",
    "degraded": "degraded",
    "down": "down",
}


def date_words(day: int) -> str:
    """A day since the epoch as `12 Mar`."""
    when = _EPOCH + timedelta(days=day)
    return f"{when.day} {_MONTHS[when.month - 1]}"


def percent_words(percent: float) -> str:
    """`99.31 %`, rounded down, so that 100 % is never said of something that failed."""
    return f"{floor(percent * 100 + 1e-6) / 100:g} %"


def of_counts(day: int, unit: str, counted: Counted, blind: int = 0) -> Day:
    """The day that these results make; `blind` is how long tickd could not see (milliseconds)."""
    good, degraded, failed, missed, unknown, maintenance, held_up, held_down = counted
    bad = failed + missed
    known = good + degraded + bad
    percent: float | None = None
    if held_up or held_down:
        percent = 100 * held_up / (held_up + held_down)
    elif known:
        percent = 100 * (good + degraded) / known
    state: State = "up"
    if bad:
        state = "down" if percent is not None and percent < DOWN_BELOW else "degraded"
    elif unknown > known:
        state = "unknown"
    elif degraded:
        state = "degraded" if degraded * SLOW_SHARE >= known else "up"
    elif not known:
        state = "maintenance" if maintenance else _without(unit, blind)
    return Day(day, state, percent, unit, known, degraded, failed, missed, unknown, blind)


def of_bucket(bucket: Bucket) -> Counted:
    """The numbers of a monitor's day."""
    well = bucket.checks - bucket.failed
    degraded = min(bucket.degraded, well)
    good, planned = well - degraded, bucket.maintenance
    return good, degraded, bucket.failed, 0, bucket.unknown, planned, bucket.held_up, bucket.held_down


def without(day: int, unit: str, blind: int = 0) -> Day:
    """A day of which nothing is known; a job's occurrences all have their row, so that it had none."""
    return Day(day, _without(unit, blind), unit=unit, blind=blind)


def _without(unit: str, blind: int) -> State:
    return "unknown" if unit != "runs" and blind > BLIND_SHARE * times.DAY else "none"


def blind_by_day(intervals: Iterable[tuple[int, int]], days: range) -> dict[int, int]:
    """How long (milliseconds) tickd was blind on each of the days, of (from, to) by their start."""
    found: dict[int, int] = {}
    seen_to = 0
    for began, ended in intervals:
        start, ended = max(began, seen_to), max(ended, seen_to)
        seen_to = ended
        day = max(start // times.DAY, days.start)
        while day < days.stop and day * times.DAY < ended:
            piece = min(ended, (day + 1) * times.DAY) - max(start, day * times.DAY)
            if piece > 0:
                found[day] = found.get(day, 0) + piece
            day += 1
    return found


def summary(days: Sequence[Day]) -> str:
    """What a row of bars shows, in a sentence: `Last 90 days: 86 up, 2 degraded, 1 down, 1 unknown`."""
    counts: Mapping[State, int] = _counted(days)
    words = dict(_SAID)
    told = [f"{counts[state]} {words[state]}" for state in STATES if counts.get(state)]
    span = "Today" if len(days) == 1 else f"Last {len(days)} days"
    return f"{span}: {', '.join(told) or 'nothing yet'}"


_SAID: tuple[tuple[State, str], ...] = (
    ("up", "up"),
    ("degraded", "degraded"),
    ("down", "down"),
    ("unknown", "unknown"),
    ("maintenance", "in maintenance"),
    ("none", "without data"),
)


def _counted(days: Sequence[Day]) -> dict[State, int]:
    counts: dict[State, int] = {}
    for day in days:
        counts[day.state] = counts.get(day.state, 0) + 1
    return counts
