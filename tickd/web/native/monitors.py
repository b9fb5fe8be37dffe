"""Monitors and their checks on the native face."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from tickd.domain import charts, headers, times, uptime
from tickd.domain import monitors as rules
from tickd.domain.assertions import Assertion, JsonAssertion
from tickd.domain.checks import Check, CheckStatus
from tickd.domain.jobs import Severity
from tickd.domain.maintenance import Window
from tickd.domain.monitors import MonitorChange, MonitorCreation
from tickd.errors import Invalid
from tickd.services.monitors import Seen
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.routes import Call, Route

C = TypeVar("C", bound=MonitorChange)

TIMEOUT_LOW, TIMEOUT_HIGH = 5, 30
"""The range of `timeout_secs` on this face."""


class Timings(Struct):
    """The steps of a check in milliseconds; null where a step was not taken."""

    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None


class CheckAnswer(Struct):
    """One look at a monitor's target."""

    id: str
    monitor_id: str
    status: CheckStatus
    status_code: int | None
    duration_ms: int
    error: str
    ssl_expires_at: str | None
    checked_at: str
    region: str
    timings: Timings | UnsetType = UNSET


class CheckList(Struct):
    """A page of checks, newest first."""

    checks: list[CheckAnswer]
    limit: int
    offset: int
    total: int


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


class ChecksWanted(Page, kw_only=True):
    """Which checks are wanted."""

    limit: int = 50
    status: CheckStatus | None = None


class DaysWanted(Struct, kw_only=True):
    """How many days back; out of range is clamped to 1 and 365."""

    days: int = 30


class HoursWanted(Struct, kw_only=True):
    """How many hours back."""

    hours: Annotated[int, Meta(ge=1, le=720)] = 24


class Day(Struct):
    """A UTC day of a monitor; null where nothing is known."""

    date: str
    uptime_percent: float | None
    avg_ms: float | None
    p95_ms: float | None


class Uptime(Struct):
    """How a monitor did: time-weighted, unknown and paused time left out."""

    uptime_percent: float | None
    checks_total: int
    checks_failed: int
    days: list[Day]


_OPTIONS = tuple(name for name in MonitorAnswer.__struct_fields__ if name in rules.Options.__struct_fields__)
_SECRETS = ("basic_auth_pass", "bearer_token", "auth_header")


def check_answer(monitor_id: str, check: Check) -> CheckAnswer:
    """The check as the native face shows it."""
    timings: Timings | UnsetType = UNSET
    if check.connect_ms is not None or check.dns_ms is not None:
        steps = (check.dns_ms, check.connect_ms, check.tls_ms, check.first_byte_ms)
        timings = Timings(*(_rounded(step, 1) for step in steps))
    return CheckAnswer(
        id=check.id,
        monitor_id=monitor_id,
        status=check.status,
        status_code=check.status_code,
        duration_ms=round(check.duration_ms or 0),
        error=check.error,
        ssl_expires_at=times.optional(check.ssl_expires_at),
        checked_at=times.rfc3339(check.at),
        region="local",
        timings=timings,
    )


def answer(call: Call, seen: Seen) -> MonitorAnswer:
    """The monitor as the native face shows it to this caller."""
    monitor = seen.monitor
    values: dict[str, Any] = {name: getattr(monitor.options, name) for name in _OPTIONS}
    shown = dict(monitor.options.headers)
    if not call.who.may("write"):
        shown |= {name: headers.MASK for name in shown if headers.is_secret(name)}
        values |= {name: headers.MASK for name in _SECRETS if values[name]}
    values["headers"] = shown
    for name in ("assertions", "channels", "json_assertions", "maintenance_windows"):
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


def _within_floor(call: Call, spec: C) -> C:
    """The ranges of this face, whose lower ends the operator may have moved."""
    floor = call.services.monitors.floor_secs
    shortest = min(TIMEOUT_LOW, floor)
    if isinstance(spec.interval_secs, int) and spec.interval_secs < floor:
        raise Invalid("interval_secs", f"must be between {floor} and 86400")
    if isinstance(spec.timeout_secs, int) and not shortest <= spec.timeout_secs <= TIMEOUT_HIGH:
        raise Invalid("timeout_secs", f"must be between {shortest} and {TIMEOUT_HIGH}")
    return spec


async def create(call: Call) -> Answer:
    """`POST /v1/monitors`"""
    spec = _within_floor(call, await call.body(MonitorCreation))
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
    spec = _within_floor(call, await call.body(MonitorChange))
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


async def check(call: Call) -> Answer:
    """`POST /v1/monitors/{id}/check`"""
    found = await call.services.monitors.check(call.account_id, call.path("id"))
    return Answer(check_answer(call.path("id"), found))


async def checks(call: Call) -> Answer:
    """`GET /v1/monitors/{id}/checks`"""
    wanted = call.query(ChecksWanted)
    limit, offset = wanted.clamped()
    identifier = call.path("id")
    found, total = await call.services.monitors.checks(
        call.account_id, identifier, status=wanted.status, limit=limit, offset=offset
    )
    return Answer(CheckList([check_answer(identifier, one) for one in found], limit, offset, total))


async def days(call: Call) -> Answer:
    """`GET /v1/monitors/{id}/uptime`"""
    count = max(1, min(365, call.query(DaysWanted).days))
    found = await call.services.monitors.days(call.account_id, call.path("id"), count)
    whole = uptime.Bucket()
    for _, bucket in found:
        whole.merge(bucket)
    shown = [
        Day(
            uptime.date_text(day),
            _rounded(bucket.uptime_percent(), 3),
            _rounded(bucket.avg_ms(), 1),
            _rounded(bucket.p95_ms(), 1),
        )
        for day, bucket in found
    ]
    return Answer(Uptime(_rounded(whole.uptime_percent(), 3), whole.checks, whole.failed, shown))


async def latency(call: Call) -> Answer:
    """`GET /v1/monitors/{id}/latency.svg`"""
    hours = call.query(HoursWanted).hours
    points, since, until = await call.services.monitors.latency(call.account_id, call.path("id"), hours)
    drawn = charts.latency(points, since=since, until=until)
    headers_sent = {"Cache-Control": "private, max-age=60"}
    return Answer(drawn.encode(), headers=headers_sent, content_type="image/svg+xml")


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


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
        errors=(400, 409),
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
            errors=(400, 404, 409),
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
    Route("POST", f"{_ONE}/check", check, "Check now", {200: CheckAnswer}, scope="write", errors=(404,)),
    Route(
        "GET",
        f"{_ONE}/checks",
        checks,
        "List a monitor's checks",
        {200: CheckList},
        query=ChecksWanted,
        errors=(400, 404),
    ),
    Route(
        "GET",
        f"{_ONE}/uptime",
        days,
        "Get a monitor's uptime by day",
        {200: Uptime},
        query=DaysWanted,
        errors=(400, 404),
    ),
    Route(
        "GET",
        f"{_ONE}/latency.svg",
        latency,
        "Draw a monitor's response times",
        {200: None},
        query=HoursWanted,
        errors=(400, 404),
        documented=False,
    ),
)
