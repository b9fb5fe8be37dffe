"""Jobs: register, change, pause, list and delete; their executions as they are read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from tickd import ids
from tickd.clock import Clock
from tickd.domain import cron, cron_effects, durations, times
from tickd.domain import jobs as rules
from tickd.domain.cron_effects import Effect
from tickd.domain.executions import Execution
from tickd.domain.jobs import Job, JobChange, JobRegistration
from tickd.domain.plots import Plot, Range
from tickd.errors import Conflict, NotFound
from tickd.services import ledger, limits, shading
from tickd.services.accounts import graded
from tickd.services.firing import Firing
from tickd.services.telling import Telling
from tickd.services.upkeep import Upkeep
from tickd.store import executions, jobs
from tickd.store.database import Database
from tickd.store.executions import Uncalled

__all__ = ["Accounting", "Foreseen", "Jobs", "Uncalled"]

FORESEEN = 5
"""How many coming runs are shown of a schedule."""
SCHEDULES_MOST = 500
"""How many different schedules are looked at for those that fire in the same minute: 5 ms."""
LEDGER_DAYS = 90
REASONS_MOST = 10
REASON_DAYS = 30
"""Of how many days with missed or skipped occurrences the reasons are read; the latest ones."""


@dataclass(frozen=True, slots=True)
class Accounting:
    """A job's ledger: how many occurrences its schedule has had, and how many have their row.

    `ended` counts the runs of the last `LEDGER_DAYS` days by their fate, those started by hand included;
    `uncalled` says why some of them were missed or skipped.
    """

    scheduled: int
    accounted: int
    ended: dict[str, int]
    uncalled: list[Uncalled]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a schedule means: words, coming runs, what clock changes do to it within a year, and its company.

    `shared` is how many other jobs fire in the minute of its next run; `busiest` the minute of the next
    24 hours in which most jobs have their next run, and how many those are.
    """

    words: str
    runs: list[int]
    effects: list[Effect]
    shared: int
    busiest: tuple[int, int] | None


