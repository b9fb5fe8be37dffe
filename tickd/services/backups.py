"""Backups: one by hand, and those that the daemon makes by a schedule and rotates."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tickd import logs
from tickd.clock import Clock
from tickd.domain import cron, rotation, times
from tickd.domain.contents import Contents
from tickd.domain.diagnosis import instance_of
from tickd.errors import Invalid, StartupError, TickdError
from tickd.store import accounts, backup, contents
from tickd.store.database import Database

SETTLE = times.MINUTE
"""How long after the start a backup is made that was missed."""
RETRIES = (times.MINUTE, 5 * times.MINUTE, 15 * times.MINUTE, times.HOUR)
"""How long after the first, second … failure in a row the next try comes; the last one repeats."""

log = logging.getLogger("tickd.backups")


@dataclass(frozen=True, slots=True)
class Plan:
    """When backups are made, where to, and how many are kept: the newest, and one a week beside."""

    folder: str
    schedule: str
    timezone: str
    keep: int
    weeks: int


async def copy(
    db: str, target: Path, *, force: bool, progress: Callable[[int, int], None] | None = None
) -> tuple[Path, Contents]:
    """Back up a database file to `target`, whether a daemon runs on it or not; the file's real name.

    Invalid where the target can't be that, Unavailable where the disk is full or the database damaged.
    """
    place = await asyncio.to_thread(contents.check_target, db, target, force=force)
    return place, await backup.Copy(db, place, progress).run_in_thread()


class Backups:
    """Makes the backups of a plan; without one it does nothing."""

    def __init__(self, db: Database, clock: Clock, plan: Plan | None) -> None:
        self._db = db
        self._clock = clock
        self.plan = plan
        self._secret = b""
        self._settled_at = 0
        self._retry_at = 0
        self._failures = 0
        self._fault = ""
        self._making: asyncio.Task[Contents] | None = None
        self.last_at: int | None = None
        self.failed_total = 0
        self.last_size = 0
        self.last_secs = 0.0

    async def begin(self, now: int) -> None:
        """Look at what is there already; StartupError where backups can't be made as planned."""
        if self.plan is None:
            return
        check_plan(self.plan)
        secret = await accounts.fact(self._db, "secret")
        self._secret = secret if isinstance(secret, bytes) else b""
        folder = Path(self.plan.folder)
        last = await asyncio.to_thread(newest_of, folder, self._secret, now, self._db.path)
        if last is not None:
            self.last_at, path = last
            self.last_size = (await asyncio.to_thread(os.stat, path)).st_size
        self._settled_at = now + SETTLE

    async def tick(self, now: int) -> int | None:
        """Make the backup that is due; when the next one is (milliseconds), None without a plan."""
        if self.plan is None:
            return None
        due = self.due(now)
        if due > now:
            return due
        await self._make(self.plan, now)
        return self.due(self._clock.now())

    def due(self, now: int) -> int:
        """When the next backup is made: a missed one soon after the start, a failed one a while later."""
        plan = self.plan
        if plan is None:
            raise TickdError("there is no plan of backups")
        # A backup from the future was made by a clock that went wrong: it must not hold up the next.
        last = None if self.last_at is None else min(self.last_at, now)
        due = 0 if last is None else cron.next_after(plan.schedule, plan.timezone, last)
        # The bounds are for a clock that was set back since they were written down.
        return max(due, min(self._settled_at, now + SETTLE), min(self._retry_at, now + RETRIES[-1]))

    @property
    def overdue_secs(self) -> float:
        """For how long there should have been a newer backup; 0 when well.

        Where there has never been one, it is counted from the start of the daemon.
        """
        plan, now = self.plan, self._clock.now()
        if plan is None:
            return 0.0
        wanted = self._settled_at
        if self.last_at is not None:
            wanted = cron.next_after(plan.schedule, plan.timezone, min(self.last_at, now))
        return max(0, now - wanted) / 1000

    def warnings(self) -> list[str]:
        """What a person should know of: that the last try failed, and why; empty when all is well."""
        return [f"the last backup failed: {self._fault}"] if self._failures else []

    async def stop(self) -> None:
        """End the backup under way; its file does not appear."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)

    async def _make(self, plan: Plan, now: int) -> None:
        target = _free_name(Path(plan.folder), now, instance_of(self._secret))
        begun = self._clock.monotonic()
        self._making = asyncio.create_task(self._db.backup(target, finish=backup.put_new))
        try:
            found = await asyncio.shield(self._making)
        except asyncio.CancelledError:
            await self.stop()
            raise
        except (TickdError, OSError) as error:
            # The daemon's work goes on without: whoever looks after it sees it in the log and the metrics.
            self._failed(target, str(error))
            return
        finally:
            self._making = None
        self.last_at, self.last_size = now, found.size
        self.last_secs = self._clock.monotonic() - begun
        self._failures = self._retry_at = 0
        words = logs.fields(file=str(target), bytes=found.size, secs=round(self.last_secs, 3))
        log.info("backup made", extra=words)
        await asyncio.to_thread(self._rotate, plan, target.name)

    def _failed(self, target: Path, reason: str) -> None:
        pause = RETRIES[min(self._failures, len(RETRIES) - 1)]
        self._failures += 1
        # Anyone may read the warning: where on the disk it was is for the log alone.
        self._fault = reason.replace(f"{target.parent}{os.sep}", "")
        self.failed_total += 1
        self._retry_at = self._clock.now() + pause
        words = logs.fields(file=str(target), error=reason, again_in_secs=pause // 1000)
        log.error("backup failed", extra=words)

    def _rotate(self, plan: Plan, newest: str) -> None:
        folder = Path(plan.folder)
        try:
            names = _own(folder, self._secret, self._db.path)
            # Its name may be a second or more ahead.
            now = rotation.moment_of(newest) or self._clock.now()
            for name in rotation.superseded(names, keep=plan.keep, weeks=plan.weeks, now=now):
                (folder / name).unlink()
                log.info("old backup deleted", extra=logs.fields(file=str(folder / name)))
        except OSError as error:
            log.error("old backups can't be deleted", extra=logs.fields(folder=str(folder), error=str(error)))


def newest_of(folder: Path, secret: bytes, now: int, db: str) -> tuple[int, Path] | None:
    """The newest backup in `folder` of the database `db` with this secret: when it was made (ms), its file.

    One from after `now` was made by a clock that went wrong, and tells nothing.
    """
    found = ((rotation.moment_of(name), folder / name) for name in _own(folder, secret, db))
    return max(((at, path) for at, path in found if at is not None and at <= now), default=None)


def _own(folder: Path, secret: bytes, db: str) -> list[str]:
    """The backups in a folder that are this database's: two daemons may share one."""
    names = [name for name in os.listdir(folder) if rotation.moment_of(name) is not None]
    return [name for name in names if _is_own(folder / name, secret, db)]


def _is_own(path: Path, secret: bytes, db: str) -> bool:
    if not path.is_file() or path.is_symlink() or contents.is_lived_in(path):
        return False
    if contents.secret_of(path) != secret:
        return False
    # A daemon may be served from what was a backup: that is its database now, under whatever name.
    return not (os.path.exists(db) and os.path.samefile(path, db))


def _free_name(folder: Path, now: int, instance: str) -> Path:
    """Of this moment, or of the first second after it that has no backup."""
    moment = now
    while os.path.lexists(folder / rotation.name_of(moment, instance)):
        moment += times.SECOND
    return folder / rotation.name_of(moment, instance)


def check_plan(plan: Plan) -> None:
    """StartupError with the setting that backups can't be made with."""
    try:
        cron.parse(plan.schedule)
        cron.zone(plan.timezone)
        cron.next_after(plan.schedule, plan.timezone, 0)
    except Invalid as error:
        raise StartupError(f"backup_{error.field} {error.sentence}") from error
    if not os.path.isdir(plan.folder):
        raise StartupError(f"backup_dir {plan.folder} does not exist; make it first")
    if not os.access(plan.folder, os.W_OK | os.X_OK):
        raise StartupError(f"backup_dir {plan.folder} can't be written to by this user")
