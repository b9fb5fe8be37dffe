"""The ledger's transactions: what is due gets its row, what has ended gets its fate.

These functions run inside a unit of the writer; they read and write, and decide nothing themselves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tickd.domain import executions as rules
from tickd.domain import gates as gate_rules
from tickd.domain import times
from tickd.domain.executions import Execution, Outcome
from tickd.domain.gates import Target
from tickd.domain.jobs import Job, Occurrence, Plan
from tickd.errors import Conflict
from tickd.services import limits
from tickd.store import executions, gates, jobs
from tickd.store.gates import Deferred

Why = Callable[[int], str]
"""Says why an occurrence at that moment (milliseconds) did not run on time."""
Flip = Literal["failing", "recovered"]
Tell = Callable[[sqlite3.Connection, int, Flip, int, Outcome, int], None]
"""Told in the same transaction that a job has flipped: its row, the flip, the run's row, its outcome, now."""


@dataclass(frozen=True, slots=True)
class Run:
    """An execution that is to be called, with its job as it stood then."""

    row: int
    job: Job
    scheduled_at: int
    trigger: str
    was_deferred: bool = False


Recorded = tuple[int | None, Run | None]
"""The row of an occurrence, None where it was recorded before, and its run where it is to be called now."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What the end of a run changed, and what is still open of the job."""

    job: str
    name: str
    flipped: Flip | None
    consecutive_failures: int
    pending: tuple[int, ...] = ()
    running: int = 0


def record_due(
    tx: sqlite3.Connection, job: Job, plan: Plan, now: int, why: Why, refusal: str = ""
) -> list[Run]:
    """Give each occurrence of `plan` its row and move the job's plan on; the runs to be called.

    With a `refusal`, which says why, what is due is skipped.

    Nothing happens when the job's plan is no longer the one that `plan` was made of.
    """
    count = len(plan.occurrences)
    if not jobs.advance(tx, job, plan.next_run_at, count):
        return []
    released: list[Run] = []
    down: list[Target] = []
    if job.requires:
        # As it is now: an edit may have come in between. What was deferred goes before what is due.
        job = jobs.find_row(tx, job.row) or job
        released = look(tx, job, now, why)
        down = gates.down(tx, job.account_id, job.requires)
    recorded = [_record(tx, job, occurrence, now, why, down, refusal) for occurrence in plan.occurrences]
    if down:
        thin(tx, job, now)
    if any(row is None for row, _ in recorded):
        # An occurrence that has its row already (the clock stepped back) is accounted for by that row.
        found = executions.count_occurrences(tx, job.row, [one.at for one in plan.occurrences])
        jobs.miss(tx, job, count - found)
    return released + [run for _, run in recorded if run is not None]


def _record(
    tx: sqlite3.Connection,
    job: Job,
    occurrence: Occurrence,
    now: int,
    why: Why,
    down: Sequence[Target],
    refusal: str,
) -> Recorded:
    if occurrence.fate == "missed":
        return executions.insert(tx, job, occurrence, error=why(occurrence.at), finished_at=now), None
    if refusal:
        return executions.insert(tx, job, occurrence, status="skipped", error=refusal, finished_at=now), None
    reason = f"caught up: {why(occurrence.at)}" if occurrence.trigger == "catch_up" else ""
    if down:
        return _gate(tx, job, occurrence, now, reason, down)
    return admit(tx, job, occurrence, now, reason=reason)


def _gate(
    tx: sqlite3.Connection, job: Job, occurrence: Occurrence, now: int, reason: str, down: Sequence[Target]
) -> Recorded:
    """Record an occurrence that is to run while something that its job requires is down."""
    until = gate_rules.until(job, occurrence.at, now, occurrence.trigger)
    verdict = gate_rules.fate(job, until, True, now)
    if verdict == "fire":
        return admit(tx, job, occurrence, now, reason=gate_rules.joined(reason, gate_rules.fired(down)))
    if verdict == "defer":
        row = executions.insert(tx, job, occurrence)
        if row is not None:
            gates.defer(tx, row, gate_rules.joined(reason, gate_rules.deferred(down)), until, down)
        return row, None
    words = gate_rules.skipped(down) if verdict == "skip" else gate_rules.gave_up(down, job)
    reason = gate_rules.joined(reason, words)
    insert = executions.insert
    return insert(tx, job, occurrence, status="skipped", error=words, reason=reason, finished_at=now), None


