"""What a rooster monitor sends, and what it makes of the answer, against an endpoint of this machine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.watching import look, looked_at, rooster, rooster_monitor
from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint, Received

BODY = '{"status": "ok", "data": {"count": 42, "users": [{"name": "Ada"}], "none": null, "tags": ["a", "b"]}}'


async def judged(tickd: Harness, endpoint: Endpoint, **fields: Any) -> str:
    """What is wrong, by one look of a monitor of its own."""
    made = await rooster_monitor(tickd, url=endpoint.url, paused=True, **fields)
    check = await look(tickd, made["id"])
    assert (check["status"] == "up") == (check["error"] == "")
    error: str = check["error"]
    return error


async def sent(tickd: Harness, endpoint: Endpoint, **fields: Any) -> Received:
    """The request of one look."""
    await judged(tickd, endpoint, **fields)
    return endpoint.calls[-1]


@pytest.mark.parametrize(
    ("expected", "code", "error"),
    [
        (None, 200, ""),
        (None, 204, "status code 204 is not 200"),
        (None, 500, "status code 500 is not 200"),
        (204, 204, ""),
        (401, 401, ""),
        (401, 200, "status code 200 is not 401"),
    ],
)
async def test_the_expected_status(
    tickd: Harness, endpoint: Endpoint, expected: int | None, code: int, error: str
) -> None:
    endpoint.status = code
    fields = {} if expected is None else {"expected_status_code": expected}
    assert await judged(tickd, endpoint, **fields) == error


@pytest.mark.parametrize(
    ("keyword", "error"),
    [
        ("Welcome", ""),
        ("welcome", "keyword 'welcome' is missing"),
        ("!maintenance", ""),
        ("!Welcome", "keyword 'Welcome' is present"),
        ("OK AND !error", "keyword 'OK' is missing"),
        ("Welcome AND !error", ""),
        ("healthy OR Welcome", ""),
        ("healthy OR ready", "keyword 'healthy' is missing and keyword 'ready' is missing"),
        ("Welcome OR a AND b", ""),
        ("a AND b OR Welcome", ""),
        ("(", "keyword '(' is missing"),
    ],
)
async def test_keywords(tickd: Harness, endpoint: Endpoint, keyword: str, error: str) -> None:
    endpoint.text = "<h1>Welcome home</h1>"
    assert await judged(tickd, endpoint, keyword=keyword) == error


@pytest.mark.parametrize(
    ("path", "operator", "value", "error"),
    [
        ("status", "equals", "ok", ""),
        ("status", "equals", "OK", "status is 'ok', not 'OK'"),
        ("status", "not_equals", "ok", "status is 'ok'"),
        ("data.count", "equals", "42", ""),
        ("data.count", "greater_than", "41.5", ""),
        ("data.count", "greater_than", "42", "data.count is 42, not greater than 42"),
        ("data.count", "less_than", "100", ""),
        ("data.users[0].name", "contains", "d", ""),
        ("data.users[0].name", "not_contains", "d", "data.users[0].name contains 'd'"),
        ("data.users[1].name", "exists", "", "data.users[1].name is missing"),
        ("data.users[1]", "not_exists", "", ""),
        ("data.none", "exists", "", ""),
        ("data.tags", "contains", "b", ""),
    ],
)
async def test_json_assertions(
    tickd: Harness, endpoint: Endpoint, path: str, operator: str, value: str, error: str
) -> None:
    endpoint.text = BODY
    assertion = {"path": path, "operator": operator, "value": value}
    assert await judged(tickd, endpoint, monitor_type="json_api", json_assertions=[assertion]) == error


async def test_a_json_monitor_wants_json_and_all_assertions(tickd: Harness, endpoint: Endpoint) -> None:
    both = [{"path": "a", "operator": "exists"}, {"path": "b", "operator": "exists"}]
    fields: dict[str, Any] = {"monitor_type": "json_api", "json_assertions": both}
    assert await judged(tickd, endpoint, monitor_type="json_api") == "the body is not JSON"
    endpoint.text = '{"a": 1}'
    assert await judged(tickd, endpoint, monitor_type="json_api") == ""
    assert await judged(tickd, endpoint, **fields) == "b is missing"
    endpoint.text = '{"a": 1, "b": 2}'
    assert await judged(tickd, endpoint, **fields) == ""


@pytest.mark.parametrize(
    ("threshold", "took", "error"),
    [
        ("> 2000", 2.0, ""),
        ("> 2000", 2.5, "response took 2500 ms, more than 2000 ms"),
        ("< 50", 0.0, "response took 0 ms, less than 50 ms"),
        ("< 50", 0.5, ""),
        ("200-3000", 0.25, ""),
        ("200-3000", 3.5, "response took 3500 ms, not 200 to 3000 ms"),
    ],
)
async def test_response_thresholds(
    tickd: Harness, endpoint: Endpoint, threshold: str, took: float, error: str
) -> None:
    endpoint.gate.clear()
    judging = asyncio.create_task(judged(tickd, endpoint, response_threshold_ms=threshold))

    async def called() -> bool:
        return bool(endpoint.calls)

    await eventually(called)
    await tickd.clock.advance(took)
    endpoint.gate.set()
    assert await judging == error


async def test_credentials(tickd: Harness, endpoint: Endpoint) -> None:
    basic = {"basic_auth_user": "Aladdin", "basic_auth_pass": "open sesame"}

    async def authorization(**fields: Any) -> str | None:
        return (await sent(tickd, endpoint, **fields)).headers.get("Authorization")

    assert await authorization() is None
    assert await authorization(**basic) == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert await authorization(basic_auth_pass="open sesame") is None
    assert await authorization(basic_auth_user="Ünal") == "Basic w5xuYWw6"
    assert await authorization(bearer_token="tok_live_abc123") == "Bearer tok_live_abc123"
    assert await authorization(bearer_token="tok", **basic) == "Bearer tok"
    assert await authorization(auth_header="Token my-api-key") == "Token my-api-key"
    assert await authorization(auth_header="Token x", monitor_type="json_api") == "Token x"
    own = [{"key": "authorization", "value": "Own 1"}]
    assert await authorization(custom_headers=own) == "Own 1"
    both = await sent(tickd, endpoint, custom_headers=own, bearer_token="tok")
    assert both.headers.getall("Authorization") == ["Bearer tok"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
async def test_methods_and_bodies(tickd: Harness, endpoint: Endpoint, method: str) -> None:
    body = {"request_body": '{"ping": true}', "request_content_type": "text/plain"}
    call = await sent(tickd, endpoint, http_method=method, **body)
    assert call.method == method
    if method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (call.body, call.headers["Content-Type"]) == (b'{"ping": true}', "text/plain")
    else:
        assert (call.body, call.headers.get("Content-Type")) == (b"", None)
    bare = await sent(tickd, endpoint, http_method=method)
    assert (bare.body, bare.headers.get("Content-Type")) == (b"", None)


async def test_custom_headers(tickd: Harness, endpoint: Endpoint) -> None:
    pairs = [
        {"key": "X-Custom-Header", "value": "my-value"},
        {"key": "Accept", "value": "text/html"},
        {"key": "X-Twice", "value": "1"},
        {"key": "X-Twice", "value": "2"},
        {"key": "User-Agent", "value": "mine"},
    ]
    made = await rooster_monitor(tickd, url=endpoint.url, custom_headers=pairs, paused=True)
    assert made["custom_headers"] == pairs
    await look(tickd, made["id"])
    headers = endpoint.calls[-1].headers
    assert (headers["X-Custom-Header"], headers.getall("Accept")) == ("my-value", ["text/html"])
    assert headers.getall("X-Twice") == ["1", "2"]
    assert headers.getall("User-Agent") == ["mine"]
    typed = [{"key": "content-type", "value": "application/xml"}]
    fields = {"http_method": "POST", "request_body": "<a/>", "request_content_type": "text/plain"}
    call = await sent(tickd, endpoint, custom_headers=typed, **fields)
    assert call.headers.getall("Content-Type") == ["application/xml"]


async def test_redirects_are_followed_or_not(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.headers, endpoint.statuses = {"Location": "/there"}, [302]
    assert await judged(tickd, endpoint) == ""
    assert [call.path for call in endpoint.calls] == ["/", "/there"]
    endpoint.calls.clear()
    endpoint.statuses = [302]
    assert await judged(tickd, endpoint, follow_redirects=False, expected_status_code=302) == ""
    assert [call.path for call in endpoint.calls] == ["/"]
    endpoint.statuses = [301]
    wrong = await judged(tickd, endpoint, follow_redirects=False)
    assert wrong == "status code 301 is not 200"


async def test_one_bad_check_is_down_and_one_good_is_up(tickd: Harness, endpoint: Endpoint) -> None:
    made = await rooster_monitor(tickd, url=endpoint.url)
    await looked_at(tickd, made["id"])

    async def status() -> str:
        word: str = (await rooster(tickd, "GET", f"/monitors/{made['id']}")).json["data"]["status"]
        return word

    assert await status() == "up"
    for code, word in ((500, "down"), (500, "down"), (200, "up")):
        endpoint.status = code
        await look(tickd, made["id"])
        assert await status() == word
    (listed,) = (await rooster(tickd, "GET", "/monitors")).json["data"]
    assert (listed["status"], listed["checks_total"], listed["checks_failed"]) == ("up", 4, 2)


async def test_paused_is_beside_the_status(tickd: Harness, endpoint: Endpoint) -> None:
    made = await rooster_monitor(tickd, url=endpoint.url)
    await looked_at(tickd, made["id"])
    path = f"/monitors/{made['id']}"
    paused = (await rooster(tickd, "PATCH", path, {"paused": True})).json["data"]
    assert (paused["paused"], paused["status"]) == (True, "up")
    await tickd.clock.advance(300.0)
    assert len(endpoint.calls) == 1
    resumed = (await rooster(tickd, "PUT", path, {"paused": False})).json["data"]
    assert resumed["paused"] is False
    await looked_at(tickd, made["id"], 2)
    assert len(endpoint.calls) == 2


@pytest.mark.parametrize(
    ("window", "is_within"),
    [
        ({"day": "tuesday", "start_utc": "11:00", "end_utc": "13:00"}, True),
        ({"day": "daily", "start_utc": "12:00", "end_utc": "12:01"}, True),
        ({"day": "monday", "start_utc": "13:00", "end_utc": "12:30"}, True),
        ({"day": "tuesday", "start_utc": "11:00", "end_utc": "12:00"}, False),
        ({"day": "wednesday", "start_utc": "11:00", "end_utc": "13:00"}, False),
    ],
)
async def test_in_its_maintenance_a_bad_check_does_not_count(
    tickd: Harness, endpoint: Endpoint, window: dict[str, str], is_within: bool
) -> None:
    made = await rooster_monitor(tickd, url=endpoint.url, maintenance_windows=[window])
    assert made["maintenance_windows"] == [window]
    await looked_at(tickd, made["id"])
    endpoint.status = 500
    await look(tickd, made["id"])
    found = (await rooster(tickd, "GET", f"/monitors/{made['id']}")).json["data"]
    # It is down all the same; only what is told of it waits for the window's end.
    counts = (0, 0, 100.0) if is_within else (2, 1, 50.0)
    assert (found["status"], found["checks_total"]) == ("down", counts[0])
    assert (found["checks_failed"], found["uptime_percent"]) == counts[1:]
    await rooster(tickd, "PATCH", f"/monitors/{made['id']}", {"maintenance_windows": []})
    await look(tickd, made["id"])
    found = (await rooster(tickd, "GET", f"/monitors/{made['id']}")).json["data"]
    assert (found["status"], found["checks_failed"]) == ("down", counts[1] + 1)
