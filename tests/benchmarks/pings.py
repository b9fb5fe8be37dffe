"""Pings: how many a second, how fast and for how much CPU, each on disk before its answer.

Run it as `python -m tests.benchmarks.pings`; `--quick` takes fewer slices. Three servers are child processes
that are measured in turn, in short slices of one run: a bare aiohttp handler that stores nothing, tickd, and
the same handler with one commit a ping. The caller is a lean client of its own in this process. For the
second table every flush of the servers takes 2 ms more (the library of the store's benchmark). Last, 10,000
heartbeats fall silent in one second while others go on pinging. Loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import uvloop
from aiohttp import web
from msgspec import structs

from tests.benchmarks.store import build_shim
from tickd import ids, logs
from tickd.app import Daemon
from tickd.config import Settings
from tickd.domain import heartbeats as rules
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.expiry import Standing
from tickd.domain.heartbeats import Heartbeat, HeartbeatCreation
from tickd.store import heartbeats
from tickd.store.database import Database

SLICE_SECS = 1.5
SLICES = 5
HEARTBEATS = 1_000
SILENT = 10_000
KINDS = ("bare", "tickd", "naive")
_TICKS = os.sysconf("SC_CLK_TCK")

# The servers.


def make(number: int, now: int, due_at: int | None = None) -> Heartbeat:
    """A heartbeat whose token follows from its number."""
    token = f"{number:064x}"
    spec = HeartbeatCreation(name=f"heartbeat {number}", failure_threshold=1)
    made = rules.create(
        spec,
        identifier=ids.new("hb"),
        account_id=DEFAULT_ACCOUNT,
        token=token,
        short_token=ids.short_token(token),
        now=now,
    )
    if due_at is None:
        return made
    standing = Standing(
        state="up", base_at=now, expected_at=due_at - made.rhythm.grace, due_at=due_at, last_pinged_at=now
    )
    return structs.replace(made, standing=standing)


async def fill(path: Path, silent_at: int | None) -> None:
    """A database with heartbeats; where `silent_at` is given, with 10,000 more that are due then."""
    now = time.time_ns() // 1_000_000
    made = [make(number, now) for number in range(HEARTBEATS)]
    if silent_at is not None:
        made += [make(HEARTBEATS + number, now, silent_at) for number in range(SILENT)]
    database = await Database.open(str(path))
    try:
        await database.write(lambda tx: [heartbeats.insert(tx, one) for one in made])
    finally:
        await database.close()


async def serve_tickd(folder: Path) -> None:
    """A whole daemon."""
    settings = Settings(listen=("127.0.0.1", 0), db=str(folder / "tickd.db"), reference=("none",))
    daemon = Daemon(settings)

    async def started() -> None:
        print(daemon.address[1], flush=True)

    with logs.configured("text", "error"):
        await daemon.run(started)


async def serve_bare(folder: Path, *, commits: bool) -> None:
    """A handler that answers, and stores nothing or one commit a ping."""
    executor = ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()
    connection: list[sqlite3.Connection] = []

    def connect() -> None:
        opened = sqlite3.connect(folder / "naive.db", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            opened.execute(f"PRAGMA {pragma}")
        opened.execute(
            "CREATE TABLE beats (id INTEGER PRIMARY KEY, token TEXT UNIQUE, at INTEGER, due INTEGER)"
        )
        opened.execute("CREATE TABLE pings (id INTEGER PRIMARY KEY, token TEXT, at INTEGER, agent TEXT)")
        opened.executemany(
            "INSERT INTO beats (token, at, due) VALUES (?, 0, 0)",
            [(f"{number:064x}",) for number in range(HEARTBEATS)],
        )
        connection.append(opened)

    def record(token: str, at: int) -> None:
        tx = connection[0]
        tx.execute("BEGIN IMMEDIATE")
        tx.execute("SELECT id FROM beats WHERE token = ?", (token,)).fetchone()
        tx.execute("UPDATE beats SET at = ?, due = ? WHERE token = ?", (at, at + 3_600_000, token))
        tx.execute("INSERT INTO pings (token, at, agent) VALUES (?, ?, 'bench')", (token, at))
        tx.execute("COMMIT")

    async def ping(request: web.Request) -> web.Response:
        if commits:
            token = request.match_info["token"]
            await loop.run_in_executor(executor, record, token, time.time_ns() // 1_000_000)
        return web.Response(body=b'{"status":"ok"}', content_type="application/json")

    if commits:
        await loop.run_in_executor(executor, connect)
    app = web.Application()
    app.router.add_post("/v1/heartbeats/{token}/ping", ping)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


# The caller.


@dataclass(slots=True)
class Tally:
    """What a slice found."""

    rate: float = 0.0
    cpu_ms: float = 0.0
    took_ms: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """That percentile of how long a ping took, in milliseconds."""
        ordered = sorted(self.took_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Caller(asyncio.Protocol):
    """One connection that pings, and pings again when it is answered."""

    def __init__(self, load: Load, number: int) -> None:
        self._load = load
        self._number = number
        self._begun = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._load.keep_alive:
            self._begun = time.perf_counter()
        self._transport.write(self._load.request(self._number))

    def begin(self) -> None:
        """Note when the connection was asked for."""
        self._begun = time.perf_counter()

    def data_received(self, data: bytes) -> None:
        load = self._load
        if not data.startswith(b"HTTP/1.1 200"):
            load.fail(data[:200])
            return
        now = time.perf_counter()
        load.took.append((now - self._begun) * 1000)
        if load.keep_alive and not load.stopping and self._transport is not None:
            self._number += load.connections
            self._begun = now
            self._transport.write(load.request(self._number))
        elif self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.ended(self._number)


class Load:
    """Pings a server over so many connections for so long."""

    def __init__(self, port: int, connections: int, *, keep_alive: bool) -> None:
        self.port = port
        self.connections = connections
        self.keep_alive = keep_alive
        self.took: list[float] = []
        self.stopping = False
        self._open = 0
        self._fault: bytes | None = None
        self._done = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        more = "" if keep_alive else "Connection: close\r\n"
        self._requests = [
            f"POST /v1/heartbeats/{number:064x}/ping HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n"
            f"Content-Length: 0\r\n{more}\r\n".encode()
            for number in range(HEARTBEATS)
        ]

    def request(self, number: int) -> bytes:
        """The bytes of one ping."""
        return self._requests[number % HEARTBEATS]

    def fail(self, answer: bytes) -> None:
        """Remember the first answer that is not 200."""
        self._fault = self._fault or answer
        self.stopping = True

    def ended(self, number: int) -> None:
        """A connection has ended: begin the next one, or be done with the last."""
        if not self.keep_alive and not self.stopping:
            self._spawn(number + self.connections)
            return
        self._open -= 1
        if not self._open:
            self._done.set()

    def _spawn(self, number: int) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(number))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, number: int) -> None:
        caller = Caller(self, number)
        caller.begin()
        await asyncio.get_running_loop().create_connection(lambda: caller, "127.0.0.1", self.port)

    async def run(self, pid: int, seconds: float) -> Tally:
        """Ping for `seconds`; the server is process `pid`."""
        self._open = self.connections
        cpu, begun = cpu_secs(pid), time.perf_counter()
        for number in range(self.connections):
            self._spawn(number)
        await asyncio.sleep(seconds)
        self.stopping = True
        await asyncio.wait_for(self._done.wait(), 20)
        elapsed, spent = time.perf_counter() - begun, cpu_secs(pid) - cpu
        if self._fault is not None:
            raise SystemExit(f"a ping was answered {self._fault!r}")
        count = len(self.took)
        return Tally(count / elapsed, 1000 * spent / max(1, count), self.took)


def cpu_secs(pid: int) -> float:
    """The CPU that a process has used, user and system."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS


