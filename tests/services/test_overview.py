"""The overview: one list of everything, what needs attention first, and news of what has changed."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.endpoint import serving
from tickd.domain import overview
from tickd.domain.accounts import DEFAULT_ACCOUNT as ACCOUNT
from tickd.domain.overview import Filters, Item
from tickd.domain.times import DAY, HOUR, MINUTE
from tickd.services.overview import Overview
from tickd.services.standings import Change


async def made(tickd: Harness, kind: str, name: str, **more: Any) -> str:
    """A job, a monitor or a heartbeat of that name; its id."""
    plain: dict[str, Any] = {"name": name}
    if kind == "monitor":
        plain |= {"url": "http://127.0.0.1:9/", "status": "paused"}
    if kind == "job":
        plain |= {"schedule": "0 0 1 1 *", "endpoint": "http://127.0.0.1:9/"}
    reply = await tickd.call("POST", f"/v1/{kind}s", plain | more)
    assert reply.status == 201, reply.json
    if kind == "monitor" and "status" not in more:
        # Active to those who read the row; but no check comes and changes what the test has put there.
        await put(tickd, "UPDATE monitors SET paused = 0 WHERE id = ?", reply.json["id"])
    return str(reply.json["id"])


async def put(tickd: Harness, sql: str, *params: object) -> None:
    """Change rows behind the services' back."""
    await tickd.daemon._database.write(lambda tx: tx.execute(sql, params).fetchall())


def service(tickd: Harness) -> Overview:
    return tickd.daemon.services.overview


async def listed(tickd: Harness, limit: int = 100, offset: int = 0, **filters: Any) -> list[str]:
    page = await service(tickd).page(ACCOUNT, Filters(**filters), limit=limit, offset=offset)
    return [item.name for item in page.items]


@pytest.fixture
async def full(tickd: Harness) -> AsyncIterator[Harness]:
    """Something of every kind in most states."""
    await made(tickd, "monitor", "site", tags=["prod", "web"], group="shop", url="http://shop.example.com/")
    await made(tickd, "monitor", "api", tags=["prod"], group="core")
    await made(tickd, "monitor", "old", status="paused")
    await made(tickd, "job", "nightly", tags=["batch"], endpoint="http://jobs.example.com/run_all")
    await made(tickd, "job", "fresh")
    await made(tickd, "heartbeat", "backup", tags=["batch"], group="core")
    await made(tickd, "heartbeat", "sync")
    await put(tickd, "UPDATE monitors SET state = 'up', failing = 0, changed_at = ?", NOON - 9 * HOUR)
    await put(
        tickd, "UPDATE monitors SET state = 'down', failing = 1, changed_at = ? WHERE name = 'api'", NOON
    )
    await put(
        tickd, "UPDATE jobs SET last_status = 'failed', consecutive_failures = 1 WHERE name = 'nightly'"
    )
    due = (NOON - MINUTE, NOON + HOUR)
    await put(
        tickd, "UPDATE heartbeats SET state = 'up', expected_at = ?, due_at = ? WHERE name = 'backup'", *due
    )
    yield tickd


async def test_what_fails_comes_first_and_what_is_paused_last(full: Harness) -> None:
    page = await service(full).page(ACCOUNT)
    shown = [(item.name, item.kind, item.state) for item in page.items]
    assert shown == [
        ("api", "monitor", "down"),
        ("nightly", "job", "degraded"),
        ("backup", "heartbeat", "late"),
        ("fresh", "job", "pending"),
        ("sync", "heartbeat", "pending"),
        ("site", "monitor", "up"),
        ("old", "monitor", "paused"),
    ]
    assert page.total == 7
    assert page.counts["monitor", "down"] == 1 and page.counts["heartbeat", "late"] == 1
    health = await service(full).health(ACCOUNT)
    assert (health.worst, health.title, health.total, health.of("pending")) == ("down", "1 down", 7, 2)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"kind": "job"}, ["nightly", "fresh"]),
        ({"state": "down"}, ["api"]),
        ({"state": "trouble"}, ["api", "nightly", "backup"]),
        ({"state": "up"}, ["site"]),
        ({"state": "late"}, ["backup"]),
        ({"state": "paused"}, ["old"]),
        ({"state": "pending", "kind": "heartbeat"}, ["sync"]),
        ({"tag": "prod"}, ["api", "site"]),
        ({"tag": "pro"}, []),
        ({"tag": "batch"}, ["nightly", "backup"]),
        ({"group": "core"}, ["api", "backup"]),
        ({"group": "core", "kind": "job"}, []),
        ({"q": "SITE"}, ["site"]),
        ({"q": "shop"}, ["site"]),
        ({"q": "example.com"}, ["nightly", "site"]),
        ({"q": "BAT"}, ["nightly", "backup"]),
        ({"q": "core"}, ["api", "backup"]),
        ({"q": "nothing like it"}, []),
        # What means something to the database is text here.
        ({"q": "%"}, []),
        ({"q": "s_te"}, []),
        ({"q": "run_all"}, ["nightly"]),
        ({"q": "run%all"}, []),
        ({"q": "\\"}, []),
        ({"q": "'\""}, []),
        ({"q": "a", "kind": "monitor", "tag": "prod"}, ["api", "site"]),
    ],
)
async def test_filters_narrow_the_list(full: Harness, filters: dict[str, Any], names: list[str]) -> None:
    assert await listed(full, **filters) == names
    page = await service(full).page(ACCOUNT, Filters(**filters), limit=1)
    assert page.total == len(names)
    assert len(page.items) == min(1, len(names))


