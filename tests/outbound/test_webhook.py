"""Webhooks to real receivers: signed, bounded, and honest about what came back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from tests.outbound.answers import OK
from tests.support.clock import FakeClock
from tests.support.servers import Served, Talk, answering, both_loops, free_port, our_loop, serving
from tickd.domain.alerts import About, Message, Story, Told
from tickd.domain.channels import Options
from tickd.outbound import webhook
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.http import HttpClient
from tickd.outbound.undelivered import Undelivered, excerpt, secrets_of

AT = 1_772_539_205_000
SHOP = About("monitor", "mon_1", "Shop", "https://shop.example.com/", "http")
STORY = Story(event="down", at=AT, about=SHOP, incident_id="inc_1", error="connection refused")


def message(secret: str = "", moment: int = AT) -> Message:
    return Message(id="alt_1", told=(Told("alt_1", STORY),), moment=moment, secret=secret)


async def send(client: HttpClient, options: Options, told: Message | None = None) -> None:
    await webhook.send(client, FakeClock(AT), options, told or message())


async def failing(client: HttpClient, options: Options, told: Message | None = None) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        await send(client, options, told)
    assert str(caught.value) == caught.value.sentence
    return caught.value


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return head.encode() + body


def asked(server: Served, number: int = 0) -> tuple[str, dict[str, str], bytes]:
    """The request's line, its headers by their names in small letters, and its body."""
    head, _, body = server.requests[number].partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    pairs = [text.partition(": ") for text in rest]
    headers = {name.lower(): value for name, _, value in pairs}
    assert len(headers) == len(rest), "a header came twice"
    return line, headers, body


@both_loops
async def test_a_webhook_posts_json_that_says_what_happened(client: HttpClient) -> None:
    async with answering(OK) as server:
        await send(client, Options(url=f"{server.url}/hook?x=1", headers={"X-Team": "ops"}))
    line, headers, body = asked(server)
    assert line == "POST /hook?x=1 HTTP/1.1"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "tickd/test"
    assert headers["x-team"] == "ops"
    assert "webhook-signature" not in headers
    said = json.loads(body)
    assert (said["event"], said["monitor_name"], said["alert_id"]) == ("monitor.down", "Shop", "alt_1")
    assert said["timestamp"] == "2026-03-03T12:00:05+00:00"


@pytest.mark.parametrize(
    ("own", "account", "key"),
    [
        ("whsec_" + base64.b64encode(b"k" * 24).decode(), "", b"k" * 24),
        ("plain words", "", b"plain words"),
        ("", "of the account", b"of the account"),
        ("mine", "of the account", b"mine"),
    ],
)
@our_loop
async def test_a_webhook_is_signed_as_standard_webhooks_has_it(
    client: HttpClient, own: str, account: str, key: bytes
) -> None:
    async with answering(OK) as server:
        options = Options(url=server.url, secret=own)
        await send(client, options, message(account))
        await send(client, options, message(account, AT + 60_000))
    for number, seconds in enumerate((AT // 1000, AT // 1000 + 60)):
        _, headers, body = asked(server, number)
        assert headers["webhook-id"] == "alt_1"
        assert headers["webhook-timestamp"] == str(seconds)
        content = b"alt_1." + str(seconds).encode() + b"." + body
        mac = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{mac}"


@our_loop
async def test_the_channels_own_content_type_and_agent_come_once(client: HttpClient) -> None:
    async with answering(OK) as server:
        headers = {"content-type": "application/vnd.x+json", "User-Agent": "mine"}
        await send(client, Options(url=server.url, headers=headers))
    _, sent, _ = asked(server)
    assert (sent["content-type"], sent["user-agent"]) == ("application/vnd.x+json", "mine")


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content"])
@our_loop
async def test_every_2xx_is_taken(client: HttpClient, status: str) -> None:
    async with answering(answer(status)) as server:
        await send(client, Options(url=server.url))
        assert await server.deserted()


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        ("400 Bad Request", True),
        ("413 Content Too Large", True),
        ("415 Unsupported Media Type", True),
        ("422 Unprocessable Content", True),
        ("401 Unauthorized", False),
        ("403 Forbidden", False),
        ("404 Not Found", False),
        ("405 Method Not Allowed", False),
        ("408 Request Timeout", False),
        ("410 Gone", False),
        ("425 Too Early", False),
        ("429 Too Many Requests", False),
        ("500 Internal Server Error", False),
        ("503 Service Unavailable", False),
    ],
)
@our_loop
async def test_anything_else_is_not_and_says_whose_fault_it_is(
    client: HttpClient, status: str, refused: bool
) -> None:
    async with answering(answer(status, b"sorry,\r\n\x00 not now")) as server:
        failure = await failing(client, Options(url=server.url))
    assert failure.sentence == f"answered {status}: sorry, not now"
    assert failure.refused is refused
    assert failure.retry_after is None


@our_loop
async def test_a_redirect_is_not_followed_and_said_to_be_one(client: HttpClient) -> None:
    async with answering(OK) as other:
        async with answering(answer("302 Found", b"", f"Location: {other.url}/")) as server:
            failure = await failing(client, Options(url=server.url))
        assert other.accepted == 0
    assert failure.sentence == "answered 302 Found, a redirect, and alerts don't follow redirects"
    assert not failure.refused


