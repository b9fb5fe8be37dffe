"""Heartbeats on the native face: made, found, changed, paused, rotated, deleted, and kept from strangers."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from tests.contract.beating import edited, events_of, heartbeat, pings_of, sent, shown, silent
from tests.contract.people import key_with, stranger
from tests.contract.watching import monitor, picture
from tests.support.daemon import Harness
from tickd.domain.badges import AMBER, GREEN, GREY, RED

MASK = "••••••"
ROUTES = [
    ("GET", "/v1/heartbeats/{id}", None),
    ("PUT", "/v1/heartbeats/{id}", {"name": "mine"}),
    ("PATCH", "/v1/heartbeats/{id}", {"name": "mine"}),
    ("POST", "/v1/heartbeats/{id}/pause", None),
    ("PATCH", "/v1/heartbeats/{id}/pause", None),
    ("POST", "/v1/heartbeats/{id}/resume", None),
    ("PATCH", "/v1/heartbeats/{id}/resume", None),
    ("POST", "/v1/heartbeats/{id}/rotate-token", None),
    ("GET", "/v1/heartbeats/{id}/pings", None),
    ("GET", "/v1/heartbeats/{id}/pings/{ping}", None),
    ("GET", "/v1/heartbeats/{id}/events", None),
    ("GET", "/api/v1/monitors/{id}", None),
    ("GET", "/api/v1/monitors/{id}/checks", None),
    ("PUT", "/api/v1/monitors/{id}", {"name": "mine"}),
    ("PATCH", "/api/v1/monitors/{id}", {"name": "mine"}),
    ("GET", "/api/heartbeat/{id}", None),
    ("POST", "/api/heartbeat/{id}", {"status": "down"}),
    ("DELETE", "/api/v1/monitors/{id}", None),
    ("DELETE", "/v1/heartbeats/{id}", None),
]
"""Every call that a heartbeat's id leads to, the deadly ones last."""
READING = [(method, path) for method, path, _ in ROUTES if method == "GET" and "/api/heartbeat" not in path]


async def pinged(tickd: Harness, **fields: Any) -> tuple[dict[str, Any], str]:
    """A heartbeat that was pinged once, and the id of its ping."""
    made = await heartbeat(tickd, **fields)
    await sent(tickd, f"/p/{made['token']}")
    (ping,) = await pings_of(tickd, made["id"])
    return await shown(tickd, made["id"]), ping["id"]


async def test_from_making_to_deleting(tickd: Harness) -> None:
    made = await heartbeat(tickd, name="daily backup", interval_secs=86_400, grace_secs=3600)
    path = f"/v1/heartbeats/{made['id']}"
    assert (made["status"], made["state"]) == ("active", "pending")
    reply = await tickd.call("POST", f"/v1/heartbeats/{made['token']}/ping", key=None)
    assert (reply.status, reply.json) == (200, {"status": "ok"})
    up = await shown(tickd, made["id"])
    beat = {
        "state": "up",
        "last_pinged_at": "2026-03-03T12:00:00Z",
        "next_expected_at": "2026-03-04T12:00:00Z",
    }
    assert up == made | beat
    changed = await tickd.call("PUT", path, {"interval_secs": 3600})
    assert changed.json == up | {"interval_secs": 3600, "next_expected_at": "2026-03-03T13:00:00Z"}
    gone = await tickd.call("DELETE", path)
    assert (gone.status, gone.json) == (204, None)
    for method, route, body in ROUTES:
        again = await tickd.call(method, route.format(id=made["id"], ping="png_0"), body)
        assert again.status == 404, route
    for token in (made["token"], made["short_token"]):
        assert (await tickd.call("GET", f"/p/{token}", key=None)).status == 404
    assert (await tickd.call("GET", "/v1/heartbeats")).json["total"] == 0


async def test_ids_and_tokens_are_never_twice_the_same(tickd: Harness) -> None:
    made = [await heartbeat(tickd) for _ in range(20)]
    for field in ("id", "token", "short_token", "ping_url", "slug"):
        assert len({one[field] for one in made}) == 20, field


