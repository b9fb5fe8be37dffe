"""Scheduled backups: made on time, made up for, rotated, and loud when they fail."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tickd.domain import times
from tickd.errors import StartupError, Unavailable
from tickd.services import restoring
from tickd.services.backups import RETRIES, Backups
from tickd.store import backup

QUARTER_PAST_THREE = NOON + 15 * times.HOUR + 15 * times.MINUTE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "backups"
    path.mkdir()
    return path


def kept(folder: Path) -> list[str]:
    """The files of a folder, in order, without whose they are."""
    return sorted(re.sub(r"-[0-9a-f]{8}\.db", ".db", name) for name in os.listdir(folder))


async def come(tickd: Harness, folder: Path, name: str) -> None:
    """Wait until a backup is there and its loop sleeps again."""

    async def there() -> bool:
        return name in kept(folder) and tickd.daemon.services.backups._making is None

    await eventually(there)


def backups_of(tickd: Harness) -> Backups:
    return tickd.daemon.services.backups


async def test_backups_are_made_on_time_and_rotated(tmp_path: Path, folder: Path) -> None:
    clock = FakeClock(NOON)
    settings: dict[str, Any] = {"backup_dir": str(folder), "backup_keep": 2, "backup_keep_weeks": 0}
    (folder / "notes.txt").write_text("mine")
    (folder / "tickd-20200101T000000Z.db").write_text("not a database, in spite of its name")
    async with running(tmp_path / "t.db", clock=clock, **settings) as tickd:
        await tickd.job(name="first")
        assert backups_of(tickd).due(NOON) == NOON + times.MINUTE
        await clock.advance(60)
        await come(tickd, folder, "tickd-20260303T120100Z.db")
        assert backups_of(tickd).due(clock.now()) == QUARTER_PAST_THREE
        for day in (4, 5, 6):
            moment = QUARTER_PAST_THREE + (day - 4) * times.DAY
            await clock.advance((moment - clock.now()) / 1000)
            await come(tickd, folder, f"tickd-2026030{day}T031500Z.db")
        mine = ["notes.txt", "tickd-20200101T000000Z.db"]

        async def rotated() -> bool:
            wanted = sorted([*mine, "tickd-20260305T031500Z.db", "tickd-20260306T031500Z.db"])
            return kept(folder) == wanted

        await eventually(rotated)
        (newest,) = (folder / name for name in os.listdir(folder) if "20260306T031500Z" in name)
        assert newest.stat().st_mode & 0o777 == 0o600
        assert (await restoring.look(newest)).rows["jobs"] == 1
        async with aiohttp.ClientSession() as session, session.get(f"{tickd.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        found = dict(line.split(" ") for line in lines if line.startswith("tickd_backup_"))
        assert float(found["tickd_backup_last_success_timestamp_seconds"]) * 1000 == clock.now()
        assert int(float(found["tickd_backup_size_bytes"])) == newest.stat().st_size
        assert float(found["tickd_backup_failures_total"]) == 0
        assert float(found["tickd_backup_overdue_seconds"]) == 0


async def test_a_missed_backup_is_made_after_the_start_and_no_other(tmp_path: Path, folder: Path) -> None:
    clock = FakeClock(NOON)
    async with running(tmp_path / "t.db", clock=clock, backup_dir=str(folder)) as tickd:
        await clock.advance(60)
        await come(tickd, folder, "tickd-20260303T120100Z.db")
    async with running(tmp_path / "t.db", clock=clock, backup_dir=str(folder)) as tickd:
        assert backups_of(tickd).last_at == clock.now()
        assert backups_of(tickd).due(clock.now()) == QUARTER_PAST_THREE
    clock = FakeClock(QUARTER_PAST_THREE + times.HOUR)
    async with running(tmp_path / "t.db", clock=clock, backup_dir=str(folder)) as tickd:
        assert backups_of(tickd).due(clock.now()) == clock.now() + times.MINUTE
        await clock.advance(60)
        await come(tickd, folder, "tickd-20260304T041600Z.db")
        assert len(kept(folder)) == 2


async def test_a_failing_backup_is_told_and_tried_again(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock(NOON)
    async with running(tmp_path / "t.db", clock=clock, backup_dir=str(folder)) as tickd:
        os.rmdir(folder)
        for count, pause in enumerate((times.MINUTE, *RETRIES), 1):
            await clock.advance(pause / 1000)

            async def failed(count: int = count) -> bool:
                return backups_of(tickd).failed_total == count

            await eventually(failed)
        ready = await tickd.call("GET", "/readyz")
        # Nothing but that the test moved the clock by hours keeps it from its work.
        assert [one for one in ready.json["faults"] if "stalled" not in one] == []
        # A rule must see a schedule that has failed since its first day.
        assert backups_of(tickd).overdue_secs == sum(RETRIES) / 1000
        (warning,) = [one for one in ready.json["warnings"] if "backup" in one]
        assert warning.startswith("the last backup failed: ") and "No such file or directory" in warning
        assert str(folder) not in warning, "anyone may read it"
        os.mkdir(folder)
        await clock.advance(RETRIES[-1] / 1000)

        async def made() -> bool:
            return backups_of(tickd).warnings() == []

        await eventually(made)
        assert len(kept(folder)) == 1
        assert backups_of(tickd).failed_total == 5
    told = [one for one in caplog.records if one.message == "backup failed"]
    assert [one.levelno for one in told] == [logging.ERROR] * 5


async def test_two_daemons_share_a_directory(tmp_path: Path, folder: Path) -> None:
    clock, settings = FakeClock(NOON), {"backup_dir": str(folder), "backup_keep": 1, "backup_keep_weeks": 0}
    other = ["tickd-20260101T000000Z.db", "tickd-20260102T000000Z.db"]
    async with running(tmp_path / "o.db"):
        pass
    for name in other:
        shutil.copy(tmp_path / "o.db", folder / name)
    await asyncio.to_thread(_own_secret, [folder / name for name in other])
    async with running(tmp_path / "t.db", clock=clock, **settings) as tickd:
        assert backups_of(tickd).last_at is None
        await clock.advance(60)
        await come(tickd, folder, "tickd-20260303T120100Z.db")
    assert kept(folder) == [*other, "tickd-20260303T120100Z.db"]


async def test_two_daemons_that_back_up_in_one_second_keep_both(tmp_path: Path, folder: Path) -> None:
    for name in ("a", "b"):
        async with running(tmp_path / f"{name}.db"):
            pass
    await asyncio.to_thread(_own_secret, [tmp_path / "b.db"])
    for name in ("a", "b"):
        clock = FakeClock(NOON)
        async with running(tmp_path / f"{name}.db", clock=clock, backup_dir=str(folder)) as tickd:
            await tickd.job(name=f"of {name}")
            await clock.advance(60)

            async def made(tickd: Harness = tickd) -> bool:
                return backups_of(tickd).last_at is not None

            await eventually(made)
            instance = (await tickd.call("GET", "/healthz")).headers["X-Tickd-Instance"]
            own = folder / f"tickd-20260303T120100Z-{instance[:8]}.db"
            assert await asyncio.to_thread(_jobs, own) == [f"of {name}"]
    assert kept(folder) == ["tickd-20260303T120100Z.db"] * 2


def _jobs(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [str(row[0]) for row in connection.execute("SELECT name FROM jobs")]


async def test_a_name_that_is_taken_is_left_to_who_has_it(tmp_path: Path, folder: Path) -> None:
    clock = FakeClock(NOON)
    async with running(tmp_path / "t.db", clock=clock, backup_dir=str(folder)) as tickd:
        instance = (await tickd.call("GET", "/healthz")).headers["X-Tickd-Instance"]
        taken = folder / f"tickd-20260303T120100Z-{instance[:8]}.db"
        taken.write_text("mine")
        await clock.advance(60)
        await come(tickd, folder, "tickd-20260303T120101Z.db")
        assert taken.read_text() == "mine"


async def test_a_database_in_the_directory_is_no_backup_whatever_its_name(
    tmp_path: Path, folder: Path
) -> None:
    """The daemon's own, and one of the same origin that another daemon had until now."""
    async with running(tmp_path / "t.db"):
        pass
    own, other = folder / "tickd-20200101T000000Z.db", folder / "tickd-20200102T000000Z.db"
    for name in (own, other, folder / "tickd-20200103T000000Z.db"):
        shutil.copy(tmp_path / "t.db", name)
    (folder / f"{other.name}.lock").touch()
    (tmp_path / "link.db").symlink_to(own)
    clock, settings = FakeClock(NOON), {"backup_dir": str(folder), "backup_keep": 1, "backup_keep_weeks": 0}
    async with running(tmp_path / "link.db", clock=clock, **settings) as tickd:
        for made in ("tickd-20260303T120100Z.db", "tickd-20260304T031500Z.db"):
            await clock.advance((backups_of(tickd).due(clock.now()) - clock.now()) / 1000)
            await come(tickd, folder, made)

        async def rotated() -> bool:
            return {name for name in kept(folder) if name.endswith(".db")} == {own.name, other.name, made}

        await eventually(rotated)


