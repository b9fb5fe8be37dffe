"""What the client sends, and what it refuses to send."""

from __future__ import annotations

import pytest

from tests.outbound.answers import OK, failing
from tests.support.servers import (
    answering,
    our_loop,
)
from tickd.outbound.http import HttpClient, Request


@our_loop
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


@our_loop
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
@our_loop
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
@our_loop
async def test_how_urls_are_written(
    client: HttpClient, before: str, after: str, path: str, host: str
) -> None:
    async with answering(OK) as server:
        await client.send(Request("GET", f"{before or 'http://'}127.0.0.1:{server.port}{after}"))
    lines = server.requests[0].decode().split("\r\n")
    assert lines[:2] == [f"GET {path} HTTP/1.1", f"Host: {host.replace('PORT', str(server.port))}"]


@our_loop
async def test_credentials_in_the_url_become_a_header(client: HttpClient) -> None:
    async with answering(OK) as server:
        await client.send(Request("GET", f"http://me:p%40ss@127.0.0.1:{server.port}/"))
        await client.send(
            Request("GET", f"http://me:no@127.0.0.1:{server.port}/", (("Authorization", "Bearer x"),))
        )
    assert b"Authorization: Basic bWU6cEBzcw==\r\n" in server.requests[0]
    assert b"Authorization: Bearer x\r\n" in server.requests[1] and b"Basic" not in server.requests[1]


@our_loop
async def test_names_travel_in_their_ascii_form(client: HttpClient) -> None:
    async with answering(OK) as server:
        response = await client.send(Request("GET", f"http://Bücher.example:{server.port}/"))
    assert b"Host: xn--bcher-kva.example:%d\r\n" % server.port in server.requests[0]
    assert response.address == "127.0.0.1" and response.timings.dns_ms is not None


@our_loop
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
@our_loop
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
