"""`tickd key`: API keys, on the database file, while the daemon runs or not."""

from __future__ import annotations

from typing import get_args

import click

from tickd.cli.beside import account_option, db_option, run
from tickd.domain import times
from tickd.domain.accounts import DEFAULT_ACCOUNT, KeyRequest, Scope
from tickd.services.accounts import Accounts


@click.group()
def key() -> None:
    """Make, list and revoke API keys."""


@key.command()
@db_option
@account_option
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
def create(db: str, account: str, name: str, scopes: tuple[Scope, ...]) -> None:
    """Make a key and print it; it can't be shown again."""
    request = KeyRequest(name=name, scopes=list(scopes))

    async def act(accounts: Accounts) -> None:
        stored, made = await accounts.create_key(account, request)
        click.echo(made)
        click.echo(
            f"{stored.id} {stored.name!r}, {', '.join(stored.scopes)}; keep the key, it is not shown again.",
            err=True,
        )
        if (await accounts.account(account)).suspended_at is not None:
            resume = f"tickd account resume {account}"
            click.echo(f"{account} is suspended: the key is refused until you run {resume}", err=True)

    run(db, Accounts, act, make=True)


@key.command("list")
@db_option
@account_option
def list_keys(db: str, account: str) -> None:
    """List the keys in force."""

    async def act(accounts: Accounts) -> None:
        await accounts.account(account)
        offset = 0
        while True:
            found, total = await accounts.keys(account, limit=500, offset=offset)
            for one in found:
                used = "never used" if one.last_used_at is None else f"used {times.rfc3339(one.last_used_at)}"
                click.echo(f"{one.id}  {one.start}…  {','.join(one.scopes)}  {used}  {one.name}")
            offset += len(found)
            if offset >= total or not found:
                break
        if not offset:
            where = "" if account == DEFAULT_ACCOUNT else f" --account {account}"
            click.echo(
                f"No keys. Make one with: tickd key create{where} --name first --scope admin", err=True
            )

    run(db, Accounts, act)


@key.command()
@db_option
@account_option
@click.argument("key_id")
def revoke(db: str, account: str, key_id: str) -> None:
    """Revoke a key for ever; KEY_ID is shown by `tickd key list`."""

    async def act(accounts: Accounts) -> None:
        await accounts.revoke_key(account, key_id)
        click.echo(f"{key_id} is revoked.")

    run(db, Accounts, act)
