"""The monitors, jobs and heartbeats themselves, each as it stands now."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice

from msgspec import structs

from tests.support.seeding import names
from tests.support.seeding.checks import Watched, fell_at
from tests.support.seeding.shapes import Profile
from tickd import ids
from tickd.domain import cron, expiry, heartbeats, monitors, times
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.expiry import Standing
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.jobs import Job, Severity
from tickd.domain.monitors import Monitor
from tickd.store import heartbeats as heartbeat_rows
from tickd.store import jobs as job_rows
from tickd.store import monitors as monitor_rows

ISSUER = "Let's Encrypt R11"
_INTERVALS = (60, 120, 300, 300, 120)
_BASES = (34.0, 58.0, 86.0, 121.0, 190.0, 260.0, 430.0, 78.0)
_SEVERITIES: tuple[Severity, ...] = ("major", "minor", "critical", "major")


def identifier(prefix: str, some: random.Random) -> str:
    """A resource id as tickd makes them, the same in every run."""
    return f"{prefix}_" + "".join(some.choice(ids.ALPHABET) for _ in range(16))


def watch(
    tx: sqlite3.Connection,
    count: int,
    *,
    days: int,
    now: int,
    some: random.Random,
    url: Callable[[int], str] | None,
) -> list[tuple[Monitor, Watched]]:
    """Store so many monitors, a few of them down, degraded, paused and new."""
    found = []
    for number, named in enumerate(islice(names.monitors(), count)):
        profile = _profile(number, named.type)
        age = 2 * times.HOUR if _is_new(number) else (days + number % 400) * times.DAY
        monitor, watched = _monitor(number, named, profile, now - age, now, some)
        if url is not None:
            options = structs.replace(monitor.options, url=url(number))
            monitor = structs.replace(monitor, type="http", options=options)
        monitor = monitor_rows.insert(tx, monitor)
        watched.row = monitor.row
        found.append((monitor, watched))
    return found


def _profile(number: int, kind: str) -> Profile:
    shown = "tcp" if kind in ("tcp", "dns") else "ssl" if kind == "ssl" else "http"
    interval = 300 if kind == "ssl" else 60 if number < 4 else _INTERVALS[number % len(_INTERVALS)]
    return Profile(shown, interval, _BASES[number % len(_BASES)])  # type: ignore[arg-type]


def _is_new(number: int) -> bool:
    return number % 200 == 13


def _is_paused(number: int) -> bool:
    return number % 50 == 12


def _is_down(number: int) -> bool:
    return number % 101 == 4


def _is_degraded(number: int) -> bool:
    return number % 67 == 2


def _monitor(
    number: int, named: names.Named, profile: Profile, created: int, now: int, some: random.Random
) -> tuple[Monitor, Watched]:
    secure = named.url.startswith("https:") or named.type == "ssl"
    key = identifier("mon", some)
    down_since = fell_at(now - 2 * times.HOUR) if _is_down(number) else None
    monitor = Monitor(
        row=0,
        id=key,
        account_id=DEFAULT_ACCOUNT,
        name=named.name,
        type=named.type,
        group=named.group,
        slug=f"{named.name.lower().replace(' ', '-').replace(',', '')}-{key[-6:]}",
        paused=_is_paused(number),
        tags=named.tags,
        options=monitors.Options(
            url=named.url,
            interval_secs=profile.interval_secs,
            severity=_SEVERITIES[number % len(_SEVERITIES)],
            keyword="Add to basket" if number == 0 else "",
        ),
        standing=_standing(number, down_since, created, now),
        ssl_expires_at=now + (9 + number * 13 % 80) * times.DAY if secure else None,
        ssl_issuer=ISSUER if secure else None,
        created_at=created,
        updated_at=created,
    )
    return monitor, Watched(
        row=0,
        profile=profile,
        phase=monitor.phase,
        since=now if _is_new(number) else created,
        until=now - 5 * times.DAY if monitor.paused else now,
        down_since=down_since,
        degraded=_is_degraded(number),
        steady=number < len(names.MONITORS),
    )


def _standing(number: int, down_since: int | None, created: int, now: int) -> monitors.Standing:
    if _is_new(number):
        return monitors.Standing()
    if down_since is not None:
        return monitors.Standing(state="down", failing=True, consecutive_failures=31, changed_at=down_since)
    if _is_degraded(number):
        changed = now // times.HOUR * times.HOUR - 2 * times.HOUR
        return monitors.Standing(state="degraded", consecutive_successes=10, changed_at=changed)
    return monitors.Standing(state="up", consecutive_successes=10, changed_at=created)


def plan(
    tx: sqlite3.Connection,
    count: int,
    *,
    days: int,
    now: int,
    some: random.Random,
    url: Callable[[int], str] | None,
) -> list[Job]:
    """Store so many jobs, a few of them failing and paused."""
    found = []
    for number, task in enumerate(islice(names.jobs(), count)):
        job = _job(number, task, days, now, some)
        if url is not None:
            job = structs.replace(job, endpoint=url(number))
        found.append(job_rows.insert(tx, job))
    return found


def _job(number: int, task: names.Task, days: int, now: int, some: random.Random) -> Job:
    is_paused, is_failing = number % 40 == 7, number % 37 == 1
    created = now - (days + 3 + number) * times.DAY
    before = list(cron.occurrences(task.schedule, task.timezone, now - 8 * times.DAY, now))
    slug = task.name.lower().replace(" ", "-")
    return Job(
        row=0,
        id=identifier("job", some),
        account_id=DEFAULT_ACCOUNT,
        name=task.name,
        schedule=task.schedule,
        timezone=task.timezone,
        endpoint=f"https://tasks.{names.DOMAIN}/{slug}",
        description=f"Owned by the {task.group.lower()} team.",
        tags=list(task.tags),
        severity=_SEVERITIES[number % len(_SEVERITIES)],
        paused=is_paused,
        failing=is_failing,
        consecutive_failures=3 if is_failing else 0,
        next_run_at=None if is_paused else cron.next_after(task.schedule, task.timezone, now),
        last_status="failed" if is_failing else "success",
        last_finished_at=before[-1] + 2_300,
        created_at=created,
        updated_at=now - 6 * times.DAY if is_paused else created,
    )


def await_pings(
    tx: sqlite3.Connection, count: int, *, days: int, now: int, some: random.Random
) -> list[Heartbeat]:
    """Store so many heartbeats, a few of them silent, late, paused and never pinged."""
    found = []
    for number, task in enumerate(islice(names.heartbeats(), count)):
        bare = _heartbeat(number, task, days, now, some)
        standing = _silence(bare, number, now, some)
        found.append(heartbeat_rows.insert(tx, structs.replace(bare, standing=standing)))
    return found


def _heartbeat(number: int, task: names.Task, days: int, now: int, some: random.Random) -> Heartbeat:
    token = f"{some.getrandbits(256):064x}"
    key = identifier("hb", some)
    return Heartbeat(
        row=0,
        id=key,
        account_id=DEFAULT_ACCOUNT,
        name=task.name,
        group=task.group,
        slug=f"{task.name.lower().replace(' ', '-')}-{key[-6:]}",
        paused=number % 60 == 1,
        tags=task.tags,
        interval_secs=heartbeats.seconds_of(task.schedule) or 86_400,
        schedule=task.schedule,
        timezone=task.timezone,
        grace_secs=300 if task.schedule == "15m" else 1800,
        failure_threshold=1,
        token=token,
        short_token=ids.short_token(token),
        created_at=now - (days + 1 + number % 200) * times.DAY,
        updated_at=now - (days + 1 + number % 200) * times.DAY,
    )


def _silence(bare: Heartbeat, number: int, now: int, some: random.Random) -> Standing:
    """Where the pings, or their absence, left it."""
    if number % 80 == 5:
        return Standing()
    rhythm = bare.rhythm
    if rhythm.schedule:
        last = list(cron.occurrences(rhythm.schedule, rhythm.timezone, now - 8 * times.DAY, now))[-1] + 4_000
    else:
        span = rhythm.interval_secs * times.SECOND
        last = now - int(span * some.uniform(0.05, 0.9))
        if number % 41 == 3:
            last = now - span - rhythm.grace - 100 * times.MINUTE
        elif number % 53 == 4:
            last = now - span - rhythm.grace // 2
    standing = expiry.pinged(rhythm, Standing(changed_at=bare.created_at), "success", last)[0]
    for _ in misses(bare, standing, now):
        standing = expiry.missed(rhythm, standing)[0]
    if bare.paused:
        standing = structs.replace(standing, base_at=None, expected_at=None, due_at=None)
    return structs.replace(standing, changed_at=standing.changed_at if standing.failing else bare.created_at)


def misses(heartbeat: Heartbeat, standing: Standing, now: int) -> Iterator[int]:
    """When the silence since the last ping was counted as a miss, each time."""
    while standing.due_at is not None and standing.due_at <= now:
        yield standing.due_at
        standing = expiry.missed(heartbeat.rhythm, standing)[0]
