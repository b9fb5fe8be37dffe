"""The page of e-mail verification: one address, a list of them, and what was found lately."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from msgspec import Struct

from tickd.domain import addresses
from tickd.domain.verification import SHOWN_MOST, Verification
from tickd.errors import Invalid, LimitReached, TickdError, TooMany, Unavailable
from tickd.web.pages import forms, limits, requests, verification_lists, words
from tickd.web.pages.receiving import Upload
from tickd.web.pages.visit import Page, Visit

HOME = "/verify"
BACK = (HOME, "To the verification of addresses")
LATEST, LATEST_BATCHES = 10, 5
"""How many addresses and batches are shown below the forms."""
IN_REQUEST = 3
"""How many addresses of a list are in its call of the API as it is shown."""

_REFUSED = (*forms.REFUSED, TooMany, Unavailable)
_STATUS: dict[type[TickdError], int] = {TooMany: 429, Unavailable: 503}


class Wanted(Struct, kw_only=True):
    """Which verification is shown as the result."""

    result: str = ""


@dataclass(slots=True)
class Draft:
    """What was typed, and what is wrong with it; `about` is the form that it concerns."""

    email: str = ""
    emails: str = ""
    about: str = ""
    wrong: str = ""
    is_limited: bool = False
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def blame(self, about: str, error: TickdError) -> None:
        """Say an error beside the form that it concerns."""
        said = f"The {_NOUNS[about]} {error.sentence}" if isinstance(error, Invalid) else error.message
        self.is_limited = isinstance(error, LimitReached)
        said = error.sentence if isinstance(error, LimitReached) else said
        self.about, self.wrong = about, words.sentence(said)
        self.status = _STATUS.get(type(error), 422)
        if isinstance(error, TooMany | Unavailable):
            self.headers["Retry-After"] = str(error.retry_after)


_NOUNS = {"one": "address", "list": "list"}


async def page(visit: Visit) -> web.Response:
    """`GET /verify`"""
    identifier = visit.query(Wanted).result
    service = visit.services.verifications
    shown = await service.get(visit.account_id, identifier) if identifier else None
    return await _home(visit, Draft(), shown=shown)


async def verify(visit: Visit) -> web.Response:
    """`POST /verify`: one address; its result has an address of its own, so that it can be loaded again."""
    draft = Draft(email=visit.text("email").strip())
    if visit.text("do") == "request":
        return await _request(visit, draft, HOME, {"email": draft.email})
    try:
        if not draft.email:
            raise Invalid("email", "is missing")
        found = await visit.services.verifications.verify(visit.account_id, draft.email)
    except _REFUSED as error:
        draft.blame("one", error)
        return await _home(visit, draft)
    return visit.go(f"{HOME}?result={found.id}")


async def submit(visit: Visit) -> web.Response:
    """`POST /verify/list`: a list that was pasted, or a file."""
    draft = Draft(emails=visit.text("emails").replace("\r\n", "\n"))
    try:
        found = await verification_lists.read(draft.emails, _upload(visit))
        if visit.text("do") == "request":
            body, count = {"emails": found.emails[:IN_REQUEST]}, len(found.emails)
            note = f"The first {IN_REQUEST} of {count:,} addresses." if count > IN_REQUEST else ""
            return await _request(visit, draft, f"{HOME}/batch", body, note)
        batch = await visit.services.verification_batches.submit(visit.account_id, list(found.emails))
    except _REFUSED as error:
        draft.blame("list", error)
        return await _home(visit, draft)
    return visit.go(f"{HOME}/batches/{batch.id}", told(found))


def told(found: verification_lists.Addresses) -> str:
    """How many addresses a list had, and that none is looked at twice."""
    said = f"{words.plural(len(found.emails), 'address', 'addresses')} found."
    if found.repeated:
        many = words.plural(found.repeated, "repetition")
        said += f" {many} left out: each address is looked at once."
    return said


def meant(found: Verification) -> str:
    """The address that was probably meant; empty where nothing is suggested, or a part is not kept."""
    local, at, _ = found.email.rpartition("@")
    if not found.suggestion or not at or len(found.email) >= SHOWN_MOST:
        return ""
    return f"{local}@{found.suggestion}"


def has_syntax(found: Verification) -> bool:
    """Whether the address is one, whatever else is wrong with it."""
    return found.mx_found or isinstance(addresses.read(found.email), addresses.Address)


async def _home(
    visit: Visit, draft: Draft, *, shown: Verification | None = None, **more: object
) -> web.Response:
    of = visit.account_id
    found, total = await visit.services.verifications.page(of, valid=None, limit=LATEST, offset=0)
    batches, _ = await visit.services.verification_batches.page(of, limit=LATEST_BATCHES, offset=0)
    given: dict[str, Any] = {"draft": draft, "shown": shown, "found": found, "total": total}
    given["account"] = await visit.services.accounts.account(of)
    given |= {"batches": batches, "use": await limits.of_verifications(visit), "snippets": None} | more
    if shown:
        given |= {"meant": meant(shown), "has_syntax": has_syntax(shown)}
    answer = visit.page("verification/page.html", draft.status, **given)
    answer.headers.update(draft.headers)
    return answer


async def _request(
    visit: Visit, draft: Draft, path: str, body: dict[str, Any], note: str = ""
) -> web.Response:
    snippets = requests.snippets("POST", f"{visit.base_url}/v1{path}", body)
    if visit.is_fragment:
        return visit.page("requests.html", snippets=snippets, note=note)
    return await _home(visit, draft, snippets=snippets, note=note)


def _upload(visit: Visit) -> Upload | None:
    sent = visit.data.get("file")
    return sent if isinstance(sent, Upload) else None


PAGES = (
    Page("GET", HOME, page, back=BACK),
    Page("POST", HOME, verify, "write", back=BACK),
    Page("POST", f"{HOME}/list", submit, "write", back=BACK),
)
