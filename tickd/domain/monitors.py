"""Monitors: what tickd polls, and the rules of what a check says about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tickd.domain import assertions, headers, keywords, slugs, subjects, thresholds, times, urls
from tickd.domain.assertions import Assertion, JsonAssertion
from tickd.domain.checks import Check, CheckStatus
from tickd.domain.jobs import Name, Reference, Severity, Tag
from tickd.domain.maintenance import Window
from tickd.errors import Invalid

Type = Literal["http", "json", "ssl", "tcp", "dns"]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
State = Literal["pending", "up", "degraded", "down"]
Status = Literal["active", "failing", "paused"]
Flip = Literal["failing", "recovered", "degraded", "restored"]

BODY_METHODS = ("POST", "PUT", "PATCH", "DELETE")
"""The methods whose request body is sent."""
_PROBING = (
    *("timeout_secs", "url", "method", "headers", "body", "request_content_type", "follow_redirects"),
    *("basic_auth_user", "basic_auth_pass", "bearer_token", "auth_header", "assertions", "keyword"),
    *("expected_status_code", "response_threshold_ms", "json_assertions", "ssl_expiry_threshold_days"),
)
"""What a check depends on: a result of before such an edit is of the old monitor, and dropped."""


class MonitorChange(Struct, kw_only=True):
    """What a caller may say of a monitor; a field left out keeps its value."""

    name: Name | UnsetType = UNSET
    type: Type | UnsetType = UNSET
    url: Annotated[str, Meta(min_length=1, max_length=2048)] | UnsetType = UNSET
    interval_secs: Annotated[int, Meta(ge=1, le=86_400)] | UnsetType = UNSET
    timeout_secs: Annotated[int, Meta(ge=1, le=60)] | UnsetType = UNSET
    assertions: Annotated[list[Assertion], Meta(max_length=20)] | UnsetType = UNSET
    method: Method | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    body: Annotated[str, Meta(max_length=100_000)] | UnsetType = UNSET
    follow_redirects: bool | UnsetType = UNSET
    failure_threshold: Annotated[int, Meta(ge=1, le=10)] | UnsetType = UNSET
    recovery_threshold: Annotated[int, Meta(ge=1, le=10)] | UnsetType = UNSET
    cooldown_secs: Annotated[int, Meta(ge=0, le=604_800)] | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    channels: Annotated[list[Reference], Meta(max_length=50)] | UnsetType = UNSET
    depends_on: Annotated[list[Reference], Meta(max_length=50)] | UnsetType = UNSET
    tags: Annotated[list[Tag], Meta(max_length=50)] | UnsetType = UNSET
    group: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    public: bool | UnsetType = UNSET
    status: Literal["active", "paused"] | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    slug: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    expected_status_code: Annotated[int, Meta(ge=100, le=599)] | UnsetType | None = UNSET
    basic_auth_user: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    basic_auth_pass: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    bearer_token: Annotated[str, Meta(max_length=4000)] | UnsetType = UNSET
    auth_header: Annotated[str, Meta(max_length=4000)] | UnsetType = UNSET
    request_content_type: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    keyword: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    response_threshold_ms: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    json_assertions: Annotated[list[JsonAssertion], Meta(max_length=50)] | UnsetType = UNSET
    ssl_expiry_threshold_days: Annotated[int, Meta(ge=1, le=90)] | UnsetType = UNSET
    maintenance_windows: Annotated[list[Window], Meta(max_length=50)] | UnsetType = UNSET
    alert_email: Annotated[str, Meta(max_length=320)] | UnsetType = UNSET
    alert_slack_webhook: Annotated[str, Meta(max_length=2048)] | UnsetType = UNSET
    webhook_url: Annotated[str, Meta(max_length=2048)] | UnsetType = UNSET


class MonitorCreation(MonitorChange, kw_only=True):
    """A monitor to be made."""

    name: Name
    url: Annotated[str, Meta(min_length=1, max_length=2048)]


class Options(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person says of a monitor beyond its name, kind and place; stored as one object.

    Headers are pairs, so that a name may be sent twice. Shared empty tuples keep 30,000 of them small.
    """

    url: str
    interval_secs: int = 60
    timeout_secs: int = 10
    assertions: tuple[Assertion, ...] = ()
    method: Method = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    follow_redirects: bool = False
    failure_threshold: int = 2
    recovery_threshold: int = 1
    cooldown_secs: int = 0
    severity: Severity = "major"
    channels: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    expected_status_code: int | None = None
    basic_auth_user: str = ""
    basic_auth_pass: str = ""
    bearer_token: str = ""
    auth_header: str = ""
    request_content_type: str = ""
    keyword: str = ""
    response_threshold_ms: str = ""
    json_assertions: tuple[JsonAssertion, ...] = ()
    ssl_expiry_threshold_days: int = 30
    maintenance_windows: tuple[Window, ...] = ()
    alert_email: str = ""
    alert_slack_webhook: str = ""
    webhook_url: str = ""


