"""The one HTTP/1.1 client: a new connection each request, every step timed, everything capped."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final, TypeVar

from tickd.clock import Clock, SystemClock
from tickd.outbound.answer import MAX_HEAD, PIECE, Answer, Reading, Response
from tickd.outbound.dns import LookupFailed, Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.handshakes import Handshakes
from tickd.outbound.progress import Failure, Kind, Progress, Timings, timed_out
from tickd.outbound.requests import Destination, Request, head, parse_url
from tickd.outbound.sockets import connect, hang_up
from tickd.outbound.tls import trusting

__all__ = ["MAX_HEAD", "PIECE", "Failure", "HttpClient", "Kind", "Request", "Response", "Timings"]

P = TypeVar("P", bound=asyncio.Protocol)
_MANY_URLS: Final = 4096


class HttpClient:
    """Sends requests, each over a connection of its own, to targets that the guard allows.

    `tls` is shared by all requests: making a context takes some 40 ms.
    """

    def __init__(
        self,
        resolver: Resolver,
        guard: Guard,
        *,
        user_agent: str,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._resolver = resolver
        self._guard = guard
        self._user_agent = user_agent
        self._clock: Clock = clock or SystemClock()
        self._destinations: dict[str, Destination] = {}
        self._tls = tls or trusting()
        self._handshakes = Handshakes()

    async def send(self, request: Request) -> Response:
        """Send it and give the answer, whatever its status; redirects are not followed.

        Raises `Failure` when there is no usable answer, and ValueError, before any socket, for a method
        or a header that can't be sent.
        """
        begun = self._clock.monotonic()
        progress = Progress(Timings())
        try:
            destination = self.destination(request.url)
            async with asyncio.timeout(request.timeout_secs):
                response = await self.exchange(request, destination, Reading(request.max_body), progress)
        except TimeoutError as timeout:
            raise self._told(timed_out(progress, request.timeout_secs), progress, begun) from timeout
        except Failure as failure:
            self._told(failure, progress, begun)
            raise
        progress.timings.total_ms = (self._clock.monotonic() - begun) * 1000
        return response

    def _told(self, failure: Failure, progress: Progress, begun: float) -> Failure:
        progress.timings.total_ms = (self._clock.monotonic() - begun) * 1000
        failure.timings = progress.timings
        failure.address = progress.address
        failure.responded = progress.status is not None
        return failure

    def destination(self, url: str) -> Destination:
        """Take a URL apart, once; raises `Failure` when it can't be called."""
        destination = self._destinations.get(url)
        if destination is None:
            try:
                destination = parse_url(url)
            except ValueError as failed:
                raise Failure("url", f"the URL can't be called: {failed}") from failed
            if len(self._destinations) >= _MANY_URLS:
                self._destinations.clear()
            self._destinations[url] = destination
        return destination

    async def exchange(
        self, request: Request, destination: Destination, reading: Reading, progress: Progress
    ) -> Response:
        """Send it and give the answer; the caller bounds the time and takes the total.

        Raises `Failure`, and ValueError like `send`.
        """
        message = head(request, destination, self._user_agent)
        now = self._clock.monotonic
        transport, answer = await self.dial(
            lambda: Answer(request.method, reading, progress, now),
            destination,
            progress,
            tls=self._tls if destination.tls else None,
        )
        try:
            return await answer.to(message, transport)
        finally:
            hang_up(transport)

    async def dial(
        self,
        factory: Callable[[], P],
        destination: Destination,
        progress: Progress,
        *,
        tls: ssl.SSLContext | None,
    ) -> tuple[asyncio.Transport, P]:
        """Resolve and connect; the caller bounds the time and hangs up. Raises `Failure`."""
        return await connect(
            factory,
            await self._addresses(destination, progress),
            destination.port,
            guard=self._guard,
            clock=self._clock,
            progress=progress,
            handshakes=self._handshakes,
            tls=tls,
            server_name=destination.server_name,
        )

    async def _addresses(self, destination: Destination, progress: Progress) -> tuple[str, ...]:
        if destination.literal:
            return (destination.host,)
        begun = self._clock.monotonic()
        try:
            addresses = await self._resolver.resolve(destination.host)
        except LookupFailed as failed:
            raise Failure("local" if failed.kind == "local" else "dns", failed.sentence) from failed
        progress.timings.dns_ms = (self._clock.monotonic() - begun) * 1000
        return addresses
