"""One daemon a file: an advisory lock beside the database, which the kernel drops when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading

from tickd.errors import StartupError

_POLL_SECS = 0.02


class FileLock:
    """The lock `<database>.lock`; the file stays when the lock is gone, and names its last holder's pid.

    It is never taken on the database itself: closing any descriptor of that file would drop the POSIX
    locks SQLite holds on it in this process.
    """

    def __init__(self, database: str) -> None:
        # The real path: two names of one file (a symbolic link) must meet at one lock.
        self.path = os.path.realpath(database) + ".lock"
        self._descriptor: int | None = None

    def acquire(self, wait_secs: float = 0.0) -> bool:
        """Take the lock, trying for `wait_secs`; False when another process holds it, StartupError when
        the lock file can't be made."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StartupError(f"{self.path} can't be opened: {error.strerror}") from error
        tries = 1 + int(wait_secs / _POLL_SECS)
        for left in range(tries - 1, -1, -1):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if left:
                    threading.Event().wait(_POLL_SECS)
                continue
            except OSError as error:
                os.close(descriptor)
                raise StartupError(f"{self.path} can't be locked: {error.strerror}") from error
            self._descriptor = descriptor
            with contextlib.suppress(OSError):  # a full disk: the lock holds, only the pid isn't there
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return True
        os.close(descriptor)
        return False

    def release(self) -> None:
        """Give the lock back; nothing happens when it isn't held."""
        # The file is not removed: a process that has just opened it would lock a name that is gone.
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def held_by(self) -> int | None:
        """The pid of the process that has the lock now, 0 where the file doesn't say; None without one.

        Makes and changes nothing.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(descriptor, 20, 0).strip()
            return int(text) if text.isdigit() else 0
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return None

    def holder(self) -> str:
        """`" (pid 123)"` for a sentence, or nothing when the file doesn't say."""
        try:
            with open(self.path, encoding="ascii", errors="replace") as file:
                pid = file.read(20).strip()
        except OSError:
            return ""
        return f" (pid {pid})" if pid.isdigit() else ""
