"""The minute of 10,000 jobs: how late the last one begins, what it costs, and what else waits meanwhile.

Run it as `python -m tests.benchmarks.firing`; `--profile` also prints where the daemon's time went. The
endpoints, the daemon and a caller of its API are child processes; loopback only. Beside the daemon, the
same calls by the lean client and by aiohttp's, each in a bare loop with as many in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
import cProfile
import gc
import http.client
import io
import json
import multiprocessing
import os
import pstats
import resource
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import aiohttp
import uvloop

from tests.support.daemon import KEY
from tests.support.launch import OffsetClock
from tests.support.process import MINUTE, SELDOM, Wall, fill, query
from tickd import logs
from tickd.app import Daemon
from tickd.config import Settings
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.http import HttpClient, Request

JOBS = 10_000
IN_FLIGHT = 500
HOSTS = [f"127.0.0.{number}" for number in range(11, 31)]
DELAYS_SECS = (0.0, 0.1)
EARLY_MS = 2_000
BEAT_SECS = 0.005
API_PAUSE_SECS = 0.02
PATIENCE_SECS = 60.0
BY_HAND = b"/by-hand"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone"

HEADERS = {"Authorization": f"Bearer {KEY}"}

Call = Callable[[str], Awaitable[None]]


# The endpoints


class _Endpoint(asyncio.Protocol):
    """Answers whatever comes first after a delay, and closes."""

    delay_secs = 0.0
    arrivals: list[float] = []  # noqa: RUF012 - one list for all connections is the point
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if BY_HAND not in data:
            self.arrivals.append(time.time())
        if self.delay_secs:
            asyncio.get_running_loop().call_later(self.delay_secs, self.answer)
        else:
            self.answer()

    def answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(ANSWER)
            self.transport.close()


def _endpoints(pipe: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        port = 0
        for host in HOSTS:
            server = await loop.create_server(_Endpoint, host, port, backlog=1024)
            port = server.sockets[0].getsockname()[1]
        pipe.send(port)
        while True:
            _Endpoint.delay_secs = await loop.run_in_executor(None, pipe.recv)
            _Endpoint.arrivals.clear()
            pipe.send(None)
            await loop.run_in_executor(None, pipe.recv)
            pipe.send(list(_Endpoint.arrivals))

    with contextlib.suppress(EOFError):
        uvloop.run(main())


# The daemon


@dataclass(slots=True)
class Usage:
    """What the daemon's process used between two moments: seconds, and MiB at the end."""

    cpu_secs: float = 0.0
    lags: list[float] = field(default_factory=list)
    rss_mib: float = 0.0
    profile: str = ""
    threads: dict[str, float] = field(default_factory=dict)


