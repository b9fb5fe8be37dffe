"""Open files: the limit that the system sets, and how calls, checks and callers share it."""

from __future__ import annotations

import resource
from dataclasses import dataclass

MOST = 65_536
"""More than this is not asked for."""
OWN = 64
"""Descriptors for the database, name servers, the log and the like."""
DELIVERIES = 100
"""Channels that are sent to at once, at most."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How many calls, checks, deliveries and connections of callers may be open at once."""

    calls: int
    checks: int
    deliveries: int
    connections: int


def share_out(max_calls: int, max_checks: int) -> Shares:
    """Raise the soft limit to the hard one, and share it: callers must not take what calls need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if 0 <= soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return shares(max(soft, wanted), max_calls, max_checks)


def shares(limit: int, max_calls: int, max_checks: int) -> Shares:
    """The shares of `limit` descriptors; a small one is shared by thirds."""
    third = max(8, (limit - OWN) // 3)
    calls, checks = min(max_calls, third), min(max_checks, third)
    deliveries = min(DELIVERIES, max(8, third // 4))
    return Shares(calls, checks, deliveries, max(16, limit - OWN - calls - checks - deliveries))
