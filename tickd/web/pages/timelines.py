"""The timeline of an incident: what happened, who was told, and what people said of it, in one list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tickd.domain.incidents import Incident, Update
from tickd.services.incidents import Delivery, Seen
from tickd.web.pages import words
from tickd.web.pages.event_words import EVENTS


class Entry(NamedTuple):
    """One thing that happened, at `at` (milliseconds); `state` is an alert's, `next_at` its next attempt."""

    at: int
    tone: str
    title: str
    text: str = ""
    href: str = ""
    state: str = ""
    next_at: int | None = None


def of(seen: Seen, sent: Sequence[Delivery]) -> list[Entry]:
    """The timeline, newest first."""
    entries = [*_facts(seen.incident), *map(_told, reversed(sent)), *map(_said, seen.updates)]
    if seen.incident.resolved_at is not None:
        lasted = words.duration(seen.incident.duration_secs)
        entries.append(Entry(seen.incident.resolved_at, "good", "Resolved", f"It lasted {lasted}."))
    # Of two in one millisecond the later one in this order happened later.
    return sorted(entries, key=lambda entry: entry.at)[::-1]


def _facts(incident: Incident) -> Iterator[Entry]:
    is_late = incident.opened_at != incident.started_at
    if is_late:
        yield Entry(incident.started_at, "bad", "It began to fail", incident.cause.error)
    text = "" if is_late else incident.cause.error
    is_draft = incident.draft or incident.published_at != incident.opened_at
    title = "Incident opened as a draft" if is_draft else "Incident opened"
    yield Entry(incident.opened_at, "bad", title, text)
    if incident.acknowledged_at is not None:
        yield Entry(incident.acknowledged_at, "good", "Acknowledged", "No more reminders.")
    if is_draft and incident.published_at is not None:
        yield Entry(incident.published_at, "", "Published")


def _told(delivery: Delivery) -> Entry:
    alert = delivery.alert
    title = f"{EVENTS[alert.event]} alert" + (f" to {delivery.way}" if delivery.way else "")
    tone = {"failed": "bad", "retrying": "warn"}.get(alert.state, "")
    text = alert.why or alert.last_error
    at = alert.created_at if alert.ended_at is None else alert.ended_at
    return Entry(at, tone, title, text, f"/alerts/{alert.id}", alert.state, delivery.next_at)


def _said(update: Update) -> Entry:
    tone = "good" if update.status == "resolved" else "warn"
    return Entry(update.at, tone, f"Update: {update.status}", update.message)
