"""Health-gated firing: what becomes of occurrences while something that their job requires is down."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.gating import LOOK, NEVER, a_shop, accounted, called, standing, trigger
from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint
from tickd.domain import times
from tickd.domain.jobs import CATCH_UP_MOST

# Deferred.


async def test_an_occurrence_waits_until_what_it_requires_is_up(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", requires=[shop.id])
    await tickd.clock.advance(60)
    (waiting,) = await standing(tickd, job, "pending")
    assert (waiting["reason"], waiting["error"]) == (f"deferred: {shop.shown} is down", "")
    assert (waiting["started_at"], waiting["finished_at"]) == (None, None)
    assert await accounted(tickd) == (1, 0)
    await tickd.clock.advance(12 * 60)
    assert endpoint.calls == []
    await shop.up()
    (fired,) = await standing(tickd, job, "success")
    assert fired["reason"] == f"deferred 12 min: {shop.shown} was down"
    assert (fired["id"], fired["scheduled_at"]) == (waiting["id"], "2026-03-03T12:01:00Z")
    assert len(endpoint.calls) == 1
    assert await accounted(tickd) == (0, 0)
    # Its lateness is no lateness of tickd.
    assert tickd.daemon.services.firing.lateness.total == 0


async def test_a_recovery_that_nobody_tells_of_is_found(
    tickd: Harness, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickd.daemon.services.firing, "gates_changed", lambda: None)
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", requires=[shop.id])
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    await shop.up()
    await standing(tickd, job, "pending")
    await tickd.clock.advance(LOOK)
    (fired,) = await standing(tickd, job, "success")
    assert fired["reason"] == f"deferred 5 s: {shop.shown} was down"


async def test_what_was_deferred_too_long_is_skipped(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", requires=[shop.id], defer_max_secs=600)
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    await tickd.clock.advance(599)
    await standing(tickd, job, "pending")
    await tickd.clock.advance(1)
    (skipped,) = await standing(tickd, job, "skipped")
    assert skipped["error"] == skipped["reason"] == f"deferred for 10 min: {shop.shown} was still down"
    assert skipped["finished_at"] == "2026-03-03T12:11:00Z"
    await shop.up()
    assert endpoint.calls == []
    assert await accounted(tickd) == (0, 0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"defer_max_secs": 0}, "{} is down (defer_max_secs: 0)"),
        ({"when_down": "skip"}, "{} is down (when_down: skip)"),
    ],
)
async def test_what_may_not_wait_is_skipped_at_once(
    tickd: Harness, endpoint: Endpoint, fields: dict[str, Any], words: str
) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, requires=[shop.id], **fields)
    await tickd.clock.advance(60)
    (skipped,) = await standing(tickd, job, "skipped")
    assert skipped["error"] == skipped["reason"] == words.format(shop.shown)
    await shop.up()
    await tickd.clock.advance(60)
    await standing(tickd, job, "skipped", "success")
    assert await accounted(tickd) == (0, 0)


async def test_a_job_can_be_fired_all_the_same(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, requires=[shop.id], when_down="fire")
    await tickd.clock.advance(60)
    (fired,) = await standing(tickd, job, "success")
    assert fired["reason"] == f"fired although {shop.shown} is down"


async def test_only_the_latest_of_many_is_fired(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, requires=[shop.id])
    for count in range(3):
        await tickd.clock.advance(60)
        await standing(tickd, job, *["skipped"] * count, "pending")
    await shop.up()
    first, second, latest = await standing(tickd, job, "skipped", "skipped", "success")
    assert first["error"] == second["reason"] == "a later occurrence was deferred too"
    assert latest["scheduled_at"] == "2026-03-03T12:03:00Z"
    assert len(endpoint.calls) == 1
    assert await accounted(tickd) == (0, 0)


async def test_all_are_fired_in_order_where_a_job_catches_all_up(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, requires=[shop.id], catch_up="all", overlap="queue")
    for count in range(3):
        await tickd.clock.advance(60)
        await standing(tickd, job, *["pending"] * (count + 1))
    endpoint.gate.clear()
    await shop.up()
    await called(endpoint, 1)
    _, waits, _ = await standing(tickd, job, "running", "pending", "pending")
    assert waits["reason"] == (
        f"deferred 60 s: {shop.shown} was down; waits for the run before it (overlap: queue)"
    )
    assert await accounted(tickd) == (0, 0)
    endpoint.gate.set()
    fired = await standing(tickd, job, "success", "success", "success")
    ids = [call.headers["X-Tickd-Execution-Id"] for call in endpoint.calls]
    assert ids == [one["id"] for one in fired]


async def test_no_more_wait_than_are_caught_up(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, requires=[shop.id], catch_up="all", defer_max_secs=86_400)
    tickd.clock.step(120 * times.MINUTE)
    await tickd.clock.advance(1)
    missed, waiting = 120 - CATCH_UP_MOST, CATCH_UP_MOST
    await standing(tickd, job, *["missed"] * missed, *["pending"] * waiting)
    await tickd.clock.advance(59)
    found = await standing(tickd, job, *["missed"] * missed, "skipped", *["pending"] * waiting)
    assert found[missed]["error"] == "100 later occurrences were deferred too"
    await shop.up()
    await standing(tickd, job, *["missed"] * missed, "skipped", *["success"] * waiting)
    assert await accounted(tickd) == (0, 0)


async def test_a_reason_names_all_that_are_down(tickd: Harness, endpoint: Endpoint) -> None:
    shop, store = await a_shop(tickd), await a_shop(tickd, "Store")
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", requires=[store.id, shop.id])
    await tickd.clock.advance(60)
    (waiting,) = await standing(tickd, job, "pending")
    assert waiting["reason"] == f"deferred: {store.shown} and {shop.shown} are down"
    await store.up()

    async def looked() -> bool:
        (found,) = await tickd.executions(job["id"])
        return bool(found["reason"] == f"deferred: {shop.shown} is down")

    await eventually(looked)
    assert endpoint.calls == []
    await shop.up()
    (fired,) = await standing(tickd, job, "success")
    assert fired["reason"] == f"deferred 0 s: {shop.shown} was down"


# What is not gated.


async def test_a_run_by_hand_is_not_gated(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, schedule=NEVER, requires=[shop.id])
    await trigger(tickd, job)
    (fired,) = await standing(tickd, job, "success")
    assert fired["reason"] == ""


async def test_what_is_up_paused_gone_or_unknown_gates_nothing(tickd: Harness, endpoint: Endpoint) -> None:
    up, paused, gone = await a_shop(tickd), await a_shop(tickd), await a_shop(tickd)
    await up.up()
    await tickd.call("POST", f"/v1/heartbeats/{paused.id}/pause")
    await tickd.call("DELETE", f"/v1/heartbeats/{gone.id}")
    required = [up.id, paused.id, gone.id, "mon_0000000000000000", "anything"]
    job = await tickd.job(endpoint=endpoint.url, requires=required)
    await tickd.clock.advance(60)
    (fired,) = await standing(tickd, job, "success")
    assert fired["reason"] == ""


@pytest.mark.parametrize(("method", "path"), [("POST", "/pause"), ("DELETE", "")])
async def test_a_target_that_is_paused_or_deleted_gates_no_longer(
    tickd: Harness, endpoint: Endpoint, method: str, path: str
) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", requires=[shop.id])
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    await tickd.clock.advance(12 * 60)
    await tickd.call(method, f"/v1/heartbeats/{shop.id}{path}")
    await tickd.clock.advance(LOOK)
    (fired,) = await standing(tickd, job, "success")
    known = shop.shown if path else shop.id
    assert fired["reason"] == f"deferred 12 min: {known} was down"


async def test_a_retry_is_not_gated(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    await shop.up()
    endpoint.statuses = [500]
    job = await tickd.job(
        endpoint=endpoint.url, schedule="1 * * * *", requires=[shop.id], retry_on=["status"]
    )
    await tickd.clock.advance(60)
    await called(endpoint, 1)
    await shop.down()

    async def ended() -> object:
        await tickd.clock.advance(1)
        return (await tickd.executions(job["id"]))[0]["finished_at"]

    await eventually(ended)
    (fired,) = await standing(tickd, job, "success")
    assert fired["attempts"] == 2
