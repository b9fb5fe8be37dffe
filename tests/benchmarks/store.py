"""Committed units a second through the writer, against one commit a unit and against aiosqlite.

Run by hand: `python -m tests.benchmarks.store`. A unit is a durable ping: one row appended, one state row
updated. All ways are measured in turn, in short slices of one run; the figures are medians, and the ratios
are against one commit a unit in the same run. For the second table every fsync and fdatasync of the process
takes 2 ms more: a preloaded library, compiled with cc, sleeps in front of the real call. It can't tell who
flushes, so it slows every way alike, checkpoints included. The files lie where TMPDIR says.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol

import aiosqlite

from tickd.store.database import Database

SCHEMA = """
CREATE TABLE pings (id INTEGER PRIMARY KEY, heartbeat INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT);
CREATE TABLE heartbeats (id INTEGER PRIMARY KEY, last_at INTEGER NOT NULL) WITHOUT ROWID;
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
INSERT INTO heartbeats SELECT i, 0 FROM n;
"""
INSERT = "INSERT INTO pings (heartbeat, at, body) VALUES (?, ?, ?)"
UPDATE = "UPDATE heartbeats SET last_at = ? WHERE id = ?"
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=OFF", "foreign_keys=ON")
CONCURRENCY = (1, 32, 512)
BODY = "exit 0 after 12 s"

SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static void wait_2ms(void) { struct timespec t = {0, 2000000}; nanosleep(&t, 0); }
int fsync(int fd) { wait_2ms(); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { wait_2ms(); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
"""


def record(connection: sqlite3.Connection, n: int) -> None:
    """The unit."""
    connection.execute(INSERT, (n % 1000, n, BODY))
    connection.execute(UPDATE, (n, n % 1000))


class Way(Protocol):
    """One way of writing: `write` returns when the unit is on disk."""

    async def write(self, n: int) -> None: ...

    async def close(self) -> None: ...


class Grouped:
    """tickd's writer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, folder: Path) -> Way:
        migrations = folder / "migrations"
        migrations.mkdir()
        (migrations / "0001_pings.sql").write_text(SCHEMA)
        return cls(await Database.open(str(folder / "grouped.db"), migrations=migrations))

    async def write(self, n: int) -> None:
        await self._database.write(lambda connection: record(connection, n))

    async def close(self) -> None:
        await self._database.close()


class Single:
    """One commit a unit, on one thread with the standard library alone."""

    def __init__(self, path: Path) -> None:
        self._executor = ThreadPoolExecutor(1)
        self._path = path

    @classmethod
    async def open(cls, folder: Path) -> Way:
        way = cls(folder / "single.db")
        await way._run(way._connect)
        return way

    async def _run(self, function: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._executor, function)

    def _connect(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        self._connection.executescript(SCHEMA)
        for pragma in PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")

    async def write(self, n: int) -> None:
        def unit() -> None:
            self._connection.execute("BEGIN IMMEDIATE")
            record(self._connection, n)
            self._connection.execute("COMMIT")

        await self._run(unit)

    async def close(self) -> None:
        await self._run(lambda: self._connection.close())
        self._executor.shutdown()


class Pool(ABC):
    """What both aiosqlite ways share: units wait in a deque, and a task writes all that wait as a batch."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._serve())

    async def write(self, n: int) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((n, done))
        self._wake.set()
        await done

    async def _serve(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch = [self._waiting.popleft() for _ in range(min(1000, len(self._waiting)))]
            if batch:
                await self._write_batch([n for n, _ in batch])
                for _, done in batch:
                    done.set_result(None)
            if self._waiting:
                self._wake.set()

    @abstractmethod
    async def _write_batch(self, batch: list[int]) -> None:
        """Commit a batch, each in its own way."""

    async def close(self) -> None:
        self._task.cancel()
        await self._connection.close()


class PerStatement(Pool):
    """Grouped through aiosqlite, one await a statement."""

    @classmethod
    async def open(cls, folder: Path) -> Way:
        connection = await aiosqlite.connect(folder / "statement.db", isolation_level=None)
        await prepare(connection)
        return cls(connection)

    async def _write_batch(self, batch: list[int]) -> None:
        run = self._connection.execute
        await run("BEGIN IMMEDIATE")
        for n in batch:
            await run("SAVEPOINT unit")
            await run(INSERT, (n % 1000, n, BODY))
            await run(UPDATE, (n, n % 1000))
            await run("RELEASE unit")
        await run("COMMIT")


class BatchConnection(sqlite3.Connection):
    """The one way to run a batch on aiosqlite's thread through its public interface: a `commit` that
    does more than commit."""

    batch: list[Callable[[sqlite3.Connection], None]]

    def commit(self) -> None:
        self.execute("BEGIN IMMEDIATE")
        for unit in self.batch:
            self.execute("SAVEPOINT unit")
            try:
                unit(self)
            except sqlite3.Error:
                self.execute("ROLLBACK TO unit")
            self.execute("RELEASE unit")
        self.execute("COMMIT")


class PerBatch(Pool):
    """Grouped through aiosqlite, one hop a batch."""

    @classmethod
    async def open(cls, folder: Path) -> Way:
        path = folder / "batch.db"
        connection = await aiosqlite.connect(path, isolation_level=None, factory=BatchConnection)
        await prepare(connection)
        return cls(connection)

    async def _write_batch(self, batch: list[int]) -> None:
        BatchConnection.batch = [
            partial(record, n=n) for n in batch
        ]  # class attribute: the instance is aiosqlite's own
        await self._connection.commit()


WAYS: dict[str, Callable[[Path], Awaitable[Way]]] = {
    "one commit a unit": Single.open,
    "tickd's writer": Grouped.open,
    "aiosqlite, one hop a batch": PerBatch.open,
    "aiosqlite, an await a statement": PerStatement.open,
}


async def prepare(connection: aiosqlite.Connection) -> None:
    for pragma in PRAGMAS:
        await connection.execute_fetchall(f"PRAGMA {pragma}")
    await connection.executescript(SCHEMA)


async def slice_of(way: Way, concurrency: int, seconds: float) -> float:
    """Units a second with so many callers, each waiting for its answer before the next."""
    count = 0
    end = time.perf_counter() + seconds

    async def caller() -> None:
        nonlocal count
        while time.perf_counter() < end:
            await way.write(count)
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(concurrency)))
    return count / (time.perf_counter() - began)


