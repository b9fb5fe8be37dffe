"""The first page, `/`: in `tickd dev` it lists jobs and runs and has a Run button."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

import jinja2

from tickd import __version__
from tickd.web.answers import Answer
from tickd.web.routes import Call, Handler, Route

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def routes(dev: bool, base_url: Callable[[], str]) -> tuple[Route, ...]:
    """The page and the files it uses."""
    root = resources.files("tickd")
    templates = jinja2.Environment(
        loader=jinja2.DictLoader({"home.html": (root / "templates" / "home.html").read_text("utf-8")}),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    template = templates.get_template("home.html")

    async def home(_call: Call) -> Answer:
        """`GET /`"""
        page = template.render(dev=dev, version=__version__, base_url=base_url())
        return Answer(page.encode(), headers=_HEADERS, content_type="text/html")

    def serve(name: str, content: bytes) -> Route:
        kind = _KINDS[name[name.rindex(".") :]]

        async def file(_call: Call) -> Answer:
            return Answer(content, headers=_HEADERS, content_type=kind)

        return _page(f"/static/{name}", file, f"The page's {name}")

    names = ("dev.js", "home.css", "tickd.svg")
    files = [serve(name, (root / "static" / name).read_bytes()) for name in names]
    return (_page("/", home, "The first page"), *files)


def _page(path: str, handler: Handler, summary: str) -> Route:
    return Route("GET", path, handler, summary, {200: None}, scope=None, documented=False)
