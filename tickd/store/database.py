"""The one SQLite file: its pragmas, its writer, its readers, its backup."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

import aiosqlite

from tickd.domain.contents import Contents
from tickd.errors import StartupError, Unavailable
from tickd.store import backup, migrate
from tickd.store.faults import unavailable
from tickd.store.lock import FileLock
from tickd.store.volume import Place, Volume, measure
from tickd.store.writer import Writer, WriterStats

T = TypeVar("T")

Params = Sequence[object] | Mapping[str, object]

MEMORY = ":memory:"

_CACHED_STATEMENTS = 512
_LOCK_WAIT_SECS = 0.5  # a command holds the lock for the milliseconds it needs to open an idle file
_STEP_WAIT_SECS = 2.0  # a command waits so long for a daemon that has just begun to migrate
_POLL_SECS = 0.02
_CLOSE_BUSY_MS = 1000
_WRITER_PRAGMAS: dict[str, int | str] = {
    "auto_vacuum": 2,  # INCREMENTAL; only takes before the first table, and before WAL writes page one
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: a commit is on the disk before its callers are answered
    "secure_delete": 0,  # Debian compiles it on: every delete would overwrite its pages
    "foreign_keys": 1,
    "temp_store": 2,  # MEMORY
    "journal_size_limit": 64 * 1024 * 1024,
}
_SIZES = ("PRAGMA page_count", "PRAGMA freelist_count", "PRAGMA page_size")
_READER_PRAGMAS: dict[str, int | str] = {"query_only": 1, "temp_store": 2}


class Database:
    """One writer with two lanes, and readers that never wait for it; build it with `open`."""

    def __init__(self, path: str) -> None:
        """For `open` alone."""
        self._path = path
        self._readers: list[_Reader] = []
        self._backups: set[backup.Copy] = set()
        self._closing = False
        self._writer: Writer

    @classmethod
    async def open(
        cls,
        path: str,
        *,
        migrations: Traversable = migrate.MIGRATIONS,
        readers: int = 3,
        busy_timeout_secs: float = 5.0,
        exclusive: bool = True,
    ) -> Database:
        """Open, lock, check and migrate the file; `exclusive` is the daemon, of which a file has only one.

        StartupError when another daemon holds it, when it can't be opened or isn't tickd's, when it is
        newer than this program, when a migration fails or a pragma doesn't take. `:memory:` has no lock
        and no readers.
        """
        database = cls(path)
        opening = _Opening(path, migrations, busy_timeout_secs, exclusive)
        database._writer = Writer(opening.start, opening.finish, opening.fault)
        await database._writer.open()
        try:
            for _ in range(0 if path == MEMORY else readers):
                database._readers.append(await _Reader.open(path, busy_timeout_secs))
        except BaseException as error:
            await database.close()
            if isinstance(error, sqlite3.Error):
                raise migrate.startup_error(path, error) from error
            raise
        return database

    async def write(self, unit: Callable[[sqlite3.Connection], T]) -> T:
        """Run `unit` on the writer's thread and return its value after the commit that holds it.

        `unit` is a plain function that keeps nothing outside the connection: when its batch can't be
        committed, it is run a second time, alone. What it raises is rolled back alone and raised here;
        Unavailable when the disk is full, the file locked, or the daemon stopping.
        """
        return await self._writer.submit(unit)

    def write_soon(self, unit: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """The same for what can wait: committed with the next urgent unit, or within 250 ms.

        Units of one lane run in the order they were handed over; an urgent one may overtake a lazy one.
        """
        return self._writer.submit_lazy(unit)

    async def alone(self, task: Callable[[sqlite3.Connection], T]) -> T:
        """Run `task` on the writer's connection between two batches, outside a transaction (a checkpoint,
        `PRAGMA optimize`); writes wait for it, so it must be short."""
        return await self._writer.submit_alone(task)

    async def fetch(self, sql: str, params: Params = ()) -> list[sqlite3.Row]:
        """All rows of a query, as of the last commit; Unavailable when the file can't be read."""
        if not self._readers:
            return await self._writer.submit(_read(sql, params))
        return await min(self._readers, key=_Reader.load).fetch(sql, params)

    async def fetch_one(self, sql: str, params: Params = ()) -> sqlite3.Row | None:
        """The first row of a query that gives few, or None."""
        rows = await self.fetch(sql, params)
        return rows[0] if rows else None

    async def size(self) -> tuple[int, int]:
        """Bytes of the file without its log, and how many of them are free for what comes."""
        found = [int((await self.fetch(sql))[0][0]) for sql in _SIZES]
        return found[0] * found[2], found[1] * found[2]

    async def volume(self) -> Volume:
        """What the file, its log and its disk hold, as the file system says; OSError where it doesn't."""
        return Volume() if self._path == MEMORY else await asyncio.to_thread(measure, self._path)

    async def backup(
        self,
        target: Path,
        *,
        progress: Callable[[int, int], None] | None = None,
        finish: backup.Finish = backup.replace,
    ) -> Contents:
        """Write a checked copy to `target` while writes go on; `progress` gets (pages done, pages in all).

        The copy appears under its name complete or not at all: `finish` puts it there. Unavailable when the
        disk is full or the copy fails its integrity check.
        """
        if self._closing:
            raise Unavailable("the daemon is stopping")
        copy = backup.Copy(self._path, target, progress, finish=finish)
        if self._path == MEMORY:
            return await self._writer.submit_alone(copy.run)
        self._backups.add(copy)
        try:
            return await copy.run_in_thread()
        finally:
            self._backups.discard(copy)

    @property
    def path(self) -> str:
        """The file, as it was named; `:memory:` is none."""
        return self._path

    async def close(self) -> None:
        """Run what waits in both lanes, checkpoint, close, release the lock; later calls are Unavailable."""
        self._closing = True
        for copy in list(self._backups):
            await copy.stop()
        for reader in self._readers:
            await reader.close()
        await self._writer.close()

    @property
    def stats(self) -> WriterStats:
        """What the writer has done, for metrics and readiness."""
        return self._writer.stats

    @property
    def reads(self) -> int:
        """Queries that run or wait for a reader."""
        return sum(reader.load() for reader in self._readers)

    @property
    def failed(self) -> asyncio.Future[BaseException]:
        """Done when the writer's thread has died, with the cause; the daemon then ends non-zero."""
        return self._writer.failed


