"""Batches of e-mail addresses on the native face."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tickd.domain import times
from tickd.domain import verification_batches as rules
from tickd.domain.verification import BATCH_MOST, Batch, Unknown, Verification
from tickd.errors import TickdError
from tickd.web import server_events
from tickd.web.answers import Answer, ErrorAnswer
from tickd.web.fields import Page
from tickd.web.native import verification
from tickd.web.routes import Call, Route
from tickd.web.streaming import stream

EVENTS = "text/event-stream"

_PATH = "/v1/verify/batch"
_ONE = f"{_PATH}/{{id}}"


_TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": BATCH_MOST}


class BatchRequest(Struct):
    """The addresses to verify: any texts."""

    emails: Annotated[Any, Meta(extra_json_schema=_TEXTS)]

    def __post_init__(self) -> None:
        # Here, and not by their type: so that the answer says which of them is at fault.
        self.emails = rules.addresses(self.emails)


class BatchResult(Struct):
    """What was found out about the address at the place `index`, from 0 on; or `error`, why nothing was."""

    index: int
    email: str
    id: str | UnsetType = UNSET
    valid: bool | UnsetType = UNSET
    mx_found: bool | UnsetType = UNSET
    disposable: bool | UnsetType = UNSET
    role_based: bool | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    created_at: str | UnsetType = UNSET
    suggestion: str | UnsetType = UNSET
    error: str | UnsetType = UNSET


class BatchAnswer(Struct):
    """A batch; `done` of `total` are looked at, and came out `valid`, `invalid` or `unknown`.

    `tried` are looked at once at least: what proved nothing then is looked at again in the end.
    """

    id: str
    status: Literal["running", "done"]
    total: int
    done: int
    tried: int
    valid: int
    invalid: int
    unknown: int
    created_at: str
    finished_at: str | None
    results: list[BatchResult] | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    offset: int | UnsetType = UNSET


class BatchList(Struct):
    """A page of batches, newest first, without their results."""

    batches: list[BatchAnswer]
    limit: int
    offset: int
    total: int


class BatchPage(Page, kw_only=True):
    """Which batches are wanted; out of range is clamped."""

    limit: int = 20


class ResultsPage(Page, kw_only=True):
    """Which results are wanted; out of range is clamped."""

    def clamped(self) -> tuple[int, int]:
        """`limit` within 1 and 1000, `offset` from 0 on."""
        return max(1, min(BATCH_MOST, self.limit)), super().clamped()[1]


def shown(batch: Batch) -> BatchAnswer:
    """The batch as the native face shows it, without its results."""
    return BatchAnswer(
        id=batch.id,
        status="running" if batch.finished_at is None else "done",
        total=batch.total,
        done=batch.done,
        tried=batch.tried,
        valid=batch.valid,
        invalid=batch.invalid,
        unknown=batch.unknown,
        created_at=times.rfc3339(batch.created_at),
        finished_at=times.optional(batch.finished_at),
    )


def result(one: Verification | Unknown) -> BatchResult:
    """One result as the native face shows it."""
    if isinstance(one, Unknown):
        return BatchResult(index=one.position, email=one.email, error=one.error)
    return BatchResult(index=one.position or 0, **structs.asdict(verification.answer(one)))


async def _whole(call: Call, batch: Batch) -> BatchAnswer:
    """The batch with all its results."""
    answer = shown(batch)
    found = await call.services.verification_batches.results(batch, limit=BATCH_MOST, offset=0)
    answer.results = [result(one) for one in found]
    return answer


async def submit(call: Call) -> Answer | web.StreamResponse:
    """`POST /v1/verify/batch`"""
    emails = (await call.body(BatchRequest)).emails
    batches = call.services.verification_batches
    if _prefers("Accept", EVENTS, call.request):
        # Before it is stored: whoever is refused the seat gets no batch.
        with batches.seat(call.account_id, lambda: server_events.is_gone(call.request)):
            return await _told(call, (await batches.submit(call.account_id, emails)).id)
    batch = await batches.submit(call.account_id, emails)
    if _prefers("Prefer", "respond-async", call.request):
        headers = {"Location": f"{_PATH}/{batch.id}", "Preference-Applied": "respond-async"}
        return Answer(shown(batch), 202, headers)
    ended = await batches.ended(call.account_id, batch.id)
    await call.services.accounts.require_still(call.who)
    return Answer(await _whole(call, ended))


async def page(call: Call) -> Answer:
    """`GET /v1/verify/batch`"""
    limit, offset = call.query(BatchPage).clamped()
    found, total = await call.services.verification_batches.page(call.account_id, limit=limit, offset=offset)
    return Answer(BatchList([shown(one) for one in found], limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/verify/batch/{id}`"""
    limit, offset = call.query(ResultsPage).clamped()
    batches = call.services.verification_batches
    batch = await batches.get(call.account_id, call.path("id"))
    answer = shown(batch)
    found = await batches.results(batch, limit=limit, offset=offset)
    answer.results, answer.limit, answer.offset = [result(one) for one in found], limit, offset
    return Answer(answer)


