"""Pings that arrive late with the time at which they were sent: they repair history and raise nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from tests.services.hearing import Hearing, due, hearing, misses
from tests.support.daemon import NOON
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.pings import Kind, Said
from tickd.domain.times import HOUR, MINUTE
from tickd.services.pinging import Taken

RUNS = "SELECT rid, started_at - ? FROM open_runs"


@pytest.fixture
async def ears(tmp_path: Path) -> AsyncIterator[Hearing]:
    async with hearing(tmp_path / "t.db") as made:
        yield made


async def replay(
    ears: Hearing, made: Heartbeat, after_noon: int, kind: Kind = "success", rid: str = ""
) -> Taken:
    """A ping that was sent then and arrives now."""
    return await ears.ping(made, Said(kind=kind, rid=rid, sent_at=NOON + after_noon))


async def repaired(ears: Hearing, made: Heartbeat) -> list[bool]:
    """Of each silence, the oldest first, whether it has been explained."""
    return [event.repaired for event in await ears.events(made) if event.kind in ("missed", "overran")]


async def silent(ears: Hearing, hours: int, threshold: int = 2) -> Heartbeat:
    """Pinged at noon, an hour's interval and five minutes' grace, and nothing since."""
    made = await ears.made(failure_threshold=threshold)
    await ears.ping(made)
    await ears.pass_time(hours * HOUR + 10 * MINUTE)
    assert misses(await ears.shown(made)) == hours
    return made


async def test_a_success_explains_its_miss_and_recovers(ears: Hearing) -> None:
    made = await silent(ears, 1, threshold=1)
    taken = await replay(ears, made, 59 * MINUTE)
    assert (taken.flip, taken.state, taken.due_at) == ("recovered", "up", NOON + 124 * MINUTE)
    shown = await ears.shown(made)
    assert (shown.status, misses(shown), due(shown)) == ("active", 0, 124 * MINUTE)
    assert (shown.checks_total, shown.checks_failed) == (3, 0)
    assert await repaired(ears, made) == [True]
    last = (await ears.events(made))[-1]
    assert (last.at, last.received_at, last.flip) == (NOON + 59 * MINUTE, NOON + 70 * MINUTE, "recovered")


async def test_a_success_explains_no_more_than_its_own_period(ears: Hearing) -> None:
    made = await silent(ears, 4)
    taken = await replay(ears, made, 59 * MINUTE)  # until 14:04
    assert (taken.flip, taken.state) == (None, "down")
    assert misses(await ears.shown(made)) == 3
    assert await repaired(ears, made) == [True, False, False, False]
    taken = await replay(ears, made, 179 * MINUTE)  # until 16:04
    assert (taken.flip, misses(await ears.shown(made))) == ("recovered", 1)
    assert await repaired(ears, made) == [True, False, True, False]


async def test_a_success_before_the_last_ping_repairs_history_alone(ears: Hearing) -> None:
    made = await silent(ears, 2)
    await ears.ping(made)
    before = await ears.shown(made)
    taken = await replay(ears, made, 61 * MINUTE)
    after = await ears.shown(made)
    assert taken.flip is None
    assert after.standing == before.standing
    assert await repaired(ears, made) == [True, True]
    assert (after.checks_total, after.checks_failed) == (before.checks_total + 1, before.checks_failed - 2)


@pytest.mark.parametrize("kind", ["fail", "start", "log"])
async def test_what_is_no_success_is_noted_and_raises_nothing(ears: Hearing, kind: Kind) -> None:
    made = await silent(ears, 1)
    before = await ears.shown(made)
    taken = await replay(ears, made, 30 * MINUTE, kind)
    after = await ears.shown(made)
    assert (taken.flip, after.standing) == (None, before.standing)
    assert await repaired(ears, made) == [False]
    assert await ears.stored(RUNS, NOON) == []
    failed = int(kind == "fail")
    assert (after.checks_total, after.checks_failed) == (before.checks_total + failed, 1 + failed)
    assert (await ears.events(made))[-1].at == NOON + 30 * MINUTE


@pytest.mark.parametrize("kind", ["success", "fail", "start"])
async def test_the_same_ping_twice_is_one(ears: Hearing, kind: Kind) -> None:
    made = await silent(ears, 1)
    await replay(ears, made, 30 * MINUTE, kind, "a")
    before, history = await ears.shown(made), await ears.events(made)
    taken = await replay(ears, made, 30 * MINUTE, kind, "a")
    assert taken.flip is None
    assert (await ears.shown(made), await ears.events(made)) == (before, history)
    await replay(ears, made, 30 * MINUTE, kind, "b")
    assert len(await ears.events(made)) == len(history) + 1


async def test_a_start_and_its_end_are_paired_by_their_own_times(ears: Hearing) -> None:
    made = await silent(ears, 1)
    for rid, began, ended in (("a", 10, 25), ("b", 12, 13), ("", 30, 45)):
        await replay(ears, made, began * MINUTE, "start", rid)
        await replay(ears, made, ended * MINUTE, "success", rid)
    ended_events = [event for event in await ears.events(made) if event.kind == "success"][1:]
    assert [event.duration_ms for event in ended_events] == [15 * MINUTE, MINUTE, 15 * MINUTE]
    assert await ears.stored(RUNS, NOON) == []


async def test_an_end_that_arrives_before_its_start_has_no_length(ears: Hearing) -> None:
    made = await silent(ears, 1)
    await replay(ears, made, 45 * MINUTE)
    await replay(ears, made, 30 * MINUTE, "start")
    assert [event.duration_ms for event in await ears.events(made)][-2:] == [None, None]
    shown = await ears.shown(made)
    assert (shown.standing.last_pinged_at, misses(shown)) == (NOON + 45 * MINUTE, 0)


async def test_in_whatever_order_they_arrive_the_latest_counts(ears: Hearing) -> None:
    made = await silent(ears, 3)
    for moment in (150, 45, 100, 190):
        await replay(ears, made, moment * MINUTE)
    shown = await ears.shown(made)
    assert shown.standing.last_pinged_at == NOON + 190 * MINUTE
    assert (misses(shown), due(shown)) == (0, 255 * MINUTE)
    assert await repaired(ears, made) == [True, True, True]
    assert (shown.checks_total, shown.checks_failed) == (8, 0)


async def test_an_end_closes_the_run_that_tickd_saw_begin_and_gave_up(ears: Hearing) -> None:
    made = await ears.made(grace_secs=600)
    await ears.ping(made)
    await ears.ping(made, Said(kind="start", rid="a"))
    await ears.pass_time(20 * MINUTE)
    assert misses(await ears.shown(made)) == 1
    await replay(ears, made, 8 * MINUTE, rid="a")
    assert await ears.stored(RUNS, NOON) == []
    assert await repaired(ears, made) == [True]
    assert (await ears.events(made))[-1].duration_ms == 8 * MINUTE
    await ears.pass_time(HOUR)
    assert await repaired(ears, made) == [True, False]


async def test_the_late_end_of_an_earlier_run_leaves_the_one_that_runs_now(ears: Hearing) -> None:
    made = await ears.made(grace_secs=1800, interval_secs=86_400)
    await ears.ping(made, Said(kind="start"))
    await ears.pass_time(20 * MINUTE)
    await ears.ping(made, Said(kind="start"))
    await replay(ears, made, 10 * MINUTE)
    assert await ears.stored(RUNS, NOON) == [("", 20 * MINUTE)]
    await ears.pass_time(HOUR)
    assert len(await repaired(ears, made)) == 1


async def test_a_first_ping_may_arrive_late(ears: Hearing) -> None:
    made = await ears.made()
    await ears.pass_time(10 * HOUR)
    taken = await replay(ears, made, 30 * MINUTE)
    assert (taken.state, taken.flip) == ("up", None)
    assert due(await ears.shown(made)) == 10 * HOUR + 35 * MINUTE


async def test_a_replay_plans_the_deadline_of_when_it_was_sent(ears: Hearing) -> None:
    made = await ears.made(grace_secs=0)
    await ears.pass_time(50 * MINUTE)
    planned: list[int] = []
    ears.pinging.planned = planned.append
    await replay(ears, made, 0)
    assert planned == [NOON + HOUR]


async def test_a_replay_neither_holds_a_deadline_nor_fails_what_is_well(ears: Hearing) -> None:
    made = await ears.made(failure_threshold=1)
    await ears.ping(made)
    before = await ears.shown(made)
    await ears.clock.advance(60)
    await replay(ears, made, 30_000, "fail")
    after = await ears.shown(made)
    assert after == structs.replace(before, checks_total=2, checks_failed=1)
