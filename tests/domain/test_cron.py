"""The gate, Debian's rules and the clock changes, in tables."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickd.domain.cron import describe, next_after, occurrences, parse, zone
from tickd.errors import Invalid

DAY_MS = 86_400_000


def ms(text: str) -> int:
    """An ISO time with its offset, in ms."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def fired(schedule: str, timezone: str, after: str, until: str) -> list[str]:
    """The occurrences in local time with their offsets, `03-08 03:00 -0400`."""
    found = occurrences(schedule, timezone, ms(after), ms(until))
    return [datetime.fromtimestamp(at / 1000, ZoneInfo(timezone)).strftime("%m-%d %H:%M %z") for at in found]


def dates(schedule: str, after: str, count: int) -> list[str]:
    """The first occurrences after midnight of a day, in UTC, as dates with minutes."""
    found = islice(occurrences(schedule, "UTC", ms(f"{after}T00:00Z"), ms("9000-01-01T00:00Z")), count)
    return [datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M") for at in found]


# The gate


@pytest.mark.parametrize(
    ("expression", "normalised"),
    [
        ("0 2 * * *", "0 2 * * *"),
        ("  0\t2  * * * ", "0 2 * * *"),
        ("05 02 01 01 *", "05 02 01 01 *"),
        ("*/15 9-17 * jan-Mar MON-fri", "*/15 9-17 * jan-Mar MON-fri"),
        ("0 0 * * 5-7", "0 0 * * 5-7"),
        ("0 0 * * SUN,7,0", "0 0 * * SUN,7,0"),
        ("5/15,1-9/3,*/20 * * * *", "5/15,1-9/3,*/20 * * * *"),
        ("*/90 * * * *", "*/90 * * * *"),
        ("0 0 30,31 2,4 *", "0 0 30,31 2,4 *"),
        ("0 0 31 2 1", "0 0 31 2 1"),
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@Weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        (" @annually ", "0 0 1 1 *"),
    ],
)
def test_accepts(expression: str, normalised: str) -> None:
    assert parse(expression).expression == normalised


LAYOUT = "minute hour day-of-month month day-of-week"
ALIASES = "@hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually"


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", f"has no fields, but needs five: {LAYOUT}"),
        ("5", f"has 1 field, but needs five: {LAYOUT}"),
        ("* * * *", f"has 4 fields, but needs five: {LAYOUT}"),
        ("0 * * * * *", f"has 6 fields, but takes five, no seconds and no years: {LAYOUT}"),
        ("0 0 * * * * 2030", f"has 7 fields, but takes five, no seconds and no years: {LAYOUT}"),
        ("* " * 8, f"has 8 fields, but needs five: {LAYOUT}"),
        ("0," * 50 + "0 * * * *", "is 109 characters long, and must be at most 100"),
        ("@reboot", f"can't be @reboot, as there is no boot to wait for; there are {ALIASES}"),
        ("@every_minute", f"can't be @every_minute, as there is no such alias; there are {ALIASES}"),
        ("@daily * * * *", "has @daily as minute, which must be 0-59"),
        ("60 * * * *", "has 60 as minute, which must be 0-59"),
        ("1,61 * * * *", "has 61 as minute, which must be 0-59"),
        ("-1 * * * *", "has an incomplete -1 as minute, which must be 0-59"),
        ("1.5 * * * *", "has 1.5 as minute, which must be 0-59"),
        ("² * * * *", "has ² as minute, which must be 0-59"),
        ("٣ * * * *", "has ٣ as minute, which must be 0-59"),
        ("JAN * * * *", "has JAN as minute, which must be 0-59"),
        ("0 24 * * *", "has 24 as hour, which must be 0-23"),
        ("0 0 0 * *", "has 0 as day-of-month, which must be 1-31"),
        ("0 0 32 * *", "has 32 as day-of-month, which must be 1-31"),
        ("0 0 * 13 *", "has 13 as month, which must be 1-12 or JAN-DEC"),
        ("0 0 * january *", "has january as month, which must be 1-12 or JAN-DEC"),
        ("0 0 * * 8", "has 8 as day-of-week, which must be 0-7 or SUN-SAT"),
        ("0 0 * * MO", "has MO as day-of-week, which must be 0-7 or SUN-SAT"),
        ("1,,2 * * * *", "has an empty value as minute, which must be 0-59"),
        ("0 1, * * *", "has an empty value as hour, which must be 0-23"),
        ("5- * * * *", "has an incomplete 5- as minute, which must be 0-59"),
        ("/5 * * * *", "has an incomplete /5 as minute, which must be 0-59"),
        ("1-2-3 * * * *", "has 2-3 as minute, which must be 0-59"),
        ("*-5 * * * *", "has * as minute, which must be 0-59"),
        ("** * * * *", "has ** as minute, which must be 0-59"),
        ("0 22-2 * * *", "has 22-2 as hour, which runs backwards: split it in two, such as 22-23,0-2"),
        ("0 23-0 * * *", "has 23-0 as hour, which runs backwards: split it in two, such as 23,0"),
        (
            "0 0 * * FRI-MON",
            "has FRI-MON as day-of-week, which runs backwards: split it in two, such as 5-7,0-1",
        ),
        (
            "0 0 * * FRI-SUN",
            "has FRI-SUN as day-of-week, which runs backwards: split it in two, such as 5-7,0",
        ),
        ("*/0 * * * *", "has */0 as minute, whose step must be a whole number from 1"),
        ("*/ * * * *", "has */ as minute, whose step must be a whole number from 1"),
        ("*/-5 * * * *", "has */-5 as minute, whose step must be a whole number from 1"),
        ("1/2/3 * * * *", "has 1/2/3 as minute, whose step must be a whole number from 1"),
        ("0 0 ? * 1", "has ? as day-of-month: write * for any value"),
        ("H 0 * * *", "has H as minute: nothing random or hashed is understood, so write the value itself"),
        (
            "R(0-9) 0 * * *",
            "has R(0-9) as minute: nothing random or hashed is understood, so write the value itself",
        ),
        ("0 0 L * *", "has L as day-of-month: L, W and # are not understood, only numbers and names"),
        ("0 0 15W * *", "has 15W as day-of-month: L, W and # are not understood, only numbers and names"),
        ("0 0 * * FRIL", "has FRIL as day-of-week: L, W and # are not understood, only numbers and names"),
        ("0 0 * * 1#2", "has 1#2 as day-of-week: L, W and # are not understood, only numbers and names"),
        ("0 0 31 2 *", "never fires: has 31 as day-of-month, and no such day in month 2"),
        ("0 0 30-31 2 */2", "never fires: has 30-31 as day-of-month, and no such day in month 2"),
        ("0 0 31 FEB,4,6 *", "never fires: has 31 as day-of-month, and no such day in month FEB,4,6"),
    ],
)
def test_refuses(expression: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(expression)
    assert str(refused.value) == f"schedule {sentence}"
    assert refused.value.field == "schedule"


@given(st.text("0123456789*/,-@LW#?RH MONJANFRI", max_size=40))
@settings(max_examples=200, derandomize=True, database=None)
def test_refuses_with_a_sentence_or_fires(expression: str) -> None:
    try:
        parse(expression)
    except Invalid:
        return
    assert next_after(expression, "Europe/Berlin", 0) > 0
    assert describe(expression)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_knows_zone(name: str) -> None:
    assert zone(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "Mars/Olympus",
            "Europe",
            "europe/berlin",
            "../UTC",
            "/etc/localtime",
            "right/UTC",
            "posixrules",
        ),
        *("localtime", "+02:00", "UTC ", "U\0TC", "Ünited", "x" * 5000),
    ],
)
def test_refuses_zone(name: str) -> None:
    with pytest.raises(Invalid, match=r"^timezone must be an IANA time zone such as Europe/Berlin$"):
        zone(name)
    with pytest.raises(Invalid):
        next_after("* * * * *", name, 0)


