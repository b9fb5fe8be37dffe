"""What a webhook says of an alert: the rooster's seven fields, and what tickd knows besides."""

from __future__ import annotations

from typing import Any

import msgspec

from tickd.domain import times
from tickd.domain.alerts import Event, Message, Story, SubjectKind, Told

_OF_MONITORS: dict[Event, tuple[str, str]] = {
    "down": ("monitor.down", "down"),
    "recovered": ("monitor.up", "up"),
    "degraded": ("monitor.warn", "warn"),
    "certificate": ("monitor.warn", "warn"),
    "job_failed": ("job.failed", "down"),
    "reminder": ("monitor.reminder", "down"),
    "blind": ("tickd.blind", "unknown"),
    "delivery": ("tickd.delivery", "down"),
    "test": ("test", "test"),
}
_OF_JOBS: dict[Event, tuple[str, str]] = {
    "recovered": ("job.recovered", "up"),
    "reminder": ("job.reminder", "down"),
}
_TYPES: dict[str, str] = {"json": "json_api"}
"""Types of monitors that the rooster face calls otherwise."""


def body(message: Message) -> bytes:
    """The JSON of a webhook: one alert, or a digest of all that the message tells."""
    if not message.is_digest:
        return msgspec.json.encode(alert(message.told[0]))
    digest = {
        "event": "digest",
        "count": len(message.told),
        "timestamp": times.iso_offset(message.moment),
        "alerts": [alert(told) for told in message.told],
    }
    return msgspec.json.encode(digest)


def alert(told: Told) -> dict[str, Any]:
    """One alert as a webhook says it; what is not known of it is null or left out."""
    story, about = told.story, told.story.about
    event, status = _words(story, about.kind if about else None)
    said: dict[str, Any] = {
        "event": event,
        "monitor_name": about.name if about else "",
        "monitor_url": about.url if about else "",
        "status": status,
        "status_code": story.status_code,
        "response_ms": story.response_ms,
        "timestamp": times.iso_offset(story.at),
        "monitor_id": about.id if about else None,
        "monitor_type": _type(story),
        "incident_id": story.incident_id or None,
        "alert_id": told.id,
        "severity": story.severity,
        "error": story.error,
    }
    return said | _more(story)


def _words(story: Story, kind: SubjectKind | None) -> tuple[str, str]:
    if kind == "job" and story.event in _OF_JOBS:
        return _OF_JOBS[story.event]
    return _OF_MONITORS[story.event]


def _type(story: Story) -> str | None:
    about = story.about
    if about is None:
        return None
    if about.kind != "monitor":
        return about.kind
    return _TYPES.get(about.type, about.type)


def _more(story: Story) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if story.event == "recovered" and story.since is not None:
        ended = story.at if story.until is None else story.until
        more["down_since"] = times.iso_offset(story.since)
        more["duration_seconds"] = max(0, ended - story.since) // times.SECOND
    elif story.event == "blind":
        more |= {"since": _offset(story.since), "until": _offset(story.until)}
    elif story.since is not None and story.event != "test":
        more["since"] = times.iso_offset(story.since)
    if story.expires_at is not None:
        more["ssl_expiry"] = times.iso_offset(story.expires_at)
    if story.days is not None:
        more["days"] = story.days
    if story.together:
        more["together"] = True
    if story.note:
        more["note"] = story.note
    return more


def _offset(moment: int | None) -> str | None:
    return None if moment is None else times.iso_offset(moment)
