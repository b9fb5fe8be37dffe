"""The list of all jobs, monitors and heartbeats of an account, out of narrow columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tickd.domain.alerts import SubjectKind
from tickd.domain.overview import KINDS, STATES, Filters, State
from tickd.store.database import Database

Counts = dict[tuple[SubjectKind, State], int]

# The state of each kind as its place in STATES: 0 down, 1 degraded, 2 late, 3 pending, 4 up, 5 paused.
_STATE: dict[SubjectKind, str] = {
    "job": (
        "CASE WHEN paused THEN 5 WHEN failing THEN 0 WHEN consecutive_failures THEN 1 "
        "WHEN last_status IS NULL THEN 3 ELSE 4 END"
    ),
    "monitor": (
        "CASE WHEN paused THEN 5 WHEN failing OR state = 'down' THEN 0 WHEN state = 'degraded' THEN 1 "
        "WHEN state = 'pending' THEN 3 ELSE 4 END"
    ),
    "heartbeat": (
        "CASE WHEN paused THEN 5 WHEN failing OR state = 'down' THEN 0 WHEN state = 'degraded' THEN 1 "
        "WHEN consecutive_misses OR expected_at < :now THEN 2 WHEN state = 'pending' THEN 3 ELSE 4 END"
    ),
}
_NEXT: dict[SubjectKind, str] = {
    "job": "iif(paused, NULL, next_run_at)",
    "monitor": "NULL",
    "heartbeat": "iif(paused, NULL, expected_at)",
}
_TABLE: dict[SubjectKind, str] = {"job": "jobs", "monitor": "monitors", "heartbeat": "heartbeats"}
_HAS_TAG = " AND EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag)"
_HAS_GROUP = " AND group_name = :group"
_LIKE = "LIKE :q ESCAPE '\\'"
_MATCHES: dict[SubjectKind, str] = {
    "job": f"name {_LIKE} OR endpoint {_LIKE}",
    "monitor": f"name {_LIKE} OR group_name {_LIKE} OR options ->> '$.url' {_LIKE}",
    "heartbeat": f"name {_LIKE} OR group_name {_LIKE} OR slug {_LIKE}",
}
_OR_A_TAG = f"OR (tags <> '[]' AND EXISTS (SELECT 1 FROM json_each(tags) WHERE value {_LIKE}))"  # noqa: S608
_ORDER = {
    "attention": "state, name COLLATE NOCASE, name, kind, row",
    "name": "name COLLATE NOCASE, name, kind, row",
    "changed": "changed_at DESC, name COLLATE NOCASE, kind, row",
    "next": "next_at IS NULL, next_at, name COLLATE NOCASE, kind, row",
}

JOBS = (
    "SELECT jobs.row, id, name, '' AS group_name, tags, paused, failing, changed_at, "  # noqa: S608
    + _NEXT["job"]
    + " AS next_at, endpoint AS target, created_at, "
    + _STATE["job"]
    + " AS state, EXISTS (SELECT 1 FROM executions AS o WHERE o.job = jobs.row "
    "AND o.status IN ('pending', 'running') AND o.deferred_until IS NULL) AS running, "
    "l.status AS last_status, coalesce(l.finished_at, l.scheduled_at) AS last_at, l.status_code, "
    "l.duration_ms, iif(l.error = '', l.reason, l.error) AS words "
    "FROM jobs LEFT JOIN executions AS l ON l.row = (SELECT row FROM executions AS e WHERE e.job = jobs.row "
    "AND e.status NOT IN ('pending', 'running') ORDER BY e.scheduled_at DESC LIMIT 1) "
    "WHERE jobs.row IN (SELECT value FROM json_each(:rows))"
)
MONITORS = (
    "SELECT row, id, name, group_name, tags, paused, failing, changed_at, NULL AS next_at, "  # noqa: S608
    "options ->> '$.url' AS target, created_at, "
    + _STATE["monitor"]
    + " AS state, 0 AS running FROM monitors WHERE row IN (SELECT value FROM json_each(:rows))"
)
HEARTBEATS = (
    "SELECT heartbeats.row, id, name, group_name, tags, paused, failing, changed_at, "  # noqa: S608
    + _NEXT["heartbeat"]
    + " AS next_at, iif(schedule = '', interval_secs, schedule) AS target, created_at, "
    + _STATE["heartbeat"]
    + " AS state, open_runs > 0 AS running, l.kind AS last_kind, l.at AS last_at, l.degraded, "
    "l.duration_ms, l.message AS words FROM heartbeats LEFT JOIN heartbeat_events AS l "
    "ON l.row = (SELECT row FROM heartbeat_events AS e WHERE e.heartbeat = heartbeats.row "
    "AND e.kind IN ('success', 'fail', 'missed', 'overran') ORDER BY e.at DESC LIMIT 1) "
    "WHERE heartbeats.row IN (SELECT value FROM json_each(:rows))"
)
_ITEMS: dict[SubjectKind, str] = {"job": JOBS, "monitor": MONITORS, "heartbeat": HEARTBEATS}
TAGS = " UNION ".join(
    f"SELECT value FROM {_TABLE[kind]}, json_each(tags) WHERE account_id = :account_id AND tags <> '[]'"  # noqa: S608
    for kind in KINDS
)
GROUPS = " UNION ".join(
    f"SELECT group_name FROM {_TABLE[kind]} WHERE account_id = :account_id AND group_name <> ''"  # noqa: S608
    for kind in KINDS
    if kind != "job"
)
NAMED = " UNION ALL ".join(
    f"SELECT id, name FROM {_TABLE[kind]} WHERE account_id = :account_id "  # noqa: S608
    "AND id IN (SELECT value FROM json_each(:ids))"
    for kind in KINDS
)
# What no write marks: heartbeats become late as time passes.
VERSION = (
    "SELECT changes, (SELECT count(*) || '.' || total(row) FROM heartbeats WHERE account_id = accounts.id "
    "AND NOT paused AND NOT failing AND expected_at < :now) FROM accounts WHERE id = :account_id"
)


def _where(kind: SubjectKind, filters: Filters) -> str:
    said = "account_id = :account_id"
    if filters.tag:
        said += _HAS_TAG
    if filters.group:
        said += _HAS_GROUP
    if filters.q:
        said += f" AND ({_MATCHES[kind]} {_OR_A_TAG})"
    return said


def _union(filters: Filters, columns: Sequence[str]) -> str:
    """The wanted kinds' narrow columns under each other; no part of it is what anyone has said."""
    parts = []
    for kind in filters.wanted_kinds:
        number = KINDS.index(kind)
        named = {"state": _STATE[kind], "next_at": _NEXT[kind], "kind": str(number)}
        chosen = ", ".join(f"{named[name]} AS {name}" if name in named else name for name in columns)
        parts.append(f"SELECT {chosen} FROM {_TABLE[kind]} WHERE {_where(kind, filters)}")  # noqa: S608
    return " UNION ALL ".join(parts)


