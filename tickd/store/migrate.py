"""The schema's steps: numbered SQL files, each applied in one transaction with its number.

The file says whose it is (`application_id`) and how far it is (`user_version`).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from tickd.errors import StartupError

APPLICATION_ID = 0x7469636B  # "tick"
MIGRATIONS: Traversable = files("tickd.store") / "migrations"

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Step:
    """One migration: its number, its file's name, its SQL."""

    number: int
    name: str
    sql: str


def read_steps(folder: Traversable) -> list[Step]:
    """The folder's `NNNN_what.sql` in order; StartupError when one is misnamed, missing or doubled."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    steps = []
    for number, name in enumerate(names, start=1):
        match = _NAME.fullmatch(name)
        if match is None or int(match[1]) != number:
            raise StartupError(f"migration {name} should be the {number:04d}th: NNNN_what.sql, without gaps")
        steps.append(Step(number, name, (folder / name).read_text(encoding="utf-8")))
    return steps


def schema_of(connection: sqlite3.Connection, path: str, newest: int) -> int:
    """The schema number of tickd's own file, 0 for an empty one; changes nothing.

    StartupError when it isn't a database, isn't tickd's, or is newer than `newest`.
    """
    try:
        application = _number(connection, "PRAGMA application_id")
        version = _number(connection, "PRAGMA user_version")
        empty = _number(connection, "SELECT count(*) FROM sqlite_schema") == 0
    except sqlite3.Error as error:
        raise startup_error(path, error) from error
    if application != APPLICATION_ID and not (application == 0 and version == 0 and empty):
        raise StartupError(f"{path} is a database, but not one of tickd's")
    if version > newest:
        raise StartupError(f"{path} was written by a newer tickd (schema {version}, this one knows {newest})")
    return version


def migrate(connection: sqlite3.Connection, path: str, steps: Sequence[Step]) -> int:
    """Apply the steps the file lacks and return its schema number; the connection is in autocommit.

    A step that fails leaves the file as the step before left it (StartupError). Foreign keys are off
    while a step runs, so that it can rebuild a table, and are checked before its commit.
    """
    before = schema_of(connection, path, len(steps))
    enforced = _number(connection, "PRAGMA foreign_keys")
    try:
        connection.execute("PRAGMA foreign_keys=OFF")  # does nothing inside a transaction
        if _number(connection, "PRAGMA application_id") != APPLICATION_ID:
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        for step in steps[before:]:
            _apply(connection, path, step)
        connection.execute(f"PRAGMA foreign_keys={enforced}")
        return schema_of(connection, path, len(steps))
    except sqlite3.Error as error:
        raise startup_error(path, error) from error


def startup_error(path: str, error: sqlite3.Error) -> StartupError:
    """The sentence for a database that can't be opened or read at start."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return StartupError(f"{path} is not a database")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StartupError(f"{path} is locked by another program")
    if code == sqlite3.SQLITE_FULL:
        return StartupError(f"{path} can't be written: the disk is full")
    return StartupError(f"{path} can't be opened: {error}")


def _apply(connection: sqlite3.Connection, path: str, step: Step) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again inside the transaction: a command may be at the same file at the same time.
        if _number(connection, "PRAGMA user_version") < step.number:
            for statement in _statements(step.sql):
                connection.execute(statement).fetchall()
                if not connection.in_transaction:
                    raise StartupError(f"migration {step.name} ends the transaction it runs in")
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
            if broken is not None:
                raise StartupError(f"{path}: migration {step.name} breaks a reference of table {broken[0]}")
            connection.execute(f"PRAGMA user_version={step.number}")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StartupError(
            f"{path}: migration {step.name} failed ({error}); the file stays at schema {step.number - 1}"
        ) from error
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _statements(sql: str) -> Iterator[str]:
    # Not executescript: it commits first, and what failed halfway would stay.
    start = 0
    for match in re.finditer(";", sql):
        statement = sql[start : match.end()]
        if sqlite3.complete_statement(statement):
            yield statement
            start = match.end()
    rest = sql[start:]
    if any(line.strip() and not line.strip().startswith("--") for line in rest.splitlines()):
        yield rest


def _number(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])
