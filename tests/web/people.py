"""People who are signed in without a password: the tests of pages need the session, not the way to it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contract.people import OTHER
from tests.support.browsing import Browser, browser
from tests.support.daemon import Harness
from tickd import ids
from tickd.domain import times
from tickd.domain.accounts import DEFAULT_ACCOUNT, digest
from tickd.domain.users import Role, Session, User
from tickd.store import accounts, users

OTHER_ACCOUNT = "INSERT INTO accounts (id, name, created_at) VALUES (?, 'other', ?)"


async def session(tickd: Harness, role: Role = "owner", account_id: str = DEFAULT_ACCOUNT) -> str:
    """The token of a session of a new user with that role."""
    now, token, user_id = tickd.clock.now(), ids.token(), ids.new("usr")
    user = User(
        id=user_id,
        account_id=account_id,
        email=f"{user_id}@example.com",
        name=f"The {role}",
        role=role,
        totp=False,
        created_at=now,
    )
    begun = Session(
        id=ids.new("ses"), user_id=user.id, created_at=now, seen_at=now, expires_at=now + 30 * times.DAY
    )

    def unit(tx: sqlite3.Connection) -> None:
        if accounts.find(tx, account_id) is None:
            tx.execute(OTHER_ACCOUNT, (account_id, now))
        users.insert(tx, user, "!")
        users.insert_session(tx, digest(token), begun)

    await tickd.daemon._database.write(unit)
    return token


@asynccontextmanager
async def signed_in(
    tickd: Harness, role: Role = "owner", account_id: str = DEFAULT_ACCOUNT
) -> AsyncIterator[Browser]:
    """The browser of somebody with that role."""
    token = await session(tickd, role, account_id)
    async with browser(tickd) as visitor:
        visitor.be(token)
        yield visitor


@asynccontextmanager
async def stranger(tickd: Harness) -> AsyncIterator[Browser]:
    """The browser of the owner of another account."""
    async with signed_in(tickd, account_id=OTHER) as visitor:
        yield visitor
