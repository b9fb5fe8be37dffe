"""A suspended account: nothing of it answers, runs, is judged, told or shown, and everything is kept."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.people import OTHER, key_with, stranger
from tests.contract.suspending import resume, suspend
from tests.contract.telling import alerts, channel, failing, incidents, latest, told
from tests.contract.watching import checks_of, looked_at, monitor, shown, watched
from tests.support.browsing import PASSWORD, browser
from tests.support.daemon import KEY, Harness, eventually, running
from tests.support.endpoint import Endpoint, serving
from tests.web.pages.people import made, with_totp
from tests.web.people import session, signed_in
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.services import limits
from tickd.store import accounts
from tickd.web.routes import Route
from tickd.web.server import all_routes

SENTENCE = "this account is suspended"
KEYED = [route for route in all_routes() if route.scope is not None]


@pytest.fixture
async def receiver() -> AsyncIterator[Endpoint]:
    """Where alerts go."""
    async with serving() as made:
        yield made


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


async def everything(tickd: Harness) -> list[dict[str, Any]]:
    """All executions as the file has them, oldest first."""
    rows = await tickd.daemon._database.fetch(
        "SELECT status, error, attempts, trigger FROM executions ORDER BY row"
    )
    return [dict(zip(("status", "error", "attempts", "trigger"), row, strict=True)) for row in rows]


async def called(endpoint: Endpoint, count: int = 1) -> None:
    """Wait until the endpoint was called so many times."""

    async def there() -> bool:
        return len(endpoint.calls) >= count

    await eventually(there)


async def unaccounted(tickd: Harness) -> int:
    """Occurrences that the schedule had and the ledger has not."""
    rows = await tickd.daemon._database.fetch(
        "SELECT coalesce(sum(scheduled_count - accounted_count), 0) FROM jobs"
    )
    return int(rows[0][0])


# Who calls.


async def test_every_call_with_a_key_is_refused_on_every_face(tickd: Harness) -> None:
    other, writer = await stranger(tickd), await key_with(tickd, "heartbeat:write")
    await suspend(tickd)
    for route in KEYED:
        path = re.sub(r"\{\w+\}", "nothing", route.path)
        for key in (KEY, writer):
            reply = await tickd.call(route.method, path, {}, key=key)
            assert (reply.status, reply.json["error"]) == (403, SENTENCE), name_of(route)
    assert (await tickd.call("GET", "/v1/jobs", key="tk_wrong")).status == 401
    assert (await tickd.call("GET", "/v1/jobs", key=other)).status == 200
    await resume(tickd)
    assert (await tickd.call("GET", "/v1/jobs")).status == 200


async def test_rooster_says_it_in_its_own_shape(tickd: Harness) -> None:
    await suspend(tickd)
    reply = await tickd.call("GET", "/api/v1/monitors")
    assert (reply.status, reply.json["data"], reply.json["error"]) == (403, None, SENTENCE)


async def test_a_sign_in_is_told_so_only_after_the_right_password(tickd: Harness) -> None:
    await made(tickd, "ada@example.com", "owner")
    await suspend(tickd)
    async with browser(tickd) as visitor:
        right = await visitor.sign_in("ada@example.com", PASSWORD)
        assert (right.status, "This account is suspended." in right.words) == (403, True)
        wrong = await visitor.sign_in("ada@example.com", "not this one at all")
        nobody = await visitor.sign_in("nobody@example.com", PASSWORD)
        assert wrong.status == nobody.status == 422
        for refused in (wrong, nobody):
            assert "suspended" not in refused.words
        await resume(tickd)
        assert (await visitor.sign_in("ada@example.com", PASSWORD)).status == 303


async def test_a_second_step_does_not_get_around_it(tickd: Harness) -> None:
    user = await made(tickd, "ada@example.com", "owner")
    device, _ = await with_totp(tickd, user)
    users = tickd.daemon.services.users
    pending = await users.sign_in("ada@example.com", PASSWORD, source="192.0.2.1", agent="")
    await suspend(tickd)
    code = device.at(tickd.clock.now() // 1000)
    with pytest.raises(Exception, match=SENTENCE):
        await users.second_step(pending.token, code, source="192.0.2.1", agent="")  # type: ignore[union-attr]
    assert await users.sessions(user.id) == []


async def test_who_is_signed_in_is_led_to_the_sign_in(tickd: Harness) -> None:
    async with signed_in(tickd) as visitor:
        assert (await visitor.get("/")).status == 200
        await suspend(tickd)
        away = await visitor.get("/incidents")
        assert (away.status, away.location) == (303, "/sign-in?next=/incidents")
        await resume(tickd)
        assert (await visitor.get("/incidents")).status == 200


async def test_an_open_page_hears_nothing_more(tickd: Harness) -> None:
    token = await session(tickd)
    async with aiohttp.ClientSession(cookies={"tickd_session": token}) as visitor:
        stream = await visitor.get(f"{tickd.url}/events")
        assert stream.status == 200
        await stream.content.readuntil(b"event: hello")
        await suspend(tickd)
        async with asyncio.timeout(5):
            await stream.content.read()
    assert tickd.daemon.services.overview._news.followed == 0


# Jobs.


async def test_what_is_due_is_skipped_and_says_why(tickd: Harness, endpoint: Endpoint) -> None:
    await tickd.job(endpoint=endpoint.url)
    await suspend(tickd)
    await tickd.clock.advance(60.0)

    async def recorded() -> list[dict[str, Any]]:
        return await everything(tickd)

    assert await eventually(recorded) == [
        {"status": "skipped", "error": SENTENCE, "attempts": 0, "trigger": "schedule"}
    ]
    assert (endpoint.calls, await unaccounted(tickd)) == ([], 0)
    await resume(tickd)
    await tickd.clock.advance(60.0)

    async def ran() -> bool:
        return bool((await everything(tickd))[-1]["status"] == "success")

    await eventually(ran)
    assert len(await everything(tickd)) == 2


async def test_a_run_under_way_ends_and_those_behind_it_are_skipped(
    tickd: Harness, endpoint: Endpoint
) -> None:
    endpoint.gate.clear()
    job = await tickd.job(endpoint=endpoint.url, overlap="queue", schedule="@yearly")
    for _ in range(3):
        assert (await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")).status == 202
    await called(endpoint)
    await suspend(tickd)

    async def skipped() -> bool:
        return [one["status"] for one in await everything(tickd)] == ["running", "skipped", "skipped"]

    await eventually(skipped)
    endpoint.gate.set()

    async def ended() -> bool:
        return bool((await everything(tickd))[0]["status"] == "success")

    await eventually(ended)
    assert [one["error"] for one in await everything(tickd)] == ["", SENTENCE, SENTENCE]
    assert len(endpoint.calls) == 1
    # What was skipped has used nothing of the month.
    assert (await tickd.daemon.services.limits.use(DEFAULT_ACCOUNT)).executions_this_month == 1


async def test_what_failed_is_not_tried_again(tickd: Harness) -> None:
    job = await tickd.job(endpoint="http://127.0.0.1:9/", retries=2, schedule="@yearly")
    await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")

    async def waits() -> bool:
        (one,) = await everything(tickd)
        return bool(one["attempts"] == 1 and not tickd.daemon.services.firing.in_flight)

    await eventually(waits)
    await tickd.daemon._database.write(lambda tx: accounts.suspend(tx, DEFAULT_ACCOUNT, 1))
    # Not by its loop: the first retry comes within the second.
    await tickd.daemon._suspensions.refresh()
    await tickd.clock.advance(60.0)

    async def ended() -> bool:
        return bool((await everything(tickd))[0]["status"] == "failed")

    await eventually(ended)
    (one,) = await everything(tickd)
    assert one["attempts"] == 1
    assert one["error"].endswith("; not tried again: this account is suspended")


async def test_what_is_deferred_is_skipped(tickd: Harness, endpoint: Endpoint) -> None:
    down, _ = await failing(tickd, endpoint)
    await tickd.job(endpoint=endpoint.url, requires=[down["id"]])
    now = tickd.clock.now()
    assert await tickd.daemon._database.write(lambda tx: limits.execution(tx, DEFAULT_ACCOUNT, now))
    await tickd.clock.advance(60.0)

    async def deferred() -> bool:
        return [one["status"] for one in await everything(tickd)] == ["pending"]

    await eventually(deferred)
    await suspend(tickd)

    async def skipped() -> bool:
        return [(one["status"], one["error"]) for one in await everything(tickd)] == [("skipped", SENTENCE)]

    await eventually(skipped)
    assert await unaccounted(tickd) == 0
    # It was not counted yet, and nothing of another run is given back.
    assert (await tickd.daemon.services.limits.use(DEFAULT_ACCOUNT)).executions_this_month == 1


async def test_a_restart_begins_nothing_of_it(tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    async with running(tmp_path / "tickd.db") as tickd:
        job = await tickd.job(endpoint=endpoint.url, schedule="@yearly", overlap="queue", catch_up="last")
        for _ in range(2):
            await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")
        await called(endpoint)
        await tickd.daemon._database.write(lambda tx: accounts.suspend(tx, DEFAULT_ACCOUNT, 1))
    endpoint.gate.set()
    async with running(tmp_path / "tickd.db", clock=tickd.clock) as tickd:
        found = await everything(tickd)
        assert [(one["status"], one["error"]) for one in found] == [("skipped", SENTENCE)] * 2
        assert len(endpoint.calls) == 1


# Monitors.


async def test_a_monitor_rests_and_goes_on(tickd: Harness, endpoint: Endpoint) -> None:
    site = await watched(tickd, url=endpoint.url, interval_secs=60)
    await suspend(tickd)
    endpoint.status = 503
    for _ in range(10):
        await tickd.clock.advance(60.0)
    assert len(endpoint.calls) == 1
    endpoint.status = 200
    await resume(tickd)
    assert (await checks_of(tickd, site["id"]))["total"] == 1
    assert (await shown(tickd, site["id"]))["state"] == "up"
    await tickd.clock.advance(60.0)
    await looked_at(tickd, site["id"], 2)
    uptime = (await tickd.call("GET", f"/v1/monitors/{site['id']}/uptime")).json
    assert (uptime["uptime_percent"], uptime["checks_failed"]) == (100, 0)


async def test_neither_a_restart_nor_a_step_of_the_clock_begins_checks(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        await watched(tickd, url=endpoint.url, interval_secs=60)
        await suspend(tickd)
        tickd.clock.step(3_600_000)
        for _ in range(3):
            await tickd.clock.advance(60.0)
            await asyncio.sleep(0.01)
        assert len(endpoint.calls) == 1
    async with running(tmp_path / "tickd.db", clock=tickd.clock) as tickd:
        for _ in range(3):
            await tickd.clock.advance(60.0)
            await asyncio.sleep(0.01)
        assert len(endpoint.calls) == 1
        await resume(tickd)
        await tickd.clock.advance(60.0)
        await called(endpoint, 2)


async def test_a_check_under_way_says_nothing(tickd: Harness, endpoint: Endpoint) -> None:
    site = await watched(tickd, url=endpoint.url, interval_secs=60, failure_threshold=1)
    endpoint.status = 503
    endpoint.gate.clear()
    await tickd.clock.advance(60.0)
    await called(endpoint, 2)
    await suspend(tickd)
    endpoint.gate.set()

    async def done() -> bool:
        return tickd.daemon._checking.in_flight == 0

    await eventually(done)
    await resume(tickd)
    assert ((await checks_of(tickd, site["id"]))["total"], await incidents(tickd)) == (1, [])


async def test_the_other_accounts_go_on(tickd: Harness, endpoint: Endpoint) -> None:
    other = await stranger(tickd)
    await watched(tickd, url=endpoint.url, interval_secs=60)
    await tickd.job(endpoint=endpoint.url)
    await suspend(tickd, OTHER)
    await tickd.clock.advance(60.0)

    async def both() -> bool:
        return len(endpoint.calls) == 3

    await eventually(both)
    assert (await tickd.call("GET", "/v1/jobs", key=other)).status == 403


# Heartbeats.


async def beating(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A heartbeat of every minute that was pinged once."""
    plain = {"name": "backup", "interval_secs": 60, "grace_secs": 60, "failure_threshold": 1}
    reply = await tickd.call("POST", "/v1/heartbeats", plain | fields)
    assert reply.status == 201, reply.json
    found: dict[str, Any] = reply.json
    assert (await tickd.call("GET", f"/p/{found['short_token']}", key=None)).status == 200
    return found


