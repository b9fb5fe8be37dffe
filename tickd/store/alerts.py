"""The outbox: alerts that wait, and what became of them; and what is known of the lanes they go by."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from tickd.domain.alerts import Alert, Event, State, Story
from tickd.store.database import Database

_WRITABLE = tuple(name for name in Alert.__struct_fields__ if name != "row")
_COLUMNS = ("row", *_WRITABLE)
_ALL = ", ".join(_COLUMNS)
_OF_ALERTS = ", ".join(f"alerts.{name}" for name in _COLUMNS)

INSERT = (
    f"INSERT INTO alerts ({', '.join(_WRITABLE)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_WRITABLE))}) ON CONFLICT (key) DO NOTHING"
)
# What waits behind an alert of its own subject stays behind it: one that its receiver has refused, or that
# gathers in a window which has been made shorter meanwhile, or was opened before the clock was set back.
_BEFORE = (
    "SELECT 1 FROM alerts AS before WHERE before.state IN ('queued', 'retrying') "
    "AND before.lane = alerts.lane AND before.kind = alerts.kind AND before.subject = alerts.subject "
    "AND before.row < alerts.row AND (before.state = 'retrying' OR NOT before.delayed)"
)
# Only where it matters: before a lane that rests, thousands may wait behind each other.
_FREE = f"NOT EXISTS ({_BEFORE} AND before.due_at > :now)"
DUE = (
    f"SELECT {_OF_ALERTS} FROM alerts LEFT JOIN lanes ON lanes.lane = alerts.lane "  # noqa: S608
    "WHERE alerts.state IN ('queued', 'retrying') AND alerts.due_at <= :now "
    "AND alerts.lane NOT IN (SELECT value FROM json_each(:busy)) "
    f"AND CASE WHEN coalesce(lanes.retry_at, 0) <= :now THEN {_FREE} END "
    "ORDER BY alerts.due_at, alerts.row LIMIT :limit"
)
NEXT_DUE = (
    "SELECT min(max(alerts.due_at, coalesce(lanes.retry_at, 0))) FROM alerts "  # noqa: S608
    "LEFT JOIN lanes ON lanes.lane = alerts.lane WHERE alerts.state IN ('queued', 'retrying') "
    "AND alerts.lane NOT IN (SELECT value FROM json_each(:busy)) "
    f"AND CASE WHEN max(alerts.due_at, coalesce(lanes.retry_at, 0)) <= :now THEN {_FREE} ELSE 1 END"
)
ROW_OF_KEY = "SELECT row FROM alerts WHERE key = ?"
TESTED = "UPDATE alerts SET state = ?, last_error = ?, ended_at = ? WHERE row = ?"
CLAIM = "UPDATE alerts SET message = ? WHERE row IN (SELECT value FROM json_each(?))"
SENT = (
    "UPDATE alerts SET state = 'sent', attempts = attempts + 1, last_error = '', ended_at = ? "
    "WHERE row IN (SELECT value FROM json_each(?))"
)
SUPPRESS = (
    "UPDATE alerts SET state = 'suppressed', why = ?, ended_at = ? "
    "WHERE row IN (SELECT value FROM json_each(?)) AND state IN ('queued', 'retrying')"
)
TRIED = (
    "UPDATE alerts SET state = 'retrying', attempts = attempts + 1, last_error = ?1, "
    "first_tried_at = coalesce(first_tried_at, ?2), due_at = max(due_at, ?3) "
    "WHERE row IN (SELECT value FROM json_each(?4))"
)
GIVE_UP = (
    "UPDATE alerts SET state = 'failed', last_error = ?, why = ?, ended_at = ? "
    "WHERE row IN (SELECT value FROM json_each(?)) AND state IN ('queued', 'retrying') RETURNING row"
)
SUPPRESS_DELAYED = (
    "UPDATE alerts SET state = 'suppressed', why = ?1, ended_at = ?2 "
    "WHERE incident = ?3 AND delayed AND due_at > ?2 AND state IN ('queued', 'retrying')"
)
SUPPRESS_DELAYED_EVENT = (
    "UPDATE alerts SET state = 'suppressed', why = ?1, ended_at = ?2 WHERE kind = ?3 AND subject = ?4 "
    "AND event = ?5 AND delayed AND due_at > ?2 AND state IN ('queued', 'retrying')"
)
RELEASE = (
    "UPDATE alerts SET due_at = ?2 WHERE account_id = ?1 AND state = 'queued' AND NOT delayed AND due_at > ?2"
)
CLOSE_WINDOWS = "UPDATE lanes SET window_ends_at = NULL, window_held = 0 WHERE account_id = ?"
WAITS = (
    "SELECT EXISTS (SELECT 1 FROM alerts WHERE incident = ? AND lane = ? AND state IN ('queued', 'retrying'))"
)
IS_TOLD = (
    "SELECT EXISTS (SELECT 1 FROM alerts WHERE incident = ? AND lane = ? AND event = ? "
    "AND state <> 'suppressed')"
)
LANES_OF = (
    "SELECT DISTINCT lane, target FROM alerts WHERE incident = ? AND state <> 'suppressed' "
    "AND event IN ('down', 'job_failed')"
)
LAST_OF_EVENT = (
    "SELECT max(created_at) FROM alerts WHERE kind = ? AND subject = ? AND event = ? "
    "AND state <> 'suppressed'"
)
LANES_OF_EVENT = (
    "SELECT DISTINCT lane, target FROM alerts WHERE kind = ?1 AND subject = ?2 AND event = ?3 "
    "AND state <> 'suppressed' AND created_at = ?4"
)
_FILTERS = (
    "account_id = :account_id AND (:state IS NULL OR state = :state) AND (:event IS NULL OR event = :event) "
    "AND (:incident IS NULL OR incident = (SELECT row FROM incidents WHERE id = :incident)) "
    "AND (:lane IS NULL OR lane = :lane) AND (:direct IS NULL OR target IS NOT NULL)"
)
PAGE = f"SELECT {_ALL} FROM alerts WHERE {_FILTERS} ORDER BY row DESC LIMIT :limit OFFSET :offset"  # noqa: S608
TOTAL = f"SELECT count(*) FROM alerts WHERE {_FILTERS}"  # noqa: S608
GET = f"SELECT {_ALL} FROM alerts WHERE account_id = ? AND row = ?"  # noqa: S608
TOGETHER = (
    f"SELECT {_ALL} FROM alerts WHERE account_id = ? AND message = ? AND row <> ? "  # noqa: S608
    # A message bears the id of the first that it tells.
    "AND row >= message ORDER BY row LIMIT ?"
)
OUTCOMES = "SELECT state, count(*) FROM alerts WHERE account_id = ? GROUP BY state"
COUNTS = "SELECT state, count(*) FROM alerts WHERE state IN ('queued', 'retrying') GROUP BY state"
OLDEST = (
    "SELECT min(created_at) FROM alerts WHERE state IN ('queued', 'retrying') "
    "AND (state = 'retrying' OR due_at <= ?)"
)

LANE = "SELECT lane, attempts, window_ends_at, window_held FROM lanes WHERE lane = ?"
SET_WINDOW = (
    "INSERT INTO lanes (lane, account_id, window_ends_at, window_held) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (lane) DO UPDATE SET window_ends_at = excluded.window_ends_at, "
    "window_held = excluded.window_held"
)
LANE_WELL = (
    "INSERT INTO lanes (lane, account_id, last_sent_at) VALUES (?, ?, ?) ON CONFLICT (lane) DO UPDATE SET "
    "attempts = 0, failing_since = NULL, retry_at = NULL, told_failing = 0, last_error = '', "
    "last_sent_at = excluded.last_sent_at"
)
LANE_FAILED = (
    "INSERT INTO lanes (lane, account_id, attempts, failing_since, retry_at, last_error) "
    "VALUES (?1, ?2, 1, ?3, ?4, ?5) ON CONFLICT (lane) DO UPDATE SET attempts = attempts + 1, "
    "failing_since = coalesce(failing_since, ?3), retry_at = ?4, last_error = ?5 "
    "RETURNING attempts, failing_since, told_failing"
)
LANE_TOLD = "UPDATE lanes SET told_failing = 1 WHERE lane = ?"
RETRY_NOW = "UPDATE lanes SET retry_at = NULL, attempts = 0 WHERE lane = ?"
LANES = (
    "SELECT lane, failing_since, last_error, last_sent_at, retry_at FROM lanes "
    "WHERE lane IN (SELECT value FROM json_each(?))"
)
# Rows of tests are about no subject: of all that an account was told, only these are looked at. The other
# columns are those of the row that has the max().
LAST_TESTS = (
    "SELECT lane, max(row), last_error, ended_at FROM alerts WHERE kind = '' AND subject = 0 "
    "AND event = 'test' AND lane IN (SELECT value FROM json_each(?)) GROUP BY lane"
)
RETRY_ALL = "UPDATE lanes SET retry_at = NULL, attempts = 0 WHERE retry_at IS NOT NULL"
SOONER = (
    "UPDATE alerts SET due_at = max(?1, due_at - ?2) WHERE state IN ('queued', 'retrying') AND due_at > ?1"
)
LANES_SOONER = "UPDATE lanes SET retry_at = max(?1, retry_at - ?2) WHERE retry_at > ?1"
FORGIVE_LANES = (
    "UPDATE lanes SET failing_since = failing_since + ?2 - max(?1, failing_since) WHERE failing_since < ?2"
)
FORGIVE_ALERTS = (
    "UPDATE alerts SET first_tried_at = first_tried_at + ?2 - max(?1, first_tried_at) "
    "WHERE state = 'retrying' AND first_tried_at < ?2"
)
SUPPRESS_OF = (
    "UPDATE alerts SET state = 'suppressed', why = ?, ended_at = ? WHERE kind = ? AND subject = ? "
    "AND state = 'queued' AND event <> 'recovered'"
)
FORGET_LANE = "DELETE FROM lanes WHERE lane = ?"
FORGET_OLD = (
    "DELETE FROM alerts WHERE row IN (SELECT alerts.row FROM alerts "
    "JOIN accounts ON accounts.id = alerts.account_id WHERE ended_at IS NOT NULL "
    "AND ended_at < ?1 - 86400000 * accounts.retention_days LIMIT ?2)"
)

_STORY = msgspec.json.Decoder(Story)


class Lane(NamedTuple):
    """What is known of a lane; times in milliseconds."""

    lane: str
    attempts: int
    window_ends_at: int | None
    window_held: int


class Place(NamedTuple):
    """A lane, and the address in it that is no channel's."""

    lane: str
    target: str | None


