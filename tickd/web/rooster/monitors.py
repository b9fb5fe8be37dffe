"""Monitors and their checks on the rooster face."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tickd.domain import headers, times
from tickd.domain import monitors as rules
from tickd.domain.assertions import JsonAssertion
from tickd.domain.checks import Check
from tickd.domain.jobs import Name
from tickd.domain.maintenance import Window
from tickd.domain.monitors import MonitorChange, MonitorCreation
from tickd.errors import Invalid, LimitReached
from tickd.services.monitors import SHORTEST_SECS, Seen
from tickd.web.answers import Answer
from tickd.web.rooster.envelope import good
from tickd.web.routes import Call, Route

MonitorType = Literal["http", "json_api", "ssl"]

INTERVAL_LOW, INTERVAL_HIGH = 60, 300
"""The documented range of `check_interval`; under the account's minimum is 403, over the top 422."""
REGION = "local"
"""The one region there is without remote probes."""


class Header(Struct):
    """A request header."""

    key: str
    value: str


class RoosterMonitorChange(Struct, kw_only=True):
    """What a caller may say of a monitor; a field left out keeps its value."""

    name: Name | UnsetType = UNSET
    url: Annotated[str, Meta(min_length=1, max_length=2048)] | UnsetType = UNSET
    monitor_type: MonitorType | UnsetType = UNSET
    expected_status_code: Annotated[int, Meta(ge=100, le=599)] | UnsetType = UNSET
    timeout: Annotated[int, Meta(ge=1, le=60)] | UnsetType = UNSET
    http_method: rules.Method | UnsetType = UNSET
    follow_redirects: bool | UnsetType = UNSET
    basic_auth_user: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    basic_auth_pass: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    bearer_token: Annotated[str, Meta(max_length=4000)] | UnsetType = UNSET
    request_body: Annotated[str, Meta(max_length=100_000)] | UnsetType = UNSET
    request_content_type: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    custom_headers: Annotated[list[Header], Meta(max_length=50)] | UnsetType = UNSET
    keyword: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    response_threshold_ms: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    check_interval: int | UnsetType = UNSET
    alert_email: Annotated[str, Meta(max_length=320)] | UnsetType = UNSET
    alert_slack_webhook: Annotated[str, Meta(max_length=2048)] | UnsetType = UNSET
    webhook_url: Annotated[str, Meta(max_length=2048)] | UnsetType = UNSET
    public: bool | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    group: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    slug: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    maintenance_windows: Annotated[list[Window], Meta(max_length=50)] | UnsetType = UNSET
    auth_header: Annotated[str, Meta(max_length=4000)] | UnsetType = UNSET
    json_assertions: Annotated[list[JsonAssertion], Meta(max_length=50)] | UnsetType = UNSET
    ssl_domain: Annotated[str, Meta(min_length=1, max_length=253)] | UnsetType = UNSET
    ssl_expiry_threshold_days: Annotated[int, Meta(ge=1, le=90)] | UnsetType = UNSET


class RoosterMonitorCreation(RoosterMonitorChange, kw_only=True):
    """A monitor to be made: `url` for http and json_api, `ssl_domain` for ssl."""

    name: Name


class RoosterMonitor(Struct):
    """A monitor with every field of the reference; null or empty where its type has none."""

    id: str
    monitor_type: str
    name: str
    url: str
    status: str
    check_interval: int
    uptime_percent: float
    checks_total: int
    checks_failed: int
    last_checked: str | None
    last_status_code: int | None
    last_response_ms: float | None
    last_response_by_region: dict[str, float] | None
    expected_status_code: int | None
    timeout: int | None
    http_method: str
    follow_redirects: bool
    basic_auth_user: str
    basic_auth_pass: str
    bearer_token: str
    request_body: str
    request_content_type: str
    custom_headers: list[Header]
    keyword: str
    response_threshold_ms: str | None
    json_assertions: list[JsonAssertion]
    auth_header: str
    ssl_domain: str
    ssl_expiry_threshold_days: int | None
    ssl_expiry: str | None
    ssl_issuer: str | None
    ping_url: str
    heartbeat_interval: int | None
    heartbeat_grace_period: int | None
    alert_email: str
    alert_slack_webhook: str
    webhook_url: str
    maintenance_windows: list[Window]
    public: bool
    paused: bool
    group: str
    slug: str
    created_at: str


class RoosterCheck(Struct):
    """One look at a monitor's target; `is_up` is null where tickd could not know."""

    id: str
    timestamp: str
    status_code: int | None
    response_ms: float | None
    is_up: bool | None
    regions_checked: int
    regions_up: int
    response_ms_by_region: dict[str, float] | None


class Limit(Struct, kw_only=True):
    """How many are wanted; out of range is clamped to 1 and 500."""

    limit: int = 100


