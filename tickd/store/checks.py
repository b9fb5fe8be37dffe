"""Checks: the log they are appended to, the table of their day, and the mark between the two."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tickd.domain import times
from tickd.domain.checks import IN_MAINTENANCE, STATUSES, Check, status_of, stored_status
from tickd.store.database import Database

_Optional = int | None
Row = tuple[
    *tuple[int, int, int, int, int],
    *tuple[_Optional, _Optional, _Optional, _Optional, _Optional, _Optional, _Optional],
    str | None,
]
"""A row of the log: seq, monitor, at, the stored status, held, then the rest of `COLUMNS`."""

Scanned = tuple[int, int, int, int, int, int | None]
"""What a rollup needs of a row: seq, monitor, at, status, held, duration."""

DONE = (1 << 63) - 1
"""`Pass.done` when all monitors are: no row is behind it."""

_SAID = (
    "status",
    "held",
    "code",
    "duration",
    "dns",
    "connect",
    "tls",
    "first_byte",
    "ssl_expires_at",
    "error",
)
COLUMNS = ("seq", "monitor", "at", *_SAID)
"""Every column of the log, in its order."""

# What one row is to blame for, and not the disk: it must not keep the others from being written.
_BAD_VALUE = (OverflowError, UnicodeError, sqlite3.IntegrityError, sqlite3.InterfaceError)
_ALL = ", ".join(COLUMNS)
_REST = ", ".join(_SAID)
_SCANNED = "seq, monitor, at, status, held, duration"
_ROLLED = "at >= ?3 AND at < ?4 AND seq <= ?5 AND monitor <= ?6"
_LISTED = "IN (SELECT value FROM json_each(?))"
# What counts in a lifetime: with the bit of the maintenance a status is none of these.
_COUNTED = ", ".join(str(STATUSES.index(name)) for name in STATUSES if name != "unknown")
_FAILED = ", ".join(str(STATUSES.index(name)) for name in ("down", "timeout"))

# Doing nothing for a row that is there, in either log, lets a lazy and an urgent unit hold the same row.
APPEND = (
    "INSERT OR IGNORE INTO check_log_{log} (" + _ALL + f") SELECT {', '.join('?' * len(COLUMNS))} "  # noqa: S608
    "WHERE NOT EXISTS (SELECT 1 FROM check_log_{other} WHERE seq = ?1)"
)
EDGES_OF = (
    "SELECT (SELECT min(seq) FROM check_log_{log}) AS first, (SELECT max(seq) FROM check_log_{log}) AS last"
)
EDGES = f"SELECT min(first), max(last) FROM ({EDGES_OF.format(log=0)} UNION ALL {EDGES_OF.format(log=1)})"  # noqa: S608
MARK = "SELECT number, hour, upto, done FROM check_pass"
NUMBER = "SELECT number FROM check_pass"


def _of_both(columns: str, condition: str) -> str:
    """A query of the two logs; the values of the condition are its numbered parameters."""
    return " UNION ALL ".join(
        f"SELECT {columns} FROM check_log_{log} WHERE {condition}"  # noqa: S608
        for log in (0, 1)
    )


COUNTED = (
    f"SELECT monitor, sum(status IN ({_COUNTED})), sum(status IN ({_FAILED})) FROM ("  # noqa: S608
    + _of_both("monitor, status", f"seq BETWEEN ?1 AND ?2 AND NOT ({_ROLLED})")
    + ") GROUP BY monitor"
)
SCAN = _of_both(_SCANNED, "seq BETWEEN ?1 AND ?2") + " ORDER BY seq LIMIT ?3"
SCAN_MONITORS = _of_both(_SCANNED, "seq BETWEEN ?1 AND ?2 AND monitor IN (SELECT value FROM json_each(?3))")
LIFETIMES = (
    "SELECT row, checks_total, checks_failed FROM monitors "
    "WHERE row > ? AND checks_total > 0 ORDER BY row LIMIT ?"
)
START = "UPDATE check_pass SET number = ?, hour = ?, upto = ?, done = 0 WHERE number = ?"
ADVANCE = "UPDATE check_pass SET done = ? WHERE number = ? AND done = ?"
END = "UPDATE check_pass SET hour = NULL WHERE number = ?"
COUNT_UP = (
    "UPDATE monitors SET checks_total = checks_total + ?, checks_failed = checks_failed + ? WHERE row = ?"
)
CARRY = (
    "INSERT OR IGNORE INTO check_log_{log} SELECT * FROM check_log_{other} "  # noqa: S608
    "WHERE seq BETWEEN ?1 AND ?2 AND NOT (" + _ROLLED + ")"
)
EMPTY = "DELETE FROM check_log_{other}"
DELETE_LOGGED = "DELETE FROM check_log_{log} WHERE seq " + _LISTED  # noqa: S608
FORGET = "INSERT INTO deleted_monitors (row) VALUES (?) ON CONFLICT DO NOTHING"
FORGOTTEN = "SELECT row FROM deleted_monitors ORDER BY row LIMIT 1"
END_FORGETTING = "DELETE FROM deleted_monitors WHERE row = ?"
DAYS = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'checks_[0-9]*'"
RETENTION = "SELECT max(raw_days), max(hourly_days) FROM check_retention"
RETENTION_OF = "SELECT raw_days FROM check_retention JOIN monitors USING (account_id) WHERE monitors.row = ?"

# A table a day, under one number: the hour of the day, the monitor (22 bits), the millisecond of the hour
# (22 bits). The hour leads, so that moving an hour only ever appends; a rowid is shorter than three columns
# and fills its pages, which WITHOUT ROWID does not: 32 bytes a check instead of 42.
CREATE_DAY = """
CREATE TABLE IF NOT EXISTS checks_{day} (
    place INTEGER PRIMARY KEY,
    status INTEGER NOT NULL,
    held INTEGER NOT NULL,
    code INTEGER,
    duration INTEGER,
    dns INTEGER,
    connect INTEGER,
    tls INTEGER,
    first_byte INTEGER,
    ssl_expires_at INTEGER,
    error TEXT
) STRICT
"""
DROP_DAY = "DROP TABLE IF EXISTS checks_{day}"
# CROSS JOIN keeps the order of the list: by monitor, then as they came. In SQLite <<, & and | bind alike.
MOVE = (
    "INSERT INTO checks_{day} (place, " + _REST + ") SELECT ? + (monitor << 22) + (at - ?), " + _REST + " "
    "FROM json_each(?) AS listed CROSS JOIN check_log_{other} ON seq = listed.value"
)
LOGGED = "SELECT " + _ALL + " FROM check_log_{other} WHERE seq " + _LISTED + " ORDER BY monitor, at, seq"  # noqa: S608
PUT = "INSERT INTO checks_{day} (place, " + _REST + f") VALUES (?, {', '.join('?' * len(_SAID))})"  # noqa: S608
TAKEN = "SELECT 1 FROM checks_{day} WHERE place = ?"
_OF_MONITOR = (
    "FROM json_each(?) AS hours CROSS JOIN checks_{day} "
    "WHERE place BETWEEN (hours.value << 44) + (? << 22) AND (hours.value << 44) + (? << 22) + 4194303"
)
DELETE_OF_DAY = "DELETE FROM checks_{day} WHERE place IN (SELECT place " + _OF_MONITOR + ")"  # noqa: S608
THIN_DAY = (
    "DELETE FROM checks_{day} WHERE place < (SELECT place FROM checks_{day} ORDER BY place LIMIT 1 OFFSET ?)"
)
_FROM_LOG = "SELECT 1, at, {columns} FROM check_log_{log} WHERE seq " + _LISTED  # noqa: S608
_FROM_DAY = "SELECT 1, {start} + (place >> 44) * 3600000 + (place & 4194303), {columns} " + _OF_MONITOR


class Pass(NamedTuple):
    """The hour that is being moved, or was last: rows with `seq` up to `upto`, monitors up to `done`."""

    number: int
    hour: int | None
    upto: int
    done: int

    def has_rolled(self, seq: int, monitor: int, at: int) -> bool:
        """Whether a row of the log is in the rollups already."""
        return at // times.HOUR == self.hour and seq <= self.upto and monitor <= self.done

    @property
    def rolled(self) -> tuple[int, int, int, int]:
        """The same as the values of a condition."""
        start = 0 if self.hour is None else self.hour * times.HOUR
        return start, start + (0 if self.hour is None else times.HOUR), self.upto, self.done


def to_row(seq: int, check: Check) -> Row:
    """A check as a row of the log."""
    return (
        seq,
        check.monitor,
        check.at,
        stored_status(check),
        check.held_ms,
        check.status_code,
        _tenths(check.duration_ms),
        _tenths(check.dns_ms),
        _tenths(check.connect_ms),
        _tenths(check.tls_ms),
        _tenths(check.first_byte_ms),
        check.ssl_expires_at,
        # A lone surrogate can't be stored, and would keep the rows behind it from being.
        check.error.encode("utf-8", "replace").decode() if check.error else None,
    )


def _tenths(ms: float | None) -> int | None:
    return None if ms is None else int(ms * 10 + 0.5)


def _ms(tenths: int | None) -> float | None:
    return None if tenths is None else tenths / 10


def to_check(monitor: int, at: int, said: Sequence[object]) -> Check:
    """A check out of its stored form, `said` being the columns behind `at`."""
    status, held, code, duration, dns, connect, tls, first_byte, ssl_expires_at, error = said
    return Check(
        monitor=monitor,
        at=at,
        status=status_of(status),  # type: ignore[arg-type]
        held_ms=held,  # type: ignore[arg-type]
        status_code=code,  # type: ignore[arg-type]
        duration_ms=_ms(duration),  # type: ignore[arg-type]
        dns_ms=_ms(dns),  # type: ignore[arg-type]
        connect_ms=_ms(connect),  # type: ignore[arg-type]
        tls_ms=_ms(tls),  # type: ignore[arg-type]
        first_byte_ms=_ms(first_byte),  # type: ignore[arg-type]
        ssl_expires_at=ssl_expires_at,  # type: ignore[arg-type]
        error=error or "",  # type: ignore[arg-type]
        maintenance=status >= IN_MAINTENANCE,  # type: ignore[operator]
    )


def _logs(tx: sqlite3.Connection) -> dict[str, int]:
    """Which log is added to, and which is the other."""
    (number,) = tx.execute(NUMBER).fetchone()
    return {"log": number % 2, "other": 1 - number % 2}


def append(tx: sqlite3.Connection, rows: Sequence[Row]) -> list[int]:
    """Write rows to the log, those that are there already stay; the seqs of those that can't be stored."""
    sql = APPEND.format(**_logs(tx))
    try:
        tx.executemany(sql, rows)
    except _BAD_VALUE:
        return [row[0] for row in rows if not _append_one(tx, sql, row)]
    return []


