"""The expiry loops: end runs that never reported back, and turn silence into misses."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.expiry import Expiry
from tickd.services.firing import Firing


def callbacks(firing: Firing, clock: Clock) -> Loop:
    """Ticks at the earliest deadline of a run that was accepted, and when one is accepted."""
    made = Loop("callbacks", firing.expire, clock)
    firing.wake_deadlines = made.wake
    return made


def loop(expiry: Expiry, clock: Clock) -> Loop:
    """Ticks at the earliest deadline of a heartbeat, and when an earlier one is planned."""
    made = Loop("expiry", expiry.tick, clock)
    expiry.wake = made.wake
    return made
