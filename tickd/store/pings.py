"""The history of heartbeats: pings and silences; and the runs that have begun and not ended."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from tickd.domain.durations import Slot
from tickd.domain.pings import Event, EventKind
from tickd.store import days
from tickd.store.database import Database

_FIELDS = tuple(name for name in Event.__struct_fields__ if name not in ("row", "body"))
_ALL = ", ".join(("row", *_FIELDS))
_PINGS = "('success', 'start', 'fail', 'log')"
# What a heartbeat was found to be, as rooster has it: runs that ended, and silences.
_CHECKS = "accepted AND kind IN ('success', 'fail', 'missed', 'overran')"
_EVENTS = "kind IN ('missed', 'overran', 'moved') OR flip IS NOT NULL"

INSERT = (
    f"INSERT INTO heartbeat_events ({', '.join(_FIELDS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_FIELDS))})"
)
INSERT_PLAIN = (
    "INSERT INTO heartbeat_events (heartbeat, at, received_at, kind, accepted, degraded, rid, source_ip, "
    "user_agent, message) VALUES (?1, ?2, ?2, 'success', 1, 0, '', ?3, ?4, '')"
)
INSERT_BODY = "INSERT INTO ping_bodies (event, body) VALUES (?, ?)"
_WHICH = {
    "pings": f"kind IN {_PINGS}",
    "checks": _CHECKS,
    "events": f"({_EVENTS})",
    "failures": "kind IN ('fail', 'missed', 'overran')",
    "all": "TRUE",
}
_SELECT = f"SELECT {_ALL} FROM heartbeat_events WHERE heartbeat = ? AND "  # noqa: S608
PAGE = {
    which: f"{_SELECT}{condition} ORDER BY at DESC, row DESC LIMIT ? OFFSET ?"
    for which, condition in _WHICH.items()
}
TOTAL = {
    which: f"SELECT count(*) FROM heartbeat_events WHERE heartbeat = ? AND {condition}"  # noqa: S608
    for which, condition in _WHICH.items()
}
GET = (
    f"SELECT {_ALL}, (SELECT body FROM ping_bodies WHERE event = heartbeat_events.row) AS body "  # noqa: S608
    f"FROM heartbeat_events WHERE heartbeat = ? AND row = ? AND kind IN {_PINGS}"
)
KNOWN = (
    "SELECT 1 FROM heartbeat_events WHERE heartbeat = ? AND at = ? AND kind = ? AND rid = ? "
    "AND accepted LIMIT 1"
)
# The first try may have been taken, at its own time, and its answer lost.
KNOWN_RUN = (
    "SELECT 1 FROM heartbeat_events WHERE heartbeat = ? AND rid = ? AND rid <> '' AND kind = ? "
    "AND at BETWEEN ? AND ? AND accepted LIMIT 1"
)
STARTED = (
    "SELECT at FROM heartbeat_events WHERE heartbeat = ? AND at BETWEEN ? AND ? AND kind = 'start' "
    "AND rid = ? AND accepted ORDER BY at DESC LIMIT 1"
)
REPAIR = (
    "UPDATE heartbeat_events SET repaired = 1 WHERE heartbeat = ? AND at >= ? AND at < ? "
    "AND kind IN ('missed', 'overran') AND NOT repaired"
)
MISSED_SINCE = (
    "SELECT count(*) FROM heartbeat_events WHERE heartbeat = ? AND at >= ? "
    "AND kind IN ('missed', 'overran') AND NOT repaired"
)

FIRST_MISS = (
    "SELECT at, message FROM heartbeat_events WHERE heartbeat = ? AND kind IN ('missed', 'overran') "
    "AND NOT repaired ORDER BY at DESC LIMIT 1 OFFSET ?"
)
TIME_END = (
    "UPDATE heartbeat_events SET duration_ms = at - :started WHERE heartbeat = :heartbeat AND rid = :rid "
    "AND rid <> '' AND kind IN ('success', 'fail') AND at BETWEEN :started AND :until AND duration_ms IS NULL"
)

# Grouped in the order of the index, and put in order by Python: windows would sort a hundred thousand rows.
CHART = (
    "SELECT at / ?3 AS slot, "  # noqa: S608
    "json_group_array(duration_ms) FILTER (WHERE kind = 'success' AND duration_ms IS NOT NULL), "
    "count(*) FILTER (WHERE kind <> 'success' AND NOT repaired), "
    "min(at) FILTER (WHERE kind <> 'success' AND NOT repaired) "
    f"FROM heartbeat_events WHERE heartbeat = ?1 AND at >= ?2 AND {_CHECKS} GROUP BY slot ORDER BY slot"
)
# Of the latest alone: one that never says its start would be read from end to end.
IS_TIMED = (
    "SELECT 1 FROM (SELECT duration_ms FROM heartbeat_events WHERE heartbeat = ? ORDER BY at DESC LIMIT 500) "
    "WHERE duration_ms IS NOT NULL LIMIT 1"
)

OPEN_RUN = (
    "INSERT INTO open_runs (heartbeat, rid, started_at, due_at) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (heartbeat, rid) DO UPDATE SET started_at = excluded.started_at, due_at = excluded.due_at"
)
HAS_RUN = "SELECT 1 FROM open_runs WHERE heartbeat = ? AND rid = ?"
END_RUN = "DELETE FROM open_runs WHERE heartbeat = ? AND rid = ? AND started_at <= ? RETURNING started_at"
END_COUNTED = "DELETE FROM open_runs WHERE heartbeat = ? AND due_at IS NULL"
RUNS_OF = "SELECT rid, started_at, due_at FROM open_runs WHERE heartbeat = ? ORDER BY started_at DESC LIMIT ?"
FORGET_RUNS = "DELETE FROM open_runs WHERE heartbeat = ?"
COUNT_RUNS = "UPDATE open_runs SET due_at = NULL WHERE heartbeat = ? AND due_at IS NOT NULL"
COUNT_RUN = "UPDATE open_runs SET due_at = NULL WHERE heartbeat = ? AND rid = ?"
RUNS_DUE = (
    "SELECT open_runs.heartbeat, rid, started_at, open_runs.due_at, heartbeats.id FROM open_runs "
    "JOIN heartbeats ON heartbeats.row = open_runs.heartbeat "
    "WHERE open_runs.due_at <= ? ORDER BY open_runs.due_at LIMIT ?"
)
RUNS_DOUBTFUL = (
    "SELECT open_runs.heartbeat, rid, started_at, open_runs.due_at, heartbeats.id FROM open_runs "
    "JOIN heartbeats ON heartbeats.row = open_runs.heartbeat "
    "WHERE open_runs.due_at >= :since AND started_at <= :until "
    # Only what has passed gets its whole grace again, or a daemon that restarts often would never end a run.
    "AND open_runs.due_at < :now + iif(open_runs.due_at <= :until, "
    "max(:least, 1000 * heartbeats.grace_secs), :least) "
    "ORDER BY open_runs.due_at LIMIT :limit"
)
NEXT_RUN_DUE = "SELECT min(due_at) FROM open_runs WHERE due_at IS NOT NULL"
RETIME_RUNS = (
    "UPDATE open_runs SET due_at = iif(started_at + :grace > :now, started_at + :grace, min(due_at, :soon)) "
    "WHERE heartbeat = :heartbeat AND due_at IS NOT NULL"
)
PUT_OFF_RUNS = (
    "UPDATE open_runs SET due_at = ? WHERE due_at <= ? AND EXISTS (SELECT 1 FROM heartbeats "
    "WHERE heartbeats.row = open_runs.heartbeat AND +account_id IN (SELECT value FROM json_each(?)))"
)
RESUME_RUNS = (
    "UPDATE open_runs SET due_at = :now + max(:least, 1000 * heartbeats.grace_secs) FROM heartbeats "
    "WHERE heartbeats.row = open_runs.heartbeat AND heartbeats.account_id = :account_id "
    "AND open_runs.due_at IS NOT NULL AND started_at + 1000 * heartbeats.grace_secs <= :now"
)
MOVE_RUN = "UPDATE open_runs SET due_at = ? WHERE heartbeat = ? AND rid = ?"

DELETED = "SELECT row FROM deleted_heartbeats LIMIT ?"
RETENTIONS = (
    "SELECT heartbeats.row, accounts.retention_days FROM heartbeats "
    "JOIN accounts ON accounts.id = heartbeats.account_id "
    "WHERE heartbeats.row > ? ORDER BY heartbeats.row LIMIT ?"
)
OLD = "SELECT row FROM heartbeat_events WHERE heartbeat = ? AND at < ? ORDER BY at LIMIT ?"
FORGET = "DELETE FROM heartbeat_events WHERE row = ?"
FORGET_BODY = "DELETE FROM ping_bodies WHERE event = ?"
FORGOTTEN = "DELETE FROM deleted_heartbeats WHERE row = ?"

_DURATIONS = msgspec.json.Decoder(list[int])
_METRICS = msgspec.json.Decoder(dict[str, float])


class Run(NamedTuple):
    """A run that should have ended by `due_at`; times in milliseconds."""

    heartbeat: int
    rid: str
    started_at: int
    due_at: int
    id: str


class OpenRun(NamedTuple):
    """A run that has begun; `due_at` is None once it was counted as missed. Times in milliseconds."""

    rid: str
    started_at: int
    due_at: int | None


def _event(row: sqlite3.Row) -> Event:
    values: dict[str, Any] = {name: row[name] for name in ("row", *_FIELDS)}
    for name in ("accepted", "degraded", "repaired"):
        values[name] = bool(values[name])
    metrics = values.pop("metrics")
    body = row["body"] if "body" in row.keys() else None  # noqa: SIM118 - a Row's `in` asks for values
    return Event(**values, metrics=None if metrics is None else _METRICS.decode(metrics), body=body)


async def page(
    db: Database, heartbeat: int, which: str, *, limit: int, offset: int
) -> tuple[list[Event], int]:
    """One page of a heartbeat's history, `which` of it, newest first, and how many are kept."""
    rows = await db.fetch(PAGE[which], (heartbeat, limit, offset))
    total = await db.fetch(TOTAL[which], (heartbeat,))
    return [_event(row) for row in rows], int(total[0][0])


