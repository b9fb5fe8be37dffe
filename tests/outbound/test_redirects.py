"""Redirects: the way, its end, and what a stranger on it gets to see."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

import pytest

from tests.support.authority import Authority
from tests.support.servers import Served, Talk, our_loop, serving
from tickd.outbound.prober import Prober, Target

SECRETS = (
    ("Authorization", "Bearer x"),
    ("Cookie", "a=b"),
    ("X-Api-Key", "secret"),
    ("Accept", "text/html"),
    ("Content-Type", "text/plain"),
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere"


def to(location: str, status: int = 302, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode() + body


@contextlib.asynccontextmanager
async def paths(answers: Mapping[str, bytes], authority: Authority | None = None) -> AsyncIterator[Served]:
    """Serve an answer for each path; PORT in it is the server's own port."""
    tls = authority.server("a.example", "b.example") if authority else None

    async def handler(talk: Talk) -> None:
        request = await talk.request()
        served.requests.append(request)
        path = request.split(b" ")[1].decode()
        await talk.send(answers[path].replace(b"PORT", b"%d" % served.port))
        await talk.until_closed()

    async with serving(handler, tls=tls) as served:
        yield served


def asked(server: Served) -> list[str]:
    return [" ".join(request.decode().split(" ")[:2]) for request in server.requests]


def seen_headers(request: bytes) -> set[str]:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {line.partition(":")[0] for line in lines} - {"Host", "User-Agent", "Connection", "Content-Length"}


@our_loop
async def test_a_redirect_is_an_answer_unless_it_is_to_be_followed(prober: Prober) -> None:
    async with paths({"/": to("/next"), "/next": OK}) as server:
        seen = await prober.probe(Target("http", server.url, wants_body=True))
        assert (seen.fault, seen.status_code, seen.headers["location"]) == ("", 302, "/next")
        seen = await prober.probe(Target("http", server.url, follow_redirects=True, wants_body=True))
        assert (seen.fault, seen.status_code, seen.body) == ("", 200, "here")
    assert asked(server) == ["GET /", "GET /", "GET /next"]


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("next?q=1#fragment", "/a/next?q=1"),
        ("/next", "/next"),
        ("../next", "/next"),
        ("?q=2", "/a/b?q=2"),
        ("//127.0.0.1:PORT/next", "/next"),
        ("HTTP://127.0.0.1:PORT/next", "/next"),
        ("/a path/ü", "/a%20path/%C3%BC"),
        ("  /next ", "/next"),
    ],
)
@our_loop
async def test_locations_are_relative_to_where_they_are_given(
    prober: Prober, location: str, path: str
) -> None:
    async with paths({"/a/b": to(location), path: OK}) as server:
        seen = await prober.probe(Target("http", f"{server.url}/a/b", follow_redirects=True))
    assert (seen.fault, seen.error, seen.status_code) == ("", "", 200)
    assert asked(server)[-1] == f"GET {path}"


@pytest.mark.parametrize(
    ("status", "method", "after"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"),
        (302, "GET", "GET"),
        (301, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (308, "DELETE", "DELETE"),
    ],
)
@our_loop
async def test_methods_change_as_in_browsers(prober: Prober, status: int, method: str, after: str) -> None:
    answers = {"/": to("/next", status), "/next": OK}
    async with paths(answers) as server:
        headers = (("Content-Type", "text/plain"), ("X-Kept", "1"))
        body = b"" if method in ("GET", "HEAD") else b"body"
        target = Target("http", f"{server.url}/", method, headers, body, follow_redirects=True)
        assert (await prober.probe(target)).status_code == 200
    assert asked(server) == [f"{method} /", f"{after} /next"]
    kept = body if method == after else b""
    assert server.requests[1].partition(b"\r\n\r\n")[2] == kept
    assert (b"Content-Type" in server.requests[1]) is (method == after) and b"X-Kept" in server.requests[1]


@pytest.mark.parametrize(
    "answer", [to("/x", 300), to("/x", 304), to("/x", 201), to(""), OK.replace(b"200", b"302")]
)
@our_loop
async def test_answers_that_lead_nowhere_are_the_end(prober: Prober, answer: bytes) -> None:
    async with paths({"/": answer}) as server:
        target = Target("http", server.url, follow_redirects=True, wants_body=True)
        seen = await prober.probe(target)
        assert seen.fault == "" and seen.status_code == int(answer[9:12])
        assert seen.body == ("here" if answer.endswith(b"here") else "")
    assert len(server.requests) == 1


@our_loop
async def test_the_body_of_a_redirect_is_not_awaited(prober: Prober) -> None:
    endless = b"HTTP/1.1 302 Found\r\nLocation: /next\r\n\r\nendless"
    async with paths({"/": endless, "/next": OK}) as server:
        target = Target("http", server.url, follow_redirects=True, wants_body=True, timeout_secs=2.0)
        assert (await prober.probe(target)).body == "here"
        assert await server.deserted()


@our_loop
async def test_ten_redirects_and_no_more(prober: Prober) -> None:
    answers = {f"/{number}": to(f"/{number + 1}") for number in range(20)} | {"/20": OK}
    async with paths(answers) as server:
        seen = await prober.probe(Target("http", f"{server.url}/10", follow_redirects=True))
        assert (seen.fault, seen.status_code) == ("", 200) and len(server.requests) == 11
        seen = await prober.probe(Target("http", f"{server.url}/9", follow_redirects=True))
    assert (seen.fault, seen.error) == ("down", "the target redirected more than 10 times")
    assert len(server.requests) == 22


@our_loop
async def test_circles_are_noticed(prober: Prober) -> None:
    async with paths({"/a": to("/b"), "/b": to("/a#again")}) as server:
        seen = await prober.probe(Target("http", f"{server.url}/a", follow_redirects=True))
    assert seen.error == f"the redirects go in a circle, back to {server.url}"
    assert (seen.fault, seen.status_code, asked(server)) == ("down", 302, ["GET /a", "GET /b"])


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("ftp://a.example/", "the target redirected to a ftp: address, which can't be followed"),
        ("file:///etc/passwd", "a file: address"),
        ("javascript:alert(1)", "a javascript: address"),
        ("http://[::1", "redirected to something that is no URL"),
        ("http://a..example/", "redirected to http://a..example: the URL can't be called"),
        (
            "http://me:secret@169.254.169.254/",
            "redirected to http://169.254.169.254: 169.254.169.254 is a link-local",
        ),
        ("http://127.0.0.1:1/", "redirected to http://127.0.0.1:1: connection refused by 127.0.0.1:1"),
    ],
)
@our_loop
async def test_redirects_that_cannot_be_followed(prober: Prober, location: str, words: str) -> None:
    async with paths({"/": to(location)}) as server:
        seen = await prober.probe(Target("http", server.url, follow_redirects=True))
    assert seen.fault == "down" and words in seen.error, seen.error
    assert "secret" not in seen.error


