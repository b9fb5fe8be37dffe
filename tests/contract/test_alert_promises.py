"""Promises about alerts that are easily broken in passing: ends, refusals, reminders, edits in the middle."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.beating import heartbeat, sent
from tests.contract.telling import account, alerts, channel, failing, incidents, settled, told
from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint, serving


@pytest.fixture
async def receiver() -> AsyncIterator[Endpoint]:
    """A receiver of alerts."""
    async with serving() as made:
        yield made


async def say(tickd: Harness, beat: dict[str, Any], status: str) -> None:
    """Report a status of a heartbeat, wait until it is told, and let a minute pass."""
    reply = await tickd.call("POST", f"/api/heartbeat/{beat['id']}", {"status": status})
    assert reply.status == 200, reply.json
    await settled(tickd)
    await tickd.clock.advance(60.0)


def events(receiver: Endpoint) -> list[str]:
    """What the receiver was told, oldest first."""
    return [json.loads(call.body)["event"] for call in receiver.calls]


async def until(receiver: Endpoint, wanted: list[str]) -> None:
    """Wait until the receiver was told just that."""

    async def so() -> bool:
        return events(receiver) == wanted

    await eventually(so)


# The end of what is degraded.


async def test_what_was_told_as_degraded_ends_with_the_failure_behind_it(
    tickd: Harness, receiver: Endpoint
) -> None:
    await channel(tickd, url=receiver.url)
    beat = await heartbeat(tickd)
    for status in ("up", "degraded", "down", "up"):
        await say(tickd, beat, status)
    await until(receiver, ["monitor.warn", "monitor.down", "monitor.up"])
    # Another degradation, which nobody is told of, has no end that anybody is told of.
    body = {
        "name": "now",
        "all": True,
        "starts_at": "2026-03-03T12:00:00Z",
        "ends_at": "2026-03-03T13:00:00Z",
    }
    assert (await tickd.call("POST", "/v1/maintenance", body)).status == 201
    for status in ("degraded", "up"):
        await say(tickd, beat, status)
    assert events(receiver) == ["monitor.warn", "monitor.down", "monitor.up"]


async def test_whoever_hears_of_degradation_alone_hears_its_end(tickd: Harness, receiver: Endpoint) -> None:
    await channel(tickd, url=receiver.url, events=["degraded", "recovered"])
    beat = await heartbeat(tickd)
    for status in ("up", "degraded", "down", "up"):
        await say(tickd, beat, status)
    await until(receiver, ["monitor.warn", "monitor.up"])


async def test_a_failure_that_the_cooldown_holds_back_does_not_swallow_the_end(
    tickd: Harness, receiver: Endpoint
) -> None:
    await channel(tickd, url=receiver.url)
    beat = await heartbeat(tickd, cooldown_secs=3600)
    for status in ("up", "down", "up", "degraded", "down", "up"):
        await say(tickd, beat, status)
    await until(receiver, ["monitor.down", "monitor.up", "monitor.warn", "monitor.up"])
    assert len(await incidents(tickd)) == 1


@pytest.mark.parametrize("ends", [True, False])
async def test_a_degradation_that_was_held_back_is_looked_at_again(
    tickd: Harness, receiver: Endpoint, ends: bool
) -> None:
    await channel(tickd, url=receiver.url)
    body = {
        "name": "now",
        "all": True,
        "starts_at": "2026-03-03T12:00:00Z",
        "ends_at": "2026-03-03T12:10:00Z",
    }
    assert (await tickd.call("POST", "/v1/maintenance", body)).status == 201
    beat = await heartbeat(tickd)
    for status in ("up", "degraded", *(["up"] if ends else [])):
        await say(tickd, beat, status)
    assert events(receiver) == []
    await tickd.clock.advance(600.0)
    if ends:
        await settled(tickd)
        assert events(receiver) == []
        return
    await until(receiver, ["monitor.warn"])
    await say(tickd, beat, "up")
    await until(receiver, ["monitor.warn", "monitor.up"])


# Channels that take nothing.


async def test_a_channel_that_refuses_all_it_gets_is_said_to_fail(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as refusing, serving() as spare:
        refusing.status = 400
        made = await channel(tickd, url=refusing.url)
        beside = await channel(tickd, name="spare", url=spare.url, default=False)
        await account(tickd, fallback_channel=beside["id"])
        await failing(tickd, endpoint)
        for count in (1, 2, 3):

            async def tried(count: int = count) -> bool:
                (alert,) = await alerts(tickd, "?event=down")
                return alert["attempts"] == count and not tickd.daemon._delivery.in_flight

            await eventually(tried)
            await tickd.clock.advance(301.0)
        assert [one["event"] for one in await told(spare, 1)] == ["tickd.delivery"]
        seen = (await tickd.call("GET", f"/v1/channels/{made['id']}")).json
        assert seen["failing_since"] == "2026-03-03T12:00:00Z"
        assert "400" in seen["last_error"]


async def test_a_receiver_that_asks_for_an_hour_is_told_of_at_once(
    tickd: Harness, endpoint: Endpoint
) -> None:
    async with serving() as busy, serving() as spare:
        busy.status, busy.headers = 429, {"Retry-After": "3600"}
        await channel(tickd, url=busy.url)
        beside = await channel(tickd, name="spare", url=spare.url, default=False)
        await account(tickd, fallback_channel=beside["id"])
        await failing(tickd, endpoint)
        assert [one["event"] for one in await told(spare, 1)] == ["tickd.delivery"]
        await tickd.clock.advance(1800.0)
        assert len(busy.calls) == 1


async def test_a_subjects_own_address_that_fails_is_told_by_the_subjects_name(
    tickd: Harness, endpoint: Endpoint
) -> None:
    async with serving() as busy, serving() as spare:
        busy.status, busy.headers = 503, {"Retry-After": "7200"}
        beside = await channel(tickd, name="spare", url=spare.url, default=False)
        await account(tickd, fallback_channel=beside["id"])
        await failing(tickd, endpoint, name="Shop", webhook_url=busy.url)
        (said,) = await told(spare, 1)
        assert said["note"] == "The channel is the webhook address of Shop."


# In the middle.


async def test_what_gathers_goes_out_when_the_window_is_taken_away(
    tickd: Harness, receiver: Endpoint
) -> None:
    await channel(tickd, url=receiver.url)
    await account(tickd, batch_window_secs=3600)
    for number in range(3):
        beat = await heartbeat(tickd, name=f"job {number}")
        await sent(tickd, f"/p/{beat['token']}/fail")
    await told(receiver, 1)
    await account(tickd, batch_window_secs=0)
    found = await told(receiver, 3)
    assert [one["monitor_name"] for one in found] == ["job 0", "job 1", "job 2"]


async def test_a_failure_of_what_is_deleted_is_not_sent(tickd: Harness, receiver: Endpoint) -> None:
    await channel(tickd, url=receiver.url)
    await account(tickd, batch_window_secs=600)
    for name in ("first", "second"):
        beat = await heartbeat(tickd, name=name)
        await sent(tickd, f"/p/{beat['token']}/fail")
    await told(receiver, 1)
    assert (await tickd.call("DELETE", f"/v1/heartbeats/{beat['id']}")).status == 204
    await tickd.clock.advance(700.0)
    await settled(tickd)
    assert len(receiver.calls) == 1
    (gone,) = await alerts(tickd, "?status=suppressed")
    assert gone["why"] == "the heartbeat was deleted"


async def test_what_recovers_before_its_verdict_is_on_record(tickd: Harness, receiver: Endpoint) -> None:
    await channel(tickd, url=receiver.url)
    router = await heartbeat(tickd, name="router")
    till = await heartbeat(tickd, name="till", depends_on=[router["id"]])
    await sent(tickd, f"/p/{till['token']}/fail")
    await sent(tickd, f"/p/{till['token']}")
    (one,) = await settled(tickd)
    assert (one["event"], one["state"]) == ("down", "suppressed")
    assert "while its alert waited" in one["why"]
    assert receiver.calls == []


@pytest.mark.parametrize(
    ("before", "edits"),
    [
        ({"reminder_minutes": 1}, [{"enabled": False}, {"enabled": True}]),
        ({}, [{"reminder_minutes": 1}]),
        ({"reminder_minutes": 1440}, [{"reminder_minutes": 1}]),
    ],
)
async def test_reminders_follow_what_is_said_of_their_channel(
    tickd: Harness,
    receiver: Endpoint,
    endpoint: Endpoint,
    before: dict[str, int],
    edits: list[dict[str, Any]],
) -> None:
    made = await channel(tickd, url=receiver.url, **before)
    await failing(tickd, endpoint)
    await until(receiver, ["monitor.down"])
    for edit in edits:
        assert (await tickd.call("PATCH", f"/v1/channels/{made['id']}", edit)).status == 200
        await tickd.clock.advance(15.0 if len(edits) > 1 else 1.0)
    await tickd.clock.advance(60.0)
    await until(receiver, ["monitor.down", "monitor.reminder"])
    await tickd.clock.advance(60.0)
    await until(receiver, ["monitor.down", "monitor.reminder", "monitor.reminder"])
