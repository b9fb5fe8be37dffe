"""Which mail exchanges a domain has: MX records, asked asynchronously, with a cache by TTL."""

from __future__ import annotations

import asyncio
import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.inet
import dns.message
import dns.name
import dns.nameserver
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

from tickd.clock import Clock, SystemClock
from tickd.domain.verification import Exchange
from tickd.outbound.dns import NO_MEANS, LookupFailed, LookupKind
from tickd.outbound.dns_sockets import Sockets, TooLarge

RESOLV_CONF: Final = "/etc/resolv.conf"
# How often the file is looked at, and how long a failure is remembered (RFC 9520: 1 s to 5 min). What is too
# large stays so.
LOOK_SECS: Final = 5.0
FAILURE_SECS: Final = 5.0
TOO_LARGE_SECS: Final = 60.0
MIN_TTL_SECS: Final = 1.0
MAX_TTL_SECS: Final = 3600.0
MAX_NEGATIVE_SECS: Final = 900.0
MAX_NAMES: Final = 10_000
# How many names an alias may lead over when the name server does not follow it.
MAX_ALIASES: Final = 8
MAX_TURNS: Final = 6
# What fits into a datagram on every way (the flag day of 2020): ordinary answers need no TCP.
PAYLOAD_BYTES: Final = 1232
_SOCKETS: Final[Any] = Sockets()


@dataclass(slots=True, frozen=True)
class _Said:
    exchange: Exchange
    ttl_secs: float


@dataclass(slots=True, frozen=True)
class _Failed:
    kind: LookupKind
    sentence: str
    ttl_secs: float = FAILURE_SECS


_Outcome = _Said | _Failed


class Exchanges:
    """Asks `servers` (address, port), or those of `resolv_conf` when none are given.

    `limit_secs` bounds one look-up, waiting for one of `most` places included. `close` has to be called in
    the end. `asked` counts the look-ups by result, `remembered` the answers given from memory.
    """

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] = (),
        *,
        limit_secs: float = 3.0,
        most: int = 128,
        names: int = MAX_NAMES,
        clock: Clock | None = None,
        resolv_conf: str = RESOLV_CONF,
    ) -> None:
        self._limit_secs = limit_secs
        self._names = names
        self._clock: Clock = clock or SystemClock()
        self._file = None if servers else _File(resolv_conf, limit_secs)
        self._stub = _stub(servers, limit_secs)
        self._places = asyncio.Semaphore(most)
        self._cache: dict[str, tuple[float, _Outcome]] = {}
        self._running: dict[str, asyncio.Task[_Outcome]] = {}
        self.asked: Counter[str] = Counter()
        self.remembered = 0

    async def found(self, domain: str) -> Exchange:
        """Tell what the MX records of `domain` (ASCII) say; `LookupFailed` when nothing is proven."""
        entry = self._cache.get(domain)
        if entry is not None and entry[0] > self._clock.monotonic():
            self.remembered += 1
            outcome = entry[1]
        else:
            outcome = await self._shared(domain)
        if isinstance(outcome, _Failed):
            raise LookupFailed(outcome.kind, outcome.sentence, outcome.ttl_secs)
        return outcome.exchange

    def close(self) -> None:
        """Drop every look-up under way."""
        for task in self._running.values():
            task.cancel()

    async def _shared(self, domain: str) -> _Outcome:
        task = self._running.get(domain)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._look_up(domain))
            self._running[domain] = task
            task.add_done_callback(lambda _: self._running.pop(domain, None))
        # One caller that gives up must not take the answer from the others.
        await asyncio.wait([task])
        return _Failed("local", "tickd is stopping", 0) if task.cancelled() else task.result()

    async def _look_up(self, domain: str) -> _Outcome:
        begun = False
        try:
            async with asyncio.timeout(self._limit_secs), self._places:
                begun = True
                outcome = await self._ask(domain)
        except TimeoutError:
            limit = f"within {self._limit_secs:g} s"
            outcome = (
                _Failed("timeout", f"no answer {limit}")
                if begun
                else _Failed("local", f"no free place {limit}, so many look-ups are under way", 0)
            )
        self.asked[outcome.exchange if isinstance(outcome, _Said) else "failed"] += 1
        self._remember(domain, outcome)
        return outcome

    def _remember(self, domain: str, outcome: _Outcome) -> None:
        # Re-inserting keeps the dict in the order of age, so the first key is the one to drop.
        self._cache.pop(domain, None)
        if outcome.ttl_secs <= 0:
            return
        if len(self._cache) >= self._names:
            del self._cache[next(iter(self._cache))]
        self._cache[domain] = (self._clock.monotonic() + outcome.ttl_secs, outcome)

    async def _ask(self, domain: str) -> _Outcome:
        stub = self._stub
        if self._file is not None:
            try:
                stub = self._file.stub(self._clock.monotonic())
            except (OSError, ValueError, dns.exception.DNSException) as failure:
                return _Failed("local", f"{self._file.path} can't be used: {_said(failure)}", 0)
        try:
            return await _follow(stub, dns.name.from_text(domain))
        except dns.resolver.NXDOMAIN as failure:
            (response,) = failure.kwargs["responses"].values()
            # An alias that leads nowhere is a domain all the same.
            cnames = response.resolve_chaining().cnames
            return _nothing("none" if cnames else "no_domain", response, MAX_NEGATIVE_SECS)
        except dns.resolver.NoNameservers as failure:
            return _all_failed(failure)
        except dns.exception.Timeout:
            return _Failed("timeout", f"no answer within {self._limit_secs:g} s")
        except dns.exception.DNSException as failure:
            return _Failed("server", _said(failure))


