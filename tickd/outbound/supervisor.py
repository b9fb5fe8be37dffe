"""The supervisor: systemd's notify protocol, one datagram for each thing that it is told."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import MutableMapping
from typing import Final

_WORDS_MOST: Final = 500
_AGAIN_SECS: Final = 0.05
_TRIES: Final = 100
_PERIOD_DIGITS: Final = 20
"""Those of the longest time that systemd knows, in microseconds."""
SHORTEST_SECS: Final = 0.1
"""The shortest period of a watchdog that is taken for one: nobody could keep a shorter one."""

log = logging.getLogger("tickd.supervisor")


class Supervisor:
    """Tells the service manager how the daemon is; with no `address` there is none, and nothing happens.

    `address` is a path, or a name of Linux's abstract sockets after an `@`. `watchdog_secs` is how long the
    manager waits for `alive` before it restarts the daemon; None where it does not watch.
    """

    def __init__(self, address: str = "", watchdog_secs: float | None = None) -> None:
        self.watchdog_secs = watchdog_secs if address else None
        self._address = address
        self._is_lost = False
        self._owes_ready = False

    @classmethod
    def of(cls, environment: MutableMapping[str, str], pid: int) -> Supervisor:
        """The one that `environment` names, whose variables are taken out of it: no child is to speak for us.

        A watchdog that is meant for another process than `pid` is none of ours; one that nobody could keep is
        left alone, with a warning.
        """
        address = environment.pop("NOTIFY_SOCKET", "")
        period, whose = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        watchdog_secs = _seconds(period) if address and whose in ("", str(pid)) else None
        if address and not address.startswith(("/", "@")):
            log.warning("NOTIFY_SOCKET is no address that tickd knows; nobody is told")
            address = ""
        return cls(address, watchdog_secs)

    @property
    def is_there(self) -> bool:
        """Whether anybody is told."""
        return bool(self._address)

    async def ready(self) -> None:
        """Say that the daemon serves, again and again for five seconds while the manager's queue is full.

        After that it goes with whatever is told next: without it the manager would end the daemon.
        """
        self._owes_ready = True
        for _ in range(_TRIES):
            fault = self._say()
            if not self._owes_ready or not isinstance(fault, BlockingIOError):
                return
            await asyncio.sleep(_AGAIN_SECS)

    def stopping(self) -> None:
        """Say that the daemon stops."""
        self._tell("STOPPING=1", "STATUS=stopping")

    def alive(self) -> None:
        """Say that the daemon still moves; due at the latest `watchdog_secs` after the last time."""
        self._say("WATCHDOG=1")

    def status(self, words: str) -> None:
        """Say in a line how it is."""
        self._say("STATUS=" + " ".join(words.split())[:_WORDS_MOST])

    def extend(self, seconds: float, words: str) -> None:
        """Ask for `seconds` more, from now, for what goes on: a start must not be cut off half-way."""
        self._tell(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}", f"STATUS={words}")

    def _say(self, *lines: str) -> OSError | None:
        fault = self._tell(*(("READY=1",) if self._owes_ready else ()), *lines)
        if fault is None:
            self._owes_ready = False
        return fault

    def _tell(self, *lines: str) -> OSError | None:
        """Send them as one message; what went wrong, or None, as where there is nobody to be told."""
        if not self._address or not lines:
            return None
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
                end.setblocking(False)
                end.connect(address)
                end.send("\n".join(lines).encode())
        except OSError as error:
            # The daemon goes on: whoever waits for a word in vain restarts it, and that is theirs to decide.
            if not self._is_lost:
                words = {"error": error.strerror or type(error).__name__}
                log.warning("the supervisor can't be told", extra={"fields": words})
            self._is_lost = True
            return error
        self._is_lost = False
        return None


def _seconds(period: str) -> float | None:
    """What `WATCHDOG_USEC` says, or None where it says nothing, or nothing that can be kept."""
    if not period:
        return None
    is_number = period.isascii() and period.isdigit() and len(period) <= _PERIOD_DIGITS
    seconds = int(period) / 1e6 if is_number else 0.0
    if seconds >= SHORTEST_SECS:
        return seconds
    log.warning("WATCHDOG_USEC is no period that tickd can keep; it is left alone")
    return None
