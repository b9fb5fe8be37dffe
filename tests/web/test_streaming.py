"""Streams: backpressure, readers that stop reading, and faults on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from tests.support.daemon import eventually
from tickd.errors import Forbidden, Unavailable
from tickd.web.streaming import guarded, stream

Pieces = Callable[[], AsyncGenerator[bytes, None]]


@asynccontextmanager
async def sending(pieces: Pieces, patience_secs: float = 5.0) -> AsyncIterator[tuple[str, int]]:
    """A server whose every answer is that stream: its host and port."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await stream(
            request,
            pieces(),
            content_type="text/plain",
            headers={"X-Own": "1"},
            patience_secs=patience_secs,
        )

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port, *_ = runner.addresses[0]
        yield host, port
    finally:
        await runner.cleanup()


async def got(host: str, port: int) -> tuple[int, str, dict[str, str]]:
    """The status, the text and the headers of an answer."""
    async with ClientSession() as session, session.get(f"http://{host}:{port}/") as reply:
        return reply.status, await reply.text(), dict(reply.headers)


async def test_pieces_arrive_in_their_order() -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for number in range(5):
            yield f"{number};".encode()

    async with sending(pieces) as (host, port):
        _, text, headers = await got(host, port)
    assert text == "0;1;2;3;4;"
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert (headers["Cache-Control"], headers["X-Own"]) == ("no-store", "1")


async def test_no_pieces_are_an_empty_answer() -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for number in range(0):
            yield b"%d" % number

    async with sending(pieces) as (host, port):
        assert (await got(host, port))[1] == ""


@pytest.mark.parametrize(
    ("fault", "traceback"), [(Unavailable("the disk is full"), False), (ValueError("a bug"), True)]
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_fault_on_the_way_is_logged_and_is_no_end(
    caplog: pytest.LogCaptureFixture, fault: Exception, traceback: bool, version: str
) -> None:
    ended: list[bool] = []

    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            yield b"half"
            raise fault
        finally:
            ended.append(True)

    async with sending(pieces) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(f"GET / HTTP/{version}\r\nHost: x\r\n\r\n".encode())
        # HTTP/1.0 has no mark for the end: only a reset says that this was none.
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
    assert ended == [True]
    (record,) = [one for one in caplog.records if one.name == "tickd.web"]
    assert record.levelno == logging.WARNING
    assert record.__dict__["fields"]["reason"] == str(fault)
    assert bool(record.exc_info) == traceback


async def test_each_piece_is_let_through_or_none_after_it() -> None:
    ended: list[bool] = []
    checked: list[int] = []

    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            for number in range(9):
                yield b"%d" % number
        finally:
            ended.append(True)

    async def check() -> None:
        checked.append(len(checked))
        if len(checked) == 3:
            raise Forbidden("no longer")

    async with sending(lambda: guarded(pieces(), check)) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
    assert (checked, ended) == ([0, 1, 2], [True])


async def test_who_stops_reading_is_not_waited_for_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    made: list[int] = []
    ended: list[bool] = []

    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            for number in range(10_000):
                made.append(number)
                yield b"x" * 100_000
        finally:
            ended.append(True)

    async def is_over() -> bool:
        return bool(ended)

    async with sending(pieces, patience_secs=0.05) as (host, port):
        _, writer = await asyncio.open_connection(host, port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(is_over)
        writer.close()
    assert 0 < len(made) < 1000
    assert "an answer was broken off" in caplog.text


async def test_what_fails_before_the_first_piece_is_raised() -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for number in range(2):
            if number == 0:
                raise Unavailable("the disk is full")
            yield b"never"

    async with sending(pieces) as (host, port):
        # Here nobody words it; in the daemon a middleware does.
        assert (await got(host, port))[0] == 500
