"""Pings under kill -9, SIGTERM, a full disk and a locked file: answered means kept, refused means nothing."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from tests.contract.beating import edited, heartbeat, sent
from tests.contract.beating import shown as shown_in
from tests.process.pinger import (
    FAST,
    Ping,
    assert_kept,
    assert_standing,
    beat,
    events,
    latenesses,
    moment,
    ping,
    refuse,
    shown,
    standing,
    streaming,
)
from tests.process.test_faults import full_disk
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, running
from tests.support.daemon import eventually as eventually_async
from tests.support.process import Child, Wall, eventually, query, served
from tickd.domain import times
from tickd.services.doors import Doors
from tickd.store.database import Database

THREADS = 4
COUNT = "SELECT count(*) FROM heartbeat_events WHERE heartbeat IN (SELECT row FROM heartbeats)"
"""What upkeep removes of a deleted heartbeat is not counted."""


def test_a_kill_loses_no_ping_that_was_answered(db: Path) -> None:
    chance = random.Random(20_260_303)
    beats: list[dict[str, Any]] = []
    sent: list[Ping] = []
    for life in range(2):
        with served(db) as tickd:
            beats = beats or [beat(tickd, name=name) for name in ("one", "two")]
            with streaming(tickd, *beats, threads=THREADS, name=f"{life}-") as stream:
                eventually(lambda stream=stream: stream.often()[200] > 50)  # type: ignore[misc]
                time.sleep(chance.uniform(0, 0.2))
                tickd.kill()
            assert set(stream.often()) <= {200, None}
            sent += stream.pings
        # A thread has one ping under way at the kill; whether it is there nobody was told.
        assert_kept(db, sent, cut_off=THREADS * (life + 1))
        for one in beats:
            assert_standing(db, one)
    with served(db) as tickd:
        for one in beats:
            found = tickd.call("GET", f"/v1/heartbeats/{one['id']}/pings?limit=1").json
            mine = [entry for entry in sent if entry.heartbeat == one["id"] and entry.status == 200]
            assert found["total"] >= len(mine) > 20
            assert_standing(db, one)
            assert events(tickd, one, "missed", "overran") == []
        assert tickd.stop()[0] == 0
    assert query(db, "PRAGMA integrity_check") == [("ok",)]


def test_a_stop_keeps_every_ping_that_was_answered(db: Path) -> None:
    with served(db) as tickd:
        beats = [beat(tickd, name=name) for name in ("one", "two")]
        with streaming(tickd, *beats, threads=THREADS) as stream:
            eventually(lambda: stream.often()[200] > 200)
            status, seconds = tickd.stop(signal.SIGTERM)
            ended = len(stream.pings)
            # Whoever comes now is refused, and so is whoever had a connection.
            eventually(lambda: len(stream.pings) >= ended + 2 * THREADS)
            late = stream.pings[ended + THREADS :]
        assert (status, seconds < 10) == (0, True), seconds
        assert {one.status for one in late} == {None}
        assert set(stream.often()) <= {200, 503, None}
        assert all(int(one.retry_after) > 0 for one in stream.pings if one.status == 503)
    assert [path.name for path in db.parent.glob("tickd.db-*al")] == []
    assert_kept(db, stream.pings, cut_off=THREADS)
    for one in beats:
        assert_standing(db, one)
    assert query(db, "PRAGMA integrity_check") == [("ok",)]


def test_a_full_disk_refuses_pings_and_blames_nobody(db: Path) -> None:
    with served(db, **FAST) as tickd:
        steady, near = beat(tickd, name="steady"), beat(tickd, name="near", interval_secs=2, grace_secs=0)
        gone = beat(tickd, name="gone", interval_secs=1, grace_secs=0)
        for _ in range(20):
            assert tickd.call("POST", f"/p/{steady['token']}", "x" * 11_000, key=None).status == 200
        ping(tickd, gone)
        ping(tickd, near)
        # The deadline of the deleted one is what the loop still sleeps for: a tick with nothing to do.
        assert tickd.call("DELETE", f"/v1/heartbeats/{gone['id']}").status == 204
        before = {one["id"]: standing(db, one) for one in (steady, near)}
        due_at = before[near["id"]]["due_at"]
        count = query(db, COUNT)
        with ExitStack() as disk:
            disk.enter_context(full_disk(tickd))
            refused = tickd.call("POST", f"/p/{near['token']}", key=None)
            assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
            eventually(lambda: time.time() * 1000 > due_at + 200)
            with streaming(tickd, steady, threads=THREADS, kinds=("", "log")) as stream:
                eventually(lambda: stream.often()[503] > 20)
                assert set(stream.often()) == {503}
                assert shown(tickd, near)["state"] == "late"
                assert {one["id"]: standing(db, one) for one in (steady, near)} == before
                assert query(db, COUNT) == count
                assert tickd.call("GET", "/readyz").status == 503
                disk.close()
                # Nobody asks it to go on.
                eventually(lambda: stream.often()[200] > 20)
        eventually(lambda: tickd.call("GET", "/readyz").status == 200)
        assert_moved(tickd, near, due_at)
        assert set(stream.often()) == {200, 503}
        assert {one.retry_after for one in stream.pings if one.status == 503} == {"30"}
        assert tickd.metrics()["tickd_heartbeat_misses_total"] == 0
        assert tickd.stop()[0] == 0
    assert_kept(db, stream.pings, cut_off=0)
    assert_standing(db, steady)
    assert query(db, "PRAGMA integrity_check") == [("ok",)]


async def test_a_loss_ends_when_pings_are_taken_again(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock(NOON)
    async with running(db, clock=clock) as tickd:
        silent = await heartbeat(tickd, name="silent", interval_secs=3600, grace_secs=0)
        other = await heartbeat(tickd, name="other", interval_secs=7200)
        for one in (silent, other):
            await sent(tickd, f"/p/{one['short_token']}")
        await asyncio.sleep(0.1)  # its loops have planned, and sleep
        await clock.advance(60)
        with monkeypatch.context() as full:
            full.setattr(tickd.daemon._pinging, "_write", refuse)
            assert (await tickd.call("GET", f"/p/{other['short_token']}", key=None)).status == 503
        await clock.advance(30)
        await sent(tickd, f"/p/{other['short_token']}")
        await clock.advance(30)
        await clock.advance(3600 - 120)

        async def said() -> list[dict[str, Any]]:
            await clock.advance(0.05)
            found = await tickd.call("GET", f"/v1/heartbeats/{silent['id']}/events")
            return list(found.json["events"])

        (event,) = await eventually_async(said)
        assert (event["kind"], event["at"]) == ("missed", "2026-03-03T13:00:00Z")


def assert_moved(tickd: Child, heartbeat: dict[str, Any], due_at: int) -> None:
    """The deadline was put off for a minute, once, and the event says from when and why."""
    found = eventually(lambda: events(tickd, heartbeat))
    assert len(found) == 1, found
    moved = found[0]
    due_now = standing(tickd.db, heartbeat)["due_at"]
    assert (moved["kind"], moved["flip"]) == ("moved", None)
    words = f"deadline moved from {times.rfc3339(due_at)} to {times.rfc3339(due_now)}: "
    assert moved["message"].startswith(words + "pings could not be recorded from ")
    assert due_now == moment(moved["at"]) + times.MINUTE
    now = shown(tickd, heartbeat)
    assert (now["status"], now["consecutive_misses"]) == ("active", 0)


def test_a_ping_that_waits_for_a_lock_has_not_missed_its_deadline(db: Path) -> None:
    with served(db, **FAST) as tickd, closing(sqlite3.connect(db, isolation_level=None)) as other:
        near = beat(tickd, interval_secs=2, grace_secs=0, failure_threshold=1)
        ping(tickd, near)
        due_at = standing(db, near)["due_at"]
        eventually(lambda: time.time() * 1000 > due_at - 1000)
        other.execute("BEGIN IMMEDIATE")
        with streaming(tickd, near, threads=1, kinds=("",)) as stream:
            stream.end()
            eventually(lambda: time.time() * 1000 > due_at + 200)
            assert stream.pings == []
            other.execute("ROLLBACK")
        assert stream.often() == {200: 1}
        pinged_at = standing(db, near)["last_pinged_at"]
        assert due_at - 1000 <= pinged_at < due_at
        assert due_at not in [moment(one["at"]) for one in events(tickd, near)]


def test_a_locked_file_refuses_pings_and_blames_nobody(db: Path) -> None:
    with served(db, **FAST) as tickd, closing(sqlite3.connect(db, isolation_level=None)) as other:
        steady, near = beat(tickd, name="steady"), beat(tickd, name="near", interval_secs=2, grace_secs=0)
        ping(tickd, steady)
        ping(tickd, near)
        before = {one["id"]: standing(db, one) for one in (steady, near)}
        count = query(db, COUNT)
        other.execute("BEGIN IMMEDIATE")
        with streaming(tickd, steady, threads=THREADS, kinds=("", "log")) as stream:
            # SQLite waits for a lock for 5 s, and a ping may come just after such a wait began.
            eventually(lambda: stream.often()[503] >= THREADS, 30)
            assert set(stream.often()) == {503}
            assert {one["id"]: standing(db, one) for one in (steady, near)} == before
            assert query(db, COUNT) == count
            other.execute("ROLLBACK")
            eventually(lambda: stream.often()[200] > 20)
        assert_moved(tickd, near, before[near["id"]]["due_at"])
        assert set(stream.often()) == {200, 503}
        assert {one.retry_after for one in stream.pings if one.status == 503} == {"5"}
        assert tickd.metrics()["tickd_heartbeat_misses_total"] == 0
        assert tickd.stop()[0] == 0
    assert_kept(db, stream.pings, cut_off=0)
    assert_standing(db, steady)


def step(tickd: Child, wall: Wall, heartbeat: dict[str, Any], milliseconds: int) -> None:
    """Step the clock, and let the daemon see that: an edit, though of nothing, wakes its loop."""
    steps = tickd.metrics()["tickd_clock_steps_total"]
    wall.step(milliseconds)
    assert tickd.call("PATCH", f"/v1/heartbeats/{heartbeat['id']}", {}).status == 200
    eventually(lambda: tickd.metrics()["tickd_clock_steps_total"] == steps + 1)


def silences(tickd: Child, heartbeat: dict[str, Any]) -> list[int]:
    """When the heartbeat's deadlines passed in silence."""
    return [moment(one["at"]) for one in events(tickd, heartbeat, "missed", "overran")]