class Standing(Struct, frozen=True, kw_only=True):
    """What the checks so far made of a monitor; `changed_at` is in milliseconds."""

    state: State = "pending"
    failing: bool = False
    consecutive_failures: int = 0
    consecutive_successes: int = 0
    changed_at: int | None = None


class Monitor(Struct, frozen=True, kw_only=True):
    """A monitor as it is stored; `row` is its key in the store, times are milliseconds."""

    row: int
    id: str
    account_id: str
    name: str
    type: Type
    group: str = ""
    slug: str = ""
    public: bool = True
    paused: bool = False
    tags: tuple[str, ...] = ()
    options: Options
    standing: Standing = Standing()
    ssl_expires_at: int | None = None
    ssl_issuer: str | None = None
    ssl_warned_days: int | None = None
    created_at: int
    updated_at: int
    checks_total: int = 0
    checks_failed: int = 0

    @property
    def status(self) -> Status:
        """`paused` before `failing` before `active`."""
        return "paused" if self.paused else "failing" if self.standing.failing else "active"

    @property
    def phase(self) -> int:
        """Where in its interval the monitor is due, in milliseconds: a hash of its id spreads the herd."""
        spread = int.from_bytes(hashlib.blake2b(self.id.encode(), digest_size=8).digest())
        return spread % (self.options.interval_secs * times.SECOND)


_PLACED = ("name", "type", "group", "slug", "public", "tags")
"""What is said of a monitor and has a column of its own."""


def create(spec: MonitorCreation, *, identifier: str, account_id: str, now: int) -> Monitor:
    """A new monitor out of what the caller said, every other field at its default."""
    kind: Type = "http" if spec.type is UNSET else spec.type
    bare = Monitor(
        row=0,
        id=identifier,
        account_id=account_id,
        name=spec.name,
        type=kind,
        slug=slugs.fresh(spec.name, identifier[-6:]),
        options=Options(url=""),
        created_at=now,
        updated_at=now,
    )
    return structs.replace(change(bare, spec, now), updated_at=now)


def change(monitor: Monitor, spec: MonitorChange, now: int) -> Monitor:
    """The monitor with what was said of it; Invalid names the field that can't be."""
    said: dict[str, Any] = {name: value for name, value in structs.asdict(spec).items() if value is not UNSET}
    said = {name: _RULES[name](value) if name in _RULES else value for name, value in said.items()}
    status, paused = said.pop("status", None), said.pop("paused", None)
    placed = {name: said.pop(name) for name in _PLACED if name in said}
    kind = placed.get("type", monitor.type)
    if "url" in said or "type" in placed:
        said["url"] = target(kind, said.get("url", monitor.options.url))
    options = structs.replace(monitor.options, **said)
    _check_together(kind, options)
    if status is not None or paused is not None:
        placed["paused"] = paused if status is None else status == "paused"
    changed = structs.replace(monitor, options=options, **placed)
    if changed == monitor:
        return monitor
    if is_other_target(monitor, changed) or changed.paused != monitor.paused:
        standing = structs.replace(changed.standing, consecutive_failures=0, consecutive_successes=0)
        changed = structs.replace(changed, standing=standing)
    return structs.replace(changed, updated_at=now)


def is_other_target(before: Monitor, after: Monitor) -> bool:
    """Whether a check that began before an edit says nothing about the monitor after it."""
    if before.type != after.type:
        return True
    old, new = before.options, after.options
    return any(getattr(old, name) != getattr(new, name) for name in _PROBING)


def target(kind: Type, value: str) -> str:
    """The address of a monitor of that type, checked; Invalid names `url`."""
    if kind in ("http", "json"):
        return urls.http_url("url", value)
    if kind == "tcp":
        return urls.host_port("url", value)
    # An IPv6 address has colons of its own, and https:// is to be named for what it is.
    if kind == "ssl" and "/" not in value and (value.count(":") == 1 or "]:" in value):
        return urls.host_port("url", value, default=443)
    return urls.host("url", value)


def _check_together(kind: Type, options: Options) -> None:
    if kind not in ("http", "json"):
        for name in ("assertions", "keyword", "json_assertions"):
            if getattr(options, name):
                raise Invalid(name, f"can't be used with type {kind}; only with http and json")


