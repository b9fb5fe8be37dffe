"""The pages of the verification history: what was found out about which address, and how it is deleted."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from aiohttp import web
from msgspec import Struct

from tickd.domain.verification import Verification
from tickd.web.answers import JSON
from tickd.web.native import verification as native
from tickd.web.pages import limits, site, verification, words
from tickd.web.pages.visit import Page, Visit
from tickd.web.streaming import stream

Writer = Callable[[AsyncIterator[list[Verification]]], AsyncGenerator[bytes, None]]

HOME = f"{verification.HOME}/history"
LIMIT = 50
"""Verifications on one page."""


class Wanted(Struct, kw_only=True):
    """Which part of the history is shown."""

    valid: bool | None = None
    offset: int = 0


async def listed(visit: Visit) -> web.Response:
    """`GET /verify/history`"""
    wanted = visit.query(Wanted)
    offset = max(0, min(1 << 53, wanted.offset))
    found, total = await visit.services.verifications.page(
        visit.account_id, valid=wanted.valid, limit=LIMIT, offset=offset
    )
    given: dict[str, Any] = {"found": found, "total": total, "limit": LIMIT, "offset": offset}
    given |= {"wanted": wanted, "query": _query(wanted.valid), "use": await limits.of_verifications(visit)}
    given["account"] = await visit.services.accounts.account(visit.account_id)
    return visit.page("verification/history.html", **given)


async def as_csv(visit: Visit) -> web.StreamResponse:
    """`GET /verify/export.csv`"""
    return await _exported(visit, native.as_csv, native.CSV, "csv")


async def as_json(visit: Visit) -> web.StreamResponse:
    """`GET /verify/export.json`"""
    return await _exported(visit, native.as_json, JSON, "json")


async def _exported(visit: Visit, write: Writer, content_type: str, ending: str) -> web.StreamResponse:
    found = visit.services.verifications.export(visit.account_id, valid=visit.query(Wanted).valid)
    headers = {"Content-Disposition": f'attachment; filename="verifications.{ending}"'}
    return await stream(
        visit.request, write(found), content_type=content_type, headers=site.HEADERS | headers
    )


async def ask_delete(visit: Visit) -> web.Response:
    """`GET /verify/history/{id}/delete`: one, or all of its address."""
    found = await visit.services.verifications.get(visit.account_id, visit.path("id"))
    return visit.page("verification/delete.html", found=found)


async def delete(visit: Visit) -> web.Response:
    """`POST /verify/history/{id}/delete`; with `do=address`, everything about that address."""
    service, of = visit.services.verifications, visit.account_id
    found = await service.get(of, visit.path("id"))
    if visit.text("do") == "address":
        count = await service.delete_all(of, email=found.email)
        return visit.go(HOME, f"{words.plural(count, 'verification')} of that address deleted.")
    await service.delete(of, found.id)
    return visit.go(HOME, "The verification was deleted.")


async def ask_delete_all(visit: Visit) -> web.Response:
    """`GET /verify/delete-all`"""
    _, total = await visit.services.verifications.page(visit.account_id, valid=None, limit=1, offset=0)
    count = words.plural(total, "verification")
    return visit.page(
        "confirm.html",
        title=f"Delete the whole history: {count}?",
        message="Every address and what was found out about it are gone, those of batches too. "
        "What is counted for this month stays. It can't be undone.",
        action=f"{verification.HOME}/delete-all",
        label=f"Delete {count}",
        keep="Keep them",
        back=HOME,
        hidden=[],
    )


async def delete_all(visit: Visit) -> web.Response:
    """`POST /verify/delete-all`"""
    count = await visit.services.verifications.delete_all(visit.account_id)
    return visit.go(HOME, f"{words.plural(count, 'verification')} deleted.")


def _query(valid: bool | None) -> str:
    return "" if valid is None else f"?valid={str(valid).lower()}"


_ONE = f"{HOME}/{{id}}"
_BACK = (HOME, "To the history")

PAGES = (
    Page("GET", HOME, listed, back=verification.BACK),
    Page("GET", f"{verification.HOME}/export.csv", as_csv, back=_BACK),
    Page("GET", f"{verification.HOME}/export.json", as_json, back=_BACK),
    Page("GET", f"{_ONE}/delete", ask_delete, "write", back=_BACK),
    Page("POST", f"{_ONE}/delete", delete, "write", back=_BACK),
    Page("GET", f"{verification.HOME}/delete-all", ask_delete_all, "write", back=_BACK),
    Page("POST", f"{verification.HOME}/delete-all", delete_all, "write", back=_BACK),
)
