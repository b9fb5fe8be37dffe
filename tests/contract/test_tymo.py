"""The tymo face as Tymo's documentation has it, request by request: the token's path and its four states."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from tests.contract.beating import edited, events_of, heartbeat, logged, pings_of, sent, shown, silent
from tests.contract.served import Served
from tests.support.daemon import Harness

DAILY = {"name": "backup", "schedule": "24h"}


async def test_quick_start(tickd: Harness) -> None:
    """A schedule of 24h, a grace of 30 minutes, and one `curl -fsS URL` at the end of the job."""
    made = await heartbeat(tickd, **DAILY)
    assert made["grace_secs"] == 1800
    assert len(made["short_token"]) == 16
    assert made["ping_url"] == f"{tickd.url}/p/{made['short_token']}"
    reply = await sent(tickd, made["ping_url"].removeprefix(tickd.url))
    assert reply.json == {"ok": True}
    assert (await shown(tickd, made["id"]))["next_expected_at"] == "2026-03-04T12:00:00Z"
    await tickd.clock.advance(86_400 + 1799)
    assert (await shown(tickd, made["id"]))["status"] == "active"
    down = await silent(tickd, made["id"], 1, 1)
    assert (down["status"], down["state"]) == ("failing", "down")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_both_methods_need_no_header(tickd: Harness, method: str) -> None:
    made = await heartbeat(tickd, **DAILY)
    for token in (made["short_token"], made["token"]):
        reply = await sent(tickd, f"/p/{token}", method=method)
        assert (reply.status, reply.json) == (200, {"ok": True})


def test_the_documented_python(served: Served) -> None:
    made = served.call("POST", "/v1/heartbeats", DAILY).json
    with urllib.request.urlopen(made["ping_url"], timeout=5) as answer:  # noqa: S310 - it is our own
        assert (answer.status, answer.read()) == (200, b'{"ok":true}')
    found = served.call("GET", f"/v1/heartbeats/{made['id']}").json
    assert found["state"] == "up"


async def test_a_paused_check_accepts_and_does_nothing(tickd: Harness) -> None:
    made = await heartbeat(tickd, **DAILY)
    path = f"/p/{made['short_token']}"
    await sent(tickd, path)
    paused = await edited(tickd, made["id"], status="paused")
    await tickd.clock.advance(2 * 86_400)
    assert (await sent(tickd, path)).json == {"ok": True}
    assert await shown(tickd, made["id"]) == paused
    newest, oldest = await pings_of(tickd, made["id"])
    assert (newest["accepted"], oldest["accepted"]) == (False, True)
    assert await events_of(tickd, made["id"]) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30m", "2026-03-03T12:30:00Z"),
        ("6h", "2026-03-03T18:00:00Z"),
        ("24h", "2026-03-04T12:00:00Z"),
        ("7d", "2026-03-10T12:00:00Z"),
        ("0 2 * * *", "2026-03-04T02:00:00Z"),
        ("0 9 * * 1", "2026-03-09T09:00:00Z"),
        ("0 0 1 * *", "2026-04-01T00:00:00Z"),
    ],
)
async def test_the_documented_schedules(tickd: Harness, value: str, expected: str) -> None:
    made = await heartbeat(tickd, schedule=value)
    await sent(tickd, f"/p/{made['short_token']}")
    assert (await shown(tickd, made["id"]))["next_expected_at"] == expected


async def test_the_example_of_grace_periods(tickd: Harness) -> None:
    """ "your backup job is scheduled for 02:00 … If no ping arrives by 02:30, an alert fires.\""""
    made = await heartbeat(tickd, schedule="0 2 * * *", grace_secs=1800)
    path = f"/p/{made['short_token']}"
    await sent(tickd, path)
    await tickd.clock.advance(14 * 3600 + 25 * 60)
    assert (await shown(tickd, made["id"]))["state"] == "late"
    await sent(tickd, path)
    on_time = await shown(tickd, made["id"])
    assert (on_time["state"], on_time["next_expected_at"]) == ("up", "2026-03-05T02:00:00Z")
    down = await silent(tickd, made["id"], 86_400 + 5 * 60, 1)
    assert (down["state"], down["next_expected_at"]) == ("down", "2026-03-06T02:00:00Z")
    (event,) = await events_of(tickd, made["id"])
    assert (event["kind"], event["flip"], event["at"]) == ("missed", "failing", "2026-03-05T02:30:00Z")


