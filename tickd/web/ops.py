"""What operators ask: `/healthz`, `/readyz`, the metrics and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from tickd import __version__
from tickd.domain.diagnosis import INSTANCE
from tickd.web import metrics, openapi
from tickd.web.answers import Answer
from tickd.web.routes import BASE_URL, Call, Handler, Route


class Healthy(Struct):
    """The process runs."""

    status: str
    version: str


class Readiness(Struct):
    """Whether the daemon does its work, what keeps it from it, and what else goes wrong."""

    status: str
    faults: list[str]
    warnings: list[str]


async def healthz(call: Call) -> Answer:
    """`GET /healthz`"""
    return Answer(Healthy("ok", __version__), headers={INSTANCE: call.services.health.instance})


async def readyz(call: Call) -> Answer:
    """`GET /readyz`: 503 with the reasons where the daemon can't do its work."""
    health = call.services.health
    unread = await health.unread()
    faults = [*health.faults(), *([unread] if unread else [])]
    warnings = [] if unread else [*await health.warnings(), *call.services.backups.warnings()]
    if faults:
        return Answer(Readiness("not ready", faults, warnings), 503, {"Retry-After": "5"})
    return Answer(Readiness("ready", [], warnings))


def _openapi(routes: Callable[[], list[Route]]) -> Handler:
    async def describe(call: Call) -> Answer:
        """`GET /v1/openapi.json`"""
        return Answer(openapi.document(routes(), call.request.app[BASE_URL]()))

    return describe


def routes(all_routes: Callable[[], list[Route]]) -> tuple[Route, ...]:
    """The operators' calls; none needs a key, but the one for what belongs to an account."""
    return (
        Route("GET", "/healthz", healthz, "Say that the process runs", {200: Healthy}, scope=None),
        Route(
            "GET",
            "/readyz",
            readyz,
            "Say whether the daemon does its work",
            {200: Readiness, 503: Readiness},
            scope=None,
        ),
        *metrics.ROUTES,
        Route(
            "GET",
            "/v1/openapi.json",
            _openapi(all_routes),
            "This document",
            {200: dict},
            scope=None,
            documented=False,
        ),
    )
