"""The backup loop: makes the planned backups."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.backups import Backups

PATIENCE_SECS = 6 * 3600.0
"""A copy of a large file takes its time, and is no loop that hangs."""


def loop(backups: Backups, clock: Clock) -> Loop:
    """Ticks when a backup is due; without a plan, once."""
    return Loop("backup", backups.tick, clock, patience_secs=PATIENCE_SECS)
