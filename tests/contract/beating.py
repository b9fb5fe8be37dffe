"""What the tests of heartbeats share: a heartbeat, a ping of it, and what became of both."""

from __future__ import annotations

from typing import Any

from tests.support.daemon import Harness, Reply, eventually


async def heartbeat(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A heartbeat of the native face, as it was answered when it was made."""
    reply = await tickd.call("POST", "/v1/heartbeats", {"name": "backup"} | fields)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json
    return made


async def shown(tickd: Harness, identifier: str) -> dict[str, Any]:
    """The heartbeat as it stands now."""
    reply = await tickd.call("GET", f"/v1/heartbeats/{identifier}")
    assert reply.status == 200, reply.json
    found: dict[str, Any] = reply.json
    return found


async def edited(tickd: Harness, identifier: str, **fields: Any) -> dict[str, Any]:
    """The heartbeat after a PATCH of these fields."""
    reply = await tickd.call("PATCH", f"/v1/heartbeats/{identifier}", fields)
    assert reply.status == 200, reply.json
    found: dict[str, Any] = reply.json
    return found


async def sent(tickd: Harness, path: str, **more: Any) -> Reply:
    """A ping: a call without a key that is answered 200."""
    reply = await tickd.call(more.pop("method", "GET"), path, key=None, **more)
    assert reply.status == 200, (path, reply.json)
    return reply


async def pings_of(tickd: Harness, identifier: str, query: str = "") -> list[dict[str, Any]]:
    """A page of the heartbeat's pings, newest first."""
    reply = await tickd.call("GET", f"/v1/heartbeats/{identifier}/pings{query}")
    assert reply.status == 200, reply.json
    found: list[dict[str, Any]] = reply.json["pings"]
    return found


async def logged(tickd: Harness, identifier: str, count: int) -> list[dict[str, Any]]:
    """The heartbeat's pings once there are so many: one that is refused is logged after its answer."""

    async def there() -> list[dict[str, Any]]:
        found = await pings_of(tickd, identifier)
        return found if len(found) >= count else []

    found: list[dict[str, Any]] = await eventually(there)
    assert len(found) == count
    return found


async def events_of(tickd: Harness, identifier: str) -> list[dict[str, Any]]:
    """What changed the heartbeat, newest first."""
    reply = await tickd.call("GET", f"/v1/heartbeats/{identifier}/events")
    assert reply.status == 200, reply.json
    found: list[dict[str, Any]] = reply.json["events"]
    return found


async def silent(tickd: Harness, identifier: str, seconds: float, misses: int) -> dict[str, Any]:
    """The heartbeat once `seconds` more have passed in silence, and so many misses in a row are counted."""
    await tickd.clock.advance(seconds)

    async def counted() -> dict[str, Any]:
        found = await shown(tickd, identifier)
        return found if found["consecutive_misses"] == misses else {}

    found: dict[str, Any] = await eventually(counted)
    return found
