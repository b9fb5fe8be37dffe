"""The statements about deferred executions read those alone, however long the history is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tickd.store import gates, jobs
from tickd.store.database import Database


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        (gates.TO_LOOK_AT, (0, 1), "executions_deferred"),
        (gates.COUNT, (), "executions_deferred"),
        (jobs.NEXT_DUE, (), "executions_deferred"),
        (gates.OF_JOB, (1,), "executions_open"),
        (gates.SHIFT, (1, 1), "executions_open"),
        (gates.DOWN, ("[]", "acc"), None),
        (gates.NAMED, ("[]",), None),
    ],
    ids=["to look at", "count", "next due", "of job", "shift", "down", "named"],
)
async def test_no_statement_reads_a_whole_table(
    tmp_path: Path, statement: str, values: tuple[object, ...], index: str | None
) -> None:
    database = await Database.open(str(tmp_path / "t.db"))

    def unit(tx: sqlite3.Connection) -> list[str]:
        return [str(row[3]) for row in tx.execute(f"EXPLAIN QUERY PLAN {statement}", values)]

    try:
        steps = await database.write(unit)
    finally:
        await database.close()
    scanned = [step for step in steps if step.startswith("SCAN") and "wanted" not in step]
    assert scanned in ([], ["SCAN CONSTANT ROW"])
    used = [step for step in steps if step.startswith("SEARCH executions")]
    assert used == [step for step in used if f"INDEX {index} " in step]
    assert bool(used) == (index is not None)
