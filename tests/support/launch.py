"""A daemon on a clock that the test sets: `python -m tests.support.launch CLOCK [LOOP]`.

CLOCK is a file of eight bytes, the milliseconds that the wall clock is off by; whoever writes them steps
the clock. LOOP names a loop whose task is cancelled as soon as the daemon has started. Settings come from
the environment, as for `tickd serve`.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from pathlib import Path

import click
import uvloop

from tickd import config, logs
from tickd.app import Daemon
from tickd.clock import SystemClock
from tickd.errors import TickdError

_OFFSET = struct.Struct("q")


class OffsetClock(SystemClock):
    """The machine's clocks, the wall side off by what a file says at that moment."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._bytes = mmap.mmap(opened.fileno(), _OFFSET.size)

    def now(self) -> int:
        return super().now() + int(_OFFSET.unpack_from(self._bytes)[0])

    @staticmethod
    def step(file: Path, offset: int) -> None:
        """Set the wall side of every clock on `file` off by `offset` milliseconds."""
        if not file.exists():
            file.write_bytes(_OFFSET.pack(offset))
            return
        with file.open("r+b") as opened, mmap.mmap(opened.fileno(), _OFFSET.size) as shared:
            _OFFSET.pack_into(shared, 0, offset)


async def _serve(daemon: Daemon, doomed: str | None) -> None:
    async def started() -> None:
        click.echo(f"tickd serves on {daemon.public_url}")
        for task in daemon._tasks:
            if task.get_name() == doomed:
                task.cancel()

    await daemon.run(started)


def main(clock: str, doomed: str | None = None) -> None:
    """Run the daemon as `tickd serve` does."""
    settings = config.load({}, os.environ)
    with logs.configured(settings.log_format, settings.log_level):
        uvloop.run(_serve(Daemon(settings, OffsetClock(Path(clock))), doomed))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except TickdError as error:
        click.echo(f"tickd: {error.message}", err=True)
        sys.exit(1)
