"""Monitors and their checks on the rooster face."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tickd.domain import headers, times
from tickd.domain import monitors as rules
from tickd.domain.assertions import JsonAssertion
from tickd.domain.jobs import Name
from tickd.domain.maintenance import Window
from tickd.domain.monitors import MonitorChange, MonitorCreation
from tickd.errors import Invalid, LimitReached
from tickd.services.monitors import SHORTEST_SECS, Seen
from tickd.web.answers import Answer
from tickd.web.rooster.checks import REGION, rounded
from tickd.web.rooster.envelope import good
from tickd.web.routes import Call, Route

MonitorType = Literal["http", "json_api", "ssl"]

INTERVAL_LOW, INTERVAL_HIGH = 60, 300
"""The documented range of `check_interval`; under the account's minimum is 403, over the top 422."""


class Header(Struct):
    """A request header."""

    key: str
    value: str


class RoosterMonitorChange(Struct, kw_only=True):
    """What a caller may say of a monitor; a field left out keeps its value."""

    name: Name | UnsetType = UNSET
    url: Annotated[str, Meta(max_length=2048)] | UnsetType = UNSET
    monitor_type: MonitorType | UnsetType = UNSET
    expected_status_code: Annotated[int, Meta(ge=100, le=599)] | UnsetType | None = UNSET
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
    response_threshold_ms: Annotated[str, Meta(max_length=50)] | UnsetType | None = UNSET
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
    ssl_domain: Annotated[str, Meta(max_length=253)] | UnsetType = UNSET
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


_KINDS: dict[str, rules.Type] = {"http": "http", "json_api": "json", "ssl": "ssl"}
_TYPES = {kind: name for name, kind in _KINDS.items()}
_RENAMED = {
    "timeout": "timeout_secs",
    "http_method": "method",
    "request_body": "body",
    "check_interval": "interval_secs",
}
_WORDS = {"degraded": "warn"}
_PLACE = {"ssl": "ssl_domain"}


def _domain(call: Call, spec: RoosterMonitorChange, kind: rules.Type) -> dict[str, Any]:
    """The domain's words for what was said on this face of a monitor of that kind.

    Only one of `url` and `ssl_domain` counts, so that an answer can be sent back as it came.
    """
    said = {name: value for name, value in structs.asdict(spec).items() if value is not UNSET}
    if said.get("response_threshold_ms", "") is None:
        said["response_threshold_ms"] = ""
    if "check_interval" in said:
        _check_interval(call, said["check_interval"])
    domain, url = said.pop("ssl_domain", None), said.pop("url", None)
    place = domain if kind == "ssl" else url
    paused, pairs = said.pop("paused", None), said.pop("custom_headers", None)
    said = {_RENAMED.get(name, name): value for name, value in said.items()}
    if said.pop("monitor_type", None) is not None:
        said["type"] = kind
    if place is not None:
        said["url"] = place
    if paused is not None:
        said["status"] = "paused" if paused else "active"
    if pairs is not None:
        said["headers"] = [(pair.key, pair.value) for pair in pairs]
    return said


async def _naming(kind: rules.Type, work: Awaitable[Seen]) -> Seen:
    """What `work` gives; a wrong address of an ssl monitor is named as this face has it."""
    try:
        return await work
    except Invalid as error:
        if error.field == "url" and kind in _PLACE:
            raise Invalid(_PLACE[kind], error.sentence) from error
        raise


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

    response_ms = None if last is None else rounded(rules.response_ms(monitor.type, last))
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
        http_method=options.method,
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


async def create(call: Call) -> Answer:
    """`POST /api/v1/monitors`"""
    spec = await call.body(RoosterMonitorCreation)
    kind = _KINDS["http" if spec.monitor_type is UNSET else spec.monitor_type]
    wanted = _PLACE.get(kind, "url")
    if getattr(spec, wanted) is UNSET:
        raise Invalid(wanted, "is required")
    defaults: dict[str, Any] = {"failure_threshold": 1, "follow_redirects": True, "cooldown_secs": 0}
    if kind != "ssl":
        defaults["expected_status_code"] = 200
    made = MonitorCreation(**(defaults | _domain(call, spec, kind)))
    prefix = "ssl" if kind == "ssl" else "mon"
    work = call.services.monitors.create(call.account_id, made, prefix=prefix)
    return good(answer(call, await _naming(kind, work)), 201)


async def page(call: Call) -> Answer:
    """`GET /api/v1/monitors`"""
    found = [answer(call, seen) for seen in await call.services.monitors.all(call.account_id)]
    return good(found, total=len(found))


async def get(call: Call) -> Answer:
    """`GET /api/v1/monitors/{id}`"""
    return good(answer(call, await call.services.monitors.get(call.account_id, call.path("id"))))


async def change(call: Call) -> Answer:
    """`PUT` and `PATCH /api/v1/monitors/{id}`"""
    said, identifier = await call.body(RoosterMonitorChange), call.path("id")
    kind = (await call.services.monitors.get(call.account_id, identifier)).monitor.type
    if said.monitor_type is not UNSET:
        kind = _KINDS[said.monitor_type]
    spec = MonitorChange(**_domain(call, said, kind))
    work = call.services.monitors.change(call.account_id, identifier, spec)
    return good(answer(call, await _naming(kind, work)))


async def delete(call: Call) -> Answer:
    """`DELETE /api/v1/monitors/{id}`"""
    await call.services.monitors.delete(call.account_id, call.path("id"))
    return good({"deleted": True, "monitor_id": call.path("id")})


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
        errors=(400, 409, 422),
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
            errors=(400, 404, 409, 422),
        )
        for method in ("PUT", "PATCH")
    ),
    Route("DELETE", _ONE, delete, "Delete a monitor", {200: DeletedEnvelope}, scope="write", errors=(404,)),
)
