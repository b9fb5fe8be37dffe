"""Names through the system and through servers of our own: answers, failures, memory and limits."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.support.clock import FakeClock
from tests.support.dns import naming
from tests.support.servers import both_loops, our_loop
from tickd.outbound.dns import MAX_THREADS, LookupFailed, LookupKind, Resolver, interleave

System = Callable[[str], list[str]]


async def failing(resolver: Resolver, host: str, kind: LookupKind, *words: str) -> None:
    with pytest.raises(LookupFailed) as caught:
        await resolver.resolve(host)
    assert caught.value.kind == kind, caught.value.sentence
    assert all(word in caught.value.sentence for word in words), caught.value.sentence


def nobody(_: str) -> list[str]:
    raise AssertionError("nobody may be asked")


class Counted:
    """Answers every name, and counts how often it was asked."""

    def __init__(self, pause: float = 0.0) -> None:
        self.asked: list[str] = []
        self.pause = pause

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        time.sleep(self.pause)
        return ["192.0.2.1"]


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1", "fe80::1%eth0", "2001:DB8::A"])
@our_loop
async def test_literals_are_their_own_address(literal: str) -> None:
    with closing(Resolver(system=nobody)) as resolver:
        assert await resolver.resolve(literal) == (literal,)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.b.localhost"])
@pytest.mark.parametrize("servers", [(), (("127.0.0.1", 9),)])
@our_loop
async def test_localhost_stays_here(host: str, servers: tuple[tuple[str, int], ...]) -> None:
    with closing(Resolver(servers, system=nobody)) as resolver:
        assert set(await resolver.resolve(host)) == {"::1", "127.0.0.1"}


@pytest.mark.parametrize("host", ["", ".", "a..b", "a b", "a" * 64, "-" * 260, "a\0b", "ü" * 70, "\ud800"])
@our_loop
async def test_what_is_no_host_name_is_not_looked_up(host: str) -> None:
    with closing(Resolver(system=nobody)) as resolver:
        await failing(resolver, host, "invalid", "not a valid host name")


@both_loops
async def test_the_systems_own_resolver_knows_this_machine() -> None:
    with closing(Resolver()) as resolver:
        assert await resolver.resolve("127.1") == ("127.0.0.1",)


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (socket.EAI_NONAME, "no_host", "no such host: x.example"),
        (socket.EAI_NODATA, "no_address", "x.example exists, but has no address"),
        (socket.EAI_AGAIN, "server", "the name servers could not resolve x.example (because)"),
    ],
)
@our_loop
async def test_failures_of_the_system(number: int, kind: LookupKind, words: str) -> None:
    def fail(_: str) -> list[str]:
        raise socket.gaierror(number, "Because")

    with closing(Resolver(system=fail)) as resolver:
        await failing(resolver, "x.example", kind, words)


@our_loop
async def test_names_are_asked_once_in_any_spelling_and_remembered_for_their_time() -> None:
    clock, system = FakeClock(0), Counted()
    with closing(Resolver(system=system, clock=clock)) as resolver:
        for host in ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example.", "bücher.example"):
            assert await resolver.resolve(host) == ("192.0.2.1",)
        assert system.asked == ["xn--bcher-kva.example"]
        await clock.advance(29.9)
        await resolver.resolve("bücher.example")
        assert len(system.asked) == 1
        await clock.advance(0.2)
        await resolver.resolve("bücher.example")
        assert len(system.asked) == 2


@our_loop
async def test_failures_are_remembered_for_a_shorter_time() -> None:
    clock, system = FakeClock(0), Counted()

    def fail(host: str) -> list[str]:
        system(host)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with closing(Resolver(system=fail, clock=clock)) as resolver:
        for step, times in ((0.0, 1), (4.9, 1), (0.2, 2)):
            await clock.advance(step)
            await failing(resolver, "x.example", "no_host")
            assert len(system.asked) == times


@our_loop
async def test_callers_share_a_look_up_and_one_that_leaves_does_not_end_it() -> None:
    system = Counted(pause=0.05)
    with closing(Resolver(system=system)) as resolver:
        callers = [asyncio.create_task(resolver.resolve("x.example")) for _ in range(20)]
        await asyncio.sleep(0.01)
        callers[0].cancel()
        answers = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [("192.0.2.1",)] * 19
    assert len(system.asked) == 1


@our_loop
async def test_a_look_up_has_a_limit_and_stuck_ones_do_not_hold_up_the_others() -> None:
    release = threading.Event()

    def system(host: str) -> list[str]:
        if host.startswith("stuck"):
            release.wait(5)
        return ["192.0.2.1"]

    before = threading.active_count()
    with closing(Resolver(system=system, limit_secs=0.1)) as resolver:
        stuck = [
            asyncio.create_task(failing(resolver, f"stuck{number}.example", "timeout", "within 0.1 s"))
            for number in range(MAX_THREADS - 1)
        ]
        await asyncio.sleep(0.02)
        assert await resolver.resolve("good.example") == ("192.0.2.1",)
        await asyncio.gather(*stuck)
        # All threads are stuck now but one: the next name takes it, and the one after waits in vain.
        await failing(resolver, "stuck.example", "timeout")
        await failing(resolver, "late.example", "timeout")
        assert threading.active_count() - before == MAX_THREADS
        release.set()
        assert await resolver.resolve("again.example") == ("192.0.2.1",)
    for _ in range(100):
        if threading.active_count() == before:
            break
        await asyncio.sleep(0.005)
    assert threading.active_count() == before


@our_loop
async def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tickd.outbound.dns.MAX_NAMES", 3)
    system = Counted()
    with closing(Resolver(system=system)) as resolver:
        for host in ("a.example", "b.example", "c.example", "d.example", "b.example", "a.example"):
            await resolver.resolve(host)
    assert system.asked == ["a.example", "b.example", "c.example", "d.example", "a.example"]


@both_loops
async def test_close_ends_what_is_under_way() -> None:
    resolver = Resolver(system=Counted(pause=0.05))
    caller = asyncio.create_task(resolver.resolve("x.example"))
    await asyncio.sleep(0.01)
    resolver.close()
    with pytest.raises(asyncio.CancelledError):
        await caller


def test_a_thread_that_outlives_its_loop_is_silent() -> None:
    async def main() -> None:
        with closing(Resolver(system=Counted(pause=0.1), limit_secs=0.02)) as resolver:
            await failing(resolver, "x.example", "timeout")

    before = threading.active_count()
    asyncio.run(main())
    deadline = time.monotonic() + 2
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("addresses", "order"),
    [
        (["a", "b", "::1", "::2", "::3"], ("a", "::1", "b", "::2", "::3")),
        (["::1", "a", "b"], ("::1", "a", "b")),
        (["a", "b"], ("a", "b")),
    ],
)
def test_families_alternate(addresses: list[str], order: tuple[str, ...]) -> None:
    assert interleave(addresses) == order


# Servers of our own

ZONE = {
    ("both.example", "A"): ["192.0.2.1", "192.0.2.2"],
    ("both.example", "AAAA"): ["2001:db8::1"],
    ("four.example", "A"): ["192.0.2.4"],
    ("slow.example", "A"): ["192.0.2.5"],
    ("half.example", "A"): ["192.0.2.6"],
    ("www.example", "CNAME"): ["four.example."],
    ("short.example", "A"): ["192.0.2.7"],
}
TTLS = {"short.example": 0, "both.example": 60}


def answer(query: dns.message.Message) -> dns.message.Message | None:
    """Answer from the zone; some names misbehave."""
    question = query.question[0]
    name, rdtype = question.name.to_text(omit_final_dot=True), question.rdtype.name
    if name == "silent.example" or (name == "slow.example" and rdtype == "AAAA"):
        return None
    response = dns.message.make_response(query)
    if name == "broken.example" or (name == "half.example" and rdtype == "AAAA"):
        response.set_rcode(dns.rcode.SERVFAIL)
        return response
    alias = ZONE.get((name, "CNAME"))
    if alias is not None:
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "CNAME", *alias))
        name = alias[0].rstrip(".")
    records = ZONE.get((name, rdtype))
    if records is not None:
        response.answer.append(dns.rrset.from_text(name + ".", TTLS.get(name, 60), "IN", rdtype, *records))
    elif not any(known == name for known, _ in ZONE):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response


ZONE[("empty.example", "TXT")] = ["nothing"]


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("both.example", ("2001:db8::1", "192.0.2.1", "192.0.2.2")),
        ("four.example", ("192.0.2.4",)),
        ("www.example", ("192.0.2.4",)),
        ("half.example", ("192.0.2.6",)),
    ],
)
@both_loops
async def test_own_servers_are_asked_and_nobody_else(host: str, addresses: tuple[str, ...]) -> None:
    async with naming(answer) as server:
        with closing(Resolver([("127.0.0.1", server.port)], system=nobody)) as resolver:
            found = await resolver.resolve(host)
            assert found[0] == addresses[0] and set(found) == set(addresses)
            assert await resolver.resolve(host) == found
    assert sorted(server.asked) == [(host, "A"), (host, "AAAA")]


@pytest.mark.parametrize(
    ("host", "kind", "words"),
    [
        ("nosuch.example", "no_host", "no such host: nosuch.example"),
        ("empty.example", "no_address", "empty.example exists, but has no address"),
        ("broken.example", "server", "could not resolve broken.example (SERVFAIL)"),
        ("silent.example", "timeout", "no answer from the name servers for silent.example within 0.1 s"),
    ],
)
@our_loop
async def test_failures_of_own_servers(host: str, kind: LookupKind, words: str) -> None:
    async with naming(answer) as server:
        with closing(Resolver([("127.0.0.1", server.port)], limit_secs=0.1, system=nobody)) as resolver:
            await failing(resolver, host, kind, words)
            asked = len(server.asked)
            await failing(resolver, host, kind, words)
            assert len(server.asked) == asked


@our_loop
async def test_a_family_that_is_never_answered_does_not_hold_up_the_other() -> None:
    async with naming(answer) as server:
        with closing(Resolver([("127.0.0.1", server.port)], system=nobody)) as resolver:
            begun = time.monotonic()
            assert await resolver.resolve("slow.example") == ("192.0.2.5",)
            assert time.monotonic() - begun < 1


@both_loops
async def test_the_time_to_live_is_kept_and_at_least_a_second() -> None:
    clock = FakeClock(0)
    async with naming(answer) as server:
        with closing(Resolver([("127.0.0.1", server.port)], clock=clock)) as resolver:
            for host, steps in (("short.example", (0.9, 0.2)), ("both.example", (59.0, 1.1))):
                await resolver.resolve(host)
                for step, times in zip(steps, (2, 4), strict=True):
                    await clock.advance(step)
                    await resolver.resolve(host)
                    assert len([one for one in server.asked if one[0] == host]) == times


@both_loops
async def test_a_cancelled_look_up_leaves_nothing_behind() -> None:
    async with naming(answer) as server:
        with closing(Resolver([("127.0.0.1", server.port)], limit_secs=0.1)) as resolver:
            task = asyncio.create_task(resolver.resolve("silent.example"))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
