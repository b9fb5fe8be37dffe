"""The listener: the port, the connections that came in by it, and the order of their end."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import cast

from aiohttp import web

from tickd.errors import StartupError
from tickd.web.connections import PATIENCE_SECS, Connections
from tickd.web.quick import Quick

LINGER_SECS = 0.5
"""How long the rest of a refused body is read, so that its sender gets to see the refusal."""


class Listener:
    """An application on a port; at most `most` connections at once."""

    def __init__(self, app: web.Application, *, most: int, quick: Quick | None) -> None:
        self._most = most
        self._quick = quick
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1.0,
            keepalive_timeout=PATIENCE_SECS,
            lingering_time=LINGER_SECS,
            logger=_protocol_log(),
        )
        self._server: asyncio.Server | None = None
        self._connections: Connections | None = None

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Bind and listen; the address, with the port that was found for 0. StartupError says why not."""
        await self._runner.setup()
        make = cast(Callable[[], asyncio.Protocol], self._runner.server)
        self._connections = Connections(make, most=self._most, quick=self._quick)
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._connections, host, port, backlog=1024)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise StartupError(
                f"can't listen on {host}:{port}: {reason}; --listen chooses another"
            ) from error
        return host, self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Take no more connections, and no more requests on those there are."""
        if self._server is not None:
            self._server.close()
        if self._connections is not None:
            self._connections.stop()

    async def finish(self) -> None:
        """Wait for the requests under way, not for long, and end the rest."""
        if self._connections is not None:
            await self._connections.finish()
        await self._runner.cleanup()


def _protocol_log() -> logging.Logger:
    """What aiohttp says of requests that are no HTTP; without the traceback, whose text holds headers."""
    quiet_log = logging.getLogger("tickd.http")

    def quiet(record: logging.LogRecord) -> bool:
        record.exc_info = None
        return record.levelno > logging.ERROR or quiet_log.isEnabledFor(logging.DEBUG)

    quiet_log.filters = [quiet]
    return quiet_log
