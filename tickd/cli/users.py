"""`tickd user`: who may sign in, on the database file, while the daemon runs or not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click
import msgspec

from tickd import ids
from tickd.cli.beside import account_option, db_option, run
from tickd.domain import times
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.users import PASSWORD_MOST, Role, User, UserCreation
from tickd.services.users import Users

F = TypeVar("F", bound=Callable[..., Any])

GENERATED_LETTERS = 20
"""Of a password that is made here: 100 bits."""


def _password_options(function: F) -> F:
    function = click.option(
        "--generate", is_flag=True, help="Make a random password and print it, instead of asking."
    )(function)
    return click.option(
        "--password-stdin", is_flag=True, help="Read the password from standard input: its first line."
    )(function)


@click.group(short_help="Add, list and delete users; passwords.")
def user() -> None:
    """Add, list and delete the users of the dashboard, and set their passwords."""


@user.command()
@db_option
@click.argument("email")
@click.option("--name", default="", help="What the user is called.")
@click.option(
    "--role",
    type=click.Choice(get_args(Role)),
    help="What the user may do; owner for the first user of the account, or else member.",
)
@account_option
@_password_options
def add(
    db: str, email: str, name: str, role: Role | None, account: str, password_stdin: bool, generate: bool
) -> None:
    """Add a user who signs in with EMAIL; the password is asked for."""
    given = _password(password_stdin=password_stdin, generate=generate)

    async def act(users: Users) -> None:
        _, others = await users.page(account, limit=1)
        meant = role or ("member" if others else "owner")
        creation = UserCreation(email=email, password=given, name=name, role=meant)
        made = await users.create(account, creation)
        click.echo(f"{made.email} is added, as {_article(made.role)}.", err=generate)
        if generate:
            click.echo(given)

    run(db, Users, act, make=True)


@user.command()
@db_option
@click.argument("email")
@_password_options
@click.option("--end-totp", is_flag=True, help="Switch the second step off as well: the device is lost.")
def password(db: str, email: str, password_stdin: bool, generate: bool, end_totp: bool) -> None:
    """Set the password of EMAIL, and end all of the user's sessions."""
    given = _password(password_stdin=password_stdin, generate=generate)

    async def act(users: Users) -> None:
        known = await users.by_email(email)
        await users.set_password(known.id, given, end_totp=end_totp)
        click.echo(f"{known.email} has a new password; all sessions are ended.", err=generate)
        if generate:
            click.echo(given)

    run(db, Users, act)


@user.command("list")
@db_option
@account_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list of objects.")
def list_users(db: str, account: str, as_json: bool) -> None:
    """List the users of an account by address."""

    async def act(users: Users) -> None:
        await users.check_account(account)
        found: list[User] = []
        while True:
            some, total = await users.page(account, offset=len(found))
            found += some
            if len(found) >= total or not some:
                break
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode([_shown(one) for one in found])).decode())
            return
        _table(found)
        if not found:
            where = "" if account == DEFAULT_ACCOUNT else f" --account {account}"
            click.echo(f"No users. Add one with: tickd user add you@example.com{where}", err=True)

    run(db, Users, act)


@user.command()
@db_option
@click.argument("email")
def delete(db: str, email: str) -> None:
    """Delete the user EMAIL, and end all of the user's sessions."""

    async def act(users: Users) -> None:
        known = await users.by_email(email)
        await users.delete(known.account_id, known.id)
        click.echo(f"{known.email} is deleted.")

    run(db, Users, act)


def _password(*, password_stdin: bool, generate: bool) -> str:
    if password_stdin and generate:
        raise click.UsageError("--password-stdin and --generate exclude each other")
    if generate:
        return ids.secret(GENERATED_LETTERS)
    if password_stdin:
        # One letter more than is allowed, so that a longer one is refused and not cut.
        return sys.stdin.readline(PASSWORD_MOST + 2).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can type a password here; give --password-stdin or --generate")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
    return typed


def _article(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"


def _shown(one: User) -> dict[str, object]:
    return {
        "id": one.id,
        "account_id": one.account_id,
        "email": one.email,
        "name": one.name,
        "role": one.role,
        "totp": one.totp,
        "created_at": times.rfc3339(one.created_at),
        "last_seen_at": times.optional(one.last_seen_at),
    }


def _table(found: list[User]) -> None:
    rows = [
        (
            one.email,
            one.role,
            "two steps" if one.totp else "password only",
            "never seen" if one.last_seen_at is None else f"seen {times.rfc3339(one.last_seen_at)}",
            one.name,
        )
        for one in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)] if rows else []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join((*cells, row[4])).rstrip())
