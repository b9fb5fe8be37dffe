"""`tickd backup`, `tickd restore`: as typed, beside a running daemon and without one."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commands import Run
from tests.support.daemon import running
from tickd.store.lock import FileLock


@pytest.fixture
def db(folder: Path) -> Path:
    """A database with one job, in the current directory; its daemon has ended."""

    async def fill() -> None:
        async with running(folder / "tickd.db") as tickd:
            await tickd.job(name="nightly")

    asyncio.run(fill())
    return folder / "tickd.db"


def test_a_backup_says_what_it_holds(run: Run, db: Path) -> None:
    done = run("backup", "b.db")
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(
        r"\S+/b\.db: \d+ kB in \d+\.\d s, checked: 1 account, 0 users, 1 job, 0 monitors, 0 heartbeats, "
        r"0 incidents \(schema \d+\)\n",
        done.out,
    )
    assert Path("b.db").stat().st_mode & 0o777 == 0o600
    again = run("backup", "-q", "b.db")
    assert (again.status, again.out, again.err) == (0, "", "")
    assert sorted(os.listdir()) == ["b.db", "tickd.db", "tickd.db.lock"]


def test_the_database_is_found_as_the_daemon_finds_it(
    run: Run, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.rename(db, "other.db")
    assert run("backup", "b.db").status == 1
    assert run("backup", "--db", "other.db", "1.db").status == 0
    Path("tickd.toml").write_text('db = "other.db"\n')
    assert run("backup", "--config", "tickd.toml", "2.db").status == 0
    monkeypatch.setenv("TICKD_DB", "other.db")
    assert run("backup", "3.db").status == 0
    assert not Path("tickd.db").exists()


def test_what_goes_wrong_is_one_sentence(run: Run, db: Path) -> None:
    Path("text").write_text("mine")
    for arguments, sentence in (
        (("backup", "text"), "tickd: text exists, and is no backup of tickd's; --force replaces it\n"),
        (("backup", "tickd.db"), "tickd: tickd.db is the database itself\n"),
        (("restore", "tickd.db", "--yes"), "tickd: tickd.db is the database itself\n"),
        (("restore", "text", "--yes"), "tickd: text is not a database\n"),
        (("restore", "none.db"), "tickd: none.db does not exist\n"),
    ):
        done = run(*arguments)
        assert (done.status, done.out, done.err) == (1, "", sentence)
    done = run("backup", "b.db", "--db", "missing.db")
    assert done.status == 1 and "there is no database" in done.err
    assert not Path("missing.db").exists()
    assert run("backup", "--force", "text").status == 0


def test_swapped_arguments_take_no_database(run: Run, db: Path) -> None:
    """Neither of the same origin, nor of another daemon."""
    assert run("backup", "b.db").status == 0
    former = db.read_bytes()
    done = run("backup", "tickd.db", "--db", "b.db")
    sentence = "tickd: tickd.db is a database that a daemon has run on; --force replaces it\n"
    assert (done.status, done.out, done.err) == (1, "", sentence)
    with closing(sqlite3.connect("b.db", isolation_level=None)) as connection:
        connection.execute("UPDATE facts SET value = randomblob(32) WHERE name = 'secret'")
    done = run("backup", "b.db")
    sentence = "tickd: b.db exists, and is a backup of another database; --force replaces it\n"
    assert (done.status, done.out, done.err) == (1, "", sentence)
    assert db.read_bytes() == former
    assert run("backup", "--force", "b.db").status == 0 and run("backup", "b.db").status == 0


def test_restore_asks_keeps_the_former_file_and_says_what_is_next(run: Run, db: Path) -> None:
    assert run("backup", "b.db").status == 0
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("DELETE FROM jobs")
    refused = run("restore", "b.db", typed="n\n")
    assert (refused.status, refused.out) == (1, "")
    assert "b.db was written 20" in refused.err and "1 job" in refused.err and "[y/N]" in refused.err
    assert run("restore", "b.db").status == 1  # nobody is there to answer
    assert jobs(db) == 0
    done = run("restore", "b.db", typed="y\n")
    assert done.status == 0
    kept = re.search(r"The former database is (\S+); delete it when all is well\.", done.out)
    assert kept is not None and "tickd doctor" in done.out
    assert (jobs(db), jobs(Path(kept[1]))) == (1, 0)
    quiet = run("restore", "-q", "--yes", "b.db", "--db", "new.db")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")
    assert jobs(Path("new.db")) == 1


def jobs(db: Path) -> int:
    """How many jobs a database has."""
    with closing(sqlite3.connect(db)) as connection:
        return int(connection.execute("SELECT count(*) FROM jobs").fetchone()[0])


def test_restore_is_refused_while_a_daemon_runs_and_backup_is_not(run: Run, db: Path) -> None:
    lock = FileLock(str(db))
    assert lock.acquire()
    assert run("backup", "b.db").status == 0
    done = run("restore", "b.db", "--yes")
    assert done.status == 1
    assert done.err.endswith(f"tickd.db is in use by a running tickd (pid {os.getpid()}); stop it first\n")
    lock.release()
    assert run("restore", "b.db", "--yes").status == 0
