"""Rollups: added to what is there, read by key, and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tickd.domain.checks import CheckStatus
from tickd.domain.uptime import COUNTS, Bucket
from tickd.store import rollups
from tickd.store.database import Database


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(str(tmp_path / "tickd.db"))
    yield database
    await database.close()


def bucket(*checks: tuple[CheckStatus, float | None], maintenance: bool = False) -> Bucket:
    made = Bucket()
    for status, ms in checks:
        made.add(status, ms, 1000, maintenance)
    return made


async def test_the_schema_has_the_counts(db: Database) -> None:
    for span in ("hour", "day"):
        found = await db.fetch(f"SELECT name FROM pragma_table_info('{span}_rollups')")  # noqa: S608
        assert sorted(name for (name,) in found) == sorted((span, "monitor", *COUNTS, "histogram"))


async def test_what_comes_later_is_added(db: Database) -> None:
    first, second = bucket(("up", 1.5), ("down", None)), bucket(("up", 900.0))
    await db.write(lambda tx: rollups.add(tx, "day", 5, [(1, first), (3, first)]))
    await db.write(lambda tx: rollups.add(tx, "day", 5, [(2, second), (3, second)]))
    await db.write(lambda tx: rollups.add(tx, "day", 6, [(3, second)]))
    whole = bucket(("up", 1.5), ("down", None), ("up", 900.0))
    mark, found = await rollups.of_monitor(db, "day", 3, range(9))
    assert (mark.number, found) == (0, {5: whole, 6: second})
    assert (await rollups.of_monitor(db, "day", 3, [6]))[1] == {6: second}
    assert (await rollups.counts_of_monitor(db, "day", 3, range(9)))[1] == {
        5: (2, 1, 0, 0, 0),
        6: (1, 0, 0, 0, 0),
    }
    _, sums = await rollups.sums(db, [3, 2, 9], 5, 6)
    whole.merge(second)
    assert sums == {3: tuple(whole.counts().values()), 2: tuple(second.counts().values())}
    assert await rollups.checks_of_day(db, 5) == 2 + 1 + 3
    assert await rollups.edges(db, "day") == (5, 6)
    await db.write(lambda tx: rollups.forget(tx, "day", 3, range(9)))
    assert (await rollups.of_monitor(db, "day", 3, range(9)))[1] == {}
    assert (await rollups.of_monitor(db, "day", 2, range(9)))[1] == {5: second}


async def test_what_was_in_maintenance_is_added_apart(db: Database) -> None:
    planned, plain = bucket(("up", 1.5), ("down", None), maintenance=True), bucket(("down", 900.0))
    for part in (planned, plain):
        await db.write(lambda tx, part=part: rollups.add(tx, "day", 5, [(1, part)]))  # type: ignore[misc]
    found = (await rollups.of_monitor(db, "day", 1, [5]))[1][5]
    assert (found.checks, found.failed, found.uptime_percent()) == (1, 1, 0.0)
    assert (found.maintenance, found.maintenance_failed, found.held_maintenance) == (2, 1, 2000)
    # Pages of checks are counted by status, wherever they were made.
    assert (await rollups.counts_of_monitor(db, "day", 1, [5]))[1] == {5: (1, 2, 0, 0, 0)}


async def test_old_hours_go_in_slices(db: Database) -> None:
    for hour in (7, 8, 9):
        await db.write(
            lambda tx, hour=hour: rollups.add(tx, "hour", hour, [(m, bucket(("up", 1.0))) for m in (1, 2, 3)])  # type: ignore[misc]
        )
    gone = [await db.write(lambda tx: rollups.forget_old(tx, 9, 4)) for _ in range(3)]
    assert gone == [4, 2, 0]
    assert await rollups.edges(db, "hour") == (9, 9)


@pytest.mark.parametrize("query", [rollups.OF_MONITOR, rollups.COUNTS_OF_MONITOR])
async def test_a_monitor_is_found_by_key(db: Database, query: str) -> None:
    plan = await db.fetch("EXPLAIN QUERY PLAN " + query.format(span="hour"), (1, "[1]"))
    assert any("PRIMARY KEY (hour=? AND monitor=?)" in step[3] for step in plan)
