"""The rule of expiry: what a ping, a silence, an edit and a time of blindness make of a heartbeat."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tickd.domain import expiry
from tickd.domain.expiry import Flip, Outcome, Rhythm, Standing, State
from tickd.domain.times import DAY, HOUR, MINUTE, SECOND

NOON = 1_772_539_200_000
HOURLY = Rhythm(3600, "", "UTC", 300, 2)
NEW_YORK, HOWE = "America/New_York", "Australia/Lord_Howe"
SPRING, AUTUMN = 1_772_953_200_000, 1_793_512_800_000
"""When the clocks of New York change in 2026: at 07:00 of 8 March, and at 06:00 of 1 November, UTC."""


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def rhythm(**fields: Any) -> Rhythm:
    """Every hour, five minutes' grace, the second miss fails; but for what is said."""
    return structs.replace(HOURLY, **fields)


def cron(schedule: str, zone: str = "UTC", grace_secs: int = 300) -> Rhythm:
    return Rhythm(3600, schedule, zone, grace_secs, 2)


def up(of: Rhythm = HOURLY, at: int = NOON) -> Standing:
    return expiry.pinged(of, Standing(), "success", at)[0]


def due(standing: Standing) -> int:
    assert standing.due_at is not None
    return standing.due_at


def expected(standing: Standing) -> int:
    assert standing.expected_at is not None
    return standing.expected_at


# When a ping is expected.


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "then"),
    [
        # No such wall in spring: once, at the end of the gap; and the next day as ever.
        ("30 2 * * *", NEW_YORK, "2026-03-08T06:00Z", "2026-03-08T07:00Z"),
        ("30 2 * * *", NEW_YORK, "2026-03-08T07:00Z", "2026-03-09T06:30Z"),
        # Twice in autumn: a fixed time at the first pass alone.
        ("30 1 * * *", NEW_YORK, "2026-11-01T05:00Z", "2026-11-01T05:30Z"),
        ("30 1 * * *", NEW_YORK, "2026-11-01T05:30Z", "2026-11-02T06:30Z"),
        # What runs on real time, in both.
        ("*/30 * * * *", NEW_YORK, "2026-11-01T05:30Z", "2026-11-01T06:00Z"),
        ("*/30 * * * *", NEW_YORK, "2026-11-01T06:00Z", "2026-11-01T06:30Z"),
        ("45 1 * * *", HOWE, "2026-04-04T14:00Z", "2026-04-04T14:45Z"),
        ("45 1 * * *", HOWE, "2026-04-04T14:45Z", "2026-04-05T15:15Z"),
        # Either day, and both where one of them begins with a star.
        ("0 0 13 * 5", "UTC", "2026-03-09T00:00Z", "2026-03-13T00:00Z"),
        ("0 0 20 * 2", "UTC", "2026-03-13T00:00Z", "2026-03-17T00:00Z"),
        ("0 0 */2 * 2", "UTC", "2026-03-09T00:00Z", "2026-03-17T00:00Z"),
    ],
)
def test_by_cron_a_ping_is_expected_at_the_next_occurrence(
    schedule: str, zone: str, after: str, then: str
) -> None:
    standing = up(cron(schedule, zone), ms(after))
    assert standing.expected_at == ms(then)
    assert standing.due_at == ms(then) + 5 * MINUTE


def test_by_interval_a_ping_is_expected_an_interval_later_whatever_the_clocks_do() -> None:
    of = rhythm(interval_secs=86_400, timezone=NEW_YORK, grace_secs=0)
    standing = up(of, ms("2026-03-07T12:00Z"))
    assert (standing.base_at, standing.last_pinged_at) == (ms("2026-03-07T12:00Z"),) * 2
    assert standing.expected_at == standing.due_at == ms("2026-03-08T12:00Z")


