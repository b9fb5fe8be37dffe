"""Middleware: where a request comes from, and what becomes of every error."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware

from tickd import errors, logs
from tickd.errors import TickdError
from tickd.web.answers import native_error, refused_as
from tickd.web.rooster import envelope
from tickd.web.routes import SECURE, SOURCE
from tickd.web.traffic import REQUEST_ID, our_fault, route_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refuse = Callable[[TickdError], web.Response]
RefuseAs = Callable[[int, str], web.Response]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_API = ("/v1/", "/api/")

log = logging.getLogger("tickd.web")


def say_errors(no_page: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Middleware:
    """A middleware that words every error for the face it belongs to: never a traceback.

    A browser that asks for a path that there is not gets `no_page`, everybody else JSON.
    """

    @web.middleware
    async def say(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound as error:
            if "text/html" in request.headers.get("Accept", "") and not request.path.startswith(_API):
                return await no_page(request)
            return _said(request, error)
        except ConnectionError:
            raise  # the caller has gone; there is nobody to answer
        except Exception as error:
            return _said(request, error)

    return say


def _said(request: web.Request, error: Exception) -> web.Response:
    """The answer of an error, on the face that the path belongs to."""
    refuse, refuse_as = faces(request.path)
    if isinstance(error, TickdError):
        return refuse(error)
    if isinstance(error, web.HTTPNotFound):
        return refuse(errors.NotFound(f"no such path: {request.path}"))
    if isinstance(error, web.HTTPMethodNotAllowed):
        return refuse(errors.MethodNotAllowed(request.method, sorted(error.allowed_methods)))
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return refuse(errors.TooLarge("the body is larger than 1 MiB"))
    if isinstance(error, web.RequestPayloadError):
        refusal = refuse(errors.Malformed("the body is not what its Content-Encoding says"))
        refusal.force_close()  # where the next request begins nobody knows
        return refusal
    if isinstance(error, web.HTTPException):
        return refuse_as(error.status, error.reason)
    said = logs.fields(method=request.method, path=route_of(request))
    log.error("request failed", extra=said, exc_info=error)
    return refuse_as(500, our_fault(request.get(REQUEST_ID, "")))


def refuse_while_stopping(accepting: Callable[[], bool]) -> Middleware:
    """A middleware for connections that outlive the listener: while the daemon stops, nothing begins."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not accepting() and request.path not in ("/healthz", "/readyz", "/metrics"):
            raise errors.Unavailable("tickd is starting or stopping")
        return await handler(request)

    return check


def faces(path: str) -> tuple[Refuse, RefuseAs]:
    """How the face that `path` belongs to words an error, and one that the domain has no name for."""
    if path.startswith(envelope.PREFIXES):
        return envelope.refuse, envelope.refuse_as
    return native_error, refused_as


def source_of(trusted: Sequence[str]) -> Middleware:
    """A middleware that notes the caller's address; X-Forwarded-For counts only from `trusted` peers."""
    networks = [ipaddress.ip_network(one) for one in trusted]

    @web.middleware
    async def note_source(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[SOURCE] = _source(
            request.remote or "", request.headers.getall("X-Forwarded-For", []), networks
        )
        said = request.headers.get("X-Forwarded-Proto", "").strip().lower() == "https"
        request[SECURE] = request.secure or (said and _within(request.remote or "", networks))
        return await handler(request)

    return note_source


def _source(peer: str, forwarded: list[str], trusted: Sequence[Network]) -> str:
    """The last address that no trusted proxy vouches for: what stands before it anyone can write."""
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    source = peer
    while hops and _within(source, trusted):
        candidate = hops.pop()
        if _address(candidate) is None:
            break
        source = candidate
    return source


def _within(text: str, networks: Sequence[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in networks)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def only_local_hosts(request_hosts: frozenset[str]) -> Middleware:
    """A middleware for `tickd dev`, which asks for no sign-in: a page elsewhere must not reach it by
    pointing its own name at this machine (DNS rebinding)."""

    @web.middleware
    async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.host.rpartition(":")[0] if request.host.count(":") == 1 else request.host
        if host.strip("[]").partition("]")[0].lower() not in request_hosts:
            raise errors.Forbidden(f"tickd dev answers on localhost only, not on {request.host}")
        return await handler(request)

    return check_host
