"""Connections: how many callers may be connected at once, and how long a silent one is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from tickd.web.quick import Quick

PATIENCE_SECS = 60.0
"""How long a connection may bring no whole request, or leave its answer unread."""
SWEEP_SECS = 5.0


class Connections:
    """Makes the protocol of each connection, and ends those that only hold a descriptor.

    aiohttp waits for ever for the first byte, the rest of a header or a reader that has gone; a few
    hundred such callers would leave no descriptor for the calls that tickd is there to make. Where `quick`
    is given, it answers plain pings, and aiohttp comes in with the first request that is something else.
    """

    def __init__(
        self, make: Callable[[], asyncio.Protocol], *, most: int, quick: Quick | None = None
    ) -> None:
        self._make = make
        self._most = most
        self._open: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self.quick = quick
        self.is_closing = False
        self.answering: set[asyncio.Task[bytes]] = set()

    def __call__(self) -> Connection:
        """The protocol of a new connection."""
        return Connection(self, self._make)

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

    async def finish(self) -> None:
        """Write the answers that are under way, and end the connections that aiohttp does not know.

        From now on it gets to know no more of them: it is about to end those that it has, and would leave
        one that comes later open.
        """
        self.is_closing = True
        await asyncio.gather(*self.answering, return_exceptions=True)
        for connection in list(self._open):
            connection.close()


class Connection(asyncio.Protocol):
    """Answers plain pings and hands the rest on to aiohttp; `silent_since` is None while a request is served.

    Once aiohttp has the connection it keeps it: nobody can tell where in it a next request would begin.
    """

    def __init__(self, owner: Connections, make: Callable[[], asyncio.Protocol]) -> None:
        self._owner = owner
        self._make = make
        self._inner: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None
        self._is_answering = False
        self._ahead = b""
        self._has_ended = False
        self.silent_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or close it where there is no room."""
        if self._owner.is_closing or not self._owner.admit(self):
            transport.close()
            return
        # uvloop's transports are no asyncio.Transport, but have what it has.
        self._transport = cast(asyncio.Transport, transport)
        self.end()
        if self._owner.quick is None:
            self._hand_over(self._transport)

    def _hand_over(self, transport: asyncio.Transport) -> asyncio.Protocol:
        self._inner = self._make()
        self._inner.connection_made(transport)
        return self._inner

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        transport = self._transport
        if transport is None:
            return
        if self._inner is not None:
            self._inner.data_received(data)
            return
        if self._is_answering:
            # The next request before the answer to this one: it waits for its turn.
            self._ahead += data
            transport.pause_reading()
            return
        if self._owner.is_closing:
            transport.close()
            return
        quick = self._owner.quick
        plain = None if quick is None else quick.read(data)
        if quick is None or plain is None:
            self._hand_over(transport).data_received(data)
            return
        self.begin()
        self._is_answering = True
        peer = transport.get_extra_info("peername")
        task = asyncio.get_running_loop().create_task(quick.answer(plain, peer[0] if peer else ""))
        self._owner.answering.add(task)
        self._has_ended = plain.closes
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[bytes]) -> None:
        self._owner.answering.discard(task)
        self._is_answering = False
        transport = self._transport
        if transport is None:
            return
        if task.cancelled():
            transport.abort()
            return
        transport.write(task.result())
        self.end()
        ahead, self._ahead = self._ahead, b""
        if self._has_ended or self._owner.is_closing:
            transport.close()
        elif ahead:
            transport.resume_reading()
            self.data_received(ahead)

    def eof_received(self) -> bool | None:
        """The caller will send no more; it still gets the answer that is under way."""
        if self._inner is not None:
            return self._inner.eof_received()
        self._has_ended = True
        return self._is_answering

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._owner.leave(self)
        self._transport = None
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """The caller reads slower than we write."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The caller has read."""
        if self._inner is not None:
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
            self._transport.abort()

    def close(self) -> None:
        """End the connection unless it is aiohttp's, which ends its own."""
        if self._transport is not None and self._inner is None:
            self._transport.close()


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
