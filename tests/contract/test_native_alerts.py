"""Alerts on the native face: every delivery, its state and why, what it was tried for, and who may see it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.beating import heartbeat, sent
from tests.contract.people import key_with, stranger
from tests.contract.served import Served
from tests.contract.telling import account, alerts, channel, do, failing, latest, settled
from tests.contract.watching import look
from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint, serving
from tests.support.receiver import nobody
from tickd.domain.alerts import EVENTS
from tickd.web.native.alerts import AlertAnswer

NOON = "2026-03-03T12:00:00Z"
NOWHERE = "there is nowhere to send it: make a channel, or set the account's alert_email"


async def once(tickd: Harness, state: str, query: str = "") -> dict[str, Any]:
    """The latest alert, once it is in that state and nothing is being sent."""

    async def there() -> dict[str, Any]:
        found = await alerts(tickd, query)
        return (
            found[0] if found and found[0]["state"] == state and not tickd.daemon._delivery.in_flight else {}
        )

    found: dict[str, Any] = await eventually(there)
    return found


async def failed_ping(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A heartbeat that has reported a failure."""
    made = await heartbeat(tickd, **fields)
    await sent(tickd, f"/p/{made['token']}/fail")
    return made


async def test_one_that_was_sent_field_by_field(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        to = await channel(tickd, url=receiver.url)
        made, opened = await failing(tickd, endpoint, name="Shop")
        (shown,) = await settled(tickd)
        assert set(shown) == set(AlertAnswer.__struct_fields__)
        assert shown == {
            "id": shown["id"],
            "event": "down",
            "subject": {"kind": "monitor", "id": made["id"], "name": "Shop"},
            "incident_id": opened["id"],
            "channel": to["id"],
            "kind": None,
            "to": None,
            "state": "sent",
            "why": "",
            "attempts": 1,
            "last_error": "",
            "created_at": NOON,
            "due_at": NOON,
            "ended_at": NOON,
        }
        assert shown["id"].startswith("alt_")
        reply = await tickd.call("GET", f"/v1/alerts/{shown['id']}")
        assert (reply.status, reply.json) == (200, shown)


async def test_one_that_is_tried_again_and_given_up(tickd: Harness) -> None:
    with nobody() as url:
        await channel(tickd, url=url)
        await failed_ping(tickd)
        shown = await once(tickd, "retrying")
        assert (shown["attempts"], shown["ended_at"], shown["created_at"]) == (1, None, NOON)
        assert shown["last_error"].startswith("connection refused")
        await tickd.clock.advance(300.0)
        await _attempted(tickd, 2)
        await tickd.clock.advance(86_400.0)
        over = await once(tickd, "failed", "?event=down")
        assert (over["why"], over["ended_at"]) == (
            "it could not be delivered in 24 h",
            "2026-03-04T12:05:00Z",
        )
        assert over["last_error"].startswith("connection refused")
        attempts = over["attempts"]
        await tickd.clock.advance(3600.0)
        assert (await alerts(tickd, "?event=down"))[0]["attempts"] == attempts == 3


async def _attempted(tickd: Harness, count: int) -> None:
    async def there() -> bool:
        found = await alerts(tickd, "?event=down")
        return found[0]["attempts"] == count and not tickd.daemon._delivery.in_flight

    await eventually(there)


async def test_what_could_not_be_delivered_goes_to_the_fallback(tickd: Harness) -> None:
    async with serving() as receiver:
        with nobody() as url:
            await channel(tickd, name="dead", url=url)
            spare = await channel(tickd, name="spare", url=receiver.url, default=False)
            await account(tickd, fallback_channel=spare["id"])
            await failed_ping(tickd)
            await once(tickd, "retrying", "?event=down")
            await tickd.clock.advance(86_400.0)
            await once(tickd, "sent", "?event=down")
            down, dead = await alerts(tickd, "?event=down")
            assert (down["channel"], down["state"], dead["state"]) == (spare["id"], "sent", "failed")


async def test_with_nowhere_to_go_it_says_so(tickd: Harness) -> None:
    await failed_ping(tickd)
    (shown,) = await alerts(tickd)
    assert (shown["state"], shown["why"], shown["ended_at"]) == ("suppressed", NOWHERE, NOON)
    assert (shown["channel"], shown["kind"], shown["to"], shown["attempts"]) == (None, None, None, 0)


async def test_filters_and_pages(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        to = await channel(tickd, url=receiver.url, events=["down", "test"])
        _, first = await failing(tickd, endpoint, name="one")
        await settled(tickd)
        second = await failed_ping(tickd)
        await settled(tickd)
        await tickd.call("POST", f"/v1/channels/{to['id']}/test")
        quiet = await heartbeat(tickd, name="quiet", channels=["elsewhere"])
        await tickd.call("POST", f"/api/heartbeat/{quiet['id']}", {"status": "degraded"})
        of_second = (await latest(tickd, second))["id"]

        async def events(query: str) -> list[str]:
            return [one["event"] for one in await alerts(tickd, query)]

        assert await events("") == ["degraded", "test", "down", "down"]
        assert await events("?status=sent") == ["test", "down", "down"]
        assert await events("?status=suppressed") == ["degraded"]
        assert await events("?status=queued") == []
        assert await events("?event=down") == ["down", "down"]
        assert await events("?event=down&status=suppressed") == []
        assert await events(f"?incident={first['id']}") == ["down"]
        assert await events("?incident=inc_nothing") == []
        found = (await alerts(tickd, f"?incident={of_second}"))[0]
        assert found["subject"]["id"] == second["id"]
        for query, shown, count in (
            ("", (100, 0, 4), 4),
            ("?limit=0&offset=-1", (1, 0, 4), 1),
            ("?limit=501", (500, 0, 4), 4),
            ("?limit=2&offset=3&event=", (2, 3, 4), 1),
            ("?limit=1&event=down", (1, 0, 2), 1),
        ):
            reply = (await tickd.call("GET", f"/v1/alerts{query}")).json
            assert (reply["limit"], reply["offset"], reply["total"]) == shown
            assert len(reply["alerts"]) == count


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("status=lost", "status must be one of failed, queued, retrying, sent, suppressed"),
        ("event=up", "event must be one of " + ", ".join(sorted(EVENTS))),
        ("limit=x", "limit must be a whole number"),
        ("offset=1.5", "offset must be a whole number"),
    ],
)
def test_a_wrong_filter_is_refused(served: Served, query: str, sentence: str) -> None:
    reply = served.call("GET", f"/v1/alerts?{query}")
    assert (reply.status, reply.json) == (400, {"error": sentence})


