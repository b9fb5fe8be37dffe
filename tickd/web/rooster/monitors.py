"""Monitors of every type on the rooster face: those that are polled, and heartbeats."""

from __future__ import annotations

from msgspec import UNSET

from tickd.web.answers import Answer
from tickd.web.rooster import heartbeats, polled
from tickd.web.rooster.envelope import good
from tickd.web.rooster.shapes import (
    DeletedEnvelope,
    MonitorEnvelope,
    MonitorsEnvelope,
    RoosterMonitor,
    RoosterMonitorChange,
    RoosterMonitorCreation,
)
from tickd.web.routes import Call, Route


def _waits(call: Call) -> bool:
    """Whether the path is that of a heartbeat."""
    return call.path("id").startswith(heartbeats.PREFIX)


async def _addressed(call: Call, shown: list[RoosterMonitor]) -> list[RoosterMonitor]:
    """The monitors with the address that their alerts go to: the account's where they have none."""
    mail_to = (await call.services.accounts.account(call.account_id)).mail_to
    for monitor in shown:
        monitor.alert_email = monitor.alert_email or mail_to
    return shown


async def _own_address(call: Call, said: RoosterMonitorChange) -> None:
    """An answer that is sent back as it came does not make the account's address the monitor's own."""
    if said.alert_email is not UNSET and said.alert_email:
        account = await call.services.accounts.account(call.account_id)
        said.alert_email = "" if said.alert_email == account.mail_to else said.alert_email


async def create(call: Call) -> Answer:
    """`POST /api/v1/monitors`"""
    spec = await call.body(RoosterMonitorCreation)
    await _own_address(call, spec)
    make = heartbeats.create if spec.monitor_type == heartbeats.TYPE else polled.create
    made = await make(call, spec)
    return good((await _addressed(call, [made]))[0], 201)


async def page(call: Call) -> Answer:
    """`GET /api/v1/monitors`"""
    found = [polled.answer(call, seen) for seen in await call.services.monitors.all(call.account_id)]
    found += [heartbeats.answer(call, one) for one in await call.services.heartbeats.all(call.account_id)]
    found.sort(key=lambda monitor: monitor.name)
    return good(await _addressed(call, found), total=len(found))


async def get(call: Call) -> Answer:
    """`GET /api/v1/monitors/{id}`"""
    identifier = call.path("id")
    if _waits(call):
        shown = heartbeats.answer(call, await call.services.heartbeats.get(call.account_id, identifier))
    else:
        shown = polled.answer(call, await call.services.monitors.get(call.account_id, identifier))
    return good((await _addressed(call, [shown]))[0])


async def change(call: Call) -> Answer:
    """`PUT` and `PATCH /api/v1/monitors/{id}`"""
    said = await call.body(RoosterMonitorChange)
    await _own_address(call, said)
    edit = heartbeats.change if _waits(call) else polled.change
    shown = await edit(call, call.path("id"), said)
    return good((await _addressed(call, [shown]))[0])


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
