"""Chats: what each service is sent, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.outbound.test_webhook import AT, answer, asked
from tests.support.clock import FakeClock
from tests.support.servers import answering, both_loops, our_loop
from tickd.domain.alerts import About, Message, Story, Told
from tickd.domain.channels import Options
from tickd.outbound import chat
from tickd.outbound.http import HttpClient
from tickd.outbound.undelivered import Undelivered

Send = Callable[[HttpClient, FakeClock, Options, Message], Awaitable[None]]
TOKEN = "123456:AAH-secret_token"
SHOP = About("monitor", "mon_1", "Shop <b>", "https://shop.example.com/", "http")
STORY = Story(event="down", at=AT, about=SHOP, incident_id="inc_1", error="connection refused")
MESSAGE = Message(id="alt_1", told=(Told("alt_1", STORY),), moment=AT, link="https://tickd.example.com")
OKAY = answer("200 OK", b'{"ok": true, "result": {}}')
PLACES: list[tuple[Send, str]] = [
    (chat.slack, "/services/T0AA/B0BB/Zsecret99"),
    (chat.discord, "/services/T0AA/B0BB/Zsecret99"),
    (chat.telegram, f"/bot{TOKEN}/sendMessage"),
    (chat.ntfy, f"/ {TOKEN}"),
]
EACH = pytest.mark.parametrize("send", [chat.slack, chat.discord, chat.telegram, chat.ntfy])


def options(url: str) -> Options:
    hook = f"{url}/services/T0AA/B0BB/Zsecret99"
    return Options(url=hook, server=url, token=TOKEN, chat_id="-100", topic="ops")


async def failing(send: Send, client: HttpClient, reply: bytes) -> Undelivered:
    async with answering(reply) as server:
        with pytest.raises(Undelivered) as caught:
            await send(client, FakeClock(AT), options(server.url), MESSAGE)
    assert TOKEN not in caught.value.sentence
    assert "Zsecret99" not in caught.value.sentence
    return caught.value


@pytest.mark.parametrize(
    ("send", "path", "token"),
    [
        (chat.slack, "/services/T0AA/B0BB/Zsecret99", None),
        (chat.discord, "/services/T0AA/B0BB/Zsecret99", None),
        (chat.telegram, f"/bot{TOKEN}/sendMessage", None),
        (chat.ntfy, "/", f"Bearer {TOKEN}"),
    ],
)
@both_loops
async def test_each_service_is_sent_its_json(
    client: HttpClient, send: Send, path: str, token: str | None
) -> None:
    async with answering(OKAY) as server:
        await send(client, FakeClock(AT), options(server.url), MESSAGE)
        assert await server.deserted()
    line, headers, body = asked(server)
    assert line == f"POST {path} HTTP/1.1"
    assert headers["content-type"] == "application/json"
    assert headers.get("authorization") == token
    said: dict[str, Any] = json.loads(body)
    keys = {"slack": "attachments", "discord": "embeds", "telegram": "chat_id", "ntfy": "topic"}
    assert keys[send.__name__] in said
    assert "connection refused" in body.decode()


@EACH
@our_loop
async def test_a_service_that_limits_says_for_how_long(client: HttpClient, send: Send) -> None:
    limited = await failing(send, client, answer("429 Too Many Requests", b"slow down", "Retry-After: 7"))
    assert (limited.retry_after, limited.refused) == (7.0, False)
    discord = b'{"message": "You are being rate limited.", "retry_after": 0.65, "global": false}'
    limited = await failing(send, client, answer("429 Too Many Requests", discord))
    assert (limited.retry_after, limited.refused) == (0.65, False)
    telegram = b'{"ok": false, "error_code": 429, "parameters": {"retry_after": 35}}'
    limited = await failing(send, client, answer("429 Too Many Requests", telegram))
    assert (limited.retry_after, limited.refused) == (35.0, False)


@pytest.mark.parametrize(("send", "place"), PLACES)
@our_loop
async def test_a_service_that_refuses_is_quoted_without_the_way_there(
    client: HttpClient, send: Send, place: str
) -> None:
    refusal = await failing(send, client, answer("404 Not Found", f"no such place: {place}".encode()))
    assert refusal.sentence.startswith("answered 404 Not Found: no such place: /")
    assert not refusal.refused
    refusal = await failing(send, client, answer("400 Bad Request", b"invalid_payload"))
    assert refusal.sentence == "answered 400 Bad Request: invalid_payload"
    assert refusal.refused


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (answer("200 OK", b'{"ok": false, "description": "Bad Request"}'), "Bad Request"),
        (answer("200 OK", b"<html>a captive portal"), "a captive portal"),
        (answer("200 OK"), "did not take it"),
        (answer("200 OK", b'{"ok": false, "x": "' + b"x" * 5000 + b'"}'), "ok"),
    ],
)
@our_loop
async def test_telegram_has_to_say_that_it_is_ok(client: HttpClient, reply: bytes, words: str) -> None:
    failure = await failing(chat.telegram, client, reply)
    assert words in failure.sentence
    assert not failure.refused


@our_loop
async def test_telegram_may_repeat_a_long_message(client: HttpClient) -> None:
    reply = answer("200 OK", b'{"ok":true,"result":{"text":"' + b"x" * 9000 + b'"}}')
    async with answering(reply) as server:
        await chat.telegram(client, FakeClock(AT), options(server.url), MESSAGE)


@pytest.mark.parametrize(
    ("description", "refused"),
    [
        (b"Bad Request: chat not found", False),
        (b"Bad Request: group chat was upgraded to a supergroup chat", False),
        (b"Bad Request: can't parse entities", True),
        (b"Bad Request: message is too long", True),
    ],
)
@our_loop
async def test_a_chat_that_is_gone_is_no_fault_of_the_message(
    client: HttpClient, description: bytes, refused: bool
) -> None:
    body = b'{"ok":false,"error_code":400,"description":"' + description + b'"}'
    failure = await failing(chat.telegram, client, answer("400 Bad Request", body))
    assert failure.refused is refused


@our_loop
async def test_ntfy_needs_no_token(client: HttpClient) -> None:
    async with answering(OKAY) as server:
        await chat.ntfy(client, FakeClock(AT), Options(server=server.url, topic="ops"), MESSAGE)
    _, headers, _ = asked(server)
    assert "authorization" not in headers


@our_loop
async def test_a_token_stays_in_its_place(client: HttpClient) -> None:
    async with answering(OKAY) as server:
        strange = Options(server=server.url, token="1:a/../b?c#d", chat_id="1")
        await chat.telegram(client, FakeClock(AT), strange, MESSAGE)
    line, _, _ = asked(server)
    assert line == "POST /bot1:a%2F..%2Fb%3Fc%23d/sendMessage HTTP/1.1"