async def pings_of(tickd: Harness, beat: dict[str, Any]) -> list[dict[str, Any]]:
    reply = await tickd.call("GET", f"/v1/heartbeats/{beat['id']}/pings")
    found: list[dict[str, Any]] = reply.json["pings"]
    return found


async def test_pings_are_taken_and_recorded(tickd: Harness) -> None:
    beat = await beating(tickd)
    await suspend(tickd)
    for path in (f"/p/{beat['short_token']}", f"/v1/heartbeats/{beat['token']}/ping"):
        await tickd.clock.advance(1.0)
        assert (await tickd.call("POST", path, key=None)).status == 200
    await resume(tickd)
    assert [one["kind"] for one in await pings_of(tickd, beat)] == ["success"] * 3


async def test_a_silence_is_judged_after_its_grace_from_the_resume_on(tickd: Harness) -> None:
    _, open_run = await beating(tickd), await beating(tickd, name="long", interval_secs=86_400)
    assert (await tickd.call("GET", f"/p/{open_run['short_token']}/start", key=None)).status == 200
    await suspend(tickd)
    for _ in range(12):
        await tickd.clock.advance(60.0)
        await asyncio.sleep(0.01)
    await resume(tickd)

    async def states() -> list[str]:
        found = (await tickd.call("GET", "/v1/heartbeats")).json["heartbeats"]
        return [one["status"] for one in found]

    async def moved() -> bool:
        rows = await tickd.daemon._database.fetch("SELECT message FROM heartbeat_events WHERE kind = 'moved'")
        return [row[0].endswith(": the account was suspended") for row in rows] == [True]

    await eventually(moved)
    await tickd.clock.advance(58.0)
    await asyncio.sleep(0.02)
    assert (await states(), await incidents(tickd)) == (["active", "active"], [])
    await tickd.clock.advance(2.5)

    async def judged() -> bool:
        return await states() == ["failing", "failing"]

    await eventually(judged)
    assert len(await incidents(tickd)) == 2


