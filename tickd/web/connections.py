"""Connections: how many callers may be connected at once, and how long a silent one is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

PATIENCE_SECS = 60.0
"""How long a connection may bring no whole request, or leave its answer unread."""
SWEEP_SECS = 5.0


class Connections:
    """Makes the protocol of each connection, and ends those that only hold a descriptor.

    aiohttp waits for ever for the first byte, the rest of a header or a reader that has gone; a few
    hundred such callers would leave no descriptor for the calls that tickd is there to make.
    """

    def __init__(self, make: Callable[[], asyncio.Protocol], *, most: int) -> None:
        self._make = make
        self._most = most
        self._open: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    def __call__(self) -> Connection:
        """The protocol of a new connection."""
        return Connection(self, self._make())

    def admit(self, connection: Connection) -> bool:
        """Whether there is room for one more."""
        if len(self._open) >= self._most:
            self._end_silent(0.5 * PATIENCE_SECS)
        if len(self._open) >= self._most:
            return False
        self._open.add(connection)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECS, self._sweep)
        return True

    def leave(self, connection: Connection) -> None:
        """A connection has ended."""
        self._open.discard(connection)

    def _sweep(self) -> None:
        self._sweeping = None
        self._end_silent(PATIENCE_SECS)
        if self._open:
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECS, self._sweep)

    def _end_silent(self, patience: float) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self._open):
            if connection.silent_since is not None and now - connection.silent_since > patience:
                connection.abort()

    def stop(self) -> None:
        """Sweep no more."""
        if self._sweeping is not None:
            self._sweeping.cancel()


class Connection(asyncio.Protocol):
    """Hands everything on to aiohttp's protocol; `silent_since` is None while a request is served."""

    def __init__(self, owner: Connections, inner: asyncio.Protocol) -> None:
        self._owner = owner
        self._inner = inner
        self._transport: asyncio.BaseTransport | None = None
        self.silent_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or close it where there is no room."""
        if not self._owner.admit(self):
            transport.close()
            return
        self._transport = transport
        self.end()
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._transport is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """The caller will send no more."""
        return self._inner.eof_received() if self._transport is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._owner.leave(self)
        if self._transport is not None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """The caller reads slower than we write."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The caller has read."""
        self._inner.resume_writing()

    def begin(self) -> None:
        """A whole request head has come, and is served."""
        self.silent_since = None

    def end(self) -> None:
        """Nothing is to do here until the caller reads its answer and sends the next request."""
        self.silent_since = asyncio.get_running_loop().time()

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            # uvloop's transports are no asyncio.Transport, but have what it has.
            cast(asyncio.Transport, self._transport).abort()


@web.middleware
async def note_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the connection while a request of it is served."""
    connection = None if request.transport is None else request.transport.get_protocol()
    if not isinstance(connection, Connection):
        return await handler(request)
    connection.begin()
    try:
        return await handler(request)
    finally:
        connection.end()
