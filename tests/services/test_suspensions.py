"""Suspensions: what memory knows of the file, and who hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import NOON, opened
from tickd.domain import accounts as rules
from tickd.errors import Conflict, NotFound
from tickd.services.accounts import Accounts
from tickd.services.suspensions import EVERY, Suspensions
from tickd.store import accounts
from tickd.store.database import Database


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """A file."""
    database = await opened(tmp_path / "tickd.db")
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def service(db: Database) -> Accounts:
    """The use cases of accounts."""
    return Accounts(db, FakeClock(NOON))


async def test_memory_follows_the_file_at_each_tick(db: Database, service: Accounts) -> None:
    one, two = await service.create("one"), await service.create("two")
    known = Suspensions(db)
    heard: list[tuple[frozenset[str], frozenset[str]]] = []
    known.heard.append(lambda suspended, resumed: heard.append((suspended, resumed)))
    await known.refresh()
    assert (known.accounts, heard) == (frozenset(), [])
    await service.suspend(one.id)
    assert not known.has(one.id)
    assert await known.tick(NOON) == NOON + EVERY
    assert (known.has(one.id), known.has(two.id)) == (True, False)
    await known.tick(NOON)
    await service.suspend(two.id)
    await service.resume(one.id)
    await known.tick(NOON)
    assert known.accounts == {two.id}
    assert heard == [
        (frozenset({one.id}), frozenset()),
        (frozenset({two.id}), frozenset({one.id})),
    ]


async def test_whoever_hears_of_it_hears_before_it_is_so(db: Database, service: Accounts) -> None:
    made = await service.create("one")
    known = Suspensions(db)
    seen: list[bool] = []
    known.heard.append(lambda _suspended, _resumed: seen.append(known.has(made.id)))
    await service.suspend(made.id)
    await known.refresh()
    await service.resume(made.id)
    await known.refresh()
    assert seen == [False, True]


async def test_a_suspension_begins_when_it_first_began(db: Database) -> None:
    clock = FakeClock(NOON)
    service = Accounts(db, clock)
    made = await service.create("one")
    await service.suspend(made.id)
    await clock.advance(60.0)
    await service.suspend(made.id)
    assert (await service.account(made.id)).suspended_at == NOON
    await asyncio.gather(service.resume(made.id), service.resume(made.id))
    assert (await service.account(made.id)).suspended_at is None


async def test_what_can_not_be_suspended(service: Accounts) -> None:
    with pytest.raises(Conflict, match="acc_default is the daemon's own account"):
        await service.suspend(rules.DEFAULT_ACCOUNT)
    for act in (service.suspend, service.resume):
        with pytest.raises(NotFound, match="no account acc_none"):
            await act("acc_none")


async def test_no_change_of_settings_ends_a_suspension(db: Database, service: Accounts) -> None:
    made = await service.create("one")
    await service.suspend(made.id)
    await service.change(made.id, rules.AccountChange(name="other"))
    assert (await service.account(made.id)).suspended_at == NOON
    assert await accounts.suspended(db) == {made.id}
