"""Expiry: deadlines that pass, that wait for a ping on its way, and that move because nobody could hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.services.hearing import Hearing, due, hearing, locked, misses, slow
from tests.support.clock import FakeClock
from tests.support.daemon import NOON
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.pings import PLAIN, Said
from tickd.domain.times import DAY, HOUR, MINUTE, SECOND
from tickd.errors import Invalid, Unavailable
from tickd.services.expiry import BATCH, HELD

PUBLIC = "93.184.216.34"
BLIND = "SELECT started_at - ?, ended_at - ?, cause FROM blind_intervals ORDER BY started_at"


@pytest.fixture
async def ears(tmp_path: Path) -> AsyncIterator[Hearing]:
    async with hearing(tmp_path / "t.db") as made:
        yield made


# Deadlines that pass.


async def test_silence_is_a_miss_at_its_deadline_and_not_before(ears: Hearing) -> None:
    made = await ears.made(grace_secs=60)
    await ears.ping(made)
    await ears.pass_time(HOUR + MINUTE - 1)
    assert ears.heartbeats.state(await ears.shown(made)) == "late"
    assert misses(await ears.shown(made)) == 0
    await ears.pass_time(1)
    shown = await ears.shown(made)
    assert (misses(shown), shown.status, due(shown)) == (1, "active", 2 * HOUR + MINUTE)
    assert await ears.said_of(made, "missed") == [
        "no ping: expected at 2026-03-03T13:00:00Z, with a grace of 60 s"
    ]
    await ears.pass_time(HOUR)
    assert (await ears.shown(made)).status == "failing"
    assert [event.flip for event in await ears.events(made)] == [None, None, "failing"]


async def test_more_than_a_transaction_takes_expire_at_once(ears: Hearing) -> None:
    made = await asyncio.gather(*(ears.made(name=f"n{number}") for number in range(450)))
    await asyncio.gather(*map(ears.ping, made))
    before = ears.db.stats.commits
    await ears.clock.advance(3900)
    assert await ears.settle() == NOON + 2 * HOUR + 5 * MINUTE
    assert ears.expiry.misses == 450
    assert ears.db.stats.commits - before <= 450 / BATCH + 1
    assert await ears.states() == {"late": 450}


async def test_a_run_that_does_not_end_is_told_of_by_its_id(ears: Hearing) -> None:
    made = await ears.made(grace_secs=600)
    await ears.ping(made)
    await ears.ping(made, Said(kind="start", rid="a"))
    await ears.pass_time(MINUTE)
    await ears.ping(made, Said(kind="start", rid="b"))
    await ears.pass_time(9 * MINUTE)
    (event,) = [event for event in await ears.events(made) if event.kind == "overran"]
    assert (event.rid, event.at) == ("a", NOON + 10 * MINUTE)
    assert event.message == "the run that began at 2026-03-03T12:00:00Z did not end within 10 min"
    assert due(await ears.shown(made)) == 70 * MINUTE
    taken = await ears.ping(made, Said(rid="b"))
    assert taken.state == "up"
    assert await ears.stored("SELECT rid FROM open_runs") == []


# A ping on its way.


async def test_a_ping_that_was_received_in_time_wins_however_long_its_body_takes(ears: Hearing) -> None:
    made = await ears.made(grace_secs=0, failure_threshold=1)
    await ears.ping(made)
    await ears.pass_time(HOUR - SECOND)
    ping = await slow(ears, made)
    await ears.clock.advance(30)
    assert await ears.settle() == ears.clock.now() + HELD
    assert (await ears.shown(made)).status == "active"
    assert (await ping.end()).flip is None
    assert await ears.settle() == NOON + 2 * HOUR - SECOND
    assert await ears.said_of(made, "missed") == []


async def test_a_ping_at_the_very_deadline_is_in_time(ears: Hearing) -> None:
    made = await ears.made(grace_secs=0)
    await ears.ping(made)
    await ears.clock.advance(3600)
    ping = await slow(ears, made)
    await ears.settle()
    await ping.end()
    await ears.settle()
    assert await ears.said_of(made, "missed") == []


async def test_a_ping_that_was_received_too_late_does_not_hold_the_deadline(ears: Hearing) -> None:
    made = await ears.made(grace_secs=0, failure_threshold=1)
    await ears.ping(made)
    await ears.clock.advance(3600.001)
    ping = await slow(ears, made)
    await ears.settle()
    assert (await ears.shown(made)).status == "failing"
    assert (await ping.end()).flip == "recovered"


async def test_a_ping_that_is_refused_in_the_end_held_nothing_up(ears: Hearing) -> None:
    made = await ears.made(grace_secs=0)
    await ears.ping(made)
    await ears.pass_time(HOUR - SECOND)
    ping = await slow(ears, made)
    await ears.clock.advance(5)
    await ears.settle()
    ping.said.set_exception(Invalid("rid", "is wrong"))
    with pytest.raises(Invalid):
        await ping.task
    await ears.settle()
    (event,) = [event for event in await ears.events(made) if event.kind == "missed"]
    assert (event.at, event.received_at) == (NOON + HOUR, NOON + HOUR + 4 * SECOND)


async def test_a_ping_on_its_way_holds_a_run_and_nobody_else(
    ears: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickd.services.expiry.BATCH", 2)
    held = [await ears.made(name=f"held {number}", grace_secs=60) for number in range(5)]
    silent = [await ears.made(name=f"silent {number}", grace_secs=60) for number in range(5)]
    for made in (*held, *silent):
        await ears.ping(made, Said(kind="start"))
    await ears.clock.advance(59)
    arriving = [await slow(ears, made) for made in held]
    await ears.clock.advance(10)
    assert await ears.settle() == ears.clock.now() + HELD
    assert [misses(await ears.shown(made)) for made in silent] == [1] * 5
    for ping in arriving:
        await ping.end()
    await ears.settle()
    assert [misses(await ears.shown(made)) for made in held] == [0] * 5


async def test_a_ping_whose_body_took_longer_does_not_undo_a_later_one(ears: Hearing) -> None:
    made = await ears.made(interval_secs=60, grace_secs=0)
    await ears.ping(made)
    ping = await slow(ears, made)
    await ears.pass_time(29 * SECOND)
    await ears.ping(made)
    await ping.end()
    shown = await ears.shown(made)
    assert (due(shown), shown.standing.last_pinged_at) == (89 * SECOND, NOON + 29 * SECOND)


# What passed while tickd was away.


async def test_a_restart_moves_what_passed_and_nothing_else(tmp_path: Path) -> None:
    clock = FakeClock(NOON)
    async with hearing(tmp_path / "t.db", clock) as ears:
        hourly = await ears.made(name="hourly", grace_secs=300)
        daily = await ears.made(name="daily", interval_secs=86_400)
        failing = await ears.made(name="failing", grace_secs=0)
        paused = await ears.made(name="paused")
        running = await ears.made(name="running", interval_secs=86_400, grace_secs=0)
        for made in (hourly, daily, paused, running):
            await ears.ping(made)
        await ears.ping(failing, Said(kind="fail"))
        await ears.heartbeats.pause(paused.account_id, paused.id)
        await ears.ping(await ears.edit(running, grace_secs=90), Said(kind="start", rid="r"))
    await clock.advance(10 * 3600)
    async with hearing(tmp_path / "t.db", clock) as ears:
        assert await ears.settle() == NOON + 10 * HOUR + MINUTE
        assert ears.expiry.misses == 0
        assert ears.expiry.moved == 3
        assert due(await ears.shown(hourly)) == 10 * HOUR + 5 * MINUTE
        assert due(await ears.shown(failing)) == 10 * HOUR + MINUTE
        assert due(await ears.shown(daily)) == DAY + 5 * MINUTE
        assert due(await ears.shown(paused)) is None
        away = "tickd was not running from 2026-03-03T12:00:00Z to 2026-03-03T22:00:00Z"
        assert await ears.said_of(hourly, "moved") == [
            f"deadline moved from 2026-03-03T13:05:00Z to 2026-03-03T22:05:00Z: {away}"
        ]
        (event,) = [event for event in await ears.events(running) if event.kind == "moved"]
        assert (event.rid, event.at) == ("r", NOON + 10 * HOUR)
        assert await ears.said_of(daily, "moved") == []
        await ears.pass_time(5 * MINUTE)
        assert await ears.said_of(hourly, "missed") == [
            "no ping: expected at 2026-03-03T13:00:00Z, with a grace of 5 min; waited until "
            "2026-03-03T22:05:00Z, because its deadline was moved"
        ]
        assert due(await ears.shown(hourly)) == 11 * HOUR + 5 * MINUTE
        assert [event.rid for event in await ears.events(running) if event.kind == "overran"] == ["r"]


async def test_restarts_neither_forget_nor_invent_a_miss(tmp_path: Path) -> None:
    clock = FakeClock(NOON)
    async with hearing(tmp_path / "t.db", clock) as ears:
        made = await ears.made(failure_threshold=3)
        await ears.ping(made)
        await ears.pass_time(65 * MINUTE)
        before = await ears.shown(made)
        assert misses(before) == 1
    for _ in range(3):
        async with hearing(tmp_path / "t.db", clock) as ears:
            await ears.settle()
            assert await ears.shown(made) == before
    async with hearing(tmp_path / "t.db", clock) as ears:
        await ears.pass_time(HOUR)
        assert misses(await ears.shown(made)) == 2


@pytest.mark.parametrize("pinged", [True, False])
async def test_a_suspended_machine_moves_deadlines(ears: Hearing, pinged: bool) -> None:
    made = await ears.made(failure_threshold=1, grace_secs=120)
    await ears.ping(made)
    await ears.settle()
    ears.clock.step(8 * HOUR)
    assert await ears.settle() == NOON + 8 * HOUR + 2 * MINUTE
    (message,) = await ears.said_of(made, "moved")
    assert message.endswith(
        ": the clock jumped or the machine was suspended from 2026-03-03T12:00:00Z to 2026-03-03T20:00:00Z"
    )
    if pinged:
        await ears.ping(made)
    await ears.pass_time(2 * MINUTE)
    assert (await ears.shown(made)).status == ("active" if pinged else "failing")


async def test_what_had_passed_before_the_machine_was_suspended_is_missed(ears: Hearing) -> None:
    early = await ears.made(name="early", grace_secs=0)
    await ears.ping(early)
    await ears.pass_time(HOUR)
    assert misses(await ears.shown(early)) == 1
    ears.clock.step(10 * MINUTE)
    await ears.settle()
    assert await ears.said_of(early, "moved") == []
    assert due(await ears.shown(early)) == 2 * HOUR


# Our own network.


class World:
    """A gateway that answers as long as `there`."""

    def __init__(self) -> None:
        self.there = True

    async def reach(self, _reference: str) -> bool:
        await asyncio.sleep(0)
        return self.there


@asynccontextmanager
async def connected(path: Path, world: World) -> AsyncIterator[tuple[Hearing, Heartbeat]]:
    """Ears whose way to the world has been proven, and a heartbeat pinged from there at noon."""
    async with hearing(path, references=["gateway:80"], reach=world.reach) as ears:
        made = await ears.made(grace_secs=0, failure_threshold=1)
        await ears.ping(made, source=PUBLIC)
        if ears.network._asking is not None:
            await asyncio.wait({ears.network._asking})
        yield ears, made


@pytest.mark.parametrize("by_ping", [True, False])
async def test_nothing_expires_while_our_own_network_is_lost(tmp_path: Path, by_ping: bool) -> None:
    world = World()
    async with connected(tmp_path / "t.db", world) as (ears, made):
        await ears.clock.advance(3590)
        ears.network.worked(PUBLIC)
        if ears.network._asking is not None:
            await asyncio.wait({ears.network._asking})
        world.there = False
        await ears.clock.advance(10)
        for _ in range(3):
            assert await ears.settle() == ears.clock.now() + SECOND
            await ears.clock.advance(600)
        assert ears.network.is_blind()
        assert (await ears.shown(made)).status == "active"
        other = await ears.made(name="other")
        if by_ping:  # of a third machine: the world is there, the gateway is another
            await ears.ping(other, source=PUBLIC)
        else:
            world.there = True
            await ears.network.tick(ears.clock.now())
        assert not ears.network.is_blind()
        assert await ears.settle() == NOON + 91 * MINUTE
        (message,) = await ears.said_of(made, "moved")
        assert message.endswith(
            ": tickd's own network was lost from 2026-03-03T12:59:50Z to 2026-03-03T13:30:00Z"
        )
        await ears.pass_time(MINUTE)
        assert (await ears.shown(made)).status == "failing"


async def test_what_expires_while_the_network_works_is_missed_at_once(tmp_path: Path) -> None:
    world = World()
    async with connected(tmp_path / "t.db", world) as (ears, made):
        await ears.clock.advance(3600)
        await ears.settle()
        assert (await ears.shown(made)).status == "failing"


# Pings that could not be recorded.


async def refuse_one(ears: Hearing, made: Heartbeat, path: Path, lasting_secs: float) -> None:
    """A file that is locked for a while, and a ping at its beginning that is told so."""
    with locked(path):
        for said in (PLAIN, Said(kind="fail")):
            with pytest.raises(Unavailable, match="the database is locked"):
                await ears.ping(made, said)
        await ears.clock.advance(lasting_secs)


async def test_refused_pings_change_nothing_and_move_deadlines(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    async with hearing(path, busy_timeout_secs=0.02) as ears:
        made, quiet = await ears.made(grace_secs=0), await ears.made(name="quiet", grace_secs=120)
        await ears.ping(made)
        await ears.ping(quiet)
        await ears.pass_time(HOUR - 5 * MINUTE)
        before = await ears.shown(made)
        with locked(path), pytest.raises(Unavailable):
            await ears.ping(made, Said(kind="fail"))
        assert await ears.shown(made) == before
        assert ears.pinging.refused["unavailable"] == 1
        assert ears.pinging.lost_since == NOON + 55 * MINUTE
        with locked(path):
            await ears.clock.advance(600)
            with pytest.raises(Unavailable):
                await ears.settle()
        assert await ears.settle() == NOON + 66 * MINUTE
        assert due(await ears.shown(made)) == 66 * MINUTE
        assert due(await ears.shown(quiet)) == 67 * MINUTE
        why = "pings could not be recorded from 2026-03-03T12:55:00Z to 2026-03-03T13:05:00Z"
        (message,) = await ears.said_of(made, "moved")
        assert message == f"deadline moved from 2026-03-03T13:00:00Z to 2026-03-03T13:06:00Z: {why}"
        assert ears.pinging.lost_since != NOON + 55 * MINUTE
        await ears.pass_time(MINUTE)
        assert misses(await ears.shown(made)) == 1
        await ears.witness.tick(ears.clock.now())
        assert await ears.stored(BLIND, NOON, NOON) == [
            (55 * MINUTE, 65 * MINUTE, "pings could not be recorded")
        ]


async def test_blindness_after_refused_pings_moves_deadlines_too(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    async with hearing(path, busy_timeout_secs=0.02) as ears:
        made = await ears.made(failure_threshold=1)
        await ears.ping(made)
        await refuse_one(ears, made, path, 1)
        await ears.settle()
        ears.clock.step(8 * HOUR)
        await ears.settle()
        assert (await ears.shown(made)).status == "active"
        assert len(await ears.said_of(made, "moved")) == 1


async def test_a_file_that_was_locked_for_a_second_is_no_blindness_of_hours(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    async with hearing(path, busy_timeout_secs=0.02) as ears:
        made = await ears.made(interval_secs=36_000, grace_secs=0, failure_threshold=1)
        await ears.ping(made)
        await refuse_one(ears, made, path, 1)
        await ears.ping(made)
        await ears.clock.advance(36_000)
        await ears.settle()
        await ears.witness.tick(ears.clock.now())
        assert all(ended - began <= MINUTE for began, ended, _ in await ears.stored(BLIND, NOON, NOON))
        assert (await ears.shown(made)).status == "failing"
