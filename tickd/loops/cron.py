"""The cron loop: records and fires what is due."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.firing import Firing


def loop(firing: Firing, clock: Clock) -> Loop:
    """Ticks at the earliest next run of all jobs, and when a job is created, edited or resumed."""
    made = Loop("cron", firing.tick, clock)
    firing.wake = made.wake
    return made
