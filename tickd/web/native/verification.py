"""Verified e-mail addresses on the native face."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from typing import Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from tickd.domain import times
from tickd.domain.address_lists import harmless
from tickd.domain.verification import Verification
from tickd.errors import Invalid
from tickd.web.answers import JSON, Answer
from tickd.web.fields import Page
from tickd.web.routes import Call, Route
from tickd.web.streaming import guarded, stream

CSV = "text/csv"
Format = Literal["json", "csv"]


class VerificationRequest(Struct):
    """An address to verify: any text."""

    email: str


class VerificationAnswer(Struct):
    """What was found out; `suggestion` is there when the domain looks like a typo of a common one."""

    id: str
    email: str
    valid: bool
    mx_found: bool
    disposable: bool
    role_based: bool
    reason: str
    created_at: str
    suggestion: str | UnsetType = UNSET


class VerificationList(Struct):
    """A page of the history, newest first; `results` and `verifications` are the same."""

    results: list[VerificationAnswer]
    verifications: list[VerificationAnswer]
    limit: int
    offset: int
    total: int


class VerificationExport(Struct):
    """The whole history, newest first."""

    verifications: list[VerificationAnswer]


class DeletedAnswer(Struct):
    """How many entries of the history were deleted, and how many addresses of batches beside it."""

    deleted: int
    unknown: int


class Twenty(Page, kw_only=True):
    """Which part of the history is wanted: the valid ones or the others, those of one address."""

    limit: int = 20
    valid: bool | None = None
    email: str | None = None


class ExportWanted(Struct):
    """What is exported, and as what."""

    format: Format = "json"
    valid: bool | None = None
    email: str | None = None


class Meant(Struct):
    """What is to go: those of one address, those that are valid or are not; everything without both."""

    email: str | None = None
    valid: bool | None = None


COLUMNS = tuple(VerificationAnswer.__struct_fields__)
"""The columns of a CSV."""


def answer(one: Verification) -> VerificationAnswer:
    """The verification as the native face shows it."""
    return VerificationAnswer(
        id=one.id,
        email=one.email,
        valid=one.valid,
        mx_found=one.mx_found,
        disposable=one.disposable,
        role_based=one.role_based,
        reason=one.reason,
        created_at=times.rfc3339(one.created_at),
        suggestion=one.suggestion or UNSET,
    )


def cell(value: object) -> str:
    """A value as a cell of a CSV, which no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return harmless("" if value is UNSET else str(value).replace("\0", "\ufffd"))


def csv_lines(rows: list[list[str]]) -> bytes:
    """Rows of a CSV as RFC 4180 has them, every cell in quotes."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode()


async def as_csv(slices: AsyncIterator[list[Verification]]) -> AsyncGenerator[bytes, None]:
    """The history as a CSV, slice by slice."""
    head = f"{','.join(COLUMNS)}\r\n".encode()
    async for found in slices:
        shown = [answer(one) for one in found]
        yield head + csv_lines([[cell(getattr(one, name)) for name in COLUMNS] for one in shown])
        head = b""
    yield head


async def as_json(slices: AsyncIterator[list[Verification]]) -> AsyncGenerator[bytes, None]:
    """The history as one JSON object, slice by slice."""
    between = b'{"verifications":['
    async for found in slices:
        # Without the brackets of the list: the slices make one.
        yield between + msgspec.json.encode([answer(one) for one in found])[1:-1]
        between = b","
    yield b"]}" if between == b"," else between + b"]}"


_AS: dict[Format, tuple[str, Callable[[AsyncIterator[list[Verification]]], AsyncGenerator[bytes, None]]]] = {
    "csv": (CSV, as_csv),
    "json": (JSON, as_json),
}


async def exported(call: Call, wanted: ExportWanted) -> web.StreamResponse:
    """The caller's history as a file to be saved; who may not have it any more is cut off."""
    content_type, written = _AS[wanted.format]
    service = call.services.verifications
    name = f"verifications-{times.rfc3339(service.now())[:10]}.{wanted.format}"
    slices = service.export(call.account_id, valid=wanted.valid, email=wanted.email)
    allowed = guarded(slices, partial(call.services.accounts.require_still, call.who))
    return await stream(
        call.request,
        written(allowed),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _meant(call: Call) -> Meant:
    """What a deletion says is to go; anything it can't be sure of is refused."""
    # It can't be undone, so that here, and nowhere else, an unknown parameter is not passed over.
    query = call.request.query
    known = Meant.__struct_fields__
    for name in query:
        if name not in known:
            raise Invalid("the query", f"has {name[:100]}, which is unknown here; known: {', '.join(known)}")
        if len(query.getall(name)) > 1:
            raise Invalid(name, "must be there only once")
        if not query[name]:
            # A script whose variable is empty must not delete everybody's.
            raise Invalid(name, "must not be empty; without it, everything is deleted")
    return call.query(Meant)


async def verify(call: Call) -> Answer:
    """`POST /v1/verify`"""
    said = await call.body(VerificationRequest)
    return Answer(answer(await call.services.verifications.verify(call.account_id, said.email)))


async def page(call: Call) -> Answer:
    """`GET /v1/verify/history`"""
    wanted = call.query(Twenty)
    limit, offset = wanted.clamped()
    found, total = await call.services.verifications.page(
        call.account_id, valid=wanted.valid, email=wanted.email, limit=limit, offset=offset
    )
    shown = [answer(one) for one in found]
    return Answer(VerificationList(shown, shown, limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/verify/history/{id}`"""
    return Answer(answer(await call.services.verifications.get(call.account_id, call.path("id"))))


async def export(call: Call) -> web.StreamResponse:
    """`GET /v1/verify/history/export`"""
    return await exported(call, call.query(ExportWanted))


async def delete(call: Call) -> Answer:
    """`DELETE /v1/verify/history/{id}`"""
    await call.services.verifications.delete(call.account_id, call.path("id"))
    return Answer(status=204)


async def delete_all(call: Call) -> Answer:
    """`DELETE /v1/verify/history`"""
    wanted = _meant(call)
    if await call.raw():
        raise Invalid("the body", "must be empty; what is to go is said in the query: email, valid")
    gone = await call.services.verifications.clear(call.account_id, valid=wanted.valid, email=wanted.email)
    return Answer(DeletedAnswer(gone.entries, gone.unknown))


_HISTORY = "/v1/verify/history"
_ONE = f"{_HISTORY}/{{id}}"

ROUTES = (
    Route(
        "POST",
        "/v1/verify",
        verify,
        "Verify an e-mail address",
        {200: VerificationAnswer},
        scope="write",
        request=VerificationRequest,
        errors=(400, 402),
    ),
    Route(
        "GET", _HISTORY, page, "List verified addresses", {200: VerificationList}, query=Twenty, errors=(400,)
    ),
    # Before the one with an id: the first route that fits is taken.
    Route(
        "GET",
        f"{_HISTORY}/export",
        export,
        "Export the verified addresses as JSON or CSV",
        {200: VerificationExport},
        query=ExportWanted,
        errors=(400,),
        also=(CSV,),
    ),
    Route("GET", _ONE, get, "Get a verified address", {200: VerificationAnswer}, errors=(404,)),
    Route("DELETE", _ONE, delete, "Delete a verified address", {204: None}, scope="write", errors=(404,)),
    Route(
        "DELETE",
        _HISTORY,
        delete_all,
        "Delete all verified addresses, or some of them",
        {200: DeletedAnswer},
        scope="write",
        query=Meant,
        errors=(400,),
    ),
)
