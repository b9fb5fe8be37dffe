"""What a failing check is worth: the target's failure, or ours; and what survives a disk or a restart."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.services.watching import answered, checked, quiet, stored, watch, watched
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.endpoint import Endpoint
from tests.support.servers import free_port
from tickd.domain import times
from tickd.errors import Unavailable
from tickd.outbound.prober import Seen, Target
from tickd.store.database import Database

T = TypeVar("T")
STANDING = "SELECT state, failing, consecutive_failures FROM monitors"


async def again(tickd: Harness, identifier: str, count: int) -> dict[str, Any]:
    """The newest of `count` checks, after the next one."""
    await tickd.clock.advance(30)
    return (await checked(tickd, identifier, count))[0]


# Ours or theirs.


@pytest.mark.parametrize("status", [500, None])
async def test_a_suspend_in_the_middle_is_not_held_against_the_target(
    tickd: Harness, endpoint: Endpoint, status: int | None
) -> None:
    endpoint.gate.clear()
    made = await watch(tickd, endpoint.url, failure_threshold=1)

    async def called() -> bool:
        return bool(endpoint.calls)

    await eventually(called)
    tickd.clock.step(90_000)
    endpoint.status = status or 200
    endpoint.gate.set()
    (check,) = await checked(tickd, made["id"], 1)
    if status is None:
        assert check["status"] == "up"  # what came is true all the same
        return
    assert check["status"] == "unknown"
    assert check["error"] == "the clock jumped or the machine was suspended: status code 500"
    assert (await watched(tickd, made["id"]))["state"] == "pending"


async def test_just_resumed_nothing_is_held_against_anybody(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watch(tickd, endpoint.url, failure_threshold=1)
    await checked(tickd, made["id"], 1)
    endpoint.status = 503
    tickd.clock.step(times.HOUR)
    await tickd.clock.advance(1)
    await quiet(tickd)
    reply = await tickd.call("POST", f"/v1/monitors/{made['id']}/check")
    assert reply.json["status"] == "unknown"
    assert reply.json["error"] == ("the clock had just jumped or the machine been suspended: status code 503")
    await tickd.clock.advance(11)
    reply = await tickd.call("POST", f"/v1/monitors/{made['id']}/check")
    assert reply.json["status"] == "down"
    assert (await watched(tickd, made["id"]))["status"] == "failing"


async def test_a_step_back_excuses_nobody(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.status = 500
    made = await watch(tickd, endpoint.url, failure_threshold=1)
    await checked(tickd, made["id"], 1)
    tickd.clock.step(-times.HOUR)
    await tickd.clock.advance(1)
    assert (await tickd.call("POST", f"/v1/monitors/{made['id']}/check")).json["status"] == "down"


def seeing(tickd: Harness, monkeypatch: pytest.MonkeyPatch, seen: Seen, secs: float = 0.0) -> None:
    """Let every probe see this, after that time on the daemon's clock."""

    async def probe(_target: Target) -> Seen:
        assert isinstance(tickd.clock, FakeClock)
        await tickd.clock.advance(secs)
        return seen

    monkeypatch.setattr(tickd.daemon._checking._prober, "probe", probe)


@pytest.mark.parametrize(("secs", "status"), [(10.1, "timeout"), (10.4, "timeout"), (10.7, "unknown")])
async def test_a_timeout_that_fires_late_is_the_daemons(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch, secs: float, status: str
) -> None:
    made = await watch(tickd, "http://127.0.0.1:9/", status="paused")
    seeing(tickd, monkeypatch, Seen("timeout", "no response within 10 s", address="127.0.0.1"), secs)
    reply = await tickd.call("POST", f"/v1/monitors/{made['id']}/check")
    held_up = "tickd itself was held up: " if status == "unknown" else ""
    assert (reply.json["status"], reply.json["error"]) == (status, held_up + "no response within 10 s")


