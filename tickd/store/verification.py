"""The history of verified e-mail addresses."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from tickd.domain import verification as rules
from tickd.domain.verification import Unknown, Verification
from tickd.store.database import Database

_WRITABLE = tuple(name for name in Verification.__struct_fields__ if name != "row")
COLUMNS = ("row", *_WRITABLE)
_ALL = ", ".join(COLUMNS)
_FLAGS = ("valid", "mx_found", "disposable", "role_based")
_EMAILS = msgspec.json.Decoder(list[str | None])
_UNKNOWN = msgspec.json.Decoder(list[Unknown])

INSERT = (
    f"INSERT INTO verifications ({', '.join(_WRITABLE)}, known_as) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_WRITABLE))}, ?)"
)
_NEWEST_FIRST = "ORDER BY created_at DESC, row DESC"


class Wanted(NamedTuple):
    """Which verifications of an account are meant: those that are valid or are not, those of an address."""

    account_id: str
    valid: bool | None = None
    email: str | None = None

    @property
    def of(self) -> str:
        """The table with its condition, which has the names of `values` in it, and the index for it."""
        # Left to itself SQLite would go through a whole account in the order of addresses: other pages each.
        index = "account" if self.valid is None else "validity"
        index = index if self.email is None else "address"
        table = f"verifications INDEXED BY verifications_by_{index} WHERE account_id = :account"
        if self.email is not None:
            table += " AND known_as = :known_as"
        return table if self.valid is None else f"{table} AND valid = :valid"

    @property
    def values(self) -> dict[str, object]:
        """What the condition is about."""
        known_as = None if self.email is None else rules.known_as(self.email)
        return {"account": self.account_id, "valid": self.valid, "known_as": known_as}


PAGE = f"SELECT {_ALL} FROM {{of}} {_NEWEST_FIRST} LIMIT :limit OFFSET :offset"  # noqa: S608
COUNT = "SELECT count(*) FROM {of}"
# What comes or goes while somebody reads on moves nothing: the place is a row, and the newest row is set.
SLICE = (
    f"SELECT {_ALL} FROM {{of}} "  # noqa: S608
    f"AND (created_at, row) < (:at, :row) AND row <= :newest {_NEWEST_FIRST} LIMIT :limit"
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
DELETE = "DELETE FROM verifications WHERE id = ? AND account_id = ? RETURNING batch, position"
DELETE_SLICE = (
    "DELETE FROM verifications WHERE row IN "
    "(SELECT row FROM {of} AND row <= :newest LIMIT :limit) RETURNING batch, position"
)
OPEN_EMAILS = (
    "SELECT CAST(emails AS BLOB) FROM verification_batches WHERE row = ? AND finished_at IS NULL "
    "AND emails IS NOT NULL"
)
SET_EMAILS = "UPDATE verification_batches SET emails = ? WHERE row = ?"
# Batches that hold addresses which nothing was found out about.
WITH_UNKNOWN = (
    "SELECT row, CAST(unknown AS BLOB) FROM verification_batches WHERE account_id = ? AND row > ? "
    "AND unknown <> '[]' ORDER BY row LIMIT ?"
)
SET_UNKNOWN = "UPDATE verification_batches SET unknown = ? WHERE row = ?"

# By the account's own retention, and by its index; CROSS JOIN, so that SQLite goes by accounts.
FORGET_OLD = (
    "DELETE FROM verifications WHERE row IN (SELECT verifications.row FROM accounts "
    "CROSS JOIN verifications ON verifications.account_id = accounts.id "
    "AND verifications.created_at < ?1 - 86400000 * accounts.retention_days LIMIT ?2) "
    "RETURNING batch, position"
)


class Place(NamedTuple):
    """Where a verification stands in the history."""

    created_at: int
    row: int


FIRST = Place(1 << 62, 1 << 62)
"""The place before the newest verification."""


def from_row(row: Sequence[object]) -> Verification:
    """The Verification that a row of `COLUMNS` holds."""
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    values |= {name: bool(values[name]) for name in _FLAGS}
    return Verification(**values)


def insert(tx: sqlite3.Connection, items: Sequence[Verification]) -> None:
    """Store verifications, in their order."""
    rows = [[*(getattr(one, name) for name in _WRITABLE), rules.known_as(one.email)] for one in items]
    tx.executemany(INSERT, rows)


async def page(db: Database, wanted: Wanted, *, limit: int, offset: int) -> tuple[list[Verification], int]:
    """A page of those verifications, newest first, and how many there are in all."""
    values = wanted.values
    found = await db.fetch(PAGE.format(of=wanted.of), values | {"limit": limit, "offset": offset})
    counted = await db.fetch(COUNT.format(of=wanted.of), values)
    return [from_row(row) for row in found], int(counted[0][0])


async def newest(db: Database) -> int:
    """The row of the newest verification of all, 0 when there is none."""
    return int((await db.fetch(NEWEST))[0][0])


async def before(
    db: Database, wanted: Wanted, place: Place, *, newest: int, limit: int
) -> list[Verification]:
    """Those verifications behind `place`, newest first, without those after the row `newest`."""
    where = {"at": place.created_at, "row": place.row, "newest": newest, "limit": limit}
    found = await db.fetch(SLICE.format(of=wanted.of), wanted.values | where)
    return [from_row(row) for row in found]


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
    return _gone(tx, tx.execute(DELETE, (identifier, account_id)).fetchall()) > 0


def delete_slice(tx: sqlite3.Connection, wanted: Wanted, newest: int, limit: int) -> int:
    """Remove up to `limit` of those verifications, none after the row `newest`; how many went."""
    values = wanted.values | {"newest": newest, "limit": limit}
    return _gone(tx, tx.execute(DELETE_SLICE.format(of=wanted.of), values).fetchall())


def strike(tx: sqlite3.Connection, batch_row: int, positions: Collection[int]) -> None:
    """Take addresses out of a batch's list while it has not ended, so that a restart leaves them alone."""
    found = tx.execute(OPEN_EMAILS, (batch_row,)).fetchone()
    if found is None:
        return
    try:
        emails = _EMAILS.decode(found[0])
    except (msgspec.MsgspecError, UnicodeError):
        return  # a restart can't read it either
    left = [None if place in positions else email for place, email in enumerate(emails)]
    tx.execute(SET_EMAILS, (msgspec.json.encode(left).decode(), batch_row))


