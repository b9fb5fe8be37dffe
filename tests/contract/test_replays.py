"""Pings that arrive later than they were sent: `?at=` repairs the history and raises nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.beating import edited, events_of, heartbeat, logged, pings_of, sent, shown, silent
from tests.contract.watching import rooster
from tests.support.daemon import NOON, Harness

DAY = 86_400
SECOND = NOON // 1000
PATHS = [
    "/v1/heartbeats/{}/ping?at={}",
    "/p/{}?at={}",
    "/ping/{}?at={}",
    "/p/{}/0?at={}",
    "/api/push/{}?at={}",
]


def moment(seconds: float) -> str:
    """So many seconds after noon, as a ping may say it."""
    return f"{SECOND + seconds:.3f}".rstrip("0").rstrip(".")


async def failing(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A heartbeat that was pinged at noon and twice missed by 12:21; it is 12:25 now."""
    plain = {"interval_secs": 600, "grace_secs": 60, "failure_threshold": 2}
    made = await heartbeat(tickd, **plain | fields)
    await sent(tickd, f"/v1/heartbeats/{made['token']}/ping")
    await silent(tickd, made["id"], 660, 1)
    await silent(tickd, made["id"], 600, 2)
    await tickd.clock.advance(240)
    found = await shown(tickd, made["id"])
    assert found["status"] == "failing"
    return found


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_a_late_ping_has_the_time_of_its_sending(tickd: Harness, path: str, method: str) -> None:
    made = await heartbeat(tickd)
    await tickd.clock.advance(3600)
    await sent(tickd, path.format(made["token"], "2026-03-03T12:30:00Z"), method=method)
    (ping,) = await pings_of(tickd, made["id"])
    assert (ping["pinged_at"], ping["received_at"]) == ("2026-03-03T12:30:00Z", "2026-03-03T13:00:00Z")
    found = await shown(tickd, made["id"])
    assert (found["state"], found["last_pinged_at"]) == ("up", "2026-03-03T12:30:00Z")
    assert found["next_expected_at"] == "2026-03-03T13:30:00Z"


@pytest.mark.parametrize(
    ("at", "pinged_at"),
    [
        ("2026-03-03T11:00:00Z", "2026-03-03T11:00:00Z"),
        ("2026-03-03T12:00:00%2B01:00", "2026-03-03T11:00:00Z"),
        ("2026-03-03T12:00:00+01:00", "2026-03-03T11:00:00Z"),
        ("2026-03-03T06:00:00-05:00", "2026-03-03T11:00:00Z"),
        ("2026-03-03T11:00:00.250Z", "2026-03-03T11:00:00.250Z"),
        (moment(-3600), "2026-03-03T11:00:00Z"),
        (moment(-0.25), "2026-03-03T11:59:59.750Z"),
        ("2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z"),
        (moment(-DAY), "2026-03-02T12:00:00Z"),
        # A clock that is a little ahead; nothing is later than now.
        ("2026-03-03T12:01:00Z", "2026-03-03T12:00:00Z"),
        ("", "2026-03-03T12:00:00Z"),
    ],
)
async def test_the_forms_of_a_time(tickd: Harness, at: str, pinged_at: str) -> None:
    made = await heartbeat(tickd)
    await sent(tickd, f"/p/{made['token']}?at={at}")
    (ping,) = await pings_of(tickd, made["id"])
    assert (ping["pinged_at"], ping["received_at"]) == (pinged_at, "2026-03-03T12:00:00Z")


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        ("2026-03-02T11:59:59.999Z", "within the last 24 hours"),
        (moment(-DAY - 1), "within the last 24 hours"),
        ("2026-03-03T12:01:00.001Z", "within the last 24 hours"),
        ("9999-12-31T23:59:59Z", "within the last 24 hours"),
        (f"{NOON}", "within the last 24 hours"),
        ("2026-03-03T11:00:00", "a time such as"),
        ("2026-03-03", "a time such as"),
        ("yesterday", "a time such as"),
        ("-1", "a time such as"),
        ("nan", "a time such as"),
        ("%00", "a time such as"),
        ("%FF", "a time such as"),
        ("0001-01-01T00:00:00%2B23:59", "a time such as"),
        ("9" * 400, "a time such as"),
    ],
)
async def test_another_time_is_refused(tickd: Harness, at: str, sentence: str) -> None:
    made = await heartbeat(tickd)
    for path in PATHS:
        reply = await tickd.call("GET", path.format(made["token"], at), key=None)
        assert reply.status == 400, reply.json
        assert reply.json["error"].startswith("at must be ")
        assert sentence in reply.json["error"] or "within the last" in reply.json["error"]
    assert await pings_of(tickd, made["id"]) == []


