"""The short way of a plain ping answers as the long one does, and takes nothing that is not plain."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Harness, running
from tickd.services.health import Health
from tickd.web.quick import Quick
from tickd.web.traffic import Traffic

PLAIN = "Host: tickd\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n"


async def heartbeat(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A heartbeat of the API."""
    made: dict[str, Any] = (await tickd.call("POST", "/v1/heartbeats", {"name": "nightly"} | fields)).json
    return made


async def pings(tickd: Harness, made: dict[str, Any]) -> list[dict[str, Any]]:
    """Its pings, newest first."""
    found: list[dict[str, Any]] = (await tickd.call("GET", f"/v1/heartbeats/{made['id']}/pings")).json[
        "pings"
    ]
    return found


async def connected(tickd: Harness) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the daemon."""
    return await asyncio.open_connection("127.0.0.1", tickd.daemon.address[1])


async def answer(reader: asyncio.StreamReader, *, has_body: bool = True) -> tuple[str, dict[str, str], bytes]:
    """One answer: status line, headers by lower-case name, body."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
    status, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = dict((name.lower(), value) for name, value in (line.split(": ", 1) for line in lines))
    # Another one at every request.
    assert re.fullmatch("[0-9a-f]{16}", headers.pop("x-request-id"))
    body = await reader.readexactly(int(headers.get("content-length", "0"))) if has_body else b""
    return status, headers, body


