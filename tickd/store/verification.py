"""The history of verified e-mail addresses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from tickd.domain.verification import Unknown, Verification
from tickd.store.database import Database

_WRITABLE = tuple(name for name in Verification.__struct_fields__ if name != "row")
COLUMNS = ("row", *_WRITABLE)
_ALL = ", ".join(COLUMNS)
_FLAGS = ("valid", "mx_found", "disposable", "role_based")
_UNKNOWN = msgspec.json.Decoder(list[Unknown])

INSERT = (
    f"INSERT INTO verifications ({', '.join(_WRITABLE)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_WRITABLE))})"
)
_OF_ACCOUNT = {None: "account_id = :account", True: "account_id = :account AND valid = 1"}
_OF_ACCOUNT[False] = "account_id = :account AND valid = 0"
_NEWEST_FIRST = "ORDER BY created_at DESC, row DESC"
PAGE = {
    valid: f"SELECT {_ALL} FROM verifications WHERE {of} {_NEWEST_FIRST} LIMIT :limit OFFSET :offset"  # noqa: S608
    for valid, of in _OF_ACCOUNT.items()
}
COUNT = {valid: f"SELECT count(*) FROM verifications WHERE {of}" for valid, of in _OF_ACCOUNT.items()}  # noqa: S608
# What comes or goes while somebody reads on moves nothing: the place is a row, and the newest row is set.
SLICE = {
    valid: f"SELECT {_ALL} FROM verifications WHERE {of} "  # noqa: S608
    f"AND (created_at, row) < (:at, :row) AND row <= :newest {_NEWEST_FIRST} LIMIT :limit"
    for valid, of in _OF_ACCOUNT.items()
}
ADDRESSES = (
    "SELECT created_at, row, email FROM verifications WHERE account_id = :account "  # noqa: S608
    f"AND (created_at, row) < (:at, :row) {_NEWEST_FIRST} LIMIT :limit"
)
NEWEST = "SELECT coalesce(max(row), 0) FROM verifications"
GET = f"SELECT {_ALL} FROM verifications WHERE id = ? AND account_id = ?"  # noqa: S608
OF_BATCH = (
    f"SELECT {_ALL} FROM verifications WHERE batch = ? AND position >= ? AND position < ? "  # noqa: S608
    "ORDER BY position"
)
COUNTS_OF_BATCH = (
    "SELECT coalesce(sum(valid), 0), count(*) - coalesce(sum(valid), 0) FROM verifications WHERE batch = ?"
)
DELETE = "DELETE FROM verifications WHERE id = ? AND account_id = ?"
DELETE_ROW = "DELETE FROM verifications WHERE row = ?"
DELETE_SLICE = (
    "DELETE FROM verifications WHERE row IN "
    "(SELECT row FROM verifications WHERE account_id = ? AND row <= ? LIMIT ?)"
)
# Batches that hold addresses which nothing was found out about.
WITH_UNKNOWN = (
    "SELECT row, unknown FROM verification_batches WHERE account_id = ? AND row > ? "
    "AND finished_at IS NOT NULL AND unknown <> '[]' ORDER BY row LIMIT ?"
)
SET_UNKNOWN = "UPDATE verification_batches SET unknown = ? WHERE row = ?"

# By the account's own retention, and by its index; CROSS JOIN, so that SQLite goes by accounts.
FORGET_OLD = (
    "DELETE FROM verifications WHERE row IN (SELECT verifications.row FROM accounts "
    "CROSS JOIN verifications ON verifications.account_id = accounts.id "
    "AND verifications.created_at < ?1 - 86400000 * accounts.retention_days LIMIT ?2)"
)


class Place(NamedTuple):
    """Where a verification stands in the history."""

    created_at: int
    row: int


FIRST = Place(1 << 62, 1 << 62)
"""The place before the newest verification."""


class Address(NamedTuple):
    """An address of the history, and where it stands."""

    place: Place
    email: str


def from_row(row: Sequence[object]) -> Verification:
    """The Verification that a row of `COLUMNS` holds."""
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    values |= {name: bool(values[name]) for name in _FLAGS}
    return Verification(**values)


def insert(tx: sqlite3.Connection, items: Sequence[Verification]) -> None:
    """Store verifications, in their order."""
    tx.executemany(INSERT, [[getattr(one, name) for name in _WRITABLE] for one in items])


async def page(
    db: Database, account_id: str, *, valid: bool | None, limit: int, offset: int
) -> tuple[list[Verification], int]:
    """A page of the account's verifications, newest first, and how many there are in all."""
    wanted = {"account": account_id, "limit": limit, "offset": offset}
    found = await db.fetch(PAGE[valid], wanted)
    counted = await db.fetch(COUNT[valid], {"account": account_id})
    return [from_row(row) for row in found], int(counted[0][0])


