"""The client as a whole: its time, and what it leaves behind."""

from __future__ import annotations

import asyncio
import gc
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest
import uvloop

from tests.outbound.answers import OK, OPEN_ENDED, failing
from tests.support.authority import Authority
from tests.support.servers import (
    Talk,
    answering,
    black_hole,
    both_loops,
    serving,
)
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.http import HttpClient, Request

# Time
from tickd.outbound.prober import Prober, Target


@pytest.mark.parametrize(
    ("pieces", "words", "responded"),
    [
        ((), "no response within 0.06 s", False),
        ((b"HTTP/1.1 200 OK\r\n",), "not complete within 0.06 s", True),
        ((OK[:-1],), "body did not end within 0.06 s", True),
        ((OPEN_ENDED + b"x",), "body did not end within 0.06 s", True),
    ],
)
@both_loops
async def test_a_server_that_stops_is_given_up(
    client: HttpClient, pieces: tuple[bytes, ...], words: str, responded: bool
) -> None:
    async with answering(*pieces, linger=True) as server:
        failure = await failing(client, Request("GET", server.url, timeout_secs=0.06), "timeout", words)
        assert await server.deserted()
    assert failure.responded is responded
    assert failure.timings.total_ms is not None and 50 < failure.timings.total_ms < 1000
    assert failure.timings.connect_ms is not None
    assert (failure.timings.first_byte_ms is not None) is bool(pieces)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", OPEN_ENDED])
@both_loops
async def test_a_slow_drip_does_not_keep_us(client: HttpClient, start: bytes) -> None:
    async def drip(talk: Talk) -> None:
        await talk.send(start)
        while True:
            await talk.send(b"x", pause=0.01)

    async with serving(drip) as server:
        request = Request("GET", server.url, timeout_secs=0.06)
        await failing(client, request, "timeout", "within 0.06 s", "response")
        assert await server.deserted()


@both_loops
async def test_each_step_has_its_own_words_for_a_timeout(default_tls: ssl.SSLContext) -> None:
    def slow(_: str) -> list[str]:
        time.sleep(0.2)
        return ["127.0.0.1"]

    with closing(Resolver(system=slow)) as resolver:
        client = HttpClient(resolver, Guard(), user_agent="t", tls=default_tls)
        await failing(
            client,
            Request("GET", "http://slow.example/", timeout_secs=0.05),
            "timeout",
            "host name",
            "0.05 s",
        )
        with black_hole() as port:
            request = Request("GET", f"http://127.0.0.1:{port}/", timeout_secs=0.06)
            failure = await failing(client, request, "timeout", "no connection to 127.0.0.1 within 0.06 s")
            assert failure.address == "127.0.0.1" and failure.timings.connect_ms is None
        async with answering(linger=True) as server:
            request = Request("GET", f"https://127.0.0.1:{server.port}/", timeout_secs=0.06)
            failure = await failing(client, request, "timeout", "TLS handshake")
            assert failure.timings.connect_ms is not None and failure.timings.tls_ms is None
            assert await server.deserted()


# Leaving nothing behind


@pytest.mark.parametrize("after", [0.0, 0.002, 0.015])
@pytest.mark.parametrize("stage", ["dns", "connect", "race", "tls", "secure", "answer"])
@both_loops
async def test_a_cancelled_request_leaves_nothing_behind(
    authority: Authority, stage: str, after: float
) -> None:
    def look_up(name: str) -> list[str]:
        time.sleep(0.01)
        return ["127.0.0.1"] if name == "one.example" else ["127.0.0.1", "127.0.0.2", "127.0.0.1"]

    tls = authority.server("127.0.0.1") if stage == "secure" else None
    with black_hole() as hole, closing(Resolver(system=look_up)) as resolver:
        client = HttpClient(resolver, Guard(), user_agent="t", tls=authority.client())
        async with answering(OPEN_ENDED + b"x", linger=True, tls=tls) as server:
            url = {
                "dns": f"http://one.example:{server.port}",
                "connect": f"http://127.0.0.1:{hole}",
                "race": f"http://two.example:{hole}",
                "tls": f"https://127.0.0.1:{server.port}",
                "secure": server.url,
                "answer": server.url,
            }[stage]
            task = asyncio.create_task(client.send(Request("GET", url)))
            await asyncio.sleep(after)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await server.deserted()


@both_loops
async def test_many_at_once(client: HttpClient) -> None:
    async with answering(OK) as server:
        answers = await asyncio.gather(*(client.send(Request("GET", server.url)) for _ in range(100)))
        assert await server.deserted()
    assert {answer.body for answer in answers} == {b"ok"} and server.accepted == 100


Way = Callable[[HttpClient, Prober, str], Awaitable[object]]
WAYS: dict[str, Way] = {
    "client": lambda client, _, where: client.send(Request("GET", f"http://{where}/")),
    "prober": lambda _, prober, where: prober.probe(Target("http", f"http://{where}/", wants_body=True)),
    "secure": lambda _, prober, where: prober.probe(Target("http", f"https://{where}/", wants_body=True)),
    "refused": lambda _, prober, where: prober.probe(Target("ssl", where.replace("a.", "b."))),
    "no answer": lambda _, prober, where: prober.probe(Target("http", f"http://{where}/", "NO METHOD")),
    "late": lambda _, prober, where: prober.probe(Target("ssl", where, timeout_secs=0.02)),
    "nobody": lambda _, prober, where: prober.probe(Target("tcp", "a.example:1")),
    "tcp": lambda _, prober, where: prober.probe(Target("tcp", where)),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_ours_is_left_to_the_collector(
    client: HttpClient, prober: Prober, authority: Authority, way: str
) -> None:
    async def main() -> list[object]:
        tls = authority.server("a.example") if way in ("secure", "refused") else None
        async with answering(OK, tls=tls, linger=way == "late") as server:
            where = f"a.example:{server.port}"
            await WAYS[way](client, prober, where)
            gc.disable()
            gc.freeze()
            gc.set_debug(gc.DEBUG_SAVEALL)
            try:
                for _ in range(5):
                    await WAYS[way](client, prober, where)
                assert await server.deserted()
                await asyncio.sleep(0.01)
                gc.collect()
                return [one for one in gc.garbage if type(one).__module__.startswith("tickd.")]
            finally:
                gc.set_debug(0)
                gc.garbage.clear()
                gc.enable()
                gc.unfreeze()

    # On uvloop only: the transports of asyncio's own loop are cycles by themselves.
    assert uvloop.run(main()) == []


@both_loops
async def test_an_answer_before_the_question(client: HttpClient) -> None:
    async with serving(lambda talk: talk.send(OK)) as server:
        for _ in range(20):
            assert (await client.send(Request("GET", server.url))).body == b"ok"
        assert await server.deserted()
