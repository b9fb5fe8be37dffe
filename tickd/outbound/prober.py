"""One look at a target: HTTP, certificate, TCP port or name; what was seen, how long it took, what failed."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from tickd.clock import Clock
from tickd.outbound.answer import RawHeaders, Reading, Response
from tickd.outbound.certificates import Certificate, Certificates, read_refused, refused
from tickd.outbound.content import ACCEPTED, text_of
from tickd.outbound.dns import LookupFailed, Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.http import HttpClient
from tickd.outbound.progress import Failure, Progress, Timings, timed_out
from tickd.outbound.redirects import Redirects, for_strangers, is_redirect, origin
from tickd.outbound.requests import Destination, Request, Unsendable, parse_place
from tickd.outbound.sockets import hang_up
from tickd.outbound.tls import trusting, unverified

__all__ = ["Certificate", "Prober", "Seen", "Target", "Timings"]

Fault = Literal["", "down", "timeout", "unknown"]

EVIDENCE_BYTES = 8_192
"""How much is read of the body of an error that nobody asked for."""

log = logging.getLogger("tickd.outbound")


@dataclass(slots=True, frozen=True)
class Target:
    """What to look at; `timeout_secs` covers everything, all redirects included.

    `url` is a URL for http, "host:port" for tcp, "host" or "host:port" for ssl, a host for dns. Unless
    `wants_body`, an answer that is no error is complete with its headers, and of an error the beginning is
    read; else at most `max_body` decoded bytes are read.
    """

    kind: Literal["http", "ssl", "tcp", "dns"]
    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_secs: float = 10.0
    follow_redirects: bool = False
    wants_body: bool = False
    max_body: int = 1 << 20


@dataclass(slots=True)
class Seen:
    """What was seen: `fault` is "" when an answer came, whatever its status, else `error` is a sentence.

    "unknown" is our own trouble (descriptors, memory, a bug) and says nothing about the target. Header
    names are in lower case. Timings are those of the last hop, but for the total. The certificate is that
    of the first https hop, as the monitored host shows it, and is there even when it was refused.
    """

    fault: Fault = ""
    error: str = ""
    status_code: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    truncated: bool = False
    timings: Timings = field(default_factory=Timings)
    address: str | None = None
    certificate: Certificate | None = None
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class _Look:
    """A probe under way: where it is now, and what it has seen until now."""

    target: Target
    seen: Seen
    progress: Progress
    destination: Destination | None = None
    via: str = ""
    """Where it was redirected to, while nothing has come from there."""


class Prober:
    """Looks at targets that the guard allows, over a new connection each time.

    `tls` decides whom to trust: the system's roots without it.
    """

    def __init__(
        self,
        resolver: Resolver,
        guard: Guard,
        *,
        user_agent: str,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._resolver = resolver
        self._clock = clock
        self._tls = tls or trusting()
        self._unverified: ssl.SSLContext | None = None
        self._client = HttpClient(resolver, guard, user_agent=user_agent, tls=self._tls, clock=clock)
        self._certificates = Certificates()
        self._ways: dict[str, Callable[[_Look], Awaitable[None]]] = {
            "http": self._http,
            "ssl": self._ssl,
            "tcp": self._tcp,
            "dns": self._dns,
        }

    async def probe(self, target: Target) -> Seen:
        """Look once and say what was seen; raises nothing but CancelledError."""
        look = _Look(target, Seen(), Progress(Timings()))
        seen, begun = look.seen, self._clock.monotonic()
        until = asyncio.get_running_loop().time() + target.timeout_secs
        code: int | None = None
        try:
            async with asyncio.timeout_at(until):
                await self._ways[target.kind](look)
        except Failure as failure:
            seen.fault, seen.error, code = _fault(failure), failure.message, failure.verify_code
        except TimeoutError:
            seen.fault, seen.error = "timeout", timed_out(look.progress, target.timeout_secs).message
        except Unsendable as failure:
            seen.fault, seen.error = "down", f"the request can't be sent: {failure}"
        except Exception as failure:
            # A bug of ours must neither end the loop of checks nor be taken for the target's fault.
            log.exception("a probe failed by itself")
            seen.fault, seen.error = "unknown", f"tickd itself failed here: {type(failure).__name__}"
        progress = look.progress
        progress.timings.total_ms = (self._clock.monotonic() - begun) * 1000
        seen.timings, seen.address, seen.status_code = progress.timings, progress.address, progress.status
        self._note_certificate(look)
        if code is not None:
            await self._explain(look, code, until)
        if seen.fault and look.via:
            seen.error = f"redirected to {look.via}: {seen.error}"
        return seen

    def _note_certificate(self, look: _Look) -> None:
        tls = look.progress.tls
        if look.seen.certificate is None and tls is not None:
            look.seen.certificate = self._certificates.verified(tls)

    async def _http(self, look: _Look) -> None:
        target = look.target
        request = Request(target.method, target.url, target.headers, target.body)
        if target.wants_body and not any(name.lower() == "accept-encoding" for name, _ in target.headers):
            request = Request(
                target.method, target.url, (*target.headers, ("Accept-Encoding", ACCEPTED)), target.body
            )
        reading = _reading(target)
        redirects = Redirects() if target.follow_redirects else None
        while True:
            look.destination = destination = self._client.destination(request.url)
            response = await self._client.exchange(request, destination, reading, look.progress)
            look.via = ""
            following = redirects.following(request, destination, response) if redirects else None
            if following is None:
                break
            self._note_certificate(look)
            look.via = origin(following.url)
            request = for_strangers(following, destination, self._client.destination(following.url))
            look.progress = Progress(Timings())
        _fill(look.seen, response)

    async def _ssl(self, look: _Look) -> None:
        look.destination = destination = _place(look.target.url, port_needed=False)
        await self._touch(look, destination, self._tls)

    async def _tcp(self, look: _Look) -> None:
        look.destination = destination = _place(look.target.url, port_needed=True)
        await self._touch(look, destination, None)

    async def _touch(self, look: _Look, destination: Destination, tls: ssl.SSLContext | None) -> None:
        """Connect and hang up."""
        transport, _ = await self._client.dial(asyncio.Protocol, destination, look.progress, tls=tls)
        hang_up(transport)

    async def _dns(self, look: _Look) -> None:
        begun = self._clock.monotonic()
        try:
            look.seen.addresses = await self._resolver.resolve_afresh(look.target.url)
        except LookupFailed as failed:
            raise Failure("local" if failed.kind == "local" else "dns", failed.sentence) from failed
        finally:
            look.progress.timings.dns_ms = (self._clock.monotonic() - begun) * 1000

    async def _explain(self, look: _Look, code: int, until: float) -> None:
        """Read the certificate that was refused, over another connection in the time that is left.

        OpenSSL forgets a refused certificate, and Python gives no hook to see it during the handshake.
        """
        destination, address = look.destination, look.progress.address
        if destination is None or address is None:
            return
        if self._unverified is None:
            self._unverified = unverified()
        progress = Progress(Timings())
        there = replace(destination, host=address, literal=True)
        try:
            async with asyncio.timeout_at(until):
                transport, _ = await self._client.dial(
                    asyncio.Protocol, there, progress, tls=self._unverified
                )
                hang_up(transport)
        except (Failure, TimeoutError):
            return
        der = progress.tls.getpeercert(True) if progress.tls is not None else None
        certificate = read_refused(der) if der else None
        if certificate is None:
            return
        sentence = look.seen.error.removeprefix("the ")
        certificate = refused(certificate, code, destination.server_name, self._clock.now(), sentence)
        look.seen.error = f"the {certificate.fault}"
        if look.seen.certificate is None:
            look.seen.certificate = certificate


def _place(text: str, *, port_needed: bool) -> Destination:
    try:
        return parse_place(text, port_needed=port_needed)
    except ValueError as failed:
        raise Failure("url", f"{text[:100]!r} can't be called: {failed}") from failed


def _reading(target: Target) -> Reading:
    if not target.wants_body:
        return Reading(EVIDENCE_BYTES, without_body=_headers_are_enough)
    return Reading(
        target.max_body, decode=True, without_body=is_redirect if target.follow_redirects else None
    )


def _headers_are_enough(status: int, _headers: RawHeaders) -> bool:
    # What an error says of itself is evidence.
    return status < 400


def _fill(seen: Seen, response: Response) -> None:
    for name, value in response.headers:
        lower = name.lower()
        before = seen.headers.get(lower)
        seen.headers[lower] = value if before is None else f"{before}, {value}"
    seen.truncated = response.truncated
    if response.body:
        seen.body = text_of(response.body, seen.headers.get("content-type", ""))


def _fault(failure: Failure) -> Fault:
    if failure.kind == "local":
        return "unknown"
    cause = failure.__cause__
    if failure.kind == "timeout" or (isinstance(cause, LookupFailed) and cause.kind == "timeout"):
        return "timeout"
    return "down"
