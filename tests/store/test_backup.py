"""A backup beside heavy writing is one moment of the database, and it is there whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import sqlite3
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.killing import killed
from tickd.errors import Invalid, Unavailable
from tickd.services import backups
from tickd.store import backup
from tickd.store.contents import check_target
from tickd.store.database import Database
from tickd.store.lock import FileLock

WRITES = 1_000


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """A database with two tables that every transaction writes the same to, and 20 MB of others."""
    made = await Database.open(str(tmp_path / "tickd.db"))

    def begin(tx: sqlite3.Connection) -> None:
        tx.execute("CREATE TABLE debits (n INTEGER PRIMARY KEY, amount INTEGER, text TEXT)")
        tx.execute("CREATE TABLE credits (n INTEGER PRIMARY KEY, amount INTEGER, text TEXT)")
        tx.execute("CREATE TABLE bulk (x)")
        tx.executemany("INSERT INTO bulk VALUES (?)", [(os.urandom(4000),) for _ in range(5_000)])

    await made.write(begin)
    yield made
    await made.close()


def booked(number: int, tx: sqlite3.Connection) -> None:
    """One debit and its credit."""
    row = (number, number * 7 % 1001, f"booking {number}")
    tx.execute("INSERT INTO debits VALUES (?, ?, ?)", row)
    tx.execute("INSERT INTO credits VALUES (?, ?, ?)", row)


def rows(path: Path, table: str) -> list[tuple[int, int, str]]:
    """Every row of a table of a sound file."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute(f"SELECT * FROM {table} ORDER BY n").fetchall()  # noqa: S608


async def test_a_backup_under_1000_writes_a_second_is_one_moment(db: Database, tmp_path: Path) -> None:
    """In batches of ten, a hundred times a second, some of which come while it is copied."""
    loop, done, number, rates = asyncio.get_running_loop(), asyncio.Event(), 0, []
    begun = loop.time()

    async def write() -> None:
        nonlocal number
        while not done.is_set():
            await asyncio.gather(*(db.write(partial(booked, number + one)) for one in range(10)))
            number += 10
            await asyncio.sleep(max(0.0, begun + number / WRITES - loop.time()))

    writing = asyncio.ensure_future(write())
    await asyncio.sleep(0.05)
    for name in ("by the daemon.db", "by the command.db"):
        before, at = number, loop.time()
        target = tmp_path / name
        if name.startswith("by the daemon"):
            await db.backup(target)
        else:
            await backups.copy(str(tmp_path / "tickd.db"), target, force=False)
        rates.append((number - before, loop.time() - at))
        last = number
        debits = await asyncio.to_thread(rows, target, "debits")
        # A prefix of what was written, with nothing missing in between and both halves of each.
        assert before <= len(debits) <= last + 10
        assert debits == [(one, one * 7 % 1001, f"booking {one}") for one in range(len(debits))]
        assert await asyncio.to_thread(rows, target, "credits") == debits
    done.set()
    await writing
    assert all(count > 0 for count, _ in rates), rates


async def test_a_write_does_not_wait_for_a_backup(db: Database, tmp_path: Path) -> None:
    copying = asyncio.ensure_future(db.backup(tmp_path / "copy.db"))
    waits, number = [], 0
    while not copying.done():
        begun = time.perf_counter()
        await db.write(partial(booked, number))
        waits.append(time.perf_counter() - begun)
        number += 1
    await copying
    assert len(waits) > 5
    assert sorted(waits)[len(waits) // 2] < 0.05


async def test_a_full_disk_leaves_what_was_there(db: Database, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    await db.backup(target)
    before = await asyncio.to_thread(target.read_bytes)

    def work() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, hard))
        with pytest.raises(Unavailable, match=r"backup.db can't be written: the disk"):
            asyncio.run(backups.copy(str(tmp_path / "tickd.db"), target, force=False))

    await asyncio.to_thread(killed, work, at=10_000)
    assert target.read_bytes() == before
    assert not [name for name in os.listdir(tmp_path) if name.endswith(backup.PART)]


