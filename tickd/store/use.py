"""What accounts have and use of their limits; what is counted by the month has a table of its own."""

from __future__ import annotations

import sqlite3

from tickd.domain.limits import LIMIT_OF, LIMITS, MONTHS_KEPT, Limit, Noun, Use
from tickd.store.database import Database

MONTHLY: dict[str, Limit] = {
    "executions": "executions_per_month",
    "verifications": "verifications_per_month",
}
"""The columns that are counted by the month, and the limit of each."""
# The tables are named as what is in them. Nothing is counted where nothing is limited.
FULL = {
    noun: f"SELECT {limit} FROM accounts WHERE id = ?1 AND {limit} IS NOT NULL "  # noqa: S608
    f"AND (SELECT count(*) FROM {noun} WHERE account_id = ?1) >= {limit}"
    for noun, limit in LIMIT_OF.items()
}
LIMIT = {name: f"SELECT {name} FROM accounts WHERE id = ?" for name in LIMITS}  # noqa: S608
# In one statement, so that it is counted or it does not fit: the number of rows says which.
EXECUTION = (
    "INSERT INTO account_use (account_id, month, executions) SELECT id, ?2, 1 FROM accounts "
    "WHERE id = ?1 AND coalesce(executions_per_month, 1) > 0 "
    "ON CONFLICT (account_id, month) DO UPDATE SET executions = executions + 1 WHERE executions < "
    "(SELECT coalesce(executions_per_month, 9e18) FROM accounts WHERE accounts.id = account_use.account_id)"
)
VERIFICATIONS = (
    "INSERT INTO account_use (account_id, month, verifications) SELECT id, ?2, ?3 FROM accounts "
    "WHERE id = ?1 AND coalesce(verifications_per_month, ?3) >= ?3 "
    "ON CONFLICT (account_id, month) DO UPDATE SET verifications = verifications + ?3 "
    "WHERE verifications + ?3 <= (SELECT coalesce(verifications_per_month, 9e18) FROM accounts "
    "WHERE accounts.id = account_use.account_id)"
)
GIVE_BACK = {
    column: f"UPDATE account_use SET {column} = max(0, {column} - ?3) WHERE account_id = ?1 AND month = ?2"  # noqa: S608
    for column in MONTHLY
}
VERIFIED = "SELECT verifications FROM account_use WHERE account_id = ? AND month = ?"
USE = (
    "SELECT (SELECT count(*) FROM jobs WHERE account_id = ?1), "
    "(SELECT count(*) FROM monitors WHERE account_id = ?1), "
    "(SELECT count(*) FROM heartbeats WHERE account_id = ?1), "
    "coalesce((SELECT executions FROM account_use WHERE account_id = ?1 AND month = ?2), 0), "
    "coalesce((SELECT verifications FROM account_use WHERE account_id = ?1 AND month = ?2), 0)"
)
_COUNTED = "(SELECT count(*) FROM {} WHERE account_id = accounts.id)"
_USED = "coalesce((SELECT {} FROM account_use WHERE account_id = accounts.id AND month = ?1), 0)"
_HAS = {limit: _COUNTED.format(noun) for noun, limit in LIMIT_OF.items()}
_HAS |= {limit: _USED.format(column) for column, limit in MONTHLY.items()}
_FULL = (f"{limit} IS NOT NULL AND {has} >= {limit}" for limit, has in _HAS.items())
# Nothing is counted of an account without the limit, and most have none.
REACHED = f"SELECT {', '.join(f'count(*) FILTER (WHERE {full})' for full in _FULL)} FROM accounts"  # noqa: S608
SET = f"UPDATE accounts SET {', '.join(f'{name} = ?' for name in LIMITS)} WHERE id = ?"  # noqa: S608
# The latest ones, by their order and not by their age: a clock that was set far ahead for a moment must not
# wipe out this month.
FORGET = (
    "DELETE FROM account_use WHERE (account_id, month) IN (SELECT account_id, month FROM "
    "(SELECT account_id, month, row_number() OVER (PARTITION BY account_id ORDER BY month DESC) AS place "
    "FROM account_use) WHERE place > ? LIMIT ?)"
)


async def of_account(db: Database, account_id: str, month: int) -> Use:
    """What the account has, and what it used in the month that begins at `month`."""
    row = await db.fetch_one(USE, (account_id, month))
    return Use(0, 0, 0, 0, 0) if row is None else Use(*(int(value) for value in row))


async def reached(db: Database, month: int) -> dict[str, int]:
    """How many accounts have no room left, by the limit, in the month that begins at `month`."""
    row = await db.fetch_one(REACHED, (month,))
    return {} if row is None else dict(zip(_HAS, row, strict=True))


def full(tx: sqlite3.Connection, account_id: str, noun: Noun) -> int | None:
    """The account's limit where it has no room for one more, or None."""
    row = tx.execute(FULL[noun], (account_id,)).fetchone()
    return None if row is None else int(row[0])


def limit(tx: sqlite3.Connection, account_id: str, name: Limit) -> int | None:
    """One of the account's limits; None is unlimited."""
    row = tx.execute(LIMIT[name], (account_id,)).fetchone()
    return None if row is None else row[0]


def count_execution(tx: sqlite3.Connection, account_id: str, month: int) -> bool:
    """Count one run in the month; False, and nothing counted, when the limit is reached."""
    return tx.execute(EXECUTION, (account_id, month)).rowcount == 1


def give_back_executions(tx: sqlite3.Connection, account_id: str, month: int, count: int) -> None:
    """Take so many runs off the month's count."""
    tx.execute(GIVE_BACK["executions"], (account_id, month, count))


def count_verifications(tx: sqlite3.Connection, account_id: str, month: int, count: int) -> bool:
    """Count so many verifications in the month; False, and nothing counted, when they don't fit."""
    return tx.execute(VERIFICATIONS, (account_id, month, count)).rowcount == 1


def give_back_verifications(tx: sqlite3.Connection, account_id: str, month: int, count: int) -> None:
    """Take so many verifications off the month's count."""
    tx.execute(GIVE_BACK["verifications"], (account_id, month, count))


def verified(tx: sqlite3.Connection, account_id: str, month: int) -> int:
    """How many verifications were counted in the month."""
    row = tx.execute(VERIFIED, (account_id, month)).fetchone()
    return 0 if row is None else int(row[0])


def set_limits(tx: sqlite3.Connection, account_id: str, limits: dict[Limit, int | None]) -> None:
    """Store all of an account's limits."""
    tx.execute(SET, [*(limits[name] for name in LIMITS), account_id])


def forget_old(tx: sqlite3.Connection, most: int) -> int:
    """Remove up to `most` months, over all accounts, that came before those that are kept; how many went."""
    return tx.execute(FORGET, (MONTHS_KEPT, most)).rowcount
