"""The list of all jobs, monitors and heartbeats of an account, out of narrow columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tickd.domain import overview as rules
from tickd.domain.alerts import SubjectKind
from tickd.domain.overview import KINDS, STATES, Filters, News, Run, State, Waiting
from tickd.store import checks
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
    "monitor": f"name {_LIKE} OR group_name {_LIKE} OR options ->> '$.url' {_LIKE} OR slug {_LIKE}",
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
    "AND o.status IN ('pending', 'running') AND o.deferred_until IS NULL) AS running, '' AS slug, "
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
    + " AS state, 0 AS running, slug FROM monitors WHERE row IN (SELECT value FROM json_each(:rows))"
)
HEARTBEATS = (
    "SELECT heartbeats.row, id, name, group_name, tags, paused, failing, changed_at, "  # noqa: S608
    + _NEXT["heartbeat"]
    + " AS next_at, iif(schedule = '', interval_secs, schedule) AS target, created_at, "
    + _STATE["heartbeat"]
    + " AS state, open_runs > 0 AS running, slug, last_pinged_at, l.kind AS last_kind, l.at AS last_at, "
    "l.degraded, l.duration_ms, l.message AS words FROM heartbeats LEFT JOIN heartbeat_events AS l "
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
_UNDER_WAY = (
    "FROM executions AS e JOIN jobs ON jobs.row = e.job WHERE e.status IN ('pending', 'running') "
    "AND e.deferred_until IS NULL AND jobs.account_id = ?"
)
RUNS = (
    f"SELECT e.row, jobs.id, jobs.name, e.status, coalesce(e.started_at, e.scheduled_at) AS at {_UNDER_WAY} "
    "ORDER BY at, e.row LIMIT ?"
)
RUNS_TOTAL = f"SELECT count(*) {_UNDER_WAY}"
WAITING = (
    "SELECT state, count(*), min(created_at) FROM alerts WHERE state IN ('queued', 'retrying') "
    "AND account_id = ? GROUP BY state"
)
# Of the newest of all accounts: to look for an account's own could read the whole history.
RECENT_RUNS = (
    "SELECT jobs.id, jobs.name, e.status, coalesce(e.finished_at, e.scheduled_at), e.status_code, "
    "e.duration_ms, iif(e.error = '', e.reason, e.error) FROM (SELECT * FROM executions ORDER BY row DESC "
    "LIMIT 500) AS e JOIN jobs ON jobs.row = e.job WHERE jobs.account_id = ? "
    "AND e.status NOT IN ('pending', 'running') ORDER BY e.row DESC LIMIT ?"
)
RECENT_EVENTS = (
    "SELECT h.id, h.name, e.kind, e.at, e.degraded, e.duration_ms, e.message FROM (SELECT * FROM "
    "heartbeat_events ORDER BY row DESC LIMIT 500) AS e JOIN heartbeats AS h ON h.row = e.heartbeat "
    "WHERE h.account_id = ? AND e.accepted AND e.kind IN ('success', 'fail', 'missed', 'overran') "
    "ORDER BY e.row DESC LIMIT ?"
)
_CHECKED = ", ".join(checks.COLUMNS[1:])
_CHECKED_THEN = ", ".join(f"e.{name}" for name in checks.COLUMNS[1:])
RECENT_CHECKS = (
    f"SELECT m.id, m.name, {_CHECKED_THEN} FROM (SELECT * FROM ("  # noqa: S608
    + " UNION ALL ".join(
        f"SELECT * FROM (SELECT seq, {_CHECKED} FROM check_log_{log} ORDER BY seq DESC LIMIT 500)"  # noqa: S608
        for log in (0, 1)
    )
    + ") ORDER BY seq DESC LIMIT 500) AS e JOIN monitors AS m ON m.row = e.monitor WHERE m.account_id = ? "
    "ORDER BY seq DESC LIMIT ?"
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


async def runs(db: Database, account_id: str, limit: int) -> tuple[list[Run], int]:
    """The account's runs that have not ended, the longest first, and how many there are."""
    found = await db.fetch(RUNS, (account_id, limit))
    total = len(found)
    if total == limit:
        total = (await db.fetch(RUNS_TOTAL, (account_id,)))[0][0]
    return [Run(*row) for row in found], total


async def waiting(db: Database, account_id: str) -> list[Waiting]:
    """The account's alerts that wait, by state; states that none is in are absent."""
    return [Waiting(*row) for row in await db.fetch(WAITING, (account_id,))]


async def recent(db: Database, account_id: str, limit: int) -> list[News]:
    """The account's newest results, out of the newest of all; those of a busier account may leave few."""
    found = [
        News("job", identifier, name, rules.of_run(status, at, code, took, words))
        for identifier, name, status, at, code, took, words in await db.fetch(
            RECENT_RUNS, (account_id, limit)
        )
    ]
    found += [
        News("heartbeat", identifier, name, rules.of_event(kind, at, bool(degraded), took, words))
        for identifier, name, kind, at, degraded, took, words in await db.fetch(
            RECENT_EVENTS, (account_id, limit)
        )
    ]
    found += [
        News("monitor", identifier, name, rules.of_check(checks.to_check(monitor, at, said)))
        for identifier, name, monitor, at, *said in await db.fetch(RECENT_CHECKS, (account_id, limit))
    ]
    return sorted(found, key=lambda one: -one.last.at)[:limit]
