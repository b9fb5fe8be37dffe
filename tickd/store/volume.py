"""The volume: how large the database file and its log are, how much room their disk has, and whether they
are still where they were."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from tickd.errors import Unavailable

_RETRY_SECS: Final = 60

_Identity = tuple[int, int]
_UNKNOWN: Final[_Identity] = (-1, -1)


class Volume(NamedTuple):
    """Bytes of the file, of its write-ahead log, and free on their disk for the daemon's user."""

    file: int = 0
    log: int = 0
    free: int | None = None


class Place:
    """The names of an open database's file and log: another program may delete them, or put others there.

    SQLite goes on as if nothing had happened, in files that have no name any more: with the process all that
    was written since would be gone. Made when the file and its log are open.
    """

    def __init__(self, path: str) -> None:
        # SQLite puts the log beside the file that a symbolic link leads to.
        log = os.path.realpath(path) + "-wal"
        self._known = [
            (name, words, identity)
            for name, words in ((path, "the database file"), (log, "the database's write-ahead log"))
            if (identity := _identity(name)) not in (None, _UNKNOWN)
        ]

    def fault(self) -> Unavailable | None:
        """What is wrong with them, or None; two looks at the file system, some microseconds."""
        for name, words, identity in self._known:
            if _identity(name) not in (identity, _UNKNOWN):
                return Unavailable(f"{words} has been deleted, moved or replaced", _RETRY_SECS)
        return None


def _identity(path: str) -> _Identity | None:
    """Which file it is; None where there is none, `_UNKNOWN` where the file system doesn't say."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return _UNKNOWN
    return found.st_dev, found.st_ino


def measure(path: str) -> Volume:
    """What the file system says of the database at `path`; OSError when it can't be asked."""
    disk = os.statvfs(os.path.dirname(os.path.abspath(path)))
    try:
        log = os.stat(f"{os.path.realpath(path)}-wal").st_size
    except FileNotFoundError:
        log = 0
    return Volume(os.stat(path).st_size, log, disk.f_bavail * disk.f_frsize)
