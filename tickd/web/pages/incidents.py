"""The pages of incidents: the list, and one with its evidence, its timeline and what was around it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from aiohttp import web
from msgspec import Struct

from tickd.domain.alerts import SubjectKind
from tickd.domain.incidents import Cause, Incident, Status, UpdateRequest
from tickd.domain.jobs import Severity
from tickd.errors import Conflict
from tickd.services.incidents import Related, Seen
from tickd.web.pages import filters, forms, requests, timelines
from tickd.web.pages.forms import Field, Form, Section
from tickd.web.pages.visit import Page, Visit

LIMIT = 50
ALERTS_MOST = 200
"""How many of its alerts an incident's timeline shows."""
AT_ONCE = 500
"""How many incidents are acknowledged at once."""

_STEPS = (
    ("dns_ms", "Name lookup"),
    ("connect_ms", "Connect"),
    ("tls_ms", "TLS handshake"),
    ("first_byte_ms", "First byte"),
    ("total_ms", "Total"),
)
_PROGRESS = (
    ("investigating", "Investigating"),
    ("identified", "Identified"),
    ("monitoring", "Monitoring"),
    ("resolved", "Resolved"),
)


class Wanted(Struct, kw_only=True):
    """Which incidents are wanted: `subject` is an id, `name` a part of a subject's name."""

    status: Status | None = None
    severity: Severity | None = None
    kind: SubjectKind | None = None
    draft: Literal["yes", "no"] | None = None
    hours: int | None = None
    name: str | None = None
    subject: str | None = None
    offset: int = 0


class Step(NamedTuple):
    """A step of the check that failed beside the last good one, in milliseconds."""

    label: str
    failed: float | None
    good: float | None

    @property
    def more(self) -> int | None:
        """How much longer it took, where both are known."""
        return None if self.failed is None or self.good is None else round(self.failed - self.good)


class Around(NamedTuple):
    """Something else that happened; `at` in milliseconds, `secs` how long after the incident began."""

    at: int
    secs: int
    what: str
    name: str
    href: str
    state: str
    text: str


async def page(visit: Visit) -> web.StreamResponse:
    """`GET /incidents`"""
    wanted = visit.query(Wanted)
    offset = max(0, min(wanted.offset, 1 << 53))
    board = await visit.services.incidents.board(
        visit.account_id, _filters(wanted), hours=_hours(wanted), limit=LIMIT, offset=offset
    )
    return visit.page(
        "incidents/rows.html" if visit.is_fragment else "incidents/list.html",
        board=board,
        wanted=wanted,
        is_filtered=filters.is_filtered(wanted),
        groups=_groups(board.incidents),
        path=filters.address("/incidents", wanted),
        limit=LIMIT,
        offset=offset,
    )


def _filters(wanted: Wanted) -> dict[str, object]:
    draft = None if wanted.draft is None else wanted.draft == "yes"
    plain = {name: getattr(wanted, name) for name in ("status", "severity", "kind", "subject", "name")}
    return {**plain, "draft": draft}


def _hours(wanted: Wanted) -> int | None:
    return None if wanted.hours is None else max(1, min(8760, wanted.hours))


def _groups(found: list[Incident]) -> list[tuple[str, list[Incident]]]:
    """The incidents below their headings."""
    still_open = [one for one in found if one.status == "open"]
    history = [one for one in found if one.status != "open"]
    return [group for group in (("Open", still_open), ("History", history)) if group[1]]


async def acknowledge_all(visit: Visit) -> web.StreamResponse:
    """`POST /incidents/acknowledge`"""
    chosen = [one for one in visit.data.getall("incident", []) if isinstance(one, str)][:AT_ONCE]
    if not chosen:
        return visit.go("/incidents", "Choose the incidents first.", tone="warn")
    count = await visit.services.incidents.acknowledge_all(visit.account_id, chosen)
    noun = "incident" if count == 1 else "incidents"
    return visit.go("/incidents", f"{count} {noun} acknowledged.")


async def show(visit: Visit) -> web.StreamResponse:
    """`GET /incidents/{id}`"""
    seen = await visit.services.incidents.get(visit.account_id, visit.path("id"))
    part = visit.request.query.get("part", "")
    if visit.is_fragment and part in ("head", "timeline"):
        return visit.page(f"incidents/{part}.html", **await _live(visit, seen))
    return await _shown(visit, seen, forms.filled(_form_of(seen), {"status": "investigating"}))


async def _live(visit: Visit, seen: Seen) -> dict[str, Any]:
    """What changes while one looks at an incident."""
    service, incident = visit.services.incidents, seen.incident
    sent, total = await service.deliveries(visit.account_id, {"incident": incident.id}, limit=ALERTS_MOST)
    return {
        "incident": incident,
        "is_there": await service.is_there(incident),
        "lasted": service.lasted_secs(incident),
        "entries": timelines.of(seen, sent),
        "more_alerts": max(0, total - len(sent)),
    }


