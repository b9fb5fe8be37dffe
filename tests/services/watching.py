"""Shared by the tests of checking: monitors made and read through the API."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from tests.support.daemon import Harness, eventually


async def watch(tickd: Harness, url: str, **fields: Any) -> dict[str, Any]:
    """Make a monitor of every 30 s; what is not said is a plain default."""
    reply = await tickd.call("POST", "/v1/monitors", {"name": "m", "url": url, "interval_secs": 30} | fields)
    assert reply.status == 201, reply.json
    found: dict[str, Any] = reply.json
    return found


async def watched(tickd: Harness, identifier: str) -> dict[str, Any]:
    """The monitor as the API shows it."""
    found: dict[str, Any] = (await tickd.call("GET", f"/v1/monitors/{identifier}")).json
    return found


async def answered(tickd: Harness, identifier: str) -> list[dict[str, Any]]:
    """The monitor's checks, newest first."""
    reply = await tickd.call("GET", f"/v1/monitors/{identifier}/checks?limit=100")
    assert reply.status == 200, reply.json
    found: list[dict[str, Any]] = reply.json["checks"]
    return found


async def checked(tickd: Harness, identifier: str, count: int) -> list[dict[str, Any]]:
    """The monitor's checks, newest first, once there are so many and their end has come."""

    async def enough() -> object:
        found = await answered(tickd, identifier)
        return len(found) >= count and not is_at_work(tickd, identifier) and found

    found: list[dict[str, Any]] = await eventually(enough)
    assert len(found) == count
    return found


def is_at_work(tickd: Harness, identifier: str) -> bool:
    """Whether a check of the monitor is under way."""
    (found,) = (one for one in tickd.daemon._checking._watched.values() if one.monitor.id == identifier)
    return found.in_flight


async def quiet(tickd: Harness) -> None:
    """Wait until no check is under way or waits."""

    async def idle() -> bool:
        checking = tickd.daemon._checking
        return checking.in_flight == checking.waiting == 0

    await eventually(idle)


async def stored(tickd: Harness, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What is in the file."""

    def read(tx: sqlite3.Connection) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in tx.execute(sql, values).fetchall()]

    unit: Callable[[sqlite3.Connection], list[tuple[Any, ...]]] = read
    return await tickd.daemon._database.write(unit)
