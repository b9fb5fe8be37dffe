"""The heartbeats table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from tickd import ids
from tickd.domain.expiry import Rhythm, Standing
from tickd.domain.heartbeats import Heartbeat, Options, seconds_of
from tickd.errors import Conflict
from tickd.store.accounts import IS_ACTIVE
from tickd.store.database import Database

_PLACE = ("id", "account_id", "name", "group_name", "slug", "public", "paused", "tags", "options")
_RHYTHM = ("interval_secs", "schedule", "timezone", "grace_secs", "failure_threshold")
_DOOR = ("allowed_ips", "max_pings_per_minute", "token", "short_token")
_STANDING = tuple(Standing.__struct_fields__)
_WRITABLE = (*_PLACE, *_RHYTHM, *_DOOR, *_STANDING, "metrics", "created_at", "updated_at")
COLUMNS = ("row", *_WRITABLE, "checks_total", "checks_failed")
"""Every column that is a field of Heartbeat."""

_ALL = ", ".join(COLUMNS)
GET = f"SELECT {_ALL} FROM heartbeats WHERE account_id = ? AND id = ?"  # noqa: S608
GET_ROW = f"SELECT {_ALL} FROM heartbeats WHERE row = ?"  # noqa: S608
BY_ID = f"SELECT {_ALL} FROM heartbeats WHERE id = ? AND {IS_ACTIVE}"  # noqa: S608
OF_ACCOUNT = f"SELECT {_ALL} FROM heartbeats WHERE account_id = ? ORDER BY name, row"  # noqa: S608
INSERT = (
    f"INSERT INTO heartbeats ({', '.join(_WRITABLE)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_WRITABLE))}) RETURNING row"
)
UPDATE = f"UPDATE heartbeats SET {', '.join(name + ' = ?' for name in _WRITABLE)} WHERE row = ?"  # noqa: S608
DELETE = "DELETE FROM heartbeats WHERE account_id = ? AND id = ? RETURNING row"
DOOM = "INSERT INTO deleted_heartbeats (row) VALUES (?)"
SLUG_TAKEN = "SELECT 1 FROM monitors WHERE slug = ?"
TOKEN_TAKEN = "SELECT 1 FROM heartbeats WHERE short_token IN (?, ?) AND row <> ?"  # noqa: S105
DOORS = (
    "SELECT row, id, account_id, short_token, allowed_ips, max_pings_per_minute FROM heartbeats "
    "WHERE row > ? ORDER BY row LIMIT ?"
)
STATES = (
    "SELECT CASE WHEN paused THEN 'paused' WHEN failing OR state = 'down' THEN state "
    "WHEN consecutive_misses OR expected_at < ? THEN 'late' ELSE state END AS shown, count(*) "
    "FROM heartbeats GROUP BY shown"
)
_PULSE = ("paused", "name", *_RHYTHM, *_STANDING, "open_runs")
PULSE = f"SELECT {', '.join(_PULSE)} FROM heartbeats WHERE row = ?"  # noqa: S608
SET_PULSE = (
    f"UPDATE heartbeats SET {', '.join(name + ' = ?' for name in _STANDING)}, "  # noqa: S608
    "open_runs = open_runs + ?, checks_total = checks_total + ?, checks_failed = checks_failed + ? "
    "WHERE row = ?"
)
# The rule of a plain ping for a heartbeat that is well and keeps an interval, in one statement: most pings
# are that, and reading the heartbeat takes longer than all the rest.
STAY_UP = (
    "UPDATE heartbeats SET base_at = ?1, expected_at = ?1 + 1000 * interval_secs, "
    "due_at = ?1 + 1000 * (interval_secs + grace_secs), last_pinged_at = ?1, checks_total = checks_total + 1 "
    "WHERE row = ?2 AND state = 'up' AND NOT failing AND consecutive_misses = 0 AND open_runs = 0 "
    "AND NOT paused AND schedule = '' AND last_pinged_at <= ?1 "
    # So the deadline only moves away, and nobody who sleeps until then has to know.
    "AND due_at <= ?1 + 1000 * (interval_secs + grace_secs)"
)
ADD_RUNS = "UPDATE heartbeats SET open_runs = open_runs + ? WHERE row = ?"
SET_METRICS = "UPDATE heartbeats SET metrics = ? WHERE row = ?"
DUE = (
    f"SELECT row, id, {', '.join(_PULSE)} FROM heartbeats "  # noqa: S608
    "WHERE due_at <= ? ORDER BY due_at LIMIT ?"
)
DOUBTFUL = (
    f"SELECT row, id, {', '.join(_PULSE)} FROM heartbeats "  # noqa: S608
    "WHERE due_at >= :after AND (due_at <= :until OR expected_at BETWEEN :since AND :until) "
    "AND due_at < :now + max(:least, 1000 * grace_secs) ORDER BY due_at LIMIT :limit"
)
# The plus keeps SQLite from reading all heartbeats of these accounts for the few that are due.
PUT_OFF = (
    "UPDATE heartbeats SET due_at = ? WHERE due_at <= ? AND +account_id IN (SELECT value FROM json_each(?))"
)
# Where a ping has come since, the deadline was set anew.
RESUME = (
    "UPDATE heartbeats SET due_at = :now + max(:least, 1000 * grace_secs) "
    "WHERE account_id = :account_id AND due_at IS NOT NULL AND NOT paused "
    "AND expected_at + 1000 * grace_secs <= :now RETURNING row, due_at"
)
NEXT_DUE = "SELECT min(due_at) FROM heartbeats WHERE due_at IS NOT NULL"
_FILTERS = (
    "account_id = :account_id "
    "AND (:status IS NULL OR iif(paused, 'paused', iif(failing, 'failing', 'active')) = :status) "
    "AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag)) "
    "AND (:group IS NULL OR group_name = :group)"
)
PAGE = f"SELECT {_ALL} FROM heartbeats WHERE {_FILTERS} ORDER BY name, row LIMIT :limit OFFSET :offset"  # noqa: S608
TOTAL = f"SELECT count(*) FROM heartbeats WHERE {_FILTERS}"  # noqa: S608

_OPTIONS = msgspec.json.Decoder(Options)
_TEXTS = msgspec.json.Decoder(tuple[str, ...])
_METRICS = msgspec.json.Decoder(dict[str, float])


class Pulse(NamedTuple):
    """What a ping or a silence needs to know of a heartbeat, and nothing more."""

    row: int
    paused: bool
    name: str
    rhythm: Rhythm
    standing: Standing
    open_runs: int


class Overdue(NamedTuple):
    """A heartbeat whose deadline has passed."""

    id: str
    pulse: Pulse


def from_row(row: sqlite3.Row) -> Heartbeat:
    """The Heartbeat that a row of `COLUMNS` holds."""
    same = {name: row[name] for name in ("row", "id", "account_id", "name", "slug", *_RHYTHM)}
    rest = ("max_pings_per_minute", "token", "short_token", "checks_total", "checks_failed")
    return Heartbeat(
        **same,
        **{name: row[name] for name in (*rest, "created_at", "updated_at")},
        group=row["group_name"],
        public=bool(row["public"]),
        paused=bool(row["paused"]),
        tags=_TEXTS.decode(row["tags"]),
        options=_OPTIONS.decode(row["options"]),
        allowed_ips=_TEXTS.decode(row["allowed_ips"]),
        standing=_standing([row[name] for name in _STANDING]),
        metrics=_METRICS.decode(row["metrics"]),
    )


def _standing(values: Sequence[object]) -> Standing:
    state, failing, *rest = values
    return Standing(state, bool(failing), *rest)  # type: ignore[arg-type]


def _values(heartbeat: Heartbeat) -> list[object]:
    values = msgspec.structs.asdict(heartbeat) | msgspec.structs.asdict(heartbeat.standing)
    values["group_name"] = heartbeat.group
    for name in ("tags", "options", "allowed_ips", "metrics"):
        values[name] = msgspec.json.encode(values[name]).decode()
    return [values[name] for name in _WRITABLE]


async def get(db: Database, account_id: str, identifier: str) -> Heartbeat | None:
    """The account's heartbeat of that id."""
    row = await db.fetch_one(GET, (account_id, identifier))
    return None if row is None else from_row(row)


