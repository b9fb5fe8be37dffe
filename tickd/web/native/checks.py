"""Checks of a monitor, and what they come to, on the native face."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from tickd.domain import charts, times, uptime
from tickd.domain.backtest import BacktestRequest, Found, Replay
from tickd.domain.checks import Check, CheckStatus
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.routes import Call, Route


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
    maintenance: bool | UnsetType = UNSET


class CheckList(Struct):
    """A page of checks, newest first."""

    checks: list[CheckAnswer]
    limit: int
    offset: int
    total: int


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
    maintenance_secs: int


class Uptime(Struct):
    """How a monitor did: time-weighted; unknown, paused and maintenance time left out."""

    uptime_percent: float | None
    checks_total: int
    checks_failed: int
    maintenance_secs: int
    days: list[Day]


class BacktestIncident(Struct):
    """An incident that would have been; null where it would still be open."""

    started_at: str
    opened_at: str
    resolved_at: str | None
    duration_secs: int
    noticed_after_secs: int
    error: str


class HeldBack(Struct):
    """How much the safeguards would have held back, by reason."""

    maintenance: int
    cooldown: int


class BacktestSide(Struct):
    """What one set of settings would have told; `total` incidents, of which the first 500 are listed."""

    alerts: int
    incidents: list[BacktestIncident]
    total: int
    held_back: HeldBack
    downtime_secs: int


class BacktestAnswer(Struct, rename={"from_": "from"}):
    """A back-test: the monitor's own settings and the proposed ones, over the same stored checks."""

    summary: str
    from_: str
    to: str
    checks: int
    longest_delay_secs: int
    current: BacktestSide
    proposed: BacktestSide


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
        maintenance=check.maintenance or UNSET,
    )


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
    shown = [_day(day, bucket) for day, bucket in found]
    percent, secs = _rounded(whole.uptime_percent(), 3), _seconds(whole.held_maintenance)
    return Answer(Uptime(percent, whole.checks, whole.failed, secs, shown))


async def latency(call: Call) -> Answer:
    """`GET /v1/monitors/{id}/latency.svg`"""
    hours = call.query(HoursWanted).hours
    points, since, until = await call.services.monitors.latency(call.account_id, call.path("id"), hours)
    drawn = charts.latency(points, since=since, until=until)
    headers_sent = {"Cache-Control": "private, max-age=60", "X-Content-Type-Options": "nosniff"}
    return Answer(drawn.encode(), headers=headers_sent, content_type="image/svg+xml")


async def backtest(call: Call) -> Answer:
    """`POST /v1/monitors/{id}/backtest`"""
    request = await call.body(BacktestRequest)
    tested = await call.services.backtests.run(call.account_id, call.path("id"), request)
    found, to = tested.backtest, tested.to
    return Answer(
        BacktestAnswer(
            summary=tested.summary,
            from_=times.rfc3339(tested.since),
            to=times.rfc3339(to),
            checks=found.checks,
            longest_delay_secs=_seconds(found.delay),
            current=_side(found.current, to),
            proposed=_side(found.proposed, to),
        )
    )


def _side(replay: Replay, to: int) -> BacktestSide:
    listed = [_incident(one, to) for one in replay.incidents]
    held_back = HeldBack(replay.held_back["maintenance"], replay.held_back["cooldown"])
    return BacktestSide(replay.alerts, listed, replay.total, held_back, _seconds(replay.downtime))


def _incident(found: Found, to: int) -> BacktestIncident:
    end = to if found.resolved_at is None else found.resolved_at
    return BacktestIncident(
        started_at=times.rfc3339(found.started_at),
        opened_at=times.rfc3339(found.opened_at),
        resolved_at=times.optional(found.resolved_at),
        duration_secs=_seconds(max(0, end - found.started_at)),
        noticed_after_secs=_seconds(found.opened_at - found.started_at),
        error=found.error,
    )


def _day(day: int, bucket: uptime.Bucket) -> Day:
    return Day(
        uptime.date_text(day),
        _rounded(bucket.uptime_percent(), 3),
        _rounded(bucket.avg_ms(), 1),
        _rounded(bucket.p95_ms(), 1),
        _seconds(bucket.held_maintenance),
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _seconds(milliseconds: int) -> int:
    return milliseconds // times.SECOND


_ONE = "/v1/monitors/{id}"

ROUTES = (
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
    Route(
        "POST",
        f"{_ONE}/backtest",
        backtest,
        "Try other settings on the stored checks",
        {200: BacktestAnswer},
        request=BacktestRequest,
        errors=(400, 404),
    ),
)
