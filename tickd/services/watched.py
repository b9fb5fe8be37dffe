"""What is known of a monitor in memory, while it is watched."""

from __future__ import annotations

import asyncio

from tickd.domain import times, uptime
from tickd.domain.checks import Check, CheckStatus
from tickd.domain.monitors import Monitor
from tickd.outbound.prober import Seen, Target
from tickd.services.evidence import Evidence
from tickd.services.targets import host_of, is_plain


class Watched:
    """A monitor in memory: its settings, its standing, its latest check, and when it is due.

    `is_read` says that its last check of before the start was read, whether or not there was one.
    """

    __slots__ = (
        *("due", "evidence", "host", "in_flight", "is_read", "joined", "last", "monitor", "phase", "plain"),
        *("queued", "target", "version"),
    )

    def __init__(self, monitor: Monitor) -> None:
        self.last: Check | None = None
        self.is_read = False
        self.evidence = Evidence()
        self.due: int | None = None
        self.in_flight = False
        self.queued = False
        self.joined: asyncio.Future[Check | None] | None = None
        self.version = 0
        self.target: Target | None = None
        self.settle(monitor)

    def settle(self, monitor: Monitor) -> None:
        """Take over the settings of an edited monitor."""
        self.monitor = monitor
        self.phase = monitor.phase
        self.host = host_of(monitor)
        self.plain = is_plain(monitor)

    @property
    def interval(self) -> int:
        """Milliseconds between two checks."""
        return self.monitor.options.interval_secs * times.SECOND

    def result(self, at: int, seen: Seen, status: CheckStatus, error: str, *, maintenance: bool) -> Check:
        """The check that was made at `at` (milliseconds), what it saw and what that says."""
        last, timings = self.last, seen.timings
        return Check(
            monitor=self.monitor.row,
            at=at,
            status=status,
            held_ms=uptime.held(at, None if last is None else last.at, self.interval),
            status_code=seen.status_code,
            duration_ms=timings.total_ms,
            dns_ms=timings.dns_ms,
            connect_ms=timings.connect_ms,
            tls_ms=timings.tls_ms,
            first_byte_ms=timings.first_byte_ms,
            ssl_expires_at=None if seen.certificate is None else seen.certificate.not_after,
            error=error[:500],
            maintenance=maintenance,
        )

    @property
    def state(self) -> str:
        """The monitor's state, `paused` being one."""
        return "paused" if self.monitor.paused else self.monitor.standing.state
