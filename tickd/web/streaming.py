"""Streams: answers that are sent piece by piece, as fast as they are read."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TypeVar

from aiohttp import web

from tickd import logs
from tickd.errors import TickdError

T = TypeVar("T")

PATIENCE_SECS = 60.0
"""How long a reader may take to read on."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: what is not sent yet is dropped, and the connection reset."""

log = logging.getLogger("tickd.web")


async def guarded(
    pieces: AsyncGenerator[T, None], check: Callable[[], Awaitable[None]]
) -> AsyncGenerator[T, None]:
    """The same pieces, each only after `check` let it through: a stream outlives what it was begun with."""
    async with aclosing(pieces):
        async for piece in pieces:
            await check()
            yield piece


async def stream(
    request: web.Request,
    pieces: AsyncGenerator[bytes, None],
    *,
    content_type: str,
    headers: Mapping[str, str] | None = None,
    patience_secs: float = PATIENCE_SECS,
) -> web.StreamResponse:
    """Answer with `pieces`; the next one is asked for when the last one is on its way.

    What fails before the first piece is answered like any error. What fails later breaks the connection
    off, so that nobody takes half an answer for a whole one. It ends when the reader goes, or reads
    nothing for `patience_secs`.
    """
    async with aclosing(pieces):
        first = await anext(pieces, b"")
        response = web.StreamResponse(headers={"Cache-Control": "no-store", **(headers or {})})
        response.content_type = content_type
        response.charset = "utf-8"
        # Nobody reads more on this connection: after a fault it could not be told where an answer ends.
        response.force_close()
        try:
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            await _write(response, first, patience_secs)
            async for piece in pieces:
                await _write(response, piece, patience_secs)
        except ConnectionError:
            log.debug("the reader of a stream has gone")
        except BaseException as error:
            _break_off(request, error)
            if not isinstance(error, Exception):
                raise
    return response


async def _write(response: web.StreamResponse, piece: bytes, patience_secs: float) -> None:
    async with asyncio.timeout(patience_secs):
        await response.write(piece)


def _break_off(request: web.Request, error: BaseException) -> None:
    transport = request.transport
    if transport is not None:
        end = transport.get_extra_info("socket")
        if end is not None:
            # A reset, and no orderly end: in HTTP/1.0, which many proxies speak, that is how an answer ends.
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    said = logs.fields(method=request.method, reason=str(error) or type(error).__name__)
    known = not isinstance(error, Exception) or isinstance(error, TickdError | TimeoutError)
    log.warning("an answer was broken off", extra=said, exc_info=None if known else error)
