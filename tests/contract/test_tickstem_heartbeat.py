"""The real Tickstem SDK's heartbeat client against a real daemon: only its address and key were changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pytest
from tickstem import APIError, HeartbeatClient, HeartbeatCreateParams, is_quota_exceeded, is_unauthorized

from tests.contract.beating import heartbeat, shown, silent
from tests.contract.people import stranger
from tests.contract.watching import rooster
from tests.support.daemon import Harness

DAILY = {"name": "daily backup", "interval_secs": 86_400, "grace_secs": 3600}


class Sdk:
    """A HeartbeatClient whose blocking calls run on another thread than the daemon."""

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
    with ThreadPoolExecutor(1) as thread, HeartbeatClient(tickd.key, base_url=tickd.url + "/v1") as client:
        yield Sdk(client, thread)


async def test_create_as_the_documentation_does(sdk: Sdk) -> None:
    made = await sdk("create", HeartbeatCreateParams(**DAILY))
    assert asdict(made) == {
        "id": made.id,
        "name": "daily backup",
        "token": made.token,
        "interval_secs": 86_400,
        "grace_secs": 3600,
        "status": "active",
        "consecutive_misses": 0,
        "last_pinged_at": None,
        "next_expected_at": None,
        "created_at": "2026-03-03T12:00:00Z",
        "updated_at": "2026-03-03T12:00:00Z",
    }
    assert made.id.startswith("hb_")
    assert (len(made.token), set(made.token) <= set("0123456789abcdef")) == (64, True)
    assert asdict(await sdk("get", made.id)) == asdict(made)


async def test_what_the_sdk_leaves_out_is_no_grace(tickd: Harness, sdk: Sdk) -> None:
    made = await sdk("create", HeartbeatCreateParams(name="weekly", interval_secs=604_800))
    found = await shown(tickd, made.id)
    assert (found["interval_secs"], found["grace_secs"], found["failure_threshold"]) == (604_800, 0, 2)
    assert (found["timezone"], found["severity"], found["state"]) == ("UTC", "minor", "pending")


async def test_list(sdk: Sdk) -> None:
    assert await sdk("list") == []
    for name in ("b", "a"):
        await sdk("create", HeartbeatCreateParams(name=name, interval_secs=60))
    assert [one.name for one in await sdk("list")] == ["a", "b"]


async def test_ping_needs_the_token_alone(tickd: Harness, sdk: Sdk) -> None:
    made = await sdk("create", HeartbeatCreateParams(**DAILY))
    with ThreadPoolExecutor(1) as thread, HeartbeatClient("tk_nobody", base_url=tickd.url + "/v1") as client:
        assert await Sdk(client, thread)("ping", made.token) == "ok"
    pinged = await sdk("get", made.id)
    assert (pinged.status, pinged.consecutive_misses) == ("active", 0)
    assert pinged.last_pinged_at == "2026-03-03T12:00:00Z"
    assert pinged.next_expected_at == "2026-03-04T12:00:00Z"
    error = await sdk.fails("ping", "0" * 64)
    assert (error.status, error.message) == (404, "no heartbeat has this token")


async def test_two_missed_intervals_fail_and_a_ping_recovers(tickd: Harness, sdk: Sdk) -> None:
    made = await sdk("create", HeartbeatCreateParams(**DAILY))
    await sdk("ping", made.token)
    await silent(tickd, made.id, 86_400 + 3600, 1)
    assert (await sdk("get", made.id)).status == "active"
    await silent(tickd, made.id, 86_400, 2)
    failing = await sdk("get", made.id)
    assert (failing.status, failing.consecutive_misses) == ("failing", 2)
    assert failing.next_expected_at == "2026-03-06T12:00:00Z"
    await sdk("ping", made.token)
    again = await sdk("get", made.id)
    assert (again.status, again.consecutive_misses) == ("active", 0)
    assert again.last_pinged_at == "2026-03-05T13:00:00Z"


async def test_pause_and_resume(tickd: Harness, sdk: Sdk) -> None:
    made = await sdk("create", HeartbeatCreateParams(**DAILY))
    assert await sdk("ping", made.token) == "ok"
    for _ in range(2):
        paused = await sdk("pause", made.id)
        assert (paused.status, paused.next_expected_at) == ("paused", None)
    await tickd.clock.advance(600)
    assert await sdk("ping", made.token) == "paused"
    for _ in range(2):
        resumed = await sdk("resume", made.id)
        assert (resumed.status, resumed.next_expected_at) == ("active", "2026-03-04T12:10:00Z")
    assert resumed.last_pinged_at == "2026-03-03T12:00:00Z"


async def test_pings_newest_first(tickd: Harness, sdk: Sdk) -> None:
    made = await sdk("create", HeartbeatCreateParams(**DAILY))
    assert await sdk("pings", made.id) == []
    for _ in range(3):
        await sdk("ping", made.token)
        await tickd.clock.advance(1.5)
    found = await sdk("pings", made.id, limit=50)
    assert [one.pinged_at for one in found] == [
        "2026-03-03T12:00:03Z",
        "2026-03-03T12:00:01.500Z",
        "2026-03-03T12:00:00Z",
    ]
    assert {one.heartbeat_id for one in found} == {made.id}
    assert len({one.id for one in found}) == 3
    assert await sdk("pings", made.id, limit=1) == found[:1]


async def test_delete(sdk: Sdk) -> None:
    made = await sdk("create", HeartbeatCreateParams(**DAILY))
    assert await sdk("delete", made.id) is None
    assert await sdk("list") == []
    for name in ("get", "pause", "resume", "delete", "pings"):
        error = await sdk.fails(name, made.id)
        assert (error.status, error.message) == (404, f"no heartbeat {made.id}"), name
    assert (await sdk.fails("ping", made.token)).status == 404


async def test_heartbeats_of_the_other_faces(tickd: Harness, sdk: Sdk) -> None:
    body = {"name": "Nightly", "monitor_type": "heartbeat", "heartbeat_interval": 300, "paused": True}
    of_rooster = (await rooster(tickd, "POST", "/monitors", body)).json["data"]
    by_cron = await heartbeat(tickd, name="Tymo", schedule="0 2 * * *")
    nightly, tymo = await sdk("list")
    assert (nightly.id, nightly.interval_secs, nightly.grace_secs) == (of_rooster["id"], 300, 60)
    assert (nightly.status, tymo.id, tymo.grace_secs) == ("paused", by_cron["id"], 1800)
    assert of_rooster["ping_url"].endswith(nightly.token)


async def test_a_wrong_value_is_named(sdk: Sdk) -> None:
    error = await sdk.fails("create", HeartbeatCreateParams(name="x", interval_secs=59))
    assert (error.status, error.message) == (400, "interval_secs must be between 60 and 31622400")
    assert not is_unauthorized(error)
    assert not is_quota_exceeded(error)


async def test_whose_key_it_is_not(tickd: Harness, sdk: Sdk) -> None:
    made = await sdk("create", HeartbeatCreateParams(**DAILY))
    base_url = tickd.url + "/v1/"
    with ThreadPoolExecutor(1) as thread:
        with HeartbeatClient("tk_wrong", base_url=base_url) as client:
            error = await Sdk(client, thread).fails("list")
        assert is_unauthorized(error)
        with HeartbeatClient(await stranger(tickd), base_url=base_url) as client:
            assert await Sdk(client, thread)("list") == []
            assert (await Sdk(client, thread).fails("get", made.id)).status == 404