_KINDS: dict[str, rules.Type] = {"http": "http", "json_api": "json", "ssl": "ssl"}
_TYPES = {kind: name for name, kind in _KINDS.items()}
_RENAMED = {
    "timeout": "timeout_secs",
    "http_method": "method",
    "request_body": "body",
    "check_interval": "interval_secs",
}
_WORDS = {"degraded": "warn"}


def _domain(call: Call, spec: RoosterMonitorChange) -> dict[str, Any]:
    """The domain's words for what was said on this face."""
    said = {name: value for name, value in structs.asdict(spec).items() if value is not UNSET}
    if "check_interval" in said:
        _check_interval(call, said["check_interval"])
    kind = said.pop("monitor_type", None)
    paused, pairs = said.pop("paused", None), said.pop("custom_headers", None)
    domain = said.pop("ssl_domain", None)
    said = {_RENAMED.get(name, name): value for name, value in said.items()}
    if kind is not None:
        said["type"] = _KINDS[kind]
    if paused is not None:
        said["status"] = "paused" if paused else "active"
    if pairs is not None:
        said["headers"] = [(pair.key, pair.value) for pair in pairs]
    if domain is not None:
        said["url"] = domain
    return said


def _check_interval(call: Call, value: int) -> None:
    floor = call.services.monitors.floor_secs
    # The documented minimum, unless the operator lowered every floor.
    low = floor if floor < SHORTEST_SECS else INTERVAL_LOW
    if value > INTERVAL_HIGH:
        raise Invalid("check_interval", f"must be between {low} and {INTERVAL_HIGH}")
    if value < low:
        raise LimitReached(f"check_interval must be at least {low} seconds for this account")


def answer(call: Call, seen: Seen) -> RoosterMonitor:
    """The monitor as this face shows it to this caller."""
    monitor, options, last = seen.monitor, seen.monitor.options, seen.last
    is_ssl = monitor.type == "ssl"
    hides = not call.who.may("write")

    def secret(text: str) -> str:
        return headers.MASK if hides and text else text

    response_ms = None if last is None else _response_ms(monitor.type, last)
    failed = seen.checks_failed
    percent = 100.0 if not seen.checks_total else round(100 * (1 - failed / seen.checks_total), 2)
    return RoosterMonitor(
        id=monitor.id,
        monitor_type=_TYPES.get(monitor.type, monitor.type),
        name=monitor.name,
        url=f"https://{options.url}" if is_ssl else options.url,
        status=_WORDS.get(monitor.standing.state, monitor.standing.state),
        check_interval=options.interval_secs,
        uptime_percent=percent,
        checks_total=seen.checks_total,
        checks_failed=failed,
        last_checked=None if last is None else times.iso_offset(last.at),
        last_status_code=None if last is None else last.status_code,
        last_response_ms=response_ms,
        last_response_by_region=None if response_ms is None else {REGION: response_ms},
        expected_status_code=None if is_ssl else options.expected_status_code,
        timeout=None if is_ssl else options.timeout_secs,
        http_method="" if is_ssl else options.method,
        follow_redirects=options.follow_redirects,
        basic_auth_user=options.basic_auth_user,
        basic_auth_pass=secret(options.basic_auth_pass),
        bearer_token=secret(options.bearer_token),
        request_body=options.body,
        request_content_type=options.request_content_type,
        custom_headers=[
            Header(name, secret(text) if headers.is_secret(name) else text) for name, text in options.headers
        ],
        keyword=options.keyword,
        response_threshold_ms=options.response_threshold_ms or None,
        json_assertions=list(options.json_assertions),
        auth_header=secret(options.auth_header),
        ssl_domain=options.url if is_ssl else "",
        ssl_expiry_threshold_days=options.ssl_expiry_threshold_days if is_ssl else None,
        ssl_expiry=None if monitor.ssl_expires_at is None else times.iso_offset(monitor.ssl_expires_at),
        ssl_issuer=monitor.ssl_issuer,
        ping_url="",
        heartbeat_interval=None,
        heartbeat_grace_period=None,
        alert_email=options.alert_email,
        alert_slack_webhook=options.alert_slack_webhook,
        webhook_url=options.webhook_url,
        maintenance_windows=list(options.maintenance_windows),
        public=monitor.public,
        paused=monitor.paused,
        group=monitor.group,
        slug=monitor.slug,
        created_at=times.iso_offset(monitor.created_at),
    )


def _response_ms(kind: rules.Type, check: Check) -> float | None:
    """How long the response took; None for ssl, and where no response came."""
    answered = check.status_code is not None if kind in ("http", "json") else check.status == "up"
    return None if kind == "ssl" or not answered or check.duration_ms is None else round(check.duration_ms, 1)


