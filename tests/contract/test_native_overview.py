"""`GET /v1/overview` and `GET /v1/subjects`: all of an account on one screen, and one list of what it has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.people import stranger
from tests.contract.watching import look
from tests.support.daemon import NOON, Harness, eventually
from tests.support.endpoint import Endpoint
from tickd import __version__
from tickd.domain import times
from tickd.domain.overview import STATES


async def _overview(tickd: Harness, **more: Any) -> dict[str, Any]:
    reply = await tickd.call("GET", "/v1/overview", **more)
    assert reply.status == 200, reply.json
    found: dict[str, Any] = reply.json
    return found


async def _names(tickd: Harness, query: str) -> list[str]:
    reply = await tickd.call("GET", f"/v1/subjects?{query}")
    assert reply.status == 200, reply.json
    assert reply.json["total"] == len(reply.json["subjects"])
    return [one["name"] for one in reply.json["subjects"]]


async def test_an_empty_account_is_well(tickd: Harness) -> None:
    assert await _overview(tickd) == {
        "at": times.rfc3339(NOON),
        "version": __version__,
        "ready": True,
        "faults": [],
        "counts": {noun: dict.fromkeys(STATES, 0) for noun in ("jobs", "monitors", "heartbeats")},
        "failing": [],
        "failing_total": 0,
        "incidents": [],
        "incidents_total": 0,
        "running": [],
        "running_total": 0,
        "next": [],
        "recent": [],
        "alerts": {"queued": 0, "retrying": 0, "oldest_at": None},
        "maintenance": [],
    }


async def test_what_fails_runs_waits_and_comes_next_is_there(tickd: Harness, endpoint: Endpoint) -> None:
    job = await tickd.job(name="hourly", schedule="0 * * * *", endpoint=endpoint.url)
    await tickd.job(name="paused", schedule="* * * * *", status="paused")
    beat = (
        await tickd.call("POST", "/v1/heartbeats", {"name": "backup", "channels": ["nobody@localhost"]})
    ).json
    assert (await tickd.call("POST", f"/p/{beat['token']}/fail", key=None, data=b"no space")).status == 200
    endpoint.gate.clear()
    run = (await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")).json["execution_id"]
    window = {
        "name": "move",
        "starts_at": times.rfc3339(NOON - 1),
        "ends_at": times.rfc3339(NOON + times.HOUR),
    }
    made = (await tickd.call("POST", "/v1/maintenance", window | {"subjects": [job["id"]]})).json
    found = await _overview(tickd)
    assert found["counts"]["heartbeats"]["down"] == found["failing_total"] == found["incidents_total"] == 1
    (down,) = found["failing"]
    assert (down["kind"], down["name"], down["state"], down["since"]) == (
        "heartbeat", "backup", "down", times.rfc3339(NOON),
    )  # fmt: skip
    assert (down["last"]["message"], down["last"]["outcome"], down["slug"]) == (
        "no space",
        "bad",
        beat["slug"],
    )
    assert found["incidents"][0]["error"] == "no space"
    assert [one["execution_id"] for one in found["running"]] == [run]
    assert [one["name"] for one in found["next"]] == ["hourly"]
    assert found["maintenance"] == [{"id": made["id"], "name": "move", "ends_at": window["ends_at"]}]
    assert [(one["kind"], one["name"]) for one in found["recent"]] == [("heartbeat", "backup")]
    endpoint.gate.set()

    async def ended() -> bool:
        return not (await _overview(tickd))["running"]

    await eventually(ended)
    assert {one["kind"] for one in (await _overview(tickd))["recent"]} == {"heartbeat", "job"}


async def test_the_latest_checks_are_there(tickd: Harness, endpoint: Endpoint) -> None:
    body = {"name": "shop", "url": endpoint.url}
    made = (await tickd.call("POST", "/v1/monitors", body)).json
    endpoint.status = 503
    check = (await tickd.call("POST", f"/v1/monitors/{made['id']}/check")).json

    async def listed() -> Any:
        return [one for one in (await _overview(tickd))["recent"] if one["at"] == check["checked_at"]]

    (latest,) = await eventually(listed)
    assert (latest["kind"], latest["id"], latest["outcome"]) == ("monitor", made["id"], "bad")


async def test_what_is_shown_of_much_is_its_beginning(tickd: Harness) -> None:
    for number in range(55):
        beat = (await tickd.call("POST", "/v1/heartbeats", {"name": f"beat {number:02}"})).json
        await tickd.call("POST", f"/p/{beat['token']}/fail", key=None)
    found = await _overview(tickd)
    assert (len(found["failing"]), found["failing_total"]) == (50, 55)
    assert (len(found["incidents"]), found["incidents_total"]) == (20, 55)
    assert len(found["recent"]) == 20


async def test_all_of_it_is_the_account_s_own(tickd: Harness) -> None:
    beat = (await tickd.call("POST", "/v1/heartbeats", {"name": "backup"})).json
    await tickd.call("POST", f"/p/{beat['token']}/fail", key=None)
    await tickd.job()
    key = await stranger(tickd)
    found = await _overview(tickd, key=key)
    assert found["failing"] == found["incidents"] == found["recent"] == found["next"] == []
    assert found["alerts"] == {"queued": 0, "retrying": 0, "oldest_at": None}


async def test_subjects_are_found_by_what_they_are_called(tickd: Harness) -> None:
    await tickd.job(name="Nightly", tags=["db"])
    await tickd.call("POST", "/v1/monitors", {"name": "shop", "slug": "the-shop", "url": "http://127.0.0.1:9/", "group": "Web"})  # fmt: skip  # noqa: E501
    await tickd.call("POST", "/v1/heartbeats", {"name": "copy", "slug": "off-site"})
    assert await _names(tickd, "sort=name") == ["copy", "Nightly", "shop"]
    assert await _names(tickd, "q=the-sh") == ["shop"]
    assert await _names(tickd, "q=OFF-site&kind=heartbeat") == ["copy"]
    assert await _names(tickd, "tag=db") == ["Nightly"]
    assert await _names(tickd, "group=Web&state=pending") == ["shop"]
    assert await _names(tickd, "state=trouble") == []
    assert await _names(tickd, "q=%25") == []


@pytest.mark.parametrize("query", ["kind=ship", "state=ill", "sort=size"])
async def test_a_wrong_word_is_refused(tickd: Harness, query: str) -> None:
    reply = await tickd.call("GET", f"/v1/subjects?{query}")
    assert reply.status == 400
    assert reply.json["error"].startswith(query.partition("=")[0])


async def test_a_page_of_subjects_is_cut_where_it_is_asked(tickd: Harness, endpoint: Endpoint) -> None:
    for number in range(3):
        await look(tickd, await _monitor(tickd, f"m{number}", endpoint.url))
    reply = (await tickd.call("GET", "/v1/subjects?sort=name&limit=2&offset=1")).json
    assert [one["name"] for one in reply["subjects"]] == ["m1", "m2"]
    assert (reply["limit"], reply["offset"], reply["total"]) == (2, 1, 3)
    assert reply["subjects"][0]["last"]["result"] == "200"


async def _monitor(tickd: Harness, name: str, url: str) -> Any:
    return (await tickd.call("POST", "/v1/monitors", {"name": name, "url": url})).json["id"]
