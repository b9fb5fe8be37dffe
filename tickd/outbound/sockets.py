"""The connection step, timed: guard, TCP to the best of several addresses, then TLS."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar, cast

from tickd.clock import Clock
from tickd.outbound.guard import Guard, Refused

Kind = Literal["url", "dns", "blocked", "refused", "connect", "tls", "timeout", "protocol", "reset", "local"]
Step = Literal["dns", "connect", "tls", "request", "answer"]
Pair = tuple[asyncio.Transport, "P"]
P = TypeVar("P", bound=asyncio.Protocol)

# RFC 8305 section 5: how long a candidate has for itself before the next one is started beside it.
ATTEMPT_DELAY_SECS: Final = 0.25
# A name may have hundreds of addresses; one request must not open hundreds of sockets.
MAX_CANDIDATES: Final = 8

_OURS: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_TELLING: Final = {errno.ECONNREFUSED: 0, errno.ENETUNREACH: 2, errno.EADDRNOTAVAIL: 2}


@dataclass(slots=True)
class Timings:
    """How long each step took, in milliseconds; None for a step that was not taken or not finished.

    `first_byte_ms` runs from the request written to the first byte of the answer; `total_ms` over all.
    """

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float | None = None


class Failure(Exception):
    """There is no usable answer: `message` is a sentence for the owner of the target.

    Kinds: url (can't be called as written), dns, blocked (by the guard), refused (connection refused),
    connect (no way there), tls, timeout, protocol (not HTTP, or broken), reset (the other side went
    away), local (this machine lacks descriptors or memory: it says nothing about the target).
    `responded` is True when a status line had been received.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        timings: Timings | None = None,
        address: str | None = None,
        responded: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.timings = timings or Timings()
        self.address = address
        self.responded = responded


@dataclass(slots=True)
class Progress:
    """How far one request has come: what a timeout or a failure reports."""

    timings: Timings
    step: Step = "dns"
    address: str | None = None
    responded: bool = False


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
    transport = await _start_tls(raw, protocol, tls, server_name)
    progress.timings.tls_ms = (clock.monotonic() - connected) * 1000
    return transport, protocol


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
    if number in _OURS:
        return Failure("local", f"this machine can't open another connection: {_reason(failure)}")
    if number == errno.ECONNRESET:
        return Failure("reset", f"{where} reset the connection while it was opened")
    return Failure("connect", f"can't connect to {where}: {_reason(failure)}")


def _reason(failure: OSError) -> str:
    return (failure.strerror or str(failure) or type(failure).__name__).lower()


async def _start_tls(
    raw: asyncio.Transport, protocol: asyncio.Protocol, tls: ssl.SSLContext, server_name: str
) -> asyncio.Transport:
    done = False
    try:
        transport = await asyncio.get_running_loop().start_tls(
            raw, protocol, tls, server_hostname=server_name
        )
        if transport is None:  # says typeshed: the connection was lost in the very turn it was made
            raise Failure("reset", "the server closed the connection during the TLS handshake")
        protocol.connection_made(transport)
        done = True
    except ssl.SSLError as failure:
        raise Failure("tls", explain_tls(failure, server_name)) from failure
    except OSError as failure:
        raise Failure("tls", "the server closed the connection during the TLS handshake") from failure
    finally:
        if not done:
            raw.abort()
    return transport


_VERIFY: Final = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is self-signed",
    19: "the certificate chain ends in a self-signed certificate that is not trusted here",
    20: "the certificate's issuer is not trusted here, or the server sends no intermediate certificate",
    21: "the certificate's issuer is not trusted here, or the server sends no intermediate certificate",
    23: "the certificate has been revoked",
}
_WRONG_NAME: Final = (62, 64)
_REASONS: Final = {
    "WRONG_VERSION_NUMBER": "the server does not speak TLS on this port",
    "HTTP_REQUEST": "the server does not speak TLS on this port",
    "UNSUPPORTED_PROTOCOL": "the server speaks only old versions of TLS",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the server does not accept our versions of TLS",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the server refused the TLS handshake (no common cipher?)",
    "TLSV1_UNRECOGNIZED_NAME": "the server does not know this host name (TLS unrecognized name)",
    "TLSV1_ALERT_INTERNAL_ERROR": "the server failed during the TLS handshake (internal error)",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server asks for a client certificate",
    "UNEXPECTED_EOF_WHILE_READING": "the server closed the connection during the TLS handshake",
    "DH_KEY_TOO_SMALL": "the server's TLS key exchange is too weak",
    "EE_KEY_TOO_SMALL": "the certificate's key is too short",
    "CA_MD_TOO_WEAK": "the certificate's signature is too weak",
}


def explain_tls(failure: ssl.SSLError, server_name: str) -> str:
    """Say in a sentence why the TLS handshake with `server_name` failed."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        if failure.verify_code in _WRONG_NAME:
            return f"the certificate is not for {server_name}"
        return _VERIFY.get(
            failure.verify_code, f"the certificate was not accepted: {failure.verify_message.rstrip('.')}"
        )
    if isinstance(failure, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "the server closed the connection during the TLS handshake"
    if failure.reason in _REASONS:
        return _REASONS[failure.reason]
    return f"the TLS handshake failed: {(failure.reason or str(failure)).replace('_', ' ').lower()}"
