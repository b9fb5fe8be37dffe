"""Builds the web application out of the routes of every face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from aiohttp import web
from aiohttp.typedefs import Middleware

from tickd.services.bundle import Services
from tickd.services.pinging import Pinging
from tickd.web import assets, connections, middleware, ops, pings, public, traffic
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
    overview,
    status_pages,
    verification,
    verification_batches,
)
from tickd.web.pages import status, table, visit
from tickd.web.prints import Prints
from tickd.web.quick import Quick
from tickd.web.rooster import checks as rooster_checks
from tickd.web.rooster import incidents as rooster_incidents
from tickd.web.rooster import monitors as rooster_monitors
from tickd.web.routes import BASE_URL, BODY_BYTES, SERVICES, Route, bind

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def all_routes() -> list[Route]:
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
        *overview.ROUTES,
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
        *ops.routes(everything),
        *assets.routes(),
    ]
    return found


def build(
    services: Services, *, base_url: Callable[[], str], trusted_proxies: Sequence[str] = (), dev: bool = False
) -> web.Application:
    """The application; `dev` answers on localhost names only, because it asks for no sign-in."""
    layers: list[Middleware] = [
        traffic.note_traffic(),
        connections.note_requests,
        middleware.say_errors(visit.stranger),
        middleware.refuse_while_stopping(lambda: services.health.accepting),
        middleware.source_of(trusted_proxies),
        *([middleware.only_local_hosts(LOCAL_HOSTS)] if dev else []),
        status.own_domains,
    ]
    app = web.Application(middlewares=layers, client_max_size=BODY_BYTES)
    app[SERVICES] = services
    app[BASE_URL] = base_url
    app[status.PRINTS] = Prints()
    app[traffic.TRAFFIC] = traffic.Traffic()
    app.on_response_prepare.extend((_say_server, traffic.say_id))
    for resource in _resources():
        app.router.register_resource(resource)
    return app


@cache
def _resources() -> tuple[web.AbstractResource, ...]:
    """What is served, by path: the same for every application of the process, for it is not changed."""
    router = web.UrlDispatcher()
    for route in all_routes():
        bind(router, route)
    for page in table.pages():
        visit.bind(router, page)
    return tuple(router.resources())


def short_way(app: web.Application, pinging: Pinging) -> Quick:
    """The short way of plain pings, beside this application."""
    services, noted = app[SERVICES], app[traffic.TRAFFIC]
    return Quick(pinging, lambda: services.health.accepting, noted)


async def _say_server(_request: web.Request, response: web.StreamResponse) -> None:
    # aiohttp would name itself and Python with their versions.
    response.headers["Server"] = "tickd"