def _headers(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = tuple(value.items()) if isinstance(value, dict) else tuple((name, text) for name, text in value)
    headers.check("headers", pairs)
    return pairs


def _assertions(value: Any) -> tuple[Assertion, ...]:
    assertions.check_all(value)
    return tuple(value)


def _json_assertions(value: Any) -> tuple[JsonAssertion, ...]:
    assertions.check_json(value)
    return tuple(value)


def _keyword(value: Any) -> str:
    keywords.parse(value)
    return str(value).strip()


def _threshold(value: Any) -> str:
    if str(value).strip():
        thresholds.parse(value)
    return str(value).strip()


def _one_line(field: str) -> Callable[[Any], str]:
    def rule(value: Any) -> str:
        headers.check(field, [("Authorization", str(value))])
        return str(value)

    return rule


_RULES: dict[str, Callable[[Any], Any]] = {
    "name": subjects.name,
    "slug": subjects.slug,
    "headers": _headers,
    "assertions": _assertions,
    "json_assertions": _json_assertions,
    "maintenance_windows": subjects.windows,
    "keyword": _keyword,
    "response_threshold_ms": _threshold,
    "channels": subjects.unique,
    "depends_on": subjects.unique,
    "tags": subjects.unique,
    "alert_email": subjects.mail("alert_email"),
    "alert_slack_webhook": subjects.hook("alert_slack_webhook"),
    "webhook_url": subjects.hook("webhook_url"),
    "bearer_token": _one_line("bearer_token"),
    "auth_header": _one_line("auth_header"),
    "request_content_type": _one_line("request_content_type"),
}


def judge(
    standing: Standing,
    status: CheckStatus,
    *,
    failure_threshold: int,
    recovery_threshold: int,
    now: int,
) -> tuple[Standing, Flip | None]:
    """What a check makes of a monitor, and whether it flipped.

    `unknown` is what tickd could not know, and changes nothing. The threshold's bad check in a row makes
    the monitor fail; while it fails, the recovery threshold's good one in a row recovers it. Maintenance
    changes nothing here: it holds back incidents, not states.
    """
    if status == "unknown":
        return standing, None
    if status in ("down", "timeout"):
        return _worse(standing, failure_threshold, now)
    state: State = "degraded" if status == "degraded" else "up"
    successes = standing.consecutive_successes + 1
    if standing.failing and successes < recovery_threshold:
        return structs.replace(standing, consecutive_failures=0, consecutive_successes=successes), None
    flip: Flip | None = "recovered" if standing.failing else None
    if flip is None and state != standing.state and standing.state != "pending":
        flip = "degraded" if state == "degraded" else "restored"
    elif flip is None and state == "degraded" and standing.state == "pending":
        flip = "degraded"
    since = standing.changed_at if state == standing.state else now
    # Capped, so that a monitor that is well writes no row at every check.
    return Standing(state=state, consecutive_successes=min(successes, 10), changed_at=since), flip


def _worse(standing: Standing, threshold: int, now: int) -> tuple[Standing, Flip | None]:
    failures = standing.consecutive_failures + 1
    if standing.failing or failures < threshold:
        return structs.replace(standing, consecutive_failures=failures, consecutive_successes=0), None
    worse = Standing(state="down", failing=True, consecutive_failures=failures, changed_at=now)
    return worse, "failing"


def response_ms(kind: Type, check: Check) -> float | None:
    """How long the response took, in milliseconds; None where none came, or none was asked for (ssl)."""
    answered = check.status != "timeout" if check.status_code is not None else check.status == "up"
    return check.duration_ms if answered and kind != "ssl" else None


def next_due(phase: int, interval_ms: int, now: int) -> int:
    """The first moment after `now` of the monitor's schedule: it never drifts, whatever a check took."""
    return now + interval_ms - (now - phase) % interval_ms


def seen(
    monitor: Monitor,
    standing: Standing,
    ssl_expires_at: int | None,
    ssl_issuer: str | None,
    ssl_warned_days: int | None,
) -> Monitor:
    """The monitor as a check left it."""
    return structs.replace(
        monitor,
        standing=standing,
        ssl_expires_at=ssl_expires_at,
        ssl_issuer=ssl_issuer,
        ssl_warned_days=ssl_warned_days,
    )


def is_worth_a_row(before: Monitor, after: Monitor) -> bool:
    """Whether what a check changed is written now: a state, or a count on its way to a threshold."""
    old, new = before.standing, after.standing
    if (before.ssl_expires_at, before.ssl_issuer) != (after.ssl_expires_at, after.ssl_issuer):
        return True
    if (old.state, old.failing) != (new.state, new.failing):
        return True
    if new.failing:
        return new.consecutive_successes != old.consecutive_successes
    return after.options.failure_threshold > 1 and new.consecutive_failures != old.consecutive_failures


def edited(known: Monitor, after: Monitor) -> Monitor:
    """The edited monitor with the standing that its checks have reached meanwhile."""
    standing = known.standing
    if is_other_target(known, after) or known.paused != after.paused:
        standing = structs.replace(standing, consecutive_failures=0, consecutive_successes=0)
    return seen(after, standing, known.ssl_expires_at, known.ssl_issuer, known.ssl_warned_days)
