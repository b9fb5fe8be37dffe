"""Incidents on the native face."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from tickd import ids
from tickd.domain import times
from tickd.domain.alerts import SubjectKind
from tickd.domain.incidents import Cause, Incident, Progress, Status, Steps, Update, UpdateRequest
from tickd.domain.jobs import Severity
from tickd.services.incidents import Related, Seen
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.routes import Call, Route


class SubjectAnswer(Struct):
    """What an incident is of, by the name it had then."""

    kind: SubjectKind
    id: str
    name: str


class GoodAnswer(Struct):
    """The last good check before the failure."""

    checked_at: str
    status_code: int | None
    timings: Steps


class CauseAnswer(Struct):
    """The evidence of the first failure; null where there is none. `timings` are a monitor's steps."""

    error: str
    at: str
    status_code: int | None
    response_ms: float | None
    headers: dict[str, str] | None
    body: str | None
    timings: Steps | None
    last_good: GoodAnswer | None
    execution_id: str | None


class UpdateAnswer(Struct):
    """An entry of an incident's timeline."""

    status: Progress
    message: str
    created_at: str


class RelatedRun(Struct):
    """A run of a job that was under way, or failed."""

    execution_id: str
    job_id: str
    job_name: str
    status: str
    error: str
    started_at: str
    finished_at: str | None


class RelatedMonitor(Struct):
    """Another monitor of the same host, as it is now."""

    id: str
    name: str
    state: str
    changed_at: str | None


class RelatedCertificate(Struct):
    """A certificate that changed."""

    monitor_id: str
    name: str
    changed_at: str
    expires_at: str
    issuer: str


class RelatedPing(Struct):
    """A ping that reported a failure, or one that did not come."""

    heartbeat_id: str
    name: str
    kind: str
    at: str
    message: str


class RelatedIncident(Struct):
    """Another incident that began around the same time."""

    id: str
    subject: SubjectAnswer
    status: Status
    started_at: str


class RelatedAnswer(Struct):
    """What else happened within ten minutes of the beginning."""

    incidents: list[RelatedIncident]
    runs: list[RelatedRun]
    monitors: list[RelatedMonitor]
    certificates: list[RelatedCertificate]
    pings: list[RelatedPing]


class IncidentAnswer(Struct):
    """An incident as it stands; `related` is there for a single one, not in lists."""

    id: str
    subject: SubjectAnswer
    severity: Severity
    status: Status
    draft: bool
    acknowledged_at: str | None
    published_at: str | None
    publish_at: str | None
    started_at: str
    opened_at: str
    resolved_at: str | None
    duration_secs: int | None
    cause: CauseAnswer
    updates: list[UpdateAnswer]
    related: RelatedAnswer | UnsetType = UNSET


class IncidentList(Struct):
    """A page of incidents, newest first."""

    incidents: list[IncidentAnswer]
    limit: int
    offset: int
    total: int


class Wanted(Page, kw_only=True):
    """Which incidents are wanted: `subject` is an id, `hours` how far back they began (1 to 8760)."""

    status: Status | None = None
    subject: str | None = None
    kind: Literal["job", "monitor", "heartbeat"] | None = None
    hours: int | None = None


def _subject(incident: Incident) -> SubjectAnswer:
    return SubjectAnswer(incident.about.kind, incident.about.id, incident.about.name)


def _cause(cause: Cause) -> CauseAnswer:
    good = cause.last_good
    return CauseAnswer(
        error=cause.error,
        at=times.rfc3339(cause.at),
        status_code=cause.status_code,
        response_ms=cause.response_ms,
        headers=cause.headers,
        body=cause.body,
        timings=cause.timings,
        last_good=None
        if good is None
        else GoodAnswer(times.rfc3339(good.at), good.status_code, good.timings),
        execution_id=cause.execution_id or None,
    )


def _update(update: Update) -> UpdateAnswer:
    return UpdateAnswer(update.status, update.message, times.rfc3339(update.at))


