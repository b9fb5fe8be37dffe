"""Heartbeats, their pings and events on the native face."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from tickd import ids
from tickd.domain import expiry, headers, pings, times
from tickd.domain import heartbeats as rules
from tickd.domain.heartbeats import Heartbeat, HeartbeatChange, HeartbeatCreation
from tickd.domain.jobs import Severity
from tickd.domain.maintenance import Window
from tickd.domain.pings import Event
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.ranges import said
from tickd.web.routes import Call, Route


class HeartbeatAnswer(Struct):
    """A heartbeat as it stands; `token` and `ping_url` are masked for keys that may only read."""

    id: str
    name: str
    token: str
    short_token: str
    ping_url: str
    interval_secs: int
    schedule: str
    timezone: str
    grace_secs: int
    failure_threshold: int
    allowed_ips: list[str]
    max_pings_per_minute: int
    severity: Severity
    cooldown_secs: int
    channels: list[str]
    depends_on: list[str]
    tags: list[str]
    group: str
    public: bool
    slug: str
    check_interval_secs: int
    maintenance_windows: list[Window]
    alert_email: str
    alert_slack_webhook: str
    webhook_url: str
    status: rules.Status
    state: expiry.State
    consecutive_misses: int
    last_pinged_at: str | None
    next_expected_at: str | None
    metrics: dict[str, float]
    created_at: str
    updated_at: str


class HeartbeatList(Struct):
    """A page of heartbeats, by name."""

    heartbeats: list[HeartbeatAnswer]
    limit: int
    offset: int
    total: int


class PingAnswer(Struct):
    """A ping; `received_at` is later than `pinged_at` where it says when it was sent."""

    id: str
    heartbeat_id: str
    pinged_at: str
    received_at: str
    kind: pings.Kind
    accepted: bool
    degraded: bool
    exit_status: int | None
    duration_ms: int | None
    rid: str
    source_ip: str
    user_agent: str
    message: str
    metrics: dict[str, float]


class OnePingAnswer(PingAnswer):
    """A ping with the body that it brought."""

    body: str


class PingList(Struct):
    """A page of pings, newest first."""

    pings: list[PingAnswer]
    limit: int
    offset: int
    total: int


class EventAnswer(Struct):
    """A silence, a deadline that was moved, or a ping that changed the state, and what it changed."""

    id: str
    heartbeat_id: str
    at: str
    kind: pings.EventKind
    flip: expiry.Flip | None
    repaired: bool
    message: str


class EventList(Struct):
    """A page of events, newest first."""

    events: list[EventAnswer]
    limit: int
    offset: int
    total: int


class Wanted(Page, kw_only=True):
    """Which heartbeats are wanted."""

    status: rules.Status | None = None
    tag: str | None = None
    group: str | None = None


class Fifty(Page, kw_only=True):
    """Which part of a history is wanted."""

    limit: int = 50


_SAME = (
    *("id", "name", "interval_secs", "schedule", "timezone", "grace_secs", "failure_threshold"),
    *("max_pings_per_minute", "group", "public", "slug", "status", "metrics"),
)
_OPTIONS = tuple(rules.Options.__struct_fields__)


def answer(call: Call, heartbeat: Heartbeat) -> HeartbeatAnswer:
    """The heartbeat as the native face shows it to this caller."""
    values: dict[str, Any] = {name: getattr(heartbeat, name) for name in _SAME}
    values |= {name: getattr(heartbeat.options, name) for name in _OPTIONS}
    values |= {name: list(values[name]) for name in ("channels", "depends_on", "maintenance_windows")}
    if not call.who.may("write"):
        values |= {name: headers.MASK for name in ("alert_slack_webhook", "webhook_url") if values[name]}
    base_url = call.services.heartbeats.base_url()
    secrets = (heartbeat.token, heartbeat.short_token, f"{base_url}/p/{heartbeat.short_token}")
    token, short, url = secrets if call.who.may("write") else (headers.MASK,) * 3
    standing = heartbeat.standing
    return HeartbeatAnswer(
        token=token,
        short_token=short,
        ping_url=url,
        allowed_ips=list(heartbeat.allowed_ips),
        tags=list(heartbeat.tags),
        state=call.services.heartbeats.state(heartbeat),
        consecutive_misses=standing.consecutive_misses,
        last_pinged_at=times.optional(standing.last_pinged_at),
        next_expected_at=times.optional(standing.expected_at),
        created_at=times.rfc3339(heartbeat.created_at),
        updated_at=times.rfc3339(heartbeat.updated_at),
        **values,
    )


def _ping(identifier: str, event: Event) -> dict[str, Any]:
    same = ("accepted", "degraded", "exit_status", "duration_ms", "rid", "source_ip", "user_agent", "message")
    return {name: getattr(event, name) for name in same} | {
        "id": ids.row_id("png", event.row),
        "heartbeat_id": identifier,
        "pinged_at": times.rfc3339(event.at),
        "received_at": times.rfc3339(event.received_at),
        "kind": event.kind,
        "metrics": event.metrics or {},
    }


def _event(identifier: str, event: Event) -> EventAnswer:
    return EventAnswer(
        id=ids.row_id("png", event.row),
        heartbeat_id=identifier,
        at=times.rfc3339(event.at),
        kind=event.kind,
        flip=event.flip,
        repaired=event.repaired,
        message=event.message,
    )


def _ranges(call: Call) -> dict[str, tuple[int, int]]:
    return {"interval_secs": (call.services.heartbeats.floor_secs, rules.INTERVAL_HIGH)}


def _shown(call: Call, heartbeat: Heartbeat, status: int = 200) -> Answer:
    return Answer(answer(call, heartbeat), status)


async def create(call: Call) -> Answer:
    """`POST /v1/heartbeats`"""
    spec = await said(call, HeartbeatCreation, _ranges(call))
    return _shown(call, await call.services.heartbeats.create(call.account_id, spec), 201)


async def page(call: Call) -> Answer:
    """`GET /v1/heartbeats`"""
    wanted = call.query(Wanted)
    limit, offset = wanted.clamped()
    filters: dict[str, str | None] = {"status": wanted.status, "tag": wanted.tag, "group": wanted.group}
    found, total = await call.services.heartbeats.page(call.account_id, filters, limit=limit, offset=offset)
    return Answer(HeartbeatList([answer(call, one) for one in found], limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/heartbeats/{id}`"""
    return _shown(call, await call.services.heartbeats.get(call.account_id, call.path("id")))


