"""The pages of heartbeats, used without a script: made, shown, pinged, edited, deleted."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.contract.beating import events_of, heartbeat, pings_of, sent, shown, silent
from tests.support.browsing import Browser
from tests.support.daemon import Harness
from tests.web.pages.people import NASTY, made, signed_in
from tickd.web.pages.heartbeat_recipes import recipes


def filled(**said: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    plain = {"name": "backup", "rhythm": "every", "interval_secs": "1", "interval_secs_unit": "3600"}
    plain |= {"schedule": "", "timezone": "UTC", "grace_secs": "", "grace_secs_unit": "60", "public": "true"}
    for name in ("failure_threshold", "severity", "cooldown_secs", "alert_email", "alert_slack_webhook"):
        plain[name] = ""
    for name in ("webhook_url", "allowed_ips", "max_pings_per_minute", "tags", "group", "slug"):
        plain[name] = ""
    return plain | {"maintenance_windows": "", "depends_on": ""} | said


async def only(tickd: Harness) -> dict[str, Any]:
    """The one heartbeat that there is."""
    (found,) = (await tickd.call("GET", "/v1/heartbeats")).json["heartbeats"]
    return await shown(tickd, found["id"])


async def test_a_new_heartbeat_leads_to_its_ping_url(tickd: Harness, me: Browser) -> None:
    page = await me.send("/heartbeats/new", filled(name="nightly"), follow=True)
    known = await only(tickd)
    assert known["ping_url"] in page.text
    assert "nightly was created." in page.words
    assert "nothing is expected before the first one" in page.words
    assert "crontab" in page.words
    assert (known["interval_secs"], known["grace_secs"], known["failure_threshold"]) == (3600, 300, 2)


async def test_spans_are_read_in_their_units(tickd: Harness, me: Browser) -> None:
    said = filled(interval_secs="2", interval_secs_unit="86400", grace_secs="3", grace_secs_unit="3600")
    assert (await me.send("/heartbeats/new", said)).status == 303
    known = await only(tickd)
    assert (known["interval_secs"], known["grace_secs"]) == (172_800, 10_800)
    form = await me.get(f"/heartbeats/{known['id']}/edit")
    assert 'name="interval_secs" value="2"' in form.text
    assert 'name="grace_secs" value="3"' in form.text


async def test_a_schedule_keeps_the_defaults_that_it_has(tickd: Harness, me: Browser) -> None:
    said = filled(rhythm="cron", schedule="0 2 * * *", timezone="Europe/Berlin", interval_secs="nonsense")
    assert (await me.send("/heartbeats/new", said)).status == 303
    known = await only(tickd)
    assert (known["schedule"], known["timezone"]) == ("0 2 * * *", "Europe/Berlin")
    assert (known["grace_secs"], known["failure_threshold"]) == (1800, 1)


async def test_all_that_is_wrong_is_told_at_once_and_once(tickd: Harness, me: Browser) -> None:
    wrong = {"name": "", "schedule": "banana", "timezone": "Mars/X", "allowed_ips": "here"}
    wrong |= {"alert_email": "nobody", "webhook_url": "ftp://x"}
    page = await me.send("/heartbeats/new", filled(rhythm="cron", **wrong))
    assert page.status == 422
    assert {name for name in wrong if f'id="error-{name}"' not in page.text} == set()
    assert page.text.count('class="error"') == 6
    empty = await me.send("/heartbeats/new", filled(rhythm="cron"))
    assert empty.status == 422 and 'id="error-schedule"' in empty.text
    assert (await tickd.call("GET", "/v1/heartbeats")).json["heartbeats"] == []
    assert "data-zone-field" in (await me.get("/heartbeats/new")).text
    assert "data-zone-field" not in page.text


async def test_a_schedule_is_told_in_words_and_times_of_its_zone(me: Browser) -> None:
    query = "rhythm=cron&schedule=30+2+*+*+*&timezone=Europe/Berlin"
    part = await me.fragment(f"/heartbeats/preview?{query}")
    assert "At 02:30" in part.words
    assert "Wed 4 Mar 2026, 02:30 CET" in part.words
    assert part.text.count("<li>") == 5
    wrong = await me.fragment("/heartbeats/preview?rhythm=cron&schedule=61+*+*+*+*")
    assert "Cron expression" in wrong.words
    lost = await me.fragment("/heartbeats/preview?rhythm=cron&schedule=0+2+*+*+*&timezone=Mars/Olympus")
    assert "Time zone must be an IANA time zone" in lost.words
    page = await me.send("/heartbeats/new", filled(rhythm="cron", schedule="0 2 * * *", do="preview"))
    assert "At 02:00" in page.words


async def test_what_is_wrong_is_said_beside_its_field_all_at_once(tickd: Harness, me: Browser) -> None:
    said = filled(name="", interval_secs="0", allowed_ips="nowhere", maintenance_windows="whenever")
    page = await me.send("/heartbeats/new", said)
    assert page.status == 422
    assert 'id="error-name"' in page.text
    assert "must be between 60 and 31622400 seconds" in page.words
    assert "must have lines such as sunday 02:00-04:00, not whenever" in page.words
    later = await me.send("/heartbeats/new", filled(allowed_ips="10.0.0.1\nnowhere", name="kept"))
    assert "has a mistake in number 2" in later.words
    assert 'value="kept"' in later.text
    assert (await tickd.call("GET", "/v1/heartbeats")).json["total"] == 0


async def test_every_field_of_the_api_can_be_said_and_comes_back(tickd: Harness, me: Browser) -> None:
    channel = {"kind": "webhook", "name": "ops", "url": "http://127.0.0.1:9/"}
    chosen = (await tickd.call("POST", "/v1/channels", channel)).json["id"]
    other = await heartbeat(tickd, name="the other")
    said = filled(
        failure_threshold="3",
        severity="critical",
        cooldown_secs="60",
        channels=[chosen],
        alert_email="ops@example.com",
        allowed_ips="10.0.0.0/8\n127.0.0.1",
        max_pings_per_minute="7",
        tags="night, backup",
        group="Shop",
        slug="the-slug",
        maintenance_windows="sunday 02:00-04:00",
        depends_on=other["id"],
    )
    del said["public"]
    made_here = await me.send("/heartbeats/new", said)
    assert made_here.status == 303, made_here.words
    known = await shown(tickd, made_here.location.rsplit("/", 1)[1])
    assert (known["failure_threshold"], known["severity"], known["cooldown_secs"]) == (3, "critical", 60)
    assert (known["channels"], known["depends_on"]) == ([chosen], [other["id"]])
    assert (known["allowed_ips"], known["tags"]) == (["10.0.0.0/8", "127.0.0.1"], ["night", "backup"])
    assert known["maintenance_windows"] == [{"day": "sunday", "start_utc": "02:00", "end_utc": "04:00"}]
    assert (known["public"], known["group"], known["slug"]) == (False, "Shop", "the-slug")

    again = said | {"interval_secs": "1", "grace_secs": "5", "name": "renamed", "tags": ""}
    assert (await me.send(f"/heartbeats/{known['id']}/edit", again)).status == 303
    changed = await shown(tickd, known["id"])
    same = set(known) - {"name", "tags", "updated_at"}
    assert {name: changed[name] for name in same} == {name: known[name] for name in same}
    assert (changed["name"], changed["tags"]) == ("renamed", [])


async def test_an_edit_says_as_a_call_only_what_it_changes(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd, schedule="6h")
    path = f"/heartbeats/{known['id']}/edit"
    said = filled(interval_secs="6", grace_secs="45", failure_threshold="1", severity="minor", do="request")
    page = await me.send(path, said | {"slug": known["slug"]})
    call = unescape(page.text)
    assert "curl -X PATCH" in call
    assert '{"grace_secs": 2700}' in call
    assert (await shown(tickd, known["id"]))["grace_secs"] == 1800
    assert (await me.send(path, filled(interval_secs="6", grace_secs="45"))).status == 303
    assert (await shown(tickd, known["id"]))["schedule"] == "6h"


async def test_a_new_one_as_a_call_leaves_out_what_is_usual(me: Browser) -> None:
    headers = {"HX-Request": "true"}
    part = await me.send("/heartbeats/new", filled(tags="night", do="request"), headers=headers)
    assert '{"name": "backup", "tags": ["night"]}' in unescape(part.text)
    assert "<html" not in part.text
    refused = await me.send("/heartbeats/new", filled(name="", do="request"), headers=headers)
    assert refused.status == 422
    assert "Name must be" in refused.words


async def test_a_duplicate_begins_with_the_same_values_and_another_token(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd, interval_secs=7200, tags=["night"], public=False)
    lead = await me.get(f"/heartbeats/{known['id']}/duplicate")
    form = await me.get(lead.location)
    assert 'value="backup (copy)"' in form.text
    assert 'name="interval_secs" value="2"' in form.text
    assert 'value="night"' in form.text
    assert known["short_token"] not in form.text
    assert known["slug"] not in form.text


async def test_the_page_shows_how_it_stands(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd, interval_secs=3600, grace_secs=300, tags=["night"], group="Shop")
    path = f"/heartbeats/{known['id']}"
    await sent(tickd, f"/p/{known['short_token']}/start?rid=one")
    assert "1 run going on" in (await me.get(path)).words
    await tickd.clock.advance(90)
    await sent(tickd, f"/p/{known['short_token']}/0?rid=one", method="POST", data=b"42 files")
    page = await me.get(path)
    assert page.status == 200
    for words in ("Up", "every hour", "grace of 5 minutes", "100 %", "1 of 1", "Shop", "night", "42 files"):
        assert words in page.words, words
    assert "90 days ago" in page.words
    await silent(tickd, known["id"], 3901, 1)
    late = await me.fragment(f"{path}?part=now")
    assert "Late" in late.words
    assert "<html" not in late.text
    await silent(tickd, known["id"], 3600, 2)
    down = (await me.get(path)).words
    assert "Down" in down
    assert "Missing since" in down
    assert "Incidents" in down


async def test_the_history_is_filtered_and_has_pages(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd, max_pings_per_minute=6000)
    for number in range(30):
        await sent(tickd, f"/p/{known['short_token']}/log", method="POST", data=f"line {number}".encode())
    await sent(tickd, f"/p/{known['short_token']}/3", method="POST", data=b"no space left")
    path = f"/heartbeats/{known['id']}"
    first = await me.get(path)
    assert "no space left" in first.words
    assert "line 0 " not in first.words
    second = await me.get(f"{path}?show=all&offset=25")
    assert "line 0 " in second.words
    failures = await me.fragment(f"{path}?part=history&show=failures")
    assert "no space left" in failures.words
    assert "line 29" not in failures.words
    assert "It fails from here on." in failures.words


async def test_a_ping_is_shown_with_all_that_it_brought(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd)
    await sent(tickd, f"/p/{known['short_token']}/start?rid=run-7", headers={"User-Agent": "cron/1"})
    await tickd.clock.advance(2)
    await sent(
        tickd, f"/p/{known['short_token']}/7?rid=run-7", method="POST", data=f"{NASTY}\nsecond".encode()
    )
    newest = (await pings_of(tickd, known["id"]))[0]
    path = f"/heartbeats/{known['id']}/pings/{newest['id']}"
    page, part = await me.get(path), await me.fragment(path)
    for shown_here in (page, part):
        for words in ("2,000 ms", "run-7", "127.0.0.1", "second"):
            assert words in shown_here.words, words
        assert "<script>alert" not in shown_here.text
    assert "<html" not in part.text
    assert f'hx-get="{path}"' in (await me.get(f"/heartbeats/{known['id']}")).text
    assert (await me.get(f"/heartbeats/{known['id']}/pings/png_00000000000000")).status == 404


async def test_metrics_are_shown(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd)
    report = {"metrics": {"depth": 1250, "ratio": 0.5}}
    await tickd.call("POST", f"/api/heartbeat/{known['id']}", report, headers={"X-API-Key": tickd.key})
    page = await me.get(f"/heartbeats/{known['id']}")
    assert "depth 1250" in page.words
    assert "ratio 0.5" in page.words


async def test_the_chart_has_the_times_of_runs_and_the_failures(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd, grace_secs=3600)
    path = f"/heartbeats/{known['id']}"
    assert "data-chart" not in (await me.get(path)).text
    for seconds, end in ((10, "0"), (30, "0"), (20, "0"), (5, "fail")):
        await sent(tickd, f"/p/{known['short_token']}/start?rid=r")
        await tickd.clock.advance(seconds)
        await sent(tickd, f"/p/{known['short_token']}/{end}?rid=r")
    assert f'data-chart="{path}/chart"' in (await me.get(path)).text
    for wanted in ("24h", "90d"):
        plot = json.loads((await me.get(f"{path}/chart?range={wanted}")).text)
        assert (plot["range"], plot["unit"], len(plot["times"])) == (wanted, "ms", 1)
        assert (plot["p50"], plot["p95"]) == ([20_000], [30_000])
        assert len(plot["failed"]) == 1
    assert (await me.get(f"{path}/chart?range=1y")).status == 400


async def test_a_test_ping_says_where_it_came_from(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd)
    page = await me.send(f"/heartbeats/{known['id']}/ping", follow=True)
    assert "The ping from 127.0.0.1 was taken." in page.words
    (ping,) = await pings_of(tickd, known["id"])
    assert (ping["kind"], ping["user_agent"]) == ("success", "tickd dashboard")
    assert ping["message"] == "Test ping by Olive Owner"
    assert (await shown(tickd, known["id"]))["state"] == "up"


async def test_a_test_ping_that_is_not_let_in_says_why(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd, allowed_ips=["10.0.0.1"])
    page = await me.send(f"/heartbeats/{known['id']}/ping", follow=True)
    assert "The ping was refused: IP not allowed" in page.words
    assert (await shown(tickd, known["id"]))["state"] == "pending"


async def test_pause_resume_rotate_and_delete(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd)
    path = f"/heartbeats/{known['id']}"
    assert "backup was paused." in (await me.send(f"{path}/pause", follow=True)).words
    assert (await shown(tickd, known["id"]))["status"] == "paused"
    assert "backup was resumed." in (await me.send(f"{path}/resume", follow=True)).words
    assert "refused from then on" in (await me.get(f"{path}/rotate")).words
    assert (await shown(tickd, known["id"]))["token"] == known["token"]
    await me.send(f"{path}/rotate")
    assert (await shown(tickd, known["id"]))["token"] != known["token"]
    assert "be undone" in (await me.get(f"{path}/delete")).words
    assert (await me.send(f"{path}/delete")).location == "/?kind=heartbeat"
    assert (await me.get(path)).status == 404


async def test_whoever_may_only_read_sees_no_ping_url_and_no_buttons(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd, name=NASTY)
    await made(tickd, "reader@example.com", "reader")
    path = f"/heartbeats/{known['id']}"
    async with signed_in(tickd, "reader@example.com") as reader:
        page = await reader.get(path)
        assert page.status == 200
        assert known["short_token"] not in page.text
        assert "Send a test ping" not in page.words
        assert "<script>alert" not in page.text
        for forbidden in ("edit", "rotate", "delete", "duplicate"):
            assert (await reader.get(f"{path}/{forbidden}")).status == 403, forbidden
        for forbidden in ("ping", "pause", "rotate", "delete", "edit"):
            assert (await reader.send(f"{path}/{forbidden}")).status == 403, forbidden
    assert await events_of(tickd, known["id"]) == []


@pytest.mark.parametrize(
    ("title", "command", "replaced", "kinds"),
    [
        ("Bash: start, exit status", ["bash"], ("/path/to/job", "bash -c 'exit 3'"), ["start", "fail"]),
        ("Bash: exit status, output", ["bash"], ("/path/to/job", "echo 42 files"), ["success"]),
        ("Python", ["python3"], ('print("42 files saved")', "raise SystemExit(4)"), ["start", "fail"]),
        ("Python", ["python3"], ("42 files", "43 files"), ["start", "success"]),
        ("Node", ["node"], ("42 files", "43 files"), ["start", "success"]),
        ("Node", ["node"], ('console.log("42 files saved")', 'throw new Error("full")'), ["start", "fail"]),
    ],
)
async def test_a_recipe_of_the_page_does_what_it_says(
    tickd: Harness,
    tmp_path: Path,
    title: str,
    command: list[str],
    replaced: tuple[str, str],
    kinds: list[str],
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    known = await heartbeat(tickd)
    file = tmp_path / "recipe"
    code = dict(recipes(known["ping_url"]))[title]
    assert replaced[0] in code
    file.write_text(code.replace(*replaced))
    run = [*command, str(file)]
    ended = await asyncio.to_thread(subprocess.run, run, capture_output=True, timeout=20, check=False)
    found = await pings_of(tickd, known["id"])
    assert [one["kind"] for one in reversed(found)] == kinds
    if title.startswith("Bash: start"):
        assert (ended.returncode, found[0]["exit_status"]) == (3, 3)
    if title == "Bash: exit status, output":
        assert found[0]["message"] == "42 files"


async def test_the_crontab_has_the_schedule_of_the_heartbeat() -> None:
    lines = dict(recipes("http://127.0.0.1/p/x", "15 4 * * 1"))["crontab"].splitlines()
    assert lines[1] == (
        "15 4 * * 1 /path/to/job && curl -fsS -m 10 --retry 5 -o /dev/null http://127.0.0.1/p/x"
    )
    assert lines[4].endswith("http://127.0.0.1/p/x/$?")


async def test_a_heartbeat_has_its_rules_its_badges_and_its_public_page(tickd: Harness, me: Browser) -> None:
    channel = {"kind": "webhook", "name": "ops", "url": "http://127.0.0.1:9/"}
    chosen = (await tickd.call("POST", "/v1/channels", channel)).json["id"]
    job = await tickd.job(name="dump")
    known = await heartbeat(
        tickd, grace_secs=600, allowed_ips=["10.0.0.1"], channels=[chosen], depends_on=[job["id"]]
    )
    page = await me.get(f"/heartbeats/{known['id']}")
    for said in ("Grace 10 minutes", "10.0.0.1", "Tells ops", "Depends on dump Pending", f"ID {known['id']}"):
        assert said in page.words, said
    assert "Severity Minor" in page.words and "None so far." in page.words and "Last 90 days" in page.words
    assert f'href="/s/{known["slug"]}"' in page.text
    assert f'src="/badge/{known["id"]}.svg?v=pending-' in page.text
    rest = await me.fragment(f"/heartbeats/{known['id']}?part=rest")
    assert "<html" not in rest.text and "Anybody can see" in rest.words
    hidden = await heartbeat(tickd, name="hidden", public=False)
    private = await me.get(f"/heartbeats/{hidden['id']}")
    assert "This heartbeat is private." in private.words and "/s/" not in private.text


async def test_a_silence_is_told_by_window_icon_and_incident(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd, interval_secs=3600, grace_secs=300, failure_threshold=1)
    await sent(tickd, f"/p/{known['short_token']}")
    await silent(tickd, known["id"], 3901, 1)
    page = await me.get(f"/heartbeats/{known['id']}")
    assert (
        "<title>Down: backup · tickd</title>" in page.text and "tickd-bad" in page.text.split("data-good")[0]
    )
    assert 'data-worst="bad" data-title="Down: backup · tickd"' in page.text
    silence = (
        "no ping: expected at <time datetime=2026-03-03T13:00:00Z data-exact>3 Mar 2026, 13:00:00 UTC</time>"
    )
    assert page.text.count(silence) == 2  # in the history, and of its incident
    (found,) = (await tickd.call("GET", "/v1/incidents")).json["incidents"]
    assert silence in (await me.get(f"/incidents/{found['id']}")).text


async def test_an_incident_shows_what_the_ping_said(tickd: Harness, me: Browser) -> None:
    known = await heartbeat(tickd)
    await sent(tickd, f"/p/{known['short_token']}/fail", method="POST", data=b"disk is full\nat all")
    (found,) = (await tickd.call("GET", "/v1/incidents")).json["incidents"]
    shown_here = await me.get(f"/incidents/{found['id']}")
    assert "What the ping said" in shown_here.words and "Beginning of the answer" not in shown_here.words
