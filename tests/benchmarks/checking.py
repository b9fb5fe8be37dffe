"""Monitors of every 30 s, more and more of them on one core, until their checks begin over a second late.

Run it as `python -m tests.benchmarks.checking`; it ends within four minutes. `--profile` shows where the time
of 30,000 plain monitors goes instead. The daemon is a real `tickd serve` that stores everything, alone on one
core; the endpoints are child processes on the others. Beside it, in the same run and on the same core, the
same requests through aiohttp's client and through a bare connect-and-read. Loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
import cProfile
import multiprocessing
import os
import pstats
import re
import socket
import sqlite3
import ssl
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import aiohttp
import trustme
import uvloop

from tests.support.process import Child, eventually, spawned
from tickd.app import Daemon
from tickd.clock import SystemClock
from tickd.config import Settings
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.monitors import Monitor, Options, Standing
from tickd.outbound.certificates import Certificate
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.prober import Prober, Target
from tickd.store import monitors
from tickd.store.database import Database

LADDER = {
    "http": (10_000, 30_000, 90_000, 150_000, 180_000, 210_000),
    "https": (3_000, 9_000, 15_000, 21_000, 27_000, 36_000),
}
WHOLE = {("http", 30_000), ("http", 150_000)}
"""Where every monitor is checked before the memory is read."""
INTERVAL_SECS = 30
WARM_UP_SECS = 3.0
MEASURED_SECS = 10.0
TOO_LATE_SECS = 1.0
BUDGET_SECS = 210.0
HOSTS = [f"127.0.{number // 50 + 1}.{number % 50 + 1}" for number in range(100)]
REQUESTS = {"http": 6_000, "https": 1_500}
AT_ONCE = 50
DAEMON_CORE = min(os.sched_getaffinity(0))
OTHER_CORES = os.sched_getaffinity(0) - {DAEMON_CORE} or {DAEMON_CORE}
ASKED = b"GET / HTTP/1.1\r\nHost: 127.0.1.1\r\nConnection: close\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone"
TICKS = os.sysconf("SC_CLK_TCK")


class _Endpoint(asyncio.Protocol):
    """Answers whatever comes first, and closes."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)
        self.transport.close()


def _endpoints(pipe: Connection, certificate: str | None) -> None:
    os.sched_setaffinity(0, OTHER_CORES)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        tls = None
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
        port = 0
        for host in HOSTS:
            server = await loop.create_server(_Endpoint, host, port, backlog=1024, ssl=tls)
            port = server.sockets[0].getsockname()[1]
        pipe.send(port)
        await loop.run_in_executor(None, pipe.recv)

    with contextlib.suppress(EOFError):
        uvloop.run(main())


@contextlib.contextmanager
def _serving(certificate: str | None) -> Iterator[int]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_endpoints, args=(theirs, certificate))
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


async def _fill(db: Path, count: int, scheme: str, port: int, known: Certificate | None) -> None:
    database = await Database.open(str(db), readers=0)

    def insert(tx: sqlite3.Connection) -> None:
        for number in range(count):
            monitor = Monitor(
                row=0,
                id=f"mon_{number:016d}",
                account_id=DEFAULT_ACCOUNT,
                name=f"monitor {number}",
                type="http",
                slug=f"monitor-{number}",
                options=Options(
                    url=f"{scheme}://{HOSTS[number % len(HOSTS)]}:{port}/{number}",
                    interval_secs=INTERVAL_SECS,
                ),
                standing=Standing(state="up", consecutive_successes=10),
                ssl_expires_at=None if known is None else known.not_after,
                ssl_issuer=None if known is None else known.issuer,
                created_at=0,
                updated_at=0,
            )
            monitors.insert(tx, monitor)

    try:
        await database.write(insert)
    finally:
        await database.close()


@dataclass(frozen=True, slots=True)
class Reading:
    """What the daemon's process had used at a moment, and how late its checks were."""

    at: float
    cpu_secs: float
    other_secs: float
    written: int
    checks: float
    wrong: float
    late: dict[float, float]


def _cpu(folder: Path) -> float:
    return sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:13])) / TICKS


