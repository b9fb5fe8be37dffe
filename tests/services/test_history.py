"""The history: what it counts, pages and forgets, whatever happens to the process and the disk."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support.clock import FakeClock
from tests.support.daemon import NOON, opened
from tickd.domain import times
from tickd.domain.checks import STATUSES, Check, CheckStatus
from tickd.domain.uptime import COUNTS, Bucket
from tickd.errors import Unavailable
from tickd.services import history, history_reads, history_upkeep
from tickd.services.history import History
from tickd.services.history_upkeep import Retention
from tickd.store.checks import Pass
from tickd.store.database import Database

DAY = NOON // times.DAY
NAMES = ", ".join(COUNTS)
LOG = "(SELECT * FROM check_log_0 UNION SELECT * FROM check_log_1)"
MONITORS = range(1, 6)
MONITOR = (
    "INSERT INTO monitors (id, account_id, name, type, group_name, slug, public, paused, tags, options, "
    "state, failing, consecutive_failures, consecutive_successes, created_at, updated_at) "
    "VALUES (?, ?, 'm', 'http', '', ?, 1, 0, '[]', '{}', 'pending', 0, 0, 0, 0, 0)"
)


def with_monitors(tx: sqlite3.Connection) -> None:
    for row in MONITORS:
        tx.execute(MONITOR, (f"mon_{row}", "acc_default", f"m{row}"))


def check(monitor: int = 1, at: int = NOON, status: CheckStatus = "up", **more: Any) -> Check:
    return Check(monitor=monitor, at=at, status=status, **{"held_ms": 30_000, "duration_ms": 12.3} | more)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await opened(tmp_path / "tickd.db")
    await database.write(with_monitors)
    yield database
    await database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


async def begun(db: Database, clock: FakeClock, **more: Any) -> History:
    made = History(db, clock, **more)
    await made.begin()
    return made


async def idle(kept: History, clock: FakeClock) -> None:
    """Tick until nothing is left to do now."""
    await kept.flush()
    for _ in range(2000):
        if await kept.tick(clock.now()) > clock.now() + history.PAUSE:
            return
    raise AssertionError("it never rests")


async def later(kept: History, clock: FakeClock, milliseconds: int) -> None:
    """Let time pass, and all be done that is due then."""
    clock.set(clock.now() + milliseconds)
    await idle(kept, clock)


async def stored(db: Database, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await db.fetch(sql, values)]


# Any order of things: the answers are those of a list, and the rollups those of the rows.


class World:
    """A history, and beside it a plain list of what was recorded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = 0
        self._unique = 0
        self.clock = FakeClock(NOON)
        self.latest = NOON
        self.checks: list[Check] = []

    async def start(self) -> None:
        self.db = await opened(self._folder / f"{self._files}.db")
        self.history = await begun(self.db, self.clock)

    async def add(
        self, monitor: int, status: CheckStatus, late: int, ms: int | None, maintenance: bool
    ) -> None:
        self._unique += 1
        at = self.clock.now() - late + self._unique
        error = "" if status == "up" else status
        made = check(monitor, at, status, duration_ms=ms and ms / 10, error=error, maintenance=maintenance)
        self.checks.append(self.history.add(made))

    async def wait(self, milliseconds: int) -> None:
        self.clock.set(self.clock.now() + milliseconds)
        self.latest = max(self.latest, self.clock.now())

    async def tick(self, times: int) -> None:
        for _ in range(times):
            await self.history.tick(self.clock.now())

    async def flush(self) -> None:
        await self.history.flush()

    async def kill(self) -> None:
        """Go on with what is committed at this moment, as after kill -9."""
        self._files += 1
        path = str(self._folder / f"{self._files}.db")

        def copy(connection: sqlite3.Connection) -> list[tuple[int, int]]:
            target = sqlite3.connect(path)
            connection.backup(target)
            target.close()
            return raw(connection)

        before = self.history.waiting
        there = set(await self.db.alone(copy))
        assert len(self.checks) - len(there) <= before
        self.checks = [one for one in self.checks if (one.monitor, one.at) in there]
        await self.db.close()
        await self.start()

    async def compare(self) -> None:
        """Everything that can be asked, in whatever state it is."""
        now = self.clock.now()
        by_day: dict[tuple[int, int], Bucket] = {}
        for one in self.checks:
            bucket = by_day.setdefault((one.monitor, one.at // times.DAY), Bucket())
            bucket.add(one.status, one.duration_ms, one.held_ms, one.maintenance)
        since, until = DAY - 3, now // times.DAY
        lists = await self.history.buckets(list(MONITORS), since, until)
        for monitor in MONITORS:
            mine = sorted((one for one in self.checks if one.monitor == monitor), key=lambda one: -one.at)
            wanted = [
                (day, by_day[monitor, day]) for day in range(since, until + 1) if (monitor, day) in by_day
            ]
            assert await self.history.days(monitor, until - since + 1, now) == wanted
            assert (monitor in lists) == bool(wanted)
            assert await self.history.buckets([monitor], since, until) == {
                m: b for m, b in lists.items() if m == monitor
            }
            for name in COUNTS if wanted else ():
                assert getattr(lists[monitor], name) == sum(getattr(bucket, name) for _, bucket in wanted)
            known = [one for one in mine if one.status != "unknown" and not one.maintenance]
            failed = sum(one.status in ("down", "timeout") for one in known)
            assert self.history.lifetime(monitor) == (len(known), failed)
            for status in (None, "up", "down"):
                chosen = [one for one in mine if status in (None, one.status)]
                for limit, offset in ((100, 0), (2, 0), (3, len(chosen) // 2), (5, len(chosen))):
                    page = await self.history.page(monitor, status=status, limit=limit, offset=offset)
                    assert page == (chosen[offset : offset + limit], len(chosen))
            order = [one.at for one in self.checks if one.monitor == monitor]
            if order == sorted(order):
                newest = await self.history.newest(list(MONITORS))
                assert newest.get(monitor) == (mine[0] if mine else None)
            start = now - 5 * times.HOUR
            points = [(one.at, one.duration_ms, one.status) for one in mine[::-1] if start <= one.at < now]
            assert await self.history.latency(monitor, start, now) == points
            seen = [
                (one.at, one.status, int(one.duration_ms or 0), one.error, None)
                for one in mine[::-1]
                if start <= one.at < now
            ]
            assert await self.history.looks(monitor, start, now) == seen

    async def rest(self) -> None:
        """At last all is moved, and counted where it is."""
        await self.flush()
        await later(self.history, self.clock, self.latest + 4 * times.HOUR - self.clock.now())
        await self.compare()
        await self.verify()
        await self.kill()
        await self.compare()
        assert await stored(self.db, f"SELECT count(*) FROM {LOG}") == [(0,)]  # noqa: S608
        counts = await stored(self.db, "SELECT row, checks_total, checks_failed FROM monitors")
        assert counts == [(monitor, *self.history.lifetime(monitor)) for monitor in MONITORS]

    async def verify(self) -> None:
        """The rollups on disk are those of the rows that have been moved."""
        # In one go: what still waits to be written would come between two reads.
        from_rows, from_sums = await self.db.alone(lambda tx: (recomputed(tx), rolled(tx)))
        assert from_rows == from_sums


def raw(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """(monitor, at) of every check that is stored, each once."""
    mark = Pass(*connection.execute("SELECT number, hour, upto, done FROM check_pass").fetchone())
    found = [
        (row[1], row[2])
        for row in connection.execute(f"SELECT * FROM {LOG}")  # noqa: S608
        if not mark.has_rolled(*row[:3])
    ]
    for day in days_of(connection):
        for (place,) in connection.execute(f"SELECT place FROM checks_{day}"):  # noqa: S608
            monitor = place >> 22 & 0x3FFFFF
            found.append((monitor, day * times.DAY + (place >> 44) * times.HOUR + (place & 0x3FFFFF)))
    assert len(found) == len(set(found))
    return found


def days_of(connection: sqlite3.Connection) -> list[int]:
    names = connection.execute("SELECT name FROM sqlite_schema WHERE name GLOB 'checks_[0-9]*'").fetchall()
    return [int(name[7:]) for (name,) in names]


def recomputed(connection: sqlite3.Connection) -> dict[tuple[str, int, int], Bucket]:
    found: dict[tuple[str, int, int], Bucket] = {}
    for day in days_of(connection):
        for row in connection.execute(f"SELECT * FROM checks_{day}"):  # noqa: S608
            place, status, held, _, tenths = row[:5]
            hour, monitor = place >> 44, place >> 22 & 0x3FFFFF
            for key in (("hour", day * 24 + hour, monitor), ("day", day, monitor)):
                ms = None if tenths is None else tenths / 10
                found.setdefault(key, Bucket()).add(STATUSES[status & 15], ms, held, status >= 16)
    return found


def rolled(connection: sqlite3.Connection) -> dict[tuple[str, int, int], Bucket]:
    found: dict[tuple[str, int, int], Bucket] = {}
    for span in ("hour", "day"):
        for row in connection.execute(f"SELECT {span}, monitor, {NAMES}, histogram FROM {span}_rollups"):  # noqa: S608
            numbers = dict(zip(COUNTS, row[2:-1], strict=True))
            found[span, row[0], row[1]] = Bucket.from_bytes(row[-1], **numbers)
    return found


STEPS = st.one_of(
    st.tuples(
        st.just("add"),
        st.sampled_from(MONITORS),
        st.sampled_from(STATUSES),
        st.sampled_from((0, 0, 0, 1000, 70 * times.MINUTE, 3 * times.HOUR, -2 * times.HOUR)),
        st.none() | st.integers(1, 90_000),
        st.booleans(),
    ),
    st.tuples(st.just("wait"), st.sampled_from((20 * times.MINUTE, times.HOUR, 7 * times.HOUR, -times.HOUR))),
    st.tuples(st.just("tick"), st.integers(1, 9)),
    st.tuples(st.sampled_from(("flush", "flush", "kill", "compare", "verify"))),
)


@given(st.lists(STEPS, max_size=40))
@settings(max_examples=15, phases=[Phase.generate])
def test_any_order_of_things(steps: list[tuple[Any, ...]]) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            # Slices so small that every step may find them half done.
            patch.setattr(history_upkeep, "SLICE", 3)
            patch.setattr(history_upkeep, "CARRIED", 4)
            patch.setattr(history, "READ", 3)
            patch.setattr(history, "AT_ONCE", 0)
            patch.setattr(history_reads, "SEEKS", 4)
            world = World(Path(folder))
            await world.start()
            try:
                await world.db.write(with_monitors)
                for name, *values in steps:
                    await getattr(world, name)(*values)
                await world.compare()
                await world.rest()
            finally:
                await world.db.close()

    asyncio.run(play())


# One thing at a time.


async def test_a_check_comes_back_as_it_was(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock)
    whole = check(
        status="timeout",
        status_code=503,
        duration_ms=1234.5,
        dns_ms=0.1,
        connect_ms=20.0,
        tls_ms=30.3,
        first_byte_ms=1000.0,
        ssl_expires_at=NOON + times.DAY,
        error="it said \ud800 and more",
    )
    assert kept.add(whole) is whole
    told = check(status="timeout", error="it said ? and more")
    told = Check(**{name: getattr(whole, name) for name in Check.__struct_fields__} | {"error": told.error})
    assert await kept.page(1, limit=10) == ([told], 1)  # before its commit
    await kept.flush()
    assert await kept.page(1, limit=10) == ([told], 1)
    await later(kept, clock, 2 * times.HOUR)
    assert await stored(db, f"SELECT count(*) FROM {LOG}") == [(0,)]  # noqa: S608
    assert await kept.page(1, limit=10) == ([told], 1)


async def test_a_lazy_commit_takes_less_than_a_quarter_of_a_second(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock)
    kept.add(check())
    for _ in range(50):
        if not kept.waiting:
            break
        await asyncio.sleep(0.02)
    assert await stored(db, f"SELECT seq, monitor, at FROM {LOG}") == [(1, 1, NOON)]  # noqa: S608


async def test_times_of_a_monitor_only_grow(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock)
    recorded = [kept.add(check(at=at)).at for at in (NOON, NOON, NOON - 5, NOON + 9)]
    assert recorded == [NOON, NOON + 1, NOON + 2, NOON + 9]
    await kept.flush()


async def test_checks_and_a_state_are_one_transaction(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock)
    kept.add(check(1))
    kept.add(check(2))

    def state(tx: sqlite3.Connection) -> int:
        tx.execute("UPDATE monitors SET state = 'down' WHERE row = 1")
        (count,) = tx.execute(f"SELECT count(*) FROM {LOG}").fetchone()  # noqa: S608
        return int(count)

    assert await kept.write_with(state) == 2
    assert kept.waiting == 0
    assert await kept.write_with(lambda tx: 7) == 7

    def fail(tx: sqlite3.Connection) -> None:
        raise ValueError("no")

    kept.add(check(1, NOON + 1))
    with pytest.raises(ValueError, match="no"):
        await kept.write_with(fail)
    await kept.flush()
    assert await stored(db, f"SELECT monitor FROM {LOG} ORDER BY seq") == [(1,), (2,), (1,)]  # noqa: S608
    assert kept.lifetime(1) == (2, 0)


async def test_who_is_cancelled_loses_no_check(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock)
    kept.add(check())
    task = asyncio.create_task(kept.write_with(lambda tx: None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await kept.flush()
    await later(kept, clock, 2 * times.HOUR)
    assert await kept.days(1, 1, clock.now()) == [(DAY, counted(check()))]


def counted(*checks: Check) -> Bucket:
    bucket = Bucket()
    for one in checks:
        bucket.add(one.status, one.duration_ms, one.held_ms, one.maintenance)
    return bucket


async def test_checks_in_maintenance_are_kept_and_left_out(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock)
    marks: list[tuple[CheckStatus, bool]] = [("up", False), ("down", True), ("timeout", True), ("up", True)]
    marks += [("down", False), ("unknown", True), ("up", False), ("degraded", True)]
    recorded = [
        kept.add(check(at=NOON + n, status=status, maintenance=planned))
        for n, (status, planned) in enumerate(marks)
    ]

    async def agree(kept: History) -> None:
        assert (await kept.page(1, limit=9))[0] == recorded[::-1]
        assert await kept.page(1, status="down", limit=9) == ([recorded[4], recorded[1]], 2)
        ((_, day),) = await kept.days(1, 1, clock.now())
        assert (day.checks, day.failed, day.held_maintenance, day.held_unknown) == (3, 1, 150_000, 0)
        assert day.uptime_percent() == pytest.approx(100 * 2 / 3)
        (listed,) = (await kept.buckets([1], DAY, DAY)).values()
        assert listed.counts() == day.counts() == counted(*recorded).counts()
        assert kept.lifetime(1) == (3, 1)
        points = await kept.latency(1, NOON, NOON + 99)
        assert [status for _, _, status in points] == [status for status, _ in marks]

    await agree(kept)  # before their commit
    await kept.flush()
    await agree(kept)
    await agree(await begun(db, clock))  # as after a restart
    again = await begun(db, clock)
    await later(again, clock, 2 * times.HOUR)
    await agree(again)
    await agree(await begun(db, clock))
    assert await stored(db, "SELECT checks_total, checks_failed FROM monitors WHERE row = 1") == [(3, 1)]
    assert await db.alone(recomputed) == await db.alone(rolled)


async def limit_pages(db: Database, more: int) -> None:
    def task(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + more}").fetchall()

    await db.alone(task)


async def test_a_full_disk_loses_only_what_memory_cannot_hold(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock, waiting=60)
    kept.add(check(at=NOON))
    await kept.flush()
    await limit_pages(db, 0)
    long = "x" * 3000
    recorded = [kept.add(check(at=NOON + n, status="down", error=long)) for n in range(1, 50)]
    with pytest.raises(Unavailable, match="the disk is full"):
        await kept.write_with(lambda tx: None)
    await kept.flush()  # says so and returns
    assert kept.waiting == 49
    assert kept.lifetime(1) == (50, 49)
    page, total = await kept.page(1, status="down", limit=5)
    assert (page, total) == (recorded[:-6:-1], 49)
    recorded += [kept.add(check(at=NOON + n, status="down", error=long)) for n in range(50, 80)]
    with pytest.raises(Unavailable, match="the disk is full"):
        await kept.write_with(lambda tx: None)
    for _ in range(100):  # the lazy one ends, and then the oldest go
        if kept.dropped:
            break
        await asyncio.sleep(0.02)
    assert (kept.dropped, kept.waiting) == (19, 60)
    assert kept.lifetime(1) == (61, 60)
    await limit_pages(db, 1000)
    await idle(kept, clock)
    assert kept.waiting == 0
    await later(kept, clock, 2 * times.HOUR)
    assert await kept.page(1, limit=3) == (recorded[:-4:-1], 61)
    assert await kept.days(1, 1, clock.now()) == [(DAY, counted(check(), *recorded[19:]))]
    assert await db.alone(recomputed) == await db.alone(rolled)


async def test_a_move_that_meets_a_full_disk_goes_on_later(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock)
    recorded = [kept.add(check(at=NOON + n, status="down", error="x" * 500)) for n in range(200)]
    await kept.flush()
    await limit_pages(db, 3)
    clock.set(NOON + 2 * times.HOUR)
    for _ in range(3):
        with pytest.raises(Unavailable, match="the disk is full"):
            for _ in range(50):
                await kept.tick(clock.now())
        assert await kept.page(1, limit=2, offset=100) == (recorded[99:97:-1], 200)
        assert await kept.days(1, 1, clock.now()) == [(DAY, counted(*recorded))]
    await limit_pages(db, 1000)
    await idle(kept, clock)
    assert await kept.page(1, limit=2, offset=100) == (recorded[99:97:-1], 200)
    assert await db.alone(recomputed) == await db.alone(rolled)


async def test_two_checks_of_one_millisecond_after_a_restart(db: Database, clock: FakeClock) -> None:
    for number in range(2):
        kept = await begun(db, clock)
        last = NOON // times.HOUR * times.HOUR + times.HOUR - 1
        for at in (NOON, last):
            kept.add(check(at=at, status=("up", "down")[number]))
        await kept.flush()
        clock.set(NOON)  # the clock was put back
    await later(kept, clock, 2 * times.HOUR)
    page, total = await kept.page(1, limit=10)
    assert total == 4
    assert {one.at % times.HOUR for one in page} == {0, 1, 2, times.HOUR - 1}
    assert await db.alone(recomputed) == await db.alone(rolled)


async def test_a_late_check_joins_its_hour(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock)
    first, late = check(at=NOON), check(at=NOON + 5, status="down")
    kept.add(first)
    await kept.flush()
    await later(kept, clock, 2 * times.HOUR)
    assert await stored(db, "SELECT up, down FROM hour_rollups") == [(1, 0)]
    kept.add(late)
    await kept.flush()
    await idle(kept, clock)
    assert await kept.days(1, 1, clock.now()) == [(DAY, counted(first, late))]
    assert await kept.page(1, limit=5) == ([late, first], 2)
    await later(kept, clock, 2 * times.HOUR)
    assert await stored(db, "SELECT up, down FROM hour_rollups") == [(1, 1)]
    assert await kept.days(1, 1, clock.now()) == [(DAY, counted(first, late))]
    assert await kept.page(1, limit=5) == ([late, first], 2)


async def test_retention(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock, retention=Retention(raw_days=2, hourly_days=4))
    recorded = []
    for day in range(8):
        recorded.append(kept.add(check(at=NOON + day * times.DAY)))
        await kept.flush()
        await later(kept, clock, times.DAY - times.HOUR)
        await later(kept, clock, times.HOUR)
    await later(kept, clock, history_upkeep.DROP_AFTER)
    now = clock.now()
    assert now == NOON + 8 * times.DAY + history_upkeep.DROP_AFTER
    assert await db.alone(days_of) == [DAY + 6, DAY + 7]
    assert await kept.page(1, limit=9) == ([recorded[7], recorded[6]], 2)
    assert [hour // 24 for (hour,) in await stored(db, "SELECT hour FROM hour_rollups")] == [
        *range(DAY + 4, DAY + 8)
    ]
    assert [day for day, _ in await kept.days(1, 90, now)] == [*range(DAY, DAY + 8)]
    # An account of its own: what it keeps for a shorter time is not shown, what it keeps for longer stays.
    own = "INSERT OR REPLACE INTO check_retention VALUES ('acc_default', ?, 400)"
    await db.write(lambda tx: tx.execute(own, (1,)).rowcount)
    assert await kept.page(1, limit=9) == ([recorded[7]], 1)
    await db.write(lambda tx: tx.execute(own, (5,)).rowcount)
    await later(kept, clock, 2 * times.DAY)
    assert await kept.page(1, limit=9) == ([recorded[7], recorded[6]], 2)


async def test_a_clock_far_ahead_takes_no_history(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock)
    recorded = kept.add(check())
    await kept.flush()
    await later(kept, clock, 2 * times.HOUR)
    await later(kept, clock, 4000 * times.DAY)
    await later(kept, clock, times.MINUTE)
    clock.set(NOON + 3 * times.HOUR)
    await idle(kept, clock)
    assert await kept.page(1, limit=9) == ([recorded], 1)


async def test_a_deleted_monitor_leaves_nothing(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock)
    for day in range(3):
        for monitor in (1, 2):
            kept.add(check(monitor, NOON + day * times.DAY))
        await kept.flush()
        await later(kept, clock, times.DAY)
    kept.add(check(1, clock.now()))
    kept.add(check(2, clock.now()))

    def delete(tx: sqlite3.Connection) -> None:
        tx.execute("DELETE FROM monitors WHERE row = 1")
        kept.forget(tx, 1)

    await db.write(delete)
    await idle(kept, clock)
    kept.add(check(1, clock.now()))  # it was under way
    await later(kept, clock, 2 * times.HOUR)
    assert {monitor for monitor, _ in await db.alone(raw)} == {2}
    assert {key[2] for key in await db.alone(rolled)} == {2}
    assert await stored(db, "SELECT * FROM deleted_monitors") == []
    assert await kept.page(1, limit=9) == ([], 0)
    assert kept.lifetime(1, 5, 4) == (5, 4)
    assert (await kept.page(2, limit=9))[1] == 4


async def test_a_row_that_cannot_be_stored_goes_alone(db: Database, clock: FakeClock) -> None:
    kept = await begun(db, clock)
    recorded = [kept.add(check(at=NOON + n, held_ms=1 << 70 if n == 3 else 1)) for n in range(6)]
    assert await kept.write_with(lambda tx: 7) == 7
    assert (kept.dropped, kept.waiting) == (1, 0)
    assert await kept.page(1, limit=9) == ([one for one in reversed(recorded) if one.held_ms == 1], 5)


async def test_reads_while_everything_moves(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_upkeep, "SLICE", 2)
    monkeypatch.setattr(history_reads, "SEEKS", 5)
    kept = await begun(db, clock)
    recorded = [kept.add(check(monitor, NOON + n)) for n in range(30) for monitor in MONITORS]
    await kept.flush()
    clock.set(NOON + 2 * times.HOUR)
    mover = asyncio.create_task(idle(kept, clock))
    newest = [one for one in reversed(recorded) if one.monitor == 3]
    rounds = 0
    while not mover.done():
        rounds += 1
        assert await kept.page(3, limit=5, offset=10) == (newest[10:15], 30)
        assert await kept.days(3, 5, clock.now()) == [(DAY, counted(*newest))]
        lists = await kept.buckets(list(MONITORS), DAY - 3, DAY)
        assert [bucket.checks for bucket in lists.values()] == [30] * 5
        assert len(await kept.latency(3, NOON, NOON + times.HOUR)) == 30
    await mover
    assert rounds > 2
