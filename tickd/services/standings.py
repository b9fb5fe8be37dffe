"""Standings: what the checks of one turn of the loop made of their monitors is one unit of the writer."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from tickd.domain.monitors import Standing
from tickd.errors import Unavailable
from tickd.services.history import History
from tickd.store import monitors


class Change(NamedTuple):
    """What is written of a monitor."""

    row: int
    standing: Standing
    ssl_expires_at: int | None
    ssl_issuer: str | None


_Waiting = tuple[Change, "asyncio.Future[None]"]


class Standings:
    """Writes them with the checks that they come from.

    Each would bring the newest checks along: a thousand monitors that fail together would write them a
    thousand times.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._gathered: list[_Waiting] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, change: Change) -> None:
        """Return after the commit; Unavailable when the disk is full or the file locked."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathered.append((change, future))
        if len(self._gathered) == 1:
            asyncio.get_running_loop().call_soon(self._hand_over)
        await future

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        task = asyncio.get_running_loop().create_task(self._write(gathered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, gathered: Sequence[_Waiting]) -> None:
        changes = [change for change, _ in gathered]
        failure: Exception | None = None
        try:
            await self._history.write_with(lambda tx: _store(tx, changes))
        except Exception as error:
            failure = error
        if failure is not None and not isinstance(failure, Unavailable) and len(gathered) > 1:
            # One of them is at fault, and takes no other with it.
            for one in gathered:
                await self._write([one])
            return
        for _, future in gathered:
            if future.done():  # its check was cut off meanwhile
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)

    async def stop(self) -> None:
        """Wait for what the writer has been given."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _store(tx: sqlite3.Connection, changes: Sequence[Change]) -> None:
    for change in changes:
        monitors.set_state(tx, *change)
