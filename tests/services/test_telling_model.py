"""The safeguards against a slow model: failures, pauses, edits, windows, cooldowns, dependencies, drafts."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.services.sending import ACCOUNT, Post
from tests.services.telling_model import (
    DAY,
    DELAY,
    FIRST,
    LATER,
    MINUTE,
    NAMED,
    REMINDER,
    WAKE,
    Model,
    Planned,
    Subject,
)
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, opened
from tickd.domain import times
from tickd.domain.alerts import Message
from tickd.domain.channels import Kind, Options
from tickd.domain.incidents import UpdateRequest
from tickd.domain.maintenance import Window
from tickd.domain.monitors import Monitor
from tickd.domain.windows import MaintenanceChange, MaintenanceCreation

T = TypeVar("T")

COUNT = 4
HELD = "SELECT subject, reason, due_at, at, incident IS NOT NULL FROM held ORDER BY subject"
REMINDERS = "SELECT incident, lane, due_at FROM reminders ORDER BY incident"

which = st.integers(0, COUNT - 1)
wakes = st.integers(0, 12) | st.integers(0, 60) | st.integers(0, 360)
windows = st.lists(st.tuples(st.integers(-10, 30), st.integers(1, 30)), max_size=2)
parents = st.lists(which, max_size=2)
cooldowns = st.sampled_from((1200, 300, 30, 0))


def step(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One thing that may happen: a method of the machine, and what it is told."""
    return st.tuples(st.just(name), *arguments)


STEPS = st.one_of(
    *[step("fails", which)] * 20,
    *[step("recovers", which)] * 12,
    step("is_doubtful", which),
    *[step("time_passes", wakes)] * 2,
    *[step("time_passes_to_what_is_next", st.integers(0, 5), st.sampled_from((-1, 0, 0, 1)))] * 10,
    step("is_suspended", wakes),
    step("is_paused", which),
    *[step("is_resumed", which)] * 2,
    step("is_deleted", which),
    step("gets_a_cooldown", which, cooldowns),
    step("gets_windows", which, windows),
    *[step("depends_on", which, parents)] * 2,
    step("is_tagged_or_not", which),
    step("names_a_channel_or_not", which),
    *[step("is_planned", st.integers(-60, 60), st.integers(1, 240), st.integers(0, COUNT + 1))] * 2,
    step("is_planned_otherwise", st.integers(0, 3), st.integers(1, 240)),
    *[step("is_called_off", st.integers(0, 3))] * 2,
    *[step("is_acknowledged", which)] * 2,
    *[step("is_resolved_by_hand", which)] * 2,
    step("is_published", which),
    step("drafts", st.booleans(), st.none() | st.sampled_from((0, 60, 900))),
)
"""All that happens, in one choice: rules of their own would mostly be those that need no arguments."""


class Takes:
    """A receiver that takes everything."""

    async def send(self, kind: Kind, options: Options, message: Message) -> None:
        """Take it."""


