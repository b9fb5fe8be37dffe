"""Who may ping and how often: the allow-list, the limits, and what is logged of a refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.beating import edited, heartbeat, logged, pings_of, sent, shown
from tests.support.daemon import Harness, Reply, running

REFUSED = {"error": "IP not allowed"}
PATHS = ["/v1/heartbeats/{}/ping", "/p/{}", "/ping/{}", "/p/{}/start", "/ping/{}/1", "/api/push/{}"]


@pytest.fixture
async def proxied(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path / "tickd.db", trusted_proxy=("127.0.0.0/8", "10.9.0.0/16")) as tickd:
        yield tickd


async def ping(tickd: Harness, path: str, source: str = "") -> Reply:
    headers = {"X-Forwarded-For": source} if source else {}
    return await tickd.call("GET", path, key=None, headers=headers)


@pytest.mark.parametrize("path", PATHS)
async def test_an_address_that_is_not_allowed_is_403_and_logged(tickd: Harness, path: str) -> None:
    made = await heartbeat(tickd, allowed_ips=["192.0.2.0/24"])
    reply = await ping(tickd, path.format(made["token"]))
    assert (reply.status, reply.json) == (403, REFUSED)
    (refused,) = await logged(tickd, made["id"], 1)
    assert (refused["accepted"], refused["source_ip"]) == (False, "127.0.0.1")
    assert refused["message"] == "IP not allowed"
    assert await shown(tickd, made["id"]) == made


async def test_the_other_faces_ask_for_the_address_too(tickd: Harness) -> None:
    made = await heartbeat(tickd, allowed_ips=["192.0.2.1"])
    rooster = await ping(tickd, f"/api/ping/{made['id']}?token={made['token']}")
    assert (rooster.status, rooster.json["error"]) == (403, "IP not allowed")
    kodo = await tickd.call("POST", f"/api/heartbeat/{made['id']}", {"status": "down"})
    assert (kodo.status, kodo.json) == (403, REFUSED)
    await logged(tickd, made["id"], 2)
    assert (await shown(tickd, made["id"]))["status"] == "active"


@pytest.mark.parametrize(("word", "kind"), [("start", "start"), ("1", "fail"), ("log", "log")])
async def test_what_is_refused_is_logged_as_what_it_was(tickd: Harness, word: str, kind: str) -> None:
    made = await heartbeat(tickd, allowed_ips=["192.0.2.1"])
    await ping(tickd, f"/p/{made['token']}/{word}")
    (refused,) = await logged(tickd, made["id"], 1)
    assert (refused["kind"], refused["accepted"]) == (kind, False)


@pytest.mark.parametrize(
    ("allowed", "source", "status"),
    [
        ([], "203.0.113.42", 200),
        (["192.168.1.100"], "192.168.1.100", 200),
        (["192.168.1.100"], "192.168.1.101", 403),
        (["10.0.1.0/24"], "10.0.1.0", 200),
        (["10.0.1.0/24"], "10.0.1.255", 200),
        (["10.0.1.0/24"], "10.0.2.0", 403),
        (["10.0.0.0/8", "203.0.113.42"], "203.0.113.42", 200),
        (["10.0.0.0/8", "203.0.113.42"], "203.0.113.43", 403),
        (["2001:db8::/32"], "2001:db8:ffff::1", 200),
        (["2001:db8::/32"], "2001:DB8:0:0:0:0:0:1", 200),
        (["2001:db8::/32"], "2001:db9::1", 403),
        (["2001:db8::1"], "2001:db8::1", 200),
        (["2001:db8::1"], "10.0.0.1", 403),
        (["0.0.0.0/0"], "2001:db8::1", 403),
        (["::/0"], "203.0.113.1", 403),
        (["203.0.113.0/24"], "::ffff:203.0.113.9", 200),
    ],
)
async def test_the_allow_list(proxied: Harness, allowed: list[str], source: str, status: int) -> None:
    made = await heartbeat(proxied, allowed_ips=allowed)
    reply = await ping(proxied, f"/p/{made['token']}", source)
    assert reply.status == status
    (noted,) = await logged(proxied, made["id"], 1)
    assert noted["accepted"] is (status == 200)
    assert noted["source_ip"].lower().endswith(source.lower().removeprefix("::ffff:")[-8:])


@pytest.mark.parametrize("allowed", ["::ffff:203.0.113.9", "::ffff:203.0.113.0/120"])
async def test_an_allowed_address_may_be_written_as_v6(proxied: Harness, allowed: str) -> None:
    made = await heartbeat(proxied, allowed_ips=[allowed])
    for source in ("203.0.113.9", "::ffff:203.0.113.9"):
        assert (await ping(proxied, f"/p/{made['token']}", source)).status == 200


async def test_only_what_trusted_proxies_wrote_counts(proxied: Harness) -> None:
    made = await heartbeat(proxied, allowed_ips=["203.0.113.1"], max_pings_per_minute=6000)
    path = f"/p/{made['token']}"
    for source, status in (
        ("203.0.113.1", 200),
        ("198.51.100.7, 203.0.113.1", 200),
        ("203.0.113.1, 10.9.2.3", 200),
        ("203.0.113.1, 198.51.100.7", 403),
        ("203.0.113.1, 10.8.2.3", 403),
        ("unknown", 403),
        ("", 403),
    ):
        assert (await ping(proxied, path, source)).status == status, source


async def test_a_header_from_anyone_else_is_not_believed(tickd: Harness) -> None:
    made = await heartbeat(tickd, allowed_ips=["203.0.113.1"])
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP"):
        reply = await tickd.call("GET", f"/p/{made['token']}", key=None, headers={name: "203.0.113.1"})
        assert (reply.status, reply.json) == (403, REFUSED)
    assert {one["source_ip"] for one in await logged(tickd, made["id"], 4)} == {"127.0.0.1"}


async def test_an_edited_list_holds_at_once(tickd: Harness) -> None:
    made = await heartbeat(tickd, allowed_ips=["127.0.0.1"])
    path = f"/p/{made['token']}"
    assert (await ping(tickd, path)).status == 200
    await edited(tickd, made["id"], allowed_ips=["192.0.2.1"])
    assert (await ping(tickd, path)).status == 403
    await edited(tickd, made["id"], allowed_ips=[])
    assert (await ping(tickd, path)).status == 200


async def test_the_list_holds_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "tickd.db"
    async with running(path) as tickd:
        made = await heartbeat(tickd, allowed_ips=["192.0.2.1"])
        free = await heartbeat(tickd, max_pings_per_minute=1)
    async with running(path) as tickd:
        assert (await ping(tickd, f"/p/{made['token']}")).status == 403
        assert [(await ping(tickd, f"/p/{free['token']}")).status for _ in range(2)] == [200, 429]


async def test_ten_in_a_minute_are_let_in(tickd: Harness) -> None:
    made, other = await heartbeat(tickd), await heartbeat(tickd)
    at = ["/p/{}", "/ping/{}", "/p/{}/start", "/ping/{}/0", "/p/{}/log"]
    for number in range(10):
        await sent(tickd, at[number % 5].format(made[("token", "short_token")[number % 2]]))
        await tickd.clock.advance(1)
    for path in at:
        reply = await ping(tickd, path.format(made["token"]))
        assert (reply.status, reply.json) == (429, {"error": "too many pings: 10 in 60 s are let in"})
        assert reply.headers["Retry-After"] == "50"
    # Other paths and other heartbeats are not concerned.
    await sent(tickd, f"/p/{other['token']}")
    await sent(tickd, f"/v1/heartbeats/{made['token']}/ping")
    await sent(tickd, f"/api/push/{made['token']}")
    await sent(tickd, f"/api/ping/{made['id']}?token={made['token']}")
    assert (await tickd.call("POST", f"/api/heartbeat/{made['id']}")).status == 200
    found = await logged(tickd, made["id"], 19)
    assert sum(one["accepted"] for one in found) == 14
    refused = [one for one in found if not one["accepted"]]
    assert {one["message"] for one in refused} == {"too many pings: 10 in 60 s are let in"}


async def test_the_window_slides(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    path = f"/p/{made['token']}"
    await sent(tickd, path)
    await tickd.clock.advance(30)
    for _ in range(9):
        await sent(tickd, path)
    assert (await ping(tickd, path)).status == 429
    await tickd.clock.advance(29.4)
    assert (await ping(tickd, path)).headers["Retry-After"] == "1"
    await tickd.clock.advance(0.6)
    # What was refused does not count.
    await sent(tickd, path)
    late = await ping(tickd, path)
    assert late.status == 429
    await tickd.clock.advance(float(late.headers["Retry-After"]))
    await sent(tickd, path)


async def test_a_wait_is_said_in_whole_seconds_and_is_enough(tickd: Harness) -> None:
    made = await heartbeat(tickd, max_pings_per_minute=1)
    path = f"/p/{made['token']}"
    for secs in (0.0, 0.3, 7.0, 58.9, 59.0, 59.9):
        await sent(tickd, path)
        await tickd.clock.advance(secs)
        retry_after = int((await ping(tickd, path)).headers["Retry-After"])
        assert 60 - secs <= retry_after <= 61 - secs, secs
        await tickd.clock.advance(61)


@pytest.mark.parametrize("path", PATHS)
async def test_a_limit_of_its_own_holds_on_every_path(tickd: Harness, path: str) -> None:
    made = await heartbeat(tickd, max_pings_per_minute=2)
    statuses = [(await ping(tickd, path.format(made["token"]))).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    rooster = await ping(tickd, f"/api/ping/{made['id']}?token={made['token']}")
    assert (rooster.status, rooster.json["data"]) == (429, None)
    assert "Retry-After" in rooster.headers
    kodo = await tickd.call("POST", f"/api/heartbeat/{made['id']}")
    assert (kodo.status, kodo.json) == (429, {"error": "too many pings: 2 in 60 s are let in"})
    assert "Retry-After" in kodo.headers
    await tickd.clock.advance(60)
    await sent(tickd, path.format(made["token"]))


async def test_a_limit_of_its_own_may_be_higher_than_the_usual(tickd: Harness) -> None:
    made = await heartbeat(tickd, max_pings_per_minute=25)
    path = f"/p/{made['token']}"
    assert [(await ping(tickd, path)).status for _ in range(26)] == [200] * 25 + [429]
    await edited(tickd, made["id"], max_pings_per_minute=26)
    assert [(await ping(tickd, path)).status for _ in range(2)] == [200, 429]
    await edited(tickd, made["id"], max_pings_per_minute=0)
    assert (await ping(tickd, path)).status == 429
    await sent(tickd, f"/v1/heartbeats/{made['token']}/ping")


async def test_the_native_path_has_no_limit(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    for _ in range(30):
        await sent(tickd, f"/v1/heartbeats/{made['token']}/ping")
    assert (await ping(tickd, f"/p/{made['token']}")).status == 200


async def test_a_runaway_loop_does_not_fill_the_history(tickd: Harness) -> None:
    made = await heartbeat(tickd, allowed_ips=["192.0.2.1"])
    for _ in range(25):
        assert (await ping(tickd, f"/p/{made['token']}")).status == 403
    assert len(await logged(tickd, made["id"], 10)) == 10
    await tickd.clock.advance(60)
    await ping(tickd, f"/p/{made['token']}")
    await logged(tickd, made["id"], 11)


async def test_a_forbidden_address_uses_up_nothing(tickd: Harness) -> None:
    made = await heartbeat(tickd, allowed_ips=["192.0.2.1"])
    path = f"/p/{made['token']}"
    for _ in range(15):
        assert (await ping(tickd, path)).status == 403
    await edited(tickd, made["id"], allowed_ips=[])
    assert [(await ping(tickd, path)).status for _ in range(11)] == [200] * 10 + [429]


async def test_a_paused_heartbeat_has_its_limits(tickd: Harness) -> None:
    made = await heartbeat(tickd, status="paused", allowed_ips=["127.0.0.0/8"])
    path = f"/p/{made['token']}"
    statuses = [(await ping(tickd, path)).status for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert {one["accepted"] for one in await logged(tickd, made["id"], 11)} == {False}


@pytest.mark.parametrize("body", [{"max_pings_per_minute": 3}, {"allowed_ips": ["192.0.2.1"]}])
async def test_a_refused_ping_changes_no_state(tickd: Harness, body: dict[str, Any]) -> None:
    made = await heartbeat(tickd)
    for _ in range(3):
        await sent(tickd, f"/p/{made['token']}")
    before = await edited(tickd, made["id"], **body)
    refused = await tickd.call("POST", f"/p/{made['token']}/fail", key=None, data=b"broken")
    assert refused.status in (403, 429)
    await logged(tickd, made["id"], 4)
    assert await shown(tickd, made["id"]) == before
    newest = (await pings_of(tickd, made["id"]))[0]
    one = await tickd.call("GET", f"/v1/heartbeats/{made['id']}/pings/{newest['id']}")
    assert (one.json["accepted"], one.json["body"]) == (False, "")


async def test_the_end_of_a_run_that_was_let_in_is_let_in_too(tickd: Harness) -> None:
    made = await heartbeat(tickd, grace_secs=60, failure_threshold=1)
    starts = [await ping(tickd, f"/p/{made['token']}/start?rid={number}") for number in range(10)]
    ends = [await ping(tickd, f"/p/{made['token']}/0?rid={number}") for number in range(10)]
    assert {reply.status for reply in starts + ends} == {200}
    # Once for each run, and for nobody else.
    for path in ("/0?rid=1", "/0?rid=other", "", "/start?rid=10"):
        assert (await ping(tickd, f"/p/{made['token']}{path}")).status == 429
    await tickd.clock.advance(61)
    assert (await shown(tickd, made["id"]))["status"] == "active"


async def test_what_arrives_late_has_a_limit_of_its_own(tickd: Harness) -> None:
    made = await heartbeat(tickd)
    late = f"/p/{made['token']}?at=2026-03-03T11:{{:02}}:{{:02}}Z"
    replies = [await ping(tickd, late.format(number // 60, number % 60)) for number in range(101)]
    assert [reply.status for reply in replies] == [200] * 100 + [429]
    assert (await ping(tickd, f"/p/{made['token']}")).status == 200


async def test_the_log_says_nothing_that_a_job_printed(
    tickd: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    made = await heartbeat(tickd)
    with caplog.at_level("INFO"):
        await tickd.call("POST", f"/p/{made['token']}/fail", key=None, data=b"password=hunter2")
    record = next(record for record in caplog.records if record.message == "heartbeat is failing")
    assert "hunter2" not in str(vars(record))
    assert made["token"] not in str(vars(record))
