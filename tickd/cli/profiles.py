"""`tickd profile`: daemons by name, each an address with its key, in a file that its owner alone may read."""

from __future__ import annotations

import os
import sys
from typing import Any, ClassVar

import click

from tickd.cli import outputs
from tickd.cli.remote import checked, profiles_file, read_profiles
from tickd.cli.terminal import Cell, Column, Screen, safe
from tickd.errors import Invalid, StartupError, TickdError


class NoProfile(TickdError):
    """There is no profile of that name."""

    code = "no_profile"
    exit_status: ClassVar[int] = 4


@click.group()
def profile() -> None:
    """Name daemons: an address with its key."""


@profile.command(short_help="Add a profile, or change the one of that name.")
@click.argument("name")
@click.option("--url", required=True, help="The daemon's address.")
@click.option("--key-file", metavar="FILE", help="A file that the key is read from, each time.")
@click.option("--key-env", metavar="VARIABLE", help="A variable that the key is read from, each time.")
def add(name: str, url: str, key_file: str | None, key_env: str | None) -> None:
    """Add a profile, or change the one of that name; the one called default is used unless another is named.

    The key is asked for and not shown, or read from standard input. Without one, or with --key-file or
    --key-env, none is kept in the file.

    \b
    Example:
      tickd profile add prod --url https://tickd.example.com
    """
    if not name.strip() or not name.isprintable():
        raise Invalid("name", "must be printable characters")
    if key_file and key_env:
        raise click.UsageError("give --key-file or --key-env, not both")
    kept = {"url": checked(url, "--url")}
    if key_file:
        kept["key_file"] = os.path.abspath(os.path.expanduser(key_file))
    elif key_env:
        kept["key_env"] = key_env
    elif typed := _typed_key():
        kept["key"] = typed
    _write(read_profiles() | {name: kept})
    click.echo(f"{profiles_file()} has {name}: {kept['url']}", err=True)


def _typed_key() -> str:
    if not sys.stdin:
        return ""
    if sys.stdin.isatty():
        said: str = click.prompt("API key", default="", hide_input=True, show_default=False, err=True)
        return said.strip()
    return sys.stdin.readline().strip()


@profile.command("list", short_help="List the profiles, without their keys.")
def list_profiles() -> None:
    """List the profiles, without their keys.

    \b
    Example:
      tickd profile list
    """
    rows = [
        [Cell(safe(name)), Cell(safe(str(one.get("url", "")))), Cell(_key_from(one))]
        for name, one in sorted(read_profiles().items())
        if isinstance(one, dict)
    ]
    Screen.current().write((Column("name"), Column("url", least=20), Column("key")), rows)


def _key_from(one: dict[str, Any]) -> str:
    if "key_file" in one:
        return f"in the file {safe(str(one['key_file']))}"
    if "key_env" in one:
        return f"in the variable {safe(str(one['key_env']))}"
    return "here" if one.get("key") else "none"


@profile.command(short_help="Remove a profile.")
@click.argument("name")
def remove(name: str) -> None:
    """Remove a profile.

    \b
    Example:
      tickd profile remove prod
    """
    known = read_profiles()
    if name not in known:
        raise NoProfile(f"there is no profile {safe(name)} in {profiles_file()}")
    del known[name]
    _write(known)


def _write(profiles: dict[str, Any]) -> None:
    """Replace the file in one step; its owner alone may read it."""
    import tomli_w

    path = profiles_file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartupError(f"can't write {path}: {error.strerror}") from error
    outputs.write(str(path), tomli_w.dumps(profiles), 0o600)