async def _shown(
    visit: Visit,
    seen: Seen,
    form: Form,
    status: int = 200,
    snippets: list[tuple[str, str]] | None = None,
) -> web.Response:
    incident, live = seen.incident, await _live(visit, seen)
    around = _around(incident, await visit.services.incidents.related(incident))
    return visit.page(
        "incidents/show.html",
        status,
        **live,
        form=form,
        snippets=snippets,
        steps=_steps(incident.cause),
        around=around[0],
        neighbours=around[1],
    )


def _steps(cause: Cause) -> list[Step]:
    failed, good = cause.timings, cause.last_good.timings if cause.last_good else None
    steps = [Step(label, getattr(failed, name, None), getattr(good, name, None)) for name, label in _STEPS]
    return [one for one in steps if one.failed is not None or one.good is not None]


def _around(incident: Incident, related: Related) -> tuple[list[Around], list[Around]]:
    """What happened around the beginning in its order, and the other monitors of the host."""

    def one(at: int, what: str, name: str, href: str, state: str, text: str = "") -> Around:
        return Around(at, (at - incident.started_at) // 1000, what, name, href, state, text)

    found = [
        one(
            other.started_at,
            "Incident",
            other.about.name,
            f"/incidents/{other.id}",
            other.status,
            other.cause.error,
        )
        for other in related.incidents
    ]
    found += [
        one(run.at, "Run of a job", run.job_name, f"/jobs/{run.job_id}", run.status, run.error)
        for run in related.runs
    ]
    found += [
        one(new.at, "New certificate", new.name, f"/monitors/{new.id}", "", f"issued by {new.issuer}")
        for new in related.certificates
    ]
    found += [
        one(ping.at, "Ping", ping.name, f"/heartbeats/{ping.id}", ping.kind, ping.message)
        for ping in related.pings
    ]
    beside = [
        one(other.changed_at or 0, "Monitor", other.name, f"/monitors/{other.id}", other.state)
        for other in related.monitors
    ]
    return sorted(found), beside


def _form_of(seen: Seen) -> list[Section]:
    is_open = seen.incident.status == "open"
    choices = _PROGRESS if is_open else _PROGRESS[-1:]
    ends = "Resolved ends the incident, and tells everybody who was told of it."
    after = "The incident is over; what is said now stands on its timeline."
    fields = [
        Field("status", "Status", "select", options=choices, hint=ends if is_open else after),
        Field("message", "Message", "area", hint="At most 5,000 characters.", rows=4),
    ]
    return [Section("", fields)]


async def acknowledge(visit: Visit) -> web.StreamResponse:
    """`POST /incidents/{id}/acknowledge`"""
    path = f"/incidents/{visit.path('id')}"
    try:
        await visit.services.incidents.acknowledge(visit.account_id, visit.path("id"))
    except Conflict as error:
        return visit.go(path, f"Nothing to acknowledge: {error.message}.", tone="warn")
    return visit.go(path, "Acknowledged: no more reminders are sent.")


async def publish(visit: Visit) -> web.StreamResponse:
    """`POST /incidents/{id}/publish`"""
    seen = await visit.services.incidents.publish(visit.account_id, visit.path("id"))
    return visit.go(f"/incidents/{seen.incident.id}", "Published.")


async def update(visit: Visit) -> web.StreamResponse:
    """`POST /incidents/{id}/updates`"""
    service = visit.services.incidents
    seen = await service.get(visit.account_id, visit.path("id"))
    form = forms.sent(_form_of(seen), visit.data)
    if visit.text("do") == "request":
        return await _as_request(visit, seen, form)
    said = forms.spec(form, UpdateRequest)
    if said is not None:
        try:
            await service.update(visit.account_id, seen.incident.id, said)
            return visit.go(f"/incidents/{seen.incident.id}", "Update posted.")
        except forms.REFUSED as error:
            form.blame(error)
    return await _shown(visit, seen, form, 422)


async def _as_request(visit: Visit, seen: Seen, form: Form) -> web.Response:
    """The update as a call of the API."""
    url = f"{visit.base_url}/v1/incidents/{seen.incident.id}/updates"
    snippets = requests.snippets("POST", url, forms.said(form))
    if visit.is_fragment:
        return visit.page("requests.html", snippets=snippets)
    return await _shown(visit, seen, form, snippets=snippets)


PAGES = (
    Page("GET", "/incidents", page),
    Page("POST", "/incidents/acknowledge", acknowledge_all, "write"),
    Page("GET", "/incidents/{id}", show),
    Page("POST", "/incidents/{id}/acknowledge", acknowledge, "write"),
    Page("POST", "/incidents/{id}/publish", publish, "write"),
    Page("POST", "/incidents/{id}/updates", update, "write"),
)
