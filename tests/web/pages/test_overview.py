"""The overview: its list, filters, first steps, and what is done with many at once; through real HTTP."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.browsing import Browser, browser, owner
from tests.support.daemon import NOON, Harness, running
from tests.web.pages.people import NASTY, made, signed_in, stranger
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.checks import Check
from tickd.domain.limits import LimitsChange
from tickd.domain.times import DAY

KINDS = ("monitor", "job", "heartbeat")


async def item(tickd: Harness, kind: str, name: str, **more: Any) -> str:
    plain: dict[str, Any] = {"name": name}
    if kind == "monitor":
        plain |= {"url": "http://127.0.0.1:9/", "status": "paused"}
    if kind == "job":
        plain |= {"schedule": "0 0 1 1 *", "endpoint": "http://127.0.0.1:9/"}
    reply = await tickd.call("POST", f"/v1/{kind}s", plain | more)
    assert reply.status == 201, reply.json
    if kind == "monitor":
        # Active to those who read the row; but no check comes and changes what the test has put there.
        await put(tickd, "UPDATE monitors SET paused = 0 WHERE id = ?", reply.json["id"])
    return str(reply.json["id"])


async def put(tickd: Harness, sql: str, *params: object) -> None:
    await tickd.daemon._database.write(lambda tx: tx.execute(sql, params).fetchall())


def names(text: str) -> list[str]:
    """The names of the list in their order."""
    return re.findall(r'<th scope="row"><a href="/\w+/[^"]+">([^<]*)</a>', text)


@pytest.fixture
async def me(tickd: Harness) -> AsyncIterator[Browser]:
    async with owner(tickd) as visitor:
        yield visitor


async def test_an_empty_account_is_led_to_its_first_steps(me: Browser) -> None:
    shown = await me.get("/")
    assert shown.status == 200
    for kind in KINDS:
        assert f'href="/{kind}s/new"' in shown.text
        assert f"curl {me.harness.url}/v1/{kind}s" in shown.words
    assert "<title>Overview · tickd</title>" in shown.text
    assert 'data-worst="good"' in shown.text


async def test_the_list_has_everything_and_what_fails_first(tickd: Harness, me: Browser) -> None:
    ids = {kind: await item(tickd, kind, f"a {kind}") for kind in KINDS}
    ids["late"] = await item(tickd, "monitor", "z fails", tags=["prod"], group="shop")
    await put(tickd, "UPDATE monitors SET state = 'up', failing = 0 WHERE name = 'a monitor'")
    await put(tickd, "UPDATE monitors SET state = 'down', failing = 1 WHERE name = 'z fails'")
    shown = await me.get("/")
    assert names(shown.text) == ["z fails", "a heartbeat", "a job", "a monitor"]
    for kind in KINDS:
        assert f'href="/{kind}s/{ids[kind]}"' in shown.text
    assert "<title>1 down · tickd</title>" in shown.text
    assert 'data-worst="bad" data-title="1 down · tickd"' in shown.text
    assert shown.text.count("<svg") == 4
    assert "Needs attention 1" in shown.words and "Down 1" in shown.words and "All 4" in shown.words
    assert 'href="/?tag=prod"' in shown.text and 'href="/?group=shop"' in shown.text


async def test_a_fragment_is_the_list_alone(tickd: Harness, me: Browser) -> None:
    await item(tickd, "monitor", "site")
    page, part = await me.get("/?kind=monitor"), await me.fragment("/?kind=monitor")
    assert names(part.text) == names(page.text) == ["site"]
    assert "<html" not in part.text and 'name="csrf"' not in part.text
    # A browser that kept it would show it for the page when the reader comes back.
    assert part.headers["Cache-Control"] == "no-store"
    assert page.headers["Cache-Control"] == "private, no-cache"
    assert 'data-live="/?kind=monitor"' in page.text


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("?kind=monitor", ["beta", "alpha"]),
        ("?kind=monitor&sort=name", ["alpha", "beta"]),
        ("?q=ALPHA&kind=monitor", ["alpha"]),
        ("?tag=x", ["beta"]),
        ("?group=g", ["alpha"]),
        ("?state=paused", ["c"]),
        ("?state=trouble", ["beta"]),
        ("?q=&kind=&state=&tag=&group=&sort=", ["beta", "alpha", "c"]),
    ],
)
async def test_filters_narrow_the_page(tickd: Harness, me: Browser, query: str, wanted: list[str]) -> None:
    await item(tickd, "monitor", "alpha", group="g")
    await item(tickd, "monitor", "beta", tags=["x"])
    await item(tickd, "job", "c", status="paused")
    await put(tickd, "UPDATE monitors SET state = 'down', failing = 1 WHERE name = 'beta'")
    shown = await me.get(f"/{query}")
    assert names(shown.text) == wanted


async def test_what_matches_nothing_says_so_and_how_to_get_back(tickd: Harness, me: Browser) -> None:
    await item(tickd, "monitor", "site")
    shown = await me.get("/?q=nowhere")
    assert shown.status == 200 and "Nothing matches" in shown.words
    assert '<a href="/">Clear the filters</a>' in shown.text
    assert 'value="nowhere"' in shown.text


async def test_a_filter_that_there_is_not_is_refused(me: Browser) -> None:
    assert (await me.get("/?sort=colour")).status == 400
    assert (await me.get("/?offset=many")).status == 400


async def test_the_lists_of_one_kind_lead_here(me: Browser) -> None:
    for kind in KINDS:
        shown = await me.get(f"/{kind}s")
        assert (shown.status, shown.location) == (303, f"/?kind={kind}")


async def test_a_long_list_comes_in_pages(tickd: Harness, me: Browser) -> None:
    await many(tickd, 250)
    first = await me.get("/?sort=name")
    assert len(names(first.text)) == 100 and "of 250" in first.words
    assert 'href="/?sort=name&amp;offset=100"' in first.text
    last = await me.get("/?sort=name&offset=200")
    assert len(names(last.text)) == 50 and 'rel="prev"' in last.text
    assert not set(names(first.text)) & set(names(last.text))
    assert (await me.get("/?offset=-5")).status == 200


async def many(tickd: Harness, count: int, kind: str = "monitor") -> None:
    """So many items, written at once."""
    await item(tickd, kind, "copy 0001", tags=["prod", "web"])
    table = f"{kind}s"

    def unit(tx: sqlite3.Connection) -> None:
        columns = [row[1] for row in tx.execute(f"PRAGMA table_info({table})") if row[1] != "row"]
        chosen = {"id": "substr(id, 1, instr(id, '_')) || 'copy' || n", "name": "printf('copy %04d', n)"}
        chosen |= {name: f"{name} || n" for name in ("slug", "short_token", "token")}
        values = ", ".join(chosen.get(name, name) for name in columns)
        tx.execute(
            "WITH RECURSIVE numbers (n) AS (VALUES (2) UNION ALL SELECT n + 1 FROM numbers "  # noqa: S608
            f"WHERE n < {count}) "
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}, numbers"
        )

    await tickd.daemon._database.write(unit)


async def test_many_are_paused_resumed_tagged_and_run_in_one_request(tickd: Harness, me: Browser) -> None:
    ids = [await item(tickd, kind, kind) for kind in KINDS]
    shown = await me.send("/bulk", {"do": "pause", "item": ids, "back": "sort=name"})
    assert (shown.status, shown.location) == (303, "/?sort=name")
    after = await me.get("/?state=paused&sort=name")
    assert names(after.text) == ["heartbeat", "job", "monitor"] and "Paused 3 items." in after.words
    await me.send("/bulk", {"do": "resume", "item": ids})
    assert names((await me.get("/?state=paused")).text) == []
    shown = await me.send("/bulk", {"do": "tag", "item": ids, "tag": " night "}, follow=True)
    assert "Tagged 3 items." in shown.words
    assert len(names((await me.get("/?tag=night")).text)) == 3
    await me.send("/bulk", {"do": "untag", "item": ids[:2], "tag": "night"})
    assert names((await me.get("/?tag=night")).text) == ["heartbeat"]
    shown = await me.send("/bulk", {"do": "run", "item": ids}, follow=True)
    assert "Started 1 item. 2 could not be done:" in shown.words and "only jobs can be run" in shown.words
    assert len(await tickd.executions(ids[1])) == 1


async def test_a_delete_is_asked_for_once_more(tickd: Harness, me: Browser) -> None:
    ids = [await item(tickd, kind, kind) for kind in KINDS]
    asked = await me.send("/bulk", {"do": "delete", "item": ids[:2], "back": "kind=job"})
    assert asked.status == 200 and "Delete 2 items?" in asked.words
    assert "This will be gone, with all its history: monitor, job." in asked.words
    assert "Keep them" in asked.words
    assert 'href="/?kind=job"' in asked.text
    assert len(names((await me.get("/")).text)) == 3
    chosen = re.findall(r'name="item" value="([^"]*)"', asked.text)
    again = await me.send("/bulk", {"do": "delete", "sure": "yes", "item": chosen})
    assert again.status == 303
    assert names((await me.get("/")).text) == ["heartbeat"]


async def test_a_delete_of_many_names_the_first_ten(tickd: Harness, me: Browser) -> None:
    ids = [await item(tickd, "heartbeat", f"h{number:02}") for number in range(13)]
    asked = await me.send("/bulk", {"do": "delete", "item": ids})
    named = ", ".join(f"h{number:02}" for number in range(10))
    assert f"{named} and 3 more." in asked.words
    one = await me.send("/bulk", {"do": "delete", "item": ids[:1]})
    assert ": h00." in one.words and "Keep it" in one.words
    async with stranger(tickd) as other:
        assert "h00" not in (await other.send("/bulk", {"do": "delete", "item": ids})).words


async def test_who_is_told_by_nobody_is_warned_until_something_can_deliver(
    tickd: Harness, me: Browser
) -> None:
    said = "Nobody is told yet: there is no channel, and no mail server is set."
    empty = await me.get("/")
    assert "Say where alerts go" in empty.words and 'href="/channels/new"' in empty.text
    await item(tickd, "heartbeat", "backup")
    for path in ("/", "/channels", "/settings/system"):
        assert said in (await me.get(path)).words, path
    body: dict[str, Any] = {"name": "mail", "kind": "email", "to": ["ops@example.com"]}
    assert (await tickd.call("POST", "/v1/channels", body)).status == 201
    assert "every enabled channel is e-mail, and no mail server is set" in (await me.get("/")).words
    for path in ("/channels/new", "/channels/new?kind=email"):
        assert "t send yet" in (await me.get(path)).words
    body = {"name": "ops", "kind": "webhook", "url": "http://127.0.0.1:9/"}
    made = (await tickd.call("POST", "/v1/channels", body)).json
    for path in ("/", "/channels", "/settings/system"):
        assert "Nobody is told" not in (await me.get(path)).words, path
    lane = (
        "INSERT INTO lanes (lane, account_id, attempts, failing_since, last_error) VALUES (?, ?, 1, ?, 'x')"
    )
    await put(tickd, lane, made["id"], "acc_default", NOON)
    assert "Nobody is told: the last delivery by every channel failed." in (await me.get("/")).words
    system = (await me.get("/settings/system")).words
    assert "The last delivery failed by ops ." in system and "All is well" not in system
    await tickd.call("PATCH", f"/v1/channels/{made['id']}", {"enabled": False})
    assert "Nobody is told: every enabled channel is e-mail" in (await me.get("/")).words


async def test_with_a_mail_server_an_address_is_enough(tmp_path: Path) -> None:
    async with running(tmp_path / "t.db", smtp_url="smtp://127.0.0.1:9") as tickd, owner(tickd) as me:
        await item(tickd, "heartbeat", "backup")
        await put(tickd, "UPDATE accounts SET owner_email = '', alert_email = ''")
        assert "there is no channel, and the account has no e-mail address" in (await me.get("/")).words
        await put(tickd, "UPDATE accounts SET alert_email = 'ops@example.com'")
        assert "Nobody is told" not in (await me.get("/")).words


async def test_a_degraded_result_is_amber_and_what_is_paused_has_no_age(tickd: Harness, me: Browser) -> None:
    identifier = await item(tickd, "monitor", "slow")
    row = (await tickd.daemon._database.fetch("SELECT row FROM monitors WHERE id = ?", (identifier,)))[0][0]
    check = Check(monitor=row, at=NOON, status="degraded", status_code=200, duration_ms=2100.4)
    tickd.daemon._history.add(check)
    await item(tickd, "heartbeat", "off", status="paused")
    shown = await me.get("/")
    assert '<span class="warn">200 · 2,100 ms</span>' in shown.text
    off = shown.text.split(">off<", 1)[1].split("</tr>", 1)[0]
    assert "<time" not in off and "Paused" in off
    assert "2 in all: 1 monitor, 0 jobs and 1 heartbeat" in shown.words
    narrow = await me.get("/?kind=monitor")
    assert "1 that match, of 2 in all: 1 monitor, 0 jobs and 1 heartbeat" in narrow.words


async def test_what_could_not_be_done_is_named_and_the_rest_is_done(tickd: Harness, me: Browser) -> None:
    ids = [await item(tickd, "monitor", "one"), "mon_nobodys", "job_nobodys", "hb_nobodys"]
    shown = await me.send("/bulk", {"do": "pause", "item": ids}, follow=True)
    assert "Paused 1 item. 3 could not be done:" in shown.words
    assert "no monitor mon_nobodys" in shown.words
    assert "Nothing was chosen." in (await me.send("/bulk", {"do": "pause"}, follow=True)).words
    assert (await me.send("/bulk", {"do": "explode", "item": ids})).status == 400
    assert (await me.send("/bulk", {"do": "tag", "item": ids, "tag": " "})).status == 400


async def test_a_hundred_take_one_request(tickd: Harness, me: Browser) -> None:
    await many(tickd, 100, "heartbeat")
    page = await me.get("/")
    ids = re.findall(r'name="item" value="([^"]+)"', page.text)
    assert len(ids) == 100
    began = time.perf_counter()
    shown = await me.send("/bulk", {"do": "pause", "item": ids}, follow=True)
    assert "Paused 100 items." in shown.words
    assert time.perf_counter() - began < 3


async def test_who_may_only_read_changes_nothing(tickd: Harness, me: Browser) -> None:
    identifier = await item(tickd, "monitor", "site")
    await made(tickd, "reader@example.com", "reader")
    async with signed_in(tickd, "reader@example.com") as reader:
        shown = await reader.get("/")
        assert names(shown.text) == ["site"]
        assert 'name="item"' not in shown.text and 'id="bulk"' not in shown.text
        assert (await reader.send("/bulk", {"do": "pause", "item": [identifier]})).status == 403
    assert names((await me.get("/?state=paused")).text) == []


async def test_a_stranger_sees_and_changes_nothing_of_it(tickd: Harness, me: Browser) -> None:
    identifier = await item(tickd, "monitor", "site")
    async with stranger(tickd) as other:
        assert names((await other.get("/")).text) == []
        shown = await other.send("/bulk", {"do": "delete", "sure": "yes", "item": [identifier]}, follow=True)
        assert f"no monitor {identifier}" in shown.words
    async with browser(tickd) as nobody:
        shown = await nobody.get("/")
        assert shown.status == 303 and shown.location.startswith("/sign-in")
    assert names((await me.get("/")).text) == ["site"]


async def test_no_text_of_anybody_becomes_markup(tickd: Harness, me: Browser) -> None:
    for kind in KINDS:
        more = {} if kind == "job" else {"group": NASTY[:90]}
        await item(tickd, kind, NASTY, tags=[NASTY[:50]], **more)
    shown = await me.get(f"/?q={'%3Cscript%3E'}")
    assert "<script>alert" not in shown.text and "<img src=x" not in shown.text
    assert len(re.findall(r"&lt;script&gt;", shown.text)) >= 3


async def test_the_overview_of_1400_items_takes_less_than_100_ms(tickd: Harness, me: Browser) -> None:
    await many(tickd, 1000)
    await many(tickd, 200, "job")
    await many(tickd, 200, "heartbeat")

    def unit(tx: sqlite3.Connection) -> None:
        rows = [(NOON // DAY - back, row) for back in range(1, 31) for row in range(1, 201)]
        tx.executemany("INSERT INTO job_days VALUES (?, ?, 280, 1, 0, 0, 900, 280)", rows)
        tx.executemany("INSERT INTO heartbeat_days VALUES (?, ?, 24, 0, 0, 0)", rows)

    await tickd.daemon._database.write(unit)
    took = []
    for _ in range(7):
        began = time.perf_counter()
        shown = await me.get("/", headers={"Accept-Encoding": "gzip"})
        took.append(time.perf_counter() - began)
        assert len(names(shown.text)) == 100
    # With the browser's own time, on a machine that may be busy.
    assert min(took) < 0.1


async def test_runs_that_are_used_up_are_warned_of_until_the_month_ends(tickd: Harness, me: Browser) -> None:
    made = await tickd.job(schedule="@yearly")
    limits = tickd.daemon.services.limits
    await limits.set(DEFAULT_ACCOUNT, LimitsChange(executions_per_month=2))
    for said in (False, True):
        reply = await tickd.call("POST", f"/v1/jobs/{made['id']}/trigger")
        assert reply.status == 202, reply.json
        shown = (await me.get("/")).words
        warning = "All 2 runs of this month are used up: jobs are skipped until 1 Apr 2026, 00:00 UTC"
        assert (warning in shown) == said
    await limits.set(DEFAULT_ACCOUNT, LimitsChange(executions_per_month=1))
    assert "The runs of this month are used up" in (await me.get("/")).words
    await tickd.clock.advance(29 * 86_400)
    assert "used up" not in (await me.get("/")).words
