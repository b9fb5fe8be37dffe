"""A backup put in the place of the database: at every moment the old file or the new one is whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tickd.errors import StartupError, Unavailable
from tickd.store.backup import sync
from tickd.store.faults import unavailable
from tickd.store.lock import FileLock

_LOCK_WAIT_SECS = 0.5
_BUSY_SECS = 1.0
_LOGS = ("-wal", "-journal")


@contextlib.contextmanager
def stopped(database: Path) -> Iterator[None]:
    """Keep every daemon from the file until the block ends; StartupError while one has it."""
    lock = FileLock(str(database))
    if not lock.acquire(_LOCK_WAIT_SECS):
        raise StartupError(f"{database} is in use by a running tickd{lock.holder()}; stop it first")
    try:
        _give(lock.path, database)
        yield
    finally:
        lock.release()


def put(part: str, database: Path, kept: Path) -> None:
    """Put the complete copy `part` in the place of `database`, whose former file becomes `kept`.

    StartupError when another program has the database open.
    """
    _give(part, database)
    with _alone(database) as is_whole:
        if not is_whole:
            _set_aside(database, kept)
        # The index of a log; SQLite makes it anew.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{database}-shm")
        if any(os.path.exists(f"{database}{end}") for end in _LOGS):
            raise StartupError(f"{database} is being written to by another program; end that first")
        if database.exists():
            _keep(database, kept)
        sync(database.parent)
        # The one step that counts: before it the former file is the database, behind it the new one is.
        os.replace(part, database)
        sync(database.parent)


@contextlib.contextmanager
def _alone(database: Path) -> Iterator[bool]:
    """Fold the log into the file and keep everybody out; whether that could be done.

    A log that stayed would be taken for the new file's, and ruin it. A damaged file can't take its log in.
    """
    if not database.exists():
        yield False
        return
    uri = f"{Path(os.path.realpath(database)).as_uri()}?mode=rw"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_SECS)
    except sqlite3.Error as error:
        raise unavailable(error) or StartupError(f"{database} can't be opened: {error}") from error
    with contextlib.closing(connection):
        is_whole = _folded(connection, database)
        # Held until the new file is there: whoever opened the old one now would begin a log beside it.
        yield is_whole


def _folded(connection: sqlite3.Connection, database: Path) -> bool:
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            return False
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StartupError(f"{database} is open in another program; end that first") from error
        raise unavailable(error) or Unavailable(f"{database} can't be closed: {error}") from error
    return str(mode) == "delete"


def _set_aside(database: Path, kept: Path) -> None:
    for end in _LOGS:
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{database}{end}", f"{kept}{end}")
    sync(database.parent)


def _keep(database: Path, kept: Path) -> None:
    try:
        os.link(database, kept)
    except OSError:  # a file system without links
        shutil.copyfile(database, kept)
        shutil.copymode(database, kept)
        sync(kept)


def _give(made: str, database: Path) -> None:
    """Let a new file belong to whom the database does: root restores for a daemon that is not root."""
    owner = os.stat(database if database.exists() else database.parent)
    if os.geteuid() == 0:
        os.chown(made, owner.st_uid, owner.st_gid)


def free_name(wanted: Path) -> Path:
    """`wanted`, or the first of `wanted-2`, `wanted-3` … that there is not yet."""
    found, number = wanted, 1
    while os.path.lexists(found):
        number += 1
        found = wanted.with_name(f"{wanted.name}-{number}")
    return found