async def test_no_room_is_said_before_anything_is_written(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(tmp_path)
    little = os.statvfs_result((*real[:4], 1000, *real[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _path: little)
    with pytest.raises(Unavailable, match=r"the disk is too full \(\d+ MB are free, 2\d MB are needed\)"):
        await db.backup(tmp_path / "copy.db")
    assert not [name for name in os.listdir(tmp_path) if "copy" in name]


def test_a_backup_killed_at_any_step_leaves_the_former_one_or_the_new_one(tmp_path: Path) -> None:
    source, target = tmp_path / "tickd.db", tmp_path / "out" / "backup.db"
    target.parent.mkdir()

    async def begin() -> None:
        database = await Database.open(str(source))
        await database.close()

    asyncio.run(begin())

    def work() -> None:
        asyncio.run(backups.copy(str(source), target, force=False))

    work()
    former = target.read_bytes()
    with closing(sqlite3.connect(source, isolation_level=None)) as connection:
        connection.execute("INSERT INTO facts (name, value) VALUES ('word', 'new')")
    is_former = []
    for step in range(1, 30):
        ended = not killed(work, at=step)
        with closing(sqlite3.connect(target)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        left = set(os.listdir(target.parent)) - {"backup.db"}
        assert all(backup._PART.fullmatch(name) for name in left)
        if ended:
            break
        is_former.append(target.read_bytes() == former)
    assert is_former == sorted(is_former, reverse=True) and is_former.count(True) > 3
    # What the killed ones left went with the one that came to its end.
    assert os.listdir(target.parent) == ["backup.db"]
    assert target.read_bytes() != former


def test_a_copy_under_way_is_not_swept(tmp_path: Path) -> None:
    mine = [".notes.tickd-part", "b.db", ".b.db.tmp", ".b.db.abcdefgh.tickd-partly"]
    for name in mine:
        (tmp_path / name).touch()
    with backup._part(tmp_path / "b.db") as (part, _):
        live = [Path(part).name + end for end in ("", "-journal", "-wal", "-shm")]
        dead = [".b.db.0123abcd.tickd-part" + end for end in ("", "-journal", "-wal", "-shm")]
        for name in (*live[1:], *dead, ".b.db.4567abcd.tickd-part-journal"):
            (tmp_path / name).touch()
        backup.sweep(tmp_path)
        assert sorted(os.listdir(tmp_path)) == sorted([*mine, *live])
    assert sorted(os.listdir(tmp_path)) == sorted(mine)


def test_a_copy_is_not_swept_before_it_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, made = tempfile.mkstemp, []

    def swept_once(*arguments: Any) -> tuple[int, str]:
        made.append(make(*arguments))
        if len(made) == 1:
            os.unlink(made[0][1])
        return made[-1]

    monkeypatch.setattr(tempfile, "mkstemp", swept_once)
    with backup._part(tmp_path / "b.db") as (part, descriptor):
        assert os.path.samestat(os.stat(part), os.fstat(descriptor))
    assert os.listdir(tmp_path) == []


async def test_a_backup_into_the_same_folder_leaves_the_one_under_way_alone(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, released, step = threading.Event(), threading.Event(), backup.Copy._step

    def held(copy: backup.Copy, status: int, remaining: int, total: int) -> None:
        if copy._target.name == "first.db":
            begun.set()
            assert released.wait(10)
        step(copy, status, remaining, total)

    monkeypatch.setattr(backup.Copy, "_step", held)
    first = asyncio.ensure_future(db.backup(tmp_path / "first.db"))
    assert await asyncio.to_thread(begun.wait, 10)
    await db.backup(tmp_path / "second.db")
    released.set()
    await first
    assert [name for name in os.listdir(tmp_path) if backup.PART in name] == []
    assert await asyncio.to_thread(rows, tmp_path / "first.db", "debits") == []


async def test_a_backup_that_is_cancelled_leaves_nothing_to_tell(db: Database, tmp_path: Path) -> None:
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    begun = asyncio.Event()
    copying = asyncio.ensure_future(db.backup(tmp_path / "b.db", progress=lambda *_: begun.set()))
    await begun.wait()
    copying.cancel()
    await asyncio.wait([copying])
    assert copying.cancelled()
    del copying
    gc.collect()
    assert told == []
    assert not [name for name in os.listdir(tmp_path) if "b.db" in name]


@pytest.mark.parametrize("has_links", [True, False])
async def test_a_new_backup_takes_no_name_that_is_taken(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    def refused(_source: str, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", target)

    if not has_links:
        monkeypatch.setattr(os, "link", refused)
    target = tmp_path / "new.db"
    await db.backup(target, finish=backup.put_new)
    former = await asyncio.to_thread(target.read_bytes)
    await db.write(partial(booked, 1))
    with pytest.raises(Unavailable, match=r"new\.db can't be written: File exists"):
        await db.backup(target, finish=backup.put_new)
    assert await asyncio.to_thread(target.read_bytes) == former
    assert target.stat().st_mode & 0o777 == 0o600 and target.stat().st_nlink == 1
    assert [name for name in os.listdir(tmp_path) if backup.PART in name] == []


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """A database, a backup of it, a text, a directory, links to them, and another database in use."""
    asyncio.run(_begin(tmp_path))
    for name in ("backup.db", "used.db"):
        (tmp_path / name).write_bytes((tmp_path / "tickd.db").read_bytes())
    (tmp_path / "used.db-wal").write_bytes(b"log")
    for name in ("served.db", "running.db"):
        (tmp_path / name).write_bytes((tmp_path / "tickd.db").read_bytes())
        (tmp_path / f"{name}.lock").touch()
    _other(tmp_path / "other.db", (tmp_path / "tickd.db").read_bytes())
    (tmp_path / "text").write_text("mine")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("backup.db")
    (tmp_path / "self").symlink_to("tickd.db")
    os.link(tmp_path / "tickd.db", tmp_path / "hard")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def _other(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE facts SET value = randomblob(32) WHERE name = 'secret'")
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()


async def _begin(folder: Path) -> None:
    database = await Database.open(str(folder / "tickd.db"))
    await database.close()


@pytest.mark.parametrize(
    ("name", "sentence", "forced"),
    [
        ("new.db", "", True),
        ("backup.db", "", True),
        ("empty", "", True),
        ("link", "", True),
        ("text", "exists, and is no backup of tickd's; --force replaces it", True),
        ("other.db", "exists, and is a backup of another database; --force replaces it", True),
        ("served.db", "is a database that a daemon has run on; --force replaces it", True),
        ("running.db", "is the database of a running tickd", False),
        ("pipe", "is no file", False),
        ("folder", "is a directory; name a file in it", False),
        ("nowhere/b.db", "nowhere is no directory; make it first", False),
        ("tickd.db", "is the database itself", False),
        ("self", "is the database itself", False),
        ("hard", "is the database itself", False),
        ("tickd.db-wal", "belongs to the database itself", False),
        ("tickd.db-shm", "belongs to the database itself", False),
        ("tickd.db.lock", "belongs to the database itself", False),
        ("used.db", "is in use as a database", False),
    ],
)
def test_a_backup_goes_where_it_takes_nothing_else(
    names: Path, name: str, sentence: str, forced: bool
) -> None:
    lock = FileLock(str(names / "running.db"))
    assert lock.acquire()
    for force in (False, True):
        if sentence and not (force and forced):
            with pytest.raises(Invalid, match=sentence):
                check_target(str(names / "tickd.db"), names / name, force=force)
        else:
            real = check_target(str(names / "tickd.db"), names / name, force=force)
            assert real == Path(os.path.realpath(names / name))
    lock.release()
