"""Heartbeats in the words of the rooster face, where they are monitors of one type among others."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, structs

from tickd.domain import headers, times
from tickd.domain.heartbeats import Heartbeat, HeartbeatChange, HeartbeatCreation, Options
from tickd.errors import Invalid
from tickd.web.rooster.polled import check_interval, intervals
from tickd.web.rooster.shapes import RoosterMonitor, RoosterMonitorChange, RoosterMonitorCreation
from tickd.web.routes import Call

TYPE = "heartbeat"
PREFIX = "hb_"
"""How the id of a heartbeat begins; those of other monitors don't."""
INTERVAL_LOW, INTERVAL_HIGH = 60, 86_400
GRACE_HIGH = 3600

_DEFAULTS: dict[str, Any] = {"interval_secs": 300, "grace_secs": 60, "failure_threshold": 1}
_RENAMED = {
    "heartbeat_interval": "interval_secs",
    "heartbeat_grace_period": "grace_secs",
    "check_interval": "check_interval_secs",
}
_SAME = (
    *("name", "public", "group", "slug", "maintenance_windows", "paused"),
    *("alert_email", "alert_slack_webhook", "webhook_url"),
)
_WORDS = {"degraded": "warn"}


def _domain(call: Call, spec: RoosterMonitorChange, known: Heartbeat | None = None) -> dict[str, Any]:
    """The domain's words for what was said; fields of other types are passed over, and what is `known`.

    The native face has wider ranges: what it set may come back as it was answered.
    """
    said = {name: value for name, value in structs.asdict(spec).items() if value is not UNSET}
    if known is not None:
        same = {"heartbeat_interval": known.interval_secs, "heartbeat_grace_period": known.grace_secs}
        said = {name: value for name, value in said.items() if same.get(name, UNSET) != value}
    low = min(INTERVAL_LOW, call.services.heartbeats.floor_secs)
    for name, least, most in (
        ("heartbeat_interval", low, INTERVAL_HIGH),
        ("heartbeat_grace_period", 0, GRACE_HIGH),
    ):
        if not least <= said.get(name, least) <= most:
            raise Invalid(name, f"must be between {least} and {most}")
    kept = {name: said[name] for name in _SAME if name in said}
    return kept | {new: said[name] for name, new in _RENAMED.items() if name in said}


def answer(call: Call, heartbeat: Heartbeat) -> RoosterMonitor:
    """The heartbeat as this face shows it to this caller."""
    options, standing = heartbeat.options, heartbeat.standing

    def secret(text: str) -> str:
        return text if call.who.may("write") or not text else headers.MASK

    token = secret(heartbeat.token)
    url = f"{call.services.heartbeats.base_url()}/api/ping/{heartbeat.id}?token={token}"
    total, failed = heartbeat.checks_total, heartbeat.checks_failed
    checked = _last_checked(heartbeat)
    return RoosterMonitor(
        id=heartbeat.id,
        monitor_type=TYPE,
        name=heartbeat.name,
        url=url,
        status=_WORDS.get(standing.state, standing.state),
        check_interval=options.check_interval_secs,
        uptime_percent=100.0 if not total else round(100 * (1 - failed / total), 2),
        checks_total=total,
        checks_failed=failed,
        last_checked=None if checked is None else times.iso_offset(checked),
        ping_url=url,
        heartbeat_interval=None if heartbeat.rhythm.schedule else heartbeat.interval_secs,
        heartbeat_grace_period=heartbeat.grace_secs,
        alert_email=options.alert_email,
        alert_slack_webhook=secret(options.alert_slack_webhook),
        webhook_url=secret(options.webhook_url),
        maintenance_windows=list(options.maintenance_windows),
        public=heartbeat.public,
        paused=heartbeat.paused,
        group=heartbeat.group,
        slug=heartbeat.slug,
        created_at=times.iso_offset(heartbeat.created_at),
        **_OF_OTHERS,
    )


_OF_OTHERS: dict[str, Any] = {
    "last_status_code": None,
    "last_response_ms": None,
    "last_response_by_region": None,
    "expected_status_code": None,
    "timeout": None,
    "http_method": "GET",
    "follow_redirects": False,
    "basic_auth_user": "",
    "basic_auth_pass": "",
    "bearer_token": "",
    "request_body": "",
    "request_content_type": "",
    "custom_headers": [],
    "keyword": "",
    "response_threshold_ms": None,
    "json_assertions": [],
    "auth_header": "",
    "ssl_domain": "",
    "ssl_expiry_threshold_days": None,
    "ssl_expiry": None,
    "ssl_issuer": None,
}


def _last_checked(heartbeat: Heartbeat) -> int | None:
    """When a run ended last, or a silence became a miss."""
    standing, grace = heartbeat.standing, heartbeat.rhythm.grace
    if standing.consecutive_misses and standing.base_at is not None:
        return max(standing.base_at + grace, standing.last_pinged_at or 0)
    return standing.last_pinged_at


async def create(call: Call, spec: RoosterMonitorCreation) -> RoosterMonitor:
    """Make a heartbeat, with the defaults of this face."""
    await check_interval(call, spec)
    often = max(Options().check_interval_secs, (await intervals(call.services, call.account_id)).least)
    made = HeartbeatCreation(**(_DEFAULTS | {"check_interval_secs": often} | _domain(call, spec)))
    return answer(call, await call.services.heartbeats.create(call.account_id, made))


async def change(call: Call, identifier: str, said: RoosterMonitorChange) -> RoosterMonitor:
    """Change what was said of a heartbeat."""
    if said.monitor_type not in (UNSET, TYPE):
        raise Invalid("monitor_type", "can't change from heartbeat: a heartbeat waits, and is not polled")
    known = await call.services.heartbeats.get(call.account_id, identifier)
    await check_interval(call, said, known.options.check_interval_secs)
    spec = HeartbeatChange(**_domain(call, said, known))
    return answer(call, await call.services.heartbeats.change(call.account_id, identifier, spec))