def _append_one(tx: sqlite3.Connection, sql: str, row: Row) -> bool:
    try:
        tx.execute(sql, row)
    except _BAD_VALUE:
        return False
    return True


async def edges(db: Database, *, log: int | None = None) -> tuple[int, int]:
    """The first and the last seq in that log, or in both; (1, 0) when it is empty."""
    first, last = (await db.fetch(EDGES if log is None else EDGES_OF.format(log=log)))[0]
    return (1, 0) if last is None else (first, last)


async def last_pass(db: Database) -> Pass:
    """The mark between log and rollups."""
    return Pass(*(await db.fetch(MARK))[0])


async def counted(db: Database, first: int, last: int, mark: Pass) -> list[tuple[int, int, int]]:
    """(monitor, checks that count, failed ones) of the rows of the log that are not rolled yet."""
    return [tuple(row) for row in await db.fetch(COUNTED, (first, last, *mark.rolled))]


async def scan(db: Database, first: int, last: int, limit: int) -> list[Scanned]:
    """(seq, monitor, at, status, held, duration) of the log's rows in their order."""
    return [tuple(row) for row in await db.fetch(SCAN, (first, last, limit))]


async def scan_monitors(db: Database, first: int, last: int, monitors: Sequence[int]) -> list[Scanned]:
    """The same of these monitors alone. It reads the whole range: for the moments after a start."""
    found = await db.fetch(SCAN_MONITORS, (first, last, json.dumps(monitors)))
    return [tuple(row) for row in found]


