"""Days: what a bar says, out of counts, times and what tickd could not see."""

from __future__ import annotations

import pytest

from tickd.domain import days
from tickd.domain.days import Counted, Day
from tickd.domain.times import DAY, HOUR, MINUTE
from tickd.domain.uptime import Bucket

TODAY = 20_524  # 12 Mar 2026


def counted(
    good: int = 0,
    degraded: int = 0,
    failed: int = 0,
    missed: int = 0,
    unknown: int = 0,
    maintenance: int = 0,
    held_up: int = 0,
    held_down: int = 0,
) -> Counted:
    return good, degraded, failed, missed, unknown, maintenance, held_up, held_down


@pytest.mark.parametrize(
    ("numbers", "state", "percent"),
    [
        (counted(good=1440), "up", 100.0),
        (counted(good=1438, failed=2), "degraded", 100 * 1438 / 1440),
        (counted(good=10, failed=1), "down", 100 * 10 / 11),
        (counted(good=23, missed=1), "degraded", 100 * 23 / 24),
        (counted(missed=1), "down", 0.0),
        # Few slow ones are none; one in twenty is.
        (counted(good=1430, degraded=10), "up", 100.0),
        (counted(good=19, degraded=1), "degraded", 100.0),
        # Time counts before checks, where any was measured.
        (counted(good=1, failed=1, held_up=99, held_down=1), "degraded", 99.0),
        # What failed is told even where most is unknown.
        (counted(good=1, failed=1, unknown=50), "down", 50.0),
        (counted(good=10, unknown=11), "unknown", 100.0),
        (counted(good=10, unknown=10), "up", 100.0),
        (counted(unknown=3), "unknown", None),
        (counted(maintenance=9), "maintenance", None),
        (counted(), "none", None),
    ],
)
def test_counts_make_a_state(numbers: Counted, state: str, percent: float | None) -> None:
    made = days.of_counts(TODAY, "checks", numbers)
    assert (made.state, made.percent) == (state, percent)


@pytest.mark.parametrize(
    ("unit", "numbers", "sentence"),
    [
        ("checks", counted(good=1438, failed=2), "12 Mar: 99.86 % up, 2 of 1,440 checks failed"),
        ("checks", counted(good=1440), "12 Mar: 100 % up, all 1,440 checks were good"),
        ("checks", counted(good=99_999, failed=1), "12 Mar: 99.99 % up, 1 of 100,000 checks failed"),
        (
            "checks",
            counted(good=3, degraded=2, unknown=1),
            "12 Mar: 100 % up, 2 of 5 checks degraded, 1 unknown",
        ),
        ("runs", counted(good=20, failed=2, missed=2), "12 Mar: 2 of 24 runs failed, 2 missed"),
        ("runs", counted(good=1), "12 Mar: the only run was good"),
        ("pings", counted(missed=2), "12 Mar: 2 of 2 pings missed"),
        ("checks", counted(unknown=5), "12 Mar: unknown"),
        ("checks", counted(maintenance=5), "12 Mar: in maintenance"),
        ("runs", counted(), "12 Mar: nothing was due"),
    ],
)
def test_a_day_is_told_in_one_sentence(unit: str, numbers: Counted, sentence: str) -> None:
    assert days.of_counts(TODAY, unit, numbers).text == sentence


def test_a_day_that_tickd_did_not_see_is_unknown_but_for_a_jobs_whose_runs_are_all_recorded() -> None:
    assert days.without(TODAY, "checks", 13 * HOUR).state == "unknown"
    assert days.without(TODAY, "pings", 13 * HOUR).state == "unknown"
    assert days.without(TODAY, "checks", 11 * HOUR).state == "none"
    assert days.without(TODAY, "runs", 24 * HOUR).state == "none"
    told = days.of_counts(TODAY, "checks", counted(good=10), 200 * MINUTE).text
    assert told == "12 Mar: 100 % up, all 10 checks were good, tickd was blind for 3 h 20 min"


def test_blind_time_is_shared_out_over_days_and_overlaps_count_once() -> None:
    at = TODAY * DAY
    intervals = [
        (at - DAY - HOUR, at - DAY + HOUR),
        (at - DAY, at - DAY + 2 * HOUR),
        (at - HOUR, at + 2 * DAY),
    ]
    found = days.blind_by_day(intervals, range(TODAY - 1, TODAY + 2))
    assert found == {TODAY - 1: 3 * HOUR, TODAY: DAY, TODAY + 1: DAY}


def test_a_monitors_day_leaves_maintenance_out() -> None:
    bucket = Bucket()
    for status in ("up", "up", "degraded", "down"):
        bucket.add(status, 10.0, 1000)
    for status in ("up", "down"):
        bucket.add(status, 10.0, 1000, True)  # type: ignore[arg-type]
    assert days.of_bucket(bucket) == (2, 1, 1, 0, 0, 2, 3000, 1000)
    assert sum(days.of_bucket(bucket)[:4]) == bucket.checks


def test_the_summary_counts_the_states_in_their_order() -> None:
    shown = [Day(1, "none"), Day(2, "up"), Day(3, "down"), Day(4, "up"), Day(5, "unknown")]
    assert days.summary(shown) == "Last 5 days: 2 up, 1 down, 1 unknown, 1 without data"
    assert days.summary(shown[1:2]) == "Today: 1 up"
