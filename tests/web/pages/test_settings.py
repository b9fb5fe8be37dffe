"""The settings: the account's form, and how the daemon is."""

from __future__ import annotations

import re

import pytest

from tests.support.browsing import owner
from tests.support.daemon import Harness
from tests.web.pages.people import NASTY, made, signed_in, stranger
from tickd import __version__
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.limits import LimitsChange

SENT = {"name": "Shop", "alert_email": "ops@example.com", "owner_email": "", "batch_window_secs": "60"}


async def test_the_account_is_changed(tickd: Harness) -> None:
    body = {"name": "pager", "kind": "webhook", "url": "http://127.0.0.1:9/"}
    channel = (await tickd.call("POST", "/v1/channels", body)).json
    async with owner(tickd) as visitor:
        more = {"draft_incidents": "true", "publish_after_secs": "300", "fallback_channel": channel["id"]}
        sent = SENT | more | {"default_severity": "major", "webhook_secret": "a secret of ours"}
        answer = await visitor.send("/settings", sent, follow=True)
        assert "Saved." in answer.words
        assert "a secret of ours" not in answer.text
        assert 'value="Shop"' in answer.text
    account = (await tickd.call("GET", "/v1/account")).json
    assert account["name"] == "Shop"
    assert (account["alert_email"], account["owner_email"]) == ("ops@example.com", "")
    assert (account["batch_window_secs"], account["publish_after_secs"]) == (60, 300)
    assert (account["draft_incidents"], account["default_severity"]) == (True, "major")
    assert (account["fallback_channel"], account["webhook_secret"]) == (channel["id"], "a secret of ours")


async def test_what_is_empty_is_switched_off_and_a_secret_stays_until_it_is_forgotten(
    tickd: Harness,
) -> None:
    body = {"publish_after_secs": 60, "default_severity": "minor", "webhook_secret": "a secret of ours"}
    await tickd.call("PATCH", "/v1/account", body)
    async with owner(tickd) as visitor:
        assert "Forget the webhook secret" in (await visitor.get("/settings")).words
        await visitor.send("/settings", SENT)
        account = (await tickd.call("GET", "/v1/account")).json
        assert (account["publish_after_secs"], account["default_severity"]) == (None, None)
        assert account["webhook_secret"] == "a secret of ours"
        await visitor.send("/settings", SENT | {"forget_webhook_secret": "true"})
        assert (await tickd.call("GET", "/v1/account")).json["webhook_secret"] == ""
        assert "Forget the webhook secret" not in (await visitor.get("/settings")).words


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "Name must be text of 1 to 200 characters"),
        ({"alert_email": "nobody"}, "Alert address has 'nobody', which is not an e-mail address"),
        ({"batch_window_secs": "9999"}, "Gather alerts for must be between 0 and 3600"),
        ({"batch_window_secs": "soon"}, "Gather alerts for must be a whole number"),
        ({"default_severity": "dire"}, "Default severity must be one of"),
        ({"fallback_channel": "chn_none"}, "Fallback channel must be the id of a channel; chn_none is none"),
    ],
)
async def test_what_is_wrong_is_said_and_changes_nothing(
    tickd: Harness, change: dict[str, str], said: str
) -> None:
    before = (await tickd.call("GET", "/v1/account")).json
    async with owner(tickd) as visitor:
        page = await visitor.send("/settings", SENT | change)
        assert (page.status, said in page.words) == (422, True), page.words
        assert 'value="ops@example.com"' in page.text or "alert_email" in change
    after = (await tickd.call("GET", "/v1/account")).json
    assert after | {"owner_email": ""} == before