async def lifetimes(db: Database, after: int, limit: int) -> list[tuple[int, int, int]]:
    """(row, checks, failed) of monitors behind row `after`: what is rolled up of them."""
    return [tuple(row) for row in await db.fetch(LIFETIMES, (after, limit))]


async def days(db: Database) -> set[int]:
    """The days that have a table."""
    return {int(row[0].removeprefix("checks_")) for row in await db.fetch(DAYS)}


async def longest(db: Database) -> tuple[int, int]:
    """The longest that any account of its own keeps checks, and hours, in days; 0 without one."""
    raw, hourly = (await db.fetch(RETENTION))[0]
    return raw or 0, hourly or 0


async def retention_of(db: Database, monitor: int) -> int | None:
    """How many days the monitor's account keeps checks, where it says so."""
    row = await db.fetch_one(RETENTION_OF, (monitor,))
    return None if row is None else int(row[0])


async def forgotten(db: Database) -> int | None:
    """A deleted monitor whose history is still there."""
    row = await db.fetch_one(FORGOTTEN)
    return None if row is None else int(row[0])


async def rows(
    db: Database,
    monitor: int,
    *,
    seqs: Sequence[int],
    hours: Mapping[int, Sequence[int]],
    columns: Sequence[str] = _SAID,
    status: int | None = None,
) -> tuple[Pass, dict[int, tuple[object, ...]]]:
    """A monitor's checks by `at`: `seqs` of the log, and `hours` of the day by day; one view of the file."""
    mark_columns = ", ".join(["0, number, hour, upto, done", *["NULL"] * (len(columns) - 3)])
    names = ", ".join(columns)
    also = "" if status is None else f" AND status % {IN_MAINTENANCE} = {status:d}"
    parts = [f"SELECT {mark_columns} FROM check_pass"]  # noqa: S608
    values: list[object] = []
    if seqs:
        parts += [_FROM_LOG.format(columns=names, log=log) + also for log in (0, 1)]
        values += [json.dumps(seqs)] * 2
    for day, wanted in hours.items():
        parts.append(_FROM_DAY.format(columns=names, day=day, start=day * times.DAY) + also)
        values += [json.dumps(wanted), monitor, monitor]
    mark: Pass | None = None
    found: dict[int, tuple[object, ...]] = {}
    for kind, at, *said in await db.fetch(" UNION ALL ".join(parts), values):
        if kind:
            found[at] = tuple(said)
        else:
            mark = Pass(at, *said[:3])
    assert mark is not None  # noqa: RUF100, S101
    return mark, found