async def _follow(stub: dns.asyncresolver.Resolver, name: dns.name.Name) -> _Outcome:
    """Ask for the MX records, and again for each alias that the name server did not follow itself."""
    ttl_secs = MAX_TTL_SECS
    for _ in range(MAX_ALIASES):
        answer = await stub.resolve(
            name, dns.rdatatype.MX, search=False, raise_on_no_answer=False, backend=_SOCKETS
        )
        ttl_secs = min(ttl_secs, float(answer.chaining_result.minimum_ttl))
        if answer.rrset is not None:
            return _Said(_kind(answer.rrset), max(ttl_secs, MIN_TTL_SECS))
        if answer.response.flags & dns.flags.TC:
            return _Failed("server", "its answer is cut off")
        kinds = {records.rdtype for records in answer.response.authority}
        if dns.rdatatype.SOA in kinds or answer.canonical_name == name:
            if dns.rdatatype.NS in kinds and dns.rdatatype.SOA not in kinds:
                return _Failed("server", "it only names other servers")
            return _nothing("none", answer.response, ttl_secs)
        name = answer.canonical_name
    return _Failed("server", "its aliases lead on and on")


class _File:
    """The resolver of a resolv.conf, read again when the file has changed."""

    def __init__(self, path: str, limit_secs: float) -> None:
        self.path = path
        self._limit_secs = limit_secs
        self._look_at = float("-inf")
        self._seen: tuple[int, int, int] | None = None
        self._stub: dns.asyncresolver.Resolver | None = None

    def stub(self, now: float) -> dns.asyncresolver.Resolver:
        """Give the resolver; raises OSError or what dnspython says when there is none in the file."""
        if self._stub is None or now >= self._look_at:
            self._look_at = now + LOOK_SECS
            stat = os.stat(self.path)
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if self._stub is None or seen != self._seen:
                self._stub = None
                self._stub, self._seen = _tuned(_read(self.path), self._limit_secs), seen
        return self._stub


def _read(path: str) -> dns.asyncresolver.Resolver:
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = [line.split() for line in file]
    # The system passes over a line that it can't read; dnspython would pass over the whole file.
    fine = [
        words for words in lines if words[:1] != ["nameserver"] or dns.inet.is_address("".join(words[1:2]))
    ]
    stub = dns.asyncresolver.Resolver(configure=False)
    stub.read_resolv_conf(io.StringIO("\n".join(" ".join(words) for words in fine)))
    stub.nameservers = [_Server(str(address), stub.port) for address in stub.nameservers]
    return stub


def _stub(servers: Sequence[tuple[str, int]], limit_secs: float) -> dns.asyncresolver.Resolver:
    stub = dns.asyncresolver.Resolver(configure=False)
    stub.nameservers = [_Server(address, port) for address, port in servers]
    return _tuned(stub, limit_secs)


def _tuned(stub: dns.asyncresolver.Resolver, limit_secs: float) -> dns.asyncresolver.Resolver:
    stub.lifetime = limit_secs
    # Each server gets its turn; one alone is asked once more after two thirds, in case a datagram was lost.
    stub.timeout = limit_secs / min(max(1.5, len(stub.nameservers)), MAX_TURNS)
    stub.use_edns(0, 0, PAYLOAD_BYTES)
    stub.cache = None
    return stub


class _Server(dns.nameserver.Do53Nameserver):
    """A name server whose truncated answer is taken where it proves enough."""

    async def async_query(self, request: dns.message.QueryMessage, *given: Any, **named: Any) -> Any:
        """Ask as dnspython does; without EDNS where the server, or a box on the way, takes it amiss."""
        try:
            response = await super().async_query(request, *given, **named)
        except dns.message.Truncated as failure:
            response = failure.kwargs["message"]
            if not _is_enough(response):
                raise
            return response
        except dns.exception.Timeout:
            request.use_edns(False)
            raise
        if response.rcode() == dns.rcode.FORMERR and request.edns >= 0:
            request.use_edns(False)
            return await self.async_query(request, *given, **named)
        return response


def _is_enough(response: dns.message.Message) -> bool:
    if response.rcode() != dns.rcode.NOERROR or not isinstance(response, dns.message.QueryMessage):
        return False
    try:
        records = response.resolve_chaining().answer
    except dns.exception.DNSException:
        return False
    return records is not None and records.rdtype == dns.rdatatype.MX and _kind(records) == "some"


def _kind(records: dns.rrset.RRset) -> Exchange:
    """A target of "." says "no mail" (RFC 7505); beside real ones it is passed over."""
    return "some" if any(record.exchange != dns.name.root for record in records) else "null"


def _nothing(exchange: Exchange, response: dns.message.Message, ttl_secs: float) -> _Said:
    """How long "none" is true is said by the SOA record (RFC 2308); without one, hardly any time."""
    starts = [records for records in response.authority if records.rdtype == dns.rdatatype.SOA]
    limits = [float(min(records.ttl, records[0].minimum)) for records in starts] or [FAILURE_SECS]
    return _Said(exchange, min(max(min(ttl_secs, *limits), MIN_TTL_SECS), MAX_NEGATIVE_SECS))


def _all_failed(failure: dns.resolver.NoNameservers) -> _Failed:
    errors = [error[3] for error in failure.kwargs.get("errors") or ()]
    for error in errors:
        if isinstance(error, TooLarge):
            return _Failed("server", str(error), TOO_LARGE_SECS)
        if isinstance(error, OSError) and error.errno in NO_MEANS:
            return _Failed("local", f"this machine can't ask now: {_said(error)}", 0)
    return _Failed("server", _said(errors[-1]) if errors else "no server could be asked")


def _said(error: object) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).rstrip(".") or type(error).__name__
