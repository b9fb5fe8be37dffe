"""The log of checks, the tables of its days, and the mark between the two."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import NOON
from tickd.domain import times
from tickd.domain.checks import STATUSES, Check, parse_id
from tickd.store import checks
from tickd.store.checks import DONE, Pass, Row
from tickd.store.database import Database

HOUR = NOON // times.HOUR
DAY = NOON // times.DAY


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(str(tmp_path / "tickd.db"))
    yield database
    await database.close()


def row(seq: int, monitor: int = 1, at: int = NOON, **more: Any) -> Row:
    return checks.to_row(seq, Check(monitor=monitor, at=at, status="up", **more))


async def logged(db: Database, log: int) -> list[int]:
    return [seq for (seq,) in await db.fetch(f"SELECT seq FROM check_log_{log} ORDER BY seq")]  # noqa: S608


def test_an_id_says_monitor_and_time() -> None:
    for monitor, at in ((1, NOON), (2**22 - 1, 2**41 - 1), (7, 0)):
        check = Check(monitor=monitor, at=at, status="up")
        assert check.id == Check(monitor=monitor, at=at, status="down").id
        assert parse_id(check.id) == (monitor, at)
    for wrong in ("", "chk_", "exe_0123456789abc", "chk_0123456789abu", "chk_zzzzzzzzzzzzz"):
        assert parse_id(wrong) is None


def test_the_columns_of_a_log_are_those_of_the_schema() -> None:
    assert STATUSES == ("up", "down", "timeout", "degraded", "unknown")
    assert len(row(1)) == len(checks.COLUMNS)


async def test_the_schema_has_the_columns(db: Database) -> None:
    for log in (0, 1):
        found = await db.fetch(f"SELECT name FROM pragma_table_info('check_log_{log}')")  # noqa: S608
        assert tuple(name for (name,) in found) == checks.COLUMNS


async def test_a_row_is_written_once_whichever_log_it_is_in(db: Database) -> None:
    for hour in (None, HOUR, HOUR + 1):
        if hour is not None:
            number = (await checks.last_pass(db)).number + 1
            await db.write(lambda tx, n=number, h=hour: checks.start_pass(tx, n, h, 0))  # type: ignore[misc]
        await db.write(lambda tx: checks.append(tx, [row(1), row(2)]))
    assert (await logged(db, 0), await logged(db, 1)) == ([1, 2], [])


async def test_a_value_that_cannot_be_stored_is_named(db: Database) -> None:
    rows = [row(1), row(2, held_ms=1 << 64), row(3)]
    assert await db.write(lambda tx: checks.append(tx, rows)) == [2]
    assert await logged(db, 0) == [1, 3]


async def test_a_pass_from_its_start_to_its_end(db: Database) -> None:
    rows = [
        row(1, 1),
        row(2, 2),
        row(3, 1, NOON + 7),
        row(4, 1, NOON + times.HOUR),
        row(5, 2, NOON - times.HOUR),
    ]
    await db.write(lambda tx: checks.append(tx, rows))
    assert await checks.edges(db) == (1, 5)
    await db.write(lambda tx: checks.start_pass(tx, 1, HOUR, 5))
    await db.write(lambda tx: checks.start_pass(tx, 1, HOUR, 5))
    assert await checks.last_pass(db) == Pass(1, HOUR, 5, 0)
    assert await checks.days(db) == {DAY}
    await db.write(lambda tx: checks.append(tx, [row(6, 2, NOON + 1)]))

    def move(tx: sqlite3.Connection) -> bool:
        if not checks.advance(tx, 1, 0, 1):
            return False
        checks.move(tx, HOUR, [1, 3])
        return True

    assert await db.write(move)
    assert not await db.write(move)  # it was done
    mark, found = await checks.rows(db, 1, seqs=[4], hours={DAY: [11, 12, 13]})
    assert (mark, sorted(found)) == (Pass(1, HOUR, 5, 1), [NOON, NOON + 7, NOON + times.HOUR])
    assert await checks.counted(db, 1, 9, mark) == [(1, 1, 0), (2, 3, 0)]
    odd = [Check(monitor=3, at=n, status=status, maintenance=n > 4) for n, status in enumerate(2 * STATUSES)]
    await db.write(lambda tx: checks.append(tx, [checks.to_row(20 + one.at, one) for one in odd]))
    assert await checks.counted(db, 20, 40, mark) == [(3, 4, 2)]
    found = (await checks.rows(db, 3, seqs=[*range(20, 40)], hours={}))[1]
    assert [checks.to_check(3, at, found[at]) for at in range(10)] == odd
    assert list((await checks.rows(db, 3, seqs=[*range(20, 40)], hours={}, status=1))[1]) == [1, 6]
    await db.write(lambda tx: checks.delete_logged(tx, [*range(20, 40)]))
    assert [seq for seq, *_ in await checks.scan(db, 1, 9, 4)] == [1, 2, 3, 4]
    assert [seq for seq, *_ in await checks.scan_monitors(db, 1, 9, [2])] == [2, 5, 6]

    def end(tx: sqlite3.Connection) -> None:
        checks.advance(tx, 1, 1, DONE)
        checks.move(tx, HOUR, [2])
        checks.carry(tx, Pass(1, HOUR, 5, DONE), 1, 9)
        checks.end_pass(tx, 1)

    await db.write(end)
    assert (await logged(db, 0), await logged(db, 1)) == ([], [4, 5, 6])
    assert await checks.last_pass(db) == Pass(1, None, 5, DONE)
    assert sorted((await checks.rows(db, 2, seqs=[], hours={DAY: [12]}))[1]) == [NOON]


async def test_a_page_reads_only_its_own_rows(db: Database) -> None:
    """Whatever SQLite's planner is told: by place, never the whole day."""
    await db.write(lambda tx: checks.start_pass(tx, 1, HOUR, 5))
    sql = checks._FROM_DAY.format(day=DAY, start=0, columns="status")
    plan = [found[3] for found in await db.fetch("EXPLAIN QUERY PLAN " + sql, ("[12]", 1, 1))]
    assert any("USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in step for step in plan)


async def test_a_day_goes_in_slices(db: Database) -> None:
    rows = [row(seq, 1, NOON + seq) for seq in range(1, 11)]

    def fill(tx: sqlite3.Connection) -> None:
        checks.append(tx, rows)
        checks.start_pass(tx, 1, HOUR, 10)
        checks.move(tx, HOUR, list(range(1, 11)))

    await db.write(fill)
    assert await db.write(lambda tx: checks.thin_day(tx, DAY, 4)) == 4
    assert sorted((await checks.rows(db, 1, seqs=[], hours={DAY: [12]}))[1])[0] == NOON + 5
    await db.write(lambda tx: checks.drop_day(tx, DAY))
    assert await checks.days(db) == set()
