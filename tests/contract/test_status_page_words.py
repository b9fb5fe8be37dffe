"""The public status pages: their words, what they hide, who sees them, and how they are sent."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.beating import heartbeat, sent
from tests.contract.people import stranger
from tests.contract.watching import NOWHERE, look, monitor, shown, watched
from tests.support.browsing import Browser, Shown, browser, owner
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.endpoint import Endpoint
from tickd.domain import times
from tickd.services import status_pages

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;"
WELL, AILING = "All systems operational", "Some systems are experiencing issues"


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path / "tickd.db") as harness:
        yield harness


@pytest.fixture
async def reader(tickd: Harness) -> AsyncIterator[Browser]:
    """Somebody who is not signed in."""
    async with browser(tickd) as visitor:
        yield visitor


async def page(tickd: Harness, **said: Any) -> dict[str, Any]:
    plain = {"slug": "acme", "title": "Acme", "visibility": "public"}
    reply = await tickd.call("POST", "/v1/status-pages", plain | said)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json
    return made


async def failing(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A monitor that fails, with its incident."""
    return await watched(tickd, **({"url": NOWHERE, "failure_threshold": 1} | fields))


async def incident_of(tickd: Harness, subject: dict[str, Any]) -> str:
    async def opened() -> list[dict[str, Any]]:
        found = await tickd.call("GET", f"/v1/incidents?subject={subject['id']}")
        incidents: list[dict[str, Any]] = found.json["incidents"]
        return incidents

    identifier: str = (await eventually(opened))[0]["id"]
    return identifier


async def later(tickd: Harness) -> None:
    """Until what was shown is no longer kept."""
    await tickd.clock.advance(status_pages.KEPT / 1000)


