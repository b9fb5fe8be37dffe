"""Heartbeats against a slow model: pings, starts, fails, pauses, edits, restarts, blindness, DST changes."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.services.hearing import Hearing
from tests.services.silence_model import WAKE, Model, firing_minutes
from tests.support.clock import FakeClock
from tests.support.daemon import opened
from tickd.domain import pings
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.pings import Kind, Said

T = TypeVar("T")

STARTS = {
    "America/New_York": (1_772_884_800_000, 1_793_448_000_000),  # 2026-03-07 and 2026-10-31, at noon UTC
    "Europe/Berlin": (1_774_699_200_000, 1_792_843_200_000),  # 2026-03-28 and 2026-10-24
    "Australia/Lord_Howe": (1_775_304_000_000, 1_790_942_400_000),  # 2026-04-04 and 2026-10-02
}
SCHEDULES = ("30 2 * * *", "30 1 * * *", "45 1 * * *", "*/30 * * * *", "15 */2 * * *", "0 1-4 * * *")
INTERVALS = (60, 90, 600, 3600, 86_400)
GRACES = (0, 30, 60, 300, 1800, 7200)
KINDS: tuple[Kind, ...] = ("success", "start", "fail", "log")
RUNS = "SELECT rid, started_at, due_at FROM open_runs WHERE heartbeat = ?"
MISSES = "SELECT at FROM heartbeat_events WHERE heartbeat = ? AND kind IN ('missed', 'overran') ORDER BY row"

both = st.sampled_from((0, 1))
wakes = st.integers(0, 10) | st.integers(0, 400) | st.integers(0, 8000)
timings = st.tuples(
    st.sampled_from(INTERVALS), st.sampled_from(("", "", *SCHEDULES)), st.sampled_from(tuple(STARTS))
)


def step(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One thing that may happen: a method of the machine, and what it is told."""
    return st.tuples(st.just(name), *arguments)


ping = step("pings", both, st.sampled_from(KINDS), st.sampled_from(("", "a", "b")), st.integers(0, 3))
plain = step("pings", both, st.just("success"), st.just(""), st.just(0))
start = step("pings", both, st.just("start"), st.sampled_from(("", "a", "b")), st.just(0))
passing = step("time_passes", wakes)
to_deadline = step("time_passes_to_a_deadline", st.integers(0, 9), st.sampled_from((-1, 0, 0, 1)))
STEPS = st.one_of(
    *(ping, ping, plain, plain, plain, start, start, start),
    *(passing, to_deadline, to_deadline, to_deadline, to_deadline),
    step("begins_or_ends_late", both, st.booleans()),
    step("edits_its_schedule", both, timings),
    step("edits_its_grace", both, st.sampled_from(GRACES)),
    step("edits_its_threshold", both, st.integers(1, 4)),
    step("pauses", both),
    *[step("resumes", both)] * 2,
    step("restarts", wakes),
    step("is_suspended", st.integers(1, 4000)),
    step("is_set_back", st.integers(1, 20)),
    step("can_not_record_pings", st.integers(1, 400)),
)
"""All that happens, in one choice: rules of their own would mostly be those that need no arguments."""


