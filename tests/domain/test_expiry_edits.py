"""The rule of expiry when a schedule is edited, and when a ping arrives that was sent before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.domain.test_expiry import HOURLY, NEW_YORK, NOON, cron, due, ms, rhythm, up
from tickd.domain import expiry
from tickd.domain.expiry import Rhythm, Standing
from tickd.domain.times import DAY, HOUR, MINUTE


def edited(now: int, before: Rhythm = HOURLY, **fields: Any) -> Standing:
    return expiry.replanned(before, structs.replace(before, **fields), up(before), now)


@pytest.mark.parametrize(
    ("fields", "expected", "due_at"),
    [
        # Counted from the last ping.
        ({"interval_secs": 7200}, NOON + 2 * HOUR, NOON + 2 * HOUR + 5 * MINUTE),
        ({"interval_secs": 1800}, NOON + HOUR // 2, NOON + HOUR // 2 + 5 * MINUTE),
        ({"schedule": "15 * * * *"}, NOON + 15 * MINUTE, NOON + 20 * MINUTE),
        ({"schedule": "30 13 * * *"}, NOON + 90 * MINUTE, NOON + 95 * MINUTE),
        ({"schedule": "30 8 * * *", "timezone": NEW_YORK}, NOON + 90 * MINUTE, NOON + 95 * MINUTE),
        ({"grace_secs": 600}, NOON + HOUR, NOON + 70 * MINUTE),
        ({"grace_secs": 0}, NOON + HOUR, NOON + HOUR),
        ({"interval_secs": 1800, "grace_secs": 0}, NOON + HOUR // 2, NOON + HOUR // 2),
        ({"failure_threshold": 9}, NOON + HOUR, NOON + 65 * MINUTE),
        ({}, NOON + HOUR, NOON + 65 * MINUTE),
    ],
)
def test_an_edit_is_counted_from_the_last_ping(fields: dict[str, Any], expected: int, due_at: int) -> None:
    standing = edited(NOON + MINUTE, **fields)
    assert (standing.base_at, standing.expected_at, standing.due_at) == (NOON, expected, due_at)
    assert structs.replace(standing, expected_at=None, due_at=None) == expiry.paused(up())


@pytest.mark.parametrize("fields", [{"interval_secs": 1200}, {"schedule": "10 * * * *"}])
def test_a_period_that_a_new_schedule_would_have_missed_begins_now(fields: dict[str, Any]) -> None:
    now = NOON + 50 * MINUTE
    standing = edited(now, **fields)
    assert standing.base_at == now
    assert standing.expected_at == NOON + 70 * MINUTE
    assert due(standing) == NOON + 75 * MINUTE
    assert standing.consecutive_misses == 0


def test_an_edit_to_the_edge_of_the_grace_is_no_miss() -> None:
    """The new expectation and its grace end this very moment, and one millisecond before that they don't."""
    edge = NOON + 30 * MINUTE + 5 * MINUTE
    assert edited(edge, interval_secs=1800).base_at == edge
    late = edited(edge - 1, interval_secs=1800)
    assert (late.base_at, late.due_at) == (NOON, edge)


def test_from_cron_to_an_interval_and_another_zone() -> None:
    nightly = cron("30 2 * * *", NEW_YORK)
    now = ms("2026-03-08T06:00Z")
    standing = expiry.pinged(nightly, Standing(), "success", now)[0]
    berlin = expiry.replanned(nightly, structs.replace(nightly, timezone="Europe/Berlin"), standing, now)
    assert berlin.expected_at == ms("2026-03-09T01:30Z")
    hourly = expiry.replanned(nightly, structs.replace(nightly, schedule=""), standing, now)
    assert hourly.expected_at == now + HOUR


def test_an_edit_plans_nothing_where_nothing_is_expected() -> None:
    other = rhythm(interval_secs=60, grace_secs=0)
    for standing in (Standing(), expiry.paused(up())):
        assert expiry.replanned(HOURLY, other, standing, NOON) is standing


