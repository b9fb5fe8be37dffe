"""What an incident and its alerts are made of, where it is easily mistaken."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import trustme

from tests.contract.beating import heartbeat, sent, silent
from tests.contract.certificates import clock, now, served_by, until_closed
from tests.contract.telling import alerts, channel, failing, latest, told
from tests.contract.test_native_incidents import job, run
from tests.contract.watching import look, looked_at, watched
from tests.support.daemon import Harness, running
from tests.support.endpoint import Endpoint, serving
from tests.support.servers import free_port
from tests.support.servers import serving as talking

DAY = 86_400


async def test_a_failure_of_another_address_is_no_evidence(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url + "/old", interval_secs=DAY, failure_threshold=2)
    endpoint.status = 500
    await look(tickd, made["id"])
    await tickd.clock.advance(1.0)
    endpoint.status = 404
    path = f"/v1/monitors/{made['id']}"
    await tickd.call("PATCH", path, {"url": endpoint.url + "/new"})
    await looked_at(tickd, made["id"], 3)
    await look(tickd, made["id"])
    opened = await latest(tickd, made)
    assert opened["started_at"] == "2026-03-03T12:00:01Z"
    assert (opened["cause"]["error"], opened["cause"]["last_good"]) == ("status code 404", None)


async def test_a_failure_of_before_a_pause_is_no_evidence(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url, interval_secs=DAY, failure_threshold=2)
    endpoint.status = 500
    await look(tickd, made["id"])
    await tickd.call("POST", f"/v1/monitors/{made['id']}/pause")
    await tickd.clock.advance(3 * DAY)
    await tickd.call("POST", f"/v1/monitors/{made['id']}/resume")
    await looked_at(tickd, made["id"], 3)
    await look(tickd, made["id"])
    assert (await latest(tickd, made))["started_at"].startswith("2026-03-06T12:00:00")


async def test_no_cooldown_holds_nothing_back_after_the_clock_was_set_back(
    tickd: Harness, endpoint: Endpoint
) -> None:
    made, opened = await failing(tickd, endpoint)
    endpoint.status = 200
    await look(tickd, made["id"])
    await latest(tickd, made, "resolved")
    tickd.clock.step(-3_600_000)
    endpoint.status = 503
    await look(tickd, made["id"])
    again = await latest(tickd, made)
    assert again["id"] != opened["id"]


async def test_up_has_the_answer_that_was_well(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url)
        made, _ = await failing(tickd, endpoint)
        await told(receiver, 1)
        endpoint.status = 200
        await look(tickd, made["id"])
        up = (await told(receiver, 2))[1]
        assert (up["status_code"], up["response_ms"]) == (200, 0.0)


async def test_without_an_answer_there_is_no_response_time(tickd: Harness) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url)
        await watched(tickd, url=f"http://127.0.0.1:{free_port()}/", failure_threshold=1)
        (down,) = await told(receiver, 1)
        assert (down["status_code"], down["response_ms"]) == (None, None)


async def test_of_an_ssl_monitor_the_url_is_that_of_the_face(tmp_path: Path, authority: trustme.CA) -> None:
    context = served_by(authority, "other.test", not_after=now() + timedelta(days=90))
    async with (
        serving() as receiver,
        talking(until_closed, tls=context) as server,
        running(tmp_path / "t.db", clock=clock()) as tickd,
    ):
        await channel(tickd, url=receiver.url)
        await watched(tickd, type="ssl", url=f"localhost:{server.port}", failure_threshold=1)
        (down,) = await told(receiver, 1)
    assert down["monitor_url"] == f"https://localhost:{server.port}"
    assert down["response_ms"] is None


async def test_a_tests_alert_id_is_the_alerts(tickd: Harness) -> None:
    async with serving() as receiver:
        made = await channel(tickd, url=receiver.url)
        await tickd.call("POST", f"/v1/channels/{made['id']}/test")
        (said,) = await told(receiver, 1)
        assert said["alert_id"] == (await alerts(tickd))[0]["id"]


async def test_a_jobs_cause_is_its_first_failure(tickd: Harness, endpoint: Endpoint) -> None:
    made = await job(tickd, endpoint, failure_threshold=2)
    endpoint.status, endpoint.text = 500, "first"
    await run(tickd, made, 1)
    await tickd.clock.advance(60.0)
    endpoint.text = "second"
    await run(tickd, made, 2)
    opened = await latest(tickd, made)
    assert (opened["cause"]["body"], opened["started_at"]) == ("first", "2026-03-03T12:00:00Z")


async def test_a_heartbeats_cause_is_its_first_miss(tickd: Harness) -> None:
    made = await heartbeat(tickd, interval_secs=60, grace_secs=30)
    await sent(tickd, f"/p/{made['token']}")
    await silent(tickd, made["id"], 90.0, 1)
    await silent(tickd, made["id"], 60.0, 2)
    opened = await latest(tickd, made)
    assert "expected at 2026-03-03T12:01:00Z" in opened["cause"]["error"]
