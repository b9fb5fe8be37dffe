"""Pings whose bodies come drop by drop: they hold up nobody, and count from when they began."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.beating import heartbeat, sent, shown
from tests.process.pinger import FAST, beat, events, latenesses, moment, ping, refuse, standing
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.process import Child, served
from tickd.services.expiry import HELD
from tickd.web import routes

Begun = tuple[asyncio.StreamReader, asyncio.StreamWriter]

DRIPS = 30


class Drip:
    """A ping whose body comes letter by letter."""

    def __init__(self, url: str, token: str, letters: int) -> None:
        at = urlsplit(url)
        self._left = letters
        self._socket = socket.create_connection((at.hostname or "", at.port or 80), timeout=10)
        head = f"POST /p/{token} HTTP/1.1\r\nHost: tickd\r\nContent-Length: {letters}\r\n\r\n"
        self._socket.sendall(head.encode())

    def drop(self) -> None:
        """Send one more letter."""
        self._left -= 1
        self._socket.sendall(b"x")

    def finish(self) -> int:
        """Send the rest; the status of the answer."""
        self._socket.sendall(b"x" * self._left)
        return int(self._socket.recv(1 << 16).split(b" ", 2)[1])

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


@contextmanager
def dripping(tickd: Child, heartbeat: dict[str, Any], letters: int = 1000) -> Iterator[Drip]:
    """A ping that has begun; it is hung up at the end."""
    drip = Drip(tickd.url, heartbeat["short_token"], letters)
    try:
        yield drip
    finally:
        drip.close()


def test_slow_bodies_hold_up_no_other_deadline(db: Path) -> None:
    with served(db, **FAST) as tickd, ExitStack() as drips:
        plain = {"interval_secs": 1, "grace_secs": 0, "failure_threshold": 1}
        slow, silent = (beat(tickd, name=name, **plain) for name in ("slow", "silent"))
        ping(tickd, slow)
        slow_due_at = standing(db, slow)["due_at"]
        under_way = [drips.enter_context(dripping(tickd, slow)) for _ in range(DRIPS)]
        ping(tickd, silent)
        silent_due_at = standing(db, silent)["due_at"]
        while time.time() * 1000 < max(slow_due_at, silent_due_at) + 500:
            for drip in under_way:
                drip.drop()
            assert tickd.call("GET", "/healthz").status == 200
            time.sleep(0.05)
        # The silent one was missed on time; the slow one was heard of before its deadline.
        assert moment(events(tickd, silent, "missed")[0]["at"]) == silent_due_at
        assert latenesses(db)[0] < 500
        assert events(tickd, slow) == []
        assert {drip.finish() for drip in under_way} == {200}
        assert slow_due_at - 1000 < standing(db, slow)["last_pinged_at"] < slow_due_at
        assert slow_due_at not in [moment(one["at"]) for one in events(tickd, slow)]
        assert tickd.stop()[0] == 0


def test_a_slow_ping_does_not_bring_back_the_deadline_of_a_newer_one(db: Path) -> None:
    with served(db, **FAST) as tickd:
        one = beat(tickd, interval_secs=60, grace_secs=0, failure_threshold=1)
        with dripping(tickd, one) as slow:
            slow.drop()
            time.sleep(0.1)
            ping(tickd, one)
            newer = standing(db, one)
            assert slow.finish() == 200
        # It began before the other, so it says nothing of what came after it.
        assert standing(db, one)["due_at"] >= newer["due_at"]


@asynccontextmanager
async def begun(tickd: Harness, heartbeat: dict[str, Any], letters: int) -> AsyncIterator[Begun]:
    """A ping whose head has been taken, and one letter of its body; it is ended by the test or here."""
    at = urlsplit(tickd.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    path = f"/p/{heartbeat['short_token']}"
    before = len(tickd.daemon._pinging.doors.arriving())
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {letters}\r\n\r\nx".encode())

    async def there() -> bool:
        return len(tickd.daemon._pinging.doors.arriving()) == before + 1

    await eventually(there)
    try:
        yield reader, writer
    finally:
        # What is late is read and thrown away; the connection is ended, so that no task of it is left.
        with contextlib.suppress(ConnectionError):
            writer.write(
                b"x" * (letters - 1) + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
            await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def events_of(tickd: Harness, heartbeat: dict[str, Any]) -> list[dict[str, Any]]:
    """The heartbeat's events, oldest first."""
    found = await tickd.call("GET", f"/v1/heartbeats/{heartbeat['id']}/events")
    return list(found.json["events"])[::-1]


