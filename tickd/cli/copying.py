"""What `tickd backup` and `tickd restore` share: settings, a progress bar, and an end that leaves nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, TypeVar

import click

from tickd import config
from tickd.cli import database
from tickd.config import Settings

T = TypeVar("T")

db_option = click.option("--db", default="", help="The database file.  [env: TICKD_DB; default: tickd.db]")
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A TOML file with the settings of the daemon; its db is taken.  [env: TICKD_CONFIG]",
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Tell nothing but what goes wrong.")


def settings_of(file: Path | None, db: str) -> Settings:
    """The daemon's settings, `--db` before environment and file; StartupError names a wrong one."""
    named = os.environ.get("TICKD_CONFIG")
    settings = config.load({"db": db}, os.environ, file or (Path(named) if named else None))
    database.check(settings.db)
    return settings


class Bar(AbstractContextManager["Bar"]):
    """A progress bar on standard error, where that is a terminal."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        self._label = label
        self._shown = not quiet and sys.stderr.isatty()
        self._stack = ExitStack()
        self._bar: Any = None
        self._done = 0

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` pages are copied; at the end they are checked."""
        if not self._shown:
            return
        if self._bar is None:
            made = click.progressbar(length=total, label=f"{self._label:9}", file=sys.stderr)
            self._bar = self._stack.enter_context(made)
        if done >= total:
            self._bar.label = "Checking "
        self._bar.update(done - self._done)
        self._done = done


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run it; SIGTERM ends it as Ctrl-C does, so that it can take away what is not complete."""

    async def within() -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are in one
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work()

    try:
        return asyncio.run(within())
    except asyncio.CancelledError as ended:
        raise click.Abort from ended
