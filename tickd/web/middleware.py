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
from tickd.web.routes import SOURCE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refuse = Callable[[TickdError], web.Response]
RefuseAs = Callable[[int, str], web.Response]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

log = logging.getLogger("tickd.web")


@web.middleware
async def say_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into the face's own JSON: never an HTML page, never a traceback."""
    refuse, refuse_as = _faces(request.path)
    try:
        return await handler(request)
    except TickdError as error:
        return refuse(error)
    except web.HTTPNotFound:
        return refuse(errors.NotFound(f"no such path: {request.path}"))
    except web.HTTPMethodNotAllowed as error:
        return refuse(errors.MethodNotAllowed(request.method, sorted(error.allowed_methods)))
    except web.HTTPRequestEntityTooLarge:
        return refuse(errors.TooLarge("the body is larger than 1 MiB"))
    except web.RequestPayloadError:
        refusal = refuse(errors.Malformed("the body is not what its Content-Encoding says"))
        refusal.force_close()  # where the next request begins nobody knows
        return refusal
    except web.HTTPException as error:
        return refuse_as(error.status, error.reason)
    except ConnectionError:
        raise  # the caller has gone; there is nobody to answer
    except Exception:
        log.exception("request failed", extra=logs.fields(method=request.method, path=_pattern(request)))
        return refuse_as(500, "tickd has failed; its log says why")


def _pattern(request: web.Request) -> str:
    """The route's pattern, as a log may show it: the path itself may hold a token."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def refuse_while_stopping(accepting: Callable[[], bool]) -> Middleware:
    """A middleware for connections that outlive the listener: while the daemon stops, nothing begins."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not accepting() and request.path not in ("/healthz", "/readyz", "/metrics"):
            raise errors.Unavailable("tickd is starting or stopping")
        return await handler(request)

    return check


def _faces(path: str) -> tuple[Refuse, RefuseAs]:
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
