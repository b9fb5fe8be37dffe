"""Maintenance on the native face: planned, changed, listed; checks go on, are marked, and don't count."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.contract.people import key_with, stranger
from tests.contract.watching import checks_of, look, monitor, shown, watched
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, Reply, running
from tests.support.endpoint import Endpoint
from tickd.domain import times

ONCE = {"starts_at": "2026-03-03T14:00:00+02:00", "ends_at": "2026-03-03T13:00:00Z"}
NIGHTLY = {"day": "daily", "start": "22:00", "end": "02:00", "timezone": "America/New_York"}
HOUR = 3600.0


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path / "tickd.db") as harness:
        yield harness


async def plan(tickd: Harness, **said: Any) -> dict[str, Any]:
    plain = {"name": "work"} | ({} if {"subjects", "tags"} & set(said) else {"all": True})
    reply = await tickd.call("POST", "/v1/maintenance", plain | said)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json
    return made


async def test_one_that_comes_once_from_its_making_to_its_end(tickd: Harness) -> None:
    made = await plan(tickd, tags=["web", "db"], **ONCE)
    assert made.pop("id").startswith("mnt_")
    assert made == {
        "name": "work",
        "subjects": [],
        "tags": ["web", "db"],
        "all": False,
        "starts_at": "2026-03-03T12:00:00Z",
        "ends_at": "2026-03-03T13:00:00Z",
        "day": None,
        "start": None,
        "end": None,
        "timezone": None,
        "active": True,
        "next_starts_at": None,
        "next_ends_at": "2026-03-03T13:00:00Z",
        "created_at": "2026-03-03T12:00:00Z",
        "updated_at": "2026-03-03T12:00:00Z",
    }
    await tickd.clock.advance(HOUR)
    (over,) = (await tickd.call("GET", "/v1/maintenance?status=over")).json["maintenance"]
    assert over == made | {"id": over["id"], "active": False, "next_ends_at": None}
    assert (await tickd.call("DELETE", f"/v1/maintenance/{over['id']}")).status == 204
    assert (await tickd.call("GET", f"/v1/maintenance/{over['id']}")).status == 404
    assert (await tickd.call("GET", "/v1/maintenance")).json["total"] == 0


async def test_a_weekly_one_says_when_it_comes_next(tickd: Harness) -> None:
    made = await plan(tickd, **NIGHTLY)
    # 12:00 UTC is 07:00 in New York, where summer time begins on Sunday.
    assert made.items() >= {**NIGHTLY, "starts_at": None, "ends_at": None, "all": True}.items()
    path = f"/v1/maintenance/{made['id']}"
    seen = []
    for when in ("2026-03-03T12:00", "2026-03-04T03:00", "2026-03-08T02:59", "2026-03-08T04:00"):
        tickd.clock.set(round(datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp() * 1000))
        found = (await tickd.call("GET", path)).json
        seen.append((found["active"], found["next_starts_at"], found["next_ends_at"]))
    assert seen == [
        (False, "2026-03-04T03:00:00Z", "2026-03-04T07:00:00Z"),
        (True, "2026-03-05T03:00:00Z", "2026-03-04T07:00:00Z"),
        (False, "2026-03-08T03:00:00Z", "2026-03-08T07:00:00Z"),
        # Its end, 02:00, is left out that night: it ends as the clock shows 03:00.
        (True, "2026-03-09T02:00:00Z", "2026-03-08T07:00:00Z"),
    ]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_change_keeps_what_is_left_out(tickd: Harness, method: str) -> None:
    made = await plan(tickd, **ONCE)
    path = f"/v1/maintenance/{made['id']}"
    await tickd.clock.advance(1.0)
    # What was answered can be sent back, with what changes.
    reply = await tickd.call(method, path, made | {"name": "longer", "ends_at": "2026-03-03T15:00:00Z"})
    end = {"ends_at": "2026-03-03T15:00:00Z", "next_ends_at": "2026-03-03T15:00:00Z"}
    longer = made | end | {"name": "longer", "updated_at": "2026-03-03T12:00:01Z"}
    assert (reply.status, reply.json) == (200, longer)
    assert (await tickd.call(method, path, {})).json == longer
    weekly = (await tickd.call(method, path, NIGHTLY)).json
    assert weekly.items() >= {**NIGHTLY, "starts_at": None, "ends_at": None, "name": "longer"}.items()
    assert (await tickd.call(method, path, {"end": "03:00"})).json["next_ends_at"] == "2026-03-04T08:00:00Z"
    refused = await tickd.call(method, path, {"ends_at": "2026-03-03T15:00:00Z"})
    assert (refused.status, refused.json) == (400, {"error": "starts_at is required"})
    refused = await tickd.call(method, path, {"all": False})
    assert refused.json["error"].startswith("all can't be taken away")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"name": None}, "name is required"),
        ({"starts_at": None}, "starts_at is required"),
        ({"all": None}, "subjects is required, or tags, or all"),
        ({"all": 1}, "all must be true or false"),
        ({"tags": ["web"]}, "all can't be used with tags: a maintenance covers one of them"),
        ({"day": "monday"}, "day can't be used with starts_at and ends_at: it is once or weekly"),
        ({"day": "someday"}, "day must be one of daily, friday, monday, saturday, sunday, thursday, tuesday"),
        ({"ends_at": "2026-03-03T12:00:00Z"}, "ends_at must be after starts_at"),
        ({"ends_at": "2027-03-05T12:00:00Z"}, "ends_at must be at most 366 days after starts_at"),
        ({"ends_at": 1772539200}, "ends_at must be text"),
        ({"ends_at": "tomorrow"}, "ends_at must be a time with its offset, such as 2026-03-03T12:30:00Z"),
        (
            {"all": None, "subjects": ["mon_0000000000000000"]},
            "subjects must be ids of jobs, monitors or heartbeats: there is no mon_0000000000000000",
        ),
        (
            {"all": None, "subjects": ["a"] * 501},
            "subjects must be a list of at most 500 items, each text of",
        ),
    ],
)
async def test_what_can_not_be_is_refused(tickd: Harness, said: dict[str, Any], sentence: str) -> None:
    reply = await tickd.call("POST", "/v1/maintenance", {"name": "work", "all": True, **ONCE} | said)
    assert reply.status == 400
    assert reply.json["error"].startswith(sentence)
    assert (await tickd.call("GET", "/v1/maintenance")).json["total"] == 0


async def test_lists_come_by_name_in_pages(tickd: Harness) -> None:
    for name in ("c", "a", "b"):
        await plan(tickd, name=name, **ONCE)
    await plan(tickd, name="d", **NIGHTLY)

    async def names(query: str) -> tuple[list[str], dict[str, int]]:
        found = (await tickd.call("GET", f"/v1/maintenance{query}")).json
        return [one["name"] for one in found.pop("maintenance")], found

    assert await names("") == (["a", "b", "c", "d"], {"limit": 100, "offset": 0, "total": 4})
    assert await names("?limit=2&offset=1") == (["b", "c"], {"limit": 2, "offset": 1, "total": 4})
    assert await names("?status=planned&limit=9999") == (["d"], {"limit": 500, "offset": 0, "total": 1})
    assert await names("?status=active&limit=0") == (["a"], {"limit": 1, "offset": 0, "total": 3})
    wrong = await tickd.call("GET", "/v1/maintenance?status=done")
    assert (wrong.status, wrong.json) == (400, {"error": "status must be one of active, over, planned"})


async def test_who_may_do_what(tickd: Harness) -> None:
    made, reader, other = await plan(tickd, **ONCE), await key_with(tickd, "read"), await stranger(tickd)
    path = f"/v1/maintenance/{made['id']}"
    assert (await tickd.call("GET", path, key=reader)).json == made
    for method, where in (("POST", "/v1/maintenance"), ("PATCH", path), ("PUT", path), ("DELETE", path)):
        assert (await tickd.call(method, where, {}, key=reader)).status == 403
        assert (await tickd.call(method, where, {}, key=None)).status == 401
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        reply = await tickd.call(method, path, {}, key=other)
        assert (reply.status, reply.json) == (404, {"error": f"no maintenance {made['id']}"})
    assert (await tickd.call("GET", "/v1/maintenance", key=other)).json["maintenance"] == []
    mine = await monitor(tickd)
    said = {"name": "theirs", "subjects": [mine["id"]], **ONCE}
    assert (await tickd.call("POST", "/v1/maintenance", said, key=other)).status == 400


async def test_every_kind_of_subject_can_be_named(tickd: Harness) -> None:
    job = await tickd.job()
    beat = (await tickd.call("POST", "/v1/heartbeats", {"name": "beat"})).json
    certificate = await tickd.call(
        "POST", "/api/v1/monitors", {"name": "c", "monitor_type": "ssl", "ssl_domain": "127.0.0.1"}
    )
    named = [job["id"], beat["id"], certificate.json["data"]["id"], (await monitor(tickd))["id"]]
    assert [one.split("_")[0] for one in named] == ["job", "hb", "ssl", "mon"]
    assert (await plan(tickd, subjects=named, **ONCE))["subjects"] == named


# Checks go on, are marked, and don't count.


async def marks(tickd: Harness, identifier: str, query: str = "") -> list[tuple[str, bool]]:
    """(status, marked) of the monitor's checks, oldest first."""
    found = (await checks_of(tickd, identifier, query))["checks"]
    assert all(one.get("maintenance", True) is True for one in found)
    return [(one["status"], "maintenance" in one) for one in reversed(found)]