async def by_id(db: Database, identifier: str) -> Heartbeat | None:
    """The heartbeat of that id, whoever's it is; None where the account is suspended."""
    row = await db.fetch_one(BY_ID, (identifier,))
    return None if row is None else from_row(row)


async def of_account(db: Database, account_id: str) -> list[Heartbeat]:
    """All heartbeats of the account, by name."""
    return [from_row(row) for row in await db.fetch(OF_ACCOUNT, (account_id,))]


async def page(
    db: Database, account_id: str, filters: dict[str, str | None], *, limit: int, offset: int
) -> tuple[list[Heartbeat], int]:
    """One page of an account's heartbeats by name, and how many there are; filters: status tag group."""
    wanted = {"status": None, "tag": None, "group": None} | filters
    wanted_page = {**wanted, "account_id": account_id, "limit": limit, "offset": offset}
    rows = await db.fetch(PAGE, wanted_page)
    total = await db.fetch(TOTAL, wanted_page)
    return [from_row(row) for row in rows], int(total[0][0])


async def doors(
    db: Database, after: int, limit: int
) -> list[tuple[int, str, str, str, tuple[str, ...], int]]:
    """(row, id, account, short token, allowed addresses, pings a minute) of heartbeats behind row `after`."""
    rows = await db.fetch(DOORS, (after, limit))
    return [(row[0], row[1], row[2], row[3], _TEXTS.decode(row[4]), row[5]) for row in rows]


