"""The prober against servers that answer well, badly, slowly, for ever or not at all."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import closing

import dns.message
import dns.rcode
import pytest

from tests.outbound.answers import CHUNKED, OK, OPEN_ENDED
from tests.support.authority import Authority
from tests.support.clock import FakeClock
from tests.support.dns import naming, with_addresses
from tests.support.servers import Talk, answering, black_hole, both_loops, free_port, our_loop, serving
from tickd.clock import SystemClock
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.prober import Fault, Prober, Seen, Target


def expect(seen: Seen, fault: Fault, *words: str) -> Seen:
    assert seen.fault == fault and all(word in seen.error for word in words), (seen.fault, seen.error)
    assert bool(seen.error) is bool(fault)
    assert seen.timings.total_ms is not None and seen.timings.total_ms < 5000
    return seen


# HTTP


@both_loops
async def test_an_answer_and_what_there_is_to_know_of_it(prober: Prober) -> None:
    head = b"HTTP/1.1 404 Gone\r\nX-One: 1\r\nx-one: 2\r\nContent-Type: text/plain; charset=latin-1\r\n"
    async with answering(head + b"Content-Length: 4\r\n\r\ngr\xfcn") as server:
        url = f"http://here.example:{server.port}/path?q=1"
        target = Target("http", url, "POST", (("X-A", "b"),), b"body", wants_body=True)
        seen = expect(await prober.probe(target), "")
        assert await server.deserted()
    assert server.requests == [
        b"POST /path?q=1 HTTP/1.1\r\nHost: here.example:%d\r\n"
        b"X-A: b\r\nAccept-Encoding: gzip, deflate, br\r\n"
        b"User-Agent: tickd/test\r\nAccept: */*\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
        % server.port
    ]
    assert (seen.status_code, seen.body, seen.truncated, seen.address) == (404, "grün", False, "127.0.0.1")
    assert seen.headers["x-one"] == "1, 2" and seen.certificate is None and seen.addresses == ()
    timings = seen.timings
    assert timings.dns_ms is not None and timings.tls_ms is None
    assert timings.connect_ms is not None and timings.first_byte_ms is not None
    assert timings.total_ms is not None
    assert 0 < timings.dns_ms + timings.connect_ms + timings.first_byte_ms <= timings.total_ms


@pytest.mark.parametrize("wants_body", [False, True])
@our_loop
async def test_encodings_are_asked_for_only_with_a_body_and_never_over_the_callers(
    prober: Prober, wants_body: bool
) -> None:
    async with answering(OK) as server:
        await prober.probe(Target("http", server.url, wants_body=wants_body))
        own = (("accept-encoding", "zstd"),)
        await prober.probe(Target("http", server.url, headers=own, wants_body=wants_body))
    assert (b"Accept-Encoding" in server.requests[0]) is wants_body
    assert b"accept-encoding: zstd" in server.requests[1] and b"Accept-Encoding" not in server.requests[1]


@both_loops
async def test_an_answer_without_end_is_up_by_its_headers_and_late_by_its_body(prober: Prober) -> None:
    async with answering(OPEN_ENDED + b"x", linger=True) as server:
        seen = expect(await prober.probe(Target("http", server.url, timeout_secs=0.06)), "")
        assert (seen.status_code, seen.body, seen.truncated) == (200, "", False)
        late = await prober.probe(Target("http", server.url, timeout_secs=0.06, wants_body=True))
        expect(late, "timeout", "the response body did not end within 0.06 s")
        assert late.status_code == 200 and late.timings.first_byte_ms is not None
        assert await server.deserted()


@pytest.mark.parametrize(("limit", "truncated"), [(10, False), (9, True), (0, True)])
@our_loop
async def test_a_body_is_cut_at_the_limit(prober: Prober, limit: int, truncated: bool) -> None:
    async with answering(OPEN_ENDED + b"0123456789") as server:
        target = Target("http", server.url, wants_body=True, max_body=limit)
        seen = expect(await prober.probe(target), "")
    assert (seen.body, seen.truncated) == ("0123456789"[:limit], truncated)


@pytest.mark.parametrize("wants_body", [False, True])
@both_loops
async def test_an_endless_body_is_left_behind(prober: Prober, wants_body: bool) -> None:
    async def endless(talk: Talk) -> None:
        await talk.send(OPEN_ENDED)
        while True:
            await talk.send(b"x" * 65_536)

    async with serving(endless) as server:
        target = Target("http", server.url, wants_body=wants_body, max_body=100_000)
        seen = expect(await prober.probe(target), "")
        assert await server.deserted()
    assert (len(seen.body), seen.truncated) == ((100_000, True) if wants_body else (0, False))


async def never(talk: Talk) -> None:
    await talk.until_closed()


async def half_closed(talk: Talk) -> None:
    await talk.request()
    talk.writer.write_eof()
    await talk.until_closed()


async def drip(talk: Talk) -> None:
    await talk.send(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        await talk.send(b"x", pause=0.01)


async def oversized(talk: Talk) -> None:
    await talk.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await talk.send(b"X-Header: 0123456789\r\n" * 100)


async def reset(talk: Talk) -> None:
    await talk.request()
    talk.reset()


async def not_http(talk: Talk) -> None:
    await talk.send(b"SSH-2.0-OpenSSH_9.2\r\n")
    await talk.until_closed()


async def malformed(talk: Talk) -> None:
    await talk.send(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n")
    await talk.until_closed()


@pytest.mark.parametrize(
    ("handler", "fault", "words", "status"),
    [
        (never, "timeout", "no response within 0.06 s", None),
        (drip, "timeout", "the response headers were not complete within 0.06 s", 200),
        (half_closed, "down", "the server closed the connection without answering", None),
        (reset, "down", "the server reset the connection without answering", None),
        (oversized, "down", "the response headers are over 64 KiB", 200),
        (not_http, "down", "the answer is not HTTP; it begins with: SSH-2.0", None),
        (malformed, "down", "the response headers are malformed", 200),
    ],
)
@both_loops
async def test_hostile_servers(
    prober: Prober, handler: Callable[[Talk], object], fault: Fault, words: str, status: int | None
) -> None:
    limit = 0.06 if fault == "timeout" else 2.0
    async with serving(handler) as server:  # type: ignore[arg-type]
        seen = await prober.probe(Target("http", server.url, timeout_secs=limit))
        assert expect(seen, fault, words).status_code == status
        assert await server.deserted()


@both_loops
async def test_a_body_that_breaks_off_matters_only_to_who_wants_it(prober: Prober) -> None:
    async with answering(CHUNKED + b"5\r\nabcde\r\n") as server:
        expect(await prober.probe(Target("http", server.url)), "")
        seen = await prober.probe(Target("http", server.url, wants_body=True))
        assert expect(seen, "down", "after 5 bytes of the body").status_code == 200


@both_loops
async def test_what_follows_the_answer_is_not_the_answer(prober: Prober) -> None:
    async with answering(OK + b"HTTP/1.1 500 No\r\n\r\n") as server:
        for wants_body in (False, True):
            seen = await prober.probe(Target("http", server.url, wants_body=wants_body))
            assert expect(seen, "").status_code == 200


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target("http", "ftp://a.example/"), "the URL can't be called"),
        (Target("http", "http://a.example/", headers=(("X", "a\r\nb"),)), "the request can't be sent"),
        (Target("http", "http://a.example/", "NO METHOD"), "the request can't be sent"),
        (Target("http", "http://169.254.169.254/"), "link-local"),
        (Target("tcp", "a.example"), "'a.example' can't be called: it must be written as host:port"),
        (Target("tcp", "::1"), "host:port"),
        (Target("tcp", "http://a.example:80/"), "host:port"),
        (Target("tcp", "a.example:0"), "port"),
        (Target("tcp", "a.example:99999"), "Port out of range"),
        (Target("ssl", ""), "host:port"),
        (Target("ssl", "me@a.example"), "host:port"),
        (Target("dns", "a b"), "not a valid host name"),
    ],
)
@our_loop
async def test_targets_that_cannot_be_called(prober: Prober, target: Target, words: str) -> None:
    expect(await prober.probe(target), "down", words)


# TCP


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("banner", [b"", b"220 ready\r\n"])
@both_loops
async def test_a_port_that_is_open(prober: Prober, host: str, banner: bytes) -> None:
    async def speak(talk: Talk) -> None:
        await talk.send(banner)
        await talk.until_closed()

    async with serving(speak, host=host) as server:
        written = f"[::1]:{server.port}" if ":" in host else f"{host}:{server.port}"
        seen = expect(await prober.probe(Target("tcp", written)), "")
        assert await server.deserted()
    assert seen.address == host and seen.timings.connect_ms is not None
    assert seen.status_code is None and seen.timings.first_byte_ms is None


@both_loops
async def test_ports_that_are_not_open(prober: Prober) -> None:
    port = free_port()
    seen = await prober.probe(Target("tcp", f"a.example:{port}"))
    expect(seen, "down", f"connection refused by 127.0.0.1:{port}")
    with black_hole() as hole:
        seen = await prober.probe(Target("tcp", f"127.0.0.1:{hole}", timeout_secs=0.06))
        expect(seen, "timeout", "no connection to 127.0.0.1 within 0.06 s")


# Names


def zone(query: dns.message.Message) -> dns.message.Message | None:
    """Answer one name well; the others misbehave as they are called."""
    name = query.question[0].name.to_text(omit_final_dot=True)
    if name == "silent.example":
        return None
    response = with_addresses(query, *(["192.0.2.1", "2001:db8::1"] if name == "good.example" else []))
    codes = {"nosuch.example": dns.rcode.NXDOMAIN, "broken.example": dns.rcode.SERVFAIL}
    response.set_rcode(codes.get(name, dns.rcode.NOERROR))
    return response


@pytest.mark.parametrize(
    ("host", "fault", "words"),
    [
        ("nosuch.example", "down", "no such host: nosuch.example"),
        ("broken.example", "down", "the name servers could not resolve broken.example (SERVFAIL)"),
        ("empty.example", "down", "empty.example exists, but has no address"),
        ("silent.example", "timeout", "no answer from the name servers for silent.example within 0.08 s"),
    ],
)
@our_loop
async def test_names_that_lead_nowhere(
    default_tls: ssl.SSLContext, host: str, fault: Fault, words: str
) -> None:
    async with naming(zone) as names:
        with closing(Resolver([("127.0.0.1", names.port)], limit_secs=0.08)) as resolver:
            prober = Prober(resolver, Guard(), user_agent="t", clock=SystemClock(), tls=default_tls)
            expect(await prober.probe(Target("dns", host)), fault, words)
            expect(await prober.probe(Target("http", f"http://{host}/")), fault, words)


@our_loop
async def test_a_name_is_looked_up_afresh_each_time(default_tls: ssl.SSLContext) -> None:
    async with naming(zone) as names:
        with closing(Resolver([("127.0.0.1", names.port)])) as resolver:
            prober = Prober(resolver, Guard(), user_agent="t", clock=SystemClock(), tls=default_tls)
            for asked in (2, 4):
                seen = expect(await prober.probe(Target("dns", "good.example")), "")
                assert set(seen.addresses) == {"192.0.2.1", "2001:db8::1"} and len(names.asked) == asked
            await resolver.resolve("good.example")
            assert len(names.asked) == 4  # what a probe has learnt is remembered for the others
    assert seen.timings.dns_ms is not None and seen.timings.total_ms is not None
    assert 0 < seen.timings.dns_ms <= seen.timings.total_ms


@our_loop
async def test_the_guard_judges_what_a_name_leads_to_now(default_tls: ssl.SSLContext) -> None:
    now: list[str] = ["127.0.0.1"]
    clock = FakeClock(0)
    async with naming(lambda query: with_addresses(query, *now, ttl=0)) as names, answering(OK) as server:
        with closing(Resolver([("127.0.0.1", names.port)], clock=clock)) as resolver:
            guard = Guard(block_private=True, allow=["127.0.0.1"])
            prober = Prober(resolver, guard, user_agent="t", clock=SystemClock(), tls=default_tls)
            target = Target("http", f"http://rebound.example:{server.port}/")
            expect(await prober.probe(target), "")
            for address, words in (("::1", "not a public address"), ("169.254.169.254", "link-local")):
                now[:] = [address]
                await clock.advance(1.1)
                expect(await prober.probe(target), "down", words)
    assert server.accepted == 1


# Our own trouble


@both_loops
async def test_what_this_machine_lacks_is_not_the_targets_fault(
    prober: Prober, default_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_descriptors(_: str) -> list[str]:
        raise OSError(errno.EMFILE, "Too many open files")

    def no_memory(_: str) -> list[str]:
        raise socket.gaierror(socket.EAI_MEMORY, "Memory allocation failure")

    for system in (no_descriptors, no_memory):
        with closing(Resolver(system=system)) as resolver:
            starved = Prober(resolver, Guard(), user_agent="t", clock=SystemClock(), tls=default_tls)
            for target in (Target("http", "http://a.example/"), Target("dns", "a.example")):
                expect(await starved.probe(target), "unknown", "this machine can't look up names now")

    async def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(asyncio.get_running_loop().__class__, "create_connection", fail, raising=False)
    seen = await prober.probe(Target("http", "http://127.0.0.1/"))
    expect(seen, "unknown", "this machine can't open another connection: too many open files")


@both_loops
async def test_a_bug_of_ours_is_not_the_targets_fault(
    prober: Prober, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: str) -> tuple[str, ...]:
        raise KeyError("bug")

    monkeypatch.setattr(prober._resolver, "resolve_afresh", fail)
    expect(await prober.probe(Target("dns", "a.example")), "unknown", "tickd itself failed here: KeyError")
    assert "a probe failed by itself" in caplog.text


# Leaving nothing behind


@pytest.mark.parametrize("after", [0.0, 0.002, 0.015])
@pytest.mark.parametrize("kind", ["http", "ssl", "refused", "tcp", "dns"])
@both_loops
async def test_a_cancelled_probe_leaves_nothing_behind(authority: Authority, kind: str, after: float) -> None:
    def look_up(_: str) -> list[str]:
        time.sleep(0.01)
        return ["127.0.0.1"]

    tls = authority.server("other.example") if kind == "refused" else None
    with closing(Resolver(system=look_up)) as resolver:
        prober = Prober(resolver, Guard(), user_agent="t", clock=SystemClock(), tls=authority.client())
        async with answering(OPEN_ENDED, linger=True, tls=tls) as server:
            target = {
                "http": Target("http", f"http://a.example:{server.port}", wants_body=True),
                "ssl": Target("ssl", f"127.0.0.1:{server.port}"),
                "refused": Target("ssl", f"127.0.0.1:{server.port}"),
                "tcp": Target("tcp", f"127.0.0.1:{server.port}"),
                "dns": Target("dns", "a.example"),
            }[kind]
            task = asyncio.create_task(prober.probe(target))
            await asyncio.sleep(after)
            task.cancel()
            if not task.done():
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert await server.deserted()


@both_loops
async def test_many_at_once(prober: Prober) -> None:
    async with answering(OK) as server:
        targets = [Target("http", server.url, wants_body=number % 2 == 0) for number in range(100)]
        seen = await asyncio.gather(*(prober.probe(target) for target in targets))
        assert await server.deserted()
    assert {one.fault for one in seen} == {""} and server.accepted == 100
