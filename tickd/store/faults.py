"""What SQLite's failures become: Unavailable where the disk, a lock or memory is at fault."""

from __future__ import annotations

import sqlite3

from tickd.errors import Unavailable

_SENTENCES = {
    sqlite3.SQLITE_FULL: ("the disk is full", 30),
    sqlite3.SQLITE_BUSY: ("the database is locked", 5),
    sqlite3.SQLITE_LOCKED: ("the database is locked", 5),
    sqlite3.SQLITE_PROTOCOL: ("the database is locked", 5),
    sqlite3.SQLITE_IOERR: ("the disk under the database reports an error", 30),
    sqlite3.SQLITE_CANTOPEN: ("the database's files can't be opened", 30),
    sqlite3.SQLITE_READONLY: ("the database can't be written", 30),
    sqlite3.SQLITE_PERM: ("the database can't be written", 30),
    sqlite3.SQLITE_NOMEM: ("the daemon is out of memory", 10),
    sqlite3.SQLITE_INTERRUPT: ("the query was interrupted", 5),
    sqlite3.SQLITE_CORRUPT: ("the database file is damaged", 60),
    sqlite3.SQLITE_NOTADB: ("the database file is damaged", 60),
}


def unavailable(error: BaseException) -> Unavailable | None:
    """The daemon's own sentence when SQLite failed for want of disk, lock or memory; None for a caller's
    mistake."""
    # By code, not by text: the texts change between versions.
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & 0xFF not in _SENTENCES:
        return None
    sentence, retry_after = _SENTENCES[code & 0xFF]
    fault = Unavailable(sentence, retry_after)
    fault.__cause__ = error
    return fault


def answer(error: BaseException) -> BaseException:
    """What the caller of a unit that raised `error` is told."""
    if isinstance(error, StopIteration):  # asyncio refuses to put it into a future
        wrapped = RuntimeError("a unit raised StopIteration")
        wrapped.__cause__ = error
        return wrapped
    return unavailable(error) or error
