"""The client against servers that answer well, badly, slowly, halfway or not at all."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
import uvloop

from tests.support.authority import Authority
from tests.support.servers import (
    Talk,
    answering,
    black_hole,
    both_loops,
    free_port,
    serving,
)
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.http import Failure, HttpClient, Kind, Request, Response

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OPEN_ENDED = b"HTTP/1.1 200 OK\r\n\r\n"
FIVE_SECONDS = 5.0


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def default_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    """Every name leads to this machine."""
    with closing(Resolver(system=lambda _: ["127.0.0.1"])) as made:
        yield made


@pytest.fixture
def client(resolver: Resolver, default_tls: ssl.SSLContext) -> HttpClient:
    return HttpClient(resolver, Guard(), user_agent="tickd/test", tls=default_tls)


async def failing(client: HttpClient, request: Request, kind: Kind, *words: str) -> Failure:
    with pytest.raises(Failure) as caught:
        await client.send(request)
    failure = caught.value
    assert failure.kind == kind, failure.message
    assert all(word in failure.message for word in words), failure.message
    assert failure.timings.total_ms is not None and failure.timings.total_ms < FIVE_SECONDS * 1000
    return failure


# What is sent


@both_loops
async def test_a_plain_request_and_its_answer(client: HttpClient) -> None:
    async with answering(
        b"HTTP/1.1 200 Fine\r\nX-One: 1\r\nX-One: 2\r\nContent-Length: 2\r\n\r\nok"
    ) as server:
        response = await client.send(Request("GET", f"{server.url}/path?q=1#fragment"))
        assert await server.deserted()
    assert server.requests == [
        b"GET /path?q=1 HTTP/1.1\r\n"
        b"Host: 127.0.0.1:%d\r\nUser-Agent: tickd/test\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        % server.port
    ]
    assert (response.status, response.reason, response.body) == (200, "Fine", b"ok")
    assert response.headers == (("X-One", "1"), ("X-One", "2"), ("Content-Length", "2"))
    assert response.header("x-one") == "1" and response.header("absent") is None
    assert (response.truncated, response.address) == (False, "127.0.0.1")
    timings = response.timings
    assert timings.dns_ms is None and timings.tls_ms is None
    assert (
        timings.connect_ms is not None and timings.first_byte_ms is not None and timings.total_ms is not None
    )
    assert 0 < timings.connect_ms + timings.first_byte_ms <= timings.total_ms < 1000


@both_loops
async def test_the_callers_headers_win_but_the_framing_is_ours(client: HttpClient) -> None:
    headers = (
        ("host", "other.example"),
        ("USER-AGENT", "mine"),
        ("accept", "text/plain"),
        ("X-Word", "grün"),
        ("Content-Length", "999"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "keep-alive"),
    )
    async with answering(OK) as server:
        await client.send(Request("PUT", server.url, headers, b"body"))
    assert server.requests == [
        "PUT / HTTP/1.1\r\nhost: other.example\r\nUSER-AGENT: mine\r\naccept: text/plain\r\n"
        "X-Word: grün\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody".encode()
    ]


@pytest.mark.parametrize(
    ("method", "length"), [("GET", False), ("DELETE", False), ("POST", True), ("PUT", True), ("PATCH", True)]
)
@both_loops
async def test_an_empty_body_is_announced_where_a_server_expects_one(
    client: HttpClient, method: str, length: bool
) -> None:
    async with answering(OK) as server:
        await client.send(Request(method, server.url))
    assert (b"Content-Length: 0\r\n" in server.requests[0]) is length


@pytest.mark.parametrize(
    ("before", "after", "path", "host"),
    [
        ("", "", "/", "127.0.0.1:PORT"),
        ("", "?q", "/?q", "127.0.0.1:PORT"),
        ("", "/a b/ü?x=ü y%20z", "/a%20b/%C3%BC?x=%C3%BC%20y%20z", "127.0.0.1:PORT"),
        ("", "/%7Bkept%2f|{}", "/%7Bkept%2f|{}", "127.0.0.1:PORT"),
        ("", "//double", "//double", "127.0.0.1:PORT"),
        ("HTTP://", "/", "/", "127.0.0.1:PORT"),
        ("http://a:b@", "/", "/", "127.0.0.1:PORT"),
    ],
)
@both_loops
async def test_how_urls_are_written(
    client: HttpClient, before: str, after: str, path: str, host: str
) -> None:
    async with answering(OK) as server:
        await client.send(Request("GET", f"{before or 'http://'}127.0.0.1:{server.port}{after}"))
    lines = server.requests[0].decode().split("\r\n")
    assert lines[:2] == [f"GET {path} HTTP/1.1", f"Host: {host.replace('PORT', str(server.port))}"]


@both_loops
async def test_credentials_in_the_url_become_a_header(client: HttpClient) -> None:
    async with answering(OK) as server:
        await client.send(Request("GET", f"http://me:p%40ss@127.0.0.1:{server.port}/"))
        await client.send(
            Request("GET", f"http://me:no@127.0.0.1:{server.port}/", (("Authorization", "Bearer x"),))
        )
    assert b"Authorization: Basic bWU6cEBzcw==\r\n" in server.requests[0]
    assert b"Authorization: Bearer x\r\n" in server.requests[1] and b"Basic" not in server.requests[1]


@both_loops
async def test_names_travel_in_their_ascii_form(client: HttpClient) -> None:
    async with answering(OK) as server:
        response = await client.send(Request("GET", f"http://Bücher.example:{server.port}/"))
    assert b"Host: xn--bcher-kva.example:%d\r\n" % server.port in server.requests[0]
    assert response.address == "127.0.0.1" and response.timings.dns_ms is not None


@both_loops
async def test_ipv6_literals(client: HttpClient) -> None:
    async with answering(OK, host="::1") as server:
        response = await client.send(Request("GET", server.url))
    assert b"Host: [::1]:%d\r\n" % server.port in server.requests[0]
    assert response.address == "::1"


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", (("X-A", "a\r\nX-B: b"),)),
        ("GET", (("X-A", "a\nb"),)),
        ("GET", (("X-A", "a\0"),)),
        ("GET", (("X A", "a"),)),
        ("GET", (("X-A\r\n", "a"),)),
        ("GET", (("", "a"),)),
        ("GET / HTTP/1.1\r\nX:", ()),
        ("", ()),
    ],
)
@both_loops
async def test_what_would_break_the_request_is_refused_before_any_socket(
    client: HttpClient, method: str, headers: tuple[tuple[str, str], ...]
) -> None:
    async with answering(OK) as server:
        with pytest.raises(ValueError, match=r"header|method"):
            await client.send(Request(method, server.url, headers))
    assert server.accepted == 0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/path",
        "ftp://a.example/",
        "http://",
        "http:///path",
        "http://a..example/",
        "http://a b.example/",
        "http://a.example:0/",
        "http://a.example:65536/",
        "http://a.example:x/",
        "http://[::1/",
        "http://[v1.x]/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 130 + "example/",
        "http://a\u2100b.example/",
        "http://a.example/\ud800",
    ],
)
async def test_urls_that_cannot_be_called(client: HttpClient, url: str) -> None:
    await failing(client, Request("GET", url), "url", "the URL can't be called")


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
async def test_a_large_body_arrives_whole(client: HttpClient, authority: Authority, secure: bool) -> None:
    body = bytes(range(256)) * 4096
    tls = authority.server("127.0.0.1") if secure else None
    client._tls = authority.client()
    async with answering(OK, tls=tls) as server:
        assert (await client.send(Request("POST", server.url, body=body))).status == 200
    assert server.requests[0].endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize("secure", [False, True])
@both_loops
async def test_an_early_answer_counts_though_the_rest_of_the_body_is_cut_off(
    client: HttpClient, authority: Authority, secure: bool
) -> None:
    async def early(talk: Talk) -> None:
        await talk.reader.readuntil(b"\r\n\r\n")
        await talk.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        talk.writer.transport.abort()

    tls = authority.server("127.0.0.1") if secure else None
    client._tls = authority.client()
    async with serving(early, tls=tls) as server:
        for _ in range(10):
            response = await client.send(Request("POST", server.url, body=b"x" * 1_000_000))
            assert (response.status, response.body) == (413, b"no")
        assert await server.deserted()


# Time


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


# Connections


@both_loops
async def test_refused_and_unreachable(client: HttpClient) -> None:
    port = free_port()
    await failing(
        client,
        Request("GET", f"http://127.0.0.1:{port}"),
        "refused",
        f"connection refused by 127.0.0.1:{port}",
    )
    await failing(client, Request("GET", "http://255.255.255.255/"), "connect", "255.255.255.255")


@both_loops
async def test_names_that_lead_nowhere(client: HttpClient) -> None:
    await failing(client, Request("GET", "http://a.localhost:1/"), "refused", ":1")
    with closing(Resolver(system=lambda _: [])) as empty:
        nowhere = HttpClient(empty, Guard(), user_agent="t", tls=client._tls)
        await failing(nowhere, Request("GET", "http://a.example/"), "dns", "a.example", "no address")


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "http://[::ffff:169.254.169.254]/", "http://[fe80::1%25lo]/"]
)
@both_loops
async def test_the_guard_is_asked_for_literals(client: HttpClient, url: str) -> None:
    await failing(client, Request("GET", url), "blocked", "link-local")


@both_loops
async def test_the_guard_is_asked_for_what_a_name_leads_to(default_tls: ssl.SSLContext) -> None:
    async with answering(OK) as server:
        url = f"http://sneaky.example:{server.port}/"
        with closing(Resolver(system=lambda _: ["127.0.0.2", "127.0.0.1"])) as resolver:
            strict = HttpClient(resolver, Guard(block_private=True), user_agent="t", tls=default_tls)
            await failing(strict, Request("GET", url), "blocked", "not a public address")
            assert server.accepted == 0
            half = Guard(block_private=True, allow=["127.0.0.1"])
            response = await HttpClient(resolver, half, user_agent="t", tls=default_tls).send(
                Request("GET", url)
            )
            assert response.address == "127.0.0.1"


async def through(addresses: list[str], request: Request, tls: ssl.SSLContext) -> Response:
    with closing(Resolver(system=lambda _: addresses)) as resolver:
        return await HttpClient(resolver, Guard(), user_agent="t", tls=tls).send(request)


@both_loops
async def test_the_next_address_is_tried_at_once_when_one_refuses(default_tls: ssl.SSLContext) -> None:
    async with answering(OK) as server:
        url = f"http://several.example:{server.port}/"
        response = await through(["::1", "127.0.0.3", "127.0.0.1"], Request("GET", url), default_tls)
    assert response.address == "127.0.0.1"
    assert response.timings.connect_ms is not None and response.timings.connect_ms < 200


@both_loops
async def test_the_next_address_is_tried_beside_one_that_keeps_silent(default_tls: ssl.SSLContext) -> None:
    with black_hole() as port:
        async with serving(lambda talk: talk.send(OK), host="127.0.0.2", port=port) as server:
            url = f"http://several.example:{server.port}/"
            response = await through(["127.0.0.1", "127.0.0.2"], Request("GET", url), default_tls)
    assert response.address == "127.0.0.2"
    assert response.timings.connect_ms is not None and 200 < response.timings.connect_ms < 1000


@both_loops
async def test_the_most_telling_failure_of_several_addresses_is_told(default_tls: ssl.SSLContext) -> None:
    port = free_port()
    request = Request("GET", f"http://several.example:{port}/")
    with pytest.raises(Failure) as caught:
        await through(["255.255.255.255", "127.0.0.1"], request, default_tls)
    assert (caught.value.kind, caught.value.address) == ("refused", "127.0.0.1")
    with black_hole() as silent:
        request = Request("GET", f"http://several.example:{silent}/", timeout_secs=0.1)
        with pytest.raises(Failure) as caught:
            await through(["127.0.0.1"] * 3, request, default_tls)
    assert caught.value.kind == "timeout"


# TLS


@pytest.fixture
def trusting(resolver: Resolver, authority: Authority) -> HttpClient:
    return HttpClient(resolver, Guard(), user_agent="tickd/test", tls=authority.client())


@both_loops
async def test_https_is_verified_and_timed(trusting: HttpClient, authority: Authority) -> None:
    names: list[str | None] = []
    tls = authority.server("good.example", "127.0.0.1", "::1")
    tls.sni_callback = lambda _, name, __: names.append(name)
    for host, bind in (("good.example", "127.0.0.1"), ("good.example.", "127.0.0.1"), ("[::1]", "::1")):
        async with answering(OK, tls=tls, host=bind) as server:
            response = await trusting.send(Request("GET", f"https://{host}:{server.port}/"))
            assert await server.deserted()
        assert response.body == b"ok"
        assert response.timings.tls_ms is not None and response.timings.tls_ms > 0
    assert names == ["good.example", "good.example", None]


@both_loops
async def test_certificates_that_are_not_good(
    trusting: HttpClient, client: HttpClient, authority: Authority
) -> None:
    now = datetime.now(UTC)
    cases = [
        (trusting, authority.server("other.example"), "the certificate is not for good.example"),
        (
            trusting,
            authority.server("good.example", not_before=now - timedelta(9), not_after=now - timedelta(2)),
            "the certificate has expired",
        ),
        (trusting, authority.server("good.example", not_before=now + timedelta(2)), "not valid yet"),
        (client, authority.server("good.example"), "issuer is not trusted"),
    ]
    for sender, tls, words in cases:
        async with answering(OK, tls=tls) as server:
            failure = await failing(
                sender, Request("GET", f"https://good.example:{server.port}/"), "tls", words
            )
            assert await server.deserted()
            assert not server.requests and failure.address == "127.0.0.1"


@pytest.mark.parametrize("first", [b"220 mail.example ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
@both_loops
async def test_a_port_without_tls(trusting: HttpClient, first: bytes) -> None:
    async def speaks_first(talk: Talk) -> None:
        await talk.send(first)
        await talk.until_closed()

    async with serving(speaks_first) as server:
        await failing(trusting, Request("GET", f"https://127.0.0.1:{server.port}/"), "tls", "not speak TLS")
        assert await server.deserted()


@pytest.mark.parametrize("reset", [False, True])
@both_loops
async def test_a_server_that_leaves_during_the_handshake(trusting: HttpClient, reset: bool) -> None:
    async def leaves(talk: Talk) -> None:
        await talk.reader.read(10)
        if reset:
            talk.reset()

    async with serving(leaves) as server:
        await failing(trusting, Request("GET", f"https://127.0.0.1:{server.port}/"), "tls", "during the TLS")


@both_loops
async def test_a_server_that_wants_a_client_certificate(trusting: HttpClient, authority: Authority) -> None:
    tls = authority.server("good.example")
    tls.verify_mode = ssl.CERT_REQUIRED

    # asyncio's own servers drop the connection without sending the alert; this one sends it.
    def serve(listener: socket.socket) -> None:
        raw, _ = listener.accept()
        with tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False) as secure:
            with pytest.raises(ssl.SSLError):
                secure.do_handshake()
            secure.shutdown(socket.SHUT_WR)
            while secure.recv(1000):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.get_running_loop().run_in_executor(None, serve, listener)
        url = f"https://good.example:{listener.getsockname()[1]}/"
        await failing(trusting, Request("GET", url), "tls", "client certificate")
        await serving


@pytest.mark.parametrize("polite", [True, False])
@both_loops
async def test_a_body_that_only_the_close_of_tls_ends(
    trusting: HttpClient, authority: Authority, polite: bool
) -> None:
    async def close(talk: Talk) -> None:
        await talk.request()
        await talk.send(OPEN_ENDED + b"all of it", pause=0.02)
        if not polite:
            talk.writer.transport.abort()

    async with serving(close, tls=authority.server("good.example")) as server:
        response = await trusting.send(Request("GET", f"https://good.example:{server.port}/"))
    assert response.body == b"all of it"


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


class OneAnswer(asyncio.Protocol):
    """A server that leaves nothing to the collector itself."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(OK)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del self.transport


def test_a_request_leaves_nothing_to_the_collector(client: HttpClient) -> None:
    async def main() -> int:
        server = await asyncio.get_running_loop().create_server(OneAnswer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await client.send(Request("GET", url))
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                await client.send(Request("GET", url))
            await asyncio.sleep(0.01)
            return gc.collect()
        finally:
            gc.enable()
            server.close()

    # On uvloop only: the transports of asyncio's own loop are cycles by themselves.
    assert uvloop.run(main()) < 50


@both_loops
async def test_an_answer_before_the_question(client: HttpClient) -> None:
    async with serving(lambda talk: talk.send(OK)) as server:
        for _ in range(20):
            assert (await client.send(Request("GET", server.url))).body == b"ok"
        assert await server.deserted()