async def exchange(tickd: Harness, request: str) -> tuple[str, dict[str, str], bytes]:
    """Send one request on a new connection, and read its answer."""
    reader, writer = await connected(tickd)
    writer.write(request.encode("latin-1"))
    try:
        return await answer(reader, has_body=not request.startswith("HEAD"))
    finally:
        writer.close()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The requests that went the short way."""
    found: list[bytes] = []
    read = Quick.read

    def noting(self: Quick, data: bytes) -> Any:
        plain = read(self, data)
        if plain is not None:
            found.append(data)
        return plain

    monkeypatch.setattr(Quick, "read", noting)
    return found


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("path", ["/p/{short}", "/p/{long}", "/ping/{short}", "/v1/heartbeats/{long}/ping"])
async def test_both_ways_answer_alike(tmp_path: Path, taken: list[bytes], method: str, path: str) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        for status in ("active", "paused"):
            made = await heartbeat(tickd, status=status)
            where = path.format(short=made["short_token"], long=made["token"])
            start = f"{method} {where} HTTP/1.1\r\n{PLAIN}"
            length = "Content-Length: 0\r\n" if method == "POST" else ""
            before = len(taken)
            short = await exchange(tickd, f"{start}{length}\r\n")
            assert len(taken) == before + 1
            long = await exchange(tickd, f"{start}{length}X-Other: 1\r\n\r\n")
            assert len(taken) == before + 1
            assert short[0] == long[0] == "HTTP/1.1 200 OK"
            assert short[2] == long[2]
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", short[1].pop("date"))
            long[1].pop("date")
            assert short[1] == long[1]
            found = await pings(tickd, made)
            for one in found:
                one.pop("id")
            assert found[0] == found[1]
            assert found[0]["user_agent"] == "curl/8.5.0"
            assert found[0]["accepted"] == (status == "active")


@pytest.mark.parametrize(
    "change",
    [
        ("HTTP/1.1", "HTTP/1.0"),
        ("Host: tickd\r\n", ""),
        ("Host: tickd\r\n", "Host: tickd\r\nHost: other\r\n"),
        ("Accept: */*\r\n", "Transfer-Encoding: chunked\r\n"),
        ("Accept: */*\r\n", "Content-Length: 5\r\n"),
        ("Accept: */*\r\n", "Expect: 100-continue\r\n"),
        ("Accept: */*\r\n", "Upgrade: websocket\r\n"),
        ("Accept: */*\r\n", "X-Forwarded-For: 203.0.113.7\r\n"),
        ("Accept: */*\r\n", "Accept: */*\r\n folded\r\n"),
        ("Accept: */*\r\n", "Accept : */*\r\n"),
        ("Accept: */*\r\n", "Accept: \x00\r\n"),
        ("Accept: */*\r\n", "Accept: */*\n"),
        ("Accept: */*\r\n", f"Accept: {'a' * 3000}\r\n"),
        ("curl/8.5.0", "caf\xe9"),
        ("GET ", "PUT "),
        ("GET ", "get "),
        (" HTTP/1.1", "/start HTTP/1.1"),
        (" HTTP/1.1", "?rid=1 HTTP/1.1"),
        ("/p/", "/P/"),
        ("/p/", "//p/"),
    ],
)
async def test_what_is_not_plain_goes_the_long_way(tmp_path: Path, change: tuple[str, str]) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await heartbeat(tickd)
        quick = Quick(tickd.daemon.services.heartbeats.pinging, lambda: True, Traffic())
        request = f"GET /p/{made['short_token']} HTTP/1.1\r\n{PLAIN}\r\n"
        assert quick.read(request.encode()) is not None
        assert quick.read(request.replace(*change, 1).encode("latin-1")) is None


async def test_an_unknown_token_and_an_allow_list_go_the_long_way(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await heartbeat(tickd, allowed_ips=["203.0.113.0/24"])
        request = f"GET /p/{made['short_token']} HTTP/1.1\r\n{PLAIN}\r\n"
        status, _, body = await exchange(tickd, request)
        assert (status, body) == ("HTTP/1.1 403 Forbidden", b'{"error":"IP not allowed"}')
        status, _, body = await exchange(tickd, request.replace(made["short_token"], "0" * 16))
        assert (status, body) == ("HTTP/1.1 404 Not Found", b'{"error":"no heartbeat has this token"}')


async def test_a_refusal_is_worded_alike_on_both_ways(tmp_path: Path, taken: list[bytes]) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await heartbeat(tickd, max_pings_per_minute=1)
        request = f"GET /p/{made['short_token']} HTTP/1.1\r\n{PLAIN}"
        await exchange(tickd, request + "\r\n")
        short = await exchange(tickd, request + "\r\n")
        long = await exchange(tickd, request + "X-Other: 1\r\n\r\n")
        assert len(taken) == 2
        assert short[0] == long[0] == "HTTP/1.1 429 Too Many Requests"
        assert (short[2], short[1]["retry-after"]) == (long[2], long[1]["retry-after"])


async def test_requests_that_come_at_once_are_answered_in_turn(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await heartbeat(tickd)
        reader, writer = await connected(tickd)
        ping = f"GET /v1/heartbeats/{made['token']}/ping HTTP/1.1\r\n{PLAIN}\r\n".encode()
        writer.write(ping)
        writer.write(ping)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: tickd\r\n\r\n" + ping)
        for expected in (
            b'{"status":"ok"}',
            b'{"status":"ok"}',
            b'{"status":"ok","version"',
            b'{"status":"ok"}',
        ):
            _, _, body = await answer(reader)
            assert body.startswith(expected)
        writer.close()
        assert len(await pings(tickd, made)) == 3


async def test_a_ping_in_pieces_and_one_behind_another_request_are_taken(
    tmp_path: Path, taken: list[bytes]
) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await heartbeat(tickd)
        ping = f"GET /p/{made['short_token']} HTTP/1.1\r\n{PLAIN}\r\n".encode()
        reader, writer = await connected(tickd)
        writer.write(ping[:30])
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(ping[30:])
        assert (await answer(reader))[2] == b'{"ok":true}'
        writer.write(ping)
        assert (await answer(reader))[2] == b'{"ok":true}'
        writer.close()
        assert taken == []
        assert len(await pings(tickd, made)) == 2


async def test_a_caller_that_closes_its_side_is_still_answered(tmp_path: Path, taken: list[bytes]) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await heartbeat(tickd)
        reader, writer = await connected(tickd)
        writer.write(f"GET /p/{made['short_token']} HTTP/1.1\r\n{PLAIN}\r\n".encode())
        writer.write_eof()
        assert (await answer(reader))[2] == b'{"ok":true}'
        assert await asyncio.wait_for(reader.read(), 5) == b""
        assert len(taken) == 1
        writer.close()


async def test_connection_close_is_said_and_done(tmp_path: Path, taken: list[bytes]) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await heartbeat(tickd)
        reader, writer = await connected(tickd)
        request = f"GET /p/{made['short_token']} HTTP/1.1\r\n{PLAIN}Connection: close\r\n\r\n"
        writer.write(request.encode())
        _, headers, _ = await answer(reader)
        assert headers["connection"] == "close"
        assert await asyncio.wait_for(reader.read(), 5) == b""
        assert len(taken) == 1
        writer.close()


async def test_a_caller_that_is_gone_has_pinged(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await heartbeat(tickd)
        _, writer = await connected(tickd)
        writer.write(f"GET /p/{made['short_token']} HTTP/1.1\r\n{PLAIN}\r\n".encode())
        await writer.drain()
        writer.transport.abort()
        for _ in range(200):
            if await pings(tickd, made):
                break
            await asyncio.sleep(0.01)
        assert len(await pings(tickd, made)) == 1


async def test_while_tickd_stops_a_ping_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await heartbeat(tickd)
        health: Health = tickd.daemon.services.health
        health.accepting = False
        request = f"GET /p/{made['short_token']} HTTP/1.1\r\n{PLAIN}\r\n"
        status, headers, _ = await exchange(tickd, request)
        assert status == "HTTP/1.1 503 Service Unavailable"
        assert headers["retry-after"]
        health.accepting = True


async def test_a_connection_that_only_pings_is_ended_at_the_stop(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await heartbeat(tickd)
        reader, writer = await connected(tickd)
        writer.write(f"GET /p/{made['short_token']} HTTP/1.1\r\n{PLAIN}\r\n".encode())
        await answer(reader)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
