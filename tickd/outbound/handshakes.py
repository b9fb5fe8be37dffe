"""Where TLS handshakes are computed: on the event loop while they are few, else on a few threads."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import Final

# A handshake's arithmetic takes about a millisecond: on the loop, one in so many seconds.
HERE_EVERY_SECS: Final = 0.01
MAX_THREADS: Final = 4
IDLE_SECS: Final = 0.02

Work = Callable[[], None]


class Handshakes:
    """Runs short pieces of work on threads that come with the first piece and go when there is no more.

    OpenSSL releases the GIL, so the event loop goes on meanwhile. To be called from one thread.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._most = min(MAX_THREADS, os.cpu_count() or 1) if threads is None else threads
        self._queue: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running = 0
        self._pending = 0
        self._here_again = 0.0

    def is_quiet(self, now: float) -> bool:
        """Tell whether the loop may do the next piece itself; if so, it has to."""
        if now < self._here_again:
            return False
        self._here_again = now + HERE_EVERY_SECS
        return True

    def submit(self, work: Work) -> None:
        """Run `work`, which must not raise, on a thread; at once and here if there can be none."""
        with self._lock:
            self._pending += 1
            self._queue.put(work)
            if self._running >= min(self._most, self._pending):
                return
            self._running += 1
        try:
            threading.Thread(target=self._run, name="tickd-tls", daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._running -= 1
                if self._running:
                    return  # the others will come to it
                self._pending -= 1
            self._queue.get_nowait()()

    def _run(self) -> None:
        while True:
            try:
                work = self._queue.get(timeout=IDLE_SECS)
            except queue.Empty:
                with self._lock:
                    if self._pending == 0:
                        self._running -= 1
                        return
                continue
            work()
            with self._lock:
                self._pending -= 1