async def get(db: Database, heartbeat: int, row_number: int) -> Event | None:
    """One ping of the heartbeat, with its body."""
    row = await db.fetch_one(GET, (heartbeat, row_number))
    return None if row is None else _event(row)


async def open_runs(db: Database, heartbeat: int, limit: int) -> list[OpenRun]:
    """The runs that have begun and not ended, the latest first."""
    return [OpenRun(*row) for row in await db.fetch(RUNS_OF, (heartbeat, limit))]


async def chart(db: Database, heartbeat: int, since: int, slot: int) -> tuple[list[Slot], Slot]:
    """The slots of `slot` milliseconds from `since` on that had a run or a silence, oldest first; and all of
    them as one."""
    rows = await db.fetch(CHART, (heartbeat, since, slot))
    return await asyncio.to_thread(_slots, [tuple(row) for row in rows])


def _slots(rows: list[tuple[int, str, int, int | None]]) -> tuple[list[Slot], Slot]:
    slots, whole = [], []
    for number, taken, failures, failed_at in rows:
        took = sorted(_DURATIONS.decode(taken))
        whole += took
        slots.append(Slot(number, *_within(took), failures, failed_at))
    failures = sum(slot.failures for slot in slots)
    first = next((slot.failed_at for slot in slots if slot.failed_at is not None), None)
    return slots, Slot(0, *_within(sorted(whole)), failures, first)


