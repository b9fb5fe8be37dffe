"""The command line: reads arguments, calls the app."""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module

import click

from tickd import __version__
from tickd.errors import TickdError

COMMANDS = {
    "serve": "tickd.cli.serve:serve",
    "dev": "tickd.cli.serve:dev",
    "account": "tickd.cli.accounts:account",
    "key": "tickd.cli.keys:key",
    "user": "tickd.cli.users:user",
    "next": "tickd.cli.schedules:upcoming",
    "verify": "tickd.cli.verify:verify",
    "exec": "tickd.cli.execute:execute",
}
"""Where each command is, in the order of the help."""


class Commands(MutableMapping[str, click.Command]):
    """The commands by name, each imported when it is asked for.

    `tickd exec` runs every minute from many crontabs: it must not wait for the daemon's imports.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}
        self._known = dict.fromkeys(COMMANDS)

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            if name not in self._known:
                raise KeyError(name)
            module, _, attribute = COMMANDS[name].partition(":")
            self._loaded[name] = getattr(import_module(module), attribute)
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


@click.group(commands=Commands(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tickd")
def tickd() -> None:
    """Fires cron jobs, watches services and heartbeats, verifies e-mail addresses."""


def main() -> None:
    """Run the command line; an error is one sentence on stderr, and its exit status (1 where it has none)."""
    try:
        tickd()
    except TickdError as error:
        click.echo(f"tickd: {error.message}", err=True)
        sys.exit(getattr(error, "exit_status", 1))
