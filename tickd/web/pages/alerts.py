"""The pages of alerts: every delivery, and what became of it."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from msgspec import Struct

from tickd.domain import messages, payloads
from tickd.domain.alerts import Alert, Event, State, Told
from tickd.services.incidents import Delivery
from tickd.web.pages import filters
from tickd.web.pages.event_words import EVENTS
from tickd.web.pages.timelines import Entry
from tickd.web.pages.visit import Page, Visit

LIMIT = 50
CHANNELS_MOST = 500
"""How many channels there are to choose from."""
DIRECT = "direct"
"""Stands for every address that is no channel's."""


class Wanted(Struct, kw_only=True):
    """Which alerts are wanted: `channel` is an id or `direct`, `incident` an id."""

    status: State | None = None
    event: Event | None = None
    channel: str | None = None
    incident: str | None = None
    offset: int = 0


async def page(visit: Visit) -> web.StreamResponse:
    """`GET /alerts`"""
    wanted = visit.query(Wanted)
    offset = max(0, min(wanted.offset, 1 << 53))
    found, total = await visit.services.incidents.deliveries(
        visit.account_id, _filters(wanted), limit=LIMIT, offset=offset
    )
    return visit.page(
        "alerts/rows.html" if visit.is_fragment else "alerts/list.html",
        **await _frame(visit, wanted),
        rows=[(one, messages.title(one.alert.story), _subject(one.alert)) for one in found],
        total=total,
        limit=LIMIT,
        offset=offset,
    )


async def _frame(visit: Visit, wanted: Wanted) -> dict[str, Any]:
    """What stands around the rows: the counts, the choices and the addresses."""
    known, _ = await visit.services.channels.page(visit.account_id, limit=CHANNELS_MOST, offset=0)
    return {
        "wanted": wanted,
        "counts": await visit.services.incidents.outcomes(visit.account_id),
        "channels": [(seen.channel.id, seen.channel.name) for seen in known],
        "events": EVENTS,
        "is_filtered": filters.is_filtered(wanted),
        "path": filters.address("/alerts", wanted),
        "without_incident": filters.address("/alerts", wanted, but="incident"),
    }


def _filters(wanted: Wanted) -> dict[str, str | None]:
    is_direct = wanted.channel == DIRECT
    return {
        "state": wanted.status,
        "event": wanted.event,
        "incident": wanted.incident,
        "lane": None if is_direct else wanted.channel,
        "direct": wanted.channel if is_direct else None,
    }


def _subject(alert: Alert) -> tuple[str, str] | None:
    """The name and the address of what it is about."""
    about = alert.story.about
    return None if about is None else (about.name, f"/{about.kind}s/{about.id}")


async def show(visit: Visit) -> web.StreamResponse:
    """`GET /alerts/{id}`"""
    found = await visit.services.incidents.delivery(visit.account_id, visit.path("id"))
    if visit.is_fragment:
        return visit.page("alerts/head.html", **_live(found))
    story, together = found.alert.story, await visit.services.incidents.together(found.alert)
    payload = payloads.alert(Told(found.alert.id, story))
    return visit.page(
        "alerts/show.html",
        **_live(found),
        lead=messages.lead(story),
        facts=messages.facts(story),
        note=messages.note(story),
        together=[(one, messages.title(one.alert.story)) for one in together],
        payload=json.dumps(payload, indent=2, ensure_ascii=False),
    )


def _live(found: Delivery) -> dict[str, Any]:
    """What changes while one looks at an alert."""
    return {
        "one": found,
        "title": messages.title(found.alert.story),
        "subject": _subject(found.alert),
        "event": EVENTS[found.alert.event],
        "entries": _entries(found),
    }


def _entries(found: Delivery) -> list[Entry]:
    """The way of an alert, newest first."""
    alert = found.alert
    entries = [Entry(alert.created_at, "", "Queued", f"For {found.way}." if found.way else "")]
    if alert.delayed:
        entries.append(Entry(alert.created_at, "", "Held back by the delay of the channel"))
    if alert.first_tried_at is not None:
        entries.append(Entry(alert.first_tried_at, "warn", "First attempt failed"))
    if alert.ended_at is None:
        return _waits(found, entries)
    tone, title = _ENDS[alert.state]
    text = alert.why
    if alert.state == "failed" and alert.last_error:
        text = f"{text}: {alert.last_error}" if text else alert.last_error
    return [Entry(alert.ended_at, tone, title, text), *reversed(entries)]


def _waits(found: Delivery, entries: list[Entry]) -> list[Entry]:
    alert = found.alert
    tone, title = ("warn", "Next attempt") if alert.attempts else ("", "To be sent")
    coming = Entry(found.next_at or alert.due_at, tone, title, alert.last_error)
    return [coming, *reversed(entries)]


_ENDS: dict[State, tuple[str, str]] = {
    "sent": ("good", "Sent"),
    "failed": ("bad", "Given up"),
    "suppressed": ("", "Not sent"),
}

PAGES = (
    Page("GET", "/alerts", page),
    Page("GET", "/alerts/{id}", show),
)
