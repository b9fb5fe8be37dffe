"""Every call on jobs of the native face: statuses, headers, upsert, partial bodies, lists, owners."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.people import key_with, stranger
from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint

NIGHTLY = {"name": "nightly", "schedule": "0 2 * * *", "endpoint": "http://127.0.0.1:9/"}
SECRET = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="
MASK = "••••••"


async def test_registering_is_201_and_registering_again_200(tickd: Harness) -> None:
    created = await tickd.call(
        "POST", "/v1/jobs", NIGHTLY | {"retries": 5, "tags": ["db"], "timezone": "Asia/Tokyo"}
    )
    assert created.status == 201
    assert created.headers["Content-Type"] == "application/json; charset=utf-8"
    await tickd.clock.advance(1.0)
    same = await tickd.call("POST", "/v1/jobs", NIGHTLY)
    assert (same.status, same.json) == (200, created.json)
    changed = await tickd.call("POST", "/v1/jobs", NIGHTLY | {"name": " nightly ", "retries": 1})
    assert changed.status == 200
    assert changed.json == created.json | {"retries": 1, "updated_at": "2026-03-03T12:00:01Z"}
    assert (await tickd.call("GET", "/v1/jobs")).json["total"] == 1


async def test_registering_a_paused_job_again_leaves_it_paused(tickd: Harness) -> None:
    created = await tickd.call("POST", "/v1/jobs", NIGHTLY | {"status": "paused"})
    assert (created.status, created.json["status"], created.json["next_run_at"]) == (201, "paused", None)
    again = await tickd.call("POST", "/v1/jobs", NIGHTLY | {"schedule": "0 3 * * *"})
    assert (again.status, again.json["status"], again.json["next_run_at"]) == (200, "paused", None)
    active = await tickd.call("POST", "/v1/jobs", NIGHTLY | {"status": "active"})
    assert (active.json["status"], active.json["next_run_at"]) == ("active", "2026-03-04T02:00:00Z")


async def test_get_and_unknown_ids(tickd: Harness) -> None:
    job = await tickd.job(**NIGHTLY)
    found = await tickd.call("GET", f"/v1/jobs/{job['id']}")
    assert (found.status, found.json) == (200, job)
    for unknown in ("job_0000000000000000", "nightly", "%00", "%F0%9F%8C%99", "a%2Fb"):
        assert (await tickd.call("GET", f"/v1/jobs/{unknown}")).status == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_name_that_is_taken_is_a_conflict(tickd: Harness, method: str) -> None:
    await tickd.job(**NIGHTLY)
    job = await tickd.job(**NIGHTLY | {"name": "other"})
    reply = await tickd.call(method, f"/v1/jobs/{job['id']}", {"name": "nightly"})
    assert (reply.status, reply.json) == (409, {"error": "name is taken: another job is called 'nightly'"})
    own = await tickd.call(method, f"/v1/jobs/{job['id']}", {"name": "other"})
    assert (own.status, own.json) == (200, job)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_pause_and_resume_are_idempotent(tickd: Harness, method: str) -> None:
    job = await tickd.job(**NIGHTLY)
    await tickd.clock.advance(1.0)
    headers = {"Content-Type": "application/json"}
    for _ in range(2):
        paused = await tickd.call(method, f"/v1/jobs/{job['id']}/pause", headers=headers)
        assert paused.status == 200
        after = {"status": "paused", "next_run_at": None, "updated_at": "2026-03-03T12:00:01Z"}
        assert paused.json == job | after
    await tickd.clock.advance(1.0)
    for _ in range(2):
        resumed = await tickd.call(method, f"/v1/jobs/{job['id']}/resume", headers=headers)
        assert resumed.status == 200
        assert resumed.json == job | {"updated_at": "2026-03-03T12:00:02Z"}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_status_pauses_and_resumes_too(tickd: Harness, method: str) -> None:
    job = await tickd.job(**NIGHTLY)
    path = f"/v1/jobs/{job['id']}"
    for _ in range(2):
        paused = await tickd.call(method, path, {"status": "paused"})
        assert (paused.json["status"], paused.json["next_run_at"]) == ("paused", None)
    for _ in range(2):
        assert (await tickd.call(method, path, {"status": "active"})).json == job


async def test_a_paused_job_is_not_fired(tickd: Harness, endpoint: Endpoint) -> None:
    paused = await tickd.job(name="paused", endpoint=endpoint.url + "/paused", status="paused")
    await tickd.job(name="active", endpoint=endpoint.url + "/active")
    await tickd.clock.advance(60.0)

    async def called() -> bool:
        return len(endpoint.calls) == 1

    await eventually(called)
    assert [call.path for call in endpoint.calls] == ["/active"]
    assert await tickd.executions(paused["id"]) == []


async def test_delete_takes_the_executions_along(tickd: Harness, endpoint: Endpoint) -> None:
    job = await tickd.job(endpoint=endpoint.url)
    triggered = await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")
    execution = triggered.json["execution_id"]
    deleted = await tickd.call("DELETE", f"/v1/jobs/{job['id']}")
    assert (deleted.status, deleted.json) == (204, None)
    assert "Content-Type" not in deleted.headers
    for method, path in (
        ("DELETE", f"/v1/jobs/{job['id']}"),
        ("GET", f"/v1/jobs/{job['id']}"),
        ("PATCH", f"/v1/jobs/{job['id']}"),
        ("POST", f"/v1/jobs/{job['id']}/trigger"),
        ("GET", f"/v1/jobs/{job['id']}/executions"),
        ("GET", f"/v1/executions?job_id={job['id']}"),
    ):
        gone = await tickd.call(method, path)
        assert (gone.status, gone.json) == (404, {"error": f"no job {job['id']}"}), (method, path)
    gone = await tickd.call("GET", f"/v1/executions/{execution}")
    assert (gone.status, gone.json) == (404, {"error": f"no execution {execution}"})
    fresh = await tickd.job(endpoint=endpoint.url)
    assert fresh["id"] != job["id"]
    assert await tickd.executions(fresh["id"]) == []


@pytest.mark.parametrize("word", ["trigger", "run"])
async def test_trigger_runs_a_job_now_even_a_paused_one(
    tickd: Harness, endpoint: Endpoint, word: str
) -> None:
    job = await tickd.job(endpoint=endpoint.url, status="paused")
    reply = await tickd.call("POST", f"/v1/jobs/{job['id']}/{word}")
    assert reply.status == 202
    assert reply.json == {"message": "triggered", "execution_id": reply.json["execution_id"]}

    async def ended() -> Any:
        found = (await tickd.call("GET", f"/v1/executions/{reply.json['execution_id']}")).json
        return found["finished_at"] and found

    execution = await eventually(ended)
    assert (execution["trigger"], execution["status"]) == ("manual", "success")
    after = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
    assert after["last_run"] == {"status": "success", "finished_at": execution["finished_at"]}
    assert (after["status"], after["next_run_at"]) == ("paused", None)
    unknown = await tickd.call("POST", f"/v1/jobs/job_0/{word}")
    assert (unknown.status, unknown.json) == (404, {"error": "no job job_0"})


async def test_failures_show_in_the_job(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.statuses = [500, 503, 204]
    job = await tickd.job(endpoint=endpoint.url, failure_threshold=2, schedule="0 2 * * *")
    expected = [("active", 1, "failed"), ("failing", 2, "failed"), ("active", 0, "success")]
    for status, failures, last in expected:
        await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")

        async def settled(failures: int = failures, last: str = last) -> Any:
            found = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
            ran = found["last_run"] and found["last_run"]["status"] == last
            return ran and found["consecutive_failures"] == failures and found

        assert (await eventually(settled))["status"] == status
        await tickd.clock.advance(1.0)
        in_list = (await tickd.call("GET", f"/v1/jobs?status={status}")).json
        assert [found["status"] for found in in_list["jobs"]] == [status]


async def test_lists_are_pages_by_name(tickd: Harness) -> None:
    empty = await tickd.call("GET", "/v1/jobs")
    assert (empty.status, empty.json) == (200, {"jobs": [], "limit": 100, "offset": 0, "total": 0})
    for name in ("b", "d", "a", "c"):
        await tickd.job(**NIGHTLY | {"name": name})

    async def page(query: str) -> tuple[list[str], int, int, int]:
        found = (await tickd.call("GET", "/v1/jobs" + query)).json
        return [job["name"] for job in found["jobs"]], found["limit"], found["offset"], found["total"]

    assert await page("") == (["a", "b", "c", "d"], 100, 0, 4)
    assert await page("?limit=2") == (["a", "b"], 2, 0, 4)
    assert await page("?limit=2&offset=3") == (["d"], 2, 3, 4)
    assert await page("?offset=4") == ([], 100, 4, 4)
    assert await page("?limit=0") == (["a"], 1, 0, 4)
    assert await page("?limit=-7&offset=-7") == (["a"], 1, 0, 4)
    assert await page("?limit=501") == (["a", "b", "c", "d"], 500, 0, 4)
    assert await page(f"?limit={10**30}&offset=1") == (["b", "c", "d"], 500, 1, 4)
    assert await page("?limit=&offset=") == (["a", "b", "c", "d"], 100, 0, 4)
    assert (await page(f"?offset={10**30}"))[::3] == ([], 4)


async def test_lists_are_filtered_by_status_and_tag(tickd: Harness) -> None:
    await tickd.job(**NIGHTLY | {"name": "a", "tags": ["db", "x y"]})
    await tickd.job(**NIGHTLY | {"name": "b", "tags": ["db"], "status": "paused"})
    await tickd.job(**NIGHTLY | {"name": "c", "tags": ["db2"]})

    async def names(query: str) -> tuple[list[str], int]:
        found = (await tickd.call("GET", "/v1/jobs?" + query)).json
        return [job["name"] for job in found["jobs"]], found["total"]

    assert await names("status=active") == (["a", "c"], 2)
    assert await names("status=paused") == (["b"], 1)
    assert await names("status=failing") == ([], 0)
    assert await names("tag=db") == (["a", "b"], 2)
    assert await names("tag=x+y") == (["a"], 1)
    assert await names("tag=none") == ([], 0)
    assert await names("tag=db&status=active&limit=1") == (["a"], 1)


async def test_a_query_that_makes_no_sense(tickd: Harness) -> None:
    for query, sentence in (
        ("limit=ten", "limit must be a whole number"),
        ("limit=1.5", "limit must be a whole number"),
        ("offset=one", "offset must be a whole number"),
        ("status=broken", "status must be one of active, failing, paused"),
    ):
        reply = await tickd.call("GET", "/v1/jobs?" + query)
        assert (reply.status, reply.json) == (400, {"error": sentence})


async def test_the_signing_secret_is_never_shown(tickd: Harness, endpoint: Endpoint) -> None:
    job = await tickd.job(endpoint=endpoint.url, signing_secret=SECRET)
    path = f"/v1/jobs/{job['id']}"
    execution = (await tickd.call("POST", f"{path}/trigger")).json["execution_id"]

    async def called() -> bool:
        return bool(endpoint.calls)

    await eventually(called)
    assert endpoint.calls[0].headers["webhook-id"] == execution
    replies = [await tickd.call("POST", "/v1/jobs", NIGHTLY | {"signing_secret": SECRET})]
    for method in ("PUT", "PATCH"):
        replies.append(await tickd.call(method, path, {"signing_secret": SECRET, "retries": 3}))
        replies.append(await tickd.call(method, path, {"signing_secret": SECRET + "!"}))
    for method, more in (("POST", "/pause"), ("PATCH", "/resume"), ("GET", ""), ("GET", "/executions")):
        replies.append(await tickd.call(method, path + more))
    replies.append(await tickd.call("GET", "/v1/jobs"))
    replies.append(await tickd.call("GET", f"/v1/executions/{execution}"))
    assert [reply.status for reply in replies] == [200, 200, 400, 200, 400, 200, 200, 200, 200, 200, 200]
    for reply in replies:
        assert "c2VjcmV0" not in str(reply.json)
        assert "signing_secret" not in reply.json


async def test_secret_headers_are_masked_for_keys_that_only_read(tickd: Harness) -> None:
    secret = {
        "Authorization": "Bearer 1",
        "proxy-authorization": "2",
        "X-Api-Key": "3",
        "X-CLIENT-SECRET": "4",
        "x-auth-token": "5",
        "Cookie": "6",
    }
    plain = {"Accept": "text/plain", "X-Tenant": "7"}
    job = await tickd.job(**NIGHTLY, headers=secret | plain)
    assert job["headers"] == secret | plain
    reader, writer = await key_with(tickd, "read"), await key_with(tickd, "write")
    masked = dict.fromkeys(secret, MASK) | plain
    for key, shown in ((reader, masked), (writer, secret | plain)):
        one = await tickd.call("GET", f"/v1/jobs/{job['id']}", key=key)
        assert one.json["headers"] == shown
        listed = await tickd.call("GET", "/v1/jobs", key=key)
        assert listed.json["jobs"][0]["headers"] == shown


async def test_a_stranger_sees_and_changes_nothing(tickd: Harness, endpoint: Endpoint) -> None:
    job = await tickd.job(endpoint=endpoint.url)
    execution = (await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")).json["execution_id"]
    key = await stranger(tickd)
    path = f"/v1/jobs/{job['id']}"
    for method, tail in (
        ("GET", ""),
        ("PUT", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/pause"),
        ("PATCH", "/pause"),
        ("POST", "/resume"),
        ("POST", "/trigger"),
        ("POST", "/run"),
        ("GET", "/executions"),
    ):
        reply = await tickd.call(method, path + tail, {"retries": 9} if method != "GET" else None, key=key)
        assert (reply.status, reply.json) == (404, {"error": f"no job {job['id']}"}), (method, tail)
    assert (await tickd.call("GET", f"/v1/executions?job_id={job['id']}", key=key)).status == 404
    assert (await tickd.call("GET", f"/v1/executions/{execution}", key=key)).status == 404
    assert (await tickd.call("GET", "/v1/jobs", key=key)).json["total"] == 0
    his = await tickd.call("POST", "/v1/jobs", NIGHTLY, key=key)
    assert his.status == 201
    assert his.json["id"] != job["id"]
    assert (await tickd.call("GET", f"/v1/jobs/{his.json['id']}")).status == 404
    assert (await tickd.call("GET", "/v1/jobs")).json["total"] == 1


async def test_preview(tickd: Harness) -> None:
    async def preview(**query: str) -> Any:
        return await tickd.call("GET", "/v1/schedules/preview", params=query)

    plain = await preview(schedule="0 2 * * *")
    assert plain.status == 200
    assert plain.json == {
        "description": "At 02:00",
        "next": [f"2026-03-{day:02}T02:00:00Z" for day in range(4, 9)],
    }
    berlin = await preview(schedule="30 2 * * *", timezone="Europe/Berlin", count="1")
    assert berlin.json == {"description": "At 02:30", "next": ["2026-03-04T01:30:00Z"]}
    assert len((await preview(schedule="* * * * *", count="100")).json["next"]) == 100
    assert (await preview(schedule="@hourly", count="1")).json["next"] == ["2026-03-03T13:00:00Z"]
    assert (await preview(schedule="0 0 29 2 *", count="2")).json["next"] == [
        "2028-02-29T00:00:00Z",
        "2032-02-29T00:00:00Z",
    ]
    for query, sentence in (
        ({}, "schedule is required"),
        ({"schedule": ""}, "schedule is required"),
        (
            {"schedule": "* * * *"},
            "schedule has 4 fields, but needs five: minute hour day-of-month month day-of-week",
        ),
        (
            {"schedule": "@daily", "timezone": "Mars"},
            "timezone must be an IANA time zone such as Europe/Berlin",
        ),
        ({"schedule": "@daily", "count": "0"}, "count must be between 1 and 100"),
        ({"schedule": "@daily", "count": "101"}, "count must be between 1 and 100"),
        ({"schedule": "@daily", "count": "x"}, "count must be a whole number between 1 and 100"),
    ):
        reply = await preview(**query)
        assert (reply.status, reply.json) == (400, {"error": sentence})