async def test_rooster_replays_too(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    path = f"/api/ping/{made['id']}?token={made['token']}&at="
    assert (await sent(tickd, path + "2026-03-03T11:00:00Z")).json["ok"] is True
    assert (await shown(tickd, made["id"]))["last_pinged_at"] == "2026-03-03T11:00:00Z"
    reply = await tickd.call("GET", path + "2026-03-01T11:00:00Z", key=None)
    assert (reply.status, reply.json["error"]) == (422, "at must be within the last 24 hours")


async def test_a_late_success_repairs_what_was_missed(tickd: Harness) -> None:
    made = await failing(tickd)
    checks = (await rooster(tickd, "GET", f"/monitors/{made['id']}/checks")).json["data"]
    assert [one["is_up"] for one in checks] == [False, False, True]
    # Sent at 12:10:30: the miss of 12:11 is explained, and that of 12:21 by the period that it begins.
    await sent(tickd, f"/p/{made['token']}?at={moment(630)}")
    well = await shown(tickd, made["id"])
    assert (well["status"], well["state"], well["consecutive_misses"]) == ("active", "up", 0)
    assert well["last_pinged_at"] == "2026-03-03T12:10:30Z"
    assert well["next_expected_at"] == "2026-03-03T12:30:30Z"
    misses = [one for one in await events_of(tickd, made["id"]) if one["kind"] == "missed"]
    assert [(one["at"][11:16], one["repaired"]) for one in misses] == [("12:21", True), ("12:11", True)]
    flips = [one["flip"] for one in await events_of(tickd, made["id"])]
    assert sorted(filter(None, flips)) == ["failing", "recovered"]
    found = (await rooster(tickd, "GET", f"/monitors/{made['id']}")).json["data"]
    assert (found["checks_failed"], found["uptime_percent"]) == (0, 100.0)
    checks = (await rooster(tickd, "GET", f"/monitors/{made['id']}/checks")).json["data"]
    assert all(one["is_up"] for one in checks)


async def test_a_whole_outage_is_repaired_ping_by_ping(tickd: Harness) -> None:
    made = await failing(tickd)
    for seconds in (600, 1200):
        await sent(tickd, f"/p/{made['token']}?at={moment(seconds)}")
    well = await shown(tickd, made["id"])
    assert (well["status"], well["state"], well["consecutive_misses"]) == ("active", "up", 0)
    assert well["next_expected_at"] == "2026-03-03T12:30:00Z"
    misses = [one for one in await events_of(tickd, made["id"]) if one["kind"] == "missed"]
    assert {one["repaired"] for one in misses} == {True}
    assert (await silent(tickd, made["id"], 360, 1))["state"] == "late"


async def test_what_a_ping_does_not_explain_stays_missed(tickd: Harness) -> None:
    made = await failing(tickd, failure_threshold=1)
    await sent(tickd, f"/p/{made['token']}?at={moment(30)}")
    still = await shown(tickd, made["id"])
    assert (still["status"], still["consecutive_misses"]) == ("failing", 1)
    misses = [one for one in await events_of(tickd, made["id"]) if one["kind"] == "missed"]
    assert [one["repaired"] for one in misses] == [False, True]


async def test_a_ping_is_replayed_once(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    await tickd.clock.advance(60)
    at = f"at={moment(30)}"
    for _ in range(3):
        await sent(tickd, f"/p/{made['token']}/1?{at}", method="POST", data=b"broken")
        await sent(tickd, f"/p/{made['token']}?{at}&rid=a")
        await sent(tickd, f"/p/{made['token']}?{at}&rid=b")
    found = await pings_of(tickd, made["id"])
    assert sorted((one["kind"], one["rid"]) for one in found) == [
        ("fail", ""),
        ("success", "a"),
        ("success", "b"),
    ]
    checks = (await rooster(tickd, "GET", f"/monitors/{made['id']}")).json["data"]
    assert (checks["checks_total"], checks["checks_failed"]) == (3, 1)


@pytest.mark.parametrize("word", ["fail", "1", "start", "log"])
async def test_nothing_late_raises_anything(tickd: Harness, word: str) -> None:
    made = await heartbeat(tickd, grace_secs=0, failure_threshold=1)
    await sent(tickd, f"/p/{made['token']}")
    before = await shown(tickd, made["id"])
    await tickd.clock.advance(60)
    await sent(tickd, f"/p/{made['token']}/{word}?at={moment(30)}")
    await tickd.clock.advance(60)
    assert await shown(tickd, made["id"]) == before
    assert await events_of(tickd, made["id"]) == []
    assert len(await pings_of(tickd, made["id"])) == 2


async def test_an_older_success_changes_nothing_newer(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    await sent(tickd, f"/p/{made['token']}/fail")
    before = await shown(tickd, made["id"])
    await sent(tickd, f"/p/{made['token']}?at={moment(-60)}")
    assert await shown(tickd, made["id"]) == before
    newest, oldest = await pings_of(tickd, made["id"])
    assert (newest["kind"], oldest["kind"], oldest["pinged_at"]) == (
        "fail",
        "success",
        "2026-03-03T11:59:00Z",
    )


async def test_a_run_that_was_spooled_whole_has_its_duration(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    await tickd.clock.advance(7200)
    await sent(tickd, f"/p/{made['token']}/start?rid=a&at={moment(60)}")
    await sent(tickd, f"/p/{made['token']}/0?rid=a&at={moment(90.5)}", method="POST", data=b"done")
    end, start = await pings_of(tickd, made["id"])
    assert (start["kind"], end["kind"], end["duration_ms"], end["message"]) == (
        "start",
        "success",
        30_500,
        "done",
    )


async def test_the_end_of_a_run_that_is_open_ends_it(tickd: Harness) -> None:
    made = await heartbeat(tickd, grace_secs=60, failure_threshold=1)
    await sent(tickd, f"/p/{made['token']}/start?rid=a")
    await tickd.clock.advance(45)
    await sent(tickd, f"/p/{made['token']}/0?rid=a&at={moment(40)}")
    assert (await pings_of(tickd, made["id"]))[0]["duration_ms"] == 40_000
    await tickd.clock.advance(60)
    found = await shown(tickd, made["id"])
    assert (found["status"], found["consecutive_misses"]) == ("active", 0)


async def test_the_usual_limit_is_not_that_of_a_spool(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    for number in range(15):
        await sent(tickd, f"/p/{made['token']}?at={moment(-number * 60)}")
    for _ in range(10):
        await sent(tickd, f"/p/{made['token']}")
    assert (await tickd.call("GET", f"/p/{made['token']}", key=None)).status == 429
    await sent(tickd, f"/p/{made['token']}?at={moment(-3601)}")


async def test_its_own_limit_and_its_addresses_hold_for_a_spool(tickd: Harness) -> None:
    made = await heartbeat(tickd, max_pings_per_minute=2)
    path = f"/p/{made['token']}?at="
    statuses = [(await tickd.call("GET", path + moment(-one), key=None)).status for one in range(3)]
    assert statuses == [200, 200, 429]
    await edited(tickd, made["id"], max_pings_per_minute=0, allowed_ips=["192.0.2.1"])
    assert (await tickd.call("GET", path + moment(-9), key=None)).status == 403
    assert [one["accepted"] for one in await logged(tickd, made["id"], 4)].count(True) == 2


async def test_a_late_ping_of_what_is_paused_is_logged_alone(tickd: Harness) -> None:
    made = await failing(tickd)
    paused = await edited(tickd, made["id"], status="paused")
    await sent(tickd, f"/p/{made['token']}?at={moment(630)}")
    assert await shown(tickd, made["id"]) == paused
    newest = (await pings_of(tickd, made["id"]))[0]
    assert (newest["pinged_at"], newest["accepted"]) == ("2026-03-03T12:10:30Z", False)
