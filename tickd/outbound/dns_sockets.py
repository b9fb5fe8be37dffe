"""The sockets of dnspython's asynchronous queries, closed whatever becomes of the query."""

from __future__ import annotations

import asyncio
from typing import Any

import dns.asyncbackend


class Sockets:
    """dnspython's own, but none is left open when a query is cancelled while its socket is being made.

    The library forgets such a socket. A loop of uvloop that has one can't be closed: it waits for ever.
    """

    def __init__(self) -> None:
        self._own: Any = dns.asyncbackend.get_backend("asyncio")

    def name(self) -> str:
        """The backend's name."""
        return "asyncio"

    async def make_socket(self, *args: Any, **named: Any) -> Any:
        """Make a socket as dnspython does."""
        making = asyncio.get_running_loop().create_task(self._own.make_socket(*args, **named))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(_close)
            raise

    def datagram_connection_required(self) -> bool:
        """Whether datagram sockets are connected."""
        return bool(self._own.datagram_connection_required())

    async def sleep(self, interval: float) -> None:
        """Sleep so many seconds."""
        await self._own.sleep(interval)

    async def wait_for(self, awaitable: Any, timeout: float | None) -> Any:  # noqa: ASYNC109 - dnspython's
        """Wait so many seconds at most."""
        return await self._own.wait_for(awaitable, timeout)


def _close(making: asyncio.Task[Any]) -> None:
    if not making.cancelled() and making.exception() is None:
        asyncio.get_running_loop().create_task(making.result().close())
