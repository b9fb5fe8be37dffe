"""The volume: how large the database file and its log are, and how much room their disk has."""

from __future__ import annotations

import os
from typing import NamedTuple


class Volume(NamedTuple):
    """Bytes of the file, of its write-ahead log, and free on their disk for the daemon's user."""

    file: int = 0
    log: int = 0
    free: int | None = None


def measure(path: str) -> Volume:
    """What the file system says of the database at `path`; OSError when it can't be asked."""
    disk = os.statvfs(os.path.dirname(os.path.abspath(path)))
    try:
        log = os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        log = 0
    return Volume(os.stat(path).st_size, log, disk.f_bavail * disk.f_frsize)
