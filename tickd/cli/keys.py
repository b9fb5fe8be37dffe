"""`tickd key`: API keys, on the database file, while the daemon runs or not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, get_args

import click

from tickd import app
from tickd.cli import database
from tickd.domain import times
from tickd.domain.accounts import DEFAULT_ACCOUNT, KeyRequest, Scope
from tickd.errors import StartupError
from tickd.services.accounts import Accounts

F = TypeVar("F", bound=Callable[..., Any])

_db = click.option(
    "--db",
    default=lambda: os.environ.get("TICKD_DB") or "tickd.db",
    help="The database file.  [env: TICKD_DB; default: tickd.db]",
)


@click.group()
def key() -> None:
    """Make, list and revoke API keys."""


@key.command()
@_db
@click.option("--name", required=True, help="What or who the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(get_args(Scope)),
    default=("read", "write"),
    show_default=True,
    help="What the key may do; may be given more than once.",
)
def create(db: str, name: str, scopes: tuple[Scope, ...]) -> None:
    """Make a key and print it; it can't be shown again."""
    request = KeyRequest(name=name, scopes=list(scopes))

    async def act(accounts: Accounts) -> None:
        stored, made = await accounts.create_key(DEFAULT_ACCOUNT, request)
        click.echo(made)
        click.echo(
            f"{stored.id} {stored.name!r}, {', '.join(stored.scopes)}; keep the key, it is not shown again.",
            err=True,
        )

    _with(db, act, make=True)


@key.command("list")
@_db
def list_keys(db: str) -> None:
    """List the keys in force."""

    async def act(accounts: Accounts) -> None:
        offset = 0
        while True:
            found, total = await accounts.keys(DEFAULT_ACCOUNT, limit=500, offset=offset)
            for one in found:
                used = "never used" if one.last_used_at is None else f"used {times.rfc3339(one.last_used_at)}"
                click.echo(f"{one.id}  {one.start}…  {','.join(one.scopes)}  {used}  {one.name}")
            offset += len(found)
            if offset >= total or not found:
                break
        if not offset:
            click.echo("No keys. Make one with: tickd key create --name first --scope admin", err=True)

    _with(db, act)


@key.command()
@_db
@click.argument("key_id")
def revoke(db: str, key_id: str) -> None:
    """Revoke a key for ever; KEY_ID is shown by `tickd key list`."""

    async def act(accounts: Accounts) -> None:
        await accounts.revoke_key(DEFAULT_ACCOUNT, key_id)
        click.echo(f"{key_id} is revoked.")

    _with(db, act)


def _with(db: str, act: Callable[[Accounts], Awaitable[None]], *, make: bool = False) -> None:
    """Open the file beside a daemon that may be running on it; only `make` begins a new file."""
    database.check(db)
    new = database.is_new(db)
    if new and not make:
        raise StartupError(f"there is no database {database.full_name(db)}; name it with --db")

    async def run() -> None:
        async with app.opened(db) as accounts:
            if new:
                click.echo(
                    f"{database.full_name(db)} is a new database. "
                    "If the daemon has another one, name that with --db.",
                    err=True,
                )
            await act(accounts)

    asyncio.run(run())