def thin(tx: sqlite3.Connection, job: Job, now: int) -> list[Deferred]:
    """The job's deferred executions, oldest first: only the latest wait on, the others are skipped."""
    waiting = gates.of_job(tx, job.row)
    most = gate_rules.kept(job.catch_up)
    for one in waiting[:-most]:
        skip(tx, one, gate_rules.thinned(job.catch_up), now)
    return waiting[-most:]


def look(tx: sqlite3.Connection, job: Job, now: int, why: Why) -> list[Run]:
    """Look at a job's deferred executions as the job is now; the runs to be called."""
    waiting = thin(tx, job, now)
    if not waiting:
        return []
    down = gates.down(tx, job.account_id, job.requires)
    looked = [_look(tx, job, one, down, now, why) for one in waiting]
    return [run for run in looked if run is not None]


def _look(
    tx: sqlite3.Connection, job: Job, one: Deferred, down: Sequence[Target], now: int, why: Why
) -> Run | None:
    verdict = gate_rules.fate(job, one.until, bool(down), now)
    before = gate_rules.before(one.trigger, one.reason)
    if verdict == "defer":
        if [target.id for target in down] != one.targets:
            gates.defer(tx, one.row, gate_rules.joined(before, gate_rules.deferred(down)), one.until, down)
    elif verdict == "fire":
        since = one.until - job.defer_max_secs * times.SECOND
        waited = gate_rules.waited(gates.named(tx, one.targets), now - since)
        although = gate_rules.fired(down) if down else ""
        return _go(tx, job, one, gate_rules.joined(before, waited, although), now)
    elif verdict == "miss":
        gates.close(tx, one.row, "missed", why(one.until), one.reason, now)
    else:
        skip(tx, one, gate_rules.skipped(down) if verdict == "skip" else gate_rules.gave_up(down, job), now)
    return None


def _go(tx: sqlite3.Connection, job: Job, one: Deferred, reason: str, now: int) -> Run | None:
    """Let a deferred execution run as its job's `overlap` has it; None when it does not run now."""
    verdict, words = turn(tx, job)
    if verdict != "skip" and not limits.execution(tx, job.account_id, now):
        verdict, words = "skip", limits.runs_used_up(tx, job.account_id).message
    if verdict == "skip":
        gates.close(tx, one.row, "skipped", words, reason, now)
        return None
    gates.release(tx, one.row, gate_rules.joined(reason, words))
    if verdict == "wait":
        return None
    return Run(one.row, job, one.scheduled_at, one.trigger, was_deferred=True)


def skip(tx: sqlite3.Connection, one: Deferred, words: str, now: int) -> None:
    """End a deferred execution without a call; `words` say why."""
    reason = gate_rules.joined(gate_rules.before(one.trigger, one.reason), words)
    gates.close(tx, one.row, "skipped", words, reason, now)


def skip_waiting(tx: sqlite3.Connection, account_id: str, words: str, now: int) -> None:
    """End all runs of an account that have not begun; those counted this month are given back to it."""
    counted = executions.waiting(tx, account_id, times.month_start(now))
    limits.give_back_executions(tx, account_id, counted, now)
    executions.skip_waiting(tx, account_id, words, now)


def admit(
    tx: sqlite3.Connection, job: Job, occurrence: Occurrence, now: int, *, reason: str = "", manual: int = 0
) -> Recorded:
    """Record an occurrence that is to run, as its job's `overlap` and its account's limit have it.

    A run by hand that the limit has no room for is not recorded: LimitReached.
    """
    verdict, words = turn(tx, job)
    if verdict != "skip" and not limits.execution(tx, job.account_id, now):
        refused = limits.runs_used_up(tx, job.account_id)
        if manual:
            raise refused
        verdict, words = "skip", refused.message
    insert = executions.insert
    if verdict == "skip":
        row = insert(tx, job, occurrence, status="skipped", error=words, finished_at=now, manual=manual)
        return row, None
    reason = gate_rules.joined(reason, words) if verdict == "wait" else reason
    row = insert(tx, job, occurrence, reason=reason, manual=manual)
    if row is None:
        limits.give_back_executions(tx, job.account_id, 1, now)
    if row is None or verdict == "wait":
        return row, None
    return row, Run(row, job, occurrence.at, occurrence.trigger)


