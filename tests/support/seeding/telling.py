"""Incidents with their evidence and updates, the channels, the alerts, and the maintenance."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from tests.support.seeding.names import DOMAIN
from tests.support.seeding.subjects import identifier
from tickd.domain import times
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.alerts import Alert, Event, State, Story
from tickd.domain.channels import Channel, Kind, Options
from tickd.domain.incidents import Cause, Good, Incident, Steps, Subject
from tickd.domain.weekly import Weekly
from tickd.domain.windows import Maintenance
from tickd.store import alerts, channels, incidents, maintenance

_REASONS = {
    "status code 503": (503, '{"error": "upstream connect error", "retry_after": 5}'),
    "status code 502": (502, "<html><h1>502 Bad Gateway</h1></html>"),
}
_ACCOUNT = (
    "UPDATE accounts SET name = 'Larkfield', alert_email = ?, owner_email = ?, changes = 0 WHERE id = ?"
)
_LANE = (
    "INSERT INTO lanes (lane, account_id, attempts, failing_since, retry_at, last_error) "
    "VALUES (?, ?, 9, ?, ?, ?)"
)
_WELL = "INSERT INTO lanes (lane, account_id, last_sent_at) VALUES (?, ?, ?)"
_JOB_CHANGED = "UPDATE jobs SET changed_at = ? WHERE row = ?"
_SAID: tuple[tuple[str, str], ...] = (
    ("investigating", "We see failing requests and look into it."),
    ("identified", "A node of the database cluster ran out of connections. We are draining it."),
    ("monitoring", "The node is replaced; error rates are back to normal and we keep watching."),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of a subject that becomes an incident; `until` is None while it lasts."""

    subject: Subject
    since: int
    until: int | None
    error: str
    status_code: int | None = None


def account(tx: sqlite3.Connection) -> None:
    """Name the account."""
    tx.execute(_ACCOUNT, (f"alerts@{DOMAIN}", f"kim@{DOMAIN}", DEFAULT_ACCOUNT))


def channel(tx: sqlite3.Connection, now: int, some: random.Random) -> list[Channel]:
    """A few channels; the last one is off."""
    made: tuple[tuple[str, Kind, Options], ...] = (
        ("Operations by mail", "email", Options(to=(f"ops@{DOMAIN}", f"kim@{DOMAIN}"))),
        ("Slack #alerts", "slack", Options(url=f"https://hooks.slack.{DOMAIN}/services/T0/B0/x")),
        ("Pager", "ntfy", Options(topic="larkfield-pager", server=f"https://ntfy.{DOMAIN}", priority=5)),
        ("Incident bot", "webhook", Options(url=f"https://bot.{DOMAIN}/tickd", secret="whsec_c2VlZA==")),
        ("Old chat", "discord", Options(url=f"https://discord.{DOMAIN}/api/webhooks/1/x")),
    )
    return [
        channels.insert(tx, _channel(name, kind, options, number, now, some))
        for number, (name, kind, options) in enumerate(made)
    ]


def _channel(name: str, kind: Kind, options: Options, number: int, now: int, some: random.Random) -> Channel:
    return Channel(
        row=0,
        id=identifier("chn", some),
        account_id=DEFAULT_ACCOUNT,
        name=name,
        kind=kind,
        enabled=number < 4,
        default=number < 2,
        options=options,
        delay_secs=120 if kind == "ntfy" else 0,
        reminder_minutes=60 if kind == "slack" else 0,
        created_at=now - 200 * times.DAY,
        updated_at=now - 200 * times.DAY,
    )


def open_incidents(
    tx: sqlite3.Connection, failures: Sequence[Failure], some: random.Random
) -> list[Incident]:
    """An incident a failure, in their order; of the open ones the third is a draft, the second is seen."""
    found, open_ones = [], 0
    for number, failure in enumerate(sorted(failures, key=lambda one: one.since)):
        is_open = failure.until is None
        open_ones += is_open
        found.append(_incident(tx, failure, number, open_ones if is_open else 0, some))
    return found


def _incident(
    tx: sqlite3.Connection, failure: Failure, number: int, nth_open: int, some: random.Random
) -> Incident:
    subject, since = failure.subject, failure.since
    draft = nth_open == 3
    incident = incidents.insert(
        tx,
        Incident(
            row=0,
            id=identifier("inc", some),
            account_id=DEFAULT_ACCOUNT,
            about=subject.about,
            subject=subject.row,
            severity=subject.severity,
            status="open" if failure.until is None else "resolved",
            draft=draft,
            published_at=None if draft else since + 60_000,
            acknowledged_at=since + 9 * times.MINUTE if nth_open == 2 or number % 9 == 0 else None,
            started_at=since,
            opened_at=since + 60_000,
            resolved_at=failure.until,
            cause=_cause(failure, some),
        ),
    )
    said = _SAID[:2] if nth_open == 1 else _SAID if number % 7 == 0 and not nth_open else ()
    span = (failure.until or since + times.HOUR) - since
    for step, (status, message) in enumerate(said, 1):
        at = since + span * step // 5
        incidents.add_update(tx, incident.row, at, status, message)  # type: ignore[arg-type]
    if failure.until is not None and said:
        incidents.add_update(tx, incident.row, failure.until, "resolved", "All is well again.")
    return incident


