"""What a native monitor makes of what it sees: types, assertions, thresholds, states, certificates."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.contract.certificates import clock, now, served_by, until_closed
from tests.contract.watching import look, looked_at, monitor, shown, watched
from tests.support.authority import DAY, Authority
from tests.support.clock import FakeClock
from tests.support.daemon import Harness, eventually, running
from tests.support.endpoint import Endpoint
from tests.support.servers import Talk, serving

BODY = '{"status": "ok", "data": {"count": 42, "users": [{"name": "Ada"}], "none": null}}'


def of(source: str, comparison: str, target: str = "", **more: str) -> dict[str, str]:
    return {"source": source, "comparison": comparison, "target": target} | more


@pytest.mark.parametrize(
    ("code", "status"),
    [(200, "up"), (204, "up"), (301, "up"), (304, "up"), (400, "down"), (401, "down"), (503, "down")],
)
async def test_without_assertions_2xx_and_3xx_are_up(
    tickd: Harness, endpoint: Endpoint, code: int, status: str
) -> None:
    endpoint.status, endpoint.headers = code, {"Location": "/elsewhere"}
    made = await monitor(tickd, url=endpoint.url + "/here", status="paused")
    check = await look(tickd, made["id"])
    assert (check["status"], check["status_code"]) == (status, code)
    assert check["error"] == ("" if status == "up" else f"status code {code}")
    # On this face redirects are not followed, unless asked for.
    assert [call.path for call in endpoint.calls] == ["/here"]


@pytest.mark.parametrize(
    ("assertion", "error"),
    [
        (of("status_code", "eq", "503"), ""),
        (of("status_code", "gte", "500"), ""),
        (of("status_code", "lt", "500"), "status code 503 is not less than 500"),
        (of("status_code", "ne", "503"), "status code is 503"),
        (of("response_time", "lt", "2000"), ""),
        (of("response_time", "gt", "0"), "response took 0 ms, not greater than 0 ms"),
        (of("body", "contains", "ok"), ""),
        (of("body", "not_contains", "ok"), "body contains 'ok'"),
        (of("body", "ne", "ok"), ""),
        (of("json", "eq", "42", path="data.count"), ""),
        (of("json", "gt", "42", path="data.count"), "data.count is 42, not greater than 42"),
        (of("json", "eq", "Ada", path="data.users[0].name"), ""),
        (of("json", "exists", path="data.none"), ""),
        (of("json", "exists", path="data.more"), "data.more is missing"),
        (of("header", "eq", "blue", name="X-Colour"), ""),
        (of("header", "exists", name="x-nothing"), "header x-nothing is missing"),
    ],
)
async def test_with_assertions_they_alone_decide(
    tickd: Harness, endpoint: Endpoint, assertion: dict[str, str], error: str
) -> None:
    endpoint.status, endpoint.text, endpoint.headers = 503, BODY, {"X-Colour": "blue"}
    made = await monitor(tickd, url=endpoint.url, assertions=[assertion], status="paused")
    check = await look(tickd, made["id"])
    assert (check["status"], check["error"]) == ("down" if error else "up", error)


async def test_all_assertions_must_hold(tickd: Harness, endpoint: Endpoint) -> None:
    both = [
        {"source": "status_code", "comparison": "eq", "target": "200"},
        {"source": "body", "comparison": "eq", "target": "done"},
    ]
    made = await monitor(tickd, url=endpoint.url, assertions=both, status="paused")
    assert (await look(tickd, made["id"]))["status"] == "up"
    endpoint.text = "done?"
    assert (await look(tickd, made["id"]))["error"] == "body is 'done?', not 'done'"
    endpoint.status = 201
    assert (await look(tickd, made["id"]))["error"] == "status code 201 is not 200"


async def test_a_json_monitor_wants_json(tickd: Harness, endpoint: Endpoint) -> None:
    made = await monitor(tickd, type="json", url=endpoint.url, status="paused")
    assert (await look(tickd, made["id"]))["error"] == "the body is not JSON"
    endpoint.text = BODY
    assert (await look(tickd, made["id"]))["status"] == "up"


async def test_what_is_sent(tickd: Harness, endpoint: Endpoint) -> None:
    fields: dict[str, Any] = {"method": "PUT", "body": "ping", "headers": {"X-One": "1"}}
    made = await watched(tickd, url=endpoint.url + "/a?b=c", request_content_type="text/plain", **fields)
    (call,) = endpoint.calls
    assert (call.method, call.path, call.body) == ("PUT", "/a?b=c", b"ping")
    assert (call.headers["X-One"], call.headers["Content-Type"]) == ("1", "text/plain")
    assert made["state"] == "up"


async def test_a_tcp_monitor(tickd: Harness) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = await watched(
            tickd, type="tcp", url=f"127.0.0.1:{listener.getsockname()[1]}", failure_threshold=1
        )
    assert (made["state"], made["last_check"]["status_code"]) == ("up", None)
    assert (await look(tickd, made["id"]))["status"] == "down"
    assert (await shown(tickd, made["id"]))["status"] == "failing"


async def test_a_dns_monitor(tickd: Harness) -> None:
    made = await watched(tickd, type="dns", url="127.0.0.1")
    assert (made["state"], made["last_check"]["status"]) == ("up", "up")


async def states(tickd: Harness, endpoint: Endpoint, made: dict[str, Any], codes: list[int]) -> list[str]:
    """What the monitor is after each of these answers."""
    found = []
    for code in codes:
        endpoint.status = code
        await look(tickd, made["id"])
        after = await shown(tickd, made["id"])
        found.append(f"{after['status']} {after['state']} {after['consecutive_failures']}")
    return found


async def test_two_bad_checks_fail_and_one_good_recovers(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url)
    assert await states(tickd, endpoint, made, [500, 200, 500, 500, 500, 200, 500]) == [
        "active up 1",
        "active up 0",
        "active up 1",
        "failing down 2",
        "failing down 3",
        "active up 0",
        "active up 1",
    ]


async def test_thresholds_of_ones_own(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url, failure_threshold=3, recovery_threshold=2)
    assert await states(tickd, endpoint, made, [500, 500, 500, 200, 500, 200, 200]) == [
        "active up 1",
        "active up 2",
        "failing down 3",
        "failing down 0",
        "failing down 1",
        "failing down 0",
        "active up 0",
    ]


async def test_a_threshold_counts_as_it_is_now(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url, failure_threshold=5)
    assert (await states(tickd, endpoint, made, [500, 500, 500]))[-1] == "active up 3"
    await tickd.call("PATCH", f"/v1/monitors/{made['id']}", {"failure_threshold": 2})
    assert await states(tickd, endpoint, made, [500]) == ["failing down 4"]


async def test_a_new_monitor_is_pending_until_it_is_sure(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.status = 500
    made = await watched(tickd, url=endpoint.url)
    assert (made["status"], made["state"], made["consecutive_failures"]) == ("active", "pending", 1)
    assert await states(tickd, endpoint, made, [500]) == ["failing down 2"]


async def test_a_state_survives_a_restart(tmp_path: Path, endpoint: Endpoint) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await watched(tickd, url=endpoint.url, failure_threshold=3)
        assert (await states(tickd, endpoint, made, [500, 500]))[-1] == "active up 2"
    async with running(tmp_path / "tickd.db", clock=FakeClock(tickd.clock.now() + 1000)) as again:
        after = await shown(again, made["id"])
        assert (after["state"], after["consecutive_failures"]) == ("up", 2)
        assert await states(again, endpoint, made, [500]) == ["failing down 3"]


async def test_in_its_maintenance_a_monitor_fails_as_ever(tickd: Harness, endpoint: Endpoint) -> None:
    noon = [{"day": "tuesday", "start_utc": "11:00", "end_utc": "12:30"}]
    made = await watched(tickd, url=endpoint.url, maintenance_windows=noon, interval_secs=86_400)
    # What is told of it is held back, not what is known.
    assert await states(tickd, endpoint, made, [500, 500, 500]) == [
        "active up 1",
        "failing down 2",
        "failing down 3",
    ]
    checks = (await tickd.call("GET", f"/v1/monitors/{made['id']}/checks")).json["checks"]
    assert [check["status"] for check in checks] == ["down", "down", "down", "up"]
    assert {check["maintenance"] for check in checks} == {True}
    assert await states(tickd, endpoint, made, [200]) == ["active up 0"]


# Certificates.


async def test_an_ssl_monitor_of_a_certificate_that_nobody_trusts(tmp_path: Path) -> None:
    expires = now() + 20 * DAY
    tls = Authority().server("127.0.0.1", not_after=expires)
    async with (
        running(tmp_path / "tickd.db", clock=clock()) as tickd,
        serving(until_closed, tls=tls) as server,
    ):
        made = await watched(tickd, type="ssl", url=f"127.0.0.1:{server.port}", failure_threshold=1)
        assert made["id"].startswith("ssl_")
        assert (made["status"], made["state"]) == ("failing", "down")
        assert "certificate" in made["last_check"]["error"]
        assert made["ssl_expires_at"] == expires.isoformat().replace("+00:00", "Z")
        assert "trustme" in made["ssl_issuer"]


@pytest.mark.parametrize(
    ("left", "threshold", "state", "error"),
    [
        (timedelta(days=40), 30, "up", ""),
        (timedelta(days=20, hours=1), 30, "degraded", "certificate expires in 20 d"),
        (timedelta(days=20, hours=1), 7, "up", ""),
    ],
)
async def test_an_ssl_monitor_warns_before_the_end(
    tmp_path: Path,
    authority: trustme.CA,
    left: timedelta,
    threshold: int,
    state: str,
    error: str,
) -> None:
    expires = now() + left
    tls = served_by(authority, "127.0.0.1", not_after=expires)
    async with (
        running(tmp_path / "tickd.db", clock=clock()) as tickd,
        serving(until_closed, tls=tls) as server,
    ):
        place = f"127.0.0.1:{server.port}"
        made = await watched(tickd, type="ssl", url=place, ssl_expiry_threshold_days=threshold)
    assert (made["status"], made["state"]) == ("active", state)
    assert made["last_check"]["error"].startswith(error)
    assert made["last_check"]["status"] == state
    assert made["last_check"]["ssl_expires_at"] == made["ssl_expires_at"]
    assert made["ssl_expires_at"] == expires.isoformat().replace("+00:00", "Z")


async def test_https_monitors_show_their_certificate_too(tmp_path: Path, authority: trustme.CA) -> None:
    async def answer(talk: Talk) -> None:
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    tls = served_by(authority, "127.0.0.1", not_after=now() + 3 * DAY)
    async with running(tmp_path / "tickd.db", clock=clock()) as tickd, serving(answer, tls=tls) as server:
        made = await watched(tickd, url=server.url)
        plain = await look(tickd, made["id"])
    # A certificate that soon expires makes no http monitor worse: alerts are for that.
    assert (made["state"], plain["status"]) == ("up", "up")
    assert plain["ssl_expires_at"] == made["ssl_expires_at"] is not None
    assert plain["timings"]["tls_ms"] is not None
    assert "trustme" in made["ssl_issuer"]


async def test_nobody_at_an_ssl_monitors_port(tickd: Harness) -> None:
    made = await monitor(tickd, type="ssl", url="127.0.0.1:9", failure_threshold=1)
    after = await looked_at(tickd, made["id"])
    assert (after["state"], after["ssl_expires_at"], after["ssl_issuer"]) == ("down", None, None)


async def test_a_check_that_was_answered_is_in_the_file(tickd: Harness, endpoint: Endpoint) -> None:
    made = await monitor(tickd, url=endpoint.url)
    reply = await tickd.call("POST", f"/v1/monitors/{made['id']}/check")
    assert reply.status == 200
    assert tickd.daemon._history.waiting == 0


async def test_the_last_check_outlives_a_restart(tmp_path: Path, endpoint: Endpoint) -> None:
    async with running(tmp_path / "t.db") as tickd:
        made = await monitor(tickd, url=endpoint.url, interval_secs=86_400)
        reply = await tickd.call("POST", f"/v1/monitors/{made['id']}/check")
    async with running(tmp_path / "t.db") as tickd:
        shown = (await tickd.call("GET", f"/v1/monitors/{made['id']}")).json
        rooster = (await tickd.call("GET", f"/api/v1/monitors/{made['id']}")).json["data"]
    assert shown["last_check"]["id"] == reply.json["id"]
    assert rooster["last_status_code"] == 200


async def test_an_expected_status_can_be_taken_back(tickd: Harness) -> None:
    made = await monitor(tickd, expected_status_code=201)
    reply = await tickd.call("PATCH", f"/v1/monitors/{made['id']}", {"expected_status_code": None})
    assert (reply.status, reply.json["expected_status_code"]) == (200, None)


async def test_a_body_that_was_cut_says_so(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.text = '{"a": "' + "x" * (1 << 20) + '"}'
    made = await monitor(tickd, url=endpoint.url, type="json")
    reply = await tickd.call("POST", f"/v1/monitors/{made['id']}/check")
    assert reply.json["status"] == "down"
    assert reply.json["error"] == "the body is not JSON; only the first 1 MiB of the body was read"


async def test_a_check_that_a_stop_cuts_off_is_answered(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    made = await monitor(tickd, url=endpoint.url)
    asked = asyncio.ensure_future(tickd.call("POST", f"/v1/monitors/{made['id']}/check"))

    async def called() -> bool:
        return bool(endpoint.calls)

    await eventually(called)
    await tickd.daemon._checking.stop(0)
    reply = await asked
    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
