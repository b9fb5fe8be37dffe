"""A checked copy of the database, taken while it is written to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from tickd.errors import Invalid, Unavailable
from tickd.store.faults import unavailable

_PAGES = 1024  # a step: 4 MB, then the progress is told


class Copy:
    """One backup of `source` to `target`, on a thread of its own."""

    def __init__(self, source: str, target: Path, progress: Callable[[int, int], None] | None) -> None:
        if os.path.realpath(source) == os.path.realpath(target):
            raise Invalid("target", "is the database itself")
        self._source = source
        self._target = target
        self._progress = progress
        self._stopped = False
        self._copy: sqlite3.Connection | None = None
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()

    async def run_in_thread(self) -> None:
        """Copy, check and rename; a caller that is cancelled stops the copy and leaves nothing."""
        thread = threading.Thread(target=self._main, name="tickd-backup", daemon=True)
        thread.start()
        try:
            await asyncio.shield(self._done)
        finally:
            await self.stop()
            thread.join()

    async def stop(self) -> None:
        """End a copy that is being made or checked; its caller gets Unavailable."""
        self._stopped = True
        with contextlib.suppress(sqlite3.ProgrammingError):  # it has just been closed
            if self._copy is not None:
                self._copy.interrupt()
        await asyncio.wait([self._done])

    def run(self, source: sqlite3.Connection) -> None:
        """Copy from an open connection; OperationalErrors become Unavailable."""
        try:
            descriptor, name = tempfile.mkstemp(".tmp", f".{self._target.name}.", self._target.parent)
        except OSError as error:
            raise Unavailable(f"{self._target} can't be written: {error.strerror}") from error
        os.close(descriptor)
        try:
            self._fill(source, name)
            os.replace(name, self._target)
            _sync(self._target.parent)
        except sqlite3.Error as error:
            if self._stopped:
                raise Unavailable("the backup was stopped") from error
            raise unavailable(error) or Unavailable(f"the backup failed: {error}") from error
        except OSError as error:
            raise Unavailable(f"{self._target} can't be written: {error.strerror}") from error
        finally:
            for leftover in (name, name + "-journal"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(leftover)

    def _fill(self, source: sqlite3.Connection, name: str) -> None:
        copy = self._copy = sqlite3.connect(name, isolation_level=None)
        try:
            source.backup(copy, pages=_PAGES, progress=self._step)
            # One file that needs no other beside it, until it is opened as a database again.
            copy.execute("PRAGMA journal_mode=DELETE").fetchall()
            found = copy.execute("PRAGMA integrity_check").fetchone()[0]
            if found != "ok":
                raise Unavailable(f"the backup failed its integrity check: {found}")
        finally:
            self._copy = None
            copy.close()
        _sync(Path(name))

    def _step(self, _status: int, remaining: int, total: int) -> None:
        if self._stopped:
            raise Unavailable("the backup was stopped")
        if self._progress is not None:
            self._loop.call_soon_threadsafe(self._progress, total - remaining, total)

    def _main(self) -> None:
        error: BaseException | None = None
        try:
            source = sqlite3.connect(self._source, isolation_level=None)
            try:
                # One snapshot for all steps: without it every commit in between starts the copy again.
                source.execute("BEGIN")
                source.execute("SELECT count(*) FROM sqlite_schema").fetchall()
                self.run(source)
            finally:
                source.close()
        except sqlite3.Error as failure:
            error = unavailable(failure) or failure
        except BaseException as failure:  # handed to whoever waits
            error = failure
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._finish, error)

    def _finish(self, error: BaseException | None) -> None:
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
