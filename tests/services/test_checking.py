"""Checking: when monitors are looked at, how many at once, and what becomes of edits meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.services.watching import answered, checked, quiet, watch, watched
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.endpoint import Endpoint, serving
from tests.support.servers import answering
from tickd.domain import times
from tickd.domain.monitors import Monitor, Options, next_due

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def called(endpoint: Endpoint, count: int) -> None:
    """Wait until the endpoint has had so many calls."""

    async def reached() -> bool:
        return len(endpoint.calls) >= count

    await eventually(reached)


def moment(text: str) -> int:
    """Milliseconds of a time of the API."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


# When.


async def test_a_new_monitor_is_checked_at_once(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watch(tickd, endpoint.url)
    (check,) = await checked(tickd, made["id"], 1)
    assert (check["status"], check["status_code"], check["checked_at"]) == ("up", 200, "2026-03-03T12:00:00Z")
    shown = await watched(tickd, made["id"])
    assert (shown["status"], shown["state"]) == ("active", "up")
    assert NOON < moment(shown["next_check_at"]) <= NOON + 30_000


async def test_checks_never_drift(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watch(tickd, endpoint.url)
    await checked(tickd, made["id"], 1)
    phase = moment((await watched(tickd, made["id"]))["next_check_at"]) % 30_000
    for count in range(2, 6):
        endpoint.gate.clear()
        await tickd.clock.advance(30)
        await called(endpoint, count)
        await tickd.clock.advance(3.7)  # what the check takes
        await asyncio.sleep(0.005)
        endpoint.gate.set()
        await checked(tickd, made["id"], count)
        due = moment((await watched(tickd, made["id"]))["next_check_at"])
        assert due % 30_000 == phase
        assert 0 < due - tickd.clock.now() <= 30_000


async def test_a_check_is_never_begun_beside_itself(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    made = await watch(tickd, endpoint.url)
    await called(endpoint, 1)
    for _ in range(4):
        await tickd.clock.advance(30)
        await asyncio.sleep(0.005)
    assert len(endpoint.calls) == 1
    endpoint.gate.set()
    await checked(tickd, made["id"], 1)
    await tickd.clock.advance(30)
    await checked(tickd, made["id"], 2)


async def test_a_start_spreads_its_checks(tmp_path: Path, endpoint: Endpoint) -> None:
    path, clock = tmp_path / "t.db", FakeClock(NOON)
    async with running(path, clock=clock) as tickd:
        for number in range(60):
            await watch(tickd, endpoint.url, name=f"m{number}")
        await called(endpoint, 60)
        await quiet(tickd)
    async with running(path, clock=clock) as tickd:
        await asyncio.sleep(0.01)
        assert tickd.daemon._checking.in_flight == 0
        found = tickd.daemon._checking._watched.values()
        dues = Counter(((one.due or 0) - NOON) // 1000 for one in found)
        assert all(0 <= second <= 30 for second in dues)
        assert max(dues.values()) < 10
        assert len(dues) > 15
        await tickd.clock.advance(30)
        await called(endpoint, 120)
        await quiet(tickd)
    assert len(endpoint.calls) == 120


async def test_what_edits_and_deletes_leave_behind_is_cleared(tickd: Harness, endpoint: Endpoint) -> None:
    checking = tickd.daemon._checking
    kept = await watch(tickd, endpoint.url)
    await checked(tickd, kept["id"], 1)
    monitor = fields_of(checking.find(1).monitor)
    for number in range(1_000):
        # Each interval is another due time, and so another place in the queue.
        options = Options(url=endpoint.url, interval_secs=3_600 + number)
        checking.put(Monitor(**monitor | {"options": options}), NOON)
    for row in range(1_000, 2_000):
        checking.put(Monitor(**monitor | {"row": row, "paused": True}), NOON)
        checking.put(Monitor(**monitor | {"row": row}), NOON)
        checking.drop(row)
    assert len(checking._heap) < 200
    assert checking.find(1).due == next_due(checking.find(1).phase, 4_599_000, NOON)


async def test_another_interval_does_not_put_off_what_is_due(tickd: Harness, endpoint: Endpoint) -> None:
    checking = tickd.daemon._checking
    made = await watch(tickd, endpoint.url)
    await checked(tickd, made["id"], 1)
    monitor = fields_of(checking.find(1).monitor)
    checking.put(Monitor(**monitor | {"row": 2}), NOON)
    checking.put(Monitor(**monitor | {"row": 2, "options": Options(url=endpoint.url)}), NOON)
    assert checking.find(2).due == NOON
    checking.drop(2)


def fields_of(monitor: Monitor) -> dict[str, Any]:
    """A monitor's fields by name."""
    return {name: getattr(monitor, name) for name in monitor.__struct_fields__}


# Meanwhile.


async def test_an_edit_drops_the_result_that_is_under_way(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    endpoint.status = 500
    made = await watch(tickd, endpoint.url + "/old", failure_threshold=1)
    await called(endpoint, 1)
    async with serving() as other:
        reply = await tickd.call("PATCH", f"/v1/monitors/{made['id']}", {"url": other.url + "/new"})
        assert reply.status == 200
        endpoint.gate.set()
        # Never two at once: the new target has its turn as soon as the old one has answered.
        (check,) = await checked(tickd, made["id"], 1)
    assert check["status"] == "up"
    shown = await watched(tickd, made["id"])
    assert (shown["status"], shown["consecutive_failures"]) == ("active", 0)
    assert [call.path for call in other.calls] == ["/new"]


async def test_a_rename_drops_nothing(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    made = await watch(tickd, endpoint.url)
    await called(endpoint, 1)
    assert (await tickd.call("PATCH", f"/v1/monitors/{made['id']}", {"name": "other"})).status == 200
    endpoint.gate.set()
    await checked(tickd, made["id"], 1)
    shown = await watched(tickd, made["id"])
    assert (shown["name"], shown["state"]) == ("other", "up")
    assert len(endpoint.calls) == 1


async def test_pause_drops_and_resume_checks_at_once(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    made = await watch(tickd, endpoint.url)
    path = f"/v1/monitors/{made['id']}"
    await called(endpoint, 1)
    paused = await tickd.call("POST", path + "/pause")
    assert (paused.json["status"], paused.json["next_check_at"]) == ("paused", None)
    endpoint.gate.set()
    await quiet(tickd)
    await tickd.clock.advance(120)
    await quiet(tickd)
    assert await answered(tickd, made["id"]) == []
    assert len(endpoint.calls) == 1
    assert (await tickd.call("POST", path + "/resume")).json["status"] == "active"
    await checked(tickd, made["id"], 1)
    await tickd.clock.advance(30)
    await checked(tickd, made["id"], 2)


async def test_a_deleted_monitor_is_forgotten_in_flight(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    made = await watch(tickd, endpoint.url)
    path = f"/v1/monitors/{made['id']}"
    await called(endpoint, 1)
    by_hand = asyncio.create_task(tickd.call("POST", path + "/check"))
    await asyncio.sleep(0.02)
    assert (await tickd.call("DELETE", path)).status == 204
    endpoint.gate.set()
    assert (await by_hand).status == 404
    await quiet(tickd)
    await tickd.clock.advance(60)
    await quiet(tickd)
    assert len(endpoint.calls) == 1
    assert tickd.daemon._checking.checked.total() == 0


async def test_check_now_joins_what_is_under_way(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    made = await watch(tickd, endpoint.url)
    await called(endpoint, 1)
    asked = [asyncio.create_task(tickd.call("POST", f"/v1/monitors/{made['id']}/check")) for _ in range(3)]
    await asyncio.sleep(0.02)
    endpoint.gate.set()
    replies = [await one for one in asked]
    (check,) = await checked(tickd, made["id"], 1)
    assert [reply.json["id"] for reply in replies] == [check["id"]] * 3
    assert len(endpoint.calls) == 1


async def test_check_now_looks_for_itself(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watch(tickd, endpoint.url, status="paused")
    endpoint.status = 500
    for count in (1, 2, 3):
        reply = await tickd.call("POST", f"/v1/monitors/{made['id']}/check")
        assert (reply.status, reply.json["status"], reply.json["status_code"]) == (200, "down", 500)
        assert len(await checked(tickd, made["id"], count)) == count
    # Paused, it is not judged.
    shown = await watched(tickd, made["id"])
    assert (shown["status"], shown["state"], shown["consecutive_failures"]) == ("paused", "pending", 0)


async def test_check_now_that_joined_an_edited_check_sees_the_new_target(
    tickd: Harness, endpoint: Endpoint
) -> None:
    endpoint.gate.clear()
    made = await watch(tickd, endpoint.url + "/old")
    path = f"/v1/monitors/{made['id']}"
    await called(endpoint, 1)
    by_hand = asyncio.create_task(tickd.call("POST", path + "/check"))
    await asyncio.sleep(0.02)
    async with serving() as other:
        other.status = 503
        await tickd.call("PATCH", path, {"url": other.url})
        endpoint.gate.set()
        assert (await by_hand).json["status_code"] == 503


async def test_who_gives_up_waiting_cuts_nothing_off(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    made = await watch(tickd, endpoint.url, status="paused")
    row = 1
    impatient = asyncio.create_task(tickd.daemon._checking.check_now(row))
    patient = asyncio.create_task(tickd.daemon._checking.check_now(row))
    await called(endpoint, 1)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    endpoint.gate.set()
    assert (await patient).status == "up"
    assert len(await checked(tickd, made["id"], 1)) == 1


# How many at once.


async def test_overload_is_lateness_and_never_down(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    made = [await watch(tickd, f"{endpoint.url}/{number}") for number in range(25)]
    await called(endpoint, 10)
    for _ in range(3):
        await tickd.clock.advance(30)
        await asyncio.sleep(0.005)
        # One that waits is not queued again, however often it becomes due.
        assert (tickd.daemon._checking.in_flight, tickd.daemon._checking.waiting) == (10, 15)
    async with answering(OK, host="127.0.0.2") as other:
        # Nor does a host that is slow keep another from its turn.
        elsewhere = await watch(tickd, other.url)
        await checked(tickd, elsewhere["id"], 1)
    assert len(endpoint.calls) == 10
    endpoint.gate.set()
    for one in made:
        (check,) = await checked(tickd, one["id"], 1)
        assert check["status"] == "up"
    lateness = tickd.daemon._checking.lateness
    assert lateness.count == 26
    assert lateness.counts[lateness.bounds.index(60.0) + 1] == 15


async def test_places_in_all_are_limited(tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    async with running(tmp_path / "t.db", max_checks=3, max_checks_per_host=5) as tickd:
        made = [await watch(tickd, f"{endpoint.url}/{number}") for number in range(8)]
        await called(endpoint, 3)
        await asyncio.sleep(0.01)
        assert (tickd.daemon._checking.in_flight, tickd.daemon._checking.waiting) == (3, 5)
        endpoint.gate.set()
        for one in made:
            await checked(tickd, one["id"], 1)


# Clock steps.


async def test_an_hour_back_keeps_nobody_waiting(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watch(tickd, endpoint.url)
    await checked(tickd, made["id"], 1)
    tickd.clock.step(-times.HOUR)
    await tickd.clock.advance(1)  # the witness notices
    await asyncio.sleep(0.01)
    for count in (2, 3):
        await tickd.clock.advance(30)
        await checked(tickd, made["id"], count)
    assert len(endpoint.calls) == 3


async def test_an_hour_forward_begins_no_storm(tickd: Harness, endpoint: Endpoint) -> None:
    made = [await watch(tickd, f"{endpoint.url}/{number}") for number in range(60)]
    for one in made:
        await checked(tickd, one["id"], 1)
    tickd.clock.step(times.HOUR)
    await tickd.clock.advance(1)
    await asyncio.sleep(0.01)
    await quiet(tickd)
    assert len(endpoint.calls) < 70
    await tickd.clock.advance(30)
    await called(endpoint, 120)
    lateness = tickd.daemon._checking.lateness
    assert lateness.counts[-1] == 0  # none over a minute late