async def test_a_heartbeat_that_was_pinged_meanwhile_is_as_well_as_ever(tickd: Harness) -> None:
    beat = await beating(tickd)
    await suspend(tickd)
    for _ in range(5):
        await tickd.clock.advance(60.0)
        assert (await tickd.call("GET", f"/p/{beat['short_token']}", key=None)).status == 200
    await resume(tickd)
    await tickd.clock.advance(110.0)
    await asyncio.sleep(0.02)
    assert (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}")).json["status"] == "active"


# Telling.


async def test_a_failure_is_told_after_the_resume_if_it_lasts(tickd: Harness, receiver: Endpoint) -> None:
    await channel(tickd, url=receiver.url, default=True)
    beat, well = await beating(tickd, name="a"), await beating(tickd, name="b")
    await suspend(tickd)
    for one in (beat, well):
        assert (await tickd.call("GET", f"/p/{one['short_token']}/fail", key=None)).status == 200
    assert (await tickd.call("GET", f"/p/{well['short_token']}", key=None)).status == 200
    for _ in range(3):
        await tickd.clock.advance(60.0)
        await asyncio.sleep(0.01)
    assert receiver.calls == []
    await resume(tickd)
    opened = await latest(tickd, beat)
    (said,) = await told(receiver, 1)
    assert said["monitor_name"] == "a"
    assert [one["id"] for one in await incidents(tickd)] == [opened["id"]]
    held = [one for one in await alerts(tickd) if one["state"] == "suppressed"]
    assert {one["why"] for one in held} == {SENTENCE}