async def newest(db: Database) -> int:
    """The row of the newest verification of all, 0 when there is none."""
    return int((await db.fetch(NEWEST))[0][0])


async def before(
    db: Database, account_id: str, place: Place, *, valid: bool | None, newest: int, limit: int
) -> list[Verification]:
    """The account's verifications behind `place`, newest first, without those after the row `newest`."""
    wanted = {"account": account_id, "at": place.created_at, "row": place.row, "newest": newest}
    wanted["limit"] = limit
    return [from_row(row) for row in await db.fetch(SLICE[valid], wanted)]


async def addresses(db: Database, account_id: str, place: Place, limit: int) -> list[Address]:
    """The account's addresses behind `place`, newest first."""
    wanted = {"account": account_id, "at": place.created_at, "row": place.row, "limit": limit}
    return [Address(Place(at, row), email) for at, row, email in await db.fetch(ADDRESSES, wanted)]


async def get(db: Database, account_id: str, identifier: str) -> Verification | None:
    """The account's verification of that id."""
    row = await db.fetch_one(GET, (identifier, account_id))
    return None if row is None else from_row(row)


async def of_batch(db: Database, batch_row: int, first: int, count: int) -> list[Verification]:
    """What is kept of a batch's places from `first` on, `count` of them, in their order."""
    return [from_row(row) for row in await db.fetch(OF_BATCH, (batch_row, first, first + count))]


async def counts_of_batch(db: Database, batch_row: int) -> tuple[int, int]:
    """How many of a batch's kept addresses are valid, and how many are not."""
    valid, invalid = (await db.fetch(COUNTS_OF_BATCH, (batch_row,)))[0]
    return int(valid), int(invalid)


def delete(tx: sqlite3.Connection, account_id: str, identifier: str) -> bool:
    """Remove a verification; whether there was one."""
    return tx.execute(DELETE, (identifier, account_id)).rowcount > 0


def delete_rows(tx: sqlite3.Connection, rows: Iterable[int]) -> int:
    """Remove verifications by their rows; how many were there."""
    return tx.executemany(DELETE_ROW, [(row,) for row in rows]).rowcount


def delete_slice(tx: sqlite3.Connection, account_id: str, newest: int, limit: int) -> int:
    """Remove up to `limit` of the account's verifications, none after the row `newest`; how many went."""
    return tx.execute(DELETE_SLICE, (account_id, newest, limit)).rowcount


def batches_with_unknown(
    tx: sqlite3.Connection, account_id: str, after: int, limit: int
) -> list[tuple[int, list[Unknown]]]:
    """The account's ended batches behind row `after` that have addresses nothing was found out about."""
    found = tx.execute(WITH_UNKNOWN, (account_id, after, limit)).fetchall()
    return [(int(row), _UNKNOWN.decode(unknown)) for row, unknown in found]


def set_unknown(tx: sqlite3.Connection, batch_row: int, unknown: Sequence[Unknown]) -> None:
    """Store what is left of a batch's addresses that nothing was found out about."""
    tx.execute(SET_UNKNOWN, (msgspec.json.encode(unknown).decode(), batch_row))


def forget_old(tx: sqlite3.Connection, before: Iterable[tuple[int, int]], most: int) -> int:
    """Remove verifications past their account's retention as of the moments of `before`; how many."""
    removed = 0
    for _, now in before:
        removed += tx.execute(FORGET_OLD, (now, most - removed)).rowcount
    return removed