class Health(NamedTuple):
    """How a lane is doing; times in milliseconds."""

    lane: str
    failing_since: int | None
    last_error: str
    last_sent_at: int | None
    retry_at: int | None = None


class Tested(NamedTuple):
    """What became of a test of a channel at `at` (milliseconds); `error` is empty when it was delivered."""

    error: str
    at: int


def from_row(row: sqlite3.Row) -> Alert:
    """The Alert that a row holds."""
    values = dict(zip(_COLUMNS, tuple(row), strict=True))
    values["story"] = _STORY.decode(values["story"])
    values["delayed"] = bool(values["delayed"])
    return Alert(**values)


def insert(tx: sqlite3.Connection, alert: Alert) -> bool:
    """Queue an alert; False when it is there already, by its key."""
    values = [getattr(alert, name) for name in _WRITABLE]
    values[_WRITABLE.index("story")] = msgspec.json.encode(alert.story).decode()
    return tx.execute(INSERT, values).rowcount == 1


async def due(db: Database, now: int, busy: Iterable[str], limit: int) -> list[Alert]:
    """Alerts that may be sent now, in their order, but for those of busy lanes."""
    wanted = {"now": now, "busy": msgspec.json.encode(list(busy)).decode(), "limit": limit}
    return [from_row(row) for row in await db.fetch(DUE, wanted)]


