"""A thousand heartbeats that expire in the same second: when that is noticed and told, and for how much CPU.

Run it as `python -m tests.benchmarks.alerts`; `--only` takes one line of the table by its number, `--rounds`
says how often each is run. The daemon is a real `tickd serve` on a real file, the receiver of the webhooks a
child process. Beside it, in the same run, the client that tickd sends with posts as many payloads to the same
receiver, as many at once, from a bare loop that records nothing. Last, others ping and are checked meanwhile.
Loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import re
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar, NamedTuple, cast

import uvloop
from msgspec import structs

from tests.benchmarks.pings import Load, cpu_secs, make
from tests.support.process import Child, eventually, spawned
from tickd import ids
from tickd.domain import channels as channel_rules
from tickd.domain import payloads
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.alerts import About, Message, Story, Told
from tickd.domain.channels import Channel
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.monitors import Monitor
from tickd.domain.monitors import Options as Watched
from tickd.domain.monitors import Standing as Watching
from tickd.files import DELIVERIES
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.http import HttpClient, Request
from tickd.store import channels, heartbeats, monitors
from tickd.store.database import Database

SILENT = 1_000
PINGED = 200
MONITORS = 2_000
CHECKED_SECS = 20
LEAD_SECS = 7.0
"""From the filling of the file to the common deadline."""
PATIENCE_SECS = 30.0
AROUND_SECS = 2.0
"""How long from the deadline on pings and checks are measured."""
PINGERS = 8
ROUNDS = 3
HANGS = "/hangs"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_IDENTIFIER = re.compile(rb"\r\nwebhook-id: *(\S+)", re.IGNORECASE)


class Arrival(NamedTuple):
    """A request that came whole: when (seconds), where to, and the id of its message."""

    at: float
    path: str
    message: str


class _Receiver(asyncio.Protocol):
    """Notes each request, and answers those that are not to a path that hangs."""

    arrivals: ClassVar[list[Arrival]] = []

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or self._transport is None:
            return
        length = _LENGTH.search(head)
        if length is not None and len(body) < int(length[1]):
            return
        path = head.split(b" ", 2)[1].decode()
        if path.startswith("/checked"):
            self._transport.write(ANSWER)
            return
        identifier = _IDENTIFIER.search(head)
        self.arrivals.append(Arrival(time.time(), path, identifier[1].decode() if identifier else ""))
        if not path.startswith(HANGS):
            self._transport.write(ANSWER)


def _receiver(pipe: Connection) -> None:
    """Send the port; then for each message of `pipe` what has come since the last one."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Receiver, "127.0.0.1", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        while True:
            asked = await loop.run_in_executor(None, pipe.recv)
            arrivals, _Receiver.arrivals[:] = list(_Receiver.arrivals), []
            pipe.send(arrivals if asked == "all" else None)

    with contextlib.suppress(EOFError, KeyboardInterrupt):
        uvloop.run(serve())


@dataclass(frozen=True, slots=True)
class Case:
    """Where each heartbeat's alert goes; `meanwhile` asks for pings and checks beside."""

    name: str
    own: bool = True
    slack: bool = False
    shared: tuple[str, ...] = ()
    meanwhile: bool = False

    @property
    def ways(self) -> int:
        """Deliveries of each alert, those that can't succeed left out."""
        return self.own + self.slack + sum(path != HANGS for path in self.shared)


CASES = (
    Case("one webhook each"),
    Case("three each: webhook, Slack, a shared webhook", slack=True, shared=("/shared",)),
    Case("one webhook each, a shared one hangs", shared=(HANGS,)),
    Case("one webhook for all", own=False, shared=("/shared",)),
    Case("one webhook each, pings and checks meanwhile", meanwhile=True),
)


def _silent(case: Case, url: str, number: int, now: int, due_at: int) -> Heartbeat:
    made = make(PINGED + number, now, due_at)
    options = made.options
    if case.own:
        options = structs.replace(options, webhook_url=f"{url}/own/{number}")
    if case.slack:
        options = structs.replace(options, alert_slack_webhook=f"{url}/slack/{number}")
    return structs.replace(made, options=options)


def _channel(url: str, path: str, now: int) -> Channel:
    return Channel(
        row=0,
        id=ids.new("ch"),
        account_id=DEFAULT_ACCOUNT,
        name=path.strip("/"),
        kind="webhook",
        options=channel_rules.Options(url=url + path),
        created_at=now,
        updated_at=now,
    )


def _monitor(url: str, number: int) -> Monitor:
    return Monitor(
        row=0,
        id=f"mon_{number:016d}",
        account_id=DEFAULT_ACCOUNT,
        name=f"monitor {number}",
        type="http",
        slug=f"monitor-{number}",
        options=Watched(url=f"{url}/checked/{number}", interval_secs=CHECKED_SECS),
        standing=Watching(state="up", consecutive_successes=10),
        created_at=0,
        updated_at=0,
    )


