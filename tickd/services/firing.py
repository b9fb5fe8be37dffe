"""Firing: what is due is recorded, called, retried and finished; nothing is called unrecorded."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from tickd import ids, logs
from tickd.clock import Clock
from tickd.domain import executions as rules
from tickd.domain import jobs as job_rules
from tickd.domain import outputs, signing, times
from tickd.domain.accounts import SUSPENDED
from tickd.domain.executions import Outcome
from tickd.domain.histogram import Histogram
from tickd.domain.incidents import Cause, shown_body
from tickd.domain.jobs import Job, Occurrence, Plan
from tickd.errors import Invalid, NotFound
from tickd.outbound.http import HttpClient
from tickd.services import gates, ledger
from tickd.services.calling import Calling
from tickd.services.gates import Gates
from tickd.services.lane import Lane, Pace
from tickd.services.ledger import Run
from tickd.services.suspensions import Suspensions
from tickd.services.telling import Telling
from tickd.services.together import Together
from tickd.services.witness import Witness
from tickd.store import executions, jobs
from tickd.store.database import Database

T = TypeVar("T")

BATCH = 100
"""How many due jobs are planned in one go."""
HORIZON = 90 * times.DAY
"""Occurrences older than this are past their retention and get no row."""
REPLAN_BACK = 3 * times.HOUR
"""A clock set back by more than this is a correction, as for Debian's cron: plans start over."""
POISONED_FOR = times.HOUR
"""How long a job that can't be planned is left alone."""
OURS_MOST = 60
"""How often a call is tried again that this machine could not make (no descriptors, no memory)."""
OURS_PAUSE_SECS = 1.0

log = logging.getLogger("tickd.firing")


