"""The connection step, timed: guard, TCP to the best of several addresses, then TLS."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Callable, Sequence
from typing import Final, TypeVar, cast

from tickd.clock import Clock
from tickd.outbound.dns import NO_MEANS
from tickd.outbound.guard import Guard, Refused
from tickd.outbound.handshakes import Handshakes
from tickd.outbound.progress import Failure, Progress
from tickd.outbound.tls import start_tls

Pair = tuple[asyncio.Transport, "P"]
P = TypeVar("P", bound=asyncio.Protocol)

# RFC 8305 section 5: how long a candidate has for itself before the next one is started beside it.
ATTEMPT_DELAY_SECS: Final = 0.25
# A name may have hundreds of addresses; one request must not open hundreds of sockets.
MAX_CANDIDATES: Final = 8

_TELLING: Final = {errno.ECONNREFUSED: 0, errno.ENETUNREACH: 2, errno.EADDRNOTAVAIL: 2}


class _Held(asyncio.Protocol):
    """Stands in until TLS begins, and reads nothing: a server that speaks first must not be drained."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).pause_reading()


async def connect(
    factory: Callable[[], P],
    addresses: Sequence[str],
    port: int,
    *,
    guard: Guard,
    clock: Clock,
    progress: Progress,
    handshakes: Handshakes,
    tls: ssl.SSLContext | None = None,
    server_name: str = "",
) -> Pair[P]:
    """Connect to the first address that answers; with `tls`, verify it as `server_name`.

    The caller owns the transport and has to abort it. Raises `Failure`; bounded by the caller's timeout.
    """
    progress.step = "connect"
    candidates = _allowed(addresses, guard)
    begun = clock.monotonic()
    if tls is None:
        transport, protocol, progress.address = await _open(factory, candidates, port, progress)
        progress.timings.connect_ms = (clock.monotonic() - begun) * 1000
        return transport, protocol
    raw, _, progress.address = await _open(_Held, candidates, port, progress)
    connected = clock.monotonic()
    progress.timings.connect_ms = (connected - begun) * 1000
    progress.step = "tls"
    protocol = factory()
    transport = await start_tls(raw, protocol, tls, server_name, handshakes)
    progress.timings.tls_ms = (clock.monotonic() - connected) * 1000
    progress.tls = transport.get_extra_info("ssl_object")
    return transport, protocol


def hang_up(transport: asyncio.Transport) -> None:
    """Close at once; over TLS, say close_notify, but don't wait for theirs."""
    if transport.get_extra_info("sslcontext") is None:
        transport.abort()
        return
    transport.close()
    # A turn later: uvloop writes at the end of one, and what it has not written then is lost.
    asyncio.get_running_loop().call_soon(transport.abort)


def _allowed(addresses: Sequence[str], guard: Guard) -> list[str]:
    allowed: list[str] = []
    sentence = "the name has no address"
    for address in addresses:
        try:
            guard.check(address)
        except Refused as refused:
            sentence = refused.sentence
        else:
            allowed.append(address)
    if not allowed:
        raise Failure("blocked", sentence)
    return allowed[:MAX_CANDIDATES]


async def _open(
    factory: Callable[[], P], candidates: Sequence[str], port: int, progress: Progress
) -> tuple[asyncio.Transport, P, str]:
    if len(candidates) > 1:
        return await _race(factory, candidates, port, progress)
    address = progress.address = candidates[0]
    try:
        transport, protocol = await asyncio.get_running_loop().create_connection(factory, address, port)
    except OSError as failure:
        raise _explained(failure, address, port) from failure
    return transport, protocol, address


async def _race(
    factory: Callable[[], P], candidates: Sequence[str], port: int, progress: Progress
) -> tuple[asyncio.Transport, P, str]:
    """Start the candidates one after the other, 250 ms apart or as soon as one has failed; first wins."""
    loop = asyncio.get_running_loop()
    waiting = list(candidates)
    tasks: dict[asyncio.Task[Pair[P]], str] = {}
    running: set[asyncio.Task[Pair[P]]] = set()
    failures: list[tuple[str, OSError]] = []
    winner: asyncio.Task[Pair[P]] | None = None
    try:
        while waiting or running:
            if waiting:
                progress.address = waiting.pop(0)
                task = loop.create_task(loop.create_connection(factory, progress.address, port))
                tasks[task] = progress.address
                running.add(task)
            done, running = await asyncio.wait(
                running,
                timeout=ATTEMPT_DELAY_SECS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                try:
                    transport, protocol = task.result()
                except OSError as failure:
                    failures.append((tasks[task], failure))
                else:
                    winner = task
                    return transport, protocol, tasks[task]
    finally:
        losers = [task for task in tasks if task is not winner]
        for task in losers:
            task.cancel()
            # A loser may have connected in the same turn of the loop: then its socket is closed here.
            task.add_done_callback(_discard)
        unfinished = [task for task in losers if not task.done()]
        if unfinished:
            await asyncio.wait(unfinished)
    address, cause = min(failures, key=lambda one: _TELLING.get(one[1].errno or 0, 1))
    progress.address = address
    raise _explained(cause, address, port) from cause


def _discard(task: asyncio.Task[Pair[P]]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result()[0].abort()


def _explained(failure: OSError, address: str, port: int) -> Failure:
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    number = failure.errno
    if number == errno.ECONNREFUSED:
        return Failure("refused", f"connection refused by {where}")
    if number == errno.ENETUNREACH:
        return Failure("connect", f"the network of {where} is unreachable")
    if number == errno.EHOSTUNREACH:
        return Failure("connect", f"no route to {where}")
    if number == errno.ETIMEDOUT:
        return Failure("timeout", f"{where} did not answer the attempt to connect")
    if number in NO_MEANS:
        return Failure("local", f"this machine can't open another connection: {_reason(failure)}")
    if number == errno.EADDRNOTAVAIL and ":" not in address:
        # With IPv6 it also means that this machine has no such network.
        return Failure("local", f"this machine has no port left for a connection to {where}")
    if number == errno.ECONNRESET:
        return Failure("reset", f"{where} reset the connection while it was opened")
    return Failure("connect", f"can't connect to {where}: {_reason(failure)}")


def _reason(failure: OSError) -> str:
    return (failure.strerror or str(failure) or type(failure).__name__).lower()
