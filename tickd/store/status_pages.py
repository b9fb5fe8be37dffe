"""The status pages, their pictures, and what they show: states, incidents and nothing behind them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tickd.domain.alerts import SubjectKind
from tickd.domain.images import Image
from tickd.domain.incidents import Update
from tickd.domain.maintenance import Window
from tickd.domain.status_pages import StatusGroup, StatusPage
from tickd.domain.status_views import Event, Subject
from tickd.errors import Conflict
from tickd.store.accounts import IS_ACTIVE
from tickd.store.database import Database

COLUMNS = tuple(StatusPage.__struct_fields__)
"""Every column, in the order of the fields of StatusPage."""

_ALL = ", ".join(COLUMNS)
_WRITABLE = COLUMNS[1:]
_FLAGS = ("enabled", "jobs")
GET = f"SELECT {_ALL} FROM status_pages WHERE account_id = ? AND id = ?"  # noqa: S608
EVERY = f"SELECT {_ALL} FROM status_pages WHERE row > ? ORDER BY row LIMIT ?"  # noqa: S608
PAGE = f"SELECT {_ALL} FROM status_pages WHERE account_id = ? ORDER BY slug LIMIT ? OFFSET ?"  # noqa: S608
TOTAL = "SELECT count(*) FROM status_pages WHERE account_id = ?"
INSERT = (
    f"INSERT INTO status_pages ({', '.join(_WRITABLE)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_WRITABLE))}) RETURNING row"
)
UPDATE = f"UPDATE status_pages SET {', '.join(name + ' = ?' for name in _WRITABLE)} WHERE row = ?"  # noqa: S608
DELETE = "DELETE FROM status_pages WHERE account_id = ? AND id = ? RETURNING row"
TAKEN = (
    "SELECT slug = ?1, custom_domain = ?2 AND ?2 <> '' FROM status_pages "
    "WHERE row <> ?3 AND (slug = ?1 OR (custom_domain = ?2 AND ?2 <> ''))"
)
PUT_LOGO = "INSERT OR REPLACE INTO status_page_logos (page, content_type, content) VALUES (?, ?, ?)"
DROP_LOGO = "DELETE FROM status_page_logos WHERE page = ?"
LOGO = "SELECT content_type, content FROM status_page_logos WHERE page = ?"

_MONITORS = (
    "SELECT 'monitor', row, id, account_id, name, slug, tags, public, paused, failing, state = 'pending', "
    "NULL, options ->> '$.maintenance_windows', type FROM monitors"
)
_HEARTBEATS = (
    "SELECT 'heartbeat', row, id, account_id, name, slug, tags, public, paused, failing, state = 'pending', "
    "last_pinged_at, options ->> '$.maintenance_windows', 'heartbeat' FROM heartbeats"
)
_JOBS = (
    "SELECT 'job', row, id, account_id, name, '', tags, 1, paused, failing, "
    "last_finished_at IS NULL AND NOT failing, last_finished_at, NULL, 'job' FROM jobs"
)
SUBJECTS = " UNION ALL ".join(f"{one} WHERE account_id = ?1" for one in (_MONITORS, _HEARTBEATS, _JOBS))
BY_SLUG = " UNION ALL ".join(f"{one} WHERE slug = ?1 AND {IS_ACTIVE}" for one in (_MONITORS, _HEARTBEATS))

_EVENT = "row, id, kind, subject, status = 'open', started_at, resolved_at"
_OF_THESE = "kind || subject IN (SELECT value FROM json_each(:subjects))"
OPEN = (
    f"SELECT {_EVENT} FROM incidents WHERE account_id = :account AND status = 'open' AND NOT draft "  # noqa: S608
    f"AND {_OF_THESE} ORDER BY row DESC LIMIT :limit"
)
ENDED = (
    f"SELECT {_EVENT} FROM incidents WHERE account_id = :account AND status = 'resolved' AND NOT draft "  # noqa: S608
    f"AND row < :before AND resolved_at >= :since AND {_OF_THESE} ORDER BY row DESC LIMIT :limit"
)
ROW_OF = "SELECT row FROM incidents WHERE account_id = ? AND id = ? AND NOT draft"
UPDATES = (
    "SELECT incident, at, status, message FROM incident_updates "
    "WHERE incident IN (SELECT value FROM json_each(?)) ORDER BY row DESC"
)
NEWEST = (1 << 63) - 1
"""Before this row are all incidents."""

_TAGS = msgspec.json.Decoder(tuple[str, ...])
_GROUPS = msgspec.json.Decoder(tuple[StatusGroup, ...])
_WINDOWS = msgspec.json.Decoder(tuple[Window, ...])


def from_row(row: Sequence[object]) -> StatusPage:
    """The StatusPage that a row of `COLUMNS` holds."""
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    values |= {name: bool(values[name]) for name in _FLAGS}
    values["groups"] = _GROUPS.decode(values["groups"])
    return StatusPage(**values)


def _to_row(page: StatusPage) -> list[object]:
    values = {name: getattr(page, name) for name in _WRITABLE}
    values["groups"] = msgspec.json.encode(page.groups).decode()
    return list(values.values())


async def after(db: Database, row: int, limit: int) -> list[StatusPage]:
    """Status pages of all accounts, behind that row."""
    return [from_row(found) for found in await db.fetch(EVERY, (row, limit))]


async def get(db: Database, account_id: str, identifier: str) -> StatusPage | None:
    """The account's status page of that id."""
    row = await db.fetch_one(GET, (account_id, identifier))
    return None if row is None else from_row(row)