async def as_json(reader: Browser, slug: str = "acme") -> dict[str, Any]:
    answer = await reader.get(f"/status/{slug}.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    found: dict[str, Any] = json.loads(answer.text)
    return found


def lines(found: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """(name, word) of each section."""
    return {
        section["title"]: [
            (item["name"], item["status"]) for group in section["groups"] for item in group["items"]
        ]
        for section in found["sections"]
    }


# Words.


async def test_all_is_well(tickd: Harness, reader: Browser, endpoint: Endpoint) -> None:
    await watched(tickd, name="Shop", url=endpoint.url)
    beat = await heartbeat(tickd, name="Backup")
    await sent(tickd, f"/p/{beat['token']}")
    await page(tickd)
    answer = await reader.get("/status/acme")
    assert answer.status == 200
    words = answer.words
    assert WELL in words
    assert AILING not in words
    assert "Services" in words
    assert "Scheduled Jobs" in words
    assert "Shop 100 % 30-day uptime Operational" in words
    assert "Backup Last seen 3 Mar 2026, 12:00 UTC Running" in words
    assert "No incidents in the last 14 days." in words
    assert "Powered by tickd" in words
    assert "<h1>Acme</h1>" in answer.text


async def test_one_that_fails_turns_the_banner(tickd: Harness, reader: Browser) -> None:
    one = await failing(tickd, name="Shop")
    beat = await heartbeat(tickd, name="Backup")
    await sent(tickd, f"/p/{beat['token']}/fail")
    await incident_of(tickd, one)
    await page(tickd)
    found = await as_json(reader)
    assert found["status"] == {"banner": AILING, "ok": False}
    assert lines(found) == {"Services": [("Shop", "Degraded")], "Scheduled Jobs": [("Backup", "Missing")]}
    words = (await reader.get("/status/acme")).words
    assert AILING in words
    assert WELL not in words
    assert "Shop is down" in words
    assert "Backup is missing" in words


async def test_what_never_reported_is_pending_and_no_issue(tickd: Harness, reader: Browser) -> None:
    await monitor(tickd, name="New", status="paused")
    await heartbeat(tickd, name="Backup")
    await tickd.job(name="nightly")
    await page(tickd, jobs=True)
    found = await as_json(reader)
    assert found["status"]["banner"] == WELL
    assert lines(found) == {"Scheduled Jobs": [("Backup", "Pending"), ("nightly", "Pending")]}
    assert "Not seen yet" in (await reader.get("/status/acme")).words


async def test_what_is_paused_is_hidden_with_its_incidents(tickd: Harness, reader: Browser) -> None:
    one, beat = await failing(tickd, name="Shop"), await heartbeat(tickd, name="Backup")
    await incident_of(tickd, one)
    await page(tickd)
    assert "Shop" in (await reader.get("/status/acme")).words
    await tickd.call("POST", f"/v1/monitors/{one['id']}/pause")
    await tickd.call("POST", f"/v1/heartbeats/{beat['id']}/pause")
    await later(tickd)
    words = (await reader.get("/status/acme")).words
    assert "Shop" not in words
    assert "Backup" not in words
    assert WELL in words
    assert "Nothing is watched here yet." in words
    assert "Shop" not in (await reader.get("/status/acme/history")).words
    assert "Shop" not in (await reader.get("/status/acme/rss")).text


async def test_groups_are_headings_in_their_order(tickd: Harness, reader: Browser) -> None:
    shop, mail = await monitor(tickd, name="Shop"), await monitor(tickd, name="Mail", tags=["mail"])
    await monitor(tickd, name="Inner")
    groups = [
        {"name": "For customers", "tags": ["mail"]},
        {"name": "For us", "subjects": [mail["id"], shop["id"]]},
    ]
    await page(tickd, groups=groups)
    (section,) = (await as_json(reader))["sections"]
    told = [(group["name"], [item["name"] for item in group["items"]]) for group in section["groups"]]
    assert told == [("For customers", ["Mail"]), ("For us", ["Shop"])]
    text = (await reader.get("/status/acme")).text
    assert text.index("<h3>For customers</h3>") < text.index("<h3>For us</h3>")
    assert "Inner" not in text


async def test_jobs_are_listed_when_they_are_asked_for(
    tickd: Harness, reader: Browser, endpoint: Endpoint
) -> None:
    job = await tickd.job(name="nightly", endpoint=endpoint.url)
    made = await page(tickd)
    assert lines(await as_json(reader)) == {}
    await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")

    async def ran() -> bool:
        return bool((await tickd.executions(job["id"]))[0]["status"] == "success")

    await eventually(ran)
    await tickd.call("PATCH", f"/v1/status-pages/{made['id']}", {"jobs": True})
    assert lines(await as_json(reader)) == {"Scheduled Jobs": [("nightly", "Running")]}


# Incidents and maintenance.


async def test_an_incident_is_told_with_what_people_said_of_it(tickd: Harness, reader: Browser) -> None:
    one = await failing(tickd, name="Shop")
    incident = await incident_of(tickd, one)
    said = {"status": "investigating", "message": "We look into it.\nSoon more."}
    await tickd.call("POST", f"/v1/incidents/{incident}/updates", said)
    await page(tickd)
    (told,) = (await as_json(reader))["incidents"]
    assert told == {
        "id": incident,
        "title": "Shop is down",
        "name": "Shop",
        "status": "open",
        "started_at": "2026-03-03T12:00:00Z",
        "resolved_at": None,
        "updates": [
            {"status": "investigating", "message": said["message"], "created_at": "2026-03-03T12:00:00Z"}
        ],
    }
    answer = await reader.get("/status/acme")
    assert "Current incidents Shop is down" in answer.words
    assert "We look into it.<br>Soon more." in answer.text


async def test_what_began_last_comes_first(tickd: Harness, reader: Browser) -> None:
    for name in ("First", "Second", "Third"):
        await incident_of(tickd, await failing(tickd, name=name))

    def unit(tx: sqlite3.Connection) -> None:
        # One that was found out late, as that of a heartbeat is after a blind time.
        tx.execute("UPDATE incidents SET started_at = started_at - 60000 WHERE row = 2")

    await tickd.daemon._database.write(unit)
    await page(tickd)
    titles = [one["title"] for one in (await as_json(reader))["incidents"]]
    assert titles == ["Third is down", "First is down", "Second is down"]


async def test_a_draft_is_shown_once_it_is_published(tickd: Harness, reader: Browser) -> None:
    await tickd.call("PATCH", "/v1/account", {"draft_incidents": True})
    one = await failing(tickd, name="Shop")
    incident = await incident_of(tickd, one)
    said = {"status": "identified", "message": "our secret blunder"}
    await tickd.call("POST", f"/v1/incidents/{incident}/updates", said)
    await page(tickd)
    for path in ("/status/acme", "/status/acme.json", "/status/acme/rss", f"/s/{one['slug']}"):
        answer = await reader.get(path)
        assert "is down" not in answer.text, path
        assert "blunder" not in answer.text, path
    assert (await reader.get(f"/status/acme/history?before={incident}")).status == 404
    await tickd.call("POST", f"/v1/incidents/{incident}/publish")
    await later(tickd)
    assert "our secret blunder" in (await reader.get("/status/acme")).words


async def test_what_has_ended_stays_for_two_weeks_and_then_in_the_history(
    tickd: Harness, reader: Browser
) -> None:
    beat = await heartbeat(tickd, name="Backup", interval_secs=31_622_400)
    await sent(tickd, f"/p/{beat['token']}/fail")
    await tickd.clock.advance(3600)
    await sent(tickd, f"/p/{beat['token']}")
    await page(tickd)
    words = (await reader.get("/status/acme")).words
    assert "Past incidents Backup was missing 3 Mar 2026, 12:00 UTC \u2013 3 Mar 2026, 13:00 UTC" in words
    assert "(1 hour)" in words
    assert "All past incidents" not in words
    await tickd.clock.advance(14 * 86_400 + 1)
    words = (await reader.get("/status/acme")).words
    assert "Backup was missing" not in words
    assert "No incidents in the last 14 days. All past incidents" in words
    assert "Mar 2026 Backup was missing" in (await reader.get("/status/acme/history")).words


async def test_the_history_is_read_in_pages(tickd: Harness, reader: Browser) -> None:
    beat = await heartbeat(tickd, name="Backup", interval_secs=31_622_400)
    await page(tickd)
    for _ in range(52):
        await sent(tickd, f"/p/{beat['token']}/fail")
        await tickd.clock.advance(60)
        await sent(tickd, f"/p/{beat['token']}")
    first = await reader.get("/status/acme/history")
    assert first.text.count("<article") == 50
    (link,) = [part.split('"')[0] for part in first.text.split('href="')[1:] if "?before=" in part]
    second = await reader.get(unescape(link))
    assert second.text.count("<article") == 2
    assert "Older incidents" not in second.words
    assert (await reader.get("/status/acme/history?before=inc_nonsense")).status == 404


async def test_the_history_is_made_once_for_all_who_read_it_within_a_moment(
    tickd: Harness, reader: Browser
) -> None:
    pages, made = tickd.daemon.services.status_pages, 0
    whole = pages._ended

    async def counted(page: Any, row: int) -> Any:
        nonlocal made
        made += 1
        return await whole(page, row)

    pages._ended = counted  # type: ignore[method-assign]
    beat = await heartbeat(tickd, name="Backup", interval_secs=31_622_400)
    await sent(tickd, f"/p/{beat['token']}/fail")
    incident = await incident_of(tickd, beat)
    await sent(tickd, f"/p/{beat['token']}")
    made_page = await page(tickd)
    answers = [await reader.get("/status/acme/history") for _ in range(5)]
    answers += [await reader.get(f"/status/acme/history?before={incident}") for _ in range(3)]
    answers += [await reader.get("/status/acme/history")]
    assert made == 2
    assert ["Backup was missing" in one.words for one in answers] == [True] * 5 + [False] * 3 + [True]
    for number in range(40):
        assert (await reader.get(f"/status/acme/history?before=inc_{number}")).status == 404
    assert made == 2
    await later(tickd)
    await reader.get("/status/acme/history")
    assert made == 3
    # A page that was changed is another one at once.
    path = f"/v1/status-pages/{made_page['id']}"
    groups = {"groups": [{"name": "A", "subjects": []}], "title": "Elsewhere"}
    assert (await tickd.call("PATCH", path, groups)).status == 200
    assert "Elsewhere" in (await reader.get("/status/acme/history")).words


async def test_maintenance_is_told_while_it_holds_and_before(tickd: Harness, reader: Browser) -> None:
    one = await monitor(tickd, name="Shop", tags=["web"])
    await monitor(tickd, name="Mail")
    now = {"name": "New database", "starts_at": times.rfc3339(NOON - times.HOUR), "all": True}
    await tickd.call("POST", "/v1/maintenance", now | {"ends_at": times.rfc3339(NOON + times.HOUR)})
    soon = {"name": "New disks", "starts_at": times.rfc3339(NOON + times.DAY), "tags": ["web"]}
    await tickd.call("POST", "/v1/maintenance", soon | {"ends_at": times.rfc3339(NOON + 2 * times.DAY)})
    await page(tickd, groups=[{"name": "A", "subjects": [one["id"]]}])
    found = (await as_json(reader))["maintenance"]
    assert [(each["name"], each["status"], each["subjects"]) for each in found] == [
        ("New database", "active", ["Shop"]),
        ("New disks", "planned", ["Shop"]),
    ]
    words = (await reader.get("/status/acme")).words
    assert "Under maintenance New database now, until 3 Mar 2026, 13:00 UTC Shop" in words
    assert "Planned maintenance New disks 4 Mar 2026, 12:00 UTC \u2013 5 Mar 2026, 12:00 UTC Shop" in words
    assert "Shop In maintenance" in words


# Who sees it.

OF_ONE = {"Date", "X-Request-ID"}
"""Headers that no two answers share."""


@pytest.mark.parametrize("said", [{"visibility": "private"}, {"enabled": False}])
async def test_what_is_not_open_is_no_page_for_strangers(
    tickd: Harness, reader: Browser, said: dict[str, Any]
) -> None:
    await page(tickd, accent_color="#ff8800", custom_domain="status.acme.example", **said)
    below = ("", ".json", "/rss", "/history", "/logo", "/badge.svg", "/theme-ff8800.css")
    for path in below:
        mine, none = [await reader.get(f"/status/{slug}{path}") for slug in ("acme", "none")]
        assert (mine.status, mine.text) == (404, none.text), path
        kept = [
            {name: one.headers[name] for name in one.headers if name not in OF_ONE} for one in (mine, none)
        ]
        assert kept[0] == kept[1]
        assert "Set-Cookie" not in mine.headers
    for path in ("/", "/json", "/rss"):
        assert (await reader.get(path, {"Host": "status.acme.example"})).status == 404
    async with owner(tickd) as me:
        answer = await me.get("/status/acme")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "private, no-store")
        assert "Private preview" in answer.words
        assert "Access-Control-Allow-Origin" not in (await me.get("/status/acme.json")).headers


async def test_the_signed_in_of_another_account_is_a_stranger(tickd: Harness) -> None:
    other = await stranger(tickd)
    await tickd.call("POST", "/v1/status-pages", {"slug": "theirs"}, key=other)
    async with owner(tickd) as me:
        assert (await me.get("/status/theirs")).status == 404


async def test_what_is_not_public_is_on_no_public_page(tickd: Harness, reader: Browser) -> None:
    inner = await failing(tickd, name="Inner", public=False)
    beat = await heartbeat(tickd, name="Cellar", public=False)
    await incident_of(tickd, inner)
    groups = [{"name": "A", "subjects": [inner["id"], beat["id"]]}]
    await page(tickd)
    await page(tickd, slug="grouped", groups=groups)
    for slug in ("acme", "grouped"):
        for path in ("", ".json", "/rss", "/history"):
            text = (await reader.get(f"/status/{slug}{path}")).text
            assert "Inner" not in text
            assert "Cellar" not in text
        assert (await as_json(reader, slug))["status"]["banner"] == WELL
    for one in (inner, beat):
        assert (await reader.get(f"/s/{one['slug']}")).status == 404
        assert (await reader.get(f"/s/{one['slug']}/chart.svg")).status == 404
    async with owner(tickd) as me:
        answer = await me.get(f"/s/{inner['slug']}")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "private, no-store")
        assert "Inner" in answer.words