async def uptime(tickd: Harness, identifier: str) -> Any:
    return (await tickd.call("GET", f"/v1/monitors/{identifier}/uptime")).json


async def test_checks_in_maintenance_are_marked_and_left_out(tmp_path: Path, endpoint: Endpoint) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        made = await monitor(tickd, url=endpoint.url, status="paused", tags=["web"])
        other = await monitor(tickd, url=endpoint.url, status="paused", slug="other")
        begin = times.rfc3339(NOON + 2 * times.MINUTE)
        kept = await plan(tickd, tags=["web"], starts_at=begin, ends_at=times.rfc3339(NOON + times.HOUR))
        endpoint.statuses = [code for code in (200, 200, 500, 500, 200) for _ in range(2)]
        for _ in range(5):
            for one in (made, other):
                looked = await look(tickd, one["id"])
                marked = one is made and tickd.clock.now() >= NOON + 2 * times.MINUTE
                assert looked.get("maintenance") == (True if marked else None)
            await tickd.clock.advance(60.0)
        assert await marks(tickd, made["id"]) == [
            ("up", False),
            ("up", False),
            ("down", True),
            ("down", True),
            ("up", True),
        ]
        assert await marks(tickd, made["id"], "?status=down") == [("down", True)] * 2
        assert {marked for _, marked in await marks(tickd, other["id"])} == {False}
        found = await uptime(tickd, made["id"])
        day = found.pop("days")[0]
        assert found == {
            "uptime_percent": 100.0,
            "checks_total": 2,
            "checks_failed": 0,
            "maintenance_secs": 180,
        }
        assert (day["uptime_percent"], day["maintenance_secs"]) == (100.0, 180)
        whole = await uptime(tickd, other["id"])
        assert (whole["uptime_percent"], whole["checks_total"], whole["maintenance_secs"]) == (50.0, 5, 0)
        # Without the maintenance checks count again, from now on.
        await tickd.call("DELETE", f"/v1/maintenance/{kept['id']}")
        endpoint.statuses, endpoint.status = [], 500
        assert "maintenance" not in await look(tickd, made["id"])
        assert (await uptime(tickd, made["id"]))["checks_failed"] == 1
        before = await uptime(tickd, made["id"])
        counted = (await rooster(tickd, f"/monitors/{made['id']}"))["uptime_percent"]
        assert counted == 66.67
    async with running(tmp_path / "tickd.db", clock=FakeClock(tickd.clock.now())) as again:
        assert await uptime(again, made["id"]) == before
        assert len(await marks(again, made["id"])) == 6
        await again.clock.advance(3 * HOUR)
        assert await uptime(again, made["id"]) == before
        assert (await rooster(again, f"/monitors/{made['id']}"))["uptime_percent"] == counted