async def page(db: Database, account_id: str, *, limit: int, offset: int) -> tuple[list[StatusPage], int]:
    """One page of an account's status pages by slug, and how many there are in all."""
    rows = await db.fetch(PAGE, (account_id, limit, offset))
    total = await db.fetch(TOTAL, (account_id,))
    return [from_row(row) for row in rows], int(total[0][0])


def find(tx: sqlite3.Connection, account_id: str, identifier: str) -> StatusPage | None:
    """`get`, inside a unit of the writer."""
    row = tx.execute(GET, (account_id, identifier)).fetchone()
    return None if row is None else from_row(row)


def insert(tx: sqlite3.Connection, made: StatusPage) -> StatusPage:
    """Store a new page; it comes back with its row. Conflict when its slug or its domain is taken."""
    _check_free(tx, made)
    (row,) = tx.execute(INSERT, _to_row(made)).fetchone()
    return msgspec.structs.replace(made, row=row)


def update(tx: sqlite3.Connection, changed: StatusPage) -> None:
    """Store a changed page; Conflict when its slug or its domain is taken."""
    _check_free(tx, changed)
    tx.execute(UPDATE, [*_to_row(changed), changed.row])


def _check_free(tx: sqlite3.Connection, page: StatusPage) -> None:
    found = tx.execute(TAKEN, (page.slug, page.custom_domain, page.row)).fetchone()
    if found is None:
        return
    if found[0]:
        raise Conflict(f"slug is taken: another page is at /status/{page.slug}")
    raise Conflict(f"custom_domain is taken: another page is at {page.custom_domain}")


def delete(tx: sqlite3.Connection, account_id: str, identifier: str) -> int | None:
    """Delete a page and its picture, and return its row; None where the account has none of that id."""
    gone = tx.execute(DELETE, (account_id, identifier)).fetchone()
    return None if gone is None else int(gone[0])


def put_logo(tx: sqlite3.Connection, row: int, image: Image | None) -> None:
    """Store a page's picture in the place of the one that it has; None takes it away."""
    if image is None:
        tx.execute(DROP_LOGO, (row,))
    else:
        tx.execute(PUT_LOGO, (row, image.content_type, image.content))


async def logo(db: Database, row: int) -> tuple[str, bytes] | None:
    """The type and the bytes of a page's picture."""
    found = await db.fetch_one(LOGO, (row,))
    return None if found is None else (found[0], found[1])


# What is shown.


def _subject(row: Sequence[Any]) -> Subject:
    kind, number, identifier, account_id, name, slug, tags, *flags, last_at, windows, type_ = row
    public, paused, failing, pending = map(bool, flags)
    return Subject(
        kind=kind,
        row=number,
        id=identifier,
        account_id=account_id,
        name=name,
        slug=slug,
        tags=_TAGS.decode(tags),
        is_public=public,
        is_paused=paused,
        is_failing=failing,
        is_pending=pending,
        last_at=last_at,
        windows=() if windows is None else _WINDOWS.decode(windows),
        type=type_,
    )


async def subjects(db: Database, account_id: str) -> list[Subject]:
    """All monitors, heartbeats and jobs of an account as they stand, by name."""
    found = [_subject(row) for row in await db.fetch(SUBJECTS, (account_id,))]
    return sorted(found, key=lambda one: (one.name.casefold(), one.kind, one.row))


async def by_slug(db: Database, slug: str) -> Subject | None:
    """The monitor or heartbeat of that slug, whoever's it is; None where the account is suspended."""
    row = await db.fetch_one(BY_SLUG, (slug,))
    return None if row is None else _subject(row)


def _keys(subjects: Iterable[tuple[SubjectKind, int]]) -> str:
    return json.dumps([f"{kind}{row}" for kind, row in subjects])


def _event(row: Sequence[Any]) -> Event:
    number, identifier, kind, subject, is_open, started_at, resolved_at = row
    return Event(number, identifier, kind, subject, bool(is_open), started_at, resolved_at)


async def open_events(
    db: Database, account_id: str, subjects: Iterable[tuple[SubjectKind, int]], limit: int
) -> list[Event]:
    """Open incidents of these subjects that are published, newest first."""
    wanted = {"account": account_id, "subjects": _keys(subjects), "limit": limit}
    return [_event(row) for row in await db.fetch(OPEN, wanted)]


async def ended_events(
    db: Database,
    account_id: str,
    subjects: Iterable[tuple[SubjectKind, int]],
    *,
    since: int = 0,
    before: int = NEWEST,
    limit: int,
) -> list[Event]:
    """Resolved incidents of these subjects that are published, newest first.

    `since` is the moment (milliseconds) that they ended at or after, `before` a row.
    """
    wanted = {"account": account_id, "subjects": _keys(subjects), "limit": limit}
    wanted |= {"since": since, "before": before}
    return [_event(row) for row in await db.fetch(ENDED, wanted)]


async def event_row(db: Database, account_id: str, identifier: str) -> int | None:
    """The row of the account's incident of that id, if it is published."""
    found = await db.fetch_one(ROW_OF, (account_id, identifier))
    return None if found is None else int(found[0])


async def updates(db: Database, rows: Sequence[int]) -> dict[int, list[Update]]:
    """What was said of these incidents, newest first."""
    found: dict[int, list[Update]] = {row: [] for row in rows}
    for row in await db.fetch(UPDATES, (json.dumps(list(rows)),)):
        found[row[0]].append(Update(row[1], row[2], row[3]))
    return found
