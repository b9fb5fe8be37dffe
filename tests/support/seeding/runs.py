"""Ninety days of executions and pings, as schedules and rhythms would have brought them."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from tests.support.seeding.subjects import misses
from tickd.domain import cron, expiry, times
from tickd.domain.expiry import Rhythm, Standing
from tickd.domain.heartbeats import Heartbeat, seconds_of
from tickd.domain.jobs import Job

_EXECUTION = (
    "INSERT INTO executions (job, scheduled_at, trigger, status, status_code, duration_ms, error, reason, "
    "started_at, finished_at, attempts, response_body, output) "
    "VALUES (?, ?, 'schedule', ?, ?, ?, ?, ?, ?, ?, ?, ?, '')"
)
_COUNTS = "UPDATE jobs SET scheduled_count = ?, accounted_count = ? WHERE row = ?"
_EVENT = (
    "INSERT INTO heartbeat_events (heartbeat, at, received_at, kind, accepted, degraded, repaired, "
    "exit_status, duration_ms, rid, source_ip, user_agent, message, metrics, flip) "
    "VALUES (?, ?, ?, ?, 1, ?, 0, ?, ?, ?, ?, ?, ?, NULL, ?)"
)
_TOTALS = "UPDATE heartbeats SET checks_total = ?, checks_failed = ? WHERE row = ?"
_CURL = "curl/8.9.1"
LATE = 900
"""How late a job's call begins, at most, in milliseconds."""
OFTEN = 2.5
"""How often a job or a heartbeat fails in the whole time, about."""


class Failed(NamedTuple):
    """A stretch of failures of a job or a heartbeat, milliseconds; `until` is None while it lasts."""

    row: int
    since: int
    until: int | None
    error: str
    status_code: int | None


def executions(
    db: sqlite3.Connection, jobs: list[Job], *, since: int, now: int, some: random.Random
) -> tuple[int, list[Failed]]:
    """The ledger of these jobs; how many rows, and their failures that ended."""
    count, failures = 0, list[Failed]()
    for job in jobs:
        usual = some.choice((180, 420, 950, 2_400, 8_800, 41_000))
        end = job.updated_at if job.paused else now
        rows = list(_runs(job, usual, since, end, some))
        db.executemany(_EXECUTION, rows)
        db.execute(_COUNTS, (len(rows), len(rows), job.row))
        count += len(rows)
        failures += _failures(job.row, rows)
    return count, failures


def _runs(job: Job, usual: int, since: int, until: int, some: random.Random) -> Iterator[tuple[object, ...]]:
    moments = list(cron.occurrences(job.schedule, job.timezone, max(since, job.created_at), until))
    bad = {len(moments) - 1 - number for number in range(job.consecutive_failures)}
    often = min(0.02, OFTEN / max(1, len(moments)))
    for number, at in enumerate(moments):
        took = int(usual * some.lognormvariate(0, 0.25))
        began = at + some.randrange(40, LATE)
        if number in bad or (number < len(moments) - 3 and some.random() < often):
            yield _failed_run(job, at, began, took, some)
        elif some.random() < often / 4:
            error = "skipped because the run before it had not ended"
            yield (job.row, at, "skipped", None, 0, error, "", None, at, 0, "")
        else:
            body = f'{{"ok": true, "handled": {some.randrange(4, 9_000)}}}'
            yield (job.row, at, "success", 200, took, "", "", began, began + took, 1, body)


def _failed_run(job: Job, at: int, began: int, took: int, some: random.Random) -> tuple[object, ...]:
    if some.random() < 0.25:
        took = job.timeout_secs * times.SECOND
        error = f"no answer within {job.timeout_secs} s"
        return (job.row, at, "timeout", None, took, error, "", began, began + took, 3, "")
    body = '{"error": "could not connect to primary: too many clients"}'
    error = "the endpoint answered 500 Internal Server Error"
    return (job.row, at, "failed", 500, took, error, "", began, began + took, 1, body)


