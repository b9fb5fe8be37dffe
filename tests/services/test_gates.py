"""Health-gated firing: what becomes of a job's occurrences while something that it requires is down."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.endpoint import Endpoint
from tickd.domain import times
from tickd.domain.jobs import CATCH_UP_MOST

NEVER = "0 0 1 1 *"
"""A schedule that stays out of the way."""
YEAR = 31_622_400
LOOK = 5.0
"""How often tickd looks again, in seconds."""


@dataclass(slots=True)
class Shop:
    """Something that jobs require: a heartbeat, which fails and recovers at a word."""

    tickd: Harness
    id: str
    path: str
    name: str

    @property
    def shown(self) -> str:
        """How a reason names it."""
        return f"{self.name} ({self.id})"

    async def down(self) -> None:
        """It fails."""
        assert (await self.tickd.call("POST", self.path + "/fail", key=None)).status == 200

    async def up(self) -> None:
        """It recovers, and is looked at."""
        assert (await self.tickd.call("POST", self.path, key=None)).status == 200
        await self.tickd.clock.advance(LOOK)


async def a_shop(tickd: Harness, name: str = "Shop") -> Shop:
    """A heartbeat that is down."""
    reply = await tickd.call("POST", "/v1/heartbeats", {"name": name, "interval_secs": YEAR})
    shop = Shop(tickd, reply.json["id"], f"/p/{reply.json['token']}", name)
    await shop.down()
    return shop


async def standing(tickd: Harness, job: dict[str, Any], *statuses: str) -> list[dict[str, Any]]:
    """The job's executions, oldest first, once their statuses are these."""
    found: list[dict[str, Any]] = []

    async def settled() -> bool:
        found[:] = (await tickd.executions(job["id"]))[::-1]
        return [one["status"] for one in found] == list(statuses)

    try:
        await eventually(settled)
    except AssertionError:
        raise AssertionError([(one["status"], one["error"], one["reason"]) for one in found]) from None
    return found


async def called(endpoint: Endpoint, count: int) -> None:
    """Wait for so many calls."""

    async def reached() -> bool:
        return len(endpoint.calls) >= count

    await eventually(reached)
    assert len(endpoint.calls) == count


async def changed(tickd: Harness, job: dict[str, Any], **fields: Any) -> None:
    """Edit the job."""
    reply = await tickd.call("PATCH", f"/v1/jobs/{job['id']}", fields)
    assert reply.status == 200, reply.json


async def trigger(tickd: Harness, job: dict[str, Any]) -> str:
    """Run the job by hand; the execution's id."""
    return str((await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")).json["execution_id"])


async def accounted(tickd: Harness) -> tuple[int, int]:
    """How many occurrences are deferred, and how many have no row."""
    ledger = await tickd.daemon.services.health.ledger()
    return ledger.deferred_executions, ledger.scheduled - ledger.accounted


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


async def test_a_recovery_that_is_told_is_acted_on_at_once(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", requires=[shop.id])
    await tickd.clock.advance(60)
    await standing(tickd, job, "pending")
    assert (await tickd.call("POST", shop.path, key=None)).status == 200
    tickd.daemon.services.firing.gates_changed()
    (fired,) = await standing(tickd, job, "success")
    assert fired["reason"] == f"deferred 0 s: {shop.shown} was down"


async def test_what_was_deferred_too_long_is_skipped(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    job = await tickd.job(
        endpoint=endpoint.url, schedule="1 * * * *", requires=[shop.id], defer_max_secs=600
    )
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
    await tickd.clock.advance(60 - LOOK)
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
        f"deferred 65 s: {shop.shown} was down; waits for the run before it (overlap: queue)"
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
    assert fired["reason"] == f"deferred 10 s: {shop.shown} was down"


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
    await tickd.call(method, f"/v1/heartbeats/{shop.id}{path}")
    await tickd.clock.advance(LOOK)
    (fired,) = await standing(tickd, job, "success")
    known = shop.shown if path else shop.id
    assert fired["reason"] == f"deferred 5 s: {known} was down"


async def test_a_retry_is_not_gated(tickd: Harness, endpoint: Endpoint) -> None:
    shop = await a_shop(tickd)
    await shop.up()
    endpoint.statuses = [500]
    job = await tickd.job(
        endpoint=endpoint.url, schedule="1 * * * *", requires=[shop.id], retry_on=["status"]
    )
    await tickd.clock.advance(60 - LOOK)
    await called(endpoint, 1)
    await shop.down()

    async def ended() -> object:
        await tickd.clock.advance(1)
        return (await tickd.executions(job["id"]))[0]["finished_at"]

    await eventually(ended)
    (fired,) = await standing(tickd, job, "success")
    assert fired["attempts"] == 2


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
    assert skipped["reason"] == f"deferred 5 s: {shop.shown} was down"
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

    async def released() -> bool:
        return await accounted(tickd) == (0, 0)

    await eventually(released)
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
    await tickd.call("POST", shop.path, key=None)
    tickd.clock.step(2_000)  # the next is due, and both are found by one tick
    tickd.daemon.services.firing.wake()
    await standing(tickd, job, "success", "success")
    minutes = [call.headers["X-Tickd-Scheduled-At"] for call in endpoint.calls]
    assert minutes == ["2026-03-03T12:01:00Z", "2026-03-03T12:02:00Z"]


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
        assert fired["reason"] == f"{away}; deferred 5 s: {shop.shown} was down"
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

        async def released() -> bool:
            return await accounted(tickd) == (0, 0)

        await eventually(released)
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
