"""The monitors table."""

from __future__ import annotations

import sqlite3

import msgspec

from tickd.domain.monitors import Monitor, Options, Standing
from tickd.errors import Conflict
from tickd.store.accounts import IS_ACTIVE
from tickd.store.database import Database

_PLACE = ("id", "account_id", "name", "type", "group_name", "slug", "public", "paused", "tags", "options")
_STATE = ("state", "failing", "consecutive_failures", "consecutive_successes", "changed_at")
_REST = ("ssl_expires_at", "ssl_issuer", "ssl_warned_days", "created_at", "updated_at")
_WRITABLE = _PLACE + _STATE + _REST
COLUMNS = ("row", *_WRITABLE, "checks_total", "checks_failed")
"""Every column, in the order that `from_row` reads."""

_ALL = ", ".join(COLUMNS)
GET = f"SELECT {_ALL} FROM monitors WHERE account_id = ? AND id = ?"  # noqa: S608
GET_ROW = f"SELECT {_ALL} FROM monitors WHERE row = ?"  # noqa: S608
BY_ID = f"SELECT {_ALL} FROM monitors WHERE id = ? AND {IS_ACTIVE}"  # noqa: S608
AFTER = f"SELECT {_ALL} FROM monitors WHERE row > ? ORDER BY row LIMIT ?"  # noqa: S608
OF_ACCOUNT = f"SELECT {_ALL} FROM monitors WHERE account_id = ? ORDER BY name, row"  # noqa: S608
INSERT = (
    f"INSERT INTO monitors ({', '.join(_WRITABLE)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_WRITABLE))}) RETURNING row"
)
# The state is not among what an edit writes but for its counters: a check may flip it meanwhile.
_EDITED = (*_PLACE[2:], "consecutive_failures", "consecutive_successes", "updated_at")
UPDATE = f"UPDATE monitors SET {', '.join(name + ' = ?' for name in _EDITED)} WHERE row = ?"  # noqa: S608
SET_STATE = (
    f"UPDATE monitors SET {', '.join(name + ' = ?' for name in _STATE)}, "  # noqa: S608
    "ssl_expires_at = ?, ssl_issuer = ?, ssl_warned_days = ? WHERE row = ?"
)
CERTIFICATE_CHANGED = "INSERT INTO certificate_changes (monitor, at, expires_at, issuer) VALUES (?, ?, ?, ?)"
DELETE = "DELETE FROM monitors WHERE account_id = ? AND id = ? RETURNING row"
SLUG_TAKEN = "SELECT 1 FROM heartbeats WHERE slug = ?"
_FILTERS = (
    "account_id = :account_id AND (:type IS NULL OR type = :type) "
    "AND (:status IS NULL OR iif(paused, 'paused', iif(failing, 'failing', 'active')) = :status) "
    "AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag)) "
    "AND (:group IS NULL OR group_name = :group)"
)
PAGE = f"SELECT {_ALL} FROM monitors WHERE {_FILTERS} ORDER BY name, row LIMIT :limit OFFSET :offset"  # noqa: S608
TOTAL = f"SELECT count(*) FROM monitors WHERE {_FILTERS}"  # noqa: S608

_OPTIONS = msgspec.json.Decoder(Options)
_TAGS = msgspec.json.Decoder(tuple[str, ...])


