"""What anybody may see without a key: badges of public monitors and heartbeats."""

from __future__ import annotations

from tickd.domain import badges, monitors
from tickd.domain.heartbeats import Heartbeat
from tickd.services.monitors import Seen
from tickd.web.answers import Answer
from tickd.web.routes import Call, Handler, Route

_HEADERS = {
    "Cache-Control": "max-age=300",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


def _uptime(total: int, failed: int) -> str:
    return badges.uptime(100 * (1 - failed / total) if total else None)


def _status(state: str, *, paused: bool) -> str:
    return badges.status("paused" if paused else {"degraded": "warn"}.get(state, state))


def _of_monitor(name: str, seen: Seen) -> str:
    monitor, last = seen.monitor, seen.last
    if name == "uptime":
        return _uptime(seen.checks_total, seen.checks_failed)
    if name == "status":
        return _status(monitor.standing.state, paused=monitor.paused)
    return badges.response(None if last is None else monitors.response_ms(monitor.type, last))


def _of_heartbeat(name: str, heartbeat: Heartbeat) -> str:
    if name == "uptime":
        return _uptime(heartbeat.checks_total, heartbeat.checks_failed)
    if name == "status":
        return _status(heartbeat.standing.state, paused=heartbeat.paused)
    return badges.response(None)


def _badge(name: str) -> Handler:
    async def badge(call: Call) -> Answer:
        """A badge of a public monitor or heartbeat, as SVG."""
        identifier = call.path("id")
        if identifier.startswith("hb_"):
            drawn = _of_heartbeat(name, await call.services.heartbeats.public(identifier))
        else:
            drawn = _of_monitor(name, await call.services.monitors.public(identifier))
        return Answer(drawn.encode(), headers=_HEADERS, content_type="image/svg+xml")

    return badge


ROUTES = tuple(
    Route("GET", path, _badge(name), f"The {name} badge", {200: None}, scope=None, documented=False)
    for path, name in (
        ("/badge/{id}.svg", "uptime"),
        ("/badge/{id}/status.svg", "status"),
        ("/badge/{id}/response.svg", "response"),
    )
)
