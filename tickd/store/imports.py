"""Another service's SQLite file, read and never written."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tickd.errors import StartupError

ROWS_MOST = 50_000
"""How many rows of one table are read."""
VALUE_MOST = 4 * 1024 * 1024
"""The longest value that is read, in bytes."""
STEPS_MOST = 20_000
"""How long reading may take, in thousands of SQLite's steps: a file can be made so that it never ends."""

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"

Row = dict[str, Any]


def read(path: Path, wanted: Sequence[str], needed: str, noun: str) -> dict[str, list[Row]]:
    """The rows of the wanted tables that there are; StartupError where the file is no `noun`'s database."""
    if not path.is_file():
        raise StartupError(f"can't read {path}: there is no such file")
    try:
        with closing(sqlite3.connect(_address(path), uri=True)) as connection:
            return _read(connection, path, wanted, needed, noun)
    except sqlite3.Error as error:
        raise StartupError(f"can't read {path}: {_words(error)}") from error


def _address(path: Path) -> str:
    # What is not yet in the file itself is in its log, and reading that takes files beside it. Without one
    # nothing is made and nothing is locked.
    log = path.with_name(path.name + "-wal")
    fresh = log.is_file() and log.stat().st_size > 0
    return f"file:{quote(str(path.absolute()))}?mode=ro" + ("" if fresh else "&immutable=1")


def _read(
    connection: sqlite3.Connection, path: Path, wanted: Sequence[str], needed: str, noun: str
) -> dict[str, list[Row]]:
    steps = iter(range(STEPS_MOST))
    connection.set_progress_handler(lambda: next(steps, None) is None, 1_000)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_MOST)
    connection.text_factory = _text
    connection.row_factory = sqlite3.Row
    there = {row[0] for row in connection.execute(TABLES)}
    if needed not in there:
        raise StartupError(f"{path} is no database of {noun}: it has no table {needed}")
    found: dict[str, list[Row]] = {}
    for table in wanted:
        if table not in there:
            continue
        rows = connection.execute(f'SELECT * FROM "{table}" LIMIT {ROWS_MOST + 1}').fetchall()  # noqa: S608
        if len(rows) > ROWS_MOST:
            raise StartupError(f"{path} has over {ROWS_MOST} rows in {table}")
        found[table] = [{name: _plain(row[name]) for name in row.keys()} for row in rows]  # noqa: SIM118
    return found


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _plain(value: Any) -> Any:
    return _text(value) if isinstance(value, bytes) else value


def _words(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_NOTADB:
        return "it is no SQLite database"
    if code == sqlite3.SQLITE_INTERRUPT:
        return "reading it takes too long"
    return str(error)