async def test_nothing_of_why_it_failed_is_on_any_page(
    tickd: Harness, reader: Browser, endpoint: Endpoint
) -> None:
    endpoint.statuses, endpoint.status = [], 503
    one = await failing(
        tickd, name="Shop", url=f"{endpoint.url}/hidden?key=s3cret", headers={"X-Api-Key": "k3y-of-ours"}
    )
    beat = await heartbeat(tickd, name="Backup")
    await sent(tickd, f"/p/{beat['token']}/fail", method="POST", data="disk /dev/hidden is full")
    await incident_of(tickd, one)
    await incident_of(tickd, beat)
    await page(tickd)
    paths = ["/status/acme", "/status/acme.json", "/status/acme/rss", "/status/acme/history"]
    for path in (*paths, f"/s/{one['slug']}", f"/s/{one['slug']}/chart.svg", f"/s/{beat['slug']}"):
        answer = await reader.get(path)
        assert answer.status == 200
        for secret in (
            "hidden",
            "s3cret",
            "k3y-of-ours",
            "status code",
            endpoint.url,
            beat["token"],
            one["id"],
            "acc_",
        ):
            assert secret not in answer.text, (path, secret)


# An own domain.


async def test_an_own_domain_has_the_page_and_nothing_else(tickd: Harness, reader: Browser) -> None:
    await monitor(tickd, name="Shop")
    await page(tickd, custom_domain="status.acme.example", accent_color="#336699")

    async def get(path: str, host: str = "status.acme.example") -> Shown:
        return await reader.get(path, {"Host": host})

    for host in ("status.acme.example", "Status.Acme.Example.", "status.acme.example:8443"):
        answer = await get("/", host)
        assert answer.status == 200
        assert "<h1>Acme</h1>" in answer.text
    for path in ("/json", "/rss", "/history", "/badge.svg", "/theme-336699.css"):
        assert (await get(path)).status == 200, path
    links = [part.split('"')[0] for part in (await get("/")).text.split('href="')[1:]]
    assert "/rss" in links
    for link in links:
        if link.startswith("/"):
            assert (await get(link)).status == 200, link
    nothing = (
        "/v1/jobs",
        "/healthz",
        "/metrics",
        "/sign-in",
        "/status/acme",
        "/badge/x.svg",
        "/theme-000000.css",
    )
    for path in nothing:
        assert (await get(path)).status == 404, path
    async with aiohttp.ClientSession() as session:
        headers = {"Host": "status.acme.example", "Authorization": f"Bearer {tickd.key}"}
        async with session.post(f"{tickd.url}/v1/jobs", headers=headers, json={}) as refused:
            assert refused.status == 404
    # The feed names the address that the reader came by.
    assert "<link>http://status.acme.example/</link>" in (await get("/rss")).text
    # Every other name is tickd.
    assert (await get("/healthz", "other.example")).status == 200


