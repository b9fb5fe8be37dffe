"""Databases of every earlier schema, made by the tickd of their time, open with today's.

`versions/NNNN.sql` are dumps of files that daemons of those days wrote: jobs with their runs, monitors with
checks, heartbeats with pings, incidents, alerts, a user, a status page, as far as there was any. Where no
daemon ever ran on a schema (5, 6 and 8), it is the file before it, taken on by the steps of the time.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import running
from tickd.clock import SystemClock
from tickd.errors import StartupError
from tickd.store import migrate
from tickd.store.database import Database

VERSIONS = sorted((Path(__file__).parent / "versions").glob("*.sql"))
STEPS = migrate.read_steps(migrate.MIGRATIONS)
HISTORY = (
    "facts",
    "accounts",
    "api_keys",
    "jobs",
    "executions",
    "monitors",
    "heartbeats",
    "incidents",
    "users",
)

each_version = pytest.mark.parametrize("dump", VERSIONS, ids=lambda one: one.stem)


def made(dump: Path, path: Path) -> Path:
    """The database of a dump, in the mode that the daemon leaves it in."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(dump.read_text("utf-8"))
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
    return path


def rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of the tables that every version may have, in their order."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        found = {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY 1")]  # noqa: S608
            for name in HISTORY
            if name in tables
        }
        return {name: some for name, some in found.items() if some}


def schema(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT type, name, tbl_name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
        return connection.execute(sql).fetchall()


def check(path: Path) -> None:
    """It is at today's schema, sound, and nothing in it refers to what is not there."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_there_is_a_database_of_every_earlier_schema() -> None:
    assert [int(one.stem) for one in VERSIONS][: len(STEPS) - 1] == list(range(1, len(STEPS)))
    for one in VERSIONS:
        assert f"PRAGMA user_version={int(one.stem)};" in one.read_text("utf-8")


@each_version
async def test_a_database_of_that_time_is_served(dump: Path, tmp_path: Path) -> None:
    path = await asyncio.to_thread(made, dump, tmp_path / "t.db")
    before = await asyncio.to_thread(rows, path)
    assert len(before["jobs"]) >= 3 and len(before["executions"]) >= 3
    async with running(path, clock=FakeClock(SystemClock().now())) as tickd:
        jobs = {one["name"]: one for one in (await tickd.call("GET", "/v1/jobs")).json["jobs"]}
        assert set(jobs) == {"nightly", "broken", "rests"}
        assert jobs["rests"]["status"] == "paused"
        assert len(await tickd.executions(jobs["nightly"]["id"])) >= 2
        for kind in ("monitors", "heartbeats"):
            listed = (await tickd.call("GET", f"/v1/{kind}")).json[kind]
            assert {one["id"] for one in listed} == {one["id"] for one in before.get(kind, [])}
        assert (await tickd.call("POST", f"/v1/jobs/{jobs['rests']['id']}/resume")).status == 200
        assert (await tickd.call("GET", "/readyz")).status == 200
    await asyncio.to_thread(check, path)
    after = await asyncio.to_thread(rows, path)
    for table in before:
        ids = [one.get("id", one.get("name")) for one in before[table]]
        assert [one.get("id", one.get("name")) for one in after[table]][: len(ids)] == ids


@each_version
async def test_every_row_and_value_is_carried_over(dump: Path, tmp_path: Path) -> None:
    path = await asyncio.to_thread(made, dump, tmp_path / "t.db")
    before = await asyncio.to_thread(rows, path)
    database = await Database.open(str(path))
    await database.close()
    await asyncio.to_thread(check, path)
    after = await asyncio.to_thread(rows, path)
    for table, found in before.items():
        assert len(after[table]) == len(found)
        for old, new in zip(found, after[table], strict=True):
            assert {name: new[name] for name in old if name in new} == {
                name: value for name, value in old.items() if name in new
            }
    fresh = await Database.open(str(tmp_path / "fresh.db"))
    await fresh.close()
    assert await asyncio.to_thread(schema, path) == await asyncio.to_thread(schema, tmp_path / "fresh.db")


def test_an_upgrade_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """A process of its own takes on a file of the first schema, and is killed in the middle of a step."""
    for number in range(2, len(STEPS) + 1):
        path = made(VERSIONS[0], tmp_path / f"{number}.db")
        before = rows(path)
        child = os.fork()
        if child == 0:
            _upgrade_and_die(path, number)
        assert os.waitpid(child, 0)[1] == 9
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (number - 1,)
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            assert migrate.migrate(connection, str(path), STEPS) == len(STEPS)
        check(path)
        assert [one["id"] for one in rows(path)["jobs"]] == [one["id"] for one in before["jobs"]]


def _upgrade_and_die(path: Path, number: int) -> None:
    """Apply the steps, and end by SIGKILL at the last statement of step `number`, before its commit."""
    try:
        connection = sqlite3.connect(path, isolation_level=None)

        def watch(statement: str) -> None:
            if statement == f"PRAGMA user_version={number}":
                os.kill(os.getpid(), 9)

        connection.set_trace_callback(watch)
        migrate.migrate(connection, str(path), STEPS)
    finally:
        os._exit(1)


async def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = await asyncio.to_thread(made, VERSIONS[-1], tmp_path / "t.db")
    with closing(await asyncio.to_thread(sqlite3.connect, path, check_same_thread=False)) as connection:
        connection.execute(f"PRAGMA user_version={len(STEPS) + 1}")
    before = path.read_bytes()
    with pytest.raises(StartupError, match=rf"written by a newer tickd \(schema {len(STEPS) + 1}, this one"):
        async with running(path):
            pass
    assert path.read_bytes() == before
