"""What the tests of incidents and alerts share: a channel, what was opened, and what was told to whom."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from tests.contract.watching import look, watched
from tests.support.daemon import Harness, Reply, eventually
from tests.support.endpoint import Endpoint, Received

MASK = "••••••"
"""What stands for a secret."""


async def channel(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A channel, a webhook unless `fields` say otherwise, as it was answered when it was made."""
    reply = await tickd.call("POST", "/v1/channels", {"name": "ops", "kind": "webhook"} | fields)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json
    return made


async def account(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """The account after a PATCH of these fields."""
    reply = await tickd.call("PATCH", "/v1/account", fields)
    assert reply.status == 200, reply.json
    found: dict[str, Any] = reply.json
    return found


async def incidents(tickd: Harness, query: str = "") -> list[dict[str, Any]]:
    """A page of incidents, newest first."""
    reply = await tickd.call("GET", f"/v1/incidents{query}")
    assert reply.status == 200, reply.json
    found: list[dict[str, Any]] = reply.json["incidents"]
    return found


async def alerts(tickd: Harness, query: str = "") -> list[dict[str, Any]]:
    """A page of alerts, newest first."""
    reply = await tickd.call("GET", f"/v1/alerts{query}")
    assert reply.status == 200, reply.json
    found: list[dict[str, Any]] = reply.json["alerts"]
    return found


async def incident(tickd: Harness, identifier: str) -> dict[str, Any]:
    """The incident as it stands now, with what is related to it."""
    reply = await tickd.call("GET", f"/v1/incidents/{identifier}")
    assert reply.status == 200, reply.json
    found: dict[str, Any] = reply.json
    return found


async def do(tickd: Harness, identifier: str, what: str, body: object = None) -> Reply:
    """Acknowledge, publish or update an incident."""
    return await tickd.call("POST", f"/v1/incidents/{identifier}/{what}", body)


async def latest(tickd: Harness, subject: dict[str, Any], status: str = "open") -> dict[str, Any]:
    """The subject's latest incident, once it is there and in that status."""

    async def there() -> dict[str, Any]:
        found = await incidents(tickd, f"?subject={subject['id']}")
        return found[0] if found and found[0]["status"] == status else {}

    found: dict[str, Any] = await eventually(there)
    return found


async def failing(tickd: Harness, endpoint: Endpoint, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A monitor of the endpoint that was well and then answered 503, and its incident."""
    made = await watched(
        tickd, **({"url": endpoint.url + "/", "interval_secs": 86_400, "failure_threshold": 1} | fields)
    )
    endpoint.status = 503
    await look(tickd, made["id"])
    return made, await latest(tickd, made)


async def told(receiver: Endpoint, count: int) -> list[dict[str, Any]]:
    """What a webhook's receiver was told once it was told so many times, oldest first."""

    async def there() -> bool:
        return len(receiver.calls) >= count

    await eventually(there)
    assert len(receiver.calls) == count, [call.body for call in receiver.calls]
    return [json.loads(call.body) for call in receiver.calls]


async def settled(tickd: Harness, query: str = "") -> list[dict[str, Any]]:
    """The alerts, newest first, once nothing of them is waiting to be sent now."""

    async def still() -> list[dict[str, Any]] | None:
        # Before they are read too: what ends in between is read as it was.
        if tickd.daemon._delivery.in_flight:
            return None
        found = await alerts(tickd, query)
        waits = any(alert["state"] == "queued" for alert in found)
        return None if waits or tickd.daemon._delivery.in_flight else [{}, *found]

    found: list[dict[str, Any]] = await eventually(still)
    return found[1:]


def signature(call: Received, secret: str) -> str:
    """What Standard Webhooks wants in `webhook-signature`, made by hand from the specification."""
    key = base64.b64decode(secret[len("whsec_") :]) if secret.startswith("whsec_") else secret.encode()
    head = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.".encode()
    return "v1," + base64.b64encode(hmac.new(key, head + call.body, hashlib.sha256).digest()).decode()