class Jobs:
    """The use cases of jobs; every face calls these."""

    def __init__(self, db: Database, clock: Clock, firing: Firing, upkeep: Upkeep, telling: Telling) -> None:
        self._db = db
        self._telling = telling
        self._clock = clock
        self._firing = firing
        self._upkeep = upkeep

    async def register(self, account_id: str, spec: JobRegistration) -> tuple[Job, bool]:
        """Store a job, or change the account's job of that name; True when it is new."""
        now = self._clock.now()
        wanted = await graded(self._db, account_id, spec)
        fresh = rules.register(wanted, identifier=ids.new("job"), account_id=account_id, now=now)

        def unit(tx: sqlite3.Connection) -> tuple[Job, bool, list[ledger.Run]]:
            known = jobs.find_name(tx, account_id, fresh.name)
            if known is None:
                return _insert(tx, fresh), True, []
            changed, runs = self._store(tx, known, lambda job: rules.change(job, spec, now), now)
            return changed, False, runs

        job, is_new, runs = await self._db.write(unit)
        self._firing.submit(runs)
        self._firing.wake()
        self._telling.queued()
        return job, is_new

    async def create(self, account_id: str, spec: JobRegistration) -> Job:
        """Store a new job; Conflict where the account has one of that name."""
        now = self._clock.now()
        wanted = await graded(self._db, account_id, spec)
        fresh = rules.register(wanted, identifier=ids.new("job"), account_id=account_id, now=now)

        def unit(tx: sqlite3.Connection) -> Job:
            if jobs.find_name(tx, account_id, fresh.name) is not None:
                raise Conflict(f"name is taken: another job is called {fresh.name!r}")
            return _insert(tx, fresh)

        job = await self._db.write(unit)
        self._firing.wake()
        return job

    async def change(self, account_id: str, identifier: str, spec: JobChange) -> Job:
        """Change what `spec` says of a job; the rest keeps its value."""
        now = self._clock.now()
        return await self._edit(account_id, identifier, lambda job: rules.change(job, spec, now), now)

    async def pause(self, account_id: str, identifier: str) -> Job:
        """Stop firing a job until it is resumed."""
        now = self._clock.now()
        return await self._edit(account_id, identifier, lambda job: rules.pause(job, now), now)

    async def resume(self, account_id: str, identifier: str) -> Job:
        """Fire a paused job again, from its next occurrence on."""
        now = self._clock.now()
        return await self._edit(account_id, identifier, lambda job: rules.resume(job, now), now)

    async def _edit(self, account_id: str, identifier: str, edit: Callable[[Job], Job], now: int) -> Job:
        def unit(tx: sqlite3.Connection) -> tuple[Job, list[ledger.Run]]:
            return self._store(tx, _found(jobs.find(tx, account_id, identifier), identifier), edit, now)

        job, runs = await self._db.write(unit)
        self._firing.submit(runs)
        self._firing.wake()
        self._telling.queued()
        return job

    def _store(
        self, tx: sqlite3.Connection, job: Job, edit: Callable[[Job], Job], now: int
    ) -> tuple[Job, list[ledger.Run]]:
        """Store the edited job. What was due a moment ago is recorded first, or the edit would lose it."""
        runs: list[ledger.Run] = []
        if job.next_run_at is not None and job.next_run_at <= now:
            runs = self._firing.record_due(tx, job, now)
            job = _found(jobs.find_row(tx, job.row), job.id)
        edited = edit(job)
        if edited.schedule != job.schedule:
            limits.schedule(tx, job.account_id, edited.schedule)
        if edited is not job:
            jobs.update(tx, edited)
            self._telling.edited(tx, "job", edited.row, now)
            runs += self._firing.edited(tx, job, edited, now)
        return edited, runs

    async def get(self, account_id: str, identifier: str) -> Job:
        """The account's job of that id."""
        return _found(await jobs.get(self._db, account_id, identifier), identifier)

    async def page(
        self, account_id: str, *, status: str | None, tag: str | None, limit: int, offset: int
    ) -> tuple[list[Job], int]:
        """One page of the account's jobs by name, and how many there are in all."""
        return await jobs.page(self._db, account_id, status=status, tag=tag, limit=limit, offset=offset)

    async def delete(self, account_id: str, identifier: str) -> None:
        """Delete a job and its executions; its open incident ends with it."""
        now = self._clock.now()

        def unit(tx: sqlite3.Connection) -> None:
            job = _found(jobs.find(tx, account_id, identifier), identifier)
            jobs.delete(tx, account_id, identifier)
            self._telling.deleted(tx, "job", job.row, now)

        await self._db.write(unit)
        self._upkeep.wake()

    async def trigger(self, account_id: str, identifier: str) -> str:
        """Run a job now, paused or not; the id of its execution."""
        return await self._firing.trigger(account_id, identifier, self._clock.now())

    async def executions(
        self, account_id: str, identifier: str, *, status: str | None, limit: int, offset: int
    ) -> tuple[list[Execution], int]:
        """One page of a job's executions, newest first, and how many there are in all."""
        job = await self.get(account_id, identifier)
        return await executions.page(self._db, job.row, status=status, limit=limit, offset=offset)

    async def execution(self, account_id: str, identifier: str) -> Execution:
        """The account's execution of that id."""
        row = ids.row_of("exec", identifier)
        found = None if row is None else await executions.get(self._db, account_id, row)
        if found is None:
            raise NotFound(f"no execution {identifier}")
        return found

    def preview(self, schedule: str, timezone: str, count: int) -> tuple[str, list[int]]:
        """A schedule in words, and its next `count` occurrences (milliseconds)."""
        expression = cron.parse(schedule).expression
        zone = cron.zone(timezone).key
        upcoming: list[int] = []
        moment = self._clock.now()
        for _ in range(count):
            moment = cron.next_after(expression, zone, moment)
            upcoming.append(moment)
        return cron.describe(expression), upcoming

    def now(self) -> int:
        """The moment that pages are of, in milliseconds."""
        return self._clock.now()

    async def foresee(self, account_id: str, schedule: str, timezone: str, but: str = "") -> Foreseen:
        """What a schedule of the job `but`, or of a new one, would mean; Invalid where it can't be."""
        now = self._clock.now()
        words, runs = self.preview(schedule, timezone, FORESEEN)
        others = await jobs.schedules(self._db, account_id, but, SCHEDULES_MOST)
        before = runs[0] - 1
        return Foreseen(
            words,
            runs,
            cron_effects.effects(schedule, timezone, now, now + cron_effects.AHEAD),
            sum(count for other, zone, count in others if cron.next_after(other, zone, before) == runs[0]),
            await jobs.busiest(self._db, account_id, now, now + times.DAY),
        )

    async def chart(self, account_id: str, identifier: str, range_: Range) -> Plot:
        """How long the job's runs took in that range, which ends now."""
        job = await self.get(account_id, identifier)
        now = self._clock.now()
        since = durations.since(range_, now)
        slots = await executions.chart(self._db, job.row, since, durations.SLOTS[range_])
        whole = await executions.chart(self._db, job.row, since, durations.WHOLE)
        bands = await shading.bands(self._db, account_id, job.id, job.tags, (), since, now)
        return durations.plot(range_, slots, whole[0] if whole else None, bands, now)

    async def accounting(self, job: Job) -> Accounting:
        """The job's ledger."""
        today = self._clock.now() // times.DAY
        days = await executions.outcomes(self._db, job.row, range(today - LEDGER_DAYS + 1, today + 1))
        ended = {name: sum(getattr(day, name) for day in days) for name in _ENDED}
        concerned = [day.day for day in days if day.missed or day.skipped][-REASON_DAYS:]
        uncalled = await executions.uncalled(self._db, job.row, concerned, REASONS_MOST)
        return Accounting(*await jobs.ledger(self._db, job.row), ended, uncalled)


_ENDED = ("success", "failed", "missed", "skipped")


def _insert(tx: sqlite3.Connection, job: Job) -> Job:
    """Store a new job, where the account has room for it."""
    limits.room(tx, job.account_id, "jobs")
    limits.schedule(tx, job.account_id, job.schedule)
    return jobs.insert(tx, job)


def _found(job: Job | None, identifier: str) -> Job:
    if job is None:
        raise NotFound(f"no job {identifier}")
    return job