class _Reader:
    """A connection that can't write, on a thread of its own."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._in_flight = 0
        self._closed = False

    @classmethod
    async def open(cls, path: str, busy_timeout_secs: float) -> _Reader:
        connection = await aiosqlite.connect(
            path, timeout=busy_timeout_secs, isolation_level=None, cached_statements=_CACHED_STATEMENTS
        )
        reader = cls(connection)
        try:
            connection.row_factory = sqlite3.Row
            for name, value in _READER_PRAGMAS.items():
                await connection.execute_fetchall(f"PRAGMA {name}={value}")
                rows = await reader.fetch(f"PRAGMA {name}")
                _check_pragma(path, name, value, rows[0][0])
        except BaseException:
            await reader.close()
            raise
        return reader

    def load(self) -> int:
        return self._in_flight

    async def fetch(self, sql: str, params: Params = ()) -> list[sqlite3.Row]:
        if self._closed:
            raise Unavailable("the daemon is stopping")
        self._in_flight += 1
        try:
            return list(await self._connection.execute_fetchall(sql, params))
        except asyncio.CancelledError:
            # A query nobody waits for would keep the thread; with others in flight it can't be told apart.
            if self._in_flight == 1 and not self._closed:
                await self._connection.interrupt()
            raise
        except sqlite3.Error as error:
            if self._closed:
                raise Unavailable("the daemon is stopping") from error
            fault = unavailable(error)
            if fault is None:
                raise
            raise fault from error
        finally:
            self._in_flight -= 1

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._connection.interrupt()
        await self._connection.close()


class _Opening:
    """What happens on the writer's thread before the first unit and after the last."""

    def __init__(self, path: str, migrations: Traversable, busy_timeout_secs: float, exclusive: bool) -> None:
        self._path = path
        self._migrations = migrations
        self._busy_timeout_secs = busy_timeout_secs
        self._exclusive = exclusive
        self._lock = None if path == MEMORY else FileLock(path)
        self._place: Place | None = None

    def start(self) -> sqlite3.Connection:
        """Lock, connect, check, migrate."""
        steps = migrate.read_steps(self._migrations)
        held = self._lock is None or self._lock.acquire(_LOCK_WAIT_SECS if self._exclusive else 0)
        if self._exclusive and not held:
            raise StartupError(f"{self._path} is in use by another tickd{self._holder()}")
        try:
            connection = self._connect()
            try:
                schema = migrate.schema_of(connection, self._path, len(steps))
                if not held and schema < len(steps):
                    self._await_schema(connection, len(steps))
                self._set_pragmas(connection)
                migrate.migrate(connection, self._path, steps)
                if self._path != MEMORY:
                    # The first read makes the log, which is then there for as long as the file is open.
                    connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
                    self._place = Place(self._path)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            self._release()
            raise
        if not self._exclusive:
            self._release()
        return connection

    def fault(self) -> Unavailable | None:
        """Why nothing may be written: the file is no longer where the next start would look for it."""
        return None if self._place is None else self._place.fault()

    def finish(self, connection: sqlite3.Connection) -> None:
        """Empty the WAL into the file, close, unlock."""
        try:
            if self._exclusive and self._path != MEMORY:
                # Another program's reader must not hold the daemon's stop for longer than this.
                connection.execute(f"PRAGMA busy_timeout={_CLOSE_BUSY_MS}")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()
            self._release()

    def _await_schema(self, connection: sqlite3.Connection, newest: int) -> None:
        # A running daemon's file is not migrated under it; but it may itself be at its first start.
        for _ in range(int(_STEP_WAIT_SECS / _POLL_SECS)):
            threading.Event().wait(_POLL_SECS)
            schema = migrate.schema_of(connection, self._path, newest)
            if schema == newest:
                return
        raise StartupError(
            f"{self._path} is in use by an older tickd{self._holder()}: restart it first "
            f"(schema {schema}, this one needs {newest})"
        )

    def _holder(self) -> str:
        return "" if self._lock is None else self._lock.holder()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _connect(self) -> sqlite3.Connection:
        if self._path != MEMORY:
            # It holds secrets, so others can't read it; -wal and -shm take its mode. Only ever opened here
            # when it is new: closing a descriptor would drop SQLite's locks on an open file.
            with contextlib.suppress(OSError):
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            connection = sqlite3.connect(
                self._path,
                timeout=self._busy_timeout_secs,
                isolation_level=None,
                cached_statements=_CACHED_STATEMENTS,
            )
        except sqlite3.Error as error:
            raise migrate.startup_error(self._path, error) from error
        connection.row_factory = sqlite3.Row
        return connection

    def _set_pragmas(self, connection: sqlite3.Connection) -> None:
        try:
            for name, value in _WRITER_PRAGMAS.items():
                wanted = "memory" if self._path == MEMORY and name == "journal_mode" else value
                connection.execute(f"PRAGMA {name}={value}").fetchall()
                _check_pragma(self._path, name, wanted, connection.execute(f"PRAGMA {name}").fetchone()[0])
        except sqlite3.Error as error:
            raise migrate.startup_error(self._path, error) from error


def _check_pragma(path: str, name: str, wanted: int | str, found: int | str) -> None:
    if found != wanted:
        raise StartupError(f"{path}: PRAGMA {name} did not take: {found} instead of {wanted}")


def _read(sql: str, params: Params) -> Callable[[sqlite3.Connection], list[sqlite3.Row]]:
    def unit(connection: sqlite3.Connection) -> list[sqlite3.Row]:
        connection.execute("PRAGMA query_only=ON")  # as on a reader's connection
        try:
            return connection.execute(sql, params).fetchall()
        finally:
            connection.execute("PRAGMA query_only=OFF")

    return unit
