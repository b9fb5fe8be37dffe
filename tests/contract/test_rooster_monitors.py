"""The rooster face as StatusRooster's documentation has it, request for request."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import trustme

from tests.contract.certificates import clock, now, served_by, until_closed
from tests.contract.people import key_with, stranger
from tests.contract.watching import (
    NOWHERE,
    checks_of,
    look,
    looked_at,
    monitor,
    rooster,
    rooster_monitor,
    shown,
)
from tests.support.authority import DAY
from tests.support.daemon import KEY, Harness, Reply, running
from tests.support.endpoint import Endpoint
from tests.support.servers import serving

# "Complete field reference (all monitor types)".
FIELDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("id", "monitor_type", "name", "url", "status", "group", "slug", "created_at"), (str,)),
    **dict.fromkeys(("alert_email", "alert_slack_webhook", "webhook_url"), (str,)),
    **dict.fromkeys(("check_interval", "checks_total", "checks_failed"), (int,)),
    "uptime_percent": (float,),
    "last_checked": (str, type(None)),
    "maintenance_windows": (list,),
    **dict.fromkeys(("public", "paused", "follow_redirects"), (bool,)),
    "last_response_by_region": (dict, type(None)),
    **dict.fromkeys(("last_status_code", "expected_status_code", "timeout"), (int, type(None))),
    "last_response_ms": (float, type(None)),
    **dict.fromkeys(("keyword", "http_method", "basic_auth_user", "basic_auth_pass"), (str,)),
    **dict.fromkeys(("bearer_token", "request_body", "request_content_type", "auth_header"), (str,)),
    **dict.fromkeys(("response_threshold_ms", "ssl_expiry", "ssl_issuer"), (str, type(None))),
    **dict.fromkeys(("custom_headers", "json_assertions"), (list, type(None))),
    **dict.fromkeys(("ping_url", "ssl_domain"), (str,)),
    **dict.fromkeys(("heartbeat_interval", "heartbeat_grace_period"), (int, type(None))),
    "ssl_expiry_threshold_days": (int, type(None)),
}


def is_monitor(found: dict[str, Any]) -> None:
    """Every field of the reference and no other, each of its type."""
    assert set(found) == set(FIELDS)
    for name, kinds in FIELDS.items():
        assert isinstance(found[name], kinds), (name, found[name])
        assert not (isinstance(found[name], bool) and bool not in kinds), name


def good(reply: Reply, status: int = 200) -> Any:
    """The data of a good answer in its envelope."""
    assert reply.status == status, reply.json
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert set(reply.json) == {"data", "error", "meta"}
    assert reply.json["error"] is None
    return reply.json["data"]


def bad(reply: Reply, status: int) -> str:
    """The sentence of a bad answer in its envelope, which `detail` says once more."""
    assert reply.status == status, reply.json
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert set(reply.json) == {"data", "error", "detail"}
    assert reply.json["data"] is None
    sentence: str = reply.json["error"]
    assert reply.json["detail"] == {"data": None, "error": sentence}
    return sentence


async def test_create_an_http_monitor(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.text = "Welcome"
    reply = await rooster(
        tickd,
        "POST",
        "/monitors",
        {
            "name": "My Website",
            "url": endpoint.url,
            "expected_status_code": 200,
            "timeout": 10,
            "keyword": "Welcome",
            "check_interval": 60,
        },
    )
    made = good(reply, 201)
    is_monitor(made)
    assert made["id"].startswith("mon_")
    documented = {
        "monitor_type": "http",
        "name": "My Website",
        "url": endpoint.url,
        "status": "pending",
        "expected_status_code": 200,
        "timeout": 10,
        "http_method": "GET",
        "follow_redirects": True,
        "basic_auth_user": "",
        "basic_auth_pass": "",
        "bearer_token": "",
        "request_body": "",
        "request_content_type": "",
        "custom_headers": [],
        "keyword": "Welcome",
        "response_threshold_ms": None,
        "check_interval": 60,
        "uptime_percent": 100.0,
        "checks_total": 0,
        "checks_failed": 0,
        "last_checked": None,
        "last_status_code": None,
        "last_response_ms": None,
        "ssl_expiry": None,
        "ssl_issuer": None,
        "public": True,
        "paused": False,
        "group": "",
        "slug": f"my-website-{made['id'][-6:]}",
        "created_at": "2026-03-03T12:00:00+00:00",
    }
    assert {name: made[name] for name in documented} == documented
    await looked_at(tickd, made["id"])
    after = good(await rooster(tickd, "GET", f"/monitors/{made['id']}"))
    checked = {
        "status": "up",
        "checks_total": 1,
        "last_checked": "2026-03-03T12:00:00+00:00",
        "last_status_code": 200,
        "last_response_ms": 0.0,
        "last_response_by_region": {"local": 0.0},
    }
    assert after == made | checked


async def test_every_default(tickd: Harness) -> None:
    made = await rooster_monitor(tickd, paused=True)
    defaults = {"monitor_type": "http", "expected_status_code": 200, "timeout": 10, "http_method": "GET"}
    defaults |= {"follow_redirects": True, "check_interval": 60, "public": True, "group": "", "keyword": ""}
    defaults |= {"alert_slack_webhook": "", "webhook_url": "", "maintenance_windows": [], "auth_header": ""}
    defaults |= {"ping_url": "", "heartbeat_interval": None, "heartbeat_grace_period": None}
    assert {name: made[name] for name in defaults} == defaults
    native = await shown(tickd, made["id"])
    assert (native["failure_threshold"], native["recovery_threshold"], native["cooldown_secs"]) == (1, 1, 0)


async def test_create_and_update_a_json_monitor(tickd: Harness, endpoint: Endpoint) -> None:
    assertions = [
        {"path": "status", "operator": "equals", "value": "ok"},
        {"path": "data.version", "operator": "exists", "value": ""},
    ]
    body = {
        "monitor_type": "json_api",
        "name": "Health API",
        "url": endpoint.url + "/v1/health",
        "auth_header": "Bearer tok_live_xxxx",
        "expected_status_code": 200,
        "json_assertions": assertions,
    }
    endpoint.text = '{"status": "ok", "data": {"version": null}}'
    made = good(await rooster(tickd, "POST", "/monitors", body), 201)
    is_monitor(made)
    assert {name: made[name] for name in body} == body
    assert (made["status"], made["timeout"], made["check_interval"]) == ("pending", 10, 60)
    await looked_at(tickd, made["id"])
    assert endpoint.calls[0].headers["Authorization"] == "Bearer tok_live_xxxx"
    assert good(await rooster(tickd, "GET", f"/monitors/{made['id']}"))["status"] == "up"
    edit = {
        "auth_header": "Bearer tok_new_xxxx",
        "json_assertions": [
            {"path": "status", "operator": "equals", "value": "healthy"},
            {"path": "data.count", "operator": "greater_than", "value": "0"},
        ],
    }
    for method in ("PUT", "PATCH"):
        updated = good(await rooster(tickd, method, f"/monitors/{made['id']}", edit))
        is_monitor(updated)
        assert {name: updated[name] for name in body} == body | edit
    after = await looked_at(tickd, made["id"], 2)
    assert after["last_check"]["error"] == "status is 'ok', not 'healthy'"
    assert good(await rooster(tickd, "GET", f"/monitors/{made['id']}"))["status"] == "down"
    cleared: dict[str, Any] = {"auth_header": "", "json_assertions": []}
    bare = good(await rooster(tickd, "PUT", f"/monitors/{made['id']}", cleared))
    assert {name: bare[name] for name in cleared} == cleared


async def test_create_and_update_an_ssl_monitor(tickd: Harness) -> None:
    body = {
        "monitor_type": "ssl",
        "name": "example.com SSL",
        "ssl_domain": "example.com",
        "ssl_expiry_threshold_days": 14,
        "paused": True,
    }
    made = good(await rooster(tickd, "POST", "/monitors", body), 201)
    is_monitor(made)
    assert made["id"].startswith("ssl_")
    assert {name: made[name] for name in body} == body
    assert (made["url"], made["ssl_expiry"], made["ssl_issuer"]) == ("https://example.com", None, None)
    assert (made["status"], made["slug"]) == ("pending", f"example-com-ssl-{made['id'][-6:]}")
    assert (made["expected_status_code"], made["timeout"], made["last_status_code"]) == (None, None, None)
    edit = {"ssl_expiry_threshold_days": 7, "name": "example.com SSL (tight)"}
    updated = good(await rooster(tickd, "PUT", f"/monitors/{made['id']}", edit))
    assert updated == made | edit
    moved = good(await rooster(tickd, "PATCH", f"/monitors/{made['id']}", {"ssl_domain": "API.example.com"}))
    assert (moved["ssl_domain"], moved["url"]) == ("api.example.com", "https://api.example.com")
    default = await rooster_monitor(tickd, monitor_type="ssl", ssl_domain="example.com", paused=True)
    assert default["ssl_expiry_threshold_days"] == 30


async def test_a_certificate_that_soon_expires_warns(tmp_path: Path, authority: trustme.CA) -> None:
    expires = now() + 20 * DAY
    tls = served_by(authority, "127.0.0.1", not_after=expires)
    async with (
        running(tmp_path / "tickd.db", clock=clock()) as tickd,
        serving(until_closed, tls=tls) as server,
    ):
        place = f"127.0.0.1:{server.port}"
        made = await rooster_monitor(tickd, monitor_type="ssl", ssl_domain=place)
        await looked_at(tickd, made["id"])
        found = good(await rooster(tickd, "GET", f"/monitors/{made['id']}"))
        is_monitor(found)
        assert (found["status"], found["ssl_expiry"]) == ("warn", expires.isoformat())
        assert "trustme" in found["ssl_issuer"]
        assert (found["last_response_ms"], found["last_response_by_region"]) == (None, None)
        (check,) = good(await rooster(tickd, "GET", f"/monitors/{made['id']}/checks"))
        assert (check["is_up"], check["status_code"], check["response_ms"]) == (True, None, None)
        tight = {"ssl_expiry_threshold_days": 7}
        await rooster(tickd, "PATCH", f"/monitors/{made['id']}", tight)
        await looked_at(tickd, made["id"], 2)
        assert good(await rooster(tickd, "GET", f"/monitors/{made['id']}"))["status"] == "up"


async def test_update_as_the_documentation_does(tickd: Harness) -> None:
    made = await rooster_monitor(tickd, keyword="Welcome", paused=True)
    path = f"/monitors/{made['id']}"
    first = good(await rooster(tickd, "PUT", path, {"keyword": "OK AND !error", "timeout": 15}))
    assert first == made | {"keyword": "OK AND !error", "timeout": 15}
    again = {"keyword": "OK AND !error", "timeout": 15, "expected_status_code": 200}
    assert good(await rooster(tickd, "PATCH", path, again)) == first
    assert good(await rooster(tickd, "GET", path)) == first


async def test_what_was_answered_can_be_sent_back(tickd: Harness) -> None:
    for fields in (
        {},
        {"monitor_type": "json_api", "json_assertions": [{"path": "a", "operator": "exists", "value": ""}]},
        {"monitor_type": "ssl", "ssl_domain": "example.com"},
    ):
        made = await rooster_monitor(tickd, paused=True, **fields)
        for method in ("PUT", "PATCH"):
            assert good(await rooster(tickd, method, f"/monitors/{made['id']}", made)) == made


async def test_the_list_holds_all_by_name(tickd: Harness) -> None:
    empty = await rooster(tickd, "GET", "/monitors")
    assert (good(empty), empty.json["meta"]) == ([], {"total": 0})
    made = [
        await rooster_monitor(tickd, name="c", paused=True),
        await rooster_monitor(tickd, name="b", monitor_type="json_api", paused=True),
        await rooster_monitor(tickd, name="a", monitor_type="ssl", ssl_domain="example.com", paused=True),
    ]
    for _ in range(102):
        await monitor(tickd, name="z", status="paused")
    reply = await rooster(tickd, "GET", "/monitors")
    assert good(reply)[:3] == made[::-1]
    assert reply.json["meta"] == {"total": 105}
    assert len(good(reply)) == 105


async def test_checks(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.statuses = [200, 500]
    made = await rooster_monitor(tickd, url=endpoint.url)
    await looked_at(tickd, made["id"])
    await look(tickd, made["id"])
    reply = await rooster(tickd, "GET", f"/monitors/{made['id']}/checks?limit=10")
    down, up = good(reply)
    assert reply.json["meta"] == {"monitor_id": made["id"], "total": 2, "limit": 10}
    assert up == {
        "id": up["id"],
        "timestamp": "2026-03-03T12:00:00+00:00",
        "status_code": 200,
        "response_ms": 0.0,
        "is_up": True,
        "regions_checked": 1,
        "regions_up": 1,
        "response_ms_by_region": {"local": 0.0},
    }
    assert (down["status_code"], down["is_up"], down["regions_up"]) == (500, False, 0)
    assert down["timestamp"].endswith("+00:00")
    native = (await checks_of(tickd, made["id"]))["checks"]
    assert [one["id"] for one in native] == [down["id"], up["id"]]
    for query, limit, count in (
        ("", 100, 2),
        ("?limit=1", 1, 1),
        ("?limit=0", 1, 1),
        ("?limit=-3", 1, 1),
        ("?limit=501", 500, 2),
        (f"?limit={10**30}", 500, 2),
    ):
        page = await rooster(tickd, "GET", f"/monitors/{made['id']}/checks{query}")
        assert (len(good(page)), page.json["meta"]["limit"]) == (count, limit)


async def test_a_check_without_a_response(tickd: Harness) -> None:
    made = await rooster_monitor(tickd)
    await looked_at(tickd, made["id"])
    (check,) = good(await rooster(tickd, "GET", f"/monitors/{made['id']}/checks"))
    nothing = {"status_code": None, "response_ms": None, "is_up": False, "response_ms_by_region": None}
    assert {name: check[name] for name in nothing} == nothing
    found = good(await rooster(tickd, "GET", f"/monitors/{made['id']}"))
    is_monitor(found)
    assert (found["status"], found["last_response_ms"], found["last_response_by_region"]) == (
        "down",
        None,
        None,
    )
    assert (found["uptime_percent"], found["checks_total"], found["checks_failed"]) == (0.0, 1, 1)


async def test_lifetime_counts(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.statuses = [200, 500, 200]
    made = await rooster_monitor(tickd, url=endpoint.url)
    await looked_at(tickd, made["id"])
    for _ in range(2):
        await look(tickd, made["id"])
    found = good(await rooster(tickd, "GET", f"/monitors/{made['id']}"))
    assert (found["checks_total"], found["checks_failed"], found["uptime_percent"]) == (3, 1, 66.67)


async def test_delete(tickd: Harness) -> None:
    made = await rooster_monitor(tickd)
    path = f"/monitors/{made['id']}"
    deleted = await rooster(tickd, "DELETE", path)
    assert good(deleted) == {"deleted": True, "monitor_id": made["id"]}
    for method, tail in (("DELETE", ""), ("GET", ""), ("PUT", ""), ("PATCH", ""), ("GET", "/checks")):
        body = {"name": "x"} if method in ("PUT", "PATCH") else None
        assert bad(await rooster(tickd, method, path + tail, body), 404) == f"no monitor {made['id']}"
    assert (await tickd.call("GET", f"/v1/monitors/{made['id']}")).status == 404


async def test_what_one_face_makes_the_other_shows(tickd: Harness) -> None:
    made = await rooster_monitor(
        tickd, custom_headers=[{"key": "X-One", "value": "1"}], group="g", paused=True, slug="front"
    )
    native = await shown(tickd, made["id"])
    assert (native["headers"], native["group"], native["status"]) == ({"X-One": "1"}, "g", "paused")
    assert (native["type"], native["slug"], native["follow_redirects"]) == ("http", "front", True)
    for kind, url, word in (("json", NOWHERE, "json_api"), ("tcp", "127.0.0.1:9", "tcp")):
        theirs = await monitor(tickd, type=kind, url=url, interval_secs=3600, status="paused")
        found = good(await rooster(tickd, "GET", f"/monitors/{theirs['id']}"))
        is_monitor(found)
        assert (found["monitor_type"], found["url"], found["check_interval"]) == (word, url, 3600)
        assert found["expected_status_code"] is None
        await tickd.call("DELETE", f"/v1/monitors/{theirs['id']}")
    await rooster(tickd, "PATCH", f"/monitors/{made['id']}", {"paused": False, "check_interval": 300})
    native = await shown(tickd, made["id"])
    assert (native["status"] != "paused", native["interval_secs"]) == (True, 300)
    await tickd.call("PATCH", f"/v1/monitors/{made['id']}", {"name": "other", "status": "paused"})
    found = good(await rooster(tickd, "GET", f"/monitors/{made['id']}"))
    assert (found["name"], found["paused"]) == ("other", True)


async def test_keys(tickd: Harness) -> None:
    made = await rooster_monitor(tickd, bearer_token="t", basic_auth_pass="p", paused=True)
    path = f"/monitors/{made['id']}"
    bearer = await tickd.call("GET", f"/api/v1{path}")
    assert good(bearer) == made
    for headers in ({"X-API-Key": ""}, {"X-API-Key": "sr_wrong"}):
        for method, tail in (("GET", "/monitors"), ("POST", "/monitors"), ("DELETE", path)):
            bad(await rooster(tickd, method, tail, headers=headers), 401)
    reader, other = await key_with(tickd, "read"), await stranger(tickd)
    masked = made | {"bearer_token": "••••••", "basic_auth_pass": "••••••"}
    assert good(await rooster(tickd, "GET", path, headers={"X-API-Key": reader})) == masked
    for method in ("PUT", "PATCH", "DELETE"):
        bad(await rooster(tickd, method, path, headers={"X-API-Key": reader}), 403)
        bad(await rooster(tickd, method, path, headers={"X-API-Key": other}), 404)
    bad(await rooster(tickd, "GET", path + "/checks", headers={"X-API-Key": other}), 404)
    assert good(await rooster(tickd, "GET", "/monitors", headers={"X-API-Key": other})) == []


async def test_errors_that_are_http_s_own(tickd: Harness) -> None:
    for path in ("/nothing", "/monitors/x/y/z", "/", ""):
        bad(await rooster(tickd, "GET", path), 404)
    wrong = await rooster(tickd, "PATCH", "/monitors")
    bad(wrong, 405)
    assert {"GET", "POST"} <= set(wrong.headers["Allow"].split(", "))
    large = io.BytesIO(b'{"name": "' + b"x" * (1 << 20) + b'"}')
    headers = {"X-API-Key": KEY}
    reply = await tickd.call("POST", "/api/v1/monitors", key=None, headers=headers, data=large)
    assert bad(reply, 413) == "the body is larger than 1 MiB"
    for data, sentence in ((b"{", "the body is not valid JSON: "), (b"[]", "the body must be a JSON object")):
        reply = await tickd.call("POST", "/api/v1/monitors", key=None, headers=headers, data=data)
        assert bad(reply, 400).startswith(sentence)
