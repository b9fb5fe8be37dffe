"""The evidence in an incident, and what else happened around it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.contract.beating import heartbeat, sent, silent
from tests.contract.certificates import clock, now, served_by, until_closed
from tests.contract.people import key_with, stranger
from tests.contract.telling import MASK, failing, incident, latest
from tests.contract.watching import look, watched
from tests.support.daemon import Harness, eventually, running
from tests.support.endpoint import Endpoint, serving
from tests.support.servers import Talk, free_port
from tests.support.servers import serving as talking

DAY = 86_400


async def test_headers_are_kept_with_secrets_masked(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.headers = {
        "X-Thing": "1",
        "Set-Cookie": "session=s3cret",
        "X-Api-Key": "s3cret",
        "WWW-Authenticate": "Basic",
        "X-Auth-Token": "s3cret",
        "X-Secret-Thing": "s3cret",
        "Authorization": "s3cret",
    }
    _, opened = await failing(tickd, endpoint)
    kept = opened["cause"]["headers"]
    assert (kept["x-thing"], kept["www-authenticate"]) == ("1", "Basic")
    masked = {"set-cookie", "x-api-key", "x-auth-token", "x-secret-thing", "authorization"}
    assert {name for name, text in kept.items() if text == MASK} == masked
    assert "s3cret" not in str(await incident(tickd, opened["id"]))
    reader = await key_with(tickd, "read")
    assert (await tickd.call("GET", f"/v1/incidents/{opened['id']}", key=reader)).json["cause"][
        "headers"
    ] == kept


async def test_secrets_do_not_reach_the_file_either(tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.headers = {"Set-Cookie": "session=verysecretthing"}
    async with running(tmp_path / "tickd.db") as tickd:
        await failing(tickd, endpoint)
    assert b"verysecretthing" not in everything_in(tmp_path)


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", None),
        ("x" * 2048, "x" * 2048),
        ("x" * 2049, "x" * 2048),
        ("ü" * 5000, "ü" * 2048),
        ("\N{FIRE}" * 3000, "\N{FIRE}" * 2048),
        ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
    ids=["empty", "just", "over", "umlauts", "fires", "nul", "markup"],
)
async def test_the_body_is_cut(tickd: Harness, endpoint: Endpoint, text: str, kept: str | None) -> None:
    endpoint.text = text
    _, opened = await failing(tickd, endpoint)
    assert opened["cause"]["body"] == kept


async def test_each_step_is_timed_beside_the_last_good_check(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url, interval_secs=DAY, failure_threshold=1)
    good = made["last_check"]["checked_at"]
    await tickd.clock.advance(2.0)
    endpoint.status = 500
    endpoint.gate.clear()
    looking = asyncio.ensure_future(look(tickd, made["id"]))

    async def asked() -> bool:
        return len(endpoint.calls) == 2

    await eventually(asked)
    await tickd.clock.advance(0.25)
    endpoint.gate.set()
    await looking
    cause = (await latest(tickd, made))["cause"]
    steps = {"dns_ms": None, "connect_ms": 0.0, "tls_ms": None, "first_byte_ms": 250.0, "total_ms": 250.0}
    assert cause["timings"] == steps
    assert cause["response_ms"] == 250.0
    well = {"checked_at": good, "status_code": 200}
    assert cause["last_good"] == well | {"timings": steps | {"first_byte_ms": 0.0, "total_ms": 0.0}}


async def test_of_a_refused_connection_there_is_no_more_than_the_error(tickd: Harness) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    made = await watched(tickd, url=url, interval_secs=DAY, failure_threshold=1)
    cause = (await latest(tickd, made))["cause"]
    assert cause["error"].startswith("connection refused")
    assert (cause["status_code"], cause["headers"], cause["body"]) == (None, None, None)
    steps = cause["timings"]
    assert (steps["tls_ms"], steps["first_byte_ms"]) == (None, None)


async def test_of_a_reset_in_the_answer(tickd: Harness) -> None:
    async def half(talk: Talk) -> None:
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-")
        talk.reset()

    async with talking(half) as server:
        made = await watched(tickd, url=server.url, interval_secs=DAY, failure_threshold=1)
    cause = (await latest(tickd, made))["cause"]
    assert "reset" in cause["error"]
    assert (cause["last_good"], cause["status_code"]) == (None, 200)


async def test_the_last_good_check_is_the_one_before_the_first_bad_one(
    tickd: Harness, endpoint: Endpoint
) -> None:
    made = await watched(tickd, url=endpoint.url, interval_secs=DAY, failure_threshold=2)
    for code in (200, 500, 200, 500, 404):
        await tickd.clock.advance(1.0)
        endpoint.status = code
        await look(tickd, made["id"])
    cause = (await latest(tickd, made))["cause"]
    assert (cause["at"], cause["error"]) == ("2026-03-03T12:00:04Z", "status code 500")
    assert cause["last_good"]["checked_at"] == "2026-03-03T12:00:03Z"


async def test_of_tls_each_step_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: trustme.CA
) -> None:
    context = served_by(authority, "localhost", not_after=now() + timedelta(days=90))
    answers = [b"200 OK", b"500 Oops"]

    async def answer(talk: Talk) -> None:
        await talk.request()
        await talk.send(b"HTTP/1.1 " + answers.pop(0) + b"\r\nContent-Length: 0\r\n\r\n")

    async with talking(answer, tls=context) as server, running(tmp_path / "t.db", clock=clock()) as tickd:
        url = f"https://localhost:{server.port}/"
        made = await watched(tickd, url=url, interval_secs=DAY, failure_threshold=1)
        await look(tickd, made["id"])
        cause = (await latest(tickd, made))["cause"]
    assert all(cause["timings"][step] is not None for step in ("dns_ms", "connect_ms", "tls_ms"))
    assert all(cause["last_good"]["timings"][step] is not None for step in ("dns_ms", "tls_ms"))


async def related(tickd: Harness, identifier: str) -> dict[str, Any]:
    found: dict[str, Any] = (await incident(tickd, identifier))["related"]
    return found


async def ended(tickd: Harness, job: dict[str, Any], status: str) -> dict[str, Any]:
    """The job's one execution, once it is in that status."""

    async def there() -> dict[str, Any]:
        (found,) = await tickd.executions(job["id"])
        return found if found["status"] == status else {}

    found: dict[str, Any] = await eventually(there)
    return found