def check_answer(kind: rules.Type, check: Check) -> RoosterCheck:
    """The check as this face shows it."""
    response_ms = _response_ms(kind, check)
    is_up = None if check.status == "unknown" else check.status in ("up", "degraded")
    return RoosterCheck(
        id=check.id,
        timestamp=times.iso_offset(check.at),
        status_code=check.status_code,
        response_ms=response_ms,
        is_up=is_up,
        regions_checked=1,
        regions_up=int(bool(is_up)),
        response_ms_by_region=None if response_ms is None else {REGION: response_ms},
    )


async def create(call: Call) -> Answer:
    """`POST /api/v1/monitors`"""
    spec = await call.body(RoosterMonitorCreation)
    kind = "http" if spec.monitor_type is UNSET else spec.monitor_type
    wanted = "ssl_domain" if kind == "ssl" else "url"
    if getattr(spec, wanted) is UNSET:
        raise Invalid(wanted, "is required")
    defaults: dict[str, Any] = {"failure_threshold": 1, "follow_redirects": True, "cooldown_secs": 0}
    if kind != "ssl":
        defaults["expected_status_code"] = 200
    made = MonitorCreation(**(defaults | _domain(call, spec)))
    prefix = "ssl" if kind == "ssl" else "mon"
    return good(answer(call, await call.services.monitors.create(call.account_id, made, prefix=prefix)), 201)


async def page(call: Call) -> Answer:
    """`GET /api/v1/monitors`"""
    found = [answer(call, seen) for seen in await call.services.monitors.all(call.account_id)]
    return good(found, total=len(found))


async def get(call: Call) -> Answer:
    """`GET /api/v1/monitors/{id}`"""
    return good(answer(call, await call.services.monitors.get(call.account_id, call.path("id"))))


async def change(call: Call) -> Answer:
    """`PUT` and `PATCH /api/v1/monitors/{id}`"""
    spec = MonitorChange(**_domain(call, await call.body(RoosterMonitorChange)))
    return good(answer(call, await call.services.monitors.change(call.account_id, call.path("id"), spec)))


async def delete(call: Call) -> Answer:
    """`DELETE /api/v1/monitors/{id}`"""
    await call.services.monitors.delete(call.account_id, call.path("id"))
    return good({"deleted": True, "monitor_id": call.path("id")})


async def checks(call: Call) -> Answer:
    """`GET /api/v1/monitors/{id}/checks`"""
    limit = max(1, min(500, call.query(Limit).limit))
    identifier = call.path("id")
    seen = await call.services.monitors.get(call.account_id, identifier)
    found, total = await call.services.monitors.checks(
        call.account_id, identifier, status=None, limit=limit, offset=0
    )
    shown = [check_answer(seen.monitor.type, check) for check in found]
    return good(shown, monitor_id=identifier, total=total, limit=limit)


_ALL, _ONE = "/api/v1/monitors", "/api/v1/monitors/{id}"


class MonitorEnvelope(Struct):
    """A monitor in its envelope."""

    data: RoosterMonitor
    error: None
    meta: dict[str, Any]


class MonitorsEnvelope(Struct):
    """All monitors in their envelope."""

    data: list[RoosterMonitor]
    error: None
    meta: dict[str, Any]


class ChecksEnvelope(Struct):
    """Checks in their envelope, newest first."""

    data: list[RoosterCheck]
    error: None
    meta: dict[str, Any]


class Deleted(Struct):
    """What was deleted."""

    deleted: bool
    monitor_id: str


class DeletedEnvelope(Struct):
    """What was deleted, in its envelope."""

    data: Deleted
    error: None
    meta: dict[str, Any]


ROUTES = (
    Route(
        "POST",
        _ALL,
        create,
        "Make a monitor",
        {201: MonitorEnvelope},
        scope="write",
        request=RoosterMonitorCreation,
        errors=(409, 422),
    ),
    Route("GET", _ALL, page, "List all monitors", {200: MonitorsEnvelope}),
    Route("GET", _ONE, get, "Get a monitor", {200: MonitorEnvelope}, errors=(404,)),
    *(
        Route(
            method,
            _ONE,
            change,
            "Change a monitor; fields left out keep their value",
            {200: MonitorEnvelope},
            scope="write",
            request=RoosterMonitorChange,
            errors=(404, 409, 422),
        )
        for method in ("PUT", "PATCH")
    ),
    Route("DELETE", _ONE, delete, "Delete a monitor", {200: DeletedEnvelope}, scope="write", errors=(404,)),
    Route(
        "GET",
        f"{_ONE}/checks",
        checks,
        "List a monitor's checks",
        {200: ChecksEnvelope},
        query=Limit,
        errors=(404, 422),
    ),
)