async def rooster(tickd: Harness, path: str) -> Any:
    reply: Reply = await tickd.call("GET", f"/api/v1{path}")
    assert reply.status == 200
    return reply.json["data"]


async def test_its_own_windows_mark_a_monitors_checks_too(tickd: Harness, endpoint: Endpoint) -> None:
    own = [{"day": "tuesday", "start_utc": "11:00", "end_utc": "12:30"}]
    made = await watched(tickd, url=endpoint.url, interval_secs=86_400, maintenance_windows=own)
    endpoint.status = 500
    await look(tickd, made["id"])
    await tickd.clock.advance(HOUR / 2)
    await look(tickd, made["id"])
    assert await marks(tickd, made["id"]) == [("up", True), ("down", True), ("down", False)]
    # The rooster face counts as the native one does, and shows its checks as its reference has them.
    shape = {frozenset(one) for one in await rooster(tickd, f"/monitors/{made['id']}/checks")}
    assert len(shape) == 1
    assert "maintenance" not in next(iter(shape))
    found = await rooster(tickd, f"/monitors/{made['id']}")
    assert (found["checks_total"], found["checks_failed"], found["uptime_percent"]) == (1, 1, 0.0)


async def test_maintenance_begins_and_ends_without_another_word(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watched(tickd, url=endpoint.url, interval_secs=86_400)
    every = await plan(tickd, day="tuesday", start="13:15", end="13:45", timezone="Europe/Berlin")
    for _ in range(4):
        await tickd.clock.advance(HOUR / 4)
        await look(tickd, made["id"])
    # Noon in UTC is one o'clock in Berlin.
    assert [marked for _, marked in await marks(tickd, made["id"])] == [False, True, True, False, False]
    assert (await shown(tickd, made["id"]))["state"] == "up"
    assert not (await tickd.call("GET", f"/v1/maintenance/{every['id']}")).json["active"]