async def test_a_body_that_never_arrives_is_refused_and_holds_its_deadline_no_longer(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert routes.BODY_SECS == 30
    monkeypatch.setattr(routes, "BODY_SECS", 0.3)
    clock = FakeClock(NOON)
    async with running(db, clock=clock) as tickd:
        one = await heartbeat(tickd, interval_secs=60, grace_secs=0, failure_threshold=1)
        await sent(tickd, f"/p/{one['short_token']}")
        await clock.advance(59)
        async with begun(tickd, one, 9) as (reader, _):
            await clock.advance(2)
            answer = await reader.readuntil(b"}")
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert b"the body did not arrive within 0.3 s" in answer
        # While it was on its way, nobody could say that it had missed its deadline.
        assert (await shown(tickd, one["id"]))["consecutive_misses"] == 0

        async def missed() -> list[dict[str, Any]]:
            await clock.advance(0.05)
            return await events_of(tickd, one)

        (silence,) = await eventually(missed)
        assert (silence["kind"], silence["at"], silence["flip"]) == (
            "missed",
            "2026-03-03T12:01:00Z",
            "failing",
        )
        assert tickd.daemon._pinging.doors.arriving() == {}


async def test_slow_bodies_hold_up_no_other_run(db: Path) -> None:
    clock = FakeClock(NOON)
    async with running(db, clock=clock) as tickd, AsyncExitStack() as slow:
        plain = {"grace_secs": 60, "failure_threshold": 1, "max_pings_per_minute": 6000}
        hogs = [await heartbeat(tickd, name=f"hog {number}", **plain) for number in range(3)]
        other = await heartbeat(tickd, name="other", **plain)
        for one in hogs:
            await asyncio.gather(
                *(sent(tickd, f"/p/{one['short_token']}/start?rid={number}") for number in range(100))
            )
        await clock.advance(1)
        await sent(tickd, f"/p/{other['short_token']}/start")
        await clock.advance(50)
        for one in hogs:
            await slow.enter_async_context(begun(tickd, one, 9))

        async def overran() -> list[dict[str, Any]]:
            await clock.advance(0.05)
            return await events_of(tickd, other)

        await clock.advance(10)
        (silence,) = await eventually(overran, 2)
        assert (silence["kind"], silence["at"]) == ("overran", "2026-03-03T12:01:01Z")


async def test_a_slow_ping_that_is_refused_has_not_missed_its_deadline(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(NOON)
    async with running(db, clock=clock) as tickd:
        one = await heartbeat(tickd, interval_secs=60, grace_secs=0, failure_threshold=1)
        other = await heartbeat(tickd, name="other")
        for made in (one, other):
            await sent(tickd, f"/p/{made['short_token']}")
        await clock.advance(58)
        async with begun(tickd, one, 9) as (reader, writer):
            await clock.advance(3)

            async def held() -> bool:
                return tickd.daemon._expiry._next == clock.now() + HELD

            await eventually(held)
            with monkeypatch.context() as full:
                full.setattr(tickd.daemon._pinging, "_write", refuse)
                quick = await tickd.call("GET", f"/p/{other['short_token']}", key=None)
                writer.write(b"x" * 8)
                answer = await reader.readuntil(b"}")
        assert (quick.status, answer[:13]) == (503, b"HTTP/1.1 503 ")

        async def said() -> list[dict[str, Any]]:
            await clock.advance(0.05)
            return await events_of(tickd, one)

        assert [event["kind"] for event in await eventually(said)] == ["moved"]


async def test_a_ping_that_is_refused_during_a_tick_has_not_missed_its_deadline(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(NOON)
    asked, answered = asyncio.Event(), asyncio.Event()

    async def is_up(_since: float) -> bool:
        asked.set()
        return await answered.wait()

    async with running(db, clock=clock) as tickd:
        one = await heartbeat(tickd, interval_secs=60, grace_secs=0, failure_threshold=1)
        await sent(tickd, f"/p/{one['short_token']}")
        await clock.advance(58)
        monkeypatch.setattr(tickd.daemon._network, "is_up", is_up)
        async with begun(tickd, one, 9) as (reader, writer):
            await clock.advance(3)
            await asked.wait()
            with monkeypatch.context() as full:
                full.setattr(tickd.daemon._pinging, "_write", refuse)
                writer.write(b"x" * 8)
                answer = await reader.readuntil(b"}")
        assert answer.startswith(b"HTTP/1.1 503 ")
        answered.set()

        async def said() -> list[dict[str, Any]]:
            await clock.advance(0.05)
            return await events_of(tickd, one)

        assert [event["kind"] for event in await eventually(said)] == ["moved"]