async def test_reminders_rest(tickd: Harness, receiver: Endpoint, endpoint: Endpoint) -> None:
    await channel(tickd, url=receiver.url, default=True, reminder_minutes=5)
    await failing(tickd, endpoint)
    await told(receiver, 1)
    await suspend(tickd)
    for _ in range(12):
        await tickd.clock.advance(60.0)
        await asyncio.sleep(0.01)
    assert len(receiver.calls) == 1
    await resume(tickd)
    await tickd.clock.advance(61.0)
    await told(receiver, 2)


# Pages.


@pytest.mark.parametrize(
    "path",
    [
        *("/status/open", "/status/open.json", "/status/open/rss", "/status/open/history"),
        *("/status/open/badge.svg", "/s/shop", "/s/shop/chart.svg"),
        *("/badge/{id}.svg", "/badge/{id}/status.svg", "/badge/{id}/response.svg"),
    ],
)
async def test_what_is_public_is_not_there_at_once(tickd: Harness, endpoint: Endpoint, path: str) -> None:
    site = await watched(tickd, url=endpoint.url, slug="shop")
    page = {"slug": "open", "visibility": "public", "custom_domain": "status.example.com"}
    assert (await tickd.call("POST", "/v1/status-pages", page)).status == 201
    path = path.replace("{id}", site["id"])

    async def fetch(at: str, **headers: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as visitor, visitor.get(tickd.url + at, headers=headers) as answer:
            return answer.status, await answer.text()

    there = await fetch(path)
    assert there[0] == 200
    assert (await fetch("/", Host="status.example.com"))[0] == 200
    await suspend(tickd)
    assert (await fetch(path))[0] == 404
    assert await fetch(path) == await fetch(path.replace("open", "nothing").replace("shop", "nothing")) or (
        "badge/" in path
    )
    assert (await fetch("/", Host="status.example.com"))[0] == 404
    await resume(tickd)
    assert (await fetch(path))[0] == 200


async def test_nothing_is_lost(tickd: Harness, endpoint: Endpoint) -> None:
    await tickd.job(endpoint=endpoint.url, schedule="@yearly")
    await monitor(tickd, url=endpoint.url, interval_secs=86_400)
    await looked_at(tickd, (await tickd.call("GET", "/v1/monitors")).json["monitors"][0]["id"])
    before = [(await tickd.call("GET", f"/v1/{noun}")).json for noun in ("jobs", "account")]
    await suspend(tickd)
    await tickd.clock.advance(3600.0)
    await resume(tickd)
    assert [(await tickd.call("GET", f"/v1/{noun}")).json for noun in ("jobs", "account")] == before
