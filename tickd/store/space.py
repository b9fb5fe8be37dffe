"""Free pages of the file, and how they are given back to the disk."""

from __future__ import annotations

import sqlite3

from tickd.store.database import Database

PAGES = "PRAGMA page_count"
FREE = "PRAGMA freelist_count"


async def pages(db: Database) -> tuple[int, int]:
    """How many pages the file has, and how many of them are free for what comes."""
    return int((await db.fetch(PAGES))[0][0]), int((await db.fetch(FREE))[0][0])


def give_back(connection: sqlite3.Connection, most: int) -> None:
    """Move pages from the end of the file into at most so many free ones, and cut the file off behind.

    In a transaction of its own, for `Database.alone`.
    """
    # It makes a step for each page, and `execute` would end after the first.
    connection.executescript(f"PRAGMA incremental_vacuum({most:d})")
