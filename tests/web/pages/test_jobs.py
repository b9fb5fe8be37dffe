"""The pages of a job: how it does, its runs, its ledger, and what people do with it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.browsing import Browser
from tests.support.daemon import NOON, Harness, eventually
from tests.support.endpoint import Endpoint, serving
from tests.web.people import signed_in, stranger
from tickd import ids
from tickd.domain import times

NASTY = "\"><script>alert('x')</script>{{7*7}}"
PLACES = ("", "/chart", "/edit", "/delete")


@pytest.fixture
async def me(tickd: Harness) -> AsyncIterator[Browser]:
    """Its owner."""
    async with signed_in(tickd) as visitor:
        yield visitor


def favicon(page: str) -> str:
    """The icon that the page comes with."""
    found = re.search(r'id="favicon" href="([^"]+)"', page)
    assert found is not None
    return found[1]


async def ran(tickd: Harness, endpoint: Endpoint, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A job that has been run by hand, and that run."""
    job = await tickd.job(endpoint=endpoint.url, **{"schedule": "0 2 * * *", "retries": 0} | fields)
    await tickd.call("POST", f"/v1/jobs/{job['id']}/run")

    async def ended() -> dict[str, Any] | None:
        (run,) = await tickd.executions(job["id"])
        return run if run["finished_at"] else None

    return job, await eventually(ended)


async def put(tickd: Harness, job: dict[str, Any], *rows: tuple[int, str, int, str, str]) -> None:
    """Runs of the job as (moment, status, duration in milliseconds, error, reason), and their ledger."""

    def unit(tx: sqlite3.Connection) -> None:
        (row,) = tx.execute("SELECT row FROM jobs WHERE id = ?", (job["id"],)).fetchone()
        tx.executemany(
            "INSERT INTO executions (job, scheduled_at, trigger, status, duration_ms, error, reason, "
            "started_at, finished_at) VALUES (?1, ?2, 'schedule', ?3, ?4, ?5, ?6, ?2, ?2 + ?4)",
            [(row, *one) for one in rows],
        )
        tx.execute(
            "UPDATE jobs SET scheduled_count = ?1, accounted_count = ?1 WHERE row = ?2", (len(rows), row)
        )

    await tickd.daemon._database.write(unit)


async def test_a_job_shows_what_it_is_and_how_it_does(tickd: Harness, me: Browser) -> None:
    job = await tickd.job(schedule="30 2 * * *", timezone="Europe/Berlin", tags=["night"])
    shown = await me.get(f"/jobs/{job['id']}")
    assert shown.status == 200
    assert "At 02:30" in shown.words and "30 2 * * * Europe/Berlin" in shown.words
    assert "nightly Pending" in shown.words and "night" in shown.words
    assert 'datetime="2026-03-04T01:30:00Z"' in shown.text
    assert "It has not run yet." in shown.words
    assert "had no occurrence yet" in shown.words
    assert 'class="bars' in shown.text and f'data-chart="/jobs/{job["id"]}/chart"' in shown.text


async def test_the_share_of_good_runs_is_of_thirty_and_of_ninety_days(tickd: Harness, me: Browser) -> None:
    job = await tickd.job()
    recent = [(NOON - n * times.DAY, "success", 5, "", "") for n in range(1, 4)]
    missed, old = (NOON - times.HOUR, "missed", 0, "", ""), (NOON - 50 * times.DAY, "failed", 5, "", "")
    await put(tickd, job, *recent, missed, old)
    shown = await me.get(f"/jobs/{job['id']}")
    assert "Success, 30 days 75.00 % Success, 90 days 60.00 %" in shown.words