async def test_a_domain_goes_with_its_page(tickd: Harness, reader: Browser) -> None:
    made = await page(tickd, custom_domain="a.example")
    path = f"/v1/status-pages/{made['id']}"
    await tickd.call("PATCH", path, {"custom_domain": "b.example", "slug": "new"})
    assert (await reader.get("/healthz", {"Host": "a.example"})).status == 200
    assert "<h1>Acme</h1>" in (await reader.get("/", {"Host": "b.example"})).text
    assert (await reader.get("/status/acme")).status == 404
    assert (await reader.get("/status/new")).status == 200
    await tickd.call("DELETE", path)
    assert (await reader.get("/healthz", {"Host": "b.example"})).status == 200
    assert (await reader.get("/status/new")).status == 404


# Names that try to be more.


async def test_no_text_of_a_person_becomes_a_tag(tickd: Harness, reader: Browser) -> None:
    one = await failing(tickd, name=f"m{EVIL}")
    beat = await heartbeat(tickd, name=f"h{EVIL}")
    await sent(tickd, f"/p/{beat['token']}")
    incident = await incident_of(tickd, one)
    said = {"status": "identified", "message": f"u{EVIL}\x00\x1b]]>"}
    await tickd.call("POST", f"/v1/incidents/{incident}/updates", said)
    window = {"name": f"w{EVIL}", "all": True, "starts_at": times.rfc3339(NOON)}
    await tickd.call("POST", "/v1/maintenance", window | {"ends_at": times.rfc3339(NOON + times.HOUR)})
    groups = [{"name": f"g{EVIL}", "subjects": [one["id"], beat["id"]]}]
    await page(tickd, title=f"t{EVIL}", description=f"d{EVIL}", groups=groups)
    for path in ("/status/acme", "/status/acme/history", f"/s/{one['slug']}", f"/s/{beat['slug']}"):
        answer = await reader.get(path)
        assert answer.status == 200
        assert "<script>" not in answer.text, path
        assert "<img" not in answer.text.replace('<img class="chart"', ""), path
        assert "style=" not in answer.text, path
        assert "onerror=" not in answer.text.replace("&gt;&lt;img src=x onerror=alert(1)&gt;", ""), path
    for letter in "mhuwgtd":
        assert f"{letter}{EVIL}"[:20] in (await reader.get("/status/acme")).words
    assert (await as_json(reader))["incidents"][0]["title"] == f"m{EVIL} is down"
    feed = ET.fromstring((await reader.get("/status/acme/rss")).text)  # noqa: S314 - it is ours
    assert f"m{EVIL} is down" in [title.text for title in feed.iter("title")]
    for description in feed.iter("description"):
        # A reader takes it for HTML.
        assert "<script>" not in (description.text or "").replace(f"d{EVIL}", "")


