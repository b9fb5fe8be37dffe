"""Answers that are too large or too heavy to be parsed: refused, or cut off, and the event loop goes on."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import dns.message
import dns.rdatatype
import pytest

from tests.support.clock import FakeClock
from tests.support.dns import ServedNames, naming, with_addresses, with_exchanges
from tests.support.servers import both_loops, our_loop
from tickd.errors import Unavailable
from tickd.outbound.dns import LookupFailed, Resolver
from tickd.outbound.exchanges import FAILURE_SECS, TOO_LARGE_SECS, Exchanges
from tickd.services.verifying import Verifier

Message = dns.message.Message
DOMAIN = "huge.example"
LABELS = ".".join(["a"] * 126)
RESPONSE, TRUNCATED = 0x8180, 0x8380


def _wire(query: Message, records: list[bytes], flags: int = RESPONSE) -> bytes:
    plain = dns.message.make_query(query.question[0].name, query.question[0].rdtype)
    header = struct.pack("!HHHHHH", query.id, flags, 1, len(records), 0, 0)
    return header + plain.to_wire()[12:] + b"".join(records)


def _record(kind: int, data: bytes) -> bytes:
    """One whose owner is the name that was asked for."""
    return b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def _exchange(place: int, target: bytes = b"\xc0\x0c") -> bytes:
    return _record(15, struct.pack("!H", place) + target)


def many(query: Message) -> bytes:
    """60 KB of records."""
    return _wire(query, [_exchange(place) for place in range(3_700)])


def long_names(query: Message) -> bytes:
    """Within a datagram's 1,232 bytes, and all the same a quarter of a second's work to dnspython."""
    return _wire(query, [_exchange(place) for place in range(60)])


def bulky(query: Message) -> bytes:
    """5 KB in few records."""
    return _wire(query, [_exchange(10), *[_record(16, b"\xf0" + b"x" * 240)] * 20])


def null_and_many(query: Message) -> bytes:
    """Nothing usable where a truncated answer is cut off."""
    return _wire(query, [_exchange(place, b"\x00") for place in range(4_000)])


class Over:
    """A server that answers a truncated nothing over UDP, and what it is told over TCP."""

    def __init__(self, answer: Callable[[Message], bytes]) -> None:
        self._answer = answer
        self.served: ServedNames

    def __call__(self, query: Message) -> bytes:
        if self.served.over[-1] == "tcp":
            return self._answer(query)
        return _wire(query, [], TRUNCATED)


@asynccontextmanager
async def over_tcp(answer: Callable[[Message], bytes]) -> AsyncIterator[ServedNames]:
    over = Over(answer)
    async with naming(over) as served:
        over.served = served
        yield served


async def _refused(exchanges: Exchanges, domain: str = DOMAIN) -> None:
    with pytest.raises(LookupFailed, match="its answer is too large") as caught:
        await exchanges.found(domain)
    assert caught.value.kind == "server"


@pytest.mark.parametrize(
    ("answer", "domain"), [(many, DOMAIN), (long_names, LABELS), (bulky, DOMAIN), (null_and_many, DOMAIN)]
)
@both_loops
async def test_an_answer_that_is_too_large_proves_nothing(
    answer: Callable[[Message], bytes], domain: str
) -> None:
    async with over_tcp(answer) as served:
        await _refused(Exchanges([served.server]), domain)
        assert served.over == ["udp", "tcp"]


@our_loop
async def test_that_it_is_too_large_is_remembered_for_a_minute() -> None:
    clock = FakeClock(0)
    async with over_tcp(many) as served:
        exchanges = Exchanges([served.server], clock=clock)
        await _refused(exchanges)
        await clock.advance(FAILURE_SECS + 1)
        await _refused(exchanges)
        assert len(served.asked) == 2
        await clock.advance(TOO_LARGE_SECS)
        await _refused(exchanges)
        assert len(served.asked) == 4


@our_loop
async def test_whoever_verifies_is_told_to_come_back_when_it_is_asked_again() -> None:
    async with over_tcp(many) as served:
        with pytest.raises(Unavailable, match="its answer is too large") as caught:
            await Verifier(Exchanges([served.server])).verdict(f"ann@{DOMAIN}.com")
    assert caught.value.retry_after == TOO_LARGE_SECS


@both_loops
async def test_a_truncated_answer_with_a_usable_record_is_enough() -> None:
    async with naming(lambda query: _wire(query, [_exchange(10)], TRUNCATED)) as served:
        assert await Exchanges([served.server]).found(DOMAIN) == "some"
        assert served.over == ["udp"]


@our_loop
async def test_a_truncated_answer_with_nothing_usable_is_not() -> None:
    def answer(query: Message) -> bytes:
        if served.over[-1] == "tcp":
            return with_exchanges(query, "0 .", "10 mail.x.example.").to_wire()
        return _wire(query, [_exchange(0, b"\x00")], TRUNCATED)

    async with naming(answer) as served:
        assert await Exchanges([served.server]).found(DOMAIN) == "some"
        assert served.over == ["udp", "tcp"]


@pytest.mark.parametrize(("answer", "domain"), [(many, DOMAIN), (long_names, LABELS)])
@both_loops
async def test_of_a_heavy_datagram_only_the_beginning_is_read(
    answer: Callable[[Message], bytes], domain: str
) -> None:
    async with naming(answer) as served:
        assert await Exchanges([served.server]).found(domain) == "some"
        assert served.over == ["udp"]


@our_loop
async def test_a_heavy_datagram_without_a_usable_record_is_asked_for_over_tcp() -> None:
    async with naming(null_and_many) as served:
        await _refused(Exchanges([served.server]))
        assert served.over == ["udp", "tcp"]


@both_loops
async def test_a_hundred_exchanges_are_not_too_many() -> None:
    names = [f"{place} mail{place}.x.example." for place in range(100)]
    async with naming(lambda query: with_exchanges(query, *names)) as served:
        assert await Exchanges([served.server]).found("x.example") == "some"
        assert served.over == ["udp", "tcp"]


@pytest.mark.parametrize("over", [naming, over_tcp], ids=["udp", "tcp"])
@both_loops
async def test_the_event_loop_is_not_held(over: Callable[..., object]) -> None:
    query = dns.message.make_query(LABELS, "MX")
    begun = time.thread_time()
    dns.message.from_wire(long_names(query))
    whole = time.thread_time() - begun
    held = [0.0]

    async def turn() -> None:
        # The CPU of this thread between two turns: what else runs on the machine does not count.
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            before, past = time.thread_time(), before
            held.append(before - past)

    heavy = over(long_names)
    async with heavy as served:  # type: ignore[attr-defined]
        turning = asyncio.create_task(turn())
        for place in range(3):
            await asyncio.gather(
                Exchanges([served.server]).found(LABELS[place * 2 :]), return_exceptions=True
            )
        turning.cancel()
        assert len(served.asked) >= 3
    assert max(held) < whole / 3, f"held for {max(held) * 1000:.0f} ms of {whole * 1000:.0f} ms"


@our_loop
async def test_addresses_are_capped_too() -> None:
    def answer(query: Message) -> bytes:
        if served.over[-1] == "udp":
            return _wire(query, [], TRUNCATED)
        if query.question[0].rdtype != dns.rdatatype.A:
            return with_addresses(query).to_wire()
        return _wire(query, [_record(1, struct.pack("!I", place)) for place in range(3_000)])

    async with naming(answer) as served:
        with pytest.raises(LookupFailed, match="its answer is too large"):
            await Resolver([served.server]).resolve(DOMAIN)