async def states(db: Database, now: int) -> dict[str, int]:
    """How many heartbeats are in each state, over all accounts."""
    return {str(row[0]): int(row[1]) for row in await db.fetch(STATES, (now,))}


async def next_due(db: Database) -> int | None:
    """When the next silence becomes a miss (milliseconds)."""
    row = await db.fetch_one(NEXT_DUE)
    return None if row is None or row[0] is None else int(row[0])


def find(tx: sqlite3.Connection, account_id: str, identifier: str) -> Heartbeat | None:
    """`get`, inside a unit of the writer."""
    row = tx.execute(GET, (account_id, identifier)).fetchone()
    return None if row is None else from_row(row)


def find_row(tx: sqlite3.Connection, row_number: int) -> Heartbeat | None:
    """The heartbeat of that row, inside a unit of the writer."""
    row = tx.execute(GET_ROW, (row_number,)).fetchone()
    return None if row is None else from_row(row)


def insert(tx: sqlite3.Connection, heartbeat: Heartbeat) -> Heartbeat:
    """Store a new heartbeat; it comes back with its row. Conflict when its slug or token is taken."""
    _check_slug(tx, heartbeat)
    _check_token(tx, heartbeat)
    try:
        (row,) = tx.execute(INSERT, _values(heartbeat)).fetchone()
    except sqlite3.IntegrityError as error:
        raise _taken(heartbeat) from error
    return msgspec.structs.replace(heartbeat, row=row)


def update(tx: sqlite3.Connection, heartbeat: Heartbeat) -> None:
    """Store an edited heartbeat; Conflict when its slug or token is taken."""
    _check_slug(tx, heartbeat)
    _check_token(tx, heartbeat)
    try:
        tx.execute(UPDATE, [*_values(heartbeat), heartbeat.row])
    except sqlite3.IntegrityError as error:
        raise _taken(heartbeat) from error


def _check_slug(tx: sqlite3.Connection, heartbeat: Heartbeat) -> None:
    if tx.execute(SLUG_TAKEN, (heartbeat.slug,)).fetchone():
        raise _taken(heartbeat)


def _check_token(tx: sqlite3.Connection, heartbeat: Heartbeat) -> None:
    # One from another service may be as long as a short one, and read as one.
    as_short = heartbeat.token if len(heartbeat.token) == ids.SHORT_LETTERS else heartbeat.short_token
    if tx.execute(TOKEN_TAKEN, (heartbeat.short_token, as_short, heartbeat.row)).fetchone():
        raise Conflict("token is taken: it must be another one")


