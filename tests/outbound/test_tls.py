"""TLS from the first byte to the close, and its failures in words."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from tests.outbound.answers import OK, OPEN_ENDED, failing
from tests.support.authority import Authority
from tests.support.servers import (
    Talk,
    answering,
    both_loops,
    serving,
)
from tickd.outbound.http import HttpClient, Request


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
