"""The uptime loop: begins the checks that are due."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.checking import Checking


def loop(checking: Checking, clock: Clock) -> Loop:
    """Ticks at the earliest due check, and when a monitor is made, resumed or pointed elsewhere."""
    made = Loop("uptime", checking.tick, clock)
    checking.wake = made.wake
    return made