# The feed.


async def test_the_feed_is_rss_with_dates_and_ids(tickd: Harness, reader: Browser) -> None:
    beat = await heartbeat(tickd, name="Backup", interval_secs=31_622_400)
    await sent(tickd, f"/p/{beat['token']}/fail")
    incident = await incident_of(tickd, beat)
    await tickd.clock.advance(60)
    for status in ("investigating", "identified"):
        said = {"status": status, "message": f"{status} <b>"}
        await tickd.call("POST", f"/v1/incidents/{incident}/updates", said)
    await page(tickd, description="All that we run")
    answer = await reader.get("/status/acme/rss")
    assert answer.headers["Content-Type"] == "application/rss+xml; charset=utf-8"
    before = items(answer.text)
    assert [one["title"] for one in before] == [
        "Identified: Backup is missing",
        "Investigating: Backup is missing",
        "Backup is missing",
    ]
    await tickd.clock.advance(3540)
    await sent(tickd, f"/p/{beat['token']}")
    await later(tickd)
    after = items((await reader.get("/status/acme/rss")).text)
    ended = after.pop(0)
    assert after == before, "what a reader has seen stays what it was"
    assert ended["title"] == "Backup is well again"
    assert ended["description"] == "Backup was missing for 1 hour."
    assert ended["link"] == f"{tickd.url}/status/acme#{incident}"
    assert parsedate_to_datetime(ended["pubDate"]).timestamp() * 1000 == NOON + times.HOUR
    assert len({one["guid"] for one in (*after, ended)}) == 4


