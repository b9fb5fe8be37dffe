"""Firing, from the schedule's minute to the finished row."""

from __future__ import annotations

import base64
import hmac
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.endpoint import Endpoint
from tickd.domain import times
from tickd.outbound.http import Failure, HttpClient, Request, Response, Timings

NEVER = "0 0 1 1 *"
"""A schedule that stays out of the way of a run that is started by hand."""


async def test_a_job_is_called_on_its_minute(tickd: Harness, endpoint: Endpoint) -> None:
    job = await tickd.job(endpoint=endpoint.url + "/run?x=1", body='{"a": 1}', headers={"X-Mine": "yes"})
    assert job["next_run_at"] == "2026-03-03T12:01:00Z"
    await tickd.clock.advance(59.9)
    assert endpoint.calls == []
    await tickd.clock.advance(0.1)

    async def ended() -> object:
        found = await tickd.executions(job["id"])
        return found and found[0]["status"] == "success" and found[0]

    execution = await eventually(ended)
    assert execution["scheduled_at"] == "2026-03-03T12:01:00Z"
    assert execution["attempts"] == 1
    assert execution["status_code"] == 200
    assert execution["response_body"] == "done"
    assert execution["trigger"] == "schedule"
    (call,) = endpoint.calls
    assert (call.method, call.path, call.body) == ("POST", "/run?x=1", b'{"a": 1}')
    assert call.headers["User-Agent"].startswith("tickd/")
    assert call.headers["X-Mine"] == "yes"
    assert call.headers["X-Tickstem-Job-ID"] == job["id"]
    assert call.headers["X-Tickstem-Job-Name"] == "nightly"
    assert call.headers["X-Tickd-Execution-Id"] == execution["id"]
    assert call.headers["X-Tickd-Scheduled-At"] == "2026-03-03T12:01:00Z"
    assert call.headers["X-Tickd-Attempt"] == "1"
    again = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
    assert again["next_run_at"] == "2026-03-03T12:02:00Z"
    assert again["last_run"]["status"] == "success"


async def finished(tickd: Harness, job_id: str, count: int = 1) -> list[dict[str, Any]]:
    """The job's executions, oldest first, once `count` of them have ended."""

    async def ended() -> object:
        found = await tickd.executions(job_id)
        done = [one for one in found if one["finished_at"]]
        return len(done) >= count and found[::-1]

    found: list[dict[str, Any]] = await eventually(ended)
    return found


async def trigger(tickd: Harness, job_id: str) -> str:
    """Run a job now; the execution's id."""
    reply = await tickd.call("POST", f"/v1/jobs/{job_id}/trigger")
    assert reply.status == 202
    return str(reply.json["execution_id"])


async def patiently(tickd: Harness, job_id: str) -> dict[str, Any]:
    """The job's one execution when it has ended, while time passes for its retries."""

    async def ended() -> object:
        await tickd.clock.advance(2.0)  # the longest second pause of the full jitter
        (execution,) = await tickd.executions(job_id)
        return execution["finished_at"] and execution

    found: dict[str, Any] = await eventually(ended)
    return found


async def test_a_network_error_is_tried_again(tickd: Harness) -> None:
    job = await tickd.job(endpoint="http://127.0.0.1:9/", retries=2, schedule=NEVER)
    await trigger(tickd, job["id"])
    execution = await patiently(tickd, job["id"])
    assert (execution["status"], execution["attempts"], execution["status_code"]) == ("failed", 3, None)
    assert execution["error"] == "connection refused by 127.0.0.1:9"


