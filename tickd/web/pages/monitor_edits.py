"""Making and editing monitors: the form, one try before saving, and the same as a call of the API."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tickd.domain.monitors import Monitor
from tickd.errors import TickdError
from tickd.web.pages import forms, limits, monitor_fields, monitor_forms, monitor_requests
from tickd.web.pages.monitor_fields import DEFAULTS, TYPES
from tickd.web.pages.monitor_forms import Editor
from tickd.web.pages.monitor_words import steps
from tickd.web.pages.visit import Page, Visit
from tickd.web.rooster.polled import intervals

_KINDS = [name for name, _, _ in TYPES]


async def new(visit: Visit) -> web.StreamResponse:
    """`/monitors/new`, filled with another monitor's fields with `?from=ID`"""
    source, kind = visit.request.query.get("from"), visit.request.query.get("type")
    known = DEFAULTS | {"type": kind if kind in _KINDS else "http"}
    if source is not None:
        seen = await visit.services.monitors.get(visit.account_id, source)
        known = monitor_fields.copied(monitor_fields.values_of(seen.monitor))
    editor = await monitor_forms.opened(visit, None, known)
    await limits.warned(visit, "monitors", editor.form)
    return _page(visit, editor, copies=source is not None)


async def create(visit: Visit) -> web.StreamResponse:
    """Make a monitor of the form, or try it, or show the call."""
    editor = await monitor_forms.received(visit, None)
    if _wanted(visit) in _BESIDE:
        return await _beside(visit, editor)
    spec = monitor_forms.creation(editor)
    if spec is not None:
        try:
            prefix = "ssl" if spec.type == "ssl" else "mon"
            made = await visit.services.monitors.create(visit.account_id, spec, prefix=prefix)
        except forms.REFUSED as error:
            editor.form.blame(error)
        else:
            return visit.go(f"/monitors/{made.monitor.id}", f"{made.monitor.name} was created.")
    return _page(visit, editor, 422)


async def edit(visit: Visit) -> web.StreamResponse:
    """`/monitors/{id}/edit`"""
    monitor = await _known(visit)
    shown = monitor_fields.masked(monitor_fields.values_of(monitor))
    return _page(visit, await monitor_forms.opened(visit, monitor, shown))


async def change(visit: Visit) -> web.StreamResponse:
    """Store what the form changes, or try it, or show the call."""
    editor = await monitor_forms.received(visit, await _known(visit))
    if _wanted(visit) in _BESIDE:
        return await _beside(visit, editor)
    spec = monitor_forms.change(editor)
    if spec is not None:
        try:
            await visit.services.monitors.change(visit.account_id, visit.path("id"), spec)
        except forms.REFUSED as error:
            editor.form.blame(error)
        else:
            return visit.go(f"/monitors/{visit.path('id')}", "Saved.")
    return _page(visit, editor, 422)


async def _known(visit: Visit) -> Monitor:
    return (await visit.services.monitors.get(visit.account_id, visit.path("id"))).monitor


_BESIDE = {"try": "monitors/trial.html", "request": "monitors/request.html"}
"""What the form can do beside being saved, and the fragment that shows it."""


def _wanted(visit: Visit) -> str:
    """What the pressed button says: one that chooses the face of a call has but that to say."""
    return "request" if visit.text("face") else visit.text("do")


async def _beside(visit: Visit, editor: Editor) -> web.StreamResponse:
    what = _wanted(visit)
    if what == "try":
        await _try(visit, editor)
    else:
        may = await intervals(visit.services, visit.account_id)
        monitor_requests.build(editor, visit.base_url, visit.text("face") or "native", may)
    if visit.is_fragment:
        return visit.page(_BESIDE[what], **_given(editor, what))
    return _page(visit, editor, 422 if editor.form.errors else 200, done=what)


async def _try(visit: Visit, editor: Editor) -> None:
    spec = monitor_forms.trial(editor)
    if spec is None:
        return
    try:
        editor.trial = await visit.services.monitors.try_out(visit.account_id, spec)
    except forms.REFUSED as error:
        editor.form.blame(error)
    except TickdError as error:
        editor.trouble = error.message


def _page(
    visit: Visit, editor: Editor, status: int = 200, *, copies: bool = False, done: str = ""
) -> web.StreamResponse:
    return visit.page("monitors/form.html", status, copies=copies, **_given(editor, done))


def _given(editor: Editor, done: str) -> dict[str, Any]:
    kind = editor.form.values.get("type") or "http"
    place = monitor_fields.place(kind)[0].partition(",")[0]
    return {
        "editor": editor,
        "form": editor.form,
        "monitor": editor.monitor,
        "kind": kind,
        "words": monitor_fields,
        "labels": {one.name: one.label for one in editor.form.fields()} | {"url": place},
        "steps": steps,
        "done": done,
    }


PAGES = (
    Page("GET", "/monitors/new", new, "write"),
    Page("POST", "/monitors/new", create, "write"),
    Page("GET", "/monitors/{id}/edit", edit, "write"),
    Page("POST", "/monitors/{id}/edit", change, "write"),
)