async def measure(seconds: float, slices: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        ways = {title: await opening(Path(name)) for title, opening in WAYS.items()}
        print(f"{'units a second, callers:':32}" + "".join(f"{n:>18}" for n in CONCURRENCY))
        found: dict[tuple[str, int], list[float]] = {}
        for concurrency in CONCURRENCY:
            for _ in range(slices):
                for title, way in ways.items():
                    rate = await slice_of(way, concurrency, seconds)
                    found.setdefault((title, concurrency), []).append(rate)
        for way in ways.values():
            await way.close()
    reference = {n: statistics.median(found["one commit a unit", n]) for n in CONCURRENCY}
    for title in WAYS:
        medians = [(n, statistics.median(found[title, n])) for n in CONCURRENCY]
        print(f"{title:32}" + "".join(f"{rate:>10,.0f} {rate / reference[n]:>6.2f}x" for n, rate in medians))


def build_shim(folder: Path) -> Path | None:
    """The library that slows flushes, compiled into `folder`; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = folder / "flush.so"
    command = [compiler, "-shared", "-fPIC", "-o", str(library), "-x", "c", "-", "-ldl"]
    subprocess.run(command, input=SHIM, text=True, check=True)
    return library


def main() -> None:
    """Both tables: this disk, and this disk with 2 ms more a flush."""
    parser = argparse.ArgumentParser(description="Committed units a second, in several ways.")
    parser.add_argument("--seconds", type=float, default=0.6, help="a slice's length")
    parser.add_argument("--slices", type=int, default=5, help="slices a figure")
    parser.add_argument("--one-table", action="store_true", help="only what this process's flushes cost")
    options = parser.parse_args()
    if options.one_table:
        asyncio.run(measure(options.seconds, options.slices))
        return
    again = [sys.executable, "-m", "tests.benchmarks.store", "--one-table"]
    again += ["--seconds", str(options.seconds), "--slices", str(options.slices)]
    print("this disk", flush=True)
    subprocess.run(again, check=True)
    with tempfile.TemporaryDirectory() as folder:
        library = build_shim(Path(folder))
        if library is None:
            print("no C compiler: the table with 2 ms a flush is left out")
            return
        print("\n2 ms more a flush", flush=True)
        subprocess.run(again, check=True, env={**os.environ, "LD_PRELOAD": str(library)})


if __name__ == "__main__":
    main()
