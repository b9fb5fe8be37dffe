"""The rule of expiry: when a heartbeat is expected, and what a ping or its absence makes of it.

After a ping the next one is expected an interval later, or at the schedule's next occurrence. When that
moment and the grace have passed in silence, it is a miss, and the next period begins at the old
expectation. A run that began and did not end within the grace is a miss too; where its beat had been
expected by then, the two are one silence and count once. All times are milliseconds.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, structs

from tickd.domain import cron, times

State = Literal["pending", "up", "late", "degraded", "down"]
Flip = Literal["failing", "recovered", "degraded", "restored"]
Outcome = Literal["success", "degraded", "fail"]

LEAST_PATIENCE = times.MINUTE
"""How long a heartbeat has at least after tickd could not see, whatever its grace."""


class Rhythm(Struct, frozen=True):
    """When pings are expected: every `interval_secs`, or by the cron expression `schedule`, if it has one."""

    interval_secs: int
    schedule: str
    timezone: str
    grace_secs: int
    failure_threshold: int

    @property
    def grace(self) -> int:
        """The grace in milliseconds."""
        return self.grace_secs * times.SECOND

    @property
    def patience(self) -> int:
        """How long a heartbeat has after a time in which tickd could not see."""
        return max(self.grace, LEAST_PATIENCE)


class Standing(Struct, frozen=True):
    """What the pings and silences so far made of a heartbeat.

    `base_at` is where the current period begins, `expected_at` when it should end, and `due_at` when its
    silence becomes a miss; the last two are None while nothing is expected.
    """

    state: Literal["pending", "up", "degraded", "down"] = "pending"
    failing: bool = False
    consecutive_misses: int = 0
    base_at: int | None = None
    expected_at: int | None = None
    due_at: int | None = None
    last_pinged_at: int | None = None
    changed_at: int | None = None


def state_at(standing: Standing, now: int) -> State:
    """The state as people see it: `late` is one that is overdue and does not fail yet."""
    if standing.failing or standing.state == "down":
        return standing.state
    overdue = standing.expected_at is not None and standing.expected_at < now
    return "late" if overdue or standing.consecutive_misses else standing.state


def expected_after(rhythm: Rhythm, moment: int) -> int:
    """When the first ping after `moment` is expected."""
    if rhythm.schedule:
        return cron.next_after(rhythm.schedule, rhythm.timezone, moment)
    return moment + rhythm.interval_secs * times.SECOND


def expected_beyond(rhythm: Rhythm, base: int, passed: int) -> int:
    """The first expectation after `base` whose deadline, grace included, lies after `passed`."""
    expected = expected_after(rhythm, base)
    if expected + rhythm.grace > passed:
        return expected
    if rhythm.schedule:
        return cron.next_after(rhythm.schedule, rhythm.timezone, passed - rhythm.grace)
    interval = rhythm.interval_secs * times.SECOND
    return base + ((passed - rhythm.grace - base) // interval + 1) * interval


def pinged(rhythm: Rhythm, standing: Standing, outcome: Outcome, at: int) -> tuple[Standing, Flip | None]:
    """A ping that says how it went: the next one is expected from here.

    A failure fails at once, whatever the threshold. Only a success recovers: what is degraded runs, but
    not well.
    """
    expected = expected_after(rhythm, at)
    failing = outcome == "fail" or (outcome == "degraded" and standing.failing)
    state: Literal["up", "degraded", "down"] = _STATES[outcome]
    flip: Flip | None = None
    if failing != standing.failing:
        flip = "failing" if failing else "recovered"
    elif state == "degraded" != standing.state:
        flip = "degraded"
    elif state == "up" and standing.state == "degraded":
        flip = "restored"
    changed = standing.changed_at if state == standing.state else at
    # By position: this runs at every ping, and names cost more than the rule.
    return Standing(state, failing, 0, at, expected, expected + rhythm.grace, at, changed), flip


_STATES: dict[Outcome, Literal["up", "degraded", "down"]] = {
    "success": "up",
    "degraded": "degraded",
    "fail": "down",
}


def missed(rhythm: Rhythm, standing: Standing) -> tuple[Standing, Flip | None]:
    """The deadline at `due_at` has passed in silence; the next period begins at the old expectation.

    Periods whose own deadline had passed by then are left out: `due_at` was moved beyond them because
    tickd could not see.
    """
    if standing.expected_at is None or standing.due_at is None:
        raise ValueError("a heartbeat of which nothing is expected can't miss it")
    counted, flip = _one_more(rhythm, standing, standing.due_at)
    return _period_after(rhythm, counted, standing.expected_at, standing.due_at), flip


def overran(rhythm: Rhythm, standing: Standing, due_at: int) -> tuple[Standing, Flip | None]:
    """A run that should have ended by `due_at` has not; a beat expected by then is missed with it."""
    counted, flip = _one_more(rhythm, standing, due_at)
    if standing.expected_at is not None and standing.expected_at <= due_at:
        counted = _period_after(rhythm, counted, standing.expected_at, due_at)
    return counted, flip


def _one_more(rhythm: Rhythm, standing: Standing, at: int) -> tuple[Standing, Flip | None]:
    misses = standing.consecutive_misses + 1
    if standing.failing:
        return structs.replace(standing, consecutive_misses=misses, state="down"), None
    if misses < rhythm.failure_threshold:
        return structs.replace(standing, consecutive_misses=misses), None
    fallen = structs.replace(standing, consecutive_misses=misses, failing=True, state="down", changed_at=at)
    return fallen, "failing"


def _period_after(rhythm: Rhythm, standing: Standing, expected: int, passed: int) -> Standing:
    following = expected_beyond(rhythm, expected, passed)
    return structs.replace(standing, base_at=expected, expected_at=following, due_at=following + rhythm.grace)


def run_due(rhythm: Rhythm, started_at: int) -> int:
    """When a run that began and did not end becomes a miss."""
    return started_at + rhythm.grace


def moved(rhythm: Rhythm, standing: Standing, seen_again_at: int) -> Standing:
    """The deadline put off, because tickd could not see while it passed."""
    return structs.replace(standing, due_at=seen_again_at + rhythm.patience)


def replanned(before: Rhythm, after: Rhythm, standing: Standing, now: int) -> Standing:
    """The standing by a rhythm that was edited: from the last ping on, but no edit makes a period missed."""
    if standing.expected_at is None or standing.base_at is None or standing.due_at is None:
        return standing
    timing = (before.interval_secs, before.schedule, before.timezone)
    if timing != (after.interval_secs, after.schedule, after.timezone):
        base, expected = standing.base_at, expected_after(after, standing.base_at)
        if expected + after.grace <= now:
            base, expected = now, expected_after(after, now)
        due = expected + after.grace
        return structs.replace(standing, base_at=base, expected_at=expected, due_at=due)
    if before.grace_secs == after.grace_secs:
        return standing
    due = standing.expected_at + after.grace
    if due <= now:
        due = min(standing.due_at, soon(after, now))
    elif standing.due_at != standing.expected_at + before.grace:
        due = max(due, standing.due_at)  # it was put off, which an edit does not undo
    return structs.replace(standing, due_at=due)


def soon(rhythm: Rhythm, now: int) -> int:
    """When a deadline passes that an edit would have put into the past, unless it was sooner before."""
    return now + rhythm.patience


def paused(standing: Standing) -> Standing:
    """Nothing is expected of a heartbeat that is paused."""
    return structs.replace(standing, expected_at=None, due_at=None)


def resumed(rhythm: Rhythm, standing: Standing, now: int) -> Standing:
    """A period that begins now; what was never pinged waits on, and only a ping recovers what fails."""
    fresh = structs.replace(standing, consecutive_misses=0)
    if standing.last_pinged_at is None:
        return fresh
    expected = expected_after(rhythm, now)
    return structs.replace(fresh, base_at=now, expected_at=expected, due_at=expected + rhythm.grace)


def explained_until(rhythm: Rhythm, at: int) -> int:
    """Until when a ping at `at` explains silence: misses from then on were missed after it."""
    return expected_after(rhythm, at) + rhythm.grace


def repaired(
    rhythm: Rhythm, standing: Standing, at: int, now: int, misses_left: int
) -> tuple[Standing, Flip | None]:
    """A success of `at` that arrives only now: what it explains is no miss, and nothing new is raised.

    `misses_left` is how many misses it does not explain.
    """
    if standing.last_pinged_at is not None and at <= standing.last_pinged_at:
        return standing, None
    expected = expected_beyond(rhythm, at, now)
    failing = standing.failing and misses_left >= rhythm.failure_threshold
    state = standing.state if failing else "up"
    well = Standing(
        state=state,
        failing=failing,
        consecutive_misses=misses_left,
        base_at=at,
        expected_at=expected,
        due_at=expected + rhythm.grace,
        last_pinged_at=at,
        changed_at=standing.changed_at if state == standing.state else now,
    )
    return well, "recovered" if standing.failing and not failing else None