def items(text: str) -> list[dict[str, str]]:
    """The items of a feed, held to what RSS 2.0 asks for."""
    root = ET.fromstring(text)  # noqa: S314 - it is ours
    assert (root.tag, root.attrib["version"]) == ("rss", "2.0")
    (channel,) = root
    assert {"title", "link", "description"} <= {child.tag for child in channel}
    found = [{child.tag: child.text or "" for child in item} for item in channel.iter("item")]
    for item in found:
        assert set(item) == {"title", "link", "description", "pubDate", "guid"}
        assert parsedate_to_datetime(item["pubDate"]).utcoffset() is not None
    return found


# How it is sent.


async def test_a_page_is_sent_once_to_whoever_has_it(tickd: Harness, reader: Browser) -> None:
    await monitor(tickd, name="Shop", status="paused")
    beat = await heartbeat(tickd, name="Backup")
    await page(tickd)
    for path in ("/status/acme", "/status/acme.json", "/status/acme/rss", f"/s/{beat['slug']}"):
        answer = await reader.get(path)
        tag = answer.headers["ETag"]
        assert answer.headers["Cache-Control"] == "public, max-age=5"
        assert "Set-Cookie" not in answer.headers
        again = await reader.get(path, {"If-None-Match": tag})
        assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag)
        # The same text has the same tag when it is made anew.
        await later(tickd)
        assert (await reader.get(path)).headers["ETag"] == tag
    await sent(tickd, f"/p/{beat['token']}")
    await later(tickd)
    answer = await reader.get("/status/acme", {"If-None-Match": tag})
    assert answer.status == 200