def test_deadlines_survive_kills_and_are_moved_where_they_passed_meanwhile(db: Path, wall: Wall) -> None:
    away = 10 * times.MINUTE
    with served(db, wall=wall) as tickd:
        near = {
            secs: beat(tickd, name=str(secs), interval_secs=60, grace_secs=secs, failure_threshold=1)
            for secs in (0, 30, 120)
        }
        ahead = beat(tickd, name="ahead", interval_secs=662, grace_secs=0, failure_threshold=1)
        runs = [beat(tickd, name=f"run {secs}", grace_secs=secs, failure_threshold=1) for secs in (90, 900)]
        for one in (*near.values(), ahead, *runs):
            ping(tickd, one)
        for one in runs:
            ping(tickd, one, "start", "?rid=a")
        before = {one["id"]: standing(db, one) for one in (*near.values(), ahead)}
        tickd.kill()
    wall.step(away)  # ten periods
    begun = wall.now()
    with served(db, wall=wall) as tickd:
        ready = wall.now()
        for secs, one in near.items():
            moved_to = standing(db, one)["due_at"]
            assert begun <= moved_to - max(60, secs) * 1000 <= ready
            assert standing(db, one) == before[one["id"]] | {"due_at": moved_to}
            assert_said(tickd, one, before[one["id"]]["due_at"], moved_to)
            assert shown(tickd, one)["state"] == "late"
        # The end of a run may have been said to nobody; one that has time left gets no more of it.
        for one, kinds in zip(runs, (["moved"], []), strict=True):
            ((began, due_at),) = query(
                db,
                "SELECT started_at, due_at FROM open_runs "
                "WHERE heartbeat = (SELECT row FROM heartbeats WHERE id = ?)",
                one["id"],
            )
            assert [event["kind"] for event in events(tickd, one)] == kinds
            assert (begun <= due_at - 90_000 <= ready) if kinds else (due_at == began + 900_000)
        # What is due in the future is as it was.
        assert standing(db, ahead) == before[ahead["id"]]
        assert events(tickd, ahead) == []
        tickd.kill()
    moved = {one["id"]: standing(db, one) for one in near.values()}
    # Away again, while no deadline passes: nothing is moved a second time.
    with served(db, wall=wall) as tickd:
        assert {one["id"]: standing(db, one) for one in near.values()} == moved
        dues = {near[secs]["id"]: moved[near[secs]["id"]]["due_at"] for secs in (0, 30)}
        dues[ahead["id"]] = before[ahead["id"]]["due_at"]
        step(tickd, wall, near[120], min(dues.values()) - 2000 - wall.now())
        assert tickd.metrics()["tickd_heartbeat_misses_total"] == 0
        eventually(lambda: tickd.metrics()["tickd_heartbeat_misses_total"] == len(dues))
        for one in (near[0], near[30], ahead):
            assert silences(tickd, one) == [dues[one["id"]]]
            assert (shown(tickd, one)["status"], shown(tickd, one)["consecutive_misses"]) == ("failing", 1)
        for secs in (0, 30):
            assert_one_silence(tickd, near[secs], before[near[secs]["id"]]["expected_at"])
        assert tickd.stop()[0] == 0
    assert max(latenesses(db)) < 1000


