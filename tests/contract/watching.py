"""What the tests of monitors share: a monitor that has been looked at, and one more look."""

from __future__ import annotations

from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

from tests.support.daemon import KEY, Harness, Reply, eventually

NOWHERE = "http://127.0.0.1:9/"
"""A target that refuses at once."""


async def monitor(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A monitor of the native face, as it was answered when it was made."""
    reply = await tickd.call("POST", "/v1/monitors", {"name": "site", "url": NOWHERE} | fields)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json
    return made


async def shown(tickd: Harness, identifier: str) -> dict[str, Any]:
    """The monitor as it stands now."""
    reply = await tickd.call("GET", f"/v1/monitors/{identifier}")
    assert reply.status == 200, reply.json
    found: dict[str, Any] = reply.json
    return found


async def checks_of(tickd: Harness, identifier: str, query: str = "") -> Any:
    """A page of the monitor's checks."""
    reply = await tickd.call("GET", f"/v1/monitors/{identifier}/checks{query}")
    assert reply.status == 200, reply.json
    return reply.json


async def looked_at(tickd: Harness, identifier: str, times: int = 1) -> dict[str, Any]:
    """The monitor once it has so many checks: the first is made on its own."""

    async def judged() -> bool:
        # A check is in the history a moment before it is judged.
        there: bool = (await checks_of(tickd, identifier))["total"] >= times
        return there and tickd.daemon._checking.in_flight == 0

    await eventually(judged)
    return await shown(tickd, identifier)


async def watched(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A monitor that has been looked at once."""
    return await looked_at(tickd, (await monitor(tickd, **fields))["id"])


async def look(tickd: Harness, identifier: str) -> dict[str, Any]:
    """One more look, now."""
    reply = await tickd.call("POST", f"/v1/monitors/{identifier}/check")
    assert reply.status == 200, reply.json
    check: dict[str, Any] = reply.json
    return check


async def picture(tickd: Harness, path: str) -> tuple[int, CIMultiDictProxy[str], str]:
    """An SVG, fetched without a key unless the path needs one: its status, headers and text."""
    headers = {"Authorization": f"Bearer {KEY}"} if path.startswith("/v1/") else {}
    async with aiohttp.ClientSession() as session, session.get(tickd.url + path, headers=headers) as answer:
        return answer.status, answer.headers, await answer.text()


async def rooster(tickd: Harness, method: str, path: str, body: object = None, **more: Any) -> Reply:
    """Call the rooster face as its clients do."""
    headers = {"X-API-Key": KEY} | dict(more.pop("headers", {}))
    return await tickd.call(method, f"/api/v1{path}", body, key=None, headers=headers, **more)


async def rooster_monitor(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A monitor of the rooster face, as it was answered when it was made."""
    reply = await rooster(tickd, "POST", "/monitors", {"name": "My Website", "url": NOWHERE} | fields)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json["data"]
    return made
