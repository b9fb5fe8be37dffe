"""Commands on the database file, beside the daemon that may be running on it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from tickd import app
from tickd.cli import database
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.errors import StartupError
from tickd.services.accounts import Accounts
from tickd.services.limits import Limits
from tickd.services.users import Users

Service = TypeVar("Service", Accounts, Limits, Users)

db_option = click.option(
    "--db",
    default=lambda: os.environ.get("TICKD_DB") or "tickd.db",
    help="The database file.  [env: TICKD_DB; default: tickd.db]",
)

account_option = click.option(
    "--account", default=DEFAULT_ACCOUNT, show_default=True, help="The account's id."
)


def run(
    db: str, service: type[Service], act: Callable[[Service], Awaitable[None]], *, make: bool = False
) -> None:
    """Open the file and act on it; only `make` begins a new file, and says so."""
    database.check(db)
    new = database.is_new(db)
    if new and not make:
        raise StartupError(f"there is no database {database.full_name(db)}; name it with --db")

    async def within() -> None:
        async with app.opened(db, service) as opened:
            if new:
                click.echo(
                    f"{database.full_name(db)} is a new database. "
                    "If the daemon has another one, name that with --db.",
                    err=True,
                )
            await act(opened)

    asyncio.run(within())
