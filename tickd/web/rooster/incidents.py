"""Incidents on the rooster face: those of monitors and heartbeats, read only."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from tickd.domain import times
from tickd.domain.incidents import Incident
from tickd.errors import Invalid, NotFound
from tickd.services.incidents import Seen
from tickd.web.answers import Answer
from tickd.web.rooster.checks import REGION, rounded
from tickd.web.rooster.envelope import good
from tickd.web.routes import Call, Route

TYPES: dict[str, list[str]] = {
    "http": ["http"],
    "json_api": ["json"],
    "ssl": ["ssl"],
    "heartbeat": ["heartbeat"],
}
"""This face's types of monitors, and the domain's."""
ALL = ["http", "json", "ssl", "tcp", "dns", "heartbeat"]
"""What has incidents on this face: jobs are none of its monitors."""
HOURS, HOURS_MOST = 720, 8760
LIMIT, LIMIT_MOST = 50, 500


class RegionResult(Struct):
    """What one region saw at the beginning."""

    region: str
    is_up: bool
    status_code: int | None
    response_ms: float | None


class RoosterIncident(Struct):
    """An incident; the monitor's name and address are those of its beginning."""

    id: str
    monitor_id: str
    monitor_name: str
    monitor_url: str
    status: str
    status_code: int | None
    response_ms: float | None
    started_at: str
    resolved_at: str | None
    duration_seconds: int | None
    failure_error_message: str | None
    failure_response_headers: dict[str, str] | None
    failure_response_body: str | None
    regions_checked: int | None
    regions_up: int | None
    region_results: list[RegionResult] | None


class IncidentEnvelope(Struct):
    """An incident in its envelope."""

    data: RoosterIncident
    error: None
    meta: dict[str, Any]


class IncidentsEnvelope(Struct):
    """Incidents in their envelope, newest first."""

    data: list[RoosterIncident]
    error: None
    meta: dict[str, Any]


class Wanted(Struct, kw_only=True):
    """Which incidents are wanted; `hours` and `limit` are clamped, never refused."""

    status: str = ""
    monitor_id: str = ""
    monitor_type: str = ""
    hours: str = "720"
    limit: str = "50"


def answer(incident: Incident) -> RoosterIncident:
    """The incident as this face shows it."""
    cause, about, is_polled = incident.cause, incident.about, incident.kind == "monitor"
    # Of what speaks no HTTP no response is timed on this face.
    response_ms = rounded(cause.response_ms) if about.type in ("http", "json") else None
    regions = [RegionResult(REGION, False, cause.status_code, response_ms)]
    return RoosterIncident(
        id=incident.id,
        monitor_id=about.id,
        monitor_name=about.name,
        monitor_url=about.url,
        status=incident.status,
        status_code=cause.status_code,
        response_ms=response_ms,
        started_at=times.iso_offset(incident.started_at),
        resolved_at=None if incident.resolved_at is None else times.iso_offset(incident.resolved_at),
        duration_seconds=incident.duration_secs,
        failure_error_message=cause.error or None,
        failure_response_headers=cause.headers,
        failure_response_body=cause.body,
        regions_checked=1 if is_polled else None,
        regions_up=0 if is_polled else None,
        region_results=regions if is_polled else None,
    )


def _clamped(text: str, otherwise: int, most: int) -> int:
    """Clamped, never refused: what is no number is the default."""
    try:
        return max(1, min(most, int(text[:10])))
    except ValueError:
        return otherwise


def _one_of(field: str, text: str, *choices: str) -> str | None:
    if text and text not in choices:
        raise Invalid(field, "must be one of " + ", ".join(choices))
    return text or None


async def page(call: Call) -> Answer:
    """`GET /api/v1/incidents`"""
    query = call.request.query
    hours = _clamped(query.get("hours", ""), HOURS, HOURS_MOST)
    limit = _clamped(query.get("limit", ""), LIMIT, LIMIT_MOST)
    status = _one_of("status", query.get("status", ""), "open", "resolved")
    kind = _one_of("monitor_type", query.get("monitor_type", ""), *TYPES)
    filters = {"status": status, "subject": query.get("monitor_id") or None}
    types = ALL if kind is None else TYPES[kind]
    found, total = await call.services.incidents.page(
        call.account_id, filters, hours=hours, types=types, limit=limit
    )
    return good([answer(seen.incident) for seen in found], total=total, limit=limit, hours=hours)


async def get(call: Call) -> Answer:
    """`GET /api/v1/incidents/{id}`"""
    seen: Seen = await call.services.incidents.get(call.account_id, call.path("id"))
    if seen.incident.kind == "job":
        raise NotFound(f"no incident {call.path('id')}")
    return good(answer(seen.incident))


ROUTES = (
    Route(
        "GET",
        "/api/v1/incidents",
        page,
        "List incidents",
        {200: IncidentsEnvelope},
        query=Wanted,
        errors=(422,),
    ),
    Route("GET", "/api/v1/incidents/{id}", get, "Get an incident", {200: IncidentEnvelope}, errors=(404,)),
)
