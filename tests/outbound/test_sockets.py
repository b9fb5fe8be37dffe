"""The connection step: refusals, the guard, several addresses."""

from __future__ import annotations

import ssl
from contextlib import closing

import pytest

from tests.outbound.answers import OK, failing
from tests.support.servers import (
    answering,
    black_hole,
    both_loops,
    free_port,
    our_loop,
    serving,
)
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.http import Failure, HttpClient, Request, Response


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


@our_loop
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