def assert_one_silence(tickd: Child, heartbeat: dict[str, Any], expected_at: int) -> None:
    """The deadline that was moved is one miss, whatever periods it spans, and the next one is ahead."""
    moved, missed = events(tickd, heartbeat)
    assert (moved["kind"], missed["kind"], missed["flip"]) == ("moved", "missed", "failing")
    assert missed["message"].endswith(", because its deadline was moved")
    now = standing(tickd.db, heartbeat)
    assert now["due_at"] == now["expected_at"] + heartbeat["grace_secs"] * 1000 > moment(missed["at"])
    assert (now["expected_at"] - expected_at) % 60_000 == 0


def assert_said(tickd: Child, heartbeat: dict[str, Any], due_at: int, moved_to: int) -> None:
    """All that happened is that the deadline was moved, and the event says from when, until when and why."""
    (said,) = events(tickd, heartbeat)
    assert (said["kind"], said["flip"], said["repaired"]) == ("moved", None, False)
    words = f"deadline moved from {times.rfc3339(due_at)} to {times.rfc3339(moved_to)}: "
    assert said["message"].startswith(words + "tickd was not running from ")
    assert shown(tickd, heartbeat)["consecutive_misses"] == 0


def test_a_clock_that_steps_invents_no_miss(db: Path, wall: Wall) -> None:
    with served(db, wall=wall) as tickd:
        one = beat(tickd, interval_secs=60, grace_secs=10, failure_threshold=1)
        ping(tickd, one)
        before = standing(db, one)
        # Back: what is planned stays, and a ping plans from the time that it is now.
        step(tickd, wall, one, -times.HOUR)
        assert standing(db, one) == before
        assert shown(tickd, one)["state"] == "up"
        ping(tickd, one)
        again = standing(db, one)
        assert again["due_at"] == again["last_pinged_at"] + 70_000 < before["due_at"] - 50 * times.MINUTE
        assert events(tickd, one) == []
        # Forward, as a suspend has it: nobody could be heard meanwhile.
        wall.step(times.HOUR)
        (moved,) = eventually(lambda: events(tickd, one))
        due_at = standing(db, one)["due_at"]
        words = f"deadline moved from {times.rfc3339(again['due_at'])} to {times.rfc3339(due_at)}: "
        assert moved["message"].startswith(words + "the clock jumped or the machine was suspended from ")
        assert due_at == moment(moved["at"]) + times.MINUTE
        # Back and forward again, over the same deadline and the same ping: still nothing.
        for milliseconds in (-10 * times.MINUTE, 10 * times.MINUTE):
            step(tickd, wall, one, milliseconds)
        assert (shown(tickd, one)["status"], shown(tickd, one)["consecutive_misses"]) == ("active", 0)
        assert tickd.metrics()["tickd_heartbeat_misses_total"] == 0
        ping(tickd, one)
        assert_standing(db, one)
        assert tickd.stop()[0] == 0


