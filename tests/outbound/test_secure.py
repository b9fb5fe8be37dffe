"""The TLS layer and its threads: many at once, given up, cut off, and without a thread to be had."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable

import pytest
import uvloop

from tests.outbound.answers import OK
from tests.support.authority import Authority
from tests.support.servers import Talk, answering, both_loops, serving
from tickd.outbound.handshakes import HERE_EVERY_SECS, IDLE_SECS, Handshakes
from tickd.outbound.http import HttpClient
from tickd.outbound.prober import Prober, Target


def client_of(prober: Prober) -> HttpClient:
    return prober._client


@pytest.fixture
def threaded(prober: Prober, monkeypatch: pytest.MonkeyPatch) -> Prober:
    """Computes no handshake on the loop."""
    monkeypatch.setattr(Handshakes, "is_quiet", lambda *_: False)
    return prober


def ended() -> bool:
    """Wait until the threads have gone."""
    until = time.monotonic() + 2
    while any(thread.name == "tickd-tls" for thread in threading.enumerate()):
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


# Threads


def test_the_loop_does_one_handshake_and_leaves_the_next_to_the_threads() -> None:
    handshakes = Handshakes()
    assert handshakes.is_quiet(10.0)
    assert not handshakes.is_quiet(10.0 + HERE_EVERY_SECS / 2)
    assert handshakes.is_quiet(10.0 + HERE_EVERY_SECS)


def test_threads_come_with_work_and_go_without() -> None:
    handshakes = Handshakes(threads=2)
    most, done, hold = 0, threading.Semaphore(0), threading.Event()

    def work() -> None:
        nonlocal most
        hold.wait(2)
        most = max(most, sum(thread.name == "tickd-tls" for thread in threading.enumerate()))
        done.release()

    for _ in range(20):
        handshakes.submit(work)
    hold.set()
    assert all(done.acquire(timeout=2) for _ in range(20))
    assert most == 2 and ended()
    handshakes.submit(work)
    assert done.acquire(timeout=2) and ended()


def test_work_that_comes_as_a_thread_goes_is_done() -> None:
    handshakes = Handshakes(threads=1)
    for wait in (0.9, 1.0, 1.1):
        done = threading.Event()
        time.sleep(IDLE_SECS * wait)
        handshakes.submit(done.set)
        assert done.wait(2)
    assert ended()


def test_without_a_thread_the_caller_works_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    handshakes, done = Handshakes(threads=2), []
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for number in range(3):
            handshakes.submit(lambda number=number: done.append(number))  # type: ignore[misc]
        assert done == [0, 1, 2]
    later = threading.Event()
    handshakes.submit(later.set)
    assert later.wait(2) and ended()


# The layer on threads


@both_loops
async def test_many_handshakes_at_once(threaded: Prober, authority: Authority) -> None:
    async with answering(OK, tls=authority.server("a.example")) as server:
        url = f"a.example:{server.port}"
        targets = [Target("http", f"https://{url}/", wants_body=True), Target("ssl", url)] * 15
        targets += [Target("ssl", f"b.example:{server.port}")] * 5
        seen = await asyncio.gather(*(threaded.probe(target) for target in targets))
        assert await server.deserted()
    assert [one.fault for one in seen] == [""] * 30 + ["down"] * 5
    assert all(one.certificate is not None for one in seen)
    assert {one.body for one in seen} == {"ok", ""}
    assert await asyncio.to_thread(ended)


async def early(talk: Talk) -> None:
    await talk.send(OK)


async def silent(talk: Talk) -> None:
    await talk.until_closed()


async def leaves(talk: Talk) -> None:
    talk.writer.transport.abort()


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (early, ""),
        (silent, "no response within 0.2 s"),
        (leaves, "the connection without answering"),
    ],
)
@both_loops
async def test_servers_that_speak_at_once_or_never(
    threaded: Prober, authority: Authority, handler: Callable[[Talk], object], error: str
) -> None:
    async with serving(handler, tls=authority.server("a.example")) as server:  # type: ignore[arg-type]
        target = Target("http", f"https://a.example:{server.port}/", timeout_secs=0.2)
        seen = await threaded.probe(target)
        assert seen.error.endswith(error) and bool(seen.error) is bool(error)
        assert seen.certificate is not None
        assert await server.deserted()


class Slow(Handshakes):
    """Lets the connection change under a thread at work."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def is_quiet(self, now: float) -> bool:
        return False

    def submit(self, work: Callable[[], None]) -> None:
        def slowly() -> None:
            self.begun.set()
            self.go_on.wait(2)
            work()

        super().submit(slowly)