def test_an_edit_keeps_misses_and_failures() -> None:
    failing = expiry.missed(rhythm(failure_threshold=1), up())[0]
    then = expiry.replanned(HOURLY, rhythm(interval_secs=1800), failing, NOON + 66 * MINUTE)
    assert (then.failing, then.state, then.consecutive_misses) == (True, "down", 1)
    assert then.base_at == NOON + HOUR


def test_a_shorter_grace_misses_no_period() -> None:
    late = NOON + HOUR + 4 * MINUTE
    assert due(edited(late, grace_secs=60)) > late


def test_an_edit_of_the_grace_does_not_undo_what_blindness_put_off() -> None:
    back = NOON + 10 * HOUR
    moved = expiry.moved(HOURLY, up(), back)
    assert due(expiry.replanned(HOURLY, rhythm(grace_secs=360), moved, back + MINUTE)) > back + MINUTE


@given(
    st.sampled_from(["", "*/10 * * * *", "30 2 * * *"]),
    st.integers(60, 10_000),
    st.integers(0, 4000),
    st.integers(0, 66 * MINUTE),
)
def test_no_new_timing_has_missed_a_period(schedule: str, interval: int, grace: int, later: int) -> None:
    before, now = up(), NOON + min(later, 65 * MINUTE - 1)
    after = Rhythm(interval, schedule, NEW_YORK, grace, 2)
    timing = (after.interval_secs, after.schedule) != (HOURLY.interval_secs, HOURLY.schedule)
    standing = expiry.replanned(HOURLY, after, before, now)
    if timing or standing is before:
        assert due(standing) > now


# A success that arrives only now.


def failed_after(count: int, of: Rhythm = HOURLY) -> Standing:
    standing = up(of)
    for _ in range(count):
        standing, _ = expiry.missed(of, standing)
    return standing


@pytest.mark.parametrize(
    ("misses", "left", "state", "flip"),
    [
        (0, 0, "up", None),
        (1, 0, "up", None),
        (1, 1, "up", None),
        (2, 0, "up", "recovered"),
        (2, 1, "up", "recovered"),
        (3, 2, "down", None),
        (4, 3, "down", None),
    ],
)
def test_a_late_success_explains_misses_and_raises_nothing(
    misses: int, left: int, state: str, flip: str | None
) -> None:
    now = NOON + misses * HOUR + 10 * MINUTE
    at = NOON + MINUTE
    standing, flipped = expiry.repaired(HOURLY, failed_after(misses), at, now, left)
    assert (standing.state, flipped, standing.consecutive_misses) == (state, flip, left)
    assert standing.failing is (state == "down")
    assert (standing.base_at, standing.last_pinged_at) == (at, at)
    # Counted from when it was sent; but no deadline that has passed by now.
    assert due(standing) == at + (misses + 1) * HOUR + 5 * MINUTE > now


@pytest.mark.parametrize("at", [NOON, NOON - 1, NOON - DAY])
def test_a_success_older_than_the_last_ping_changes_nothing(at: int) -> None:
    standing = failed_after(2)
    assert expiry.repaired(HOURLY, standing, at, NOON + 3 * HOUR, 0) == (standing, None)


def test_a_late_success_may_be_the_first_ping_of_all() -> None:
    standing, flip = expiry.repaired(HOURLY, Standing(), NOON - 10 * HOUR, NOON, 0)
    assert (standing.state, flip, standing.last_pinged_at) == ("up", None, NOON - 10 * HOUR)
    assert due(standing) == NOON + 5 * MINUTE


def test_a_late_success_explains_its_own_period_and_no_more() -> None:
    assert expiry.explained_until(HOURLY, NOON) == NOON + HOUR + 5 * MINUTE
    nightly = cron("30 2 * * *", NEW_YORK)
    assert expiry.explained_until(nightly, ms("2026-03-08T06:00Z")) == ms("2026-03-08T07:05Z")
