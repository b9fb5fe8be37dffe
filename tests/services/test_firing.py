"""Firing, from the schedule's minute to the finished row."""

from __future__ import annotations

from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint


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
