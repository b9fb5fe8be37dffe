"""The pages of a job: how it does, its runs, its ledger, and what can be done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

import msgspec
from aiohttp import web
from markupsafe import Markup
from msgspec import Struct

from tickd import ids
from tickd.domain import bars, cron, headers, overview
from tickd.domain.days import Day
from tickd.domain.executions import Execution, Fate
from tickd.domain.jobs import Job
from tickd.domain.plots import Range
from tickd.errors import NotFound
from tickd.services.jobs import LEDGER_DAYS
from tickd.web.pages import job_forms, site, subjects
from tickd.web.pages.visit import Page, Visit

LIMIT = 20
"""How many runs a page of them has."""

FILTERS: tuple[tuple[Fate | None, str], ...] = (
    (None, "All"),
    ("success", "Success"),
    ("failed", "Failed"),
    ("timeout", "Timed out"),
    ("missed", "Missed"),
    ("skipped", "Skipped"),
    ("running", "Running"),
    ("pending", "Pending"),
)
"""The states of runs that can be looked at alone."""
TRIGGERS = {"schedule": "Schedule", "manual": "By hand", "catch_up": "Caught up"}
"""How a run came to be."""
REPORTS = (
    ("It ended well", 'curl -X POST "$DONE_URL"'),
    ("It failed", 'curl -X POST "$DONE_URL/fail" --data "what went wrong"'),
    ("It ended with an exit status", './work; curl -X POST "$DONE_URL/$?"'),
    ("It goes on; keep its output", 'curl -X POST "$DONE_URL/log" --data-binary @work.log'),
)
"""What a job with callback sends to its done URL."""


class Wanted(Struct, kw_only=True):
    """What of a job's page is wanted; `part` is one of its live parts, for a script."""

    status: Fate | None = None
    offset: int = 0
    part: Literal["now", "runs", "rest"] = "now"


class WantedChart(Struct, kw_only=True):
    """How far back a chart looks."""

    range: Range = "24h"


class Run(NamedTuple):
    """A run as it is shown: its id, how it came to be, and how long it waited and took, in seconds."""

    id: str
    run: Execution
    trigger: str
    late: float | None
    lasted: float | None


def run_of(found: Execution) -> Run:
    """The run in words."""
    late = None if found.started_at is None else max(0, found.started_at - found.scheduled_at) / 1000
    begun = found.scheduled_at if found.started_at is None else found.started_at
    lasted = None if found.finished_at is None else max(0, found.finished_at - begun) / 1000
    return Run(ids.row_id("exec", found.row), found, TRIGGERS[found.trigger], late, lasted)


def share(days: Sequence[Day]) -> float | None:
    """How many percent of the runs of these days were good; None without a run."""
    total = sum(day.total for day in days)
    return 100 * sum(day.total - day.failed - day.missed for day in days) / total if total else None


# A job's page.


async def show(visit: Visit) -> web.StreamResponse:
    """`GET /jobs/{id}`, and its live parts"""
    wanted = visit.query(Wanted)
    job = await visit.services.jobs.get(visit.account_id, visit.path("id"))
    if visit.is_fragment and wanted.part == "runs":
        return visit.page("jobs/runs.html", job=job, **await _runs(visit, job, wanted))
    if visit.is_fragment and wanted.part == "rest":
        return visit.page("jobs/rest.html", job=job, **await subjects.incidents(visit, job.id))
    if visit.is_fragment:
        return visit.page("jobs/now.html", job=job, **await _now(visit, job))
    given = await _now(visit, job) | await _runs(visit, job, wanted) | await _still(visit, job)
    return visit.page("jobs/show.html", job=job, **given)


async def _now(visit: Visit, job: Job) -> dict[str, Any]:
    """How the job stands."""
    now = visit.services.jobs.now()
    days = (await visit.services.days.of("job", [job.row], bars.FULL_DAYS, now))[job.row]
    return {
        **subjects.stands(job.name, overview.of_job(job)),
        "words": cron.describe(job.schedule),
        "month": share(days[-30:]),
        "quarter": share(days),
        "bars": Markup(bars.full(days, job.name, tips=True)),  # noqa: S704 - drawn by us, escaped there
    }


