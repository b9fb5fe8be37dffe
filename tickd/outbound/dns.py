"""Names to addresses: own threads or own servers, own cache, and a limit for every look-up."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final, Literal

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
import idna

from tickd.clock import Clock, SystemClock
from tickd.outbound.dns_sockets import Sockets

LookupKind = Literal["invalid", "no_host", "no_address", "server", "timeout", "local"]

SYSTEM_TTL_SECS: Final = 30.0
NEGATIVE_TTL_SECS: Final = 5.0
MIN_TTL_SECS: Final = 1.0
MAX_TTL_SECS: Final = 3600.0
# What this machine lacks says nothing about anybody else.
NO_MEANS: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
MAX_NAMES: Final = 10_000
MAX_THREADS: Final = 32
# RFC 8305 section 3: how long the other family may keep us waiting once one has been answered.
FAMILY_DELAY_SECS: Final = 0.25
_LOOPBACK: Final = ("::1", "127.0.0.1")
_SOCKETS: Final[Any] = Sockets()


class LookupFailed(Exception):
    """The name has no address now; `sentence` says why.

    Kinds: invalid (not a host name), no_host (NXDOMAIN), no_address (it exists, without A or AAAA),
    server (the name servers failed), timeout, local (this machine lacks descriptors, threads or memory).
    `retry_secs` is for how long asking again is no use, as far as that is known.
    """

    def __init__(self, kind: LookupKind, sentence: str, retry_secs: float = 0.0) -> None:
        super().__init__(sentence)
        self.kind: LookupKind = kind
        self.sentence = sentence
        self.retry_secs = retry_secs


@dataclass(slots=True, frozen=True)
class _Found:
    addresses: tuple[str, ...]
    ttl_secs: float


@dataclass(slots=True, frozen=True)
class _Missing:
    kind: LookupKind
    sentence: str


_Outcome = _Found | _Missing


def system_addresses(host: str) -> list[str]:
    """Ask the system (hosts file, resolv.conf) and block until it answers; raises `socket.gaierror`."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def ascii_host(host: str) -> str:
    """Give a host name as it travels: lower case, IDNA; ValueError when it can't be a host name."""
    name = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    labels = name.removesuffix(".").split(".")
    if len(name) > 254 or not all(0 < len(label) < 64 and _LABEL.issuperset(label) for label in labels):
        raise ValueError(f"not a host name: {host!r}")
    return name


