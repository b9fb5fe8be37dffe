"""Scheduled backups: made on time, made up for, rotated, and loud when they fail."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tickd.domain import times
from tickd.errors import StartupError
from tickd.services import restoring
from tickd.services.backups import RETRIES, Backups

QUARTER_PAST_THREE = NOON + 15 * times.HOUR + 15 * times.MINUTE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "backups"
    path.mkdir()
    return path


def kept(folder: Path) -> list[str]:
    """The files of a folder, in order."""
    return sorted(os.listdir(folder))


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
        newest = folder / "tickd-20260306T031500Z.db"
        assert newest.stat().st_mode & 0o777 == 0o600
        assert (await restoring.look(newest)).rows["jobs"] == 1
        async with aiohttp.ClientSession() as session, session.get(f"{tickd.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        found = dict(line.split(" ") for line in lines if line.startswith("tickd_backup_"))
        assert float(found["tickd_backup_last_success_timestamp_seconds"]) * 1000 == clock.now()
        assert int(float(found["tickd_backup_size_bytes"])) == newest.stat().st_size
        assert float(found["tickd_backup_failures_total"]) == 0


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
        (warning,) = [one for one in ready.json["warnings"] if "backup" in one]
        assert warning.startswith("the last backup failed: ") and "No such file or directory" in warning
        os.mkdir(folder)
        await clock.advance(RETRIES[-1] / 1000)

        async def made() -> bool:
            return len(kept(folder)) == 1

        await eventually(made)
        assert backups_of(tickd).warnings() == []
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
