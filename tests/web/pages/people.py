"""The fixed people of the tests of pages, beside the owner: members, readers, and an owner elsewhere."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pyotp

from tests.support.browsing import PASSWORD, Browser, Shown, browser
from tests.support.daemon import Harness
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.users import Role, User, UserCreation

OTHER = "another good password"
NASTY = "\"><script>alert('x')</script>{{7*7}}<img src=x onerror=alert(1)>"
"""A name that would run, were it written as it is."""


async def made(
    tickd: Harness, email: str, role: Role = "member", *, account: str = DEFAULT_ACCOUNT, name: str = ""
) -> User:
    """A user with the tests' usual password."""
    creation = UserCreation(email=email, password=PASSWORD, role=role, name=name)
    return await tickd.daemon.services.users.create(account, creation)


@asynccontextmanager
async def signed_in(tickd: Harness, email: str, password: str = PASSWORD) -> AsyncIterator[Browser]:
    """A visitor who is signed in with that address."""
    async with browser(tickd) as visitor:
        answer = await visitor.sign_in(email, password)
        assert (answer.status, answer.location) == (303, "/"), answer.words
        yield visitor


@asynccontextmanager
async def stranger(tickd: Harness) -> AsyncIterator[Browser]:
    """The owner of another account on the same daemon."""

    def unit(tx: sqlite3.Connection) -> None:
        tx.execute("INSERT INTO accounts (id, name, created_at) VALUES ('acc_other', 'other', 0)")

    await tickd.daemon._database.write(unit)
    await made(tickd, "stranger@example.com", "owner", account="acc_other")
    async with signed_in(tickd, "stranger@example.com") as visitor:
        yield visitor


async def with_totp(tickd: Harness, user: User) -> tuple[pyotp.TOTP, list[str]]:
    """Switches the second step on for a user; the authenticator and the recovery codes."""
    users = tickd.daemon.services.users
    secret, _ = await users.begin_totp(user.id)
    device = pyotp.TOTP(secret)
    codes = await users.confirm_totp(user.id, secret, device.at(tickd.clock.now() // 1000))
    await tickd.clock.advance(30)
    return device, codes


def cookie_lines(answer: Shown) -> dict[str, str]:
    """What the answer sets, by the cookie's name, as the header has it."""
    lines = answer.headers.getall("Set-Cookie", [])
    return {line.partition("=")[0]: line for line in lines}
