"""The one way out: every kind of channel, and never another exception than Undelivered."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from typing import get_args

import pytest

from tests.outbound.answers import OK
from tests.outbound.test_webhook import AT, answer, asked
from tests.support.clock import FakeClock
from tests.support.mail import mail_server
from tests.support.servers import Talk, answering, both_loops, our_loop, serving
from tickd.domain import payloads
from tickd.domain.alerts import About, Message, Story, Told
from tickd.domain.channels import Kind, Options
from tickd.outbound import apprise
from tickd.outbound.http import HttpClient
from tickd.outbound.senders import Senders, Undelivered

# A library of Apprise's says so when it is loaded.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
KINDS: tuple[Kind, ...] = get_args(Kind)
SHOP = About("monitor", "mon_1", "Shop @everyone", "https://shop.example.com/", "http")
STORY = Story(event="down", at=AT, about=SHOP, incident_id="inc_1", error="connection refused")
MESSAGE = Message(id="alt_1", told=(Told("alt_1", STORY),), moment=AT, link="https://tickd.example.com")


def senders(client: HttpClient, smtp_url: str = "", *, unguarded: bool = True) -> Senders:
    return Senders(
        client,
        FakeClock(AT),
        smtp_url=smtp_url,
        mail_from="",
        base_url=lambda: "https://tickd.example.com",
        unguarded=unguarded,
    )


def options(kind: Kind, url: str) -> Options:
    if kind == "apprise":
        return Options(url=url.replace("http://", "json://"))
    return Options(url=url, server=url, token="1:t", chat_id="1", topic="ops", to=("ops@example.com",))


async def failing(one: Senders, kind: Kind, given: Options) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        await one.send(kind, given, MESSAGE)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
@both_loops
async def test_every_kind_of_channel_is_sent_to(client: HttpClient, kind: Kind) -> None:
    with mail_server() as mail:
        async with answering(answer("200 OK", b'{"ok": true}')) as server:
            await senders(client, mail.url()).send(kind, options(kind, server.url), MESSAGE)
    if kind == "email":
        assert len(mail.taken) == 1 and not server.requests
    else:
        assert b"connection refused" in server.requests[0] and not mail.taken


@pytest.mark.parametrize("kind", KINDS)
@our_loop
async def test_every_kind_of_channel_can_fail(client: HttpClient, kind: Kind) -> None:
    async with answering(answer("500 Oh")) as server:
        failure = await failing(senders(client), kind, options(kind, server.url))
    assert failure.sentence and not failure.refused


@our_loop
async def test_our_own_fault_costs_one_message_and_not_the_channel(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(message: Message) -> bytes:
        raise KeyError("a fault")

    monkeypatch.setattr(payloads, "body", broken)
    failure = await failing(senders(client), "webhook", Options(url="http://127.0.0.1:1"))
    assert failure.refused and "log" in failure.sentence
    assert any(record.exc_info for record in caplog.records if record.name == "tickd.senders")


@both_loops
async def test_a_send_can_be_called_off(client: HttpClient) -> None:
    async def hang(talk: Talk) -> None:
        started.set()
        await talk.until_closed()

    started = asyncio.Event()
    async with serving(hang) as server:
        task = asyncio.create_task(senders(client).send("webhook", Options(url=server.url), MESSAGE))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await server.deserted()


# Apprise.


@our_loop
async def test_apprise_is_told_the_same_words(client: HttpClient) -> None:
    async with answering(OK) as server:
        await senders(client).send("apprise", options("apprise", server.url), MESSAGE)
    said = json.loads(asked(server)[2])
    assert said["type"] == "failure"
    assert said["title"] == "🔴 Shop @\u2060everyone is down"
    assert "Why: connection refused" in said["message"]
    assert "https://tickd.example.com/incidents/inc_1" in said["message"]


@our_loop
async def test_apprise_that_is_not_installed_says_how_to_install_it(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    failure = await failing(senders(client), "apprise", Options(url="json://127.0.0.1:1"))
    assert failure.sentence == "Apprise is not installed here: pip install tickd[apprise]"
    assert not failure.refused


@our_loop
async def test_apprise_says_no_more_than_yes_or_no(
    client: HttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    failure = await failing(senders(client), "apprise", Options(url="nosuch://user:hunter22@host"))
    assert failure.sentence == "Apprise does not know this kind of URL, or can't read it"
    assert "hunter22" not in caplog.text


@our_loop
async def test_apprise_is_not_used_where_addresses_are_guarded(client: HttpClient) -> None:
    async with answering(OK) as server:
        failure = await failing(senders(client, unguarded=False), "apprise", options("apprise", server.url))
    assert "private targets are blocked" in failure.sentence
    assert server.accepted == 0


@our_loop
async def test_apprise_that_hangs_takes_only_so_many_threads() -> None:
    release = threading.Event()

    def hang() -> str:
        release.wait(5)
        return ""

    threads = apprise.Threads(most=2)
    try:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await threads.run(hang, 0.02)
        with pytest.raises(BlockingIOError):
            await threads.run(hang, 0.02)
    finally:
        release.set()
    for _ in range(100):
        try:
            assert await threads.run(lambda: "done", 1.0) == "done"
            break
        except BlockingIOError:
            await asyncio.sleep(0.01)
    else:
        raise AssertionError("the threads never ended")


@our_loop
async def test_a_fault_in_apprise_shows_no_address(client: HttpClient) -> None:
    def broken() -> str:
        raise RuntimeError("https://user:password@host")

    assert await apprise.Threads().run(broken, 1.0) == "Apprise failed: RuntimeError"
