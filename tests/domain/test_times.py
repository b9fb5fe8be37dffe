"""Times: milliseconds as text, and lengths of time in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import times
from tickd.domain.times import DAY, HOUR, MINUTE, SECOND

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(min_value=-(10**13), max_value=253_402_300_799_999)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_772_541_000_000, "2026-03-03T12:30:00Z"),
        (1_772_541_000_001, "2026-03-03T12:30:00.001Z"),
        (1_772_541_000_120, "2026-03-03T12:30:00.120Z"),
        (1_772_541_000_999, "2026-03-03T12:30:00.999Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_rfc3339(moment: int, text: str) -> None:
    assert times.rfc3339(moment) == text
    assert times.optional(moment) == text


def test_no_time_is_no_text() -> None:
    assert times.optional(None) is None


@given(moments)
def test_rfc3339_is_read_back(moment: int) -> None:
    text = times.rfc3339(moment)
    assert (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1) == moment
    assert text.endswith("Z")
    assert len(text) in (20, 24)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (999, "0 s"),
        (45 * SECOND, "45 s"),
        (2 * MINUTE - 1, "119 s"),
        (2 * MINUTE, "2 min"),
        (12 * MINUTE + 59 * SECOND, "12 min"),
        (HOUR - 1, "59 min"),
        (HOUR, "1 h"),
        (3 * HOUR + 20 * MINUTE, "3 h 20 min"),
        (DAY - 1, "23 h 59 min"),
        (DAY, "1 d"),
        (2 * DAY + 4 * HOUR + 59 * MINUTE, "2 d 4 h"),
    ],
)
def test_spans(length: int, words: str) -> None:
    assert times.span(length) == words


@pytest.mark.parametrize(
    ("moment", "start"),
    [
        ("2026-03-03T12:30:00.001Z", "2026-03-01T00:00:00Z"),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("2026-02-28T23:59:59.999Z", "2026-02-01T00:00:00Z"),
        ("2024-12-31T23:59:59Z", "2024-12-01T00:00:00Z"),
    ],
)
def test_months_are_utc(moment: str, start: str) -> None:
    at = (datetime.fromisoformat(moment) - EPOCH) // timedelta(milliseconds=1)
    assert times.rfc3339(times.month_start(at)) == start


@given(moments)
def test_a_month_begins_before_all_of_it(moment: int) -> None:
    start = times.month_start(moment)
    assert start <= moment < start + 31 * DAY
    assert times.rfc3339(start)[7:] == "-01T00:00:00Z"
