"""Incidents, their updates, their reminders, and what the safeguards hold back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import msgspec

from tickd.domain import times
from tickd.domain.alerts import About, SubjectKind
from tickd.domain.incidents import Cause, Incident, Progress, Reason, Update
from tickd.store.database import Database

_ABOUT = ("kind", "subject_id", "subject_name", "subject_url", "subject_type")
_PLAIN = (
    *("id", "account_id", "subject", "severity", "status", "draft", "publish_at", "published_at"),
    *("acknowledged_at", "started_at", "opened_at", "resolved_at"),
)
_WRITABLE = (*_PLAIN, *_ABOUT, "cause")
_ALL = ", ".join(("row", *_WRITABLE))

INSERT = (
    f"INSERT INTO incidents ({', '.join(_WRITABLE)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_WRITABLE))}) RETURNING row"
)
OPEN_OF = f"SELECT {_ALL} FROM incidents WHERE kind = ? AND subject = ? AND status = 'open'"  # noqa: S608
BY_ROW = f"SELECT {_ALL} FROM incidents WHERE row = ?"  # noqa: S608
GET = f"SELECT {_ALL} FROM incidents WHERE account_id = ? AND id = ?"  # noqa: S608
LAST_ENDED = (
    "SELECT resolved_at FROM incidents WHERE kind = ? AND subject = ? AND resolved_at IS NOT NULL "
    "ORDER BY row DESC LIMIT 1"
)
RESOLVE = (
    "UPDATE incidents SET status = 'resolved', resolved_at = ?, publish_at = NULL "
    "WHERE row = ? AND status = 'open'"
)
ACKNOWLEDGE = "UPDATE incidents SET acknowledged_at = ? WHERE row = ? AND acknowledged_at IS NULL"
PUBLISH = "UPDATE incidents SET draft = 0, publish_at = NULL, published_at = ? WHERE row = ? AND draft"
PUBLISH_DUE = (
    "UPDATE incidents SET draft = 0, published_at = ?1, publish_at = NULL WHERE publish_at <= ?1 RETURNING id"
)
ADD_UPDATE = "INSERT INTO incident_updates (incident, at, status, message) VALUES (?, ?, ?, ?)"
UPDATES = (
    "SELECT incident, at, status, message FROM incident_updates "
    "WHERE incident IN (SELECT value FROM json_each(?)) ORDER BY row"
)
_FILTERS = (
    "account_id = :account_id AND started_at >= :since AND (:status IS NULL OR status = :status) "
    "AND (:kind IS NULL OR kind = :kind) AND (:subject IS NULL OR subject_id = :subject) "
    "AND (:types IS NULL OR subject_type IN (SELECT value FROM json_each(:types)))"
)
PAGE = (
    f"SELECT {_ALL} FROM incidents WHERE {_FILTERS} "  # noqa: S608
    "ORDER BY row DESC LIMIT :limit OFFSET :offset"
)
TOTAL = f"SELECT count(*) FROM incidents WHERE {_FILTERS}"  # noqa: S608
AROUND = (
    f"SELECT {_ALL} FROM incidents WHERE account_id = ? AND started_at BETWEEN ? AND ? AND row <> ? "  # noqa: S608
    "ORDER BY started_at LIMIT ?"
)
_WANTED = (
    "account_id = :account_id AND (status = 'open' OR resolved_at >= :since) "
    "AND (:status IS NULL OR status = :status) AND (:severity IS NULL OR severity = :severity) "
    "AND (:kind IS NULL OR kind = :kind) AND (:subject IS NULL OR subject_id = :subject) "
    "AND (:draft IS NULL OR draft = :draft) "
    "AND (:name IS NULL OR instr(lower(subject_name), lower(:name)))"
)
BOARD = (
    f"SELECT {_ALL} FROM incidents WHERE {_WANTED} "  # noqa: S608
    "ORDER BY status = 'open' DESC, row DESC LIMIT :limit OFFSET :offset"
)
BOARD_TOTAL = f"SELECT count(*), count(*) FILTER (WHERE status = 'open') FROM incidents WHERE {_WANTED}"  # noqa: S608
OPEN_COUNT = "SELECT count(*) FROM incidents WHERE status = 'open'"

HOLD = (
    "INSERT INTO held (kind, subject, event, incident, reason, at, due_at, cause) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, subject) DO UPDATE SET "
    "event = excluded.event, incident = excluded.incident, reason = excluded.reason, "
    "at = excluded.at, due_at = excluded.due_at, cause = excluded.cause"
)
HELD_DUE = (
    "SELECT kind, subject, event, incident, reason, at, due_at, cause FROM held WHERE due_at <= ? "
    "ORDER BY due_at LIMIT ?"
)
PUT_OFF = "UPDATE held SET due_at = ? WHERE kind = ? AND subject = ?"
HELD_OF = (
    "SELECT kind, subject, event, incident, reason, at, due_at, cause FROM held "
    "WHERE kind = ? AND subject = ?"
)
DROP_HELD = "DELETE FROM held WHERE kind = ? AND subject = ?"
RELOOK = "UPDATE held SET due_at = ? WHERE reason = ?"
RELOOK_AT = "UPDATE held SET due_at = min(due_at, ?) WHERE kind = ? AND subject = ?"
HELD_SOONER = "UPDATE held SET due_at = max(?1, due_at - ?2) WHERE due_at > ?1"
REMINDERS_SOONER = "UPDATE reminders SET due_at = max(?1, due_at - ?2) WHERE due_at > ?1"
NEXT_DUE = (
    "SELECT min(due) FROM (SELECT min(due_at) AS due FROM held UNION ALL SELECT min(due_at) FROM reminders "
    "UNION ALL SELECT min(publish_at) FROM incidents WHERE publish_at IS NOT NULL)"
)

REMIND = "INSERT INTO reminders (incident, lane, number, due_at) VALUES (?, ?, 1, ?) ON CONFLICT DO NOTHING"
REPLAN_REMINDERS = (
    "INSERT INTO reminders (incident, lane, number, due_at) SELECT DISTINCT incidents.row, ?1, 1, ?2 "
    "FROM alerts JOIN incidents ON incidents.row = alerts.incident WHERE alerts.lane = ?1 "
    "AND alerts.event IN ('down', 'job_failed') AND alerts.state <> 'suppressed' "
    "AND incidents.status = 'open' AND incidents.acknowledged_at IS NULL "
    # Their numbers go on: each reminder is an alert of its own.
    "ON CONFLICT (incident, lane) DO UPDATE SET due_at = excluded.due_at"
)
REMINDERS_DUE = (
    "SELECT incident, lane, number, due_at FROM reminders WHERE due_at <= ? ORDER BY due_at LIMIT ?"
)
REMINDED = "UPDATE reminders SET number = number + 1, due_at = ? WHERE incident = ? AND lane = ?"
PUT_OFF_REMINDER = "UPDATE reminders SET due_at = ? WHERE incident = ? AND lane = ?"
FORGET_REMINDERS = "DELETE FROM reminders WHERE incident = ?"
FORGET_REMINDER = "DELETE FROM reminders WHERE incident = ? AND lane = ?"

FORGET_OLD = (
    "DELETE FROM incidents WHERE row IN (SELECT incidents.row FROM incidents "
    "JOIN accounts ON accounts.id = incidents.account_id WHERE resolved_at IS NOT NULL "
    "AND resolved_at < ?1 - 86400000 * accounts.retention_days LIMIT ?2) RETURNING row"
)
FORGET_UPDATES = "DELETE FROM incident_updates WHERE incident = ?"

FORGET_CERTIFICATES = "DELETE FROM certificate_changes WHERE at < ?"
CERTIFICATES_KEPT = 90 * times.DAY
"""How long it is known that a certificate changed, in milliseconds."""

_CAUSE = msgspec.json.Decoder(Cause)


class Held(NamedTuple):
    """What a safeguard holds back, and when it is looked at again (milliseconds)."""

    kind: SubjectKind
    subject: int
    event: str
    incident: int | None
    reason: str
    at: int
    due_at: int
    cause: Cause


class Reminder(NamedTuple):
    """A reminder that is due; `number` counts from 1."""

    incident: int
    lane: str
    number: int
    due_at: int


def from_row(row: sqlite3.Row) -> Incident:
    """The Incident that a row holds."""
    plain = {name: row[name] for name in _PLAIN}
    plain["draft"] = bool(plain["draft"])
    about = About(*(row[name] for name in _ABOUT))
    return Incident(row=row["row"], about=about, cause=_CAUSE.decode(row["cause"]), **plain)


def insert(tx: sqlite3.Connection, incident: Incident) -> Incident:
    """Store a new incident; it comes back with its row."""
    about = incident.about
    values = [getattr(incident, name) for name in _PLAIN]
    values += [about.kind, about.id, about.name, about.url, about.type]
    values.append(msgspec.json.encode(incident.cause).decode())
    (row,) = tx.execute(INSERT, values).fetchone()
    return msgspec.structs.replace(incident, row=row)


def open_of(tx: sqlite3.Connection, kind: SubjectKind, subject: int) -> Incident | None:
    """The subject's open incident."""
    row = tx.execute(OPEN_OF, (kind, subject)).fetchone()
    return None if row is None else from_row(row)