def _cause(failure: Failure, some: random.Random) -> Cause:
    code, body = _REASONS.get(failure.error, (failure.status_code, None))
    total = some.uniform(60, 900)
    steps = Steps(1.4, 8.2, 14.9, total - 3 if code else None, total)
    good = Good(failure.since - 60_000, Steps(1.1, 7.9, 14.1, 81.0, 83.4), 200)
    is_monitor = failure.subject.about.kind == "monitor"
    return Cause(
        error=failure.error,
        at=failure.since,
        status_code=code,
        response_ms=total if is_monitor else None,
        headers={"Content-Type": "application/json", "Server": "envoy"} if code and is_monitor else None,
        body=body if is_monitor else None,
        timings=steps if is_monitor else None,
        last_good=good if is_monitor else None,
    )


def queue(
    tx: sqlite3.Connection, found: Sequence[Incident], known: Sequence[Channel], now: int, some: random.Random
) -> int:
    """Alerts of these incidents, most of them sent; how many. None is due within the next minutes."""
    count = 0
    for number, (incident, way) in enumerate(product(found, known[:2])):
        told: list[tuple[Event, int]] = [("down", incident.opened_at)]
        if incident.about.kind == "job":
            told = [("job_failed", incident.opened_at)]
        if incident.resolved_at is not None:
            told.append(("recovered", incident.resolved_at))
        for event, at in told:
            state: State = "suppressed" if number % 23 == 5 else "failed" if number % 31 == 7 else "sent"
            count += alerts.insert(tx, _alert(incident, way, event, at, state, now))
    for state, way in (("retrying", known[3]), ("queued", known[2])):
        for incident in found[-2:]:
            count += alerts.insert(tx, _alert(incident, way, "down", incident.opened_at, state, now))
    for way in known[:3]:
        tx.execute(_WELL, (way.id, DEFAULT_ACCOUNT, max(one.opened_at for one in found)))
    failing_since = now - 25 * times.MINUTE
    error = "the server answered 500 Internal Server Error"
    tx.execute(_LANE, (known[3].id, DEFAULT_ACCOUNT, failing_since, now + 4 * times.MINUTE, error))
    return count


def _alert(incident: Incident, way: Channel, event: Event, at: int, state: State, now: int) -> Alert:
    waits = state in ("queued", "retrying")
    since = incident.started_at if event == "recovered" else None
    return Alert(
        row=0,
        account_id=DEFAULT_ACCOUNT,
        key=f"{incident.id}:{way.id}:{event}",
        event=event,
        incident=incident.row,
        kind=incident.kind,
        subject=incident.subject,
        lane=way.id,
        target=None,
        story=Story(
            event=event,
            at=at,
            about=incident.about,
            severity=incident.severity,
            incident_id=incident.id,
            error=incident.cause.error,
            since=since,
            until=incident.resolved_at if since else None,
        ),
        state=state,
        why={"suppressed": "in maintenance", "failed": "it was tried for 24 h"}.get(state, ""),
        attempts={"sent": 1, "retrying": 5, "failed": 48}.get(state, 0),
        last_error="the server answered 500 Internal Server Error" if state in ("retrying", "failed") else "",
        delayed=state == "queued",
        first_tried_at=at if state in ("retrying", "failed") else None,
        created_at=at,
        due_at=now + 4 * times.MINUTE if waits else at,
        ended_at=None if waits else at + 1_200,
    )


def maintain(tx: sqlite3.Connection, subjects: Sequence[str], now: int, some: random.Random) -> None:
    """What is over, what is now, what is planned and what comes every week."""
    hour = now // times.HOUR * times.HOUR
    plain: dict[str, object] = {"row": 0, "account_id": DEFAULT_ACCOUNT}
    plain |= {"created_at": now - 20 * times.DAY, "updated_at": now - 20 * times.DAY}
    windows: tuple[dict[str, object], ...] = (
        {"name": "Switch of the storage network", "tags": ("eu",), "starts_at": hour - 9 * times.DAY},
        {
            "name": "Upgrade of the mail relay",
            "subjects": tuple(subjects[10:11]),
            "starts_at": hour - times.HOUR,
        },
        {"name": "New database version", "subjects": tuple(subjects[:4]), "starts_at": hour + 3 * times.DAY},
    )
    for window in windows:
        begins = int(window["starts_at"])  # type: ignore[call-overload]
        one = Maintenance(
            id=identifier("mnt", some),
            ends_at=begins + 3 * times.HOUR,
            **plain,  # type: ignore[arg-type]
            **window,  # type: ignore[arg-type]
        )
        maintenance.insert(tx, one)
    weekly = Weekly("sunday", "03:00", "05:00", "Europe/Berlin")
    one = Maintenance(id=identifier("mnt", some), name="Sunday patches", all=True, weekly=weekly, **plain)  # type: ignore[arg-type]
    maintenance.insert(tx, one)


def changed(tx: sqlite3.Connection, failures: Sequence[Failure]) -> None:
    """Say of the failing jobs since when they fail."""
    for one in failures:
        if one.until is None and one.subject.about.kind == "job":
            tx.execute(_JOB_CHANGED, (one.since, one.subject.row))
