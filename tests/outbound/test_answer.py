"""Answers that are good, broken, endless or early."""

from __future__ import annotations

import time

import pytest

from tests.outbound.answers import CHUNKED, OK, OPEN_ENDED, failing
from tests.support.authority import Authority
from tests.support.servers import (
    Talk,
    answering,
    both_loops,
    serving,
)
from tickd.outbound.http import HttpClient, Kind, Request

# What comes back


@pytest.mark.parametrize(
    ("method", "pieces", "status", "body"),
    [
        ("GET", (OK,), 200, b"ok"),
        ("GET", (b"HTTP/1.1 204 No Content\r\n\r\n",), 204, b""),
        ("GET", (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",), 304, b""),
        ("HEAD", (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",), 200, b""),
        ("HEAD", (CHUNKED,), 200, b""),
        ("GET", (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",), 302, b""),
        ("GET", (CHUNKED + b"3\r\nabc\r\n", b"2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n"), 200, b"abcde"),
        ("GET", (OPEN_ENDED, b"to the ", b"end"), 200, b"to the end"),
        ("GET", (b"HTTP/1.0 200 OK\r\n\r\nold",), 200, b"old"),
        ("GET", (b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx",), 200, b"x"),
        ("GET", (b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx",), 200, b"x"),
        ("GET", (OK + b"and something after the end",), 200, b"ok"),
        ("GET", (CHUNKED[:-2] + b"Content-Length: 9\r\n\r\n1\r\nx\r\n0\r\n\r\n",), 200, b"x"),
        ("POST", (b"HTTP/1.1 100 Continue\r\n\r\n" + OK,), 200, b"ok"),
        (
            "POST",
            (b"HTTP/1.1 100 Continue\r\n", b"\r\nHTTP/1.1 200 OK\r\n", b"Content-Length: 0\r\n\r\n"),
            200,
            b"",
        ),
        ("GET", (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3, OK), 200, b"ok"),
        ("GET", (b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n", OK), 200, b"ok"),
        ("HEAD", (b"HTTP/1.1 100 Continue\r\n\r\n", OK), 200, b""),
        ("GET", (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n\x00\x01",), 101, b""),
        ("GET", tuple(OK[at : at + 1] for at in range(len(OK))), 200, b"ok"),
    ],
)
@both_loops
async def test_the_ways_to_answer(
    client: HttpClient, method: str, pieces: tuple[bytes, ...], status: int, body: bytes
) -> None:
    async with answering(*pieces, pause=0.0005) as server:
        response = await client.send(Request(method, server.url))
        assert await server.deserted()
    assert (response.status, response.body, response.truncated) == (status, body, False)
    assert response.header("Link") is None and response.header("Trailer") is None


@both_loops
async def test_an_answer_ends_where_it_says_and_not_where_the_server_closes(client: HttpClient) -> None:
    begun = time.monotonic()
    async with answering(OK, linger=True) as server:
        assert (await client.send(Request("GET", server.url))).body == b"ok"
        assert await server.deserted()
    assert time.monotonic() - begun < 1


@both_loops
async def test_headers_that_are_not_ascii(client: HttpClient) -> None:
    async with answering("HTTP/1.1 200 Schön\r\nX-A: ü\r\n".encode() + b"X-B: \xfc\r\n\r\n") as server:
        response = await client.send(Request("GET", server.url))
    assert (response.reason, response.headers) == ("Schön", (("X-A", "ü"), ("X-B", "ü")))


@pytest.mark.parametrize(
    ("length", "limit", "truncated"),
    [(10, 10, False), (11, 10, True), (1, 0, True), (0, 0, False), (300_000, 1, True)],
)
@pytest.mark.parametrize("head", [OPEN_ENDED, CHUNKED, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"])
@both_loops
async def test_bodies_are_cut_at_the_limit(
    client: HttpClient, head: bytes, length: int, limit: int, truncated: bool
) -> None:
    body = b"x" * length
    if head is CHUNKED:
        answer = head + (b"%x\r\n%b\r\n" % (length, body) if body else b"") + b"0\r\n\r\n"
    else:
        answer = (head % length if b"%d" in head else head) + body
    async with answering(answer) as server:
        response = await client.send(Request("GET", server.url, max_body=limit))
        assert await server.deserted()
    assert (response.body, response.truncated) == (body[:limit], truncated)


@pytest.mark.parametrize("head", [OPEN_ENDED, b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"])
@both_loops
async def test_an_endless_body_is_left_behind(client: HttpClient, head: bytes) -> None:
    async def endless(talk: Talk) -> None:
        await talk.send(head)
        while True:
            await talk.send(b"x" * 65_536)

    async with serving(endless) as server:
        response = await client.send(Request("GET", server.url))
        assert await server.deserted()
    assert (len(response.body), response.truncated) == (65_536, True)


@pytest.mark.parametrize(
    ("start", "more", "sentence"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: 0123456789\r\n" * 100, "headers are over 64 KiB"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"0123456789" * 100, "headers are over 64 KiB"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, "headers are over 64 KiB"),
        (b"HTTP/1.1 200 ", b"reason" * 100, "headers are over 64 KiB"),
        (CHUNKED + b"0\r\n", b"Trailer: x\r\n" * 100, "more framing than content"),
        (CHUNKED + b"1;", b"name;" * 100, "more framing than content"),
    ],
)
@both_loops
async def test_endless_headers_and_the_like_are_cut_too(
    client: HttpClient, start: bytes, more: bytes, sentence: str
) -> None:
    async def endless(talk: Talk) -> None:
        await talk.send(start)
        while True:
            await talk.send(more)

    async with serving(endless) as server:
        await failing(client, Request("GET", server.url), "protocol", sentence)
        assert await server.deserted()


@pytest.mark.parametrize(
    ("answer", "kind", "words", "responded"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol", "not HTTP; it begins with: SSH-2.0", False),
        (b"\x15\x03\x01\x00\x02\x02\x16", "protocol", "not HTTP", False),
        (b"HTTP/1.1 abc OK\r\n\r\n", "protocol", "not HTTP", False),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "protocol", "headers are malformed", True),
        (b"HTTP/1.1 200 OK\r\nX: y\r\nno colon\r\n\r\n", "protocol", "headers are malformed", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "protocol", "headers are malformed", True),
        (CHUNKED + b"zz\r\n", "protocol", "body is malformed", True),
        (CHUNKED + b"1\r\nabc", "protocol", "body is malformed", True),
        (b"", "reset", "closed the connection without answering", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "reset", "in the middle of the headers", False),
        (b"HTTP/1.1 200 OK\r\nX: ", "reset", "in the middle of the headers", True),
        (OK[:-1], "reset", "after 1 bytes of the body of 2", True),
        (CHUNKED, "reset", "after 0 bytes of the body", True),
        (CHUNKED + b"5\r\nabcde\r\n", "reset", "after 5 bytes of the body", True),
    ],
)
@both_loops
async def test_broken_answers(
    client: HttpClient, answer: bytes, kind: Kind, words: str, responded: bool
) -> None:
    async with answering(answer, linger=kind == "protocol") as server:
        failure = await failing(client, Request("GET", server.url), kind, words)
        assert await server.deserted()
    assert (failure.responded, failure.address) == (responded, "127.0.0.1")


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (b"", "reset the connection without answering"),
        (b"HTTP/1.1 200 OK\r\n", "reset the connection in the middle of the headers"),
        (OPEN_ENDED + b"abc", "reset the connection in the middle of the body"),
        (OK[:-1], "reset the connection after 1 bytes of the body of 2"),
    ],
)
@both_loops
async def test_resets(client: HttpClient, before: bytes, words: str) -> None:
    async def reset(talk: Talk) -> None:
        await talk.request()
        await talk.send(before, pause=0.02)
        talk.reset()

    async with serving(reset) as server:
        await failing(client, Request("GET", server.url), "reset", words)


# Uploads


@pytest.mark.parametrize("secure", [False, True])
@both_loops
async def test_a_large_body_arrives_whole(trusting: HttpClient, authority: Authority, secure: bool) -> None:
    body = bytes(range(256)) * 4096
    tls = authority.server("127.0.0.1") if secure else None
    async with answering(OK, tls=tls) as server:
        assert (await trusting.send(Request("POST", server.url, body=body))).status == 200
    assert server.requests[0].endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize("secure", [False, True])
@both_loops
async def test_an_early_answer_counts_though_the_rest_of_the_body_is_cut_off(
    trusting: HttpClient, authority: Authority, secure: bool
) -> None:
    async def early(talk: Talk) -> None:
        await talk.reader.readuntil(b"\r\n\r\n")
        await talk.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        talk.writer.transport.abort()

    tls = authority.server("127.0.0.1") if secure else None
    async with serving(early, tls=tls) as server:
        for _ in range(10):
            response = await trusting.send(Request("POST", server.url, body=b"x" * 1_000_000))
            assert (response.status, response.body) == (413, b"no")
        assert await server.deserted()
