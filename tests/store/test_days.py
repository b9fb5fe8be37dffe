"""The days of jobs and heartbeats: what the executions and events say, whatever becomes of these."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tickd.domain.executions import Outcome
from tickd.domain.pings import Event, EventKind
from tickd.domain.times import DAY
from tickd.store import days, executions, migrate, pings
from tickd.store.database import Database

AT = 20_524 * DAY + 5
SPAN = range(20_520, 20_530)
JOB_DAYS = "SELECT day, job, success, failed, missed, skipped, duration_sum, duration_count FROM job_days"
STARTED = (
    "INSERT INTO executions (job, scheduled_at, trigger, status, duration_ms) VALUES (?, ?, 'schedule', ?, ?)"
)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(str(tmp_path / "tickd.db"))
    yield database
    await database.close()


async def stored(db: Database, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await db.fetch(sql)]


async def do(db: Database, sql: str, *params: object) -> None:
    await db.write(lambda tx: tx.execute(sql, params).fetchall())


async def ran(db: Database, job: int, at: int, status: str, took: int = 0) -> int:
    def unit(tx: sqlite3.Connection) -> int:
        return tx.execute(STARTED, (job, at, status, took)).lastrowid or 0

    return await db.write(unit)


async def happened(
    db: Database, heartbeat: int, at: int, kind: EventKind = "success", **more: object
) -> None:
    event = Event(row=0, heartbeat=heartbeat, at=at, received_at=at, kind=kind, **more)  # type: ignore[arg-type]
    await db.write(lambda tx: pings.insert(tx, event))


async def of_heartbeat(db: Database, heartbeat: int) -> dict[int, tuple[int, ...]]:
    """By day (success, degraded, failed, missed), whether it is counted already or not."""
    stored, newest = await days.of_kind(db, "heartbeat", [heartbeat], SPAN)
    found = {row[0]: tuple(row[2:6]) for row in stored}
    for (day, _), counts in newest.items():
        before = found.get(day, (0, 0, 0, 0))
        found[day] = tuple(map(sum, zip(before, counts[:4], strict=True)))
    return found


async def test_an_execution_counts_once_when_it_has_ended_on_the_day_it_was_planned_for(db: Database) -> None:
    row = await ran(db, 1, AT, "pending")
    assert await stored(db, JOB_DAYS) == []
    await do(db, "UPDATE executions SET status = 'running' WHERE row = ?", row)
    assert await stored(db, JOB_DAYS) == []
    outcome = Outcome("success", status_code=200, duration_ms=40)
    await db.write(lambda tx: executions.end(tx, row, outcome, AT + 2 * DAY))
    assert await stored(db, JOB_DAYS) == [(20_524, 1, 1, 0, 0, 0, 40, 1)]
    # What ends again has ended before.
    await db.write(lambda tx: executions.end(tx, row, Outcome("failed", "late"), AT + 3 * DAY))
    assert await stored(db, JOB_DAYS) == [(20_524, 1, 1, 0, 0, 0, 40, 1)]


async def test_each_fate_has_its_count(db: Database) -> None:
    fates = ("success", "success", "failed", "timeout", "missed", "skipped", "pending", "running")
    for place, fate in enumerate(fates):
        await ran(db, 1, AT + place, fate, 10)
    assert await stored(db, JOB_DAYS) == [(20_524, 1, 2, 2, 1, 1, 60, 6)]
    for row in (7, 8):
        await db.write(lambda tx, row=row: executions.close(tx, row, "missed", "away", AT))  # type: ignore[misc]
    assert await stored(db, JOB_DAYS) == [(20_524, 1, 2, 2, 3, 1, 80, 8)]


async def test_what_is_reopened_or_ends_otherwise_is_taken_back(db: Database) -> None:
    row = await ran(db, 1, AT, "failed", 30)
    await ran(db, 1, AT + 1, "success", 10)
    await do(db, "UPDATE executions SET status = 'pending' WHERE row = ?", row)
    assert await stored(db, JOB_DAYS) == [(20_524, 1, 1, 0, 0, 0, 10, 1)]
    await do(db, "UPDATE executions SET status = 'timeout' WHERE row = ?", row)
    await do(db, "UPDATE executions SET status = 'success' WHERE row = ?", row)
    assert await stored(db, JOB_DAYS) == [(20_524, 1, 2, 0, 0, 0, 40, 2)]


async def test_a_unit_that_fails_leaves_the_days_alone(db: Database) -> None:
    def unit(tx: sqlite3.Connection) -> None:
        tx.execute(STARTED, (1, AT, "success", 1))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await db.write(unit)
    assert await stored(db, JOB_DAYS) == []


async def test_days_outlive_the_executions_and_go_with_their_job_in_slices(db: Database) -> None:
    for day in range(5):
        for job in (1, 2):
            await ran(db, job, AT + day * DAY, "success")
    await db.write(lambda tx: executions.forget_old(tx, [(1, AT + 9 * DAY)], 100))
    assert len(await stored(db, "SELECT 1 FROM executions WHERE job = 1")) == 0
    assert len(await stored(db, "SELECT 1 FROM job_days WHERE job = 1")) == 5
    await do(db, "INSERT INTO deleted_jobs (row) VALUES (1)")
    left = []
    for _ in range(3):
        await db.write(lambda tx: executions.forget_job(tx, 1, 2))
        left.append(len(await stored(db, "SELECT 1 FROM job_days WHERE job = 1")))
    assert left == [3, 1, 0]
    assert await stored(db, "SELECT * FROM deleted_jobs") == []
    assert len(await stored(db, "SELECT 1 FROM job_days")) == 5


async def test_pings_are_in_their_day_before_and_after_they_are_counted(db: Database) -> None:
    await happened(db, 1, AT)
    await happened(db, 1, AT + 1, degraded=True)
    await happened(db, 1, AT + 2, "fail")
    await happened(db, 1, AT + DAY, "missed")
    await happened(db, 1, AT + DAY, "overran")
    await happened(db, 2, AT)
    for kind in ("start", "log", "moved"):
        await happened(db, 1, AT + 3, kind)
    await happened(db, 1, AT + 4, accepted=False)
    wanted = {20_524: (1, 1, 1, 0), 20_525: (0, 0, 0, 2)}
    assert await of_heartbeat(db, 1) == wanted
    assert await stored(db, "SELECT * FROM heartbeat_days") == []
    turns = 0
    while await days.has_uncounted(db):
        await db.write(lambda tx: days.count_pings(tx, 2))
        turns += 1
        assert await of_heartbeat(db, 1) == wanted
    assert turns == 5
    assert not await db.write(lambda tx: days.count_pings(tx, 2))
    assert len(await stored(db, "SELECT * FROM heartbeat_days")) == 3
    # What comes late counts on the day it was sent.
    await happened(db, 1, AT + 5)
    await db.write(lambda tx: days.count_pings(tx, 100))
    assert await of_heartbeat(db, 1) == wanted | {20_524: (2, 1, 1, 0)}


@pytest.mark.parametrize("is_counted", [True, False])
async def test_a_repaired_miss_is_taken_back(db: Database, is_counted: bool) -> None:
    await happened(db, 1, AT, "missed")
    await happened(db, 1, AT + 1, "missed")
    if is_counted:
        await db.write(lambda tx: days.count_pings(tx, 100))
    assert await db.write(lambda tx: pings.repair(tx, 1, AT, AT + 1)) == 1
    assert await of_heartbeat(db, 1) == {20_524: (0, 0, 0, 1)}
    await db.write(lambda tx: days.count_pings(tx, 100))
    assert await of_heartbeat(db, 1) == {20_524: (0, 0, 0, 1)}


async def test_days_outlive_the_pings_and_go_with_their_heartbeat(db: Database) -> None:
    for day in range(3):
        await happened(db, 1, AT + day * DAY)
    await db.write(lambda tx: days.count_pings(tx, 100))
    await db.write(lambda tx: pings.forget_old(tx, [(1, AT + 9 * DAY)], 100))
    assert len(await of_heartbeat(db, 1)) == 3
    await do(db, "INSERT INTO deleted_heartbeats (row) VALUES (1)")
    await db.write(lambda tx: pings.forget_heartbeat(tx, 1, 2))
    assert len(await of_heartbeat(db, 1)) == 1
    await db.write(lambda tx: pings.forget_heartbeat(tx, 1, 2))
    assert await of_heartbeat(db, 1) == {}
    assert await stored(db, "SELECT * FROM deleted_heartbeats") == []


async def test_blind_times_that_reach_into_the_span_are_found(db: Database) -> None:
    def unit(tx: sqlite3.Connection) -> None:
        rows = [(10, 20), (30, 100), (150, 160), (300, 400)]
        tx.executemany("INSERT INTO blind_intervals VALUES (?, ?, 'away')", rows)

    await db.write(unit)
    assert await days.blind(db, 50, 200) == [(30, 100), (150, 160)]
    assert await days.blind(db, 500, 600) == []


def test_a_file_of_before_gets_its_days_out_of_what_it_holds(tmp_path: Path) -> None:
    steps = migrate.read_steps(migrate.MIGRATIONS)
    number = next(step.number for step in steps if step.name == "0006_days.sql")
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as connection:
        migrate.migrate(connection, "old.db", steps[: number - 1])
        for place, status in enumerate(("success", "failed", "missed", "running")):
            connection.execute(STARTED, (1, AT + place, status, 7 if place < 2 else 0))
        events = (("success", 1, 0, 0), ("success", 1, 1, 0), ("fail", 1, 0, 0), ("missed", 1, 0, 1))
        for kind, accepted, degraded, repaired in (*events, ("missed", 1, 0, 0), ("success", 0, 0, 0)):
            connection.execute(
                "INSERT INTO heartbeat_events (heartbeat, at, received_at, kind, accepted, degraded, "
                "repaired, rid, source_ip, user_agent, message) VALUES (3, ?, ?, ?, ?, ?, ?, '', '', '', '')",
                (AT, AT, kind, accepted, degraded, repaired),
            )
        migrate.migrate(connection, "old.db", steps)
        assert connection.execute(JOB_DAYS).fetchall() == [(20_524, 1, 1, 1, 1, 0, 14, 2)]
        assert connection.execute("SELECT * FROM heartbeat_days").fetchall() == [(20_524, 3, 1, 1, 1, 1)]
        assert connection.execute("SELECT upto FROM heartbeat_days_pass").fetchone() == (6,)


@pytest.mark.parametrize("kind", ["job", "heartbeat"])
async def test_no_other_subjects_days_are_read(db: Database, kind: str) -> None:
    sql = days.OF_JOBS if kind == "job" else days.OF_HEARTBEATS
    plan = [row[3] for row in await db.fetch(f"EXPLAIN QUERY PLAN {sql}", {"rows": "[1]", "days": "[1]"})]
    assert f"SEARCH {kind}_days USING PRIMARY KEY (day=? AND {kind}=?)" in plan
    assert not [step for step in plan if step.startswith("SCAN") and step.endswith(("_days", "_events"))]
