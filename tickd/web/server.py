"""Builds the web application out of the routes of every face."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware

from tickd.services.bundle import Services
from tickd.web import assets, connections, middleware, ops, pings, public
from tickd.web.native import (
    accounts,
    alerts,
    channels,
    checks,
    executions,
    heartbeats,
    incidents,
    jobs,
    maintenance,
    monitors,
    status_pages,
    verification,
    verification_batches,
)
from tickd.web.pages import status, table, visit
from tickd.web.prints import Prints
from tickd.web.rooster import checks as rooster_checks
from tickd.web.rooster import incidents as rooster_incidents
from tickd.web.rooster import monitors as rooster_monitors
from tickd.web.routes import BODY_BYTES, SERVICES, Route, bind

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def all_routes(base_url: Callable[[], str]) -> list[Route]:
    """Every route of the daemon, the table behind serving, OpenAPI and the docs."""

    def everything() -> list[Route]:
        return found

    found: list[Route] = [
        *pings.ROUTES,
        *jobs.ROUTES,
        *executions.ROUTES,
        *monitors.ROUTES,
        *checks.ROUTES,
        *heartbeats.ROUTES,
        *incidents.ROUTES,
        *alerts.ROUTES,
        *channels.ROUTES,
        *maintenance.ROUTES,
        *status_pages.ROUTES,
        *accounts.ROUTES,
        *verification.ROUTES,
        *verification_batches.ROUTES,
        *rooster_monitors.ROUTES,
        *rooster_checks.ROUTES,
        *rooster_incidents.ROUTES,
        *public.ROUTES,
        *ops.routes(everything, base_url),
        *assets.routes(),
    ]
    return found


def build(
    services: Services, *, base_url: Callable[[], str], trusted_proxies: Sequence[str] = (), dev: bool = False
) -> web.Application:
    """The application; `dev` answers on localhost names only, because it asks for no sign-in."""
    layers: list[Middleware] = [
        connections.note_requests,
        middleware.say_errors(lambda request: visit.stranger(request, base_url())),
        middleware.refuse_while_stopping(lambda: services.health.accepting),
        middleware.source_of(trusted_proxies),
        *([middleware.only_local_hosts(LOCAL_HOSTS)] if dev else []),
        status.own_domains,
    ]
    app = web.Application(middlewares=layers, client_max_size=BODY_BYTES)
    app[SERVICES] = services
    app[status.PRINTS] = Prints()
    app.on_response_prepare.append(_say_server)
    for route in all_routes(base_url):
        bind(app, route)
    for page in table.pages():
        visit.bind(app, page, base_url)
    return app


async def _say_server(_request: web.Request, response: web.StreamResponse) -> None:
    # aiohttp would name itself and Python with their versions.
    response.headers["Server"] = "tickd"
