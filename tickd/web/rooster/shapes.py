"""The shapes of the rooster face: a monitor of any type, as it is asked for and as it is shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from tickd.domain import monitors as rules
from tickd.domain.assertions import JsonAssertion
from tickd.domain.jobs import Name
from tickd.domain.maintenance import Window

MonitorType = Literal["http", "json_api", "ssl", "heartbeat"]


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
    heartbeat_interval: int | UnsetType = UNSET
    heartbeat_grace_period: int | UnsetType = UNSET


class RoosterMonitorCreation(RoosterMonitorChange, kw_only=True):
    """A monitor to be made: `url` for http and json_api, `ssl_domain` for ssl, neither for heartbeat."""

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
