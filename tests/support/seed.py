"""A company's data of ninety days, written fast and straight into a real database file.

`python -m tests.support.seed FILE` makes a large one: 1,000 monitors, 200 jobs, 200 heartbeats and ten
million checks; `--small` one for screenshots.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.support.seeding import pages, runs, subjects, telling, verifying
from tests.support.seeding.checks import History, Watched
from tests.support.seeding.telling import Failure
from tickd.domain import cron, incidents, times
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.jobs import Job
from tickd.domain.monitors import Monitor
from tickd.store import accounts
from tickd.store import days as day_rows
from tickd.store.database import Database

Step = Callable[[str, float], None]
"""Hears what is being written, and how much of it there is: 0 to 1."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """What is in the file; `token` is of its owner's session, `copies` are slugs of the same status page."""

    monitors: int
    jobs: int
    heartbeats: int
    checks: int
    executions: int
    pings: int
    incidents: int
    alerts: int
    slug: str
    copies: list[str]
    token: str
    seconds: float


def _quiet(_what: str, _share: float) -> None:
    pass


def seed(
    path: Path,
    *,
    now: int,
    monitors: int = 1000,
    jobs: int = 200,
    heartbeats: int = 200,
    days: int = 90,
    raw_checks: int = 10_000_000,
    most_incidents: int = 1000,
    page_subjects: int = 100,
    copies: int = 0,
    url: Callable[[int], str] | None = None,
    step: Step = _quiet,
) -> Seeded:
    """Fill a new file as of `now` (milliseconds); the same arguments make the same data.

    `url` says what the nth monitor polls and the nth job calls: otherwise hosts that there are not.
    """
    began, some = time.perf_counter(), random.Random(7)
    asyncio.run(_make(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-128000; PRAGMA temp_store=2; BEGIN")
        telling.account(db)
        watched = subjects.watch(db, monitors, days=days, now=now, some=some, url=url)
        planned = subjects.plan(db, jobs, days=days, now=now, some=some, url=url)
        awaited = subjects.await_pings(db, heartbeats, days=days, now=now, some=some)
        step("executions", 0)
        since = now - days * times.DAY
        executions, failed_runs = runs.executions(db, planned, since=since, now=now, some=some)
        step("pings", 0)
        pings, silences = runs.pings(db, awaited, since=since, now=now, some=some)
        while day_rows.count_pings(db, 1_000_000):  # as the daemon would have long since
            pass
        db.execute("COMMIT")
        raw_days = _raw_days([one for _, one in watched], raw_checks)
        done = iter(range(1, days + 2))
        checks = History(db, some, now).write(
            [one for _, one in watched],
            days=days,
            raw_days=raw_days,
            step=lambda _count: step("checks", next(done) / (days + 1)),
        )
        db.execute("BEGIN")
        failures = _of_monitors(watched) + _of_jobs(planned, failed_runs, now)
        failures += _of_heartbeats(awaited, silences)
        failures = [one for one in failures if one.since >= since]
        failures = sorted(failures, key=lambda one: one.since)[-most_incidents:]
        told = telling.open_incidents(db, failures, some)
        telling.changed(db, failures)
        channels = telling.channel(db, now, some)
        alerts = telling.queue(db, told[-60:], channels, now, some)
        telling.maintain(db, [monitor.id for monitor, _ in watched], now, some)
        shown = pages.groups([monitor for monitor, _ in watched], awaited, page_subjects)
        slugs = pages.publish(db, shown, copies, now, some)
        token = pages.sign_in(db, now, some)
        verifying.verify(db, now, some)
        accounts.set_fact(db, "alive_at", now)
        db.execute("COMMIT")
        db.executescript("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)")
    seconds = time.perf_counter() - began
    counts = (monitors, jobs, heartbeats, checks, executions, pings, len(told), alerts)
    return Seeded(*counts, pages.SLUG, slugs, token, seconds)


def seed_small(path: Path, *, now: int, days: int = 90) -> Seeded:
    """The same for a small company: quick, and as its pages would look."""
    return seed(
        path, now=now, monitors=14, jobs=8, heartbeats=6, days=days, raw_checks=100_000, page_subjects=10
    )


async def _make(path: Path) -> None:
    await (await Database.open(str(path), readers=0)).close()


def _raw_days(watched: list[Watched], wanted: int) -> int:
    """How many days of checks hold so many; not more than are kept."""
    a_day = sum(times.DAY // (one.profile.interval_secs * times.SECOND) for one in watched)
    return min(30, -(-wanted // a_day) + 1) if a_day else 0


def _of_monitors(watched: list[tuple[Monitor, Watched]]) -> list[Failure]:
    found = []
    for monitor, history in watched:
        subject = incidents.of_monitor(monitor)
        found += [Failure(subject, one.since, one.until, one.error) for one in history.outages]
        if history.down_since is not None and not monitor.paused:
            found.append(Failure(subject, history.down_since, None, "status code 503"))
    return found


def _of_jobs(planned: list[Job], failed: list[runs.Failed], now: int) -> list[Failure]:
    known = {job.row: incidents.of_job(job) for job in planned}
    found = [Failure(known[one.row], one.since, one.until, one.error, one.status_code) for one in failed]
    error = "the endpoint answered 500 Internal Server Error"
    for job in planned:
        if job.failing and not job.paused:
            before = list(cron.occurrences(job.schedule, job.timezone, now - 30 * times.DAY, now))
            since = before[-job.consecutive_failures] + 2 * times.SECOND
            found.append(Failure(known[job.row], since, None, error, 500))
    return found


def _of_heartbeats(awaited: list[Heartbeat], silences: list[runs.Failed]) -> list[Failure]:
    known = {heartbeat.row: incidents.of_heartbeat(heartbeat) for heartbeat in awaited}
    found = [Failure(known[one.row], one.since, one.until, one.error) for one in silences]
    for heartbeat in awaited:
        changed = heartbeat.standing.changed_at
        if heartbeat.standing.failing and changed is not None and not heartbeat.paused:
            error = runs.silence(heartbeat, changed - heartbeat.grace_secs * times.SECOND)
            found.append(Failure(known[heartbeat.row], changed, None, error))
    return found


def bar(what: str, share: float) -> None:
    """Show how far it is, in one line of the terminal."""
    filled = int(share * 30)
    sys.stderr.write(f"\r{what:12}[{'#' * filled}{'.' * (30 - filled)}] {share:4.0%}")
    sys.stderr.write("\n" if share >= 1 else "")
    sys.stderr.flush()


def main() -> None:
    """Fill the file that is named."""
    parser = argparse.ArgumentParser(description="Fill a new database file as a company would.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--small", action="store_true", help="14 monitors, 8 jobs, 6 heartbeats")
    options = parser.parse_args()
    now = time.time_ns() // 1_000_000
    made = seed_small(options.path, now=now) if options.small else seed(options.path, now=now, step=bar)
    size = options.path.stat().st_size / 2**20
    sys.stdout.write(f"{made}\n{size:.0f} MiB\n")


if __name__ == "__main__":
    main()
