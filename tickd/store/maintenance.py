"""The maintenance table."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from tickd.domain.alerts import SubjectKind
from tickd.domain.weekly import Weekly
from tickd.domain.windows import Maintenance
from tickd.store.database import Database

_NAMED = {"all": "covers_all"}  # ALL is a word of SQL
FIELDS = tuple(Maintenance.__struct_fields__)
COLUMNS = tuple(_NAMED.get(name, name) for name in FIELDS)
"""Every column, in the order of the fields of Maintenance."""

_ALL = ", ".join(COLUMNS)
_WRITABLE = COLUMNS[1:]
GET = f"SELECT {_ALL} FROM maintenance WHERE account_id = ? AND id = ?"  # noqa: S608
EVERY = f"SELECT {_ALL} FROM maintenance WHERE row > ? ORDER BY row LIMIT ?"  # noqa: S608
OF_ACCOUNT = f"SELECT {_ALL} FROM maintenance WHERE account_id = ? ORDER BY name, row"  # noqa: S608
PAGE = OF_ACCOUNT + " LIMIT ? OFFSET ?"
TOTAL = "SELECT count(*) FROM maintenance WHERE account_id = ?"
INSERT = (
    f"INSERT INTO maintenance ({', '.join(_WRITABLE)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_WRITABLE))}) RETURNING row"
)
UPDATE = f"UPDATE maintenance SET {', '.join(name + ' = ?' for name in _WRITABLE)} WHERE row = ?"  # noqa: S608
DELETE = "DELETE FROM maintenance WHERE account_id = ? AND id = ?"
UNKNOWN = (
    "SELECT value FROM json_each(?1) AS listed "
    "WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE id = listed.value AND account_id = ?2) "
    "AND NOT EXISTS (SELECT 1 FROM monitors WHERE id = listed.value AND account_id = ?2) "
    "AND NOT EXISTS (SELECT 1 FROM heartbeats WHERE id = listed.value AND account_id = ?2)"
)

# A name may be anything; what it is of tells them apart.
_SUBJECTS = (
    "SELECT 'job' AS kind, id, name FROM jobs WHERE account_id = ?1 "
    "UNION ALL SELECT 'monitor', id, name FROM monitors WHERE account_id = ?1 "
    "UNION ALL SELECT 'heartbeat', id, name FROM heartbeats WHERE account_id = ?1"
)
SUBJECTS = f"{_SUBJECTS} ORDER BY kind, name COLLATE NOCASE, id"
NAMED = f"SELECT * FROM ({_SUBJECTS}) WHERE id IN (SELECT value FROM json_each(?2))"  # noqa: S608
TAGS = (
    "SELECT DISTINCT value FROM jobs, json_each(jobs.tags) WHERE account_id = ?1 "
    "UNION SELECT value FROM monitors, json_each(monitors.tags) WHERE account_id = ?1 "
    "UNION SELECT value FROM heartbeats, json_each(heartbeats.tags) WHERE account_id = ?1 ORDER BY 1"
)


class Named(NamedTuple):
    """A job, a monitor or a heartbeat as people know it."""

    kind: SubjectKind
    id: str
    name: str


def from_row(row: Sequence[object]) -> Maintenance:
    """The Maintenance that a row of `COLUMNS` holds."""
    values: dict[str, Any] = dict(zip(FIELDS, row, strict=True))
    for name in ("subjects", "tags"):
        values[name] = tuple(json.loads(values[name]))
    values["all"] = bool(values["all"])
    if values["weekly"] is not None:
        values["weekly"] = msgspec.json.decode(values["weekly"], type=Weekly)
    return Maintenance(**values)


def _to_row(one: Maintenance) -> list[object]:
    values = {name: getattr(one, name) for name in FIELDS[1:]}
    for name in ("subjects", "tags"):
        values[name] = msgspec.json.encode(values[name]).decode()
    if one.weekly is not None:
        values["weekly"] = msgspec.json.encode(one.weekly).decode()
    return list(values.values())


async def after(db: Database, row: int, limit: int) -> list[Maintenance]:
    """Whoever's there are, behind that row."""
    return [from_row(found) for found in await db.fetch(EVERY, (row, limit))]


async def get(db: Database, account_id: str, identifier: str) -> Maintenance | None:
    """The account's maintenance of that id."""
    row = await db.fetch_one(GET, (account_id, identifier))
    return None if row is None else from_row(row)


async def page(db: Database, account_id: str, *, limit: int, offset: int) -> tuple[list[Maintenance], int]:
    """One page of an account's maintenance by name, and how many there are in all."""
    rows = await db.fetch(PAGE, (account_id, limit, offset))
    total = await db.fetch(TOTAL, (account_id,))
    return [from_row(row) for row in rows], int(total[0][0])


async def of_account(db: Database, account_id: str) -> list[Maintenance]:
    """All of an account's maintenance, by name."""
    return [from_row(row) for row in await db.fetch(OF_ACCOUNT, (account_id,))]


async def subjects(db: Database, account_id: str) -> list[Named]:
    """All jobs, monitors and heartbeats of an account, by kind and name."""
    return [Named(*row) for row in await db.fetch(SUBJECTS, (account_id,))]


async def named(db: Database, account_id: str, identifiers: Sequence[str]) -> dict[str, Named]:
    """Those of these ids that there are."""
    rows = await db.fetch(NAMED, (account_id, json.dumps(identifiers)))
    return {row["id"]: Named(*row) for row in rows}


async def tags(db: Database, account_id: str) -> list[str]:
    """Every tag that something of the account has, in order."""
    return [row[0] for row in await db.fetch(TAGS, (account_id,))]


def find(tx: sqlite3.Connection, account_id: str, identifier: str) -> Maintenance | None:
    """`get`, inside a unit of the writer."""
    row = tx.execute(GET, (account_id, identifier)).fetchone()
    return None if row is None else from_row(row)


def all_of(tx: sqlite3.Connection, account_id: str) -> list[Maintenance]:
    """`of_account`, inside a unit of the writer."""
    return [from_row(row) for row in tx.execute(OF_ACCOUNT, (account_id,))]


def unknown_subject(tx: sqlite3.Connection, account_id: str, identifiers: Sequence[str]) -> str | None:
    """The first of these ids that is of no job, monitor or heartbeat of the account."""
    row = tx.execute(UNKNOWN, (json.dumps(identifiers), account_id)).fetchone()
    return None if row is None else str(row[0])


def insert(tx: sqlite3.Connection, one: Maintenance) -> Maintenance:
    """Store a new maintenance; it comes back with its row."""
    (row,) = tx.execute(INSERT, _to_row(one)).fetchone()
    return msgspec.structs.replace(one, row=row)


def update(tx: sqlite3.Connection, one: Maintenance) -> None:
    """Store a changed maintenance."""
    tx.execute(UPDATE, [*_to_row(one), one.row])


def delete(tx: sqlite3.Connection, account_id: str, identifier: str) -> bool:
    """Delete a maintenance; False where the account has none of that id."""
    return tx.execute(DELETE, (account_id, identifier)).rowcount == 1
