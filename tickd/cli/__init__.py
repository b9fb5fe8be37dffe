"""The command line: reads arguments, calls the app."""

from __future__ import annotations

import sys

import click

from tickd import __version__
from tickd.cli.keys import key
from tickd.cli.schedules import upcoming
from tickd.cli.serve import dev, serve
from tickd.errors import TickdError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tickd")
def tickd() -> None:
    """Fires cron jobs over HTTP, records every run, and watches what you run."""


for command in (serve, dev, key, upcoming):
    tickd.add_command(command)


def main() -> None:
    """Run the command line; an error is one sentence on stderr and exit status 1."""
    try:
        tickd()
    except TickdError as error:
        click.echo(f"tickd: {error.message}", err=True)
        sys.exit(1)