async def test_a_status_is_not_tried_again_unless_the_job_says_so(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.status = 503
    job = await tickd.job(endpoint=endpoint.url)
    await trigger(tickd, job["id"])
    (execution,) = await finished(tickd, job["id"])
    assert (execution["status"], execution["status_code"], execution["attempts"]) == ("failed", 503, 1)
    assert execution["error"] == "the endpoint answered 503 Service Unavailable"


async def test_a_retried_status_can_end_well_under_the_same_id(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.statuses = [500, 502]
    secret = "whsec_c2VjcmV0"
    job = await tickd.job(endpoint=endpoint.url, retry_on=["status"], signing_secret=secret, schedule=NEVER)
    identifier = await trigger(tickd, job["id"])
    execution = await patiently(tickd, job["id"])
    assert (execution["status"], execution["attempts"], execution["id"]) == ("success", 3, identifier)
    assert {call.headers["webhook-id"] for call in endpoint.calls} == {identifier}
    assert [call.headers["X-Tickd-Attempt"] for call in endpoint.calls] == ["1", "2", "3"]


async def _reached(endpoint: Endpoint, count: int) -> bool:
    return len(endpoint.calls) >= count


async def test_the_signature_is_standard_webhooks(tickd: Harness, endpoint: Endpoint) -> None:
    job = await tickd.job(endpoint=endpoint.url, body="payload", signing_secret="whsec_c2VjcmV0")
    await trigger(tickd, job["id"])
    await finished(tickd, job["id"])
    (call,) = endpoint.calls
    signed = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.payload".encode()
    expected = base64.b64encode(hmac.digest(b"secret", signed, "sha256")).decode()
    assert call.headers["webhook-signature"] == f"v1,{expected}"
    assert int(call.headers["webhook-timestamp"]) == tickd.clock.now() // 1000


async def test_a_redirect_is_reported_and_not_followed(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.status, endpoint.headers = 302, {"Location": endpoint.url + "/elsewhere"}
    job = await tickd.job(endpoint=endpoint.url)
    await trigger(tickd, job["id"])
    (execution,) = await finished(tickd, job["id"])
    assert (execution["status"], execution["status_code"]) == ("failed", 302)
    assert len(endpoint.calls) == 1


async def test_a_slow_endpoint_times_out(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    job = await tickd.job(endpoint=endpoint.url, timeout_secs=1)
    await trigger(tickd, job["id"])
    (execution,) = await finished(tickd, job["id"])
    assert execution["status"] == "timeout"
    assert execution["error"] == "no response within 1 s"
    assert execution["duration_ms"] >= 990


async def test_a_job_fails_at_its_threshold_and_recovers(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.status = 500
    job = await tickd.job(endpoint=endpoint.url, failure_threshold=2)
    for count, status in ((1, "active"), (2, "failing")):
        await trigger(tickd, job["id"])
        await finished(tickd, job["id"], count)
        shown = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
        assert (shown["consecutive_failures"], shown["status"]) == (count, status)
    endpoint.status = 200
    await trigger(tickd, job["id"])
    await finished(tickd, job["id"], 3)
    shown = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
    assert (shown["consecutive_failures"], shown["status"]) == (0, "active")
    assert shown["last_run"]["status"] == "success"


async def test_skip_records_what_it_skips(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    job = await tickd.job(endpoint=endpoint.url, overlap="skip")
    await tickd.clock.advance(60)
    await eventually(lambda: _reached(endpoint, 1))
    await tickd.clock.advance(60)
    _, skipped = await finished(tickd, job["id"])
    assert (skipped["status"], skipped["scheduled_at"]) == ("skipped", "2026-03-03T12:02:00Z")
    assert skipped["error"] == "the run before it had not ended (overlap: skip)"
    endpoint.gate.set()
    first, _ = await finished(tickd, job["id"], 2)
    assert first["status"] == "success"
    assert len(endpoint.calls) == 1


async def test_queue_runs_one_after_another(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    job = await tickd.job(endpoint=endpoint.url, overlap="queue")
    identifiers = [await trigger(tickd, job["id"]) for _ in range(3)]
    await eventually(lambda: _reached(endpoint, 1))
    found = await tickd.executions(job["id"])
    assert sorted(one["status"] for one in found) == ["pending", "pending", "running"]
    endpoint.gate.set()
    await finished(tickd, job["id"], 3)
    assert [call.headers["X-Tickd-Execution-Id"] for call in endpoint.calls] == identifiers


async def test_a_deleted_job_is_not_called_any_more(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    job = await tickd.job(endpoint=endpoint.url, overlap="queue")
    for _ in range(2):
        await trigger(tickd, job["id"])
    await eventually(lambda: _reached(endpoint, 1))
    assert (await tickd.call("DELETE", f"/v1/jobs/{job['id']}")).status == 204
    endpoint.gate.set()
    await eventually(lambda: _nothing_in_flight(tickd))
    assert len(endpoint.calls) == 1
    assert (await tickd.call("GET", f"/v1/executions?job_id={job['id']}")).status == 404


async def _nothing_in_flight(tickd: Harness) -> bool:
    return tickd.daemon.services.firing.in_flight == 0


async def test_an_edit_does_not_lose_what_is_due_at_that_moment(tickd: Harness, endpoint: Endpoint) -> None:
    job = await tickd.job(endpoint=endpoint.url)
    tickd.clock.step(60_000)  # due, but the loop still sleeps on the monotonic side
    reply = await tickd.call("PATCH", f"/v1/jobs/{job['id']}", {"schedule": "0 0 1 1 *"})
    assert reply.json["next_run_at"] == "2027-01-01T00:00:00Z"
    (execution,) = await finished(tickd, job["id"])
    assert (execution["status"], execution["scheduled_at"]) == ("success", "2026-03-03T12:01:00Z")


# Callbacks.


async def accepted(tickd: Harness, endpoint: Endpoint, **fields: Any) -> tuple[dict[str, Any], str]:
    """A callback job that was called and answered 2xx, and its done URL."""
    job = await tickd.job(endpoint=endpoint.url, completion="callback", schedule=NEVER, **fields)
    await trigger(tickd, job["id"])

    async def waiting() -> object:
        (execution,) = await tickd.executions(job["id"])
        return execution["status_code"] == 200 and execution

    execution = await eventually(waiting)
    assert execution["status"] == "running"
    return job, endpoint.calls[0].headers["X-Tickd-Done-Url"].removeprefix(tickd.url)


async def test_a_callback_ends_the_run(tickd: Harness, endpoint: Endpoint) -> None:
    job, done = await accepted(tickd, endpoint)
    await tickd.clock.advance(90)
    assert (await tickd.call("POST", f"{done}/log", key=None, data=b"half way")).json == {"ok": True}
    assert (await tickd.executions(job["id"]))[0]["output"] == "half way"
    reply = await tickd.call("POST", done, key=None, data=b"4 files")
    assert (reply.status, reply.json) == (200, {"ok": True})
    execution = (await tickd.executions(job["id"]))[0]
    assert (execution["status"], execution["output"]) == ("success", "4 files")
    assert execution["duration_ms"] == 90_000
    assert execution["response_body"] == "done"


@pytest.mark.parametrize(
    ("suffix", "status", "error"),
    [
        ("", "success", ""),
        ("/0", "success", ""),
        ("/3", "failed", "the job reported exit status 3"),
        ("/fail", "failed", "the job reported exit status 1"),
    ],
)
async def test_what_a_callback_may_say(
    tickd: Harness, endpoint: Endpoint, suffix: str, status: str, error: str
) -> None:
    job, done = await accepted(tickd, endpoint)
    assert (await tickd.call("GET", done + suffix, key=None)).status == 200
    execution = (await tickd.executions(job["id"]))[0]
    assert (execution["status"], execution["error"]) == (status, error)


async def test_a_second_end_is_a_conflict_and_changes_nothing(tickd: Harness, endpoint: Endpoint) -> None:
    job, done = await accepted(tickd, endpoint)
    assert (await tickd.call("POST", done, key=None, data=b"first")).status == 200
    for suffix in ("", "/fail", "/log"):
        reply = await tickd.call("POST", done + suffix, key=None, data=b"second")
        assert (reply.status, reply.json) == (409, {"error": "this execution has ended"})
    execution = (await tickd.executions(job["id"]))[0]
    assert (execution["status"], execution["output"]) == ("success", "first")


@pytest.mark.parametrize(
    ("suffix", "status"), [("/256", 400), ("/-1", 400), ("/start", 400), ("x", 404), ("/²", 400)]
)
async def test_a_bad_callback_changes_nothing(
    tickd: Harness, endpoint: Endpoint, suffix: str, status: int
) -> None:
    job, done = await accepted(tickd, endpoint)
    assert (await tickd.call("POST", done + suffix, key=None)).status == status
    assert (await tickd.executions(job["id"]))[0]["status"] == "running"


async def test_a_run_that_never_reports_times_out(tickd: Harness, endpoint: Endpoint) -> None:
    job, done = await accepted(tickd, endpoint, max_runtime_secs=600, failure_threshold=1)
    await tickd.clock.advance(599)
    assert (await tickd.executions(job["id"]))[0]["status"] == "running"
    await tickd.clock.advance(1)
    (execution,) = await finished(tickd, job["id"])
    assert (execution["status"], execution["error"]) == ("timeout", "not reported done within 10 min")
    assert (await tickd.call("POST", done, key=None)).status == 409
    assert (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json["status"] == "failing"


async def test_deleted_jobs_hold_up_no_deadline(tickd: Harness, endpoint: Endpoint) -> None:
    doomed, _ = await accepted(tickd, endpoint, name="doomed", max_runtime_secs=60)
    assert (await tickd.call("DELETE", f"/v1/jobs/{doomed['id']}")).status == 204
    assert await tickd.daemon.services.firing.expire(tickd.clock.now() + times.DAY) is None
    ledger = await tickd.daemon.services.health.ledger()
    assert ledger.open_executions == {}


async def test_a_call_this_machine_can_not_make_is_no_failure_of_the_job(
    tickd: Harness, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = HttpClient.send
    refusals = [Failure("local", "this machine has no descriptor left", timings=Timings())] * 2

    async def short_of_descriptors(client: HttpClient, request: Request) -> Response:
        if refusals:
            raise refusals.pop()
        return await send(client, request)

    monkeypatch.setattr(HttpClient, "send", short_of_descriptors)
    job = await tickd.job(endpoint=endpoint.url, schedule=NEVER, retries=0)
    await trigger(tickd, job["id"])
    execution = await patiently(tickd, job["id"])
    assert (execution["status"], execution["attempts"]) == ("success", 3)
    assert (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json["consecutive_failures"] == 0


async def test_a_run_that_reports_before_it_answers_has_ended(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    job = await tickd.job(endpoint=endpoint.url, completion="callback")
    await trigger(tickd, job["id"])
    await eventually(lambda: _reached(endpoint, 1))
    done = endpoint.calls[0].headers["X-Tickd-Done-Url"].removeprefix(tickd.url)
    assert (await tickd.call("POST", done, key=None)).status == 200
    endpoint.gate.set()
    await eventually(lambda: _nothing_in_flight(tickd))
    (execution,) = await tickd.executions(job["id"])
    assert execution["status"] == "success"


# Restarts and time away.


async def test_three_days_away_leave_no_gap_in_the_ledger(tmp_path: Path, endpoint: Endpoint) -> None:
    path, clock = tmp_path / "t.db", FakeClock(NOON)
    async with running(path, clock=clock) as tickd:
        jobs = {how: await tickd.job(name=how, endpoint=endpoint.url, catch_up=how) for how in CATCH_UPS}
    clock.set(NOON + 3 * times.DAY + 30_000)
    expected = 3 * 24 * 60
    async with running(path, clock=clock) as tickd:
        for how, most in CATCH_UPS.items():
            await _planned_on(tickd, jobs[how]["id"])

            async def ran(how: str = how, most: int = most) -> bool:
                reply = await tickd.call("GET", f"/v1/jobs/{jobs[how]['id']}/executions?status=success")
                return bool(reply.json["total"] == most)

            await eventually(ran)
            reply = await tickd.call("GET", f"/v1/jobs/{jobs[how]['id']}/executions?status=missed&limit=1")
            assert reply.json["total"] == expected - most
            (newest,) = reply.json["executions"]
            assert newest["error"].startswith("tickd was not running from 2026-03-03T12:00:")
        ledger = await tickd.daemon.services.health.ledger()
        assert (ledger.scheduled, ledger.accounted) == (3 * expected, 3 * expected)


# What runs of 3 days that were missed: the newest one is within its minute, and always runs.
CATCH_UPS = {"last": 1, "none": 1, "all": 100}


async def _planned_on(tickd: Harness, job_id: str) -> None:
    async def planned() -> bool:
        shown = (await tickd.call("GET", f"/v1/jobs/{job_id}")).json
        return bool(shown["next_run_at"] > times.rfc3339(tickd.clock.now()))

    await eventually(planned)


@pytest.mark.parametrize(
    ("catch_up", "status", "calls"), [("last", "success", 2), ("all", "success", 2), ("none", "failed", 1)]
)
async def test_an_interrupted_run_is_closed_or_begun_again(
    tmp_path: Path, endpoint: Endpoint, catch_up: str, status: str, calls: int
) -> None:
    path = tmp_path / "t.db"
    endpoint.gate.clear()
    async with running(path) as tickd:
        job = await tickd.job(endpoint=endpoint.url, catch_up=catch_up)
        identifier = await trigger(tickd, job["id"])
        await eventually(lambda: _reached(endpoint, 1))
    endpoint.gate.set()
    async with running(path) as tickd:
        (execution,) = await finished(tickd, job["id"])
    assert (execution["id"], execution["status"]) == (identifier, status)
    assert "interrupted by restart" in execution["error"] + execution["reason"]
    assert len(endpoint.calls) == calls


async def test_a_queue_survives_a_restart_in_order(tmp_path: Path, endpoint: Endpoint) -> None:
    path = tmp_path / "t.db"
    endpoint.gate.clear()
    async with running(path) as tickd:
        job = await tickd.job(endpoint=endpoint.url, overlap="queue")
        identifiers = [await trigger(tickd, job["id"]) for _ in range(4)]
        await eventually(lambda: _reached(endpoint, 1))
    endpoint.calls.clear()
    endpoint.gate.set()
    async with running(path) as tickd:
        await finished(tickd, job["id"], 4)
    assert [call.headers["X-Tickd-Execution-Id"] for call in endpoint.calls] == identifiers


async def test_a_run_that_waits_for_its_callback_outlives_a_restart(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    path, clock = tmp_path / "t.db", FakeClock(NOON)
    async with running(path, clock=clock) as tickd:
        job, done = await accepted(tickd, endpoint, max_runtime_secs=60)
    clock.set(NOON + times.HOUR)
    async with running(path, clock=clock) as tickd:
        (execution,) = await tickd.executions(job["id"])
        assert execution["status"] == "running"
        assert (await tickd.call("POST", done, key=None)).status == 200
    assert len(endpoint.calls) == 1


async def test_a_clock_set_back_fires_nothing_twice(tickd: Harness, endpoint: Endpoint) -> None:
    job = await tickd.job(endpoint=endpoint.url)
    await tickd.clock.advance(60)
    await finished(tickd, job["id"])
    tickd.clock.step(-times.HOUR)
    for _ in range(3):
        await tickd.clock.advance(60)
    assert len(await tickd.executions(job["id"])) == 1
    assert len(endpoint.calls) == 1


async def test_a_clock_set_right_by_a_day_plans_anew(tickd: Harness, endpoint: Endpoint) -> None:
    job = await tickd.job(endpoint=endpoint.url)
    tickd.clock.step(-times.DAY)
    await tickd.clock.advance(1)

    async def replanned() -> bool:
        shown = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
        return bool(shown["next_run_at"] == "2026-03-02T12:01:00Z")

    await eventually(replanned)
    await tickd.clock.advance(59)
    (execution,) = await finished(tickd, job["id"])
    assert execution["scheduled_at"] == "2026-03-02T12:01:00Z"


async def test_a_poisoned_job_stops_nobody_else(tickd: Harness, endpoint: Endpoint) -> None:
    poisoned = await tickd.job(name="poisoned", endpoint=endpoint.url)
    healthy = await tickd.job(name="healthy", endpoint=endpoint.url)

    def poison(tx: sqlite3.Connection) -> None:
        tx.execute("UPDATE jobs SET timezone = 'Gone/Away' WHERE name = 'poisoned'")

    await tickd.daemon._database.write(poison)
    for count in (1, 2):
        await tickd.clock.advance(60)
        await finished(tickd, healthy["id"], count)
    assert await tickd.executions(poisoned["id"]) == []
    assert {loop.failing_since for loop in tickd.daemon.services.health.loops} == {None}
