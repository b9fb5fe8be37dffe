"""`GET /v1/metrics`: each subject of one's own account, and nobody else's."""

from __future__ import annotations

import re

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.daemon import KEY, NOON, Harness, eventually
from tests.support.endpoint import Endpoint
from tickd.domain.accounts import KeyRequest
from tickd.web.metrics import subjects


async def scraped(tickd: Harness, key: str | None = KEY) -> dict[str, Metric]:
    """The families by their names."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with tickd._session.get(tickd.url + "/v1/metrics", headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        return {one.name: one for one in text_string_to_metric_families(await answer.text())}


def numbers(family: Metric) -> dict[str, float]:
    """What it says, by the subject's name."""
    return {one.labels["name"]: one.value for one in family.samples}


async def test_it_needs_a_key(tickd: Harness) -> None:
    assert (await tickd.call("GET", "/v1/metrics", key=None)).status == 401


async def test_an_empty_account_has_families_and_no_samples(tickd: Harness) -> None:
    families = await scraped(tickd)
    assert list(families) == [one.name for one in subjects.FAMILIES]
    assert not any(family.samples for family in families.values())


async def test_each_subject_is_told_with_its_state_and_latest_result(
    tickd: Harness, endpoint: Endpoint
) -> None:
    job = await tickd.job(name='the "nightly"\\ one', endpoint=endpoint.url)
    await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")
    beat = (await tickd.call("POST", "/v1/heartbeats", {"name": "beat"})).json
    await tickd.call("GET", f"/p/{beat['token']}", key=None)
    await tickd.call("POST", "/v1/heartbeats", {"name": "silent"})
    monitor = {"name": "gone", "url": "http://127.0.0.1:9/", "failure_threshold": 1}
    gone = (await tickd.call("POST", "/v1/monitors", monitor)).json
    await tickd.call("POST", f"/v1/monitors/{gone['id']}/check")

    async def ended() -> bool:
        return bool((await tickd.executions(job["id"]))[0]["status"] == "success")

    await eventually(ended)
    families = await scraped(tickd)
    name = 'the "nightly"\\ one'
    assert numbers(families["tickd_subject_up"]) == {name: 1, "beat": 1, "gone": 0}
    states = {one.labels["name"]: one.labels["state"] for one in families["tickd_subject_state"].samples}
    assert states == {name: "up", "beat": "up", "silent": "pending", "gone": "down"}
    assert numbers(families["tickd_subject_success_timestamp_seconds"]) == {
        name: NOON / 1000,
        "beat": NOON / 1000,
    }
    assert set(numbers(families["tickd_subject_last_timestamp_seconds"])) == {name, "beat", "gone"}
    assert set(numbers(families["tickd_subject_duration_seconds"])) >= {name}
    assert numbers(families["tickd_subject_next_timestamp_seconds"])[name] > NOON / 1000
    (sample,) = [one for one in families["tickd_subject_up"].samples if one.labels["name"] == name]
    assert sample.labels == {"kind": "job", "id": job["id"], "name": name}


async def test_a_silence_is_no_ping(tickd: Harness) -> None:
    beat = (await tickd.call("POST", "/v1/heartbeats", {"name": "beat", "interval_secs": 60})).json
    await tickd.call("GET", f"/p/{beat['token']}", key=None)
    await tickd.clock.advance(3600)

    async def missed() -> bool:
        families = await scraped(tickd)
        return numbers(families["tickd_subject_last_timestamp_seconds"])["beat"] > NOON / 1000

    await eventually(missed)
    families = await scraped(tickd)
    assert numbers(families["tickd_subject_ping_timestamp_seconds"]) == {"beat": NOON / 1000}
    assert numbers(families["tickd_subject_up"]) == {"beat": 0}
    # What is paused is not forgotten: the rule asks for both.
    await tickd.call("POST", f"/v1/heartbeats/{beat['id']}/pause")
    assert numbers((await scraped(tickd))["tickd_subject_up"]) == {}


async def test_strangers_see_nothing(tickd: Harness) -> None:
    await tickd.job()
    accounts = tickd.daemon.services.accounts
    stranger = await accounts.create("stranger")
    _, secret = await accounts.create_key(stranger.id, KeyRequest(name="key", scopes=["read"]))
    assert not any(family.samples for family in (await scraped(tickd, secret)).values())


async def test_many_are_read_in_pages_and_each_once(tickd: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "PAGE", 3)
    for number in range(8):
        await tickd.call("POST", "/v1/heartbeats", {"name": f"beat {number}"})
    names = sorted(one.labels["name"] for one in (await scraped(tickd))["tickd_subject_state"].samples)
    assert names == [f"beat {number}" for number in range(8)]


def test_names_and_words_are_as_prometheus_wants_them() -> None:
    for family in subjects.FAMILIES:
        assert re.fullmatch("tickd_subject_[a-z_]+", family.name)
        assert family.words.endswith(".")