def _within(took: list[int]) -> tuple[int | None, int | None]:
    """How long the middle one and the 95th of a hundred took."""
    if not took:
        return None, None
    return took[-(-50 * len(took) // 100) - 1], took[-(-95 * len(took) // 100) - 1]


async def is_timed(db: Database, heartbeat: int) -> bool:
    """Whether any of its latest runs has a duration."""
    return await db.fetch_one(IS_TIMED, (heartbeat,)) is not None


def insert(tx: sqlite3.Connection, event: Event) -> int:
    """Store one line of history, and its body where it has one; its row."""
    metrics = None if event.metrics is None else msgspec.json.encode(event.metrics).decode()
    values = [metrics if name == "metrics" else getattr(event, name) for name in _FIELDS]
    row = tx.execute(INSERT, values).lastrowid or 0
    if event.body:
        tx.execute(INSERT_BODY, (row, event.body))
    return row


def insert_plain(tx: sqlite3.Connection, heartbeat: int, at: int, source_ip: str, user_agent: str) -> None:
    """Store a success that says nothing more."""
    tx.execute(INSERT_PLAIN, (heartbeat, at, source_ip, user_agent))


def is_known(tx: sqlite3.Connection, heartbeat: int, at: int, kind: EventKind, rid: str, within: int) -> bool:
    """Whether a ping of that time has been taken, or one of the same run `within` so many milliseconds."""
    if rid:
        found = tx.execute(KNOWN_RUN, (heartbeat, rid, kind, at - within, at + within))
    else:
        found = tx.execute(KNOWN, (heartbeat, at, kind, rid))
    return found.fetchone() is not None


def started_before(tx: sqlite3.Connection, heartbeat: int, since: int, at: int, rid: str) -> int | None:
    """When the run of that id began last, between `since` and `at`, as the history has it."""
    found = tx.execute(STARTED, (heartbeat, since, at, rid)).fetchone()
    return None if found is None else int(found[0])


def time_end(tx: sqlite3.Connection, heartbeat: int, rid: str, started_at: int, until: int) -> None:
    """Give the end of a run its duration, now that its start is known."""
    tx.execute(TIME_END, {"heartbeat": heartbeat, "rid": rid, "started": started_at, "until": until})


def repair(tx: sqlite3.Connection, heartbeat: int, since: int, before: int) -> int:
    """Mark the misses of that time as explained; how many they were."""
    return tx.execute(REPAIR, (heartbeat, since, before)).rowcount


def missed_since(tx: sqlite3.Connection, heartbeat: int, since: int) -> int:
    """How many misses there were from `since` on."""
    return int(tx.execute(MISSED_SINCE, (heartbeat, since)).fetchone()[0])


def first_miss(tx: sqlite3.Connection, heartbeat: int, misses: int) -> tuple[int, str] | None:
    """When the earliest of the latest `misses` silences became a miss (milliseconds), and in what words."""
    row = tx.execute(FIRST_MISS, (heartbeat, max(0, misses - 1))).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def has_run(tx: sqlite3.Connection, heartbeat: int, rid: str) -> bool:
    """Whether a run of that id has begun and not ended."""
    return tx.execute(HAS_RUN, (heartbeat, rid)).fetchone() is not None


def open_run(tx: sqlite3.Connection, heartbeat: int, rid: str, started_at: int, due_at: int) -> None:
    """Note that a run has begun; one of the same id begins anew."""
    tx.execute(OPEN_RUN, (heartbeat, rid, started_at, due_at))


def end_run(tx: sqlite3.Connection, heartbeat: int, rid: str, at: int) -> int | None:
    """Forget a run that has ended at `at`, unless it began after that; when it began."""
    ended = tx.execute(END_RUN, (heartbeat, rid, at)).fetchone()
    return None if ended is None else int(ended[0])


def end_counted(tx: sqlite3.Connection, heartbeat: int) -> int:
    """Forget the runs that were counted as missed; how many they were."""
    return tx.execute(END_COUNTED, (heartbeat,)).rowcount


def forget_runs(tx: sqlite3.Connection, heartbeat: int) -> int:
    """Forget all open runs; how many they were."""
    return tx.execute(FORGET_RUNS, (heartbeat,)).rowcount


def count_runs(tx: sqlite3.Connection, heartbeat: int) -> None:
    """Let no open run count as a miss any more: this silence has been counted."""
    tx.execute(COUNT_RUNS, (heartbeat,))


def count_run(tx: sqlite3.Connection, heartbeat: int, rid: str) -> None:
    """Let a run count as a miss no more; it may still end."""
    tx.execute(COUNT_RUN, (heartbeat, rid))


def runs_due(tx: sqlite3.Connection, now: int, limit: int) -> list[Run]:
    """Runs that should have ended by `now`, the earliest first."""
    return [Run(*row) for row in tx.execute(RUNS_DUE, (now, limit)).fetchall()]


def runs_doubtful(
    tx: sqlite3.Connection, since: int, until: int, now: int, least: int, limit: int
) -> list[Run]:
    """Open runs whose end may have been lost between `since` and `until`: those due by then, and those that
    have less than `least` milliseconds from now."""
    wanted = {"since": since, "until": until, "now": now, "least": least, "limit": limit}
    return [Run(*row) for row in tx.execute(RUNS_DOUBTFUL, wanted).fetchall()]


def retime_runs(tx: sqlite3.Connection, heartbeat: int, grace: int, now: int, soon: int) -> None:
    """Time the open runs by an edited grace; what it would put into the past is due by `soon`."""
    tx.execute(RETIME_RUNS, {"heartbeat": heartbeat, "grace": grace, "now": now, "soon": soon})


def move_run(tx: sqlite3.Connection, run: Run, due_at: int) -> None:
    """Put off the deadline of a run."""
    tx.execute(MOVE_RUN, (due_at, run.heartbeat, run.rid))


def put_off_runs(tx: sqlite3.Connection, account_ids: Iterable[str], now: int, due_at: int) -> None:
    """Put off the deadlines of these accounts' runs that have passed by `now`."""
    tx.execute(PUT_OFF_RUNS, (due_at, now, msgspec.json.encode(sorted(account_ids)).decode()))


def resume_runs(tx: sqlite3.Connection, account_id: str, now: int, least: int) -> None:
    """Give an account's runs that should have ended their grace from now on, or `least` milliseconds."""
    tx.execute(RESUME_RUNS, {"account_id": account_id, "now": now, "least": least})


async def next_run_due(db: Database) -> int | None:
    """When the next open run should have ended (milliseconds)."""
    row = await db.fetch_one(NEXT_RUN_DUE)
    return None if row is None or row[0] is None else int(row[0])


async def deleted(db: Database, limit: int) -> list[int]:
    """Rows of deleted heartbeats that may still have history."""
    return [int(row[0]) for row in await db.fetch(DELETED, (limit,))]


async def retentions(db: Database, after: int, limit: int) -> Sequence[tuple[int, int]]:
    """(row, days to keep) of heartbeats behind row `after`, in their order."""
    return [(int(row[0]), int(row[1])) for row in await db.fetch(RETENTIONS, (after, limit))]


def forget_old(tx: sqlite3.Connection, heartbeats: Iterable[tuple[int, int]], limit: int) -> int:
    """Remove history of each (heartbeat, before) pair, up to `limit` lines each; how many went."""
    gone = 0
    for heartbeat, before in heartbeats:
        rows = [(row[0],) for row in tx.execute(OLD, (heartbeat, before, limit)).fetchall()]
        tx.executemany(FORGET_BODY, rows)
        tx.executemany(FORGET, rows)
        gone += len(rows)
    return gone


def forget_heartbeat(tx: sqlite3.Connection, heartbeat: int, limit: int) -> int:
    """Remove up to `limit` lines of a deleted heartbeat, at the end its days; how many lines went."""
    gone = forget_old(tx, [(heartbeat, 1 << 62)], limit)
    if gone < limit and days.forget(tx, "heartbeat", heartbeat, limit) < limit:
        forget_runs(tx, heartbeat)
        tx.execute(FORGOTTEN, (heartbeat,))
    return gone
