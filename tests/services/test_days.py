"""Days of many subjects: what is stored, what is in memory yet, and what tickd did not see."""

from __future__ import annotations

from typing import Any

from tests.support.daemon import NOON, Harness, eventually
from tests.support.endpoint import Endpoint
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.days import STATES
from tickd.domain.times import DAY, HOUR
from tickd.store import days as store

TODAY = NOON // DAY


async def row_of(tickd: Harness, table: str, identifier: str) -> int:
    database = tickd.daemon._database
    found = await database.fetch(f"SELECT row FROM {table} WHERE id = ?", (identifier,))  # noqa: S608
    return int(found[0][0])


async def monitor(tickd: Harness, url: str, **more: Any) -> tuple[str, int]:
    said = {"name": "site", "url": url, "failure_threshold": 1} | more
    identifier = (await tickd.call("POST", "/v1/monitors", said)).json["id"]
    return identifier, await row_of(tickd, "monitors", identifier)


async def test_a_check_of_this_minute_is_in_todays_bar(tickd: Harness, endpoint: Endpoint) -> None:
    identifier, row = await monitor(tickd, endpoint.url)
    (_, other) = await monitor(tickd, "http://127.0.0.1:9/", name="other")
    for one in (identifier,):
        assert (await tickd.call("POST", f"/v1/monitors/{one}/check")).status == 200
    found = await tickd.daemon.services.days.of("monitor", [row, other], 90, NOON)
    assert {one: len(shown) for one, shown in found.items()} == {row: 90, other: 90}
    assert found[row][-1].state == "up" and found[row][-1].total >= 1
    assert {day.state for day in found[row][:-1]} == {"none"}
    assert [day.day for day in found[row]] == list(range(TODAY - 89, TODAY + 1))
    shares = await tickd.daemon.services.days.uptime("monitor", [row], 30, NOON)
    assert shares == {row: 100.0}


async def test_a_monitors_stored_days_and_its_open_hours_are_added_up(
    tickd: Harness, endpoint: Endpoint
) -> None:
    identifier, row = await monitor(tickd, endpoint.url)
    for _ in range(3):
        await tickd.call("POST", f"/v1/monitors/{identifier}/check")
        await tickd.clock.advance(1)
    before = (await tickd.daemon.services.days.of("monitor", [row], 2, tickd.clock.now()))[row]
    # The hour is moved to its day; nothing is lost or counted twice.
    await tickd.clock.advance(2 * HOUR / 1000)

    async def is_stored() -> bool:
        await tickd.clock.advance(1)
        rows = await tickd.daemon._database.fetch("SELECT up FROM day_rollups WHERE monitor = ?", (row,))
        return bool(rows)

    await eventually(is_stored)
    await tickd.call("POST", f"/v1/monitors/{identifier}/check")
    after = (await tickd.daemon.services.days.of("monitor", [row], 2, tickd.clock.now()))[row]
    assert after[-1].total >= before[-1].total + 1
    whole = await tickd.daemon.services.monitors.days(DEFAULT_ACCOUNT, identifier, 2)
    assert [day.total for day in after if day.total] == [bucket.checks for _, bucket in whole]


async def test_pings_and_runs_have_their_bars(tickd: Harness, endpoint: Endpoint) -> None:
    made = (await tickd.call("POST", "/v1/heartbeats", {"name": "nightly"})).json
    for path in ("", "", "/fail"):
        await tickd.call("GET", f"/p/{made['token']}{path}", key=None)
    heartbeat = await row_of(tickd, "heartbeats", made["id"])
    service = tickd.daemon.services.days
    (today,) = (await service.of("heartbeat", [heartbeat], 1, NOON))[heartbeat]
    assert (today.state, today.total, today.failed) == ("down", 3, 1)
    assert await service.uptime("heartbeat", [heartbeat], 30, NOON) == {heartbeat: 200 / 3}
    # Counted by the loop, and shown as before.
    await tickd.clock.advance(10)

    async def are_counted() -> bool:
        return not await store.has_uncounted(tickd.daemon._database)

    await eventually(are_counted)
    assert (await service.of("heartbeat", [heartbeat], 1, NOON))[heartbeat] == [today]

    job = await tickd.job(endpoint=endpoint.url)
    await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")
    row = await row_of(tickd, "jobs", job["id"])

    async def has_run() -> bool:
        return (await service.of("job", [row], 1, tickd.clock.now()))[row][0].total > 0

    await eventually(has_run)
    (shown,) = (await service.of("job", [row], 1, tickd.clock.now()))[row]
    assert shown.unit == "runs" and shown.state in STATES


async def test_what_tickd_did_not_see_is_unknown_since_the_subject_is_there(tickd: Harness) -> None:
    _, row = await monitor(tickd, "http://127.0.0.1:9/")
    blind = (NOON - 3 * DAY, NOON - DAY, "away")

    def unit(tx: Any) -> None:
        tx.execute("INSERT INTO blind_intervals VALUES (?, ?, ?)", blind)

    await tickd.daemon._database.write(unit)
    service = tickd.daemon.services.days
    states = [day.state for day in (await service.of("monitor", [row], 5, NOON))[row]]
    assert states[:4] == ["none"] * 4  # it was made today

    def older(tx: Any) -> None:
        tx.execute("UPDATE monitors SET created_at = ?", (NOON - 30 * DAY,))

    await tickd.daemon._database.write(older)
    states = [day.state for day in (await service.of("monitor", [row], 5, NOON))[row]]
    assert states[:4] == ["none", "none", "unknown", "none"]


async def test_nothing_is_asked_for_nobody(tickd: Harness) -> None:
    service = tickd.daemon.services.days
    for kind in ("job", "monitor", "heartbeat"):
        assert await service.of(kind, [], 90, NOON) == {}
        assert await service.uptime(kind, [], 90, NOON) == {}