async def next_due(db: Database, now: int, busy: Iterable[str]) -> int | None:
    """When the next alert of a lane that is not busy may be sent (milliseconds)."""
    wanted = {"now": now, "busy": msgspec.json.encode(list(busy)).decode()}
    row = await db.fetch_one(NEXT_DUE, wanted)
    return None if row is None else row[0]


def claim(tx: sqlite3.Connection, rows: Sequence[int], message: int) -> None:
    """Say that these alerts go out as one message."""
    tx.execute(CLAIM, (message, _list(rows)))


def sent(tx: sqlite3.Connection, rows: Sequence[int], now: int) -> None:
    """These alerts have been taken by their receiver."""
    tx.execute(SENT, (now, _list(rows)))


def suppress(tx: sqlite3.Connection, rows: Sequence[int], why: str, now: int) -> None:
    """Send these alerts no more."""
    if rows:
        tx.execute(SUPPRESS, (why, now, _list(rows)))


def suppress_delayed(tx: sqlite3.Connection, incident: int, why: str, now: int) -> None:
    """Send no alert of the incident whose delay has not passed."""
    tx.execute(SUPPRESS_DELAYED, (why, now, incident))


def suppress_delayed_event(
    tx: sqlite3.Connection, kind: str, subject: int, event: Event, why: str, now: int
) -> None:
    """Send no alert of that event of the subject whose delay has not passed."""
    tx.execute(SUPPRESS_DELAYED_EVENT, (why, now, kind, subject, event))


