"""Jobs on the native face."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from tickd.domain import headers, times
from tickd.domain import jobs as rules
from tickd.domain.jobs import Job, JobChange, JobRegistration
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.routes import Call, Route


class LastRun(Struct):
    """How the job's latest run ended."""

    status: str
    finished_at: str


class JobAnswer(Struct):
    """A job as it stands; of its signing secret it says whether there is one."""

    id: str
    name: str
    description: str
    schedule: str
    timezone: str
    endpoint: str
    method: rules.Method
    headers: dict[str, str]
    body: str
    timeout_secs: int
    retries: int
    retry_on: list[rules.RetryOn]
    overlap: rules.Overlap
    catch_up: rules.CatchUp
    failure_threshold: int
    severity: rules.Severity
    channels: list[str]
    depends_on: list[str]
    tags: list[str]
    has_signing_secret: bool
    completion: rules.Completion
    max_runtime_secs: int
    requires: list[str]
    when_down: rules.WhenDown
    defer_max_secs: int
    status: rules.Status
    next_run_at: str | None
    last_run: LastRun | None
    consecutive_failures: int
    created_at: str
    updated_at: str


class JobList(Struct):
    """A page of jobs, by name."""

    jobs: list[JobAnswer]
    limit: int
    offset: int
    total: int


class Wanted(Page, kw_only=True):
    """Which jobs are wanted."""

    status: rules.Status | None = None
    tag: str | None = None


class Triggered(Struct):
    """A run was recorded and begins now."""

    message: str
    execution_id: str


class PreviewWanted(Struct, kw_only=True):
    """Which schedule is to be shown."""

    schedule: str
    timezone: str = "UTC"
    count: Annotated[int, Meta(ge=1, le=100)] = 5


class Preview(Struct):
    """A schedule in words, and its next occurrences."""

    description: str
    next: list[str]


_SAME = tuple(name for name in JobAnswer.__struct_fields__ if name in (*Job.__struct_fields__, "status"))


def answer(call: Call, job: Job) -> JobAnswer:
    """The job as the native face shows it to this caller."""
    values = {name: getattr(job, name) for name in _SAME}
    if not call.who.may("write"):
        hidden = {name: headers.MASK for name in job.headers if headers.is_secret(name)}
        values["headers"] = job.headers | hidden
    values["next_run_at"] = times.optional(job.next_run_at)
    values["created_at"] = times.rfc3339(job.created_at)
    values["updated_at"] = times.rfc3339(job.updated_at)
    last = None
    if job.last_status is not None and job.last_finished_at is not None:
        last = LastRun(job.last_status, times.rfc3339(job.last_finished_at))
    return JobAnswer(last_run=last, has_signing_secret=bool(job.signing_secret), **values)


async def register(call: Call) -> Answer:
    """`POST /v1/jobs`: 201 for a new job, 200 where the name existed."""
    job, is_new = await call.services.jobs.register(call.account_id, await call.body(JobRegistration))
    return Answer(answer(call, job), 201 if is_new else 200)


async def page(call: Call) -> Answer:
    """`GET /v1/jobs`"""
    wanted = call.query(Wanted)
    limit, offset = wanted.clamped()
    found, total = await call.services.jobs.page(
        call.account_id, status=wanted.status, tag=wanted.tag, limit=limit, offset=offset
    )
    return Answer(JobList([answer(call, job) for job in found], limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/jobs/{id}`"""
    return Answer(answer(call, await call.services.jobs.get(call.account_id, call.path("id"))))


async def change(call: Call) -> Answer:
    """`PUT` and `PATCH /v1/jobs/{id}`"""
    spec = await call.body(JobChange)
    return Answer(answer(call, await call.services.jobs.change(call.account_id, call.path("id"), spec)))


async def pause(call: Call) -> Answer:
    """`POST` and `PATCH /v1/jobs/{id}/pause`"""
    return Answer(answer(call, await call.services.jobs.pause(call.account_id, call.path("id"))))


async def resume(call: Call) -> Answer:
    """`POST` and `PATCH /v1/jobs/{id}/resume`"""
    return Answer(answer(call, await call.services.jobs.resume(call.account_id, call.path("id"))))


async def delete(call: Call) -> Answer:
    """`DELETE /v1/jobs/{id}`"""
    await call.services.jobs.delete(call.account_id, call.path("id"))
    return Answer(status=204)


async def trigger(call: Call) -> Answer:
    """`POST /v1/jobs/{id}/trigger` and `/run`"""
    execution_id = await call.services.jobs.trigger(call.account_id, call.path("id"))
    return Answer(Triggered("triggered", execution_id), 202)


async def preview(call: Call) -> Answer:
    """`GET /v1/schedules/preview`"""
    wanted = call.query(PreviewWanted)
    words, moments = call.services.jobs.preview(wanted.schedule, wanted.timezone, wanted.count)
    return Answer(Preview(words, [times.rfc3339(moment) for moment in moments]))


_ONE = "/v1/jobs/{id}"

ROUTES = (
    Route(
        "POST",
        "/v1/jobs",
        register,
        "Register a job, or change the one of that name",
        {200: JobAnswer, 201: JobAnswer},
        scope="write",
        request=JobRegistration,
        errors=(400, 402),
    ),
    Route("GET", "/v1/jobs", page, "List jobs", {200: JobList}, query=Wanted, errors=(400,)),
    Route("GET", _ONE, get, "Get a job", {200: JobAnswer}, errors=(404,)),
    *(
        Route(
            method,
            _ONE,
            change,
            "Change a job; fields left out keep their value",
            {200: JobAnswer},
            scope="write",
            request=JobChange,
            errors=(400, 402, 404, 409),
        )
        for method in ("PUT", "PATCH")
    ),
    Route("DELETE", _ONE, delete, "Delete a job", {204: None}, scope="write", errors=(404,)),
    *(
        Route(method, f"{_ONE}/{word}", handler, summary, {200: JobAnswer}, scope="write", errors=(404,))
        for word, handler, summary in (
            ("pause", pause, "Stop firing a job"),
            ("resume", resume, "Fire a paused job again"),
        )
        for method in ("POST", "PATCH")
    ),
    *(
        Route(
            "POST",
            f"{_ONE}/{word}",
            trigger,
            "Run a job now",
            {202: Triggered},
            scope="write",
            errors=(402, 404),
        )
        for word in ("trigger", "run")
    ),
    Route(
        "GET",
        "/v1/schedules/preview",
        preview,
        "Show a schedule in words and times",
        {200: Preview},
        query=PreviewWanted,
        errors=(400,),
    ),
)
