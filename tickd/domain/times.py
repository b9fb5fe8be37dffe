"""Times: inside tickd they are whole milliseconds since 1970-01-01 UTC; here they become text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE = _EPOCH.replace(tzinfo=None)


def rfc3339(moment: int) -> str:
    """`2026-03-03T12:30:00Z`, with three decimals where the milliseconds are not zero."""
    # A list of 500 checks writes a thousand times: strftime takes twice as long.
    when = _NAIVE + timedelta(milliseconds=moment)
    return when.isoformat(timespec="milliseconds" if moment % SECOND else "seconds") + "Z"


def optional(moment: int | None) -> str | None:
    """`rfc3339`, or None where there is no time."""
    return None if moment is None else rfc3339(moment)


def span(milliseconds: int) -> str:
    """A length of time in words that fit a sentence: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    seconds = max(0, milliseconds) // SECOND
    if seconds < 120:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"


def month_start(moment: int) -> int:
    """The first moment of the UTC month that `moment` is in."""
    when = _EPOCH + timedelta(milliseconds=moment)
    return round(when.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


def iso_offset(moment: int) -> str:
    """`2026-03-03T12:30:00+00:00`, as the rooster face has it."""
    return rfc3339(moment).removesuffix("Z") + "+00:00"
