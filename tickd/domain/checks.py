"""Checks: what one look at a monitor's target found, as it is recorded."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from tickd import ids

CheckStatus = Literal["up", "down", "timeout", "degraded", "unknown"]

STATUSES: tuple[CheckStatus, ...] = get_args(CheckStatus)
"""Every status; the store keeps the place of one in here, so new ones go to the end."""
IN_MAINTENANCE = 16
"""What the store adds to that place where the check was made in maintenance."""

# 22 bits for the monitor's row and 41 for the milliseconds make 63; the 41st lasts until September 2039.
_MONITOR_BITS = 22
_MONITORS = 1 << _MONITOR_BITS


class Check(Struct, frozen=True, kw_only=True):
    """One check; `at` and `ssl_expires_at` are times, `held_ms` is what it vouches for of the time before.

    One in maintenance is recorded like any other, but left out of the uptime.
    """

    monitor: int
    at: int
    status: CheckStatus
    held_ms: int = 0
    status_code: int | None = None
    duration_ms: float | None = None
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    ssl_expires_at: int | None = None
    error: str = ""
    maintenance: bool = False

    @property
    def id(self) -> str:
        """`chk_…`, made of the monitor and the time, so that it is stable and nothing is stored for it."""
        return ids.row_id("chk", self.at << _MONITOR_BITS | self.monitor)


def stored_status(check: Check) -> int:
    """A check's status, and whether it was in maintenance, as the one number that is stored."""
    return STATUSES.index(check.status) + (IN_MAINTENANCE if check.maintenance else 0)


def status_of(stored: int) -> CheckStatus:
    """The status of a stored number, whether in maintenance or not."""
    return STATUSES[stored % IN_MAINTENANCE]


def parse_id(identifier: str) -> tuple[int, int] | None:
    """The (monitor, at) that a check's id says, or None when the text is no such id."""
    number = ids.row_of("chk", identifier)
    return None if number is None else (number % _MONITORS, number >> _MONITOR_BITS)
