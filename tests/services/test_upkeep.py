"""Upkeep of heartbeats: what is deleted or old goes in slices, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.hearing import ACCOUNT, Hearing, hearing
from tests.support.daemon import NOON
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.pings import Event, Said
from tickd.domain.times import DAY, SECOND
from tickd.services.upkeep import FREE_LEAST, FREE_SLICE, PAUSE, REST, SLICE
from tickd.store import pings, space

OLDEST = 90 * DAY


@pytest.fixture
async def ears(tmp_path: Path) -> AsyncIterator[Hearing]:
    async with hearing(tmp_path / "t.db") as made:
        yield made


async def happened(ears: Hearing, made: Heartbeat, count: int, at: int = NOON) -> None:
    """So many pings with a body, a second apart from `at` on."""

    def unit(tx: sqlite3.Connection) -> None:
        for number in range(count):
            moment = at + number * SECOND
            event = Event(
                row=0, heartbeat=made.row, at=moment, received_at=moment, kind="success", body="said"
            )
            pings.insert(tx, event)

    await ears.db.write(unit)


async def kept(ears: Hearing) -> tuple[int, int]:
    """How many events there are, and how many bodies."""
    ((events, bodies),) = await ears.stored(
        "SELECT (SELECT count(*) FROM heartbeat_events), (SELECT count(*) FROM ping_bodies)"
    )
    return events, bodies


async def test_what_a_deleted_heartbeat_left_goes_a_slice_at_a_time(ears: Hearing) -> None:
    made, other = await ears.made(), await ears.made(name="other")
    await happened(ears, made, 2 * SLICE + 50)
    await happened(ears, other, 10)
    for one in (made, other):
        await ears.ping(one, Said(kind="start", rid="a"))
    woken: list[int] = []
    ears.upkeep.wake = lambda: woken.append(1)
    await ears.heartbeats.delete(ACCOUNT, made.id)
    assert woken == [1]
    for left in (SLICE + 51, 51, 0):
        assert await ears.upkeep.tick(NOON) == NOON + PAUSE
        assert await kept(ears) == (left + 11, left + 10)
    assert ears.upkeep.removed_total == 2 * SLICE + 51
    assert await ears.stored("SELECT * FROM deleted_heartbeats") == []
    assert await ears.stored("SELECT heartbeat FROM open_runs") == [(other.row,)]


async def test_many_small_ones_share_a_slice(ears: Hearing) -> None:
    for number in range(8):
        made = await ears.made(name=f"n{number}")
        await happened(ears, made, SLICE * 3 // 10)
        await ears.heartbeats.delete(ACCOUNT, made.id)
    left = []
    while (await ears.stored("SELECT count(*) FROM deleted_heartbeats"))[0][0]:
        await ears.upkeep.tick(NOON)
        left.append((await kept(ears))[0])
    assert left == [SLICE * 14 // 10, SLICE * 4 // 10, 0]


async def test_history_past_its_retention_goes_in_small_slices_and_the_rest_stays(ears: Hearing) -> None:
    made, other = await ears.made(), await ears.made(name="other")
    old = NOON - OLDEST - 60 * SECOND
    await happened(ears, made, 50, old)
    await happened(ears, made, 1, NOON - OLDEST)
    await happened(ears, made, 5)
    await happened(ears, other, 3, old)
    seen = []
    following = NOON
    while following < NOON + REST:
        following = await ears.upkeep.tick(NOON)
        seen.append((await kept(ears))[0])
    assert max(before - after for before, after in zip([59, *seen], seen, strict=False)) <= SLICE // 10 * 2
    assert await kept(ears) == (6, 6)
    assert ears.upkeep.removed_total == 53
    assert (await ears.stored("SELECT min(at) FROM heartbeat_events"))[0][0] == NOON - OLDEST
    again = await ears.upkeep.tick(NOON + 1)
    assert again == NOON + 1 + PAUSE


async def test_an_account_may_keep_its_history_for_a_shorter_time(ears: Hearing) -> None:
    made = await ears.made()
    await happened(ears, made, 5, NOON - 2 * DAY)
    await happened(ears, made, 5)
    await ears.stored("UPDATE accounts SET retention_days = 1")
    while await ears.upkeep.tick(NOON) < NOON + REST:
        pass
    assert await kept(ears) == (5, 5)


async def test_free_pages_go_back_to_the_disk_a_slice_at_a_time(ears: Hearing, tmp_path: Path) -> None:
    file = tmp_path / "t.db"

    def fill(tx: sqlite3.Connection) -> None:
        tx.execute("CREATE TABLE bulk (id INTEGER PRIMARY KEY, x)")
        tx.executemany("INSERT INTO bulk (x) VALUES (zeroblob(?))", [(3900,)] * 4_000)

    def empty(tx: sqlite3.Connection) -> None:
        # Every tenth page stays, so that the file has holes and its end has to be moved.
        tx.execute("DELETE FROM bulk WHERE id % 10 <> 0")

    await ears.db.write(fill)
    await ears.db.alone(lambda connection: list(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")))
    before = (await asyncio.to_thread(file.stat)).st_size
    await ears.db.write(empty)
    (_, free), slices = await space.pages(ears.db), 0
    assert free > FREE_LEAST + FREE_SLICE
    while (await space.pages(ears.db))[1] >= FREE_LEAST + FREE_SLICE:
        assert await ears.upkeep.tick(NOON) == NOON + PAUSE
        left = (await space.pages(ears.db))[1]
        # The pages of the map that says where each page belongs go as well.
        assert FREE_SLICE <= free - left <= FREE_SLICE + 2
        free, slices = left, slices + 1
    assert slices > 5
    # What is left is kept for what comes.
    await ears.upkeep.tick(NOON)
    assert (await space.pages(ears.db))[1] == free
    await ears.db.alone(lambda connection: list(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")))
    assert (await asyncio.to_thread(file.stat)).st_size <= before - slices * FREE_SLICE * 4096
    assert (await ears.stored("SELECT count(*) FROM bulk")) == [(400,)]
    assert (await ears.stored("PRAGMA integrity_check")) == [("ok",)]