async def test_alone_an_incident_has_nothing_around_it(tickd: Harness, endpoint: Endpoint) -> None:
    _, opened = await failing(tickd, endpoint)
    kinds = ("incidents", "runs", "monitors", "certificates", "pings")
    assert await related(tickd, opened["id"]) == {kind: [] for kind in kinds}


async def test_runs_around_an_incident(tickd: Harness, endpoint: Endpoint) -> None:
    plain = {"schedule": "@yearly", "retries": 0, "failure_threshold": 10}
    async with serving() as jobs:
        jobs.status = 500
        long_ago = await tickd.job(name="long ago", endpoint=jobs.url, **plain)
        await tickd.call("POST", f"/v1/jobs/{long_ago['id']}/trigger")
        await ended(tickd, long_ago, "failed")
        await tickd.clock.advance(700.0)
        failed = await tickd.job(name="failed", endpoint=jobs.url, **plain)
        await tickd.call("POST", f"/v1/jobs/{failed['id']}/trigger")
        row = await ended(tickd, failed, "failed")
        jobs.status = 200
        well = await tickd.job(name="well", endpoint=jobs.url, **plain)
        await tickd.call("POST", f"/v1/jobs/{well['id']}/trigger")
        await ended(tickd, well, "success")
        await tickd.clock.advance(1.0)
        jobs.gate.clear()
        running_now = await tickd.job(name="running", endpoint=jobs.url, **plain)
        await tickd.call("POST", f"/v1/jobs/{running_now['id']}/trigger")
        await ended(tickd, running_now, "running")
        _, opened = await failing(tickd, endpoint)
        found = {one["job_name"]: one for one in (await related(tickd, opened["id"]))["runs"]}
        assert set(found) == {"failed", "running"}
        assert found["failed"] == {
            "execution_id": row["id"],
            "job_id": failed["id"],
            "job_name": "failed",
            "status": "failed",
            "error": row["error"],
            "started_at": row["started_at"],
            "finished_at": row["finished_at"],
        }
        assert (found["running"]["status"], found["running"]["finished_at"]) == ("running", None)


