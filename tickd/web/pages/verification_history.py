"""The pages of the verification history: what was found out about which address, and how it is deleted."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from markupsafe import Markup
from msgspec import Struct

from tickd.domain.verification import Verification
from tickd.errors import Invalid, Unauthorized
from tickd.web.answers import JSON
from tickd.web.native import verification as native
from tickd.web.pages import limits, site, verification, words
from tickd.web.pages.events import may_hear
from tickd.web.pages.visit import Page, Visit
from tickd.web.streaming import guarded, stream

Writer = Callable[[AsyncIterator[list[Verification]]], AsyncGenerator[bytes, None]]

HOME = f"{verification.HOME}/history"
LIMIT = 50
"""Verifications on one page."""
_STAYS = "What is counted for this month stays. It can't be undone."


class Wanted(Struct, kw_only=True):
    """Which part of the history is shown."""

    valid: bool | None = None
    email: str = ""
    offset: int = 0


class Address(Struct, kw_only=True):
    """Which address is to be deleted."""

    email: str = ""


async def listed(visit: Visit) -> web.Response:
    """`GET /verify/history`"""
    wanted = visit.query(Wanted)
    email, offset = wanted.email.strip(), max(0, min(1 << 53, wanted.offset))
    found, total = await visit.services.verifications.page(
        visit.account_id, valid=wanted.valid, email=email or None, limit=LIMIT, offset=offset
    )
    given: dict[str, Any] = {"found": found, "total": total, "limit": LIMIT, "offset": offset}
    given |= {"wanted": wanted, "email": email, "use": await limits.of_verifications(visit)}
    given["query"] = partial(_query, email)
    given["account"] = await visit.services.accounts.account(visit.account_id)
    return visit.page("verification/history.html", **given)


async def as_csv(visit: Visit) -> web.StreamResponse:
    """`GET /verify/export.csv`"""
    return await _exported(visit, native.as_csv, native.CSV, "csv")


async def as_json(visit: Visit) -> web.StreamResponse:
    """`GET /verify/export.json`"""
    return await _exported(visit, native.as_json, JSON, "json")


async def _exported(visit: Visit, write: Writer, content_type: str, ending: str) -> web.StreamResponse:
    wanted = visit.query(Wanted)
    service, email = visit.services.verifications, wanted.email.strip() or None
    found = service.export(visit.account_id, valid=wanted.valid, email=email)
    headers = {"Content-Disposition": f'attachment; filename="verifications.{ending}"'}
    allowed = guarded(found, partial(_require_still, visit))
    return await stream(
        visit.request, write(allowed), content_type=content_type, headers=site.HEADERS | headers
    )


async def _require_still(visit: Visit) -> None:
    """Unauthorized for who has been signed out meanwhile."""
    if not await may_hear(visit):
        raise Unauthorized("sign in first")


async def ask_delete(visit: Visit) -> web.Response:
    """`GET /verify/history/{id}/delete`: one, or all of its address."""
    found = await visit.services.verifications.get(visit.account_id, visit.path("id"))
    return visit.page("verification/delete.html", found=found)


async def delete(visit: Visit) -> web.Response:
    """`POST /verify/history/{id}/delete`; with `do=address`, everything about that address."""
    service, of = visit.services.verifications, visit.account_id
    found = await service.get(of, visit.path("id"))
    if visit.text("do") == "address":
        return await _delete_address(visit, found.email)
    await service.delete(of, found.id)
    return visit.go(HOME, "The verification was deleted.")


async def ask_delete_address(visit: Visit) -> web.Response:
    """`GET /verify/history/delete`: all of one address, wherever it is kept."""
    email = visit.query(Address).email
    if not email:
        return visit.go(HOME)  # where one is looked for
    _, total = await visit.services.verifications.page(
        visit.account_id, valid=None, email=email, limit=1, offset=0
    )
    said = Markup("{}: {} in the history. {}")
    count = words.plural(total, "verification")
    return visit.page(
        "confirm.html",
        title="Delete all of this address?",
        message=said.format(words.address(email), count, "What batches have of it is gone too. " + _STAYS),
        action=f"{HOME}/delete",
        label="Delete all of this address",
        back=HOME + _query(email, None),
        hidden=[("email", email)],
    )


async def delete_address(visit: Visit) -> web.Response:
    """`POST /verify/history/delete`"""
    email = visit.text("email")
    if not email:
        raise Invalid("email", "is missing")
    return await _delete_address(visit, email)


async def _delete_address(visit: Visit, email: str) -> web.Response:
    gone = await visit.services.verifications.clear(visit.account_id, email=email)
    said = f"{words.plural(gone.entries, 'verification')} of that address deleted."
    if gone.unknown and not gone.entries:
        said = "That address was not in the history. Batches that had it have it no longer."
    elif not gone.entries:
        said = "Nothing is kept of that address."
    return visit.go(HOME, said)


async def ask_delete_all(visit: Visit) -> web.Response:
    """`GET /verify/delete-all`"""
    _, total = await visit.services.verifications.page(visit.account_id, valid=None, limit=1, offset=0)
    count = words.plural(total, "verification")
    return visit.page(
        "confirm.html",
        title=f"Delete the whole history: {count}?",
        message="Every address and what was found out about it are gone, those of batches too. " + _STAYS,
        action=f"{verification.HOME}/delete-all",
        label=f"Delete {count}",
        keep="Keep them",
        back=HOME,
        hidden=[],
    )


async def delete_all(visit: Visit) -> web.Response:
    """`POST /verify/delete-all`"""
    gone = await visit.services.verifications.clear(visit.account_id)
    return visit.go(HOME, f"{words.plural(gone.entries, 'verification')} deleted.")


def _query(email: str, valid: bool | None) -> str:
    said = {} if valid is None else {"valid": str(valid).lower()}
    said |= {"email": email} if email else {}
    return f"?{urlencode(said)}" if said else ""


_ONE = f"{HOME}/{{id}}"
_BACK = (HOME, "To the history")

PAGES = (
    Page("GET", HOME, listed, back=verification.BACK),
    Page("GET", f"{verification.HOME}/export.csv", as_csv, back=_BACK),
    Page("GET", f"{verification.HOME}/export.json", as_json, back=_BACK),
    Page("GET", f"{HOME}/delete", ask_delete_address, "write", back=_BACK),
    Page("POST", f"{HOME}/delete", delete_address, "write", back=_BACK),
    Page("GET", f"{_ONE}/delete", ask_delete, "write", back=_BACK),
    Page("POST", f"{_ONE}/delete", delete, "write", back=_BACK),
    Page("GET", f"{verification.HOME}/delete-all", ask_delete_all, "write", back=_BACK),
    Page("POST", f"{verification.HOME}/delete-all", delete_all, "write", back=_BACK),
)