async def _fill(db: Path, case: Case, url: str, silent_at: int) -> None:
    now = time.time_ns() // 1_000_000
    beats = [make(number, now) for number in range(PINGED)]
    beats += [_silent(case, url, number, now, silent_at) for number in range(SILENT)]
    places = [_channel(url, path, now) for path in case.shared]
    watched = [_monitor(url, number) for number in range(MONITORS if case.meanwhile else 0)]

    def insert(tx: sqlite3.Connection) -> None:
        for beat in beats:
            heartbeats.insert(tx, beat)
        for place in places:
            channels.insert(tx, place)
        for monitor in watched:
            monitors.insert(tx, monitor)

    database = await Database.open(str(db), readers=0)
    try:
        await database.write(insert)
    finally:
        await database.close()


@dataclass(slots=True)
class Meanwhile:
    """What pings took (milliseconds), and how late checks were, before the deadline and from it on."""

    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    late_before: float = 0.0
    late_after: float = 0.0


@dataclass(slots=True)
class Round:
    """One run: seconds from the deadline, CPU seconds of the daemon."""

    first_noticed: float
    all_noticed: float
    first_delivered: float
    last_delivered: float
    cpu: float
    repeats: int
    meanwhile: Meanwhile | None = None


class Bare(NamedTuple):
    """The reference: seconds and CPU seconds for as many posts."""

    secs: float
    cpu: float


async def _bare(url: str, count: int) -> Bare:
    resolver = Resolver()
    client = HttpClient(resolver, Guard(), user_agent="tickd")
    now = time.time_ns() // 1_000_000
    about = About("heartbeat", ids.new("hb"), "heartbeat 1", "", "heartbeat")
    story = Story(event="down", at=now, about=about, incident_id=ids.new("inc"), error="no ping: " + "x" * 60)
    body = payloads.body(Message(id="alt_1", told=(Told("alt_1", story),), moment=now))
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            headers = (("Content-Type", "application/json"), ("webhook-id", f"alt_{number}"))
            answer = await client.send(Request("POST", f"{url}/bare/{number}", headers, body))
            assert answer.status == 200, answer.status

    try:
        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(worker() for _ in range(DELIVERIES)))
        return Bare(time.perf_counter() - begun, time.process_time() - cpu)
    finally:
        resolver.close()


async def _ping(port: int, silent_at: float, found: Meanwhile) -> None:
    """Ping at an easy pace around the deadline, over connections that are kept alive."""
    load = Load(port, 1, keep_alive=True)

    async def call(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (now := time.time()) < silent_at + AROUND_SECS:
            begun = time.perf_counter()
            writer.write(load.request(number % PINGED))
            answer = await reader.readuntil(b'"ok"}')
            assert answer.startswith(b"HTTP/1.1 200"), answer
            if now > silent_at - AROUND_SECS:
                took = (time.perf_counter() - begun) * 1000
                (found.before if now < silent_at else found.after).append(took)
            await asyncio.sleep(0.01)
            number += PINGERS
        writer.close()

    await asyncio.gather(*(call(number) for number in range(PINGERS)))


def _buckets(child: Child) -> dict[float, float]:
    return {
        float(found[1]): count
        for name, count in child.metrics().items()
        if (found := re.fullmatch(r'tickd_check_lateness_seconds_bucket\{le="(.*)"\}', name))
    }


def _late(before: dict[float, float], after: dict[float, float], share: float) -> float:
    """The bound, in milliseconds, of the bucket that this share of the checks between was late by."""
    counts = {bound: count - before.get(bound, 0) for bound, count in after.items()}
    wanted = share * counts[float("inf")]
    return 1000 * min((bound for bound, count in counts.items() if count >= wanted), default=0.0)


def _measure(case: Case, pipe: Connection, url: str) -> Round:
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder, "tickd.db")
        silent_at = time.time_ns() // 1_000_000 + round(LEAD_SECS * 1000)
        asyncio.run(_fill(db, case, url, silent_at))
        with spawned(db, reference="none", log_level="error") as child:
            child.await_greeting(10)
            eventually(lambda: child.call("GET", "/readyz").status == 200)
            assert time.time() < silent_at / 1000 - AROUND_SECS - 0.2, "it began too late"
            meanwhile = _Watch(child, silent_at / 1000) if case.meanwhile else None
            pipe.send("none")
            pipe.recv()
            time.sleep(max(0.0, silent_at / 1000 - time.time() - 0.2))
            cpu = cpu_secs(child.process.pid)
            first, last = _noticed(db, silent_at / 1000)
            _await_sent(db, case)
            spent = cpu_secs(child.process.pid) - cpu
            found = None if meanwhile is None else meanwhile.end()
            pipe.send("all")
            arrivals: list[Arrival] = pipe.recv()
            assert child.process.poll() is None, child.log
        taken = sorted(one.at - silent_at / 1000 for one in arrivals if one.path != HANGS)
        often = Counter((one.path, one.message) for one in arrivals if one.path != HANGS)
        assert len(often) == SILENT * case.ways, f"{len(often)} alerts were delivered"
    return Round(first, last, taken[0], taken[-1], spent, sum(often.values()) - len(often), found)


