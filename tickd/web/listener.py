"""The listener: the port, the connections that came in by it, and the order of their end."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import cast

from aiohttp import web

from tickd.errors import StartupError
from tickd.web.connections import PATIENCE_SECS, Connections
from tickd.web.protocol import Protocol
from tickd.web.quick import Quick
from tickd.web.traffic import TRAFFIC

LINGER_SECS = 0.5
"""How long the rest of a refused body is read, so that its sender gets to see the refusal."""


class Listener:
    """An application on a port; at most `most` connections at once."""

    def __init__(self, app: web.Application, *, most: int, quick: Quick | None) -> None:
        self._most = most
        self._quick = quick
        self._traffic = app[TRAFFIC]
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=1.0)
        self._server: asyncio.Server | None = None
        self._connections: Connections | None = None

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Bind and listen; the address, with the port that was found for 0. StartupError says why not."""
        await self._runner.setup()
        loop, quiet = asyncio.get_running_loop(), _protocol_log()
        server = cast(web.Server, self._runner.server)

        def make() -> Protocol:
            return Protocol(
                server,
                self._traffic,
                loop=loop,
                access_log=None,
                keepalive_timeout=PATIENCE_SECS,
                lingering_time=LINGER_SECS,
                logger=quiet,
            )

        self._connections = Connections(make, most=self._most, quick=self._quick)
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
    """What aiohttp says of callers that have gone; without the traceback, whose text may hold headers."""
    quiet_log = logging.getLogger("tickd.http")

    def quiet(record: logging.LogRecord) -> bool:
        record.exc_info = None
        return record.levelno > logging.ERROR or quiet_log.isEnabledFor(logging.DEBUG)

    quiet_log.filters = [quiet]
    return quiet_log