def _by_thread() -> dict[str, float]:
    """CPU seconds of each thread so far."""
    taken: dict[str, float] = {}
    for thread in threading.enumerate():
        stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        taken[thread.name] = (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return taken


def _daemon(pipe: Connection, db: str, clock: str, profile: bool) -> None:
    settings = Settings(listen=("127.0.0.1", 0), db=db, api_key=KEY, stop_grace_secs=0)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        daemon = Daemon(settings, OffsetClock(Path(clock)))
        await daemon.start()
        pipe.send(daemon.address[1])
        await loop.run_in_executor(None, pipe.recv)
        usage, profiler = Usage(), cProfile.Profile()
        beating = loop.create_task(_beat(usage.lags))
        if profile:
            profiler.enable()
        threads, before = _by_thread(), time.process_time()
        await loop.run_in_executor(None, pipe.recv)
        usage.cpu_secs = time.process_time() - before
        usage.threads = {name: secs - threads.get(name, 0.0) for name, secs in _by_thread().items()}
        profiler.disable()
        beating.cancel()
        usage.rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if profile:
            text = io.StringIO()
            pstats.Stats(profiler, stream=text).sort_stats("tottime").print_stats(45)
            usage.profile = text.getvalue()
        pipe.send(usage)
        await daemon.stop()

    log = Path(db).with_suffix(".log")
    with log.open("w") as stream, logs.configured("json", "info", stream):
        uvloop.run(main())


async def _beat(lags: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + BEAT_SECS
        await asyncio.sleep(BEAT_SECS)
        lags.append(loop.time() - due)


# A caller of the API


def _caller(pipe: Connection, port: int, endpoint: str) -> None:
    """Read a job and run one by hand in turn, until told to stop; the seconds of each."""
    taken: dict[str, list[float]] = {"GET": [], "POST": []}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    by_hand = {"name": "by hand", "schedule": SELDOM, "endpoint": endpoint}
    connection.request("POST", "/v1/jobs", json.dumps(by_hand), HEADERS)
    mine = json.loads(connection.getresponse().read())["id"]
    pipe.send("ready")
    number = 0
    while not pipe.poll(API_PAUSE_SECS):
        job = f"/v1/jobs/job_{number % JOBS:016d}"
        for method, path in (("GET", job), ("POST", f"/v1/jobs/{mine}/trigger")):
            begun = time.perf_counter()
            connection.request(method, path, headers=HEADERS)
            answer = connection.getresponse()
            json.loads(answer.read())
            taken[method].append(time.perf_counter() - begun)
            assert answer.status in (200, 202), answer.status
        number += 97
    connection.close()
    pipe.send(taken)


# Measuring


def _at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@contextlib.contextmanager
def _child(run: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=run, args=(theirs, *arguments))
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join(15)
        if process.is_alive():
            process.kill()
            process.join()


@dataclass(slots=True)
class Row:
    """One line of the table; times in seconds, lateness counted from the minute or the start."""

    name: str
    arrivals: list[float]
    cpu_secs: float
    lag_secs: float
    rss_mib: float | None = None
    api: dict[str, list[float]] = field(default_factory=dict)
    threads: dict[str, float] = field(default_factory=dict)


def _minute(endpoints: Connection, port: int, delay: float, profile: bool) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        db, wall = Path(folder, "tickd.db"), Wall(Path(folder, "clock"))
        minute = (wall.now() // MINUTE + 10) * MINUTE
        asyncio.run(fill(db, JOBS, due_at=minute, endpoint=lambda one: _url(one, port)))
        wall.step(minute - MINUTE // 2 - wall.now())
        with _child(_daemon, str(db), str(wall.file), profile) as daemon:
            address = daemon.recv()
            with _child(_caller, address, f"http://{HOSTS[0]}:{port}{BY_HAND.decode()}") as caller:
                caller.recv()
                wall.step(minute - EARLY_MS - wall.now())
                endpoints.send(delay)
                endpoints.recv()
                daemon.send("begin")
                time.sleep(max(0.0, (minute - wall.now()) / 1000))
                _await_all(db, minute)
                caller.send("end")
                api = caller.recv()
                daemon.send("end")
                usage: Usage = daemon.recv()
        endpoints.send("end")
        begun = sorted(moment + (wall.offset - minute) / 1000 for moment in endpoints.recv())
        counted = query(db, "SELECT sum(scheduled_count), sum(accounted_count) FROM jobs")
        assert counted == [(JOBS, JOBS)], counted
    if usage.profile:
        print(usage.profile)
    return Row("tickd", begun, usage.cpu_secs, max(usage.lags), usage.rss_mib, api, usage.threads)


def _await_all(db: Path, minute: int) -> None:
    until = time.monotonic() + PATIENCE_SECS
    ended = "SELECT count(*) FROM executions WHERE manual = 0 AND status = 'success'"
    while query(db, ended) != [(JOBS,)]:
        assert time.monotonic() < until, "the minute's jobs did not end"
        time.sleep(0.1)


def _url(number: int, port: int) -> str:
    return f"http://{HOSTS[number % len(HOSTS)]}:{port}/{number}"


async def _bare(name: str, call: Call, endpoints: Connection, port: int, delay: float) -> Row:
    """The same calls from a bare loop, as many in flight."""
    urls = iter([_url(number, port) for number in range(JOBS)])

    async def worker() -> None:
        for url in urls:
            await call(url)

    endpoints.send(delay)
    endpoints.recv()
    lags: list[float] = []
    beating = asyncio.create_task(_beat(lags))
    gc.collect()
    begun, cpu = time.time(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    cpu = time.process_time() - cpu
    beating.cancel()
    endpoints.send("end")
    arrivals = sorted(one - begun for one in endpoints.recv())
    return Row(name, arrivals, cpu, max(lags))


async def _lean(endpoints: Connection, port: int, delay: float) -> Row:
    resolver = Resolver()
    client = HttpClient(resolver, Guard(), user_agent="b")

    async def call(url: str) -> None:
        assert (await client.send(Request("POST", url))).status == 200

    try:
        return await _bare("lean client, bare loop", call, endpoints, port, delay)
    finally:
        resolver.close()


async def _peer(endpoints: Connection, port: int, delay: float) -> Row:
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call(url: str) -> None:
            async with session.post(url) as answer:
                assert answer.status == 200 and await answer.read() == b"done"

        return await _bare("aiohttp client, bare loop", call, endpoints, port, delay)


def _print(delay: float, rows: list[Row]) -> None:
    floor = JOBS / IN_FLIGHT * delay - delay
    print(f"\n{JOBS:,} calls, endpoints that take {delay * 1000:.0f} ms, {IN_FLIGHT} in flight", end="; ")
    print(f"floor for the last to begin {floor:.1f} s")
    titles = ("late p50", "p99", "last begun", "CPU s/1,000", "x lean", "loop lag max", "RSS MiB")
    print("{:26} {:>9} {:>9} {:>11} {:>12} {:>7} {:>13} {:>8}".format("", *titles))
    lean = rows[0].cpu_secs
    for row in rows:
        late = [_at(row.arrivals, share) for share in (0.5, 0.99, 1)]
        rss = "" if row.rss_mib is None else f"{row.rss_mib:8.0f}"
        cpu = f"{row.cpu_secs / JOBS * 1000:12.3f} {row.cpu_secs / lean:7.2f}"
        print(f"{row.name:26} {late[0]:7.2f} s {late[1]:7.2f} s {late[2]:9.2f} s", end=" ")
        print(f"{cpu} {row.lag_secs * 1000:10.1f} ms {rss}")
        if row.threads:
            shares = sorted(row.threads.items(), key=lambda one: -one[1])
            print("  CPU by thread:", ", ".join(f"{name} {secs:.2f} s" for name, secs in shares))
        for method, what in (("GET", "GET /v1/jobs/{id}"), ("POST", "POST …/trigger")):
            taken = [one * 1000 for one in row.api.get(method, [])]
            if taken:
                figures = f"p50 {_at(taken, 0.5):.1f}, p99 {_at(taken, 0.99):.1f}, max {max(taken):.1f} ms"
                print(f"  API meanwhile: {what:18} {figures} of {len(taken)}")


def main(*arguments: str) -> None:
    """Measure each delay: the two clients, then the daemon; print a table each."""
    profile = "--profile" in arguments
    with _child(_endpoints) as endpoints:
        port = endpoints.recv()
        for delay in DELAYS_SECS:
            rows = [
                uvloop.run(_lean(endpoints, port, delay)),
                uvloop.run(_peer(endpoints, port, delay)),
                _minute(endpoints, port, delay, profile),
            ]
            _print(delay, rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
