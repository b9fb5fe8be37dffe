"""The rules of the outbox: pauses, windows, what is told together, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tickd.domain import alerts
from tickd.domain.alerts import Alert, Event, Message, Story, Told

MINUTE = 60_000
NOON = 1_772_539_200_000
jitters = st.floats(0, 1, exclude_max=True)


def alert(row: int = 1, event: Event = "down", incident: int | None = 1, **fields: object) -> Alert:
    plain: dict[str, object] = {
        "row": row,
        "account_id": "acc",
        "key": f"{row}",
        "event": event,
        "incident": incident,
        "kind": "monitor",
        "subject": 1,
        "lane": "chn_1",
        "target": None,
        "story": Story(event=event, at=NOON),
        "state": "queued",
        "created_at": NOON,
        "due_at": NOON,
    }
    return Alert(**(plain | fields))  # type: ignore[arg-type]


# The pauses between attempts.


@pytest.mark.parametrize(
    ("attempts", "jitter", "pause"),
    [
        (1, 0.0, 0.5),
        (1, 0.5, 1.0),
        (2, 0.5, 2.0),
        (3, 0.5, 4.0),
        (7, 0.5, 64.0),
        (8, 0.5, 128.0),
        (9, 0.5, 150.0),
        (500, 0.5, 150.0),
        (1_000_000, 0.0, 0.5),
    ],
)
def test_the_pause_doubles_up_to_five_minutes(attempts: int, jitter: float, pause: float) -> None:
    assert alerts.backoff_secs(attempts, jitter) == pause


@given(attempts=st.integers(1, 10**9), jitter=jitters)
def test_a_pause_is_never_nothing_and_never_over_five_minutes(attempts: int, jitter: float) -> None:
    assert 0.5 <= alerts.backoff_secs(attempts, jitter) < 300


@given(attempts=st.integers(1, 50), jitter=jitters)
def test_more_attempts_never_make_the_pause_shorter(attempts: int, jitter: float) -> None:
    assert alerts.backoff_secs(attempts, jitter) <= alerts.backoff_secs(attempts + 1, jitter)


def test_the_jitter_is_full() -> None:
    assert alerts.backoff_secs(9, 0.99) - alerts.backoff_secs(9, 0.01) > 290


# When it is given up.


@pytest.mark.parametrize(
    ("age_hours", "failing_hours", "gives_up"),
    [
        (0.0, 0.0, False),
        (23.99, 23.99, False),
        (24.0, 24.0, True),
        # Its lane has been dead for days, and it came a minute ago.
        (0.02, 72.0, False),
        # It is old because tickd itself was off, or because it was delayed: this is the first attempt.
        (72.0, 0.0, False),
        (72.0, 24.0, True),
        # A lane that works and refuses it: its own age counts.
        (23.99, None, False),
        (24.0, None, True),
    ],
)
def test_what_can_not_be_delivered_in_24_hours_is_given_up(
    age_hours: float, failing_hours: float | None, gives_up: bool
) -> None:
    now = NOON + 100 * 60 * MINUTE
    made = alert(created_at=now - round(age_hours * 60 * MINUTE))
    since = 0 if failing_hours is None else now - round(failing_hours * 60 * MINUTE)
    assert alerts.gives_up(made, now, since) is gives_up


# The window in which alerts gather.


@dataclass
class Lane:
    """A lane as the outbox keeps it."""

    ends_at: int | None = None
    held: int = 0

    def alert(self, now: int, length: int = MINUTE) -> int:
        """When an alert of now goes out, in seconds from noon."""
        due, end, self.held = alerts.window(self.ends_at, self.held, now, length)
        self.ends_at = end
        return (due - NOON) // 1000


@pytest.mark.parametrize(
    ("came", "due"),
    [
        ([0], [0]),
        ([0, 1, 59], [0, 60, 60]),
        # Nothing came in it: the next one is the first again.
        ([0, 60], [0, 60]),
        ([0, 61, 62], [0, 61, 121]),
        # A flood is one message a window.
        ([0, 1, 61, 119, 121, 181], [0, 60, 120, 120, 180, 240]),
        # A window that held some is followed by one, which ends with nobody in it.
        ([0, 1, 121], [0, 60, 121]),
        ([0, 1, 61, 181], [0, 60, 120, 181]),
        ([0, 1, 59, 60], [0, 60, 60, 120]),
    ],
)
def test_the_first_goes_at_once_and_those_behind_it_together(came: list[int], due: list[int]) -> None:
    lane = Lane()
    assert [lane.alert(NOON + seconds * 1000) for seconds in came] == due


def test_without_a_window_all_go_at_once() -> None:
    lane = Lane()
    assert [lane.alert(NOON + at, 0) for at in (0, 0, 1000)] == [0, 0, 1]


def test_a_window_from_before_the_clock_was_set_back_holds_nothing() -> None:
    lane = Lane(NOON + 3600_000, 7)
    assert [lane.alert(NOON), lane.alert(NOON + 1000)] == [0, 60]


moments = st.lists(st.integers(0, 20 * MINUTE), min_size=1, max_size=40).map(sorted)
lengths = st.sampled_from((1000, 30_000, MINUTE, 5 * MINUTE))


@given(came=moments, length=lengths)
@example(came=[0, 1, 60_001, 120_001], length=MINUTE)
def test_messages_are_a_window_apart_and_none_waits_for_longer(came: list[int], length: int) -> None:
    ends_at, held = None, 0
    dues = []
    for at in came:
        due, ends_at, held = alerts.window(ends_at, held, at, length)
        assert at <= due <= at + length
        dues.append(due)
    assert dues == sorted(dues), "none overtakes another"
    messages = sorted(set(dues))
    apart = [later - earlier for earlier, later in pairwise(messages)]
    assert all(gap >= length for gap in apart)
    assert dues[0] == came[0]


# What is told together.


def test_a_failure_and_its_recovery_are_one_message() -> None:
    down, up = alert(1), alert(2, "recovered")
    assert alerts.collapsed([down, up]) == ([up], [down])


@pytest.mark.parametrize(
    ("waiting", "remain"),
    [
        ([(1, "down", 1)], [1]),
        ([(1, "recovered", 1)], [1]),
        ([(1, "down", 1), (2, "recovered", 2)], [1, 2]),
        ([(1, "down", 1), (2, "reminder", 1), (3, "reminder", 1), (4, "recovered", 1)], [4]),
        ([(1, "job_failed", 1), (2, "recovered", 1)], [2]),
        ([(1, "down", 1), (2, "recovered", 1), (3, "down", 2)], [2, 3]),
        ([(1, "down", 1), (2, "down", 2), (3, "recovered", 2), (4, "recovered", 1)], [3, 4]),
        # A degradation and its end are no incident, and two messages.
        ([(1, "degraded", None), (2, "recovered", None)], [1, 2]),
        ([(1, "certificate", None), (2, "down", 1), (3, "recovered", 1)], [1, 3]),
    ],
)
def test_what_a_recovery_tells_with_it(
    waiting: list[tuple[int, Event, int | None]], remain: list[int]
) -> None:
    kept, merged = alerts.collapsed([alert(row, event, incident) for row, event, incident in waiting])
    assert [one.row for one in kept] == remain
    assert {one.row for one in merged} == {row for row, _, _ in waiting} - set(remain)


def test_what_went_out_in_a_digest_once_stays_in_it() -> None:
    down, up = alert(1, message=1), alert(2, "recovered")
    assert alerts.collapsed([down, up]) == ([down, up], [])


events = st.sampled_from(("down", "reminder", "recovered", "certificate", "degraded"))
made = st.tuples(events, st.none() | st.integers(1, 4), st.booleans())


@given(st.lists(made, max_size=20))
def test_nothing_is_lost_or_told_twice_in_collapsing(wanted: list[tuple[Event, int | None, bool]]) -> None:
    waiting = [
        alert(row, event, incident, message=row if claimed else None)
        for row, (event, incident, claimed) in enumerate(wanted, 1)
    ]
    kept, merged = alerts.collapsed(waiting)
    assert sorted(one.row for one in (*kept, *merged)) == [one.row for one in waiting]
    assert [one.row for one in kept] == sorted(one.row for one in kept)
    ended = {one.incident for one in kept if one.event == "recovered"}
    for one in merged:
        assert one.event != "recovered" and one.incident in ended and one.message is None


# What goes out.


def test_a_message_of_several_is_a_digest() -> None:
    told = tuple(Told(f"alt_{row}", Story(event="down", at=NOON + row)) for row in range(2))
    assert not Message(id="alt_0", told=told[:1], moment=NOON).is_digest
    digest = Message(id="alt_0", told=told, moment=NOON)
    assert digest.is_digest and digest.story == told[0].story


def test_an_alert_is_called_the_same_each_time() -> None:
    assert alert(7).id == alert(7, attempts=3).id != alert(8).id
