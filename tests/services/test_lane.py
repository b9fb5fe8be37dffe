"""A lane: how many run at once in all and per host, in which order, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import pytest

from tickd.services.lane import Lane


class Works:
    """Pieces of work that note when they begin, and end when they are let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def run(self, name: str) -> None:
        self.begun.append(name)
        await self.gates.setdefault(name, asyncio.Event()).wait()
        self.ended.append(name)

    def submit(self, lane: Lane, *names: str) -> None:
        """Each for the host that its first letter names."""
        for name in names:
            lane.submit(name[0], partial(self.run, name))

    async def let_go(self, *names: str) -> None:
        for name in names:
            self.gates.setdefault(name, asyncio.Event()).set()
        await turns()


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_limits_in_all_and_per_host() -> None:
    lane, works = Lane(limit=4, per_host=2), Works()
    works.submit(lane, "a1", "a2", "a3", "a4", "b1", "b2", "b3", "c1")
    await turns()
    assert works.begun == ["a1", "a2", "b1", "b2"]
    assert (lane.in_flight, lane.waiting) == (4, 4)
    await works.let_go("b1")
    assert works.begun[4:] == ["b3"]
    await works.let_go("b2")
    assert works.begun[5:] == ["c1"]
    await works.let_go("a1", "a2")
    assert works.begun[6:] == ["a3", "a4"]
    await works.let_go("a3", "a4", "b3", "c1")
    assert (lane.in_flight, lane.waiting) == (0, 0)
    assert len(works.ended) == 8
    await lane.stop(0)


async def test_workers_stay_and_are_used_again() -> None:
    lane, works = Lane(limit=10, per_host=10), Works()
    for round_ in range(20):
        works.submit(lane, f"a{round_}", f"b{round_}")
        await works.let_go(f"a{round_}", f"b{round_}")
    assert len(works.ended) == 40
    assert len(lane._workers) == 2
    await lane.stop(0)
    assert not lane._workers


async def test_work_that_raises_gives_its_place_back(caplog: pytest.LogCaptureFixture) -> None:
    lane, works = Lane(limit=1, per_host=1), Works()

    async def broken() -> None:
        raise RuntimeError("a bug")

    lane.submit("a", broken)
    works.submit(lane, "a1")
    with caplog.at_level(logging.ERROR, "tickd.lane"):
        await works.let_go("a1")
    assert works.ended == ["a1"]
    assert [record.getMessage() for record in caplog.records] == ["work in a lane raised"]
    await lane.stop(0)


async def test_work_that_cuts_itself_off_gives_its_place_back() -> None:
    lane, works = Lane(limit=1, per_host=1), Works()

    async def cut_off() -> None:
        raise asyncio.CancelledError

    lane.submit("a", cut_off)
    works.submit(lane, "a1", "b1")
    await works.let_go("a1", "b1")
    assert works.ended == ["a1", "b1"]
    await lane.stop(0)


async def test_a_stop_gives_grace_and_begins_nothing() -> None:
    lane, works = Lane(limit=2, per_host=2), Works()
    works.submit(lane, "a1", "b1", "c1")
    await turns()
    stopping = asyncio.create_task(lane.stop(5))
    await turns()
    works.submit(lane, "d1")
    await works.let_go("a1", "b1")
    await asyncio.wait_for(stopping, 1)
    assert (works.begun, works.ended) == (["a1", "b1"], ["a1", "b1"])


async def test_a_stop_cuts_off_what_takes_too_long() -> None:
    lane, works = Lane(limit=2, per_host=2), Works()
    works.submit(lane, "a1", "b1")
    await works.let_go("a1")
    await asyncio.wait_for(lane.stop(0.01), 1)
    assert (works.begun, works.ended) == (["a1", "b1"], ["a1"])
    assert lane.in_flight == 0