async def test_backups_from_the_future_tell_nothing_and_push_out_none(tmp_path: Path, folder: Path) -> None:
    async with running(tmp_path / "t.db"):
        pass
    old, future = "tickd-20260302T031500Z.db", ["tickd-20990101T000000Z.db", "tickd-20990102T000000Z.db"]
    for name in (old, *future):
        shutil.copy(tmp_path / "t.db", folder / name)
    clock, settings = FakeClock(NOON), {"backup_dir": str(folder), "backup_keep": 2, "backup_keep_weeks": 0}
    async with running(tmp_path / "t.db", clock=clock, **settings) as tickd:
        assert backups_of(tickd).last_at == NOON - 32 * times.HOUR - 45 * times.MINUTE
        # The one of this night was missed.
        assert backups_of(tickd).due(NOON) == NOON + times.MINUTE
        await clock.advance(60)
        await come(tickd, folder, "tickd-20260303T120100Z.db")
        await clock.advance((QUARTER_PAST_THREE - clock.now()) / 1000)
        await come(tickd, folder, "tickd-20260304T031500Z.db")

        async def rotated() -> bool:
            return kept(folder) == ["tickd-20260303T120100Z.db", "tickd-20260304T031500Z.db", *future]

        await eventually(rotated)


async def test_a_daemon_that_stops_ends_its_backup_without_a_trace(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, told: list[Any]
) -> None:
    """As a large one, that is stopped on its way."""
    begun = threading.Event()

    def slow(copy: backup.Copy, *_: int) -> None:
        begun.set()
        while not copy._stopped:
            time.sleep(0.001)
        raise Unavailable("the backup was stopped")

    monkeypatch.setattr(backup.Copy, "_step", slow)
    clock = FakeClock(NOON)
    async with running(tmp_path / "t.db", clock=clock, backup_dir=str(folder)):
        await clock.advance(60)
        assert await asyncio.to_thread(begun.wait, 10)
    gc.collect()
    assert (kept(folder), told) == ([], [])