def test_refuses_before_the_first_occurrence_is_asked_for() -> None:
    with pytest.raises(Invalid):
        occurrences("61 * * * *", "UTC", 0, 0)


# Days


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("0 0 13 * *", ["2026-03-13", "2026-04-13", "2026-05-13", "2026-06-13"]),
        ("0 0 * * 5", ["2026-03-06", "2026-03-13", "2026-03-20", "2026-03-27"]),
        ("0 0 13 * 5", ["2026-03-06", "2026-03-13", "2026-03-20", "2026-03-27"]),
        ("0 0 14 * FRI", ["2026-03-06", "2026-03-13", "2026-03-14", "2026-03-20"]),
        ("0 0 */2 * 5", ["2026-03-13", "2026-03-27", "2026-04-03", "2026-04-17"]),
        ("0 0 13 * */5", ["2026-03-13", "2026-09-13", "2026-11-13", "2026-12-13"]),
        ("0 0 1-31/2 * 5", ["2026-03-03", "2026-03-05", "2026-03-06", "2026-03-07"]),
        ("0 0 *,13 * 5", ["2026-03-06", "2026-03-13", "2026-03-20", "2026-03-27"]),
        ("0 0 * * 0", ["2026-03-08", "2026-03-15", "2026-03-22", "2026-03-29"]),
        ("0 0 * * 7", ["2026-03-08", "2026-03-15", "2026-03-22", "2026-03-29"]),
        ("0 0 * * 6-7", ["2026-03-07", "2026-03-08", "2026-03-14", "2026-03-15"]),
        ("0 0 31 * *", ["2026-03-31", "2026-05-31", "2026-07-31", "2026-08-31"]),
        ("0 0 31 2,4,6,9,11 1", ["2026-04-06", "2026-04-13", "2026-04-20", "2026-04-27"]),
    ],
)
def test_days(schedule: str, expected: list[str]) -> None:
    assert dates(schedule, "2026-03-02", 4) == [f"{day} 00:00" for day in expected]


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("59 23 31 12 *", "2026-01-01", ["2026-12-31 23:59", "2027-12-31 23:59"]),
        ("0 0 1 1 *", "2026-01-01", ["2027-01-01 00:00", "2028-01-01 00:00"]),
        ("30 12 * 1,12 1", "2026-12-28", ["2026-12-28 12:30", "2027-01-04 12:30"]),
        ("0 0 29 2 *", "2024-02-29", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 29 2 *", "2096-01-01", ["2096-02-29 00:00", "2104-02-29 00:00"]),
        ("0 0 29 2 *", "2396-02-29", ["2400-02-29 00:00", "2404-02-29 00:00"]),
        ("0 0 29 2 */7", "2088-03-01", ["2128-02-29 00:00", "2156-02-29 00:00"]),
        ("0 0 28-29 2 *", "2026-01-01", ["2026-02-28 00:00", "2027-02-28 00:00"]),
    ],
)
def test_ends_of_years_and_leap_days(schedule: str, after: str, expected: list[str]) -> None:
    assert dates(schedule, after, 2) == expected