async def test_the_counts_are_of_what_was_searched_whatever_kind_and_state_is_wanted(full: Harness) -> None:
    page = await service(full).page(ACCOUNT, Filters(tag="prod", kind="job", state="up"))
    assert (page.items, page.total) == ([], 0)
    assert page.counts == {("monitor", "down"): 1, ("monitor", "up"): 1}


async def test_the_list_can_be_sorted_and_paged(full: Harness) -> None:
    names = ["api", "backup", "fresh", "nightly", "old", "site", "sync"]
    assert await listed(full, sort="name") == names
    assert await listed(full, sort="name", limit=2, offset=3) == names[3:5]
    assert (await listed(full, sort="changed"))[0] == "api"
    # What is late was due first, then the monitor within a day and the jobs next year; the rest has no time.
    await made(full, "monitor", "watched", status="active", interval_secs=86_400)
    by_next = await listed(full, sort="next")
    assert by_next == ["backup", "watched", "fresh", "nightly", "api", "old", "site", "sync"]
    assert await listed(full, sort="next", limit=2, offset=1) == by_next[1:3]
    assert await listed(full, sort="next", kind="job") == ["fresh", "nightly"]


async def test_an_item_says_what_a_list_shows(full: Harness) -> None:
    page = await service(full).page(ACCOUNT)
    found: dict[str, Item] = {item.name: item for item in page.items}
    site = found["site"]
    assert (site.group, site.tags, site.target) == ("shop", ("prod", "web"), "http://shop.example.com/")
    assert site.since == NOON - 9 * HOUR and not site.failing
    assert found["old"].paused and found["old"].next_at is None
    assert found["nightly"].target == "http://jobs.example.com/run_all"
    assert found["fresh"].last is None and found["fresh"].next_at is not None


async def test_the_last_result_is_told(tickd: Harness) -> None:
    monitor = await made(tickd, "monitor", "m")
    await tickd.call("POST", f"/v1/monitors/{monitor}/check")
    heartbeat = (await tickd.call("POST", "/v1/heartbeats", {"name": "h"})).json
    await tickd.call("GET", f"/p/{heartbeat['token']}", key=None)
    job = await made(tickd, "job", "j")
    row = (await tickd.daemon._database.fetch("SELECT row FROM jobs"))[0][0]
    sql = (
        "INSERT INTO executions (job, scheduled_at, trigger, status, status_code, duration_ms, finished_at) "
    )
    await put(tickd, sql + "VALUES (?, ?, 'schedule', 'success', 204, 1234, ?)", row, NOON, NOON + 2)
    await put(tickd, sql + "VALUES (?, ?, 'schedule', 'running', NULL, 0, NULL)", row, NOON + 1)
    found = {item.name: item for item in (await service(tickd).page(ACCOUNT)).items}
    assert found["m"].last is not None and found["m"].last.tone == "bad"
    assert "refused" in found["m"].last.text
    assert found["h"].last == (NOON, "pinged", "good", None, "")
    assert (found["j"].id, found["j"].running) == (job, True)
    assert found["j"].last == (NOON + 2, "204", "good", 1234, "")


async def test_after_a_start_the_last_checks_of_all_are_read_again(tmp_path: Path) -> None:
    clock = FakeClock(NOON)
    async with running(tmp_path / "t.db", clock=clock) as tickd:
        for number in range(12):
            # They are paused: nothing is checked again of its own.
            monitor = await made(tickd, "monitor", f"m{number}", status="paused")
            if number:
                await tickd.call("POST", f"/v1/monitors/{monitor}/check")
    async with running(tmp_path / "t.db", clock=clock) as tickd:
        for _ in range(2):
            never, *others = (await service(tickd).page(ACCOUNT, Filters(sort="name"))).items
            assert never.name == "m0" and never.last is None
            assert len(others) == 11
            for item in others:
                assert item.last is not None and item.last.tone == "bad"
        reads = tickd.daemon.services.monitors._history
        reads.newest = None  # type: ignore[method-assign, assignment]
        # What was read is not read again, the one without a check as little.
        assert len((await service(tickd).page(ACCOUNT)).items) == 12


