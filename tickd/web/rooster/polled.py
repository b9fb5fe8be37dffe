"""Monitors that are polled, in the words of the rooster face."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, NamedTuple

from msgspec import UNSET, structs

from tickd.domain import headers, times
from tickd.domain import monitors as rules
from tickd.domain.monitors import MonitorChange, MonitorCreation
from tickd.errors import Invalid, LimitReached
from tickd.services.bundle import Services
from tickd.services.monitors import SHORTEST_SECS, Seen
from tickd.web.rooster.checks import REGION, rounded
from tickd.web.rooster.shapes import Header, RoosterMonitor, RoosterMonitorChange, RoosterMonitorCreation
from tickd.web.routes import Call

INTERVAL_LOW, INTERVAL_HIGH = 60, 300
"""The documented range of `check_interval`, which `intervals` fits to the account."""
KINDS: dict[str, rules.Type] = {"http": "http", "json_api": "json", "ssl": "ssl"}
"""This face's types of polled monitors, and the domain's."""
_TYPES = {kind: name for name, kind in KINDS.items()}
_RENAMED = {
    "timeout": "timeout_secs",
    "http_method": "method",
    "request_body": "body",
    "check_interval": "interval_secs",
}
_WORDS = {"degraded": "warn"}
_PLACE = {"ssl": "ssl_domain"}


def domain(spec: RoosterMonitorChange, kind: rules.Type) -> dict[str, Any]:
    """The domain's words for what was said on this face of a monitor of that kind.

    Only one of `url` and `ssl_domain` counts, so that an answer can be sent back as it came.
    """
    said = {name: value for name, value in structs.asdict(spec).items() if value is not UNSET}
    if said.get("response_threshold_ms", "") is None:
        said["response_threshold_ms"] = ""
    for name in ("heartbeat_interval", "heartbeat_grace_period"):
        said.pop(name, None)
    ssl_domain, url = said.pop("ssl_domain", None), said.pop("url", None)
    place = ssl_domain if kind == "ssl" else url
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


class Intervals(NamedTuple):
    """The range of `check_interval`, in seconds, and whether a limit of the account is its lower end."""

    least: int
    most: int
    is_limit: bool

    @property
    def words(self) -> str:
        """What it must be."""
        return f"between {self.least} and {self.most}" if self.least < self.most else f"{self.least} seconds"


async def intervals(services: Services, account_id: str) -> Intervals:
    """What an account may say as `check_interval`: its minimum, be that over the documented range."""
    floor = services.monitors.floor_secs
    # The documented minimum, unless the operator lowered every floor, or raised this one.
    low = floor if floor < SHORTEST_SECS else max(floor, INTERVAL_LOW)
    least = max(low, (await services.limits.account(account_id)).min_interval_secs or 0)
    return Intervals(least, max(INTERVAL_HIGH, least), least > low)


async def check_interval(call: Call, spec: RoosterMonitorChange, known: int | None = None) -> None:
    """Refuse a `check_interval` over the range (Invalid) or under the account's minimum (LimitReached).

    One that is `known` was answered before and is taken as not said: an answer may always be sent back.
    """
    value = spec.check_interval
    if value is UNSET or value == known:
        spec.check_interval = UNSET
        return
    may = await intervals(call.services, call.account_id)
    if value < may.least:
        sentence = f"check_interval must be at least {may.least} seconds for this account"
        raise LimitReached("min_interval_secs", sentence, message="" if may.is_limit else sentence)
    if value > may.most:
        raise Invalid("check_interval", f"must be {may.words}")


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
        alert_slack_webhook=secret(options.alert_slack_webhook),
        webhook_url=secret(options.webhook_url),
        maintenance_windows=list(options.maintenance_windows),
        public=monitor.public,
        paused=monitor.paused,
        group=monitor.group,
        slug=monitor.slug,
        created_at=times.iso_offset(monitor.created_at),
    )


async def create(call: Call, spec: RoosterMonitorCreation) -> RoosterMonitor:
    """Make a monitor that is polled."""
    await check_interval(call, spec)
    kind = KINDS["http" if spec.monitor_type is UNSET else spec.monitor_type]
    wanted = _PLACE.get(kind, "url")
    if getattr(spec, wanted) is UNSET:
        raise Invalid(wanted, "is required")
    defaults: dict[str, Any] = {"failure_threshold": 1, "follow_redirects": True, "cooldown_secs": 0}
    if kind != "ssl":
        defaults["expected_status_code"] = 200
    made = MonitorCreation(**(defaults | domain(spec, kind)))
    prefix = "ssl" if kind == "ssl" else "mon"
    work = call.services.monitors.create(call.account_id, made, prefix=prefix)
    return answer(call, await _naming(kind, work))


async def change(call: Call, identifier: str, said: RoosterMonitorChange) -> RoosterMonitor:
    """Change what was said of a monitor that is polled."""
    known = (await call.services.monitors.get(call.account_id, identifier)).monitor
    kind = known.type
    if said.monitor_type is not UNSET:
        if said.monitor_type not in KINDS:
            raise Invalid("monitor_type", "can't become heartbeat: a heartbeat waits, and is not polled")
        kind = KINDS[said.monitor_type]
    await check_interval(call, said, known.options.interval_secs)
    spec = MonitorChange(**domain(said, kind))
    return answer(call, await _naming(kind, call.services.monitors.change(call.account_id, identifier, spec)))