class Waiting(RuleBasedStateMachine):
    """The services and the model, told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        # In memory where there is such a folder: it commits thousands of times.
        home = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
        self.folder = Path(tempfile.mkdtemp(prefix="tickd-model-", dir=home))
        self.clock: FakeClock
        self.real: Hearing | None = None
        self.subjects: list[tuple[Heartbeat, Model]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        if self.real is not None:
            self.run(self.real.end())
        self.loop.close()
        shutil.rmtree(self.folder)

    @property
    def now(self) -> int:
        return self.clock.now()

    @property
    def ears(self) -> Hearing:
        assert self.real is not None
        return self.real

    async def begin(self) -> None:
        self.real = Hearing(await opened(self.folder / "t.db", readers=1), self.clock)
        await self.real.begin()

    @initialize(
        zone=st.sampled_from(tuple(STARTS)),
        season=both,
        kinds=st.tuples(timings, timings),
        graces=st.tuples(*[st.sampled_from(GRACES)] * 2),
        thresholds=st.tuples(*[st.integers(1, 3)] * 2),
    )
    def starts_up(self, zone: str, season: int, kinds: Any, graces: Any, thresholds: Any) -> None:
        self.clock = FakeClock(STARTS[zone][season])
        self.run(self.begin())
        for (interval, schedule, other), grace, threshold in zip(kinds, graces, thresholds, strict=True):
            made = self.run(
                self.ears.made(
                    interval_secs=interval,
                    schedule=schedule,
                    timezone=other,
                    grace_secs=grace,
                    failure_threshold=threshold,
                )
            )
            model = Model(interval * 1000, schedule, other, grace * 1000, threshold)
            self.subjects.append((made, model))
            if grace % 60 == 0:
                self.run(self.ears.ping(made))
                model.ping(self.now, "success", "")

    @rule(happening=STEPS)
    def happens(self, happening: tuple[Any, ...]) -> None:
        name, *arguments = happening
        getattr(self, name)(*arguments)

    # What jobs and people do.

    def pings(self, which: int, kind: Kind, rid: str, mood: int) -> None:
        heartbeat, model = self.subjects[which]
        degraded = mood == 3
        said = Said(kind=kind, rid=rid, degraded=degraded)
        taken = self.run(self.ears.ping(heartbeat, pings.PLAIN if said == pings.PLAIN else said))
        assert taken.paused is model.paused
        if kind == "start":
            model.start(self.now, rid)
        elif kind != "log":
            model.ping(self.now, "degraded" if degraded and kind == "success" else kind, rid)
        self.tick()

    def begins_or_ends_late(self, which: int, is_start: bool) -> None:
        """Shortly before its silence becomes a miss, or shortly after."""
        moment = self.subjects[which][1].deadline
        if moment is not None:
            self.pass_time(max(0, (moment - self.now) // WAKE + (-1 if is_start else 1)))
            self.pings(which, "start" if is_start else "success", "", 0)

    def pauses(self, which: int) -> None:
        heartbeat, model = self.subjects[which]
        self.run(self.ears.edit(heartbeat, status="paused"))
        model.pause()
        self.tick()

    def resumes(self, which: int) -> None:
        heartbeat, model = self.subjects[which]
        self.run(self.ears.edit(heartbeat, paused=False))
        model.resume(self.now)
        self.tick()

    def edits_its_schedule(self, which: int, timing: tuple[int, str, str]) -> None:
        heartbeat, model = self.subjects[which]
        interval, schedule, zone = timing
        self.run(self.ears.edit(heartbeat, interval_secs=interval, schedule=schedule, timezone=zone))
        model.retime(self.now, interval * 1000, schedule, zone)
        self.tick()

    def edits_its_grace(self, which: int, grace: int) -> None:
        heartbeat, model = self.subjects[which]
        self.run(self.ears.edit(heartbeat, grace_secs=grace))
        model.regrace(self.now, grace * 1000)
        self.tick()

    def edits_its_threshold(self, which: int, threshold: int) -> None:
        heartbeat, model = self.subjects[which]
        self.run(self.ears.edit(heartbeat, failure_threshold=threshold, name="other"))
        model.threshold = threshold
        self.tick()

    # What time does.

    def time_passes(self, wakes: int) -> None:
        self.pass_time(wakes)

    def time_passes_to_a_deadline(self, number: int, off: int) -> None:
        ahead = sorted(moment for _, model in self.subjects for moment in model.deadlines())
        if ahead:
            self.pass_time(max(0, (ahead[number % len(ahead)] - self.now) // WAKE + off))

    def restarts(self, wakes: int) -> None:
        real, self.real = self.ears, None
        self.run(real.end())
        away = self.now
        self.run(self.clock.advance(wakes * WAKE / 1000))
        self.run(self.begin())
        for _, model in self.subjects:
            model.blind(0, self.now, away)
        self.tick()

    def is_suspended(self, wakes: int) -> None:
        since = self.now
        self.clock.step(wakes * WAKE)
        self.tick_after_blindness(since)

    def is_set_back(self, wakes: int) -> None:
        self.clock.step(-wakes * WAKE)
        self.tick()

    def can_not_record_pings(self, wakes: int) -> None:
        since = self.ears.pinging.lost_since = self.now
        self.run(self.clock.advance(wakes * WAKE / 1000))
        self.tick_after_blindness(since)
        assert self.ears.pinging.lost_since != since

    # Both of them.

    def pass_time(self, wakes: int) -> None:
        # No more than some forty misses at a time: the real one commits each of them.
        quickest = min(1_800_000 if model.cron else model.interval for _, model in self.subjects)
        until = self.now + min(wakes * WAKE, 40 * quickest)
        for now in range(self.now + WAKE, until + 1, WAKE):
            for _, model in self.subjects:
                model.wake(now)
        self.run(self.ears.pass_time(until - self.now))

    def tick_after_blindness(self, since: int) -> None:
        for _, model in self.subjects:
            model.blind(since, self.now)
        self.tick()

    def tick(self) -> None:
        for _, model in self.subjects:
            model.wake(self.now)
        following = self.run(self.ears.settle())
        ahead = [moment for _, model in self.subjects for moment in model.deadlines()]
        assert following == min(ahead, default=None)

    @invariant()
    def they_agree(self) -> None:
        self.run(self.compare())

    async def compare(self) -> None:
        counted: dict[str, int] = {}
        for heartbeat, model in self.subjects:
            real = await self.ears.shown(heartbeat)
            standing = real.standing
            shown = self.ears.heartbeats.state(real)
            assert (shown, real.status) == (model.shown(self.now), model.status())
            assert (standing.state, standing.failing) == (model.state, model.failing)
            assert standing.consecutive_misses == model.misses
            assert (standing.expected_at, standing.due_at) == (model.expected, model.deadline)
            assert standing.last_pinged_at == model.last_ping
            assert (real.checks_total, real.checks_failed) == (model.well + model.failed, model.failed)
            runs = await self.ears.stored(RUNS, real.row)
            assert set(runs) == {(rid, run.began, run.deadline) for rid, run in model.runs.items()}
            missed = [row[0] for row in await self.ears.stored(MISSES, real.row)]
            assert missed == model.missed_at
            word = "paused" if real.paused else shown
            counted[word] = counted.get(word, 0) + 1
        assert await self.ears.states() == counted


def test_the_services_and_the_model_agree() -> None:
    # TICKD_EXAMPLES hunts with other examples each time.
    examples = int(os.environ.get("TICKD_EXAMPLES", "0"))
    run_state_machine_as_test(
        Waiting,
        settings=settings(
            max_examples=examples or 80,
            stateful_step_count=40,
            derandomize=not examples,
            deadline=None,
            report_multiple_bugs=False,
        ),
    )


@pytest.mark.parametrize(
    ("schedule", "zone", "day", "times"),
    [
        ("30 2 * * *", "America/New_York", "2026-03-08", ["07:00"]),
        ("30 1 * * *", "America/New_York", "2026-11-01", ["05:30"]),
        ("*/30 1 * * *", "America/New_York", "2026-11-01", ["05:00", "05:30", "06:00", "06:30"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04", ["14:45"]),
    ],
)
def test_the_model_knows_debians_rules(schedule: str, zone: str, day: str, times: list[str]) -> None:
    number = round(datetime.fromisoformat(f"{day}T00:00Z").timestamp()) // 86_400
    found = firing_minutes(schedule, zone, number)
    assert [datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M") for at in found] == times
