"""What clock changes do to schedules: the table of the docs, and the rule held against cron itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickd.domain import cron
from tickd.domain.cron_effects import AHEAD, changes, effects
from tickd.errors import Invalid

DAY_MS = 86_400_000


def ms(text: str) -> int:
    """An ISO time with its offset, in ms."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


YEAR = ms("2026-01-01T00:00Z")


@pytest.mark.parametrize(
    ("timezone", "schedule", "sentences"),
    [
        (
            "Europe/Berlin",
            "30 2 * * *",
            [
                "29 Mar 2026, 02:00 becomes 03:00: 02:30 does not exist, and runs at 03:00.",
                "25 Oct 2026, 03:00 becomes 02:00: 02:30 comes twice, and runs the first time only.",
            ],
        ),
        (
            "Europe/Berlin",
            "*/30 2 * * *",
            [
                "29 Mar 2026, 02:00 becomes 03:00: 02:00 and 02:30 do not exist, and are left out.",
                "25 Oct 2026, 03:00 becomes 02:00: 02:00 and 02:30 come twice, and run both times.",
            ],
        ),
        (
            "Europe/Berlin",
            "* 2 * * *",
            [
                "29 Mar 2026, 02:00 becomes 03:00: "
                "02:00, 02:01, 02:02 and 57 more do not exist, and are left out.",
                "25 Oct 2026, 03:00 becomes 02:00: "
                "02:00, 02:01, 02:02 and 57 more come twice, and run both times.",
            ],
        ),
        (
            "America/New_York",
            "30 1,2 * * *",
            [
                "8 Mar 2026, 02:00 becomes 03:00: 02:30 does not exist, and runs at 03:00.",
                "1 Nov 2026, 02:00 becomes 01:00: 01:30 comes twice, and runs the first time only.",
            ],
        ),
        (
            "America/New_York",
            "0,30 2 * * *",
            ["8 Mar 2026, 02:00 becomes 03:00: 02:00 and 02:30 do not exist, and run once at 03:00."],
        ),
        # Half an hour only: every full hour is left out or comes twice, and the pace is broken.
        (
            "Australia/Lord_Howe",
            "0 * * * *",
            ["4 Oct 2026, 02:00 becomes 02:30: 02:00 does not exist, and is left out."],
        ),
        ("Europe/Berlin", "30 2 * * 1-5", []),
        ("Europe/Berlin", "0 12 * * *", []),
        ("Europe/Berlin", "*/5 * * * *", []),
        ("Europe/Berlin", "0 * * * *", []),
        ("Europe/Berlin", "0 */1 * * *", []),
        ("Asia/Tokyo", "30 2 * * *", []),
        ("UTC", "30 2 * * *", []),
    ],
)
def test_says_what_the_changes_of_a_year_do(timezone: str, schedule: str, sentences: list[str]) -> None:
    assert [one.sentence for one in effects(schedule, timezone, YEAR, YEAR + AHEAD)] == sentences


def test_an_even_pace_over_two_hours_only_is_broken_all_the_same() -> None:
    found = effects("*/30 2-3 * * *", "Europe/Berlin", YEAR, YEAR + AHEAD)
    assert [(one.kind, len(one.walls)) for one in found] == [("left out", 2), ("twice", 2)]


def test_finds_the_changes_of_a_zone_in_its_time() -> None:
    found = changes("Europe/Berlin", YEAR, YEAR + AHEAD)
    assert [one.at for one in found] == [ms("2026-03-29T01:00Z"), ms("2026-10-25T01:00Z")]
    spring = found[0].at
    assert changes("Europe/Berlin", spring, spring + DAY_MS) == ()
    assert len(changes("Europe/Berlin", spring - 1, spring)) == 1
    # Morocco changes around Ramadan, too.
    assert len(changes("Africa/Casablanca", YEAR, YEAR + AHEAD)) == 2


def test_refuses_what_cron_refuses() -> None:
    with pytest.raises(Invalid):
        effects("61 * * * *", "UTC", YEAR, YEAR + AHEAD)
    with pytest.raises(Invalid):
        effects("1 * * * *", "Mars/Olympus", YEAR, YEAR + AHEAD)


FIELDS = st.tuples(
    st.sampled_from(["0", "30", "*/15", "*/20", "5,45", "*", "10-50/20"]),
    st.sampled_from(["2", "1-3", "*", "*/2", "0-23", "1", "3", "0,2"]),
)
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])


@given(FIELDS, ZONES)
@settings(max_examples=150, derandomize=True, database=None)
def test_what_it_says_is_what_cron_does(fields: tuple[str, str], timezone: str) -> None:
    expression = f"{fields[0]} {fields[1]} * * *"
    schedule, tz = cron.parse(expression), ZoneInfo(timezone)
    told = {one.change.at: one for one in effects(expression, timezone, YEAR, YEAR + AHEAD)}
    for change in changes(timezone, YEAR, YEAR + AHEAD):
        width = abs(change.after - change.before) // timedelta(milliseconds=1)
        fired = list(cron.occurrences(expression, timezone, change.at - 2 * width - 1, change.at + 2 * width))
        walls = [datetime.fromtimestamp(at / 1000, tz).replace(tzinfo=None, fold=0) for at in fired]
        effect = told.get(change.at)
        if effect is None:
            low, high = sorted((change.before, change.after))
            concerned = schedule.first(low) < high
            gaps = {later - earlier for earlier, later in pairwise(fired)}
            assert not concerned or (not schedule.fixed and len(gaps) <= len(set(values(fields[0]))) + 1)
        elif effect.kind == "left out":
            assert not set(effect.walls) & set(walls)
        elif effect.kind == "moved":
            assert change.at in fired and not set(effect.walls) & set(walls)
        else:
            times = 1 if effect.kind == "once" else 2
            assert [walls.count(wall) for wall in effect.walls] == [times] * len(effect.walls)


def values(field: str) -> list[int]:
    """The minutes that a field has."""
    schedule = cron.parse(f"{field} 0 * * *")
    return [minute for minute in range(60) if schedule.times >> minute & 1]


def test_the_clock_of_a_change_is_the_zones() -> None:
    change = changes("America/New_York", YEAR, YEAR + AHEAD)[0]
    shown = datetime.fromtimestamp(change.at / 1000, UTC).astimezone(ZoneInfo("America/New_York"))
    assert change.after == shown.replace(tzinfo=None)