async def test_runs_are_paged_and_filtered(tickd: Harness, me: Browser) -> None:
    job = await tickd.job()
    good, bad = ("success", 5, "", ""), ("failed", 5, "broke", "")
    rows = [(NOON - n * times.HOUR, *(good if n % 10 else bad)) for n in range(1, 46)]
    await put(tickd, job, *rows)
    first = await me.get(f"/jobs/{job['id']}")
    assert first.text.count('<tr id="exec_') == 20 and "20 of 45" in first.words
    last = await me.get(f"/jobs/{job['id']}?offset=40")
    assert last.text.count('<tr id="exec_') == 5 and "45 of 45" in last.words
    failed = await me.get(f"/jobs/{job['id']}?status=failed")
    assert failed.text.count('<tr id="exec_') == 4 and failed.text.count("broke") == 4
    assert "No run is missed." in (await me.get(f"/jobs/{job['id']}?status=missed")).words
    assert (await me.get(f"/jobs/{job['id']}?status=nonsense")).status == 400


async def test_its_live_parts_come_alone(tickd: Harness, me: Browser) -> None:
    job = await tickd.job(name="nightly")
    await put(tickd, job, (NOON - times.HOUR, "failed", 1, "broke", ""))
    page = await me.get(f"/jobs/{job['id']}?status=failed&offset=0")
    parts = re.findall(r'data-live="([^"]+)"', page.text)
    assert len(parts) == 3
    now, runs, rest = [await me.fragment(path.replace("&amp;", "&")) for path in parts]
    assert "<html" not in now.text + runs.text + rest.text and "None so far." in rest.words
    assert "<h1>nightly" in now.text and "broke" in runs.text and "broke" not in now.text


async def test_a_run_tells_its_details_as_a_part_and_as_a_page(tickd: Harness, me: Browser) -> None:
    async with serving() as endpoint:
        endpoint.status, endpoint.text = 500, "out of <b>paper</b>"
        job, run = await ran(tickd, endpoint)
    path = f"/jobs/{job['id']}/runs/{run['id']}"
    assert f'hx-get="{path}"' in (await me.get(f"/jobs/{job['id']}")).text
    part, page = await me.fragment(path), await me.get(path)
    for shown in (part, page):
        assert "the endpoint answered 500" in shown.words and "By hand" in shown.words
        assert "out of &lt;b&gt;paper&lt;/b&gt;" in shown.text
    assert "<html" not in part.text and "<h1>Run of nightly" in page.text


async def test_a_run_is_shown_with_its_own_job_alone(tickd: Harness, me: Browser) -> None:
    async with serving() as endpoint:
        _, run = await ran(tickd, endpoint)
    other = await tickd.job(name="other")
    assert (await me.get(f"/jobs/{other['id']}/runs/{run['id']}")).status == 404
    assert (await me.get(f"/jobs/{other['id']}/runs/{ids.row_id('exec', 999)}")).status == 404


async def test_the_ledger_counts_and_says_why(tickd: Harness, me: Browser) -> None:
    job = await tickd.job()
    away = "tickd was not running from 2026-03-03T01:00:00Z to 2026-03-03T03:00:00Z"
    await put(
        tickd,
        job,
        (NOON - 4 * times.HOUR, "success", 5, "", ""),
        (NOON - 3 * times.HOUR, "missed", 0, away, ""),
        (NOON - 2 * times.HOUR, "missed", 0, away, ""),
        (NOON - times.HOUR, "skipped", 0, "Shop (mon_1) is down (when_down: skip)", ""),
    )
    shown = await me.get(f"/jobs/{job['id']}")
    assert "has had 4 occurrences since it was made. Every one of them is accounted for" in shown.words
    assert "Success 1 Failed 0 Missed 2 Skipped 1" in shown.words
    assert f"{away} Missed 2" in shown.words
    assert "Shop (mon_1) is down (when_down: skip) Skipped 1" in shown.words


async def test_the_ledger_owns_up_to_what_it_has_lost(tickd: Harness, me: Browser) -> None:
    job = await tickd.job()
    await tickd.daemon._database.write(
        lambda tx: tx.execute("UPDATE jobs SET scheduled_count = 3, accounted_count = 2") and None
    )
    shown = await me.get(f"/jobs/{job['id']}")
    assert "has had 3 occurrences since it was made; 2 of them are accounted for, 1 are not" in shown.words


