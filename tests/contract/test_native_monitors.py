"""Every call on monitors of the native face: statuses, partial bodies, pause, lists, owners."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract.people import key_with, stranger
from tests.contract.watching import NOWHERE, checks_of, look, looked_at, monitor, shown, watched
from tests.support.daemon import Harness, running
from tests.support.endpoint import Endpoint

MASK = "••••••"


async def test_making_a_monitor_is_201_and_its_first_check_comes_at_once(
    tickd: Harness, endpoint: Endpoint
) -> None:
    created = await tickd.call("POST", "/v1/monitors", {"name": "site", "url": endpoint.url})
    assert created.status == 201
    assert created.headers["Content-Type"] == "application/json; charset=utf-8"
    assert (created.json["state"], created.json["last_check"]) == ("pending", None)
    after = await looked_at(tickd, created.json["id"])
    assert (after["status"], after["state"], after["consecutive_failures"]) == ("active", "up", 0)
    assert after["last_check"] == (await checks_of(tickd, after["id"]))["checks"][0]
    assert after["last_check"]["checked_at"] == "2026-03-03T12:00:00Z"
    # As times: where one of two texts has no fraction, they do not sort as what they say.
    ahead = datetime.fromisoformat(after["next_check_at"]) - datetime.fromisoformat("2026-03-03T12:00:00Z")
    assert timedelta(0) < ahead <= timedelta(minutes=1)
    assert [(call.method, call.headers["User-Agent"][:6]) for call in endpoint.calls] == [("GET", "tickd/")]


async def test_two_monitors_may_have_one_name(tickd: Harness) -> None:
    first, second = await monitor(tickd), await monitor(tickd)
    assert first["id"] != second["id"]
    assert first["slug"] != second["slug"]


async def test_ids_say_the_kind(tickd: Harness) -> None:
    for kind, url, prefix in (
        ("http", NOWHERE, "mon_"),
        ("json", NOWHERE, "mon_"),
        ("tcp", "127.0.0.1:9", "mon_"),
        ("dns", "127.0.0.1", "mon_"),
        ("ssl", "127.0.0.1:9", "ssl_"),
    ):
        made = await monitor(tickd, type=kind, url=url, status="paused")
        assert made["id"].startswith(prefix)
        assert len(made["id"]) >= 16
        assert (made["type"], made["url"]) == (kind, url)


async def test_get_and_unknown_ids(tickd: Harness) -> None:
    made = await monitor(tickd, status="paused")
    assert await shown(tickd, made["id"]) == made
    for unknown in ("mon_0000000000000000", "site", "%00", "%F0%9F%8C%99", "a%2Fb"):
        for path in ("", "/checks", "/uptime", "/latency.svg?hours=1"):
            reply = await tickd.call("GET", f"/v1/monitors/{unknown}{path}")
            assert reply.status == 404
            assert list(reply.json) == ["error"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_slug_that_is_taken_is_a_conflict(tickd: Harness, method: str) -> None:
    first = await monitor(tickd, slug="front", status="paused")
    second = await monitor(tickd, status="paused")
    taken = {"error": "slug is taken: another monitor is at /s/front"}
    reply = await tickd.call(method, f"/v1/monitors/{second['id']}", {"slug": "Front!", "name": "other"})
    assert (reply.status, reply.json) == (409, taken)
    created = await tickd.call("POST", "/v1/monitors", {"name": "x", "url": NOWHERE, "slug": "front"})
    assert (created.status, created.json) == (409, taken)
    assert await shown(tickd, second["id"]) == second
    own = await tickd.call(method, f"/v1/monitors/{first['id']}", {"slug": "front"})
    assert (own.status, own.json) == (200, first)
    assert (await tickd.call("GET", "/v1/monitors")).json["total"] == 2


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_pause_and_resume_are_idempotent(tickd: Harness, endpoint: Endpoint, method: str) -> None:
    made = await watched(tickd, url=endpoint.url)
    path = f"/v1/monitors/{made['id']}"
    headers = {"Content-Type": "application/json"}
    for _ in range(2):
        paused = await tickd.call(method, f"{path}/pause", headers=headers)
        assert paused.status == 200
        assert paused.json == made | {"status": "paused", "next_check_at": None}
    await tickd.clock.advance(3600.0)
    assert len(endpoint.calls) == 1
    for _ in range(2):
        resumed = await tickd.call(method, f"{path}/resume", headers=headers)
        assert (resumed.status, resumed.json["status"]) == (200, "active")
        assert resumed.json["next_check_at"] is not None
    # It is looked at as soon as it is resumed, and only once.
    after = await looked_at(tickd, made["id"], 2)
    assert after["last_check"]["checked_at"] == "2026-03-03T13:00:00Z"
    assert len(endpoint.calls) == 2


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_status_pauses_and_resumes_too(tickd: Harness, method: str) -> None:
    made = await watched(tickd, failure_threshold=1)
    path = f"/v1/monitors/{made['id']}"
    assert (made["status"], made["state"]) == ("failing", "down")
    for _ in range(2):
        paused = await tickd.call(method, path, {"status": "paused"})
        assert (paused.json["status"], paused.json["next_check_at"]) == ("paused", None)
    for _ in range(2):
        resumed = await tickd.call(method, path, {"status": "active"})
        assert (resumed.json["status"], resumed.json["state"]) == ("failing", "down")


async def test_a_paused_monitor_is_not_looked_at(tickd: Harness, endpoint: Endpoint) -> None:
    paused = await monitor(tickd, url=endpoint.url + "/paused", status="paused")
    assert (paused["status"], paused["next_check_at"]) == ("paused", None)
    active = await monitor(tickd, url=endpoint.url + "/active")
    await looked_at(tickd, active["id"])
    await tickd.clock.advance(60.0)
    await looked_at(tickd, active["id"], 2)
    assert {call.path for call in endpoint.calls} == {"/active"}
    assert (await checks_of(tickd, paused["id"]))["total"] == 0


async def test_an_edit_of_the_address_is_looked_at_at_once(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd)
    assert made["consecutive_failures"] == 1
    changed = await tickd.call("PATCH", f"/v1/monitors/{made['id']}", {"url": endpoint.url})
    assert changed.json["consecutive_failures"] == 0
    after = await looked_at(tickd, made["id"], 2)
    assert (after["state"], after["last_check"]["status"]) == ("up", "up")
    renamed = await tickd.call("PATCH", f"/v1/monitors/{made['id']}", {"name": "other"})
    assert renamed.json == after | {"name": "other"}
    assert len(endpoint.calls) == 1


async def test_counts_that_an_edit_reset_stay_so_over_a_restart(tmp_path: Path, endpoint: Endpoint) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await watched(tickd, failure_threshold=3, status="active")
        assert made["consecutive_failures"] == 1
        path = f"/v1/monitors/{made['id']}"
        await tickd.call("PATCH", path, {"url": endpoint.url, "status": "paused"})
    async with running(tmp_path / "tickd.db") as tickd:
        again = (await tickd.call("GET", path)).json
        assert (again["consecutive_failures"], again["status"]) == (0, "paused")


async def test_delete_takes_the_history_along(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url, slug="front")
    path = f"/v1/monitors/{made['id']}"
    deleted = await tickd.call("DELETE", path)
    assert (deleted.status, deleted.json) == (204, None)
    assert "Content-Type" not in deleted.headers
    for method, tail in (
        ("DELETE", ""),
        ("GET", ""),
        ("PATCH", ""),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/check"),
        ("GET", "/checks"),
        ("GET", "/uptime"),
        ("GET", "/latency.svg"),
    ):
        gone = await tickd.call(method, path + tail)
        assert (gone.status, gone.json) == (404, {"error": f"no monitor {made['id']}"}), (method, tail)
    calls = len(endpoint.calls)
    await tickd.clock.advance(120.0)
    fresh = await monitor(tickd, slug="front", status="paused")
    assert (await checks_of(tickd, fresh["id"]))["total"] == 0
    days = (await tickd.call("GET", f"/v1/monitors/{fresh['id']}/uptime")).json
    assert (days["checks_total"], days["uptime_percent"]) == (0, None)
    assert len(endpoint.calls) == calls


async def test_lists_are_pages_by_name(tickd: Harness) -> None:
    empty = await tickd.call("GET", "/v1/monitors")
    assert (empty.status, empty.json) == (200, {"monitors": [], "limit": 100, "offset": 0, "total": 0})
    for name in ("b", "d", "a", "c"):
        await monitor(tickd, name=name, status="paused")

    async def page(query: str) -> tuple[list[str], int, int, int]:
        found = (await tickd.call("GET", "/v1/monitors" + query)).json
        return [one["name"] for one in found["monitors"]], found["limit"], found["offset"], found["total"]

    assert await page("") == (["a", "b", "c", "d"], 100, 0, 4)
    assert await page("?limit=2") == (["a", "b"], 2, 0, 4)
    assert await page("?limit=2&offset=3") == (["d"], 2, 3, 4)
    assert await page("?offset=4") == ([], 100, 4, 4)
    assert await page("?limit=0") == (["a"], 1, 0, 4)
    assert await page("?limit=-7&offset=-7") == (["a"], 1, 0, 4)
    assert await page(f"?limit={10**30}&offset=1") == (["b", "c", "d"], 500, 1, 4)
    assert (await page(f"?offset={10**30}"))[::3] == ([], 4)


async def test_lists_are_filtered(tickd: Harness) -> None:
    paused = {"status": "paused"}
    await monitor(tickd, name="a", tags=["db", "x y"], group="Production", **paused)
    await monitor(tickd, name="b", tags=["db"], type="tcp", url="127.0.0.1:9", **paused)
    await monitor(tickd, name="c", tags=["db2"], group="Staging", type="json", **paused)
    await watched(tickd, name="d", group="Production", failure_threshold=1)
    await watched(tickd, name="e")

    async def names(query: str) -> tuple[list[str], int]:
        found = (await tickd.call("GET", "/v1/monitors?" + query)).json
        return [one["name"] for one in found["monitors"]], found["total"]

    assert await names("status=paused") == (["a", "b", "c"], 3)
    assert await names("status=failing") == (["d"], 1)
    assert await names("status=active") == (["e"], 1)
    assert await names("type=http") == (["a", "d", "e"], 3)
    assert await names("type=tcp") == (["b"], 1)
    assert await names("type=ssl") == ([], 0)
    assert await names("tag=db") == (["a", "b"], 2)
    assert await names("tag=x+y") == (["a"], 1)
    assert await names("group=Production") == (["a", "d"], 2)
    assert await names("group=production") == ([], 0)
    assert await names("group=Production&status=paused&type=http&tag=db") == (["a"], 1)
    assert await names("type=http&limit=1&offset=1") == (["d"], 3)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/v1/monitors?limit=ten", "limit must be a whole number"),
        ("/v1/monitors?offset=1.5", "offset must be a whole number"),
        ("/v1/monitors?status=broken", "status must be one of active, failing, paused"),
        ("/v1/monitors?status=up", "status must be one of active, failing, paused"),
        ("/v1/monitors?type=heartbeat", "type must be one of dns, http, json, ssl, tcp"),
        ("/v1/monitors/ID/checks?status=late", "status must be one of degraded, down, timeout, unknown, up"),
        ("/v1/monitors/ID/checks?limit=x", "limit must be a whole number"),
        ("/v1/monitors/ID/uptime?days=x", "days must be a whole number"),
        ("/v1/monitors/ID/latency.svg?hours=0", "hours must be between 1 and 720"),
        ("/v1/monitors/ID/latency.svg?hours=721", "hours must be between 1 and 720"),
    ],
)
async def test_a_query_that_makes_no_sense(tickd: Harness, path: str, sentence: str) -> None:
    made = await monitor(tickd, status="paused")
    reply = await tickd.call("GET", path.replace("ID", made["id"]))
    assert (reply.status, reply.json) == (400, {"error": sentence})


async def test_secrets_are_masked_for_keys_that_only_read(tickd: Harness) -> None:
    secret = {"Authorization": "Bearer 1", "X-Api-Key": "2", "x-auth-token": "3", "Cookie": "4"}
    plain = {"Accept": "text/plain"}
    credentials = {"basic_auth_pass": "p", "bearer_token": "t", "auth_header": "Token a"}
    made = await monitor(tickd, headers=secret | plain, basic_auth_user="u", status="paused", **credentials)
    assert made["headers"] == secret | plain
    assert {name: made[name] for name in credentials} == credentials
    reader, writer = await key_with(tickd, "read"), await key_with(tickd, "write")
    masked = {"headers": dict.fromkeys(secret, MASK) | plain} | dict.fromkeys(credentials, MASK)
    for key, seen in ((reader, made | masked), (writer, made)):
        assert (await tickd.call("GET", f"/v1/monitors/{made['id']}", key=key)).json == seen
        assert (await tickd.call("GET", "/v1/monitors", key=key)).json["monitors"] == [seen]
    bare = await monitor(tickd, status="paused")
    assert (await tickd.call("GET", f"/v1/monitors/{bare['id']}", key=reader)).json == bare


CALLS = [
    ("GET", ""),
    ("PUT", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("POST", "/pause"),
    ("PATCH", "/pause"),
    ("POST", "/resume"),
    ("PATCH", "/resume"),
    ("POST", "/check"),
    ("GET", "/checks"),
    ("GET", "/uptime"),
]


async def test_a_stranger_sees_and_changes_nothing(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url)
    key = await stranger(tickd)
    for method, tail in CALLS:
        body = {"name": "mine"} if method in ("PUT", "PATCH") else None
        reply = await tickd.call(method, f"/v1/monitors/{made['id']}{tail}", body, key=key)
        assert (reply.status, reply.json) == (404, {"error": f"no monitor {made['id']}"}), (method, tail)
    assert (await tickd.call("GET", f"/v1/monitors/{made['id']}/latency.svg", key=key)).status == 404
    assert (await tickd.call("GET", "/v1/monitors", key=key)).json["total"] == 0
    assert await shown(tickd, made["id"]) == made
    his = await tickd.call("POST", "/v1/monitors", {"name": "his", "url": NOWHERE}, key=key)
    assert his.status == 201
    assert (await tickd.call("GET", f"/v1/monitors/{his.json['id']}")).status == 404
    assert (await tickd.call("GET", "/v1/monitors")).json["total"] == 1
    assert len(endpoint.calls) == 1


async def test_a_key_that_only_reads_changes_nothing(tickd: Harness) -> None:
    made = await watched(tickd)
    key = await key_with(tickd, "read")
    for method, tail in [("POST", None), *CALLS]:
        path = "/v1/monitors" if tail is None else f"/v1/monitors/{made['id']}{tail}"
        body = {"name": "x", "url": NOWHERE} if method in ("POST", "PUT", "PATCH") else None
        reply = await tickd.call(method, path, body, key=key)
        assert reply.status == (200 if method == "GET" else 403), (method, tail)
        assert (await tickd.call(method, path, body, key=None)).status == 401
    assert await shown(tickd, made["id"]) == made


@pytest.mark.parametrize("kind", ["http", "json", "tcp", "ssl"])
async def test_private_targets_are_refused_where_they_are_blocked(tmp_path: Path, kind: str) -> None:
    private = ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "localhost", "[::1]"]
    places = {"http": "http://{}/", "json": "http://{}:8080/a", "tcp": "{}:9", "ssl": "{}"}
    async with running(tmp_path / "tickd.db", block_private_targets=True) as tickd:
        good = {"name": "x", "type": kind, "status": "paused"}
        name = {"url": places[kind].format("public.example")}
        public = await tickd.call("POST", "/v1/monitors", good | name)
        assert public.status == 201, public.json
        for address in private:
            said = {"url": places[kind].format(address)}
            for method, path in (("POST", ""), ("PATCH", f"/{public.json['id']}")):
                reply = await tickd.call(method, f"/v1/monitors{path}", good | said)
                assert reply.status == 400, (address, reply.json)
                assert reply.json["error"].startswith("url must not lead to a private or reserved address: ")
        assert (await tickd.call("GET", "/v1/monitors")).json["monitors"] == [public.json]


async def test_link_local_addresses_are_refused_always(tickd: Harness) -> None:
    for url in ("http://169.254.169.254/latest", "http://[fe80::1]/"):
        reply = await tickd.call("POST", "/v1/monitors", {"name": "x", "url": url})
        assert reply.status == 400
        assert reply.json["error"].startswith("url must not lead to ")


async def test_bad_bodies(tickd: Harness) -> None:
    async def post(data: bytes) -> tuple[int, Any]:
        reply = await tickd.call("POST", "/v1/monitors", data=data)
        return reply.status, reply.json["error"]

    assert await post(b"") == (400, "name is required")
    assert await post(b"[]") == (400, "the body must be a JSON object")
    status, sentence = await post(b"{")
    assert (status, sentence[:26]) == (400, "the body is not valid JSON")
    wrong = await tickd.call("PUT", "/v1/monitors")
    assert (wrong.status, list(wrong.json)) == (405, ["error"])


async def test_a_look_in_between_changes_no_plan(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url)
    await look(tickd, made["id"])
    assert (await shown(tickd, made["id"]))["next_check_at"] == made["next_check_at"]
