"""Accounts, API keys, and the daemon's own facts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from tickd.domain.accounts import Account, ApiKey, Counted
from tickd.store.database import Database

_ACCOUNT = tuple(Account.__struct_fields__)
_KEY = tuple(ApiKey.__struct_fields__)
_KEYS = ", ".join(_KEY)

GET = f"SELECT {', '.join(_ACCOUNT)} FROM accounts WHERE id = ?"  # noqa: S608
ALL = f"SELECT {', '.join(_ACCOUNT)} FROM accounts ORDER BY id"  # noqa: S608
COUNTED = (
    f"SELECT {', '.join(_ACCOUNT)}, "  # noqa: S608
    "(SELECT count(*) FROM jobs WHERE jobs.account_id = accounts.id), "
    "(SELECT count(*) FROM monitors WHERE monitors.account_id = accounts.id), "
    "(SELECT count(*) FROM heartbeats WHERE heartbeats.account_id = accounts.id) "
    "FROM accounts ORDER BY created_at, id"
)
INSERT = f"INSERT INTO accounts ({', '.join(_ACCOUNT)}) VALUES ({', '.join('?' * len(_ACCOUNT))})"  # noqa: S608
SUSPENDED = "SELECT id FROM accounts WHERE suspended_at IS NOT NULL"
SUSPEND = "UPDATE accounts SET suspended_at = coalesce(suspended_at, ?) WHERE id = ?"
RESUME = "UPDATE accounts SET suspended_at = NULL WHERE id = ?"
_SETTABLE = (
    *("name", "alert_email", "owner_email", "batch_window_secs", "draft_incidents", "publish_after_secs"),
    *("default_severity", "fallback_channel", "webhook_secret"),
)
UPDATE = f"UPDATE accounts SET {', '.join(name + ' = ?' for name in _SETTABLE)} WHERE id = ?"  # noqa: S608
IS_ACTIVE = "NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.id = account_id AND suspended_at IS NOT NULL)"
"""Of a row with an account_id: that its account is not suspended."""
KEY_BY_HASH = (
    f"SELECT {_KEYS}, {IS_ACTIVE} AS is_active FROM api_keys "  # noqa: S608
    "WHERE hash = ? AND revoked_at IS NULL"
)
KEY_BY_ID = f"SELECT {_KEYS} FROM api_keys WHERE account_id = ? AND id = ? AND revoked_at IS NULL"  # noqa: S608
KEYS = (
    f"SELECT {_KEYS} FROM api_keys WHERE account_id = ? AND revoked_at IS NULL "  # noqa: S608
    "ORDER BY name, id LIMIT ? OFFSET ?"
)
IN_FORCE = (
    "SELECT suspended_at IS NULL, :key IS NULL OR EXISTS (SELECT 1 FROM api_keys "
    "WHERE id = :key AND account_id = accounts.id AND revoked_at IS NULL) FROM accounts WHERE id = :account"
)
KEYS_TOTAL = "SELECT count(*) FROM api_keys WHERE account_id = ? AND revoked_at IS NULL"
INSERT_KEY = (
    f"INSERT INTO api_keys ({_KEYS}) VALUES ({', '.join('?' * len(_KEY))}) "  # noqa: S608
    "ON CONFLICT (hash) DO NOTHING"
)
REVOKE = "UPDATE api_keys SET revoked_at = ? WHERE account_id = ? AND id = ? AND revoked_at IS NULL"
TOUCH = "UPDATE api_keys SET last_used_at = ? WHERE id = ?"
FACT = "SELECT value FROM facts WHERE name = ?"
SET_FACT = (
    "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
RETENTIONS = (
    "SELECT jobs.row, accounts.retention_days FROM jobs JOIN accounts ON accounts.id = jobs.account_id "
)
BLIND = "INSERT INTO blind_intervals (started_at, ended_at, cause) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


def _key(row: Sequence[Any]) -> ApiKey:
    values = dict(zip(_KEY, tuple(row), strict=True))
    values["scopes"] = msgspec.json.decode(values["scopes"])
    return ApiKey(**values)


def _account(row: Sequence[Any]) -> Account:
    values = dict(zip(_ACCOUNT, tuple(row), strict=True))
    values["draft_incidents"] = bool(values["draft_incidents"])
    return Account(**values)


async def counted(db: Database) -> list[Counted]:
    """All accounts and what they have, the oldest first."""
    return [Counted(_account(row[: len(_ACCOUNT)]), *row[len(_ACCOUNT) :]) for row in await db.fetch(COUNTED)]


async def suspended(db: Database) -> frozenset[str]:
    """The ids of the suspended accounts."""
    return frozenset(row[0] for row in await db.fetch(SUSPENDED))


def insert(tx: sqlite3.Connection, account: Account) -> None:
    """Store a new account."""
    tx.execute(INSERT, [getattr(account, name) for name in _ACCOUNT])


def suspend(tx: sqlite3.Connection, account_id: str, now: int) -> bool:
    """Suspend an account, from now on or since before; False when there is none of that id."""
    return tx.execute(SUSPEND, (now, account_id)).rowcount == 1


def resume(tx: sqlite3.Connection, account_id: str) -> bool:
    """End an account's suspension; False when there is none of that id."""
    return tx.execute(RESUME, (account_id,)).rowcount == 1


