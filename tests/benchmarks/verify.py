"""Verifications a second with a cold and a warm memory, beside the bare resolver and the bare syntax check.

Run it as `python -m tests.benchmarks.verify`. The name server is a child process that knows every domain; it
ends with this one. What is measured takes turns in one run: email-validator alone, dnspython's asynchronous
resolver alone, tickd's verifier, and a whole daemon's service with a database on disk. Loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import cast

import dns.asyncresolver
import dns.nameserver
import uvloop
from email_validator import validate_email

from tickd import app
from tickd.config import Settings
from tickd.domain.accounts import DEFAULT_ACCOUNT

COUNT = 600
ROUNDS = 5
CONCURRENCY = 32
WARM = 50
# MX, class IN, an hour, 9 octets: preference 10 and "mail." before the name that was asked for.
RECORD = b"\xc0\x0c\x00\x0f\x00\x01\x00\x00\x0e\x10\x00\x09\x00\x0a\x04mail\xc0\x0c"
Verify = Callable[[str], Awaitable[object]]


class _Names(asyncio.DatagramProtocol):
    """Answers every question with one MX record, as cheaply as it can be done."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\x00", 12) + 5
        header = data[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
        self._transport.sendto(header + data[12:end] + RECORD, addr)


def _serve(pipe: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(_Names, local_addr=("127.0.0.1", 0))
        pipe.send(transport.get_extra_info("sockname")[1])
        await loop.run_in_executor(None, pipe.recv)

    with contextlib.suppress(EOFError):
        uvloop.run(main())


async def _rate(verify: Verify, emails: Iterator[str]) -> tuple[float, float]:
    """How many a second, and the CPU of this process for each in milliseconds."""
    left = itertools.islice(emails, COUNT)

    async def worker() -> None:
        for email in left:
            await verify(email)

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    return COUNT / (time.perf_counter() - begun), (time.process_time() - cpu) / COUNT * 1000


def _new() -> Iterator[str]:
    """Addresses at domains that nobody has asked for."""
    return (f"ann.lee{number}@domain-{number}.example" for number in itertools.count())


def _known() -> Iterator[str]:
    return (f"ann.lee{number}@known-{number % WARM}.example" for number in itertools.count())


async def _measured(port: int, folder: str) -> dict[str, list[tuple[float, float]]]:
    server = ("127.0.0.1", port)
    settings = Settings(
        listen=("127.0.0.1", 0), db=str(Path(folder, "tickd.db")), dns_server=(server,), reference=("none",)
    )
    bare = dns.asyncresolver.Resolver(configure=False)
    bare.nameservers = [dns.nameserver.Do53Nameserver(*server)]

    async def syntax(email: str) -> object:
        return validate_email(email, check_deliverability=False)

    async def resolved(email: str) -> object:
        return await bare.resolve(email.partition("@")[2], "MX", search=False)

    daemon = app.Daemon(settings)
    await daemon.start()
    try:
        async with app.verifying(settings) as verifier:

            async def stored(email: str) -> object:
                return await daemon.services.verifications.verify(DEFAULT_ACCOUNT, email)

            rows: dict[str, tuple[Verify, Iterator[str]]] = {
                "email-validator alone": (syntax, _new()),
                "dnspython alone": (resolved, _new()),
                "verifier, cold": (verifier.verdict, _new()),
                "verifier, warm": (verifier.verdict, _known()),
                "service, cold": (stored, _new()),
                "service, warm": (stored, _known()),
            }
            rates: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
            for round_number in range(ROUNDS + 1):
                for name, (verify, emails) in rows.items():
                    rate = await _rate(verify, emails)
                    if round_number:  # the first is for imports, caches and the disk
                        rates[name].append(rate)
            return rates
    finally:
        await daemon.stop()


def main() -> None:
    """Start the name server, measure, print the table."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    theirs.close()
    try:
        with tempfile.TemporaryDirectory() as folder:
            rates = uvloop.run(_measured(ours.recv(), folder))
    finally:
        ours.close()
        server.join(5)
    middle = {name: [median(column) for column in zip(*taken, strict=True)] for name, taken in rates.items()}
    print(
        f"{ROUNDS} rounds of {COUNT}, {CONCURRENCY} at once, median; a shared machine: read the ratios of CPU"
    )
    print(f"{'':24} {'a second':>9} {'CPU ms each':>12} {'x dnspython':>12} {'x email-validator':>18}")
    bare, syntax = middle["dnspython alone"][1], middle["email-validator alone"][1]
    for name, (rate, cpu) in middle.items():
        print(f"{name:24} {rate:9.0f} {cpu:12.3f} {cpu / bare:12.2f} {cpu / syntax:18.2f}")


if __name__ == "__main__":
    main()