LATER = format_datetime(datetime.fromtimestamp(AT / 1000 + 90, UTC), usegmt=True)
BEFORE = format_datetime(datetime.fromtimestamp(AT / 1000 - 90, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("text", "body", "secs"),
    [
        ("30", b"", 30.0),
        (LATER, b"", 90.0),
        (BEFORE, b"", 0.0),
        (LATER.replace("GMT", "-0000"), b"", 90.0),
        ("-5", b"", 0.0),
        ("1e99", b"", 86_400.0),
        ("nan", b"", 0.0),
        ("soon", b"", None),
        ("Fri, 99 Foo 2026", b"", None),
        ("1", b'{"retry_after": 2.5}', 2.5),
        ("", b'{"parameters": {"retry_after": 7}}', 7.0),
        ("", b'{"retry_after": "x"}', None),
        ("", b"[]", None),
    ],
)
@our_loop
async def test_the_receiver_says_when_to_come_back(
    client: HttpClient, text: str, body: bytes, secs: float | None
) -> None:
    headers = [f"Retry-After: {text}"] if text else []
    async with answering(answer("429 Too Many Requests", body, *headers)) as server:
        failure = await failing(client, Options(url=server.url))
    assert failure.retry_after == secs


@both_loops
async def test_a_long_answer_is_read_to_its_limit_and_cut(client: HttpClient) -> None:
    async def pour(talk: Talk) -> None:
        await talk.request()
        await talk.send(b"HTTP/1.1 500 Oh\r\n\r\n")
        while True:
            await talk.send("ä".encode() * 10_000)

    async with serving(pour) as server:
        failure = await failing(client, Options(url=server.url))
        assert await server.deserted()
    assert failure.sentence == "answered 500 Oh: " + "ä" * 199 + "…"


@both_loops
async def test_receivers_that_hang_reset_or_are_not_there_are_told_apart(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickd.outbound.posting.TIMEOUT_SECS", 0.06)

    async def hang(talk: Talk) -> None:
        await talk.until_closed()

    async def reset(talk: Talk) -> None:
        await talk.request()
        talk.reset()

    async def drip(talk: Talk) -> None:
        await talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await talk.send(b"x", pause=0.01)

    for handler, words in (
        (hang, "no response within 0.06 s"),
        (reset, "reset"),
        (drip, "did not end within"),
    ):
        async with serving(handler) as server:
            begun = time.monotonic()
            failure = await failing(client, Options(url=server.url))
            assert time.monotonic() - begun < 2
            assert await server.deserted()
        assert words in failure.sentence
        assert not failure.refused
    failure = await failing(client, Options(url=f"http://127.0.0.1:{free_port()}"))
    assert "connection refused" in failure.sentence


@our_loop
async def test_the_guard_is_asked(resolver: Resolver) -> None:
    client = HttpClient(resolver, Guard(block_private=True), user_agent="t")
    async with answering(OK) as server:
        failure = await failing(client, Options(url=server.url))
    assert "only public ones may be called" in failure.sentence
    assert server.accepted == 0


@our_loop
async def test_no_secret_comes_back_in_what_the_receiver_says(client: HttpClient) -> None:
    async def echo(talk: Talk) -> None:
        line, *headers = (await talk.request()).partition(b"\r\n\r\n")[0].split(b"\r\n")
        shown = [text for text in headers if text.startswith((b"Authorization", b"X-Note"))]
        await talk.send(answer("500 Oh", b"; ".join((line.replace(b"/", b"\\/"), line, *shown))))

    secrets = ("tokenINpath123", "q-secret-9", "bearer-token", "sign-secret")
    async with serving(echo) as server:
        options = Options(
            url=f"{server.url}/hooks/{secrets[0]}?key={secrets[1]}",
            headers={"Authorization": f"Bearer {secrets[2]}", "X-Note": secrets[3]},
            secret=secrets[3],
        )
        failure = await failing(client, options)
    mask = "•" * 6
    assert failure.sentence == (
        f"answered 500 Oh: POST \\/{mask} HTTP\\/1.1; POST /{mask} HTTP/1.1; "
        f"Authorization: {mask}; X-Note: {mask}"
    )
    assert not [secret for secret in secrets if secret in failure.sentence]


@our_loop
async def test_a_request_that_cant_be_written_is_no_crash(client: HttpClient) -> None:
    failure = await failing(client, Options(url="http://127.0.0.1:1", headers={"X": "a\r\nb"}))
    assert "can't be made" in failure.sentence
    failure = await failing(client, Options(url="http://127.0.0.1:1", secret="whsec_abcde"))
    assert "signing secret" in failure.sentence
    failure = await failing(client, Options(url="http://[::1"))
    assert "can't be called" in failure.sentence


def test_what_looks_like_a_secret_in_an_address_is_one() -> None:
    assert secrets_of("https://example.com/webhooks/incoming?channel=general") == (
        "webhooks/incoming?channel=general",
    )
    assert "s3cr3t-part" in secrets_of("https://example.com/hooks/s3cr3t-part")
    assert secrets_of("https://example.com") == ()
    assert excerpt(b"a \xff b\x1b[31m \xe2\x80\xae c", ("x",)) == "a � b [31m c"
