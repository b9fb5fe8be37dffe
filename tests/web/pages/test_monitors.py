"""A monitor's page: what it tells, and what can be done on it."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest

from tests.services.watching import checked, watch, watched
from tests.support.browsing import browser, owner
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, running
from tests.support.endpoint import Endpoint
from tests.web.pages.people import made, signed_in, stranger
from tickd.domain import plots, times
from tickd.web.pages.words import milliseconds

NASTY = "\"><script>alert('x')</script>{{7*7}}"


async def test_the_page_tells_how_the_monitor_is(tickd: Harness, endpoint: Endpoint) -> None:
    monitor = await watch(tickd, endpoint.url, name="Shop", tags=["prod"], group="Web")
    await checked(tickd, monitor["id"], 1)
    async with owner(tickd) as me:
        shown = await me.get(f"/monitors/{monitor['id']}")
    assert shown.status == 200
    for words in ("Shop Up", "prod", "Web", "100 %", "Last check", "Next check", "Recent checks", "200"):
        assert words in shown.words, words
    assert f"/badge/{monitor['id']}.svg" in shown.text
    assert f'href="/s/{monitor["slug"]}"' in shown.text


async def test_a_failure_is_told_with_its_reason_and_its_incident(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.status = 503
    monitor = await watch(tickd, endpoint.url, name="Shop", failure_threshold=1)
    await checked(tickd, monitor["id"], 1)
    async with owner(tickd) as me:
        shown = await me.get(f"/monitors/{monitor['id']}")
        rows = await me.fragment(f"/monitors/{monitor['id']}/checks?status=down&part=rows")
        none = await me.fragment(f"/monitors/{monitor['id']}/checks?status=up&part=rows")
    assert 'data-worst="bad" data-title="Down: Shop' in shown.text
    assert "status code 503" in shown.words
    assert '<a href="/incidents/inc_' in shown.text
    assert "<html" not in rows.text and "status code 503" in rows.text
    assert "No checks with this result are kept." in none.words


async def test_the_head_alone_is_what_is_fetched_again(tickd: Harness, endpoint: Endpoint) -> None:
    monitor = await watch(tickd, endpoint.url, name="Shop")
    await checked(tickd, monitor["id"], 1)
    async with owner(tickd) as me:
        shown = await me.fragment(f"/monitors/{monitor['id']}/now")
    assert "<html" not in shown.text and "<h1>" in shown.text
    assert "Median, 24 hours" in shown.words


@pytest.mark.parametrize("most", [plots.POINTS_MOST, 2], ids=["checks", "rollups"])
async def test_the_facts_and_the_chart_say_the_same_of_a_day(
    tickd: Harness, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(plots, "POINTS_MOST", most)
    monitor = await watch(tickd, endpoint.url)
    for count in range(1, 5):
        await checked(tickd, monitor["id"], count)
        await tickd.clock.advance(30)
    await checked(tickd, monitor["id"], 5)
    async with owner(tickd) as me:
        path = f"/monitors/{monitor['id']}"
        drawn = json.loads((await me.get(f"{path}/chart?range=24h")).text)
        shown = await me.get(path)
    median, slow = milliseconds(drawn["summary"]["p50"]), milliseconds(drawn["summary"]["p95"])
    assert f"Median, 24 hours {median} p95, 24 hours {slow}" in shown.words
    assert len([ms for ms in drawn["p50"] if ms is not None]) == 1


async def test_checks_come_in_pages_without_a_script_too(tickd: Harness, endpoint: Endpoint) -> None:
    monitor = await watch(tickd, endpoint.url)
    for count in range(1, 4):
        await checked(tickd, monitor["id"], count)
        await tickd.clock.advance(30)
    await checked(tickd, monitor["id"], 4)
    async with owner(tickd) as me:
        first = await me.get(f"/monitors/{monitor['id']}/checks?limit=3")
        second = await me.get(f"/monitors/{monitor['id']}/checks?limit=3&offset=3")
    assert "<h1>Checks of m</h1>" in first.text
    assert first.text.count('<tr id="chk_') == 3 and second.text.count('<tr id="chk_') == 1
    assert "1–3 of 4" in first.words  # noqa: RUF001 - as it is written


async def test_check_now_pause_resume_and_delete(tickd: Harness, endpoint: Endpoint) -> None:
    monitor = await watch(tickd, endpoint.url, name="Shop")
    await checked(tickd, monitor["id"], 1)
    path = f"/monitors/{monitor['id']}"
    async with owner(tickd) as me:
        assert "Checked: up in" in (await me.send(f"{path}/check", follow=True)).words
        await checked(tickd, monitor["id"], 2)
        assert "Shop was paused." in (await me.send(f"{path}/pause", follow=True)).words
        assert (await watched(tickd, monitor["id"]))["status"] == "paused"
        shown = await me.get(path)
        assert "Resume" in shown.words and "Shop Paused" in shown.words
        assert "Shop was resumed." in (await me.send(f"{path}/resume", follow=True)).words
        asked = await me.get(f"{path}/delete")
        assert "Delete Shop?" in asked.words
        assert (await tickd.call("GET", f"/v1{path}")).status == 200
        gone = await me.send(f"{path}/delete")
        assert (gone.status, gone.location) == (303, "/")
        assert (await tickd.call("GET", f"/v1{path}")).status == 404
        assert (await me.get(path)).status == 404


async def test_a_failing_check_now_is_told_in_red(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.status = 500
    monitor = await watch(tickd, endpoint.url)
    await checked(tickd, monitor["id"], 1)
    async with owner(tickd) as me:
        shown = await me.send(f"/monitors/{monitor['id']}/check", follow=True)
    assert 'class="flash bad"' in shown.text and "Checked: down" in shown.words


async def test_a_reader_sees_all_and_changes_nothing(tickd: Harness, endpoint: Endpoint) -> None:
    monitor = await watch(tickd, endpoint.url, name="Shop")
    path = f"/monitors/{monitor['id']}"
    async with owner(tickd):
        await made(tickd, "reader@example.com", "reader")
    async with signed_in(tickd, "reader@example.com") as reader:
        shown = await reader.get(path)
        assert shown.status == 200
        assert "Check now" not in shown.words and f"{path}/edit" not in shown.text
        assert (await reader.get(f"{path}/edit")).status == 403
        assert (await reader.get("/monitors/new")).status == 403
        assert (await reader.send(f"{path}/pause")).status == 403
        assert (await reader.send(f"{path}/delete")).status == 403
    assert (await watched(tickd, monitor["id"]))["status"] == "active"


async def test_another_account_finds_nothing_on_any_address(tickd: Harness, endpoint: Endpoint) -> None:
    monitor = await watch(tickd, endpoint.url, name="Shop")
    path = f"/monitors/{monitor['id']}"
    async with stranger(tickd) as other:
        for below in ("", "/now", "/checks", "/chart", "/backtest", "/edit", "/delete"):
            assert (await other.get(path + below)).status == 404, below
        for below in ("/check", "/pause", "/resume", "/delete", "/edit"):
            assert (await other.send(path + below)).status == 404, below
        assert (await other.get(f"/monitors/new?from={monitor['id']}")).status == 404
    async with browser(tickd) as nobody:
        assert (await nobody.get(path)).location.startswith("/sign-in")
        assert (await nobody.get(f"{path}/chart")).status == 303


async def test_what_a_target_says_is_text_and_nothing_more(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.text = NASTY
    monitor = await watch(
        tickd,
        endpoint.url,
        name=NASTY,
        tags=[NASTY],
        group=NASTY,
        keyword="absent",
        assertions=[{"source": "body", "comparison": "eq", "target": "ok"}],
        failure_threshold=1,
    )
    await checked(tickd, monitor["id"], 1)
    async with owner(tickd) as me:
        for below in ("", "/now", "/checks", "/edit", "/delete", "/backtest"):
            shown = await me.get(f"/monitors/{monitor['id']}{below}")
            assert shown.status == 200, below
            assert "<script>alert" not in shown.text, below
            assert NASTY in unescape(shown.text) or below == "/backtest"


# The chart.


async def _drawn(tickd: Harness, identifier: str, range_: str) -> dict[str, object]:
    async with owner(tickd) as me:
        answer = await me.get(f"/monitors/{identifier}/chart?range={range_}")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    found: dict[str, object] = json.loads(answer.text)
    return found


async def test_the_chart_of_a_day_is_of_single_checks(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.statuses = [200, 500]
    monitor = await watch(tickd, endpoint.url, interval_secs=300)
    await checked(tickd, monitor["id"], 1)
    await tickd.clock.advance(300)
    await checked(tickd, monitor["id"], 2)
    drawn = await _drawn(tickd, monitor["id"], "24h")
    assert drawn["range"] == "24h" and drawn["unit"] == "ms"
    assert drawn["times"] and len(drawn["times"]) == len(drawn["p50"]) == len(drawn["p95"])  # type: ignore
    assert len(drawn["failed"]) == 1  # type: ignore[arg-type]
    assert drawn["summary"]["failures"] == 1  # type: ignore[index]


async def test_longer_charts_are_of_rollups(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.statuses = [500]
    monitor = await watch(tickd, endpoint.url, interval_secs=3600)
    await checked(tickd, monitor["id"], 1)
    async with owner(tickd) as me:
        for range_ in ("7d", "30d", "90d"):
            answer = await me.get(f"/monitors/{monitor['id']}/chart?range={range_}")
            drawn = json.loads(answer.text)
            assert (len(drawn["times"]), len(drawn["failed"])) == (1, 1), range_
            assert drawn["p50"][0] is not None
        assert (await me.get(f"/monitors/{monitor['id']}/chart?range=1y")).status == 400


async def test_blind_time_and_maintenance_are_shaded(tmp_path: Path, endpoint: Endpoint) -> None:
    path = tmp_path / "t.db"
    async with running(path) as before:
        monitor = await watch(before, endpoint.url)
        await checked(before, monitor["id"], 1)
        planned = {"name": "move", "all": True, "starts_at": "2026-03-03T12:10:00Z"}
        reply = await before.call("POST", "/v1/maintenance", planned | {"ends_at": "2026-03-03T12:20:00Z"})
        assert reply.status == 201, reply.json
    async with running(path, clock=FakeClock(NOON + times.HOUR)) as tickd:
        drawn = await _drawn(tickd, monitor["id"], "24h")
    bands = {band["kind"]: band["to"] - band["from"] for band in drawn["bands"]}  # type: ignore[attr-defined]
    assert bands == {"blind": 3600, "maintenance": 600}


# The back-test.


async def test_a_back_test_says_what_other_settings_would_have_told(
    tickd: Harness, endpoint: Endpoint
) -> None:
    endpoint.statuses = [500, 200]
    monitor = await watch(tickd, endpoint.url, failure_threshold=1)
    await checked(tickd, monitor["id"], 1)
    await tickd.clock.advance(30)
    await checked(tickd, monitor["id"], 2)
    path = f"/monitors/{monitor['id']}/backtest?days=7&failure_threshold=2"
    async with owner(tickd) as me:
        shown, part = await me.get(path), await me.fragment(path)
        wrong = await me.get(f"/monitors/{monitor['id']}/backtest?days=91")
    assert "would have sent 0 alerts instead of 2" in shown.words
    assert "<h1>" in shown.text and "<h1>" not in part.text
    assert 'value="2"' in shown.text
    assert wrong.status == 400


# Speed.


async def test_the_page_asks_the_store_a_few_times_only(tickd: Harness, endpoint: Endpoint) -> None:
    monitor = await watch(tickd, endpoint.url)
    await checked(tickd, monitor["id"], 1)
    asked: list[str] = []
    database = tickd.daemon._database
    fetch = database.fetch

    async def counted(sql: str, *values: object) -> object:
        asked.append(sql)
        return await fetch(sql, *values)  # type: ignore[arg-type]

    async with owner(tickd) as me:
        database.fetch = counted  # type: ignore[method-assign, assignment]
        try:
            await me.get(f"/monitors/{monitor['id']}")
        finally:
            database.fetch = fetch  # type: ignore[method-assign]
    assert 0 < len(asked) <= 25
