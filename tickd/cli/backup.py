"""`tickd backup`: a checked copy of the database, while the daemon runs or not."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from tickd.cli import database
from tickd.cli.copying import Bar, config_option, db_option, quiet_option, run, settings_of
from tickd.clock import SystemClock
from tickd.domain.contents import amount
from tickd.errors import StartupError
from tickd.services import backups


@click.command()
@db_option
@config_option
@click.option("--force", is_flag=True, help="Replace FILE even when it is no backup of this database.")
@quiet_option
@click.argument("file", type=click.Path(path_type=Path))
def backup(db: str, config: Path | None, force: bool, quiet: bool, file: Path) -> None:
    """Copy the database to FILE, whether the daemon runs or not.

    The copy is checked, and appears under its name complete or not at all. An earlier one is replaced.
    """
    settings = settings_of(config, db)
    if database.is_new(settings.db):
        raise StartupError(
            f"there is no database {database.full_name(settings.db)}; name it with --db or --config"
        )
    clock = SystemClock()
    begun = clock.monotonic()
    with Bar("Copying", quiet=quiet) as bar:
        made, holds = run(partial(backups.copy, settings.db, file, force=force, progress=bar))
    if not quiet:
        took = clock.monotonic() - begun
        click.echo(f"{made}: {amount(holds.size)} in {took:.1f} s, checked: {holds.words()}")
