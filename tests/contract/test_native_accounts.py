"""Accounts, keys and who may do what: scopes, revocation, guessing, and where a call comes from."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.people import key_with, stranger
from tests.contract.served import Served
from tests.support.daemon import KEY, Harness, Reply, eventually, running
from tickd import app
from tickd.domain.accounts import DEFAULT_ACCOUNT, KeyRequest, Scope
from tickd.errors import Unavailable
from tickd.services.accounts import Accounts
from tickd.web.routes import Route
from tickd.web.server import all_routes

JOB = {"name": "nightly", "schedule": "0 2 * * *", "endpoint": "http://127.0.0.1:9/"}
MISSING = "an API key is missing: send Authorization: Bearer KEY, or X-API-Key: KEY"
UNKNOWN = "this API key is unknown or revoked"
GUESSED = "too many failed authentications from this address"
SCOPES = "must be a list of 1 to 4 items out of admin, heartbeat:write, read, write"
NATIVE = [route for route in all_routes() if route.path.startswith("/v1/")]
KEYED = [route for route in NATIVE if route.scope is not None]


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


async def test_a_key_from_making_to_revoking(tickd: Harness) -> None:
    made = await tickd.call("POST", "/v1/keys", {"name": " laptop ", "scopes": ["read", "write", "read"]})
    assert made.status == 201
    key = made.json.pop("key")
    assert key.startswith("tk_")
    assert len(key) == 43
    assert made.json == {
        "id": made.json["id"],
        "name": "laptop",
        "start": key[:8],
        "scopes": ["read", "write"],
        "created_at": "2026-03-03T12:00:00Z",
        "last_used_at": None,
    }
    path = f"/v1/keys/{made.json['id']}"
    found = await tickd.call("GET", path)
    assert (found.status, found.json) == (200, made.json)
    listed = await tickd.call("GET", "/v1/keys")
    assert made.json in listed.json["keys"]
    assert key not in str(listed.json)
    assert (await tickd.call("GET", "/v1/jobs", key=key)).status == 200
    revoked = await tickd.call("DELETE", path)
    assert (revoked.status, revoked.json) == (204, None)
    refused = await tickd.call("GET", "/v1/jobs", key=key)
    assert (refused.status, refused.json) == (401, {"error": UNKNOWN})
    for method in ("GET", "DELETE"):
        gone = await tickd.call(method, path)
        assert (gone.status, gone.json) == (404, {"error": f"no key {made.json['id']}"})
    assert [one["name"] for one in (await tickd.call("GET", "/v1/keys")).json["keys"]] == ["TICKD_API_KEY"]


async def test_keys_default_to_reading_and_writing(tickd: Harness) -> None:
    for body in ({"name": "a"}, {"name": "b", "scopes": None}):
        assert (await tickd.call("POST", "/v1/keys", body)).json["scopes"] == ["read", "write"]


async def test_keys_are_listed_by_name_in_pages(tickd: Harness) -> None:
    for name in ("c", "a", "b"):
        await tickd.call("POST", "/v1/keys", {"name": name})

    async def page(query: str) -> tuple[list[str], int, int, int]:
        found = (await tickd.call("GET", "/v1/keys" + query)).json
        return [key["name"] for key in found["keys"]], found["limit"], found["offset"], found["total"]

    assert await page("") == (["TICKD_API_KEY", "a", "b", "c"], 100, 0, 4)
    assert await page("?limit=2&offset=1") == (["a", "b"], 2, 1, 4)
    assert await page("?limit=0&offset=-1") == (["TICKD_API_KEY"], 1, 0, 4)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "name is required"),
        ({"name": None}, "name is required"),
        ({"name": 1}, "name must be text of 1 to 100 characters"),
        ({"name": ""}, "name must be text of 1 to 100 characters"),
        ({"name": "x" * 101}, "name must be text of 1 to 100 characters"),
        ({"name": " "}, "name must be 1 to 100 printable characters"),
        ({"name": "a\tb"}, "name must be 1 to 100 printable characters"),
        ({"name": "a", "scopes": "read"}, f"scopes {SCOPES}"),
        ({"name": "a", "scopes": []}, f"scopes {SCOPES}"),
        ({"name": "a", "scopes": ["all"]}, f"scopes {SCOPES}"),
        ({"name": "a", "scopes": ["read"] * 5}, f"scopes {SCOPES}"),
    ],
    ids=str,
)
def test_a_key_that_can_not_be(served: Served, body: dict[str, Any], sentence: str) -> None:
    reply = served.call("POST", "/v1/keys", body)
    assert (reply.status, reply.json) == (400, {"error": sentence})


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_only_the_hash_of_a_key_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tickd.db"
    async with running(path) as tickd:
        key = await key_with(tickd, "admin")
        assert (await tickd.call("GET", "/v1/jobs", key=key)).status == 200
    written = everything_in(tmp_path)
    for secret in (key, KEY):
        assert hashlib.sha256(secret.encode()).digest() in written
        assert secret.encode() not in written


async def test_of_a_short_key_hardly_anything_is_shown(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db", api_key="hunter2") as tickd:
        (key,) = (await tickd.call("GET", "/v1/keys", key="hunter2")).json["keys"]
    assert key["start"] == "h"


@pytest.fixture(scope="module")
def keys(served: Served) -> dict[str | None, str]:
    """A key with each scope alone."""
    scopes: tuple[Scope, ...] = ("read", "write", "heartbeat:write", "admin")
    return {scope: served.run(key_with(served.harness, scope)) for scope in scopes}


@pytest.mark.parametrize("route", KEYED, ids=name_of)
def test_every_call_asks_for_its_scope(served: Served, keys: dict[str | None, str], route: Route) -> None:
    # A back-test is a question, however long.
    reads = route.method == "GET" or route.path.endswith("/backtest")
    assert route.scope == ("read" if reads else "write") or route.path.startswith("/v1/keys")
    path = re.sub(r"\{\w+\}", "nothing", route.path)
    missing = served.call(route.method, path, key=None)
    assert (missing.status, missing.json) == (401, {"error": MISSING})
    assert missing.headers["WWW-Authenticate"] == "Bearer"
    enough = {"read": {"read", "write", "admin"}, "write": {"write", "admin"}, "admin": {"admin"}}[
        route.scope or ""
    ]
    for scope, key in keys.items():
        reply = served.call(route.method, path, key=key)
        if scope in enough:
            assert reply.status in (200, 400, 404), scope
        else:
            sentence = {"error": f"this key lacks the scope {route.scope}"}
            assert (reply.status, reply.json) == (403, sentence), scope


async def test_a_key_that_reads_changes_nothing(tickd: Harness) -> None:
    job = await tickd.job(**JOB)
    reader = await key_with(tickd, "read")
    for method, path in (
        ("POST", "/v1/jobs"),
        ("PATCH", f"/v1/jobs/{job['id']}"),
        ("POST", f"/v1/jobs/{job['id']}/trigger"),
        ("DELETE", f"/v1/jobs/{job['id']}"),
    ):
        assert (await tickd.call(method, path, {"name": "x"}, key=reader)).status == 403
    assert (await tickd.call("GET", f"/v1/jobs/{job['id']}", key=reader)).json == job


async def test_where_the_key_stands(tickd: Harness) -> None:
    async def status(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await tickd.call("GET", "/v1/jobs", key=None, headers=named)).status

    assert await status(Authorization=f"Bearer {KEY}") == 200
    assert await status(Authorization=f"bearer   {KEY}") == 200
    assert await status(X_API_Key=KEY) == 200
    assert await status(X_API_Key=KEY, Authorization="Basic dTpw") == 200
    assert await status(X_API_Key=KEY, Authorization="Bearer ") == 200
    assert await status(X_API_Key=KEY, Authorization="Bearer wrong") == 401
    assert await status(Authorization=KEY) == 401
    assert await status(Authorization=f"Basic {KEY}") == 401
    assert await status(Authorization=f"Bearer {KEY}x") == 401
    assert await status(Authorization=f"Bearer {KEY[:-1]}") == 401
    assert await status(Authorization=f"Bearer {KEY.upper()}") == 401
    assert await status(X_API_Key="ключ") == 401
    assert (await tickd.call("GET", f"/v1/jobs?api_key={KEY}", key=None)).status == 401


async def guess(tickd: Harness, times: int, *, source: str = "") -> Reply:
    """Call `times` times with a wrong key and return the last answer."""
    headers = {"X-Forwarded-For": source} if source else {}
    for _ in range(times):
        reply = await tickd.call("GET", "/v1/jobs", key="tk_wrong", headers=headers)
    return reply


async def test_guessing_is_limited_and_locks_no_good_key_out(tickd: Harness) -> None:
    for number in range(20):
        reply = await guess(tickd, 1)
        assert (reply.status, reply.json) == (401, {"error": UNKNOWN}), number
    await tickd.clock.advance(15.5)
    limited = await guess(tickd, 1)
    assert (limited.status, limited.json) == (429, {"error": GUESSED})
    assert limited.headers["Retry-After"] == "45"
    assert (await tickd.call("GET", "/v1/jobs")).status == 200
    assert (await tickd.call("GET", "/v1/jobs", key=None)).status == 401
    assert (await tickd.call("GET", "/healthz", key=None)).status == 200
    await tickd.clock.advance(44.0)
    assert (await guess(tickd, 1)).headers["Retry-After"] == "1"
    await tickd.clock.advance(0.5)
    assert (await guess(tickd, 20)).status == 401
    assert (await guess(tickd, 1)).headers["Retry-After"] == "60"


async def test_calls_without_a_key_are_no_guesses(tickd: Harness) -> None:
    for _ in range(25):
        assert (await tickd.call("GET", "/v1/jobs", key=None)).status == 401
    assert (await guess(tickd, 1)).status == 401


async def test_a_forwarded_address_is_not_believed(tickd: Harness) -> None:
    for number in range(20):
        assert (await guess(tickd, 1, source=f"203.0.113.{number}")).status == 401
    assert (await guess(tickd, 1, source="203.0.113.99")).status == 429


async def test_a_trusted_proxy_says_where_a_call_comes_from(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db", trusted_proxy=("127.0.0.0/8", "10.0.0.0/8")) as tickd:
        assert (await guess(tickd, 21, source="203.0.113.1")).status == 429
        assert (await guess(tickd, 1, source="203.0.113.2")).status == 401
        # Only what the proxies themselves wrote counts: anyone can send a header to the first of them.
        assert (await guess(tickd, 1, source="198.51.100.7, 203.0.113.1")).status == 429
        assert (await guess(tickd, 1, source="203.0.113.1, 10.1.2.3")).status == 429
        assert (await guess(tickd, 1, source="203.0.113.1, 198.51.100.7")).status == 401
        assert (await guess(tickd, 21, source="2001:db8::1")).status == 429
        assert (await guess(tickd, 1, source="2001:db8::ffff")).status == 429
        assert (await guess(tickd, 1, source="2001:db8:0:1::1")).status == 401
        for nonsense in ("unknown", "203.0.113.1, unknown", ",", "fe80::1%eth0"):
            assert (await guess(tickd, 1, source=nonsense)).status == 401


async def test_the_last_use_of_a_key(tickd: Harness) -> None:
    key = await key_with(tickd, "admin")

    async def used() -> dict[str, Any]:
        found = (await tickd.call("GET", "/v1/keys")).json["keys"]
        return {one["name"]: one["last_used_at"] for one in found}

    async def used_at(moment: str) -> None:
        async def noted() -> bool:
            return bool((await used())["admin"] == moment)

        await eventually(noted)

    assert (await used())["admin"] is None
    await tickd.call("GET", "/v1/jobs", key=key)
    await used_at("2026-03-03T12:00:00Z")
    await tickd.clock.advance(59.0)
    await tickd.call("GET", "/v1/jobs", key=key)
    await tickd.clock.advance(1.0)
    await tickd.call("GET", "/v1/jobs", key=key)
    await used_at("2026-03-03T12:01:00Z")


async def test_the_account(tickd: Harness) -> None:
    await tickd.job(**JOB)
    job = await tickd.job(**JOB | {"name": "other", "retries": 0})
    await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")
    await tickd.call("POST", "/v1/heartbeats", {"name": "backup"})

    async def counted() -> bool:
        found = await tickd.call("GET", "/v1/account")
        return bool(found.json["use"]["executions_this_month"] == 1)

    await eventually(counted)
    reply = await tickd.call("GET", "/v1/account", key=await key_with(tickd, "read"))
    assert reply.status == 200
    assert reply.json == {
        "id": DEFAULT_ACCOUNT,
        "name": "default",
        "alert_email": "",
        "owner_email": "",
        "batch_window_secs": 0,
        "draft_incidents": False,
        "publish_after_secs": None,
        "default_severity": None,
        "fallback_channel": None,
        "webhook_secret": "••••••",
        "limits": {
            "max_jobs": None,
            "max_monitors": None,
            "max_heartbeats": None,
            "min_interval_secs": None,
            "executions_per_month": None,
            "verifications_per_month": None,
            "retention_days": 90,
        },
        "use": {
            "jobs": 2,
            "monitors": 0,
            "heartbeats": 1,
            "executions_this_month": 1,
            "verifications_this_month": 0,
        },
        "created_at": reply.json["created_at"],
    }
    other = await stranger(tickd)
    his = (await tickd.call("GET", "/v1/account", key=other)).json
    assert his["name"] == "other"
    assert set(his["use"].values()) == {0}


async def test_a_stranger_sees_no_key_of_the_owner(tickd: Harness) -> None:
    other = await stranger(tickd)
    (own,) = (await tickd.call("GET", "/v1/keys")).json["keys"]
    for method in ("GET", "DELETE"):
        assert (await tickd.call(method, f"/v1/keys/{own['id']}", key=other)).status == 404
    listed = (await tickd.call("GET", "/v1/keys", key=other)).json
    assert [key["name"] for key in listed["keys"]] == ["stranger"]
    assert (await tickd.call("GET", "/v1/jobs")).status == 200


async def test_a_key_that_another_process_made_or_revoked(tickd: Harness) -> None:
    async with app.opened(tickd.daemon.settings.db, Accounts) as beside:
        stored, key = await beside.create_key(DEFAULT_ACCOUNT, KeyRequest(name="cli"))
        assert (await tickd.call("GET", "/v1/jobs", key=key)).status == 200
        await beside.revoke_key(DEFAULT_ACCOUNT, stored.id)
        assert (await tickd.call("GET", "/v1/jobs", key=key)).status == 401


async def test_tickd_api_key_is_registered_once(tmp_path: Path) -> None:
    path = tmp_path / "tickd.db"
    for _ in range(2):
        async with running(path) as tickd:
            (own,) = (await tickd.call("GET", "/v1/keys")).json["keys"]
            assert (own["name"], own["scopes"], own["start"]) == ("TICKD_API_KEY", ["admin"], KEY[:8])
    async with running(path, api_key="") as tickd:
        assert (await tickd.call("GET", "/v1/jobs")).status == 200
        assert (await tickd.call("DELETE", f"/v1/keys/{own['id']}")).status == 204


async def test_tickd_api_key_stays_revoked(tmp_path: Path) -> None:
    path = tmp_path / "tickd.db"
    async with running(path) as tickd:
        (own,) = (await tickd.call("GET", "/v1/keys")).json["keys"]
        await tickd.call("DELETE", f"/v1/keys/{own['id']}")
    async with running(path) as tickd:
        assert (await tickd.call("GET", "/v1/jobs")).status == 401


async def test_dev_takes_any_key_but_asks_for_one(tmp_path: Path) -> None:
    async with running(tmp_path / "unused.db", dev=True, api_key="") as tickd:
        assert (await tickd.call("GET", "/v1/keys", key="anything")).status == 200
        assert (await tickd.call("GET", "/v1/keys", key=None)).status == 401
    assert not (tmp_path / "unused.db").exists()


async def test_a_key_of_odd_bytes_is_only_unknown(tickd: Harness) -> None:
    async with aiohttp.ClientSession() as session:
        for key in ("\udcff\udcfe", "\x80", "a" * 5000):
            headers = {"X-API-Key": key.encode("utf-8", "surrogateescape").decode("latin-1")}
            async with session.get(tickd.url + "/v1/jobs", headers=headers) as answer:
                assert answer.status == 401


async def test_a_full_lane_refuses_nobody_who_only_reads(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_unit: object) -> None:
        raise Unavailable("too much waits to be written")

    monkeypatch.setattr(tickd.daemon._database, "write_soon", full)
    assert (await tickd.call("GET", "/v1/account")).status == 200