@pytest.mark.parametrize("limit", [0.05, 5.0])
@both_loops
async def test_a_handshake_that_is_given_up_while_a_thread_is_at_it(
    prober: Prober, authority: Authority, limit: float
) -> None:
    slow = client_of(prober)._handshakes = Slow()
    async with answering(OK, tls=authority.server("a.example")) as server:
        target = Target("ssl", f"a.example:{server.port}", timeout_secs=limit)
        task = asyncio.create_task(prober.probe(target))
        assert await asyncio.to_thread(slow.begun.wait, 2)
        if limit == 5.0:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            assert (await task).error == "the TLS handshake was not finished within 0.05 s"
        slow.go_on.set()
        assert await server.deserted() and await asyncio.to_thread(ended)


@both_loops
async def test_a_server_that_leaves_while_a_thread_is_at_its_handshake(
    prober: Prober, authority: Authority
) -> None:
    slow = client_of(prober)._handshakes = Slow()
    inside = authority.server("a.example")

    async def once(talk: Talk) -> None:
        """Send a server's first flight, and go."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = inside.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(await talk.reader.read(65_536))
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        await talk.send(outgoing.read())

    async with serving(once) as server:
        target = Target("http", f"https://a.example:{server.port}/", timeout_secs=2.0)
        task = asyncio.create_task(prober.probe(target))
        assert await asyncio.to_thread(slow.begun.wait, 2)
        await asyncio.sleep(0.03)
        slow.go_on.set()
        seen = await task
        assert await server.deserted() and await asyncio.to_thread(ended)
    assert seen.fault == "down" and "closed the connection" in seen.error
    assert seen.certificate is not None and seen.status_code is None


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_thread_that_outlives_its_loop_is_silent(
    run: Callable[..., None], prober: Prober, authority: Authority
) -> None:
    slow = client_of(prober)._handshakes = Slow()

    async def main() -> None:
        async with answering(OK, tls=authority.server("a.example")) as server:
            task = asyncio.create_task(prober.probe(Target("ssl", f"a.example:{server.port}")))
            assert await asyncio.to_thread(slow.begun.wait, 2)
            task.cancel()

    run(main())
    slow.go_on.set()
    assert ended()


@both_loops
async def test_a_large_body_arrives_whole(threaded: Prober, authority: Authority) -> None:
    body = bytes(range(256)) * 4096
    async with answering(OK, tls=authority.server("a.example")) as server:
        url = f"https://a.example:{server.port}/"
        assert (await threaded.probe(Target("http", url, "POST", body=body))).status_code == 200
    assert server.requests[0].endswith(b"\r\n\r\n" + body)


@both_loops
async def test_the_server_is_told_why_and_when_we_leave(prober: Prober, authority: Authority) -> None:
    told: list[str] = []

    async def ears(talk: Talk) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = inside.wrap_bio(incoming, outgoing, server_side=True)
        shaken = False
        while True:
            data = await talk.reader.read(65_536)
            if not data:
                told.append("nothing")
                return
            incoming.write(data)
            try:
                if not shaken:
                    tls.do_handshake()
                    shaken = True
                while tls.read(65_536):
                    pass
                told.append("close_notify")
                return
            except ssl.SSLWantReadError:
                await talk.send(outgoing.read())
            except ssl.SSLZeroReturnError:
                told.append("close_notify")
                return
            except ssl.SSLError as failure:
                told.append(failure.reason or "")
                return

    for name in ("a.example", "b.example"):
        inside = authority.server(name)
        async with serving(ears) as server:
            await prober.probe(Target("ssl", f"a.example:{server.port}"))
            assert await server.deserted()
    assert told == ["close_notify", "SSLV3_ALERT_BAD_CERTIFICATE", "close_notify"]
