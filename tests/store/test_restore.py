"""Restoring: whatever is killed or broken, the old database or the new one is there, whole."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.support.daemon import NOON, running
from tests.support.killing import killed
from tickd.errors import Invalid, StartupError, TickdError, Unavailable
from tickd.services import backups, restoring
from tickd.store.database import Database
from tickd.store.lock import FileLock

KEPT = "tickd.db.before-restore-20260303T120000Z"


def mark(path: Path, word: str) -> None:
    """Write a word into the database's facts, and leave it in the log, as a killed daemon does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('word', ?)", (word,))


def read(path: Path) -> str:
    """The word, from a database that must be sound."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return str(connection.execute("SELECT value FROM facts WHERE name = 'word'").fetchone()[0])


def leave_in_log(path: Path, word: str) -> None:
    """Have the word in the log alone, as it is when the daemon was killed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('word', ?)", (word,))
        files = {end: path.with_name(path.name + end).read_bytes() for end in ("", "-wal")}
    for end, content in files.items():
        path.with_name(path.name + end).write_bytes(content)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A new database of tickd's."""
    path = tmp_path / "empty" / "tickd.db"
    path.parent.mkdir()

    async def begin() -> None:
        database = await Database.open(str(path))
        await database.close()

    asyncio.run(begin())
    return path


@pytest.fixture
def backup(empty: Path, tmp_path: Path) -> Path:
    """A backup that says `new`."""
    mark(empty, "new")
    target = tmp_path / "backup.db"
    asyncio.run(backups.copy(str(empty), target, force=False))
    return target


def restore(backup: Path, db: Path) -> restoring.Restored:
    return asyncio.run(restoring.put_back(backup, str(db), NOON))


def old_one(empty: Path, folder: Path) -> Path:
    """A database in a folder of its own that says `old`, in its log alone."""
    folder.mkdir()
    path = folder / "tickd.db"
    path.write_bytes(empty.read_bytes())
    mark(path, "older")
    leave_in_log(path, "old")
    return path


def test_a_backup_takes_the_place_and_the_former_is_kept_with_its_log(
    empty: Path, backup: Path, tmp_path: Path
) -> None:
    db = old_one(empty, tmp_path / "one")
    os.chmod(db, 0o640)
    done = restore(backup, db)
    assert done.kept == db.with_name(KEPT)
    assert sorted(os.listdir(db.parent)) == ["tickd.db", KEPT, "tickd.db.lock"]
    assert (read(db), read(done.kept)) == ("new", "old")
    assert db.stat().st_mode & 0o777 == 0o600
    again = restore(backup, db)
    assert again.kept == db.with_name(KEPT + "-2")
    assert read(backup) == "new"


def test_a_restore_killed_at_any_step_leaves_a_whole_database(
    empty: Path, backup: Path, tmp_path: Path
) -> None:
    seen = []
    for step in range(1, 60):
        db = old_one(empty, tmp_path / str(step))
        if not killed(partial(restore, backup, db), at=step):
            break
        seen.append(read(db))
        assert read(db) in ("old", "new")
        restore(backup, db)
        assert read(db) == "new"
        names = os.listdir(db.parent)
        assert not [name for name in names if "part" in name or name.endswith(("-wal", "-shm"))]
    assert len(seen) > 6
    # There is one step that counts.
    assert seen == sorted(seen, reverse=True) and set(seen) == {"old", "new"}


@pytest.mark.parametrize("where", [0, 100])
def test_a_damaged_database_is_replaced_and_its_log_does_not_ruin_the_new_one(
    empty: Path, backup: Path, tmp_path: Path, where: int
) -> None:
    for step in range(1, 60):
        db = old_one(empty, tmp_path / str(step))
        log = db.with_name("tickd.db-wal").read_bytes()
        with db.open("r+b") as file:
            file.seek(where)
            file.write(b"\xff" * 4000)
        ended = not killed(partial(restore, backup, db), at=step)
        if not ended:
            restore(backup, db)
        assert read(db) == "new"
        asides = [path for path in db.parent.iterdir() if path.name.endswith("-wal")]
        # Empty where it could be folded into the file after all.
        assert all(path.read_bytes() in (log, b"") for path in asides)
        assert not db.with_name("tickd.db-wal").exists()
        if ended:
            return
    raise AssertionError("it never came to its end")


def test_a_log_without_its_database_is_put_aside(empty: Path, backup: Path, tmp_path: Path) -> None:
    db = old_one(empty, tmp_path / "one")
    db.unlink()
    restore(backup, db)
    assert read(db) == "new"
    assert db.with_name(KEPT + "-wal").exists()


def test_a_database_that_somebody_has_is_left_alone(empty: Path, backup: Path, tmp_path: Path) -> None:
    db = old_one(empty, tmp_path / "one")
    lock = FileLock(str(db))
    assert lock.acquire()
    with pytest.raises(
        StartupError, match=rf"in use by a running tickd \(pid {os.getpid()}\); stop it first"
    ):
        restore(backup, db)
    lock.release()
    with closing(sqlite3.connect(db, isolation_level=None)) as other:
        other.execute("SELECT * FROM facts").fetchall()
        with pytest.raises(StartupError, match="is open in another program; end that first"):
            restore(backup, db)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StartupError, match="is open in another program; end that first"):
            restore(backup, db)
    assert read(db) == "old"
    assert not [name for name in os.listdir(db.parent) if "restore" in name or "part" in name]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "malformed|is damaged"),
        (lambda path: path.write_text("name,phone\n" * 500), "is not a database"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: _pragma(path, "application_id=7"), "not one of tickd's"),
        (lambda path: _pragma(path, "user_version=999"), "written by a newer tickd"),
        (lambda path: _damage(path), "failed its integrity check|is damaged|malformed"),
        (lambda path: path.unlink(), "does not exist"),
    ],
    ids=["cut", "text", "empty", "another's", "newer", "damaged", "missing"],
)
def test_a_bad_backup_changes_nothing(
    empty: Path, backup: Path, tmp_path: Path, spoil: object, sentence: str
) -> None:
    db = old_one(empty, tmp_path / "one")
    before = sorted(os.listdir(db.parent))
    assert callable(spoil)
    spoil(backup)
    with pytest.raises(TickdError, match=sentence) as told:
        restore(backup, db)
    assert isinstance(told.value, StartupError | Unavailable | Invalid)
    assert read(db) == "old"
    assert set(os.listdir(db.parent)) <= {*before, "tickd.db.lock"}


def _pragma(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA {text}")


def _damage(path: Path) -> None:
    # The last page belongs to some index or table.
    with path.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(b"\x05" * 4096)


def test_the_database_itself_is_no_backup(empty: Path) -> None:
    with pytest.raises(Invalid, match="is the database itself"):
        restore(empty, empty)


async def test_a_daemon_starts_on_what_was_restored(tmp_path: Path) -> None:
    async with running(tmp_path / "t.db") as tickd:
        await tickd.job(name="kept")
        await backups.copy(str(tmp_path / "t.db"), tmp_path / "b.db", force=False)
        await tickd.job(name="lost")
    await restoring.put_back(tmp_path / "b.db", str(tmp_path / "t.db"), NOON)
    async with running(tmp_path / "t.db") as tickd:
        assert [one["name"] for one in (await tickd.call("GET", "/v1/jobs")).json["jobs"]] == ["kept"]