def test_silence_fails_to_the_second(db: Path) -> None:
    with served(db, **FAST) as tickd:
        plain = {"interval_secs": 1, "grace_secs": 0}
        once, twice = (beat(tickd, name=str(most), failure_threshold=most, **plain) for most in (1, 2))
        for one in (once, twice):
            ping(tickd, one)
        pinged = {one["id"]: standing(db, one)["last_pinged_at"] for one in (once, twice)}
        eventually(lambda: shown(tickd, twice)["status"] == "failing")
        for one, most in ((once, 1), (twice, 2)):
            flips = [moment(event["at"]) for event in events(tickd, one) if event["flip"] == "failing"]
            assert flips == [pinged[one["id"]] + most * 1000]
            # Every period is one miss, at its end.
            missed = silences(tickd, one)
            assert missed == [pinged[one["id"]] + (number + 1) * 1000 for number in range(len(missed))]
        ping(tickd, once)
        assert events(tickd, once)[-1]["flip"] == "recovered"
        assert tickd.stop()[0] == 0
    assert max(latenesses(db)) < 500


async def test_an_edit_after_an_outage_holds_nothing_against_anybody(db: Path) -> None:
    async with running(db, clock=FakeClock(NOON)) as tickd:
        one = await heartbeat(tickd, interval_secs=60, grace_secs=0, failure_threshold=1)
        await sent(tickd, f"/p/{one['short_token']}")
    async with running(db, clock=FakeClock(NOON + 10 * times.MINUTE)) as tickd:
        assert (await edited(tickd, one["id"], grace_secs=30))["consecutive_misses"] == 0
        # The edit woke the loop: its tick writes a miss, where it finds one, before the third call's read.
        for _ in range(20):
            found = await tickd.call("GET", f"/v1/heartbeats/{one['id']}/events")
        assert [event["kind"] for event in found.json["events"]] == ["moved"]


