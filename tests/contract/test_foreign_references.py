"""Two accounts on one daemon: what one names of the other's is as good as nothing, and never leaks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from tests.contract.people import OTHER, stranger
from tests.contract.telling import channel, failing, incidents, told
from tests.contract.watching import monitor, shown, watched
from tests.support.daemon import Harness, Reply, eventually
from tests.support.endpoint import Endpoint, serving

Other = Callable[..., Awaitable[Reply]]
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
async def receiver() -> AsyncIterator[Endpoint]:
    """Where the owner's alerts go."""
    async with serving() as made:
        yield made


@pytest.fixture
async def other(tickd: Harness) -> Other:
    """Calls as the other account."""
    key = await stranger(tickd)

    async def call(method: str, path: str, body: object = None) -> Reply:
        return await tickd.call(method, path, body, key=key)

    return call


async def broken(tickd: Harness, other: Other, **fields: Any) -> dict[str, Any]:
    """A monitor of the other account that fails, and whose incident is open."""
    plain = {"name": "theirs", "url": NOWHERE, "interval_secs": 86_400, "failure_threshold": 1}
    reply = await other("POST", "/v1/monitors", plain | fields)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json

    async def opened() -> bool:
        return bool((await other("GET", "/v1/incidents")).json["incidents"])

    await eventually(opened)
    return made


async def test_an_alert_never_goes_to_another_account_s_channel(
    tickd: Harness, other: Other, receiver: Endpoint
) -> None:
    ops = await channel(tickd, url=receiver.url, default=True)
    theirs = await broken(tickd, other, channels=[ops["id"], ops["name"]])
    (alert,) = (await other("GET", "/v1/alerts")).json["alerts"]
    assert (alert["state"], alert["why"]) == (
        "suppressed",
        "there is nowhere to send it: make a channel, or set the account's alert_email",
    )
    refused = await other("PATCH", "/v1/account", {"fallback_channel": ops["id"]})
    assert refused.status == 400
    assert (await other("POST", f"/v1/channels/{ops['id']}/test")).status == 404
    assert (await other("DELETE", f"/v1/monitors/{theirs['id']}")).status == 204
    assert receiver.calls == []


async def test_nothing_is_held_back_for_another_account_s_outage(
    tickd: Harness, other: Other, endpoint: Endpoint, receiver: Endpoint
) -> None:
    mine, _ = await failing(tickd, endpoint)
    assert (
        await other(
            "POST", "/v1/channels", {"name": "c", "kind": "webhook", "url": receiver.url, "default": True}
        )
    ).status == 201
    await broken(tickd, other, depends_on=[mine["id"]])
    (said,) = await told(receiver, 1)
    assert said["monitor_name"] == "theirs"
    assert mine["id"] not in str((await other("GET", "/v1/alerts")).json)


async def test_a_job_does_not_wait_for_another_account_s_monitor(
    tickd: Harness, other: Other, endpoint: Endpoint
) -> None:
    mine, _ = await failing(tickd, endpoint)
    endpoint.status = 200
    calls = len(endpoint.calls)
    job = {"name": "j", "schedule": "* * * * *", "endpoint": endpoint.url, "requires": [mine["id"]]}
    made = await other("POST", "/v1/jobs", job)
    assert made.status == 201, made.json
    await tickd.clock.advance(60.0)

    async def called() -> bool:
        return len(endpoint.calls) == calls + 1

    await eventually(called)


async def test_maintenance_covers_only_its_own_account(
    tickd: Harness, other: Other, endpoint: Endpoint
) -> None:
    site = await watched(tickd, url=endpoint.url, interval_secs=86_400, failure_threshold=1, tags=["web"])
    window = {"name": "w", "starts_at": "2026-03-03T00:00:00Z", "ends_at": "2026-03-04T00:00:00Z"}
    for of in ({"all": True}, {"tags": ["web"]}):
        assert (await other("POST", "/v1/maintenance", window | of)).status == 201
    foreign = await other("POST", "/v1/maintenance", window | {"subjects": [site["id"]]})
    unknown = await other("POST", "/v1/maintenance", window | {"subjects": ["mon_0000000000000000"]})
    assert foreign.status == unknown.status == 400
    assert unknown.json["error"].replace("mon_0000000000000000", site["id"]) == foreign.json["error"]
    endpoint.status = 503
    assert (await tickd.call("POST", f"/v1/monitors/{site['id']}/check")).status == 200

    async def opened() -> bool:
        return len(await incidents(tickd)) == 1

    await eventually(opened)


