"""Checks on the native face: one now, the history in pages, uptime by day, the drawing of the times."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from tests.contract.watching import NOWHERE, checks_of, look, looked_at, monitor, picture, shown, watched
from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint
from tickd.domain.checks import Check


async def test_a_check_now_is_answered_and_recorded(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url)
    endpoint.status = 503
    check = await look(tickd, made["id"])
    timings = check.pop("timings")
    assert set(timings) == {"dns_ms", "connect_ms", "tls_ms", "first_byte_ms"}
    assert (timings["dns_ms"], timings["tls_ms"]) == (None, None)
    assert check == {
        "id": check["id"],
        "monitor_id": made["id"],
        "status": "down",
        "status_code": 503,
        "duration_ms": 0,
        "error": "status code 503",
        "ssl_expires_at": None,
        "checked_at": "2026-03-03T12:00:00.001Z",
        "region": "local",
    }
    assert check["id"].startswith("chk_")
    page = await checks_of(tickd, made["id"])
    assert page["checks"][0] == check | {"timings": timings}
    assert [one["status"] for one in page["checks"]] == ["down", "up"]
    after = await shown(tickd, made["id"])
    assert (after["last_check"], after["consecutive_failures"]) == (page["checks"][0], 1)


async def test_a_check_now_of_a_paused_monitor_is_recorded_but_not_judged(
    tickd: Harness, endpoint: Endpoint
) -> None:
    endpoint.status = 500
    made = await monitor(tickd, url=endpoint.url, status="paused", failure_threshold=1)
    for _ in range(3):
        assert (await look(tickd, made["id"]))["status"] == "down"
    after = await shown(tickd, made["id"])
    assert (after["status"], after["state"], after["consecutive_failures"]) == ("paused", "pending", 0)
    assert after["next_check_at"] is None
    assert after["last_check"]["status_code"] == 500
    assert (await checks_of(tickd, made["id"]))["total"] == 3


async def test_two_checks_at_once_are_one_look(
    tickd: Harness, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await monitor(tickd, url=endpoint.url, status="paused")
    endpoint.gate.clear()
    asked: list[int] = []
    check_now = tickd.daemon._checking.check_now

    async def counted(row: int) -> Check:
        asked.append(row)
        return await check_now(row)

    monkeypatch.setattr(tickd.daemon._checking, "check_now", counted)
    looks = [asyncio.create_task(look(tickd, made["id"])) for _ in range(3)]

    async def all_wait() -> bool:
        return len(asked) == 3 and len(endpoint.calls) == 1

    await eventually(all_wait)
    endpoint.gate.set()
    first, *others = await asyncio.gather(*looks)
    assert others == [first, first]
    assert len(endpoint.calls) == 1
    assert (await checks_of(tickd, made["id"]))["checks"] == [first]


async def test_a_response_takes_what_it_takes(tickd: Harness, endpoint: Endpoint) -> None:
    made = await monitor(tickd, url=endpoint.url, status="paused", response_threshold_ms="> 2000")
    for took, status in ((2.0, "up"), (2.25, "down")):
        endpoint.gate.clear()
        before = len(endpoint.calls)
        looking = asyncio.create_task(look(tickd, made["id"]))

        async def called(before: int = before) -> bool:
            return len(endpoint.calls) > before

        await eventually(called)
        await tickd.clock.advance(took)
        endpoint.gate.set()
        check = await looking
        assert (check["status"], check["duration_ms"]) == (status, round(took * 1000))
        assert check["timings"]["first_byte_ms"] == took * 1000
    assert check["error"] == "response took 2250 ms, more than 2000 ms"


async def test_no_response_has_no_status_code(tickd: Harness) -> None:
    made = await watched(tickd)
    check = made["last_check"]
    assert (check["status"], check["status_code"]) == ("down", None)
    assert check["error"].startswith("connection refused")


async def test_checks_are_pages_newest_first(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.statuses = [200, 500, 200, 500, 500]
    made = await watched(tickd, url=endpoint.url)
    for _ in range(4):
        await look(tickd, made["id"])

    async def page(query: str) -> tuple[list[int], int, int, int]:
        found = await checks_of(tickd, made["id"], query)
        assert set(found) == {"checks", "limit", "offset", "total"}
        codes = [one["status_code"] for one in found["checks"]]
        return codes, found["limit"], found["offset"], found["total"]

    assert await page("") == ([500, 500, 200, 500, 200], 50, 0, 5)
    assert await page("?limit=2") == ([500, 500], 2, 0, 5)
    assert await page("?limit=2&offset=3") == ([500, 200], 2, 3, 5)
    assert await page("?offset=5") == ([], 50, 5, 5)
    assert await page("?limit=0") == ([500], 1, 0, 5)
    assert await page("?limit=501&offset=-1") == ([500, 500, 200, 500, 200], 500, 0, 5)
    assert await page("?status=up") == ([200, 200], 50, 0, 2)
    assert await page("?status=down&limit=1&offset=1") == ([500], 1, 1, 3)
    assert await page("?status=timeout") == ([], 50, 0, 0)
    found = (await checks_of(tickd, made["id"]))["checks"]
    assert len({one["id"] for one in found}) == 5
    times = [one["checked_at"] for one in found]
    assert times[-1] == "2026-03-03T12:00:00Z"
    assert times[:-1] == [f"2026-03-03T12:00:00.00{number}Z" for number in (4, 3, 2, 1)]
    # A filter leaves out, and changes nothing of, what it lets through.
    down = (await checks_of(tickd, made["id"], "?status=down"))["checks"]
    assert down == [one for one in found if one["status"] == "down"]


async def test_checks_come_on_their_schedule(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url, interval_secs=30)
    for number in range(2, 6):
        due = (await shown(tickd, made["id"]))["next_check_at"]
        await tickd.clock.advance(30.0)
        after = await looked_at(tickd, made["id"], number)
        moments = (due, after["last_check"]["checked_at"], after["next_check_at"])
        wanted, checked, following = map(datetime.fromisoformat, moments)
        assert wanted <= checked < following
    assert (await checks_of(tickd, made["id"]))["total"] == len(endpoint.calls) == 5


async def test_uptime_is_weighted_by_time(tickd: Harness, endpoint: Endpoint) -> None:
    made = await monitor(tickd, url=endpoint.url, status="paused")
    path = f"/v1/monitors/{made['id']}/uptime"
    empty = await tickd.call("GET", path)
    assert (empty.status, empty.json) == (
        200,
        {
            "uptime_percent": None,
            "checks_total": 0,
            "checks_failed": 0,
            "maintenance_secs": 0,
            "days": [],
        },
    )
    endpoint.statuses = [200, 200, 200, 503, 200]
    for _ in range(5):
        await look(tickd, made["id"])
        await tickd.clock.advance(60.0)
    found = (await tickd.call("GET", path)).json
    assert found == {
        "uptime_percent": 75.0,
        "checks_total": 5,
        "checks_failed": 1,
        "maintenance_secs": 0,
        "days": [
            {
                "date": "2026-03-03",
                "uptime_percent": 75.0,
                "avg_ms": 0.0,
                "p95_ms": 0.0,
                "maintenance_secs": 0,
            }
        ],
    }


async def test_uptime_is_of_the_days_that_are_asked_for(tickd: Harness, endpoint: Endpoint) -> None:
    made = await monitor(tickd, url=endpoint.url, status="paused")
    path = f"/v1/monitors/{made['id']}/uptime"
    for code in (200, 500, 200):
        endpoint.status = code
        await look(tickd, made["id"])
        await tickd.clock.advance(86_400.0)

    async def days(query: str) -> tuple[list[str], int]:
        found = (await tickd.call("GET", path + query)).json
        return [day["date"] for day in found["days"]], found["checks_total"]

    every = ["2026-03-03", "2026-03-04", "2026-03-05"]
    assert await days("") == (every, 3)
    assert await days("?days=365") == (every, 3)
    assert await days("?days=1000000") == (every, 3)
    assert await days("?days=3") == (every[1:], 2)
    assert await days("?days=2") == (every[2:], 1)
    assert await days("?days=1") == await days("?days=0") == await days("?days=-5") == ([], 0)
    for day in (await tickd.call("GET", path)).json["days"]:
        assert set(day) == {"date", "uptime_percent", "avg_ms", "p95_ms", "maintenance_secs"}


async def test_the_times_are_drawn(tickd: Harness, endpoint: Endpoint) -> None:
    made = await monitor(tickd, url=endpoint.url, status="paused")
    path = f"/v1/monitors/{made['id']}/latency.svg"
    status, headers, empty = await picture(tickd, path)
    assert (status, headers["Content-Type"][:13]) == (200, "image/svg+xml")
    assert headers["Cache-Control"] == "private, max-age=60"
    for _ in range(2):
        await look(tickd, made["id"])
        await tickd.clock.advance(60.0)
    _, _, drawn = await picture(tickd, path + "?hours=1")
    assert empty.startswith("<svg ") and drawn.startswith("<svg ")
    assert len(drawn) > len(empty) > 0
    await tickd.clock.advance(3600.0)
    for hours in (1, 720):
        assert (await picture(tickd, f"{path}?hours={hours}"))[0] == 200
    # Without a key there is none.
    assert (await tickd.call("GET", path, key=None)).status == 401


@pytest.mark.parametrize("kind", ["http", "tcp"])
async def test_a_check_of_a_port_that_nobody_listens_on(tickd: Harness, kind: str) -> None:
    url = NOWHERE if kind == "http" else "127.0.0.1:9"
    made = await watched(tickd, type=kind, url=url, failure_threshold=1)
    assert (made["status"], made["state"]) == ("failing", "down")
    assert made["last_check"]["error"].startswith("connection refused")


async def test_what_is_recorded_survives_its_monitors_edit(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url)
    before = await checks_of(tickd, made["id"])
    edit: dict[str, Any] = {"name": "other", "interval_secs": 300, "type": "json"}
    assert (await tickd.call("PUT", f"/v1/monitors/{made['id']}", edit)).status == 200
    after = await looked_at(tickd, made["id"], 2)
    assert (await checks_of(tickd, made["id"]))["checks"][1:] == before["checks"]
    assert after["last_check"]["error"] == "the body is not JSON"
