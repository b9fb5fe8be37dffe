"""The overview on the native face: all of an account on one screen, and one list of what it has."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tickd import __version__, ids
from tickd.domain import overview as rules
from tickd.domain import times
from tickd.domain.alerts import SubjectKind
from tickd.domain.incidents import Incident
from tickd.domain.jobs import Severity
from tickd.domain.overview import Filters, Item, Last, State, Summary, Tone
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.native.incidents import SubjectAnswer
from tickd.web.routes import Call, Route


class ResultAnswer(Struct):
    """The latest result in a few words, and how it is to be taken."""

    at: str
    result: str
    outcome: Tone
    duration_ms: float | None
    message: str


class SubjectItem(Struct):
    """A job, a monitor or a heartbeat in a list of all."""

    kind: SubjectKind
    id: str
    name: str
    slug: str
    group: str
    tags: list[str]
    state: State
    since: str | None
    target: str
    next_at: str | None
    running: bool
    last: ResultAnswer | None


class SubjectList(Struct):
    """A page of subjects, in the wanted order."""

    subjects: list[SubjectItem]
    limit: int
    offset: int
    total: int


class OpenIncident(Struct):
    """An incident that is open."""

    id: str
    subject: SubjectAnswer
    severity: Severity
    draft: bool
    started_at: str
    acknowledged_at: str | None
    error: str


class RunAnswer(Struct):
    """A run that has not ended."""

    execution_id: str
    job_id: str
    name: str
    status: str
    since: str


class NewsAnswer(ResultAnswer):
    """A result, and of what."""

    kind: SubjectKind
    id: str
    name: str


class HeldAnswer(Struct):
    """Maintenance that holds now."""

    id: str
    name: str
    ends_at: str


class WaitingAnswer(Struct):
    """How many alerts wait; `oldest_at` is null where none does."""

    queued: int
    retrying: int
    oldest_at: str | None


class OverviewAnswer(Struct):
    """An account on one screen."""

    at: str
    version: str
    ready: bool
    faults: list[str]
    counts: dict[str, dict[State, int]]
    failing: list[SubjectItem]
    failing_total: int
    incidents: list[OpenIncident]
    incidents_total: int
    running: list[RunAnswer]
    running_total: int
    next: list[SubjectItem]
    recent: list[NewsAnswer]
    alerts: WaitingAnswer
    maintenance: list[HeldAnswer]


class Wanted(Page, kw_only=True):
    """Which subjects are wanted; see `Filters`."""

    q: str = ""
    kind: SubjectKind | None = None
    state: Literal["trouble", "down", "degraded", "late", "pending", "up", "paused"] | None = None
    tag: str = ""
    group: str = ""
    sort: rules.Sort = "attention"


def _result(last: Last) -> ResultAnswer:
    return ResultAnswer(times.rfc3339(last.at), last.text, last.tone, last.took, last.more)


def _subject(item: Item) -> SubjectItem:
    return SubjectItem(
        kind=item.kind,
        id=item.id,
        name=item.name,
        slug=item.slug,
        group=item.group,
        tags=list(item.tags),
        state=item.state,
        since=times.optional(item.since),
        target=item.target,
        next_at=times.optional(item.next_at),
        running=item.running,
        last=None if item.last is None else _result(item.last),
    )


def _incident(one: Incident) -> OpenIncident:
    return OpenIncident(
        one.id,
        SubjectAnswer(one.about.kind, one.about.id, one.about.name),
        one.severity,
        one.draft,
        times.rfc3339(one.started_at),
        times.optional(one.acknowledged_at),
        one.cause.error,
    )


def _waiting(summary: Summary) -> WaitingAnswer:
    counts = {one.state: one.alerts for one in summary.waiting}
    oldest = min((one.oldest_at for one in summary.waiting), default=None)
    return WaitingAnswer(counts.get("queued", 0), counts.get("retrying", 0), times.optional(oldest))


def answer(summary: Summary, faults: list[str]) -> OverviewAnswer:
    """The account as the native face shows it."""
    health = summary.health
    return OverviewAnswer(
        at=times.rfc3339(summary.at),
        version=__version__,
        ready=not faults,
        faults=faults,
        counts={
            f"{kind}s": {state: health.counts.get((kind, state), 0) for state in rules.STATES}
            for kind in rules.KINDS
        },
        failing=[_subject(item) for item in summary.failing],
        failing_total=sum(health.of(state) for state in rules.TROUBLE),
        incidents=[_incident(one) for one in summary.incidents],
        incidents_total=summary.incidents_total,
        running=[
            RunAnswer(ids.row_id("exec", run.row), run.job_id, run.name, run.status, times.rfc3339(run.at))
            for run in summary.runs
        ],
        running_total=summary.runs_total,
        next=[_subject(item) for item in summary.due],
        recent=[
            NewsAnswer(
                times.rfc3339(last.at), last.text, last.tone, last.took, last.more, kind, identifier, name
            )
            for kind, identifier, name, last in summary.recent
        ],
        alerts=_waiting(summary),
        maintenance=[HeldAnswer(one.id, one.name, times.rfc3339(one.ends_at)) for one in summary.maintenance],
    )


async def overview(call: Call) -> Answer:
    """`GET /v1/overview`"""
    summary = await call.services.overview.summary(call.account_id)
    return Answer(answer(summary, call.services.health.faults()))


async def page(call: Call) -> Answer:
    """`GET /v1/subjects`"""
    wanted = call.query(Wanted)
    limit, offset = wanted.clamped()
    filters = Filters(
        q=wanted.q,
        kind=wanted.kind or "",
        state=wanted.state or "",
        tag=wanted.tag,
        group=wanted.group,
        sort=wanted.sort,
    )
    found = await call.services.overview.page(call.account_id, filters, limit=limit, offset=offset)
    return Answer(SubjectList([_subject(item) for item in found.items], limit, offset, found.total))


ROUTES = (
    Route("GET", "/v1/overview", overview, "Show all of the account on one screen", {200: OverviewAnswer}),
    Route(
        "GET",
        "/v1/subjects",
        page,
        "List jobs, monitors and heartbeats together",
        {200: SubjectList},
        query=Wanted,
        errors=(400,),
    ),
)
