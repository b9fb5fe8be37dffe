"""Checks of a monitor on the rooster face."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from tickd import ids
from tickd.domain import monitors as rules
from tickd.domain import times
from tickd.domain.checks import Check
from tickd.domain.pings import Event
from tickd.web.answers import Answer
from tickd.web.fields import MOST
from tickd.web.rooster.envelope import good
from tickd.web.routes import Call, Route

REGION = "local"
"""The one region there is without remote probes."""


class RoosterCheck(Struct):
    """One look at a monitor's target; `is_up` is null where tickd could not know."""

    id: str
    timestamp: str
    status_code: int | None
    response_ms: float | None
    is_up: bool | None
    regions_checked: int | None
    regions_up: int | None
    response_ms_by_region: dict[str, float] | None


LIMIT = 100
"""How many checks are answered where nothing, or nothing that is a number, is asked for."""


class Limit(Struct, kw_only=True):
    """How many are wanted; out of range is clamped to 1 and 500."""

    limit: str = "100"


class ChecksEnvelope(Struct):
    """Checks in their envelope, newest first."""

    data: list[RoosterCheck]
    error: None
    meta: dict[str, Any]


def rounded(ms: float | None) -> float | None:
    """A response time as this face shows it, in milliseconds."""
    return None if ms is None else round(ms, 1)


def check_answer(kind: rules.Type, check: Check) -> RoosterCheck:
    """The check as this face shows it."""
    response_ms = rounded(rules.response_ms(kind, check))
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


def silence_answer(event: Event) -> RoosterCheck:
    """A run of a heartbeat that ended, or a silence, as this face shows it; no region asked for it."""
    is_up = event.kind == "success" or event.repaired
    moment = times.iso_offset(event.at)
    return RoosterCheck(ids.row_id("chk", event.row), moment, None, None, is_up, None, None, None)


def _clamped(text: str) -> int:
    """Clamped, never refused: what is no number is the default."""
    try:
        return max(1, min(MOST, int(text[:10])))
    except ValueError:
        return LIMIT


async def checks(call: Call) -> Answer:
    """`GET /api/v1/monitors/{id}/checks`"""
    limit = _clamped(call.request.query.get("limit", ""))
    identifier = call.path("id")
    if identifier.startswith("hb_"):
        events, total = await call.services.heartbeats.history(
            call.account_id, identifier, "checks", limit=limit, offset=0
        )
        return good([silence_answer(one) for one in events], monitor_id=identifier, total=total, limit=limit)
    seen = await call.services.monitors.get(call.account_id, identifier)
    found, total = await call.services.monitors.checks(
        call.account_id, identifier, status=None, limit=limit, offset=0
    )
    shown = [check_answer(seen.monitor.type, check) for check in found]
    return good(shown, monitor_id=identifier, total=total, limit=limit)


ROUTES = (
    Route(
        "GET",
        "/api/v1/monitors/{id}/checks",
        checks,
        "List a monitor's checks",
        {200: ChecksEnvelope},
        query=Limit,
        errors=(404, 422),
    ),
)