def _failures(row: int, runs: list[tuple[object, ...]]) -> Iterator[Failed]:
    began: tuple[object, ...] | None = None
    for run in runs:
        status, finished = run[2], run[8]
        if status in ("failed", "timeout") and began is None:
            began = run
        elif status == "success" and began is not None:
            yield Failed(row, int(began[8]), int(finished), str(began[5]), began[3])  # type: ignore[arg-type,call-overload]
            began = None


def pings(
    db: sqlite3.Connection, heartbeats: list[Heartbeat], *, since: int, now: int, some: random.Random
) -> tuple[int, list[Failed]]:
    """The history of these heartbeats; how many rows, and their silences that ended."""
    count, failures = 0, list[Failed]()
    for number, heartbeat in enumerate(heartbeats):
        address = f"10.20.{number // 200}.{number % 200 + 4}"
        rows = list(_events(heartbeat, address, since, now, some))
        db.executemany(_EVENT, rows)
        bad = sum(row[3] in ("missed", "fail") for row in rows)
        db.execute(_TOTALS, (len(rows), bad, heartbeat.row))
        count += len(rows)
        failures += _silences(heartbeat.row, rows)
    return count, failures


def moments_of(rhythm: Rhythm, since: int, until: int) -> Iterator[int]:
    """When pings of that rhythm are expected."""
    if rhythm.schedule:
        yield from cron.occurrences(rhythm.schedule, rhythm.timezone, since, until)
        return
    step = rhythm.interval_secs * times.SECOND
    yield from range(since + step, until, step)


def _events(
    heartbeat: Heartbeat, address: str, since: int, now: int, some: random.Random
) -> Iterator[tuple[object, ...]]:
    last = heartbeat.standing.last_pinged_at
    if last is None:
        return
    usual = some.choice((900, 4_200, 18_000, 95_000))
    grace = heartbeat.grace_secs * times.SECOND
    begin = max(since, heartbeat.created_at)
    if not heartbeat.rhythm.schedule:
        step = seconds_of(heartbeat.schedule) or heartbeat.interval_secs
        begin += (last - begin) % (step * times.SECOND)
    flip: str | None = None
    moments = list(moments_of(heartbeat.rhythm, begin - 1, last - times.SECOND))
    often = min(0.02, OFTEN / max(1, len(moments)))
    for at in moments:
        took = int(usual * some.lognormvariate(0, 0.3))
        if at < last - 2 * times.DAY and some.random() < often:
            words = silence(heartbeat, at)
            yield _event(heartbeat.row, at + grace, "missed", None, "", "", "", words, "failing")
            flip = "recovered"
            continue
        came = at + some.randrange(200, 9_000)
        yield _event(heartbeat.row, came, "success", took, address, _CURL, "", "", flip)
        flip = None
    yield _event(heartbeat.row, last, "success", usual, address, _CURL, "", "", flip)
    flip = "failing"
    for at in misses(heartbeat, expiry.pinged(heartbeat.rhythm, Standing(), "success", last)[0], now):
        words = silence(heartbeat, at - grace)
        yield _event(heartbeat.row, at, "missed", None, "", "", "", words, flip)
        flip = None


def silence(heartbeat: Heartbeat, expected: int) -> str:
    """What tickd writes of a ping that did not come."""
    grace = times.span(heartbeat.grace_secs * times.SECOND)
    return f"no ping: expected at {times.rfc3339(expected)}, with a grace of {grace}"


def _event(
    row: int,
    at: int,
    kind: str,
    took: int | None,
    address: str,
    agent: str,
    rid: str,
    message: str,
    flip: str | None,
) -> tuple[object, ...]:
    status = 0 if kind == "success" else None
    return (row, at, at, kind, 0, status, took, rid, address, agent, message, flip)


def _silences(row: int, events: list[tuple[object, ...]]) -> Iterator[Failed]:
    began: tuple[object, ...] | None = None
    for event in events:
        if event[3] == "missed" and began is None:
            began = event
        elif event[3] == "success" and began is not None:
            yield Failed(row, int(began[1]), int(event[1]), str(began[10]), None)  # type: ignore[call-overload]
            began = None