def test_times_of_a_day() -> None:
    assert dates("5/20,1-9/4,30-30/2 */12 * * *", "2026-01-01", 8) == [
        *(f"2026-01-01 00:{minute:02}" for minute in (1, 5, 9, 25, 30, 45)),
        *(f"2026-01-01 12:{minute:02}" for minute in (1, 5)),
    ]


def test_a_step_longer_than_its_range_leaves_the_first_value() -> None:
    assert dates("*/90 * * * *", "2026-01-01", 2) == ["2026-01-01 01:00", "2026-01-01 02:00"]


# The clock changes. Spring first: (zone, schedule, after, until, expected)

CHANGES = [
    (
        "America/New_York",
        "30 2 * * *",
        "2026-03-08T00:00-05:00",
        "2026-03-09T00:00-04:00",
        ["03-08 03:00 -0400"],
    ),
    (
        "America/New_York",
        "0,30 2,3 * * *",
        "2026-03-08T00:00-05:00",
        "2026-03-09T00:00-04:00",
        ["03-08 03:00 -0400", "03-08 03:30 -0400"],
    ),
    ("America/New_York", "*/30 2 * * *", "2026-03-08T00:00-05:00", "2026-03-09T00:00-04:00", []),
    (
        "America/New_York",
        "0 * * * *",
        "2026-03-08T00:30-05:00",
        "2026-03-08T04:30-04:00",
        ["03-08 01:00 -0500", "03-08 03:00 -0400", "03-08 04:00 -0400"],
    ),
    (
        "America/New_York",
        "30 1 * * *",
        "2026-11-01T00:00-04:00",
        "2026-11-02T00:00-05:00",
        ["11-01 01:30 -0400"],
    ),
    (
        "America/New_York",
        "30 1 * * *",
        "2026-11-01T01:10-05:00",
        "2026-11-03T00:00-05:00",
        ["11-02 01:30 -0500"],
    ),
    (
        "America/New_York",
        "0 1,2 * * *",
        "2026-11-01T00:00-04:00",
        "2026-11-02T00:00-05:00",
        ["11-01 01:00 -0400", "11-01 02:00 -0500"],
    ),
    (
        "America/New_York",
        "*/30 * * * *",
        "2026-11-01T00:30-04:00",
        "2026-11-01T02:00-05:00",
        [
            "11-01 01:00 -0400",
            "11-01 01:30 -0400",
            "11-01 01:00 -0500",
            "11-01 01:30 -0500",
            "11-01 02:00 -0500",
        ],
    ),
    (
        "America/New_York",
        "*/30 1 * * *",
        "2026-11-01T01:00-04:00",
        "2026-11-02T00:00-05:00",
        ["11-01 01:30 -0400", "11-01 01:00 -0500", "11-01 01:30 -0500"],
    ),
    (
        "America/New_York",
        "30 * 1 11 *",
        "2026-11-01T01:30-05:00",
        "2026-11-01T03:00-05:00",
        ["11-01 02:30 -0500"],
    ),
    (
        "America/New_York",
        "*/30 1 1 11 *",
        "2026-01-01T00:00-05:00",
        "2026-12-31T00:00-05:00",
        ["11-01 01:00 -0400", "11-01 01:30 -0400", "11-01 01:00 -0500", "11-01 01:30 -0500"],
    ),
    (
        "Europe/Berlin",
        "30 2 * * *",
        "2026-03-28T12:00+01:00",
        "2026-03-30T12:00+02:00",
        ["03-29 03:00 +0200", "03-30 02:30 +0200"],
    ),
    (
        "Europe/Berlin",
        "30 2 * * *",
        "2026-10-24T12:00+02:00",
        "2026-10-26T12:00+01:00",
        ["10-25 02:30 +0200", "10-26 02:30 +0100"],
    ),
    (
        "Australia/Lord_Howe",
        "45 1 * * *",
        "2026-04-04T12:00+11:00",
        "2026-04-05T12:00+10:30",
        ["04-05 01:45 +1100"],
    ),
    (
        "Australia/Lord_Howe",
        "*/15 1 * * *",
        "2026-04-04T12:00+11:00",
        "2026-04-05T12:00+10:30",
        [
            "04-05 01:00 +1100",
            "04-05 01:15 +1100",
            "04-05 01:30 +1100",
            "04-05 01:45 +1100",
            "04-05 01:30 +1030",
            "04-05 01:45 +1030",
        ],
    ),
    (
        "Australia/Lord_Howe",
        "15 2 * * *",
        "2026-10-03T12:00+10:30",
        "2026-10-04T12:00+11:00",
        ["10-04 02:30 +1100"],
    ),
    (
        "America/Sao_Paulo",
        "0 0 * * *",
        "2018-11-03T12:00-03:00",
        "2018-11-05T12:00-02:00",
        ["11-04 01:00 -0200", "11-05 00:00 -0200"],
    ),
    (
        "America/Sao_Paulo",
        "30 23 * * *",
        "2018-02-17T12:00-02:00",
        "2018-02-18T12:00-03:00",
        ["02-17 23:30 -0200"],
    ),
    ("Africa/Cairo", "0 0 24 4 *", "2026-04-01T00:00+02:00", "2026-05-01T00:00+03:00", ["04-24 01:00 +0300"]),
    ("Africa/Cairo", "*/20 0 * * *", "2026-04-23T12:00+02:00", "2026-04-24T12:00+03:00", []),
    ("Asia/Beirut", "15 0 * * *", "2026-03-28T12:00+02:00", "2026-03-29T12:00+03:00", ["03-29 01:00 +0300"]),
    (
        "Pacific/Apia",
        "0 9 * * *",
        "2011-12-29T00:00-10:00",
        "2012-01-01T00:00+14:00",
        ["12-29 09:00 -1000", "12-31 00:00 +1400", "12-31 09:00 +1400"],
    ),
    ("Pacific/Apia", "* 9 30 12 *", "2011-12-29T00:00-10:00", "2012-01-01T00:00+14:00", []),
    (
        "Antarctica/Troll",
        "30 2 * * *",
        "2026-03-28T12:00+00:00",
        "2026-03-29T12:00+02:00",
        ["03-29 03:00 +0200"],
    ),
]