def by_row(tx: sqlite3.Connection, row_number: int) -> Incident | None:
    """The incident of that row."""
    row = tx.execute(BY_ROW, (row_number,)).fetchone()
    return None if row is None else from_row(row)


def find(tx: sqlite3.Connection, account_id: str, identifier: str) -> Incident | None:
    """`get`, inside a unit of the writer."""
    row = tx.execute(GET, (account_id, identifier)).fetchone()
    return None if row is None else from_row(row)


def last_ended_at(tx: sqlite3.Connection, kind: SubjectKind, subject: int) -> int | None:
    """When the subject's latest incident ended (milliseconds)."""
    row = tx.execute(LAST_ENDED, (kind, subject)).fetchone()
    return None if row is None else int(row[0])


def resolve(tx: sqlite3.Connection, row_number: int, at: int) -> bool:
    """End an incident, and its reminders; False when it had ended."""
    tx.execute(FORGET_REMINDERS, (row_number,))
    return tx.execute(RESOLVE, (at, row_number)).rowcount == 1


def acknowledge(tx: sqlite3.Connection, row_number: int, now: int) -> None:
    """Somebody has seen it: no reminder is sent any more."""
    tx.execute(ACKNOWLEDGE, (now, row_number))
    tx.execute(FORGET_REMINDERS, (row_number,))