async def test_what_a_page_says_of_itself(tickd: Harness, reader: Browser) -> None:
    await page(tickd)
    answer = await reader.get("/status/acme")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await reader.get("/status/acme.json")).headers["Access-Control-Allow-Origin"] == "*"
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        for encoding in ("br", "gzip"):
            sent_with = {"Accept-Encoding": encoding}
            async with session.get(f"{tickd.url}/status/acme", headers=sent_with) as found:
                assert found.headers["Content-Encoding"] == encoding
                assert len(await found.read()) < len(answer.text)
        async with session.head(f"{tickd.url}/status/acme") as found:
            assert (found.status, await found.read()) == (200, b"")


async def test_a_thousand_readers_at_once_are_one_look(
    tickd: Harness, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await monitor(tickd, name="Shop")
    await page(tickd)
    service = tickd.daemon.services.status_pages
    found = service.of_slug("acme")
    made, make = [], service._make

    async def counted(*said: Any) -> Any:
        made.append(said)
        return await make(*said)

    monkeypatch.setattr(service, "_make", counted)
    views = await asyncio.gather(*(service.view(found) for _ in range(1000)))
    assert len(made) == 1
    assert all(view is views[0] for view in views)
    await later(tickd)
    assert await service.view(found) is not views[0]
    assert len(made) == 2


async def test_a_reader_who_leaves_takes_the_page_from_nobody(tickd: Harness) -> None:
    await page(tickd)
    service = tickd.daemon.services.status_pages
    found = service.of_slug("acme")
    first = asyncio.create_task(service.view(found))
    await asyncio.sleep(0)
    second = asyncio.create_task(service.view(found))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).banner == WELL


