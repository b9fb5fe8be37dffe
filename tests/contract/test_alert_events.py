"""Every event that is told, to whom, and what holds it back: windows, cooldowns, dependencies."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.contract.beating import heartbeat, sent
from tests.contract.certificates import clock, served_by, until_closed
from tests.contract.certificates import now as real_now
from tests.contract.telling import account, alerts, channel, failing, incidents, latest, settled, told
from tests.contract.watching import look, looked_at, shown, watched
from tests.support.daemon import Harness, eventually, running
from tests.support.endpoint import Endpoint, serving
from tests.support.receiver import nobody
from tests.support.servers import Talk
from tests.support.servers import serving as talking

DAY = 86_400.0


@pytest.fixture
async def receiver() -> AsyncIterator[Endpoint]:
    """A receiver of alerts."""
    async with serving() as made:
        yield made


def events(receiver: Endpoint) -> list[str]:
    """What the receiver was told, oldest first."""
    return [json.loads(call.body)["event"] for call in receiver.calls]


# Which events, and to whom.


@pytest.mark.parametrize("event", ["down", "recovered", "degraded", "job_failed", "test"])
async def test_a_channel_takes_the_events_that_it_names(
    tickd: Harness, receiver: Endpoint, endpoint: Endpoint, event: str
) -> None:
    async with serving() as beside:
        await channel(tickd, name="all", url=beside.url)
        # Of a recovery those are told who were told of the failure.
        wanted = [event, "down"] if event == "recovered" else [event]
        made = await channel(tickd, name="one", url=receiver.url, events=wanted)
        beat = await heartbeat(tickd, failure_threshold=1)
        for status in ("degraded", "down", "up"):
            await tickd.call("POST", f"/api/heartbeat/{beat['id']}", {"status": status})
            await settled(tickd)
            await tickd.clock.advance(1.0)
        job = await tickd.job(endpoint=endpoint.url, schedule="@yearly", retries=0)
        endpoint.status = 500
        await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")
        await latest(tickd, job)
        await settled(tickd)
        await tickd.call("POST", f"/v1/channels/{made['id']}/test")
        words = {
            "down": "monitor.down",
            "degraded": "monitor.warn",
            "job_failed": "job.failed",
            "test": "test",
        }
        names = ["monitor.down", "monitor.up"] if event == "recovered" else [words[event]]
        # The test button is there for whoever asks, whatever the channel takes.
        assert events(receiver) == names + ([] if event == "test" else ["test"])
        assert events(beside) == ["monitor.warn", "monitor.down", "monitor.up", "job.failed"]


async def test_named_channels_or_else_the_default_ones(tickd: Harness, receiver: Endpoint) -> None:
    made = {
        name: await channel(tickd, name=name, url=f"{receiver.url}/{name}", default=name != "night")
        for name in ("day", "night", "both")
    }

    async def reached(**fields: Any) -> list[str]:
        receiver.calls.clear()
        beat = await heartbeat(tickd, **fields)
        await sent(tickd, f"/p/{beat['token']}/fail")
        await settled(tickd)
        return sorted(call.path[1:] for call in receiver.calls)

    assert await reached() == ["both", "day"]
    assert await reached(channels=["night"]) == ["night"]
    assert await reached(channels=[made["night"]["id"], "day", made["day"]["id"]]) == ["day", "night"]
    # Where none of them is there any more, it is told rather than not.
    assert await reached(channels=["gone"]) == ["both", "day"]
    assert await reached(channels=["gone", "night"]) == ["night"]


async def test_degraded_and_restored_open_no_incident(
    tickd: Harness, receiver: Endpoint, endpoint: Endpoint
) -> None:
    await channel(tickd, url=receiver.url)
    beat = await heartbeat(tickd)
    for status in ("up", "degraded", "degraded", "up", "degraded"):
        await tickd.call("POST", f"/api/heartbeat/{beat['id']}", {"status": status, "message": "slow"})
        await settled(tickd)
        await tickd.clock.advance(60.0)
    found = await told(receiver, 3)
    assert [one["event"] for one in found] == ["monitor.warn", "monitor.up", "monitor.warn"]
    assert (found[1]["duration_seconds"], found[1]["incident_id"]) == (120, None)
    assert await incidents(tickd) == []


async def test_an_explicit_failure_is_told_at_once(tickd: Harness, receiver: Endpoint) -> None:
    await channel(tickd, url=receiver.url)
    beat = await heartbeat(tickd, failure_threshold=10)
    await sent(tickd, f"/p/{beat['token']}/17")
    (down,) = await told(receiver, 1)
    assert (down["event"], down["error"]) == ("monitor.down", "the job ended with exit status 17")
    await sent(tickd, f"/p/{beat['token']}/17")
    await settled(tickd)
    assert len(receiver.calls) == 1


async def test_a_channel_that_fails_for_long_is_told_elsewhere(
    tickd: Harness, receiver: Endpoint, endpoint: Endpoint
) -> None:
    with nobody() as url:
        dead = await channel(tickd, name="dead", url=url)
        spare = await channel(tickd, name="spare", url=receiver.url, default=False)
        await account(tickd, fallback_channel=spare["id"])
        await failing(tickd, endpoint)
        for attempts in (1, 2, 3):
            await _tried(tickd, attempts)
            assert (len(receiver.calls), attempts) in ((0, attempts), (1, 3))
            await tickd.clock.advance(301.0)
        (told_once,) = await told(receiver, 1)
        assert (told_once["event"], told_once["note"]) == (
            "tickd.delivery",
            "The channel is dead (webhook).",
        )
        health = (await tickd.call("GET", f"/v1/channels/{dead['id']}")).json
        assert (health["failing_since"], health["last_error"][:18]) == (
            "2026-03-03T12:00:00Z",
            "connection refused",
        )
        for attempts in (4, 5):
            await _tried(tickd, attempts)
            await tickd.clock.advance(301.0)
        assert len(receiver.calls) == 1


async def _tried(tickd: Harness, attempts: int) -> None:
    """Wait until the alert of the failure was tried so many times."""

    async def there() -> bool:
        (alert,) = await alerts(tickd, "?event=down")
        return alert["attempts"] == attempts and not tickd.daemon._delivery.in_flight

    await eventually(there)


# What holds back.


async def test_a_window_of_a_monitor_holds_back_and_then_tells(
    tickd: Harness, receiver: Endpoint, endpoint: Endpoint
) -> None:
    await channel(tickd, url=receiver.url)
    window = {"day": "tuesday", "start_utc": "11:00", "end_utc": "12:30"}
    fields: dict[str, Any] = {
        "interval_secs": 86_400,
        "failure_threshold": 1,
        "maintenance_windows": [window],
    }
    made = await watched(tickd, url=endpoint.url, **fields)
    endpoint.status = 500
    await look(tickd, made["id"])
    assert (await shown(tickd, made["id"]))["status"] == "failing"
    (held,) = await settled(tickd)
    assert (held["state"], held["event"]) == ("suppressed", "down")
    assert held["why"].startswith("in maintenance: ")
    assert held["why"].endswith(", until 2026-03-03T12:30:00Z")
    assert await incidents(tickd) == []
    await tickd.clock.advance(1799.0)
    assert await incidents(tickd) == []
    await tickd.clock.advance(1.0)
    opened = await latest(tickd, made)
    assert (opened["opened_at"], opened["cause"]["error"]) == ("2026-03-03T12:30:00Z", "status code 500")
    assert opened["started_at"].startswith("2026-03-03T12:00:00")
    await told(receiver, 1)


async def test_what_is_well_at_the_end_of_its_window_is_not_told(
    tickd: Harness, receiver: Endpoint, endpoint: Endpoint
) -> None:
    await channel(tickd, url=receiver.url)
    window = {"day": "daily", "start_utc": "11:00", "end_utc": "12:30"}
    beat = await heartbeat(tickd, maintenance_windows=[window])
    await sent(tickd, f"/p/{beat['token']}/fail")
    await sent(tickd, f"/p/{beat['token']}")
    await tickd.clock.advance(3600.0)
    assert [one["state"] for one in await settled(tickd)] == ["suppressed"]
    assert (await incidents(tickd), receiver.calls) == ([], [])


async def test_a_window_that_is_taken_away_holds_nothing_any_more(
    tickd: Harness, receiver: Endpoint, endpoint: Endpoint
) -> None:
    await channel(tickd, url=receiver.url)
    window = {"day": "daily", "start_utc": "00:00", "end_utc": "23:59"}
    beat = await heartbeat(tickd, maintenance_windows=[window])
    await sent(tickd, f"/p/{beat['token']}/fail")
    assert await incidents(tickd) == []
    await tickd.clock.advance(1.0)
    await tickd.call("PATCH", f"/v1/heartbeats/{beat['id']}", {"maintenance_windows": []})
    await latest(tickd, beat)
    await told(receiver, 1)


async def test_within_the_cooldown_nothing_is_opened_and_then_it_is(
    tickd: Harness, receiver: Endpoint
) -> None:
    await channel(tickd, url=receiver.url)
    beat = await heartbeat(tickd, cooldown_secs=600)
    for what in ("fail", "0"):
        await sent(tickd, f"/p/{beat['token']}/{what}")
        await settled(tickd)
    for what in ("fail", "0", "fail"):
        await tickd.clock.advance(100.0)
        await sent(tickd, f"/p/{beat['token']}/{what}")
    assert len(await incidents(tickd)) == 1
    held = await settled(tickd, "?status=suppressed")
    assert {one["why"] for one in held} == {"within the cooldown until 2026-03-03T12:10:00Z"}
    await tickd.clock.advance(299.0)
    assert len(await incidents(tickd)) == 1
    await tickd.clock.advance(1.0)
    opened = await latest(tickd, beat)
    assert (opened["opened_at"], opened["started_at"]) == ("2026-03-03T12:10:00Z", "2026-03-03T12:05:00Z")
    assert [one["event"] for one in await told(receiver, 3)] == ["monitor.down", "monitor.up", "monitor.down"]


async def test_what_is_well_at_the_end_of_its_cooldown_is_not_told(
    tickd: Harness, receiver: Endpoint
) -> None:
    await channel(tickd, url=receiver.url)
    beat = await heartbeat(tickd, cooldown_secs=600)
    for what in ("fail", "0", "fail", "0"):
        await sent(tickd, f"/p/{beat['token']}/{what}")
        await settled(tickd)
        await tickd.clock.advance(1.0)
    await tickd.clock.advance(1000.0)
    await settled(tickd)
    assert len(await incidents(tickd)) == 1
    assert events(receiver) == ["monitor.down", "monitor.up"]


async def test_without_a_cooldown_each_failure_is_told(tickd: Harness, receiver: Endpoint) -> None:
    await channel(tickd, url=receiver.url)
    beat = await heartbeat(tickd)
    for what in ("fail", "0", "fail", "0"):
        await sent(tickd, f"/p/{beat['token']}/{what}")
        await settled(tickd)
    assert len(await incidents(tickd)) == 2
    assert events(receiver) == ["monitor.down", "monitor.up"] * 2


async def test_what_depends_on_something_that_is_down_is_not_told(
    tickd: Harness, receiver: Endpoint, endpoint: Endpoint
) -> None:
    await channel(tickd, url=receiver.url)
    router, _ = await failing(tickd, endpoint, name="router")
    await settled(tickd)
    beat = await heartbeat(tickd, name="behind", depends_on=[router["id"]])
    await sent(tickd, f"/p/{beat['token']}/fail")
    (held,) = await settled(tickd, "?status=suppressed")
    assert held["why"] == f"it depends on router ({router['id']}), which is down"
    assert (await latest(tickd, beat))["status"] == "open"
    assert events(receiver) == ["monitor.down"]
    # Once that is well again, what still fails is told.
    endpoint.status = 200
    await look(tickd, router["id"])
    for _ in range(3):
        await settled(tickd)
        await tickd.clock.advance(61.0)
    found = await told(receiver, 3)
    assert [(one["event"], one["monitor_name"]) for one in found] == [
        ("monitor.down", "router"),
        ("monitor.up", "router"),
        ("monitor.down", "behind"),
    ]


async def test_a_batch_tells_the_first_at_once_and_the_rest_together(
    tickd: Harness, receiver: Endpoint
) -> None:
    await channel(tickd, url=receiver.url)
    await account(tickd, batch_window_secs=60)
    for number in range(4):
        beat = await heartbeat(tickd, name=f"beat {number}")
        await sent(tickd, f"/p/{beat['token']}/fail")
        if not number:
            await told(receiver, 1)
    await tickd.clock.advance(59.0)
    assert len(receiver.calls) == 1
    await tickd.clock.advance(1.0)
    first, digest = await told(receiver, 2)
    assert first["monitor_name"] == "beat 0"
    assert (digest["event"], digest["count"]) == ("digest", 3)
    assert [one["monitor_name"] for one in digest["alerts"]] == ["beat 1", "beat 2", "beat 3"]
    assert {one["state"] for one in await settled(tickd)} == {"sent"}


# Certificates.


@contextlib.asynccontextmanager
async def expiring(authority: trustme.CA, not_after: datetime, port: int = 0) -> AsyncIterator[int]:
    """A server whose certificate expires then; its port."""
    context = served_by(authority, "localhost", not_after=not_after)
    async with talking(until_closed, tls=context, port=port) as server:
        yield server.port


async def test_a_certificate_is_warned_of_once_each_and_again_after_renewal(
    tmp_path: Path, authority: trustme.CA, receiver: Endpoint
) -> None:
    began = real_now()
    path, expires = tmp_path / "tickd.db", began + timedelta(days=40)
    async with running(path, clock=clock()) as tickd:
        await channel(tickd, url=receiver.url)
        async with expiring(authority, expires) as port:
            # Down for nothing but its last hours: it is the warnings that are looked at.
            fields: dict[str, Any] = {"type": "ssl", "interval_secs": 86_400, "ssl_expiry_threshold_days": 1}
            made = await watched(tickd, url=f"localhost:{port}", **fields)
            for left, days in ((30.5, []), (29.9, [30]), (29.8, [30]), (14.1, [30]), (14.0, [30, 14])):
                await _left(tickd, made, expires, left)
                assert await _warned(tickd, receiver) == days
            for left, days in (
                (10.0, []),
                (6.9, [7]),
                (5.0, []),
                (3.0, [3]),
                (2.0, []),
                (1.0, [1]),
                (0.5, []),
            ):
                before = await _warned(tickd, receiver)
                await _left(tickd, made, expires, left)
                assert await _warned(tickd, receiver) == before + days
        # A renewed one that is as short begins anew; seen late, it gets one warning, not five.
        renewed = expires + timedelta(days=2)
        async with expiring(authority, renewed, port):
            await look(tickd, made["id"])
            assert await _warned(tickd, receiver) == [30, 14, 7, 3, 1, 3]
            await look(tickd, made["id"])
            assert await _warned(tickd, receiver) == [30, 14, 7, 3, 1, 3]
        async with expiring(authority, expires + timedelta(days=90), port):
            await look(tickd, made["id"])
            assert await _warned(tickd, receiver) == [30, 14, 7, 3, 1, 3]


async def _left(tickd: Harness, made: dict[str, Any], expires: datetime, days: float) -> None:
    """Move the clock to so many days before the expiry, and look."""
    target = expires.timestamp() - days * DAY
    await tickd.clock.advance(target - tickd.clock.now() / 1000)
    await looked_at(tickd, made["id"])
    await look(tickd, made["id"])


async def _warned(tickd: Harness, receiver: Endpoint) -> list[int]:
    """Of how many days was warned, oldest first."""
    assert all(one["state"] == "sent" for one in await settled(tickd))
    said = [json.loads(call.body) for call in receiver.calls]
    assert all(one["event"] == "monitor.warn" for one in said)
    return [one["days"] for one in said]


async def test_an_https_monitor_warns_too_and_not_in_its_maintenance(
    tmp_path: Path, authority: trustme.CA, receiver: Endpoint
) -> None:
    context = served_by(authority, "localhost", not_after=real_now() + timedelta(days=5))

    async def answer(talk: Talk) -> None:
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    path = tmp_path / "tickd.db"
    async with talking(answer, tls=context) as server, running(path, clock=clock()) as tickd:
        await channel(tickd, url=receiver.url)
        always = [
            {"day": "daily", "start_utc": "00:00", "end_utc": "12:00"},
            {"day": "daily", "start_utc": "12:00", "end_utc": "24:00"},
        ]
        url = f"https://localhost:{server.port}/"
        made = await watched(tickd, url=url, interval_secs=86_400, maintenance_windows=always)
        assert await _warned(tickd, receiver) == []
        await tickd.call("PATCH", f"/v1/monitors/{made['id']}", {"maintenance_windows": []})
        await look(tickd, made["id"])
        assert await _warned(tickd, receiver) == [7]
        # A restart does not tell it again.
    async with talking(answer, tls=context, port=server.port), running(path, clock=clock()) as tickd:
        await look(tickd, made["id"])
        assert await _warned(tickd, receiver) == [7]
