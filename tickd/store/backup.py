"""A checked copy of the database, taken while it is written to."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tickd.domain.contents import Contents
from tickd.errors import Invalid, TickdError, Unavailable
from tickd.store import contents
from tickd.store.faults import unavailable

Progress = Callable[[int, int], None]
Finish = Callable[[str, Path], None]

PART = ".tickd-part"
"""How the name of a copy ends that is not complete yet."""
_PAGES = 1024  # a step: 4 MB, then the progress is told
_FLUSH = 8  # steps between two flushes: one of the whole file at the end would hold up everybody's
_BESIDE = ("-journal", "-wal", "-shm")  # what SQLite has beside a copy while it makes one
_PART = re.compile(rf"(\..+\.[a-z0-9_]{{8}}{re.escape(PART)})(?:{'|'.join(_BESIDE)})?")


class Copy:
    """One backup of `source` to `target`, on a thread of its own."""

    def __init__(
        self,
        source: str,
        target: Path,
        progress: Progress | None,
        *,
        open_source: Callable[[], sqlite3.Connection] | None = None,
        finish: Finish | None = None,
        newest: int = contents.ANY_SCHEMA,
    ) -> None:
        """`finish` puts the complete copy into its place; by default it replaces what is there."""
        if os.path.realpath(source) == os.path.realpath(target):
            raise Invalid(str(target), "is the database itself")
        self._source = source
        self._open = open_source or (lambda: _connect(source))
        self._target = target
        self._progress = progress
        self._put = finish or replace
        self._newest = newest
        self._stopped = False
        self._steps = 0
        self._descriptor = -1
        self._copy: sqlite3.Connection | None = None
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[Contents] = self._loop.create_future()

    async def run_in_thread(self) -> Contents:
        """Copy, check and rename; a caller that is cancelled stops the copy and leaves nothing."""
        thread = threading.Thread(target=self._main, name="tickd-backup", daemon=True)
        thread.start()
        try:
            return await asyncio.shield(self._done)
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

    def run(self, source: sqlite3.Connection) -> Contents:
        """Copy from an open connection; OperationalErrors become Unavailable."""
        try:
            with _part(self._target) as (name, self._descriptor):
                found = self._fill(source, name)
                if self._stopped:
                    raise Unavailable("the backup was stopped")
                self._put(name, self._target)
                sync(self._target.parent)
                return found
        except sqlite3.Error as error:
            if self._stopped:
                raise Unavailable("the backup was stopped") from error
            raise self._told(error) from error
        except OSError as error:
            raise Unavailable(f"{self._target} can't be written: {error.strerror}") from error

    def _told(self, error: sqlite3.Error) -> Unavailable:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return Unavailable(f"{self._source} is damaged: {error}", 60)
        fault = unavailable(error)
        return Unavailable(f"{self._target} can't be written: {fault.message if fault else error}")

    def _fill(self, source: sqlite3.Connection, name: str) -> Contents:
        self._check_room(source)
        copy = self._copy = sqlite3.connect(name, isolation_level=None)
        try:
            source.backup(copy, pages=_PAGES, progress=self._step)
            # One file that needs no other beside it, until it is opened as a database again.
            copy.execute("PRAGMA journal_mode=DELETE").fetchall()
            found = contents.of(copy, Path(name), self._newest)
            contents.check(copy)
        except Unavailable as error:
            raise error if self._stopped else Unavailable(f"{self._target} is not made: {error.message}")  # noqa: B904
        finally:
            self._copy = None
            copy.close()
        os.fsync(self._descriptor)
        return found

    def _check_room(self, source: sqlite3.Connection) -> None:
        numbers = [
            int(source.execute(f"PRAGMA {word}").fetchone()[0]) for word in ("page_count", "page_size")
        ]
        disk = os.statvfs(self._target.parent)
        free, wanted = disk.f_bavail * disk.f_frsize, numbers[0] * numbers[1]
        if free < wanted:
            room = f"{free // 1_000_000} MB are free, {-(-wanted // 1_000_000)} MB are needed"
            raise Unavailable(f"the disk is too full ({room})")

    def _step(self, _status: int, remaining: int, total: int) -> None:
        if self._stopped:
            raise Unavailable("the backup was stopped")
        self._steps += 1
        if self._steps % _FLUSH == 0:
            os.fdatasync(self._descriptor)
        if self._progress is not None:
            self._loop.call_soon_threadsafe(self._progress, total - remaining, total)

    def _main(self) -> None:
        error: BaseException | None = None
        found: Contents | None = None
        try:
            with contextlib.closing(self._open()) as source:
                # One snapshot for all steps: without it every commit in between starts the copy again.
                source.execute("BEGIN")
                source.execute("SELECT count(*) FROM sqlite_schema").fetchall()
                found = self.run(source)
        except sqlite3.Error as failure:
            error = self._told(failure)
            error.__cause__ = failure
        except BaseException as failure:  # handed to whoever waits
            error = failure
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._finish, found, error)

    def _finish(self, found: Contents | None, error: BaseException | None) -> None:
        if found is not None:
            self._done.set_result(found)
        else:
            self._done.set_exception(error or TickdError("the backup ended without a word"))
            # A caller that was cancelled never takes it, and asyncio prints what nobody took.
            self._done.exception()


def replace(part: str, target: Path) -> None:
    """Put a complete copy where it belongs, in one step."""
    os.replace(part, target)


def put_new(part: str, target: Path) -> None:
    """The same where nothing is yet; FileExistsError, and nothing done, where something is."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: take the name first, so that nobody else can
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        os.replace(part, target)


def sync(path: Path) -> None:
    """Have a file, or the names in a directory, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what copies left in a folder that were killed on their way; those under way keep theirs."""
    found = [match for name in os.listdir(folder) if (match := _PART.fullmatch(name))]
    for part in {match[1] for match in found}:
        # A copy that is under way holds it, it is another user's, or has just gone.
        with contextlib.suppress(OSError):
            _remove_dead(folder / part)
    for match in found:
        if match[0] != match[1] and not os.path.lexists(folder / match[1]):
            with contextlib.suppress(OSError):
                os.unlink(folder / match[0])


def _remove_dead(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _part(target: Path) -> Iterator[tuple[str, int]]:
    """A file beside the target for nobody but us to read, locked and gone at the end: name, descriptor."""
    sweep(target.parent)
    name, descriptor = _locked(target)
    try:
        yield name, descriptor
    finally:
        # Only now: closing it earlier would drop SQLite's own locks on the copy.
        os.close(descriptor)
        for end in ("", *_BESIDE):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name + end)


def _locked(target: Path) -> tuple[str, int]:
    while True:
        descriptor, name = tempfile.mkstemp(PART, f".{target.name}.", target.parent)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.lexists(name):
                return name, descriptor
        except OSError:
            os.close(descriptor)
            os.unlink(name)
            raise
        # Another copy's sweep took it for a dead one's before it was locked.
        os.close(descriptor)


def _connect(path: str) -> sqlite3.Connection:
    # Never made when it is missing.
    uri = f"{Path(os.path.realpath(path)).as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, isolation_level=None)