def answer(seen: Seen, related: Related | None = None) -> IncidentAnswer:
    """The incident as the native face shows it."""
    incident = seen.incident
    return IncidentAnswer(
        id=incident.id,
        subject=_subject(incident),
        severity=incident.severity,
        status=incident.status,
        draft=incident.draft,
        acknowledged_at=times.optional(incident.acknowledged_at),
        published_at=times.optional(incident.published_at),
        publish_at=times.optional(incident.publish_at),
        started_at=times.rfc3339(incident.started_at),
        opened_at=times.rfc3339(incident.opened_at),
        resolved_at=times.optional(incident.resolved_at),
        duration_secs=incident.duration_secs,
        cause=_cause(incident.cause),
        updates=[_update(update) for update in seen.updates],
        related=UNSET if related is None else _related(related),
    )


def _related(related: Related) -> RelatedAnswer:
    at, optional = times.rfc3339, times.optional
    return RelatedAnswer(
        incidents=[
            RelatedIncident(one.id, _subject(one), one.status, at(one.started_at))
            for one in related.incidents
        ],
        runs=[
            RelatedRun(
                ids.row_id("exec", run.row),
                run.job_id,
                run.job_name,
                run.status,
                run.error,
                at(run.at),
                optional(run.finished_at),
            )
            for run in related.runs
        ],
        monitors=[
            RelatedMonitor(one.id, one.name, one.state, optional(one.changed_at)) for one in related.monitors
        ],
        certificates=[
            RelatedCertificate(one.id, one.name, at(one.at), at(one.expires_at), one.issuer)
            for one in related.certificates
        ],
        pings=[RelatedPing(one.id, one.name, one.kind, at(one.at), one.message) for one in related.pings],
    )


async def page(call: Call) -> Answer:
    """`GET /v1/incidents`"""
    wanted = call.query(Wanted)
    limit, offset = wanted.clamped()
    filters = {"status": wanted.status, "subject": wanted.subject, "kind": wanted.kind}
    hours = None if wanted.hours is None else max(1, min(8760, wanted.hours))
    found, total = await call.services.incidents.page(
        call.account_id, filters, hours=hours, limit=limit, offset=offset
    )
    return Answer(IncidentList([answer(seen) for seen in found], limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/incidents/{id}`"""
    seen = await call.services.incidents.get(call.account_id, call.path("id"))
    return Answer(answer(seen, await call.services.incidents.related(seen.incident)))


async def acknowledge(call: Call) -> Answer:
    """`POST /v1/incidents/{id}/acknowledge`"""
    return Answer(answer(await call.services.incidents.acknowledge(call.account_id, call.path("id"))))


async def publish(call: Call) -> Answer:
    """`POST /v1/incidents/{id}/publish`"""
    return Answer(answer(await call.services.incidents.publish(call.account_id, call.path("id"))))


async def update(call: Call) -> Answer:
    """`POST /v1/incidents/{id}/updates`"""
    said = await call.body(UpdateRequest)
    seen = await call.services.incidents.update(call.account_id, call.path("id"), said)
    return Answer(answer(seen), 201)


_ONE = "/v1/incidents/{id}"

ROUTES = (
    Route("GET", "/v1/incidents", page, "List incidents", {200: IncidentList}, query=Wanted, errors=(400,)),
    Route("GET", _ONE, get, "Get an incident, and what else happened", {200: IncidentAnswer}, errors=(404,)),
    Route(
        "POST",
        f"{_ONE}/acknowledge",
        acknowledge,
        "Say that somebody has seen it: no more reminders",
        {200: IncidentAnswer},
        scope="write",
        errors=(404, 409),
    ),
    Route(
        "POST",
        f"{_ONE}/publish",
        publish,
        "Make a draft public",
        {200: IncidentAnswer},
        scope="write",
        errors=(404,),
    ),
    Route(
        "POST",
        f"{_ONE}/updates",
        update,
        "Add to the timeline; resolved ends the incident",
        {201: IncidentAnswer},
        scope="write",
        request=UpdateRequest,
        errors=(400, 404, 409),
    ),
)