async def test_the_chart_has_p50_p95_failures_and_what_is_shaded(tickd: Harness, me: Browser) -> None:
    job = await tickd.job()
    at = NOON - times.HOUR
    runs = [(at + n * times.SECOND, "success", n, "", "") for n in range(1, 101)]
    await put(tickd, job, *runs, (NOON - 2 * times.HOUR, "timeout", 9_000, "late", ""))
    await tickd.daemon._database.write(
        lambda tx: tx.execute("INSERT INTO blind_intervals VALUES (?, ?, 'off')", (at, at + 5_000)) and None
    )
    shown = await me.get(f"/jobs/{job['id']}/chart?range=24h")
    assert shown.headers["Content-Type"] == "application/json; charset=utf-8"
    plot = json.loads(shown.text)
    assert (plot["range"], plot["unit"]) == ("24h", "ms")
    assert (plot["p50"], plot["p95"]) == ([50], [95])
    assert plot["times"] == [at // 1000 + 300]
    assert plot["failed"] == [(NOON - 2 * times.HOUR) // 1000]
    assert plot["summary"] == {"p50": 50, "p95": 95, "failures": 1}
    assert plot["bands"] == [{"from": at // 1000, "to": at // 1000 + 5, "kind": "blind"}]
    assert (await me.get(f"/jobs/{job['id']}/chart?range=1y")).status == 400
    for range_ in ("7d", "30d", "90d"):
        assert json.loads((await me.get(f"/jobs/{job['id']}/chart?range={range_}")).text)["p50"] == [50]


async def test_maintenance_is_shaded(tickd: Harness, me: Browser) -> None:
    job = await tickd.job()
    window = {"name": "w", "subjects": [job["id"]], "starts_at": "2026-03-03T11:00:00Z"}
    await tickd.call("POST", "/v1/maintenance", window | {"ends_at": "2026-03-03T13:00:00Z"})
    await tickd.clock.advance(1800)
    plot = json.loads((await me.get(f"/jobs/{job['id']}/chart")).text)
    band = {"from": NOON // 1000, "to": NOON // 1000 + 1800, "kind": "maintenance"}
    assert band in plot["bands"]


async def test_gates_are_shown_with_their_state_and_without_strangers(tickd: Harness, me: Browser) -> None:
    made = await tickd.call("POST", "/v1/monitors", {"name": "Shop", "url": "http://127.0.0.1:9/"})
    shop = made.json["id"]
    job = await tickd.job(requires=[shop, "mon_gone"], when_down="skip", depends_on=[shop])
    shown = await me.get(f"/jobs/{job['id']}")
    assert f'href="/monitors/{shop}">Shop</a>' in shown.text
    assert "mon_gone there is none" in shown.words
    assert "While one of them is down a run is skipped." in shown.words


async def test_a_callback_job_says_how_to_report(tickd: Harness, me: Browser) -> None:
    plain, long = await tickd.job(), await tickd.job(name="long", completion="callback")
    assert "X-Tickd-Done-Url" not in (await me.get(f"/jobs/{plain['id']}")).text
    assert "X-Tickd-Done-Url" in (await me.get(f"/jobs/{long['id']}")).text


async def test_its_incidents_are_listed(tickd: Harness, me: Browser) -> None:
    async with serving() as endpoint:
        endpoint.status = 500
        job, _ = await ran(tickd, endpoint)

    async def told() -> bool:
        return "/incidents/inc_" in (await me.get(f"/jobs/{job['id']}")).text

    await eventually(told)
    shown = await me.get(f"/jobs/{job['id']}")
    assert "<title>Down: nightly · tickd</title>" in shown.text and "tickd-bad" in favicon(shown.text)
    assert 'data-worst="bad" data-title="Down: nightly' in shown.text
    assert "nightly Down" in shown.words and "Failures in a row 1" in shown.words


async def test_run_pause_and_resume_answer_with_a_word(tickd: Harness, me: Browser) -> None:
    async with serving() as endpoint:
        job = await tickd.job(endpoint=endpoint.url, schedule="0 2 * * *")
        path = f"/jobs/{job['id']}"
        assert "The run has begun." in (await me.send(f"{path}/run", follow=True)).words

        async def called() -> bool:
            return bool(endpoint.calls)

        await eventually(called)
        paused = await me.send(f"{path}/pause", follow=True)
        assert "nightly was paused." in paused.words and f'action="{path}/resume"' in paused.text
        assert (await tickd.call("GET", f"/v1{path}")).json["status"] == "paused"
        assert "nightly was resumed." in (await me.send(f"{path}/resume", follow=True)).words
        assert (await tickd.call("GET", f"/v1{path}")).json["status"] == "active"


async def test_deleting_asks_first_and_says_what_goes(tickd: Harness, me: Browser) -> None:
    async with serving() as endpoint:
        job, _ = await ran(tickd, endpoint)
    path = f"/jobs/{job['id']}"
    asked = await me.get(f"{path}/delete")
    assert "Delete nightly?" in asked.words and "its one run goes with it" in asked.words
    assert (await tickd.call("GET", f"/v1{path}")).status == 200
    gone = await me.send(f"{path}/delete", follow=True)
    assert "nightly was deleted." in gone.words
    assert (await tickd.call("GET", f"/v1{path}")).status == 404
    assert (await me.get(path)).status == 404


async def test_a_reader_sees_no_buttons_and_is_refused(tickd: Harness) -> None:
    job = await tickd.job(headers={"Authorization": "Bearer hush"}, signing_secret="quiet")
    path = f"/jobs/{job['id']}"
    async with signed_in(tickd, "reader") as reader:
        shown = await reader.get(path)
        assert shown.status == 200 and "hush" not in shown.text and "quiet</" not in shown.text
        for word in ("Run now", "Pause", "Edit", "Duplicate", "Delete"):
            assert word not in shown.words
        for word in ("run", "pause", "resume", "delete", "edit"):
            assert (await reader.send(f"{path}/{word}")).status == 403
        for word in ("/jobs/new", f"{path}/edit", f"{path}/delete"):
            assert (await reader.get(word)).status == 403
    assert (await tickd.call("GET", f"/v1{path}")).json["status"] == "active"


async def test_a_job_is_not_there_for_a_stranger(tickd: Harness) -> None:
    async with serving() as endpoint:
        job, run = await ran(tickd, endpoint)
    path = f"/jobs/{job['id']}"
    async with stranger(tickd) as other:
        for place in (*PLACES, f"/runs/{run['id']}"):
            assert (await other.get(path + place)).status == 404, place
        assert (await other.get(f"/jobs/new?from={job['id']}")).status == 404
        for word in ("run", "pause", "resume", "delete", "edit"):
            assert (await other.send(f"{path}/{word}", {"name": "mine"})).status == 404, word
    assert (await tickd.call("GET", f"/v1{path}")).json["name"] == "nightly"


async def test_nothing_that_was_typed_runs(tickd: Harness, me: Browser) -> None:
    async with serving() as endpoint:
        endpoint.status, endpoint.text = 500, NASTY
        texts = dict.fromkeys(("name", "description", "body"), NASTY)
        job, run = await ran(tickd, endpoint, **texts, tags=["<b>x"], headers={"X-A": NASTY})
    path = f"/jobs/{job['id']}"
    for place in ("", "/edit", "/delete", f"/runs/{run['id']}"):
        shown = await me.get(path + place)
        assert shown.status == 200
        assert "<script>alert" not in shown.text and "<b>x" not in shown.text, place
        assert "{{7*7}}" in shown.words or place == "/delete"
