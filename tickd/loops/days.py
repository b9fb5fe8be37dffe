"""The days loop: pings are counted in their days."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.days import Days


def loop(days: Days, clock: Clock) -> Loop:
    """The loop that counts pings."""
    return Loop("days", days.tick, clock)