def tried(tx: sqlite3.Connection, rows: Sequence[int], error: str, now: int, due_at: int) -> None:
    """An attempt failed; these are not tried again before `due_at` (milliseconds)."""
    tx.execute(TRIED, (error, now, due_at, _list(rows)))


def give_up(tx: sqlite3.Connection, rows: Sequence[int], error: str, why: str, now: int) -> list[int]:
    """Try these no more; which of them had still waited."""
    found = tx.execute(GIVE_UP, (error, why, now, _list(rows))).fetchall() if rows else []
    return [int(row[0]) for row in found]


def release(tx: sqlite3.Connection, account_id: str, now: int) -> None:
    """Let all that gathers go now: the account has another window."""
    tx.execute(RELEASE, (account_id, now))
    tx.execute(CLOSE_WINDOWS, (account_id,))


def waits(tx: sqlite3.Connection, incident: int, lane: str) -> bool:
    """Whether an alert of the incident still waits for the lane."""
    return bool(tx.execute(WAITS, (incident, lane)).fetchone()[0])


def is_told(tx: sqlite3.Connection, incident: int, lane: str, event: Event) -> bool:
    """Whether the lane is told of that event of the incident, or was to be."""
    return bool(tx.execute(IS_TOLD, (incident, lane, event)).fetchone()[0])


def lanes_of(tx: sqlite3.Connection, incident: int) -> list[Place]:
    """Where an incident's failure was told, or is to be."""
    return [Place(*tuple(row)) for row in tx.execute(LANES_OF, (incident,)).fetchall()]


def last_of(tx: sqlite3.Connection, kind: str, subject: int, event: Event) -> int | None:
    """When the subject's latest alert of that event was queued, those that were suppressed left out."""
    (at,) = tx.execute(LAST_OF_EVENT, (kind, subject, event)).fetchone()
    return None if at is None else int(at)


def lanes_of_event(tx: sqlite3.Connection, kind: str, subject: int, event: Event, at: int) -> list[Place]:
    """Where the subject's alert of that event and moment was told."""
    return [Place(*tuple(row)) for row in tx.execute(LANES_OF_EVENT, (kind, subject, event, at)).fetchall()]


async def page(
    db: Database, account_id: str, filters: dict[str, str | None], *, limit: int, offset: int
) -> tuple[list[Alert], int]:
    """One page of an account's alerts, newest first, and how many in all.

    Filters: state event incident lane, and `direct` for those that go to no channel.
    """
    wanted: dict[str, object] = dict.fromkeys(("state", "event", "incident", "lane", "direct"))
    wanted |= {**filters, "account_id": account_id, "limit": limit, "offset": offset}
    rows = await db.fetch(PAGE, wanted)
    total = await db.fetch(TOTAL, wanted)
    return [from_row(row) for row in rows], int(total[0][0])


async def get(db: Database, account_id: str, row_number: int) -> Alert | None:
    """The account's alert of that row."""
    row = await db.fetch_one(GET, (account_id, row_number))
    return None if row is None else from_row(row)


async def together(db: Database, alert: Alert, most: int) -> list[Alert]:
    """The other alerts that went out in the message of this one."""
    wanted = (alert.account_id, alert.message, alert.row, most)
    return [from_row(row) for row in await db.fetch(TOGETHER, wanted)]


async def outcomes(db: Database, account_id: str) -> dict[State, int]:
    """How many alerts of the account there are, by state."""
    return {row[0]: row[1] for row in await db.fetch(OUTCOMES, (account_id,))}


async def counts(db: Database) -> dict[str, int]:
    """How many alerts wait, by state."""
    return {row[0]: row[1] for row in await db.fetch(COUNTS)}


