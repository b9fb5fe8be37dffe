"""CPU and rate of one request on a new connection: floor, client, prober, aiohttp; default loop and uvloop.

Run it as `python -m tests.benchmarks.http_client`. The server is a child process; loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import socket
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import astuple, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, cast

import aiohttp
import trustme
import uvloop

from tickd.clock import SystemClock
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.http import HttpClient, Request
from tickd.outbound.prober import Prober, Target

REQUESTS = {"http": 1000, "https": 200}
ROUNDS = 5
CONCURRENCY = 16
BEAT_SECS = 0.005
BODY = b'{"status": "ok"}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(BODY), BODY)
)
ASKED = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
Send = Callable[[], Awaitable[None]]


class _Server(asyncio.Protocol):
    """Answers whatever comes first, and closes."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)
        self.transport.close()


def _serve(pipe: Connection, certificate: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        plain = await loop.create_server(_Server, "127.0.0.1", 0, backlog=512)
        secure = await loop.create_server(_Server, "127.0.0.1", 0, backlog=512, ssl=tls)
        pipe.send([server.sockets[0].getsockname()[1] for server in (plain, secure)])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)

    with contextlib.suppress(EOFError):
        uvloop.run(main())


class _Bare(asyncio.Protocol):
    """Sends, reads to the end, parses nothing: the floor."""

    def __init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(ASKED)

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set_result(None)


@dataclass(frozen=True)
class Figures:
    """CPU seconds per 1,000 requests, those of the loop's thread, the rate, and how late the loop was."""

    cpu: float
    loop_cpu: float
    rate: float
    lag_ms: float


async def _measured(send: Send, requests: int) -> Figures:
    left = requests
    late: list[float] = []

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await send()

    async def beat() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(BEAT_SECS)
            late.append(time.perf_counter() - begun - BEAT_SECS)

    gc.collect()
    beating = asyncio.create_task(beat())
    wall, cpu, own = time.perf_counter(), time.process_time(), time.thread_time()
    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    cpu, own, wall = time.process_time() - cpu, time.thread_time() - own, time.perf_counter() - wall
    beating.cancel()
    lag = sorted(late)[int(len(late) * 0.99)] if late else 0.0
    return Figures(cpu / requests * 1000, own / requests * 1000, requests / wall, lag * 1000)


async def _clients(scheme: str, port: int, tls: ssl.SSLContext) -> dict[str, Figures]:
    loop = asyncio.get_running_loop()
    url = f"{scheme}://127.0.0.1:{port}/"
    secure: dict[str, Any] = {"ssl": tls, "server_hostname": "127.0.0.1"} if scheme == "https" else {}
    resolver = Resolver()
    guard = Guard(block_private=True, allow=["127.0.0.1"])
    client = HttpClient(resolver, guard, user_agent="b", tls=tls)
    request = Request("GET", url)
    prober = Prober(resolver, guard, user_agent="b", clock=SystemClock(), tls=tls)
    looks = {wants: Target("http", url, wants_body=wants) for wants in (False, True)}

    async def bare() -> None:
        transport, protocol = await loop.create_connection(_Bare, "127.0.0.1", port, **secure)
        await protocol.done
        transport.abort()

    async def ours() -> None:
        response = await client.send(request)
        assert response.status == 200 and response.body == BODY

    async def look() -> None:
        seen = await prober.probe(looks[False])
        assert seen.fault == "" and seen.status_code == 200

    async def read() -> None:
        seen = await prober.probe(looks[True])
        assert seen.fault == "" and seen.body == BODY.decode()

    connector = aiohttp.TCPConnector(force_close=True, limit=0, ssl=tls)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def theirs() -> None:
            async with session.get(url) as response:
                assert response.status == 200 and await response.read() == BODY

        senders = {
            "create_connection + read": bare,
            "tickd client": ours,
            "tickd prober, headers": look,
            "tickd prober, body": read,
            "aiohttp force_close": theirs,
        }
        taken: dict[str, list[Figures]] = {name: [] for name in ("blocking socket", *senders)}
        for send in senders.values():
            await _measured(send, CONCURRENCY * 2)
        for _ in range(ROUNDS):
            taken["blocking socket"].append(_blocking(port, secure.get("ssl"), REQUESTS[scheme]))
            for name, send in senders.items():
                taken[name].append(await _measured(send, REQUESTS[scheme]))
    resolver.close()
    return {name: _median(figures) for name, figures in taken.items()}


def _median(figures: list[Figures]) -> Figures:
    return Figures(*(median(row) for row in zip(*(astuple(one) for one in figures), strict=True)))


def _blocking(port: int, tls: ssl.SSLContext | None, requests: int) -> Figures:
    """One connection after the other on a blocking socket: what the kernel and OpenSSL cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(requests):
        talk = socket.create_connection(("127.0.0.1", port))
        if tls is not None:
            talk = tls.wrap_socket(talk, server_hostname="127.0.0.1")
        talk.sendall(ASKED)
        while talk.recv(65_536):
            pass
        talk.close()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Figures(cpu / requests * 1000, 0.0, requests / wall, 0.0)


def _table(scheme: str, port: int, tls: ssl.SSLContext) -> None:
    rows: list[tuple[str, str, Figures]] = []
    for loop, run in (("default", asyncio.run), ("uvloop", uvloop.run)):
        figures = run(_clients(scheme, port, tls))
        rows += [(loop, name, figure) for name, figure in figures.items()]
    peers = {loop: figure.cpu for loop, name, figure in rows if name.startswith("aiohttp")}
    floors = {loop: figure.cpu for loop, name, figure in rows if name.startswith("blocking")}
    print(f"\n{scheme}, {ROUNDS} rounds of {REQUESTS[scheme]}, {CONCURRENCY} at a time")
    titles = ("client", "CPU s/1,000", "of loop", "rate/s", "lag p99 ms", "x aiohttp", "x blocking")
    print("{:8} {:26} {:>12} {:>8} {:>8} {:>11} {:>10} {:>11}".format("loop", *titles))
    for loop, name, one in rows:
        shown = f"{one.cpu:12.3f} {one.loop_cpu:8.3f} {one.rate:8.0f} {one.lag_ms:11.1f}"
        print(f"{loop:8} {name:26} {shown} {one.cpu / peers[loop]:10.2f} {one.cpu / floors[loop]:11.2f}")


def main() -> None:
    """Start the server, measure both schemes, print both tables."""
    authority = trustme.CA()
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        certificate = Path(folder, "server.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, str(certificate)))
        server.start()
        try:
            plain, secure = ours.recv()
            _table("http", plain, tls)
            _table("https", secure, tls)
        finally:
            ours.send(None)
            server.join()


if __name__ == "__main__":
    main()
