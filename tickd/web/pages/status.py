"""The public status pages, their JSON and their feed, and the page of a single monitor or heartbeat."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps

from aiohttp import web
from markupsafe import Markup

from tickd.domain import badges, bars, status_pages
from tickd.domain.days import Day
from tickd.domain.status_pages import StatusPage
from tickd.domain.status_views import WELL, Note, Single, View
from tickd.errors import NotFound
from tickd.services.bundle import Services
from tickd.web import assets, feeds, prints
from tickd.web.pages import site
from tickd.web.pages.visit import Handler, Page, Visit
from tickd.web.prints import Prints
from tickd.web.routes import SECURE, SERVICES

PRINTS: web.AppKey[Prints] = web.AppKey("prints", Prints)
"""Where the drawn pages are kept."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""What an SVG may do that somebody opens by itself."""
SHORT = "public, max-age=5"
TIPS_MOST = 30
"""With more lines than these, bars don't tell each day: a text for each would be most of the page."""

TROUBLE_DAYS = 10
TROUBLES_MOST = 200
"""How many days with trouble are listed of each line; and with how many lines they are not."""

_HEADERS = {
    **{name: value for name, value in site.HEADERS.items() if name != "Cross-Origin-Opener-Policy"},
    "Content-Security-Policy": POLICY,
    "Vary": "Accept-Encoding",
}
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HTML, _JSON, _RSS = "text/html", "application/json", "application/rss+xml"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader has come to a page: `base` is before the paths of its links, `link` its own address.

    `is_own` is whether that is the page's own domain, `is_preview` whether others can't see it.
    """

    request: web.Request
    page: StatusPage
    base: str
    link: str
    is_own: bool
    is_preview: bool

    @property
    def services(self) -> Services:
        """The use cases."""
        return self.request.app[SERVICES]

    @property
    def rss(self) -> str:
        """The path of the feed."""
        return f"{self.base}/rss"

    @property
    def json(self) -> str:
        """The path of the JSON."""
        return "/json" if self.is_own else f"{self.base}.json"

    @property
    def theme(self) -> str:
        """The path of the page's own colours; empty where it has none."""
        color = self.page.accent_color
        return f"{self.base}/theme-{color.removeprefix('#')}.css" if color else ""

    @property
    def logo(self) -> str:
        """The path of its picture; empty where it has none."""
        return f"{self.base}/logo?v={self.page.logo}" if self.page.logo else ""

    def headers(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What is said with an answer."""
        cache = "private, no-store" if self.is_preview else SHORT
        return _HEADERS | {"Cache-Control": cache} | dict(more or {})

    async def send(
        self, of: object, what: str, kind: str, draw: Callable[[], str], **more: str
    ) -> web.Response:
        """What `draw` makes of the page, drawn once for all who come by the same address."""
        key = (self.page.row, what, self.link, self.is_preview)
        found = await self.request.app[PRINTS].of(key, of, kind, draw)
        return prints.send(self.request, found, self.headers(more))


async def show(place: Place) -> web.Response:
    """`/status/{slug}`"""
    view = await place.services.status_pages.view(place.page)
    return await place.send(view, "page", _HTML, lambda: _page(view, place))


async def as_json(place: Place) -> web.Response:
    """`/status/{slug}.json`"""
    view = await place.services.status_pages.view(place.page)
    more = {} if place.is_preview else {"Access-Control-Allow-Origin": "*"}
    return await place.send(view, "json", _JSON, lambda: feeds.as_json(view, place.link), **more)


async def rss(place: Place) -> web.Response:
    """`/status/{slug}/rss`"""
    view = await place.services.status_pages.view(place.page)
    here = place.link.rstrip("/") + "/rss"
    return await place.send(view, "rss", _RSS, lambda: feeds.as_rss(view, place.link, here))


async def history(place: Place) -> web.Response:
    """`/status/{slug}/history`: what has ended, 50 at a time."""
    before = place.request.query.get("before")
    found = await place.services.status_pages.past(place.page, before or None)
    # One print a page, of the part that was read last: who reads them all pushes out no other page's.
    return await place.send(found, "history", _HTML, lambda: _history(found, place))


async def logo(place: Place) -> web.Response:
    """`/status/{slug}/logo`"""
    kind, content = await place.services.status_pages.logo(place.page)
    cache = assets.FOR_EVER if place.request.query.get("v") == place.page.logo else SHORT
    said = {"Cache-Control": "private, no-store" if place.is_preview else cache}
    headers = place.headers(said | {"Content-Security-Policy": PICTURE_POLICY})
    return web.Response(body=content, content_type=kind, headers=headers)


async def theme(place: Place) -> web.Response:
    """`/status/{slug}/theme-{color}.css`: its name changes with what it holds."""
    color = place.page.accent_color
    if not color or place.request.path != place.theme:
        raise NotFound("There is no page at this address.")
    ink = "#000000" if status_pages.is_light(color) else "#ffffff"
    text = f":root {{ --brand: {color}; --brand-ink: {ink}; }}\n"
    said = {} if place.is_preview else {"Cache-Control": assets.FOR_EVER}
    return prints.send(place.request, prints.printed(text, "text/css"), place.headers(said))


async def badge(place: Place) -> web.Response:
    """`/status/{slug}/badge.svg`: whether all is well, for a README."""
    view = await place.services.status_pages.view(place.page)
    drawn = badges.status("up" if view.banner == WELL else "degraded")
    headers = place.headers({"Content-Security-Policy": PICTURE_POLICY})
    return prints.send(place.request, prints.printed(drawn, "image/svg+xml"), headers)


async def single(visit: Visit) -> web.Response:
    """`/s/{slug}`: one monitor or heartbeat."""
    slug, account = visit.path("slug"), _account(visit)
    found = await visit.services.status_pages.single(slug, account)
    draw = lambda: _single(found, slug)  # noqa: E731
    one = await visit.request.app[PRINTS].of(("s", slug), found, _HTML, draw)
    return prints.send(visit.request, one, _HEADERS | _shared(found.subject.is_public))


async def chart(visit: Visit) -> web.Response:
    """`/s/{slug}/chart.svg`: the response times of the last day."""
    found = await visit.services.status_pages.subject(visit.path("slug"), _account(visit))
    if found.kind != "monitor" or found.type == "ssl":
        raise NotFound("There is no page at this address.")
    drawn = prints.printed(await visit.services.status_pages.chart(found), "image/svg+xml")
    cache = "public, max-age=60" if found.is_public else "private, no-store"
    said = {"Content-Security-Policy": PICTURE_POLICY, "Cache-Control": cache}
    return prints.send(visit.request, drawn, _HEADERS | said)


@web.middleware
async def own_domains(request: web.Request, handler: Answering) -> web.StreamResponse:
    """Serve a page under its own domain, where there is nothing else of tickd but its static files."""
    host = request.host.lower().partition(":")[0].rstrip(".")
    page = request.app[SERVICES].status_pages.of_host(host) if host else None
    if page is None or request.path.startswith("/static/"):
        return await handler(request)
    return await on_own_domain(request, page)


async def on_own_domain(request: web.Request, page: StatusPage) -> web.StreamResponse:
    """What a page's own domain answers: the page and what belongs to it, and nothing else of tickd."""
    handler = _OF_DOMAIN.get(request.path) or (theme if _THEME.fullmatch(request.path) else None)
    is_open = request.app[SERVICES].status_pages.is_open(page)
    if handler is None or not is_open or request.method not in ("GET", "HEAD"):
        return missing(request)
    scheme = "https" if request[SECURE] else "http"
    try:
        return await handler(Place(request, page, "", f"{scheme}://{page.custom_domain}/", True, False))
    except NotFound:
        return missing(request)


def missing(request: web.Request) -> web.Response:
    """The answer where there is no page, or none that this reader may see: the same for both."""
    if request.path.endswith(".json") or request.path == "/json":
        drawn = prints.printed('{"error":"There is no page at this address."}', _JSON)
    else:
        drawn = prints.printed(site.draw("status/missing.html"), _HTML)
    return prints.send(request, drawn, _HEADERS | {"Cache-Control": "no-store"}, 404)


def _page(view: View, place: Place) -> str:
    count = sum(len(group.lines) for section in view.sections for group in section.groups)

    def drawn(days: tuple[Day, ...], name: str) -> Markup:
        return Markup(bars.full(days, name, tips=count <= TIPS_MOST))  # noqa: S704 - drawn by us, escaped there

    return site.draw(
        "status/page.html",
        view=view,
        page=view.page,
        place=place,
        bars=drawn,
        trouble=_trouble if count <= TROUBLES_MOST else _no_trouble,
        well=WELL,
    )


def _trouble(days: Sequence[Day]) -> list[str]:
    """The last days on which something failed or nothing was seen, newest first, each in a sentence."""
    ailing = [day.text for day in reversed(days) if day.state in ("degraded", "down", "unknown")]
    return ailing[:TROUBLE_DAYS]


def _no_trouble(_days: Sequence[Day]) -> list[str]:
    return []


def _history(found: tuple[list[Note], bool], place: Place) -> str:
    past, has_more = found
    return site.draw("status/history.html", place=place, page=place.page, notes=past, has_more=has_more)


def _single(found: Single, slug: str) -> str:
    drawn = Markup(bars.full(found.line.days, found.line.name, tips=True))  # noqa: S704
    has_chart = found.subject.kind == "monitor" and found.subject.type != "ssl"
    return site.draw(
        "status/single.html", found=found, slug=slug, bars=drawn, trouble=_trouble, has_chart=has_chart
    )


def _shared(is_public: bool) -> dict[str, str]:
    return {"Cache-Control": SHORT if is_public else "private, no-store"}


def _account(visit: Visit) -> str | None:
    return None if visit.signed is None else visit.account_id


def _open(handler: Callable[[Visit], Awaitable[web.Response]]) -> Handler:
    """A handler that says the same of what there is not and of what a reader may not see."""

    @wraps(handler)
    async def serve(visit: Visit) -> web.StreamResponse:
        try:
            return await handler(visit)
        except NotFound:
            return missing(visit.request)

    return serve


def _below(handler: Callable[[Place], Awaitable[web.Response]]) -> Handler:
    """A handler of a page at /status/{slug}."""

    async def serve(visit: Visit) -> web.Response:
        page = visit.services.status_pages.of_slug(visit.path("slug"), _account(visit))
        base = f"/status/{page.slug}"
        return await handler(Place(visit.request, page, base, visit.base_url + base, False, not page.is_open))

    return _open(serve)


_THEME = re.compile(r"/theme-[0-9a-f]{6}\.css")
_OF_DOMAIN: Mapping[str, Callable[[Place], Awaitable[web.Response]]] = {
    "/": show,
    "/json": as_json,
    "/rss": rss,
    "/history": history,
    "/logo": logo,
    "/badge.svg": badge,
}

PAGES = (
    Page("GET", "/status/{slug}.json", _below(as_json), None),
    Page("GET", "/status/{slug}/rss", _below(rss), None),
    Page("GET", "/status/{slug}/history", _below(history), None),
    Page("GET", "/status/{slug}/logo", _below(logo), None),
    Page("GET", "/status/{slug}/badge.svg", _below(badge), None),
    Page("GET", "/status/{slug}/theme-{color}.css", _below(theme), None),
    Page("GET", "/status/{slug}", _below(show), None),
    Page("GET", "/s/{slug}/chart.svg", _open(chart), None),
    Page("GET", "/s/{slug}", _open(single), None),
)