@pytest.mark.parametrize(("timezone", "schedule", "after", "until", "expected"), CHANGES)
def test_clock_changes(timezone: str, schedule: str, after: str, until: str, expected: list[str]) -> None:
    assert fired(schedule, timezone, after, until) == expected


@pytest.mark.parametrize(
    "after", ["2026-03-08T01:59-05:00", "2026-03-08T01:59:59.999-05:00", "2026-03-08T00:00-05:00"]
)
def test_the_end_of_a_gap_is_not_missed_from_the_minute_before(after: str) -> None:
    assert next_after("30 2 * * *", "America/New_York", ms(after)) == ms("2026-03-08T03:00-04:00")


# Properties

schedules = st.sampled_from(
    ["* * * * *", "*/7 * * * *", "30 1-3 * * *", "*/20 0-2 * * *", "0 0 * * *", "15 * */3 * 1", "5 4 29 2 *"]
)
zones = st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia"])
instants = st.integers(ms("2000-01-01T00:00Z"), ms("2037-01-01T00:00Z"))


@given(schedules, zones, instants)
@settings(max_examples=150, derandomize=True, database=None)
def test_occurrences_are_next_after_repeated(schedule: str, timezone: str, after: int) -> None:
    found = list(islice(occurrences(schedule, timezone, after, after + 40 * DAY_MS), 20))
    at = after
    repeated: list[int] = []
    while len(repeated) < 20 and (at := next_after(schedule, timezone, at)) <= after + 40 * DAY_MS:
        repeated.append(at)
    assert found == repeated
    assert all(earlier < later for earlier, later in pairwise([after, *found]))