async def test_what_this_machine_lacks_is_nobodys_fault(
    tickd: Harness, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await watch(tickd, endpoint.url, failure_threshold=1)
    await checked(tickd, made["id"], 1)
    with monkeypatch.context() as patch:
        seeing(tickd, patch, Seen("unknown", "this machine can't open another connection"))
        check = await again(tickd, made["id"], 2)
        assert (check["status"], check["status_code"]) == ("unknown", None)
        assert (await watched(tickd, made["id"]))["state"] == "up"
    uptime = (await tickd.call("GET", f"/v1/monitors/{made['id']}/uptime")).json
    assert (uptime["checks_total"], uptime["checks_failed"], uptime["uptime_percent"]) == (1, 0, 100.0)


async def test_a_check_that_breaks_breaks_no_other(
    tickd: Harness, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await watch(tickd, endpoint.url)
    await checked(tickd, made["id"], 1)

    async def broken(_target: Target) -> Seen:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(tickd.daemon._checking._prober, "probe", broken)
        assert (await tickd.call("POST", f"/v1/monitors/{made['id']}/check")).status == 500
        await tickd.clock.advance(30)
        await quiet(tickd)
    assert (await again(tickd, made["id"], 2))["status"] == "up"


# Disk and restart.


@contextlib.contextmanager
def full_disk(database: Database) -> Iterator[None]:
    """Let nothing be written."""

    def refused(_unit: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.set_exception(Unavailable("the disk is full", 5))
        future.exception()  # who doesn't wait may not look
        return future

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "write", refused)
        patch.setattr(database, "write_soon", refused)
        yield


async def test_a_full_disk_puts_a_flip_off_and_invents_nothing(tickd: Harness, endpoint: Endpoint) -> None:
    made = await watch(tickd, endpoint.url, failure_threshold=2)
    await checked(tickd, made["id"], 1)
    endpoint.status = 500
    history = tickd.daemon._history
    with full_disk(tickd.daemon._database):
        for count in (2, 3, 4):
            assert (await again(tickd, made["id"], count))["status"] == "down"
            shown = await watched(tickd, made["id"])
            # What can't be written has not happened, for nobody.
            assert (shown["status"], shown["consecutive_failures"]) == ("active", 0)
        assert history.waiting == 3
    for count, expected in ((5, ("active", 1)), (6, ("failing", 2))):
        await again(tickd, made["id"], count)
        shown = await watched(tickd, made["id"])
        assert (shown["status"], shown["consecutive_failures"]) == expected
    assert await stored(tickd, STANDING) == [("down", 1, 2)]
    assert len(await answered(tickd, made["id"])) == 6
    assert history.waiting == history.dropped == 0


async def test_what_fails_together_is_written_together(
    tickd: Harness, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = tickd.daemon._history
    units = 0
    write_with = history.write_with

    async def counted(unit: Callable[[sqlite3.Connection], T], *, newest: bool = True) -> T:
        nonlocal units
        units += 1
        return await write_with(unit, newest=newest)

    monkeypatch.setattr(history, "write_with", counted)
    seeing(tickd, monkeypatch, Seen("down", "connection refused", address="127.0.0.1"))
    port = free_port()
    made = [
        await watch(tickd, f"http://127.0.0.{host}:{port}/", failure_threshold=1) for host in range(2, 42)
    ]
    await quiet(tickd)
    units = 0
    monkeypatch.setattr(tickd.daemon._checking._lane, "_per_host", 1000)
    for one in made:
        assert (await watched(tickd, one["id"]))["status"] == "failing"
    seeing(tickd, monkeypatch, Seen(status_code=200, address="127.0.0.1"))
    await tickd.clock.advance(30)

    async def recovered() -> bool:
        return await stored(tickd, "SELECT state, count(*) FROM monitors GROUP BY 1") == [("up", 40)]

    await eventually(recovered)
    assert units <= 4


async def test_one_that_cant_be_written_takes_no_other_with_it(
    tickd: Harness, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.gate.clear()
    made = [await watch(tickd, f"{endpoint.url}/{number}") for number in range(5)]

    def poison(tx: sqlite3.Connection) -> None:
        tx.execute(
            "CREATE TRIGGER poisoned BEFORE UPDATE OF state ON monitors WHEN old.row = 3 "
            "BEGIN SELECT RAISE(ABORT, 'poisoned'); END"
        )

    await tickd.daemon._database.write(poison)
    endpoint.gate.set()
    for one in made:
        await checked(tickd, one["id"], 1)
    await quiet(tickd)
    assert await stored(tickd, "SELECT row FROM monitors WHERE state = 'up'") == [(1,), (2,), (4,), (5,)]
    assert (await watched(tickd, made[2]["id"]))["state"] == "pending"
    assert [len(await answered(tickd, one["id"])) for one in made] == [1] * 5


async def test_a_restart_counts_on(tmp_path: Path, endpoint: Endpoint) -> None:
    path, clock = tmp_path / "t.db", FakeClock(NOON)
    endpoint.status = 500
    async with running(path, clock=clock) as tickd:
        made = await watch(tickd, endpoint.url, failure_threshold=3)
        await checked(tickd, made["id"], 1)
        await again(tickd, made["id"], 2)
    async with running(path, clock=clock) as tickd:
        shown = await watched(tickd, made["id"])
        assert (shown["status"], shown["consecutive_failures"]) == ("active", 2)
        assert len(await answered(tickd, made["id"])) == 2
        await again(tickd, made["id"], 3)
        assert (await watched(tickd, made["id"]))["status"] == "failing"


async def test_an_edit_while_the_flip_is_written_leaves_memory_and_file_as_one(
    tickd: Harness, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await watch(tickd, endpoint.url, failure_threshold=1)
    await checked(tickd, made["id"], 1)
    history, gate = tickd.daemon._history, asyncio.Event()
    write_with = history.write_with

    async def slow(unit: Callable[[sqlite3.Connection], T], *, newest: bool = True) -> T:
        await gate.wait()
        return await write_with(unit, newest=newest)

    endpoint.status = 500
    with monkeypatch.context() as patch:
        patch.setattr(history, "write_with", slow)
        await tickd.clock.advance(30)

        async def recorded() -> bool:
            return len(await answered(tickd, made["id"])) == 2

        await eventually(recorded)
        edit = {"url": endpoint.url + "/other", "failure_threshold": 5}
        assert (await tickd.call("PATCH", f"/v1/monitors/{made['id']}", edit)).status == 200
        gate.set()
        await checked(tickd, made["id"], 3)
    shown = await watched(tickd, made["id"])
    assert (shown["status"], shown["state"], shown["consecutive_failures"]) == ("failing", "down", 1)
    assert await stored(tickd, STANDING) == [("down", 1, 1)] or await stored(tickd, STANDING) == [
        ("down", 1, 0)
    ]