async def test_a_deadline_that_passes_while_the_daemon_starts_is_moved(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(db, clock=FakeClock(NOON)) as tickd:
        one = await heartbeat(tickd, interval_secs=60, grace_secs=0, failure_threshold=1)
        await sent(tickd, f"/p/{one['short_token']}")
    clock, load = FakeClock(NOON + 58_000), Doors.load

    async def slow(doors: Doors, database: Database) -> None:
        await clock.advance(5)
        await load(doors, database)

    monkeypatch.setattr(Doors, "load", slow)
    async with running(db, clock=clock) as tickd:

        async def said() -> list[dict[str, Any]]:
            found = await tickd.call("GET", f"/v1/heartbeats/{one['id']}/events")
            return list(found.json["events"])

        assert [event["kind"] for event in await eventually_async(said)] == ["moved"]


async def test_a_silence_is_noticed_on_time_after_the_clock_went_back(db: Path) -> None:
    clock = FakeClock(NOON)
    async with running(db, clock=clock) as tickd:
        one = await heartbeat(tickd, interval_secs=60, grace_secs=0, failure_threshold=1)
        await sent(tickd, f"/p/{one['short_token']}")
        clock.step(-times.HOUR)

        async def noticed() -> bool:
            await clock.advance(0.1)
            return tickd.daemon._witness.steps == 1

        await eventually_async(noticed)
        await asyncio.sleep(0.1)
        await sent(tickd, f"/p/{one['short_token']}")
        due_at = (await shown_in(tickd, one["id"]))["next_expected_at"]
        await clock.advance(61)

        async def said() -> list[dict[str, Any]]:
            await clock.advance(0.05)
            found = await tickd.call("GET", f"/v1/heartbeats/{one['id']}/events")
            return list(found.json["events"])

        (event,) = await eventually_async(said, 2)
        assert (event["kind"], event["at"]) == ("missed", due_at)


async def test_a_ping_that_could_not_be_recorded_is_not_one_of_the_ten(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(db, clock=FakeClock(NOON)) as tickd:
        one = await heartbeat(tickd)
        with monkeypatch.context() as full:
            full.setattr(tickd.daemon._pinging, "_write", refuse)
            for _ in range(11):
                assert (await tickd.call("GET", f"/p/{one['short_token']}", key=None)).status == 503
        await sent(tickd, f"/p/{one['short_token']}")


# An open one is a warning of uvloop's; where those are errors, its loop waits for the caller to hang up.
async def test_a_ping_that_comes_last_leaves_no_connection_open(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(db, clock=FakeClock(NOON)) as tickd:
        one = await heartbeat(tickd)
        at = urlsplit(tickd.url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        request = f"GET /p/{one['short_token']} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        writer.write(request)
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
        cleanup = web.AppRunner.cleanup

        async def and_then_a_ping(runner: web.AppRunner) -> None:
            await cleanup(runner)
            writer.write(request)
            await asyncio.sleep(0.05)

        monkeypatch.setattr(web.AppRunner, "cleanup", and_then_a_ping)
    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 1)
    writer.close()
