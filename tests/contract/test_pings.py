"""Pings on every path of the token's: what they say, how long a run took, and what is kept of it."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import aiohttp
import pytest

from tests.contract.beating import edited, events_of, heartbeat, logged, pings_of, sent, shown, silent
from tests.support.daemon import Harness

NATIVE, TYMO, HEALTHCHECKS = "/v1/heartbeats/{}/ping", "/p/{}", "/ping/{}"
MIB = 1 << 20
NOBODY = {"error": "no heartbeat has this token"}


async def only(tickd: Harness, identifier: str) -> dict[str, Any]:
    """The one ping that the heartbeat has got."""
    (ping,) = await pings_of(tickd, identifier)
    return ping


async def body_of(tickd: Harness, identifier: str) -> str:
    """The body of the newest ping."""
    newest = (await pings_of(tickd, identifier))[0]
    reply = await tickd.call("GET", f"/v1/heartbeats/{identifier}/pings/{newest['id']}")
    assert reply.status == 200
    assert reply.json == newest | {"body": reply.json["body"]}
    body: str = reply.json["body"]
    return body


@pytest.mark.parametrize("path", [NATIVE, TYMO, HEALTHCHECKS])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("form", ["token", "short_token"])
async def test_a_success_on_every_path(tickd: Harness, path: str, method: str, form: str) -> None:
    made = await heartbeat(tickd, interval_secs=3600)
    reply = await sent(tickd, path.format(made[form]), method=method, headers={"User-Agent": "curl/8.5.0"})
    answer = {"status": "ok"} if path == NATIVE else {"ok": True}
    assert reply.json == (None if method == "HEAD" else answer)
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    ping = await only(tickd, made["id"])
    assert ping == {
        "id": ping["id"],
        "heartbeat_id": made["id"],
        "pinged_at": "2026-03-03T12:00:00Z",
        "received_at": "2026-03-03T12:00:00Z",
        "kind": "success",
        "accepted": True,
        "degraded": False,
        "exit_status": None,
        "duration_ms": None,
        "rid": "",
        "source_ip": "127.0.0.1",
        "user_agent": "curl/8.5.0",
        "message": "",
        "metrics": {},
    }
    assert ping["id"].startswith("png_")
    found = await shown(tickd, made["id"])
    assert (found["state"], found["next_expected_at"]) == ("up", "2026-03-03T13:00:00Z")


@pytest.mark.parametrize("path", [TYMO, HEALTHCHECKS])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize(
    ("word", "kind", "exit_status", "state", "status"),
    [
        ("start", "start", None, "pending", "active"),
        ("log", "log", None, "pending", "active"),
        ("fail", "fail", None, "down", "failing"),
        ("0", "success", 0, "up", "active"),
        ("1", "fail", 1, "down", "failing"),
        ("255", "fail", 255, "down", "failing"),
    ],
)
async def test_what_stands_behind_the_token(
    tickd: Harness,
    path: str,
    method: str,
    word: str,
    kind: str,
    exit_status: int | None,
    state: str,
    status: str,
) -> None:
    made = await heartbeat(tickd, failure_threshold=10)
    reply = await sent(tickd, f"{path.format(made['short_token'])}/{word}", method=method)
    assert reply.json == (None if method == "HEAD" else {"ok": True})
    ping = await only(tickd, made["id"])
    assert (ping["kind"], ping["exit_status"], ping["accepted"]) == (kind, exit_status, True)
    found = await shown(tickd, made["id"])
    assert (found["state"], found["status"]) == (state, status)
    assert (found["last_pinged_at"] is None) == (kind in ("start", "log"))


@pytest.mark.parametrize("word", ["256", "1000", "-1", "1.0", "stop", "START", "0x1", "%20", "\u0663", "+1"])
async def test_a_word_that_says_nothing_is_refused(tickd: Harness, word: str) -> None:
    made = await heartbeat(tickd)
    for path in (TYMO, HEALTHCHECKS):
        reply = await tickd.call("GET", f"{path.format(made['token'])}/{word}", key=None)
        assert reply.status == 400
        assert reply.json == {"error": "exit status must be between 0 and 255, or start, fail or log"}
    assert await pings_of(tickd, made["id"]) == []


@pytest.mark.parametrize(
    "token",
    [
        "0" * 64,
        "0" * 16,
        "x",
        "0" * 5000,
        "%FF" * 16,
        "%00" * 16,
        "%ED%A0%80" * 16,
        "\N{OCTOPUS}" * 16,
        "a%2Fb",
    ],
    ids=range(9),
)
async def test_an_unknown_token_is_404(tickd: Harness, token: str) -> None:
    for path in (NATIVE, TYMO, HEALTHCHECKS, TYMO + "/start", HEALTHCHECKS + "/7", "/api/push/{}"):
        for method in ("GET", "POST", "HEAD"):
            reply = await tickd.call(method, path.format(token), key=None)
            assert reply.status == 404, path
            assert reply.json == (None if method == "HEAD" else NOBODY)


async def test_a_token_of_another_case_is_another_token(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    for token in (made["token"].upper(), made["short_token"].upper(), made["token"][:-1], made["id"]):
        assert (await tickd.call("GET", f"/p/{token}", key=None)).status == 404
    assert (await tickd.call("GET", "/p/", key=None)).status == 404
    assert (await tickd.call("PUT", f"/p/{made['token']}", key=None)).status == 405
    assert (await tickd.call("DELETE", f"/v1/heartbeats/{made['token']}/ping", key=None)).status == 405


async def test_durations(tickd: Harness) -> None:
    made = await heartbeat(tickd, interval_secs=3600)
    token = made["short_token"]
    await sent(tickd, f"/p/{token}/start")
    await tickd.clock.advance(12.345)
    await sent(tickd, f"/p/{token}/log", method="POST", data=b"half way")
    await tickd.clock.advance(1)
    await sent(tickd, f"/p/{token}")
    await sent(tickd, f"/p/{token}")
    again, success, log, start = await pings_of(tickd, made["id"])
    assert [one["kind"] for one in (start, log, success, again)] == ["start", "log", "success", "success"]
    assert [one["duration_ms"] for one in (start, log, success, again)] == [None, None, 13_345, None]
    assert log["message"] == "half way"


async def test_a_start_begins_anew(tickd: Harness) -> None:
    made = await heartbeat(tickd, grace_secs=60)
    for _ in range(2):
        await sent(tickd, f"/p/{made['token']}/start")
        await tickd.clock.advance(40)
    await sent(tickd, f"/p/{made['token']}/3")
    failed = (await pings_of(tickd, made["id"]))[0]
    assert (failed["kind"], failed["duration_ms"], failed["exit_status"]) == ("fail", 40_000, 3)
    assert (await shown(tickd, made["id"]))["consecutive_misses"] == 0


async def test_runs_are_paired_by_rid_as_runitor_does(tickd: Harness) -> None:
    made = await heartbeat(tickd, grace_secs=3600)
    first, second = "2c8e7e4a-8f1c-4b39-9d5a-1f6d0e0b7c11", "0b7c5d6e-3c9b-4d52-8a53-5c1d5f0a9e22"
    at = f"/ping/{made['token']}"
    await sent(tickd, f"{at}/start?create=0&rid={first}", method="POST")
    await tickd.clock.advance(5)
    await sent(tickd, f"{at}/start?rid={second}", method="POST")
    await sent(tickd, f"{at}/start", method="POST")
    await tickd.clock.advance(5)
    await sent(tickd, f"{at}/log?rid={second}", method="POST", data=b"...")
    await sent(tickd, f"{at}/0?rid={first}", method="POST", data=b"done\n")
    await tickd.clock.advance(5)
    await sent(tickd, f"{at}/1?rid={second}", method="POST", data=b"disk full\n")
    await sent(tickd, f"{at}?rid=unknown")
    await sent(tickd, at)
    plain, unknown, failed, done, log, *_ = await pings_of(tickd, made["id"])
    assert (done["rid"], done["duration_ms"], done["message"]) == (first, 10_000, "done")
    assert (failed["rid"], failed["duration_ms"], failed["message"]) == (second, 10_000, "disk full")
    assert (log["rid"], log["duration_ms"]) == (second, None)
    assert (unknown["rid"], unknown["duration_ms"]) == ("unknown", None)
    assert (plain["rid"], plain["duration_ms"]) == ("", 10_000)


@pytest.mark.parametrize(
    ("rid", "status"),
    [("x" * 100, 200), ("x" * 101, 400), ("a%20b", 200), ("%00", 400), ("a%0Ab", 400), ("\u5099\u4efd", 200)],
)
async def test_a_rid_is_short_and_printable(tickd: Harness, rid: str, status: int) -> None:
    made = await heartbeat(tickd)
    reply = await tickd.call("GET", f"/p/{made['token']}/start?rid={rid}", key=None)
    assert reply.status == status
    if status == 400:
        assert reply.json == {"error": "rid must be at most 100 printable characters"}
        assert await pings_of(tickd, made["id"]) == []


async def test_a_run_that_does_not_end_is_a_miss(tickd: Harness) -> None:
    made = await heartbeat(tickd, grace_secs=60, failure_threshold=1)
    await sent(tickd, f"/p/{made['token']}/start?rid=a")
    await tickd.clock.advance(59)
    assert (await shown(tickd, made["id"]))["consecutive_misses"] == 0
    failing = await silent(tickd, made["id"], 1, 1)
    assert (failing["status"], failing["state"]) == ("failing", "down")
    (event,) = await events_of(tickd, made["id"])
    assert (event["kind"], event["flip"], event["at"]) == ("overran", "failing", "2026-03-03T12:01:00Z")
    await sent(tickd, f"/p/{made['token']}?rid=a")
    assert (await shown(tickd, made["id"]))["status"] == "active"
    assert (await pings_of(tickd, made["id"]))[0]["duration_ms"] == 60_000


async def test_a_hundred_runs_may_be_open(tickd: Harness) -> None:
    made = await heartbeat(tickd, max_pings_per_minute=6000)
    at = f"/p/{made['token']}/start?rid="
    await asyncio.gather(*(sent(tickd, f"{at}{number}") for number in range(100)))
    await sent(tickd, f"{at}99")
    more = await tickd.call("GET", f"{at}100", key=None)
    assert (more.status, more.headers["Retry-After"]) == (429, "60")
    await sent(tickd, f"/p/{made['token']}?rid=7")
    await sent(tickd, f"{at}100")


@pytest.mark.parametrize(
    ("data", "kept", "message"),
    [
        (b"", "", ""),
        (b"all is well", "all is well", "all is well"),
        (b"\n\n  first \nsecond\n", "\n\n  first \nsecond\n", "first"),
        (b"nul \x00, bad \xff", "nul \ufffd, bad \ufffd", "nul \ufffd, bad \ufffd"),
        (b'{"status": "down"}', '{"status": "down"}', '{"status": "down"}'),
        ("é".encode() * 700, "é" * 700, "é" * 500),
    ],
    ids=range(6),
)
async def test_a_body_of_any_type_is_kept(tickd: Harness, data: bytes, kept: str, message: str) -> None:
    made = await heartbeat(tickd)
    types = (
        "application/json",
        "text/plain",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
    )
    for path in (NATIVE, TYMO, HEALTHCHECKS, TYMO + "/log"):
        for content_type in types[:2] if path != TYMO else types:
            headers = {"Content-Type": content_type}
            await sent(tickd, path.format(made["token"]), method="POST", data=data, headers=headers)
            assert await body_of(tickd, made["id"]) == kept
            assert (await pings_of(tickd, made["id"]))[0]["message"] == message
    assert (await shown(tickd, made["id"]))["status"] == "active"


@pytest.mark.parametrize("size", [12_000, 12_001, 100_000, MIB])
async def test_of_a_long_body_both_ends_are_kept(tickd: Harness, size: int) -> None:
    made = await heartbeat(tickd)
    text = ("0123456789" * (size // 10 + 1))[:size]
    await sent(tickd, f"/p/{made['token']}/1", method="POST", data=io.BytesIO(text.encode()))
    kept = await body_of(tickd, made["id"])
    if size == 12_000:
        assert kept == text
    else:
        left_out = f"\n… {size - 12_000} characters left out …\n"
        assert kept == text[:10_000] + left_out + text[-2000:]


@pytest.mark.parametrize("path", [NATIVE, TYMO, HEALTHCHECKS, HEALTHCHECKS + "/1"])
async def test_a_body_over_a_mebibyte_is_413_and_no_ping(tickd: Harness, path: str) -> None:
    made = await heartbeat(tickd)

    async def pieces() -> Any:
        for _ in range(17):
            yield b"x" * 65_536

    for data in (io.BytesIO(b"x" * (MIB + 1)), pieces()):
        reply = await tickd.call("POST", path.format(made["token"]), key=None, data=data)
        assert (reply.status, reply.json) == (413, {"error": "the body is larger than 1 MiB"})
    assert await pings_of(tickd, made["id"]) == []
    assert (await shown(tickd, made["id"]))["state"] == "pending"
    await sent(tickd, path.format(made["token"]))


async def test_who_pinged(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    async with aiohttp.ClientSession() as session:
        for agent in ("curl/8.5.0", "x" * 5000, "\xff\xfe", "Wget \xe9"):
            async with session.get(f"{tickd.url}/p/{made['token']}", headers={"User-Agent": agent}) as answer:
                assert answer.status == 200
    agents = [one["user_agent"] for one in await pings_of(tickd, made["id"])]
    assert agents[2:] == ["x" * 200, "curl/8.5.0"]
    assert agents[0].startswith("Wget ")


async def test_pings_in_pages_newest_first(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    for _ in range(3):
        await sent(tickd, f"/v1/heartbeats/{made['token']}/ping")
    path = f"/v1/heartbeats/{made['id']}/pings"
    every = (await tickd.call("GET", path)).json
    assert (every["limit"], every["offset"], every["total"]) == (50, 0, 3)
    part = (await tickd.call("GET", path + "?limit=1&offset=1")).json
    assert part == {"pings": [every["pings"][1]], "limit": 1, "offset": 1, "total": 3}
    assert (await tickd.call("GET", path + "?limit=9999")).json["limit"] == 500
    assert (await tickd.call("GET", path + "?limit=x")).status == 400
    for identifier in ("png_0", "png_0000000000000", "chk_0000000000000", every["pings"][0]["id"][:-1]):
        reply = await tickd.call("GET", f"{path}/{identifier}")
        assert (reply.status, reply.json) == (404, {"error": f"no ping {identifier}"})
    # A silence is in the history, but is no ping.
    await edited(tickd, made["id"], interval_secs=60, grace_secs=0)
    await silent(tickd, made["id"], 60, 1)
    (event,) = await events_of(tickd, made["id"])
    assert (await tickd.call("GET", f"{path}/{event['id']}")).status == 404
    assert (await tickd.call("GET", path)).json == every


@pytest.mark.parametrize("path", [NATIVE, TYMO, HEALTHCHECKS + "/1", TYMO + "/start", "/api/push/{}"])
async def test_a_paused_heartbeat_logs_and_does_nothing(tickd: Harness, path: str) -> None:
    made = await heartbeat(tickd, status="paused", grace_secs=0, interval_secs=60)
    reply = await sent(tickd, path.format(made["token"]), method="POST")
    assert reply.json == ({"status": "paused"} if path == NATIVE else {"ok": True})
    assert (await only(tickd, made["id"]))["accepted"] is False
    await tickd.clock.advance(3600)
    assert await shown(tickd, made["id"]) == made
    assert await events_of(tickd, made["id"]) == []


async def test_pings_at_once_are_all_taken(tickd: Harness) -> None:
    made = [await heartbeat(tickd, max_pings_per_minute=6000) for _ in range(5)]
    paths = [
        f"/p/{one['token']}/{word}" for one in made for word in ("0", "log", "start?rid=a") for _ in range(10)
    ]
    await asyncio.gather(*(sent(tickd, path) for path in paths))
    for one in made:
        assert len(await logged(tickd, one["id"], 30)) == 30
        assert (await shown(tickd, one["id"]))["state"] == "up"
