"""Jobs that require a monitor, on the native face: the ledger, the fields and the metric."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.people import stranger
from tests.contract.watching import NOWHERE, look, watched
from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint


async def shop(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A monitor that has been looked at once, and fails at its first bad check."""
    return await watched(tickd, **{"name": "Shop", "failure_threshold": 1, "interval_secs": 86_400} | fields)


async def the_one(tickd: Harness, job: dict[str, Any], status: str) -> dict[str, Any]:
    """The job's one execution, once it has this status."""

    async def reached() -> object:
        found = (await tickd.call("GET", f"/v1/executions?job_id={job['id']}")).json["executions"]
        return len(found) == 1 and found[0]["status"] == status and found[0]

    found: dict[str, Any] = await eventually(reached)
    return found


async def sample(tickd: Harness, name: str) -> float:
    """A sample of `/metrics`."""
    async with tickd._session.get(tickd.url + "/metrics") as answer:
        lines = (await answer.text()).splitlines()
    (value,) = (line.rpartition(" ")[2] for line in lines if line.startswith(name + " "))
    return float(value)


async def test_a_deferred_execution_is_pending_and_says_why(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.status = 500
    monitor = await shop(tickd, url=endpoint.url + "/shop")
    assert monitor["status"] == "failing"
    job = await tickd.job(endpoint=endpoint.url + "/job", schedule="1 * * * *", requires=[monitor["id"]])
    assert await sample(tickd, "tickd_executions_deferred") == 0
    await tickd.clock.advance(60)
    waiting = await the_one(tickd, job, "pending")
    named = f"Shop ({monitor['id']})"
    assert waiting == waiting | {
        "reason": f"deferred: {named} is down",
        "error": "",
        "status_code": None,
        "duration_ms": 0,
        "attempts": 0,
        "trigger": "schedule",
        "scheduled_at": "2026-03-03T12:01:00Z",
        "triggered_at": "2026-03-03T12:01:00Z",
        "started_at": None,
        "finished_at": None,
    }
    assert (await tickd.call("GET", f"/v1/executions/{waiting['id']}")).json == waiting
    listed = await tickd.call("GET", f"/v1/jobs/{job['id']}/executions?status=pending")
    assert (listed.json["executions"], listed.json["total"]) == ([waiting], 1)
    assert await sample(tickd, "tickd_executions_deferred") == 1
    endpoint.status = 200
    assert (await look(tickd, monitor["id"]))["status"] == "up"
    fired = await the_one(tickd, job, "success")
    assert (fired["id"], fired["attempts"]) == (waiting["id"], 1)
    assert fired["reason"] == f"deferred 0 s: {named} was down"
    assert await sample(tickd, "tickd_executions_deferred") == 0
    assert await sample(tickd, "tickd_occurrences_unaccounted") == 0


@pytest.mark.parametrize(
    ("when_down", "status", "words"),
    [("skip", "skipped", "{} is down (when_down: skip)"), ("fire", "success", "fired although {} is down")],
)
async def test_the_row_says_what_was_done_instead(
    tickd: Harness, endpoint: Endpoint, when_down: str, status: str, words: str
) -> None:
    monitor = await shop(tickd, url=NOWHERE)
    job = await tickd.job(
        endpoint=endpoint.url, schedule="1 * * * *", requires=[monitor["id"]], when_down=when_down
    )
    await tickd.clock.advance(60)
    execution = await the_one(tickd, job, status)
    assert execution["reason"] == words.format(f"Shop ({monitor['id']})")
    assert execution["error"] == (execution["reason"] if status == "skipped" else "")


async def test_a_monitor_that_fails_and_is_not_confirmed_down_holds_nothing_back(
    tickd: Harness, endpoint: Endpoint
) -> None:
    monitor = await shop(tickd, url=NOWHERE, failure_threshold=2)
    assert (monitor["status"], monitor["consecutive_failures"]) == ("active", 1)
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", requires=[monitor["id"]])
    await tickd.clock.advance(60)
    assert (await the_one(tickd, job, "success"))["reason"] == ""


async def test_a_paused_monitor_holds_nothing_back(tickd: Harness, endpoint: Endpoint) -> None:
    monitor = await shop(tickd, url=NOWHERE)
    await tickd.call("POST", f"/v1/monitors/{monitor['id']}/pause")
    job = await tickd.job(endpoint=endpoint.url, schedule="1 * * * *", requires=[monitor["id"]])
    await tickd.clock.advance(60)
    assert (await the_one(tickd, job, "success"))["reason"] == ""


async def test_ids_that_are_not_there_yet_are_accepted(tickd: Harness, endpoint: Endpoint) -> None:
    reply = await tickd.call(
        "POST",
        "/v1/jobs",
        {
            "name": "a",
            "schedule": "1 * * * *",
            "endpoint": endpoint.url,
            "requires": ["mon_later", "mon_later"],
        },
    )
    assert (reply.status, reply.json["requires"]) == (201, ["mon_later"])
    await tickd.clock.advance(60)
    assert (await the_one(tickd, reply.json, "success"))["reason"] == ""


async def test_a_strangers_monitor_holds_nothing_back(tickd: Harness, endpoint: Endpoint) -> None:
    monitor = await shop(tickd, url=NOWHERE)
    key = await stranger(tickd)
    body = {"name": "a", "schedule": "1 * * * *", "endpoint": endpoint.url, "requires": [monitor["id"]]}
    job = (await tickd.call("POST", "/v1/jobs", body, key=key)).json
    await tickd.clock.advance(60)

    async def ended() -> object:
        path = f"/v1/jobs/{job['id']}/executions"
        found = (await tickd.call("GET", path, key=key)).json["executions"]
        return found and found[0]["finished_at"] and found[0]

    execution = await eventually(ended)
    assert (execution["status"], execution["reason"]) == ("success", "")
