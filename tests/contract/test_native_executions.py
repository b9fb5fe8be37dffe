"""Executions on the native face: the row from recorded to ended, its lists, and the done URL."""

from __future__ import annotations

from typing import Any, get_args

from tests.support.daemon import Harness, Reply, eventually
from tests.support.endpoint import Endpoint
from tickd.domain.executions import Fate

EXECUTION = {
    "id": str,
    "job_id": str,
    "status": str,
    "status_code": int,
    "duration_ms": int,
    "error": str,
    "scheduled_at": str,
    "started_at": str,
    "finished_at": str,
    "triggered_at": str,
    "trigger": str,
    "attempts": int,
    "response_body": str,
    "output": str,
    "reason": str,
}


async def trigger(tickd: Harness, job: dict[str, Any]) -> str:
    reply = await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")
    assert reply.status == 202
    identifier: str = reply.json["execution_id"]
    return identifier


async def until(tickd: Harness, identifier: str, status: str) -> dict[str, Any]:
    async def reached() -> Any:
        found = (await tickd.call("GET", f"/v1/executions/{identifier}")).json
        return found["status"] == status and found

    found: dict[str, Any] = await eventually(reached)
    return found


async def test_a_row_from_running_to_success(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    endpoint.text = "ß" * 3000
    job = await tickd.job(endpoint=endpoint.url)
    identifier = await trigger(tickd, job)
    running = await until(tickd, identifier, "running")
    assert running == {
        "id": identifier,
        "job_id": job["id"],
        "status": "running",
        "status_code": None,
        "duration_ms": 0,
        "error": "",
        "scheduled_at": "2026-03-03T12:00:00Z",
        "started_at": "2026-03-03T12:00:00Z",
        "finished_at": None,
        "triggered_at": "2026-03-03T12:00:00Z",
        "trigger": "manual",
        "attempts": 1,
        "response_body": "",
        "output": "",
        "reason": "",
    }
    await tickd.clock.advance(2.5)
    endpoint.gate.set()
    ended = await until(tickd, identifier, "success")
    assert {name: type(value) for name, value in ended.items()} == EXECUTION
    assert (ended["status_code"], ended["finished_at"]) == (200, "2026-03-03T12:00:02.500Z")
    assert ended["response_body"] == "ß" * 2048


async def test_anything_but_2xx_is_failed(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.headers = {"Location": endpoint.url + "/elsewhere"}
    job = await tickd.job(endpoint=endpoint.url)
    for number, status in enumerate((301, 404, 500), start=1):
        endpoint.status = status
        ended = await until(tickd, await trigger(tickd, job), "failed")
        assert (ended["status_code"], ended["attempts"]) == (status, 1)
        assert ended["error"].startswith(f"the endpoint answered {status} ")
        assert [call.path for call in endpoint.calls] == ["/"] * number


async def test_lists_are_newest_first_in_pages(tickd: Harness, endpoint: Endpoint) -> None:
    job = await tickd.job(endpoint=endpoint.url, schedule="0 2 * * *")
    endpoint.statuses = [200, 500, 200, 500]
    made = []
    for status in ("success", "failed", "success", "failed"):
        made.append(await trigger(tickd, job))
        await until(tickd, made[-1], status)
        await tickd.clock.advance(1.0)
    newest = made[::-1]

    async def page(query: str) -> tuple[list[str], int, int, int]:
        by_query = await tickd.call("GET", f"/v1/executions?job_id={job['id']}{query}")
        by_path = await tickd.call("GET", f"/v1/jobs/{job['id']}/executions?{query.removeprefix('&')}")
        assert by_query.status == by_path.status == 200
        assert by_query.json == by_path.json
        found = by_query.json
        ids = [one["id"] for one in found["executions"]]
        return ids, found["limit"], found["offset"], found["total"]

    assert await page("") == (newest, 100, 0, 4)
    assert await page("&limit=2") == (newest[:2], 2, 0, 4)
    assert await page("&limit=2&offset=3") == (newest[3:], 2, 3, 4)
    assert await page("&limit=0&offset=-1") == (newest[:1], 1, 0, 4)
    assert await page("&limit=10000") == (newest, 500, 0, 4)
    assert await page("&status=failed") == ([newest[0], newest[2]], 100, 0, 2)
    assert await page("&status=success&limit=1&offset=1") == ([newest[3]], 1, 1, 2)
    assert await page("&status=timeout") == ([], 100, 0, 0)


async def test_what_a_list_takes_and_refuses(tickd: Harness) -> None:
    job = await tickd.job()
    for fate in get_args(Fate):
        assert (await tickd.call("GET", f"/v1/executions?job_id={job['id']}&status={fate}")).status == 200
    words = "status must be one of failed, missed, pending, running, skipped, success, timeout"
    for path, status, sentence in (
        ("/v1/executions", 400, "job_id is required"),
        ("/v1/executions?job_id=", 400, "job_id is required"),
        ("/v1/executions?job_id=job_0", 404, "no job job_0"),
        ("/v1/executions?job_id=%FF", 404, "no job \N{REPLACEMENT CHARACTER}"),
        (f"/v1/executions?job_id={job['id']}&status=ok", 400, words),
        (f"/v1/executions?job_id={job['id']}&limit=x", 400, "limit must be a whole number"),
        (f"/v1/jobs/{job['id']}/executions?status=ok", 400, words),
        ("/v1/jobs/job_0/executions", 404, "no job job_0"),
        ("/v1/executions/exec_0", 404, "no execution exec_0"),
        ("/v1/executions/exec_zzzzzzzzzzzzz", 404, "no execution exec_zzzzzzzzzzzzz"),
        (f"/v1/executions/{job['id']}", 404, f"no execution {job['id']}"),
    ):
        reply = await tickd.call("GET", path)
        assert (reply.status, reply.json) == (status, {"error": sentence}), path


async def test_a_run_that_was_skipped_says_so(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    job = await tickd.job(endpoint=endpoint.url, overlap="skip")
    first = await trigger(tickd, job)
    await until(tickd, first, "running")
    skipped = await until(tickd, await trigger(tickd, job), "skipped")
    assert skipped["error"] == "the run before it had not ended (overlap: skip)"
    assert (skipped["started_at"], skipped["attempts"], skipped["duration_ms"]) == (None, 0, 0)
    assert skipped["triggered_at"] == skipped["scheduled_at"] == skipped["finished_at"]


class Accepted:
    """A run with `completion: callback` whose endpoint has accepted it."""

    def __init__(self, tickd: Harness, identifier: str, done_url: str) -> None:
        assert done_url.startswith(tickd.url + "/x/")
        self.tickd = tickd
        self.id = identifier
        self.path = done_url.removeprefix(tickd.url)

    async def report(self, tail: str = "", *, method: str = "POST", data: bytes = b"") -> Reply:
        return await self.tickd.call(method, self.path + tail, key=None, data=data)

    async def now(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.tickd.call("GET", f"/v1/executions/{self.id}")).json
        return found


async def accepted(tickd: Harness, endpoint: Endpoint) -> Accepted:
    job = await tickd.job(endpoint=endpoint.url, completion="callback", schedule="0 2 * * *")
    identifier = await trigger(tickd, job)

    async def answered() -> Any:
        found = (await tickd.call("GET", f"/v1/executions/{identifier}")).json
        return found["status_code"] == 200

    await eventually(answered)
    return Accepted(tickd, identifier, endpoint.calls[-1].headers["X-Tickd-Done-Url"])


async def test_the_done_url_ends_the_run(tickd: Harness, endpoint: Endpoint) -> None:
    for method, tail, status, error in (
        ("POST", "", "success", ""),
        ("GET", "", "success", ""),
        ("POST", "/0", "success", ""),
        ("GET", "/1", "failed", "the job reported exit status 1"),
        ("POST", "/255", "failed", "the job reported exit status 255"),
        ("POST", "/fail", "failed", "the job reported exit status 1"),
    ):
        run = await accepted(tickd, endpoint)
        assert (await run.now())["status"] == "running"
        await tickd.clock.advance(4.0)
        logged = await run.report("/log", data=b"half way")
        assert (logged.status, logged.json) == (200, {"ok": True})
        assert (await run.now())["status"] == "running"
        reply = await run.report(tail, method=method, data=b"all of it")
        assert (reply.status, reply.json) == (200, {"ok": True})
        ended = await run.now()
        assert (ended["status"], ended["error"], ended["output"]) == (status, error, "all of it")
        assert (ended["status_code"], ended["duration_ms"]) == (200, 4000)
        second = await run.report("/7")
        assert (second.status, second.json) == (409, {"error": "this execution has ended"})
        assert await run.now() == ended


async def test_what_a_done_url_refuses(tickd: Harness, endpoint: Endpoint) -> None:
    run = await accepted(tickd, endpoint)
    words = "exit status must be between 0 and 255, or fail, or log"
    for tail in ("/256", "/-1", "/ok", "/+5", "/1.0", "/%C2%B2"):
        reply = await run.report(tail)
        assert (reply.status, reply.json) == (400, {"error": words}), tail
    run.path = run.path[:-1] + ("0" if run.path[-1] != "0" else "1")
    reply = await run.report()
    assert (reply.status, reply.json) == (404, {"error": "no execution has this token"})
    run.path = f"/x/{run.id}"
    assert (await run.report()).status == 404
    assert (await run.now())["status"] == "running"


async def test_a_run_that_never_reports_is_a_timeout(tickd: Harness, endpoint: Endpoint) -> None:
    run = await accepted(tickd, endpoint)
    await tickd.clock.advance(3600.0)
    ended = await until(tickd, run.id, "timeout")
    assert ended["error"] == "not reported done within 1 h"
    assert (await run.report()).status == 409