async def test_late_is_since_the_ping_was_due_and_paused_since_nobody_knows_when(full: Harness) -> None:
    await put(full, "UPDATE heartbeats SET changed_at = ?", NOON - 90 * DAY)
    missed = await made(full, "heartbeat", "missed one", failure_threshold=3)
    sql = "UPDATE heartbeats SET state = 'up', consecutive_misses = 1, expected_at = ?, due_at = ?"
    await put(full, f"{sql} WHERE id = ?", NOON + HOUR, NOON + 2 * HOUR, missed)
    event = (
        "INSERT INTO heartbeat_events (heartbeat, at, received_at, kind, accepted, degraded, rid, "
        "source_ip, user_agent, message) SELECT row, ?1, ?1, 'missed', 1, 0, '', '', '', '' "
        "FROM heartbeats WHERE id = ?2"
    )
    await put(full, event, NOON - 2 * MINUTE, missed)
    found = {item.name: item for item in (await service(full).page(ACCOUNT)).items}
    assert (found["backup"].state, found["backup"].since) == ("late", NOON - MINUTE)
    assert (found["missed one"].state, found["missed one"].since) == ("late", NOON - 2 * MINUTE)
    assert found["sync"].since == NOON - 90 * DAY
    assert (found["old"].state, found["old"].since) == ("paused", None)


async def test_no_other_accounts_items_are_seen(full: Harness) -> None:
    await put(full, "INSERT INTO accounts (id, name, created_at) VALUES ('acc_other', 'other', 0)")
    assert (await service(full).page("acc_other")).total == 0
    assert (await service(full).health("acc_other")).worst is None
    assert await service(full).names("acc_other") == ([], [])
    assert await service(full).names(ACCOUNT) == (["batch", "prod", "web"], ["core", "shop"])


async def test_tags_and_groups_are_as_of_now(full: Harness) -> None:
    await service(full).names(ACCOUNT)
    identifier = await made(full, "heartbeat", "more", tags=["Alpha"], group="zoo")
    assert await service(full).names(ACCOUNT) == (["Alpha", "batch", "prod", "web"], ["core", "shop", "zoo"])
    await full.call("DELETE", f"/v1/heartbeats/{identifier}")
    assert await service(full).names(ACCOUNT) == (["batch", "prod", "web"], ["core", "shop"])


async def test_the_version_changes_with_all_that_a_list_shows(full: Harness) -> None:
    seen = [await service(full).version(ACCOUNT)]

    async def changed() -> bool:
        seen.append(await service(full).version(ACCOUNT))
        return seen[-1] != seen[-2]

    assert not await changed()
    for kind in ("job", "monitor", "heartbeat"):
        identifier = await made(full, kind, f"new {kind}")
        assert await changed(), f"{kind} made"
        path = f"/v1/{kind}s/{identifier}"
        for method, suffix, body in (
            ("PATCH", "", {"name": f"other {kind}"}),
            ("PATCH", "", {"tags": ["new"]}),
            ("POST", "/pause", None),
            ("POST", "/resume", None),
            ("DELETE", "", None),
        ):
            assert (await full.call(method, path + suffix, body)).status in (200, 204)
            assert await changed(), f"{kind} {method} {suffix}"
    for sql in (
        "UPDATE monitors SET state = 'up', failing = 0 WHERE name = 'api'",
        "UPDATE heartbeats SET state = 'down', failing = 1 WHERE name = 'sync'",
        "UPDATE heartbeats SET state = 'down', failing = 1, consecutive_misses = 2 WHERE name = 'sync'",
        "UPDATE jobs SET failing = 1, last_status = 'failed', consecutive_failures = 2",
        "UPDATE jobs SET last_status = 'success' WHERE name = 'fresh'",
    ):
        await put(full, sql)
        assert await changed(), sql
    # Time alone makes late.
    await put(
        full, "UPDATE heartbeats SET expected_at = ?, due_at = ? WHERE name = 'backup'", NOON + 1, NOON + HOUR
    )
    assert await changed()
    full.clock.step(1_000)
    assert await changed()
    assert not await changed()