def _params(account_id: str, filters: Filters, now: int) -> dict[str, object]:
    literal = filters.q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {
        "account_id": account_id,
        "now": now,
        "q": f"%{literal}%",
        "tag": filters.tag,
        "group": filters.group,
        "states": json.dumps([STATES.index(state) for state in filters.wanted_states]),
    }


def _narrowed(filters: Filters, columns: Sequence[str]) -> str:
    union = f"SELECT {', '.join(columns)} FROM ({_union(filters, columns)})"  # noqa: S608
    if len(filters.wanted_states) == len(STATES):
        return union
    return union + " WHERE state IN (SELECT value FROM json_each(:states))"  # noqa: S608


async def places(
    db: Database, account_id: str, filters: Filters, now: int, *, limit: int, offset: int
) -> list[tuple[SubjectKind, int]]:
    """The (kind, row) of one page, in its order."""
    order = _ORDER[filters.sort]
    wanted = ("kind", "row", "state", "name", "changed_at", "next_at")
    columns = [name for name in wanted if name in ("kind", "row", "state") or name in order]
    sql = f"{_narrowed(filters, columns)} ORDER BY {order} LIMIT :limit OFFSET :offset"
    params = _params(account_id, filters, now) | {"limit": limit, "offset": offset}
    return [(KINDS[row[0]], row[1]) for row in await db.fetch(sql, params)]


async def plans(db: Database, account_id: str, filters: Filters, now: int) -> Sequence[Sequence[Any]]:
    """(kind number, row, name, next) of all that match; the next of a monitor is None here."""
    columns = ("kind", "row", "name", "next_at", "state")
    return await db.fetch(_narrowed(filters, columns), _params(account_id, filters, now))


async def counts(db: Database, account_id: str, filters: Filters, now: int) -> Counts:
    """How many match in each kind and state, whatever kind and state are wanted; none of a job in a group."""
    union = _union(Filters(q=filters.q, tag=filters.tag, group=filters.group), ("kind", "state"))
    sql = f"SELECT kind, state, count(*) FROM ({union}) GROUP BY 1, 2"  # noqa: S608
    found = await db.fetch(sql, _params(account_id, filters, now))
    return {(KINDS[row[0]], STATES[row[1]]): row[2] for row in found}


async def items(db: Database, kind: SubjectKind, rows: Sequence[int], now: int) -> dict[int, dict[str, Any]]:
    """What a list shows of these subjects, by row."""
    if not rows:
        return {}
    found = await db.fetch(_ITEMS[kind], {"rows": json.dumps(rows), "now": now})
    return {row["row"]: dict(row) for row in found}


async def named(db: Database, account_id: str, ids: Sequence[str]) -> dict[str, str]:
    """What these subjects of the account are called, by their ids."""
    found = await db.fetch(NAMED, {"account_id": account_id, "ids": json.dumps(ids)})
    return {row[0]: row[1] for row in found}


async def tags(db: Database, account_id: str) -> list[str]:
    """Every tag of the account, in order."""
    return sorted((row[0] for row in await db.fetch(TAGS, {"account_id": account_id})), key=str.casefold)


async def groups(db: Database, account_id: str) -> list[str]:
    """Every group of the account, in order."""
    return sorted((row[0] for row in await db.fetch(GROUPS, {"account_id": account_id})), key=str.casefold)


async def version(db: Database, account_id: str, now: int) -> str:
    """A text that changes whenever something of the account changes that a list shows, results aside."""
    row = await db.fetch_one(VERSION, {"account_id": account_id, "now": now})
    return "" if row is None else f"{row[0]}.{row[1]}"