async def test_other_monitors_of_the_host_and_what_they_are(tickd: Harness, endpoint: Endpoint) -> None:
    neighbour = await watched(tickd, name="neighbour", url=endpoint.url + "/other", interval_secs=DAY)
    await watched(tickd, name="tcp", type="tcp", url=endpoint.url.split("//")[1], interval_secs=DAY)
    await tickd.call("POST", "/v1/monitors", {"name": "else", "url": "http://localhost:9/127.0.0.1"})
    await tickd.call(
        "POST", "/v1/monitors", {"name": "off", "url": "http://127.0.0.1:1/", "status": "paused"}
    )
    _, opened = await failing(tickd, endpoint)
    found = (await related(tickd, opened["id"]))["monitors"]
    assert [(one["name"], one["state"]) for one in found] == [
        ("neighbour", "up"),
        ("off", "paused"),
        ("tcp", "up"),
    ]
    assert found[0]["id"] == neighbour["id"]


async def test_other_incidents_and_pings_that_failed(tickd: Harness, endpoint: Endpoint) -> None:
    early = await heartbeat(tickd, name="early")
    await sent(tickd, f"/p/{early['token']}/fail")
    await tickd.clock.advance(601.0)
    quiet = await heartbeat(tickd, name="quiet", interval_secs=60, grace_secs=0, failure_threshold=9)
    await sent(tickd, f"/p/{quiet['token']}")
    await silent(tickd, quiet["id"], 60.0, 1)
    broken = await heartbeat(tickd, name="broken")
    await sent(tickd, f"/p/{broken['token']}/fail", method="POST", data=b"disk full")
    made, opened = await failing(tickd, endpoint)
    found = await related(tickd, opened["id"])
    assert {(one["name"], one["kind"], one["message"]) for one in found["pings"]} == {
        ("broken", "fail", "disk full"),
        ("quiet", "missed", "no ping: expected at 2026-03-03T12:11:01Z, with a grace of 0 s"),
    }
    assert [one["subject"]["name"] for one in found["incidents"]] == ["broken"]
    theirs = (await latest(tickd, broken))["id"]
    assert [one["subject"]["id"] for one in (await related(tickd, theirs))["incidents"]] == [made["id"]]
    # What comes within ten minutes after it is there too.
    await tickd.clock.advance(599.0)
    await sent(tickd, f"/p/{early['token']}")
    await sent(tickd, f"/p/{early['token']}/fail", method="POST", data=b"later")
    assert "later" in [one["message"] for one in (await related(tickd, opened["id"]))["pings"]]


async def test_a_certificate_that_changed(tmp_path: Path, authority: trustme.CA, endpoint: Endpoint) -> None:
    def context(days: int) -> Any:
        return served_by(authority, "localhost", not_after=now() + timedelta(days=days))

    async with running(tmp_path / "tickd.db", clock=clock()) as tickd:
        async with talking(until_closed, tls=context(90)) as server:
            name = f"localhost:{server.port}"
            made = await watched(tickd, type="ssl", name="certificate", url=name, interval_secs=DAY)
        async with talking(until_closed, tls=context(300), port=server.port):
            await look(tickd, made["id"])
        _, opened = await failing(tickd, endpoint)
        (found,) = (await related(tickd, opened["id"]))["certificates"]
        assert (found["monitor_id"], found["name"]) == (made["id"], "certificate")
        assert found["expires_at"] == (await look_at(tickd, made["id"]))["ssl_expires_at"]
        assert found["issuer"]


async def look_at(tickd: Harness, identifier: str) -> dict[str, Any]:
    found: dict[str, Any] = (await tickd.call("GET", f"/v1/monitors/{identifier}")).json
    return found


async def test_a_strangers_failures_are_not_related(tickd: Harness, endpoint: Endpoint) -> None:
    other = await stranger(tickd)
    body = {"name": "his", "url": endpoint.url, "failure_threshold": 1}
    his = (await tickd.call("POST", "/v1/monitors", body, key=other)).json
    beat = (await tickd.call("POST", "/v1/heartbeats", {"name": "his"}, key=other)).json
    await sent(tickd, f"/p/{beat['token']}/fail")
    run = {"name": "his", "schedule": "@yearly", "endpoint": f"http://127.0.0.1:{free_port()}/", "retries": 0}
    job = (await tickd.call("POST", "/v1/jobs", run, key=other)).json
    await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger", key=other)
    _, opened = await failing(tickd, endpoint)
    await tickd.call("POST", f"/v1/monitors/{his['id']}/check", key=other)
    assert not any((await related(tickd, opened["id"])).values())
