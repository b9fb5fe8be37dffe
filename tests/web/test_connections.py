"""Connections: silent callers are ended, and never take what tickd needs for its own calls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tickd import files
from tickd.web import connections
from tickd.web.connections import Connections


class Echo(asyncio.Protocol):
    """Answers whatever comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@asynccontextmanager
async def served(most: int) -> AsyncIterator[tuple[int, Connections]]:
    """An echo server behind Connections: its port, and them."""
    made = Connections(Echo, most=most)
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], made
    finally:
        server.close()
        made.stop()


async def test_a_connection_over_the_limit_is_closed_and_the_others_go_on() -> None:
    async with served(2) as (port, _):
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for (reader, writer), expected in zip(streams, (b"x", b"x", b""), strict=True):
            writer.write(b"x")
            assert await asyncio.wait_for(reader.read(1), 2) == expected
        for _, writer in streams:
            writer.close()


async def test_a_silent_connection_is_ended_and_a_busy_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE_SECS", 0.0)
    monkeypatch.setattr(connections, "SWEEP_SECS", 0.01)
    async with served(10) as (port, made):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"half a header")
        with contextlib.suppress(ConnectionResetError):
            while await asyncio.wait_for(reader.read(100), 2):
                pass
        assert reader.at_eof() or reader.exception() is not None
        writer.close()
        busy = made()
        busy.connection_made(writer.transport)
        busy.begin()
        await asyncio.sleep(0.03)
        assert busy.silent_since is None
        busy.connection_lost(None)


@pytest.mark.parametrize(
    ("limit", "calls", "checks", "deliveries", "callers"),
    [
        (65_536, 500, 500, 100, 64_372),
        (1024, 320, 320, 80, 240),
        (256, 64, 64, 16, 48),
        (64, 8, 8, 8, 16),
    ],
)
def test_descriptors_are_shared(limit: int, calls: int, checks: int, deliveries: int, callers: int) -> None:
    assert files.shares(limit, 500, 500) == files.Shares(calls, checks, deliveries, callers)
