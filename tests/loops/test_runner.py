"""The runner, once for all loops: due times, wake-ups, back-off, recovery, stop, death."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import NOON
from tickd.errors import Unavailable
from tickd.loops.runner import BACKOFF_SECS, Loop


class Ticks:
    """A tick that notes when it was called, and then does what it was told."""

    def __init__(self, due: Callable[[int], int | None] = lambda _now: None) -> None:
        self.at: list[int] = []
        self.due = due
        self.failure: BaseException | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, now: int) -> int | None:
        self.at.append(now - NOON)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.due(now)


async def turns() -> None:
    """Let the loop go on as far as it comes."""
    for _ in range(10):
        await asyncio.sleep(0)


async def running(tick: Ticks, clock: FakeClock) -> tuple[Loop, asyncio.Task[None]]:
    loop = Loop("name", tick, clock)
    task = asyncio.create_task(loop.run())
    await turns()
    return loop, task


async def stopped(loop: Loop, task: asyncio.Task[None]) -> None:
    """It has to end by itself, without time passing."""
    loop.stop()
    await asyncio.wait_for(task, 1)
    assert not loop.state.alive


async def passing(clock: FakeClock, *seconds: float) -> None:
    for one in seconds:
        await clock.advance(one)
        await turns()


async def test_it_ticks_at_once_and_when_due() -> None:
    clock, tick = FakeClock(NOON), Ticks(lambda now: now + 2_500)
    loop, task = await running(tick, clock)
    assert tick.at == [0]
    assert (loop.state.alive, loop.state.ticks, loop.state.last_tick_at) == (True, 1, NOON)
    await passing(clock, 2.4)
    assert tick.at == [0]
    await passing(clock, 0.1, 2.5)
    assert tick.at == [0, 2_500, 5_000]
    await stopped(loop, task)


async def test_without_a_due_time_it_sleeps_until_it_is_woken() -> None:
    clock, tick = FakeClock(NOON), Ticks()
    loop, task = await running(tick, clock)
    await passing(clock, 86_400)
    assert tick.at == [0]
    loop.wake()
    loop.wake()
    await turns()
    assert tick.at == [0, 86_400_000]
    await stopped(loop, task)


async def test_a_wake_up_during_a_tick_is_not_lost() -> None:
    clock, tick = FakeClock(NOON), Ticks()
    tick.gate.clear()
    loop, task = await running(tick, clock)
    loop.wake()
    tick.gate.set()
    await turns()
    assert tick.at == [0, 0]
    await stopped(loop, task)


async def test_what_is_due_already_is_ticked_again_and_lets_others_run() -> None:
    clock, tick = FakeClock(NOON), Ticks(lambda now: now)
    loop, task = await running(tick, clock)
    await turns()
    assert len(tick.at) > 2
    await stopped(loop, task)


async def test_lateness_is_what_came_after_the_due_time() -> None:
    clock, tick = FakeClock(NOON), Ticks(lambda now: now + 1_000)
    loop, task = await running(tick, clock)
    await passing(clock, 1.0)
    assert loop.state.late_secs == 0
    await passing(clock, 3.5)
    assert loop.state.late_secs == 2.5
    loop.wake()
    await turns()
    assert loop.state.late_secs == 0
    await stopped(loop, task)


async def test_a_wall_clock_that_steps_does_not_move_a_sleep() -> None:
    clock, tick = FakeClock(NOON), Ticks(lambda now: now + 1_000)
    loop, task = await running(tick, clock)
    clock.step(-3_600_000)
    await passing(clock, 1.0)
    assert tick.at == [0, -3_599_000]
    await stopped(loop, task)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [(Unavailable("the disk is full", 5), "the disk is full"), (OSError("a secret detail"), "OSError")],
)
async def test_failing_ticks_back_off_and_recover(
    failure: Exception, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock, tick = FakeClock(NOON), Ticks()
    tick.failure = failure
    with caplog.at_level(logging.INFO, "tickd.loops"):
        loop, task = await running(tick, clock)
        assert (loop.state.failing_since, loop.state.last_error) == (NOON, sentence)
        for count, pause in enumerate((*BACKOFF_SECS, BACKOFF_SECS[-1]), 1):
            assert len(tick.at) == loop.state.errors == count
            await passing(clock, pause - 0.1)
            assert len(tick.at) == count
            await passing(clock, 0.1)
        assert (loop.state.failing_since, loop.state.ticks, loop.state.alive) == (NOON, 0, True)
        tick.failure = None
        await passing(clock, BACKOFF_SECS[-1])
    assert (loop.state.failing_since, loop.state.last_error, loop.state.ticks) == (None, "", 1)
    said = [record.getMessage() for record in caplog.records]
    assert said == ["loop tick failed"] * 7 + ["loop recovered"]
    # The next failure begins with the shortest pause again.
    tick.failure = failure
    loop.wake()
    await turns()
    begun = len(tick.at)
    await passing(clock, BACKOFF_SECS[0])
    assert len(tick.at) == begun + 1
    await stopped(loop, task)


async def test_a_wake_up_ends_a_back_off() -> None:
    clock, tick = FakeClock(NOON), Ticks()
    tick.failure = OSError()
    loop, task = await running(tick, clock)
    loop.wake()
    await turns()
    assert tick.at == [0, 0]
    await stopped(loop, task)


async def test_a_stop_waits_for_the_tick_that_runs() -> None:
    clock, tick = FakeClock(NOON), Ticks(lambda now: now)
    tick.gate.clear()
    loop, task = await running(tick, clock)
    loop.stop()
    await turns()
    assert not task.done()
    tick.gate.set()
    await asyncio.wait_for(task, 1)
    assert tick.at == [0]


async def test_a_stop_during_a_failing_tick_waits_for_no_pause() -> None:
    clock, tick = FakeClock(NOON), Ticks()
    tick.failure = OSError()
    tick.gate.clear()
    loop, task = await running(tick, clock)
    loop.stop()
    tick.gate.set()
    await asyncio.wait_for(task, 1)
    assert loop.state.errors == 1


class Fatal(BaseException):
    """What no loop survives."""


@pytest.mark.parametrize("how", ["cancelled", "fatal"])
async def test_a_loop_that_dies_is_seen(how: str) -> None:
    clock, tick = FakeClock(NOON), Ticks()
    loop = Loop("name", tick, clock)

    async def guarded(run: Callable[[], Awaitable[None]]) -> str:
        try:
            await run()
        except Fatal:
            return "fatal"
        except asyncio.CancelledError:
            return "cancelled"
        return "ended"

    if how == "fatal":
        tick.failure = Fatal()
    task = asyncio.create_task(guarded(loop.run))
    await turns()
    if how == "cancelled":
        assert loop.state.alive
        task.cancel()
    assert await task == how
    assert not loop.state.alive