async def change(call: Call) -> Answer:
    """`PATCH` and `PUT /v1/heartbeats/{id}`"""
    spec = await said(call, HeartbeatChange, _ranges(call))
    return _shown(call, await call.services.heartbeats.change(call.account_id, call.path("id"), spec))


async def pause(call: Call) -> Answer:
    """`PATCH` and `POST /v1/heartbeats/{id}/pause`"""
    return _shown(call, await call.services.heartbeats.pause(call.account_id, call.path("id")))


async def resume(call: Call) -> Answer:
    """`PATCH` and `POST /v1/heartbeats/{id}/resume`"""
    return _shown(call, await call.services.heartbeats.resume(call.account_id, call.path("id")))


async def rotate(call: Call) -> Answer:
    """`POST /v1/heartbeats/{id}/rotate-token`"""
    return _shown(call, await call.services.heartbeats.rotate(call.account_id, call.path("id")))


async def delete(call: Call) -> Answer:
    """`DELETE /v1/heartbeats/{id}`"""
    await call.services.heartbeats.delete(call.account_id, call.path("id"))
    return Answer(status=204)


async def list_pings(call: Call) -> Answer:
    """`GET /v1/heartbeats/{id}/pings`"""
    limit, offset = call.query(Fifty).clamped()
    identifier = call.path("id")
    found, total = await call.services.heartbeats.history(
        call.account_id, identifier, "pings", limit=limit, offset=offset
    )
    return Answer(PingList([PingAnswer(**_ping(identifier, one)) for one in found], limit, offset, total))


async def list_events(call: Call) -> Answer:
    """`GET /v1/heartbeats/{id}/events`"""
    limit, offset = call.query(Fifty).clamped()
    identifier = call.path("id")
    found, total = await call.services.heartbeats.history(
        call.account_id, identifier, "events", limit=limit, offset=offset
    )
    return Answer(EventList([_event(identifier, one) for one in found], limit, offset, total))


async def get_ping(call: Call) -> Answer:
    """`GET /v1/heartbeats/{id}/pings/{ping_id}`"""
    identifier = call.path("id")
    found = await call.services.heartbeats.ping(call.account_id, identifier, call.path("ping_id"))
    return Answer(OnePingAnswer(**_ping(identifier, found), body=found.body or ""))


_ALL, _ONE = "/v1/heartbeats", "/v1/heartbeats/{id}"


_GOOD: dict[int, type | None] = {200: HeartbeatAnswer}

ROUTES = (
    Route(
        "POST",
        _ALL,
        create,
        "Make a heartbeat",
        {201: HeartbeatAnswer},
        scope="write",
        request=HeartbeatCreation,
        errors=(400, 402, 409),
    ),
    Route("GET", _ALL, page, "List heartbeats", {200: HeartbeatList}, query=Wanted, errors=(400,)),
    Route("GET", _ONE, get, "Get a heartbeat", _GOOD, errors=(404,)),
    *(
        Route(
            method,
            _ONE,
            change,
            "Change a heartbeat; fields left out keep their value",
            _GOOD,
            scope="write",
            request=HeartbeatChange,
            errors=(400, 404, 409),
        )
        for method in ("PUT", "PATCH")
    ),
    Route("DELETE", _ONE, delete, "Delete a heartbeat", {204: None}, scope="write", errors=(404,)),
    *(
        Route(method, f"{_ONE}/{word}", handler, summary, _GOOD, scope="write", errors=(404,))
        for word, handler, summary in (
            ("pause", pause, "Expect no pings of a heartbeat"),
            ("resume", resume, "Expect pings of a paused heartbeat again"),
        )
        for method in ("POST", "PATCH")
    ),
    Route(
        "POST",
        f"{_ONE}/rotate-token",
        rotate,
        "Give a heartbeat new tokens",
        _GOOD,
        scope="write",
        errors=(404,),
    ),
    Route(
        "GET",
        f"{_ONE}/pings",
        list_pings,
        "List a heartbeat's pings",
        {200: PingList},
        query=Fifty,
        errors=(400, 404),
    ),
    Route(
        "GET",
        f"{_ONE}/pings/{{ping_id}}",
        get_ping,
        "Get a ping with its body",
        {200: OnePingAnswer},
        errors=(404,),
    ),
    Route(
        "GET",
        f"{_ONE}/events",
        list_events,
        "List what changed a heartbeat's state, and its silences",
        {200: EventList},
        query=Fifty,
        errors=(400, 404),
    ),
)
