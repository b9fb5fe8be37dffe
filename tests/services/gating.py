"""What the tests of gates share: something that jobs require, and what became of the jobs meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint

NEVER = "0 0 1 1 *"
"""A schedule that stays out of the way."""
YEAR = 31_622_400
LOOK = 5.0
"""How often tickd looks again, in seconds."""


@dataclass(slots=True)
class Shop:
    """Something that jobs require: a heartbeat, which fails and recovers at a word."""

    tickd: Harness
    id: str
    path: str
    name: str

    @property
    def shown(self) -> str:
        """How a reason names it."""
        return f"{self.name} ({self.id})"

    async def down(self) -> None:
        """It fails."""
        assert (await self.tickd.call("POST", self.path + "/fail", key=None)).status == 200

    async def up(self) -> None:
        """It recovers."""
        assert (await self.tickd.call("POST", self.path, key=None)).status == 200


async def a_shop(tickd: Harness, name: str = "Shop") -> Shop:
    """A heartbeat that is down."""
    reply = await tickd.call("POST", "/v1/heartbeats", {"name": name, "interval_secs": YEAR})
    shop = Shop(tickd, reply.json["id"], f"/p/{reply.json['token']}", name)
    await shop.down()
    return shop


async def standing(tickd: Harness, job: dict[str, Any], *statuses: str) -> list[dict[str, Any]]:
    """The job's executions, oldest first, once their statuses are these."""
    found: list[dict[str, Any]] = []

    async def settled() -> bool:
        found[:] = (await tickd.executions(job["id"]))[::-1]
        return [one["status"] for one in found] == list(statuses)

    try:
        await eventually(settled)
    except AssertionError:
        raise AssertionError([(one["status"], one["error"], one["reason"]) for one in found]) from None
    return found


async def called(endpoint: Endpoint, count: int) -> None:
    """Wait for so many calls."""

    async def reached() -> bool:
        return len(endpoint.calls) >= count

    await eventually(reached)
    assert len(endpoint.calls) == count


async def released(tickd: Harness) -> None:
    """Wait until nothing is deferred."""

    async def none_waits() -> bool:
        return await accounted(tickd) == (0, 0)

    await eventually(none_waits)


async def changed(tickd: Harness, job: dict[str, Any], **fields: Any) -> None:
    """Edit the job."""
    reply = await tickd.call("PATCH", f"/v1/jobs/{job['id']}", fields)
    assert reply.status == 200, reply.json


async def trigger(tickd: Harness, job: dict[str, Any]) -> str:
    """Run the job by hand; the execution's id."""
    return str((await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")).json["execution_id"])


async def accounted(tickd: Harness) -> tuple[int, int]:
    """How many occurrences are deferred, and how many have no row."""
    ledger = await tickd.daemon.services.health.ledger()
    return ledger.deferred_executions, ledger.scheduled - ledger.accounted
