"""What happened around an incident: runs, checks, certificates and pings of the same account."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from tickd.domain.incidents import Incident
from tickd.store import incidents
from tickd.store.database import Database

RUNS = (
    "SELECT executions.row, jobs.id, jobs.name, executions.status, executions.error, "
    "coalesce(executions.started_at, executions.scheduled_at) AS at, executions.finished_at "
    "FROM jobs JOIN executions ON executions.job = jobs.row "
    # By the index of occurrences: a run that began more than a day before is not looked for.
    "AND executions.scheduled_at BETWEEN :since - 86400000 AND :until "
    "WHERE jobs.account_id = :account AND jobs.id <> :self "
    "AND ((executions.status = 'running' AND executions.started_at <= :until) "
    "OR (executions.status IN ('failed', 'timeout', 'missed') "
    "AND coalesce(executions.finished_at, executions.scheduled_at) BETWEEN :since AND :until) "
    "OR (executions.started_at <= :until AND executions.finished_at >= :moment "
    "AND executions.finished_at <= :until)) "
    "ORDER BY at DESC LIMIT :most"
)
MONITORS = (
    "SELECT id, name, iif(paused, 'paused', state) AS state, changed_at, "
    "json_extract(options, '$.url') AS url "
    "FROM monitors WHERE account_id = :account AND id <> :self "
    "AND instr(json_extract(options, '$.url'), :host) ORDER BY name LIMIT :most"
)
CERTIFICATES = (
    "SELECT monitors.id, monitors.name, certificate_changes.at, expires_at, issuer FROM certificate_changes "
    "JOIN monitors ON monitors.row = certificate_changes.monitor "
    "WHERE monitors.account_id = :account AND certificate_changes.at BETWEEN :since AND :until "
    "ORDER BY certificate_changes.at DESC LIMIT :most"
)
PINGS = (
    "SELECT heartbeats.id, heartbeats.name, heartbeat_events.kind, heartbeat_events.at, message "
    "FROM heartbeats JOIN heartbeat_events ON heartbeat_events.heartbeat = heartbeats.row "
    "AND heartbeat_events.at BETWEEN :since AND :until "
    "WHERE heartbeats.account_id = :account AND heartbeats.id <> :self "
    "AND heartbeat_events.kind IN ('fail', 'missed', 'overran') ORDER BY heartbeat_events.at DESC LIMIT :most"
)
THERE = {
    "job": "SELECT 1 FROM jobs WHERE account_id = ? AND id = ?",
    "monitor": "SELECT 1 FROM monitors WHERE account_id = ? AND id = ?",
    "heartbeat": "SELECT 1 FROM heartbeats WHERE account_id = ? AND id = ?",
}


class Run(NamedTuple):
    """A run that was under way or failed; times in milliseconds."""

    row: int
    job_id: str
    job_name: str
    status: str
    error: str
    at: int
    finished_at: int | None


class Neighbour(NamedTuple):
    """Another monitor of the same host, as it is now."""

    id: str
    name: str
    state: str
    changed_at: int | None


class Renewal(NamedTuple):
    """A certificate that changed; times in milliseconds."""

    id: str
    name: str
    at: int
    expires_at: int
    issuer: str


class Silence(NamedTuple):
    """A ping that said that it failed, or one that did not come; `at` in milliseconds."""

    id: str
    name: str
    kind: str
    at: int
    message: str


class Related(NamedTuple):
    """Everything that is listed with an incident."""

    incidents: list[Incident]
    runs: list[Run]
    monitors: list[Neighbour]
    certificates: list[Renewal]
    pings: list[Silence]


def host_of(url: str) -> str:
    """The host of a monitor's or a job's address, or nothing."""
    return urlsplit(url if "://" in url else f"//{url}").hostname or ""


async def is_there(db: Database, incident: Incident) -> bool:
    """Whether there still is what the incident is of."""
    wanted = (incident.account_id, incident.about.id)
    return await db.fetch_one(THERE[incident.kind], wanted) is not None


async def around(db: Database, incident: Incident, since: int, until: int, most: int) -> Related:
    """What happened from `since` to `until` (milliseconds), up to `most` of each kind."""
    host = host_of(incident.about.url)
    wanted = {
        "account": incident.account_id,
        "self": incident.about.id,
        "since": since,
        "until": until,
        "moment": incident.started_at,
        "most": most,
        "host": host,
    }
    runs = [Run(*tuple(row)) for row in await db.fetch(RUNS, wanted)]
    monitors = []
    if host:
        # The text is looked for first, the host of what is found compared then.
        for row in await db.fetch(MONITORS, wanted | {"most": 10 * most}):
            if host_of(row["url"]) == host:
                monitors.append(Neighbour(row["id"], row["name"], row["state"], row["changed_at"]))
    certificates = [Renewal(*tuple(row)) for row in await db.fetch(CERTIFICATES, wanted)]
    pings = [Silence(*tuple(row)) for row in await db.fetch(PINGS, wanted)]
    others = await incidents.around(db, incident, since, until, most)
    return Related(others, runs, monitors[:most], certificates, pings)
