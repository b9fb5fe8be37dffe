"""The form of a job: made, copied, edited, and what its schedule would mean."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import pytest

from tests.support.browsing import Browser, Shown
from tests.support.daemon import Harness
from tests.web.people import signed_in
from tickd.domain.headers import MASK
from tickd.domain.jobs import JobChange
from tickd.web.pages.forms import filled
from tickd.web.pages.job_fields import BARE, DEFAULTS, Choices, sections

PLAIN = {"name": "nightly", "schedule": "30 2 * * *", "endpoint": "http://127.0.0.1:9/"}


@pytest.fixture
async def me(tickd: Harness) -> AsyncIterator[Browser]:
    """The owner."""
    async with signed_in(tickd) as visitor:
        yield visitor


def form(**said: Any) -> dict[str, Any]:
    """The form as a browser sends it where nothing but `said` was touched."""
    shown = filled(sections(Choices([], [], []), None), DEFAULTS)
    texts = {name: value for name, value in shown.values.items() if value not in ("", [], False)}
    return texts | said


def values(shown: Shown) -> dict[str, str]:
    """The texts of the fields that a page shows."""
    found = dict(re.findall(r'<input [^>]*?name="(\w+)"[^>]*?value="([^"]*)"', shown.text))
    found |= dict(re.findall(r'<textarea [^>]*?name="(\w+)"[^>]*>\n?([^<]*)<', shown.text))
    return {name: unescape(text) for name, text in found.items()}


def sent(shown: Shown) -> Any:
    """The body of the call in the curl line of a page."""
    code = unescape(shown.text).split("<summary>curl</summary>")[1].split("<code>")[1].split("</code>")[0]
    words = shlex.split(code.replace("\\\n", ""))
    return words[2], json.loads(words[words.index("-d") + 1])


def test_the_form_has_every_field_of_the_api() -> None:
    fields = {one.name for section in sections(Choices([], [], []), BARE) for one in section.fields}
    assert fields == set(JobChange.__struct_fields__)


async def test_the_plain_form_makes_a_plain_job(tickd: Harness, me: Browser) -> None:
    assert (await me.get("/jobs/new")).status == 200
    made = await me.send("/jobs/new", form(**PLAIN), follow=True)
    assert "nightly was created." in made.words
    (job,) = (await tickd.call("GET", "/v1/jobs")).json["jobs"]
    by_call = await tickd.job(**PLAIN | {"name": "other"})
    own = ("id", "name", "created_at", "updated_at")
    assert {name: job[name] for name in job if name not in own} == {
        name: by_call[name] for name in by_call if name not in own
    }


async def test_every_field_that_is_filled_in_is_kept(tickd: Harness, me: Browser) -> None:
    monitor = (await tickd.call("POST", "/v1/monitors", {"name": "Shop", "url": "http://127.0.0.1:9/"})).json
    said = PLAIN | {
        "timezone": "Europe/Berlin",
        "method": "PUT",
        "headers": "X-Team: ops\nAuthorization: Bearer a:b",
        "body": '{"all": true}\r\n',
        "timeout_secs": "12",
        "signing_secret": "s3cret",
        "retries": "4",
        "retry_on": ["network", "status"],
        "failure_threshold": "3",
        "overlap": "queue",
        "catch_up": "all",
        "completion": "callback",
        "max_runtime_secs": "60",
        "requires": [monitor["id"]],
        "when_down": "skip",
        "defer_max_secs": "0",
        "severity": "critical",
        "channels": ["ops"],
        "depends_on": [monitor["id"]],
        "description": "all of it",
        "tags": "a, b",
        "status": "paused",
    }
    answer = await me.send("/jobs/new", said)
    assert answer.status == 303, answer.words
    job = (await tickd.call("GET", f"/v1{answer.location}")).json
    expected = said | {
        "headers": {"X-Team": "ops", "Authorization": "Bearer a:b"},
        "body": '{"all": true}\n',
        "tags": ["a", "b"],
        **{name: int(text) for name, text in said.items() if isinstance(text, str) and text.isdigit()},
    }
    del expected["signing_secret"]
    assert {name: job[name] for name in expected} == expected


async def test_what_is_wrong_stands_beside_its_field_in_the_apis_words(tickd: Harness, me: Browser) -> None:
    said = form(name="x", schedule="61 * * * *", endpoint="ftp://x", timeout_secs="999")
    answer = await me.send("/jobs/new", said)
    assert answer.status == 422 and "Nothing was saved: 3 fields need another value." in answer.words
    refused = await tickd.call("POST", "/v1/jobs", PLAIN | {"schedule": "61 * * * *"})
    assert refused.json["error"].removeprefix("schedule ") in answer.words
    assert 'id="error-timeout_secs"' in answer.text and "between 1 and 300" in answer.words
    assert values(answer)["schedule"] == "61 * * * *"
    assert (await tickd.call("GET", "/v1/jobs")).json["total"] == 0


async def test_all_that_is_wrong_is_told_at_once_and_once(tickd: Harness, me: Browser) -> None:
    wrong = {"schedule": "banana", "timezone": "Mars/X", "endpoint": "ftp://x", "headers": "Bad Name: x"}
    wrong |= {"name": "", "retries": "99"}
    answer = await me.send("/jobs/new", form(**wrong))
    assert {name for name in wrong if f'id="error-{name}"' not in answer.text} == set()
    assert "Nothing was saved: 6 fields need another value." in answer.words
    assert answer.text.count('class="error"') == 6
    assert (await tickd.call("GET", "/v1/jobs")).json["total"] == 0
    job = await tickd.job(**PLAIN)
    changed = await me.send(f"/jobs/{job['id']}/edit", form(**PLAIN | wrong))
    assert {name for name in wrong if f'id="error-{name}"' not in changed.text} == set()
    assert (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json["updated_at"] == job["updated_at"]


async def test_only_an_empty_form_begins_in_the_readers_zone(tickd: Harness, me: Browser) -> None:
    job = await tickd.job(**PLAIN)
    assert "data-zone-field" in (await me.get("/jobs/new")).text
    for path in (f"/jobs/new?from={job['id']}", f"/jobs/{job['id']}/edit"):
        assert "data-zone-field" not in (await me.get(path)).text
    assert "data-zone-field" not in (await me.send("/jobs/new", form(**PLAIN | {"name": ""}))).text


async def test_a_name_that_is_taken_changes_nobodys_job(tickd: Harness, me: Browser) -> None:
    job = await tickd.job(**PLAIN)
    answer = await me.send("/jobs/new", form(**PLAIN | {"endpoint": "http://127.0.0.1:10/"}))
    assert answer.status == 422 and 'id="error-name"' in answer.text
    assert "Name is taken by another job" in answer.words
    other = await tickd.job(**PLAIN | {"name": "other"})
    answer = await me.send(f"/jobs/{other['id']}/edit", form(**PLAIN))
    assert answer.status == 422 and "Name is taken by another job" in answer.words
    assert (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json == job


async def test_a_secret_is_masked_and_kept_when_the_mask_comes_back(tickd: Harness, me: Browser) -> None:
    given = {"Authorization": "Bearer hush", "X-Team": "ops"}
    job = await tickd.job(**PLAIN, headers=given, signing_secret="whisper", tags=["a"])
    path = f"/jobs/{job['id']}/edit"
    page = await me.get(path)
    assert "hush" not in page.text and "whisper" not in page.text
    shown = values(page)
    assert shown["headers"] == f"Authorization: {MASK}\nX-Team: ops"
    said = form(**PLAIN, headers=shown["headers"].replace("ops", "web"), tags="b")
    assert (await me.send(path, said)).status == 303
    job = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
    assert job["headers"] == {"Authorization": "Bearer hush", "X-Team": "web"} and job["tags"] == ["b"]
    assert (await tickd.daemon.services.jobs.get("acc_default", job["id"])).signing_secret == "whisper"
    # A mask with nothing behind it is refused.
    answer = await me.send(path, form(**PLAIN, headers=f"X-Api-Key: {MASK}"))
    assert answer.status == 422 and "has the mask" in answer.words
    assert (await me.send(path, form(**PLAIN, headers="", forget_secret="true"))).status == 303
    kept = await tickd.daemon.services.jobs.get("acc_default", job["id"])
    assert (kept.headers, kept.signing_secret) == ({}, "")


async def test_a_copy_leaves_the_secrets_out_and_says_so(tickd: Harness, me: Browser) -> None:
    given = {"Authorization": "Bearer hush", "X-Team": "ops"}
    job = await tickd.job(**PLAIN, headers=given, signing_secret="whisper", retries=7, status="paused")
    page = await me.get(f"/jobs/new?from={job['id']}")
    assert "fill in the header Authorization and the signing secret" in page.words
    assert "hush" not in page.text and "whisper" not in page.text
    shown = values(page)
    assert (shown["name"], shown["headers"], shown["retries"]) == ("nightly (copy)", "X-Team: ops", "7")


async def test_an_edit_of_nothing_changes_nothing(tickd: Harness, me: Browser) -> None:
    job = await tickd.job(**PLAIN)
    await tickd.clock.advance(5)
    assert (await me.send(f"/jobs/{job['id']}/edit", form(**PLAIN))).status == 303
    assert (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json == job


async def test_the_form_as_a_call_says_what_is_other_than_usual(tickd: Harness, me: Browser) -> None:
    said = form(**PLAIN, retries="5", do="request")
    assert sent(await me.send("/jobs/new", said)) == ("POST", PLAIN | {"retries": 5})
    job = await tickd.job(**PLAIN, headers={"Authorization": "Bearer hush"})
    answer = await me.send(
        f"/jobs/{job['id']}/edit", form(**PLAIN, headers=f"Authorization: {MASK}", retries="5", do="request")
    )
    assert sent(answer) == ("PATCH", {"retries": 5})
    assert "hush" not in answer.text
    part = await me.send("/jobs/new", said, headers={"HX-Request": "true"})
    assert "<html" not in part.text and sent(part)[1] == PLAIN | {"retries": 5}
    assert (await tickd.call("GET", "/v1/jobs")).json["total"] == 1


async def test_the_preview_tells_what_a_schedule_means(tickd: Harness, me: Browser) -> None:
    query = "schedule=30+2+*+*+*&timezone=Europe/Berlin"
    shown = (await me.fragment(f"/jobs/preview?{query}")).words
    assert "At 02:30 , Europe/Berlin time" in shown
    assert "Wed 4 Mar, 02:30 CET 01:30" in shown and "Sun 8 Mar, 02:30 CET 01:30" in shown
    assert "29 Mar 2026, 02:00 becomes 03:00: 02:30 does not exist, and runs at 03:00." in shown
    assert "25 Oct 2026, 03:00 becomes 02:00: 02:30 comes twice, and runs the first time only." in shown
    assert "No other job runs in the minute of the next run." in shown
    # The same without a script: the whole form comes back with it, and nothing is stored.
    page = await me.send("/jobs/new", form(**PLAIN, do="preview") | {"timezone": "Europe/Berlin"})
    assert page.status == 200 and "29 Mar 2026, 02:00 becomes 03:00" in page.words
    assert values(page)["name"] == "nightly"
    assert (await tickd.call("GET", "/v1/jobs")).json["total"] == 0


async def test_a_date_of_its_own_is_told_where_utc_has_another_day(me: Browser) -> None:
    shown = (await me.fragment("/jobs/preview?schedule=0+3+1+1+*&timezone=Asia/Tokyo")).words
    assert "Fri 1 Jan 2027, 03:00 JST 31 Dec, 18:00" in shown
    assert "None of them touches a run." in shown


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("schedule=61+*+*+*+*", "Schedule has 61 as minute, which must be 0-59."),
        ("schedule=@daily&timezone=Mars", "Time zone must be an IANA time zone such as Europe/Berlin."),
        ("schedule=", "The next runs show here as soon as there is a schedule that can be read."),
    ],
)
async def test_the_preview_says_what_is_wrong(me: Browser, query: str, sentence: str) -> None:
    assert sentence in (await me.fragment(f"/jobs/preview?{query}")).words


async def test_the_preview_counts_the_jobs_of_the_same_minute(tickd: Harness, me: Browser) -> None:
    mine = await tickd.job(name="mine", schedule="30 2 * * *")
    await tickd.job(name="a", schedule="*/30 * * * *")
    await tickd.job(name="b", schedule="30 3 * * *", timezone="Europe/Berlin")
    await tickd.job(name="paused", schedule="30 2 * * *", status="paused")
    await tickd.job(name="elsewhere", schedule="31 2 * * *")
    shown = (await me.fragment(f"/jobs/preview?schedule=30+2+*+*+*&job={mine['id']}")).words
    assert "2 other jobs run in the same minute as the next run." in shown
    assert "the fullest minute is 4 Mar 2026, 02:30 UTC , with the next runs of 2 jobs." in shown
    assert "3 other jobs" in (await me.fragment("/jobs/preview?schedule=30+2+*+*+*")).words


async def test_only_what_is_other_than_usual_is_unfolded(tickd: Harness, me: Browser) -> None:
    assert '<details class="section" open' not in (await me.get("/jobs/new")).text
    job = await tickd.job(**PLAIN, retries=7)
    page = await me.get(f"/jobs/{job['id']}/edit")
    opened = re.findall(r'<details class="section" open>\s*<summary><h2>([^<]+)', page.text)
    assert opened == ["Retries and failure"]


async def test_what_a_job_names_and_is_not_there_any_more_stays_chosen(tickd: Harness, me: Browser) -> None:
    job = await tickd.job(**PLAIN, requires=["mon_gone"], channels=["gone"])
    page = await me.get(f"/jobs/{job['id']}/edit")
    for name, value in (("requires", "mon_gone"), ("channels", "gone")):
        assert f'name="{name}" value="{value}" checked' in page.text


async def test_a_stored_header_does_not_follow_its_job_to_another_host(tickd: Harness, me: Browser) -> None:
    job = await tickd.job(**PLAIN, headers={"Authorization": "Bearer hush"})
    path = f"/jobs/{job['id']}/edit"
    moved = form(**PLAIN, headers=f"Authorization: {MASK}") | {"endpoint": "http://127.0.0.1:10/"}
    page = await me.send(path, moved)
    assert page.status == 422
    assert "has Authorization, which must be given again for another host" in page.words
    assert (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json["endpoint"] == PLAIN["endpoint"]
    again = moved | {"headers": "Authorization: Bearer new"}
    assert (await me.send(path, again)).status == 303
    same_host = moved | {"endpoint": "http://127.0.0.1:10/other"}
    assert (await me.send(path, same_host)).status == 303
    kept = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
    assert kept["headers"] == {"Authorization": "Bearer new"}
