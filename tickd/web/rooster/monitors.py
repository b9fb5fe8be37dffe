"""Monitors of every type on the rooster face: those that are polled, and heartbeats."""

from __future__ import annotations

from tickd.web.answers import Answer
from tickd.web.rooster import heartbeats, polled
from tickd.web.rooster.envelope import good
from tickd.web.rooster.shapes import (
    DeletedEnvelope,
    MonitorEnvelope,
    MonitorsEnvelope,
    RoosterMonitorChange,
    RoosterMonitorCreation,
)
from tickd.web.routes import Call, Route


def _waits(call: Call) -> bool:
    """Whether the path is that of a heartbeat."""
    return call.path("id").startswith(heartbeats.PREFIX)


async def create(call: Call) -> Answer:
    """`POST /api/v1/monitors`"""
    spec = await call.body(RoosterMonitorCreation)
    make = heartbeats.create if spec.monitor_type == heartbeats.TYPE else polled.create
    return good(await make(call, spec), 201)


async def page(call: Call) -> Answer:
    """`GET /api/v1/monitors`"""
    found = [polled.answer(call, seen) for seen in await call.services.monitors.all(call.account_id)]
    found += [heartbeats.answer(call, one) for one in await call.services.heartbeats.all(call.account_id)]
    found.sort(key=lambda monitor: monitor.name)
    return good(found, total=len(found))


async def get(call: Call) -> Answer:
    """`GET /api/v1/monitors/{id}`"""
    identifier = call.path("id")
    if _waits(call):
        found = await call.services.heartbeats.get(call.account_id, identifier)
        return good(heartbeats.answer(call, found))
    return good(polled.answer(call, await call.services.monitors.get(call.account_id, identifier)))


async def change(call: Call) -> Answer:
    """`PUT` and `PATCH /api/v1/monitors/{id}`"""
    said = await call.body(RoosterMonitorChange)
    edit = heartbeats.change if _waits(call) else polled.change
    return good(await edit(call, call.path("id"), said))


async def delete(call: Call) -> Answer:
    """`DELETE /api/v1/monitors/{id}`"""
    noun = call.services.heartbeats if _waits(call) else call.services.monitors
    await noun.delete(call.account_id, call.path("id"))
    return good({"deleted": True, "monitor_id": call.path("id")})


_ALL, _ONE = "/api/v1/monitors", "/api/v1/monitors/{id}"


ROUTES = (
    Route(
        "POST",
        _ALL,
        create,
        "Make a monitor",
        {201: MonitorEnvelope},
        scope="write",
        request=RoosterMonitorCreation,
        errors=(400, 409, 422),
    ),
    Route("GET", _ALL, page, "List all monitors", {200: MonitorsEnvelope}),
    Route("GET", _ONE, get, "Get a monitor", {200: MonitorEnvelope}, errors=(404,)),
    *(
        Route(
            method,
            _ONE,
            change,
            "Change a monitor; fields left out keep their value",
            {200: MonitorEnvelope},
            scope="write",
            request=RoosterMonitorChange,
            errors=(400, 404, 409, 422),
        )
        for method in ("PUT", "PATCH")
    ),
    Route("DELETE", _ONE, delete, "Delete a monitor", {200: DeletedEnvelope}, scope="write", errors=(404,)),
)
