"""The history: what it counts, pages and forgets, whatever happens to the process and the disk."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clock import FakeClock
from tests.support.daemon import NOON
from tickd.domain import times
from tickd.domain.checks import STATUSES, Check, CheckStatus
from tickd.domain.uptime import COUNTS, Bucket
from tickd.errors import Unavailable
from tickd.services import history, history_upkeep
from tickd.services.history import History
from tickd.services.history_upkeep import Retention
from tickd.store.checks import Pass
from tickd.store.database import Database

DAY = NOON // times.DAY
MONITORS = range(1, 6)
MONITOR = (
    "INSERT INTO monitors (id, account_id, name, type, group_name, slug, public, paused, tags, options, state, "
    "failing, consecutive_failures, consecutive_successes, created_at, updated_at) "
    "VALUES (?, ?, 'm', 'http', '', ?, 1, 0, '[]', '{}', 'pending', 0, 0, 0, 0, 0)"
)


def with_monitors(tx: sqlite3.Connection) -> None:
    for row in MONITORS:
        tx.execute(MONITOR, (f"mon_{row}", "acc_default", f"m{row}"))


def check(monitor: int = 1, at: int = NOON, status: CheckStatus = "up", **more: Any) -> Check:
    return Check(monitor=monitor, at=at, status=status, **{"held_ms": 30_000, "duration_ms": 12.3} | more)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(str(tmp_path / "tickd.db"))
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
        self.checks: list[Check] = []

    async def start(self) -> None:
        self.db = await Database.open(str(self._folder / f"{self._files}.db"))
        self.history = await begun(self.db, self.clock)

    async def add(self, monitor: int, status: CheckStatus, late: int, ms: int | None) -> None:
        self._unique += 1
        at = self.clock.now() - late + self._unique
        made = check(monitor, at, status, duration_ms=ms and ms / 10, error="" if status == "up" else status)
        self.checks.append(self.history.add(made))

    async def wait(self, milliseconds: int) -> None:
        self.clock.set(self.clock.now() + milliseconds)

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
            bucket.add(one.status, one.duration_ms, one.held_ms)
        since, until = DAY - 3, now // times.DAY
        lists = await self.history.buckets(list(MONITORS), since, until)
        for monitor in MONITORS:
            mine = sorted((one for one in self.checks if one.monitor == monitor), key=lambda one: -one.at)
            wanted = [(day, by_day[monitor, day]) for day in range(since, until + 1) if (monitor, day) in by_day]
            assert await self.history.days(monitor, until - since + 1, now) == wanted
            assert (monitor in lists) == bool(wanted)
            for name in COUNTS if wanted else ():
                assert getattr(lists[monitor], name) == sum(getattr(bucket, name) for _, bucket in wanted)
            total = sum(bucket.checks for _, bucket in wanted), sum(bucket.failed for _, bucket in wanted)
            assert self.history.lifetime(monitor) == total
            for status in (None, "up", "down"):
                chosen = [one for one in mine if status in (None, one.status)]
                for limit, offset in ((100, 0), (2, 0), (3, len(chosen) // 2), (5, len(chosen))):
                    page = await self.history.page(monitor, status=status, limit=limit, offset=offset)  # type: ignore[arg-type]
                    assert page == (chosen[offset : offset + limit], len(chosen))
            start = now - 5 * times.HOUR
            points = [(one.at, one.duration_ms, one.status) for one in mine[::-1] if start <= one.at < now]
            assert await self.history.latency(monitor, start, now) == points

    async def verify(self) -> None:
        """The rollups on disk are those of the rows that have been moved."""
        assert await self.db.alone(recomputed) == await self.db.alone(rolled)


def raw(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """(monitor, at) of every check that is stored, each once."""
    mark = Pass(*connection.execute("SELECT number, hour, upto, done FROM check_pass").fetchone())
    found = [(row[1], row[2]) for row in connection.execute("SELECT * FROM check_log") if not mark.has_rolled(*row[:3])]
    for day in days_of(connection):
        for hour, monitor, ms in connection.execute(f"SELECT hour, monitor, ms FROM checks_{day}"):
            found.append((monitor, day * times.DAY + hour * times.HOUR + ms))
    assert len(found) == len(set(found))
    return found


def days_of(connection: sqlite3.Connection) -> list[int]:
    names = connection.execute("SELECT name FROM sqlite_schema WHERE name GLOB 'checks_[0-9]*'").fetchall()
    return [int(name[7:]) for (name,) in names]


def recomputed(connection: sqlite3.Connection) -> dict[tuple[str, int, int], Bucket]:
    found: dict[tuple[str, int, int], Bucket] = {}
    for day in days_of(connection):
        for row in connection.execute(f"SELECT * FROM checks_{day}"):
            hour, monitor, _, status, held, _, tenths = row[:7]
            for key in (("hour", day * 24 + hour, monitor), ("day", day, monitor)):
                ms = None if tenths is None else tenths / 10
                found.setdefault(key, Bucket()).add(STATUSES[status], ms, held)
    return found


def rolled(connection: sqlite3.Connection) -> dict[tuple[str, int, int], Bucket]:
    found: dict[tuple[str, int, int], Bucket] = {}
    for span in ("hour", "day"):
        for row in connection.execute(f"SELECT * FROM {span}_rollups"):
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
    ),
    st.tuples(st.just("wait"), st.sampled_from((20 * times.MINUTE, times.HOUR, 7 * times.HOUR, -times.HOUR))),
    st.tuples(st.just("tick"), st.integers(1, 9)),
    st.tuples(st.sampled_from(("flush", "flush", "kill", "compare", "verify"))),
)


@given(st.lists(STEPS, max_size=50))
@settings(max_examples=40)
def test_any_order_of_things(steps: list[tuple[Any, ...]]) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            for module, name, value in ((history_upkeep, "SLICE", 3), (history_upkeep, "SWEPT", 4), (history, "READ", 3), (history, "AT_ONCE", 0)):
                patch.setattr(module, name, value)
            world = World(Path(folder))
            await world.start()
            await world.db.write(with_monitors)
            for name, *values in steps:
                await getattr(world, name)(*values)
            await world.compare()
            world.clock.set(max([world.clock.now(), *(one.at for one in world.checks)]) + 2 * times.HOUR)
            await idle(world.history, world.clock)
            await world.compare()
            await world.verify()
            await world.kill()
            await world.compare()
            assert await stored(world.db, "SELECT count(*) FROM check_log") == [(0,)]
            counts = {row: (total, failed) for row, total, failed in await stored(world.db, "SELECT row, checks_total, checks_failed FROM monitors")}
            assert counts == {monitor: world.history.lifetime(monitor) for monitor in MONITORS}
            await world.db.close()

    asyncio.run(play())