_LABEL: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class Resolver:
    """Resolves through the system, or through `servers` (address, port) alone when some are given.

    `limit_secs` bounds one look-up, waiting for a free thread included. `system` is what the threads
    call; `close` has to be called in the end.
    """

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] = (),
        *,
        limit_secs: float = 5.0,
        clock: Clock | None = None,
        system: Callable[[str], list[str]] = system_addresses,
    ) -> None:
        self._limit_secs = limit_secs
        self._clock: Clock = clock or SystemClock()
        self._system = system
        self._servers = _stub(servers, limit_secs) if servers else None
        self._free = asyncio.Semaphore(MAX_THREADS)
        self._cache: dict[str, tuple[float, _Outcome]] = {}
        self._running: dict[str, asyncio.Task[_Outcome]] = {}

    async def resolve(self, host: str) -> tuple[str, ...]:
        """Give the addresses of `host`, families interleaved, best first; an IP literal is its own address.

        Raises `LookupFailed`.
        """
        if is_literal(host):
            return (host,)
        name = _asked(host)
        if name == "localhost" or name.endswith(".localhost"):
            return _LOOPBACK  # RFC 6761: never asked of a name server
        return _addresses(self._cached(name) or await self._shared(name))

    async def resolve_afresh(self, host: str) -> tuple[str, ...]:
        """Give the same as `resolve`, but by a look-up of its own, whatever is remembered or under way."""
        if is_literal(host):
            return (host,)
        name = _asked(host)
        if name == "localhost" or name.endswith(".localhost"):
            return _LOOPBACK
        return _addresses(await self._look_up(name))

    def close(self) -> None:
        """Drop every look-up under way; a thread inside the system's resolver ends by itself."""
        for task in self._running.values():
            task.cancel()

    def _cached(self, name: str) -> _Outcome | None:
        entry = self._cache.get(name)
        return entry[1] if entry is not None and entry[0] > self._clock.monotonic() else None

    async def _shared(self, name: str) -> _Outcome:
        task = self._running.get(name)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._look_up(name))
            self._running[name] = task
            task.add_done_callback(lambda _: self._running.pop(name, None))
        # One caller that gives up must not take the answer from the others.
        return await asyncio.shield(task)

    async def _look_up(self, name: str) -> _Outcome:
        try:
            async with asyncio.timeout(self._limit_secs):
                if self._servers is None:
                    outcome = await self._ask_system(name)
                else:
                    outcome = await self._ask_servers(self._servers, name)
        except TimeoutError:
            outcome = _timed_out(name, self._limit_secs)
        if isinstance(outcome, _Missing) and outcome.kind == "local":
            return outcome  # says nothing about the name
        ttl_secs = outcome.ttl_secs if isinstance(outcome, _Found) else NEGATIVE_TTL_SECS
        # Re-inserting keeps the dict in the order of age, so the first key is the one to drop.
        self._cache.pop(name, None)
        if len(self._cache) >= MAX_NAMES:
            del self._cache[next(iter(self._cache))]
        self._cache[name] = (self._clock.monotonic() + ttl_secs, outcome)
        return outcome

    async def _ask_system(self, name: str) -> _Outcome:
        """Run the blocking call in a daemon thread of its own, at most `MAX_THREADS` of them.

        An executor's threads are joined when the process exits, and a stuck getaddrinfo takes 10 s
        and more; these are left behind. The slot is held until the thread is done, not the caller.
        """
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_Outcome] = loop.create_future()

        def finish(outcome: _Outcome) -> None:
            self._free.release()
            if not answer.done():
                answer.set_result(outcome)

        def work() -> None:
            outcome = _from_system(self._system, name)
            try:
                loop.call_soon_threadsafe(finish, outcome)
            except RuntimeError:
                return  # the loop was closed in the meantime: nobody waits any more

        try:
            threading.Thread(target=work, name="tickd-dns", daemon=True).start()
        except RuntimeError as failure:
            finish(_Missing("local", f"this machine can't look up names now: {failure}"))
        return await answer

    async def _ask_servers(self, servers: dns.asyncresolver.Resolver, name: str) -> _Outcome:
        """Ask for both families at once; when one has answered, the other gets 250 ms more."""
        tasks = [
            asyncio.create_task(_query(servers, name, rdtype, self._limit_secs))
            for rdtype in (dns.rdatatype.AAAA, dns.rdatatype.A)
        ]
        try:
            done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            useful = any(isinstance(task.result(), _Found) for task in done)
            if rest:
                await asyncio.wait(rest, timeout=FAMILY_DELAY_SECS if useful else None)
        finally:
            for task in tasks:
                task.cancel()
        outcomes = [task.result() for task in tasks if task.done() and not task.cancelled()]
        found = [outcome for outcome in outcomes if isinstance(outcome, _Found)]
        if found:
            addresses = interleave([address for outcome in found for address in outcome.addresses])
            return _Found(addresses, min(outcome.ttl_secs for outcome in found))
        # NXDOMAIN speaks for both families; "no such record" only when neither has failed.
        order = ("no_host", "local", "server", "timeout", "no_address")
        missing = [outcome for outcome in outcomes if isinstance(outcome, _Missing)]
        return min(missing, key=lambda outcome: order.index(outcome.kind))