async def test_a_page_shows_only_its_own_account(tickd: Harness, other: Other) -> None:
    mine = await monitor(tickd, name="Mine alone", slug="mine")
    made = await other("POST", "/v1/monitors", {"name": "Theirs alone", "url": NOWHERE})
    assert made.status == 201
    page = {"visibility": "public", "jobs": True}
    assert (await tickd.call("POST", "/v1/status-pages", page | {"slug": "ours"})).status == 201
    assert (await other("POST", "/v1/status-pages", page | {"slug": "theirs"})).status == 201
    async with aiohttp.ClientSession() as visitor:
        for slug, there, absent in (
            ("ours", "Mine alone", "Theirs alone"),
            ("theirs", "Theirs alone", "Mine alone"),
        ):
            for path in (f"/status/{slug}", f"/status/{slug}.json", f"/status/{slug}/history"):
                async with visitor.get(tickd.url + path) as answer:
                    text = await answer.text()
                assert absent not in text
                assert there in text or path.endswith("history")
    groups = [{"name": "g", "subjects": [mine["id"]]}]
    unknown = [{"name": "g", "subjects": ["mon_0000000000000000"]}]
    foreign = await other("POST", "/v1/status-pages", page | {"slug": "three", "groups": groups})
    nothing = await other("POST", "/v1/status-pages", page | {"slug": "three", "groups": unknown})
    assert foreign.status == nothing.status == 400
    assert nothing.json["error"].replace("mon_0000000000000000", mine["id"]) == foreign.json["error"]


async def test_addresses_are_taken_without_a_word_of_whose_they_are(tickd: Harness, other: Other) -> None:
    page = {"slug": "open", "title": "Secret plans", "custom_domain": "status.example.com"}
    assert (await tickd.call("POST", "/v1/status-pages", page)).status == 201
    await monitor(tickd, name="Secret shop", slug="shop")
    for path, body in (
        ("/v1/status-pages", {"slug": "open"}),
        ("/v1/status-pages", {"slug": "more", "custom_domain": "status.example.com"}),
        ("/v1/monitors", {"name": "x", "url": NOWHERE, "slug": "shop"}),
        ("/v1/heartbeats", {"name": "x", "slug": "shop"}),
    ):
        reply = await other("POST", path, body)
        assert reply.status == 409, (path, reply.json)
        assert not any(word in reply.json["error"] for word in ("Secret", "acc_", "account", "default"))


async def test_names_are_each_account_s_own(tickd: Harness, other: Other) -> None:
    job = {"name": "nightly", "schedule": "@daily", "endpoint": NOWHERE}
    mine, theirs = await tickd.call("POST", "/v1/jobs", job), await other("POST", "/v1/jobs", job)
    assert (mine.status, theirs.status) == (201, 201)
    assert mine.json["id"] != theirs.json["id"]
    again = await other("POST", "/v1/jobs", job | {"description": "again"})
    assert (again.status, again.json["id"]) == (200, theirs.json["id"])
    assert (await tickd.call("GET", f"/v1/jobs/{mine.json['id']}")).json["description"] == ""
    hook = {"name": "ops", "kind": "webhook", "url": NOWHERE}
    assert [(await call("POST", "/v1/channels", hook)).status for call in (tickd.call, other)] == [201, 201]


async def test_what_is_private_has_no_badge_for_another_account(tickd: Harness, other: Other) -> None:
    private = await monitor(tickd, name="private", public=False, slug="private")
    assert (await shown(tickd, private["id"]))["public"] is False
    for path in (f"/badge/{private['id']}.svg", f"/badge/{private['id']}/status.svg", "/s/private"):
        async with aiohttp.ClientSession() as visitor, visitor.get(tickd.url + path) as answer:
            assert answer.status == 404
    found = await tickd.daemon._database.fetch("SELECT name FROM accounts WHERE id = ?", (OTHER,))
    assert [row[0] for row in found] == ["other"]