@pytest.mark.parametrize(
    ("of", "base", "passed", "then"),
    [
        (HOURLY, NOON, NOON, NOON + HOUR),
        (HOURLY, NOON, NOON + HOUR + 5 * MINUTE - 1, NOON + HOUR),
        (HOURLY, NOON, NOON + HOUR + 5 * MINUTE, NOON + 2 * HOUR),
        (HOURLY, NOON, NOON + 2 * HOUR, NOON + 2 * HOUR),
        (HOURLY, NOON, NOON + 900 * DAY, NOON + 900 * DAY),
        (HOURLY, NOON, NOON + 900 * DAY + 6 * MINUTE, NOON + 900 * DAY + HOUR),
        (rhythm(grace_secs=0), NOON, NOON + 3 * HOUR, NOON + 4 * HOUR),
        (rhythm(interval_secs=60, grace_secs=86_400), NOON, NOON + DAY, NOON + MINUTE),
        (rhythm(interval_secs=60, grace_secs=86_400), NOON, NOON + DAY + MINUTE, NOON + 2 * MINUTE),
        (cron("0 * * * *"), NOON, NOON + HOUR + 5 * MINUTE - 1, NOON + HOUR),
        (cron("0 * * * *"), NOON, NOON + HOUR + 5 * MINUTE, NOON + 2 * HOUR),
        (cron("30 1 * * *", NEW_YORK), AUTUMN - 2 * DAY, ms("2026-11-01T06:30Z"), ms("2026-11-02T06:30Z")),
        (cron("30 2 * * *", NEW_YORK), SPRING - 2 * DAY, SPRING + 4 * MINUTE, SPRING),
        (cron("0 0 29 2 *"), NOON, ms("2030-01-01T00:00Z"), ms("2032-02-29T00:00Z")),
    ],
)  # fmt: skip
def test_after_a_long_blindness_the_first_period_that_can_still_be_kept_is_expected(
    of: Rhythm, base: int, passed: int, then: int
) -> None:
    assert expiry.expected_beyond(of, base, passed) == then


