"""The form of a job: make one, copy one, edit one, and what its schedule would mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from aiohttp import web
from msgspec import Struct, structs

from tickd.domain import cron, headers, urls
from tickd.domain import jobs as rules
from tickd.domain.jobs import Job, JobChange, JobRegistration
from tickd.errors import Conflict, Invalid, TickdError
from tickd.services.jobs import Foreseen
from tickd.web.pages import forms, limits, requests
from tickd.web.pages.forms import Form
from tickd.web.pages.job_fields import (
    BARE,
    DEFAULTS,
    PRESETS,
    STAND_INS,
    Choices,
    call,
    copied,
    known,
    opened,
    said,
    sections,
)
from tickd.web.pages.visit import Page, Visit

TARGETS_MOST = 60
"""Where an account has more monitors, heartbeats and jobs than this, their ids are typed, not chosen."""
LISTED = 500
T = TypeVar("T", bound=JobChange)


async def _choices(visit: Visit, job: Job) -> Choices:
    services, account = visit.services, visit.account_id
    channels, _ = await services.channels.page(account, limit=LISTED, offset=0)
    named = {one.channel.name: one.channel.id for one in channels if one.channel.name in job.channels}
    listed = [
        (one.channel.name if one.channel.name in named else one.channel.id, one.channel.name)
        for one in channels
    ]
    listed += [(one, f"{one} (there is none)") for one in job.channels if one not in dict(listed)]
    anything: dict[str, str | None] = {}
    monitors, many = await services.monitors.page(account, anything, limit=TARGETS_MOST, offset=0)
    heartbeats, more = await services.heartbeats.page(account, anything, limit=TARGETS_MOST, offset=0)
    others, most = await services.jobs.page(account, status=None, tag=None, limit=TARGETS_MOST, offset=0)
    targets = [(one.monitor.id, f"{one.monitor.name} (monitor)") for one in monitors]
    targets += [(one.id, f"{one.name} (heartbeat)") for one in heartbeats]
    subjects = targets + [(one.id, f"{one.name} (job)") for one in others if one.id != job.id]
    return Choices(
        listed,
        _with(targets, job.requires) if many + more <= TARGETS_MOST else None,
        _with(subjects, job.depends_on) if many + more + most <= TARGETS_MOST else None,
    )


def _with(choices: list[tuple[str, str]], chosen: Sequence[str]) -> list[tuple[str, str]]:
    """The choices, what is chosen first; also what is not there any more."""
    there = [one for one in choices if one[0] in chosen]
    gone = [(one, f"{one} (there is none)") for one in chosen if one not in dict(there)]
    return there + gone + [one for one in choices if one not in there]


# The schedule's preview.


class Coming(NamedTuple):
    """A coming run: the moment (milliseconds), what the clock shows in the zone, and in UTC."""

    at: int
    wall: str
    utc: str


class Told(NamedTuple):
    """What a schedule means, or what is wrong with it; nothing where none was given."""

    zone: str = ""
    error: str = ""
    foreseen: Foreseen | None = None
    coming: Sequence[Coming] = ()


class Wanted(Struct, kw_only=True):
    """Which schedule is to be told; `job` is the one that has it."""

    schedule: str = ""
    timezone: str = ""
    job: str = ""


async def _told(visit: Visit, wanted: Wanted) -> Told:
    zone = wanted.timezone.strip() or "UTC"
    if not wanted.schedule.strip():
        return Told(zone)
    try:
        found = await visit.services.jobs.foresee(visit.account_id, wanted.schedule, zone, wanted.job)
    except Invalid as error:
        label = "Time zone" if error.field == "timezone" else "Schedule"
        return Told(zone, f"{label} {error.sentence}.")
    tz = cron.zone(zone)
    this_year = datetime.fromtimestamp(visit.services.jobs.now() / 1000, tz).year
    return Told(
        zone,
        foreseen=found,
        coming=[_coming(at, tz, this_year) for at in found.runs],
    )


def _coming(at: int, tz: ZoneInfo, this_year: int) -> Coming:
    """A run as `Sun 29 Mar, 03:00 CEST` and `01:00`, with the year and the date where these are others."""
    wall, utc = datetime.fromtimestamp(at / 1000, tz), datetime.fromtimestamp(at / 1000, UTC)
    day = f"{wall:%a %-d %b}" if wall.year == this_year else f"{wall:%a %-d %b %Y}"
    is_same = wall.date() == utc.date()
    return Coming(at, f"{day}, {wall:%H:%M %Z}", f"{utc:%H:%M}" if is_same else f"{utc:%-d %b, %H:%M}")


async def preview(visit: Visit) -> web.StreamResponse:
    """`GET /jobs/preview`: the schedule of a form as it is filled in; without a script, the form with it."""
    wanted = visit.query(Wanted)
    if visit.is_fragment:
        return visit.page("jobs/preview.html", told=await _told(visit, wanted))
    shown = DEFAULTS | {"schedule": wanted.schedule, "timezone": wanted.timezone}
    return await _page(visit, forms.filled(sections(await _choices(visit, BARE), None), shown), None)


# The pages.


async def _page(
    visit: Visit,
    form: Form,
    job: Job | None,
    status: int = 200,
    *,
    snippets: list[tuple[str, str]] | None = None,
    left_out: Sequence[str] = (),
) -> web.Response:
    values = form.values
    wanted = Wanted(schedule=values["schedule"], timezone=values["timezone"], job=job.id if job else "")
    return visit.page(
        "jobs/form.html",
        status,
        form=form,
        opened=opened(form, job),
        job=job,
        # What is wrong with the schedule stands beside it.
        told=Told() if form.errors.keys() & {"schedule", "timezone"} else await _told(visit, wanted),
        snippets=snippets,
        left_out=left_out,
        presets=PRESETS,
        zones=cron.zones(),
    )


async def new(visit: Visit) -> web.StreamResponse:
    """`GET /jobs/new`, empty or a copy of another job (`?from=ID`)"""
    source = visit.request.query.get("from", "")
    shown, left_out, job = DEFAULTS, list[str](), BARE
    if source:
        job = await visit.services.jobs.get(visit.account_id, source)
        shown, left_out = copied(job)
    choices = await _choices(visit, structs.replace(job, id=""))
    begun = sections(choices, None, is_fresh=not source)
    form = await limits.warned(visit, "jobs", forms.filled(begun, shown))
    return await _page(visit, form, None, left_out=left_out)


async def create(visit: Visit) -> web.StreamResponse:
    """`POST /jobs/new`"""
    form = forms.sent(sections(await _choices(visit, BARE), None), visit.data)
    if visit.text("do"):
        return await _aside(visit, form, None)
    spec = _spec(visit, form, JobRegistration, None)
    if spec is not None:
        try:
            job = await visit.services.jobs.create(visit.account_id, spec)
            return visit.go(f"/jobs/{job.id}", f"{job.name} was created.")
        except forms.REFUSED as error:
            form.blame(_named(error))
    return await _page(visit, form, None, 422)


async def edit(visit: Visit) -> web.StreamResponse:
    """`GET /jobs/{id}/edit`"""
    job = await visit.services.jobs.get(visit.account_id, visit.path("id"))
    return await _page(visit, forms.filled(sections(await _choices(visit, job), job), known(job)), job)


async def save(visit: Visit) -> web.StreamResponse:
    """`POST /jobs/{id}/edit`"""
    job = await visit.services.jobs.get(visit.account_id, visit.path("id"))
    form = forms.sent(sections(await _choices(visit, job), job), visit.data)
    if visit.text("do"):
        return await _aside(visit, form, job)
    spec = _spec(visit, form, JobChange, job)
    if spec is not None:
        try:
            await visit.services.jobs.change(visit.account_id, job.id, spec)
            return visit.go(f"/jobs/{job.id}", "Saved.")
        except forms.REFUSED as error:
            form.blame(_named(error))
    return await _page(visit, form, job, 422)


def _spec(visit: Visit, form: Form, kind: type[T], job: Job | None) -> T | None:
    """What the form says of a new job or of that one, or None: then it has all of its errors."""
    now = visit.services.jobs.now()
    if job is not None:
        _keep_to_its_host(form, job)
    return forms.spec(
        form,
        kind,
        said(form, job),
        rules=lambda spec: rules.change(job or BARE, spec, now),
        stand_ins=STAND_INS,
    )


def _keep_to_its_host(form: Form, job: Job) -> None:
    """Blame the headers where a stored one would go to a host that it was not given for."""
    given = forms.said(form)
    kept = [name for name, text in given.get("headers", {}).items() if text == headers.MASK]
    if kept and urls.origin(given.get("endpoint", "")) != urls.origin(job.endpoint):
        form.errors["headers"] = f"has {kept[0]}, which must be given again for another host"


def _named(error: TickdError) -> TickdError:
    """A name that is taken belongs beside the name; nothing else of a job is in conflict."""
    return Invalid("name", "is taken by another job") if isinstance(error, Conflict) else error


async def _aside(visit: Visit, form: Form, job: Job | None) -> web.Response:
    """The form again, with its preview or as a call of the API; nothing is saved."""
    if visit.text("do") != "request":
        return await _page(visit, form, job)
    path = "/v1/jobs" if job is None else f"/v1/jobs/{job.id}"
    method, body = ("POST" if job is None else "PATCH"), call(form, job)
    snippets = requests.snippets(method, visit.base_url + path, body)
    if visit.is_fragment:
        return visit.page("requests.html", snippets=snippets)
    return await _page(visit, form, job, snippets=snippets)


PAGES: Sequence[Page] = (
    Page("GET", "/jobs/preview", preview, "write"),
    Page("GET", "/jobs/new", new, "write"),
    Page("POST", "/jobs/new", create, "write"),
    Page("GET", "/jobs/{id}/edit", edit, "write"),
    Page("POST", "/jobs/{id}/edit", save, "write"),
)
