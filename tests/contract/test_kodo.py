"""The kodo face as Kodo's documentation has it, line by line: scopes, statuses, metrics, curl's own forms."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.contract.beating import events_of, heartbeat, pings_of, sent, shown, silent
from tests.contract.people import key_with, stranger
from tests.support.daemon import KEY, Harness, Reply

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
"""What curl says of `-d` when nothing else is said."""
UP = {"success": True, "status": "up"}
NUMBERS = "metrics must be a map of names to numbers"
STATUSES = "status must be one of degraded, down, up"


async def report(
    tickd: Harness, identifier: str, body: object = None, *, key: str = KEY, method: str = "POST"
) -> Reply:
    """Call the kodo face as its clients do."""
    path, headers = f"/api/heartbeat/{identifier}", {"X-API-Key": key}
    return await tickd.call(method, path, body, key=None, headers=headers)


async def curl(tickd: Harness, identifier: str, data: bytes, **headers: str) -> Reply:
    """`curl -X POST -H "X-API-Key: …" -d DATA`, with no other header than curl's own."""
    return await tickd.call(
        "POST",
        f"/api/heartbeat/{identifier}",
        key=None,
        headers={"X-API-Key": KEY} | FORM | headers,
        data=data,
    )


async def newest(tickd: Harness, identifier: str) -> dict[str, Any]:
    """The newest ping."""
    return (await pings_of(tickd, identifier))[0]


async def test_your_service_pings_with_your_api_key(tickd: Harness) -> None:
    made = await heartbeat(tickd, interval_secs=300)
    for method, headers in (
        ("POST", {"X-API-Key": KEY}),
        ("GET", {"X-API-Key": KEY}),
        ("POST", {"Authorization": f"Bearer {KEY}"}),
        ("GET", {"Authorization": f"Bearer {KEY}"}),
    ):
        reply = await tickd.call(method, f"/api/heartbeat/{made['id']}", key=None, headers=headers)
        assert (reply.status, reply.json) == (200, UP)
    found = await shown(tickd, made["id"])
    assert (found["state"], found["next_expected_at"]) == ("up", "2026-03-03T12:05:00Z")
    assert [one["kind"] for one in await pings_of(tickd, made["id"])] == ["success"] * 4