def publish(tx: sqlite3.Connection, row_number: int, now: int) -> None:
    """Make a draft public."""
    tx.execute(PUBLISH, (now, row_number))


def publish_due(tx: sqlite3.Connection, now: int) -> list[str]:
    """Publish the drafts whose delay has passed; their ids."""
    return [row[0] for row in tx.execute(PUBLISH_DUE, (now,)).fetchall()]


def add_update(tx: sqlite3.Connection, row_number: int, at: int, status: Progress, message: str) -> None:
    """Add to an incident's timeline."""
    tx.execute(ADD_UPDATE, (row_number, at, status, message))


async def get(db: Database, account_id: str, identifier: str) -> Incident | None:
    """The account's incident of that id."""
    row = await db.fetch_one(GET, (account_id, identifier))
    return None if row is None else from_row(row)


async def updates(db: Database, rows: list[int]) -> dict[int, list[Update]]:
    """The timelines of these incidents, oldest first."""
    found: dict[int, list[Update]] = {row: [] for row in rows}
    for row in await db.fetch(UPDATES, (msgspec.json.encode(rows).decode(),)):
        found[row[0]].append(Update(row[1], row[2], row[3]))
    return found


async def page(
    db: Database,
    account_id: str,
    filters: dict[str, str | None],
    *,
    types: list[str] | None = None,
    since: int = 0,
    limit: int,
    offset: int = 0,
) -> tuple[list[Incident], int]:
    """One page of an account's incidents, newest first, and how many there are; filters: status kind subject.

    `types` are types of monitors, `since` milliseconds.
    """
    wanted: dict[str, object] = {"status": None, "kind": None, "subject": None, **filters}
    wanted |= {"account_id": account_id, "since": since, "limit": limit, "offset": offset}
    wanted["types"] = None if types is None else msgspec.json.encode(types).decode()
    rows = await db.fetch(PAGE, wanted)
    total = await db.fetch(TOTAL, wanted)
    return [from_row(row) for row in rows], int(total[0][0])


async def board(
    db: Database,
    account_id: str,
    filters: Mapping[str, object],
    *,
    since: int,
    limit: int,
    offset: int,
) -> tuple[list[Incident], int, int]:
    """One page of an account's incidents, the open ones first; how many in all, and how many are open.

    Filters: status severity kind subject draft name (a part of it). What ended before `since`
    (milliseconds) is left out; what is open never is.
    """
    wanted: dict[str, object] = dict.fromkeys(("status", "severity", "kind", "subject", "draft", "name"))
    wanted |= {**filters, "account_id": account_id, "since": since, "limit": limit, "offset": offset}
    rows = await db.fetch(BOARD, wanted)
    ((total, still_open),) = await db.fetch(BOARD_TOTAL, wanted)
    return [from_row(row) for row in rows], int(total), int(still_open)


async def around(db: Database, incident: Incident, since: int, until: int, most: int) -> list[Incident]:
    """Other incidents of the account that began between two moments (milliseconds)."""
    wanted = (incident.account_id, since, until, incident.row, most)
    return [from_row(row) for row in await db.fetch(AROUND, wanted)]


