"""Uptime: buckets of checks, and putting them together."""

from __future__ import annotations

import sys
from math import ceil
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickd.domain import times, uptime
from tickd.domain.uptime import Bucket, Status

Check = tuple[Status, float | None, int] | tuple[Status, float | None, int, bool]

responses = st.none() | st.floats(0, 90_000) | st.floats(0, 300)
checks: st.SearchStrategy[list[Check]] = st.lists(
    st.tuples(st.sampled_from(get_args(Status)), responses, st.integers(0, 7_200_000), st.booleans()),
    max_size=20,
)


def bucket(*parts: list[Check]) -> Bucket:
    made = Bucket()
    for part in parts:
        for check in part:
            made.add(*check)
    return made


def merged(*buckets: Bucket) -> Bucket:
    made = Bucket()
    for one in buckets:
        made.merge(one)
    return made


def test_checks_are_counted_by_what_they_say() -> None:
    made = bucket(
        [("up", 100.0, 60), ("up", 300.0, 60), ("degraded", 200.0, 30), ("down", 50.0, 40)],
        [("timeout", None, 10), ("unknown", None, 500)],
    )
    assert (made.checks, made.failed, made.unknown) == (5, 2, 1)
    assert (made.held_up, made.held_down, made.held_unknown) == (150, 50, 500)
    assert made.uptime_percent() == 75.0
    assert (made.avg_ms(), made.slowest_ms) == (162.5, 300.0)


def test_checks_in_maintenance_are_left_out_and_told() -> None:
    made = bucket(
        [("up", 100.0, 60), ("down", 300.0, 20), ("up", 5.0, 7, True), ("degraded", 5.0, 10, True)],
        [("down", 50.0, 200, True), ("timeout", None, 400, True), ("unknown", None, 800, True)],
    )
    assert (made.checks, made.failed) == (2, 1)
    assert (made.held_up, made.held_down, made.held_unknown, made.held_maintenance) == (60, 20, 0, 1417)
    assert made.uptime_percent() == 75.0
    # By its status each is counted still: pages are found by that.
    assert (made.up, made.down, made.timeout, made.degraded, made.unknown) == (2, 2, 1, 1, 1)
    # What took how long is known of all.
    assert (made.latency_count, made.slowest_ms) == (5, 300.0)


def test_an_empty_bucket_knows_nothing() -> None:
    made = Bucket()
    assert (made.checks, made.uptime_percent(), made.avg_ms(), made.p95_ms()) == (0, None, None, None)
    assert made.to_bytes() == b""
    assert repr(made) == "Bucket(, )"


@pytest.mark.parametrize(
    ("given_checks", "percent"),
    [
        ([("up", 1.0, 0)], 100.0),
        ([("down", None, 0)], 0.0),
        ([("up", 1.0, 0), ("timeout", None, 0)], 50.0),
        ([("unknown", None, 0)], None),
        ([("unknown", None, 60_000)], None),
        ([("unknown", None, 60_000), ("up", 1.0, 0)], 100.0),
        ([("down", None, 60_000, True)], None),
        ([("down", None, 0, True), ("up", 1.0, 0)], 100.0),
        ([("up", None, 0, True), ("down", 1.0, 0)], 0.0),
        # Twenty seconds down among two minutes are not half of three checks.
        ([("up", 1.0, 60_000), ("down", 1.0, 20_000), ("up", 1.0, 40_000)], 100 * 100 / 120),
    ],
)
def test_uptime_is_weighted_by_time(given_checks: list[Check], percent: float | None) -> None:
    assert bucket(given_checks).uptime_percent() == percent


@settings(max_examples=40)
@given(checks, checks, checks)
def test_parts_make_the_whole_in_any_order(a: list[Check], b: list[Check], c: list[Check]) -> None:
    whole = bucket(a, b, c)
    assert merged(bucket(a), bucket(b), bucket(c)) == whole
    assert merged(bucket(c), merged(bucket(b), bucket(a))) == whole
    assert merged(merged(bucket(b), bucket(a)), bucket(c)) == whole


@settings(max_examples=40)
@given(checks, checks)
def test_merging_leaves_the_other_alone(a: list[Check], b: list[Check]) -> None:
    mine, other = bucket(a), bucket(b)
    mine.merge(other)
    mine.add("up", 5.0, 1)
    assert other == bucket(b)


@settings(max_examples=40)
@given(checks, checks)
def test_a_bucket_comes_back_from_the_store(a: list[Check], b: list[Check]) -> None:
    made = bucket(a)
    back = Bucket.from_bytes(made.to_bytes(), **made.counts())
    assert back == made
    assert (back.p95_ms(), back.slowest_ms) == (made.p95_ms(), made.slowest_ms)
    assert merged(back, bucket(b)) == bucket(a, b)
    back.add("up", 70_000.0, 1)
    assert back == bucket(a, [("up", 70_000.0, 1)])


@given(st.lists(st.floats(0, 120_000) | st.floats(0, 20), min_size=1, max_size=100))
def test_p95_is_within_one_bin(taken: list[float]) -> None:
    made = bucket([("up", ms, 0) for ms in taken])
    exact = sorted(taken)[ceil(0.95 * len(taken)) - 1]
    found = made.p95_ms()
    assert found is not None
    assert found <= made.slowest_ms
    if 1.01 < exact < 60_000:
        assert exact / 1.6 < found < exact * 1.6
    elif exact <= 1:
        assert found <= 1


def test_a_day_of_checks_takes_little_room() -> None:
    made = bucket([("up", 80.0 + n % 97, 30_000) for n in range(2880)])
    assert len(made.to_bytes()) <= 12
    parts: list[Any] = [made, made._bins, *(getattr(made, name) for name in uptime.COUNTS)]
    assert sum(map(sys.getsizeof, parts)) < 750


@pytest.mark.parametrize(
    "blob",
    [
        "00",
        "02050101",
        "01",
        "0105",
        "010501",
        "01050180",
        "01051b01",
        "010519" + "01" * 2,
        "0105" + "ff" * 9 + "01",
    ],
)
def test_bytes_that_are_none_of_ours_are_refused(blob: str) -> None:
    with pytest.raises(ValueError, match=r"histogram|unpack"):
        Bucket.from_bytes(bytes.fromhex(blob))


def test_a_count_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="a bucket has no sideways"):
        Bucket.from_bytes(b"", sideways=1)
    assert Bucket() != "Bucket()"


@pytest.mark.parametrize(
    ("now", "last_at", "milliseconds"),
    [
        (1000, None, 0),
        (1000, 400, 600),
        (1000, 1000, 0),
        (1000, 2000, 0),
        (9000, 1000, 1200),
        (2200, 1000, 1200),
    ],
)
def test_a_check_vouches_for_two_intervals_at_most(now: int, last_at: int | None, milliseconds: int) -> None:
    assert uptime.held(now, last_at, 600) == milliseconds


def test_days_and_hours() -> None:
    moment = 1_772_539_200_000  # 2026-03-03 12:00
    assert uptime.date_text(uptime.day_of(moment)) == "2026-03-03"
    assert uptime.day_of(moment + 12 * times.HOUR - 1) == uptime.day_of(moment)
    assert uptime.day_of(moment + 12 * times.HOUR) == uptime.day_of(moment) + 1
    assert uptime.hour_of(moment) == uptime.day_of(moment) * 24 + 12
    assert (uptime.day_of(-1), uptime.hour_of(-1), uptime.date_text(0)) == (-1, -1, "1970-01-01")
