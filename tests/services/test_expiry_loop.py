"""The expiry loop: woken for an earlier deadline, and left asleep for a later one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.services.hearing import Hearing, due, hearing, misses
from tests.support.daemon import eventually
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.pings import PLAIN, Said
from tickd.domain.times import MINUTE
from tickd.loops import expiry as loops
from tickd.loops.runner import Loop


@pytest.fixture
async def ears(tmp_path: Path) -> AsyncIterator[Hearing]:
    async with hearing(tmp_path / "t.db") as made:
        yield made


@asynccontextmanager
async def looping(ears: Hearing) -> AsyncIterator[Loop]:
    """The expiry loop, asleep."""
    loop = loops.loop(ears.expiry, ears.clock)
    task = asyncio.create_task(loop.run())

    async def asleep() -> bool:
        return loop.state.ticks > 0 and not loop._wake.is_set()

    try:
        await eventually(asleep)
        yield loop
    finally:
        loop.stop()
        await task


async def missed(ears: Hearing, made: Heartbeat) -> None:
    async def found() -> bool:
        return misses(await ears.shown(made)) > 0

    await eventually(found, 1.0)


async def ticked(loop: Loop, before: int) -> None:
    async def found() -> bool:
        return loop.state.ticks > before

    await eventually(found)


@pytest.mark.parametrize("how", ["ping", "start", "edit", "resume"])
async def test_an_earlier_deadline_wakes_the_loop(ears: Hearing, how: str) -> None:
    far, near = await ears.made(name="far"), await ears.made(name="near", grace_secs=60, interval_secs=600)
    await ears.ping(far)
    if how in ("edit", "resume"):
        await ears.ping(near)
        near = await ears.edit(near, interval_secs=7200, paused=how == "resume")
    async with looping(ears) as loop:
        before = loop.state.ticks
        if how in ("ping", "start"):
            await ears.ping(near, Said(kind="start") if how == "start" else PLAIN)
        else:
            await ears.edit(near, interval_secs=600, status="active")
        await ticked(loop, before)
        await ears.clock.advance(60 if how == "start" else 660)
        await missed(ears, near)


async def test_a_later_deadline_lets_the_loop_sleep(ears: Hearing) -> None:
    made = await ears.made()
    await ears.ping(made)
    async with looping(ears) as loop:
        before = loop.state.ticks
        await ears.clock.advance(60)
        for _ in range(20):
            await ears.ping(made)
        assert loop.state.ticks == before


async def test_a_plain_ping_that_plans_an_earlier_deadline_wakes_the_loop(ears: Hearing) -> None:
    made = await ears.made(grace_secs=0)
    await ears.ping(made)
    ears.clock.step(-30 * MINUTE)
    async with looping(ears):
        await ears.ping(made)
        assert due(await ears.shown(made)) == 30 * MINUTE
        await ears.clock.advance(3600)
        await missed(ears, made)
