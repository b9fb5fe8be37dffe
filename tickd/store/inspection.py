"""What doctor reads of the file: read only, beside a daemon or without one, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from tickd.domain.contents import Contents
from tickd.store import contents, migrate
from tickd.store.lock import FileLock

_PRAGMAS = ("auto_vacuum", "page_size", "page_count", "freelist_count", "application_id")
_FACTS = "SELECT name, value FROM facts"
_WAL_VERSION = 2  # bytes 18 and 19 of the header, where the file is written by way of a log


@dataclass(frozen=True, slots=True)
class Seen:
    """A database file from outside: what it holds, its pragmas, and the daemon's own facts."""

    contents: Contents
    pragmas: dict[str, int]
    has_log: bool
    log_size: int
    secret: bytes
    alive_at: int | None


def newest() -> int:
    """The schema that this program brings a file to."""
    return len(migrate.read_steps(migrate.MIGRATIONS))


def holder(path: Path) -> int | None:
    """The pid of the daemon that has the file, 0 where it is not known; None where none has."""
    return FileLock(str(path)).held_by()


def look(path: Path) -> Seen:
    """StartupError where it can't be read, is no database of tickd's, or one of a newer tickd."""
    # Before SQLite opens it: closing this would drop the locks that SQLite has on it.
    try:
        with path.open("rb") as file:
            header = file.read(20)
    except OSError as error:
        raise migrate.startup_error(str(path), sqlite3.OperationalError(error.strerror)) from error
    with contextlib.closing(contents.connect(path)) as connection:
        found = contents.of(connection, path, newest())
        try:
            pragmas = {name: int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in _PRAGMAS}
            facts = dict(connection.execute(_FACTS).fetchall())
        except sqlite3.Error as error:
            raise migrate.startup_error(str(path), error) from error
    try:
        log_size = os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        log_size = 0
    return Seen(
        found,
        pragmas,
        has_log=set(header[18:20]) == {_WAL_VERSION},
        log_size=log_size,
        secret=facts.get("secret") or b"",
        alive_at=facts.get("alive_at"),
    )


def check(path: Path, *, full: bool) -> None:
    """Unavailable with what is wrong inside the file; `full` reads indexes and references too."""
    with contextlib.closing(contents.connect(path)) as connection:
        try:
            contents.check(connection, quick=not full)
        except sqlite3.Error as error:
            raise migrate.startup_error(str(path), error) from error
