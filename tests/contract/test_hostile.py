"""What a hostile caller tried once, and must never see again."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.support.daemon import Harness, eventually

CREDENTIALS = "tk_0123456789abcdefghjkmnpqrstvwxyz"


async def raw(tickd: Harness, text: bytes, seconds: float = 2.0) -> bytes:
    """What the daemon answers to these bytes."""
    host, port = tickd.daemon.address
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(text)
        return await asyncio.wait_for(reader.read(65_536), seconds)
    finally:
        writer.close()
        await eventually(_no_request_lingers)


async def _no_request_lingers() -> bool:
    """What is left of a refused body is read for half a second, and no longer."""
    return not any("RequestHandler.start" in repr(task) for task in asyncio.all_tasks())


async def test_an_announced_body_that_is_too_large_is_refused_before_it_comes(tickd: Harness) -> None:
    head = (
        f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nX-API-Key: {CREDENTIALS}\r\nContent-Length: 9999999999\r\n\r\n"
    )
    assert (await raw(tickd, head.encode())).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ["/x/aaa", "/x/aaa/fail", "/x/aaa/" + "1" * 5000])
async def test_a_report_without_a_token_costs_no_memory(tickd: Harness, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    answer = await raw(tickd, head.encode())
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))


async def test_a_key_that_breaks_the_protocol_is_not_logged(
    tickd: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = await raw(
            tickd, f"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nX-API-Key: {CREDENTIALS}\x01\r\n\r\n".encode()
        )
    assert b" 400 " in answer.splitlines()[0]
    assert b"<html" not in answer.lower()
    assert CREDENTIALS not in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_mask_is_not_taken_for_a_secret(tickd: Harness) -> None:
    job = await tickd.job(headers={"Authorization": "secret"})
    reply = await tickd.call("PATCH", f"/v1/jobs/{job['id']}", {"headers": {"Authorization": "••••••"}})
    assert reply.status == 400
    assert reply.json["error"].startswith("headers has the mask")


@pytest.mark.parametrize(
    "host", ["a..b", "a" * 70 + ".example", "%31%32%37.0.0.1", "*.invalid", "a%00b", "[v1.x]", "­"]
)
async def test_an_endpoint_that_can_never_be_called_is_refused(tickd: Harness, host: str) -> None:
    fields = {"name": "x", "schedule": "* * * * *", "endpoint": f"http://{host}/"}
    reply = await tickd.call("POST", "/v1/jobs", fields)
    assert reply.status == 400
    assert reply.json["error"].startswith("endpoint must be")


async def test_nothing_new_begins_while_the_daemon_stops(tickd: Harness) -> None:
    job = await tickd.job()
    tickd.daemon.services.health.accepting = False
    reply = await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
    assert (await tickd.call("GET", "/healthz", key=None)).status == 200


async def test_who_watches_tickd_may_ask_with_head(tickd: Harness) -> None:
    for path in ("/", "/healthz", "/readyz"):
        reply = await tickd.call("HEAD", path, key=None)
        assert (reply.status, reply.json, reply.headers["Server"]) == (200, None, "tickd")
