"""Alerts on the native face: every delivery and what became of it."""

from __future__ import annotations

from msgspec import Struct

from tickd.domain import times
from tickd.domain.alerts import Alert, Event, State
from tickd.services import outbox
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.native.incidents import SubjectAnswer
from tickd.web.routes import Call, Route


class AlertAnswer(Struct):
    """An alert: `channel` is a channel's id, or null where it goes to an address in `kind`, or nowhere."""

    id: str
    event: Event
    subject: SubjectAnswer | None
    incident_id: str | None
    channel: str | None
    kind: str | None
    to: str | None
    state: State
    why: str
    attempts: int
    last_error: str
    created_at: str
    due_at: str
    ended_at: str | None


class AlertList(Struct):
    """A page of alerts, newest first."""

    alerts: list[AlertAnswer]
    limit: int
    offset: int
    total: int


class Wanted(Page, kw_only=True):
    """Which alerts are wanted."""

    status: State | None = None
    event: Event | None = None
    incident: str | None = None


def answer(alert: Alert) -> AlertAnswer:
    """The alert as the native face shows it; an address that is a secret is not shown."""
    target = None if alert.target is None else outbox.target_of(alert.target)
    about = alert.story.about
    return AlertAnswer(
        id=alert.id,
        event=alert.event,
        subject=None if about is None else SubjectAnswer(about.kind, about.id, about.name),
        incident_id=alert.story.incident_id or None,
        channel=alert.lane if target is None and alert.lane else None,
        kind=None if target is None else target.kind,
        to=None if target is None else ", ".join(target.options.to) or None,
        state=alert.state,
        why=alert.why,
        attempts=alert.attempts,
        last_error=alert.last_error,
        created_at=times.rfc3339(alert.created_at),
        due_at=times.rfc3339(alert.due_at),
        ended_at=times.optional(alert.ended_at),
    )


async def page(call: Call) -> Answer:
    """`GET /v1/alerts`"""
    wanted = call.query(Wanted)
    limit, offset = wanted.clamped()
    filters: dict[str, str | None] = {
        "state": wanted.status,
        "event": wanted.event,
        "incident": wanted.incident,
    }
    found, total = await call.services.incidents.alerts(call.account_id, filters, limit=limit, offset=offset)
    return Answer(AlertList([answer(alert) for alert in found], limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/alerts/{id}`"""
    return Answer(answer(await call.services.incidents.alert(call.account_id, call.path("id"))))


ROUTES = (
    Route("GET", "/v1/alerts", page, "List alerts", {200: AlertList}, query=Wanted, errors=(400,)),
    Route("GET", "/v1/alerts/{id}", get, "Get an alert", {200: AlertAnswer}, errors=(404,)),
)
