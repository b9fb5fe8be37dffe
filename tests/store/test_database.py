"""The writer's two lanes, the readers, the backup: in memory and on real files."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tickd.errors import Invalid, StartupError, Unavailable
from tickd.store import writer
from tickd.store.database import MEMORY, Database

SCHEMA = """
CREATE TABLE pings (n INTEGER PRIMARY KEY, pair INTEGER NOT NULL);
CREATE TABLE pairs (n INTEGER PRIMARY KEY);
CREATE TABLE parents (id INTEGER PRIMARY KEY);
CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_pings.sql").write_text(SCHEMA)
    return folder


@pytest.fixture(params=["file", "memory"])
async def db(request: pytest.FixtureRequest, tmp_path: Path, migrations: Path) -> AsyncIterator[Database]:
    path = MEMORY if request.param == "memory" else str(tmp_path / "tickd.db")
    database = await Database.open(path, migrations=migrations)
    yield database
    await database.close()


@pytest.fixture
async def file_db(tmp_path: Path, migrations: Path) -> AsyncIterator[Database]:
    database = await Database.open(str(tmp_path / "tickd.db"), migrations=migrations, readers=1)
    yield database
    await database.close()


def ping(n: int) -> Callable[[sqlite3.Connection], int]:
    def unit(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO pings (n, pair) VALUES (?, ?)", (n, n))
        connection.execute("INSERT INTO pairs (n) VALUES (?)", (n,))
        return n

    return unit


def fail(error: BaseException) -> Callable[[sqlite3.Connection], int]:
    def unit(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO pings (n, pair) VALUES (-1, -1)")
        raise error

    return unit


async def pings(db: Database) -> list[int]:
    return [row["n"] for row in await db.fetch("SELECT n FROM pings ORDER BY n")]


@asynccontextmanager
async def held(db: Database) -> AsyncIterator[None]:
    """Keep the writer busy, so that what is handed over meanwhile is one batch."""
    gate, busy = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(busy.set)
        gate.wait(10)

    task = asyncio.ensure_future(db.alone(hold))
    await busy.wait()
    try:
        yield
        await asyncio.sleep(0)  # the tasks made inside hand their units over
    finally:
        gate.set()
    await task


async def test_a_unit_is_committed_when_it_is_answered(db: Database) -> None:
    assert await db.write(ping(1)) == 1
    assert await pings(db) == [1]
    row = await db.fetch_one("SELECT n, pair FROM pings WHERE n = :n", {"n": 1})
    assert row is not None and (row["n"], row[1]) == (1, 1)
    assert await db.fetch_one("SELECT n FROM pings WHERE n = ?", (2,)) is None


async def test_what_waits_is_one_commit(db: Database) -> None:
    before = db.stats
    async with held(db):
        tasks = [asyncio.ensure_future(db.write(ping(n))) for n in range(200)]
        lazy = [db.write_soon(ping(n)) for n in range(200, 300)]
        await asyncio.sleep(0)
        assert (db.stats.urgent_waiting, db.stats.lazy_waiting) == (200, 100)
    assert await asyncio.gather(*tasks, *lazy) == list(range(300))
    after = db.stats
    assert after.units - before.units == 300
    assert after.commits - before.commits == after.batches - before.batches == 1
    assert after.commit_histogram[-1] == (float("inf"), after.commits)
    assert 0 < after.last_commit_secs <= after.total_commit_secs
    assert (after.urgent_waiting, after.lazy_waiting, after.last_error, after.alive) == (0, 0, None, True)


async def test_a_failing_unit_fails_alone(db: Database) -> None:
    async with held(db):
        good = [asyncio.ensure_future(db.write(ping(n))) for n in (1, 2)]
        bad = asyncio.ensure_future(db.write(fail(ValueError("no"))))
        double = asyncio.ensure_future(db.write(ping(1)))
        late = asyncio.ensure_future(db.write(ping(3)))
    with pytest.raises(ValueError, match="no"):
        await bad
    with pytest.raises(sqlite3.IntegrityError):
        await double
    assert await asyncio.gather(*good, late) == [1, 2, 3]
    assert await pings(db) == [1, 2, 3]
    assert db.stats.failed_units == 2
    assert db.stats.last_error is None


async def test_a_commit_that_fails_is_tried_again_unit_by_unit(db: Database) -> None:
    def orphan(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO children (parent) VALUES (7)")

    async with held(db):
        good = [asyncio.ensure_future(db.write(ping(n))) for n in range(3)]
        bad = asyncio.ensure_future(db.write(orphan))
        more = [asyncio.ensure_future(db.write(ping(n))) for n in range(3, 6)]
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await bad
    assert await asyncio.gather(*good, *more) == list(range(6))
    assert await pings(db) == list(range(6))
    assert db.stats.failed_batches == 1


async def test_no_unit_is_good_that_sqlite_rolled_back(db: Database) -> None:
    def rollback(connection: sqlite3.Connection) -> None:  # ends the transaction, as a full disk does
        connection.execute("INSERT OR ROLLBACK INTO pings (n, pair) VALUES (0, 0)")

    await db.write(ping(0))
    async with held(db):
        good = [asyncio.ensure_future(db.write(ping(n))) for n in (1, 2)]
        bad = asyncio.ensure_future(db.write(rollback))
        late = asyncio.ensure_future(db.write(ping(3)))
    with pytest.raises(sqlite3.IntegrityError):
        await bad
    assert await asyncio.gather(*good, late) == [1, 2, 3]
    assert await pings(db) == [0, 1, 2, 3]


@pytest.mark.parametrize("sql", ["COMMIT", "ROLLBACK", "BEGIN", "END"])
async def test_a_unit_cannot_end_its_batch(db: Database, sql: str) -> None:
    def unit(connection: sqlite3.Connection) -> None:
        connection.execute(sql)

    def script(connection: sqlite3.Connection) -> None:
        connection.executescript("DELETE FROM pings")

    async with held(db):
        good = asyncio.ensure_future(db.write(ping(1)))
        bad = [asyncio.ensure_future(db.write(unit)) for _ in range(2)]
        bad.append(asyncio.ensure_future(db.write(script)))
    for answer in await asyncio.gather(*bad, return_exceptions=True):
        assert isinstance(answer, sqlite3.DatabaseError)
    assert await good == 1
    assert await pings(db) == [1]


async def test_a_unit_may_use_savepoints(db: Database) -> None:
    def unit(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO pings VALUES (1, 1)")
        connection.execute("SAVEPOINT mine")
        connection.execute("INSERT INTO pings VALUES (2, 2)")
        connection.execute("ROLLBACK TO mine")

    await db.write(unit)
    assert await pings(db) == [1]


async def test_a_returned_cursor_is_refused(db: Database) -> None:
    with pytest.raises(TypeError, match="cursor"):
        await db.write(lambda connection: connection.execute("INSERT INTO pings VALUES (1, 1)"))
    assert await pings(db) == []


async def test_stop_iteration_is_an_answer(db: Database) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await db.write(fail(StopIteration()))


async def test_a_lazy_unit_rides_along(db: Database) -> None:
    lazy = db.write_soon(ping(1))
    await db.write(ping(2))
    assert lazy.done() and lazy.result() == 1


async def test_a_lazy_unit_waits_a_quarter_of_a_second_at_most(db: Database) -> None:
    async with asyncio.timeout(2):
        assert await asyncio.gather(*(db.write_soon(ping(n)) for n in range(50))) == list(range(50))
    assert db.stats.batches == 1


async def test_a_full_batch_of_lazy_units_does_not_wait(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LAZY_SECS", 60)
    monkeypatch.setattr(writer, "MAX_SECS", 60)  # a busy machine must not cut the batch in two
    units = [db.write_soon(ping(n)) for n in range(writer.MAX_UNITS)]
    async with asyncio.timeout(5):
        await asyncio.gather(*units)


async def test_urgent_units_do_not_starve_lazy_ones(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LAZY_SECS", 0)
    monkeypatch.setattr(writer, "MAX_UNITS", 10)
    async with held(db):
        order: list[str] = []
        lazy = [db.write_soon(lambda _: order.append("lazy")) for _ in range(5)]
        urgent = [asyncio.ensure_future(db.write(lambda _: order.append("urgent"))) for _ in range(95)]
    await asyncio.gather(*lazy, *urgent)
    assert order[:12] == ["urgent", "lazy"] * 5 + ["urgent"] * 2


async def test_a_cancelled_caller_disturbs_nobody(db: Database) -> None:
    async with held(db):
        tasks = [asyncio.ensure_future(db.write(ping(n))) for n in range(5)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        tasks[3].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, int)] == [0, 2, 4]
    assert await pings(db) == [0, 1, 2, 3, 4]  # what was handed over is written


async def test_a_full_lane_says_so(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING", 3)
    async with held(db):
        lazy = [db.write_soon(ping(n)) for n in range(3)]
        with pytest.raises(Unavailable, match="too many"):
            db.write_soon(ping(3))
        urgent = asyncio.ensure_future(db.write(ping(4)))
    await asyncio.gather(urgent, *lazy)


async def test_fifty_thousand_units(file_db: Database) -> None:
    db = file_db
    answers = await asyncio.gather(*(db.write(ping(n)) for n in range(50_000)))
    assert answers == list(range(50_000))
    row = await db.fetch_one("SELECT count(*), (SELECT count(*) FROM pairs) FROM pings")
    assert row is not None and tuple(row) == (50_000, 50_000)
    assert db.stats.commits < 1000


async def test_closing_runs_what_waits(tmp_path: Path, migrations: Path) -> None:
    path = str(tmp_path / "tickd.db")
    db = await Database.open(path, migrations=migrations)
    urgent = [asyncio.ensure_future(db.write(ping(n))) for n in range(3000)]
    lazy = [db.write_soon(ping(n)) for n in range(3000, 6000)]
    await asyncio.sleep(0)
    await db.close()
    assert await asyncio.gather(*urgent, *lazy) == list(range(6000))
    for call in (db.write(ping(1)), db.fetch("SELECT 1"), db.alone(ping(1)), db.backup(tmp_path / "b.db")):
        with pytest.raises(Unavailable, match="the daemon is stopping"):
            await call
    with pytest.raises(Unavailable, match="the daemon is stopping"):
        db.write_soon(ping(1))
    await db.close()
    assert sorted(os.listdir(tmp_path)) == ["migrations", "tickd.db", "tickd.db.lock"]  # no -wal is left
    again = await Database.open(path, migrations=migrations)
    assert await pings(again) == list(range(6000))
    await again.close()


async def test_alone_runs_outside_a_transaction(db: Database) -> None:
    # `PRAGMA incremental_vacuum` frees all its pages through executescript only, and that commits.
    def shrink(connection: sqlite3.Connection) -> int:
        assert not connection.in_transaction
        connection.executescript("PRAGMA incremental_vacuum(50)")
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0])

    def fill(connection: sqlite3.Connection) -> int:
        connection.execute("CREATE TABLE much (x)")
        connection.executemany("INSERT INTO much VALUES (?)", [(bytes(3000),)] * 100)
        connection.execute("DELETE FROM much")
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0])

    free = await db.write(fill)
    assert await db.alone(shrink) == free - 50


async def test_alone_leaves_no_transaction_behind(db: Database) -> None:
    def begin(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO pings VALUES (1, 1)")

    await db.alone(begin)
    await db.write(ping(2))
    assert await pings(db) == [2]


async def test_pragmas(file_db: Database, tmp_path: Path) -> None:
    def read(connection: sqlite3.Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "secure_delete", "auto_vacuum", "foreign_keys", "temp_store")
        return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    assert await file_db.write(read) == {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 0,
        "auto_vacuum": 2,
        "foreign_keys": 1,
        "temp_store": 2,
    }
    assert (tmp_path / "tickd.db").stat().st_mode & 0o077 == 0


def test_a_pragma_that_does_not_take_stops_the_start(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA auto_vacuum=0; PRAGMA application_id=0x7469636B; CREATE TABLE t (a)")
    with pytest.raises(StartupError, match="PRAGMA auto_vacuum did not take: 0 instead of 2"):
        asyncio.run(Database.open(str(path), migrations=migrations))


async def test_reads_do_not_wait_for_the_writer(file_db: Database) -> None:
    await file_db.write(ping(1))
    async with held(file_db):
        late = asyncio.ensure_future(file_db.write(ping(2)))
        await asyncio.sleep(0)
        assert await pings(file_db) == [1]
    await late
    assert await pings(file_db) == [1, 2]


async def test_reads_cannot_write(db: Database) -> None:
    with pytest.raises(Unavailable):
        await db.fetch("INSERT INTO pings VALUES (1, 1) RETURNING n")
    await db.write(ping(2))
    assert await pings(db) == [2]
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await db.fetch("SELECT * FROM nowhere")


async def test_a_cancelled_read_gives_its_thread_back(file_db: Database) -> None:
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await file_db.fetch(endless)
    async with asyncio.timeout(5):
        assert await pings(file_db) == []


async def test_closing_interrupts_reads(tmp_path: Path, migrations: Path) -> None:
    db = await Database.open(str(tmp_path / "tickd.db"), migrations=migrations, readers=1)
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    reading = asyncio.ensure_future(db.fetch(endless))
    await asyncio.sleep(0.02)
    async with asyncio.timeout(5):
        await db.close()
    with pytest.raises(Unavailable, match="the daemon is stopping"):
        await reading


async def test_backup_while_writes_go_on(db: Database, tmp_path: Path, migrations: Path) -> None:
    def bulk(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE bulk (x)")
        connection.executemany("INSERT INTO bulk VALUES (?)", [(bytes(4000),)] * 4000)

    async def stream() -> int:
        n = 0
        while not done.is_set():
            await db.write(ping(n))
            n += 1
        return n

    await db.write(bulk)
    done = asyncio.Event()
    writing = asyncio.ensure_future(stream())
    steps: list[tuple[int, int]] = []
    target = tmp_path / "copy.db"
    target.write_text("what was there before")
    await db.backup(target, progress=lambda pages, total: steps.append((pages, total)))
    done.set()
    assert await writing > 0
    assert len(steps) > 2 and steps == sorted(steps) and steps[-1][0] == steps[-1][1]
    assert not [name for name in os.listdir(tmp_path) if name.startswith((".copy", "copy.db-"))]
    copy = await Database.open(str(target), migrations=migrations)
    try:
        row = await copy.fetch_one(
            "SELECT (SELECT count(*) FROM bulk), (SELECT count(*) FROM pings) - (SELECT count(*) FROM pairs)"
        )
        assert row is not None and tuple(row) == (4000, 0)
    finally:
        await copy.close()


async def test_backup_that_cannot_be_written(file_db: Database, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="can't be written: No such file"):
        await file_db.backup(tmp_path / "nowhere" / "copy.db")
    with pytest.raises(Invalid, match="is the database itself"):
        await file_db.backup(tmp_path / "tickd.db")


@pytest.mark.parametrize("ending", ["cancel", "close"])
async def test_a_stopped_backup_leaves_nothing(tmp_path: Path, migrations: Path, ending: str) -> None:
    db = await Database.open(str(tmp_path / "tickd.db"), migrations=migrations)
    started = asyncio.Event()

    def bulk(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE bulk (x)")
        connection.executemany("INSERT INTO bulk VALUES (?)", [(bytes(4000),)] * 10_000)

    await db.write(bulk)
    copying = asyncio.ensure_future(db.backup(tmp_path / "copy.db", progress=lambda *_: started.set()))
    await started.wait()
    if ending == "cancel":
        copying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await copying
    await db.close()
    if ending == "close":
        with pytest.raises(Unavailable, match="the backup was stopped"):
            await copying
    assert not [name for name in os.listdir(tmp_path) if "copy" in name]


async def test_a_death_in_the_writer_is_told_to_everyone(db: Database) -> None:
    async with held(db):
        before = asyncio.ensure_future(db.write(ping(1)))
        killer = asyncio.ensure_future(db.write(fail(SystemExit(3))))
        after = asyncio.ensure_future(db.write(ping(2)))
        lazy = db.write_soon(ping(3))
    for waiting in (before, killer, after, lazy):
        with pytest.raises(Unavailable, match="the database writer has failed"):
            await waiting
    with pytest.raises(Unavailable, match="the database writer has failed"):
        await db.write(ping(4))
    assert isinstance(await db.failed, SystemExit)
    assert not db.stats.alive