@pytest.fixture
async def told() -> list[Any]:
    """What asyncio has to tell of errors that nobody took."""
    found: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: found.append(context))
    return found


def _own_secret(files: list[Path]) -> None:
    # The tests' databases begin as copies of one: give these a secret of their own.

    for file in files:
        connection = sqlite3.connect(file)
        connection.execute("UPDATE facts SET value = randomblob(32) WHERE name = 'secret'")
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()
        connection.commit()
        connection.close()


async def test_a_clock_that_was_set_back_holds_up_no_backup(tmp_path: Path, folder: Path) -> None:
    clock = FakeClock(NOON + 400 * times.DAY)
    async with running(tmp_path / "t.db", clock=clock, backup_dir=str(folder), backup_keep=1) as tickd:
        await clock.advance(60)
        await come(tickd, folder, "tickd-20270407T120100Z.db")
        clock.set(NOON)
        assert backups_of(tickd).due(NOON) == QUARTER_PAST_THREE


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"backup_schedule": "every day"}, "backup_schedule "),
        ({"backup_schedule": "0 0 31 2 *"}, "backup_schedule "),
        ({"backup_timezone": "Mars/Base"}, "backup_timezone must be an IANA time zone"),
        ({"backup_dir": "/nowhere/at/all"}, "backup_dir /nowhere/at/all does not exist; make it first"),
    ],
)
async def test_a_plan_that_cannot_work_is_refused_at_start(
    tmp_path: Path, folder: Path, settings: dict[str, str], sentence: str
) -> None:
    given: dict[str, Any] = {"backup_dir": str(folder)} | settings
    with pytest.raises(StartupError, match=sentence):
        async with running(tmp_path / "t.db", **given):
            pass
