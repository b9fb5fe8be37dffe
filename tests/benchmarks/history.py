"""What history costs: reads over ten million checks while more are written, and bytes written a check.

`python -m tests.benchmarks.history` takes some six minutes and a gigabyte in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from tests.support.clock import FakeClock
from tickd.clock import SystemClock
from tickd.domain import times
from tickd.domain.checks import STATUSES, Check
from tickd.domain.uptime import COUNTS, Bucket
from tickd.services.history import History
from tickd.services.history_upkeep import Retention
from tickd.store import checks
from tickd.store.database import Database

STEP = 30 * times.SECOND
LISTED = 1000
START = 1_772_539_200_000  # 2026-03-03T12:00:00Z
DAYS = 90
MONITOR = (
    "INSERT INTO monitors (id, account_id, name, type, group_name, slug, public, paused, tags, options, "
    "state, failing, consecutive_failures, consecutive_successes, created_at, updated_at) "
    "VALUES (?, 'acc_default', ?, 'http', '', ?, 1, 0, '[]', ?, 'up', 0, 0, 0, 0, 0)"
)
OPTIONS = '{"url": "https://example.com/health/of/some/service", "interval_secs": 30}'

# The reference: the obvious schema.
NAIVE = """
CREATE TABLE checks (id INTEGER PRIMARY KEY, monitor INTEGER NOT NULL, at INTEGER NOT NULL,
    status INTEGER NOT NULL, held INTEGER NOT NULL, code INTEGER, duration INTEGER, dns INTEGER,
    connect INTEGER, tls INTEGER, first_byte INTEGER, ssl_expires_at INTEGER, error TEXT);
CREATE INDEX checks_by_monitor ON checks (monitor, at);
"""
NAIVE_INSERT = (
    "INSERT INTO checks (monitor, at, status, held, code, duration, dns, connect, tls, first_byte, "
    "ssl_expires_at, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
NAIVE_ROLLUP = (
    "INSERT INTO rollups VALUES (?, ?, 1, ?) "
    "ON CONFLICT DO UPDATE SET up = up + 1, held = held + excluded.held"
)
NAIVE_PAGE = "SELECT * FROM checks WHERE monitor = ? ORDER BY at DESC LIMIT 50 OFFSET ?"
NAIVE_TOTAL = "SELECT count(*) FROM checks WHERE monitor = ?"
NAIVE_LATENCY = "SELECT at, duration, status FROM checks WHERE monitor = ? AND at >= ? ORDER BY at"
NAIVE_DAYS = (
    "SELECT at / 86400000, sum(status = 0), sum(status = 1), sum(held), avg(duration) FROM checks "
    "WHERE monitor = ? GROUP BY 1"
)
NAIVE_LIST = (
    "SELECT monitor, sum(status = 0), sum(status = 1), sum(held), avg(duration) FROM checks GROUP BY 1"
)


def say(*words: object) -> None:
    print(*words, flush=True)


def with_monitors(count: int) -> Callable[[sqlite3.Connection], None]:
    rows = [(f"mon_{n:016}", f"monitor {n}", f"monitor-{n}", OPTIONS) for n in range(1, count + 1)]

    def unit(tx: sqlite3.Connection) -> None:
        tx.executemany(MONITOR, rows)

    return unit


def made(n: int) -> tuple[Any, ...]:
    """Status, held, code, duration … of some check: one in 400 is down."""
    if n % 400 == 0:
        return (1, STEP, 503, 900 + n % 700, 3, 12, None, 880, None, "status code 503")
    duration = 800 + n * 7919 % 900
    return (0, STEP, 200, duration, 3, 12, None, duration - 20, None, None)


def fill(path: str, monitors: int, days: int, today: int) -> int:
    """Days of checks straight into their tables, and their rollups; of the days before these alone."""
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-64000")
    samples = [made(n) for n in range(400)]
    per_hour = times.HOUR // STEP
    bucket = Bucket()
    for n in range(per_hour):
        status, held, _, tenths, *_ = samples[n]
        bucket.add(STATUSES[status], tenths / 10, held)
    hour_row = (*bucket.counts().values(), bucket.to_bytes())
    whole = Bucket()
    for _ in range(24):
        whole.merge(bucket)
    day_row = (*whole.counts().values(), whole.to_bytes())
    into = f"monitor, {', '.join(COUNTS)}, histogram) VALUES ({', '.join('?' * (len(COUNTS) + 3))})"
    count = 0
    for day in range(today - DAYS, today):
        db.execute("BEGIN")
        keyed: Iterator[tuple[Any, ...]] = ((day, m, *day_row) for m in range(1, LISTED + 1))
        db.executemany(f"INSERT INTO day_rollups (day, {into}", keyed)
        if day >= today - days:
            db.execute(checks.CREATE_DAY.format(day=day))
            rows = (
                (hour << 44 | monitor << 22 | n * STEP + monitor, *samples[n])
                for hour in range(24)
                for monitor in range(1, monitors + 1)
                for n in range(per_hour)
            )
            db.executemany(f"INSERT INTO checks_{day} VALUES ({', '.join('?' * 11)})", rows)  # noqa: S608
            keyed = ((day * 24 + h, m, *hour_row) for h in range(24) for m in range(1, monitors + 1))
            db.executemany(f"INSERT INTO hour_rollups (hour, {into}", keyed)
            count += 24 * monitors * per_hour
        db.execute("COMMIT")
    db.close()
    return count


def fill_naive(path: str, monitors: int, days: int, today: int) -> int:
    """The same checks in the obvious schema, in the order in which they come."""
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-64000" + ";" + NAIVE
    )
    start, ticks = (today - days) * times.DAY, days * times.DAY // STEP
    samples = [made(n) for n in range(400)]
    db.execute("BEGIN")
    rows = (
        (monitor, start + n * STEP + monitor, *samples[n % 120])
        for n in range(ticks)
        for monitor in range(1, monitors + 1)
    )
    db.executemany(NAIVE_INSERT, rows)
    db.execute("COMMIT")
    db.close()
    return ticks * monitors


def size_of(path: str) -> int:
    """The file's size in bytes."""
    return os.path.getsize(path)


