"""Server-sent events: the form in which an open connection is told what happens."""

from __future__ import annotations

from aiohttp import web

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # A proxy that gathers what is sent would keep the news from whoever listens.
    "X-Accel-Buffering": "no",
}
RETRY = b"retry: 3000\n\n"
"""After how many milliseconds a browser connects again."""
COMMENT = b": still here\n\n"
"""What no listener hears, but keeps the connection alive."""


def written(event: str, data: str, identifier: str = "") -> bytes:
    """An event; `data` is one line."""
    told = f"id: {identifier}\n" if identifier else ""
    return f"event: {event}\n{told}data: {data}\n\n".encode()


def is_gone(request: web.Request) -> bool:
    """Whether the one who listens has closed the connection."""
    return request.transport is None or request.transport.is_closing()
