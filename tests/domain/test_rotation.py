"""Which backups have had their time: by table, and for every set of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.daemon import NOON
from tickd.domain import rotation
from tickd.domain.times import DAY, HOUR, MINUTE


def names(*days: int) -> list[str]:
    """The backups of so many days after the third of March 2026, a Tuesday."""
    return [rotation.name_of(NOON + day * DAY) for day in days]


def test_a_name_tells_its_moment() -> None:
    assert rotation.name_of(NOON) == "tickd-20260303T120000Z.db"
    assert rotation.moment_of("tickd-20260303T120000Z.db") == NOON
    for other in (
        "tickd.db",
        "tickd-20260303T120000Z.db.gz",
        "tickd-20260303T120000Z.db-wal",
        "tickd-20260231T120000Z.db",
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
    assert rotation.superseded(names(*made), keep=keep, weeks=weeks) == names(*gone)


def test_other_files_are_never_named() -> None:
    others = ["tickd.db", "notes.txt", "tickd-20260399T120000Z.db"]
    assert rotation.superseded([*others, *names(0, 1)], keep=1, weeks=0) == names(0)


def test_what_was_just_made_stays_when_the_clock_went_back() -> None:
    (old,) = names(-400)
    assert rotation.superseded([old, *names(0, 1, 2)], keep=2, weeks=0, newest=(old,)) == names(0)


moments = st.sets(st.integers(NOON // MINUTE, (NOON + 2000 * DAY) // MINUTE).map(lambda one: one * MINUTE))


@given(moments, st.integers(1, 20), st.integers(0, 20))
def test_at_most_keep_and_weeks_stay_and_the_newest_always(made: set[int], keep: int, weeks: int) -> None:
    all_names = [rotation.name_of(one) for one in made]
    gone = rotation.superseded(all_names, keep=keep, weeks=weeks)
    left = sorted(set(all_names) - set(gone))
    assert len(left) <= keep + weeks
    assert len(left) >= min(keep, len(all_names))
    assert set(sorted(all_names)[-keep:]) <= set(left)
    # What stays is not judged otherwise the next time.
    assert rotation.superseded(left, keep=keep, weeks=weeks) == []


def test_hourly_backups_of_a_week_leave_its_last() -> None:
    made = [rotation.name_of(NOON + hour * HOUR) for hour in range(24 * 14)]
    left = sorted(set(made) - set(rotation.superseded(made, keep=2, weeks=3)))
    assert left == [
        "tickd-20260308T230000Z.db",
        "tickd-20260315T230000Z.db",
        "tickd-20260317T100000Z.db",
        "tickd-20260317T110000Z.db",
    ]
