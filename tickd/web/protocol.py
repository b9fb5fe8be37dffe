"""The protocol: aiohttp's, with tickd's own words for what it refuses before any middleware sees it."""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from tickd import logs
from tickd.web.answers import refused_as
from tickd.web.middleware import faces
from tickd.web.traffic import HEADER, NO_ROUTE, REQUEST_ID, Traffic, id_of

_NO_HTTP = "the request is no HTTP that tickd understands"
_UNKNOWN_WISH = "the header Expect asks for something other than 100-continue"
_TOO_LONG = "the first line or a header of the request is too long"

log = logging.getLogger("tickd.access")


class Protocol(web.RequestHandler):
    """One connection: what the parser refuses (400), and what asks for the impossible (417), are answered as
    everything else is: in JSON, with an id, and counted."""

    __slots__ = ("_traffic",)

    def __init__(self, server: web.Server, traffic: Traffic, **options: Any) -> None:
        super().__init__(server, **options)
        self._traffic = traffic

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer of a request that can't be read; the connection ends with it."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        # aiohttp's words repeat what came, which may be a secret that somebody sent to the wrong port.
        sentence = _TOO_LONG if isinstance(exc, LineTooLong) else _NO_HTTP
        answer = self._noted(request, refused_as(status, sentence))
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer; one that no middleware has seen gets its form first."""
        if isinstance(resp, web.HTTPException) and REQUEST_ID not in request:
            _, refuse_as = faces(request.path)
            sentence = _UNKNOWN_WISH if isinstance(resp, web.HTTPExpectationFailed) else resp.reason
            resp = self._noted(request, refuse_as(resp.status, sentence))
        return await super().finish_response(request, resp, start_time)

    def _noted(self, request: web.BaseRequest, answer: web.Response) -> web.Response:
        """Name the request, put the name into its answer, and count it."""
        given = id_of(request.headers.get(HEADER, ""), request.headers.get("traceparent", ""))
        request[REQUEST_ID] = given
        answer.headers.update({HEADER: given, "Server": "tickd"})
        with logs.bound(request=given):
            self._traffic.note(NO_ROUTE, request.method, answer.status, 0.0)
            log.debug("request refused unread", extra=logs.fields(source=request.remote or ""))
        return answer
