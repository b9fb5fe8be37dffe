"""Traffic: every request's id, how it was answered, and how long that took."""

from __future__ import annotations

import logging
import random
import re
from collections import Counter

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from tickd import logs
from tickd.clock import SystemClock
from tickd.domain.histogram import Histogram

HEADER = "X-Request-Id"
NO_ROUTE = "none"
"""What requests for paths that there are not are counted as; the paths themselves are without number."""
BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@=+/-]{0,63}")
_TRACE = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")

log = logging.getLogger("tickd.access")


class Traffic:
    """Counts what was answered since the start, by route, method and status; durations by route, seconds."""

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, str, int]] = Counter()
        self.durations: dict[str, Histogram] = {}

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer, and say it to a log that wants all of them."""
        method = method if method in _METHODS else "other"
        self.answered[route, method, status] += 1
        durations = self.durations.get(route)
        if durations is None:
            durations = self.durations[route] = Histogram(BOUNDS)
        durations.add(seconds)
        if log.isEnabledFor(logging.DEBUG):
            words = logs.fields(method=method, route=route, status=status, ms=round(seconds * 1000, 1))
            log.debug("request answered", extra=words)


TRAFFIC: web.AppKey[Traffic] = web.AppKey("traffic", Traffic)
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
"""The request's key of its id."""


def new_id() -> str:
    """An id for a request that came without one."""
    return f"{random.getrandbits(64):016x}"


def id_of(given: str, trace: str) -> str:
    """The id that a caller gave its request (`X-Request-Id`, or the trace of `traceparent`), or a new one.

    What could break a log or a header is taken for none.
    """
    if _GIVEN.fullmatch(given):
        return given
    found = _TRACE.fullmatch(trace)
    return found[1] if found else new_id()


def our_fault(request_id: str) -> str:
    """What a caller is told of a mistake of ours; the id leads whoever runs tickd to the lines in its log."""
    return "tickd has failed; its log says why" + (f" (request {request_id})" if request_id else "")


def note_traffic() -> Middleware:
    """The outermost middleware: it names the request, binds the name to its log lines, and counts it."""
    now = SystemClock().monotonic

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = request.headers
        given = id_of(headers.get(HEADER, ""), headers.get("traceparent", ""))
        request[REQUEST_ID] = given
        begun, status = now(), 0
        with logs.bound(request=given):
            try:
                response = await handler(request)
                status = response.status
                return response
            finally:
                # 499, as nginx says it, where the caller has gone before there was an answer.
                request.app[TRAFFIC].note(route_of(request), request.method, status or 499, now() - begun)

    return note


def route_of(request: web.Request) -> str:
    """The pattern of the request's path: the path itself may hold a token, and there is no end of paths."""
    resource = request.match_info.route.resource
    return NO_ROUTE if resource is None else resource.canonical


async def say_id(request: web.Request, response: web.StreamResponse) -> None:
    """Put the request's id into its answer, before the head is sent."""
    given = request.get(REQUEST_ID)
    if given is not None:
        response.headers[HEADER] = given
