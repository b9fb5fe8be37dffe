"""The supervisor: systemd's notify protocol, one datagram for each thing that it is told."""

from __future__ import annotations

import logging
import socket
from collections.abc import MutableMapping
from typing import Final

_WORDS_MOST: Final = 500

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

    @classmethod
    def of(cls, environment: MutableMapping[str, str], pid: int) -> Supervisor:
        """The one that `environment` names, whose variables are taken out of it: no child is to speak for us.

        A watchdog that is meant for another process than `pid` is none of ours.
        """
        address = environment.pop("NOTIFY_SOCKET", "")
        period, whose = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        mine = whose in ("", str(pid)) and period.isascii() and period.isdigit() and int(period) > 0
        if address and not address.startswith(("/", "@")):
            log.warning("NOTIFY_SOCKET is no address that tickd knows; nobody is told")
            address = ""
        return cls(address, int(period) / 1e6 if mine else None)

    @property
    def is_there(self) -> bool:
        """Whether anybody is told."""
        return bool(self._address)

    def ready(self) -> None:
        """Say that the daemon serves."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Say that the daemon stops."""
        self._tell("STOPPING=1", "STATUS=stopping")

    def alive(self) -> None:
        """Say that the daemon still moves; due at the latest `watchdog_secs` after the last time."""
        self._tell("WATCHDOG=1")

    def status(self, words: str) -> None:
        """Say in a line how it is."""
        self._tell("STATUS=" + " ".join(words.split())[:_WORDS_MOST])

    def extend(self, seconds: float, words: str) -> None:
        """Ask for `seconds` more, from now, for what goes on: a start must not be cut off half-way."""
        self._tell(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}", f"STATUS={words}")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
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
        else:
            self._is_lost = False
