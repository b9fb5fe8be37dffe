"""Which backups have had their time: by table, and for every set of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.daemon import NOON
from tickd.domain import rotation
from tickd.domain.times import DAY, HOUR, MINUTE

OURS = "0123abcd89ef4567"
LATER = NOON + 3000 * DAY


def names(*days: int) -> list[str]:
    """The backups of so many days after the third of March 2026, a Tuesday."""
    return [rotation.name_of(NOON + day * DAY, OURS) for day in days]


def test_a_name_tells_its_moment() -> None:
    assert rotation.name_of(NOON, OURS) == "tickd-20260303T120000Z-0123abcd.db"
    # The former is what they were called once.
    for name in ("tickd-20260303T120000Z.db", "tickd-20260303T120000Z-0123abcd.db"):
        assert rotation.moment_of(name) == NOON
    for other in (
        "tickd.db",
        "tickd-20260303T120000Z.db.gz",
        "tickd-20260303T120000Z.db-wal",
        "tickd-20260231T120000Z.db",
        "tickd-20260303T120000Z-0123abc.db",
        "tickd-20260303T120000Z-0123ABCD.db",
        ".tickd-20260303T120000Z.db.abcdefgh.tickd-part",
        "my-tickd-20260303T120000Z.db",
    ):
        assert rotation.moment_of(other) is None


@pytest.mark.parametrize(
    ("made", "keep", "weeks", "gone"),
    [
        (range(3), 3, 0, []),
        (range(4), 3, 0, [0]),
        (range(10), 3, 0, range(7)),
        # Day 27 is a Monday; 26 and 19 are the last of the weeks before.
        (range(28), 2, 3, [*range(19), *range(20, 26)]),
        # The present week's last one is among the newest anyway.
        (range(28), 2, 1, range(26)),
        # A week without a backup does not count: nothing is lost to a daemon that was off.
        ([0, 1, 100, 101, 300, 301], 1, 3, [0, 100, 300]),
        ([], 3, 4, []),
    ],
)
def test_the_newest_and_one_a_week_are_kept(made: range, keep: int, weeks: int, gone: range) -> None:
    assert rotation.superseded(names(*made), keep=keep, weeks=weeks, now=LATER) == names(*gone)


def test_other_files_are_never_named() -> None:
    others = ["tickd.db", "notes.txt", "tickd-20260399T120000Z.db"]
    assert rotation.superseded([*others, *names(0, 1)], keep=1, weeks=0, now=LATER) == names(0)


def test_what_was_just_made_stays_when_the_clock_went_back() -> None:
    (old,) = names(-400)
    gone = rotation.superseded([old, *names(0, 1, 2)], keep=2, weeks=0, now=NOON - 400 * DAY)
    assert gone == names(0)


@pytest.mark.parametrize(
    ("made", "now", "gone"),
    [
        # A clock that was wrong for a while: the others are kept as if it had not been.
        ([0, 1, 2, 9000, 9001, 9002], 2, [0, 9000]),
        ([2, 9000], 2, []),
        # When their time has come they count as any other.
        ([0, 1, 2, 9000, 9001, 9002], 9002, [0, 1, 2, 9000]),
        # A clock that is wrong now: what it makes pushes out none of the real ones.
        ([-9000, 0, 1], -9000, []),
        ([-9002, -9001, -9000, 0, 1], -9000, [-9002]),
    ],
)
def test_backups_from_the_future_are_judged_apart(made: list[int], now: int, gone: list[int]) -> None:
    assert rotation.superseded(names(*made), keep=2, weeks=0, now=NOON + now * DAY) == names(*gone)


def test_names_with_and_without_whose_they_are_sort_together() -> None:
    mixed = ["tickd-20260303T120000Z.db", *names(1), "tickd-20260305T120000Z.db", *names(3)]
    assert sorted(mixed) == mixed
    assert rotation.superseded(mixed, keep=1, weeks=0, now=LATER) == mixed[:3]


moments = st.sets(st.integers(NOON // MINUTE, (NOON + 2000 * DAY) // MINUTE).map(lambda one: one * MINUTE))


@given(moments, st.integers(1, 20), st.integers(0, 20))
def test_at_most_keep_and_weeks_stay_and_the_newest_always(made: set[int], keep: int, weeks: int) -> None:
    all_names = [rotation.name_of(one, OURS) for one in made]
    gone = rotation.superseded(all_names, keep=keep, weeks=weeks, now=LATER)
    left = sorted(set(all_names) - set(gone))
    assert len(left) <= keep + weeks
    assert len(left) >= min(keep, len(all_names))
    assert set(sorted(all_names)[-keep:]) <= set(left)
    # What stays is not judged otherwise the next time.
    assert rotation.superseded(left, keep=keep, weeks=weeks, now=LATER) == []


def test_hourly_backups_of_a_week_leave_its_last() -> None:
    made = [rotation.name_of(NOON + hour * HOUR, OURS) for hour in range(24 * 14)]
    left = sorted(set(made) - set(rotation.superseded(made, keep=2, weeks=3, now=LATER)))
    assert left == [
        "tickd-20260308T230000Z-0123abcd.db",
        "tickd-20260315T230000Z-0123abcd.db",
        "tickd-20260317T100000Z-0123abcd.db",
        "tickd-20260317T110000Z-0123abcd.db",
    ]
