"""The command line: reads arguments, calls the app."""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping

import click

from tickd import __version__
from tickd.errors import TickdError


class Commands(MutableMapping[str, click.Command]):
    """The commands by name, each imported when it is asked for.

    `tickd exec` runs every minute from many crontabs: it must not wait for the daemon's imports.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}
        self._known = dict.fromkeys(("serve", "dev", "account", "key", "user", "next", "verify", "exec"))

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            if name not in self._known:
                raise KeyError(name)
            self._loaded[name] = _load(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._known[name] = None
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _load(name: str) -> click.Command:
    if name == "exec":
        from tickd.cli.execute import execute

        return execute
    if name == "account":
        from tickd.cli.accounts import account

        return account
    if name == "key":
        from tickd.cli.keys import key

        return key
    if name == "user":
        from tickd.cli.users import user

        return user
    if name == "verify":
        from tickd.cli.verify import verify

        return verify
    if name == "next":
        from tickd.cli.schedules import upcoming

        return upcoming
    from tickd.cli.serve import dev, serve

    return dev if name == "dev" else serve


@click.group(commands=Commands(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tickd")
def tickd() -> None:
    """Fires cron jobs, watches services and heartbeats, verifies e-mail addresses."""


def main() -> None:
    """Run the command line; an error is one sentence on stderr and exit status 1."""
    try:
        tickd()
    except TickdError as error:
        click.echo(f"tickd: {error.message}", err=True)
        sys.exit(1)