class _Watch:
    """Pings from a process of their own, and readings of how late checks are."""

    def __init__(self, child: Child, silent_at: float) -> None:
        self._child = child
        self._pipe, theirs = multiprocessing.Pipe()
        port = int(child.url.rpartition(":")[2])
        self._process = multiprocessing.get_context("spawn").Process(
            target=_pinger, args=(theirs, port, silent_at)
        )
        self._process.start()
        time.sleep(max(0.0, silent_at - AROUND_SECS - time.time()))
        begun = _buckets(child)
        time.sleep(max(0.0, silent_at - 0.1 - time.time()))
        self._at_deadline = _buckets(child)
        self._late_before = _late(begun, self._at_deadline, 0.99)

    def end(self) -> Meanwhile:
        found: Meanwhile = self._pipe.recv()
        found.late_before = self._late_before
        found.late_after = _late(self._at_deadline, _buckets(self._child), 0.99)
        self._process.join(5)
        return found


def _pinger(pipe: Connection, port: int, silent_at: float) -> None:
    found = Meanwhile()
    uvloop.run(_ping(port, silent_at, found))
    pipe.send(found)


def _noticed(db: Path, silent_at: float) -> tuple[float, float]:
    """Seconds from the deadline to the first and the last incident on the disk."""
    first = last = 0.0
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as reader:
        while not last:
            assert time.time() < silent_at + PATIENCE_SECS, "not all was noticed"
            (count,) = reader.execute("SELECT count(*) FROM incidents").fetchone()
            late = time.time() - silent_at
            first = first or (late if count else 0.0)
            last = late if count == SILENT else 0.0
            time.sleep(0.01)
    return first, last


def _await_sent(db: Path, case: Case) -> None:
    """Wait until every alert that can be delivered is recorded as sent."""
    until = time.monotonic() + PATIENCE_SECS
    wanted = SILENT * case.ways
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as reader:
        while reader.execute("SELECT count(*) FROM alerts WHERE state = 'sent'").fetchone() != (wanted,):
            assert time.monotonic() < until, "not all was delivered"
            time.sleep(0.02)


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _show(case: Case, rounds: list[Round], bare: list[Bare]) -> None:
    """One line: medians, and the worst of the last deliveries."""
    first, noticed = (
        statistics.median(getattr(one, name) for one in rounds) for name in ("first_noticed", "all_noticed")
    )
    last, cpu = (
        statistics.median(getattr(one, name) for one in rounds) for name in ("last_delivered", "cpu")
    )
    worst = max(one.last_delivered for one in rounds)
    secs, base = statistics.median(one.secs for one in bare), statistics.median(one.cpu for one in bare)
    print(
        f"{case.name:46}{SILENT * case.ways:7,}{first:8.2f} s{noticed:8.2f} s{last:8.2f} s{worst:8.2f} s",
        end="",
    )
    print(f"{cpu:8.2f}{secs:10.2f} s{base:8.2f}{last / secs:7.2f}{cpu / base:7.2f}", end="")
    print(f"{sum(one.repeats for one in rounds):9}", flush=True)
    for found in [one.meanwhile for one in rounds if one.meanwhile is not None]:
        for name, took, late in (
            ("before", found.before, found.late_before),
            ("from the deadline on", found.after, found.late_after),
        ):
            p50, p99 = _percentile(took, 0.5), _percentile(took, 0.99)
            print(
                f"  {name:22}{len(took):6,} pings p50 {p50:5.1f}, p99 {p99:5.1f}, max {max(took):5.1f} ms;",
                end="",
            )
            print(f" checks: 99 of 100 late by {late:.0f} ms at most")


@contextlib.contextmanager
def _receiving() -> Iterator[tuple[Connection, str]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_receiver, args=(theirs,))
    process.start()
    theirs.close()
    try:
        yield ours, f"http://127.0.0.1:{ours.recv()}"
    finally:
        ours.close()
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()


def main() -> None:
    """Measure each case and its reference in turn; print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", type=int, choices=range(1, len(CASES) + 1))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    titles = (
        "sent",
        "first",
        "noticed",
        "last",
        "worst",
        "CPU s",
        "bare last",
        "CPU s",
        "x",
        "x CPU",
        "repeats",
    )
    print(
        "{:46}{:>7}{:>10}{:>10}{:>10}{:>10}{:>8}{:>12}{:>8}{:>7}{:>7}{:>9}".format(
            f"{SILENT:,} heartbeats expire at once", *titles
        )
    )
    with _receiving() as (pipe, url):
        uvloop.run(_bare(url, DELIVERIES))
        for case in CASES if given.only is None else CASES[given.only - 1 : given.only]:
            rounds, bare = [], []
            for _ in range(given.rounds):
                bare.append(uvloop.run(_bare(url, SILENT * case.ways)))
                rounds.append(_measure(case, pipe, url))
            _show(case, rounds, bare)


if __name__ == "__main__":
    main()