def start_pass(tx: sqlite3.Connection, number: int, hour: int, upto: int) -> None:
    """Begin to move an hour, and to add to the other log; done twice it changes nothing."""
    tx.execute(CREATE_DAY.format(day=hour // 24))
    tx.execute(START, (number, hour, upto, number - 1))


def advance(tx: sqlite3.Connection, number: int, before: int, done: int) -> bool:
    """Say that the monitors behind `before` up to `done` are moved; False when that was said before."""
    return tx.execute(ADVANCE, (done, number, before)).rowcount == 1


def move(tx: sqlite3.Connection, hour: int, seqs: Sequence[int]) -> None:
    """Copy rows of the log, all of that hour, into the table of its day."""
    listed, start = json.dumps(seqs), hour * times.HOUR
    tables = {"day": hour // 24, **_logs(tx)}
    try:
        tx.execute(MOVE.format(**tables), (hour % 24 << 44, start, listed))
    except sqlite3.IntegrityError:
        # Only after a restart with the clock put back: another check of the monitor has this millisecond.
        for _, monitor, at, *said in tx.execute(LOGGED.format(**tables), (listed,)).fetchall():
            place = _free(tx, hour // 24, hour % 24 << 44 | monitor << 22, at - start)
            tx.execute(PUT.format(**tables), (place, *said))


def _free(tx: sqlite3.Connection, day: int, first: int, ms: int) -> int:
    """The first free place at or behind that millisecond, from the hour's beginning on when there is none."""
    taken = TAKEN.format(day=day)
    while tx.execute(taken, (first | ms,)).fetchone():
        ms = (ms + 1) % times.HOUR
    return first | ms


def count_up(tx: sqlite3.Connection, counts: Iterable[tuple[int, int, int]]) -> None:
    """Add (checks, failed) to the lifetime of each monitor's row."""
    tx.executemany(COUNT_UP, counts)


def carry(tx: sqlite3.Connection, mark: Pass, first: int, last: int) -> None:
    """Copy what a moved hour's log holds in this range of other hours into the other log."""
    tx.execute(CARRY.format(**_logs(tx)), (first, last, *mark.rolled))


def end_pass(tx: sqlite3.Connection, number: int) -> None:
    """Empty the log of a moved hour, of which nothing is left to carry."""
    # Without a condition, the pages go back without being read row by row or written.
    tx.execute(EMPTY.format(**_logs(tx)))
    tx.execute(END, (number,))


def thin_day(tx: sqlite3.Connection, day: int, limit: int) -> int:
    """Delete up to `limit` checks of a day, the first ones; how many went."""
    return tx.execute(THIN_DAY.format(day=day), (limit,)).rowcount


def drop_day(tx: sqlite3.Connection, day: int) -> None:
    """Delete a day's checks with their table; SQLite reads all its pages for it."""
    tx.execute(DROP_DAY.format(day=day))


def forget(tx: sqlite3.Connection, monitor: int) -> None:
    """Say that a monitor's history is to go."""
    tx.execute(FORGET, (monitor,))


def delete_logged(tx: sqlite3.Connection, seqs: Sequence[int]) -> None:
    """Delete these rows of the log."""
    for log in (0, 1):
        tx.execute(DELETE_LOGGED.format(log=log), (json.dumps(seqs),))


def delete_of_day(tx: sqlite3.Connection, day: int, monitor: int) -> None:
    """Delete a monitor's checks of a day."""
    tx.execute(DELETE_OF_DAY.format(day=day), (json.dumps(list(range(24))), monitor, monitor))


def end_forgetting(tx: sqlite3.Connection, monitor: int) -> None:
    """Say that nothing is left of a deleted monitor."""
    tx.execute(END_FORGETTING, (monitor,))
