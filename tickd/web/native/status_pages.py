"""Status pages on the native face."""

from __future__ import annotations

from msgspec import Struct

from tickd.domain import times
from tickd.domain.status_pages import (
    StatusGroup,
    StatusPage,
    StatusPageChange,
    StatusPageCreation,
    Visibility,
)
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.routes import Call, Route


class StatusPageAnswer(Struct):
    """A status page as it stands; of its picture it says whether there is one."""

    id: str
    slug: str
    title: str
    description: str
    enabled: bool
    visibility: Visibility
    custom_domain: str
    accent_color: str
    has_logo: bool
    groups: list[StatusGroup]
    jobs: bool
    url: str
    created_at: str
    updated_at: str


class StatusPageList(Struct):
    """A page of status pages, by slug."""

    status_pages: list[StatusPageAnswer]
    limit: int
    offset: int
    total: int


def answer(call: Call, page: StatusPage) -> StatusPageAnswer:
    """The status page as the native face shows it."""
    return StatusPageAnswer(
        id=page.id,
        slug=page.slug,
        title=page.title,
        description=page.description,
        enabled=page.enabled,
        visibility=page.visibility,
        custom_domain=page.custom_domain,
        accent_color=page.accent_color,
        has_logo=bool(page.logo),
        groups=list(page.groups),
        jobs=page.jobs,
        url=call.services.status_pages.address(page),
        created_at=times.rfc3339(page.created_at),
        updated_at=times.rfc3339(page.updated_at),
    )


async def create(call: Call) -> Answer:
    """`POST /v1/status-pages`"""
    spec = await call.body(StatusPageCreation)
    return Answer(answer(call, await call.services.status_pages.create(call.account_id, spec)), 201)


async def page(call: Call) -> Answer:
    """`GET /v1/status-pages`"""
    limit, offset = call.query(Page).clamped()
    found, total = await call.services.status_pages.page(call.account_id, limit=limit, offset=offset)
    return Answer(StatusPageList([answer(call, one) for one in found], limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/status-pages/{id}`"""
    return Answer(answer(call, await call.services.status_pages.get(call.account_id, call.path("id"))))


async def change(call: Call) -> Answer:
    """`PUT` and `PATCH /v1/status-pages/{id}`"""
    spec = await call.body(StatusPageChange)
    found = await call.services.status_pages.change(call.account_id, call.path("id"), spec)
    return Answer(answer(call, found))


async def delete(call: Call) -> Answer:
    """`DELETE /v1/status-pages/{id}`"""
    await call.services.status_pages.delete(call.account_id, call.path("id"))
    return Answer(status=204)


_ALL, _ONE = "/v1/status-pages", "/v1/status-pages/{id}"

ROUTES = (
    Route(
        "POST",
        _ALL,
        create,
        "Make a status page",
        {201: StatusPageAnswer},
        scope="write",
        request=StatusPageCreation,
        errors=(400, 409),
    ),
    Route("GET", _ALL, page, "List status pages", {200: StatusPageList}, query=Page, errors=(400,)),
    Route("GET", _ONE, get, "Get a status page", {200: StatusPageAnswer}, errors=(404,)),
    *(
        Route(
            method,
            _ONE,
            change,
            "Change a status page; fields left out keep their value",
            {200: StatusPageAnswer},
            scope="write",
            request=StatusPageChange,
            errors=(400, 404, 409),
        )
        for method in ("PUT", "PATCH")
    ),
    Route("DELETE", _ONE, delete, "Delete a status page", {204: None}, scope="write", errors=(404,)),
)
