"""The site: templates, the headers of every page, and how a page is sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import blake2b

import jinja2
from aiohttp import web

from tickd import __version__
from tickd.web import assets, compression
from tickd.web.pages import words

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of every page: nothing inline, nothing from elsewhere, in no frame."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Vary": "Accept-Encoding, Cookie",
}
"""What is said with every page."""

_FILTERS: dict[str, Callable[..., object]] = {
    "moment": words.moment,
    "ago": words.ago,
    "day": words.day,
    "utc": words.utc,
    "duration": words.duration,
    "ms": words.milliseconds,
    "number": words.number,
    "percent": words.percent,
    "plural": words.plural,
    "size": words.size,
    "state": words.state,
    "lines": words.lines,
    "told": words.told,
    "address": words.address,
}


@cache
def templates() -> jinja2.Environment:
    """The templates, each compiled when it is first used; see `warm`."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tickd", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters.update(_FILTERS)
    environment.globals.update(version=__version__, asset=assets.address, zip=zip)
    return environment


def names() -> list[str]:
    """The templates that there are."""
    return templates().list_templates()


def warm(first: tuple[str, ...]) -> None:
    """Compile the templates whose names begin so; all of them together take half a second."""
    for name in names():
        if name.startswith(first):
            templates().get_template(name)


def draw(template: str, **values: object) -> str:
    """A template with its values, as HTML."""
    return templates().get_template(template).render(values)


def send(
    request: web.Request,
    html: str,
    status: int = 200,
    *,
    cache_control: str = "private, no-cache",
    etag: bool = False,
    kind: str = "text/html",
    headers: dict[str, str] | None = None,
) -> web.Response:
    """A page as a response, compressed; with `etag`, 304 where the reader has it already."""
    content = html.encode("utf-8", "replace")
    said = HEADERS | {"Cache-Control": cache_control} | (headers or {})
    if etag:
        said["ETag"] = f'W/"{blake2b(content, digest_size=12).hexdigest()}"'
        if said["ETag"] in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=said)
    encoding = compression.chosen(request.headers.get("Accept-Encoding", ""))
    if encoding and len(content) >= compression.WORTH_BYTES:
        content = compression.pack(content, encoding)
        said["Content-Encoding"] = encoding
    return web.Response(status=status, body=content, content_type=kind, charset="utf-8", headers=said)