@contextmanager
def server(kind: str, folder: Path, shim: Path | None = None) -> Iterator[tuple[int, int]]:
    """A server as a child process; its pid and port."""
    folder.mkdir(exist_ok=True)
    environment = dict(os.environ)
    if shim is not None:
        environment["LD_PRELOAD"] = str(shim)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.pings", "--serve", kind, "--folder", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    try:
        assert child.stdout is not None
        yield child.pid, int(child.stdout.readline())
    finally:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
        if child.poll() is None:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()


def compare(shim: Path | None, slices: int, ways: list[tuple[int, bool]], kinds: tuple[str, ...]) -> None:
    """Measure the kinds of servers in turn, and print the medians and their ratios to the first."""
    to = f"x {kinds[0]}"
    print(f"{'':28}{'pings/s':>9}{to:>8}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{to:>8}")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        servers = {}
        for kind in kinds:
            folder = Path(name) / kind
            folder.mkdir()
            if kind == "tickd":
                asyncio.run(fill(folder / "tickd.db", None))
            servers[kind] = stack.enter_context(server(kind, folder, shim))
        for connections, keep_alive in ways:
            found: dict[str, list[Tally]] = {kind: [] for kind in kinds}
            for number in range(slices + 1):
                for kind in kinds:
                    pid, port = servers[kind]
                    load = uvloop.run(run_slice(pid, port, connections, keep_alive=keep_alive))
                    if number:  # the first slice warms up
                        found[kind].append(load)
            show(found, kinds, connections, keep_alive=keep_alive)