class Telling(RuleBasedStateMachine):
    """The services and the model, told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        # In memory where there is such a folder: it commits thousands of times.
        home = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
        self.folder = Path(tempfile.mkdtemp(prefix="tickd-model-", dir=home))
        self.clock = FakeClock(NOON)
        self.model = Model(NOON)
        self.real: Post | None = None
        self.made: list[Monitor] = []
        self.lanes: dict[str, str] = {"": ""}
        self.planned: list[str] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        if self.real is not None:
            self.run(self.real.end())
        self.loop.close()
        shutil.rmtree(self.folder)

    @property
    def post(self) -> Post:
        assert self.real is not None
        return self.real

    @initialize(
        cooldown=st.tuples(*[cooldowns] * COUNT),
        interval=st.tuples(*[st.sampled_from((30, 60, 3600))] * COUNT),
        dependencies=st.lists(st.tuples(which, which), min_size=1, max_size=4),
    )
    def starts_up(self, cooldown: Any, interval: Any, dependencies: Any) -> None:
        self.run(self.begin(cooldown, interval))
        for child, parent in dependencies:
            self.depends_on(child, [parent])

    def pick(self, number: int, chosen: Callable[[Subject], object]) -> int | None:
        """One of those of which that can be said now."""
        found = [which for which, subject in enumerate(self.model.subjects) if chosen(subject)]
        return found[number % len(found)] if found else None

    async def begin(self, cooldown: tuple[int, ...], interval: tuple[int, ...]) -> None:
        self.real = post = Post(
            await opened(self.folder / "t.db", readers=1), self.clock, Takes(), lambda: 0.5
        )
        url = "http://127.0.0.1:9/"
        later = {"delay_secs": DELAY // 1000, "reminder_minutes": REMINDER // MINUTE}
        for name, fields in ((FIRST, {}), (LATER, later), (NAMED, {"default": False})):
            self.lanes[(await post.channel(name, url=url, **fields)).id] = name
        for number in range(COUNT):
            await self.make(cooldown[number], interval[number])

    async def make(self, cooldown: int, interval: int) -> None:
        name = f"m{len(self.made)}"
        self.made.append(await self.post.monitor(name, cooldown_secs=cooldown, interval_secs=interval))
        self.model.subjects.append(Subject(name, cooldown * 1000, interval * 1000, False, False))

    @rule(happening=STEPS)
    def happens(self, happening: tuple[Any, ...]) -> None:
        name, *arguments = happening
        getattr(self, name)(*arguments)

    # What is watched.

    def fails(self, number: int) -> None:
        chosen = self.pick(number, lambda one: not (one.failing or one.paused or one.deleted))
        if chosen is not None:
            self.run(self.post.fail(self.made[chosen]))
            self.model.fail(self.model.subjects[chosen])
            self.tick()

    def recovers(self, number: int) -> None:
        chosen = self.pick(number, lambda one: one.failing and not (one.paused or one.deleted))
        if chosen is not None:
            self.run(self.post.recover(self.made[chosen]))
            self.model.recover(self.model.subjects[chosen])
            self.tick()

    def is_doubtful(self, number: int) -> None:
        chosen = self.pick(number, lambda one: not (one.failing or one.paused or one.deleted))
        if chosen is not None:
            self.run(self.post.doubt(self.made[chosen]))
            self.model.subjects[chosen].doubtful = True

    # What people do.

    def edit(self, number: int, **fields: Any) -> None:
        self.run(self.post.edit(self.made[number], **fields))
        self.model.edited(self.model.subjects[number])
        self.tick()

    def is_paused(self, number: int) -> None:
        self.turn(self.pick(number, lambda one: not (one.paused or one.deleted)), paused=True)

    def is_resumed(self, number: int) -> None:
        self.turn(self.pick(number, lambda one: one.paused and not one.deleted), paused=False)

    def turn(self, number: int | None, *, paused: bool) -> None:
        if number is not None:
            subject = self.model.subjects[number]
            subject.paused, subject.doubtful = paused, False
            self.edit(number, paused=paused)

    def gets_a_cooldown(self, number: int, seconds: int) -> None:
        chosen = self.pick(number, lambda one: not one.deleted and one.cooldown != seconds * 1000)
        if chosen is not None:
            self.model.subjects[chosen].cooldown = seconds * 1000
            self.edit(chosen, cooldown_secs=seconds)

    def gets_windows(self, number: int, wanted: list[tuple[int, int]]) -> None:
        chosen = self.alive(number)
        minute = self.model.now % DAY // MINUTE
        begins = [max(0, minute + start) for start, _ in wanted]
        found = [
            (begin, min(1439, begin + length)) for begin, (_, length) in zip(begins, wanted, strict=True)
        ]
        subject = self.model.subjects[chosen]
        subject.windows = [(start, end) for start, end in found if start < end]
        said = [Window("daily", clock_of(start), clock_of(end)) for start, end in subject.windows]
        self.edit(chosen, maintenance_windows=said, group=f"{self.clock.now()}")

    def depends_on(self, number: int, wanted: list[int]) -> None:
        chosen = self.alive(number)
        parents = list(dict.fromkeys(self.alive(one) for one in wanted))
        self.model.subjects[chosen].depends_on = [self.model.subjects[one] for one in parents]
        ids = [self.made[one].id for one in parents]
        self.edit(chosen, depends_on=ids, group=f"{self.clock.now()}")

    def is_tagged_or_not(self, number: int) -> None:
        chosen = self.alive(number)
        subject = self.model.subjects[chosen]
        subject.tagged = not subject.tagged
        self.edit(chosen, tags=["tag"] if subject.tagged else [])

    def names_a_channel_or_not(self, number: int) -> None:
        chosen = self.alive(number)
        subject = self.model.subjects[chosen]
        subject.names_channel = not subject.names_channel
        self.edit(chosen, channels=[NAMED] if subject.names_channel else [])

    def is_deleted(self, number: int) -> None:
        """And another one takes its place."""
        chosen = self.alive(number)
        self.run(self.post.delete(self.made[chosen]))
        self.model.delete(self.model.subjects[chosen])
        self.run(self.make(0, 60))
        self.tick()

    def alive(self, number: int) -> int:
        chosen = self.pick(number, lambda one: not one.deleted)
        assert chosen is not None
        return chosen

    def is_planned(self, begin: int, length: int, covers: int) -> None:
        if len(self.planned) >= 4:
            return
        start, end = self.model.now + begin * WAKE, self.model.now + (begin + length) * WAKE
        chosen = self.alive(covers)
        words = "all" if covers == COUNT else "tag" if covers > COUNT else self.made[chosen].name
        ways: dict[str, dict[str, Any]] = {"all": {"all": True}, "tag": {"tags": ["tag"]}}
        said = ways.get(words, {"subjects": [self.made[chosen].id]})
        spec = MaintenanceCreation(
            name="planned", starts_at=times.rfc3339(start), ends_at=times.rfc3339(end), **said
        )
        self.planned.append(self.run(self.post.maintenance.create(ACCOUNT, spec)).maintenance.id)
        self.model.planned.append(Planned(start, end, words))
        self.model.planned_otherwise()
        self.tick()

    def is_planned_otherwise(self, number: int, length: int) -> None:
        if number < len(self.planned):
            planned = self.model.planned[number]
            planned.end = max(planned.start, self.model.now) + length * WAKE
            spec = MaintenanceChange(ends_at=times.rfc3339(planned.end))
            self.run(self.post.maintenance.change(ACCOUNT, self.planned[number], spec))
            self.model.planned_otherwise()
            self.tick()

    def is_called_off(self, number: int) -> None:
        if number < len(self.planned):
            self.run(self.post.maintenance.delete(ACCOUNT, self.planned.pop(number)))
            del self.model.planned[number]
            self.model.planned_otherwise()
            self.tick()

    def is_acknowledged(self, number: int) -> None:
        chosen = self.pick(number, self.model.open_of)
        if chosen is not None and (incident := self.model.open_of(self.model.subjects[chosen])):
            self.run(self.post.incidents.acknowledge(ACCOUNT, self.id_of(chosen)))
            self.model.acknowledge(incident)
            self.tick()

    def is_resolved_by_hand(self, number: int) -> None:
        chosen = self.pick(number, self.model.open_of)
        if chosen is not None:
            request = UpdateRequest(status="resolved", message="done")
            self.run(self.post.incidents.update(ACCOUNT, self.id_of(chosen), request))
            self.model.end(self.model.subjects[chosen])
            self.tick()

    def is_published(self, number: int) -> None:
        chosen = self.pick(number, self.model.open_of)
        if chosen is not None and (incident := self.model.open_of(self.model.subjects[chosen])):
            self.run(self.post.incidents.publish(ACCOUNT, self.id_of(chosen)))
            self.model.publish(incident)
            self.tick()

    def drafts(self, wanted: bool, publish_after: int | None) -> None:
        self.run(self.post.account(draft_incidents=wanted, publish_after_secs=publish_after))
        self.model.drafts = wanted
        self.model.publish_after = None if publish_after is None else publish_after * 1000

    def id_of(self, number: int) -> str:
        return self.run(self.post.incident(self.made[number])).incident.id

    # What time does.

    def time_passes(self, count: int) -> None:
        until = self.model.now + count * WAKE
        for now in range(self.model.now + WAKE, until + 1, WAKE):
            self.model.wake(now)
        self.run(self.post.pass_time(count * WAKE / 1000))

    def time_passes_to_what_is_next(self, number: int, off: int) -> None:
        ahead = sorted(set(self.model.ahead()))
        if ahead:
            count = (ahead[number % len(ahead)] - self.model.now) // WAKE + off
            self.time_passes(max(0, min(count, 720)))

    def is_suspended(self, count: int) -> None:
        self.clock.step(count * WAKE)
        self.model.now += count * WAKE
        self.tick()

    def tick(self) -> None:
        self.model.wake(self.clock.now())
        following = self.run(self.post.settle())
        assert following == min(self.model.ahead(), default=None)

    # Both of them.

    @invariant()
    def they_agree(self) -> None:
        if self.made:
            self.run(self.compare())

    async def compare(self) -> None:
        model, post = self.model, self.post
        rows = {monitor.row: monitor.name for monitor in self.made}
        page, _ = await post.incidents.page(ACCOUNT, {}, limit=1000)
        incidents = sorted((seen.incident for seen in page), key=lambda one: one.row)
        assert [
            (one.about.name, one.started_at, one.opened_at, one.resolved_at, one.draft, one.publish_at)
            for one in incidents
        ] == [
            (one.subject.name, one.started, one.opened, one.resolved, one.draft, one.publish_at)
            for one in model.incidents
        ]
        assert [one.acknowledged_at is not None for one in incidents] == [
            one.acknowledged for one in model.incidents
        ]
        held = [(rows[row], *rest) for row, *rest in await post.stored(HELD)]
        assert held == [
            (one.name, one.held.reason, one.held.due, one.held.cause, int(one.held.incident is not None))
            for one in model.subjects
            if one.held is not None
        ]
        numbers = {one.row: number for number, one in enumerate(incidents)}
        reminders = [(numbers[row], self.lanes[lane], due) for row, lane, due in await post.stored(REMINDERS)]
        assert reminders == sorted((one.incident.number, one.lane, one.due) for one in model.reminders)
        found = [
            (
                one.story.about.name if one.story.about else "",
                one.event,
                self.lanes[one.lane],
                one.state,
                None if one.incident is None else numbers[one.incident],
                reason(one.why),
            )
            for one in await post.alerts()
        ]
        wanted = [
            (
                one.subject,
                one.event,
                one.lane,
                one.state,
                None if one.incident is None else one.incident.number,
                one.why.partition(" ")[0],
            )
            for one in model.alerts
        ]
        assert sorted(found, key=str) == sorted(wanted, key=str)


def clock_of(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def reason(why: str) -> str:
    """The model's word for it."""
    words = ("maintenance", "cooldown", "depends on", "deleted", "acknowledged", "recovered")
    found = next((word for word in words if word in why), why)
    return "dependency" if found == "depends on" else found


def test_the_services_and_the_model_agree() -> None:
    # TICKD_EXAMPLES hunts with other examples each time.
    examples = int(os.environ.get("TICKD_EXAMPLES", "0"))
    run_state_machine_as_test(
        Telling,
        settings=settings(
            max_examples=examples or 100,
            stateful_step_count=40,
            derandomize=not examples,
            deadline=None,
            report_multiple_bugs=False,
        ),
    )
