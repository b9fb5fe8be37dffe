"""What goes wrong under the database: full disk, locks, a second daemon, kill -9. Nothing is half-written."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickd.errors import StartupError, Unavailable
from tickd.store.database import MEMORY, Database

SCHEMA = """
CREATE TABLE pings (n INTEGER PRIMARY KEY, body BLOB);
CREATE TABLE pairs (n INTEGER PRIMARY KEY);
"""
ROOT = Path(__file__).parents[2]

# A child has a disk or a file size of its own; it fills it, says what was acknowledged, makes room, goes on.
FILL = """
import asyncio, json, pathlib, resource, sys
from tickd.errors import Unavailable
from tickd.store.database import Database
from tests.store.test_faults import ping

async def main(kind, folder, migrations):
    ballast = pathlib.Path(folder, "ballast")
    ballast.write_bytes(bytes(400_000))
    db = await Database.open(folder + "/tickd.db", migrations=pathlib.Path(migrations))
    if kind == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    good, sentences = [], set()
    for start in range(0, 1000, 20):
        calls = (db.write(ping(n, 2000)) for n in range(start, start + 20))
        for answer in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(answer, int):
                good.append(answer)
            else:
                assert isinstance(answer, Unavailable), repr(answer)
                sentences.add(answer.message)
        if sentences:
            break
    full = db.stats.last_error
    read = len(await db.fetch("SELECT n FROM pings"))
    ballast.unlink()
    if kind == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    good.append(await db.write(ping(5000, 2000)))
    rows = [row[0] for row in await db.fetch("SELECT n FROM pings ORDER BY n")]
    pairs = [row[0] for row in await db.fetch("SELECT n FROM pairs ORDER BY n")]
    after = db.stats.last_error
    await db.close()
    print(json.dumps([sorted(good), rows, pairs, read, sorted(sentences), full, after]))

asyncio.run(main(*sys.argv[1:]))
"""

# Writes as fast as it can, and says which were acknowledged in whole lines.
STREAM = """
import asyncio, os, pathlib, sys
from tickd.store.database import Database
from tests.store.test_faults import ping

async def main(path, migrations):
    db = await Database.open(path, migrations=pathlib.Path(migrations))

    async def worker(n):
        while True:
            call = db.write_soon(ping(n)) if n % 8 == 0 else db.write(ping(n))
            os.write(1, b"%d\\n" % await call)
            n += 64

    await asyncio.gather(*(worker(n) for n in range(64)))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_pings.sql").write_text(SCHEMA)
    return folder


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "tickd.db")


@pytest.fixture
async def db(path: str, migrations: Path) -> AsyncIterator[Database]:
    database = await Database.open(path, migrations=migrations, busy_timeout_secs=0.03)
    yield database
    await database.close()


