"""The expiry loop: ends runs that were accepted and never reported back."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.firing import Firing


def loop(firing: Firing, clock: Clock) -> Loop:
    """Ticks at the earliest deadline, and when a run is accepted."""
    made = Loop("expiry", firing.expire, clock)
    firing.wake_deadlines = made.wake
    return made