async def _runs(visit: Visit, job: Job, wanted: Wanted) -> dict[str, Any]:
    """A page of the job's runs."""
    offset = max(0, min(wanted.offset, 1 << 53))
    found, total = await visit.services.jobs.executions(
        visit.account_id, job.id, status=wanted.status, limit=LIMIT, offset=offset
    )
    filtered = {} if wanted.status is None else {"status": wanted.status}
    here = f"/jobs/{job.id}"
    return {
        "runs": [run_of(one) for one in found],
        "total": total,
        "limit": LIMIT,
        "offset": offset,
        "chosen": wanted.status,
        "filters": [
            (f"{here}?status={state}#runs" if state else f"{here}#runs", word, state == wanted.status)
            for state, word in FILTERS
        ],
        "path": f"{here}?{urlencode(filtered)}{'&' if filtered else ''}",
        "live": f"{here}?{urlencode(filtered | {'part': 'runs', 'offset': offset})}",
    }


async def _still(visit: Visit, job: Job) -> dict[str, Any]:
    """What changes so seldom that it is not fetched again."""
    return {
        "ledger": await visit.services.jobs.accounting(job),
        "ledger_days": LEDGER_DAYS,
        **await subjects.incidents(visit, job.id),
        "channels": await subjects.channels(visit, job.channels),
        "requires": await asyncio.gather(*(subjects.other(visit, one) for one in job.requires)),
        "depends_on": await asyncio.gather(*(subjects.other(visit, one) for one in job.depends_on)),
        "headers": headers.masked(job.headers),
        "reports": REPORTS,
    }


async def chart(visit: Visit) -> web.StreamResponse:
    """`GET /jobs/{id}/chart`"""
    wanted = visit.query(WantedChart)
    plot = await visit.services.jobs.chart(visit.account_id, visit.path("id"), wanted.range)
    return site.send(visit.request, msgspec.json.encode(plot).decode(), kind="application/json")


async def run(visit: Visit) -> web.StreamResponse:
    """`GET /jobs/{id}/runs/{execution}`, and its details alone"""
    job = await visit.services.jobs.get(visit.account_id, visit.path("id"))
    found = await visit.services.jobs.execution(visit.account_id, visit.path("execution"))
    if found.job_row != job.row:
        raise NotFound(f"no execution {visit.path('execution')} of this job")
    return visit.page(
        "jobs/details.html" if visit.is_fragment else "jobs/run.html", job=job, one=run_of(found)
    )


# What is done with it.


async def start(visit: Visit) -> web.StreamResponse:
    """`POST /jobs/{id}/run`"""
    await visit.services.jobs.trigger(visit.account_id, visit.path("id"))
    return visit.go(f"/jobs/{visit.path('id')}", "The run has begun.")


async def pause(visit: Visit) -> web.StreamResponse:
    """`POST /jobs/{id}/pause`"""
    job = await visit.services.jobs.pause(visit.account_id, visit.path("id"))
    return visit.go(f"/jobs/{job.id}", f"{job.name} was paused.")


async def resume(visit: Visit) -> web.StreamResponse:
    """`POST /jobs/{id}/resume`"""
    job = await visit.services.jobs.resume(visit.account_id, visit.path("id"))
    return visit.go(f"/jobs/{job.id}", f"{job.name} was resumed.")


async def ask_delete(visit: Visit) -> web.StreamResponse:
    """`GET /jobs/{id}/delete`"""
    services, account = visit.services, visit.account_id
    job = await services.jobs.get(account, visit.path("id"))
    _, runs = await services.jobs.executions(account, job.id, status=None, limit=1, offset=0)
    filters: dict[str, str | None] = {"status": None, "kind": None, "subject": job.id}
    _, incidents = await services.incidents.page(account, filters, limit=1)
    return visit.page("jobs/delete.html", job=job, runs=runs, incidents=incidents)


async def delete(visit: Visit) -> web.StreamResponse:
    """`POST /jobs/{id}/delete`"""
    job = await visit.services.jobs.get(visit.account_id, visit.path("id"))
    await visit.services.jobs.delete(visit.account_id, job.id)
    return visit.go("/", f"{job.name} was deleted.")


_ONE = "/jobs/{id}"

PAGES = (
    *job_forms.PAGES,
    Page("GET", _ONE, show),
    Page("GET", f"{_ONE}/chart", chart),
    Page("GET", f"{_ONE}/runs/{{execution}}", run),
    Page("POST", f"{_ONE}/run", start, "write"),
    Page("POST", f"{_ONE}/pause", pause, "write"),
    Page("POST", f"{_ONE}/resume", resume, "write"),
    Page("GET", f"{_ONE}/delete", ask_delete, "write"),
    Page("POST", f"{_ONE}/delete", delete, "write"),
)
