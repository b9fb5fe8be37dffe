"""Static files: named after what they hold, so that a browser may keep them for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from tickd.web import compression
from tickd.web.answers import Answer
from tickd.web.routes import Call, Route

KINDS: Mapping[str, str] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain",
}
"""The content types of the files that there are, by how their names end."""
FOR_EVER = "public, max-age=31536000, immutable"
"""The `Cache-Control` of a file whose name changes with its content."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file: `path` has the first letters of its SHA-256 in it."""

    name: str
    path: str
    content: bytes
    kind: str
    packed: dict[str, bytes] = field(default_factory=dict)
    """The content by encoding, packed when it was first asked for."""


@cache
def assets() -> Mapping[str, Asset]:
    """All static files by their name under `static/`."""
    found = {}
    for name, file in _files(resources.files("tickd") / "static"):
        content = file.read_bytes()
        stem, dot, end = name.rpartition(".")
        mark = hashlib.sha256(content).hexdigest()[:10]
        found[name] = Asset(name, f"/static/{stem}.{mark}{dot}{end}", content, KINDS[dot + end])
    return found


def address(name: str) -> str:
    """The path that a static file is served at: `app.css` is at `/static/app.0a1b2c3d4e.css`."""
    return assets()[name].path


def routes() -> tuple[Route, ...]:
    """The routes of all static files."""
    found = assets()
    # Browsers ask for the icon of what is no page, too: of an answer in JSON, or of a file.
    icon = _route(found["tickd.svg"], "/favicon.ico", "public, max-age=86400")
    return (icon, *(_route(asset, asset.path, FOR_EVER) for asset in found.values()))


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def _route(asset: Asset, path: str, cache_control: str) -> Route:
    async def serve(call: Call) -> Answer:
        """A static file."""
        encoding = compression.chosen(call.request.headers.get("Accept-Encoding", ""))
        headers = {"Cache-Control": cache_control, "Vary": "Accept-Encoding"}
        headers["X-Content-Type-Options"] = "nosniff"
        content = asset.content
        if encoding and not asset.kind.startswith("image/png"):
            if encoding not in asset.packed:
                asset.packed[encoding] = compression.pack(content, encoding, level=compression.SMALLEST)
            headers["Content-Encoding"] = encoding
            content = asset.packed[encoding]
        return Answer(content, headers=headers, content_type=asset.kind)

    summary = f"The file {asset.name} of the pages"
    return Route("GET", path, serve, summary, {200: None}, scope=None, documented=False)
