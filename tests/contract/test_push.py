"""Uptime Kuma's push form: `/api/push/{token}?status=up|down&msg=&ping=`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.beating import events_of, heartbeat, pings_of, sent, shown
from tests.support.daemon import Harness


async def newest(tickd: Harness, identifier: str) -> dict[str, Any]:
    """The newest ping."""
    return (await pings_of(tickd, identifier))[0]


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("form", ["token", "short_token"])
async def test_as_kuma_shows_it(tickd: Harness, method: str, form: str) -> None:
    made = await heartbeat(tickd, interval_secs=60)
    path = f"/api/push/{made[form]}?status=up&msg=OK&ping="
    reply = await sent(tickd, path, method=method)
    assert reply.json == (None if method == "HEAD" else {"ok": True})
    ping = await newest(tickd, made["id"])
    assert (ping["kind"], ping["message"], ping["metrics"], ping["accepted"]) == ("success", "OK", {}, True)
    found = await shown(tickd, made["id"])
    assert (found["state"], found["next_expected_at"]) == ("up", "2026-03-03T12:01:00Z")


@pytest.mark.parametrize("query", ["", "?", "?status=", "?msg=", "?status=up", "?colour=red"])
async def test_up_is_what_is_not_said(tickd: Harness, query: str) -> None:
    made = await heartbeat(tickd)
    await sent(tickd, f"/api/push/{made['token']}{query}")
    ping = await newest(tickd, made["id"])
    assert (ping["kind"], ping["message"], ping["metrics"]) == ("success", "", {})


async def test_down_fails_at_once_and_up_recovers(tickd: Harness) -> None:
    made = await heartbeat(tickd, failure_threshold=10)
    await sent(tickd, f"/api/push/{made['token']}?status=down&msg=disk%20full&ping=12.5")
    ping = await newest(tickd, made["id"])
    assert (ping["kind"], ping["message"], ping["metrics"]) == ("fail", "disk full", {"ping": 12.5})
    found = await shown(tickd, made["id"])
    assert (found["status"], found["state"], found["metrics"]) == ("failing", "down", {"ping": 12.5})
    await sent(tickd, f"/api/push/{made['token']}?status=up&msg=OK&ping=7")
    found = await shown(tickd, made["id"])
    assert (found["status"], found["state"], found["metrics"]) == ("active", "up", {"ping": 7.0})
    assert [one["flip"] for one in await events_of(tickd, made["id"])] == ["recovered", "failing"]


@pytest.mark.parametrize("status", ["UP", "ok", "degraded", "1", "%FF", "up%20"])
async def test_another_status_is_refused(tickd: Harness, status: str) -> None:
    made = await heartbeat(tickd)
    reply = await tickd.call("GET", f"/api/push/{made['token']}?status={status}", key=None)
    assert (reply.status, reply.json) == (400, {"error": "status must be one of up, down"})
    assert await pings_of(tickd, made["id"]) == []


@pytest.mark.parametrize(
    ("ping", "metrics"),
    [
        ("23", {"ping": 23.0}),
        ("0", {"ping": 0.0}),
        ("1e3", {"ping": 1000.0}),
        ("-1", {"ping": -1.0}),
        *[(text, {}) for text in ("", "fast", "nan", "inf", "1e999", "0x10", "%00", "%FF")],
    ],
)
async def test_a_response_time_that_is_no_number_is_left_out(
    tickd: Harness, ping: str, metrics: dict[str, float]
) -> None:
    made = await heartbeat(tickd)
    await sent(tickd, f"/api/push/{made['token']}?ping={ping}")
    assert (await newest(tickd, made["id"]))["metrics"] == metrics
    assert (await shown(tickd, made["id"]))["metrics"] == metrics


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%E5%82%99%E4%BB%BD%20done", "備份 done"),
        ("a%0Ab%00c", "a b c"),
        ("x" * 700, "x" * 500),
        ("a+b", "a b"),
    ],
)
async def test_a_message_is_one_line(tickd: Harness, text: str, message: str) -> None:
    made = await heartbeat(tickd)
    await sent(tickd, f"/api/push/{made['token']}?msg={text}")
    assert (await newest(tickd, made["id"]))["message"] == message


@pytest.mark.parametrize("text", ["%FF", "%ED%A0%80", "%C3%28"])
async def test_a_message_of_odd_bytes_harms_nobody(tickd: Harness, text: str) -> None:
    made = await heartbeat(tickd)
    await sent(tickd, f"/api/push/{made['token']}?msg={text}")
    assert (await newest(tickd, made["id"]))["kind"] == "success"


async def test_kuma_pushes_as_often_as_it_likes(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    for _ in range(12):
        await sent(tickd, f"/api/push/{made['token']}?status=up&msg=OK&ping=")
    assert (await tickd.call("GET", "/api/push/", key=None)).status == 404
    assert (await tickd.call("PUT", f"/api/push/{made['token']}", key=None)).status == 405