async def how_many_open(db: Database) -> int:
    """Open incidents over all accounts."""
    row = await db.fetch_one(OPEN_COUNT)
    return 0 if row is None else int(row[0])


# What is held back.


def hold(
    tx: sqlite3.Connection,
    kind: SubjectKind,
    subject: int,
    reason: Reason,
    cause: Cause,
    due_at: int,
    *,
    incident: int | None = None,
    event: Literal["down", "degraded"] = "down",
) -> None:
    """Look at the subject again at `due_at` (milliseconds)."""
    encoded = msgspec.json.encode(cause).decode()
    tx.execute(HOLD, (kind, subject, event, incident, reason, cause.at, due_at, encoded))


def held_due(tx: sqlite3.Connection, now: int, limit: int) -> list[Held]:
    """What is to be looked at again by now."""
    rows = tx.execute(HELD_DUE, (now, limit)).fetchall()
    return [Held(*(*tuple(row)[:7], _CAUSE.decode(row["cause"]))) for row in rows]


def held_of(tx: sqlite3.Connection, kind: SubjectKind, subject: int) -> Held | None:
    """What is held back of the subject."""
    row = tx.execute(HELD_OF, (kind, subject)).fetchone()
    return None if row is None else Held(*(*tuple(row)[:7], _CAUSE.decode(row["cause"])))


def put_off(tx: sqlite3.Connection, held: Held, due_at: int) -> None:
    """Look at it later."""
    tx.execute(PUT_OFF, (due_at, held.kind, held.subject))


def drop_held(tx: sqlite3.Connection, kind: SubjectKind, subject: int) -> None:
    """Nothing is held back of the subject any more."""
    tx.execute(DROP_HELD, (kind, subject))


def relook(tx: sqlite3.Connection, reason: Reason, now: int) -> None:
    """Look again at all that is held back for that reason, now."""
    tx.execute(RELOOK, (now, reason))


def relook_at(tx: sqlite3.Connection, kind: SubjectKind, subject: int, now: int) -> None:
    """Look again at what is held back of the subject, now."""
    tx.execute(RELOOK_AT, (now, kind, subject))


def sooner(tx: sqlite3.Connection, now: int, milliseconds: int) -> None:
    """Look so much sooner at all that is to come: the clock has been set back by that."""
    tx.execute(HELD_SOONER, (now, milliseconds))
    tx.execute(REMINDERS_SOONER, (now, milliseconds))


async def next_due(db: Database) -> int | None:
    """When the next thing held back, reminder or publication is due (milliseconds)."""
    row = await db.fetch_one(NEXT_DUE)
    return None if row is None else row[0]


# Reminders.


def remind(tx: sqlite3.Connection, row_number: int, lane: str, due_at: int) -> None:
    """Remind that lane of the incident at `due_at` for the first time."""
    tx.execute(REMIND, (row_number, lane, due_at))


def replan_reminders(tx: sqlite3.Connection, lane: str, due_at: int) -> None:
    """Remind that lane of all open incidents that it was told of, at `due_at` for the next time."""
    tx.execute(REPLAN_REMINDERS, (lane, due_at))


def reminders_due(tx: sqlite3.Connection, now: int, limit: int) -> list[Reminder]:
    """Reminders that are due by now."""
    return [Reminder(*tuple(row)) for row in tx.execute(REMINDERS_DUE, (now, limit)).fetchall()]


def reminded(tx: sqlite3.Connection, reminder: Reminder, due_at: int) -> None:
    """The reminder was sent; the next is due then."""
    tx.execute(REMINDED, (due_at, reminder.incident, reminder.lane))


def put_off_reminder(tx: sqlite3.Connection, reminder: Reminder, due_at: int) -> None:
    """Remind later, and count nothing."""
    tx.execute(PUT_OFF_REMINDER, (due_at, reminder.incident, reminder.lane))


def forget_reminder(tx: sqlite3.Connection, reminder: Reminder) -> None:
    """Remind that lane no more."""
    tx.execute(FORGET_REMINDER, (reminder.incident, reminder.lane))


def forget_old(tx: sqlite3.Connection, before: Iterable[tuple[int, int]], most: int) -> int:
    """Remove incidents past their account's retention as of the moments of `before`; how many."""
    removed = 0
    for _, now in before:
        tx.execute(FORGET_CERTIFICATES, (now - CERTIFICATES_KEPT,))
        gone = tx.execute(FORGET_OLD, (now, most - removed)).fetchall()
        for row in gone:
            tx.execute(FORGET_UPDATES, (row[0],))
        removed += len(gone)
    return removed
