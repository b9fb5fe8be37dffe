"""Executions: what becomes of one occurrence of a job, from recorded to finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from tickd.domain import jobs, times

Fate = Literal["pending", "running", "success", "failed", "timeout", "missed", "skipped"]

OPEN: tuple[Fate, ...] = ("pending", "running")
"""The states of an execution that has not ended."""
QUEUE_MOST = 100
"""How many runs of one job wait at most with `overlap: queue`."""
RETRY_CAP_SECS = 60.0
"""The longest pause before a retry."""
REDELIVERIES_MOST = 3
"""How often an execution that restarts interrupt is begun again."""
AFTER_AWAY = times.MINUTE
"""How long a run that was accepted may still report after the daemon was away, in milliseconds."""
INTERRUPTED = "interrupted by restart"
"""What the ledger says of a run that the daemon's end cut off."""
REASON_LETTERS = 100
"""How much of a status line's reason is shown."""
BODY_LETTERS = 2_048
"""How much of a response body is kept, in characters."""


class Execution(Struct, frozen=True, kw_only=True):
    """One run of a job, as it stands; `row` is its key in the store, times are milliseconds.

    `deferred_until` is set while it waits for what its job requires.
    """

    row: int
    job_row: int
    job_id: str
    scheduled_at: int
    trigger: jobs.Trigger
    status: Fate
    status_code: int | None = None
    duration_ms: int = 0
    error: str = ""
    reason: str = ""
    started_at: int | None = None
    finished_at: int | None = None
    deadline_at: int | None = None
    attempts: int = 0
    interruptions: int = 0
    response_body: str = ""
    output: str = ""
    deferred_until: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt or a whole run ended; `duration_ms` is the wall time of the HTTP call."""

    fate: Literal["success", "failed", "timeout"]
    error: str = ""
    status_code: int | None = None
    duration_ms: int = 0
    response_body: str = ""
    retry_on: jobs.RetryOn | None = None
    """Which word of a job's `retry_on` it falls under; None where no retry can help."""
    ours: bool = False
    """Whether the fault is this machine's, and nothing was called."""


def answered(status_code: int, reason: str, duration_ms: int, body: bytes) -> Outcome:
    """The outcome of an attempt that got a response: 2xx is success, a redirect is not followed."""
    kept = body[: 4 * BODY_LETTERS].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    kept = kept[:BODY_LETTERS]
    if 200 <= status_code < 300:
        return Outcome("success", "", status_code, duration_ms, kept)
    shown = "".join(letter for letter in reason[:REASON_LETTERS] if letter.isprintable())
    words = f"the endpoint answered {status_code} {shown}".rstrip()
    if 300 <= status_code < 400:
        words += "; redirects are not followed"
    return Outcome("failed", words, status_code, duration_ms, kept, "status")


def wants_retry(job: jobs.Job, attempt: int, outcome: Outcome) -> bool:
    """Whether attempt number `attempt` (from 1), which ended so, is followed by another."""
    return attempt <= job.retries and outcome.retry_on in job.retry_on


def backoff_secs(attempt: int, jitter: float) -> float:
    """The pause after attempt `attempt`: full jitter over 1, 2, 4 … 60 s; `jitter` is in [0, 1)."""
    return float(jitter * min(RETRY_CAP_SECS, 2.0 ** (attempt - 1)))


def admit(overlap: jobs.Overlap, open_runs: int) -> Literal["run", "wait", "skip"]:
    """What a new run does while `open_runs` earlier ones of its job have not ended."""
    if overlap == "allow" or open_runs == 0:
        return "run"
    if overlap == "queue" and open_runs <= QUEUE_MOST:
        return "wait"
    return "skip"


@dataclass(frozen=True, slots=True)
class Standing:
    """A job's failures in a row, and what the latest run made of them."""

    consecutive_failures: int
    failing: bool
    flipped: Literal["failing", "recovered"] | None


def standing(fate: str, *, failures: int, failing: bool, threshold: int) -> Standing:
    """The job's standing after a run: success recovers, the threshold's failure in a row fails."""
    if fate == "success":
        return Standing(0, False, "recovered" if failing else None)
    failures += 1
    fails = failing or failures >= threshold
    return Standing(failures, fails, "failing" if fails and not failing else None)


def after_restart(
    execution: Execution, catch_up: jobs.CatchUp, now: int
) -> Literal["run", "miss", "again", "close", "keep"]:
    """What a start does with an execution that it finds open.

    A deferred one waits on. Another pending one was never called: it runs, unless it is late and its job
    catches nothing up. A running one may have been called: it is closed, and begun again where the job
    catches up. One that was accepted waits on for its callback.
    """
    if execution.deferred_until is not None:
        return "keep"
    if execution.status == "running" and execution.deadline_at is not None:
        return "keep"
    catches_up = catch_up != "none" or execution.trigger == "manual"
    if execution.status == "pending":
        fresh = now - execution.scheduled_at < jobs.FRESH
        return "run" if catches_up or fresh else "miss"
    return "again" if catch_up != "none" and execution.interruptions < REDELIVERIES_MOST else "close"


def ended_by_callback(exit_status: int, duration_ms: int) -> Outcome:
    """The outcome that a job reports of itself, `duration_ms` after it began; 0 is success."""
    if exit_status == 0:
        return Outcome("success", duration_ms=duration_ms)
    return Outcome("failed", f"the job reported exit status {exit_status}", duration_ms=duration_ms)


def overran(max_runtime_secs: int) -> Outcome:
    """The outcome of a run that was accepted and never said that it ended."""
    limit = max_runtime_secs * times.SECOND
    return Outcome("timeout", f"not reported done within {times.span(limit)}", duration_ms=limit)