def from_row(row: sqlite3.Row) -> Monitor:
    """The Monitor that a row of `COLUMNS` holds."""
    return Monitor(
        row=row["row"],
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        type=row["type"],
        group=row["group_name"],
        slug=row["slug"],
        public=bool(row["public"]),
        paused=bool(row["paused"]),
        tags=_TAGS.decode(row["tags"]),
        options=_OPTIONS.decode(row["options"]),
        standing=Standing(
            state=row["state"],
            failing=bool(row["failing"]),
            consecutive_failures=row["consecutive_failures"],
            consecutive_successes=row["consecutive_successes"],
            changed_at=row["changed_at"],
        ),
        ssl_expires_at=row["ssl_expires_at"],
        ssl_issuer=row["ssl_issuer"],
        ssl_warned_days=row["ssl_warned_days"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        checks_total=row["checks_total"],
        checks_failed=row["checks_failed"],
    )


def _values(monitor: Monitor) -> dict[str, object]:
    standing = monitor.standing
    return {
        "id": monitor.id,
        "account_id": monitor.account_id,
        "name": monitor.name,
        "type": monitor.type,
        "group_name": monitor.group,
        "slug": monitor.slug,
        "public": monitor.public,
        "paused": monitor.paused,
        "tags": msgspec.json.encode(monitor.tags).decode(),
        "options": msgspec.json.encode(monitor.options).decode(),
        "state": standing.state,
        "failing": standing.failing,
        "consecutive_failures": standing.consecutive_failures,
        "consecutive_successes": standing.consecutive_successes,
        "changed_at": standing.changed_at,
        "ssl_expires_at": monitor.ssl_expires_at,
        "ssl_issuer": monitor.ssl_issuer,
        "ssl_warned_days": monitor.ssl_warned_days,
        "created_at": monitor.created_at,
        "updated_at": monitor.updated_at,
    }


async def get(db: Database, account_id: str, identifier: str) -> Monitor | None:
    """The account's monitor of that id."""
    row = await db.fetch_one(GET, (account_id, identifier))
    return None if row is None else from_row(row)


async def by_id(db: Database, identifier: str) -> Monitor | None:
    """The monitor of that id, whoever's it is; None where the account is suspended."""
    row = await db.fetch_one(BY_ID, (identifier,))
    return None if row is None else from_row(row)


async def of_account(db: Database, account_id: str) -> list[Monitor]:
    """All monitors of the account, by name."""
    return [from_row(row) for row in await db.fetch(OF_ACCOUNT, (account_id,))]


async def after(db: Database, row_number: int, limit: int) -> list[Monitor]:
    """Monitors of all accounts behind row `row_number`, in their order."""
    return [from_row(row) for row in await db.fetch(AFTER, (row_number, limit))]


async def page(
    db: Database, account_id: str, filters: dict[str, str | None], *, limit: int, offset: int
) -> tuple[list[Monitor], int]:
    """One page of an account's monitors by name, and how many there are; filters: type status tag group."""
    wanted = {"type": None, "status": None, "tag": None, "group": None} | filters
    wanted_page = {**wanted, "account_id": account_id, "limit": limit, "offset": offset}
    rows = await db.fetch(PAGE, wanted_page)
    total = await db.fetch(TOTAL, wanted_page)
    return [from_row(row) for row in rows], int(total[0][0])


def find(tx: sqlite3.Connection, account_id: str, identifier: str) -> Monitor | None:
    """`get`, inside a unit of the writer."""
    row = tx.execute(GET, (account_id, identifier)).fetchone()
    return None if row is None else from_row(row)


def find_row(tx: sqlite3.Connection, row_number: int) -> Monitor | None:
    """The monitor of that row, inside a unit of the writer."""
    row = tx.execute(GET_ROW, (row_number,)).fetchone()
    return None if row is None else from_row(row)


def insert(tx: sqlite3.Connection, monitor: Monitor) -> Monitor:
    """Store a new monitor; it comes back with its row. Conflict when its slug is taken."""
    _check_slug(tx, monitor)
    values = _values(monitor)
    try:
        (row,) = tx.execute(INSERT, [values[name] for name in _WRITABLE]).fetchone()
    except sqlite3.IntegrityError as error:
        raise _taken(monitor) from error
    return msgspec.structs.replace(monitor, row=row)


def update(tx: sqlite3.Connection, monitor: Monitor) -> None:
    """Store an edited monitor, of its state the counters alone; Conflict when its slug is taken."""
    _check_slug(tx, monitor)
    values = _values(monitor)
    try:
        tx.execute(UPDATE, [*(values[name] for name in _EDITED), monitor.row])
    except sqlite3.IntegrityError as error:
        raise _taken(monitor) from error


def _check_slug(tx: sqlite3.Connection, monitor: Monitor) -> None:
    if tx.execute(SLUG_TAKEN, (monitor.slug,)).fetchone():
        raise _taken(monitor)


def _taken(monitor: Monitor) -> Conflict:
    return Conflict(f"slug is taken: another monitor is at /s/{monitor.slug}")


def set_state(
    tx: sqlite3.Connection,
    row_number: int,
    standing: Standing,
    ssl_expires_at: int | None,
    ssl_issuer: str | None,
    ssl_warned_days: int | None,
) -> None:
    """Store what the checks made of a monitor."""
    values = (getattr(standing, name) for name in _STATE)
    tx.execute(SET_STATE, (*values, ssl_expires_at, ssl_issuer, ssl_warned_days, row_number))


def certificate_changed(
    tx: sqlite3.Connection, row_number: int, at: int, expires_at: int, issuer: str
) -> None:
    """Note that the monitor shows another certificate from `at` on (milliseconds)."""
    tx.execute(CERTIFICATE_CHANGED, (row_number, at, expires_at, issuer))


def delete(tx: sqlite3.Connection, account_id: str, identifier: str) -> int | None:
    """Delete the monitor and return its row; None when the account has no such monitor."""
    gone = tx.execute(DELETE, (account_id, identifier)).fetchone()
    return None if gone is None else int(gone[0])
