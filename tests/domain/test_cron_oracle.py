"""`tickd.domain.cron` held against cronsim, against croniter's fields, and against Debian's rule itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from cronsim import CronSim, CronSimError
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tickd.domain.cron import next_after, occurrences, parse
from tickd.domain.cron_fields import FIELDS, Field, read, values
from tickd.errors import Invalid

BEGIN, END = 946_684_800, 2_145_916_800  # 2000 to 2037, in seconds
DAY = 86_400

ROUND_ZONES = (  # their clocks change by whole hours, and never at midnight
    *("UTC", "America/New_York", "America/Chicago", "Europe/Berlin", "Europe/Dublin", "Asia/Jerusalem"),
    *("Asia/Kathmandu", "Asia/Kolkata", "Australia/Sydney", "Antarctica/Troll"),
)
ODD_ZONES = (
    *("Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut", "Pacific/Apia"),
    *("America/Caracas", "Asia/Pyongyang", "Pacific/Chatham", "America/Havana", "Asia/Gaza", "Asia/Amman"),
    *("Atlantic/Azores", "America/Scoresbysund", "America/St_Johns", "Antarctica/Casey", "Asia/Tehran"),
    *("Africa/Khartoum", "Africa/Casablanca"),
)


@cache
def changes(name: str) -> tuple[int, ...]:
    """When the offset changes, in seconds, to the day."""
    days = range(BEGIN, END, DAY)
    offsets = [datetime.fromtimestamp(at, ZoneInfo(name)).utcoffset() for at in days]
    return tuple(at for at, (before, after) in zip(days, pairwise(offsets), strict=False) if before != after)


@st.composite
def moments(draw: st.DrawFn, names: tuple[str, ...]) -> tuple[str, int]:
    """A zone and a minute in seconds, mostly within two days of a change."""
    name = draw(st.sampled_from(names))
    near = changes(name)
    if draw(st.integers(0, 4)) and near:
        change: int = draw(st.sampled_from(near))
        return name, change + 60 * draw(st.integers(-1440, 2880))
    return name, draw(st.integers(BEGIN // 60, END // 60)) * 60


@st.composite
def terms(draw: st.DrawFn, low: int, high: int) -> str:
    """One item of a list; never `5-5/2`, which cronsim takes for `5/2`."""
    first, other = draw(st.integers(low, high)), draw(st.integers(low, high))
    last = max(first, other)
    step = f"/{draw(st.integers(1, 12))}" if draw(st.booleans()) else ""
    shapes = [f"{first}{step}", f"*{step}"]
    return draw(st.sampled_from([*shapes, f"{first}-{last}{step}"] if first < last else shapes))


def lists(low: int, high: int) -> st.SearchStrategy[str]:
    return st.lists(terms(low, high), min_size=1, max_size=3).map(",".join)


anything = st.just("*")
expressions = st.tuples(
    lists(0, 59) | st.sampled_from(["0", "30", "*", "*/15"]),
    lists(0, 23) | lists(0, 4) | st.sampled_from(["0", "1", "2", "*"]),
    anything | lists(1, 31),
    anything | lists(1, 12),
    anything | lists(0, 7),
).map(" ".join)


def fires(expression: str) -> bool:
    """Whether it is let in, which the two must agree on."""
    try:
        parse(expression)
    except Invalid:
        with pytest.raises(CronSimError):
            CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC))
        return False
    return True


def simulated(expression: str, name: str, after: int) -> list[int]:
    """What cronsim says; started a day early, for in a second pass it may answer with the past."""
    start = datetime.fromtimestamp(after - (DAY if parse(expression).fixed else 0), ZoneInfo(name))
    found = (int(at.timestamp()) for at in CronSim(expression, start))
    return list(islice((at for at in found if at > after), 5))


def ours(expression: str, name: str, after: int, count: int) -> list[int]:
    found = occurrences(expression, name, after * 1000, (END + 100 * 366 * DAY) * 1000)
    return [at // 1000 for at in islice(found, count)]


@given(expressions, moments(ROUND_ZONES + ODD_ZONES))
@settings(max_examples=150, derandomize=True, database=None, deadline=None)
def test_fixed_times_agree_with_cronsim(expression: str, moment: tuple[str, int]) -> None:
    assume(fires(expression) and parse(expression).fixed)
    expected = simulated(expression, *moment)
    assert ours(expression, *moment, len(expected)) == expected


@given(expressions, moments(ROUND_ZONES))
@settings(max_examples=150, derandomize=True, database=None, deadline=None)
def test_all_schedules_agree_with_cronsim_where_clocks_change_by_hours(
    expression: str, moment: tuple[str, int]
) -> None:
    assume(fires(expression))
    expected = simulated(expression, *moment)
    assert ours(expression, *moment, len(expected)) == expected


@given(expressions, moments(ODD_ZONES))
@settings(max_examples=60, derandomize=True, database=None, deadline=None)
def test_real_time_is_every_minute_whose_wall_matches(expression: str, moment: tuple[str, int]) -> None:
    """Debian's rule itself: wake every minute, look at the clock. cronsim only reads the fields."""
    assume(fires(expression) and not parse(expression).fixed)
    (name, after), tz = moment, ZoneInfo(moment[0])
    fields = CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC))
    due = []
    for at in range(after + 60, after + 20 * 3600, 60):
        wall = datetime.fromtimestamp(at, tz)
        if wall.minute in fields.minutes and wall.hour in fields.hours and wall.month in fields.months:
            due += [at] if fields.match_day(wall.date()) else []
    assert [
        at // 1000 for at in occurrences(expression, name, after * 1000, (after + 20 * 3600 - 1) * 1000)
    ] == due