async def run_slice(pid: int, port: int, connections: int, *, keep_alive: bool) -> Tally:
    """One slice of load."""
    return await Load(port, connections, keep_alive=keep_alive).run(pid, SLICE_SECS)


def show(
    found: dict[str, list[Tally]], kinds: tuple[str, ...], connections: int, *, keep_alive: bool
) -> None:
    """One line a kind: medians over the slices; ratios are medians of each pair of slices."""
    first = found[kinds[0]]
    for kind in kinds:
        tallies = found[kind]
        rates = statistics.median(one.rate / other.rate for one, other in zip(tallies, first, strict=True))
        cpus = statistics.median(one.cpu_ms / other.cpu_ms for one, other in zip(tallies, first, strict=True))
        title = f"{kind}, {connections} {'kept alive' if keep_alive else 'new'}"
        rate = statistics.median(one.rate for one in tallies)
        p50, p99 = (statistics.median(one.percentile(share) for one in tallies) for share in (0.5, 0.99))
        cpu = statistics.median(one.cpu_ms for one in tallies)
        print(f"{title:28}{rate:9,.0f}{rates:8.2f}{p50:9.2f}{p99:9.2f}{cpu:9.3f}{cpus:8.2f}")


def fall_silent() -> None:
    """10,000 deadlines in one second: when the last flip is committed, and what pings take meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        silent_at = time.time_ns() // 1_000_000 + 9_000
        asyncio.run(fill(folder / "tickd.db", silent_at))
        with server("tickd", folder) as (_, port):
            flipped, tally = uvloop.run(watch(port, folder / "tickd.db", silent_at))
    first, last = flipped
    print(f"{SILENT:,} fall silent at once: first flip after {first:.2f} s, all committed after {last:.2f} s")
    p50, p99, most = tally.percentile(0.5), tally.percentile(0.99), max(tally.took_ms)
    print(f"{len(tally.took_ms):,} pings meanwhile: p50 {p50:.1f}, p99 {p99:.1f}, max {most:.1f} ms")


async def watch(port: int, path: Path, silent_at: int) -> tuple[tuple[float, float], Tally]:
    """Seconds from the deadline to the first and the last flip; 8 callers ping around it at an easy pace."""
    took: list[float] = []
    stopping = asyncio.Event()

    async def call(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        load = Load(port, 1, keep_alive=True)
        while not stopping.is_set():
            begun = time.perf_counter()
            writer.write(load.request(number))
            answer = await reader.readuntil(b'"ok"}')
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"a ping was answered {answer[:200]!r}")
            if abs(time.time() - silent_at / 1000) < 3:
                took.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(0.01)
        writer.close()

    callers = [asyncio.create_task(call(number)) for number in range(8)]
    await asyncio.sleep(max(0.0, silent_at / 1000 - time.time() - 0.5))
    first = last = 0.0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
        while not last and time.time() < silent_at / 1000 + 30:
            count = reader.execute("SELECT count(*) FROM heartbeats WHERE failing").fetchone()[0]
            late = time.time() - silent_at / 1000
            first = first or (late if count else 0.0)
            last = late if count == SILENT else 0.0
            await asyncio.sleep(0.02)
    await asyncio.sleep(1)
    stopping.set()
    await asyncio.gather(*callers)
    return (first, last), Tally(took_ms=took)


def main() -> None:
    """Serve, or measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", choices=KINDS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("rates", "flushes", "silence"))
    given = parser.parse_args()
    if given.serve == "tickd":
        uvloop.run(serve_tickd(given.folder))
    elif given.serve:
        with contextlib.suppress(KeyboardInterrupt):
            uvloop.run(serve_bare(given.folder, commits=given.serve == "naive"))
    else:
        slices = 3 if given.quick else SLICES
        if given.only in (None, "rates"):
            compare(None, slices, [(32, True), (256, True), (32, False), (256, False)], KINDS)
        if given.only in (None, "flushes"):
            with tempfile.TemporaryDirectory() as name:
                shim = build_shim(Path(name))
                if shim is None:
                    raise SystemExit("no C compiler: 2 ms a flush can't be measured")
                print("\nwith 2 ms more a flush")
                compare(shim, slices, [(32, True)], ("naive", "tickd"))
        if given.only in (None, "silence"):
            print()
            fall_silent()


if __name__ == "__main__":
    main()
