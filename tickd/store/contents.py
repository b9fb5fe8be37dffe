"""What a database file holds, and whether it is sound: read only, whoever wrote it."""

from __future__ import annotations

import math
import os
import sqlite3
from pathlib import Path

from tickd.domain.contents import Contents
from tickd.errors import Invalid, StartupError, Unavailable
from tickd.store import migrate
from tickd.store.lock import FileLock

NOUNS = ("accounts", "users", "jobs", "monitors", "heartbeats", "incidents")
"""The tables whose rows a person counts."""
ANY_SCHEMA = 2**31
"""Newer than any program: for what copies a file without understanding it."""

SIZES = ("PRAGMA page_count", "PRAGMA page_size")
TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"
BESIDE = ("-wal", "-shm", "-journal", ".lock")
"""How the names of the files end that a daemon has beside its database; the lock stays when it stops."""
WHOSE = "SELECT value FROM facts WHERE name = 'secret'"


def connect(path: Path, *, still: bool | None = None) -> sqlite3.Connection:
    """Open a file to read, and never make it; Unavailable or StartupError when that can't be.

    `still` says that nobody writes to it: then not even a file beside it is made. Without it, a file that
    has no log beside it is taken for one.
    """
    if still is None:
        still = not any(os.path.exists(f"{path}{end}") for end in ("-wal", "-journal"))
    # Read-only connections to a file with a log make its index (-shm) when it is missing.
    mode = "immutable=1" if still else "mode=ro"
    try:
        return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise migrate.startup_error(str(path), error) from error


def of(connection: sqlite3.Connection, path: Path, newest: int = ANY_SCHEMA) -> Contents:
    """What tickd's file holds; StartupError when it isn't one, or is newer than `newest`."""
    schema = migrate.schema_of(connection, str(path), newest)
    try:
        if schema == 0:
            raise StartupError(f"{path} is empty: it is no database of tickd's")
        tables = {str(row[0]) for row in connection.execute(TABLES)}
        rows = {
            noun: int(connection.execute(f"SELECT count(*) FROM {noun}").fetchone()[0])  # noqa: S608 - ours
            for noun in NOUNS
            if noun in tables
        }
        # Not the size of the file: a part of it may be in the log.
        size = math.prod(int(connection.execute(sql).fetchone()[0]) for sql in SIZES)
    except sqlite3.Error as error:
        raise migrate.startup_error(str(path), error) from error
    return Contents(schema, rows, size)


def check(connection: sqlite3.Connection, *, quick: bool = False) -> None:
    """Unavailable with what is wrong with the file, page by page, index by index, reference by reference.

    `quick` leaves out whether the indexes hold what their tables hold, and the references.
    """
    found = connection.execute("PRAGMA quick_check" if quick else "PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise Unavailable(f"it failed its integrity check: {' '.join(str(found).split())}")
    broken = None if quick else connection.execute("PRAGMA foreign_key_check").fetchone()
    if broken is not None:
        raise Unavailable(f"it failed its check of references: table {broken[0]}")


def secret_of(path: Path, *, still: bool | None = True) -> bytes | None:
    """The secret of the daemon whose database a file is; None when it is no such file; `still` as above."""
    try:
        connection = connect(path, still=still)
        try:
            row = connection.execute(WHOSE).fetchone()
        finally:
            connection.close()
    except (sqlite3.Error, StartupError):
        return None
    return row[0] if row and isinstance(row[0], bytes) else None


def is_lived_in(path: Path) -> bool:
    """Whether a daemon has the file as its database, or had it: what it keeps beside it is there."""
    return any(os.path.lexists(f"{path}{end}") for end in BESIDE)


def check_target(source: str, target: Path, *, force: bool) -> Path:
    """Where a backup goes, links followed; Invalid where it can't, or would take what is no backup."""
    real = Path(os.path.realpath(target))
    if real.is_dir():
        raise Invalid(str(target), f"is a directory; name a file in it, such as {target / 'tickd-backup.db'}")
    if not real.parent.is_dir():
        raise Invalid(str(real.parent), "is no directory; make it first")
    own = os.path.realpath(source)
    if str(real) in {own + end for end in BESIDE}:
        raise Invalid(str(target), "belongs to the database itself")
    if str(real) == own or (real.exists() and os.path.exists(own) and os.path.samefile(own, real)):
        raise Invalid(str(target), "is the database itself")
    if any(os.path.exists(f"{real}{end}") for end in ("-wal", "-journal")):
        # The log would be taken for the new file's own.
        raise Invalid(str(target), "is in use as a database: a log is beside it")
    if real.exists() and not real.is_file():
        raise Invalid(str(target), "is no file")
    if FileLock(str(real)).held_by() is not None:
        raise Invalid(str(target), "is the database of a running tickd")
    if real.exists() and not force and real.stat().st_size:
        _check_former(source, real, str(target))
    return real


def _check_former(source: str, real: Path, name: str) -> None:
    former = secret_of(real)
    if former is None:
        raise Invalid(name, "exists, and is no backup of tickd's; --force replaces it")
    if is_lived_in(real):
        raise Invalid(name, "is a database that a daemon has run on; --force replaces it")
    own = secret_of(Path(os.path.realpath(source)), still=None)
    # Where the source can't be read, the copy says why.
    if own is not None and former != own:
        raise Invalid(name, "exists, and is a backup of another database; --force replaces it")
