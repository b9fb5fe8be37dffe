"""The pages of batches of addresses: how far one is, what came of it, and its results as a file."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from typing import Any, Literal

import msgspec
from aiohttp import web
from msgspec import Struct

from tickd.domain.verification import BATCH_MOST, Batch, Unknown, Verification
from tickd.errors import NotFound, Unavailable
from tickd.web import fields, server_events
from tickd.web.native.verification import COLUMNS, CSV, answer, cell, csv_lines
from tickd.web.pages import filters, site, verification
from tickd.web.pages.events import may_hear
from tickd.web.pages.visit import Page, Visit

HOME = f"{verification.HOME}/batches"
LIMIT = 100
"""Results and batches on one page."""

Kind = Literal["invalid", "valid", "unknown"]


class Wanted(Struct, kw_only=True):
    """Which results of a batch are shown."""

    show: Kind | None = None
    offset: int = 0


def kind(one: Verification | Unknown) -> Kind:
    """How an address came out."""
    if isinstance(one, Unknown):
        return "unknown"
    return "valid" if one.valid else "invalid"


async def listed(visit: Visit) -> web.Response:
    """`GET /verify/batches`"""
    limit, offset = visit.query(fields.Page).clamped()
    service = visit.services.verification_batches
    found, total = await service.page(visit.account_id, limit=limit, offset=offset)
    return visit.page("verification/batches.html", batches=found, total=total, limit=limit, offset=offset)


async def show(visit: Visit) -> web.Response:
    """`GET /verify/batches/{id}`: its progress and its results; the script asks for them alone."""
    wanted = visit.query(Wanted)
    batch = await _batch(visit)
    results = await visit.services.verification_batches.results(batch, limit=BATCH_MOST, offset=0)
    matching = [one for one in results if wanted.show in (None, kind(one))]
    offset = max(0, min(BATCH_MOST, wanted.offset))
    given: dict[str, Any] = {"batch": batch, "wanted": wanted, "limit": LIMIT, "offset": offset}
    given |= {"rows": [(kind(one), one) for one in matching[offset : offset + LIMIT]]}
    given |= {"matching": len(matching), "counts": Counter(map(kind, results)), "total": len(results)}
    given["path"] = filters.address(f"{HOME}/{batch.id}", wanted)
    template = "verification/batch_now.html" if visit.is_fragment else "verification/batch.html"
    return visit.page(template, **given)


async def events(visit: Visit) -> web.StreamResponse:
    """`GET /verify/batches/{id}/events`: `progress` as it goes on, `done` when it has ended."""
    batch = await _batch(visit)
    response = web.StreamResponse(headers=site.HEADERS | server_events.HEADERS)
    seat = visit.services.verification_batches.seat
    with seat(visit.account_id, lambda: server_events.is_gone(visit.request)):
        await response.prepare(visit.request)
        if visit.request.method != "HEAD":
            await _tell(visit, batch, response)
    return response


async def _tell(visit: Visit, batch: Batch, response: web.StreamResponse) -> None:
    await response.write(server_events.RETRY)
    service = visit.services.verification_batches
    try:
        async with aclosing(service.watch(visit.account_id, batch.id)) as progress:
            async for one in progress:
                if server_events.is_gone(visit.request) or not await may_hear(visit):
                    return
                event = "progress" if one.finished_at is None else "done"
                await response.write(server_events.written(event, _progress(one)))
    except (NotFound, Unavailable):
        return  # deleted, or the daemon stops: the browser asks again, and hears which


def _progress(batch: Batch) -> str:
    names = ("total", "done", "tried", "valid", "invalid", "unknown")
    return msgspec.json.encode({name: getattr(batch, name) for name in names}).decode()


async def results(visit: Visit) -> web.Response:
    """`GET /verify/batches/{id}/results.csv`: all that is known by now, in the order given."""
    batch = await _batch(visit)
    found = await visit.services.verification_batches.results(batch, limit=BATCH_MOST, offset=0)
    headers = {
        "Content-Disposition": f'attachment; filename="{batch.id}.csv"',
        "Cache-Control": "no-store",
    }
    body = csv_lines([[*COLUMNS, "error"], *map(_line, found)])
    return web.Response(body=body, content_type=CSV, charset="utf-8", headers=site.HEADERS | headers)


def _line(one: Verification | Unknown) -> list[str]:
    if isinstance(one, Unknown):
        known = {"email": one.email, "error": one.error}
        return [cell(known.get(name, "")) for name in (*COLUMNS, "error")]
    shown = answer(one)
    return [*(cell(getattr(shown, name)) for name in COLUMNS), ""]


async def ask_delete(visit: Visit) -> web.Response:
    """`GET /verify/batches/{id}/delete`"""
    batch = await _batch(visit)
    stops = "" if batch.finished_at is not None else "It is stopped. "
    return visit.page(
        "confirm.html",
        title="Delete this batch?",
        message=f"{stops}What was found out about its addresses leaves the history too. It can't be undone.",
        action=f"{HOME}/{batch.id}/delete",
        label="Delete the batch",
        back=f"{HOME}/{batch.id}",
        hidden=[],
    )


async def delete(visit: Visit) -> web.Response:
    """`POST /verify/batches/{id}/delete`"""
    await visit.services.verification_batches.delete(visit.account_id, visit.path("id"))
    return visit.go(verification.HOME, "The batch was deleted.")


async def _batch(visit: Visit) -> Batch:
    return await visit.services.verification_batches.get(visit.account_id, visit.path("id"))


_ONE = f"{HOME}/{{id}}"
_BACK = verification.BACK

PAGES = (
    Page("GET", HOME, listed, back=_BACK),
    Page("GET", _ONE, show, back=_BACK),
    Page("GET", f"{_ONE}/events", events, back=_BACK),
    Page("GET", f"{_ONE}/results.csv", results, back=_BACK),
    Page("GET", f"{_ONE}/delete", ask_delete, "write", back=_BACK),
    Page("POST", f"{_ONE}/delete", delete, "write", back=_BACK),
)
