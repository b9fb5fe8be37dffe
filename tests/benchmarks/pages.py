"""Pages over 1,000 monitors, 200 jobs, 200 heartbeats, 90 days and ten million checks: time, bytes, memory.

Run it as `python -m tests.benchmarks.pages`: some three minutes, and 600 MB in a temporary folder. The daemon
is a real `tickd serve`, alone on one core; a client on loopback keeps its connection. A page that is cached
for a few seconds is measured over copies of it, each asked for once. Beside it, in the same run and on that
core: a bare aiohttp handler that answers as many bytes, and bare queries of what the pages show.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import multiprocessing
import os
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles
from typing import cast
from urllib.parse import urlsplit

import brotli
import uvloop
from aiohttp import web

from tests.support.process import Child, eventually, spawned
from tests.support.seed import Seeded, bar, seed

CALLS = 200
WARM_UP = 3
BUSY = 500
"""Monitors that are checked every second while the pages are measured again."""
SETTLE_SECS = 4.0
HOSTS = [f"127.0.{number // 50 + 1}.{number % 50 + 1}" for number in range(100)]
DAEMON_CORE = min(os.sched_getaffinity(0))
OTHER_CORES = os.sched_getaffinity(0) - {DAEMON_CORE} or {DAEMON_CORE}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone"
ENCODINGS = {"Accept-Encoding": "br, gzip"}
STATES = " UNION ALL ".join(
    f"SELECT row, id, name, paused, failing, tags FROM {table}"  # noqa: S608
    for table in ("monitors", "jobs", "heartbeats")
)
DAYS = (
    "SELECT monitor, day, held_up, held_down, held_unknown FROM day_rollups "
    "WHERE day BETWEEN ? AND ? AND monitor <= ?"
)
_LOADED = re.compile(r'<(?:link|script|img)\b[^>]*?\b(?:href|src)="(/static/[^"]+)"')


class _Target(asyncio.Protocol):
    """Answers whatever comes first, and closes."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)
        self.transport.close()


def _targets(pipe: Connection) -> None:
    """What the monitors check: a port on many addresses, so that none is one host's lane."""
    os.sched_setaffinity(0, OTHER_CORES)

    async def main() -> None:
        loop, port = asyncio.get_running_loop(), 0
        for host in HOSTS:
            server = await loop.create_server(_Target, host, port, backlog=1024)
            port = server.sockets[0].getsockname()[1]
        pipe.send(port)
        await loop.run_in_executor(None, pipe.recv)

    with contextlib.suppress(EOFError):
        uvloop.run(main())


def _bare(pipe: Connection) -> None:
    """An aiohttp application that answers as many bytes as its path says."""
    os.sched_setaffinity(0, {DAEMON_CORE})

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bytes(int(request.match_info["size"])), content_type="text/html")

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/{size}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pipe.send(runner.addresses[0][1])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        await runner.cleanup()

    with contextlib.suppress(EOFError):
        uvloop.run(main())


@contextlib.contextmanager
def _beside(run: Callable[[Connection], None]) -> Iterator[int]:
    """A server in a process of its own; its port."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=run, args=(theirs,))
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()


class Client:
    """One kept connection; calls one after the other."""

    def __init__(self, url: str, token: str = "") -> None:
        at = urlsplit(url)
        self._connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=60)
        self._headers = ENCODINGS | ({"Cookie": f"tickd_session={token}"} if token else {})

    def get(self, path: str) -> tuple[float, bytes, str]:
        """Milliseconds, what came, and its encoding; AssertionError when it is not 200."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        taken = (time.perf_counter() - began) * 1000
        assert answer.status == 200, f"{path}: {answer.status} {body[:200]!r}"
        return taken, body, answer.headers.get("Content-Encoding", "")

    def timed(self, paths: Sequence[str]) -> list[float]:
        """Milliseconds of each of these calls."""
        return [self.get(path)[0] for path in paths]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Sizes:
    """Compressed bytes of a page alone, and with all that a browser fetches for it; how many fetches."""

    page: int
    whole: int
    fetches: int


def sizes(client: Client, path: str) -> Sizes:
    """What a first visit to a page brings over the wire."""
    _, body, encoding = client.get(path)
    html = (brotli.decompress(body) if encoding == "br" else body).decode()
    found = dict.fromkeys(_LOADED.findall(html))
    parts = [len(client.get(asset)[1]) for asset in found]
    return Sizes(len(body), len(body) + sum(parts), 1 + len(parts))


def rss_mib(child: Child) -> float:
    """The daemon's memory."""
    status = Path(f"/proc/{child.process.pid}/status").read_text()
    return int(re.findall(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)[0]) / 1024


@contextlib.contextmanager
def started(db: Path) -> Iterator[tuple[Child, float]]:
    """A ready daemon on its core, and the seconds that took."""
    os.sched_setaffinity(0, {DAEMON_CORE})  # what is started from here on stays there
    began = time.perf_counter()
    with spawned(db, reference="none", log_level="warning", min_interval_secs=1) as child:
        os.sched_setaffinity(0, OTHER_CORES)
        child.await_greeting(60)
        eventually(lambda: child.call("GET", "/readyz").status == 200, 60)
        yield child, time.perf_counter() - began
        assert child.stop()[0] == 0, child.log
    assert child.tracebacks() == []