def turn(tx: sqlite3.Connection, job: Job) -> tuple[Literal["run", "wait", "skip"], str]:
    """What one more run of the job does now, as its `overlap` has it, and why it does not run."""
    if job.overlap == "allow":
        return "run", ""
    verdict = rules.admit(job.overlap, len(executions.open_rows(tx, job.row)))
    if verdict == "run":
        return verdict, ""
    if verdict == "wait":
        return verdict, "waits for the run before it (overlap: queue)"
    if job.overlap == "queue":
        return verdict, f"{rules.QUEUE_MOST} runs were waiting already (overlap: queue)"
    return verdict, "the run before it had not ended (overlap: skip)"


def end(tx: sqlite3.Connection, row: int, outcome: Outcome, now: int, tell: Tell) -> Ended | None:
    """Finish an execution and settle its job; None when it had ended before."""
    job_row = executions.end(tx, row, outcome, now)
    if job_row is None:
        return None
    if outcome.fate == "success":
        # Nearly always nothing flips: one statement instead of two.
        steady = jobs.stay_well(tx, job_row, now)
        if steady is not None and not steady.open:
            return Ended(steady.id, steady.name, None, 0)
    known = jobs.standing(tx, job_row)
    if known is None:
        return Ended("", "", None, 0)
    after = rules.standing(
        outcome.fate, failures=known.failures, failing=bool(known.failing), threshold=known.threshold
    )
    jobs.set_standing(
        tx,
        job_row,
        failures=after.consecutive_failures,
        failing=after.failing,
        status=outcome.fate,
        finished_at=now,
    )
    if after.flipped is not None:
        tell(tx, job_row, after.flipped, row, outcome, now)
    still_open = executions.open_rows(tx, job_row) if known.open else []
    pending = tuple(one.row for one in still_open if one.status == "pending")
    running = len(still_open) - len(pending)
    return Ended(known.id, known.name, after.flipped, after.consecutive_failures, pending, running)


def take_report(
    tx: sqlite3.Connection, row: int, only_log: bool, exit_status: int, output: str, now: int, tell: Tell
) -> tuple[Outcome, Ended] | None:
    """Keep what a run says of itself and, unless it is only a log, end it; Conflict when it has ended."""
    execution = executions.find_row(tx, row)
    if execution is None or execution.status not in rules.OPEN:
        raise Conflict("this execution has ended")
    if output:
        executions.report(tx, row, output)
    if only_log:
        return None
    begun = now if execution.started_at is None else execution.started_at
    outcome = rules.ended_by_callback(exit_status, now - begun)
    ended = end(tx, row, outcome, now, tell)
    return None if ended is None else (outcome, ended)


def resume_open(tx: sqlite3.Connection, execution: Execution, now: int, why: Why) -> Run | None:
    """Do with an execution that a start finds open what its state asks for; a Run when it is to be called."""
    job = jobs.find_row(tx, execution.job_row)
    if job is None:
        return None
    verdict = rules.after_restart(execution, job.catch_up, now)
    if verdict == "keep" and execution.deadline_at is not None:
        # Nobody could report to a daemon that was away: that time is not held against the run.
        executions.extend(tx, execution.row, max(execution.deadline_at, now + rules.AFTER_AWAY))
    if verdict == "miss":
        executions.close(tx, execution.row, "missed", why(execution.scheduled_at), now)
    elif verdict == "close":
        # Not the job's failure: nobody knows how that run ended, so its standing stays.
        executions.close(tx, execution.row, "failed", rules.INTERRUPTED, now)
    elif verdict == "again":
        executions.reopen(tx, execution.row, f"{rules.INTERRUPTED}; begun again")
    if verdict not in ("run", "again"):
        return None
    # One that was deferred is older than a run that was accepted meanwhile, and waits for it all the same.
    others = (one for one in executions.open_rows(tx, job.row) if one.row != execution.row)
    if job.overlap == "queue" and any(one.row < execution.row or one.deadline_at for one in others):
        return None
    return Run(execution.row, job, execution.scheduled_at, execution.trigger)
