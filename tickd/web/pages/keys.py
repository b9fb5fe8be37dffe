"""The pages of API keys: make one, see it once, revoke it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from aiohttp import web

from tickd.domain.accounts import KeyRequest, Scope
from tickd.web import fields
from tickd.web.pages import forms, requests
from tickd.web.pages.forms import Field, Form, Section
from tickd.web.pages.visit import Page, Visit

LIST = "/settings/keys"
_MEANINGS: dict[Scope, str] = {
    "read": "see everything",
    "write": "make, change and delete; has read and heartbeat:write",
    "heartbeat:write": "ping heartbeats, and nothing else",
    "admin": "all of these, and keys",
}
_DEEDS: dict[Scope, str] = {
    "read": "read",
    "write": "write",
    "heartbeat:write": "ping heartbeats",
    "admin": "manage users and keys",
}
CREATION = (
    Section(
        "",
        (
            Field("name", "Name", hint="What or who the key is for.", is_required=True),
            Field(
                "scopes",
                "May",
                "many",
                options=tuple((scope, f"{scope}: {_MEANINGS[scope]}") for scope in get_args(Scope)),
            ),
        ),
    ),
)


async def listed(visit: Visit) -> web.Response:
    """`GET /settings/keys`"""
    limit, offset = visit.query(fields.Page).clamped()
    found, total = await visit.services.accounts.keys(visit.account_id, limit=limit, offset=offset)
    return visit.page("keys/list.html", keys=found, limit=limit, offset=offset, total=total)


async def new(visit: Visit) -> web.Response:
    """`GET /settings/keys/new`"""
    return _form(visit, forms.filled(CREATION, {"scopes": ["read", "write"]}))


async def create(visit: Visit) -> web.Response:
    """`POST /settings/keys/new`: the page with the key, which is not shown again."""
    form = forms.sent(CREATION, visit.data)
    spec = forms.spec(form, KeyRequest)
    if visit.text("do") == "request":
        return _form(visit, form, snippets=_snippets(visit, form))
    try:
        if spec is not None:
            stored, key = await visit.services.accounts.create_key(visit.account_id, spec)
            snippets = requests.snippets("GET", f"{visit.base_url}/v1/account")
            return visit.page(
                "keys/made.html",
                cache_control="no-store",
                made=stored,
                deeds=_deeds(stored.scopes),
                key=key,
                snippets=snippets,
            )
    except forms.REFUSED as error:
        form.blame(error)
    return _form(visit, form, 422)


async def ask_revoke(visit: Visit) -> web.Response:
    """`GET /settings/keys/{id}/revoke`"""
    found = await visit.services.accounts.key(visit.account_id, visit.path("id"))
    return visit.page(
        "confirm.html",
        title=f"Revoke the key {found.name}?",
        message="Whatever uses it is refused from the next call on. A revoked key can't be brought back.",
        action=f"{LIST}/{found.id}/revoke",
        label="Revoke the key",
        back=LIST,
        hidden=[],
    )


async def revoke(visit: Visit) -> web.Response:
    """`POST /settings/keys/{id}/revoke`"""
    await visit.services.accounts.revoke_key(visit.account_id, visit.path("id"))
    return visit.go(LIST, "The key was revoked.")


def _form(
    visit: Visit, form: Form, status: int = 200, *, snippets: list[tuple[str, str]] | None = None
) -> web.Response:
    return visit.page("keys/new.html", status, form=form, snippets=snippets)


def _snippets(visit: Visit, form: Form) -> list[tuple[str, str]]:
    return requests.snippets("POST", f"{visit.base_url}/v1/keys", forms.said(form))


def _deeds(scopes: Sequence[str]) -> str:
    """What a key of these scopes may do, in words."""
    if not scopes:
        return "may do nothing"
    known = [_DEEDS[scope] for scope in get_args(Scope) if scope in scopes]
    return "may " + " and ".join(part for part in (", ".join(known[:-1]), known[-1]) if part)


PAGES = (
    Page("GET", LIST, listed, "admin"),
    Page("GET", f"{LIST}/new", new, "admin"),
    Page("POST", f"{LIST}/new", create, "admin"),
    Page("GET", f"{LIST}/{{id}}/revoke", ask_revoke, "admin"),
    Page("POST", f"{LIST}/{{id}}/revoke", revoke, "admin"),
)
