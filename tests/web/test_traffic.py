"""Each request has an id: in its answer, in the log lines made for it; and it is counted by its route."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import closing

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.daemon import Harness
from tickd import logs
from tickd.web.traffic import id_of

GIVEN = "from-a.proxy:7f3@eu/1"
NEW = re.compile("[0-9a-f]{16}")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_a_request_that_comes_with_an_id_keeps_it(tickd: Harness) -> None:
    reply = await tickd.call("GET", "/v1/jobs", headers={"X-Request-Id": GIVEN})
    assert reply.headers["X-Request-Id"] == GIVEN


@pytest.mark.parametrize("path", ["/v1/jobs", "/nothing", "/healthz", "/v1/jobs/job_1", "/"])
async def test_every_other_gets_one_of_its_own(tickd: Harness, path: str) -> None:
    both = [(await tickd.call("HEAD", path)).headers["X-Request-Id"] for _ in range(2)]
    assert all(NEW.fullmatch(one) for one in both)
    assert both[0] != both[1]


@pytest.mark.parametrize(
    ("given", "trace", "kept"),
    [
        ("a", "", "a"),
        ("0" * 64, "", "0" * 64),
        ("0" * 65, "", ""),
        ("", "", ""),
        ("two words", "", ""),
        ('"quoted"', "", ""),
        ("-dash-first", "", ""),
        ("ä", "", ""),
        ("", f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        ("mine", f"00-{TRACE}-00f067aa0ba902b7-01", "mine"),
        ("", f"ff-{TRACE}-00f067aa0ba902b7-01", ""),
        ("", f"00-{'0' * 32}-00f067aa0ba902b7-01", ""),
        ("", f"00-{TRACE}-00f067aa0ba902b7", ""),
    ],
)
def test_what_could_break_a_log_is_taken_for_none(given: str, trace: str, kept: str) -> None:
    found = id_of(given, trace)
    assert found == kept if kept else NEW.fullmatch(found)


async def test_the_log_lines_of_a_mistake_bear_the_id_that_its_caller_is_told(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[dict[str, object]] = []

    async def fail(*_arguments: object, **_more: object) -> None:
        seen.append(logs.bound_fields())
        raise ZeroDivisionError

    monkeypatch.setattr(tickd.daemon.services.jobs, "page", fail)
    reply = await tickd.call("GET", "/v1/jobs", headers={"X-Request-Id": GIVEN})
    assert reply.json == {"error": f"tickd has failed; its log says why (request {GIVEN})"}
    assert seen == [{"request": GIVEN}]
    async with tickd._session.get(tickd.url + "/metrics") as answer:
        assert "tickd_http_errors_total 1.0\n" in await answer.text()
    assert logs.bound_fields() == {}


async def test_every_answer_is_in_the_access_log_at_debug_and_no_token_is(
    tickd: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    made = (await tickd.call("POST", "/v1/heartbeats", {"name": "nightly"})).json
    for level, count in (("INFO", 0), ("DEBUG", 3)):
        caplog.clear()
        caplog.set_level(level, "tickd.access")
        for path in (f"/p/{made['token']}", f"/p/{made['token']}?msg=long", "/p/unknown-token-of-somebody"):
            await tickd.call("GET", path, key=None)
        lines = [one.__dict__["fields"] for one in caplog.records if one.name == "tickd.access"]
        assert len(lines) == count
    told = [(one["method"], one["route"], one["status"]) for one in lines]
    assert told == [("GET", "/p/{token}", 200), ("GET", "/p/{token}", 200), ("GET", "/p/{token}", 404)]
    assert made["token"] not in caplog.text


async def test_requests_are_counted_by_route_and_not_by_path(tickd: Harness) -> None:
    for number in range(20):
        await tickd.call("GET", f"/nothing/{number}")
        await tickd.call("GET", f"/v1/jobs/job_{number}")
    await tickd.call("PURGE", "/v1/jobs")
    async with tickd._session.get(tickd.url + "/metrics") as answer:
        families = {one.name: one for one in text_string_to_metric_families(await answer.text())}
    counted = {
        (one.labels["route"], one.labels["method"], one.labels["status"]): one.value
        for one in families["tickd_http_requests"].samples
        if one.name.endswith("_total")
    }
    assert counted["none", "GET", "404"] == 20
    assert counted["/v1/jobs/{id}", "GET", "404"] == 20
    assert counted["none", "other", "405"] == 1
    assert len(counted) == 3
    assert families["tickd_http_errors"].samples[0].value == 0, "a number that begins at 1 never grew"
    lasted = [one for one in families["tickd_http_request_seconds"].samples if one.name.endswith("_count")]
    assert {one.labels["route"]: one.value for one in lasted} == {"none": 21, "/v1/jobs/{id}": 20}


async def spoken(tickd: Harness, request: bytes) -> tuple[str, dict[str, str], dict[str, str]]:
    """What a connection that says just this is answered: the status line, the headers, the JSON."""
    host, port = tickd.daemon.address
    reader, writer = await asyncio.open_connection(host, port)
    with closing(writer):
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
    return status, headers, json.loads(body)


EXPECTS = "the header Expect asks for something other than 100-continue"
NO_HTTP = "the request is no HTTP that tickd understands"
TOO_LONG = "the first line or a header of the request is too long"


@pytest.mark.parametrize(
    ("request_", "status", "sentence"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 secret\r\n\r\n", 400, NO_HTTP),
        (b"GET / HTTP/1.1\r\nHost: a\r\nsecret header\r\n\r\n", 400, NO_HTTP),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: secret\r\n\r\n", 400, NO_HTTP),
        (b"GET /?" + b"secret" * 2_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400, TOO_LONG),
        (b"GET /v1/jobs HTTP/1.1\r\nHost: a\r\nExpect: secret\r\n\r\n", 417, EXPECTS),
    ],
)
async def test_what_is_refused_unread_is_answered_named_counted_and_logged_like_all_else(
    tickd: Harness, caplog: pytest.LogCaptureFixture, request_: bytes, status: int, sentence: str
) -> None:
    for logger in ("tickd.http", "tickd.access"):
        caplog.set_level("DEBUG", logger)
    line, headers, said = await spoken(tickd, request_)
    assert (int(line.split()[1]), said) == (status, {"error": sentence})
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert NEW.fullmatch(headers["x-request-id"])
    assert headers["server"] == "tickd"
    method = "GET" if status == 417 else "other"
    async with tickd._session.get(tickd.url + "/metrics") as answer:
        counted = f'tickd_http_requests_total{{method="{method}",route="none",status="{status}"}} 1.0\n'
        assert counted in await answer.text()
    assert caplog.text.count("request refused unread") == 1
    assert "Error handling request" not in caplog.text
    assert not any("secret" in str(vars(one)) for one in caplog.records if one.name.startswith("tickd"))
