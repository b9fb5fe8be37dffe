"""Files of other services, for tests of imports."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples" / "import"


def kuma(path: Path, *, sample: bool = True, wal: bool = False) -> Path:
    """A kuma.db with the sample's monitors, or with its tables alone."""
    script = (EXAMPLES / "uptime-kuma.sql").read_text("utf-8")
    if not sample:
        script = script.partition("INSERT INTO")[0]
    with closing(sqlite3.connect(path)) as db:
        if wal:
            db.execute("PRAGMA journal_mode=WAL")
        db.executescript(script)
    return path


def with_rows(path: Path, table: str, *rows: dict[str, Any]) -> Path:
    """The database with these rows more; columns that it lacks are added."""
    with closing(sqlite3.connect(path)) as db:
        known = {row[1] for row in db.execute(f'PRAGMA table_info("{table}")')}
        for row in rows:
            for name in row.keys() - known:
                db.execute(f'ALTER TABLE "{table}" ADD COLUMN "{name}"')
                known.add(name)
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" * len(row))
            db.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(row.values()))  # noqa: S608
        db.commit()
    return path