@pytest.mark.parametrize("minutes", [1, 30, 1440])
async def test_the_documented_graces(tickd: Harness, minutes: int) -> None:
    made = await heartbeat(tickd, **DAILY, grace_secs=minutes * 60)
    assert made["grace_secs"] == minutes * 60


@pytest.mark.parametrize(
    "allowed", [["192.168.1.100"], ["10.0.1.0/24"], ["10.0.0.0/8", "203.0.113.42"]], ids=str
)
async def test_the_documented_allow_lists(tickd: Harness, allowed: list[str]) -> None:
    made = await heartbeat(tickd, **DAILY, allowed_ips=allowed)
    assert made["allowed_ips"] == allowed
    reply = await tickd.call("GET", f"/p/{made['short_token']}", key=None)
    assert (reply.status, reply.json) == (403, {"error": "IP not allowed"})
    (refused,) = await logged(tickd, made["id"], 1)
    assert (refused["accepted"], refused["source_ip"]) == (False, "127.0.0.1")
    assert await shown(tickd, made["id"]) == made
    await edited(tickd, made["id"], allowed_ips=[*allowed, "127.0.0.0/8"])
    await sent(tickd, f"/p/{made['short_token']}")


async def test_recovery_is_automatic_and_immediate(tickd: Harness) -> None:
    made = await heartbeat(tickd, schedule="30m", grace_secs=60)
    path = f"/p/{made['short_token']}"
    await sent(tickd, path)
    await silent(tickd, made["id"], 1860, 1)
    await sent(tickd, path)
    found = await shown(tickd, made["id"])
    assert (found["state"], found["status"], found["consecutive_misses"]) == ("up", "active", 0)
    assert [one["flip"] for one in await events_of(tickd, made["id"])] == ["recovered", "failing"]


async def test_the_table_of_answers(tickd: Harness) -> None:
    made = await heartbeat(tickd, **DAILY)
    path = f"/p/{made['short_token']}"
    for method in ("GET", "POST"):
        unknown = await tickd.call(method, "/p/YOUR_TOKEN", key=None)
        assert (unknown.status, list(unknown.json)) == (404, ["error"])
    for number in range(10):
        reply = await tickd.call(("GET", "POST")[number % 2], path, key=None)
        assert (reply.status, reply.json) == (200, {"ok": True})
    for _ in range(2):
        limited = await tickd.call("GET", path, key=None)
        assert (limited.status, list(limited.json)) == (429, ["error"])
        assert limited.headers["Retry-After"] == "60"
    assert [one["accepted"] for one in await logged(tickd, made["id"], 12)] == [False] * 2 + [True] * 10
    await tickd.clock.advance(60)
    assert (await tickd.call("GET", path, key=None)).status == 200


async def test_the_four_states(tickd: Harness) -> None:
    made: dict[str, Any] = await heartbeat(tickd, schedule="30m", grace_secs=60)
    path = f"/p/{made['short_token']}"
    assert made["state"] == "pending"
    await tickd.clock.advance(86_400)
    assert (await shown(tickd, made["id"]))["state"] == "pending"
    await sent(tickd, path)
    assert (await shown(tickd, made["id"]))["state"] == "up"
    assert (await silent(tickd, made["id"], 1860, 1))["state"] == "down"
    assert (await edited(tickd, made["id"], status="paused"))["status"] == "paused"