def _taken(heartbeat: Heartbeat) -> Conflict:
    return Conflict(f"slug is taken: something else is at /s/{heartbeat.slug}")


def delete(tx: sqlite3.Connection, account_id: str, identifier: str) -> int | None:
    """Delete the heartbeat and return its row; None when the account has none such. Upkeep does the rest."""
    gone = tx.execute(DELETE, (account_id, identifier)).fetchone()
    if gone is None:
        return None
    tx.execute(DOOM, (gone[0],))
    return int(gone[0])


def pulse(tx: sqlite3.Connection, row_number: int) -> Pulse | None:
    """What a ping needs to know of a heartbeat; None when it has been deleted."""
    row = tx.execute(PULSE, (row_number,)).fetchone()
    return None if row is None else _pulse(row_number, tuple(row))


def _pulse(row_number: int, values: tuple[object, ...]) -> Pulse:
    paused, name, interval, schedule, zone, grace, threshold, *rest = values
    expression = "" if not schedule or seconds_of(str(schedule)) else schedule
    rhythm = Rhythm(interval, expression, zone, grace, threshold)  # type: ignore[arg-type]
    return Pulse(row_number, bool(paused), str(name), rhythm, _standing(rest[:-1]), rest[-1])  # type: ignore[arg-type]


def stay_up(tx: sqlite3.Connection, row_number: int, at: int) -> bool:
    """Plan on from a success at `at`; False where it takes the whole rule."""
    return tx.execute(STAY_UP, (at, row_number)).rowcount == 1


def set_pulse(
    tx: sqlite3.Connection,
    row_number: int,
    standing: Standing,
    *,
    runs: int = 0,
    checks: int = 0,
    failed: int = 0,
) -> None:
    """Store a standing, and by how much the counts have grown."""
    values = [getattr(standing, name) for name in _STANDING]
    tx.execute(SET_PULSE, (*values, runs, checks, failed, row_number))


def add_runs(tx: sqlite3.Connection, row_number: int, change: int) -> None:
    """Store by how much the open runs have grown."""
    tx.execute(ADD_RUNS, (change, row_number))


def set_metrics(tx: sqlite3.Connection, row_number: int, metrics: dict[str, float]) -> None:
    """Store the latest metrics."""
    tx.execute(SET_METRICS, (msgspec.json.encode(metrics).decode(), row_number))


def doubtful(
    tx: sqlite3.Connection, after: int, since: int, until: int, now: int, least: int, limit: int
) -> list[Overdue]:
    """Heartbeats whose ping may have been lost between `since` and `until`, their deadlines from `after` on.

    Those whose deadline passed by then, and those of which a ping was expected in that time and that have
    less than their grace, or `least` milliseconds, from now. The earliest first.
    """
    wanted = {"after": after, "since": since, "until": until, "now": now, "least": least, "limit": limit}
    rows = tx.execute(DOUBTFUL, wanted).fetchall()
    return [Overdue(row[1], _pulse(row[0], tuple(row)[2:])) for row in rows]


def put_off(tx: sqlite3.Connection, account_ids: Iterable[str], now: int, due_at: int) -> None:
    """Put off the deadlines of these accounts that have passed by `now`."""
    tx.execute(PUT_OFF, (due_at, now, msgspec.json.encode(sorted(account_ids)).decode()))


def resume(tx: sqlite3.Connection, account_id: str, now: int, least: int) -> list[tuple[int, int]]:
    """Give what is overdue in an account its grace from now on, or `least` milliseconds; (row, deadline)."""
    wanted = {"account_id": account_id, "now": now, "least": least}
    return [(row, due_at) for row, due_at in tx.execute(RESUME, wanted).fetchall()]


def due(tx: sqlite3.Connection, now: int, limit: int) -> list[Overdue]:
    """Heartbeats whose deadline has passed by `now`, the earliest first."""
    rows = tx.execute(DUE, (now, limit)).fetchall()
    return [Overdue(row[1], _pulse(row[0], tuple(row)[2:])) for row in rows]
