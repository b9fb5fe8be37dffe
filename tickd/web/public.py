"""What anybody may see without a key: badges of public monitors."""

from __future__ import annotations

from tickd.domain import badges, monitors
from tickd.services.monitors import Seen
from tickd.web.answers import Answer
from tickd.web.routes import Call, Handler, Route

_HEADERS = {
    "Cache-Control": "max-age=300",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


def _uptime(seen: Seen) -> str:
    total = seen.checks_total
    return badges.uptime(100 * (1 - seen.checks_failed / total) if total else None)


def _status(seen: Seen) -> str:
    state = seen.monitor.standing.state
    word = "paused" if seen.monitor.paused else {"degraded": "warn"}.get(state, state)
    return badges.status(word)


def _response(seen: Seen) -> str:
    last = seen.last
    return badges.response(None if last is None else monitors.response_ms(seen.monitor.type, last))


def _badge(name: str) -> Handler:
    async def badge(call: Call) -> Answer:
        """A badge of a public monitor, as SVG."""
        seen = await call.services.monitors.public(call.path("id"))
        return Answer(_DRAWN[name](seen).encode(), headers=_HEADERS, content_type="image/svg+xml")

    return badge


_DRAWN = {"uptime": _uptime, "status": _status, "response": _response}

ROUTES = tuple(
    Route("GET", path, _badge(name), f"The {name} badge", {200: None}, scope=None, documented=False)
    for path, name in (
        ("/badge/{id}.svg", "uptime"),
        ("/badge/{id}/status.svg", "status"),
        ("/badge/{id}/response.svg", "response"),
    )
)
