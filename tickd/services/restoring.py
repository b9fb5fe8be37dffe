"""Restoring: a backup takes the place of the database while no daemon runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tickd.domain import rotation
from tickd.domain.contents import Contents
from tickd.errors import Invalid
from tickd.store import contents, migrate, restore
from tickd.store.backup import Copy


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did: what the database holds now, and where the former file is (None: none was)."""

    contents: Contents
    kept: Path | None


async def look(file: Path) -> Contents:
    """What a backup holds; StartupError when it is none, or newer than this program."""
    return await asyncio.to_thread(_look, file)


def check_free(db: str) -> None:
    """StartupError with the process id where a daemon has the database."""
    with restore.stopped(_real(db)):
        pass


async def put_back(
    file: Path, db: str, now: int, progress: Callable[[int, int], None] | None = None
) -> Restored:
    """Copy the backup `file`, check the copy, and put it in the place of the database `db`.

    Nothing is changed where that can't be done: StartupError while a daemon or another program has the
    database, Unavailable where the backup is damaged or the disk is full.
    """
    database = _real(db)
    if database == _real(str(file)):
        raise Invalid(str(file), "is the database itself")
    await look(file)
    with restore.stopped(database):
        kept = restore.free_name(database.with_name(f"{database.name}.before-restore-{rotation.stamp(now)}"))
        copy = Copy(
            str(file),
            database,
            progress,
            open_source=lambda: contents.connect(file.resolve()),
            finish=partial(_finish, kept),
            newest=_newest(),
        )
        found = await copy.run_in_thread()
        return Restored(found, kept if kept.exists() else None)


def _finish(kept: Path, part: str, database: Path) -> None:
    restore.put(part, database, kept)


def _look(file: Path) -> Contents:
    if not file.is_file():
        raise Invalid(str(file), "is no file" if file.exists() else "does not exist")
    with contextlib.closing(contents.connect(file.resolve())) as connection:
        return contents.of(connection, file, _newest())


def _real(db: str) -> Path:
    return Path(db).resolve()


def _newest() -> int:
    return len(migrate.read_steps(migrate.MIGRATIONS))
