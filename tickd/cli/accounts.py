"""`tickd account`: the tenants of one daemon, on the database file, while the daemon runs or not."""

from __future__ import annotations

import shutil
import sys

import click
import msgspec

from tickd.cli.account_limits import limits
from tickd.cli.beside import db_option, run
from tickd.domain import times
from tickd.domain.accounts import Counted
from tickd.services.accounts import Accounts

HEADINGS = ("ID", "STATE", "JOBS", "MONITORS", "HEARTBEATS", "CREATED", "NAME")
NAME_LEAST = 8
"""How many letters of a name the table shows at least, however narrow the terminal."""


@click.group(short_help="Make, list and suspend accounts; limits.")
def account() -> None:
    """Make, list, suspend and resume accounts, and set their limits."""


account.add_command(limits)


@account.command()
@db_option
@click.argument("name")
def create(db: str, name: str) -> None:
    """Make an account called NAME, and print its id."""

    async def act(accounts: Accounts) -> None:
        made = await accounts.create(name)
        click.echo(made.id)
        click.echo("Next, a key for its API and a user for its dashboard:", err=True)
        click.echo(f"  tickd key create --account {made.id} --name first --scope admin", err=True)
        click.echo(f"  tickd user add EMAIL --account {made.id}", err=True)

    run(db, Accounts, act, make=True)


@account.command("list")
@db_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list of objects.")
def list_accounts(db: str, as_json: bool) -> None:
    """List all accounts, the oldest first."""

    async def act(accounts: Accounts) -> None:
        found = await accounts.all()
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode([_shown(one) for one in found])).decode())
        else:
            _table(found)

    run(db, Accounts, act)


@account.command()
@db_option
@click.argument("account_id")
def suspend(db: str, account_id: str) -> None:
    """Suspend an account: nothing of it runs or is shown, and everything is kept.

    Its keys and users are refused, and nobody is alerted. Pings are still answered with 200, so that what
    runs elsewhere goes on. A running daemon heeds it within about a second.
    """

    async def act(accounts: Accounts) -> None:
        await accounts.suspend(account_id)
        click.echo(f"{account_id} is suspended; a running daemon heeds it within about a second.")

    run(db, Accounts, act)


@account.command()
@db_option
@click.argument("account_id")
def resume(db: str, account_id: str) -> None:
    """End the suspension of an account.

    A running daemon heeds it within about a second.
    """

    async def act(accounts: Accounts) -> None:
        await accounts.resume(account_id)
        click.echo(f"{account_id} is active; a running daemon heeds it within about a second.")

    run(db, Accounts, act)


def _state(one: Counted) -> str:
    return "active" if one.account.suspended_at is None else "suspended"


def _shown(one: Counted) -> dict[str, object]:
    return {
        "id": one.account.id,
        "name": one.account.name,
        "state": _state(one),
        "jobs": one.jobs,
        "monitors": one.monitors,
        "heartbeats": one.heartbeats,
        "created_at": times.rfc3339(one.account.created_at),
        "suspended_at": times.optional(one.account.suspended_at),
    }


def _table(found: list[Counted]) -> None:
    rows: list[tuple[str, ...]] = [HEADINGS]
    for one in found:
        made, numbers = one.account, (one.jobs, one.monitors, one.heartbeats)
        created = times.rfc3339(made.created_at)[:10]
        rows.append((made.id, _state(one), *(f"{number}" for number in numbers), created, made.name))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    # The name comes last, and is cut on a terminal: it may have 200 characters.
    room = max(NAME_LEAST, shutil.get_terminal_size().columns - sum(widths) - 2 * len(widths))
    is_cut = sys.stdout.isatty()
    for row in rows:
        cells = [
            cell.rjust(width) if 2 <= column <= 4 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        name = row[6] if len(row[6]) <= room or not is_cut else f"{row[6][: room - 1]}…"
        click.echo("  ".join((*cells, name)).rstrip())
