"""`tickd serve` and `tickd dev`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import uvloop

from tickd import config, logs
from tickd.app import Daemon
from tickd.cli import database
from tickd.config import SETTINGS, Setting, Settings
from tickd.domain.accounts import DEFAULT_ACCOUNT

F = TypeVar("F", bound=Callable[..., Any])

DEVELOPMENT = {
    "listen",
    "dns_server",
    "disposable_domain",
    "allowed_domain",
    "reference",
    "smtp_url",
    "mail_from",
    "log_format",
    "log_level",
}
"""The settings that `tickd dev` has."""


def _option(setting: Setting, *, env: bool) -> Callable[[F], F]:
    source = f"env: {setting.env}; " if env else ""
    words = f"{setting.help}  [{source}default: {setting.default or 'none'}]"
    if setting.switch:
        return click.option(setting.option, setting.name, is_flag=True, default=None, help=words)
    return click.option(setting.option, setting.name, multiple=setting.many, metavar="TEXT", help=words)


def options(names: set[str] | None = None, *, env: bool = True) -> Callable[[F], F]:
    """The settings as options of a command, all of them or those of these names."""

    def decorate(function: F) -> F:
        for setting in reversed(SETTINGS):
            if setting.flag and (names is None or setting.name in names):
                function = _option(setting, env=env)(function)
        return function

    return decorate


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A TOML file with the same settings under the same names.  [env: TICKD_CONFIG]",
)


def load(file: Path | None, flags: Mapping[str, Any]) -> Settings:
    """The settings from a command's flags, the environment and the file; StartupError names a wrong one."""
    named = os.environ.get("TICKD_CONFIG")
    return config.load(flags, os.environ, file or (Path(named) if named else None))


@click.command()
@config_option
@options()
def serve(**flags: Any) -> None:
    """Run the daemon."""
    settings = load(flags.pop("config"), flags)
    database.check(settings.db)
    _run(settings)


@click.command(short_help="Run it for local development, in memory.")
@options(DEVELOPMENT, env=False)
def dev(**flags: Any) -> None:
    """Run the daemon for local development: in memory, on this machine alone, with any API key.

    Whoever opens its dashboard is an owner, without signing in.
    """
    settings = config.load(flags, {}, dev=True)
    if settings.listen[0] not in ("127.0.0.1", "::1", "localhost"):
        raise click.UsageError(
            "tickd dev asks for no sign-in, so it listens on this machine alone: 127.0.0.1"
        )
    _run(settings)


def _run(settings: Settings) -> None:
    with logs.configured(settings.log_format, settings.log_level):
        uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    daemon = Daemon(settings)
    await daemon.run(started=lambda: _greet(daemon))


async def _greet(daemon: Daemon) -> None:
    click.echo(f"tickd serves on {daemon.public_url}")
    if daemon.settings.dev:
        click.echo("Any API key is good here, and nothing is kept. Press Ctrl-C to end.")
        return
    token = daemon.services.users.setup_token
    if token is not None:
        click.echo(f"Set up the dashboard: {daemon.public_url}/setup?token={token}")
    _, keys = await daemon.services.accounts.keys(DEFAULT_ACCOUNT, limit=1, offset=0)
    if not keys:
        option = "" if daemon.settings.db == "tickd.db" else f" --db {daemon.settings.db}"
        click.echo(
            f"There is no API key yet. Make one with: tickd key create --name first --scope admin{option}"
        )