async def oldest(db: Database, now: int) -> int | None:
    """When the oldest alert that should have been sent was queued (milliseconds)."""
    row = await db.fetch_one(OLDEST, (now,))
    return None if row is None else row[0]


def row_of_key(tx: sqlite3.Connection, key: str) -> int:
    """The row of the alert of that key."""
    return int(tx.execute(ROW_OF_KEY, (key,)).fetchone()[0])


def tested(tx: sqlite3.Connection, row_number: int, error: str, now: int) -> None:
    """Record what became of a test."""
    tx.execute(TESTED, ("failed" if error else "sent", error, now, row_number))


# Lanes.


def lane(tx: sqlite3.Connection, name: str) -> Lane | None:
    """What is known of a lane."""
    row = tx.execute(LANE, (name,)).fetchone()
    return None if row is None else Lane(*tuple(row))


def set_window(tx: sqlite3.Connection, name: str, account_id: str, ends_at: int, held: int) -> None:
    """The lane's alerts gather until `ends_at` (milliseconds)."""
    tx.execute(SET_WINDOW, (name, account_id, ends_at, held))


def lane_well(tx: sqlite3.Connection, name: str, account_id: str, now: int) -> None:
    """The lane has delivered."""
    tx.execute(LANE_WELL, (name, account_id, now))


def lane_failed(
    tx: sqlite3.Connection, name: str, account_id: str, now: int, retry_at: int | None, error: str
) -> tuple[int, int, bool]:
    """The lane did not deliver: its attempts in a row, since when it fails, and whether that was told."""
    row = tx.execute(LANE_FAILED, (name, account_id, now, retry_at, error)).fetchone()
    return int(row[0]), int(row[1]), bool(row[2])


def lane_told(tx: sqlite3.Connection, name: str) -> None:
    """That the lane fails has been told elsewhere."""
    tx.execute(LANE_TOLD, (name,))


def retry_now(tx: sqlite3.Connection, name: str) -> None:
    """Try the lane again at once: its settings have changed."""
    tx.execute(RETRY_NOW, (name,))


def retry_all(tx: sqlite3.Connection) -> None:
    """Try all lanes again at once: our own network is back."""
    tx.execute(RETRY_ALL)


def sooner(tx: sqlite3.Connection, now: int, milliseconds: int) -> None:
    """Everything that waits is due so much sooner, at `now` at the soonest: the clock was set back."""
    tx.execute(SOONER, (now, milliseconds))
    tx.execute(LANES_SOONER, (now, milliseconds))


def forgive(tx: sqlite3.Connection, started_at: int, ended_at: int) -> None:
    """Count a time (milliseconds) in which nothing could be tried against no lane and no alert."""
    tx.execute(FORGIVE_LANES, (started_at, ended_at))
    tx.execute(FORGIVE_ALERTS, (started_at, ended_at))


def suppress_of(tx: sqlite3.Connection, kind: str, subject: int, why: str, now: int) -> None:
    """Send nothing of the subject any more that was never tried, but for ends of what was told."""
    tx.execute(SUPPRESS_OF, (why, now, kind, subject))


def forget_lane(tx: sqlite3.Connection, name: str) -> None:
    """The lane's channel is gone."""
    tx.execute(FORGET_LANE, (name,))


async def lanes(db: Database, names: Iterable[str]) -> dict[str, Health]:
    """How these lanes are doing, by name; those that were never used are absent."""
    rows = await db.fetch(LANES, (msgspec.json.encode(list(names)).decode(),))
    return {row[0]: Health(*tuple(row)) for row in rows}


async def last_tests(db: Database, names: Iterable[str]) -> dict[str, Tested]:
    """The last test of each of these channels, by its id; those that were never tested are absent."""
    rows = await db.fetch(LAST_TESTS, (msgspec.json.encode(list(names)).decode(),))
    return {row[0]: Tested(row[2], row[3]) for row in rows}


def forget_old(tx: sqlite3.Connection, before: Iterable[tuple[int, int]], most: int) -> int:
    """Remove alerts past their account's retention as of the moments of `before`; how many."""
    removed = 0
    for _, now in before:
        removed += tx.execute(FORGET_OLD, (now, most - removed)).rowcount
    return removed


def _list(rows: Sequence[int]) -> str:
    return msgspec.json.encode(list(rows)).decode()
