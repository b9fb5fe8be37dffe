"""Health-gated firing across restarts, and under everything at once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.services.gating import LOOK, a_shop, accounted, called, changed, released, standing, trigger
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.endpoint import Endpoint
from tickd.domain import times
from tickd.domain.jobs import CATCH_UP_MOST

# Restarts.


async def test_what_is_deferred_outlives_a_restart(tmp_path: Path, endpoint: Endpoint) -> None:
    path, clock = tmp_path / "t.db", FakeClock(NOON)
    async with running(path, clock=clock) as tickd:
        shop = await a_shop(tickd)
        job = await tickd.job(
            endpoint=endpoint.url, schedule="1 * * * *", requires=[shop.id], catch_up="none"
        )
        await clock.advance(60)
        await standing(tickd, job, "pending")
    clock.set(NOON + 31 * times.MINUTE)
    async with running(path, clock=clock) as tickd:
        shop.tickd = tickd
        await tickd.clock.advance(LOOK)
        (waiting,) = await standing(tickd, job, "pending")
        assert waiting["reason"] == f"deferred: {shop.shown} is down"
        await shop.up()
        (fired,) = await standing(tickd, job, "success")
        assert fired["reason"] == f"deferred 30 min: {shop.shown} was down"
        assert (fired["id"], fired["trigger"]) == (waiting["id"], "schedule")
        assert await accounted(tickd) == (0, 0)
    assert len(endpoint.calls) == 1


async def test_a_deferral_that_ended_while_tickd_was_away_is_given_up(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    path, clock = tmp_path / "t.db", FakeClock(NOON)
    async with running(path, clock=clock) as tickd:
        shop = await a_shop(tickd)
        job = await tickd.job(endpoint=endpoint.url, schedule="1 12 * * *", requires=[shop.id])
        await clock.advance(60)
        await standing(tickd, job, "pending")
    clock.set(NOON + 3 * times.HOUR)
    async with running(path, clock=clock) as tickd:
        (skipped,) = await standing(tickd, job, "skipped")
        assert skipped["error"] == f"deferred for 2 h: {shop.shown} was still down"
    assert endpoint.calls == []


@pytest.mark.parametrize(("catch_up", "status"), [("last", "success"), ("none", "missed")])
async def test_a_release_that_tickd_was_away_for_is_caught_up_or_missed(
    tmp_path: Path, endpoint: Endpoint, catch_up: str, status: str
) -> None:
    path, clock = tmp_path / "t.db", FakeClock(NOON)
    async with running(path, clock=clock) as tickd:
        shop = await a_shop(tickd)
        job = await tickd.job(
            endpoint=endpoint.url, schedule="1 12 * * *", requires=[shop.id], catch_up=catch_up
        )
        await clock.advance(60)
        await standing(tickd, job, "pending")
        await tickd.call("POST", f"/v1/heartbeats/{shop.id}/pause")
    assert endpoint.calls == []
    clock.set(NOON + 3 * times.HOUR)
    async with running(path, clock=clock) as tickd:
        (found,) = await standing(tickd, job, status)
        if status == "missed":
            assert found["error"].startswith("tickd was not running from ")
        assert await accounted(tickd) == (0, 0)


async def test_what_is_caught_up_is_due_when_it_is_caught_up(tmp_path: Path, endpoint: Endpoint) -> None:
    path, clock = tmp_path / "t.db", FakeClock(NOON)
    async with running(path, clock=clock) as tickd:
        shop = await a_shop(tickd)
        job = await tickd.job(endpoint=endpoint.url, schedule="1 12 * * *", requires=[shop.id])
    clock.set(NOON + 6 * times.HOUR)
    async with running(path, clock=clock) as tickd:
        shop.tickd = tickd
        (waiting,) = await standing(tickd, job, "pending")
        away, _, gate = waiting["reason"].partition("; ")
        assert away.startswith("caught up: tickd was not running from ")
        assert gate == f"deferred: {shop.shown} is down"
        await shop.up()
        (fired,) = await standing(tickd, job, "success")
        assert fired["reason"] == f"{away}; deferred 0 s: {shop.shown} was down"
        assert fired["trigger"] == "catch_up"


async def test_what_was_deferred_waits_after_a_restart_for_a_run_that_was_accepted(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    path, clock = tmp_path / "t.db", FakeClock(NOON)
    async with running(path, clock=clock) as tickd:
        shop = await a_shop(tickd)
        job = await tickd.job(
            endpoint=endpoint.url,
            schedule="1 * * * *",
            overlap="queue",
            completion="callback",
            requires=[shop.id],
        )
        await clock.advance(60)
        await standing(tickd, job, "pending")
        await trigger(tickd, job)
        await called(endpoint, 1)

        async def accepted() -> bool:
            return bool((await tickd.executions(job["id"]))[0]["status_code"])

        await eventually(accepted)
        await shop.up()
        await released(tickd)
    async with running(path, clock=clock) as tickd:
        await clock.advance(LOOK)
        await standing(tickd, job, "pending", "running")
        assert len(endpoint.calls) == 1
        done = endpoint.calls[0].headers["X-Tickd-Done-Url"].partition("/x/")[2]
        assert (await tickd.call("POST", f"/x/{done}", key=None)).status == 200
        await called(endpoint, 2)


# All together.


@pytest.mark.parametrize("seed", range(6))
async def test_every_occurrence_gets_its_one_row_and_its_end(
    tickd: Harness, endpoint: Endpoint, seed: int
) -> None:
    chance = random.Random(seed)
    shops = [await a_shop(tickd, "Shop"), await a_shop(tickd, "Store")]
    job = await tickd.job(
        endpoint=endpoint.url,
        requires=[shop.id for shop in shops],
        overlap=chance.choice(["allow", "skip", "queue"]),
        defer_max_secs=chance.choice([0, 90, 7200]),
    )

    async def recorded() -> bool:
        shown = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
        return shown["next_run_at"] is None or shown["next_run_at"] > times.rfc3339(tickd.clock.now())

    for _ in range(40):
        shop = chance.choice(shops)
        act = chance.randrange(10)
        if act == 0:
            await shop.down()
        elif act == 1:
            await shop.up()
        elif act == 2:
            await changed(tickd, job, when_down=chance.choice(["defer", "defer", "skip", "fire"]))
        elif act == 3:
            await changed(tickd, job, catch_up=chance.choice(["last", "none", "all"]))
        elif act == 4:
            await tickd.call("POST", f"/v1/jobs/{job['id']}/pause")
        elif act in (5, 6):
            await tickd.call("POST", f"/v1/jobs/{job['id']}/resume")
        else:
            await tickd.clock.advance(chance.choice([7, 60, 60, 61]))
            await eventually(recorded)
        waiting, unaccounted = await accounted(tickd)
        assert (waiting <= CATCH_UP_MOST, unaccounted) == (True, 0)
    for shop in shops:
        await shop.up()
    await changed(tickd, job, status="paused")

    async def ended() -> bool:
        return all(one["finished_at"] for one in await tickd.executions(job["id"]))

    await eventually(ended)
    found = await tickd.executions(job["id"])
    assert len({one["scheduled_at"] for one in found}) == len(found) > 3
    assert {one["status"] for one in found} <= {"success", "skipped", "missed"}
    assert len(endpoint.calls) == sum(one["status"] == "success" for one in found)
    assert all(one["error"] for one in found if one["status"] != "success")
    assert await accounted(tickd) == (0, 0)
