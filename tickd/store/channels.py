"""The channels table."""

from __future__ import annotations

import sqlite3

import msgspec

from tickd.domain.channels import Channel, Options
from tickd.errors import Conflict
from tickd.store.database import Database

_WRITABLE = (
    *("id", "account_id", "name", "kind", "enabled", "is_default", "events", "delay_secs"),
    *("reminder_minutes", "options", "created_at", "updated_at"),
)
_ALL = ", ".join(("row", *_WRITABLE))
_EDITED = _WRITABLE[2:]

OF_ACCOUNT = f"SELECT {_ALL} FROM channels WHERE account_id = ? ORDER BY name"  # noqa: S608
GET = f"SELECT {_ALL} FROM channels WHERE account_id = ? AND id = ?"  # noqa: S608
BY_ID = f"SELECT {_ALL} FROM channels WHERE id = ?"  # noqa: S608
PAGE = f"SELECT {_ALL} FROM channels WHERE account_id = ? ORDER BY name LIMIT ? OFFSET ?"  # noqa: S608
TOTAL = "SELECT count(*) FROM channels WHERE account_id = ?"
INSERT = (
    f"INSERT INTO channels ({', '.join(_WRITABLE)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_WRITABLE))}) RETURNING row"
)
UPDATE = f"UPDATE channels SET {', '.join(name + ' = ?' for name in _EDITED)} WHERE row = ?"  # noqa: S608
NO_FALLBACK = "UPDATE accounts SET fallback_channel = NULL WHERE id = ? AND fallback_channel = ?"
DELETE = "DELETE FROM channels WHERE account_id = ? AND id = ?"
_NAMES_IT = "WHERE account_id = ?1 AND EXISTS (SELECT 1 FROM json_each({}) WHERE value IN (?2, ?3))"
_OF_IT = _NAMES_IT.format("options, '$.channels'")
USERS = (
    f"SELECT 'job' AS kind, id, name FROM jobs {_NAMES_IT.format('channels')} "  # noqa: S608
    f"UNION ALL SELECT 'monitor', id, name FROM monitors {_OF_IT} "
    f"UNION ALL SELECT 'heartbeat', id, name FROM heartbeats {_OF_IT} ORDER BY kind, name, id"
)

_ITS_OWN = (
    "SELECT 1 FROM {table} WHERE account_id = :account_id "
    "AND (options ->> '$.alert_slack_webhook' <> '' OR options ->> '$.webhook_url' <> '')"
)
OWN_ADDRESSES = (
    f"SELECT EXISTS ({_ITS_OWN.format(table='monitors')} UNION ALL {_ITS_OWN.format(table='heartbeats')})"
)

_OPTIONS = msgspec.json.Decoder(Options)
_EVENTS = msgspec.json.Decoder(tuple[str, ...])


def from_row(row: sqlite3.Row) -> Channel:
    """The Channel that a row holds."""
    return Channel(
        row=row["row"],
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        kind=row["kind"],
        enabled=bool(row["enabled"]),
        default=bool(row["is_default"]),
        events=_EVENTS.decode(row["events"]),  # type: ignore[arg-type]
        delay_secs=row["delay_secs"],
        reminder_minutes=row["reminder_minutes"],
        options=_OPTIONS.decode(row["options"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _values(channel: Channel) -> dict[str, object]:
    values = msgspec.structs.asdict(channel)
    values["is_default"] = channel.default
    for name in ("events", "options"):
        values[name] = msgspec.json.encode(values[name]).decode()
    return values


def of_account(tx: sqlite3.Connection, account_id: str) -> list[Channel]:
    """All channels of the account, by name."""
    return [from_row(row) for row in tx.execute(OF_ACCOUNT, (account_id,)).fetchall()]


def find(tx: sqlite3.Connection, account_id: str, identifier: str) -> Channel | None:
    """The account's channel of that id, inside a unit of the writer."""
    row = tx.execute(GET, (account_id, identifier)).fetchone()
    return None if row is None else from_row(row)


def find_any(tx: sqlite3.Connection, identifier: str) -> Channel | None:
    """The channel of that id, whoever's it is."""
    row = tx.execute(BY_ID, (identifier,)).fetchone()
    return None if row is None else from_row(row)


async def get(db: Database, account_id: str, identifier: str) -> Channel | None:
    """The account's channel of that id."""
    row = await db.fetch_one(GET, (account_id, identifier))
    return None if row is None else from_row(row)


async def by_id(db: Database, identifier: str) -> Channel | None:
    """The channel of that id, whoever's it is."""
    row = await db.fetch_one(BY_ID, (identifier,))
    return None if row is None else from_row(row)


async def page(db: Database, account_id: str, *, limit: int, offset: int) -> tuple[list[Channel], int]:
    """One page of an account's channels by name, and how many there are in all."""
    rows = await db.fetch(PAGE, (account_id, limit, offset))
    total = await db.fetch(TOTAL, (account_id,))
    return [from_row(row) for row in rows], int(total[0][0])


async def users(db: Database, channel: Channel) -> list[tuple[str, str, str]]:
    """(kind, id, name) of the subjects that name the channel, by its id or its name."""
    rows = await db.fetch(USERS, (channel.account_id, channel.id, channel.name))
    return [(row[0], row[1], row[2]) for row in rows]


async def has_own_addresses(db: Database, account_id: str) -> bool:
    """Whether a monitor or a heartbeat of the account has a webhook of its own."""
    return bool((await db.fetch(OWN_ADDRESSES, {"account_id": account_id}))[0][0])


def insert(tx: sqlite3.Connection, channel: Channel) -> Channel:
    """Store a new channel; it comes back with its row. Conflict when its name is taken."""
    values = _values(channel)
    try:
        (row,) = tx.execute(INSERT, [values[name] for name in _WRITABLE]).fetchone()
    except sqlite3.IntegrityError as error:
        raise _taken(channel) from error
    return msgspec.structs.replace(channel, row=row)


def update(tx: sqlite3.Connection, channel: Channel) -> None:
    """Store an edited channel; Conflict when its name is taken."""
    values = _values(channel)
    try:
        tx.execute(UPDATE, [*(values[name] for name in _EDITED), channel.row])
    except sqlite3.IntegrityError as error:
        raise _taken(channel) from error


def delete(tx: sqlite3.Connection, account_id: str, identifier: str) -> bool:
    """Delete the channel, as the fallback of its account too; False when the account has no such channel."""
    tx.execute(NO_FALLBACK, (account_id, identifier))
    return tx.execute(DELETE, (account_id, identifier)).rowcount == 1


def _taken(channel: Channel) -> Conflict:
    return Conflict(f"name is taken: another channel is called {channel.name}")