async def timed(ask: Callable[[], Awaitable[object]], seconds: float) -> list[float]:
    """Milliseconds of each call, one after the other for so long."""
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(taken) < 5:
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.002)
    return sorted(taken)


def row(title: str, taken: list[float]) -> None:
    p99 = taken[min(len(taken) - 1, int(len(taken) * 0.99))]
    say(f"  {title:44}{statistics.median(taken):10.2f}{p99:10.2f}{len(taken):8}")


async def write(history: History, rate: int, monitors: int) -> None:
    """So many checks a second, until cancelled."""
    clock = SystemClock()
    began, count = time.perf_counter(), 0
    while True:
        due = int((time.perf_counter() - began) * rate)
        for n in range(count, due):
            at = clock.now()
            history.add(Check(monitor=n % monitors + 1, at=at, status="up", held_ms=STEP, duration_ms=84.2))
        count = due
        await asyncio.sleep(0.005)


async def reads(folder: Path, monitors: int, days: int, seconds: float) -> None:
    """The table of reads."""
    path = str(folder / "tickd.db")
    db = await Database.open(path)
    await db.write(with_monitors(LISTED))
    await db.close()
    today = SystemClock().now() // times.DAY
    began = time.perf_counter()
    count = await asyncio.to_thread(fill, path, monitors, days, today)
    took, each = time.perf_counter() - began, size_of(path) / count
    say(f"{count:,} checks of {monitors} monitors, made in {took:.0f} s, {each:.1f} bytes each")
    db = await Database.open(path)
    history = History(db, SystemClock(), retention=Retention(raw_days=days + 1))
    began = time.perf_counter()
    await history.begin()
    say(f"begin: {(time.perf_counter() - began) * 1000:.0f} ms")
    writing = asyncio.create_task(write(history, 1000, LISTED))
    await asyncio.sleep(2)
    some = random.Random(1)

    def one() -> int:
        return some.randint(1, monitors)

    now = SystemClock().now()
    everyone = list(range(1, LISTED + 1))
    say(f"  {'while 1,000 checks a second are written':44}{'median ms':>10}{'p99 ms':>10}{'calls':>8}")
    row(f"days({DAYS})", await timed(lambda: history.days(one(), DAYS, now), seconds))
    row(
        f"buckets of one, {DAYS} days (a badge)",
        await timed(lambda: history.buckets([one()], today - 89, today), seconds),
    )
    row(
        f"buckets of {LISTED}, 30 days (a list)",
        await timed(lambda: history.buckets(everyone, today - 29, today), seconds),
    )
    row(
        f"buckets of {LISTED}, {DAYS} days",
        await timed(lambda: history.buckets(everyone, today - 89, today), seconds),
    )
    row("page, newest 50", await timed(lambda: history.page(one(), limit=50), seconds))
    row("page, 50 from 10,000 on", await timed(lambda: history.page(one(), limit=50, offset=10_000), seconds))
    row(
        "page, 50 newest that are down",
        await timed(lambda: history.page(one(), status="down", limit=50), seconds),
    )
    row("latency, 24 h", await timed(lambda: history.latency(one(), now - times.DAY, now), seconds))
    writing.cancel()
    await history.flush()
    await db.close()
    await naive_reads(folder, monitors, max(1, days // 10), seconds / 2)


async def naive_reads(folder: Path, monitors: int, days: int, seconds: float) -> None:
    """The reference, on a tenth of the checks."""
    path = str(folder / "naive.db")
    today = SystemClock().now() // times.DAY
    count = await asyncio.to_thread(fill_naive, path, monitors, days, today)
    say(f"reference: rowid and index (monitor, at), {count:,} checks, {size_of(path) / count:.1f} bytes each")
    db = sqlite3.connect(path, check_same_thread=False)
    some = random.Random(1)

    def ask(*queries: tuple[str, tuple[int, ...]]) -> Callable[[], Awaitable[object]]:
        return lambda: asyncio.to_thread(
            lambda: [db.execute(sql, values).fetchall() for sql, values in queries]
        )

    m = some.randint(1, monitors)
    row("days", await timed(ask((NAIVE_DAYS, (m,))), seconds))
    row(f"list of {monitors}", await timed(ask((NAIVE_LIST, ())), seconds))
    row(
        "page, newest 50, and the total", await timed(ask((NAIVE_PAGE, (m, 0)), (NAIVE_TOTAL, (m,))), seconds)
    )
    row("page, from 8,000 on", await timed(ask((NAIVE_PAGE, (m, 8000)), (NAIVE_TOTAL, (m,))), seconds))
    row("latency, 24 h", await timed(ask((NAIVE_LATENCY, (m, (today - 1) * times.DAY))), seconds))
    db.close()


def written() -> int:
    """Bytes that this process has caused to be written to storage."""
    with open("/proc/self/io") as file:
        found = dict(line.split(": ") for line in file.read().splitlines())
    return int(found["write_bytes"])


class Counter:
    """Bytes written and rows stored since it was made."""

    def __init__(self) -> None:
        self.before = written()
        self.began = time.perf_counter()
        self.cpu = time.process_time()

    def row(self, title: str, count: int) -> None:
        seconds = time.perf_counter() - self.began
        cpu = (time.process_time() - self.cpu) / count * 1e6
        each = (written() - self.before) / count
        say(f"  {title:44}{each:10.0f}{cpu:10.1f}{count / seconds:12,.0f}")


async def bytes_written(folder: Path, monitors: int, hours: int, commit_ms: int) -> None:
    """Simulated hours of 30 s checks, each but the last one moved; the reads see none of it."""
    db = await Database.open(str(folder / f"written-{commit_ms}.db"))
    await db.write(with_monitors(monitors))
    clock = FakeClock(START)
    history = History(db, clock)
    await history.begin()
    counter, count, due = Counter(), 0, START
    slots = slots_of(monitors, commit_ms)
    for number in range(hours * times.HOUR // commit_ms):
        clock.set(START + number * commit_ms)
        for monitor in slots[number % len(slots)]:
            history.add(checks.to_check(monitor, clock.now(), made(count)))
            count += 1
        await history.write_with(lambda tx: None, newest=False)
        while due <= clock.now():  # as often as its loop would
            due = await history.tick(due)
    counter.row(f"tickd, {hours} h, a commit every {commit_ms} ms", count)
    left = [await db.fetch(f"SELECT count(*) FROM check_log_{log}") for log in (0, 1)]  # noqa: S608
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"    {sum(rows[0][0] for rows in left):,} left in the log, peak RSS {peak:.0f} MB")
    before = time.perf_counter()
    again = History(db, clock)
    await again.begin()
    began, ticks = time.perf_counter() - before, 0
    while again.is_rebuilding:
        await again.tick(clock.now())
        ticks += 1
    rest = time.perf_counter() - before - began
    say(f"    begin with them: {began:.2f} s, and {ticks} ticks in {rest:.2f} s for the rest")
    # The last hour, so that as many are moved as were written.
    clock.set(clock.now() + 2 * times.HOUR)
    taken: list[float] = []
    while True:
        before = time.perf_counter()
        due = await again.tick(clock.now())
        taken.append((time.perf_counter() - before) * 1000)
        if due > clock.now() + 50:
            break
    counter.row("  and its last hour moved", count)
    middle = statistics.median(taken)
    say(f"    {len(taken)} ticks for an hour, {middle:.1f} ms at the median, {max(taken):.0f} at most")
    size = (
        await db.fetch("SELECT (SELECT * FROM pragma_page_count), (SELECT * FROM pragma_freelist_count)")
    )[0]
    say(f"    file {(size[0] - size[1]) * 4096 / count:.0f} bytes a check")
    await db.close()


def slots_of(monitors: int, commit_ms: int) -> list[list[int]]:
    """Which monitors are due in which of an interval's commits."""
    slots: list[list[int]] = [[] for _ in range(STEP // commit_ms)]
    for monitor in range(1, monitors + 1):
        slots[monitor * 7919 % len(slots)].append(monitor)
    return slots


def naive_written(folder: Path, monitors: int, minutes: int, *, rollups: bool) -> None:
    """The reference: the obvious schema, committed as often, with a rollup a check or without."""
    db = sqlite3.connect(folder / f"naive-{rollups}.db", isolation_level=None)
    db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=OFF;" + NAIVE)
    db.execute("CREATE TABLE rollups (monitor, hour, up, held, PRIMARY KEY (monitor, hour)) WITHOUT ROWID")
    counter, count, slots = Counter(), 0, slots_of(monitors, 1000)
    for number in range(minutes * 60):
        db.execute("BEGIN")
        for monitor in slots[number % len(slots)]:
            at = START + number * 1000
            db.execute(NAIVE_INSERT, (monitor, at, *made(count)))
            if rollups:
                db.execute(
                    NAIVE_ROLLUP,
                    (monitor, at // times.HOUR, STEP),
                )
            count += 1
        db.execute("COMMIT")
    db.close()
    counter.row("rowid and index" + (", rollup (monitor, hour)" if rollups else ""), count)


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description="What history costs.")
    parser.add_argument("--monitors", type=int, default=116, help="with checks of their own, for the reads")
    parser.add_argument("--days", type=int, default=30, help="of checks")
    parser.add_argument("--seconds", type=float, default=4.0, help="a read is asked for")
    parser.add_argument("--hours", type=int, default=3, help="simulated, for the bytes")
    parser.add_argument("--only", choices=("reads", "bytes"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TICKD_BENCH_DIR")) as name:
        folder = Path(name)
        if options.only != "reads":
            say(f"  {'':44}{'bytes each':>10}{'CPU µs':>10}{'checks/s':>12}")
            asyncio.run(bytes_written(folder, 10_000, options.hours, 1000))
            asyncio.run(bytes_written(folder, 10_000, 1, 250))
            naive_written(folder, 10_000, 20, rollups=False)
            naive_written(folder, 10_000, 20, rollups=True)
        if options.only != "bytes":
            asyncio.run(reads(folder, options.monitors, options.days, options.seconds))


if __name__ == "__main__":
    main()
