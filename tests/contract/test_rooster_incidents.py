"""Incidents on the rooster face: its filters, its clamps, its envelope, and every field."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.contract.beating import sent
from tests.contract.certificates import clock, now, served_by, until_closed
from tests.contract.people import key_with, stranger
from tests.contract.served import Served
from tests.contract.telling import MASK, incidents, latest
from tests.contract.watching import look, looked_at, rooster, rooster_monitor
from tests.support.daemon import KEY, Harness, running
from tests.support.endpoint import Endpoint
from tests.support.servers import free_port
from tests.support.servers import serving as talking
from tickd.web.rooster.incidents import RoosterIncident

NOON = "2026-03-03T12:00:00+00:00"


async def page(tickd: Harness, query: str = "", key: str = KEY) -> dict[str, Any]:
    """A list of incidents with its envelope."""
    reply = await rooster(tickd, "GET", f"/incidents{query}", headers={"X-API-Key": key})
    assert reply.status == 200, reply.json
    found: dict[str, Any] = reply.json
    assert set(found) == {"data", "error", "meta"}
    assert found["error"] is None
    return found


async def names(tickd: Harness, query: str = "") -> list[str]:
    return [one["monitor_name"] for one in (await page(tickd, query))["data"]]


async def fallen(tickd: Harness, endpoint: Endpoint, **fields: Any) -> dict[str, Any]:
    """A rooster monitor that was well and then answered 503."""
    endpoint.status = 200
    made = await rooster_monitor(tickd, **({"url": endpoint.url + "/"} | fields))
    await looked_at(tickd, made["id"])
    endpoint.status = 503
    await look(tickd, made["id"])
    await latest(tickd, made)
    return made


async def beaten(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A rooster heartbeat that has reported a failure."""
    made = await rooster_monitor(tickd, **({"monitor_type": "heartbeat", "name": "Cron"} | fields))
    native = (await tickd.call("GET", f"/v1/heartbeats/{made['id']}")).json
    await sent(tickd, f"/p/{native['token']}/fail", method="POST", data=b"exit 1")
    return made