async def get(db: Database, account_id: str) -> Account | None:
    """The account of that id."""
    row = await db.fetch_one(GET, (account_id,))
    return None if row is None else _account(row)


def find(tx: sqlite3.Connection, account_id: str) -> Account | None:
    """`get`, inside a unit of the writer."""
    row = tx.execute(GET, (account_id,)).fetchone()
    return None if row is None else _account(row)


def every(tx: sqlite3.Connection) -> list[Account]:
    """All accounts."""
    return [_account(row) for row in tx.execute(ALL).fetchall()]


def update(tx: sqlite3.Connection, account: Account) -> None:
    """Store an edited account; its limits stay."""
    tx.execute(UPDATE, [*(getattr(account, name) for name in _SETTABLE), account.id])


async def key_by_hash(db: Database, digest: bytes) -> tuple[ApiKey, bool] | None:
    """The key with that SHA-256 that has not been revoked, and whether its account is active."""
    row = await db.fetch_one(KEY_BY_HASH, (digest,))
    return None if row is None else (_key(row[: len(_KEY)]), bool(row[len(_KEY)]))


async def in_force(db: Database, account_id: str, key_id: str | None) -> tuple[bool, bool]:
    """Whether the account is active, and whether its key of that id, if one is named, is in force."""
    row = await db.fetch_one(IN_FORCE, {"account": account_id, "key": key_id})
    return (False, False) if row is None else (bool(row[0]), bool(row[1]))


async def key(db: Database, account_id: str, identifier: str) -> ApiKey | None:
    """The account's key of that id."""
    row = await db.fetch_one(KEY_BY_ID, (account_id, identifier))
    return None if row is None else _key(row)


async def keys(db: Database, account_id: str, *, limit: int, offset: int) -> tuple[list[ApiKey], int]:
    """One page of an account's keys by name, and how many there are in all."""
    rows = await db.fetch(KEYS, (account_id, limit, offset))
    total = await db.fetch(KEYS_TOTAL, (account_id,))
    return [_key(row) for row in rows], int(total[0][0])


def insert_key(tx: sqlite3.Connection, key: ApiKey) -> bool:
    """Store a new key; False when it is there already, revoked ones included."""
    scopes = msgspec.json.encode(key.scopes).decode()
    values = [scopes if name == "scopes" else getattr(key, name) for name in _KEY]
    return tx.execute(INSERT_KEY, values).rowcount == 1


def revoke_key(tx: sqlite3.Connection, account_id: str, identifier: str, now: int) -> bool:
    """Revoke a key; False when the account has no such key in force."""
    return tx.execute(REVOKE, (now, account_id, identifier)).rowcount == 1


def touch_key(tx: sqlite3.Connection, identifier: str, now: int) -> None:
    """Say that a key was used."""
    tx.execute(TOUCH, (now, identifier))


async def fact(db: Database, name: str) -> object:
    """One of the daemon's own facts, or None: `secret` (bytes), `alive_at` (milliseconds)."""
    row = await db.fetch_one(FACT, (name,))
    return None if row is None else row[0]


def set_fact(tx: sqlite3.Connection, name: str, value: object) -> None:
    """Store one of the daemon's own facts."""
    tx.execute(SET_FACT, (name, value))


def record_blind(tx: sqlite3.Connection, started_at: int, ended_at: int, cause: str) -> None:
    """Record an interval in which tickd could not see or act."""
    tx.execute(BLIND, (started_at, ended_at, cause))
