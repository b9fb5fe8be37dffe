"""Pings that could not be delivered: a file each in the user's state directory, until they are replayed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from tickd.cli.pings import Ping, address, say
from tickd.domain import times
from tickd.errors import Invalid

LONGEST = 200_000
"""The most bytes of a file that may hold a ping."""
MOST = 1_000
"""How many files are kept; beyond that the oldest go."""
KEPT = times.DAY
"""How long the daemon takes a ping for history, in milliseconds."""

_STAMP = 13


class Tried(NamedTuple):
    """What became of a replayed ping.

    `over`: it is delivered or refused, and needs no file. `holds_up`: what else need not be tried now, the
    pings of its heartbeat or all of its tickd's.
    """

    over: bool
    holds_up: Literal["", "heartbeat", "tickd"] = ""


class Replay(NamedTuple):
    """What a replay left: how many pings, and whether another process has it in hand."""

    left: int
    busy: bool = False


def folder(environment: Mapping[str, str]) -> str:
    """The directory: below XDG_STATE_HOME, or the user's home; FileNotFoundError where there is neither."""
    state = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):  # as the XDG specification says
        home = environment.get("HOME", "")
        if not os.path.isabs(home):
            try:
                home = pwd.getpwuid(os.getuid()).pw_dir
            except KeyError as error:
                raise FileNotFoundError(2, "no home directory; set HOME or XDG_STATE_HOME") from error
        state = os.path.join(home, ".local", "state")
    return os.path.join(state, "tickd", "spool")


class Spool:
    """The files of one user. Their names begin with the time of the ping, so that they sort by it."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def keep(self, ping: Ping) -> None:
        """Write a ping so that it is there whole or not at all; OSError where it can't be kept."""
        self._make_folder()
        name = f"{max(ping.at, 0):0{_STAMP}d}-{ping.rid}-{int(ping.kind != 'start')}"
        final, draft = (
            self._path(f"{name}.json"),
            self._path(f"{name}.{os.getpid()}.{threading.get_ident()}.tmp"),
        )
        text = json.dumps(ping._asdict() | {"at": times.rfc3339(ping.at)})
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            os.rename(draft, final)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(draft)
            raise
        self._sync()
        self._trim()

    def replay(
        self,
        send: Callable[[Ping], Tried],
        now: int,
        *,
        url: str | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> Replay:
        """Send what is kept, oldest first, until `enough`; with `url`, what was meant for that tickd.

        OSError where the directory can't be read or written. One process replays at a time.
        """
        if not os.path.isdir(self.folder):
            return Replay(0)
        with self._locked() as locked:
            if not locked:
                return Replay(len(self._names(".json")), busy=True)
            self._forget(now)
            left, held_up = 0, set[tuple[str, str]]()
            for name in self._names(".json"):
                ping = self._read(name)
                if ping is None or url not in (None, ping.url):
                    continue
                if enough() or not held_up.isdisjoint({(ping.url, ""), (ping.url, ping.token)}):
                    left += 1
                    continue
                tried = send(ping)
                if tried.over:
                    self._remove(name)
                else:
                    left += 1
                if tried.holds_up:
                    held_up.add((ping.url, ping.token if tried.holds_up == "heartbeat" else ""))
            return Replay(left)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _names(self, *endings: str) -> list[str]:
        """The files with one of these endings, oldest first."""
        return sorted(name for name in os.listdir(self.folder) if name.endswith(endings))

    def _make_folder(self) -> None:
        os.makedirs(self.folder, 0o700, exist_ok=True)
        if os.stat(self.folder).st_mode & 0o077:
            os.chmod(self.folder, 0o700)

    def _sync(self) -> None:
        """Have the directory itself on disk; some file systems can't, and then it is as good as it gets."""
        with contextlib.suppress(OSError):
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _trim(self) -> None:
        """Keep the newest; what can't be read any more counts, too."""
        names = self._names(".json", ".bad", ".tmp")
        old = names[: max(0, len(names) - MOST)]
        for name in old:
            with contextlib.suppress(OSError):
                self._remove(name)
        if old:
            say(
                f"{self.folder} keeps {MOST:,} pings; the oldest was dropped"
                + f" ({len(old)})" * (len(old) > 1)
            )

    def _forget(self, now: int) -> None:
        """Drop what the daemon would not take any more."""
        dropped = 0
        for name in self._names(".json", ".bad", ".tmp"):
            stamp = name[:_STAMP]
            if stamp.isdigit() and now - int(stamp) > KEPT:
                with contextlib.suppress(OSError):
                    self._remove(name)
                dropped += name.endswith(".json")
        if dropped:
            say(f"{dropped} undelivered {'ping' if dropped == 1 else 'pings'} dropped after 24 hours")

    def _remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name))

    def _read(self, name: str) -> Ping | None:
        """The ping in a file; what holds none is renamed and told, once."""
        try:
            return _parsed(_text(self._path(name)))
        except FileNotFoundError:
            return None  # dropped by another process, which had too many
        except (OSError, ValueError, TypeError, KeyError, RecursionError, Invalid):
            with contextlib.suppress(OSError):
                os.rename(self._path(name), self._path(name.removesuffix(".json") + ".bad"))
            say(f"{self._path(name)} holds no ping that can be read; it is now called .bad")
            return None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[bool]:
        descriptor = os.open(self._path(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                locked = False
            else:
                locked = True
            yield locked
        finally:
            os.close(descriptor)


def _text(path: str) -> str:
    """What a file holds; OSError or ValueError for a link, a pipe, a device, and what is too long."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("no file")
        content = file.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise ValueError("too long")
    return content.decode("utf-8")


def _parsed(text: str) -> Ping:
    """A file's ping; ValueError, TypeError or KeyError for anything else."""
    found: Any = json.loads(text)
    url, token, kind, rid, at, body = (found[name] for name in Ping._fields)
    if not all(isinstance(value, str) for value in (url, token, kind, rid, at, body)):
        raise TypeError("every field is a text")
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None or not token or address(url) != url:
        raise ValueError("no time, token or address")
    if kind != "start" and not (kind.isascii() and kind.isdigit() and int(kind) <= 255):
        raise ValueError("no kind of ping")
    return Ping(url, token, kind, rid, round(moment.timestamp() * 1000), body)