async def test_an_empty_body_is_an_empty_object(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    json = {"Content-Type": "application/json"}
    for method, path, _ in ROUTES[:-2]:
        if "{ping}" in path or "/api/heartbeat" in path or path.endswith("rotate-token"):
            continue
        reply = await tickd.call(method, path.format(id=made["id"]), headers=json)
        assert reply.status == 200, path
    assert await shown(tickd, made["id"]) == made


async def test_they_are_listed_by_name_in_pages(tickd: Harness) -> None:
    made = {name: await heartbeat(tickd, name=name) for name in ("c", "a", "b")}
    reply = await tickd.call("GET", "/v1/heartbeats")
    ordered = [made[name] for name in "abc"]
    assert reply.json == {"heartbeats": ordered, "limit": 100, "offset": 0, "total": 3}
    part = (await tickd.call("GET", "/v1/heartbeats?limit=1&offset=1")).json
    assert part == {"heartbeats": [made["b"]], "limit": 1, "offset": 1, "total": 3}
    for query, limit, offset in (("limit=0", 1, 0), ("limit=501", 500, 0), ("offset=-1", 100, 0)):
        found = (await tickd.call("GET", f"/v1/heartbeats?{query}")).json
        assert (found["limit"], found["offset"]) == (limit, offset)
    assert (await tickd.call("GET", "/v1/heartbeats?limit=x")).status == 400


async def test_they_are_filtered(tickd: Harness) -> None:
    await heartbeat(tickd, name="a", tags=["db", "night"], group="Prod")
    await heartbeat(tickd, name="b", tags=["db"], status="paused")
    failing = await heartbeat(tickd, name="c", group="Prod")
    await sent(tickd, f"/p/{failing['token']}/fail")

    async def names(query: str) -> list[str]:
        found = (await tickd.call("GET", f"/v1/heartbeats?{query}")).json
        assert found["total"] == len(found["heartbeats"])
        return [one["name"] for one in found["heartbeats"]]

    assert await names("status=active") == ["a"]
    assert await names("status=paused") == ["b"]
    assert await names("status=failing") == ["c"]
    assert await names("tag=db") == ["a", "b"]
    assert await names("tag=d") == []
    assert await names("group=Prod&status=failing") == ["c"]
    assert await names("group=prod") == []
    reply = await tickd.call("GET", "/v1/heartbeats?status=down")
    assert reply.json == {"error": "status must be one of active, failing, paused"}


PAUSING = [
    ("POST", "/pause", None),
    ("PATCH", "/pause", None),
    ("PATCH", "", {"status": "paused"}),
    ("PUT", "", {"status": "paused"}),
    ("PATCH", "", {"paused": True}),
]
RESUMING = [
    ("POST", "/resume", None),
    ("PATCH", "/resume", None),
    ("PATCH", "", {"status": "active"}),
    ("PUT", "", {"status": "active"}),
    ("PATCH", "", {"paused": False}),
]


@pytest.mark.parametrize(("pausing", "resuming"), [*zip(PAUSING, RESUMING, strict=True)])
async def test_pause_and_resume_in_every_form(
    tickd: Harness, pausing: tuple[str, str, Any], resuming: tuple[str, str, Any]
) -> None:
    made, _ = await pinged(tickd, interval_secs=3600)
    path = f"/v1/heartbeats/{made['id']}"
    await tickd.clock.advance(60)
    still = {"status": "paused", "next_expected_at": None, "updated_at": "2026-03-03T12:01:00Z"}
    for _ in range(2):
        paused = await tickd.call(pausing[0], path + pausing[1], pausing[2])
        assert (paused.status, paused.json) == (200, made | still)
        await tickd.clock.advance(30)
    assert (await tickd.call("POST", f"/v1/heartbeats/{made['token']}/ping", key=None)).json == {
        "status": "paused"
    }
    assert await shown(tickd, made["id"]) == made | still
    again = {"next_expected_at": "2026-03-03T13:02:00Z", "updated_at": "2026-03-03T12:02:00Z"}
    for _ in range(2):
        resumed = await tickd.call(resuming[0], path + resuming[1], resuming[2])
        assert (resumed.status, resumed.json) == (200, made | again)
        await tickd.clock.advance(30)


async def test_what_is_paused_misses_nothing(tickd: Harness) -> None:
    made, _ = await pinged(tickd, interval_secs=60, grace_secs=0)
    await edited(tickd, made["id"], status="paused")
    await tickd.clock.advance(3600)
    found = await edited(tickd, made["id"], status="active")
    assert (found["consecutive_misses"], found["next_expected_at"]) == (0, "2026-03-03T13:01:00Z")
    assert (await silent(tickd, made["id"], 60, 1))["state"] == "late"
    assert [one["kind"] for one in await events_of(tickd, made["id"])] == ["missed"]


async def test_only_a_ping_recovers_what_fails(tickd: Harness) -> None:
    made, _ = await pinged(tickd)
    await sent(tickd, f"/p/{made['token']}/fail")
    assert (await edited(tickd, made["id"], status="paused"))["status"] == "paused"
    resumed = await edited(tickd, made["id"], status="active")
    assert (resumed["status"], resumed["state"], resumed["consecutive_misses"]) == ("failing", "down", 0)
    await sent(tickd, f"/p/{made['token']}")
    assert (await shown(tickd, made["id"]))["status"] == "active"


async def test_what_was_never_pinged_waits_on(tickd: Harness) -> None:
    made = await heartbeat(tickd, interval_secs=60, grace_secs=0, status="paused")
    assert (made["status"], made["state"]) == ("paused", "pending")
    resumed = await edited(tickd, made["id"], status="active")
    await tickd.clock.advance(86_400)
    assert await shown(tickd, made["id"]) == resumed
    assert (resumed["state"], resumed["next_expected_at"]) == ("pending", None)


async def test_silence_by_the_rule(tickd: Harness) -> None:
    made, _ = await pinged(tickd, interval_secs=600, grace_secs=60, failure_threshold=2)
    await tickd.clock.advance(600)
    assert (await shown(tickd, made["id"]))["state"] == "up"
    await tickd.clock.advance(1)
    assert (await shown(tickd, made["id"]))["state"] == "late"
    missed = await silent(tickd, made["id"], 59, 1)
    assert (missed["status"], missed["state"]) == ("active", "late")
    assert missed["next_expected_at"] == "2026-03-03T12:20:00Z"
    failing = await silent(tickd, made["id"], 600, 2)
    assert (failing["status"], failing["state"]) == ("failing", "down")
    await sent(tickd, f"/v1/heartbeats/{made['token']}/ping", method="POST")
    well = await shown(tickd, made["id"])
    assert (well["status"], well["state"], well["consecutive_misses"]) == ("active", "up", 0)
    recovered, second, first = await events_of(tickd, made["id"])
    assert [one["kind"] for one in (first, second, recovered)] == ["missed", "missed", "success"]
    assert [one["flip"] for one in (first, second, recovered)] == [None, "failing", "recovered"]
    assert [one["at"] for one in (first, second)] == ["2026-03-03T12:11:00Z", "2026-03-03T12:21:00Z"]
    assert first["message"] == "no ping: expected at 2026-03-03T12:10:00Z, with a grace of 60 s"
    assert set(first) == {"id", "heartbeat_id", "at", "kind", "flip", "repaired", "message"}


async def test_a_schedule_by_the_clock_of_its_zone(tickd: Harness) -> None:
    made, _ = await pinged(tickd, schedule="0 2 * * *", timezone="America/New_York")
    assert made["next_expected_at"] == "2026-03-04T07:00:00Z"
    berlin = await edited(tickd, made["id"], timezone="Europe/Berlin")
    assert berlin["next_expected_at"] == "2026-03-04T01:00:00Z"
    # On 8 March New York has no 02:00.
    new_york = await edited(tickd, made["id"], timezone="America/New_York", schedule="30 2 8 3 *")
    assert new_york["next_expected_at"] == "2026-03-08T07:00:00Z"


async def test_an_edit_makes_no_period_missed(tickd: Harness) -> None:
    made, _ = await pinged(tickd, interval_secs=86_400, grace_secs=60)
    await tickd.clock.advance(7200)
    shorter = await edited(tickd, made["id"], interval_secs=3600)
    assert (shorter["consecutive_misses"], shorter["next_expected_at"]) == (0, "2026-03-03T15:00:00Z")
    longer = await edited(tickd, made["id"], interval_secs=7200)
    assert longer["next_expected_at"] == "2026-03-03T16:00:00Z"


async def test_rotate_gives_new_tokens_and_the_old_ones_lead_nowhere(tickd: Harness) -> None:
    made, ping = await pinged(tickd)
    await tickd.clock.advance(1)
    reply = await tickd.call("POST", f"/v1/heartbeats/{made['id']}/rotate-token")
    assert reply.status == 200
    new = reply.json
    changed = {"token", "short_token", "ping_url", "updated_at"}
    assert {name for name in new if new[name] != made[name]} == changed
    assert new["ping_url"] == f"{tickd.url}/p/{new['short_token']}"
    assert len(new["token"]) == 64
    for old in (made["token"], made["short_token"]):
        for path in (f"/p/{old}", f"/ping/{old}", f"/v1/heartbeats/{old}/ping", f"/api/push/{old}"):
            assert (await tickd.call("GET", path, key=None)).status == 404
        wrong = await tickd.call("GET", f"/api/ping/{made['id']}?token={old}", key=None)
        assert wrong.status == 403
    for token in (new["token"], new["short_token"]):
        await sent(tickd, f"/p/{token}")
        await sent(tickd, f"/api/ping/{made['id']}?token={token}")
    assert (await tickd.call("GET", f"/v1/heartbeats/{made['id']}/pings/{ping}")).status == 200
    again = (await tickd.call("POST", f"/v1/heartbeats/{made['id']}/rotate-token")).json
    assert again["token"] != new["token"]


async def test_a_stranger_finds_no_heartbeat_of_the_owner(tickd: Harness) -> None:
    other = await stranger(tickd)
    made, ping = await pinged(tickd)
    for method, path, body in ROUTES:
        where = path.format(id=made["id"], ping=ping)
        reply = await tickd.call(method, where, body, key=other)
        unknown = await tickd.call(method, path.format(id="hb_0000000000000000", ping=ping), body, key=other)
        assert (reply.status, unknown.status) == (404, 404), where
        assert str(reply.json).replace(made["id"], "hb_0000000000000000") == str(unknown.json)
    assert (await tickd.call("GET", "/v1/heartbeats", key=other)).json["heartbeats"] == []
    assert (await tickd.call("GET", "/api/v1/monitors", key=other)).json["data"] == []
    assert await shown(tickd, made["id"]) == made
    mine = await tickd.call("POST", "/v1/heartbeats", {"name": "mine"}, key=other)
    assert (await tickd.call("GET", f"/v1/heartbeats/{mine.json['id']}")).status == 404
    # A ping of one heartbeat is none of another's.
    for identifier, key in ((mine.json["id"], other), ((await heartbeat(tickd))["id"], tickd.key)):
        reply = await tickd.call("GET", f"/v1/heartbeats/{identifier}/pings/{ping}", key=key)
        assert reply.status == 404


async def test_a_key_that_reads_sees_no_token_and_changes_nothing(tickd: Harness) -> None:
    reading = await key_with(tickd, "read")
    made, ping = await pinged(tickd)
    masked = made | dict.fromkeys(("token", "short_token", "ping_url"), MASK)
    for method, path in READING:
        where = path.format(id=made["id"], ping=ping)
        reply = await tickd.call(method, where, key=reading)
        assert reply.status == 200, where
        assert made["token"] not in str(reply.json)
        assert made["short_token"] not in str(reply.json)
    assert (await tickd.call("GET", f"/v1/heartbeats/{made['id']}", key=reading)).json == masked
    assert (await tickd.call("GET", "/v1/heartbeats", key=reading)).json["heartbeats"] == [masked]
    listed = (await tickd.call("GET", "/api/v1/monitors", key=reading)).json["data"]
    assert made["token"] not in str(listed)
    creating = await tickd.call("POST", "/v1/heartbeats", {"name": "x"}, key=reading)
    assert creating.json == {"error": "this key lacks the scope write"}
    for method, path, body in ROUTES:
        if (method, path) not in READING:
            reply = await tickd.call(method, path.format(id=made["id"]), body, key=reading)
            assert reply.status == 403, path
    assert await shown(tickd, made["id"]) == made


async def test_a_key_for_heartbeats_alone_only_pings_by_kodo(tickd: Harness) -> None:
    alone = await key_with(tickd, "heartbeat:write")
    made, ping = await pinged(tickd)
    for method, path, body in ROUTES:
        reply = await tickd.call(method, path.format(id=made["id"], ping=ping), body, key=alone)
        assert reply.status == (200 if "/api/heartbeat/" in path else 403), path
    for method, path in (("GET", "/v1/heartbeats"), ("POST", "/v1/heartbeats"), ("GET", "/api/v1/monitors")):
        assert (await tickd.call(method, path, key=alone)).status == 403
    assert (await shown(tickd, made["id"]))["status"] == "failing"


async def test_no_key_no_answer(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    for method, path, body in [*ROUTES, ("GET", "/v1/heartbeats", None), ("POST", "/v1/heartbeats", {})]:
        reply = await tickd.call(method, path.format(id=made["id"], ping="png_0"), body, key=None)
        assert reply.status == 401, path


async def badge(tickd: Harness, identifier: str, tail: str) -> tuple[str, str]:
    """What a badge says, and its colour."""
    status, headers, text = await picture(tickd, f"/badge/{identifier}{tail}")
    assert (status, headers["Cache-Control"]) == (200, "max-age=300")
    root = ElementTree.fromstring(text)  # noqa: S314 - it is our own
    colours = [one.get("fill", "") for one in root.iter("{http://www.w3.org/2000/svg}rect")]
    return root.get("aria-label", ""), colours[2]


async def test_badges(tickd: Harness) -> None:
    made = await heartbeat(tickd, interval_secs=60, grace_secs=60, failure_threshold=1)
    identifier, ping = made["id"], f"/v1/heartbeats/{made['token']}/ping"
    assert await badge(tickd, identifier, ".svg") == ("uptime: n/a", GREY)
    assert await badge(tickd, identifier, "/status.svg") == ("status: pending", GREY)
    await sent(tickd, ping)
    assert await badge(tickd, identifier, "/status.svg") == ("status: up", GREEN)
    assert await badge(tickd, identifier, ".svg") == ("uptime: 100%", GREEN)
    await tickd.call("POST", f"/api/heartbeat/{identifier}", {"status": "degraded"})
    assert await badge(tickd, identifier, "/status.svg") == ("status: warn", AMBER)
    await silent(tickd, identifier, 120, 1)
    assert await badge(tickd, identifier, "/status.svg") == ("status: down", RED)
    assert await badge(tickd, identifier, ".svg") == ("uptime: 66.6%", RED)
    assert await badge(tickd, identifier, "/response.svg") == ("response: n/a", GREY)
    await edited(tickd, identifier, status="paused")
    assert await badge(tickd, identifier, "/status.svg") == ("status: paused", GREY)


@pytest.mark.parametrize("tail", [".svg", "/status.svg", "/response.svg"])
async def test_only_public_heartbeats_have_badges(tickd: Harness, tail: str) -> None:
    hidden = await heartbeat(tickd, public=False)
    assert (await picture(tickd, f"/badge/{hidden['id']}{tail}"))[0] == 404
    assert (await picture(tickd, f"/badge/hb_0000000000000000{tail}"))[0] == 404
    await edited(tickd, hidden["id"], public=True)
    status, headers, text = await picture(tickd, f"/badge/{hidden['id']}{tail}")
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "image/svg+xml")
    assert hidden["short_token"] not in text


async def test_what_is_late_is_up_on_its_badge_as_on_the_rooster_face(tickd: Harness) -> None:
    made, _ = await pinged(tickd, interval_secs=60, grace_secs=600)
    await tickd.clock.advance(61)
    assert (await shown(tickd, made["id"]))["state"] == "late"
    assert (await tickd.call("GET", f"/api/v1/monitors/{made['id']}")).json["data"]["status"] == "up"
    assert await badge(tickd, made["id"], "/status.svg") == ("status: up", GREEN)


async def test_a_heartbeat_is_no_monitor_of_the_native_face(tickd: Harness) -> None:
    made, site = await heartbeat(tickd), await monitor(tickd, status="paused")
    for path in ("", "/checks", "/uptime"):
        assert (await tickd.call("GET", f"/v1/monitors/{made['id']}{path}")).status == 404
    assert (await tickd.call("GET", f"/v1/heartbeats/{site['id']}")).status == 404
    assert (await tickd.call("GET", "/v1/monitors")).json["total"] == 1
    assert (await tickd.call("GET", "/v1/heartbeats")).json["total"] == 1