@given(schedules, zones, instants, st.integers(0, 90 * DAY_MS))
@settings(max_examples=150, derandomize=True, database=None)
def test_nothing_lies_between(schedule: str, timezone: str, after: int, later: int) -> None:
    upcoming = next_after(schedule, timezone, after)
    from_later = next_after(schedule, timezone, after + later)
    assert from_later == upcoming if after + later < upcoming else from_later > after + later


def test_bounds_of_occurrences() -> None:
    noon = ms("2026-01-01T12:00Z")
    minute = 60_000
    assert list(occurrences("* * * * *", "UTC", noon, noon)) == []
    assert list(occurrences("* * * * *", "UTC", noon, noon + minute - 1)) == []
    assert list(occurrences("* * * * *", "UTC", noon - 1, noon + minute)) == [noon, noon + minute]


# In words


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("0 2 * * *", "At 02:00"),
        ("@daily", "At 00:00"),
        ("* * * * *", "Every minute"),
        ("*,5 * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("@hourly", "Every hour"),
        ("*/90 * * * *", "Every hour"),
        ("*/50 * * * *", "At 0 and 50 minutes past the hour"),
        ("0 9 * * 1-5", "At 09:00, Monday through Friday"),
        ("0 0 * * 0,7", "At 00:00, only on Sunday"),
        ("0 0 * * 1-5/2", "At 00:00, only on Monday, Wednesday, and Friday"),
        ("0 0 13 * 5", "At 00:00, on day 13 of the month, or on Friday"),
        ("0 0 13 * 5-7", "At 00:00, on day 13 of the month, or on Sunday, Friday, and Saturday"),
        ("0 0 */2 * 5", "At 00:00, every 2 days, only on Friday"),
        ("0 0 13 * 0-6", "At 00:00"),
        ("0 0 1-31 * 5", "At 00:00"),
        ("0 0 29 FEB *", "At 00:00, on day 29 of the month, only in February"),
    ],
)
def test_describes(schedule: str, words: str) -> None:
    assert describe(schedule) == words


def test_describing_needs_no_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getlocale", lambda: (None, None))
    assert describe("7 23 * * *") == "At 23:07"
