"""Verified e-mail addresses on the native face."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from tickd.domain import times
from tickd.domain.verification import Verification
from tickd.errors import Invalid
from tickd.web.answers import JSON, Answer
from tickd.web.fields import Page
from tickd.web.routes import Call, Route
from tickd.web.streaming import stream

CSV = "text/csv"
Format = Literal["json", "csv"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a cell for a formula by."""


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
    """How many addresses were deleted."""

    deleted: int


class Twenty(Page, kw_only=True):
    """Which part of the history is wanted, and whether only the valid ones or the others."""

    limit: int = 20
    valid: bool | None = None


class ExportWanted(Struct):
    """What is exported, and as what."""

    format: Format = "json"
    valid: bool | None = None


class Meant(Struct):
    """Whose verifications are to go; all without it."""

    email: str | None = None


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
    """A value as a cell of a CSV: an apostrophe goes before what a spreadsheet would calculate."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is UNSET else str(value).replace("\0", "\ufffd")
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_lines(rows: list[list[str]]) -> bytes:
    """Rows of a CSV as RFC 4180 has them."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


async def as_csv(slices: AsyncIterator[list[Verification]]) -> AsyncGenerator[bytes, None]:
    """The history as a CSV, slice by slice."""
    head = csv_lines([list(COLUMNS)])
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


async def exported(call: Call, account_id: str, format: Format, *, valid: bool | None) -> web.StreamResponse:
    """An account's history as a file to be saved."""
    content_type, written = _AS[format]
    service = call.services.verifications
    name = f"verifications-{times.rfc3339(service.now())[:10]}.{format}"
    return await stream(
        call.request,
        written(service.export(account_id, valid=valid)),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def verify(call: Call) -> Answer:
    """`POST /v1/verify`"""
    said = await call.body(VerificationRequest)
    return Answer(answer(await call.services.verifications.verify(call.account_id, said.email)))


async def page(call: Call) -> Answer:
    """`GET /v1/verify/history`"""
    wanted = call.query(Twenty)
    limit, offset = wanted.clamped()
    found, total = await call.services.verifications.page(
        call.account_id, valid=wanted.valid, limit=limit, offset=offset
    )
    shown = [answer(one) for one in found]
    return Answer(VerificationList(shown, shown, limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/verify/history/{id}`"""
    return Answer(answer(await call.services.verifications.get(call.account_id, call.path("id"))))


async def export(call: Call) -> web.StreamResponse:
    """`GET /v1/verify/history/export`"""
    wanted = call.query(ExportWanted)
    return await exported(call, call.account_id, wanted.format, valid=wanted.valid)


async def delete(call: Call) -> Answer:
    """`DELETE /v1/verify/history/{id}`"""
    await call.services.verifications.delete(call.account_id, call.path("id"))
    return Answer(status=204)


async def delete_all(call: Call) -> Answer:
    """`DELETE /v1/verify/history`"""
    wanted = call.query(Meant)
    if wanted.email is None and "email" in call.request.query:
        # A script whose variable is empty must not delete everybody's.
        raise Invalid("email", "must not be empty; without it, everything is deleted")
    gone = await call.services.verifications.delete_all(call.account_id, email=wanted.email)
    return Answer(DeletedAnswer(gone))


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
        "Delete all verified addresses, or one person's",
        {200: DeletedAnswer},
        scope="write",
        query=Meant,
        errors=(400,),
    ),
)