async def test_every_field_of_an_http_monitors_incident(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.text, endpoint.headers = "y" * 3000, {"X-Thing": "1", "Set-Cookie": "a=b"}
    made = await fallen(tickd, endpoint, check_interval=300)
    (shown,) = (await page(tickd))["data"]
    assert set(shown) == set(RoosterIncident.__struct_fields__)
    headers = shown.pop("failure_response_headers")
    assert (headers["x-thing"], headers["set-cookie"]) == ("1", MASK)
    (native,) = await incidents(tickd)
    expected = {
        "id": native["id"],
        "monitor_id": made["id"],
        "monitor_name": "My Website",
        "monitor_url": endpoint.url + "/",
        "status": "open",
        "status_code": 503,
        "response_ms": 0.0,
        "started_at": native["started_at"].replace("Z", "+00:00"),
        "resolved_at": None,
        "duration_seconds": None,
        "failure_error_message": "status code 503 is not 200",
        "failure_response_body": "y" * 2048,
        "regions_checked": 1,
        "regions_up": 0,
        "region_results": [{"region": "local", "is_up": False, "status_code": 503, "response_ms": 0.0}],
    }
    assert shown == expected
    await tickd.clock.advance(20.0)
    endpoint.status = 200
    await look(tickd, made["id"])
    one = await rooster(tickd, "GET", f"/incidents/{native['id']}")
    assert (one.status, one.json["error"], one.json["meta"]) == (200, None, {})
    over = one.json["data"]
    assert over["resolved_at"].startswith("2026-03-03T12:00:20")
    assert over["resolved_at"].endswith("+00:00")
    resolved = {"status": "resolved", "resolved_at": over["resolved_at"], "duration_seconds": 20}
    assert over == expected | {"failure_response_headers": headers} | resolved


async def test_the_incident_of_a_heartbeat(tickd: Harness) -> None:
    made = await beaten(tickd)
    (shown,) = (await page(tickd))["data"]
    assert shown == {
        "id": shown["id"],
        "monitor_id": made["id"],
        "monitor_name": "Cron",
        "monitor_url": shown["monitor_url"],
        "status": "open",
        "status_code": None,
        "response_ms": None,
        "started_at": NOON,
        "resolved_at": None,
        "duration_seconds": None,
        "failure_error_message": "exit 1",
        "failure_response_headers": None,
        "failure_response_body": "exit 1",
        "regions_checked": None,
        "regions_up": None,
        "region_results": None,
    }
    assert "token" not in shown["monitor_url"]


async def test_a_silent_heartbeat(tickd: Harness) -> None:
    made = await rooster_monitor(tickd, monitor_type="heartbeat", heartbeat_interval=60)
    await rooster(tickd, "GET", "/monitors")
    assert (await tickd.call("GET", made["ping_url"].removeprefix(tickd.url), key=None)).status == 200
    await tickd.clock.advance(120.0)
    await latest(tickd, made)
    (shown,) = (await page(tickd))["data"]
    assert shown["started_at"] == "2026-03-03T12:02:00+00:00"
    expected = "no ping: expected at 2026-03-03T12:01:00Z, with a grace of 60 s"
    assert (shown["failure_error_message"], shown["failure_response_body"]) == (expected, None)


async def test_without_a_response_there_is_none_to_show(tickd: Harness) -> None:
    made = await rooster_monitor(tickd, url=f"http://127.0.0.1:{free_port()}/")
    await latest(tickd, made)
    (shown,) = (await page(tickd))["data"]
    assert (shown["status_code"], shown["response_ms"]) == (None, None)
    assert (shown["failure_response_headers"], shown["failure_response_body"]) == (None, None)
    assert shown["failure_error_message"].startswith("connection refused")


async def test_the_incident_of_an_ssl_monitor(tmp_path: Path, authority: trustme.CA) -> None:
    context = served_by(authority, "other.test", not_after=now() + timedelta(days=90))
    path = tmp_path / "tickd.db"
    async with talking(until_closed, tls=context) as server, running(path, clock=clock()) as tickd:
        domain = f"localhost:{server.port}"
        made = await rooster_monitor(tickd, monitor_type="ssl", ssl_domain=domain)
        await latest(tickd, made)
        (shown,) = (await page(tickd, "?monitor_type=ssl"))["data"]
    assert shown["monitor_url"] == made["url"] == f"https://{domain}"
    assert (shown["status_code"], shown["response_ms"]) == (None, None)
    assert shown["failure_error_message"]


async def test_filters(tickd: Harness, endpoint: Endpoint) -> None:
    web = await fallen(tickd, endpoint, name="Web")
    await tickd.clock.advance(0.01)
    endpoint.text = "{}"
    await fallen(tickd, endpoint, name="Api", monitor_type="json_api")
    await tickd.clock.advance(0.01)
    cron = await beaten(tickd)
    job = await tickd.job(endpoint=endpoint.url + "/job", schedule="@yearly", retries=0)
    await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")
    of_job = await latest(tickd, job)
    assert await names(tickd) == ["Cron", "Api", "Web"]
    assert await names(tickd, "?monitor_type=http") == ["Web"]
    assert await names(tickd, "?monitor_type=json_api") == ["Api"]
    assert await names(tickd, "?monitor_type=heartbeat") == ["Cron"]
    assert await names(tickd, "?monitor_type=ssl") == []
    assert await names(tickd, f"?monitor_id={web['id']}") == ["Web"]
    assert await names(tickd, "?monitor_id=mon_nothing") == []
    assert await names(tickd, f"?monitor_id={cron['id']}&monitor_type=http") == []
    assert await names(tickd, "?status=open") == ["Cron", "Api", "Web"]
    assert await names(tickd, "?status=&monitor_type=&monitor_id=") == ["Cron", "Api", "Web"]
    endpoint.status = 200
    await look(tickd, web["id"])
    assert await names(tickd, "?status=resolved") == ["Web"]
    assert await names(tickd, "?status=open&monitor_type=http") == []
    # A job is none of this face's monitors.
    hidden = await rooster(tickd, "GET", f"/incidents/{of_job['id']}")
    assert (hidden.status, hidden.json["error"]) == (404, f"no incident {of_job['id']}")
    assert await names(tickd, f"?monitor_id={job['id']}") == []


async def test_the_window_is_that_of_the_last_hours(tickd: Harness, endpoint: Endpoint) -> None:
    made = await beaten(tickd, name="old")
    await rooster(tickd, "PATCH", f"/monitors/{made['id']}", {"paused": True})
    await tickd.clock.advance(3600.0 * 720)
    assert await names(tickd) == ["old"]
    await tickd.clock.advance(1.0)
    await beaten(tickd, name="new")
    assert await names(tickd) == ["new"]
    assert await names(tickd, "?hours=721") == ["new", "old"]
    await tickd.clock.advance(3600.0)
    assert await names(tickd, "?hours=1") == ["new"]
    assert await names(tickd, "?hours=0") == ["new"]


CLAMPED = [
    ("", 50, 720),
    ("?limit=0&hours=0", 1, 1),
    ("?limit=-3&hours=-3", 1, 1),
    ("?limit=500&hours=8760", 500, 8760),
    ("?limit=501&hours=8761", 500, 8760),
    ("?limit=99999999999999999999&hours=99999999999999999999", 500, 8760),
    ("?limit=ten&hours=many", 50, 720),
    ("?limit=1.5&hours=1e3", 50, 720),
    ("?limit=&hours=", 50, 720),
]


@pytest.mark.parametrize(("query", "limit", "hours"), CLAMPED)
def test_limit_and_hours_are_clamped_and_never_refused(
    served: Served, query: str, limit: int, hours: int
) -> None:
    reply = served.call("GET", f"/api/v1/incidents{query}")
    assert reply.status == 200
    assert reply.json == {"data": [], "error": None, "meta": {"total": 0, "limit": limit, "hours": hours}}


async def test_the_limit_counts_the_newest_and_the_total_all(tickd: Harness) -> None:
    for name in ("a", "b", "c"):
        await beaten(tickd, name=name)
        await tickd.clock.advance(1.0)
    found = await page(tickd, "?limit=2")
    assert [one["monitor_name"] for one in found["data"]] == ["c", "b"]
    assert found["meta"] == {"total": 3, "limit": 2, "hours": 720}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("status=closed", "status must be one of open, resolved"),
        ("monitor_type=json", "monitor_type must be one of http, json_api, ssl, heartbeat"),
        ("monitor_type=job", "monitor_type must be one of http, json_api, ssl, heartbeat"),
    ],
)
def test_a_wrong_filter_is_refused(served: Served, query: str, sentence: str) -> None:
    reply = served.call("GET", f"/api/v1/incidents?{query}")
    assert (reply.status, reply.json["data"], reply.json["error"]) == (422, None, sentence)


