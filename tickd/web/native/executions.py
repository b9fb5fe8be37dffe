"""Executions on the native face."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tickd import ids
from tickd.domain import times
from tickd.domain.executions import Execution, Fate
from tickd.errors import Invalid
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.routes import Call, Route


class ExecutionAnswer(Struct):
    """One run of a job: `error` says what went wrong, `reason` why it ran when and as it did, or did not."""

    id: str
    job_id: str
    status: Fate
    status_code: int | None
    duration_ms: int
    error: str
    scheduled_at: str
    started_at: str | None
    finished_at: str | None
    triggered_at: str
    trigger: Literal["schedule", "manual", "catch_up"]
    attempts: int
    response_body: str
    output: str
    reason: str


class ExecutionList(Struct):
    """A page of executions, newest first."""

    executions: list[ExecutionAnswer]
    limit: int
    offset: int
    total: int


class OfJob(Page, kw_only=True):
    """Which executions of a job are wanted."""

    status: Fate | None = None


class OfAnyJob(OfJob, kw_only=True):
    """Which executions of which job are wanted."""

    job_id: str


def answer(execution: Execution) -> ExecutionAnswer:
    """The execution as the native face shows it."""
    begun = execution.scheduled_at if execution.started_at is None else execution.started_at
    return ExecutionAnswer(
        id=ids.row_id("exec", execution.row),
        job_id=execution.job_id,
        status=execution.status,
        status_code=execution.status_code,
        duration_ms=execution.duration_ms,
        error=execution.error,
        scheduled_at=times.rfc3339(execution.scheduled_at),
        started_at=times.optional(execution.started_at),
        finished_at=times.optional(execution.finished_at),
        triggered_at=times.rfc3339(begun),
        trigger=execution.trigger,
        attempts=execution.attempts,
        response_body=execution.response_body,
        output=execution.output,
        reason=execution.reason,
    )


async def list_of_any_job(call: Call) -> Answer:
    """`GET /v1/executions?job_id=…`"""
    wanted = call.query(OfAnyJob)
    return await _page(call, wanted.job_id, wanted)


async def list_of_job(call: Call) -> Answer:
    """`GET /v1/jobs/{id}/executions`"""
    return await _page(call, call.path("id"), call.query(OfJob))


async def _page(call: Call, job_id: str, wanted: OfJob) -> Answer:
    limit, offset = wanted.clamped()
    found, total = await call.services.jobs.executions(
        call.account_id, job_id, status=wanted.status, limit=limit, offset=offset
    )
    return Answer(ExecutionList([answer(one) for one in found], limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/executions/{id}`"""
    return Answer(answer(await call.services.jobs.execution(call.account_id, call.path("id"))))


REPORT_BYTES = 100_000
"""The largest body of a report."""


class Reported(Struct):
    """A report was taken."""

    ok: bool = True


async def report(call: Call) -> Answer:
    """`GET` or `POST /x/{token}` and what may stand behind it: a run says that it ended, and how."""
    kind = call.request.match_info.get("kind", "")
    exit_status = {"": 0, "log": 0, "fail": 1}.get(kind)
    if exit_status is None:
        if not (kind.isascii() and kind.isdigit() and len(kind) <= 3 and int(kind) <= 255):
            raise Invalid("exit status", "must be between 0 and 255, or fail, or log")
        exit_status = int(kind)
    call.services.firing.check_token(call.path("token"))
    body = await call.raw(REPORT_BYTES)
    await call.services.firing.report(call.path("token"), kind, exit_status, body)
    return Answer(Reported())


ROUTES = (
    Route(
        "GET",
        "/v1/executions",
        list_of_any_job,
        "List a job's executions",
        {200: ExecutionList},
        query=OfAnyJob,
        errors=(400, 404),
    ),
    Route(
        "GET",
        "/v1/jobs/{id}/executions",
        list_of_job,
        "List a job's executions",
        {200: ExecutionList},
        query=OfJob,
        errors=(400, 404),
    ),
    Route("GET", "/v1/executions/{id}", get, "Get an execution", {200: ExecutionAnswer}, errors=(404,)),
    *(
        Route(method, path, report, summary, {200: Reported}, scope=None, errors=(400, 404, 409, 413))
        for method in ("GET", "POST")
        for path, summary in (
            ("/x/{token}", "Say that a run has ended well"),
            ("/x/{token}/{kind}", "Say that a run failed (fail), ended so (0 to 255), or goes on (log)"),
        )
    ),
)
