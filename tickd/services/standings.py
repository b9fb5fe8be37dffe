"""Standings: what the checks of one turn of the loop made of their monitors is one unit of the writer."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from tickd import logs
from tickd.domain.checks import Check
from tickd.domain.incidents import Cause
from tickd.domain.monitors import Flip, Monitor, Standing
from tickd.errors import Unavailable
from tickd.services.history import History
from tickd.services.telling import Telling
from tickd.store import monitors

log = logging.getLogger("tickd.checking")


class Change(NamedTuple):
    """What is written of a monitor, and what there is to tell; times in milliseconds.

    `at` is the check's time, which is behind that of the one before it, and so may be ahead of `now`.
    `warn_days` is the warning that its certificate is due for, `renewed` whether it is another one.
    """

    row: int
    standing: Standing
    ssl_expires_at: int | None
    ssl_issuer: str | None
    ssl_warned_days: int | None
    at: int
    now: int
    flip: Flip | None = None
    cause: Cause | None = None
    warn_days: int | None = None
    renewed: bool = False


def say(monitor: Monitor, flip: Flip, check: Check) -> None:
    """Write to the log what a check has flipped."""
    words = logs.fields(monitor=monitor.id, name=monitor.name, status=check.status, error=check.error)
    if flip == "failing":
        log.error("monitor is failing", extra=words)
    elif flip == "degraded":
        log.warning("monitor is degraded", extra=words)
    else:
        log.info("monitor recovered", extra=words)


_Waiting = tuple[Change, "asyncio.Future[None]"]


class Standings:
    """Writes them with the checks that they come from, and with what they open, end and queue.

    Each would bring the newest checks along: a thousand monitors that fail together would write them a
    thousand times.
    """

    def __init__(self, history: History, telling: Telling) -> None:
        self._history = history
        self._telling = telling
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
            await self._history.write_with(lambda tx: self._store(tx, changes))
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
        if failure is None and any(change.flip or change.warn_days for change in changes):
            self._telling.queued()

    def _store(self, tx: sqlite3.Connection, changes: Sequence[Change]) -> None:
        for change in changes:
            monitors.set_state(tx, *change[:5])
            if change.renewed and change.ssl_expires_at is not None:
                monitors.certificate_changed(
                    tx, change.row, change.at, change.ssl_expires_at, change.ssl_issuer or ""
                )
        # All states first: what one depends on may be among those that fell with it.
        for change in changes:
            if change.flip is not None or change.warn_days is not None:
                self._tell(tx, change)

    def _tell(self, tx: sqlite3.Connection, change: Change) -> None:
        telling, row, at, now = self._telling, change.row, change.at, change.now
        if change.warn_days is not None and change.ssl_expires_at is not None:
            telling.certificate(tx, row, change.warn_days, change.ssl_expires_at, now)
        if change.flip == "recovered":
            telling.recovered(tx, "monitor", row, at, now, seen=change.cause)
        elif change.flip == "restored":
            telling.restored(tx, "monitor", row, at, now)
        elif change.cause is not None and change.flip == "failing":
            telling.failing(tx, "monitor", row, change.cause, now)
        elif change.cause is not None and change.flip == "degraded":
            telling.degraded(tx, "monitor", row, change.cause, now)

    async def stop(self) -> None:
        """Wait for what the writer has been given."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
