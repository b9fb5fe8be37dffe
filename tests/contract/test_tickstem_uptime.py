"""The real Tickstem SDK's uptime client against a real daemon: only its address and its key were changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pytest
from tickstem import (
    APIError,
    Assertion,
    UptimeClient,
    UptimeCreateParams,
    UptimeUpdateParams,
    is_quota_exceeded,
    is_unauthorized,
)

from tests.contract.watching import looked_at, rooster
from tests.support.daemon import Harness
from tests.support.endpoint import Endpoint

BOTH = [
    Assertion(source="status_code", comparison="eq", target="200"),
    Assertion(source="response_time", comparison="lt", target="2000"),
]


class Sdk:
    """An UptimeClient whose blocking calls run on another thread than the daemon."""

    def __init__(self, client: Any, thread: Executor) -> None:
        self._client = client
        self._thread = thread

    async def __call__(self, name: str, *arguments: Any, **named: Any) -> Any:
        method: Callable[..., Any] = getattr(self._client, name)
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: method(*arguments, **named)
        )

    async def fails(self, name: str, *arguments: Any) -> Any:
        """The APIError that the call ends in."""
        with pytest.raises(APIError) as caught:
            await self(name, *arguments)
        return caught.value


@pytest.fixture
async def sdk(tickd: Harness) -> AsyncIterator[Sdk]:
    with ThreadPoolExecutor(1) as thread, UptimeClient(tickd.key, base_url=tickd.url + "/v1") as client:
        yield Sdk(client, thread)


async def test_create_as_the_documentation_does(sdk: Sdk, endpoint: Endpoint) -> None:
    monitor = await sdk(
        "create",
        UptimeCreateParams(name="Production API", url=endpoint.url, interval_secs=60, assertions=BOTH),
    )
    assert asdict(monitor) == {
        "id": monitor.id,
        "name": "Production API",
        "url": endpoint.url,
        "interval_secs": 60,
        "timeout_secs": 10,
        "status": "active",
        "ssl_expires_at": None,
        "next_check_at": monitor.next_check_at,
        "assertions": [asdict(one) for one in BOTH],
        "created_at": "2026-03-03T12:00:00Z",
        "updated_at": "2026-03-03T12:00:00Z",
    }
    assert monitor.id.startswith("mon_")
    assert "2026-03-03T12:00:00Z" <= monitor.next_check_at <= "2026-03-03T12:01:00Z"
    again = await sdk("get", monitor.id)
    assert (again.id, again.name, again.assertions) == (monitor.id, monitor.name, BOTH)


async def test_list(sdk: Sdk) -> None:
    assert await sdk("list") == []
    for name in ("b", "a"):
        await sdk("create", UptimeCreateParams(name=name, url="http://127.0.0.1:9/"))
    assert [(one.name, one.assertions) for one in await sdk("list")] == [("a", []), ("b", [])]


async def test_checks(tickd: Harness, sdk: Sdk, endpoint: Endpoint) -> None:
    endpoint.statuses = [200, 500]
    monitor = await sdk("create", UptimeCreateParams(name="api", url=endpoint.url, assertions=BOTH))
    await looked_at(tickd, monitor.id)
    await tickd.call("POST", f"/v1/monitors/{monitor.id}/check")
    down, up = await sdk("checks", monitor.id)
    assert asdict(up) == {
        "id": up.id,
        "monitor_id": monitor.id,
        "status": "up",
        "status_code": 200,
        "duration_ms": 0,
        "error": "",
        "ssl_expires_at": None,
        "checked_at": "2026-03-03T12:00:00Z",
    }
    assert (down.status, down.status_code, down.error) == ("down", 500, "status code 500 is not 200")
    assert type(up.duration_ms) is int
    assert await sdk("checks", monitor.id, limit=1) == [down]
    assert await sdk("checks", monitor.id, limit=50, offset=1) == [up]


async def test_a_check_without_a_response(tickd: Harness, sdk: Sdk) -> None:
    monitor = await sdk("create", UptimeCreateParams(name="api", url="http://127.0.0.1:9/"))
    await looked_at(tickd, monitor.id)
    (check,) = await sdk("checks", monitor.id)
    assert (check.status, check.status_code, type(check.duration_ms)) == ("down", None, int)
    assert check.error


async def test_update_sends_what_is_said_alone(sdk: Sdk) -> None:
    monitor = await sdk(
        "create", UptimeCreateParams(name="api", url="http://127.0.0.1:9/", assertions=BOTH, timeout_secs=20)
    )
    faster = await sdk("update", monitor.id, UptimeUpdateParams(interval_secs=30))
    assert (faster.interval_secs, faster.timeout_secs, faster.assertions) == (30, 20, BOTH)
    bare = await sdk("update", monitor.id, UptimeUpdateParams(assertions=[]))
    assert (bare.interval_secs, bare.assertions) == (30, [])
    for _ in range(2):
        paused = await sdk("update", monitor.id, UptimeUpdateParams(status="paused"))
        assert (paused.status, paused.next_check_at) == ("paused", None)
    active = await sdk("update", monitor.id, UptimeUpdateParams(status="active"))
    assert active.status == "active"
    assert active.next_check_at is not None


async def test_a_failing_monitor(tickd: Harness, sdk: Sdk, endpoint: Endpoint) -> None:
    endpoint.status = 500
    monitor = await sdk("create", UptimeCreateParams(name="api", url=endpoint.url))
    await looked_at(tickd, monitor.id)
    assert (await sdk("get", monitor.id)).status == "active"
    await tickd.call("POST", f"/v1/monitors/{monitor.id}/check")
    assert (await sdk("get", monitor.id)).status == "failing"


async def test_delete(sdk: Sdk) -> None:
    monitor = await sdk("create", UptimeCreateParams(name="api", url="http://127.0.0.1:9/"))
    assert await sdk("delete", monitor.id) is None
    assert await sdk("list") == []
    for name in ("get", "delete", "checks"):
        error = await sdk.fails(name, monitor.id)
        assert (error.status, error.message) == (404, f"no monitor {monitor.id}"), name
    error = await sdk.fails("update", monitor.id, UptimeUpdateParams(status="paused"))
    assert error.status == 404


async def test_a_monitor_of_the_other_face(tickd: Harness, sdk: Sdk) -> None:
    body = {"name": "My Website", "url": "http://127.0.0.1:9/", "check_interval": 120, "paused": True}
    made = (await rooster(tickd, "POST", "/monitors", body)).json["data"]
    (found,) = await sdk("list")
    assert (found.id, found.name, found.interval_secs) == (made["id"], "My Website", 120)
    assert (found.status, found.assertions) == ("paused", [])


async def test_a_wrong_value_is_named(sdk: Sdk) -> None:
    params = UptimeCreateParams(name="api", url="http://127.0.0.1:9/", interval_secs=29)
    error = await sdk.fails("create", params)
    assert (error.status, error.message) == (400, "interval_secs must be between 30 and 86400")
    assert not is_unauthorized(error)
    assert not is_quota_exceeded(error)


async def test_an_unknown_key_is_unauthorized(tickd: Harness) -> None:
    with ThreadPoolExecutor(1) as thread, UptimeClient("tk_wrong", base_url=tickd.url + "/v1/") as client:
        error = await Sdk(client, thread).fails("list")
    assert is_unauthorized(error)
    assert (error.status, error.message) == (401, "this API key is unknown or revoked")
