"""Maintenance on the native face."""

from __future__ import annotations

from msgspec import Struct, structs

from tickd.domain import times
from tickd.domain.maintenance import Day
from tickd.domain.windows import MaintenanceChange, MaintenanceCreation, Status
from tickd.services.maintenance import Seen
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.routes import Call, Route


class MaintenanceAnswer(Struct):
    """A maintenance as it stands: once or weekly, what is of the other kind is null."""

    id: str
    name: str
    subjects: list[str]
    tags: list[str]
    all: bool
    starts_at: str | None
    ends_at: str | None
    day: Day | None
    start: str | None
    end: str | None
    timezone: str | None
    active: bool
    next_starts_at: str | None
    next_ends_at: str | None
    created_at: str
    updated_at: str


class MaintenanceList(Struct):
    """A page of maintenance, by name."""

    maintenance: list[MaintenanceAnswer]
    limit: int
    offset: int
    total: int


class Wanted(Page, kw_only=True):
    """Which maintenance is wanted."""

    status: Status | None = None


def answer(seen: Seen) -> MaintenanceAnswer:
    """The maintenance as the native face shows it."""
    one = seen.maintenance
    names = ("day", "start", "end", "timezone")
    weekly = dict.fromkeys(names) if one.weekly is None else structs.asdict(one.weekly)
    return MaintenanceAnswer(
        id=one.id,
        name=one.name,
        subjects=list(one.subjects),
        tags=list(one.tags),
        all=one.all,
        starts_at=times.optional(one.starts_at),
        ends_at=times.optional(one.ends_at),
        active=seen.active,
        next_starts_at=times.optional(seen.next_starts_at),
        next_ends_at=times.optional(seen.next_ends_at),
        created_at=times.rfc3339(one.created_at),
        updated_at=times.rfc3339(one.updated_at),
        **weekly,
    )


async def create(call: Call) -> Answer:
    """`POST /v1/maintenance`"""
    spec = await call.body(MaintenanceCreation)
    return Answer(answer(await call.services.maintenance.create(call.account_id, spec)), 201)


async def page(call: Call) -> Answer:
    """`GET /v1/maintenance`"""
    wanted = call.query(Wanted)
    limit, offset = wanted.clamped()
    found, total = await call.services.maintenance.page(
        call.account_id, status=wanted.status, limit=limit, offset=offset
    )
    return Answer(MaintenanceList([answer(one) for one in found], limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/maintenance/{id}`"""
    return Answer(answer(await call.services.maintenance.get(call.account_id, call.path("id"))))


async def change(call: Call) -> Answer:
    """`PUT` and `PATCH /v1/maintenance/{id}`"""
    spec = await call.body(MaintenanceChange)
    found = await call.services.maintenance.change(call.account_id, call.path("id"), spec)
    return Answer(answer(found))


async def delete(call: Call) -> Answer:
    """`DELETE /v1/maintenance/{id}`"""
    await call.services.maintenance.delete(call.account_id, call.path("id"))
    return Answer(status=204)


_ONE = "/v1/maintenance/{id}"

ROUTES = (
    Route(
        "POST",
        "/v1/maintenance",
        create,
        "Plan a maintenance, once or weekly",
        {201: MaintenanceAnswer},
        scope="write",
        request=MaintenanceCreation,
        errors=(400,),
    ),
    Route(
        "GET",
        "/v1/maintenance",
        page,
        "List maintenance",
        {200: MaintenanceList},
        query=Wanted,
        errors=(400,),
    ),
    Route("GET", _ONE, get, "Get a maintenance", {200: MaintenanceAnswer}, errors=(404,)),
    *(
        Route(
            method,
            _ONE,
            change,
            "Change a maintenance; fields left out keep their value",
            {200: MaintenanceAnswer},
            scope="write",
            request=MaintenanceChange,
            errors=(400, 404),
        )
        for method in ("PUT", "PATCH")
    ),
    Route("DELETE", _ONE, delete, "Delete a maintenance", {204: None}, scope="write", errors=(404,)),
)
