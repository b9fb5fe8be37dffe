"""Degrading: since when it is told that a subject does not run well, and the end of that.

These functions run inside a unit of the writer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from tickd.domain.alerts import Story, SubjectKind
from tickd.services import outbox
from tickd.services.subjects import find
from tickd.store import accounts, alerts, incidents


def since(tx: sqlite3.Connection, kind: SubjectKind, row: int) -> int | None:
    """When it was told last that the subject is degraded (milliseconds), if no incident has ended that."""
    told_at = alerts.last_of(tx, kind, row, "degraded")
    ended_at = incidents.last_ended_at(tx, kind, row)
    return None if told_at is None or (ended_at is not None and ended_at >= told_at) else told_at


def tell_end(
    tx: sqlite3.Connection,
    kind: SubjectKind,
    row: int,
    since: int,
    at: int,
    now: int,
    *,
    but: Collection[str] = (),
) -> None:
    """Tell that the subject runs well where it was told at `since` that it does not; `but` know it."""
    subject = find(tx, kind, row)
    account = None if subject is None else accounts.find(tx, subject.account_id)
    if subject is None or account is None:
        return
    story = Story(
        event="recovered", at=at, about=subject.about, severity=subject.severity, since=since, until=at
    )
    places = alerts.lanes_of_event(tx, kind, row, "degraded", since)
    # Keyed by the degradation that it ends: there is one end of it.
    key = f"{kind}:{row}:restored:{since}"
    for route in outbox.routes_back(tx, places, "recovered"):
        if route.lane not in but:
            outbox.queue(tx, account, route, story, key, now, subject=subject)