async def test_who_may_see_them(tickd: Harness) -> None:
    await failed_ping(tickd)
    (shown,) = await alerts(tickd)
    reader, pinger = await key_with(tickd, "read"), await key_with(tickd, "heartbeat:write")
    other = await stranger(tickd)
    path = f"/v1/alerts/{shown['id']}"
    assert (await tickd.call("GET", path, key=reader)).json == shown
    assert (await tickd.call("GET", "/v1/alerts", key=reader)).json["alerts"] == [shown]
    hidden = await tickd.call("GET", path, key=other)
    assert (hidden.status, hidden.json) == (404, {"error": f"no alert {shown['id']}"})
    assert (await tickd.call("GET", "/v1/alerts", key=other)).json["total"] == 0
    assert (await tickd.call("GET", f"/v1/alerts?incident={shown['incident_id']}", key=other)).json[
        "alerts"
    ] == []
    for where in (path, "/v1/alerts"):
        assert (await tickd.call("GET", where, key=pinger)).status == 403
        assert (await tickd.call("GET", where, key=None)).status == 401
        assert (await tickd.call("POST", where, {})).status == 405


@pytest.mark.parametrize("name", ["alt_nothing", "alt_byp27dphvs8pm", "x", "%00", "alt_" + "0" * 3000, "…"])
def test_an_id_that_is_nobodys(served: Served, name: str) -> None:
    reply = served.call("GET", f"/v1/alerts/{name}")
    assert (reply.status, list(reply.json)) == (404, ["error"])


async def test_a_failure_and_its_recovery_that_both_wait_are_one_message(
    tickd: Harness, endpoint: Endpoint
) -> None:
    async with serving() as receiver:
        receiver.status = 503
        await channel(tickd, url=receiver.url)
        made, _ = await failing(tickd, endpoint)
        await once(tickd, "retrying")
        await tickd.clock.advance(0.1)
        endpoint.status = 200
        await look(tickd, made["id"])
        receiver.status = 200
        await tickd.clock.advance(720.0)
        recovered = await once(tickd, "sent", "?event=recovered")
        down = await once(tickd, "suppressed", "?event=down")
        assert (recovered["why"], down["why"]) == ("", "told together with its recovery")
        assert b'"together":true' in receiver.calls[-1].body


async def test_acknowledged_before_its_delay_it_is_not_sent(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url, delay_secs=600)
        _, opened = await failing(tickd, endpoint)
        (waiting,) = await alerts(tickd)
        assert (waiting["state"], waiting["due_at"]) == ("queued", "2026-03-03T12:10:00Z")
        await do(tickd, opened["id"], "acknowledge")
        await tickd.clock.advance(601.0)
        (shown,) = await settled(tickd)
        assert shown["why"] == "it was acknowledged before its delay had passed"
        assert receiver.calls == []


async def test_recovered_before_its_delay_neither_is_sent(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url, delay_secs=600)
        made, _ = await failing(tickd, endpoint)
        endpoint.status = 200
        await look(tickd, made["id"])
        await latest(tickd, made, "resolved")
        await tickd.clock.advance(601.0)
        (shown,) = await settled(tickd)
        assert shown["why"] == "it recovered before its delay had passed"
        assert receiver.calls == []


async def test_a_delay_that_passes_is_no_delay(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url, delay_secs=600)
        made, _ = await failing(tickd, endpoint)
        await tickd.clock.advance(600.0)
        assert (await once(tickd, "sent"))["ended_at"] == "2026-03-03T12:10:00Z"
        endpoint.status = 200
        await look(tickd, made["id"])
        assert (await once(tickd, "sent"))["event"] == "recovered"
        assert len(receiver.calls) == 2


async def test_reminders_come_until_somebody_says_so(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url, reminder_minutes=10)
        _, opened = await failing(tickd, endpoint)
        await settled(tickd)
        for number in (1, 2):
            await tickd.clock.advance(599.0)
            assert len(await settled(tickd, "?event=reminder")) == number - 1
            await tickd.clock.advance(1.0)
            await _reminded(tickd, number)
        await do(tickd, opened["id"], "acknowledge")
        await tickd.clock.advance(3600.0)
        assert len(await settled(tickd, "?event=reminder")) == 2
        assert len(receiver.calls) == 3
        assert b'"event":"monitor.reminder"' in receiver.calls[-1].body


async def _reminded(tickd: Harness, number: int) -> None:
    async def there() -> bool:
        found = await alerts(tickd, "?event=reminder")
        return len(found) == number and all(one["state"] == "sent" for one in found)

    await eventually(there)