def ping(n: int, size: int = 0) -> Callable[[sqlite3.Connection], int]:
    def unit(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO pings (n, body) VALUES (?, ?)", (n, os.urandom(size)))
        connection.execute("INSERT INTO pairs (n) VALUES (?)", (n,))
        return n

    return unit


async def rows(db: Database) -> list[int]:
    found = [row[0] for row in await db.fetch("SELECT n FROM pings ORDER BY n")]
    assert found == [row[0] for row in await db.fetch("SELECT n FROM pairs ORDER BY n")]
    return found


def child(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)


def limit_pages(more: int) -> Callable[[sqlite3.Connection], None]:
    def task(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + more}").fetchall()

    return task


async def test_full_disk_fails_what_does_not_fit_and_recovers(db: Database) -> None:
    await db.alone(limit_pages(10))
    sizes = {n: 200_000 if n in (3, 7) else 10 for n in range(10)}
    answers = await asyncio.gather(
        *(db.write(ping(n, size)) for n, size in sizes.items()), return_exceptions=True
    )
    for n, answer in enumerate(answers):
        if sizes[n] == 10:
            assert answer == n
        else:
            assert isinstance(answer, Unavailable)
            assert (answer.message, answer.retry_after) == ("the disk is full", 30)
    assert await rows(db) == [n for n, size in sizes.items() if size == 10]
    with pytest.raises(Unavailable):
        await db.write(ping(20, 200_000))
    assert db.stats.last_error == "the disk is full"
    await db.alone(limit_pages(1000))
    assert await db.write(ping(3, 200_000)) == 3
    assert db.stats.last_error is None


async def test_lazy_units_are_told_too(db: Database) -> None:
    await db.alone(limit_pages(5))
    with pytest.raises(Unavailable, match="the disk is full"):
        await db.write_soon(ping(1, 200_000))
    db.write_soon(ping(1, 200_000))  # nobody looks; it is in the log and the stats, not a warning at exit
    await db.write(ping(2))


def filled(kind: str, prefix: list[str], folder: Path, migrations: Path) -> tuple[list[str], str | None]:
    done = child(*prefix, sys.executable, "-c", FILL, kind, str(folder), str(migrations))
    assert done.returncode == 0, done.stderr
    good, pings, pairs, read, sentences, full, after = json.loads(done.stdout)
    assert good == pings == pairs  # every acknowledged one, and no other
    assert read == len(good) - 1 and read > 20
    assert after is None
    return sentences, full


def test_file_size_limit(tmp_path: Path, migrations: Path) -> None:
    sentences, full = filled("limit", [], tmp_path, migrations)
    assert sentences == [full] == ["the disk under the database reports an error"]


def test_a_real_full_disk(tmp_path: Path, migrations: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=2m tmpfs "{disk}" && exec "$0" "$@"'
    prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount]
    if shutil.which("unshare") is None or child(*prefix, "true").returncode != 0:
        pytest.skip("no right to mount a disk of our own here")
    sentences, full = filled("disk", prefix, disk, migrations)
    assert sentences == [full] == ["the disk is full"]


async def test_a_locked_file_fails_writes_and_not_reads(db: Database, path: str) -> None:
    await db.write(ping(1))
    locked, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def lock() -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        loop.call_soon_threadsafe(locked.set)
        release.wait(10)
        other.close()

    locker = threading.Thread(target=lock)
    locker.start()
    try:
        await locked.wait()
        calls = [db.write(ping(n)) for n in range(2, 40)]
        async with asyncio.timeout(5):  # one busy timeout, and not one a unit
            answers = await asyncio.gather(*calls, db.write_soon(ping(40)), return_exceptions=True)
        for answer in answers:
            assert isinstance(answer, Unavailable)
            assert (answer.message, answer.retry_after) == ("the database is locked", 5)
        assert db.stats.last_error == "the database is locked"
        assert await rows(db) == [1]
    finally:
        release.set()
        locker.join()
    assert await db.write(ping(2)) == 2
    assert await rows(db) == [1, 2]
    assert db.stats.last_error is None


async def test_a_second_daemon_is_refused(
    db: Database, path: str, migrations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickd.store.database._LOCK_WAIT_SECS", 0.04)
    link = tmp_path / "link.db"
    link.symlink_to(path)
    for name in (path, str(link)):
        with pytest.raises(StartupError, match=rf"{name} is in use by another tickd \(pid {os.getpid()}\)"):
            await Database.open(name, migrations=migrations)
    assert await db.write(ping(1)) == 1


async def test_the_lock_is_free_after_close(path: str, migrations: Path) -> None:
    for n in range(3):
        db = await Database.open(path, migrations=migrations)
        await db.write(ping(n))
        await db.close()


async def test_commands_work_beside_the_daemon(db: Database, path: str, migrations: Path) -> None:
    command = await Database.open(path, migrations=migrations, exclusive=False)
    await asyncio.gather(command.write(ping(1)), db.write(ping(2)))
    await command.close()
    assert await rows(db) == [1, 2]


async def test_a_command_makes_a_file_and_leaves_it_to_the_daemon(path: str, migrations: Path) -> None:
    command = await Database.open(path, migrations=migrations, exclusive=False)
    await command.write(ping(1))
    daemon = await Database.open(path, migrations=migrations)
    assert await rows(daemon) == [1]
    await command.close()
    await daemon.close()


async def test_a_command_does_not_migrate_under_the_daemon(
    db: Database, path: str, migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickd.store.database._STEP_WAIT_SECS", 0.04)
    (migrations / "0002_more.sql").write_text("CREATE TABLE more (a);")
    with pytest.raises(StartupError, match=r"by an older tickd \(pid \d+\).*schema 1, this one needs 2"):
        await Database.open(path, migrations=migrations, exclusive=False)
    assert await db.write(ping(1)) == 1


async def test_files_that_cannot_be_opened(tmp_path: Path, migrations: Path) -> None:
    with pytest.raises(StartupError, match="No such file"):
        await Database.open(str(tmp_path / "nowhere" / "tickd.db"), migrations=migrations)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StartupError, match="can't be opened"):
        await Database.open(str(tmp_path / "folder"), migrations=migrations)
    (tmp_path / "text.db").write_text("a letter\n" * 100)
    for _ in range(2):  # the lock is given back
        with pytest.raises(StartupError, match="is not a database"):
            await Database.open(str(tmp_path / "text.db"), migrations=migrations)


@pytest.mark.parametrize("lines", [1, 1500])
def test_kill_9_loses_nothing_acknowledged(path: str, migrations: Path, lines: int) -> None:
    command = (sys.executable, "-c", STREAM, path, str(migrations))
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        acknowledged += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    found, check = asyncio.run(inspect(path, migrations))
    assert {int(line) for line in acknowledged if line.endswith(b"\n")} <= set(found)
    assert check == "ok"


async def inspect(path: str, migrations: Path) -> tuple[list[int], str]:
    db = await Database.open(path, migrations=migrations)  # the lock died with its holder
    try:
        check = await db.fetch("PRAGMA integrity_check")
        return await rows(db), check[0][0]  # both tables alike: no unit is there by half
    finally:
        await db.close()


OUTCOMES = st.sampled_from(["good", "raises", "rollback", "orphan", "full", "interrupt"])


@settings(deadline=None, max_examples=60)
@given(kinds=st.lists(st.tuples(OUTCOMES, st.booleans(), st.booleans()), max_size=25))
def test_exactly_the_acknowledged_units_are_there(kinds: list[tuple[str, bool, bool]]) -> None:
    """Whatever fails in a batch, and however, answers and rows agree."""
    asyncio.run(mixed(kinds))


async def mixed(kinds: list[tuple[str, bool, bool]]) -> None:
    db = await Database.open(MEMORY)
    try:
        await db.alone(prepare)
        await db.alone(limit_pages(20))
        calls = []
        for n, (kind, lazy, cancelled) in enumerate(kinds):
            unit = faulty(n, kind)
            call = db.write_soon(unit) if lazy else asyncio.ensure_future(db.write(unit))
            calls.append((n, kind, call, cancelled))
        await asyncio.sleep(0)
        for _, _, call, cancelled in calls:
            if cancelled:
                call.cancel()
        while db.stats.urgent_waiting + db.stats.lazy_waiting:  # what was cancelled is run all the same
            await db.write(lambda _: None)
        await asyncio.gather(*(call for _, _, call, _ in calls), return_exceptions=True)
        await db.write(lambda _: None)
        for _, kind, call, _ in calls:
            assert call.cancelled() or (call.exception() is None) == (kind == "good")
        assert await rows(db) == [n for n, kind, _, _ in calls if kind == "good"]
    finally:
        await db.close()


def prepare(connection: sqlite3.Connection) -> None:
    connection.executescript(
        SCHEMA + "CREATE TABLE orphans (n REFERENCES pings DEFERRABLE INITIALLY DEFERRED);"
    )
    connection.create_function("interrupt", 0, connection.interrupt)


def faulty(n: int, kind: str) -> Callable[[sqlite3.Connection], int]:
    def unit(connection: sqlite3.Connection) -> int:
        ping(n)(connection)
        if kind == "raises":
            raise LookupError(n)
        if kind == "rollback":
            connection.execute("INSERT OR ROLLBACK INTO pings (n) VALUES (?)", (n,))
        elif kind == "orphan":
            connection.execute("INSERT INTO orphans (n) VALUES (-1)")
        elif kind == "full":
            connection.execute("INSERT INTO pings (n, body) VALUES (?, ?)", (-n - 1, bytes(200_000)))
        elif kind == "interrupt":
            connection.execute("INSERT INTO pings (n, body) SELECT -?, interrupt() FROM pings", (n + 1,))
        return n

    return unit
