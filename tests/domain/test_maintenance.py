"""Weekly maintenance windows, held against a walk over the minutes of the week."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import maintenance, times
from tickd.domain.maintenance import Window
from tickd.errors import Invalid

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(  # 2026-03-02 is a Monday
    ("day", "start", "end", "now", "until"),
    [
        ("daily", "02:00", "04:00", "2026-03-03T01:59:59.999", None),
        ("daily", "02:00", "04:00", "2026-03-03T02:00", "2026-03-03T04:00"),
        ("daily", "02:00", "04:00", "2026-03-03T03:59:59.999", "2026-03-03T04:00"),
        ("daily", "02:00", "04:00", "2026-03-03T04:00", None),
        ("tuesday", "02:00", "04:00", "2026-03-03T03:00", "2026-03-03T04:00"),
        ("tuesday", "02:00", "04:00", "2026-03-04T03:00", None),
        ("tuesday", "22:00", "02:00", "2026-03-03T23:00", "2026-03-04T02:00"),
        ("tuesday", "22:00", "02:00", "2026-03-04T01:00", "2026-03-04T02:00"),
        ("tuesday", "22:00", "02:00", "2026-03-03T01:00", None),
        ("sunday", "22:00", "02:00", "2026-03-01T23:00", "2026-03-02T02:00"),
        ("sunday", "22:00", "02:00", "2026-03-02T01:00", "2026-03-02T02:00"),
        ("sunday", "22:00", "02:00", "2026-03-02T02:00", None),
        ("daily", "22:00", "02:00", "2026-03-04T01:30", "2026-03-04T02:00"),
        ("monday", "00:00", "24:00", "2026-03-02T12:00", "2026-03-03T00:00"),
        ("monday", "12:00", "00:00", "2026-03-02T12:00", "2026-03-03T00:00"),
        ("thursday", "00:00", "00:01", "1970-01-01T00:00", "1970-01-01T00:01"),
        ("sunday", "23:00", "01:00", "1969-12-28T23:30", "1969-12-29T01:00"),
    ],
)
def test_a_window_holds_from_its_start_to_its_end(
    day: maintenance.Day, start: str, end: str, now: str, until: str | None
) -> None:
    windows = [Window(day, start, end)]
    maintenance.validate(windows)
    assert maintenance.ends_at(windows, at(now)) == (None if until is None else at(until))
    assert maintenance.within(windows, at(now)) == (until is not None)


def test_windows_back_to_back_are_one() -> None:
    windows = [Window("sunday", "20:00", "23:00"), Window("sunday", "23:00", "01:00")]
    windows += [Window("monday", "00:30", "03:00"), Window("monday", "03:01", "05:00")]
    assert maintenance.ends_at(windows, at("2026-03-01T20:30")) == at("2026-03-02T03:00")
    assert maintenance.ends_at(windows, at("2026-03-02T03:00")) is None


@pytest.mark.parametrize(
    "windows",
    [
        [Window("daily", "00:00", "24:00")],
        [Window("daily", "06:00", "18:00"), Window("daily", "18:00", "06:00")],
    ],
)
def test_windows_that_never_end_are_looked_at_again(windows: list[Window]) -> None:
    now = at("2026-03-03T12:34:56")
    assert maintenance.ends_at(windows, now) == now + 8 * times.DAY


def test_without_windows_nothing_holds() -> None:
    assert not maintenance.within([], 0)


@pytest.mark.parametrize(
    ("window", "sentence"),
    [
        (("Monday", "02:00", "04:00"), "day must be monday to sunday, or daily"),
        (("daily", "2:00", "04:00"), "start_utc must be HH:MM"),
        (("daily", "24:00", "04:00"), "start_utc must be HH:MM"),
        (("daily", "02:60", "04:00"), "start_utc must be HH:MM"),
        (("daily", "02:00", "04:00Z"), "end_utc must be HH:MM"),
        (("daily", "02:00", "24:01"), "end_utc must be HH:MM"),
        (("daily", "02:00", "02:00"), "start_utc and end_utc must differ"),
    ],
)
def test_what_is_no_window_is_refused(window: tuple[maintenance.Day, str, str], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        maintenance.validate([Window("daily", "01:00", "02:00"), Window(*window)])
    assert refused.value.message == f"maintenance_windows has a mistake in number 2: {sentence}"


def test_there_is_a_most() -> None:
    maintenance.validate([Window("daily", "01:00", "02:00")] * 50)
    with pytest.raises(Invalid, match="at most 50"):
        maintenance.validate([Window("daily", "01:00", "02:00")] * 51)


clocks = st.integers(0, 1439)
rough = st.integers(0, 11).map(lambda hours: hours * 120)


@st.composite
def sets(draw: st.DrawFn) -> list[Window]:
    made = []
    for _ in range(draw(st.integers(1, 6))):
        of_day = draw(st.one_of(clocks, rough))
        until = (of_day + draw(st.one_of(st.integers(1, 1439), rough.filter(bool)))) % 1440
        words = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in (of_day, until)]
        made.append(Window(draw(st.sampled_from((*DAYS, "daily"))), words[0], words[1]))
    return made


def holds(windows: list[Window], minute: int) -> bool:
    """What the words of a window say, of a minute since the epoch."""
    weekday, clock = (minute // 1440 + 3) % 7, minute % 1440
    for window in windows:
        start, end = (int(text[:2]) * 60 + int(text[3:]) for text in (window.start_utc, window.end_utc))
        today = window.day in ("daily", DAYS[weekday])
        yesterday = window.day in ("daily", DAYS[weekday - 1])
        if start < end and today and start <= clock < end:
            return True
        if start > end and ((today and clock >= start) or (yesterday and clock < end)):
            return True
    return False


@given(sets(), st.integers(-20_160, 30_000_000), st.integers(0, 59_999))
def test_windows_end_where_the_walk_does(windows: list[Window], minute: int, rest: int) -> None:
    maintenance.validate(windows)
    now = minute * times.MINUTE + rest
    found = maintenance.ends_at(windows, now)
    assert maintenance.within(windows, now) == holds(windows, minute) == (found is not None)
    if found is not None:
        end = next((later for later in range(minute, minute + 10_081) if not holds(windows, later)), None)
        assert found == (now + 8 * times.DAY if end is None else end * times.MINUTE)
