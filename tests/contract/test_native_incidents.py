"""Incidents on the native face: what opens, updates, publishes and resolves them, and who may see them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.beating import heartbeat, sent, silent
from tests.contract.people import key_with, stranger
from tests.contract.served import Served
from tests.contract.telling import account, channel, do, failing, incident, incidents, latest, settled
from tests.contract.watching import look, monitor, watched
from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint, serving
from tickd.domain.incidents import UpdateRequest
from tickd.web.native.incidents import IncidentAnswer

DAY = 86_400
"""So rarely is a monitor looked at that no test is disturbed by its schedule."""
NOON = "2026-03-03T12:00:00Z"
MESSAGE = "must be text of at most 5000 characters"
STATUSES = "must be one of identified, investigating, monitoring, resolved"


async def job(tickd: Harness, endpoint: Endpoint, **fields: Any) -> dict[str, Any]:
    """A job of the endpoint that is called only by hand."""
    return await tickd.job(
        **{"endpoint": endpoint.url + "/run", "schedule": "@yearly", "retries": 0} | fields
    )


async def run(tickd: Harness, made: dict[str, Any], count: int) -> None:
    """Run the job, and wait until it has so many executions that have ended."""
    assert (await tickd.call("POST", f"/v1/jobs/{made['id']}/trigger")).status == 202

    async def ended() -> bool:
        found = await tickd.executions(made["id"])
        return len([one for one in found if one["finished_at"]]) == count

    await eventually(ended)


async def test_an_incident_of_a_monitor(tickd: Harness, endpoint: Endpoint) -> None:
    made, opened = await failing(tickd, endpoint, name="Shop", severity="critical")
    await tickd.clock.advance(75.9)
    assert set(await incident(tickd, opened["id"])) == set(IncidentAnswer.__struct_fields__)
    cause = opened.pop("cause")
    assert opened == {
        "id": opened["id"],
        "subject": {"kind": "monitor", "id": made["id"], "name": "Shop"},
        "severity": "critical",
        "status": "open",
        "draft": False,
        "acknowledged_at": None,
        "published_at": NOON,
        "publish_at": None,
        "started_at": NOON,
        "opened_at": NOON,
        "resolved_at": None,
        "duration_secs": None,
        "updates": [],
    }
    assert opened["id"].startswith("inc_") and len(opened["id"]) >= 16
    assert (cause["error"], cause["status_code"], cause["execution_id"]) == ("status code 503", 503, None)
    endpoint.status = 200
    await look(tickd, made["id"])
    ended = await latest(tickd, made, "resolved")
    # A check of the schedule may come in the same millisecond: the later one has the next.
    assert ended["resolved_at"].startswith("2026-03-03T12:01:15.90")
    over = {"cause": cause, "status": "resolved", "resolved_at": ended["resolved_at"], "duration_secs": 75}
    assert ended == opened | over


async def test_one_incident_from_the_first_bad_check_to_the_last(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(
        tickd, url=endpoint.url, interval_secs=DAY, failure_threshold=3, recovery_threshold=2
    )
    for number, code in enumerate((500, 502, 503, 504, 200, 504, 200, 200)):
        await tickd.clock.advance(1.0)
        endpoint.status = code
        await look(tickd, made["id"])
        assert len(await incidents(tickd)) == (number >= 2)
    (only,) = await incidents(tickd)
    assert (only["started_at"], only["opened_at"]) == ("2026-03-03T12:00:01Z", "2026-03-03T12:00:03Z")
    assert (only["cause"]["error"], only["cause"]["at"]) == ("status code 500", "2026-03-03T12:00:01Z")
    assert (only["resolved_at"], only["duration_secs"]) == ("2026-03-03T12:00:08Z", 7)


async def test_an_incident_of_a_job(tickd: Harness, endpoint: Endpoint) -> None:
    made = await job(tickd, endpoint, name="nightly", failure_threshold=2)
    endpoint.status, endpoint.text = 500, "no space left on device"
    await run(tickd, made, 1)
    assert await incidents(tickd) == []
    await run(tickd, made, 2)
    opened = await latest(tickd, made)
    assert opened["subject"] == {"kind": "job", "id": made["id"], "name": "nightly"}
    cause = opened["cause"]
    assert cause["error"] == "the endpoint answered 500 Internal Server Error"
    assert (cause["status_code"], cause["body"]) == (500, "no space left on device")
    assert cause["execution_id"] in [one["id"] for one in await tickd.executions(made["id"])]
    assert (cause["timings"], cause["last_good"]) == (None, None)
    await tickd.clock.advance(10.0)
    endpoint.status = 200
    await run(tickd, made, 3)
    assert (await latest(tickd, made, "resolved"))["duration_secs"] == 10


async def test_an_incident_of_a_heartbeat_that_is_silent(tickd: Harness) -> None:
    made = await heartbeat(tickd, interval_secs=60, grace_secs=30, name="backup")
    await sent(tickd, f"/p/{made['token']}")
    await silent(tickd, made["id"], 90.0, 1)
    assert await incidents(tickd) == []
    await silent(tickd, made["id"], 60.0, 2)
    opened = await latest(tickd, made)
    assert opened["subject"] == {"kind": "heartbeat", "id": made["id"], "name": "backup"}
    assert opened["severity"] == "minor"
    assert opened["cause"]["error"] == "no ping: expected at 2026-03-03T12:01:00Z, with a grace of 30 s"
    await sent(tickd, f"/p/{made['token']}")
    assert (await latest(tickd, made, "resolved"))["resolved_at"] == "2026-03-03T12:02:30Z"


@pytest.mark.parametrize(
    ("path", "body", "error", "kept"),
    [
        ("/p/{token}/fail", None, "the job reported a failure", None),
        ("/p/{token}/fail", "tar: no space left", "tar: no space left", "tar: no space left"),
        ("/p/{token}/3", None, "the job ended with exit status 3", None),
        ("/p/{short_token}/255", None, "the job ended with exit status 255", None),
        ("/ping/{token}/fail", None, "the job reported a failure", None),
        ("/api/push/{token}?status=down&msg=disk+full", None, "disk full", None),
    ],
)
async def test_an_incident_of_a_heartbeat_that_reports_a_failure(
    tickd: Harness, path: str, body: str | None, error: str, kept: str | None
) -> None:
    made = await heartbeat(tickd, failure_threshold=10)
    method = "GET" if "push" in path else "POST"
    await sent(tickd, path.format(**made), method=method, data=body)
    opened = await latest(tickd, made)
    assert (opened["cause"]["error"], opened["cause"]["body"]) == (error, kept)
    # Another failure is of the same incident.
    await sent(tickd, f"/p/{made['token']}/fail")
    await sent(tickd, f"/p/{made['token']}/start")
    assert len(await incidents(tickd)) == 1
    await sent(tickd, f"/p/{made['token']}/0")
    await latest(tickd, made, "resolved")


async def test_kodos_down_opens_and_up_resolves(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    path = f"/api/heartbeat/{made['id']}"
    for status, states in (
        ("degraded", []),
        ("down", ["open"]),
        ("down", ["open"]),
        ("degraded", ["open"]),
        ("up", ["resolved"]),
        ("down", ["open", "resolved"]),
    ):
        said = {"status": status, "message": f"it is {status}"}
        assert (await tickd.call("POST", path, said)).status == 200
        assert [one["status"] for one in await incidents(tickd)] == states
        await tickd.clock.advance(1.0)
    assert {one["cause"]["error"] for one in await incidents(tickd)} == {"it is down"}


async def test_lists_are_newest_first_and_filtered(tickd: Harness, endpoint: Endpoint) -> None:
    shop = (await failing(tickd, endpoint, name="shop"))[0]
    await tickd.clock.advance(7200.0)
    beat = await heartbeat(tickd)
    await sent(tickd, f"/p/{beat['token']}/fail")
    await sent(tickd, f"/p/{beat['token']}")
    await tickd.clock.advance(1.0)
    nightly = await job(tickd, endpoint)
    await run(tickd, nightly, 1)
    await latest(tickd, nightly)

    async def names(query: str) -> list[str]:
        return [one["subject"]["name"] for one in await incidents(tickd, query)]

    assert await names("") == ["nightly", "backup", "shop"]
    assert await names("?status=open") == ["nightly", "shop"]
    assert await names("?status=resolved") == ["backup"]
    assert await names("?kind=job") == ["nightly"]
    assert await names("?kind=heartbeat&status=open") == []
    assert await names(f"?subject={shop['id']}") == ["shop"]
    assert await names("?subject=mon_nothing") == []
    assert await names("?hours=1") == ["nightly", "backup"]
    assert await names("?hours=2") == ["nightly", "backup"]
    assert await names("?hours=3") == ["nightly", "backup", "shop"]
    assert await names("?hours=0") == ["nightly", "backup"]
    assert await names("?hours=-5") == ["nightly", "backup"]
    assert await names("?hours=999999999") == ["nightly", "backup", "shop"]
    assert await names("?status=&kind=&hours=") == ["nightly", "backup", "shop"]
    assert await names("?limit=1&offset=1") == ["backup"]
    assert all("related" not in one for one in await incidents(tickd))
    for query, shown in (
        ("", (100, 0, 3)),
        ("?limit=0&offset=-1", (1, 0, 3)),
        ("?limit=501", (500, 0, 3)),
        ("?limit=2&offset=5&status=open", (2, 5, 2)),
    ):
        reply = (await tickd.call("GET", f"/v1/incidents{query}")).json
        assert (reply["limit"], reply["offset"], reply["total"]) == shown


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("status=closed", "status must be one of open, resolved"),
        ("kind=page", "kind must be one of heartbeat, job, monitor"),
        ("hours=many", "hours must be a whole number"),
        ("hours=1.5", "hours must be a whole number"),
        ("limit=ten", "limit must be a whole number"),
        ("offset=x", "offset must be a whole number"),
    ],
)
def test_a_wrong_filter_is_refused(served: Served, query: str, sentence: str) -> None:
    reply = served.call("GET", f"/v1/incidents?{query}")
    assert (reply.status, reply.json) == (400, {"error": sentence})


async def test_acknowledging_once_is_as_twice(tickd: Harness, endpoint: Endpoint) -> None:
    made, opened = await failing(tickd, endpoint)
    await tickd.clock.advance(5.0)
    first = await do(tickd, opened["id"], "acknowledge")
    assert (first.status, first.json) == (200, opened | {"acknowledged_at": "2026-03-03T12:00:05Z"})
    await tickd.clock.advance(5.0)
    again = await do(tickd, opened["id"], "acknowledge", {})
    assert (again.status, again.json) == (200, first.json)
    endpoint.status = 200
    await look(tickd, made["id"])
    late = await do(tickd, opened["id"], "acknowledge")
    assert (late.status, late.json) == (409, {"error": "this incident is resolved"})
    assert (await incident(tickd, opened["id"]))["acknowledged_at"] == "2026-03-03T12:00:05Z"


async def test_a_draft_is_published_by_hand(tickd: Harness, endpoint: Endpoint) -> None:
    await account(tickd, draft_incidents=True)
    _, opened = await failing(tickd, endpoint)
    assert (opened["draft"], opened["published_at"], opened["publish_at"]) == (True, None, None)
    await tickd.clock.advance(86_400.0)
    published = await do(tickd, opened["id"], "publish")
    assert (published.status, published.json["draft"]) == (200, False)
    assert published.json["published_at"] == "2026-03-04T12:00:00Z"
    await tickd.clock.advance(1.0)
    assert (await do(tickd, opened["id"], "publish")).json == published.json


async def test_a_draft_publishes_itself_after_its_delay(tickd: Harness, endpoint: Endpoint) -> None:
    await account(tickd, draft_incidents=True, publish_after_secs=600)
    _, opened = await failing(tickd, endpoint)
    assert (opened["draft"], opened["publish_at"]) == (True, "2026-03-03T12:10:00Z")
    await tickd.clock.advance(599.0)
    assert (await incident(tickd, opened["id"]))["draft"] is True
    await tickd.clock.advance(1.0)

    async def public() -> dict[str, Any]:
        found = await incident(tickd, opened["id"])
        return {} if found["draft"] else found

    found = await eventually(public)
    assert (found["published_at"], found["publish_at"]) == ("2026-03-03T12:10:00Z", None)


async def test_a_draft_that_ends_is_not_published_afterwards(tickd: Harness, endpoint: Endpoint) -> None:
    await account(tickd, draft_incidents=True, publish_after_secs=60)
    made, opened = await failing(tickd, endpoint)
    endpoint.status = 200
    await look(tickd, made["id"])
    found = await latest(tickd, made, "resolved")
    await tickd.clock.advance(120.0)
    assert (found["draft"], found["publish_at"]) == (True, None)
    assert (await incident(tickd, opened["id"]))["draft"] is True


async def test_a_draft_is_told_all_the_same(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url)
        await account(tickd, draft_incidents=True)
        await failing(tickd, endpoint)
        assert [one["state"] for one in await settled(tickd)] == ["sent"]


async def test_a_timeline_is_written_and_ends_the_incident(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url)
        made, opened = await failing(tickd, endpoint)
        for second, (status, message) in enumerate(
            [("investigating", "We are looking. \N{EYES}"), ("identified", ""), ("monitoring", "x" * 5000)], 1
        ):
            await tickd.clock.advance(1.0)
            reply = await do(tickd, opened["id"], "updates", {"status": status, "message": message})
            assert reply.status == 201
            assert reply.json["updates"][-1] == {
                "status": status,
                "message": message,
                "created_at": f"2026-03-03T12:00:0{second}Z",
            }
            assert (len(reply.json["updates"]), reply.json["status"]) == (second, "open")
        done = await do(tickd, opened["id"], "updates", {"status": "resolved", "message": "Fixed."})
        assert (done.status, done.json["status"], done.json["duration_secs"]) == (201, "resolved", 3)
        refused = await do(tickd, opened["id"], "updates", {"status": "monitoring"})
        assert (refused.status, refused.json) == (409, {"error": "this incident is resolved"})
        after = await do(tickd, opened["id"], "updates", {"status": "resolved", "message": "It was DNS."})
        assert (after.status, after.json["resolved_at"]) == (201, "2026-03-03T12:00:03Z")
        assert [one["message"] for one in after.json["updates"]][3:] == ["Fixed.", "It was DNS."]
        # It still fails: what was ended by hand is not opened again by the same failure.
        await look(tickd, made["id"])
        assert len(await incidents(tickd)) == 1
        assert [one["event"] for one in await settled(tickd)] == ["recovered", "down"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "status is required"),
        ({"status": None}, "status is required"),
        ({"status": "fixed"}, f"status {STATUSES}"),
        ({"status": 1}, f"status {STATUSES}"),
        ({"status": "monitoring", "message": 1}, f"message {MESSAGE}"),
        ({"status": "monitoring", "message": "x" * 5001}, f"message {MESSAGE}"),
        ({"status": "monitoring", "message": ["x"]}, f"message {MESSAGE}"),
    ],
    ids=str,
)
def test_an_update_that_can_not_be(served: Served, body: dict[str, Any], sentence: str) -> None:
    reply = served.call("POST", "/v1/incidents/inc_nothing/updates", body)
    assert (reply.status, reply.json) == (400, {"error": sentence})
    assert set(UpdateRequest.__struct_fields__) == {"status", "message"}


async def test_an_update_that_two_say_at_once_ends_it_once(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url)
        _, opened = await failing(tickd, endpoint)
        said = {"status": "resolved", "message": "done"}
        replies = await asyncio.gather(*(do(tickd, opened["id"], "updates", said) for _ in range(8)))
        assert [reply.status for reply in replies] == [201] * 8
        assert [one["event"] for one in await settled(tickd)] == ["recovered", "down"]


async def test_a_subject_that_is_deleted_takes_its_incident_along(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url)
        made, opened = await failing(tickd, endpoint)
        beat = await heartbeat(tickd)
        await sent(tickd, f"/p/{beat['token']}/fail")
        nightly = await job(tickd, endpoint)
        await run(tickd, nightly, 1)
        await latest(tickd, nightly)
        for noun, subject in (("monitors", made), ("heartbeats", beat), ("jobs", nightly)):
            assert (await tickd.call("DELETE", f"/v1/{noun}/{subject['id']}")).status == 204
            ended = await latest(tickd, subject, "resolved")
            (said,) = ended["updates"]
            assert (said["status"], said["message"]) == ("resolved", f"The {noun[:-1]} was deleted.")
        assert (await incident(tickd, opened["id"]))["subject"]["name"] == "site"
        assert "recovered" not in [one["event"] for one in await settled(tickd)]


async def test_a_paused_monitor_keeps_its_incident_until_it_is_well(
    tickd: Harness, endpoint: Endpoint
) -> None:
    made, opened = await failing(tickd, endpoint)
    await tickd.call("POST", f"/v1/monitors/{made['id']}/pause")
    endpoint.status = 200
    await look(tickd, made["id"])
    assert (await incident(tickd, opened["id"]))["status"] == "open"
    await tickd.call("POST", f"/v1/monitors/{made['id']}/resume")
    assert (await latest(tickd, made, "resolved"))["id"] == opened["id"]


async def test_the_name_is_that_of_the_beginning(tickd: Harness, endpoint: Endpoint) -> None:
    made, opened = await failing(tickd, endpoint, name="old")
    await tickd.call("PATCH", f"/v1/monitors/{made['id']}", {"name": "new"})
    assert (await incident(tickd, opened["id"]))["subject"]["name"] == "old"


CALLS = [
    ("GET", ""),
    ("POST", "/acknowledge"),
    ("POST", "/publish"),
    ("POST", "/updates"),
]


async def test_who_may_do_what(tickd: Harness, endpoint: Endpoint) -> None:
    _, opened = await failing(tickd, endpoint)
    reader, pinger = await key_with(tickd, "read"), await key_with(tickd, "heartbeat:write")
    other = await stranger(tickd)
    path, said = f"/v1/incidents/{opened['id']}", {"status": "resolved", "message": "ha"}
    for method, tail in CALLS:
        refused = await tickd.call(method, path + tail, said if tail == "/updates" else None, key=other)
        assert (refused.status, refused.json) == (404, {"error": f"no incident {opened['id']}"})
        assert (await tickd.call(method, path + tail, said, key=pinger)).status == 403
        assert (await tickd.call(method, path + tail, said, key=None)).status == 401
        assert (await tickd.call(method, path + tail, said, key=reader)).status == (403 if tail else 200)
    listed = (await tickd.call("GET", "/v1/incidents", key=other)).json
    assert (listed["incidents"], listed["total"]) == ([], 0)
    assert (await tickd.call("GET", f"/v1/incidents?subject={opened['subject']['id']}", key=other)).json[
        "total"
    ] == 0
    assert (await tickd.call("GET", "/v1/incidents", key=pinger)).status == 403
    assert (await incident(tickd, opened["id"]))["updates"] == []


@pytest.mark.parametrize("name", ["inc_nothing", "x", "%00", "inc_" + "0" * 3000, "…", "a%2Fb"])
def test_an_id_that_is_nobodys(served: Served, name: str) -> None:
    for method, tail in CALLS:
        body = {"status": "monitoring"} if tail == "/updates" else None
        reply = served.call(method, f"/v1/incidents/{name}{tail}", body)
        assert (reply.status, list(reply.json)) == (404, ["error"])


async def test_a_monitor_that_was_never_well_has_an_incident_too(tickd: Harness) -> None:
    made = await monitor(tickd, failure_threshold=1)
    opened = await latest(tickd, made)
    assert opened["cause"]["last_good"] is None
    assert opened["cause"]["status_code"] is None