def row(title: str, taken: Sequence[float], reference: float = 0.0) -> None:
    """A line of the table: median, p95, and the median as a multiple of the reference."""
    p95 = quantiles(taken, n=20)[-1] if len(taken) > 1 else taken[0]
    times = f"{median(taken) / reference:8.1f}" if reference else " " * 8
    say(f"  {title:52}{median(taken):9.2f}{p95:9.2f}{times}{len(taken):7}")


def say(*words: object, end: str = "\n") -> None:
    """Print at once."""
    print(*words, end=end, flush=True)


def first_calls(db: Path, seeded: Seeded) -> None:
    """The very first call of each page: as soon as it is ready, and a moment later, after a start each."""
    for title, path, token in (
        ("overview", "/", seeded.token),
        ("status page", f"/status/{seeded.slug}", ""),
    ):
        for pause in (0.0, 1.0):
            with started(db) as (child, ready):
                time.sleep(pause)
                client, before = Client(child.url, token), rss_mib(child)
                words = f"{pause:.0f} s after ready" if pause else f"at ready, {ready:.1f} s after the start"
                row(f"{title}, first call {words}", client.timed([path]))
                client.close()
                if pause:
                    say(f"    RSS {before:.0f} MiB before it, {rss_mib(child):.0f} MiB behind it")


def busier(child: Child, some: Sequence[str]) -> None:
    """Check these monitors every second from now on."""
    for monitor in some:
        reply = child.call("PATCH", f"/v1/monitors/{monitor}", {"interval_secs": 1})
        assert reply.status == 200, reply.json


def checks(child: Child) -> float:
    """How many checks were made since the start."""
    return sum(count for name, count in child.metrics().items() if name.startswith("tickd_checks_total"))


def measured(child: Child, seeded: Seeded, bare: Client, *, busy: bool) -> None:
    """The rows of both pages, with the bare answers beside them."""
    signed, anyone = Client(child.url, seeded.token), Client(child.url)
    page = f"/status/{seeded.slug}"
    overview, status = sizes(signed, "/"), sizes(anyone, page)
    plain = {size: median(bare.timed([f"/{size}"] * CALLS)) for size in (overview.page, status.page)}
    words = f", {BUSY} checks/s" if busy else ""
    before, began = checks(child), time.perf_counter()
    signed.timed(["/"] * WARM_UP)
    row(f"overview{words}", signed.timed(["/"] * CALLS), plain[overview.page])
    # Others than in the round before: what is cached is cached for a few seconds.
    copies = seeded.copies[CALLS:] if busy else seeded.copies[:CALLS]
    row(
        f"status page, not cached{words}",
        anyone.timed([f"/status/{one}" for one in copies]),
        plain[status.page],
    )
    row(f"status page, cached{words}", anyone.timed([page] * CALLS), plain[status.page])
    rate = (checks(child) - before) / (time.perf_counter() - began)
    say(f"    {rate:.0f} checks/s meanwhile, RSS {rss_mib(child):.0f} MiB")
    for size, taken in plain.items():
        row(f"reference: aiohttp, {size:,} bytes", [taken])
    if not busy:
        for title, one in (("overview", overview), ("status page", status)):
            say(f"    {title}: {one.page:,} bytes, {one.whole:,} with all {one.fetches - 1} files it loads")
    signed.close()
    anyone.close()


def bare_queries(db: Path) -> None:
    """What SQLite alone needs for what the pages show."""
    with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        today = time.time_ns() // 86_400_000_000_000
        for title, sql, values in (
            ("reference: SQLite, 1,400 subjects' rows", STATES, ()),
            ("reference: SQLite, 90 days of 100 monitors", DAYS, (today - 89, today, 100)),
        ):
            taken = []
            for _ in range(20):
                began = time.perf_counter()
                connection.execute(sql, values).fetchall()
                taken.append((time.perf_counter() - began) * 1000)
            row(title, taken)


def main() -> None:
    """Fill the file, start the daemon, print the table."""
    parser = argparse.ArgumentParser(description="What pages cost.")
    parser.add_argument("--monitors", type=int, default=1000)
    parser.add_argument("--checks", type=int, default=10_000_000)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("TICKD_BENCH_DIR")) as folder,
        _beside(_targets) as port,
        _beside(_bare) as bare_port,
    ):
        db = Path(folder, "tickd.db")
        seeded = seed(
            db,
            now=time.time_ns() // 1_000_000,
            monitors=options.monitors,
            raw_checks=options.checks,
            copies=2 * CALLS,
            url=lambda number: f"http://{HOSTS[number % len(HOSTS)]}:{port}/{number}",
            step=bar if sys.stderr.isatty() else lambda _what, _share: None,
        )
        size = db.stat().st_size / 2**20
        say(f"{seeded.checks:,} checks, {seeded.executions:,} executions, {seeded.pings:,} pings:", end=" ")
        say(f"{size:.0f} MiB in {seeded.seconds:.0f} s")
        say(f"  {'':52}{'median ms':>9}{'p95 ms':>9}{'x bare':>8}{'calls':>7}")
        bare_queries(db)
        first_calls(db, seeded)
        bare = Client(f"http://127.0.0.1:{bare_port}")
        bare.timed(["/1000"] * CALLS)
        with started(db) as (child, _):
            found = child.call("GET", f"/v1/monitors?limit={BUSY}&status=active").json["monitors"]
            measured(child, seeded, bare, busy=False)
            busier(child, [one["id"] for one in found])
            time.sleep(SETTLE_SECS)
            measured(child, seeded, bare, busy=True)
        bare.close()


if __name__ == "__main__":
    main()
