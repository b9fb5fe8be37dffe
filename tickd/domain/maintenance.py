"""Weekly maintenance windows in UTC; one that ends before it begins runs into the next day.

Inside, a moment is a minute of the week, from Monday 00:00, and a window holds its start but not its end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from tickd.domain import times
from tickd.errors import Invalid

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "daily"]

MOST = 50
"""How many windows a subject has at most."""
EVERLASTING = 8 * times.DAY
"""How far ahead the end of windows that never end is put, in milliseconds."""

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_DAY, _WEEK = 1_440, 10_080
_MONDAY = 4 * times.DAY  # 1970-01-01 was a Thursday


class Window(Struct, frozen=True):
    """A window of every week or day, `HH:MM` in UTC; it belongs to the day it starts on."""

    day: Day
    start_utc: str
    end_utc: str


def validate(windows: Sequence[Window]) -> None:
    """Raise `Invalid` that says which window, counted from 1, can't be and why."""
    if len(windows) > MOST:
        raise Invalid("maintenance_windows", f"must be at most {MOST} windows")
    for number, window in enumerate(windows, 1):
        if wrong := _wrong(window):
            raise Invalid("maintenance_windows", f"has a mistake in number {number}: {wrong}")


def _wrong(window: Window) -> str | None:
    if window.day != "daily" and window.day not in _DAYS:
        return "day must be monday to sunday, or daily"
    if not _TIME.fullmatch(window.start_utc):
        return "start_utc must be HH:MM"
    # 24:00 is the only way to say a whole day.
    if not _TIME.fullmatch(window.end_utc) and window.end_utc != "24:00":
        return "end_utc must be HH:MM"
    if window.start_utc == window.end_utc:
        return "start_utc and end_utc must differ"
    return None


def within(windows: Sequence[Window], now: int) -> bool:
    """Whether any of the windows holds now."""
    return ends_at(windows, now) is not None


def ends_at(windows: Sequence[Window], now: int) -> int | None:
    """When the windows that hold now, and those that follow without a pause, have all ended."""
    if not windows:
        return None
    spans = _union(tuple(windows))
    week = (now - _MONDAY) // (_WEEK * times.MINUTE)
    minute = (now - _MONDAY) // times.MINUTE % _WEEK
    end = next((end for start, end in spans if start <= minute < end), None)
    if end is None:
        return None
    if end == _WEEK and spans[0][0] == 0:
        end += spans[0][1]
    if spans[0] == (0, _WEEK):
        return now + EVERLASTING
    return _MONDAY + (week * _WEEK + end) * times.MINUTE


@lru_cache(maxsize=1024)
def _union(windows: tuple[Window, ...]) -> tuple[tuple[int, int], ...]:
    """The windows as minutes of the week, sorted, with none that touch."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(span for window in windows for span in _spans(window)):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _spans(window: Window) -> list[tuple[int, int]]:
    """One window's minutes of the week; what runs past Sunday is cut off and begins on Monday."""
    begin, finish = _minutes(window.start_utc), _minutes(window.end_utc)
    length = (finish - begin) % _DAY or _DAY
    spans = []
    for day in range(7) if window.day == "daily" else [_DAYS.index(window.day)]:
        start = day * _DAY + begin
        spans.append((start, min(start + length, _WEEK)))
        if start + length > _WEEK:
            spans.append((0, start + length - _WEEK))
    return spans


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
