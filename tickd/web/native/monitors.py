"""Monitors on the native face."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from tickd.domain import headers, times
from tickd.domain import monitors as rules
from tickd.domain.assertions import Assertion, JsonAssertion
from tickd.domain.jobs import Severity
from tickd.domain.maintenance import Window
from tickd.domain.monitors import MonitorChange, MonitorCreation
from tickd.services.monitors import Seen
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.native.checks import CheckAnswer, check_answer
from tickd.web.ranges import said
from tickd.web.routes import Call, Route

TIMEOUT_LOW, TIMEOUT_HIGH = 5, 30
"""The range of `timeout_secs` on this face."""
INTERVAL_HIGH = 86_400
"""The longest `interval_secs`; the shortest is the operator's."""


class MonitorAnswer(Struct):
    """A monitor as it stands."""

    id: str
    name: str
    type: rules.Type
    url: str
    interval_secs: int
    timeout_secs: int
    assertions: list[Assertion]
    method: rules.Method
    headers: dict[str, str]
    body: str
    follow_redirects: bool
    failure_threshold: int
    recovery_threshold: int
    cooldown_secs: int
    severity: Severity
    channels: list[str]
    depends_on: list[str]
    tags: list[str]
    group: str
    public: bool
    slug: str
    expected_status_code: int | None
    basic_auth_user: str
    basic_auth_pass: str
    bearer_token: str
    auth_header: str
    request_content_type: str
    keyword: str
    response_threshold_ms: str
    json_assertions: list[JsonAssertion]
    ssl_expiry_threshold_days: int
    maintenance_windows: list[Window]
    alert_email: str
    alert_slack_webhook: str
    webhook_url: str
    status: rules.Status
    state: rules.State
    ssl_expires_at: str | None
    ssl_issuer: str | None
    next_check_at: str | None
    last_check: CheckAnswer | None
    consecutive_failures: int
    created_at: str
    updated_at: str


class MonitorList(Struct):
    """A page of monitors, by name."""

    monitors: list[MonitorAnswer]
    limit: int
    offset: int
    total: int


class Wanted(Page, kw_only=True):
    """Which monitors are wanted."""

    type: rules.Type | None = None
    status: rules.Status | None = None
    tag: str | None = None
    group: str | None = None


_OPTIONS = tuple(name for name in MonitorAnswer.__struct_fields__ if name in rules.Options.__struct_fields__)
_SECRETS = ("basic_auth_pass", "bearer_token", "auth_header", "alert_slack_webhook", "webhook_url")


def answer(call: Call, seen: Seen) -> MonitorAnswer:
    """The monitor as the native face shows it to this caller."""
    monitor = seen.monitor
    values: dict[str, Any] = {name: getattr(monitor.options, name) for name in _OPTIONS}
    shown = dict(monitor.options.headers)
    if not call.who.may("write"):
        shown |= {name: headers.MASK for name in shown if headers.is_secret(name)}
        values |= {name: headers.MASK for name in _SECRETS if values[name]}
    values["headers"] = shown
    for name in ("assertions", "channels", "depends_on", "json_assertions", "maintenance_windows"):
        values[name] = list(values[name])
    return MonitorAnswer(
        id=monitor.id,
        name=monitor.name,
        type=monitor.type,
        tags=list(monitor.tags),
        group=monitor.group,
        public=monitor.public,
        slug=monitor.slug,
        status=monitor.status,
        state=monitor.standing.state,
        ssl_expires_at=times.optional(monitor.ssl_expires_at),
        ssl_issuer=monitor.ssl_issuer,
        next_check_at=times.optional(seen.next_check_at),
        last_check=None if seen.last is None else check_answer(monitor.id, seen.last),
        consecutive_failures=monitor.standing.consecutive_failures,
        created_at=times.rfc3339(monitor.created_at),
        updated_at=times.rfc3339(monitor.updated_at),
        **values,
    )


def ranges_of(floor_secs: int) -> dict[str, tuple[int, int]]:
    """The ranges of this face, whose lower ends the operator may have moved; the type is wider."""
    return {
        "interval_secs": (floor_secs, INTERVAL_HIGH),
        "timeout_secs": (min(TIMEOUT_LOW, floor_secs), TIMEOUT_HIGH),
    }


def _ranges(call: Call) -> dict[str, tuple[int, int]]:
    return ranges_of(call.services.monitors.floor_secs)


async def create(call: Call) -> Answer:
    """`POST /v1/monitors`"""
    spec = await said(call, MonitorCreation, _ranges(call))
    prefix = "ssl" if spec.type == "ssl" else "mon"
    return Answer(
        answer(call, await call.services.monitors.create(call.account_id, spec, prefix=prefix)), 201
    )


async def page(call: Call) -> Answer:
    """`GET /v1/monitors`"""
    wanted = call.query(Wanted)
    limit, offset = wanted.clamped()
    filters: dict[str, str | None] = {"type": wanted.type, "status": wanted.status}
    filters |= {"tag": wanted.tag, "group": wanted.group}
    found, total = await call.services.monitors.page(call.account_id, filters, limit=limit, offset=offset)
    return Answer(MonitorList([answer(call, one) for one in found], limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/monitors/{id}`"""
    return Answer(answer(call, await call.services.monitors.get(call.account_id, call.path("id"))))


async def change(call: Call) -> Answer:
    """`PATCH` and `PUT /v1/monitors/{id}`"""
    spec = await said(call, MonitorChange, _ranges(call))
    return Answer(answer(call, await call.services.monitors.change(call.account_id, call.path("id"), spec)))


async def pause(call: Call) -> Answer:
    """`PATCH` and `POST /v1/monitors/{id}/pause`"""
    return Answer(answer(call, await call.services.monitors.pause(call.account_id, call.path("id"))))


async def resume(call: Call) -> Answer:
    """`PATCH` and `POST /v1/monitors/{id}/resume`"""
    return Answer(answer(call, await call.services.monitors.resume(call.account_id, call.path("id"))))


async def delete(call: Call) -> Answer:
    """`DELETE /v1/monitors/{id}`"""
    await call.services.monitors.delete(call.account_id, call.path("id"))
    return Answer(status=204)


_ONE = "/v1/monitors/{id}"

ROUTES = (
    Route(
        "POST",
        "/v1/monitors",
        create,
        "Make a monitor",
        {201: MonitorAnswer},
        scope="write",
        request=MonitorCreation,
        errors=(400, 402, 409),
    ),
    Route("GET", "/v1/monitors", page, "List monitors", {200: MonitorList}, query=Wanted, errors=(400,)),
    Route("GET", _ONE, get, "Get a monitor", {200: MonitorAnswer}, errors=(404,)),
    *(
        Route(
            method,
            _ONE,
            change,
            "Change a monitor; fields left out keep their value",
            {200: MonitorAnswer},
            scope="write",
            request=MonitorChange,
            errors=(400, 402, 404, 409),
        )
        for method in ("PUT", "PATCH")
    ),
    Route("DELETE", _ONE, delete, "Delete a monitor", {204: None}, scope="write", errors=(404,)),
    *(
        Route(method, f"{_ONE}/{word}", handler, summary, {200: MonitorAnswer}, scope="write", errors=(404,))
        for word, handler, summary in (
            ("pause", pause, "Stop checking a monitor"),
            ("resume", resume, "Check a paused monitor again"),
        )
        for method in ("POST", "PATCH")
    ),
)