@given(
    st.sampled_from(["", "*/5 * * * *", "17 * * * *", "30 2 * * *"]),
    st.integers(60, 7200),
    st.integers(0, 4000),
    st.integers(0, 2 * DAY // SECOND),
)
def test_beyond_is_what_counting_on_period_by_period_comes_to(
    schedule: str, interval: int, grace: int, later: int
) -> None:
    of = Rhythm(interval, schedule, NEW_YORK, grace, 1)
    base = ms("2026-03-07T17:00:20Z")
    passed = base + later * SECOND
    then = expiry.expected_after(of, base)
    while then + of.grace <= passed:
        then = expiry.expected_after(of, then)
    assert expiry.expected_beyond(of, base, passed) == then


# Silence.


def test_every_period_begins_at_the_old_expectation() -> None:
    standing = up()
    for number in range(1, 5):
        assert due(standing) == NOON + number * HOUR + 5 * MINUTE
        standing, _ = expiry.missed(HOURLY, standing)
        assert standing.base_at == NOON + number * HOUR
    assert standing.last_pinged_at == NOON


@pytest.mark.parametrize("threshold", [1, 2, 3, 10])
def test_a_heartbeat_fails_once_at_its_threshold(threshold: int) -> None:
    of, flips = rhythm(failure_threshold=threshold), []
    standing = up(of)
    for _ in range(threshold + 2):
        moment = due(standing)
        standing, flip = expiry.missed(of, standing)
        flips.append(flip)
        if flip:
            assert standing.changed_at == moment
    assert flips == [None] * (threshold - 1) + ["failing", None, None]
    assert (standing.state, standing.failing, standing.consecutive_misses) == ("down", True, threshold + 2)


def test_a_threshold_that_was_lowered_counts_at_the_next_miss() -> None:
    standing = up(rhythm(failure_threshold=9))
    for _ in range(4):
        standing, flip = expiry.missed(rhythm(failure_threshold=9), standing)
        assert flip is None
    assert expiry.missed(rhythm(failure_threshold=1), standing)[1] == "failing"


def test_by_cron_each_occurrence_is_missed_on_its_own_through_the_change_of_clocks() -> None:
    of = cron("*/30 * * * *", NEW_YORK, 60)
    standing, seen = up(of, ms("2026-11-01T04:59Z")), []
    for _ in range(5):
        seen.append(expected(standing))
        standing, _ = expiry.missed(of, standing)
    assert seen == [ms("2026-11-01T05:00Z") + number * 30 * MINUTE for number in range(5)]


def test_where_the_grace_is_longer_than_the_period_no_period_is_left_out() -> None:
    of = rhythm(interval_secs=60, grace_secs=600)
    standing, seen = up(of), []
    for _ in range(3):
        seen.append(due(standing))
        standing, _ = expiry.missed(of, standing)
    assert seen == [NOON + number * MINUTE + 10 * MINUTE for number in (1, 2, 3)]


def test_nothing_is_missed_of_which_nothing_is_expected() -> None:
    with pytest.raises(ValueError, match="nothing is expected"):
        expiry.missed(HOURLY, Standing())


@pytest.mark.parametrize(
    ("standing", "after_expected", "shown"),
    [
        (Standing(), 0, "pending"),
        (up(), 0, "up"),
        (up(), 1, "late"),
        (structs.replace(up(), state="degraded"), 0, "degraded"),
        (structs.replace(up(), state="degraded"), 1, "late"),
        (structs.replace(up(), consecutive_misses=1), -1, "late"),
        (structs.replace(up(), state="down", failing=True, consecutive_misses=2), -1, "down"),
        (structs.replace(up(), state="down", failing=True), 1, "down"),
        (structs.replace(up(), state="degraded", failing=True), 1, "degraded"),
        (expiry.paused(up()), DAY, "up"),
        (expiry.paused(structs.replace(up(), consecutive_misses=1)), 0, "late"),
    ],
)
def test_late_is_what_is_overdue_and_does_not_fail(
    standing: Standing, after_expected: int, shown: State
) -> None:
    assert expiry.state_at(standing, NOON + HOUR + after_expected) == shown


# What a ping says.


@pytest.mark.parametrize(
    ("state", "failing", "outcome", "then", "flip"),
    [
        ("pending", False, "success", "up", None),
        ("up", False, "success", "up", None),
        ("down", True, "success", "up", "recovered"),
        ("degraded", False, "success", "up", "restored"),
        ("degraded", True, "success", "up", "recovered"),
        ("pending", False, "fail", "down", "failing"),
        ("up", False, "fail", "down", "failing"),
        ("down", True, "fail", "down", None),
        ("degraded", False, "fail", "down", "failing"),
        ("degraded", True, "fail", "down", None),
        ("pending", False, "degraded", "degraded", "degraded"),
        ("up", False, "degraded", "degraded", "degraded"),
        ("degraded", False, "degraded", "degraded", None),
        ("down", True, "degraded", "degraded", "degraded"),
        ("degraded", True, "degraded", "degraded", None),
    ],
)
def test_a_ping_says_how_it_went(
    state: Any, failing: bool, outcome: Outcome, then: State, flip: Flip | None
) -> None:
    of = rhythm(failure_threshold=10)
    before = Standing(state=state, failing=failing, consecutive_misses=3, changed_at=1)
    after, flipped = expiry.pinged(of, before, outcome, NOON)
    assert (after.state, flipped) == (then, flip)
    # Only a success recovers: what is degraded and was failing fails on.
    assert after.failing is (outcome == "fail" or (failing and outcome == "degraded"))
    assert after.consecutive_misses == 0
    assert (after.base_at, after.last_pinged_at, after.expected_at) == (NOON, NOON, NOON + HOUR)
    assert after.due_at == NOON + HOUR + 5 * MINUTE
    assert after.changed_at == (1 if then == state else NOON)


def test_what_fails_and_is_degraded_is_down_at_its_next_miss() -> None:
    of = rhythm(failure_threshold=3)
    standing, _ = expiry.pinged(of, up(of), "fail", NOON + 1)
    standing, _ = expiry.pinged(of, standing, "degraded", NOON + 2)
    standing, flip = expiry.missed(of, standing)
    assert (standing.state, standing.failing, standing.consecutive_misses, flip) == ("down", True, 1, None)


# Runs that began and did not end.


@pytest.mark.parametrize(
    ("started", "expected_then"),
    [
        # Began long before the beat is expected: that one is still to come.
        (NOON + 10 * MINUTE, NOON + HOUR),
        (NOON + HOUR - 5 * MINUTE - 1, NOON + HOUR),
        # The beat was expected by the time the run should have ended: one silence.
        (NOON + HOUR - 5 * MINUTE, NOON + 2 * HOUR),
        (NOON + HOUR - MINUTE, NOON + 2 * HOUR),
    ],
)
def test_a_run_that_does_not_end_within_the_grace_is_one_miss(started: int, expected_then: int) -> None:
    moment = expiry.run_due(HOURLY, started)
    assert moment == started + 5 * MINUTE
    standing, flip = expiry.overran(HOURLY, up(), moment)
    assert (standing.consecutive_misses, standing.failing, flip) == (1, False, None)
    assert standing.expected_at == expected_then
    assert standing.due_at == expected_then + 5 * MINUTE
    again, flip = expiry.missed(HOURLY, standing)
    assert (again.consecutive_misses, flip) == (2, "failing")


def test_a_run_that_outlasts_many_periods_takes_them_all_with_it() -> None:
    of = rhythm(interval_secs=60, grace_secs=600, failure_threshold=3)
    standing, _ = expiry.overran(of, up(of), NOON + 30 * MINUTE)
    assert standing.consecutive_misses == 1
    assert standing.base_at == NOON + MINUTE
    assert standing.expected_at == NOON + 21 * MINUTE  # whose grace ends after that of the run


def test_the_run_of_a_heartbeat_that_never_ended_one_is_a_miss_and_plans_nothing() -> None:
    of = rhythm(failure_threshold=1)
    standing, flip = expiry.overran(of, Standing(), NOON)
    assert (standing.state, standing.failing, flip) == ("down", True, "failing")
    assert (standing.expected_at, standing.due_at, standing.changed_at) == (None, None, NOON)
    waiting, _ = expiry.overran(HOURLY, Standing(), NOON)
    assert expiry.state_at(waiting, NOON) == "late"


# Blindness.


@pytest.mark.parametrize(("grace", "patience"), [(0, MINUTE), (59, MINUTE), (60, MINUTE), (61, 61 * SECOND)])
def test_after_blindness_there_is_a_minute_at_least(grace: int, patience: int) -> None:
    of = rhythm(grace_secs=grace)
    standing = expiry.moved(of, up(of), NOON + DAY)
    assert standing.due_at == NOON + DAY + patience
    assert structs.replace(standing, due_at=None) == structs.replace(up(of), due_at=None)


def test_periods_that_passed_in_blindness_are_not_missed_one_by_one() -> None:
    standing = expiry.moved(HOURLY, up(), NOON + 10 * HOUR)
    standing, flip = expiry.missed(HOURLY, standing)
    assert (standing.consecutive_misses, flip) == (1, None)
    assert standing.base_at == NOON + HOUR
    # Of 22:00 the grace ended with the deadline that was moved.
    assert standing.expected_at == NOON + 11 * HOUR
    assert due(standing) == NOON + 11 * HOUR + 5 * MINUTE


# Pause and resume.


def test_nothing_is_expected_while_paused_and_a_whole_period_after_it() -> None:
    missed, _ = expiry.missed(HOURLY, up())
    paused = expiry.paused(missed)
    assert (paused.expected_at, paused.due_at) == (None, None)
    resumed = expiry.resumed(HOURLY, paused, NOON + DAY)
    assert (resumed.consecutive_misses, resumed.base_at) == (0, NOON + DAY)
    assert resumed.expected_at == NOON + DAY + HOUR
    assert resumed.due_at == NOON + DAY + HOUR + 5 * MINUTE
    assert resumed.last_pinged_at == NOON
    assert expiry.state_at(resumed, NOON + DAY) == "up"


def test_what_was_never_pinged_waits_on_after_a_pause() -> None:
    resumed = expiry.resumed(HOURLY, expiry.paused(Standing()), NOON)
    assert resumed == Standing()


def test_what_fails_is_not_recovered_by_a_pause() -> None:
    failing, _ = expiry.pinged(HOURLY, up(), "fail", NOON)
    resumed = expiry.resumed(HOURLY, expiry.paused(failing), NOON + DAY)
    assert (resumed.failing, resumed.state) == (True, "down")
    assert expiry.pinged(HOURLY, resumed, "success", NOON + DAY)[1] == "recovered"


@given(st.sampled_from(["", "*/30 * * * *", "30 2 * * *"]), st.integers(0, 10), st.integers(0, 5 * DAY))
def test_whatever_happens_a_deadline_lies_ahead_of_what_passed(schedule: str, misses: int, late: int) -> None:
    of = Rhythm(3600, schedule, NEW_YORK, 300, 2)
    standing = up(of, ms("2026-03-07T17:00Z"))
    for number in range(misses):
        before, moment = expected(standing), due(standing)
        if number % 3 == 2:
            standing = expiry.moved(of, standing, moment + late)
            moment = due(standing)
        standing, _ = expiry.missed(of, standing)
        assert standing.base_at == before < expected(standing)
        assert due(standing) == expected(standing) + of.grace > moment
    assert standing.consecutive_misses == misses