def is_literal(host: str) -> bool:
    """Tell whether `host` is an IPv4 or IPv6 address (zone allowed, no brackets)."""
    # Every literal ends in a hex digit, a colon or a zone; this spares most names the exception below.
    if ":" not in host and not host[-1:].isdigit():
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def interleave(addresses: Sequence[str]) -> tuple[str, ...]:
    """Alternate the families, beginning with that of the first address and keeping each one's order."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    other = [address for address in addresses if (":" in address) != (":" in addresses[0])]
    return tuple(one for pair in zip_longest(first, other) for one in pair if one is not None)


def _asked(host: str) -> str:
    try:
        return ascii_host(host).removesuffix(".")
    except ValueError:
        raise LookupFailed("invalid", f"not a valid host name: {host}") from None


def _addresses(outcome: _Outcome) -> tuple[str, ...]:
    if isinstance(outcome, _Missing):
        raise LookupFailed(outcome.kind, outcome.sentence)
    return outcome.addresses


def _from_system(system: Callable[[str], list[str]], name: str) -> _Outcome:
    try:
        addresses = system(name)
    except socket.gaierror as failure:
        if failure.errno == socket.EAI_NONAME:
            return _no_host(name)
        if failure.errno == getattr(socket, "EAI_NODATA", None):
            return _no_address(name)
        if failure.errno == socket.EAI_MEMORY:
            return _no_means(failure)
        return _server_failed(name, (failure.strerror or str(failure)).lower())
    except OSError as failure:
        return _no_means(failure) if failure.errno in NO_MEANS else _server_failed(name, str(failure))
    except UnicodeError as failure:
        return _server_failed(name, str(failure))
    return _Found(interleave(addresses), SYSTEM_TTL_SECS) if addresses else _no_address(name)


def _stub(servers: Sequence[tuple[str, int]], limit_secs: float) -> dns.asyncresolver.Resolver:
    stub = dns.asyncresolver.Resolver(configure=False)
    stub.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in servers]
    stub.lifetime = limit_secs
    stub.timeout = min(2.0, limit_secs)
    stub.cache = None
    return stub


async def _query(
    stub: dns.asyncresolver.Resolver, name: str, rdtype: dns.rdatatype.RdataType, limit_secs: float
) -> _Outcome:
    try:
        answer = await stub.resolve(
            dns.name.from_text(name), rdtype, search=False, raise_on_no_answer=False, backend=_SOCKETS
        )
    except dns.resolver.NXDOMAIN:
        return _no_host(name)
    except dns.resolver.NoNameservers as failure:
        said = failure.kwargs.get("errors") or ()
        return _server_failed(name, str(said[-1][3]) if said else "no server could be asked")
    except dns.exception.Timeout:
        return _timed_out(name, limit_secs)
    except OSError as failure:
        return _no_means(failure) if failure.errno in NO_MEANS else _server_failed(name, str(failure))
    except dns.exception.DNSException as failure:
        return _server_failed(name, str(failure) or type(failure).__name__)
    if answer.rrset is None:
        return _no_address(name)
    ttl_secs = min(max(float(answer.chaining_result.minimum_ttl), MIN_TTL_SECS), MAX_TTL_SECS)
    return _Found(tuple(record.to_text() for record in answer.rrset), ttl_secs)


def _no_host(name: str) -> _Missing:
    return _Missing("no_host", f"no such host: {name}")


def _no_address(name: str) -> _Missing:
    return _Missing("no_address", f"{name} exists, but has no address")


def _server_failed(name: str, reason: str) -> _Missing:
    return _Missing("server", f"the name servers could not resolve {name} ({reason})")


def _no_means(failure: OSError) -> _Missing:
    reason = (failure.strerror or str(failure)).lower()
    return _Missing("local", f"this machine can't look up names now: {reason}")


def _timed_out(name: str, limit_secs: float) -> _Missing:
    return _Missing("timeout", f"no answer from the name servers for {name} within {limit_secs:g} s")