async def test_the_pages_of_what_is_listed_give_it_the_same_state(full: Harness) -> None:
    services, now = full.daemon.services, full.clock.now()
    for failing, misses, state in ((0, 1, "up"), (0, 0, "degraded"), (1, 2, "down"), (0, 1, "degraded")):
        await put(
            full,
            "UPDATE heartbeats SET failing = ?, consecutive_misses = ?, state = ?",
            failing,
            misses,
            state,
        )
        for item in (await service(full).page(ACCOUNT)).items:
            if item.kind == "job":
                found = overview.of_job(await services.jobs.get(ACCOUNT, item.id))
            elif item.kind == "heartbeat":
                found = overview.of_heartbeat(await services.heartbeats.get(ACCOUNT, item.id), now)
            else:
                stored = {one.id: one for one in await services.monitors.stored(ACCOUNT)}
                found = overview.of_monitor(stored[item.id])
            assert found == item.state, item.name
    states = {item.state for item in (await service(full).page(ACCOUNT)).items}
    assert states >= {"down", "degraded", "pending", "up", "paused"}


async def test_the_version_changes_once_memory_has_what_the_row_has(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    standings = tickd.daemon._checking._standings
    between: list[str] = []
    write = standings.write

    async def written(change: Change) -> None:
        await write(change)
        between.append(await service(tickd).version(ACCOUNT))

    monkeypatch.setattr(standings, "write", written)
    async with serving() as endpoint:
        identifier = await made(tickd, "monitor", "m", url=endpoint.url, status="active")

        async def is_up() -> bool:
            return bool((await tickd.call("GET", f"/v1/monitors/{identifier}")).json["state"] == "up")

        await eventually(is_up)
    # A page that was made in between says pending, and has to hear of it.
    assert len(between) == 1 and await service(tickd).version(ACCOUNT) != between[0]


async def test_since_when_a_job_fails_is_kept(tickd: Harness) -> None:
    await made(tickd, "job", "j")
    sql = "UPDATE jobs SET failing = ?, last_finished_at = ?"
    for failing, at, since in ((1, NOON + 1, NOON + 1), (1, NOON + 2, NOON + 1), (0, NOON + 3, NOON + 3)):
        await put(tickd, sql, failing, at)
        assert (await service(tickd).page(ACCOUNT)).items[0].since == since


async def test_who_watches_hears_of_a_change_and_of_time_that_passes(tickd: Harness) -> None:
    async with (
        aclosing(service(tickd).watch(ACCOUNT)) as news,
        aclosing(service(tickd).watch(ACCOUNT)) as other,
    ):
        first, same = await anext(news), await anext(other)
        assert first.event == "state" and same == first
        assert service(tickd)._news.followed == 1
        await made(tickd, "monitor", "m")
        waiting = [asyncio.ensure_future(anext(one)) for one in (news, other)]
        await asyncio.sleep(0)
        await tickd.clock.advance(1)
        told = await asyncio.gather(*waiting)
        assert told[0].event == "state" and told[0].version != first.version and told[1] == told[0]
        quiet = asyncio.ensure_future(anext(news))
        await asyncio.sleep(0)
        await tickd.clock.advance(10)
        event, version = await quiet
        assert event == "tick" or version != told[0].version
    assert service(tickd)._news.followed == 0


async def test_a_stop_lets_everyone_go(tickd: Harness) -> None:
    heard = asyncio.Event()

    async def watch() -> None:
        async for _ in service(tickd).watch(ACCOUNT):
            heard.set()

    task = asyncio.create_task(watch())
    await heard.wait()
    service(tickd).stop()
    await asyncio.wait_for(task, 1)


async def test_many_items_take_little(tickd: Harness) -> None:
    await made(tickd, "monitor", "first", tags=["one", "two"])

    def unit(tx: sqlite3.Connection) -> None:
        columns = [row[1] for row in tx.execute("PRAGMA table_info(monitors)") if row[1] != "row"]
        chosen = {"id": "'mon_' || n", "name": "'copy ' || n", "slug": "'slug-' || n"}
        values = ", ".join(chosen.get(name, name) for name in columns)
        tx.execute(
            "WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000) "  # noqa: S608
            f"INSERT INTO monitors ({', '.join(columns)}) SELECT {values} FROM monitors, numbers"
        )

    await tickd.daemon._database.write(unit)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        page = await service(tickd).page(ACCOUNT, Filters(q="copy"))
        took.append(time.perf_counter() - began)
        assert (len(page.items), page.total) == (100, 3000)
    # 5 ms where it was made; a scan of the rows for every item would take seconds.
    assert min(took) < 0.2