async def events(call: Call) -> web.StreamResponse:
    """`GET /v1/verify/batch/{id}/events`"""
    batches = call.services.verification_batches
    with batches.seat(call.account_id, lambda: server_events.is_gone(call.request)):
        return await _told(call, call.path("id"))


async def delete(call: Call) -> Answer:
    """`DELETE /v1/verify/batch/{id}`"""
    await call.services.verification_batches.delete(call.account_id, call.path("id"))
    return Answer(status=204)


async def _told(call: Call, identifier: str) -> web.StreamResponse:
    """What becomes of the batch, told as it happens."""
    pieces = _pieces(call, identifier)
    return await stream(call.request, pieces, content_type=EVENTS, headers=server_events.HEADERS)


async def _pieces(call: Call, identifier: str) -> AsyncGenerator[bytes, None]:
    """`progress` events, and in the end `done`; or `error` where it can't go on, or the caller may not."""
    known = None
    watched = call.services.verification_batches.watch(call.account_id, identifier)
    async with aclosing(watched) as news:
        try:
            async for batch in news:
                # What is written to one who has gone is not always refused.
                if server_events.is_gone(call.request):
                    return
                await call.services.accounts.require_still(call.who)
                yield await _piece(call, batch, known)
                known = batch
        except TickdError as error:
            if known is None:
                raise
            yield _event("error", ErrorAnswer(error.message))


async def _piece(call: Call, batch: Batch, known: Batch | None) -> bytes:
    if batch.finished_at is not None:
        return _event("done", await _whole(call, batch))
    return server_events.COMMENT if batch == known else _event("progress", shown(batch))


def _event(name: str, value: Struct) -> bytes:
    return server_events.written(name, msgspec.json.encode(value).decode())


def _prefers(header: str, word: str, request: web.Request) -> bool:
    """Whether a header with a list of words, each with parameters perhaps, has this one."""
    items = ",".join(request.headers.getall(header, [])).split(",")
    return any(item.partition(";")[0].strip().lower() == word for item in items)


ROUTES = (
    Route(
        "POST",
        _PATH,
        submit,
        "Verify a batch of e-mail addresses",
        {200: BatchAnswer, 202: BatchAnswer},
        scope="write",
        request=BatchRequest,
        errors=(400, 402, 404),
        also=(EVENTS,),
    ),
    Route("GET", _PATH, page, "List batches", {200: BatchList}, query=BatchPage, errors=(400,)),
    Route("GET", _ONE, get, "Get a batch", {200: BatchAnswer}, query=ResultsPage, errors=(400, 404)),
    Route("GET", f"{_ONE}/events", events, "Follow a batch", {200: None}, errors=(404,), also=(EVENTS,)),
    Route(
        "DELETE", _ONE, delete, "Delete a batch and its results", {204: None}, scope="write", errors=(404,)
    ),
)
