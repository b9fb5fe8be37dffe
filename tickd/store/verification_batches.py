"""The table of batches of addresses; their results are in that of verifications."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from tickd.domain.verification import Batch, Unknown
from tickd.store.database import Database

_COLUMNS = ("row", "id", "account_id", "total", "created_at", "finished_at", "valid", "invalid")
# In the end everything else is unknown, whatever of it was deleted since. Damaged text must not keep the
# others from being read.
_SO_FAR = "iif(json_valid(unknown), json_array_length(unknown), 0)"
_ALL = f"{', '.join(_COLUMNS)}, iif(finished_at IS NULL, {_SO_FAR}, total - valid - invalid) AS unknown_count"

INSERT = (
    "INSERT INTO verification_batches (id, account_id, total, emails, created_at) "
    "VALUES (?, ?, ?, ?, ?) RETURNING row"
)
# The plus keeps SQLite from going through all that the account ever had: few are open.
OPEN_OF_ACCOUNT = "SELECT count(*) FROM verification_batches WHERE finished_at IS NULL AND +account_id = ?"
OPEN = f"SELECT {_ALL} FROM verification_batches WHERE finished_at IS NULL ORDER BY row"  # noqa: S608
GET = f"SELECT {_ALL} FROM verification_batches WHERE account_id = ? AND id = ?"  # noqa: S608
BY_ROW = f"SELECT {_ALL} FROM verification_batches WHERE row = ?"  # noqa: S608
PAGE = (
    f"SELECT {_ALL} FROM verification_batches WHERE account_id = ? "  # noqa: S608
    "ORDER BY created_at DESC, row DESC LIMIT ? OFFSET ?"
)
TOTAL = "SELECT count(*) FROM verification_batches WHERE account_id = ?"
EMAILS = "SELECT CAST(emails AS BLOB) FROM verification_batches WHERE row = ?"
UNKNOWN = "SELECT CAST(unknown AS BLOB) FROM verification_batches WHERE row = ?"
PLACED = "SELECT position FROM verifications WHERE batch = ?"
# Added to: what is deleted meanwhile stays counted, and an entry of `unknown` that was blanked stays so.
COUNT = (
    "UPDATE verification_batches SET valid = valid + ?, invalid = invalid + ? "  # noqa: S608
    f"WHERE row = ? AND finished_at IS NULL RETURNING {_ALL}"
)
SET_UNKNOWN = "UPDATE verification_batches SET unknown = ? WHERE row = ?"
FINISH = (
    "UPDATE verification_batches SET finished_at = ?, emails = NULL WHERE row = ? AND finished_at IS NULL"
)
DELETE = f"DELETE FROM verification_batches WHERE account_id = ? AND id = ? RETURNING {_ALL}"  # noqa: S608
# Its results go first, by their own rule: none is lost with its batch before its time.
FORGET_OLD = (
    "DELETE FROM verification_batches WHERE row IN (SELECT batches.row FROM verification_batches AS batches "
    "JOIN accounts ON accounts.id = batches.account_id "
    "WHERE batches.finished_at < ?1 - 86400000 * accounts.retention_days "
    "AND NOT EXISTS (SELECT 1 FROM verifications WHERE verifications.batch = batches.row) LIMIT ?2)"
)

_EMAILS = msgspec.json.Decoder(list[str | None])
_UNKNOWN = msgspec.json.Decoder(list[Unknown])


def _batch(row: sqlite3.Row) -> Batch:
    batch = Batch(**{name: row[name] for name in _COLUMNS}, unknown=row["unknown_count"])
    return msgspec.structs.replace(batch, tried=batch.done)  # a run knows of more


def _unknown(found: sqlite3.Row | None) -> list[Unknown]:
    try:
        return [] if found is None else _UNKNOWN.decode(found[0])
    except (msgspec.MsgspecError, UnicodeError):
        return []


def insert(tx: sqlite3.Connection, batch: Batch, emails: Sequence[str]) -> Batch:
    """Store a new batch with its addresses; it comes back with its row."""
    text = msgspec.json.encode(emails).decode()
    values = (batch.id, batch.account_id, batch.total, text, batch.created_at)
    (row,) = tx.execute(INSERT, values).fetchone()
    return msgspec.structs.replace(batch, row=row)


def open_of(tx: sqlite3.Connection, account_id: str) -> int:
    """How many batches of the account have not ended."""
    return int(tx.execute(OPEN_OF_ACCOUNT, (account_id,)).fetchone()[0])


async def every_open(db: Database) -> list[Batch]:
    """The batches of all accounts that have not ended, in the order in which they came."""
    return [_batch(row) for row in await db.fetch(OPEN)]


async def get(db: Database, account_id: str, identifier: str) -> Batch | None:
    """The account's batch of that id."""
    row = await db.fetch_one(GET, (account_id, identifier))
    return None if row is None else _batch(row)


async def page(db: Database, account_id: str, *, limit: int, offset: int) -> tuple[list[Batch], int]:
    """One page of the account's batches, newest first, and how many there are in all."""
    rows = await db.fetch(PAGE, (account_id, limit, offset))
    total = await db.fetch(TOTAL, (account_id,))
    return [_batch(row) for row in rows], int(total[0][0])


async def emails(db: Database, row: int) -> list[str | None] | None:
    """The addresses of a batch that has not ended, None for one that was deleted since.

    None for all when they can't be read.
    """
    found = await db.fetch_one(EMAILS, (row,))
    try:
        return None if found is None or found[0] is None else _EMAILS.decode(found[0])
    except (msgspec.MsgspecError, UnicodeError):
        return None


async def unknown(db: Database, row: int) -> list[Unknown]:
    """Those addresses of a batch that nothing could be found out about, in the order in which it was tried.

    Without those that were deleted since; none when they can't be read.
    """
    return _unknown(await db.fetch_one(UNKNOWN, (row,)))


async def placed(db: Database, row: int) -> list[int]:
    """The places of a batch that have a result."""
    return [int(found[0]) for found in await db.fetch(PLACED, (row,))]


def record(
    tx: sqlite3.Connection, row: int, *, valid: int, invalid: int, unknown: Sequence[Unknown]
) -> Batch | None:
    """Count what came out of a batch since the last time; None when it was deleted or has ended."""
    if unknown:
        every = [*_unknown(tx.execute(UNKNOWN, (row,)).fetchone()), *unknown]
        tx.execute(SET_UNKNOWN, (msgspec.json.encode(every).decode(), row))
    found = tx.execute(COUNT, (valid, invalid, row)).fetchone()
    return None if found is None else _batch(found)


def finish(tx: sqlite3.Connection, row: int, now: int) -> bool:
    """End a batch, and forget its list of addresses; False when it was deleted or has ended."""
    return tx.execute(FINISH, (now, row)).rowcount == 1


def delete(tx: sqlite3.Connection, account_id: str, identifier: str) -> Batch | None:
    """Delete a batch with its results; None when the account has no such batch."""
    row = tx.execute(DELETE, (account_id, identifier)).fetchone()
    return None if row is None else _batch(row)


def forget_old(tx: sqlite3.Connection, before: Iterable[tuple[int, int]], most: int) -> int:
    """Remove batches past their account's retention as of the moments of `before`; how many."""
    removed = 0
    for _, now in before:
        removed += tx.execute(FORGET_OLD, (now, most - removed)).rowcount
    return removed
