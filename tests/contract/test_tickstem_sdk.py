"""The real Tickstem SDK against a real daemon: only its address and its key were changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pytest
from tickstem import APIError, CronClient, CronRegisterParams, is_quota_exceeded, is_unauthorized

from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.limits import LimitsChange

ANYWHERE = "http://127.0.0.1:9/"


class Sdk:
    """A CronClient whose blocking calls run on another thread than the daemon."""

    def __init__(self, client: Any, thread: Executor) -> None:
        self._client = client
        self._thread = thread

    async def __call__(self, name: str, *arguments: Any) -> Any:
        method: Callable[..., Any] = getattr(self._client, name)
        return await asyncio.get_running_loop().run_in_executor(self._thread, method, *arguments)

    async def fails(self, name: str, *arguments: Any) -> Any:
        """The APIError that the call ends in."""
        with pytest.raises(APIError) as caught:
            await self(name, *arguments)
        return caught.value


@pytest.fixture
async def sdk(tickd: Harness) -> AsyncIterator[Sdk]:
    with ThreadPoolExecutor(1) as thread, CronClient(tickd.key, base_url=tickd.url + "/v1") as client:
        yield Sdk(client, thread)


def params(**fields: Any) -> Any:
    plain = {"name": "nightly", "schedule": "0 2 * * *", "endpoint": ANYWHERE}
    return CronRegisterParams(**(plain | fields))


async def test_register(sdk: Sdk) -> None:
    job = await sdk("register", params())
    assert asdict(job) == {
        "id": job.id,
        "name": "nightly",
        "schedule": "0 2 * * *",
        "endpoint": ANYWHERE,
        "method": "POST",
        "status": "active",
        "timeout_secs": 30,
        "next_run_at": "2026-03-04T02:00:00Z",
        "created_at": "2026-03-03T12:00:00Z",
        "updated_at": "2026-03-03T12:00:00Z",
    }
    assert job.id.startswith("job_")
    assert await sdk("get", job.id) == job


async def test_register_again_changes_the_job_of_that_name(tickd: Harness, sdk: Sdk) -> None:
    first = await sdk("register", params())
    await tickd.clock.advance(1.0)
    second = await sdk("register", params(schedule="30 2 * * *", method="GET", timeout_secs=5))
    assert second.id == first.id
    assert (second.schedule, second.method, second.timeout_secs) == ("30 2 * * *", "GET", 5)
    assert second.created_at == first.created_at
    assert second.updated_at == "2026-03-03T12:00:01Z"
    assert [job.id for job in await sdk("list")] == [first.id]


async def test_list_is_by_name(sdk: Sdk) -> None:
    assert await sdk("list") == []
    made = [await sdk("register", params(name=name)) for name in ("b", "a", "c")]
    assert await sdk("list") == sorted(made, key=lambda job: str(job.name))


async def test_update_keeps_what_the_sdk_does_not_know(tickd: Harness, sdk: Sdk) -> None:
    job = await tickd.job(retries=7, tags=["db"], headers={"X-A": "b"}, schedule="0 2 * * *")
    changed = await sdk("update", job["id"], params(name="weekly", schedule="0 2 * * 1", description="new"))
    assert (changed.id, changed.name, changed.schedule) == (job["id"], "weekly", "0 2 * * 1")
    kept = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
    assert (kept["retries"], kept["tags"], kept["headers"]) == (7, ["db"], {"X-A": "b"})
    assert kept["description"] == "new"


async def test_update_to_a_name_that_is_taken(sdk: Sdk) -> None:
    await sdk("register", params(name="taken"))
    job = await sdk("register", params())
    error = await sdk.fails("update", job.id, params(name="taken"))
    assert error.status == 409
    assert error.message == "name is taken: another job is called 'taken'"


async def test_pause_and_resume(sdk: Sdk) -> None:
    job = await sdk("register", params())
    for _ in range(2):
        paused = await sdk("pause", job.id)
        assert (paused.status, paused.next_run_at) == ("paused", None)
    for _ in range(2):
        resumed = await sdk("resume", job.id)
        assert (resumed.status, resumed.next_run_at) == ("active", job.next_run_at)


async def test_executions_from_running_to_their_end(tickd: Harness, sdk: Sdk, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    job = await tickd.job(endpoint=endpoint.url, overlap="queue", retries=0)
    assert await sdk("executions", job["id"]) == []
    for _ in range(2):
        assert (await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")).status == 202

    async def called() -> bool:
        return len(endpoint.calls) == 1

    await eventually(called)
    waiting, running = await sdk("executions", job["id"])
    assert (waiting.status, running.status) == ("pending", "running")
    for execution in (waiting, running):
        assert asdict(execution) == {
            "id": execution.id,
            "job_id": job["id"],
            "status": execution.status,
            "status_code": None,
            "duration_ms": 0,
            "triggered_at": "2026-03-03T12:00:00Z",
        }
        assert type(execution.duration_ms) is int
    endpoint.statuses = [200, 500]
    endpoint.gate.set()

    async def ended() -> Any:
        found = await sdk("executions", job["id"])
        return [one.status for one in found] == ["failed", "success"] and found

    failed, succeeded = await eventually(ended)
    assert (failed.id, succeeded.id) == (waiting.id, running.id)
    assert (failed.status_code, succeeded.status_code) == (500, 200)
    assert all(type(one.duration_ms) is int and one.duration_ms >= 0 for one in (failed, succeeded))


async def test_a_run_on_schedule(tickd: Harness, sdk: Sdk, endpoint: Endpoint) -> None:
    job = await sdk("register", params(schedule="* * * * *", endpoint=endpoint.url, method="PUT"))
    await tickd.clock.advance(60.0)

    async def ended() -> Any:
        return [one for one in await sdk("executions", job.id) if one.status == "success"]

    (execution,) = await eventually(ended)
    assert execution.triggered_at == "2026-03-03T12:01:00Z"
    assert [(call.method, call.headers["X-Tickstem-Job-ID"]) for call in endpoint.calls] == [("PUT", job.id)]


async def test_delete(sdk: Sdk) -> None:
    job = await sdk("register", params())
    assert await sdk("delete", job.id) is None
    for name in ("get", "delete", "pause", "resume", "executions"):
        error = await sdk.fails(name, job.id)
        assert (error.status, error.message) == (404, f"no job {job.id}"), name


async def test_a_wrong_value_is_named(sdk: Sdk) -> None:
    error = await sdk.fails("register", params(timeout_secs=301))
    assert (error.status, error.message) == (400, "timeout_secs must be between 1 and 300")
    assert not is_unauthorized(error)
    assert not is_quota_exceeded(error)


async def test_an_unknown_key_is_unauthorized(tickd: Harness) -> None:
    with ThreadPoolExecutor(1) as thread, CronClient("tk_wrong", base_url=tickd.url + "/v1/") as client:
        error = await Sdk(client, thread).fails("list")
    assert is_unauthorized(error)
    assert error.message == "this API key is unknown or revoked"


async def test_it_knows_what_is_over_the_quota(tickd: Harness, sdk: Sdk) -> None:
    job = await sdk("register", params())
    limits = LimitsChange(max_jobs=1, min_interval_secs=300, executions_per_month=0)
    await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, limits)
    error = await sdk.fails("register", params(name="another"))
    assert is_quota_exceeded(error)
    assert error.message == "max_jobs: this account may have 1 job"
    assert is_quota_exceeded(await sdk.fails("register", params(schedule="* * * * *")))
    assert (await sdk("register", params(schedule="0 3 * * *"))).id == job.id