@our_loop
async def test_all_hops_share_one_limit(prober: Prober) -> None:
    async def slow(talk: Talk) -> None:
        number = int((await talk.request()).split(b" ")[1][1:])
        await talk.send(b"", pause=0.03)
        await talk.send(to(f"/{number + 1}"))

    async with serving(slow) as server:
        target = Target("http", f"{server.url}/0", follow_redirects=True, timeout_secs=0.1)
        seen = await prober.probe(target)
    assert (seen.fault, seen.error) == ("timeout", f"redirected to {server.url}: no response within 0.1 s")
    assert seen.timings.total_ms is not None and 90 < seen.timings.total_ms < 1000
    assert seen.timings.connect_ms is not None and seen.timings.connect_ms < 50


# What a stranger sees


@our_loop
async def test_what_was_meant_for_the_host_stays_with_it(prober: Prober) -> None:
    answers = {
        "/same": to("/end"),
        "/other": to("http://b.example:PORT/back"),
        "/back": to("/end"),
        "/end": OK,
    }
    async with paths(answers) as server:
        for path in ("same", "other"):
            url = f"http://a.example:{server.port}/{path}"
            target = Target("http", url, "PUT", SECRETS, b"x", follow_redirects=True)
            assert (await prober.probe(target)).status_code == 200
    everything = {name for name, _ in SECRETS}
    shown = [seen_headers(request) for request in server.requests]
    assert shown == [
        everything,
        everything,
        everything,
        {"Accept", "Content-Type"},
        {"Accept", "Content-Type"},
    ]


@our_loop
async def test_another_port_is_another_host(prober: Prober) -> None:
    async with paths({"/": OK}) as there, paths({"/": to(f"http://127.0.0.1:{there.port}/")}) as here:
        await prober.probe(Target("http", here.url, headers=SECRETS, follow_redirects=True))
    assert seen_headers(there.requests[0]) == {"Accept", "Content-Type"}


@our_loop
async def test_nothing_secret_leaves_tls(prober: Prober, authority: Authority) -> None:
    async with paths({"/": OK}) as plain:
        location = f"http://a.example:{plain.port}/"
        async with paths({"/": to(location)}, authority) as secure:
            url = f"https://a.example:{secure.port}/"
            seen = await prober.probe(Target("http", url, headers=SECRETS, follow_redirects=True))
    assert seen.status_code == 200 and seen.timings.tls_ms is None
    assert seen.certificate is not None and seen.certificate.names == ("a.example", "b.example")
    assert seen_headers(plain.requests[0]) == {"Accept", "Content-Type"}


@our_loop
async def test_credentials_in_the_url_go_where_its_headers_go(prober: Prober) -> None:
    answers = {
        "/relative": to("/end"),
        "/absolute": to("http://a.example:PORT/end"),
        "/other": to("http://b.example:PORT/end"),
        "/own": to("http://you:too@b.example:PORT/end"),
        "/end": OK,
    }
    async with paths(answers) as server:
        for path in ("relative", "absolute", "other", "own"):
            url = f"http://me:secret@a.example:{server.port}/{path}"
            assert (await prober.probe(Target("http", url, follow_redirects=True))).status_code == 200
    ends = [request for request in server.requests if b"/end" in request]
    mine, yours = b"Authorization: Basic bWU6c2VjcmV0\r\n", b"Authorization: Basic eW91OnRvbw==\r\n"
    assert [mine in request for request in ends] == [True, True, False, False]
    assert [request.count(b"Authorization") for request in ends] == [1, 1, 0, 1] and yours in ends[3]


@our_loop
async def test_the_certificate_is_that_of_the_first_secure_host(prober: Prober, authority: Authority) -> None:
    async with paths({"/": OK}, authority) as last:
        middle_tls = authority.server("c.example")
        location = f"https://b.example:{last.port}/"

        async def lead(talk: Talk) -> None:
            await talk.request()
            await talk.send(to(location))

        async with serving(lead, tls=middle_tls) as middle:
            first = {"/": to(f"https://c.example:{middle.port}/")}
            async with paths(first) as plain:
                seen = await prober.probe(Target("http", plain.url, follow_redirects=True))
    assert seen.status_code == 200 and seen.certificate is not None
    assert seen.certificate.names == ("c.example",)