async def test_the_name_and_address_are_those_of_the_beginning(tickd: Harness, endpoint: Endpoint) -> None:
    made = await fallen(tickd, endpoint, name="Old")
    await rooster(tickd, "PATCH", f"/monitors/{made['id']}", {"name": "New", "url": endpoint.url + "/new"})
    (shown,) = (await page(tickd))["data"]
    assert (shown["monitor_name"], shown["monitor_url"]) == ("Old", endpoint.url + "/")


async def test_an_incident_outlives_its_monitor(tickd: Harness, endpoint: Endpoint) -> None:
    made = await fallen(tickd, endpoint)
    await rooster(tickd, "DELETE", f"/monitors/{made['id']}")
    (shown,) = (await page(tickd, f"?monitor_id={made['id']}"))["data"]
    assert (shown["status"], shown["monitor_name"]) == ("resolved", "My Website")


async def test_who_may_read_them(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.headers = {"Set-Cookie": "a=b", "X-Thing": "1"}
    await fallen(tickd, endpoint)
    ((identifier, headers),) = [
        (one["id"], one["failure_response_headers"]) for one in (await page(tickd))["data"]
    ]
    other, reader = await stranger(tickd), await key_with(tickd, "read")
    pinger = await key_with(tickd, "heartbeat:write")
    path = f"/incidents/{identifier}"
    assert (await page(tickd, key=other))["data"] == []
    hidden = await rooster(tickd, "GET", path, headers={"X-API-Key": other})
    assert (hidden.status, hidden.json["error"]) == (404, f"no incident {identifier}")
    assert hidden.json["detail"] == {"data": None, "error": f"no incident {identifier}"}
    seen = await rooster(tickd, "GET", path, headers={"X-API-Key": reader})
    assert (seen.status, seen.json["data"]["failure_response_headers"]) == (200, headers)
    for tail in ("", path.removeprefix("/incidents")):
        refused = await rooster(tickd, "GET", f"/incidents{tail}", headers={"X-API-Key": pinger})
        assert (refused.status, refused.json["data"]) == (403, None)
        assert (await tickd.call("GET", f"/api/v1/incidents{tail}", key=None)).status == 401


async def test_they_can_not_be_made_changed_or_deleted(tickd: Harness, endpoint: Endpoint) -> None:
    await fallen(tickd, endpoint)
    ((identifier),) = [one["id"] for one in (await page(tickd))["data"]]
    for method, path in (
        ("POST", "/incidents"),
        ("PUT", f"/incidents/{identifier}"),
        ("PATCH", f"/incidents/{identifier}"),
        ("DELETE", f"/incidents/{identifier}"),
    ):
        reply = await rooster(tickd, method, path, {})
        assert (reply.status, reply.json["data"]) == (405, None), (method, path)


@pytest.mark.parametrize("name", ["inc_nothing", "x", "%00", "inc_" + "0" * 3000, "…"])
def test_an_id_that_is_nobodys(served: Served, name: str) -> None:
    reply = served.call("GET", f"/api/v1/incidents/{name}")
    assert (reply.status, reply.json["data"]) == (404, None)
    assert reply.json["detail"] == {"data": None, "error": reply.json["error"]}