def _read(child: Child) -> Reading:
    process = Path(f"/proc/{child.process.pid}")
    metrics = child.metrics()
    late = {
        float(found[1]): count
        for name, count in metrics.items()
        if (found := re.fullmatch(r'tickd_check_lateness_seconds_bucket\{le="(.*)"\}', name))
    }
    cpu, main = _cpu(process), _cpu(process / "task" / str(child.process.pid))
    by_status = {name: count for name, count in metrics.items() if name.startswith("tickd_checks_total")}
    (written,) = re.findall(r"^write_bytes: (\d+)", (process / "io").read_text(), re.MULTILINE)
    wrong = sum(count for name, count in by_status.items() if '"up"' not in name)
    return Reading(time.monotonic(), cpu, cpu - main, int(written), sum(by_status.values()), wrong, late)


def _late(before: Reading, after: Reading, share: float) -> float:
    """Seconds within which that share of the checks between two readings began, within their bucket."""
    counts = {bound: count - before.late[bound] for bound, count in after.late.items()}
    wanted = share * counts[float("inf")]
    low, below = 0.0, 0.0
    for bound, count in sorted(counts.items()):
        if count >= wanted:
            return low if bound == float("inf") else low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return low


def _rss_mib(child: Child) -> float:
    status = Path(f"/proc/{child.process.pid}/status").read_text()
    return int(re.findall(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)[0]) / 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: seconds, but for what is named otherwise."""

    monitors: int
    start: float
    rate: float
    late50: float
    late99: float
    core: float
    per_1000: float
    others_per_1000: float
    rss_mib: float
    written: float
    stored: float


def _size(db: Path) -> int:
    return sum(one.stat().st_size for one in (db, db.with_name(db.name + "-wal")) if one.exists())


def _run(count: int, scheme: str, port: int, known: Certificate | None, authority: str) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder, "tickd.db")
        asyncio.run(_fill(db, count, scheme, port, known))
        empty = _size(db)
        os.environ["SSL_CERT_FILE"] = authority
        os.sched_setaffinity(0, {DAEMON_CORE})  # what is started from here on stays there
        begun = time.monotonic()
        with spawned(db, reference="none", log_level="warning") as child:
            os.sched_setaffinity(0, OTHER_CORES)
            child.await_greeting(60)
            eventually(lambda: child.call("GET", "/readyz").status == 200, 20)
            start = time.monotonic() - begun
            time.sleep(WARM_UP_SECS)
            before = _read(child)
            time.sleep(MEASURED_SECS)
            after = _read(child)
            if (scheme, count) in WHOLE:
                time.sleep(max(0.0, begun + start + INTERVAL_SECS + 1 - time.monotonic()))
            rss = _rss_mib(child)
            total = child.metrics()
            assert child.stop()[0] == 0, child.log
            stored = sum(count for name, count in total.items() if name.startswith("tickd_checks_total"))
        assert after.wrong == 0, f"{after.wrong} checks went wrong"
        checks, taken = after.checks - before.checks, after.at - before.at
        cpu = after.cpu_secs - before.cpu_secs
        return Row(
            monitors=count,
            start=start,
            rate=checks / taken,
            late50=_late(before, after, 0.5),
            late99=_late(before, after, 0.99),
            core=cpu / taken,
            per_1000=cpu / checks * 1000,
            others_per_1000=(after.other_secs - before.other_secs) / checks * 1000,
            rss_mib=rss,
            written=(after.written - before.written) / checks,
            stored=(_size(db) - empty) / stored,
        )


class _Bare(asyncio.Protocol):
    """Sends, reads to the end, parses nothing: the floor."""

    def __init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(ASKED)

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set_result(None)


async def _cost(send: Callable[[str], Awaitable[None]], requests: int) -> float:
    """CPU seconds per 1,000."""
    hosts = iter([HOSTS[number % len(HOSTS)] for number in range(requests)])

    async def worker() -> None:
        for host in hosts:
            await send(host)

    before = time.process_time()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return (time.process_time() - before) / requests * 1000


async def _peers(scheme: str, port: int, tls: ssl.SSLContext) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    secure: dict[str, Any] = {"ssl": tls} if scheme == "https" else {}

    async def bare(host: str) -> None:
        more = secure | ({"server_hostname": host} if secure else {})
        transport, protocol = await loop.create_connection(_Bare, host, port, **more)
        await protocol.done
        transport.abort()

    connector = aiohttp.TCPConnector(force_close=True, limit=0, ssl=tls)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def theirs(host: str) -> None:
            async with session.get(f"{scheme}://{host}:{port}/") as answer:
                assert answer.status == 200 and await answer.read() == b"done"

        found: dict[str, float] = {}
        for name, send in (("aiohttp's client alone", theirs), ("asyncio, connect and read", bare)):
            await _cost(send, AT_ONCE)
            found[name] = await _cost(send, REQUESTS[scheme])
    return found


def _blocking(scheme: str, port: int, tls: ssl.SSLContext) -> float:
    before = time.process_time()
    for number in range(REQUESTS[scheme]):
        host = HOSTS[number % len(HOSTS)]
        talk = socket.create_connection((host, port))
        if scheme == "https":
            talk = tls.wrap_socket(talk, server_hostname=host)
        talk.sendall(ASKED)
        while talk.recv(65_536):
            pass
        talk.close()
    return (time.process_time() - before) / REQUESTS[scheme] * 1000


async def _certificate(port: int, tls: ssl.SSLContext) -> Certificate | None:
    resolver = Resolver()
    prober = Prober(resolver, Guard(), user_agent="b", clock=SystemClock(), tls=tls)
    seen = await prober.probe(Target("http", f"https://{HOSTS[0]}:{port}/"))
    resolver.close()
    assert not seen.fault, seen.error
    return seen.certificate


def _table(scheme: str, port: int, authority: trustme.CA, roots: str, until: float) -> None:
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    os.sched_setaffinity(0, {DAEMON_CORE})
    peers = uvloop.run(_peers(scheme, port, tls)) | {"blocking socket": _blocking(scheme, port, tls)}
    known = uvloop.run(_certificate(port, tls)) if scheme == "https" else None
    os.sched_setaffinity(0, OTHER_CORES)
    print(f"\n{scheme}, every {INTERVAL_SECS} s, a new connection each, the daemon on one core")
    titles = ("ready", "checks/s", "late p50", "p99", "core", "CPU s/1,000", "of others", "RSS MiB")
    print("{:>9} {:>8} {:>9} {:>10} {:>10} {:>6} {:>12} {:>10} {:>8}".format("monitors", *titles), end="")
    print(f" {'MiB/1,000':>11} {'written B':>9} {'stored B':>8}  x " + ", x ".join(peers))
    for count in LADDER[scheme]:
        if time.monotonic() > until:
            print("the time is up")
            break
        row = _run(count, scheme, port, known, roots)
        print(f"{count:9,} {row.start:6.1f} s {row.rate:9.0f}", end=" ")
        print(f"{row.late50 * 1000:7.0f} ms {row.late99 * 1000:7.0f} ms {row.core:6.0%}", end=" ")
        print(f"{row.per_1000:12.3f} {row.others_per_1000:10.3f} {row.rss_mib:8.0f}", end=" ")
        print(f"{row.rss_mib / count * 1000:11.2f} {row.written:9.0f} {row.stored:8.0f}", end="  ")
        print(", ".join(f"{row.per_1000 / cost:.2f}" for cost in peers.values()), flush=True)
        if row.late99 > TOO_LATE_SECS:
            break
    for name, cost in peers.items():
        print(f"{name}: {cost:.3f} CPU s/1,000")


def _profile(port: int, scheme: str) -> None:
    async def main(db: Path) -> None:
        os.sched_setaffinity(0, {DAEMON_CORE})
        daemon = Daemon(Settings(listen=("127.0.0.1", 0), db=str(db), reference=("none",)))
        await daemon.start()
        await asyncio.sleep(WARM_UP_SECS)
        with cProfile.Profile() as profile:
            await asyncio.sleep(MEASURED_SECS)
        await daemon.stop()
        pstats.Stats(profile).sort_stats("tottime").print_stats(60)

    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder, "tickd.db")
        asyncio.run(_fill(db, 30_000, scheme, port, None))
        uvloop.run(main(db))


def main(*arguments: str) -> None:
    """Climb both ladders, print a table each."""
    until = time.monotonic() + BUDGET_SECS
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        roots, certificate = Path(folder, "roots.pem"), Path(folder, "server.pem")
        authority.cert_pem.write_to_path(str(roots))
        authority.issue_cert(*HOSTS).private_key_and_cert_chain_pem.write_to_path(str(certificate))
        for scheme, shown in (("http", None), ("https", str(certificate))):
            with _serving(shown) as port:
                if "--profile" in arguments:
                    _profile(port, scheme)
                    return
                _table(scheme, port, authority, str(roots), until if shown else until - 80)


if __name__ == "__main__":
    main(*sys.argv[1:])
