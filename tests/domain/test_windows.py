"""Maintenance that an account plans: what may be said of it, and when it holds, whatever the zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from tickd.domain import maintenance, times, weekly, windows
from tickd.domain.maintenance import Window
from tickd.domain.weekly import Weekly
from tickd.domain.windows import Maintenance, MaintenanceChange, MaintenanceCreation
from tickd.errors import Invalid

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu")
NOON = 1_772_539_200_000  # 2026-03-03T12:00:00Z, a Tuesday
ONCE = {"starts_at": "2026-03-03T12:00:00Z", "ends_at": "2026-03-03T14:00:00Z"}
WEEKLY = {"day": "tuesday", "start": "22:00", "end": "02:00"}


def at(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def planned(**said: Any) -> Maintenance:
    plain = {"name": "night work"} | ({} if {"subjects", "tags", "all"} & set(said) else {"all": True})
    spec = MaintenanceCreation(**(plain | said))
    return windows.create(spec, identifier="mnt_0123456789abcdef", account_id="acc_1", now=NOON)


def refused(make: Any, **said: Any) -> str:
    with pytest.raises(Invalid) as caught:
        make(**said)
    return caught.value.message


# What may be said.


def test_a_new_one_is_as_it_was_said() -> None:
    made = planned(tags=["web", "db", "web"], **ONCE)
    assert (made.name, made.subjects, made.tags, made.all) == ("night work", (), ("web", "db"), False)
    assert (made.starts_at, made.ends_at, made.weekly) == (NOON, NOON + 2 * times.HOUR, None)
    assert (made.created_at, made.updated_at) == (NOON, NOON)
    made = planned(subjects=["mon_1"], all=False, **WEEKLY)
    assert (made.subjects, made.starts_at, made.ends_at) == (("mon_1",), None, None)
    assert made.weekly == Weekly("tuesday", "22:00", "02:00", "UTC")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "starts_at and ends_at are required, or day, start and end"),
        ({"starts_at": ONCE["starts_at"]}, "ends_at is required"),
        ({"ends_at": ONCE["ends_at"]}, "starts_at is required"),
        (ONCE | WEEKLY, "day can't be used with starts_at and ends_at: it is once or weekly"),
        (
            ONCE | {"timezone": "UTC"},
            "timezone can't be used with starts_at and ends_at: it is once or weekly",
        ),
        (ONCE | {"ends_at": ONCE["starts_at"]}, "ends_at must be after starts_at"),
        (ONCE | {"ends_at": "2026-03-03T14:00:00+03:00"}, "ends_at must be after starts_at"),
        (
            ONCE | {"ends_at": "2027-03-04T12:00:00.001Z"},
            "ends_at must be at most 366 days after starts_at",
        ),
        *(
            (
                ONCE | {"starts_at": text},
                "starts_at must be a time with its offset, such as 2026-03-03T12:30:00Z",
            )
            for text in ("", "now", "2026-03-03", "2026-03-03T12:00", "2026-13-03T12:00Z", "1772539200")
        ),
        (ONCE | {"starts_at": "1969-12-31T23:59:59Z"}, "starts_at must be a time with its offset, such as"),
        (ONCE | {"ends_at": "9999-12-31T23:59:59-12:00"}, "ends_at must be a time with its offset, such as"),
        (ONCE | {"subjects": ["mon_1"], "tags": ["web"]}, "tags can't be used with subjects: "),
        (ONCE | {"subjects": ["mon_1"], "all": True}, "all can't be used with subjects: "),
        (ONCE | {"tags": ["web"], "all": True}, "all can't be used with tags: "),
        (ONCE | {"all": False}, "subjects is required, or tags, or all"),
        (ONCE | {"subjects": [], "tags": []}, "subjects is required, or tags, or all"),
        ({"day": "tuesday"}, "start is required"),
        ({"start": "22:00", "end": "02:00"}, "day is required"),
        ({"timezone": "UTC"}, "day is required"),
        (WEEKLY | {"day": "someday"}, "day must be monday to sunday, or daily"),
        (WEEKLY | {"start": "24:00"}, "start must be HH:MM"),
        (WEEKLY | {"start": "2:00"}, "start must be HH:MM"),
        (WEEKLY | {"end": "24:01"}, "end must be HH:MM, at most 24:00"),
        (WEEKLY | {"end": "02:00\n"}, "end must be HH:MM, at most 24:00"),
        (WEEKLY | {"end": "22:00"}, "end must differ from start"),
        (WEEKLY | {"timezone": "Mars/Olympus"}, "timezone must be an IANA time zone such as Europe/Berlin"),
        (ONCE | {"name": " \t"}, "name must be 1 to 200 printable characters"),
    ],
)
def test_what_can_not_be_is_refused(said: dict[str, Any], sentence: str) -> None:
    assert refused(planned, **said).startswith(sentence)


def test_a_year_and_a_day_are_not_too_long() -> None:
    made = planned(starts_at="2024-01-01T00:00:00+14:00", ends_at="2025-01-01T00:00:00+14:00")
    assert made.ends_at is not None
    assert made.starts_at is not None
    assert made.ends_at - made.starts_at == 366 * times.DAY
    assert times.rfc3339(made.starts_at) == "2023-12-31T10:00:00Z"


def changed(before: Maintenance, **said: Any) -> Maintenance:
    return windows.change(before, MaintenanceChange(**said), NOON + 1)


def test_what_is_left_out_keeps_its_value() -> None:
    once = planned(tags=["web"], **ONCE)
    longer = changed(once, ends_at="2026-03-03T15:00:00Z")
    assert longer == structs.replace(once, ends_at=NOON + 3 * times.HOUR, updated_at=NOON + 1)
    assert changed(once, name="night work", tags=["web"], subjects=[], all=False, **ONCE) is once
    every = planned(timezone="Asia/Kathmandu", **WEEKLY)
    assert changed(every, end="03:00").weekly == Weekly("tuesday", "22:00", "03:00", "Asia/Kathmandu")


def test_one_kind_replaces_the_other() -> None:
    once, every = planned(tags=["web"], **ONCE), planned(**WEEKLY)
    assert changed(once, **WEEKLY) == structs.replace(
        once, starts_at=None, ends_at=None, weekly=every.weekly, updated_at=NOON + 1
    )
    assert changed(every, **ONCE) == structs.replace(
        every, starts_at=once.starts_at, ends_at=once.ends_at, weekly=None, updated_at=NOON + 1
    )
    assert changed(once, subjects=["job_1"]).tags == ()
    assert changed(once, all=True) == structs.replace(once, tags=(), all=True, updated_at=NOON + 1)


@pytest.mark.parametrize(
    ("before", "said", "sentence"),
    [
        (WEEKLY, {"ends_at": ONCE["ends_at"]}, "starts_at is required"),
        (ONCE, {"end": "02:00"}, "day is required"),
        (ONCE, {"ends_at": "2026-03-03T11:00:00Z"}, "ends_at must be after starts_at"),
        (ONCE, {"all": False}, "all can't be taken away: a maintenance covers subjects, tags or all"),
        (WEEKLY | {"tags": ["web"]}, {"tags": []}, "tags can't be taken away"),
        (WEEKLY, {"start": "02:00"}, "end must differ from start"),
    ],
)
def test_what_would_be_neither_or_both_is_refused(
    before: dict[str, Any], said: dict[str, Any], sentence: str
) -> None:
    known = planned(**before)
    assert refused(lambda **more: changed(known, **more), **said).startswith(sentence)


@pytest.mark.parametrize(
    ("said", "covered"),
    [
        ({"all": True}, [True, True, True]),
        ({"subjects": ["mon_1", "hb_1"]}, [True, False, False]),
        ({"tags": ["web", "db"]}, [False, True, False]),
    ],
)
def test_what_it_covers(said: dict[str, Any], covered: list[bool]) -> None:
    made = planned(**said, **ONCE)
    given = [("mon_1", ()), ("mon_2", ("eu", "db")), ("mon_12", ("webs",))]
    assert [made.covers(identifier, tags) for identifier, tags in given] == covered


# When it holds.


def holds(day: maintenance.Day, start: str, end: str, zone: str, date: str) -> tuple[str, str] | None:
    """The window of a local date, as times of the zone with their offset; None where there is none."""
    one = weekly.checked(Weekly(day, start, end, zone))
    tz = ZoneInfo(zone)
    midnight = at(f"{date}T00:00") - 26 * times.HOUR
    found = weekly.upcoming(one, midnight)
    while datetime.fromtimestamp(found[0] / 1000, tz).date().isoformat() < date:
        found = weekly.upcoming(one, found[0])
    begin = datetime.fromtimestamp(found[0] / 1000, tz)
    if begin.date().isoformat() != date:
        return None
    until = weekly.ends_at(one, found[0])
    assert until is not None
    assert weekly.ends_at(one, until - 1) == until
    return f"{begin:%H:%M %z}", f"{datetime.fromtimestamp(until / 1000, tz):%a %H:%M %z}"


@pytest.mark.parametrize(
    ("zone", "date", "start", "end", "found"),
    [
        # An hour that is left out: what lies in it moves to its end.
        ("America/New_York", "2026-03-08", "02:30", "04:00", ("03:00 -0400", "Sun 04:00 -0400")),
        ("America/New_York", "2026-03-08", "01:30", "02:30", ("01:30 -0500", "Sun 03:00 -0400")),
        ("America/New_York", "2026-03-08", "02:00", "02:59", None),
        ("America/New_York", "2026-03-08", "01:00", "05:00", ("01:00 -0500", "Sun 05:00 -0400")),
        # An hour that comes twice: from its first pass, to its second.
        ("America/New_York", "2026-11-01", "01:30", "01:45", ("01:30 -0400", "Sun 01:45 -0500")),
        ("America/New_York", "2026-11-01", "00:30", "01:30", ("00:30 -0400", "Sun 01:30 -0500")),
        ("America/New_York", "2026-11-01", "01:00", "03:00", ("01:00 -0400", "Sun 03:00 -0500")),
        ("America/New_York", "2026-10-31", "22:00", "01:00", ("22:00 -0400", "Sun 01:00 -0500")),
        ("Europe/Berlin", "2026-03-29", "02:00", "03:00", None),
        ("Europe/Berlin", "2026-03-28", "22:00", "02:00", ("22:00 +0100", "Sun 03:00 +0200")),
        ("Europe/Berlin", "2026-10-25", "00:00", "24:00", ("00:00 +0200", "Mon 00:00 +0100")),
        ("Europe/Berlin", "2026-10-24", "23:00", "02:30", ("23:00 +0200", "Sun 02:30 +0100")),
        # Half an hour, and that of the other hemisphere.
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "03:00", ("02:30 +1100", "Sun 03:00 +1100")),
        ("Australia/Lord_Howe", "2026-10-04", "01:00", "02:10", ("01:00 +1030", "Sun 02:30 +1100")),
        ("Australia/Lord_Howe", "2026-04-05", "01:30", "01:45", ("01:30 +1100", "Sun 01:45 +1030")),
        ("Australia/Lord_Howe", "2026-04-05", "01:00", "02:00", ("01:00 +1100", "Sun 02:00 +1030")),
        # Without changes, and a quarter of an hour off.
        ("Asia/Kathmandu", "2026-03-03", "22:00", "02:00", ("22:00 +0545", "Wed 02:00 +0545")),
        ("Asia/Kathmandu", "2026-03-03", "00:00", "00:15", ("00:00 +0545", "Tue 00:15 +0545")),
        # A whole day that never was.
        ("Pacific/Apia", "2011-12-30", "10:00", "12:00", None),
        ("Pacific/Apia", "2011-12-29", "23:00", "01:00", ("23:00 -1000", "Sat 00:00 +1400")),
    ],
)
def test_clock_changes_move_and_lengthen_but_never_shorten(
    zone: str, date: str, start: str, end: str, found: tuple[str, str] | None
) -> None:
    weekday = DAYS[datetime.fromisoformat(date).weekday()]
    for day in (weekday, "daily"):
        assert holds(day, start, end, zone, date) == found  # type: ignore[arg-type]


def test_a_weekly_one_belongs_to_the_day_it_starts_on_there() -> None:
    # Tuesday 22:00 in Kathmandu is 16:15 UTC, and its end on Wednesday 20:15 UTC of Tuesday.
    one = planned(timezone="Asia/Kathmandu", **WEEKLY)
    assert windows.ends_at(one, at("2026-03-03T16:14:59.999")) is None
    assert windows.ends_at(one, at("2026-03-03T16:15")) == at("2026-03-03T20:15")
    assert windows.ends_at(one, at("2026-03-03T20:15")) is None
    assert windows.upcoming(one, at("2026-03-03T16:15")) == (at("2026-03-10T16:15"), at("2026-03-03T20:15"))
    # Monday in Auckland begins on Sunday noon, UTC.
    one = planned(day="monday", start="00:30", end="24:00", timezone="Pacific/Auckland")
    assert windows.upcoming(one, at("2026-03-01T00:00")) == (at("2026-03-01T11:30"), at("2026-03-02T11:00"))


def test_one_that_comes_once_is_planned_then_active_then_over() -> None:
    one = planned(**ONCE)
    end = NOON + 2 * times.HOUR
    found = [
        (windows.status(one, now), windows.ends_at(one, now), windows.upcoming(one, now))
        for now in (NOON - 1, NOON, end - 1, end)
    ]
    assert found == [
        ("planned", None, (NOON, end)),
        ("active", end, (None, end)),
        ("active", end, (None, end)),
        ("over", None, (None, None)),
    ]
    every = planned(**WEEKLY)
    assert [windows.status(every, at(f"2026-03-03T{clock}")) for clock in ("21:59", "22:00")] == [
        "planned",
        "active",
    ]


def test_the_one_that_ends_last_gives_its_name_and_what_follows_counts() -> None:
    noon, one = planned(name="noon", **ONCE), at("2026-03-03T12:00")
    late = planned(name="late", starts_at="2026-03-03T11:00Z", ends_at="2026-03-03T12:30Z")
    then = planned(name="then", starts_at="2026-03-03T14:00Z", ends_at="2026-03-03T15:00Z")
    gap = planned(name="gap", starts_at="2026-03-03T15:00:00.001Z", ends_at="2026-03-03T16:00Z")
    own = (Window("tuesday", "15:00", "15:30"),)
    assert windows.current([late, noon], (), one) == ("noon", at("2026-03-03T14:00"))
    assert windows.current([late, noon, then, gap], (), one) == ("noon", at("2026-03-03T15:00"))
    assert windows.current([then, late, noon], own, one) == ("noon", at("2026-03-03T15:30"))
    assert windows.current([then, late, noon, gap], own, one) == ("noon", at("2026-03-03T16:00"))
    assert windows.current([gap], own, at("2026-03-03T15:00")) == ("its own window", at("2026-03-03T16:00"))
    assert windows.current([gap], own, one) is None
    assert windows.current([], (), one) is None


def test_what_never_ends_is_looked_at_again() -> None:
    always = planned(day="daily", start="00:00", end="24:00", timezone="Europe/Berlin")
    for own in ((), (Window("daily", "00:00", "24:00"),)):
        found = windows.current([always], own, NOON)
        assert found is not None
        assert NOON + 8 * times.DAY <= found[1] <= NOON + 30 * times.DAY
    long = planned(starts_at="2026-03-03T00:00Z", ends_at="2026-06-03T00:00Z")
    then = planned(starts_at="2026-06-03T00:00Z", ends_at="2026-06-04T00:00Z")
    assert windows.current([long, then], (), NOON) == ("night work", at("2026-06-04T00:00"))


# Against a walk over the minutes.


@cache
def shown(zone: str, date: str) -> list[tuple[int, datetime]]:
    """What a clock on the wall shows, minute by minute (since 1970, UTC), some days around a date."""
    start = at(f"{date}T00:00") // times.MINUTE
    tz = ZoneInfo(zone)
    return [
        (minute, datetime.fromtimestamp(minute * 60, tz).replace(tzinfo=None))
        for minute in range(start - 5 * 1440, start + 7 * 1440)
    ]


def walked(one: Weekly, date: str) -> set[int]:
    """The minutes around a date that are in the window, by its words alone.

    Those behind the first that shows its start, or a later time, and before the last that shows its end;
    where none does, up to the last that shows an earlier time.
    """
    found: set[int] = set()
    for offset in range(-3, 5):
        midnight = datetime.fromisoformat(date) + timedelta(days=offset)
        if one.day not in ("daily", DAYS[midnight.weekday()]):
            continue
        begin, end = (midnight + timedelta(minutes=minutes_of(text)) for text in (one.start, one.end))
        if end <= begin:
            end += timedelta(days=1)
        place = (offset + 4) * 1440
        near = shown(one.timezone, date)[place : place + 4 * 1440]
        first = next(minute for minute, wall in near if wall >= begin)
        ends = [minute for minute, wall in near if wall == end]
        last = ends[-1] if ends else max(minute for minute, wall in near if wall < end) + 1
        found.update(range(first, last))
    return found


def minutes_of(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


clocks = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
near = st.sampled_from([f"{hour:02d}:{minute:02d}" for hour in (0, 1, 2, 3) for minute in (0, 15, 30, 45)])
changes = st.sampled_from(
    ["2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04", "2026-06-15"]
)


@settings(max_examples=60)
@given(
    st.sampled_from((*DAYS, "daily", "daily", "sunday", "saturday")),
    st.one_of(near, clocks),
    st.one_of(near, clocks, st.just("24:00")),
    st.sampled_from(ZONES),
    changes,
    st.integers(0, 59_999),
)
@example("sunday", "01:30", "01:45", "America/New_York", "2026-11-01", 0)
@example("daily", "01:45", "01:44", "Australia/Lord_Howe", "2026-04-05", 0)
@example("saturday", "22:00", "21:45", "America/New_York", "2026-06-15", 0)
def test_a_weekly_one_holds_where_the_walk_does(
    day: maintenance.Day, start: str, end: str, zone: str, date: str, rest: int
) -> None:
    if start == end:
        return
    one = weekly.checked(Weekly(day, start, end, zone))
    since = at(f"{date}T00:00") // times.MINUTE - 1440
    until = since + 4 * 1440
    inside = walked(one, date)
    for minute in range(since, until, 7):
        found = weekly.ends_at(one, minute * times.MINUTE + rest)
        assert (found is not None) == (minute in inside), minute
        later, over = weekly.upcoming(one, minute * times.MINUTE + rest)
        assert later > minute * times.MINUTE + rest < over
    edges = [minute for minute in range(since, until) if (minute in inside) != (minute - 1 in inside)]
    for minute in edges:
        moment = minute * times.MINUTE
        assert (weekly.ends_at(one, moment) is None) != (weekly.ends_at(one, moment - 1) is None)
        assert moment in weekly.upcoming(one, moment - 1)
