"""`tickd restore`: a backup in the place of the database, while no daemon runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from tickd.cli import database
from tickd.cli.copying import Bar, config_option, db_option, quiet_option, run, settings_of
from tickd.clock import SystemClock
from tickd.domain import times
from tickd.domain.contents import Contents, amount
from tickd.services import restoring


@click.command(short_help="Put a backup in the place of the database.")
@db_option
@config_option
@click.option("--yes", is_flag=True, help="Don't ask.")
@quiet_option
@click.argument("file", type=click.Path(path_type=Path))
def restore(db: str, config: Path | None, yes: bool, quiet: bool, file: Path) -> None:
    """Put the backup FILE in the place of the database; the daemon must be stopped.

    The backup is copied and checked first. The former database is kept beside the new one.
    """
    settings = settings_of(config, db)
    holds = run(partial(restoring.look, file))
    restoring.check_free(settings.db)
    if not yes:
        _ask(file, settings.db, holds)
    clock = SystemClock()
    begun = clock.monotonic()
    with Bar("Copying", quiet=quiet) as bar:
        done = run(partial(restoring.put_back, file, settings.db, clock.now(), bar))
    if quiet:
        return
    name = database.full_name(settings.db)
    took = clock.monotonic() - begun
    click.echo(f"{name}: {amount(done.contents.size)} in {took:.1f} s, checked: {done.contents.words()}")
    if done.kept is not None:
        click.echo(f"The former database is {done.kept}; delete it when all is well.")
    option = "" if settings.db == "tickd.db" else f" --db {settings.db}"
    click.echo(f"Start the daemon as usual, then see that all is well: tickd doctor{option}")


def _ask(file: Path, db: str, holds: Contents) -> None:
    written = times.rfc3339(int(file.stat().st_mtime) * 1000)
    click.echo(f"{file} was written {written}: {amount(holds.size)}, {holds.words()}", err=True)
    former = Path(db)
    what = "Put it in the place of"
    if former.exists():
        what += f" the {amount(former.stat().st_size)} in"
    click.confirm(f"{what} {database.full_name(db)}?", abort=True, err=True)
