"""The schema's steps, on real files and folders of our own; the package's folder at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tickd.errors import StartupError
from tickd.store import migrate

ONE = "CREATE TABLE cats (id INTEGER PRIMARY KEY, name TEXT);\n"
TWO = """-- a comment; with a semicolon
CREATE TABLE kittens (id INTEGER PRIMARY KEY, cat INTEGER NOT NULL REFERENCES cats (id));
CREATE TRIGGER born AFTER INSERT ON kittens BEGIN
    UPDATE cats SET name = name || '; mother' WHERE id = new.cat;
    UPDATE cats SET name = upper(name) WHERE id = new.cat;
END;
INSERT INTO cats (id, name) VALUES (1, 'a;b')
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "migrations"
    path.mkdir()
    (path / "0001_cats.sql").write_text(ONE)
    return path


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path)) as connection:
        yield connection


def connect(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "test.db", isolation_level=None)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def run(connection: sqlite3.Connection, folder: Path) -> int:
    return migrate.migrate(connection, "test.db", migrate.read_steps(folder))


def schema(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    return [tuple(row) for row in connection.execute(sql)]


def test_steps_are_applied_once_and_in_order(connection: sqlite3.Connection, folder: Path) -> None:
    assert run(connection, folder) == 1
    (folder / "0002_kittens.sql").write_text(TWO)
    assert run(connection, folder) == 2
    assert run(connection, folder) == 2  # the INSERT of step 2 would fail the second time
    connection.execute("INSERT INTO kittens (cat) VALUES (1)")
    assert connection.execute("SELECT name FROM cats").fetchall() == [("A;B; MOTHER",)]
    assert connection.execute("PRAGMA application_id").fetchone() == (0x7469636B,)
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_no_steps_make_an_empty_file_of_tickd(connection: sqlite3.Connection, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(connection, empty) == 0
    assert connection.execute("PRAGMA application_id").fetchone() == (migrate.APPLICATION_ID,)


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("CREATE TABLE dogs (id);\nINSERT INTO nowhere VALUES (1);", "no such table: nowhere"),
        ("CREATE TABLE dogs (id);\nCREATE TABLE", "incomplete input"),
        ("CREATE TABLE dogs (id);\nCOMMIT;\nCREATE TABLE birds (id);", "ends the transaction"),
        (
            "CREATE TABLE dogs (id REFERENCES cats (id));\nINSERT INTO dogs VALUES (7);",
            "reference of table dogs",
        ),
    ],
)
def test_a_failing_step_leaves_the_former_schema(
    connection: sqlite3.Connection, folder: Path, sql: str, sentence: str
) -> None:
    run(connection, folder)
    before = schema(connection)
    (folder / "0002_dogs.sql").write_text(sql)
    with pytest.raises(StartupError, match=sentence):
        run(connection, folder)
    assert not connection.in_transaction
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    if "ends" not in sentence:  # what a step commits itself can't be taken back; the number stays
        assert schema(connection) == before


def test_a_step_may_rebuild_a_table_others_refer_to(connection: sqlite3.Connection, folder: Path) -> None:
    (folder / "0002_kittens.sql").write_text(TWO + ";\nINSERT INTO kittens (cat) VALUES (1);")
    run(connection, folder)
    (folder / "0003_rebuild.sql").write_text(
        "CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
        "INSERT INTO new SELECT * FROM cats; DROP TRIGGER born;"
        "DROP TABLE cats; ALTER TABLE new RENAME TO cats;"
    )
    assert run(connection, folder) == 3
    assert connection.execute("SELECT count(*) FROM kittens").fetchone() == (1,)


def test_a_newer_file_is_refused(connection: sqlite3.Connection, folder: Path) -> None:
    run(connection, folder)
    connection.execute("PRAGMA user_version=7")
    with pytest.raises(
        StartupError, match=r"test.db was written by a newer tickd \(schema 7, this one knows 1\)"
    ):
        run(connection, folder)


def test_another_programs_database_is_refused(connection: sqlite3.Connection, folder: Path) -> None:
    connection.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(StartupError, match=r"not one of tickd's"):
        run(connection, folder)
    connection.execute("DROP TABLE bookmarks")
    connection.execute("PRAGMA application_id=1")
    with pytest.raises(StartupError, match=r"not one of tickd's"):
        run(connection, folder)


def test_what_is_no_database_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "test.db").write_text("name,phone\n" * 100)
    with closing(connect(tmp_path)) as connection, pytest.raises(StartupError, match="is not a database"):
        run(connection, folder)
    assert (tmp_path / "test.db").read_text() == "name,phone\n" * 100


def test_a_locked_file_says_so(connection: sqlite3.Connection, folder: Path, tmp_path: Path) -> None:
    connection.execute("PRAGMA busy_timeout=10")
    with closing(connect(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StartupError, match=r"locked"):
            run(connection, folder)


@pytest.mark.parametrize(
    "name", ["0003_gap.sql", "0001_double.sql", "2_short.sql", "0002_Case.sql", "two.sql"]
)
def test_misnumbered_steps_are_refused(folder: Path, name: str) -> None:
    (folder / name).write_text(ONE)
    with pytest.raises(StartupError, match=r"without gaps"):
        migrate.read_steps(folder)


def test_other_files_are_no_steps(folder: Path) -> None:
    (folder / "README.md").write_text("")
    assert [(step.number, step.name) for step in migrate.read_steps(folder)] == [(1, "0001_cats.sql")]


def test_the_packages_steps_give_one_schema_at_once_and_one_by_one(tmp_path: Path) -> None:
    steps = migrate.read_steps(migrate.MIGRATIONS)
    with closing(sqlite3.connect(tmp_path / "fresh.db", isolation_level=None)) as connection:
        assert migrate.migrate(connection, "fresh.db", steps) == len(steps)
        fresh = schema(connection)
    for number in range(len(steps) + 1):
        with closing(sqlite3.connect(tmp_path / "grown.db", isolation_level=None)) as connection:
            assert migrate.migrate(connection, "grown.db", steps[:number]) == number
            grown = schema(connection)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert grown == fresh