async def test_a_logo_is_a_picture_and_can_do_nothing(tickd: Harness, reader: Browser) -> None:
    svg = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="
    await page(tickd, logo=svg)
    text = (await reader.get("/status/acme")).text
    (path,) = [part.split('"')[0] for part in text.split('src="')[1:] if "/logo" in part]
    answer = await reader.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert (
        answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "immutable" not in (await reader.get("/status/acme/logo")).headers["Cache-Control"]


@pytest.mark.parametrize(("color", "ink"), [("#ffee00", "#000000"), ("#112233", "#ffffff")])
async def test_an_accent_comes_with_ink_that_can_be_read(
    tickd: Harness, reader: Browser, color: str, ink: str
) -> None:
    await page(tickd, accent_color=color)
    path = f"/status/acme/theme-{color[1:]}.css"
    assert path in (await reader.get("/status/acme")).text
    answer = await reader.get(path)
    assert answer.text == f":root {{ --brand: {color}; --brand-ink: {ink}; }}\n"
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert (await reader.get("/status/acme/theme-abcdef.css")).status == 404


# The page of one monitor or heartbeat.


async def test_a_monitor_has_a_page_of_its_own(tickd: Harness, reader: Browser, endpoint: Endpoint) -> None:
    one = await watched(tickd, name="Shop", url=endpoint.url, interval_secs=86_400, failure_threshold=1)
    path = f"/s/{one['slug']}"
    answer = await reader.get(path)
    assert "Shop Operational 30-day uptime 100 %" in answer.words
    assert f'src="{path}/chart.svg"' in answer.text
    endpoint.status = 500
    await tickd.clock.advance(600)
    await look(tickd, one["id"])
    assert (await shown(tickd, one["id"]))["status"] == "failing"
    words = (await reader.get(path)).words
    assert "Degraded" in words
    assert "Shop is down" in words
    drawn = await reader.get(f"{path}/chart.svg")
    assert (drawn.status, drawn.headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    assert "Response time over the last" in drawn.text


async def test_what_is_public_no_more_is_not_said_to_be_shared(tickd: Harness) -> None:
    beat = await heartbeat(tickd, name="Backup")
    path = f"/s/{beat['slug']}"
    async with owner(tickd) as me:
        for public, said in ((True, "public, max-age=5"), (False, "private, no-store")) * 2:
            change = {"public": public}
            assert (await tickd.call("PATCH", f"/v1/heartbeats/{beat['id']}", change)).status == 200
            assert (await me.get(path)).headers["Cache-Control"] == said


async def test_a_page_says_that_its_chart_is_in_utc(
    tickd: Harness, reader: Browser, endpoint: Endpoint
) -> None:
    one = await watched(tickd, name="Shop", url=endpoint.url)
    assert "Times in the chart are UTC." in (await reader.get(f"/s/{one['slug']}")).words


async def test_days_with_trouble_are_told_in_words(
    tickd: Harness, reader: Browser, endpoint: Endpoint
) -> None:
    await watched(tickd, name="Well", url=endpoint.url)
    one = await failing(tickd, name="Shop")
    await incident_of(tickd, one)
    await page(tickd)
    words = (await reader.get("/status/acme")).words
    assert "Days with trouble of monitor Shop 3 Mar: 0 % up, 1 of 1 check failed" in words
    assert "Days with trouble of monitor Well" not in words
    assert "Days with trouble of Shop 3 Mar: 0 % up" in (await reader.get(f"/s/{one['slug']}")).words


async def test_a_heartbeat_has_a_page_of_its_own(tickd: Harness, reader: Browser) -> None:
    beat = await heartbeat(tickd, name="Backup")
    await sent(tickd, f"/p/{beat['token']}")
    answer = await reader.get(f"/s/{beat['slug']}")
    assert "Backup Running 30-day uptime 100 % Last seen 3 Mar 2026, 12:00 UTC" in answer.words
    assert "chart.svg" not in answer.text
    assert (await reader.get(f"/s/{beat['slug']}/chart.svg")).status == 404
    await tickd.call("POST", f"/v1/heartbeats/{beat['id']}/pause")
    await later(tickd)
    assert "Paused" in (await reader.get(f"/s/{beat['slug']}")).words
    assert (await reader.get("/s/no-such-slug")).status == 404


async def test_a_row_of_bars_is_told_in_a_sentence(
    tickd: Harness, reader: Browser, endpoint: Endpoint
) -> None:
    await watched(tickd, name="Shop", url=endpoint.url)
    await page(tickd)
    text = (await reader.get("/status/acme")).text
    assert 'aria-label="Shop. Last 90 days: 1 up, 89 without data"' in text
    assert "tabindex" not in text.replace('<main id="main" tabindex="-1">', "")
    (section,) = (await as_json(reader))["sections"]
    days = section["groups"][0]["items"][0]["days"]
    assert len(days) == 90
    assert days[-1] == {"date": "2026-03-03", "state": "up"}
