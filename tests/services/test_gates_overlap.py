"""Health-gated firing beside edits of the job, and beside its other runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.gating import a_shop, accounted, called, changed, released, standing, trigger
from tests.support.daemon import NOON, Harness
from tests.support.endpoint import Endpoint
from tickd.domain import times
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.store import jobs

# Edits while something is deferred.


async def test_a_paused_job_keeps_nothing_deferred(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, requires=[shop.id])
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    await tickd.call("POST", f"/v1/jobs/{job['id']}/pause")
    (skipped,) = await standing(tickd, job, "skipped")
    assert skipped["error"] == skipped["reason"] == "the job was paused"
    await shop.up()
    await tickd.call("POST", f"/v1/jobs/{job['id']}/resume")
    await standing(tickd, job, "skipped")
    assert (await accounted(tickd), endpoint.calls) == ((0, 0), [])


async def test_a_deleted_job_takes_along_what_is_deferred(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, requires=[shop.id])
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    await tickd.call("DELETE", f"/v1/jobs/{job['id']}")
    assert await accounted(tickd) == (0, 0)
    await shop.up()
    assert endpoint.calls == []


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"requires": []}, "success", "deferred 60 s: {} was down"),
        ({"when_down": "skip"}, "skipped", "{} is down (when_down: skip)"),
        ({"when_down": "fire"}, "success", "deferred 60 s: {0} was down; fired although {0} is down"),
        ({"defer_max_secs": 60}, "skipped", "deferred for 60 s: {} was still down"),
        ({"defer_max_secs": 61}, "pending", "deferred: {} is down"),
        ({"retries": 9}, "pending", "deferred: {} is down"),
    ],
)
async def test_an_edit_is_looked_at_with_the_new_settings(
    tickd: Harness, endpoint: Endpoint, fields: dict[str, Any], status: str, words: str
) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", requires=[shop.id])
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    await tickd.clock.advance(60)
    await changed(tickd, job, **fields)
    (found,) = await standing(tickd, job, status)
    assert found["reason"] == words.format(shop.shown)


async def test_a_longer_deferral_counts_for_what_is_deferred(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", requires=[shop.id], defer_max_secs=60)
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    await changed(tickd, job, defer_max_secs=120)
    await tickd.clock.advance(119)
    await standing(tickd, job, "pending")
    await tickd.clock.advance(1)
    (skipped,) = await standing(tickd, job, "skipped")
    assert skipped["reason"] == f"deferred for 2 min: {shop.shown} was still down"


async def test_fewer_are_fired_where_a_job_no_longer_catches_all_up(
    tickd: Harness, endpoint: Endpoint
) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, requires=[shop.id], catch_up="all")
    for count in range(2):
        await tickd.clock.advance(60)
        await standing(tickd, job, *["pending"] * (count + 1))
    await changed(tickd, job, catch_up="last")
    await standing(tickd, job, "skipped", "pending")
    await shop.up()
    await standing(tickd, job, "skipped", "success")


async def test_an_edit_counts_that_came_after_the_job_was_read(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, requires=[shop.id])
    db, firing = tickd.daemon._database, tickd.daemon.services.firing
    read = await jobs.get(db, DEFAULT_ACCOUNT, job["id"])
    assert read is not None
    await changed(tickd, job, requires=[])
    due = NOON + times.MINUTE
    firing.submit(await db.write(lambda tx: firing.record_due(tx, read, due)))
    await standing(tickd, job, "success")


# Overlap.


@pytest.mark.parametrize("overlap", ["skip", "queue"])
async def test_what_is_deferred_is_no_run_under_way(tickd: Harness, endpoint: Endpoint, overlap: str) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", overlap=overlap, requires=[shop.id])
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    await trigger(tickd, job)
    # Nor does it begin when that run ends.
    await standing(tickd, job, "pending", "success")
    assert await accounted(tickd) == (1, 0)
    await shop.up()
    await standing(tickd, job, "success", "success")


async def test_what_was_deferred_is_skipped_where_a_run_is_under_way(
    tickd: Harness, endpoint: Endpoint
) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", overlap="skip", requires=[shop.id])
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    endpoint.gate.clear()
    await trigger(tickd, job)
    await called(endpoint, 1)
    await shop.up()
    skipped, _ = await standing(tickd, job, "skipped", "running")
    assert skipped["error"] == "the run before it had not ended (overlap: skip)"
    assert skipped["reason"] == f"deferred 0 s: {shop.shown} was down"
    endpoint.gate.set()
    await standing(tickd, job, "skipped", "success")


async def test_what_was_deferred_queues_behind_a_run_under_way(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", overlap="queue", requires=[shop.id])
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    endpoint.gate.clear()
    await trigger(tickd, job)
    await called(endpoint, 1)
    await shop.up()
    await released(tickd)
    await standing(tickd, job, "pending", "running")
    assert len(endpoint.calls) == 1
    endpoint.gate.set()
    await standing(tickd, job, "success", "success")


async def test_the_next_occurrence_meets_a_deferred_one_that_runs_at_last(
    tickd: Harness, endpoint: Endpoint
) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, overlap="skip", requires=[shop.id])
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    endpoint.gate.clear()
    await shop.up()
    await standing(tickd, job, "running")
    await tickd.clock.advance(60)
    _, skipped = await standing(tickd, job, "running", "skipped")
    assert skipped["error"] == "the run before it had not ended (overlap: skip)"
    endpoint.gate.set()
    await standing(tickd, job, "success", "skipped")


async def test_what_was_deferred_goes_before_what_is_due_at_that_moment(
    tickd: Harness, endpoint: Endpoint
) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, overlap="queue", requires=[shop.id])
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    await tickd.clock.advance(58)
    tickd.clock.step(2_000)  # the next is due, but the loop still sleeps: one tick finds both
    await shop.up()
    await standing(tickd, job, "success", "success")
    minutes = [call.headers["X-Tickd-Scheduled-At"] for call in endpoint.calls]
    assert minutes == ["2026-03-03T12:01:00Z", "2026-03-03T12:02:00Z"]
