"""The dashboard's pages of status pages: list, make, show, edit, delete."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from aiohttp import web

from tickd.domain.status_pages import StatusPage, StatusPageChange, StatusPageCreation
from tickd.web.fields import Page as Wanted
from tickd.web.pages import forms, requests, status_page_form
from tickd.web.pages.forms import Form
from tickd.web.pages.visit import Page, Visit

LIMIT = 50
PLAIN = {
    "title": "",
    "description": "",
    "enabled": True,
    "visibility": "private",
    "custom_domain": "",
    "accent_color": "",
    "jobs": False,
    "groups": [],
}
"""What a page is that says nothing of these."""

T = TypeVar("T", bound=StatusPageChange)


async def page(visit: Visit) -> web.StreamResponse:
    """`GET /status-pages`"""
    _, offset = visit.query(Wanted).clamped()
    service = visit.services.status_pages
    found, total = await service.page(visit.account_id, limit=LIMIT, offset=offset)
    listed = [(one, service.address(one)) for one in found]
    return visit.page("status_pages/list.html", listed=listed, limit=LIMIT, offset=offset, total=total)


async def new(visit: Visit) -> web.StreamResponse:
    """`GET /status-pages/new`"""
    subjects = await visit.services.status_pages.subjects(visit.account_id)
    return await _form(visit, None, status_page_form.shown(None, subjects))


async def create(visit: Visit) -> web.StreamResponse:
    """`POST /status-pages/new`"""
    form = status_page_form.sent(visit)
    if visit.text("do") == "more":
        return await _form(visit, None, status_page_form.more(form))
    spec = await _spec(visit, form, StatusPageCreation)
    if visit.text("do") == "request":
        return await _form(visit, None, form, asked=spec)
    if spec is not None:
        try:
            made = await visit.services.status_pages.create(visit.account_id, spec)
            return visit.go(f"/status-pages/{made.id}", f"{made.heading} was created.")
        except forms.REFUSED as error:
            form.blame(error)
    return await _form(visit, None, form, 422)


async def show(visit: Visit) -> web.StreamResponse:
    """`GET /status-pages/{id}`"""
    found = await _known(visit)
    address = visit.services.status_pages.address(found)
    own = f"{visit.base_url}/status/{found.slug}"
    feed = f"{address}/json" if found.custom_domain else f"{address}.json"
    snippets = [
        ("Badge, Markdown", f"[![status]({own}/badge.svg)]({address})"),
        ("Badge, HTML", f'<a href="{address}"><img src="{own}/badge.svg" alt="status"></a>'),
        ("RSS feed", f"{address}/rss"),
        ("JSON", f"curl {feed}"),
    ]
    return visit.page("status_pages/show.html", page=found, address=address, snippets=snippets)


async def edit(visit: Visit) -> web.StreamResponse:
    """`GET /status-pages/{id}/edit`"""
    found = await _known(visit)
    subjects = await visit.services.status_pages.subjects(visit.account_id)
    return await _form(visit, found, status_page_form.shown(found, subjects))


async def change(visit: Visit) -> web.StreamResponse:
    """`POST /status-pages/{id}/edit`"""
    found, form = await _known(visit), status_page_form.sent(visit)
    if visit.text("do") == "more":
        return await _form(visit, found, status_page_form.more(form))
    spec = await _spec(visit, form, StatusPageChange)
    if visit.text("do") == "request":
        return await _form(visit, found, form, asked=spec)
    if spec is not None:
        try:
            await visit.services.status_pages.change(visit.account_id, found.id, spec)
            return visit.go(f"/status-pages/{found.id}", "Saved.")
        except forms.REFUSED as error:
            form.blame(error)
    return await _form(visit, found, form, 422)


async def ask_delete(visit: Visit) -> web.StreamResponse:
    """`GET /status-pages/{id}/delete`"""
    found = await _known(visit)
    return visit.page(
        "confirm.html",
        title=f"Delete the status page “{found.heading}”?",
        message="Its address leads nowhere then. What it shows is not touched.",
        action=f"/status-pages/{found.id}/delete",
        label="Delete the status page",
        back=f"/status-pages/{found.id}",
        hidden=[],
    )


async def delete(visit: Visit) -> web.StreamResponse:
    """`POST /status-pages/{id}/delete`"""
    found = await _known(visit)
    await visit.services.status_pages.delete(visit.account_id, found.id)
    return visit.go("/status-pages", f"{found.heading} was deleted.")


async def _known(visit: Visit) -> StatusPage:
    return await visit.services.status_pages.get(visit.account_id, visit.path("id"))


async def _spec(visit: Visit, form: Form, kind: type[T]) -> T | None:
    subjects = await visit.services.status_pages.subjects(visit.account_id)
    return forms.spec(form, kind, status_page_form.said(form, visit, subjects))


async def _form(
    visit: Visit,
    found: StatusPage | None,
    form: Form,
    status: int = 200,
    *,
    asked: StatusPageChange | None = None,
) -> web.StreamResponse:
    """The form, and below it what it says as a call of the API where that was asked for."""
    subjects = await visit.services.status_pages.subjects(visit.account_id)
    snippets = [] if asked is None else _snippets(visit, found, asked)
    return visit.page(
        "status_pages/form.html",
        status,
        page=found,
        form=form,
        groups=status_page_form.picks(form, subjects),
        names=[one.name for one in subjects],
        snippets=snippets,
    )


def _snippets(visit: Visit, found: StatusPage | None, asked: StatusPageChange) -> list[tuple[str, str]]:
    values = {name: value for name, value in _plain(asked).items() if name != "logo"}
    if found is None:
        body = forms.changed(values, PLAIN)
        return requests.snippets("POST", f"{visit.base_url}/v1/status-pages", body)
    return requests.snippets("PATCH", f"{visit.base_url}/v1/status-pages/{found.id}", values)


def _plain(asked: StatusPageChange) -> dict[str, Any]:
    """What was said, as the JSON of the API."""
    found: dict[str, Any] = msgspec.to_builtins(asked)
    return found


PAGES = (
    Page("GET", "/status-pages", page),
    Page("GET", "/status-pages/new", new, "write"),
    Page("POST", "/status-pages/new", create, "write"),
    Page("GET", "/status-pages/{id}", show),
    Page("GET", "/status-pages/{id}/edit", edit, "write"),
    Page("POST", "/status-pages/{id}/edit", change, "write"),
    Page("GET", "/status-pages/{id}/delete", ask_delete, "write"),
    Page("POST", "/status-pages/{id}/delete", delete, "write"),
)
