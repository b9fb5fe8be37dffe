"""Subjects: the job, monitor or heartbeat that an incident is of, inside a unit of the writer."""

from __future__ import annotations

import sqlite3

from tickd.domain import incidents as rules
from tickd.domain.alerts import SubjectKind
from tickd.domain.incidents import Subject
from tickd.store import heartbeats, jobs, monitors


def find(tx: sqlite3.Connection, kind: SubjectKind, row: int) -> Subject | None:
    """The subject of that kind and row."""
    if kind == "job":
        job = jobs.find_row(tx, row)
        return None if job is None else rules.of_job(job)
    if kind == "monitor":
        monitor = monitors.find_row(tx, row)
        return None if monitor is None else rules.of_monitor(monitor)
    heartbeat = heartbeats.find_row(tx, row)
    return None if heartbeat is None else rules.of_heartbeat(heartbeat)


def find_id(tx: sqlite3.Connection, account_id: str, identifier: str) -> Subject | None:
    """The account's subject of that id."""
    if identifier.startswith("job_"):
        job = jobs.find(tx, account_id, identifier)
        return None if job is None else rules.of_job(job)
    if identifier.startswith("hb_"):
        heartbeat = heartbeats.find(tx, account_id, identifier)
        return None if heartbeat is None else rules.of_heartbeat(heartbeat)
    monitor = monitors.find(tx, account_id, identifier)
    return None if monitor is None else rules.of_monitor(monitor)