async def test_the_form_is_shown_as_a_call_of_the_api(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        page = await visitor.send("/settings", SENT | {"do": "request"})
        assert page.status == 200
        assert f"curl -X PATCH {tickd.url}/v1/account" in page.words
        assert '"name": "Shop"' in page.words
        assert "draft_incidents" not in page.words
    assert (await tickd.call("GET", "/v1/account")).json["name"] == "default"


async def test_a_reader_sees_the_settings_and_no_form(tickd: Harness) -> None:
    await made(tickd, "first@example.com", "owner")
    await made(tickd, "bob@example.com", "reader")
    await tickd.call("PATCH", "/v1/account", {"name": NASTY, "webhook_secret": "a secret of ours"})
    async with signed_in(tickd, "bob@example.com") as visitor:
        page = await visitor.get("/settings")
        assert 'action="/settings"' not in page.text
        assert "a secret of ours" not in page.text
        assert "<script>alert" not in page.text
        assert "{{7*7}}" in page.text
        assert "API keys" not in page.words
        assert (await visitor.send("/settings", SENT)).status == 403
    assert (await tickd.call("GET", "/v1/account")).json["name"] == NASTY


async def test_the_system_page_tells_how_the_daemon_is(tickd: Harness) -> None:
    await tickd.job()
    hook = {"name": "ops", "kind": "webhook", "url": "http://127.0.0.1:9/"}
    assert (await tickd.call("POST", "/v1/channels", hook)).status == 201
    async with owner(tickd) as visitor:
        page = await visitor.get("/settings/system")
        assert "All is well" in page.words
        assert f"Version {__version__}" in page.words
        assert "Jobs 1 , no limit none" in page.words
        shown = re.search(r"Database (\d+\.\d) kB", page.words)
        assert shown
        pages = await tickd.daemon._database.fetch("PRAGMA page_count")
        assert float(shown[1]) == pytest.approx(pages[0][0] * 4.096, abs=0.1)
        assert "History is kept for 90 days" in page.words
        for loop in tickd.daemon.loops:
            assert f"{loop.state.name} Runs" in page.words
        tickd.daemon.loops[0].state.failing_since = tickd.clock.now()
        tickd.daemon.loops[0].state.last_error = NASTY
        page = await visitor.get("/settings/system")
        assert f"the {tickd.daemon.loops[0].state.name} loop fails" in page.words
        assert "Not well" in page.words
        assert "<script>alert" not in page.text


async def test_use_stands_beside_its_limit_and_what_is_near_or_reached_is_said(tickd: Harness) -> None:
    limits = LimitsChange(max_jobs=1, max_monitors=5, max_heartbeats=2, executions_per_month=0)
    await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, limits)
    await tickd.job()
    for number in range(4):
        body = {"name": f"m{number}", "url": "http://127.0.0.1:9/", "paused": True}
        assert (await tickd.call("POST", "/v1/monitors", body)).status == 201
    assert (await tickd.call("POST", "/v1/heartbeats", {"name": "h"})).status == 201
    async with owner(tickd) as visitor:
        page = await visitor.get("/settings/system")
    for said in (
        "Jobs 1 of 1 1 1 of 1 Limit reached",
        "Monitors 4 of 5 5 4 of 5 Near the limit",
        "Heartbeats 1 of 2 2 1 of 2 Runs",
        "Runs this month 0 of 0 0 0 of 0 Limit reached",
        "Verifications this month 0 , no limit none Shortest interval",
    ):
        assert said in page.words, said
    assert '<progress max="5" value="4" class="near" aria-label="Monitors used">' in page.text


async def test_users_of_other_accounts_see_their_limits_and_nothing_of_the_daemon(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        assert ">System</a>" in (await visitor.get("/settings")).text
    async with stranger(tickd) as visitor:
        page = await visitor.get("/settings/system")
        assert 'aria-current="page">Limits and use</a>' in page.text
        assert "<title>Limits and use" in page.text and ">System<" not in page.text
        assert "Jobs 0 , no limit none" in page.words and "History is kept for 90 days" in page.words
        daemons = ("Database", "Lag of", "Loops", "/metrics", "/readyz", tickd.daemon.loops[0].state.name)
        for path in ("/settings/system", "/settings"):
            shown = (await visitor.get(path)).text
            assert [told for told in daemons if told in shown] == []


async def test_a_limit_that_is_reached_is_told_in_one_manner(tickd: Harness) -> None:
    limits = LimitsChange(max_heartbeats=0, max_jobs=1, executions_per_month=0, min_interval_secs=7_200)
    job = (await tickd.job(schedule="0 0 * * *"))["id"]
    await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, limits)
    async with owner(tickd) as visitor:
        beat = {"name": "h", "how": "every", "period": "1 day", "grace": "1 hour"}
        shown = await visitor.send("/heartbeats/new", beat)
        assert shown.status == 422
        assert "This account may have no heartbeats. Limits and use" in shown.words
        ran = await visitor.send(f"/jobs/{job}/run")
        assert "This account may have no runs. Limits and use" in ran.words
        assert "executions_per_month" not in ran.words and "max_" not in shown.words
        assert ran.text.count('href="/settings/system#use"') == 1


@pytest.mark.parametrize("noun", ["jobs", "monitors", "heartbeats"])
async def test_a_form_says_before_one_types_that_there_can_be_no_other(tickd: Harness, noun: str) -> None:
    said = f"This account may have no {noun}: a new one will be refused."
    async with owner(tickd) as visitor:
        assert "one will be refused" not in (await visitor.get(f"/{noun}/new")).words
        limits = LimitsChange(max_jobs=0, max_monitors=0, max_heartbeats=0)
        await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, limits)
        assert said in (await visitor.get(f"/{noun}/new")).words