async def test_a_scoped_key_is_enough_and_a_writing_one_too(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    for scope in ("heartbeat:write", "write", "admin"):
        key = await key_with(tickd, scope)
        for method in ("POST", "GET"):
            reply = await report(tickd, made["id"], key=key, method=method)
            assert (reply.status, reply.json) == (200, UP), scope


async def test_without_the_scope_403_without_a_key_401_elsewhere_404(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    reading = await report(tickd, made["id"], key=await key_with(tickd, "read"))
    assert (reading.status, reading.json) == (403, {"error": "this key lacks the scope heartbeat:write"})
    missing = await tickd.call("POST", f"/api/heartbeat/{made['id']}", key=None)
    assert missing.status == 401
    assert missing.json["error"].startswith("an API key is missing")
    assert (await report(tickd, made["id"], key="tk_wrong")).status == 401
    other = await report(tickd, made["id"], {"status": "down"}, key=await stranger(tickd))
    unknown = await report(tickd, "hb_0000000000000000")
    for reply, identifier in ((other, made["id"]), (unknown, "hb_0000000000000000")):
        assert (reply.status, reply.json) == (404, {"error": f"no heartbeat {identifier}"})
    # The token is no id, and the key is no token.
    assert (await report(tickd, made["token"])).status == 404
    assert await shown(tickd, made["id"]) == made
    assert await pings_of(tickd, made["id"]) == []


async def test_at_the_end_of_your_cron_job(tickd: Harness) -> None:
    """`curl -X POST URL -H "X-API-Key: …"`: no body and no type."""
    made = await heartbeat(tickd)
    reply = await tickd.call("POST", f"/api/heartbeat/{made['id']}", key=None, headers={"X-API-Key": KEY})
    assert (reply.status, reply.json) == (200, UP)


async def test_with_status_and_message(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    reply = await report(tickd, made["id"], {"status": "up", "message": "Backup completed"})
    assert (reply.status, reply.json) == (200, UP)
    assert (await newest(tickd, made["id"]))["message"] == "Backup completed"


async def test_reporting_failures_as_the_script_does(tickd: Harness) -> None:
    """The documented `-d '{"status": "up"}'` has no JSON content type."""
    made = await heartbeat(tickd)
    reply = await curl(tickd, made["id"], b'{"status": "up"}')
    assert (reply.status, reply.json) == (200, UP)
    sentence = "Job failed with exit code 1"
    data = json.dumps({"status": "down", "message": sentence}).encode()
    reply = await curl(tickd, made["id"], data, **{"Content-Type": "application/json"})
    assert (reply.status, reply.json) == (200, {"success": True, "status": "down"})
    found = await shown(tickd, made["id"])
    assert (found["status"], found["state"]) == ("failing", "down")
    ping = await newest(tickd, made["id"])
    assert (ping["kind"], ping["message"]) == ("fail", sentence)
    assert (await events_of(tickd, made["id"]))[0]["message"] == sentence


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=utf-8", "", "nonsense"])
async def test_the_content_type_is_not_asked(tickd: Harness, content_type: str) -> None:
    made = await heartbeat(tickd)
    reply = await curl(tickd, made["id"], b'{"status": "degraded"}', **{"Content-Type": content_type})
    assert (reply.status, reply.json) == (200, {"success": True, "status": "degraded"})


@pytest.mark.parametrize("body", [{}, {"status": "up"}, {"status": None}, {"message": ""}, {"colour": "red"}])
async def test_up_is_the_default(tickd: Harness, body: dict[str, Any]) -> None:
    made = await heartbeat(tickd)
    assert (await report(tickd, made["id"], body)).json == UP
    assert (await shown(tickd, made["id"]))["state"] == "up"


async def test_the_three_status_values(tickd: Harness) -> None:
    made = await heartbeat(tickd, failure_threshold=10)
    for status, state, overall, flip in (
        ("up", "up", "active", None),
        ("degraded", "degraded", "active", "degraded"),
        ("degraded", "degraded", "active", None),
        ("up", "up", "active", "restored"),
        ("down", "down", "failing", "failing"),
        ("down", "down", "failing", None),
        ("up", "up", "active", "recovered"),
    ):
        before = len(await events_of(tickd, made["id"]))
        reply = await report(tickd, made["id"], {"status": status})
        assert reply.json == {"success": True, "status": status}
        found = await shown(tickd, made["id"])
        assert (found["state"], found["status"]) == (state, overall)
        events = await events_of(tickd, made["id"])
        assert len(events) - before == (flip is not None)
        assert flip is None or events[0]["flip"] == flip
        ping = await newest(tickd, made["id"])
        assert (ping["kind"], ping["degraded"]) == (
            "fail" if status == "down" else "success",
            status == "degraded",
        )


async def test_degraded_runs_but_does_not_recover(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    await report(tickd, made["id"], {"status": "down"})
    await tickd.clock.advance(60)
    assert (await report(tickd, made["id"], {"status": "degraded"})).status == 200
    found = await shown(tickd, made["id"])
    assert (found["status"], found["next_expected_at"]) == ("failing", "2026-03-03T13:01:00Z")
    await report(tickd, made["id"])
    assert (await shown(tickd, made["id"]))["status"] == "active"


@pytest.mark.parametrize("status", ["UP", "ok", "", 1, True, [], {}, "paused"])
async def test_a_bad_status_is_400(tickd: Harness, status: object) -> None:
    made = await heartbeat(tickd)
    reply = await report(tickd, made["id"], {"status": status})
    assert (reply.status, reply.json) == (400, {"error": STATUSES})
    assert await pings_of(tickd, made["id"]) == []
    assert (await shown(tickd, made["id"]))["state"] == "pending"


@pytest.mark.parametrize(
    "data", [b"status=up", b"{", b"[]", b'"up"', b"null", b"\xff", b'{"message": "\\ud800"}', b"up"]
)
async def test_a_body_that_is_no_object_is_400(tickd: Harness, data: bytes) -> None:
    made = await heartbeat(tickd)
    reply = await curl(tickd, made["id"], data)
    assert reply.status == 400
    assert reply.json["error"].startswith(("the body is not valid JSON", "the body must be a JSON object"))
    assert await pings_of(tickd, made["id"]) == []


async def test_metrics_are_numbers_and_the_latest_are_shown(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    first = {"rows": 12, "took_s": 3.5, "Größe": -1e9}
    assert (await report(tickd, made["id"], {"metrics": first})).status == 200
    assert (await shown(tickd, made["id"]))["metrics"] == first
    await report(tickd, made["id"], {"metrics": {"rows": 0}})
    await report(tickd, made["id"], {"status": "up", "metrics": {}})
    await sent(tickd, f"/p/{made['token']}")
    assert (await shown(tickd, made["id"]))["metrics"] == {"rows": 0}
    assert [one["metrics"] for one in await pings_of(tickd, made["id"])] == [{}, {}, {"rows": 0}, first]


@pytest.mark.parametrize(
    ("metrics", "sentence"),
    [
        ({"a": "1"}, NUMBERS),
        ({"a": True}, NUMBERS),
        ({"a": None}, NUMBERS),
        ({"a": [1]}, NUMBERS),
        ({"a": {}}, NUMBERS),
        ([], NUMBERS),
        ("a", NUMBERS),
        (1, NUMBERS),
        ({"": 1}, "metrics must have names of 1 to 100 printable characters"),
        ({"x" * 101: 1}, "metrics must have names of 1 to 100 printable characters"),
        ({"a\nb": 1}, "metrics must have names of 1 to 100 printable characters"),
        ({f"m{number}": 1 for number in range(51)}, "metrics must be at most 50 numbers"),
    ],
)
async def test_other_metrics_are_400(tickd: Harness, metrics: object, sentence: str) -> None:
    made = await heartbeat(tickd)
    reply = await report(tickd, made["id"], {"status": "down", "metrics": metrics})
    assert (reply.status, reply.json) == (400, {"error": sentence})
    assert await shown(tickd, made["id"]) == made


@pytest.mark.parametrize("number", ["1e400", "-1e999", "NaN", "Infinity"])
async def test_a_metric_is_finite(tickd: Harness, number: str) -> None:
    made = await heartbeat(tickd)
    assert (await curl(tickd, made["id"], f'{{"metrics": {{"a": {number}}}}}'.encode())).status == 400
    assert await shown(tickd, made["id"]) == made


async def test_a_message_is_one_line_and_a_long_one_is_kept(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    for message, line in (("a\nb\x00", "a b "), ("  備份  ", "備份"), ("x" * 700, "x" * 500)):
        assert (await report(tickd, made["id"], {"message": message})).status == 200
        ping = await newest(tickd, made["id"])
        assert ping["message"].strip() == line.strip()
        assert len(ping["message"]) <= 500
    one = await tickd.call("GET", f"/v1/heartbeats/{made['id']}/pings/{ping['id']}")
    assert one.json["body"] == "x" * 700
    wrong: list[Any] = [7, [], True]
    for value in wrong:
        reply = await report(tickd, made["id"], {"message": value})
        assert (reply.status, reply.json) == (400, {"error": "message must be text"})


async def test_a_body_over_a_mebibyte_is_413(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    body = b'{"status": "down", "message": "' + b"x" * (1 << 20) + b'"}'
    path, headers = f"/api/heartbeat/{made['id']}", {"X-API-Key": KEY}
    reply = await tickd.call("POST", path, key=None, headers=headers, data=io.BytesIO(body))
    assert (reply.status, reply.json) == (413, {"error": "the body is larger than 1 MiB"})
    assert await pings_of(tickd, made["id"]) == []


async def test_five_minutes_with_a_multiplier_of_two_fail_after_ten(tickd: Harness) -> None:
    """ "5-minute interval with 2x grace multiplier means alerts fire after 10 minutes of silence.\""""
    made = await heartbeat(tickd, interval_secs=300, grace_multiplier=2, failure_threshold=1)
    await report(tickd, made["id"])
    await tickd.clock.advance(599)
    assert (await shown(tickd, made["id"]))["status"] == "active"
    assert (await silent(tickd, made["id"], 1, 1))["status"] == "failing"


async def test_the_safeguards_defaults(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    assert (made["failure_threshold"], made["severity"], made["cooldown_secs"]) == (2, "minor", 0)


async def test_paused_reports_are_logged_alone(tickd: Harness) -> None:
    made = await heartbeat(tickd, status="paused")
    reply = await report(tickd, made["id"], {"status": "down", "message": "broken", "metrics": {"a": 1}})
    assert (reply.status, reply.json) == (200, {"success": True, "status": "down"})
    assert await shown(tickd, made["id"]) == made
    assert (await newest(tickd, made["id"]))["accepted"] is False


async def test_other_methods_are_405(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    for method in ("PUT", "PATCH", "DELETE"):
        reply = await report(tickd, made["id"], method=method)
        assert (reply.status, list(reply.json)) == (405, ["error"])
    assert (await report(tickd, "")).status == 404
