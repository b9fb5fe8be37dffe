"""Together: what many runs write in one turn of the event loop is one unit of the writer."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from tickd import logs
from tickd.clock import Clock
from tickd.errors import Unavailable
from tickd.store.database import Database

T = TypeVar("T")
_Waiting = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]"]

PATIENCE_SECS = 1.0
"""The pause before a write that the disk refused is tried again."""

log = logging.getLogger("tickd.firing")


class Together:
    """Writes what has happened: in few units, and again and again while the disk is full or locked.

    A unit of its own costs two savepoints, a future and a wake-up; in the minute of 10,000 jobs that is
    as much as the rows themselves.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._gathered: list[_Waiting] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, unit: Callable[[sqlite3.Connection], T]) -> T:
        """Run `unit` on the writer's thread and return its value after the commit; never Unavailable."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._gathered.append((unit, future))
        if len(self._gathered) == 1:
            asyncio.get_running_loop().call_soon(self._hand_over)
        return await future

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        task = asyncio.get_running_loop().create_task(self._patiently(gathered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _patiently(self, gathered: list[_Waiting]) -> None:
        try:
            while not await self._stored(gathered):
                await self._clock.sleep(PATIENCE_SECS)
        finally:
            for _, future in gathered:
                future.cancel()  # stopped: nobody shall wait for what is not written any more

    async def _stored(self, gathered: list[_Waiting]) -> bool:
        """Whether the writer took them, or said what is wrong with them; False to try again."""
        units = [unit for unit, _ in gathered]
        try:
            values = await self._db.write(lambda tx: [unit(tx) for unit in units])
        except Unavailable as error:
            log.error("can't record; will try again", extra=logs.fields(error=error.message))
            return False
        except Exception as error:
            if len(gathered) > 1:
                # One of them is at fault, and takes no other with it.
                await asyncio.gather(*(self._patiently([one]) for one in gathered))
            elif not gathered[0][1].done():
                gathered[0][1].set_exception(error)
            return True
        for (_, future), value in zip(gathered, values, strict=True):
            if not future.done():  # its run may have been cut off meanwhile
                future.set_result(value)
        return True

    async def stop(self) -> None:
        """Try no more; what the writer has been given is still written."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
