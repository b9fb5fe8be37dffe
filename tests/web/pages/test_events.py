"""Server-sent events: an open page hears that something has changed, and nobody else does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.support.browsing import EMAIL, Browser, browser, owner
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.web.pages.people import signed_in
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.services.news import TICK_SECS, VIEWERS_MOST


@pytest.fixture
async def me(tickd: Harness) -> AsyncIterator[Browser]:
    async with owner(tickd) as visitor:
        yield visitor


class Stream:
    """The events of one page."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> tuple[str, str]:
        """The next event and its id."""
        said: dict[str, str] = {}
        while True:
            line = (await asyncio.wait_for(self.answer.content.readline(), 5)).decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if name:
                said[name] = value
            elif "event" in said:
                return said["event"], said["id"]

    async def rest(self) -> bytes:
        """What comes until the end."""
        return await asyncio.wait_for(self.answer.content.read(), 5)


@asynccontextmanager
async def listening(me: Browser, last: str = "") -> AsyncIterator[Stream]:
    headers = {"Last-Event-ID": last} if last else {}
    async with me._session.get(me.harness.url + "/events", headers=headers) as answer:
        assert answer.status == 200
        yield Stream(answer)


async def made(tickd: Harness, name: str = "beat") -> None:
    assert (await tickd.call("POST", "/v1/heartbeats", {"name": name})).status == 201


async def test_a_change_is_told_within_a_second_and_time_every_ten(tickd: Harness, me: Browser) -> None:
    async with listening(me) as stream:
        assert stream.answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert stream.answer.headers["Cache-Control"] == "no-store"
        hello, version = await stream.next()
        assert hello == "hello"
        await made(tickd)
        told = asyncio.ensure_future(stream.next())

        async def is_told() -> bool:
            await tickd.clock.advance(0.2)
            return told.done()

        before = tickd.clock.monotonic()
        await eventually(is_told)
        event, newer = await told
        assert event == "state" and newer != version
        assert tickd.clock.monotonic() - before < 3
        told = asyncio.ensure_future(stream.next())
        await eventually(is_told)
        assert await told == ("tick", newer)


async def test_a_page_that_was_cut_off_hears_what_it_missed(tickd: Harness, me: Browser) -> None:
    async with listening(me) as stream:
        _, version = await stream.next()
    async with listening(me, version) as stream:
        assert await stream.next() == ("hello", version)
    await made(tickd)
    # The daemon may not have noticed yet that the others are gone: their task asks for this one too.
    await tickd.clock.advance(1)
    assert await tickd.daemon.services.overview.version(DEFAULT_ACCOUNT) != version
    async with listening(me, version) as stream:
        while (heard := await stream.next())[0] == "hello":
            await tickd.clock.advance(1)
        assert heard[0] == "state" and heard[1] != version


async def test_nobody_hears_of_another_account(tickd: Harness, me: Browser) -> None:
    async with browser(tickd) as stranger:
        shown = await stranger.get("/events")
        assert shown.status == 303 and shown.location.startswith("/sign-in")


async def test_who_has_signed_out_hears_no_more(tickd: Harness, me: Browser) -> None:
    async with listening(me) as stream:
        await stream.next()
        await me.send("/sign-out", page="/")
        ended = asyncio.ensure_future(stream.rest())

        async def has_ended() -> bool:
            await tickd.clock.advance(1)
            return ended.done()

        await eventually(has_ended)
        assert b"event: state" not in await ended


async def test_one_task_asks_for_all_pages_and_ends_with_the_last(tickd: Harness, me: Browser) -> None:
    news = tickd.daemon.services.overview._news
    async with listening(me) as one, listening(me) as other:
        await one.next()
        await other.next()
        assert news.followed == 1

    async def are_gone() -> bool:
        # A page that has gone is noticed when it is told something.
        await tickd.clock.advance(5)
        return news.followed == 0

    await eventually(are_gone)


async def test_a_stop_does_not_wait_for_open_pages(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with (
        running(tmp_path / "t.db", clock=FakeClock(NOON)) as tickd,
        owner(tickd) as me,
        listening(me) as stream,
    ):
        await stream.next()
        began = loop.time()
        await tickd.daemon.stop()
        await stream.rest()
    assert loop.time() - began < 2


async def test_a_look_at_the_address_alone_ends(me: Browser) -> None:
    async with me._session.head(me.harness.url + "/events") as answer:
        assert answer.status == 200


async def test_one_session_has_so_many_streams_and_those_that_ended_count_no_more(
    tickd: Harness, me: Browser
) -> None:
    async with AsyncExitStack() as stack, signed_in(tickd, EMAIL) as other:
        for _ in range(VIEWERS_MOST):
            await stack.enter_async_context(listening(me))
        answer = await me.get("/events")
        assert (answer.status, answer.headers["Retry-After"]) == (429, "30")
        assert (await me.get("/")).status == 200
        async with listening(other) as stream:
            assert (await stream.next())[0] == "hello"
        await stack.aclose()
        # No clock has moved: nothing was told to those who have gone.

        async def has_room() -> bool:
            async with me._session.get(me.harness.url + "/events") as answer:
                return answer.status == 200

        await eventually(has_room)


async def test_who_has_gone_is_let_go_of_at_the_next_news(tickd: Harness, me: Browser) -> None:
    news = tickd.daemon.services.overview._news
    async with listening(me) as stream:
        await stream.next()

    async def is_seen_to_be_gone() -> bool:
        return news.seats.taken == 0

    await eventually(is_seen_to_be_gone)
    await tickd.clock.advance(TICK_SECS)

    async def is_let_go() -> bool:
        return news.followed == 0 and news.seats.held == 0

    await eventually(is_let_go)