def _gone(tx: sqlite3.Connection, found: Sequence[Sequence[int | None]]) -> int:
    """Strike what was removed out of its batches; how many there were."""
    places: dict[int, set[int]] = {}
    for batch, position in found:
        if batch is not None and position is not None:
            places.setdefault(batch, set()).add(position)
    for batch, positions in places.items():
        strike(tx, batch, positions)
    return len(found)


def batches_with_unknown(
    tx: sqlite3.Connection, account_id: str, after: int, limit: int
) -> list[tuple[int, list[Unknown]]]:
    """The account's batches behind row `after` that have addresses nothing was found out about."""
    found = tx.execute(WITH_UNKNOWN, (account_id, after, limit)).fetchall()
    return [(int(row), _unknown(unknown)) for row, unknown in found]


def _unknown(text: bytes) -> list[Unknown]:
    try:
        return _UNKNOWN.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return []  # damaged: nobody is shown it either


def set_unknown(tx: sqlite3.Connection, batch_row: int, unknown: Sequence[Unknown]) -> None:
    """Store what is left of a batch's addresses that nothing was found out about."""
    tx.execute(SET_UNKNOWN, (msgspec.json.encode(unknown).decode(), batch_row))


def forget_old(tx: sqlite3.Connection, before: Iterable[tuple[int, int]], most: int) -> int:
    """Remove verifications past their account's retention as of the moments of `before`; how many."""
    removed = 0
    for _, now in before:
        removed += _gone(tx, tx.execute(FORGET_OLD, (now, most - removed)).fetchall())
    return removed