class Firing:
    """Calls jobs' endpoints: the cron loop's tick, triggers, retries, callbacks and restarts."""

    def __init__(
        self,
        db: Database,
        http: HttpClient,
        clock: Clock,
        lane: Lane,
        witness: Witness,
        telling: Telling,
        suspensions: Suspensions,
        *,
        secret: bytes,
        base_url: Callable[[], str],
        jitter: Callable[[], float],
    ) -> None:
        self._db = db
        self._clock = clock
        self._lane = lane
        self._witness = witness
        self._telling = telling
        self._suspensions = suspensions
        self._suspended: set[str] = set()
        suspensions.heard.append(self._accounts_turned)
        self._secret = secret
        self._calling = Calling(http, clock, secret=secret, base_url=base_url)
        self._gates = Gates(db, witness.why)
        self._jitter = jitter
        self._together = Together(db, clock)
        self._pace = Pace()
        self._known: set[int] = set()
        self._aside: set[asyncio.Task[None]] = set()
        self._back = 0
        self.lateness = Histogram((0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0))
        self.finished: Counter[str] = Counter()
        self.retries = 0
        self.wake: Callable[[], None] = lambda: None
        self.wake_deadlines: Callable[[], None] = lambda: None

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return self._lane.in_flight

    @property
    def waiting(self) -> int:
        """Runs that are recorded and wait for a free place."""
        return self._lane.waiting

    # What is due.

    async def tick(self, now: int) -> int | None:
        """Record what is due by `now` and hand it to the lane; when the next job is due (milliseconds)."""
        self._witness.look(now)
        if self._back:
            await self._replan(now)
        await self._skip_suspended(now)
        # What was deferred comes before what is due now: in their order.
        released, are_more = await self._gates.look(now)
        self.submit(released)
        due = await jobs.due(self._db, now, BATCH)
        planned, poisoned, occurrences = [], [], 0
        for job in due:
            try:
                plan = job_rules.due(job, now, horizon=now - HORIZON)
            except (Invalid, ValueError):
                log.exception("job can't be planned", extra=logs.fields(job=job.id))
                poisoned.append(job)
                continue
            planned.append((job, plan))
            occurrences += len(plan.occurrences)
            if len(planned) % 10 == 0 or occurrences > job_rules.SLICE:
                await asyncio.sleep(0)
            if occurrences > 2 * job_rules.SLICE:
                break

        def unit(tx: sqlite3.Connection) -> list[Run]:
            for job in poisoned:
                jobs.replan(tx, job, now + POISONED_FOR)
            return [run for job, plan in planned for run in self._record(tx, job, plan, now)]

        self._gates.deferring |= any(job.requires for job, _ in planned)
        if planned or poisoned:
            self.submit(await self._db.write(unit))
        following, until = await jobs.next_due(self._db)
        looks = now if are_more else self._gates.next_look(until, now)
        return min((moment for moment in (following, looks) if moment is not None), default=None)

    def gates_changed(self) -> None:
        """A monitor or heartbeat is well again, after the commit: what was deferred for it may begin."""
        if self._gates.deferring:
            self.wake()

    def record_due(self, tx: sqlite3.Connection, job: Job, now: int) -> list[Run]:
        """Record, inside a unit of the writer, what is due of one job; the runs to `submit` afterwards."""
        return self._record(tx, job, job_rules.due(job, now, horizon=now - HORIZON), now)

    def _record(self, tx: sqlite3.Connection, job: Job, plan: Plan, now: int) -> list[Run]:
        refusal = SUSPENDED if self._suspensions.has(job.account_id) else ""
        return ledger.record_due(tx, job, plan, now, self._witness.why, refusal)

    def edited(self, tx: sqlite3.Connection, before: Job, after: Job, now: int) -> list[Run]:
        """Look, inside the unit that edits a job, at what was deferred of it; the runs to `submit` then."""
        return gates.edited(tx, before, after, now, self._witness.why)

    def _accounts_turned(self, suspended: frozenset[str], _resumed: frozenset[str]) -> None:
        self._suspended |= suspended
        self.wake()

    async def _skip_suspended(self, now: int) -> None:
        """Skip what waits to begin in accounts that were suspended; what runs ends."""
        for account in tuple(self._suspended):
            if self._suspensions.has(account):
                await self._db.write(
                    partial(ledger.skip_waiting, account_id=account, words=SUSPENDED, now=now)
                )
            self._suspended.discard(account)

    def clock_went_back(self, milliseconds: int) -> None:
        """Note a step back; the next tick starts plans over when it was a correction."""
        self._back = max(self._back, milliseconds)
        self.wake()

    async def _replan(self, now: int) -> None:
        """After a large step back, plan from now on; recorded occurrences are never recorded twice."""
        back, self._back = self._back, 0
        if back <= REPLAN_BACK:
            return
        for job in await jobs.planned_after(self._db, now):
            sooner = job_rules.upcoming(job, now)
            if sooner != job.next_run_at:
                await self._db.write(lambda tx, job=job, at=sooner: jobs.replan(tx, job, at))  # type: ignore[misc]
        log.warning("plans begun anew after the clock was set back", extra=logs.fields(by_ms=back))

    async def trigger(self, account_id: str, job_id: str, now: int) -> str:
        """Run a job now, paused or not; the id of its execution."""

        def unit(tx: sqlite3.Connection) -> tuple[int, Run | None]:
            job = jobs.find(tx, account_id, job_id)
            if job is None:
                raise NotFound(f"no job {job_id}")
            manual = secrets.randbits(62) | 1
            row, run = ledger.admit(tx, job, Occurrence(now, "pending", "manual"), now, manual=manual)
            # Recorded before by another trigger of this millisecond that drew the same 62 bits.
            return executions.row_of_manual(tx, job.row, now, manual) if row is None else row, run

        row, run = await self._db.write(unit)
        if run is not None:
            self._submit(run)
        return ids.row_id("exec", row)

    # Calling.

    def submit(self, runs: Iterable[Run]) -> None:
        """Call recorded runs as soon as there is room; one that is known already is not called twice."""
        for run in runs:
            self._submit(run)

    def _submit(self, run: Run) -> None:
        if run.row in self._known:
            return
        self._known.add(run.row)
        host = run.job.endpoint.split("/", 3)[2]
        self._lane.submit(host, lambda: self._run(run))

    async def _run(self, run: Run) -> None:
        with logs.bound(job=run.job.id, execution=ids.row_id("exec", run.row)):
            await self._run_through(run)

    async def _run_through(self, run: Run) -> None:
        try:
            await self._attempt(run)
        except Exception:
            # Not a fault of the job: a row left open would hold its `overlap` until the next restart.
            log.exception("execution broke off", extra=logs.fields(job=run.job.id))
            await self.finish(run.row, Outcome("failed", "tickd could not run it; its log says why"))

    async def _attempt(self, run: Run) -> None:
        attempt = await self._together.write(lambda tx: executions.begin(tx, run.row, self._clock.now()))
        if attempt is None:
            self._known.discard(run.row)
            return
        # Many runs come back from one commit.
        await self._pace.turn()
        if attempt == 1 and run.trigger == "schedule" and not run.was_deferred:
            self.lateness.add((self._clock.now() - run.scheduled_at) / 1000)
        identifier, moment = ids.row_id("exec", run.row), times.rfc3339(run.scheduled_at)
        words = logs.fields(
            job=run.job.id,
            name=run.job.name,
            execution=identifier,
            attempt=attempt,
            trigger=run.trigger,
            scheduled_at=moment,
        )
        log.info("job fired", extra=words)
        outcome = await self._calling.call(run, identifier, moment, attempt)
        if outcome.ours and attempt <= OURS_MOST:
            log.error("job could not be called", extra=logs.fields(job=run.job.id, error=outcome.error))
            self._spawn(self._again(run, OURS_PAUSE_SECS, outcome))
        elif rules.wants_retry(run.job, attempt, outcome):
            self.retries += 1
            pause = rules.backoff_secs(attempt, self._jitter())
            log.info(
                "job will be tried again",
                extra=logs.fields(job=run.job.id, error=outcome.error, in_secs=round(pause, 1)),
            )
            self._spawn(self._again(run, pause, outcome))
        elif outcome.fate == "success" and run.job.completion == "callback":
            await self._accepted(run, outcome)
        else:
            await self.finish(run.row, outcome)

    async def _again(self, run: Run, pause: float, outcome: Outcome) -> None:
        await self._clock.sleep(pause)
        if self._suspensions.has(run.job.account_id):
            words = f"{outcome.error}; not tried again: {SUSPENDED}"
            await self.finish(run.row, replace(outcome, error=words))
            return
        self._known.discard(run.row)
        self._submit(run)

    # Finishing.

    async def _accepted(self, run: Run, outcome: Outcome) -> None:
        deadline = self._clock.now() + run.job.max_runtime_secs * times.SECOND
        await self._together.write(lambda tx: executions.accept(tx, run.row, outcome, deadline))
        self._known.discard(run.row)
        self.wake_deadlines()

    async def finish(self, row: int, outcome: Outcome) -> bool:
        """Record the end of a run and begin the one that waited for it; False when it had ended before."""
        now = self._clock.now()
        ended = await self._together.write(lambda tx: ledger.end(tx, row, outcome, now, self._flipped))
        self._known.discard(row)
        if ended is None:
            return False
        self.finished[outcome.fate] += 1
        await self._settled(row, ended, outcome)
        return True

    def _flipped(
        self, tx: sqlite3.Connection, job: int, flip: ledger.Flip, row: int, outcome: Outcome, now: int
    ) -> None:
        """What a job's flip opens or ends, in the transaction that records it."""
        if flip == "recovered":
            self._telling.recovered(tx, "job", job, now, now)
            return
        known = jobs.find_row(tx, job)
        failures = 1 if known is None else known.consecutive_failures
        first = executions.first_failure(tx, job, failures) or executions.find_row(tx, row)
        if first is None:
            return
        cause = Cause(
            error=first.error,
            at=first.finished_at or now,
            status_code=first.status_code,
            response_ms=float(first.duration_ms) if first.status_code is not None else None,
            body=shown_body(first.response_body or first.output),
            execution_id=ids.row_id("exec", first.row),
        )
        self._telling.failing(tx, "job", job, cause, now)

    async def _settled(self, row: int, ended: ledger.Ended, outcome: Outcome) -> None:
        if ended.flipped or outcome.fate != "success":
            _say(row, ended, outcome)
        if ended.flipped:
            self._telling.queued()
        waiting = [pending for pending in ended.pending if pending not in self._known]
        if waiting:
            await self._begin_waiting(waiting, ended.running + len(ended.pending) - len(waiting))

    async def _begin_waiting(self, waiting: list[int], under_way: int) -> None:
        """Begin what `overlap: queue` held back: the oldest one, when no run of its job is under way."""
        for row in waiting:
            execution = await executions.by_row(self._db, row)
            job = execution and await jobs.by_row(self._db, execution.job_row)
            if not execution or not job or (under_way and job.overlap == "queue"):
                return
            self._submit(Run(row, job, execution.scheduled_at, execution.trigger))
            under_way += 1

    def check_token(self, token: str) -> None:
        """NotFound when `token` is no run's; asked before a body is read."""
        if signing.run_of(self._secret, token) is None:
            raise NotFound("no execution has this token")

    async def report(self, token: str, kind: str, exit_status: int, body: bytes) -> None:
        """Take what a job says on its done URL: `kind` is `end` or `log`.

        NotFound when the token is no good, Conflict when the execution has ended.
        """
        row = signing.run_of(self._secret, token)
        execution = None if row is None else await executions.by_row(self._db, row)
        if row is None or execution is None:
            raise NotFound("no execution has this token")
        output = outputs.kept(body)
        now = self._clock.now()

        def unit(tx: sqlite3.Connection) -> tuple[Outcome, ledger.Ended] | None:
            return ledger.take_report(tx, row, kind == "log", exit_status, output, now, self._flipped)

        taken = await self._db.write(unit)
        if taken is not None:
            outcome, ended = taken
            self.finished[outcome.fate] += 1
            await self._settled(row, ended, outcome)

    async def expire(self, now: int) -> int | None:
        """End runs whose callback is overdue; when the next one is (milliseconds)."""
        for row, deadline in await executions.deadlines(self._db, BATCH):
            if deadline > now:
                return deadline
            execution = await executions.by_row(self._db, row)
            job = execution and await jobs.by_row(self._db, execution.job_row)
            if job:
                await self.finish(row, rules.overran(job.max_runtime_secs))
        following = await executions.deadlines(self._db, 1)
        return following[0][1] if following else None

    # Start and stop.

    async def recover(self, now: int) -> None:
        """Take up what an earlier life of the daemon left open."""
        await self._skip_suspended(now)
        last = 0
        while found := await executions.open_after(self._db, last, BATCH):
            last = found[-1].row
            batch = [execution for execution in found if execution.row not in self._known]

            def unit(tx: sqlite3.Connection, batch: list[rules.Execution] = batch) -> list[Run]:
                why = self._witness.why
                taken = (ledger.resume_open(tx, execution, now, why) for execution in batch)
                return [run for run in taken if run is not None and not self._refuses(tx, run, now)]

            for run in await self._db.write(unit):
                log.warning(
                    "execution taken up again",
                    extra=logs.fields(job=run.job.id, execution=ids.row_id("exec", run.row)),
                )
                self._submit(run)

    def _refuses(self, tx: sqlite3.Connection, run: Run, now: int) -> bool:
        """Whether a run that was interrupted is not begun again, because its account is suspended."""
        refuses = self._suspensions.has(run.job.account_id)
        if refuses:
            executions.close(tx, run.row, "skipped", SUSPENDED, now)
        return refuses

    async def stop(self, grace_secs: float) -> None:
        """Begin nothing more and give running calls `grace_secs`; the next start takes up what is left."""
        await self._drop_aside()
        await self._lane.stop(grace_secs)
        # A call that failed meanwhile has put itself aside to be tried again.
        await self._drop_aside()
        await self._together.stop()
        cut_off = sorted(self._known)
        words = f"cut off at shutdown, after a grace of {grace_secs:g} s"
        await self._db.write(lambda tx: executions.note_cut_off(tx, cut_off, words))

    async def _drop_aside(self) -> None:
        for task in self._aside:
            task.cancel()
        await asyncio.gather(*self._aside, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)


def _say(row: int, ended: ledger.Ended, outcome: Outcome) -> None:
    words = logs.fields(
        job=ended.job,
        name=ended.name,
        execution=ids.row_id("exec", row),
        status=outcome.fate,
        error=outcome.error,
        duration_ms=outcome.duration_ms,
        failures=ended.consecutive_failures,
    )
    if outcome.fate != "success":
        log.warning("job run failed", extra=words)
    if ended.flipped == "failing":
        log.error("job is failing", extra=words)
    elif ended.flipped == "recovered":
        log.info("job recovered", extra=words)