@pytest.mark.parametrize("field", FIELDS[:4], ids=lambda field: field.name)
@given(st.data())
@settings(max_examples=30, derandomize=True, database=None, deadline=None)
def test_single_terms_agree_with_croniter(field: Field, data: st.DataObject) -> None:
    """Of the first four fields: its day-of-week has no 7, and `1,*` is beyond it."""
    text = data.draw(terms(field.low, field.high))
    place = FIELDS.index(field)
    expanded = croniter.expand(" ".join(["*"] * place + [text] + ["*"] * (4 - place)))[0][place]
    everything = list(range(field.low, field.high + 1))
    assert values(read(field, text)) == (everything if expanded == ["*"] else sorted(expanded))


# Where cronsim 2.8 is wrong and Debian is on our side. Should one of these fail, the oracle has got better:
# move its zones to ROUND_ZONES.


def local(text: str, name: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(name))


def test_cronsim_loses_half_an_hour_at_a_half_hour_change() -> None:
    """It counts on by whole hours from 01:30, the second time round, and so comes to hour 2 at 02:30."""
    start = local("2026-04-05T00:30", "Australia/Lord_Howe")
    mine = next_after("*/30 2 * * *", "Australia/Lord_Howe", int(start.timestamp() * 1000))
    assert mine == local("2026-04-05T02:00", "Australia/Lord_Howe").timestamp() * 1000
    assert next(CronSim("*/30 2 * * *", start)) == local("2026-04-05T02:30", "Australia/Lord_Howe")


def test_cronsim_turns_in_circles_where_a_fold_begins_within_an_hour() -> None:
    """From the second 02:45 it goes to 02:00, and an hour on, to 03:00 of the first pass, for ever."""
    start = local("2026-04-05T03:42", "Pacific/Chatham")
    mine = list(islice(occurrences("* 3 * * *", "Pacific/Chatham", int(start.timestamp() * 1000), 2**45), 3))
    after = [local("2026-04-05T03:43", "Pacific/Chatham"), local("2026-04-05T03:44", "Pacific/Chatham")]
    after += [local("2026-04-05T03:00", "Pacific/Chatham").replace(fold=1)]
    assert mine == [at.timestamp() * 1000 for at in after]
    theirs = islice(CronSim("* 3 * * *", start), 500)
    assert max(at.timestamp() for at in theirs) == after[1].timestamp()


def test_cronsim_invents_a_run_at_a_midnight_that_does_not_exist() -> None:
    """It jumps to 00:00 of the day, which is 01:00."""
    start = local("2026-04-23T12:00", "Africa/Cairo")
    mine = next_after("*/30 0 24,25 4 *", "Africa/Cairo", int(start.timestamp() * 1000))
    assert mine == local("2026-04-25T00:00", "Africa/Cairo").timestamp() * 1000
    theirs = next(CronSim("*/30 0 24,25 4 *", start))
    assert theirs.astimezone(UTC) == datetime(2026, 4, 23, 22, tzinfo=UTC)


def test_cronsim_takes_a_range_of_one_for_an_open_range() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert [at.minute for at in islice(CronSim("5-5/20 * * * *", start), 2)] == [5, 25]
    assert values(read(FIELDS[0], "5-5/20")) == [5]


def test_cronsim_answers_with_the_past_from_a_second_pass() -> None:
    second_pass = local("2026-11-01T01:10", "America/New_York").replace(fold=1)
    assert next(CronSim("30 1 * * *", second_pass)).astimezone(UTC) < second_pass.astimezone(UTC)
    mine = next_after("30 1 * * *", "America/New_York", int(second_pass.timestamp() * 1000))
    assert mine // 1000 - second_pass.timestamp() == timedelta(hours=24, minutes=20).total_seconds()
